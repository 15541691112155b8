//! Conditions in PostgreSQL's SQL.
//!
//! PostgreSQL orders strings by collation, we order them by bytes, so comparisons of order are written with COLLATE "C". Equality is
//! written without, so that indexes can be used, provided that the column's collation is deterministic. Conditions on `char(n)`, which
//! ignores trailing spaces, on `name`, which truncates long strings, and on citext stay here.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use tokio_postgres::types::Type;

use super::decode::day;
use super::{Opened, PostgresColumn};
use crate::databases::conditions::{Condition, Dialect, number, sign};
use crate::text::{identifier, literal};

const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

impl Opened {
    fn column(&self, name: &str) -> Option<&PostgresColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The expression for a string column in a comparison; `None` when the comparison would mean something else there.
    fn text(&self, column: &PostgresColumn, is_order: bool) -> Option<String> {
        if column.is_cast {
            return (self.is_utf8 || !is_order).then(|| format!("{} COLLATE \"C\"", column.value()));
        }
        let is_text = matches!(column.source, Type::TEXT | Type::VARCHAR);
        if !is_text || (is_order && !self.is_utf8) {
            return None;
        }
        let collate = if column.is_deterministic && !is_order { "" } else { " COLLATE \"C\"" };
        Some(format!("{}{collate}", identifier(&column.name)))
    }
}

impl Dialect for Opened {
    fn compare(&self, column: &str, operator: Operator, value: &ScalarValue) -> Option<Condition> {
        let column = self.column(column)?;
        let name = identifier(&column.name);
        let is_order = !matches!(operator, Operator::Eq | Operator::NotEq);
        let (name, value) = match (&column.data_type, value) {
            (DataType::Boolean, ScalarValue::Boolean(Some(value))) => (name, value.to_string()),
            (DataType::Int16, ScalarValue::Int16(Some(value))) => (name, value.to_string()),
            (DataType::Int32, ScalarValue::Int32(Some(value))) => (name, value.to_string()),
            (DataType::Int64, ScalarValue::Int64(Some(value))) => (name, value.to_string()),
            (DataType::Float32, ScalarValue::Float32(Some(value))) => {
                number(f64::from(*value))?;
                (name, format!("'{value:?}'::float4"))
            }
            (DataType::Float64, ScalarValue::Float64(Some(value))) => (name, format!("'{}'::float8", number(*value)?)),
            (
                DataType::Decimal128(..) | DataType::Decimal256(..),
                value @ (ScalarValue::Decimal128(Some(_), ..) | ScalarValue::Decimal256(Some(_), ..)),
            ) => (name, format!("'{value}'::numeric")),
            (DataType::Utf8View, value) => {
                let text = value.try_as_str().flatten().filter(|text| !text.contains('\0'))?;
                if column.source == Type::UUID {
                    // A uuid is a string here, in the one form in which the server prints it.
                    let is_same =
                        !is_order && uuid::Uuid::parse_str(text).is_ok_and(|uuid| uuid.hyphenated().to_string() == text);
                    is_same.then(|| (name, format!("{}::uuid", literal(text))))?
                } else {
                    (self.text(column, is_order)?, literal(text))
                }
            }
            (DataType::Date32, ScalarValue::Date32(Some(days))) => (name, format!("'{}'::date", day(i64::from(*days))?)),
            (DataType::Timestamp(_, zone), ScalarValue::TimestampMicrosecond(Some(time), _)) => {
                let day = day(time.div_euclid(MICROSECONDS_PER_DAY))?;
                let clock = clock(time.rem_euclid(MICROSECONDS_PER_DAY));
                let (kind, distance) = if zone.is_some() { ("timestamptz", "+00") } else { ("timestamp", "") };
                (name, format!("'{day} {clock}{distance}'::{kind}"))
            }
            (DataType::Time64(_), ScalarValue::Time64Microsecond(Some(time))) => (name, format!("'{}'::time", clock(*time))),
            _ => return None,
        };
        Some(Condition::exact(format!("{name} {} {value}", sign(operator))))
    }

    fn like(&self, column: &str, pattern: &str) -> Option<Condition> {
        let text = self.text(self.column(column)?, true)?;
        (!pattern.contains('\0')).then(|| Condition::exact(format!("{text} LIKE {}", literal(pattern))))
    }

    fn name(&self, column: &str) -> Option<String> {
        self.column(column).map(PostgresColumn::value)
    }

    fn is_boolean(&self, column: &str) -> bool {
        self.column(column).is_some_and(|column| column.data_type == DataType::Boolean)
    }
}

/// Microseconds since midnight as `23:59:59.999999`.
fn clock(time: i64) -> String {
    let seconds = time / 1_000_000;
    format!("{:02}:{:02}:{:02}.{:06}", seconds / 3600, seconds / 60 % 60, seconds % 60, time % 1_000_000)
}
