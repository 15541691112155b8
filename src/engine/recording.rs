//! The plan of a query that DataFusion runs by itself, inside of another statement: its notes are reported with those of the statement.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;

use crate::opaque::forward;
use crate::statement::RunningPlan;

/// A state whose plans are shown in `running`.
pub(super) fn recording(state: SessionState, running: &RunningPlan) -> SessionState {
    let planner = Recording { planner: Arc::clone(state.query_planner()), running: running.clone() };
    SessionStateBuilder::new_from_existing(state).with_query_planner(Arc::new(planner)).build()
}

#[derive(Debug)]
struct Recording {
    planner: Arc<dyn QueryPlanner + Send + Sync>,
    running: RunningPlan,
}

impl QueryPlanner for Recording {
    forward! {
        fn create_physical_plan<'plan, 'session>(
            &self,
            plan: &'plan LogicalPlan,
            session: &'session dyn Session
        ) -> Result<Arc<dyn ExecutionPlan>> = Self::recorded
    }
}

impl Recording {
    fn recorded<'a>(&'a self, plan: &'a LogicalPlan, session: &'a dyn Session) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let made = self.planner.create_physical_plan(plan, session).await?;
            self.running.set(&made);
            Ok(made)
        })
    }
}
