//! The direction of dependencies: `main → cli → engine → profiles → sql → functions → catalog → kernels`, with `error`, `docs` and `settings` as
//! leaves; domains do not know one another.

use std::path::{Path, PathBuf};

const LAYERS: [(&str, &[&str]); 10] = [
    ("error", &[]),
    ("settings", &[]),
    ("docs", &["error"]),
    ("kernels", &[]),
    ("catalog", &["error"]),
    ("functions", &["catalog", "kernels", "error", "docs", "settings"]),
    ("sql", &["functions", "catalog", "kernels", "error", "docs", "settings"]),
    ("profiles", &["sql", "functions", "catalog", "kernels", "error", "docs", "settings"]),
    ("engine", &["profiles", "sql", "functions", "catalog", "kernels", "error", "docs", "settings"]),
    ("lib", &["profiles", "sql", "functions", "catalog", "kernels", "error", "docs", "settings", "engine"]),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn arrows_never_turn_back() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut looked_at = 0;
    for file in files(&source) {
        let path = file.strip_prefix(&source).unwrap().display().to_string();
        let layer = path.split(['/', '.']).next().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        if matches!(layer, "cli" | "main") {
            assert!(!text.contains("crate::engine") && !text.contains("crate::functions"), "{path} reaches past the engine");
            continue;
        }
        let allowed = LAYERS.iter().find(|(name, _)| *name == layer).map(|(_, allowed)| *allowed);
        let allowed = allowed.unwrap_or_else(|| panic!("{path}: the layer {layer} has no place in the house; add it to LAYERS"));
        let code = text.lines().enumerate().filter(|(_, text)| !text.trim_start().starts_with("//"));
        for (line, text) in code {
            for used in text.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
                let own = used == layer || layer == "lib";
                assert!(own || allowed.contains(&used.as_str()), "{path}:{}: {layer} must not use {used}", line + 1);
                looked_at += 1;
            }
            if layer == "functions" {
                domains_stay_apart(&path, line, text);
            }
        }
    }
    assert!(looked_at > 50);
}

fn domains_stay_apart(path: &str, line: usize, text: &str) {
    let domains = ["rfm", "basket", "tags", "segment", "model", "sample"];
    let Some(own) = domains.iter().find(|domain| path.starts_with(&format!("functions/{domain}/"))) else { return };
    for other in domains.iter().filter(|domain| *domain != own) {
        assert!(!text.contains(&format!("functions::{other}")), "{path}:{}: {own} must not use {other}", line + 1);
    }
}
