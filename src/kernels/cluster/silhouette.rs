//! Silhouettes: how much nearer each row is to its own cluster than to the next nearest one.
//!
//! P. J. Rousseeuw: Silhouettes: a graphical aid to the interpretation and validation of cluster analysis (1987).
//!
//! All pairs of rows are needed, so the distances are most of the work. Each pair is computed once, for any number of labelings,
//! in tiles of 64 × 64 rows. For each row on one side of a tile, the distances are summed by the labels of the rows on the other
//! side; then the same is done with the sides swapped.
//!
//! A job is a band of such tiles, which one worker adds up as floats in a fixed order. The sums of different jobs, which end in
//! any order, are joined as integers. So the result does not depend on the number of workers.

use std::ops::Range;

use fearless_simd::{Level, dispatch};

use super::exact::Grid;
use super::matrix::Matrix;
use crate::kernels::control::{Control, Stop};

/// Callers sample if there are more rows than this, which give 1.3 × 10⁸ distances and take about half a second.
pub const MOST_ROWS: usize = 16_384;
/// Rows on each side of a tile: 64 × 64 distances take 32 KiB, which fits the first-level cache.
const TILE: usize = 64;
/// Rows of tiles in a job: the more there are, the fewer sums become integers, and the fewer jobs there are to share out.
const BAND: usize = 4;
/// Number of sums that are kept in registers.
const LANES: usize = 16;

type Tile = [[f64; TILE]; TILE];

/// The silhouette of each of `rows` in each labeling, from −1 to 1, as labelings × rows.
///
/// `rows` are row numbers of the matrix. Their order must not depend on how the matrix is stored, because the order of summation
/// follows it. A labeling holds the cluster of every row of the matrix; only the clusters of `rows` count. As in scikit-learn, a
/// row alone in its cluster has the silhouette 0, and all silhouettes are 0 if there is only one cluster. Distances are Euclidean.
/// Computes n² / 2 distances, and takes 16 bytes per row, cluster and worker.
pub fn silhouettes(matrix: &Matrix, rows: &[usize], labelings: &[&[u32]], control: Control<'_>) -> Result<Vec<Vec<f64>>, Stop> {
    let points = Points::new(matrix, rows);
    let groups = Groups::new(rows, labelings);
    let (tiles, clusters) = (points.tiles, groups.counts.len());
    let bands = tiles.div_ceil(BAND);
    let workers = control.workers.clamp(1, bands.max(1));
    let per_worker = clusters * (2 * tiles + BAND + 1) * TILE;
    let _reserved = control.reserve(8 * (workers * per_worker + (matrix.columns() + 2 * labelings.len()) * tiles * TILE))?;
    let grid = Grid::new(points.diameter * rows.len() as f64);
    let mut states = control.share(bands, || Worker::new(tiles, clusters), |worker, band| {
        for b in band * BAND..tiles {
            control.check()?;
            dispatch!(Level::new(), _ => worker.add(&points, &groups, band * BAND..tiles.min((band + 1) * BAND).min(b + 1), b));
            worker.total.add(grid, b, &mut worker.outside);
        }
        worker.total.add(grid, band * BAND, &mut worker.inside);
        Ok(())
    })?;
    let Worker { mut total, .. } = states.pop().unwrap_or_else(|| Worker::new(tiles, clusters));
    states.iter().for_each(|other| total.merge(&other.total));
    let of_labeling = |(labels, clusters): (&&[u32], &Range<usize>)| {
        let silhouette = |(position, row): (usize, &usize)| {
            let own = clusters.start + labels[*row] as usize;
            groups.silhouette(own, clusters.clone(), |cluster| total.value(grid, cluster, position))
        };
        rows.iter().enumerate().map(silhouette).collect()
    };
    Ok(labelings.iter().zip(&groups.labelings).map(of_labeling).collect())
}

/// The mean of silhouettes, summed in the given order; `None` if there are none.
pub fn mean(silhouettes: &[f64]) -> Option<f64> {
    (!silhouettes.is_empty()).then(|| silhouettes.iter().sum::<f64>() / silhouettes.len() as f64)
}

/// The rows as (tiles × columns) × 64 values.
struct Points {
    tiles: usize,
    columns: usize,
    values: Vec<[f64; TILE]>,
    /// Upper bound on a distance: the diagonal of the bounding box of the rows.
    diameter: f64,
}

