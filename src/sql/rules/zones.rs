//! Dates and timestamps compared with timestamps with time zone, and numbers compared with any of them.
//!
//! A date or timestamp without time zone is local time in the zone of the other side: `at >= DATE '2025-05-02'` begins at midnight in
//! Shanghai if `at` is in that zone. The `$as_of` of a refresh is an instant in UTC. Comparing a number with a timestamp is an error,
//! because the number has no unit.
//!
//! DataFusion takes a date as midnight UTC, fails for local times that daylight saving skips or repeats, and takes a number as days,
//! seconds or nanoseconds since 1970, depending on the other side.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::functions::datetime::to_local_time;
use datafusion::logical_expr::expr::{Between, Cast, InList, ScalarFunction, TryCast};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, cast};
use datafusion::optimizer::AnalyzerRule;
use sqlparser::ast::BinaryOperator;

use super::{compares, each_expression, frames, input_schema};
use crate::builtins::named_apart::value_of;
use crate::builtins::nanoseconds::in_nanoseconds;
use crate::builtins::spans::length_of;
use crate::builtins::zoned::{self, UTC, UTC_TIME, in_zone};
use crate::builtins::{local_texts, nested};
use crate::error::{SqlState, coded, in_sql};
use crate::sql::syntax::spellings::AT_TIME_ZONE;
use crate::text::written_name;
use crate::walk::{PlanTree, Tree};

/// Runs before type coercion, which would silently convert one side to the type of the other.
#[derive(Debug)]
pub struct CompareTimes;

impl AnalyzerRule for CompareTimes {
    fn name(&self) -> &'static str {
        "compare_times"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.changed_up_with_subqueries(|plan| match plan {
            LogicalPlan::Join(mut join) if join.on.iter().any(|(left, right)| left != right) => {
                let mut changed = false;
                for pair in &mut join.on {
                    let (left, right) = pair.clone();
                    let types = (left.get_type(join.left.schema()), right.get_type(join.right.schema()));
                    let (Ok(left_type), Ok(right_type)) = types else { continue };
                    no_number([(&left, &left_type), (&right, &right_type)])?;
                    let schema = merge_schema(&[&join.left, &join.right]);
                    let sides = comparable([(left, left_type), (right, right_type)], &schema);
                    changed |= sides.transformed;
                    *pair = sides.data.into();
                }
                let join = LogicalPlan::Join(join);
                Ok(if changed { Transformed::yes(join) } else { Transformed::no(join) })
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(each_expression(plan.data, compare)?.data)
    }
}

fn compare(expression: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) || op == Operator::Minus => {
            let types = (left.get_type(schema), right.get_type(schema));
            let (Ok(left_type), Ok(right_type)) = types else {
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
            };
            if compares(op) {
                no_number([(&left, &left_type), (&right, &right_type)])?;
            }
            let sides = [(*left, left_type), (*right, right_type)];
            let sides = if op == Operator::Minus { difference(sides, schema) } else { comparable(sides, schema) };
            Ok(sides.update_data(|[left, right]| Expr::BinaryExpr(BinaryExpr { left: left.into(), op, right: right.into() })))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let (Ok(of), Ok(lowest), Ok(highest)) = (expr.get_type(schema), low.get_type(schema), high.get_type(schema)) else {
                return Ok(Transformed::no(Expr::Between(Between { expr, negated, low, high })));
            };
            no_number([(&expr, &of), (&low, &lowest)])?;
            no_number([(&expr, &of), (&high, &highest)])?;
            let bounds = comparable([(*expr, of), (*low, lowest), (*high, highest)], schema);
            Ok(bounds.update_data(|[expr, low, high]| Expr::Between(Between::new(expr.into(), negated, low.into(), high.into()))))
        }
        Expr::InList(InList { mut expr, list, negated }) => {
            let Ok(mut of) = expr.get_type(schema) else {
                return Ok(Transformed::no(Expr::InList(InList { expr, list, negated })));
            };
            if let DataType::Date32 | DataType::Date64 = of
                && list.iter().any(|item| item.get_type(schema).is_ok_and(|data_type| is_fine(&data_type)))
            {
                *expr = in_nanoseconds(std::mem::take(expr.as_mut()));
                of = DataType::Timestamp(TimeUnit::Nanosecond, None);
            }
            let mut changed = false;
            let items = list.into_iter().map(|item| {
                let Ok(item_type) = item.get_type(schema) else { return Ok(item) };
                no_number([(&expr, &of), (&item, &item_type)])?;
                let [_, item] = comparable([(expr.as_ref().clone(), of.clone()), (item, item_type)], schema).data;
                changed = true;
                Ok(item)
            });
            let list = items.collect::<Result<_>>()?;
            let list = Expr::InList(InList { expr, list, negated });
            Ok(if changed { Transformed::yes(list) } else { Transformed::no(list) })
        }
        Expr::WindowFunction(mut function) => {
            // DataFusion has no frames over intervals, and needs a frame whenever a window is ordered.
            let mut changed = false;
            for order in &mut function.params.order_by {
                if matches!(order.expr.get_type(schema), Ok(DataType::Interval(_))) {
                    order.expr = length_of(std::mem::take(&mut order.expr));
                    changed = true;
                }
            }
            if let [order, ..] = function.params.order_by.as_slice() {
                let data_type = order.expr.get_type(schema)?;
                changed |= frames::as_groups(&mut function.params.window_frame, &order.expr, &data_type)?;
            }
            if let [order] = function.params.order_by.as_slice() {
                let data_type = order.expr.get_type(schema)?;
                let frame = &mut function.params.window_frame;
                for bound in [&mut frame.start_bound, &mut frame.end_bound] {
                    changed |= frames::with_unit(bound, &order.expr, &data_type)?;
                }
            }
            if frames::divides_days(&function.params.window_frame)
                && let [order] = function.params.order_by.as_mut_slice()
                && matches!(order.expr.get_type(schema)?, DataType::Date32 | DataType::Date64)
            {
                order.expr = cast(std::mem::take(&mut order.expr), DataType::Timestamp(TimeUnit::Microsecond, None));
                changed = true;
            }
            let function = Expr::WindowFunction(function);
            Ok(if changed { Transformed::yes(function) } else { Transformed::no(function) })
        }
        other => Ok(Transformed::no(other)),
    }
}

