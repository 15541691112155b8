//! Cancelling a statement from elsewhere.

use std::sync::Arc;

use datafusion::error::DataFusionError;
use tokio::sync::watch;

use crate::error::{SqlState, coded};
use crate::settings::carried;

/// Cancels a statement from another thread, from a signal handler, or because its client went away. Cheap to clone; clones cancel the same
/// statement.
#[derive(Debug, Clone)]
pub struct Cancel {
    sender: Arc<watch::Sender<bool>>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self { sender: Arc::new(watch::Sender::new(false)) }
    }
}

// Part of the settings that a plan is made with, so that the plan's operators notice the cancellation.
carried!(Cancel, "cancel");

impl Cancel {
    /// Cancels the statement, which then fails with an error.
    pub fn cancel(&self) {
        self.sender.send_replace(true);
    }

    /// True once the statement was cancelled.
    pub fn is_cancelled(&self) -> bool {
        *self.sender.borrow()
    }

    /// Waits until the statement is cancelled.
    pub async fn cancelled(&self) {
        let mut receiver = self.sender.subscribe();
        // `wait_for` fails only when the sender is gone, and `self` holds the sender.
        let _ = receiver.wait_for(|cancelled| *cancelled).await;
    }

    /// The error of a cancelled statement.
    pub fn error() -> DataFusionError {
        coded(SqlState::QUERY_CANCELED, "query", "was cancelled")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_is_told() {
        let cancel = Cancel::default();
        let other = cancel.clone();
        let mut waiting = tokio::task::JoinSet::new();
        waiting.spawn(async move { other.cancelled().await });
        assert!(!cancel.is_cancelled());
        cancel.cancel();
        waiting.join_next().await.unwrap().unwrap();
        cancel.cancelled().await;
        assert!(cancel.is_cancelled());
    }
}
