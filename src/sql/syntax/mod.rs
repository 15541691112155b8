//! Checks and rewrites of a statement before it is planned, on its tokens and its syntax tree.

pub mod chains;
pub mod charts;
pub mod column_names;
pub mod creating;
pub mod earlier_names;
pub mod effort;
pub mod expression_macros;
pub mod grouping;
pub mod joins;
pub mod merged_columns;
pub mod named_arguments;
pub mod names;
pub mod nesting;
pub mod pivots;
pub mod postgres;
pub mod quantified;
pub mod replaced;
pub mod rewritten;
pub mod shorthands;
pub mod size;
pub mod spellings;
pub mod star_columns;
pub mod supported;
pub mod type_names;
