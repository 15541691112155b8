//! A sum of trees: the result of boosting, forests and single trees.

use serde::{Deserialize, Serialize};

use super::bins::{Binned, Binning};
use super::tree::Tree;
use super::{Loss, shap};
use crate::kernels::control::{Control, Stop};

/// Rows per job when rows are scored.
const CHUNK: usize = 512;

/// A tree model. The score of a row is `base` plus the value of each tree; [`Loss::mean`] turns a score into a prediction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    pub loss: Loss,
    pub binning: Binning,
    pub base: f64,
    pub trees: Vec<Tree>,
}

/// The contributions to a score. Numeric features come first, then categorical ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The mean score of the training rows, weighted by the row counts of the trees.
    pub base: f64,
    /// The contribution of each feature.
    pub added: Vec<f64>,
}

impl Ensemble {
    /// The score of each row: log-odds or the log of a rate with a logistic or Poisson loss, otherwise a probability or a number.
    pub fn scores(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>], rows: usize, control: Control<'_>) -> Result<Vec<f64>, Stop> {
        let features = self.binning.features();
        if features == 0 {
            return Ok(vec![self.base + self.trees.iter().filter_map(|tree| tree.value.first()).sum::<f64>(); rows]);
        }
        let (binning, flat) = self.flatten();
        let padded = binning.padded();
        let _reserved = control.reserve(rows * 16)?;
        let made = control.share(
            rows.div_ceil(CHUNK),
            || (vec![], vec![0; CHUNK * features]),
            |(made, bins), chunk| {
                let first = chunk * CHUNK;
                let count = CHUNK.min(rows - first);
                let bins = &mut bins[..count * features];
                binning.chunk(&padded, numbers, codes, first, bins);
                let mut scores = vec![self.base; count];
                for (tree, flat) in self.trees.iter().zip(&flat) {
                    if tree.sets.is_empty() {
                        add::<false>(tree, flat, features, bins, &mut scores);
                    } else {
                        add::<true>(tree, flat, features, bins, &mut scores);
                    }
                }
                made.push((chunk, scores));
                Ok(())
            },
        )?;
        let mut made: Vec<_> = made.into_iter().flat_map(|(made, _)| made).collect();
        made.sort_unstable_by_key(|(chunk, _)| *chunk);
        Ok(made.into_iter().flat_map(|(_, scores)| scores).collect())
    }

    /// The trees in a compact form, and a binning reduced to the cuts that some tree uses, which is faster to search.
    fn flatten(&self) -> (Binning, Vec<Vec<Flat>>) {
        let mut used: Vec<Vec<bool>> = self.binning.cuts.iter().map(|cuts| vec![false; cuts.len()]).collect();
        for tree in &self.trees {
            for node in (0..tree.left.len()).filter(|node| !tree.is_leaf(*node) && tree.kind[*node] < 2) {
                if let Some(used) = used[tree.feature[node] as usize].get_mut(tree.cut[node] as usize) {
                    *used = true;
                }
            }
        }
        let places: Vec<Vec<u8>> = used
            .iter()
            .map(|used| {
                let mut place = 0;
                let mut places = vec![];
                for is_used in used {
                    places.push(place);
                    place += u8::from(*is_used);
                }
                // The bin after the last cut: a split there sends all numbers left.
                places.push(place);
                places
            })
            .collect();
        let keep = |(cuts, used): (&Vec<f64>, &Vec<bool>)| {
            cuts.iter().zip(used).filter_map(|(cut, is_used)| is_used.then_some(*cut)).collect()
        };
        let cuts = self.binning.cuts.iter().zip(&used).map(keep).collect();
        let place = |tree: &Tree, node: usize| {
            let places = &places[tree.feature[node] as usize];
            places[(tree.cut[node] as usize).min(places.len() - 1)]
        };
        let flat = self.trees.iter().map(|tree| flatten(tree, &place)).collect();
        (Binning { cuts, levels: self.binning.levels.clone() }, flat)
    }

    /// Explains scores by path-dependent TreeSHAP: the base plus the contributions of the features is the score.
    pub fn explain(
        &self,
        numbers: &[Vec<f64>],
        codes: &[Vec<u32>],
        rows: usize,
        control: Control<'_>,
    ) -> Result<Vec<Explanation>, Stop> {
        let binned = self.binning.apply(numbers, codes, rows, control)?;
        let _reserved = control.reserve(rows * 8 * (binned.features + 4))?;
        let made = control.share(rows, Vec::new, |made, row| {
            made.push((row, self.explain_row(&binned, row)));
            Ok(())
        })?;
        let mut made: Vec<_> = made.into_iter().flatten().collect();
        made.sort_unstable_by_key(|(row, _)| *row);
        Ok(made.into_iter().map(|(_, explanation)| explanation).collect())
    }

    fn explain_row(&self, binned: &Binned, row: usize) -> Explanation {
        let mut added = vec![0.0; binned.features];
        self.trees.iter().for_each(|tree| shap::add(tree, binned.row(row), &mut added));
        Explanation { base: self.base + self.trees.iter().filter_map(|tree| tree.value.first()).sum::<f64>(), added }
    }

    /// For each feature, the total gain of its splits and their number.
    pub fn gains(&self) -> Vec<(f64, u64)> {
        let mut gains = vec![(0.0, 0); self.binning.features()];
        for tree in &self.trees {
            for node in (0..tree.left.len()).filter(|node| !tree.is_leaf(*node)) {
                let (gain, splits) = &mut gains[tree.feature[node] as usize];
                *gain += tree.gain[node];
                *splits += 1;
            }
        }
        gains
    }

    /// True if the model is for this many numeric and categorical features and is consistent in itself.
    pub fn is_whole(&self, numbers: usize, categories: usize) -> bool {
        self.binning.cuts.len() == numbers
            && self.binning.levels.len() == categories
            && self.binning.cuts.iter().all(|cuts| cuts.len() < 255)
            && self.trees.iter().all(|tree| tree.is_whole(numbers, numbers + categories))
    }
}

