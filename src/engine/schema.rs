//! The catalog that a statement sees: `public` with temporary tables, stored objects and files by name; `profile` and `segment` with what
//! refreshes have published; `system` with tables about the program and the database.
//!
//! It is bound to the statement's context, which determines the state of the database, the directory for relative paths, and the role.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::information_schema::{INFORMATION_SCHEMA, InformationSchemaProvider};
use datafusion::catalog::{CatalogProvider, CatalogProviderList, MemoryCatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::execution::session_state::SessionState;
use futures::future::BoxFuture;

use crate::catalog::grants::Privilege;
use crate::catalog::objects::Object;
use crate::catalog::snapshots::{SnapshotOf, When};
use crate::databases;
use crate::error::{SqlState, coded, invalid, sqlstate};
use crate::files;
use crate::objects::{KINDS, kind_of, profile, protection, schema, sequence};
use crate::opaque::forward;
use crate::refresh::as_of::known_schema;
use crate::refresh::plan::{PROFILE_SCHEMA, SEGMENT_SCHEMA};
use crate::refresh::published::{self, PublishedSchema};
use crate::sql::places::refuse_own_read;
use crate::sql::postgres::{PG_CATALOG, asks_catalog};
use crate::statement::{Horizon, Rights, SessionTables, StatementContext};
use crate::system::SystemSchema;
use crate::system::postgres::PostgresSchema;

/// The name of the catalog, and of the schema where unqualified names are looked up.
pub(super) const CATALOG: &str = "portrait";
pub(super) const PUBLIC: &str = "public";
/// The internal name of a schema for a search path; it needs quotes, so no user writes it by accident.
pub(super) const PATH: &str = "search path";
/// The schema of the temporary tables of a session, as in PostgreSQL.
pub(super) const TEMPORARY_SCHEMA: &str = "pg_temp";
const SYSTEM: &str = "system";
/// Schemas in which no tables can be created.
pub(super) const OWN_SCHEMAS: [&str; 5] = [PROFILE_SCHEMA, SEGMENT_SCHEMA, SYSTEM, INFORMATION_SCHEMA, PG_CATALOG];

/// Binds a session state to the catalog that a context sees.
pub(super) fn bind(context: &StatementContext, state: &mut SessionState) {
    let path = context.path();
    let default = if path == [PUBLIC] { PUBLIC } else { PATH };
    state.config_mut().options_mut().catalog.default_schema = default.into();
    let catalogs = MemoryCatalogProviderList::new();
    // DataFusion's own information_schema would fail when any table cannot be opened, and would be found before ours.
    let has_information = std::mem::take(&mut state.config_mut().options_mut().catalog.information_schema);
    let information = has_information.then(|| information_schema(context, state));
    catalogs.register_catalog(CATALOG.into(), Arc::new(StatementCatalog { context: context.clone(), information }));
    state.register_catalog_list(Arc::new(catalogs));
    crate::sql::bind(state, context.stored_objects());
}

/// The schema `information_schema` over what a context sees, leaving out what cannot be opened.
fn information_schema(context: &StatementContext, state: &SessionState) -> Arc<dyn SchemaProvider> {
    let catalogs = MemoryCatalogProviderList::new();
    let whole = StatementCatalog { context: context.clone(), information: None };
    catalogs.register_catalog(CATALOG.into(), Arc::new(WhatOpens(whole)));
    let functions = state.table_functions().clone();
    let engines = InformationSchemaProvider::new(Arc::new(catalogs)).with_table_functions(functions);
    let engines = Some(Arc::new(engines) as _);
    Arc::new(PostgresSchema { name: INFORMATION_SCHEMA, context: context.clone(), engines })
}

/// The schemas that a statement sees.
#[derive(Debug)]
struct StatementCatalog {
    context: StatementContext,
    /// The schema `information_schema`, if the session has one.
    information: Option<Arc<dyn SchemaProvider>>,
}

/// The same schemas, without tables that cannot be opened, because their file is missing or their view reads something dropped.
#[derive(Debug)]
struct WhatOpens<T>(T);

impl CatalogProvider for WhatOpens<StatementCatalog> {
    fn schema_names(&self) -> Vec<String> {
        self.0.schema_names()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        Some(Arc::new(WhatOpens(self.0.schema(name)?)))
    }
}

#[async_trait]
impl SchemaProvider for WhatOpens<Arc<dyn SchemaProvider>> {
    fn table_names(&self) -> Vec<String> {
        self.0.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.0.table(name).await {
            // The statement must be planned again.
            Err(error) if sqlstate(&error) == SqlState::SERIALIZATION_FAILURE => Err(error),
            found => Ok(found.ok().flatten()),
        }
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        self.0.table_type(name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.table_exist(name)
    }
}

impl CatalogProvider for StatementCatalog {
    fn schema_names(&self) -> Vec<String> {
        let mut names = vec![PUBLIC.into(), PROFILE_SCHEMA.into(), SEGMENT_SCHEMA.into(), SYSTEM.into()];
        names.extend(schema::names(&self.context));
        names
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let context = self.context.clone();
        match name {
            PUBLIC => Some(Arc::new(Relations { context, schema: None })),
            PROFILE_SCHEMA => Some(Arc::new(ObjectSchema { context, schema: PublishedSchema::Profiles })),
            SEGMENT_SCHEMA => Some(Arc::new(ObjectSchema { context, schema: PublishedSchema::Segments })),
            SYSTEM => Some(Arc::new(SystemSchema { context })),
            PG_CATALOG => Some(Arc::new(PostgresSchema { name: PG_CATALOG, context, engines: None })),
            INFORMATION_SCHEMA => self.information.clone(),
            PATH => {
                let mut schemas: Vec<Arc<dyn SchemaProvider>> =
                    context.path().iter().filter_map(|name| self.schema(name)).collect();
                // Files and PostgreSQL's catalog are found on any path.
                schemas.push(Arc::new(Elsewhere(context)));
                Some(Arc::new(Path(schemas)))
            }
            // A definition in a database reads no tables of a session.
            TEMPORARY_SCHEMA if !(context.is_definition() && context.catalog().is_durable()) => {
                Some(Arc::new(TemporarySchema(Arc::clone(context.tables()))))
            }
            own if schema::names(&context).iter().any(|name| name == own) => {
                Some(Arc::new(Relations { context, schema: Some(own.into()) }))
            }
            _ => {
                let (profile, at) = known_schema(name)?;
                let time_columns = profile::whole(profile, &context).ok()?.body.time_columns;
                Some(Arc::new(Relations { context: context.below(Horizon { time_columns, at }), schema: None }))
            }
        }
    }
}

/// Schemas that are searched in order.
#[derive(Debug)]
struct Path(Vec<Arc<dyn SchemaProvider>>);

#[async_trait]
impl SchemaProvider for Path {
    fn table_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.iter().flat_map(|schema| schema.table_names()).collect();
        names.sort();
        names.dedup();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        for schema in &self.0 {
            if let Some(table) = schema.table(name).await? {
                return Ok(Some(table));
            }
        }
        Ok(None)
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        for schema in &self.0 {
            if let Some(found) = schema.table_type(name).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.0.first() {
            Some(first) => first.register_table(name, table),
            None => Err(invalid(&name, "there is no schema to create it in; SET search_path TO an existing schema")),
        }
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.0.iter().find(|schema| schema.table_exist(name)) {
            Some(schema) => schema.deregister_table(name),
            None => Ok(None),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.iter().any(|schema| schema.table_exist(name))
    }
}

/// What an unqualified name finds on any path: files, and PostgreSQL's catalog.
#[derive(Debug)]
struct Elsewhere(StatementContext);

#[async_trait]
impl SchemaProvider for Elsewhere {
    fn table_names(&self) -> Vec<String> {
        vec![]
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.0.file_table(name) {
            Some(table) => Ok(Some(table)),
            None => elsewhere(&self.0, name).await,
        }
    }

    fn table_exist(&self, _name: &str) -> bool {
        false
    }
}

async fn elsewhere(context: &StatementContext, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
    if context.is_making(name) {
        return Ok(None);
    }
    if files::is_file(name) {
        context.check_files(Privilege::Read, name)?;
        // A definition of a role with SUPERUSER, or of whoever opens the folder, may read files from elsewhere.
        if context.inside().is_none() || !context.rights()?.is_superuser() {
            files::places::check(name, context.base(), context.places())?;
            refuse_own_read(name, context)?;
        }
        return files::open(&context.state(), name, context.base()).await.map(Some);
    }
    PostgresSchema { name: PG_CATALOG, context: context.clone(), engines: None }.table(name).await
}

/// The published tables of profiles or segments.
#[derive(Debug)]
struct ObjectSchema {
    context: StatementContext,
    schema: PublishedSchema,
}

#[async_trait]
impl SchemaProvider for ObjectSchema {
    fn table_names(&self) -> Vec<String> {
        let names = |objects: Arc<[Object]>| published::table_names(self.context.view(), &objects, self.schema);
        self.context.objects().and_then(names).unwrap_or_default()
    }

    forward! {
        fn table<'name>(&self, name: &'name str) -> Result<Option<Arc<dyn TableProvider>>> = Self::found
    }

    /// Used for lists of tables, so it must not read files. They are shown as base tables, although they are assembled from files.
    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|table| table == name)
    }
}

