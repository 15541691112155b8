//! Functions whose form depends on the position of the unit: `date_diff('day', a, b)` of DuckDB, `DATE_DIFF(b, a, DAY)` of
//! BigQuery, and `DATEDIFF(b, a)` of MySQL.

use chrono::NaiveDate;
use datafusion::common::Result;
use sqlparser::ast::{Expr, Value};

use crate::adapter::expression_macro::Written;
use crate::builtins::dates::between::{interval_of, is_unit};
use crate::builtins::dates::written::has_time;
use crate::error::invalid;

/// The name of a unit, as a word or a string.
fn unit(expression: &Expr) -> Option<String> {
    let name = match expression {
        Expr::Identifier(name) => name.value.clone(),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => text.clone(),
            _ => return None,
        },
        // BigQuery's WEEK(MONDAY), and units that are SQL keywords.
        other => other.to_string(),
    };
    is_unit(&name).then(|| name.to_lowercase())
}

fn text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn is_null(expression: &Expr) -> bool {
    matches!(expression, Expr::Value(value) if value.value == Value::Null)
}

const DIFFERENCE: &str = "write date_diff('day', start, end) with microsecond, millisecond, second, minute, hour, day, week, month, quarter \
                          or year";

fn difference(name: &str, arguments: &[Expr]) -> Result<Option<Written>> {
    Ok(Some(match arguments {
        [later, earlier] => (format!("{name}('day', $1, $2)"), vec![earlier.clone(), later.clone()]),
        [first, from, to] if unit(first).is_some() => {
            (format!("{name}('{}', $1, $2)", unit(first).unwrap_or_default()), vec![from.clone(), to.clone()])
        }
        [later, earlier, last] if unit(last).is_some() => {
            (format!("{name}('{}', $1, $2)", unit(last).unwrap_or_default()), vec![earlier.clone(), later.clone()])
        }
        [first @ Expr::Value(_), ..] => return Err(invalid("date_diff", format!("{first} is not a unit; {DIFFERENCE}"))),
        [first, from, to] => (format!("{name}($1, $2, $3)"), vec![first.clone(), from.clone(), to.clone()]),
        _ => return Err(invalid("date_diff", format!("takes a unit and two times; {DIFFERENCE}"))),
    }))
}

pub fn boundaries(arguments: &[Expr]) -> Result<Option<Written>> {
    difference("boundaries_between", arguments)
}

pub fn whole(arguments: &[Expr]) -> Result<Option<Written>> {
    difference("whole_units_between", arguments)
}

pub fn whole_to_ends(arguments: &[Expr]) -> Result<Option<Written>> {
    difference("whole_units_to_month_ends", arguments)
}

pub fn date_sub(arguments: &[Expr]) -> Result<Option<Written>> {
    match arguments {
        [_, _] => Ok(Some(("($1 - $2)".into(), arguments.to_vec()))),
        _ => whole_to_ends(arguments),
    }
}

fn interval(name: &str, expression: &Expr) -> Result<(u32, &'static str)> {
    let unit = unit(expression).and_then(|unit| interval_of(&unit));
    unit.ok_or_else(|| {
        invalid(name, format!("{expression} is not a unit; use second, minute, hour, day, week, month, quarter or year"))
    })
}

pub fn later(arguments: &[Expr]) -> Result<Option<Written>> {
    let [first, count, time] = arguments else {
        return Err(invalid("dateadd", "takes a unit, a number and a time; write dateadd('day', 7, time)"));
    };
    let (factor, unit) = interval("dateadd", first)?;
    Ok(Some((format!("($2 + $1 * INTERVAL '{factor} {unit}')"), vec![count.clone(), time.clone()])))
}

pub fn begin(arguments: &[Expr]) -> Result<Option<Written>> {
    let [time, last] = arguments else {
        return Err(invalid("timestamp_trunc", "takes a time and a unit; write timestamp_trunc(time, HOUR)"));
    };
    let Some(unit) = unit(last) else {
        return Err(invalid("timestamp_trunc", format!("{last} is not a unit; write for example HOUR or DAY")));
    };
    Ok(Some((format!("date_trunc('{unit}', $1)"), vec![time.clone()])))
}

pub fn bucket(arguments: &[Expr]) -> Result<Option<Written>> {
    let without_brackets = arguments.first().map(|mut width| {
        while let Expr::Nested(inner) = width {
            width = inner;
        }
        width
    });
    Ok(match (without_brackets, arguments) {
        (Some(Expr::Interval(width)), [_, _]) => {
            let months = width.to_string().to_lowercase();
            let is_of_months = ["month", "year", "quarter", "decade", "century"].iter().any(|unit| months.contains(unit));
            let origin = if is_of_months { "2000-01-01" } else { "2000-01-03" };
            Some((format!("date_bin($1, CAST($2 AS TIMESTAMP), TIMESTAMP '{origin}')"), arguments.to_vec()))
        }
        (Some(width), [_, _]) if is_null(width) => Some(("CAST($1 AS TIMESTAMP)".into(), arguments.to_vec())),
        _ => return Err(invalid("time_bucket", "takes a constant width and a time; write time_bucket(INTERVAL '7 days', time)")),
    })
}

