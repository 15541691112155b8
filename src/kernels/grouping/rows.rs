//! The common measures of groups, side by side: a row of the input touches one cache line for all of them.
//!
//! Each group has a row of words. With an array per measure instead, a row of the input would miss the processor's caches once per
//! measure, which costs more than the additions.
//!
//! ```text
//! word 0                         words 1, 2           word 3
//! number of rows │ flags         128-bit sum          least value
//! ```
//! A flag says that a measure has met a value; without it, the measure of the group is NULL. The first count shares its word with the flags.

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
    /// Number of values, and their sum in 128 bits.
    Mean,
}

/// The place of a measure in the row of a group.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    kind: Kind,
    word: usize,
    /// The flag of the measure in the first word.
    flag: u64,
}

impl Measure {
    fn word_of_sum(self) -> usize {
        self.word + usize::from(self.kind == Kind::Mean)
    }

    /// Adds the words of the measure; the first words of the rows are added already.
    fn merge<'a>(self, rows: impl Iterator<Item = (&'a mut [u64], &'a [u64])>) {
        let (word, sum) = (self.word, self.word_of_sum());
        match self.kind {
            Kind::Count if word == 0 => {}
            Kind::Count => rows.for_each(|(own, other)| own[word] += other[word]),
            Kind::Sum => rows.for_each(|(own, other)| add(own, sum, wide(other, sum))),
            Kind::Mean => rows.for_each(|(own, other)| {
                own[word] += other[word];
                add(own, sum, wide(other, sum));
            }),
            Kind::Least => rows.for_each(|(own, other)| own[word] = (own[word] as i64).min(other[word] as i64) as u64),
            Kind::Greatest => rows.for_each(|(own, other)| own[word] = (own[word] as i64).max(other[word] as i64) as u64),
        }
    }
}

/// The rows of all groups.
#[derive(Debug, Default)]
pub struct Rows {
    /// What the row of a new group is.
    template: Vec<u64>,
    words: Option<Chunks<u64>>,
    measures: Vec<Measure>,
    flags: u32,
    has_count: bool,
}

impl Rows {
    /// Adds a measure, while there are no groups; `None` if the row has no flag left for it.
    pub fn measure(&mut self, kind: Kind) -> Option<Measure> {
        if self.template.is_empty() {
            self.template.push(0);
        }
        if kind == Kind::Count {
            let word = if self.has_count { self.template.len() } else { 0 };
            self.has_count = true;
            if word > 0 {
                self.template.push(0);
            }
            return Some(self.with(Measure { kind, word, flag: 0 }));
        }
        if self.flags == FLAGS {
            return None;
        }
        let measure = Measure { kind, word: self.template.len(), flag: 1 << self.flags };
        self.flags += 1;
        self.template.extend_from_slice(match kind {
            Kind::Count => &[0],
            Kind::Sum => &[0, 0],
            Kind::Least => &[i64::MAX as u64],
            Kind::Greatest => &[i64::MIN as u64],
            Kind::Mean => &[0, 0, 0],
        });
        Some(self.with(measure))
    }

    fn with(&mut self, measure: Measure) -> Measure {
        self.measures.push(measure);
        measure
    }

    /// Bytes in use.
    pub fn size(&self) -> usize {
        self.words.as_ref().map_or(0, Chunks::size)
    }

    /// Sets the number of groups, which never decreases.
    pub fn grow(&mut self, total: usize) {
        let template = &mut self.template;
        let words = self.words.get_or_insert_with(|| {
            // An even number of words: a short row does not lie across two cache lines.
            if template.len() > 1 && !template.len().is_multiple_of(2) {
                template.push(0);
            }
            Chunks::new(template.len())
        });
        words.grow(total, template);
    }

    /// Takes out the rows of a range of groups, see [`Chunks::take`].
    pub fn take(&mut self, groups: &Range<usize>) -> Self {
        Self {
            template: self.template.clone(),
            words: self.words.as_mut().map(|words| words.take(groups)),
            measures: self.measures.clone(),
            flags: self.flags,
            has_count: self.has_count,
        }
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.words.as_ref().map_or(0, Chunks::len)
    }

    /// The number of input rows that all measures should take before the next ones, so that the rows of their groups stay in the
    /// processor's first cache.
    pub fn block(&self) -> usize {
        (NEAR / (self.template.len().max(1) * size_of::<u64>())).clamp(64, 512)
    }

    /// Counts a row of each of these groups, which has values of `met`, measures that are not counts.
    pub fn count(&mut self, count: Option<Measure>, met: &[Measure], groups: &[u32]) {
        self.add(count, met, groups, 1);
    }

    /// The same of `rows` rows of one group.
    pub fn count_one(&mut self, count: Option<Measure>, met: &[Measure], group: u32, rows: u64) {
        self.add(count, met, &[group], rows);
    }

    fn add(&mut self, count: Option<Measure>, met: &[Measure], groups: &[u32], each: u64) {
        let rows = || groups.iter().map(|group| (*group, ()));
        let flags = met.iter().fold(0, |flags, measure| flags | measure.flag);
        let in_first = count.filter(|count| count.word == 0).map_or(0, |_| each << FLAGS);
        if in_first | flags > 0 {
            self.change(rows(), |own, ()| own[0] = own[0].wrapping_add(in_first) | flags);
        }
        let others =
            count.filter(|count| count.word > 0).into_iter().chain(met.iter().copied().filter(|met| met.kind == Kind::Mean));
        for Measure { word, .. } in others {
            self.change(rows(), |own, ()| own[word] = own[word].wrapping_add(each));
        }
    }

    /// Adds values to these groups.
    pub fn sum(&mut self, measure: Measure, rows: impl Iterator<Item = (u32, i128)>) {
        let word = measure.word_of_sum();
        self.change(rows, |own, value| add(own, word, value as u128));
    }

    /// Keeps the least or the greatest value of these groups.
    pub fn extreme(&mut self, measure: Measure, rows: impl Iterator<Item = (u32, i64)>) {
        let word = measure.word;
        match measure.kind {
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
    pub fn absorb(&mut self, other: Self) {
        if self.len() < other.len() {
            self.grow(other.len());
        }
        let (Some(words), Some(others)) = (&mut self.words, other.words) else { return };
        for (own, other) in words.iter_mut().zip(others.iter()) {
            own[0] = own[0].wrapping_add(other[0] >> FLAGS << FLAGS) | other[0] & ((1 << FLAGS) - 1);
        }
        for measure in &self.measures {
            measure.merge(words.iter_mut().zip(others.iter()));
        }
    }

    /// The counts of all groups.
    pub fn counts(&self, measure: Measure) -> Vec<u64> {
        let shift = if measure.word == 0 { FLAGS } else { 0 };
        self.rows().map(|own| own[measure.word] >> shift).collect()
    }

    /// The sums of all groups.
    pub fn sums(&self, measure: Measure) -> Vec<i128> {
        let word = measure.word_of_sum();
        self.rows().map(|own| wide(own, word) as i128).collect()
    }

    /// The least or greatest values of all groups; 0 where there was no value.
    pub fn extremes(&self, measure: Measure) -> Vec<u64> {
        self.rows().map(|own| if own[0] & measure.flag == 0 { 0 } else { own[measure.word] }).collect()
    }

    /// Those of the groups of which the measure has met a value.
    pub fn met(&self, measure: Measure) -> NullBuffer {
        self.rows().map(|own| own[0] & measure.flag != 0).collect()
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
