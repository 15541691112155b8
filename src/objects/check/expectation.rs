//! Expectations of checks, as SQL.
//!
//! | written | a row fails when |
//! |---|---|
//! | a condition | it is false; NULL is not a failure, as with CHECK in SQL |
//! | `not_null(a, …)` | one of them is NULL |
//! | `unique(a, …)` | another row has the same values, none of them NULL |
//! | `in_range(a, least, most)` | the value is outside |
//! | `in_set(a, value, …)` | the value is none of these |
//! | `matches(a, 'pattern')` | the text does not match the regular expression |
//! | `foreign_key(a, table, column)` | the value is not in that column |
//! | a query | the query returns it |
//!
//! `fresh_within`, `row_count_near_last` and `distribution_near_last` look at the table as a whole.

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::ast::{Array, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Value};

use crate::error::{SqlState, coded, invalid, nearest, raw};
use crate::sql::command::Body;
use crate::sql::references::names_in;
use crate::text::{identifier, timestamp};

/// What a check expects.
#[derive(Debug, Clone)]
pub enum Expectation {
    /// Every row meets a condition; with the quality dimension.
    Rows(Box<Expr>, &'static str),
    /// No two rows have the same values of these expressions.
    Unique(Vec<Expr>),
    /// The values of an expression are in a column of another table.
    ForeignKey { value: Box<Expr>, table: Box<Expr>, column: Box<Expr> },
    /// The query returns no rows.
    Failing(Box<Query>),
    /// The newest time is at most this old, and not in the future.
    Fresh { time: Box<Expr>, within: Box<Expr> },
    /// The number of rows differs by at most this share from the last one.
    RowCount(f64),
    /// The population stability index against the last distribution is at most this.
    Distribution { value: Box<Expr>, most: f64 },
}

/// The functions that are expectations.
const NAMES: [&str; 9] = [
    "not_null",
    "unique",
    "in_range",
    "in_set",
    "matches",
    "foreign_key",
    "fresh_within",
    "row_count_near_last",
    "distribution_near_last",
];
/// What other tools call them.
const ELSEWHERE: [(&str, &str); 20] = [
    ("accepted_values", "in_set"),
    ("between", "in_range"),
    ("distinct", "unique"),
    ("expect_column_values_to_be_between", "in_range"),
    ("expect_column_values_to_be_in_set", "in_set"),
    ("expect_column_values_to_be_unique", "unique"),
    ("expect_column_values_to_match_regex", "matches"),
    ("expect_column_values_to_not_be_null", "not_null"),
    ("fresh", "fresh_within"),
    ("freshness", "fresh_within"),
    ("is_complete", "not_null"),
    ("is_in", "in_set"),
    ("is_not_null", "not_null"),
    ("is_unique", "unique"),
    ("isin", "in_set"),
    ("no_nulls", "not_null"),
    ("primary_key", "unique"),
    ("references", "foreign_key"),
    ("relationships", "foreign_key"),
    ("row_count", "row_count_near_last"),
];

/// SQL that checks a table row by row.
pub struct Asked {
    /// Returns one row: the number of rows, and the number of failing rows.
    pub counts: String,
    /// Returns failing rows.
    pub examples: String,
}

impl Expectation {
    /// Reads the part after AS.
    ///
    /// # Errors
    /// An expectation has the wrong arguments.
    pub fn of(label: &str, body: &Body) -> Result<Self> {
        match body {
            Body::Query(query) => Ok(Self::Failing(query.clone())),
            Body::Condition(condition) => Self::of_condition(label, condition),
            Body::Sql(_) | Body::Script(_) | Body::Sequence(_) => Err(invalid(label, "a check is a condition or a query")),
        }
    }

