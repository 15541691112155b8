//! Numbers of any type as integers in their own order, so that they are compared without rounding.

use crate::kernels::cluster::Matrix;

/// A numeric feature: one value per row, NULL where it is missing.
#[derive(Debug, Clone, Copy)]
pub enum Numbers<'a> {
    /// A column of a matrix; NaN is a missing value.
    Floats(&'a Matrix, usize),
    /// Integers, or what counts in such: days, ticks, the last digit of a decimal.
    Short(&'a [i64]),
    Long(&'a [i128]),
}

impl Numbers<'_> {
    /// The value of a row, as a key.
    #[inline]
    pub fn key(&self, row: usize) -> Option<i128> {
        match self {
            Self::Floats(matrix, column) => float_key(matrix.value(row, *column)).map(i128::from),
            Self::Short(keys) => Some(i128::from(keys[row])),
            Self::Long(keys) => Some(keys[row]),
        }
    }
}

/// A float as an integer, in the order of floats: the bits, with those of negative ones turned round. None for NaN.
#[inline]
pub fn float_key(value: f64) -> Option<i64> {
    // −0 becomes 0.
    (!value.is_nan()).then(|| turned((value + 0.0).to_bits() as i64))
}

/// The float of a key.
pub fn float_of(key: i128) -> f64 {
    f64::from_bits(turned(key as i64) as u64)
}

fn turned(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// A cut between two neighbouring values: up to the one, or from the other on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The largest key on the left.
    pub low: i128,
    /// The least key on the right.
    pub high: i128,
}

impl Cut {
    /// Right of all values: it sends those that are missing to the other side.
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
