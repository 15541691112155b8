//! `portrait docs`: the reference on disk, written or compared; the results of its examples.

use std::io::Write;
use std::path::Path;

use portraitdb::Language;

use super::console::Failure;
use super::shell::markdown;

/// Writes the reference to `folder`, or fails when it differs.
pub(super) fn write(folder: &Path, check: bool) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::Error(format!("{}: {error}", folder.display()));
    let mut files = portraitdb::reference();
    files.push(("shell.md".to_string(), markdown(Language::En)));
    files.push(("zh/shell.md".to_string(), markdown(Language::Zh)));
    if check {
        for (name, text) in &files {
            let path = folder.join(name);
            if std::fs::read_to_string(&path).ok().as_ref() != Some(text) {
                return Err(Failure::Error(format!("{}: is stale; run `cargo run -- docs`", path.display())));
            }
        }
        return Ok(());
    }
    // The Chinese pages have a folder of their own.
    std::fs::create_dir_all(folder.join("zh")).map_err(fail)?;
    for (name, text) in &files {
        std::fs::write(folder.join(name), text).map_err(fail)?;
    }
    Ok(())
}

/// Runs the examples of all pages, and writes their results for the next build.
pub(super) fn run_examples() -> Result<(), Failure> {
    let file = Path::new("src/docs/results.json");
    let fail = |error: std::io::Error| Failure::Error(format!("{}: {error}", file.display()));
    let results = portraitdb::example_results(Path::new("."), |_| true)?;
    let mut text = serde_json::to_string_pretty(&results).map_err(|error| fail(error.into()))?;
    text.push('\n');
    std::fs::write(file, text).map_err(fail)?;
    Ok(writeln!(std::io::stdout(), "{} results in {}; build the program again", results.len(), file.display())?)
}
