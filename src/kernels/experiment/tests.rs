//! Expected values are from scipy 1.16, statsmodels 0.15 and xxhash.

use super::compare::{Comparison, Test, compare};
use super::differences::{Stratum, gain};
use super::estimate::{Adjustment, Estimate, estimate};
use super::moments::{Moments, Of};
use super::power::{Measure, Plan};
use super::ranks::{Tied, mann_whitney};
use super::uplift::{Scored, curve};
use super::{Alternative, assign, ratio, sequential};
use crate::kernels::random::Random;
use crate::kernels::special::{chi2_upper, noncentral_t_cdf, t_cdf};

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-300), "found {found}, expected {expected}");
}

struct Row {
    metric: f64,
    denominator: f64,
    covariate: f64,
}

fn control() -> Vec<Row> {
    let metric = |row: i64| ((row * 37) % 101) as f64 * 0.31 + (row % 7) as f64;
    let row = |row: i64| Row {
        metric: metric(row),
        denominator: 1.0 + (row % 4) as f64,
        covariate: ((row * 29) % 83) as f64 * 0.5 + 0.1 * metric(row),
    };
    (0..60).map(row).collect()
}

fn treatment() -> Vec<Row> {
    let metric = |row: i64| ((row * 53) % 97) as f64 * 0.29 + (row % 5) as f64 * 1.3 + 2.0;
    let row = |row: i64| Row {
        metric: metric(row),
        denominator: 1.0 + (row % 3) as f64,
        covariate: ((row * 31) % 79) as f64 * 0.5 + 0.2 * metric(row),
    };
    (0..75).map(row).collect()
}

fn moments(rows: &[Row]) -> Moments {
    let mut moments = Moments::default();
    rows.iter().for_each(|row| moments.add(row.metric, Some(row.denominator), Some(Some(row.covariate)), None));
    moments
}

fn flags(ones: i64, rows: i64) -> Estimate {
    let mut moments = Moments::default();
    (0..rows).for_each(|row| moments.add(if row < ones { 1.0 } else { 0.0 }, None, None, None));
    assert!(moments.is_flag());
    estimate(&moments, false, None).unwrap()
}

fn compared(test: Test, alternative: Alternative) -> Comparison {
    let [control, treatment] = [control(), treatment()].map(|rows| estimate(&moments(&rows), false, None).unwrap());
    compare(&control, &treatment, test, alternative, 0.95, 0.8).unwrap()
}

#[test]
fn welch_is_that_of_scipy() {
    let found = compared(Test::Welch, Alternative::TwoSided);
    near(found.statistic.unwrap(), -0.03812331304827009);
    near(found.p_value.unwrap(), 0.9696520218717272);
    near(found.degrees_of_freedom.unwrap(), 121.32641896339689);
    near(found.interval.0.unwrap(), -3.1139963588525474);
    near(found.interval.1.unwrap(), 2.996329692185897);
    let greater = compared(Test::Welch, Alternative::Greater);
    near(greater.p_value.unwrap(), 0.5151739890641365);
    assert_eq!(greater.interval.1, None);
    near(greater.interval.0.unwrap(), -2.616765091892707);
    let less = compared(Test::Welch, Alternative::Less);
    near(less.p_value.unwrap(), 0.4848260109358636);
    near(less.interval.1.unwrap(), 2.499098425226056);
}

