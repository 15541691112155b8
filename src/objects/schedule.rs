//! `SCHEDULE`: a script and the times at which it runs.
//!
//! This module covers the definition. Running schedules, and the records of their runs, are in the engine and in
//! [`crate::catalog::schedules`].

mod altering;
mod kind;
mod page;

use std::path::{Path, PathBuf};

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;

pub use altering::{alter, known, pause};
pub use kind::{ScheduleKind, longest_lag};

use super::GRAMMARS;
use super::definition::Definition;
use crate::calendar::{self, Calendar};
use crate::catalog::objects::Object;
use crate::error::{SqlState, coded, invalid};
use crate::sql::command::Body;
use crate::sql::parser;
use crate::sql::schedule::Script;

/// What to do about missed times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMissed {
    /// One run for all of them.
    RunOnce,
    Skip,
    /// One run for each, one after the other.
    All,
}

/// The contents of a schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The id of its object.
    pub id: i64,
    pub name: String,
    pub version: i64,
    /// The role it runs as.
    pub owner: String,
    /// True when it has no owning role: it was created by someone who can open the database directory, and may do everything.
    pub is_trusted: bool,
    /// The directory that relative paths are resolved against.
    pub base: PathBuf,
    /// When this version was created, in microseconds since 1970.
    pub made_at: i64,
    /// Its calendar; without one, it runs after the schedules that it depends on.
    pub calendar: Option<Calendar>,
    /// The calendar as text, to detect changes.
    pub times: String,
    pub depends_on: Vec<String>,
    pub on_missed: OnMissed,
    pub retries: i64,
    /// Microseconds to wait before the first retry.
    pub backoff: i64,
    /// The time limit of a run, in microseconds.
    pub timeout: Option<i64>,
    /// Whether its statements run in one transaction.
    pub is_transaction: bool,
    /// How many runs are kept.
    pub keep: i64,
    /// Where to send a notice that a run failed, and that one succeeded.
    pub on_failure: Option<String>,
    pub on_success: Option<String>,
    pub script: Script,
}

const SECOND: i64 = 1_000_000;
/// The largest script, in bytes.
const LONGEST_SCRIPT: u64 = 64 << 20;

/// The length of an interval, with days of 24 hours.
fn microseconds(label: &str, option: &str, interval: IntervalMonthDayNano) -> Result<i64> {
    if interval.months != 0 {
        let advice = if option == "every" { "write cron = '0 0 1 * *' for the first of each month" } else { "write days" };
        return Err(invalid(label, format!("{option}: months differ in length; {advice}")));
    }
    let days = i64::from(interval.days).checked_mul(86_400 * SECOND);
    let length = days.and_then(|days| days.checked_add(interval.nanoseconds / 1000));
    length.ok_or_else(|| invalid(label, format!("{option} is out of range")))
}

