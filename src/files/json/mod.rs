//! JSON files: one object per line, objects one after the other, or a list of objects.
//!
//! ```text
//! detect ─────────▶ infer ──────────────▶ scan
//! list or lines     columns and types     tokens ──▶ decode
//!                   of all objects                   arrays
//! ```
//! As with CSV, guesses are not trusted: each value is checked against its column's type when it is read.

pub mod decode;
pub mod detect;
pub mod infer;
pub mod options;
pub mod scan;
pub mod table;
pub mod texts;
pub mod tokens;
pub mod within;
