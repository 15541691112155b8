//! `decode(value, search, result, …, default)` of Oracle and Snowflake.

use std::fmt::Write;

use datafusion::common::Result;
use sqlparser::ast::Expr;

use crate::adapter::expression_macro::Written;

/// With two arguments it is DataFusion's own `decode`, for bytes.
pub fn meaning(arguments: &[Expr]) -> Result<Option<Written>> {
    if arguments.len() < 3 {
        return Ok(None);
    }
    let mut sql = String::from("CASE");
    let mut place = 2;
    while place < arguments.len() {
        let _ = write!(sql, " WHEN $1 IS NOT DISTINCT FROM ${place} THEN ${}", place + 1);
        place += 2;
    }
    if place == arguments.len() {
        let _ = write!(sql, " ELSE ${place}");
    }
    sql.push_str(" END");
    Ok(Some((sql, arguments.to_vec())))
}
