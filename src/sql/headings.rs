//! What columns without a name of their own are called: their SQL.
//!
//! The engine calls `1 + 1` `Int64(1) + Int64(1)`, and a cast of a column as it calls the column, its table included. Here constants are
//! written as in SQL, and a cast of a column is called as the column is, as in PostgreSQL.

use std::collections::HashSet;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::{BinaryExpr, DdlStatement, Expr, LogicalPlan, LogicalPlanBuilder, Operator};
use datafusion::sql::unparser::expr_to_sql;

use crate::text::sql_type;

/// The same plan, whose columns have these names.
///
/// # Errors
/// None that the plan has not had.
pub fn name(plan: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(mut made)) => {
            made.input = named(made.input.as_ref().clone())?.into();
            Ok(LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(made)))
        }
        LogicalPlan::Ddl(DdlStatement::CreateView(mut made)) => {
            made.input = named(made.input.as_ref().clone())?.into();
            Ok(LogicalPlan::Ddl(DdlStatement::CreateView(made)))
        }
        LogicalPlan::Copy(mut copied) => {
            copied.input = named(copied.input.as_ref().clone())?.into();
            Ok(LogicalPlan::Copy(copied))
        }
        LogicalPlan::Ddl(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::DescribeTable(_) => Ok(plan),
        query => named(query),
    }
}

fn named(plan: LogicalPlan) -> Result<LogicalPlan> {
    let schema = plan.schema();
    let names: Vec<Option<String>> = (0..schema.fields().len())
        .map(|column| heading(&plan, column).filter(|heading| heading != schema.field(column).name()))
        .collect();
    if names.iter().all(Option::is_none) {
        return Ok(plan);
    }
    // Those with names keep them; of others that would be called alike, the later ones are numbered.
    let kept = schema.fields().iter().zip(&names).filter(|(_, name)| name.is_none());
    let mut taken: HashSet<String> = kept.map(|(field, _)| field.name().clone()).collect();
    let mut columns = vec![];
    for (column, name) in schema.columns().into_iter().zip(names) {
        let Some(name) = name else {
            columns.push(Expr::Column(column));
            continue;
        };
        let numbered = (1..).map(|number| format!("{name}_{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| taken.insert(name.clone()));
        columns.push(Expr::Column(column).alias(free.unwrap_or(name)));
    }
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// What a column is called that comes from an expression without a name; nothing for one that has a name.
fn heading(plan: &LogicalPlan, column: usize) -> Option<String> {
    let of_expression = |expression: &Expr, input: &LogicalPlan| match expression {
        Expr::Column(read) => heading(input, input.schema().maybe_index_of_column(read)?),
        Expr::Alias(alias) if alias.name.starts_with("UNNEST(") => Some(without_marks(&alias.name)),
        Expr::Alias(_) => None,
        unnamed => Some(text(unnamed)),
    };
    match plan {
        LogicalPlan::Projection(projection) => of_expression(projection.expr.get(column)?, &projection.input),
        LogicalPlan::Aggregate(aggregate) => {
            let groups = aggregate.group_expr.len();
            let mut expressions = aggregate.group_expr.iter().chain(&aggregate.aggr_expr);
            // Sets of groups have columns of their own.
            if groups + aggregate.aggr_expr.len() != plan.schema().fields().len() {
                return None;
            }
            of_expression(expressions.nth(column)?, &aggregate.input)
        }
        LogicalPlan::Window(window) => match column.checked_sub(window.input.schema().fields().len()) {
            Some(own) => of_expression(window.window_expr.get(own)?, &window.input),
            None => heading(&window.input, column),
        },
        LogicalPlan::Join(join)
            if join.schema.fields().len() == join.left.schema().fields().len() + join.right.schema().fields().len() =>
        {
            match column.checked_sub(join.left.schema().fields().len()) {
                Some(right) => heading(&join.right, right),
                None => heading(&join.left, column),
            }
        }
        LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::Distinct(_) => heading(plan.inputs().first()?, column),
        _ => None,
    }
}

/// The engine's name of an expression, its constants written in SQL.
fn text(expression: &Expr) -> String {
    match expression {
        Expr::Cast(Cast { expr, .. }) | Expr::TryCast(TryCast { expr, .. }) => match expr.as_ref() {
            Expr::Column(column) => return column.name.clone(),
            Expr::Cast(_) | Expr::TryCast(_) => return text(expr),
            _ => {}
        },
        _ => {}
    }
    let written = expression.clone().transform_up(|part| {
        Ok(match &part {
            Expr::Literal(..) => match expr_to_sql(&part) {
                Ok(sql) => Transformed::yes(Expr::Column(Column::new_unqualified(sql.to_string()))),
                Err(_) => Transformed::no(part),
            },
            // A text that a type is written before.
            Expr::Cast(Cast { expr, field }) => match (expr.as_ref(), field.data_type()) {
                (Expr::Column(Column { relation: None, name, .. }), of) if name.starts_with('\'') && of.is_temporal() => {
                    Transformed::yes(Expr::Column(Column::new_unqualified(format!("{} {name}", sql_type(of)))))
                }
                _ => Transformed::no(part),
            },
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let (left, right) = (in_brackets(left, *op, false), in_brackets(right, *op, true));
                Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op: *op, right }))
            }
            Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column.clone())),
            _ => Transformed::no(part),
        })
    });
    written.data().map_or_else(|_| expression.schema_name().to_string(), |written| written.schema_name().to_string())
}

/// A side of an operator as it is written: what binds less tightly stands in brackets.
fn in_brackets(side: &Expr, operator: Operator, is_right: bool) -> Box<Expr> {
    let Expr::BinaryExpr(BinaryExpr { op, .. }) = side else { return Box::new(side.clone()) };
    let of_one = [Operator::And, Operator::Or, Operator::Plus, Operator::Multiply, Operator::StringConcat];
    let is_chain = *op == operator && of_one.contains(op);
    let is_looser = op.precedence() < operator.precedence() || (is_right && op.precedence() == operator.precedence());
    let written = || format!("({})", side.schema_name());
    Box::new(if is_looser && !is_chain { Expr::Column(Column::new_unqualified(written())) } else { side.clone() })
}

/// The name of an UNNEST, which the engine has written already.
fn without_marks(name: &str) -> String {
    let mut text = String::new();
    let mut rest = name;
    let marks = ["outer_ref(", "Int64(", "Float64(", "Boolean("];
    while let Some((mark, at)) = marks.iter().filter_map(|mark| Some((mark, rest.find(mark)?))).min_by_key(|(_, at)| *at) {
        let (before, after) = (&rest[..at], &rest[at + mark.len()..]);
        let Some(end) = after.find(')') else { break };
        text.push_str(before);
        text.push_str(&after[..end]);
        rest = &after[end + 1..];
    }
    text + rest
}
