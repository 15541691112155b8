//! Tables of SQLite files.

mod columns;
mod dialect;
mod read;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::ExecutionPlan;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use self::columns::SqliteColumn;
use self::read::SqliteSource;
use super::Asked;
use super::table::{Relation, Wanted};
use crate::error::{SqlState, coded, did_you_mean, failed, invalid};
use crate::files::source::SourceExec;
use crate::text::{identifier, literal};

/// How long a reader waits for a writer that locks the file.
const BUSY: Duration = Duration::from_secs(10);
/// How often it checks whether the file is free. SQLite's own handler sleeps for up to 100 ms, and misses the gaps of a busy writer.
const NAP: Duration = Duration::from_millis(2);
/// The rows examined for the type of a column without a declaration.
const SAMPLE: usize = 1000;
/// Tables with fewer rows are read by one thread.
const SMALLEST_PART: i64 = 50_000;
/// The years 1900 to 2100 in days of the Julian calendar.
const JULIAN: Range<f64> = 2_415_020.5..2_488_069.5;
/// The numbers from here on are more likely milliseconds since 1970 (1973) than seconds (5138).
const MILLISECONDS: f64 = 1e11;

/// A table or query of a SQLite file.
#[derive(Debug)]
pub struct Opened {
    path: PathBuf,
    /// The item after FROM.
    from: String,
    /// The name for errors: `crm.db: table customers`.
    label: String,
    relation: Asked,
    columns: Vec<SqliteColumn>,
    schema: SchemaRef,
    /// The name of the table's row id, if it has one.
    rowid: Option<&'static str>,
    /// The smallest and largest row id.
    rowids: Option<(i64, i64)>,
    /// True when strings are compared by their UTF-8 bytes.
    is_utf8: bool,
}

/// Looks up a table or query.
///
/// # Errors
/// There is no such file or table, or it cannot be read.
pub async fn open(path: &Path, relation: Asked) -> Result<Opened> {
    let path = path.to_path_buf();
    let opened = tokio::task::spawn_blocking(move || Opened::look_at(path, relation)).await;
    opened.map_err(|error| DataFusionError::External(Box::new(error)))?
}

/// Opens the file for reading. It is not opened as immutable, because other programs may write to it.
fn connect(path: &Path) -> Result<Connection> {
    let name = path.display().to_string();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(coded(SqlState::UNDEFINED_FILE, &name, "no such file; LOCATION is the file of a SQLite database"));
        }
        Err(error) => return Err(failed(&name, error)),
        Ok(file) if !file.is_file() => return Err(invalid(&name, "is not a file; LOCATION is the file of a SQLite database")),
        Ok(_) => {}
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| of_sqlite(&name, &error))?;
    let prepared = connection.busy_handler(Some(wait)).and_then(|()| {
        // The file's schema is not trusted: its views may only call harmless functions.
        connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;")
    });
    prepared.map_err(|error| of_sqlite(&name, &error))?;
    Ok(connection)
}

/// Waits briefly for a writer; returns false when the time is over.
fn wait(naps: i32) -> bool {
    std::thread::sleep(NAP);
    NAP * u32::try_from(naps).unwrap_or_default() < BUSY
}

/// An error of SQLite about a file.
fn of_sqlite(subject: &str, error: &rusqlite::Error) -> DataFusionError {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => invalid(subject, "is not a SQLite database, or is encrypted"),
        Some(ErrorCode::DatabaseCorrupt) => coded(SqlState::DATA_CORRUPTED, subject, error),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => crate::error::not_available(
            subject,
            "another program is writing to it and locks out readers; run the statement again later",
        ),
        Some(ErrorCode::CannotOpen) => {
            let why = "cannot be opened; the user who runs this needs to read the file, and to write its folder when the database is in WAL mode";
            coded(SqlState::IO_ERROR, subject, why)
        }
        _ => failed(subject, error),
    }
}

impl Opened {
    fn look_at(path: PathBuf, relation: Asked) -> Result<Self> {
        let connection = connect(&path)?;
        let name = path.display().to_string();
        let sqlite = |error: rusqlite::Error| of_sqlite(&name, &error);
        let encoding: String = connection.query_row("PRAGMA encoding", [], |row| row.get(0)).map_err(sqlite)?;
        let (listed, from, label, is_table) = match &relation {
            Asked::Table(table) => {
                let (own, kind, is_without) = find(&connection, &name, table)?;
                let label = format!("{name}: table {own}");
                let from = format!("main.{}", identifier(&own));
                (own, from, label, kind == "table" && !is_without)
            }
            Asked::Query(query) => {
                // A view in this connection only, because SQLite can list the columns of a view with their declared types.
                let view = "portrait_query";
                // `execute` rejects a second statement after the first.
                connection.execute(&format!("CREATE TEMP VIEW {view} AS {query}\n"), []).map_err(|error| {
                    let problem = match &error {
                        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
                        other => other.to_string(),
                    };
                    invalid(&name, format!("its query cannot be run: {problem}; it must be one SELECT in the SQL of SQLite"))
                })?;
                (view.to_string(), format!("({query}\n)"), format!("{name}: query"), false)
            }
        };
        let mut columns: Vec<SqliteColumn> = vec![];
        let schema = if matches!(relation, Asked::Table(_)) { "main" } else { "temp" };
        let mut statement =
            connection.prepare("SELECT name, type FROM pragma_table_xinfo(?1, ?2) WHERE hidden <> 1").map_err(sqlite)?;
        let listed: Vec<(String, String)> = statement
            .query_map(params![listed, schema], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .map_err(|error| invalid(&label, format!("its columns cannot be listed: {error}")))?;
        for (column, declaration) in listed {
            if columns.iter().any(|other| other.name == column) {
                return Err(invalid(&label, format!("has two columns called {column}; name them with AS")));
            }
            let data_type = match columns::declared(&declaration) {
                Some(data_type) => data_type,
                None => columns::seen(&kinds(&connection, &from, &column).map_err(|error| of_sqlite(&label, &error))?),
            };
            let affinity = ["CHAR", "CLOB", "TEXT"];
            let keeps_texts = is_table
                && data_type == DataType::Utf8View
                && affinity.iter().any(|part| declaration.to_uppercase().contains(part));
            columns.push(SqliteColumn { name: column, data_type, keeps_texts });
        }
        let has = |name: &str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        let rowid = ["rowid", "_rowid_", "oid"].into_iter().find(|name| is_table && !has(name));
        let rowids = match rowid {
            Some(rowid) => {
                let sql = format!("SELECT min({rowid}), max({rowid}) FROM {from}");
                let range =
                    connection.query_row(&sql, [], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)));
                let (first, last) = range.map_err(|error| of_sqlite(&label, &error))?;
                first.zip(last)
            }
            None => None,
        };
        let fields = columns.iter().map(|column| Field::new(&column.name, column.data_type.clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Self { path, from, label, relation, columns, schema, rowid, rowids, is_utf8: encoding == "UTF-8" })
    }
}

