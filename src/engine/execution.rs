//! Executes statements.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::datasource::source_as_provider;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{DdlStatement, DmlStatement, LogicalPlan, SetVariable, Statement as LogicalStatement};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{ObjectType, Statement as SqlStatement};

use super::Session;
use super::answer::Answer;
use super::auditing;
use super::changing;
use super::charting;
use super::commands::execute_command;
use super::copying;
use super::describing::described;
use super::dropping;
use super::indexes;
use super::missing_tables::name_missing_table;
use super::naming::{object_command, own_name, refuse_insert, refuse_used, shown_definition};
use super::preparing::{execute_prepared, no_prepared, prepare, prepared_name};
use super::recording::recording;
use super::rights;
use super::schema::PUBLIC;
use super::settings::{check_bounds, own_default, wrong_value};
use super::suppressing;
use super::transactions::{self, TransactionStatus};
use super::writes::{Staged, stage_copy, stage_insert, tell_format};
use crate::catalog::tables::ManagedTable;
use crate::files::places;
use crate::objects::constraining::InTexts;
use crate::objects::protection::{FirstError, class, notes_on_copy, notes_on_export};
use crate::objects::subject::sources;
use crate::objects::{altering, constraining, numbering, referring, role, schema};
use crate::settings::{check_engine, check_option};
use crate::sql::changing::{TARGET, within};
use crate::sql::command::normal;
use crate::sql::inserting::with_identities;
use crate::sql::lookups;
use crate::sql::parser::{self, Parsed};
use crate::sql::places::{refuse_own_read, refuse_own_written};
use crate::sql::planning::{self, bind_parameters, plan_answered};
use crate::sql::postgres;
use crate::sql::syntax::copies;
use crate::statement::{RunningPlan, StatementContext};

/// Runs a statement.
pub(super) async fn execute(session: &Session, parsed: Parsed, text: &str, context: StatementContext) -> Result<Answer> {
    let tag = tag_of(&parsed);
    if let Some(answer) = transactions::control(session, &parsed).await? {
        return Ok(answer.tagged(tag));
    }
    let context = rights::check(&parsed, &context)?;
    auditing::begin(&parsed, &context)?;
    if let Parsed::Sql(parsed) = &parsed
        && let SqlParsed::CreateExternalTable(table) = parsed.as_ref()
    {
        for location in &table.locations {
            places::check(location, context.base(), context.places())?;
            refuse_own_read(location, &context)?;
        }
    }
    let parts = dropping::parts(&parsed, &context)?;
    let files = context.file_notes().clone();
    let answer = match parts.is_empty() {
        true => run(session, parsed, text, context).await,
        false => Box::pin(dropping::together(session, parts, text, &context)).await,
    };
    answer.map(|answer| answer.telling(files).tagged(tag))
}

/// Runs a statement that was checked.
pub(super) async fn run(session: &Session, parsed: Parsed, text: &str, context: StatementContext) -> Result<Answer> {
    match parsed {
        Parsed::Command(command) => execute_command(session, command, text, context).await,
        Parsed::Sql(parsed) => match object_command(&parsed, &context)? {
            Some(command) => {
                transactions::check(session, &command)?;
                execute_command(session, command, text, context).await
            }
            None => Box::pin(execute_sql(session, *parsed, text, context)).await,
        },
    }
}

/// True for a query, which changes nothing.
pub(super) fn is_query(parsed: &Parsed) -> bool {
    let Parsed::Sql(parsed) = parsed else { return false };
    let SqlParsed::Statement(statement) = parsed.as_ref() else { return false };
    matches!(statement.as_ref(), SqlStatement::Query(query) if within::changing(query).is_none()) && !within::changes(parsed)
}

/// The command tag of a statement.
pub(super) fn tag_of(parsed: &Parsed) -> String {
    let parsed = match parsed {
        Parsed::Command(command) => return command.tag(),
        Parsed::Sql(parsed) => parsed,
    };
    match parsed.as_ref() {
        SqlParsed::Statement(statement) => match statement.as_ref() {
            SqlStatement::Query(query) => match within::changing(query) {
                None => "SELECT".into(),
                Some(SqlStatement::Insert(_)) => "INSERT".into(),
                Some(SqlStatement::Update(_)) => "UPDATE".into(),
                Some(SqlStatement::Delete(_)) => "DELETE".into(),
                Some(_) => "MERGE".into(),
            },
            SqlStatement::CreateTable(table) if table.query.is_some() => "CREATE TABLE AS".into(),
            // END is another word for it.
            SqlStatement::Commit { .. } => "COMMIT".into(),
            // The first words in capitals: INSERT, SET, SHOW, CREATE VIEW, DROP TABLE.
            other => {
                let text = other.to_string();
                let skipped = ["OR", "REPLACE", "TEMPORARY", "UNIQUE", "CONCURRENTLY", "IF", "NOT", "EXISTS"];
                let mut words = text.split_whitespace().filter(|word| !skipped.contains(word));
                let first = words.next().unwrap_or_default().to_uppercase();
                match (first.as_str(), words.next()) {
                    ("CREATE" | "DROP" | "ALTER", Some(second)) => format!("{first} {}", second.to_uppercase()),
                    _ => first,
                }
            }
        },
        SqlParsed::CopyTo(_) => "COPY".into(),
        SqlParsed::CreateExternalTable(_) => "CREATE EXTERNAL TABLE".into(),
        SqlParsed::Explain(_) => "EXPLAIN".into(),
        SqlParsed::Reset(_) => "RESET".into(),
    }
}

