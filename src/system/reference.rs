//! The reference as files, made from the pages of functions, statements and settings.

use std::fmt::Write;

use datafusion::config::ExtensionOptions;

use super::tasks::{by_name, by_task, link};
use super::{dialects, markdown, pages, setting_pages, statement_pages};
use crate::docs::Doc;
use crate::functions;
use crate::language::Language;
use crate::objects::profile_tables;
use crate::settings::PortraitSettings;

const ABOUT_SETTINGS: &str = "\
`SET name = value` changes a setting until the session ends, `SHOW name` shows its value, and `RESET name` sets its default again. To set one each time, put the
SET at the beginning of your script. A server can limit what the sessions of a role may set: [CREATE ROLE](statements.md#create-role).";

/// The generated reference: one page per domain of functions, one for statements, one for settings, and two indexes. The Chinese pages are in
/// the folder `zh`.
pub fn reference() -> Vec<(String, String)> {
    let mut files = pages_in(Language::En);
    files.extend(pages_in(Language::Zh).into_iter().map(|(name, text)| (format!("zh/{name}"), text)));
    files
}

fn pages_in(language: Language) -> Vec<(String, String)> {
    let mut contents = String::new();
    let mut files = vec![];
    let mut all: Vec<(&'static Doc, &'static str)> = vec![];
    let mut add = |file: &'static str, title: &'static str, docs: Vec<&'static Doc>| {
        let title = language.text(title);
        let names: Vec<String> = docs.iter().map(|doc| format!("`{}`", doc.name)).collect();
        let _ = writeln!(contents, "- [{title}]({file}.md){}{}", language.colon(), names.join(", "));
        let pages: Vec<String> = docs.iter().map(|doc| doc.markdown(language)).collect();
        files.push((format!("{file}.md"), format!("# {title}\n\n{}", pages.join("\n"))));
        all.extend(docs.into_iter().map(|doc| (doc, file)));
    };
    for set in functions::all() {
        add(set.name, set.title, set.docs());
    }
    add("files", "Files in FROM", crate::files::readers());
    add("statements", "Statements", statement_pages());
    add("profiles", "Tables of profiles and segments", profile_tables::DOCS.iter().collect());
    let mut settings = format!(
        "# {}\n\n{}\n\n{}\n|---|---|---|---|\n",
        language.text("Settings"),
        language.text(ABOUT_SETTINGS),
        language.text("| setting | takes | default | meaning |"),
    );
    for entry in PortraitSettings::default().entries() {
        let meaning = language.text(entry.description);
        let takes = PortraitSettings::takes(&entry.key).unwrap_or_default();
        let (takes, default) = (language.filling(&takes), entry.value.unwrap_or_default());
        let _ = writeln!(settings, "| `{}` | {takes} | {default} | {meaning} |", entry.key);
    }
    for doc in setting_pages::SETTING_PAGES.iter() {
        let _ = write!(settings, "\n{}", doc.markdown(language));
    }
    all.extend(pages::TABLE_PAGES.iter().map(|doc| (doc, "system")));
    all.extend(setting_pages::SETTING_PAGES.iter().map(|doc| (doc, "settings")));
    let file_of = |name: &str| all.iter().find(|(doc, _)| doc.name == name).map_or("", |(_, file)| file);
    files.push(("tasks.md".into(), by_task(language, |name| link(name, file_of(name)))));
    files.push(("names.md".into(), by_name(language, &all)));
    files.push(("system.md".into(), markdown(language)));
    files.push(("settings.md".into(), settings));
    // The dialects are shown by statements and errors, which are in English.
    let (other, of_dialects) = match language {
        Language::En => ("[中文](zh/README.md)", "dialects"),
        Language::Zh => ("[English](../README.md)", "../dialects"),
    };
    if language == Language::En {
        files.push(("dialects.md".into(), dialects::page()));
    }
    let entry = |title: &'static str, file: &str| format!("- [{}]({file}.md)\n", language.text(title));
    // The page of the shell is added by the program (the shell is not part of this library).
    let further = [
        entry("System tables", "system"),
        entry("Settings", "settings"),
        entry("Shell", "shell"),
        entry("Coming from DuckDB, PostgreSQL, MySQL, Snowflake, BigQuery", of_dialects),
    ];
    let about = "Made from the program by `portrait docs`; do not edit. Look a page up [by what you want to do](tasks.md) or \
                 [by its name](names.md).";
    let (title, about, further) = (language.text("Reference"), language.text(about), further.concat());
    files.push(("README.md".into(), format!("# {title}\n\n{about}\n\n{other}\n\n{contents}{further}")));
    files
}
