//! Frequent sequences, by PrefixSpan (Pei et al. 2001) with pseudo-projection.
//!
//! A sequence is frequent if enough customers have its events in this order, with or without others in between. The projection
//! of a prefix is not copied: for each customer with the prefix, the positions where it can end are stored. Without a time
//! limit, the first position is sufficient; with one, each position may be the only one from which a later event is near
//! enough.
//! ```text
//! events ─▶ each frequent event: a prefix and its ends ─▶ events that follow the ends often enough ─▶ longer prefixes …
//!           (workers take one after another)              (counted in one pass, then their ends noted)
//! ```

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::kernels::control::{Control, Reserved, Stop};

/// The events of all customers, one after another.
#[derive(Debug, Default)]
pub struct Sequences {
    /// The code of each event.
    pub items: Vec<u32>,
    pub times: Vec<i64>,
    /// For each event that stands for a run of repeats, the time of the last of them; empty if no event does.
    untils: Vec<i64>,
    /// The position after the last event of each customer.
    pub ends: Vec<usize>,
}

impl Sequences {
    pub fn push(&mut self, events: impl Iterator<Item = (i64, u32)>) {
        for (time, item) in events {
            self.items.push(item);
            self.times.push(time);
        }
        self.ends.push(self.items.len());
    }

    /// Adds events of which each stands for a run of repeats, with the times of the first and the last of them. All sequences must be added
    /// in the same way.
    pub fn push_runs(&mut self, runs: impl Iterator<Item = (i64, i64, u32)>) {
        for (first, last, item) in runs {
            self.items.push(item);
            self.times.push(first);
            self.untils.push(last);
        }
        self.ends.push(self.items.len());
    }

    /// The time from which the gap after an event counts.
    fn until(&self, place: usize) -> i64 {
        self.untils.get(place).copied().unwrap_or(self.times[place])
    }

    pub fn join(&mut self, other: &Self) {
        let before = self.items.len();
        self.items.extend(&other.items);
        self.times.extend(&other.times);
        self.untils.extend(&other.untils);
        self.ends.extend(other.ends.iter().map(|end| end + before));
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        4 * self.items.capacity() + 8 * (self.times.capacity() + self.untils.capacity() + self.ends.capacity())
    }

    fn begin(&self, sequence: usize) -> usize {
        sequence.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}

/// What to search for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// The minimum support: the number of sequences that must contain the pattern.
    pub min_count: usize,
    pub min_len: usize,
    pub max_len: usize,
    /// The longest time between an event and the one before it.
    pub max_gap: Option<i64>,
    /// The search fails if it finds more patterns.
    pub most: usize,
}

/// A frequent sequence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub events: Vec<u32>,
    pub count: usize,
    /// The number of sequences that contain it without its last event; for a single event, the number of all sequences.
    pub before: usize,
}

/// The patterns found, and the memory reserved for them.
pub struct Frequent<'a> {
    pub found: Vec<Found>,
    _reserved: Vec<Reserved<'a>>,
}

/// The positions where a prefix can end, ascending, as (sequence, position among all events).
type Ends = Vec<(u32, u32)>;

