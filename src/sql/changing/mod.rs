//! Statements that change rows, rewritten as queries that return the removed rows and the new ones.
//!
//! DELETE, UPDATE and MERGE become one query over the table with identified rows ([`Identified`]). Each row of the result names a row of
//! the table to remove (or none, if it only adds a row), says whether a new row replaces it, and has the values of the new row in the
//! order of the table's columns. A changed row is a removed row plus a new row.
//!
//! In the query the table is called [`TARGET`], a name that nobody else can use; its alias is the name that the statement uses for it.
//!
//! [`Identified`]: crate::catalog::tables::Identified

mod merge;
mod parts;
pub mod returned;
pub mod within;

use std::collections::HashMap;

use datafusion::common::Result;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{
    Assignment, AssignmentTarget, CascadeOption, Delete, Expr, FromTable, Ident, Insert, ObjectName, Query, SelectItem, SetExpr,
    Statement, TableFactor, TableObject, TableWithJoins, Truncate, TruncateIdentityOption, Update, UpdateTableFromKind, Value,
};

pub use self::parts::TARGET;
use self::parts::{Parts, aliased, column, named};
pub use crate::builtins::decimals::selected as written_decimal;
use crate::catalog::tables::{FILE, ROW};
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::sql::command::normal;
use crate::sql::inserting::given_always;
use crate::sql::syntax::numbered::is_always;

/// The column that says whether the removed row is replaced by a new one.
pub const STAYS: &str = "portrait:stays";
/// The column that a clause of MERGE sets if it does nothing.
pub const NOTHING: &str = "portrait:nothing";
/// The number of columns before the table's own in a change.
pub const BEFORE: usize = 3;

/// The table that a statement changes.
#[derive(Debug)]
pub struct Known<'a> {
    pub columns: Vec<&'a str>,
    /// The values of columns that a statement does not mention; NULL for columns without a default.
    pub defaults: HashMap<String, Expr>,
    /// Columns whose old values are wanted of each row that is removed. They stand after the table's own.
    pub needed: &'a [String],
    /// What RETURNING reads of other tables, which stands after these.
    pub others: &'a [SelectItem],
}

impl Known<'_> {
    fn default(&self, column: &str) -> Expr {
        self.defaults.get(column).cloned().unwrap_or_else(|| Expr::value(Value::Null))
    }

    /// Refuses a value for a column whose values only its counter gives.
    fn check_given(&self, column: &str) -> Result<()> {
        match self.defaults.get(column) {
            Some(default) if is_always(default) => Err(given_always(column)),
            _ => Ok(()),
        }
    }

    /// The index of a column.
    fn place(&self, table: &str, column: &Ident) -> Result<usize> {
        let name = normal(column);
        self.columns.iter().position(|own| *own == name).ok_or_else(|| {
            let suggestion = did_you_mean(&name, self.columns.iter().copied());
            let known = self.columns.join(", ");
            coded(SqlState::UNDEFINED_COLUMN, table, format!("has no column {name}{suggestion}; it has {known}"))
        })
    }
}

/// The name of a column with old values.
fn old(name: &str) -> String {
    format!("portrait:old:{name}")
}

/// The old values that are wanted.
fn needed(table: &Ident, known: &Known<'_>) -> Vec<SelectItem> {
    let own = |name: &String| Expr::CompoundIdentifier(vec![table.clone(), parts::quoted(name)]);
    known.needed.iter().map(|name| aliased(own(name), &old(name))).collect()
}

/// The query for a statement that changes rows.
#[derive(Debug)]
pub struct Change {
    pub query: Query,
    /// Whether a row may be named twice. DELETE removes it once either way; for UPDATE it would be undefined which new values count.
    pub may_repeat: bool,
}

/// The RETURNING clause: its items, and the name by which they refer to the table.
#[derive(Debug, Clone)]
pub struct Returning {
    pub name: Ident,
    pub items: Vec<SelectItem>,
}

