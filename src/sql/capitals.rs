//! Columns whose names have capital letters, as in many files: `SELECT UserID FROM 'orders.csv'`.
//!
//! A name without quotes means the column in small letters. Where there is none, it means the one column that differs from it in capital
//! letters only, or of several the one that is spelled just so. A name in quotes is always exact. The planner knows which columns there are
//! at each place, so the statement is planned, and the name that it did not find is replaced.

use std::ops::ControlFlow;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, Result, SchemaError, TableReference, field_not_found};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Expr as SqlExpr, Ident, JoinConstraint, ObjectNamePart, Query, Select, SelectItem, SetExpr, VisitorMut};
use sqlparser::tokenizer::Location;

use super::command::normal;
use super::diagnostics::planning::diagnosed;
use super::inserting;
use super::parser::visit;
use super::syntax::merged_columns::constraint;
use crate::files;
use crate::statement::StatementContext;
use crate::walk::{PlanTree, WalkMut};

/// How many names of a statement are replaced at most.
const MOST: usize = 500;

/// Plans a statement.
///
/// # Errors
/// The statement is wrong.
pub async fn plan(mut parsed: SqlParsed, state: &SessionState, context: &StatementContext) -> Result<LogicalPlan> {
    let mut error = match checked(inserting::plan(parsed.clone(), state).await) {
        Err(error) if missing(&error).is_some() => error,
        planned => return planned,
    };
    let (state, columns) = with_open_files(&parsed, state, context).await;
    for _ in 0..MOST {
        let Some(mut name) = Missing::of(&error, &columns) else { break };
        let _ = visit(&mut parsed, &mut name);
        if !name.is_replaced {
            break;
        }
        error = match checked(inserting::plan(parsed.clone(), &state).await) {
            Err(error) if missing(&error).is_some() => error,
            planned => return planned,
        };
    }
    Err(error)
}

