//! Values of operands, and what is known about an operand before its conditions are examined.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use sqlparser::ast::Expr;

use super::condition::Literal;
use crate::kernels::decimal::Decimal;
use crate::text;

/// The kind of an operand's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// TRUE and FALSE.
    Boolean,
    /// Numbers of any type.
    Number,
    /// Dates and timestamps.
    Moment,
    /// Texts.
    Text,
}

/// What is known about an operand before its conditions are examined.
#[derive(Debug, Clone, Copy)]
pub struct Domain {
    /// The kind of its values; if unknown, the kind of its constants decides.
    pub kind: Option<Kind>,
    /// Values are multiples of `10^-step`; for dates, of days.
    pub step: Option<i32>,
    /// True when it can be NULL.
    pub nullable: bool,
    /// The smallest value, in steps.
    pub least: Option<i128>,
}

impl Domain {
    /// Nothing is known.
    pub const ANY: Self = Self { kind: None, step: None, nullable: true, least: None };

    /// Integers.
    #[cfg(test)]
    pub const WHOLE: Self = Self { kind: Some(Kind::Number), step: Some(0), ..Self::ANY };

    /// What follows from a column's type. `None` for types that are not compared with constants.
    pub fn of(data_type: &DataType, nullable: bool) -> Self {
        let number = |step, least| Self { kind: Some(Kind::Number), step, nullable, least };
        match data_type {
            DataType::Boolean => Self { kind: Some(Kind::Boolean), nullable, ..Self::ANY },
            unsigned if unsigned.is_unsigned_integer() => number(Some(0), Some(0)),
            whole if whole.is_integer() => number(Some(0), None),
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
            | DataType::Decimal256(_, scale) => number(Some(i32::from(*scale)), None),
            real if real.is_floating() => number(None, None),
            DataType::Date32 | DataType::Date64 => Self { kind: Some(Kind::Moment), step: Some(0), nullable, least: None },
            DataType::Timestamp(_, _) => Self { kind: Some(Kind::Moment), nullable, ..Self::ANY },
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self { kind: Some(Kind::Text), nullable, ..Self::ANY },
            DataType::Dictionary(_, values) => Self::of(values, nullable),
            _ => Self { nullable, ..Self::ANY },
        }
    }

    /// What is known about a function as an operand: `count(…)` is an integer from 0, and `count(*)` of a group at least 1.
    #[must_use]
    pub fn narrowed(mut self, expression: &Expr, is_grouped: bool) -> Self {
        if let Expr::Function(call) = expression
            && call.name.to_string().eq_ignore_ascii_case("count")
        {
            let every_row = call.args.to_string() == "(*)" && call.filter.is_none() && call.over.is_none();
            self = Self {
                kind: Some(Kind::Number),
                step: Some(0),
                nullable: false,
                least: Some(i128::from(every_row && is_grouped)),
            };
        }
        self
    }
}

/// One value; values sort as those of the operand do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// FALSE before TRUE.
    Boolean(bool),
    /// Exact.
    Number(Decimal),
    /// Microseconds since 1970.
    Moment(i64),
    /// By its bytes, as DataFusion compares it.
    Text(String),
}

const DAY: i64 = 86_400_000_000;

impl Value {
    /// A constant as a value of this kind; `None` if it is not one.
    pub fn of(literal: &Literal, kind: Kind) -> Option<Self> {
        match (literal, kind) {
            (Literal::Boolean(value), Kind::Boolean) => Some(Self::Boolean(*value)),
            (Literal::Number(value), Kind::Number) => Some(Self::Number(*value)),
            (Literal::Moment(text) | Literal::Text(text), Kind::Moment) => moment(text).map(Self::Moment),
            (Literal::Text(text), Kind::Text) => Some(Self::Text(text.clone())),
            _ => None,
        }
    }

    /// As SQL.
    pub fn sql(&self) -> String {
        match self {
            Self::Boolean(value) => value.to_string().to_uppercase(),
            Self::Number(value) => value.to_string(),
            Self::Text(value) => text::literal(value),
            Self::Moment(micros) => {
                let timestamp = ScalarValue::TimestampMicrosecond(Some(*micros), None);
                let text = match timestamp.cast_to(&DataType::Utf8) {
                    Ok(ScalarValue::Utf8(Some(text))) => text.replace('T', " "),
                    _ => micros.to_string(),
                };
                match text.strip_suffix(" 00:00:00") {
                    Some(day) => format!("DATE '{day}'"),
                    None => format!("TIMESTAMP '{text}'"),
                }
            }
        }
    }

    /// The whole steps at or below, and at or above.
    pub fn steps(&self, step: i32) -> Option<(i128, i128)> {
        match self {
            Self::Number(value) => Some((value.floor(step)?, value.ceil(step)?)),
            Self::Moment(micros) => {
                let day = i128::from(micros.div_euclid(DAY));
                Some((day, day + i128::from(micros.rem_euclid(DAY) != 0)))
            }
            _ => None,
        }
    }

    /// The value of this many steps, of the same kind as this one.
    pub fn of_steps(&self, steps: i128, step: i32) -> Option<Self> {
        match self {
            Self::Number(_) => {
                let scale = usize::try_from(step).ok()?;
                let digits = format!("{:0width$}", steps.unsigned_abs(), width = scale + 1);
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                let sign = if steps < 0 { "-" } else { "" };
                let fraction = fraction.trim_end_matches('0');
                let text = if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
                Decimal::parse(&text).map(Self::Number)
            }
            Self::Moment(_) => i64::try_from(steps).ok()?.checked_mul(DAY).map(Self::Moment),
            _ => None,
        }
    }
}

fn moment(text: &str) -> Option<i64> {
    let text = ScalarValue::Utf8(Some(text.trim().to_string()));
    match text.cast_to(&DataType::Timestamp(TimeUnit::Microsecond, None)).ok()? {
        ScalarValue::TimestampMicrosecond(micros, _) => micros,
        _ => None,
    }
}
