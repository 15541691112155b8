//! Casts that lose digits or fail, in comparisons: `CAST(1.46 AS DECIMAL(10, 0)) = 1` is true, and `TRY_CAST(100000 AS SMALLINT) <> 5` is NULL.
//!
//! DataFusion compares what is cast with the constant instead, `1.46 = 1`, also where the cast gives another value, NULL or an error.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Cast, InList, TryCast};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;

use super::{compares, each_expression};
use crate::builtins::as_cast::as_cast;

/// Runs after type coercion.
#[derive(Debug)]
pub struct LossyCasts;

impl AnalyzerRule for LossyCasts {
    fn name(&self) -> &'static str {
        "lossy_casts"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(each_expression(plan, |mut expression, schema| {
            let changed = match &mut expression {
                Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
                    let is_of_nulls = matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom);
                    let sides = [left.as_mut(), right.as_mut()].map(|side| kept(side, is_of_nulls, schema));
                    sides.contains(&true)
                }
                Expr::InList(InList { expr, .. }) => kept(expr, false, schema),
                _ => false,
            };
            Ok(if changed { Transformed::yes(expression) } else { Transformed::no(expression) })
        })?
        .data)
    }
}

/// Keeps the value of a cast that loses something, also within the casts to a common type; true for such.
fn kept(side: &mut Expr, is_of_nulls: bool, schema: &DFSchema) -> bool {
    let (Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field })) = &mut *side else { return false };
    // A constant is cast once, and then compared as it is.
    if matches!(expr.as_ref(), Expr::Literal(..)) {
        return false;
    }
    let is_lossy = match expr.get_type(schema) {
        Ok(from) if from.is_string() => is_of_nulls && !field.data_type().is_string(),
        Ok(from) => loses(&from, field.data_type()),
        Err(_) => false,
    };
    if !is_lossy {
        return kept(expr, is_of_nulls, schema);
    }
    *side = as_cast(std::mem::take(side));
    true
}

/// True for casts between integers and decimals that do not give every value back.
pub fn loses(from: &DataType, to: &DataType) -> bool {
    match (digits(from), digits(to)) {
        (Some((before, places)), Some((kept_before, kept_places))) => {
            let is_unsigned = |data_type: &DataType| data_type.is_unsigned_integer();
            let has_room = match from.is_integer() && to.is_integer() {
                // The largest SMALLINT has as many digits as values beyond it.
                true => match (from.primitive_width(), to.primitive_width()) {
                    (Some(own), Some(other)) if is_unsigned(from) == is_unsigned(to) => own <= other,
                    (Some(own), Some(other)) => is_unsigned(from) && own < other,
                    _ => false,
                },
                // An integer type holds less than its digits.
                false if to.is_integer() => before < kept_before,
                false => before <= kept_before,
            };
            !has_room || places > kept_places
        }
        _ => false,
    }
}

/// How many digits there may be before the point, and after it.
fn digits(data_type: &DataType) -> Option<(i16, i16)> {
    Some(match data_type {
        DataType::Int8 | DataType::UInt8 => (3, 0),
        DataType::Int16 | DataType::UInt16 => (5, 0),
        DataType::Int32 | DataType::UInt32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::UInt64 => (20, 0),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => (i16::from(*precision) - i16::from(*scale), i16::from(*scale)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_to_wider_types_lose_nothing() {
        let decimal = DataType::Decimal128;
        for (from, to) in [
            (DataType::Int16, DataType::Int64),
            (DataType::UInt32, DataType::Int64),
            (DataType::Int64, decimal(20, 0)),
            (DataType::UInt64, decimal(20, 0)),
            (decimal(10, 2), decimal(22, 2)),
            (decimal(10, 2), DataType::Decimal256(40, 4)),
            (decimal(9, 0), DataType::Int32),
        ] {
            assert!(!loses(&from, &to), "{from} {to}");
        }
        for (from, to) in [
            (DataType::Int64, DataType::Int16),
            (DataType::UInt64, DataType::Int64),
            (DataType::Int8, DataType::UInt64),
            (decimal(10, 2), decimal(10, 0)),
            (decimal(10, 2), decimal(9, 2)),
            (decimal(10, 0), DataType::Int32),
            (DataType::Int64, decimal(4, 0)),
        ] {
            assert!(loses(&from, &to), "{from} {to}");
        }
    }
}
