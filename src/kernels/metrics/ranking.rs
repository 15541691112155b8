//! Metrics that depend only on the order of the scores.

use super::Z95;

/// Rows sorted by descending score.
#[derive(Debug)]
pub struct Ranked {
    /// Score, outcome and weight.
    rows: Vec<(f64, f64, f64)>,
    positives: f64,
    negatives: f64,
}

/// The place of a double among all in ascending order, as `total_cmp` has it.
fn place(score: f64) -> u64 {
    let bits = score.to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// The double at a place.
fn at(place: u64) -> f64 {
    f64::from_bits(if place >> 63 == 1 { place & !(1 << 63) } else { !place })
}

impl Ranked {
    pub fn new(scores: &[f64], outcomes: &[f64], weights: Option<&[f64]>) -> Self {
        if weights.is_none() && outcomes.iter().all(|outcome| *outcome == 0.0 || *outcome == 1.0) {
            return Self::of_classes(scores, outcomes);
        }
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let each = scores.iter().zip(outcomes).enumerate().map(|(row, (score, outcome))| (*score, *outcome, weight(row)));
        let mut rows: Vec<(f64, f64, f64)> = each.collect();
        // Equal scores form one step. They are sorted by outcome and weight too, so that sums do not depend on the input order.
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.total_cmp(&b.2)));
        let of = |is_positive: bool| rows.iter().filter(|row| (row.1 > 0.5) == is_positive).map(|row| row.2).sum();
        let (positives, negatives) = (of(true), of(false));
        Self { rows, positives, negatives }
    }

    /// The same for outcomes of 0 and 1 without weights. Integers are sorted several times as fast as rows.
    fn of_classes(scores: &[f64], outcomes: &[f64]) -> Self {
        let of = |wanted: f64| {
            let own = scores.iter().zip(outcomes).filter(|(_, outcome)| **outcome == wanted);
            // Inverted, so that the highest score is first.
            let mut places: Vec<u64> = own.map(|(score, _)| !place(*score)).collect();
            places.sort_unstable();
            places
        };
        let (positives, negatives) = (of(1.0), of(0.0));
        let mut rows = Vec::with_capacity(positives.len() + negatives.len());
        let mut left = negatives.iter().copied().peekable();
        for positive in &positives {
            while let Some(negative) = left.next_if(|negative| negative < positive) {
                rows.push((at(!negative), 0.0, 1.0));
            }
            rows.push((at(!positive), 1.0, 1.0));
        }
        rows.extend(left.map(|negative| (at(!negative), 0.0, 1.0)));
        Self { rows, positives: positives.len() as f64, negatives: negatives.len() as f64 }
    }

    /// For each distinct score, from the highest down: the score and the weights of its positive and negative rows.
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

/// A point of the ROC curve, where rows with at least this score are predicted positive.
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

/// The ROC curve, with one point per distinct score from the highest down. The first point has an infinite threshold and no
/// predicted positives.
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

/// The area under the ROC curve: the probability that a positive row has a higher score than a negative one, where ties count half.
/// `None` if there is only one class.
pub fn auc(scores: &[f64], outcomes: &[f64], weights: Option<&[f64]>) -> Option<f64> {
    area(&Ranked::new(scores, outcomes, weights))
}

/// The same for rows that are sorted already.
pub fn area(ranked: &Ranked) -> Option<f64> {
    let (mut above, mut area) = (0.0, 0.0);
    for (_, positives, negatives) in ranked.steps() {
        area += negatives * (above + positives / 2.0);
        above += positives;
    }
    ranked.has_both().then(|| area / (ranked.positives * ranked.negatives))
}

/// The area under the ROC curve and the ends of its 95 % confidence interval, which is valid for unweighted rows. `None` if there is
/// only one class.
///
/// E. DeLong, D. DeLong, D. Clarke-Pearson: Comparing the Areas under Two or More Correlated Receiver Operating Characteristic
/// Curves (1988), with the sums by ranks of X. Sun, W. Xu: Fast Implementation of DeLong's Algorithm (2014).
pub fn auc_interval(ranked: &Ranked) -> Option<(f64, f64, f64)> {
    let auc = area(ranked)?;
    // For each row, the share of the other class that it beats. The variance of the area follows from the variances of these
    // shares within each class.
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

/// Average precision: the sum over the steps of precision × increase of recall, as in scikit-learn. `None` without positive rows.
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

/// The Kolmogorov–Smirnov statistic: the largest difference between the true and the false positive rate. `None` if there is only
/// one class.
pub fn ks(ranked: &Ranked) -> Option<f64> {
    let (mut positives, mut negatives, mut greatest) = (0.0, 0.0, 0.0);
    for (_, more_positives, more_negatives) in ranked.steps() {
        (positives, negatives) = (positives + more_positives, negatives + more_negatives);
        greatest = f64::max(greatest, (positives / ranked.positives - negatives / ranked.negatives).abs());
    }
    ranked.has_both().then_some(greatest)
}

/// A group of rows with neighbouring scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decile {
    pub rows: u64,
    pub positives: f64,
    /// The lowest score; `high` is the highest.
    pub low: f64,
    pub high: f64,
    pub mean: f64,
}

/// Divides the rows into this many groups of equal size, from the highest scores down. If they do not divide evenly, the first groups
/// have one row more. If rows with equal scores fall into two groups, their positives are shared out in proportion.
pub fn deciles(ranked: &Ranked, parts: usize) -> Vec<Decile> {
    let rows = ranked.rows.len();
    // Replace the outcome of each row by the mean outcome of the rows with its score.
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

/// The share of positive rows among those with the highest scores, which have this share of all weight. Where equal scores are divided,
/// their positive rows are shared out in proportion.
pub fn top_rate(ranked: &Ranked, share: f64) -> f64 {
    let wanted = share * (ranked.positives + ranked.negatives);
    let (mut taken, mut found) = (0.0, 0.0);
    for (_, positives, negatives) in ranked.steps() {
        let here = positives + negatives;
        if here > 0.0 {
            let part = f64::min((wanted - taken) / here, 1.0);
            (taken, found) = (taken + part * here, found + part * positives);
        }
        if taken >= wanted {
            break;
        }
    }
    found / wanted
}
