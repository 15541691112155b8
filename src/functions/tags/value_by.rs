//! `first_value_by` and `last_value_by`: the value where another column is smallest or largest (argMin, argMax).
//!
//! A group keeps two keys, one for the order and one for the value; a row is compared with them and usually changes nothing.
//! Time grows with the rows, memory with the groups.

use std::cmp::Ordering;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use super::keys::{Key, Keys, value_type};
use crate::adapter::aggregate::{Grouped, GroupedFunction};
use crate::docs::{Argument, Doc, Kind, Takes};

const FIRST: Doc = Doc {
    name: "first_value_by",
    kind: Kind::Aggregate,
    domain: "tags",
    summary: "Returns the value at the smallest `order` in the group: the channel of the first purchase, the first product bought.",
    description: "\
Takes the row with the smallest `order` in the group; if several rows tie, the one with the smallest `value`, so that the result does not
depend on the order of rows. Rows where `value` or `order` is NULL are ignored; the result is NULL for a group without rows. It has the type
of `value` (for a dictionary column, the type of its values). Other systems call it `arg_min` or `min_by`. Unlike
`first_value(value ORDER BY order)`, it does not sort and does not keep NULLs.

**Cost.** One pass, without sorting. Memory: one value and one order per group, so it grows with the groups, not with the rows.

**Elsewhere.** `arg_min(value, order)` in DuckDB, `argMin` in ClickHouse, `min_by` in Spark, Trino and Snowflake: with equal orders they
return any of the rows. PostgreSQL has `(array_agg(value ORDER BY order))[1]` or DISTINCT ON; pandas
`sort_values(order).groupby(key).first()`.",
    arguments: &[
        Argument::required("value", Takes::Value("any type with an order"), "value to return; rows where it is NULL are ignored"),
        Argument::required(
            "order",
            Takes::Value("any type with an order"),
            "what decides which row is taken: usually a time; rows where it is NULL are ignored",
        ),
    ],
    examples: &["SELECT customer_id, first_value_by(channel, ordered_at) AS first_channel, last_value_by(channel, ordered_at) AS last_channel
FROM sample_orders(rows => 1000) WHERE status = 'paid' GROUP BY customer_id ORDER BY customer_id LIMIT 5;"],
    source: "argmin of mathematics; the names `arg_min` and `min_by` are those of DuckDB, ClickHouse, Trino and Spark.",
    ..Doc::EMPTY
};

const LAST: Doc = Doc {
    name: "last_value_by",
    summary: "Returns the value at the largest `order` in the group: the channel of the last purchase, the current status.",
    description: "\
As `first_value_by`, with the largest `order`; if several rows tie, the one with the smallest `value`. Other systems call it `arg_max` or
`max_by`.

A status of today needs the newest row: `max(status)` would be the last in the alphabet. To read the state of an earlier day, filter the
rows: `last_value_by(status, at) FILTER (WHERE at < DATE '2025-01-01')`.

**Cost.** As `first_value_by`.

**Elsewhere.** `arg_max(value, order)` in DuckDB, `argMax` in ClickHouse, `max_by` in Spark, Trino and Snowflake; in PostgreSQL
`(array_agg(value ORDER BY order DESC))[1]`, where NULLs of `order` come first.",
    arguments: FIRST.arguments,
    examples: &[
        "SELECT last_value_by(status, ordered_at) AS status_now, count(*) AS orders FROM sample_orders(rows => 1000);",
        "SELECT customer_id, last_value_by(status, ordered_at) AS status_now,
  last_value_by(status, ordered_at) FILTER (WHERE ordered_at < DATE '2025-01-01') AS status_then
FROM sample_orders(rows => 1000) GROUP BY customer_id HAVING last_value_by(status, ordered_at) <> 'paid' ORDER BY customer_id LIMIT 4;",
    ],
    source: "argmax of mathematics; see first_value_by.",
    ..FIRST
};

/// `first_value_by`, and `last_value_by` when `last`.
#[derive(Debug, Clone)]
pub struct ValueBy {
    pub last: bool,
}

impl GroupedFunction for ValueBy {
    fn doc(&self) -> &'static Doc {
        if self.last { &LAST } else { &FIRST }
    }

    fn result(&self, arguments: &[DataType]) -> Result<DataType> {
        let name = self.doc().name;
        value_type(name, "order", &arguments[1])?;
        value_type(name, "value", &arguments[0])
    }

    fn state(&self, arguments: &[DataType]) -> Result<Vec<(&'static str, DataType)>> {
        Ok(vec![("value", Keys::of(&arguments[0])?.state_type()), ("order", Keys::of(&arguments[1])?.state_type())])
    }

    fn start(&self, arguments: &[DataType]) -> Result<Box<dyn Grouped>> {
        let (values, orders) = (Keys::of(&arguments[0])?, Keys::of(&arguments[1])?);
        Ok(match (values.are_words(), orders.are_words()) {
            (true, true) => Extremes::<u64, u64>::start(self.last, values, orders),
            (true, false) => Extremes::<u64, Vec<u8>>::start(self.last, values, orders),
            (false, true) => Extremes::<Vec<u8>, u64>::start(self.last, values, orders),
            (false, false) => Extremes::<Vec<u8>, Vec<u8>>::start(self.last, values, orders),
        })
    }

    fn counts_repeats(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct Extremes<V, O> {
    last: bool,
    values: Keys,
    orders: Keys,
    best: Vec<Option<(O, V)>>,
    /// Bytes of the keys outside `best`.
    heap: usize,
}

impl<V: Key, O: Key> Extremes<V, O> {
    fn start(last: bool, values: Keys, orders: Keys) -> Box<dyn Grouped> {
        Box::new(Self { last, values, orders, best: vec![], heap: 0 })
    }

    fn offer(&mut self, group: usize, value: V::Borrowed<'_>, order: O::Borrowed<'_>) {
        let best = &mut self.best[group];
        let Some((best_order, best_value)) = best else {
            let kept = (O::kept(order), V::kept(value));
            self.heap += kept.0.heap() + kept.1.heap();
            *best = Some(kept);
            return;
        };
        let towards = if self.last { Ordering::Greater } else { Ordering::Less };
        let place = best_order.place_of(order);
        if place == towards || (place == Ordering::Equal && best_value.place_of(value) == Ordering::Less) {
            self.heap -= best_order.heap() + best_value.heap();
            best_order.replace(order);
            best_value.replace(value);
            self.heap += best_order.heap() + best_value.heap();
        }
    }
}

impl<V: Key, O: Key> Grouped for Extremes<V, O> {
    fn fresh(&self) -> Box<dyn Grouped> {
        Self::start(self.last, self.values.clone(), self.orders.clone())
    }

    fn grow(&mut self, total: usize) {
        self.best.resize(total, None);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let (values, orders) = (self.values.encode(&arguments[0])?, self.orders.encode(&arguments[1])?);
        let (values, orders) = (V::read(&values)?, O::read(&orders)?);
        for ((group, value), order) in groups.iter().zip(values).zip(orders) {
            self.offer(*group, value, order);
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let (values, orders) = (V::read_state(&states[0]), O::read_state(&states[1]));
        for ((group, value), order) in groups.iter().zip(values).zip(orders) {
            self.offer(*group, value, order);
        }
        Ok(())
    }

    fn results(&mut self, first: usize) -> Result<ArrayRef> {
        V::write(&self.values, self.best[..first].iter().map(|best| best.as_ref().map(|(_, value)| value.borrowed())))
    }

    fn states(&mut self, first: usize) -> Result<Vec<ArrayRef>> {
        let best = &self.best[..first];
        Ok(vec![
            V::write_state(best.iter().map(|best| best.as_ref().map(|(_, value)| value.borrowed()))),
            O::write_state(best.iter().map(|best| best.as_ref().map(|(order, _)| order.borrowed()))),
        ])
    }

    fn forget(&mut self, first: usize) {
        if first == self.best.len() {
            (self.best, self.heap) = (vec![], 0);
            return;
        }
        let gone: usize = self.best.drain(..first).flatten().map(|(order, value)| order.heap() + value.heap()).sum();
        self.heap -= gone;
    }

    fn groups(&self) -> usize {
        self.best.len()
    }

    fn size(&self) -> usize {
        self.best.capacity() * size_of::<Option<(O, V)>>() + self.heap
    }
}
