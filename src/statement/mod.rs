//! A statement in hand: everything that one statement sees and may, as one value.
//!
//! The engine makes a [`StatementContext`] for each statement. It holds the state of the database that the statement reads (a [`View`]), who
//! runs it, the folder that its relative paths start from, its clock, parameters, limits, and the way to cancel it. Whatever plans a
//! part of the statement is handed the context: nothing is looked up in the surroundings of the process, the thread or the task, so
//! that a part may be planned anywhere.
//!
//! DataFusion plans with a `SessionState`. [`StatementContext::state`] gives one whose catalog is *bound* to the context: every table that
//! is found through it is that of this statement.
//!
//! A part of a statement may see more than the whole does: the body of a view knows which views lead to it, a tag sees its profile as
//! far as it is planned, a definition that is being checked sees the definitions as they would be. Such a part is planned with a
//! context made from the statement's: [`entering`](StatementContext::entering), [`with_profile`](StatementContext::with_profile),
//! [`with_definition`](StatementContext::with_definition); what is planned for a refresh as of a time sees nothing later,
//! [`below`](StatementContext::below). What a part may is that of the role that owns its definition: see [`Rights`].

pub mod activity;
mod audit;
mod budget;
mod cancel;
mod horizon;
mod limits;
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
use parking_lot::Mutex;

use crate::adapter::definitions::Definitions;
use crate::adapter::privacy_budget::PrivacyBudget;
use crate::catalog::Catalog;
use crate::catalog::models::StoredModel;
use crate::catalog::objects::{Object, Objects};
use crate::catalog::view::View;
use crate::environment::Environment;
use crate::error::{SqlState, coded};
use crate::opaque::Opaque;
use crate::postgres_catalog::Gathered;
use crate::postgres_settings::{Given, schemas};

use activity::{Activity, Connection};
pub use audit::{AuditReads, Audited, FindReads, Read};
pub use cancel::Cancel;
pub use horizon::Horizon;
pub use limits::{Clock, Limits, counting};
pub use progress::Progress;
pub use reads::Reads;
pub use rights::{PREDEFINED, Rights};
pub use running::RunningPlan;
pub use tables::{SavedTables, SessionTables};

/// Makes the catalog of a context the catalog of a state.
pub type Bind = fn(&StatementContext, &mut SessionState);

/// What every statement of a session begins with.
#[derive(Clone)]
pub struct Origin {
    /// Settings and functions. Its own catalog is not used.
    pub state: SessionState,
    /// The tables of the session alone.
    pub tables: Arc<SessionTables>,
    /// Who is connected, and what runs.
    pub activity: Arc<Activity>,
    /// The connection that the session is of.
    pub connection: Option<Arc<Connection>>,
    /// Who opened the session.
    pub login: Arc<str>,
    /// Who runs its statements.
    pub role: Arc<str>,
    /// True for who may do all, whatever the database says of the role: who opens its folder.
    pub is_trusted: bool,
    /// True for a role that may do all.
    pub is_superuser: fn(&Object, &SessionState) -> bool,
    /// The folders and URLs whose files may be read and written; `None` for all.
    pub places: Option<Arc<[String]>>,
    /// The folder that relative paths start from.
    pub base: Arc<Path>,
    /// What connections to other databases find out of the surroundings.
    pub environment: Environment,
    /// Values of `$name`, and of `$1`, `$2` … by their numbers.
    pub parameters: Arc<HashMap<String, ScalarValue>>,
    /// What ends statements whose time is over.
    pub clock: Clock,
    /// How a catalog is bound to a context.
    pub bind: Bind,
    /// What a plan reads that is to be recorded.
    pub find_reads: FindReads,
    /// How the stored objects that a context sees answer functions.
    pub stored: fn(&StatementContext) -> Arc<dyn Definitions>,
    /// How the database that a context sees is told to the functions and tables of PostgreSQL.
    pub postgres: postgres::Gather,
}

