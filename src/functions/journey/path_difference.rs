//! The relation function `path_difference`.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::by_customer::{ByCustomer, Run};
use super::coded::{
    COLLAPSE, CUTTING, CodedWork, Codes, DEPTH, DIRECTION, END_ARGUMENT, EVENT, START_ARGUMENT, coded, cut, list_field, lists,
};
use super::options::{CUSTOMER, EVENT_TIME, INPUT, TIE_BREAK};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::kernels::journey::coded::Coded;
use crate::kernels::journey::differences::{benjamini_hochberg, two_proportions};
use crate::kernels::journey::events::Event;
use crate::kernels::journey::paths::{Counted, Cut, transitions};

#[derive(Debug)]
pub struct PathDifference;

const SEGMENT: &str = "segment";
/// The bit of events of customers of the first group.
const IN_SEGMENT: u8 = 2;

const DOC: Doc = Doc {
    name: "path_difference",
    kind: Kind::Relation,
    domain: "journey",
    summary: "Finds the steps or whole paths that one group of customers takes more often than another, with a significance test.",
    description: "\
Paths are made as in `journey_paths`, whose page shows what `start`, `end`, `depth`, `direction` and `collapse_repeats` do: one path per
customer, or per visit if the visit is passed as `customer`. Rows whose customer, time or event is NULL are dropped and counted.

For each transition or path, a of n customers of the segment have it, and b of m others. With the pooled share p = (a + b) / (n + m), z =
(a/n − b/m) / √(p (1 − p) (1/n + 1/m)). `p_value` is two-sided by the normal distribution; `p_adjusted` corrects for everything that was
compared, also for what `top` leaves out. There is no test where one side has no customers or all have the same.

A difference of paths is no cause: who uses the app may be another kind of customer. Sort by `difference` to see what is large, and keep
what has a `p_adjusted` below 0.05.

**Cost.** The events are read once and sorted customer by customer, in parallel. Memory grows with the events (what does not fit is written to
disk) and with the number of different paths; transitions are few, whole paths can be many.

**Elsewhere.** `proportions_ztest` of statsmodels and `prop.test` of R (with `correct = FALSE`) test one path; `multipletests` and
`p.adjust` adjust. Analytics services show two flows side by side without a test.",
    arguments: &[
        INPUT,
        CUSTOMER,
        EVENT_TIME,
        EVENT,
        Argument::required(
            SEGMENT,
            Takes::Condition,
            "customers of group a: those with an event where the condition is true; all others are group b",
        ),
        Argument::optional(
            "of",
            Takes::Choice(&["transitions", "paths"]),
            "'transitions'",
            "what to compare: transitions from one event to the next, anywhere in the path, or whole paths",
        ),
        START_ARGUMENT,
        END_ARGUMENT,
        DEPTH,
        DIRECTION,
        COLLAPSE,
        Argument::optional("top", Takes::Integer(1, 1_000_000), "20", "maximum number of rows"),
        TIE_BREAK,
    ],
    columns: &[
        Column { name: "rank", data_type: "BIGINT", text: "from 1; by `p_value`, then the difference of shares and the events" },
        Column { name: "path", data_type: "list, as event", text: "the two events of a transition, or the whole path" },
        Column { name: "customers_a", data_type: "BIGINT", text: "customers of the segment (group a) whose path has it" },
        Column {
            name: "share_a",
            data_type: "DOUBLE",
            text: "share of the customers of the segment with a path; NULL if there are none",
        },
        Column { name: "customers_b", data_type: "BIGINT", text: "customers of group b whose path has it" },
        Column {
            name: "share_b",
            data_type: "DOUBLE",
            text: "share of the customers of group b with a path; NULL if there are none",
        },
        Column { name: "difference", data_type: "DOUBLE", text: "`share_a` − `share_b`" },
        Column { name: "z", data_type: "DOUBLE", text: "statistic of the z-test for two proportions, with pooled variance" },
        Column { name: "p_value", data_type: "DOUBLE", text: "two-sided p-value; NULL if there is no test" },
        Column {
            name: "p_adjusted",
            data_type: "DOUBLE",
            text: "p-value adjusted for the false discovery rate over everything compared, shown or not (Benjamini and Hochberg)",
        },
    ],
    examples: &["SELECT rank, path, round(share_a, 3) AS in_app, round(share_b, 3) AS elsewhere, round(p_adjusted, 4) AS p
FROM path_difference(sample_events(rows => 5000), customer => session_id, event_time => event_time, event => event,
  segment => channel = 'app', top => 3);"],
    source: "the two-proportion z-test; Benjamini and Hochberg 1995",
    ..Doc::EMPTY
};

impl RelationFunction for PathDifference {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type: DataType, nullable: bool| Arc::new(Field::new(name, data_type, nullable));
        Ok(vec![
            field("rank", DataType::Int64, false),
            list_field("path", roles, true)?,
            field("customers_a", DataType::Int64, false),
            field("share_a", DataType::Float64, true),
            field("customers_b", DataType::Int64, false),
            field("share_b", DataType::Float64, true),
            field("difference", DataType::Float64, true),
            field("z", DataType::Float64, true),
            field("p_value", DataType::Float64, true),
            field("p_adjusted", DataType::Float64, true),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let conditions: Vec<(&str, u8)> = CUTTING.iter().copied().chain([(SEGMENT, IN_SEGMENT)]).collect();
        let (rows, codes) = coded(&call, &conditions)?;
        let work = Differences {
            codes,
            cut: cut(&call)?,
            of_transitions: call.options.word("of")? == "transitions",
            top: call.options.integer("top")? as usize,
        };
        ByCustomer::new(work).over([rows], call.schema)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Differences {
    codes: Codes,
    cut: Cut,
    of_transitions: bool,
    top: usize,
}

impl Plain for Differences {
    const NAME: &'static str = "PathDifference";
}

/// What a worker has found: customers of group a and of group b.
#[derive(Debug, Default)]
pub struct Found {
    path: Vec<u32>,
    seen: HashSet<[u32; 2]>,
    paths: Counted<Box<[u32]>, [i64; 2]>,
    totals: [i64; 2],
}

/// A path and its numbers.
struct Compared {
    path: Box<[u32]>,
    counts: [i64; 2],
    shares: Option<[f64; 2]>,
    test: Option<(f64, f64)>,
    adjusted: Option<f64>,
}

impl CodedWork for Differences {
    const FUNCTION: &'static str = DOC.name;

    type Found = Found;

    fn codes(&self) -> &Codes {
        &self.codes
    }

    fn visit(&self, found: &mut Found, events: &[Event<Coded>]) {
        if self.cut.path(events, &mut found.path).is_none() {
            return;
        }
        let group = usize::from(!events.iter().any(|event| event.detail.fulfils(IN_SEGMENT)));
        let mut one = [0, 0];
        one[group] = 1;
        found.totals[group] += 1;
        if self.of_transitions {
            transitions(&found.path, &mut found.seen);
            found.seen.iter().for_each(|pair| found.paths.add(pair, one));
        } else {
            found.paths.add(&found.path, one);
        }
    }

    fn bytes(found: &Found) -> usize {
        found.paths.bytes
    }

    fn finish(&self, states: Vec<Found>, run: &Run<'_>) -> Result<(), Stop> {
        let mut all: Counted<Box<[u32]>, [i64; 2]> = Counted::default();
        let mut totals = [0_i64; 2];
        for state in states {
            all.join(state.paths);
            totals = [totals[0] + state.totals[0], totals[1] + state.totals[1]];
        }
        let mut compared: Vec<Compared> = all
            .counts
            .into_iter()
            .map(|(path, counts)| {
                let shares = (totals[0] > 0 && totals[1] > 0)
                    .then(|| [counts[0] as f64 / totals[0] as f64, counts[1] as f64 / totals[1] as f64]);
                Compared { path, counts, shares, test: two_proportions(counts, totals), adjusted: None }
            })
            .collect();
        let p = |compared: &Compared| compared.test.map_or(f64::INFINITY, |(_, p)| p);
        let size = |compared: &Compared| compared.shares.map_or(0.0, |[a, b]| (a - b).abs());
        compared
            .sort_unstable_by(|a, b| p(a).total_cmp(&p(b)).then(size(b).total_cmp(&size(a))).then_with(|| a.path.cmp(&b.path)));
        let tested: Vec<f64> = compared.iter().filter_map(|compared| compared.test).map(|(_, p)| p).collect();
        // Paths without a test come last, so zip leaves them as they are.
        for (compared, adjusted) in compared.iter_mut().zip(benjamini_hochberg(&tested)) {
            compared.adjusted = Some(adjusted);
        }
        compared.truncate(self.top);
        run.worker.send(columns(&compared, totals, run))
    }
}

fn columns(compared: &[Compared], totals: [i64; 2], run: &Run<'_>) -> Result<Vec<ArrayRef>> {
    let floats =
        |value: &dyn Fn(&Compared) -> Option<f64>| -> ArrayRef { Arc::new(compared.iter().map(value).collect::<Float64Array>()) };
    let customers =
        |group: usize| -> ArrayRef { Arc::new(Int64Array::from_iter_values(compared.iter().map(|row| row.counts[group]))) };
    let share = |group: usize| {
        floats(&move |row: &Compared| (totals[group] > 0).then(|| row.counts[group] as f64 / totals[group] as f64))
    };
    let list_type = run.worker.schema().field(1).data_type();
    Ok(vec![
        Arc::new(Int64Array::from_iter_values(1..=compared.len() as i64)),
        lists(run, list_type, compared.iter().map(|row| Some(row.path.as_ref())))?,
        customers(0),
        share(0),
        customers(1),
        share(1),
        floats(&|row| row.shares.map(|[a, b]| a - b)),
        floats(&|row| row.test.map(|(z, _)| z)),
        floats(&|row| row.test.map(|(_, p)| p)),
        floats(&|row| row.adjusted),
    ])
}
