//! Validity indices of a clustering, and the choice of the clustering to recommend.
//!
//! D. L. Davies, D. W. Bouldin: A Cluster Separation Measure (1979); T. Caliński, J. Harabasz: A dendrite method for cluster
//! analysis (1974). As in scikit-learn, both are computed from the means of the non-empty clusters.

use super::columns::{Extent, extents};
use super::distance::squared_distance;
use super::exact::Grid;
use super::matrix::Matrix;
use super::source::each_chunk;
use super::sums::Sums;
use crate::kernels::control::{Control, Stop};
use crate::kernels::superaccumulator::{Superaccumulator, merged};

/// The validity of one clustering.
#[derive(Debug, Clone, PartialEq)]
pub struct Indices {
    /// The weighted sum of the squared distances to the given centres.
    pub inertia: f64,
    /// The mean, over the clusters, of the largest (sᵢ + sⱼ) / dᵢⱼ, where s is the mean distance of a cluster's rows to its mean
    /// and d the distance between two means. Lower is better. `None` with fewer than two clusters, or as many clusters as rows.
    pub davies_bouldin: Option<f64>,
    /// The dispersion between the clusters divided by the dispersion within them, each divided by its degrees of freedom. Higher
    /// is better. `None` in the same cases.
    pub calinski_harabasz: Option<f64>,
    /// Number of rows in each cluster.
    pub sizes: Vec<u64>,
}

impl Indices {
    /// Computes the indices of a clustering.
    ///
    /// `labels` has a cluster below `clusters` for each row of the matrix; `centres` is clusters × columns and defaults to the
    /// means. A weight, 0 or more, is the number of times a row counts. Reads the rows three times.
    pub fn new(
        matrix: &Matrix,
        labels: &[u32],
        centres: Option<&[f64]>,
        clusters: usize,
        weights: Option<&[f64]>,
        control: Control<'_>,
    ) -> Result<Self, Stop> {
        let columns = matrix.columns();
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let heaviest = weights.map_or(1.0, |weights| weights.iter().copied().fold(0.0, f64::max));
        let largest = extents(matrix, control)?.iter().map(Extent::largest).chain([1.0]).collect::<Vec<_>>();
        let grids: Vec<Grid> = largest.iter().map(|largest| Grid::new(largest * heaviest)).collect();
        let empty = Sums::new(&grids, clusters);
        let states = each_chunk(
            matrix,
            control,
            || empty.clone(),
            |sums, rows, values| {
                rows.zip(values.chunks_exact(columns)).for_each(|(row, values)| sums.add(labels[row], weight(row), values));
                sums.flush();
            },
        )?;
        let mut sums = empty;
        states.iter().for_each(|more| sums.merge(more));
        let cluster_weights: Vec<f64> = sums.values().collect();
        let mut means = vec![0.0; clusters * columns];
        sums.means(&mut means);

        let centres = centres.unwrap_or(&means);
        // Sums of: squared distances to the given centre; squared distances to the mean; and, per cluster, distances to the mean.
        let empty = vec![Superaccumulator::default(); 2 + clusters];
        let states = each_chunk(
            matrix,
            control,
            || empty.clone(),
            |sums, rows, values| {
                for (row, values) in rows.zip(values.chunks_exact(columns)) {
                    let (label, weight) = (labels[row] as usize, weight(row));
                    let to_mean = squared_distance(values, &means[label * columns..][..columns]);
                    let to_centre = squared_distance(values, &centres[label * columns..][..columns]);
                    sums[0].add(to_centre * weight);
                    sums[1].add(to_mean * weight);
                    sums[2 + label].add(to_mean.sqrt() * weight);
                }
            },
        )?;
        let spread = |place: usize| merged(states.iter().map(|sums| &sums[place])).value();
        let mut sizes = vec![0; clusters];
        labels.iter().for_each(|label| sizes[*label as usize] += 1);

        let filled: Vec<usize> = (0..clusters).filter(|cluster| cluster_weights[*cluster] > 0.0).collect();
        let defined = filled.len() > 1 && filled.len() < matrix.rows();
        let groups = || {
            let group = |cluster: &usize| Group {
                weight: cluster_weights[*cluster],
                mean: &means[cluster * columns..][..columns],
                scatter: spread(2 + cluster) / cluster_weights[*cluster],
            };
            filled.iter().map(group).collect::<Vec<_>>()
        };
        Ok(Self {
            inertia: spread(0),
            davies_bouldin: defined.then(|| davies_bouldin(&groups())),
            calinski_harabasz: defined.then(|| calinski_harabasz(&groups(), spread(1))),
            sizes,
        })
    }

    /// Number of rows in the smallest cluster.
    pub fn smallest(&self) -> u64 {
        self.sizes.iter().copied().min().unwrap_or(0)
    }
}

/// A cluster that has rows.
struct Group<'a> {
    weight: f64,
    mean: &'a [f64],
    /// The mean distance of the rows to the cluster's mean.
    scatter: f64,
}

/// Distances up to this count as 0 here, as in scikit-learn.
const ZERO: f64 = 1e-8;

