//! Names of tables and views: which object a statement means, with or without a schema.

use std::collections::HashSet;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::sql::parser::{CreateExternalTable, Statement as SqlParsed};
use sqlparser::ast::{Ident, Insert, ObjectName, ObjectType, SchemaName, Statement as SqlStatement, TableObject};

use super::missing_tables::{no_such_table, no_such_view};
use super::schema::{CATALOG, OWN_SCHEMAS, PUBLIC, TEMPORARY_SCHEMA};
use crate::catalog::objects::Object;
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::objects::{altering, kind_of, lifecycle, referring, schema};
use crate::refresh::plan::{PROFILE_SCHEMA, SEGMENT_SCHEMA};
use crate::sql::command::{Body, Command, Create, Target};
use crate::sql::parser;
use crate::statement::StatementContext;
use crate::text::{literal, with_article};

/// CREATE and DROP of tables and views, as commands about objects if the database stores them.
pub(super) fn object_command(parsed: &SqlParsed, context: &StatementContext) -> Result<Option<Command>> {
    let create = |word: &str, name: &ObjectName, or_replace: bool, if_not_exists: bool| -> Result<Option<Command>> {
        let Some(kind) = kind_of(word) else { return Ok(None) };
        let target = Target { grammar: kind, name: new_name(name, context)?, profile: None };
        let body = Body::Sql(Box::new(parsed.clone()));
        let (parameters, options) = (vec![], vec![]);
        Ok(Some(Command::Create(Box::new(Create {
            target,
            or_replace,
            if_not_exists,
            parameters,
            options,
            body,
            table: None,
            protection: None,
        }))))
    };
    match parsed {
        SqlParsed::CreateExternalTable(table) if !table.temporary => {
            refuse_twice(table)?;
            create("external table", &table.name, table.or_replace, table.if_not_exists)
        }
        SqlParsed::CreateExternalTable(table) => {
            refuse_twice(table)?;
            of_session(&table.name, table.or_replace, context)
        }
        SqlParsed::Statement(statement) => match statement.as_ref() {
            SqlStatement::CreateView(view) if !view.temporary => create("view", &view.name, view.or_replace, view.if_not_exists),
            SqlStatement::CreateTable(table) if !table.temporary && context.catalog().is_durable() => {
                create("table", &table.name, table.or_replace, table.if_not_exists)
            }
            SqlStatement::CreateSchema { schema_name: SchemaName::Simple(name), if_not_exists, .. } => {
                let name = schema_name(name)?;
                let Some(kind) = kind_of("schema") else { return Ok(None) };
                let target = Target { grammar: kind, name, profile: None };
                let body = Body::Sql(Box::new(parsed.clone()));
                let (or_replace, if_not_exists, parameters, options) = (false, *if_not_exists, vec![], vec![]);
                Ok(Some(Command::Create(Box::new(Create {
                    target,
                    or_replace,
                    if_not_exists,
                    parameters,
                    options,
                    body,
                    table: None,
                    protection: None,
                }))))
            }
            SqlStatement::Drop { object_type: ObjectType::Schema, if_exists, names, .. } => {
                let (Some(kind), [name]) = (kind_of("schema"), names.as_slice()) else { return Ok(None) };
                let name = schema_name(name)?;
                if name == PUBLIC || OWN_SCHEMAS.contains(&name.as_str()) {
                    let problem = "is part of every database; drop what it holds instead";
                    return Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, &format!("schema {name}"), problem));
                }
                Ok(Some(Command::Drop(vec![Target { grammar: kind, name, profile: None }], *if_exists)))
            }
            SqlStatement::CreateTable(table) => of_session(&table.name, table.or_replace, context),
            SqlStatement::CreateView(view) => of_session(&view.name, view.or_replace, context),
            SqlStatement::Drop {
                object_type: object_type @ (ObjectType::Table | ObjectType::View), if_exists, names, ..
            } => {
                let ([name], word) = (names.as_slice(), if *object_type == ObjectType::View { "VIEW" } else { "TABLE" }) else {
                    return Ok(None);
                };
                let own = match (own_name(name, context), name.0.as_slice()) {
                    (Ok(own), _) => own,
                    (Err(error), [.., schema, _]) if !*if_exists && schema.as_ident().is_some_and(is_own_schema) => {
                        return Err(error);
                    }
                    _ => return Ok(None),
                };
                if context.tables().temporary(&own).is_some() {
                    refuse_used(&own, context)?;
                    return Ok(None);
                }
                let object = match relation(&own, context)? {
                    Some(object) => object,
                    // To a role that does not see everything, what is hidden and what does not exist are the same, without suggestions.
                    None if *if_exists || !context.rights()?.is_superuser() => return Ok(None),
                    None if word == "VIEW" => return Err(no_such_view(&own, context)),
                    None => return Err(no_such_table(&own, context)),
                };
                let own_word = match object.kind.as_str() {
                    "view" => "VIEW",
                    "sequence" => "SEQUENCE",
                    _ => "TABLE",
                };
                if own_word != word {
                    let problem = format!("is {}; write DROP {own_word} {own}", with_article(&object.kind));
                    return Err(invalid(&own, problem));
                }
                let Some(kind) = kind_of(&object.kind) else { return Ok(None) };
                Ok(Some(Command::Drop(vec![Target { grammar: kind, name: own, profile: None }], *if_exists)))
            }
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Refuses an option that is given twice; a plan would keep only one.
fn refuse_twice(table: &CreateExternalTable) -> Result<()> {
    let mut given = HashSet::new();
    for (key, _) in &table.options {
        let key = key.to_lowercase();
        let name = key.strip_prefix("format.").unwrap_or(&key);
        if !given.insert(name.to_string()) {
            return Err(invalid(&format!("external table {}", table.name), format!("{name} is given twice")));
        }
    }
    Ok(())
}

/// SHOW CREATE TABLE and SHOW CREATE VIEW as a query of the system table with the definition; `None` for other statements.
pub(super) fn shown_definition(parsed: &SqlParsed, context: &StatementContext) -> Result<Option<SqlParsed>> {
    let SqlParsed::Statement(statement) = parsed else { return Ok(None) };
    let SqlStatement::ShowCreate { obj_name, .. } = statement.as_ref() else { return Ok(None) };
    let name = own_name(obj_name, context)?;
    if context.tables().temporary(&name).is_some() {
        return Err(invalid(&name, "is a table of the session, whose definition is not kept; DESCRIBE shows its columns"));
    }
    let object = relation(&name, context)?;
    let Some((object, kind)) = object.and_then(|object| kind_of(&object.kind).map(|kind| (object, kind))) else {
        return Err(no_such_table(&name, context));
    };
    let query = format!("SELECT name, definition FROM system.{} WHERE name = {}", kind.system_table(), literal(&object.name));
    parser::parse_composed(&query, context.session()).map(Some)
}

/// True for the name of a schema that holds no tables of users.
fn is_own_schema(schema: &Ident) -> bool {
    OWN_SCHEMAS.contains(&crate::sql::command::normal(schema).as_str())
}

fn schema_name(name: &ObjectName) -> Result<String> {
    match name.0.as_slice() {
        [own] => {
            own.as_ident().map(crate::sql::command::normal).ok_or_else(|| invalid("schema", format!("{name} is not a name")))
        }
        _ => Err(invalid(&name.to_string(), "a schema has one name; a database is a folder")),
    }
}

/// Checks the name of a session table: a TEMPORARY one in a database, any table in memory. It must not hide a stored object.
fn of_session(name: &ObjectName, or_replace: bool, context: &StatementContext) -> Result<Option<Command>> {
    let name = new_name(name, context)?;
    if name.is_empty() {
        return Err(invalid("table", "a name must not be empty, got \"\""));
    }
    match relation(&name, context)? {
        Some(_) if context.catalog().is_durable() => {
            let problem = "exists already in the database; give the temporary table another name";
            Err(coded(SqlState::DUPLICATE_TABLE, &name, problem))
        }
        Some(other) if or_replace => {
            let problem = format!("is {}, which cannot be replaced by a table; DROP it first", with_article(&other.kind));
            Err(coded(SqlState::DUPLICATE_TABLE, &name, problem))
        }
        _ => Ok(None),
    }
}

/// The object name of a relation: the bare name in the schema `public`, otherwise with the schema in front.
pub(super) fn own_name(name: &ObjectName, context: &StatementContext) -> Result<String> {
    let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident().map(crate::sql::command::normal)).collect();
    let parts = match parts.as_slice() {
        [catalog, rest @ ..] if rest.len() == 2 && catalog == CATALOG => rest,
        parts => parts,
    };
    let schemas = schema::names(context);
    match parts {
        [own] => match schema::parts(own, context) {
            (Some(schema), table) => {
                let problem = format!("is the name of a table of schema {schema}; write {schema}.{table} without the quotes");
                Err(invalid(own, problem))
            }
            (None, own) => {
                // The first schema of the search path that has it, or else the first schema.
                let path = context.path();
                let (filled, others): (Vec<&String>, Vec<&String>) =
                    path.iter().partition(|of| OWN_SCHEMAS.contains(&of.as_str()));
                let names: Vec<String> = others.into_iter().map(|of| member_of(of, own)).collect();
                let is_there = |name: &&String| {
                    context.tables().temporary(name).is_some() || relation(name, context).is_ok_and(|found| found.is_some())
                };
                match names.iter().find(is_there) {
                    Some(name) => Ok(name.clone()),
                    None => match filled.into_iter().find(|of| publishes(of, own, context)) {
                        Some(of) => Err(is_filled(of, own)),
                        None => Ok(names.first().cloned().unwrap_or_else(|| own.to_string())),
                    },
                }
            }
        },
        [schema, own] if schema == PUBLIC => Ok(own.clone()),
        [schema, own] if schema == TEMPORARY_SCHEMA => match context.tables().temporary(own) {
            Some(_) => Ok(own.clone()),
            None => Err(coded(SqlState::UNDEFINED_TABLE, &name.to_string(), "no such temporary table in this session")),
        },
        [schema, own] if schemas.contains(schema) => Ok(schema::member(schema, own)),
        [schema, _] if OWN_SCHEMAS.contains(&schema.as_str()) => Err(is_filled(schema, &name.to_string())),
        [schema, _] => {
            let suggestion = did_you_mean(schema, schemas.iter().map(String::as_str));
            let problem =
                format!("there is no schema {schema}{suggestion}; create it with CREATE SCHEMA {schema}, or leave it out");
            Err(context.unseen(coded(SqlState::UNDEFINED_OBJECT, &name.to_string(), problem), &name.to_string()))
        }
        _ => Err(invalid(&name.to_string(), "a table is named by its schema and its name only")),
    }
}

