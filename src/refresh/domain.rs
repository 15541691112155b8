//! The values that a column can have, where its query tells, and the conditions that compare it with others.
//!
//! A tag that is a CASE over literals has those values and no others, whatever the rows are. `客单价 = '很高'` on a CASE of 高, 中 and 低 is a typo
//! that raises no error: the segment is simply empty.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, BinaryExpr, InList, ScalarFunction};
use datafusion::logical_expr::{Case, Cast, Distinct, Expr, LogicalPlan, Operator, TryCast, Union, Values, lit};

use crate::walk::Tree;

use super::decompose::RowExpression;

/// Above this many, a list of the values would no longer help the reader of a message.
const MOST_VALUES: usize = 100;

/// The non-NULL values that a column of a plan can have; `None` when the query does not tell.
pub fn values_of(plan: &LogicalPlan, column: usize) -> Option<Vec<ScalarValue>> {
    let mut values: Vec<ScalarValue> = vec![];
    for value in of_column(plan, column)?.into_iter().filter(|value| !value.is_null()) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    (values.len() <= MOST_VALUES).then_some(values)
}

fn of_column(plan: &LogicalPlan, column: usize) -> Option<Vec<ScalarValue>> {
    match plan {
        LogicalPlan::Projection(projection) => of_expression(projection.expr.get(column)?, &projection.input),
        LogicalPlan::SubqueryAlias(alias) => of_column(&alias.input, column),
        LogicalPlan::Filter(filter) => of_column(&filter.input, column),
        LogicalPlan::Sort(sort) => of_column(&sort.input, column),
        LogicalPlan::Limit(limit) => of_column(&limit.input, column),
        LogicalPlan::Distinct(Distinct::All(input)) => of_column(input, column),
        LogicalPlan::Aggregate(aggregate) => {
            let groups = aggregate.group_expr.len();
            let expression = match column.checked_sub(groups) {
                None => aggregate.group_expr.get(column)?,
                Some(place) => aggregate.aggr_expr.get(place)?,
            };
            of_expression(expression, &aggregate.input)
        }
        LogicalPlan::Union(Union { inputs, .. }) => all(inputs.iter().map(|input| of_column(input, column))),
        LogicalPlan::Values(Values { values, .. }) if values.len() <= MOST_VALUES => {
            all(values.iter().map(|row| of_expression(row.get(column)?, plan)))
        }
        _ => None,
    }
}

fn of_expression(expression: &Expr, input: &LogicalPlan) -> Option<Vec<ScalarValue>> {
    let of = |expression: &Expr| of_expression(expression, input);
    match expression {
        Expr::Literal(value, _) => Some(vec![value.clone()]),
        Expr::Alias(alias) => of(&alias.expr),
        Expr::Cast(Cast { expr, field }) => of(expr)?.iter().map(|value| value.cast_to(field.data_type()).ok()).collect(),
        Expr::TryCast(TryCast { expr, field }) => {
            let cast =
                |value: &ScalarValue| value.cast_to(field.data_type()).or_else(|_| ScalarValue::try_from(field.data_type()));
            of(expr)?.iter().map(|value| cast(value).ok()).collect()
        }
        Expr::Case(Case { when_then_expr, else_expr, .. }) => {
            let branches = when_then_expr.iter().map(|(_, then)| then).chain(else_expr);
            all(branches.map(|branch| of(branch)))
        }
        Expr::Column(column) => of_column(input, input.schema().maybe_index_of_column(column)?),
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "coalesce" => all(args.iter().map(of)),
        Expr::AggregateFunction(AggregateFunction { func, params: AggregateFunctionParams { args, .. } })
            if ["min", "max", "first_value", "last_value"].contains(&func.name()) =>
        {
            of(args.first()?)
        }
        _ => None,
    }
}

/// The values of all parts; `None` when those of any part are unknown.
fn all(parts: impl Iterator<Item = Option<Vec<ScalarValue>>>) -> Option<Vec<ScalarValue>> {
    parts.collect::<Option<Vec<_>>>().map(|parts| parts.concat())
}

