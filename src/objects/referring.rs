//! Foreign keys: which tables refer to which, and whether they still hold after a change.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use sqlparser::ast::Ident;

use super::constraining::declared_in_session;
use super::kind::Kind;
use super::relation::NAMESPACE;
use super::schema::{member, parts};
use super::table::{Table, with_constraints, written_constraints};
use crate::catalog::data::{DataFile, Pinned};
use crate::catalog::grants::{PUBLIC, Privilege};
use crate::catalog::objects::{NewVersion, Object, REFERENCES};
use crate::catalog::requirement::{Requirement, referring};
use crate::catalog::snapshots::{SnapshotOf, When};
use crate::catalog::tables::{Action, Compared, Contents, ForeignKey, Side, compare, compared_as};
use crate::catalog::transaction::Change;
use crate::error::{SqlState, advised, coded, did_you_mean};
use crate::sql::syntax::constraints::{Constraint, Rule};
use crate::sql::syntax::foreign::Foreign;
use crate::statement::StatementContext;
use crate::text::{identifier, sql_type, with_article};

/// What tables had in them before a statement changed them.
pub type Before = BTreeMap<String, Contents>;

/// The name of the object that a stored foreign key refers to.
pub fn object_name(table: &[String]) -> String {
    match table {
        [.., schema, own] if schema != PUBLIC => member(schema, own),
        [.., own] => own.clone(),
        [] => String::new(),
    }
}

/// The foreign keys of a table among its constraints.
pub fn foreign(constraints: &[Constraint]) -> impl Iterator<Item = (&str, &Foreign)> {
    constraints.iter().filter_map(|constraint| match &constraint.rule {
        Rule::Foreign(foreign) => Some((constraint.name.as_str(), foreign)),
        Rule::PrimaryKey(_) | Rule::Unique { .. } | Rule::Check(_) => None,
    })
}

/// The foreign keys of all tables.
///
/// # Errors
/// The database cannot be read.
pub fn all(context: &StatementContext) -> Result<Arc<[ForeignKey]>> {
    // Nothing else knows what would become of definitions.
    if !context.is_plain() {
        return read(context);
    }
    let at = (Arc::as_ptr(context.catalog()).addr(), context.view().stamp()?.definitions);
    if let Some(known) = context.tables().foreign_keys(at) {
        return Ok(known);
    }
    let keys = read(context)?;
    context.tables().keep_foreign_keys(at, &keys);
    Ok(keys)
}

fn read(context: &StatementContext) -> Result<Arc<[ForeignKey]>> {
    let mut all = vec![];
    let mut add = |table: &str, constraints: &[Constraint]| {
        all.extend(foreign(constraints).map(|(name, own)| ForeignKey {
            name: name.to_string(),
            table: table.to_string(),
            columns: own.columns.clone(),
            referred: object_name(&own.table),
            referred_columns: own.referred.clone(),
            on_delete: own.on_delete,
            on_update: own.on_update,
            is_deferrable: own.is_deferrable,
            is_deferred: own.is_deferred,
        }));
    };
    for object in context.all_objects()?.iter() {
        if object.kind == "table" && object.sql.contains(REFERENCES) {
            add(&object.name, &written_constraints(object, context)?);
        }
    }
    let mut temporary = context.tables().temporary_names();
    temporary.sort();
    for table in temporary {
        if context.tables().constraints(&table).iter().any(|constraint| constraint.contains(REFERENCES)) {
            add(&table, &declared_in_session(&table, context)?);
        }
    }
    Ok(all.into())
}

/// True when a table refers to others, or others to it.
///
/// # Errors
/// The database cannot be read.
pub fn is_part(table: &str, context: &StatementContext) -> Result<bool> {
    Ok(all(context)?.iter().any(|key| key.table == table || key.referred == table))
}

