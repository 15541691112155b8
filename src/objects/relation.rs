//! What tables, views and external tables have in common.

use datafusion::common::Result;
use datafusion::sql::parser::Statement as SqlParsed;

use super::definition::Definition;
use super::kind::{Uses, Values};
use super::schema::member;
use super::values::{given, number, text};
use crate::catalog::objects::Object;
use crate::catalog::snapshots::When;
use crate::docs::Column;
use crate::error::invalid;
use crate::refresh::published::name_and_time;
use crate::sql::command::Body;
use crate::text::with_article;

/// The kinds that share one namespace.
pub const NAMESPACE: [&str; 3] = ["table", "view", "external table"];

/// The kinds whose names differ from those of each other.
pub const NAMES: [&str; 4] = ["table", "view", "external table", "sequence"];

/// The columns of the system tables that list them.
pub const COLUMNS: [Column; 5] = [
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "version", data_type: "BIGINT", text: "the version of its definition" },
    Column { name: "author", data_type: "VARCHAR", text: "the author of this version" },
    Column { name: "created_at", data_type: "VARCHAR", text: "when this version was created, in UTC" },
    Column { name: "definition", data_type: "VARCHAR", text: "the statement that created this version" },
];

/// The values of these columns.
pub fn values(definitions: &[Definition]) -> Values {
    let of = |get: fn(&Object) -> &str| text(definitions.iter().map(move |definition| given(get(&definition.object))));
    vec![
        of(|object| &object.name),
        number(definitions.iter().map(|definition| Some(definition.object.version))),
        of(|object| &object.author),
        of(|object| &object.created_at),
        of(|object| &object.sql),
    ]
}

/// True when the relation is referred to, in its schema or in `public`, now or as of a time.
pub fn is_named_in(object: &Object, uses: &Uses) -> bool {
    uses.tables.iter().any(|table| {
        let name = match table.as_slice() {
            [name] => name.clone(),
            [.., schema, name] if schema == "public" => name.clone(),
            [.., schema, name] => member(schema, name),
            [] => return false,
        };
        name == object.name || name_and_time(&name).0 == object.name
    })
}

/// Refuses names that FOR SYSTEM_TIME AS OF would parse as a name and a time.
///
/// # Errors
/// The name has this form.
pub fn check_name(new: &Object) -> Result<()> {
    if name_and_time(&new.name).1 != When::Now {
        let kind = &new.kind;
        let problem = format!("{kind} names must not end in @<number>; that form is reserved for FOR SYSTEM_TIME AS OF");
        return Err(invalid(&new.name, problem));
    }
    Ok(())
}

/// Fails for a time in the past, for a relation that keeps no history.
///
/// # Errors
/// The time is not now.
pub fn only_now(object: &Object, when: When) -> Result<()> {
    if when == When::Now {
        return Ok(());
    }
    let kind = with_article(&object.kind);
    let problem =
        format!("is {kind}, whose past is not kept; FOR SYSTEM_TIME AS OF reads tables of the database, profiles and segments");
    Err(invalid(&object.name, problem))
}

/// The statement that created a relation.
///
/// # Errors
/// Its body is not SQL.
pub fn statement(definition: &Definition) -> Result<&SqlParsed> {
    match &definition.body {
        Body::Sql(parsed) => Ok(parsed),
        _ => Err(invalid(&definition.object.name, format!("its definition makes no table: {}", definition.object.sql))),
    }
}
