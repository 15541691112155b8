//! A numeric axis with ticks at round numbers: one, two, two and a half or five times a power of ten.

use super::Language;
use super::number::{labels, real};

/// The range of an axis, and its ticks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) step: f64,
    pub(super) ticks: Vec<f64>,
}

impl Axis {
    /// An axis over the range, widened to whole steps, with about `target` of them; `whole` keeps steps to integers.
    pub(super) fn new(low: f64, high: f64, target: usize, whole: bool) -> Self {
        let (low, high) = widened(low, high);
        let step = step(high - low, target, whole);
        let first = (low / step + 1e-9).floor();
        let last = (high / step - 1e-9).ceil().max(first + 1.0);
        let mut ticks = Vec::new();
        let mut index = first;
        while index <= last {
            ticks.push(index * step);
            index += 1.0;
        }
        Self { low: first * step, high: last * step, step, ticks }
    }

    /// An axis exactly over the range, with the round ticks that lie inside it.
    pub(super) fn within(low: f64, high: f64, target: usize) -> Self {
        let (low, high) = widened(low, high);
        let wide = Self::new(low, high, target, false);
        let slack = (high - low) * 1e-9;
        let ticks = wide.ticks.into_iter().filter(|&tick| tick >= low - slack && tick <= high + slack).collect();
        Self { low, high, step: wide.step, ticks }
    }

    /// Where a value lies between two ends of the drawing.
    pub(super) fn at(&self, value: f64, from: f64, to: f64) -> f64 {
        from + (value - self.low) / (self.high - self.low) * (to - from)
    }

    /// The labels of the ticks.
    pub(super) fn labels(&self, language: Language) -> Vec<String> {
        labels(&self.ticks, self.step, language)
    }
}

/// A range that is not empty: a single value gets room on both sides, no values at all become zero to one.
fn widened(low: f64, high: f64) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    if size < 1e-290 {
        (0.0, 1.0)
    } else if high - low < size * 1e-9 {
        (low - size * 0.1, high + size * 0.1)
    } else {
        (low, high)
    }
}

fn step(range: f64, target: usize, whole: bool) -> f64 {
    let raw = range / real(target.max(1));
    let power = 10_f64.powf(raw.log10().floor());
    let fits = |step: &f64| *step >= raw * (1.0 - 1e-9) && !(whole && step.fract() != 0.0);
    [1.0, 2.0, 2.5, 5.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(fits)
        .unwrap_or_else(|| (10.0 * power).max(if whole { 1.0 } else { 0.0 }))
}