/// The object name of a new relation: without a schema, it is created in the first schema of the path.
pub(super) fn new_name(name: &ObjectName, context: &StatementContext) -> Result<String> {
    let path = context.path();
    let ([only], Some(first)) = (name.0.as_slice(), path.first()) else { return own_name(name, context) };
    let Some(only) = only.as_ident().map(crate::sql::command::normal) else { return own_name(name, context) };
    match schema::parts(&only, context) {
        // Its error names the schema.
        (Some(_), _) => own_name(name, context),
        _ if OWN_SCHEMAS.contains(&first.as_str()) => Err(is_filled(first, &only)),
        _ => Ok(member_of(first, &only)),
    }
}

/// Refuses an INSERT into a table of a schema that Portrait fills itself.
pub(super) fn refuse_insert(parsed: &SqlParsed, context: &StatementContext) -> Result<()> {
    let SqlParsed::Statement(statement) = parsed else { return Ok(()) };
    let SqlStatement::Insert(Insert { table: TableObject::TableName(name), .. }) = statement.as_ref() else { return Ok(()) };
    match name.0.as_slice() {
        [.., schema, _] if !schema.as_ident().is_some_and(is_own_schema) => Ok(()),
        _ => own_name(name, context).map(|_| ()),
    }
}

/// True if a schema that Portrait fills itself has a table of this name.
fn publishes(schema: &str, table: &str, context: &StatementContext) -> bool {
    let state = context.state();
    let schema = state.catalog_list().catalog(CATALOG).and_then(|catalog| catalog.schema(schema));
    schema.is_some_and(|schema| schema.table_exist(table))
}

