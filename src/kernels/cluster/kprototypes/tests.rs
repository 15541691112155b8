use super::super::distance::squared_distance;
use super::*;
use crate::kernels::control::unlimited::control;
use crate::kernels::random::{Random, mix};

const OPTIONS: Options = Options { clusters: 3, gamma: 0.7, runs: 3, max_iterations: 100, swaps: 6, random_state: 5 };

/// Rows with numbers, codes, identities and weights.
#[derive(Clone)]
struct Table {
    rows: Vec<(Vec<f64>, Vec<u32>, u64, f64)>,
}

impl Table {
    fn random(rows: u64, numeric: u64, categorical: u64) -> Self {
        let mut random = Random::new(3, &[rows, numeric]);
        let mut row = |number: u64| {
            let own = random.below(4);
            let values = (0..numeric).map(|column| (mix(own + column) % 5) as f64 + random.between(-900, 900) as f64 / 999.0);
            let values = values.collect();
            let mut code = |column: u64| if random.below(3) > 0 { mix(own * 7 + column) % 5 } else { random.below(5) } as u32;
            let codes = (0..categorical).map(&mut code).collect();
            (values, codes, mix(number), random.between(1, 4) as f64 / 3.0)
        };
        Self { rows: (0..rows).map(&mut row).collect() }
    }

    fn fit(&self, options: &Options, weighted: bool, start: Option<&[Prototype]>, workers: usize) -> Fit {
        self.with(weighted, |training| {
            let found = fit(training, options, start, control(workers)).unwrap();
            assert_eq!(found.assignment, assign(training.rows, &found.prototypes, options.gamma, control(1)).unwrap());
            found
        })
    }

