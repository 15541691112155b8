//! CSV files.
//!
//! ```text
//! detect ────────────▶ infer ─────────▶ split ───────────▶ scan
//! encoding, separator,  columns by name,  beginnings of     records ──▶ columns
//! header of each file   types             records           fields      arrays
//! ```
//! Guesses are not trusted: types are inferred from samples of large files, and each value is checked against its column's type when it is
//! read. A value that does not fit is an error with file, line, column and value, unless the options say otherwise.

pub mod columns;
pub mod detect;
mod encodings;
mod header;
pub mod infer;
pub mod options;
pub mod records;
pub mod rejects;
pub mod scan;
pub mod split;
pub mod table;
