//! `FROM name FOR SYSTEM_TIME AS OF time`: the time is appended to the table's name, where the session's catalog finds it.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::{DFSchema, ParamValues, Result, ScalarValue};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr as Planned, LogicalPlanBuilder};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use sqlparser::ast::{
    DataType as SqlType, Expr, ExprWithAlias, Ident, ObjectName, ObjectNamePart, TableAlias, TableFactor, TableVersion,
    TypedString, Value,
};

use crate::adapter::arguments::Moment;
use crate::error::invalid;

/// Separates the name of a table from a time, in microseconds since 1970.
pub const AT: char = '@';

/// The name of a table as of a time, in microseconds since 1970.
pub fn name_at(name: &str, time: i64) -> String {
    format!("{name}{AT}{time}")
}

/// Moves the time from the AS OF clause into the table's name.
pub fn rename(factor: &mut TableFactor, state: &SessionState) -> Result<()> {
    let TableFactor::Table { name, alias, version, .. } = factor else { return Ok(()) };
    let Some(taken) = version.take() else { return Ok(()) };
    let subject = name.to_string();
    let expression = match taken {
        TableVersion::ForSystemTimeAsOf(expression) | TableVersion::TimestampAsOf(expression) => expression,
        other => return Err(invalid(&subject, format!("write {subject} FOR SYSTEM_TIME AS OF TIMESTAMP '…', got {other}"))),
    };
    let time = moment(&subject, "FOR SYSTEM_TIME AS OF", &expression, state, &HashMap::new())?;
    let ObjectName(parts) = name;
    let Some(ObjectNamePart::Identifier(last)) = parts.last_mut() else { return Ok(()) };
    let own = super::command::normal(last);
    if alias.is_none() {
        *alias = Some(TableAlias { explicit: true, name: Ident::with_quote('"', &own), columns: vec![], at: None });
    }
    *last = Ident::with_quote('"', name_at(&own, time));
    Ok(())
}

/// The microseconds since 1970 of the years 1 to 9999, which is what dates with four digits write.
const WRITTEN_YEARS: RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// A constant expression as a time in microseconds since 1970. A date means the end of that day.
pub fn moment(
    subject: &str,
    name: &str,
    expression: &Expr,
    state: &SessionState,
    parameters: &HashMap<String, ScalarValue>,
) -> Result<i64> {
    let value = constant(expression, state, parameters).ok().flatten().or_else(|| in_microseconds(expression));
    let time = value.and_then(|value| Moment::of(&value)?.last_microsecond()).filter(|time| WRITTEN_YEARS.contains(time));
    time.ok_or_else(|| {
        let problem =
            format!("{name} takes a date or a time of the years 1 to 9999, such as DATE '2025-06-30', got {expression}");
        invalid(subject, problem)
    })
}

/// `TIMESTAMP '…'` before the year 1677 or after 2262, which nanoseconds do not reach.
fn in_microseconds(expression: &Expr) -> Option<ScalarValue> {
    let Expr::TypedString(TypedString { data_type: SqlType::Timestamp(..), value, .. }) = expression else { return None };
    let Value::SingleQuotedString(text) = &value.value else { return None };
    ScalarValue::Utf8(Some(text.clone())).cast_to(&DataType::Timestamp(TimeUnit::Microsecond, None)).ok()
}

/// The value of a constant expression; `None` when it is not constant.
pub fn constant(
    expression: &Expr,
    state: &SessionState,
    parameters: &HashMap<String, ScalarValue>,
) -> Result<Option<ScalarValue>> {
    let written = ExprWithAlias { expr: expression.clone(), alias: None };
    let planned = state.create_logical_expr_from_sql_expr(written, &DFSchema::empty())?;
    let values = parameters.iter().map(|(name, value)| (name.clone(), ScalarAndMetadata::from(value.clone()))).collect();
    let plan = LogicalPlanBuilder::empty(true).project(vec![planned])?.build()?.with_param_values(ParamValues::Map(values))?;
    let Some(planned) = plan.expressions().into_iter().next() else { return Ok(None) };
    let context = SimplifyContext::builder().with_current_time().build();
    let simplifier = ExprSimplifier::new(context);
    let coerced = simplifier.coerce(planned.unalias_nested().data, &DFSchema::empty())?;
    Ok(match simplifier.simplify(coerced)?.unalias() {
        Planned::Literal(value, _) => Some(value),
        _ => None,
    })
}
