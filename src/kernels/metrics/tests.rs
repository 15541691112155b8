use super::*;

const OUTCOMES: [f64; 4] = [0.0, 0.0, 1.0, 1.0];
const SCORES: [f64; 4] = [0.1, 0.4, 0.35, 0.8];

/// The examples from scikit-learn's documentation of roc_auc_score, average_precision_score and roc_curve.
#[test]
fn ranking_is_that_of_scikit_learn() {
    let ranked = Ranked::new(&SCORES, &OUTCOMES, None);
    assert_eq!(auc(&SCORES, &OUTCOMES, None), Some(0.75));
    assert!((average_precision(&ranked).unwrap() - 0.833_333_333_333_333_3).abs() < 1e-15);
    assert_eq!(ks(&ranked), Some(0.5));
    let curve: Vec<(f64, f64)> =
        roc_curve(&ranked).iter().map(|point| (point.false_positive_rate, point.true_positive_rate)).collect();
    assert_eq!(curve, [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]);
    // Ties count half; with a single class there is no area.
    assert_eq!(auc(&[0.5; 4], &OUTCOMES, None), Some(0.5));
    assert_eq!(auc(&SCORES, &[1.0; 4], None), None);
    let parts = deciles(&ranked, 2);
    assert_eq!((parts[0].rows, parts[0].positives, parts[1].positives), (2, 1.0, 1.0));
}

/// Rows without weights are sorted in another way than rows with the weight 1.
#[test]
fn classes_are_ranked_as_rows_are() {
    let scores = [0.3, -0.0, 0.0, 0.3, -2.5, f64::INFINITY, 0.3, -0.0, f64::MIN_POSITIVE, -1e300];
    let outcomes = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
    let (classes, rows) = (Ranked::new(&scores, &outcomes, None), Ranked::new(&scores, &outcomes, Some(&[1.0; 10])));
    assert_eq!(format!("{classes:?}"), format!("{rows:?}"));
    assert_eq!((area(&classes), ks(&classes)), (area(&rows), ks(&rows)));
    assert_eq!(roc_curve(&classes).len(), 7);
}

#[test]
fn probabilities_and_classes_are_those_of_scikit_learn() {
    // scikit-learn: log_loss([0,0,1,1], p), brier_score_loss, accuracy at 0.4.
    let expected = -(0.9_f64.ln() + 0.6_f64.ln() + 0.35_f64.ln() + 0.8_f64.ln()) / 4.0;
    assert!((log_loss(&SCORES, &OUTCOMES, None) - expected).abs() < 1e-15);
    assert!((brier(&SCORES, &OUTCOMES, None) - (0.01 + 0.16 + 0.4225 + 0.04) / 4.0).abs() < 1e-15);
    let confusion = Confusion::new(&SCORES, &OUTCOMES, None, 0.4);
    assert_eq!((confusion.right(), confusion.precise(), confusion.recalled()), ((2.0, 4.0), (1.0, 2.0), (1.0, 2.0)));
    assert_eq!(confusion.f1(), Some(0.5));
    // statsmodels: proportion_confint(8, 10, method='wilson').
    let (low, high) = wilson(8.0, 10.0);
    assert!((low - 0.490_162_471_536_642).abs() < 1e-12 && (high - 0.943_317_848_545_625).abs() < 1e-12, "{low} {high}");
    let bins = calibration(&SCORES, &OUTCOMES, 2, true);
    assert_eq!((bins[0].rows, bins[0].observed, bins[1].observed), (2, 0.5, 0.5));
    // calibration_curve of eleven rows in four bins, by quantiles and of equal width.
    let scores: Vec<f64> = [0.02, 0.1, 0.25, 0.3, 0.3, 0.41, 0.5, 0.55, 0.7, 0.75, 1.0].to_vec();
    let rows = |by_count: bool| calibration(&scores, &[1.0; 11], 4, by_count).iter().map(|bin| bin.rows).collect::<Vec<u64>>();
    assert_eq!((rows(true), rows(false)), (vec![3, 3, 2, 3], vec![3, 4, 3, 1]));
    let errors = Errors::new(&[1.0, 2.0, 4.0], &[1.0, 3.0, 3.0], None);
    assert!((errors.mae - 2.0 / 3.0).abs() < 1e-15 && (errors.r2.unwrap() - 0.25).abs() < 1e-12);
}
