//! Compares the results with `lifelines`, R, and computations by hand.

use super::{At, Cox, CoxOptions, Ties, curve, fit_cox, log_rank, quantile};
use crate::kernels::control::unlimited::control;

fn near(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{found} is not {expected}");
}

const fn at(duration: f64, events: u64, censored: u64) -> At {
    At { duration, events, censored }
}

/// Remission of leukaemia in weeks, for treated and untreated patients: Freireich et al. (1963).
const TREATED: [At; 16] = [
    at(6.0, 3, 1),
    at(7.0, 1, 0),
    at(9.0, 0, 1),
    at(10.0, 1, 1),
    at(11.0, 0, 1),
    at(13.0, 1, 0),
    at(16.0, 1, 0),
    at(17.0, 0, 1),
    at(19.0, 0, 1),
    at(20.0, 0, 1),
    at(22.0, 1, 0),
    at(23.0, 1, 0),
    at(25.0, 0, 1),
    at(32.0, 0, 2),
    at(34.0, 0, 1),
    at(35.0, 0, 1),
];
const OTHERS: [At; 12] = [
    at(1.0, 2, 0),
    at(2.0, 2, 0),
    at(3.0, 1, 0),
    at(4.0, 2, 0),
    at(5.0, 2, 0),
    at(8.0, 4, 0),
    at(11.0, 2, 0),
    at(12.0, 2, 0),
    at(15.0, 1, 0),
    at(17.0, 1, 0),
    at(22.0, 1, 0),
    at(23.0, 1, 0),
];

fn rows(groups: &[&[At]]) -> (Vec<f64>, Vec<f64>, Vec<bool>) {
    let (mut group, mut duration, mut event) = (vec![], vec![], vec![]);
    for (number, counts) in groups.iter().enumerate() {
        for at in *counts {
            for happened in std::iter::repeat_n(true, at.events as usize).chain(std::iter::repeat_n(false, at.censored as usize))
            {
                group.push(number as f64);
                duration.push(at.duration);
                event.push(happened);
            }
        }
    }
    (group, duration, event)
}

#[test]
fn the_curve_is_the_published_one() {
    let points = curve(&TREATED, 0.95);
    assert_eq!(points[0].at_risk, 21);
    for (duration, survival, std_err) in [(6.0, 0.857, 0.0764), (10.0, 0.753, 0.0963), (23.0, 0.448, 0.1346)] {
        let point = points.iter().find(|point| point.at.duration == duration).unwrap();
        assert!((point.survival - survival).abs() < 5e-4 && (point.std_err - std_err).abs() < 5e-5, "{point:?}");
    }
    let median = quantile(&points, 0.5);
    assert_eq!((median.estimate, median.lower, median.upper), (Some(23.0), Some(13.0), None));
    let all = curve(&OTHERS, 0.95);
    assert_eq!(quantile(&all, 0.5).estimate, Some(8.0));
    let last = all[all.len() - 1];
    assert_eq!((last.survival, last.std_err, last.lower, last.upper), (0.0, 0.0, None, None));
    assert!(curve(&[], 0.95).is_empty());
    let censored = curve(&[at(3.0, 0, 2)], 0.95);
    assert_eq!((censored[0].survival, censored[0].lower), (1.0, None));
}