impl Schedule {
    /// Reads a definition.
    ///
    /// # Errors
    /// The definition is wrong.
    pub fn of(definition: &Definition) -> Result<Self> {
        definition.constants(None)?;
        let (object, options, label) = (&definition.object, &definition.options, definition.object.label());
        let wrong = |option: &str, problem: String| invalid(&label, format!("{option}: {problem}"));
        let length = |option: &str| -> Result<Option<i64>> {
            options.interval(option).map(|interval| microseconds(&label, option, interval)).transpose()
        };
        let zone = options.text("timezone").unwrap_or("UTC");
        let (cron, every) = (options.text("cron"), length("every")?);
        let depends_on = options.names("depends_on").unwrap_or_default().to_vec();
        let calendar = match (cron, every) {
            (Some(_), Some(_)) => return Err(invalid(&label, "has cron and every; leave one out")),
            (Some(cron), None) => {
                let zone = calendar::zone(zone).map_err(|problem| wrong("timezone", problem))?;
                Some(Calendar::cron(cron, zone).map_err(|problem| wrong("cron", problem))?)
            }
            (None, Some(every)) => {
                if options.is_given("timezone") {
                    return Err(wrong(
                        "timezone",
                        "can only be used with cron: an interval is the same in every zone; leave it out".into(),
                    ));
                }
                Some(Calendar::every(every).map_err(|problem| wrong("every", problem))?)
            }
            (None, None) if !depends_on.is_empty() => None,
            (None, None) => {
                let problem =
                    "has no times; write WITH (cron = '0 2 * * *'), (every = INTERVAL '1 minute') or (depends_on = other)";
                return Err(invalid(&label, problem));
            }
        };
        let times = match (cron, every) {
            (Some(cron), _) => format!("cron {cron} {zone}"),
            (None, Some(every)) => format!("every {every}"),
            (None, None) => String::new(),
        };
        let on_missed = match options.word("on_missed")? {
            "skip" => OnMissed::Skip,
            "all" => OnMissed::All,
            _ => OnMissed::RunOnce,
        };
        let place = |option: &str| -> Result<Option<String>> {
            let Some(place) = options.text(option) else { return Ok(None) };
            match url::Url::parse(place) {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Some(place.to_string())),
                _ => Err(wrong(option, format!("must be a URL such as 'https://example.com/hook', got '{place}'"))),
            }
        };
        let Body::Script(script) = &definition.body else { return Err(invalid(&label, "has no script")) };
        Ok(Self {
            id: object.id,
            name: object.name.clone(),
            version: object.version,
            owner: if object.owner.is_empty() { object.author.clone() } else { object.owner.clone() },
            is_trusted: object.owner.is_empty(),
            base: PathBuf::from(&object.base),
            made_at: made_at(&object.created_at),
            calendar,
            times,
            depends_on,
            on_missed,
            retries: options.integer("retries")?,
            backoff: length("backoff")?.unwrap_or(2 * SECOND),
            timeout: length("timeout")?,
            is_transaction: options.flag("transaction")?,
            keep: options.integer("keep")?,
            on_failure: place("on_failure")?,
            on_success: place("on_success")?,
            script: script.clone(),
        })
    }

    /// True when it was read from this version of the object.
    pub fn is_of(&self, object: &Object) -> bool {
        let owner = if object.owner.is_empty() { &object.author } else { &object.owner };
        (self.id, self.version, &self.name) == (object.id, object.version, &object.name)
            && (self.is_trusted, &self.owner) == (object.owner.is_empty(), owner)
    }

    /// The next scheduled time after a moment.
    pub fn next(&self, after: i64) -> Option<i64> {
        self.calendar.as_ref().and_then(|calendar| calendar.next(after))
    }

    /// The path of the script, if it is a file.
    pub fn file(&self) -> Option<PathBuf> {
        match &self.script {
            Script::File(file) => Some(self.base.join(Path::new(file))),
            Script::Text(_) => None,
        }
    }

    /// The current statements to run, on the same lines as in their source.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn text(&self) -> Result<String> {
        match (&self.script, self.file()) {
            (Script::Text(text), _) => Ok(text.in_place()),
            (Script::File(name), file) => {
                let file = file.unwrap_or_default();
                let read = std::fs::metadata(&file).and_then(|found| match found.is_file() {
                    true if found.len() <= LONGEST_SCRIPT => std::fs::read_to_string(&file),
                    true => Err(std::io::Error::other("is longer than 64 MB")),
                    false => Err(std::io::Error::other("is not a file")),
                });
                let read = read.map_err(|error| {
                    let state = match error.kind() {
                        std::io::ErrorKind::NotFound => SqlState::UNDEFINED_FILE,
                        _ => SqlState::IO_ERROR,
                    };
                    coded(state, name, format!("cannot be read from {}: {error}; is the script there?", self.base.display()))
                })?;
                Ok(read.trim_start_matches('\u{feff}').to_string())
            }
        }
    }

    /// Fails when the script cannot be parsed or is empty.
    fn check_script(&self, session: &SessionState) -> Result<()> {
        let statements = parser::parse_definition(&self.text()?, session, &GRAMMARS)?;
        match statements.is_empty() {
            true => Err(invalid(&format!("schedule {}", self.name), "has no statement to run")),
            false => Ok(()),
        }
    }
}

/// The creation time of a version, in microseconds since 1970.
fn made_at(text: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text).map_or(0, |time| time.timestamp_micros())
}
