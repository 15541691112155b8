//! A small decision tree that separates classes by features.
//!
//! L. Breiman, J. Friedman, R. Olshen, C. Stone: Classification and Regression Trees (1984), with Gini impurity. The tree grows
//! best first: the next split is always the one that reduces the impurity (weighted by rows) the most. If splits are equally good,
//! the first feature wins, then the lower threshold, so the tree is the same for any order of rows and any number of workers.

mod bins;
mod histogram;
pub mod numbers;
pub mod rules;
mod split;
#[cfg(test)]
mod tests;
pub mod threshold;

use crate::kernels::control::{Control, Stop};
use bins::Bins;
use numbers::{Cut, Numbers};
use split::Found;

/// The features of the rows. Numeric features are numbered first, then categorical ones; either kind may be empty. All have the
/// same number of rows.
#[derive(Debug, Clone, Copy)]
pub struct Features<'a> {
    pub numeric: &'a [Numbers<'a>],
    /// A missing category is a code like any other.
    pub codes: &'a [Vec<u32>],
}

/// When the tree stops growing.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Maximum number of tests from the root to a leaf.
    pub max_depth: usize,
    pub max_leaves: usize,
    /// Minimum number of rows in each leaf, at least 1.
    pub min_leaf: u64,
}

/// The test of a node: rows that satisfy it go left, all others go right.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The number is left of the cut; [`Cut::ALL`] only tests that it is present. With `or_missing`, missing numbers go left too.
    AtMost { feature: usize, cut: Cut, or_missing: bool },
    /// The category is one of these codes, which are ascending.
    OneOf { feature: usize, codes: Vec<u32> },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Number of training rows of each class.
    pub counts: Vec<u64>,
    /// The test, and the left and right child; `None` for a leaf.
    pub split: Option<(Test, usize, usize)>,
}

/// A classification tree; the first node is the root.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    pub nodes: Vec<Node>,
    /// For each numeric feature, whether any training row had a missing value.
    pub has_missing: Vec<bool>,
    /// For each categorical feature, the codes that occur in the training rows, ascending.
    pub codes: Vec<Vec<u32>>,
}

/// A leaf that may still be split.
struct Open {
    node: usize,
    depth: usize,
    rows: Vec<u32>,
    best: Option<Found>,
}

impl Tree {
    /// Grows a tree that separates the classes `0..classes` of `targets`.
    ///
    /// Takes 8 bytes per row, and 2 more per row and numeric feature. Fails if there are more rows than 32 bits can number.
    pub fn grow(
        features: Features<'_>,
        targets: &[u32],
        classes: usize,
        options: &Options,
        control: Control<'_>,
    ) -> Result<Self, Stop> {
        let rows = u32::try_from(targets.len()).map_err(|_| Stop::TooLarge)?;
        let _reserved = control.reserve(targets.len() * (8 + 2 * features.numeric.len()))?;
        let bins = Bins::all(features.numeric, targets.len(), control)?;
        let search = split::Search { features, bins: &bins, targets, classes, min_leaf: options.min_leaf.max(1), control };
        let has_missing = bins.iter().map(|bins| bins.has_missing).collect();
        let mut tree = Self { nodes: vec![], has_missing, codes: features.codes.iter().map(|codes| distinct(codes)).collect() };
        let mut open = vec![tree.open((0..rows).collect(), 0, options, &search)?];
        for _ in 1..options.max_leaves {
            let gain = |open: &Open| open.best.as_ref().map(|found| found.gain);
            let better = |best: usize, next: usize| if gain(&open[next]) > gain(&open[best]) { next } else { best };
            let Some(next) = (0..open.len()).filter(|index| open[*index].best.is_some()).reduce(better) else { break };
            let Open { node, depth, rows, best } = open.remove(next);
            let Some(Found { test, .. }) = best else { break };
            let (left, right): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| test.is_left(features, **row as usize));
            drop(rows);
            let first = tree.nodes.len();
            for rows in [left, right] {
                open.push(tree.open(rows, depth + 1, options, &search)?);
            }
            tree.nodes[node].split = Some((test, first, first + 1));
        }
        Ok(tree)
    }

    /// Adds a leaf and finds its best split.
    fn open(&mut self, rows: Vec<u32>, depth: usize, options: &Options, search: &split::Search<'_>) -> Result<Open, Stop> {
        let mut counts = vec![0; search.classes];
        rows.iter().for_each(|row| counts[search.targets[*row as usize] as usize] += 1);
        let best = if depth < options.max_depth { search.best(&rows, &counts)? } else { None };
        self.nodes.push(Node { counts, split: None });
        Ok(Open { node: self.nodes.len() - 1, depth, rows, best })
    }

    /// The leaf of a row.
    #[cfg(test)]
    pub fn leaf(&self, features: Features<'_>, row: usize) -> usize {
        let mut node = 0;
        while let Some((test, left, right)) = &self.nodes[node].split {
            node = if test.is_left(features, row) { *left } else { *right };
        }
        node
    }

    /// The class of a row: the most frequent one in its leaf.
    #[cfg(test)]
    pub fn predict(&self, features: Features<'_>, row: usize) -> u32 {
        self.nodes[self.leaf(features, row)].class()
    }
}

/// The distinct codes, ascending.
fn distinct(codes: &[u32]) -> Vec<u32> {
    let mut is_there = vec![];
    for code in codes {
        let code = *code as usize;
        if is_there.len() <= code {
            is_there.resize(code + 1, false);
        }
        is_there[code] = true;
    }
    (0..).zip(is_there).filter_map(|(code, is_there)| is_there.then_some(code)).collect()
}

impl Node {
    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The most frequent class; the smallest one wins ties.
    pub fn class(&self) -> u32 {
        split::most_frequent(&self.counts) as u32
    }
}

impl Test {
    fn is_left(&self, features: Features<'_>, row: usize) -> bool {
        match self {
            Self::AtMost { feature, cut, or_missing } => {
                features.numeric[*feature].key(row).map_or(*or_missing, |key| key <= cut.low)
            }
            Self::OneOf { feature, codes } => {
                let code = features.codes[feature - features.numeric.len()][row];
                codes.binary_search(&code).is_ok()
            }
        }
    }
}
