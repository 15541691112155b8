//! Operators for which DataFusion's result differs from SQL's: arithmetic that would wrap around, intervals that would be compared field
//! by field, casts of timestamps. Runs after type coercion. The replacements are in [`crate::builtins`].

use std::cell::Cell;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, cast, lit};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;
use sqlparser::ast::BinaryOperator;

use super::{each_expression, lengths, zones};
use crate::builtins::dates::moved::days_apart;
use crate::builtins::{arithmetic, chain, decimals, division, exact_constants, shifts, spans, zoned};
use crate::walk::PlanTree;

/// Runs after type coercion.
#[derive(Debug)]
pub struct ExactOperators;

impl AnalyzerRule for ExactOperators {
    fn name(&self) -> &'static str {
        "exact_operators"
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        zones::refuse_numbers(&plan)?;
        let retyped = Cell::new(false);
        let plan = each_expression(plan, |expression, schema| {
            arithmetic(expression, schema, &retyped)?.transform_data(|expression| zones::cast_times(expression, schema))
        })?;
        // A 32-bit integer became a 64-bit one, so the expressions around it need coercion again. Only then, because coercion recomputes
        // all types below each operator, which is slow for long chains.
        let plan = if retyped.get() { TypeCoercion::new().analyze(plan.data, config)? } else { plan.data };
        let plan = if retyped.get() { values_of_their_columns(plan)? } else { plan };
        lengths::compare_by_length(plan)
    }
}

/// Casts the expressions in VALUES to the types of their columns, which coercion leaves as they are.
fn values_of_their_columns(plan: LogicalPlan) -> Result<LogicalPlan> {
    let cast_up = plan.changed_up_with_subqueries(|plan| match plan {
        LogicalPlan::Values(mut values) => {
            let none = DFSchema::empty();
            for row in &mut values.values {
                for (value, field) in row.iter_mut().zip(values.schema.fields()) {
                    if value.get_type(&none).is_ok_and(|own| own != *field.data_type()) {
                        *value = cast(std::mem::take(value), field.data_type().clone());
                    }
                }
            }
            Ok(Transformed::yes(LogicalPlan::Values(values)))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(cast_up.data)
}

fn arithmetic(expression: Expr, schema: &DFSchema, retyped: &Cell<bool>) -> Result<Transformed<Expr>> {
    match &expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply) =>
        {
            let (left_type, right_type) = (type_of(left, schema)?, type_of(right, schema)?);
            if *op == Operator::Minus && left_type == DataType::Date32 && right_type == DataType::Date32 {
                return Ok(Transformed::yes(days_apart(left.as_ref().clone(), right.as_ref().clone())));
            }
            if let Some(moved) = zoned::apart(*op, (left, &left_type), (right, &right_type)) {
                return Ok(Transformed::yes(moved));
            }
            let widened = |side: &Expr, data_type: DataType, other: &DataType| match data_type {
                DataType::UInt64 if *other == DataType::UInt64 => (side.clone(), DataType::UInt64),
                DataType::Int64 => (side.clone(), DataType::Int64),
                whole if whole.is_integer() => (cast(side.clone(), DataType::Int64), DataType::Int64),
                other => (side.clone(), other),
            };
            let (first, first_type) = widened(left, left_type.clone(), &right_type);
            let (second, second_type) = widened(right, right_type.clone(), &left_type);
            let is_wide = |data_type: &DataType| matches!(data_type, DataType::Int64 | DataType::Decimal128(..));
            if !is_wide(&left_type) || !is_wide(&right_type) {
                retyped.set(retyped.get() || first_type.is_integer());
            }
            Ok(match arithmetic::exact(*op, (&first, &first_type), (&second, &second_type)) {
                Some(exact) => Transformed::yes(exact),
                None => Transformed::no(expression),
            })
        }
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Divide | Operator::Modulo), right }) => {
            let (left_type, right_type) = (type_of(left, schema)?, type_of(right, schema)?);
            Ok(match division::named(*op, (left, &left_type), (right, &right_type)) {
                Some(named) => {
                    // A quotient of decimals has another type than the engine gave it.
                    retyped.set(retyped.get() || *op == Operator::Divide && left_type.is_decimal());
                    Transformed::yes(named)
                }
                None => Transformed::no(expression),
            })
        }
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::BitwiseShiftLeft | Operator::BitwiseShiftRight), right }) => {
            let (left_type, right_type) = (type_of(left, schema)?, type_of(right, schema)?);
            let shifted = shifts::exact(*op, (left, &left_type), (right, &right_type));
            retyped.set(retyped.get() || shifted.is_some() && !matches!(left_type, DataType::Int64 | DataType::UInt64));
            Ok(match shifted {
                Some(shifted) => Transformed::yes(shifted),
                None => Transformed::no(expression),
            })
        }
        Expr::Negative(number) if number.get_type(schema)?.is_signed_integer() => {
            let number = match number.as_ref() {
                // The smallest BIGINT is written as the negation of a number that is not a BIGINT itself.
                Expr::Literal(ScalarValue::Int64(Some(value)), _) if *value != i64::MIN => {
                    return Ok(Transformed::yes(lit(-value)));
                }
                number => {
                    retyped.set(true);
                    cast(number.clone(), DataType::Int64)
                }
            };
            let zero = (&lit(0_i64), &DataType::Int64);
            Ok(match arithmetic::exact(Operator::Minus, zero, (&number, &DataType::Int64)) {
                Some(exact) => Transformed::yes(exact),
                None => Transformed::no(expression),
            })
        }
        _ => Ok(Transformed::no(expression)),
    }
}

