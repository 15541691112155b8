//! The prepared statements and cursors of a session, for its catalog.

use std::collections::HashMap;
use std::sync::Weak;

use datafusion::arrow::datatypes::FieldRef;
use parking_lot::Mutex;

use super::cursors::Cursors;
use super::prepared::Prepared;
use crate::postgres_types::seen;
use crate::statement::{KeptByName, KeptCursor, KeptStatement};

/// A prepared statement holds its session, which must not hold it by way of this.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) prepared: Weak<Mutex<HashMap<String, Prepared>>>,
    pub(super) cursors: Weak<Cursors>,
}

/// The number of the type of a parameter that may be anything.
const TEXT: i64 = 25;

impl KeptByName for Kept {
    fn statements(&self) -> Vec<KeptStatement> {
        let Some(prepared) = self.prepared.upgrade() else { return vec![] };
        let of = |(name, statement): (&String, &Prepared)| {
            let description = statement.describe();
            let parameter =
                |(_, field): &(String, Option<FieldRef>)| field.as_ref().map_or(TEXT, |field| seen(field).oid().into());
            KeptStatement {
                name: name.clone(),
                text: statement.text.to_string(),
                at: statement.at,
                is_of_sql: statement.is_of_sql(),
                parameters: description.parameters.iter().map(parameter).collect(),
                columns: description.columns.fields().iter().map(|field| seen(field).oid().into()).collect(),
            }
        };
        let mut all: Vec<KeptStatement> = prepared.lock().iter().map(of).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    fn cursors(&self) -> Vec<KeptCursor> {
        let Some(cursors) = self.cursors.upgrade() else { return vec![] };
        let mut all: Vec<KeptCursor> = cursors.lock().iter().map(|(name, cursor)| cursor.kept(name)).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }
}
