//! `\h`: pages of the reference, and the search in them.

use std::fmt::Write;

use datafusion::arrow::array::RecordBatch;
use portraitdb::{Doc, Language, cells, display_width, pages, tasks, tasks_page, wrapped};

use super::super::console::Failure;
use super::super::screen;
use super::page::{Look, rendered};
use super::{Next, Outcome, Shell};

pub fn run(shell: &mut Shell, name: &str) -> Outcome {
    let look = Look { width: screen::width(), color: shell.color };
    let text = match name {
        "" => list(&pages(), look, shell.console.session.language()),
        "tasks" => rendered(&tasks_page(shell.console.session.language()), look),
        name => found(shell, name, look)?,
    };
    shell.console.show(&text).map(|()| Next::Go)
}

/// The page with that name, or a list of pages that contain the words.
fn found(shell: &Shell, name: &str, look: Look) -> Result<String, Failure> {
    let language = shell.console.session.language();
    let wanted = name.trim_matches(['"', '\'', '`']).trim_end_matches("()").to_lowercase();
    let all = pages();
    if let Some(doc) = all.iter().find(|doc| doc.name.to_lowercase() == wanted) {
        return Ok(rendered(&doc.markdown(language), look));
    }
    if let Some(page) = of_engine(shell, &wanted) {
        return Ok(rendered(&page, look));
    }
    let named: Vec<&'static Doc> = all.iter().copied().filter(|doc| doc.name.to_lowercase().contains(&wanted)).collect();
    if let [only] = named.as_slice() {
        return Ok(rendered(&only.markdown(language), look));
    }
    let has_words = |doc: &&'static Doc| {
        let for_tasks = tasks().filter(|(_, names)| names.contains(&doc.name)).map(|(task, _)| language.text(task));
        let text = for_tasks.fold(doc.markdown(language), |text, task| text + "\n" + task).to_lowercase();
        !named.iter().any(|known| known.name == doc.name) && wanted.split_whitespace().all(|word| text.contains(word))
    };
    let told: Vec<&'static Doc> = all.iter().copied().filter(has_words).collect();
    let tells = || language.message(&format!("Pages that mention {name}:")).into_owned();
    match (named.as_slice(), told.as_slice()) {
        ([], []) => {
            let near = all.iter().map(|doc| doc.name).min_by_key(|known| strsim::levenshtein(&known.to_lowercase(), &wanted));
            let near = near.filter(|known| strsim::levenshtein(&known.to_lowercase(), &wanted) <= 3);
            let advice = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
            Err(Failure::Error(format!("\\h {name}: there is no page for it; {advice}\\h lists all pages, \\df all functions")))
        }
        ([], [only]) => Ok(rendered(&only.markdown(language), look)),
        ([], told) => Ok(format!("{}\n{}", tells(), list(told, look, language))),
        (named, []) => Ok(list(named, look, language)),
        (named, told) => Ok(format!("{}\n{}\n{}", list(named, look, language), tells(), list(told, look, language))),
    }
}

/// DataFusion's description of an SQL function.
fn of_engine(shell: &Shell, name: &str) -> Option<String> {
    let sql = format!(
        "SELECT DISTINCT function_type, coalesce(description, ''), coalesce(syntax_example, '') FROM information_schema.routines
         WHERE routine_name = '{}' LIMIT 1",
        name.replace('\'', "''")
    );
    let console = &shell.console;
    let rows: Vec<RecordBatch> = console.engine.block_on(console.session.sql(&sql)).ok()?;
    let row = rows.iter().find_map(|batch| cells(batch).ok()?.into_iter().next())?;
    let [kind, description, syntax] = <[String; 3]>::try_from(row).ok()?;
    let syntax = if syntax.is_empty() { String::new() } else { format!("```sql\n{syntax}\n```\n\n") };
    Some(format!("## {name}\n\n{syntax}{description}\n\nA {} function of SQL.\n", kind.to_lowercase()))
}

/// Pages with their summaries, by domain.
fn list(docs: &[&'static Doc], look: Look, language: Language) -> String {
    let names = docs.iter().map(|doc| display_width(doc.name)).max().unwrap_or(0);
    let mut text = String::new();
    let mut domain = None;
    for doc in docs {
        let own = if doc.domain.is_empty() { "statements" } else { doc.domain };
        if domain != Some(own) && docs.len() > 1 {
            let _ = writeln!(text, "{}{own}", if domain.is_some() { "\n" } else { "" });
            domain = Some(own);
        }
        let space = look.width.saturating_sub(names + 4).max(20);
        for (place, line) in wrapped(language.text(doc.summary), space).into_iter().enumerate() {
            let name = if place == 0 { doc.name } else { "" };
            let _ = writeln!(text, "  {name}{}  {line}", " ".repeat(names - display_width(name)));
        }
    }
    text
}