/// True for plans that return rows.
pub(super) fn has_rows(plan: &LogicalPlan) -> bool {
    !matches!(plan, LogicalPlan::Ddl(_) | LogicalPlan::Statement(_) | LogicalPlan::Dml(_) | LogicalPlan::Copy(_))
}

/// Runs an SQL statement.
pub(super) async fn execute_sql(
    session: &Session,
    mut parsed: SqlParsed,
    text: &str,
    context: StatementContext,
) -> Result<Answer> {
    if let Some(shown) = shown_definition(&parsed, &context)? {
        parsed = shown;
    }
    if let SqlParsed::Statement(statement) = &parsed {
        match statement.as_ref() {
            SqlStatement::Prepare { name, statement, .. } => {
                let query = SqlParsed::Statement(statement.clone());
                let name = normal(name);
                return Box::pin(prepare(session, &name, query, text, &parsed, &context)).await;
            }
            SqlStatement::Execute { name: Some(name), parameters, .. } => {
                return execute_prepared(session, &prepared_name(name), parameters, &context).await;
            }
            SqlStatement::Deallocate { name, .. } => {
                let name = normal(name);
                // In two steps: building the error reads the prepared statements, so the lock must have been released.
                let removed = session.prepared.lock().remove(&name);
                removed.ok_or_else(|| no_prepared(session, &name))?;
                return Ok(Answer::done(vec![]));
            }
            SqlStatement::CreateRole(create) => {
                role::create(create, &context)?;
                return Ok(Answer::done(vec![]));
            }
            SqlStatement::AlterRole { name, operation } => {
                role::alter(&normal(name), operation, &context)?;
                return Ok(Answer::done(vec![]));
            }
            SqlStatement::Drop { object_type: ObjectType::Role, if_exists, names, .. } => {
                for name in names {
                    role::drop(&role::only_name(name)?, *if_exists, &context)?;
                }
                return Ok(Answer::done(vec![]));
            }
            SqlStatement::Drop { object_type: ObjectType::Index, names, .. } => return indexes::drop(session, names, &context),
            SqlStatement::CreateIndex(index) => return indexes::create(session, index, &context),
            SqlStatement::AlterTable(alter) => {
                let (alter, name) = (alter.clone(), own_name(&alter.name, &context)?);
                let altering = context.clone();
                return Answer::work(&session.engine, &context, move |running| async move {
                    altering::alter(&alter, &name, &altering, &running).await
                });
            }
            _ => {}
        }
    }
    if let SqlParsed::CopyTo(copy) = &parsed
        && copies::is_picture(&copy.target)
    {
        let (copy, drawing) = (copy.clone(), context.clone());
        return Answer::work(&session.engine, &context, move |running| async move {
            let drawn = Box::pin(charting::write(copy, &drawing, &running)).await;
            drawn.map_err(|error| name_missing_table(error, &drawing))
        });
    }
    parser::take_if_not_exists(&mut parsed);
    let on_commit = parser::take_temporary(&mut parsed);
    tell_format(&mut parsed)?;
    refuse_insert(&parsed, &context)?;
    let together = changing::whole::run(session, &parsed, text, &context).await;
    if let Some(answer) = together.map_err(|error| name_missing_table(error, &context))? {
        return Ok(answer);
    }
    let changed = changing::run(session, &parsed, &context).await;
    if let Some(answer) = changed.map_err(|error| name_missing_table(error, &context))? {
        return Ok(answer);
    }
    let context = match changing::explained(&parsed, &context).await? {
        Some((explained, context)) => {
            parsed = explained;
            context
        }
        None => context,
    };
    let (parsed, unsettled) = (&parsed, &context);
    let planned = |context: StatementContext| async move { Ok((plan_answered(parsed, &context).await?, context)) };
    let planned = unsettled.settled(planned).await;
    let (plan, context) = planned.map_err(|error| name_missing_table(error, unsettled))?;
    let state = context.state();
    let plan = bind_parameters(plan, &context)?;
    rights::check_own_rows(&plan, &context)?;
    match plan {
        LogicalPlan::Ddl(ddl) => {
            if let DdlStatement::DropTable(drop) = &ddl {
                let name = match drop.name.schema() {
                    Some(of) if of != PUBLIC => schema::member(of, drop.name.table()),
                    _ => drop.name.table().to_string(),
                };
                refuse_used(&name, &context)?;
            }
            let made = match &ddl {
                DdlStatement::CreateMemoryTable(made) => Some(made.name.table().to_string()),
                _ => None,
            };
            let is_of_query = match &ddl {
                DdlStatement::CreateMemoryTable(made) => !matches!(made.input.as_ref(), LogicalPlan::EmptyRelation(_)),
                _ => false,
            };
            let held = classes_held(&ddl, &context).await?;
            let (mut constraints, required) = (constraining::written(parsed)?, constraining::required(parsed));
            let from = match &ddl {
                DdlStatement::CreateMemoryTable(made) => sources::sources(&made.input, &context)?,
                _ => vec![],
            };
            if let (DdlStatement::CreateMemoryTable(made), Some((name, _))) = (&ddl, &held)
                && context.tables().temporary(name).is_some()
                && made.or_replace
                && !context.catalog().is_durable()
            {
                altering::check_replaced(name, Arc::clone(made.input.schema().inner()), &context).await?;
            }
            let mut ddl = ddl;
            if let (DdlStatement::CreateMemoryTable(made), Some(_)) = (&mut ddl, &held) {
                let declared = numbering::columns_of(parsed)?;
                numbering::of_session(&made.column_defaults, &declared, &context)?;
                made.column_defaults = with_identities(std::mem::take(&mut made.column_defaults), &declared);
            }
            if let (DdlStatement::CreateMemoryTable(made), Some((name, _))) = (&ddl, &held) {
                // Wrong ones are refused before the table is there.
                let columns = made.input.schema().inner();
                constraints = constraining::resolved_in_session(name, parsed, columns, &context).await?;
                constraining::of(name, &constraints, columns, &context).await?;
            }
            let saved = match referring::all(&context)?.is_empty() && referring::foreign(&constraints).next().is_none() {
                true => None,
                false => Some(context.tables().saved().await),
            };
            let earlier = held.as_ref().and_then(|(name, _)| context.tables().temporary(name));
            let running = RunningPlan::default();
            let state = if is_of_query { recording(state, &running) } else { state };
            SessionContext::new_with_state(state).execute_logical_plan(LogicalPlan::Ddl(ddl)).await?;
            if let Some((name, classes)) = held {
                if is_of_query {
                    changing::loosen(&name, &context).await?;
                }
                if let Err(error) = changing::constrain(&name, &constraints, &required, is_of_query, &context).await {
                    match earlier {
                        Some(earlier) => context.tables().add_temporary(name, earlier),
                        None => context.tables().remove_temporary(&name),
                    };
                    return Err(error);
                }
                if let Some(saved) = saved
                    && let Err(error) = referring::verify_made(&name, &context).await
                {
                    context.tables().restore(saved).await;
                    return Err(error);
                }
                context.tables().set_held(&name, classes);
                context.tables().set_sources(&name, from);
                context.tables().set_on_commit(name, on_commit);
            }
            let answer = match made {
                Some(made) => Answer::moved(changing::rows_in_memory(&made, &context).await?).having_run(running),
                None => Answer::done(vec![]),
            };
            // Outside a transaction, the statement is one of its own.
            if session.transaction_status() == TransactionStatus::Idle {
                context.tables().committed().await;
            }
            Ok(answer)
        }
        LogicalPlan::Statement(statement) => {
            let statement = match statement {
                LogicalStatement::SetVariable(set) => {
                    check_bounds(&set)?;
                    LogicalStatement::SetVariable(set)
                }
                // DataFusion resets only its own settings.
                LogicalStatement::ResetVariable(reset) => match own_default(&reset.variable) {
                    Some(value) => LogicalStatement::SetVariable(SetVariable { variable: reset.variable, value }),
                    None => {
                        if reset.variable.to_lowercase().starts_with("datafusion.runtime.") {
                            check_engine(&reset.variable.to_lowercase(), "")?;
                        }
                        LogicalStatement::ResetVariable(reset)
                    }
                },
                other => other,
            };
            let set = match &statement {
                LogicalStatement::SetVariable(set) => Some(set.clone()),
                _ => None,
            };
            let done = session.context.execute_logical_plan(LogicalPlan::Statement(statement)).await;
            done.map_err(|error| set.and_then(|set| wrong_value(&set, &error)).unwrap_or(error))?;
            Ok(Answer::done(vec![]))
        }
        LogicalPlan::Copy(mut copy) => {
            suppressing::take_options(&mut copy)?;
            places::check(&copy.output_url, context.base(), context.places())?;
            refuse_own_written(&copy.output_url, &context)?;
            copying::take_options(&mut copy)?;
            copy.options.iter().try_for_each(|(option, value)| check_option(option, value))?;
            let notes = notes_on_export(&copy.output_url, &copy.input, &context).await?;
            let (plan, staged) = stage_copy(copy, context.base())?;
            let mut answer = start(session, DataFrame::new(state, plan), staged, &context).await?;
            answer.add_notes(notes);
            Ok(answer.counting())
        }
        LogicalPlan::Dml(insert) => {
            let (name, rows) = (written_to(&insert, &context)?, Arc::clone(&insert.input));
            let (plan, staged) = stage_insert(insert)?;
            if staged.is_some() && session.transaction_status() != TransactionStatus::Idle {
                let problem =
                    "into an external table cannot be part of a transaction, because its files are visible at once; COMMIT first";
                return Err(session.not_undone("INSERT", problem));
            }
            let mut state = state;
            if staged.is_some() {
                // A single file, so that it appears with one rename.
                let options = state.config_mut().options_mut();
                options.set("datafusion.execution.minimum_parallel_output_files", "1")?;
                options.set("datafusion.execution.soft_max_rows_per_output_file", &i64::MAX.to_string())?;
            }
            // Before the rows, so that nobody reads them without their classes.
            let mut notes = class::carry(&name, TARGET, &rows, &context).await?;
            sources::note(&name, &rows, &context)?;
            sources::note_columns(&name, &rows, &context)?;
            if context.tables().temporary(&name).is_none() {
                notes.extend(notes_on_copy(&name, &rows, &context)?);
            }
            let mut answer = start(session, DataFrame::new(state, plan), staged, &context).await?;
            answer.add_notes(notes);
            Ok(answer.counting())
        }
        query => {
            let notes = described(parsed, &context).await?;
            let mut answer = match lookups::plan(&query, &state).await? {
                Some(plan) => {
                    let told = postgres::columns(&query, &InTexts(&context));
                    let mut answer = running(session, plan, Arc::new(planning::task(&state)), (None, None), &context)?;
                    answer.tell(&told);
                    answer
                }
                None => start(session, DataFrame::new(state, query), None, &context).await?,
            };
            answer.add_notes(notes);
            Ok(answer)
        }
    }
}

