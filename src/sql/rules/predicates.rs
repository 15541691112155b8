//! Keeps conditions where they are if pushing them down would change their meaning.
//!
//! DataFusion's rule looks only at the columns of a condition. A condition without columns, such as what becomes of `k = 'b'` when `k` is
//! constant, is pushed below an aggregate without GROUP BY, which returns a row even for empty input: the row that should be filtered out
//! remains, with counts of zero. A volatile condition such as `random() < 0.5` means something else after rows have been grouped, joined
//! or multiplied.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Distinct, Expr, Filter, LogicalPlan};
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// DataFusion's rule for pushing filters down, restricted.
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
        // Adjacent filters are merged and considered together.
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

/// Whether the condition means the same for the rows below `input` as for those above.
fn may_sink(predicate: &Expr, input: &LogicalPlan) -> bool {
    let has_no_columns = predicate.column_refs().is_empty();
    match input {
        LogicalPlan::Aggregate(aggregate) => {
            // Below, a condition on a key that is drawn at random would be one on another draw.
            let is_drawn = predicate.is_volatile() || aggregate.group_expr.iter().any(Expr::is_volatile);
            !aggregate.group_expr.is_empty() && !has_no_columns && !is_drawn
        }
        LogicalPlan::Window(_) | LogicalPlan::Extension(_) | LogicalPlan::Unnest(_) => {
            !has_no_columns && !predicate.is_volatile()
        }
        LogicalPlan::Distinct(Distinct::On(on)) => {
            // Which row of a key comes first depends on the other rows, so only conditions on the key may pass.
            let key = |column: &&Column| on.on_expr.iter().any(|key| matches!(key, Expr::Column(own) if own == *column));
            !has_no_columns && !predicate.is_volatile() && predicate.column_refs().iter().all(key)
        }
        LogicalPlan::Distinct(_) | LogicalPlan::Join(_) | LogicalPlan::Union(_) => !predicate.is_volatile(),
        _ => true,
    }
}
