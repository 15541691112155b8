//! The table macro `segment_diff`.

use datafusion::common::Result;

use crate::adapter::arguments::Moment;
use crate::adapter::definitions::{Definitions, Published, column};
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::catalog::snapshots::ColumnRole;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::text::literal;

/// Who entered a segment and who left it between two times, and what changed of them.
#[derive(Debug)]
pub struct SegmentDiff;

const DOC: Doc = Doc {
    name: "segment_diff",
    kind: Kind::Relation,
    domain: "audience",
    summary: "Shows which customers entered or left a segment between two times, and which tag or attribute changed.",
    description: "\
Compares the profile as published at `since` with the profile as published at `until`; each time selects the newest refresh whose `as_of` is
at or before it. One row per customer that is in the segment at one of the times and not at the other. `reason` names the attributes and
tags of the segment's condition that changed, as `tag: before → after`. It is empty when the condition itself was replaced, and says so when
the customer was not in the profile at one of the times.

**Cost.** Two published states of the profile are read and joined by key: memory grows with the customers of the profile, and only those who
changed become rows. Both refreshes must still be kept (`keep_snapshots` of CREATE PROFILE).

**Elsewhere.** In other databases this is a FULL JOIN of two tables of snapshots that you have to keep yourself; in pandas,
`merge(how='outer', indicator=True)`. None of them knows which attribute was the reason.",
    arguments: &[
        Argument::required(
            "segment",
            Takes::Name("segment"),
            "segment whose members are compared; it must be part of both published states",
        ),
        Argument::required(
            "since",
            Takes::Moment,
            "earlier time: the newest refresh whose `as_of` is at or before it is taken; a DATE means the end of that day. A time before the first refresh is an error",
        ),
        Argument::optional("until", Takes::Moment, "", "later time, read in the same way; default: the last refresh"),
    ],
    columns: &[
        Column { name: "key", data_type: "the key's", text: "key of the customer" },
        Column { name: "change", data_type: "VARCHAR", text: "`entered` or `left`" },
        Column { name: "reason", data_type: "VARCHAR", text: "what changed: `tag: before → after, …`" },
    ],
    examples: &["CREATE OR REPLACE VIEW orders AS SELECT * FROM sample_orders(rows => 2000);
CREATE OR REPLACE PROFILE buyer WITH (key = 'customer_id', time_columns = 'orders.ordered_at') AS
SELECT customer_id FROM sample_customers(rows => 200);
CREATE OR REPLACE TAG spent ON buyer AS SELECT customer_id, sum(amount) FROM orders GROUP BY customer_id;
CREATE OR REPLACE SEGMENT big_spender ON buyer AS spent > 5000;
REFRESH PROFILE buyer WITH (as_of = DATE '2025-03-31');
REFRESH PROFILE buyer WITH (as_of = DATE '2025-06-30');
SELECT change, count(*) FROM segment_diff(big_spender, since => DATE '2025-03-31', until => DATE '2025-06-30') GROUP BY change;"],
    source: "the comparison of two snapshots, as in `git diff`; reasons after the conditions of CREATE SEGMENT.",
    ..Doc::EMPTY
};

impl TableMacro for SegmentDiff {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String> {
        let segment = call.required_name("segment")?;
        let definition = definitions.segment(segment)?;
        let time = |name: &str| call.options.moment(name).and_then(Moment::last_microsecond);
        let since = definitions.published(&definition.profile, time("since"))?;
        let until = definitions.published(&definition.profile, time("until"))?;
        if since.at > until.at {
            let (since, until) = (crate::text::timestamp(since.at), crate::text::timestamp(until.at));
            let problem = format!("until must not lie before since, got {until} and {since}; give the earlier time as since");
            return Err(invalid(DOC.name, problem));
        }
        for published in [&since, &until] {
            if !has(published, segment, true) {
                let (known, profile) = (crate::text::timestamp(published.at), &definition.profile);
                let problem = format!(
                    "segment {segment} is not part of the refresh as of {known}; it was made later: give a later time, or repeat the \
                     refreshes from then on with REFRESH PROFILE {profile} WITH (as_of = …, rewind = true)"
                );
                return Err(invalid(DOC.name, problem));
            }
        }
        let mut reasons = vec![
            "CASE WHEN before.key IS NULL THEN 'new in the profile' WHEN now.key IS NULL THEN 'left the profile' END".to_string(),
        ];
        for name in &definition.uses {
            let (before, now) = (has(&since, name, false), has(&until, name, false));
            if before && now {
                let value = column::value(name);
                let text = |side: &str| format!("coalesce(CAST({side}.{value} AS VARCHAR), 'NULL')");
                reasons.push(format!(
                    "CASE WHEN before.key IS NOT NULL AND now.key IS NOT NULL AND {} <> {} THEN {} || {} || ' → ' || {} END",
                    text("before"),
                    text("now"),
                    literal(&format!("{name}: ")),
                    text("before"),
                    text("now")
                ));
            }
        }
        let member = column::segment(segment);
        Ok(format!(
            "SELECT coalesce(before.key, now.key) AS key, CASE WHEN now.{member} IS NOT NULL THEN 'entered' ELSE 'left' END AS change, \
               concat_ws(', ', {}) AS reason \
             FROM {} AS before FULL OUTER JOIN {} AS now ON before.key = now.key \
             WHERE (before.{member} IS NULL) <> (now.{member} IS NULL)",
            reasons.join(", "),
            since.table,
            until.table
        ))
    }
}

/// True when a snapshot has a segment, attribute or tag of this name.
fn has(published: &Published, name: &str, is_segment: bool) -> bool {
    let fits = |role: ColumnRole| match role {
        ColumnRole::Segment => is_segment,
        ColumnRole::Key => false,
        _ => !is_segment,
    };
    published.columns.iter().any(|column| column.name == name && fits(column.role))
}
