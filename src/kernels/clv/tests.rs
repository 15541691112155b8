//! Compares the models with published figures, and with `lifetimes` and `mpmath`.

#![expect(clippy::excessive_precision, reason = "figures as they were printed")]

use super::fit::{Estimate, Parameter};
use super::gamma::{digamma, expectation, trigamma};
use super::number::{Dual, Number};
use super::process::{BgBb, BgNbd, GammaGamma, Likelihood, MbgNbd, ParetoNbd, ln_integral};
use super::rows::{Row, Wrong};
use super::{FitOptions, Process, Transactions, check_values, fit_values};
use crate::kernels::control::unlimited::control;

fn near(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{found} is not {expected}");
}

fn with(process: Process, values: [f64; 4]) -> Transactions {
    let parameters =
        process.parameters().into_iter().zip(values).map(|(name, value)| Parameter { name: name.into(), value, std_err: None });
    Transactions {
        process,
        estimate: Estimate {
            parameters: parameters.collect(),
            log_likelihood: 0.0,
            customers: 0.0,
            iterations: 0,
            converged: true,
        },
    }
}

/// Purchases of 80 customers in weeks, drawn from the model: frequency, recency, age.
const CUSTOMERS: [(f64, f64, f64); 80] = [
    (0.0, 0.0, 51.57),
    (0.0, 0.0, 55.43),
    (1.0, 3.29, 79.71),
    (1.0, 3.29, 99.29),
    (0.0, 0.0, 7.71),
    (0.0, 0.0, 18.57),
    (2.0, 49.0, 86.57),
    (1.0, 80.29, 99.14),
    (0.0, 0.0, 29.14),
    (1.0, 3.29, 35.43),
    (0.0, 0.0, 91.14),
    (0.0, 0.0, 46.57),
    (0.0, 0.0, 31.57),
    (1.0, 17.14, 87.0),
    (1.0, 20.71, 29.86),
    (0.0, 0.0, 45.14),
    (7.0, 35.71, 68.57),
    (0.0, 0.0, 59.14),
    (0.0, 0.0, 12.86),
    (3.0, 3.29, 7.0),
    (0.0, 0.0, 90.71),
    (1.0, 67.86, 79.57),
    (2.0, 2.0, 88.0),
    (1.0, 27.71, 58.0),
    (0.0, 0.0, 86.0),
    (1.0, 0.14, 37.14),
    (1.0, 12.14, 49.43),
    (1.0, 10.43, 83.0),
    (0.0, 0.0, 16.57),
    (1.0, 3.29, 34.57),
    (0.0, 0.0, 16.71),
    (3.0, 38.86, 49.57),
    (6.0, 99.29, 101.86),
    (0.0, 0.0, 17.57),
    (1.0, 6.14, 42.57),
    (2.0, 43.43, 44.57),
    (0.0, 0.0, 94.57),
    (1.0, 1.71, 24.57),
    (2.0, 25.86, 54.43),
    (1.0, 9.29, 30.43),
    (2.0, 6.14, 6.14),
    (3.0, 72.86, 79.29),
    (0.0, 0.0, 10.43),
    (0.0, 0.0, 32.29),
    (1.0, 24.29, 54.0),
    (0.0, 0.0, 52.71),
    (1.0, 4.0, 15.86),
    (0.0, 0.0, 102.29),
    (2.0, 73.43, 79.14),
    (1.0, 41.29, 100.43),
    (1.0, 0.71, 13.43),
    (1.0, 68.86, 76.71),
    (0.0, 0.0, 33.57),
    (0.0, 0.0, 58.29),
    (0.0, 0.0, 96.71),
    (0.0, 0.0, 31.86),
    (1.0, 4.14, 76.86),
    (1.0, 17.71, 20.29),
    (3.0, 20.43, 36.43),
    (5.0, 91.14, 101.14),
    (1.0, 4.86, 46.29),
    (0.0, 0.0, 55.86),
    (3.0, 30.43, 33.57),
    (0.0, 0.0, 15.86),
    (0.0, 0.0, 46.71),
    (4.0, 48.14, 66.57),
    (3.0, 49.14, 49.71),
    (1.0, 3.86, 81.86),
    (0.0, 0.0, 40.43),
    (0.0, 0.0, 65.57),
    (0.0, 0.0, 81.43),
    (0.0, 0.0, 96.0),
    (0.0, 0.0, 47.0),
    (0.0, 0.0, 8.14),
    (0.0, 0.0, 76.0),
    (0.0, 0.0, 57.14),
    (4.0, 80.57, 91.43),
    (1.0, 1.0, 50.14),
    (0.0, 0.0, 41.0),
    (1.0, 8.0, 10.43),
];

