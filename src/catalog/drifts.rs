//! How far the values of tags that apply models have moved since the models were first applied, as measured by refreshes.

use datafusion::common::Result;
use rusqlite::{OptionalExtension, Row, params};

use super::Catalog;
use super::keys::Link;

/// The part of the catalog schema for drift.
pub const MIGRATION: &str = "
    -- Of a tag that applies models: the distribution of its values at the first refresh with these versions (microseconds since 1970), and
    -- how far the values of the last refresh are from it.
    CREATE TABLE drifts (
        object          INTEGER PRIMARY KEY REFERENCES objects (id) ON DELETE CASCADE,
        versions        TEXT NOT NULL,
        since           INTEGER NOT NULL,
        at              INTEGER NOT NULL,
        stability_index REAL,
        distribution    TEXT NOT NULL
    ) STRICT;
    ";

/// The drift of a tag.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// The id of the tag.
    pub object: i64,
    /// The version of the tag, and the versions of the models that it applies.
    pub versions: String,
    /// The `as_of` of the first refresh with these versions, in microseconds since 1970.
    pub since: i64,
    /// The `as_of` of the refresh that is compared with it.
    pub at: i64,
    /// The population stability index; `None` if there were no values.
    pub stability_index: Option<f64>,
    /// The distribution at `since`.
    pub distribution: String,
}

const COLUMNS: &str = "object, versions, since, at, stability_index, distribution";

/// The identity of a row, which its encrypted field is bound to.
fn of_row(object: i64, since: i64) -> String {
    format!("{object}.{since}")
}

fn drift(link: &Link<'_>, row: &Row<'_>) -> rusqlite::Result<Drift> {
    let (object, since) = (row.get(0)?, row.get(2)?);
    Ok(Drift {
        object,
        versions: row.get(1)?,
        since,
        at: row.get(3)?,
        stability_index: row.get(4)?,
        distribution: link.open("drifts.distribution", of_row(object, since), row.get(5)?)?,
    })
}

impl Catalog {
    /// Stores the drift of a tag, in place of what was measured before; nothing if the tag was dropped.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn put_drift(&self, drift: &Drift) -> Result<()> {
        const PUT: &str = "INSERT OR REPLACE INTO drifts (object, versions, since, at, stability_index, distribution)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM objects WHERE id = ?1)";
        self.write(|transaction| {
            let Drift { object, versions, since, at, stability_index, distribution } = drift;
            let sealed = transaction.seal("drifts.distribution", of_row(*object, *since), distribution)?;
            transaction.execute(PUT, params![object, versions, since, at, stability_index, sealed])?;
            Ok(())
        })
    }

    /// The drift of a tag, if it was measured.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn drift(&self, tag: i64) -> Result<Option<Drift>> {
        let query = format!("SELECT {COLUMNS} FROM drifts WHERE object = ?1");
        self.read(|link| link.prepare_cached(&query)?.query_row([tag], |row| drift(link, row)).optional())
    }
}
