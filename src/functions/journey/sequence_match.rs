//! The aggregates `sequence_match` and `sequence_count`.
//!
//! A group keeps its events in order of arrival: the time and the matching conditions, 16 bytes. They are sorted when the
//! result is computed.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, LargeBinaryArray, LargeBinaryBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::common::{Result, ScalarValue};

use super::options::is_true;
use crate::adapter::aggregate::{Grouped, GroupedFunction};
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::journey::pattern::{MOST_CONDITIONS, Matcher, Pattern};

const SEMANTICS: &str = "\
The events of the group are put in time order; events that match no condition are dropped. For the events of each customer, group by the customer.

| part | meaning |
|---|---|
| `(?N)` | one event that matches condition N, from 1 |
| `.` | one event |
| `.*` | any number of events, or none |
| `(?t<=N)` | any number of events, or none, if the event after them comes at most N seconds after the event before; also `<`, `==`, `>=`, `>`. It must follow `(?N)` or `.`, and an event must follow it |

Adjacent parts require adjacent events, among those that match a condition. An event can match several conditions. To take all other events
into account too, add a last condition that is `true`. A match can begin at any event.

| events, a minute apart | `(?1)(?2)` | `(?1).*(?2)` | `(?1).(?2)` | `(?1)(?t<=60)(?2)` |
|---|---|---|---|---|
| a b | yes | yes | no | yes |
| a c b, with c = condition 3 | no | yes | yes | no |
| a x b, with x = no condition | yes | yes | no | no |
| a a b | yes | yes | yes | yes |
| b a | no | no | no | no |

Events at the same time are ordered by condition, that of condition 1 first. A condition that is NULL does not match; rows without a time
are dropped.

**Cost.** A group keeps 16 bytes per event that matches a condition. The time for a match is proportional to the number of events, with any number of `.*`.

**Elsewhere.** ClickHouse: `sequenceMatch(pattern)(time, condition, …)` and `sequenceCount`, with the same patterns; there the pattern is a
parameter before the arguments. Oracle, Snowflake and Trino have MATCH_RECOGNIZE, which also returns the rows. In DuckDB and PostgreSQL one
writes `string_agg` of one letter per event and a regular expression, without times.";

const ARGUMENTS: &[Argument] = &[
    Argument::required(
        "pattern",
        Takes::Value("constant string"),
        "pattern to look for, written from the parts above: '(?1)(?t<=3600)(?2)' is condition 1, then condition 2 within an hour",
    ),
    Argument::required("time", Takes::Value("DATE or TIMESTAMP"), "time of the event; rows where it is NULL are dropped"),
    Argument::required("condition", Takes::Value("condition"), "condition that `(?1)` stands for"),
    Argument::optional(
        "conditions",
        Takes::Value("conditions"),
        "",
        "conditions that `(?2)`, `(?3)` … stand for, one argument each; at most 31",
    ),
];

const MATCH: Doc = Doc {
    name: "sequence_match",
    kind: Kind::Aggregate,
    domain: "journey",
    summary: "True if a pattern occurs in the events of a group in time order: for example one step, then another within an hour.",
    description: SEMANTICS,
    arguments: ARGUMENTS,
    examples: &["SELECT count(*) FILTER (WHERE bought) AS carted_then_paid_within_a_day, count(*) AS customers
FROM (
  SELECT customer_id, sequence_match('(?1)(?t<=86400)(?2)', event_time, event = 'cart', event = 'pay') AS bought
  FROM sample_events(rows => 2000) GROUP BY customer_id);"],
    source: "the pattern grammar of ClickHouse's aggregate function sequenceMatch",
    ..Doc::EMPTY
};

const COUNT: Doc = Doc {
    name: "sequence_count",
    summary: "Counts how many times a pattern occurs in the events of a group in time order, without using an event twice.",
    examples: &["SELECT customer_id, sequence_count('(?1).*(?2)', event_time, event = 'view', event = 'cart') AS view_to_cart
FROM sample_events(rows => 2000) GROUP BY customer_id ORDER BY view_to_cart DESC, customer_id LIMIT 3;"],
    source: "the pattern grammar of ClickHouse's aggregate function sequenceCount",
    ..MATCH
};

/// Number of arguments before the conditions.
const LEADING: usize = 2;

#[derive(Debug, Clone)]
pub struct SequenceMatch;

#[derive(Debug, Clone)]
pub struct SequenceCount;

/// Whether any match is asked for, or their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    WhetherAny,
    HowMany,
}

impl Asked {
    fn doc(self) -> &'static Doc {
        match self {
            Self::WhetherAny => &MATCH,
            Self::HowMany => &COUNT,
        }
    }
}

