//! Rewrites that need the columns of FROM, or the values of a column: these are looked up before the statement is planned.
//!
//! | written | rewritten to |
//! |---|---|
//! | `* ILIKE '%name%'`, `* RENAME (a AS b)` | the columns by name |
//! | `COLUMNS('pattern')`, `max(COLUMNS(* EXCLUDE (id)))` | one item per matching column |
//! | `WHERE COLUMNS(*) > 0`, also after HAVING and QUALIFY | `WHERE a > 0 AND b > 0` |
//! | `GROUP BY COLUMNS('pattern')`, `ORDER BY COLUMNS('pattern')` | one key per matching column |
//! | `SELECT a + 1 AS b, b * 2` where FROM has no column `b` | `SELECT a + 1 AS b, (a + 1) * 2` |
//! | `row_to_json(t)`, `SELECT t` where FROM has no column `t` | the row of the table as a struct |
//! | `(SELECT … WHERE x = id)` within a query over `a JOIN b USING (id)` | `(SELECT … WHERE x = a.id)` |
//! | `NATURAL RIGHT JOIN`, `NATURAL FULL JOIN` | `… USING (the columns that both sides have)` |
//! | `PIVOT (… FOR item IN (ANY))` | `… IN ('ice', 'tea')`, the values that occur |
//!
//! Places are rewritten one at a time, innermost first, because outer queries read the columns of inner ones. Each lookup is a query over
//! the same FROM, with the WITH queries that are visible there.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::common::{Column, Result, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::lit;
use datafusion::sql::parser::Statement as SqlParsed;
use datafusion::sql::unparser::expr_to_sql;
use sqlparser::ast::{
    Expr, ExprWithAlias, Ident, Join, JoinConstraint, JoinOperator, PivotValueSource, Query, Select, SetExpr,
    Statement as SqlStatement, TableFactor, TableWithJoins, Value, VisitorMut, With,
};

use super::parser::{parse_query, visit};
use super::planning::bind_parameters;
use super::stars;
use super::syntax::{earlier_names, merged_columns, pivots, star_columns, whole_rows};
use crate::error::invalid;
use crate::statement::StatementContext;

/// The most values of a column that PIVOT turns into columns.
const MOST_VALUES: usize = 1_000;

/// Looks up what the rewrites need, and rewrites the statement.
///
/// # Errors
/// A lookup fails, or its result cannot be used.
pub async fn answer(parsed: &mut SqlParsed, state: &SessionState, context: &StatementContext) -> Result<()> {
    let is_view = matches!(parsed, SqlParsed::Statement(statement) if matches!(statement.as_ref(), SqlStatement::CreateView(_)));
    let (mut tried, mut changed) = (HashSet::new(), false);
    loop {
        let mut walk =
            Walk { state, tried: &mut tried, answer: None, frames: vec![], merged: vec![], within: 0, changed: &mut changed };
        let question = match visit(parsed, &mut walk) {
            ControlFlow::Continue(()) => return Ok(()),
            ControlFlow::Break(Stop::Asks(question)) => question,
            ControlFlow::Break(Stop::Wrong(error)) => return Err(error),
        };
        let answer = match question {
            Question::Columns(query, may_fail) => {
                let plan = stars::plan(SqlParsed::Statement(Box::new(SqlStatement::Query(query))), state).await;
                match plan {
                    Ok(plan) => Answer::Columns(plan.schema().columns()),
                    // The error is reported when the statement itself is planned.
                    Err(_) if may_fail => Answer::Nothing,
                    Err(error) => return Err(error),
                }
            }
            Question::Nothing => Answer::Columns(vec![]),
            Question::Values(_) if is_view => {
                let problem = "the columns of a view must be known before it reads a row; write the values: IN ('tea', 'ice')";
                return Err(invalid("PIVOT", problem));
            }
            Question::Values(query) => Answer::Values(values(query, state, context).await?),
        };
        let mut walk = Walk {
            state,
            tried: &mut tried,
            answer: Some(answer),
            frames: vec![],
            merged: vec![],
            within: 0,
            changed: &mut changed,
        };
        // Puts the answer in its place and goes on to the end, unless another place needs a lookup.
        if let ControlFlow::Break(Stop::Wrong(error)) = visit(parsed, &mut walk) {
            return Err(error);
        }
    }
}

