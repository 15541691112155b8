//! Finds the best split of a node.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::bins::{Bins, MISSING};
use super::histogram::Histogram;
use super::numbers::Cut;
use super::{Features, Test};
use crate::kernels::control::{Control, Stop};

/// Minimum gain of a split, so that rounding errors do not count as gain.
const LEAST_GAIN: f64 = 1e-9;

/// A split and its gain: the impurity (rows × Gini) of the node minus that of both sides.
pub struct Found {
    pub gain: f64,
    pub test: Test,
}

/// The data in which splits are searched for.
pub struct Search<'a> {
    pub features: Features<'a>,
    pub bins: &'a [Bins],
    pub targets: &'a [u32],
    pub classes: usize,
    pub min_leaf: u64,
    pub control: Control<'a>,
}

/// A way to split a node.
struct Candidate {
    gain: f64,
    feature: usize,
    /// True if rows without a value go left too.
    with_missing: bool,
    kind: Split,
    /// Number of rows on the left.
    left: u64,
}

enum Split {
    /// After a bin, and before the next bin that occurs in the node. Without a next bin, only the rows without a value are right.
    After {
        bin: u32,
        next: Option<u32>,
    },
    /// Between two values within a bin.
    Inside {
        bin: u32,
        cut: Cut,
    },
    OneOf(Vec<u32>),
}

/// A bin with several values that may contain the best cut.
struct Unopened {
    bin: u32,
    rows: u64,
    with_missing: bool,
    /// Rows of each class to the left of the bin.
    left: Vec<u64>,
    /// Upper bound on the gain of a cut inside the bin.
    bound: f64,
}

impl Candidate {
    /// Orders candidates from the best on: by higher gain, then by feature, then by lower cut.
    fn order(&self, other: &Self) -> Ordering {
        let place = |candidate: &Self| match &candidate.kind {
            Split::After { bin, .. } => (candidate.feature, candidate.with_missing, *bin, true),
            Split::Inside { bin, .. } => (candidate.feature, candidate.with_missing, *bin, false),
            Split::OneOf(_) => (candidate.feature, false, 0, false),
        };
        other.gain.total_cmp(&self.gain).then_with(|| place(self).cmp(&place(other)))
    }
}

