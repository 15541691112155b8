//! Aggregates, under the names of other systems, and statistics of columns.

mod chosen;
mod counted;
mod given;
mod shape;
mod summarize;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("statistics", "Aggregates under the names of other dialects")
        .table_macro(summarize::Summarize)
        .expressions(&counted::ALL)
        .expressions(&chosen::ALL)
        .expressions(&shape::ALL)
}