#[test]
fn a_negative_control_turns_the_interval_of_the_uplift_round() {
    let negative = [control(), treatment()].map(|rows| {
        let mut moments = Moments::default();
        rows.iter().for_each(|row| moments.add(-row.metric, None, None, None));
        estimate(&moments, false, None).unwrap()
    });
    for (alternative, opposite) in [
        (Alternative::Greater, Alternative::Less),
        (Alternative::Less, Alternative::Greater),
        (Alternative::TwoSided, Alternative::TwoSided),
    ] {
        let found = compare(&negative[0], &negative[1], Test::Welch, alternative, 0.95, 0.8).unwrap();
        let expected = compared(Test::Welch, opposite);
        near(found.difference, -expected.difference);
        near(found.uplift.unwrap(), expected.uplift.unwrap());
        for (found, expected) in
            [(found.uplift_interval.0, expected.uplift_interval.0), (found.uplift_interval.1, expected.uplift_interval.1)]
        {
            assert_eq!(found.is_some(), expected.is_some());
            found.zip(expected).into_iter().for_each(|(found, expected)| near(found, expected));
        }
    }
}

#[test]
fn small_p_values_have_all_their_digits() {
    for (t, df, expected) in [
        (-11.0, 4000.0, 4.755530036316419e-28),
        (-5.300140358411669, 36671.15797736051, 5.81907484112741e-08),
        (-1.2, 1e6, 0.11506981236586235),
        (-1.0, 3.0, 0.19550110947788524),
        (-40.0, 100.0, 1.2310538010700354e-63),
        (-3.0, 0.7, 0.1416856696505129),
    ] {
        near(t_cdf(t, df), expected);
        assert!((t_cdf(-t, df) - (1.0 - expected)).abs() < 1e-14);
    }
}

#[test]
fn proportions_are_those_of_statsmodels() {
    let (control, treatment) = (flags(100, 1010), flags(130, 1000));
    let found = compare(&control, &treatment, Test::Proportions, Alternative::TwoSided, 0.95, 0.8).unwrap();
    near(found.statistic.unwrap(), 2.182266371100356);
    near(found.p_value.unwrap(), 0.0290898794047878);
    let found = compare(&control, &treatment, Test::Proportions, Alternative::Greater, 0.95, 0.8).unwrap();
    near(found.p_value.unwrap(), 0.0145449397023939);
    let found = compare(&control, &treatment, Test::ChiSquare, Alternative::TwoSided, 0.95, 0.8).unwrap();
    near(found.statistic.unwrap(), 4.762286514435517);
    near(found.p_value.unwrap(), 0.029089879404787813);
    // Nothing varies.
    let none = compare(&flags(0, 10), &flags(0, 10), Test::Proportions, Alternative::TwoSided, 0.95, 0.8).unwrap();
    assert_eq!((none.statistic, none.p_value, none.detectable), (None, None, None));
    assert_eq!(compare(&flags(0, 1), &flags(0, 10), Test::Welch, Alternative::TwoSided, 0.95, 0.8), None);
}

#[test]
fn a_covariate_is_worth_what_the_closed_form_says() {
    let (control, treatment) = (moments(&control()), moments(&treatment()));
    let both = Moments::merged([&control, &treatment]);
    let adjustment = Adjustment::of(&both, false).unwrap();
    near(adjustment.theta, 0.07586450334658955);
    let [control, treatment] = [control, treatment].map(|rows| estimate(&rows, false, Some(adjustment)).unwrap());
    near(control.mean, 18.288165651004945);
    near(treatment.mean, 18.16093414586272);
    let found = compare(&control, &treatment, Test::Welch, Alternative::TwoSided, 0.95, 0.8).unwrap();
    near(found.statistic.unwrap(), -0.08294949535178091);
    near(found.p_value.unwrap(), 0.9340278197013351);
    near(found.degrees_of_freedom.unwrap(), 121.8422668902951);
}

