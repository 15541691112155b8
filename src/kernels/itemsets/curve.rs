//! Counts the itemsets at every support in one search.
//!
//! The search counts sets instead of returning them. Each set found is recorded by its count; when more sets are recorded than
//! allowed, the rarest are dropped and the threshold rises above them, as in mining the top k sets. At the end, the number of
//! sets is known for every threshold from the last one up, and the search has visited about as many sets as are allowed.
//!
//! Raising the threshold during the search loses nothing above it: no set is more frequent than its subsets, so every set that
//! is still wanted is reached through sets that are also wanted. Workers see a raised threshold late; the sets they record in
//! the meantime are below it and are dropped when the counts are merged, so the result does not depend on timing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use super::database::Database;
use super::itemsets::combinations;
use super::search::{Goal, Sink, Target, search};
use crate::kernels::control::{Control, Stop};

/// The number of itemsets with each count, from a threshold up.
#[derive(Debug, Clone)]
pub struct Curve {
    /// The smallest count with a known number of sets; below it there may be more sets than allowed.
    pub known_from: u32,
    by_count: BTreeMap<u32, u64>,
}

impl Curve {
    /// Counts the sets of the goal; keeps the counts of at most `most` sets.
    pub fn count(database: &Database<'_>, goal: &Goal, most: u64, control: Control<'_>) -> Result<Self, Stop> {
        let min_count = AtomicU32::new(database.min_count);
        let all = Mutex::new((BTreeMap::new(), 0_u128));
        let counted = Counting { min_count: &min_count, all: &all, most, goal, noted: BTreeMap::new(), number: 0 };
        let sinks = search(database, goal, control, || counted.clone())?;
        sinks.into_iter().for_each(|mut sink| sink.flush());
        let (by_count, _) = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Self { known_from: min_count.into_inner(), by_count })
    }

    /// Number of sets with at least this count; `None` if that is more than allowed.
    pub fn at(&self, count: u32) -> Option<u64> {
        (count >= self.known_from).then(|| self.by_count.range(count..).map(|(_, sets)| sets).sum())
    }

    /// The lowest threshold that leaves no more than the allowed number of sets, with that number; `None` if nothing was counted.
    pub fn least(&self) -> Option<(u32, u64)> {
        let (count, _) = self.by_count.first_key_value()?;
        Some((*count, self.by_count.values().sum()))
    }
}

#[derive(Clone)]
struct Counting<'a> {
    min_count: &'a AtomicU32,
    all: &'a Mutex<(BTreeMap<u32, u64>, u128)>,
    most: u64,
    goal: &'a Goal,
    noted: BTreeMap<u32, u64>,
    number: usize,
}

/// Calls to `found` after which a worker adds its counts to the shared ones.
const PORTION: usize = 1024;

impl Counting<'_> {
    fn flush(&mut self) {
        self.number = 0;
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let (by_count, total) = &mut *all;
        let min_count = self.min_count.load(Ordering::Relaxed);
        for (count, sets) in std::mem::take(&mut self.noted) {
            if count >= min_count {
                let noted = by_count.entry(count).or_default();
                let more = sets.min(u64::MAX - *noted);
                *noted += more;
                *total += u128::from(more);
            }
        }
        while *total > u128::from(self.most)
            && let Some((count, sets)) = by_count.pop_first()
        {
            *total -= u128::from(sets);
            self.min_count.fetch_max(count.saturating_add(1), Ordering::Relaxed);
        }
    }
}

impl Sink for Counting<'_> {
    fn min_count(&self) -> u32 {
        self.min_count.load(Ordering::Relaxed)
    }

    fn found(&mut self, prefix: &[u32], perfect: &[u32], count: u32) -> Result<(), Stop> {
        let sets = match self.goal.target {
            Target::Frequent => combinations(prefix.len(), perfect.len(), self.goal.max_len),
            _ => 1,
        };
        let noted = self.noted.entry(count).or_default();
        *noted = noted.saturating_add(sets);
        self.number += 1;
        if self.number >= PORTION || sets > self.most {
            self.flush();
        }
        Ok(())
    }
}

/// Frequent items and pairs at given counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Small {
    pub items: u64,
    pub pairs: u64,
    /// Upper bound on the number of itemsets: each consists of its rarest item and some partners of that item.
    pub itemsets_at_most: f64,
}

/// Counts the frequent items and pairs at each of `counts`, none of which may be below the database's threshold.
pub fn small(database: &Database<'_>, counts: &[u32], control: Control<'_>) -> Result<Vec<Small>, Stop> {
    let goal = Goal::all(Target::Frequent, 2);
    let start = || Partners {
        min_count: database.min_count,
        counts,
        head: None,
        partners: vec![0; counts.len()],
        small: vec![Small::default(); counts.len()],
    };
    let sinks = search(database, &goal, control, start)?;
    let mut all = vec![Small::default(); counts.len()];
    for mut sink in sinks {
        sink.close();
        for (all, part) in all.iter_mut().zip(sink.small) {
            all.items += part.items;
            all.pairs += part.pairs;
            all.itemsets_at_most += part.itemsets_at_most;
        }
    }
    Ok(all)
}

/// A sink that counts the partners of each class's head.
struct Partners<'a> {
    min_count: u32,
    counts: &'a [u32],
    /// Count of the current class's head.
    head: Option<u32>,
    /// Number of partners of the head at each of `counts`.
    partners: Vec<u64>,
    small: Vec<Small>,
}

impl Partners<'_> {
    fn close(&mut self) {
        let Some(head) = self.head.take() else { return };
        for ((least, partners), small) in self.counts.iter().zip(&mut self.partners).zip(&mut self.small) {
            if head >= *least {
                small.items += 1;
                small.pairs += *partners;
                small.itemsets_at_most += (*partners as f64).exp2();
            }
            *partners = 0;
        }
    }

    fn add_partners(&mut self, count: u32, number: usize) {
        for (least, partners) in self.counts.iter().zip(&mut self.partners) {
            if count >= *least {
                *partners += number as u64;
            }
        }
    }
}

impl Sink for Partners<'_> {
    fn min_count(&self) -> u32 {
        self.min_count
    }

    fn found(&mut self, prefix: &[u32], perfect: &[u32], count: u32) -> Result<(), Stop> {
        match prefix {
            [] => {
                let items = perfect.len() as u64;
                for (_, small) in self.counts.iter().zip(&mut self.small).filter(|(least, _)| count >= **least) {
                    small.items += items;
                    small.pairs += items * items.saturating_sub(1) / 2;
                    small.itemsets_at_most += (items as f64).exp2() - 1.0;
                }
            }
            [_] => {
                self.close();
                self.head = Some(count);
                self.add_partners(count, perfect.len());
            }
            _ => self.add_partners(count, 1),
        }
        Ok(())
    }
}
