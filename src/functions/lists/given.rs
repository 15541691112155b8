//! Functions whose form depends on their arguments.

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::ast::{Expr, Value};

use crate::adapter::expression_macro::Written;
use crate::error::{SqlState, coded, invalid};

/// `list_aggregate(list, 'sum')`
pub fn of_list(arguments: &[Expr]) -> Result<Option<Written>> {
    const NAMES: [(&str, &str); 6] = [
        ("sum", "list_sum($1)"),
        ("avg", "list_avg($1)"),
        ("min", "array_min($1)"),
        ("max", "array_max($1)"),
        ("count", "cardinality(array_compact($1))"),
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

/// Rejects the call and shows the right form.
fn wrong(name: &str, arguments: &[Expr], written: &str) -> DataFusionError {
    let problem = match arguments.len() {
        1 => format!("it does not take 1 argument; it is written {written}"),
        count => format!("it does not take {count} arguments; it is written {written}"),
    };
    coded(SqlState::UNDEFINED_FUNCTION, name, problem)
}

/// `array_remove(list, value)`: NULL can be removed like any other value.
pub fn without(arguments: &[Expr]) -> Result<Option<Written>> {
    let sql = match arguments {
        [_, Expr::Value(value)] if value.value == Value::Null => "array_compact($1)",
        [_, Expr::Value(_)] => "array_remove_all($1, $2)",
        [_, _] => "CASE WHEN $2 IS NULL THEN array_compact($1) ELSE array_remove_all($1, $2) END",
        _ => return Err(wrong("array_remove", arguments, "array_remove(list, value)")),
    };
    Ok(Some((sql.into(), arguments.to_vec())))
}

/// `generate_array(start, end, step)`
pub fn numbers(arguments: &[Expr]) -> Result<Option<Written>> {
    let sql = match arguments {
        [_, _] => "generate_series($1, $2)",
        [_, _, Expr::Value(step)] if step.to_string() == "0" => {
            return Err(invalid("generate_array", "step must not be 0; write 1, or -1 to count down"));
        }
        [_, _, _] => "generate_series($1, $2, $3)",
        _ => return Err(wrong("generate_array", arguments, "generate_array(start, end, step)")),
    };
    Ok(Some((sql.into(), arguments.to_vec())))
}

/// `list_value(1, 2, …)`
pub fn values(arguments: &[Expr]) -> Result<Option<Written>> {
    let places: Vec<String> = (1..=arguments.len()).map(|place| format!("${place}")).collect();
    Ok(Some((format!("make_array({})", places.join(", ")), arguments.to_vec())))
}
