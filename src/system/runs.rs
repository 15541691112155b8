//! `system.runs`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;

use super::SystemTable;
use crate::docs::Column;
use crate::objects::values::{given, number, text, time};
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct Runs;

const COLUMNS: [Column; 11] = [
    Column { name: "run", data_type: "BIGINT", text: "its number" },
    Column { name: "kind", data_type: "VARCHAR", text: "what ran: `refresh profile`" },
    Column { name: "name", data_type: "VARCHAR", text: "of which object" },
    Column { name: "as_of", data_type: "TIMESTAMP", text: "the time it was for" },
    Column {
        name: "status",
        data_type: "VARCHAR",
        text: "`running`, `succeeded`, `failed`, `cancelled`, or `lost` when its process was killed",
    },
    Column { name: "started_at", data_type: "TIMESTAMP", text: "when it began" },
    Column { name: "heartbeat_at", data_type: "TIMESTAMP", text: "when it last showed that it goes on" },
    Column { name: "finished_at", data_type: "TIMESTAMP", text: "when it ended" },
    Column { name: "customers", data_type: "BIGINT", text: "rows that it published" },
    Column { name: "changes", data_type: "BIGINT", text: "values that changed" },
    Column { name: "message", data_type: "VARCHAR", text: "why it failed" },
];

impl SystemTable for Runs {
    fn name(&self) -> &'static str {
        "runs"
    }

    fn summary(&self) -> &'static str {
        "What ran in the database, for how long, with what end."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, context: &StatementContext) -> Result<Vec<ArrayRef>> {
        let seen = context.objects()?;
        let mut runs = context.catalog().runs()?;
        // Of what is gone, those who may do all see what ran.
        let is_seen = |name: &str| seen.iter().any(|object| object.kind == "profile" && object.name == name);
        if !context.rights()?.is_superuser() {
            runs.retain(|run| is_seen(&run.name));
        }
        let all = || runs.iter();
        Ok(vec![
            number(all().map(|run| Some(run.id))),
            text(all().map(|run| Some(run.kind.clone()))),
            text(all().map(|run| Some(run.name.clone()))),
            time(all().map(|run| Some(run.as_of))),
            text(all().map(|run| Some(run.status.clone()))),
            time(all().map(|run| Some(run.started_at))),
            time(all().map(|run| run.heartbeat_at)),
            time(all().map(|run| run.finished_at)),
            number(all().map(|run| run.rows)),
            number(all().map(|run| run.changes)),
            text(all().map(|run| given(&run.message))),
        ])
    }
}
