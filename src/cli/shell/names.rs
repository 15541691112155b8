//! Names for completion: tables, columns, functions and settings, cached until a statement has run.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use portraitdb::{Engine, Kind, Session, cells, pages};

/// The longest wait for names after Tab is pressed; a remote table may be slow.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// All names.
#[derive(Debug, Default)]
pub struct Names {
    /// Schemas with the tables in each.
    pub tables: BTreeMap<String, BTreeSet<String>>,
    /// Functions that can be used in expressions.
    pub functions: BTreeSet<String>,
    /// Functions in FROM.
    pub relations: BTreeSet<String>,
    pub settings: BTreeSet<String>,
    /// Settings that are on or off.
    pub switches: BTreeSet<String>,
}

/// Asks the session for names, and caches the answers.
pub struct Lookup {
    engine: Engine,
    session: Session,
    names: RefCell<Option<Rc<Names>>>,
    columns: RefCell<BTreeMap<String, Rc<Vec<String>>>>,
}

impl Lookup {
    pub fn new(engine: Engine, session: Session) -> Self {
        Self { engine, session, names: RefCell::default(), columns: RefCell::default() }
    }

    /// Call this when tables may have changed.
    pub fn forget(&self) {
        self.names.borrow_mut().take();
        self.columns.borrow_mut().clear();
    }

    /// The rows of a query; `None` if it fails, or takes too long.
    fn rows(&self, sql: &str) -> Option<Vec<Vec<String>>> {
        let asked = async { tokio::time::timeout(PATIENCE, self.session.sql(sql)).await };
        let Ok(Ok(batches)) = self.engine.block_on(asked) else { return None };
        Some(batches.iter().filter_map(|batch| cells(batch).ok()).flatten().collect())
    }

    pub fn names(&self) -> Rc<Names> {
        if let Some(names) = self.names.borrow().as_ref() {
            return Rc::clone(names);
        }
        let mut names = Names::default();
        let tables =
            self.rows("SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema <> 'pg_catalog'");
        let of_database = self.rows("SELECT name, kind FROM system.functions WHERE kind IN ('relation', 'stored')");
        let is_complete = tables.is_some() && of_database.is_some();
        for row in tables.unwrap_or_default() {
            if let [schema, table] = row.as_slice() {
                names.tables.entry(schema.clone()).or_default().insert(table.clone());
            }
        }
        names.relations.extend(of_database.unwrap_or_default().into_iter().filter_map(|row| row.into_iter().next()));
        names.relations.extend(pages().iter().filter(|doc| doc.kind == Kind::Relation).map(|doc| doc.name.to_string()));
        let state = self.session.context().state();
        names.functions.extend(state.scalar_functions().keys().cloned());
        names.functions.extend(state.aggregate_functions().keys().cloned());
        names.functions.extend(state.window_functions().keys().cloned());
        for entry in state.config_options().entries() {
            if entry.value.is_some_and(|value| matches!(value.as_str(), "true" | "false")) {
                names.switches.insert(entry.key.clone());
            }
            names.settings.insert(entry.key);
        }
        let names = Rc::new(names);
        // What was not answered in time is asked again with the next key.
        if is_complete {
            *self.names.borrow_mut() = Some(Rc::clone(&names));
        }
        names
    }

    /// The columns of a source in FROM, planned with the given WITH clause; none if it cannot be planned.
    pub fn columns(&self, with: &str, source: &str) -> Rc<Vec<String>> {
        let query = format!("{with} SELECT * FROM {source}");
        if let Some(columns) = self.columns.borrow().get(&query) {
            return Rc::clone(columns);
        }
        let asked = async {
            let planned = async {
                let statement = self.session.parse(&query).await.ok()?.pop()?;
                self.session.plan(statement).await.ok()
            };
            tokio::time::timeout(PATIENCE, planned).await.ok().flatten()
        };
        let plan = self.engine.block_on(asked);
        let columns = plan.map(|plan| plan.schema().fields().iter().map(|field| field.name().clone()).collect());
        let columns = Rc::new(columns.unwrap_or_default());
        self.columns.borrow_mut().insert(query, Rc::clone(&columns));
        columns
    }
}
