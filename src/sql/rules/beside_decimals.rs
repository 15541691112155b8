//! Decimals beside floats, and beside decimals with other digits, where SQL wants one type: in comparisons, also with rows
//! of a subquery, CASE, `coalesce`, lists and UNION.
//!
//! A number of the statement, such as 0.5, is a decimal there; beside any other float, decimals become floats, as in PostgreSQL. What is
//! compared gets as many digits as both sides need.
//!
//! DataFusion takes every float for a DECIMAL(30, 15), so that `amount < 1e20`, a NaN and a decimal of many digits are errors, and cuts
//! common types off at 38 digits.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Between, Case, InList, InSubquery};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Union, cast};
use datafusion::optimizer::AnalyzerRule;

use super::{compares, each_expression, unions};
use crate::builtins::decimals::{constant_column, of_number};
use crate::walk::PlanTree;

/// Runs before type coercion.
#[derive(Debug)]
pub struct TypesBesideDecimals;

impl AnalyzerRule for TypesBesideDecimals {
    fn name(&self) -> &'static str {
        "types_beside_decimals"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        // The types of joins and comparisons above a UNION are those of all of its sides.
        let plan = unions::settled_everywhere(plan)?.changed_up_with_subqueries(|plan| match plan {
            LogicalPlan::Join(mut join) => {
                let mut changed = false;
                for pair in &mut join.on {
                    let (left, right) = pair.clone();
                    let types = (left.get_type(join.left.schema()), right.get_type(join.right.schema()));
                    let (Ok(left_type), Ok(right_type)) = types else { continue };
                    let sides = compared(&[left, right], &[left_type, right_type]);
                    if let Some([left, right]) = sides.and_then(|sides| <[Expr; 2]>::try_from(sides).ok()) {
                        *pair = (left, right);
                        changed = true;
                    }
                }
                let join = LogicalPlan::Join(join);
                Ok(if changed { Transformed::yes(join) } else { Transformed::no(join) })
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(each_expression(plan.data, of_expression)?.data)
    }
}

/// Functions that give one of their arguments.
const CHOOSING: [&str; 7] = ["coalesce", "greatest", "ifnull", "least", "make_array", "nullif", "nvl"];

fn of_expression(expression: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(match expression {
        Expr::BinaryExpr(BinaryExpr { mut left, op, mut right }) if compares(op) => {
            let changed = all_compared([left.as_mut(), right.as_mut()].into_iter(), schema);
            let binary = Expr::BinaryExpr(BinaryExpr { left, op, right });
            if changed { Transformed::yes(binary) } else { Transformed::no(binary) }
        }
        Expr::Between(Between { mut expr, negated, mut low, mut high }) => {
            let changed = all_compared([expr.as_mut(), low.as_mut(), high.as_mut()].into_iter(), schema);
            let between = Expr::Between(Between { expr, negated, low, high });
            if changed { Transformed::yes(between) } else { Transformed::no(between) }
        }
        Expr::InList(InList { mut expr, mut list, negated }) => {
            let changed = all_compared(std::iter::once(expr.as_mut()).chain(&mut list), schema);
            let list = Expr::InList(InList { expr, list, negated });
            if changed { Transformed::yes(list) } else { Transformed::no(list) }
        }
        Expr::InSubquery(mut asked) => {
            let changed = is_compared_with_rows(&mut asked, schema)?;
            let asked = Expr::InSubquery(asked);
            if changed { Transformed::yes(asked) } else { Transformed::no(asked) }
        }
        Expr::Case(Case { mut expr, mut when_then_expr, mut else_expr }) => {
            let mut changed = match &mut expr {
                Some(base) => {
                    let whens = when_then_expr.iter_mut().map(|(when, _)| when.as_mut());
                    all_compared(std::iter::once(base.as_mut()).chain(whens), schema)
                }
                None => false,
            };
            let results = when_then_expr.iter_mut().map(|(_, result)| result.as_mut());
            changed |= all_of_one_kind(results.chain(else_expr.as_deref_mut()), schema);
            let case = Expr::Case(Case { expr, when_then_expr, else_expr });
            if changed { Transformed::yes(case) } else { Transformed::no(case) }
        }
        Expr::ScalarFunction(mut call) if CHOOSING.contains(&call.name()) => {
            let changed = all_of_one_kind(call.args.iter_mut(), schema);
            let call = Expr::ScalarFunction(call);
            if changed { Transformed::yes(call) } else { Transformed::no(call) }
        }
        other => Transformed::no(other),
    })
}

/// Casts the value of `value IN (SELECT …)`, the rows of the subquery, or both.
fn is_compared_with_rows(asked: &mut InSubquery, schema: &DFSchema) -> Result<bool> {
    let rows = &asked.subquery.subquery;
    let columns = columns_of(rows);
    let ([column], Ok(value_type)) = (columns.as_slice(), asked.expr.get_type(schema)) else { return Ok(false) };
    let types = [value_type, rows.schema().field(0).data_type().clone()];
    let sides = compared(&[asked.expr.as_ref().clone(), column.clone()], &types);
    let Some([value, row]) = sides.and_then(|sides| <[Expr; 2]>::try_from(sides).ok()) else { return Ok(false) };
    *asked.expr = value;
    if row != *column {
        asked.subquery.subquery = LogicalPlanBuilder::from(rows.as_ref().clone()).project([row])?.build()?.into();
    }
    Ok(true)
}

fn all_compared<'a>(values: impl Iterator<Item = &'a mut Expr>, schema: &DFSchema) -> bool {
    all(values, schema, compared)
}

fn all_of_one_kind<'a>(values: impl Iterator<Item = &'a mut Expr>, schema: &DFSchema) -> bool {
    all(values, schema, |values, types| of_one_kind(values, types).map(|(values, _)| values))
}

