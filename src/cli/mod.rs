//! The command line: its arguments, and the code that each of them calls.
//!
//! Exit codes: 0 success (also when the reader of the output closed the pipe), 1 a statement failed, 2 wrong arguments,
//! 75 another run holds the lock of `run --lock`, 124 `run --timeout` is over, 130 interrupted by Ctrl-C, 143 ended by SIGTERM, 129 by SIGHUP.

mod audit;
mod backup;
mod check;
mod configuration;
mod console;
mod demo;
mod encryption;
mod generated;
mod habits;
mod kept;
mod language;
mod log;
mod parameters;
mod progress;
mod reference;
mod report;
mod run;
mod schedule;
mod screen;
mod script;
mod serve;
mod shell;
mod signals;

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use portraitdb::{Engine, EngineOptions, Environment, Format, Language, Session, THREAD_NAME, remove_temporary_folders};

use console::{Console, Failure};
use language::SHARED;
use screen::Color;
use script::Script;
use shell::Shell;

/// Customer profiling in SQL.
///
/// Without a command, opens a shell; statements may also come from -c or from a pipe.
#[derive(Debug, Parser)]
#[command(name = "portrait", version, max_term_width = 100, after_help = EXAMPLES, after_long_help = EXAMPLES)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Run these statements and exit.
    #[arg(short = 'c', long = "command", value_name = "SQL", allow_hyphen_values = true)]
    statements: Vec<String>,
    #[command(subcommand)]
    action: Option<Action>,
}

const EXAMPLES: &str = "\
Examples:
  portrait                                              a shell; \\? lists its commands
  portrait -d crm                                       a shell on the database in ./crm
  portrait -c \"SELECT * FROM 'orders.parquet' LIMIT 5\"
  portrait -o top.xlsx -c \"SELECT …\"                   the name says the format
  portrait -d crm run tags.sql --set as_of=2025-06-30   $as_of in the script is a DATE
  portrait -c '\\h rfm'                                  a page of the reference

Exit codes: 0 success, 1 a statement failed, 2 wrong arguments, 75 locked, 124 timed out, 130 interrupted, 143 ended by SIGTERM, 129 by SIGHUP.";

#[derive(Debug, Args)]
struct Common {
    /// The database directory; it is created, with a note, if it does not exist. Without it everything is in memory.
    #[arg(long, short = 'd', value_name = "DIR", global = true, help_heading = SHARED)]
    database: Option<PathBuf>,
    /// The format of results [default: by the name of the output, else table].
    #[arg(long, short = 'f', value_enum, global = true, help_heading = SHARED)]
    format: Option<Format>,
    /// Write results to a file, which appears complete when everything has succeeded; to a pipe or device at once.
    #[arg(long, short = 'o', value_name = "PATH", global = true, help_heading = SHARED)]
    output: Option<PathBuf>,
    /// Give the parameter $name a value: --set as_of=2025-06-30, --set 'city=上海', --set code:text=007.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parameters::parse, global = true, help_heading = SHARED)]
    set: Vec<parameters::Parameter>,
    /// Memory that queries may use before they spill to disk, such as 4GB [default: 70 % of the machine's].
    #[arg(long, value_name = "SIZE", value_parser = parameters::parse_size, global = true, help_heading = SHARED)]
    memory_limit: Option<usize>,
    /// The folder for spilled data and for an in-memory database [default: TMPDIR, or the system's].
    #[arg(long, value_name = "DIR", global = true, help_heading = SHARED)]
    temporary: Option<PathBuf>,
    /// Number of partitions that a query works on at once [default: number of processors].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), global = true, help_heading = SHARED)]
    partitions: Option<u16>,
    #[command(flatten)]
    keys: encryption::Keys,
    /// Run statements on a server: postgresql://ada@host:5432/portrait; the password comes from PGPASSWORD, ~/.pgpass or the URL.
    #[arg(long, value_name = "URL", global = true, help_heading = SHARED, conflicts_with = "database")]
    connect: Option<String>,
    /// When to use colours: auto (on a terminal, unless NO_COLOR is set), always or never.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto, hide_possible_values = true, global = true, help_heading = SHARED)]
    color: Color,
}

impl Common {
    /// Takes the database that a command names itself.
    fn name_database(&mut self, action: &str, directory: Option<PathBuf>) -> Result<(), Failure> {
        match (&self.database, directory) {
            (Some(_), Some(_)) => Err(Failure::Error(format!("{action}: --database names the database already; leave one out"))),
            (None, Some(directory)) => {
                self.database = Some(directory);
                Ok(())
            }
            (_, None) => Ok(()),
        }
    }

