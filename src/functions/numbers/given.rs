//! Functions whose form depends on their arguments.

use datafusion::common::Result;
use sqlparser::ast::Expr;

use crate::adapter::expression_macro::Written;

/// `greatest` already ignores NULL.
pub fn greatest(arguments: &[Expr]) -> Result<Option<Written>> {
    let places: Vec<String> = (1..=arguments.len()).map(|place| format!("${place}")).collect();
    Ok(Some((format!("greatest({})", places.join(", ")), arguments.to_vec())))
}
