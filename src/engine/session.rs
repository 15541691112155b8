//! A session: settings, temporary tables, parameters and prepared statements of one user, and the path that every statement takes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::{Result, ScalarValue};
use datafusion::config::{ConfigOptions, Dialect};
use datafusion::execution::memory_pool::MemoryLimit;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use sqlparser::tokenizer::Location;

use super::answer::{Answer, Explain};
use super::cursors::Cursors;
use super::kept::Kept;
use super::memory::set_aside_for_merging;
use super::prepared::{Parameters, Prepared};
use super::schema::{CATALOG, PUBLIC, TemporaryCatalog, bind};
use super::transactions::Transaction;
use super::{Engine, auditing, configured, execution, remote};
use crate::catalog::role_limits::RoleLimits;
use crate::databases::Remote;
use crate::error::{SqlState, in_language, sqlstate};
use crate::files;
use crate::language::Language;
use crate::objects::GRAMMARS;
use crate::objects::{dump, role, stored};
use crate::postgres_settings::Given;
use crate::settings::PortraitSettings;
use crate::sql::client::{ClientCommand, ClientCopy};
use crate::sql::command::Command;
use crate::sql::parser::{self, Parsed, Statement};
use crate::sql::planning;
use crate::sql::redacting::audited;
use crate::statement::activity::{Connection, Outcome};
use crate::statement::{Origin, SessionTables, StatementContext, counting};

/// Scripts longer than this many bytes are parsed on the threads for heavy work.
const LONG: usize = 100_000;

/// A role, and whether it was a SUPERUSER.
type Superuser = Option<(Arc<str>, bool)>;

/// One user's session. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Session {
    pub(super) engine: Engine,
    /// Settings and functions; the state of each statement is derived from it.
    pub(super) context: SessionContext,
    pub(super) tables: Arc<SessionTables>,
    parameters: Arc<Mutex<Arc<HashMap<String, ScalarValue>>>>,
    /// Prepared statements by name.
    pub(super) prepared: Arc<Mutex<HashMap<String, Prepared>>>,
    pub(super) cursors: Arc<Cursors>,
    /// The settings that RESET restores, in addition to the engine's.
    pub(super) defaults: Arc<Mutex<Given>>,
    /// The engine's settings at the start of the session.
    pub(super) first_options: Arc<ConfigOptions>,
    /// The current transaction.
    pub(super) transaction: Arc<Mutex<Option<Transaction>>>,
    /// The role that opened the session.
    pub(super) login: Arc<str>,
    /// The role set by SET ROLE.
    pub(super) role: Arc<Mutex<Option<Arc<str>>>>,
    /// Whether a role was a SUPERUSER when it became the session's role; this is reported to clients.
    pub(super) superuser: Arc<Mutex<Superuser>>,
    /// True for a user with all rights, whatever the database grants to the role.
    pub(super) is_trusted: bool,
    /// What its statements may use at most.
    limits: RoleLimits,
    places: Option<Arc<[String]>>,
    base: Arc<Path>,
    /// The client connection.
    connection: Option<Arc<Connection>>,
    /// The server that runs its statements, for a remote session.
    pub(super) remote: Option<Arc<Remote>>,
}

