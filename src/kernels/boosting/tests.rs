//! Compares trees with results computed by hand, and with the same trees grown by a different number of workers.

use super::bins::Binned;
use super::boost::Boosted;
use super::*;
use crate::kernels::control::Control;
use crate::kernels::control::unlimited::control;
use crate::kernels::random::Random;

struct Data {
    numbers: Vec<Vec<f64>>,
    codes: Vec<Vec<u32>>,
    levels: Vec<usize>,
    targets: Vec<f64>,
}

/// Two numbers that matter, one of them sometimes missing, a number that is noise, and a category.
fn data(rows: usize, seed: u64) -> Data {
    let mut random = Random::new(seed, &[]);
    let mut uniform = || random.below(1 << 30) as f64 / f64::from(1 << 30);
    let mut data = Data { numbers: vec![vec![]; 3], codes: vec![vec![]], levels: vec![12], targets: vec![] };
    for _ in 0..rows {
        let (one, two, noise, code) = (uniform(), uniform(), uniform(), (uniform() * 12.0) as u32);
        let chance = 0.1 + 0.4 * one * f64::from(code % 3) / 2.0 + if two > 0.7 { 0.3 } else { 0.0 };
        data.targets.push(f64::from(u8::from(uniform() < chance)));
        data.numbers[0].push(if uniform() < 0.1 { f64::NAN } else { one });
        data.numbers[1].push(two);
        data.numbers[2].push(noise);
        data.codes[0].push(code);
    }
    data
}

fn binned(data: &Data, control: Control<'_>) -> (Binning, Binned) {
    let binning = Binning::new(&data.numbers, &data.codes, &data.levels, control).unwrap();
    let binned = binning.apply(&data.numbers, &data.codes, data.targets.len(), control).unwrap();
    (binning, binned)
}

fn boosted(data: &Data, options: &BoostOptions, workers: usize) -> Boosted {
    let (binning, binned) = binned(data, control(workers));
    boost(binning, &binned, &data.targets, None, None, options, control(workers)).unwrap()
}

fn scores(model: &Ensemble, data: &Data) -> Vec<f64> {
    model.scores(&data.numbers, &data.codes, data.targets.len(), control(2)).unwrap()
}

#[test]
fn learns_the_same_with_any_number_of_workers() {
    let data = data(120_000, 1);
    let options = BoostOptions { iterations: 10, subsample: 0.8, feature_fraction: 0.7, ..BoostOptions::default() };
    let one = boosted(&data, &options, 1);
    let three = boosted(&data, &options, 3);
    assert_eq!(one.model, three.model);
    assert_eq!(one.losses, three.losses);
    assert!(one.losses.windows(2).all(|pair| pair[1].0 < pair[0].0));
    assert!(one.model.is_whole(3, 1) && !one.model.is_whole(2, 2));
    let (binning, binned) = binned(&data, control(1));
    let tree = TreeOptions { max_leaves: 64, max_depth: 0, min_rows: 5, ccp_alpha: 0.0 };
    let options = ForestOptions { tree, trees: 4, max_features: 2, seed: 3 };
    let forest = |workers| random_forest(binning.clone(), &binned, &data.targets, None, &options, control(workers)).unwrap();
    let (one, three) = (forest(1), forest(3));
    assert_eq!((one.model, one.out_of_bag), (three.model, three.out_of_bag));
}

#[test]
fn a_stored_model_is_the_same() {
    let data = data(2_000, 2);
    let model = boosted(&data, &BoostOptions { iterations: 5, ..BoostOptions::default() }, 1).model;
    let text = serde_json::to_string(&model).unwrap();
    assert_eq!(serde_json::from_str::<Ensemble>(&text).unwrap(), model);
}

#[test]
fn explanations_add_up() {
    let data = data(3_000, 3);
    for loss in [Loss::Logistic, Loss::Squared, Loss::Poisson] {
        let model = boosted(&data, &BoostOptions { loss, iterations: 20, ..BoostOptions::default() }, 2).model;
        let explanations = model.explain(&data.numbers, &data.codes, 300, control(2)).unwrap();
        for (explanation, score) in explanations.iter().zip(scores(&model, &data)) {
            let sum = explanation.base + explanation.added.iter().sum::<f64>();
            assert!((sum - score).abs() < 1e-9, "{sum} {score}");
        }
    }
}

