//! The table macro `tag_drift`.

use datafusion::common::Result;

use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::catalog::snapshots::ColumnRole;
use crate::catalog::state_columns::value as state_value;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::text::{identifier, literal, timestamp};

/// Compares the values of tags with those of an earlier time.
#[derive(Debug)]
pub struct TagDrift;

const SINCE: &str = "since";

/// How many values of a string have their own bins.
const MOST_VALUES: usize = 50;

const DOC: Doc = Doc {
    name: "tag_drift",
    kind: Kind::Relation,
    domain: "tags",
    summary: "Shows for each tag how far its values have moved since an earlier time, such as when its model was trained.",
    description: "\
One row per tag with one value per customer. The values at the last refresh are compared with those at `since`; without it, with those of
the first refresh that used the tag's present definition. Numbers are binned by the deciles of the earlier values; other values, the fifty
most frequent ones of then, have a bin each, and all others share one. Customers without a value are left out. `stability_index` is the
population stability index: below 0.1 the values are `stable`, below 0.25 they have `shifted`, else they have `drifted`, and a model behind
them should be trained again.

**Formula.** Σ (p − q) · ln(p / q) over the bins, with the shares q of then and p of now; an empty bin counts as a share of one
ten-thousandth.

**Cost.** The history of the profile is read once or twice per tag. No source table is read.

**Elsewhere.** Evidently and the model monitors of the clouds compare two tables in this way; `distribution_near_last` of CREATE CHECK does
so for a column of any table.",
    arguments: &[
        Argument::required("profile", Takes::Name("profile"), "profile whose tags are compared"),
        Argument::optional(
            SINCE,
            Takes::Moment,
            "",
            "time to compare with; default: the first refresh with the tag's present definition",
        ),
    ],
    columns: &[
        Column { name: "tag", data_type: "VARCHAR", text: "the tag" },
        Column { name: SINCE, data_type: "TIMESTAMP", text: "the time that is compared with" },
        Column { name: "customers_then", data_type: "BIGINT", text: "customers with a value at that time" },
        Column { name: "customers_now", data_type: "BIGINT", text: "customers with a value at the last refresh" },
        Column { name: "stability_index", data_type: "DOUBLE", text: "population stability index; NULL if nobody had a value at one of the times" },
        Column { name: "finding", data_type: "VARCHAR", text: "`stable`, `shifted` or `drifted`" },
    ],
    examples: &["CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id FROM sample_customers(rows => 300);
CREATE OR REPLACE TAG silent_days ON shopper AS SELECT customer_id, date_diff('day', max(ordered_at), $as_of) FROM sample_orders(rows => 2000)
  WHERE ordered_at < $as_of GROUP BY customer_id;
REFRESH PROFILE shopper WITH (as_of = DATE '2024-12-31', rewind = true);
REFRESH PROFILE shopper WITH (as_of = DATE '2025-06-30');
SELECT tag, CAST(since AS DATE) AS since, customers_then, customers_now, round(stability_index, 4) AS stability_index, finding FROM tag_drift(shopper);"],
    source: "N. Siddiqi: Credit Risk Scorecards (2006), on the population stability index",
    ..Doc::EMPTY
};

impl TableMacro for TagDrift {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, definitions: &dyn Definitions) -> Result<Option<String>> {
        // The types decide which values have deciles.
        let published = definitions.published(call.required_name("profile")?, None)?;
        Ok(Some(format!("SELECT * FROM {}", published.table)))
    }

    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String> {
        let profile = call.required_name("profile")?;
        let published = definitions.published(profile, None)?;
        let history = format!("profile.{}", identifier(&format!("{profile}_history")));
        let since = match call.options.moment(SINCE) {
            Some(moment) => {
                let last = moment.last_microsecond().ok_or_else(|| invalid(DOC.name, format!("{SINCE} is out of range")))?;
                Some(format!("TIMESTAMP {}", literal(&timestamp(last))))
            }
            None => None,
        };
        let mut parts = vec![];
        for tag in published.columns.iter().filter(|column| column.role == ColumnRole::Tag) {
            let field = call.columns.as_ref().and_then(|columns| columns.field_with_name(&state_value(&tag.name)).ok());
            let is_number = field.is_some_and(|field| field.data_type().is_numeric());
            parts.push(of_tag(&history, &tag.name, is_number, since.as_deref()));
        }
        if parts.is_empty() {
            let problem =
                format!("profile {profile} has published no tags with one value per customer; create tags and refresh it");
            return Err(published.lacks(invalid(DOC.name, problem)));
        }
        Ok(format!(
            "SELECT tag, since, customers_then, customers_now, stability_index, \
               CASE WHEN stability_index < 0.1 THEN 'stable' WHEN stability_index < 0.25 THEN 'shifted' \
                 WHEN stability_index IS NOT NULL THEN 'drifted' END AS finding \
             FROM ({}) AS compared",
            parts.join(" UNION ALL ")
        ))
    }
}

