//! ALTER SEQUENCE and DROP SEQUENCE.
//!
//! Both also know the counters of columns: those are altered under their names, and dropped with their columns.

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::ast::{Ident, ObjectName};

use super::kind_of;
use super::lifecycle::{self, listed, unless_moved, users};
use super::numbering;
use super::relation::{self, NAMES};
use super::schema::{self, member, parts};
use super::sequence::{Owner, State, definition, named, owned_by, state};
use crate::catalog::grants::{PUBLIC, Privilege};
use crate::catalog::objects::{NewVersion, Object};
use crate::catalog::sequences::{self, Sequence as Counter, counter_of, no_sequence};
use crate::error::{SqlState, coded, invalid};
use crate::refresh::plan::{PROFILE_SCHEMA, SEGMENT_SCHEMA};
use crate::sql::command::{Target, normal};
use crate::sql::sequence::{self, NewSequence, SequenceChange, SequenceOptions, WORD};
use crate::statement::{StatementContext, meant, names_counter};

/// Makes a sequence that the session alone has, and ends with it; returns notes for the user.
///
/// # Errors
/// Its options do not go together, the role may not make any, or the name is taken.
pub fn make_temporary(new: &NewSequence, if_not_exists: bool, context: &StatementContext) -> Result<Vec<String>> {
    let names: Vec<String> = new.name.0.iter().filter_map(|part| part.as_ident().map(normal)).collect();
    let name = match names.as_slice() {
        [name] => name.clone(),
        [schema, name] if schema == "pg_temp" => name.clone(),
        _ => return Err(invalid(&new.name.to_string(), "a temporary sequence is in no schema; leave that out")),
    };
    if !context.rights()?.may_in_database(Privilege::Temporary) {
        let advice = format!("GRANT TEMPORARY ON DATABASE portrait TO {}", context.role());
        return Err(context.not_allowed("temporary sequence", &advice));
    }
    let label = format!("sequence {name}");
    let counting = sequence::counting(&new.options, &label)?;
    if new.options.owner.as_ref().is_some_and(Option::is_some) {
        let problem = "OWNED BY is for a sequence that the database keeps; a temporary one ends with its session";
        return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, &label, problem));
    }
    let is_it = |object: &Object| object.name == name && NAMES.contains(&object.kind.as_str());
    let is_taken = context.all_objects()?.iter().any(is_it) || context.tables().temporary(&name).is_some();
    if !is_taken && context.tables().add_sequence(Counter::new(name.clone(), counting)) || if_not_exists {
        return Ok(vec![]);
    }
    Err(coded(SqlState::DUPLICATE_TABLE, &name, "exists already; choose another name, or DROP it first"))
}

/// Alters a sequence; returns notes for the user.
///
/// # Errors
/// There is no such sequence, the role does not own it, or it cannot be changed so.
pub async fn alter(
    name: &ObjectName,
    if_exists: bool,
    change: &SequenceChange,
    context: &StatementContext,
) -> Result<Vec<String>> {
    context.settled(|context| async move { changed(name, if_exists, change, &context) }).await
}

fn changed(name: &ObjectName, if_exists: bool, change: &SequenceChange, context: &StatementContext) -> Result<Vec<String>> {
    let written = name.to_string();
    let own = temporary(&written, context);
    if let Some(own) = own {
        let SequenceChange::Options(options) = change else {
            return Err(invalid(&own, "is a temporary sequence, which keeps its name and schema; make another"));
        };
        let label = format!("sequence {own}");
        let altered = context.tables().with_sequence(&own, |counter| recount(counter, options, &label));
        return altered.unwrap_or_else(|| Err(no_sequence(&own))).map(|()| vec![]);
    }
    let Some(object) = named(&written, context)? else {
        return match of_column(name, context)? {
            Some((table, counter)) => alter_of_column(&table, &counter, change, context),
            None if if_exists => Ok(vec![]),
            None => Err(context.unseen(no_sequence(&written), &written)),
        };
    };
    context.check_owns(&object)?;
    match change {
        SequenceChange::Options(options) => count(&object, options, context),
        SequenceChange::Name(new) => {
            let new = normal(new);
            let new = match parts(&object.name, context) {
                (Some(schema), _) => member(schema, &new),
                _ => new,
            };
            rename(&object, new, context)
        }
        SequenceChange::Schema(schema) => rename(&object, moved(&object.name, schema, context)?, context),
    }?;
    Ok(vec![])
}

