//! Computes expressions only for the rows they were written for.
//!
//! A WHERE protects the expressions above it: `amount / visits` is safe under `WHERE visits <> 0`. Where tags share a scan, one tag's WHERE
//! becomes a condition next to its expressions, which are then also computed for the rows of the other tags; a division by zero there would
//! fail the whole refresh. CASE guarantees that a branch not taken is not evaluated, with one exception: the optimizer rewrites a CASE of
//! booleans into AND and OR, which guarantee nothing. Hence the CASE goes around the operands of a comparison rather than around the
//! comparison.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, Operator, when};

use crate::walk::Tree;

/// The value where a condition holds, guarded by it, and NULL elsewhere; columns are those of `schema`.
///
/// # Errors
/// Internal errors only.
pub fn only_when(condition: Option<Expr>, value: Expr, schema: &DFSchema) -> Result<Expr> {
    match condition {
        Some(condition) => when(condition.clone(), guarded(value, &condition, schema)?).end(),
        None => Ok(value),
    }
}

/// The conjunction of the conditions, in order: each is guarded by those before it, as by lower filters. `None` when there are none.
///
/// # Errors
/// Internal errors only.
pub fn all_of(conditions: impl IntoIterator<Item = Expr>, schema: &DFSchema) -> Result<Option<Expr>> {
    conditions.into_iter().try_fold(None, |before: Option<Expr>, condition| match before {
        Some(before) => {
            let condition = guarded(condition, &before, schema)?;
            Ok(Some(before.and(condition)))
        }
        None => Ok(Some(condition)),
    })
}

/// The expression guarded by a condition: the same value where it holds, and no error where it does not.
///
/// # Errors
/// Internal errors only.
pub fn guarded(expression: Expr, condition: &Expr, schema: &DFSchema) -> Result<Expr> {
    if !can_fail(&expression, schema) {
        return Ok(expression);
    }
    if !is(&expression, schema, |data_type| *data_type == DataType::Boolean) {
        return when(condition.clone(), expression).end();
    }
    // A boolean that can fail by itself, like CAST('x' AS BOOLEAN), cannot be wrapped in CASE; with NULL as its operand it is safe.
    let by_itself = node_can_fail(&expression, schema);
    let guarded = expression.changed_children(|part| {
        let is_safe = !by_itself || part.column_refs().is_empty() || can_fail(&part, schema);
        let part = if is_safe { guarded(part, condition, schema)? } else { when(condition.clone(), part).end()? };
        Ok(Transformed::yes(part))
    });
    guarded.data()
}

/// False when an expression has a value for every row, so that it may be computed for rows outside its own condition. A constant expression
/// fails for all rows or for none, so guarding it would not help.
pub fn can_fail(expression: &Expr, schema: &DFSchema) -> bool {
    !expression.column_refs().is_empty() && expression.any_part(|part| Ok(node_can_fail(part, schema))).unwrap_or(true)
}

/// True when the node itself can fail even if its operands do not. Every function is assumed to.
fn node_can_fail(expression: &Expr, schema: &DFSchema) -> bool {
    let is = |part: &Expr, test: fn(&DataType) -> bool| is(part, schema, test);
    match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::Plus | Operator::Minus | Operator::Multiply => {
                // Integers and decimals can overflow.
                !is(left, DataType::is_floating) && !is(right, DataType::is_floating)
            }
            Operator::Divide | Operator::Modulo => !is(left, DataType::is_floating) && !is(right, DataType::is_floating),
            // Operators that support interval propagation are comparisons, which cannot fail.
            other => !other.is_logic_operator() && !other.supports_propagation(),
        },
        // Every timestamp has a date, and every number has a nearest DOUBLE: these casts cannot fail.
        Expr::Cast(Cast { expr, field }) => match field.data_type() {
            DataType::Date32 => !is(expr, DataType::is_temporal),
            DataType::Float64 => !is(expr, DataType::is_numeric),
            _ => true,
        },
        Expr::ScalarFunction(_) | Expr::Negative(_) => true,
        _ => false,
    }
}

fn is(expression: &Expr, schema: &DFSchema, test: impl Fn(&DataType) -> bool) -> bool {
    expression.get_type(schema).is_ok_and(|data_type| test(&data_type))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{Field, Schema};
    use datafusion::logical_expr::{cast, col, lit};

    use super::*;

    #[test]
    fn only_what_can_fail_is_guarded_and_no_boolean_is_what_a_case_gives() {
        let fields = [("n", DataType::Int64), ("f", DataType::Float64), ("text", DataType::Utf8)];
        let schema = Schema::new(fields.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec());
        let schema = DFSchema::try_from(schema).unwrap();
        let guard = |expression: Expr| guarded(expression, &col("n").gt(lit(0_i64)), &schema).unwrap().to_string();
        let ten = || lit(10_i64);
        assert_eq!(guard(col("n") + ten()), "CASE WHEN n > Int64(0) THEN n + Int64(10) END");
        assert_eq!(guard(col("f") + ten()), "f + Int64(10)");
        assert_eq!(guard(col("f") / ten()), "f / Int64(10)");
        assert_eq!(guard(ten() / lit(0_i64)), "Int64(10) / Int64(0)");
        assert_eq!(guard(ten() / col("n")), "CASE WHEN n > Int64(0) THEN Int64(10) / n END");
        let compared = (ten() / col("n")).gt(lit(2_i64)).and(col("f").is_null());
        assert_eq!(guard(compared), "CASE WHEN n > Int64(0) THEN Int64(10) / n END > Int64(2) AND f IS NULL");
        let conditions = [col("n").not_eq(lit(0_i64)), (ten() / col("n")).gt(lit(2_i64))];
        let all = "n != Int64(0) AND CASE WHEN n != Int64(0) THEN Int64(10) / n END > Int64(2)";
        assert_eq!(all_of(conditions, &schema).unwrap().unwrap().to_string(), all);
        assert_eq!(all_of([], &schema).unwrap(), None);
        let boolean = cast(col("text"), DataType::Boolean);
        assert_eq!(guard(boolean), "CAST(CASE WHEN n > Int64(0) THEN text END AS Boolean)");
    }
}
