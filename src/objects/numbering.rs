//! The counters of the tables whose columns number their rows.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::Field;
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::logical_expr::Expr as LogicalExpr;
use datafusion::sql::parser::Statement as SqlParsed;
use datafusion::sql::unparser::expr_to_sql;
use sqlparser::ast::{ColumnDef, ColumnOption, SelectItem, SetExpr, Statement as SqlStatement};

use super::lifecycle::NewObject;
use super::schema::{parts, quoted};
use super::{sequence, table};
use crate::catalog::objects::Object;
use crate::catalog::sequences::{Counting, Sequence, no_sequence};
use crate::error::{SqlState, coded};
use crate::sql::command::{Body, Create, normal};
use crate::sql::inserting::identity_is_always;
use crate::sql::parser;
use crate::sql::sequence::WORD;
use crate::sql::syntax::constraints::Constraint;
use crate::sql::syntax::numbered::{self, Numbered};
use crate::statement::{SessionTables, StatementContext, names_counter};
use crate::text::literal;

/// How columns number their rows, by their names.
///
/// # Errors
/// An option of a counter is not known here.
pub fn of(columns: &[ColumnDef]) -> Result<Vec<(String, Numbered)>> {
    let mut all = vec![];
    for column in columns {
        if let Some(own) = numbered::numbered(column)? {
            all.push((normal(&column.name), own));
        }
    }
    Ok(all)
}

/// The names of the counters of a table.
///
/// # Errors
/// Its definition cannot be read.
pub fn sequences(table: &Object, context: &StatementContext) -> Result<Vec<String>> {
    if !table.sql.contains(numbered::NEXT) {
        return Ok(vec![]);
    }
    let columns = table::written_columns(table, context)?;
    let own: Vec<String> = of(&columns)?.into_iter().map(|(_, own)| own.sequence).collect();
    own.into_iter()
        .filter_map(|name| is_shared(&name, context).map(|is_shared| (!is_shared).then_some(name)).transpose())
        .collect()
}

/// True for the name of a sequence, which is of no column alone.
///
/// # Errors
/// The catalog cannot be read.
pub fn is_shared(name: &str, context: &StatementContext) -> Result<bool> {
    Ok(sequence::named(name, context)?.is_some())
}

/// A default with the next number of a sequence, which it names for every search path; `None` for another default. `is_own` is true for a
/// column that has a counter, or is to get one.
///
/// # Errors
/// There is neither a sequence nor a counter of that name.
pub fn shared(default: &str, is_own: bool, context: &StatementContext) -> Result<Option<String>> {
    if !default.to_lowercase().contains(numbered::NEXT) {
        return Ok(None);
    }
    let parsed = parser::parse_composed(&format!("SELECT {default}"), context.session())?;
    let SqlParsed::Statement(statement) = &parsed else { return Ok(None) };
    let SqlStatement::Query(query) = statement.as_ref() else { return Ok(None) };
    let SetExpr::Select(select) = query.body.as_ref() else { return Ok(None) };
    let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] = select.projection.as_slice() else {
        return Ok(None);
    };
    let Some(name) = numbered::sequence_of(value) else { return Ok(None) };
    let tables = context.tables();
    match sequence::named(name, context)? {
        Some(object) => Ok(Some(numbered::next_of(&quoted_always(&object.name, context)).to_string())),
        None if is_own => Ok(None),
        None if tables.with_sequence(name, |_| ()).is_some() || tables.with_counter(name, |_| ()).is_some() => Ok(None),
        None if context.all_objects()?.iter().any(|object| names_counter(object, name)) => Ok(None),
        None => Err(no_sequence(name)),
    }
}

/// The name of a sequence for every search path.
fn quoted_always(name: &str, context: &StatementContext) -> String {
    match parts(name, context) {
        (Some(schema), own) => format!("{}.{}", plain(schema), plain(own)),
        (None, own) => plain(own),
    }
}

/// A name in quotes where PostgreSQL writes them.
fn plain(name: &str) -> String {
    crate::postgres_catalog::quoted(name)
}

/// True for a name as counters of columns have it: that of the table and the column, or of earlier ones, and a number at the end.
fn is_of_column(name: &str) -> bool {
    name.trim_end_matches(|letter: char| letter.is_ascii_digit()).ends_with("_seq")
}

/// The default of a column as written, and how it numbers its rows.
pub type Filled = (Option<String>, Option<Numbered>);

/// What an INSERT gives the columns of a table that it does not name, by their names.
///
/// # Errors
/// The definition of the table cannot be read.
pub fn filled(table: &Object, context: &StatementContext) -> Result<HashMap<String, Filled>> {
    if table.kind != "table" || !table.sql.to_uppercase().contains("DEFAULT") {
        return Ok(HashMap::new());
    }
    let mut all = HashMap::new();
    for column in table::written_columns(table, context)? {
        let default = column.options.iter().find_map(|option| match &option.option {
            ColumnOption::Default(value) => Some(value.to_string()),
            _ => None,
        });
        let numbered = match numbered::numbered(&column)? {
            Some(own) if is_shared(&own.sequence, context)? => {
                all.insert(normal(&column.name), (Some(format!("nextval({}::regclass)", literal(&own.sequence))), None));
                continue;
            }
            own => own,
        };
        all.insert(normal(&column.name), (default, numbered));
    }
    Ok(all)
}