impl Session {
    pub(super) fn new(engine: Engine) -> Result<Self> {
        let options = &engine.shared.options;
        let mut config = SessionConfig::new()
            .with_information_schema(true)
            .with_default_catalog_and_schema(CATALOG, PUBLIC)
            .with_create_default_catalog_and_schema(false);
        config.options_mut().sql_parser.dialect = Dialect::Generic;
        // Needed to report positions in errors about columns.
        config.options_mut().sql_parser.collect_spans = true;
        // A directory includes its subdirectories.
        config.options_mut().execution.listing_table_ignore_subdirectory = false;
        // In DataFusion 55.2, this rule confuses a column that a subquery renames (`amount * 2 AS amount`) with the one beneath it when a
        // field of a struct is read above a filter, which gives wrong rows or an error about schemas.
        config.options_mut().optimizer.enable_leaf_expression_pushdown = false;
        // In DataFusion 55.2, scans skip rows that cannot change `min(a), max(b)`; while all values of `a` have been NULL so far, rows that
        // could change `min(a)` are skipped too if they do not change `max(b)`, so that results are sometimes wrong.
        config.options_mut().optimizer.enable_aggregate_dynamic_filter_pushdown = false;
        // `CASE WHEN a > b THEN b ELSE 0 END` is never NULL. The logical plan knows that but the physical plan does not, so this check
        // would refuse the query.
        config.options_mut().execution.skip_physical_aggregate_schema_check = true;
        config.options_mut().extensions.insert(engine.shared.keys.clone());
        config.options_mut().extensions.insert(PortraitSettings { language: options.language, ..PortraitSettings::default() });
        if let MemoryLimit::Finite(limit) = engine.shared.environment.memory_pool.memory_limit() {
            config.options_mut().execution.sort_spill_reservation_bytes = set_aside_for_merging(limit);
        }
        if let Some(partitions) = options.partitions {
            config = config.with_target_partitions(partitions);
        }
        if let Some(rows) = options.batch_size {
            config = config.with_batch_size(rows);
        }
        // Count the memory that the session holds.
        let mut environment = engine.shared.environment.as_ref().clone();
        environment.memory_pool = counting(&environment.memory_pool);
        let builder =
            SessionStateBuilder::new().with_config(config).with_runtime_env(Arc::new(environment)).with_default_features();
        let mut state = crate::sql::register(builder).build();
        for factory in files::writing::factories() {
            state.register_file_format(factory, true)?;
        }
        let context = SessionContext::new_with_state(state);
        let tables = Arc::new(SessionTables::new(Arc::clone(&engine.shared.activity.postmaster().locks)));
        context.register_catalog(CATALOG, Arc::new(TemporaryCatalog(Arc::clone(&tables))));
        engine.shared.activity.know(&tables);
        let login = options.role.as_deref().unwrap_or_default().into();
        let base = Arc::clone(&engine.shared.base);
        let (parameters, prepared, transaction) = (Arc::default(), Arc::default(), Arc::default());
        let (role, is_trusted, places, cursors, defaults) = (Arc::default(), true, None, Arc::default(), Arc::default());
        let superuser = Arc::default();
        tables.keeps(Arc::new(Kept { prepared: Arc::downgrade(&prepared), cursors: Arc::downgrade(&cursors) }));
        let first_options = Arc::new(context.state_ref().read().config_options().as_ref().clone());
        Ok(Self {
            engine,
            context,
            tables,
            parameters,
            prepared,
            cursors,
            defaults,
            first_options,
            transaction,
            login,
            role,
            superuser,
            is_trusted,
            limits: RoleLimits::default(),
            places,
            base,
            connection: None,
            remote: None,
        })
    }

    /// The same session, for statements run by another role.
    pub fn with_role(mut self, role: &str) -> Self {
        self.login = role.into();
        self
    }

    /// The same session, with statements limited to the rights of their role; otherwise they may do everything.
    pub(crate) fn with_rights_of_role(mut self) -> Self {
        self.is_trusted = false;
        self
    }

    /// The same session, whose statements use at most this much.
    pub(crate) fn with_limits(mut self, limits: RoleLimits) -> Self {
        self.limits = limits;
        self
    }

    /// What its statements may use at most.
    pub(crate) fn limits(&self) -> RoleLimits {
        self.limits
    }

    /// The same session, without SET ROLE.
    pub(super) fn as_login(&self) -> Self {
        Self { role: Arc::default(), ..self.clone() }
    }

    /// The role that runs its statements: that of SET ROLE, or the one that opened it.
    pub(super) fn current_role(&self) -> Arc<str> {
        self.role.lock().clone().unwrap_or_else(|| Arc::clone(&self.login))
    }