/// Finds all frequent sequences: the most frequent first, ties by length, then by their events. `progress` is called with the number of
/// patterns found since the last call.
pub fn frequent<'a>(
    sequences: &Sequences,
    goal: &Goal,
    control: Control<'a>,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Frequent<'a>, Stop> {
    if sequences.items.len() > u32::MAX as usize {
        return Err(Stop::TooLarge);
    }
    let items = sequences.items.iter().max().map_or(0, |most| *most as usize + 1);
    let search = Search { sequences, goal, control, found: AtomicUsize::new(0) };
    let _whole = control.reserve(items * 16 * control.workers + sequences.items.len() * size_of::<(u32, u32)>())?;
    let mut firsts = Scratch::new(items);
    let firsts = search.firsts(&mut firsts)?;
    let firsts: Vec<Mutex<Option<(u32, usize, Ends)>>> = firsts.into_iter().map(|first| Mutex::new(Some(first))).collect();
    let all = sequences.ends.len();
    let workers = control.share(
        firsts.len(),
        || (Scratch::new(items), Noted { control, found: vec![], bytes: 0, reserved: None }),
        |(scratch, noted), job| {
            let first = firsts[job].lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            let Some((item, count, ends)) = first else { return Ok(()) };
            let before = noted.found.len();
            let mut prefix = vec![item];
            search.note(&prefix, count, all, noted)?;
            search.grow(&mut prefix, count, &ends, scratch, noted)?;
            progress(noted.found.len() - before);
            Ok(())
        },
    )?;
    let (mut found, mut _reserved) = (vec![], vec![]);
    for (_, noted) in workers {
        found.extend(noted.found);
        _reserved.extend(noted.reserved);
    }
    found.sort_unstable_by(|a, b| {
        b.count.cmp(&a.count).then(a.events.len().cmp(&b.events.len())).then_with(|| a.events.cmp(&b.events))
    });
    Ok(Frequent { found, _reserved })
}

/// The patterns that one worker has found.
struct Noted<'a> {
    control: Control<'a>,
    found: Vec<Found>,
    bytes: usize,
    reserved: Option<Reserved<'a>>,
}

impl Noted<'_> {
    /// Adds a pattern. Memory is reserved before it is needed, for many patterns at a time.
    fn add(&mut self, events: &[u32], count: usize, before: usize) -> Result<(), Stop> {
        const STEP: usize = 1 << 16;
        // Counted twice, because the workers' lists are then moved into one.
        self.bytes += 2 * size_of::<Found>() + 4 * events.len();
        let taken = self.bytes.next_multiple_of(STEP);
        match &mut self.reserved {
            Some(reserved) => reserved.at_least(taken)?,
            None => self.reserved = Some(self.control.reserve(taken)?),
        }
        self.found.push(Found { events: events.to_vec(), count, before });
        Ok(())
    }
}

/// Counts per item; reused for every prefix.
struct Scratch {
    counts: Vec<u32>,
    /// Per item, the last sequence in which it was counted, plus one; 0 if there is none.
    seen: Vec<u32>,
    touched: Vec<u32>,
    /// Per item, the position of its list of ends; `u32::MAX` between uses.
    places: Vec<u32>,
}

impl Scratch {
    fn new(items: usize) -> Self {
        Self { counts: vec![0; items], seen: vec![0; items], touched: vec![], places: vec![u32::MAX; items] }
    }

    /// Counts an item at most once per sequence.
    fn count(&mut self, item: u32, sequence: u32) {
        let seen = &mut self.seen[item as usize];
        if *seen != sequence + 1 {
            *seen = sequence + 1;
            if self.counts[item as usize] == 0 {
                self.touched.push(item);
            }
            self.counts[item as usize] += 1;
        }
    }

    /// Returns the items with at least `least` occurrences in ascending order, with their counts, and resets all counts.
    fn take(&mut self, least: usize) -> Vec<(u32, usize)> {
        let mut often = vec![];
        for item in self.touched.drain(..) {
            let count = std::mem::take(&mut self.counts[item as usize]) as usize;
            self.seen[item as usize] = 0;
            if count >= least {
                often.push((item, count));
            }
        }
        often.sort_unstable();
        often
    }
}

struct Search<'a> {
    sequences: &'a Sequences,
    goal: &'a Goal,
    control: Control<'a>,
    found: AtomicUsize,
}

