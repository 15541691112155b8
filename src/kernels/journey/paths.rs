//! The ways that customers take: one path each, and how often each path is taken.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::events::{Detail, Event};

/// An event of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub code: u32,
    /// A path may begin with it.
    pub starts: bool,
    /// A path ends with it.
    pub ends: bool,
}

impl Detail for Place {
    const BYTES: usize = 5;

    fn write(&self, to: &mut Vec<u8>) {
        self.code.write(to);
        to.push(u8::from(self.starts) | u8::from(self.ends) << 1);
    }

    fn read(from: &[u8]) -> Self {
        let (code, bits) = from.split_at(4);
        let bits = bits.first().copied().unwrap_or(0);
        Self { code: u32::read(code), starts: bits & 1 == 1, ends: bits & 2 == 2 }
    }

    fn recoded(self, codes: &[u32]) -> Self {
        Self { code: codes[self.code as usize], ..self }
    }
}

/// Which part of a customer's events is the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The most events of a path.
    pub depth: usize,
    /// Counted back from the event that ends it.
    pub backward: bool,
    /// An event that is the same as the one before is passed over.
    pub collapse: bool,
    /// True when some events start paths, not just the first.
    pub has_start: bool,
    /// True when some events end paths, not just the last.
    pub has_end: bool,
}

/// The path of a customer into `path`; none when nothing starts it, or, backward, nothing ends it.
pub fn path(events: &[Event<Place>], shape: Shape, path: &mut Vec<u32>) {
    path.clear();
    let add = |path: &mut Vec<u32>, code: u32| {
        if !(shape.collapse && path.last() == Some(&code)) {
            path.push(code);
        }
    };
    if shape.backward {
        let last = if shape.has_end { events.iter().position(|event| event.detail.ends) } else { events.len().checked_sub(1) };
        let Some(last) = last else { return };
        for event in events[..=last].iter().rev() {
            add(path, event.detail.code);
            if path.len() > shape.depth {
                path.truncate(shape.depth);
                break;
            }
            if shape.has_start && event.detail.starts {
                break;
            }
        }
        path.reverse();
        return;
    }
    let first = if shape.has_start { events.iter().position(|event| event.detail.starts) } else { Some(0) };
    let Some(first) = first else { return };
    for event in &events[first..] {
        add(path, event.detail.code);
        if path.len() > shape.depth {
            path.truncate(shape.depth);
            return;
        }
        if shape.has_end && event.detail.ends {
            return;
        }
    }
}

/// How many customers took each path.
#[derive(Debug, Default)]
pub struct Paths {
    pub counts: HashMap<Box<[u32]>, i64>,
    bytes: usize,
}

impl Paths {
    pub fn add(&mut self, path: &[u32], customers: i64) {
        if let Some(count) = self.counts.get_mut(path) {
            *count += customers;
        } else if !path.is_empty() {
            self.bytes += 64 + 4 * path.len();
            self.counts.insert(path.into(), customers);
        }
    }

    /// Bytes of memory that it takes, nearly.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Paths and their customers, the most taken first, those of equal count in the order of their events.
    pub fn ranked(self) -> Vec<(Box<[u32]>, i64)> {
        let mut paths: Vec<_> = self.counts.into_iter().collect();
        paths.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str, shape: Shape) -> String {
        let event = |(time, letter): (i64, u8)| Event {
            time,
            tie: 0,
            detail: Place {
                code: u32::from(letter.to_ascii_lowercase()),
                starts: letter == b'a',
                ends: letter.is_ascii_uppercase(),
            },
        };
        let events: Vec<_> = (0..).zip(text.bytes()).map(event).collect();
        let mut found = vec![];
        path(&events, shape, &mut found);
        found.into_iter().filter_map(char::from_u32).collect()
    }

    #[test]
    fn paths_run_from_their_start_or_to_their_end() {
        let shape = Shape { depth: 3, backward: false, collapse: false, has_start: true, has_end: true };
        assert_eq!(taken("xxabcd", shape), "abc");
        assert_eq!(taken("aBcd", shape), "ab");
        assert_eq!(taken("xx", shape), "");
        let collapsed = Shape { collapse: true, ..shape };
        assert_eq!(taken("aaabbc", collapsed), "abc");
        assert_eq!(taken("aaab", shape), "aaa");
        let backward = Shape { backward: true, ..shape };
        assert_eq!(taken("xaxxExx", backward), "xxe");
        assert_eq!(taken("xaabxE", Shape { depth: 9, ..backward }), "abxe");
        assert_eq!(taken("abc", backward), "");
        assert_eq!(taken("xxyyE", Shape { collapse: true, has_start: false, ..backward }), "xye");
        assert_eq!(taken("abc", Shape { has_start: false, has_end: false, ..backward }), "abc");
    }
}