impl GroupedFunction for SequenceMatch {
    fn doc(&self) -> &'static Doc {
        &MATCH
    }

    fn most_arguments(&self) -> usize {
        LEADING + MOST_CONDITIONS
    }

    fn result(&self, arguments: &[DataType]) -> Result<DataType> {
        check(&MATCH, arguments)?;
        Ok(DataType::Boolean)
    }

    fn state(&self, _arguments: &[DataType]) -> Result<Vec<(&'static str, DataType)>> {
        Ok(vec![EVENTS])
    }

    fn start(&self, arguments: &[DataType]) -> Result<Box<dyn Grouped>> {
        self.start_with(arguments, &[])
    }

    fn start_with(&self, arguments: &[DataType], constants: &[Option<ScalarValue>]) -> Result<Box<dyn Grouped>> {
        start(Asked::WhetherAny, arguments, constants)
    }

    fn counts_repeats(&self) -> bool {
        true
    }
}

impl GroupedFunction for SequenceCount {
    fn doc(&self) -> &'static Doc {
        &COUNT
    }

    fn most_arguments(&self) -> usize {
        LEADING + MOST_CONDITIONS
    }

    fn result(&self, arguments: &[DataType]) -> Result<DataType> {
        check(&COUNT, arguments)?;
        Ok(DataType::Int64)
    }

    fn state(&self, _arguments: &[DataType]) -> Result<Vec<(&'static str, DataType)>> {
        Ok(vec![EVENTS])
    }

    fn start(&self, arguments: &[DataType]) -> Result<Box<dyn Grouped>> {
        self.start_with(arguments, &[])
    }

    fn start_with(&self, arguments: &[DataType], constants: &[Option<ScalarValue>]) -> Result<Box<dyn Grouped>> {
        start(Asked::HowMany, arguments, constants)
    }

    fn counts_repeats(&self) -> bool {
        true
    }
}

const EVENTS: (&str, DataType) = ("events", DataType::LargeBinary);

