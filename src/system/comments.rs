//! `system.comments`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;

use super::SystemTable;
use crate::docs::Column;
use crate::objects::KINDS;
use crate::objects::lifecycle::definitions;
use crate::objects::values::text;
use crate::refresh::plan::{PROFILE_SCHEMA, SEGMENT_SCHEMA};
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct Comments;

const COLUMNS: [Column; 4] = [
    Column { name: "table_schema", data_type: "VARCHAR", text: "the schema" },
    Column { name: "table_name", data_type: "VARCHAR", text: "the table" },
    Column { name: "column_name", data_type: "VARCHAR", text: "the column; NULL for the table itself" },
    Column { name: "comment", data_type: "VARCHAR", text: "what it is" },
];

impl SystemTable for Comments {
    fn name(&self) -> &'static str {
        "comments"
    }

    fn summary(&self) -> &'static str {
        "What definitions say of the tables and columns that they publish; `information_schema` shows it."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, context: &StatementContext) -> Result<Vec<ArrayRef>> {
        let rows = rows(context)?;
        Ok((0..4).map(|column| text(rows.iter().map(|row| row[column].clone()))).collect())
    }
}

/// Schema, table, column and comment.
///
/// # Errors
/// The database cannot be read.
pub fn rows(context: &StatementContext) -> Result<Vec<[Option<String>; 4]>> {
    let mut rows: Vec<[Option<String>; 4]> = vec![];
    let mut add = |schema: &str, table: String, column: Option<&str>, comment: String| {
        rows.push([Some(schema.to_string()), Some(table), column.map(str::to_string), Some(comment)]);
    };
    for kind in KINDS {
        for definition in definitions(kind, context)? {
            let (object, comment) = (&definition.object, definition.text("comment").to_string());
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
                _ => {}
            }
        }
    }
    Ok(rows)
}
