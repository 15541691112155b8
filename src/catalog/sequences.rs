//! The counters that number the rows of tables, and those of CREATE SEQUENCE.
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
use super::objects::Object;
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

/// The part of the catalog schema for how counters count, within bounds; the number given last is kept in place of the next one.
///
/// Earlier counters had no bounds, and continue without.
pub const BOUNDS_MIGRATION: &str = "
    ALTER TABLE sequences RENAME TO sequences_without_bounds;
    -- Counters: how each counts, and the number that was given last; before the first, that is the one to begin with.
    CREATE TABLE sequences (
        name     TEXT PRIMARY KEY,
        first    INTEGER NOT NULL,
        step     INTEGER NOT NULL,
        least    INTEGER NOT NULL,
        most     INTEGER NOT NULL,
        cycles   INTEGER NOT NULL,
        last     INTEGER NOT NULL,
        is_given INTEGER NOT NULL,
        made_at  INTEGER NOT NULL
    ) STRICT;
    INSERT INTO sequences (name, first, step, least, most, cycles, last, is_given, made_at)
        SELECT name, first, step, (-9223372036854775807 - 1), 9223372036854775807, 0,
               CASE WHEN has_last THEN next - step ELSE next END, has_last, made_at
        FROM (SELECT *, next <> first AND CASE WHEN step > 0 THEN next >= -9223372036854775807 - 1 + step
                                               ELSE next <= 9223372036854775807 + step END AS has_last
              FROM sequences_without_bounds);
    DROP TABLE sequences_without_bounds;
    ";

/// How long a counter stays that no object names, in microseconds: its object may be part of a transaction that is still open.
const UNNAMED: i64 = 24 * 3600 * 1_000_000;

/// How a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counting {
    pub first: i64,
    pub step: i64,
    /// The least and the greatest number that it gives.
    pub least: i64,
    pub most: i64,
    /// Whether it begins anew at its bound.
    pub cycles: bool,
}

impl Counting {
    /// Without bounds, except those of its numbers.
    pub const fn endless(first: i64, step: i64) -> Self {
        Self { first, step, least: i64::MIN, most: i64::MAX, cycles: false }
    }

    /// The options as CREATE SEQUENCE writes them, in the order in which [`Self::read`] expects them.
    pub fn written(&self, data_type: &str) -> String {
        let Self { first, step, least, most, cycles } = self;
        let cycle = if *cycles { "CYCLE" } else { "NO CYCLE" };
        format!("AS {data_type} INCREMENT BY {step} MINVALUE {least} MAXVALUE {most} START WITH {first} CACHE 1 {cycle}")
    }

    /// The options at the end of a text.
    fn read(text: &str) -> Option<Self> {
        let (text, cycles) = match text.trim_end().strip_suffix("NO CYCLE") {
            Some(rest) => (rest, false),
            None => (text.trim_end().strip_suffix("CYCLE")?, true),
        };
        let words: Vec<&str> = text.rsplitn(11, ' ').collect();
        // From the last to the first.
        let ["", "1", "CACHE", first, "WITH", "START", most, "MAXVALUE", least, "MINVALUE", rest] = words.as_slice() else {
            return None;
        };
        let step = rest.rsplit_once(' ')?.1;
        let number = |word: &str| word.parse().ok();
        Some(Self { first: number(first)?, step: number(step)?, least: number(least)?, most: number(most)?, cycles })
    }

    /// The bound that it counts towards, and the one where it begins anew.
    const fn ends(&self) -> (i64, i64) {
        if self.step > 0 { (self.most, self.least) } else { (self.least, self.most) }
    }

    /// How many more numbers there are after one of them, before it ends.
    fn left_after(&self, number: i64) -> u64 {
        // The difference of two numbers of 64 bits needs one bit more.
        let way = i128::from(self.ends().0) - i128::from(number);
        u64::try_from(way / i128::from(self.step)).unwrap_or_default()
    }
}

/// A counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    pub name: String,
    pub counting: Counting,
    /// The number that was given last, or the one that is given first.
    pub last: i64,
    pub is_given: bool,
}

/// Numbers that were taken of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub first: i64,
    pub step: i64,
    pub count: u64,
}

impl Taken {
    /// The last of them.
    pub fn last(&self) -> i64 {
        let before = i64::try_from(self.count).unwrap_or(i64::MAX) - 1;
        // The number itself fits, though the way to it may not.
        self.first.wrapping_add(self.step.wrapping_mul(before))
    }
}

impl Sequence {
    /// A counter that has given nothing yet.
    pub fn new(name: String, counting: Counting) -> Self {
        Self { name, counting, last: counting.first, is_given: false }
    }

    /// The number that was given last, if any.
    pub fn last(&self) -> Option<i64> {
        self.is_given.then_some(self.last)
    }

