//! Functions whose form depends on their arguments.

use datafusion::common::Result;
use sqlparser::ast::{Expr, Value};

use crate::adapter::expression_macro::Written;
use crate::error::invalid;

/// `list_aggregate(list, 'sum')`
pub fn of_list(arguments: &[Expr]) -> Result<Option<Written>> {
    const NAMES: [(&str, &str); 6] = [
        ("sum", "list_sum($1)"),
        ("avg", "list_avg($1)"),
        ("min", "array_min($1)"),
        ("max", "array_max($1)"),
        ("count", "cardinality($1)"),
        ("string_agg", "array_to_string($1, ',')"),
    ];
    let name = match arguments {
        [_, Expr::Value(name)] => match &name.value {
            Value::SingleQuotedString(name) => name.as_str(),
            _ => "",
        },
        _ => "",
    };
    match NAMES.iter().find(|(own, _)| name.eq_ignore_ascii_case(own)) {
        Some((_, sql)) => Ok(Some(((*sql).into(), arguments[..1].to_vec()))),
        None => Err(invalid("list_aggregate", "takes a list and one of 'sum', 'avg', 'min', 'max', 'count', 'string_agg'")),
    }
}
