//! The plan that a statement is running, for watching its progress.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::physical_plan::ExecutionPlan;

/// A shared slot for the running plan. A statement may run several plans, one after the other.
#[derive(Debug, Clone, Default)]
pub struct RunningPlan {
    plan: Arc<Mutex<Option<Arc<dyn ExecutionPlan>>>>,
    written: Arc<AtomicU64>,
    /// The bytes copied so far and all of them, where the work is copying.
    copied: Arc<Mutex<(u64, u64)>>,
}

impl RunningPlan {
    /// A slot that already holds a running plan.
    pub fn of(plan: Arc<dyn ExecutionPlan>) -> Self {
        Self { plan: Arc::new(Mutex::new(Some(plan))), ..Self::default() }
    }

    /// Sets the plan that runs from now on.
    pub fn set(&self, plan: &Arc<dyn ExecutionPlan>) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(plan));
    }

    /// The plan that is running, or ran last.
    pub fn get(&self) -> Option<Arc<dyn ExecutionPlan>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records the number of rows of a table that the statement made.
    pub fn wrote(&self, rows: u64) {
        self.written.store(rows, Ordering::Relaxed);
    }

    /// The number of rows of a table that the statement made.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Records how many bytes of all were copied.
    pub fn copy(&self, copied: u64, all: u64) {
        *self.copied.lock().unwrap_or_else(PoisonError::into_inner) = (copied, all);
    }

    /// The bytes copied so far, and all of them; zeros where nothing is copied.
    pub fn copied(&self) -> (u64, u64) {
        *self.copied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