/// A comparison in a condition: a column of the profile, and a value that it is compared with.
#[derive(Debug, Clone)]
pub struct Asked {
    pub column: String,
    /// The value as written in SQL.
    pub value: String,
    /// `column = value`, over the columns of the profile.
    pub holds: Expr,
    /// True for `=` and IN, which only this value satisfies.
    pub is_equality: bool,
    literal: ScalarValue,
}

/// The values that a condition compares columns of the profile with.
///
/// # Errors
/// Internal errors only.
pub fn asked(condition: &RowExpression) -> Result<Vec<Asked>> {
    let mut found = vec![];
    for expression in condition.conditions.iter().chain([&condition.value]) {
        expression.each_part(|part| {
            let (compared, values, is_equality): (&Expr, Vec<&Expr>, bool) = match part {
                Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                    let is_equality = matches!(op, Operator::Eq | Operator::IsNotDistinctFrom);
                    if !is_equality && !matches!(op, Operator::NotEq | Operator::IsDistinctFrom) {
                        return Ok(TreeNodeRecursion::Continue);
                    }
                    match constant(left) {
                        Some(_) => (right, vec![left], is_equality),
                        None => (left, vec![right], is_equality),
                    }
                }
                Expr::InList(InList { expr, list, negated }) => (expr, list.iter().collect(), !negated),
                Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "array_has" => match args.as_slice() {
                    [list, value] => (list, vec![value], true),
                    _ => return Ok(TreeNodeRecursion::Continue),
                },
                _ => return Ok(TreeNodeRecursion::Continue),
            };
            let Some(column) = column_of(compared) else { return Ok(TreeNodeRecursion::Continue) };
            for value in values {
                let Some(literal) = constant(value).filter(|literal| !literal.is_null()) else { continue };
                let holds = match part {
                    Expr::ScalarFunction(_) => part.clone(),
                    _ => compared.clone().eq(lit(literal.clone())),
                };
                let value = match literal.data_type() {
                    data_type if data_type.is_string() => crate::text::literal(&shown(&literal)),
                    _ => shown(&literal),
                };
                let holds = unqualified(holds)?;
                found.push(Asked { column: column.name.clone(), value, holds, is_equality, literal });
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    Ok(found)
}

impl Asked {
    /// The note on a segment whose column can never have this value; `None` when it can, or when its values are unknown.
    pub fn never(&self, segment: &str, domains: &BTreeMap<String, Vec<ScalarValue>>) -> Option<String> {
        let values = domains.get(&self.column)?;
        // Compared in the literal's type, where 1 equals 1.0.
        let is_it = |value: &ScalarValue| value.cast_to(&self.literal.data_type()).is_ok_and(|value| value == self.literal);
        if values.iter().any(is_it) {
            return None;
        }
        let quoted = |value: &ScalarValue| match value.data_type() {
            data_type if data_type.is_string() => crate::text::literal(&shown(value)),
            _ => shown(value),
        };
        let values: Vec<String> = values.iter().map(quoted).collect();
        let known = match values.as_slice() {
            [] => "it has no value".to_string(),
            values => format!("its values are {}", values.join(", ")),
        };
        Some(format!("{segment} compares {} with {}, which can never be equal; {known}", self.column, self.value))
    }
}

/// The value of a literal, possibly inside casts.
fn constant(expression: &Expr) -> Option<ScalarValue> {
    match expression {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Cast(Cast { expr, field }) => constant(expr)?.cast_to(field.data_type()).ok(),
        _ => None,
    }
}

/// A column, possibly inside casts.
fn column_of(expression: &Expr) -> Option<&Column> {
    match expression {
        Expr::Column(column) => Some(column),
        Expr::Cast(Cast { expr, .. }) => column_of(expr),
        _ => None,
    }
}

fn unqualified(expression: Expr) -> Result<Expr> {
    let plain = expression.changed_up(|part| match part {
        Expr::Column(column) => Ok(Transformed::yes(Expr::Column(Column::new_unqualified(column.name)))),
        other => Ok(Transformed::no(other)),
    });
    plain.data()
}

/// A value as text, without the type that `Display` adds.
fn shown(value: &ScalarValue) -> String {
    match value.cast_to(&DataType::Utf8) {
        Ok(ScalarValue::Utf8(Some(text))) => text,
        _ => value.to_string(),
    }
}
