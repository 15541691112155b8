//! Paths: sequences of a customer's events, from a start or up to an end.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::coded::Coded;
use super::events::Event;

/// The number of the condition that a path's first event meets.
pub const START: u8 = 0;
/// The number of the condition that a path's last event meets.
pub const END: u8 = 1;

/// Which part of a customer's events forms the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Goes backward from the last end event, instead of forward from the first start event.
    pub backward: bool,
    pub has_start: bool,
    pub has_end: bool,
    /// The most events in a path.
    pub depth: usize,
    /// Consecutive occurrences of the same event count once.
    pub collapses: bool,
}

/// Why a path stops where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It has reached the maximum depth.
    Deep,
    /// An event met the condition at the far side.
    Met,
    /// There are no more events.
    Out,
}

impl Cut {
    /// Writes the path of a customer into `path`, in time order. `None` if no event can begin one.
    pub fn path(&self, events: &[Event<Coded>], path: &mut Vec<u32>) -> Option<Ended> {
        path.clear();
        let ended = if self.backward {
            let is_end = |event: &Event<Coded>| !self.has_end || event.detail.fulfils(END);
            let last = events.iter().rposition(is_end)?;
            let far = self.has_start.then_some(START);
            let ended = self.walk(events[..=last].iter().rev(), far, path);
            path.reverse();
            ended
        } else {
            let is_start = |event: &Event<Coded>| !self.has_start || event.detail.fulfils(START);
            let first = events.iter().position(is_start)?;
            self.walk(events[first..].iter(), self.has_end.then_some(END), path)
        };
        Some(ended)
    }

    fn walk<'a>(&self, events: impl Iterator<Item = &'a Event<Coded>>, far: Option<u8>, path: &mut Vec<u32>) -> Ended {
        for (place, event) in events.enumerate() {
            if !(self.collapses && path.last() == Some(&event.detail.code)) {
                if path.len() == self.depth {
                    return Ended::Deep;
                }
                path.push(event.detail.code);
            }
            // The event that a path begins with cannot also be the one that ends it.
            if place > 0 && far.is_some_and(|far| event.detail.fulfils(far)) {
                return Ended::Met;
            }
        }
        Ended::Out
    }
}

/// Counts by key: the customers with each path or step, for example.
#[derive(Debug, Default)]
pub struct Counted<K, C> {
    pub counts: HashMap<K, C>,
    /// Approximate bytes on the heap.
    pub bytes: usize,
}

/// A count, or several counts side by side, that can be added up.
pub trait Count: Default {
    fn join(&mut self, other: Self);
}

impl Count for i64 {
    fn join(&mut self, other: Self) {
        *self += other;
    }
}

impl Count for [i64; 2] {
    fn join(&mut self, other: Self) {
        self[0] += other[0];
        self[1] += other[1];
    }
}

impl<C: Count> Counted<Box<[u32]>, C> {
    /// Adds to the count of a path.
    pub fn add(&mut self, path: &[u32], count: C) {
        if let Some(own) = self.counts.get_mut(path) {
            return own.join(count);
        }
        self.bytes += 4 * path.len() + 2 * (size_of::<Box<[u32]>>() + size_of::<C>());
        self.counts.insert(path.into(), count);
    }

    pub fn join(&mut self, other: Self) {
        if self.counts.is_empty() {
            *self = other;
            return;
        }
        for (path, count) in other.counts {
            self.add(&path, count);
        }
    }
}

/// A step of a path: its distance from where the path begins, from 1, and the two events. `None` stands before the first event of a path,
/// or after its last.
pub type Step = (u32, Option<u32>, Option<u32>);

