//! Statements with the file they come from.

use std::io;
use std::path::Path;

use portraitdb::without_passwords;

use super::console::Failure;

/// Statements and where they come from.
pub(super) struct Script {
    pub(super) sql: String,
    file: Option<String>,
}

impl Script {
    /// From the command line or a pipe.
    pub(super) fn given(sql: String) -> Self {
        Self { sql, file: None }
    }

    /// A part of a file, which begins after this many lines.
    pub(super) fn part(sql: &str, file: Option<&str>, lines_before: usize) -> Self {
        Self { sql: format!("{}{sql}", "\n".repeat(lines_before)), file: file.map(String::from) }
    }

    /// A text with a name.
    pub(super) fn named(sql: &str, name: &str) -> Self {
        Self { sql: sql.to_string(), file: Some(name.to_string()) }
    }

    /// From a file; - is standard input.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let read = if name == "-" { io::read_to_string(io::stdin()) } else { std::fs::read_to_string(path) };
        match read {
            Ok(sql) => Ok(Self { sql: sql.trim_start_matches('\u{feff}').to_string(), file: Some(name) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::Error(format!("{name}: no such file"))),
            Err(error) => Err(Failure::Error(format!("{name}: {error}"))),
        }
    }

    /// The text, and its file.
    pub(super) fn into_parts(self) -> (String, Option<String>) {
        (self.sql, self.file)
    }

    /// An error with the file, the line and the statement.
    pub(super) fn locate(&self, line: u64, problem: &str, text: Option<&str>) -> Failure {
        let Some(file) = &self.file else { return Failure::Error(problem.to_string()) };
        let statement = text.map_or_else(String::new, |text| {
            let text = without_passwords(text);
            let first: Vec<&str> = text.lines().take(3).collect();
            let more = if text.lines().count() > 3 { "\n  | …" } else { "" };
            format!("\n  | {}{more}", first.join("\n  | "))
        });
        Failure::Error(format!("{file}:{line}: {problem}{statement}"))
    }
}

/// The line of a syntax error, taken from its excerpt or its text.
pub(super) fn line_of(problem: &str) -> u64 {
    let mut told = ["\nLINE ", "line "].into_iter().filter_map(|mark| {
        let (_, rest) = problem.split_once(mark)?;
        rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    });
    told.next().unwrap_or(1)
}