pub fn is_date_or_timestamp(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..))
}

/// Rejects comparing a date or timestamp with a number.
fn no_number(sides: [(&Expr, &DataType); 2]) -> Result<()> {
    let [left, right] = sides;
    for ((time, time_type), (number, number_type)) in [(left, right), (right, left)] {
        if is_date_or_timestamp(time_type) && number_type.is_numeric() {
            let problem = format!("is {}, and {} a number; {}", named(time_type), shown(number, "x"), advice(number));
            return Err(coded(SqlState::DATATYPE_MISMATCH, &shown(time, "value"), problem));
        }
    }
    Ok(())
}

pub fn named(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Date32 | DataType::Date64 => "a date",
        DataType::Time32(_) | DataType::Time64(_) => "a time of day",
        _ => "a timestamp",
    }
}

/// An expression as errors show it; a column that only a plan has is called something else.
fn shown(expression: &Expr, otherwise: &str) -> String {
    // The name of a file does not qualify a column.
    if let Expr::Column(Column { relation: Some(table), name, .. }) = expression
        && table.table().contains('.')
    {
        return written_name(name);
    }
    let text = expression.human_display().to_string();
    let is_own = text.starts_with("__") || text.contains('?');
    if is_own { otherwise.to_string() } else { text }
}

/// How to convert a number to a date or timestamp.
fn advice(number: &Expr) -> String {
    let text = shown(number, "x");
    format!(
        "a day written as 20250308 is CAST(CAST({text} AS VARCHAR) AS DATE), seconds since 1970 are to_timestamp({text}), milliseconds \
         to_timestamp_millis({text})"
    )
}