/// The name of the table that INSERT writes to.
fn written_to(insert: &DmlStatement, context: &StatementContext) -> Result<String> {
    let provider = source_as_provider(&insert.target)?;
    if let Some(table) = provider.downcast_ref::<ManagedTable>() {
        return Ok(table.name().to_string());
    }
    let (of, own) = (insert.table_name.schema(), insert.table_name.table());
    Ok(context.tables().name_of(&provider).unwrap_or_else(|| match of {
        Some(of) if of != PUBLIC => schema::member(of, own),
        _ => own.to_string(),
    }))
}

/// The name of the temporary table that a statement makes, with the classes of its columns.
async fn classes_held(ddl: &DdlStatement, context: &StatementContext) -> Result<Option<(String, BTreeMap<String, String>)>> {
    let DdlStatement::CreateMemoryTable(made) = ddl else { return Ok(None) };
    let path = context.path();
    let name = match made.name.schema().or(path.first().map(String::as_str)) {
        Some(of) if of != PUBLIC => schema::member(of, made.name.table()),
        _ => made.name.table().to_string(),
    };
    if made.if_not_exists && context.tables().temporary(&name).is_some() {
        return Ok(None);
    }
    Ok(Some((name, class::of_rows(&made.input, context).await?)))
}

/// Starts a query.
pub(super) async fn start(
    session: &Session,
    frame: DataFrame,
    staged: Option<Staged>,
    context: &StatementContext,
) -> Result<Answer> {
    let (state, plan) = frame.into_parts();
    let task = Arc::new(planning::task(&state));
    let frame = DataFrame::new(state, plan);
    let is_plan_in_json = postgres::is_plan_in_json(frame.logical_plan());
    let told = postgres::columns(frame.logical_plan(), &InTexts(context));
    let again = if staged.is_none() { FirstError::of(&frame, context)? } else { None };
    let mut plan = frame.create_physical_plan().await?;
    if is_plan_in_json {
        plan = postgres::answer_alone(plan)?;
    }
    let mut answer = running(session, plan, task, (staged, again), context)?;
    answer.tell(&told);
    Ok(answer)
}

/// Runs a plan.
fn running(
    session: &Session,
    plan: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
    (staged, again): (Option<Staged>, Option<FirstError>),
    context: &StatementContext,
) -> Result<Answer> {
    let stream = execute_stream(Arc::clone(&plan), task)?;
    Answer::start(&session.engine, context, plan, stream, staged, again)
}