/// The table that a statement changes; `None` for other statements, and for INSERT without RETURNING and ON CONFLICT.
pub fn target(parsed: &SqlParsed) -> Option<&ObjectName> {
    let SqlParsed::Statement(statement) = parsed else { return None };
    match changing(statement)? {
        Statement::Delete(delete) => table_name(&deleted(delete)?.relation),
        Statement::Update(update) => table_name(&update.table.relation),
        Statement::Merge(merge) => table_name(&merge.table),
        Statement::Truncate(truncate) => match truncated(parsed) {
            Some(_) => None,
            None => truncate.table_names.first().map(|table| &table.name),
        },
        Statement::Insert(Insert { table: TableObject::TableName(name), returning: Some(_), .. })
        | Statement::Insert(Insert { table: TableObject::TableName(name), on: Some(_), .. }) => Some(name),
        _ => None,
    }
}

/// A TRUNCATE of more than the rows of one table.
pub fn truncated(parsed: &SqlParsed) -> Option<&Truncate> {
    let SqlParsed::Statement(statement) = parsed else { return None };
    let Statement::Truncate(truncate) = statement.as_ref() else { return None };
    let restarts = truncate.identity == Some(TruncateIdentityOption::Restart);
    let cascades = truncate.cascade == Some(CascadeOption::Cascade);
    (truncate.table_names.len() > 1 || restarts || cascades).then_some(truncate)
}

/// The table of an INSERT.
pub fn inserted(parsed: &SqlParsed) -> Option<&ObjectName> {
    let SqlParsed::Statement(statement) = parsed else { return None };
    let inserting = match statement.as_ref() {
        // `WITH … INSERT`
        Statement::Query(query) => match query.body.as_ref() {
            SetExpr::Insert(inserting) => inserting,
            _ => return None,
        },
        inserting => inserting,
    };
    match inserting {
        Statement::Insert(Insert { table: TableObject::TableName(name), .. }) => Some(name),
        _ => None,
    }
}

/// The statement that changes rows: the statement itself, or the one after WITH.
fn changing(statement: &Statement) -> Option<&Statement> {
    match statement {
        Statement::Query(query) => match query.body.as_ref() {
            SetExpr::Delete(statement) | SetExpr::Update(statement) | SetExpr::Merge(statement) => Some(statement),
            _ => None,
        },
        statement => Some(statement),
    }
}

/// The keyword of the statement that changes rows.
pub fn word(parsed: &SqlParsed) -> &'static str {
    let SqlParsed::Statement(statement) = parsed else { return "UPDATE" };
    match changing(statement) {
        Some(Statement::Delete(_)) => "DELETE",
        Some(Statement::Merge(_)) => "MERGE",
        Some(Statement::Truncate(_)) => "TRUNCATE",
        Some(Statement::Insert(insert)) if insert.on.is_some() => "MERGE",
        Some(Statement::Insert(_)) => "INSERT",
        _ => "UPDATE",
    }
}

fn table_name(table: &TableFactor) -> Option<&ObjectName> {
    match table {
        TableFactor::Table { name, args: None, .. } => Some(name),
        _ => None,
    }
}

fn deleted(delete: &Delete) -> Option<&TableWithJoins> {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    from.first()
}

/// The RETURNING clause of a statement.
pub fn returning(parsed: &SqlParsed) -> Option<Returning> {
    let SqlParsed::Statement(statement) = parsed else { return None };
    let (items, table) = match changing(statement)? {
        Statement::Delete(delete) => (delete.returning.clone()?, deleted(delete)?.relation.clone()),
        Statement::Update(update) => (update.returning.clone()?, update.table.relation.clone()),
        Statement::Merge(merge) => (merge::returned(merge)?, merge.table.clone()),
        Statement::Insert(insert) => {
            let TableObject::TableName(name) = &insert.table else { return None };
            let name = insert.table_alias.as_ref().map(|alias| alias.alias.clone()).or_else(|| last(name))?;
            return Some(Returning { name, items: insert.returning.clone()? });
        }
        _ => return None,
    };
    Some(Returning { name: alias(&table)?, items })
}

