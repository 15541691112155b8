//! Sheets of Excel workbooks.
//!
//! A sheet is read as a whole when its table is opened: a workbook cannot be read in parts, and has at most a million rows.

pub mod cells;
pub mod columns;
pub mod options;
pub mod table;