/// Lets the counters of a table's columns begin anew, and the sequences that it owns.
///
/// # Errors
/// The role does not own the table, or the catalog cannot be written.
pub fn restart(table: &str, context: &StatementContext) -> Result<()> {
    let tables = context.tables();
    let anew = |counter: &mut Counter| (counter.last, counter.is_given) = (counter.counting.first, false);
    if let Some(own) = tables.temporary(table) {
        for (_, numbered) in numbering::filled_in_session(own.as_ref(), tables).into_values() {
            if let Some(numbered) = numbered {
                tables.with_counter(&numbered.sequence, anew);
            }
        }
        return Ok(());
    }
    let objects = context.objects()?;
    let Some(object) = objects.iter().find(|object| object.kind == "table" && object.name == table) else { return Ok(()) };
    context.check_owns(object)?;
    for counter in numbering::sequences(object, context)? {
        context.catalog().change_sequence(&counter, &counter, |counter| {
            anew(counter);
            Ok(())
        })?;
    }
    for sequence in objects.iter().filter(|object| object.kind == WORD) {
        if state(sequence, context)?.owner.is_some_and(|owner| owner.table == table) {
            context.check_owns(sequence)?;
            count(sequence, &SequenceOptions { restart: Some(None), ..SequenceOptions::default() }, context)?;
        }
    }
    Ok(())
}

/// The name of a temporary sequence of the session, if the name is one.
fn temporary(written: &str, context: &StatementContext) -> Option<String> {
    let parts = crate::postgres_catalog::name_parts(written)?;
    let own = match parts.as_slice() {
        [own] => own,
        [schema, own] if schema == "pg_temp" => own,
        _ => return None,
    };
    context.tables().with_sequence(own, |counter| counter.name.clone())
}

/// The table whose column has the counter of that name, and the counter.
fn of_column(name: &ObjectName, context: &StatementContext) -> Result<Option<(Object, String)>> {
    let names: Vec<String> = name.0.iter().filter_map(|part| part.as_ident().map(normal)).collect();
    let objects = context.objects()?;
    let of = |counter: String| {
        let table = objects.iter().find(|object| object.kind == "table" && names_counter(object, &counter));
        table.map(|table| (table.clone(), counter))
    };
    Ok(meant(&names, &context.path()).into_iter().find_map(of))
}

fn alter_of_column(table: &Object, counter: &str, change: &SequenceChange, context: &StatementContext) -> Result<Vec<String>> {
    context.check_owns(table)?;
    match change {
        // Tools write it although it is so.
        SequenceChange::Options(options) if options.is_of_owner_alone() => Ok(vec![]),
        SequenceChange::Options(_) if context.catalog().is_transaction() => {
            let problem = "the counter of a column cannot be altered in a transaction, which could not undo it; COMMIT first, or SELECT setval";
            Err(coded(SqlState::ACTIVE_SQL_TRANSACTION, counter, problem))
        }
        SequenceChange::Options(options) => {
            let label = format!("sequence {counter}");
            // Its bounds are those of the column, whatever type that has.
            let options = SequenceOptions { data_type: None, ..options.as_ref().clone() };
            context.catalog().change_sequence(counter, counter, |own| recount(own, &options, &label))?;
            Ok(vec![])
        }
        SequenceChange::Name(_) | SequenceChange::Schema(_) => {
            let problem = format!("is the counter of a column of {}, and keeps its name and schema", table.name);
            Err(coded(SqlState::FEATURE_NOT_SUPPORTED, counter, problem))
        }
    }
}

/// Changes how a counter counts; what is not given stays as it is.
fn recount(counter: &mut Counter, options: &SequenceOptions, label: &str) -> Result<()> {
    let old = counter.counting;
    let step = options.step.unwrap_or(old.step);
    let wanted = SequenceOptions {
        step: Some(step),
        least: options.least.or(Some(Some(old.least))),
        most: options.most.or(Some(Some(old.most))),
        first: options.first.or(Some(old.first)),
        cycles: options.cycles.or(Some(old.cycles)),
        ..options.clone()
    };
    counter.counting = sequence::counting(&wanted, label)?;
    let new = counter.counting;
    if let Some(restart) = options.restart {
        (counter.last, counter.is_given) = (restart.unwrap_or(new.first), false);
    }
    if counter.last < new.least || counter.last > new.most {
        let problem = format!(
            "continues with {}, which is not between MINVALUE and MAXVALUE, {} and {}; RESTART it WITH another",
            counter.last, new.least, new.most
        );
        return Err(coded(SqlState::INVALID_PARAMETER_VALUE, label, problem));
    }
    Ok(())
}

