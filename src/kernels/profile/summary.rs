//! The statistics of a column, for numbers and strings alike.

use super::histogram::Moments;

/// The statistics of a column.
#[derive(Debug, Clone, Default)]
pub struct Summary<V> {
    /// The number of values that are not NULL.
    pub values: u64,
    pub distinct: u64,
    /// False if `distinct`, `frequent`, the quantiles and `sample` come from a sketch.
    pub is_exact: bool,
    pub min: Option<V>,
    pub max: Option<V>,
    /// The moments of the finite numbers.
    pub moments: Option<Moments>,
    /// The first quartile, the median and the third quartile of the finite numbers.
    pub quartiles: Option<[f64; 3]>,
    /// The same of times; each is one of the values.
    pub quartile_times: Option<[V; 3]>,
    /// The most frequent values with their rows, in descending order; ties by value.
    pub frequent: Vec<(V, u64)>,
    /// The number of strings that consist only of white space.
    pub blank: u64,
    /// The number of infinite and NaN values.
    pub not_finite: u64,
    /// The number of values above the given limit.
    pub beyond: u64,
    /// All values if exact, otherwise a sample of the distinct values; with their rows.
    pub sample: Vec<(V, u64)>,
}

/// The number of distinct values, and of those that occur more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Values {
    pub different: u64,
    pub repeated: u64,
}

impl<V> Summary<V> {
    /// How many values of the sample occur more than once.
    pub fn repeated(&self) -> Values {
        let repeated = self.sample.iter().filter(|(_, rows)| *rows > 1).count() as u64;
        Values { different: self.sample.len() as u64, repeated }
    }
}

/// Sorts values in the order in which they are shown, and keeps the first `wanted`.
pub fn most_frequent<V: Ord>(mut values: Vec<(V, u64)>, wanted: usize) -> Vec<(V, u64)> {
    values.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    values.truncate(wanted);
    values
}
