use super::groups::{Numbers, Products};
use super::moments::{Moment, Moments};
use super::window::{BLOCK, Window};
use crate::kernels::random::Random;
use crate::kernels::superaccumulator::Superaccumulator;

/// Numbers of all kinds of sizes: all alike, spread over `orders` powers of two, or a few that are far apart.
fn numbers(random: &mut Random, rows: usize, center: i64, orders: i64) -> Vec<f64> {
    let number = |random: &mut Random| {
        let exponent = random.between((center - orders).max(-1070), (center + orders).min(900)) as i32;
        random.between(-1 << 52, 1 << 52) as f64 / 2f64.powi(52) * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2)
    };
    let mut numbers: Vec<f64> = (0..rows).map(|_| number(random)).collect();
    if random.per_mille(300) {
        numbers.extend([0.0, -0.0, f64::from_bits(1), -f64::MIN_POSITIVE, 1e-30, 1e30, -1e30]);
    }
    numbers
}

fn shuffled(random: &mut Random, numbers: &[f64]) -> Vec<f64> {
    let mut numbers = numbers.to_vec();
    (1..numbers.len()).for_each(|last| numbers.swap(last, random.below(last as u64 + 1) as usize));
    numbers
}

fn exact(numbers: &[f64]) -> Superaccumulator {
    let mut sum = Superaccumulator::default();
    numbers.iter().for_each(|number| sum.add(*number));
    sum
}

fn moments(moment: Moment, rows: &[(f64, f64)]) -> Moments {
    let mut moments = Moments::new(moment);
    moments.grow(1);
    rows.iter().for_each(|(first, second)| moments.add(0, *first, *second));
    moments
}

fn merged(moment: Moment, parts: &[Moments]) -> Moments {
    let mut total = Moments::new(moment);
    total.grow(1);
    for part in parts {
        total.merge_rows(0, part.rows(0));
        for sum in 0..moment.sums().count() {
            let mut bytes = vec![];
            part.write(sum, 0, &mut bytes);
            total.merge(sum, 0, &bytes);
        }
    }
    total
}

const SIZES: [(i64, i64); 12] =
    [(0, 1), (0, 20), (7, 30), (0, 60), (-40, 5), (-70, 30), (80, 20), (300, 2), (-1060, 10), (-1000, 60), (800, 100), (0, 900)];

#[test]
fn any_order_and_any_parts_give_the_correctly_rounded_sum() {
    let mut random = Random::new(7, &[]);
    for (center, orders) in SIZES {
        for rows in [1, 2, 7, 100, 3 * BLOCK + 5] {
            let numbers = numbers(&mut random, rows, center, orders);
            let expected = exact(&numbers).value();
            for _ in 0..3 {
                let shuffled = shuffled(&mut random, &numbers);
                let mut parts = vec![];
                let mut rest = shuffled.as_slice();
                while !rest.is_empty() {
                    let (part, others) = rest.split_at(random.between(1, rest.len() as i64) as usize);
                    let mut sums = Moments::new(Moment::Sum);
                    sums.grow(1);
                    match random.per_mille(500) {
                        true => sums.add_all(0, part),
                        false => sums.add_each(&vec![0; part.len()], part),
                    }
                    parts.push(sums);
                    rest = others;
                }
                let found = merged(Moment::Sum, &parts).value(0).unwrap();
                assert_eq!(found.to_bits(), (expected + 0.0).to_bits(), "{center} {orders} {rows}");
            }
        }
    }
}

#[test]
fn rows_that_leave_leave_nothing_behind() {
    let mut random = Random::new(9, &[]);
    for (center, orders) in SIZES {
        let all = numbers(&mut random, 300, center, orders);
        let mut sums = Numbers::default();
        sums.grow(1);
        for (row, number) in all.iter().enumerate() {
            sums.add(0, *number);
            if row >= 10 {
                sums.subtract(0, all[row - 10]);
            }
            let frame = exact(&all[row.saturating_sub(9)..=row]).value();
            assert_eq!(sums.value(0).to_bits(), (frame + 0.0).to_bits(), "{center} {orders} {row}");
        }
    }
    let mut sums = Numbers::default();
    sums.grow(1);
    for (number, expected) in [(f64::INFINITY, f64::INFINITY), (1.0, f64::INFINITY), (f64::NEG_INFINITY, f64::NAN)] {
        sums.add(0, number);
        assert_eq!(sums.value(0).to_bits(), expected.to_bits());
    }
    sums.subtract(0, f64::INFINITY);
    assert_eq!(sums.value(0), f64::NEG_INFINITY);
    sums.subtract(0, f64::NEG_INFINITY);
    assert_eq!(sums.value(0), 1.0);
    sums.add(0, -f64::NAN);
    assert_eq!(sums.value(0).to_bits(), f64::NAN.to_bits());
}