/// The constraints of a new or altered table, with the tables and columns that its new foreign keys refer to. `known` are those that it has
/// already, `columns` are its own, and a table of the session is `temporary`.
///
/// # Errors
/// There is no such table, it has no such key, or the role may not refer to it.
pub async fn resolved(
    table: &str,
    constraints: Vec<Constraint>,
    known: &[Constraint],
    (columns, is_temporary): (&[String], bool),
    context: &StatementContext,
) -> Result<Vec<Constraint>> {
    let mut all = constraints.clone();
    for Constraint { name, rule } in &mut all {
        let is_known = known.iter().any(|other| other.rule == *rule);
        let Rule::Foreign(own) = rule else { continue };
        if is_known {
            continue;
        }
        if let Some(column) = own.columns.iter().find(|column| !columns.is_empty() && !columns.contains(column)) {
            return Err(no_column(table, column, columns));
        }
        let names_of = |schema: &Schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        let (other, keys, its_columns) = match found(table, &own.table, is_temporary, context)? {
            Found::Itself => (table.to_string(), constraints.clone(), columns.to_vec()),
            Found::OfSession(name) => {
                let columns = context.tables().temporary(&name).map(|other| names_of(&other.schema())).unwrap_or_default();
                let keys = declared_in_session(&name, context)?;
                (name, keys, columns)
            }
            Found::Stored(object) => {
                context.check_may(Privilege::References, &object)?;
                let schema = Table.open(&object, When::Now, context).await?.schema();
                (object.name.clone(), written_constraints(&object, context)?, names_of(&schema))
            }
        };
        own.table = match parts(&other, context) {
            (Some(schema), name) => vec![schema.to_string(), name.to_string()],
            (None, name) => vec![name.to_string()],
        };
        if own.referred.is_empty() {
            let primary = keys.iter().find_map(|key| match &key.rule {
                Rule::PrimaryKey(columns) => Some(columns.clone()),
                Rule::Unique { .. } | Rule::Check(_) | Rule::Foreign(_) => None,
            });
            own.referred = primary.ok_or_else(|| {
                let problem =
                    format!("there is no primary key for referenced table {other}; write its columns: REFERENCES {other} (…)");
                coded(SqlState::UNDEFINED_OBJECT, table, problem)
            })?;
        }
        if let Some(column) = own.referred.iter().find(|column| !its_columns.is_empty() && !its_columns.contains(column)) {
            return Err(no_column(table, column, &its_columns));
        }
        if own.columns.len() != own.referred.len() {
            let problem = format!(
                "number of referencing and referenced columns for foreign key disagree: {} has {} and refers to {}; write as many",
                identifier(name),
                own.columns.len(),
                own.referred.len()
            );
            return Err(coded(SqlState::INVALID_FOREIGN_KEY, table, problem));
        }
        if !has_key(&keys, &own.referred) {
            return Err(no_key(table, &other, &own.referred));
        }
    }
    Ok(all)
}

/// The table that a new foreign key refers to.
enum Found {
    Itself,
    Stored(Box<Object>),
    /// A temporary table, by its name.
    OfSession(String),
}

fn found(table: &str, written: &[String], is_temporary: bool, context: &StatementContext) -> Result<Found> {
    let names: Vec<String> = match written {
        [name] => {
            let path = context.path();
            path.iter().map(|of| if of == PUBLIC { name.clone() } else { member(of, name) }).collect()
        }
        written => vec![object_name(written)],
    };
    let objects = context.objects()?;
    for name in &names {
        if name == table {
            return Ok(Found::Itself);
        }
        if context.tables().temporary(name).is_some() {
            if is_temporary {
                return Ok(Found::OfSession(name.clone()));
            }
            let problem = format!(
                "constraints on permanent tables may reference only permanent tables, and {name} is temporary; CREATE TABLE {name} without TEMPORARY"
            );
            return Err(coded(SqlState::INVALID_TABLE_DEFINITION, table, problem));
        }
        let found = objects.iter().find(|object| object.name == *name && NAMESPACE.contains(&object.kind.as_str()));
        match found {
            Some(object) if object.kind == "table" && is_temporary => {
                let problem = format!(
                    "constraints on temporary tables may reference only temporary tables, and {name} is permanent; CREATE TABLE {table} without TEMPORARY"
                );
                return Err(coded(SqlState::INVALID_TABLE_DEFINITION, table, problem));
            }
            Some(object) if object.kind == "table" => return Ok(Found::Stored(Box::new(object.clone()))),
            Some(object) => {
                let problem =
                    format!("referenced relation {name} is {}, not a table; refer to a table", with_article(&object.kind));
                return Err(coded(SqlState::WRONG_OBJECT_TYPE, table, problem));
            }
            None => {}
        }
    }
    let name = written.join(".");
    let known = objects.iter().filter(|object| object.kind == "table").map(|object| object.name.as_str());
    let suggestion = did_you_mean(&name, known);
    let problem = format!("no such table{suggestion}; CREATE it before the tables that refer to it");
    Err(context.unseen(coded(SqlState::UNDEFINED_TABLE, &name, problem), &name))
}

