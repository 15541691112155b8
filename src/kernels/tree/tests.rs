use super::numbers::float_of;
use super::rules::{Condition, Leaf, Range, leaves};
use super::threshold::between;
use super::*;
use crate::kernels::cluster::Matrix;
use crate::kernels::control::unlimited::control;
use crate::kernels::random::{Random, mix};

const SMALL: Options = Options { max_depth: 4, max_leaves: 16, min_leaf: 1 };

fn matrix(columns: &[Vec<f64>]) -> Matrix {
    let mut matrix = Matrix::new(columns.len());
    matrix.push(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>());
    matrix
}

/// Each column of a matrix as a numeric feature.
fn numbers(matrix: &Matrix) -> Vec<Numbers<'_>> {
    (0..matrix.columns()).map(|column| Numbers::Floats(matrix, column)).collect()
}

/// A range, with its cuts replaced by thresholds.
#[derive(Debug, PartialEq)]
enum Shown {
    AtMost(f64),
    Above(f64),
    Between(f64, f64),
    Other(Range),
}

fn shown(condition: &Condition) -> (usize, Shown, bool) {
    let threshold = |cut: &Cut| between(float_of(cut.low), float_of(cut.high));
    let range = match &condition.range {
        Range::AtMost(cut) => Shown::AtMost(threshold(cut)),
        Range::Above(cut) => Shown::Above(threshold(cut)),
        Range::Between(least, most) => Shown::Between(threshold(least), threshold(most)),
        other => Shown::Other(other.clone()),
    };
    (condition.feature, range, condition.or_missing)
}

fn conditions(leaf: &Leaf) -> Vec<(usize, Shown, bool)> {
    leaf.conditions.iter().map(shown).collect()
}

#[test]
fn finds_what_tells_classes_apart() {
    // The class is 1 if the number is between 20 and 40, or if the code is 2 (red).
    let ages = vec![18.0, 20.0, 21.0, 30.0, 39.0, 45.0, 50.0, 70.0, 19.0, 60.0];
    let colours = vec![vec![0, 1, 0, 1, 0, 1, 0, 1, 2, 2]];
    let targets = [0, 0, 1, 1, 1, 0, 0, 0, 1, 1];
    let matrix = matrix(&[ages]);
    let numeric = numbers(&matrix);
    let features = Features { numeric: &numeric, codes: &colours };
    let tree = Tree::grow(features, &targets, 2, &SMALL, control(2)).unwrap();
    assert!((0..10).all(|row| tree.predict(features, row) == targets[row]));
    let found = leaves(&tree);
    assert!(found.iter().all(|leaf| leaf.purity == 1.0));
    assert_eq!(found.iter().map(|leaf| leaf.rows).sum::<u64>(), 10);
    let range = (0, Shown::Between(20.5, 40.0), false);
    let middle = found.iter().find(|leaf| conditions(leaf).contains(&range)).unwrap();
    assert_eq!((middle.class, middle.hits, middle.recall, middle.coverage), (1, 3, 0.6, 0.3));
    let red = found.iter().find(|leaf| conditions(leaf) == [(1, Shown::Other(Range::OneOf(vec![2])), false)]).unwrap();
    assert_eq!((red.class, red.rows), (1, 2));
}

#[test]
fn missing_numbers_go_where_they_fit() {
    let nan = f64::NAN;
    let empty = vec![];
    for (values, targets, expected) in [
        (vec![1.0, 2.0, 9.0, 10.0, nan, nan], [0, 0, 1, 1, 0, 0], (Shown::AtMost(5.0), true)),
        (vec![1.0, 2.0, 9.0, 10.0, nan, nan], [0, 0, 1, 1, 1, 1], (Shown::AtMost(5.0), false)),
        (vec![1.0, 2.0, 9.0, 10.0, nan, nan], [0, 0, 0, 0, 1, 1], (Shown::Other(Range::NotMissing), false)),
    ] {
        let matrix = matrix(&[values]);
        let numeric = numbers(&matrix);
        let features = Features { numeric: &numeric, codes: &empty };
        let tree = Tree::grow(features, &targets, 2, &SMALL, control(1)).unwrap();
        let found = leaves(&tree);
        if matches!(expected.0, Shown::Other(_)) {
            assert_eq!(conditions(&found[1]), [(0, Shown::Other(Range::Missing), false)]);
        }
        assert_eq!(conditions(&found[0]), [(0, expected.0, expected.1)]);
        assert!((0..6).all(|row| tree.predict(features, row) == targets[row]));
    }
}