impl Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("role", &self.role).field("base", &self.base).finish_non_exhaustive()
    }
}

/// What one statement sees and may. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StatementContext {
    whole: Opaque<Whole>,
    part: Part,
}

/// What is the same for all parts of a statement.
#[derive(Debug)]
struct Whole {
    origin: Origin,
    view: Arc<View>,
    /// Microseconds since 1970.
    now: i64,
    began: tokio::time::Instant,
    limits: Limits,
    cancel: Cancel,
    /// What of it is recorded.
    audited: Audited,
    /// What roles may do, by name and by whether they are trusted.
    rights: Mutex<HashMap<(String, bool), Arc<Rights>>>,
    /// The objects that a role sees, likewise.
    seen: Mutex<HashMap<(String, bool), Objects>>,
}

/// What a part sees beyond the statement.
#[derive(Debug, Clone, Default)]
struct Part {
    /// The definitions that lead here, the innermost last.
    path: Arc<[String]>,
    /// Whose rights count, when they are not those of the session: the owner of the definition.
    owner: Option<Arc<str>>,
    /// Whose masks and row policies apply, when they are not those of the session's role; nobody's for who sees all.
    reader: Option<Arc<str>>,
    /// Profiles as far as they are planned, the innermost last.
    profiles: Arc<[(String, Arc<dyn TableProvider>)]>,
    /// Definitions as they would be.
    changed: Arc<[Object]>,
    /// A table as it would be.
    relation: Option<(Arc<str>, Arc<dyn TableProvider>)>,
    /// Up to when it sees the rows of sources.
    horizon: Option<Arc<Horizon>>,
    /// Where the tables are noted that it finds.
    reads: Option<Reads>,
    /// A model as it would be.
    model: Option<Arc<StoredModel>>,
    /// The name of a table that is to be made.
    making: Option<Arc<str>>,
    /// The name of a table that rows are added to, and that is not read.
    writing: Option<Arc<str>>,
    /// Files that its text reads by a call, by the names that stand for the calls.
    files: Arc<[(String, Arc<dyn TableProvider>)]>,
    /// The database as PostgreSQL's catalog knows it, once somebody has asked.
    postgres: Arc<Gathered>,
}

impl StatementContext {
    /// The context of a statement that begins now.
    pub fn new(mut origin: Origin, catalog: &Arc<Catalog>) -> Self {
        let view = Arc::new(View::new(Arc::clone(catalog)));
        let limits = Limits::of(origin.state.config_options());
        if let Some(pool) = limits.pool(&origin.state.runtime_env().memory_pool) {
            let mut environment = origin.state.runtime_env().as_ref().clone();
            environment.memory_pool = pool;
            origin.state = SessionStateBuilder::new_from_existing(origin.state).with_runtime_env(Arc::new(environment)).build();
        }
        let now = crate::catalog::runs::now();
        let began = tokio::time::Instant::now();
        let (cancel, rights, seen) = (Cancel::default(), Mutex::default(), Mutex::default());
        let audited = Audited::default();
        let whole = Whole { origin, view, now, began, limits, cancel, audited, rights, seen };
        Self { whole: Opaque::new(whole), part: Part::default() }
    }

    /// The same statement over another view of the database.
    fn over(&self, view: Arc<View>) -> Self {
        let Whole { origin, now, began, limits, cancel, audited, .. } = &*self.whole;
        let (origin, cancel, audited) = (origin.clone(), cancel.clone(), audited.clone());
        let (rights, seen) = (Mutex::default(), Mutex::default());
        let whole = Whole { origin, view, now: *now, began: *began, limits: *limits, cancel, audited, rights, seen };
        Self { whole: Opaque::new(whole), part: Part { postgres: Arc::default(), ..self.part.clone() } }
    }

