//! Functions and operators that SQL has without us, where the engine's would wrap, take memory without end, or say another thing than
//! SQL does: here under the same names.

pub mod arithmetic;
mod exact_sum;
mod scalar;
pub mod spans;
mod wide_decimals;
pub mod zoned;

use std::sync::Arc;

use datafusion::execution::session_state::SessionStateBuilder;

/// Puts ours in the place of the engine's in a session that is being built.
pub fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    let scalars = arithmetic::ALL.iter().chain(&spans::ALL).chain(&zoned::ALL).map(|scalar| Arc::new(scalar.udf()));
    builder.scalar_functions().get_or_insert_default().extend(scalars);
    builder.aggregate_functions().get_or_insert_default().extend([exact_sum::udaf(), wide_decimals::avg()].map(Arc::new));
    builder
}