impl ObjectSchema {
    fn found<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Arc<dyn TableProvider>>>> {
        Box::pin(async move {
            if self.schema == PublishedSchema::Profiles
                && let Some(table) = self.context.profile_in_progress(name)
            {
                return Ok(Some(table));
            }
            let objects = self.context.objects()?;
            let Some(mut named) = published::named(&objects, self.schema, name) else { return Ok(None) };
            let (kind, own) = match self.schema {
                PublishedSchema::Profiles => ("profile", named.profile.as_str()),
                PublishedSchema::Segments => ("segment", published::name_and_time(name).0),
            };
            if let Some(object) = objects.iter().find(|object| object.kind == kind && object.name == own) {
                self.context.check_may(Privilege::Select, object)?;
                let is_own = |reader: Arc<Rights>| !object.owner.is_empty() && reader.is_member(&object.owner);
                if kind == "segment" && self.context.reader()?.is_some_and(is_own) {
                    Box::pin(protection::refuse_segment(object, &self.context)).await?;
                }
            }
            let all = self.context.all_objects()?;
            let of = all.iter().find(|object| object.kind == "profile" && object.name == named.profile).cloned();
            if let Some(horizon) = self.context.horizon() {
                let time = match named.when {
                    When::At(time) => time.min(horizon.at),
                    _ => horizon.at,
                };
                let newest = self.context.view().snapshot(SnapshotOf::Profile, &named.profile, When::Now)?;
                // What was published later was not known at that time.
                if named.when != When::Now || newest.is_some_and(|newest| newest.at > time) {
                    named.when = When::At(time);
                }
            }
            // Boxed: opening it may recurse to this function.
            let mut state = Box::pin(profile::state(&named, &self.context)).await?;
            if let Some(profile) = of {
                state = Box::pin(protection::seen_state(&profile, state, named.when, &self.context)).await?;
            }
            state.table(&named).map(Some)
        })
    }
}