    fn of_condition(label: &str, condition: &Expr) -> Result<Self> {
        let rows = |dimension| Ok(Self::Rows(Box::new(condition.clone()), dimension));
        let Expr::Function(function) = condition else {
            return match condition {
                Expr::IsNotNull(_) => rows("completeness"),
                _ => rows("validity"),
            };
        };
        let Some((name, arguments)) = called(function) else { return rows("validity") };
        let wrong = |form: &str| Err(invalid(label, format!("{name} is written {form}, got {condition}")));
        // A constant says nothing of the table.
        if name != "row_count_near_last"
            && let Some(column) = arguments.first().and_then(string)
        {
            let column = identifier(column);
            let problem = format!("{name} takes a column, which has no single quotes; write {column}, got {condition}");
            return Err(invalid(label, problem));
        }
        let join = |parts: Vec<String>, by: &str| parts.join(by);
        let parsed = |sql: String, dimension| -> Result<Self> {
            Ok(Self::Rows(Box::new(crate::sql::parser::parse_expression(&sql)?), dimension))
        };
        match (name.as_str(), arguments.as_slice()) {
            ("not_null", [_, ..]) => {
                parsed(join(arguments.iter().map(|value| format!("({value}) IS NOT NULL")).collect(), " AND "), "completeness")
            }
            ("unique", [_, ..]) => Ok(Self::Unique(arguments)),
            ("in_range", [value, least, most]) => parsed(format!("({value}) BETWEEN ({least}) AND ({most})"), "validity"),
            ("in_set", [value, Expr::Array(Array { elem, .. })]) if !elem.is_empty() => {
                let values = elem.iter().map(ToString::to_string).collect::<Vec<_>>();
                parsed(format!("({value}) IN ({})", join(values, ", ")), "validity")
            }
            ("in_set", [value, _, ..]) => {
                let values = arguments.iter().skip(1).map(ToString::to_string).collect::<Vec<_>>();
                parsed(format!("({value}) IN ({})", join(values, ", ")), "validity")
            }
            ("matches", [value, pattern]) => parsed(format!("({value}) ~ ({pattern})"), "validity"),
            ("foreign_key", [value, table, column]) => Ok(Self::ForeignKey {
                value: Box::new(value.clone()),
                table: Box::new(table.clone()),
                column: Box::new(column.clone()),
            }),
            ("fresh_within", [time, within]) if !matches!(within, Expr::Value(_)) => {
                Ok(Self::Fresh { time: Box::new(time.clone()), within: Box::new(within.clone()) })
            }
            ("row_count_near_last", [most]) => match share(most) {
                Some(most) => Ok(Self::RowCount(most)),
                None => wrong("row_count_near_last(0.2), with the share that it may differ by"),
            },
            ("distribution_near_last", [value, most]) => match share(most) {
                Some(most) => Ok(Self::Distribution { value: Box::new(value.clone()), most }),
                None => wrong("distribution_near_last(column, 0.2), with the largest population stability index that is allowed"),
            },
            ("not_null" | "unique", _) => wrong(&format!("{name}(column, …)")),
            ("in_range", _) => wrong("in_range(column, least, most)"),
            ("in_set", _) => wrong("in_set(column, value, …)"),
            ("matches", _) => wrong("matches(column, 'regular expression')"),
            ("foreign_key", _) => wrong("foreign_key(column, table, column_of_table)"),
            ("fresh_within", _) => wrong("fresh_within(column, INTERVAL '1 day')"),
            ("row_count_near_last", _) => wrong("row_count_near_last(0.2)"),
            ("distribution_near_last", _) => wrong("distribution_near_last(column, 0.2)"),
            _ => rows("validity"),
        }
    }

    /// The quality dimension, unless the check names one.
    pub fn dimension(&self) -> &'static str {
        match self {
            Self::Rows(_, dimension) => dimension,
            Self::Unique(_) => "uniqueness",
            Self::Failing(_) => "validity",
            Self::ForeignKey { .. } | Self::RowCount(_) | Self::Distribution { .. } => "consistency",
            Self::Fresh { .. } => "timeliness",
        }
    }

    /// Another table that it reads.
    pub fn other_table(&self) -> Option<Vec<String>> {
        match self {
            Self::ForeignKey { table, .. } => match table.as_ref() {
                Expr::Identifier(name) => Some(vec![crate::sql::command::normal(name)]),
                Expr::CompoundIdentifier(names) => Some(names.iter().map(crate::sql::command::normal).collect()),
                _ => None,
            },
            _ => None,
        }
    }