impl Search<'_> {
    /// The best split of the rows, whose class counts are given. Features are searched in parallel.
    ///
    /// Cuts between bins are tried first. The gain of a cut inside a bin has an upper bound, so only bins that might contain a better
    /// cut than the best so far are opened: first the bin with the highest bound of each feature, then all that remain. The result
    /// is the same as trying all values, but only a few bins need to be sorted.
    pub fn best(&self, rows: &[u32], counts: &[u64]) -> Result<Option<Found>, Stop> {
        let features = self.bins.len() + self.features.codes.len();
        let found = self.control.share(features, Vec::new, |found, feature| {
            found.push(match self.bins.get(feature) {
                Some(bins) => self.coarse(feature, bins, rows, counts),
                None => (self.best_codes(feature, rows, counts), None),
            });
            Ok(())
        })?;
        let (candidates, unopened): (Vec<_>, Vec<_>) = found.into_iter().flatten().unzip();
        let mut best = candidates.into_iter().flatten().min_by(Candidate::order);
        let mut unopened: Vec<(usize, Vec<Unopened>)> = unopened.into_iter().flatten().collect();
        for all in [false, true] {
            // Allow for rounding errors in the gains.
            let least = best.as_ref().map_or(0.0, |best| best.gain) - 1e-12 * rows.len() as f64;
            unopened.iter_mut().for_each(|(_, bins)| bins.retain(|bin| bin.bound >= least));
            let opened: Vec<(usize, Vec<Unopened>)> = unopened
                .iter_mut()
                .map(|(feature, bins)| (*feature, if all { std::mem::take(bins) } else { bins.pop().into_iter().collect() }))
                .collect();
            let found = self.control.share(opened.len(), Vec::new, |found, index| {
                let (feature, bins) = &opened[index];
                found.extend(self.open(*feature, bins, rows, counts)?);
                Ok(())
            })?;
            best = found.into_iter().flatten().chain(best).min_by(Candidate::order);
        }
        Ok(best.map(|best| self.found(best, rows)))
    }

    /// The best cut between bins, and the bins that may contain a better one; the highest bound is last.
    ///
    /// Rows without a value go together to the left or to the right, or form a side of their own, whichever is best (T. Chen, C.
    /// Guestrin: XGBoost, 2016). If a node has no such rows, they would go to its larger side.
    fn coarse(&self, feature: usize, bins: &Bins, rows: &[u32], counts: &[u64]) -> Coarse {
        let last = bins.ends.len() as u32;
        let value = |row: u32| match bins.rows[row as usize] {
            MISSING => last,
            bin => u32::from(bin),
        };
        let histogram = self.histogram(rows, bins.ends.len() + 1, value);
        let present: Vec<usize> = (0..histogram.len()).filter(|place| histogram.value(*place) != last).collect();
        let missing = (present.len() < histogram.len()).then(|| histogram.counts(present.len()));
        let none = vec![0; self.classes];
        let before = purity(counts.iter().copied());
        let (mut best, mut unopened): (Option<Candidate>, Vec<Unopened>) = (None, vec![]);
        for (with_missing, start) in [(false, Some(none.as_slice())), (true, missing)] {
            let Some(start) = start else { continue };
            if let Some(cut) = self.sweep(&histogram, &present, start, counts) {
                let next = present.get(cut.cut + 1).map(|place| histogram.value(*place));
                let kind = Split::After { bin: histogram.value(present[cut.cut]), next };
                let found = Candidate { gain: cut.gain, feature, with_missing, kind, left: cut.left };
                best = best.into_iter().chain([found]).min_by(Candidate::order);
            }
            let mut left = start.to_vec();
            for place in &present {
                let (bin, inside) = (histogram.value(*place), histogram.counts(*place));
                let (least, most) = bins.ends[bin as usize];
                if least < most {
                    let bound = most_purity(&left, inside, counts) - before;
                    if bound > best.as_ref().map_or(LEAST_GAIN, |best| best.gain) - 1e-12 * rows.len() as f64 {
                        unopened.push(Unopened { bin, rows: inside.iter().sum(), with_missing, left: left.clone(), bound });
                    }
                }
                left.iter_mut().zip(inside).for_each(|(left, count)| *left += count);
            }
        }
        unopened.sort_by(|a, b| a.bound.total_cmp(&b.bound).then(b.bin.cmp(&a.bin)));
        (best, (!unopened.is_empty()).then_some((feature, unopened)))
    }

    /// The best cut inside the given bins of a feature.
    fn open(&self, feature: usize, unopened: &[Unopened], rows: &[u32], counts: &[u64]) -> Result<Option<Candidate>, Stop> {
        let (bins, numbers) = (&self.bins[feature], self.features.numeric[feature]);
        let held: u64 = unopened.iter().map(|bin| bin.rows).sum();
        let _reserved = self.control.reserve(held as usize * size_of::<(i128, u32)>())?;
        let mut members: BTreeMap<u32, Vec<(i128, u32)>> = unopened.iter().map(|bin| (bin.bin, vec![])).collect();
        for row in rows {
            let bin = bins.rows[*row as usize];
            if bin != MISSING
                && let Some(members) = members.get_mut(&u32::from(bin))
            {
                members.extend(numbers.key(*row as usize).map(|key| (key, self.targets[*row as usize])));
            }
        }
        members.values_mut().for_each(|members| members.sort_unstable());
        let found = unopened.iter().filter_map(|bin| {
            let members = &members[&bin.bin];
            let values: Vec<&[(i128, u32)]> = members.chunk_by(|a, b| a.0 == b.0).collect();
            let (_, inner) = values.split_last()?;
            let places = inner.iter().map(|value| value.iter().map(|(_, class)| *class));
            let cut = self.sweep_values(places, &bin.left, counts)?;
            let cut_at = Cut { low: values[cut.cut][0].0, high: values[cut.cut + 1][0].0 };
            let kind = Split::Inside { bin: bin.bin, cut: cut_at };
            Some(Candidate { gain: cut.gain, feature, with_missing: bin.with_missing, kind, left: cut.left })
        });
        Ok(found.min_by(Candidate::order))
    }

    /// Turns a candidate into a test. A cut between bins is narrowed to the nearest values that occur in the node.
    fn found(&self, best: Candidate, rows: &[u32]) -> Found {
        let Candidate { gain, feature, with_missing, kind, left } = best;
        let cut = match kind {
            Split::OneOf(codes) => return Found { gain, test: Test::OneOf { feature, codes } },
            Split::Inside { cut, .. } => cut,
            Split::After { next: None, .. } => Cut::ALL,
            Split::After { bin, next: Some(next) } => {
                let (bins, numbers) = (&self.bins[feature], self.features.numeric[feature]);
                let mut cut = Cut { low: bins.ends[bin as usize].0, high: bins.ends[next as usize].1 };
                for row in rows {
                    match (u32::from(bins.rows[*row as usize]), numbers.key(*row as usize)) {
                        (own, Some(key)) if own == bin => cut.low = cut.low.max(key),
                        (own, Some(key)) if own == next => cut.high = cut.high.min(key),
                        _ => {}
                    }
                }
                cut
            }
        };
        let has_missing = rows.iter().any(|row| self.bins[feature].rows[*row as usize] == MISSING);
        let or_missing = if has_missing { with_missing } else { 2 * left >= rows.len() as u64 };
        Found { gain, test: Test::AtMost { feature, cut, or_missing } }
    }

    /// The best split of a categorical feature: categories are sorted by their share of the node's most frequent class, and this
    /// order is cut in two. With two classes, that finds the best of all subsets (Breiman 1984). The test lists the side with fewer
    /// categories.
    fn best_codes(&self, feature: usize, rows: &[u32], counts: &[u64]) -> Option<Candidate> {
        let codes = &self.features.codes[feature - self.bins.len()];
        let most = rows.iter().map(|row| codes[*row as usize] as usize + 1).max()?;
        let histogram = self.histogram(rows, most, |row| codes[row as usize]);
        let class = most_frequent(counts);
        let mut order: Vec<usize> = (0..histogram.len()).collect();
        let share = |place: usize| {
            let counts = histogram.counts(place);
            (u128::from(counts[class]), u128::from(counts.iter().sum::<u64>()))
        };
        order.sort_by(|a, b| {
            let ((a_hits, a_rows), (b_hits, b_rows)) = (share(*a), share(*b));
            (b_hits * a_rows).cmp(&(a_hits * b_rows)).then(a.cmp(b))
        });
        let best = self.sweep(&histogram, &order, &vec![0; self.classes], counts)?;
        let (first, second) = order.split_at(best.cut + 1);
        let fewer = if first.len() <= second.len() { first } else { second };
        let mut codes: Vec<u32> = fewer.iter().map(|place| histogram.value(*place)).collect();
        codes.sort_unstable();
        Some(Candidate { gain: best.gain, feature, with_missing: false, kind: Split::OneOf(codes), left: best.left })
    }

    fn histogram(&self, rows: &[u32], values: usize, value: impl Fn(u32) -> u32) -> Histogram {
        Histogram::new(rows.iter().map(|row| (value(*row), self.targets[*row as usize])), values, self.classes)
    }

    /// Moves values to the left side one after another, starting from the class counts `start`, and returns the best cut; the first
    /// one wins ties.
    fn sweep(&self, histogram: &Histogram, order: &[usize], start: &[u64], counts: &[u64]) -> Option<Best> {
        let add = |left: &mut [u64], place: &usize| {
            left.iter_mut().zip(histogram.counts(*place)).for_each(|(left, count)| *left += count);
        };
        self.best_cut(order.iter(), add, start, counts)
    }

    /// Like [`Self::sweep`], given the classes of the rows of each value.
    fn sweep_values(
        &self,
        values: impl Iterator<Item = impl Iterator<Item = u32>>,
        start: &[u64],
        counts: &[u64],
    ) -> Option<Best> {
        self.best_cut(values, |left, classes| classes.for_each(|class| left[class as usize] += 1), start, counts)
    }

    fn best_cut<V>(
        &self,
        values: impl Iterator<Item = V>,
        add: impl Fn(&mut [u64], V),
        start: &[u64],
        counts: &[u64],
    ) -> Option<Best> {
        let before = purity(counts.iter().copied());
        let all: u64 = counts.iter().sum();
        let mut left = start.to_vec();
        let mut best: Option<Best> = None;
        for (cut, value) in values.enumerate() {
            add(&mut left, value);
            let rows: u64 = left.iter().sum();
            if rows < self.min_leaf || all - rows < self.min_leaf {
                continue;
            }
            let right = counts.iter().zip(&left).map(|(all, left)| all - left);
            let gain = purity(left.iter().copied()) + purity(right) - before;
            if gain > best.as_ref().map_or(LEAST_GAIN, |best| best.gain) {
                best = Some(Best { gain, cut, left: rows });
            }
        }
        best
    }
}

