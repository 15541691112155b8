//! Single decision trees, and forests of trees that are each grown on rows drawn with replacement.

use super::bins::{Binned, Binning};
use super::grow::{Growth, exact, grow};
use super::histogram::Scale;
use super::split::Limits;
use super::tree::Tree;
use super::{Ensemble, Loss};
use crate::kernels::control::{Control, Stop};
use crate::kernels::random::Random;

/// How single trees grow. The impurity is the squared error, which is proportional to the Gini impurity for targets of 0 and 1.
#[derive(Debug, Clone, Copy)]
pub struct TreeOptions {
    pub max_leaves: usize,
    /// 0 for no limit.
    pub max_depth: usize,
    pub min_rows: u64,
    /// Impurity that each additional leaf must remove, as a share of the impurity of all rows.
    pub ccp_alpha: f64,
}

#[derive(Debug, Clone, Copy)]
pub struct ForestOptions {
    pub tree: TreeOptions,
    pub trees: usize,
    /// Number of features that each split chooses from; 0 for all.
    pub max_features: usize,
    pub seed: u64,
}

/// A forest; its score is the mean of its trees.
#[derive(Debug, Clone)]
pub struct Forest {
    pub model: Ensemble,
    /// For each row, the mean of the trees that were not grown on it; `None` if every tree was grown on it.
    pub out_of_bag: Vec<Option<f64>>,
}

/// Grows and prunes one tree. Weights are 0 or more.
pub fn decision_tree(
    binning: Binning,
    binned: &Binned,
    targets: &[f64],
    weights: Option<&[f64]>,
    options: &TreeOptions,
    control: Control<'_>,
) -> Result<Ensemble, Stop> {
    u32::try_from(targets.len()).map_err(|_| Stop::TooLarge)?;
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let tree = one(&binning, binned, targets, &weight, options, 0, 0, control)?;
    Ok(Ensemble { loss: Loss::Squared, binning, base: 0.0, trees: vec![tree] })
}

/// Grows trees on rows drawn with replacement, in parallel by tree.
pub fn random_forest(
    binning: Binning,
    binned: &Binned,
    targets: &[f64],
    weights: Option<&[f64]>,
    options: &ForestOptions,
    control: Control<'_>,
) -> Result<Forest, Stop> {
    let rows = targets.len();
    u32::try_from(rows).map_err(|_| Stop::TooLarge)?;
    let alone = Control { workers: 1, ..control };
    let made = control.share(options.trees, Vec::new, |made, number| {
        let seed = Random::new(options.seed, &[number as u64]).next();
        let _reserved = control.reserve(rows * 4)?;
        let drawn = draw(rows, seed);
        let weight = |row: usize| f64::from(drawn[row]) * weights.map_or(1.0, |weights| weights[row]);
        let mut tree = one(&binning, binned, targets, &weight, &options.tree, options.max_features, seed, alone)?;
        tree.value.iter_mut().for_each(|value| *value /= options.trees as f64);
        made.push((number, tree));
        Ok(())
    })?;
    let mut made: Vec<(usize, Tree)> = made.into_iter().flatten().collect();
    made.sort_unstable_by_key(|(number, _)| *number);
    let trees: Vec<Tree> = made.into_iter().map(|(_, tree)| tree).collect();
    let _reserved = control.reserve(rows * 32)?;
    let mut sums = vec![(0.0, 0_u32); rows];
    for (number, tree) in trees.iter().enumerate() {
        control.check()?;
        let drawn = draw(rows, Random::new(options.seed, &[number as u64]).next());
        for (row, (sum, count)) in sums.iter_mut().enumerate().filter(|(row, _)| drawn[*row] == 0) {
            *sum += tree.predict(binned.row(row));
            *count += 1;
        }
    }
    let mean = |(sum, count): (f64, u32)| (count > 0).then(|| sum * options.trees as f64 / f64::from(count));
    let out_of_bag = sums.into_iter().map(mean).collect();
    Ok(Forest { model: Ensemble { loss: Loss::Squared, binning, base: 0.0, trees }, out_of_bag })
}

/// The number of times each row is drawn. Depends only on the seed, so out-of-bag rows can be found again without storing them.
fn draw(rows: usize, seed: u64) -> Vec<u32> {
    let mut random = Random::new(seed, &[3]);
    let mut drawn = vec![0; rows];
    (0..rows).for_each(|_| drawn[random.below(rows as u64) as usize] += 1);
    drawn
}

#[expect(clippy::too_many_arguments, reason = "what a tree is grown on, and how")]
fn one(
    binning: &Binning,
    binned: &Binned,
    targets: &[f64],
    weight: &dyn Fn(usize) -> f64,
    options: &TreeOptions,
    split_features: usize,
    seed: u64,
    control: Control<'_>,
) -> Result<Tree, Stop> {
    let _reserved = control.reserve(targets.len() * (4 + 16 + 16))?;
    let rows: Vec<u32> = (0..targets.len() as u32).filter(|row| weight(*row as usize) > 0.0).collect();
    let all: f64 = rows.iter().map(|row| weight(*row as usize)).sum();
    let sum: f64 = rows.iter().map(|row| weight(*row as usize) * targets[*row as usize]).sum();
    let mean = if all > 0.0 { sum / all } else { 0.0 };
    // Gradients are taken around the mean, so that large targets keep their digits.
    let gradients: Vec<[f64; 2]> =
        targets.iter().enumerate().map(|(row, target)| [weight(row) * (mean - target), weight(row)]).collect();
    let impurity: f64 = rows.iter().map(|row| weight(*row as usize) * libm::pow(targets[*row as usize] - mean, 2.0)).sum();
    let scale = Scale::new(&gradients);
    let words: Vec<_> = gradients.iter().map(|gradient| scale.word(*gradient)).collect();
    let limits = Limits {
        min_rows: options.min_rows.max(1),
        min_curvature: 1e-300,
        min_gain: impurity * 1e-12,
        l2: 0.0,
        is_boosting: false,
    };
    let growth = Growth { max_leaves: options.max_leaves, max_depth: options.max_depth, limits, split_features, seed };
    let features: Vec<usize> = (0..binning.features()).collect();
    let mut grown = grow(binned, binning.cuts.len(), &features, rows, (scale, &words), growth, control)?;
    // A leaf has a mean of targets, which rounding must not take beyond them: a share is not below 0.
    let (least, most) =
        targets.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), target| (least.min(*target), most.max(*target)));
    let mut leaf_weights = vec![0.0; grown.tree.left.len()];
    for leaf in &grown.leaves {
        let total = exact(&gradients, &grown.rows[leaf.first..leaf.last]);
        let value = if total.curvature > 0.0 { mean - total.gradient / total.curvature } else { mean };
        grown.tree.value[leaf.node] = value.max(least).min(most);
        leaf_weights[leaf.node] = total.curvature;
    }
    grown.tree.fill_means_by(leaf_weights);
    if options.ccp_alpha > 0.0 {
        grown.tree.prune(options.ccp_alpha * impurity);
    }
    grown.tree.fill_means();
    Ok(grown.tree)
}
