//! Statistics of what a server has run: statements by kind and outcome, their durations, and errors by code.
//!
//! What a statement was about is not kept: no text, values or names.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::engine::activity::{Listener, Outcome, Query};

/// The bounds of the duration histogram in seconds: a statement counts in the first bucket that it does not exceed.
pub const BOUNDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];
/// The SQLSTATE of a cancelled statement.
const CANCELLED: &str = "57014";

/// Statements of one kind with one outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measured {
    /// The number of statements.
    pub count: u64,
    /// Their total duration.
    pub time: Duration,
    /// The number of statements per bucket of [`BOUNDS`], each counted once; those beyond the last bound are in none.
    pub within: [u64; BOUNDS.len()],
}

impl Measured {
    fn add(&mut self, time: Duration) {
        self.count += 1;
        self.time += time;
        if let Some(bound) = BOUNDS.iter().position(|bound| time.as_secs_f64() <= *bound) {
            self.within[bound] += 1;
        }
    }
}

/// The counts of a server.
#[derive(Debug, Default)]
pub struct Statistics {
    statements: Mutex<BTreeMap<(&'static str, &'static str), Measured>>,
    errors: Mutex<BTreeMap<&'static str, u64>>,
}

impl Statistics {
    /// Finished statements, by kind and outcome.
    pub fn statements(&self) -> Vec<(&'static str, &'static str, Measured)> {
        self.statements.lock().iter().map(|((kind, outcome), measured)| (*kind, *outcome, *measured)).collect()
    }

    /// Errors, by their SQLSTATE.
    pub fn errors(&self) -> Vec<(&'static str, u64)> {
        self.errors.lock().iter().map(|(code, count)| (*code, *count)).collect()
    }

    fn count(&self, tag: &str, outcome: &Outcome, took: Duration) {
        let outcome = match outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::GivenUp => "cancelled",
            Outcome::Failed(code) => {
                *self.errors.lock().entry(code).or_default() += 1;
                if *code == CANCELLED { "cancelled" } else { "failed" }
            }
        };
        self.statements.lock().entry((kind(tag), outcome)).or_default().add(took);
    }
}

impl Listener for Statistics {
    fn ended(&self, query: &Query, tag: &str, outcome: &Outcome) {
        self.count(tag, outcome, query.took());
    }
}

/// The kind of a statement: one of a few words.
fn kind(tag: &str) -> &'static str {
    match tag.split(' ').next().unwrap_or_default() {
        "SELECT" => "select",
        "INSERT" => "insert",
        "UPDATE" => "update",
        "DELETE" | "TRUNCATE" => "delete",
        "MERGE" => "merge",
        "COPY" => "copy",
        "REFRESH" => "refresh",
        "CREATE" => "create",
        "DROP" => "drop",
        "ALTER" => "alter",
        "GRANT" | "REVOKE" => "grant",
        "SET" | "RESET" => "set",
        "SHOW" | "DESCRIBE" => "show",
        "EXPLAIN" => "explain",
        "DECLARE" | "FETCH" | "MOVE" | "CLOSE" => "cursor",
        "BEGIN" | "START" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" => "transaction",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_count_by_how_they_end() {
        let statistics = Statistics::default();
        for (tag, outcome, milliseconds) in [
            ("SELECT", Outcome::Succeeded, 3),
            ("SELECT", Outcome::Failed("42P01"), 1),
            ("SELECT", Outcome::Failed("57014"), 700_000),
            ("SELECT", Outcome::GivenUp, 2),
            ("CREATE TABLE AS", Outcome::Succeeded, 1),
            ("WHATEVER A USER WRITES", Outcome::Succeeded, 1),
        ] {
            statistics.count(tag, &outcome, Duration::from_millis(milliseconds));
        }
        let found = statistics.statements();
        let count = |kind: &str, outcome: &str| {
            found.iter().find(|(of, ended, _)| *of == kind && *ended == outcome).map_or(0, |(_, _, measured)| measured.count)
        };
        assert_eq!((count("select", "succeeded"), count("select", "failed"), count("select", "cancelled")), (1, 1, 2));
        assert_eq!((count("create", "succeeded"), count("other", "succeeded")), (1, 1));
        assert_eq!(statistics.errors(), [("42P01", 1), ("57014", 1)]);
        // One took longer than the greatest bound.
        let cancelled = found.iter().find(|(kind, outcome, _)| (*kind, *outcome) == ("select", "cancelled")).unwrap().2;
        assert_eq!((cancelled.count, cancelled.within.iter().sum::<u64>()), (2, 1));
    }
}
