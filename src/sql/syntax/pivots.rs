//! Rewrites PIVOT and UNPIVOT as ordinary queries.
//!
//! | written | rewritten to |
//! |---|---|
//! | `t PIVOT (sum(cups) FOR item IN ('tea', 'ice'))` | `(SELECT * EXCLUDE (cups, item), sum(cups) FILTER (WHERE item = 'tea') AS tea, … FROM t GROUP BY ALL)` |
//! | `t UNPIVOT (item FOR place IN (i1, i2))` | `(SELECT * FROM (SELECT * EXCLUDE (i1, i2), unnest(['i1', 'i2']) AS place, unnest([i1, i2]) AS item FROM t) WHERE item IS NOT NULL)` |
//!
//! The groups of a PIVOT are the columns that it does not mention. A new column is named after its value, as `tea`; with several
//! aggregates, or one with an alias, as `tea_total`.
//!
//! `COLUMNS(* EXCLUDE id)` among the columns of an UNPIVOT is looked up when the statement is planned, as `ANY` in a PIVOT is.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::common::{Column, Result};
use sqlparser::ast::{
    Expr, ExprWithAlias, Function, Ident, NullInclusion, PivotValueSource, Query, TableAlias, TableFactor, Value,
};

use super::star_columns::{has_columns, is_columns, names_meant};
use crate::error::invalid;
use crate::sql::parser::parse_query;
use crate::text::as_sql;
use crate::walk::Walk;

/// Replaces a PIVOT or UNPIVOT in FROM.
///
/// # Errors
/// The query is not a valid PIVOT or UNPIVOT, or is a form that is not supported.
pub fn rewrite(factor: &mut TableFactor) -> Result<()> {
    let (query, alias) = match factor {
        TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null, alias } => {
            // If the values are not listed, they are looked up when the statement is planned.
            let PivotValueSource::List(values) = value_source else { return Ok(()) };
            let pivot = Pivot {
                source: as_sql(table.as_ref()),
                aggregates: aggregate_functions,
                on: value_column.as_slice(),
                values: values.clone(),
                default: default_on_null.as_ref(),
                groups: None,
            };
            (pivot.query()?, alias.take())
        }
        TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias } => {
            // `COLUMNS(…)` is looked up when the statement is planned.
            if columns.iter().any(|column| has_columns(&column.expr)) {
                return Ok(());
            }
            let keeps_nulls = matches!(null_inclusion, Some(NullInclusion::IncludeNulls));
            (unpivot(&as_sql(table.as_ref()), value, name, columns, keeps_nulls)?, alias.take())
        }
        _ => return Ok(()),
    };
    let alias = alias.or_else(|| {
        let name = Ident::new("pivoted");
        Some(TableAlias { explicit: true, name, columns: vec![], at: None })
    });
    *factor = TableFactor::Derived { lateral: false, subquery: query, alias, sample: None };
    Ok(())
}

/// The parts of a PIVOT.
pub struct Pivot<'a> {
    /// The text of the FROM item.
    pub source: String,
    pub aggregates: &'a [ExprWithAlias],
    pub on: &'a [Expr],
    pub values: Vec<ExprWithAlias>,
    pub default: Option<&'a Expr>,
    /// The columns to group by, if they are given.
    pub groups: Option<&'a [Expr]>,
}

fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

