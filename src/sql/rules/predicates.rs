//! Conditions stay where sinking would change what they say.
//!
//! The engine's rule looks at the columns of a condition alone. One without columns, as `k = 'b'` becomes where `k` is a constant, sinks
//! below an aggregate without GROUP BY, which gives a row all the same: the row that should be gone is there, and its counts are zero. One that is
//! drawn anew for each row, `random() < 0.5`, is another condition where rows have been grouped, joined or multiplied.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Distinct, Expr, Filter, LogicalPlan};
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// The engine's rule, held back.
#[derive(Debug, Default)]
pub struct SinkPredicates(PushDownFilter);

impl OptimizerRule for SinkPredicates {
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
        let LogicalPlan::Filter(filter) = plan else { return self.0.rewrite(plan, config) };
        // Two filters become one, and are looked at together.
        let mut predicates = split_conjunction_owned(filter.predicate);
        let mut input = filter.input;
        while let LogicalPlan::Filter(inner) = input.as_ref() {
            predicates.splice(0..0, split_conjunction_owned(inner.predicate.clone()));
            input = Arc::clone(&inner.input);
        }
        let (stay, sink): (Vec<Expr>, Vec<Expr>) = predicates.into_iter().partition(|predicate| !may_sink(predicate, &input));
        let above = conjunction(stay);
        let below = match conjunction(sink) {
            Some(predicate) => self.0.rewrite(LogicalPlan::Filter(Filter::try_new(predicate, input)?), config)?,
            None => Transformed::no(Arc::unwrap_or_clone(input)),
        };
        Ok(match above {
            None => below,
            Some(predicate) => below.map_data(|plan| Ok(LogicalPlan::Filter(Filter::try_new(predicate, plan.into())?)))?,
        })
    }
}

/// Whether a condition says the same of the rows below as of those above.
fn may_sink(predicate: &Expr, input: &LogicalPlan) -> bool {
    let has_no_columns = predicate.column_refs().is_empty();
    match input {
        LogicalPlan::Aggregate(aggregate) => !aggregate.group_expr.is_empty() && !has_no_columns && !predicate.is_volatile(),
        LogicalPlan::Window(_) | LogicalPlan::Extension(_) | LogicalPlan::Unnest(_) => {
            !has_no_columns && !predicate.is_volatile()
        }
        LogicalPlan::Distinct(Distinct::On(on)) => {
            // Which row of a key is the first depends on the others.
            let key = |column: &&Column| on.on_expr.iter().any(|key| matches!(key, Expr::Column(own) if own == *column));
            !has_no_columns && !predicate.is_volatile() && predicate.column_refs().iter().all(key)
        }
        LogicalPlan::Distinct(_) | LogicalPlan::Join(_) | LogicalPlan::Union(_) => !predicate.is_volatile(),
        _ => true,
    }
}