    fn with<T>(&self, weighted: bool, what: impl Fn(&Training<'_>) -> T) -> T {
        let columns = |number: usize| self.rows.iter().map(|row| row.0[number]).collect::<Vec<f64>>();
        let numeric: Vec<Vec<f64>> = (0..self.rows[0].0.len()).map(columns).collect();
        let mut matrix = Matrix::new(numeric.len());
        matrix.push(&numeric.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let codes: Vec<Vec<u32>> =
            (0..self.rows[0].1.len()).map(|column| self.rows.iter().map(|row| row.1[column]).collect()).collect();
        let identity: Vec<u64> = self.rows.iter().map(|row| row.2).collect();
        let weights: Vec<f64> = self.rows.iter().map(|row| row.3).collect();
        let rows = Mixed { numeric: &matrix, codes: &codes };
        let cardinalities = vec![5; codes.len()];
        let weights = weighted.then_some(weights.as_slice());
        what(&Training { rows, cardinalities: &cardinalities, identity: &identity, weights })
    }

    /// The cost of a partition around its own means and modes.
    fn cost(&self, labels: &[u32], gamma: f64) -> f64 {
        let cost = |cluster: u32| {
            let own: Vec<_> = self.rows.iter().zip(labels).filter(|(_, label)| **label == cluster).map(|(row, _)| row).collect();
            let count = own.len() as f64;
            let means: Vec<f64> =
                (0..self.rows[0].0.len()).map(|column| own.iter().map(|row| row.0[column]).sum::<f64>() / count).collect();
            let numeric: f64 = own.iter().map(|row| squared_distance(&row.0, &means)).sum();
            let with = |column: usize, code: u32| own.iter().filter(|row| row.1[column] == code).count();
            let most = |column: usize| (0..5).map(|code| with(column, code)).max().unwrap();
            numeric + gamma * (0..self.rows[0].1.len()).map(|column| count - most(column) as f64).sum::<f64>()
        };
        (0..=*labels.iter().max().unwrap()).map(cost).sum()
    }
}

#[test]
fn is_right_by_hand() {
    let rows = [(0.0, 1), (2.0, 1), (1.0, 0), (10.0, 2), (12.0, 2)];
    let rows = rows.iter().zip(1..).map(|((value, code), identity)| (vec![*value], vec![*code], mix(identity), 1.0)).collect();
    let found = Table { rows }.fit(&Options { clusters: 2, ..OPTIONS }, false, None, 1);
    assert_eq!(found.prototypes[0], Prototype { centre: vec![1.0], modes: vec![1] });
    assert_eq!(found.prototypes[1], Prototype { centre: vec![11.0], modes: vec![2] });
    assert_eq!(found.assignment.labels, [0, 0, 0, 1, 1]);
    assert_eq!(found.assignment.distances, [1.0, 1.0, 0.7, 1.0, 1.0]);
    assert!((found.cost - 4.7).abs() < 1e-11 && found.converged);
}

#[test]
fn no_single_move_lowers_the_cost() {
    for (numeric, categorical) in [(2, 2), (0, 3), (3, 0)] {
        let table = Table::random(60, numeric, categorical);
        let found = table.fit(&OPTIONS, false, None, 2);
        let labels = &found.assignment.labels;
        let cost = table.cost(labels, OPTIONS.gamma);
        assert!((found.cost - cost).abs() < 1e-9, "{} {cost}", found.cost);
        for row in 0..60 {
            for label in 0..3 {
                let mut moved = labels.clone();
                moved[row] = label;
                let keeps_all = (0..3).all(|label| moved.contains(&label));
                assert!(!keeps_all || table.cost(&moved, OPTIONS.gamma) > cost * (1.0 - 1e-9));
            }
        }
    }
}

#[test]
fn does_not_depend_on_order_or_workers() {
    for (numeric, weighted) in [(2, true), (3, false), (0, true)] {
        let options = Options { runs: 2, swaps: 2, ..OPTIONS };
        let mut table = Table::random(5000, numeric, 2);
        let once = table.fit(&options, weighted, None, 1);
        let sizes = once.assignment.sizes(3);
        assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
        table.rows.reverse();
        for workers in 1..4 {
            let again = table.fit(&options, weighted, None, workers);
            assert_eq!(once.prototypes, again.prototypes);
            assert_eq!((once.cost, once.iterations), (again.cost, again.iterations));
            assert!(once.assignment.labels.iter().eq(again.assignment.labels.iter().rev()));
            assert!(once.assignment.distances.iter().eq(again.assignment.distances.iter().rev()));
        }
    }
}

#[test]
fn weights_are_repetitions() {
    let mut table = Table::random(300, 2, 2);
    let start: Vec<Prototype> =
        table.rows[..3].iter().map(|row| Prototype { centre: row.0.clone(), modes: row.1.clone() }).collect();
    let options = Options { swaps: 0, max_iterations: 1, ..OPTIONS };
    for (row, number) in table.rows.iter_mut().zip(0..) {
        row.3 = f64::from(number % 3);
    }
    let found = table.fit(&options, true, Some(&start), 1);
    let repeated = table.rows.iter().flat_map(|row| std::iter::repeat_n(row.clone(), row.3 as usize));
    let expected = Table { rows: repeated.collect() }.fit(&options, false, Some(&start), 1);
    assert!((found.cost - expected.cost).abs() < 1e-9);
}

#[test]
fn clusters_are_filled_or_fewer() {
    let table = Table::random(50, 2, 1);
    let far = Prototype { centre: vec![1e6, 1e6], modes: vec![0] };
    let start = [far.clone(), far.clone(), Prototype { centre: vec![0.0, 0.0], modes: vec![0] }];
    let found = table.fit(&OPTIONS, false, Some(&start), 1);
    assert!(found.assignment.sizes(3).iter().all(|size| *size > 0));

    let same = Table { rows: (0..9).map(|row| (vec![1.5], vec![(row % 2) as u32], mix(row), 1.0)).collect() };
    let found = same.fit(&OPTIONS, false, None, 1);
    assert_eq!((found.prototypes.len(), found.cost), (2, 0.0));
}

#[test]
fn gamma_is_half_the_mean_deviation() {
    let mut matrix = Matrix::new(2);
    matrix.push(&[&[1.0, 3.0, 1.0, 3.0], &[0.0, 0.0, 6.0, 6.0]]);
    assert!((estimate_gamma(&matrix, control(1)).unwrap() - 0.5 * (1.0 + 3.0) / 2.0).abs() < 1e-12);
    assert_eq!(estimate_gamma(&Matrix::new(0), control(1)).unwrap(), 1.0);
}