    /// The options of an engine, from the command line.
    fn options(&self) -> EngineOptions {
        EngineOptions {
            database: self.database.clone(),
            memory_limit: self.memory_limit,
            partitions: self.partitions.map(usize::from),
            batch_size: None,
            base: std::env::current_dir().ok(),
            role: ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok()),
            environment: Environment::of_process(),
            temporary: self.temporary.clone(),
            keys: self.keys.source(),
            encrypt: false,
            key_id: None,
            language: language::of_environment(),
            until_exit: true,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run script files one after another in one session; stop at the first error.
    #[command(after_help = run::EXAMPLES)]
    Run(run::Run),
    /// Serve the database to other programs, over PostgreSQL's protocol and Arrow Flight SQL: BI tools, notebooks, drivers.
    #[command(after_help = serve::EXAMPLES)]
    Serve(Box<serve::Serve>),
    /// Open a shell that talks to a server, as --connect does.
    #[command(
        after_help = "Examples:\n  portrait connect postgresql://ada@127.0.0.1:5432/portrait\n  portrait --connect postgresql://ada@127.0.0.1/portrait -c 'SHOW PROFILES'"
    )]
    Connect {
        /// postgresql://user@host:port/database
        #[arg(value_name = "URL")]
        url: String,
    },
    /// Write a report on a profile as one page: sections, charts and conclusions, with the SQL of every number; -o names the file.
    #[command(after_help = report::REPORT_EXAMPLES)]
    Report(report::Report),
    /// Write one customer as a page: attributes, tags with their reasons, orders, offers; -o names the file.
    #[command(after_help = report::CARD_EXAMPLES)]
    Card(report::Card),
    /// Run the schedules of the database, without a server.
    #[command(after_help = schedule::EXAMPLES)]
    Schedule(schedule::Schedule),
    /// Create a database in a new or empty directory; with --encrypt, an encrypted one.
    #[command(after_help = encryption::INIT_EXAMPLES)]
    Init(encryption::Init),
    /// Wrap the keys of an encrypted database with another master key, by default the newest, without rewriting its files.
    #[command(after_help = encryption::ROTATE_EXAMPLES)]
    RotateKey(encryption::RotateKey),
    /// Create a master key: add it to the file of --key-file, or print it.
    #[command(after_help = encryption::GENERATE_EXAMPLES)]
    GenerateKey(encryption::GenerateKey),
    /// Show a tour: a sample shop, from its orders to RFM segments.
    #[command(after_help = "Example:\n  portrait demo")]
    Demo,
    /// Print every definition of the database as a script that creates them again, without rows.
    #[command(after_help = "Example:\n  portrait -d crm dump > crm.sql")]
    Dump,
    /// Compare every file of the database with what was written; exit code 1 if anything is damaged or missing.
    #[command(after_help = "Example:\n  portrait -d crm check && echo sound")]
    Check {
        /// The directory of the database, instead of -d.
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    /// Check every record of the audit log; exit code 1 if one was changed, removed, moved or inserted.
    #[command(after_help = audit::EXAMPLES)]
    Audit(audit::Audit),
    /// Save the database in one file while others read and write; never replaces an existing file.
    #[command(after_help = "Example:\n  portrait -d crm backup crm-2025-06-30.backup")]
    Backup {
        /// The new file; DIR TO before it names the directory of the database, instead of -d.
        #[arg(value_name = "ARCHIVE", num_args = 1..=3, required = true)]
        words: Vec<PathBuf>,
    },
    /// Restore a database from a backup in a new or empty directory, comparing every checksum.
    #[command(
        after_help = "Examples:\n  portrait restore crm-2025-06-30.backup ./crm\n  portrait restore crm-2025-06-30.backup ./secret --encrypt --key-file crm.keys"
    )]
    Restore {
        /// The file made by backup.
        #[arg(value_name = "ARCHIVE")]
        archive: PathBuf,
        /// The directory of the database.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// Encrypt the database, which was not encrypted when it was saved.
        #[arg(long)]
        encrypt: bool,
        /// The master key to encrypt with [default: the newest].
        #[arg(long, value_name = "ID", requires = "encrypt")]
        key_id: Option<String>,
    },
    /// Write the reference of all functions, statements and settings as Markdown, in English and Chinese.
    #[command(after_help = "Example:\n  portrait docs ./reference")]
    Docs {
        /// The folder to write to.
        #[arg(default_value = "sql/reference")]
        folder: PathBuf,
        /// Write nothing; fail when the folder differs.
        #[arg(long)]
        check: bool,
        /// In the source of the program: run the examples of all pages again, and write their results to src/docs/results.json, which is
        /// part of the program when it is built.
        #[arg(long, conflicts_with = "check")]
        examples: bool,
    },
    /// Print the completion script of a command line, for bash, zsh, fish and others.
    #[command(after_help = generated::COMPLETIONS)]
    Completions {
        /// The command-line shell that the script is for.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write it and the pages of the commands to a folder.
    #[command(after_help = generated::MANUAL)]
    Man {
        /// The folder to write to.
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    quiet_panics();
    // Development builds fail at the places in FAILPOINTS, so that tests can check what remains.
    let _failing = cfg!(debug_assertions).then(fail::FailScenario::setup);
    let language = language::of_environment();
    let arguments = match arguments(language) {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            // The message contains what was typed, which may include control characters.
            eprint!("{}", habits::message(&error, language));
            return ExitCode::from(2);
        }
        Err(help) => help.exit(),
    };
    signals::watch();
    let ended = run(arguments);
    // Abandoned work may still be running: its temporary files go with the process.
    remove_temporary_folders();
    match ended {
        Ok(()) | Err(Failure::BrokenPipe) => ExitCode::SUCCESS,
        Err(Failure::Interrupted) => {
            eprintln!("{}", language.text("interrupted"));
            ExitCode::from(signals::code())
        }
        Err(Failure::Error(text)) => {
            eprintln!("{}", language::line(language, "error", &text));
            ExitCode::from(1)
        }
        Err(Failure::Ended(code)) => ExitCode::from(code),
    }
}