fn columns(rows: &[(f64, f64, f64)]) -> [Vec<f64>; 3] {
    [rows.iter().map(|row| row.0).collect(), rows.iter().map(|row| row.1).collect(), rows.iter().map(|row| row.2).collect()]
}

#[test]
fn special_functions_have_their_digits() {
    near(digamma(0.3), -3.502_524_222_200_133, 1e-14);
    near(trigamma(0.3), 12.245_364_546_107_73, 1e-14);
    near(digamma(25.0), 3.198_742_512_851_974, 1e-14);
    near(trigamma(25.0), 0.040_810_663_257_225_58, 1e-14);
    for (purchases, a, c, z, expected) in [
        (2.24, 0.7928, 4.2186, 0.5, 1.840_194_027_800_828_4),
        (300.5, 0.5, 300.2, 0.01, 3.027_719_412_595_29),
        (1.5, 2.5, 6.0, 0.99, 3.895_437_055_232_434_5),
        (1.5, 1.0 + 1e-9, 6.0, 0.9, 6.451_091_823_676_21),
        (0.3, 0.2, -0.3, 0.7, 0.553_325_274_913_195_1),
        (1000.25, 1.8, 1004.0, 0.6, 650.951_754_285_098_4),
        (10.8, 1139436.0, 32577463.0, 0.2, 2.565_751_197_589_500_4),
        (300.5, 1139436.0, 32577463.0, 0.5, 28.589_959_418_877_938),
        (2.0, 1.5, 10000000000000.0, 0.9, 17.99999999996355),
        (1000.3, 50.0, 2000.0, 0.9, 40.816326530612245),
        (5.0, 200.0, 700.0, 0.95, 3.5172478032046238),
        (40.0, 30.0, 60.0, 0.7, 2.0689655172255188),
        (0.5, 30000.0, 31000.0, 0.99, 0.92833856856897588),
        (900.5, 0.3, 905.0, 0.99, 31070.240274401005),
    ] {
        near(expectation(purchases, a, c, z), expected, 1e-12);
    }
    for ([r, alpha, s, beta], x, from, to, expected) in [
        ([0.55328, 10.57754, 0.60623, 11.66772], 2.0, 30.43, 38.86, -13.730_214_722_141_252),
        ([3.0, 1000.0, 0.4, 1.0], 100.0, 0.5, 50.0, -711.570_293_066_942_1),
        ([0.2, 0.1, 2.0, 500.0], 0.0, 0.0, 700.0, -14.235_523_481_223_452),
        // Everybody leaves at the same rate; then nearly everybody leaves at once.
        ([0.9228, 26.835, 694_228.44, 541_136_151.5], 5.0, 100.0, 600.0, -13960411.394867739),
        ([0.2, 0.001, 10_000.0, 1.0], 3.0, 1.0, 700.0, -6940.6859834651228),
        ([5.0, 30.0, 1.0, 30.0], 400.0, 100.0, 600.0, -1982.2253400445682),
    ] {
        near(ln_integral(r + x, alpha, s + 1.0, beta, from, to), expected, 1e-12);
    }
}