/// True when two rows cannot have the same values in these columns.
fn has_key(keys: &[Constraint], columns: &[String]) -> bool {
    let is_it =
        |key: &[String]| !key.is_empty() && key.len() == columns.len() && columns.iter().all(|column| key.contains(column));
    keys.iter().any(|key| is_it(key.rule.key()))
}

fn no_key(table: &str, other: &str, columns: &[String]) -> DataFusionError {
    let columns = columns.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", ");
    let problem = format!(
        "there is no unique constraint matching given keys for referenced table {other}; ALTER TABLE {other} ADD UNIQUE ({columns}) first"
    );
    coded(SqlState::INVALID_FOREIGN_KEY, table, problem)
}

fn no_column(table: &str, column: &str, columns: &[String]) -> DataFusionError {
    let suggestion = did_you_mean(column, columns.iter().map(String::as_str));
    let column = Ident::new(column);
    let problem = format!(
        "column {column} referenced in foreign key constraint does not exist{suggestion}; there is {}",
        columns.join(", ")
    );
    coded(SqlState::UNDEFINED_COLUMN, table, problem)
}

/// Fails when a table with these columns and constraints cannot refer to the other tables as they are.
///
/// # Errors
/// A table, a column or a key is not there, or two columns cannot be compared. `label` is what the error is about.
pub async fn check(
    label: &str,
    table: &str,
    columns: &SchemaRef,
    constraints: &[Constraint],
    context: &StatementContext,
) -> Result<()> {
    for (name, own) in foreign(constraints) {
        let other = object_name(&own.table);
        let (its_columns, keys) = if other == table {
            (Arc::clone(columns), constraints.to_vec())
        } else if let Some(temporary) = context.tables().temporary(&other) {
            (temporary.schema(), declared_in_session(&other, context)?)
        } else {
            let objects = context.all_objects()?;
            let object = objects.iter().find(|object| object.kind == "table" && object.name == other);
            let Some(object) = object else {
                let problem = format!("foreign key {} refers to table {other}, which is not there", identifier(name));
                return Err(coded(SqlState::UNDEFINED_TABLE, label, problem));
            };
            let its_columns = match context.relation_in_progress(&other) {
                Some(relation) => relation.schema(),
                None => Table.open(object, When::Now, context).await?.schema(),
            };
            (its_columns, written_constraints(object, context)?)
        };
        for (column, referred) in own.columns.iter().zip(&own.referred) {
            let (one, another) = (of(label, columns, column)?, of(label, &its_columns, referred)?);
            if compared_as(&one, &another).is_none() {
                let problem = format!(
                    "foreign key constraint {} cannot be implemented: key columns {} and {} are of incompatible types: {} and {}; give both the same type",
                    identifier(name),
                    identifier(column),
                    identifier(referred),
                    sql_type(&one),
                    sql_type(&another)
                );
                return Err(coded(SqlState::DATATYPE_MISMATCH, label, problem));
            }
        }
        if !has_key(&keys, &own.referred) {
            return Err(no_key(label, &other, &own.referred));
        }
    }
    Ok(())
}

fn of(table: &str, columns: &Schema, name: &str) -> Result<DataType> {
    match columns.field_with_name(name) {
        Ok(field) => Ok(field.data_type().clone()),
        Err(_) => {
            let known: Vec<String> = columns.fields().iter().map(|field| field.name().clone()).collect();
            Err(no_column(table, name, &known))
        }
    }
}

/// The tables that refer to a table, each with its definition as it is when the foreign keys are changed; those that stay the same are left out.
///
/// # Errors
/// The database cannot be read.
pub fn following(table: &str, change: impl Fn(&mut Foreign), context: &StatementContext) -> Result<Vec<Object>> {
    let mut all = vec![];
    for object in context.all_objects()?.iter() {
        if object.kind != "table" || object.name == table || !object.sql.contains(REFERENCES) {
            continue;
        }
        let before = written_constraints(object, context)?;
        let mut after = before.clone();
        for constraint in &mut after {
            if let Rule::Foreign(own) = &mut constraint.rule
                && object_name(&own.table) == table
            {
                change(own);
            }
        }
        if after != before {
            all.push(with_constraints(object, &after, context)?);
        }
    }
    Ok(all)
}