#[test]
fn the_test_is_the_published_one() {
    let test = log_rank(&[vec![TREATED.to_vec(), OTHERS.to_vec()]], control(1)).unwrap();
    // R: survdiff gives 16.8 on one degree of freedom, and 19.25 and 10.75 expected events.
    assert!((test.statistic.unwrap() - 16.793).abs() < 1e-3);
    assert!((test.groups[0].2 - 19.25).abs() < 5e-3 && (test.groups[1].2 - 10.75).abs() < 5e-3);
    assert_eq!(test.degrees_of_freedom, 1);
    near(test.p_value.unwrap(), 4.168_8e-5, 1e-3);
    // All of one group are gone before anyone of the other: 199 on one degree of freedom.
    let apart = log_rank(&[vec![vec![at(1.0, 100, 0)], vec![at(2.0, 100, 0)]]], control(1)).unwrap();
    near(apart.p_value.unwrap(), 3.451890018846111e-45, 1e-9);
    let alone = log_rank(&[vec![TREATED.to_vec()]], control(1)).unwrap();
    assert_eq!((alone.statistic, alone.degrees_of_freedom), (None, 0));
    // Two identical groups do not differ, and an empty group does not count.
    let same = log_rank(&[vec![TREATED.to_vec(), TREATED.to_vec(), vec![]]], control(1)).unwrap();
    assert_eq!((same.statistic, same.degrees_of_freedom), (Some(0.0), 1));
    assert_eq!(log_rank(&[], control(1)).unwrap().statistic, None);
}

#[test]
fn hazards_are_those_of_other_programs() {
    let (group, duration, event) = rows(&[&TREATED, &OTHERS]);
    let fit = |ties| match fit_cox(
        &control(1),
        std::slice::from_ref(&group),
        &duration,
        &event,
        None,
        CoxOptions { ties, ..CoxOptions::default() },
    ) {
        Ok(Cox::Fitted(model)) => model,
        other => panic!("{other:?}"),
    };
    // R: coxph gives 1.572 ± 0.412 with Efron's ties, and 1.509 ± 0.410 with Breslow's.
    let model = fit(Ties::Efron);
    assert!(model.converged);
    assert!((model.terms[0].coefficient - 1.572).abs() < 5e-4 && (model.terms[0].std_err.unwrap() - 0.412).abs() < 5e-4);
    assert!((fit(Ties::Breslow).terms[0].coefficient - 1.509).abs() < 5e-4);
    assert!((model.concordance.unwrap() - 0.69).abs() < 5e-3);
    let risks = [0.0, 1.0].map(|group| model.log_risk(&[group]));
    near(risks[1] - risks[0], model.terms[0].coefficient, 1e-12);
    assert!(model.survival(risks[0], 10.0) > model.survival(risks[1], 10.0));
    assert_eq!(model.survival(risks[0], 0.5), 1.0);
    assert!(model.median(risks[1]).unwrap() < model.median(risks[0]).unwrap_or(f64::INFINITY));
    assert!(model.rows == 42 && model.events == 30);
    let many = [&TREATED[..], &OTHERS].map(|group| {
        let times = group.iter().map(|row| at(row.duration, 20 * row.events, 20 * row.censored));
        times.collect::<Vec<_>>()
    });
    let (group, duration, event) = rows(&[&many[0], &many[1]]);
    match fit_cox(&control(1), &[group], &duration, &event, None, CoxOptions::default()).unwrap() {
        Cox::Fitted(model) => assert!((1e-99..1e-50).contains(&model.likelihood_ratio_p_value), "{model:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_fitted_is_told() {
    let fit = |features: &[Vec<f64>], event: &[bool]| {
        fit_cox(&control(1), features, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], event, None, CoxOptions::default()).unwrap()
    };
    let event = [true, false, true, true, false, true];
    let one = vec![1.0, 2.0, 1.5, 0.5, 3.0, 2.5];
    assert_eq!(fit(std::slice::from_ref(&one), &[false; 6]), Cox::NoEvents);
    assert_eq!(fit(&[vec![2.0; 6]], &event), Cox::Redundant(0));
    let twice: Vec<f64> = one.iter().map(|value| 2.0 * value + 1.0).collect();
    assert_eq!(fit(&[one, twice], &event), Cox::Redundant(1));
    // The higher the feature, the earlier the event: the coefficient would grow for ever.
    let separating = vec![6.0, 5.0, 4.0, 3.0, 2.0, 1.0];
    match fit(&[separating], &[true; 6]) {
        Cox::Fitted(model) => assert!(!model.converged || model.terms[0].std_err.is_none_or(|error| error > 1.0)),
        other => panic!("{other:?}"),
    }
}