    /// The same session, attached to a client connection.
    pub(crate) fn with_connection(mut self, connection: Arc<Connection>) -> Self {
        self.connection = Some(connection);
        self
    }

    /// The same session, on the threads for heavy work or for quick tasks.
    pub(super) fn with_turn(&self, takes_turn: bool) -> Self {
        Self { engine: self.engine.with_turn(takes_turn), ..self.clone() }
    }

    /// The client connection.
    pub(super) fn connection(&self) -> Option<&Arc<Connection>> {
        self.connection.as_ref()
    }

    /// The application name that its client set.
    pub(crate) fn application(&self) -> String {
        self.given().values.get("application_name").cloned().unwrap_or_default()
    }

    /// The same session, limited to files in these directories and under these URLs.
    pub(crate) fn with_places(mut self, places: Arc<[String]>) -> Self {
        self.places = Some(places);
        self
    }

    /// The same session, with another directory for relative paths.
    pub fn with_base(mut self, base: &Path) -> Self {
        self.base = base.into();
        self
    }

    /// The underlying DataFusion context, for what this interface does not offer: its settings, functions and temporary tables. Stored
    /// objects are visible only to statements.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// This session's values of Portrait's settings.
    pub fn settings(&self) -> PortraitSettings {
        PortraitSettings::of(self.context.state_ref().read().config_options())
    }

    /// The session's language.
    pub fn language(&self) -> Language {
        let state = self.context.state_ref();
        let language = state.read().config_options().extensions.get::<PortraitSettings>().map(|settings| settings.language);
        language.unwrap_or_default()
    }

    /// Sets the parameter `$name` for all following statements.
    pub fn set_parameter(&self, name: &str, value: ScalarValue) {
        Arc::make_mut(&mut self.parameters.lock()).insert(name.to_string(), value);
    }

    /// Removes the parameter `$name`.
    pub fn unset_parameter(&self, name: &str) {
        Arc::make_mut(&mut self.parameters.lock()).remove(name);
    }

    /// The context of a statement that begins now; `more` are additional parameters.
    pub(super) fn statement(&self, more: Parameters) -> StatementContext {
        self.statement_over(Arc::new(self.context.state()), more)
    }

    /// The same, with these settings and functions.
    pub(super) fn statement_over(&self, state: Arc<SessionState>, more: Parameters) -> StatementContext {
        let mut parameters = Arc::clone(&self.parameters.lock());
        if !more.is_empty() {
            Arc::make_mut(&mut parameters).extend(more.into_values());
        }
        let origin = Origin {
            state,
            tables: Arc::clone(&self.tables),
            activity: Arc::clone(&self.engine.shared.activity),
            connection: self.connection.clone(),
            login: Arc::clone(&self.login),
            role: self.current_role(),
            is_trusted: self.is_trusted && self.role.lock().is_none(),
            is_trusted_login: self.is_trusted,
            is_superuser: role::is_superuser,
            limits: self.limits,
            places: self.places.clone(),
            base: Arc::clone(&self.base),
            environment: self.engine.shared.options.environment.clone(),
            parameters,
            clock: self.engine.clock(),
            bind,
            find_reads: auditing::reads,
            postgres: crate::system::postgres::gather,
            stored: |context| Arc::new(stored::Stored(context.clone())),
        };
        StatementContext::new(origin, &self.catalog())
    }