/// Changes the options of a sequence.
fn count(object: &Object, options: &SequenceOptions, context: &StatementContext) -> Result<()> {
    let (label, mut counter) = (object.label(), counter_of(object).unwrap_or_default().to_string());
    let State { counter: now, data_type, owner } = state(object, context)?;
    let owner = match &options.owner {
        None => owner,
        Some(None) => None,
        Some(Some(written)) => Some(owned_by(written, object, context)?),
    };
    if options.is_of_owner_alone() {
        return put(object, &now.counting.written(data_type), owner.as_ref(), &counter, context);
    }
    let (mut options, mut data_type) = (options.clone(), data_type);
    let old = super::sequence::options(object, context)?.data_type;
    if let Some(new) = &options.data_type {
        // As in PostgreSQL, the bounds of the old type become those of the new one.
        let ((least, most, _), (_, _, name)) = (sequence::range(old.as_ref(), &label)?, sequence::range(Some(new), &label)?);
        if options.most.is_none() && now.counting.most == most {
            options.most = Some(None);
        }
        if options.least.is_none() && now.counting.least == least {
            options.least = Some(None);
        }
        data_type = name;
    } else {
        options.data_type = old;
    }
    let mut counted = now;
    recount(&mut counted, &options, &label)?;
    let counting = counted.counting;
    if options.restart.is_some() {
        // A counter of its own from now on, so that a transaction that restarts it can be rolled back.
        let objects = context.all_objects()?;
        let is_named = |name: &str| objects.iter().any(|object| names_counter(object, name));
        let catalog = context.catalog();
        counter = catalog.make_sequence(&sequences::unused_name(), counting, |_| false, is_named)?;
        catalog.set_sequence(&counter, &object.name, (counted.last, false), None)?;
    }
    put(object, &counting.written(data_type), owner.as_ref(), &counter, context)
}

/// Stores a new version of the definition.
fn put(object: &Object, options: &str, owner: Option<&Owner>, counter: &str, context: &StatementContext) -> Result<()> {
    let sql = definition(&object.name, options, owner, counter, context);
    if sql == object.sql {
        return Ok(());
    }
    let Object { kind, profile, name, base, .. } = object;
    let version = NewVersion { kind, profile, name, sql: &sql, base, author: context.role() };
    unless_moved(context.catalog().put_object(version, Some(context.view().stamp()?)), context)?;
    Ok(())
}

/// The name of a relation in another schema.
///
/// # Errors
/// There is no such schema, or nobody makes relations there.
pub fn moved(name: &str, schema: &Ident, context: &StatementContext) -> Result<String> {
    let (schema, (_, own)) = (normal(schema), parts(name, context));
    if schema == PUBLIC {
        return Ok(own.to_string());
    }
    let schemas = schema::names(context);
    if !schemas.contains(&schema) {
        let is_filled = [PROFILE_SCHEMA, SEGMENT_SCHEMA, "system", "information_schema", "pg_catalog"].contains(&schema.as_str());
        let problem = match is_filled {
            true => "is a schema that Portrait fills itself; CREATE SCHEMA makes one for what is yours",
            false => "no such schema; SHOW SCHEMAS lists them",
        };
        return Err(context.unseen(coded(SqlState::INVALID_SCHEMA_NAME, &schema, problem), &schema));
    }
    Ok(member(&schema, own))
}

fn rename(object: &Object, new: String, context: &StatementContext) -> Result<()> {
    if new == object.name {
        return Ok(());
    }
    let renamed = Object { name: new, ..object.clone() };
    relation::check_name(&renamed)?;
    let is_it = |other: &Object| other.name == renamed.name && NAMES.contains(&other.kind.as_str());
    let objects = context.all_objects()?;
    let is_counter = objects.iter().any(|other| other.kind == "table" && names_counter(other, &renamed.name));
    if renamed.name.is_empty() || is_counter || objects.iter().any(is_it) || context.tables().temporary(&renamed.name).is_some() {
        let problem = "exists already; choose another name, or DROP it first";
        return Err(coded(SqlState::DUPLICATE_TABLE, &renamed.name, problem));
    }
    let users = users(object, context)?;
    if !users.is_empty() {
        let problem = format!("is used by {}; change them first", listed(&users, context)?);
        return Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, &object.name, problem));
    }
    let State { counter, data_type, owner } = state(object, context)?;
    let counter_name = counter_of(object).unwrap_or_default();
    let options = counter.counting.written(data_type);
    let sql = definition(&renamed.name, &options, owner.as_ref(), counter_name, context);
    let renamed = Object { sql, version: object.version + 1, author: context.role().into(), ..renamed };
    unless_moved(context.catalog().rename(object, &renamed, Some(context.view().stamp()?)), context)?;
    context.tables().let_go();
    Ok(())
}