/// The expected value of a tree if only some features are known.
fn expected(tree: &tree::Tree, row: &[u8], known: usize, node: usize) -> f64 {
    if tree.is_leaf(node) {
        return tree.value[node];
    }
    if known >> tree.feature[node] & 1 == 1 {
        return expected(tree, row, known, tree.next(node, row));
    }
    let left = tree.left[node] as usize;
    let sum = |child: usize| tree.rows[child] as f64 * expected(tree, row, known, child);
    (sum(left) + sum(left + 1)) / tree.rows[node] as f64
}

#[test]
fn explanations_are_shapley_values() {
    let data = data(3_000, 4);
    let model = boosted(&data, &BoostOptions { iterations: 3, ..BoostOptions::default() }, 1).model;
    let binned = model.binning.apply(&data.numbers, &data.codes, 50, control(1)).unwrap();
    let explanations = model.explain(&data.numbers, &data.codes, 50, control(1)).unwrap();
    for (row, explanation) in explanations.iter().enumerate() {
        for (feature, added) in explanation.added.iter().enumerate() {
            let mut shapley = 0.0;
            for known in (0..16_usize).filter(|known| known >> feature & 1 == 0) {
                let weight = [1.0 / 4.0, 1.0 / 12.0, 1.0 / 12.0, 1.0 / 4.0][known.count_ones() as usize];
                for tree in &model.trees {
                    let value = |known| expected(tree, binned.row(row), known, 0);
                    shapley += weight * (value(known | 1 << feature) - value(known));
                }
            }
            assert!((shapley - added).abs() < 1e-12, "{shapley} {added}");
        }
    }
}

#[test]
fn ends_when_validation_does_not_get_better() {
    let (data, other) = (data(2_000, 5), data(1_000, 6));
    let (binning, all) = binned(&data, control(1));
    let held = binning.apply(&other.numbers, &other.codes, 1_000, control(1)).unwrap();
    let validation = Validation { binned: &held, targets: &other.targets, weights: None };
    let options = BoostOptions { iterations: 500, patience: 10, ..BoostOptions::default() };
    let boosted = boost(binning, &all, &data.targets, None, Some(validation), &options, control(2)).unwrap();
    assert_eq!(boosted.losses.len(), boosted.model.trees.len() + 10);
    let held: f64 = scores(&boosted.model, &other).iter().zip(&other.targets).map(|(s, t)| Loss::Logistic.of(*s, *t)).sum();
    assert!((held / 1_000.0 - boosted.losses[boosted.model.trees.len() - 1].1.unwrap()).abs() < 1e-12);
}

#[test]
fn the_last_loss_is_that_of_the_model_where_no_split_is_found() {
    let data = data(2_000, 5);
    let boosted = boosted(&data, &BoostOptions { learning_rate: 1.0, min_gain: 5.0, ..BoostOptions::default() }, 1);
    let trees = boosted.model.trees.len();
    assert!(trees > 0 && trees < 100 && boosted.losses.len() == trees);
    let loss: f64 = scores(&boosted.model, &data).iter().zip(&data.targets).map(|(s, t)| Loss::Logistic.of(*s, *t)).sum();
    let told = boosted.losses[trees - 1].0;
    assert!((loss / 2_000.0 - told).abs() < 1e-12, "{} {told}", loss / 2_000.0);
}

#[test]
fn one_tree_finds_the_step_and_is_pruned() {
    let numbers = vec![(0..100).map(f64::from).collect::<Vec<_>>(), vec![1.0; 100]];
    let targets: Vec<f64> = (0..100).map(|row| 1e9 + f64::from(u8::from(row >= 40)) + f64::from(row % 2) / 100.0).collect();
    let data = Data { numbers, codes: vec![], levels: vec![], targets };
    let (binning, binned) = binned(&data, control(1));
    let options = TreeOptions { max_leaves: 31, max_depth: 0, min_rows: 1, ccp_alpha: 0.01 };
    let model = decision_tree(binning, &binned, &data.targets, None, &options, control(1)).unwrap();
    assert_eq!((model.trees[0].leaves(), model.binning.cuts[0][model.trees[0].cut[0] as usize]), (2, 39.5));
    assert!((scores(&model, &data)[40] - (1e9 + 1.005)).abs() < 1e-5);
    assert_eq!(model.gains()[1], (0.0, 0));
}

