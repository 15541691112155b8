//! The catalog a session sees: `public` with its own temporary tables, what the database remembers and files by name;
//! `profile` and `segment` with what refreshes have published; `system` with tables about the program and the database.

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::{TableType, ViewTable};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::SessionContext;

use super::{files, tables};
use crate::catalog::objects::ObjectKind;
use crate::catalog::snapshots::When;
use crate::catalog::statement::Stamp;
use crate::catalog::{Catalog, Definition, definitions};
use crate::error::{failed, invalid};
use crate::refresh::plan::{PROFILE_SCHEMA, SEGMENT_SCHEMA, in_progress};
use crate::refresh::published;
use crate::sql::{macros, parser};
use crate::system::SystemSchema;
use crate::text::with_article;

/// The name of the catalog, and of the schema where tables without a schema are looked for.
pub(super) const CATALOG: &str = "portrait";
pub(super) const PUBLIC: &str = "public";
const SYSTEM: &str = "system";

/// The schemas of a session.
#[derive(Debug)]
pub(super) struct SessionCatalog {
    pub(super) public: Arc<PublicSchema>,
    profile: Arc<ObjectSchema>,
    segment: Arc<ObjectSchema>,
    /// To be attached to the session once it is there.
    pub(super) session: SessionLink,
    system: Arc<SystemSchema>,
}

impl SessionCatalog {
    pub(super) fn new(catalog: Arc<Catalog>) -> Self {
        let of = |kind| Arc::new(ObjectSchema { catalog: Arc::clone(&catalog), kind });
        let (profile, segment) = (of(ObjectKind::Profile), of(ObjectKind::Segment));
        let session = SessionLink::default();
        let system = Arc::new(SystemSchema { catalog: Arc::clone(&catalog), session: session.clone() });
        Self { public: Arc::new(PublicSchema::new(catalog, session.clone())), profile, segment, session, system }
    }
}

impl CatalogProvider for SessionCatalog {
    fn schema_names(&self) -> Vec<String> {
        vec![PUBLIC.into(), PROFILE_SCHEMA.into(), SEGMENT_SCHEMA.into(), SYSTEM.into()]
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        match name {
            PUBLIC => Some(Arc::clone(&self.public) as _),
            PROFILE_SCHEMA => Some(Arc::clone(&self.profile) as _),
            SEGMENT_SCHEMA => Some(Arc::clone(&self.segment) as _),
            SYSTEM => Some(Arc::clone(&self.system) as _),
            _ => None,
        }
    }
}

/// What profiles or segments have published.
#[derive(Debug)]
struct ObjectSchema {
    catalog: Arc<Catalog>,
    kind: ObjectKind,
}

#[async_trait]
impl SchemaProvider for ObjectSchema {
    fn table_names(&self) -> Vec<String> {
        published::table_names(&self.catalog, self.kind).unwrap_or_default()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if self.kind == ObjectKind::Profile
            && let Some(table) = in_progress(name)
        {
            return Ok(Some(table));
        }
        published::table(&self.catalog, self.kind, name)
    }

    /// Lists of tables ask for it; they read no file. That a table is put together from files is nobody's business.
    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|table| table == name)
    }
}

tokio::task_local! {
    /// Names being loaded, the innermost last: a view that comes to itself is refused.
    static LOADING: Vec<String>;
}

type Tables = HashMap<String, Arc<dyn TableProvider>>;

/// Tables by name, and the catalog's stamp when they were loaded.
type Loaded = (Stamp, Tables);

type State = Box<dyn Fn() -> Option<SessionState> + Send + Sync>;

/// The way from a session's catalog back to the session, for what is planned when it is looked up.
#[derive(Clone, Default)]
pub struct SessionLink(Arc<OnceLock<State>>);

impl SessionLink {
    pub(super) fn attach(&self, context: &SessionContext) {
        let state = context.state_weak_ref();
        let _ = self.0.set(Box::new(move || state.upgrade().map(|state| state.read().clone())));
    }

    pub fn state(&self) -> Result<SessionState> {
        self.0.get().and_then(|state| state()).ok_or_else(|| failed("session", "has ended"))
    }
}

impl Debug for SessionLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionLink")
    }
}

/// Where tables without a schema come from.
pub(super) struct PublicSchema {
    catalog: Arc<Catalog>,
    session: SessionLink,
    temporary: Mutex<Tables>,
    /// Definitions that were loaded, and the catalog's stamp then. A view holds the plans of the tables beneath it, so that any
    /// change makes all of them old.
    loaded: Mutex<Loaded>,
}

