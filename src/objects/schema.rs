//! `SCHEMA`: a namespace for tables and views. The object of such a table has both names: `sales.orders`.

use datafusion::common::{Result, TableReference};
use futures::future::BoxFuture;

use super::definition::Definition;
use super::kind::{Kind, Uses, Values};
use super::relation;
use super::values::{given, number, text};
use crate::catalog::grants::PUBLIC;
use crate::catalog::objects::Object;
use crate::docs::{Column, Doc};
use crate::error::{SqlState, coded, invalid};
use crate::refresh::plan::{PROFILE_SCHEMA, SEGMENT_SCHEMA};
use crate::sql::command::Grammar;
use crate::sql::statement::STATEMENT;
use crate::statement::StatementContext;
use crate::text::identifier;

static DOC: Doc = Doc {
    name: "CREATE SCHEMA",
    summary: "Creates a schema: a separate namespace for tables and views.",
    syntax: "CREATE SCHEMA [IF NOT EXISTS] name",
    description: "\
Create and read tables, external tables and views in it by writing the schema before their name: `CREATE TABLE sales.orders …`, `FROM sales.orders`. Without a schema
they are in `public`. `DROP SCHEMA name` drops an empty schema. `profile`, `segment`, `system` and `information_schema` are reserved for Portrait.

**Elsewhere.** As in PostgreSQL and DuckDB; profiles have the schema `profile` for themselves.",
    examples: &["CREATE SCHEMA sales;
CREATE TABLE sales.orders AS SELECT * FROM sample_orders(rows => 1000);
SELECT count(*) FROM sales.orders;"],
    ..STATEMENT
};

/// Built-in schemas.
const OWN: [&str; 7] = ["public", PROFILE_SCHEMA, SEGMENT_SCHEMA, "system", "information_schema", "pg_catalog", "temp"];

/// The kind.
#[derive(Debug)]
pub struct Schema;

impl Grammar for Schema {
    fn word(&self) -> &'static str {
        "schema"
    }

    fn is_of_sql(&self) -> bool {
        true
    }
}

impl Kind for Schema {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn uses(&self, _definition: &Definition) -> Uses {
        Uses::default()
    }

    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool {
        uses.tables.iter().any(|table| matches!(table.as_slice(), [.., schema, _] if *schema == object.name))
    }

    fn check_name(&self, new: &Object, context: &StatementContext) -> Result<()> {
        let name = &new.name;
        if OWN.contains(&name.as_str()) {
            return Err(coded(SqlState::DUPLICATE_OBJECT, &new.label(), "is an existing schema; choose another name"));
        }
        if name.contains(['.', '@', ':']) {
            return Err(invalid(&new.label(), "the name of a schema has no '.', '@' or ':'"));
        }
        // A table in `public` whose name contains a dot would be mistaken for a table of this schema.
        match tables(name, context)?.first() {
            Some(table) => {
                Err(invalid(&new.label(), format!("there is {table} in public, which would be taken for a table of it")))
            }
            None => Ok(()),
        }
    }

    fn check<'a>(&'a self, _object: &'a Object, _context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async { Ok(vec![]) })
    }

    fn remove<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let tables = tables(&object.name, context)?;
            if !tables.is_empty() {
                let problem = match context.rights()?.is_superuser() {
                    true => format!("holds {}; drop them first", tables.join(", ")),
                    false => "is not empty; drop what is in it first".to_string(),
                };
                return Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, &object.label(), problem));
            }
            context.catalog().remove_object(object, Some(context.view().stamp()?))
        })
    }

    fn describe(&self, _definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        Ok(vec![])
    }

    fn system_table(&self) -> &'static str {
        "schemas"
    }

    fn listed(&self) -> &'static str {
        "The schemas that CREATE SCHEMA has made."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], _context: &StatementContext) -> Result<Values> {
        let of = |get: fn(&Object) -> &str| text(definitions.iter().map(move |definition| given(get(&definition.object))));
        Ok(vec![
            of(|object| &object.name),
            number(definitions.iter().map(|definition| Some(definition.object.version))),
            of(|object| &object.author),
            of(|object| &object.created_at),
        ])
    }

    fn shown(&self) -> &'static str {
        "SELECT schema_name AS name FROM information_schema.schemata ORDER BY name"
    }
}

const COLUMNS: [Column; 4] = [
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "version", data_type: "BIGINT", text: "the version of its definition" },
    Column { name: "author", data_type: "VARCHAR", text: "who made it" },
    Column { name: "created_at", data_type: "VARCHAR", text: "when it was created, in UTC" },
];

/// The tables of a schema, for messages.
fn tables(schema: &str, context: &StatementContext) -> Result<Vec<String>> {
    let prefix = format!("{schema}.");
    let objects = context.all_objects()?;
    let is_in = |object: &&Object| object.name.starts_with(&prefix) && relation::NAMESPACE.contains(&object.kind.as_str());
    let mut tables: Vec<String> = objects.iter().filter(is_in).map(Object::label).collect();
    let temporary = context.tables().temporary_names();
    tables.extend(temporary.into_iter().filter(|name| name.starts_with(&prefix)).map(|name| format!("table {name}")));
    Ok(tables)
}

/// The names of the schemas created by users.
pub fn names(context: &StatementContext) -> Vec<String> {
    let Ok(objects) = context.objects() else { return vec![] };
    objects.iter().filter(|object| object.kind == Schema.word()).map(|object| object.name.clone()).collect()
}

/// The object name of a table in a schema.
pub fn member(schema: &str, table: &str) -> String {
    format!("{schema}.{table}")
}

/// The schema, other than `public`, and the name of a relation.
pub fn parts<'a>(name: &'a str, context: &StatementContext) -> (Option<&'a str>, &'a str) {
    match name.split_once('.') {
        Some((schema, table)) if names(context).iter().any(|own| own == schema) => (Some(schema), table),
        _ => (None, name),
    }
}

/// The name of a relation, as written in SQL.
pub fn quoted(name: &str, context: &StatementContext) -> String {
    match parts(name, context) {
        (Some(schema), table) => format!("{}.{}", identifier(schema), identifier(table)),
        (None, table) if context.path() == [PUBLIC] => identifier(table),
        (None, table) => format!("{PUBLIC}.{}", identifier(table)),
    }
}

/// The name of a relation, as DataFusion writes it.
pub fn reference(name: &str, context: &StatementContext) -> TableReference {
    match parts(name, context) {
        (Some(schema), table) => TableReference::partial(schema, table),
        (None, table) if context.path() == [PUBLIC] => TableReference::bare(table),
        (None, table) => TableReference::partial(PUBLIC, table),
    }
}