/// The error for a change of a table in a schema that Portrait fills itself.
fn is_filled(schema: &str, name: &str) -> DataFusionError {
    let problem = match schema {
        PROFILE_SCHEMA | SEGMENT_SCHEMA => {
            "is in a schema that Portrait fills itself: to change what profiles and segments publish, change the tables that they read, or their definitions, and REFRESH; tables of your own are made in public, or in a schema of yours"
        }
        _ => {
            "is in a schema that Portrait fills itself, with what it knows of the database; tables of your own are made in public, or in a schema of yours"
        }
    };
    invalid(name, problem)
}

/// The object name of a table in a schema.
fn member_of(of: &str, table: &str) -> String {
    if of == PUBLIC { table.to_string() } else { schema::member(of, table) }
}

/// The table, view or external table with this name.
pub(super) fn relation(name: &str, context: &StatementContext) -> Result<Option<Object>> {
    let is_relation = |object: &Object| kind_of(&object.kind).is_some_and(|kind| !kind.namespace().is_empty());
    Ok(context.objects()?.iter().find(|object| object.name == name && is_relation(object)).cloned())
}

/// Refuses to drop a temporary table that an object reads, directly or through views. The views may stay: they are made again as easily as
/// the table.
pub(super) fn refuse_used(name: &str, context: &StatementContext) -> Result<()> {
    let users = lifecycle::users_beyond_views(&altering::of_session(name), context)?;
    if let Some(key) = referring::all(context)?.iter().find(|key| key.referred == name && key.table != name) {
        let problem = format!("is used by {}; drop them first", ["table", key.table.as_str()].join(" "));
        return Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, name, problem));
    }
    if users.is_empty() {
        return Ok(());
    }
    let problem = format!("is used by {}; drop them first", lifecycle::listed(&users, context)?);
    Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, name, problem))
}
