//! Tables that name types, as `information_schema.columns` does: by their names in SQL.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::{Column, Result};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};

use crate::builtins::type_names::sql_type_name;

/// The column that names types.
const TYPE_COLUMN: &str = "data_type";

/// The same table, in which VARCHAR stands where the engine says `Utf8View`.
///
/// # Errors
/// None that the table has not.
pub fn in_sql(name: &str, table: Arc<dyn TableProvider>) -> Result<Arc<dyn TableProvider>> {
    if table.schema().column_with_name(TYPE_COLUMN).is_none() {
        return Ok(table);
    }
    let scan = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?;
    let in_sql = |column: Column| match column.name.as_str() {
        TYPE_COLUMN => sql_type_name(Expr::Column(column)).alias(TYPE_COLUMN),
        _ => Expr::Column(column),
    };
    let columns: Vec<Expr> = scan.schema().columns().into_iter().map(in_sql).collect();
    Ok(Arc::new(ViewTable::new(scan.project(columns)?.build()?, None)))
}
