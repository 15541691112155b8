//! A session: settings, temporary tables and parameters of one user, and the way every statement takes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::SchemaProvider;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::{ParamValues, Result, ScalarValue, TableReference};
use datafusion::config::{ConfigExtension, Dialect, ExtensionOptions};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{
    CreateExternalTable, CreateView, DdlStatement, Deallocate, DropTable, DropView, LogicalPlan, SetVariable,
    Statement as LogicalStatement,
};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as SqlParsed;

use super::answer::Answer;
use super::schema::{CATALOG, PUBLIC, PublicSchema, SessionCatalog};
use super::writes::{Staged, stage_copy, stage_insert};
use super::{Engine, files};
use crate::adapter::definitions::DefinitionsHandle;
use crate::catalog::statement::settled;
use crate::error::{did_you_mean, invalid, message};
use crate::objects::answers::CatalogDefinitions;
use crate::refresh::published::name_and_time;
use crate::settings::PortraitSettings;
use crate::sql::macros;
use crate::sql::parser::{self, Parsed, Statement};

/// One user's session. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Session {
    pub(super) engine: Engine,
    pub(super) context: SessionContext,
    pub(super) public: Arc<PublicSchema>,
    pub(super) parameters: Arc<Mutex<HashMap<String, ScalarValue>>>,
    /// What PREPARE was given, by name: it is planned again for each EXECUTE.
    prepared: Arc<Mutex<HashMap<String, SqlParsed>>>,
}

/// Settings whose extreme values hang or crash a query, and what they may be.
const BOUNDS: [(&str, u64, u64); 5] = [
    ("datafusion.execution.batch_size", 1, 1 << 20),
    ("datafusion.execution.target_partitions", 0, 1024),
    ("datafusion.execution.planning_concurrency", 1, 1024),
    ("datafusion.execution.meta_fetch_concurrency", 1, 1024),
    ("portrait.max_operators", 10, 2000),
];

