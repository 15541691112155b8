//! The Kaplan–Meier estimate of the survival curve.

use crate::kernels::special::normal_quantile;

/// The events at one duration: number of rows with the event, and number of rows censored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct At {
    pub duration: f64,
    pub events: u64,
    pub censored: u64,
}

/// A step of the curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub at: At,
    /// Number of rows still under observation just before.
    pub at_risk: u64,
    /// Estimated share of rows that survive longer.
    pub survival: f64,
    /// Greenwood's standard error of the survival.
    pub std_err: f64,
    /// Confidence band on the ln(−ln) scale; `None` before the first event, and once the survival is 0.
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    /// Nelson–Aalen estimate.
    pub cumulative_hazard: f64,
}

/// Computes the curve from distinct durations in ascending order.
pub fn curve(rows: &[At], confidence: f64) -> Vec<Point> {
    let z = normal_quantile(0.5 + confidence / 2.0);
    let mut at_risk: u64 = rows.iter().map(|at| at.events + at.censored).sum();
    let (mut survival, mut greenwood, mut hazard) = (1.0, 0.0, 0.0);
    rows.iter()
        .map(|at| {
            let (events, left) = (at.events as f64, at_risk as f64);
            survival *= (left - events) / left;
            hazard += events / left;
            if at.events > 0 && at.events < at_risk {
                greenwood += events / (left * (left - events));
            }
            let (lower, upper) = match survival {
                1.0 => (None, None),
                0.0 => (None, None),
                _ => {
                    let log = libm::log(survival);
                    let width = z * greenwood.sqrt() / log.abs();
                    (Some(libm::exp(log * libm::exp(width))), Some(libm::exp(log * libm::exp(-width))))
                }
            };
            let std_err = if survival > 0.0 { survival * greenwood.sqrt() } else { 0.0 };
            let point = Point { at: *at, at_risk, survival, std_err, lower, upper, cumulative_hazard: hazard };
            at_risk -= at.events + at.censored;
            point
        })
        .collect()
}

/// A quantile of the durations with its confidence interval; `None` where the curve, or its band, does not fall far enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    pub estimate: Option<f64>,
    pub lower: Option<f64>,
    pub upper: Option<f64>,
}

/// The first duration that at most this share survives; 0.5 gives the median. The interval ends where the bands fall to this share.
pub fn quantile(points: &[Point], share: f64) -> Quantile {
    // The survival is a product of rounded ratios, so it may miss the share, for example a half, by a rounding error.
    let reaches = |value: f64| value <= share + 1e-12;
    let first = |reached: &dyn Fn(&Point) -> bool| points.iter().find(|point| reached(point)).map(|point| point.at.duration);
    Quantile {
        estimate: first(&|point| reaches(point.survival)),
        lower: first(&|point| point.lower.map_or(point.survival == 0.0, reaches)),
        upper: first(&|point| point.upper.is_some_and(reaches)),
    }
}
