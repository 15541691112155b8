//! `system.connections`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use super::queries::may_watch;
use crate::docs::Column;
use crate::objects::values::{given, number, text, time, yes};
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct Connections;

const COLUMNS: [Column; 8] = [
    Column { name: "pid", data_type: "BIGINT", text: "number of the connection; `pg_terminate_backend(pid)` closes it" },
    Column { name: "role", data_type: "VARCHAR", text: "who opened it" },
    Column { name: "door", data_type: "VARCHAR", text: "the protocol: `postgresql` or `flight`" },
    Column { name: "client", data_type: "VARCHAR", text: "the address of the client; NULL for a socket of this machine" },
    Column { name: "application", data_type: "VARCHAR", text: "name that the client gives itself" },
    Column { name: "is_encrypted", data_type: "BOOLEAN", text: "whether it uses TLS" },
    Column { name: "connected_at", data_type: "TIMESTAMP", text: "since when, in UTC" },
    Column { name: "query", data_type: "BIGINT", text: "the running statement, as in system.queries; NULL while idle" },
];

impl SystemTable for Connections {
    fn name(&self) -> &'static str {
        "connections"
    }

    fn summary(&self) -> &'static str {
        "The connections to this server: your own; for SUPERUSER and members of `pg_monitor`, all of them."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let mut connections = context.activity().connections();
            let rights = context.rights()?;
            connections.retain(|connection| may_watch(&rights, &connection.role));
            let queries = context.activity().queries();
            let query = |pid: i32| {
                let own = queries.iter().find(|query| query.connection.as_ref().is_some_and(|connection| connection.pid == pid));
                own.map(|query| query.id)
            };
            let all = || connections.iter();
            Ok(vec![
                number(all().map(|connection| Some(connection.pid.into()))),
                text(all().map(|connection| Some(connection.role.clone()))),
                text(all().map(|connection| Some(connection.door.to_string()))),
                text(all().map(|connection| connection.client.map(|client| client.to_string()))),
                text(all().map(|connection| given(&connection.application()))),
                yes(all().map(|connection| connection.is_encrypted)),
                time(all().map(|connection| Some(connection.since))),
                number(all().map(|connection| query(connection.pid))),
            ])
        })
    }
}
