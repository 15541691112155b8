//! `preference` and `preference_share`: what a customer chooses most, and how strongly.
//!
//! Weights are added per value and group, as integers. Values are numbered once for all groups, so a table of millions of customers and
//! a few categories keeps each category once. A few values without weights are counters that stand side by side for each group, and
//! GROUP BY adds those of all partitions up as they are.
//! Otherwise a hash table maps (group, number of the value) to the total, and one group may have millions of values.

use std::any::Any;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array, UInt64Array};
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, UInt64Type};
use datafusion::common::{HashMap, Result, internal_err};

use super::keys::{Key, Keys, value_type};
use super::lists;
use crate::adapter::aggregate::{Grouped, GroupedFunction};
use crate::adapter::amounts::{Amount, ODD_STATE, odd_state, read_odd_state};
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::failed;
use crate::kernels::fixed_point;
use crate::kernels::grouping::chunks::Chunks;
use crate::kernels::superaccumulator::{Superaccumulator, scaled};

const PREFERENCE: Doc = Doc {
    name: "preference",
    kind: Kind::Aggregate,
    domain: "tags",
    summary: "Returns the value with the largest total weight in the group: the category bought most, the channel used most.",
    description: "\
For every value v of the group, W(v) = Σ weight over its rows; the result is the v with the largest W(v). If several values tie, the one
with more rows wins; if they still tie, the smallest value. Without `weight`, every row weighs 1 and the result is the most frequent value.

Weights can be amounts, quantities or a decay by age such as `exp(-days / 90.0)`. Rows whose value or weight is NULL are ignored. A negative
weight, NaN or infinity is an error. The result is NULL for a group without rows. It has the type of `value` (for a dictionary column, the
type of its values).

Sums are exact and do not depend on the order of rows: integers and decimals are added in 128 bits, floats of any size without rounding.


**Cost.** One pass. Memory grows with the distinct values of each group, not with its rows.

**Elsewhere.** Without weights: `mode(x)` in DuckDB, `mode() WITHIN GROUP (ORDER BY x)` in PostgreSQL, where ties are decided arbitrarily;
`mode()` of pandas returns all values that tie. With weights there is no such aggregate: one groups by customer and value, sums, and takes
the first by `row_number()`.",
    arguments: &[
        Argument::required(
            "value",
            Takes::Value("any type with an order"),
            "value to choose from: a channel, a category; rows where it is NULL are ignored",
        ),
        Argument::optional(
            "weight",
            Takes::Value("number ≥ 0"),
            "1",
            "weight of the row, in any unit: an amount, a quantity, a decay; rows where it is NULL are ignored, a negative one is an error",
        ),
    ],
    examples: &["SELECT customer_id, preference(channel) AS channel, preference(channel, amount) AS channel_by_amount
FROM sample_orders(rows => 1000) WHERE status = 'paid' AND amount >= 0
GROUP BY customer_id ORDER BY customer_id LIMIT 5;"],
    source: "the weighted mode.",
    ..Doc::EMPTY
};

const SHARE: Doc = Doc {
    name: "preference_share",
    summary: "Measures how strong the preference is: the preferred value's share of the total weight.",
    description: "\
max W(v) / Σ W(v) over the values v of the group, where W(v) is the total weight of v, as in `preference`: a DOUBLE from 0 to 1. A customer
who always chooses the same value has 1; with k values, 1/k means no preference. The result is NULL for a group without rows, and when all
weights are 0. NULLs, invalid weights and exactness are as in `preference`.

With two or three values a share of 0.6 is weak, with twenty it is strong; and a customer with one order always has 1. So ask for `count(*)`
of at least 3 or 5 before a tag says \"loyal to\".

**Cost.** As `preference`; both in one query share the scan.

**Elsewhere.** `max(n) / sum(n)` over grouped counts in any SQL; `value_counts(normalize=True).max()` in pandas. Economists call it the
largest market share (concentration ratio CR1).",
    arguments: PREFERENCE.arguments,
    examples: &["SELECT customer_id, preference(channel) AS channel, preference_share(channel) AS share, count(*) AS orders
FROM sample_orders(rows => 1000) GROUP BY customer_id HAVING preference_share(channel) > 0.6 ORDER BY orders DESC, customer_id LIMIT 5;"],
    source: "the concentration ratio CR1 of economics.",
    ..PREFERENCE
};

/// `preference`, and `preference_share` when `share`.
#[derive(Debug, Clone)]
pub struct Preference {
    pub share: bool,
}

impl Preference {
    fn weight(&self) -> Amount {
        Amount { function: GroupedFunction::doc(self).name, argument: "weight" }
    }
}

impl GroupedFunction for Preference {
    fn doc(&self) -> &'static Doc {
        if self.share { &SHARE } else { &PREFERENCE }
    }

    fn result(&self, arguments: &[DataType]) -> Result<DataType> {
        if let Some(weight) = arguments.get(1) {
            self.weight().check(weight)?;
        }
        let value = value_type(self.doc().name, "value", &arguments[0])?;
        Ok(if self.share { DataType::Float64 } else { value })
    }

    fn state(&self, arguments: &[DataType]) -> Result<Vec<(&'static str, DataType)>> {
        let keys = Keys::of(&arguments[0])?.state_type();
        Ok(vec![
            ("values", lists::of(keys)),
            ("weights", lists::of(WEIGHT_STATE)),
            ("rows", lists::of(DataType::UInt64)),
            ("odd", lists::of(ODD_STATE)),
        ])
    }

    fn start(&self, arguments: &[DataType]) -> Result<Box<dyn Grouped>> {
        let kind = Keys::of(&arguments[0])?;
        let words = kind.are_words();
        let (share, weighted, weight) = (self.share, arguments.len() > 1, self.weight());
        Ok(if words {
            Box::new(Preferences::<u64>::new(share, weighted, weight, kind))
        } else {
            Box::new(Preferences::<Vec<u8>>::new(share, weighted, weight, kind))
        })
    }

    fn counts_repeats(&self) -> bool {
        true
    }
}

/// Bytes that the odd weights of a total usually take: say, digits from 10⁻³⁰ to 1.
const ODD_BYTES: usize = size_of::<(Superaccumulator, [i64; 8])>();

/// Weights are passed on as plain 128 bits, without a scale.
const WEIGHT_STATE: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);

