//! The relation function `data_profile`.

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::{Column as Name, DFSchema, Result};
use datafusion::functions::datetime::expr_fn::now;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};

use super::profile_step::{ProfileColumns, counted_type, texts_type};
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::text::{sql_type, unmarked};

pub const DATA_PROFILE: &str = "data_profile";
const FREQUENT: &str = "frequent";
const AS_OF: &str = "as_of";

#[derive(Debug)]
pub struct DataProfile;

const DOC: Doc = Doc {
    name: DATA_PROFILE,
    kind: Kind::Relation,
    domain: "quality",
    summary: "Describes every column of a table and points out what deserves attention.",
    description: "\
One row per column, in the order of the columns. The result does not depend on the order of rows, partitions or batches.

A column with at most 16,384 distinct values (for strings, at most 4 MB of them) is counted exactly: `distinct_is_exact` is true. For other columns:

- `distinct_values` is an estimate (HyperLogLog, standard error 1.2 %);
- `most_frequent` has the values with at least 1 % of the rows; their row counts are accurate to about 1/8000 of all rows;
- `q25`, `median` and `q75` of numbers are off by at most 0.8 % of their value, those of dates and times by about 1.4 % of the rows (standard
  error, from a sample of 1,024 values); `mean` and `stddev` are exact;
- `patterns`, and alerts about forms and duplicates, come from 1,024 of the distinct values.

`missing` counts NULLs, `blank` strings of only white space. Mean, sample standard deviation and quartiles are of the finite numbers.
Quartiles are text, as `min` and `max` are, so that those of dates are dates: `CAST(median AS DOUBLE)` for a number. Those of numbers are
interpolated, those of dates and times are values of the column. A pattern has `9` for a digit and `A` for an upper-case letter, with the
length of the run in braces, and `a+`, `中+` and `L+` for runs of lower-case letters, Chinese characters and other letters: `9{11}`, `A9`,
`a+9{3}@a+.a+`. Decimals of more than 18 digits are read as doubles. For lists, structs and maps only NULLs are counted.

Each alert begins with a fixed word, so that you can filter by it:

| alert | when |
|---|---|
| `empty` | no values |
| `missing` | 20 % or more are NULL |
| `constant` | only one value |
| `unique` | every value occurs once: it may be a key |
| `duplicates` | at least 90 % of the values are unique, but some occur more than once |
| `high cardinality` | a string column with at least 1,000 distinct values, or at least 50 that are at least half of the values |
| `skewed` | skewness of at least 2, or at most −2 |
| `zeros` | 10 % or more are 0 |
| `negative` | less than 5 % are below 0 |
| `infinite` | values that are infinite or NaN |
| `looks like` | 80 % or more look like a phone, an e-mail, an id card, a date, a number or a UUID |
| `mixed forms` | phones or dates in several patterns; strings that differ only in case or surrounding white space |
| `future dates` | dates or times after `as_of` |
| `correlated with` | Pearson correlation of at least 0.9 or at most −0.9 with another number or time column, in a sample of 2,048 distinct rows |

**Cost.** The rows are read once. A column takes up to about one megabyte per partition (about 5 MB for long strings), for any number of
rows, from the memory limit.

**Elsewhere.** DuckDB has `SUMMARIZE`, without patterns and alerts; `summarize` here gives its columns. Python: `ydata-profiling`, which keeps the table
in memory; R: `skimr::skim`; Great Expectations and Soda check what you expect, and do not look for what is odd.",
    arguments: &[
        Argument::required("input", Takes::Relation, "the table, or (SELECT …)"),
        Argument::optional(FREQUENT, Takes::Integer(0, 100), "5", "number of most frequent values to show"),
        Argument::optional(AS_OF, Takes::Moment, "now", "dates and times after it count as future"),
    ],
    columns: &[
        Column { name: "column_name", data_type: "VARCHAR", text: "name of the column" },
        Column { name: "column_type", data_type: "VARCHAR", text: "type of the column" },
        Column { name: "rows", data_type: "BIGINT", text: "rows of the input" },
        Column { name: "missing", data_type: "BIGINT", text: "rows where it is NULL" },
        Column { name: "blank", data_type: "BIGINT", text: "for a string: rows with only white space; NULL for other types" },
        Column { name: "distinct_values", data_type: "BIGINT", text: "number of distinct values" },
        Column { name: "distinct_is_exact", data_type: "BOOLEAN", text: "true if the distinct values, and everything computed from them, were counted exactly" },
        Column { name: "min", data_type: "VARCHAR", text: "smallest value" },
        Column { name: "max", data_type: "VARCHAR", text: "largest value" },
        Column { name: "mean", data_type: "DOUBLE", text: "for a number: mean" },
        Column { name: "stddev", data_type: "DOUBLE", text: "for a number: sample standard deviation" },
        Column { name: "q25", data_type: "VARCHAR", text: "for a number, date or time: first quartile" },
        Column { name: "median", data_type: "VARCHAR", text: "for a number, date or time: median" },
        Column { name: "q75", data_type: "VARCHAR", text: "for a number, date or time: third quartile" },
        Column {
            name: "most_frequent",
            data_type: "STRUCT(value VARCHAR, rows BIGINT)[]",
            text: "the most frequent values with their row counts; ties: the smaller value first",
        },
        Column {
            name: "patterns",
            data_type: "STRUCT(pattern VARCHAR, rows BIGINT)[]",
            text: "for strings and integers: the five most frequent patterns with their row counts",
        },
        Column { name: "alerts", data_type: "VARCHAR[]", text: "what deserves attention; see above" },
    ],
    examples: &["SELECT column_name, missing, distinct_values, min, max, alerts
FROM data_profile(sample_customers(rows => 1000), as_of => DATE '2025-06-30');"],
    source: "the sketches are those of Flajolet et al. (HyperLogLog, 2007), Ertl (2017), Cormode and Muthukrishnan (Count-Min, 2005) and Masson et al. (DDSketch, 2019)",
    ..Doc::EMPTY
};

impl RelationFunction for DataProfile {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |column: &Column| {
            let data_type = match column.data_type {
                "VARCHAR" => DataType::Utf8View,
                "BIGINT" => DataType::Int64,
                "BOOLEAN" => DataType::Boolean,
                "DOUBLE" => DataType::Float64,
                "VARCHAR[]" => texts_type(),
                _ => counted_type(if column.name == "patterns" { "pattern" } else { "value" }),
            };
            FieldRef::new(Field::new(column.name, data_type, true))
        };
        Ok(DOC.columns.iter().map(field).collect())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let input = call.input()?;
        let schema: &DFSchema = input.schema();
        if schema.fields().is_empty() {
            return Err(invalid(DOC.name, "the input has no columns"));
        }
        let name = |field: &FieldRef| unmarked(field.name()).unwrap_or(field.name()).to_string();
        let columns = schema.fields().iter().map(|field| (name(field), sql_type(field.data_type()))).collect();
        let frequent = call.options.integer(FREQUENT)?;
        // In a column of its own, so that `now()` is the time of the statement, as everywhere else in the statement.
        let future = match call.options.moment(AS_OF) {
            Some(moment) => {
                let last = moment.last_microsecond().ok_or_else(|| invalid(DOC.name, format!("{AS_OF} is out of range")))?;
                lit(last)
            }
            None => {
                let now = cast(now(), DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())));
                cast(now, DataType::Int64)
            }
        };
        let mut read: Vec<Expr> = schema.columns().into_iter().map(|column: Name| Expr::Column(column)).collect();
        read.push(future.alias("the statement's time of data_profile"));
        let input = LogicalPlanBuilder::from(input).project(read)?.build()?;
        ProfileColumns { columns, frequent: frequent as usize }.over([input], call.schema)
    }
}
