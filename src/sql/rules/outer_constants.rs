//! Columns that are constant on the optional side of an outer join are not constant above it: they may be NULL there.
//!
//! DataFusion still treats them as constants. `ORDER BY flag` over `… LEFT JOIN (SELECT id, 'paid' AS flag …)` did not sort at all, and
//! neither did a window or a GROUP BY that closes a group when its key changes. So such columns are passed through a function that the
//! optimizer knows nothing about.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{JoinType, Result};
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::builtins::unknown::unknown_column;
use crate::walk::Tree;

/// Runs before all other physical rules.
#[derive(Debug)]
pub struct UnknownConstants;

impl PhysicalOptimizerRule for UnknownConstants {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let options = Arc::new(options.clone());
        plan.changed_up(|plan| {
            let (left, right) = match join_type(plan.as_ref()) {
                Some(JoinType::Left) => (false, true),
                Some(JoinType::Right) => (true, false),
                Some(JoinType::Full) => (true, true),
                _ => return Ok(Transformed::no(plan)),
            };
            let mut changed = false;
            let mut children = vec![];
            for (child, may_be_missing) in plan.children().into_iter().zip([left, right]) {
                let hidden = if may_be_missing { without_constants(child, &options)? } else { None };
                changed |= hidden.is_some();
                children.push(hidden.unwrap_or_else(|| Arc::clone(child)));
            }
            if !changed {
                return Ok(Transformed::no(plan));
            }
            let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            plan.replace_children(children, options).map(Transformed::yes)
        })
        .data()
    }

    fn name(&self) -> &str {
        "unknown_constants_of_outer_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn join_type(plan: &dyn ExecutionPlan) -> Option<JoinType> {
    let hash = plan.downcast_ref::<HashJoinExec>().map(|join| *join.join_type());
    let sorted = || plan.downcast_ref::<SortMergeJoinExec>().map(SortMergeJoinExec::join_type);
    let nested = || plan.downcast_ref::<NestedLoopJoinExec>().map(|join| *join.join_type());
    hash.or_else(sorted).or_else(nested)
}

/// The plan with its constant columns hidden; `None` if it has none.
fn without_constants(plan: &Arc<dyn ExecutionPlan>, options: &Arc<ConfigOptions>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let (schema, known) = (plan.schema(), plan.equivalence_properties());
    let mut found = false;
    let mut columns = vec![];
    for (place, field) in schema.fields().iter().enumerate() {
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), place));
        let is_constant = known.is_expr_constant(&column).is_some();
        found |= is_constant;
        let column = if is_constant { unknown_column(column, place, field, options) } else { column };
        columns.push((column, field.name().clone()));
    }
    if !found {
        return Ok(None);
    }
    Ok(Some(Arc::new(ProjectionExec::try_new(columns, Arc::clone(plan))?)))
}
