//! Conditions that protect others: in `code ~ '^[0-9]+$' AND CAST(code AS INT) > 5`, only the codes that are numbers are cast.
//!
//! DataFusion may evaluate all conditions of a filter for all rows. It then fails on rows that are excluded by another condition, or by a
//! filter below that was merged into this one. Here, conditions that can fail go into separate filters above those that cannot.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, conjunction, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};

use super::filtered_arguments::is_wider;
use crate::builtins::division::is_division;
use crate::builtins::one_nan;
use crate::walk::Tree;

/// The last of the rules about filters, because others would merge the filters again.
#[derive(Debug)]
pub struct ProtectingConditions;

impl PhysicalOptimizerRule for ProtectingConditions {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.changed_up(|plan| {
            let Some(filter) = plan.downcast_ref::<FilterExec>() else { return Ok(Transformed::no(plan)) };
            let schema = filter.input().schema();
            let (mut safe, mut calls, mut failing) = (vec![], vec![], vec![]);
            for condition in split_conjunction(filter.predicate()) {
                let group = match risk(condition, &schema)? {
                    Risk::None => &mut safe,
                    Risk::Call => &mut calls,
                    Risk::Failing => &mut failing,
                };
                group.push(Arc::clone(condition));
            }
            if failing.is_empty() || failing.len() + calls.len() + safe.len() == 1 {
                return Ok(Transformed::no(plan));
            }
            // Each condition that can fail gets its own filter, in the order written.
            let groups =
                [safe, calls].into_iter().filter(|group| !group.is_empty()).chain(failing.into_iter().map(|one| vec![one]));
            let mut groups: Vec<_> = groups.map(conjunction).collect();
            let Some(last) = groups.pop() else { return Ok(Transformed::no(plan)) };
            let mut input = Arc::clone(filter.input());
            for group in groups {
                input = Arc::new(FilterExecBuilder::new(group, input).with_batch_size(filter.batch_size()).build()?);
            }
            let filter = FilterExecBuilder::from(filter).with_input(input).with_predicate(last).build()?;
            Ok(Transformed::yes(Arc::new(filter) as Arc<dyn ExecutionPlan>))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "protecting_conditions"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// How likely the evaluation of a condition is to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Risk {
    None,
    /// It calls a function. Those rarely fail, and are often the condition that protects others.
    Call,
    Failing,
}

fn risk(condition: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Risk> {
    let mut found = Risk::None;
    condition.each_part(|part| {
        let of_part = if let Some(cast) = part.downcast_ref::<CastExpr>() {
            let is_safe = is_wider(&cast.expr().data_type(schema)?, cast.cast_type());
            if is_safe { Risk::None } else { Risk::Failing }
        } else if let Some(binary) = part.downcast_ref::<BinaryExpr>() {
            let divides = matches!(binary.op(), Operator::Divide | Operator::Modulo);
            let is_failing = divides && !DataType::is_floating(&binary.left().data_type(schema)?);
            if is_failing { Risk::Failing } else { Risk::None }
        } else if let Some(call) = part.downcast_ref::<ScalarFunctionExpr>() {
            match call.fun().name() {
                name if is_division(name) => Risk::Failing,
                name if one_nan::is_own(name) => Risk::None,
                _ => Risk::Call,
            }
        } else {
            Risk::None
        };
        found = found.max(of_part);
        Ok(if found == Risk::Failing { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}
