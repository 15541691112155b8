//! Describes a column in one pass and bounded memory: values, their number and frequencies, moments, quantiles, forms.
//!
//! A column begins with an exact table of its values. When that outgrows its bounds, it becomes a sketch, as if it had been one from the first row:
//!
//! | of the column | exact | sketch | error of the sketch |
//! |---|---|---|---|
//! | distinct values | counted | HyperLogLog, 2¹³ registers | 1.2 % (standard error) |
//! | frequent values | counted | Count-Min of two rows, less what others add on average | those of 1 % and more; some 1/8192 of the rows |
//! | quantiles | from the values | histogram of 128 buckets to a power of two | 0.8 % of the value |
//! | mean, standard deviation | from the values | whole sums in each bucket | none but rounding |
//! | forms of texts | from all values | the 1,024 values with the smallest hashes, with their exact counts | that of a sample |
//!
//! Each part is a sum, a maximum, or the smallest of a set, and whether the table is left depends on the set of values alone. So rows and partitions may come
//! in any order: the answer is the same, to the last bit.
//!
//! Literature: P. Flajolet, É. Fusy, O. Gandouet, F. Meunier, HyperLogLog (2007), with the estimator of O. Ertl (2017); G. Cormode and S. Muthukrishnan,
//! Count-Min (2005), debiased as by F. Deng and D. Rafiei (2007); C. Masson, J. E. Rim, H. K. Lee, DDSketch (2019); Z. Bar-Yossef et al., least hashes (2002).

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

pub use alerts::Facts;
pub use numbers::{Kind, Numbers};
pub use rows::{RowSample, with_column};
pub use summary::Summary;
pub use texts::Texts;

/// A column has an exact table up to this many distinct values.
pub const EXACT_VALUES: usize = 16_384;
/// And of texts, up to this many bytes of them.
pub const EXACT_BYTES: usize = 4 << 20;
