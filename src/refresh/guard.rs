//! Expressions that are computed only for the rows they were written for.
//!
//! A WHERE protects what stands above it: `amount / visits` is safe under `WHERE visits <> 0`. Where tags share a scan, the WHERE of
//! one becomes a condition beside its expressions, which are then computed for the rows of the others too, and a division by zero
//! would fail the refresh of all. CASE is what promises not to evaluate the branch that it does not choose, with one exception: a
//! CASE of booleans is rewritten by the optimiser into AND and OR, which promise nothing. Hence the CASE goes around what
//! is compared rather than around the comparison.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, Operator, when};

/// A value only where a condition holds, which protects it; columns are of `schema`.
///
/// # Errors
/// A fault of the program.
pub fn only_when(condition: Option<Expr>, value: Expr, schema: &DFSchema) -> Result<Expr> {
    match condition {
        Some(condition) => when(condition.clone(), guarded(value, &condition, schema)?).end(),
        None => Ok(value),
    }
}

/// The conditions together, in their order: each is protected by those before it, as one filter above another is. `None` when there is
/// none.
///
/// # Errors
/// A fault of the program.
pub fn all_of(conditions: impl IntoIterator<Item = Expr>, schema: &DFSchema) -> Result<Option<Expr>> {
    conditions.into_iter().try_fold(None, |before: Option<Expr>, condition| match before {
        Some(before) => {
            let condition = guarded(condition, &before, schema)?;
            Ok(Some(before.and(condition)))
        }
        None => Ok(Some(condition)),
    })
}

/// The same value where a condition holds, and no error where it does not.
///
/// # Errors
/// A fault of the program.
pub fn guarded(expression: Expr, condition: &Expr, schema: &DFSchema) -> Result<Expr> {
    if !can_fail(&expression, schema) {
        return Ok(expression);
    }
    if !is(&expression, schema, |data_type| *data_type == DataType::Boolean) {
        return when(condition.clone(), expression).end();
    }
    // A boolean that fails by itself, as CAST('x' AS BOOLEAN) does, is safe when it is given NULL.
    let by_itself = node_can_fail(&expression, schema);
    let guarded = expression.map_children(|part| {
        let is_safe = !by_itself || part.column_refs().is_empty() || can_fail(&part, schema);
        let part = if is_safe { guarded(part, condition, schema)? } else { when(condition.clone(), part).end()? };
        Ok(Transformed::yes(part))
    });
    guarded.data()
}

/// False when an expression has a value for every row, so that it may be computed for rows that nobody asked for. What is constant
/// fails for all rows or for none.
pub fn can_fail(expression: &Expr, schema: &DFSchema) -> bool {
    !expression.column_refs().is_empty() && expression.exists(|part| Ok(node_can_fail(part, schema))).unwrap_or(true)
}

/// True when an expression may fail though its parts do not. Functions are taken to do so.
fn node_can_fail(expression: &Expr, schema: &DFSchema) -> bool {
    let is = |part: &Expr, test: fn(&DataType) -> bool| is(part, schema, test);
    match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::Plus | Operator::Minus | Operator::Multiply => {
                // Others may leave the range of their type.
                !is(left, DataType::is_floating) && !is(right, DataType::is_floating)
            }
            Operator::Divide | Operator::Modulo => !is(left, DataType::is_floating) && !is(right, DataType::is_floating),
            // What can be propagated through is a comparison.
            other => !other.is_logic_operator() && !other.supports_propagation(),
        },
        // A time has a day, and a number is near a floating-point one.
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
