//! The table macro `touchpoints`.

use datafusion::common::Result;

use crate::adapter::definitions::Definitions;
use crate::adapter::macro_input::{Known, question, required};
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::text::as_sql;

#[derive(Debug)]
pub struct Touchpoints;

const DOC: Doc = Doc {
    name: "touchpoints",
    kind: Kind::Relation,
    domain: "journey",
    summary: "Draws the journey map: for each stage, channel and event, the customers, time spent, drop-offs and complaints.",
    description: "\
One row per stage, channel and event. An event lasts until the customer's next event of any kind, if that comes within `gap`. Otherwise the
visit ends with the event, which counts as a drop-off.

A touchpoint's complaints are the events after which the customer's next event, within `gap`, is a complaint: what led to it. The complaints
themselves have their own rows.

Events of one customer at the same time are ordered by event, stage and channel, ascending, and those that are complaints come last, unless
`tie_break` orders them. Rows whose customer, time or event is NULL are dropped.

**Cost.** One sort of the events by customer and time, written to disk if memory is short; then a group for each stage, channel and
event, with exact medians.

**Elsewhere.** Journey maps are drawn by hand in service design (Miro, UXPressia); their numbers come from `lead()` over the customer in any
SQL, as here. Experience platforms (Qualtrics, Medallia) fill them from surveys.",
    arguments: &[
        Argument::required("input", Takes::Relation, "events, one row per event"),
        Argument::required(
            "customer",
            Takes::Value("column"),
            "key of the customer, or of the visit, of any type; rows where it is NULL are dropped and counted",
        ),
        Argument::required(
            "event_time",
            Takes::Value("date or timestamp column"),
            "time of the event; rows where it is NULL are dropped",
        ),
        Argument::required(
            "event",
            Takes::Value("column"),
            "what happened: the name of the event, of any type; rows where it is NULL are dropped",
        ),
        Argument::optional(
            "stage",
            Takes::Value("column"),
            "",
            "stage of the journey, for example awareness, purchase, service; default: NULL",
        ),
        Argument::optional("channel", Takes::Value("column"), "", "channel of the event; default: NULL"),
        Argument::optional(
            "complaint",
            Takes::Value("condition"),
            "",
            "condition for the events that are complaints; default: none",
        ),
        Argument::optional(
            "gap",
            Takes::Interval,
            "INTERVAL '30 minutes'",
            "maximum time to the next event of the same visit; in days or smaller units",
        ),
        Argument::optional("tie_break", Takes::Value("column"), "", "orders events of one customer at the same time, ascending"),
    ],
    columns: &[
        Column { name: "stage", data_type: "as given", text: "the stage" },
        Column { name: "channel", data_type: "as given", text: "the channel" },
        Column { name: "event", data_type: "as given", text: "the event" },
        Column { name: "customers", data_type: "BIGINT", text: "customers with the event" },
        Column { name: "events", data_type: "BIGINT", text: "number of events" },
        Column {
            name: "median_seconds",
            data_type: "DOUBLE",
            text: "median time until the next event, where it comes within `gap`; NULL if it never does",
        },
        Column { name: "drop_offs", data_type: "BIGINT", text: "number of events with no next event within `gap`" },
        Column { name: "drop_off_rate", data_type: "DOUBLE", text: "share of the events that are drop-offs" },
        Column {
            name: "complaints",
            data_type: "BIGINT",
            text: "number of events directly followed by a complaint; NULL without `complaint`",
        },
        Column { name: "complaint_rate", data_type: "DOUBLE", text: "share of the events directly followed by a complaint" },
    ],
    examples: &["SELECT stage, channel, event, customers, events, median_seconds, round(drop_off_rate, 3) AS drop_off_rate, complaints
FROM touchpoints(sample_events(rows => 5000), customer => customer_id, event_time => event_time, event => event,
  stage => CASE WHEN event IN ('search', 'view') THEN 'browse' WHEN event = 'complaint' THEN 'service' ELSE 'buy' END,
  channel => channel, complaint => event = 'complaint')
ORDER BY stage, channel, event LIMIT 6;"],
    source: "the customer journey map of service design: G. L. Shostack, Designing Services That Deliver (1984); K. N. Lemon, P. C. Verhoef: Understanding Customer Experience Throughout the Customer Journey (2016).",
    ..Doc::EMPTY
};

impl TableMacro for Touchpoints {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _: &dyn Definitions) -> Result<Option<String>> {
        Ok(Some(question(&call.relation("input")?, &[required(call, "event_time")?])))
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        let time = required(&call, "event_time")?;
        Known::of(&call, 1).check(&call, "event_time", Takes::Time, 0, time)?;
        let required = |name: &str| required(&call, name).map(as_sql);
        let (customer, time, event) = (required("customer")?, as_sql(time), required("event")?);
        let optional = |name: &str| call.expression(name).map_or_else(|| "CAST(NULL AS VARCHAR)".into(), as_sql);
        let (stage, channel, tie_break) = (optional("stage"), optional("channel"), optional("tie_break"));
        let complaint = call.expression("complaint").map(as_sql);
        let gap = match call.options.interval("gap") {
            None => 1_800_000_000,
            Some(gap) if gap.months != 0 => {
                let problem =
                    "gap must be in days, hours or smaller units, because months differ in length; write INTERVAL '30 minutes'";
                return Err(invalid(DOC.name, problem));
            }
            Some(gap) => i64::from(gap.days) * 86_400_000_000 + gap.nanoseconds / 1_000,
        };
        let has_complaint = complaint.is_some();
        let complaints = |count: &str| if has_complaint { count.to_string() } else { "CAST(NULL AS BIGINT)".to_string() };
        let (count, rate) = (
            complaints("count(*) FILTER (WHERE seconds_to_next IS NOT NULL AND next_complains)"),
            if has_complaint {
                "CAST(count(*) FILTER (WHERE seconds_to_next IS NOT NULL AND next_complains) AS DOUBLE) / count(*)"
            } else {
                "CAST(NULL AS DOUBLE)"
            },
        );
        // Microseconds as integers: the difference of two numbers of seconds is not exact.
        Ok(format!(
            "SELECT stage_of_row AS stage, channel_of_row AS channel, event_of_row AS event, \
               count(DISTINCT customer_of_row) AS customers, count(*) AS events, median(seconds_to_next) AS median_seconds, \
               count(*) FILTER (WHERE seconds_to_next IS NULL) AS drop_offs, \
               CAST(count(*) FILTER (WHERE seconds_to_next IS NULL) AS DOUBLE) / count(*) AS drop_off_rate, \
               {count} AS complaints, {rate} AS complaint_rate \
             FROM (SELECT customer_of_row, stage_of_row, channel_of_row, event_of_row, next_complains, \
                 CASE WHEN next_moment - moment_of_row <= {gap} THEN CAST(next_moment - moment_of_row AS DOUBLE) / 1000000 END AS seconds_to_next \
               FROM (SELECT *, lead(moment_of_row) OVER by_time AS next_moment, lead(complains) OVER by_time AS next_complains \
                 FROM (SELECT {customer} AS customer_of_row, {time} AS time_of_row, {event} AS event_of_row, {stage} AS stage_of_row, \
                     {channel} AS channel_of_row, {tie_break} AS tie_of_row, coalesce({complaint}, false) AS complains, \
                     CAST(round(date_part('epoch', {time}) * 1000000) AS BIGINT) AS moment_of_row FROM {input}) AS rows_of_input \
                 WHERE customer_of_row IS NOT NULL AND time_of_row IS NOT NULL AND event_of_row IS NOT NULL \
                 WINDOW by_time AS (PARTITION BY customer_of_row \
                   ORDER BY time_of_row, tie_of_row, event_of_row, stage_of_row, channel_of_row, complains)) AS rows_in_order) AS rows_with_next \
             GROUP BY stage_of_row, channel_of_row, event_of_row",
            complaint = complaint.unwrap_or_else(|| "false".into()),
            input = call.relation("input")?,
        ))
    }
}
