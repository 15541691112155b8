//! `INSERT … ON CONFLICT (columns) DO …` as MERGE on those columns.
//!
//! The columns that identify a row are named, or are those of the table's key. Of a table that has keys they are those of one of them; of
//! another table they may be any. As in PostgreSQL, the row that is given is called `excluded`, NULL equals no key, and a name without a table
//! is a column of the table.
//!
//! DO NOTHING without columns is about all keys of the table.
//!
//! A key that is given twice is an error with DO UPDATE; with DO NOTHING the first of the rows counts, and of the rows of a query, which have no
//! order, the one with the least values.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{
    ConflictTarget, Expr, Ident, Insert, Merge, MergeAction, ObjectName, OnConflict, OnConflictAction, OnInsert, OutputClause,
    Query, Select, SetExpr, Statement, TableAlias, TableFactor, TableObject, Value, VisitorMut,
};
use sqlparser::parser::Parser;

use super::constraints::Constraint;
use super::{identities, numbered};
use crate::builtins::{apart, given_once};
use crate::error::{SqlState, coded, invalid};
use crate::sql::command::normal;
use crate::sql::dialect::PortraitDialect;
use crate::text::identifier;
use crate::walk::WalkMut;

const CLAUSE: &str = "ON CONFLICT";

/// Checks what a statement says by itself; the table and its keys are known when it runs.
///
/// # Errors
/// It says OVERRIDING as well.
pub fn statement(parsed: &SqlParsed) -> Result<()> {
    let SqlParsed::Statement(statement) = parsed else { return Ok(()) };
    let Statement::Insert(insert) = statement.as_ref() else { return Ok(()) };
    if matches!(insert.on, Some(OnInsert::OnConflict(_))) && identities::overriding(insert).is_some() {
        return Err(invalid(CLAUSE, "cannot be combined with OVERRIDING; leave one of them out"));
    }
    Ok(())
}

/// Rewrites a statement with all of its columns. `others` are further keys, whose values must not exist already either.
fn rewrite(statement: &mut Statement, others: &[Vec<Ident>]) -> Result<()> {
    let Statement::Insert(insert) = statement else { return Ok(()) };
    let Some(OnInsert::OnConflict(conflict)) = &insert.on else { return Ok(()) };
    let (TableObject::TableName(name), Some(source)) = (&insert.table, &insert.source) else { return Ok(()) };
    let Some(ConflictTarget::Columns(keys)) = &conflict.conflict_target else { return Ok(()) };
    let columns: Vec<Ident> = insert.columns.iter().filter_map(|name| name.0.last()?.as_ident().cloned()).collect();
    if let Some(missing) = keys.iter().find(|key| !columns.iter().any(|column| normal(column) == normal(key))) {
        let problem = format!("column {missing} identifies a row, and is not among the columns that are given; give it too");
        return Err(invalid(CLAUSE, problem));
    }
    let merge = merge(insert, name, source, conflict, (keys, others), &columns)?;
    *statement = Statement::Merge(merge);
    Ok(())
}

/// The INSERT alone, where a column of the key is not given and its default is another one for each row, such as the next number: no row can
/// be there already. `None` for other statements.
pub fn without_conflict(parsed: &SqlParsed, defaults: &HashMap<String, Expr>) -> Option<SqlParsed> {
    let SqlParsed::Statement(statement) = parsed else { return None };
    let Statement::Insert(insert) = statement.as_ref() else { return None };
    let Some(OnInsert::OnConflict(OnConflict { conflict_target: Some(ConflictTarget::Columns(keys)), .. })) = &insert.on else {
        return None;
    };
    let is_given = |key: &Ident| {
        let given = insert.columns.iter().filter_map(|name| name.0.last()?.as_ident());
        insert.columns.is_empty() || given.map(normal).any(|given| given == normal(key))
    };
    let differs = |key: &Ident| defaults.get(&normal(key)).is_some_and(is_another_each_time);
    if !keys.iter().any(|key| !is_given(key) && differs(key)) {
        return None;
    }
    let mut alone = insert.clone();
    alone.on = None;
    Some(SqlParsed::Statement(Box::new(Statement::Insert(alone))))
}

