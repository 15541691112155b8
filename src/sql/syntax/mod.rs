//! What is looked at before a statement is planned: its tokens, and its tree.

pub mod chains;
pub mod names;
pub mod rewritten;
pub mod supported;
