//! Counts how often the queries of a profile are planned: a test checks that creating a tag does not plan all tags.

use std::collections::BTreeMap;

use parking_lot::Mutex;

static COUNTS: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

pub fn count(profile: &str) {
    *COUNTS.lock().entry(profile.to_string()).or_default() += 1;
}

pub fn of(profile: &str) -> usize {
    COUNTS.lock().get(profile).copied().unwrap_or_default()
}
