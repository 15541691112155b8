//! The operators of `jsonb`. JSON is a string here. Between strings, `@>`, `<@`, `?`, `?|` and `?&` can only mean JSON, and so can `-` before
//! a name, a place or a list of names. `||` and `=` also have a meaning for other strings: they mean JSON where the type of a side is
//! reported to clients as `jsonb`, which the whole plan shows.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, cast};
use sqlparser::ast::BinaryOperator;

use super::keeping_names;
use crate::builtins::dates::is_text;
use crate::builtins::json::operators::{CONCAT, CONTAINS, DELETE, DELETE_NAME, EXISTS, EXISTS_ALL, EXISTS_ANY, NORMAL};
use crate::builtins::json::reading::texts_type;
use crate::postgres_types::MARK;
use crate::sql::postgres::{JSONB, mark_of, type_of_call};
use crate::sql::told::OfTables;
use crate::statement::StatementContext;
use crate::walk::{PlanTree, Tree};

/// Plans those that are about JSON wherever they stand beside strings.
#[derive(Debug)]
pub struct JsonOperators;

impl ExprPlanner for JsonOperators {
    fn plan_binary_op(&self, expression: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = expression;
        // A parameter has the type that its use gives it.
        let type_of = |side: &Expr| match side {
            Expr::Placeholder(parameter) => parameter.field.as_ref().map_or(DataType::Null, |field| field.data_type().clone()),
            other => other.get_type(schema).unwrap_or(DataType::Null),
        };
        let planned = match op {
            BinaryOperator::AtArrow | BinaryOperator::ArrowAt => {
                let (left_type, right_type) = (type_of(&left), type_of(&right));
                let is_json = is_text(&left_type) && is_text(&right_type) && !(left_type.is_null() && right_type.is_null());
                if !is_json {
                    return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
                }
                let (left, right) = (known(left, &DataType::Utf8), known(right, &DataType::Utf8));
                CONTAINS.call(if op == BinaryOperator::AtArrow { vec![left, right] } else { vec![right, left] })
            }
            BinaryOperator::Question if is_text(&type_of(&left)) => {
                EXISTS.call(vec![known(left, &DataType::Utf8), known(right, &DataType::Utf8)])
            }
            BinaryOperator::QuestionPipe if is_text(&type_of(&left)) => {
                EXISTS_ANY.call(vec![known(left, &DataType::Utf8), known(right, &texts_type())])
            }
            BinaryOperator::QuestionAnd if is_text(&type_of(&left)) => {
                EXISTS_ALL.call(vec![known(left, &DataType::Utf8), known(right, &texts_type())])
            }
            BinaryOperator::Minus if may_be_json(&left) && is_text(&type_of(&left)) && is_place(&type_of(&right)) => {
                DELETE.call(vec![left, right])
            }
            op => return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right })),
        };
        Ok(PlannerResult::Planned(planned))
    }
}

/// A side of an operator, where a parameter without a type gets this one.
fn known(side: Expr, data_type: &DataType) -> Expr {
    let is_unknown = matches!(&side, Expr::Placeholder(parameter) if parameter.field.is_none());
    if is_unknown { cast(side, data_type.clone()) } else { side }
}

/// True for values that can be JSON. Of a long chain of operators, nothing else is asked.
fn may_be_json(value: &Expr) -> bool {
    match value {
        Expr::Column(_) | Expr::Cast(_) | Expr::ScalarSubquery(_) => true,
        Expr::ScalarFunction(call) => type_of_call(call.name()).is_some(),
        Expr::BinaryExpr(joined) => joined.op == Operator::StringConcat,
        _ => false,
    }
}

/// True for the types of what can be taken out of JSON.
fn is_place(data_type: &DataType) -> bool {
    let is_list = matches!(data_type, DataType::List(item) if is_text(item.data_type()));
    is_list || data_type.is_integer() || is_text(data_type) && !data_type.is_null()
}

