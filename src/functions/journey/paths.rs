//! What `journey_paths` and `journey_edges` share: their arguments, and the step that counts paths.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, ListBuilder, StringArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use serde::{Deserialize, Serialize};

use super::by_customer::{ByCustomer, Reading, Run, Work};
use super::options::{CUSTOMER, EVENT_TIME, INPUT, TIE_BREAK, events, has_ties, is_true};
use crate::adapter::keys::Interner;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, role};
use crate::adapter::step::Step;
use crate::docs::{Argument, Takes};
use crate::kernels::control::Stop;
use crate::kernels::journey::events::Event;
use crate::kernels::journey::paths::{Paths, Place, Shape, path};

const EVENT: &str = "event";
const START: &str = "start";
const END: &str = "end";

pub const ARGUMENTS: &[Argument] = &[
    INPUT,
    CUSTOMER,
    EVENT_TIME,
    Argument::required(EVENT, Takes::Column, "what happened; any type, shown as text"),
    Argument::optional(START, Takes::Condition, "", "the event that begins a path; default the first"),
    Argument::optional(END, Takes::Condition, "", "the event that ends a path; default the last"),
    Argument::optional("depth", Takes::Integer(1, 100), "5", "the most events of a path"),
    Argument::optional(
        "direction",
        Takes::Choice(&["forward", "backward"]),
        "'forward'",
        "on from the start, or back from the end",
    ),
    Argument::optional("collapse_repeats", Takes::Flag, "false", "an event that is the same as the one before is passed over"),
    Argument::optional("top", Takes::Integer(1, 100_000), "20", "how many are shown; the others come as one"),
    TIE_BREAK,
];

/// How paths are found, told on both pages.
pub const SEMANTICS: &str = "\
Each customer has one path. `forward`, it begins with the first event that fulfils `start` and goes on to the first after it that fulfils `end`, or to `depth` events; `backward`, it
ends with the first event that fulfils `end`, and goes back to the last before it that fulfils `start`, or over `depth` events. A customer without such an event has no path. For a path
of each session, give `customer => session_id`. Events of one customer and time are in the order of their names, unless `tie_break` orders them.

Rows whose customer or time is NULL are left out and counted.";

/// What is shown of the paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shown {
    Paths,
    Edges,
}

