//! Squared Euclidean distances, computed for eight rows at once.
//!
//! A distance is always Σ (x − c)² in the order of the columns, so that the same row and centre give the same bits everywhere.
//! The loops are compiled for several instruction sets, one of which is chosen at run time, but none of them fuses a
//! multiplication with an addition. Inner loops count, because the compiler does not always inline the parts of `zip`, and a call
//! costs as much as a few distances.

use fearless_simd::{Level, dispatch, prelude::*};

/// Rows that are processed together.
pub const BLOCK_ROWS: usize = 256;

/// Rows in a group: one AVX-512 register of doubles, two AVX2 registers.
pub const LANES: usize = 8;

/// Groups in a block.
pub const BLOCK: usize = BLOCK_ROWS / LANES;

/// A block of rows in groups of [`LANES`]; a group stores its columns one after another, each as the values of its rows.
pub struct Groups {
    columns: usize,
    values: Vec<f64>,
}

impl Groups {
    /// A block of zeros.
    pub fn new(columns: usize) -> Self {
        Self { columns, values: vec![0.0; columns * BLOCK_ROWS] }
    }

    /// Packs at most [`BLOCK_ROWS`] rows; the rest of the block keeps its old values.
    pub fn pack<'r>(&mut self, rows: impl Iterator<Item = &'r [f64]>) {
        let (groups, _) = self.values.as_chunks_mut::<LANES>();
        for (place, row) in rows.enumerate() {
            let group = groups.get_mut(place / LANES * self.columns..).unwrap_or_default();
            for column in 0..row.len().min(group.len()) {
                group[column][place % LANES] = row[column];
            }
        }
    }

    /// The groups, each as columns × lanes.
    pub fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.columns * LANES)
    }
}

/// The nearest centre of each row of a group.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nearest {
    /// The nearest centre; the first one wins ties.
    pub labels: [u32; LANES],
    /// The squared distance to the nearest centre.
    pub first: [f64; LANES],
    /// The squared distance to the second nearest centre; infinite if there is none.
    pub second: [f64; LANES],
}

/// Centres in groups of four, column after column, so that a value is loaded once for four centres.
pub struct Centres {
    columns: usize,
    /// Columns × 4 per group; the last group is padded with infinitely distant centres.
    fours: Vec<[f64; 4]>,
}

impl Centres {
    /// Creates centres from row-major values, with `columns` > 0 values per centre.
    pub fn new(centres: &[f64], columns: usize) -> Self {
        let four = |four: &[f64]| -> Vec<[f64; 4]> {
            let coordinate = |centre: usize, column: usize| four.get(centre * columns + column).copied().unwrap_or(f64::INFINITY);
            (0..columns).map(|column| std::array::from_fn(|centre| coordinate(centre, column))).collect()
        };
        Self { columns, fours: centres.chunks(4 * columns).flat_map(four).collect() }
    }

    /// Finds the nearest centre of each row, for the first `found.len()` groups.
    pub fn nearest(&self, groups: &Groups, found: &mut [Nearest]) {
        self.nearest_at(Level::new(), groups, found);
    }

    fn nearest_at(&self, level: Level, groups: &Groups, found: &mut [Nearest]) {
        dispatch!(level, simd => find_nearest(simd, self, groups, found));
    }
}

/// The squared distance between two points.
#[inline(always)]
pub fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The squared distance of each row to a point, for the first `squares.len()` groups.
pub fn squared_distances(groups: &Groups, point: &[f64], squares: &mut [[f64; LANES]]) {
    dispatch!(Level::new(), _ => measure(groups, point, squares));
}

#[inline(always)]
fn find_nearest<S: Simd>(simd: S, centres: &Centres, groups: &Groups, found: &mut [Nearest]) {
    for (group, found) in groups.iter().zip(found) {
        let mut labels = [0.0; LANES];
        for lane in (0..LANES).step_by(S::f64s::LEN) {
            let (first, second, label) = nearest_in_register(simd, centres, group, lane);
            let lanes = lane..lane + S::f64s::LEN;
            first.store_slice(&mut found.first[lanes.clone()]);
            second.store_slice(&mut found.second[lanes.clone()]);
            label.store_slice(&mut labels[lanes]);
        }
        for lane in 0..LANES {
            // Adding 2⁵² to a small integer leaves it in the lowest bits of the double.
            found.labels[lane] = (labels[lane] + (1_u64 << 52) as f64).to_bits() as u32;
        }
    }
}

/// The squared distances to the nearest and the second nearest centre, and the label of the nearest, for the rows of a group
/// that fill one register from `lane` on. Labels are doubles here, so that they share the mask of the comparison.
#[inline(always)]
fn nearest_in_register<S: Simd>(simd: S, centres: &Centres, group: &[f64], lane: usize) -> (S::f64s, S::f64s, S::f64s) {
    let splat = |value: f64| S::f64s::splat(simd, value);
    let (mut first, mut second) = (splat(f64::INFINITY), splat(f64::INFINITY));
    let (mut label, mut next) = (splat(0.0), 0.0);
    for four in centres.fours.chunks_exact(centres.columns) {
        let mut distances = [splat(0.0); 4];
        let columns = group.as_chunks::<LANES>().0;
        for column in 0..columns.len().min(four.len()) {
            let values = S::f64s::from_slice(simd, &columns[column][lane..lane + S::f64s::LEN]);
            for centre in 0..4 {
                let difference = values - four[column][centre];
                distances[centre] += difference * difference;
            }
        }
        for distance in distances {
            label = distance.simd_lt(first).select(splat(next), label);
            second = second.min(first.max(distance));
            first = first.min(distance);
            next += 1.0;
        }
    }
    (first, second, label)
}

#[inline(always)]
fn measure(groups: &Groups, point: &[f64], squares: &mut [[f64; LANES]]) {
    for (group, squares) in groups.iter().zip(squares) {
        *squares = group_distances(group, point);
    }
}

/// The squared distance of each row of a group (columns × lanes) to a point.
#[inline(always)]
fn group_distances(group: &[f64], point: &[f64]) -> [f64; LANES] {
    let mut sums = [0.0; LANES];
    let columns = group.as_chunks::<LANES>().0;
    for column in 0..columns.len().min(point.len()) {
        for lane in 0..LANES {
            let difference = columns[column][lane] - point[column];
            sums[lane] += difference * difference;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;

    #[test]
    fn instruction_sets_agree() {
        let mut random = Random::new(2, &[]);
        for columns in [1, 3, 8] {
            let mut draw = |count: usize| -> Vec<f64> { (0..count).map(|_| random.below(1 << 50) as f64 / 3.0).collect() };
            let (rows, points) = (draw(BLOCK_ROWS * columns), draw(7 * columns));
            let mut groups = Groups::new(columns);
            groups.pack(rows.chunks(columns));
            let centres = Centres::new(&points, columns);
            let mut found = [Nearest::default(); BLOCK];
            for level in [Level::new(), Level::baseline()] {
                centres.nearest_at(level, &groups, &mut found);
                for (place, row) in rows.chunks(columns).enumerate() {
                    let (found, lane) = (&found[place / LANES], place % LANES);
                    let mut plain: Vec<(f64, u32)> =
                        points.chunks(columns).map(|point| squared_distance(row, point)).zip(0..).collect();
                    plain.sort_by(|a, b| a.0.total_cmp(&b.0));
                    assert_eq!((found.first[lane], found.labels[lane], found.second[lane]), (plain[0].0, plain[0].1, plain[1].0));
                }
            }
        }
    }
}
