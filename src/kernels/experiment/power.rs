//! The sample size that an experiment needs, and the effect that a sample can show.
//!
//! Means are compared by Student's t-test with a common standard deviation; proportions by the normal distribution of `2 asin √p`, whose
//! variance does not depend on p (Cohen's h).

use super::Alternative;
use crate::kernels::special::{noncentral_t_cdf, normal_cdf, normal_quantile, t_quantile};

/// The test that is planned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The share of experiments without an effect that find none.
    pub confidence: f64,
    /// The alternative hypothesis.
    pub alternative: Alternative,
    /// The number of treatment rows per control row.
    pub ratio: f64,
}

/// The quantity that is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// A proportion, with its value in the control.
    Rate(f64),
    /// A mean, with the standard deviation of the rows.
    Mean(f64),
}

/// More rows than anyone has; the search stops there.
const MOST: f64 = 1e15;

impl Measure {
    /// The standardised effect of a difference; `None` if the resulting rate or the deviation is impossible.
    pub fn effect(self, difference: f64) -> Option<f64> {
        match self {
            Self::Rate(baseline) => {
                let rate = baseline + difference;
                let angle = |share: f64| 2.0 * share.sqrt().asin();
                (0.0..=1.0).contains(&rate).then(|| angle(rate) - angle(baseline))
            }
            Self::Mean(deviation) => (deviation > 0.0).then(|| difference / deviation),
        }
    }
}

/// The smallest size of a statistic that counts as an effect: of t with degrees of freedom, of z without them.
fn least(alternative: Alternative, confidence: f64, df: Option<f64>) -> f64 {
    let tail = alternative.tail(confidence);
    -df.map_or_else(|| normal_quantile(tail), |df| t_quantile(tail, df))
}

/// The probability that a statistic is beyond `least` if the true difference is `shift` standard errors.
fn found(alternative: Alternative, least: f64, df: Option<f64>, shift: f64) -> f64 {
    let below = |value: f64, shift: f64| df.map_or_else(|| normal_cdf(value - shift), |df| noncentral_t_cdf(value, df, shift));
    match alternative {
        Alternative::TwoSided => below(-least, shift) + below(-least, -shift),
        Alternative::Greater => below(-least, -shift),
        Alternative::Less => below(-least, shift),
    }
}

/// The smallest true difference, in standard errors, that is found with this power; `None` if none is. It is a size: the alternative
/// `Less` looks for it below 0.
pub fn detectable(alternative: Alternative, confidence: f64, power: f64, df: Option<f64>) -> Option<f64> {
    let side = if alternative == Alternative::Less { Alternative::Greater } else { alternative };
    let least = least(side, confidence, df);
    let enough = |shift: f64| found(side, least, df, shift) >= power;
    // Chance alone finds as much.
    if enough(0.0) {
        return Some(0.0);
    }
    smallest(0.0, 4.0, enough)
}

/// The smallest number above `low` that is enough; the search goes beyond `high` if that is not. `None` if none is.
fn smallest(mut low: f64, mut high: f64, enough: impl Fn(f64) -> bool) -> Option<f64> {
    while !enough(high) {
        (low, high) = (high, high * 2.0);
        if high > MOST {
            return None;
        }
    }
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high || high - low < 1e-12 * high {
            break;
        }
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

impl Plan {
    /// The power: the probability of finding the effect with this many control rows.
    pub fn power(&self, measure: Measure, effect: f64, rows: f64) -> f64 {
        let other = rows * self.ratio;
        let shift = effect * (rows * other / (rows + other)).sqrt();
        let df = match measure {
            Measure::Rate(_) => None,
            Measure::Mean(_) => {
                let df = rows + other - 2.0;
                if df <= 0.0 {
                    return f64::NAN;
                }
                Some(df)
            }
        };
        found(self.alternative, least(self.alternative, self.confidence, df), df, shift)
    }

    /// The number of control rows that are needed, as a real number; `None` if no number is enough.
    pub fn rows(&self, measure: Measure, effect: f64, power: f64) -> Option<f64> {
        let is_looked_for = match self.alternative {
            Alternative::TwoSided => effect != 0.0,
            Alternative::Greater => effect > 0.0,
            Alternative::Less => effect < 0.0,
        };
        if !is_looked_for || !effect.is_finite() {
            return None;
        }
        let enough = |rows: f64| self.power(measure, effect, rows) >= power;
        // The search starts at the smallest number with positive degrees of freedom.
        let low = match measure {
            Measure::Rate(_) => 0.0,
            Measure::Mean(_) => 2.0 / (1.0 + self.ratio) * (1.0 + 1e-9),
        };
        smallest(low, low.max(1.0) * 2.0, enough)
    }

    /// The smallest detectable difference above the baseline, or below it if the alternative is `Less`; `None` if even the largest is not
    /// detected.
    pub fn difference(&self, measure: Measure, rows: f64, power: f64) -> Option<f64> {
        let down = self.alternative == Alternative::Less;
        let most = match measure {
            Measure::Rate(baseline) if down => baseline,
            Measure::Rate(baseline) => 1.0 - baseline,
            Measure::Mean(deviation) => 1e6 * deviation,
        };
        let sign = if down { -1.0 } else { 1.0 };
        let enough = |difference: f64| {
            let effect = measure.effect((sign * difference).clamp(-most, most));
            effect.is_some_and(|effect| self.power(measure, effect, rows) >= power)
        };
        if most <= 0.0 || !enough(most) {
            return None;
        }
        let (mut low, mut high) = (0.0, most);
        for _ in 0..200 {
            let middle = low + (high - low) / 2.0;
            if middle <= low || middle >= high {
                break;
            }
            if enough(middle) { high = middle } else { low = middle }
        }
        Some(sign * high)
    }
}
