//! The types that the values of a query have.
//!
//! The rules over plans change the types of some columns: a date plus hours is a timestamp, and `CASE … THEN 1 ELSE 0.5 END` is no integer.
//! DESCRIBE and the catalogs, which read no rows, show the types after these rules.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;

/// The columns with the types that their values have, except those for which `is_settled` is true. What cannot be planned
/// yet, because a parameter has no value, stays as it is.
pub fn columns(columns: &Schema, plan: &LogicalPlan, state: &SessionState, is_settled: impl Fn(&Field) -> bool) -> Schema {
    let analyzed = state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {});
    let Some(analyzed) = analyzed.ok().filter(|analyzed| analyzed.schema().fields().len() == columns.fields().len()) else {
        return columns.clone();
    };
    let typed = |(told, own): (&FieldRef, &FieldRef)| match is_settled(told) {
        true => Field::clone(told),
        false => Field::clone(told).with_data_type(own.data_type().clone()),
    };
    Schema::new(columns.fields().iter().zip(analyzed.schema().fields()).map(typed).collect::<Vec<_>>())
}

/// The columns of a table or view.
pub fn of_table(table: &dyn TableProvider, state: &SessionState) -> SchemaRef {
    match table.get_logical_plan() {
        Some(plan) => Arc::new(columns(&table.schema(), &plan, state, |_| false)),
        None => table.schema(),
    }
}
