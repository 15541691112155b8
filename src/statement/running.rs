//! The plan that a statement is running, for watching its progress.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::physical_plan::ExecutionPlan;

/// A shared slot for the running plan. A statement may run several plans, one after the other.
#[derive(Debug, Clone, Default)]
pub struct RunningPlan(Arc<Mutex<Option<Arc<dyn ExecutionPlan>>>>);

impl RunningPlan {
    /// A slot that already holds a running plan.
    pub fn of(plan: Arc<dyn ExecutionPlan>) -> Self {
        Self(Arc::new(Mutex::new(Some(plan))))
    }

    /// Sets the plan that runs from now on.
    pub fn set(&self, plan: &Arc<dyn ExecutionPlan>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(plan));
    }

    /// The plan that is running, or ran last.
    pub fn get(&self) -> Option<Arc<dyn ExecutionPlan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
