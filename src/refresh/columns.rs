//! The columns of the plan of a refresh: those of the new state, and intermediate ones.
//!
//! A row of the plan has the current and the previous values of one customer. The current ones have the column names of the published state
//! (`value:x`, `segment:x`); the previous value is `was:x`, with its start `since:x` and its version `version:x`. Where the value is
//! unchanged, these carry over to the new state.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::Column;
use datafusion::logical_expr::Expr;

/// Whether the customer is in the profile now; the other rows are there only because they were in the previous state.
pub use super::align::PRESENT;
pub use crate::catalog::state_columns::{KEY, segment, since, value, version};

/// True for customers of the previous state, NULL for others.
pub const WAS_THERE: &str = "was_there";

/// The type of the times at which values open and close.
pub const MOMENT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// The previous value of a tag.
pub fn was(name: &str) -> String {
    format!("was:{name}")
}

/// Since when a customer had been in a segment in the previous state.
pub fn was_in(name: &str) -> String {
    format!("was_in:{name}")
}

/// The version of the definition that produced a value which is kept instead of computed.
pub fn kept_version(name: &str) -> String {
    format!("kept_version:{name}")
}

/// A second value of the same customer in this column, where the tag must have only one.
pub fn second(column: &str) -> String {
    format!("second:{column}")
}

/// A column of the plan.
pub fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
