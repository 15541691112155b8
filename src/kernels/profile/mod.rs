//! Profiles a column in one pass and bounded memory: values, their number and frequencies, moments, quantiles, patterns.
//!
//! A column starts as an exact table of its values. If that exceeds its limits, it becomes a sketch, with the same contents as if it had
//! been one from the first row:
//!
//! | statistic | exact | sketch | error of the sketch |
//! |---|---|---|---|
//! | distinct values | counted | HyperLogLog, 2¹³ registers | 1.2 % (standard error) |
//! | frequent values | counted | Count-Min of two rows, minus the expected rows of others | finds those of 1 % and more; ± 1/8192 of rows |
//! | quantiles of numbers | from the values | histogram with 128 buckets per power of two | 0.8 % of the value |
//! | quantiles of times | from the values | the 1,024 values with the smallest hashes, and the frequent values | 1.4 % of the rows (standard error) |
//! | mean, standard deviation | from the values | integer sums in each bucket | only rounding |
//! | patterns of strings | from all values | the 1,024 values with the smallest hashes, with their exact counts | sampling error |
//!
//! Each part is a sum, a maximum, or the smallest elements of a set, and whether a table becomes a sketch depends only on the set of
//! values. So rows and partitions may come in any order: the result is the same, to the last bit.
//!
//! Literature: P. Flajolet, É. Fusy, O. Gandouet, F. Meunier, HyperLogLog (2007), with the estimator of O. Ertl (2017); G. Cormode and S.
//! Muthukrishnan, Count-Min (2005), debiased as by F. Deng and D. Rafiei (2007); C. Masson, J. E. Rim, H. K. Lee, DDSketch (2019); Z.
//! Bar-Yossef et al., least hashes (2002).

mod alerts;
mod frequencies;
mod hash;
mod histogram;
mod numbers;
mod patterns;
mod rows;
mod sample;
mod summary;
mod texts;
mod times;

pub use alerts::Facts;
pub use histogram::{ordered, unordered};
pub use numbers::{Kind, Numbers};
pub use rows::{RowSample, with_column};
pub use summary::Summary;
pub use texts::Texts;

/// The most distinct values for which a column keeps an exact table.
pub const EXACT_VALUES: usize = 16_384;
/// The most bytes of distinct strings in an exact table.
pub const EXACT_BYTES: usize = 4 << 20;
