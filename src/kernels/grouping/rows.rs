//! The common measures of groups, side by side: a row of the input touches one or two cache lines for all of them.
//!
//! Each group has a row of words. With an array per measure instead, a row of the input would miss the processor's caches once per
//! measure, which costs more than the additions.
//!
//! ```text
//! word 0                         word 1        word 2         word 3
//! number of rows │ flags         64-bit sum    least value    two counts of 32 bits
//! ```
//! A flag says that a measure has met a value; without it, the measure of the group is NULL. The first count shares its word with the flags.
//!
//! Rows begin narrow. Before a sum could leave 64 bits or a count 32 bits, all rows are rewritten once with sums of 128 bits and counts of
//! 64, so results are exact in either form.

use std::ops::Range;

use arrow::buffer::NullBuffer;

use super::chunks::Chunks;

/// Bits of the first word that are flags; 2⁴⁸ rows are more than anyone has.
const FLAGS: u32 = 16;

/// Bytes of rows that stay in the processor's first cache beside the input.
const NEAR: usize = 16 << 10;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Number of rows.
    Count,
    /// Sum of integers in 128 bits, which wraps beyond them.
    Sum,
    /// The least value of 64 bits.
    Least,
    /// The greatest value of 64 bits.
    Greatest,
}

/// One of the measures of [`Rows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure(usize);

/// Where a measure is in the row of a group.
#[derive(Debug, Clone, Copy)]
struct Place {
    word: usize,
    /// The lowest bit of a count.
    shift: u32,
    /// The flag of a measure that is not a count, in the first word.
    flag: u64,
}

/// How the words of two partitions' rows are merged.
#[derive(Debug, Clone, Copy)]
enum Merge {
    /// One or two counts, or a sum of 64 bits.
    Add,
    /// The sum of 128 bits in this word and the next one.
    AddWide,
    Least,
    Greatest,
}

/// The places of all measures.
#[derive(Debug, Default, Clone)]
struct Layout {
    is_wide: bool,
    places: Vec<Place>,
    /// What the row of a new group is.
    template: Vec<u64>,
    /// How the words behind the first one are merged.
    merges: Vec<(usize, Merge)>,
}

impl Layout {
    fn new(kinds: &[Kind], is_wide: bool) -> Self {
        let mut layout = Self { is_wide, template: vec![0], ..Self::default() };
        let (mut is_first_count, mut half) = (true, None);
        for kind in kinds {
            let place = match kind {
                Kind::Count if is_first_count => {
                    is_first_count = false;
                    Place { word: 0, shift: FLAGS, flag: 0 }
                }
                Kind::Count => match half.take() {
                    Some(word) => Place { word, shift: 32, flag: 0 },
                    None => {
                        let word = layout.push(Merge::Add, &[0]);
                        half = (!is_wide).then_some(word);
                        Place { word, shift: 0, flag: 0 }
                    }
                },
                Kind::Sum if is_wide => layout.flagged(Merge::AddWide, &[0, 0]),
                Kind::Sum => layout.flagged(Merge::Add, &[0]),
                Kind::Least => layout.flagged(Merge::Least, &[i64::MAX as u64]),
                Kind::Greatest => layout.flagged(Merge::Greatest, &[i64::MIN as u64]),
            };
            layout.places.push(place);
        }
        // An even number of words: a short row does not lie across two cache lines.
        if layout.template.len() > 1 && !layout.template.len().is_multiple_of(2) {
            layout.template.push(0);
        }
        layout
    }

    /// The place of a new measure that is not a count.
    fn flagged(&mut self, merge: Merge, words: &[u64]) -> Place {
        let flags = self.places.iter().filter(|place| place.flag > 0).count();
        Place { word: self.push(merge, words), shift: 0, flag: 1 << flags }
    }

    fn push(&mut self, merge: Merge, words: &[u64]) -> usize {
        let word = self.template.len();
        self.template.extend_from_slice(words);
        self.merges.push((word, merge));
        word
    }

    fn count(&self, place: Place, own: &[u64]) -> u64 {
        let bits = own[place.word] >> place.shift;
        if self.is_wide || place.word == 0 { bits } else { bits & u64::from(u32::MAX) }
    }

    fn sum(&self, place: Place, own: &[u64]) -> i128 {
        if self.is_wide { wide(own, place.word) as i128 } else { i128::from(own[place.word] as i64) }
    }
}

/// What each row of the input adds to one word of its group's row.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    word: usize,
    add: u64,
    flags: u64,
}