    /// Takes as many numbers, or those that are left before its bound. `shown` is its name in messages.
    ///
    /// # Errors
    /// There are none left.
    pub fn take(&mut self, count: u64, shown: &str) -> Result<Taken> {
        let Counting { step, cycles, .. } = self.counting;
        let (end, other_end) = self.counting.ends();
        let first = match (self.is_given, self.counting.left_after(self.last)) {
            (false, _) => self.last,
            (true, 1..) => self.last + step,
            (true, 0) if cycles => other_end,
            (true, 0) => {
                let problem = format!(
                    "nextval has given the last number before its bound, {end}; ALTER SEQUENCE … RESTART, or give it another bound"
                );
                return Err(coded(SqlState::SEQUENCE_GENERATOR_LIMIT_EXCEEDED, shown, problem));
            }
        };
        let count = count.max(1).min(self.counting.left_after(first).saturating_add(1));
        let taken = Taken { first, step, count };
        (self.last, self.is_given) = (taken.last(), true);
        Ok(taken)
    }

    /// Sets the number that it gives next: the one after this, if this counts as given.
    ///
    /// # Errors
    /// The number is beyond its bounds.
    pub fn set(&mut self, value: i64, is_given: bool, shown: &str) -> Result<()> {
        let Counting { least, most, .. } = self.counting;
        if value < least || value > most {
            let problem = format!("setval: {value} is beyond its bounds, {least} and {most}");
            return Err(coded(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, shown, problem));
        }
        (self.last, self.is_given) = (value, is_given);
        Ok(())
    }
}

/// What stands before the name of its counter at the end of a sequence's definition.
pub const COUNTER: &str = " COUNTER ";

/// The counter of a sequence, which its definition names. The sequence may have another name later.
pub fn counter_of(object: &Object) -> Option<&str> {
    if object.kind != "sequence" {
        return None;
    }
    let (_, name) = object.sql.rsplit_once(COUNTER)?;
    name.trim().strip_prefix('\'')?.strip_suffix('\'')
}

/// A name for the counter of a sequence that no counter has had before.
pub fn unused_name() -> String {
    format!("sequence {}", now())
}

/// How a sequence counts, as its definition says at the end.
pub fn counting_of(object: &Object) -> Option<Counting> {
    object.sql.rsplit_once(COUNTER).and_then(|(options, _)| Counting::read(options))
}

/// The error for a name that no counter has.
pub fn no_sequence(name: &str) -> datafusion::error::DataFusionError {
    let problem =
        "no such sequence; pg_sequences lists them, and pg_get_serial_sequence('table', 'column') names that of a column";
    coded(SqlState::UNDEFINED_TABLE, name, problem)
}

const ALL: &str = "SELECT name, first, step, least, most, cycles, last, is_given FROM sequences";

fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Sequence> {
    let counting = Counting { first: row.get(1)?, step: row.get(2)?, least: row.get(3)?, most: row.get(4)?, cycles: row.get(5)? };
    Ok(Sequence { name: row.get(0)?, counting, last: row.get(6)?, is_given: row.get(7)? })
}

