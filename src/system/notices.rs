//! `system.notices`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::docs::Column;
use crate::objects::values::{given, number, text, time};
use crate::statement::StatementContext;
use crate::text::without_passwords;

/// The table.
#[derive(Debug)]
pub struct Notices;

const COLUMNS: [Column; 14] = [
    Column { name: "notice", data_type: "BIGINT", text: "its number" },
    Column { name: "schedule", data_type: "VARCHAR", text: "the schedule whose run it is about" },
    Column { name: "run", data_type: "BIGINT", text: "the run, as in `system.runs`" },
    Column { name: "about", data_type: "VARCHAR", text: "how the run ended: `succeeded` or `failed`" },
    Column { name: "receiver", data_type: "VARCHAR", text: "`url`, or `command` for that of the server" },
    Column { name: "url", data_type: "VARCHAR", text: "the URL, without its password" },
    Column {
        name: "status",
        data_type: "VARCHAR",
        text: "`waiting`, `sent`, `replaced` by a later one, or `given up` after ten attempts; a command has one",
    },
    Column { name: "made_at", data_type: "TIMESTAMP", text: "when its run ended, in UTC" },
    Column { name: "due_at", data_type: "TIMESTAMP", text: "the earliest time of its next attempt, while it waits" },
    Column { name: "ended_at", data_type: "TIMESTAMP", text: "when it was sent, replaced or given up" },
    Column { name: "attempts", data_type: "BIGINT", text: "number of attempts to send it" },
    Column { name: "suppressed", data_type: "BIGINT", text: "how many earlier notices it replaces" },
    Column { name: "host", data_type: "VARCHAR", text: "the machine that sent it" },
    Column { name: "error", data_type: "VARCHAR", text: "why it was not accepted" },
];

impl SystemTable for Notices {
    fn name(&self) -> &'static str {
        "notices"
    }

    fn summary(&self) -> &'static str {
        "Notices about runs of schedules: those still to be sent, and the last thousand others."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let seen = context.objects()?;
            let mut notices = context.catalog().notices()?;
            // Notices about dropped schedules are visible to superusers only.
            if !context.rights()?.is_superuser() {
                notices.retain(|notice| seen.iter().any(|object| object.kind == "schedule" && object.id == notice.schedule));
            }
            let all = || notices.iter();
            Ok(vec![
                number(all().map(|notice| Some(notice.id))),
                text(all().map(|notice| Some(notice.name.clone()))),
                number(all().map(|notice| Some(notice.run))),
                text(all().map(|notice| Some(notice.about.clone()))),
                text(all().map(|notice| Some(notice.receiver.clone()))),
                text(all().map(|notice| given(&without_passwords(&notice.address)))),
                text(all().map(|notice| Some(notice.status.clone()))),
                time(all().map(|notice| Some(notice.made_at))),
                time(all().map(|notice| notice.due_at)),
                time(all().map(|notice| notice.ended_at)),
                number(all().map(|notice| Some(notice.attempts))),
                number(all().map(|notice| Some(notice.suppressed))),
                text(all().map(|notice| given(&notice.host))),
                text(all().map(|notice| given(&notice.problem))),
            ])
        })
    }
}