    /// Prepares a statement whose parameters `$1`, `$2` … have these types, where given.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub async fn prepare_with(&self, statement: Statement, types: Vec<Option<DataType>>) -> Result<Prepared> {
        let session = self.with_turn(statement.takes_turn());
        let explain = self.explain(&statement.text, statement.place());
        let engine = session.engine.clone();
        let prepared = Box::pin(Prepared::with_types(session, statement, types));
        engine.run(prepared).await.map_err(|error| explain(error, false))
    }

    /// The statement that PREPARE or [`Self::keep_prepared`] stored under this name.
    pub fn prepared(&self, name: &str) -> Option<Prepared> {
        self.prepared.lock().get(name).cloned()
    }

    /// Stores a prepared statement under a name, for EXECUTE and DEALLOCATE.
    pub fn keep_prepared(&self, name: &str, prepared: Prepared) {
        self.prepared.lock().insert(name.to_string(), prepared);
    }

    /// Removes a prepared statement.
    pub fn forget_prepared(&self, name: &str) {
        self.prepared.lock().remove(name);
    }

    /// Splits and parses a script. Nothing runs.
    ///
    /// # Errors
    /// A syntax error with line and column, or an expression too deep to plan.
    pub async fn parse(&self, sql: &str) -> Result<Vec<Statement>> {
        let (context, sql) = (self.context.clone(), sql.to_string());
        let engine = self.engine.with_turn(sql.len() > LONG);
        let parsed = engine.run(async move { parser::parse(&sql, &context.state_ref().read(), &GRAMMARS) }).await;
        parsed.map_err(|error| in_language(error, self.language()))
    }

    /// Plans a statement without running it.
    ///
    /// # Errors
    /// The statement is wrong.
    pub async fn plan(&self, statement: Statement) -> Result<LogicalPlan> {
        let context = self.statement(Parameters::default());
        let explain = self.explain(&statement.text, statement.place());
        let parsed = statement.parsed.into_sql()?;
        let planned = async move {
            let parsed = &parsed;
            context.settled(|context| async move { planning::plan_answered(parsed, &context).await }).await
        };
        self.engine.run(planned).await.map_err(|error| explain(error, false))
    }

    /// Prepares a statement: it is planned so that it can be [described](Prepared::describe), and can be executed any number of times, even
    /// concurrently. Each execution reads the data at that time.
    ///
    /// # Errors
    /// The statement is wrong.
    pub async fn prepare(&self, statement: Statement) -> Result<Prepared> {
        let session = self.with_turn(statement.takes_turn());
        let explain = self.explain(&statement.text, statement.place());
        session.engine.clone().run(Box::pin(Prepared::new(session, statement))).await.map_err(|error| explain(error, false))
    }

    /// Plans and starts a statement. Its rows come with the answer.
    ///
    /// # Errors
    /// The statement is wrong; errors while it runs come with the answer.
    pub async fn execute(&self, statement: Statement) -> Result<Answer> {
        let first = statement.place();
        self.execute_with(&statement.text, first, statement.parsed, Parameters::default()).await
    }

    /// Starts `COPY … TO STDOUT`, whose rows the caller sends to the client.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub(crate) async fn copy_out(&self, text: &str, copy: &ClientCopy) -> Result<Answer> {
        let parsed = Parsed::Command(Command::Client(ClientCommand::Copy(Box::new(copy.clone()))));
        self.execute_with(text, Location { line: 1, column: 1 }, parsed, Parameters::default()).await
    }

    /// Boxed: EXECUTE recurses to this function.
    pub(super) fn execute_with(
        &self,
        text: &str,
        first: Location,
        parsed: Parsed,
        parameters: Parameters,
    ) -> BoxFuture<'static, Result<Answer>> {
        self.execute_over(text, first, parsed, parameters, vec![])
    }

    /// The same, with further tables that the statement can read.
    pub(super) fn execute_over(
        &self,
        text: &str,
        first: Location,
        mut parsed: Parsed,
        parameters: Parameters,
        tables: Vec<(String, Arc<dyn TableProvider>)>,
    ) -> BoxFuture<'static, Result<Answer>> {
        if let Some(remote) = self.remote.clone() {
            let (session, text, tag) = (self.clone(), text.to_string(), execution::tag_of(&parsed));
            return Box::pin(async move { remote::execute(&session, remote, text, tag).await });
        }
        let (session, text) = (self.with_turn(parsed.takes_turn()), text.to_string());
        let explain = self.explain(&text, first);
        // Before the statement sees the settings.
        if let Err(error) = configured::set(self, &mut parsed, &parameters) {
            return Box::pin(std::future::ready(Err(explain(error, false))));
        }
        let context = self.statement(parameters).with_files(tables);
        let (ended, ended_within) = (context.clone(), context.clone());
        let pool = Arc::clone(&context.session().runtime_env().memory_pool);
        let cancel = context.cancel().clone();
        let activity = &self.engine.shared.activity;
        let mut begun = activity.begin(self.connection.clone(), context.role(), text.as_str().into(), cancel, pool);
        begun.tag = execution::tag_of(&parsed);
        let whole = text.clone();
        context.audit_as(&begun.tag, move || audited(&whole));
        begun.audited = Some(context.clone());
        let language = self.language();
        let (is_query, parsed_takes_turn) = (execution::is_query(&parsed), parsed.takes_turn());
        let execution = async move {
            tokio::select! {
                biased;
                error = ended_within.ended() => Err(error),
                answer = Box::pin(execution::execute(&session, parsed, &text, context)) => answer,
            }
        };
        let engine = self.engine.with_turn(parsed_takes_turn);
        Box::pin(async move {
            // Planning occupies its thread, so the timeout is watched from here. A statement that changes the database reports by itself
            // how it ended.
            let over = async { if is_query { ended.ended().await } else { std::future::pending().await } };
            let answer = tokio::select! {
                biased;
                error = over => Err(error),
                answer = engine.run(execution) => answer,
            };
            match answer {
                Ok(answer) => Ok(answer.noted(begun).explained(explain).in_language(language)),
                Err(error) => {
                    begun.end(Outcome::Failed(sqlstate(&error).code()));
                    Err(explain(error, false))
                }
            }
        })
    }

    /// Adds the place in the statement to an error, and translates it to the session's language.
    pub(super) fn explain(&self, text: &str, first: Location) -> Explain {
        let (session, text) = (self.clone(), text.to_string());
        Arc::new(move |error, started| {
            session.statement_failed();
            let error = planning::explained(error, &text, first, &session.context.state(), started);
            in_language(error, session.language())
        })
    }

    /// Runs a script and returns the rows of its last statement.
    ///
    /// # Errors
    /// The first statement that fails; earlier ones have run.
    pub async fn sql(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let mut rows = vec![];
        for statement in self.parse(sql).await? {
            rows = self.execute(statement).await?.collect().await?;
        }
        Ok(rows)
    }

    /// The columns of tables, each given by schema and name; empty for those that do not exist or cannot be opened.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub async fn table_columns(&self, tables: Vec<(String, String)>) -> Result<Vec<SchemaRef>> {
        let context = self.statement(Parameters::default());
        let look = async move {
            let tables = &tables;
            let columns = |context: StatementContext| async move {
                let state = context.state();
                let catalog = state.catalog_list().catalog(CATALOG);
                let mut found: Vec<SchemaRef> = vec![];
                for (schema, table) in tables {
                    let schema = catalog.as_ref().and_then(|catalog| catalog.schema(schema));
                    let opened = match schema {
                        Some(schema) => schema.table(table).await,
                        None => Ok(None),
                    };
                    found.push(match opened {
                        Ok(Some(table)) => table.schema(),
                        // The check has to start again.
                        Err(error) if sqlstate(&error) == SqlState::SERIALIZATION_FAILURE => return Err(error),
                        Ok(None) | Err(_) => Arc::new(Schema::empty()),
                    });
                }
                Ok(found)
            };
            context.settled(columns).await
        };
        self.engine.run(look).await
    }

    /// Releases what the session holds: rolls back its transaction, drops its cursors and prepared statements.
    pub fn close(&self) {
        drop(self.transaction.lock().take());
        self.cursors.lock().clear();
        // Each holds a clone of the session, which would otherwise never be freed.
        self.prepared.lock().clear();
    }

    /// A script of all objects of the database, each after those it uses. Rows are not part of it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn dump(&self) -> Result<String> {
        dump::dump(&self.statement(Parameters::default()))
    }
}
