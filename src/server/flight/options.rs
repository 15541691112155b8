//! Session options: calls that set and return them, and that close the session.
//!
//! `catalog` and `schema` are where unqualified names are looked up; every other option is a setting, as in SQL.
//!
//! Source: Arrow's `Flight.proto`, whose session messages the crate does not have yet.

use std::collections::HashMap;

use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use prost::{Enumeration, Message, Oneof};

use super::CATALOG;
use super::sessions::Busy;
use crate::error::{SqlState, coded, sqlstate};
use crate::text::{identifier, literal};

/// A list of strings.
#[derive(Clone, PartialEq, Message)]
pub struct StringListValue {
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

/// The value of an option.
#[derive(Clone, PartialEq, Oneof)]
pub enum OptionValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(sfixed64, tag = "3")]
    Int(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    List(StringListValue),
}

/// `SessionOptionValue`.
#[derive(Clone, PartialEq, Message)]
pub struct SessionOptionValue {
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub value: Option<OptionValue>,
}

/// `SetSessionOptionsRequest`, and `GetSessionOptionsResult`, which is the same.
#[derive(Clone, PartialEq, Message)]
pub struct SessionOptions {
    #[prost(map = "string, message", tag = "1")]
    pub options: HashMap<String, SessionOptionValue>,
}

/// What is wrong with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum Wrong {
    Unspecified = 0,
    InvalidName = 1,
    InvalidValue = 2,
    Error = 3,
}

/// `SetSessionOptionsResult.Error`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct OptionError {
    #[prost(enumeration = "Wrong", tag = "1")]
    pub value: i32,
}

/// `SetSessionOptionsResult`.
#[derive(Clone, PartialEq, Message)]
pub struct SetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub errors: HashMap<String, OptionError>,
}

/// `CloseSessionResult`: 1 means closed.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct CloseSessionResult {
    #[prost(int32, tag = "1")]
    pub status: i32,
}

/// Sets options. Those that cannot be set are reported; the others are set.
pub async fn set(busy: &Busy, given: SessionOptions) -> SetSessionOptionsResult {
    let _turn = busy.0.turn.lock().await;
    let mut errors = HashMap::new();
    for (name, value) in given.options {
        let is_reset = value.value.is_none();
        let Err(error) = set_one(busy, &name, value.value).await else {
            let mut given = busy.0.options.lock();
            if is_reset {
                given.remove(&name)
            } else {
                given.insert(name)
            };
            continue;
        };
        let wrong = match sqlstate(&error).code() {
            "42704" => Wrong::InvalidName,
            "22023" | "3D000" | "42P01" => Wrong::InvalidValue,
            _ => Wrong::Error,
        };
        errors.insert(name, OptionError { value: wrong as i32 });
    }
    SetSessionOptionsResult { errors }
}

async fn set_one(busy: &Busy, name: &str, value: Option<OptionValue>) -> Result<()> {
    let text = match value {
        // A missing value resets the option.
        None => None,
        Some(OptionValue::Text(text)) => Some(text),
        Some(OptionValue::Bool(value)) => Some(value.to_string()),
        Some(OptionValue::Int(value)) => Some(value.to_string()),
        Some(OptionValue::Double(value)) => Some(value.to_string()),
        Some(OptionValue::List(list)) => Some(list.values.join(", ")),
    };
    let invalid = |problem: String| Err(coded(SqlState::INVALID_PARAMETER_VALUE, name, problem));
    match (name, text) {
        ("catalog", None) => Ok(()),
        ("catalog", Some(catalog)) if catalog == CATALOG => Ok(()),
        ("catalog", Some(catalog)) => invalid(format!("the only catalog is {CATALOG}, got '{catalog}'")),
        ("schema", None) => run(busy, "RESET search_path").await,
        ("schema", Some(schema)) => {
            let found = format!("SELECT 1 FROM information_schema.schemata WHERE schema_name = {}", literal(&schema));
            if busy.within(busy.0.session.sql(&found)).await?.iter().all(|batch| batch.num_rows() == 0) {
                return invalid(format!("no such schema '{schema}'"));
            }
            run(busy, &format!("SET search_path = {}", identifier(&schema))).await
        }
        (name, _) if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._".contains(letter)) => {
            Err(coded(SqlState::UNDEFINED_OBJECT, name, "is not the name of a setting"))
        }
        (name, None) => run(busy, &format!("RESET {name}")).await,
        (name, Some(value)) => run(busy, &format!("SET {name} = {}", literal(&value))).await,
    }
}

async fn run(busy: &Busy, sql: &str) -> Result<(), DataFusionError> {
    busy.within(busy.0.session.sql(sql)).await.map(drop)
}

/// The options of a session with their values: those that PostgreSQL reports too, and those that the client has set, under the names that it
/// gave.
pub async fn get(busy: &Busy) -> SessionOptions {
    let text = |value: String| SessionOptionValue { value: Some(OptionValue::Text(value)) };
    let session = &busy.0.session;
    let mut options: HashMap<String, SessionOptionValue> =
        session.reported().into_iter().map(|(name, value)| (name, text(value))).collect();
    let given: Vec<String> = busy.0.options.lock().iter().cloned().collect();
    for name in given {
        if let Ok(Some(value)) = first(busy, &format!("SHOW {name}")).await {
            options.insert(name, text(value));
        }
    }
    options.insert("catalog".into(), text(CATALOG.into()));
    if let Ok(Some(schema)) = first(busy, "SELECT current_schema()").await {
        options.insert("schema".into(), text(schema));
    }
    SessionOptions { options }
}

/// The first value of the last column of a query.
async fn first(busy: &Busy, query: &str) -> Result<Option<String>> {
    let rows = busy.within(busy.0.session.sql(query)).await?;
    let row = rows.iter().find(|batch| batch.num_rows() > 0 && batch.num_columns() > 0);
    Ok(row.map(|row| array_value_to_string(row.column(row.num_columns() - 1), 0)).transpose()?)
}
