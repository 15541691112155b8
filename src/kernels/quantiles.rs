//! Approximate quantiles: the same in any order of the numbers, and in memory that does not grow with them.
//!
//! A bucket has all numbers with the same sign, exponent and first seven bits of the mantissa, so that they differ by at most 0.8 %, and
//! keeps their count, the smallest and the largest. Quantiles are exact as long as no bucket has more than two different numbers.
//!
//! Sketches with buckets of a fixed relative width are described in C. Masson, J. E. Rim, H. K. Lee: DDSketch (2019). Other than the
//! clusters of T. Dunning's t-digest, such buckets do not depend on what came first.

use std::collections::BTreeMap;

use super::profile::{ordered, unordered};

mod weighted;

pub use weighted::WeightedQuantiles;

/// The bits of a mantissa.
const MANTISSA: u32 = 52;

/// How wide buckets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Precision {
    /// Bits in which the numbers of a bucket may differ.
    low_bits: u32,
}

impl Default for Precision {
    fn default() -> Self {
        Self { low_bits: MANTISSA - 7 }
    }
}

impl Precision {
    /// At least this many buckets between a number and its double. More than 2²⁰ are not kept apart.
    pub fn of_buckets(buckets: usize) -> Self {
        let bits = buckets.clamp(1, 1 << 20).next_power_of_two().trailing_zeros();
        Self { low_bits: MANTISSA - bits.max(7) }
    }

    /// The bucket of a number.
    fn bucket(self, key: u64) -> u32 {
        (key >> self.low_bits) as u32
    }
}

/// A number as an integer of the same order. The two zeros are equal, and NaN is greater than all other numbers.
fn key_of(number: f64) -> u64 {
    ordered(if number.is_nan() { f64::NAN } else { number + 0.0 })
}

/// The numbers of a column, in buckets.
#[derive(Debug, Clone, Default)]
pub struct Quantiles {
    precision: Precision,
    buckets: BTreeMap<u32, Bucket>,
}

/// Numbers as integers of the same order.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    rows: u64,
    least: u64,
    most: u64,
}

/// The integers that a bucket is serialised as.
const PARTS: usize = 3;

impl Quantiles {
    pub fn new(precision: Precision) -> Self {
        Self { precision, buckets: BTreeMap::new() }
    }

    /// Adds a number.
    pub fn add(&mut self, number: f64) {
        let place = key_of(number);
        self.merge_bucket(Bucket { rows: 1, least: place, most: place });
    }

    fn merge_bucket(&mut self, added: Bucket) {
        let own = self.buckets.entry(self.precision.bucket(added.least)).or_insert(Bucket { rows: 0, ..added });
        *own = Bucket { rows: own.rows + added.rows, least: own.least.min(added.least), most: own.most.max(added.most) };
    }

    /// The number below which a share of the numbers lies; `None` without numbers.
    pub fn value(&self, share: f64) -> Option<f64> {
        let rows = self.buckets.values().map(|bucket| bucket.rows).sum::<u64>();
        let place = share * rows.checked_sub(1)? as f64;
        let low = self.at(place as u64)?;
        match self.at(place as u64 + 1) {
            Some(high) if place.fract() > 0.0 && high != low => Some(low + (high - low) * place.fract()),
            _ => Some(low),
        }
    }

    /// The number at a place in ascending order. Within a bucket the numbers are taken to lie at equal distances.
    fn at(&self, place: u64) -> Option<f64> {
        let mut before = 0;
        for bucket in self.buckets.values() {
            let within = place - before;
            if within < bucket.rows {
                let (least, most) = (unordered(bucket.least), unordered(bucket.most));
                return Some(match within {
                    0 => least,
                    last if last + 1 == bucket.rows || least == most => most,
                    _ => least + (most - least) * (within as f64 / (bucket.rows - 1) as f64),
                });
            }
            before += bucket.rows;
        }
        None
    }

    /// The bytes that [`Self::merge`] reads.
    pub fn bytes(&self) -> Vec<u8> {
        let parts = self.buckets.values().flat_map(|bucket| [bucket.rows, bucket.least, bucket.most]);
        parts.flat_map(u64::to_le_bytes).collect()
    }

    /// Adds the numbers of another column of the same precision from its bytes.
    pub fn merge(&mut self, bytes: &[u8]) {
        let parts: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|part| u64::from_le_bytes(*part)).collect();
        for [rows, least, most] in parts.as_chunks::<PARTS>().0 {
            self.merge_bucket(Bucket { rows: *rows, least: *least, most: *most });
        }
    }

    /// Bytes on the heap: the nodes of a tree are about two thirds full.
    pub fn size(&self) -> usize {
        self.buckets.len() * size_of::<(u32, Bucket)>() * 3 / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;

    fn of(numbers: &[f64]) -> Quantiles {
        let mut quantiles = Quantiles::default();
        numbers.iter().for_each(|number| quantiles.add(*number));
        quantiles
    }

    #[test]
    fn a_few_numbers_are_exact() {
        let quantiles = of(&[3.0, 1.0, 2.0, 10.0]);
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|share| quantiles.value(share)), [1.0, 1.75, 2.5, 10.0].map(Some));
        assert_eq!(of(&[5.5; 1000]).value(0.3), Some(5.5));
        assert_eq!(of(&[]).value(0.5), None);
        let odd = of(&[f64::NAN, f64::INFINITY, -0.0, 0.0, f64::NEG_INFINITY, -f64::NAN]);
        assert_eq!([0.0, 0.2, 0.4, 0.6].map(|share| odd.value(share)), [f64::NEG_INFINITY, 0.0, 0.0, f64::INFINITY].map(Some));
        assert!(odd.value(0.8).is_some_and(f64::is_nan) && odd.value(1.0).is_some_and(f64::is_nan));
    }

    #[test]
    fn more_buckets_are_more_exact() {
        let numbers: Vec<f64> = (0..1000).map(|number| 1.0 + f64::from(number) / 1e6).collect();
        let mut fine = Quantiles::new(Precision::of_buckets(1 << 20));
        numbers.iter().for_each(|number| fine.add(*number));
        assert_eq!(fine.value(0.25), Some(numbers[249] + (numbers[250] - numbers[249]) * 0.75));
        assert_eq!(Precision::of_buckets(100), Precision::default());
    }

    #[test]
    fn many_are_near_and_the_same_in_any_order_and_parts() {
        let mut random = Random::new(21, &[]);
        let mut numbers: Vec<f64> = (0..5000).map(|_| (random.between(-1 << 40, 1 << 40) as f64 / 1e9).powi(3)).collect();
        let whole = of(&numbers);
        let mut parts = Quantiles::default();
        numbers.chunks(77).rev().for_each(|part| parts.merge(&of(part).bytes()));
        numbers.sort_unstable_by(f64::total_cmp);
        for share in [0.0, 0.01, 0.25, 0.5, 0.9, 0.999, 1.0] {
            let (found, place) = (whole.value(share).unwrap(), share * 4999.0);
            let (low, high) = (numbers[place.floor() as usize], numbers[place.ceil() as usize]);
            let near = (low - low.abs() * 0.008)..=(high + high.abs() * 0.008);
            assert!(near.contains(&found), "{share}: {found} {near:?}");
            assert_eq!(parts.value(share).map(f64::to_bits), Some(found.to_bits()));
        }
    }
}
