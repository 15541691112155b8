//! Stops WITH RECURSIVE with an error after `portrait.max_recursion` rounds.
//!
//! A condition that never becomes true is the usual mistake, and DataFusion continues for as long as there are new rows. Its node executes
//! the recursive part once per round. A node above that part counts the executions, and one above the initial part resets the counter.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;

use crate::adapter::passing::{Passing, PassingExec};
use crate::error::{SqlState, coded};
use crate::settings::PortraitSettings;
use crate::walk::Tree;

/// Inserts the counting nodes.
#[derive(Debug)]
pub struct CountedRounds;

impl PhysicalOptimizerRule for CountedRounds {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.changed_up(|plan| {
            let Some(recursive) = plan.downcast_ref::<RecursiveQueryExec>() else { return Ok(Transformed::no(plan)) };
            let rounds = Arc::new(AtomicUsize::new(0));
            let begins = Rounds { name: recursive.name().to_string(), rounds: Arc::clone(&rounds), begins: true };
            let goes_on = Rounds { name: recursive.name().to_string(), rounds, begins: false };
            let children = vec![
                PassingExec::over(Arc::clone(recursive.static_term()), begins),
                PassingExec::over(Arc::clone(recursive.recursive_term()), goes_on),
            ];
            let recompute = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            plan.replace_children(children, recompute).map(Transformed::yes)
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "CountedRounds"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Counts the rounds of one recursive query.
#[derive(Debug)]
struct Rounds {
    /// The name of the WITH query.
    name: String,
    rounds: Arc<AtomicUsize>,
    begins: bool,
}

impl Passing for Rounds {
    fn name(&self) -> &'static str {
        if self.begins { "FirstRound" } else { "NextRound" }
    }

    fn pass(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        task: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if self.begins {
            self.rounds.store(0, Ordering::Relaxed);
        } else {
            let most = PortraitSettings::of(task.session_config().options()).max_recursion;
            if self.rounds.fetch_add(1, Ordering::Relaxed) >= most {
                let problem = format!(
                    "WITH RECURSIVE has not ended after {most} rounds; give its recursive part a condition that ends it (WHERE n < 100), \
                     use UNION instead of UNION ALL where it comes to the same rows again, or raise portrait.max_recursion"
                );
                return Err(coded(SqlState::PROGRAM_LIMIT_EXCEEDED, &self.name, problem));
            }
        }
        input.execute(partition, task)
    }
}
