//! Values of PostgreSQL's tables and functions, and the columns that hold them.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int16Array, Int16Builder, Int32Array, Int64Array,
    Int64Builder, IntervalMonthDayNanoArray, ListBuilder, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};

use crate::postgres_types::{MARK, named};

/// A value.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cell {
    #[default]
    Null,
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    /// Microseconds since 1970.
    Time(i64),
    Ints(Vec<i64>),
    Texts(Vec<String>),
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Cell {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<char> for Cell {
    fn from(value: char) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<i64>> for Cell {
    fn from(value: Vec<i64>) -> Self {
        Self::Ints(value)
    }
}

impl From<Vec<String>> for Cell {
    fn from(value: Vec<String>) -> Self {
        Self::Texts(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The zone of times with a zone.
const UTC: &str = "+00:00";

/// How we hold values of a type of PostgreSQL.
pub fn data_type(name: &str) -> DataType {
    match name {
        "bool" => DataType::Boolean,
        "int2" => DataType::Int16,
        "int4" | "cardinal_number" => DataType::Int32,
        "int8" | "oid" | "xid" | "cid" | "xid8" | "regproc" | "regclass" | "regtype" | "regnamespace" | "regrole" => {
            DataType::Int64
        }
        "float4" => DataType::Float32,
        "float8" => DataType::Float64,
        "timestamptz" | "time_stamp" => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        "interval" => DataType::Interval(IntervalUnit::MonthDayNano),
        "bytea" => DataType::Binary,
        "int2vector" => list(DataType::Int16),
        "oidvector" => list(DataType::Int64),
        other => match other.strip_prefix('_') {
            Some(item) => list(match data_type(item) {
                DataType::Int16 => DataType::Int16,
                DataType::Int64 => DataType::Int64,
                _ => DataType::Utf8,
            }),
            None => DataType::Utf8,
        },
    }
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

/// A column with the PostgreSQL type that clients see.
pub fn field(name: &str, type_name: &str, is_nullable: bool) -> Field {
    let field = Field::new(name, data_type(type_name), is_nullable);
    match mark(type_name) {
        Some(mark) => field.with_metadata([(MARK.to_string(), mark.to_string())].into()),
        None => field,
    }
}

/// The name of a type that the values alone do not tell.
pub fn mark(type_name: &str) -> Option<&'static str> {
    let item = match type_name {
        "sql_identifier" => "name",
        "character_data" | "yes_or_no" => "varchar",
        other => other.strip_prefix('_').unwrap_or(other),
    };
    let told = [
        "oid",
        "xid",
        "name",
        "char",
        "varchar",
        "regproc",
        "regclass",
        "regtype",
        "regnamespace",
        "regrole",
        "int2vector",
        "oidvector",
        "json",
    ];
    named(item).map(|known| known.name).filter(|name| told.contains(name))
}

/// Values as a column of a type. A value of another kind is NULL: tables and functions give what their columns say.
pub fn array(data_type: &DataType, cells: Vec<Cell>) -> ArrayRef {
    let int = |cell: &Cell| match cell {
        Cell::Int(value) => Some(*value),
        _ => None,
    };
    let text = |cell: Cell| match cell {
        Cell::Text(text) => Some(text),
        _ => None,
    };
    match data_type {
        DataType::Boolean => Arc::new(BooleanArray::from_iter(cells.iter().map(|cell| match cell {
            Cell::Bool(value) => Some(*value),
            _ => None,
        }))),
        DataType::Int16 => {
            Arc::new(Int16Array::from_iter(cells.iter().map(|cell| int(cell).and_then(|value| i16::try_from(value).ok()))))
        }
        DataType::Int32 => {
            Arc::new(Int32Array::from_iter(cells.iter().map(|cell| int(cell).and_then(|value| i32::try_from(value).ok()))))
        }
        DataType::Int64 => Arc::new(Int64Array::from_iter(cells.iter().map(int))),
        #[expect(clippy::cast_possible_truncation, reason = "PostgreSQL holds these numbers in 32 bits")]
        DataType::Float32 => Arc::new(Float32Array::from_iter(cells.iter().map(|cell| match cell {
            Cell::Float(value) => Some(*value as f32),
            _ => None,
        }))),
        DataType::Float64 => Arc::new(Float64Array::from_iter(cells.iter().map(|cell| match cell {
            Cell::Float(value) => Some(*value),
            _ => None,
        }))),
        DataType::Timestamp(..) => {
            let times = cells.iter().map(|cell| match cell {
                Cell::Time(value) => Some(*value),
                _ => None,
            });
            Arc::new(TimestampMicrosecondArray::from_iter(times).with_timezone(UTC))
        }
        DataType::Interval(_) => {
            // Of seconds.
            let span = |seconds: i64| IntervalMonthDayNanoType::make_value(0, 0, seconds.saturating_mul(1_000_000_000));
            Arc::new(IntervalMonthDayNanoArray::from_iter(cells.iter().map(|cell| int(cell).map(span))))
        }
        DataType::Binary => Arc::new(BinaryArray::from_iter(cells.iter().map(|_| None::<&[u8]>))),
        DataType::List(item) => match item.data_type() {
            DataType::Int16 => {
                let mut builder = ListBuilder::new(Int16Builder::new());
                for cell in cells {
                    match cell {
                        Cell::Ints(values) => builder.append_value(values.iter().map(|value| i16::try_from(*value).ok())),
                        _ => builder.append_null(),
                    }
                }
                Arc::new(builder.finish())
            }
            DataType::Int64 => {
                let mut builder = ListBuilder::new(Int64Builder::new());
                for cell in cells {
                    match cell {
                        Cell::Ints(values) => builder.append_value(values.into_iter().map(Some)),
                        _ => builder.append_null(),
                    }
                }
                Arc::new(builder.finish())
            }
            _ => {
                let mut builder = ListBuilder::new(StringBuilder::new());
                for cell in cells {
                    match cell {
                        Cell::Texts(values) => builder.append_value(values.into_iter().map(Some)),
                        _ => builder.append_null(),
                    }
                }
                Arc::new(builder.finish())
            }
        },
        _ => Arc::new(StringArray::from_iter(cells.into_iter().map(text))),
    }
}