pub fn slice(arguments: &[Expr]) -> Result<Option<Written>> {
    let [time, Expr::Value(count), last] = arguments else {
        return Err(invalid("time_slice", "takes a time, a number and a unit; write time_slice(time, 15, 'minute')"));
    };
    let (factor, unit) = interval("time_slice", last)?;
    if count.value == Value::Null {
        return Ok(Some(("CAST(NULL AS TIMESTAMP)".into(), vec![])));
    }
    let Some(count) = count.to_string().parse::<u32>().ok().and_then(|count| count.checked_mul(factor)) else {
        return Err(invalid("time_slice", format!("takes a whole number of units, got {count}")));
    };
    // Weeks begin on Monday.
    let origin = if factor == 7 { "1969-12-29" } else { "1970-01-01" };
    Ok(Some((format!("date_bin(INTERVAL '{count} {unit}', CAST($1 AS TIMESTAMP), TIMESTAMP '{origin}')"), vec![time.clone()])))
}

pub fn zones(arguments: &[Expr]) -> Result<Option<Written>> {
    match arguments {
        [from, to, time] if text(from).is_some() && text(to).is_some() => {
            let (from, to) =
                (text(from).unwrap_or_default().replace('\'', "''"), text(to).unwrap_or_default().replace('\'', "''"));
            let moved = format!("CAST((CAST($1 AS TIMESTAMP) AT TIME ZONE '{from}') AT TIME ZONE '{to}' AS TIMESTAMP)");
            Ok(Some((moved, vec![time.clone()])))
        }
        [from, to, _] if is_null(from) || is_null(to) => Ok(Some(("CAST(NULL AS TIMESTAMP)".into(), vec![]))),
        _ => Err(invalid("convert_timezone", "takes two zones and a time; write convert_timezone('UTC', 'Asia/Shanghai', time)")),
    }
}

pub fn at_zone(arguments: &[Expr]) -> Result<Option<Written>> {
    match arguments {
        [zone, time] if let Some(zone) = text(zone) => {
            Ok(Some((format!("($1 AT TIME ZONE '{}')", zone.replace('\'', "''")), vec![time.clone()])))
        }
        [zone, _] if is_null(zone) => Ok(Some(("CAST(NULL AS TIMESTAMP)".into(), vec![]))),
        _ => Err(invalid("timezone", "takes a zone, a constant text, and a time; write timezone('Asia/Shanghai', time)")),
    }
}

pub fn last_day(arguments: &[Expr]) -> Result<Option<Written>> {
    let (time, of) = match arguments {
        [time] => (time, "month".to_string()),
        [time, part] => match unit(part).and_then(|part| interval_of(&part).map(|_| part)) {
            Some(part) if part.starts_with("month") || part.starts_with("quarter") || part.starts_with("year") => (time, part),
            _ => return Err(invalid("last_day", format!("{part} cannot be used here; write month, quarter or year"))),
        },
        _ => return Err(invalid("last_day", "takes a day; write last_day(day)")),
    };
    let (count, unit) = interval_of(&of).unwrap_or((1, "month"));
    Ok(Some((
        format!("(CAST(date_trunc('{of}', CAST($1 AS DATE)) + INTERVAL '{count} {unit}' AS DATE) - 1)"),
        vec![time.clone()],
    )))
}

pub fn next_day(arguments: &[Expr]) -> Result<Option<Written>> {
    if let [_, name] = arguments
        && is_null(name)
    {
        return Ok(Some(("CAST($1 AS DATE)".into(), vec![name.clone()])));
    }
    let days = ["su", "mo", "tu", "we", "th", "fr", "sa"];
    let place = match arguments {
        [_, name] => text(name).and_then(|name| days.iter().position(|day| name.to_lowercase().starts_with(day))),
        _ => None,
    };
    let Some(place) = place else {
        return Err(invalid("next_day", "takes a day and a day of the week; write next_day(day, 'Monday')"));
    };
    let next = format!("(CAST($1 AS DATE) + CAST(({place} - date_part('dow', CAST($1 AS DATE)) + 6) % 7 + 1 AS INT))");
    Ok(Some((next, arguments[..1].to_vec())))
}

pub fn str_to_date(arguments: &[Expr]) -> Result<Option<Written>> {
    let [_, pattern] = arguments else {
        return Err(invalid("str_to_date", "takes a text and a pattern; write str_to_date(text, '%d/%m/%Y')"));
    };
    let read = "time_in_letters_of_mysql($1, $2)";
    let read = match text(pattern) {
        Some(pattern) if !has_time(pattern) => format!("CAST({read} AS DATE)"),
        _ => read.to_string(),
    };
    Ok(Some((read, arguments.to_vec())))
}