/// The name of the table or view as stored, its kind, and whether it has no row ids.
fn find(connection: &Connection, file: &str, table: &str) -> Result<(String, String, bool)> {
    let sqlite = |error: rusqlite::Error| of_sqlite(file, &error);
    let plain = table.strip_prefix("main.").unwrap_or(table);
    let sql = "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1 COLLATE NOCASE";
    let found = connection.query_row(sql, [plain], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional();
    if let Some(found) = found.map_err(sqlite)? {
        return Ok(found);
    }
    let mut names = connection
        .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type <> 'shadow' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")
        .map_err(sqlite)?;
    let names: Vec<String> = names.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(sqlite)?;
    let suggestion = did_you_mean(plain, names.iter().map(String::as_str));
    let there = match names.as_slice() {
        [] => "it has none".to_string(),
        names => format!("it has {}", names.iter().take(20).cloned().collect::<Vec<_>>().join(", ")),
    };
    Err(coded(SqlState::UNDEFINED_TABLE, file, format!("has no table or view {plain}{suggestion}; {there}")))
}

/// The storage classes in the first rows of a column.
fn kinds(connection: &Connection, from: &str, column: &str) -> rusqlite::Result<Vec<String>> {
    let column = identifier(column);
    let sql = format!("SELECT DISTINCT typeof(value) FROM (SELECT {column} AS value FROM {from} LIMIT {SAMPLE}) ORDER BY 1");
    connection.prepare(&sql)?.query_map([], |row| row.get(0))?.collect()
}

impl Opened {
    /// What a query in advice reads from.
    fn asked(&self) -> String {
        match &self.relation {
            Asked::Table(table) => identifier(table),
            Asked::Query(_) => "(…)".into(),
        }
    }

    /// Advice on how to read a column of times that are stored as numbers, by one of them.
    fn timed(&self, column: &str, number: f64) -> String {
        let (from, name) = (self.asked(), identifier(column));
        let (unit, time) = match number.abs() {
            days if JULIAN.contains(&days) => ("days of the Julian calendar", format!("datetime({name})")),
            count if count >= MILLISECONDS => ("milliseconds since 1970", format!("datetime({name} / 1000, ''unixepoch'')")),
            _ => ("seconds since 1970", format!("datetime({name}, ''unixepoch'')")),
        };
        format!("if it counts {unit}, OPTIONS ('query' 'SELECT …, {time} AS {name} FROM {from}'), and CAST")
    }

    /// Advice on how to read a column as another type.
    fn cast(&self, column: &str) -> String {
        let (from, name) = (self.asked(), identifier(column));
        format!("to read it as text, OPTIONS ('query' 'SELECT …, CAST({name} AS TEXT) AS {name} FROM {from}')")
    }
}

impl Relation for Opened {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn ranges(&self, threads: usize) -> Vec<Option<String>> {
        let (Some(rowid), Some((first, last))) = (self.rowid, self.rowids) else { return vec![None] };
        let count = i128::from(last) - i128::from(first) + 1;
        let parts = (count / i128::from(SMALLEST_PART)).clamp(1, threads as i128);
        if parts == 1 {
            return vec![None];
        }
        let bound = |part: i128| i128::from(first) + count * part / parts;
        let of = |part: i128| match part {
            // Rows that were added since then belong to the first and the last part.
            0 => format!("{rowid} < {}", bound(1)),
            last if last == parts - 1 => format!("{rowid} >= {}", bound(last)),
            part => format!("{rowid} >= {} AND {rowid} < {}", bound(part), bound(part + 1)),
        };
        (0..parts).map(|part| Some(of(part))).collect()
    }

    fn plan(self: Arc<Self>, _state: &dyn Session, wanted: Wanted<'_>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(SourceExec::reading(SqliteSource::new(&self, &wanted)?))
    }
}

/// A string as a literal; `None` when it has a NUL character, which SQL cannot write.
fn text_literal(text: &str) -> Option<String> {
    (!text.contains('\0')).then(|| literal(text))
}
