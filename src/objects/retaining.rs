//! RETAIN: how long the rows of a table are kept.

use std::sync::Arc;

use datafusion::arrow::datatypes::{IntervalMonthDayNanoType, SchemaRef};
use datafusion::common::{Result, ScalarValue};
use sqlparser::ast::Expr;

use super::definition::constant;
use super::protection::refuse_changes;
use crate::catalog::objects::Object;
use crate::catalog::retention::Retention;
use crate::catalog::rewriting::is_time;
use crate::catalog::snapshots::{Part, SnapshotOf, When};
use crate::error::{SqlState, coded, did_you_mean, failed, invalid};
use crate::statement::StatementContext;

/// Sets how long the rows of a table are kept, by a time column; `None` removes the rule, so that they are kept forever.
///
/// # Errors
/// The role is not the owner, the period is invalid, or there is no such column.
pub fn retain(table: &Object, rule: Option<(&Expr, Option<&str>)>, context: &StatementContext) -> Result<Vec<String>> {
    context.check_owns(table)?;
    refuse_changes(table, context)?;
    let Some((length, column)) = rule else {
        context.catalog().put_retention(table, None)?;
        return Ok(vec![]);
    };
    let label = format!("RETAIN {}", table.name);
    let (months, days, micros) = parts(&label, length)?;
    let column = time_column(&label, table, column, context)?;
    let (role, created_at) = (context.role().to_string(), context.now());
    let rule = Retention {
        object: table.id,
        table: table.name.clone(),
        column,
        months,
        days,
        micros,
        role,
        created_at,
        applied_at: None,
    };
    context.catalog().put_retention(table, Some(&rule))?;
    let note = format!(
        "rows of {} go when they are older than {} by {}, with each REFRESH RETENTION",
        table.name,
        rule.length(),
        rule.column
    );
    Ok(vec![note])
}

/// True if the table has this column.
///
/// # Errors
/// The table cannot be read.
pub fn has_column(table: &Object, column: &str, context: &StatementContext) -> Result<bool> {
    Ok(columns(table, context)?.field_with_name(column).is_ok())
}

/// The columns of a table.
fn columns(table: &Object, context: &StatementContext) -> Result<SchemaRef> {
    let newest = context.view().snapshot(SnapshotOf::Table, &table.name, When::Now)?;
    let newest = newest.ok_or_else(|| failed(&table.name, "was dropped by another process in the meantime"))?;
    let files = newest.part(Part::Rows);
    let pins = context.view().pin(&newest, files.get(..1).unwrap_or_default())?;
    pins.first().map(|pin| Arc::clone(&pin.schema)).ok_or_else(|| failed(&table.name, "lacks its files"))
}

/// The months, days and microseconds of an interval.
fn parts(label: &str, length: &Expr) -> Result<(i32, i32, i64)> {
    let wrong = || invalid(label, format!("FOR takes a length of time such as INTERVAL '3 years', got {length}"));
    let ScalarValue::IntervalMonthDayNano(Some(length)) = constant(label, "FOR", length).map_err(|_| wrong())? else {
        return Err(wrong());
    };
    let (months, days, nanoseconds) = IntervalMonthDayNanoType::to_parts(length);
    let micros = nanoseconds / 1000;
    if months < 0 || days < 0 || micros < 0 || (months == 0 && days == 0 && micros == 0) {
        return Err(wrong());
    }
    Ok((months, days, micros))
}

/// The time column to use: the named one, or the only one.
fn time_column(label: &str, table: &Object, named: Option<&str>, context: &StatementContext) -> Result<String> {
    let schema = columns(table, context)?;
    let times = || schema.fields().iter().filter(|field| is_time(field.data_type())).map(|field| field.name().as_str());
    let listed = || times().collect::<Vec<_>>().join(", ");
    let Some(named) = named else {
        return match times().collect::<Vec<_>>().as_slice() {
            [only] => Ok((*only).to_string()),
            [] => Err(invalid(label, "the table has no column of dates or times; make one with ALTER TABLE")),
            _ => Err(invalid(label, format!("there are several times, {}; say which with ON column", listed()))),
        };
    };
    match schema.field_with_name(named) {
        Ok(field) if is_time(field.data_type()) => Ok(named.to_string()),
        Ok(field) => Err(coded(
            SqlState::DATATYPE_MISMATCH,
            label,
            format!("column {named} is {}, not a date or a time; the times are {}", field.data_type(), listed()),
        )),
        Err(_) => {
            let suggestion = did_you_mean(named, schema.fields().iter().map(|field| field.name().as_str()));
            Err(coded(SqlState::UNDEFINED_COLUMN, label, format!("there is no column {named}{suggestion}")))
        }
    }
}