#[test]
fn derivatives_are_those_of_the_value() {
    fn check<const N: usize, L: Likelihood<N>>(logs: [f64; N], row: Row) {
        let value = |logs: &[f64; N]| {
            let parameters = logs.map(|log| log.exp());
            L::of_frequency(&parameters, row.frequency) + L::of_row(&parameters, &row)
        };
        let duals: [Dual<N>; N] = std::array::from_fn(|place| Dual::parameter(place, logs[place]));
        let whole = L::of_frequency(&duals, row.frequency) + L::of_row(&duals, &row);
        assert!((whole.value() - value(&logs)).abs() < 1e-12 * whole.value().abs());
        // The written-out derivatives equal the automatic ones.
        let rows = [row, Row { first: row.first / 2.0, weight: 3.0, ..row }];
        let (one, other) = (L::of_rows(&duals, &rows), rows.iter().map(|row| L::of_row(&duals, row).times(row.weight)));
        let other = other.reduce(|sum, row| sum + row).unwrap();
        assert!((one.value - other.value).abs() < 1e-12 * other.value.abs());
        for i in 0..N {
            assert!((one.gradient[i] - other.gradient[i]).abs() < 1e-10 * (1.0 + other.gradient[i].abs()));
            for j in 0..N {
                assert!((one.hessian[i][j] - other.hessian[i][j]).abs() < 1e-10 * (1.0 + other.hessian[i][j].abs()), "{i} {j}");
            }
        }
        let step = 1e-4;
        for i in 0..N {
            let moved = |by: f64| std::array::from_fn(|place| if place == i { logs[place] + by } else { logs[place] });
            let (up, down) = (moved(step), moved(-step));
            let slope = (value(&up) - value(&down)) / (2.0 * step);
            assert!((slope - whole.gradient[i]).abs() < 1e-6 * (1.0 + slope.abs()), "{slope} {}", whole.gradient[i]);
            let bend = (value(&up) - 2.0 * value(&logs) + value(&down)) / (step * step);
            assert!((bend - whole.hessian[i][i]).abs() < 1e-4 * (1.0 + bend.abs()), "{bend} {}", whole.hessian[i][i]);
        }
    }
    let row = Row { frequency: 3.0, first: 20.0, second: 33.0, weight: 1.0 };
    check::<4, BgNbd>([-1.0, 1.5, 0.2, 0.9], row);
    check::<4, BgNbd>([-1.0, 1.5, 0.2, 0.9], Row { frequency: 0.0, first: 0.0, ..row });
    check::<4, MbgNbd>([-1.0, 1.5, 0.2, 0.9], Row { frequency: 0.0, first: 0.0, ..row });
    check::<4, MbgNbd>([-1.0, 1.5, 0.2, 0.9], row);
    check::<4, ParetoNbd>([-0.6, 2.3, -0.5, 2.4], row);
    check::<4, ParetoNbd>([-0.6, 2.4, -0.5, 2.4], row);
    check::<3, GammaGamma>([1.8, 1.3, 2.7], row);
    check::<4, BgBb>([0.2, -0.3, -0.4, 1.0], Row { frequency: 2.0, first: 4.0, second: 6.0, weight: 1.0 });
}

/// Fader, Hardie and Lee (2005), and their note on the conditional expectation; the others by `lifetimes` 0.11.
#[test]
fn quantities_are_the_published_ones() {
    let bg = with(Process::BgNbd, [0.242_594_5, 4.413_602_1, 0.792_919_9, 2.425_893_6]);
    near(bg.expected_purchases(39.0, 2.0, 30.43, 38.86), 1.2259, 5e-5);
    near(bg.probability_alive(2.0, 30.43, 38.86), 0.7266, 5e-5);
    assert_eq!(bg.probability_alive(0.0, 0.0, 10.0), 1.0);
    let mbg = with(Process::MbgNbd, [0.524_837_725_567_661, 6.182_988_479_133_97, 0.891_356_280_931_142, 1.614_000_025_672_14]);
    near(mbg.expected_purchases(39.0, 2.0, 30.43, 38.86), 1.262_670_778_713_953, 1e-9);
    near(mbg.expected_purchases_of_new(39.0), 1.182_283_795_288_274, 1e-9);
    for (purchases, expected) in [0.582_605_567_407_103, 0.182_763_373_980_665, 0.086_870_591_475_235].into_iter().enumerate() {
        near(mbg.probability_of_n(purchases as u32, 39.0), expected, 1e-9);
    }
    let pareto =
        with(Process::ParetoNbd, [0.553_262_979_389_512, 10.577_403_681_820_74, 0.606_202_031_386_202, 11.667_515_383_558_66]);
    near(pareto.expected_purchases(39.0, 2.0, 30.43, 38.86), 1.455_117_347_262_35, 1e-9);
    near(pareto.probability_alive(2.0, 30.43, 38.86), 0.869_119_982_295_755, 1e-9);
    near(pareto.expected_purchases_of_new(39.0), 1.213_403_022_988_177, 1e-9);
}

#[test]
fn counts_add_up_to_one_and_to_their_mean() {
    for model in [
        with(Process::BgNbd, [0.6, 8.0, 1.8, 4.0]),
        with(Process::MbgNbd, [0.6, 8.0, 1.8, 4.0]),
        with(Process::ParetoNbd, [0.6, 8.0, 1.2, 20.0]),
        with(Process::BgBb, [1.2, 0.75, 0.66, 2.8]),
    ] {
        let horizon = 20.0;
        let counts: Vec<f64> = (0..400).map(|count| model.probability_of_n(count, horizon)).collect();
        near(counts.iter().sum(), 1.0, 1e-9);
        let mean: f64 = counts.iter().enumerate().map(|(count, share)| count as f64 * share).sum();
        near(mean, model.expected_purchases_of_new(horizon), 1e-6);
    }
}