/// The rows of all groups.
#[derive(Debug, Default)]
pub struct Rows {
    kinds: Vec<Kind>,
    layout: Layout,
    words: Option<Chunks<u64>>,
    /// No count is greater, and no sum is farther from 0.
    most: (u64, u128),
}

impl Rows {
    /// Adds a measure, while there are no groups; `None` if the row has no flag left for it.
    pub fn measure(&mut self, kind: Kind) -> Option<Measure> {
        let flags = self.kinds.iter().filter(|kind| **kind != Kind::Count).count();
        if kind != Kind::Count && flags == FLAGS as usize {
            return None;
        }
        self.kinds.push(kind);
        self.layout = Layout::new(&self.kinds, false);
        Some(Measure(self.kinds.len() - 1))
    }

    /// All measures.
    pub fn measures(&self) -> impl Iterator<Item = Measure> + use<> {
        (0..self.kinds.len()).map(Measure)
    }

    pub fn kind(&self, measure: Measure) -> Kind {
        self.kinds[measure.0]
    }

    /// Bytes in use.
    pub fn size(&self) -> usize {
        self.words.as_ref().map_or(0, Chunks::size)
    }

    /// Prepares for this many rows with values that are at most so far from 0.
    pub fn expect(&mut self, rows: usize, magnitude: u128) {
        let (count, sum) = self.most;
        self.most = (count.saturating_add(rows as u64), sum.saturating_add(magnitude.saturating_mul(rows as u128)));
        self.widen_if_needed();
    }

    fn widen_if_needed(&mut self) {
        let (count, sum) = self.most;
        if !self.layout.is_wide && (count > u64::from(u32::MAX) || sum > i64::MAX as u128) {
            self.widen();
        }
    }

    fn widen(&mut self) {
        let (layout, old) = (Layout::new(&self.kinds, true), &self.layout);
        let places = || self.kinds.iter().zip(&old.places).zip(&layout.places);
        if let Some(words) = &mut self.words {
            words.rewrite(&layout.template, |narrow, row| {
                row[0] = narrow[0];
                for ((kind, from), to) in places() {
                    match kind {
                        Kind::Count if to.word == 0 => {}
                        Kind::Count => row[to.word] = old.count(*from, narrow),
                        Kind::Sum => add(row, to.word, old.sum(*from, narrow) as u128),
                        Kind::Least | Kind::Greatest => row[to.word] = narrow[from.word],
                    }
                }
            });
        }
        self.layout = layout;
    }

    /// Sets the number of groups, which never decreases.
    pub fn grow(&mut self, total: usize) {
        let template = &self.layout.template;
        self.words.get_or_insert_with(|| Chunks::new(template.len())).grow(total, template);
    }

    /// Takes out the rows of a range of groups, see [`Chunks::take`].
    pub fn take(&mut self, groups: &Range<usize>) -> Self {
        let words = self.words.as_mut().map(|words| words.take(groups));
        Self { kinds: self.kinds.clone(), layout: self.layout.clone(), words, most: self.most }
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.words.as_ref().map_or(0, Chunks::len)
    }

    /// The number of input rows that all measures should take before the next ones, so that the rows of their groups stay in the
    /// processor's first cache.
    pub fn block(&self) -> usize {
        (NEAR / (self.layout.template.len().max(1) * size_of::<u64>())).clamp(64, 512)
    }

    /// What each row adds to the words of its group, if it is counted by `counts` and has values of `met`, measures that are not counts.
    pub fn steps(&self, counts: &[Measure], met: &[Measure]) -> Vec<Step> {
        let mut steps: Vec<Step> = vec![];
        let counted = counts.iter().map(|count| self.layout.places[count.0]).map(|place| (place.word, 1 << place.shift, 0));
        for (word, add, flag) in counted.chain(met.iter().map(|met| (0, 0, self.layout.places[met.0].flag))) {
            match steps.iter_mut().find(|step| step.word == word) {
                Some(step) => (step.add, step.flags) = (step.add + add, step.flags | flag),
                None => steps.push(Step { word, add, flags: flag }),
            }
        }
        steps
    }

    /// Takes these steps once per row.
    pub fn step(&mut self, steps: &[Step], groups: &[u32]) {
        for Step { word, add, flags } in steps.iter().copied() {
            self.change(groups.iter().map(|group| (*group, ())), |own, ()| own[word] = own[word].wrapping_add(add) | flags);
        }
    }

