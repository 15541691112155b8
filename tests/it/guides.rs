//! The guides: every block of SQL and of shell commands runs unchanged, starting from an empty folder, and prints what the page shows.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{portrait, run};

/// A fenced block of a page.
struct Block {
    /// The language after the fence: `sql`, `sh`, `text` …
    kind: String,
    text: String,
    line: usize,
}

fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (vec![], None);
    for (line, text) in (1..).zip(page.lines()) {
        match (&mut open, text.strip_prefix("```")) {
            (None, Some(kind)) => open = Some(Block { kind: kind.trim().to_string(), text: String::new(), line }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(text);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

fn trimmed(text: &str) -> String {
    text.trim_end().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Runs the blocks of a page in order: SQL on the database `crm` in the folder, `sh` as commands in the folder if `with_commands`. A `text`
/// block is the output of the block before it; `sql error` fails with the text that follows, which the Chinese page has in Chinese.
fn follow(page: &Path, with_commands: bool) {
    let name = page.file_name().unwrap().to_string_lossy().to_string();
    let folder = tempfile::tempdir().unwrap();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_portrait"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let chinese = std::fs::read_to_string(page.parent().unwrap().join("zh").join(&name)).ok().map(|page| blocks(&page));
    let blocks = blocks(&std::fs::read_to_string(page).unwrap());
    assert!(blocks.iter().filter(|block| block.kind.starts_with("sql")).count() > 3, "{name}");
    for (number, block) in blocks.iter().enumerate() {
        let place = format!("{name}:{}", block.line);
        let shown = blocks.get(number + 1).filter(|next| next.kind == "text").map(|next| trimmed(&next.text));
        let fails = block.kind == "sql error";
        let mut command = match block.kind.as_str() {
            "sql" | "sql error" => {
                let mut command = portrait();
                command.args(["--database", "crm", "-f", "table", "-c", &block.text]);
                command
            }
            "sh" if with_commands => {
                let mut command = Command::new("sh");
                command.args(["-ec", &block.text]).env("LC_ALL", "C.UTF-8");
                command
            }
            _ => continue,
        };
        if fails && let Some(shown) = chinese.as_ref().and_then(|chinese| chinese.get(number + 1)) {
            // In a copy, because some statements that fail are recorded.
            let copy = tempfile::tempdir().unwrap();
            run(Command::new("cp").arg("-r").arg(folder.path().join(".")).arg(copy.path()));
            let mut again = portrait();
            again.args(["--database", "crm", "-f", "table", "-c", &block.text]).env("LC_ALL", "zh_CN.UTF-8");
            let (_, _, err) = run(again.current_dir(copy.path()));
            let (printed, shown) = (trimmed(&err), trimmed(&shown.text));
            assert!(printed == shown, "{place} prints in Chinese\n{printed}\ninstead of\n{shown}");
        }
        let (code, out, err) = run(command.current_dir(folder.path()).env("PATH", &path));
        assert!((code != 0) == fails, "{place}: exit code {code}\n{out}{err}");
        let printed = trimmed(if fails { &err } else { &out });
        if let Some(shown) = shown {
            assert!(printed == shown, "{place} prints\n{printed}\ninstead of\n{shown}");
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The first query in README, in both languages, returns the result shown below it.
#[test]
fn the_first_query_of_readme() {
    for page in ["README.md", "README.zh.md"] {
        let page = std::fs::read_to_string(root().join(page)).unwrap();
        let blocks = blocks(&page);
        let [query, shown, ..] = blocks.as_slice() else { panic!("two blocks") };
        assert_eq!((query.kind.as_str(), shown.kind.as_str()), ("sql", "text"));
        let (code, out, err) = run(portrait().args(["-f", "table", "-c", &query.text]));
        assert!(code == 0 && trimmed(&out) == trimmed(&shown.text), "{out}{err}");
    }
}

/// The pages in a folder, by their names.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.sort();
    pages
}

/// The Chinese guides have the blocks of the English ones in the same order, so what runs one of them has run the other. Errors are in
/// the language of the guide.
#[test]
fn guides_in_chinese_have_the_same_blocks() {
    let folder = root().join("sql/guides");
    let names = |pages: Vec<PathBuf>| pages.iter().map(|page| page.file_name().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(pages(&folder)), names(pages(&folder.join("zh"))));
    for english in pages(&folder) {
        let chinese = folder.join("zh").join(english.file_name().unwrap());
        let read = |path: &Path| blocks(&std::fs::read_to_string(path).unwrap());
        let (english, other) = (read(&english), read(&chinese));
        let place = chinese.display();
        let mut is_error = false;
        for (one, other) in english.iter().zip(&other) {
            let is_same = one.kind == other.kind && (is_error || one.text == other.text);
            assert!(is_same, "{place}:{}: differs from line {}", other.line, one.line);
            is_error = one.kind == "sql error";
        }
        assert_eq!(english.len(), other.len(), "{place}");
    }
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// Every link between the READMEs, the guides and the reference leads to a file, and to a heading where it names one.
#[test]
fn links_lead_somewhere() {
    let mut from = vec![root().join("README.md"), root().join("README.zh.md"), root().join("CONTRIBUTING.md")];
    from.extend(pages(&root().join("sql/guides")));
    from.extend(pages(&root().join("sql/guides/zh")));
    let mut lost = vec![];
    for page in from {
        let text = std::fs::read_to_string(&page).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let found = match heading {
                None => target.exists(),
                Some(heading) => {
                    let text = std::fs::read_to_string(&target).unwrap_or_default();
                    text.lines().any(|line| line.starts_with('#') && anchor(line) == heading)
                }
            };
            if !found {
                lost.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

/// What the page about the shell lets its reader type prints what the page shows.
#[test]
fn examples_of_the_shell() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, errors) = run(portrait().current_dir(folder.path()).args(["docs", "reference"]));
    assert_eq!(code, 0, "{errors}");
    let blocks = blocks(&std::fs::read_to_string(folder.path().join("reference/shell.md")).unwrap());
    let examples: Vec<&[Block]> = blocks.chunks_exact(2).collect();
    assert!(examples.len() > 3, "{}", examples.len());
    for example in examples {
        let [typed, shown] = example else { panic!("two blocks") };
        let keys = folder.path().join("typed.sql");
        std::fs::write(&keys, &typed.text).unwrap();
        let (code, out, err) = run(portrait().env_remove("COLUMNS").stdin(std::fs::File::open(&keys).unwrap()));
        assert!(code == 0 && trimmed(&out) == trimmed(&shown.text), "{}{out}{err}", typed.text);
    }
}

fn guide(name: &str) {
    follow(&root().join("sql/guides").join(name).with_extension("md"), true);
}

/// The SQL of README runs in the order in which it stands, from an empty folder. Its commands start servers and builds.
#[test]
fn the_sql_of_readme() {
    follow(&root().join("README.md"), false);
}

macro_rules! guides {
    ($($name:ident),+) => {
        $(#[test]
        fn $name() {
            guide(stringify!($name));
        })+

        #[test]
        fn every_guide_is_followed() {
            let followed = [$(stringify!($name)),+, "README"];
            for page in pages(&root().join("sql/guides")) {
                let name = page.file_stem().unwrap().to_string_lossy().to_string();
                assert!(followed.contains(&name.as_str()), "sql/guides/{name}.md is not in the list of tests/it/guides.rs");
            }
        }
    };
}

guides!(first_hour, tag_table, baskets_to_offers, unnamed_groups, who_leaves, coming_from);