/// The same of a temporary table.
pub fn filled_in_session(table: &dyn TableProvider, tables: &SessionTables) -> HashMap<String, Filled> {
    let schema = table.schema();
    let of = |field: &Arc<Field>| {
        let planned = table.get_column_default(field.name())?;
        let default = expr_to_sql(planned).ok()?;
        let identity = identity_is_always(planned);
        let counting = Counting::endless(1, 1);
        let counter = |sequence: &str| Numbered { sequence: sequence.to_string(), counting, identity, is_serial: false };
        // Others are of sequences.
        let is_own = |name: &&str| tables.with_counter(name, |_| ()).is_some();
        let numbered = numbered::sequence_of(&default).filter(is_own).map(counter);
        let written = numbered.as_ref().map_or_else(|| default.to_string(), |own| numbered::next_of(&own.sequence).to_string());
        Some((field.name().clone(), (Some(written), numbered)))
    };
    schema.fields().iter().filter_map(of).collect()
}

/// Makes a counter for a column of a table; returns its name.
///
/// # Errors
/// The catalog cannot be written, or the name is that of the counter of another table.
pub fn make(numbered: &Numbered, own: &str, context: &StatementContext) -> Result<String> {
    let objects = context.all_objects()?;
    let is_named = |name: &str| objects.iter().any(|object| names_counter(object, name));
    if numbered.sequence != own && is_named(&numbered.sequence) {
        let problem = "is the counter of another column; each has one of its own: write GENERATED BY DEFAULT AS IDENTITY";
        return Err(coded(SqlState::DUPLICATE_OBJECT, &numbered.sequence, problem));
    }
    // A default with the numbers of a sequence is written by hand, and may name one that there is not.
    if !numbered.is_own() && !is_of_column(&numbered.sequence) {
        return Err(no_sequence(&numbered.sequence));
    }
    let is_taken = |name: &str| objects.iter().any(|object| object.kind == WORD && object.name == name);
    context.catalog().make_sequence(&numbered.sequence, numbered.counting, is_taken, is_named)
}

/// A new table whose definition names the counters of its columns, which are made, and its constraints; `None` if it has neither.
///
/// # Errors
/// As [`make`].
pub fn declared(
    new: &NewObject,
    parsed: &mut SqlParsed,
    constraints: &[Constraint],
    context: &StatementContext,
) -> Result<Option<NewObject>> {
    let SqlParsed::Statement(statement) = parsed else { return Ok(None) };
    let SqlStatement::CreateTable(table) = statement.as_mut() else { return Ok(None) };
    let mut is_numbered = false;
    for column in &mut table.columns {
        if let Some(own) = numbered::numbered(column)? {
            let shared = if own.is_own() { None } else { sequence::named(&own.sequence, context)? };
            if let Some(object) = shared {
                numbered::rename(column, &quoted_always(&object.name, context));
                is_numbered = true;
                continue;
            }
            let usual = numbered::sequence_name(&table.name, &normal(&column.name), false);
            let name = make(&own, &usual, context)?;
            numbered::rename(column, &name);
            is_numbered = true;
        }
    }
    if !is_numbered && constraints.is_empty() {
        return Ok(None);
    }
    let columns = table.columns.iter().map(ToString::to_string);
    let parts: Vec<String> = columns.chain(constraints.iter().map(ToString::to_string)).collect();
    let sql = format!("CREATE TABLE {} ({})", quoted(&new.object.name, context), parts.join(", "));
    let body = Body::Sql(Box::new(parsed.clone()));
    let create = Create { body, ..new.create.clone() };
    let object = Object { sql, ..new.object.clone() };
    Ok(Some(NewObject { object, existing: new.existing.clone(), create }))
}

/// How the columns that a CREATE TABLE declares number their rows.
///
/// # Errors
/// An option of a counter is not known here.
pub fn columns_of(parsed: &SqlParsed) -> Result<Vec<(String, Numbered)>> {
    let SqlParsed::Statement(statement) = parsed else { return Ok(vec![]) };
    let SqlStatement::CreateTable(table) = statement.as_ref() else { return Ok(vec![]) };
    of(&table.columns)
}

/// Makes the counters of a temporary table, which the session keeps. `identities` are its columns with `GENERATED … AS IDENTITY`.
///
/// # Errors
/// None for a table that CREATE TABLE has made.
pub fn of_session(defaults: &[(String, LogicalExpr)], declared: &[(String, Numbered)], context: &StatementContext) -> Result<()> {
    for (column, default) in defaults {
        let Some(name) = numbered::sequence_of(&expr_to_sql(default)?).map(str::to_string) else { continue };
        let endless = Counting::endless(1, 1);
        let counting = declared.iter().find(|(name, _)| name == column).map_or(endless, |(_, numbered)| numbered.counting);
        let tables = context.tables();
        let is_own = declared.iter().any(|(name, numbered)| name == column && numbered.is_own());
        if !is_own && is_shared(&name, context)? || tables.with_sequence(&name, |_| ()).is_some() {
            continue;
        }
        if !is_own && !is_of_column(&name) {
            return Err(no_sequence(&name));
        }
        let is_named = tables.temporary_names().iter().filter_map(|table| tables.temporary(table)).any(|table| {
            let schema = table.schema();
            schema.fields().iter().any(|field| {
                let own = table.get_column_default(field.name()).and_then(|own| expr_to_sql(own).ok());
                own.as_ref().and_then(numbered::sequence_of) == Some(name.as_str())
            })
        });
        tables.make_counter(Sequence::new(name, counting), is_named);
    }
    Ok(())
}
