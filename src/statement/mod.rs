//! The context of one statement: everything that the statement can see and is allowed to do, in one value.
//!
//! The engine makes a [`StatementContext`] for each statement. It holds the state of the database that the statement reads (a [`View`]),
//! the role that runs it, the folder that relative paths start from, the clock, the parameters, the limits, and the handle that cancels
//! the statement. Whatever plans a part of the statement receives the context as an argument. Nothing is looked up in the process, the
//! thread or the task, so a part can be planned on any of them.
//!
//! DataFusion plans with a `SessionState`. [`StatementContext::state`] returns one whose catalog is *bound* to the context: each table
//! found through it is the one that this statement sees.
//!
//! A part of a statement may see more than the whole. The body of a view knows which views lead to it, a tag sees its profile as far as
//! that has been planned, and a definition that is being checked sees definitions as they would become. Such a part is planned with a
//! context derived from the statement's: [`entering`](StatementContext::entering), [`with_profile`](StatementContext::with_profile) or
//! [`with_definition`](StatementContext::with_definition). A refresh as of a time is planned [`below`](StatementContext::below) a horizon
//! and sees nothing later. A part has the privileges of the role that owns its definition; see [`Rights`].

pub mod activity;
mod audit;
mod budget;
mod cancel;
mod counters;
mod horizon;
mod kept;
mod limits;
mod meanings;
mod postgres;
mod progress;
mod reads;
mod rights;
mod running;
mod tables;

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::{ParamValues, Result, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use parking_lot::Mutex;

use crate::adapter::definitions::Definitions;
use crate::adapter::privacy_budget::PrivacyBudget;
use crate::catalog::Catalog;
use crate::catalog::models::StoredModel;
use crate::catalog::objects::{Object, Objects};
use crate::catalog::role_limits::RoleLimits;
use crate::catalog::view::View;
use crate::environment::Environment;
use crate::error::{SqlState, coded};
use crate::files::left_out::FileNotes;
use crate::language::Language;
use crate::opaque::Opaque;
use crate::postgres_catalog::Gathered;
use crate::postgres_settings::{Given, schemas};
use crate::settings::PortraitSettings;

use activity::{Activity, Connection};
pub use audit::{AuditReads, Audited, FindReads, Read};
pub use cancel::Cancel;
pub use counters::{meant, names_counter};
pub use horizon::Horizon;
pub use kept::{KeptByName, KeptCursor, KeptStatement};
pub use limits::{Clock, Limits, counting};
pub use meanings::Meanings;
pub use progress::Progress;
pub use reads::Reads;
pub use rights::{PREDEFINED, Rights};
pub use running::RunningPlan;
pub use tables::{SavedTables, SessionTables, StoredState};

pub use crate::postgres_catalog::advisory::TransactionLocks;

/// Makes a context's catalog the catalog of a DataFusion state.
pub type Bind = fn(&StatementContext, &mut SessionState);

/// What every statement of a session begins with.
#[derive(Clone)]
pub struct Origin {
    /// Settings and functions. The catalog in it is not used.
    pub state: Arc<SessionState>,
    /// The session's temporary tables and loaded definitions.
    pub tables: Arc<SessionTables>,
    /// The open connections and the running statements.
    pub activity: Arc<Activity>,
    /// The session's connection, if it has one.
    pub connection: Option<Arc<Connection>>,
    /// The role that opened the session.
    pub login: Arc<str>,
    /// The role that runs the session's statements.
    pub role: Arc<str>,
    /// True when everything is allowed, whatever the database says about the role: for whoever opened the database's folder directly.
    pub is_trusted: bool,
    /// The same for the role that opened the session, whatever SET ROLE said since.
    pub is_trusted_login: bool,
    /// Tells whether a role has SUPERUSER.
    pub is_superuser: fn(&Object, &SessionState) -> bool,
    /// What the role of the connection may use at most.
    pub limits: RoleLimits,
    /// The folders and URLs whose files may be read and written; `None` for all.
    pub places: Option<Arc<[String]>>,
    /// The folder that relative paths start from.
    pub base: Arc<Path>,
    /// Environment variables for connections to other databases.
    pub environment: Environment,
    /// The values of `$name`, and of `$1`, `$2` … under their numbers.
    pub parameters: Arc<HashMap<String, ScalarValue>>,
    /// Ends statements that reach their timeout.
    pub clock: Clock,
    /// Binds a catalog to a context.
    pub bind: Bind,
    /// Finds what a plan reads that must be recorded in the audit log.
    pub find_reads: FindReads,
    /// Makes the stored objects that a context sees available to functions.
    pub stored: fn(&StatementContext) -> Arc<dyn Definitions>,
    /// Describes the database that a context sees to PostgreSQL's catalog tables and functions.
    pub postgres: postgres::Gather,
}

impl Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("role", &self.role).field("base", &self.base).finish_non_exhaustive()
    }
}

