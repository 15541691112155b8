//! Finds the best split of a leaf.

use super::bins::MISSING;
use super::histogram::{Scale, Sums, Total, Word, add, subtract};

/// With up to this many levels, each level is tried against all others.
const ONE_AGAINST_REST: usize = 4;
/// Added to the curvature when levels are sorted, so that rare levels end up in the middle; also the minimum rows of a level.
const LEVEL_SMOOTHING: f64 = 10.0;
/// Additional L2 penalty on splits by sets of levels.
const LEVEL_L2: f64 = 10.0;
/// Maximum number of levels that such a split may send left.
const MAX_LEVELS: usize = 32;

/// Limits that a split and its leaves must satisfy.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub min_rows: u64,
    pub min_curvature: f64,
    pub min_gain: f64,
    pub l2: f64,
    /// True for boosting, which restricts splits by sets of levels further, because they overfit easily.
    pub is_boosting: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Bins up to `bin` go left; missing values go left if `missing_left`.
    AtMost { bin: u8, missing_left: bool },
    /// The bins in this set (a bit mask) go left.
    OneOf([u64; 4]),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    pub feature: usize,
    pub test: Test,
    pub gain: f64,
    /// The sums of the rows that go left.
    pub left: Word,
}

/// Examines one feature after another and keeps the best split.
pub struct Search {
    pub scale: Scale,
    pub limits: Limits,
    pub parent: Word,
    pub best: Option<Split>,
}

impl Search {
    fn score(&self, total: Total, l2: f64) -> f64 {
        if total.curvature + l2 > 0.0 { total.gradient * total.gradient / (total.curvature + l2) } else { 0.0 }
    }

    /// The gain of a split that sends these rows left; `None` if it violates the limits. The additional penalty applies to the
    /// children only, not to the parent.
    fn gain(&self, left: Word, more_l2: f64) -> Option<f64> {
        let mut right = self.parent;
        subtract(&mut right, left);
        let (left, right) = (self.scale.total(left), self.scale.total(right));
        let limits = &self.limits;
        let is_allowed = |total: Total| total.rows >= limits.min_rows && total.curvature >= limits.min_curvature;
        if !is_allowed(left) || !is_allowed(right) {
            return None;
        }
        let parent = self.score(self.scale.total(self.parent), limits.l2);
        let gain = self.score(left, limits.l2 + more_l2) + self.score(right, limits.l2 + more_l2) - parent;
        (gain > limits.min_gain && gain > 1e-12 * parent).then_some(gain)
    }

    fn try_split(&mut self, feature: usize, left: Word, more_l2: f64, test: impl FnOnce() -> Test) {
        if let Some(gain) = self.gain(left, more_l2)
            && self.best.as_ref().is_none_or(|best| gain > best.gain)
        {
            self.best = Some(Split { feature, test: test(), gain, left });
        }
    }

    fn rows(&self, word: Word) -> u64 {
        self.scale.total(word).rows
    }

    pub fn number(&mut self, feature: usize, sums: &Sums) {
        let missing = sums[usize::from(MISSING)];
        let has_missing = self.rows(missing) > 0;
        let all = self.rows(self.parent);
        let mut left = [0; 2];
        for (bin, word) in (0..MISSING).zip(sums) {
            if word[1] == 0 {
                continue;
            }
            add(&mut left, *word);
            let rows = self.rows(left);
            if rows + self.rows(missing) == all && !has_missing {
                break;
            }
            // If the node has no missing values, they go to the side with more rows.
            let missing_left = !has_missing && rows * 2 > all;
            self.try_split(feature, left, 0.0, || Test::AtMost { bin, missing_left });
            if has_missing {
                let mut with = left;
                add(&mut with, missing);
                self.try_split(feature, with, 0.0, || Test::AtMost { bin, missing_left: true });
            }
        }
    }

    pub fn levels(&mut self, feature: usize, sums: &Sums) {
        let there: Vec<usize> = (0..256).filter(|bin| sums[*bin][1] != 0).collect();
        if there.len() <= ONE_AGAINST_REST {
            for bin in there {
                self.try_split(feature, sums[bin], 0.0, || Test::OneOf(set(&[bin])));
            }
            return;
        }
        let (smoothing, l2, most) =
            if self.limits.is_boosting { (LEVEL_SMOOTHING, LEVEL_L2, MAX_LEVELS) } else { (0.0, 0.0, there.len()) };
        let total = |bin: usize| self.scale.total(sums[bin]);
        let mut order: Vec<(f64, usize)> = there
            .into_iter()
            .filter(|bin| total(*bin).rows as f64 >= smoothing)
            .map(|bin| (total(bin).gradient / (total(bin).curvature + smoothing).max(1e-300), bin))
            .collect();
        order.sort_by(|one, other| one.0.total_cmp(&other.0));
        // Send the first levels of the order left, then, with the order reversed, the last ones.
        for _ in 0..2 {
            let mut left = [0; 2];
            let bins: Vec<usize> = order.iter().map(|(_, bin)| *bin).collect();
            for place in 0..bins.len().min(most) {
                add(&mut left, sums[bins[place]]);
                self.try_split(feature, left, l2, || Test::OneOf(set(&bins[..=place])));
            }
            order.reverse();
        }
    }
}

fn set(bins: &[usize]) -> [u64; 4] {
    let mut set = [0; 4];
    bins.iter().for_each(|bin| set[bin / 64] |= 1 << (bin % 64));
    set
}
