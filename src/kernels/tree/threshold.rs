//! Chooses thresholds that are easy to read.

/// The shortest decimal strictly between two numbers. Among several, the one nearest to the middle wins, then the lower one.
///
/// If there is no double between them, returns the lower number, which separates them as well.
pub fn between(low: f64, high: f64) -> f64 {
    let middle = low + (high - low) / 2.0;
    let largest = low.abs().max(high.abs());
    if !(largest.is_normal() && middle.is_finite()) {
        return low;
    }
    let first = largest.log10().floor() as i32;
    // Try decimals from the leading digit down to the 17th; doubles have no more digits.
    let decimals = (first - 17..=first).rev().filter_map(|exponent| {
        let multiple = (middle / 10_f64.powi(exponent) - 0.5).ceil();
        format!("{multiple}e{exponent}").parse().ok()
    });
    let mut inside = decimals.filter(|decimal: &f64| low < *decimal && *decimal < high);
    // Adding 0 turns −0 into 0.
    inside.next().map_or(low, |decimal| decimal + 0.0)
}

/// Like [`between`] for integers: the multiple of the highest power of ten in `low..high`. Among several, the one nearest to the
/// middle wins, then the lower one.
pub fn whole_between(low: i128, high: i128) -> i128 {
    let last = high - 1;
    let middle = low.midpoint(last);
    let multiple = |power: u32| {
        let step = 10_i128.pow(power);
        let below = middle.div_euclid(step);
        let near = [below, below + 1].into_iter().filter_map(|count| count.checked_mul(step));
        near.filter(|number| (low..=last).contains(number)).min_by_key(|number| number.abs_diff(middle))
    };
    (0..=38).rev().find_map(multiple).unwrap_or(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_short_and_between() {
        for (low, high, expected) in [
            (30.0, 31.0, 30.5),
            (30.0, 32.0, 31.0),
            (9.7, 12.3, 10.0),
            (0.123, 0.125, 0.124),
            (-3.0, 100.0, 0.0),
            (-31.0, -30.0, -30.5),
            (0.1, 0.2, 0.15),
            (1234.5, 1299.9, 1270.0),
            (0.0, 1e-9, 5e-10),
            (1e300, 3e300, 2e300),
        ] {
            assert_eq!(between(low, high), expected, "{low} {high}");
        }
        for (low, high, expected) in [
            (0, 1, 0),
            (-3, 100, 0),
            (9_007_199_254_740_993, 9_007_199_254_740_994, 9_007_199_254_740_993),
            (9_007_199_254_740_993, 9_007_199_254_741_500, 9_007_199_254_741_000),
            (-1_050, -990, -1_000),
            (i128::MAX - 1, i128::MAX, i128::MAX - 1),
            (10_i128.pow(38) - 1, 10_i128.pow(38) + 1, 10_i128.pow(38)),
        ] {
            assert_eq!(whole_between(low, high), expected, "{low} {high}");
        }
        let next = 1.0 + f64::EPSILON;
        assert_eq!(between(1.0, next), 1.0);
        assert_eq!(between(0.0, f64::INFINITY), 0.0);
    }
}
