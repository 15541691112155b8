//! `system.runs`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::catalog::runs::{Attempt, Run};
use crate::docs::Column;
use crate::objects::protection::covers;
use crate::objects::values::{given, number, share, text, time};
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct Runs;

const COLUMNS: [Column; 23] = [
    Column { name: "run", data_type: "BIGINT", text: "its number" },
    Column { name: "kind", data_type: "VARCHAR", text: "what ran: `refresh profile`, or `schedule`" },
    Column { name: "name", data_type: "VARCHAR", text: "name of the object" },
    Column { name: "as_of", data_type: "TIMESTAMP", text: "the time it ran for; for a schedule, its scheduled time, in UTC" },
    Column {
        name: "status",
        data_type: "VARCHAR",
        text: "`running`, `succeeded`, `failed`, `cancelled`, `lost` when its process was killed, or `skipped`",
    },
    Column { name: "started_at", data_type: "TIMESTAMP", text: "when it began" },
    Column { name: "heartbeat_at", data_type: "TIMESTAMP", text: "time of its last sign of life" },
    Column { name: "finished_at", data_type: "TIMESTAMP", text: "when it ended" },
    Column { name: "customers", data_type: "BIGINT", text: "number of rows published" },
    Column { name: "changes", data_type: "BIGINT", text: "values that changed" },
    Column { name: "message", data_type: "VARCHAR", text: "why it failed" },
    Column { name: "schedule", data_type: "VARCHAR", text: "the schedule whose run it was" },
    Column {
        name: "attempt",
        data_type: "BIGINT",
        text: "for a schedule: number of the attempt for this time, from 1; 0 if skipped",
    },
    Column { name: "scheduled_time", data_type: "TIMESTAMP", text: "for a schedule: the scheduled time, in UTC" },
    Column {
        name: "cause",
        data_type: "VARCHAR",
        text: "for a schedule, why it ran: `schedule`, `missed`, `retry`, `dependency` or `manual`",
    },
    Column {
        name: "missed",
        data_type: "BIGINT",
        text: "for a schedule: number of missed times that this run replaces, or that were skipped",
    },
    Column { name: "duration", data_type: "DOUBLE", text: "duration in seconds" },
    Column { name: "rows", data_type: "BIGINT", text: "number of rows that its statements wrote and read, or that it published" },
    Column { name: "error", data_type: "VARCHAR", text: "why it failed, was cancelled or lost" },
    Column { name: "statement", data_type: "VARCHAR", text: "for a schedule: the statement that failed" },
    Column {
        name: "line",
        data_type: "BIGINT",
        text: "for a schedule: the line where that statement begins, in the file or the definition",
    },
    Column { name: "role", data_type: "VARCHAR", text: "for a schedule: the role it ran as" },
    Column { name: "host", data_type: "VARCHAR", text: "for a schedule: the machine it ran on" },
];

impl SystemTable for Runs {
    fn name(&self) -> &'static str {
        "runs"
    }

    fn summary(&self) -> &'static str {
        "Refreshes and runs of schedules: when each ran, for how long, and how it ended."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let seen = context.objects()?;
            let mut runs = context.catalog().runs()?;
            // Runs of dropped objects are visible to superusers only.
            let is_seen = |kind: &str, name: &str| seen.iter().any(|object| object.kind == kind && object.name == name);
            if !context.rights()?.is_superuser() {
                runs.retain(|run| is_seen(if run.attempt.is_some() { "schedule" } else { "profile" }, &run.name));
            }
            // Row counts and error messages are visible only to roles that see all rows of the profile.
            for object in seen.iter().filter(|object| object.kind == "profile") {
                if covers(object, context)? {
                    for run in runs.iter_mut().filter(|run| run.attempt.is_none() && run.name == object.name) {
                        (run.rows, run.changes, run.message) = (None, None, String::new());
                    }
                }
            }
            let all = || runs.iter();
            // English is what is kept.
            let language = context.language();
            let said = |run: &Run| given(&language.message(&run.message));
            fn of<'a, T: 'a>(
                runs: &'a [Run],
                value: impl Fn(&Attempt, &Run) -> Option<T> + 'a,
            ) -> impl Iterator<Item = Option<T>> + 'a {
                runs.iter().map(move |run| run.attempt.as_ref().and_then(|attempt| value(attempt, run)))
            }
            Ok(vec![
                number(all().map(|run| Some(run.id))),
                text(all().map(|run| Some(run.kind.clone()))),
                text(all().map(|run| Some(run.name.clone()))),
                time(all().map(|run| Some(run.as_of))),
                text(all().map(|run| Some(run.status.clone()))),
                time(all().map(|run| Some(run.started_at))),
                time(all().map(|run| run.heartbeat_at)),
                time(all().map(|run| run.finished_at)),
                number(all().map(|run| run.rows.filter(|_| run.attempt.is_none()))),
                number(all().map(|run| run.changes)),
                text(all().map(said)),
                text(of(&runs, |_, run| Some(run.name.clone()))),
                number(of(&runs, |attempt, _| Some(attempt.number))),
                time(of(&runs, |_, run| Some(run.as_of))),
                text(of(&runs, |attempt, _| given(&attempt.cause))),
                number(of(&runs, |attempt, _| Some(attempt.missed))),
                share(all().map(|run| run.finished_at.map(|finished| (finished - run.started_at) as f64 / 1e6))),
                number(all().map(|run| run.rows)),
                text(all().map(|run| said(run).filter(|_| run.status != "skipped"))),
                text(of(&runs, |attempt, _| given(&attempt.statement))),
                number(of(&runs, |attempt, _| attempt.line)),
                text(of(&runs, |attempt, _| given(&attempt.role))),
                text(of(&runs, |attempt, _| given(&attempt.host))),
            ])
        })
    }
}
