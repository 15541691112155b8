//! A tree over bins, as flat arrays.

use serde::{Deserialize, Serialize};

use super::bins::MISSING;
use super::split::Test;

/// A tree, with one entry per node. The first node is the root, and a right child directly follows the left one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    pub feature: Vec<u32>,
    /// For a numeric feature, the last bin that goes left; for a categorical one, the index into `sets`.
    pub cut: Vec<u32>,
    /// 0: numeric, missing values go right; 1: numeric, missing values go left; 2: categorical.
    pub kind: Vec<u8>,
    /// The left child; 0 for a leaf.
    pub left: Vec<u32>,
    /// The value of a leaf; for an inner node, the mean of its leaves.
    pub value: Vec<f64>,
    /// Number of training rows.
    pub rows: Vec<u64>,
    /// The gain of the split; 0 for a leaf.
    pub gain: Vec<f64>,
    /// For splits of categorical features, the bins that go left.
    pub sets: Vec<[u64; 4]>,
}

impl Tree {
    /// Adds a leaf and returns its node.
    pub fn push(&mut self, rows: u64) -> usize {
        self.feature.push(0);
        self.cut.push(0);
        self.kind.push(0);
        self.left.push(0);
        self.value.push(0.0);
        self.rows.push(rows);
        self.gain.push(0.0);
        self.left.len() - 1
    }

    /// Splits a leaf and returns its two children.
    pub fn split(&mut self, node: usize, feature: usize, numbers: usize, test: &Test, gain: f64) -> (usize, usize) {
        debug_assert_eq!(feature < numbers, matches!(test, Test::AtMost { .. }));
        self.feature[node] = feature as u32;
        self.gain[node] = gain;
        match test {
            Test::AtMost { bin, missing_left } => {
                self.cut[node] = u32::from(*bin);
                self.kind[node] = u8::from(*missing_left);
            }
            Test::OneOf(set) => {
                self.cut[node] = self.sets.len() as u32;
                self.kind[node] = 2;
                self.sets.push(*set);
            }
        }
        let (left, right) = (self.push(0), self.push(0));
        self.left[node] = left as u32;
        (left, right)
    }

    pub fn is_leaf(&self, node: usize) -> bool {
        self.left[node] == 0
    }

    pub fn leaves(&self) -> usize {
        self.left.iter().filter(|left| **left == 0).count()
    }

    /// True if a row with this bin goes left. Adding 1 wraps the missing bin, 255, to 0, which is left of every cut.
    pub fn is_left(&self, node: usize, bin: u8) -> bool {
        match self.kind[node] {
            2 => (self.sets[self.cut[node] as usize][usize::from(bin / 64)] >> (bin % 64)) & 1 == 1,
            missing_left => bin.wrapping_add(missing_left) <= (self.cut[node] as u8).wrapping_add(missing_left),
        }
    }

    /// The child that a row goes to.
    pub fn next(&self, node: usize, row: &[u8]) -> usize {
        let bin = row[self.feature[node] as usize];
        self.left[node] as usize + usize::from(!self.is_left(node, bin))
    }

    pub fn leaf(&self, row: &[u8]) -> usize {
        let mut node = 0;
        while !self.is_leaf(node) {
            node = self.next(node, row);
        }
        node
    }

    pub fn predict(&self, row: &[u8]) -> f64 {
        self.value[self.leaf(row)]
    }

    /// Sets the value of inner nodes to the mean of their leaves, weighted by rows.
    pub fn fill_means(&mut self) {
        self.fill_means_by(self.rows.iter().map(|rows| *rows as f64).collect());
    }

    /// Sets the value of inner nodes to the mean of their leaves, with the given weights of leaves.
    pub fn fill_means_by(&mut self, mut weights: Vec<f64>) {
        for node in (0..self.left.len()).rev().filter(|node| self.left[*node] != 0).collect::<Vec<_>>() {
            let left = self.left[node] as usize;
            let (one, other) = (weights[left], weights[left + 1]);
            weights[node] = one + other;
            self.value[node] = (self.value[left] * one + self.value[left + 1] * other) / (one + other);
        }
    }

    /// Replaces each subtree that gains at most `price` per additional leaf by a leaf (minimal cost-complexity pruning).
    pub fn prune(&mut self, price: f64) {
        let nodes = self.left.len();
        let (mut gains, mut leaves) = (vec![0.0; nodes], vec![1_usize; nodes]);
        for node in (0..nodes).rev().filter(|node| self.left[*node] != 0).collect::<Vec<_>>() {
            let left = self.left[node] as usize;
            gains[node] = self.gain[node] + gains[left] + gains[left + 1];
            leaves[node] = leaves[left] + leaves[left + 1];
            if gains[node] <= price * (leaves[node] - 1) as f64 {
                (gains[node], leaves[node], self.left[node]) = (0.0, 1, 0);
            }
        }
        let (mut kept, mut queue) = (Self::default(), std::collections::VecDeque::from([(0, 0)]));
        kept.push(self.rows.first().copied().unwrap_or(0));
        while let Some((node, place)) = queue.pop_front() {
            kept.value[place] = self.value[node];
            kept.rows[place] = self.rows[node];
            if self.left[node] == 0 {
                continue;
            }
            (kept.feature[place], kept.kind[place], kept.gain[place]) = (self.feature[node], self.kind[node], self.gain[node]);
            kept.cut[place] = self.cut[node];
            if self.kind[node] == 2 {
                kept.cut[place] = kept.sets.len() as u32;
                kept.sets.push(self.sets[self.cut[node] as usize]);
            }
            let (left, right) = (kept.push(0), kept.push(0));
            kept.left[place] = left as u32;
            queue.extend([(self.left[node] as usize, left), (self.left[node] as usize + 1, right)]);
        }
        *self = kept;
    }

    /// True if the arrays are consistent with each other and with the features.
    pub fn is_whole(&self, numbers: usize, features: usize) -> bool {
        let nodes = self.left.len();
        let lengths = [self.feature.len(), self.cut.len(), self.kind.len(), self.value.len(), self.rows.len(), self.gain.len()];
        nodes > 0
            && lengths.iter().all(|length| *length == nodes)
            && (0..nodes).all(|node| {
                let (feature, left) = (self.feature[node] as usize, self.left[node] as usize);
                let is_category = feature >= numbers;
                left == 0
                    || (left > node
                        && left + 1 < nodes
                        && feature < features
                        && self.rows[node] > 0
                        && match self.kind[node] {
                            0 | 1 => !is_category && self.cut[node] < u32::from(MISSING),
                            2 => is_category && (self.cut[node] as usize) < self.sets.len(),
                            _ => false,
                        })
            })
    }
}