/// The plan of a call.
pub fn plan(call: Call, shown: Shown) -> Result<LogicalPlan> {
    let is_given = |name: &str| call.roles.get(name).is_some();
    let shape = Shape {
        depth: call.options.integer("depth")? as usize,
        backward: call.options.word("direction")? == "backward",
        collapse: call.options.flag("collapse_repeats")?,
        has_start: is_given(START),
        has_end: is_given(END),
    };
    let work = Walks { shape, shown, top: call.options.integer("top")? as usize, has_ties: has_ties(&call) };
    let mut columns: Vec<Expr> = [CUSTOMER.name, EVENT_TIME.name].map(role).into();
    columns.extend([TIE_BREAK.name, EVENT, START, END].into_iter().filter(|name| is_given(name)).map(role));
    let rows = LogicalPlanBuilder::from(events(&call)?).project(columns)?.build()?;
    ByCustomer::new(work).over([rows], call.schema)
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Walks {
    shape: Shape,
    shown: Shown,
    top: usize,
    has_ties: bool,
}

impl Plain for Walks {
    const NAME: &'static str = "JourneyPaths";
}

pub struct Places {
    first: usize,
    shape: Shape,
    events: Interner,
}

impl Reading for Places {
    type Detail = Place;

    fn details(&mut self, batch: &RecordBatch, details: &mut Vec<Option<Place>>) -> Result<()> {
        let codes = self.events.intern(batch.column(self.first))?;
        let mut next = self.first;
        let mut condition = |is_given: bool| {
            next += usize::from(is_given);
            is_given.then(|| is_true(batch.column(next).as_boolean()))
        };
        let (starts, ends) = (condition(self.shape.has_start), condition(self.shape.has_end));
        details.extend(codes.iter().enumerate().map(|(row, code)| {
            Some(Place {
                code: *code as u32,
                starts: starts.as_ref().is_some_and(|starts| starts.value(row)),
                ends: ends.as_ref().is_some_and(|ends| ends.value(row)),
            })
        }));
        Ok(())
    }

    fn size(&self) -> usize {
        self.events.size()
    }

    fn codes(self) -> Result<Option<ArrayRef>> {
        self.events.finish().map(Some)
    }
}

/// What a worker has found.
#[derive(Debug, Default)]
pub struct Found {
    paths: Paths,
    path: Vec<u32>,
    reserved: usize,
}

impl Work for Walks {
    const FUNCTION: &'static str = "journey_paths";

    type Reading = Places;
    type State = Found;

    fn has_ties(&self) -> bool {
        self.has_ties
    }

    fn reading(&self, schema: &Schema) -> Result<Places> {
        let first = 2 + usize::from(self.has_ties);
        Ok(Places { first, shape: self.shape, events: Interner::new(schema.field(first).data_type())? })
    }

    fn state(&self) -> Found {
        Found::default()
    }

    fn visit(&self, found: &mut Found, _customer: u64, events: &[Event<Place>], _run: &Run<'_>) -> Result<(), Stop> {
        path(events, self.shape, &mut found.path);
        found.paths.add(&found.path, 1);
        Ok(())
    }

    fn hand_on(&self, found: &mut Found, run: &Run<'_>) -> Result<(), Stop> {
        let more = found.paths.bytes().saturating_sub(found.reserved);
        found.reserved += more;
        if run.control.budget.grow(more) { Ok(()) } else { Err(Stop::OutOfMemory(more)) }
    }

    fn finish(&self, states: Vec<Found>, run: &Run<'_>) -> Result<(), Stop> {
        let mut all = Paths::default();
        for state in states {
            state.paths.counts.iter().for_each(|(path, customers)| all.add(path, *customers));
        }
        let names = match run.codes.map(|codes| cast(codes, &DataType::Utf8)).transpose() {
            Ok(names) => names.map_or_else(|| StringArray::from(Vec::<&str>::new()), |names| names.as_string::<i32>().clone()),
            Err(error) => return Err(run.worker.fail(error.into())),
        };
        let name = |code: u32| {
            if names.is_null(code as usize) { None } else { Some(names.value(code as usize)) }
        };
        run.worker.send(match self.shown {
            Shown::Paths => self.paths(all, name),
            Shown::Edges => Ok(self.edges(all, name)),
        })
    }
}

impl Walks {
    /// Rank, path, length, customers, share.
    fn paths<'a>(&self, paths: Paths, name: impl Fn(u32) -> Option<&'a str>) -> Result<Vec<ArrayRef>> {
        let ranked = paths.ranked();
        let all: i64 = ranked.iter().map(|(_, customers)| customers).sum();
        let others: i64 = ranked.iter().skip(self.top).map(|(_, customers)| customers).sum();
        let shown = &ranked[..ranked.len().min(self.top)];
        let mut lists = ListBuilder::new(StringBuilder::new());
        for (path, _) in shown {
            path.iter().for_each(|code| lists.values().append_option(name(*code)));
            lists.append(true);
        }
        let mut customers: Vec<i64> = shown.iter().map(|(_, customers)| *customers).collect();
        let mut ranks: Vec<Option<i64>> = (1..=shown.len() as i64).map(Some).collect();
        let mut lengths: Vec<Option<i64>> = shown.iter().map(|(path, _)| Some(path.len() as i64)).collect();
        if others > 0 {
            lists.append(false);
            customers.push(others);
            ranks.push(None);
            lengths.push(None);
        }
        let shares: Float64Array = customers.iter().map(|customers| Some(*customers as f64 / all as f64)).collect();
        Ok(vec![
            Arc::new(Int64Array::from(ranks)),
            Arc::new(lists.finish()),
            Arc::new(Int64Array::from(lengths)),
            Arc::new(Int64Array::from(customers)),
            Arc::new(shares),
        ])
    }

    /// Step, source, target, customers, share of those at the source. At each step the events of most customers have a name, the others none.
    fn edges<'a>(&self, paths: Paths, name: impl Fn(u32) -> Option<&'a str>) -> Vec<ArrayRef> {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        enum Node {
            Event(u32),
            Other,
            Gone,
        }
        let mut at: BTreeMap<(usize, u32), i64> = BTreeMap::new();
        for (path, customers) in &paths.counts {
            path.iter().enumerate().for_each(|(step, code)| *at.entry((step, *code)).or_default() += customers);
        }
        let mut ranks: BTreeMap<usize, Vec<(std::cmp::Reverse<i64>, u32)>> = BTreeMap::new();
        for ((step, code), customers) in &at {
            ranks.entry(*step).or_default().push((std::cmp::Reverse(*customers), *code));
        }
        let mut named: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for (step, mut nodes) in ranks {
            nodes.sort_unstable();
            named.insert(step, nodes.into_iter().take(self.top).map(|(_, code)| code).collect());
        }
        let node = |step: usize, code: Option<&u32>| match code {
            None => Node::Gone,
            Some(code) if named.get(&step).is_some_and(|named| named.contains(code)) => Node::Event(*code),
            Some(_) => Node::Other,
        };
        let (mut edges, mut sources): (BTreeMap<(usize, Node, Node), i64>, BTreeMap<(usize, Node), i64>) = Default::default();
        for (path, customers) in &paths.counts {
            for step in 0..path.len() {
                // A path that is as long as it may be goes on unseen.
                if step + 1 == path.len() && path.len() == self.shape.depth && self.shape.depth > 1 {
                    continue;
                }
                let source = node(step, path.get(step));
                *edges.entry((step, source, node(step + 1, path.get(step + 1)))).or_default() += customers;
                *sources.entry((step, source)).or_default() += customers;
            }
        }
        let mut rows: Vec<_> = edges.into_iter().collect();
        rows.sort_by_key(|((step, source, target), customers)| (*step, std::cmp::Reverse(*customers), *source, *target));
        let shown = |node: Node| match node {
            Node::Event(code) => name(code).map(ToString::to_string),
            Node::Other => Some("(other)".into()),
            Node::Gone => Some("(end)".into()),
        };
        vec![
            Arc::new(rows.iter().map(|((step, ..), _)| Some(*step as i64 + 1)).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|((_, source, _), _)| shown(*source)).collect::<StringArray>()),
            Arc::new(rows.iter().map(|((_, _, target), _)| shown(*target)).collect::<StringArray>()),
            Arc::new(rows.iter().map(|(_, customers)| Some(*customers)).collect::<Int64Array>()),
            Arc::new(
                rows.iter()
                    .map(|((step, source, _), customers)| Some(*customers as f64 / sources[&(*step, *source)] as f64))
                    .collect::<Float64Array>(),
            ),
        ]
    }
}
