//! The log of a server, on standard error.

use clap::ValueEnum;
use tracing_subscriber::filter::LevelFilter;

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// A line of words for people
    Text,
    /// A line of JSON for programs
    Json,
}

/// What is written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogLevel {
    /// What the server cannot do
    Error,
    /// And who was not let in
    Warn,
    /// And who comes and goes, what fails, and what takes long
    Info,
    /// And every statement
    Debug,
}

/// Writes the log from now on.
pub(super) fn start(format: LogFormat, level: LogLevel) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    // Other crates log their own work, with users' values in it.
    let filter = tracing_subscriber::EnvFilter::default().add_directive(LevelFilter::ERROR.into());
    let own = format!("portraitdb={level}").parse().map(|directive| filter.add_directive(directive));
    let Ok(filter) = own else { return };
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_env_filter(filter);
    // A logger that is already installed stays.
    let _ = match format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_target(false).try_init(),
    };
}