/// Lets the foreign keys of temporary tables follow a change of a temporary table.
///
/// # Errors
/// None for tables that CREATE TABLE has made.
pub fn follow_in_session(table: &str, change: impl Fn(&mut Foreign), context: &StatementContext) -> Result<()> {
    for other in context.tables().temporary_names().into_iter().filter(|other| other != table) {
        let mut constraints = declared_in_session(&other, context)?;
        let before = constraints.clone();
        for constraint in &mut constraints {
            if let Rule::Foreign(own) = &mut constraint.rule
                && object_name(&own.table) == table
            {
                change(own);
            }
        }
        if constraints != before {
            context.tables().set_constraints(&other, constraints.iter().map(ToString::to_string).collect());
        }
    }
    Ok(())
}

/// Stores new definitions of tables whose foreign keys follow a change of another table, in the transaction of that change.
///
/// # Errors
/// Another statement holds the lock of one for too long, or the catalog cannot be written.
pub async fn follow(objects: &[Object], context: &StatementContext) -> Result<()> {
    let options = context.session().config_options();
    for Object { kind, profile, name, sql, base, .. } in objects {
        let _held = context.catalog().lock(SnapshotOf::Table, name, "ALTER TABLE", options).await?;
        let author = context.role();
        context.catalog().put_object(NewVersion { kind, profile, name, sql, base, author }, None)?;
    }
    Ok(())
}

/// Remembers the files that a table has, before a statement changes it for the first time.
///
/// # Errors
/// A file is damaged.
pub async fn note(before: &mut Before, table: &str, context: &StatementContext) -> Result<()> {
    if !before.contains_key(table) {
        before.insert(table.to_string(), contents(table, context).await?);
    }
    Ok(())
}

/// The rows of a table as it is now.
async fn contents(table: &str, context: &StatementContext) -> Result<Contents> {
    let temporary = context.tables().temporary(table);
    let Some(temporary) = temporary.as_ref().and_then(|table| table.downcast_ref::<MemTable>()) else {
        return Ok(Contents::Files(context.catalog().files_now(table)?));
    };
    let mut batches = vec![];
    for part in &temporary.batches {
        batches.extend(part.read().await.iter().cloned());
    }
    Ok(Contents::Batches(temporary.schema(), batches))
}

/// Compares all rows with the foreign keys of a temporary table and of those that refer to it, after it was made or altered.
///
/// # Errors
/// One does not hold, or does not fit the table.
pub async fn verify_made(table: &str, context: &StatementContext) -> Result<()> {
    for key in read(context)?.iter().filter(|key| key.table == table || key.referred == table) {
        if key.table != table {
            let Some(other) = context.tables().temporary(&key.table) else { continue };
            let label = format!("table {}", key.table);
            let constraints = declared_in_session(&key.table, context)?;
            check(&label, &key.table, &other.schema(), &constraints, context).await?;
        }
        let (own, other) = (contents(&key.table, context).await?, contents(&key.referred, context).await?);
        let (own, other) = (Side { before: &own, now: &own }, Side { before: &other, now: &other });
        settle(key, Compared { new: true, gone: false, all: true }, own, other, context).await?;
    }
    Ok(())
}

/// Compares what a statement has changed in a transaction with all foreign keys. `known` are those that held before, and `may_be_late` says
/// whether the transaction goes on after the statement.
///
/// # Errors
/// One does not hold.
pub async fn verify(before: &Before, known: &[ForeignKey], may_be_late: bool, context: &StatementContext) -> Result<()> {
    let context = &context.renewed();
    let catalog = context.catalog();
    for key in all(context)?.iter() {
        let is_new = !known.iter().any(|other| other.compares_as(key));
        if !is_new && !before.contains_key(&key.table) && !before.contains_key(&key.referred) {
            continue;
        }
        let (own, other) = (contents(&key.table, context).await?, contents(&key.referred, context).await?);
        let own = Side { before: before.get(&key.table).unwrap_or(&own), now: &own };
        let other = Side { before: before.get(&key.referred).unwrap_or(&other), now: &other };
        let is_late = may_be_late && !is_new && catalog.is_late(key);
        if is_late {
            catalog.keep_late(key, own.before, other.before);
        }
        // RESTRICT never waits.
        let gone = !is_late || [key.on_delete, key.on_update].contains(&Action::Restrict);
        let compared = Compared { new: !is_late, gone: gone && !is_new, all: is_new };
        settle(key, compared, own, other, context).await?;
    }
    Ok(())
}

