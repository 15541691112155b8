//! The counters that number the rows of tables.
//!
//! ```text
//! CREATE TABLE ─▶ a name for the counter ─▶ INSERT ─▶ numbers are drawn, on disk ─▶ the rows that have them
//! ```
//! Drawing is not part of a transaction: two sessions that write at the same time get different numbers, and the numbers of a transaction
//! that is rolled back are not given again. So a counter has a name of its own, which no other has ever had since it was made.

use std::collections::HashSet;

use datafusion::common::Result;
use rusqlite::{OptionalExtension, params};

use super::Catalog;
use super::runs::now;
use crate::error::{SqlState, coded};

/// The part of the catalog schema for counters.
pub const MIGRATION: &str = "
    -- The counters of columns that number their rows: the number that is given next.
    CREATE TABLE sequences (
        name    TEXT PRIMARY KEY,
        first   INTEGER NOT NULL,
        step    INTEGER NOT NULL,
        next    INTEGER NOT NULL,
        made_at INTEGER NOT NULL
    ) STRICT;
    ";

/// How long a counter stays that no table names, in microseconds: its table may be part of a transaction that is still open.
const UNNAMED: i64 = 24 * 3600 * 1_000_000;

/// A counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    pub name: String,
    pub first: i64,
    pub step: i64,
    pub next: i64,
}

impl Sequence {
    /// The number that was given last, if any.
    pub fn last(&self) -> Option<i64> {
        (self.next != self.first).then(|| self.next.saturating_sub(self.step))
    }

    /// Takes as many numbers; returns the first.
    ///
    /// # Errors
    /// There are not as many.
    pub fn take(&mut self, count: u64) -> Result<i64> {
        let first = self.next;
        let past =
            i64::try_from(count).ok().and_then(|count| self.step.checked_mul(count)).and_then(|all| first.checked_add(all));
        let Some(past) = past else {
            let problem = format!("has no more numbers after {first}; ALTER the table to number its rows anew");
            return Err(coded(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, &self.name, problem));
        };
        self.next = past;
        Ok(first)
    }
}

/// The error for a name that no counter has.
pub fn no_sequence(name: &str) -> datafusion::error::DataFusionError {
    let problem = "no such sequence; pg_get_serial_sequence('table', 'column') names that of a column";
    coded(SqlState::UNDEFINED_TABLE, name, problem)
}

const ALL: &str = "SELECT name, first, step, next FROM sequences";

fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Sequence> {
    Ok(Sequence { name: row.get(0)?, first: row.get(1)?, step: row.get(2)?, next: row.get(3)? })
}

impl Catalog {
    /// Makes a counter, and returns its name: the wanted one, or with a number at its end where that is taken. `is_named` tells which
    /// counters tables name; others go after a while.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn make_sequence(&self, wanted: &str, first: i64, step: i64, is_named: impl Fn(&str) -> bool) -> Result<String> {
        self.ground().write(|connection| {
            let at = now();
            let old: Vec<String> = connection
                .prepare_cached("SELECT name FROM sequences WHERE made_at < ?1")?
                .query_map([at - UNNAMED], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            for name in old.iter().filter(|name| !is_named(name)) {
                connection.execute("DELETE FROM sequences WHERE name = ?1", params![name])?;
            }
            let taken: HashSet<String> = connection
                .prepare_cached("SELECT name FROM sequences")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let numbered = (1_u64..).map(|number| format!("{wanted}{number}"));
            let free = std::iter::once(wanted.to_string()).chain(numbered).find(|name| !taken.contains(name));
            let name = free.unwrap_or_default();
            let make = "INSERT INTO sequences (name, first, step, next, made_at) VALUES (?1, ?2, ?3, ?2, ?4)";
            connection.execute(make, params![name, first, step, at])?;
            Ok(name)
        })
    }

    /// Removes the counters of a dropped table. Those of a transaction stay until it can no longer be rolled back.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn drop_sequences(&self, names: &[String]) -> Result<()> {
        if self.is_transaction() || names.is_empty() {
            return Ok(());
        }
        self.write(|connection| {
            names
                .iter()
                .try_for_each(|name| connection.execute("DELETE FROM sequences WHERE name = ?1", params![name]).map(|_| ()))
        })
    }

    /// Takes as many numbers of a counter; returns the first, and the distance between them.
    ///
    /// # Errors
    /// There is no such counter, it has no more numbers, or the catalog cannot be written.
    pub fn draw_numbers(&self, name: &str, count: u64) -> Result<(i64, i64)> {
        let drawn = self.ground().write(|connection| {
            let query = format!("{ALL} WHERE name = ?1");
            let Some(mut sequence) = connection.prepare_cached(&query)?.query_row([name], of).optional()? else {
                return Ok(None);
            };
            let first = sequence.take(count);
            if first.is_ok() {
                connection.execute("UPDATE sequences SET next = ?2 WHERE name = ?1", params![name, sequence.next])?;
            }
            Ok(Some(first.map(|first| (first, sequence.step))))
        })?;
        drawn.unwrap_or_else(|| Err(no_sequence(name)))
    }

    /// Sets the number that a counter gives next.
    ///
    /// # Errors
    /// There is no such counter, or the catalog cannot be written.
    pub fn set_sequence(&self, name: &str, value: i64, is_given: bool) -> Result<()> {
        let set = self.ground().write(|connection| {
            let set = "UPDATE sequences SET next = CASE WHEN ?3 THEN ?2 + step ELSE ?2 END WHERE name = ?1";
            connection.execute(set, params![name, value, is_given])
        })?;
        if set == 0 { Err(no_sequence(name)) } else { Ok(()) }
    }

    /// The counters.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn sequences(&self) -> Result<Vec<Sequence>> {
        self.ground().read(|connection| connection.prepare_cached(ALL)?.query_map([], of)?.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_given_once() {
        let catalog = Catalog::for_test().unwrap();
        let made = |first: i64, step: i64| catalog.make_sequence("t_id_seq", first, step, |_| true).unwrap();
        assert_eq!((made(1, 1), made(100, -5)), ("t_id_seq".to_string(), "t_id_seq1".to_string()));
        assert_eq!(catalog.draw_numbers("t_id_seq", 1).unwrap(), (1, 1));
        assert_eq!(catalog.draw_numbers("t_id_seq", 3).unwrap(), (2, 1));
        assert_eq!(catalog.draw_numbers("t_id_seq1", 2).unwrap(), (100, -5));
        let last: Vec<_> = catalog.sequences().unwrap().iter().map(Sequence::last).collect();
        assert_eq!(last, [Some(4), Some(95)]);
        catalog.set_sequence("t_id_seq", i64::MAX - 1, false).unwrap();
        assert_eq!(catalog.draw_numbers("t_id_seq", 1).unwrap(), (i64::MAX - 1, 1));
        let spent = catalog.draw_numbers("t_id_seq", 1).unwrap_err();
        assert!(spent.to_string().contains("no more numbers"), "{spent}");
        catalog.drop_sequences(&["t_id_seq".into()]).unwrap();
        assert!(catalog.draw_numbers("t_id_seq", 1).unwrap_err().to_string().contains("no such sequence"));
        assert!(catalog.set_sequence("t_id_seq", 1, true).is_err());
        assert_eq!(made(7, 1), "t_id_seq");
        assert_eq!(catalog.sequences().unwrap().iter().map(Sequence::last).next_back(), Some(None));
    }
}