/// Rejects a constant day that does not exist, under the name that was called: the function it is rewritten to has another name.
fn existing_day(name: &str, parts: &[Expr]) -> Result<()> {
    let constant = |part: &Expr| match part {
        Expr::Value(value) => value.to_string().parse::<u32>().ok(),
        _ => None,
    };
    if let [year, month, day] = parts
        && let (Some(year), Some(month), Some(day)) = (constant(year), constant(month), constant(day))
        && let Ok(number) = i32::try_from(year)
        && NaiveDate::from_ymd_opt(number, month, day).is_none()
    {
        return Err(invalid(
            name,
            match (month, day) {
                (1..=12, 1..=31) => format!("there is no day {day} in month {month} of the year {year}"),
                (1..=12, _) => format!("day must be from 1 to 31, got {day}"),
                _ => format!("month must be from 1 to 12, got {month}"),
            },
        ));
    }
    Ok(())
}

/// `date_from_parts(year, month, day)`
pub fn day_of_parts(arguments: &[Expr]) -> Result<Option<Written>> {
    match arguments {
        [_, _, _] => {
            existing_day("date_from_parts", arguments)?;
            Ok(Some(("make_date($1, $2, $3)".into(), arguments.to_vec())))
        }
        _ => Err(invalid("date_from_parts", "takes a year, a month and a day; write date_from_parts(2025, 5, 1)")),
    }
}

fn time_of_parts(name: &str, arguments: &[Expr]) -> Result<Option<Written>> {
    let [year, month, day, _, _, _] = arguments else {
        return Err(invalid(
            name,
            format!("takes a year, month, day, hour, minute and second; write {name}(2025, 5, 1, 10, 20, 30)"),
        ));
    };
    existing_day(name, &[year.clone(), month.clone(), day.clone()])?;
    let sql =
        "CAST(make_date($1, $2, $3) AS TIMESTAMP) + $4 * INTERVAL '1 hour' + $5 * INTERVAL '1 minute' + $6 * INTERVAL '1 second'";
    Ok(Some((sql.into(), arguments.to_vec())))
}

pub fn make_timestamp(arguments: &[Expr]) -> Result<Option<Written>> {
    time_of_parts("make_timestamp", arguments)
}

pub fn timestamp_from_parts(arguments: &[Expr]) -> Result<Option<Written>> {
    time_of_parts("timestamp_from_parts", arguments)
}

/// A pattern with a percent sign uses the letters of C's strftime.
pub fn to_char(arguments: &[Expr]) -> Result<Option<Written>> {
    Ok(match arguments {
        [_, pattern] if text(pattern).is_some_and(|pattern| !pattern.contains('%')) => {
            Some(("letters_of_postgresql($1, $2)".into(), arguments.to_vec()))
        }
        [_, pattern] if text(pattern).is_some() => Some(("strftime($1, $2)".into(), arguments.to_vec())),
        _ => None,
    })
}

fn is_of_letters(pattern: &Expr) -> bool {
    text(pattern).is_some_and(|pattern| !pattern.contains('%') && pattern.chars().any(|letter| letter.is_ascii_alphabetic()))
}

pub fn to_date(arguments: &[Expr]) -> Result<Option<Written>> {
    Ok(match arguments {
        [_, pattern] if is_of_letters(pattern) => {
            Some(("CAST(time_in_letters_of_postgresql($1, $2) AS DATE)".into(), arguments.to_vec()))
        }
        [_, pattern] if is_null(pattern) => Some(("CAST(NULL AS DATE)".into(), vec![])),
        _ => None,
    })
}

pub fn to_timestamp(arguments: &[Expr]) -> Result<Option<Written>> {
    Ok(match arguments {
        [_, pattern] if is_of_letters(pattern) => Some(("time_in_letters_of_postgresql($1, $2)".into(), arguments.to_vec())),
        [_, pattern] if is_null(pattern) => Some(("CAST(NULL AS TIMESTAMP)".into(), vec![])),
        _ => None,
    })
}

/// BigQuery's order of the arguments, where the unit is a word.
pub fn trunc(arguments: &[Expr]) -> Result<Option<Written>> {
    match arguments {
        [first, Expr::Identifier(_)] if unit(first).is_none() => begin(arguments),
        // PostgreSQL's beginning of a day as clocks in a zone show it.
        [unit, time, zone] if let Some(zone) = text(zone) => {
            let zone = zone.replace('\'', "''");
            let sql =
                format!("(date_trunc($1, CAST($2 AS TIMESTAMP WITH TIME ZONE) AT TIME ZONE '{zone}') AT TIME ZONE '{zone}')");
            Ok(Some((sql, vec![unit.clone(), time.clone()])))
        }
        _ => Ok(None),
    }
}