/// The query of one tag, which returns one row.
fn of_tag(history: &str, tag: &str, is_number: bool, since: Option<&str>) -> String {
    let name = literal(tag);
    let of_tag = format!("(SELECT value, valid_from, valid_to, tag_version FROM {history} WHERE tag = {name})");
    let since = since.map_or_else(
        || {
            format!(
                "(SELECT min(valid_from) AS since FROM {of_tag} AS h \
                 WHERE tag_version = (SELECT max(tag_version) FROM {of_tag} AS newest))"
            )
        },
        |since| format!("(SELECT CAST({since} AS TIMESTAMP) AS since)"),
    );
    let value = if is_number { "CAST(value AS DOUBLE)" } else { "value" };
    let held = format!(
        "(SELECT {value} AS v, since, valid_from <= since AND (valid_to IS NULL OR valid_to > since) AS held_then, \
           valid_to IS NULL AS held_now FROM {of_tag} AS h CROSS JOIN {since} AS moment)"
    );
    let binned = if is_number {
        let edges: Vec<String> =
            (1..=9).map(|decile| format!("percentile_cont(0.{decile}) WITHIN GROUP (ORDER BY v) AS e{decile}")).collect();
        let bins: String = (1..=9).map(|decile| format!(" WHEN v <= e{decile} THEN {decile}")).collect();
        format!(
            "(SELECT since, held_then, held_now, CASE{bins} ELSE 10 END AS bin FROM {held} AS held \
             CROSS JOIN (SELECT {} FROM {held} AS earlier WHERE held_then) AS edges)",
            edges.join(", ")
        )
    } else {
        format!(
            "(SELECT since, held_then, held_now, known AS bin FROM {held} AS held \
             LEFT JOIN (SELECT v AS known FROM {held} AS earlier WHERE held_then GROUP BY v ORDER BY count(*) DESC, v LIMIT {MOST_VALUES}) AS kept \
             ON known = v)"
        )
    };
    let share = |rows: &str| format!("greatest(CAST({rows} AS DOUBLE) / nullif(sum({rows}) OVER (), 0), 0.0001)");
    // The LIMIT keeps conditions of the query around from getting below the aggregate, which would give its row all the same.
    format!(
        "(SELECT {name} AS tag, max(since) AS since, CAST(sum(before) AS BIGINT) AS customers_then, CAST(sum(after) AS BIGINT) AS customers_now, \
           CASE WHEN sum(before) > 0 AND sum(after) > 0 THEN sum((p - q) * ln(p / q)) END AS stability_index \
         FROM (SELECT since, before, after, {} AS q, {} AS p \
           FROM (SELECT max(since) AS since, bin, count(*) FILTER (WHERE held_then) AS before, count(*) FILTER (WHERE held_now) AS after \
             FROM {binned} AS binned WHERE held_then OR held_now GROUP BY bin) AS counted) AS shares LIMIT 1)",
        share("before"),
        share("after"),
    )
}
