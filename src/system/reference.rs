//! The reference as files, made from the pages of functions, statements and settings.

use std::fmt::Write;

use datafusion::config::ExtensionOptions;

use super::{dialects, markdown, statement_pages};
use crate::docs::Doc;
use crate::functions;
use crate::language::Language;
use crate::settings::PortraitSettings;

/// The reference, derived: one page a domain, one for statements, one for settings.
pub fn reference() -> Vec<(String, String)> {
    let mut index = String::from("# Reference\n\nMade from the program by `portrait docs`; do not edit.\n\n");
    let mut files = vec![];
    let mut add = |file: &str, title: &str, docs: &[&Doc]| {
        let _ = writeln!(
            index,
            "- [{title}]({file}.md): {}",
            docs.iter().map(|doc| format!("`{}`", doc.name)).collect::<Vec<_>>().join(", ")
        );
        let pages: Vec<String> = docs.iter().map(|doc| doc.markdown(Language::En)).collect();
        files.push((format!("{file}.md"), format!("# {title}\n\n{}", pages.join("\n"))));
    };
    for set in functions::all() {
        add(set.name, set.title, &set.docs());
    }
    add("files", "Files in FROM", &crate::files::readers());
    add("statements", "Statements", &statement_pages());
    let mut settings = String::from(
        "# Settings\n\n`SET name = value` changes one for the session, `SHOW name` tells it.\n\n| setting | default | meaning |\n|---|---|---|\n",
    );
    for entry in PortraitSettings::default().entries() {
        let _ = writeln!(settings, "| `{}` | {} | {} |", entry.key, entry.value.unwrap_or_default(), entry.description);
    }
    // The program has the page of its shell.
    index.push_str("- [System tables](system.md)\n- [Settings](settings.md)\n- [Shell](shell.md)\n");
    index.push_str("- [Coming from DuckDB, PostgreSQL, MySQL, Snowflake, BigQuery](dialects.md)\n");
    files.push(("dialects.md".into(), dialects::page()));
    files.push(("system.md".into(), markdown()));
    files.push(("settings.md".into(), settings));
    files.push(("README.md".into(), index));
    files
}
