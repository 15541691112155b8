//! CSV files.
//!
//! ```text
//! detect ────────────▶ infer ─────────▶ split ───────────▶ scan
//! encoding, separator,  columns by name,  beginnings of     records ──▶ columns
//! header of each file   types             records           fields      arrays
//! ```
//! Nothing that is guessed is trusted: types come from pieces of large files, and each value is checked against its column's when it is
//! read. What does not fit is an error with file, line, column and value, or what the options say.

pub mod columns;
pub mod detect;
pub mod infer;
pub mod options;
pub mod records;
pub mod rejects;
pub mod scan;
pub mod split;
pub mod table;
