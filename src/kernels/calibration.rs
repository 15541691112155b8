//! Calibrates predicted probabilities against the actual outcomes.
//!
//! Sigmoid: J. Platt: Probabilistic Outputs for Support Vector Machines (1999), with its targets slightly inside 0 and 1, in the
//! numerically stable form of H.-T. Lin, C.-J. Lin, R. Weng: A Note on Platt's Probabilistic Outputs (2007). Isotonic: M. Ayer et
//! al.: An Empirical Distribution Function for Sampling with Incomplete Information (1955).

use serde::{Deserialize, Serialize};

/// 1 / (1 + exp(a · logit + b)), where logit is the predicted log-odds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sigmoid {
    a: f64,
    b: f64,
}

/// Probabilities are clamped to this distance from 0 and 1.
const LEAST: f64 = 1e-12;

fn logit(probability: f64) -> f64 {
    let probability = probability.clamp(LEAST, 1.0 - LEAST);
    libm::log(probability / (1.0 - probability))
}

fn logistic(score: f64) -> f64 {
    let small = libm::exp(-score.abs());
    if score >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
}

impl Sigmoid {
    /// Fits the sigmoid to outcomes of 0 and 1, by Newton's method with backtracking. It never descends: if the outcomes fall while the
    /// probabilities rise, every probability becomes the share of the positives, as with `Isotonic`.
    pub fn fit(probabilities: &[f64], outcomes: &[f64], weights: Option<&[f64]>) -> Self {
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let sum = |is_positive: bool| -> f64 {
            outcomes.iter().enumerate().filter(|(_, outcome)| (**outcome > 0.5) == is_positive).map(|(row, _)| weight(row)).sum()
        };
        let (positives, negatives) = (sum(true), sum(false));
        let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
        let scores: Vec<f64> = probabilities.iter().map(|probability| logit(*probability)).collect();
        let targets: Vec<f64> = outcomes.iter().map(|outcome| if *outcome > 0.5 { high } else { low }).collect();
        // The negative log-likelihood of p = logistic(−a · score − b).
        let loss = |a: f64, b: f64| -> f64 {
            let each = scores.iter().zip(&targets).enumerate().map(|(row, (score, target))| {
                let margin = a * score + b;
                let log = libm::log1p(libm::exp(-margin.abs()));
                weight(row) * if margin >= 0.0 { target * margin + log } else { (target - 1.0) * margin + log }
            });
            each.sum()
        };
        let level = libm::log((negatives + 1.0) / (positives + 1.0));
        let (mut a, mut b) = (0.0, level);
        let mut before = loss(a, b);
        for _ in 0..100 {
            let (mut h11, mut h22, mut h21, mut g1, mut g2) = (1e-12, 1e-12, 0.0, 0.0, 0.0);
            for (row, (score, target)) in scores.iter().zip(&targets).enumerate() {
                let p = logistic(-(a * score + b));
                let (curvature, slope) = (weight(row) * p * (1.0 - p), weight(row) * (target - p));
                h11 += score * score * curvature;
                h22 += curvature;
                h21 += score * curvature;
                g1 += score * slope;
                g2 += slope;
            }
            if g1.abs() < 1e-9 && g2.abs() < 1e-9 {
                break;
            }
            let determinant = h11 * h22 - h21 * h21;
            let (da, db) = (-(h22 * g1 - h21 * g2) / determinant, -(h11 * g2 - h21 * g1) / determinant);
            let mut share = 1.0;
            let slope = g1 * da + g2 * db;
            let found = loop {
                let after = loss(a + share * da, b + share * db);
                if after < before + 1e-4 * share * slope {
                    break Some(after);
                }
                share /= 2.0;
                if share < 1e-10 {
                    break None;
                }
            };
            let Some(after) = found else { break };
            (a, b, before) = (a + share * da, b + share * db, after);
        }
        // With few rows or a weak model, the folds' predictions can run against the outcomes by chance. A descending sigmoid would
        // turn the order of all customers around.
        if a > 0.0 { Self { a: 0.0, b: level } } else { Self { a, b } }
    }

