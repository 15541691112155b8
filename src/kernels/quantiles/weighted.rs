//! Approximate quantiles of numbers with weights, in the buckets of [`Quantiles`](super::Quantiles). Weights are added exactly, so that
//! their sums are the same in any order.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{Precision, key_of};
use crate::kernels::profile::unordered;
use crate::kernels::superaccumulator::Superaccumulator;

/// The numbers of a column with their weights, in buckets.
#[derive(Debug, Clone, Default)]
pub struct WeightedQuantiles {
    precision: Precision,
    buckets: BTreeMap<u32, Bucket>,
}

/// Numbers as integers of the same order.
#[derive(Debug, Clone)]
struct Bucket {
    least: u64,
    most: u64,
    /// The weights of the smallest number, of the largest, and of all.
    weights: [Superaccumulator; 3],
}

const OF_LEAST: usize = 0;
const OF_MOST: usize = 1;
const OF_ALL: usize = 2;

impl WeightedQuantiles {
    pub fn new(precision: Precision) -> Self {
        Self { precision, buckets: BTreeMap::new() }
    }

    /// Adds a number with a finite weight that is not negative. One without weight has no influence.
    pub fn add(&mut self, number: f64, weight: f64) {
        if weight > 0.0 {
            let key = key_of(number);
            let mut sum = Superaccumulator::default();
            sum.add(weight);
            self.merge_bucket(&Bucket { least: key, most: key, weights: [sum.clone(), sum.clone(), sum] });
        }
    }

    fn merge_bucket(&mut self, added: &Bucket) {
        let own = self.buckets.entry(self.precision.bucket(added.least)).or_insert_with(|| Bucket {
            least: added.least,
            most: added.most,
            weights: std::array::from_fn(|_| Superaccumulator::default()),
        });
        for (end, order) in [(OF_LEAST, added.least.cmp(&own.least)), (OF_MOST, own.most.cmp(&added.most))] {
            match order {
                Ordering::Less => own.weights[end] = added.weights[end].clone(),
                Ordering::Equal => own.weights[end].merge(&added.weights[end]),
                Ordering::Greater => {}
            }
        }
        own.weights[OF_ALL].merge(&added.weights[OF_ALL]);
        (own.least, own.most) = (own.least.min(added.least), own.most.max(added.most));
    }

    /// The number below which a share of the weight lies; `None` without numbers. Each number stands in the middle of its weight, and between
    /// two numbers the result grows evenly from one to the other.
    pub fn value(&self, share: f64) -> Option<f64> {
        let (mut points, mut before): (Vec<(f64, f64)>, f64) = (vec![], 0.0);
        for bucket in self.buckets.values() {
            let [of_least, of_most, weight] = [OF_LEAST, OF_MOST, OF_ALL].map(|end| bucket.weights[end].value());
            points.push((before + of_least / 2.0, unordered(bucket.least)));
            if bucket.most > bucket.least {
                points.push((before + weight - of_most / 2.0, unordered(bucket.most)));
            }
            before += weight;
        }
        let place = share * before;
        let (low, above) = points.split_at(points.partition_point(|(middle, _)| *middle <= place));
        Some(match (low.last(), above.first()) {
            (Some((from, low)), Some((to, high))) if place > *from && high != low => {
                low + (high - low) * ((place - from) / (to - from))
            }
            (Some((_, low)), _) => *low,
            (None, high) => high?.1,
        })
    }

    /// The bytes that [`Self::merge`] reads.
    pub fn bytes(&self) -> Vec<u8> {
        let mut words: Vec<u64> = vec![];
        for bucket in self.buckets.values() {
            words.extend([bucket.least, bucket.most]);
            for weight in &bucket.weights {
                let parts = weight.words();
                words.push(parts.len() as u64);
                words.extend(parts.into_iter().map(i64::cast_unsigned));
            }
        }
        words.into_iter().flat_map(u64::to_le_bytes).collect()
    }

    /// Adds the numbers of another column of the same precision from its bytes.
    pub fn merge(&mut self, bytes: &[u8]) {
        let words: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let mut rest = words.as_slice();
        while let [least, most, sums @ ..] = rest {
            rest = sums;
            let mut weights: [Superaccumulator; 3] = std::array::from_fn(|_| Superaccumulator::default());
            for weight in &mut weights {
                let Some((count, after)) = rest.split_first() else { return };
                let Some((parts, after)) = after.split_at_checked(*count as usize) else { return };
                weight.merge_words(&parts.iter().map(|word| word.cast_signed()).collect::<Vec<_>>());
                rest = after;
            }
            self.merge_bucket(&Bucket { least: *least, most: *most, weights });
        }
    }

    /// Bytes on the heap: the nodes of a tree are about two thirds full.
    pub fn size(&self) -> usize {
        let sums: usize = self.buckets.values().flat_map(|bucket| &bucket.weights).map(Superaccumulator::heap).sum();
        self.buckets.len() * size_of::<(u32, Bucket)>() * 3 / 2 + sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;

    fn of(rows: &[(f64, f64)]) -> WeightedQuantiles {
        let mut quantiles = WeightedQuantiles::default();
        rows.iter().for_each(|(number, weight)| quantiles.add(*number, *weight));
        quantiles
    }

    #[test]
    fn numbers_stand_in_the_middle_of_their_weights() {
        let quantiles = of(&[(10.0, 2.0), (1.0, 1.0), (2.0, 1.0), (7.0, 0.0)]);
        // In the middle of 0 to 1, 1 to 2 and 2 to 4.
        assert_eq!(
            [0.0, 0.125, 0.25, 0.375, 0.75, 1.0].map(|share| quantiles.value(share)),
            [1.0, 1.0, 1.5, 2.0, 10.0, 10.0].map(Some)
        );
        assert_eq!(quantiles.value(0.5625), Some(6.0));
        assert_eq!(of(&[(5.0, 1e300), (5.0, 1e-300)]).value(0.3), Some(5.0));
        assert_eq!(of(&[(1.0, 0.0)]).value(0.5), None);
        // A multiple of all weights changes nothing.
        let tenth = of(&[(10.0, 0.25), (1.0, 0.125), (2.0, 0.125)]);
        assert_eq!([0.1, 0.3, 0.6].map(|share| tenth.value(share)), [0.1, 0.3, 0.6].map(|share| quantiles.value(share)));
    }

    #[test]
    fn the_same_in_any_order_and_parts() {
        let mut random = Random::new(22, &[]);
        let mut number = || random.between(-1 << 40, 1 << 40) as f64 / 1e9;
        let rows: Vec<(f64, f64)> = (0..3000).map(|_| (number().powi(3), number().abs())).collect();
        let whole = of(&rows);
        let mut parts = WeightedQuantiles::default();
        rows.chunks(77).rev().for_each(|part| parts.merge(&of(part).bytes()));
        let mut sorted = rows.clone();
        sorted.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
        for share in [0.0, 0.01, 0.25, 0.5, 0.9, 0.999, 1.0] {
            let found = whole.value(share).unwrap();
            assert_eq!(parts.value(share).map(f64::to_bits), Some(found.to_bits()));
            let mut before = 0.0;
            let place = sorted.iter().position(|(_, weight)| {
                before += weight;
                before >= share * total
            });
            let place = place.unwrap_or(sorted.len() - 1);
            let (low, high) = (sorted[place.saturating_sub(2)].0, sorted[(place + 2).min(sorted.len() - 1)].0);
            let near = (low - low.abs() * 0.008)..=(high + high.abs() * 0.008);
            assert!(near.contains(&found), "{share}: {found} {near:?}");
        }
    }
}
