//! Turns the leaves of a tree into rules.

use std::collections::BTreeMap;

use super::numbers::Cut;
use super::{Test, Tree};

/// A condition on one feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub feature: usize,
    pub range: Range,
    /// True if rows without the number satisfy the condition too; always false if no training row lacked it.
    pub or_missing: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Range {
    /// Left of the cut.
    AtMost(Cut),
    /// Right of the cut.
    Above(Cut),
    /// Right of the first, left of the second.
    Between(Cut, Cut),
    Missing,
    NotMissing,
    OneOf(Vec<u32>),
    NoneOf(Vec<u32>),
}

/// A leaf as a rule: most rows that satisfy all its conditions are of this class.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    pub node: usize,
    /// Ordered by feature, with at most one condition per feature.
    pub conditions: Vec<Condition>,
    pub class: u32,
    /// Number of training rows in the leaf.
    pub rows: u64,
    /// Number of these rows that are of the class.
    pub hits: u64,
    /// Share of the leaf's rows that are of the class.
    pub purity: f64,
    /// Share of all rows that are in the leaf.
    pub coverage: f64,
    /// Share of the class's rows that are in the leaf.
    pub recall: f64,
}

/// The conditions on each feature, collected on the way to a node.
#[derive(Debug, Clone, Default)]
struct Path {
    numeric: BTreeMap<usize, Interval>,
    categorical: BTreeMap<usize, Codes>,
}

#[derive(Debug, Clone)]
struct Interval {
    above: Option<Cut>,
    at_most: Option<Cut>,
    or_missing: bool,
}

#[derive(Debug, Clone, Default)]
struct Codes {
    one_of: Option<Vec<u32>>,
    none_of: Vec<u32>,
}

/// The leaves with rows, ordered by class, and within a class by descending number of hits.
pub fn leaves(tree: &Tree) -> Vec<Leaf> {
    let mut leaves = vec![];
    let mut paths = vec![(0, Path::default())];
    while let Some((node, path)) = paths.pop() {
        match &tree.nodes[node].split {
            Some((test, left, right)) => {
                paths.push((*right, path.step(test, false)));
                paths.push((*left, path.step(test, true)));
            }
            None => leaves.push(leaf(tree, node, path)),
        }
    }
    leaves.retain(|leaf| leaf.rows > 0);
    leaves.sort_by_key(|leaf| (leaf.class, std::cmp::Reverse(leaf.hits), leaf.node));
    leaves
}

fn leaf(tree: &Tree, node: usize, path: Path) -> Leaf {
    let (root, own) = (&tree.nodes[0], &tree.nodes[node]);
    let class = own.class();
    let (rows, hits) = (own.rows(), own.counts[class as usize]);
    let share = |part: u64, all: u64| part as f64 / all as f64;
    Leaf {
        node,
        conditions: path.conditions(tree),
        class,
        rows,
        hits,
        purity: share(hits, rows),
        coverage: share(rows, root.rows()),
        recall: share(hits, root.counts[class as usize]),
    }
}

impl Path {
    fn step(&self, test: &Test, is_left: bool) -> Self {
        let mut path = self.clone();
        match test {
            Test::AtMost { feature, cut, or_missing } => {
                let all = Interval { above: None, at_most: None, or_missing: true };
                let interval = path.numeric.entry(*feature).or_insert(all);
                // A test further down only sees values that the earlier tests let through, so its cut is always tighter.
                if !is_left {
                    interval.above = Some(*cut);
                } else if *cut != Cut::ALL {
                    interval.at_most = Some(*cut);
                }
                interval.or_missing &= *or_missing == is_left;
            }
            Test::OneOf { feature, codes: tested } => {
                let codes = path.categorical.entry(*feature).or_default();
                match &mut codes.one_of {
                    Some(one_of) => one_of.retain(|code| tested.contains(code) == is_left),
                    None if is_left => {
                        codes.one_of = Some(tested.iter().filter(|code| !codes.none_of.contains(code)).copied().collect())
                    }
                    None => codes.none_of.extend(tested),
                }
            }
        }
        path
    }

    fn conditions(self, tree: &Tree) -> Vec<Condition> {
        let numeric = self.numeric.into_iter().map(|(feature, interval)| {
            let range = interval.range();
            let or_missing = interval.or_missing && tree.has_missing[feature] && range != Range::Missing;
            Condition { feature, range, or_missing }
        });
        let categorical = self.categorical.into_iter().map(|(feature, codes)| {
            let range = codes.range(&tree.codes[feature - tree.has_missing.len()]);
            Condition { feature, range, or_missing: false }
        });
        numeric.chain(categorical).collect()
    }
}

impl Codes {
    /// The codes as a list of included or of excluded codes, whichever is shorter.
    fn range(mut self, all: &[u32]) -> Range {
        let others = || all.iter().filter(|code| !self.none_of.contains(code)).copied();
        match self.one_of {
            Some(one_of) => Range::OneOf(one_of),
            None if others().count() < self.none_of.len() => Range::OneOf(others().collect()),
            None => {
                self.none_of.sort_unstable();
                Range::NoneOf(self.none_of)
            }
        }
    }
}

impl Interval {
    fn range(&self) -> Range {
        match (self.above, self.at_most) {
            (Some(Cut::ALL), _) => Range::Missing,
            (None, None) => Range::NotMissing,
            (None, Some(at_most)) => Range::AtMost(at_most),
            (Some(above), None) => Range::Above(above),
            (Some(above), Some(at_most)) => Range::Between(above, at_most),
        }
    }
}
