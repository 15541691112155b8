//! What identifies the rows of a GROUP BY: all of its keys together, and no fewer.
//!
//! DataFusion knows that a key of a GROUP BY in FROM identifies the rows there. When that is joined to a table and grouped again, by the key
//! and by a column of the table, DataFusion 55.2 takes the first key alone for one that identifies the new groups:
//! `SELECT a.k, b.x FROM (SELECT k FROM t GROUP BY k) a JOIN b USING (k) GROUP BY a.k, b.x`. Above such a query, a DISTINCT was dropped, ORDER BY
//! lost the second key, and GROUP BY too.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Dependency, FunctionalDependence, FunctionalDependencies, Result};
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan};
use datafusion::optimizer::replace_distinct_aggregate::ReplaceDistinctWithAggregate;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::walk::PlanTree;

/// Runs before each rule that asks what identifies rows, because the rules between them make new nodes.
#[derive(Debug)]
pub struct KeysOfGroups;

/// The engine's rules that ask.
pub const ASKING: [&str; 3] = ["eliminate_join", "eliminate_duplicated_expr", "optimize_projections"];

impl OptimizerRule for KeysOfGroups {
    fn name(&self) -> &'static str {
        "keys_of_groups"
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        corrected(plan)
    }
}

/// The plan whose groups are identified by all of their keys.
///
/// # Errors
/// None for valid plans.
pub fn corrected(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let mut is_wrong = false;
    plan.each_plan(|node| {
        is_wrong = matches!(node, LogicalPlan::Aggregate(aggregate) if claims_too_much(aggregate));
        Ok(if is_wrong { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !is_wrong {
        return Ok(Transformed::no(plan));
    }
    plan.changed_up_with_subqueries(|node| {
        if node.schema().functional_dependencies().is_empty() {
            return Ok(Transformed::no(node));
        }
        // What stands above a GROUP BY has its keys from there.
        let mut node = node.recompute_schema()?;
        if let LogicalPlan::Aggregate(aggregate) = &mut node
            && claims_too_much(aggregate)
        {
            let (keys, columns) = (aggregate.group_expr.len(), aggregate.schema.fields().len());
            let can_be_null = aggregate.schema.fields().iter().take(keys).any(|key| key.is_nullable());
            let all =
                FunctionalDependence::new((0..keys).collect(), (0..columns).collect(), can_be_null).with_mode(Dependency::Single);
            let schema = aggregate.schema.as_ref().clone();
            aggregate.schema = Arc::new(schema.with_functional_dependencies(FunctionalDependencies::new(vec![all]))?);
        }
        Ok(Transformed::yes(node))
    })
}

/// True if some of the keys are said to identify the groups. Grouping sets have no such keys.
fn claims_too_much(aggregate: &Aggregate) -> bool {
    let keys = aggregate.group_expr.len();
    aggregate.schema.functional_dependencies().iter().any(|dependence| dependence.source_indices.len() < keys)
}

/// DataFusion's rule that makes GROUP BY of DISTINCT, which believes what is said of keys. And it groups by the columns that `*` would have,
/// where columns of a JOIN … USING stand once: `SELECT DISTINCT a.id, b.id FROM a JOIN b USING (id)` has two.
#[derive(Debug, Default)]
pub struct DistinctRows(ReplaceDistinctWithAggregate);

impl OptimizerRule for DistinctRows {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Distinct(Distinct::All(input)) if !input.schema().fields().is_empty() => {
                let columns = input.schema().columns().into_iter().map(Expr::Column).collect();
                Ok(Transformed::yes(LogicalPlan::Aggregate(Aggregate::try_new(input, columns, vec![])?)))
            }
            other => self.0.rewrite(other, config),
        }
    }
}
