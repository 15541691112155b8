use super::rules::{Condition, Range, leaves};
use super::*;
use crate::kernels::control::unlimited::control;
use crate::kernels::random::Random;

const SMALL: Options = Options { max_depth: 4, max_leaves: 16, min_leaf: 1 };

fn matrix(columns: &[Vec<f64>]) -> Matrix {
    let mut matrix = Matrix::new(columns.len());
    matrix.push(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>());
    matrix
}

fn condition(feature: usize, range: Range) -> Condition {
    Condition { feature, range, or_missing: false }
}

#[test]
fn finds_what_tells_classes_apart() {
    // Class 1 between 20 and 40, or else red (code 2).
    let ages = vec![18.0, 20.0, 21.0, 30.0, 39.0, 45.0, 50.0, 70.0, 19.0, 60.0];
    let colours = vec![vec![0, 1, 0, 1, 0, 1, 0, 1, 2, 2]];
    let targets = [0, 0, 1, 1, 1, 0, 0, 0, 1, 1];
    let matrix = matrix(&[ages]);
    let features = Features { numeric: &matrix, codes: &colours };
    let tree = Tree::grow(features, &targets, 2, &SMALL, control(2)).unwrap();
    assert!((0..10).all(|row| tree.predict(features, row) == targets[row]));
    let found = leaves(&tree);
    assert!(found.iter().all(|leaf| leaf.purity == 1.0));
    assert_eq!(found.iter().map(|leaf| leaf.rows).sum::<u64>(), 10);
    let range = condition(0, Range::Between(20.5, 40.0));
    let middle = found.iter().find(|leaf| leaf.conditions.contains(&range)).unwrap();
    assert_eq!((middle.class, middle.hits, middle.recall, middle.coverage), (1, 3, 0.6, 0.3));
    let red = found.iter().find(|leaf| leaf.conditions == [condition(1, Range::OneOf(vec![2]))]).unwrap();
    assert_eq!((red.class, red.rows), (1, 2));
}

#[test]
fn missing_numbers_go_where_they_fit() {
    let nan = f64::NAN;
    let empty = vec![];
    for (values, targets, expected) in [
        (vec![1.0, 2.0, 9.0, 10.0, nan, nan], [0, 0, 1, 1, 0, 0], (Range::AtMost(5.0), true)),
        (vec![1.0, 2.0, 9.0, 10.0, nan, nan], [0, 0, 1, 1, 1, 1], (Range::AtMost(5.0), false)),
        (vec![1.0, 2.0, 9.0, 10.0, nan, nan], [0, 0, 0, 0, 1, 1], (Range::NotMissing, false)),
    ] {
        let matrix = matrix(&[values]);
        let features = Features { numeric: &matrix, codes: &empty };
        let tree = Tree::grow(features, &targets, 2, &SMALL, control(1)).unwrap();
        let found = leaves(&tree);
        assert_eq!(found[0].conditions, [Condition { feature: 0, range: expected.0.clone(), or_missing: expected.1 }]);
        if expected.0 == Range::NotMissing {
            assert_eq!(found[1].conditions, [condition(0, Range::Missing)]);
        }
        assert!((0..6).all(|row| tree.predict(features, row) == targets[row]));
    }
}

#[test]
fn keeps_its_limits() {
    let mut random = Random::new(4, &[]);
    let values: Vec<f64> = (0..500).map(|_| random.below(100) as f64).collect();
    let targets: Vec<u32> = (0..500).map(|_| random.below(3) as u32).collect();
    let matrix = matrix(&[values]);
    let features = Features { numeric: &matrix, codes: &[] };
    let options = Options { max_depth: 5, max_leaves: 7, min_leaf: 25 };
    let found = leaves(&Tree::grow(features, &targets, 3, &options, control(1)).unwrap());
    assert_eq!(found.len(), 7);
    assert!(found.iter().all(|leaf| leaf.rows >= 25));
    let options = Options { max_leaves: 1, ..options };
    let found = leaves(&Tree::grow(features, &targets, 3, &options, control(1)).unwrap());
    assert_eq!((found.len(), found[0].conditions.len(), found[0].rows), (1, 0, 500));
    let nothing = Matrix::new(1);
    let none = Tree::grow(Features { numeric: &nothing, codes: &[] }, &[], 3, &options, control(1)).unwrap();
    assert_eq!(leaves(&none), []);
}

/// All thresholds of all features, tried one by one.
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
    let tree = Tree::grow(Features { numeric: &forward, codes: &[] }, &targets, 3, &stump, control(1)).unwrap();
    let purity = |node: &Node| node.counts.iter().map(|count| (*count as f64).powi(2)).sum::<f64>() / node.rows() as f64;
    let gain = purity(&tree.nodes[1]) + purity(&tree.nodes[2]) - purity(&tree.nodes[0]);
    assert!((gain - naive_gain(&forward, &targets)).abs() < 1e-9);

    let tree = |matrix: &Matrix, codes: &[Vec<u32>], targets: &[u32], workers| {
        Tree::grow(Features { numeric: matrix, codes }, targets, 3, &SMALL, control(workers)).unwrap()
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
    let nothing = Matrix::new(0);
    let tree = Tree::grow(Features { numeric: &nothing, codes: &codes }, &targets, 3, &SMALL, control(1)).unwrap();
    let ranges: Vec<Range> = leaves(&tree).into_iter().map(|leaf| leaf.conditions[0].range.clone()).collect();
    assert_eq!(ranges, [0, 1, 2].map(|code| Range::OneOf(vec![code])));
    assert_eq!(tree.codes, [[0, 1, 2]]);
}

#[test]
fn many_rows_are_cut_at_quantiles() {
    let values: Vec<f64> = (0..51_200).map(f64::from).collect();
    let targets: Vec<u32> = (0..51_200).map(|row| u32::from(row >= 12_800)).collect();
    let matrix = matrix(&[values]);
    let found = leaves(&Tree::grow(Features { numeric: &matrix, codes: &[] }, &targets, 2, &SMALL, control(2)).unwrap());
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].conditions, [condition(0, Range::AtMost(12_799.5))]);
}