#[test]
fn zeros_and_sums_that_are_too_large() {
    let sum = |numbers: &[f64]| {
        let mut sums = Numbers::default();
        sums.grow(1);
        sums.add_all(0, numbers);
        sums.value(0)
    };
    assert_eq!(sum(&[-0.0]).to_bits(), 0.0_f64.to_bits());
    assert_eq!(sum(&[-0.0; 600]).to_bits(), 0.0_f64.to_bits());
    assert_eq!(sum(&[1.5, -1.5]).to_bits(), 0.0_f64.to_bits());
    assert_eq!((sum(&[f64::MAX; 2]), sum(&[f64::MAX, f64::MAX, -f64::MAX])), (f64::INFINITY, f64::MAX));
    assert_eq!((sum(&[1e16, 1.0, -1e16]), sum(&[f64::from_bits(1); 5])), (1.0, f64::from_bits(5)));
    let mut means = Moments::new(Moment::Mean);
    means.grow(1);
    means.add_all(0, &[f64::MAX, f64::MAX]);
    assert_eq!(means.value(0), Some(f64::MAX));
}

#[test]
fn a_window_holds_as_many_of_the_largest_numbers_as_it_promises() {
    // 2⁴⁰ of the largest numbers, by doubling the window.
    let largest = 2f64.powi(87) - 2f64.powi(34);
    let mut window = Window::<4, -128>::default();
    assert!(window.add(largest) && !window.add(2f64.powi(87)));
    let mut negative = Window::<4, -128>::default();
    assert!(negative.add(-largest));
    for _ in 0..40 {
        let (twice, negative_twice) = (window, negative);
        window.merge(&twice);
        negative.merge(&negative_twice);
    }
    assert_eq!((window.value(), negative.value()), (largest * 2f64.powi(40), -largest * 2f64.powi(40)));
    window.merge(&negative);
    assert!(window.is_zero());
    for carried in [-1.0, 1.0, -2f64.powi(-76), 2f64.powi(-76), 2f64.powi(60), -2f64.powi(60)] {
        window.add(carried);
        assert_eq!(window.value(), carried);
        window.add(-carried);
        assert!(window.is_zero());
    }
}

#[test]
fn products_are_exact() {
    let mut random = Random::new(13, &[]);
    for (center, orders) in SIZES {
        let (center, orders) = (center / 2, orders / 2);
        let (all, others) = (numbers(&mut random, 100, center, orders), numbers(&mut random, 100, center, orders));
        let (mut sums, mut expected) = (Products::default(), Superaccumulator::default());
        sums.grow(1);
        for (one, other) in all.iter().zip(&others) {
            sums.add_product(0, *one, *other);
            expected.add_product(*one, *other);
        }
        assert_eq!(sums.exact(0).compare(&expected), std::cmp::Ordering::Equal, "{center} {orders}");
        let mut bytes = vec![];
        sums.write(0, &mut bytes);
        let mut read = Products::default();
        read.grow(1);
        read.merge(0, &bytes);
        assert_eq!(read.exact(0).compare(&expected), std::cmp::Ordering::Equal, "{center} {orders}");
    }
}

const ALL: [Moment; 18] = [
    Moment::Sum,
    Moment::Mean,
    Moment::VariancePopulation,
    Moment::VarianceSample,
    Moment::DeviationPopulation,
    Moment::DeviationSample,
    Moment::CovariancePopulation,
    Moment::CovarianceSample,
    Moment::Correlation,
    Moment::Count,
    Moment::MeanY,
    Moment::MeanX,
    Moment::SquaresY,
    Moment::SquaresX,
    Moment::ProductsXY,
    Moment::Slope,
    Moment::Intercept,
    Moment::Determination,
];

