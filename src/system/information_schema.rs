//! `information_schema.tables` and `.columns` with the comments of what is published: DataFusion's have none.

use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Ident, TableAlias, TableFactor, VisitorMut};

use crate::sql::command::normal;
use crate::sql::parser::{parse_query, visit};

/// Joins the comments to where a statement reads these tables.
///
/// # Errors
/// None for statements that were parsed.
pub fn add_comments(parsed: &mut SqlParsed) -> Result<()> {
    match visit(parsed, &mut WithComments) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct WithComments;

impl VisitorMut for WithComments {
    type Break = DataFusionError;

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        match with_comments(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

fn with_comments(factor: &mut TableFactor) -> Result<()> {
    let TableFactor::Table { name, alias, args: None, .. } = factor else { return Ok(()) };
    let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident().map(normal)).collect();
    let [.., schema, table] = parts.as_slice() else { return Ok(()) };
    let (comment, column) = match (schema.as_str(), table.as_str()) {
        ("information_schema", "tables") => ("table_comment", "described.column_name IS NULL"),
        ("information_schema", "columns") => ("column_comment", "described.column_name = listed.column_name"),
        _ => return Ok(()),
    };
    let subquery = parse_query(&format!(
        "SELECT listed.*, described.comment AS {comment} FROM {name} AS listed LEFT JOIN system.comments AS described
             ON described.table_schema = listed.table_schema AND described.table_name = listed.table_name AND {column}"
    ))?;
    let own = || TableAlias { explicit: true, name: Ident::new(table.as_str()), columns: vec![], at: None };
    let alias = Some(alias.take().unwrap_or_else(own));
    *factor = TableFactor::Derived { lateral: false, subquery, alias, sample: None };
    Ok(())
}
