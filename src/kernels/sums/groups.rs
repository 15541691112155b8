//! The sums of many groups.

use std::collections::BTreeMap;

use super::window::{BLOCK, Window};
use crate::kernels::superaccumulator::Superaccumulator;

pub type Numbers = Sums<4, -128>;
pub type Products = Sums<8, -256>;

/// One sum per group. Groups are numbered from 0.
#[derive(Debug, Clone, Default)]
pub struct Sums<const WORDS: usize, const LEAST: i32> {
    windows: Vec<Window<WORDS, LEAST>>,
    /// What does not fit into the window of a group.
    beyond: BTreeMap<usize, Beyond>,
}

/// The part of a sum that its window has no place for.
#[derive(Debug, Clone, Default)]
struct Beyond {
    sum: Superaccumulator,
    /// The numbers of NaN, +∞ and −∞ that have been added.
    special: [i64; 3],
}

impl Beyond {
    fn add(&mut self, number: f64, rows: i64) {
        let kinds = [number.is_nan(), number == f64::INFINITY, number == f64::NEG_INFINITY];
        match kinds.iter().position(|is| *is) {
            Some(kind) => self.special[kind] += rows,
            None => self.sum.add(if rows < 0 { -number } else { number }),
        }
    }

    /// NaN or an infinity, if the sum is one.
    fn special(&self) -> Option<f64> {
        match self.special.map(|rows| rows > 0) {
            [true, ..] | [_, true, true] => Some(f64::NAN),
            [_, true, _] => Some(f64::INFINITY),
            [_, _, true] => Some(f64::NEG_INFINITY),
            [false, false, false] => None,
        }
    }

    fn merge(&mut self, words: &[i64]) {
        if let Some((special, sum)) = words.split_first_chunk::<3>() {
            self.special.iter_mut().zip(special).for_each(|(own, rows)| *own += rows);
            self.sum.merge_words(sum);
        }
    }
}

impl<const WORDS: usize, const LEAST: i32> Sums<WORDS, LEAST> {
    /// Sets the number of groups, which never decreases.
    pub fn grow(&mut self, total: usize) {
        self.windows.resize(total.max(self.windows.len()), Window::default());
    }

    #[inline]
    pub fn add(&mut self, group: usize, number: f64) {
        if !self.windows[group].add(number) {
            self.add_beyond(group, number, 1);
        }
    }

    /// Loads the windows of many groups, so that the processor waits for all of them at once instead of one after another.
    #[inline]
    pub fn fetch(&self, groups: &[usize]) {
        std::hint::black_box(groups.iter().fold(0, |all, group| all ^ self.windows[*group].lowest_word()));
    }

    /// Takes a number that has been added away again.
    pub fn subtract(&mut self, group: usize, number: f64) {
        if !self.windows[group].add(-number) {
            self.add_beyond(group, number, -1);
        }
    }

    #[cold]
    fn add_beyond(&mut self, group: usize, number: f64, rows: i64) {
        self.beyond.entry(group).or_default().add(number, rows);
    }

    /// Adds the product of two finite numbers. To take it away again, negate one of them.
    #[inline]
    pub fn add_product(&mut self, group: usize, one: f64, other: f64) {
        if !self.windows[group].add_product(one, other) {
            self.beyond.entry(group).or_default().sum.add_product(one, other);
        }
    }

    /// Adds many numbers to one group.
    pub fn add_all(&mut self, group: usize, numbers: &[f64]) {
        /// Below this, a block costs more than it saves: window frames grow row by row.
        const FEW: usize = 16;
        for block in numbers.chunks(BLOCK) {
            if block.len() < FEW || !self.windows[group].add_block(block) {
                block.iter().for_each(|number| self.add(group, *number));
            }
        }
    }

    /// The sum of a group, correctly rounded.
    pub fn value(&self, group: usize) -> f64 {
        match self.beyond.get(&group) {
            None => self.windows[group].value(),
            Some(beyond) => beyond.special().unwrap_or_else(|| self.exact(group).value()),
        }
    }

    /// NaN or an infinity, if the sum of a group is one.
    pub fn special(&self, group: usize) -> Option<f64> {
        self.beyond.get(&group)?.special()
    }

    /// The exact sum of the finite numbers of a group.
    pub fn exact(&self, group: usize) -> Superaccumulator {
        let mut total = self.beyond.get(&group).map(|beyond| beyond.sum.clone()).unwrap_or_default();
        self.windows[group].add_to(&mut total);
        total
    }

    /// The window of a group, if it holds the whole sum.
    pub fn window(&self, group: usize) -> Option<&Window<WORDS, LEAST>> {
        if self.beyond.contains_key(&group) { None } else { self.windows.get(group) }
    }

    /// Appends the bytes of a sum, for [`Self::merge`]: the window, then the words of what is beyond it, if there is anything.
    pub fn write(&self, group: usize, bytes: &mut Vec<u8>) {
        self.windows[group].write(bytes);
        if let Some(beyond) = self.beyond.get(&group) {
            let words = beyond.special.into_iter().chain(beyond.sum.words());
            words.for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        }
    }

    /// Adds a sum from its bytes.
    pub fn merge(&mut self, group: usize, bytes: &[u8]) {
        let Some((window, beyond)) = Window::read(bytes) else { return };
        self.windows[group].merge(&window);
        if !beyond.is_empty() {
            let words: Vec<i64> = beyond.as_chunks::<8>().0.iter().map(|word| i64::from_le_bytes(*word)).collect();
            self.beyond.entry(group).or_default().merge(&words);
        }
    }

    /// Removes the first groups; the others are renumbered from 0.
    pub fn forget(&mut self, first: usize) {
        if first >= self.windows.len() {
            *self = Self::default();
            return;
        }
        self.windows.drain(..first);
        let kept = self.beyond.split_off(&first);
        self.beyond = kept.into_iter().map(|(group, beyond)| (group - first, beyond)).collect();
    }

    /// Bytes on the heap.
    pub fn size(&self) -> usize {
        /// A map of trees has nodes that are half empty; a superaccumulator has about eight digits.
        const BEYOND: usize = 2 * size_of::<(usize, Beyond)>() + 64;
        self.windows.capacity() * size_of::<Window<WORDS, LEAST>>() + self.beyond.len() * BEYOND
    }
}
