//! Seeded random numbers that are the same on every machine: they use integers only, no floating-point functions.
//!
//! Each takes a few instructions, so everything is marked for inlining: callers in other modules may be compiled apart.

/// A SplitMix64 generator, seeded from a seed and a position in the generated data, so that any part can be generated on its own.
///
/// G. L. Steele, D. Lea, C. H. Flood: Fast Splittable Pseudorandom Number Generators (2014).
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Creates a generator for one position: `path` is, for example, a table, block and row.
    #[inline]
    pub fn new(seed: u64, path: &[u64]) -> Self {
        let state = path.iter().fold(mix(seed), |state, step| mix(state ^ mix(step.wrapping_add(0x632b_e59b_d9b4_e019))));
        Self { state }
    }

    /// 64 random bits.
    #[inline]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number below `bound` (0 for a bound of 0), by multiplication; the bias is below 2⁻³² for bounds below 2³².
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `least` to `most`, both ends included.
    #[inline]
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        least + self.below((most - least + 1).unsigned_abs()) as i64
    }

    /// True with a probability of `share` in 1,000.
    #[inline]
    pub fn per_mille(&mut self, share: u64) -> bool {
        self.below(1000) < share
    }

    /// Draws an index with a probability in proportion to its weight.
    #[inline]
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut left = self.below(total);
        for (index, weight) in weights.iter().enumerate() {
            if left < u64::from(*weight) {
                return index;
            }
            left -= u64::from(*weight);
        }
        0
    }

    /// Draws one of `choices`, which must not be empty.
    #[inline]
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u64) as usize]
    }
}

/// Spreads the bits of a number over all 64 (the finalizer of SplitMix64).
#[inline]
pub fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_same_everywhere() {
        let mut random = Random::new(42, &[1, 2]);
        let numbers: Vec<u64> = (0..3).map(|_| random.below(1_000_000)).collect();
        let mut again = Random::new(42, &[1, 2]);
        assert_eq!(numbers, (0..3).map(|_| again.below(1_000_000)).collect::<Vec<_>>());
        assert_ne!(Random::new(42, &[1, 3]).next(), Random::new(42, &[1, 2]).next());
    }

    #[test]
    fn keeps_its_bounds() {
        let mut random = Random::new(1, &[]);
        for _ in 0..10_000 {
            assert!((-3..=3).contains(&random.between(-3, 3)));
            assert!(random.weighted(&[0, 5, 0]) == 1);
        }
    }
}