/// The relations in a schema; without a name, those in `public`.
#[derive(Debug)]
struct Relations {
    context: StatementContext,
    schema: Option<String>,
}

impl Relations {
    /// The object name of a table in this schema.
    fn member(&self, name: &str) -> String {
        self.schema.as_ref().map_or_else(|| name.to_string(), |schema| schema::member(schema, name))
    }

    fn tables(&self) -> &SessionTables {
        self.context.tables()
    }

    /// The temporary table with this object name. A definition in a database reads none: its names mean the same to everybody, and a session
    /// must not put rows of its own in the place of those that a view, a row policy or a refresh reads with the rights of another.
    fn temporary(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        if self.context.is_definition() && self.context.catalog().is_durable() {
            return None;
        }
        self.tables().temporary(name)
    }

    /// Refuses a temporary table that another role of the session has made: its rows may be hidden from this one.
    fn check_made(&self, name: &str) -> Result<()> {
        let Some(maker) = self.tables().maker(name).filter(|_| self.context.catalog().is_durable()) else { return Ok(()) };
        if self.context.rights()?.is_member(&maker) {
            return Ok(());
        }
        // As SET ROLE NONE names it.
        let maker = if maker.is_empty() { "NONE" } else { maker.as_str() };
        let problem = format!(
            "is a temporary table with the rows of role {maker}, which made it; return to that role first, or make another"
        );
        Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, name, problem))
    }

    /// The table, view or external table with this name.
    fn object(&self, name: &str) -> Result<Option<Object>> {
        let is_relation = |object: &Object| kind_of(&object.kind).is_some_and(|kind| !kind.namespace().is_empty());
        Ok(self.context.objects()?.iter().find(|object| object.name == name && is_relation(object)).cloned())
    }

    /// The table with this name.
    async fn find(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        // Tables passed in by the statement have names that no user writes.
        let file = if self.schema.is_none() { self.context.file_table(name) } else { None };
        let name = &self.member(name);
        let temporary = || self.temporary(name).map(|table| self.context.relation_in_progress(name).unwrap_or(table));
        if file.is_some() {
            return Ok(file);
        }
        if let Some(table) = temporary() {
            self.check_made(name)?;
            return Ok(Some(table));
        }
        let is_of_session = !self.context.is_definition() || !self.context.catalog().is_durable();
        if is_of_session && let Some(state) = sequence::state_in_session(name, &self.context)? {
            return Ok(Some(state));
        }
        // Planning a CREATE statement looks up its own name, which does not exist yet.
        if self.context.inside() == Some(name.as_str()) {
            return Ok(None);
        }
        if let Some(object) = self.object(name)? {
            let is_written = self.context.is_writing(name);
            if !is_written {
                self.context.check_may(Privilege::Select, &object)?;
            }
            // Boxed: a definition may refer to others, which recurses to this function.
            let table = Box::pin(self.load(&object, When::Now)).await?;
            if is_written {
                return Ok(Some(table));
            }
            return Box::pin(protection::seen(&object, table, &self.context)).await.map(Some);
        }
        if let (own, when @ When::At(_)) = published::name_and_time(name) {
            if self.temporary(own).is_some() {
                let problem =
                    "is a temporary table, which keeps no earlier states; FOR SYSTEM_TIME AS OF reads tables of a database";
                return Err(invalid(own, problem));
            }
            if let Some(object) = self.object(own)? {
                self.context.check_may(Privilege::Select, &object)?;
                let table = Box::pin(self.load(&object, when)).await?;
                return Box::pin(protection::seen(&object, table, &self.context)).await.map(Some);
            }
        }
        if self.schema.is_none() {
            return elsewhere(&self.context, name).await;
        }
        Ok(None)
    }

    async fn load(&self, object: &Object, when: When) -> Result<Arc<dyn TableProvider>> {
        let Some(kind) = kind_of(&object.kind) else { return Err(crate::objects::kind::unknown_kind(object)) };
        // A table holds files and must not be cached beyond the statement, nor must what only a part of a statement sees. Masks and row
        // policies make a view depend on its reader.
        let is_protected = self.context.reader()?.is_some();
        if object.kind == "table" || when != When::Now || !self.context.is_plain() || is_protected {
            return kind.open(object, when, &self.context).await;
        }
        // A cached view is of this state, and so must be everything read with it.
        let stamp = self.context.view().stamp()?;
        if let Some(table) = self.tables().loaded(stamp, &object.name) {
            return Ok(table);
        }
        let table = kind.open(object, when, &self.context).await?;
        if !files::knows_its_files(&table) && !databases::is_own(&table) && !asks_postgres(&table)? {
            self.tables().keep(stamp, object.name.clone(), &table);
        }
        Ok(table)
    }
}

