//! The results of the examples in the reference, made by running them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use tempfile::tempdir;

use super::{Engine, EngineOptions, pages};
use crate::error::failed;
use crate::formats::{Blocks, Format, ResultWriter, TableStyle};

/// The number of result rows that a page shows.
const ROWS: usize = 6;
/// The number of lines a result may take; of a longer one, a single row is shown.
const LINES: usize = 20;
/// The width of a line in characters.
const WIDTH: usize = 110;

/// Runs the examples of the chosen pages, each in a database of its own, and formats the result of its
/// last statement. Examples without rows are omitted. Relative paths start from `base`; files that an example writes are discarded.
///
/// # Errors
/// An example fails; the error names its page.
pub fn example_results(base: &Path, chosen: impl Fn(&str) -> bool) -> Result<BTreeMap<&'static str, String>> {
    let mut results = BTreeMap::new();
    for (name, example) in pages()
        .into_iter()
        .filter(|doc| chosen(doc.name))
        .flat_map(|doc| doc.examples.iter().map(move |example| (doc.name, *example)))
    {
        let named = |error: &dyn std::fmt::Display| failed(name, format!("{error}\n{example}"));
        // Plans show the number of partitions, which would otherwise depend on the machine.
        let engine = Engine::open(EngineOptions { partitions: Some(2), ..EngineOptions::default() })?;
        let written = tempdir().map_err(|error| named(&error))?;
        let base = if example.contains("COPY ") { written.path() } else { base };
        let session = engine.session()?.with_base(base);
        let rows = engine.block_on(session.sql(example)).map_err(|error| named(&crate::error::message(&error)))?;
        let text = shown(&rows).map_err(|error| named(&error))?;
        if !text.is_empty() {
            results.insert(example, text);
        }
    }
    Ok(results)
}

fn shown(rows: &[RecordBatch]) -> std::io::Result<String> {
    let Some(first) = rows.iter().find(|batch| batch.num_columns() > 0 && batch.num_rows() > 0) else { return Ok(String::new()) };
    let table = |most| {
        let mut text = vec![];
        let style = TableStyle { most, width: Some(WIDTH), blocks: Blocks::WhenWide };
        let mut writer = ResultWriter::new(Format::Table, Box::new(&mut text), Arc::clone(&first.schema()), style)?;
        rows.iter().try_for_each(|batch| writer.write(batch))?;
        writer.finish()?;
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().map(|line| match line.split_once(" rows, the first ") {
            // How to see all rows does not belong on the page.
            Some((count, _)) => format!("… {count} rows)"),
            None => line.trim_end().to_string(),
        });
        Ok::<_, std::io::Error>(lines.collect::<Vec<_>>().join("\n"))
    };
    let text = table(ROWS)?;
    if text.lines().count() > LINES { table(1) } else { Ok(text) }
}
