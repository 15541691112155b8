//! The shell: a prompt, its history, and commands that begin with a backslash.

mod blocks;
mod charting;
mod clipboard;
mod commands;
mod completion;
mod edit;
mod forgetting;
mod help;
mod highlight;
mod input;
mod keywords;
mod lexer;
mod listing;
mod names;
mod options;
mod page;
mod repeated;
mod sources;
mod variables;

use std::path::PathBuf;

use portraitdb::{Blocks, Language, printable};
use rustyline::error::ReadlineError;
use rustyline::history::{FileHistory, History};
use rustyline::{ColorMode, CompletionType, Config, Editor};

use super::console::{Console, Failure};
use super::kept::Kept;
use super::parameters::Parameter;
use super::script::Script;
use super::signals;
pub(super) use commands::markdown;
use completion::ShellHelper;
use highlight::{BOLD, PLAIN};
use input::{Item, Open, cut};
use variables::Variables;

/// What to do after a command.
enum Next {
    Go,
    Leave,
    /// Run statements that were written elsewhere.
    Run(String),
    /// Let the user complete a statement at the prompt.
    Type(String),
}

type Outcome = Result<Next, Failure>;

/// A console with the state of its commands.
pub(super) struct Shell {
    console: Console,
    variables: Variables,
    color: bool,
    /// False while a script runs.
    is_typed: bool,
    /// The last query, as it was typed.
    last: String,
    /// The incomplete statement before the current command.
    pending: String,
    /// How rows were shown before `\x` turned blocks on.
    blocks_before: Blocks,
}

impl Shell {
    pub(super) fn new(console: Console, parameters: &[Parameter], color: bool) -> Self {
        let (last, pending) = (String::new(), String::new());
        Self {
            console,
            variables: Variables::new(parameters),
            color,
            is_typed: false,
            last,
            pending,
            blocks_before: Blocks::WhenWide,
        }
    }

    /// The query that commands refer to: the one being typed, or the last one.
    fn query(&self) -> &str {
        if self.pending.trim().is_empty() { &self.last } else { &self.pending }
    }

    /// Runs statements as they were typed.
    fn run_query(&mut self, sql: &str) -> Outcome {
        self.last = sql.trim().to_string();
        self.console.run(&Script::given(self.variables.put_into(sql))).map(|()| Next::Go)
    }

    fn run_command(&mut self, line: &str, pending: &str) -> Outcome {
        let (command, argument) = commands::find(line)?;
        self.pending = pending.to_string();
        let outcome = (command.run)(self, argument);
        self.pending.clear();
        outcome
    }

    /// Runs typed or pasted text, up to the first error.
    fn take(&mut self, text: &str) -> Outcome {
        let items = cut(text, true).items;
        let all = items.len();
        for (place, item) in items.into_iter().enumerate() {
            let outcome = match item {
                Item::Statements { sql, .. } => self.run_query(&sql),
                Item::Command { line, pending, .. } => self.run_command(&line, &pending),
            };
            match outcome {
                Ok(Next::Go) => {}
                Ok(next) => return Ok(next),
                Err(failure) => {
                    if place + 1 < all && !matches!(failure, Failure::BrokenPipe) {
                        tell(&failure, self.color, self.console.session.language());
                        return Err(Failure::Error("what was typed after it was not run".into()));
                    }
                    return Err(failure);
                }
            }
        }
        Ok(Next::Go)
    }

    /// Runs a script, which may have commands between its statements. Errors show the file and the line.
    fn run_script(&mut self, sql: &str, file: Option<&str>) -> Outcome {
        let mut parts = cut(sql, false);
        if !parts.items.iter().any(|item| matches!(item, Item::Command { .. })) {
            return self.console.run(&Script::part(&self.variables.put_into(sql), file, 0)).map(|()| Next::Go);
        }
        let draws = |item: &Item| matches!(item, Item::Command { line, .. } if line.starts_with("\\chart"));
        if parts.items.iter().any(draws) {
            self.console.kept.get_or_insert_default();
        }
        let lines = sql.lines().count();
        if !parts.rest.trim().is_empty() {
            let lines_before = lines.saturating_sub(parts.rest.trim_end().lines().count());
            parts.items.push(Item::Statements { sql: std::mem::take(&mut parts.rest), lines_before });
        }
        for item in parts.items {
            let next = match item {
                Item::Statements { sql, lines_before } => {
                    let sql = self.variables.put_into(&sql);
                    self.console.run(&Script::part(&sql, file, lines_before)).map(|()| Next::Go)?
                }
                Item::Command { line, pending, lines_before } => {
                    self.run_command(&line, &pending).map_err(|failure| match (failure, file) {
                        (Failure::Error(problem), Some(file)) => {
                            Failure::Error(format!("{file}:{}: {problem}", lines_before + 1))
                        }
                        (failure, _) => failure,
                    })?
                }
            };
            if !matches!(next, Next::Go) {
                return Ok(next);
            }
        }
        Ok(Next::Go)
    }

    /// Runs a text with shell commands, for `-c` and for piped input.
    pub(super) fn run_text(&mut self, text: &str) -> Result<(), Failure> {
        self.run_script(text, None).map(|_| ()).map_err(|failure| self.console.said(failure))
    }