fn check(doc: &Doc, arguments: &[DataType]) -> Result<()> {
    let wrong = |argument: &str, wanted: &str, got: &DataType| {
        invalid(doc.name, format!("{argument} must be {wanted}, got {got}; write {}('(?1).*(?2)', time, condition, …)", doc.name))
    };
    for (place, data_type) in arguments.iter().enumerate() {
        let is_null = *data_type == DataType::Null;
        match place {
            0 if !data_type.is_string() && !is_null => return Err(wrong("pattern", "a constant text", data_type)),
            1 if !matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)) && !is_null => {
                return Err(wrong("time", "a DATE or TIMESTAMP", data_type));
            }
            LEADING.. if *data_type != DataType::Boolean && !is_null => {
                return Err(wrong(&format!("condition {}", place - 1), "true or false", data_type));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Units of a time in a second, as [`ticks`] gives them.
fn per_second(data_type: &DataType) -> i64 {
    if matches!(data_type, DataType::Timestamp(TimeUnit::Nanosecond, _)) { 1_000_000_000 } else { 1_000_000 }
}

/// Microseconds since 1970; nanoseconds for times that have them.
fn ticks(function: &str, column: &ArrayRef) -> Result<Int64Array> {
    let unit = if per_second(column.data_type()) == 1_000_000 { TimeUnit::Microsecond } else { TimeUnit::Nanosecond };
    let times = cast(column, &DataType::Timestamp(unit, None))?;
    if times.null_count() > column.null_count() {
        return Err(invalid(
            function,
            "time contains a time that cannot be represented in microseconds since 1970; exclude such rows with FILTER",
        ));
    }
    Ok(cast(&times, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

fn start(asked: Asked, arguments: &[DataType], constants: &[Option<ScalarValue>]) -> Result<Box<dyn Grouped>> {
    let name = asked.doc().name;
    let text = match constants.first() {
        Some(Some(value)) => value.try_as_str().flatten(),
        _ => None,
    };
    let Some(text) = text else {
        return Err(invalid(name, "pattern must be a constant text; write '(?1).*(?2)'"));
    };
    let pattern = Pattern::read(text, arguments.len() - LEADING).map_err(|problem| invalid(name, problem))?;
    let pattern = Arc::new(pattern.in_units(per_second(&arguments[1])));
    Ok(Box::new(Groups { asked, pattern, groups: vec![], bytes: 0 }))
}

type Events = Vec<(i64, u32)>;

#[derive(Debug)]
struct Groups {
    asked: Asked,
    pattern: Arc<Pattern>,
    groups: Vec<Events>,
    /// Bytes of the events on the heap.
    bytes: usize,
}

impl Groups {
    fn add(&mut self, group: usize, events: impl IntoIterator<Item = (i64, u32)>) {
        let own = &mut self.groups[group];
        let before = own.capacity();
        own.extend(events);
        self.bytes += (own.capacity() - before) * size_of::<(i64, u32)>();
    }
}

/// The bytes of an event in a state.
const BYTES: usize = 12;

impl Grouped for Groups {
    fn fresh(&self) -> Box<dyn Grouped> {
        Box::new(Self { asked: self.asked, pattern: Arc::clone(&self.pattern), groups: vec![], bytes: 0 })
    }

    fn leading(&self) -> usize {
        LEADING
    }

    fn grow(&mut self, total: usize) {
        self.groups.resize(total, vec![]);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let times = ticks(self.asked.doc().name, &arguments[1])?;
        let mut fulfilled = vec![0_u32; groups.len()];
        for (number, column) in arguments[LEADING..].iter().enumerate() {
            // A condition that is NULL everywhere has no type.
            if let Some(column) = column.as_boolean_opt() {
                is_true(column).values().set_indices().for_each(|row| fulfilled[row] |= 1 << number);
            }
        }
        for ((group, time), fulfilled) in groups.iter().zip(times.values()).zip(fulfilled) {
            if fulfilled != 0 {
                self.add(*group, [(*time, fulfilled)]);
            }
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let states: &LargeBinaryArray = states[0].as_binary();
        for (group, state) in groups.iter().zip(states.iter().flatten()) {
            let events = state.as_chunks::<BYTES>().0.iter().map(|bytes| {
                let (time, fulfilled) = bytes.split_at(8);
                let time = time.first_chunk().map_or(0, |time| i64::from_le_bytes(*time));
                (time, fulfilled.first_chunk().map_or(0, |fulfilled| u32::from_le_bytes(*fulfilled)))
            });
            self.add(*group, events);
        }
        Ok(())
    }

    fn results(&mut self, first: usize) -> Result<ArrayRef> {
        let mut matcher = Matcher::new(&self.pattern);
        let groups = self.groups[..first].iter_mut();
        let in_order = groups.map(|events| {
            events.sort_unstable_by_key(|(time, fulfilled)| (*time, fulfilled.trailing_zeros(), *fulfilled));
            events.as_slice()
        });
        Ok(match self.asked {
            Asked::WhetherAny => Arc::new(BooleanArray::from_iter(in_order.map(|events| Some(matcher.has_match(events))))),
            Asked::HowMany => Arc::new(Int64Array::from_iter_values(in_order.map(|events| matcher.count(events)))),
        })
    }

    fn states(&mut self, first: usize) -> Result<Vec<ArrayRef>> {
        let events: usize = self.groups[..first].iter().map(Vec::len).sum();
        let mut states = LargeBinaryBuilder::with_capacity(first, events * BYTES);
        let mut bytes = vec![];
        for events in &self.groups[..first] {
            bytes.clear();
            for (time, fulfilled) in events {
                bytes.extend(time.to_le_bytes());
                bytes.extend(fulfilled.to_le_bytes());
            }
            states.append_value(&bytes);
        }
        Ok(vec![Arc::new(states.finish())])
    }

    fn forget(&mut self, first: usize) {
        if first == self.groups.len() {
            (self.groups, self.bytes) = (vec![], 0);
        } else {
            let given_back: usize = self.groups.drain(..first).map(|events| events.capacity()).sum();
            self.bytes -= given_back * size_of::<(i64, u32)>();
        }
    }

    fn groups(&self) -> usize {
        self.groups.len()
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<Events>() + self.bytes
    }
}