impl Points {
    fn new(matrix: &Matrix, rows: &[usize]) -> Self {
        let (tiles, columns) = (rows.len().div_ceil(TILE), matrix.columns());
        let mut values = vec![[0.0; TILE]; tiles * columns];
        let mut ends = vec![(f64::INFINITY, f64::NEG_INFINITY); columns];
        // Padded with a row of the data, so that no distance is larger than the diameter.
        let padding = rows.last().into_iter().cycle();
        for (position, number) in rows.iter().chain(padding).take(tiles * TILE).enumerate() {
            let (tile, lane) = (position / TILE, position % TILE);
            for (column, (value, (least, most))) in matrix.row(*number).iter().zip(&mut ends).enumerate() {
                values[tile * columns + column][lane] = *value;
                (*least, *most) = (least.min(*value), most.max(*value));
            }
        }
        let diameter = ends.iter().map(|(least, most)| (most - least).max(0.0).powi(2)).sum::<f64>().sqrt();
        Self { tiles, columns, values, diameter }
    }

    fn tile(&self, tile: usize) -> &[[f64; TILE]] {
        &self.values[tile * self.columns..][..self.columns]
    }
}

/// The rows of each tile, grouped by cluster. The clusters of all labelings are numbered consecutively.
struct Groups {
    /// The range of clusters of each labeling.
    labelings: Vec<Range<usize>>,
    /// Number of rows in each cluster.
    counts: Vec<u32>,
    /// For each tile and each cluster with rows in it: the cluster, and the range of its rows in `members`.
    runs: Vec<(usize, Range<usize>)>,
    /// The range of `runs` of each tile.
    tiles: Vec<Range<usize>>,
    /// Positions of rows within their tile.
    members: Vec<u8>,
}

impl Groups {
    fn new(rows: &[usize], labelings: &[&[u32]]) -> Self {
        let mut groups = Self { labelings: vec![], counts: vec![], runs: vec![], tiles: vec![], members: vec![] };
        for labels in labelings {
            let clusters = rows.iter().map(|row| labels[*row] as usize + 1).max().unwrap_or(0);
            let first = groups.counts.len();
            groups.labelings.push(first..first + clusters);
            groups.counts.resize(first + clusters, 0);
            rows.iter().for_each(|row| groups.counts[first + labels[*row] as usize] += 1);
        }
        for tile in rows.chunks(TILE) {
            let first = groups.runs.len();
            for (labels, clusters) in labelings.iter().zip(&groups.labelings) {
                let mut sorted: Vec<(usize, u8)> =
                    (0..).zip(tile).map(|(place, row)| (clusters.start + labels[*row] as usize, place)).collect();
                sorted.sort_unstable();
                for run in sorted.chunk_by(|a, b| a.0 == b.0) {
                    let from = groups.members.len();
                    groups.members.extend(run.iter().map(|(_, place)| *place));
                    groups.runs.push((run[0].0, from..groups.members.len()));
                }
            }
            groups.tiles.push(first..groups.runs.len());
        }
        groups
    }

    /// The clusters with rows in a tile, each with the positions of these rows.
    fn of(&self, tile: usize) -> impl Iterator<Item = (usize, &[u8])> {
        self.runs[self.tiles[tile].clone()].iter().map(|(cluster, members)| (*cluster, &self.members[members.clone()]))
    }

    /// (b − a) / max(a, b), where a is the mean distance to the other rows of the row's own cluster, and b the smallest mean
    /// distance to another cluster.
    fn silhouette(&self, own: usize, clusters: Range<usize>, sum: impl Fn(usize) -> f64) -> f64 {
        let count = |cluster: usize| f64::from(self.counts[cluster]);
        let others = clusters.filter(|cluster| *cluster != own && self.counts[*cluster] > 0);
        let next = others.map(|cluster| sum(cluster) / count(cluster)).min_by(f64::total_cmp);
        let Some(next) = next.filter(|_| self.counts[own] > 1) else { return 0.0 };
        let own = sum(own) / (count(own) - 1.0);
        let most = own.max(next);
        if most > 0.0 { (next - own) / most } else { 0.0 }
    }
}

/// The sums of distances from each row to each cluster, as tiles × clusters of 64 rows, in coarse and fine units.
struct Total {
    clusters: usize,
    units: Vec<[[i64; TILE]; 2]>,
}

impl Total {
    /// Adds sums, as tiles × clusters, to those of the tiles from `first` on, and sets them to 0.
    fn add(&mut self, grid: Grid, first: usize, sums: &mut [[f64; TILE]]) {
        for (units, sums) in self.units[first * self.clusters..].iter_mut().zip(sums) {
            dispatch!(Level::new(), _ => add_units(grid, sums, units));
            *sums = [0.0; TILE];
        }
    }

