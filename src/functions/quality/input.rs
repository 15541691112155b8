//! The arguments that the macros of this domain share.

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::Result;
use sqlparser::ast::Expr;

use crate::adapter::table_macro::MacroCall;
use crate::docs::{Argument, Takes};
use crate::error::invalid;
use crate::text::{as_sql, trimmed};

/// The first argument of every function of this domain.
pub const INPUT: Argument = Argument::required("input", Takes::Relation, "a table, a call in FROM or (SELECT …)");

/// The expressions of an argument that takes a list of columns.
pub fn list<'a>(call: &'a MacroCall, argument: &str) -> Result<Vec<&'a Expr>> {
    match call.expression(argument) {
        None => Ok(vec![]),
        Some(Expr::Array(list)) if list.elem.is_empty() => {
            Err(invalid(call.doc.name, format!("{argument} needs at least one column")))
        }
        Some(Expr::Array(list)) => Ok(list.elem.iter().collect()),
        Some(other) => {
            Err(invalid(call.doc.name, format!("{argument} takes a list of columns; write {argument} => [{}]", as_sql(other))))
        }
    }
}

/// The expressions of an argument that takes one column or a list of them.
pub fn one_or_list<'a>(call: &'a MacroCall, argument: &str) -> Result<Vec<&'a Expr>> {
    match call.expression(argument) {
        Some(Expr::Array(_)) | None => list(call, argument),
        Some(one) => Ok(vec![one]),
    }
}

/// SQL for the condition that a value is missing: NULL, blank or NaN.
pub fn is_missing(expression: &Expr, field: Option<&FieldRef>) -> String {
    let sql = as_sql(expression);
    let data_type = field.map(|field| field.data_type());
    match data_type {
        Some(text) if text.is_string() => format!("(({sql}) IS NULL OR {} = '')", trimmed(&sql)),
        Some(real) if real.is_floating() => format!("(({sql}) IS NULL OR isnan({sql}))"),
        Some(_) => format!("(({sql}) IS NULL)"),
        None => format!("(({sql}) IS NULL OR {} = '')", trimmed(&format!("CAST({sql} AS VARCHAR)"))),
    }
}
