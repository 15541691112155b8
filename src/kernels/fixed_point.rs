//! Represents floats as integers, so that their sums are exact and do not depend on the order of addition.
//!
//! A float below 2⁴⁰ (about 10¹²) that is a multiple of 2⁻⁶⁴ (about 5 × 10⁻²⁰) is counted in units of 2⁻⁶⁴. Money amounts
//! qualify: every double of at least 2⁻¹¹ is such a multiple. All other floats, usually few or none, are *odd*: they are added
//! separately by a [`Superaccumulator`], which is exact for any double but slower.

use super::superaccumulator::Superaccumulator;

/// The exponent of the unit: a unit is 2 to the power of this.
pub const EXPONENT: i32 = -64;

/// 2⁶⁴: the number of units in 1.
pub const UNITS: f64 = 18_446_744_073_709_551_616.0;

/// Floats of 2 to the power of this and above are odd, so that the sum of 2²³ amounts fits in 128 bits.
const LARGEST_EXPONENT: i32 = 40;

/// A float in units; `None` if it is odd.
#[inline]
pub fn to_fixed_point(amount: f64) -> Option<i128> {
    let bits = amount.to_bits();
    let biased = (bits >> 52) as i32 & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    if biased == 0 {
        return (fraction == 0).then_some(0);
    }
    let mantissa = fraction | 1 << 52;
    // The position of the lowest bit of the mantissa, in units.
    let place = biased - 1075 - EXPONENT;
    let is_whole = place + mantissa.trailing_zeros() as i32 >= 0;
    if !is_whole || biased - 1023 >= LARGEST_EXPONENT {
        return None;
    }
    let units = if place >= 0 { i128::from(mantissa) << place } else { i128::from(mantissa >> -place) };
    Some(if amount < 0.0 { -units } else { units })
}

/// The exact sum of units and odd floats.
pub fn total(units: i128, odd: Option<&Superaccumulator>) -> Superaccumulator {
    let mut total = odd.cloned().unwrap_or_default();
    total.add_whole(units, EXPONENT);
    total
}

/// The sum of units and odd floats as a double, correctly rounded; infinite if it is too large for a double.
pub fn from_fixed_point(units: i128, odd: Option<&Superaccumulator>) -> f64 {
    match odd {
        None => units as f64 / UNITS,
        odd => total(units, odd).value(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_floats_keep_all_their_bits() {
        let unit = 1.0 / UNITS;
        for amount in [0.0, -0.0, unit, -unit, 1.0, 0.1, -12.34, 2f64.powi(-11), 3.0 * 2f64.powi(-60), 1e12 - 0.125] {
            let units = to_fixed_point(amount).unwrap();
            assert_eq!((units as f64 * unit, from_fixed_point(units, None)), (amount, amount));
        }
        for odd in [1e-20, -1e-4, 1.1e12, f64::MAX, f64::MIN_POSITIVE, f64::from_bits(1), unit * 1.5, f64::INFINITY, f64::NAN] {
            assert_eq!(to_fixed_point(odd), None, "{odd}");
        }
    }

    #[test]
    fn odd_floats_are_added_to_the_others() {
        let mut odd = Superaccumulator::default();
        [1e-30, 1e30, -1e30].iter().for_each(|amount| odd.add(*amount));
        assert_eq!(from_fixed_point(0, Some(&odd)), 1e-30);
        assert_eq!(from_fixed_point(to_fixed_point(-2.5).unwrap(), Some(&odd)), -2.5);
    }
}
