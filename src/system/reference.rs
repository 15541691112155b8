//! The reference as files, made from the pages of functions, statements and settings.

use std::fmt::Write;

use datafusion::config::ExtensionOptions;

use super::tasks::{by_name, by_task, link};
use super::{dialects, markdown, pages, statement_pages};
use crate::docs::Doc;
use crate::functions;
use crate::language::Language;
use crate::objects::profile_tables;
use crate::settings::PortraitSettings;

/// The generated reference: one page per domain of functions, one for statements, one for settings, and two indexes.
pub fn reference() -> Vec<(String, String)> {
    let mut contents = String::new();
    let mut files = vec![];
    let mut all: Vec<(&'static Doc, &'static str)> = vec![];
    let mut add = |file: &'static str, title: &str, docs: Vec<&'static Doc>| {
        let names: Vec<String> = docs.iter().map(|doc| format!("`{}`", doc.name)).collect();
        let _ = writeln!(contents, "- [{title}]({file}.md): {}", names.join(", "));
        let pages: Vec<String> = docs.iter().map(|doc| doc.markdown(Language::En)).collect();
        files.push((format!("{file}.md"), format!("# {title}\n\n{}", pages.join("\n"))));
        all.extend(docs.into_iter().map(|doc| (doc, file)));
    };
    for set in functions::all() {
        add(set.name, set.title, set.docs());
    }
    add("files", "Files in FROM", crate::files::readers());
    add("statements", "Statements", statement_pages());
    add("profiles", "Tables of profiles and segments", profile_tables::DOCS.iter().collect());
    let mut settings = String::from(
        "# Settings\n\n`SET name = value` changes one for the session, `SHOW name` tells it.\n\n| setting | default | meaning |\n|---|---|---|\n",
    );
    for entry in PortraitSettings::default().entries() {
        let _ = writeln!(settings, "| `{}` | {} | {} |", entry.key, entry.value.unwrap_or_default(), entry.description);
    }
    for doc in pages::SETTING_PAGES.iter() {
        let _ = write!(settings, "\n{}", doc.markdown(Language::En));
    }
    all.extend(pages::TABLE_PAGES.iter().map(|doc| (doc, "system")));
    all.extend(pages::SETTING_PAGES.iter().map(|doc| (doc, "settings")));
    let file_of = |name: &str| all.iter().find(|(doc, _)| doc.name == name).map_or("", |(_, file)| file);
    files.push(("tasks.md".into(), by_task(Language::En, |name| link(name, file_of(name)))));
    files.push(("names.md".into(), by_name(&all)));
    files.push(("dialects.md".into(), dialects::page()));
    files.push(("system.md".into(), markdown()));
    files.push(("settings.md".into(), settings));
    // The page of the shell is added by the program (the shell is not part of this library).
    files.push((
        "README.md".into(),
        format!(
            "# Reference\n\n\
             Made from the program by `portrait docs`; do not edit. Look a page up [by what you want to do](tasks.md) or [by its name](names.md).\n\n\
             {contents}\
             - [System tables](system.md)\n\
             - [Settings](settings.md)\n\
             - [Shell](shell.md)\n\
             - [Coming from DuckDB, PostgreSQL, MySQL, Snowflake, BigQuery](dialects.md)\n"
        ),
    ));
    files
}