/// The rows of a query, each as a value for PIVOT.
async fn values(query: Box<Query>, state: &SessionState, context: &StatementContext) -> Result<Vec<ExprWithAlias>> {
    let plan = state.statement_to_plan(SqlParsed::Statement(Box::new(SqlStatement::Query(query)))).await?;
    let frame = DataFrame::new(state.clone(), bind_parameters(plan, context)?).limit(0, Some(MOST_VALUES + 1))?;
    let mut values = vec![];
    for batch in frame.collect().await? {
        for row in 0..batch.num_rows() {
            let mut parts = vec![];
            for column in batch.columns() {
                let value = ScalarValue::try_from_array(column, row)?;
                parts.push((value.is_null(), expr_to_sql(&lit(value))?));
            }
            // NULL cannot be a column name.
            if parts.iter().any(|(is_null, _)| *is_null) {
                continue;
            }
            let mut parts: Vec<Expr> = parts.into_iter().map(|(_, value)| value).collect();
            let expr = if parts.len() == 1 { parts.swap_remove(0) } else { Expr::Tuple(parts) };
            values.push(ExprWithAlias { expr, alias: None });
        }
    }
    match values.len() {
        0 => Err(invalid("PIVOT", "there is no value that could become a column; write the values: IN ('tea', 'ice')")),
        1..=MOST_VALUES => Ok(values),
        _ => {
            Err(invalid("PIVOT", format!("more than {MOST_VALUES} values would become columns; write those that count: IN (…)")))
        }
    }
}

enum Question {
    /// A query without FROM has no columns.
    Nothing,
    /// The columns of a query; with `true`, an error counts as an unknown answer.
    Columns(Box<Query>, bool),
    /// The rows of a query.
    Values(Box<Query>),
}

enum Answer {
    Columns(Vec<Column>),
    Values(Vec<ExprWithAlias>),
    Nothing,
}

/// A query around the current place, and how many of its WITH queries come before that place.
struct Frame {
    with: Option<With>,
    before: usize,
}

impl Frame {
    fn seen(&self) -> Option<With> {
        let with = self.with.as_ref()?;
        let tables = &with.cte_tables[..self.before.min(with.cte_tables.len())];
        (!tables.is_empty()).then(|| With { cte_tables: tables.to_vec(), ..with.clone() })
    }
}

/// Finds the first place that needs a lookup and returns its question; with an answer, puts that in its place.
struct Walk<'a> {
    state: &'a SessionState,
    /// The texts of SELECTs that need no further lookup.
    tried: &'a mut HashSet<String>,
    answer: Option<Answer>,
    frames: Vec<Frame>,
    /// For each enclosing SELECT, outermost first, the columns that its joins merge by USING.
    merged: Vec<Vec<(String, Expr)>>,
    /// The number of enclosing expression subqueries and lateral subqueries. Inside them, FROM alone does not determine what a name means.
    within: usize,
    /// True when a join of the current query was rewritten.
    changed: &'a mut bool,
}

/// Why a walk stops early.
enum Stop {
    Asks(Question),
    Wrong(DataFusionError),
}

type Found = ControlFlow<Stop>;

const DONE: Found = ControlFlow::Continue(());