/// The arguments of the command line and of the option file that it names.
fn arguments(language: Language) -> Result<Arguments, clap::Error> {
    let mut command = language::of_program(Arguments::command(), language);
    if let Some(error) = habits::format_for_statement(&command, std::env::args_os().skip(1)) {
        return Err(error);
    }
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    let arguments = Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    match &arguments.action {
        Some(Action::Serve(asked)) if let Some(file) = &asked.config => configuration::with_file(file, "serve"),
        _ => Ok(arguments),
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { mut common, statements, mut action } = arguments;
    match &mut action {
        Some(Action::Check { directory }) => common.name_database("check", directory.take())?,
        Some(Action::Backup { words }) => common.name_database("backup", backup::directory(words)?)?,
        _ => {}
    }
    if let Some(Action::Docs { folder, check, examples }) = action {
        return if examples { reference::run_examples() } else { reference::write(&folder, check) };
    }
    if let Some(Action::Restore { archive, directory, encrypt, key_id }) = &action {
        let keys = common.keys.source().filter(|_| *encrypt);
        if *encrypt && keys.is_none() {
            let problem = "name where the master key is with --key-file, --key-command, --kms-command or the environment variable PORTRAIT_KEY";
            return Err(Failure::Error(format!("restore: {problem}")));
        }
        return backup::bring_back(archive, directory, keys.as_ref().map(|keys| (keys, key_id.as_deref())));
    }
    match &action {
        Some(Action::Completions { shell }) => return generated::completions(*shell),
        Some(Action::Man { folder }) => return generated::manual(folder.as_deref()),
        Some(Action::GenerateKey(asked)) => return asked.run(&common.keys),
        Some(Action::Init(asked)) => return asked.run(&common),
        _ => {}
    }
    let is_there = common.database.as_deref().is_none_or(is_database);
    match &action {
        Some(Action::Check { .. }) => needs_database("check", common.database.as_deref())?,
        Some(Action::Audit(_)) => needs_database("audit", common.database.as_deref())?,
        Some(Action::Backup { .. }) => needs_database("backup", common.database.as_deref())?,
        Some(Action::RotateKey(_)) => needs_database("rotate-key", common.database.as_deref())?,
        Some(Action::Report(_)) if common.connect.is_none() => needs_database("report", common.database.as_deref())?,
        Some(Action::Card(_)) if common.connect.is_none() => needs_database("card", common.database.as_deref())?,
        Some(Action::Schedule(_)) => needs_database("schedule", common.database.as_deref())?,
        Some(Action::Dump) if !is_there => needs_database("dump", common.database.as_deref())?,
        _ => {}
    }
    let made = common.database.clone().filter(|_| !is_there);
    let is_json = matches!(&action, Some(Action::Run(asked)) if asked.is_json());
    let engine = Engine::open(common.options()).map_err(|error| match Failure::from(error) {
        Failure::Error(problem) if is_json => run::log_not_begun(&problem),
        failure => failure,
    })?;
    if let Some(made) = made {
        // Otherwise a typo in the name would look like an empty database.
        let has_keys = common.keys.source().is_some();
        let plain = if has_keys { "; it is not encrypted; portrait init --encrypt creates one that is" } else { "" };
        let text = format!("there was no database in {}; a new one was created{plain}", made.display());
        match is_json {
            true => run::log_note(&text),
            false => eprintln!("{}", language::line(language::of_environment(), "note", &text)),
        }
    }
    let server = match &action {
        Some(Action::Connect { url }) => Some(url.as_str()),
        _ => common.connect.as_deref(),
    };
    if server.is_some()
        && let Some(
            Action::Check { .. }
            | Action::Audit(_)
            | Action::Backup { .. }
            | Action::Dump
            | Action::Serve(_)
            | Action::Schedule(_)
            | Action::RotateKey(_),
        ) = action
    {
        return Err(Failure::Error("--connect: is only for statements; this command works on the folder of a database".into()));
    }
    match &action {
        Some(Action::Check { .. }) => return check::run(&engine),
        Some(Action::Audit(asked)) => return audit::run(&engine, asked),
        Some(Action::Backup { words }) => return words.iter().try_for_each(|archive| backup::back_up(&engine, archive)),
        Some(Action::RotateKey(asked)) => return asked.run(&engine, &common),
        Some(Action::Serve(asked)) => return serve::run(&engine, asked),
        Some(Action::Schedule(asked)) => return schedule::run(&engine, asked),
        Some(Action::Run(asked)) => return run::run(&engine, asked, &common),
        _ => {}
    }
    let session = session(&engine, server, &common.set)?;
    if let Some(Action::Report(_) | Action::Card(_)) = &action {
        let Some(output) = common.output.as_deref().map(|path| path.display().to_string()) else {
            return Err(Failure::Error("report, card: name the page with -o, such as -o portrait.html".into()));
        };
        let mut console = Console::new(engine, session, common.format, None)?;
        match &action {
            Some(Action::Report(asked)) => asked.run(&mut console, &output)?,
            Some(Action::Card(asked)) => asked.run(&mut console, &output)?,
            _ => {}
        }
        return console.finish();
    }
    let dumped = if matches!(action, Some(Action::Dump)) { session.dump()? } else { String::new() };
    let mut console = Console::new(engine, session, common.format, common.output.as_deref())?;
    match action {
        Some(Action::Demo) => demo::run(&mut console)?,
        Some(Action::Dump) => console.print(&dumped)?,
        _ if !statements.is_empty() => {
            console.is_paged = true;
            if !statements.iter().any(|sql| shell::has_commands(sql)) {
                for sql in statements {
                    console.run(&Script::given(sql)).map_err(|failure| console.said(failure))?;
                }
                return console.finish();
            }
            let mut shell = Shell::new(console, &common.set, common.color.is_on());
            for text in statements {
                shell.run_text(&text)?;
            }
            return shell.finish();
        }
        _ if std::io::stdin().is_terminal() => return Shell::new(console, &common.set, common.color.is_on()).converse(),
        _ => {
            let mut sql = String::new();
            std::io::stdin().read_to_string(&mut sql).map_err(|error| Failure::Error(format!("standard input: {error}")))?;
            if shell::has_commands(&sql) {
                let mut shell = Shell::new(console, &common.set, common.color.is_on());
                shell.run_text(&sql)?;
                return shell.finish();
            }
            console.run(&Script::given(sql)).map_err(|failure| console.said(failure))?;
        }
    }
    console.finish()
}

/// A session with these parameters; on a server, if one is named.
fn session(engine: &Engine, server: Option<&str>, set: &[parameters::Parameter]) -> Result<Session, Failure> {
    let mut session = engine.session()?;
    if let Some(url) = server {
        let (url, environment) = parameters::without_password(url, Environment::of_process());
        session = engine.block_on(session.connected(&url, environment))?;
    }
    for parameter in set {
        session.set_parameter(&parameter.name, parameter.value.clone());
    }
    Ok(session)
}

/// True for a directory that holds a database.
fn is_database(directory: &Path) -> bool {
    directory.join("catalog.sqlite").exists()
}

/// An action that only reads creates no database.
fn needs_database(action: &str, database: Option<&Path>) -> Result<(), Failure> {
    match database {
        None => Err(Failure::Error(format!("{action}: needs a database; add --database DIR"))),
        Some(database) if !is_database(database) => {
            Err(Failure::Error(format!("{action}: there is no database in {}", database.display())))
        }
        Some(_) => Ok(()),
    }
}

/// A panic on an engine thread is reported as its query's error; here it would only be noise.
fn quiet_panics() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |information| {
        if std::thread::current().name() != Some(THREAD_NAME) || std::env::var_os("RUST_BACKTRACE").is_some() {
            default(information);
        }
    }));
}
