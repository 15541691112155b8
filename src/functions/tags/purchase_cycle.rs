//! `purchase_cycle`: the mean number of days between two purchase days.
//!
//! A group keeps its distinct days, 4 bytes per day: a list with a sorted front and an unsorted tail; when the tail is as long
//! as the front, they are merged by sorting. A row costs a push, and a day log(days) comparisons in total.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int32Array};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use datafusion::common::Result;

use super::lists;
use super::time::{check_time, days};
use crate::adapter::aggregate::{Grouped, GroupedFunction};
use crate::docs::{Argument, Doc, Kind, Takes};

const DOC: Doc = Doc {
    name: "purchase_cycle",
    kind: Kind::Aggregate,
    domain: "tags",
    summary: "Returns the mean number of days from one purchase day to the next.",
    description: "\
(last day − first day) / (distinct days − 1), where days are the distinct calendar days of `time` in the group: the mean gap between
consecutive purchase days, a DOUBLE of at least 1. Several orders on one day count as one purchase. The result is NULL with fewer than two
distinct days; rows where `time` is NULL are ignored.

A timestamp with a time zone is read in its zone; one without is used as it is. Compare the days since the last purchase with the cycle: a
customer who has been silent for more than two cycles is late.

**Cost.** One pass. Memory: the distinct days of each group, 4 to 16 bytes per day, however many orders a day has.

**Elsewhere.** In DuckDB and PostgreSQL: `(max(d) - min(d)) / (count(DISTINCT d) - 1)` over dates, with a guard against one day (in
PostgreSQL the division of integers cuts off). In pandas `dt.normalize().drop_duplicates().sort_values().diff().mean()`. The median of the
gaps, which one long pause does not move, is in `next_purchase`.",
    arguments: &[Argument::required(
        "time",
        Takes::Value("DATE or TIMESTAMP"),
        "time of the purchase; only its calendar day counts, in its own time zone if it has one. NULLs are ignored",
    )],
    examples: &["SELECT customer_id, purchase_cycle(ordered_at) AS cycle_days, DATE '2025-06-30' - CAST(max(ordered_at) AS DATE) AS silent_days
FROM sample_orders(rows => 1000) WHERE status = 'paid' AND ordered_at < TIMESTAMP '2025-07-01'
GROUP BY customer_id ORDER BY customer_id LIMIT 5;"],
    source: "the average interpurchase time of marketing: A. S. C. Ehrenberg, Repeat-Buying (1988).",
    ..Doc::EMPTY
};

#[derive(Debug, Clone)]
pub struct PurchaseCycle;

impl GroupedFunction for PurchaseCycle {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn result(&self, arguments: &[DataType]) -> Result<DataType> {
        check_time(DOC.name, &arguments[0])?;
        Ok(DataType::Float64)
    }

    fn state(&self, _arguments: &[DataType]) -> Result<Vec<(&'static str, DataType)>> {
        Ok(vec![("days", lists::of(DataType::Int32))])
    }

    fn start(&self, _arguments: &[DataType]) -> Result<Box<dyn Grouped>> {
        Ok(Box::new(Cycles::default()))
    }

    fn counts_repeats(&self) -> bool {
        false
    }
}

#[derive(Debug, Default, Clone)]
struct Days {
    days: Vec<i32>,
    /// This many days at the front are sorted and distinct.
    sorted: usize,
}

impl Days {
    fn add(&mut self, day: i32) {
        // Rows often come in the order of time, with several per day.
        match self.days.last() {
            Some(last) if *last == day => return,
            Some(last) if *last < day && self.sorted == self.days.len() => self.sorted += 1,
            None => self.sorted = 1,
            _ => {}
        }
        self.days.push(day);
        if self.days.len() >= 2 * self.sorted + 8 {
            self.settle();
        }
    }

    fn settle(&mut self) {
        if self.sorted < self.days.len() {
            self.days.sort_unstable();
            self.days.dedup();
            self.sorted = self.days.len();
        }
    }

    /// The mean gap; the days must already be sorted and distinct.
    fn cycle(&self) -> Option<f64> {
        let (first, last) = (self.days.first()?, self.days.last()?);
        let gaps = self.days.len() - 1;
        (gaps > 0).then(|| (i64::from(*last) - i64::from(*first)) as f64 / gaps as f64)
    }

    fn heap(&self) -> usize {
        self.days.capacity() * size_of::<i32>()
    }
}

#[derive(Debug, Default)]
struct Cycles {
    groups: Vec<Days>,
    /// Bytes of the days outside `groups`.
    heap: usize,
}

impl Cycles {
    fn add(&mut self, group: usize, day: i32) {
        let days = &mut self.groups[group];
        self.heap -= days.heap();
        days.add(day);
        self.heap += days.heap();
    }
}

impl Grouped for Cycles {
    fn fresh(&self) -> Box<dyn Grouped> {
        Box::new(Self::default())
    }

    fn grow(&mut self, total: usize) {
        self.groups.resize(total, Days::default());
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[usize]) -> Result<()> {
        for (group, day) in groups.iter().zip(days(DOC.name, &arguments[0])?) {
            self.add(*group, day);
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let (days, lengths) = lists::items(&states[0]);
        let groups = groups.iter().zip(lengths).flat_map(|(group, length)| std::iter::repeat_n(*group, length));
        for (group, day) in groups.zip(days.as_primitive::<Int32Type>().values()) {
            self.add(group, *day);
        }
        Ok(())
    }

    fn results(&mut self, first: usize) -> Result<ArrayRef> {
        let groups = &mut self.groups[..first];
        groups.iter_mut().for_each(Days::settle);
        Ok(Arc::new(groups.iter().map(Days::cycle).collect::<Float64Array>()))
    }

    fn states(&mut self, first: usize) -> Result<Vec<ArrayRef>> {
        let groups = &mut self.groups[..first];
        groups.iter_mut().for_each(Days::settle);
        let lengths: Vec<usize> = groups.iter().map(|group| group.days.len()).collect();
        let days = Int32Array::from_iter_values(groups.iter().flat_map(|group| group.days.iter().copied()));
        Ok(vec![lists::from_items(Arc::new(days), &lengths)?])
    }

    fn forget(&mut self, first: usize) {
        if first == self.groups.len() {
            *self = Self::default();
            return;
        }
        let gone: usize = self.groups.drain(..first).map(|group| group.heap()).sum();
        self.heap -= gone;
    }

    fn groups(&self) -> usize {
        self.groups.len()
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<Days>() + self.heap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_once_in_any_order() {
        let mut forward = Days::default();
        let mut scattered = Days::default();
        for day in 0..1_000 {
            forward.add(day / 3);
            scattered.add((day * 7_919 % 1_000) / 3);
        }
        assert_eq!(forward.sorted, forward.days.len());
        scattered.settle();
        assert_eq!(forward.days, scattered.days);
        assert_eq!(forward.cycle(), Some(1.0));
    }

    #[test]
    fn the_tail_stays_as_short_as_the_front() {
        let mut days = Days::default();
        for turn in 0..10_000 {
            days.add(turn % 5);
            assert!(days.days.len() <= 2 * 5 + 8);
        }
    }

    #[test]
    fn the_whole_calendar_fits() {
        let mut days = Days::default();
        days.add(i32::MIN);
        days.add(i32::MAX);
        assert_eq!(days.cycle(), Some(4_294_967_295.0));
    }
}