impl Session {
    pub(super) fn new(engine: Engine) -> Result<Self> {
        let options = &engine.shared.options;
        let mut config = SessionConfig::new()
            .with_information_schema(true)
            .with_default_catalog_and_schema(CATALOG, PUBLIC)
            .with_create_default_catalog_and_schema(false);
        config.options_mut().sql_parser.dialect = Dialect::Generic;
        if let Some(partitions) = options.partitions {
            config = config.with_target_partitions(partitions);
        }
        if let Some(rows) = options.batch_size {
            config = config.with_batch_size(rows);
        }
        let catalog = SessionCatalog::new(Arc::clone(&engine.shared.catalog));
        let link = catalog.session.clone();
        let definitions = CatalogDefinitions::new(Arc::clone(&engine.shared.catalog), {
            let link = link.clone();
            move || link.state()
        });
        config = config.with_extension(Arc::new(DefinitionsHandle(Arc::new(definitions))));
        let builder = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(&engine.shared.environment))
            .with_default_features();
        let context = SessionContext::new_with_state(crate::sql::register(builder).build());
        let public = Arc::clone(&catalog.public);
        context.register_catalog(CATALOG, Arc::new(catalog));
        link.attach(&context);
        Ok(Self { engine, context, public, parameters: Arc::default(), prepared: Arc::default() })
    }

    /// The DataFusion session beneath, for what this interface does not offer.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// This session's value of one of Portrait's settings.
    pub fn settings(&self) -> PortraitSettings {
        PortraitSettings::of(self.context.state().config_options())
    }

    /// Gives the parameter `$name` a value in all statements that follow.
    pub fn set_parameter(&self, name: &str, value: ScalarValue) {
        self.parameters.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_string(), value);
    }

    /// Splits and parses a script. Nothing runs.
    ///
    /// # Errors
    /// A syntax error with line and column, or an expression too deep to plan.
    pub async fn parse(&self, sql: &str) -> Result<Vec<Statement>> {
        let (context, sql) = (self.context.clone(), sql.to_string());
        self.engine.run(async move { parser::parse(&sql, &context.state()) }).await
    }

    /// Plans a statement without running it: its columns and parameters can be asked of the plan.
    ///
    /// # Errors
    /// What is wrong with the statement.
    pub async fn plan(&self, statement: Statement) -> Result<LogicalPlan> {
        let state = self.context.state();
        let parsed = statement.parsed.into_sql()?;
        self.engine.run(async move { settled(|| plan_of(&parsed, &state)).await.map(|(plan, _)| plan) }).await
    }

    /// Runs a statement: plans it, and starts it. Its rows come with the answer.
    ///
    /// # Errors
    /// What is wrong with the statement; what goes wrong while it runs comes with the answer.
    pub async fn execute(&self, statement: Statement) -> Result<Answer> {
        let session = self.clone();
        self.engine.run(async move { Box::pin(session.execute_here(statement)).await }).await
    }

    /// Runs a script and gives the rows of its last statement.
    ///
    /// # Errors
    /// The first statement that fails; those before it have run.
    pub async fn sql(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let mut rows = vec![];
        for statement in self.parse(sql).await? {
            rows = self.execute(statement).await?.collect().await?;
        }
        Ok(rows)
    }

    async fn execute_here(&self, statement: Statement) -> Result<Answer> {
        let Statement { text, parsed, .. } = statement;
        let mut parsed = match parsed {
            Parsed::Sql(parsed) => *parsed,
            Parsed::Command(command) => return self.command(command, &text).await,
        };
        let if_not_exists = parser::take_if_not_exists(&mut parsed);
        let temporary = parser::take_temporary(&mut parsed);
        let state = self.context.state();
        let planned = settled(|| async {
            let (plan, refers_to) = plan_of(&parsed, &state).await?;
            let replaced = self.replaced(&plan)?;
            Ok((plan, refers_to, replaced))
        });
        let (plan, refers_to, replaced) = planned.await.map_err(|error| self.name_missing_table(error))?;
        let plan = self.bind(plan)?;
        match plan {
            LogicalPlan::Ddl(DdlStatement::CreateExternalTable(command)) if !command.temporary => {
                self.create_external_table(*command, &text).await
            }
            LogicalPlan::Ddl(DdlStatement::CreateView(command)) if !command.temporary => {
                self.create_view(&command, &text, if_not_exists, &refers_to).await
            }
            LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(command)) if self.has_database() && !temporary => {
                self.create_table(command, text, replaced)
            }
            LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(command)) if temporary && self.is_remembered(&command.name)? => {
                Err(invalid(&command.name.to_string(), "exists already in the database; give the temporary table another name"))
            }
            LogicalPlan::Ddl(DdlStatement::DropTable(command)) if self.is_remembered(&command.name)? => {
                self.forget(&command.name, "TABLE").await
            }
            LogicalPlan::Ddl(DdlStatement::DropView(command)) if self.is_remembered(&command.name)? => {
                self.forget(&command.name, "VIEW").await
            }
            LogicalPlan::Ddl(ddl) => {
                if let DdlStatement::DropTable(DropTable { name, .. }) | DdlStatement::DropView(DropView { name, .. }) = &ddl {
                    self.refuse_used(name.table())?;
                }
                self.context.execute_logical_plan(LogicalPlan::Ddl(ddl)).await?;
                Ok(Answer::done(vec![]))
            }
            LogicalPlan::Statement(LogicalStatement::SetVariable(set)) => {
                check_bounds(&set)?;
                let plan = LogicalPlan::Statement(LogicalStatement::SetVariable(set));
                self.context.execute_logical_plan(plan).await?;
                Ok(Answer::done(vec![]))
            }
            LogicalPlan::Statement(LogicalStatement::ResetVariable(reset)) if own_default(&reset.variable).is_some() => {
                // DataFusion resets only settings of its own.
                let value = own_default(&reset.variable).unwrap_or_default();
                let variable = reset.variable;
                let plan = LogicalPlan::Statement(LogicalStatement::SetVariable(SetVariable { variable, value }));
                self.context.execute_logical_plan(plan).await?;
                Ok(Answer::done(vec![]))
            }
            LogicalPlan::Statement(LogicalStatement::Prepare(prepare)) => {
                let name = prepare.name.clone();
                self.context.execute_logical_plan(LogicalPlan::Statement(LogicalStatement::Prepare(prepare))).await?;
                self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(name, parsed);
                Ok(Answer::done(vec![]))
            }
            LogicalPlan::Statement(LogicalStatement::Execute(execute)) => {
                self.prepare_again(&execute.name).await?;
                let frame = self.context.execute_logical_plan(LogicalPlan::Statement(LogicalStatement::Execute(execute))).await?;
                self.start(frame, None).await
            }
            LogicalPlan::Statement(statement) => {
                self.context.execute_logical_plan(LogicalPlan::Statement(statement)).await?;
                Ok(Answer::done(vec![]))
            }
            LogicalPlan::Copy(copy) => {
                let (plan, staged) = stage_copy(copy)?;
                self.start(DataFrame::new(state, plan), staged).await
            }
            LogicalPlan::Dml(insert) => {
                let (plan, staged) = stage_insert(insert)?;
                let mut state = state;
                if staged.is_some() {
                    // One file, so that it appears in one move.
                    let options = state.config_mut().options_mut();
                    options.set("datafusion.execution.minimum_parallel_output_files", "1")?;
                    options.set("datafusion.execution.soft_max_rows_per_output_file", &i64::MAX.to_string())?;
                }
                self.start(DataFrame::new(state, plan), staged).await
            }
            query => self.start(DataFrame::new(state, query), None).await,
        }
    }

    /// Plans a prepared statement anew: what it reads may have been published again since.
    async fn prepare_again(&self, name: &str) -> Result<()> {
        let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let Some(prepared) = prepared else { return Ok(()) };
        let state = self.context.state();
        let (plan, _) = settled(|| plan_of(&prepared, &state)).await.map_err(|error| self.name_missing_table(error))?;
        let plan = self.bind(plan)?;
        let deallocate = LogicalStatement::Deallocate(Deallocate { name: name.to_string() });
        // It is not there any more after DEALLOCATE: then EXECUTE says so.
        if self.context.execute_logical_plan(LogicalPlan::Statement(deallocate)).await.is_ok() {
            self.context.execute_logical_plan(plan).await?;
        }
        Ok(())
    }

    pub(super) async fn start(&self, frame: DataFrame, staged: Option<Staged>) -> Result<Answer> {
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        let stream = execute_stream(Arc::clone(&plan), task)?;
        Ok(Answer::start(&self.engine, plan, stream, staged))
    }

    /// For an unknown table, an error that says which tables there are.
    fn name_missing_table(&self, error: DataFusionError) -> DataFusionError {
        let text = message(&error);
        let own = format!("table '{CATALOG}.{PUBLIC}.");
        let Some(name) = text.strip_prefix(&own).and_then(|rest| rest.strip_suffix("' not found")) else { return error };
        let (name, _) = name_and_time(name);
        let tables = self.public.table_names();
        let suggestion = did_you_mean(name, tables.iter().map(String::as_str));
        let known = match tables.as_slice() {
            [] => "there are no tables yet; make one with CREATE EXTERNAL TABLE, or write FROM 'file.parquet'".to_string(),
            tables if tables.len() <= 12 => format!("there is {}", tables.join(", ")),
            _ => "SHOW TABLES lists them".to_string(),
        };
        invalid(name, format!("no such table{suggestion}; {known}"))
    }

    /// Puts the session's parameters in the place of `$name`.
    fn bind(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        if matches!(plan, LogicalPlan::Statement(LogicalStatement::Prepare(_))) {
            return Ok(plan);
        }
        let names = plan.get_parameter_names()?;
        if names.is_empty() {
            return Ok(plan);
        }
        let is_view = matches!(plan, LogicalPlan::Ddl(DdlStatement::CreateView(_)));
        let parameters = self.parameters.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &names {
            if is_view {
                return Err(invalid(name, "a view cannot hold a parameter; write the value"));
            }
            if !parameters.contains_key(name.trim_start_matches('$')) {
                let suggestion = did_you_mean(name.trim_start_matches('$'), parameters.keys().map(String::as_str));
                let problem =
                    format!("the parameter has no value{suggestion}; give it with --set {}=…", name.trim_start_matches('$'));
                return Err(invalid(name, problem));
            }
        }
        let values = parameters.iter().map(|(name, value)| (name.clone(), ScalarAndMetadata::from(value.clone()))).collect();
        plan.with_param_values(ParamValues::Map(values))
    }

    /// The name of a table in the schema `public`, the only one where things are made.
    pub(super) fn own_name(&self, name: &TableReference) -> Result<String> {
        let elsewhere =
            name.schema().is_some_and(|schema| schema != PUBLIC) || name.catalog().is_some_and(|catalog| catalog != CATALOG);
        if elsewhere {
            return Err(invalid(&name.to_string(), "tables and views are made in the schema public; leave the schema out"));
        }
        Ok(name.table().to_string())
    }

    async fn create_external_table(&self, mut command: CreateExternalTable, text: &str) -> Result<Answer> {
        let name = self.own_name(&command.name)?;
        let _lock = self.lock_table(&name, "CREATE EXTERNAL TABLE").await?;
        if self.exists(&name, "external table", command.or_replace, command.if_not_exists)? {
            return Ok(Answer::done(vec![]));
        }
        let base = std::env::current_dir().map(|here| here.display().to_string()).unwrap_or_default();
        files::resolve(&mut command, &base);
        let replace = command.or_replace;
        files::create(&self.context.state(), command).await?;
        self.engine.shared.catalog.put(&name, "external table", text, &base, replace)?;
        Ok(Answer::done(vec![]))
    }

    async fn create_view(
        &self,
        command: &CreateView,
        text: &str,
        if_not_exists: bool,
        refers_to: &[TableReference],
    ) -> Result<Answer> {
        let name = self.own_name(&command.name)?;
        let _lock = self.lock_table(&name, "CREATE VIEW").await?;
        if self.exists(&name, "view", command.or_replace, if_not_exists)? {
            return Ok(Answer::done(vec![]));
        }
        let inside =
            |reference: &&TableReference| reference.table() == name && reference.schema().is_none_or(|schema| schema == PUBLIC);
        if refers_to.iter().any(|reference| inside(&reference)) {
            return Err(invalid(&name, "a view cannot refer to itself"));
        }
        for reference in refers_to {
            if self.public.has_temporary(reference.table()) && self.has_database() {
                return Err(invalid(&name, format!("a view that is remembered cannot read the temporary table {reference}")));
            }
        }
        let base = std::env::current_dir().map(|here| here.display().to_string()).unwrap_or_default();
        self.engine.shared.catalog.put(&name, "view", text, &base, command.or_replace)?;
        Ok(Answer::done(vec![]))
    }

    /// Refuses to drop what a profile, tag or segment reads.
    pub(super) fn refuse_used(&self, name: &str) -> Result<()> {
        let users = self.objects(&self.context.state()).users_of_table(name)?;
        match users.as_slice() {
            [] => Ok(()),
            users => Err(invalid(name, format!("is used by {}; drop them first", users.join(", ")))),
        }
    }
}