    /// Call this when everything has succeeded.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.console.finish()
    }

    /// Reads and runs until the user leaves.
    pub(super) fn converse(mut self) -> Result<(), Failure> {
        signals::stay();
        self.console.is_paged = true;
        self.is_typed = true;
        self.console.kept = Some(Kept::default());
        let fail = |error: ReadlineError| Failure::Error(format!("shell: {error}"));
        let mut editor = editor(&self.console, self.color).map_err(fail)?;
        let history = history_file();
        if let Some(file) = &history {
            let _ = editor.load_history(file);
        }
        let welcome = format!("Portrait {}. \\? for help, \\q to leave.", env!("CARGO_PKG_VERSION"));
        println!("{}", self.console.session.language().message(&welcome));
        let (mut typed, mut initial) = (String::new(), String::new());
        loop {
            if let Some(helper) = editor.helper_mut() {
                helper.begin_line(&typed, &self.variables);
            }
            let plain = prompt(cut(&typed, true).open);
            let styled = format!("{BOLD}{plain}{PLAIN}");
            match editor.readline_with_initial(&(plain, styled), (&std::mem::take(&mut initial), "")) {
                Ok(line) => {
                    typed.push_str(&line);
                    let parts = cut(&typed, true);
                    if !parts.is_ready() {
                        typed.push('\n');
                        continue;
                    }
                    remember(&mut editor, &typed, history.as_ref());
                    let mut text = std::mem::replace(&mut typed, parts.rest);
                    loop {
                        match self.take(&text) {
                            Ok(Next::Go) | Err(Failure::BrokenPipe) => {}
                            Ok(Next::Leave) => return self.console.finish(),
                            Ok(Next::Run(more)) => {
                                remember(&mut editor, &more, history.as_ref());
                                text = more;
                                continue;
                            }
                            Ok(Next::Type(more)) => (typed, initial) = (String::new(), more),
                            Err(failure) => tell(&failure, self.color, self.console.session.language()),
                        }
                        break;
                    }
                    if let Some(helper) = editor.helper() {
                        helper.forget();
                    }
                }
                // An abandoned statement can be recalled from the history.
                Err(ReadlineError::Interrupted) => {
                    remember(&mut editor, &std::mem::take(&mut typed), history.as_ref());
                }
                Err(ReadlineError::Eof) => break,
                Err(error) => return Err(fail(error)),
            }
        }
        self.console.finish()
    }
}

/// True for a text with shell commands.
pub(super) fn has_commands(text: &str) -> bool {
    cut(text, false).items.iter().any(|item| matches!(item, Item::Command { .. }))
}

fn prompt(open: Option<Open>) -> String {
    match open {
        None => "portrait> ".to_string(),
        Some(open) => format!("portrait{} ", open.mark().to_string() + ">"),
    }
}

fn tell(failure: &Failure, color: bool, language: Language) {
    let (red, plain) = if color { ("\u{1b}[31m", PLAIN) } else { ("", "") };
    match failure {
        Failure::Interrupted => eprintln!("{}", language.text("interrupted")),
        Failure::Error(text) => {
            let (word, colon) = (language.text("error"), language.colon());
            eprintln!("{red}{word}{colon}{plain}{}", printable(&language.message(text)));
        }
        Failure::BrokenPipe | Failure::Ended(_) => {}
    }
}

type LineEditor = Editor<ShellHelper, FileHistory>;

fn editor(console: &Console, color: bool) -> rustyline::Result<LineEditor> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .color_mode(if color { ColorMode::Forced } else { ColorMode::Disabled })
        .max_history_size(10_000)?
        .build();
    let mut editor: LineEditor = Editor::with_config(config)?;
    editor.set_helper(Some(ShellHelper::new(console.engine.clone(), console.session.clone(), color)));
    Ok(editor)
}

/// Adds the whole input to the history, and saves it at once, because the shell may be killed.
fn remember(editor: &mut LineEditor, typed: &str, file: Option<&PathBuf>) {
    let without_keys = forgetting::without_keys(typed.trim_start());
    let typed = match &without_keys {
        Some((text, keys)) => {
            forget(editor, keys, file);
            text
        }
        None => typed,
    };
    if typed.trim().is_empty() || !matches!(editor.add_history_entry(typed.trim_end()), Ok(true)) {
        return;
    }
    let Some(file) = file else { return };
    let made = file.parent().map(std::fs::create_dir_all).transpose().is_ok();
    // Reported only once; this shell's history then stays in memory.
    if (!made || editor.append_history(file).is_err()) && editor.history().len() == 1 {
        eprintln!("note: the history could not be saved in {}", file.display());
    }
}

/// Removes entries with one of these keys from the history.
fn forget(editor: &mut LineEditor, keys: &[String], file: Option<&PathBuf>) {
    let Some(file) = file.filter(|_| !keys.is_empty()) else { return };
    match forgetting::forget(file, keys) {
        // Reload it from disk, so that later entries are appended to what is there now.
        Ok(true) if editor.clear_history().is_ok() => drop(editor.load_history(file)),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            eprintln!("note: the keys could not be taken out of the history in {}", file.display());
        }
        _ => {}
    }
}

/// `portrait/history` in the user's state directory.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| std::env::home_dir().map(|home| home.join(".local/state")))?;
    Some(state.join("portrait/history"))
}