/// Makes the sides comparable: all in the time zone of the side that has one, and dates in the unit of the timestamps.
fn comparable<const N: usize>(sides: [(Expr, DataType); N], schema: &DFSchema) -> Transformed<[Expr; N]> {
    let zoned = sides.iter().find_map(|(_, data_type)| match data_type {
        DataType::Timestamp(unit, Some(zone)) => Some((*unit, Arc::clone(zone))),
        _ => None,
    });
    let unit = sides.iter().find_map(|(_, data_type)| match data_type {
        // Type coercion would choose nanoseconds, which end in the year 2262.
        DataType::Timestamp(unit, None) if *unit != TimeUnit::Nanosecond => Some(*unit),
        _ => None,
    });
    let any_fine = sides.iter().any(|(_, data_type)| is_fine(data_type));
    // DataFusion converts a constant to the unit of the column, so only a column in nanoseconds forces that unit.
    let column_fine = sides.iter().any(|(side, data_type)| is_fine(data_type) && !side.column_refs().is_empty());
    let mut changed = false;
    let mut with = |side: Expr| {
        changed = true;
        side
    };
    let sides = sides.map(|(side, data_type)| match data_type {
        DataType::Date32 | DataType::Date64 if any_fine => {
            (with(in_nanoseconds(side)), DataType::Timestamp(TimeUnit::Nanosecond, None))
        }
        DataType::Timestamp(unit, zone) if column_fine && unit != TimeUnit::Nanosecond => {
            (with(in_nanoseconds(side)), DataType::Timestamp(TimeUnit::Nanosecond, zone))
        }
        _ => (side, data_type),
    });
    let sides = sides.map(|(side, data_type)| match (&zoned, data_type) {
        (Some(_), DataType::Timestamp(unit, None)) if is_in_utc(&side, schema) => {
            with(cast(side, DataType::Timestamp(unit, Some(UTC.into()))))
        }
        (Some((_, zone)), DataType::Timestamp(unit, None)) => with(in_zone(side, unit, zone)),
        (Some((unit, zone)), DataType::Date32 | DataType::Date64) => with(in_zone(side, *unit, zone)),
        (None, DataType::Date32 | DataType::Date64) if let Some(unit) = unit => with(cast(side, DataType::Timestamp(unit, None))),
        _ => side,
    });
    if changed { Transformed::yes(sides) } else { Transformed::no(sides) }
}

fn is_fine(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(TimeUnit::Nanosecond, _))
}

/// Both sides of a subtraction in the zone and the finer unit of the two, if one has a time zone.
fn difference(sides: [(Expr, DataType); 2], schema: &DFSchema) -> Transformed<[Expr; 2]> {
    let zone = sides.iter().find_map(|(_, data_type)| match data_type {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    });
    let (Some(zone), true) = (zone, sides.iter().all(|(_, data_type)| is_date_or_timestamp(data_type))) else {
        return Transformed::no(sides.map(|(side, _)| side));
    };
    let unit_of = |data_type: &DataType| match data_type {
        DataType::Timestamp(unit, _) => *unit,
        _ => TimeUnit::Second,
    };
    let unit = sides.iter().map(|(_, data_type)| unit_of(data_type)).max().unwrap_or(TimeUnit::Nanosecond);
    Transformed::yes(sides.map(|(side, data_type)| match data_type {
        DataType::Timestamp(_, Some(_)) => cast(side, DataType::Timestamp(unit, Some(Arc::clone(&zone)))),
        DataType::Timestamp(..) if is_in_utc(&side, schema) => {
            cast(cast(side, DataType::Timestamp(unit, Some(UTC.into()))), DataType::Timestamp(unit, Some(Arc::clone(&zone))))
        }
        _ => in_zone(side, unit, &zone),
    }))
}

/// True for instants whose type has no zone, `$as_of`, `now()` and `to_timestamp(number)`, and for expressions that use one.
fn is_in_utc(expression: &Expr, schema: &DFSchema) -> bool {
    any_part(expression, zoned::is_moved, |part| is_instant(part, schema))
}

