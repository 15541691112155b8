//! Functions whose form depends on their arguments.

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::ast::{Expr, Value};

use crate::adapter::expression_macro::Written;
use crate::error::{SqlState, coded, invalid};

/// The aggregates that `list_aggregate` applies, and what it writes for each.
const AGGREGATES: [(&str, &str); 30] = [
    ("any_value", "(array_compact($1))[1]"),
    ("avg", "avg_of($1)"),
    ("bit_and", "bit_and_of($1)"),
    ("bit_or", "bit_or_of($1)"),
    ("bit_xor", "bit_xor_of($1)"),
    ("bool_and", "bool_and_of($1)"),
    ("bool_or", "bool_or_of($1)"),
    ("count", "cardinality(array_compact($1))"),
    ("entropy", "entropy_of($1)"),
    ("first", "($1)[1]"),
    ("group_concat", "array_to_string($1, ',')"),
    ("kurtosis", "kurtosis_of($1)"),
    ("last", "($1)[-1]"),
    ("mad", "deviation_of($1)"),
    ("max", "array_max($1)"),
    ("mean", "avg_of($1)"),
    ("median", "median_of($1)"),
    ("min", "array_min($1)"),
    ("mode", "most_frequent_of($1)"),
    ("product", "product_of($1)"),
    ("skewness", "skewness_of($1)"),
    ("stddev", "stddev_of($1)"),
    ("stddev_pop", "stddev_pop_of($1)"),
    ("stddev_samp", "stddev_of($1)"),
    ("string_agg", "array_to_string($1, ',')"),
    ("sum", "sum_of($1)"),
    ("var_pop", "var_pop_of($1)"),
    ("var_samp", "variance_of($1)"),
    ("variance", "variance_of($1)"),
    ("variance_pop", "var_pop_of($1)"),
];

/// `list_aggregate(list, 'sum')`, and `list_aggregate(list, 'string_agg', '-')`
pub fn of_list(arguments: &[Expr]) -> Result<Option<Written>> {
    let name = match arguments {
        [_, Expr::Value(name), ..] => match &name.value {
            Value::SingleQuotedString(name) => name.to_lowercase(),
            _ => String::new(),
        },
        _ => String::new(),
    };
    match (AGGREGATES.iter().find(|(own, _)| name == *own), arguments) {
        (Some((_, sql)), [list, _]) => Ok(Some(((*sql).into(), vec![list.clone()]))),
        (Some(("string_agg" | "group_concat", _)), [list, _, between]) => {
            Ok(Some(("array_to_string($1, $2)".into(), vec![list.clone(), between.clone()])))
        }
        _ => {
            let names = AGGREGATES.iter().map(|(name, _)| format!("'{name}'")).collect::<Vec<_>>().join(", ");
            Err(invalid("list_aggregate", format!("takes a list and the name of an aggregate: {names}")))
        }
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
