//! Conditions in SQLite's SQL.
//!
//! Strings are compared by bytes, whatever collation the column has. SQLite's LIKE ignores case, so only patterns for a prefix, such as
//! `'ab%'`, are pushed down, as a range. Timestamps are stored as text in several formats that only agree up to the day, so their
//! comparisons include the days around.

use chrono::{Days, NaiveDate};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;

use super::columns::is_double;
use super::{Opened, text_literal};
use crate::databases::conditions::{Condition, Dialect, number, sign};
use crate::text::identifier;

impl Opened {
    /// The expression for a string column that is compared by bytes.
    fn text(&self, column: &str) -> Option<String> {
        let own = self.columns.iter().find(|own| own.name == column)?;
        let name = identifier(column);
        // A number in a string column is read as text.
        Some(if own.keeps_texts { format!("{name} COLLATE BINARY") } else { format!("CAST({name} AS TEXT) COLLATE BINARY") })
    }

    fn type_of(&self, column: &str) -> Option<&DataType> {
        self.columns.iter().find(|own| own.name == column).map(|own| &own.data_type)
    }
}

impl Dialect for Opened {
    fn compare(&self, column: &str, operator: Operator, value: &ScalarValue) -> Option<Condition> {
        let name = identifier(column);
        let is_order = !matches!(operator, Operator::Eq | Operator::NotEq);
        let exact = |value: String| Some(Condition::exact(format!("{name} {} {value}", sign(operator))));
        match (self.type_of(column)?, value) {
            (DataType::Int64, ScalarValue::Int64(Some(value))) => exact(value.to_string()),
            (DataType::Boolean, ScalarValue::Boolean(Some(value))) => exact(u8::from(*value).to_string()),
            (DataType::Float64, ScalarValue::Float64(Some(value))) => exact(number(*value)?),
            (data_type @ DataType::Decimal128(..), ScalarValue::Decimal128(Some(value), digits, scale)) => {
                let is_safe = is_double(data_type) && is_double(&DataType::Decimal128(*digits, *scale)) && *scale >= 0;
                let written = is_safe.then(|| ScalarValue::Decimal128(Some(*value), *digits, *scale).to_string())?;
                // A decimal may also be stored as text, which SQLite would not compare with a number by value.
                Some(Condition::exact(format!("CAST({name} AS NUMERIC) {} {written}", sign(operator))))
            }
            (DataType::Utf8View, value) if self.is_utf8 || !is_order => {
                let text = text_literal(value.try_as_str().flatten()?)?;
                Some(Condition::exact(format!("{} {} {text}", self.text(column)?, sign(operator))))
            }
            (DataType::Date32, ScalarValue::Date32(Some(days))) if self.is_utf8 => {
                let day = day(i64::from(*days))?;
                Some(Condition::exact(format!("{name} COLLATE BINARY {} '{day}'", sign(operator))))
            }
            (DataType::Timestamp(..), ScalarValue::TimestampMicrosecond(Some(time), _)) if self.is_utf8 => {
                let around = day(time.div_euclid(86_400_000_000))?;
                let (from, to) = (around.checked_sub_days(Days::new(2))?, around.checked_add_days(Days::new(2))?);
                let later = format!("{name} COLLATE BINARY >= '{from}'");
                let earlier = format!("{name} COLLATE BINARY < '{to}'");
                let sql = match operator {
                    Operator::Eq => format!("({later} AND {earlier})"),
                    Operator::Gt | Operator::GtEq => later,
                    Operator::Lt | Operator::LtEq => earlier,
                    _ => return None,
                };
                Some(Condition { sql, is_exact: false })
            }
            _ => None,
        }
    }

    fn like(&self, column: &str, pattern: &str) -> Option<Condition> {
        let beginning = pattern.strip_suffix('%')?;
        let is_plain = !beginning.is_empty() && !beginning.contains(['%', '_']);
        if !is_plain || !self.is_utf8 || self.type_of(column) != Some(&DataType::Utf8View) {
            return None;
        }
        // The upper bound of the prefix: its last character is replaced by the next one.
        let last = beginning.chars().next_back()?;
        let next = char::from_u32(u32::from(last).checked_add(1)?).filter(|next| next.len_utf8() == last.len_utf8())?;
        let end = format!("{}{next}", beginning.strip_suffix(last)?);
        let column = self.text(column)?;
        let (from, to) = (text_literal(beginning)?, text_literal(&end)?);
        Some(Condition::exact(format!("({column} >= {from} AND {column} < {to})")))
    }

    fn name(&self, column: &str) -> Option<String> {
        self.type_of(column).map(|_| identifier(column))
    }

    fn is_boolean(&self, column: &str) -> bool {
        self.type_of(column) == Some(&DataType::Boolean)
    }
}

/// A date whose year has four digits.
fn day(days: i64) -> Option<NaiveDate> {
    let day = NaiveDate::default().checked_add_signed(chrono::TimeDelta::try_days(days)?)?;
    (1..=9998).contains(&chrono::Datelike::year(&day)).then_some(day)
}
