//! The table macro `tag_coverage`.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use crate::adapter::definitions::{Definitions, column};
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::catalog::snapshots::ColumnRole;
use crate::catalog::state_columns::value as state_value;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::text::{identifier, literal, timestamp};

/// Shows how many customers of a profile each tag covers.
#[derive(Debug)]
pub struct TagCoverage;

/// How many values the distribution shows.
const SHOWN: usize = 10;

const DOC: Doc = Doc {
    name: "tag_coverage",
    kind: Kind::Relation,
    domain: "tags",
    summary: "Shows for each tag how many customers have a value, which values there are, when they last changed and who uses the tag.",
    description: "\
One row per tag, at the last refresh. For strings and booleans, `distribution` lists the ten most frequent values with their number of
customers; ties are in the order of the values. For numbers, dates and times it lists the minimum, the quartiles and the maximum; a quartile
is the smallest value such that a quarter, half or three quarters of the values do not exceed it. For a tag with several values per
customer, each value counts, so the counts can add up to more than the number of customers. Floating-point numbers from 100 on are rounded
to two decimals, smaller ones to four. `days_since_change` is the time between the last refresh that changed a customer's value and the last
refresh.

Look here when a campaign reaches fewer customers than expected: `coverage` shows which tag is missing, `days_since_change` which one is no
longer fed.

**Cost.** The published profile is read, and the distinct values of each tag are counted in memory. No source table is read.

**Elsewhere.** DuckDB's SUMMARIZE and `describe(include='all')` of pandas give counts, distinct values and quartiles of the columns of one
table, without the history of the values or who uses them.",
    arguments: &[Argument::required("profile", Takes::Name("profile"), "profile whose tags are listed")],
    columns: &[
        Column { name: "tag", data_type: "VARCHAR", text: "the tag" },
        Column { name: "customers", data_type: "BIGINT", text: "customers in the profile" },
        Column { name: "filled", data_type: "BIGINT", text: "customers that have a value" },
        Column { name: "coverage", data_type: "DOUBLE", text: "share of the customers that have a value" },
        Column { name: "distinct_values", data_type: "BIGINT", text: "number of distinct values" },
        Column { name: "distribution", data_type: "VARCHAR[]", text: "the most frequent values, in the form `value: customers`; for numbers and times `min`, quartiles and `max`" },
        Column { name: "days_since_change", data_type: "DOUBLE", text: "days since a customer's value last changed" },
        Column { name: "used_by", data_type: "VARCHAR", text: "segments whose condition uses the tag" },
    ],
    examples: &["CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE OR REPLACE TAG age_band ON shopper AS SELECT customer_id, CASE WHEN age < 26 THEN 'young' WHEN age < 60 THEN 'middle' ELSE 'old' END FROM sample_customers(rows => 100);
REFRESH PROFILE shopper;
SELECT tag, filled, coverage, distinct_values, distribution FROM tag_coverage(shopper);"],
    source: "completeness as a dimension of data quality: R. Y. Wang, D. M. Strong: Beyond Accuracy (1996).",
    ..Doc::EMPTY
};

/// The columns that describe the values of a tag.
enum Distribution {
    /// The most frequent values.
    Frequent,
    /// The minimum, the maximum and the quartiles; `rounded` for floating-point numbers.
    Quartiles { rounded: bool },
}

impl Distribution {
    fn of(data_type: Option<&DataType>) -> Self {
        match data_type {
            Some(DataType::List(item)) => Self::of(Some(item.data_type())),
            Some(number) if number.is_numeric() => Self::Quartiles { rounded: number.is_floating() },
            Some(time) if time.is_temporal() => Self::Quartiles { rounded: false },
            _ => Self::Frequent,
        }
    }

    /// The values in the order of the result.
    fn compared(&self) -> &'static str {
        match self {
            Self::Frequent => "CAST(value AS VARCHAR)",
            Self::Quartiles { .. } => "value",
        }
    }

    /// The position of a value among the others.
    fn places(&self) -> &'static str {
        match self {
            Self::Frequent => "row_number() OVER (ORDER BY n DESC, value) AS place",
            Self::Quartiles { .. } => "sum(n) OVER (ORDER BY value) AS up_to, sum(n) OVER () AS of_all",
        }
    }

    /// The list.
    fn shown(&self) -> String {
        let Self::Quartiles { rounded } = self else {
            return format!(
                "array_agg(value || ': ' || CAST(n AS VARCHAR) ORDER BY n DESC, value) FILTER (WHERE place <= {SHOWN})"
            );
        };
        let quartile = |number: usize| format!("min(value) FILTER (WHERE 4 * up_to >= {number} * of_all)");
        let told = [
            ("min", "min(value)".to_string()),
            ("quartile 1", quartile(1)),
            ("median", quartile(2)),
            ("quartile 3", quartile(3)),
            ("max", "max(value)".to_string()),
        ];
        let told = told.map(|(name, value)| {
            let value = if *rounded { digits(&value) } else { value };
            format!("'{name}: ' || CAST({value} AS VARCHAR)")
        });
        format!("CASE WHEN count(*) > 0 THEN make_array({}) END", told.join(", "))
    }
}

