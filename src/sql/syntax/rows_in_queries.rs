//! Rewrites `(a, b) IN (SELECT x, y …)`, which the planner takes for one value compared with two columns.
//!
//! In a condition (WHERE, ON, FILTER, `CASE WHEN`), unknown counts as false, so one EXISTS is enough. Among the columns of a SELECT the
//! result may be NULL:
//!
//! | written | rewritten to |
//! |---|---|
//! | `WHERE (a, b) IN (SELECT x, y FROM …)` | `WHERE EXISTS (SELECT 1 FROM (SELECT x, y FROM …) WHERE a = x AND b = y)` |
//! | `SELECT (a, b) IN (SELECT x, y FROM …)` | `SELECT CASE WHEN EXISTS (… a = x AND b = y) THEN true WHEN EXISTS (… (a = x AND b = y) IS NOT FALSE) THEN NULL ELSE false END` |

use sqlparser::ast::{
    BinaryOperator, Delete, Expr, FromTable, Ident, JoinConstraint, JoinOperator, Merge, Select, SelectItem, SetExpr, Statement,
    TableFactor, TableWithJoins, UnaryOperator, Update, UpdateTableFromKind,
};

use super::rewritten::of_each;
use crate::sql::parser::parse_expression;

/// Rewrites the conditions of one SELECT, and its columns.
pub fn select(select: &mut Select) {
    select.selection.iter_mut().for_each(condition);
    select.from.iter_mut().for_each(joins);
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. } = item {
            column(value);
        }
    }
}

/// Rewrites the conditions of a statement that changes rows; its subqueries are visited separately.
pub fn statement(statement: &mut Statement) {
    match statement {
        Statement::Delete(Delete { from, using, selection, .. }) => {
            let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = from;
            tables.iter_mut().chain(using.iter_mut().flatten()).for_each(joins);
            selection.iter_mut().for_each(condition);
        }
        Statement::Update(Update { table, from, selection, .. }) => {
            joins(table);
            if let Some(UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables)) = from {
                tables.iter_mut().for_each(joins);
            }
            selection.iter_mut().for_each(condition);
        }
        Statement::Merge(Merge { on, clauses, .. }) => {
            condition(on);
            clauses.iter_mut().filter_map(|clause| clause.predicate.as_mut()).for_each(condition);
        }
        _ => {}
    }
}

/// Rewrites the conditions within one expression; its children are visited separately.
pub fn expression(expression: &mut Expr) {
    match expression {
        Expr::Case { operand: None, conditions, .. } => {
            conditions.iter_mut().for_each(|when| condition(&mut when.condition));
        }
        Expr::Function(call) => call.filter.iter_mut().for_each(|filter| condition(filter)),
        _ => {}
    }
}

fn joins(table: &mut TableWithJoins) {
    within(&mut table.relation);
    for join in &mut table.joins {
        within(&mut join.relation);
        if let Some(on) = on(&mut join.join_operator) {
            condition(on);
        }
    }
}

fn within(factor: &mut TableFactor) {
    if let TableFactor::NestedJoin { table_with_joins, .. } = factor {
        joins(table_with_joins);
    }
}

fn on(operator: &mut JoinOperator) -> Option<&mut Expr> {
    match operator {
        JoinOperator::Join(JoinConstraint::On(on))
        | JoinOperator::Inner(JoinConstraint::On(on))
        | JoinOperator::Left(JoinConstraint::On(on))
        | JoinOperator::LeftOuter(JoinConstraint::On(on))
        | JoinOperator::Right(JoinConstraint::On(on))
        | JoinOperator::RightOuter(JoinConstraint::On(on))
        | JoinOperator::FullOuter(JoinConstraint::On(on))
        | JoinOperator::Semi(JoinConstraint::On(on))
        | JoinOperator::LeftSemi(JoinConstraint::On(on))
        | JoinOperator::Anti(JoinConstraint::On(on))
        | JoinOperator::LeftAnti(JoinConstraint::On(on)) => Some(on),
        _ => None,
    }
}

/// A row for which a condition is unknown is not selected, so unknown may become false, and true below NOT.
fn condition(condition: &mut Expr) {
    let mut open = vec![(condition, false)];
    while let Some((part, is_negated)) = open.pop() {
        match part {
            Expr::Nested(within) => open.push((within, is_negated)),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => open.push((expr, !is_negated)),
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                open.extend([(left.as_mut(), is_negated), (right.as_mut(), is_negated)]);
            }
            Expr::InSubquery { expr, subquery, negated } => {
                if let Expr::Tuple(row) = expr.as_ref()
                    && let Some(mut exists) = row_exists(row, subquery, *negated != is_negated)
                {
                    if *negated {
                        exists = not(exists);
                    }
                    *part = exists;
                }
            }
            _ => {}
        }
    }
}

/// Unknown stays unknown.
fn column(value: &mut Expr) {
    let mut open = vec![value];
    while let Some(part) = open.pop() {
        match part {
            Expr::Nested(within) => open.push(within),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => open.push(expr),
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                open.extend([left.as_mut(), right.as_mut()]);
            }
            Expr::InSubquery { expr, subquery, negated } => {
                let Expr::Tuple(row) = expr.as_ref() else { continue };
                let (Some(exists), Some(may_exist)) =
                    (row_exists(row, &mut subquery.clone(), false), row_exists(row, &mut subquery.clone(), true))
                else {
                    continue;
                };
                let Ok(mut case) = parse_expression("CASE WHEN a THEN true WHEN b THEN NULL ELSE false END") else { continue };
                if let Expr::Case { conditions, .. } = &mut case {
                    for (when, condition) in conditions.iter_mut().zip([exists, may_exist]) {
                        when.condition = condition;
                    }
                }
                *part = if *negated { not(case) } else { case };
            }
            _ => {}
        }
    }
}

fn not(expression: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(expression) }
}

/// Whether the query, which is taken from its place, has a row that is equal; if `unknown_counts`, also one that may be because of a NULL.
fn row_exists(row: &[Expr], query: &mut Box<sqlparser::ast::Query>, unknown_counts: bool) -> Option<Expr> {
    let names: Vec<String> = (1..=row.len()).map(|place| format!("__part_{place}")).collect();
    let mut exists = parse_expression(&format!("EXISTS (SELECT 1 FROM (SELECT 1) AS __rows({}))", names.join(", "))).ok()?;
    let Expr::Exists { subquery, .. } = &mut exists else { return None };
    let SetExpr::Select(select) = subquery.body.as_mut() else { return None };
    let [TableWithJoins { relation: TableFactor::Derived { subquery: rows, .. }, .. }] = select.from.as_mut_slice() else {
        return None;
    };
    std::mem::swap(rows, query);
    let parts: Vec<Expr> = names.iter().map(|name| Expr::Identifier(Ident::new(name))).collect();
    let equal = of_each(row, &parts, &BinaryOperator::Eq, &BinaryOperator::And);
    let unknown = |equal| Expr::IsNotFalse(Box::new(Expr::Nested(Box::new(equal))));
    select.selection = Some(if unknown_counts { unknown(equal) } else { equal });
    Some(exists)
}