/// A node in 16 bytes, so that a step of a walk touches one cache line.
#[derive(Clone, Copy)]
struct Flat {
    feature: u32,
    /// The left child; a leaf points to itself, so that a finished row can keep stepping without a branch.
    left: u32,
    /// 1 if the node has children, 0 for a leaf.
    step: u8,
    /// Same as [`Tree::kind`].
    kind: u8,
    cut: u8,
    set: u32,
}

fn flatten(tree: &Tree, place: &dyn Fn(&Tree, usize) -> u8) -> Vec<Flat> {
    let node = |node: usize| {
        let is_leaf = tree.is_leaf(node);
        let is_set = tree.kind[node] == 2;
        Flat {
            feature: tree.feature[node],
            left: if is_leaf { node as u32 } else { tree.left[node] },
            step: u8::from(!is_leaf),
            kind: tree.kind[node],
            cut: if is_set || is_leaf { 0 } else { place(tree, node) },
            set: if is_set { tree.cut[node] } else { 0 },
        }
    };
    (0..tree.left.len()).map(node).collect()
}

/// Adds a tree's values to the scores of binned rows. Eight rows walk the tree together, so that their memory accesses overlap.
fn add<const HAS_SETS: bool>(tree: &Tree, flat: &[Flat], features: usize, bins: &[u8], scores: &mut [f64]) {
    const LANES: usize = 8;
    let walk = |row: &[u8], at: u32| {
        let node = flat[at as usize];
        let bin = row[node.feature as usize];
        let is_right = if HAS_SETS && node.kind == 2 {
            (tree.sets[node.set as usize][usize::from(bin / 64)] >> (bin % 64)) & 1 == 0
        } else {
            bin.wrapping_add(node.kind) > node.cut.wrapping_add(node.kind)
        };
        (node.left + u32::from(u8::from(is_right) & node.step), node.step)
    };
    for (rows, scores) in bins.chunks(LANES * features).zip(scores.chunks_mut(LANES)) {
        let mut at = [0_u32; LANES];
        if scores.len() == LANES {
            let rows: [&[u8]; LANES] = std::array::from_fn(|lane| &rows[lane * features..][..features]);
            loop {
                let mut moved = 0;
                for lane in 0..LANES {
                    let (next, step) = walk(rows[lane], at[lane]);
                    at[lane] = next;
                    moved |= step;
                }
                if moved == 0 {
                    break;
                }
            }
        } else {
            for (row, at) in rows.chunks(features).zip(&mut at) {
                while let (next, 1) = walk(row, *at) {
                    *at = next;
                }
            }
        }
        scores.iter_mut().zip(at).for_each(|(score, node)| *score += tree.value[node as usize]);
    }
}
