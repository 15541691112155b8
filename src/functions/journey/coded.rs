//! Shared by functions that read the events themselves and not only conditions: event codes, the list of events, and paths.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, ListArray, UInt32Array, new_null_array};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use serde::{Deserialize, Serialize};

use super::by_customer::{Reading, Run, Work};
use super::options::{CUSTOMER, EVENT_TIME, TIE_BREAK, has_ties, is_true};
use crate::adapter::keys::Interner;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, Roles, role};
use crate::adapter::usable_rows::usable_by_first;
use crate::docs::{Argument, Takes};
use crate::kernels::control::Stop;
use crate::kernels::journey::coded::Coded;
use crate::kernels::journey::events::Event;
use crate::kernels::journey::paths::{Cut, END, START};

pub const EVENT: Argument =
    Argument::required("event", Takes::Column, "what happened: the name of the event, a page, a product; any type");
const START_ROLE: &str = "start";
const END_ROLE: &str = "end";

/// How paths are taken from the events of a customer; part of every page that does this.
pub const PATHS: &str = "\
Each customer has one path. It begins with the first event where `start` is true (by default, the first event) and continues for `depth`
events, or up to the first later event where `end` is true. With `direction => 'backward'` it is found from its end: the last event where
`end` is true (by default, the last event) and the events before it, `depth` in total, or back to the nearest one where `start` is true.
Paths are always shown in time order. Customers without an event to begin with have no path.

| events, `depth => 3` | start | end | direction | path |
|---|---|---|---|---|
| a b c d | | | forward | a b c |
| a b c d | | | backward | b c d |
| a b c d | b | | forward | b c d |
| a b c d | | b | forward | a b |
| a b a c d | | a | backward | a b a |
| a a a b c | | | forward, `collapse_repeats => true` | a b c |
| b c | a | | forward | none |

For paths within a visit, pass the visit as `customer`. Events of one customer at the same time are ordered by event, ascending, unless
`tie_break` orders them. Rows whose customer, time or event is NULL are dropped and counted.

**Cost.** The events are read once and sorted customer by customer, in parallel. Memory grows with the events (what does not fit is written to
disk) and with the number of different paths: `collapse_repeats` and a small `depth` keep those few.

**Elsewhere.** In DuckDB and PostgreSQL: `row_number()` over the customer, `string_agg(event ORDER BY time)` for the first events, and GROUP
BY. bupaR's `traces` and `pm4py` count whole paths; analytics services call it path or flow analysis. A chart of `journey_edges` is a Sankey
diagram: `COPY (…) TO 'x.svg' (CHART sankey)`.";

pub const START_ARGUMENT: Argument = Argument::optional(
    START_ROLE,
    Takes::Condition,
    "",
    "condition for the event that a path begins with, such as a landing page; default: any event",
);
pub const END_ARGUMENT: Argument = Argument::optional(
    END_ROLE,
    Takes::Condition,
    "",
    "condition for the event that a path ends with, such as a payment; default: any event",
);
pub const DEPTH: Argument = Argument::optional(
    "depth",
    Takes::Integer(1, 100),
    "5",
    "maximum number of events in a path; each more multiplies the different paths",
);
pub const DIRECTION: Argument = Argument::optional(
    "direction",
    Takes::Choice(&["forward", "backward"]),
    "'forward'",
    "forward from the start, or backward from the end",
);
pub const COLLAPSE: Argument = Argument::optional(
    "collapse_repeats",
    Takes::Flag,
    "false",
    "count the same event several times in a row as one event: view view cart becomes view cart",
);

/// The way of cutting paths that a call asks for.
pub fn cut(call: &Call) -> Result<Cut> {
    Ok(Cut {
        backward: call.options.word(DIRECTION.name)? == "backward",
        has_start: call.roles.get(START_ROLE).is_some(),
        has_end: call.roles.get(END_ROLE).is_some(),
        depth: call.options.integer(DEPTH.name)? as usize,
        collapses: call.options.flag(COLLAPSE.name)?,
    })
}

/// The conditions that cut paths, and the bit of each.
pub const CUTTING: &[(&str, u8)] = &[(START_ROLE, START), (END_ROLE, END)];

/// Rows of (customer, event_time, tie_break …, event, conditions …), and how they are read.
pub fn coded(call: &Call, conditions: &[(&str, u8)]) -> Result<(LogicalPlan, Codes)> {
    let ties = has_ties(call);
    let mut bits = vec![];
    let mut columns: Vec<Expr> = [CUSTOMER.name, EVENT_TIME.name, EVENT.name].map(role).into();
    columns.extend(ties.then(|| role(TIE_BREAK.name)));
    for (name, bit) in conditions {
        if call.roles.get(name).is_some() {
            bits.push(*bit);
            columns.push(role(name));
        }
    }
    let mut in_order = columns.clone();
    if ties {
        in_order.swap(2, 3);
    }
    let rows = usable_by_first(LogicalPlanBuilder::from(call.input()?).project(columns)?.build()?, 3)?;
    Ok((LogicalPlanBuilder::from(rows).project(in_order)?.build()?, Codes { has_ties: ties, bits }))
}

/// How events with codes are read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Codes {
    has_ties: bool,
    bits: Vec<u8>,
}

