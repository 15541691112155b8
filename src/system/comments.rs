//! `system.comments`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::docs::Column;
use crate::objects::KINDS;
use crate::objects::lifecycle::definitions;
use crate::objects::schema::parts;
use crate::objects::values::text;
use crate::refresh::plan::{PROFILE_SCHEMA, SEGMENT_SCHEMA};
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct Comments;

/// The schema of objects without another one.
const PUBLIC: &str = "public";

const COLUMNS: [Column; 4] = [
    Column { name: "table_schema", data_type: "VARCHAR", text: "the schema" },
    Column { name: "table_name", data_type: "VARCHAR", text: "the table; NULL for the schema itself" },
    Column { name: "column_name", data_type: "VARCHAR", text: "the column; NULL for the table itself" },
    Column { name: "comment", data_type: "VARCHAR", text: "what it is" },
];

impl SystemTable for Comments {
    fn name(&self) -> &'static str {
        "comments"
    }

    fn summary(&self) -> &'static str {
        "Comments on tables and columns, from COMMENT ON and from definitions; `information_schema` shows them, too."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let rows = rows(context)?;
            Ok((0..4).map(|column| text(rows.iter().map(|row| row[column].clone()))).collect())
        })
    }
}

/// Schema, table, column and comment.
///
/// # Errors
/// The database cannot be read.
pub fn rows(context: &StatementContext) -> Result<Vec<[Option<String>; 4]>> {
    let (mut rows, mut schemas): (Vec<[Option<String>; 4]>, Vec<_>) = (vec![], vec![]);
    let mut add = |schema: &str, table: String, column: Option<&str>, comment: String| {
        rows.push([Some(schema.to_string()), Some(table), column.map(str::to_string), Some(comment)]);
    };
    for kind in KINDS {
        for definition in definitions(kind, context)? {
            let (object, comment) = (&definition.object, definition.comment().to_string());
            let (schema, own) = match parts(&object.name, context) {
                (Some(schema), own) => (schema, own),
                (None, own) => (PUBLIC, own),
            };
            if !kind.namespace().is_empty() {
                for (column, said) in object.comments.iter().filter(|(column, _)| !column.is_empty()) {
                    add(schema, own.to_string(), Some(column), said.text.clone());
                }
            }
            if comment.is_empty() {
                continue;
            }
            match object.kind.as_str() {
                "profile" => {
                    let beside = |end: &str| format!("{}{end}", object.name);
                    add(PROFILE_SCHEMA, beside("_tags"), None, format!("{comment}: one row per value of a tag"));
                    add(PROFILE_SCHEMA, beside("_history"), None, format!("{comment}: values over time"));
                    add(PROFILE_SCHEMA, object.name.clone(), None, comment);
                }
                "tag" => add(PROFILE_SCHEMA, object.profile.clone(), Some(&object.name), comment),
                "segment" => add(SEGMENT_SCHEMA, object.name.clone(), None, comment),
                "schema" => schemas.push([Some(object.name.clone()), None, None, Some(comment)]),
                "table" | "view" | "external table" | "sequence" => add(schema, own.to_string(), None, comment),
                _ => {}
            }
        }
    }
    let mut temporary = context.tables().temporary_names();
    temporary.sort();
    for name in temporary {
        let (schema, own) = match parts(&name, context) {
            (Some(schema), own) => (schema, own),
            (None, own) => (PUBLIC, own),
        };
        for (column, said) in context.tables().comments(&name) {
            add(schema, own.to_string(), Some(column.as_str()).filter(|column| !column.is_empty()), said);
        }
    }
    rows.extend(schemas);
    Ok(rows)
}
