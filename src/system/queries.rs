//! `system.queries`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::docs::Column;
use crate::objects::protection::restricts;
use crate::objects::values::{given, number, text, time};
use crate::sql::redacting::redacted;
use crate::statement::{Progress, Rights, StatementContext};

/// The table.
#[derive(Debug)]
pub struct Queries;

const COLUMNS: [Column; 10] = [
    Column { name: "query", data_type: "BIGINT", text: "number of the statement; `CANCEL number` stops it" },
    Column { name: "pid", data_type: "BIGINT", text: "the connection that runs it; NULL inside this process" },
    Column { name: "role", data_type: "VARCHAR", text: "who runs it" },
    Column { name: "text", data_type: "VARCHAR", text: "the statement, with `?` in place of the values" },
    Column { name: "started_at", data_type: "TIMESTAMP", text: "since when, in UTC" },
    Column { name: "milliseconds", data_type: "BIGINT", text: "how long it has taken so far" },
    Column {
        name: "step",
        data_type: "VARCHAR",
        text: "the current step: `planning`, `reading`, `sorting`, `grouping`, `joining` …",
    },
    Column { name: "rows_read", data_type: "BIGINT", text: "number of rows read from tables" },
    Column { name: "rows", data_type: "BIGINT", text: "number of rows returned" },
    Column {
        name: "memory",
        data_type: "BIGINT",
        text: "bytes of memory that its session uses, also for rows that a role may not see; NULL except for SUPERUSER and members of `pg_monitor` for whom there are no masks and row policies",
    },
];

/// True if these rights allow seeing what a role does.
pub fn may_watch(rights: &Rights, role: &str) -> bool {
    rights.is_member(role) || rights.is_member("pg_monitor")
}

impl SystemTable for Queries {
    fn name(&self) -> &'static str {
        "queries"
    }

    fn summary(&self) -> &'static str {
        "The statements that are running in this process: your own; for SUPERUSER and members of `pg_monitor`, all of them."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let mut queries = context.activity().queries();
            let rights = context.rights()?;
            queries.retain(|query| may_watch(&rights, &query.role));
            let progress: Vec<(bool, Progress)> =
                queries.iter().map(|query| query.plan()).map(|plan| (plan.get().is_some(), Progress::of(&plan))).collect();
            let step = |(is_running, progress): &(bool, Progress)| match (
                is_running,
                progress.status.as_str(),
                progress.step.as_str(),
            ) {
                (false, ..) => "planning".to_string(),
                (true, "", "") => "reading".into(),
                (true, "", step) => step.to_string(),
                (true, status, _) => status.to_string(),
            };
            // What is hidden from a role takes memory, too.
            let is_trusted = rights.is_superuser() || rights.is_member("pg_monitor") && !restricts(context)?;
            let all = || queries.iter();
            let count = |number: u64| i64::try_from(number).ok();
            Ok(vec![
                number(all().map(|query| Some(query.id))),
                number(all().map(|query| query.connection.as_ref().map(|connection| connection.pid.into()))),
                text(all().map(|query| given(&query.role))),
                text(all().map(|query| Some(redacted(&query.text)))),
                time(all().map(|query| Some(query.began))),
                number(all().map(|query| i64::try_from(query.took().as_millis()).ok())),
                text(progress.iter().map(|progress| Some(step(progress)))),
                number(progress.iter().map(|(_, progress)| count(progress.rows as u64))),
                number(all().map(|query| count(query.rows()))),
                number(all().map(|query| is_trusted.then(|| count(query.memory() as u64)).flatten())),
            ])
        })
    }
}