/// Fader, Hardie and Shang (2010): donations of 11,104 people in six years.
#[test]
fn bg_bb_fits_the_published_donations() {
    let recency: [(f64, f64, f64); 22] = [
        (0.0, 0.0, 3464.0),
        (1.0, 1.0, 1091.0),
        (1.0, 2.0, 277.0),
        (1.0, 3.0, 129.0),
        (1.0, 4.0, 78.0),
        (1.0, 5.0, 119.0),
        (1.0, 6.0, 129.0),
        (2.0, 2.0, 613.0),
        (2.0, 3.0, 255.0),
        (2.0, 4.0, 155.0),
        (2.0, 5.0, 173.0),
        (2.0, 6.0, 234.0),
        (3.0, 3.0, 322.0),
        (3.0, 4.0, 181.0),
        (3.0, 5.0, 225.0),
        (3.0, 6.0, 357.0),
        (4.0, 4.0, 240.0),
        (4.0, 5.0, 284.0),
        (4.0, 6.0, 512.0),
        (5.0, 5.0, 335.0),
        (5.0, 6.0, 728.0),
        (6.0, 6.0, 1203.0),
    ];
    let [frequency, last, weights] = columns(&recency);
    let opportunities = [6.0; 22];
    let model = Process::BgBb
        .fit(&control(1), &frequency, &last, &opportunities, Some(&weights), FitOptions::default())
        .unwrap()
        .unwrap();
    assert!(model.estimate.converged);
    for (parameter, expected) in model.estimate.parameters.iter().zip([1.204, 0.750, 0.657, 2.783]) {
        assert!((parameter.value - expected).abs() < 5e-4, "{parameter:?}");
        assert!(parameter.std_err.is_some_and(|error| error > 0.0));
    }
    near(model.estimate.log_likelihood, -33_225.6, 1e-6);
    near(model.expected_purchases(5.0, 0.0, 0.0, 6.0), 0.072_863_34, 1e-5);
    near(model.expected_purchases(5.0, 6.0, 6.0, 6.0), 3.752_544_25, 1e-5);
    near(model.expected_purchases(5.0, 2.0, 4.0, 6.0), 1.057_603_55, 1e-5);
    near(model.probability_alive(0.0, 0.0, 6.0), 0.116_218_16, 1e-5);
    assert_eq!(model.probability_alive(6.0, 6.0, 6.0), 1.0);
}

#[test]
fn bg_nbd_fits_as_lifetimes_does_whatever_the_order_and_the_workers() {
    let [frequency, recency, age] = columns(&CUSTOMERS);
    let model = Process::BgNbd.fit(&control(1), &frequency, &recency, &age, None, FitOptions::default()).unwrap().unwrap();
    assert!(model.estimate.converged);
    let expected =
        [(0.453_857_62, 0.149_207_98), (9.899_045_9, 5.446_856_7), (0.300_505_21, 0.332_637_89), (0.378_601_77, 0.469_777_56)];
    for (parameter, (value, std_err)) in model.estimate.parameters.iter().zip(expected) {
        near(parameter.value, value, 1e-5);
        near(parameter.std_err.unwrap(), std_err, 1e-4);
    }
    let mut backwards = CUSTOMERS;
    backwards.reverse();
    let [frequency, recency, age] = columns(&backwards);
    let again = Process::BgNbd.fit(&control(3), &frequency, &recency, &age, None, FitOptions::default()).unwrap().unwrap();
    assert_eq!(again, model);
    let text = serde_json::to_string(&model).unwrap();
    assert_eq!(serde_json::from_str::<Transactions>(&text).unwrap(), model);
    let held = Process::BgNbd.fit(&control(1), &frequency, &recency, &age, None, FitOptions { penalizer: 0.1 }).unwrap().unwrap();
    assert!(held.estimate.log_likelihood < model.estimate.log_likelihood);
    assert!(held.estimate.parameters.iter().all(|parameter| parameter.std_err.is_none()));
}

