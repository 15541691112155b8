//! Compares k-means with a plain implementation, and checks that order, threads, chunks and memory do not change the result.

use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::distance::squared_distance;
use super::source::Source;
use super::*;
use crate::kernels::control::unlimited::control;
use crate::kernels::control::{Budget, Control, Stop};
use crate::kernels::random::{Random, mix};

/// A data set with row-major values.
#[derive(Clone)]
struct Rows {
    columns: usize,
    values: Vec<f64>,
    weights: Vec<f64>,
    identity: Vec<u64>,
}

impl Rows {
    fn new(columns: usize, values: Vec<f64>) -> Self {
        let rows = values.len() / columns;
        Self { columns, values, weights: vec![1.0; rows], identity: (1..=rows as u64).map(mix).collect() }
    }

    /// Rows scattered around a few points; with `grid` there are many duplicates and ties.
    fn blobs(rows: usize, columns: usize, seed: u64, grid: bool) -> Self {
        let mut random = Random::new(seed, &[]);
        let mut values = Vec::new();
        for _ in 0..rows {
            let blob = random.below(5);
            for column in 0..columns as u64 {
                let noise = random.below(1000) as f64 / 250.0;
                let value = (mix(blob * 100 + column) % 10) as f64 + noise;
                values.push(if grid { value.floor() } else { value });
            }
        }
        Self::new(columns, values)
    }

