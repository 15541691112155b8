//! Definitions to which a statement adds what was found out or decided, as new versions.

use datafusion::common::Result;
use sqlparser::ast::{Expr, Value};

use super::GRAMMARS;
use super::lifecycle::unless_moved;
use crate::catalog::objects::{NewVersion, Object};
use crate::error::invalid;
use crate::sql::command::{Body, Command, Create};
use crate::sql::parser::{Parsed, parse_as_written};
use crate::statement::StatementContext;
use crate::text::{as_sql, identifier};

/// Stores a definition again with some options changed, as a new version: those of `names` are removed and `given` are added.
///
/// # Errors
/// The definition cannot be read, or the catalog not written.
pub fn with_options(existing: &Object, names: &[&str], given: &[(&str, String)], context: &StatementContext) -> Result<()> {
    let unreadable = || invalid(&existing.label(), "its definition cannot be read");
    let statement = parse_as_written(&existing.sql, context.session(), &GRAMMARS)?.pop().ok_or_else(unreadable)?;
    let Parsed::Command(Command::Create(create)) = statement.parsed else { return Err(unreadable()) };
    let Create { target, mut options, body: Body::Query(query), table, .. } = *create else { return Err(unreadable()) };
    let on = match (&target.profile, &table) {
        (Some(profile), _) => identifier(profile),
        (None, Some(table)) => table.to_string(),
        (None, None) => return Err(unreadable()),
    };
    options.retain(|(name, _)| !names.contains(&name.as_str()));
    let written =
        |(name, text): &(&str, String)| ((*name).to_string(), Expr::Value(Value::SingleQuotedString(text.clone()).into()));
    // Without roles, a name is empty and left out.
    options.extend(given.iter().filter(|(_, text)| !text.is_empty()).map(written));
    let options: Vec<String> = options.iter().map(|(name, value)| format!("{} = {}", identifier(name), as_sql(value))).collect();
    let with = if options.is_empty() { String::new() } else { format!(" WITH ({})", options.join(", ")) };
    let sql = format!(
        "CREATE {} {} ON {on}{with} AS {}",
        target.grammar.word().to_uppercase(),
        identifier(&existing.name),
        as_sql(&query)
    );
    let Object { kind, profile, name, base, .. } = existing;
    let version = NewVersion { kind, profile, name, sql: &sql, base, author: context.role() };
    unless_moved(context.catalog().put_object(version, Some(context.view().stamp()?)), context).map(|_| ())
}
