//! The direction of dependencies, as drawn in the crate documentation: every room uses only rooms below it, and domains do not use one
//! another. Each room is listed with the rooms that it may use.

use std::path::{Path, PathBuf};

/// Each room, and the rooms that it may use.
const LAYERS: [(&str, &[&str]); 36] = [
    ("language", &[]),
    ("error", &["language", "text"]),
    ("calendar", &[]),
    ("opaque", &[]),
    ("environment", &[]),
    ("encryption", &["error"]),
    ("settings", &["encryption", "error", "language"]),
    ("text", &["walk"]),
    ("walk", &[]),
    ("passwords", &["error"]),
    ("postgres_settings", &["error", "settings"]),
    ("postgres_types", &[]),
    ("postgres_catalog", &["postgres_types"]),
    ("temporary", &[]),
    ("docs", &["error", "language"]),
    ("charts", &["language"]),
    ("formats", &["charts", "text"]),
    ("report", &["charts", "error", "language", "formats", "kernels", "text"]),
    ("files", &["adapter", "docs", "encryption", "error", "opaque", "formats", "text", "walk"]),
    ("databases", &["files", "environment", "error", "opaque", "settings", "text"]),
    ("kernels", &[]),
    ("catalog", &["encryption", "error", "opaque", "settings", "temporary", "text"]),
    ("adapter", &["catalog", "encryption", "kernels", "error", "docs", "settings", "text", "walk"]),
    ("aggregation", &["adapter", "kernels", "error", "settings", "walk"]),
    (
        "builtins",
        &["calendar", "kernels", "error", "postgres_types", "postgres_catalog", "postgres_settings", "settings", "text", "walk"],
    ),
    ("learning", &["adapter", "catalog", "kernels", "error", "docs", "settings", "text"]),
    (
        "functions",
        &["builtins", "learning", "adapter", "catalog", "kernels", "error", "docs", "language", "settings", "text", "walk"],
    ),
    ("statement", &["adapter", "catalog", "environment", "error", "opaque", "postgres_catalog", "postgres_settings", "settings"]),
    (
        "sql",
        &[
            "statement",
            "files",
            "functions",
            "builtins",
            "aggregation",
            "adapter",
            "catalog",
            "kernels",
            "error",
            "opaque",
            "docs",
            "postgres_settings",
            "postgres_catalog",
            "postgres_types",
            "settings",
            "text",
            "walk",
        ],
    ),
    (
        "refresh",
        &[
            "sql",
            "statement",
            "functions",
            "builtins",
            "learning",
            "adapter",
            "catalog",
            "kernels",
            "error",
            "opaque",
            "docs",
            "settings",
            "text",
            "walk",
        ],
    ),
    (
        "objects",
        &[
            "refresh",
            "calendar",
            "databases",
            "files",
            "sql",
            "statement",
            "functions",
            "learning",
            "adapter",
            "catalog",
            "error",
            "opaque",
            "docs",
            "passwords",
            "postgres_settings",
            "settings",
            "text",
            "walk",
        ],
    ),
    (
        "system",
        &[
            "language",
            "objects",
            "refresh",
            "files",
            "sql",
            "statement",
            "functions",
            "adapter",
            "catalog",
            "error",
            "opaque",
            "docs",
            "builtins",
            "postgres_catalog",
            "postgres_settings",
            "postgres_types",
            "settings",
            "text",
        ],
    ),
    (
        "distributed",
        &[
            "engine",
            "refresh",
            "sql",
            "functions",
            "builtins",
            "learning",
            "adapter",
            "catalog",
            "error",
            "docs",
            "settings",
            "text",
            "walk",
        ],
    ),
    (
        "engine",
        &[
            "calendar",
            "language",
            "system",
            "objects",
            "refresh",
            "charts",
            "report",
            "databases",
            "encryption",
            "environment",
            "files",
            "formats",
            "sql",
            "statement",
            "functions",
            "learning",
            "adapter",
            "catalog",
            "error",
            "opaque",
            "docs",
            "passwords",
            "postgres_settings",
            "postgres_types",
            "settings",
            "temporary",
            "text",
            "walk",
        ],
    ),
    ("scheduler", &["engine", "error", "text"]),
    ("server", &["engine", "error", "opaque", "passwords", "postgres_types", "text"]),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn arrows_never_turn_back() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut looked_at = 0;
    let is_rust = |file: &PathBuf| file.extension().is_some_and(|ending| ending == "rs");
    for file in files(&source).into_iter().filter(is_rust) {
        let path = file.strip_prefix(&source).unwrap().display().to_string();
        let layer = path.split(['/', '.']).next().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        if matches!(layer, "cli" | "main") {
            assert!(!text.contains("crate::engine") && !text.contains("crate::functions"), "{path} reaches past the engine");
            continue;
        }
        if layer == "lib" {
            continue;
        }
        let allowed = LAYERS.iter().find(|(name, _)| *name == layer).map(|(_, allowed)| *allowed);
        let allowed = allowed.unwrap_or_else(|| panic!("{path}: the layer {layer} has no place in the house; add it to LAYERS"));
        let code = text.lines().enumerate().filter(|(_, text)| !text.trim_start().starts_with("//"));
        for (line, text) in code {
            for used in text.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
                assert!(used == layer || allowed.contains(&used.as_str()), "{path}:{}: {layer} must not use {used}", line + 1);
                looked_at += 1;
            }
            if layer == "functions" {
                domains_stay_apart(&path, line, text);
            }
        }
    }
    assert!(looked_at > 50);
}

/// The domains are the folders of `functions`.
fn domains_stay_apart(path: &str, line: usize, text: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/functions");
    let folders = std::fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let domains: Vec<String> = folders.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert!(domains.len() > 5);
    let Some(own) = domains.iter().find(|domain| path.starts_with(&format!("functions/{domain}/"))) else { return };
    for other in domains.iter().filter(|domain| *domain != own) {
        assert!(!text.contains(&format!("functions::{other}")), "{path}:{}: {own} must not use {other}", line + 1);
    }
}
