//! The number of distinct values and the frequent ones, for more values than can be kept in memory.
//!
//! One table serves both. Each slot, chosen by a hash, holds the number of its rows (the first row of a Count-Min sketch) and the longest
//! run of zeros among its hashes (a HyperLogLog register).
//!
//! A value with at least 1 % of all rows has at least 1 % of the rows in at least one partition. At its last row there, the counts in its
//! slots are no less. So in any order of rows it passes the gate, which is slightly below 1 %, and becomes a candidate. From then on its
//! own rows are counted; they are at least 0.2 % of all rows. In the end, whether a candidate is frequent depends on the counts in its
//! slots, which do not depend on the order. Among millions of rare values, some share both slots with a frequent one; they have few rows
//! of their own, and are left out.

use super::hash::ByHash;

/// The number of hash bits that choose the slot.
const SLOT_BITS: u32 = 13;
const SLOTS: usize = 1 << SLOT_BITS;
/// The number of slots in the second row, chosen by the lowest bits of the hash.
const SECOND: usize = 4096;
/// A slot holds the count in its upper bits, and the register in the lowest eight.
const ONE: u64 = 1 << 8;
const REGISTER: u64 = ONE - 1;
/// The largest value of a register.
const MOST: u32 = 64 - SLOT_BITS + 1;
/// The gate: a value becomes a candidate from one in this many rows.
const GATE: u64 = 128;
/// A value is frequent from one in this many rows.
const FREQUENT: u64 = 100;
/// A frequent candidate must have counted at least one in this many rows itself.
const OWN: u64 = 1000;
/// Rare candidates are removed when there are more than this many.
const CANDIDATES: usize = 1024;

#[derive(Debug, Clone)]
pub struct Frequencies<V> {
    slots: Box<[u64]>,
    second: Box<[u64]>,
    rows: u64,
    /// The candidates, with the rows counted since they became candidates.
    candidates: ByHash<(V, u64)>,
    /// A direct-mapped cache in front of `candidates`: hashes of recent candidates with their rows not yet added there. Most rows that
    /// pass the gate belong to a few values.
    lately: Box<[(u64, u64)]>,
}

/// The size of that cache.
const LATELY: usize = 64;

impl<V: Clone> Frequencies<V> {
    pub fn new() -> Self {
        let table = |size| vec![0; size].into_boxed_slice();
        let lately = vec![(0, 0); LATELY].into_boxed_slice();
        Self { slots: table(SLOTS), second: table(SECOND), rows: 0, candidates: ByHash::default(), lately }
    }

    /// Counts one row. Returns true if its value may be frequent but is not in the cache of candidates; call [`Self::remember`] then.
    #[inline]
    pub fn add(&mut self, hash: u64) -> bool {
        self.add_rows(hash, 1)
    }

    #[inline]
    pub fn add_rows(&mut self, hash: u64, rows: u64) -> bool {
        self.rows += rows;
        let slot = &mut self.slots[(hash >> (64 - SLOT_BITS)) as usize];
        let run = u64::from((hash << SLOT_BITS).leading_zeros() + 1).min(u64::from(MOST));
        *slot = (*slot & !REGISTER) + rows * ONE + run.max(*slot & REGISTER);
        let count = *slot / ONE;
        let second = &mut self.second[hash as usize % SECOND];
        *second += rows;
        if count.min(*second) * GATE < self.rows {
            return false;
        }
        let lately = &mut self.lately[place(hash)];
        if lately.0 == hash {
            lately.1 += rows;
            return false;
        }
        true
    }

    /// Adds a value to the candidates, with the rows just counted.
    pub fn remember(&mut self, hash: u64, rows: u64, value: impl FnOnce() -> V) {
        let (before, counted) = std::mem::replace(&mut self.lately[place(hash)], (hash, 0));
        if let Some((_, own)) = self.candidates.get_mut(&before) {
            *own += counted;
        }
        self.candidates.entry(hash).or_insert_with(|| (value(), 0)).1 += rows;
        if self.candidates.len() > CANDIDATES {
            self.look_through();
        }
    }

    /// Adds the rows in the cache to the candidates, and empties it.
    fn settle(&mut self) {
        for (hash, rows) in &mut self.lately {
            if let Some((_, own)) = self.candidates.get_mut(hash) {
                *own += *rows;
            }
            (*hash, *rows) = (0, 0);
        }
    }

    /// Removes candidates that have become rare. A frequent one among them will occur again, and pass the gate again.
    fn look_through(&mut self) {
        self.settle();
        let (slots, second, rows) = (&self.slots, &self.second, self.rows);
        self.candidates.retain(|hash, _| count(slots, second, *hash) * GATE >= rows);
    }

    pub fn merge(&mut self, mut other: Self) {
        self.settle();
        other.settle();
        self.rows += other.rows;
        for (slot, other) in self.slots.iter_mut().zip(&other.slots) {
            *slot = (*slot & !REGISTER) + (other & !REGISTER) + (*slot & REGISTER).max(other & REGISTER);
        }
        for (slot, other) in self.second.iter_mut().zip(&other.second) {
            *slot += other;
        }
        for (hash, (value, rows)) in other.candidates {
            self.candidates.entry(hash).or_insert_with(|| (value, 0)).1 += rows;
        }
    }

