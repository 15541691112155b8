//! `system.audit`

use std::collections::HashMap;

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::catalog::audit::{Entry, Event};
use crate::docs::Column;
use crate::error::{SqlState, coded};
use crate::objects::values::{given, number, text, time};
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct Audit;

const COLUMNS: [Column; 17] = [
    Column { name: "number", data_type: "BIGINT", text: "number of the record, from 1; the end of a statement has a number too" },
    Column { name: "at", data_type: "TIMESTAMP", text: "when it was recorded, in UTC" },
    Column {
        name: "event",
        data_type: "VARCHAR",
        text: "`read`, `export`, `grant`, `role`, `policy`, `erase`, `denied` or `setting`",
    },
    Column {
        name: "role",
        data_type: "VARCHAR",
        text: "who ran the statement; NULL for access through the folder of the database",
    },
    Column { name: "login", data_type: "VARCHAR", text: "who opened the session; SET ROLE does not change it" },
    Column { name: "client", data_type: "VARCHAR", text: "address and application name of the client; NULL inside the program" },
    Column { name: "purpose", data_type: "VARCHAR", text: "the purpose of the session, set by `SET portrait.purpose`" },
    Column { name: "command", data_type: "VARCHAR", text: "the words that say what was done: `SELECT`" },
    Column { name: "statement", data_type: "VARCHAR", text: "the statement, with `?` in place of the values" },
    Column { name: "object", data_type: "VARCHAR", text: "the table that was read; for an export, its destination" },
    Column { name: "columns", data_type: "VARCHAR", text: "the columns with a class that were read" },
    Column { name: "classes", data_type: "VARCHAR", text: "their classes, in the same order" },
    Column { name: "masked", data_type: "VARCHAR", text: "the columns among them that were masked" },
    Column {
        name: "rows",
        data_type: "BIGINT",
        text: "number of rows that the statement returned or wrote; NULL until it has ended",
    },
    Column {
        name: "outcome",
        data_type: "VARCHAR",
        text: "`succeeded`, `given up` if the client stopped reading, or the SQLSTATE of the error; NULL until the statement has ended, and always if the process was killed; for a setting: what is recorded from then on",
    },
    Column { name: "previous", data_type: "VARCHAR", text: "hash of the previous record" },
    Column { name: "hash", data_type: "VARCHAR", text: "hash of this record" },
];

impl SystemTable for Audit {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn summary(&self) -> &'static str {
        "The audit log: who read personal data of which class, from which table and for which purpose; what was exported; who changed the rights of others. For SUPERUSER and members of `pg_monitor`."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            if !context.rights()?.is_member("pg_monitor") {
                let problem = format!(
                    "the role {} may not see what others read; ask for: GRANT pg_monitor TO {}",
                    context.role(),
                    context.role()
                );
                return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, "system.audit", problem));
            }
            let (ends, mut records): (Vec<_>, Vec<_>) =
                context.catalog().audit().records()?.into_iter().partition(|(record, _)| record.entry.event == Event::End);
            let ends: HashMap<u64, Entry> = ends
                .into_iter()
                .flat_map(|(record, _)| record.entry.of.clone().into_iter().map(move |of| (of, record.entry.clone())))
                .collect();
            for (record, _) in &mut records {
                if let Some(end) = ends.get(&record.number) {
                    if record.entry.outcome.is_empty() {
                        record.entry.outcome.clone_from(&end.outcome);
                    }
                    record.entry.rows = end.rows;
                }
            }
            let all = || records.iter();
            let of = |value: fn(&Entry) -> &String| text(all().map(move |(record, _)| given(value(&record.entry))));
            let whole = |value: u64| i64::try_from(value).ok();
            let listed = |list: Vec<&String>| list.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            Ok(vec![
                number(all().map(|(record, _)| whole(record.number))),
                time(all().map(|(record, _)| microseconds(&record.at))),
                text(all().map(|(record, _)| Some(record.entry.event.word().to_string()))),
                of(|entry| &entry.role),
                of(|entry| &entry.login),
                of(|entry| &entry.client),
                of(|entry| &entry.purpose),
                of(|entry| &entry.command),
                of(|entry| &entry.statement),
                of(|entry| &entry.object),
                text(all().map(|(record, _)| given(&listed(record.entry.columns.keys().collect())))),
                text(all().map(|(record, _)| given(&listed(record.entry.columns.values().collect())))),
                text(all().map(|(record, _)| given(&listed(record.entry.masked.iter().collect())))),
                number(all().map(|(record, _)| record.entry.rows.and_then(whole))),
                of(|entry| &entry.outcome),
                text(all().map(|(record, _)| Some(record.previous.clone()))),
                text(all().map(|(_, hash)| Some(hash.clone()))),
            ])
        })
    }
}

/// A time in the log's format, in microseconds since 1970.
fn microseconds(text: &str) -> Option<i64> {
    let time = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Some(time.and_utc().timestamp_micros())
}