#[test]
fn ratios_are_by_the_delta_method() {
    let (control, treatment) = (moments(&control()), moments(&treatment()));
    let [one, other] = [&control, &treatment].map(|rows| estimate(rows, true, None).unwrap());
    near(one.mean, 7.300066666666665);
    near(other.mean, 9.095666666666668);
    near(one.of_mean(), 0.38495862421092275);
    near(other.of_mean(), 0.41848452187187185);
    let found = compare(&one, &other, Test::Delta, Alternative::TwoSided, 0.95, 0.8).unwrap();
    near(found.statistic.unwrap(), 2.0032355632685244);
    near(found.p_value.unwrap(), 0.04515201014114551);
    let adjustment = Adjustment::of(&Moments::merged([&control, &treatment]), true).unwrap();
    near(adjustment.theta, 0.042222532912080994);
    let [one, other] = [&control, &treatment].map(|rows| estimate(rows, true, Some(adjustment)).unwrap());
    near(one.mean, 7.321215073313693);
    near(other.mean, 9.078747941349047);
    near(one.of_mean(), 0.3739890501501116);
    near(other.of_mean(), 0.4225888905143253);
}

#[test]
fn moments_merge_and_travel() {
    let rows: Vec<Row> = control().into_iter().chain(treatment()).collect();
    let whole = moments(&rows);
    let mut merged = Moments::default();
    for part in rows.chunks(13).rev() {
        merged.merge(&Moments::read(&moments(part).write()));
    }
    assert_eq!(merged.rows, 135);
    assert_eq!(merged.mean(Of::Metric), whole.mean(Of::Metric));
    for one in [Of::Metric, Of::Denominator, Of::Covariate] {
        for other in [Of::Metric, Of::Denominator, Of::Covariate] {
            assert_eq!(merged.deviations(one, other), whole.deviations(other, one));
        }
    }
    // Equal numbers have a variance of exactly 0.
    let mut equal = Moments::default();
    (0..1000).for_each(|_| equal.add(0.1, None, None, None));
    assert_eq!((equal.deviations(Of::Metric, Of::Metric), equal.mean(Of::Metric)), (0.0, 0.1));
    assert_eq!(Moments::read(&[]).rows, 0);
    let mut capped = Moments::default();
    [1.0, 5.0, 9.0].iter().for_each(|value| capped.add(*value, None, Some(None), Some(4.5)));
    assert_eq!((capped.capped, capped.sum(Of::Metric), capped.without_covariate), (2, 10.0, 3));
    assert_eq!(Moments::read(&capped.write()).cap, Some(4.5));
}

fn tied(control: &[f64], treatment: &[f64]) -> Vec<Tied> {
    let mut values: Vec<f64> = control.iter().chain(treatment).copied().collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let count = |rows: &[f64], value: f64| rows.iter().filter(|row| **row == value).count() as u64;
    values.into_iter().map(|value| Tied { control: count(control, value), treatment: count(treatment, value) }).collect()
}

#[test]
fn ranks_are_those_of_scipy() {
    let whole = |rows: Vec<Row>| rows.into_iter().map(|row| row.metric.floor()).collect::<Vec<f64>>();
    let values = tied(&whole(control()), &whole(treatment()));
    for (alternative, p_value) in [
        (Alternative::TwoSided, 0.9734894490935573),
        (Alternative::Greater, 0.5150218591463306),
        (Alternative::Less, 0.48674472454677864),
    ] {
        let found = mann_whitney(&values, alternative).unwrap();
        assert_eq!((found.statistic, found.is_exact), (2242.0, false));
        near(found.p_value.unwrap(), p_value);
    }
    let values = tied(&[3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 13.5, 14.0], &[1.5, 2.25, 9.0, 11.0, 0.5]);
    for (alternative, p_value) in [
        (Alternative::TwoSided, 0.1645021645021645),
        (Alternative::Greater, 0.9353979353979354),
        (Alternative::Less, 0.08225108225108226),
    ] {
        let found = mann_whitney(&values, alternative).unwrap();
        assert_eq!((found.statistic, found.is_exact), (13.0, true));
        near(found.p_value.unwrap(), p_value);
    }
    assert_eq!(mann_whitney(&tied(&[1.0; 4], &[1.0; 5]), Alternative::TwoSided).unwrap().p_value, None);
    assert_eq!(mann_whitney(&tied(&[1.0], &[]), Alternative::TwoSided), None);
    // The largest groups that are compared exactly.
    let wide: Vec<Tied> = (0..10_008).map(|row| Tied { control: u64::from(row >= 8), treatment: u64::from(row < 8) }).collect();
    let found = mann_whitney(&wide, Alternative::Less).unwrap();
    assert!(found.is_exact && found.p_value.unwrap() > 0.0 && found.p_value.unwrap() < 1e-27);
}