impl Catalog {
    /// Makes a counter, and returns its name: the wanted one, or with a number at its end where that is taken, by another counter or
    /// otherwise. `is_named` tells which counters objects name; others go after a while.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn make_sequence(
        &self,
        wanted: &str,
        counting: Counting,
        is_taken: impl Fn(&str) -> bool,
        is_named: impl Fn(&str) -> bool,
    ) -> Result<String> {
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
            let free = std::iter::once(wanted.to_string()).chain(numbered).find(|name| !taken.contains(name) && !is_taken(name));
            let name = free.unwrap_or_default();
            let Counting { first, step, least, most, cycles } = counting;
            let make = "INSERT INTO sequences (name, first, step, least, most, cycles, last, is_given, made_at)
                        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?2, 0, ?7)";
            connection.execute(make, params![name, first, step, least, most, cycles, at])?;
            Ok(name)
        })
    }

    /// Removes the counters of a dropped object. Those of a transaction stay until it can no longer be rolled back.
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

    /// Changes a counter, at once and for all, also within a transaction. `shown` is its name in messages.
    ///
    /// # Errors
    /// There is no such counter, the change fails, or the catalog cannot be written.
    pub fn change_sequence<T>(&self, name: &str, shown: &str, change: impl FnOnce(&mut Sequence) -> Result<T>) -> Result<T> {
        let changed = self.ground().write(|connection| {
            let query = format!("{ALL} WHERE name = ?1");
            let Some(mut sequence) = connection.prepare_cached(&query)?.query_row([name], of).optional()? else {
                return Ok(None);
            };
            let changed = change(&mut sequence);
            if changed.is_ok() {
                let Sequence { counting: Counting { first, step, least, most, cycles }, last, is_given, .. } = sequence;
                let set =
                    "UPDATE sequences SET first = ?2, step = ?3, least = ?4, most = ?5, cycles = ?6, last = ?7, is_given = ?8
                           WHERE name = ?1";
                connection.prepare_cached(set)?.execute(params![name, first, step, least, most, cycles, last, is_given])?;
            }
            Ok(Some(changed))
        })?;
        changed.unwrap_or_else(|| Err(no_sequence(shown)))
    }

    /// Takes as many numbers of a counter, or those that are left before its bound. `counting` is how a sequence counts in the state of the
    /// database that the statement sees; the counter of a column counts as it was made.
    ///
    /// # Errors
    /// There is no such counter, it has no more numbers, or the catalog cannot be written.
    pub fn draw_numbers(&self, name: &str, shown: &str, count: u64, counting: Option<Counting>) -> Result<Taken> {
        self.change_sequence(name, shown, |sequence| {
            sequence.counting = counting.unwrap_or(sequence.counting);
            sequence.take(count, shown)
        })
    }

    /// Sets the number that a counter gives next; `counting` as in [`Self::draw_numbers`].
    ///
    /// # Errors
    /// There is no such counter, the number is beyond its bounds, or the catalog cannot be written.
    pub fn set_sequence(
        &self,
        name: &str,
        shown: &str,
        (value, is_given): (i64, bool),
        counting: Option<Counting>,
    ) -> Result<()> {
        self.change_sequence(name, shown, |sequence| {
            sequence.counting = counting.unwrap_or(sequence.counting);
            sequence.set(value, is_given, shown)
        })
    }

    /// The counters.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn sequences(&self) -> Result<Vec<Sequence>> {
        self.ground().read(|connection| connection.prepare_cached(ALL)?.query_map([], of)?.collect())
    }

    /// The counter of that name.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn sequence(&self, name: &str) -> Result<Option<Sequence>> {
        let query = format!("{ALL} WHERE name = ?1");
        self.ground().read(|connection| connection.prepare_cached(&query)?.query_row([name], of).optional())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(catalog: &Catalog, name: &str, count: u64) -> Result<(i64, i64, u64)> {
        catalog.draw_numbers(name, name, count, None).map(|Taken { first, step, count }| (first, step, count))
    }

    #[test]
    fn numbers_are_given_once() {
        let catalog = Catalog::for_test().unwrap();
        let made = |first: i64, step: i64| {
            catalog.make_sequence("t_id_seq", Counting::endless(first, step), |_| false, |_| true).unwrap()
        };
        assert_eq!((made(1, 1), made(100, -5)), ("t_id_seq".to_string(), "t_id_seq1".to_string()));
        assert_eq!(drawn(&catalog, "t_id_seq", 1).unwrap(), (1, 1, 1));
        assert_eq!(drawn(&catalog, "t_id_seq", 3).unwrap(), (2, 1, 3));
        assert_eq!(drawn(&catalog, "t_id_seq1", 2).unwrap(), (100, -5, 2));
        let last: Vec<_> = catalog.sequences().unwrap().iter().map(Sequence::last).collect();
        assert_eq!(last, [Some(4), Some(95)]);
        catalog.set_sequence("t_id_seq", "t_id_seq", (i64::MAX - 1, false), None).unwrap();
        assert_eq!(drawn(&catalog, "t_id_seq", 5).unwrap(), (i64::MAX - 1, 1, 2));
        let spent = drawn(&catalog, "t_id_seq", 1).unwrap_err();
        assert!(spent.to_string().contains("the last number before its bound"), "{spent}");
        catalog.drop_sequences(&["t_id_seq".into()]).unwrap();
        assert!(drawn(&catalog, "t_id_seq", 1).unwrap_err().to_string().contains("no such sequence"));
        assert!(catalog.set_sequence("t_id_seq", "t_id_seq", (1, true), None).is_err());
        assert_eq!(made(7, 1), "t_id_seq");
        assert_eq!(catalog.sequence("t_id_seq").unwrap().unwrap().last(), None);
    }

    #[test]
    fn a_counter_ends_at_its_bound_or_begins_anew() {
        let counting = Counting { first: 2, step: 3, least: 1, most: 9, cycles: false };
        let mut ends = Sequence::new("s".into(), counting);
        let all = |sequence: &mut Sequence, count: u64| {
            sequence.take(count, "s").map(|Taken { first, count, .. }| (first, count)).map_err(|error| error.to_string())
        };
        assert_eq!(all(&mut ends, 2), Ok((2, 2)));
        assert_eq!(all(&mut ends, 5), Ok((8, 1)));
        assert!(all(&mut ends, 1).unwrap_err().contains("bound, 9"));
        assert!(ends.set(10, true, "s").is_err());
        let mut cycles = Sequence::new("s".into(), Counting { step: -4, cycles: true, ..counting });
        assert_eq!(all(&mut cycles, 5), Ok((2, 1)));
        assert_eq!(all(&mut cycles, 5), Ok((9, 3)));
        assert_eq!((cycles.last, all(&mut cycles, 1)), (1, Ok((9, 1))));
        let text = format!("CREATE SEQUENCE \"START WITH 3\" {}", cycles.counting.written("smallint"));
        assert_eq!(Counting::read(&text), Some(cycles.counting));
        let text = text.replace(" CYCLE", " NO CYCLE");
        assert_eq!(Counting::read(&text), Some(Counting { cycles: false, ..cycles.counting }));
        // Both ends of the numbers themselves.
        let mut widest = Sequence::new("s".into(), Counting::endless(i64::MIN, i64::MAX));
        assert_eq!(all(&mut widest, 9), Ok((i64::MIN, 3)));
        assert_eq!(widest.last, i64::MAX - 1);
    }
}
