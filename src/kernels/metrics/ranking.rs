//! What depends only on the order of the scores.

use super::Z95;

/// Rows from the highest score down.
#[derive(Debug)]
pub struct Ranked {
    /// Score, outcome and weight.
    rows: Vec<(f64, f64, f64)>,
    positives: f64,
    negatives: f64,
}

impl Ranked {
    pub fn new(scores: &[f64], outcomes: &[f64], weights: Option<&[f64]>) -> Self {
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let each = scores.iter().zip(outcomes).enumerate().map(|(row, (score, outcome))| (*score, *outcome, weight(row)));
        let mut rows: Vec<(f64, f64, f64)> = each.collect();
        // Equal scores are one step; sorted by outcome and weight too, their sums do not depend on the order they came in.
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.total_cmp(&b.2)));
        let of = |is_positive: bool| rows.iter().filter(|row| (row.1 > 0.5) == is_positive).map(|row| row.2).sum();
        let (positives, negatives) = (of(true), of(false));
        Self { rows, positives, negatives }
    }

    /// The sums of weights of positives and negatives with each score, from the highest down.
    fn steps(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        self.rows.chunk_by(|one, next| one.0 == next.0).map(|rows| {
            let of = |is_positive: bool| rows.iter().filter(|row| (row.1 > 0.5) == is_positive).map(|row| row.2).sum();
            (rows[0].0, of(true), of(false))
        })
    }

    fn has_both(&self) -> bool {
        self.positives > 0.0 && self.negatives > 0.0
    }
}

/// A point of the ROC curve: of the rows with at least this score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub threshold: f64,
    pub true_positives: f64,
    pub false_positives: f64,
    /// Recall.
    pub true_positive_rate: f64,
    pub false_positive_rate: f64,
    pub precision: f64,
}

/// The curve, a point for each different score, from the highest; it begins with none predicted, at an infinite threshold.
pub fn roc_curve(ranked: &Ranked) -> Vec<Point> {
    let point = |threshold: f64, positives: f64, negatives: f64| Point {
        threshold,
        true_positives: positives,
        false_positives: negatives,
        true_positive_rate: positives / ranked.positives,
        false_positive_rate: negatives / ranked.negatives,
        precision: if positives + negatives > 0.0 { positives / (positives + negatives) } else { 1.0 },
    };
    let (mut positives, mut negatives) = (0.0, 0.0);
    let mut curve = vec![point(f64::INFINITY, 0.0, 0.0)];
    for (threshold, more_positives, more_negatives) in ranked.steps() {
        (positives, negatives) = (positives + more_positives, negatives + more_negatives);
        curve.push(point(threshold, positives, negatives));
    }
    curve
}

/// The area under the ROC curve: how often a positive row has the higher score, ties counting half. `None` of one class.
pub fn auc(scores: &[f64], outcomes: &[f64], weights: Option<&[f64]>) -> Option<f64> {
    area(&Ranked::new(scores, outcomes, weights))
}

fn area(ranked: &Ranked) -> Option<f64> {
    let (mut above, mut area) = (0.0, 0.0);
    for (_, positives, negatives) in ranked.steps() {
        area += negatives * (above + positives / 2.0);
        above += positives;
    }
    ranked.has_both().then(|| area / (ranked.positives * ranked.negatives))
}

/// The area and its interval of 95 %, of rows that count alike.
///
/// E. DeLong, D. DeLong, D. Clarke-Pearson: Comparing the Areas under Two or More Correlated Receiver Operating Characteristic Curves (1988); the sums by
/// ranks of X. Sun, W. Xu: Fast Implementation of DeLong's Algorithm (2014).
pub fn auc_interval(ranked: &Ranked) -> Option<(f64, f64, f64)> {
    let auc = area(ranked)?;
    // Of each row the share of the other class that it beats; their variances within both classes.
    let (mut above_positives, mut above_negatives) = (0.0, 0.0);
    let (mut of_positives, mut of_negatives) = (0.0, 0.0);
    for (_, positives, negatives) in ranked.steps() {
        let beaten = (ranked.negatives - above_negatives - negatives / 2.0) / ranked.negatives;
        of_positives += positives * (beaten - auc) * (beaten - auc);
        let beating = (above_positives + positives / 2.0) / ranked.positives;
        of_negatives += negatives * (beating - auc) * (beating - auc);
        (above_positives, above_negatives) = (above_positives + positives, above_negatives + negatives);
    }
    let variance =
        of_positives / (ranked.positives - 1.0) / ranked.positives + of_negatives / (ranked.negatives - 1.0) / ranked.negatives;
    let reach = Z95 * variance.sqrt();
    Some((auc, (auc - reach).max(0.0), (auc + reach).min(1.0)))
}

/// Average precision: the sum of precision times the gain of recall, step by step, as scikit-learn has it. `None` without positive rows.
pub fn average_precision(ranked: &Ranked) -> Option<f64> {
    let (mut positives, mut all, mut sum) = (0.0, 0.0, 0.0);
    for (_, more_positives, more_negatives) in ranked.steps() {
        positives += more_positives;
        all += more_positives + more_negatives;
        if all > 0.0 {
            sum += more_positives * positives / all;
        }
    }
    (ranked.positives > 0.0).then(|| sum / ranked.positives)
}

/// Kolmogorov and Smirnov: the largest difference of the rates along the curve. `None` of one class.
pub fn ks(ranked: &Ranked) -> Option<f64> {
    let greatest =
        roc_curve(ranked).iter().map(|point| (point.true_positive_rate - point.false_positive_rate).abs()).fold(0.0, f64::max);
    ranked.has_both().then_some(greatest)
}

/// A part of the rows, by score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decile {
    pub rows: u64,
    pub positives: f64,
    /// The smallest and the largest score.
    pub low: f64,
    pub high: f64,
    pub mean: f64,
}

/// This many parts of as many rows each, from the highest scores; the first are a row longer where they do not divide evenly. Where equal scores fall into
/// two parts, the positive rows among them are shared in proportion.
pub fn deciles(ranked: &Ranked, parts: usize) -> Vec<Decile> {
    let rows = ranked.rows.len();
    // Each row stands for the mean outcome of the rows of its score.
    let shared = ranked.rows.chunk_by(|one, next| one.0 == next.0).flat_map(|rows| {
        let mean = rows.iter().map(|row| row.1).sum::<f64>() / rows.len() as f64;
        rows.iter().map(move |row| (row.0, mean))
    });
    let shared: Vec<(f64, f64)> = shared.collect();
    let part = |number: usize| {
        let start = number * (rows / parts) + number.min(rows % parts);
        let own = &shared[start..start + rows / parts + usize::from(number < rows % parts)];
        let (first, last) = (own.first()?, own.last()?);
        let sum = |of: fn(&(f64, f64)) -> f64| own.iter().map(of).sum::<f64>();
        Some(Decile {
            rows: own.len() as u64,
            positives: sum(|row| row.1),
            low: last.0,
            high: first.0,
            mean: sum(|row| row.0) / own.len() as f64,
        })
    };
    (0..parts).filter_map(part).collect()
}
