//! `CHECK`: data quality checks of tables, and their results.
//!
//! | module | contents |
//! |---|---|
//! | [`kind`] | the kind of object, and its page |
//! | [`expectation`] | what a check expects, as SQL that counts the failing rows and shows some of them |
//! | [`running`] | runs checks, stores their results, and stops a REFRESH |
//! | [`near_last`] | checks that compare with the last result: row counts, distributions |
//! | [`masked`] | masks the values of examples |

mod expectation;
mod kind;
mod masked;
mod near_last;
mod running;

use datafusion::common::Result;
use sqlparser::ast::ObjectName;

use super::definition::Definition;
use crate::error::invalid;
use crate::sql::command::normal;
use expectation::Expectation;

pub use kind::CheckKind;
pub use near_last::{Distribution, distribution, has_bins, stability_index};
pub use running::{COLUMNS, before_refresh, messages, rows, run_tables, schema};

/// What happens when a check fails as a profile over its table is refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// A refresh does not run the check.
    Nothing,
    /// The refresh gives a note.
    Warn,
    /// The refresh fails before it computes anything.
    Stop,
}

/// A check, as declared.
#[derive(Debug, Clone)]
pub struct Check {
    pub definition: Definition,
    /// The table, as written in SQL.
    pub table: String,
    /// The parts of the table's name.
    pub table_parts: Vec<String>,
    pub expectation: Expectation,
    pub dimension: &'static str,
    pub severity: &'static str,
    /// The share of rows that may fail.
    pub threshold: f64,
    pub on_failure: OnFailure,
    /// Columns that every example shows.
    pub key: Vec<String>,
    /// How many examples are kept.
    pub examples: i64,
}

impl Check {
    /// Reads a definition.
    ///
    /// # Errors
    /// The definition is wrong.
    pub fn of(definition: Definition) -> Result<Self> {
        definition.constants(None)?;
        let label = definition.object.label();
        let Some(table) = definition.table.clone() else { return Err(invalid(&label, "names no table; write ON table")) };
        let expectation = Expectation::of(&label, &definition.body)?;
        let options = &definition.options;
        let dimension = if options.is_given("dimension") { options.word("dimension")? } else { expectation.dimension() };
        let on_failure = match options.word("on_failure")? {
            "stop" => OnFailure::Stop,
            "warn" => OnFailure::Warn,
            _ => OnFailure::Nothing,
        };
        Ok(Self {
            table: table.to_string(),
            table_parts: parts(&table),
            expectation,
            dimension,
            severity: options.word("severity")?,
            threshold: options.float("threshold")?,
            on_failure,
            key: options.names("key").unwrap_or_default().to_vec(),
            examples: options.integer("examples")?,
            definition,
        })
    }
}

/// The parts of a table's name.
pub fn parts(table: &ObjectName) -> Vec<String> {
    table.0.iter().filter_map(|part| part.as_ident().map(normal)).collect()
}