    fn merge(&mut self, other: &Self) {
        let places = self.units.as_flattened_mut().as_flattened_mut().iter_mut();
        places.zip(other.units.as_flattened().as_flattened()).for_each(|(units, more)| *units += more);
    }

    /// The sum of distances from the row at `position` to a cluster.
    fn value(&self, grid: Grid, cluster: usize, position: usize) -> f64 {
        let [coarse, fine] = &self.units[position / TILE * self.clusters + cluster];
        grid.value(Grid::joined([coarse[position % TILE], fine[position % TILE]]))
    }
}

#[inline(always)]
fn add_units(grid: Grid, sums: &[f64; TILE], [coarse, fine]: &mut [[i64; TILE]; 2]) {
    for lane in 0..TILE {
        let [more_coarse, more_fine] = grid.parts(sums[lane]);
        coarse[lane] += more_coarse;
        fine[lane] += more_fine;
    }
}

/// The state of a thread.
struct Worker {
    total: Total,
    /// The sums of the rows of the current band: tiles of the band × clusters.
    inside: Vec<[f64; TILE]>,
    /// The sums of the rows of one tile over the rows of the band, by cluster.
    outside: Vec<[f64; TILE]>,
    tile: Tile,
    turned: Tile,
}

impl Worker {
    fn new(tiles: usize, clusters: usize) -> Self {
        Self {
            total: Total { clusters, units: vec![[[0; TILE]; 2]; tiles * clusters] },
            inside: vec![[0.0; TILE]; BAND * clusters],
            outside: vec![[0.0; TILE]; clusters],
            tile: [[0.0; TILE]; TILE],
            turned: [[0.0; TILE]; TILE],
        }
    }

    /// Adds the distances between the tiles `band` and the tile `b`, which is the last of the band or outside it.
    #[inline(always)]
    fn add(&mut self, points: &Points, groups: &Groups, band: Range<usize>, b: usize) {
        for (place, a) in band.enumerate() {
            distances(points.tile(a), points.tile(b), &mut self.tile);
            for (cluster, members) in groups.of(a) {
                add(&self.tile, members, &mut self.outside[cluster]);
            }
            if a != b {
                transpose(&self.tile, &mut self.turned);
                for (cluster, members) in groups.of(b) {
                    add(&self.turned, members, &mut self.inside[place * groups.counts.len() + cluster]);
                }
            }
        }
    }
}

/// Computes the distances from each row of `a` to each row of `b`; both are stored column by column.
#[inline(always)]
fn distances(a: &[[f64; TILE]], b: &[[f64; TILE]], into: &mut Tile) {
    for (row, distances) in into.iter_mut().enumerate() {
        for (strip, distances) in distances.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let mut squares = [0.0; LANES];
            for (column, a) in a.iter().enumerate() {
                let (value, others) = (a[row], &b[column].as_chunks::<LANES>().0[strip]);
                for lane in 0..LANES {
                    squares[lane] += (value - others[lane]) * (value - others[lane]);
                }
            }
            for lane in 0..LANES {
                distances[lane] = squares[lane].sqrt();
            }
        }
    }
}

#[inline(always)]
fn transpose(tile: &Tile, into: &mut Tile) {
    // In blocks of eight by eight, so that each cache line is written once.
    for first_row in (0..TILE).step_by(8) {
        for (column, into) in into.iter_mut().enumerate() {
            for row in first_row..first_row + 8 {
                into[row] = tile[row][column];
            }
        }
    }
}

/// Adds, for each of 64 rows, the distances to the members of a cluster, in the order of the members.
#[inline(always)]
fn add(tile: &Tile, members: &[u8], sums: &mut [f64; TILE]) {
    for (strip, sums) in sums.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut total = *sums;
        for member in members {
            let distances = &tile[*member as usize % TILE].as_chunks::<LANES>().0[strip];
            for lane in 0..LANES {
                total[lane] += distances[lane];
            }
        }
        *sums = total;
    }
}

#[cfg(test)]
mod tests {
    use super::super::distance::squared_distance;
    use super::super::race::sample;
    use super::*;
    use crate::kernels::control::unlimited::control;
    use crate::kernels::random::{Random, mix};