#[async_trait]
impl SchemaProvider for Relations {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.tables().temporary_names();
        let objects = self.context.objects();
        let relations = KINDS.into_iter().filter(|kind| !kind.namespace().is_empty());
        for kind in relations {
            let own = objects.iter().flat_map(|objects| objects.iter()).filter(|object| object.kind == kind.word());
            names.extend(own.map(|object| object.name.clone()));
        }
        // Tables of a schema are listed there by their own names, and nowhere else.
        let own = |name: String| match (schema::parts(&name, &self.context), &self.schema) {
            ((Some(of), table), Some(schema)) if of == schema => Some(table.to_string()),
            ((None, _), None) => Some(name),
            _ => None,
        };
        let mut names: Vec<String> = names.into_iter().filter_map(own).collect();
        names.sort();
        names.dedup();
        names
    }

    forward! {
        fn table<'name>(&self, name: &'name str) -> Result<Option<Arc<dyn TableProvider>>> = Self::found
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        let name = self.member(name);
        if let Some(table) = self.temporary(&name) {
            return Ok(Some(table.table_type()));
        }
        let object = self.object(&name)?;
        Ok(object.map(|object| if object.kind == "view" { TableType::View } else { TableType::Base }))
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> Result<Option<Arc<dyn TableProvider>>> {
        let name = self.member(&name);
        self.tables().set_maker(&name, Some(self.context.role().to_string()));
        Ok(self.tables().add_temporary(name, table))
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(self.tables().remove_temporary(&self.member(name)))
    }

    fn table_exist(&self, name: &str) -> bool {
        let name = self.member(name);
        self.temporary(&name).is_some() || matches!(self.object(&name), Ok(Some(_)))
    }
}