#[test]
fn sample_ratios_are_flagged_and_silent() {
    near(ratio::sample_ratio(&[100_500, 99_500], &[0.5, 0.5]).unwrap(), 0.025347318677468325);
    near(ratio::sample_ratio(&[1020, 980, 3050], &[0.2, 0.2, 0.6]).unwrap(), 0.5706061251911715);
    assert_eq!(ratio::sample_ratio(&[10], &[1.0]), None);
    // 51 to 49 per cent of 200,000, and half as much.
    assert!(ratio::sample_ratio(&[102_000, 98_000], &[1.0, 1.0]).unwrap() < 1e-15);
    assert!(ratio::sample_ratio(&[101_000, 99_000], &[1.0, 1.0]).unwrap() < 1e-4);
    let ends = assign::ends(&[0.5, 0.5]);
    let mut text = String::new();
    let flagged = (0..1000).filter(|run| {
        let salt = format!("run {run}");
        let mut rows = [0, 0];
        for key in 0..500 {
            rows[assign::part(&ends, assign::position(&salt, &key.to_string(), &mut text)).unwrap()] += 1;
        }
        ratio::sample_ratio(&rows, &[0.5, 0.5]).unwrap() < 0.001
    });
    assert!(flagged.count() <= 5);
}

#[test]
fn sample_ratio_is_silent_at_its_alpha_where_nothing_is_wrong() {
    let mut random = Random::new(11, &[]);
    for shares in [vec![0.5, 0.5], vec![0.9, 0.1], vec![0.2, 0.2, 0.6]] {
        let mut p_values = vec![];
        for _ in 0..1000 {
            let mut rows = vec![0_u64; shares.len()];
            for _ in 0..2000 {
                let position = random.below(1000) as f64 / 1000.0;
                let mut end = 0.0;
                let group = shares.iter().position(|share| {
                    end += share;
                    position < end - 1e-9
                });
                rows[group.unwrap()] += 1;
            }
            p_values.push(ratio::sample_ratio(&rows, &shares).unwrap());
        }
        let flagged = |alpha: f64| p_values.iter().filter(|p_value| **p_value < alpha).count();
        // Within four standard errors of what alpha promises for 1,000 runs.
        assert!(flagged(0.001) <= 5, "{shares:?} {}", flagged(0.001));
        assert!((1..=23).contains(&flagged(0.01)), "{shares:?} {}", flagged(0.01));
        assert!((23..=78).contains(&flagged(0.05)), "{shares:?} {}", flagged(0.05));
    }
}

#[test]
fn keys_are_spread_evenly_and_alike_everywhere() {
    let mut text = String::new();
    near(assign::position("checkout", "42", &mut text), POSITION);
    let mut counts = [0_u64; 100];
    let mut both = [0_u64; 100];
    for key in 0..100_000 {
        let key = key.to_string();
        let (one, other) = (assign::position("a", &key, &mut text), assign::position("b", &key, &mut text));
        counts[(one * 100.0) as usize] += 1;
        // Independent of the assignment with another salt.
        both[(one * 10.0) as usize * 10 + (other * 10.0) as usize] += 1;
    }
    for counts in [counts, both] {
        assert!(ratio::sample_ratio(&counts, &[0.01; 100]).unwrap() > 0.01);
    }
    let ends = assign::ends(&[0.1; 10]);
    assert_eq!((ends.last(), assign::part(&ends, 0.999_999_999_999)), (Some(&1.0), Some(9)));
    let holdout = assign::ends(&[0.1, 0.2]);
    assert_eq!(
        (assign::part(&holdout, 0.05), assign::part(&holdout, 0.15), assign::part(&holdout, 0.31)),
        (Some(0), Some(1), None)
    );
}

