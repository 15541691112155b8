//! Bounds outside which a value is an outlier. The bounds do not depend on the order of the values, down to the last bit.

use super::superaccumulator::Superaccumulator;

/// How bounds are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Tukey's fences: `factor` interquartile ranges outside the quartiles.
    Iqr,
    /// `factor` population standard deviations from the mean.
    Zscore,
    /// `factor` median absolute deviations from the median, scaled to the standard deviation of a normal distribution.
    Mad,
    /// `factor` times the mean; there is no lower bound.
    MultipleOfMean,
}

/// The lower and the upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bounds {
    pub lower: Option<f64>,
    pub upper: Option<f64>,
}

/// 1 / Φ⁻¹(3/4): the standard deviation of a normal distribution is this times its median absolute deviation.
const NORMAL: f64 = 1.4826;

/// Computes the bounds of finite values, which are sorted in place; without values there are no bounds.
pub fn bounds(values: &mut [f64], method: Method, factor: f64) -> Bounds {
    if values.is_empty() {
        return Bounds::default();
    }
    values.sort_unstable_by(f64::total_cmp);
    let around = |low: f64, high: f64, distance: f64| Bounds { lower: Some(low - distance), upper: Some(high + distance) };
    match method {
        Method::Iqr => {
            let (q1, q3) = (quantile(values, 0.25), quantile(values, 0.75));
            around(q1, q3, factor * (q3 - q1))
        }
        Method::Zscore => {
            let mean = mean(values);
            let variance = mean_of(values.iter().map(|value| (value - mean) * (value - mean)), values.len());
            around(mean, mean, factor * variance.sqrt())
        }
        Method::Mad => {
            let median = quantile(values, 0.5);
            let mut distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
            distances.sort_unstable_by(f64::total_cmp);
            around(median, median, factor * NORMAL * quantile(&distances, 0.5))
        }
        Method::MultipleOfMean => {
            let mean = mean(values);
            Bounds { lower: None, upper: (mean > 0.0).then_some(factor * mean) }
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    mean_of(values.iter().copied(), values.len())
}

/// The mean of numbers whose sum is exact and rounded once.
fn mean_of(values: impl Iterator<Item = f64>, count: usize) -> f64 {
    let mut sum = Superaccumulator::default();
    for value in values {
        // The square of a large distance may be infinite; then so is the mean.
        if !value.is_finite() {
            return value;
        }
        sum.add(value);
    }
    sum.value() / count as f64
}

/// A quantile of sorted values, with linear interpolation.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    match (sorted.get(below), sorted.get(below + 1)) {
        (Some(low), Some(high)) if part > 0.0 => low + (high - low) * part,
        (Some(low), _) => *low,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_books() {
        let values = || vec![3.0, 1.0, 2.0, 100.0, 4.0];
        let of = |method, factor| bounds(&mut values(), method, factor);
        // Q1 = 2, Q3 = 4; median 3, distances 0, 1, 1, 2, 97.
        assert_eq!(of(Method::Iqr, 1.5), Bounds { lower: Some(-1.0), upper: Some(7.0) });
        assert_eq!(of(Method::Mad, 2.0), Bounds { lower: Some(3.0 - 2.0 * 1.4826), upper: Some(3.0 + 2.0 * 1.4826) });
        assert_eq!(of(Method::MultipleOfMean, 10.0), Bounds { lower: None, upper: Some(220.0) });
        let Bounds { lower: Some(lower), upper: Some(upper) } = of(Method::Zscore, 1.0) else { panic!("no bounds") };
        assert!((lower + 17.0128).abs() < 1e-4 && (upper - 61.0128).abs() < 1e-4, "{lower} {upper}");
    }

    #[test]
    fn few_values_and_none() {
        assert_eq!(bounds(&mut [], Method::Iqr, 1.5), Bounds::default());
        assert_eq!(bounds(&mut [7.0], Method::Zscore, 3.0), Bounds { lower: Some(7.0), upper: Some(7.0) });
        assert_eq!(bounds(&mut [-1.0, 1.0], Method::MultipleOfMean, 10.0), Bounds::default());
    }

    #[test]
    fn order_does_not_matter() {
        let mut values: Vec<f64> = (0..1000).map(|number| f64::from(number * 7919 % 1000) / 7.0).collect();
        let mut turned: Vec<f64> = values.iter().rev().copied().collect();
        for method in [Method::Iqr, Method::Zscore, Method::Mad, Method::MultipleOfMean] {
            assert_eq!(bounds(&mut values, method, 3.0), bounds(&mut turned, method, 3.0));
        }
    }
}
