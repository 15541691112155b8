//! Transactions of a session.

/// Where a session stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TransactionStatus {
    /// Each statement is a transaction of its own.
    #[default]
    Idle,
    /// Statements belong together until COMMIT or ROLLBACK.
    Active,
    /// One of them has failed: nothing but ROLLBACK is taken.
    Failed,
}
