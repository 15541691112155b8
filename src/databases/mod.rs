//! Tables of other databases: SQLite files and PostgreSQL servers, read-only.
//!
//! A [`Relation`](table::Relation) is a table or query of the other database. Its columns and types come from that database's catalog when
//! the table is opened, once per statement. A scan becomes one statement in the other database's SQL, with the projected columns, the
//! conditions that mean the same there ([`conditions`]) and the LIMIT. Values are checked against the types as they arrive ([`columns`]),
//! because SQLite stores any value in any column, and PostgreSQL has infinite dates.

mod columns;
mod conditions;
mod options;
mod postgres;
mod sqlite;
mod table;

use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::CreateExternalTable;

use self::options::DatabaseOptions;
use self::table::DatabaseTable;
use crate::environment::Environment;
use crate::error::invalid;

pub use self::postgres::{Gave, Remote};

/// The option that names a credentials file. Dumps write it as an absolute path.
pub const CREDENTIALS: &str = "credentials";

/// The context for what a statement leaves open.
#[derive(Debug)]
pub struct Surroundings<'a> {
    pub environment: &'a Environment,
    /// The role that runs the statement.
    pub role: &'a str,
    /// The folder that relative paths start from.
    pub base: &'a Path,
}

/// What to read from the other database.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Table(String),
    Query(String),
}

/// True for the word after STORED AS that stands for another database.
pub fn is_kind(kind: &str) -> bool {
    ["SQLITE", "POSTGRES", "POSTGRESQL"].iter().any(|known| kind.eq_ignore_ascii_case(known))
}

/// True for a table of another database. It is reopened for each statement, because its columns may have changed.
pub fn is_own(table: &Arc<dyn TableProvider>) -> bool {
    table.downcast_ref::<DatabaseTable>().is_some()
}

/// The table of `CREATE EXTERNAL TABLE … STORED AS SQLITE` or `POSTGRES`.
///
/// # Errors
/// The database cannot be reached, has no such table, or has a column that cannot be read.
pub async fn create(
    state: &SessionState,
    command: &CreateExternalTable,
    surroundings: &Surroundings<'_>,
) -> Result<Arc<dyn TableProvider>> {
    let subject = format!("external table {}", command.name.table());
    if !command.schema.fields().is_empty() || !command.table_partition_cols.is_empty() {
        let problem = "its columns are those of the other database; leave out the list of columns and PARTITIONED BY";
        return Err(invalid(&subject, problem));
    }
    let [location] = command.locations.as_slice() else {
        return Err(invalid(&subject, "LOCATION must be one database"));
    };
    let options = DatabaseOptions::read(&subject, &command.file_type, &command.options, surroundings.base)?;
    if command.file_type.eq_ignore_ascii_case("SQLITE") {
        let path = surroundings.base.join(location);
        Ok(Arc::new(DatabaseTable::new(sqlite::open(&path, options.relation).await?)))
    } else {
        Ok(Arc::new(DatabaseTable::new(postgres::open(&subject, state, location, options, surroundings).await?)))
    }
}
