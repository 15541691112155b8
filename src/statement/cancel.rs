//! The way to end a statement from elsewhere.

use std::sync::Arc;

use datafusion::error::DataFusionError;
use tokio::sync::watch;

use crate::error::{SqlState, coded};
use crate::settings::carried;

/// Ends a statement: from another thread, a signal, or a client that went away. Cheap to clone; clones end the same statement.
#[derive(Debug, Clone)]
pub struct Cancel {
    sender: Arc<watch::Sender<bool>>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self { sender: Arc::new(watch::Sender::new(false)) }
    }
}

// Among the settings that a plan is made with, so that its operators hear of the end.
carried!(Cancel, "cancel");

impl Cancel {
    /// Ends the statement; its answer is an error then.
    pub fn cancel(&self) {
        self.sender.send_replace(true);
    }

    /// True once it was ended.
    pub fn is_cancelled(&self) -> bool {
        *self.sender.borrow()
    }

    /// Waits until it is ended.
    pub async fn cancelled(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives as long as `self`.
        let _ = receiver.wait_for(|cancelled| *cancelled).await;
    }

    /// The error of a statement that was ended.
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