    pub fn apply(&self, probability: f64) -> f64 {
        logistic(-(self.a * logit(probability) + self.b))
    }
}

/// An ascending, piecewise linear function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// The probabilities at which the line segments meet, ascending; `to` holds the function's values there.
    from: Vec<f64>,
    to: Vec<f64>,
}

impl Isotonic {
    /// Fits an isotonic regression of the outcomes on the probabilities.
    pub fn fit(probabilities: &[f64], outcomes: &[f64], weights: Option<&[f64]>) -> Self {
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let each = probabilities
            .iter()
            .zip(outcomes)
            .enumerate()
            .map(|(row, (probability, outcome))| (*probability, *outcome, weight(row)));
        let mut rows: Vec<(f64, f64, f64)> = each.filter(|row| row.2 > 0.0).collect();
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)));
        // Pool adjacent violators. A block holds its first and last probability, the weighted sum of its outcomes and the sum of
        // its weights; neighbours whose means do not ascend are merged.
        let mut blocks: Vec<(f64, f64, f64, f64)> = vec![];
        for same in rows.chunk_by(|one, next| one.0 == next.0) {
            let sum = same.iter().map(|row| row.1 * row.2).sum();
            blocks.push((same[0].0, same[0].0, sum, same.iter().map(|row| row.2).sum()));
            while let [.., (first, _, one, of_one), (_, last, two, of_two)] = *blocks
                && one * of_two >= two * of_one
            {
                blocks.truncate(blocks.len() - 2);
                blocks.push((first, last, one + two, of_one + of_two));
            }
        }
        let (mut from, mut to) = (vec![], vec![]);
        for (first, last, sum, weight) in blocks {
            from.push(first);
            to.push(sum / weight);
            if last > first {
                from.push(last);
                to.push(sum / weight);
            }
        }
        Self { from, to }
    }

    pub fn apply(&self, probability: f64) -> f64 {
        // Interpolate between the points; beyond them the function is constant. Without points, return the probability unchanged.
        let after = self.from.partition_point(|from| *from <= probability);
        match (after.checked_sub(1), self.from.get(after)) {
            (None, None) => probability,
            (None, Some(_)) => self.to[0],
            (Some(before), None) => self.to[before],
            (Some(before), Some(next)) => {
                let share = (probability - self.from[before]) / (next - self.from[before]);
                self.to[before] + share * (self.to[after] - self.to[before])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_ascend_and_lines_join_them() {
        // scikit-learn 1.9: IsotonicRegression(out_of_bounds='clip').fit([.1,.2,.3,.4,.5], [0,1,0,1,1]).
        let fit = Isotonic::fit(&[0.5, 0.1, 0.4, 0.2, 0.3], &[1.0, 0.0, 1.0, 1.0, 0.0], None);
        for (probability, expected) in
            [(0.0, 0.0), (0.1, 0.0), (0.15, 0.25), (0.2, 0.5), (0.3, 0.5), (0.35, 0.75), (0.4, 1.0), (0.9, 1.0)]
        {
            assert!((fit.apply(probability) - expected).abs() < 1e-12, "{probability}: {}", fit.apply(probability));
        }
    }

    #[test]
    fn a_sigmoid_undoes_what_was_done_to_the_odds() {
        // The predicted odds are the square of the real ones: two of three rows predicted at 0.8 (odds 4) are positive (odds 2).
        let mut probabilities = vec![0.8; 3000];
        probabilities.extend(vec![0.2; 3000]);
        let outcomes: Vec<f64> = (0..6000).map(|row| f64::from(u8::from((row < 3000) == (row % 3 != 0)))).collect();
        let fit = Sigmoid::fit(&probabilities, &outcomes, None);
        assert!((fit.apply(0.8) - 2.0 / 3.0).abs() < 1e-3 && (fit.apply(0.2) - 1.0 / 3.0).abs() < 1e-3);
    }
}
