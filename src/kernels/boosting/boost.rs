//! Gradient boosting: each tree corrects the errors of those before it.

use super::bins::{Binned, Binning};
use super::grow::{Growth, exact, grow};
use super::histogram::{Scale, Word};
use super::split::Limits;
use super::tree::Tree;
use super::{Ensemble, Loss};
use crate::kernels::control::{Control, Stop};
use crate::kernels::random::Random;

/// Rows per chunk, between two checks for cancellation.
const CHUNK: usize = 16_384;

#[derive(Debug, Clone, Copy)]
pub struct BoostOptions {
    pub loss: Loss,
    pub iterations: usize,
    pub learning_rate: f64,
    pub max_leaves: usize,
    /// 0 for no limit.
    pub max_depth: usize,
    pub min_rows: u64,
    pub min_curvature: f64,
    pub min_gain: f64,
    pub l2: f64,
    /// The share of rows that each tree is grown on.
    pub subsample: f64,
    /// The share of features that each tree may test.
    pub feature_fraction: f64,
    /// Early stopping: number of trees without a lower validation loss after which boosting ends; 0 for no early stopping.
    pub patience: usize,
    pub seed: u64,
}

impl Default for BoostOptions {
    fn default() -> Self {
        Self {
            loss: Loss::Logistic,
            iterations: 100,
            learning_rate: 0.1,
            max_leaves: 31,
            max_depth: 0,
            min_rows: 20,
            min_curvature: 1e-3,
            min_gain: 0.0,
            l2: 0.0,
            subsample: 1.0,
            feature_fraction: 1.0,
            patience: 0,
            seed: 0,
        }
    }
}

/// Rows for early stopping, which the model does not learn from. They use the same binning.
#[derive(Debug, Clone, Copy)]
pub struct Validation<'a> {
    pub binned: &'a Binned,
    pub targets: &'a [f64],
    pub weights: Option<&'a [f64]>,
}

/// The result of boosting.
#[derive(Debug, Clone)]
pub struct Boosted {
    pub model: Ensemble,
    /// The mean loss of the training rows and of the validation rows after each tree, including trees dropped by early stopping.
    pub losses: Vec<(f64, Option<f64>)>,
}

/// Boosts trees on the rows. Targets are finite, weights 0 or more.
pub fn boost(
    binning: Binning,
    binned: &Binned,
    targets: &[f64],
    weights: Option<&[f64]>,
    validation: Option<Validation<'_>>,
    options: &BoostOptions,
    control: Control<'_>,
) -> Result<Boosted, Stop> {
    let rows = targets.len();
    u32::try_from(rows).map_err(|_| Stop::TooLarge)?;
    let _reserved = control.reserve(rows * (8 + 16 + 16 + 4) + validation.map_or(0, |given| given.targets.len() * 8))?;
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let all: f64 = (0..rows).map(weight).sum();
    let mean = if all > 0.0 { (0..rows).map(|row| weight(row) * targets[row]).sum::<f64>() / all } else { 0.0 };
    let base = options.loss.score(mean);
    let mut scores = vec![base; rows];
    let mut held = vec![base; validation.map_or(0, |given| given.targets.len())];
    let (mut trees, mut losses): (Vec<Tree>, Vec<_>) = (vec![], vec![]);
    let (mut best, mut gradients, mut words) = ((f64::INFINITY, 0), vec![[0.0; 2]; rows], vec![[0; 2]; rows]);
    let (numbers, features) = (binning.cuts.len(), binning.features());
    let limits = Limits {
        min_rows: options.min_rows.max(1),
        min_curvature: options.min_curvature.max(1e-300),
        min_gain: options.min_gain.max(0.0),
        l2: options.l2,
        is_boosting: true,
    };
    for iteration in 0..options.iterations {
        // The loss before this tree, which is the loss after the previous one.
        let before = prepare(options.loss, &scores, targets, weights, &mut gradients, control)?;
        if let Some((last, _)) = losses.last_mut() {
            *last = before;
        }
        let scale = Scale::new(&gradients);
        let seed = Random::new(options.seed, &[iteration as u64]).next();
        let chosen = choose(features, options.feature_fraction, seed);
        let sample = sample(rows, options.subsample, seed);
        to_words(scale, &gradients, &mut words, control)?;
        let growth = Growth { max_leaves: options.max_leaves, max_depth: options.max_depth, limits, split_features: 0, seed };
        let is_sampled = sample.len() < rows;
        let mut grown = grow(binned, numbers, &chosen, sample, (scale, &words), growth, control)?;
        // If no split was found on all rows and features, no later tree would find one either.
        if grown.leaves.len() == 1 && !is_sampled && chosen.len() == features {
            break;
        }
        for leaf in &grown.leaves {
            let rows = &grown.rows[leaf.first..leaf.last];
            let total = exact(&gradients, rows);
            let curvature = total.curvature + options.l2;
            let value = if curvature > 0.0 { -total.gradient / curvature * options.learning_rate } else { 0.0 };
            grown.tree.value[leaf.node] = value;
            if !is_sampled {
                rows.iter().for_each(|row| scores[*row as usize] += value);
            }
        }
        let mut tree = grown.tree;
        tree.fill_means();
        control.check()?;
        if is_sampled {
            scores.iter_mut().enumerate().for_each(|(row, score)| *score += tree.predict(binned.row(row)));
        }
        if let Some(given) = validation {
            held.iter_mut().enumerate().for_each(|(row, score)| *score += tree.predict(given.binned.row(row)));
        }
        trees.push(tree);
        let of_held = validation.map(|given| mean_loss(options.loss, &held, given.targets, given.weights));
        losses.push((f64::NAN, of_held));
        if let Some(of_held) = of_held {
            if of_held < best.0 {
                best = (of_held, trees.len());
            }
            if options.patience > 0 && trees.len() >= best.1 + options.patience {
                break;
            }
        }
    }
    if let Some((last, _)) = losses.last_mut() {
        *last = mean_loss(options.loss, &scores, targets, weights);
    }
    if options.patience > 0 && validation.is_some() && best.1 > 0 {
        trees.truncate(best.1);
    }
    Ok(Boosted { model: Ensemble { loss: options.loss, binning, base, trees }, losses })
}