    /// Plans over one state of the database: when that is gone while it is read, over a newer one.
    ///
    /// # Errors
    /// Those of `plan`.
    pub async fn settled<T, W: Future<Output = Result<T>>>(&self, plan: impl Fn(Self) -> W) -> Result<T> {
        crate::catalog::view::settled(self.catalog(), |view| plan(self.over(view))).await
    }

    /// The same statement over the state of the database that is there when it is next read.
    pub fn renewed(&self) -> Self {
        self.over(Arc::new(View::new(Arc::clone(self.catalog()))))
    }

    /// The state of the database that the statement reads.
    pub fn view(&self) -> &Arc<View> {
        &self.whole.view
    }

    /// The catalog of the database, to write to.
    pub fn catalog(&self) -> &Arc<Catalog> {
        self.whole.view.catalog()
    }

    /// A DataFusion state that sees what this context sees.
    pub fn state(&self) -> SessionState {
        let mut state = self.whole.origin.state.clone();
        // The engine's `now()` is the statement's.
        state.execution_props_mut().query_execution_start_time = chrono::DateTime::from_timestamp_micros(self.now());
        state.config_mut().options_mut().extensions.insert(self.cancel().clone());
        state.config_mut().options_mut().extensions.insert(AuditReads(self.clone()));
        state.config_mut().options_mut().extensions.insert(PrivacyBudget(Arc::new(self.clone())));
        (self.whole.origin.bind)(self, &mut state);
        state
    }

    /// The stored objects that this context sees, for functions that ask for them.
    pub fn stored_objects(&self) -> Arc<dyn Definitions> {
        (self.whole.origin.stored)(self)
    }

    /// The settings and functions of the session; for parsing, which reads no table.
    pub fn session(&self) -> &SessionState {
        &self.whole.origin.state
    }

    /// The tables of the session alone.
    pub fn tables(&self) -> &Arc<SessionTables> {
        &self.whole.origin.tables
    }

    /// Who is connected, and what runs.
    pub fn activity(&self) -> &Arc<Activity> {
        &self.whole.origin.activity
    }

    /// The connection that the session is of.
    pub fn connection(&self) -> Option<&Arc<Connection>> {
        self.whole.origin.connection.as_ref()
    }

    /// Who opened the session.
    pub fn login(&self) -> &str {
        &self.whole.origin.login
    }

    /// Who runs the statement.
    pub fn role(&self) -> &str {
        &self.whole.origin.role
    }

    /// The folders and URLs whose files may be read and written; `None` for all.
    pub fn places(&self) -> Option<&[String]> {
        self.whole.origin.places.as_deref()
    }

    /// What connections to other databases find out of the surroundings.
    pub fn environment(&self) -> &Environment {
        &self.whole.origin.environment
    }

    /// The folder that relative paths start from.
    pub fn base(&self) -> &Path {
        &self.whole.origin.base
    }

    /// When the statement began, in microseconds since 1970: its only clock.
    pub fn now(&self) -> i64 {
        self.whole.now
    }

    /// What it may use.
    pub fn limits(&self) -> Limits {
        self.whole.limits
    }

    /// The way to end it.
    pub fn cancel(&self) -> &Cancel {
        &self.whole.cancel
    }

