//! Chinese: the catalogue has exactly the texts that the program can show; messages, notes and pages are in the language of the session.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use datafusion::config::ExtensionOptions;
use portraitdb::{Language, PortraitSettings, message, pages};

use crate::support::{portrait, rows, run, session};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ends: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, ends, found);
        } else if path.to_str().unwrap().ends_with(ends) {
            found.push(path);
        }
    }
    found.sort();
}

/// The room of a source file, which is the name of its file in the catalogue.
fn room(path: &Path) -> String {
    let path = path.strip_prefix(root().join("src")).unwrap().with_extension("");
    let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
    match parts.as_slice() {
        ["functions", domain, _, ..] => format!("functions/{domain}"),
        [room, ..] => (*room).to_string(),
        [] => unreachable!(),
    }
}

/// Each text of two or more words in the source, with the first room that contains it.
fn texts_of_source() -> BTreeMap<String, String> {
    let (mut paths, mut texts) = (vec![], BTreeMap::new());
    files(&root().join("src"), ".rs", &mut paths);
    for path in
        paths.iter().filter(|path| !path.iter().any(|part| part.to_str().unwrap().trim_end_matches(".rs").ends_with("tests")))
    {
        for text in source::texts(&std::fs::read_to_string(path).unwrap()) {
            texts.entry(text).or_insert_with(|| room(path));
        }
    }
    texts
}

fn catalogue() -> BTreeMap<String, BTreeMap<String, String>> {
    let (folder, mut paths) = (root().join("src/language/zh"), vec![]);
    files(&folder, ".json", &mut paths);
    let name = |path: &Path| path.strip_prefix(&folder).unwrap().with_extension("").to_str().unwrap().to_string();
    paths.iter().map(|path| (name(path), serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())).collect()
}

/// What `src/language/zh/help.json` has: texts that are documentation comments in the source.
fn texts_of_help() -> BTreeSet<String> {
    PortraitSettings::default().entries().into_iter().map(|entry| entry.description.to_string()).collect()
}

/// Texts that are not prose: fragments of SQL, names of operators, titles of papers.
fn not_for_people() -> BTreeSet<String> {
    let path = root().join("tests/it/language/not_for_people.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn no_text_is_missing_and_none_is_left_over() {
    let (said, catalogue, silent) = (texts_of_source(), catalogue(), not_for_people());
    assert!(said.len() > 3000, "{}", said.len());
    let is_known = |text: &String| catalogue.values().any(|room| room.contains_key(text)) || silent.contains(text);
    let missing: Vec<String> = said
        .iter()
        .filter(|(text, _)| !is_known(text))
        .map(|(text, room)| format!("src/language/zh/{room}.json: {}", serde_json::to_string(text).unwrap()))
        .collect();
    assert!(
        missing.is_empty(),
        "{} texts have no translation, and are not in tests/it/language/not_for_people.json:\n{}",
        missing.len(),
        missing.join("\n")
    );
    let of_program =
        catalogue.iter().filter(|(room, _)| !["help", "kinds"].contains(&room.as_str())).flat_map(|(_, texts)| texts.keys());
    let left: Vec<&String> = of_program.chain(&silent).filter(|text| !said.contains_key(*text)).collect();
    assert!(left.is_empty(), "{} texts are not in the source any more: {left:#?}", left.len());
}

/// Every kind of object has its word in Chinese, and no other is there.
#[test]
fn kinds_are_in_chinese() {
    let is_of_kind = |doc: &&'static portraitdb::Doc| doc.syntax.contains("[IF NOT EXISTS]");
    let pages = pages().into_iter().filter(is_of_kind);
    let kinds: BTreeSet<String> = pages.filter_map(|doc| doc.name.strip_prefix("CREATE ")).map(str::to_lowercase).collect();
    let told: BTreeSet<String> = catalogue()["kinds"].keys().cloned().collect();
    assert_eq!(told, kinds);
}

#[test]
fn pages_and_settings_are_in_chinese() {
    let is_chinese = |text: &str| text.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter));
    let mut missing = vec![];
    for doc in pages() {
        let own = [doc.summary, doc.description].into_iter();
        let arguments = doc.arguments.iter().map(|argument| argument.text);
        let texts = own.chain(arguments).chain(doc.columns.iter().map(|column| column.text));
        // Formulas and lists of values are the same in every language.
        let is_prose = |text: &&str| source::words(&text.split('`').step_by(2).collect::<String>()) > 1;
        missing.extend(texts.filter(is_prose).filter(|text| !is_chinese(Language::Zh.text(text))).map(str::to_string));
    }
    missing.extend(texts_of_help().into_iter().filter(|text| !is_chinese(Language::Zh.text(text))));
    assert!(missing.is_empty(), "{} texts: {missing:#?}", missing.len());
}

#[test]
fn the_last_error_is_in_the_language_that_the_script_has_set() {
    for (locale, set, told) in [("zh_CN.UTF-8", "en", "error: nothing: no such table"), ("C.UTF-8", "zh", "错误：nothing：")]
    {
        let script = format!("SET portrait.language = '{set}'; SELECT * FROM nothing");
        let (code, _, errors) = run(portrait().env("LC_ALL", locale).args(["-c", &script]));
        assert_eq!(code, 1, "{errors}");
        assert!(errors.starts_with(told), "{errors}");
    }
}

#[test]
fn the_note_about_a_file_is_in_chinese() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), "a;b\n1;x\n").unwrap();
    let mut command = portrait();
    command.current_dir(folder.path()).env("LC_ALL", "zh_CN.UTF-8").args(["-c", "DESCRIBE 'a.csv'"]);
    let (code, _, notes) = run(&mut command);
    let told = "a.csv：分隔符为 ';'，utf-8，首行为列名；类型根据所有行，共 1 行推断。要改用其他设置：FROM read_csv(";
    assert!(code == 0 && notes.contains(told), "{notes}");
}

/// Error messages, which are composed of several texts, contain no English except names.
#[test]
fn messages_come_in_the_language_of_the_session() {
    let (engine, session) = session();
    let fails = |sql: &str| message(&engine.block_on(session.sql(sql)).unwrap_err());
    assert!(fails("SELECT * FROM rfm(sample_orders(rows => 10))").contains("is missing"));
    assert_eq!(rows(&engine, &session, "SHOW portrait.language").len(), 1);
    engine.block_on(session.sql("SET portrait.language = 'zh'")).unwrap();
    assert_eq!(session.language(), Language::Zh);
    let said = fails("SELECT * FROM rfm(sample_orders(rows => 10))");
    assert!(said.starts_with("rfm：缺少 customer；"), "{said}");
    let said = fails("SET portrait.language = 'fr'");
    assert!(said.contains("'en' 或 'zh'"), "{said}");
    engine.block_on(session.sql("SET portrait.language = 'en'")).unwrap();
    assert!(fails("SET portrait.language = 'fr'").contains("must be 'en' or 'zh'"));
}