/// A plan whose ORDER BY names columns that are there. The planner does not look for one that is written with its table.
fn checked(planned: Result<LogicalPlan>) -> Result<LogicalPlan> {
    let plan = planned?;
    let mut missing = None;
    plan.each_plan(|plan| {
        if let LogicalPlan::Sort(sort) = plan {
            let columns = sort.input.schema();
            let is_missing = |column: &&&Column| column.relation.is_some() && columns.maybe_index_of_column(column).is_none();
            let named = sort.expr.iter().flat_map(|sort| sort.expr.column_refs()).collect::<Vec<_>>();
            if let Some(column) = named.iter().find(is_missing) {
                missing = Some(field_not_found(column.relation.clone(), &column.name, columns));
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    missing.map_or(Ok(plan), Err)
}

/// A state in which the files of a statement are open, so that further attempts do not look into them again, and the names of the columns of
/// its tables and subqueries: for a name of an outer query, or in ORDER BY, the planner does not say which columns there are.
async fn with_open_files(parsed: &SqlParsed, state: &SessionState, context: &StatementContext) -> (SessionState, Vec<String>) {
    let mut quoted = Quoted { names: vec![] };
    let _ = visit(&mut parsed.clone(), &mut quoted);
    let (mut tables, mut columns) = (vec![], quoted.names);
    for reference in state.resolve_table_references(parsed).unwrap_or_default() {
        let Ok(schema) = state.schema_for_ref(reference.clone()) else { continue };
        let name = reference.table();
        let is_bare = matches!(reference, TableReference::Bare { .. });
        if is_bare && let Some(table) = context.file_table(name) {
            columns.extend(table.schema().fields().iter().map(|field| field.name().clone()));
        } else if let Ok(Some(table)) = schema.table(name).await {
            columns.extend(table.schema().fields().iter().map(|field| field.name().clone()));
            if is_bare && files::is_file(name) {
                tables.push((name.to_string(), table));
            }
        }
    }
    let mut state = state.clone();
    context.with_files(tables).bind(&mut state);
    (state, columns)
}

/// Finds the names in quotes that queries give their columns.
struct Quoted {
    names: Vec<String>,
}

impl VisitorMut for Quoted {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item
                && alias.quote_style.is_some()
            {
                self.names.push(alias.value.clone());
            }
        }
        ControlFlow::Continue(())
    }
}

/// Plans an expression of a statement.
///
/// # Errors
/// The expression is wrong.
pub fn planned<P>(mut expression: SqlExpr, mut plan: impl FnMut(SqlExpr) -> Result<P>) -> Result<P> {
    for _ in 0..MOST {
        let error = match plan(expression.clone()) {
            Err(error) => error,
            planned => return planned,
        };
        let Some(mut missing) = Missing::of(&error, &[]) else { return Err(error) };
        let _ = expression.walk_mut(&mut missing);
        if !missing.is_replaced {
            return Err(error);
        }
    }
    plan(expression)
}

/// A name that the planner did not find.
struct Missing {
    /// The name in small letters, as the planner looks for it.
    name: String,
    /// The columns there that differ from it in capital letters only.
    known: Vec<String>,
    /// Its table, if it is written with one.
    table: Option<String>,
    place: Option<Location>,
    is_replaced: bool,
}

impl Missing {
    /// The name in an error. `others` are columns that may be meant where the error says nothing of the kind.
    fn of(error: &DataFusionError, others: &[String]) -> Option<Self> {
        let (field, fields) = missing(error)?;
        let is_there = |known: &&Column| match (&field.relation, &known.relation) {
            (Some(table), Some(of)) => table.table() == of.table(),
            (Some(_), None) => false,
            (None, _) => true,
        };
        let is_same = |known: &&String| known.to_lowercase() == field.name && **known != field.name;
        let mut known: Vec<String> = fields.iter().filter(is_there).map(|known| &known.name).filter(is_same).cloned().collect();
        if known.is_empty() {
            known = others.iter().filter(is_same).cloned().collect();
        }
        known.sort();
        known.dedup();
        let place = diagnosed(error).map(|span| Location { line: span.start.line, column: span.start.column });
        let table = field.relation.as_ref().map(|table| table.table().to_string());
        (!known.is_empty()).then_some(Self { name: field.name.clone(), known, table, place, is_replaced: false })
    }

    fn replace(&mut self, name: &mut Ident, start: Location) {
        let is_here = self.place.is_none_or(|place| place == start || place == name.span.start);
        if name.quote_style.is_some() || !is_here || name.value.to_lowercase() != self.name {
            return;
        }
        let meant = match self.known.as_slice() {
            [one] => one,
            several => match several.iter().find(|known| **known == name.value) {
                Some(same) => same,
                None => return,
            },
        };
        name.value = meant.clone();
        name.quote_style = Some('"');
        self.is_replaced = true;
    }
}

impl VisitorMut for Missing {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let SetExpr::Select(select) = query.body.as_mut() else { return ControlFlow::Continue(()) };
        for join in select.from.iter_mut().flat_map(|table| &mut table.joins) {
            let Some(JoinConstraint::Using(columns)) = constraint(&mut join.join_operator) else { continue };
            for column in columns {
                if let [ObjectNamePart::Identifier(name)] = column.0.as_mut_slice() {
                    let start = name.span.start;
                    self.replace(name, start);
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &mut SqlExpr) -> ControlFlow<()> {
        match expression {
            SqlExpr::Identifier(name) if self.table.is_none() || self.place.is_some() => {
                let start = name.span.start;
                self.replace(name, start);
            }
            SqlExpr::CompoundIdentifier(names) => {
                let start = names.first().map_or(Location { line: 0, column: 0 }, |first| first.span.start);
                for place in 1..names.len() {
                    let is_of_table = self.table.as_ref().is_none_or(|table| normal(&names[place - 1]) == *table);
                    if is_of_table {
                        self.replace(&mut names[place], start);
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn missing(error: &DataFusionError) -> Option<(&Column, &[Column])> {
    match error {
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => missing(inner),
        DataFusionError::Shared(inner) => missing(inner),
        DataFusionError::Collection(errors) => missing(errors.first()?),
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => Some((field, valid_fields)),
            SchemaError::AmbiguousReference { .. }
            | SchemaError::DuplicateQualifiedField { .. }
            | SchemaError::DuplicateUnqualifiedField { .. } => None,
        },
        _ => None,
    }
}
