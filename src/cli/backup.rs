//! `portrait backup` and `portrait restore`: save a database as one file, and restore it.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use portraitdb::{Engine, MasterKeys, Saved, restore, restore_encrypted};

use super::console::Failure;

/// Takes the directory of the database from `DIR TO ARCHIVE`, and leaves the archive.
pub(super) fn directory(words: &mut Vec<PathBuf>) -> Result<Option<PathBuf>, Failure> {
    let directory = match words.as_slice() {
        [directory, _] => Some(directory.clone()),
        [directory, to, _] if to.as_os_str().eq_ignore_ascii_case("to") => Some(directory.clone()),
        [_, _, _] => return Err(Failure::Error("backup: names one database and one file: backup DIR TO ARCHIVE".into())),
        _ => None,
    };
    words.drain(..words.len().saturating_sub(1));
    Ok(directory)
}

/// Saves the database. Ctrl-C ends the program and leaves no partial archive.
pub(super) fn back_up(engine: &Engine, archive: &Path) -> Result<(), Failure> {
    let bar = Bar::new();
    let saved = engine.back_up(archive, &|done, total| bar.show(done, total));
    bar.0.finish_and_clear();
    tell("saved", saved?, archive)
}

/// Restores a database from an archive.
pub(super) fn bring_back(
    archive: &Path,
    directory: &Path,
    encrypted: Option<(&MasterKeys, Option<&str>)>,
) -> Result<(), Failure> {
    let bar = Bar::new();
    let watch = |done, total| bar.show(done, total);
    let saved = match encrypted {
        Some((keys, id)) => restore_encrypted(archive, directory, keys, id, &watch),
        None => restore(archive, directory, &watch),
    };
    bar.0.finish_and_clear();
    tell("restored", saved?, directory)
}

fn tell(done: &str, saved: Saved, place: &Path) -> Result<(), Failure> {
    let (files, bytes, place) = (saved.files, HumanBytes(saved.bytes), place.display());
    Ok(writeln!(std::io::stdout(), "{done}: {files} files, {bytes}, {place}")?)
}

/// Shows the progress on a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let target = if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {eta} left") {
            bar.set_style(style);
        }
        Self(bar)
    }

    fn show(&self, done: u64, total: u64) -> bool {
        self.0.set_length(total);
        self.0.set_position(done);
        true
    }
}
