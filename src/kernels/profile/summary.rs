//! The results for a column, for numbers and strings.

use super::histogram::Moments;

/// What a column is like.
#[derive(Debug, Clone, Default)]
pub struct Summary<V> {
    /// Values that are not NULL.
    pub values: u64,
    pub distinct: u64,
    /// False when `distinct`, `frequent`, quantiles and what is said of `sample` come from a sketch.
    pub is_exact: bool,
    pub min: Option<V>,
    pub max: Option<V>,
    /// Of finite numbers.
    pub moments: Option<Moments>,
    /// First quartile, median, third quartile.
    pub quartiles: Option<[f64; 3]>,
    /// The most frequent values with their rows, by rows; of equally frequent ones the least first.
    pub frequent: Vec<(V, u64)>,
    /// Texts of white space only.
    pub blank: u64,
    /// NaN and infinite numbers.
    pub not_finite: u64,
    /// Values beyond a limit that was given.
    pub beyond: u64,
    /// All values if exact, else a sample of the different ones, with their rows.
    pub sample: Vec<(V, u64)>,
}

/// Different values, of which some come more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Values {
    pub different: u64,
    pub repeated: u64,
}

impl<V> Summary<V> {
    /// How many of the values that are looked at come more than once.
    pub fn repeated(&self) -> Values {
        let repeated = self.sample.iter().filter(|(_, rows)| *rows > 1).count() as u64;
        Values { different: self.sample.len() as u64, repeated }
    }
}

/// Puts values in the order in which they are shown, and keeps the first.
pub fn most_frequent<V: Ord>(mut values: Vec<(V, u64)>, wanted: usize) -> Vec<(V, u64)> {
    values.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    values.truncate(wanted);
    values
}