/// Drops a sequence.
///
/// # Errors
/// There is no such sequence, the role does not own it, or something uses it.
pub async fn drop(name: &ObjectName, if_exists: bool, cascades: bool, context: &StatementContext) -> Result<()> {
    let written = name.to_string();
    if let Some(own) = temporary(&written, context) {
        context.tables().remove_sequence(&own);
        return Ok(());
    }
    let Some(object) = named(&written, context)? else {
        if let Some((table, counter)) = of_column(name, context)? {
            let problem = format!("is the counter of a column of {}; DROP DEFAULT or the column instead", table.name);
            return Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, &counter, problem));
        }
        return match if_exists {
            true => Ok(()),
            false => Err(missing(&written, context)?),
        };
    };
    if cascades && !users(&object, context)?.is_empty() {
        let problem = "CASCADE is not supported; DROP what uses it first; the error of DROP without CASCADE names it";
        return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, &object.name, problem));
    }
    let Some(grammar) = kind_of(WORD) else { return Ok(()) };
    let target = Target { grammar, name: object.name.clone(), profile: None };
    lifecycle::drop(context, &target, if_exists).await
}

/// The error for a name that no sequence has, which another relation may have.
fn missing(written: &str, context: &StatementContext) -> Result<DataFusionError> {
    let names = meant(&crate::postgres_catalog::name_parts(written).unwrap_or_default(), &context.path());
    let objects = context.objects()?;
    let other =
        names.iter().find_map(|name| objects.iter().find(|object| object.name == *name && NAMES.contains(&object.kind.as_str())));
    Ok(match other {
        Some(other) => {
            let problem = format!("is {}, and no sequence", crate::text::with_article(&other.kind));
            coded(SqlState::WRONG_OBJECT_TYPE, &other.name, problem)
        }
        None => context.unseen(no_sequence(written), written),
    })
}

/// Lets the sequences that a table owns follow its new name, and the names of its columns; those of dropped columns are dropped. The table
/// is changed already.
///
/// # Errors
/// The catalog cannot be written.
pub fn follow(
    owned: Vec<(Object, Owner)>,
    new: &str,
    columns: &[(String, Option<String>)],
    context: &StatementContext,
) -> Result<()> {
    for (object, owner) in owned {
        let moved = columns.iter().find(|(old, _)| *old == owner.column).map(|(_, new)| new);
        let owner = match moved {
            Some(None) => {
                context.catalog().remove_object(&object, None)?;
                let counter = counter_of(&object).map(str::to_string);
                context.catalog().drop_sequences(&counter.into_iter().collect::<Vec<_>>())?;
                continue;
            }
            Some(Some(column)) => Owner { table: new.into(), column: column.clone() },
            None => Owner { table: new.into(), ..owner },
        };
        let State { counter, data_type, .. } = state(&object, context)?;
        let options = counter.counting.written(data_type);
        let sql = definition(&object.name, &options, Some(&owner), counter_of(&object).unwrap_or_default(), context);
        if sql != object.sql {
            let Object { kind, profile, name, base, .. } = &object;
            let version = NewVersion { kind, profile, name, sql: &sql, base, author: context.role() };
            context.catalog().put_object(version, None)?;
        }
    }
    Ok(())
}

/// The statements that give sequences to their columns, for a dump: each after its table.
///
/// # Errors
/// The catalog cannot be read.
pub fn owners(context: &StatementContext) -> Result<Vec<String>> {
    let objects = context.objects()?;
    let mut lines = vec![];
    for object in objects.iter().filter(|object| object.kind == WORD) {
        let Ok(State { owner: Some(Owner { table, column }), .. }) = state(object, context) else { continue };
        let name = |name: &str| schema::quoted(name, context);
        let column = crate::text::identifier(&column);
        lines.push(format!("ALTER SEQUENCE {} OWNED BY {}.{column};", name(&object.name), name(&table)));
    }
    Ok(lines)
}
