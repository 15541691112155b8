//! `system.retention`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::docs::Column;
use crate::objects::values::{given, number, text, time};
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct Retentions;

const COLUMNS: [Column; 7] = [
    Column { name: "table_name", data_type: "VARCHAR", text: "the table" },
    Column { name: "column_name", data_type: "VARCHAR", text: "the column with the times" },
    Column { name: "retained_for", data_type: "VARCHAR", text: "how long rows are kept" },
    Column { name: "retained_days", data_type: "BIGINT", text: "the same in days, a month as 30" },
    Column { name: "role", data_type: "VARCHAR", text: "who made the rule" },
    Column { name: "created_at", data_type: "TIMESTAMP", text: "when, in UTC" },
    Column { name: "applied_at", data_type: "TIMESTAMP", text: "when REFRESH RETENTION last applied it, in UTC" },
];

impl SystemTable for Retentions {
    fn name(&self) -> &'static str {
        "retention"
    }

    fn summary(&self) -> &'static str {
        "How long the rows of tables are kept, as RETAIN says."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let objects = context.objects()?;
            let mut rules = context.catalog().retentions()?;
            rules.retain(|rule| objects.iter().any(|object| object.id == rule.object));
            let all = || rules.iter();
            Ok(vec![
                text(all().map(|rule| Some(rule.table.clone()))),
                text(all().map(|rule| Some(rule.column.clone()))),
                text(all().map(|rule| Some(rule.length()))),
                number(all().map(|rule| Some(i64::from(rule.months) * 30 + i64::from(rule.days) + rule.micros / 86_400_000_000))),
                text(all().map(|rule| given(&rule.role))),
                time(all().map(|rule| Some(rule.created_at))),
                time(all().map(|rule| rule.applied_at)),
            ])
        })
    }
}
