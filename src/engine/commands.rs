//! Runs commands: the statements that are ours rather than those of SQL.

use std::collections::BTreeSet;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{DataFrame, SessionContext};
use sqlparser::ast::ObjectName;

use super::answer::Answer;
use super::describing::{PLANS, PROPERTIES, check_schema, pairs};
use super::execution::{execute_sql, start};
use super::missing_tables::name_missing_table;
use super::naming::{new_name, own_name};
use super::{Session, auditing, cursors, erasing, exporting, identities, reports, rights};
use crate::error::{SqlState, coded, invalid, message, sqlstate};
use crate::files::places;
use crate::objects::commenting::{self, Commented};
use crate::objects::protection::{class, covers, masked_segments, without_members};
use crate::objects::{
    KINDS, altering, check, drift, experiment, granting, lifecycle, profile, refreshing, schedule, sequencing, validation,
};
use crate::refresh::plan::PROFILE_SCHEMA;
use crate::refresh::refresh;
use crate::sql::alter_system::AlterSystem;
use crate::sql::client::ClientCommand;
use crate::sql::command::{Body, Command, Comment, CommentOn, normal};
use crate::sql::erasing::Erasing;
use crate::sql::experiment::AlterExperiment;
use crate::sql::moving::SetSchema;
use crate::sql::parser::{self, Parsed};
use crate::sql::places::refuse_own_written;
use crate::sql::planning::plan;
use crate::sql::protection::SetClass;
use crate::sql::schedule::{Action, ScheduleCommand};
use crate::sql::sequence::SequenceCommand;
use crate::statement::StatementContext;

/// Runs a command.
pub(super) async fn execute_command(
    session: &Session,
    command: Command,
    text: &str,
    context: StatementContext,
) -> Result<Answer> {
    match command {
        Command::Create(mut create) => {
            if let Body::Sequence(new) = &create.body {
                create.target.name = new_name(&new.name, &context)?;
                if new.temporary {
                    return sequencing::make_temporary(new, create.if_not_exists, &context).map(Answer::done);
                }
            }
            let text = text.to_string();
            Answer::work(&session.engine, &context.clone(), move |running| async move {
                let created = lifecycle::create(&context, *create, &text, &running);
                created.await.map_err(|error| name_missing_table(error, &context))
            })
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
        Command::SetSchema(SetSchema { word: _, name, if_exists, schema }) => {
            let name = own_name(&name, &context)?;
            altering::set_schema(&name, &schema, if_exists, &context).await.map(Answer::done)
        }
        Command::Sequence(SequenceCommand::Alter { name, if_exists, change }) => {
            sequencing::alter(&name, if_exists, &change, &context).await.map(Answer::done)
        }
        Command::Sequence(SequenceCommand::Drop { names, if_exists, cascades }) => {
            for name in &names {
                sequencing::drop(name, if_exists, cascades, &context).await?;
            }
            Ok(Answer::done(vec![]))
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
            Answer::work(&session.engine, &context.clone(), move |running| async move {
                engine.save(&place, running).await.map(|_| vec![])
            })
        }
        Command::Report(statement) => {
            let reporting = context.clone();
            Answer::work(&session.engine, &context, move |running| async move {
                Box::pin(reports::write(&statement, &reporting, &running)).await
            })
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
                Answer::work(&session.engine, &context.clone(), move |_| async move {
                    Box::pin(engine.run_schedule(&name, &context)).await
                })
            }
            action => {
                let altering = context.clone();
                Answer::work(&session.engine, &context, move |_| async move { schedule::alter(&name, action, &altering).await })
            }
        },
        Command::AlterExperiment(AlterExperiment { name, decision }) => {
            let altering = context.clone();
            let decide = move |_| async move { experiment::decide(&name, decision.as_deref(), &altering).await };
            Answer::work(&session.engine, &context, decide)
        }
        Command::AlterTag(statement) => {
            let altering = context.clone();
            let alter = move |_| async move { Box::pin(validation::alter(&statement, &altering)).await };
            Answer::work(&session.engine, &context, alter)
        }
        Command::Erasing(Erasing::Export(subjects, None, options)) => {
            let document = exporting::answered(&subjects, &options, &context).await?;
            let rows = SessionContext::new_with_state(context.state()).read_batch(document)?;
            start(session, rows, None, &context).await
        }
        Command::Erasing(statement) => {
            let erasing = context.clone();
            Answer::work(&session.engine, &context, move |_| async move { Box::pin(erasing::run(&statement, &erasing)).await })
        }
        Command::Refresh(statement) if statement.target.grammar.word() == "identity" => {
            let engine = session.engine.clone();
            Answer::work(&session.engine, &context.clone(), move |_| async move {
                Box::pin(identities::refresh(&engine, &statement, &context)).await
            })
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
            Answer::work(&session.engine, &context.clone(), move |running| async move {
                let label = format!("profile {}", wanted.profile);
                let refreshed = async {
                    let mut notes = check::before_refresh(&wanted.profile, &context).await?;
                    notes.extend(masked.values().map(|error| format!("{}; it has no members until then", message(error))));
                    let names: BTreeSet<String> = masked.into_keys().collect();
                    let (profile, applying) = (wanted.profile.clone(), drift::applying(&wanted.profile, &context)?);
                    let read = move |name: &str, context: &StatementContext| {
                        profile::whole(name, context).map(|whole| without_members(whole, &names))
                    };
                    notes.extend(Box::pin(refresh::refresh(&context, &read, &class::of_computed, wanted, &running)).await?);
                    notes.extend(drift::measure(&profile, &applying, &context).await);
                    Ok(notes)
                };
                match refreshed.await {
                    Ok(_) if covered => Ok(vec![format!("{label}: refreshed")]),
                    // The sources are read with the rights of the owner.
                    Err(error) if covered || !owns => Err(uncovered(&label, error)),
                    refreshed => refreshed,
                }
            })
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
        SqlState::QUERY_CANCELED | SqlState::SERIALIZATION_FAILURE | SqlState::DISK_FULL => error,
        state => coded(state, label, format!("cannot be refreshed: {}; a role with SUPERUSER sees why", state.meaning())),
    }
}

/// The context for computing as the owner of a profile, whoever runs the statement.
fn as_owner(profile: &str, context: &StatementContext) -> Result<StatementContext> {
    let objects = context.all_objects()?;
    let own = objects.iter().find(|object| object.kind == "profile" && object.name == profile);
    Ok(own.map_or_else(|| context.clone(), |own| context.as_owner(&own.owner).reading_as(&own.owner).defining()))
}