#[derive(Debug, Clone, Default)]
struct Total {
    weight: i128,
    rows: u64,
    /// The sum of weights that are floats and not a whole number of units.
    odd: Option<Box<Superaccumulator>>,
}

impl Total {
    /// Adds another total; `None` on overflow.
    fn add(&mut self, other: &Self) -> Option<()> {
        self.weight = self.weight.checked_add(other.weight)?;
        self.rows += other.rows;
        if let Some(odd) = &other.odd {
            self.odd.get_or_insert_default().merge(odd);
        }
        Some(())
    }

    fn compare_weights(&self, other: &Self) -> Ordering {
        if self.odd.is_none() && other.odd.is_none() {
            return self.weight.cmp(&other.weight);
        }
        self.exact().compare(&other.exact())
    }

    /// The total, exactly, whatever the weights are.
    fn exact(&self) -> Superaccumulator {
        fixed_point::total(self.weight, self.odd.as_deref())
    }

    /// The share of the whole, which may be beyond the range of doubles; `None` if the whole is 0.
    fn share(&self, whole: &Self) -> Option<f64> {
        if whole.odd.is_none() {
            return (whole.weight > 0).then(|| self.weight as f64 / whole.weight as f64);
        }
        let ((own, own_exponent), (whole, exponent)) = (self.exact().parts(), whole.exact().parts());
        (whole > 0.0).then(|| scaled(own / whole, own_exponent - exponent))
    }
}

/// The odd weights among the added ones.
enum Odd<'a> {
    Weight(f64),
    Sum(&'a [i64]),
}

/// The totals by group and number of a value.
#[derive(Debug)]
struct Totals {
    /// While every row weighs 1 and there are few values: a counter of each value, side by side for each group.
    counters: Option<Chunks<u32>>,
    /// The sum of all counters, which none of them exceeds.
    counted: u64,
    /// All totals if there are no counters.
    table: HashMap<(usize, u32), Total>,
}

/// The most counters of a group: 128 bytes.
const MOST_COUNTERS: usize = 32;

const ZEROS: [u32; MOST_COUNTERS] = [0; MOST_COUNTERS];

impl Totals {
    fn new(weighted: bool) -> Self {
        Self { counters: (!weighted).then(|| Chunks::new(1)), counted: 0, table: HashMap::new() }
    }

    fn grow(&mut self, groups: usize) {
        if let Some(counters) = &mut self.counters {
            counters.grow(groups, &ZEROS[..counters.width()]);
        }
    }

