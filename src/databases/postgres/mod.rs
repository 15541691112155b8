//! Tables of PostgreSQL servers.

mod columns;
mod connection;
mod credentials;
mod decode;
mod dialect;
mod read;
mod remote;
mod target;
mod tls;

pub use remote::{Gave, Remote};

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::physical_plan::ExecutionPlan;
use tokio_postgres::types::Type;

use self::connection::{Connection, of_postgres};
use self::read::PostgresSource;
use self::target::Target;
use super::options::DatabaseOptions;
use super::table::{Relation, Wanted};
use super::{Asked, Surroundings};
use crate::error::{SqlState, coded, invalid};
use crate::files::source::SourceExec;
use crate::settings::PortraitSettings;
use crate::text::identifier;

/// Tables with fewer pages are read by one connection.
const SMALLEST_PART: i64 = 1024;

/// A table or query of a PostgreSQL server.
#[derive(Debug)]
pub struct Opened {
    target: Target,
    /// The item after FROM.
    from: String,
    /// The name for errors: `postgresql://host:5432/db: table sales.orders`.
    label: String,
    columns: Vec<PostgresColumn>,
    schema: SchemaRef,
    /// The number of pages of a table that can be read in page ranges; 0 for all others.
    pages: i64,
    /// True when the server's encoding is UTF-8, so that it orders strings by the same bytes.
    is_utf8: bool,
}

/// A column to read.
#[derive(Debug)]
struct PostgresColumn {
    name: String,
    source: Type,
    data_type: DataType,
    /// True when the server casts it to text, because its own type is not read: inet, point, a range.
    is_cast: bool,
    /// True when the column's collation treats only identical strings as equal.
    is_deterministic: bool,
}

impl PostgresColumn {
    /// The column's value as it is read.
    fn value(&self) -> String {
        let name = identifier(&self.name);
        if self.is_cast { format!("{name}::text") } else { name }
    }
}

/// A table in the server's catalog.
struct Found {
    oid: u32,
    name: String,
    pages: i64,
}

/// Looks up a table or query.
///
/// # Errors
/// The server cannot be reached or has no such table, or a column cannot be read.
pub async fn open(
    subject: &str,
    state: &SessionState,
    location: &str,
    options: DatabaseOptions,
    surroundings: &Surroundings<'_>,
) -> Result<Opened> {
    let target = Target::read(subject, location, options.credentials, surroundings)?;
    let connection = connection::connect(&target, timeout(state)).await?;
    Opened::look_at(target, &connection, &options.relation).await
}

/// The time limit for a statement in seconds; 0 for no limit.
fn timeout(state: &dyn Session) -> u64 {
    PortraitSettings::of(state.config_options()).statement_timeout
}

impl Opened {
    async fn look_at(target: Target, connection: &Connection, relation: &Asked) -> Result<Self> {
        let client = &connection.client;
        let server = target.label.clone();
        let failed = |error: tokio_postgres::Error| of_postgres(&server, &error);
        let row = client
            .query_one("SELECT current_setting('server_encoding'), current_setting('server_version_num')::int", &[])
            .await
            .map_err(failed)?;
        let (encoding, version): (String, i32) = (get(&row, 0, &server)?, get(&row, 1, &server)?);
        let (from, label, found) = match relation {
            Asked::Table(table) => {
                let found = find(connection, &server, table, version).await?;
                (found.name.clone(), format!("{server}: table {table}"), Some(found))
            }
            Asked::Query(query) => (format!("({query}\n) AS query"), format!("{server}: query"), None),
        };
        let deterministic = match &found {
            Some(found) => deterministic_columns(connection, &server, found.oid, version).await?,
            None => vec![],
        };
        let statement = client.prepare(&format!("SELECT * FROM {from} LIMIT 0")).await;
        let statement = statement.map_err(|error| of_postgres(&label, &error))?;
        // Executed so that missing privileges are reported now.
        client.query(&statement, &[]).await.map_err(|error| of_postgres(&label, &error))?;
        let mut columns: Vec<PostgresColumn> = vec![];
        for column in statement.columns() {
            let name = column.name().to_string();
            if columns.iter().any(|other| other.name == name) {
                return Err(invalid(&label, format!("has two columns called {name}; name them with AS")));
            }
            let (source, data_type, is_cast) = match columns::data_type(column.type_(), column.type_modifier()) {
                Some(data_type) => (column.type_().clone(), data_type, false),
                None => (Type::TEXT, DataType::Utf8View, true),
            };
            let is_deterministic = deterministic.contains(&name);
            columns.push(PostgresColumn { name, source, data_type, is_cast, is_deterministic });
        }
        let fields = columns.iter().map(|column| Field::new(&column.name, column.data_type.clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let pages = found.map_or(0, |found| found.pages);
        Ok(Self { target, from, label, columns, schema, pages, is_utf8: encoding == "UTF8" })
    }
}

/// Looks up a table by name, in the way that the server resolves names in SQL.
async fn find(connection: &Connection, server: &str, table: &str, version: i32) -> Result<Found> {
    // Page ranges need version 14; older servers would scan the whole table for each range. A standby server cannot export snapshots.
    let sql = "SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname),
            CASE WHEN c.relkind IN ('r', 'm') AND NOT pg_is_in_recovery() AND $2 THEN
                pg_relation_size(c.oid) / current_setting('block_size')::bigint ELSE 0 END
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = to_regclass($1::text)::oid AND c.relkind IN ('r', 'm', 'v', 'p', 'f')";
    let found = connection.client.query_opt(sql, &[&table, &(version >= 140_000)]).await;
    match found.map_err(|error| of_postgres(server, &error))? {
        Some(row) => Ok(Found { oid: get(&row, 0, server)?, name: get(&row, 1, server)?, pages: get(&row, 2, server)? }),
        None => {
            let problem = format!(
                "has no table or view {table} that this user can see; write schema.table, and names with capital letters in double quotes"
            );
            Err(coded(SqlState::UNDEFINED_TABLE, server, problem))
        }
    }
}

/// The columns of a table whose collation treats only identical strings as equal.
async fn deterministic_columns(connection: &Connection, server: &str, table: u32, version: i32) -> Result<Vec<String>> {
    let is_so = if version >= 120_000 { "c.collisdeterministic" } else { "true" };
    let sql = format!(
        "SELECT a.attname::text FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation
         WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND {is_so}"
    );
    let rows = connection.client.query(&sql, &[&table]).await.map_err(|error| of_postgres(server, &error))?;
    rows.iter().map(|row| get(row, 0, server)).collect()
}

/// A value from the server's catalog.
fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a tokio_postgres::Row, column: usize, server: &str) -> Result<T> {
    row.try_get(column).map_err(|error| of_postgres(server, &error))
}

impl Relation for Opened {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn ranges(&self, threads: usize) -> Vec<Option<String>> {
        let parts = (self.pages / SMALLEST_PART).clamp(1, i64::try_from(threads).unwrap_or(1));
        if parts == 1 {
            return vec![None];
        }
        let bound = |part: i64| format!("'({},0)'::tid", self.pages * part / parts);
        let of = |part: i64| match part {
            0 => format!("ctid < {}", bound(1)),
            // Pages that were added since then belong to the last part.
            last if last == parts - 1 => format!("ctid >= {}", bound(last)),
            part => format!("ctid >= {} AND ctid < {}", bound(part), bound(part + 1)),
        };
        (0..parts).map(|part| Some(of(part))).collect()
    }

    fn plan(self: Arc<Self>, state: &dyn Session, wanted: Wanted<'_>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(SourceExec::reading(PostgresSource::new(&self, &wanted, timeout(state))?))
    }
}
