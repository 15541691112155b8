//! `summarize`: every column of a query at a glance, in one pass.

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{SqlState, coded, invalid};
use crate::text::sql_type;

const DOC: Doc = Doc {
    name: "summarize",
    kind: Kind::Relation,
    domain: "statistics",
    summary: "Summarizes every column of a query: type, NULLs, distinct values, minimum, maximum, quartiles, mean, most frequent value.",
    description: "\
Short forms: `SUMMARIZE orders`, `SUMMARIZE 'orders.csv'` and `SUMMARIZE SELECT …`. One row per column, in the order of the columns; the
rows are read once. The number of distinct values and the quartiles are approximate. The mean and the quartiles exist only for numbers, and
are NULL for other types. Bytes are shown in hexadecimal digits. For lists and structs only the NULLs are counted. The most frequent value
needs memory for the values of the
columns.

`data_profile` shows more, in bounded memory: patterns of strings, frequent values, and alerts.

**Cost.** One pass over the rows. Memory grows with the number of distinct values of each column; for tables with keys of millions of values
use `data_profile`.

**Elsewhere.** DuckDB: `SUMMARIZE`; pandas: `describe(include='all')`; R: `summary`.",
    arguments: &[Argument::required("query", Takes::Query, "query whose columns are summarized; a table name or a file in the short forms")],
    columns: &[
        Column { name: "column_name", data_type: "VARCHAR", text: "name of the column" },
        Column { name: "column_type", data_type: "VARCHAR", text: "type of the column" },
        Column { name: "rows", data_type: "BIGINT", text: "number of rows" },
        Column { name: "nulls", data_type: "BIGINT", text: "rows where it is NULL" },
        Column { name: "approx_unique", data_type: "BIGINT", text: "approximate number of distinct values" },
        Column { name: "min", data_type: "VARCHAR", text: "smallest value" },
        Column { name: "max", data_type: "VARCHAR", text: "largest value" },
        Column { name: "avg", data_type: "DOUBLE", text: "mean" },
        Column { name: "q25", data_type: "DOUBLE", text: "approximate first quartile" },
        Column { name: "q50", data_type: "DOUBLE", text: "approximate median" },
        Column { name: "q75", data_type: "DOUBLE", text: "approximate third quartile" },
        Column { name: "most_frequent", data_type: "VARCHAR", text: "most frequent value; ties: the smallest" },
    ],
    examples: &["SELECT column_name, column_type, nulls, min, max FROM summarize((SELECT * FROM sample_orders(rows => 100)));"],
    ..Doc::EMPTY
};

#[derive(Debug)]
pub struct Summarize;

/// The lists of the query: the name of each, and the value for a column that does not have it.
const LISTS: [(&str, &str); 10] = [
    ("rows", "NULL"),
    ("nulls", "NULL"),
    ("approx_unique", "CAST(NULL AS BIGINT)"),
    ("min", "CAST(NULL AS VARCHAR)"),
    ("max", "CAST(NULL AS VARCHAR)"),
    ("avg", "CAST(NULL AS DOUBLE)"),
    ("q25", "CAST(NULL AS DOUBLE)"),
    ("q50", "CAST(NULL AS DOUBLE)"),
    ("q75", "CAST(NULL AS DOUBLE)"),
    ("most_frequent", "CAST(NULL AS VARCHAR)"),
];

impl TableMacro for Summarize {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _: &dyn Definitions) -> Result<Option<String>> {
        Ok(call.query("query").map(ToString::to_string))
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        let (Some(query), Some(columns)) = (call.query("query"), &call.columns) else {
            return Err(not_alone(&call));
        };
        if columns.fields().is_empty() {
            return Err(invalid(DOC.name, "the query has no columns"));
        }
        let mut aggregates = vec!["count(*) AS n".to_string()];
        let mut lists: Vec<Vec<String>> = vec![vec![]; LISTS.len()];
        for (place, field) in columns.fields().iter().enumerate() {
            for (list, value) in lists.iter_mut().zip(of_column(place, field, &mut aggregates)) {
                list.push(value);
            }
        }
        let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let names: Vec<String> = columns.fields().iter().map(|field| text(field.name())).collect();
        let types: Vec<String> = columns.fields().iter().map(|field| text(&sql_type(field.data_type()))).collect();
        let unnested = LISTS.iter().zip(&lists).map(|((name, _), values)| format!("unnest([{}]) AS {name}", values.join(", ")));
        let unnested = unnested.collect::<Vec<_>>().join(", ");
        // Renamed, as two columns of the query may have the same name.
        let given = (0..names.len()).map(|place| format!("c{place}")).collect::<Vec<_>>().join(", ");
        Ok(format!(
            "SELECT unnest([{}]) AS column_name, unnest([{}]) AS column_type, {unnested} \
             FROM (SELECT {} FROM ({query}) AS summarized({given})) AS aggregated",
            names.join(", "),
            types.join(", "),
            aggregates.join(", "),
        ))
    }
}

/// The error for a query that cannot be planned alone: its own, unless it may read a CTE of the query around the call.
fn not_alone(call: &MacroCall) -> DataFusionError {
    if let Some(name) = call.missing_table() {
        let problem = "no such table; SHOW TABLES lists them, and a name of a WITH around the call is not seen here";
        return coded(SqlState::UNDEFINED_TABLE, &name, problem);
    }
    let otherwise = "takes a query that can run on its own; write SUMMARIZE SELECT …, or make a view of it";
    call.problem.clone().map_or_else(|| invalid(DOC.name, otherwise), DataFusionError::Shared)
}

/// The values of one column, in the order of the lists; the aggregates that they need are added.
fn of_column(place: usize, field: &Field, aggregates: &mut Vec<String>) -> [String; 10] {
    let column = format!("c{place}");
    let data_type = field.data_type();
    let mut values = LISTS.map(|(_, none)| none.to_string());
    values[0] = "n".into();
    if data_type.is_null() {
        values[1] = "n".into();
        return values;
    }
    let mut add = |at: usize, aggregate: String| {
        let name = format!("a{place}_{at}");
        aggregates.push(format!("{aggregate} AS {name}"));
        values[at] = name;
    };
    add(1, format!("count(*) - count({column})"));
    if data_type.is_nested() {
        return values;
    }
    match data_type {
        DataType::Boolean
        | DataType::Decimal128(..)
        | DataType::Decimal256(..)
        | DataType::Interval(_)
        | DataType::Duration(_) => {
            add(2, format!("count(DISTINCT {column})"));
        }
        // DataFusion's approx_distinct does not take floats.
        real if real.is_floating() => add(2, format!("CAST(approx_distinct(CAST({column} AS VARCHAR)) AS BIGINT)")),
        _ => add(2, format!("CAST(approx_distinct({column}) AS BIGINT)")),
    }
    let text = |value: &str| match data_type.is_binary() {
        true => format!("'\\x' || encode({value}({column}), 'hex')"),
        false => format!("CAST({value}({column}) AS VARCHAR)"),
    };
    add(3, text("min"));
    add(4, text("max"));
    if data_type.is_numeric() {
        add(5, format!("avg(CAST({column} AS DOUBLE))"));
        for (at, share) in [(6, 0.25), (7, 0.5), (8, 0.75)] {
            add(at, format!("approx_percentile_cont(CAST({column} AS DOUBLE), {share})"));
        }
    }
    add(9, text("mode"));
    values
}
