//! The shell: a prompt, its history, and commands that begin with a backslash.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use portraitdb::{Doc, pages, printable};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};

use super::completion::ShellHelper;
use super::console::{Console, Failure, Script};
use portraitdb::Format;

const HELP: &str = r"Statements end with a semicolon. Tab completes, Ctrl-C stops a query, Ctrl-D leaves.

\d             tables and views          \d NAME    columns of a table
\dt            tables                    \df [TEXT] functions whose name contains TEXT
\h             all pages                 \h NAME    how a function or statement is used
\timing        time of each query        \format F  table, csv, json, ndjson, markdown
\o [FILE]      results to a file / back  \i FILE    run a script
\?             this help                 \q         leave";

/// Reads and runs until the user leaves.
pub(super) fn run(mut console: Console) -> Result<(), Failure> {
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true).build();
    let fail = |error: ReadlineError| Failure::Error(format!("shell: {error}"));
    let mut editor: Editor<ShellHelper, FileHistory> = Editor::with_config(config).map_err(fail)?;
    editor.set_helper(Some(ShellHelper::new(console.engine.clone(), console.session.clone())));
    let history = history_file();
    if let Some(file) = &history {
        let _ = editor.load_history(file);
    }
    println!("Portrait {}. \\? for help, \\q to leave.", env!("CARGO_PKG_VERSION"));
    loop {
        match editor.readline("portrait> ") {
            Ok(line) => {
                let outcome = match line.trim().strip_prefix('\\') {
                    Some(command) => command_line(&mut console, command.trim()),
                    None => console.run(&Script::given(line)).map(|()| Next::Go),
                };
                if let Some(helper) = editor.helper() {
                    helper.forget_names();
                }
                match outcome {
                    Ok(Next::Go) | Err(Failure::BrokenPipe) => {}
                    Ok(Next::Leave) => break,
                    Err(Failure::Interrupted) => eprintln!("interrupted"),
                    Err(Failure::Error(text)) => eprintln!("error: {}", printable(&text)),
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(fail(error)),
        }
    }
    if let Some(file) = &history {
        let made = file.parent().map(std::fs::create_dir_all).transpose().is_ok();
        if !made || editor.save_history(file).is_err() {
            eprintln!("note: the history could not be saved in {}", file.display());
        }
    }
    console.finish()
}

/// `portrait/history` in the user's state directory.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| std::env::home_dir().map(|home| home.join(".local/state")))?;
    Some(state.join("portrait/history"))
}

enum Next {
    Go,
    Leave,
}

fn command_line(console: &mut Console, line: &str) -> Result<Next, Failure> {
    let (command, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let argument = argument.trim().trim_end_matches(';').trim();
    match command.trim_end_matches(';') {
        "q" => return Ok(Next::Leave),
        "?" => println!("{HELP}"),
        "d" if argument.is_empty() => run_sql(console, &tables("BASE TABLE', 'VIEW"))?,
        "d" => run_sql(console, &format!("DESCRIBE {}", as_name(argument)))?,
        "dt" => run_sql(console, &tables("BASE TABLE"))?,
        "df" => {
            let pattern = argument.replace('\'', "''");
            run_sql(
                console,
                &format!(
                    "SELECT name, kind, domain, summary FROM system.functions WHERE contains(name, '{pattern}') ORDER BY domain, name"
                ),
            )?;
        }
        "h" if argument.is_empty() => {
            for doc in pages() {
                println!("{:<24}{}", doc.name, doc.summary);
            }
        }
        "h" => println!("{}", page(argument)?.markdown()),
        "timing" => {
            console.timing = !console.timing;
            println!("timing is {}", if console.timing { "on" } else { "off" });
        }
        "o" => console.write_to((!argument.is_empty()).then(|| Path::new(argument)))?,
        "i" => {
            let script = Script::read(Path::new(argument))?;
            console.run(&script)?;
        }
        "format" => match Format::from_str(argument, true) {
            Ok(format) => console.format = format,
            Err(_) => {
                return Err(Failure::Error(format!(
                    "\\format: must be table, csv, json, ndjson or markdown, got \"{argument}\""
                )));
            }
        },
        other => return Err(Failure::Error(format!("\\{other}: no such command; \\? lists them"))),
    }
    Ok(Next::Go)
}

fn run_sql(console: &mut Console, sql: &str) -> Result<(), Failure> {
    console.run(&Script::given(sql.to_string()))
}

fn tables(kinds: &str) -> String {
    format!(
        "SELECT table_schema AS schema, table_name AS name, CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END AS kind
         FROM information_schema.tables
         WHERE table_schema <> 'information_schema' AND table_type IN ('{kinds}') ORDER BY 1, 2"
    )
}

/// Names that are not plain words stand in quotes.
fn as_name(argument: &str) -> String {
    let is_plain = argument.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '.')
        && !argument.contains(".parquet");
    if is_plain || argument.starts_with(['"', '\'']) {
        argument.to_string()
    } else {
        format!("'{}'", argument.replace('\'', "''"))
    }
}

fn page(name: &str) -> Result<&'static Doc, Failure> {
    let found = pages().into_iter().find(|doc| doc.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        let near: Vec<&str> =
            pages().iter().map(|doc| doc.name).filter(|page| page.to_lowercase().contains(&name.to_lowercase())).collect();
        let advice = if near.is_empty() { "\\h lists all pages".to_string() } else { format!("there is {}", near.join(", ")) };
        Failure::Error(format!("\\h {name}: no such page; {advice}"))
    })
}
