//! Exact sums of doubles, which do not depend on the order of addition.
//!
//! A double is rounded once to a whole number of units, where the unit is a power of two; integers are then added without error.
//! J. Demmel, H. D. Nguyen: Fast Reproducible Floating-Point Summation (2013), with the units known in advance.
//!
//! One row may be 10¹² times larger than the others, and the sums of the others must still be right. So a number is split into
//! two parts: coarse units of 2⁻⁴⁵ of the largest value, and for the remainder fine units of 2⁻⁴⁵ of a coarse unit. The squares
//! of such rows differ by a factor of 10²⁴, which is too much for two parts; they are added by a
//! [`Superaccumulator`](crate::kernels::superaccumulator::Superaccumulator), which is slower.

use super::distance::LANES;

/// The largest magnitude is at most 2⁴⁵ units, so the sum of 2¹⁷ numbers fits in 64 bits.
const BITS: i32 = 45;

/// Maximum number of values that may be added in 64 bits.
pub const HEADROOM: usize = 1 << 17;

/// A unit, which is a power of two.
#[derive(Debug, Clone, Copy)]
struct Unit {
    unit: f64,
    /// 1.5 × 2⁵² units. Adding it to a number rounds the number to whole units and leaves their count in the lowest bits.
    anchor: f64,
}

impl Unit {
    fn new(unit: f64) -> Self {
        Self { unit, anchor: 1.5 * power_of_two(52) * unit }
    }

    /// The number of units, rounded to the nearest integer.
    #[inline(always)]
    fn count(&self, value: f64) -> i64 {
        ((value + self.anchor).to_bits() as i64).wrapping_sub(self.anchor.to_bits() as i64)
    }

    /// The nearest multiple of the unit.
    #[inline(always)]
    fn round(&self, value: f64) -> f64 {
        (value + self.anchor) - self.anchor
    }
}

/// A number as coarse and fine units of a [`Grid`]; the two are summed separately.
pub type Parts = [i64; 2];

/// Units for numbers up to a largest magnitude, each kept to 2⁻⁹⁰ of it.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    coarse: Unit,
    fine: Unit,
}

impl Grid {
    /// Units for magnitudes up to `largest`.
    pub fn new(largest: f64) -> Self {
        let coarse = power_of_two_above(largest) * power_of_two(-BITS);
        Self { coarse: Unit::new(coarse), fine: Unit::new(coarse * power_of_two(-BITS)) }
    }

    /// Splits a number into coarse and fine units. At most [`HEADROOM`] of such parts may be added in 64 bits.
    #[inline(always)]
    pub fn parts(&self, value: f64) -> Parts {
        [self.coarse.count(value), self.fine.count(value - self.coarse.round(value))]
    }

    /// Joins parts, or sums of parts, into fine units.
    #[inline(always)]
    pub fn joined([coarse, fine]: Parts) -> i128 {
        (i128::from(coarse) << BITS) + i128::from(fine)
    }

    /// A number in fine units, rounded to the nearest integer.
    #[inline(always)]
    pub fn units(&self, value: f64) -> i128 {
        Self::joined(self.parts(value))
    }

    /// The value of this many fine units, correctly rounded.
    pub fn value(&self, units: i128) -> f64 {
        units as f64 * self.fine.unit
    }
}

/// The smallest power of two above `magnitude`, clamped to 2⁻⁹⁰⁰..=2¹⁰¹⁰.
pub fn power_of_two_above(magnitude: f64) -> f64 {
    let exponent = (magnitude.abs().to_bits() >> 52) as i32 - 1023;
    power_of_two((exponent + 1).clamp(-900, 1010))
}

/// 2 to the power of `exponent`, which must give a normal double.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// A sum of numbers up to a largest magnitude, each rounded to 2⁻⁹⁰ of it, in parallel lanes.
#[derive(Debug, Clone)]
pub struct ExactSum {
    grid: Grid,
    upper: [i64; LANES],
    lower: [i64; LANES],
    pending: usize,
    totals: [i128; LANES],
}

impl ExactSum {
    /// An empty sum for numbers of magnitude at most `largest`.
    pub fn new(largest: f64) -> Self {
        Self { grid: Grid::new(largest), upper: [0; LANES], lower: [0; LANES], pending: 0, totals: [0; LANES] }
    }

    /// Adds one number per lane.
    #[inline(always)]
    pub fn add(&mut self, values: &[f64; LANES]) {
        if self.pending == HEADROOM {
            self.flush();
        }
        for lane in 0..LANES {
            let [coarse, fine] = self.grid.parts(values[lane]);
            self.upper[lane] += coarse;
            self.lower[lane] += fine;
        }
        self.pending += 1;
    }

    #[inline(never)]
    fn flush(&mut self) {
        for ((total, upper), lower) in self.totals.iter_mut().zip(self.upper).zip(self.lower) {
            *total += Grid::joined([upper, lower]);
        }
        (self.upper, self.lower, self.pending) = ([0; LANES], [0; LANES], 0);
    }

    /// Adds another sum, which must have been created for the same magnitude.
    pub fn merge(&mut self, mut other: Self) {
        other.flush();
        self.totals.iter_mut().zip(other.totals).for_each(|(total, other)| *total += other);
    }

    /// The sum of each lane, for [`Self::of_units`].
    pub fn lanes(mut self) -> [i128; LANES] {
        self.flush();
        self.totals
    }

    /// The value of this many units, correctly rounded.
    pub fn of_units(&self, units: i128) -> f64 {
        self.grid.value(units)
    }

    /// The sum of all lanes, correctly rounded.
    pub fn value(self) -> f64 {
        let grid = self.grid;
        grid.value(self.lanes().iter().sum())
    }
}

/// Merges the sums of all threads and returns their value.
pub fn merged(sums: impl IntoIterator<Item = ExactSum>) -> f64 {
    let total = sums.into_iter().reduce(|mut total, sum| {
        total.merge(sum);
        total
    });
    total.map_or(0.0, ExactSum::value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;

    #[test]
    fn adds_without_error_in_any_order() {
        let mut random = Random::new(3, &[]);
        let mut values: Vec<f64> = (0..4000).map(|_| random.between(-1 << 40, 1 << 40) as f64 / 1024.0).collect();
        let exact: i128 = values.iter().map(|value| (value * 1024.0) as i128).sum();
        let sum = |values: &[f64]| {
            let mut sum = ExactSum::new(f64::from(1 << 30));
            values.as_chunks().0.iter().for_each(|lanes| sum.add(lanes));
            sum.value()
        };
        assert_eq!(sum(&values), exact as f64 / 1024.0);
        values.reverse();
        assert_eq!(sum(&values), exact as f64 / 1024.0);
    }

    #[test]
    fn knows_powers_of_two() {
        assert_eq!([0.0, 0.75, 1.0, 3.0, 4.0].map(power_of_two_above), [power_of_two(-900), 1.0, 2.0, 4.0, 8.0]);
        let grid = Grid::new(1.0);
        assert_eq!(grid.value(grid.units(-0.3) + grid.units(0.3)), 0.0);
        assert_eq!(grid.value(grid.units(0.3)), 0.3);
        assert!((grid.value(grid.units(3e-13)) - 3e-13).abs() < 1e-27);
    }
}
