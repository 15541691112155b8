//! Sheets of Excel workbooks.
//!
//! A sheet is read entirely when its table is opened, because a workbook cannot be read in parts. It has at most a million rows.

pub mod cells;
pub mod columns;
pub mod options;
pub mod table;
