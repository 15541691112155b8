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

/// Runs the blocks of a page in order: SQL on the database `crm` in the folder, `sh` as commands in the folder. A `text` block is the output
/// of the block before it; `sql error` fails with the text that follows.
fn follow(page: &Path) {
    let name = page.file_name().unwrap().to_string_lossy().to_string();
    let folder = tempfile::tempdir().unwrap();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_portrait"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
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
            "sh" => {
                let mut command = Command::new("sh");
                command.args(["-ec", &block.text]).env("LC_ALL", "C.UTF-8");
                command
            }
            _ => continue,
        };
        let (code, out, err) = run(command.current_dir(folder.path()).env("PATH", &path));
        assert!((code != 0) == fails, "{place}: exit code {code}\n{out}{err}");
        let printed = trimmed(if fails { &err } else { &out });
        if let Some(shown) = shown {
            assert!(printed == shown, "{place} prints\n{printed}\ninstead of\n{shown}");
        }
    }
}

/// The first query in README returns the result shown below it.
#[test]
fn the_first_query_of_readme() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let blocks = blocks(&page);
    let [query, shown, ..] = blocks.as_slice() else { panic!("two blocks") };
    assert_eq!((query.kind.as_str(), shown.kind.as_str()), ("sql", "text"));
    let (code, out, err) = run(portrait().args(["-f", "table", "-c", &query.text]));
    assert!(code == 0 && trimmed(&out) == trimmed(&shown.text), "{out}{err}");
}

fn guide(name: &str) {
    follow(&Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/guides").join(name).with_extension("md"));
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
            for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/guides")).unwrap() {
                let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().to_string();
                assert!(followed.contains(&name.as_str()), "sql/guides/{name}.md is not in the list of tests/it/guides.rs");
            }
        }
    };
}

guides!(first_hour, tag_table, baskets_to_offers, unnamed_groups, who_leaves, coming_from);
