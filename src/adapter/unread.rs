//! Strings that a function could not read, counted for a note after the statement.
//!
//! A cleaning function gives NULL for a string that it cannot read, so a statement may lose values without an error. Each different string
//! counts once, because a plan may compute a function several times for the same row.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::config::ConfigOptions;

use crate::settings::carried;
use crate::text::grouped;

/// So many different strings are counted.
const MOST: usize = 100_000;

/// A reason why strings cannot be read; a function has one text for each.
#[derive(Debug, Clone, Copy)]
pub struct Reason {
    /// The note for a number of strings: `{count} different values are not dates, and give NULL`.
    pub told: fn(&str) -> String,
    /// The note for one string.
    pub told_of_one: &'static str,
}

/// What the functions of one statement could not read, passed on in the settings with which its plans are made.
#[derive(Debug, Clone, Default)]
pub struct Unread(Arc<Mutex<Found>>);

carried!(Unread, "unread_of_statement");

#[derive(Debug, Default)]
struct Found {
    hasher: RandomState,
    strings: BTreeMap<&'static str, (Reason, HashSet<u64>)>,
}

impl Unread {
    /// Counts the strings that a call could not read, under the name of the reason.
    pub fn add<'a>(config: &ConfigOptions, name: &'static str, reason: Reason, strings: impl IntoIterator<Item = &'a str>) {
        let Some(Self(found)) = config.extensions.get::<Self>() else { return };
        let mut strings = strings.into_iter().peekable();
        if strings.peek().is_none() {
            return;
        }
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        let Found { hasher, strings: known } = &mut *found;
        let (_, known) = known.entry(name).or_insert_with(|| (reason, HashSet::new()));
        for string in strings {
            if known.len() > MOST {
                break;
            }
            known.insert(hasher.hash_one(string));
        }
    }

    /// The notes about them.
    pub fn notes(&self) -> Vec<String> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let notes = found.strings.values().map(|(reason, strings)| match strings.len() {
            1 => reason.told_of_one.to_string(),
            count if count > MOST => (reason.told)(&format!("over {}", grouped(MOST as u64))),
            count => (reason.told)(&grouped(count as u64)),
        });
        notes.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_string_counts_once() {
        const REASON: Reason = Reason { told: |count| format!("{count} of them"), told_of_one: "one of them" };
        let (unread, mut config) = (Unread::default(), ConfigOptions::default());
        config.extensions.insert(unread.clone());
        Unread::add(&config, "f", REASON, []);
        assert!(unread.notes().is_empty());
        for _ in 0..2 {
            Unread::add(&config, "f", REASON, ["a", "a"]);
        }
        assert_eq!(unread.notes(), ["one of them"]);
        Unread::add(&config, "f", REASON, ["b", "a"]);
        assert_eq!(unread.notes(), ["2 of them"]);
        let many: Vec<String> = (0..MOST * 2).map(|number| number.to_string()).collect();
        Unread::add(&config, "f", REASON, many.iter().map(String::as_str));
        assert_eq!(unread.notes(), ["over 100,000 of them"]);
        Unread::add(&ConfigOptions::default(), "f", REASON, ["a"]);
    }
}
