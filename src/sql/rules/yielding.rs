//! Joins that yield to other tasks.
//!
//! DataFusion yields where data enters a plan. A join can produce thousands of batches from one input batch, and its consumer takes them
//! all without a pause; such a query could not be cancelled and would block its thread. So every operator that may return more than it
//! receives yields as well. A nested loop join checks every pair of rows and does not return while none of them match, so its condition
//! checks for cancellation.

use std::fmt::{self, Display};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{NestedLoopJoinExec, NestedLoopJoinExecBuilder};

use crate::statement::Cancel;
use crate::walk::Tree;

#[derive(Debug)]
pub struct YieldAfterJoins;

impl PhysicalOptimizerRule for YieldAfterJoins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let cancel = options.extensions.get::<Cancel>();
        plan.changed_up(|plan| {
            let plan = match (plan.downcast_ref::<NestedLoopJoinExec>(), cancel) {
                (Some(join), Some(cancel)) => interruptible(join, cancel)?,
                _ => plan,
            };
            let multiplies = plan.children().len() == 2 || plan.name() == "UnnestExec";
            if multiplies {
                Ok(Transformed::yes(Arc::new(CooperativeExec::new(plan)) as Arc<dyn ExecutionPlan>))
            } else {
                Ok(Transformed::no(plan))
            }
        })
        .data()
    }

    fn name(&self) -> &str {
        "yield_after_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The same join, with a condition that fails once the statement is cancelled.
fn interruptible(join: &NestedLoopJoinExec, cancel: &Cancel) -> Result<Arc<dyn ExecutionPlan>> {
    let filter = join.filter().map(|filter| {
        let condition = Interruptible { condition: Arc::clone(filter.expression()), cancel: cancel.clone() };
        JoinFilter::new(Arc::new(condition), filter.column_indices().to_vec(), Arc::clone(filter.schema()))
    });
    let (left, right) = (Arc::clone(join.left()), Arc::clone(join.right()));
    let same = NestedLoopJoinExecBuilder::new(left, right, *join.join_type()).with_projection_ref(join.projection().clone());
    Ok(Arc::new(same.with_filter(filter).build()?))
}

/// A condition that fails once the statement is cancelled.
#[derive(Debug, Clone)]
struct Interruptible {
    condition: Arc<dyn PhysicalExpr>,
    cancel: Cancel,
}

impl PartialEq for Interruptible {
    fn eq(&self, other: &Self) -> bool {
        self.condition.eq(&other.condition)
    }
}

impl Eq for Interruptible {}

impl Hash for Interruptible {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.condition.hash(state);
    }
}

impl Display for Interruptible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl PhysicalExpr for Interruptible {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.condition.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.condition.nullable(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if self.cancel.is_cancelled() { Err(Cancel::error()) } else { self.condition.evaluate(batch) }
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.condition]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        match children.as_slice() {
            [condition] => Ok(Arc::new(Self { condition: Arc::clone(condition), cancel: self.cancel.clone() })),
            _ => internal_err!("a condition has one part"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt_sql(f)
    }
}