fn is_instant(part: &Expr, schema: &DFSchema) -> bool {
    match part {
        Expr::ScalarFunction(ScalarFunction { func, args }) => match (func.name(), args.as_slice()) {
            (UTC_TIME | "now", _) => true,
            (name, [number]) if name.starts_with("to_timestamp") => {
                number.get_type(schema).is_ok_and(|data_type| data_type.is_numeric())
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether a part is as asked; what is within the parts that end the search is not looked at.
fn any_part(expression: &Expr, ends: impl Fn(&Expr) -> bool, asked: impl Fn(&Expr) -> bool) -> bool {
    let mut found = false;
    let searched = expression.each_part(|part| {
        if ends(part) {
            return Ok(TreeNodeRecursion::Jump);
        }
        found = asked(part);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    searched.is_ok() && found
}

/// Plans `time AT TIME ZONE 'zone'`: the local time at an instant, or the instant of a local time, depending on the type of the time. The
/// engine would only give the time another zone.
#[derive(Debug)]
pub struct TimesInZones;

impl ExprPlanner for TimesInZones {
    fn plan_binary_op(&self, expression: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = expression;
        let zone = match (&op, &right) {
            (BinaryOperator::Custom(name), Expr::Literal(value, _)) if name == AT_TIME_ZONE => {
                value.try_as_str().flatten().map(ToString::to_string)
            }
            _ => None,
        };
        let Some(zone) = zone else { return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right })) };
        let zone = zoned::known_zone(&zone)?;
        Ok(PlannerResult::Planned(at_zone(left, &zone, schema)?))
    }
}

fn at_zone(time: Expr, zone: &str, schema: &DFSchema) -> Result<Expr> {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()));
    // As in PostgreSQL, a parameter whose type nobody says is an instant.
    if let Expr::Placeholder(_) = &time
        && time.get_type(schema).is_err()
    {
        return Ok(zoned::shown_in(cast(time, instant), zone));
    }
    Ok(match time.get_type(schema)? {
        DataType::Null => zoned::shown_in(cast(time, instant), zone),
        DataType::Timestamp(_, Some(_)) => zoned::shown_in(time, zone),
        // The type of now() has no zone.
        DataType::Timestamp(_, None) if is_written_instant(&time, schema) => zoned::shown_in(time, zone),
        DataType::Timestamp(unit, None) => zoned::instant_in(time, unit, zone),
        DataType::Date32 | DataType::Date64 => {
            let unit = TimeUnit::Microsecond;
            zoned::instant_in(cast(time, DataType::Timestamp(unit, None)), unit, zone)
        }
        other => {
            let (shown, other) = (time.human_display().to_string(), in_sql(&other.to_string()));
            let problem = format!(
                "is {other}, and AT TIME ZONE needs a time; write CAST({shown} AS TIMESTAMP) for the local time of the zone, or \
                 CAST({shown} AS TIMESTAMP WITH TIME ZONE) for an instant"
            );
            return Err(coded(SqlState::DATATYPE_MISMATCH, &shown, problem));
        }
    })
}

/// As [`is_in_utc`], but what is cast to a type without a zone is a local time from then on.
fn is_written_instant(expression: &Expr, schema: &DFSchema) -> bool {
    let is_local = |part: &Expr| match part {
        Expr::Cast(Cast { field, .. }) | Expr::TryCast(TryCast { field, .. }) => {
            !matches!(field.data_type(), DataType::Timestamp(_, Some(_)))
        }
        other => zoned::is_moved(other),
    };
    any_part(expression, is_local, |part| is_instant(part, schema))
}

/// Rewrites casts between strings, dates and timestamps, and of lists to strings, whether written or added by type coercion.
pub fn cast_times(expression: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if let Expr::ScalarFunction(call) = &expression
        && let (
            "to_timestamp" | "to_timestamp_seconds" | "to_timestamp_millis" | "to_timestamp_micros" | "to_timestamp_nanos",
            [time],
        ) = (call.func.name(), call.args.as_slice())
    {
        let is_instant = matches!(expression.get_type(schema)?, DataType::Timestamp(_, Some(_)));
        let given = match time.get_type(schema)? {
            text if text.is_string() => zoned::with_seconds(time.clone()),
            // `to_timestamp` alone takes integers as seconds of local time. Decimals are seconds since 1970, which is what is meant.
            number if number.is_integer() && is_instant && call.func.name() == "to_timestamp" => {
                cast(time.clone(), DataType::Decimal128(20, 0))
            }
            data_type if has_zone(&data_type) && !is_instant => to_local_time().call(vec![time.clone()]),
            _ => return Ok(Transformed::no(expression)),
        };
        return Ok(if given == *time { Transformed::no(expression) } else { Transformed::yes(call.func.call(vec![given])) });
    }
    let (from, field, tries) = match &expression {
        Expr::Cast(Cast { expr, field }) => (expr, field, false),
        Expr::TryCast(TryCast { expr, field }) => (expr, field, true),
        _ => return Ok(Transformed::no(expression)),
    };
    let from_type = from.get_type(schema)?;
    match field.data_type() {
        DataType::Timestamp(_, zone) if from_type.is_string() => {
            let full = zoned::with_seconds(from.as_ref().clone());
            let full = match zone {
                Some(zone) => local_texts::in_zone(full, zone),
                None => full,
            };
            if full == **from {
                return Ok(Transformed::no(expression));
            }
            let (from, field) = (Box::new(full), Arc::clone(field));
            Ok(Transformed::yes(if tries {
                Expr::TryCast(TryCast { expr: from, field })
            } else {
                Expr::Cast(Cast { expr: from, field })
            }))
        }
        // These conversions cannot fail for one row alone, so TRY_CAST is CAST.
        DataType::Timestamp(unit, Some(zone)) if !zoned::is_utc(zone) => match from_type {
            DataType::Timestamp(_, None) if is_in_utc(from, schema) => {
                let instant = cast(from.as_ref().clone(), DataType::Timestamp(*unit, Some(UTC.into())));
                Ok(Transformed::yes(cast(instant, field.data_type().clone())))
            }
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, None) => {
                Ok(Transformed::yes(in_zone(from.as_ref().clone(), *unit, zone)))
            }
            _ => Ok(Transformed::no(expression)),
        },
        text if text.is_string() && matches!(from_type, DataType::Timestamp(..)) => {
            Ok(Transformed::yes(cast(zoned::as_text(from.as_ref().clone()), text.clone())))
        }
        text if text.is_string() && from_type.is_nested() => {
            Ok(Transformed::yes(cast(nested::as_text(from.as_ref().clone()), text.clone())))
        }
        // The local time in its zone, consistent with CAST(… AS DATE).
        DataType::Timestamp(unit, None) if has_zone(&from_type) => {
            let shown = to_local_time().call(vec![from.as_ref().clone()]);
            Ok(Transformed::yes(cast(shown, DataType::Timestamp(*unit, None))))
        }
        _ => Ok(Transformed::no(expression)),
    }
}