#[test]
fn customers_who_never_leave_or_never_return_are_told() {
    // Every customer buys up to the end, so nothing tells when they leave.
    let rows: Vec<(f64, f64, f64)> = (1..50).map(|x| (f64::from(x % 5 + 1), 30.0, 30.0)).collect();
    let [frequency, recency, age] = columns(&rows);
    for process in [Process::BgNbd, Process::MbgNbd, Process::ParetoNbd] {
        let model = process.fit(&control(1), &frequency, &recency, &age, None, FitOptions::default()).unwrap().unwrap();
        assert!(!model.estimate.converged, "{process:?}");
        assert!(model.probability_alive(2.0, 30.0, 30.0) > 0.99);
    }
    let [frequency, recency, age] = columns(&[(0.0, 0.0, 10.0); 20]);
    let model = Process::BgNbd.fit(&control(1), &frequency, &recency, &age, None, FitOptions::default()).unwrap().unwrap();
    assert!(!model.estimate.converged);
    assert!(Process::BgNbd.fit(&control(1), &[], &[], &[], None, FitOptions::default()).unwrap().is_none());
}

#[test]
fn rows_that_cannot_be_are_refused() {
    let wrong = |process: Process, frequency, recency, age| process.check(&[frequency], &[recency], &[age]).map(|row| row.wrong);
    assert_eq!(wrong(Process::BgNbd, 1.5, 3.0, 10.0), Some(Wrong::Frequency));
    assert_eq!(wrong(Process::BgNbd, -1.0, 3.0, 10.0), Some(Wrong::Frequency));
    assert_eq!(wrong(Process::BgNbd, f64::NAN, 3.0, 10.0), Some(Wrong::Frequency));
    assert_eq!(wrong(Process::BgNbd, 1.0, -3.0, 10.0), Some(Wrong::Recency));
    assert_eq!(wrong(Process::BgNbd, 1.0, 3.0, f64::INFINITY), Some(Wrong::Age));
    assert_eq!(wrong(Process::BgNbd, 1.0, 11.0, 10.0), Some(Wrong::RecencyAboveAge));
    assert_eq!(wrong(Process::BgNbd, 0.0, 3.0, 10.0), Some(Wrong::RecencyWithoutFrequency));
    assert_eq!(wrong(Process::BgNbd, 2.0, 0.0, 10.0), Some(Wrong::FrequencyWithoutRecency));
    assert_eq!(wrong(Process::BgBb, 2.0, 1.0, 6.0), Some(Wrong::MoreThanOpportunities));
    assert_eq!(wrong(Process::BgBb, 1.0, 1.5, 6.0), Some(Wrong::Recency));
    assert_eq!(wrong(Process::BgNbd, 2.0, 3.0, 10.0), None);
    assert_eq!(check_values(&[0.0, 2.0], &[0.0, 0.0]).map(|row| (row.row, row.wrong)), Some((1, Wrong::Monetary)));
}

#[test]
fn values_have_their_mean() {
    let frequency = [1.0, 2.0, 3.0, 0.0, 5.0, 2.0, 1.0, 4.0];
    let value = [20.0, 35.0, 30.0, 0.0, 80.0, 22.0, 60.0, 41.0];
    let model = fit_values(&control(1), &frequency, &value, None, FitOptions { penalizer: 0.001 }).unwrap().unwrap();
    assert!(model.estimate.converged);
    let [few, many] = [1.0, 50.0].map(|frequency| model.expected_average_value(frequency, 80.0).unwrap());
    // The expectation shrinks towards the overall mean, and more so with fewer purchases.
    assert!(few < many && many < 80.0 && few > 30.0);
    assert!(fit_values(&control(1), &[0.0], &[0.0], None, FitOptions::default()).unwrap().is_none());
}

#[test]
fn value_of_a_lifetime_is_discounted_by_month() {
    let model = with(Process::BgNbd, [0.242_594_5, 4.413_602_1, 0.792_919_9, 2.425_893_6]);
    let history = (2.0, 30.43, 38.86);
    let ends = [30.0, 60.0, 90.0];
    let whole = super::customer_lifetime_value(&model, 10.0, &ends, 0.0, history);
    near(whole, 10.0 * model.expected_purchases(90.0, 2.0, 30.43, 38.86), 1e-12);
    let discounted = super::customer_lifetime_value(&model, 10.0, &ends, 0.01, history);
    assert!(discounted < whole / 1.01 && discounted > whole / 1.01_f64.powi(3));
}