impl Search<'_> {
    fn note(&self, prefix: &[u32], count: usize, before: usize, noted: &mut Noted<'_>) -> Result<(), Stop> {
        if prefix.len() < self.goal.min_len {
            return Ok(());
        }
        if self.found.fetch_add(1, Ordering::Relaxed) >= self.goal.most {
            return Err(Stop::TooMany);
        }
        noted.add(prefix, count, before)
    }

    /// The frequent events, each with the positions where it occurs.
    fn firsts(&self, scratch: &mut Scratch) -> Result<Vec<(u32, usize, Ends)>, Stop> {
        self.each(None, |sequence, _, item| scratch.count(item, sequence))?;
        let often = scratch.take(self.goal.min_count);
        self.ends(often, scratch, None)
    }

    /// Collects the ends of frequent items. Without a time limit, the first end of each sequence is enough: what follows a later end also
    /// follows the first.
    fn ends(
        &self,
        often: Vec<(u32, usize)>,
        scratch: &mut Scratch,
        after: Option<&Ends>,
    ) -> Result<Vec<(u32, usize, Ends)>, Stop> {
        let places = &mut scratch.places;
        let mut kept: Vec<(u32, usize, Ends)> = vec![];
        for (item, count) in often {
            places[item as usize] = kept.len() as u32;
            kept.push((item, count, Vec::with_capacity(count)));
        }
        if kept.is_empty() {
            return Ok(kept);
        }
        let is_first_enough = self.goal.max_gap.is_none();
        self.each(after, |sequence, place, item| {
            if let Some((_, _, ends)) = kept.get_mut(places[item as usize] as usize)
                && !(is_first_enough && ends.last().is_some_and(|(last, _)| *last == sequence))
            {
                ends.push((sequence, place));
            }
        })?;
        kept.iter().for_each(|(item, _, _)| places[*item as usize] = u32::MAX);
        Ok(kept)
    }

    /// Extends a prefix by each event that follows it often enough, depth first.
    fn grow(
        &self,
        prefix: &mut Vec<u32>,
        count: usize,
        ends: &Ends,
        scratch: &mut Scratch,
        noted: &mut Noted<'_>,
    ) -> Result<(), Stop> {
        if prefix.len() == self.goal.max_len {
            return Ok(());
        }
        self.each(Some(ends), |sequence, _, item| scratch.count(item, sequence))?;
        let often = scratch.take(self.goal.min_count);
        // One end per sequence; with a time limit there may be more, so the reservation is corrected below.
        let mut projected = self.control.reserve(often.iter().map(|(_, count)| count * size_of::<(u32, u32)>()).sum())?;
        let next = self.ends(often, scratch, Some(ends))?;
        projected.at_least(next.iter().map(|(_, _, ends)| ends.capacity() * size_of::<(u32, u32)>()).sum())?;
        for (item, next_count, ends) in next {
            prefix.push(item);
            self.note(prefix, next_count, count, noted)?;
            self.grow(prefix, next_count, &ends, scratch, noted)?;
            prefix.pop();
        }
        Ok(())
    }

    /// Calls `visit` with the sequence, position and code of every event that can follow a prefix with these ends; without ends, of every
    /// event.
    ///
    /// # Errors
    /// The call is cancelled.
    fn each(&self, after: Option<&Ends>, mut visit: impl FnMut(u32, u32, u32)) -> Result<(), Stop> {
        const SEQUENCES_PER_CHECK: usize = 256;
        let Sequences { items, times, untils: _, ends: whole } = self.sequences;
        let Some(after) = after else {
            for (sequence, end) in whole.iter().enumerate() {
                if sequence.is_multiple_of(SEQUENCES_PER_CHECK) {
                    self.control.check()?;
                }
                let begin = self.sequences.begin(sequence);
                for (place, item) in (begin as u32..).zip(&items[begin..*end]) {
                    visit(sequence as u32, place, *item);
                }
            }
            return Ok(());
        };
        let (mut rest, mut visited) = (after.as_slice(), 0_usize);
        while let Some((sequence, first)) = rest.first().copied() {
            if visited.is_multiple_of(SEQUENCES_PER_CHECK) {
                self.control.check()?;
            }
            visited += 1;
            let own = rest.iter().take_while(|(other, _)| *other == sequence).count();
            let (own, others) = rest.split_at(own);
            rest = others;
            let mut latest = 0;
            for place in first as usize + 1..whole[sequence as usize] {
                // The latest end before this event is the nearest one.
                while own.get(latest + 1).is_some_and(|(_, end)| (*end as usize) < place) {
                    latest += 1;
                }
                let since = times[place].saturating_sub(self.sequences.until(own[latest].1 as usize));
                if self.goal.max_gap.is_none_or(|most| since <= most) {
                    visit(sequence, place as u32, items[place]);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::kernels::control::unlimited::control;

    /// All parts of a sequence, tried one by one.
    fn parts(events: &[(i64, u32)], goal: &Goal, part: &mut Vec<u32>, last: Option<i64>, all: &mut BTreeSet<Vec<u32>>) {
        for (place, (time, item)) in events.iter().enumerate() {
            if last.is_some_and(|last| goal.max_gap.is_some_and(|most| time - last > most)) || part.len() == goal.max_len {
                continue;
            }
            part.push(*item);
            all.insert(part.clone());
            parts(&events[place + 1..], goal, part, Some(*time), all);
            part.pop();
        }
    }

    #[test]
    fn random_sequences_as_by_trying_all() {
        let mut seed = 9_u64;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let mut total = 0;
        for case in 0..2_000 {
            let goal = Goal {
                min_count: 1 + draw(3) as usize,
                min_len: 1 + draw(2) as usize,
                max_len: 1 + draw(5) as usize,
                max_gap: (draw(2) == 0).then(|| draw(4) as i64),
                most: usize::MAX,
            };
            let mut sequences = Sequences::default();
            let mut counts: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
            let customers = 1 + draw(6) as usize;
            for _ in 0..customers {
                let mut time = 0;
                let events: Vec<(i64, u32)> = (0..draw(8))
                    .map(|_| {
                        time += draw(3) as i64;
                        (time, draw(4) as u32)
                    })
                    .collect();
                let mut all = BTreeSet::new();
                parts(&events, &goal, &mut vec![], None, &mut all);
                all.into_iter().for_each(|part| *counts.entry(part).or_default() += 1);
                sequences.push(events.into_iter());
            }
            let mut expected: Vec<Found> = counts
                .iter()
                .filter(|(part, count)| **count >= goal.min_count && part.len() >= goal.min_len)
                .map(|(part, count)| {
                    let before = if part.len() == 1 { customers } else { counts[&part[..part.len() - 1]] };
                    Found { events: part.clone(), count: *count, before }
                })
                .collect();
            expected.sort_by_key(|found| (usize::MAX - found.count, found.events.len(), found.events.clone()));
            for workers in [1, 3] {
                assert_eq!(
                    frequent(&sequences, &goal, control(workers), &|_| ()).unwrap().found,
                    expected,
                    "case {case} {goal:?}"
                );
            }
            total += expected.len();
        }
        assert!(total > 10_000, "{total}");
    }

    #[test]
    fn a_gap_counts_from_the_last_repeat() {
        let mut sequences = Sequences::default();
        sequences.push_runs([(0, 9, 0), (10, 10, 1)].into_iter());
        let goal = Goal { min_count: 1, min_len: 2, max_len: 2, max_gap: Some(1), most: 10 };
        let found = frequent(&sequences, &goal, control(1), &|_| ()).unwrap().found;
        assert_eq!(found, [Found { events: vec![0, 1], count: 1, before: 1 }]);
    }

    #[test]
    fn too_many() {
        let mut sequences = Sequences::default();
        sequences.push((0..40).map(|item| (i64::from(item), item)));
        let goal = Goal { min_count: 1, min_len: 1, max_len: 40, max_gap: None, most: 1_000 };
        assert_eq!(frequent(&sequences, &goal, control(2), &|_| ()).err(), Some(Stop::TooMany));
    }
}
