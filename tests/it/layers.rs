//! The direction of dependencies: every room uses only rooms below it in the table of the crate documentation, and domains do not use one
//! another.

use std::path::{Path, PathBuf};

/// The room of algorithms, which have no engine beneath them.
const ALGORITHMS: &str = "kernels";

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The rooms from top to bottom: the first column of the table in `lib.rs`.
fn rooms() -> Vec<String> {
    let text = std::fs::read_to_string(source().join("lib.rs")).unwrap();
    let table = text.lines().skip_while(|line| !line.starts_with("//! | folder |")).skip(2);
    let rows = table.map_while(|line| line.strip_prefix("//! | `"));
    rows.map(|row| row.split('`').next().unwrap().to_string()).collect()
}

#[test]
fn arrows_never_turn_back() {
    let (source, rooms) = (source(), rooms());
    let place = |room: &str| rooms.iter().position(|one| one == room);
    let mut found: Vec<String> = vec![];
    let mut looked_at = 0;
    let is_rust = |file: &PathBuf| file.extension().is_some_and(|ending| ending == "rs");
    for file in files(&source).into_iter().filter(is_rust) {
        let path = file.strip_prefix(&source).unwrap().display().to_string();
        let room = path.split(['/', '.']).next().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        if matches!(room, "cli" | "main") {
            assert!(!text.contains("crate::engine") && !text.contains("crate::functions"), "{path} reaches past the engine");
        }
        if matches!(room, "lib" | "main") {
            continue;
        }
        let own = place(room);
        let own = own.unwrap_or_else(|| panic!("{path}: {room} has no place in the house; add it to the table in src/lib.rs"));
        found.push(room.to_string());
        // The program has its own crate, of which `cli` is all.
        let code = text.lines().enumerate().filter(|(_, text)| room != "cli" && !text.trim_start().starts_with("//"));
        for (line, text) in code {
            for used in text.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
                let is_below = room != ALGORITHMS && place(&used).is_some_and(|used| used > own);
                assert!(used == room || is_below, "{path}:{}: {room} must not use {used}", line + 1);
                looked_at += 1;
            }
            if room == "functions" {
                domains_stay_apart(&path, line, text);
            }
        }
    }
    assert!(looked_at > 50);
    let missing: Vec<&String> = rooms.iter().filter(|room| !found.contains(room)).collect();
    assert!(missing.is_empty(), "the table in src/lib.rs has rooms that are gone: {missing:?}");
}

/// The domains are the folders of `functions`.
fn domains_stay_apart(path: &str, line: usize, text: &str) {
    let folders =
        std::fs::read_dir(source().join("functions")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let domains: Vec<String> = folders.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert!(domains.len() > 5);
    let Some(own) = domains.iter().find(|domain| path.starts_with(&format!("functions/{domain}/"))) else { return };
    for other in domains.iter().filter(|domain| *domain != own) {
        assert!(!text.contains(&format!("functions::{other}")), "{path}:{}: {own} must not use {other}", line + 1);
    }
}
