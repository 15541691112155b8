//! The terminal: its size, its colours, and the pager for longer output.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use portraitdb::display_width;
use rustyline::DefaultEditor;

use super::signals::Elsewhere;

/// When colours are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

impl Color {
    /// Whether standard output gets colours.
    pub(super) fn is_on(self) -> bool {
        let is_wanted = || std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match self {
            Self::Auto => io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|name| name != "dumb") && is_wanted(),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Columns and rows of the terminal, if standard output is one.
pub(super) fn size() -> Option<(usize, usize)> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let (columns, rows) = DefaultEditor::new().ok()?.dimensions()?;
    (columns > 0 && rows > 0).then_some((columns.into(), rows.into()))
}

/// Columns for text: those of the terminal, or a readable number.
pub(super) fn width() -> usize {
    size().map_or(100, |(columns, _)| columns)
}

/// The command of the pager: that of PORTRAIT_PAGER or PAGER, or `less` where it is installed. Nothing, and `cat`, mean none.
fn command() -> Option<String> {
    if let Some(chosen) = ["PORTRAIT_PAGER", "PAGER"].iter().find_map(|name| std::env::var(name).ok()) {
        return Some(chosen).filter(|chosen| !matches!(chosen.trim(), "" | "cat"));
    }
    is_installed("less").then(|| "less".to_string())
}

/// True for a program that is found in PATH.
pub(super) fn is_installed(program: &str) -> bool {
    found(program).is_some()
}

fn found(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The state of the pager, for the code that writes to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Pager(Arc<PagerState>);

#[derive(Debug, Default)]
struct PagerState {
    is_open: AtomicBool,
    is_left: AtomicBool,
}

impl Pager {
    /// True when the screen is the pager's.
    pub(super) fn is_open(&self) -> bool {
        self.0.is_open.load(Ordering::SeqCst)
    }

    /// True when the reader has left it.
    pub(super) fn is_left(&self) -> bool {
        self.0.is_left.load(Ordering::SeqCst)
    }
}

/// Writes to the screen what fits on it, and the rest to the pager. The output appears when this is dropped, which waits for the pager.
pub(super) struct Pages {
    held: Vec<u8>,
    size: (usize, usize),
    child: Option<(Child, Elsewhere)>,
    input: Option<ChildStdin>,
    pager: Pager,
    command: Option<String>,
}

impl Pages {
    /// For a terminal of this size.
    pub(super) fn new(size: (usize, usize)) -> (Self, Pager) {
        let pager = Pager::default();
        (Self { held: vec![], size, child: None, input: None, pager: pager.clone(), command: command() }, pager)
    }

    /// Whether the held output needs more than the screen, minus the prompt and the typed line.
    fn is_too_much(&self) -> bool {
        let (columns, rows) = self.size;
        let text = String::from_utf8_lossy(&self.held);
        let mut taken = 0;
        for line in text.lines() {
            taken += display_width(&without_colors(line)).max(1).div_ceil(columns);
            if taken + 2 > rows {
                return true;
            }
        }
        false
    }

    /// Starts the pager with the held output; without a pager it goes to the screen.
    fn open(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        if let Some(command) = self.command.take() {
            let mut pager = Command::new("sh");
            pager.arg("-c").arg(&command).stdin(Stdio::piped());
            // Options of less: long lines scroll instead of wrapping, colours are shown, output that fits needs no key, the screen keeps what was read.
            if std::env::var_os("LESS").is_none() {
                pager.env("LESS", "-SRFX");
            }
            let elsewhere = Elsewhere::new();
            if let Ok(mut child) = pager.spawn() {
                self.input = child.stdin.take();
                self.child = Some((child, elsewhere));
                self.pager.0.is_open.store(true, Ordering::SeqCst);
            }
        }
        match &mut self.input {
            Some(input) => told(input.write_all(&held), &self.pager),
            None => io::stdout().write_all(&held),
        }
    }
}

fn told(written: io::Result<()>, pager: &Pager) -> io::Result<()> {
    if written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        pager.0.is_left.store(true, Ordering::SeqCst);
    }
    written
}

impl Write for Pages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(input) = &mut self.input {
            told(input.write_all(bytes), &self.pager)?;
        } else if self.command.is_none() {
            let held = std::mem::take(&mut self.held);
            let mut screen = io::stdout();
            screen.write_all(&held)?;
            screen.write_all(bytes)?;
        } else {
            self.held.extend_from_slice(bytes);
            if self.is_too_much() {
                self.open()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.input {
            Some(input) => told(input.flush(), &self.pager),
            None => Ok(()),
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.input.take();
        match self.child.take() {
            Some((mut child, _elsewhere)) => {
                let _ = child.wait();
            }
            // Errors do not matter: the terminal is closed.
            None => {
                let _ = io::stdout().write_all(&self.held).and_then(|()| io::stdout().flush());
            }
        }
    }
}

/// A text without its colour escapes.
pub(super) fn without_colors(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..place]);
        rest = &rest[place + 2..];
        rest = rest.find('m').map_or("", |end| &rest[end + 1..]);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_the_screen_is_too_much() {
        let held = |text: &str| {
            let (mut pages, _) = Pages::new((10, 5));
            pages.held = text.into();
            let is_too_much = pages.is_too_much();
            pages.held.clear();
            is_too_much
        };
        assert!(!held("a\nb\nc\n") && held("a\nb\nc\nd\n"));
        assert!(!held("客户客户客\nb\nc\n") && held("客户客户客户\nb\nc\n"), "a line that wraps takes two");
        assert!(!held("\u{1b}[31ma\u{1b}[0m\nb\nc\n"));
        assert_eq!(without_colors("\u{1b}[1;34mSELECT\u{1b}[0m 1"), "SELECT 1");
    }
}