/// `(xxhash.xxh64(b'checkout:42').intdigest() >> 11) / 2**53`.
const POSITION: f64 = 0.8473409872719785;

#[test]
fn rows_and_power_are_those_of_statsmodels() {
    let plan = |confidence, ratio, alternative| Plan { confidence, alternative, ratio };
    let two = plan(0.95, 1.0, Alternative::TwoSided);
    let rate = Measure::Rate(0.1);
    let effect = rate.effect(0.01).unwrap();
    near(two.power(rate, effect, 14_000.0), 0.7793536584012104);
    near(two.rows(rate, effect, 0.8).unwrap(), 14744.104836925611);
    near(plan(0.99, 0.5, Alternative::Greater).rows(rate, effect, 0.9).unwrap(), 36678.5287553523);
    let mean = Measure::Mean(1.0);
    near(plan(0.95, 1.5, Alternative::TwoSided).power(mean, 0.3, 50.0), 0.3710072133837509);
    near(two.rows(mean, 0.3, 0.8).unwrap(), 175.38466947047476);
    near(two.rows(mean, 2.5, 0.8).unwrap(), 3.7618131295677424);
    near(plan(0.9, 2.0, Alternative::Greater).rows(mean, 0.05, 0.9).unwrap(), 3941.972378293208);
    near(two.difference(mean, 400.0, 0.8).unwrap(), 0.19834055280270843);
    assert_eq!((two.rows(mean, 0.0, 0.8), two.difference(rate, 2.0, 0.99)), (None, None));
    assert_eq!(plan(0.95, 1.0, Alternative::Less).rows(mean, 0.3, 0.8), None);
    let down = plan(0.95, 1.0, Alternative::Less).difference(rate, 10_000.0, 0.8).unwrap();
    near(plan(0.95, 1.0, Alternative::Less).power(rate, rate.effect(down).unwrap(), 10_000.0), 0.8);
}

#[test]
fn distributions_are_those_of_scipy() {
    for (t, df, shift, expected) in [
        (1.5, 10.0, 0.7, 0.7654035952551429),
        (-1.0, 5.0, 2.0, 0.0023163756540751507),
        (2.0, 3.0, -1.5, 0.9971191699279385),
        (8.0, 30.0, 6.0, 0.9122416904442304),
        (1.96, 1e5, 2.8, 0.20045508118548935),
        (40.0, 12.0, 30.0, 0.8717091150949665),
        (0.3, 2.5, 0.1, 0.567708939789488),
    ] {
        near(noncentral_t_cdf(t, df, shift), expected);
    }
    for (x, df, expected) in [
        (50.0, 1.0, 1.537459794428033e-12),
        (200.0, 3.0, 4.218541107192018e-43),
        (1e-3, 2.0, 0.9995001249791693),
        (30.0, 29.0, 0.41400364291754255),
    ] {
        near(chi2_upper(x, df), expected);
    }
}

/// Looking again and again does not raise the rate of false positives.
#[test]
fn looking_again_and_again_finds_nothing_that_is_not_there() {
    let (mut always_valid, mut fixed) = (0, 0);
    for run in 0..400 {
        let mut random = Random::new(run, &[]);
        let mut normal = || (0..12).map(|_| random.below(1 << 32) as f64 / 2f64.powi(32)).sum::<f64>() - 6.0;
        let (mut sum, mut valid, mut naive) = (0.0, false, false);
        for rows in 1..=1000 {
            sum += normal() - normal();
            if rows >= 20 {
                let (difference, std_err) = (sum / f64::from(rows), (2.0 / f64::from(rows)).sqrt());
                let look = sequential::look(difference, std_err, 0.2, 0.95).unwrap();
                valid |= look.p_value < 0.05;
                assert_eq!(look.p_value < 0.05, difference.abs() > look.half_width);
                naive |= difference.abs() > 1.959964 * std_err;
            }
        }
        always_valid += i32::from(valid);
        fixed += i32::from(naive);
    }
    assert!(always_valid <= 20 && fixed > 100, "{always_valid} {fixed}");
    assert_eq!(sequential::look(1.0, 0.0, 1.0, 0.95), None);
}

