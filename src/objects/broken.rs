//! What a change of an object would break: whatever uses the object is checked as it would be after the change.

use datafusion::common::Result;
use datafusion::error::DataFusionError;

use super::definition::Definition;
use super::kind_of;
use super::lifecycle::all_users;
use crate::catalog::objects::Object;
use crate::catalog::snapshots::When;
use crate::error::{SqlState, coded, message};
use crate::statement::{Meanings, StatementContext};

/// Fails when the change that `changed` shows would break something that needs the object, or make it read other columns by the same
/// names. Returns the notes that are new for those users.
///
/// # Errors
/// The first object that would break, and why.
pub async fn check_users(object: &Object, context: &StatementContext, changed: &StatementContext) -> Result<Vec<String>> {
    let users = all_users(object, context)?;
    if users.is_empty() {
        return Ok(vec![]);
    }
    let names_change = names_change(object, context, changed).await;
    let mut notes = vec![];
    for user in users {
        let Some(kind) = kind_of(&user.kind) else { continue };
        // The parts of a profile were checked together with it; what names stand for in a query over the profile itself was not.
        if object.kind == "profile" && user.profile == object.profile && !reads_own_profile(&user, context) {
            continue;
        }
        let (now, then) = (Meanings::in_users_of(&object.name), Meanings::in_users_of(&object.name));
        match kind.check(&user, &changed.noting_meanings(&then)).await {
            Err(broken) => {
                // What is already broken is not broken by this change.
                if kind.check(&user, context).await.is_ok() {
                    return Err(would_break(object, &user, &message(&broken), context)?);
                }
            }
            Ok(found) if found.is_empty() && !names_change => {}
            Ok(found) => {
                // Notes that already applied before were given before.
                let before = kind.check(&user, &context.noting_meanings(&now)).await.unwrap_or_default();
                notes.extend(found.into_iter().filter(|note| !before.contains(note)));
                if let Some(name) = now.moved(&then) {
                    return Err(would_break(object, &user, &names_another(&name), context)?);
                }
            }
        }
    }
    Ok(notes)
}

/// Fails when a new tag, which becomes a column of its profile, would break a query over the profile, or make a name in it stand for the
/// tag.
///
/// # Errors
/// The first object that would break, and why.
pub async fn check_readers(tag: &Object, context: &StatementContext, changed: &StatementContext) -> Result<()> {
    let objects = context.all_objects()?;
    let name = tag.name.to_lowercase();
    // Only a query that has the name somewhere can mean the tag by it.
    let has_name = |object: &&Object| !object.is_same(tag) && object.sql.to_lowercase().contains(&name);
    if !objects.iter().any(|object| has_name(&object)) {
        return Ok(());
    }
    let Some(profile) = objects.iter().find(|object| object.kind == "profile" && object.name == tag.profile) else {
        return Ok(());
    };
    for user in all_users(profile, context)?.iter().filter(has_name) {
        let Some(kind) = kind_of(&user.kind) else { continue };
        if user.profile == tag.profile && !reads_own_profile(user, context) {
            continue;
        }
        let (now, then) = (Meanings::in_users_of(&profile.name), Meanings::in_users_of(&profile.name));
        if kind.check(user, &context.noting_meanings(&now)).await.is_err() {
            continue;
        }
        let broken = match kind.check(user, &changed.noting_meanings(&then)).await {
            Err(broken) => Some(message(&broken)),
            Ok(_) => now.moved(&then).map(|name| names_another(&name)),
        };
        if let Some(broken) = broken {
            return Err(would_break(tag, user, &broken, context)?);
        }
    }
    Ok(())
}

fn names_another(name: &str) -> String {
    format!("{name} would name another column; write it with its table, and ON instead of NATURAL JOIN")
}

/// True for a tag whose query reads the profile that it belongs to.
fn reads_own_profile(user: &Object, context: &StatementContext) -> bool {
    let Ok(definition) = Definition::read(user.clone(), context.session()) else { return false };
    user.kind == "tag" && definition.kind.uses(&definition).profiles.iter().any(|used| used.profile == user.profile)
}

fn would_break(object: &Object, user: &Object, broken: &str, context: &StatementContext) -> Result<DataFusionError> {
    let problem = if context.rights()?.sees(user) {
        let label = user.label();
        // The two sides of a UNION may have the same to say.
        let mut lines: Vec<&str> = broken.lines().collect();
        lines.dedup();
        let broken = lines.join("; ");
        // If the error already starts with the object's label, do not repeat it.
        let broken = broken.strip_prefix(&label).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&broken);
        format!("would break {label}: {broken}; change that first, or DROP it")
    } else {
        "would break what others have made over it; ask a role with SUPERUSER".into()
    };
    Ok(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, &object.label(), problem))
}

/// True when a name in a query over the object could stand for another column after the change.
async fn names_change(object: &Object, context: &StatementContext, changed: &StatementContext) -> bool {
    let Some(kind) = kind_of(&object.kind) else { return false };
    match (object.kind.as_str(), kind.namespace()) {
        ("profile", _) => true,
        // What is read through a model, a tag or a function keeps its names, or is written in the query itself.
        (_, []) => false,
        _ => match (columns(object, context).await, columns(object, changed).await) {
            (Some(before), Some(after)) => before != after,
            _ => true,
        },
    }
}

/// The names of the columns of a relation; `None` when it cannot be opened.
async fn columns(object: &Object, context: &StatementContext) -> Option<Vec<String>> {
    let table = match context.relation_in_progress(&object.name) {
        Some(table) => table,
        None if object.version == 0 => context.tables().temporary(&object.name)?,
        None => {
            let objects = context.all_objects().ok()?;
            let found = objects.iter().find(|other| other.is_same(object))?;
            kind_of(&found.kind)?.open(found, When::Now, context).await.ok()?
        }
    };
    Some(table.schema().fields().iter().map(|field| field.name().clone()).collect())
}