/// Replaces these values, if one of them is a decimal, by those that `change` makes of them.
fn all<'a>(
    values: impl Iterator<Item = &'a mut Expr>,
    schema: &DFSchema,
    change: impl Fn(&[Expr], &[DataType]) -> Option<Vec<Expr>>,
) -> bool {
    let values: Vec<&mut Expr> = values.collect();
    let types: Vec<DataType> = values.iter().map_while(|value| value.get_type(schema).ok()).collect();
    if types.len() < values.len() || !types.iter().any(DataType::is_decimal) {
        return false;
    }
    let current: Vec<Expr> = values.iter().map(|value| (**value).clone()).collect();
    let Some(changed) = change(&current, &types) else { return false };
    values.into_iter().zip(changed).for_each(|(value, changed)| *value = changed);
    true
}

/// These values so that none is a float beside a decimal, with their types; `None` if that is so.
fn of_one_kind(values: &[Expr], types: &[DataType]) -> Option<(Vec<Expr>, Vec<DataType>)> {
    if !types.iter().any(DataType::is_floating) || !types.iter().any(DataType::is_decimal) {
        return None;
    }
    let exact = |(value, data_type): (&Expr, &DataType)| match data_type.is_floating() {
        true => of_number(value),
        false => Some((value.clone(), data_type.clone())),
    };
    let exact: Option<Vec<(Expr, DataType)>> = values.iter().zip(types).map(exact).collect();
    let as_floats = || {
        let one = |(value, data_type): (&Expr, &DataType)| match data_type.is_decimal() {
            true => (cast(value.clone(), DataType::Float64), DataType::Float64),
            false => (value.clone(), data_type.clone()),
        };
        values.iter().zip(types).map(one).collect()
    };
    Some(exact.unwrap_or_else(as_floats).into_iter().unzip())
}

/// The same values with the digits that all of them need; `None` if the engine gives them these.
fn widened(values: &[Expr], types: &[DataType]) -> Option<Vec<Expr>> {
    let digits = |(value, data_type): (&Expr, &DataType)| match data_type {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            Some((i16::from(*precision) - i16::from(*scale), i16::from(*scale)))
        }
        whole if whole.is_integer() => Some((whole_digits(value), 0)),
        DataType::Null => Some((0, 0)),
        _ => None,
    };
    let digits: Vec<(i16, i16)> = values.iter().zip(types).map(digits).collect::<Option<_>>()?;
    let before = digits.iter().map(|(before, _)| *before).max()?;
    let places = digits.iter().map(|(_, places)| *places).max()?;
    if before + places <= i16::from(DECIMAL128_MAX_PRECISION) || !types.iter().any(DataType::is_decimal) {
        return None;
    }
    let precision = u8::try_from(before + places).unwrap_or(u8::MAX).min(DECIMAL256_MAX_PRECISION);
    let wide = DataType::Decimal256(precision, i8::try_from(places).ok()?);
    Some(values.iter().map(|value| cast(value.clone(), wide.clone())).collect())
}

/// The most digits that an integer has.
fn whole_digits(value: &Expr) -> i16 {
    let shown = match value {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => number.unsigned_abs().to_string(),
        _ => return 20,
    };
    i16::try_from(shown.len()).unwrap_or(20)
}

/// These values as they are compared; `None` if the engine compares them so.
fn compared(values: &[Expr], types: &[DataType]) -> Option<Vec<Expr>> {
    match of_one_kind(values, types) {
        Some((values, types)) => widened(&values, &types).or(Some(values)),
        None => widened(values, types),
    }
}

/// Casts the columns of a UNION whose inputs have decimals and floats.
///
/// # Errors
/// None for valid plans.
pub fn of_union(union: Union) -> Result<Union> {
    let width = union.schema.fields().len();
    let same_width = union.inputs.iter().all(|input| input.schema().fields().len() == width);
    let mut columns: Vec<Vec<Expr>> = union.inputs.iter().map(|input| columns_of(input)).collect();
    let mut changed = vec![false; union.inputs.len()];
    for place in (0..width).filter(|_| same_width) {
        let types: Vec<DataType> = union.inputs.iter().map(|input| input.schema().field(place).data_type().clone()).collect();
        let value = |(input, columns): (&Arc<LogicalPlan>, &Vec<Expr>)| match constant_column(input, place) {
            Some(number) if of_number(number).is_some() => number.clone(),
            _ => columns[place].clone(),
        };
        let values: Vec<Expr> = union.inputs.iter().zip(&columns).map(value).collect();
        let Some((values, own)) = of_one_kind(&values, &types) else { continue };
        for (number, value) in values.into_iter().enumerate().filter(|(number, _)| own[*number] != types[*number]) {
            columns[number][place] = value;
            changed[number] = true;
        }
    }
    if !changed.contains(&true) {
        return Ok(union);
    }
    let mut inputs = vec![];
    for ((input, columns), changed) in union.inputs.into_iter().zip(columns).zip(changed) {
        if !changed {
            inputs.push(input);
            continue;
        }
        let named = input.schema().iter().zip(columns).map(|((qualifier, field), value)| match value {
            column @ Expr::Column(_) => column,
            value => value.alias_qualified(qualifier.cloned(), field.name()),
        });
        let named: Vec<Expr> = named.collect();
        inputs.push(Arc::new(LogicalPlanBuilder::from(input).project(named)?.build()?));
    }
    Union::try_new_with_loose_types(inputs)
}

fn columns_of(plan: &LogicalPlan) -> Vec<Expr> {
    plan.schema().iter().map(|(qualifier, field)| Expr::Column(Column::from((qualifier, field)))).collect()
}
