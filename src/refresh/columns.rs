//! The columns of the plan of a refresh: those of the state that it makes, and what stands beside them on the way.
//!
//! A row of the plan holds a customer now and before. What is computed now goes by the names of the state that is published
//! (`value:x`, `segment:x`); the value before by `was:x`, with the `since:x` and `version:x` that it had. They become those of the
//! new state where the value is the same.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::Column;
use datafusion::logical_expr::Expr;

/// Whether the customer is in the profile now; the others are there because they were.
pub use super::align::PRESENT;
pub use crate::catalog::state_columns::{KEY, segment, since, value, version};

/// True for customers of the state before, NULL for others.
pub const WAS_THERE: &str = "was_there";

/// The type of the times at which values begin and end.
pub const MOMENT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// The value of a tag before.
pub fn was(name: &str) -> String {
    format!("was:{name}")
}

/// Since when a customer was in a segment before.
pub fn was_in(name: &str) -> String {
    format!("was_in:{name}")
}

/// The version of the definition that gave a value which is kept rather than computed.
pub fn kept_version(name: &str) -> String {
    format!("kept_version:{name}")
}

/// Another value of one customer for the column of this name, where a tag that must have one value has two.
pub fn second(column: &str) -> String {
    format!("second:{column}")
}

/// A column of the plan.
pub fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