/// What one statement can see and is allowed to do. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StatementContext {
    whole: Opaque<Whole>,
    part: Part,
}

/// What all parts of a statement share.
#[derive(Debug)]
struct Whole {
    origin: Origin,
    view: Arc<View>,
    /// When the statement began, in microseconds since 1970.
    now: i64,
    began: tokio::time::Instant,
    limits: Limits,
    cancel: Cancel,
    /// What there is to tell about the files that the statement reads.
    files: FileNotes,
    /// What the audit log knows about the statement.
    audited: Audited,
    /// The rights of roles, keyed by role name and by whether the role is trusted.
    rights: Mutex<HashMap<(String, bool), Arc<Rights>>>,
    /// The objects that a role sees, with the same keys.
    seen: Mutex<HashMap<(String, bool), Objects>>,
}

/// What differs between the parts of a statement.
#[derive(Debug, Clone, Default)]
struct Part {
    /// The names of the definitions being entered, innermost last.
    path: Arc<[String]>,
    /// True while a profile is checked or refreshed, whose queries are planned without being entered.
    is_defining: bool,
    /// The owner of the definition, whose privileges apply; `None` when the session's role applies.
    owner: Option<Arc<str>>,
    /// The role whose masks and row policies apply; `None` for the session's role, and an empty name to see all rows unmasked.
    reader: Option<Arc<str>>,
    /// Profiles that are being planned, as far as they are, innermost last.
    profiles: Arc<[(String, Arc<dyn TableProvider>)]>,
    /// Definitions that replace the stored ones, or are added to them.
    changed: Arc<[Object]>,
    /// A table that replaces the stored one of that name.
    relation: Option<(Arc<str>, Arc<dyn TableProvider>)>,
    /// The time up to which rows of sources are seen.
    horizon: Option<Arc<Horizon>>,
    /// Collects the tables that are read.
    reads: Option<Reads>,
    /// Collects what names stand for.
    meanings: Option<Meanings>,
    /// A model that replaces the stored one of that name.
    model: Option<Arc<StoredModel>>,
    /// The name of the table that is being created.
    making: Option<Arc<str>>,
    /// The name of the table that rows are inserted into without being read.
    writing: Option<Arc<str>>,
    /// Tables for calls in FROM that read files, by the names that replaced the calls in the text.
    files: Arc<[(String, Arc<dyn TableProvider>)]>,
    /// The database as PostgreSQL's catalog shows it, filled on first use.
    postgres: Arc<Gathered>,
}

impl StatementContext {
    /// The context of a statement that begins now.
    pub fn new(mut origin: Origin, catalog: &Arc<Catalog>) -> Self {
        let view = Arc::new(View::new(Arc::clone(catalog)));
        let limits = Limits::of(origin.state.config_options()).within(origin.limits);
        if let Some(pool) = limits.pool(&origin.state.runtime_env().memory_pool) {
            let mut environment = origin.state.runtime_env().as_ref().clone();
            environment.memory_pool = pool;
            let state = SessionStateBuilder::new_from_existing(origin.state.as_ref().clone());
            origin.state = Arc::new(state.with_runtime_env(Arc::new(environment)).build());
        }
        let now = crate::catalog::runs::now();
        let began = tokio::time::Instant::now();
        let (cancel, rights, seen) = (Cancel::default(), Mutex::default(), Mutex::default());
        let audited = Audited::default();
        let whole = Whole { origin, view, now, began, limits, cancel, files: FileNotes::default(), audited, rights, seen };
        Self { whole: Opaque::new(whole), part: Part::default() }
    }