#[test]
fn parts_of_a_score_share_ties_in_proportion() {
    let scored = |score, treated, treated_sum, control, control_sum| Scored { score, treated, treated_sum, control, control_sum };
    let scores = [scored(0.9, 2.0, 2.0, 2.0, 0.0), scored(0.5, 2.0, 1.0, 2.0, 1.0), scored(0.1, 2.0, 0.0, 2.0, 1.0)];
    let found = curve(&scores, 3);
    let uplifts: Vec<f64> = found.parts.iter().map(|part| part.own.uplift().unwrap()).collect();
    assert_eq!(uplifts, [1.0, 0.0, -0.5]);
    // The curve is 0, 2, 2, 1; the line goes from 0 to 1.
    near(found.qini.unwrap(), ((1.0 + 2.0 + 1.5) / 3.0 - 0.5) / 6.0);
    near(found.relative.unwrap(), 2.0);
    // If all rows have one score, all parts are alike, and the score has no information.
    let found = curve(&[scored(0.3, 6.0, 3.0, 6.0, 2.0)], 4);
    assert_eq!((found.parts.len(), found.parts[1].own.rows(), found.relative), (4, 3.0, Some(0.0)));
    assert_eq!(curve(&[], 10).parts.len(), 0);
    assert_eq!(curve(&[scored(1.0, 1.0, 1.0, 0.0, 0.0)], 10).parts.len(), 1);
}

#[test]
fn effects_differ_or_not() {
    let found = ratio::heterogeneity(&[(1.0, 0.5), (2.0, 0.5), (0.0, 1.0)]).unwrap();
    near(found.statistic, 4.0 * (1.0 - 12.0f64 / 9.0).powi(2) + 4.0 * (2.0 - 12.0f64 / 9.0).powi(2) + (12.0f64 / 9.0).powi(2));
    assert_eq!(found.degrees_of_freedom, 2.0);
    assert_eq!(ratio::heterogeneity(&[(1.0, 0.5), (2.0, 0.0)]), None);
}

#[test]
fn changes_are_compared_within_strata() {
    let side = |changes: &[f64], level: f64| {
        let mut moments = Moments::default();
        changes.iter().for_each(|change| moments.add(*change, None, Some(Some(level)), None));
        moments
    };
    let strata = [
        Stratum { treated: side(&[3.0, 5.0], 10.0), control: side(&[1.0, 2.0, 3.0], 8.0) },
        Stratum { treated: side(&[10.0, 10.0, 10.0, 14.0], 40.0), control: side(&[9.0, 11.0], 30.0) },
        // A stratum with too few treated customers is left out.
        Stratum { treated: side(&[100.0], 1.0), control: side(&[0.0, 0.0], 1.0) },
    ];
    let found = gain(strata.iter()).unwrap();
    assert_eq!((found.treated, found.control), (6, 5));
    near(found.treated_mean, (2.0 * 10.0 + 4.0 * 40.0) / 6.0);
    near(found.control_mean, (2.0 * 8.0 + 4.0 * 30.0) / 6.0);
    near(found.difference, (2.0 * 2.0 + 4.0 * 1.0) / 6.0);
    near(found.std_err, (4.0 / 36.0 * (2.0 / 2.0 + 1.0 / 3.0) + 16.0 / 36.0 * (4.0 / 4.0 + 2.0 / 2.0f64)).sqrt());
    assert_eq!(gain(strata[2..].iter()), None);
}