fn davies_bouldin(groups: &[Group<'_>]) -> f64 {
    let distance = |a: &Group<'_>, b: &Group<'_>| squared_distance(a.mean, b.mean).sqrt();
    let all_together = groups.iter().all(|a| groups.iter().all(|b| distance(a, b) <= ZERO));
    if all_together || groups.iter().all(|group| group.scatter <= ZERO) {
        return 0.0;
    }
    let worst = |a: &Group<'_>| {
        let ratio = |b: &Group<'_>| match distance(a, b) {
            0.0 => 0.0,
            distance => (a.scatter + b.scatter) / distance,
        };
        groups.iter().map(ratio).fold(0.0, f64::max)
    };
    groups.iter().map(worst).sum::<f64>() / groups.len() as f64
}

fn calinski_harabasz(groups: &[Group<'_>], within: f64) -> f64 {
    let weight: f64 = groups.iter().map(|group| group.weight).sum();
    let overall = |column: usize| groups.iter().map(|group| group.weight * group.mean[column]).sum::<f64>() / weight;
    let overall: Vec<f64> = (0..groups[0].mean.len()).map(overall).collect();
    let between: f64 = groups.iter().map(|group| group.weight * squared_distance(group.mean, &overall)).sum();
    let clusters = groups.len() as f64;
    if within == 0.0 { 1.0 } else { between * (weight - clusters) / (within * (clusters - 1.0)) }
}

/// Silhouettes that differ by at most this are tied.
const TIE: f64 = 1e-9;

/// The smallest share of the rows that makes a cluster a group rather than a few outliers.
pub const LEAST_SHARE: f64 = 0.01;

/// A number of clusters that was tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    pub clusters: usize,
    /// The mean silhouette.
    pub silhouette: Option<f64>,
    /// The share of the rows in the smallest cluster.
    pub smallest_share: f64,
}

/// The index of the candidate with the highest silhouette; among those within 10⁻⁹ of it, the one with the fewest clusters wins.
/// `None` if no candidate has a silhouette.
pub fn highest(candidates: &[Candidate]) -> Option<usize> {
    let best = candidates.iter().filter_map(|candidate| candidate.silhouette).max_by(f64::total_cmp)?;
    let is_best = |index: &usize| candidates[*index].silhouette.is_some_and(|silhouette| silhouette >= best - TIE);
    (0..candidates.len()).filter(is_best).min_by_key(|index| candidates[*index].clusters)
}