#[test]
fn keeps_its_limits() {
    let mut random = Random::new(4, &[]);
    let values: Vec<f64> = (0..500).map(|_| random.below(100) as f64).collect();
    let targets: Vec<u32> = (0..500).map(|_| random.below(3) as u32).collect();
    let matrix = matrix(&[values]);
    let numeric = numbers(&matrix);
    let features = Features { numeric: &numeric, codes: &[] };
    let options = Options { max_depth: 5, max_leaves: 7, min_leaf: 25 };
    let found = leaves(&Tree::grow(features, &targets, 3, &options, control(1)).unwrap());
    assert_eq!(found.len(), 7);
    assert!(found.iter().all(|leaf| leaf.rows >= 25));
    let options = Options { max_leaves: 1, ..options };
    let found = leaves(&Tree::grow(features, &targets, 3, &options, control(1)).unwrap());
    assert_eq!((found.len(), found[0].conditions.len(), found[0].rows), (1, 0, 500));
    let nothing = Matrix::new(1);
    let none = Tree::grow(Features { numeric: &numbers(&nothing), codes: &[] }, &[], 3, &options, control(1)).unwrap();
    assert_eq!(leaves(&none), []);
}

/// The best gain by trying all thresholds of all features one by one.
fn naive_gain(matrix: &Matrix, targets: &[u32]) -> f64 {
    let purity = |rows: &[usize]| {
        let count = |class| rows.iter().filter(|row| targets[**row] == class).count() as f64;
        (0..3).map(|class| count(class) * count(class)).sum::<f64>() / rows.len().max(1) as f64
    };
    let all: Vec<usize> = (0..targets.len()).collect();
    let mut best = 0.0_f64;
    for column in 0..matrix.columns() {
        for cut in &all {
            let is_left = |row: &usize| matrix.value(*row, column) <= matrix.value(*cut, column);
            let (left, right): (Vec<usize>, Vec<usize>) = all.iter().partition(|row| is_left(row));
            best = best.max(purity(&left) + purity(&right) - purity(&all));
        }
    }
    best
}

#[test]
fn splits_best_in_any_order() {
    let mut random = Random::new(8, &[]);
    let columns: Vec<Vec<f64>> = (0..3).map(|_| (0..300).map(|_| random.below(40) as f64 / 8.0).collect()).collect();
    let codes: Vec<u32> = (0..300).map(|_| random.below(6) as u32).collect();
    let targets: Vec<u32> = (0..300).map(|row| (columns[1][row] + columns[2][row] / 2.0) as u32 / 3).collect();
    let forward = matrix(&columns);
    let stump = Options { max_depth: 1, ..SMALL };
    let tree = Tree::grow(Features { numeric: &numbers(&forward), codes: &[] }, &targets, 3, &stump, control(1)).unwrap();
    let purity = |node: &Node| node.counts.iter().map(|count| (*count as f64).powi(2)).sum::<f64>() / node.rows() as f64;
    let gain = purity(&tree.nodes[1]) + purity(&tree.nodes[2]) - purity(&tree.nodes[0]);
    assert!((gain - naive_gain(&forward, &targets)).abs() < 1e-9);

    let tree = |matrix: &Matrix, codes: &[Vec<u32>], targets: &[u32], workers| {
        Tree::grow(Features { numeric: &numbers(matrix), codes }, targets, 3, &SMALL, control(workers)).unwrap()
    };
    let once = tree(&forward, std::slice::from_ref(&codes), &targets, 1);
    let reversed: Vec<Vec<f64>> = columns.iter().map(|column| column.iter().rev().copied().collect()).collect();
    let codes: Vec<u32> = codes.into_iter().rev().collect();
    let targets: Vec<u32> = targets.into_iter().rev().collect();
    for workers in 1..4 {
        assert_eq!(once, tree(&matrix(&reversed), std::slice::from_ref(&codes), &targets, workers));
    }
}

#[test]
fn names_the_fewer_categories() {
    let targets = [0, 0, 0, 0, 1, 1, 2, 2];
    let codes = vec![targets.to_vec()];
    let tree = Tree::grow(Features { numeric: &[], codes: &codes }, &targets, 3, &SMALL, control(1)).unwrap();
    let ranges: Vec<Range> = leaves(&tree).into_iter().map(|leaf| leaf.conditions[0].range.clone()).collect();
    assert_eq!(ranges, [0, 1, 2].map(|code| Range::OneOf(vec![code])));
    assert_eq!(tree.codes, [[0, 1, 2]]);
}

