//! `portrait schedule`: runs scheduled scripts without a server.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use portraitdb::{Engine, Scheduler, SchedulerOptions};

use super::console::Failure;
use super::log::{self, LogFormat, LogLevel};
use super::signals::{self, Listening};

pub(super) const EXAMPLES: &str = "\
Examples:
  portrait -d crm -c \"CREATE SCHEDULE nightly WITH (cron = '0 2 * * *', timezone = 'Asia/Shanghai') AS 'sql/jobs/nightly.sql'\"
  portrait -d crm schedule                               runs what is due, until Ctrl-C or SIGTERM
  portrait -d crm schedule --on-failure 'mail -s \"$PORTRAIT_SCHEDULE failed\" ops@example.com'

Several of these processes, and servers, may share one database: each scheduled time is run by one of them. When the process is stopped, running scripts
have --grace seconds to end. Runs cancelled after that are repeated by the next process.";

/// What a command or a server does about schedules.
#[derive(Debug, Args)]
pub(super) struct Schedules {
    /// The most runs of schedules at a time.
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(1..=1000), env = "PORTRAIT_SCHEDULE_WORKERS")]
    schedule_workers: u16,
    /// A system command to run when a schedule has failed after all retries. It gets the notice as JSON on standard input, and
    /// PORTRAIT_SCHEDULE, PORTRAIT_STATUS, PORTRAIT_ERROR and others in its environment.
    #[arg(long, value_name = "COMMAND", env = "PORTRAIT_ON_FAILURE")]
    on_failure: Option<String>,
    /// A system command to run when a schedule has succeeded, called in the same way.
    #[arg(long, value_name = "COMMAND", env = "PORTRAIT_ON_SUCCESS")]
    on_success: Option<String>,
    /// The key that signs notices sent to URLs.
    #[arg(long, value_name = "KEY", env = "PORTRAIT_WEBHOOK_KEY", hide_env_values = true)]
    webhook_key: Option<String>,
}

impl Schedules {
    /// Starts running schedules, whose scripts may read and write files in these places; `None` for all.
    pub(super) fn start(&self, engine: &Engine, files: Option<Vec<String>>) -> Result<Scheduler, Failure> {
        let options = SchedulerOptions {
            workers: self.schedule_workers.into(),
            files,
            on_failure: self.on_failure.clone(),
            on_success: self.on_success.clone(),
            webhook_key: self.webhook_key.clone(),
        };
        Ok(Scheduler::start(engine.clone(), options)?)
    }
}

#[derive(Debug, Args)]
pub(super) struct Schedule {
    #[command(flatten)]
    schedules: Schedules,
    /// A folder or URL whose files scripts may read and write, with its subfolders; may be given several times. Without it, all files.
    #[arg(long, value_name = "PLACE", env = "PORTRAIT_FILES", value_delimiter = ',')]
    files: Vec<PathBuf>,
    /// Seconds that running scripts have to end when the program is stopped.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u64).range(0..=86_400), env = "PORTRAIT_GRACE")]
    grace: u64,
    /// The format of the log on standard error.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text", env = "PORTRAIT_LOG_FORMAT")]
    log_format: LogFormat,
    /// What is written to the log.
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "info", env = "PORTRAIT_LOG_LEVEL")]
    log_level: LogLevel,
}

/// Runs schedules until the program is to end.
pub(super) fn run(engine: &Engine, asked: &Schedule) -> Result<(), Failure> {
    let grace = Duration::from_secs(asked.grace);
    log::start(asked.log_format, asked.log_level);
    // Listen from the beginning for what asks the program to end.
    let listening = Listening::new();
    signals::give(grace + NOTICE);
    let files = asked.files.iter().map(|place| place.display().to_string()).collect::<Vec<_>>();
    let scheduler = asked.schedules.start(engine, Some(files).filter(|files| !files.is_empty()))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready: schedules")?;
    out.flush()?;
    engine.block_on(listening.interrupted());
    eprintln!("stopping: schedules");
    scheduler.stop(grace);
    Ok(())
}

/// Time for ending beyond the grace period: to cancel scripts, and to send pending notices.
pub(super) const NOTICE: Duration = Duration::from_secs(15);