/// True for a default that is another value for each row.
fn is_another_each_time(default: &Expr) -> bool {
    match default {
        Expr::Cast { expr, .. } | Expr::Nested(expr) => is_another_each_time(expr),
        Expr::Function(call) if call.name.to_string().to_lowercase().ends_with("uuid") => true,
        other => numbered::sequence_of(other).is_some(),
    }
}

/// Fails unless the columns are those of one of the table's keys, where it has any.
fn check_key(columns: &[Ident], keys: &[Constraint]) -> Result<()> {
    let mut all = keys.iter().map(|constraint| constraint.rule.key()).filter(|key| !key.is_empty()).peekable();
    let is_it = |key: &[String]| {
        let has = |column: &Ident| key.contains(&normal(column));
        columns.iter().all(has) && key.iter().all(|name| columns.iter().any(|column| normal(column) == *name))
    };
    if all.peek().is_none() || all.any(is_it) {
        return Ok(());
    }
    let listed = columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let problem = format!(
        "({listed}) is not a key of the table; name the columns of one, or make it one: ALTER TABLE … ADD UNIQUE ({listed})"
    );
    Err(coded(SqlState::INVALID_COLUMN_REFERENCE, CLAUSE, problem))
}

/// The columns of the key that a conflict is about, where the statement does not name them.
fn of_key(conflict: &OnConflict, keys: &[Constraint]) -> Result<Option<Vec<Ident>>> {
    let columns = |key: &Constraint| key.rule.key().iter().map(|name| Ident::with_quote('"', name)).collect();
    let is_key = |constraint: &&Constraint| !constraint.rule.key().is_empty();
    match (&conflict.conflict_target, &conflict.action) {
        (Some(ConflictTarget::Columns(columns)), _) => check_key(columns, keys).map(|()| None),
        (Some(ConflictTarget::OnConstraint(name)), _) => {
            let wanted = name.0.last().and_then(|part| part.as_ident()).map(normal).unwrap_or_default();
            let Some(key) = keys.iter().filter(is_key).find(|key| key.name == wanted) else {
                let problem = format!("the table has no key {wanted}; information_schema.table_constraints lists the keys");
                return Err(coded(SqlState::UNDEFINED_OBJECT, CLAUSE, problem));
            };
            Ok(Some(columns(key)))
        }
        (None, OnConflictAction::DoUpdate(_)) => {
            let problem = "DO UPDATE needs the columns that identify a row: ON CONFLICT (id) DO UPDATE …";
            Err(coded(SqlState::SYNTAX_ERROR, CLAUSE, problem))
        }
        // All of its keys.
        (None, OnConflictAction::DoNothing) => Ok(None),
    }
}

/// Rewrites a statement for a table with these columns and keys. Columns that it does not name are the first ones of the table, and those that
/// identify a row those of a key. `None` for other statements.
///
/// # Errors
/// A column that identifies a row is not given or is not known, or there is no such key.
pub fn with_columns(parsed: &SqlParsed, columns: &[&str], keys: &[Constraint]) -> Result<Option<SqlParsed>> {
    let mut parsed = parsed.clone();
    let SqlParsed::Statement(statement) = &mut parsed else { return Ok(None) };
    let Statement::Insert(insert) = statement.as_mut() else { return Ok(None) };
    let Some(OnInsert::OnConflict(conflict)) = &mut insert.on else { return Ok(None) };
    if let Some(key) = of_key(conflict, keys)? {
        conflict.conflict_target = Some(ConflictTarget::Columns(key));
    }
    let is_about_all = conflict.conflict_target.is_none();
    if insert.columns.is_empty() {
        let width = match insert.source.as_ref().map(|source| source.body.as_ref()) {
            Some(SetExpr::Values(values)) => values.rows.first().map_or(0, |row| row.content.len()),
            _ => columns.len(),
        };
        if width > columns.len() {
            let problem = format!("{width} values are given for {} columns; give one for each", columns.len());
            return Err(invalid(CLAUSE, problem));
        }
        insert.columns = columns[..width].iter().map(|name| vec![Ident::with_quote('"', *name)].into()).collect();
    }
    let mut others = vec![];
    if is_about_all {
        let is_given = |name: &String| {
            let mut given = insert.columns.iter().filter_map(|name| name.0.last()?.as_ident());
            given.any(|given| normal(given) == *name)
        };
        // A key that is not given gets its default, as a number that no row has.
        let given = keys.iter().map(|key| key.rule.key()).filter(|key| !key.is_empty() && key.iter().all(is_given));
        others = given.map(|key| key.iter().map(|name| Ident::with_quote('"', name)).collect()).collect::<Vec<Vec<Ident>>>();
        if others.is_empty() {
            insert.on = None;
            return Ok(Some(parsed));
        }
        if let Some(OnInsert::OnConflict(conflict)) = &mut insert.on {
            conflict.conflict_target = Some(ConflictTarget::Columns(others.remove(0)));
        }
    }
    rewrite(statement, &others)?;
    Ok(Some(parsed))
}

