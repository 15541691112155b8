//! Floats as whole numbers, so that their sums are exact and do not depend on the order in which they are added.
//!
//! A float is taken as a multiple of 2⁻⁶⁴ (about 5 × 10⁻²⁰): doubles of at least 2⁻¹¹ lose nothing, smaller ones keep that
//! many digits, and sums fit up to 2⁶².

/// 2⁶⁴: how many units make 1.
pub const UNITS: f64 = 18_446_744_073_709_551_616.0;

/// A float in units, and whether it is too large for them.
#[inline]
pub fn to_fixed_point(amount: f64) -> (i128, bool) {
    let scaled = (amount * UNITS).round_ties_even();
    // 2¹²⁶: far from wrapping, near enough to tell.
    (scaled as i128, scaled.abs() >= 8.5e37)
}

/// Sums back as doubles, correctly rounded.
pub fn from_fixed_point(total: i128) -> f64 {
    total as f64 / UNITS
}
