//! What all sessions of an engine share, as PostgreSQL's functions see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::advisory::AdvisoryLocks;

/// PostgreSQL calls the process that serves all sessions its postmaster; here it is the engine.
#[derive(Debug)]
pub struct Postmaster {
    /// When the engine was made, in microseconds since 1970.
    pub started: i64,
    /// The number that the next transaction gets.
    next_transaction: AtomicI64,
    pub locks: Arc<AdvisoryLocks>,
}

impl Default for Postmaster {
    fn default() -> Self {
        // PostgreSQL's own numbers of transactions are small only for what every database begins with.
        let next_transaction = AtomicI64::new(1000);
        Self { started: chrono::Utc::now().timestamp_micros(), next_transaction, locks: Arc::default() }
    }
}

impl Postmaster {
    /// A number greater than all before.
    pub fn next_transaction(&self) -> i64 {
        self.next_transaction.fetch_add(1, Ordering::Relaxed)
    }
}