    /// The same statement over another view of the database. What was derived from the old view, such as rights, is not kept.
    fn over(&self, view: Arc<View>) -> Self {
        let Whole { origin, now, began, limits, cancel, files, audited, .. } = &*self.whole;
        let (origin, cancel, files, audited) = (origin.clone(), cancel.clone(), files.clone(), audited.clone());
        let (rights, seen) = (Mutex::default(), Mutex::default());
        let whole = Whole { origin, view, now: *now, began: *began, limits: *limits, cancel, files, audited, rights, seen };
        Self { whole: Opaque::new(whole), part: Part { postgres: Arc::default(), ..self.part.clone() } }
    }

    /// Plans over one state of the database. If that state is deleted while it is read, plans again over a newer one.
    ///
    /// # Errors
    /// Those of `plan`.
    pub async fn settled<T, W: Future<Output = Result<T>>>(&self, plan: impl Fn(Self) -> W) -> Result<T> {
        crate::catalog::view::settled(self.catalog(), |view| plan(self.over(view))).await
    }

    /// The same statement over the newest state of the database.
    pub fn renewed(&self) -> Self {
        self.over(Arc::new(View::new(Arc::clone(self.catalog()))))
    }

    /// The same statement in a transaction of its own, which begins now. Its changes appear with the commit of [`Self::catalog`].
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn in_transaction(&self) -> Result<Self> {
        // What was loaded in a state of the database may be of another one within the transaction.
        self.tables().let_go();
        let catalog = self.catalog().begin()?;
        Ok(self.over(Arc::new(View::new(catalog))))
    }

    /// The state of the database that the statement reads.
    pub fn view(&self) -> &Arc<View> {
        &self.whole.view
    }

    /// What there is to tell about the files that the statement reads, as far as it is planned.
    pub fn file_notes(&self) -> &FileNotes {
        &self.whole.files
    }

    /// The language in which the session speaks.
    pub fn language(&self) -> Language {
        PortraitSettings::of(self.session().config_options()).language
    }

    /// The catalog of the database, for writing.
    pub fn catalog(&self) -> &Arc<Catalog> {
        self.whole.view.catalog()
    }

    /// A DataFusion state with the tables that this context sees.
    pub fn state(&self) -> SessionState {
        let mut state = self.whole.origin.state.as_ref().clone();
        // Makes the engine's `now()` return the time when the statement began.
        state.execution_props_mut().query_execution_start_time = chrono::DateTime::from_timestamp_micros(self.now());
        state.config_mut().options_mut().extensions.insert(self.cancel().clone());
        state.config_mut().options_mut().extensions.insert(self.file_notes().clone());
        state.config_mut().options_mut().extensions.insert(self.file_notes().unread.clone());
        state.config_mut().options_mut().extensions.insert(AuditReads(self.clone()));
        state.config_mut().options_mut().extensions.insert(PrivacyBudget(Arc::new(self.clone())));
        self.bind(&mut state);
        // Functions are given the settings of this statement, and not those of the session from which its state comes.
        let options = Arc::clone(state.config().options());
        state.execution_props_mut().config_options = Some(options);
        state
    }

    /// Gives a DataFusion state the tables that this context sees.
    pub fn bind(&self, state: &mut SessionState) {
        (self.whole.origin.bind)(self, state);
    }

    /// The stored objects that this context sees, for functions that need them.
    pub fn stored_objects(&self) -> Arc<dyn Definitions> {
        (self.whole.origin.stored)(self)
    }

    /// The session's settings and functions. Good for parsing, which reads no table.
    pub fn session(&self) -> &SessionState {
        &self.whole.origin.state
    }

    /// The session's temporary tables and loaded definitions.
    pub fn tables(&self) -> &Arc<SessionTables> {
        &self.whole.origin.tables
    }

    /// The open connections and the running statements.
    pub fn activity(&self) -> &Arc<Activity> {
        &self.whole.origin.activity
    }

    /// The session's connection, if it has one.
    pub fn connection(&self) -> Option<&Arc<Connection>> {
        self.whole.origin.connection.as_ref()
    }

    /// The role that opened the session.
    pub fn login(&self) -> &str {
        &self.whole.origin.login
    }

    /// The role that runs the statement.
    pub fn role(&self) -> &str {
        &self.whole.origin.role
    }

    /// The folders and URLs whose files may be read and written; `None` for all.
    pub fn places(&self) -> Option<&[String]> {
        self.whole.origin.places.as_deref()
    }

