//! The plan that a statement is running, for those who watch it.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::physical_plan::ExecutionPlan;

/// Shows the plan that is running, for progress. A statement may run several, one after the other.
#[derive(Debug, Clone, Default)]
pub struct RunningPlan(Arc<Mutex<Option<Arc<dyn ExecutionPlan>>>>);

impl RunningPlan {
    /// One that runs already.
    pub fn of(plan: Arc<dyn ExecutionPlan>) -> Self {
        Self(Arc::new(Mutex::new(Some(plan))))
    }

    /// From here on, this one runs.
    pub fn set(&self, plan: &Arc<dyn ExecutionPlan>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(plan));
    }

    /// The plan that runs, or ran last.
    pub fn get(&self) -> Option<Arc<dyn ExecutionPlan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