/// The type of an expression. It descends a chain of our arithmetic calls itself, so that nothing is coerced again at each operator.
fn type_of(expression: &Expr, schema: &DFSchema) -> Result<DataType> {
    match expression {
        Expr::ScalarFunction(call) if arithmetic::is_arithmetic(&call.func) => match call.args.as_slice() {
            [left, right] => match (type_of(left, schema)?, type_of(right, schema)?) {
                (DataType::Int64, DataType::Int64) => Ok(DataType::Int64),
                _ => expression.get_type(schema),
            },
            _ => expression.get_type(schema),
        },
        _ => expression.get_type(schema),
    }
}

/// Plans `interval * number`, `number * interval` and `interval / number`, which DataFusion does not, and `date + NULL` and
/// `NULL * interval`, which are NULL.
#[derive(Debug)]
pub struct ScaledIntervals;

impl ExprPlanner for ScaledIntervals {
    fn plan_binary_op(&self, expression: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if matches!(expression.op, BinaryOperator::Plus | BinaryOperator::Minus) {
            return Ok(moved_by_null(expression, schema));
        }
        if !matches!(expression.op, BinaryOperator::Multiply | BinaryOperator::Divide) {
            return Ok(PlannerResult::Original(expression));
        }
        let (Ok(left), Ok(right)) = (expression.left.get_type(schema), expression.right.get_type(schema)) else {
            return Ok(PlannerResult::Original(expression));
        };
        let is_span = |data_type: &DataType| matches!(data_type, DataType::Interval(_) | DataType::Duration(_));
        let RawBinaryExpr { op, left: first, right: second } = expression;
        Ok(match op {
            BinaryOperator::Multiply if is_span(&left) && right.is_numeric() => {
                PlannerResult::Planned(spans::times(first, second))
            }
            BinaryOperator::Multiply if is_span(&right) && left.is_numeric() => {
                PlannerResult::Planned(spans::times(second, first))
            }
            BinaryOperator::Divide if is_span(&left) && right.is_numeric() => {
                PlannerResult::Planned(spans::divided(first, second))
            }
            BinaryOperator::Multiply | BinaryOperator::Divide if is_span(&left) && right == DataType::Null => {
                PlannerResult::Planned(cast(lit(ScalarValue::Null), left))
            }
            BinaryOperator::Multiply if is_span(&right) && left == DataType::Null => {
                PlannerResult::Planned(cast(lit(ScalarValue::Null), right))
            }
            op => PlannerResult::Original(RawBinaryExpr { op, left: first, right: second }),
        })
    }
}

/// `NULL || NULL` and `$1 || $2` are texts, as in PostgreSQL.
#[derive(Debug)]
pub struct UnknownTexts;

impl ExprPlanner for UnknownTexts {
    fn plan_binary_op(&self, expression: RawBinaryExpr, _schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let is_unknown = |side: &Expr| {
            matches!(side, Expr::Literal(ScalarValue::Null, _) | Expr::Placeholder(Placeholder { field: None, .. }))
        };
        let RawBinaryExpr { op, left, right } = expression;
        let is_text = op == BinaryOperator::StringConcat && is_unknown(&left) && is_unknown(&right);
        let left = if is_text { cast(left, DataType::Utf8) } else { left };
        Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }))
    }
}