fn listed(names: &[Ident], each: impl Fn(&str) -> String, between: &str) -> String {
    names.iter().map(|name| each(&identifier(&normal(name)))).collect::<Vec<_>>().join(between)
}

fn merge(
    insert: &Insert,
    name: &ObjectName,
    source: &Query,
    conflict: &OnConflict,
    (keys, more_keys): (&[Ident], &[Vec<Ident>]),
    columns: &[Ident],
) -> Result<Merge> {
    let own = match &insert.table_alias {
        Some(alias) => Some(alias.alias.clone()),
        None => name.0.last().and_then(|part| part.as_ident()).cloned(),
    };
    let own = own.unwrap_or_else(|| Ident::new("target"));
    let mut rows = source.clone();
    let place = numbered(&mut rows);
    let all = listed(columns, str::to_string, ", ");
    let others: Vec<Ident> =
        columns.iter().filter(|column| !keys.iter().any(|key| normal(key) == normal(column))).cloned().collect();
    let order = match (place, others.as_slice()) {
        (true, _) => format!("ORDER BY \"{PLACE}\""),
        (false, []) => String::new(),
        (false, others) => format!("ORDER BY {}", listed(others, str::to_string, ", ")),
    };
    let given = if place { format!("{all}, \"{PLACE}\"") } else { all.clone() };
    let once = match &conflict.action {
        OnConflictAction::DoNothing => format!("\"{NUMBER}\" = 1"),
        OnConflictAction::DoUpdate(_) => format!("{}(\"{NUMBER}\")", given_once::NAME),
    };
    let qualified = identifier(&normal(&own));
    let updates = match &conflict.action {
        OnConflictAction::DoNothing => "",
        OnConflictAction::DoUpdate(_) => "WHEN MATCHED THEN UPDATE SET a = 1",
    };
    let numbers = if more_keys.is_empty() {
        format!(
            "CASE WHEN {nulls} THEN 1 ELSE row_number() OVER (PARTITION BY {parts} {order}) END AS \"{NUMBER}\" \
             FROM (SELECT 1) AS given({given})",
            nulls = listed(keys, |key| format!("{key} IS NULL"), " OR "),
            parts = listed(keys, str::to_string, ", "),
        )
    } else {
        let all_keys = || std::iter::once(keys).chain(more_keys.iter().map(Vec::as_slice));
        let structs = all_keys().map(|key| {
            let columns = key.iter().enumerate();
            let fields = columns.map(|(place, column)| format!("'{place}', {}", identifier(&normal(column))));
            format!("named_struct({})", fields.collect::<Vec<_>>().join(", "))
        });
        // Of a query, which has no order, those with the least values.
        let order = if place { format!("\"{PLACE}\"") } else { all.clone() };
        let is_new = all_keys().map(|key| {
            let same = listed(key, |column| format!("\"{OWN}\".{column} = given.{column}"), " AND ");
            format!("NOT EXISTS (SELECT 1 FROM {name} AS \"{OWN}\" WHERE {same})")
        });
        format!(
            "CASE WHEN {apart}({structs}) OVER (ORDER BY {order}) THEN 1 ELSE 2 END AS \"{NUMBER}\" \
             FROM (SELECT 1) AS given({given}) WHERE {is_new}",
            apart = apart::NAME,
            structs = structs.collect::<Vec<_>>().join(", "),
            is_new = is_new.collect::<Vec<_>>().join(" AND "),
        )
    };
    let template = format!(
        "MERGE INTO target USING (SELECT {all} FROM (SELECT *, {numbers}) AS numbered WHERE {once}) AS excluded ON {on} {updates} \
         WHEN NOT MATCHED THEN INSERT ({all}) VALUES ({values})",
        on = listed(keys, |key| format!("{qualified}.{key} = excluded.{key}"), " AND "),
        values = listed(columns, |column| format!("excluded.{column}"), ", "),
    );
    let parsed = Parser::new(&PortraitDialect).try_with_sql(&template).and_then(|mut parser| parser.parse_statement());
    let parsed = parsed.map_err(|error| datafusion::error::DataFusionError::SQL(Box::new(error), None))?;
    let Statement::Merge(mut merge) = parsed else { return Err(invalid(CLAUSE, "cannot be written as MERGE")) };
    if let TableFactor::Table { name: target, alias, .. } = &mut merge.table {
        *target = name.clone();
        *alias = insert.table_alias.as_ref().map(|own| TableAlias {
            explicit: true,
            name: own.alias.clone(),
            columns: vec![],
            at: None,
        });
    }
    if let Some(place) = given_rows(&mut merge.source) {
        **place = rows;
    }
    if let OnConflictAction::DoUpdate(update) = &conflict.action {
        let mut update = update.clone();
        let mut qualify = Qualify { own: own.clone() };
        for assignment in &mut update.assignments {
            let _ = assignment.value.walk_mut(&mut qualify);
        }
        if let Some(selection) = &mut update.selection {
            let _ = selection.walk_mut(&mut qualify);
        }
        if let Some(clause) = merge.clauses.first_mut()
            && let MergeAction::Update(action) = &mut clause.action
        {
            action.assignments = update.assignments;
            clause.predicate = update.selection;
        }
    }
    merge.output = insert.returning.clone().map(|select_items| OutputClause::Returning {
        returning_token: sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        select_items,
    });
    Ok(merge)
}

