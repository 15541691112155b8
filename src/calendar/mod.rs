//! When something is due: a cron expression as the clocks of a time zone show it, or a fixed span of time. No clock stands here, and no
//! engine: every answer follows from its arguments.
//!
//! # Cron
//! Five fields, `minute hour day month weekday`, or six with seconds in front; `*`, lists, ranges, steps, names of days and months, `L`
//! (the last day), `W` (the nearest weekday), `1#2` (the second Monday), and `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`.
//!
//! Where clocks change, a time of the day that does not exist runs once, at the first time after the gap; one that comes twice runs once,
//! the first time. What repeats within hours (`*/30 * * * *`) goes on through the change: it runs in both of two equal hours, and not
//! in the one that is left out. Reading of expressions and the search are [croner](https://docs.rs/croner)'s, the zones those
//! of [chrono-tz](https://docs.rs/chrono-tz), which DataFusion uses too.
//!
//! # Every
//! A span is counted from the beginning of 1970 in UTC, so that the times are the same whoever asks, and whenever: every 15 minutes is at :00, :15,
//! :30 and :45. Nothing drifts, as no time follows from when something ran.

mod local;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Year};
use datafusion::arrow::array::timezone::Tz;

pub use local::{offset, settled};

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;
/// 2024-01-01, from where an expression is asked whether it ever comes.
const SOME_DAY: i64 = 1_704_067_200 * SECOND;
/// How many missed times are counted one by one.
const MOST_COUNTED: u64 = 10_000;

/// When something is due.
#[derive(Debug, Clone)]
pub struct Calendar(Times);

#[derive(Debug, Clone)]
enum Times {
    Cron(Box<Cron>, Tz),
    /// Microseconds.
    Every(i64),
}

/// The times that are due between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub first: i64,
    pub last: i64,
    /// How many there are; of a cron expression at most 10,000 are counted.
    pub count: u64,
}