    fn count(&self) -> usize {
        self.identity.len()
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..][..self.columns]
    }

    fn matrix(&self, batch: usize) -> Matrix {
        let mut matrix = Matrix::new(self.columns);
        for rows in self.values.chunks(batch * self.columns) {
            let columns: Vec<Vec<f64>> =
                (0..self.columns).map(|column| rows.iter().skip(column).step_by(self.columns).copied().collect()).collect();
            matrix.push(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        matrix
    }

    fn picked(&self, order: &[usize]) -> Self {
        Self {
            columns: self.columns,
            values: order.iter().flat_map(|row| self.row(*row)).copied().collect(),
            weights: order.iter().map(|row| self.weights[*row]).collect(),
            identity: order.iter().map(|row| self.identity[*row]).collect(),
        }
    }

    fn cluster(&self, options: &Options) -> Result<Clustering, Failure> {
        kmeans(&self.matrix(1000), Some(&self.weights), &self.identity, options, control(2), &|_| {})
    }
}

fn options(n_clusters: usize, init: Init) -> Options {
    Options { n_clusters, init, n_init: 2, max_iter: 100, tol: 0.0, random_state: 11 }
}

fn given(rows: &Rows, n_clusters: usize) -> Options {
    options(n_clusters, Init::Given(rows.values[..n_clusters * rows.columns].to_vec()))
}

/// One plain iteration of Lloyd's algorithm; a cluster without rows keeps its centre.
fn naive(rows: &Rows, centres: &[f64]) -> Vec<f64> {
    let columns = rows.columns;
    let mut sums = vec![0.0; centres.len()];
    let mut counts = vec![0.0; centres.len() / columns];
    for row in 0..rows.count() {
        let distances = centres.chunks(columns).map(|centre| squared_distance(rows.row(row), centre));
        let label = distances.enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap().0;
        counts[label] += rows.weights[row];
        for (sum, value) in sums[label * columns..].iter_mut().zip(rows.row(row)) {
            *sum += rows.weights[row] * value;
        }
    }
    let mean = |cell: usize| if counts[cell / columns] > 0.0 { sums[cell] / counts[cell / columns] } else { centres[cell] };
    (0..centres.len()).map(mean).collect()
}

fn sorted(centres: &[f64], columns: usize) -> Vec<Vec<f64>> {
    let mut centres: Vec<Vec<f64>> = centres.chunks(columns).map(<[f64]>::to_vec).collect();
    centres.sort_by(|a, b| a.partial_cmp(b).unwrap());
    centres
}

#[test]
fn every_iteration_is_that_of_a_plain_implementation() {
    for columns in [1, 3, 8] {
        let mut rows = Rows::blobs(3000, columns, columns as u64, false);
        rows.weights.iter_mut().enumerate().for_each(|(row, weight)| *weight = (row % 4) as f64 * 0.7);
        let mut options = given(&rows, 6);
        let Init::Given(mut centres) = options.init.clone() else { panic!() };
        for iterations in 1..8 {
            centres = naive(&rows, &centres);
            options.max_iter = iterations;
            let found = rows.cluster(&options).unwrap();
            assert!(!found.relocated);
            for (found, naive) in sorted(&found.centres, columns).iter().flatten().zip(sorted(&centres, columns).iter().flatten())
            {
                assert!((found - naive).abs() <= 1e-9 * naive.abs(), "{found} {naive}");
            }
        }
    }
}

#[test]
fn order_threads_and_chunks_change_nothing() {
    let rows = Rows::blobs(20_000, 3, 5, false);
    let mut random = Random::new(9, &[]);
    let mut order: Vec<usize> = (0..rows.count()).collect();
    order.sort_by_cached_key(|_| random.next());
    let shuffled = rows.picked(&order);
    for init in [Init::KMeansPlusPlus, Init::Random] {
        let options = Options { max_iter: 6, n_init: 1, ..options(5, init) };
        let first = rows.cluster(&options).unwrap();
        for workers in 1..=3 {
            let again = kmeans(&shuffled.matrix(777), None, &shuffled.identity, &options, control(workers), &|_| {}).unwrap();
            assert_eq!((&first.centres, &first.sizes, first.inertia), (&again.centres, &again.sizes, again.inertia));
            for (place, row) in order.iter().enumerate() {
                assert_eq!(first.assigned.labels[*row], again.assigned.labels[place]);
            }
        }
    }
}

#[test]
fn starts_on_a_sample_depend_on_nothing_but_the_rows() {
    let rows = Rows::blobs(6_000, 3, 6, false);
    let mut random = Random::new(10, &[]);
    let mut order: Vec<usize> = (0..rows.count()).collect();
    order.sort_by_cached_key(|_| random.next());
    let shuffled = rows.picked(&order);
    let options = Options { n_init: 3, ..options(7, Init::KMeansPlusPlus) };
    let first = rows.cluster(&options).unwrap();
    for workers in 1..=3 {
        let again = kmeans(&shuffled.matrix(777), None, &shuffled.identity, &options, control(workers), &|_| {}).unwrap();
        assert_eq!((&first.centres, &first.sizes, first.inertia), (&again.centres, &again.sizes, again.inertia));
    }
    // The results are near the best of many runs.
    let best = rows.cluster(&Options { n_init: 60, ..options }).unwrap().inertia;
    assert!(first.inertia <= best * 1.005, "{} {best}", first.inertia);
}

/// A budget that refuses only the memory of the bounds.
struct NoBounds(usize);

impl Budget for NoBounds {
    fn grow(&self, bytes: usize) -> bool {
        bytes != self.0
    }
    fn shrink(&self, _bytes: usize) {}
}

#[test]
fn bounds_change_nothing() {
    let never = AtomicBool::new(false);
    for seed in 0..12 {
        let columns = 1 + seed as usize % 4;
        let rows = Rows::blobs(200 + 20 * seed as usize, columns, seed, seed % 2 == 0);
        let budget = NoBounds(rows.count() * 4);
        let plain = Control { cancelled: &never, budget: &budget, workers: 1 };
        for clusters in [1, 2, 5, 20] {
            let mut options = if seed % 3 == 0 { given(&rows, clusters) } else { options(clusters, Init::Random) };
            for max_iter in [1, 5, 100] {
                options.max_iter = max_iter;
                let bounded = rows.cluster(&options).unwrap();
                assert_eq!(kmeans(&rows.matrix(64), None, &rows.identity, &options, plain, &|_| {}).unwrap(), bounded);
                let again = assign(&bounded.centres, &rows.matrix(100), plain).unwrap();
                assert_eq!(again, bounded.assigned);
            }
        }
    }
}

/// A file of little-endian doubles, row after row, read again for each pass.
struct File {
    file: Mutex<std::fs::File>,
    rows: usize,
    columns: usize,
}

impl Source for File {
    fn rows(&self) -> usize {
        self.rows
    }
    fn columns(&self) -> usize {
        self.columns
    }
    fn chunk_rows(&self) -> usize {
        1024
    }
    fn chunk<'a>(&'a self, index: usize, scratch: &'a mut Vec<f64>) -> Result<&'a [f64], Stop> {
        let rows = self.range(index);
        scratch.clear();
        let mut file = self.file.lock().unwrap();
        file.seek(SeekFrom::Start((rows.start * self.columns * 8) as u64)).map_err(|_| Stop::Cancelled)?;
        let mut reader = BufReader::new(&mut *file);
        for _ in 0..rows.len() * self.columns {
            let mut bytes = [0; 8];
            reader.read_exact(&mut bytes).map_err(|_| Stop::Cancelled)?;
            scratch.push(f64::from_le_bytes(bytes));
        }
        Ok(scratch)
    }
}

#[test]
fn a_file_gives_the_same() {
    let rows = Rows::blobs(5000, 3, 8, false);
    let path = std::env::temp_dir().join(format!("kmeans_{}.raw", std::process::id()));
    let bytes: Vec<u8> = rows.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
    let file = File { file: Mutex::new(std::fs::File::open(&path).unwrap()), rows: rows.count(), columns: 3 };
    std::fs::remove_file(&path).unwrap();
    let options = Options { max_iter: 10, ..options(4, Init::KMeansPlusPlus) };
    let read = kmeans(&file, None, &rows.identity, &options, control(2), &|_| {}).unwrap();
    assert_eq!(read, rows.cluster(&options).unwrap());
}

#[test]
fn weights_are_repeated_rows() {
    let mut weighted = Rows::blobs(900, 2, 4, false);
    weighted.weights.iter_mut().enumerate().for_each(|(row, weight)| *weight = (row % 4) as f64);
    let order: Vec<usize> = (0..900).flat_map(|row| vec![row; row % 4]).collect();
    let mut repeated = weighted.picked(&order);
    repeated.weights.fill(1.0);
    let options = given(&weighted, 4);
    let (a, b) = (weighted.cluster(&options).unwrap(), repeated.cluster(&options).unwrap());
    assert_eq!((a.iterations, &a.sizes), (b.iterations, &b.sizes));
    assert!(a.centres.iter().zip(&b.centres).all(|(a, b)| (a - b).abs() < 1e-11));
    assert!((a.inertia - b.inertia).abs() < 1e-9 * b.inertia);
}

#[test]
fn finds_separate_clusters_whole() {
    let values: Vec<f64> = (0..3000).flat_map(|row| [f64::from(row % 3) * 100.0, f64::from(row / 3) / 1000.0]).collect();
    let steps = Mutex::new(Vec::new());
    let rows = Rows::new(2, values);
    let options = options(3, Init::KMeansPlusPlus);
    let report = |step: Step| steps.lock().unwrap().push(step);
    let found = kmeans(&rows.matrix(1), None, &rows.identity, &options, control(1), &report).unwrap();
    assert_eq!(found.sizes, [1000.0; 3]);
    assert!(found.converged && !found.relocated);
    assert_eq!(sorted(&found.centres, 2).iter().map(|centre| centre[0]).collect::<Vec<_>>(), [0.0, 100.0, 200.0]);
    let steps = steps.into_inner().unwrap();
    assert_eq!((steps[0].run, steps[0].iteration), (0, 1));
    assert!((steps.last().unwrap().inertia - found.inertia).abs() < 1e-6 * found.inertia);
}

#[test]
fn edges() {
    let rows = Rows::new(2, (0..40).map(f64::from).collect());
    let every = rows.cluster(&options(20, Init::KMeansPlusPlus)).unwrap();
    assert_eq!((every.inertia, every.converged), (0.0, true));
    assert_eq!(rows.cluster(&options(1, Init::Random)).unwrap().centres, [19.0, 20.0]);
    let same = Rows::new(2, [3.5, -1.0].repeat(50)).cluster(&options(3, Init::KMeansPlusPlus)).unwrap();
    assert_eq!((same.sizes, same.inertia), (vec![50.0, 0.0, 0.0], 0.0));
    let mut constant = Rows::blobs(200, 2, 1, false);
    constant.values.iter_mut().step_by(2).for_each(|value| *value = 7.0);
    assert!(constant.cluster(&options(3, Init::Random)).unwrap().centres.iter().step_by(2).all(|value| *value == 7.0));
    let far = Init::Given(vec![0.0, 0.0, 1e6, 1e6]);
    let relocated = rows.cluster(&options(2, far)).unwrap();
    assert!(relocated.relocated && relocated.sizes.iter().all(|size| *size >= 9.0), "{relocated:?}");
}

#[test]
fn huge_and_tiny_values() {
    for scale in [1e99, 1e-150, 1e-300] {
        let mut rows = Rows::blobs(300, 2, 3, false);
        rows.values.iter_mut().for_each(|value| *value *= scale / 20.0);
        let found = rows.cluster(&options(3, Init::KMeansPlusPlus)).unwrap();
        assert!(found.centres.iter().all(|value| value.is_finite()) && found.inertia.is_finite());
    }
    for value in [1e300, f64::NAN, f64::NEG_INFINITY] {
        let rows = Rows::new(2, vec![1.0, 2.0, 3.0, value]);
        assert_eq!(rows.cluster(&options(1, Init::Random)), Err(Failure::Column(1)));
    }
}

#[test]
fn one_row_far_away_leaves_the_other_means_exact() {
    for far in [1e8, 1e12] {
        let mut rows = Rows::blobs(3_000, 2, 4, false);
        rows.values[0] = far;
        rows.weights[1] = 3.0;
        let found = rows.cluster(&options(4, Init::KMeansPlusPlus)).unwrap();
        assert_eq!(found.assigned.labels.iter().filter(|label| **label == found.assigned.labels[0]).count(), 1, "{far}");
        for (label, centre) in found.centres.chunks(2).enumerate() {
            let own = || (0..rows.count()).filter(|row| found.assigned.labels[*row] == label as u32);
            let weight: f64 = own().map(|row| rows.weights[row]).sum();
            for (column, mean) in centre.iter().enumerate() {
                let plain = own().map(|row| rows.row(row)[column] * rows.weights[row]).sum::<f64>() / weight;
                assert!((mean / plain - 1.0).abs() < 1e-12, "{far}: {mean} {plain}");
            }
        }
        let squares = |row: usize| found.assigned.squared_distances[row] * rows.weights[row];
        let plain: f64 = (0..rows.count()).map(squares).sum();
        assert!((found.inertia / plain - 1.0).abs() < 1e-12);
    }
}

#[test]
fn refuses_what_makes_no_sense() {
    let mut rows = Rows::blobs(10, 2, 3, false);
    assert_eq!(rows.cluster(&options(0, Init::Random)), Err(Failure::Shape));
    assert_eq!(rows.cluster(&options(11, Init::Random)), Err(Failure::Shape));
    assert_eq!(rows.cluster(&options(2, Init::Given(vec![1.0; 3]))), Err(Failure::Centres));
    assert_eq!(rows.cluster(&options(1, Init::Given(vec![1.0, f64::NAN]))), Err(Failure::Centres));
    for weight in [-1.0, f64::NAN, 1e300] {
        rows.weights[3] = weight;
        assert_eq!(rows.cluster(&options(2, Init::Random)), Err(Failure::Weights));
    }
    rows.weights.fill(0.0);
    assert_eq!(rows.cluster(&options(2, Init::Random)), Err(Failure::Weights));
    let cancelled = AtomicBool::new(true);
    let stopped = Control { cancelled: &cancelled, ..control(1) };
    let failure = kmeans(&rows.matrix(10), None, &rows.identity, &options(2, Init::Random), stopped, &|_| {});
    assert_eq!(failure, Err(Failure::Stop(Stop::Cancelled)));
}
