//! The relation function `frequent_sequences`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::by_customer::{ByCustomer, Run};
use super::coded::{COLLAPSE, CodedWork, Codes, EVENT, coded, list_field, lists};
use super::options::{CUSTOMER, EVENT_TIME, INPUT, TIE_BREAK, length};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{failed, invalid};
use crate::kernels::control::Stop;
use crate::kernels::journey::coded::Coded;
use crate::kernels::journey::events::Event;
use crate::kernels::journey::sequences::{Found, Goal, Sequences, frequent};
use crate::text::grouped;

#[derive(Debug)]
pub struct FrequentSequences;

const DOC: Doc = Doc {
    name: "frequent_sequences",
    kind: Kind::Relation,
    domain: "journey",
    summary: "Finds sequences of events that many customers have in this order, with other events allowed in between.",
    description: "\
A customer has a sequence if the events occur in its order; other events may lie between them, and each customer counts once. With
`max_gap`, each event must follow the one before it within that time. With `collapse_repeats` as well, the time counts from the last of
the repeats.

| events of a customer | sequences of the customer |
|---|---|
| a b c | `[a]`, `[b]`, `[c]`, `[a, b]`, `[a, c]`, `[b, c]`, `[a, b, c]` |
| a b a | `[a]`, `[b]`, `[a, b]`, `[a, a]`, `[b, a]`, `[a, b, a]` |
| a, an hour later b, a day later c, with `max_gap => INTERVAL '2 hours'` | `[a]`, `[b]`, `[c]`, `[a, b]` |

Give at least one of `min_support` and `min_count`; with both, a sequence must reach both. Too many sequences end the call with an error
that suggests what to change: raise `min_support`, or lower `max_len`.

Events of one customer at the same time are ordered by event, ascending, unless `tie_break` orders them. Rows whose customer, time or event
is NULL are dropped and counted. The algorithm is PrefixSpan.

**Cost.** All events and the sequences found are in memory during the search. Time grows with the number of sequences, which grows with each
step down of `min_support`; `max_gap` and `max_len` limit it best.

**Elsewhere.** `PrefixSpan` of Spark's MLlib (its steps may be sets of events) and of Python's prefixspan; cSPADE in R's arulesSequences,
with `maxgap`; SPMF in Java has the most variants. Databases have none. For sets without an order use `frequent_itemsets`.",
    arguments: &[
        INPUT,
        CUSTOMER,
        EVENT_TIME,
        EVENT,
        Argument::optional(
            "min_support",
            Takes::Share,
            "",
            "minimum share of the customers that have the sequence: 0.1 is one in ten",
        ),
        Argument::optional("min_count", Takes::Integer(1, i64::MAX), "", "minimum number of customers that have the sequence"),
        Argument::optional("min_len", Takes::Integer(1, 100), "1", "minimum number of events in a sequence"),
        Argument::optional("max_len", Takes::Integer(1, 100), "5", "maximum number of events in a sequence"),
        Argument::optional(
            "max_gap",
            Takes::Interval,
            "",
            "maximum time from one event to the next, limit included; in days or smaller units",
        ),
        COLLAPSE,
        Argument::optional(
            "max_sequences",
            Takes::Integer(1, 100_000_000),
            "1000000",
            "finding more sequences than this is an error",
        ),
        TIE_BREAK,
    ],
    columns: &[
        Column {
            name: "rank",
            data_type: "BIGINT",
            text: "from 1; by count, then shorter sequences first, then the order of the events",
        },
        Column { name: "sequence", data_type: "list, as event", text: "the events in order" },
        Column { name: "length", data_type: "BIGINT", text: "number of events" },
        Column { name: "count", data_type: "BIGINT", text: "customers who have it" },
        Column { name: "support", data_type: "DOUBLE", text: "share of all customers" },
        Column {
            name: "confidence",
            data_type: "DOUBLE",
            text: "share among the customers who have the sequence without its last event: how often that event follows; for a single event, its support",
        },
    ],
    examples: &["SELECT sequence, count, round(support, 3) AS support, round(confidence, 3) AS confidence
FROM frequent_sequences(sample_events(rows => 5000), customer => customer_id, event_time => event_time, event => event,
  min_support => 0.1, min_len => 2, max_len => 3, max_gap => INTERVAL '1 hour')
ORDER BY rank LIMIT 5;"],
    source: "PrefixSpan (Pei et al. 2001)",
    ..Doc::EMPTY
};

impl RelationFunction for FrequentSequences {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type: DataType, nullable: bool| Arc::new(Field::new(name, data_type, nullable));
        Ok(vec![
            field("rank", DataType::Int64, false),
            list_field("sequence", roles, true)?,
            field("length", DataType::Int64, false),
            field("count", DataType::Int64, false),
            field("support", DataType::Float64, false),
            field("confidence", DataType::Float64, false),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (rows, codes) = coded(&call, &[])?;
        let options = &call.options;
        let given = |name: &'static str| options.is_given(name);
        if !given("min_support") && !given("min_count") {
            return Err(invalid(DOC.name, "needs min_support or min_count; write min_support => 0.01"));
        }
        let work = Mining {
            codes,
            min_support: given("min_support").then(|| options.float("min_support")).transpose()?,
            min_count: if given("min_count") { options.integer("min_count")? as usize } else { 1 },
            min_len: options.integer("min_len")? as usize,
            max_len: options.integer("max_len")? as usize,
            max_gap: length(&call, "max_gap")?,
            collapses: options.flag(COLLAPSE.name)?,
            most: options.integer("max_sequences")? as usize,
        };
        if work.min_len > work.max_len {
            let problem = format!("min_len must be at most max_len, got {} and {}", work.min_len, work.max_len);
            return Err(invalid(DOC.name, format!("{problem}; raise max_len")));
        }
        ByCustomer::new(work).over([rows], call.schema)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mining {
    codes: Codes,
    min_support: Option<f64>,
    min_count: usize,
    min_len: usize,
    max_len: usize,
    max_gap: Option<i64>,
    collapses: bool,
    most: usize,
}

impl Plain for Mining {
    const NAME: &'static str = "FrequentSequences";
}

/// The events that a worker has seen.
#[derive(Debug, Default)]
pub struct Seen {
    sequences: Sequences,
}

impl CodedWork for Mining {
    const FUNCTION: &'static str = DOC.name;
    const FINDS: Option<&'static str> = Some("sequences");

    type Found = Seen;

    fn codes(&self) -> &Codes {
        &self.codes
    }

    fn visit(&self, seen: &mut Seen, events: &[Event<Coded>]) {
        if !self.collapses {
            seen.sequences.push(events.iter().map(|event| (event.time, event.detail.code)));
            return;
        }
        let runs = events.chunk_by(|one, next| one.detail.code == next.detail.code);
        let ends = runs.filter_map(|run| run.first().zip(run.last()));
        seen.sequences.push_runs(ends.map(|(first, last)| (first.time, last.time, first.detail.code)));
    }

    fn bytes(seen: &Seen) -> usize {
        seen.sequences.bytes()
    }

    fn finish(&self, states: Vec<Seen>, run: &Run<'_>) -> Result<(), Stop> {
        let mut states = states.into_iter();
        let mut all = states.next().unwrap_or_default().sequences;
        for state in states {
            let _both = run.control.reserve(state.sequences.bytes())?;
            all.join(&state.sequences);
        }
        let customers = all.ends.len();
        // The smallest count with at least this share, with room for the rounding of the share.
        let by_share = self.min_support.map_or(1, |share| (share * customers as f64 * (1.0 - 1e-12)).ceil() as usize);
        let goal = Goal {
            min_count: by_share.max(self.min_count).max(1),
            min_len: self.min_len,
            max_len: self.max_len,
            max_gap: self.max_gap,
            most: self.most,
        };
        let more = |more: usize| {
            if let Some(count) = run.found {
                count.add(more);
            }
        };
        let frequent = frequent(&all, &goal, run.control, &more).map_err(|stop| match stop {
            Stop::TooMany => run.worker.fail(failed(
                DOC.name,
                format!(
                    "more than {} sequences occur for at least {} of {} customers; raise min_support, lower max_len, or raise max_sequences",
                    grouped(self.most as u64),
                    grouped(goal.min_count as u64),
                    grouped(customers as u64)
                ),
            )),
            stop => stop,
        })?;
        let mut rank = 0;
        for part in frequent.found.chunks(run.worker.batch_size.max(1)) {
            run.worker.send(columns(part, rank, customers, run))?;
            rank += part.len() as i64;
        }
        Ok(())
    }
}

fn columns(found: &[Found], before: i64, customers: usize, run: &Run<'_>) -> Result<Vec<ArrayRef>> {
    let list_type = run.worker.schema().field(1).data_type();
    let share = |count: usize, of: usize| count as f64 / of as f64;
    Ok(vec![
        Arc::new(Int64Array::from_iter_values(before + 1..=before + found.len() as i64)),
        lists(run, list_type, found.iter().map(|found| Some(found.events.as_slice())))?,
        Arc::new(Int64Array::from_iter_values(found.iter().map(|found| found.events.len() as i64))),
        Arc::new(Int64Array::from_iter_values(found.iter().map(|found| found.count as i64))),
        Arc::new(Float64Array::from_iter_values(found.iter().map(|found| share(found.count, customers)))),
        Arc::new(Float64Array::from_iter_values(found.iter().map(|found| share(found.count, found.before)))),
    ])
}