/// INSERT without its RETURNING clause.
pub fn without_returning(parsed: &SqlParsed) -> SqlParsed {
    let mut parsed = parsed.clone();
    if let SqlParsed::Statement(statement) = &mut parsed
        && let Statement::Insert(insert) = statement.as_mut()
    {
        insert.returning = None;
    }
    parsed
}

/// The name by which a statement refers to a table: its alias, else its own name.
fn alias(table: &TableFactor) -> Option<Ident> {
    match table {
        TableFactor::Table { alias: Some(alias), .. } => Some(alias.name.clone()),
        TableFactor::Table { name, .. } => last(name),
        _ => None,
    }
}

fn last(name: &ObjectName) -> Option<Ident> {
    name.0.last()?.as_ident().cloned()
}

/// The change that a statement makes to a table; `None` for statements that change no rows. With `old`, the values of deleted rows are
/// included.
///
/// # Errors
/// A column that does not exist or is set twice, or a statement that cannot be written as a query.
pub fn change(parsed: &SqlParsed, known: &Known<'_>, old: bool) -> Result<Option<Change>> {
    let SqlParsed::Statement(statement) = parsed else { return Ok(None) };
    let changed = match changing(statement) {
        Some(Statement::Delete(delete)) => self::delete(delete, known, old)?,
        Some(Statement::Update(update)) => self::update(update, known)?,
        Some(Statement::Merge(merge)) => merge::merge(merge, known)?,
        Some(Statement::Truncate(truncate)) => {
            let Some(table) = truncate.table_names.first() else { return Ok(None) };
            let parts = Parts { items: identity(), from: vec![named(TARGET, last(&table.name))], ..Parts::default() };
            Change { query: parts.query()?, may_repeat: true }
        }
        _ => return Ok(None),
    };
    let with = match statement.as_ref() {
        Statement::Query(query) => query.with.clone(),
        _ => None,
    };
    Ok(Some(Change { query: Query { with, ..changed.query }, ..changed }))
}

/// The columns that identify a row of the table.
fn identity() -> Vec<SelectItem> {
    [FILE, ROW].map(|name| SelectItem::UnnamedExpr(column(name))).into()
}

fn boolean(value: bool) -> Expr {
    Expr::value(Value::Boolean(value))
}

fn delete(delete: &Delete, known: &Known<'_>, old: bool) -> Result<Change> {
    let Delete { from, using, selection, order_by, limit, .. } = delete;
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = from;
    let mut from = from.clone();
    let Some(table) = from.first_mut() else { return Err(invalid("DELETE", "names no table; write DELETE FROM name")) };
    let table = targeted(&mut table.relation)?;
    let own = &table;
    from.extend(using.iter().flatten().cloned());
    let mut items = identity();
    if old {
        items.push(aliased(boolean(false), STAYS));
        let given = if known.needed.is_empty() { given_columns(delete, known) } else { None };
        let own = |name: &&str| match &given {
            Some(given) if !given.iter().any(|column| column == name) => aliased(Expr::value(Value::Null), name),
            _ => SelectItem::UnnamedExpr(Expr::CompoundIdentifier(vec![own.clone(), parts::quoted(name)])),
        };
        items.extend(known.columns.iter().map(own));
        items.extend(needed(&table, known));
        items.extend(known.others.iter().cloned());
    }
    let parts = Parts { items, from, selection: selection.clone(), order_by: order_by.clone(), limit: limit.clone() };
    Ok(Change { query: parts.query()?, may_repeat: true })
}

/// The columns that RETURNING gives, if it gives nothing else: the others need not be read.
fn given_columns(delete: &Delete, known: &Known<'_>) -> Option<Vec<String>> {
    let column = |item: &SelectItem| {
        let (SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }) = item else { return None };
        let name = match value {
            Expr::Identifier(name) => normal(name),
            Expr::CompoundIdentifier(names) => normal(names.last()?),
            _ => return None,
        };
        known.columns.contains(&name.as_str()).then_some(name)
    };
    delete.returning.as_ref()?.iter().map(column).collect()
}