/// Compares the foreign keys that have waited for COMMIT: `all`, or those that SET CONSTRAINTS lets wait no longer.
///
/// # Errors
/// One does not hold.
pub async fn verify_late(all: bool, context: &StatementContext) -> Result<()> {
    let catalog = context.catalog();
    let late = catalog.late();
    if late.is_empty() {
        return Ok(());
    }
    for key in self::all(context)?.iter() {
        let Some(kept) = late.iter().find(|kept| kept.key.compares_as(key) && (all || !catalog.is_late(&kept.key))) else {
            continue;
        };
        let (own, other) = (contents(&key.table, context).await?, contents(&key.referred, context).await?);
        let (own, other) = (Side { before: &kept.own, now: &own }, Side { before: &kept.other, now: &other });
        settle(key, Compared { new: true, gone: true, all: false }, own, other, context).await?;
    }
    Ok(())
}

/// True for a key whose columns become NULL when the row goes that they refer to, and may be NULL.
///
/// # Errors
/// A file is damaged.
pub fn empties(key: &ForeignKey, context: &StatementContext) -> Result<bool> {
    if key.on_delete != Action::SetNull {
        return Ok(false);
    }
    let files = context.catalog().files_now(&key.table)?;
    let may = |column: &String| files.iter().all(|file| file.schema.field_with_name(column).is_ok_and(Field::is_nullable));
    Ok(key.columns.iter().all(may))
}

/// Fails when rows would refer to rows that an erasure removes, of a person or of a time. `rewritten` are its files by their tables, old and new;
/// all others stay.
///
/// # Errors
/// The first such foreign key; or a file is damaged.
pub async fn verify_erasure(rewritten: &[(&str, &str, &DataFile)], is_of_person: bool, context: &StatementContext) -> Result<()> {
    let catalog = context.catalog();
    for key in all(context)?.iter().filter(|key| context.tables().temporary(&key.table).is_none()) {
        if !rewritten.iter().any(|(table, ..)| *table == key.referred) {
            continue;
        }
        let after = |table: &str| -> Result<(Contents, Contents)> {
            let before = catalog.files_now(table)?;
            let file = |pin: &Arc<Pinned>| {
                let new = rewritten.iter().find(|(own, old, _)| *own == table && *old == pin.name);
                new.map_or_else(|| Ok(Arc::clone(pin)), |(_, _, new)| catalog.data.pin(new))
            };
            let now = before.iter().map(file).collect::<Result<Vec<_>>>()?;
            Ok((Contents::Files(before), Contents::Files(now)))
        };
        let (own, other) = (after(&key.table)?, after(&key.referred)?);
        let (own, other) = (Side { before: &own.0, now: &own.1 }, Side { before: &other.0, now: &other.1 });
        let memory = MemoryConsumer::new("foreign keys").register(&context.session().runtime_env().memory_pool);
        compare(key, Compared { new: false, gone: true, all: false }, own, other, &memory).await.map_err(|error| {
            let mut advice = format!("delete the rows of {} that refer to them first, or drop the constraint", key.table);
            if is_of_person && let [column] = key.columns.as_slice() {
                advice = format!("erase them too WITH (columns = '{}.{column}'), or change them first", key.table);
            }
            advised(&error, &advice)
        })?;
    }
    Ok(())
}

async fn settle(key: &ForeignKey, compared: Compared, own: Side<'_>, other: Side<'_>, context: &StatementContext) -> Result<()> {
    let memory = MemoryConsumer::new("foreign keys").register(&context.session().runtime_env().memory_pool);
    let catalog = context.catalog();
    for required in compare(key, compared, own, other, &memory).await? {
        catalog.keep_change(|| Change::Require(required));
    }
    Ok(())
}

/// Lets a transaction that removes rows of a table commit only if no other table refers to it by then.
///
/// # Errors
/// The database cannot be read.
pub fn require_no_other(table: &str, context: &StatementContext) -> Result<()> {
    let tables = referring(&context.all_objects()?);
    context.catalog().keep_change(|| Change::Require(Requirement::Referring { table: table.to_string(), tables }));
    Ok(())
}