/// The plan of a statement, and the tables it names once macros stand for their queries.
async fn plan_of(parsed: &SqlParsed, state: &SessionState) -> Result<(LogicalPlan, Vec<TableReference>)> {
    let mut parsed = parsed.clone();
    macros::expand(&mut parsed, state).await?;
    let refers_to = state.resolve_table_references(&parsed)?;
    Ok((state.statement_to_plan(parsed).await?, refers_to))
}

/// The default of a setting of Portrait's own.
fn own_default(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    let entry = PortraitSettings::default().entries().into_iter().find(|entry| entry.key == name)?;
    entry.value
}

fn check_bounds(set: &SetVariable) -> Result<()> {
    let name = set.variable.to_lowercase();
    if let Some((name, least, most)) = BOUNDS.iter().find(|(bounded, ..)| *bounded == name)
        && let Ok(value) = set.value.trim().parse::<i128>()
        && !(i128::from(*least)..=i128::from(*most)).contains(&value)
    {
        return Err(invalid(name, format!("must be from {least} to {most}, got {value}")));
    }
    if name.starts_with(&format!("{}.", PortraitSettings::PREFIX)) {
        let keys: Vec<String> = PortraitSettings::default().entries().into_iter().map(|entry| entry.key).collect();
        if !keys.contains(&name) {
            let suggestion = did_you_mean(&name, keys.iter().map(String::as_str));
            return Err(invalid(&name, format!("no such setting{suggestion}; system.settings lists them")));
        }
    }
    Ok(())
}
