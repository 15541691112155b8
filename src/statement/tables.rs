//! The tables of a session alone, and definitions it has loaded.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Debug};
use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{MemTable, TableProvider};
use parking_lot::Mutex;

use crate::catalog::stamp::Stamp;
use crate::postgres_catalog::advisory;

type Tables = HashMap<String, Arc<dyn TableProvider>>;

/// Temporary tables as they were once.
#[derive(Clone, Default)]
pub struct SavedTables {
    tables: Tables,
    /// Of those in memory, the rows of each part.
    rows: HashMap<String, Vec<Vec<RecordBatch>>>,
    comments: HashMap<String, BTreeMap<String, String>>,
}

/// The classes of the columns of an object, by their names.
type Classes = Arc<BTreeMap<String, String>>;

/// Temporary tables; and views and external tables as they were loaded last, so that the next statement need not load them again.
#[derive(Default)]
pub struct SessionTables {
    temporary: Mutex<Tables>,
    /// What COMMENT ON says of temporary tables, and of their columns by name; of the table itself by no name.
    comments: Mutex<HashMap<String, BTreeMap<String, String>>>,
    /// Definitions that were loaded, and the state of the database then. A view holds the plans of the tables beneath it, so that any
    /// change makes all of them old.
    loaded: Mutex<(Stamp, Tables)>,
    /// The classes of columns of objects, by the numbers of these, likewise.
    classes: Mutex<(Stamp, HashMap<i64, Classes>)>,
}

impl Debug for SessionTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTables").field("temporary", &self.temporary_names()).finish_non_exhaustive()
    }
}

impl Drop for SessionTables {
    /// Nobody else knows when a session ends.
    fn drop(&mut self) {
        advisory::let_all_go(self.identity());
    }
}

impl SessionTables {
    /// Tells these from those of other sessions, as long as they are there.
    pub fn identity(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The temporary table of that name.
    pub fn temporary(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        self.temporary.lock().get(name).cloned()
    }

    /// The names of the temporary tables.
    pub fn temporary_names(&self) -> Vec<String> {
        self.temporary.lock().keys().cloned().collect()
    }

    /// Adds a temporary table; gives the one whose place it takes.
    pub fn add_temporary(&self, name: String, table: Arc<dyn TableProvider>) -> Option<Arc<dyn TableProvider>> {
        self.let_go();
        self.temporary.lock().insert(name, table)
    }

    /// Removes a temporary table, and gives it.
    pub fn remove_temporary(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        self.let_go();
        self.comments.lock().remove(name);
        self.temporary.lock().remove(name)
    }

    /// What is said of a temporary table and its columns.
    pub fn comments(&self, name: &str) -> BTreeMap<String, String> {
        self.comments.lock().get(name).cloned().unwrap_or_default()
    }

    /// Notes all that is said of a temporary table.
    pub fn set_comments(&self, name: &str, comments: BTreeMap<String, String>) {
        self.comments.lock().insert(name.into(), comments);
    }

    /// The temporary tables as they are now, with their rows.
    pub async fn saved(&self) -> SavedTables {
        let tables = self.temporary.lock().clone();
        let mut rows = HashMap::new();
        for (name, table) in &tables {
            if let Some(table) = table.downcast_ref::<MemTable>() {
                let mut parts = vec![];
                for part in &table.batches {
                    parts.push(part.read().await.clone());
                }
                rows.insert(name.clone(), parts);
            }
        }
        SavedTables { tables, rows, comments: self.comments.lock().clone() }
    }

    /// Puts the temporary tables back as they were.
    pub async fn restore(&self, saved: SavedTables) {
        self.let_go();
        for (name, parts) in saved.rows {
            if let Some(table) = saved.tables.get(&name).and_then(|table| table.downcast_ref::<MemTable>()) {
                for (part, rows) in table.batches.iter().zip(parts) {
                    *part.write().await = rows;
                }
            }
        }
        *self.temporary.lock() = saved.tables;
        *self.comments.lock() = saved.comments;
    }

    /// Lets go of what is loaded, and of the files that it holds.
    pub fn let_go(&self) {
        self.loaded.lock().1.clear();
    }

    /// A definition as it was loaded in this state of the database.
    pub fn loaded(&self, stamp: Stamp, name: &str) -> Option<Arc<dyn TableProvider>> {
        let mut loaded = self.loaded.lock();
        if loaded.0 != stamp {
            *loaded = (stamp, HashMap::new());
        }
        loaded.1.get(name).cloned()
    }

    /// The classes of the columns of an object, as they were found in this state of the database.
    pub fn classes(&self, stamp: Stamp, object: i64) -> Option<Classes> {
        let classes = self.classes.lock();
        classes.1.get(&object).filter(|_| classes.0 == stamp).cloned()
    }

    /// Keeps the classes of the columns of an object.
    pub fn keep_classes(&self, stamp: Stamp, object: i64, found: &Classes) {
        let mut classes = self.classes.lock();
        if classes.0 != stamp {
            *classes = (stamp, HashMap::new());
        }
        classes.1.insert(object, Arc::clone(found));
    }

    /// Keeps a definition that was loaded in this state of the database, unless that is gone.
    pub fn keep(&self, stamp: Stamp, name: String, table: &Arc<dyn TableProvider>) {
        let mut loaded = self.loaded.lock();
        if loaded.0 == stamp {
            loaded.1.insert(name, Arc::clone(table));
        }
    }
}
