//! ALTER, PAUSE and RESUME of schedules.

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::ast::Expr;

use super::Schedule;
use super::kind::trust;
use crate::catalog::grants::GrantChange;
use crate::catalog::objects::{NewVersion, Object};
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::objects::definition::Definition;
use crate::objects::lifecycle::{unless_moved, users};
use crate::objects::{GRAMMARS, kind_of, role};
use crate::sql::command::{Body, Command, Create};
use crate::sql::parser::{Parsed, parse_as_written};
use crate::sql::schedule::{Action, Script};
use crate::statement::StatementContext;
use crate::text::{as_sql, identifier, literal};

/// The schedule with this name.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn known(name: &str, context: &StatementContext) -> Result<(Object, Schedule)> {
    let object = object(name, context)?;
    let definition = Definition::read(object.clone(), context.session())?;
    Ok((object, Schedule::of(&definition)?))
}

fn object(name: &str, context: &StatementContext) -> Result<Object> {
    let objects = context.objects()?;
    let schedules = || objects.iter().filter(|object| object.kind == "schedule");
    schedules()
        .find(|object| object.name == name)
        .cloned()
        .ok_or_else(|| missing(name, schedules().map(|object| object.name.as_str())))
}

fn missing<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> DataFusionError {
    let suggestion = did_you_mean(name, names);
    coded(SqlState::UNDEFINED_OBJECT, name, format!("no such schedule{suggestion}; SHOW SCHEDULES lists them"))
}

/// Pauses or resumes a schedule.
///
/// # Errors
/// There is no such schedule.
pub fn pause(name: &str, is_paused: bool, context: &StatementContext) -> Result<Vec<String>> {
    let object = object(name, context)?;
    context.check_owns(&object)?;
    let is_new = context.catalog().pause_schedule(object.id, is_paused, context.now())?;
    let state = if is_paused { "paused already" } else { "not paused" };
    Ok(if is_new { vec![] } else { vec![format!("schedule {name} is {state}")] })
}

/// Changes the definition of a schedule.
///
/// # Errors
/// There is no such schedule, or the change is invalid.
pub async fn alter(name: &str, action: Action, context: &StatementContext) -> Result<Vec<String>> {
    let action = &action;
    context.settled(|context| async move { altered(name, action, &context).await }).await
}

async fn altered(name: &str, action: &Action, context: &StatementContext) -> Result<Vec<String>> {
    let existing = object(name, context)?;
    context.check_owns(&existing)?;
    let definition = Definition::read(existing.clone(), context.session())?;
    let mut new = Object { version: existing.version + 1, ..existing.clone() };
    match action {
        Action::Set(_) | Action::Reset(_) => new.sql = written(&definition, context, Some(action), None)?,
        Action::Script(script) => {
            new.sql = written(&definition, context, None, Some(script.clone()))?;
            // A relative path in ALTER is resolved against the current directory.
            new.base = context.base().display().to_string();
        }
        Action::Owner(owner) => return give(&existing, owner, context),
        Action::Rename(other) => return rename(&existing, other, &definition, context),
        Action::Run | Action::Pause | Action::Resume => return Err(invalid(name, "cannot be altered this way")),
    }
    let Some(kind) = kind_of("schedule") else { return Ok(vec![]) };
    let notes = kind.check(&new, &context.with_definition(new.clone())).await?;
    let Object { kind, profile, name, sql, base, .. } = &new;
    let version = NewVersion { kind, profile, name, sql, base, author: context.role() };
    unless_moved(context.catalog().put_object(version, Some(context.view().stamp()?)), context)?;
    trust(name, context)?;
    Ok(notes)
}

/// Changes the owner of a schedule, which it then runs as.
fn give(existing: &Object, owner: &str, context: &StatementContext) -> Result<Vec<String>> {
    if role::known(owner, context)?.is_none() {
        return Err(coded(SqlState::UNDEFINED_OBJECT, owner, "no such role; CREATE ROLE makes one"));
    }
    if !context.rights()?.is_member(owner) {
        let problem = format!("{} is not a member of {owner}, so it cannot give objects to it", context.role());
        return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, owner, problem));
    }
    let change = GrantChange::Owner(existing.clone(), owner.to_string());
    unless_moved(context.catalog().change_grants(vec![change], Some(context.view().stamp()?)), context)?;
    Ok(vec![])
}

fn rename(existing: &Object, other: &str, definition: &Definition, context: &StatementContext) -> Result<Vec<String>> {
    if object(other, context).is_ok() {
        return Err(coded(SqlState::DUPLICATE_OBJECT, &format!("schedule {other}"), "exists already; choose another name"));
    }
    let named: Vec<String> = users(existing, context)?.iter().map(Object::label).collect();
    if !named.is_empty() {
        let problem = format!("cannot be renamed: {} names it; change that first", named.join(", "));
        return Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, &existing.label(), problem));
    }
    let mut renamed = Object { name: other.to_string(), ..existing.clone() };
    let definition = Definition { object: renamed.clone(), ..definition.clone() };
    renamed.sql = written(&definition, context, None, None)?;
    unless_moved(context.catalog().rename(existing, &renamed, Some(context.view().stamp()?)), context).map(|()| vec![])
}

/// The statement that creates a schedule, with changed options or another script.
///
/// # Errors
/// The schedule has no such option.
pub fn written(
    definition: &Definition,
    context: &StatementContext,
    change: Option<&Action>,
    script: Option<Script>,
) -> Result<String> {
    let object = &definition.object;
    let unreadable = || invalid(&object.label(), "its definition cannot be read");
    let statement = parse_as_written(&object.sql, context.session(), &GRAMMARS)?.pop().ok_or_else(unreadable)?;
    let Parsed::Command(Command::Create(create)) = statement.parsed else { return Err(unreadable()) };
    let Create { mut options, body, .. } = *create;
    let known = |name: &String| -> Result<()> {
        if definition.kind.doc().argument(name).is_some() {
            return Ok(());
        }
        let names: Vec<&str> = definition.kind.doc().arguments.iter().map(|argument| argument.name).collect();
        let suggestion = did_you_mean(name, names.iter().copied());
        Err(invalid(&object.label(), format!("no such option: {name}{suggestion}; it takes {}", names.join(", "))))
    };
    match change {
        Some(Action::Set(new)) => {
            for (name, value) in new {
                known(name)?;
                // Setting cron removes every, and vice versa.
                let other =
                    [("cron", "every"), ("every", "cron")].into_iter().find(|(own, _)| own == name).map(|(_, other)| other);
                options.retain(|(own, _)| Some(own.as_str()) != other && (other != Some("cron") || own != "timezone"));
                match options.iter_mut().find(|(own, _)| own == name) {
                    Some((_, old)) => *old = value.clone(),
                    None => options.push((name.clone(), value.clone())),
                }
            }
        }
        Some(Action::Reset(names)) => {
            names.iter().try_for_each(known)?;
            options.retain(|(own, _)| !names.contains(own));
        }
        _ => {}
    }
    let script = match (script, body) {
        (Some(script), _) | (None, Body::Script(script)) => script,
        _ => return Err(unreadable()),
    };
    let script = match script {
        Script::File(file) => literal(&file),
        Script::Text(text) => text.quoted(),
    };
    let options: Vec<String> = options.iter().map(|(name, value)| format!("{name} = {}", option(value))).collect();
    let with = if options.is_empty() { String::new() } else { format!("WITH ({}) ", options.join(", ")) };
    Ok(format!("CREATE SCHEDULE {} {with}AS {script}", identifier(&object.name)))
}

fn option(value: &Expr) -> String {
    as_sql(value)
}
