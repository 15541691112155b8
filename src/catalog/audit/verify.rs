//! Verifies that the log has exactly the records that were written, in order.

use super::record::{Last, Line};
use super::sealing::Seal;
use super::{AuditKey, hash_of};

/// A record that was noted elsewhere: its number and hash, or the start of its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Its number.
    pub number: u64,
    /// Its hash, or at least the first eight digits of it.
    pub hash: String,
}

impl Expected {
    /// Parses `1234:5d1f…`.
    pub fn read(text: &str) -> Option<Self> {
        let (number, hash) = text.split_once(':')?;
        let is_hash = hash.len() >= 8 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        Some(Self { number: number.parse().ok()?, hash: is_hash.then(|| hash.to_lowercase())? })
    }
}

/// A problem with the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The number of the record.
    pub number: u64,
    pub text: String,
}

/// The result of a verification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// The number of readable records.
    pub records: u64,
    /// The number, time and hash of the last record.
    pub last: Option<(u64, String, String)>,
    /// The number of records whose hash was made with a key.
    pub keyed: u64,
    /// How many of these could not be verified, as their key is not available.
    pub without_key: u64,
    /// Partial lines left by a power loss, which are not records.
    pub cut_off: u64,
    /// At most a thousand.
    pub problems: Vec<Problem>,
}

const MOST_PROBLEMS: usize = 1_000;

/// The state of a verification that goes through the chain.
pub struct Chain<'a> {
    key: Option<&'a AuditKey>,
    seal: Option<&'a Seal>,
    head: Option<&'a Last>,
    expected: Option<&'a Expected>,
    last: Last,
    /// Unreadable lines since the last record.
    unreadable: u64,
    /// Whether a record so far was encrypted.
    is_sealed: bool,
    found: Verified,
}

impl<'a> Chain<'a> {
    pub fn new(
        key: Option<&'a AuditKey>,
        seal: Option<&'a Seal>,
        head: Option<&'a Last>,
        expected: Option<&'a Expected>,
    ) -> Self {
        Self { key, seal, head, expected, last: Last::default(), unreadable: 0, is_sealed: false, found: Verified::default() }
    }

    fn tell(&mut self, number: u64, text: impl Into<String>) {
        if self.found.problems.len() < MOST_PROBLEMS {
            self.found.problems.push(Problem { number, text: text.into() });
        }
    }

    /// Checks the next line.
    pub fn next(&mut self, text: &[u8]) {
        let read = Line::read(text).and_then(|line| Some((line, line.record()?)));
        let Some((line, record)) = read else {
            self.unreadable += 1;
            return;
        };
        self.found.records += 1;
        let next = self.last.number + 1;
        let unreadable = std::mem::take(&mut self.unreadable);
        if line.number < next {
            // Unreadable lines before an out-of-order record leave no gap in the chain, so they were cut off.
            self.found.cut_off += unreadable;
            self.tell(line.number, format!("comes after record {}: it was moved or inserted", self.last.number));
            return;
        }
        if line.number == next {
            self.found.cut_off += unreadable;
            if record.previous != self.last.hash {
                let problem = match next {
                    1 => "is not the first: it refers to a record before it".to_string(),
                    next => {
                        format!("does not follow record {} as it is here: one of the two has been changed", next - 1)
                    }
                };
                self.tell(line.number, problem);
            }
        } else if unreadable > 0 {
            self.missing(next, line.number - 1, "cannot be read");
        } else {
            self.missing(next, line.number - 1, "missing");
        }
        match (&record.key, self.key) {
            (None, _) => {
                if self.found.keyed > 0 {
                    self.tell(line.number, "was written without the key that the records before it were written with");
                }
                self.check_hash(&line, None);
            }
            (Some(version), Some(key)) if *version == key.version => {
                self.found.keyed += 1;
                self.check_hash(&line, Some(key));
            }
            (Some(_), _) => {
                self.found.keyed += 1;
                self.found.without_key += 1;
            }
        }
        // Whoever has no key of the database can make a chain of hashes, but no record of it.
        match &record.sealed {
            Some(_) => {
                self.is_sealed = true;
                if self.seal.is_some_and(|seal| seal.open(&record).is_none()) {
                    self.tell(line.number, "cannot be decrypted: it was not written with the key of this database");
                }
            }
            None if self.is_sealed => self.tell(line.number, "is not encrypted, but records before it are"),
            None => {}
        }
        for noted in
            [self.head.map(|head| (head.number, head.hash.as_str(), "audit.head")), self.expected()].into_iter().flatten()
        {
            let (number, hash, by) = noted;
            if number == line.number && !line.hash.starts_with(hash) {
                self.tell(line.number, format!("has a different hash than {by} says"));
            }
        }
        self.last = Last { number: line.number, hash: line.hash.to_string() };
        self.found.last = Some((line.number, record.at, line.hash.to_string()));
    }

    fn expected(&self) -> Option<(u64, &'a str, &'static str)> {
        self.expected.map(|expected| (expected.number, expected.hash.as_str(), "what was noted"))
    }

    fn check_hash(&mut self, line: &Line<'_>, key: Option<&AuditKey>) {
        if hash_of(&line.hashed(), key) != line.hash {
            self.tell(line.number, "is not what was written");
        }
    }

    fn missing(&mut self, first: u64, last: u64, how: &str) {
        let problem = match (how, first == last) {
            ("missing", true) => "is missing".to_string(),
            ("missing", false) => format!("is missing, and all up to record {last}"),
            (how, true) => how.to_string(),
            (how, false) => format!("{how}, nor any up to record {last}"),
        };
        self.tell(first, problem);
    }

    /// The result, after the last line.
    pub fn end(mut self) -> Verified {
        let known = [self.head.map(|head| head.number), self.expected.map(|expected| expected.number)];
        let last = known.into_iter().flatten().max().unwrap_or(0);
        if last > self.last.number {
            let how = if self.unreadable > 0 { "cannot be read" } else { "missing" };
            self.missing(self.last.number + 1, last, how);
        } else {
            self.found.cut_off += self.unreadable;
        }
        self.found.problems.sort_by_key(|problem| problem.number);
        self.found
    }
}
