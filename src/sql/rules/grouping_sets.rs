//! Hides the keys of ROLLUP, CUBE and GROUPING SETS from the optimizer.
//!
//! Below the aggregate a key may be constant or equal to another key. Above it, the key is NULL in rolled-up rows, but DataFusion keeps
//! the old properties: it believes the rows to be sorted by the key, and closes a group before all its rows have arrived. One group then
//! comes out as several, for example as two grand totals. So each key is passed through a function that the optimizer knows nothing about.

use datafusion::common::Column;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::logical_expr::{Aggregate, Expr, GroupingSet, LogicalPlan, Projection};
use datafusion::optimizer::AnalyzerRule;

use crate::builtins::unknown::unknown;
use crate::walk::PlanTree;

#[derive(Debug)]
pub struct UnknownKeys;

impl AnalyzerRule for UnknownKeys {
    fn name(&self) -> &'static str {
        "unknown_keys_of_grouping_sets"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.changed_up_with_subqueries(|plan| match plan {
            LogicalPlan::Aggregate(aggregate) if matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]) => {
                of_aggregate(aggregate)
            }
            other => Ok(Transformed::no(other)),
        })
        .data()
    }
}

fn of_aggregate(mut aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let shown = aggregate.schema.clone();
    // A key that occurs in several sets counts once.
    let mut numbered: Vec<Expr> = vec![];
    for set in &mut aggregate.group_expr {
        let keys: Vec<&mut Expr> = match set {
            Expr::GroupingSet(GroupingSet::Rollup(keys) | GroupingSet::Cube(keys)) => keys.iter_mut().collect(),
            Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => sets.iter_mut().flatten().collect(),
            _ => vec![],
        };
        for key in keys {
            if matches!(key, Expr::ScalarFunction(call) if call.name() == crate::builtins::unknown::NAME) {
                // The plan was analysed before.
                return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
            }
            let number = numbered.iter().position(|known| known == key).unwrap_or(numbered.len());
            if number == numbered.len() {
                numbered.push(key.clone());
            }
            *key = unknown(std::mem::take(key), number);
        }
    }
    let aggregate = Aggregate::try_new(aggregate.input, aggregate.group_expr, aggregate.aggr_expr)?;
    let own = aggregate.schema.clone();
    let columns = shown.iter().enumerate().map(|(place, (qualifier, field))| {
        Expr::Column(Column::from(own.qualified_field(place))).alias_qualified(qualifier.cloned(), field.name())
    });
    let columns = columns.collect();
    let plan = LogicalPlan::Aggregate(aggregate);
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(columns, plan.into())?)))
}
