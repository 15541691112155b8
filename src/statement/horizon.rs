//! The horizon of a part of a statement: it sees the rows of source tables up to a time, and no later ones.
//!
//! A profile names the time columns of its sources: `time_columns = 'orders.ordered_at'`. A refresh of the profile is planned below a
//! horizon, where every table with such a name returns only its rows up to the time of the refresh, however the plan finds the table. The
//! bound is part of the table rather than of the query's text, so it also holds below views, in table functions and macros, in stored
//! functions, and for a table read AS OF an earlier time. A CTE that has the name of such a table is not bounded.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast, lit};

use crate::error::{SqlState, coded, did_you_mean, invalid};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Hides the later rows of tables that have time columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Horizon {
    /// Pairs of table and column.
    pub time_columns: Vec<(String, String)>,
    /// The time, in microseconds since 1970 UTC.
    pub at: i64,
}

impl Horizon {
    /// The table as it is seen below the horizon: only rows up to the time if it has time columns, else the table itself.
    ///
    /// # Errors
    /// A time column does not exist, or is not a date, timestamp or string.
    pub fn seen(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<Arc<dyn TableProvider>> {
        let columns: Vec<&str> = self.columns_of(name).collect();
        if columns.is_empty() {
            return Ok(table);
        }
        let schema = table.schema();
        let mut plan = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?;
        for column in columns {
            plan = plan.filter(self.not_later(name, column, &schema)?)?;
        }
        Ok(Arc::new(ViewTable::new(plan.build()?, None)))
    }

    /// The time columns of a table.
    fn columns_of(&self, table: &str) -> impl Iterator<Item = &str> {
        self.time_columns.iter().filter(move |(timed, _)| timed == table).map(|(_, column)| column.as_str())
    }

    /// `column <= time` in the column's own type. A timestamp with a time zone is compared as an instant, one without as UTC.
    fn not_later(&self, table: &str, column: &str, schema: &SchemaRef) -> Result<Expr> {
        let subject = format!("time_columns {table}.{column}");
        let Ok(field) = schema.field_with_name(column) else {
            let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let suggestion = did_you_mean(column, names.iter().copied());
            let problem = format!("{table} has no such column{suggestion}; it has {}", names.join(", "));
            return Err(coded(SqlState::UNDEFINED_COLUMN, &subject, problem));
        };
        let values = match field.data_type() {
            DataType::Dictionary(_, values) => values.as_ref(),
            data_type => data_type,
        };
        let read = Expr::Column(Column::new_unqualified(column));
        let (read, limit) = match values {
            DataType::Timestamp(TimeUnit::Second, zone) => {
                (read, ScalarValue::TimestampSecond(Some(self.at.div_euclid(SECOND)), zone.clone()))
            }
            DataType::Timestamp(TimeUnit::Millisecond, zone) => {
                (read, ScalarValue::TimestampMillisecond(Some(self.at.div_euclid(1000)), zone.clone()))
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                (read, ScalarValue::TimestampMicrosecond(Some(self.at), zone.clone()))
            }
            DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
                // A date means the end of that day, which is its last microsecond. Add the rest of the nanoseconds, so that the whole day
                // is included.
                let rest = if self.at.rem_euclid(SECOND) == SECOND - 1 { 999 } else { 0 };
                let limit = self.at.saturating_mul(1000).saturating_add(rest);
                (read, ScalarValue::TimestampNanosecond(Some(limit), zone.clone()))
            }
            DataType::Date32 => (read, ScalarValue::Date32(i32::try_from(self.at.div_euclid(DAY)).ok())),
            DataType::Date64 => (read, ScalarValue::Date64(Some(self.at.div_euclid(1000)))),
            text if text.is_string() => {
                let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
                (cast(read, moment), ScalarValue::TimestampMicrosecond(Some(self.at), None))
            }
            other => {
                let problem = format!("has type {other}; a time column is a date, a timestamp or text that contains one");
                return Err(invalid(&subject, problem));
            }
        };
        Ok(read.lt_eq(lit(limit)))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{Field, Schema};

    use super::*;

    #[test]
    fn times_are_compared_in_the_type_of_their_column() {
        let horizon = |at| Horizon { time_columns: vec![], at };
        let limit = |data_type: DataType, at| {
            let schema = Arc::new(Schema::new(vec![Field::new("at", data_type, true)]));
            horizon(at).not_later("orders", "at", &schema).unwrap().to_string()
        };
        let shanghai = || Some("Asia/Shanghai".into());
        let end_of_1970_01_01 = DAY - 1;
        assert_eq!(limit(DataType::Date32, end_of_1970_01_01), "at <= Date32(\"1970-01-01\")");
        assert_eq!(limit(DataType::Date32, -1), "at <= Date32(\"1969-12-31\")");
        let nanoseconds = |at| limit(DataType::Timestamp(TimeUnit::Nanosecond, None), at);
        assert_eq!(nanoseconds(end_of_1970_01_01), "at <= TimestampNanosecond(86399999999999, None)");
        assert_eq!(nanoseconds(1), "at <= TimestampNanosecond(1000, None)");
        assert_eq!(nanoseconds(i64::MAX), format!("at <= TimestampNanosecond({}, None)", i64::MAX));
        let zoned = limit(DataType::Timestamp(TimeUnit::Second, shanghai()), -1);
        assert_eq!(zoned, "at <= TimestampSecond(-1, Some(\"Asia/Shanghai\"))");
        let schema = Arc::new(Schema::new(vec![Field::new("at", DataType::Int64, true)]));
        assert!(horizon(0).not_later("orders", "at", &schema).is_err());
        assert!(horizon(0).not_later("orders", "att", &schema).unwrap_err().to_string().contains("perhaps"));
    }
}
