//! Executes statements.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Result, ScalarValue, TableReference};
use datafusion::config::{ConfigExtension, ExtensionOptions};
use datafusion::datasource::source_as_provider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{DdlStatement, DmlStatement, LogicalPlan, SetVariable, Statement as LogicalStatement};
use datafusion::physical_plan::{displayable, execute_stream};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Expr, ObjectName, ObjectType, Statement as SqlStatement};

use super::Session;
use super::answer::Answer;
use super::auditing;
use super::changing;
use super::charting;
use super::cursors;
use super::dropping;
use super::erasing;
use super::exporting;
use super::identities;
use super::naming::{object_command, own_name, refuse_insert, refuse_used, shown_definition};
use super::prepared::{Parameters, Prepared};
use super::reports;
use super::rights;
use super::schema::{CATALOG, PATH, PUBLIC};
use super::suppressing;
use super::transactions::{self, TransactionStatus};
use super::writes::{Staged, stage_copy, stage_insert, tell_format};
use crate::catalog::objects::Object;
use crate::catalog::tables::ManagedTable;
use crate::error::{SqlState, coded, did_you_mean, invalid, message, nearest, raw, sqlstate};
use crate::files::{self, places};
use crate::objects::commenting::{self, Commented};
use crate::objects::protection::{class, covers, masked_segments, notes_on_copy, without_members};
use crate::objects::{KINDS, kind_of};
use crate::objects::{altering, check, experiment, granting, lifecycle, profile, refreshing, role, schedule, schema};
use crate::refresh::as_of::known_schema;
use crate::refresh::plan::PROFILE_SCHEMA;
use crate::refresh::published::name_and_time;
use crate::refresh::refresh;
use crate::settings::{PortraitSettings, check_engine, check_option};
use crate::sql::alter_system::AlterSystem;
use crate::sql::changing::TARGET;
use crate::sql::client::{ClientCommand, Declare};
use crate::sql::command::{Command, Comment, CommentOn, normal};
use crate::sql::erasing::Erasing;
use crate::sql::experiment::AlterExperiment;
use crate::sql::parser::{self, Parsed};
use crate::sql::places::{refuse_own_read, refuse_own_written};
use crate::sql::planning::{bind_parameters, plan, plan_answered};
use crate::sql::protection::SetClass;
use crate::sql::schedule::{Action, ScheduleCommand};
use crate::sql::syntax::copies;
use crate::sql::time_travel;
use crate::statement::StatementContext;
use crate::system::comment_rows;

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
    let parts = dropping::parts(&parsed);
    let answer = match parts.is_empty() {
        true => run(session, parsed, text, context).await,
        false => Box::pin(dropping::together(session, parts, text, &context)).await,
    };
    answer.map(|answer| answer.tagged(tag))
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
    matches!(parsed.as_ref(), SqlParsed::Statement(statement) if matches!(statement.as_ref(), SqlStatement::Query(_)))
}