/// The mean loss of rows.
fn mean_loss(loss: Loss, scores: &[f64], targets: &[f64], weights: Option<&[f64]>) -> f64 {
    let (mut sum, mut all) = (0.0, 0.0);
    for (row, (score, target)) in scores.iter().zip(targets).enumerate() {
        let weight = weights.map_or(1.0, |weights| weights[row]);
        sum += weight * loss.of(*score, *target);
        all += weight;
    }
    sum / all
}

/// Computes the gradients of all rows; returns their mean loss.
fn prepare(
    loss: Loss,
    scores: &[f64],
    targets: &[f64],
    weights: Option<&[f64]>,
    gradients: &mut [[f64; 2]],
    control: Control<'_>,
) -> Result<f64, Stop> {
    let (mut sum, mut all) = (0.0, 0.0);
    for (chunk, gradients) in gradients.chunks_mut(CHUNK).enumerate() {
        control.check()?;
        // Multiply probabilities and take one logarithm for many rows, before the product can underflow.
        let mut product = 1.0;
        for (row, gradient) in (chunk * CHUNK..).zip(gradients) {
            let (score, target) = (scores[row], targets[row]);
            let weight = weights.map_or(1.0, |weights| weights[row]);
            *gradient = loss.gradient(score, target, weight);
            all += weight;
            let probability = 1.0 - gradient[0].abs();
            if loss == Loss::Logistic && weight == 1.0 && probability > 1e-3 {
                product *= probability;
                if product < 1e-200 {
                    sum -= libm::log(product);
                    product = 1.0;
                }
            } else {
                sum += weight * loss.of(score, target);
            }
        }
        sum -= libm::log(product);
    }
    Ok(sum / all)
}

fn to_words(scale: Scale, gradients: &[[f64; 2]], words: &mut [Word], control: Control<'_>) -> Result<(), Stop> {
    for (words, gradients) in words.chunks_mut(CHUNK).zip(gradients.chunks(CHUNK)) {
        control.check()?;
        words.iter_mut().zip(gradients).for_each(|(word, gradient)| *word = scale.word(*gradient));
    }
    Ok(())
}

/// Draws a share of the features, at least one; returns them in ascending order.
fn choose(features: usize, share: f64, seed: u64) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..features).collect();
    let count = (libm::ceil(features as f64 * share) as usize).clamp(1, features.max(1));
    if count < features {
        let mut random = Random::new(seed, &[1]);
        for place in 0..count {
            let other = place + random.below((features - place) as u64) as usize;
            chosen.swap(place, other);
        }
        chosen.truncate(count);
        chosen.sort_unstable();
    }
    chosen
}

/// Draws a share of the rows; returns them in ascending order.
fn sample(rows: usize, share: f64, seed: u64) -> Vec<u32> {
    let mut random = Random::new(seed, &[2]);
    let bound = (share * 4_294_967_296.0) as u64;
    (0..rows as u32).filter(|_| share >= 1.0 || random.below(1 << 32) < bound).collect()
}
