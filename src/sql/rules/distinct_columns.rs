//! `SELECT DISTINCT a.id, b.id FROM a JOIN b USING (id)`: both columns stay.
//!
//! DataFusion turns DISTINCT into GROUP BY over the columns that `*` would have, and `*` has merged columns once. So the GROUP BY is written
//! here, over all columns.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use crate::walk::PlanTree;

/// Runs after the rule for subqueries, whose plans have DISTINCT too.
#[derive(Debug)]
pub struct DistinctColumns;

impl AnalyzerRule for DistinctColumns {
    fn name(&self) -> &'static str {
        "distinct_columns"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let grouped = plan.changed_up_with_subqueries(|plan| match plan {
            LogicalPlan::Distinct(Distinct::All(input)) if !input.using_columns()?.is_empty() => {
                let columns = input.schema().columns().into_iter().map(Expr::Column).collect();
                Ok(Transformed::yes(LogicalPlan::Aggregate(Aggregate::try_new(input, columns, vec![])?)))
            }
            plan => Ok(Transformed::no(plan)),
        })?;
        Ok(grouped.data)
    }
}