    fn matrix(rows: &[Vec<f64>]) -> Matrix {
        let columns: Vec<Vec<f64>> = (0..rows[0].len()).map(|column| rows.iter().map(|row| row[column]).collect()).collect();
        let mut matrix = Matrix::new(columns.len());
        matrix.push(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        matrix
    }

    fn random_rows(rows: u64, columns: usize) -> Vec<Vec<f64>> {
        let mut random = Random::new(9, &[rows]);
        (0..rows).map(|_| (0..columns).map(|_| random.between(-5000, 5000) as f64 / 777.0).collect()).collect()
    }

    fn naive(rows: &[Vec<f64>], labels: &[u32]) -> Vec<f64> {
        let clusters = *labels.iter().max().unwrap();
        let silhouette = |i: usize| {
            let distance_to = |cluster: u32| {
                let others: Vec<f64> = (0..rows.len())
                    .filter(|j| *j != i && labels[*j] == cluster)
                    .map(|j| squared_distance(&rows[i], &rows[j]).sqrt())
                    .collect();
                others.iter().sum::<f64>() / others.len() as f64
            };
            let own = distance_to(labels[i]);
            let next = (0..=clusters).filter(|cluster| *cluster != labels[i]).map(distance_to).fold(f64::NAN, f64::min);
            if own.is_nan() || next.is_nan() { 0.0 } else { (next - own) / own.max(next) }
        };
        (0..rows.len()).map(silhouette).collect()
    }

    #[test]
    fn is_right_by_hand() {
        // First row: a = 1, b = 9.5. Second row: a = 1, b = 8.5. The last row is alone in its cluster.
        let matrix = matrix(&[vec![0.0], vec![1.0], vec![9.0], vec![10.0], vec![-50.0]]);
        let found = silhouettes(&matrix, &[0, 1, 2, 3, 4], &[&[0, 0, 1, 1, 3]], control(1)).unwrap();
        for (found, expected) in found[0].iter().zip([8.5 / 9.5, 7.5 / 8.5, 7.5 / 8.5, 8.5 / 9.5, 0.0]) {
            assert!((found - expected).abs() < 1e-12);
        }
        assert_eq!(silhouettes(&matrix, &[0, 1], &[&[0; 5]], control(1)).unwrap(), [[0.0, 0.0]]);
        assert_eq!(silhouettes(&matrix, &[], &[&[0; 5]], control(1)).unwrap(), [[0.0; 0]]);
    }

    #[test]
    fn agrees_with_the_naive_form() {
        for rows in [2, 63, 64, 65, 300] {
            let points = random_rows(rows, 3);
            let labelings: Vec<Vec<u32>> =
                (2..6).map(|k| (0..rows as u32).map(|row| (mix(u64::from(row)) % k) as u32).collect()).collect();
            let all: Vec<usize> = (0..rows as usize).collect();
            let views: Vec<&[u32]> = labelings.iter().map(Vec::as_slice).collect();
            let found = silhouettes(&matrix(&points), &all, &views, control(2)).unwrap();
            for (found, labels) in found.iter().zip(&labelings) {
                for (found, expected) in found.iter().zip(naive(&points, labels)) {
                    assert!((found - expected).abs() < 1e-10, "{found} {expected}");
                }
            }
        }
    }

    #[test]
    fn one_row_far_away_takes_nothing_from_the_others() {
        for far in [1e8, 1e12] {
            let mut points = random_rows(300, 2);
            points[17] = vec![far, 0.0];
            let mut labels: Vec<u32> = points.iter().map(|point| u32::from(point[0] > 0.5)).collect();
            labels[17] = 2;
            let all: Vec<usize> = (0..300).collect();
            let found = silhouettes(&matrix(&points), &all, &[&labels], control(2)).unwrap();
            for (found, expected) in found[0].iter().zip(naive(&points, &labels)) {
                assert!((found - expected).abs() < 1e-11, "{found} {expected}");
            }
        }
    }

    #[test]
    fn does_not_depend_on_order_or_workers() {
        let points = random_rows(500, 4);
        let identity: Vec<u64> = (0..500).map(mix).collect();
        let labels: Vec<u32> = (0..500).map(|row| row % 7).collect();
        let backwards: Vec<Vec<f64>> = points.iter().rev().cloned().collect();
        let found = |rows: &[Vec<f64>], identity: &[u64], labels: &[u32], workers| {
            silhouettes(&matrix(rows), &sample(identity, 1, 400), &[labels], control(workers)).unwrap()
        };
        let once = found(&points, &identity, &labels, 1);
        let identity: Vec<u64> = identity.into_iter().rev().collect();
        let labels: Vec<u32> = labels.into_iter().rev().collect();
        for workers in 1..4 {
            assert_eq!(once, found(&backwards, &identity, &labels, workers));
        }
    }
}