    /// Makes room for values up to this number.
    fn widen(&mut self, number: u32) {
        let Some(counters) = &mut self.counters else { return };
        let wanted = (number as usize + 1).next_power_of_two();
        if wanted <= counters.width() {
            return;
        }
        if wanted > MOST_COUNTERS {
            self.table();
            return;
        }
        let mut wider = Chunks::new(wanted);
        wider.grow(counters.len(), &ZEROS[..wanted]);
        for (group, own) in counters.iter().enumerate() {
            wider.of(group)[..own.len()].copy_from_slice(own);
        }
        *counters = wider;
    }

    /// Counts rows without weights; false if there is no counter that holds them.
    fn count(&mut self, group: usize, number: u32, rows: u64) -> bool {
        let Some(counters) = &mut self.counters else { return false };
        let counter = &mut counters.of(group)[number as usize];
        match u32::try_from(rows).ok().and_then(|rows| counter.checked_add(rows)) {
            Some(sum) => {
                *counter = sum;
                self.counted += rows;
                true
            }
            None => false,
        }
    }

    /// Counts rows without weights, each with its group and the number of its value; false if there are no counters that hold them.
    ///
    /// Nothing in the loop depends on the row before, so that the processor waits for the counters of many groups at once.
    fn count_each(&mut self, groups: &[usize], numbers: &[u32]) -> bool {
        let counted = self.counted + groups.len() as u64;
        let Some(counters) = self.counters.as_mut().filter(|_| counted <= u64::from(u32::MAX)) else { return false };
        let rows = groups.iter().map(|group| *group as u32).zip(numbers);
        counters.change(rows, |own, number| own[*number as usize] += 1);
        self.counted = counted;
        true
    }

    /// The table of all totals, which takes the place of counters.
    fn table(&mut self) -> &mut HashMap<(usize, u32), Total> {
        if self.counters.is_some() {
            let mut table = HashMap::new();
            self.each(usize::MAX, |group, number, total| {
                table.insert((group, number), total.clone());
            });
            *self = Self { counters: None, counted: 0, table };
        }
        &mut self.table
    }

    /// Calls a function with each total of the first groups.
    fn each(&self, first: usize, mut visit: impl FnMut(usize, u32, &Total)) {
        let counters = self.counters.iter().flat_map(Chunks::iter);
        for (group, counters) in counters.enumerate().take(first) {
            for (number, rows) in (0..).zip(counters).filter(|(_, rows)| **rows > 0) {
                visit(group, number, &Total { weight: i128::from(*rows), rows: u64::from(*rows), odd: None });
            }
        }
        for ((group, number), total) in self.table.iter().filter(|((group, _), _)| *group < first) {
            visit(*group, *number, total);
        }
    }

    fn size(&self) -> usize {
        self.counters.as_ref().map_or(0, Chunks::size) + self.table.allocation_size()
    }
}

#[derive(Debug)]
struct Preferences<K> {
    share: bool,
    /// True when rows have weights.
    weighted: bool,
    weight: Amount,
    kind: Keys,
    groups: usize,
    /// Each value has a number, the same in all groups.
    numbers: HashMap<K, u32>,
    /// Bytes of the keys outside `numbers`.
    heap: usize,
    /// The number of totals with odd weights.
    odd: usize,
    totals: Totals,
}

impl<K: Key> Preferences<K> {
    fn new(share: bool, weighted: bool, weight: Amount, kind: Keys) -> Self {
        let (numbers, totals) = (HashMap::new(), Totals::new(weighted));
        Self { share, weighted, weight, kind, groups: 0, numbers, heap: 0, odd: 0, totals }
    }

    fn add(&mut self, group: usize, key: K::Borrowed<'_>, weight: i128, rows: u64, odd: Option<Odd<'_>>) -> Result<()> {
        let number = self.number_of(key)?;
        self.add_numbered(group, number, weight, rows, odd)
    }