/// The name of a zone as the calendar has it, for a name in any case: `Asia/Shanghai` for `asia/shanghai`.
pub fn zone_name(name: &str) -> Option<String> {
    let mut begins = true;
    let titled: String = name
        .chars()
        .map(|letter| {
            let own = if begins { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
            begins = !letter.is_alphanumeric();
            own
        })
        .collect();
    // Small words and abbreviations within names.
    let titled = titled.replace("_Of_", "_of_").replace("_Es_", "_es_").replace("-Au-", "-au-").replace("Gmt", "GMT");
    let of_states = titled.replacen("Us/", "US/", 1);
    [name.to_string(), name.to_uppercase(), titled, of_states].into_iter().find(|name| name.parse::<Tz>().is_ok())
}

/// The zone of a name, such as `Asia/Shanghai`, or of a fixed distance from UTC, such as `+08:00`.
///
/// # Errors
/// There is none, as a sentence without subject.
pub fn zone(name: &str) -> Result<Tz, String> {
    zone_name(name)
        .unwrap_or_else(|| name.to_string())
        .parse()
        .map_err(|_| format!("'{name}' is not a time zone; write a name such as 'Asia/Shanghai', or an offset such as '+08:00'"))
}

impl Calendar {
    /// The times of a cron expression, as the clocks of a zone show them.
    ///
    /// # Errors
    /// What is wrong with the expression, as a sentence without subject.
    pub fn cron(expression: &str, zone: Tz) -> Result<Self, String> {
        let parser = CronParser::builder().year(Year::Disallowed).build();
        // What is shown of it fits on a line.
        let shown: String = expression.chars().take(60).collect();
        let shown = if shown.len() < expression.len() { format!("{shown}…") } else { shown };
        let cron = parsed(&parser, expression).map_err(|error| {
            let fields = expression.split_whitespace().count();
            let problem = match error {
                _ if expression.trim().starts_with('@') => {
                    "the names are @hourly, @daily, @midnight, @weekly, @monthly and @yearly".to_string()
                }
                _ if fields == 1 && !expression.contains('@') => "it has one field".to_string(),
                _ if !expression.contains('@') && !matches!(fields, 5 | 6) => format!("it has {fields} fields"),
                error => wrong_field(&parser, expression).unwrap_or_else(|| error.to_string()),
            };
            let problem = problem.split_once(": ").map_or(problem.as_str(), |(_, rest)| rest).trim_end_matches('.');
            format!(
                "must be 'minute hour day month weekday', such as '0 2 * * *', or six fields with seconds first, got '{shown}': {problem}"
            )
        })?;
        let calendar = Self(Times::Cron(Box::new(cron), zone));
        match calendar.next(SOME_DAY) {
            Some(_) => Ok(calendar),
            None => Err(format!("'{shown}' never comes: no month has such a day")),
        }
    }

    /// Every so many microseconds.
    ///
    /// # Errors
    /// Less than a second, or no whole number of seconds, as a sentence without subject.
    pub fn every(microseconds: i64) -> Result<Self, String> {
        if microseconds < SECOND || microseconds % SECOND != 0 {
            return Err("must be a whole number of seconds, at least one".into());
        }
        Ok(Self(Times::Every(microseconds)))
    }

    /// The first time after a moment; all are microseconds since 1970.
    pub fn next(&self, after: i64) -> Option<i64> {
        match &self.0 {
            Times::Every(span) => after.checked_sub(after.rem_euclid(*span))?.checked_add(*span),
            Times::Cron(cron, zone) => {
                let found = cron.find_next_occurrence(&in_zone(after, *zone)?, false).ok()?;
                Some(found.timestamp_micros()).filter(|found| *found > after)
            }
        }
    }

    /// The last time up to a moment, that moment too.
    pub fn latest(&self, until: i64) -> Option<i64> {
        match &self.0 {
            Times::Every(span) => until.checked_sub(until.rem_euclid(*span)),
            Times::Cron(cron, zone) => {
                let found = cron.find_previous_occurrence(&in_zone(until, *zone)?, true).ok()?;
                Some(found.timestamp_micros()).filter(|found| *found <= until)
            }
        }
    }

    /// What is due after one moment and up to another.
    pub fn due(&self, after: i64, until: i64) -> Option<Due> {
        let first = self.next(after).filter(|first| *first <= until)?;
        let last = self.latest(until).map_or(first, |last| last.max(first));
        let count = match &self.0 {
            Times::Every(span) => u64::try_from((last - first) / span).unwrap_or(0) + 1,
            Times::Cron(..) => {
                let (mut count, mut time) = (1, first);
                while let Some(next) = self.next(time).filter(|next| *next <= last && count < MOST_COUNTED) {
                    (count, time) = (count + 1, next);
                }
                count
            }
        };
        Some(Due { first, last, count })
    }
}

/// A moment as the clocks of a zone show it, without parts of a second: times have none.
fn in_zone(microseconds: i64, zone: Tz) -> Option<DateTime<Tz>> {
    let utc: DateTime<Utc> = DateTime::from_timestamp(microseconds.div_euclid(SECOND), 0)?;
    Some(utc.with_timezone(&zone))
}

/// The fields of a cron expression with what they take, the one that may be left out first.
static FIELDS: [(&str, &str); 6] = [
    ("second", "0-59"),
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day", "1-31"),
    ("month", "1-12, JAN-DEC"),
    ("weekday", "0-7, SUN-SAT"),
];

/// Parses an expression, with what croner does not know or lets pass.
fn parsed(parser: &CronParser, expression: &str) -> Result<Cron, CronError> {
    if expression.trim().eq_ignore_ascii_case("@midnight") {
        return parser.parse("@daily");
    }
    if expression.split_whitespace().any(|field| field.split(',').any(str::is_empty)) {
        return Err(CronError::EmptyPattern);
    }
    parser.parse(expression)
}

/// The first field of a cron expression that is wrong by itself: croner does not say which one it is.
fn wrong_field(parser: &CronParser, expression: &str) -> Option<String> {
    let given: Vec<&str> = expression.split_whitespace().collect();
    if !matches!(given.len(), 5 | 6) {
        return None;
    }
    let fields = FIELDS.get(FIELDS.len().checked_sub(given.len())?..)?;
    let is_wrong = |place: usize| {
        let alone: Vec<&str> = (0..given.len()).map(|other| if other == place { given[other] } else { "*" }).collect();
        parsed(parser, &alone.join(" ")).is_err()
    };
    let place = (0..given.len()).find(|place| is_wrong(*place))?;
    let (name, range) = fields[place];
    let field: String = given[place].chars().take(20).collect();
    Some(format!("the {name} '{field}' is not of {range}; ranges rise, and steps are above 0"))
}
