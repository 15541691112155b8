//! What is looked at before a statement is planned: its tokens, and its tree.

pub mod chains;
pub mod effort;
pub mod grouping;
pub mod names;
pub mod nesting;
pub mod quantified;
pub mod replaced;
pub mod rewritten;
pub mod size;
pub mod supported;
pub mod type_names;
