//! Texts that stand where a value of another type is wanted, and do not read as one.
//!
//! `band <> 'old'` over a BIGINT is planned as `band <> CAST('old' AS BIGINT)`, which fails with the first row. A definition is run long after
//! it was made, and the column may have been text by then: so the texts are read when the definition is planned, and the error reaches
//! whoever makes it, or changes the type.

use std::collections::HashSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::expr::{BinaryExpr, InList};
use datafusion::logical_expr::{Between, Case, Cast, Expr, LogicalPlan};
use datafusion::sql::unparser::expr_to_sql;

use super::plan::PROFILE_SCHEMA;
use crate::error::{SqlState, coded};
use crate::statement::StatementContext;

/// A plan with the types that it has once its expressions are coerced. Until then `sum(CASE … THEN amount ELSE 0 END)` is said to
/// have fewer digits than its values will, and what is built over a promise that is not kept fails when it runs.
///
/// # Errors
/// Types do not go together, or a text is taken for a value of another type and does not read as one. `subject` is the definition.
pub fn coerced(plan: LogicalPlan, subject: &str, context: &StatementContext) -> Result<LogicalPlan> {
    let written = casts_of_texts(&plan)?;
    let state = context.session();
    let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
    match unreadable(&plan, &written)? {
        Some(problem) => Err(coded(SqlState::DATATYPE_MISMATCH, subject, problem)),
        None => Ok(plan),
    }
}

/// The casts of texts that a query says itself; those fail or do not as it says.
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

/// Visits expressions with their parts until one is what is looked for.
fn each_expression(plan: &LogicalPlan, mut is_it: impl FnMut(&Expr) -> bool) -> Result<()> {
    plan.apply_with_subqueries(|plan| {
        plan.apply_expressions(|expression| {
            expression.apply(|part| Ok(if is_it(part) { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue }))
        })
    })?;
    Ok(())
}

/// A constant text that is cast.
fn cast_text(expression: &Expr) -> Option<(&str, &DataType)> {
    let Expr::Cast(Cast { expr, field }) = expression else { return None };
    let Expr::Literal(value, _) = expr.as_ref() else { return None };
    Some((value.try_as_str()??, field.data_type()))
}

/// What is wrong with the first comparison that takes a text for something which it does not read as.
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

/// Whose column is compared, when it is one of a profile.
fn of_profile(expression: &Expr) -> String {
    let columns = expression.column_refs();
    let mut tables = columns.iter().filter_map(|column| column.relation.as_ref());
    let profile = tables.find(|table| table.schema() == Some(PROFILE_SCHEMA));
    profile.map_or_else(String::new, |table| format!(" of profile {}", table.table()))
}

/// An expression as a person would write it: without the casts of coercion and without the names of tables.
fn as_written(expression: &Expr) -> String {
    let plain = expression.clone().transform_up(|part| {
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
