//! Trained models: each version of a model with the result of its training.

use datafusion::common::Result;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::Catalog;
use super::keys::Link;
use super::objects::{NewVersion, add_version, of_version};
use super::stamp::Stamp;
use crate::error::{SqlState, coded};

/// A version of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredModel {
    pub name: String,
    pub version: i64,
    /// The trained model, serialised as text.
    pub trained: String,
    /// The duration of the training in microseconds.
    pub took: i64,
}

const NEWEST: &str = "SELECT o.name, m.version, m.trained, m.took, o.id FROM objects o
    JOIN models m ON m.object = o.id AND m.version = o.version WHERE o.kind = 'model'";

fn model(link: &Link<'_>, row: &Row<'_>) -> rusqlite::Result<StoredModel> {
    let version = row.get(1)?;
    let trained = link.open("models.trained", of_version(row.get(4)?, version), row.get(2)?)?;
    Ok(StoredModel { name: row.get(0)?, version, trained, took: row.get(3)? })
}

impl Catalog {
    /// Stores a new version of a model with the result of its training, in one transaction; returns the version number. `seen` is the state
    /// of the definitions that it was checked against.
    ///
    /// # Errors
    /// The definitions have changed since. Then nothing is stored.
    pub fn put_model(&self, new: NewVersion<'_>, trained: &str, took: i64, seen: Option<Stamp>) -> Result<i64> {
        if self.is_transaction() {
            let problem = "cannot be trained within a transaction; COMMIT first";
            return Err(coded(SqlState::ACTIVE_SQL_TRANSACTION, new.name, problem));
        }
        self.change_definitions(seen, |transaction| {
            let (object, version) = add_version(transaction, new)?;
            let trained = transaction.seal("models.trained", of_version(object, version), trained)?;
            transaction.execute(
                "INSERT INTO models (object, version, trained, took) VALUES (?1, ?2, ?3, ?4)",
                params![object, version, trained, took],
            )?;
            Ok(version)
        })
    }

    /// The newest version of a model.
    pub fn model(&self, name: &str) -> Result<Option<StoredModel>> {
        let query = format!("{NEWEST} AND o.name = ?1");
        self.read(|link| link.prepare_cached(&query)?.query_row(params![name], |row| model(link, row)).optional())
    }

    /// The newest version of every model, in the order they were first made.
    pub fn models(&self) -> Result<Vec<StoredModel>> {
        let query = format!("{NEWEST} ORDER BY o.id");
        self.read(|link| link.prepare_cached(&query)?.query_and_then([], |row| model(link, row))?.collect())
    }
}
