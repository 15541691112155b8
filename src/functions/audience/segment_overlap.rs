//! The table macro `segment_overlap`.

use datafusion::common::Result;

use crate::adapter::definitions::{Definitions, column};
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::catalog::snapshots::ColumnRole;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::text::literal;

/// How many customers two segments have in common, for all pairs.
#[derive(Debug)]
pub struct SegmentOverlap;

const DOC: Doc = Doc {
    name: "segment_overlap",
    kind: Kind::Relation,
    domain: "audience",
    summary: "Compares all pairs of segments of a profile: customers in common, Jaccard index, lift.",
    description: "\
For two segments with a and b customers, c customers in both and n customers in the profile: `jaccard` = c / (a + b − c), 1 for equal
segments and 0 for disjoint ones; `lift` = c · n / (a · b), above 1 when the segments overlap more than by chance. Both are NULL when a
segment is empty. One pass over the profile, for any number of segments. Data of the last refresh.

Use it before two campaigns go out at once: a high `jaccard` means that nearly the same customers would be addressed twice; a `lift` far
from 1 means that one segment says something about the other.

**Cost.** One scan of the published profile with a counter for each pair: s segments take s² counters, whatever the number of customers. A
segment that was made after the last refresh is not compared until REFRESH PROFILE.

**Elsewhere.** DuckDB and PostgreSQL have no function for this: you write a self-join of memberships, or `count(*) FILTER (WHERE a AND b)`
for each pair. In pandas the counts are `m.T @ m` for a matrix `m` of 0 and 1; ClickHouse has `bitmapAndCardinality` for two bitmaps.",
    arguments: &[Argument::required(
        "profile",
        Takes::Name("profile"),
        "profile whose segments are compared, all of them, as its last refresh published them; it needs at least two",
    )],
    columns: &[
        Column { name: "segment_a", data_type: "VARCHAR", text: "first segment" },
        Column { name: "segment_b", data_type: "VARCHAR", text: "second segment, created after the first" },
        Column { name: "customers_a", data_type: "BIGINT", text: "customers in the first segment" },
        Column { name: "customers_b", data_type: "BIGINT", text: "customers in the second segment" },
        Column { name: "customers_both", data_type: "BIGINT", text: "customers in both segments" },
        Column { name: "jaccard", data_type: "DOUBLE", text: "share of the customers of either segment that are in both" },
        Column { name: "lift", data_type: "DOUBLE", text: "how many times more customers are in both than by chance" },
    ],
    examples: &["CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, gender, age FROM sample_customers(rows => 500);
CREATE OR REPLACE SEGMENT young ON shopper AS age < 30;
CREATE OR REPLACE SEGMENT women ON shopper AS gender = 'female';
REFRESH PROFILE shopper;
SELECT segment_a, segment_b, customers_both, jaccard, lift FROM segment_overlap(shopper);"],
    source: "P. Jaccard, The distribution of the flora in the alpine zone, New Phytologist 11 (1912)",
    ..Doc::EMPTY
};

impl TableMacro for SegmentOverlap {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String> {
        let profile = call.required_name("profile")?;
        let published = definitions.published(profile, None)?;
        let segments: Vec<&str> = published
            .columns
            .iter()
            .filter(|column| column.role == ColumnRole::Segment)
            .map(|column| column.name.as_str())
            .collect();
        if segments.len() < 2 {
            let problem = format!(
                "compares at least two segments, but profile {profile} has {}; make another, then REFRESH PROFILE {profile}",
                segments.len()
            );
            return Err(published.lacks(invalid(DOC.name, problem)));
        }
        let conditions: Vec<String> = segments.iter().map(|name| format!("{} IS NOT NULL", column::segment(name))).collect();
        let count = segments.len();
        let mut pairs = vec![];
        for (one, first) in segments.iter().enumerate() {
            for (other, second) in segments.iter().enumerate().skip(one + 1) {
                // Elements of a list are numbered from 1.
                let place = |row: usize, column: usize| row * count + column + 1;
                pairs.push(format!(
                    "({}, {}, {}, {}, {})",
                    literal(first),
                    literal(second),
                    place(one, one),
                    place(other, other),
                    place(one, other)
                ));
            }
        }
        Ok(format!(
            "SELECT segment_a, segment_b, a AS customers_a, b AS customers_b, c AS customers_both, \
               CAST(c AS DOUBLE) / CAST(nullif(a + b - c, 0) AS DOUBLE) AS jaccard, \
               CAST(c AS DOUBLE) * n / nullif(CAST(a AS DOUBLE) * b, 0) AS lift \
             FROM (SELECT segment_a, segment_b, counts[place_a] AS a, counts[place_b] AS b, counts[place_both] AS c, n \
               FROM (SELECT co_occurrence({}) AS counts, count(*) AS n FROM {}) AS counted \
               CROSS JOIN (VALUES {}) AS pairs(segment_a, segment_b, place_a, place_b, place_both))",
            conditions.join(", "),
            published.table,
            pairs.join(", ")
        ))
    }
}