/// Gives `||`, `=` and `-` their meaning for `jsonb`, or for other strings.
///
/// # Errors
/// `-` stands beside a string that is not JSON.
pub fn settle(plan: LogicalPlan, context: &StatementContext) -> Result<LogicalPlan> {
    let told = &OfTables(context);
    if !has_jsonb(&plan, told)? {
        return Ok(plan);
    }
    let settled = plan.changed_up_with_subqueries(|node| {
        if !asks(&node)? {
            return Ok(Transformed::no(node));
        }
        let mut inputs: Vec<LogicalPlan> = node.inputs().into_iter().cloned().collect();
        // Those of VALUES read nothing.
        if inputs.is_empty() {
            inputs.push(LogicalPlanBuilder::empty(false).build()?);
        }
        let mark = |value: &Expr| inputs.iter().find_map(|input| mark_of(value, input, told));
        let is_jsonb = |value: &Expr| mark(value).is_some_and(|mark| mark == JSONB);
        keeping_names(node, |expression| {
            expression.changed_up(|part| match part {
                Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_ambiguous(op) => {
                    let (one, other) = (is_jsonb(&left), is_jsonb(&right));
                    let is_json = one && (other || is_untyped(&right)) || other && is_untyped(&left);
                    let (left, right) = (*left, *right);
                    Ok(match (is_json, op) {
                        (true, Operator::StringConcat) => Transformed::yes(CONCAT.call(vec![left, right])),
                        (true, _) => Transformed::yes(Expr::BinaryExpr(BinaryExpr {
                            left: Box::new(NORMAL.call(vec![left])),
                            op,
                            right: Box::new(NORMAL.call(vec![right])),
                        })),
                        (false, _) => {
                            Transformed::no(Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) }))
                        }
                    })
                }
                Expr::ScalarFunction(call) if call.name() == DELETE_NAME => Ok(match call.args.as_slice() {
                    [json, place] if mark(json).is_none() => {
                        let (left, right) = (Box::new(json.clone()), Box::new(place.clone()));
                        Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op: Operator::Minus, right }))
                    }
                    _ => Transformed::no(Expr::ScalarFunction(call)),
                }),
                other => Ok(Transformed::no(other)),
            })
        })
    })?;
    Ok(settled.data)
}

/// True for operators with a meaning for `jsonb` and one for other strings.
fn is_ambiguous(op: Operator) -> bool {
    matches!(op, Operator::StringConcat | Operator::Eq | Operator::NotEq | Operator::IsDistinctFrom | Operator::IsNotDistinctFrom)
}

/// True for what gets its type from the other side of an operator.
fn is_untyped(value: &Expr) -> bool {
    use ScalarValue::{LargeUtf8, Null, Utf8, Utf8View};
    matches!(value, Expr::Literal(Utf8(_) | Utf8View(_) | LargeUtf8(_) | Null, _) | Expr::Placeholder(_))
}

/// True for a plan in which a value is `jsonb`, or may be.
fn has_jsonb(plan: &LogicalPlan, told: &OfTables<'_>) -> Result<bool> {
    let mut has = false;
    plan.each_plan(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            has |= told.of(scan).iter().any(|(_, of)| *of == JSONB);
            has |= scan.source.schema().fields().iter().any(|field| field.metadata().get(MARK).is_some_and(|mark| mark == JSONB));
        }
        node.each_expression(|expression| {
            has = has
                || expression.any_part(|part| {
                    Ok(match part {
                        Expr::ScalarFunction(call) => call.name() == DELETE_NAME || type_of_call(call.name()) == Some(JSONB),
                        _ => false,
                    })
                })?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(if has { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(has)
}

/// True if the expressions of a node have such operators.
fn asks(node: &LogicalPlan) -> Result<bool> {
    let mut asks = false;
    node.each_expression(|expression| {
        asks = asks
            || expression.any_part(|part| {
                Ok(match part {
                    Expr::BinaryExpr(BinaryExpr { op, .. }) => is_ambiguous(*op),
                    Expr::ScalarFunction(call) => call.name() == DELETE_NAME,
                    _ => false,
                })
            })?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(asks)
}