/// The index of the candidate to recommend: the [`highest`] among those in which every cluster is a group.
///
/// If a far outlier has a cluster of its own, the silhouette is near 1 but says nothing about the other rows.
pub fn recommend(candidates: &[Candidate]) -> Option<usize> {
    let groups: Vec<Candidate> = candidates.iter().copied().filter(|one| one.smallest_share >= LEAST_SHARE).collect();
    let best = groups[highest(&groups)?];
    candidates.iter().position(|candidate| *candidate == best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::control::unlimited::control;
    use crate::kernels::random::Random;

    fn line(values: &[f64]) -> Matrix {
        let mut matrix = Matrix::new(1);
        matrix.push(&[values]);
        matrix
    }

    fn near(a: Option<f64>, b: f64) -> bool {
        a.is_some_and(|a| (a - b).abs() < 1e-11)
    }

    #[test]
    fn are_right_by_hand() {
        // Means 1 and 9, scatters 1 and 1; overall 5: between 4 × 16, within 4.
        let matrix = line(&[0.0, 2.0, 8.0, 10.0]);
        let found = Indices::new(&matrix, &[0, 0, 1, 1], Some(&[0.0, 9.0]), 2, None, control(1)).unwrap();
        assert_eq!(found.inertia, 4.0 + 2.0);
        assert_eq!(found.davies_bouldin, Some(0.25));
        assert_eq!(found.calinski_harabasz, Some(64.0 * 2.0 / 4.0));
        assert_eq!((found.sizes.as_slice(), found.smallest()), ([2, 2].as_slice(), 2));
    }

    #[test]
    fn weights_are_repetitions() {
        let repeated = line(&[0.0, 1.0, 1.0, 5.0, 9.0, 9.0, 9.0]);
        let expected = Indices::new(&repeated, &[0, 0, 0, 1, 1, 1, 1], Some(&[0.5, 8.0]), 2, None, control(2)).unwrap();
        let once = line(&[0.0, 1.0, 5.0, 9.0]);
        let weights = [1.0, 2.0, 1.0, 3.0];
        let found = Indices::new(&once, &[0, 0, 1, 1], Some(&[0.5, 8.0]), 2, Some(&weights), control(2)).unwrap();
        assert!((found.inertia - expected.inertia).abs() < 1e-11);
        assert!(near(found.davies_bouldin, expected.davies_bouldin.unwrap()));
        assert!(near(found.calinski_harabasz, expected.calinski_harabasz.unwrap()));
    }

    #[test]
    fn some_are_undefined() {
        let matrix = line(&[0.0, 2.0, 8.0]);
        for labels in [[1, 1, 1], [0, 1, 2]] {
            let found = Indices::new(&matrix, &labels, Some(&[0.0; 3]), 3, None, control(1)).unwrap();
            assert_eq!((found.davies_bouldin, found.calinski_harabasz), (None, None));
        }
        let same = Indices::new(&line(&[4.0; 4]), &[0, 1, 0, 1], Some(&[4.0; 2]), 2, None, control(1)).unwrap();
        assert_eq!((same.davies_bouldin, same.calinski_harabasz), (Some(0.0), Some(1.0)));
    }

    #[test]
    fn do_not_depend_on_order_or_workers() {
        let mut random = Random::new(1, &[]);
        let values: Vec<f64> = (0..10_000).map(|_| random.between(-9999, 9999) as f64 / 7.0).collect();
        let labels: Vec<u32> = values.iter().map(|value| u32::from(*value > 100.0)).collect();
        let once = Indices::new(&line(&values), &labels, Some(&[-600.0, 700.0]), 2, None, control(1)).unwrap();
        let values: Vec<f64> = values.into_iter().rev().collect();
        let labels: Vec<u32> = labels.into_iter().rev().collect();
        for workers in 1..4 {
            assert_eq!(once, Indices::new(&line(&values), &labels, Some(&[-600.0, 700.0]), 2, None, control(workers)).unwrap());
        }
    }

    /// The textbook formulas, with summands sorted by magnitude.
    fn plain(values: &[f64], labels: &[u32]) -> (f64, f64, f64) {
        let sum = |mut values: Vec<f64>| {
            values.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
            values.into_iter().sum::<f64>()
        };
        let of = |label: u32| values.iter().zip(labels).filter(move |(_, own)| **own == label).map(|(value, _)| *value);
        let clusters: Vec<(f64, f64)> =
            (0..3).map(|label| (of(label).count() as f64, sum(of(label).collect()) / of(label).count() as f64)).collect();
        let squares = |label: u32| of(label).map(move |value| (value, label)).collect::<Vec<_>>();
        let distance = |(value, label): &(f64, u32)| (value - clusters[*label as usize].1).abs();
        let all: Vec<(f64, u32)> = (0..3).flat_map(squares).collect();
        let within = sum(all.iter().map(|row| distance(row).powi(2)).collect());
        let overall = sum(values.to_vec()) / values.len() as f64;
        let between = sum(clusters.iter().map(|(count, mean)| count * (mean - overall).powi(2)).collect());
        let scatter: Vec<f64> =
            (0..3_u32).map(|label| sum(squares(label).iter().map(distance).collect()) / clusters[label as usize].0).collect();
        let ratio = |a: usize, b: usize| (scatter[a] + scatter[b]) / (clusters[a].1 - clusters[b].1).abs();
        let worst = |a: usize| (0..3).filter(|b| *b != a).map(|b| ratio(a, b)).fold(0.0, f64::max);
        let davies = (0..3).map(worst).sum::<f64>() / 3.0;
        (within, davies, between * (values.len() as f64 - 3.0) / (within * 2.0))
    }

    #[test]
    fn one_row_far_away_takes_nothing_from_the_others() {
        let mut random = Random::new(5, &[]);
        for far in [1e8, 1e12, 1e30] {
            let mut values: Vec<f64> = (0..5_000).map(|_| random.between(0, 30_000) as f64 / 777.0).collect();
            let mut labels: Vec<u32> = values.iter().map(|value| u32::from(*value > 20.0)).collect();
            values.push(far);
            labels.push(2);
            let (inertia, davies, calinski) = plain(&values, &labels);
            let once = Indices::new(&line(&values), &labels, None, 3, None, control(1)).unwrap();
            let near = |found: f64, expected: f64| (found / expected - 1.0).abs() < 1e-11;
            // The mean of a column is kept to 2⁻⁹⁰ of its largest value.
            if far < 1e30 {
                assert!(near(once.inertia, inertia), "{far}: {} {inertia}", once.inertia);
                assert!(
                    near(once.davies_bouldin.unwrap(), davies) && near(once.calinski_harabasz.unwrap(), calinski),
                    "{once:?}"
                );
            }
            values.reverse();
            labels.reverse();
            for workers in 1..4 {
                assert_eq!(once, Indices::new(&line(&values), &labels, None, 3, None, control(workers)).unwrap());
            }
        }
    }

    #[test]
    fn recommends_the_fewest_of_the_best() {
        let tried = |clusters, silhouette, smallest_share| Candidate { clusters, silhouette, smallest_share };
        let even = [(2, Some(0.4)), (4, Some(0.6)), (3, Some(0.6 - 1e-10)), (5, None)].map(|(n, mean)| tried(n, mean, 0.1));
        assert_eq!((recommend(&even), highest(&even)), (Some(2), Some(2)));
        assert_eq!(recommend(&[tried(2, None, 0.5)]), None);
        assert_eq!(recommend(&[]), None);
        // Candidates with outliers in clusters of their own.
        let outliers = [tried(2, Some(0.9), 0.006), tried(3, Some(0.5), 0.01), tried(4, Some(0.6), 0.0)];
        assert_eq!((recommend(&outliers), highest(&outliers)), (Some(1), Some(0)));
        assert_eq!(recommend(&outliers[..1]), None);
    }
}