    /// The frequent values with their approximate numbers of rows.
    pub fn frequent(&mut self) -> Vec<(V, u64)> {
        self.settle();
        let rows = self.rows as f64;
        let less = |count: u64, slots: usize| {
            let count = count as f64;
            // Rows of other values in the same slot, assuming that they are spread evenly.
            count - (rows - count).max(0.0) / (slots - 1) as f64
        };
        let own = self.candidates.iter().filter(|(_, (_, own))| own * OWN >= self.rows);
        let candidates = own.map(|(hash, (value, _))| {
            let first = self.slots[(hash >> (64 - SLOT_BITS)) as usize] / ONE;
            let second = self.second[*hash as usize % SECOND];
            (value.clone(), less(first, SLOTS).min(less(second, SECOND)).round().max(0.0) as u64)
        });
        candidates.filter(|(_, count)| count * FREQUENT >= self.rows).collect()
    }

    /// The approximate number of distinct values, by the improved raw estimator of Ertl, which needs no correction for small or large
    /// numbers.
    pub fn distinct(&self) -> u64 {
        let mut with_register = [0_u32; MOST as usize + 1];
        for slot in &self.slots {
            with_register[(slot & REGISTER) as usize] += 1;
        }
        let slots = SLOTS as f64;
        let mut sum = slots * tau(1.0 - f64::from(with_register[MOST as usize]) / slots);
        for register in (1..MOST as usize).rev() {
            sum = 0.5 * (sum + f64::from(with_register[register]));
        }
        sum += slots * sigma(f64::from(with_register[0]) / slots);
        let alpha = 0.5 / std::f64::consts::LN_2;
        (alpha * slots * slots / sum).round() as u64
    }

    /// Bytes on the heap, without those of the values.
    pub fn size(&self) -> usize {
        (SLOTS + SECOND + 2 * LATELY) * size_of::<u64>() + self.candidates.capacity() * (size_of::<V>() + 25)
    }
}

fn place(hash: u64) -> usize {
    (hash >> 20) as usize % LATELY
}

fn count(slots: &[u64], second: &[u64], hash: u64) -> u64 {
    (slots[(hash >> (64 - SLOT_BITS)) as usize] / ONE).min(second[hash as usize % SECOND])
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * y;
        y += y;
        if sum <= before {
            return sum;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        y *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * y;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::of_number;
    use super::*;

    fn filled(numbers: impl Iterator<Item = u64>) -> Frequencies<u64> {
        let mut found = Frequencies::new();
        for number in numbers {
            if found.add(of_number(number)) {
                found.remember(of_number(number), 1, || number);
            }
        }
        found
    }

    #[test]
    fn different_values_are_counted_to_a_few_percent() {
        for count in [1_000, 20_000, 100_000, 3_000_000_u64] {
            let distinct = filled(0..count).distinct() as f64;
            assert!((distinct / count as f64 - 1.0).abs() < 0.04, "{distinct} of {count}");
        }
    }

    #[test]
    fn frequent_values_are_found_in_any_order() {
        // 2 % of the rows are 7, 1.5 % are 8, 0.9 % are 9; all others are distinct.
        let number = |row: u64| match row % 1000 {
            0..20 => 7,
            20..35 => 8,
            35..44 => 9,
            _ => 1_000 + row,
        };
        let rows = 400_000_u64;
        let mut forward = filled((0..rows).map(number));
        let backward = filled((0..rows).rev().map(number));
        let mut sorted: Vec<u64> = (0..rows).map(number).collect();
        sorted.sort_unstable();
        let sorted = filled(sorted.into_iter());
        let named = |found: &Frequencies<u64>| {
            let mut frequent = found.clone().frequent();
            frequent.sort_unstable();
            frequent
        };
        let found = named(&forward);
        assert_eq!(found.iter().map(|(value, _)| *value).collect::<Vec<_>>(), [7, 8]);
        assert!(found[0].1.abs_diff(8_000) < 200 && found[1].1.abs_diff(6_000) < 200, "{found:?}");
        assert_eq!((named(&backward), named(&sorted)), (found.clone(), found));
        let distinct = forward.distinct();
        forward.merge(backward);
        assert_eq!((forward.distinct(), forward.rows), (distinct, 2 * rows));
    }

    #[test]
    fn a_rare_value_in_the_slots_of_a_frequent_one_is_not_frequent() {
        let frequent = of_number(1);
        // Equal in the first thirteen and the last twelve bits, so both share both slots.
        let rare = frequent ^ (1 << 30);
        let mut found = Frequencies::new();
        for row in 0..100_000_u64 {
            let (hash, value) = match row {
                50_000 => (rare, 2),
                row if row % 4 == 0 => (frequent, 1),
                row => (of_number(row + 10), row + 10),
            };
            if found.add(hash) {
                found.remember(hash, 1, || value);
            }
        }
        let frequent = found.frequent();
        assert!(frequent.len() == 1 && frequent[0].0 == 1 && frequent[0].1.abs_diff(25_000) < 100, "{frequent:?}");
    }
}
