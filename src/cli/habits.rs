//! Wrong arguments: clap's message in the language of the program, and what to write for arguments of psql, DuckDB and SQLite.

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use portraitdb::{Language, printable};

use super::language;

/// Arguments that other programs take, and what to write here.
const OF_OTHERS: &[(&[&str], &str)] = &[
    (&["-v", "--variable"], "--set name=value sets a variable; a script stops at its first error"),
    (&["--file", "-init", "--init"], "portrait run file.sql runs a script"),
    (
        &["-A", "-t", "-x", "-H", "-P", "--csv", "-csv", "--json", "-json", "--html", "-html"],
        "-f csv sets the format; -f json, markdown and others exist too",
    ),
    (
        &["-box", "-table", "-column", "-line", "-list", "-markdown", "-jsonlines"],
        "-f table sets the format; -f json, markdown and others exist too",
    ),
    (
        &["-U", "-p", "-W", "-w", "--host", "--port", "--username"],
        "--connect postgresql://user@host:port/portrait connects to a server",
    ),
    (&["-l", "--list"], "a database is a folder; portrait -d FOLDER opens it"),
    (&["-e", "-s", "-q", "--command"], "-c 'SELECT 1' runs a statement"),
    (&["-readonly", "--readonly"], "the permissions of the folder decide who can write; a role with SELECT alone cannot"),
];

/// Formats of DuckDB and SQLite that begin as `-c` does, and so would be run as a statement.
const BEGIN_AS_STATEMENT: [&str; 2] = ["-csv", "-column"];

/// The error for such a format before `--`.
pub(super) fn format_for_statement(command: &clap::Command, arguments: impl Iterator<Item = OsString>) -> Option<clap::Error> {
    let before = arguments.take_while(|argument| argument != "--");
    let format = before
        .filter_map(|argument| argument.into_string().ok())
        .find(|argument| BEGIN_AS_STATEMENT.contains(&argument.as_str()))?;
    let mut error = clap::Error::new(ErrorKind::UnknownArgument).with_cmd(command);
    error.insert(ContextKind::InvalidArg, ContextValue::String(format));
    Some(error)
}

/// The whole message about wrong arguments.
pub(super) fn message(error: &clap::Error, language: Language) -> String {
    let said: String = error.render().to_string().lines().map(|line| localized(line, language) + "\n").collect();
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    match advice(error, &arguments) {
        Some(advice) => format!("{}\n{}\n", printable(&said), language::line(language, "note", &advice)),
        None => printable(&said).to_string(),
    }
}

/// A line of clap's message.
fn localized(line: &str, language: Language) -> String {
    if language == Language::En {
        return line.to_string();
    }
    let text = line.trim_start();
    let indent = &line[..line.len() - text.len()];
    let said = match text.split_once(": ") {
        Some(("error", rest)) => language::line(language, "error", rest),
        Some(("tip", rest)) => language::line(language, "note", rest),
        Some(("Usage", rest)) => format!("{}{}{rest}", language.text("Usage"), language.colon()),
        _ => language.message(text).into_owned(),
    };
    format!("{indent}{said}")
}

/// What to write instead.
fn advice(error: &clap::Error, arguments: &[String]) -> Option<String> {
    let given = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let wrong = given(ContextKind::InvalidArg)?;
            // Of `-json` clap names `-j` only.
            let whole = arguments.iter().find(|argument| argument.starts_with(wrong)).map_or(wrong, String::as_str);
            let of =
                |word: &str| OF_OTHERS.iter().find(|(names, _)| names.contains(&word)).map(|(_, advice)| (*advice).to_string());
            of(whole).or_else(|| of(wrong))
        }
        ErrorKind::InvalidSubcommand => {
            let word = given(ContextKind::InvalidSubcommand)?;
            Some(match word {
                _ if word.contains(' ') => format!("portrait -c \"{word}\" runs a statement"),
                _ if ends_as_script(word) => format!("portrait run {word} runs a script"),
                _ if ends_as_data(word) => format!("portrait -c \"FROM '{word}'\" reads a file"),
                _ => format!("portrait -d {word} opens the database in the folder {word}"),
            })
        }
        ErrorKind::InvalidValue => {
            let file = given(ContextKind::InvalidValue).filter(|value| ends_as_script(value))?;
            Some(format!("-f is the format; portrait run {file} runs a script"))
        }
        _ => None,
    }
}

fn ends_as_script(word: &str) -> bool {
    Path::new(word).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("sql"))
}

fn ends_as_data(word: &str) -> bool {
    let kinds = ["csv", "tsv", "txt", "json", "ndjson", "jsonl", "parquet", "xlsx"];
    Path::new(word).extension().is_some_and(|ending| kinds.iter().any(|kind| ending.eq_ignore_ascii_case(kind)))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Arguments;
    use super::*;

    fn told(arguments: &[&str]) -> Option<String> {
        let all: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let error = Arguments::command().try_get_matches_from(std::iter::once("portrait").chain(arguments.iter().copied()));
        advice(&error.unwrap_err(), &all)
    }

    #[test]
    fn habits_of_other_programs_are_answered() {
        for (arguments, part) in [
            (&["-v", "ON_ERROR_STOP=1"][..], "--set name=value"),
            (&["-f", "a.sql"], "portrait run a.sql"),
            (&["a.sql"], "portrait run a.sql"),
            (&["SELECT 1"], "portrait -c \"SELECT 1\""),
            (&["crm"], "portrait -d crm"),
            (&["orders.csv"], "portrait -c \"FROM 'orders.csv'\""),
            (&["-json"], "-f csv sets the format"),
        ] {
            let told = told(arguments);
            assert!(told.as_ref().is_some_and(|told| told.contains(part)), "{arguments:?}: {told:?}");
        }
        assert_eq!(told(&["--nothing"]), None);
        let given = ["-csv", "-c", "SELECT 1"].map(OsString::from);
        let error = format_for_statement(&Arguments::command(), given.into_iter()).unwrap();
        assert!(advice(&error, &["-csv".into()]).unwrap().contains("-f csv"));
        let given = ["-c", "SELECT 1", "--", "-csv"].map(OsString::from);
        assert!(format_for_statement(&Arguments::command(), given.into_iter()).is_none());
    }

    #[test]
    fn messages_of_the_parser_are_in_chinese() {
        for line in [
            "error: unexpected argument '-v' found",
            "error: unrecognized subcommand 'crm'",
            "error: invalid value 'x' for '--format <FORMAT>'",
            "  [possible values: table, csv]",
            "  tip: a similar argument exists: '--version'",
            "error: a value is required for '--database <DIR>' but none was supplied",
            "error: the following required arguments were not provided:",
            "error: the argument '--json' cannot be used with '--csv'",
            "Usage: portrait [OPTIONS]",
            "For more information, try '--help'.",
        ] {
            let said = localized(line, Language::Zh);
            let english = ["unexpected", "invalid", "possible", "similar", "required", "cannot", "Usage", "try", "error", "tip"];
            assert!(!english.iter().any(|word| said.contains(word)), "{said}");
        }
    }
}
