//! String literals where a value of another type is expected and which cannot be converted to it.
//!
//! `band <> 'old'` over a BIGINT is planned as `band <> CAST('old' AS BIGINT)`, which fails on the first row. A definition runs long after
//! it was made, and the column may have been text back then. So the literals are converted when the definition is planned, and the error
//! reaches whoever creates the definition or changes the type.

use std::collections::HashSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::expr::{BinaryExpr, InList};
use datafusion::logical_expr::{Between, Case, Cast, Expr, LogicalPlan};
use datafusion::sql::unparser::expr_to_sql;

use super::plan::PROFILE_SCHEMA;
use crate::error::{SqlState, coded};
use crate::statement::StatementContext;
use crate::walk::{PlanTree, Tree};

/// A plan with the types that it has once its expressions are coerced. Before that, `sum(CASE … THEN amount ELSE 0 END)` claims fewer
/// digits than its values will have, and a plan built on the claimed type fails when it runs. `subject` names the definition in errors.
///
/// # Errors
/// Incompatible types, a string literal that cannot be converted to the type it is compared with, or a subquery that cannot be computed.
pub fn coerced(plan: LogicalPlan, subject: &str, context: &StatementContext) -> Result<LogicalPlan> {
    let written = casts_of_texts(&plan)?;
    let state = context.session();
    let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
    if let Some(problem) = unreadable(&plan, &written)? {
        return Err(coded(SqlState::DATATYPE_MISMATCH, subject, problem));
    }
    // Whether a subquery can be computed is only known once it is optimised, which a plan without one need not wait for. What else the
    // optimiser refuses, such as parameters without values, is not about the definition.
    if names_outer_columns(&plan)?
        && let Ok(optimised) = state.optimize(&plan)
        && names_outer_columns(&optimised)?
    {
        let problem = "subquery: cannot be computed for each row here; write a JOIN, or one with GROUP BY";
        return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, subject, problem));
    }
    Ok(plan)
}

/// True when an inner query names columns of an outer one.
fn names_outer_columns(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    each_expression(plan, |expression| {
        found |= matches!(expression, Expr::OuterReferenceColumn(..));
        found
    })?;
    Ok(found)
}

/// The casts of string literals that the query itself contains; those are explicit, and may fail at run time.
fn casts_of_texts(plan: &LogicalPlan) -> Result<HashSet<(String, DataType)>> {
    let mut found = HashSet::new();
    each_expression(plan, |expression| {
        if let Some((text, data_type)) = cast_text(expression) {
            found.insert((text.to_string(), data_type.clone()));
        }
        false
    })?;
    Ok(found)
}

/// Visits expressions and their parts until `is_it` returns true for one.
fn each_expression(plan: &LogicalPlan, mut is_it: impl FnMut(&Expr) -> bool) -> Result<()> {
    plan.each_plan(|plan| {
        plan.each_expression(|expression| {
            expression.each_part(|part| Ok(if is_it(part) { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue }))
        })
    })?;
    Ok(())
}

/// The text and target type of a cast string literal.
fn cast_text(expression: &Expr) -> Option<(&str, &DataType)> {
    let Expr::Cast(Cast { expr, field }) = expression else { return None };
    let Expr::Literal(value, _) = expr.as_ref() else { return None };
    Some((value.try_as_str()??, field.data_type()))
}

/// The problem with the first implicit cast of a string literal that cannot be converted; `None` when there is none.
fn unreadable(plan: &LogicalPlan, written: &HashSet<(String, DataType)>) -> Result<Option<String>> {
    let wrong = |expression: &Expr| {
        let (text, data_type) = cast_text(expression)?;
        let is_own = written.contains(&(text.to_string(), data_type.clone()));
        let reads = || ScalarValue::from(text).cast_to(data_type).is_ok();
        (!is_own && !reads()).then(|| (text.to_string(), data_type.clone()))
    };
    let mut problem = None;
    each_expression(plan, |expression| {
        let (beside, others): (Option<&Expr>, Vec<&Expr>) = match expression {
            Expr::BinaryExpr(BinaryExpr { left, right, .. }) => match wrong(left) {
                Some(_) => (Some(right), vec![left]),
                None => (Some(left), vec![right]),
            },
            Expr::InList(InList { expr, list, .. }) => (Some(expr), list.iter().collect()),
            Expr::Between(Between { expr, low, high, .. }) => (Some(expr), vec![low, high]),
            Expr::Case(Case { expr: Some(expr), when_then_expr, .. }) => {
                (Some(expr), when_then_expr.iter().map(|(when, _)| when.as_ref()).collect())
            }
            other => (None, vec![other]),
        };
        let Some((text, data_type)) = others.into_iter().find_map(wrong) else { return false };
        let (text, is) = (crate::text::literal(&text), crate::text::sql_type(&data_type));
        problem = Some(match beside {
            Some(beside) => format!(
                "compares {}{}, which is {is}, with {text} in {}; the string cannot be converted to {is}, and the first row would fail",
                as_written(beside),
                of_profile(beside),
                as_written(expression)
            ),
            None => format!(
                "takes {text} as {is}, but the string cannot be converted: the first row would fail; write a value of that type"
            ),
        });
        true
    })?;
    Ok(problem)
}

/// The profile whose column is compared, for the message; empty when it is not a column of a profile.
fn of_profile(expression: &Expr) -> String {
    let columns = expression.column_refs();
    let mut tables = columns.iter().filter_map(|column| column.relation.as_ref());
    let profile = tables.find(|table| table.schema() == Some(PROFILE_SCHEMA));
    profile.map_or_else(String::new, |table| format!(" of profile {}", table.table()))
}

/// An expression as a person would write it: without the casts of coercion and without table names.
fn as_written(expression: &Expr) -> String {
    let plain = expression.clone().changed_up(|part| {
        Ok(match part {
            Expr::Cast(Cast { expr, .. }) => Transformed::yes(*expr),
            Expr::Column(column) => Transformed::yes(Expr::Column(Column::new_unqualified(column.name))),
            other => Transformed::no(other),
        })
    });
    let plain = plain.data().unwrap_or_else(|_| expression.clone());
    let written = expr_to_sql(&plain).map_or_else(|_| plain.to_string(), |sql| sql.to_string());
    let inner = written.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    inner.filter(|inner| !inner.contains(['(', ')'])).map_or(written.clone(), str::to_string)
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{cast, col, lit};

    use super::*;
    use crate::text::sql_type;

    #[test]
    fn expressions_are_shown_as_they_are_written() {
        let compared = col("profile.c.band").not_eq(cast(lit("old"), DataType::Int64));
        assert_eq!(as_written(&compared), "band <> 'old'");
        assert_eq!(sql_type(&DataType::Decimal128(12, 2)), "DECIMAL(12, 2)");
    }
}
