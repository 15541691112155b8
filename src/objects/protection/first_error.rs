//! Which error a statement ends with that fails for several rows, where its role does not see everything.
//!
//! Which of them is met first depends on the threads. So that the error is the same whatever else the tables contain, the rows are read once
//! more, by one thread, in the order in which the role sees them; the statement ends with the error that this meets.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::prelude::DataFrame;
use futures::TryStreamExt;

use super::in_turn::in_turn;
use super::rule::rules;
use crate::adapter::privacy_budget::{PrivacyBudget, Spends};
use crate::error::sqlstate;
use crate::statement::StatementContext;
use crate::walk::PlanTree;

/// The class of the SQLSTATEs of wrong values.
const DATA_EXCEPTION: &str = "22";

/// The rows of a statement, to be read once more if they fail.
#[derive(Debug)]
pub struct FirstError(DataFrame);

impl FirstError {
    /// For the rows of a statement; `None` for a role that sees everything, and for rows that are others each time they are read.
    ///
    /// # Errors
    /// The masks and row policies cannot be read.
    pub fn of(rows: &DataFrame, context: &StatementContext) -> Result<Option<Self>> {
        if context.reader()?.is_none() || rules(context)?.is_empty() || is_drawn(rows.logical_plan())? {
            return Ok(None);
        }
        Ok(Some(Self(rows.clone())))
    }

    /// The error to end with instead of the one that was met.
    pub async fn instead_of(self, met: DataFusionError) -> DataFusionError {
        let is_of_value = |error: &DataFusionError| sqlstate(error).code().starts_with(DATA_EXCEPTION);
        if !is_of_value(&met) {
            return met;
        }
        self.read().await.err().filter(is_of_value).unwrap_or(met)
    }

    async fn read(self) -> Result<()> {
        let (mut state, plan) = self.0.into_parts();
        let options = state.config_mut().options_mut();
        options.execution.target_partitions = 1;
        options.extensions.insert(PrivacyBudget(Arc::new(NothingLeft)));
        let rows = DataFrame::new(state, plan);
        let task = Arc::new(rows.task_ctx());
        // The queries of a UNION are partitions of their own.
        let plan = in_turn(rows.create_physical_plan().await?)?;
        let mut batches = plan.execute(0, task)?;
        while batches.try_next().await?.is_some() {}
        Ok(())
    }
}

/// The budget of the second reading: a noisy answer is drawn and paid for once, so an error above one stays the one that was met.
struct NothingLeft;

impl Spends for NothingLeft {
    fn spend(&self, _function: &str, _epsilon: i64) -> Result<()> {
        internal_err!("a noisy answer is given once")
    }
}

/// True for a plan with random values, or numbers of a counter.
fn is_drawn(plan: &LogicalPlan) -> Result<bool> {
    let mut is = false;
    plan.each_plan(|node| {
        is |= node.expressions().iter().any(Expr::is_volatile);
        Ok(if is { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(is)
}
