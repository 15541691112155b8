//! Types of PostgreSQL's catalog, and casts to them.

use datafusion::common::Result;
use sqlparser::ast::{CastKind, CharacterLength, DataType, Expr, ObjectNamePart, Value};

use super::arrays::array_literal;
use super::{plain, without_schema};
use crate::sql::command::normal;
use crate::sql::postgres::{INFORMATION_SCHEMA, PG_CATALOG, told_list};
use crate::sql::syntax::call_of;
use crate::sql::syntax::expression_macros::with;

/// The function that converts to a `reg…` or `oid` type.
pub fn reg_type(data_type: &DataType) -> Option<String> {
    let name = match data_type {
        DataType::Regclass => "regclass".to_string(),
        DataType::Custom(name, modifiers) if modifiers.is_empty() => {
            let mut name = name.clone();
            without_schema(&mut name);
            plain(&name)?
        }
        _ => return None,
    };
    let known = match name.as_str() {
        "regprocedure" => "regproc",
        "xid" | "cid" | "regoper" | "regoperator" => "oid",
        "oid" | "regclass" | "regtype" | "regproc" | "regnamespace" | "regrole" => &name,
        _ => return None,
    };
    Some(known.to_string())
}

pub fn cast(expression: &Expr, data_type: &mut DataType) -> Result<Option<Expr>> {
    if let Some(name) = reg_type(data_type) {
        return Ok(Some(call_of(&name, vec![expression.clone()])));
    }
    if let Some(day) = named_day(expression, data_type) {
        return with(day, &[]).map(Some);
    }
    if *data_type == DataType::Uuid {
        return with("uuid_in(CAST($1 AS VARCHAR))", std::slice::from_ref(expression)).map(Some);
    }
    if let Some(name) = json_type(data_type) {
        return with(&format!("{name}_in(CAST($1 AS VARCHAR))"), std::slice::from_ref(expression)).map(Some);
    }
    if is_char(data_type) {
        return with("substr(CAST($1 AS VARCHAR), 1, 1)", std::slice::from_ref(expression)).map(Some);
    }
    if let Some(length) = most_letters(data_type) {
        let sql = format!("substr(CAST($1 AS VARCHAR), 1, {length})");
        return with(&sql, std::slice::from_ref(expression)).map(Some);
    }
    if let Some(name) = vector(data_type)
        && let Expr::Value(value) = expression
        && let Value::SingleQuotedString(text) = &value.value
        && text.split_whitespace().all(|number| number.parse::<i64>().is_ok())
    {
        let numbers = text.split_whitespace().map(|number| Expr::value(Value::Number(number.to_string(), false)));
        let list = Box::new(call_of("make_array", numbers.collect()));
        return Ok(Some(Expr::Cast { kind: CastKind::Cast, expr: list, data_type: name, array: false, format: None }));
    }
    if let Some(usual) = usual_type(data_type) {
        *data_type = usual;
    }
    if let DataType::Array(_) = data_type
        && let Expr::Value(value) = expression
        && let Value::SingleQuotedString(text) = &value.value
        && let Some(items) = array_literal(text)
    {
        let items = items.into_iter().map(|item| Expr::value(item.map_or(Value::Null, Value::SingleQuotedString)));
        let list = call_of("make_array", items.collect());
        let data_type = data_type.clone();
        return Ok(Some(Expr::Cast { kind: CastKind::Cast, expr: Box::new(list), data_type, array: false, format: None }));
    }
    Ok(None)
}

/// A day or time that PostgreSQL knows by a word: `'today'::date`.
fn named_day(expression: &Expr, data_type: &DataType) -> Option<&'static str> {
    use sqlparser::ast::TimezoneInfo;
    let Expr::Value(value) = expression else { return None };
    let Value::SingleQuotedString(word) = &value.value else { return None };
    let is_day = match data_type {
        DataType::Date => true,
        DataType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => false,
        _ => return None,
    };
    Some(match (word.trim().to_lowercase().as_str(), is_day) {
        ("today" | "now", true) => "CAST(now() AS DATE)",
        ("yesterday", true) => "CAST(now() AS DATE) - 1",
        ("tomorrow", true) => "CAST(now() AS DATE) + 1",
        ("epoch", true) => "CAST('1970-01-01' AS DATE)",
        ("now", false) => "CAST(now() AS TIMESTAMP)",
        ("today", false) => "CAST(CAST(now() AS DATE) AS TIMESTAMP)",
        ("yesterday", false) => "CAST(CAST(now() AS DATE) - 1 AS TIMESTAMP)",
        ("tomorrow", false) => "CAST(CAST(now() AS DATE) + 1 AS TIMESTAMP)",
        ("epoch", false) => "CAST('1970-01-01' AS TIMESTAMP)",
        _ => return None,
    })
}

/// The length to which an explicit cast cuts a text. One to CHAR(n) would also add blanks, which do not count in PostgreSQL.
fn most_letters(data_type: &DataType) -> Option<u64> {
    match data_type {
        DataType::Varchar(Some(CharacterLength::IntegerLength { length, unit: _ }))
        | DataType::CharacterVarying(Some(CharacterLength::IntegerLength { length, unit: _ }))
        | DataType::CharVarying(Some(CharacterLength::IntegerLength { length, unit: _ }))
        | DataType::Nvarchar(Some(CharacterLength::IntegerLength { length, unit: _ }))
        | DataType::Character(Some(CharacterLength::IntegerLength { length, unit: _ }))
        | DataType::Char(Some(CharacterLength::IntegerLength { length, unit: _ })) => Some(*length),
        _ => None,
    }
}

