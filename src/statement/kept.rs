//! What a session keeps by name, as its catalog lists it.

use std::fmt::Debug;

/// A prepared statement.
#[derive(Debug, Clone)]
pub struct KeptStatement {
    pub name: String,
    pub text: String,
    /// When it was prepared, in microseconds since 1970.
    pub at: i64,
    /// True for one of PREPARE, false for one of a message of the protocol.
    pub is_of_sql: bool,
    /// The numbers of the types of its parameters, and of its columns.
    pub parameters: Vec<i64>,
    pub columns: Vec<i64>,
}

/// A cursor.
#[derive(Debug, Clone)]
pub struct KeptCursor {
    pub name: String,
    pub text: String,
    pub at: i64,
    pub holds: bool,
    pub scrolls: bool,
}

/// What keeps them.
pub trait KeptByName: Debug + Send + Sync {
    fn statements(&self) -> Vec<KeptStatement>;

    fn cursors(&self) -> Vec<KeptCursor>;
}