#[test]
fn moments_are_the_same_in_any_order_and_after_rows_have_left() {
    let mut random = Random::new(17, &[]);
    for (center, orders) in [(0, 3), (0, 40), (-300, 60), (400, 10)] {
        let all: Vec<(f64, f64)> = {
            let (ys, xs) = (numbers(&mut random, 60, center, orders), numbers(&mut random, 60, center, orders));
            ys.into_iter().zip(xs).collect()
        };
        for moment in ALL {
            let expected = moments(moment, &all).value(0).map(f64::to_bits);
            let mut turned = all.clone();
            turned.rotate_left(random.below(50) as usize);
            turned.reverse();
            let parts: Vec<Moments> = turned.chunks(7).map(|rows| moments(moment, rows)).collect();
            let mut total = merged(moment, &parts);
            assert_eq!(total.value(0).map(f64::to_bits), expected, "{moment:?}");
            // Beyond the window, so that the same is computed in the other way.
            total.add(0, 3.25e-200, -1e20);
            total.subtract(0, 3.25e-200, -1e20);
            assert_eq!(total.value(0).map(f64::to_bits), expected, "{moment:?}");
        }
    }
}

#[test]
fn moments_are_right() {
    let of = |moment: Moment, rows: &[(f64, f64)]| moments(moment, rows).value(0);
    let far: Vec<(f64, f64)> = [1.0, 2.0, 3.0].map(|value| (1e9 + value, 2e9 + 3.0 * value)).to_vec();
    for (moment, expected) in [
        (Moment::VarianceSample, 1.0),
        (Moment::VariancePopulation, 2.0 / 3.0),
        (Moment::DeviationSample, 1.0),
        (Moment::DeviationPopulation, (2.0_f64 / 3.0).sqrt()),
        (Moment::CovarianceSample, 3.0),
        (Moment::CovariancePopulation, 2.0),
        (Moment::Correlation, 1.0),
        (Moment::Determination, 1.0),
        (Moment::Count, 3.0),
        (Moment::MeanY, 1e9 + 2.0),
        (Moment::MeanX, 2e9 + 6.0),
        (Moment::SquaresY, 2.0),
        (Moment::SquaresX, 18.0),
        (Moment::ProductsXY, 6.0),
        (Moment::Slope, 1.0 / 3.0),
        (Moment::Intercept, 1e9 / 3.0),
    ] {
        assert_eq!(of(moment, &far), Some(expected), "{moment:?}");
    }
    let one = [(5.0, 7.0)];
    for moment in ALL {
        let value = of(moment, &one);
        match moment {
            Moment::Sum | Moment::Mean | Moment::MeanY => assert_eq!(value, Some(5.0)),
            Moment::MeanX => assert_eq!(value, Some(7.0)),
            Moment::Count => assert_eq!(value, Some(1.0)),
            Moment::VariancePopulation
            | Moment::DeviationPopulation
            | Moment::CovariancePopulation
            | Moment::SquaresY
            | Moment::SquaresX
            | Moment::ProductsXY => assert_eq!(value, Some(0.0)),
            Moment::VarianceSample
            | Moment::DeviationSample
            | Moment::CovarianceSample
            | Moment::Correlation
            | Moment::Slope
            | Moment::Intercept
            | Moment::Determination => assert_eq!(value, None),
        }
        assert_eq!(of(moment, &[]), (moment == Moment::Count).then_some(0.0), "{moment:?}");
    }
    let flat = [(1.0, 0.1), (2.0, 0.1), (3.0, 0.1)];
    assert_eq!([Moment::Slope, Moment::Intercept, Moment::Correlation].map(|moment| of(moment, &flat)), [None; 3]);
    let endless = [(1.0, 2.0), (f64::INFINITY, 3.0)];
    assert!([Moment::VarianceSample, Moment::Correlation].iter().all(|moment| of(*moment, &endless).unwrap().is_nan()));
    // Squares and their sum are far beyond the doubles.
    let large = [(1e200, 0.0), (3e200, 0.0)];
    assert_eq!(of(Moment::VariancePopulation, &large), Some(f64::INFINITY));
    assert_eq!(of(Moment::DeviationPopulation, &large), Some(1e200));
    let small = [(1e-200, 0.0), (3e-200, 0.0)];
    assert_eq!(of(Moment::DeviationPopulation, &small), Some(1e-200));
}

#[test]
fn groups_that_leave_renumber_the_others() {
    let mut sums = Numbers::default();
    sums.grow(4);
    for (group, number) in [(0, 1e-40), (1, 2.0), (2, 3e-40), (3, f64::NAN), (2, 1.0)] {
        sums.add(group, number);
    }
    let expected = sums.value(2);
    sums.forget(2);
    assert_eq!(sums.value(0), expected);
    assert!(sums.value(1).is_nan());
    sums.grow(3);
    assert_eq!(sums.value(2), 0.0);
}