impl Debug for PublicSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicSchema").field("catalog", &self.catalog).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PublicSchema {
    fn new(catalog: Arc<Catalog>, session: SessionLink) -> Self {
        Self { catalog, session, temporary: Mutex::default(), loaded: Mutex::default() }
    }

    /// Lets go of the tables that are loaded, and of the files that they hold.
    pub(super) fn let_go(&self) {
        lock(&self.loaded).1.clear();
    }

    pub(super) fn has_temporary(&self, name: &str) -> bool {
        lock(&self.temporary).contains_key(name)
    }

    async fn load(&self, definition: Definition, when: When) -> Result<Arc<dyn TableProvider>> {
        if definition.kind == definitions::TABLE {
            // Not kept beyond the statement: it holds files.
            let state = self.session.state()?;
            let defaults = while_loading(&definition, tables::defaults(&state, &definition)).await?;
            return tables::open(&self.catalog, &definition.name, when, defaults);
        }
        if when != When::Now {
            let problem = format!(
                "is {}, whose past is not kept; FOR SYSTEM_TIME AS OF reads tables of the database, profiles and segments",
                with_article(&definition.kind)
            );
            return Err(invalid(&definition.name, problem));
        }
        let stamp = self.catalog.stamp()?;
        // A view that was loaded before is of this state; so must be what is read beside it.
        {
            let mut loaded = lock(&self.loaded);
            if loaded.0 != stamp {
                *loaded = (stamp, HashMap::new());
            }
            if let Some(table) = loaded.1.get(&definition.name) {
                return Ok(Arc::clone(table));
            }
        }
        let state = self.session.state()?;
        let table = while_loading(&definition, build(&state, &definition)).await?;
        let mut loaded = lock(&self.loaded);
        if loaded.0 == stamp {
            loaded.1.insert(definition.name, Arc::clone(&table));
        }
        Ok(table)
    }
}

/// Does what looks up other tables for a definition.
async fn while_loading<T>(definition: &Definition, work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut names = LOADING.try_with(Clone::clone).unwrap_or_default();
    if names.contains(&definition.name) {
        let chain = names.join(" → ");
        return Err(invalid(&definition.name, format!("the view refers to itself: {chain} → {}", definition.name)));
    }
    names.push(definition.name.clone());
    LOADING.scope(names, work).await
}

/// The table that a definition's statement makes.
async fn build(state: &SessionState, definition: &Definition) -> Result<Arc<dyn TableProvider>> {
    let statement = parser::parse(&definition.sql, state)?.pop();
    let statement = statement.ok_or_else(|| failed(&definition.name, "its definition is empty"))?;
    let mut parsed = statement.parsed.into_sql()?;
    parser::take_if_not_exists(&mut parsed);
    macros::expand(&mut parsed, state).await?;
    match state.statement_to_plan(parsed).await? {
        LogicalPlan::Ddl(DdlStatement::CreateExternalTable(mut command)) => {
            files::resolve(&mut command, &definition.base);
            files::create(state, *command).await
        }
        LogicalPlan::Ddl(DdlStatement::CreateView(view)) => {
            Ok(Arc::new(ViewTable::new(Arc::unwrap_or_clone(view.input), view.definition)))
        }
        _ => Err(failed(&definition.name, format!("its definition makes no table: {}", definition.sql))),
    }
}

#[async_trait]
impl SchemaProvider for PublicSchema {
    fn table_names(&self) -> Vec<String> {
        let mut names: Vec<String> = lock(&self.temporary).keys().cloned().collect();
        names.extend(self.catalog.names().unwrap_or_default().into_iter().map(|(name, _)| name));
        names.sort();
        names.dedup();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(table) = lock(&self.temporary).get(name) {
            return Ok(Some(Arc::clone(table)));
        }
        // A statement that makes a table is planned with a look at its own name, which is not there yet.
        if LOADING.try_with(|names| names.last().is_some_and(|last| last == name)).unwrap_or(false) {
            return Ok(None);
        }
        if let Some(definition) = self.catalog.get(name)? {
            // A definition may lead to others; boxed, as the way there leads through here again.
            return Box::pin(self.load(definition, When::Now)).await.map(Some);
        }
        if let (own, when @ When::At(_)) = published::name_and_time(name)
            && let Some(definition) = self.catalog.get(own)?
        {
            return Box::pin(self.load(definition, when)).await.map(Some);
        }
        if files::is_file(name) {
            return files::open(&self.session.state()?, name).await.map(Some);
        }
        Ok(None)
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        if let Some(table) = lock(&self.temporary).get(name) {
            return Ok(Some(table.table_type()));
        }
        let kind = self.catalog.get(name)?.map(|definition| definition.kind);
        Ok(kind.map(|kind| if kind == "view" { TableType::View } else { TableType::Base }))
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> Result<Option<Arc<dyn TableProvider>>> {
        lock(&self.loaded).1.clear();
        Ok(lock(&self.temporary).insert(name, table))
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        lock(&self.loaded).1.clear();
        Ok(lock(&self.temporary).remove(name))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.has_temporary(name) || matches!(self.catalog.get(name), Ok(Some(_)))
    }
}
