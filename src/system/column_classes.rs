//! `system.column_classes`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::docs::Column;
use crate::objects::protection::class;
use crate::objects::values::text;
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct ColumnClasses;

const COLUMNS: [Column; 4] = [
    Column { name: "table", data_type: "VARCHAR", text: "the table, view, external table or profile" },
    Column { name: "column", data_type: "VARCHAR", text: "the column" },
    Column {
        name: "class",
        data_type: "VARCHAR",
        text: "its class: `phone`, `email`, or your own; `from:phone` if its values only tell something of such values",
    },
    Column {
        name: "origin",
        data_type: "VARCHAR",
        text: "`set` by a statement, including the one that made the table; `derived` if the values come from such a column",
    },
];

impl SystemTable for ColumnClasses {
    fn name(&self) -> &'static str {
        "column_classes"
    }

    fn summary(&self) -> &'static str {
        "The columns that hold personal data, with their classes."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let mut rows: Vec<[String; 4]> = vec![];
            for object in context.objects()?.iter().filter(|object| class::has_columns(object)) {
                // A broken definition must not hide other objects.
                for (column, classes) in class::of(object, context).await.unwrap_or_else(|_| class::said(object)) {
                    let origin = if object.classes.contains_key(&column) { "set" } else { "derived" };
                    let table = if object.kind == "profile" { format!("profile.{}", object.name) } else { object.name.clone() };
                    rows.extend(classes.into_iter().map(|class| [table.clone(), column.clone(), class, origin.to_string()]));
                }
            }
            Ok((0..4).map(|column| text(rows.iter().map(|row| Some(row[column].clone())))).collect())
        })
    }
}
