//! Functions whose form depends on their arguments. The expression in WITHIN GROUP is passed as the last argument.

use datafusion::common::Result;
use sqlparser::ast::{Expr, Value};

use crate::adapter::expression_macro::Written;
use crate::error::invalid;

fn is_number(expression: &Expr) -> bool {
    matches!(expression, Expr::Value(value) if matches!(value.value, Value::Number(..) | Value::Placeholder(_)))
}

/// `percentile_disc(0.5) WITHIN GROUP (ORDER BY x)` and `quantile_disc(x, 0.5)`.
pub fn disc(arguments: &[Expr]) -> Result<Option<Written>> {
    let (share, value) = match arguments {
        [share, value] if is_number(share) => (share, value),
        [value, share] if is_number(share) => (share, value),
        _ => {
            let problem = "takes a constant share and a value; write percentile_disc(0.5) WITHIN GROUP (ORDER BY amount)";
            return Err(invalid("percentile_disc", problem));
        }
    };
    if share.to_string().parse::<f64>().is_ok_and(|share| !(0.0..=1.0).contains(&share)) {
        return Err(invalid("percentile_disc", format!("the share must be from 0 to 1, got {share}")));
    }
    let place = "greatest(1, CAST(ceil($1 * count($2)) AS BIGINT))";
    let sql = format!("array_sort(array_agg($2) FILTER (WHERE $2 IS NOT NULL))[{place}]");
    Ok(Some((sql, vec![share.clone(), value.clone()])))
}

pub fn mode(arguments: &[Expr]) -> Result<Option<Written>> {
    match arguments {
        [_] => Ok(Some(("most_frequent_of(array_agg($1))".into(), arguments.to_vec()))),
        _ => Err(invalid("mode", "takes one value; write mode(status), or mode() WITHIN GROUP (ORDER BY status)")),
    }
}