fn moved_by_null(expression: RawBinaryExpr, schema: &DFSchema) -> PlannerResult<RawBinaryExpr> {
    let is_null = |side: &Expr| matches!(side, Expr::Literal(ScalarValue::Null, _));
    let time = match (&expression.left, &expression.right) {
        (time, null) | (null, time) if is_null(null) && !is_null(time) => time.get_type(schema),
        _ => return PlannerResult::Original(expression),
    };
    match time {
        Ok(time) if time.is_temporal() => PlannerResult::Planned(cast(lit(ScalarValue::Null), time)),
        _ => PlannerResult::Original(expression),
    }
}

/// Numbers of the statement beside decimals become decimals. DataFusion computes with floats there: 0.2 + 0.1 is not 0.3.
#[derive(Debug)]
pub struct NumbersBesideDecimals;

impl ExprPlanner for NumbersBesideDecimals {
    fn plan_binary_op(&self, expression: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = expression;
        let operator = match op {
            BinaryOperator::Plus => Operator::Plus,
            BinaryOperator::Minus => Operator::Minus,
            BinaryOperator::Multiply => Operator::Multiply,
            BinaryOperator::Modulo => Operator::Modulo,
            _ => return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right })),
        };
        // The type of the other side is asked only beside a number, because a chain is long.
        let exact = |number: &Expr, other: &Expr| {
            let is_float = matches!(number, Expr::Literal(ScalarValue::Float64(Some(_)), _));
            if !is_float && !decimals::is_written(number) {
                return None;
            }
            let data_type = other.get_type(schema).ok().filter(DataType::is_decimal)?;
            decimals::beside(number, operator, other, &data_type)
        };
        let (first, second) = (exact(&left, &right), exact(&right, &left));
        let (left, right) = (first.unwrap_or(left), second.unwrap_or(right));
        Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }))
    }
}

/// Plans long chains of operators before the engine computes their types.
#[derive(Debug)]
pub struct LongChains;

impl ExprPlanner for LongChains {
    fn plan_binary_op(&self, expression: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let Some(operator) = arithmetic_operator(&expression.op) else { return Ok(PlannerResult::Original(expression)) };
        let RawBinaryExpr { op, left, right } = expression;
        Ok(match chain::lengthened(operator, left, right, schema) {
            PlannerResult::Planned(chain) => PlannerResult::Planned(chain),
            PlannerResult::Original((left, right)) => PlannerResult::Original(RawBinaryExpr { op, left, right }),
        })
    }
}

/// Computes with the numbers of the statement as decimals.
#[derive(Debug)]
pub struct ExactConstants;

impl ExprPlanner for ExactConstants {
    fn plan_binary_op(&self, expression: RawBinaryExpr, _schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let computed = arithmetic_operator(&expression.op)
            .and_then(|operator| exact_constants::computed(operator, &expression.left, &expression.right));
        Ok(match computed {
            Some(result) => PlannerResult::Planned(result),
            None => PlannerResult::Original(expression),
        })
    }
}

fn arithmetic_operator(operator: &BinaryOperator) -> Option<Operator> {
    match operator {
        BinaryOperator::Plus => Some(Operator::Plus),
        BinaryOperator::Minus => Some(Operator::Minus),
        BinaryOperator::Multiply => Some(Operator::Multiply),
        BinaryOperator::Divide => Some(Operator::Divide),
        BinaryOperator::Modulo => Some(Operator::Modulo),
        _ => None,
    }
}

/// Plans quotients of decimals, and products of such, whose types differ from the engine's.
#[derive(Debug)]
pub struct PlacesOfDecimals;

impl ExprPlanner for PlacesOfDecimals {
    fn plan_binary_op(&self, expression: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let planned = match &expression.op {
            BinaryOperator::Multiply => arithmetic::rounded_product,
            BinaryOperator::Divide => division::of_decimals,
            _ => return Ok(PlannerResult::Original(expression)),
        };
        // A long chain computes the types of its parts itself.
        if chain::is_chain(&expression.left) {
            return Ok(PlannerResult::Original(expression));
        }
        let (Ok(left), Ok(right)) = (expression.left.get_type(schema), expression.right.get_type(schema)) else {
            return Ok(PlannerResult::Original(expression));
        };
        Ok(match planned((&expression.left, &left), (&expression.right, &right)) {
            Some(planned) => PlannerResult::Planned(planned),
            None => PlannerResult::Original(expression),
        })
    }
}