/// A number with as many digits as a reader needs; small numbers keep all.
fn digits(value: &str) -> String {
    format!(
        "CASE WHEN abs({value}) >= 100 THEN round({value}, 2) WHEN abs({value}) >= 0.01 THEN round({value}, 4) ELSE {value} END"
    )
}

impl TableMacro for TagCoverage {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, definitions: &dyn Definitions) -> Result<Option<String>> {
        // The type decides whether the values have an order that a reader expects.
        let published = definitions.published(call.required_name("profile")?, None)?;
        Ok(Some(format!("SELECT * FROM {}", published.table)))
    }

    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String> {
        let profile = call.required_name("profile")?;
        let published = definitions.published(profile, None)?;
        let segments = definitions.segments_of(profile)?;
        let history = format!("profile.{}", identifier(&format!("{profile}_history")));
        let as_of = format!("TIMESTAMP {}", literal(&timestamp(published.at)));
        let mut parts = vec![];
        for tag in &published.columns {
            let is_list = match tag.role {
                ColumnRole::Tag => false,
                ColumnRole::Tags => true,
                _ => continue,
            };
            let value = column::value(&tag.name);
            // Counted here and not read from the catalog, because some customers may be hidden from this role.
            let filled = match is_list {
                true => format!("(SELECT count({value}) FROM {})", published.table),
                false => "CAST(coalesce(sum(n), 0) AS BIGINT)".to_string(),
            };
            let (value, since) = match is_list {
                true => (format!("unnest({value})"), format!("array_max({})", column::since(&tag.name))),
                false => (value, column::since(&tag.name)),
            };
            let field = call.columns.as_ref().and_then(|columns| columns.field_with_name(&state_value(&tag.name)).ok());
            let distribution = Distribution::of(field.map(|field| field.data_type()));
            let users: Vec<&str> =
                segments.iter().filter(|(_, segment)| segment.uses.contains(&tag.name)).map(|(name, _)| name.as_str()).collect();
            // An aggregate over all rows gives one row, LIMIT or not. Without it, DataFusion 55.2 pushes `tag = 'other'`, a condition of
            // constants by then, below the aggregate, which gives its row all the same.
            parts.push(format!(
                "(SELECT {tag} AS tag, {filled} AS filled, \
                   count(*) AS distinct_values, {shown} AS distribution, max(last_change) AS last_change, {users} AS used_by \
                 FROM (SELECT value, n, last_change, {places} \
                   FROM (SELECT {compared} AS value, n, last_change FROM \
                     (SELECT value, count(*) AS n, max(since) AS last_change \
                       FROM (SELECT {value} AS value, {since} AS since FROM {table}) WHERE value IS NOT NULL GROUP BY value))) LIMIT 1)",
                shown = distribution.shown(),
                places = distribution.places(),
                compared = distribution.compared(),
                tag = literal(&tag.name),
                users = if users.is_empty() { "CAST(NULL AS VARCHAR)".to_string() } else { literal(&users.join(", ")) },
                table = published.table,
            ));
        }
        if parts.is_empty() {
            let problem = format!("profile {profile} has no published tags; create tags and refresh it");
            return Err(published.lacks(invalid(DOC.name, problem)));
        }
        // A value that was only removed appears in the history alone.
        Ok(format!(
            "SELECT now.tag, customers, filled, CAST(filled AS DOUBLE) / nullif(customers, 0) AS coverage, distinct_values, distribution, \
               CAST(to_unixtime({as_of}) - to_unixtime(greatest(last_change, closed.last_end)) AS DOUBLE) / 86400 AS days_since_change, used_by \
             FROM ({}) AS now CROSS JOIN (SELECT count(*) AS customers FROM {}) AS counted LEFT JOIN (SELECT tag, max(valid_to) AS last_end FROM {history} WHERE valid_to IS NOT NULL GROUP BY tag) AS closed \
             ON now.tag = closed.tag",
            parts.join(" UNION ALL "),
            published.table
        ))
    }
}