fn has_zone(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(zone)) if !zoned::is_utc(zone))
}

/// Rejects casts of numbers to dates and times, those that are written, and those that type coercion adds in UNION, CASE, UPDATE and the
/// like. After optimisation it would be too late: `arrow_cast`, which does have a unit, is such a cast then.
///
/// # Errors
/// Names the number, and how to convert it.
pub fn refuse_numbers(plan: &LogicalPlan) -> Result<()> {
    plan.each_plan(|plan| {
        let schema = input_schema(plan)?;
        plan.each_expression(|expression| {
            expression.each_part(|part| {
                let (number, to) = match part {
                    Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => {
                        (expr.as_ref(), field.data_type().clone())
                    }
                    // The value where there is no row becomes what the others are, without a cast in the plan.
                    Expr::WindowFunction(function) if ["lag", "lead"].contains(&function.fun.name()) => {
                        match function.params.args.as_slice() {
                            [value, _, default] => (default, value.get_type(&schema)?),
                            _ => return Ok(TreeNodeRecursion::Continue),
                        }
                    }
                    _ => return Ok(TreeNodeRecursion::Continue),
                };
                let is_time = is_date_or_timestamp(&to) || matches!(to, DataType::Time32(_) | DataType::Time64(_));
                match is_time && number.get_type(&schema).is_ok_and(|data_type| data_type.is_numeric()) {
                    true => Err(no_unit(number, &to)),
                    false => Ok(TreeNodeRecursion::Continue),
                }
            })
        })
    })?;
    Ok(())
}

fn no_unit(number: &Expr, to: &DataType) -> DataFusionError {
    let what = match to {
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Time32(_) | DataType::Time64(_) => "TIME",
        _ => "TIMESTAMP",
    };
    let number = value_of(number);
    let problem = format!("a number has no unit, so it cannot be cast to {what}; {}", advice(number));
    coded(SqlState::DATATYPE_MISMATCH, &shown(number, "number"), problem)
}
