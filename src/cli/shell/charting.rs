//! `\\chart`: a result as a chart of characters.

use datafusion::arrow::compute::concat_batches;
use portraitdb::{ChartRequest, draw_in_terminal};

use super::super::console::Failure;
use super::super::screen;
use super::{Next, Outcome, Shell};

/// `[KIND] [x=COLUMN] [y=COLUMN,…] [series=COLUMN]`, of the query before it or of the last result.
pub fn run(shell: &mut Shell, argument: &str) -> Outcome {
    let wrong = |problem: String| Failure::Error(format!("\\chart: {problem}"));
    let mut asked = ChartRequest::default();
    for word in argument.split_whitespace() {
        match word.split_once('=') {
            None if asked.kind.is_none() => asked.kind = Some(word.to_string()),
            Some(("x", name)) => asked.x = Some(name.to_string()),
            Some(("y", names)) => asked.y = names.split(',').map(str::to_string).collect(),
            Some(("series", name)) => asked.series = Some(name.to_string()),
            _ => return Err(wrong(format!("takes a kind, x=COLUMN, y=COLUMN and series=COLUMN, got \"{word}\""))),
        }
    }
    if !shell.pending.trim().is_empty() {
        let query = shell.query().to_string();
        shell.run_query(&query)?;
    }
    let kept = shell.console.kept.as_ref().and_then(|kept| kept.get(None));
    let Some(result) = kept else { return Err(wrong("there is no result yet; write a query before it".into())) };
    let rows = concat_batches(&result.schema, &result.batches).map_err(|error| wrong(error.to_string()))?;
    let language = shell.console.language();
    let drawn = draw_in_terminal(&rows, asked, screen::width(), shell.color, language).map_err(wrong)?;
    shell.console.show(&drawn).map(|()| Next::Go)
}
