//! ALTER TABLE … RENAME TO, and ALTER VIEW.

use datafusion::common::Result;
use sqlparser::ast::Ident;

use super::columns::columns;
use super::definition::definition;
use super::{found, of_session};
use crate::catalog::objects::Object;
use crate::catalog::snapshots::{SnapshotOf, When};
use crate::error::{SqlState, coded, invalid};
use crate::objects::kind::Kind;
use crate::objects::lifecycle::{listed, unless_moved, users, users_beyond_views};
use crate::objects::referring;
use crate::objects::relation::{NAMES, check_name};
use crate::objects::schema::{member, parts};
use crate::objects::table::{self, Table};
use crate::objects::view;
use crate::objects::{sequence, sequencing};
use crate::sql::command::normal;
use crate::sql::syntax::constraints::Rule;
use crate::statement::StatementContext;
use crate::text::with_article;

/// Renames a table or view.
pub(super) async fn rename(name: &str, new: &Ident, if_exists: bool, context: &StatementContext) -> Result<Vec<String>> {
    // The new name is in the same schema.
    let new = match parts(name, context) {
        (Some(schema), _) => member(schema, &normal(new)),
        _ => normal(new),
    };
    rename_to(name, new, if_exists, context).await
}

/// Gives a table or view another name, with its schema.
pub(super) async fn rename_to(name: &str, new: String, if_exists: bool, context: &StatementContext) -> Result<Vec<String>> {
    if let Some(table) = context.tables().temporary(name) {
        refuse_taken(&new, context)?;
        // A view of a session is made again as easily as its table, unless something else reads it.
        let users = users_beyond_views(&of_session(name), context)?;
        if !users.is_empty() {
            let problem = format!("is used by {}; change them first", listed(&users, context)?);
            return Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, name, problem));
        }
        let (comments, classes) = (context.tables().comments(name), context.tables().held(name));
        let (on_commit, sources) = (context.tables().on_commit(name), context.tables().sources(name));
        let (maker, constraints) = (context.tables().maker(name), context.tables().constraints(name));
        context.tables().remove_temporary(name);
        context.tables().set_on_commit(new.clone(), on_commit);
        context.tables().set_comments(&new, comments);
        context.tables().set_held(&new, classes);
        context.tables().set_sources(&new, sources);
        context.tables().set_maker(&new, maker);
        context.tables().set_constraints(&new, constraints);
        context.tables().add_temporary(new.clone(), table);
        // Itself among them.
        let parts = named(&new, context);
        referring::follow_in_session(name, |own| own.table.clone_from(&parts), context)?;
        return Ok(vec![]);
    }
    let Some(object) = found(name, if_exists, context)? else { return Ok(vec![]) };
    context.check_owns(&object)?;
    check_name(&Object { name: new.clone(), ..object.clone() })?;
    refuse_taken(&new, context)?;
    let is_part = object.kind == "table" && referring::is_part(name, context)?;
    table::together(is_part, context, |context| async move { rename_stored(object, &new, &context).await }).await
}

/// The name of a table as foreign keys write it.
fn named(table: &str, context: &StatementContext) -> Vec<String> {
    match parts(table, context) {
        (Some(schema), own) => vec![schema.to_string(), own.to_string()],
        (None, own) => vec![own.to_string()],
    }
}

/// Renames a table or view of the database. Foreign keys know it by its new name.
async fn rename_stored(object: Object, new: &str, context: &StatementContext) -> Result<Vec<String>> {
    let name = object.name.as_str();
    // The tables among them are those that refer to it.
    let users: Vec<Object> = users(&object, context)?.into_iter().filter(|user| user.kind != "table").collect();
    if !users.is_empty() {
        let problem = format!("is used by {}; change them first", listed(&users, context)?);
        return Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, name, problem));
    }
    let parts = named(new, context);
    let following = referring::following(name, |own| own.table.clone_from(&parts), context)?;
    let options = context.session().config_options();
    let sql = match object.kind.as_str() {
        "table" => {
            let table = Table.open(&object, When::Now, context).await?;
            let columns = columns(table.as_ref(), Some(&object), context)?;
            let mut constraints = table::written_constraints(&object, context)?;
            for constraint in &mut constraints {
                if let Rule::Foreign(own) = &mut constraint.rule
                    && referring::object_name(&own.table) == name
                {
                    // It refers to itself, under its new name.
                    own.table.clone_from(&parts);
                }
            }
            definition(new, &columns, &constraints, true, &context.making(new)).await?.0
        }
        "view" => view::renamed(&object, new, context)?,
        other => {
            let problem =
                format!("is {}, which stands for files; CREATE EXTERNAL TABLE {new} and DROP this", with_article(other));
            return Err(invalid(name, problem));
        }
    };
    let renamed =
        Object { name: new.to_string(), version: object.version + 1, sql, author: context.role().into(), ..object.clone() };
    // The locks are taken in a fixed order, so that two opposite renames cannot deadlock.
    let (first, second) = if name < new { (name, new) } else { (new, name) };
    let _first = context.catalog().lock(SnapshotOf::Table, first, "ALTER TABLE", options).await?;
    let _second = context.catalog().lock(SnapshotOf::Table, second, "ALTER TABLE", options).await?;
    let seen = Some(context.view().stamp()?);
    let owned = sequence::owned(&object.name, context)?;
    unless_moved(context.catalog().rename(&object, &renamed, seen), context)?;
    referring::follow(&following, context).await?;
    sequencing::follow(owned, new, &[], context)?;
    context.tables().let_go();
    Ok(vec![])
}

pub(super) fn refuse_taken(name: &str, context: &StatementContext) -> Result<()> {
    if name.is_empty() {
        return Err(invalid("table", "a name must not be empty, got \"\""));
    }
    let objects = context.all_objects()?;
    let is_it = |object: &Object| object.name == name && NAMES.contains(&object.kind.as_str());
    let is_taken = objects.iter().any(is_it) || context.tables().temporary(name).is_some();
    if is_taken {
        return Err(coded(SqlState::DUPLICATE_TABLE, name, "exists already; choose another name, or DROP it first"));
    }
    Ok(())
}
