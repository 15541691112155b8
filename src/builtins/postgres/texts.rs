//! Type names, quoted strings and sizes, in PostgreSQL's notation.

use datafusion::common::Result;

use super::{Call, Needs, PostgresFunction};
use crate::builtins::json::normal::normal;
use crate::builtins::json::reading::parsed;
use crate::error::{SqlState, coded, invalid};
use crate::postgres_catalog::cells::Cell;
use crate::postgres_catalog::{name_parts, quoted, type_name};
use crate::postgres_types::seen;

const fn of(
    name: &'static str,
    syntax: &'static str,
    counts: (usize, usize),
    gives: &'static str,
    text: &'static str,
    compute: fn(&Call<'_>) -> Result<Cell>,
) -> PostgresFunction {
    PostgresFunction { name, syntax, counts, gives, needs: Needs::Nothing, text, compute }
}

/// Maps a string to a string; NULL stays NULL.
fn text(call: &Call<'_>, written: impl Fn(&str) -> String) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    Ok(written(&call.text(0)?).into())
}

/// The string in quotes, with quotes in it doubled; as E'…' if it has backslashes.
fn literal(text: &str) -> String {
    let quotes = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", quotes.replace('\\', "\\\\")) } else { format!("'{quotes}'") }
}

/// The pattern with a backslash in place of the escape character; without an escape character, a backslash is an ordinary character.
fn with_backslashes(pattern: &str, escape: &str) -> Result<String> {
    let mut letters = escape.chars();
    let (escape, None) = (letters.next(), letters.next()) else {
        return Err(invalid("ESCAPE", format!("takes at most one character, got '{escape}'")));
    };
    let mut escaped = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if Some(letter) == escape {
            let next = letters.next();
            escaped.push('\\');
            escaped.push(next.ok_or_else(|| {
                invalid("LIKE", format!("the pattern '{pattern}' ends with its escape; write a letter after it"))
            })?);
        } else if letter == '\\' {
            escaped.push_str("\\\\");
        } else {
            escaped.push(letter);
        }
    }
    Ok(escaped)
}

/// A size in the unit that leaves three to five digits.
fn pretty(bytes: i64) -> String {
    const UNITS: [&str; 6] = ["bytes", "kB", "MB", "GB", "TB", "PB"];
    let mut size = i128::from(bytes);
    // From kB on, `size` is twice the number of units, so that the last bit is left for rounding.
    for (place, unit) in UNITS.iter().enumerate() {
        let limit = if place == 0 { 10 * 1024 } else { 20 * 1024 - 1 };
        if size.abs() < limit || place + 1 == UNITS.len() {
            let rounded = if place == 0 { size } else { (size + if size < 0 { -1 } else { 1 }) / 2 };
            return format!("{rounded} {unit}");
        }
        size /= if place == 0 { 512 } else { 1024 };
    }
    String::new()
}

/// The identifier in the form in which PostgreSQL shows it.
fn json_of(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let given = call.text(0)?;
    parsed("JSON", &given)?;
    Ok(given.into())
}

fn jsonb_of(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    Ok(normal(parsed("JSON", &call.text(0)?)?).into())
}

fn uuid_of(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let given = call.text(0)?;
    let digits = given.trim();
    let digits = digits.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(digits);
    let Ok(id) = uuid::Uuid::try_parse(digits) else {
        let problem = format!("takes 32 hexadecimal digits, such as a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11, got '{given}'");
        return Err(coded(SqlState::INVALID_TEXT_REPRESENTATION, "UUID", problem));
    };
    Ok(id.to_string().into())
}