/// The command tag of a statement.
pub(super) fn tag_of(parsed: &Parsed) -> String {
    let parsed = match parsed {
        Parsed::Command(command) => return command.tag(),
        Parsed::Sql(parsed) => parsed,
    };
    match parsed.as_ref() {
        SqlParsed::Statement(statement) => match statement.as_ref() {
            SqlStatement::Query(_) => "SELECT".into(),
            SqlStatement::CreateTable(table) if table.query.is_some() => "CREATE TABLE AS".into(),
            // The first words in capitals: INSERT, SET, SHOW, CREATE VIEW, DROP TABLE.
            other => {
                let text = other.to_string();
                let skipped = ["OR", "REPLACE", "TEMPORARY", "IF", "NOT", "EXISTS"];
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

/// The name of the prepared statement that EXECUTE runs.
pub(super) fn executed(parsed: &SqlParsed) -> Option<String> {
    let SqlParsed::Statement(statement) = parsed else { return None };
    match statement.as_ref() {
        SqlStatement::Execute { name: Some(name), .. } => Some(prepared_name(name)),
        _ => None,
    }
}

fn prepared_name(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(normal).unwrap_or_default()
}

/// A plan that describes the columns and parameters of a statement; `None` when it has neither.
pub(super) async fn description_plan(parsed: &Parsed, context: &StatementContext) -> Result<Option<LogicalPlan>> {
    let context = &rights::check(parsed, context)?;
    match parsed {
        Parsed::Sql(parsed) if gives_nothing(parsed) => Ok(None),
        Parsed::Sql(parsed) => {
            let mut parsed = match shown_definition(parsed, context)? {
                Some(shown) => shown,
                None => parsed.as_ref().clone(),
            };
            parser::take_if_not_exists(&mut parsed);
            parser::take_temporary(&mut parsed);
            match changing::described(&parsed, context).await? {
                Some(plan) => Ok(Some(plan)),
                None => plan_answered(&parsed, context).await.map(Some),
            }
        }
        Parsed::Command(Command::Show(grammar)) => {
            let Some(kind) = kind_of(grammar.word()) else { return Ok(None) };
            let shown = parser::parse_composed(kind.shown(), context.session())?;
            plan(&shown, context).await.map(Some)
        }
        Parsed::Command(Command::Describe(_) | Command::ExplainRefresh(_)) => {
            let columns = if matches!(parsed, Parsed::Command(Command::Describe(_))) { PROPERTIES } else { PLANS };
            let frame = SessionContext::new_with_state(context.state()).read_batch(pairs(columns, &[])?)?;
            Ok(Some(frame.into_unoptimized_plan()))
        }
        Parsed::Command(Command::Check(_)) => {
            let frame = SessionContext::new_with_state(context.state()).read_batch(RecordBatch::new_empty(check_schema()))?;
            Ok(Some(frame.into_unoptimized_plan()))
        }
        Parsed::Command(Command::Erasing(Erasing::Export(_, None, _))) => {
            let empty = RecordBatch::new_empty(crate::system::schema_of(&exporting::COLUMNS));
            Ok(Some(SessionContext::new_with_state(context.state()).read_batch(empty)?.into_unoptimized_plan()))
        }
        Parsed::Command(Command::Client(ClientCommand::Declare(Declare { query, .. }))) => {
            plan_answered(query, context).await.map(Some)
        }
        Parsed::Command(_) => Ok(None),
    }
}

/// The columns that CHECK TABLE returns.
fn check_schema() -> SchemaRef {
    crate::system::schema_of(&check::COLUMNS)
}

/// True for statements without rows and parameters.
fn gives_nothing(parsed: &SqlParsed) -> bool {
    let statement = match parsed {
        SqlParsed::Statement(statement) => statement,
        SqlParsed::CopyTo(copy) => return copies::is_picture(&copy.target),
        _ => return false,
    };
    matches!(
        statement.as_ref(),
        SqlStatement::AlterTable(_)
            | SqlStatement::CreateRole(_)
            | SqlStatement::AlterRole { .. }
            | SqlStatement::Drop { .. }
            | SqlStatement::Comment { .. }
            | SqlStatement::StartTransaction { .. }
            | SqlStatement::Commit { .. }
            | SqlStatement::Rollback { .. }
            | SqlStatement::Savepoint { .. }
            | SqlStatement::ReleaseSavepoint { .. }
            | SqlStatement::Set(_)
            | SqlStatement::Prepare { .. }
    )
}

const PROPERTIES: [&str; 2] = ["property", "value"];
const PLANS: [&str; 2] = ["plan_type", "plan"];

/// Runs a command.
async fn execute_command(session: &Session, command: Command, text: &str, context: StatementContext) -> Result<Answer> {
    match command {
        Command::Create(create) => {
            let text = text.to_string();
            Ok(Answer::work(&session.engine, &context.clone(), move |running| async move {
                let created = lifecycle::create(&context, *create, &text, &running);
                created.await.map_err(|error| name_missing_table(error, &context))
            }))
        }
        Command::Drop(targets, if_exists) => {
            for target in &targets {
                lifecycle::drop(&context, target, if_exists).await?;
            }
            Ok(Answer::done(vec![]))
        }
        Command::Show(grammar) => {
            let kind = KINDS.into_iter().find(|kind| kind.word() == grammar.word());
            let shown = kind.map(|kind| kind.shown()).ok_or_else(|| invalid("SHOW", "does not list this kind of object"))?;
            let shown = &parser::parse_composed(shown, context.session())?;
            let planned = |context: StatementContext| async move { Ok((plan(shown, &context).await?, context)) };
            let (plan, context) = context.settled(planned).await?;
            start(session, DataFrame::new(context.state(), plan), None, &context).await
        }
        Command::Describe(target) => {
            let properties = lifecycle::describe(&context, &target)?;
            let rows = SessionContext::new_with_state(context.state()).read_batch(pairs(PROPERTIES, &properties)?)?;
            start(session, rows, None, &context).await
        }
        Command::Comment(Comment { if_exists, on, text }) => {
            let target = match &on {
                CommentOn::Object(target) => Commented::Object(target),
                CommentOn::Relation(word, name) => Commented::Relation { word, name: own_name(name, &context)? },
                CommentOn::Column(name) => {
                    let Some((column, table)) = name.0.split_last().filter(|(_, table)| !table.is_empty()) else {
                        return Err(invalid(&name.to_string(), "a column is named after its table: table.column"));
                    };
                    let column = column.as_ident().map(normal).unwrap_or_default();
                    Commented::Column { table: own_name(&ObjectName(table.to_vec()), &context)?, column }
                }
            };
            commenting::comment(&target, text.as_deref(), if_exists, &context).await?;
            Ok(Answer::done(vec![]))
        }
        Command::Check(tables) => {
            let found = check::run_tables(&tables, &context).await.map_err(|error| name_missing_table(error, &context))?;
            let found = RecordBatch::try_new(check_schema(), found)?;
            let rows = SessionContext::new_with_state(context.state()).read_batch(found)?;
            start(session, rows, None, &context).await
        }
        Command::SetClass(SetClass { word, table, column, class }) => {
            let mut parts: Vec<String> = table.0.iter().filter_map(|part| part.as_ident()).map(normal).collect();
            if word == "PROFILE" && parts.len() == 1 {
                parts.insert(0, PROFILE_SCHEMA.into());
            }
            class::set(&parts, &column, class.as_deref(), &context).await.map(Answer::done)
        }
        Command::AlterSystem(AlterSystem { events }) => {
            auditing::set(&events, &context)?;
            Ok(Answer::done(vec![]))
        }
        Command::Grant(statement) => granting::run(&statement, &context).await.map(Answer::done),
        Command::BackUp(archive) => {
            places::check(&archive, context.base(), context.places())?;
            refuse_own_written(&archive, &context)?;
            let (engine, place) = (session.engine.clone(), context.base().join(archive));
            Ok(Answer::work(&session.engine, &context.clone(), move |_| async move { engine.save(&place).await.map(|_| vec![]) }))
        }
        Command::Report(statement) => {
            let reporting = context.clone();
            Ok(Answer::work(&session.engine, &context, move |running| async move {
                Box::pin(reports::write(&statement, &reporting, &running)).await
            }))
        }
        Command::Client(ClientCommand::Copy(copy)) if copy.into.is_none() && session.connection().is_some() => {
            // Without places in the text, which are those of the query alone.
            let query = parser::parse_composed(&copy.query, context.session())?;
            let parsed = Parsed::Sql(Box::new(query.clone()));
            let context = rights::check(&parsed, &context)?;
            Box::pin(execute_sql(session, query, text, context)).await
        }
        Command::Client(command) => Box::pin(cursors::execute(session, command, text, context.parameters())).await,
        Command::Schedule(ScheduleCommand { name, action }) => match action {
            Action::Pause | Action::Resume => schedule::pause(&name, matches!(action, Action::Pause), &context).map(Answer::done),
            Action::Run => {
                let engine = session.engine.clone();
                Ok(Answer::work(&session.engine, &context.clone(), move |_| async move {
                    Box::pin(engine.run_schedule(&name, &context)).await
                }))
            }
            action => {
                let altering = context.clone();
                Ok(Answer::work(
                    &session.engine,
                    &context,
                    move |_| async move { schedule::alter(&name, action, &altering).await },
                ))
            }
        },
        Command::AlterExperiment(AlterExperiment { name, decision }) => {
            let altering = context.clone();
            let decide = move |_| async move { experiment::decide(&name, decision.as_deref(), &altering).await };
            Ok(Answer::work(&session.engine, &context, decide))
        }
        Command::Erasing(Erasing::Export(subjects, None, options)) => {
            let document = exporting::answered(&subjects, &options, &context).await?;
            let rows = SessionContext::new_with_state(context.state()).read_batch(document)?;
            start(session, rows, None, &context).await
        }
        Command::Erasing(statement) => {
            let erasing = context.clone();
            Ok(Answer::work(
                &session.engine,
                &context,
                move |_| async move { Box::pin(erasing::run(&statement, &erasing)).await },
            ))
        }
        Command::Refresh(statement) if statement.target.grammar.word() == "identity" => {
            let engine = session.engine.clone();
            Ok(Answer::work(&session.engine, &context.clone(), move |_| async move {
                Box::pin(identities::refresh(&engine, &statement, &context)).await
            }))
        }
        Command::ExplainRefresh(statement) if statement.target.grammar.word() == "identity" => {
            let problem = "its refresh is statements of several tables; EXPLAIN SELECT * FROM resolve_identities(…) shows the plan that finds persons";
            Err(invalid(&format!("identity {}", statement.target.name), problem))
        }
        Command::Refresh(statement) => {
            let wanted = refreshing::requested(&statement, &context)?;
            let (covered, owns) = (is_covered(&wanted.profile, &context)?, owns(&wanted.profile, &context)?);
            let context = as_owner(&wanted.profile, &context)?;
            let mut masked = Box::pin(masked_segments(&wanted.profile, &context)).await?;
            if let Some(error) = wanted.segment.as_ref().and_then(|segment| masked.remove(segment)) {
                return Err(error);
            }
            Ok(Answer::work(&session.engine, &context.clone(), move |running| async move {
                let label = format!("profile {}", wanted.profile);
                let refreshed = async {
                    let mut notes = check::before_refresh(&wanted.profile, &context).await?;
                    notes.extend(masked.values().map(|error| format!("{}; it has no members until then", message(error))));
                    let names: BTreeSet<String> = masked.into_keys().collect();
                    let read = move |name: &str, context: &StatementContext| {
                        profile::whole(name, context).map(|whole| without_members(whole, &names))
                    };
                    notes.extend(Box::pin(refresh::refresh(&context, &read, &class::of_computed, wanted, &running)).await?);
                    Ok(notes)
                };
                match refreshed.await {
                    Ok(_) if covered => Ok(vec![format!("{label}: refreshed")]),
                    // The sources are read with the rights of the owner.
                    Err(error) if covered || !owns => Err(uncovered(&label, error)),
                    refreshed => refreshed,
                }
            }))
        }
        Command::ExplainRefresh(statement) => {
            let wanted = refreshing::requested(&statement, &context)?;
            // The plan tells the definition.
            let objects = context.all_objects()?;
            if let Some(own) = objects.iter().find(|object| object.kind == "profile" && object.name == wanted.profile) {
                context.check_owns(own)?;
            }
            let context = as_owner(&wanted.profile, &context)?;
            let plans = refresh::explain(&context, &profile::whole, &wanted).await?;
            let state = context.state();
            let mut rows = vec![];
            for (stage, plan) in plans.iter().enumerate() {
                let stage = if plans.len() > 1 { format!(" of stage {}", stage + 1) } else { String::new() };
                let optimised = state.optimize(plan)?;
                let physical = state.query_planner().create_physical_plan(&optimised, &state).await?;
                rows.push((format!("logical_plan{stage}"), optimised.display_indent().to_string()));
                rows.push((format!("physical_plan{stage}"), displayable(physical.as_ref()).indent(false).to_string()));
            }
            let rows = SessionContext::new_with_state(context.state()).read_batch(pairs(PLANS, &rows)?)?;
            start(session, rows, None, &context).await
        }
    }
}

/// True when masks or row policies of a profile apply to the role of the statement, which must learn no numbers of it then.
fn is_covered(profile: &str, context: &StatementContext) -> Result<bool> {
    let objects = context.all_objects()?;
    let own = objects.iter().find(|object| object.kind == "profile" && object.name == profile);
    own.map_or(Ok(false), |own| covers(own, context))
}

/// True when the role of the statement owns a profile.
fn owns(profile: &str, context: &StatementContext) -> Result<bool> {
    let (objects, rights) = (context.all_objects()?, context.rights()?);
    Ok(objects.iter().any(|object| object.kind == "profile" && object.name == profile && rights.owns(object)))
}

/// An error of a refresh without the values that it is about, for a role that must not see them.
pub(super) fn uncovered(label: &str, error: DataFusionError) -> DataFusionError {
    match sqlstate(&error) {
        SqlState::QUERY_CANCELED | SqlState::SERIALIZATION_FAILURE | SqlState::OUT_OF_MEMORY | SqlState::DISK_FULL => error,
        state => coded(state, label, format!("cannot be refreshed: {}; a role with SUPERUSER sees why", state.meaning())),
    }
}

/// The context for computing as the owner of a profile, whoever runs the statement.
fn as_owner(profile: &str, context: &StatementContext) -> Result<StatementContext> {
    let objects = context.all_objects()?;
    let own = objects.iter().find(|object| object.kind == "profile" && object.name == profile);
    Ok(own.map_or_else(|| context.clone(), |own| context.as_owner(&own.owner).reading_as(&own.owner).defining()))
}

/// Runs an SQL statement.
async fn execute_sql(session: &Session, mut parsed: SqlParsed, text: &str, context: StatementContext) -> Result<Answer> {
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
            SqlStatement::AlterTable(alter) => {
                let (alter, name) = (alter.clone(), own_name(&alter.name, &context)?);
                let altering = context.clone();
                return Ok(Answer::work(&session.engine, &context, move |running| async move {
                    altering::alter(&alter, &name, &altering, &running).await
                }));
            }
            _ => {}
        }
    }
    if let SqlParsed::CopyTo(copy) = &parsed
        && copies::is_picture(&copy.target)
    {
        let (copy, drawing) = (copy.clone(), context.clone());
        return Ok(Answer::work(&session.engine, &context, move |running| async move {
            let drawn = Box::pin(charting::write(copy, &drawing, &running)).await;
            drawn.map_err(|error| name_missing_table(error, &drawing))
        }));
    }
    parser::take_if_not_exists(&mut parsed);
    let on_commit = parser::take_temporary(&mut parsed);
    tell_format(&mut parsed)?;
    refuse_insert(&parsed, &context)?;
    if let Some(answer) = changing::run(session, &parsed, &context).await? {
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
            if let (DdlStatement::CreateMemoryTable(made), Some((name, _))) = (&ddl, &held)
                && context.tables().temporary(name).is_some()
                && made.or_replace
                && !context.catalog().is_durable()
            {
                altering::check_replaced(name, Arc::clone(made.input.schema().inner()), &context).await?;
            }
            SessionContext::new_with_state(state).execute_logical_plan(LogicalPlan::Ddl(ddl)).await?;
            if let Some((name, classes)) = held {
                if is_of_query {
                    changing::loosen(&name, &context).await?;
                }
                context.tables().set_held(&name, classes);
                context.tables().set_on_commit(name, on_commit);
            }
            let answer = match made {
                Some(made) => Answer::moved(changing::rows_in_memory(&made, &context).await?),
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
            copy.options.iter().try_for_each(|(option, value)| check_option(option, value))?;
            if copy.file_type.get_ext() == "parquet" {
                copy.options.values_mut().for_each(give_level);
            }
            let (plan, staged) = stage_copy(copy, context.base())?;
            start(session, DataFrame::new(state, plan), staged, &context).await.map(Answer::counting)
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
            if context.tables().temporary(&name).is_none() {
                notes.extend(notes_on_copy(&name, &rows, &context)?);
            }
            let mut answer = start(session, DataFrame::new(state, plan), staged, &context).await?;
            answer.add_notes(notes);
            Ok(answer.counting())
        }
        query => {
            let notes = described(parsed, &context).await?;
            let mut answer = start(session, DataFrame::new(state, query), None, &context).await?;
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

/// What DESCRIBE shows about the files of a table, in addition to its columns.
async fn described(parsed: &SqlParsed, context: &StatementContext) -> Result<Vec<String>> {
    let SqlParsed::Statement(statement) = parsed else { return Ok(vec![]) };
    let SqlStatement::ExplainTable { table_name, .. } = statement.as_ref() else { return Ok(vec![]) };
    let Some(name) = table_name.0.last().and_then(|part| part.as_ident()) else { return Ok(vec![]) };
    let state = context.state();
    let schema = state.schema_for_ref(TableReference::bare(name.value.as_str()))?;
    let table = match schema.table(&name.value).await? {
        // Only the plan knows a folder whose name has no slash.
        None if name.quote_style == Some('\'') && context.base().join(&name.value).is_dir() => {
            Some(files::open(&state, &name.value, context.base()).await?)
        }
        table => table,
    };
    let mut notes = comments_on(table_name, context)?;
    notes.extend(table.and_then(|table| files::told(&table)));
    Ok(notes)
}

/// What COMMENT ON says of a table and its columns.
fn comments_on(table: &ObjectName, context: &StatementContext) -> Result<Vec<String>> {
    let names: Vec<String> = table.0.iter().filter_map(|part| part.as_ident()).map(normal).collect();
    let path = context.path();
    let (schema, name) = match names.as_slice() {
        [name] if path.len() < 2 => (path.first().map_or(PUBLIC, String::as_str), name),
        [.., schema, name] => (schema.as_str(), name),
        _ => return Ok(vec![]),
    };
    let rows = comment_rows(context)?.into_iter();
    let of_table = rows.filter(|[of, table, ..]| of.as_deref() == Some(schema) && table.as_ref() == Some(name));
    let told = of_table.map(|[_, _, column, comment]| match column {
        Some(column) => format!("{name}.{column}: {}", comment.unwrap_or_default()),
        None => format!("{name}: {}", comment.unwrap_or_default()),
    });
    Ok(told.collect())
}

/// PREPARE: the query is planned now, to report errors, and again at each EXECUTE.
async fn prepare(
    session: &Session,
    name: &str,
    query: SqlParsed,
    text: &str,
    declared: &SqlParsed,
    context: &StatementContext,
) -> Result<Answer> {
    if session.prepared.lock().contains_key(name) {
        let problem = "is prepared already; DEALLOCATE it first, or choose another name";
        return Err(coded(SqlState::DUPLICATE_PREPARED_STATEMENT, name, problem));
    }
    let types = declared_types(declared, context).await?;
    let prepared = Box::pin(Prepared::of_sql(session.clone(), text, Parsed::Sql(Box::new(query)), types)).await?;
    session.prepared.lock().insert(name.to_string(), prepared);
    Ok(Answer::done(vec![]))
}

/// The types that PREPARE declares for `$1`, `$2` …
async fn declared_types(prepare: &SqlParsed, context: &StatementContext) -> Result<Vec<DataType>> {
    let SqlParsed::Statement(prepare) = prepare else { return Ok(vec![]) };
    let SqlStatement::Prepare { name, data_types, .. } = prepare.as_ref() else { return Ok(vec![]) };
    // The planner reads them; the query itself is described with them.
    let SqlParsed::Statement(statement) = parser::parse_composed("SELECT 1", context.session())? else { return Ok(vec![]) };
    let (name, data_types) = (name.clone(), data_types.clone());
    let typed = SqlParsed::Statement(Box::new(SqlStatement::Prepare { name, data_types, statement }));
    let LogicalPlan::Statement(LogicalStatement::Prepare(planned)) = plan(&typed, context).await? else { return Ok(vec![]) };
    Ok(planned.fields.iter().map(|field| field.data_type().clone()).collect())
}

async fn execute_prepared(session: &Session, name: &str, parameters: &[Expr], context: &StatementContext) -> Result<Answer> {
    let prepared = session.prepared.lock().get(name).cloned();
    let prepared = prepared.ok_or_else(|| no_prepared(session, name))?;
    let mut values: Vec<ScalarValue> = vec![];
    for parameter in parameters {
        let value = time_travel::constant(parameter, &context.state(), context.parameters())?;
        values.push(value.ok_or_else(|| invalid("EXECUTE", format!("takes constants, got {parameter}")))?);
    }
    Box::pin(prepared.execute(Parameters::positional(values))).await
}

fn no_prepared(session: &Session, name: &str) -> DataFusionError {
    let prepared = session.prepared.lock();
    let suggestion = did_you_mean(name, prepared.keys().map(String::as_str));
    let problem = format!("no such prepared statement{suggestion}; PREPARE {name} AS … makes one");
    coded(SqlState::UNDEFINED_PREPARED_STATEMENT, name, problem)
}

/// Starts a query.
async fn start(session: &Session, frame: DataFrame, staged: Option<Staged>, context: &StatementContext) -> Result<Answer> {
    let task = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await?;
    let stream = execute_stream(Arc::clone(&plan), task)?;
    Ok(Answer::start(&session.engine, context, plan, stream, staged))
}

/// For an unknown table, an error that lists the existing ones.
pub(super) fn name_missing_table(error: DataFusionError, context: &StatementContext) -> DataFusionError {
    if sqlstate(&error) != SqlState::UNDEFINED_TABLE {
        return error;
    }
    let text = raw(&error);
    let own = format!("table '{CATALOG}.");
    let Some(name) = text.strip_prefix(&own).and_then(|rest| rest.strip_suffix("' not found")) else { return error };
    let Some((of, name)) = name.split_once('.') else { return error };
    let (name, _) = name_and_time(name);
    // What a tag is explained by is read as its refresh saw it.
    let of = if of == PATH || known_schema(of).is_some() { PUBLIC } else { of };
    let state = context.state();
    let catalog = state.catalog_list().catalog(CATALOG);
    let schema = catalog.as_ref().and_then(|catalog| catalog.schema(of));
    if of != PUBLIC {
        let schemas = catalog.map(|catalog| catalog.schema_names());
        let error = of_schema(of, name, schemas, schema.map(|schema| schema.table_names()));
        return context.unseen(error, &format!("{of}.{name}"));
    }
    let mut tables = schema.map(|schema| schema.table_names()).unwrap_or_default();
    tables.sort();
    let has_owners = context.all_objects().is_ok_and(|objects| objects.iter().any(|object| !object.owner.is_empty()));
    if has_owners && tables.iter().any(|table| table == name) {
        let problem =
            "permission denied to the owner of a view or profile that reads it; GRANT SELECT on it, or ALTER … OWNER TO";
        return coded(SqlState::INSUFFICIENT_PRIVILEGE, name, problem);
    }
    // It may be the name of a profile or segment, which is read in the schema of its kind.
    let is_published = |object: &&Object| matches!(object.kind.as_str(), "profile" | "segment") && object.name == *name;
    let published =
        context.objects().ok().and_then(|objects| objects.iter().find(is_published).map(|object| object.kind.clone()));
    let suggestion = match published {
        Some(schema) => {
            let near = name;
            format!("; perhaps \"{schema}.{near}\" is meant")
        }
        None => did_you_mean(name, tables.iter().map(String::as_str)),
    };
    let known = match tables.as_slice() {
        _ if std::path::Path::new(name).extension().is_some() => {
            let ends = "files are read by a name that ends in .parquet, .csv, .tsv, .txt, .json, .ndjson or .xlsx, also with .gz, .zst, .bz2 or .xz";
            files::kinds::not_read(name).unwrap_or(ends).to_string()
        }
        [] => "there are no tables yet; make one with CREATE EXTERNAL TABLE, or write FROM 'file.parquet'".to_string(),
        tables if tables.len() <= 12 => format!("there is {}", tables.join(", ")),
        _ => "SHOW TABLES lists them".to_string(),
    };
    context.unseen(coded(SqlState::UNDEFINED_TABLE, name, format!("no such table{suggestion}; {known}")), name)
}

/// The error for a table that does not exist in a schema other than `public`.
fn of_schema(schema: &str, name: &str, schemas: Option<Vec<String>>, tables: Option<Vec<String>>) -> DataFusionError {
    let whole = format!("{schema}.{name}");
    let Some(mut tables) = tables else {
        let mut schemas = schemas.unwrap_or_default();
        schemas.sort();
        let suggestion = did_you_mean(schema, schemas.iter().map(String::as_str));
        return coded(SqlState::UNDEFINED_TABLE, &whole, format!("no such schema{suggestion}; there is {}", schemas.join(", ")));
    };
    tables.sort();
    let whole_names: Vec<String> = tables.iter().map(|table| format!("{schema}.{table}")).collect();
    let near = nearest(name, tables.iter().map(String::as_str));
    let suggestion = near.map_or_else(String::new, |near| format!("; perhaps \"{schema}.{near}\" is meant"));
    let known = match whole_names.as_slice() {
        [] => format!("{schema} has none yet"),
        names if names.len() <= 12 => format!("there is {}", names.join(", ")),
        _ => format!("write SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'"),
    };
    coded(SqlState::UNDEFINED_TABLE, &whole, format!("no such table{suggestion}; {known}"))
}

/// The default of a Portrait setting.
fn own_default(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    let entry = PortraitSettings::default().entries().into_iter().find(|entry| entry.key == name)?;
    entry.value
}

/// A clearer error for a wrong value of a setting: DataFusion's names neither setting nor type.
fn wrong_value(set: &SetVariable, error: &DataFusionError) -> Option<DataFusionError> {
    let text = raw(error);
    let takes = match () {
        () if text.contains("invalid digit") || text.contains("parse integer") || text.contains("number too") => "a whole number",
        () if text.contains("`true` or `false`") => "true or false",
        () if text.contains("invalid float") || text.contains("parse float") => "a number",
        () => return None,
    };
    Some(invalid(set.variable.to_lowercase().as_str(), format!("must be {takes}, got '{}'", set.value)))
}

fn check_bounds(set: &SetVariable) -> Result<()> {
    let name = set.variable.to_lowercase();
    check_engine(&name, &set.value)?;
    if name.starts_with(&format!("{}.", PortraitSettings::PREFIX)) {
        let keys: Vec<String> = PortraitSettings::default().entries().into_iter().map(|entry| entry.key).collect();
        if !keys.contains(&name) {
            let suggestion = did_you_mean(&name, keys.iter().map(String::as_str));
            let problem = format!("no such setting{suggestion}; system.settings lists them");
            return Err(coded(SqlState::UNDEFINED_OBJECT, &name, problem));
        }
    }
    Ok(())
}

/// Pairs of strings as rows.
fn pairs(columns: [&str; 2], pairs: &[(String, String)]) -> Result<RecordBatch> {
    let schema = Schema::new(columns.map(|column| Field::new(column, DataType::Utf8, false)).to_vec());
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(pairs.iter().map(|(name, _)| name)));
    let values: ArrayRef = Arc::new(StringArray::from_iter_values(pairs.iter().map(|(_, value)| value)));
    Ok(RecordBatch::try_new(Arc::new(schema), vec![names, values])?)
}

/// Adds a default compression level, which the Parquet writer requires: that of the codec's command line tool.
fn give_level(compression: &mut String) {
    let level = match compression.to_ascii_lowercase().as_str() {
        "zstd" => 3,
        "gzip" => 6,
        "brotli" => 4,
        _ => return,
    };
    *compression = format!("{compression}({level})");
}
