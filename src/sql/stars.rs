//! Plans `SELECT * FROM table` in a time that grows with the number of columns, not with its square.
//!
//! DataFusion compares the name of each expression in a SELECT list with the names of all before it, and writes both as text each time: for a
//! file of 3,000 columns that takes two seconds. A list that is nothing but a star needs none of it. It is planned as one constant, in
//! whose place the columns are put afterwards.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::dml::CopyTo;
use datafusion::logical_expr::utils::expand_wildcard;
use datafusion::logical_expr::{CreateMemoryTable, DdlStatement, Expr, Limit, LogicalPlan, Projection, Sort};
use datafusion::sql::parser::{CopyToSource, Statement as SqlParsed};
use sqlparser::ast::{
    Expr as SqlExpr, GroupByExpr, Ident, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, Statement as SqlStatement,
    TableFactor, Value, WildcardAdditionalOptions,
};

/// The name of the constant that stands for the columns while the list is planned.
const STAND_IN: &str = "every column of FROM";

/// Plans a statement.
///
/// # Errors
/// The statement is wrong.
pub async fn plan(parsed: SqlParsed, state: &SessionState) -> Result<LogicalPlan> {
    if query(&parsed).and_then(star).is_some() {
        let mut shortened = parsed.clone();
        if let Some(select) = query_mut(&mut shortened).and_then(select_mut) {
            let one = SqlExpr::value(Value::Number("1".into(), false));
            select.projection = vec![SelectItem::ExprWithAlias { expr: one, alias: Ident::with_quote('"', STAND_IN) }];
        }
        // Planning the statement as written reports what is wrong.
        if let Ok(planned) = state.statement_to_plan(shortened).await
            && let Some(plan) = with_columns(planned)?
        {
            return Ok(plan);
        }
    }
    state.statement_to_plan(parsed).await
}

/// The table of FROM, for `(SELECT * FROM table)`.
pub fn table_of(relation: &TableFactor) -> Option<&TableFactor> {
    match relation {
        TableFactor::Derived { lateral: false, subquery, alias: _, sample: _ } => {
            let select = star(subquery)?;
            let is_bare = subquery.with.is_none()
                && subquery.order_by.is_none()
                && subquery.limit_clause.is_none()
                && select.selection.is_none();
            match select.from.as_slice() {
                [from] if is_bare && matches!(from.relation, TableFactor::Table { args: None, .. }) => Some(&from.relation),
                _ => None,
            }
        }
        _ => None,
    }
}

/// All columns of a plan, as `*` gives them.
///
/// # Errors
/// The plan has no columns.
pub fn all_columns(input: Arc<LogicalPlan>) -> Result<LogicalPlan> {
    let columns = expand_wildcard(input.schema(), &input, None)?;
    Ok(LogicalPlan::Projection(Projection::try_new(columns, input)?))
}

/// The query that a statement runs, where nothing in the statement looks at the query's columns during planning.
fn query(parsed: &SqlParsed) -> Option<&Query> {
    match parsed {
        SqlParsed::Statement(statement) => match statement.as_ref() {
            SqlStatement::Query(query) => Some(query),
            SqlStatement::CreateTable(table) if table.columns.is_empty() && table.constraints.is_empty() => {
                table.query.as_deref()
            }
            _ => None,
        },
        SqlParsed::CopyTo(copy) if copy.partitioned_by.is_empty() => match &copy.source {
            CopyToSource::Query(query) => Some(query),
            CopyToSource::Relation(_) => None,
        },
        _ => None,
    }
}

fn query_mut(parsed: &mut SqlParsed) -> Option<&mut Query> {
    match parsed {
        SqlParsed::Statement(statement) => match statement.as_mut() {
            SqlStatement::Query(query) => Some(query),
            SqlStatement::CreateTable(table) => table.query.as_deref_mut(),
            _ => None,
        },
        SqlParsed::CopyTo(copy) => match &mut copy.source {
            CopyToSource::Query(query) => Some(query),
            CopyToSource::Relation(_) => None,
        },
        _ => None,
    }
}