#[test]
fn missing_values_take_the_side_that_was_learned() {
    let numbers = vec![(0..100).map(|row| if row < 30 { f64::NAN } else { f64::from(row) }).collect()];
    let targets = (0..100).map(|row| f64::from(u8::from(!(30..80).contains(&row)))).collect();
    let data = Data { numbers, codes: vec![], levels: vec![], targets };
    let (binning, binned) = binned(&data, control(1));
    let options = TreeOptions { max_leaves: 2, max_depth: 0, min_rows: 1, ccp_alpha: 0.0 };
    let model = decision_tree(binning, &binned, &data.targets, None, &options, control(1)).unwrap();
    let scores = scores(&model, &data);
    assert_eq!((scores[0], scores[99], scores[50]), (1.0, 1.0, 0.0));
}

#[test]
fn weights_count_as_repeated_rows() {
    let mut data = data(500, 7);
    let weights: Vec<f64> = (0..500).map(|row| f64::from(row % 3)).collect();
    let (binning, binned) = binned(&data, control(1));
    let options = TreeOptions { max_leaves: 8, max_depth: 3, min_rows: 1, ccp_alpha: 0.02 };
    let weighted = decision_tree(binning.clone(), &binned, &data.targets, Some(&weights), &options, control(1)).unwrap();
    let rows: Vec<usize> = (0..500).flat_map(|row| std::iter::repeat_n(row, row % 3)).collect();
    let repeated = Binned { features: binned.features, bins: rows.iter().flat_map(|row| binned.row(*row).to_vec()).collect() };
    let targets: Vec<f64> = rows.iter().map(|row| data.targets[*row]).collect();
    let twice = decision_tree(binning, &repeated, &targets, None, &options, control(1)).unwrap();
    data.targets.truncate(500);
    for (one, other) in scores(&weighted, &data).iter().zip(scores(&twice, &data)) {
        assert!((one - other).abs() < 1e-12);
    }
}

#[test]
fn predicts_each_row_as_its_trees_do() {
    let data = data(1_001, 8);
    let model = boosted(&data, &BoostOptions { iterations: 15, min_rows: 2, ..BoostOptions::default() }, 1).model;
    let all = model.binning.apply(&data.numbers, &data.codes, 1_001, control(1)).unwrap();
    for (row, score) in scores(&model, &data).into_iter().enumerate() {
        let sum = model.trees.iter().fold(model.base, |sum, tree| sum + tree.predict(all.row(row)));
        assert_eq!(sum, score);
    }
    assert!(model.scores(&data.numbers, &data.codes, 0, control(1)).unwrap().is_empty());
}

#[test]
fn many_levels_and_huge_numbers_are_learned_from() {
    let numbers = vec![(0..20_000).map(|row| if row % 2 == 0 { f64::INFINITY } else { f64::NEG_INFINITY }).collect()];
    let codes = vec![(0..20_000).map(|row| row % 10_000).collect::<Vec<u32>>()];
    let targets = (0..20_000).map(|row| f64::from(u8::from(row % 2 == 0))).collect();
    let data = Data { numbers, codes, levels: vec![10_000], targets };
    let model = boosted(&data, &BoostOptions { iterations: 5, ..BoostOptions::default() }, 2).model;
    assert!(scores(&model, &data).windows(2).all(|pair| (pair[0] > 0.0) != (pair[1] > 0.0)));
    let text = serde_json::to_string(&model).unwrap();
    assert_eq!(serde_json::from_str::<Ensemble>(&text).unwrap(), model);
}

#[test]
fn nothing_to_learn_is_the_mean() {
    for targets in [vec![], vec![1.0], vec![0.0; 50]] {
        let data = Data { numbers: vec![vec![f64::NAN; targets.len()]], codes: vec![], levels: vec![], targets };
        let boosted = boosted(&data, &BoostOptions::default(), 1);
        assert!(boosted.model.trees.is_empty() && boosted.model.base.is_finite());
        let (binning, binned) = binned(&data, control(1));
        let tree = TreeOptions { max_leaves: 8, max_depth: 3, min_rows: 1, ccp_alpha: 0.0 };
        let options = ForestOptions { tree, trees: 3, max_features: 1, seed: 0 };
        let forest = random_forest(binning, &binned, &data.targets, None, &options, control(2)).unwrap();
        assert_eq!(scores(&forest.model, &data).len(), data.targets.len());
    }
}