/// The columns that an expression reads.
pub fn columns_of(expression: &Expr) -> BTreeSet<String> {
    let mut columns = BTreeSet::new();
    let _ = expression.each_expression(|part| {
        match part {
            Expr::Identifier(name) => drop(columns.insert(name.to_string())),
            Expr::CompoundIdentifier(names) => columns.extend(names.last().map(ToString::to_string)),
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    columns
}

/// The column name for a value.
fn name_of(value: &ExprWithAlias) -> String {
    match (&value.alias, &value.expr) {
        (Some(alias), _) => alias.value.clone(),
        (None, Expr::Value(text)) => match &text.value {
            Value::SingleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        (None, Expr::Tuple(parts)) => {
            let name = |part: &Expr| name_of(&ExprWithAlias { expr: part.clone(), alias: None });
            parts.iter().map(name).collect::<Vec<_>>().join("_")
        }
        (None, other) => other.to_string(),
    }
}

impl Pivot<'_> {
    /// The query that the PIVOT stands for.
    ///
    /// # Errors
    /// An item is not an aggregate, or a value does not have as many parts as there are pivot columns.
    pub fn query(&self) -> Result<Box<Query>> {
        let mut named: BTreeSet<String> = self.on.iter().flat_map(columns_of).collect();
        let mut columns = vec![];
        for value in &self.values {
            let parts: Vec<&Expr> = match &value.expr {
                Expr::Tuple(parts) => parts.iter().collect(),
                one => vec![one],
            };
            if parts.len() != self.on.len() {
                let rule = format!("{} columns take values of as many parts, got {}", self.on.len(), value.expr);
                return Err(invalid("PIVOT", rule));
            }
            let is = self.on.iter().zip(parts).map(|(column, value)| format!("{column} IS NOT DISTINCT FROM {value}"));
            let condition = is.collect::<Vec<_>>().join(" AND ");
            for aggregate in self.aggregates {
                named.extend(columns_of(&aggregate.expr));
                let Expr::Function(call) = &aggregate.expr else {
                    return Err(invalid("PIVOT", format!("takes aggregates such as sum(amount), got {}", aggregate.expr)));
                };
                columns.push(self.column(call, aggregate, &condition, value));
            }
        }
        let columns = columns.join(", ");
        let source = &self.source;
        let sql = match self.groups {
            Some([]) => format!("SELECT {columns} FROM {source}"),
            Some(groups) => {
                let groups = groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                format!("SELECT {groups}, {columns} FROM {source} GROUP BY {groups}")
            }
            None => {
                let named = named.into_iter().collect::<Vec<_>>().join(", ");
                format!("SELECT * EXCLUDE ({named}), {columns} FROM {source} GROUP BY ALL")
            }
        };
        parse_query(&sql)
    }

    fn column(&self, call: &Function, aggregate: &ExprWithAlias, condition: &str, value: &ExprWithAlias) -> String {
        let filter = match &call.filter {
            Some(own) => format!("({own}) AND {condition}"),
            None => condition.to_string(),
        };
        let bare = Function { filter: None, ..call.clone() };
        let mut column = format!("{bare} FILTER (WHERE {filter})");
        if let Some(default) = self.default {
            column = format!("coalesce({column}, {default})");
        }
        let name = match (&aggregate.alias, self.aggregates.len()) {
            (None, 1) => name_of(value),
            (Some(alias), _) => format!("{}_{}", name_of(value), alias.value),
            (None, _) => format!("{}_{}", name_of(value), aggregate.expr),
        };
        format!("{column} AS {}", quoted(&name))
    }
}

/// The query that an UNPIVOT stands for. With several names for the values, each item is as many columns, `(a, b) AS first`.
///
/// # Errors
/// An item is not a column, or not as many as there are names for the values.
pub fn unpivot(source: &str, value: &Expr, name: &Ident, columns: &[ExprWithAlias], keeps_nulls: bool) -> Result<Box<Query>> {
    let Some(values) = names_of(value) else {
        return Err(invalid("UNPIVOT", format!("takes names for the values, got {value}")));
    };
    let read = |ExprWithAlias { expr: other, alias: _ }: &ExprWithAlias| match names_of(other) {
        None => Err(invalid("UNPIVOT", format!("takes names of columns, got {other}"))),
        Some(own) if own.len() != values.len() => {
            let wanted = values.len();
            let problem = format!("each item has as many columns as there are names for the values, {wanted}, got {other}");
            Err(invalid("UNPIVOT", problem))
        }
        Some(own) => Ok(own),
    };
    let read: Vec<Vec<Ident>> = columns.iter().map(read).collect::<Result<_>>()?;
    let labels = columns.iter().zip(&read).map(|(column, own)| {
        let text = match &column.alias {
            Some(alias) => alias.value.clone(),
            None => own.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join("_"),
        };
        Value::SingleQuotedString(text).to_string()
    });
    let joined = |parts: Vec<String>, by: &str| parts.join(by);
    let labels = joined(labels.collect(), ", ");
    let lists = values.iter().enumerate().map(|(place, value)| {
        let list = read.iter().filter_map(|own| own.get(place)).map(ToString::to_string).collect();
        format!("unnest([{}]) AS {value}", joined(list, ", "))
    });
    let lists = joined(lists.collect(), ", ");
    let left_out = joined(read.iter().flatten().map(ToString::to_string).collect(), ", ");
    let condition = match keeps_nulls {
        true => "true".to_string(),
        false => joined(values.iter().map(|value| format!("{value} IS NOT NULL")).collect(), " AND "),
    };
    parse_query(&format!(
        "SELECT * FROM (SELECT * EXCLUDE ({left_out}), unnest([{labels}]) AS {name}, {lists} FROM {source}) AS unpivoted WHERE {condition}"
    ))
}

/// The names in `a` or `(a, b)`.
fn names_of(expression: &Expr) -> Option<Vec<Ident>> {
    match expression {
        Expr::Identifier(name) => Some(vec![name.clone()]),
        Expr::Nested(within) => names_of(within),
        Expr::Tuple(parts) => {
            let named = parts.iter().map(|part| if let Expr::Identifier(name) = part { Some(name.clone()) } else { None });
            named.collect()
        }
        _ => None,
    }
}

/// Replaces the `COLUMNS(…)` of an UNPIVOT by the columns of its table that they stand for.
///
/// # Errors
/// They stand for none, or are part of an expression.
pub fn name_columns(items: &mut Vec<ExprWithAlias>, columns: &[Column]) -> Result<()> {
    for item in std::mem::take(items) {
        match &item.expr {
            Expr::Function(call) if is_columns(call) => {
                let plain = |name: String| ExprWithAlias { expr: Expr::Identifier(quoted(&name)), alias: None };
                items.extend(names_meant(call, columns)?.into_iter().map(plain));
            }
            other if has_columns(other) => {
                return Err(invalid("UNPIVOT", format!("takes names of columns, got {other}")));
            }
            _ => items.push(item),
        }
    }
    Ok(())
}