    /// Environment variables for connections to other databases.
    pub fn environment(&self) -> &Environment {
        &self.whole.origin.environment
    }

    /// The folder that relative paths start from.
    pub fn base(&self) -> &Path {
        &self.whole.origin.base
    }

    /// When the statement began, in microseconds since 1970. Every part of the statement uses this time as the current time.
    pub fn now(&self) -> i64 {
        self.whole.now
    }

    /// The limits of the statement.
    pub fn limits(&self) -> Limits {
        self.whole.limits
    }

    /// The handle that cancels the statement.
    pub fn cancel(&self) -> &Cancel {
        &self.whole.cancel
    }

    /// Waits until the statement is cancelled or times out, and returns the error for that.
    pub async fn ended(&self) -> DataFusionError {
        let timeout = async {
            let limits = self.limits();
            match limits.timeout {
                Some(timeout) => match self.whole.origin.clock.wait_until(self.whole.began + timeout).await {
                    Ok(()) => limits::timed_out(timeout, limits.is_timeout_of_role),
                    Err(error) => error,
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            error = timeout => error,
            () = self.whole.cancel.cancelled() => Cancel::error(),
        }
    }

    /// The timeout error, if the statement has reached its timeout.
    pub fn overdue(&self) -> Option<DataFusionError> {
        let limits = self.limits();
        let timeout = limits.timeout.filter(|timeout| self.whole.began.elapsed() >= *timeout)?;
        Some(limits::timed_out(timeout, limits.is_timeout_of_role))
    }

    /// The values of `$name`, `$1` ….
    pub fn parameters(&self) -> &HashMap<String, ScalarValue> {
        &self.whole.origin.parameters
    }

    /// The same values in DataFusion's form.
    pub fn parameter_values(&self) -> ParamValues {
        let values = self.parameters().iter();
        ParamValues::Map(values.map(|(name, value)| (name.clone(), ScalarAndMetadata::from(value.clone()))).collect())
    }

    /// The newest version of every object that the role sees, in the order of creation.
    ///
    /// # Errors
    /// The catalog cannot be read, or has changed since the statement first read it.
    pub fn objects(&self) -> Result<Arc<[Object]>> {
        let rights = self.rights()?;
        if rights.is_superuser() {
            return self.all_objects();
        }
        let key = (self.part.owner.as_deref().unwrap_or_else(|| self.role()).to_string(), false);
        let known = self.whole.seen.lock().get(&key).cloned();
        let seen = match known {
            Some(seen) => seen,
            None => {
                let all = self.whole.view.objects()?;
                let seen: Arc<[Object]> = all.iter().filter(|object| rights.sees(object)).cloned().collect();
                self.whole.seen.lock().insert(key, Arc::clone(&seen));
                seen
            }
        };
        Ok(self.as_they_would_be(seen))
    }

    /// The newest version of every object, whether the role sees it or not: for checking that a new name is unique.
    ///
    /// # Errors
    /// Same as [`Self::objects`].
    pub fn all_objects(&self) -> Result<Arc<[Object]>> {
        Ok(self.as_they_would_be(self.whole.view.objects()?))
    }

    fn as_they_would_be(&self, objects: Arc<[Object]>) -> Arc<[Object]> {
        let changed = &self.part.changed;
        if changed.is_empty() {
            return objects;
        }
        let replaced = |object: &Object| changed.iter().find(|changed| changed.is_same(object) || changed.id == object.id);
        let mut seen: Vec<Object> = objects.iter().map(|object| replaced(object).unwrap_or(object).clone()).collect();
        for new in changed.iter() {
            if !seen.contains(new) {
                seen.push(new.clone());
            }
        }
        seen.into()
    }

    /// The context for the body of a definition, with the privileges of the role that owns it.
    ///
    /// # Errors
    /// The definition refers to itself.
    pub fn entering(&self, name: &str, owner: &str) -> Result<Self> {
        if self.part.path.iter().any(|other| other == name) {
            let chain = self.part.path.join(" → ");
            let problem = format!("refers to itself: {chain} → {name}");
            return Err(coded(SqlState::INVALID_OBJECT_DEFINITION, name, problem));
        }
        let path = self.part.path.iter().cloned().chain([name.to_string()]).collect();
        Ok(Self { whole: self.whole.clone(), part: Part { path, writing: None, ..self.part.clone() } }.as_owner(owner))
    }

    /// The existing schemas in which unqualified names are looked up. Inside a definition this is always `public`, so that its names mean
    /// the same to everybody.
    pub fn path(&self) -> Vec<String> {
        const OWN: [&str; 4] = ["public", "profile", "segment", "system"];
        let options = self.session().config_options();
        let given = options.extensions.get::<Given>().and_then(|given| given.values.get("search_path"));
        let mut path = match given {
            Some(given) if !self.is_definition() => schemas(given),
            _ => return vec![OWN[0].into()],
        };
        let made = self.objects();
        let is_made =
            |name: &String| made.iter().flat_map(|made| made.iter()).any(|own| own.kind == "schema" && own.name == *name);
        path.retain(|name| OWN.contains(&name.as_str()) || is_made(name));
        path
    }

    /// The context with the privileges of another role.
    pub fn as_owner(&self, owner: &str) -> Self {
        Self {
            whole: self.whole.clone(),
            part: Part { owner: Some(owner.into()), postgres: Arc::default(), ..self.part.clone() },
        }
    }

    /// The context that applies the masks and row policies of a certain role, whoever runs the statement: a refresh computes what the
    /// profile's owner sees. An empty name applies none.
    pub fn reading_as(&self, reader: &str) -> Self {
        Self {
            whole: self.whole.clone(),
            part: Part { reader: Some(reader.into()), postgres: Arc::default(), ..self.part.clone() },
        }
    }

    /// True when a fixed role's masks and row policies apply rather than those of the session's role.
    pub fn is_read_for_others(&self) -> bool {
        self.part.reader.is_some()
    }

    /// The name of the definition whose body is being planned.
    pub fn inside(&self) -> Option<&str> {
        self.part.path.last().map(String::as_str)
    }

    /// The context for planning the queries of a profile, in which names mean the same to everybody.
    pub fn defining(&self) -> Self {
        Self { whole: self.whole.clone(), part: Part { is_defining: true, ..self.part.clone() } }
    }

    /// True in the body of a definition, in which neither the search path nor the temporary tables of the session count.
    pub fn is_definition(&self) -> bool {
        self.part.is_defining || self.inside().is_some()
    }

    /// The context for planning over a profile that is itself being planned.
    pub fn with_profile(&self, name: &str, table: Arc<dyn TableProvider>) -> Self {
        let profiles = self.part.profiles.iter().cloned().chain([(name.to_string(), table)]).collect();
        Self { whole: self.whole.clone(), part: Part { profiles, ..self.part.clone() } }
    }

    /// The profile of that name as far as it is planned, if it is being planned.
    pub fn profile_in_progress(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        let found = self.part.profiles.iter().rev().find(|(profile, _)| profile == name);
        found.map(|(_, table)| Arc::clone(table))
    }

    /// The context for a text in which names replace the calls in FROM that read files; `tables` holds these names with their tables.
    pub fn with_files(&self, tables: Vec<(String, Arc<dyn TableProvider>)>) -> Self {
        if tables.is_empty() {
            return self.clone();
        }
        let files = self.part.files.iter().cloned().chain(tables).collect();
        Self { whole: self.whole.clone(), part: Part { files, ..self.part.clone() } }
    }

    /// The table that replaces a call which reads files, by the name used in the text. Within a protected table that the rules of another
    /// read, the innermost one has the name.
    pub fn file_table(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        let found = self.part.files.iter().rev().find(|(own, _)| own == name);
        found.map(|(_, table)| Arc::clone(table))
    }

    /// The context for planning as if a definition were replaced by `changed`, or `changed` were added.
    pub fn with_definition(&self, changed: Object) -> Self {
        let changed = self.part.changed.iter().cloned().chain([changed]).collect();
        Self { whole: self.whole.clone(), part: Part { changed, postgres: Arc::default(), ..self.part.clone() } }
    }

    /// The context for planning as if the table of that name were `table`.
    pub fn with_relation(&self, name: &str, table: Arc<dyn TableProvider>) -> Self {
        Self { whole: self.whole.clone(), part: Part { relation: Some((name.into(), table)), ..self.part.clone() } }
    }

    /// The replacement of the table of that name, if there is one.
    pub fn relation_in_progress(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        let (relation, table) = self.part.relation.as_ref()?;
        (relation.as_ref() == name).then(|| Arc::clone(table))
    }

    /// The context for planning below a horizon.
    pub fn below(&self, horizon: Horizon) -> Self {
        Self { whole: self.whole.clone(), part: Part { horizon: Some(Arc::new(horizon)), ..self.part.clone() } }
    }

    /// The horizon: up to which time rows of sources are seen.
    pub fn horizon(&self) -> Option<&Horizon> {
        self.part.horizon.as_deref()
    }

    /// The context that collects the tables found during planning in `reads`.
    pub fn noting(&self, reads: &Reads) -> Self {
        Self { whole: self.whole.clone(), part: Part { reads: Some(reads.clone()), ..self.part.clone() } }
    }

    /// Records that a table was found, if reads are collected.
    pub fn note(&self, name: &str, table: &Arc<dyn TableProvider>) {
        if let Some(reads) = &self.part.reads {
            reads.note(name, &table.schema(), table.table_type() == TableType::View, &self.part.path);
        }
    }

    /// The context that collects what the names of planned queries stand for.
    pub fn noting_meanings(&self, meanings: &Meanings) -> Self {
        Self { whole: self.whole.clone(), part: Part { meanings: Some(meanings.clone()), ..self.part.clone() } }
    }

    /// Records what the names of a planned query stand for, if that is collected.
    ///
    /// # Errors
    /// None.
    pub fn note_meanings(&self, text: impl FnOnce() -> String, plan: &LogicalPlan) -> Result<()> {
        match &self.part.meanings {
            Some(meanings) => meanings.note(&text(), &self.part.path, plan),
            None => Ok(()),
        }
    }

    /// The context for planning as if a model had been trained differently.
    pub fn with_model(&self, model: StoredModel) -> Self {
        Self { whole: self.whole.clone(), part: Part { model: Some(Arc::new(model)), ..self.part.clone() } }
    }

    /// The replacement of the model of that name, if there is one.
    pub fn model_in_progress(&self, name: &str) -> Option<StoredModel> {
        self.part.model.as_deref().filter(|model| model.name == name).cloned()
    }

    /// The context of a statement that creates a table. Its name never means a file, whether or not the table exists already.
    pub fn making(&self, name: &str) -> Self {
        Self { whole: self.whole.clone(), part: Part { making: Some(name.into()), ..self.part.clone() } }
    }

    /// True for the name of the table that is being created.
    pub fn is_making(&self, name: &str) -> bool {
        self.part.making.as_deref() == Some(name)
    }

    /// The context of a statement that inserts rows into a table without reading it.
    pub fn writing(&self, name: &str) -> Self {
        Self { whole: self.whole.clone(), part: Part { writing: Some(name.into()), ..self.part.clone() } }
    }

    /// The name of the table that rows are inserted into without being read.
    pub fn written(&self) -> Option<&str> {
        self.part.writing.as_deref()
    }

    /// The context for what the same statement reads otherwise.
    pub fn not_writing(&self) -> Self {
        Self { whole: self.whole.clone(), part: Part { writing: None, ..self.part.clone() } }
    }

    /// True for the name of the table that rows are inserted into without being read.
    pub fn is_writing(&self, name: &str) -> bool {
        self.part.writing.as_deref() == Some(name)
    }

    /// True when the profile or one of its objects is planned with a changed definition, so that its published version does not have all
    /// of it.
    pub fn changes_profile(&self, profile: &str) -> bool {
        self.part.changed.iter().any(|object| object.profile == profile)
    }

    /// True when the plan is the same for every statement over the same state of the database, so that it can be cached.
    pub fn is_plain(&self) -> bool {
        // Every field is named, so that a new field does not compile until somebody decides whether it affects cached plans.
        let Part {
            path: _,
            owner: _,
            reader,
            profiles,
            changed,
            relation,
            model,
            horizon,
            reads,
            meanings,
            making: _,
            writing: _,
            files: _,
            postgres: _,
            // What is cached is a definition either way.
            is_defining: _,
        } = &self.part;
        let sees_all = profiles.is_empty() && changed.is_empty() && relation.is_none() && model.is_none() && horizon.is_none();
        sees_all && reads.is_none() && meanings.is_none() && reader.is_none()
    }
}