    /// Waits until the statement is cancelled or its time is over, and gives the error that says so.
    pub async fn ended(&self) -> DataFusionError {
        let timeout = async {
            match self.limits().timeout {
                Some(timeout) => {
                    self.whole.origin.clock.wait_until(self.whole.began + timeout).await;
                    limits::timed_out(timeout)
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            error = timeout => error,
            () = self.whole.cancel.cancelled() => Cancel::error(),
        }
    }

    /// The error that says that its time is over, when it is.
    pub fn overdue(&self) -> Option<DataFusionError> {
        self.limits().timeout.filter(|timeout| self.whole.began.elapsed() >= *timeout).map(limits::timed_out)
    }

    /// The values of `$name`.
    pub fn parameters(&self) -> &HashMap<String, ScalarValue> {
        &self.whole.origin.parameters
    }

    /// The values of `$name` as DataFusion takes them.
    pub fn parameter_values(&self) -> ParamValues {
        let values = self.parameters().iter();
        ParamValues::Map(values.map(|(name, value)| (name.clone(), ScalarAndMetadata::from(value.clone()))).collect())
    }

    /// The newest version of every object that the role sees, in the order they were first made.
    ///
    /// # Errors
    /// The catalog cannot be read, or has changed since the statement began to read it.
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

    /// The newest version of every object, whoever asks: for what must not clash with any.
    ///
    /// # Errors
    /// As [`Self::objects`].
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

    /// The context of the body of a definition, with the rights of the role that owns it.
    ///
    /// # Errors
    /// The definition leads to itself.
    pub fn entering(&self, name: &str, owner: &str) -> Result<Self> {
        if self.part.path.iter().any(|other| other == name) {
            let chain = self.part.path.join(" → ");
            let problem = format!("refers to itself: {chain} → {name}");
            return Err(coded(SqlState::INVALID_OBJECT_DEFINITION, name, problem));
        }
        let path = self.part.path.iter().cloned().chain([name.to_string()]).collect();
        Ok(Self { whole: self.whole.clone(), part: Part { path, writing: None, ..self.part.clone() } }.as_owner(owner))
    }

    /// The schemas where names without one are looked for, those that there are. In a definition names mean the same for everybody: what
    /// is in `public`.
    pub fn path(&self) -> Vec<String> {
        const OWN: [&str; 4] = ["public", "profile", "segment", "system"];
        let options = self.session().config_options();
        let given = options.extensions.get::<Given>().and_then(|given| given.values.get("search_path"));
        let mut path = match given {
            Some(given) if self.inside().is_none() => schemas(given),
            _ => return vec![OWN[0].into()],
        };
        let made = self.objects();
        let is_made =
            |name: &String| made.iter().flat_map(|made| made.iter()).any(|own| own.kind == "schema" && own.name == *name);
        path.retain(|name| OWN.contains(&name.as_str()) || is_made(name));
        path
    }

    /// The context of what is planned with the rights of another role.
    pub fn as_owner(&self, owner: &str) -> Self {
        Self {
            whole: self.whole.clone(),
            part: Part { owner: Some(owner.into()), postgres: Arc::default(), ..self.part.clone() },
        }
    }

    /// The context of what is read as a role sees it, whoever asks: what a refresh computes is what the owner of the profile sees. No
    /// role sees all.
    pub fn reading_as(&self, reader: &str) -> Self {
        Self {
            whole: self.whole.clone(),
            part: Part { reader: Some(reader.into()), postgres: Arc::default(), ..self.part.clone() },
        }
    }

    /// True for what is read as a certain role sees it, rather than as who asks.
    pub fn is_read_for_others(&self) -> bool {
        self.part.reader.is_some()
    }

    /// The definition whose body this is the context of.
    pub fn inside(&self) -> Option<&str> {
        self.part.path.last().map(String::as_str)
    }

    /// The context of what is planned over a profile that is itself being planned.
    pub fn with_profile(&self, name: &str, table: Arc<dyn TableProvider>) -> Self {
        let profiles = self.part.profiles.iter().cloned().chain([(name.to_string(), table)]).collect();
        Self { whole: self.whole.clone(), part: Part { profiles, ..self.part.clone() } }
    }

    /// The profile of that name as far as it is planned, when it is being planned.
    pub fn profile_in_progress(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        let found = self.part.profiles.iter().rev().find(|(profile, _)| profile == name);
        found.map(|(_, table)| Arc::clone(table))
    }

    /// The context of a text whose calls in FROM that read files are replaced by names; these are the names and the tables.
    pub fn with_files(&self, tables: Vec<(String, Arc<dyn TableProvider>)>) -> Self {
        if tables.is_empty() {
            return self.clone();
        }
        let files = self.part.files.iter().cloned().chain(tables).collect();
        Self { whole: self.whole.clone(), part: Part { files, ..self.part.clone() } }
    }

    /// The table of files that stands under this name in the text that is planned.
    pub fn file_table(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        let found = self.part.files.iter().find(|(own, _)| own == name);
        found.map(|(_, table)| Arc::clone(table))
    }

    /// The context of what is planned as if a definition were another one, or there already.
    pub fn with_definition(&self, changed: Object) -> Self {
        let changed = self.part.changed.iter().cloned().chain([changed]).collect();
        Self { whole: self.whole.clone(), part: Part { changed, postgres: Arc::default(), ..self.part.clone() } }
    }

    /// The context of what is planned as if a table had other columns.
    pub fn with_relation(&self, name: &str, table: Arc<dyn TableProvider>) -> Self {
        Self { whole: self.whole.clone(), part: Part { relation: Some((name.into(), table)), ..self.part.clone() } }
    }

    /// The table of that name as it would be, when it is being replaced.
    pub fn relation_in_progress(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        let (relation, table) = self.part.relation.as_ref()?;
        (relation.as_ref() == name).then(|| Arc::clone(table))
    }

    /// The context of what is planned as of a time.
    pub fn below(&self, horizon: Horizon) -> Self {
        Self { whole: self.whole.clone(), part: Part { horizon: Some(Arc::new(horizon)), ..self.part.clone() } }
    }

    /// Up to when rows of sources are seen.
    pub fn horizon(&self) -> Option<&Horizon> {
        self.part.horizon.as_deref()
    }

    /// The context of what is planned with the tables noted that it finds.
    pub fn noting(&self, reads: &Reads) -> Self {
        Self { whole: self.whole.clone(), part: Part { reads: Some(reads.clone()), ..self.part.clone() } }
    }

    /// Notes a table that was found here.
    pub fn note(&self, name: &str, table: &Arc<dyn TableProvider>) {
        if let Some(reads) = &self.part.reads {
            reads.note(name, &table.schema(), table.table_type() == TableType::View, &self.part.path);
        }
    }

    /// The context of what is planned as if a model had learned something else.
    pub fn with_model(&self, model: StoredModel) -> Self {
        Self { whole: self.whole.clone(), part: Part { model: Some(Arc::new(model)), ..self.part.clone() } }
    }

    /// The model of that name as it would be, when it is being replaced.
    pub fn model_in_progress(&self, name: &str) -> Option<StoredModel> {
        self.part.model.as_deref().filter(|model| model.name == name).cloned()
    }

    /// The context of the statement that makes a table: its name means no file, whether there is such a table or not.
    pub fn making(&self, name: &str) -> Self {
        Self { whole: self.whole.clone(), part: Part { making: Some(name.into()), ..self.part.clone() } }
    }

    /// True for the name of the table that is to be made.
    pub fn is_making(&self, name: &str) -> bool {
        self.part.making.as_deref() == Some(name)
    }

    /// The context of a statement that adds rows to a table without reading it.
    pub fn writing(&self, name: &str) -> Self {
        Self { whole: self.whole.clone(), part: Part { writing: Some(name.into()), ..self.part.clone() } }
    }

    /// True for the name of the table that rows are added to, and that is not read.
    pub fn is_writing(&self, name: &str) -> bool {
        self.part.writing.as_deref() == Some(name)
    }

    /// True when a profile, or an object of it, is planned as it would be: what it has published says less.
    pub fn changes_profile(&self, profile: &str) -> bool {
        self.part.changed.iter().any(|object| object.profile == profile)
    }

    /// True when what is planned here holds for every statement over the same state of the database, so that it may be kept.
    pub fn is_plain(&self) -> bool {
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
            making: _,
            writing: _,
            files: _,
            postgres: _,
        } = &self.part;
        let sees_all = profiles.is_empty() && changed.is_empty() && relation.is_none() && model.is_none() && horizon.is_none();
        sees_all && reads.is_none() && reader.is_none()
    }
}