fn select_mut(query: &mut Query) -> Option<&mut Select> {
    match query.body.as_mut() {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

/// The SELECT of `SELECT * FROM table [WHERE …] [ORDER BY columns] [LIMIT …]`.
fn star(query: &Query) -> Option<&Select> {
    let Query { with: _, body, order_by, limit_clause: _, fetch, locks, for_clause, settings, format_clause, pipe_operators } =
        query;
    let is_plain = fetch.is_none()
        && locks.is_empty()
        && for_clause.is_none()
        && settings.is_none()
        && format_clause.is_none()
        && pipe_operators.is_empty()
        && order_by.as_ref().is_none_or(is_by_names);
    match body.as_ref() {
        SetExpr::Select(select) if is_plain && is_star(select) => Some(select),
        _ => None,
    }
}

fn is_star(select: &Select) -> bool {
    let Select {
        select_token: _,
        optimizer_hints: _,
        distinct,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection,
        exclude,
        into,
        from,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by,
        cluster_by,
        distribute_by,
        sort_by,
        having,
        named_window,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor: _,
    } = select;
    let is_ungrouped = matches!(group_by, GroupByExpr::Expressions(keys, modifiers) if keys.is_empty() && modifiers.is_empty());
    matches!(projection.as_slice(), [SelectItem::Wildcard(options)] if *options == WildcardAdditionalOptions::default())
        // Columns merged by USING are for the planner to choose.
        && matches!(from.as_slice(), [from] if from.joins.is_empty())
        && is_ungrouped
        && distinct.is_none()
        && select_modifiers.is_none()
        && top.is_none()
        && exclude.is_none()
        && into.is_none()
        && lateral_views.is_empty()
        && prewhere.is_none()
        && connect_by.is_empty()
        && cluster_by.is_empty()
        && distribute_by.is_empty()
        && sort_by.is_empty()
        && having.is_none()
        && named_window.is_empty()
        && qualify.is_none()
        && value_table_mode.is_none()
}

/// True for columns by their names: a number would be a place in the list.
fn is_by_names(order: &OrderBy) -> bool {
    match &order.kind {
        OrderByKind::Expressions(keys) => {
            keys.iter().all(|key| matches!(key.expr, SqlExpr::Identifier(_) | SqlExpr::CompoundIdentifier(_)))
        }
        OrderByKind::All(_) => false,
    }
}

/// The plan with the columns of FROM in place of the constant; `None` where it has another form than expected.
fn with_columns(plan: LogicalPlan) -> Result<Option<LogicalPlan>> {
    Ok(match plan {
        LogicalPlan::Projection(projection) => match projection.expr.as_slice() {
            [only] if is_stand_in(only) => Some(all_columns(projection.input)?),
            // The projection beneath a sort has the columns that it sorts by as well.
            [only] if is_column_of_it(only) => match Arc::unwrap_or_clone(projection.input) {
                LogicalPlan::Sort(sort) => match sort.input.as_ref() {
                    LogicalPlan::Projection(listed) if listed.expr.first().is_some_and(is_stand_in) => {
                        let input = Arc::new(all_columns(Arc::clone(&listed.input))?);
                        Some(LogicalPlan::Sort(Sort { input, ..sort }))
                    }
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        },
        LogicalPlan::Limit(limit) => {
            let input = with_columns(limit.input.as_ref().clone())?;
            input.map(|input| LogicalPlan::Limit(Limit { input: Arc::new(input), ..limit }))
        }
        LogicalPlan::Copy(copy) => {
            let input = with_columns(copy.input.as_ref().clone())?;
            input.map(|input| LogicalPlan::Copy(CopyTo { input: Arc::new(input), ..copy }))
        }
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(made)) => {
            let input = with_columns(made.input.as_ref().clone())?;
            let made = |input| CreateMemoryTable { input: Arc::new(input), ..made };
            input.map(|input| LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(made(input))))
        }
        _ => None,
    })
}

fn is_stand_in(expression: &Expr) -> bool {
    matches!(expression, Expr::Alias(alias) if alias.name == STAND_IN)
}

fn is_column_of_it(expression: &Expr) -> bool {
    matches!(expression, Expr::Column(column) if column.name == STAND_IN)
}