impl Walk<'_> {
    /// A query over FROM, with the WITH queries that are visible here.
    fn over(&self, items: &str, from: Vec<TableWithJoins>) -> Result<Box<Query>> {
        let mut query = parse_query(&format!("SELECT {items}"))?;
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.from = from;
        }
        Ok(self.in_scope(query))
    }

    fn in_scope(&self, mut query: Box<Query>) -> Box<Query> {
        for frame in self.frames.iter().rev() {
            let Some(with) = frame.seen() else { continue };
            if query.with.is_none() {
                query.with = Some(with);
                continue;
            }
            let outer = Query {
                with: Some(with),
                body: Box::new(SetExpr::Query(query)),
                order_by: None,
                limit_clause: None,
                fetch: None,
                locks: vec![],
                for_clause: None,
                settings: None,
                format_clause: None,
                pipe_operators: vec![],
            };
            query = Box::new(outer);
        }
        query
    }

    fn columns(&self, from: Vec<TableWithJoins>, may_fail: bool) -> Found {
        if from.is_empty() {
            return ControlFlow::Break(Stop::Asks(Question::Nothing));
        }
        ControlFlow::Break(match self.over("*", from) {
            Ok(query) => Stop::Asks(Question::Columns(query, may_fail)),
            Err(error) => Stop::Wrong(error),
        })
    }

    /// Replaces NATURAL by USING with the columns that both sides have.
    fn natural(&mut self, select: &mut Select) -> Found {
        let has_condition = select.selection.is_some();
        for table in &mut select.from {
            // DataFusion handles a single natural inner or left join, but not in a query with WHERE.
            let is_outer = |join: &Join| {
                matches!(join.join_operator, JoinOperator::Right(_) | JoinOperator::RightOuter(_) | JoinOperator::FullOuter(_))
            };
            if !has_condition && table.joins.len() < 2 && !table.joins.iter().any(is_outer) {
                continue;
            }
            let natural = table.joins.iter().position(|join| {
                matches!(merged_columns::constraint(&mut join.join_operator.clone()), Some(JoinConstraint::Natural))
            });
            let Some(place) = natural else { continue };
            let side = |relation: TableFactor, joins| TableWithJoins { relation, joins };
            let left = side(table.relation.clone(), table.joins[..place].to_vec());
            let right = side(table.joins[place].relation.clone(), vec![]);
            // One lookup returns the columns of both sides, separated by a marker column.
            let Some(answer) = self.answer.take() else {
                return match between() {
                    Ok(between) => self.columns(vec![left, between, right], false),
                    Err(error) => ControlFlow::Break(Stop::Wrong(error)),
                };
            };
            let Answer::Columns(columns) = answer else { return DONE };
            let mut sides = columns.split(|column| column.name == BETWEEN);
            let (left, right) = (sides.next().unwrap_or_default(), sides.next().unwrap_or_default());
            let mut names: Vec<&str> = vec![];
            for Column { name, .. } in left {
                if right.iter().any(|column| column.name == *name) && !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
            let constraint = match names.as_slice() {
                [] => JoinConstraint::On(Expr::value(Value::Boolean(true))),
                names => JoinConstraint::Using(names.iter().map(|name| vec![Ident::with_quote('"', *name)].into()).collect()),
            };
            if let Some(own) = merged_columns::constraint(&mut table.joins[place].join_operator) {
                *own = constraint;
            }
            *self.changed = true;
        }
        DONE
    }

    fn stars(&mut self, select: &mut Select) -> Found {
        if !star_columns::asks_in(select) && !star_columns::is_unclear(select) {
            return DONE;
        }
        match self.answer.take() {
            None => self.columns(select.from.clone(), false),
            Some(Answer::Columns(columns)) => match star_columns::expand(select, &columns) {
                Ok(()) => DONE,
                Err(error) => ControlFlow::Break(Stop::Wrong(error)),
            },
            Some(_) => DONE,
        }
    }

    /// Replaces `ORDER BY COLUMNS(…)`.
    fn order(&mut self, query: &mut Query) -> Found {
        let (SetExpr::Select(select), Some(order)) = (query.body.as_ref(), &mut query.order_by) else { return DONE };
        if !star_columns::asks_in_order(order) {
            return DONE;
        }
        match self.answer.take() {
            None => self.columns(select.from.clone(), false),
            Some(Answer::Columns(columns)) => match star_columns::expand_order(order, &columns) {
                Ok(()) => DONE,
                Err(error) => ControlFlow::Break(Stop::Wrong(error)),
            },
            Some(_) => DONE,
        }
    }

    /// Replaces names of tables that stand for their rows.
    fn whole_rows(&mut self, select: &mut Select) -> Found {
        if !whole_rows::reads(select) {
            return DONE;
        }
        let text = format!("rows of {select}");
        if self.tried.contains(&text) {
            return DONE;
        }
        match self.answer.take() {
            None => self.columns(select.from.clone(), true),
            Some(answer) => {
                if let Answer::Columns(columns) = answer {
                    whole_rows::put(select, &columns);
                }
                self.tried.insert(text);
                self.tried.insert(format!("rows of {select}"));
                DONE
            }
        }
    }

    /// Replaces names that an alias defines earlier in the same select list.
    fn earlier_names(&mut self, select: &mut Select) -> Found {
        if self.within > 0 || !earlier_names::reads(select) {
            return DONE;
        }
        let text = select.to_string();
        if self.tried.contains(&text) {
            return DONE;
        }
        match self.answer.take() {
            None => self.columns(select.from.clone(), true),
            Some(answer) => {
                self.tried.insert(text);
                if let Answer::Columns(columns) = answer {
                    let known: HashSet<String> = columns.into_iter().map(|column| column.name).collect();
                    if let Err(error) = earlier_names::put(select, &known, self.state) {
                        return ControlFlow::Break(Stop::Wrong(error));
                    }
                    self.tried.insert(select.to_string());
                }
                DONE
            }
        }
    }

    /// Replaces names of merged columns of the outer query, for which the planner looks in its tables alone.
    fn outer_names(&mut self, select: &mut Select) -> Found {
        // Further out, a name may be a plain column of a query between.
        let merged = self.merged.last().cloned().unwrap_or_default();
        if self.within == 0 || merged.is_empty() || !merged_columns::outer_names(select, &merged) {
            return DONE;
        }
        let text = format!("outer names of {select}");
        if self.tried.contains(&text) {
            return DONE;
        }
        match self.answer.take() {
            None => self.columns(select.from.clone(), true),
            Some(answer) => {
                if let Answer::Columns(columns) = answer {
                    let known: HashSet<String> = columns.into_iter().map(|column| column.name).collect();
                    merged_columns::put_outer(select, &merged, &known);
                }
                self.tried.insert(text);
                self.tried.insert(format!("outer names of {select}"));
                DONE
            }
        }
    }

    /// Replaces the `COLUMNS(…)` of an UNPIVOT.
    fn unpivot(&mut self, factor: &mut TableFactor) -> Found {
        let TableFactor::Unpivot { table, columns: items, .. } = factor else { return DONE };
        let from = TableWithJoins { relation: table.as_ref().clone(), joins: vec![] };
        match self.answer.take() {
            None => self.columns(vec![from], false),
            Some(Answer::Columns(columns)) => {
                match pivots::name_columns(items, &columns).and_then(|()| pivots::rewrite(factor)) {
                    Ok(()) => DONE,
                    Err(error) => ControlFlow::Break(Stop::Wrong(error)),
                }
            }
            Some(_) => DONE,
        }
    }

    /// Replaces the values of a PIVOT that are not literals.
    fn pivot(&mut self, factor: &mut TableFactor) -> Found {
        let TableFactor::Pivot { table, value_column, value_source, .. } = factor else { return DONE };
        match self.answer.take() {
            None => {
                let places = (1..=value_column.len()).map(|place| place.to_string()).collect::<Vec<_>>().join(", ");
                let query = match value_source {
                    PivotValueSource::List(_) => return DONE,
                    // Without an order the columns would come in an arbitrary order.
                    PivotValueSource::Subquery(query) if query.order_by.is_none() => {
                        let ordered = parse_query(&format!("SELECT * FROM ({query}) AS pivoted ORDER BY {places}"));
                        ordered.map(|query| self.in_scope(query))
                    }
                    PivotValueSource::Subquery(query) => Ok(self.in_scope(query.clone())),
                    PivotValueSource::Any(_) => {
                        let columns = value_column.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                        let from = TableWithJoins { relation: table.as_ref().clone(), joins: vec![] };
                        self.over(&columns, vec![from]).and_then(|values| {
                            parse_query(&format!("SELECT DISTINCT * FROM ({values}) AS pivoted ORDER BY {places}"))
                        })
                    }
                };
                ControlFlow::Break(match query {
                    Ok(query) => Stop::Asks(Question::Values(query)),
                    Err(error) => Stop::Wrong(error),
                })
            }
            Some(Answer::Values(values)) => {
                *value_source = PivotValueSource::List(values);
                match pivots::rewrite(factor) {
                    Ok(()) => DONE,
                    Err(error) => ControlFlow::Break(Stop::Wrong(error)),
                }
            }
            Some(_) => DONE,
        }
    }
}