impl Codes {
    fn reading(&self, schema: &Schema) -> Result<CodesOf> {
        let place = 2 + usize::from(self.has_ties);
        Ok(CodesOf { place, bits: self.bits.clone(), events: Interner::new(schema.field(place).data_type())? })
    }
}

/// Events as codes.
pub struct CodesOf {
    place: usize,
    bits: Vec<u8>,
    events: Interner,
}

impl Reading for CodesOf {
    type Detail = Coded;

    fn details(&mut self, batch: &RecordBatch, details: &mut Vec<Option<Coded>>) -> Result<()> {
        let mut flags = vec![0_u8; batch.num_rows()];
        for (bit, column) in self.bits.iter().zip(&batch.columns()[self.place + 1..]) {
            is_true(column.as_boolean()).values().set_indices().for_each(|row| flags[row] |= 1_u8 << *bit);
        }
        let codes = self.events.intern(batch.column(self.place))?;
        details.extend(codes.iter().zip(flags).map(|(code, flags)| Some(Coded { code: *code as u32, flags })));
        Ok(())
    }

    fn size(&self) -> usize {
        self.events.size()
    }

    fn codes(self) -> Result<Option<ArrayRef>> {
        self.events.finish().map(Some)
    }
}

/// What a function does with the events of each customer as codes.
pub trait CodedWork: Plain {
    /// The function's name, for errors.
    const FUNCTION: &'static str;

    /// What the progress line counts while the work is finished.
    const FINDS: Option<&'static str> = None;

    /// What a worker gathers.
    type Found: Default + Send;

    fn codes(&self) -> &Codes;

    /// Takes the events of a customer, in order.
    fn visit(&self, found: &mut Self::Found, events: &[Event<Coded>]);

    /// The size in bytes of a worker's state.
    fn bytes(found: &Self::Found) -> usize;

    /// Combines the workers' states, and sends the rows.
    fn finish(&self, found: Vec<Self::Found>, run: &Run<'_>) -> Result<(), Stop>;
}

/// A worker's state, and the memory reserved for it.
#[derive(Debug, Default)]
pub struct Accounted<F> {
    found: F,
    reserved: usize,
}

impl<W: CodedWork> Work for W {
    const FUNCTION: &'static str = <W as CodedWork>::FUNCTION;
    const FINDS: Option<&'static str> = <W as CodedWork>::FINDS;

    type Reading = CodesOf;
    type State = Accounted<W::Found>;

    fn has_ties(&self) -> bool {
        self.codes().has_ties
    }

    fn reading(&self, schema: &Schema) -> Result<CodesOf> {
        self.codes().reading(schema)
    }

    fn state(&self) -> Self::State {
        Accounted { found: W::Found::default(), reserved: 0 }
    }

    fn visit(&self, state: &mut Self::State, _customer: u64, events: &[Event<Coded>], _run: &Run<'_>) -> Result<(), Stop> {
        CodedWork::visit(self, &mut state.found, events);
        Ok(())
    }

    fn hand_on(&self, state: &mut Self::State, run: &Run<'_>) -> Result<(), Stop> {
        account(run, W::bytes(&state.found), &mut state.reserved)
    }

    fn finish(&self, states: Vec<Self::State>, run: &Run<'_>) -> Result<(), Stop> {
        CodedWork::finish(self, states.into_iter().map(|state| state.found).collect(), run)
    }
}

/// A column of lists of events.
pub fn list_field(name: &str, roles: &Roles, is_nullable: bool) -> Result<FieldRef> {
    let item = Field::new_list_field(roles.data_type(EVENT.name)?.clone(), false);
    Ok(Arc::new(Field::new_list(name, item, is_nullable)))
}

/// A column of events.
pub fn event_field(name: &str, roles: &Roles) -> Result<FieldRef> {
    Ok(Arc::new(Field::new(name, roles.data_type(EVENT.name)?.clone(), true)))
}

/// Lists of events by their codes; none is NULL. `field` is the result's column.
pub fn lists<'a>(run: &Run<'_>, field: &DataType, lists: impl Iterator<Item = Option<&'a [u32]>>) -> Result<ArrayRef> {
    let (mut codes, mut lengths, mut valid) = (vec![], vec![], vec![]);
    for list in lists {
        codes.extend(list.unwrap_or_default());
        lengths.push(list.map_or(0, <[u32]>::len));
        valid.push(list.is_some());
    }
    let item =
        if let DataType::List(item) = field { Arc::clone(item) } else { Arc::new(Field::new_list_field(field.clone(), false)) };
    let values = values(run, codes.into_iter().map(Some), item.data_type())?;
    Ok(Arc::new(ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), values, Some(NullBuffer::from(valid)))?))
}

/// Events by their codes.
pub fn values(run: &Run<'_>, codes: impl Iterator<Item = Option<u32>>, data_type: &DataType) -> Result<ArrayRef> {
    let places: UInt32Array = codes.collect();
    match run.codes {
        Some(values) => Ok(take(values, &places, None)?),
        None => Ok(new_null_array(data_type, places.len())),
    }
}

/// Reserves more memory as a worker's state grows.
pub fn account(run: &Run<'_>, bytes: usize, reserved: &mut usize) -> Result<(), Stop> {
    if bytes > *reserved {
        if !run.control.budget.grow(bytes - *reserved) {
            return Err(Stop::OutOfMemory(bytes - *reserved));
        }
        *reserved = bytes;
    }
    Ok(())
}