impl Relations {
    fn found<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Arc<dyn TableProvider>>>> {
        Box::pin(async move {
            let Some(table) = self.find(name).await? else { return Ok(None) };
            let name = self.member(name);
            let (own, _) = published::name_and_time(&name);
            self.context.note(own, &table);
            match self.context.horizon() {
                Some(horizon) => horizon.seen(own, table).map(Some),
                None => Ok(Some(table)),
            }
        })
    }
}

/// True for a view over PostgreSQL's catalog, whose rows depend on the session and on other objects.
fn asks_postgres(view: &Arc<dyn TableProvider>) -> Result<bool> {
    view.get_logical_plan().map_or(Ok(false), |plan| asks_catalog(&plan))
}

/// The catalog of a session's DataFusion context: only its temporary tables.
#[derive(Debug)]
pub(super) struct TemporaryCatalog(pub(super) Arc<SessionTables>);

impl CatalogProvider for TemporaryCatalog {
    fn schema_names(&self) -> Vec<String> {
        vec![PUBLIC.into()]
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        (name == PUBLIC).then(|| Arc::new(TemporarySchema(Arc::clone(&self.0))) as _)
    }
}

#[derive(Debug)]
struct TemporarySchema(Arc<SessionTables>);

#[async_trait]
impl SchemaProvider for TemporarySchema {
    fn table_names(&self) -> Vec<String> {
        self.0.temporary_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(self.0.temporary(name))
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(self.0.add_temporary(name, table))
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(self.0.remove_temporary(name))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.temporary(name).is_some()
    }
}