impl Counted<Step, i64> {
    /// Adds all steps of a path, and its end if there were no more events.
    pub fn add_steps(&mut self, path: &[u32], backward: bool, ended: Ended) {
        let steps = path.len().saturating_sub(1);
        for (place, pair) in path.windows(2).enumerate() {
            let step = if backward { steps - place } else { place + 1 };
            self.add((step as u32, Some(pair[0]), Some(pair[1])), 1);
        }
        let far = if backward { path.first() } else { path.last() };
        if let (Ended::Out, Some(far)) = (ended, far) {
            let ends = if backward { (None, Some(*far)) } else { (Some(*far), None) };
            self.add((path.len() as u32, ends.0, ends.1), 1);
        }
    }

    fn add(&mut self, step: Step, count: i64) {
        let before = self.counts.len();
        *self.counts.entry(step).or_default() += count;
        self.bytes += (self.counts.len() - before) * 2 * (size_of::<Step>() + size_of::<i64>());
    }

    pub fn join(&mut self, other: Self) {
        if self.counts.is_empty() {
            *self = other;
            return;
        }
        for (step, count) in other.counts {
            self.add(step, count);
        }
    }
}

/// The distinct transitions of a path.
pub fn transitions(path: &[u32], seen: &mut HashSet<[u32; 2]>) {
    seen.clear();
    seen.extend(path.windows(2).map(|pair| [pair[0], pair[1]]));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(cut: &Cut, text: &str) -> Option<(String, Ended)> {
        // Uppercase letters start a path, digits end it.
        let events: Vec<Event<Coded>> = text
            .bytes()
            .enumerate()
            .map(|(time, byte)| {
                let flags = u8::from(byte.is_ascii_uppercase()) | u8::from(byte.is_ascii_digit()) << 1;
                Event { time: time as i64, tie: 0, detail: Coded { code: u32::from(byte), flags } }
            })
            .collect();
        let mut path = vec![];
        let ended = cut.path(&events, &mut path)?;
        Some((path.iter().map(|code| *code as u8 as char).collect(), ended))
    }

    #[test]
    fn paths_as_documented() {
        let all = Cut { backward: false, has_start: false, has_end: false, depth: 3, collapses: false };
        let of = |cut: Cut, text: &str| path_of(&cut, text);
        let some = |path: &str, ended| Some((path.to_string(), ended));
        assert_eq!(of(all, ""), None);
        assert_eq!(of(all, "ab"), some("ab", Ended::Out));
        assert_eq!(of(all, "abc"), some("abc", Ended::Out));
        assert_eq!(of(all, "abcd"), some("abc", Ended::Deep));
        assert_eq!(of(Cut { collapses: true, ..all }, "aabbbcc"), some("abc", Ended::Out));
        assert_eq!(of(Cut { has_start: true, ..all }, "aSbS"), some("SbS", Ended::Out));
        assert_eq!(of(Cut { has_start: true, ..all }, "ab"), None);
        assert_eq!(of(Cut { has_end: true, ..all }, "a1b"), some("a1", Ended::Met));
        assert_eq!(of(Cut { has_end: true, ..all }, "1a1b"), some("1a1", Ended::Met));
        let back = Cut { backward: true, ..all };
        assert_eq!(of(back, "abcd"), some("bcd", Ended::Deep));
        assert_eq!(of(Cut { has_end: true, ..back }, "ab1cd"), some("ab1", Ended::Out));
        assert_eq!(of(Cut { has_end: true, has_start: true, ..back }, "abS1cd"), some("S1", Ended::Met));
        assert_eq!(of(Cut { has_end: true, ..back }, "abc"), None);
    }

    #[test]
    fn joined_steps_take_the_bytes_of_all_of_them() {
        let of = |paths: &[[u32; 2]]| {
            let mut steps = Counted::default();
            paths.iter().for_each(|path| steps.add_steps(path, false, Ended::Met));
            steps
        };
        let (mut one, other) = (of(&[[1, 2], [1, 3]]), of(&[[1, 3], [1, 4], [2, 3]]));
        let all = of(&[[1, 2], [1, 3], [1, 3], [1, 4], [2, 3]]);
        one.join(other);
        assert_eq!((one.counts, one.bytes), (all.counts, all.bytes));
    }
}