/// The best cut between bins, and the feature with its bins that may contain a better one.
type Coarse = (Option<Candidate>, Option<(usize, Vec<Unopened>)>);

/// The best cut of a sweep.
struct Best {
    gain: f64,
    cut: usize,
    /// Number of rows on the left.
    left: u64,
}

/// Rows × (1 − Gini impurity) = Σ count² / rows.
fn purity(counts: impl Iterator<Item = u64> + Clone) -> f64 {
    let rows: u64 = counts.clone().sum();
    if rows == 0 { 0.0 } else { counts.map(|count| (count as f64).powi(2)).sum::<f64>() / rows as f64 }
}

/// Number of classes of a bin that are tried on both sides; the rows of all other classes count as already separated.
const TRIED: usize = 5;

/// Upper bound on the sum of the purities of both sides for any cut inside a bin.
///
/// The rows inside the bin are assigned to the left or the right class by class, in the best of all ways. Purity is convex, so no
/// other way to divide the rows is better.
fn most_purity(left: &[u64], inside: &[u64], counts: &[u64]) -> f64 {
    let mut classes: Vec<usize> = (0..inside.len()).filter(|class| inside[*class] > 0).collect();
    classes.sort_by_key(|class| std::cmp::Reverse(inside[*class]));
    let (tried, others) = classes.split_at(classes.len().min(TRIED));
    let pure: u64 = others.iter().map(|class| inside[*class]).sum();
    let right = |class: usize| counts[class] - left[class] - inside[class];
    let squares = |count: u64| (count as f64) * (count as f64);
    let all = 0..counts.len();
    let sides = [
        (all.clone().map(|class| left[class]).sum::<u64>(), all.clone().map(|class| squares(left[class])).sum::<f64>()),
        (all.clone().map(right).sum(), all.map(|class| squares(right(class))).sum()),
    ];
    let purity = |(rows, squares): (u64, f64)| if rows == 0 { 0.0 } else { squares / rows as f64 };
    let with = |chosen: usize| {
        let mut sides = sides;
        for (place, class) in tried.iter().enumerate() {
            let is_right = chosen >> place & 1;
            let own = if is_right == 1 { right(*class) } else { left[*class] };
            sides[is_right].0 += inside[*class];
            sides[is_right].1 += squares(own + inside[*class]) - squares(own);
        }
        sides.map(purity).iter().sum::<f64>()
    };
    (0..1 << tried.len()).map(with).fold(0.0, f64::max) + pure as f64
}

/// The class with the most rows; the first one wins ties.
pub fn most_frequent(counts: &[u64]) -> usize {
    let more = |best: usize, next: usize| if counts[next] > counts[best] { next } else { best };
    (0..counts.len()).reduce(more).unwrap_or(0)
}
