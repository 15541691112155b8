//! Rewrites `amount > ANY (SELECT …)` and `amount >= ALL (SELECT …)`.
//!
//! DataFusion's own implementation loses rows and treats NULL as true. `= ANY` becomes IN, and `<> ALL` becomes NOT IN. For other
//! operators, ANY compares with the smallest or largest value of the query. If that is not true, the result is false when the query has no
//! rows, NULL when the left side or one of the values is NULL, and false otherwise. ALL is the negation of ANY with the opposite operator.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, FunctionArguments, Query, SelectItem, SetExpr, TableFactor, UnaryOperator};

use crate::walk::Walk;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// The rewritten comparison; `None` if it is not a comparison with a subquery, or the subquery contains one itself.
pub fn in_other_words(expression: &Expr) -> Option<Expr> {
    match expression {
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => is_in(left, right, false),
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => is_in(left, right, true),
        Expr::AnyOp { left, compare_op, right, .. } => any(left, compare_op, right),
        Expr::AllOp { left, compare_op, right } => {
            let any = Expr::Nested(Box::new(any(left, &opposite(compare_op)?, right)?));
            Some(Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(any) })
        }
        _ => None,
    }
}

/// The comparison that holds where another does not.
pub fn opposite(compare: &BinaryOperator) -> Option<BinaryOperator> {
    Some(match compare {
        BinaryOperator::Eq => BinaryOperator::NotEq,
        BinaryOperator::NotEq => BinaryOperator::Eq,
        BinaryOperator::Lt => BinaryOperator::GtEq,
        BinaryOperator::LtEq => BinaryOperator::Gt,
        BinaryOperator::Gt => BinaryOperator::LtEq,
        BinaryOperator::GtEq => BinaryOperator::Lt,
        _ => return None,
    })
}

fn is_in(left: &Expr, right: &Expr, negated: bool) -> Option<Expr> {
    let subquery = match right {
        Expr::Subquery(query) => query.clone(),
        // `a = ANY (ARRAY(SELECT …))`
        Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("array") => match &call.args {
            FunctionArguments::Subquery(query) => query.clone(),
            FunctionArguments::None | FunctionArguments::List(_) => return None,
        },
        _ => return None,
    };
    Some(Expr::InSubquery { expr: Box::new(left.clone()), subquery, negated })
}

fn any(left: &Expr, compare: &BinaryOperator, right: &Expr) -> Option<Expr> {
    let Expr::Subquery(query) = right else { return None };
    if matches!(left, Expr::Tuple(_)) || has_another(query) {
        return None;
    }
    let extremes: &[&str] = match compare {
        BinaryOperator::Lt | BinaryOperator::LtEq => &["max(value)"],
        BinaryOperator::Gt | BinaryOperator::GtEq => &["min(value)"],
        BinaryOperator::NotEq => &["min(value)", "max(value)"],
        _ => return None,
    };
    let number = |number: &str| parsed(number);
    let holds = extremes.iter().map(|extreme| {
        let extreme = asked(extreme, query)?;
        Some(Expr::BinaryOp { left: Box::new(left.clone()), op: compare.clone(), right: Box::new(extreme) })
    });
    let holds =
        holds.collect::<Option<Vec<_>>>()?.into_iter().reduce(|first, second| binary(first, BinaryOperator::Or, second))?;
    let no_rows = binary(asked("count(*)", query)?, BinaryOperator::Eq, number("0")?);
    let of_nulls = binary(asked("count(*) - count(value)", query)?, BinaryOperator::Gt, number("0")?);
    let unknown = binary(Expr::IsNull(Box::new(left.clone())), BinaryOperator::Or, of_nulls);
    let mut case = parsed("CASE WHEN a THEN TRUE WHEN b THEN FALSE WHEN c THEN NULL ELSE FALSE END")?;
    if let Expr::Case { conditions, .. } = &mut case {
        for (when, condition) in conditions.iter_mut().zip([holds, no_rows, unknown]) {
            when.condition = condition;
        }
    }
    Some(case)
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn parsed(sql: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).ok()?.parse_expr().ok()
}

/// `(SELECT … FROM (query) AS any_row(value))`. If the query just selects one column, the aggregate goes into the query itself, so that it
/// can still be correlated.
fn asked(aggregate: &str, query: &Query) -> Option<Expr> {
    if let Some(column) = column_of(query) {
        let mut asking = query.clone();
        let SetExpr::Select(select) = asking.body.as_mut() else { return None };
        select.projection = vec![SelectItem::UnnamedExpr(parsed(&aggregate.replace("value", &column.to_string()))?)];
        return Some(Expr::Subquery(Box::new(asking)));
    }
    let mut expression = parsed(&format!("(SELECT {aggregate} FROM (SELECT 1) AS any_row(value))"))?;
    let Expr::Subquery(asking) = &mut expression else { return None };
    let SetExpr::Select(select) = asking.body.as_mut() else { return None };
    let TableFactor::Derived { subquery, .. } = &mut select.from.first_mut()?.relation else { return None };
    **subquery = query.clone();
    Some(expression)
}

/// The column of a query that consists only of SELECT column FROM … WHERE ….
fn column_of(query: &Query) -> Option<&Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let [SelectItem::UnnamedExpr(column) | SelectItem::ExprWithAlias { expr: column, .. }] = select.projection.as_slice() else {
        return None;
    };
    if !matches!(column, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
        return None;
    }
    let from_and_where =
        format!("SELECT {column} FROM {}", select.from.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    let whole = match &select.selection {
        Some(condition) => format!("{from_and_where} WHERE {condition}"),
        None => from_and_where,
    };
    (query.to_string() == whole).then_some(column)
}

/// A nested comparison would be copied several times, and one inside it several times again, so the size would grow exponentially.
fn has_another(query: &Query) -> bool {
    let found = query.each_expression(|expression| match expression {
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } if matches!(right.as_ref(), Expr::Subquery(_)) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}