pub const ALL: &[PostgresFunction] = &[
    of("json_in", "json_in(text) → json", (1, 1), "text", "The text, which is JSON: what `text::json` is.", json_of),
    of(
        "jsonb_in",
        "jsonb_in(text) → jsonb",
        (1, 1),
        "text",
        "The JSON in its one form, with names in order and each once: what `text::jsonb` is.",
        jsonb_of,
    ),
    of("uuid_in", "uuid_in(text) → uuid", (1, 1), "uuid", "The text as a UUID: what `text::uuid` is.", uuid_of),
    of(
        "format_type",
        "format_type(oid, modifier) → text",
        (2, 2),
        "text",
        "The name of a type in SQL: `numeric(12,2)`.",
        |call| {
            if call.is_null(0) {
                return Ok(Cell::Null);
            }
            let modifier = if call.is_null(1) { -1 } else { i32::try_from(call.int(1)?).unwrap_or(-1) };
            Ok(type_name(call.int(0)?, modifier).into())
        },
    ),
    of("pg_typeof", "pg_typeof(value) → regtype", (1, 1), "regtype", "The type of a value.", |call| {
        Ok(call.fields.first().map(|field| i64::from(seen(field).oid())).into())
    }),
    of(
        "like_escape",
        "like_escape(pattern, escape) → text",
        (2, 2),
        "text",
        "A pattern of LIKE whose escape is another letter, with backslashes.",
        |call| {
            if call.is_null(0) || call.is_null(1) {
                return Ok(Cell::Null);
            }
            with_backslashes(&call.text(0)?, &call.text(1)?).map(Cell::from)
        },
    ),
    of(
        "parse_ident",
        "parse_ident(text [, strict]) → text[]",
        (1, 2),
        "_text",
        "The parts of a name, as SQL reads it.",
        |call| {
            if call.is_null(0) {
                return Ok(Cell::Null);
            }
            let written = call.text(0)?;
            let parts = name_parts(&written)
                .ok_or_else(|| invalid("parse_ident", format!("'{written}' is not a valid name; put it in double quotes")))?;
            Ok(Cell::Texts(parts))
        },
    ),
    of("xid_age", "xid_age(transaction) → integer", (1, 1), "int4", "What `age` is of a number of a transaction: 0.", |call| {
        Ok(if call.is_null(0) { Cell::Null } else { Cell::Int(0) })
    }),
    of("quote_ident", "quote_ident(text) → text", (1, 1), "text", "A name as it has to be written in SQL.", |call| {
        text(call, quoted)
    }),
    of("quote_literal", "quote_literal(value) → text", (1, 1), "text", "A text in quotes.", |call| text(call, literal)),
    of("quote_nullable", "quote_nullable(value) → text", (1, 1), "text", "A text in quotes; for NULL, the word NULL.", |call| {
        Ok(if call.is_null(0) { "NULL".into() } else { literal(&call.text(0)?).into() })
    }),
    of("pg_size_pretty", "pg_size_pretty(bytes) → text", (1, 1), "text", "Bytes in a unit that people read: `12 MB`.", |call| {
        if call.is_null(0) {
            return Ok(Cell::Null);
        }
        // A decimal is truncated to whole bytes.
        let bytes = match call.cell(0) {
            Cell::Text(text) => text.split('.').next().unwrap_or_default().trim().parse().or_else(|_| call.int(0))?,
            _ => call.int(0)?,
        };
        Ok(pretty(bytes).into())
    }),
    of(
        "_pg_truetypid",
        "information_schema._pg_truetypid(attribute, type) → oid",
        (2, 2),
        "oid",
        "The type of a column.",
        |call| Ok(call.cell(0).clone()),
    ),
    of(
        "_pg_truetypmod",
        "information_schema._pg_truetypmod(attribute, type) → integer",
        (2, 2),
        "int4",
        "The modifier of a column's type.",
        |call| Ok(call.cell(0).clone()),
    ),
    of(
        "_pg_char_max_length",
        "information_schema._pg_char_max_length(type, modifier) → integer",
        (2, 2),
        "int4",
        "The maximum length of a text type.",
        |call| {
            Ok(match (call.cell(0), call.cell(1)) {
                (Cell::Int(1042 | 1043), Cell::Int(modifier @ 4..)) => Cell::Int(modifier - 4),
                _ => Cell::Null,
            })
        },
    ),
    of(
        "_pg_numeric_precision",
        "information_schema._pg_numeric_precision(type, modifier) → integer",
        (2, 2),
        "int4",
        "The digits of a number.",
        |call| {
            Ok(match (call.cell(0), call.cell(1)) {
                (Cell::Int(21), _) => Cell::Int(16),
                (Cell::Int(23), _) => Cell::Int(32),
                (Cell::Int(20), _) => Cell::Int(64),
                (Cell::Int(1700), Cell::Int(modifier @ 4..)) => Cell::Int(((modifier - 4) >> 16) & 0xffff),
                (Cell::Int(700), _) => Cell::Int(24),
                (Cell::Int(701), _) => Cell::Int(53),
                _ => Cell::Null,
            })
        },
    ),
    of(
        "_pg_numeric_scale",
        "information_schema._pg_numeric_scale(type, modifier) → integer",
        (2, 2),
        "int4",
        "The digits after the point.",
        |call| {
            Ok(match (call.cell(0), call.cell(1)) {
                (Cell::Int(20 | 21 | 23), _) => Cell::Int(0),
                (Cell::Int(1700), Cell::Int(modifier @ 4..)) => Cell::Int((modifier - 4) & 0xffff),
                _ => Cell::Null,
            })
        },
    ),
    of(
        "pg_collation_for",
        "pg_collation_for(value) → text",
        (1, 1),
        "text",
        "The collation of a text; there is only one.",
        |call| Ok(call.fields.first().filter(|field| seen(field).base.category == 'S').map(|_| "\"default\"").into()),
    ),
];

#[cfg(test)]
mod tests {
    use super::{literal, pretty};

    #[test]
    fn sizes_are_rounded_as_postgresql_does() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 kB"),
            (-10_240, "-10 kB"),
            (10_485_247, "10239 kB"),
            (10_485_248, "10 MB"),
            (12_345_678_901, "11 GB"),
            (i64::MAX, "8192 PB"),
        ] {
            assert_eq!(pretty(bytes), text, "{bytes}");
        }
        assert_eq!(literal("it's \\"), "E'it''s \\\\'");
    }
}
