//! The stored results of data quality checks.

use datafusion::common::Result;
use rusqlite::{Row, params};

use super::Catalog;
use super::keys::Link;

/// The part of the catalog schema for check results.
pub const MIGRATION: &str = "
    -- What a check found at a time (microseconds since 1970): how many rows failed, examples with their values masked, and what the next
    -- one compares with.
    CREATE TABLE check_results (
        id           INTEGER PRIMARY KEY AUTOINCREMENT,
        object       INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        version      INTEGER NOT NULL,
        at           INTEGER NOT NULL,
        table_name   TEXT NOT NULL,
        dimension    TEXT NOT NULL,
        severity     TEXT NOT NULL,
        status       TEXT NOT NULL,
        rows         INTEGER,
        failed       INTEGER,
        passed_share REAL,
        message      TEXT NOT NULL,
        examples     TEXT NOT NULL,
        detail       TEXT NOT NULL
    ) STRICT;
    CREATE INDEX check_results_by_object ON check_results (object, id);
";

/// How many results of each check are kept.
const KEPT: i64 = 1000;

/// The result of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckResult {
    /// The id of the check's object.
    pub object: i64,
    /// The name of the check. Set when read, ignored when written.
    pub name: String,
    pub version: i64,
    /// The time in microseconds since 1970; the same for all checks that ran together.
    pub at: i64,
    pub table: String,
    pub dimension: String,
    pub severity: String,
    /// `passed`, `failed`, or `error` when it could not be computed.
    pub status: String,
    pub rows: Option<i64>,
    pub failed: Option<i64>,
    /// The share of rows that passed; 1 or 0 for a check of the table as a whole.
    pub passed_share: Option<f64>,
    pub message: String,
    /// Rows that failed, one per line, with masked values.
    pub examples: String,
    /// Data for comparison with the next result.
    pub detail: String,
}

const COLUMNS: &str = "r.object, o.name, r.version, r.at, r.table_name, r.dimension, r.severity, r.status, r.rows, r.failed, \
                       r.passed_share, r.message, r.examples, r.detail";

/// The identity of a result, which its encrypted fields are bound to.
fn of_result(object: i64, version: i64, at: i64) -> String {
    format!("{object}.{version}.{at}")
}

fn result(link: &Link<'_>, row: &Row<'_>) -> rusqlite::Result<CheckResult> {
    let (object, version, at) = (row.get(0)?, row.get(2)?, row.get(3)?);
    let open = |field: &str, text: String| link.open(field, of_result(object, version, at), text);
    Ok(CheckResult {
        object,
        name: row.get(1)?,
        version,
        at,
        table: row.get(4)?,
        dimension: row.get(5)?,
        severity: row.get(6)?,
        status: row.get(7)?,
        rows: row.get(8)?,
        failed: row.get(9)?,
        passed_share: row.get(10)?,
        message: open("check_results.message", row.get(11)?)?,
        examples: open("check_results.examples", row.get(12)?)?,
        detail: open("check_results.detail", row.get(13)?)?,
    })
}

impl Catalog {
    /// Stores the results of checks; the last thousand of each check are kept.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn add_check_results(&self, results: &[CheckResult]) -> Result<()> {
        self.write(|transaction| {
            for result in results {
                let seal = |field: &str, text: &str| {
                    transaction.seal(field, of_result(result.object, result.version, result.at), text)
                };
                let insert = "INSERT INTO check_results (object, version, at, table_name, dimension, severity, status, rows, failed,
                        passed_share, message, examples, detail)
                    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 WHERE EXISTS (SELECT 1 FROM objects WHERE id = ?1)";
                transaction.execute(
                    insert,
                    params![
                        result.object,
                        result.version,
                        result.at,
                        result.table,
                        result.dimension,
                        result.severity,
                        result.status,
                        result.rows,
                        result.failed,
                        result.passed_share,
                        seal("check_results.message", &result.message)?,
                        seal("check_results.examples", &result.examples)?,
                        seal("check_results.detail", &result.detail)?,
                    ],
                )?;
                let forget = "DELETE FROM check_results WHERE object = ?1 AND id <= (SELECT id FROM check_results WHERE object = ?1
                    ORDER BY id DESC LIMIT 1 OFFSET ?2)";
                transaction.execute(forget, params![result.object, KEPT])?;
            }
            Ok(())
        })
    }

    /// All results of all checks, earliest first.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn check_results(&self) -> Result<Vec<CheckResult>> {
        let query = format!("SELECT {COLUMNS} FROM check_results r JOIN objects o ON o.id = r.object ORDER BY r.id");
        self.read(|link| link.prepare_cached(&query)?.query_and_then([], |row| result(link, row))?.collect())
    }

    /// The latest result of each check.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn last_check_results(&self) -> Result<Vec<CheckResult>> {
        let query = format!(
            "SELECT {COLUMNS} FROM check_results r JOIN objects o ON o.id = r.object
             WHERE r.id IN (SELECT max(id) FROM check_results GROUP BY object) ORDER BY r.object"
        );
        self.read(|link| link.prepare_cached(&query)?.query_and_then([], |row| result(link, row))?.collect())
    }

    /// The latest result of a version of a check that is not an error, or the latest that passed.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn last_computed(&self, object: i64, version: i64, must_pass: bool) -> Result<Option<CheckResult>> {
        let wanted = if must_pass { "r.status = 'passed'" } else { "r.status <> 'error'" };
        let query = format!(
            "SELECT {COLUMNS} FROM check_results r JOIN objects o ON o.id = r.object
             WHERE r.object = ?1 AND r.version = ?2 AND {wanted} ORDER BY r.id DESC LIMIT 1"
        );
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&query)?;
            let mut found = statement.query_and_then(params![object, version], |row| result(connection, row))?;
            found.next().transpose()
        })
    }
}