    /// Takes these steps for `rows` rows of one group.
    pub fn step_one(&mut self, steps: &[Step], group: u32, rows: usize) {
        let many = |step: &Step| Step { add: step.add.wrapping_mul(rows as u64), ..*step };
        self.step(&steps.iter().map(many).collect::<Vec<_>>(), &[group]);
    }

    /// Adds values to these groups.
    pub fn sum<V: Copy + Into<i128>>(&mut self, measure: Measure, rows: impl Iterator<Item = (u32, V)>) {
        let word = self.layout.places[measure.0].word;
        match self.layout.is_wide {
            true => self.change(rows, |own, value| add(own, word, value.into() as u128)),
            // What wraps here is the upper half of a value that fits into 64 bits, see `expect`.
            false => self.change(rows, |own, value| own[word] = own[word].wrapping_add(value.into() as u64)),
        }
    }

    /// Keeps the least or the greatest value of these groups.
    pub fn extreme(&mut self, measure: Measure, rows: impl Iterator<Item = (u32, i64)>) {
        let word = self.layout.places[measure.0].word;
        match self.kinds[measure.0] {
            Kind::Least => self.change(rows, |own, value| own[word] = value.min(own[word] as i64) as u64),
            _ => self.change(rows, |own, value| own[word] = value.max(own[word] as i64) as u64),
        }
    }

    #[inline]
    fn change<V>(&mut self, rows: impl Iterator<Item = (u32, V)>, change: impl Fn(&mut [u64], V)) {
        if let Some(words) = &mut self.words {
            words.change(rows, change);
        }
    }

    /// Adds what another partition has measured of the same groups; both have the same measures.
    pub fn absorb(&mut self, mut other: Self) {
        self.most = (self.most.0.saturating_add(other.most.0), self.most.1.saturating_add(other.most.1));
        self.widen_if_needed();
        match (self.layout.is_wide, other.layout.is_wide) {
            (true, false) => other.widen(),
            (false, true) => self.widen(),
            _ => {}
        }
        if self.len() < other.len() {
            self.grow(other.len());
        }
        let (Some(words), Some(others)) = (&mut self.words, other.words) else { return };
        for (own, other) in words.iter_mut().zip(others.iter()) {
            own[0] = own[0].wrapping_add(other[0] >> FLAGS << FLAGS) | other[0] & ((1 << FLAGS) - 1);
        }
        for (word, merge) in self.layout.merges.iter().copied() {
            let rows = words.iter_mut().zip(others.iter());
            match merge {
                Merge::Add => rows.for_each(|(own, other)| own[word] = own[word].wrapping_add(other[word])),
                Merge::AddWide => rows.for_each(|(own, other)| add(own, word, wide(other, word))),
                Merge::Least => rows.for_each(|(own, other)| own[word] = (own[word] as i64).min(other[word] as i64) as u64),
                Merge::Greatest => rows.for_each(|(own, other)| own[word] = (own[word] as i64).max(other[word] as i64) as u64),
            }
        }
    }

    /// The counts of all groups.
    pub fn counts(&self, measure: Measure) -> Vec<u64> {
        let place = self.layout.places[measure.0];
        self.rows().map(|own| self.layout.count(place, own)).collect()
    }

    /// The sums of all groups.
    pub fn sums(&self, measure: Measure) -> Vec<i128> {
        let place = self.layout.places[measure.0];
        self.rows().map(|own| self.layout.sum(place, own)).collect()
    }

    /// The least or greatest values of all groups; 0 where there was no value.
    pub fn extremes(&self, measure: Measure) -> Vec<u64> {
        let Place { word, flag, .. } = self.layout.places[measure.0];
        self.rows().map(|own| if own[0] & flag == 0 { 0 } else { own[word] }).collect()
    }

    /// Those of the groups for which the measure, not a count, has met a value.
    pub fn met(&self, measure: Measure) -> NullBuffer {
        let flag = self.layout.places[measure.0].flag;
        self.rows().map(|own| own[0] & flag != 0).collect()
    }

    fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.words.iter().flat_map(Chunks::iter)
    }
}

/// The 128 bits from this word on.
#[inline]
fn wide(own: &[u64], word: usize) -> u128 {
    u128::from(own[word + 1]) << 64 | u128::from(own[word])
}

#[inline]
fn add(own: &mut [u64], word: usize, value: u128) {
    let sum = wide(own, word).wrapping_add(value);
    own[word] = sum as u64;
    own[word + 1] = (sum >> 64) as u64;
}