    /// Adds rows that weigh 1.
    fn add_rows(&mut self, keys: &[K::Borrowed<'_>], groups: &[usize]) -> Result<()> {
        let numbers = keys.iter().map(|key| self.number_of(*key)).collect::<Result<Vec<_>>>()?;
        if self.totals.count_each(groups, &numbers) {
            return Ok(());
        }
        groups.iter().zip(numbers).try_for_each(|(group, number)| self.add_numbered(*group, number, 1, 1, None))
    }

    fn number_of(&mut self, key: K::Borrowed<'_>) -> Result<u32> {
        let Ok(next) = u32::try_from(self.numbers.len()) else {
            return Err(failed(self.weight.function, "more than 4294967296 distinct values; group them first"));
        };
        Ok(self.number(key, next))
    }

    fn add_numbered(&mut self, group: usize, number: u32, weight: i128, rows: u64, odd: Option<Odd<'_>>) -> Result<()> {
        // Without weights, a total is the number of its rows.
        if self.totals.count(group, number, rows) {
            return Ok(());
        }
        let total = self.totals.table().entry((group, number)).or_default();
        total.weight = total.weight.checked_add(weight).ok_or_else(|| self.weight.too_large())?;
        total.rows += rows;
        if let Some(odd) = odd {
            self.odd += usize::from(total.odd.is_none());
            let sum = total.odd.get_or_insert_default();
            match odd {
                Odd::Weight(weight) => sum.add(weight),
                Odd::Sum(words) => sum.merge_words(words),
            }
        }
        Ok(())
    }

    fn number(&mut self, key: K::Borrowed<'_>, next: u32) -> u32 {
        let number = K::number(&mut self.numbers, key, next);
        if number == next {
            self.heap += K::heap_of(key);
            self.totals.widen(number);
        }
        number
    }

    /// The keys by their numbers.
    fn keys(&self) -> Vec<K::Borrowed<'_>> {
        let mut numbered: Vec<(u32, &K)> = self.numbers.iter().map(|(key, number)| (*number, key)).collect();
        numbered.sort_unstable_by_key(|(number, _)| *number);
        numbered.into_iter().map(|(_, key)| key.borrowed()).collect()
    }

    /// The preferred value of each of the first groups, by number.
    fn best(&self, first: usize, keys: &[K::Borrowed<'_>]) -> Vec<Option<(u32, Total)>> {
        let mut best: Vec<Option<(u32, Total)>> = vec![None; first];
        self.totals.each(first, |group, number, total| {
            let place = best[group].as_ref().map_or(Ordering::Greater, |(other, best)| {
                let by_weight = total.compare_weights(best).then(total.rows.cmp(&best.rows));
                by_weight.then_with(|| keys[*other as usize].cmp(&keys[number as usize]))
            });
            if place == Ordering::Greater {
                best[group] = Some((number, total.clone()));
            }
        });
        best
    }

    fn shares(&self, best: &[Option<(u32, Total)>]) -> Result<Float64Array> {
        let mut sums = vec![Total::default(); best.len()];
        let mut fits = true;
        self.totals.each(best.len(), |group, _, total| fits &= sums[group].add(total).is_some());
        if !fits {
            return Err(self.weight.too_large());
        }
        Ok(best.iter().zip(&sums).map(|(best, sum)| best.as_ref().and_then(|(_, total)| total.share(sum))).collect())
    }
}

impl<K: Key> Grouped for Preferences<K> {
    fn fresh(&self) -> Box<dyn Grouped> {
        Box::new(Self::new(self.share, self.weighted, self.weight, self.kind.clone()))
    }

