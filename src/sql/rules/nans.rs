//! NaN and zero have no sign: what floats give as NaN is the one NaN, which is greater than all numbers and equal to itself, and what they
//! give as zero is 0.0, never -0.0.
//!
//! Runs last in the optimizer, whose other rules know the engine's own operators; and in the analyzer for constants, which the optimizer
//! computes, and for texts that are read as floats.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::optimizer::{AnalyzerRule, OptimizerConfig, OptimizerRule};

use super::{each_expression, input_schema, keeping_names};
use crate::builtins::one_nan;
use crate::walk::{PlanTree, Tree};

/// Replaces the arithmetic of floats.
#[derive(Debug)]
pub struct OneNan;

impl OptimizerRule for OneNan {
    fn name(&self) -> &'static str {
        "one_nan"
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        plan.changed_up_with_subqueries(|plan| {
            // What a scan filters by is said in the words that its source knows.
            if matches!(plan, LogicalPlan::TableScan(_)) {
                return Ok(Transformed::no(plan));
            }
            let schema = input_schema(&plan)?;
            keeping_names(plan, |expression| expression.changed_up(|part| without_sign(part, &schema)))
        })
    }
}

/// Replaces the arithmetic of constants, and casts of texts.
#[derive(Debug)]
pub struct OneNanOfConstants;

impl AnalyzerRule for OneNanOfConstants {
    fn name(&self) -> &'static str {
        "one_nan_of_constants"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(each_expression(plan, |expression, schema| match &expression {
            Expr::Cast(Cast { expr: text, field }) | Expr::TryCast(TryCast { expr: text, field })
                if field.data_type().is_floating() && text.get_type(schema).is_ok_and(|from| from.is_string()) =>
            {
                Ok(Transformed::yes(one_nan::plain(expression)))
            }
            Expr::BinaryExpr(BinaryExpr { op, .. }) if is_arithmetic(*op) && !expression.any_column_refs() => {
                without_sign(expression, schema)
            }
            Expr::Negative(number) if !number.any_column_refs() => without_sign(expression, schema),
            _ => Ok(Transformed::no(expression)),
        })?
        .data)
    }
}

fn is_arithmetic(operator: Operator) -> bool {
    matches!(operator, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo)
}

fn without_sign(expression: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let replaced = match &expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_arithmetic(*op) => {
            match (left.get_type(schema), right.get_type(schema)) {
                (Ok(left_type), Ok(right_type)) => one_nan::of_two(*op, (left, &left_type), (right, &right_type)),
                _ => None,
            }
        }
        Expr::Negative(number) => match number.get_type(schema) {
            Ok(data_type) => one_nan::negative(number, &data_type),
            Err(_) => None,
        },
        Expr::Literal(value, metadata) => one_nan::of_constant(value).map(|value| Expr::Literal(value, metadata.clone())),
        _ => None,
    };
    Ok(match replaced {
        Some(replaced) => Transformed::yes(replaced),
        None => Transformed::no(expression),
    })
}
