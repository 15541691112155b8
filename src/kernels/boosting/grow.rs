//! Grows one tree best first: it always splits the leaf with the highest gain.

use super::bins::Binned;
use super::histogram::{Scale, Sums, Total, Word, add, build, subtract};
use super::split::{Limits, Search, Split, Test};
use super::tree::Tree;
use crate::kernels::control::{Control, Reserved, Stop};
use crate::kernels::random::Random;

/// Maximum memory, in bytes, for the sums of leaves that may still be split; other sums are recomputed when needed.
const KEPT: usize = 256 << 20;
/// Rows per worker, so that threads do not slow down small nodes.
const PARALLEL_ROWS: usize = 50_000;

/// How a tree grows.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    pub max_leaves: usize,
    /// Maximum number of tests from the root to a leaf; 0 for no limit.
    pub max_depth: usize,
    pub limits: Limits,
    /// Number of features that each split chooses from; 0 for all.
    pub split_features: usize,
    pub seed: u64,
}

/// The rows of a leaf: the range `first..last` of [`Grown::rows`].
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub node: usize,
    pub first: usize,
    pub last: usize,
}

/// A grown tree whose leaves have no values yet.
pub struct Grown {
    pub tree: Tree,
    /// Row numbers, grouped by leaf.
    pub rows: Vec<u32>,
    pub leaves: Vec<Part>,
}

struct Open {
    part: Part,
    depth: usize,
    total: Word,
    sums: Option<Vec<Sums>>,
    best: Option<Split>,
}

struct Grower<'a> {
    binned: &'a Binned,
    numbers: usize,
    features: &'a [usize],
    words: &'a [Word],
    scale: Scale,
    growth: Growth,
    control: Control<'a>,
}

/// Grows a tree on `rows` that may test `features`. Features below `numbers` are numeric, the others categorical. `words` has one
/// entry per row of `binned`, not only for `rows`.
pub fn grow(
    binned: &Binned,
    numbers: usize,
    features: &[usize],
    rows: Vec<u32>,
    (scale, words): (Scale, &[Word]),
    growth: Growth,
    control: Control<'_>,
) -> Result<Grown, Stop> {
    let one = size_of::<Sums>() * binned.features.max(1);
    let workers = control.workers.clamp(1, rows.len() / PARALLEL_ROWS + 1);
    let reserved = control.reserve(rows.len() * 4 + one * (workers + 2))?;
    let grower = Grower { binned, numbers, features, words, scale, growth, control };
    grower.grow(rows, one, reserved)
}

