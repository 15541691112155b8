use super::*;
use crate::kernels::control::unlimited::control;

const PLAIN: Options = Options { alpha: 0.0, l1_ratio: 0.0, max_iter: 100, tol: 1e-12, confidence: 0.95 };

/// With a single category of two levels, the coefficient is the log odds ratio, and its variance is the sum of the reciprocals of
/// the four counts.
#[test]
fn a_table_of_four_is_its_odds_ratio() {
    let mut codes = vec![];
    let mut target = vec![];
    for (code, outcome, count) in [(0, 0.0, 40), (0, 1.0, 10), (1, 0.0, 15), (1, 1.0, 35)] {
        codes.extend(vec![code; count]);
        target.extend(vec![outcome; count]);
    }
    let categories = [Levels { codes: &codes, levels: 2, reference: 0 }];
    let design = Design { numbers: &[], moments: &[], categories: &categories, target: &target, weights: None };
    for workers in [1, 3] {
        let found = fit(Family::Binomial, design, &PLAIN, control(workers)).unwrap();
        let term = &found.categories[0][1];
        let (odds, error) = (libm::log(35.0 * 40.0 / (15.0 * 10.0)), (1.0 / 40.0 + 0.1 + 1.0 / 15.0 + 1.0 / 35.0_f64).sqrt());
        assert!((term.value.unwrap() - odds).abs() < 1e-10 && (term.std_err.unwrap() - error).abs() < 1e-8, "{term:?}");
        assert!((found.intercept.value.unwrap() - libm::log(0.25)).abs() < 1e-10);
        assert!(found.converged && found.separation == Separation::No);
    }
}

#[test]
fn what_cannot_be_told_is_said() {
    let one: Vec<f64> = (0..20).map(f64::from).collect();
    let twice: Vec<f64> = one.iter().map(|value| 2.0 * value + 1.0).collect();
    let constant = vec![3.0; 20];
    let numbers: [&[f64]; 3] = [&one, &twice, &constant];
    let target: Vec<f64> = one.iter().map(|value| value * 3.0 + 1.0).collect();
    let moments = numbers.map(|column| Moments::of(column, None));
    let design = Design { numbers: &numbers, moments: &moments, categories: &[], target: &target, weights: None };
    let found = fit(Family::Gaussian, design, &PLAIN, control(1)).unwrap();
    assert!((found.numbers[0].value.unwrap() - 3.0).abs() < 1e-9 && (found.intercept.value.unwrap() - 1.0).abs() < 1e-8);
    assert_eq!((found.numbers[1].value, found.numbers[2].value), (None, None));
    // A threshold separates the classes.
    let target: Vec<f64> = one.iter().map(|value| f64::from(u8::from(*value > 9.0))).collect();
    let design = Design { numbers: &numbers[..1], moments: &moments[..1], categories: &[], target: &target, weights: None };
    let found = fit(Family::Binomial, design, &PLAIN, control(1)).unwrap();
    assert_eq!((found.separation, found.numbers[0].std_err), (Separation::Perfect, None));
}

/// With one standardised column, ridge divides the slope by 1 + alpha, and the lasso subtracts alpha from it.
#[test]
fn penalties_are_those_of_glmnet() {
    let x: Vec<f64> = (0..10).map(|row| if row < 5 { -1.0 } else { 1.0 }).collect();
    let target: Vec<f64> = x.iter().map(|value| 2.0 * value + 5.0).collect();
    let numbers: [&[f64]; 1] = [&x];
    let moments = [Moments::of(&x, None)];
    let design = Design { numbers: &numbers, moments: &moments, categories: &[], target: &target, weights: None };
    for (alpha, l1_ratio, slope) in [(0.5, 0.0, 2.0 / 1.5), (0.5, 1.0, 1.5), (3.0, 1.0, 0.0), (0.5, 0.5, 1.75 / 1.25)] {
        let found = fit(Family::Gaussian, design, &Options { alpha, l1_ratio, ..PLAIN }, control(1)).unwrap();
        assert!((found.numbers[0].value.unwrap() - slope).abs() < 1e-9, "{alpha} {l1_ratio}: {:?}", found.numbers[0]);
        assert!((found.intercept.value.unwrap() - 5.0).abs() < 1e-9 && found.numbers[0].std_err.is_none());
    }
}

/// The rows of a logistic model, with and without weights, beside the formulas of a single row.
#[test]
fn blocks_are_their_rows() {
    let scores = [-900.0, -40.0, -3.7, -1e-9, 0.0, 0.2, 1.9, 36.0, 700.0];
    let target: Vec<f64> = (0..scores.len()).map(|row| f64::from(u8::from(row % 2 == 0))).collect();
    let weights: Vec<f64> = (0..scores.len()).map(|row| row as f64 / 2.0).collect();
    for weights in [None, Some(weights.as_slice())] {
        let (mut curvature, mut residual, mut grown) = ([0.0; 9], [0.0; 9], [0.0; 9]);
        let (curvature, residual) = (&mut curvature, &mut residual);
        let block = logistic::Block { scores: &scores, target: &target, weights, curvature, residual, grown: &mut grown };
        let deviance = block.fill();
        let mut sum = 0.0;
        for (row, (score, target)) in scores.iter().zip(&target).enumerate() {
            let (weight, mean) = (weights.map_or(1.0, |weights| weights[row]), Family::Binomial.mean(*score));
            sum += weight * Family::Binomial.deviance(*target, *score, mean);
            assert!((residual[row] - weight * (target - mean)).abs() < 1e-14, "{score}: {}", residual[row]);
            // The variance is the mean times what is left of 1, which rounds to 0 for large scores.
            let variance = weight * libm::exp(-score.abs().min(708.0)) / libm::pow(1.0 + libm::exp(-score.abs()), 2.0);
            assert!((curvature[row] - variance).abs() <= 1e-14 * variance, "{score}: {} {variance}", curvature[row]);
        }
        assert!((deviance - sum).abs() < 1e-14 * sum, "{deviance} {sum}");
    }
}