    /// Names that may be columns of the table.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Rows(condition, _) => names_in(condition),
            Self::Unique(values) => values.iter().flat_map(names_in).collect(),
            Self::ForeignKey { value, .. } => names_in(value),
            Self::Fresh { time, .. } => names_in(time),
            Self::Distribution { value, .. } => names_in(value),
            Self::Failing(_) | Self::RowCount(_) => vec![],
        }
    }

    /// The SQL of an expectation about rows. `shown` are the columns of the table that examples show. `None` for expectations about the
    /// table as a whole.
    pub fn asked(&self, table: &str, shown: &[String], most: i64) -> Option<Asked> {
        let columns = if shown.is_empty() { "*".to_string() } else { shown.join(", ") };
        let places: Vec<String> = (1..=shown.len()).map(|place| place.to_string()).collect();
        let order = if places.is_empty() { String::new() } else { format!(" ORDER BY {}", places.join(", ")) };
        Some(match self {
            Self::Rows(condition, _) => Asked {
                counts: format!("SELECT count(*), count(*) FILTER (WHERE NOT ({condition})) FROM {table}"),
                examples: format!("SELECT {columns} FROM {table} WHERE NOT ({condition}){order} LIMIT {most}"),
            },
            Self::Unique(values) => {
                let list = values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let given = values.iter().map(|value| format!("({value}) IS NOT NULL")).collect::<Vec<_>>().join(" AND ");
                let places = (1..=values.len()).map(|place| place.to_string()).collect::<Vec<_>>().join(", ");
                let all = format!("SELECT count(*) FROM {table}");
                Asked {
                    counts: format!(
                        "SELECT ({all}), CAST(coalesce(sum(n), 0) AS BIGINT) \
                         FROM (SELECT count(*) AS n FROM {table} WHERE {given} GROUP BY {list} HAVING count(*) > 1) AS repeated"
                    ),
                    examples: format!(
                        "SELECT {list}, count(*) AS rows FROM {table} WHERE {given} GROUP BY {list} HAVING count(*) > 1 \
                         ORDER BY rows DESC, {places} LIMIT {most}"
                    ),
                }
            }
            Self::ForeignKey { value, table: other, column } => {
                // Without a qualifier, a column that only the table of the check has would be that one, and every row would pass.
                let column = match column.as_ref() {
                    Expr::Identifier(column) => format!("{other}.{column}"),
                    column => column.to_string(),
                };
                let is_missing = format!(
                    "({value}) IS NOT NULL AND ({value}) NOT IN (SELECT {column} FROM {other} WHERE {column} IS NOT NULL)"
                );
                Asked {
                    counts: format!("SELECT (SELECT count(*) FROM {table}), count(*) FROM {table} WHERE {is_missing}"),
                    examples: format!("SELECT {columns} FROM {table} WHERE {is_missing}{order} LIMIT {most}"),
                }
            }
            Self::Failing(query) => Asked {
                counts: format!("SELECT (SELECT count(*) FROM {table}), count(*) FROM ({query}) AS failing"),
                examples: format!("SELECT * FROM ({query}) AS failing ORDER BY ALL LIMIT {most}"),
            },
            Self::Fresh { .. } | Self::RowCount(_) | Self::Distribution { .. } => return None,
        })
    }

    /// The SQL of a freshness check at `now`: the number of rows, the newest time as text, whether it is recent enough, and whether it is in
    /// the future. A time without its zone may be one of a place whose clocks are 14 hours ahead.
    pub fn freshness(&self, table: &str, now: i64) -> Option<String> {
        let Self::Fresh { time, within } = self else { return None };
        let now = timestamp(now);
        Some(format!(
            "SELECT count(*), CAST(max({time}) AS VARCHAR), coalesce(CAST(max({time}) AS TIMESTAMP) >= TIMESTAMP '{now}' - ({within}), false), \
               coalesce(CAST(max({time}) AS TIMESTAMP) > TIMESTAMP '{now}' + INTERVAL '14 hours', false) \
             FROM {table}"
        ))
    }

    /// The condition or query, for display.
    pub fn text(&self, body: &Body) -> String {
        match body {
            Body::Query(query) => query.to_string(),
            Body::Condition(condition) => condition.to_string(),
            Body::Sql(_) | Body::Script(_) | Body::Sequence(_) => String::new(),
        }
    }
}

/// The error for a call of a function that there is not, with the expectations, of which one may be meant. Other errors stay.
pub fn with_expectations(error: DataFusionError) -> DataFusionError {
    let text = raw(&error);
    let called = text.split_once("Invalid function '").and_then(|(_, rest)| rest.split_once('\''));
    let Some((name, _)) = called else { return error };
    let lower = name.to_lowercase();
    let joined = |name: &str| name.replace('_', "");
    let same = NAMES.into_iter().find(|known| joined(known) == joined(&lower));
    let of_others = || ELSEWHERE.iter().find(|(other, _)| *other == lower).map(|(_, known)| *known);
    let suggestion = match same.or_else(of_others).or_else(|| nearest(&lower, NAMES)) {
        Some(name) => format!("; perhaps \"{name}\" is meant"),
        None => String::new(),
    };
    let problem = format!("no such function or expectation{suggestion}; expectations are {}", NAMES.join(", "));
    coded(SqlState::UNDEFINED_FUNCTION, name, problem)
}

/// The text in single quotes that an argument is.
fn string(value: &Expr) -> Option<&str> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The name and arguments, when a function call is an expectation.
fn called(function: &Function) -> Option<(String, Vec<Expr>)> {
    let name = function.name.to_string().to_lowercase();
    if !NAMES.contains(&name.as_str()) {
        return None;
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    let value = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
        _ => None,
    };
    Some((name, list.args.iter().map(value).collect::<Option<_>>()?))
}

fn share(value: &Expr) -> Option<f64> {
    value.to_string().parse::<f64>().ok().filter(|share| share.is_finite() && *share >= 0.0)
}