/// The marker column between the columns of the two sides.
const BETWEEN: &str = "between two sides";

fn between() -> Result<TableWithJoins> {
    let query = parse_query(&format!("SELECT * FROM (SELECT 1 AS \"{BETWEEN}\") AS \"{BETWEEN}\""))?;
    match *query.body {
        SetExpr::Select(mut select) if !select.from.is_empty() => Ok(select.from.swap_remove(0)),
        _ => Err(invalid("NATURAL JOIN", "its columns cannot be determined; write USING (column, …)")),
    }
}

impl VisitorMut for Walk<'_> {
    type Break = Stop;

    fn pre_visit_query(&mut self, query: &mut Query) -> Found {
        self.frames.push(Frame { with: query.with.clone(), before: 0 });
        DONE
    }

    fn post_visit_query(&mut self, query: &mut Query) -> Found {
        self.order(query)?;
        self.frames.pop();
        // WITH queries are visited before the body of their query.
        if let Some(frame) = self.frames.last_mut() {
            frame.before += 1;
        }
        if std::mem::take(self.changed)
            && let Err(error) = merged_columns::rewrite(query)
        {
            return ControlFlow::Break(Stop::Wrong(error));
        }
        DONE
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Found {
        self.merged.push(merged_columns::merged(select));
        DONE
    }

    fn post_visit_select(&mut self, select: &mut Select) -> Found {
        self.merged.pop();
        self.natural(select)?;
        self.stars(select)?;
        self.outer_names(select)?;
        self.whole_rows(select)?;
        self.earlier_names(select)
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> Found {
        self.within += usize::from(matches!(factor, TableFactor::Derived { lateral: true, .. }));
        DONE
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> Found {
        self.within -= usize::from(matches!(factor, TableFactor::Derived { lateral: true, .. }));
        self.pivot(factor)?;
        self.unpivot(factor)
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> Found {
        self.within += usize::from(holds_query(expression));
        DONE
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> Found {
        self.within -= usize::from(holds_query(expression));
        DONE
    }
}

fn holds_query(expression: &Expr) -> bool {
    matches!(expression, Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. })
}