    fn grow(&mut self, total: usize) {
        self.groups = total;
        self.totals.grow(total);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let values = self.kind.encode(&arguments[0])?;
        let values = K::read(&values)?;
        let Some(weights) = arguments.get(1) else { return self.add_rows(&values, groups) };
        let weights = self.weight.read_weights(weights)?;
        let mut odd = weights.odd.iter().peekable();
        for (row, (group, value)) in groups.iter().zip(values).enumerate() {
            let own_odd = odd.next_if(|(place, _)| *place == row).map(|(_, weight)| Odd::Weight(*weight));
            self.add(*group, value, weights.whole[row], 1, own_odd)?;
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let (values, lengths) = lists::items(&states[0]);
        let [(weights, _), (rows, _), (odd, _)] = [1, 2, 3].map(|column: usize| lists::items(&states[column]));
        let values = K::read_state(&values);
        let (weights, rows) = (weights.as_primitive::<Decimal128Type>().values(), rows.as_primitive::<UInt64Type>().values());
        let groups = groups.iter().zip(lengths).flat_map(|(group, length)| std::iter::repeat_n(*group, length));
        for ((item, group), odd) in groups.enumerate().zip(read_odd_state(&odd)) {
            let odd = (!odd.is_empty()).then_some(Odd::Sum(&odd));
            self.add(group, values[item], weights[item], rows[item], odd)?;
        }
        Ok(())
    }

    fn results(&mut self, first: usize) -> Result<ArrayRef> {
        let keys = self.keys();
        let best = self.best(first, &keys);
        if self.share {
            return Ok(Arc::new(self.shares(&best)?));
        }
        K::write(&self.kind, best.iter().map(|best| best.as_ref().map(|(number, _)| keys[*number as usize])))
    }

    fn states(&mut self, first: usize) -> Result<Vec<ArrayRef>> {
        let keys = self.keys();
        let mut entries: Vec<(usize, u32, Total)> = vec![];
        self.totals.each(first, |group, number, total| entries.push((group, number, total.clone())));
        entries.sort_unstable_by_key(|(group, number, _)| (*group, *number));
        let mut lengths = vec![0; first];
        entries.iter().for_each(|(group, _, _)| lengths[*group] += 1);
        let values = K::write_state(entries.iter().map(|(_, number, _)| Some(keys[*number as usize])));
        let weights =
            Decimal128Array::from_iter_values(entries.iter().map(|(_, _, total)| total.weight)).with_data_type(WEIGHT_STATE);
        let rows = UInt64Array::from_iter_values(entries.iter().map(|(_, _, total)| total.rows));
        let odd = odd_state(entries.iter().map(|(_, _, total)| total.odd.as_deref()));
        let columns: [ArrayRef; 4] = [values, Arc::new(weights), Arc::new(rows), odd];
        columns.into_iter().map(|column| lists::from_items(column, &lengths)).collect()
    }

    fn forget(&mut self, first: usize) {
        let mut rest = Self::new(self.share, self.weighted, self.weight, self.kind.clone());
        rest.grow(self.groups - first);
        if rest.groups > 0 {
            // Only the values that are still needed stay, under new numbers.
            let keys = self.keys();
            self.totals.each(self.groups, |group, number, total| {
                if group < first {
                    return;
                }
                let (key, next) = (keys[number as usize], rest.numbers.len() as u32);
                let number = rest.number(key, next);
                rest.odd += usize::from(total.odd.is_some());
                if !rest.totals.count(group - first, number, total.rows) {
                    rest.totals.table().insert((group - first, number), total.clone());
                }
            });
        }
        *self = rest;
    }

    fn groups(&self) -> usize {
        self.groups
    }

    fn size(&self) -> usize {
        self.numbers.allocation_size() + self.heap + self.totals.size() + self.odd * ODD_BYTES
    }

    fn is_chunked(&self) -> bool {
        self.totals.counters.is_some()
    }

    fn take_chunk(&mut self, groups: &Range<usize>) -> Result<Box<dyn Grouped>> {
        let Some(counters) = &mut self.totals.counters else { return internal_err!("only counters can be taken") };
        let counters = counters.take(groups);
        let mut chunk = Self::new(self.share, self.weighted, self.weight, self.kind.clone());
        chunk.groups = counters.len();
        chunk.numbers = self.numbers.clone();
        chunk.heap = self.heap;
        chunk.totals.counters = Some(counters);
        chunk.totals.counted = self.totals.counted;
        Ok(Box::new(chunk))
    }

    fn absorb(&mut self, other: Box<dyn Grouped>) -> Result<()> {
        let other: Box<dyn Any> = other;
        let Ok(other) = other.downcast::<Self>() else { return internal_err!("preference absorbs its own chunks") };
        self.grow(self.groups.max(other.groups));
        // Each partition has numbered the values for itself.
        let numbers: Vec<u32> = other.keys().into_iter().map(|key| self.number(key, self.numbers.len() as u32)).collect();
        let mut result = Ok(());
        other.totals.each(other.groups, |group, number, total| {
            if result.is_ok() {
                result = self.add_numbered(group, numbers[number as usize], total.weight, total.rows, None);
            }
        });
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_rows_than_a_counter_holds() {
        let weight = Preference { share: false }.weight();
        let kind = Keys::of(&DataType::Int64).unwrap();
        let mut preferences = Preferences::<u64>::new(false, false, weight, kind);
        preferences.grow(2);
        preferences.add_rows(&[5, 7], &[0, 1]).unwrap();
        assert_eq!(preferences.totals.counted, 2);
        *preferences.totals.counters.as_mut().unwrap().of(0).first_mut().unwrap() = u32::MAX - 1;
        preferences.totals.counted = u64::from(u32::MAX);
        preferences.add_rows(&[5, 5, 7, 5], &[0, 0, 1, 0]).unwrap();
        assert!(preferences.totals.counters.is_none());
        let best = preferences.best(2, &preferences.keys());
        let rows = best.iter().map(|best| best.as_ref().map(|(number, total)| (*number, total.rows, total.weight)));
        let most = u64::from(u32::MAX) + 2;
        assert_eq!(rows.collect::<Vec<_>>(), [Some((0, most, i128::from(most))), Some((1, 2, 2))]);
    }
}
