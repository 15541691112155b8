//! Changes of tables by roles that do not see all of them: what is hidden from a role must not go by what it writes.

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;

use super::copying::sources;
use super::reading::{covers, hides_any, hides_rows};
use super::scans::Names;
use crate::catalog::objects::Object;
use crate::catalog::tables::Action;
use crate::error::{SqlState, coded};
use crate::objects::constraining::declared;
use crate::objects::referring;
use crate::sql::syntax::constraints::{Constraint, Rule};
use crate::statement::StatementContext;

/// Refuses changes of rows by a role that does not see them unmasked and in full.
///
/// # Errors
/// A mask or row policy of the table applies to the role.
pub fn refuse_changes(object: &Object, context: &StatementContext) -> Result<()> {
    if covers(object, context)? { Err(refused(object, context)) } else { Ok(()) }
}

/// Refuses ON CONFLICT in a table that a role does not see unmasked and in full: whether a row was added would tell it which values there are.
///
/// # Errors
/// A mask or row policy of the table applies to the role.
pub fn refuse_conflicts(object: &Object, context: &StatementContext) -> Result<()> {
    if !covers(object, context)? {
        return Ok(());
    }
    let problem = format!(
        "has masks or row policies for {}, and ON CONFLICT would reveal which rows they hide; leave it out, or ask a role with SUPERUSER",
        context.reader_name()
    );
    Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &object.label(), problem))
}

/// Refuses to add rows under a constraint of unique columns of which a role does not see all values: an error for a value that exists already
/// would tell it. `given` are the columns that get values; empty for all.
///
/// # Errors
/// Row policies of the table apply to the role, or masks do to such a column, and it has no FILTER.
pub fn refuse_keys(object: &Object, given: &[String], context: &StatementContext) -> Result<()> {
    if object.kind != "table" || !covers(object, context)? {
        return Ok(());
    }
    for Constraint { name, rule } in declared(object, context)? {
        let columns = match rule {
            Rule::PrimaryKey(columns) | Rule::Unique { columns, .. } => columns,
            Rule::Check(_) | Rule::Foreign(_) => continue,
        };
        let is_given = given.is_empty() || columns.iter().any(|column| given.contains(column));
        if is_given && hides_any(object, &columns, context)? {
            let reader = context.reader_name();
            let problem = format!(
                "has masks or row policies for {reader}, and constraint {name} would reveal which values they hide; ask for: GRANT FILTER ON TABLE {} TO {reader}",
                object.name
            );
            return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &object.label(), problem));
        }
    }
    Ok(())
}

/// Refuses to change rows at one side of a foreign key where a role does not see all keys of the other: an error would tell which there are.
/// `adds` and `removes` say what the statement does.
///
/// # Errors
/// Row policies of the other table apply to the role, or masks do to such a column, and it has no FILTER.
pub fn refuse_references(object: &Object, adds: bool, removes: bool, context: &StatementContext) -> Result<()> {
    let (objects, keys) = (context.all_objects()?, referring::all(context)?);
    // The tables whose rows are deleted or changed with these.
    let follows = |action: Action| matches!(action, Action::Cascade | Action::SetNull | Action::SetDefault);
    let mut changed: Vec<&str> = if removes { vec![object.name.as_str()] } else { vec![] };
    let mut place = 0;
    while let Some(table) = changed.get(place).copied() {
        for key in keys.iter().filter(|key| key.referred == table && (follows(key.on_delete) || follows(key.on_update))) {
            if !changed.contains(&key.table.as_str()) {
                changed.push(&key.table);
            }
        }
        place += 1;
    }
    for key in keys.iter() {
        let (other, columns) = if adds && key.table == object.name {
            (&key.referred, &key.referred_columns)
        } else if changed.contains(&key.referred.as_str()) {
            (&key.table, &key.columns)
        } else {
            continue;
        };
        let Some(other) = objects.iter().find(|own| own.kind == "table" && own.name == *other) else { continue };
        if other.id != object.id && covers(other, context)? && hides_any(other, columns, context)? {
            let reader = context.reader_name();
            let problem = format!(
                "foreign key {} would show {reader} which values of another table masks or row policies hide; ask for: GRANT FILTER ON TABLE {} TO {reader}",
                key.name, other.name
            );
            return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &object.label(), problem));
        }
    }
    Ok(())
}

/// Refuses to replace a table by these rows where that would remove hidden rows, or real values by the masked ones that the role read.
///
/// # Errors
/// Row policies of the table apply to the role, or masks do and the rows come from the table itself.
pub fn refuse_replacing(object: &Object, rows: &LogicalPlan, context: &StatementContext) -> Result<()> {
    if hides_rows(object, context)? {
        return Err(refused(object, context));
    }
    if !covers(object, context)? {
        return Ok(());
    }
    let (objects, mut read) = (context.all_objects()?, vec![]);
    sources(rows, &Names::new(&objects, context), &mut read)?;
    if read.iter().any(|source| source.id == object.id) { Err(refused(object, context)) } else { Ok(()) }
}

fn refused(object: &Object, context: &StatementContext) -> DataFusionError {
    let problem = format!(
        "has masks or row policies for {}, who may add rows to it but not change what is hidden; ask a role with SUPERUSER",
        context.reader_name()
    );
    coded(SqlState::INSUFFICIENT_PRIVILEGE, &object.label(), problem)
}
