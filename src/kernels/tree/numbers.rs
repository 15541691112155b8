//! Maps numbers of any type to integers in the same order, so that they are compared without rounding.

use crate::kernels::cluster::Matrix;

/// A numeric feature, with one value per row.
#[derive(Debug, Clone, Copy)]
pub enum Numbers<'a> {
    /// A column of a matrix; NaN is a missing value.
    Floats(&'a Matrix, usize),
    /// Integers, or values counted in integers: days, ticks, units of the last decimal place. None is missing.
    Short(&'a [i64]),
    Long(&'a [i128]),
}

impl Numbers<'_> {
    /// The key of a row's value; `None` if the value is missing.
    #[inline]
    pub fn key(&self, row: usize) -> Option<i128> {
        match self {
            Self::Floats(matrix, column) => float_key(matrix.value(row, *column)).map(i128::from),
            Self::Short(keys) => Some(i128::from(keys[row])),
            Self::Long(keys) => Some(keys[row]),
        }
    }
}

/// Maps a float to an integer in the same order: its bits, with all bits but the sign flipped for negative floats. `None` for NaN.
#[inline]
pub fn float_key(value: f64) -> Option<i64> {
    // Adding 0 turns −0 into 0.
    (!value.is_nan()).then(|| turned((value + 0.0).to_bits() as i64))
}

/// The float for a key; the inverse of [`float_key`].
pub fn float_of(key: i128) -> f64 {
    f64::from_bits(turned(key as i64) as u64)
}

fn turned(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// A cut between two neighbouring values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The largest key on the left.
    pub low: i128,
    /// The smallest key on the right.
    pub high: i128,
}

impl Cut {
    /// A cut to the right of all values, which only separates values from missing values.
    pub const ALL: Self = Self { low: i128::MAX, high: i128::MAX };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_floats() {
        let least = f64::from_bits(1);
        let floats = [f64::NEG_INFINITY, -1e300, -1.0, -least, 0.0, least, 0.1, 1.0, 1.0 + f64::EPSILON, 1e300, f64::INFINITY];
        let keys: Vec<i64> = floats.iter().filter_map(|value| float_key(*value)).collect();
        assert!(keys.is_sorted_by(|a, b| a < b));
        assert!(floats.iter().zip(&keys).all(|(value, key)| float_of(i128::from(*key)) == *value));
        assert_eq!((float_key(-0.0), float_key(f64::NAN)), (float_key(0.0), None));
    }
}