/// The list type for `int2vector` or `oidvector`.
fn vector(data_type: &DataType) -> Option<DataType> {
    let DataType::Custom(name, _) = data_type else { return None };
    let last = name.0.last().and_then(ObjectNamePart::as_ident)?;
    ["int2vector", "oidvector"].contains(&normal(last).as_str()).then(|| usual_type(data_type)).flatten()
}

/// True for the type `"char"`, a single character.
fn is_char(data_type: &DataType) -> bool {
    let DataType::Custom(name, modifiers) = data_type else { return false };
    let last = name.0.last().and_then(ObjectNamePart::as_ident);
    modifiers.is_empty() && last.is_some_and(|name| name.value == "char" && name.quote_style.is_some())
}

/// `json` or `jsonb`, with its schema or without.
fn json_type(data_type: &DataType) -> Option<&'static str> {
    match data_type {
        DataType::JSON => Some("json"),
        DataType::JSONB => Some("jsonb"),
        DataType::Custom(name, modifiers) if modifiers.is_empty() => {
            let mut name = name.clone();
            without_schema(&mut name);
            ["json", "jsonb"].into_iter().find(|own| plain(&name).as_deref() == Some(*own))
        }
        _ => None,
    }
}

/// Our type for a type of PostgreSQL's catalog.
fn usual_type(data_type: &DataType) -> Option<DataType> {
    use sqlparser::ast::ArrayElemTypeDef::{Parenthesis, SquareBracket};
    match data_type {
        // The planner knows this type.
        _ if told_list(data_type).is_some() => None,
        DataType::Array(SquareBracket(item, size)) => {
            let usual = usual_type(item).or_else(|| reg_type(item).map(|_| DataType::BigInt(None)));
            let usual = usual.or_else(|| is_char(item).then_some(DataType::Varchar(None)))?;
            Some(DataType::Array(SquareBracket(Box::new(usual), *size)))
        }
        DataType::Array(Parenthesis(item)) => Some(DataType::Array(Parenthesis(Box::new(usual_type(item)?)))),
        DataType::JSON | DataType::JSONB | DataType::Uuid => Some(DataType::Varchar(None)),
        DataType::Custom(name, modifiers) => {
            let schema = match name.0.as_slice() {
                [schema, _] => schema.as_ident().map(normal)?,
                [_] => String::new(),
                _ => return None,
            };
            let own = name.0.last().and_then(ObjectNamePart::as_ident).map(normal)?;
            let of_schema = [PG_CATALOG, INFORMATION_SCHEMA].contains(&schema.as_str());
            let usual = match own.as_str() {
                "name" | "cstring" | "sql_identifier" | "character_data" | "yes_or_no" | "pg_node_tree" | "aclitem"
                | "refcursor" | "json" | "jsonb" | "unknown" => DataType::Varchar(None),
                // With a length it is CHAR(n), which is not there.
                "bpchar" if modifiers.is_empty() => DataType::Varchar(None),
                "cardinal_number" => DataType::Int(None),
                "int2vector" => DataType::Array(SquareBracket(Box::new(DataType::SmallInt(None)), None)),
                "oidvector" => DataType::Array(SquareBracket(Box::new(DataType::BigInt(None)), None)),
                _ if !of_schema => {
                    let item = own.strip_prefix('_')?;
                    DataType::Array(SquareBracket(Box::new(plain_type(item, &[])?), None))
                }
                _ => match own.strip_prefix('_') {
                    Some(item) => DataType::Array(SquareBracket(Box::new(plain_type(item, &[])?), None)),
                    None => plain_type(&own, modifiers)?,
                },
            };
            Some(usual)
        }
        _ => None,
    }
}

/// Our types for PostgreSQL's internal type names.
fn plain_type(name: &str, modifiers: &[String]) -> Option<DataType> {
    use sqlparser::ast::{ExactNumberInfo, TimezoneInfo};
    Some(match name {
        "text" | "varchar" | "bpchar" | "name" | "json" | "jsonb" => DataType::Varchar(None),
        "int2" | "smallint" => DataType::SmallInt(None),
        "int4" | "int" | "integer" => DataType::Int(None),
        "int8" | "bigint" | "oid" => DataType::BigInt(None),
        "float4" | "real" => DataType::Real,
        "float8" => DataType::Double(ExactNumberInfo::None),
        "bool" | "boolean" => DataType::Boolean,
        "bytea" => DataType::Bytea,
        "date" => DataType::Date,
        "time" => DataType::Time(None, TimezoneInfo::None),
        "timestamp" => DataType::Timestamp(None, TimezoneInfo::None),
        "timestamptz" => DataType::Timestamp(None, TimezoneInfo::WithTimeZone),
        "interval" => DataType::Interval { fields: None, precision: None },
        "numeric" | "decimal" => match modifiers {
            [precision, scale] => {
                DataType::Numeric(ExactNumberInfo::PrecisionAndScale(precision.parse().ok()?, scale.parse().ok()?))
            }
            [precision] => DataType::Numeric(ExactNumberInfo::Precision(precision.parse().ok()?)),
            _ => DataType::Numeric(ExactNumberInfo::None),
        },
        _ => return None,
    })
}