/// Above 50,000 rows, values are binned first; the cuts must be the same as without bins.
#[test]
fn cuts_inside_bins_are_the_best_of_all() {
    let mut random = Random::new(21, &[]);
    for rows in [50_001, 60_000] {
        let columns: Vec<Vec<f64>> = (0..3).map(|_| (0..rows).map(|_| random.below(400_000) as f64 / 8.0).collect()).collect();
        let wide: Vec<i128> = columns[0].iter().map(|value| (*value * 8.0) as i128 + (1 << 80)).collect();
        // The true cuts are 12,345 and 5,000; a tenth of the labels are random.
        let target = |row: usize| {
            let planted = if columns[0][row] > 12_345.0 { 0 } else { 1 + u32::from(columns[1][row] >= 5_000.0) };
            if row.is_multiple_of(10) { mix(row as u64) as u32 % 3 } else { planted }
        };
        let targets: Vec<u32> = (0..rows).map(target).collect();
        let floats = matrix(&columns);
        let numeric = [Numbers::Long(&wide), Numbers::Floats(&floats, 1), Numbers::Floats(&floats, 2)];
        let options = Options { max_depth: 3, max_leaves: 5, min_leaf: 7 };
        let features = Features { numeric: &numeric, codes: &[] };
        let tree = Tree::grow(features, &targets, 3, &options, control(2)).unwrap();
        assert_eq!(tree, Tree::grow(features, &targets, 3, &options, control(1)).unwrap());
        // Every split must be the best one over all values of all features.
        let mut members: Vec<Vec<usize>> = vec![vec![]; tree.nodes.len()];
        members[0] = (0..rows).collect();
        for node in 0..tree.nodes.len() {
            let Some((test, left, right)) = &tree.nodes[node].split else { continue };
            let own = std::mem::take(&mut members[node]);
            assert_eq!(test, &plain_best(&numeric, &targets, &own, 7), "{rows} rows, node {node}");
            let (first, second): (Vec<usize>, Vec<usize>) = own.into_iter().partition(|row| test.is_left(features, *row));
            assert_eq!((first.len() as u64, second.len() as u64), (tree.nodes[*left].rows(), tree.nodes[*right].rows()));
            (members[*left], members[*right]) = (first, second);
        }
    }
}

fn plain_best(numeric: &[Numbers<'_>], targets: &[u32], rows: &[usize], min_leaf: usize) -> Test {
    let purity = |counts: [u64; 3]| {
        let rows: u64 = counts.iter().sum();
        if rows == 0 { 0.0 } else { counts.iter().map(|count| (*count as f64).powi(2)).sum::<f64>() / rows as f64 }
    };
    let mut all = [0_u64; 3];
    rows.iter().for_each(|row| all[targets[*row] as usize] += 1);
    let (mut gain, mut best) = (0.0, None);
    for (feature, numbers) in numeric.iter().enumerate() {
        let mut sorted: Vec<(i128, usize)> = rows.iter().map(|row| (numbers.key(*row).unwrap(), *row)).collect();
        sorted.sort_unstable();
        let mut left = [0_u64; 3];
        for (place, pair) in sorted.windows(2).enumerate() {
            left[targets[pair[0].1] as usize] += 1;
            if pair[0].0 == pair[1].0 || place + 1 < min_leaf || rows.len() - place - 1 < min_leaf {
                continue;
            }
            let right = std::array::from_fn(|class| all[class] - left[class]);
            let found = purity(left) + purity(right) - purity(all);
            if found > gain {
                let or_missing = 2 * (place + 1) >= rows.len();
                (gain, best) = (found, Some(Test::AtMost { feature, cut: Cut { low: pair[0].0, high: pair[1].0 }, or_missing }));
            }
        }
    }
    best.unwrap()
}

#[test]
fn planted_cuts_are_found_at_any_size() {
    for rows in [50_000, 50_001, 200_000] {
        let amounts: Vec<i64> = (0..rows).map(|row| (mix(row) % 100_000) as i64).collect();
        let days: Vec<i64> = (0..rows).map(|row| (mix(row + rows) % 400) as i64).collect();
        let planted = |(amount, day): (&i64, &i64)| if *amount >= 50_000 { 0 } else { 1 + u32::from(*day <= 30) };
        let targets: Vec<u32> = amounts.iter().zip(&days).map(planted).collect();
        let numeric = [Numbers::Short(&amounts), Numbers::Short(&days)];
        let options = Options { max_depth: 3, max_leaves: 12, min_leaf: rows / 100 };
        let tree = Tree::grow(Features { numeric: &numeric, codes: &[] }, &targets, 3, &options, control(2)).unwrap();
        let found = leaves(&tree);
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|leaf| leaf.purity == 1.0 && leaf.recall == 1.0));
        let Range::Above(cut) = found[0].conditions[0].range else { panic!("{:?}", found[0]) };
        assert!(cut.low < 50_000 && cut.high >= 50_000 && cut.high - cut.low < 20);
        assert_eq!(found[2].conditions[1].range, Range::AtMost(Cut { low: 30, high: 31 }));
    }
}