impl Grower<'_> {
    fn grow(&self, mut rows: Vec<u32>, one: usize, mut reserved: Reserved<'_>) -> Result<Grown, Stop> {
        let most_kept = (KEPT / one).max(2);
        let mut tree = Tree::default();
        let mut total = [0; 2];
        rows.iter().for_each(|row| add(&mut total, self.words[*row as usize]));
        tree.push(self.rows(total));
        let part = Part { node: 0, first: 0, last: rows.len() };
        let sums = self.build(&rows)?;
        let mut open = vec![self.open(part, 0, total, Some(sums))?];
        let (mut kept, mut other) = (1, Vec::with_capacity(rows.len()));
        reserved.grow(rows.len() * 4)?;
        while open.len() < self.growth.max_leaves {
            self.control.check()?;
            let gain = |open: &Open| open.best.as_ref().map(|best| best.gain);
            let better = |best: usize, next: usize| if gain(&open[next]) > gain(&open[best]) { next } else { best };
            let Some(place) = (0..open.len()).filter(|place| open[*place].best.is_some()).reduce(better) else { break };
            let Some(split) = open[place].best.take() else { break };
            let Open { part, depth, total, sums, .. } = &mut open[place];
            let (part, depth, mut right, sums) = (*part, *depth, *total, sums.take());
            kept -= usize::from(sums.is_some());
            subtract(&mut right, split.left);
            let middle = part.first + self.divide(&mut rows[part.first..part.last], &split, &mut other);
            let (left_rows, right_rows) = (self.rows(split.left), self.rows(right));
            let (one_node, other_node) = tree.split(part.node, split.feature, self.numbers, &split.test, split.gain);
            tree.rows[one_node] = left_rows;
            tree.rows[other_node] = right_rows;
            let parts = [
                (Part { node: one_node, first: part.first, last: middle }, split.left),
                (Part { node: other_node, first: middle, last: part.last }, right),
            ];
            let is_last = open.len() + 1 == self.growth.max_leaves;
            let can_split = |part: Part| {
                !is_last
                    && (part.last - part.first) as u64 >= 2 * self.growth.limits.min_rows.max(1)
                    && (self.growth.max_depth == 0 || depth + 1 < self.growth.max_depth)
            };
            // Sum only the smaller child row by row: the sums of the larger one are those of the parent minus those of the smaller.
            let smaller = usize::from(middle - part.first > part.last - middle);
            let mut made = [None, None];
            if can_split(parts[0].0) || can_split(parts[1].0) {
                let small = self.build(&rows[parts[smaller].0.first..parts[smaller].0.last])?;
                if can_split(parts[1 - smaller].0) {
                    made[1 - smaller] = Some(match sums {
                        Some(mut sums) => {
                            sums.iter_mut().flatten().zip(small.iter().flatten()).for_each(|(from, word)| subtract(from, *word));
                            sums
                        }
                        None => self.build(&rows[parts[1 - smaller].0.first..parts[1 - smaller].0.last])?,
                    });
                }
                made[smaller] = Some(small);
            }
            let mut children = vec![];
            for ((part, total), sums) in parts.into_iter().zip(made) {
                let mut child = self.open(part, depth + 1, total, sums.filter(|_| can_split(part)))?;
                if child.best.is_none() || kept >= most_kept {
                    child.sums = None;
                }
                if child.sums.is_some() {
                    kept += 1;
                    reserved.at_least(rows.len() * 8 + one * (kept + 2 + self.control.workers))?;
                }
                children.push(child);
            }
            open.splice(place..=place, children);
        }
        Ok(Grown { tree, leaves: open.iter().map(|open| open.part).collect(), rows })
    }

    fn rows(&self, word: Word) -> u64 {
        self.scale.total(word).rows
    }

    fn build(&self, rows: &[u32]) -> Result<Vec<Sums>, Stop> {
        let workers = self.control.workers.clamp(1, rows.len() / PARALLEL_ROWS + 1);
        build(self.binned, rows, self.words, Control { workers, ..self.control })
    }

    fn open(&self, part: Part, depth: usize, total: Word, sums: Option<Vec<Sums>>) -> Result<Open, Stop> {
        self.control.check()?;
        let Some(sums) = sums else { return Ok(Open { part, depth, total, sums: None, best: None }) };
        let mut search = Search { scale: self.scale, limits: self.growth.limits, parent: total, best: None };
        let choose = self.growth.split_features;
        let mut features = self.features.to_vec();
        let is_drawn = choose > 0 && choose < features.len();
        if is_drawn {
            let mut random = Random::new(self.growth.seed, &[part.node as u64]);
            for place in 0..features.len() {
                let other = place + random.below((features.len() - place) as u64) as usize;
                features.swap(place, other);
            }
            features[..choose].sort_unstable();
        }
        for (place, feature) in features.into_iter().enumerate() {
            // If none of the drawn features can split the node, try others until one can.
            if is_drawn && place >= choose && search.best.is_some() {
                break;
            }
            if feature < self.numbers {
                search.number(feature, &sums[feature]);
            } else {
                search.levels(feature, &sums[feature]);
            }
        }
        Ok(Open { part, depth, total, sums: Some(sums), best: search.best })
    }

    /// Stable partition: moves the rows that go left to the front, and returns their number.
    fn divide(&self, rows: &mut [u32], split: &Split, other: &mut Vec<u32>) -> usize {
        let table: [bool; 256] = std::array::from_fn(|bin| split.test.is_left(bin as u8));
        other.clear();
        other.resize(rows.len(), 0);
        let (mut left, mut right) = (0, 0);
        for at in 0..rows.len() {
            let row = rows[at];
            let bin = self.binned.bins[row as usize * self.binned.features + split.feature];
            let is_left = usize::from(table[usize::from(bin)]);
            rows[left] = row;
            other[right] = row;
            left += is_left;
            right += 1 - is_left;
        }
        rows[left..].copy_from_slice(&other[..right]);
        left
    }
}

impl Test {
    pub fn is_left(&self, bin: u8) -> bool {
        match self {
            Self::AtMost { bin: most, missing_left } => {
                if bin == super::bins::MISSING {
                    *missing_left
                } else {
                    bin <= *most
                }
            }
            Self::OneOf(set) => (set[usize::from(bin / 64)] >> (bin % 64)) & 1 == 1,
        }
    }
}

/// The sums that determine a leaf's value, as doubles rather than in fixed point, added in the order of the rows.
pub fn exact(gradients: &[[f64; 2]], rows: &[u32]) -> Total {
    let mut total = Total { gradient: 0.0, curvature: 0.0, rows: rows.len() as u64 };
    for row in rows {
        let [gradient, curvature] = gradients[*row as usize];
        total.gradient += gradient;
        total.curvature += curvature;
    }
    total
}