/// The columns that number the rows of VALUES, and the rows of a key.
const PLACE: &str = "portrait:place";
const NUMBER: &str = "portrait:number";
/// The rows that are there.
const OWN: &str = "portrait:own";

/// Adds its number to each row of VALUES; false for another query.
fn numbered(rows: &mut Query) -> bool {
    let SetExpr::Values(values) = rows.body.as_mut() else { return false };
    for (place, row) in values.rows.iter_mut().enumerate() {
        row.content.push(Expr::value(Value::Number(place.to_string(), false)));
    }
    true
}

/// The innermost query of the template, which stands for the rows that are given.
fn given_rows(source: &mut TableFactor) -> Option<&mut Box<Query>> {
    let outer = derived(source)?;
    let numbered = derived(&mut selected(outer)?.from.first_mut()?.relation)?;
    derived(&mut selected(numbered)?.from.first_mut()?.relation)
}

fn derived(factor: &mut TableFactor) -> Option<&mut Box<Query>> {
    match factor {
        TableFactor::Derived { subquery, .. } => Some(subquery),
        _ => None,
    }
}

fn selected(query: &mut Query) -> Option<&mut Select> {
    match query.body.as_mut() {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

/// Writes the table before names that have none. Within a subquery they may belong to its tables, so they stay.
struct Qualify {
    own: Ident,
}

impl VisitorMut for Qualify {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = expression {
            *expression = Expr::CompoundIdentifier(vec![self.own.clone(), name.clone()]);
        }
        ControlFlow::Continue(())
    }
}