/// Replaces the table's name by [`TARGET`], and keeps the old name as the alias.
fn targeted(table: &mut TableFactor) -> Result<Ident> {
    let known = alias(table).ok_or_else(|| invalid("statement", "changes no table; write its name"))?;
    let TableFactor::Table { name, alias, .. } = table else { return Ok(known) };
    *name = ObjectName::from(vec![parts::quoted(TARGET)]);
    if alias.is_none() {
        *alias = Some(parts::table_alias(known.clone()));
    }
    Ok(known)
}

fn update(update: &Update, known: &Known<'_>) -> Result<Change> {
    let Update { table, assignments, from, selection, order_by, limit, .. } = update;
    let mut table = table.clone();
    let own = targeted(&mut table.relation)?;
    let values = assigned(&own, assignments, known)?;
    let mut tables = vec![table];
    if let Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) = from {
        tables.extend(from.iter().cloned());
    }
    let mut items = identity();
    items.push(aliased(boolean(true), STAYS));
    items.extend(known.columns.iter().zip(values).map(|(name, value)| aliased(value, name)));
    items.extend(needed(&own, known));
    items.extend(known.others.iter().cloned());
    let (selection, order_by, limit) = (selection.clone(), order_by.clone(), limit.clone());
    let parts = Parts { items, from: tables, selection, order_by, limit };
    Ok(Change { query: parts.query()?, may_repeat: false })
}

/// The values of all columns after SET: columns that are not set keep their own value.
fn assigned(table: &Ident, assignments: &[Assignment], known: &Known<'_>) -> Result<Vec<Expr>> {
    let mut values: Vec<Option<Expr>> = known.columns.iter().map(|_| None).collect();
    for Assignment { target, value } in assignments {
        let pairs = match target {
            AssignmentTarget::ColumnName(name) => vec![(name, value.clone())],
            AssignmentTarget::Tuple(names) => {
                let Expr::Tuple(values) = value else {
                    let problem = format!("takes a list of as many values as columns; write each by itself, got {value}");
                    return Err(coded(SqlState::SYNTAX_ERROR, "SET (…)", problem));
                };
                if names.len() != values.len() {
                    let problem = format!("has {} columns and {} values", names.len(), values.len());
                    return Err(coded(SqlState::SYNTAX_ERROR, "SET (…)", problem));
                }
                names.iter().zip(values.iter().cloned()).collect()
            }
        };
        for (name, value) in pairs {
            set(&mut values, table, name, value, known)?;
        }
    }
    let own = |name: &str| Expr::CompoundIdentifier(vec![table.clone(), parts::quoted(name)]);
    Ok(values.into_iter().zip(&known.columns).map(|(value, name)| value.unwrap_or_else(|| own(name))).collect())
}

/// Sets the value of one column.
fn set(values: &mut [Option<Expr>], table: &Ident, name: &ObjectName, value: Expr, known: &Known<'_>) -> Result<()> {
    let of = normal(table);
    let Some(column) = last(name) else { return Err(invalid(&of, format!("{name} is not a column"))) };
    if let [.., qualifier, _] = name.0.as_slice()
        && qualifier.as_ident().map(normal).as_ref() != Some(&of)
    {
        return Err(invalid(&of, format!("only columns of {of} can be set, got {name}")));
    }
    let place = known.place(&of, &column)?;
    let value = if is_default(&value) {
        known.default(known.columns[place])
    } else {
        known.check_given(known.columns[place])?;
        value
    };
    match values.get_mut(place) {
        Some(Some(_)) => Err(coded(SqlState::DUPLICATE_COLUMN, &of, format!("column {} is set twice", known.columns[place]))),
        Some(set) => {
            *set = Some(value);
            Ok(())
        }
        None => Ok(()),
    }
}

/// True for the word DEFAULT.
pub fn is_default(value: &Expr) -> bool {
    matches!(value, Expr::Identifier(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("default"))
}
