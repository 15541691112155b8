//! The three measures of each customer, as one aggregate: last order, number of orders, sum of amounts.
//!
//! One accumulator of 32 bytes per customer, so that a row touches one cache line, where `max`, `count` and `sum` would touch
//! three. Sums are exact and do not depend on the order of rows: integers and decimals are added in 128 bits, and so are
//! floats that are multiples of 2⁻⁶⁴ ([`fixed_point`](crate::kernels::fixed_point)), as amounts usually are. The few other
//! floats are added separately, in sums of any size, for the customers that have them. The sum is rounded once, at the end.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    StructArray, UInt64Array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Date32Type, Decimal128Type, Field, FieldRef, Fields, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt64Type,
};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature};
use serde::{Deserialize, Serialize};

use crate::adapter::amounts::{ODD_STATE, amount_type, odd_state, read_odd_state};
use crate::adapter::any_arguments;
use crate::adapter::in_chunks::{Chunked, InChunks};
use crate::adapter::plain::Plain;
use crate::error::unusable;
use crate::kernels::fixed_point::{from_fixed_point, to_fixed_point};
use crate::kernels::grouping::chunks::Chunks;
use crate::kernels::superaccumulator::Superaccumulator;

/// `rfm_measures(order_time, amount)`: a row is an order.
pub fn measures_of_rows(order_time: Expr, amount: Expr) -> Expr {
    AggregateUDF::from(Measures { merges: false }).call(vec![order_time, amount])
}

/// `rfm_measures_of_orders(measures)`: a row holds the measures of the lines of one order.
pub fn measures_of_orders(measures: Expr) -> Expr {
    AggregateUDF::from(Measures { merges: true }).call(vec![measures])
}

/// The type of the sum of amounts of such a type: decimals get ten digits more, as in SQL's `sum`.
pub fn monetary_type(amount: &DataType) -> DataType {
    match amount_type(amount) {
        DataType::Decimal128(precision, scale) => DataType::Decimal128((precision + 10).min(DECIMAL128_MAX_PRECISION), scale),
        other => other,
    }
}

/// The fields of the aggregate's result.
fn fields(order_time: &DataType, monetary: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("last_order", order_time.clone(), true),
        Field::new("frequency", DataType::Int64, true),
        Field::new("monetary", monetary.clone(), true),
    ])
}

#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Measures {
    merges: bool,
}

impl Plain for Measures {
    const NAME: &'static str = "rfm_measures";
}

impl AggregateUDFImpl for Measures {
    fn name(&self) -> &str {
        if self.merges { "rfm_measures_of_orders" } else { "rfm_measures" }
    }

    fn signature(&self) -> &Signature {
        any_arguments()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [measures] => Ok(measures.clone()),
            [order_time, amount] => Ok(DataType::Struct(fields(order_time, &monetary_type(amount)))),
            _ => internal_err!("rfm_measures takes a time and an amount"),
        }
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type| Arc::new(Field::new(format!("{}[{name}]", arguments.name), data_type, false));
        Ok(vec![
            field("last", DataType::Int64),
            field("orders", DataType::UInt64),
            field("total", DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0)),
            field("odd", ODD_STATE),
        ])
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup(MeasuresAccumulator::try_new(self.merges, &arguments)?)))
    }

    fn groups_accumulator_supported(&self, _arguments: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(InChunks(Box::new(MeasuresAccumulator::try_new(self.merges, &arguments)?))))
    }
}

#[derive(Debug, Clone, Copy)]
struct Measure {
    last: i64,
    orders: u64,
    total: i128,
}

impl Measure {
    const NONE: Self = Self { last: i64::MIN, orders: 0, total: 0 };

    /// Adds one row or state; true when the total overflows. It has no branch, so that the processor can wait for the cache lines of
    /// many customers at once.
    #[inline]
    fn add(&mut self, last: i64, orders: u64, amount: i128) -> bool {
        let (total, overflows) = self.total.overflowing_add(amount);
        *self = Self { last: self.last.max(last), orders: self.orders + orders, total };
        overflows
    }
}

fn too_large() -> datafusion::error::DataFusionError {
    unusable("rfm", "the sum of amount is too large for its type; use a smaller unit or CAST(amount AS DOUBLE)")
}

#[derive(Debug)]
struct MeasuresAccumulator {
    merges: bool,
    fields: Fields,
    groups: Chunks<Measure>,
    /// The sums of amounts that are odd floats, for the groups that have any.
    odd: BTreeMap<usize, Superaccumulator>,
}

impl MeasuresAccumulator {
    fn new(merges: bool, fields: Fields) -> Self {
        Self { merges, fields, groups: Chunks::new(1), odd: BTreeMap::new() }
    }

    fn try_new(merges: bool, arguments: &AccumulatorArgs<'_>) -> Result<Self> {
        match arguments.return_field.data_type() {
            DataType::Struct(fields) => Ok(Self::new(merges, fields.clone())),
            other => internal_err!("rfm_measures returns a struct, not {other}"),
        }
    }

    fn update(&mut self, groups: &[usize], times: &ArrayRef, amounts: &ArrayRef, filter: Option<&BooleanArray>) -> Result<()> {
        let unusable = filter.map_or(0, |filter| filter.len() - filter.true_count());
        if unusable > 0 || times.null_count() > 0 || amounts.null_count() > 0 {
            return internal_err!("rfm_measures reads usable rows only");
        }
        match times.data_type() {
            DataType::Date32 => {
                let times = times.as_primitive::<Date32Type>().values();
                self.update_amounts(groups, times.iter().map(|day| i64::from(*day)), amounts)
            }
            _ => self.update_amounts(groups, ticks(times)?.iter().copied(), amounts),
        }
    }

    fn update_amounts(&mut self, groups: &[usize], times: impl Iterator<Item = i64>, amounts: &ArrayRef) -> Result<()> {
        match amounts.data_type() {
            DataType::Int64 => {
                let amounts = amounts.as_primitive::<Int64Type>().values();
                self.add_rows(groups, times, amounts.iter().map(|amount| i128::from(*amount)))
            }
            DataType::Decimal128(_, _) => {
                let amounts = amounts.as_primitive::<Decimal128Type>().values();
                self.add_rows(groups, times, amounts.iter().copied())
            }
            DataType::Float64 => {
                let amounts = amounts.as_primitive::<Float64Type>().values();
                let mut odd = false;
                let units = amounts.iter().map(|amount| {
                    let units = to_fixed_point(*amount);
                    odd |= units.is_none();
                    units.unwrap_or(0)
                });
                self.add_rows(groups, times, units)?;
                if odd { self.add_odd(groups, amounts) } else { Ok(()) }
            }
            other => internal_err!("rfm_measures cannot add up {other}"),
        }
    }

    #[inline]
    fn add_rows(
        &mut self,
        groups: &[usize],
        times: impl Iterator<Item = i64>,
        amounts: impl Iterator<Item = i128>,
    ) -> Result<()> {
        let mut overflows = false;
        for ((group, time), amount) in groups.iter().zip(times).zip(amounts) {
            overflows |= self.groups.value(*group).add(time, 1, amount);
        }
        if overflows { Err(too_large()) } else { Ok(()) }
    }

    /// Adds the odd amounts; their rows are already counted.
    fn add_odd(&mut self, groups: &[usize], amounts: &[f64]) -> Result<()> {
        for (group, amount) in groups.iter().zip(amounts).filter(|(_, amount)| to_fixed_point(**amount).is_none()) {
            if !amount.is_finite() {
                return Err(too_large());
            }
            self.odd.entry(*group).or_default().add(*amount);
        }
        Ok(())
    }

    /// Removes the first groups; the others move up to the front.
    fn take(&mut self, emit: EmitTo) -> (Vec<Measure>, BTreeMap<usize, Superaccumulator>) {
        let groups = self.groups.remove_first(match emit {
            EmitTo::All => self.groups.len(),
            EmitTo::First(first) => first,
        });
        let rest = self.odd.split_off(&groups.len());
        let rest = rest.into_iter().map(|(group, sum)| (group - groups.len(), sum)).collect();
        (groups, std::mem::replace(&mut self.odd, rest))
    }
}

fn ticks(times: &ArrayRef) -> Result<&[i64]> {
    Ok(match times.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => times.as_primitive::<TimestampSecondType>().values(),
        DataType::Timestamp(TimeUnit::Millisecond, _) => times.as_primitive::<TimestampMillisecondType>().values(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => times.as_primitive::<TimestampMicrosecondType>().values(),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => times.as_primitive::<TimestampNanosecondType>().values(),
        other => return internal_err!("rfm_measures cannot order {other}"),
    })
}

fn column<T: ArrowPrimitiveType>(values: &[ArrayRef], index: usize) -> &[T::Native] {
    values[index].as_primitive::<T>().values()
}

impl GroupsAccumulator for MeasuresAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.groups.grow(total, &[Measure::NONE]);
        if !self.merges {
            return self.update(groups, &values[0], &values[1], filter);
        }
        // The measures of one order, whose lines are already combined.
        let orders = values[0].as_struct();
        self.update(groups, orders.column(0), orders.column(2), filter)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.groups.grow(total, &[Measure::NONE]);
        let lasts = column::<Int64Type>(values, 0);
        let orders = column::<UInt64Type>(values, 1);
        let totals = column::<Decimal128Type>(values, 2);
        let mut overflows = false;
        for (row, group) in groups.iter().enumerate() {
            overflows |= self.groups.value(*group).add(lasts[row], orders[row], totals[row]);
        }
        for (group, odd) in groups.iter().zip(read_odd_state(&values[3])).filter(|(_, odd)| !odd.is_empty()) {
            self.odd.entry(*group).or_default().merge_words(&odd);
        }
        if overflows { Err(too_large()) } else { Ok(()) }
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let (groups, odd) = self.take(emit);
        Ok(state_columns(&groups, &odd))
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let mut each = Self::new(self.merges, self.fields.clone());
        let groups: Vec<usize> = (0..rows).collect();
        each.update_batch(values, &groups, filter, rows)?;
        each.state(EmitTo::All)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let (groups, odd) = self.take(emit);
        Ok(Arc::new(results(&self.fields, &groups, &odd)?))
    }

    fn size(&self) -> usize {
        self.groups.size() + self.odd.len() * ODD_BYTES
    }
}

impl Chunked for MeasuresAccumulator {
    fn is_chunked(&self) -> bool {
        true
    }

    fn take_chunk(&mut self, groups: &Range<usize>) -> Result<Box<dyn Chunked>> {
        let mut odd = self.odd.split_off(&groups.start);
        self.odd.append(&mut odd.split_off(&groups.end));
        let odd = odd.into_iter().map(|(group, sum)| (group - groups.start, sum)).collect();
        Ok(Box::new(Self { merges: self.merges, fields: self.fields.clone(), groups: self.groups.take(groups), odd }))
    }

    fn absorb(&mut self, other: Box<dyn Chunked>) -> Result<()> {
        let other: Box<dyn Any> = other;
        let Ok(other) = other.downcast::<Self>() else { return internal_err!("rfm_measures absorbs its own chunks") };
        self.groups.grow(other.groups.len(), &[Measure::NONE]);
        let mut overflows = false;
        for (group, measure) in other.groups.iter().flatten().enumerate() {
            overflows |= self.groups.value(group).add(measure.last, measure.orders, measure.total);
        }
        for (group, odd) in other.odd {
            self.odd.entry(group).or_default().merge(&odd);
        }
        if overflows { Err(too_large()) } else { Ok(()) }
    }
}

/// Bytes that the odd amounts of a group usually take, including its entry in the tree.
const ODD_BYTES: usize = 2 * size_of::<(usize, Superaccumulator)>() + 4 * size_of::<i64>();

fn state_columns(groups: &[Measure], odd: &BTreeMap<usize, Superaccumulator>) -> Vec<ArrayRef> {
    // The total is stored as plain 128 bits; its precision is checked when the sum is returned.
    let totals = Decimal128Array::from_iter_values(groups.iter().map(|group| group.total))
        .with_data_type(DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0));
    vec![
        Arc::new(Int64Array::from_iter_values(groups.iter().map(|group| group.last))),
        Arc::new(UInt64Array::from_iter_values(groups.iter().map(|group| group.orders))),
        Arc::new(totals),
        odd_state((0..groups.len()).map(|group| odd.get(&group))),
    ]
}

fn results(fields: &Fields, groups: &[Measure], odd: &BTreeMap<usize, Superaccumulator>) -> Result<StructArray> {
    let lasts: ArrayRef = match fields[0].data_type() {
        DataType::Date32 => Arc::new(Date32Array::from_iter_values(groups.iter().map(|group| group.last as i32))),
        other => cast(&Int64Array::from_iter_values(groups.iter().map(|group| group.last)), other)?,
    };
    let orders = Int64Array::from_iter_values(groups.iter().map(|group| group.orders as i64));
    let totals = groups.iter().map(|group| group.total);
    let totals: ArrayRef = match fields[2].data_type() {
        DataType::Int64 => {
            let totals: Result<Vec<i64>> = totals.map(|total| i64::try_from(total).map_err(|_| too_large())).collect();
            Arc::new(Int64Array::from(totals?))
        }
        DataType::Decimal128(precision, scale) => {
            let totals = Decimal128Array::from_iter_values(totals).with_precision_and_scale(*precision, *scale)?;
            totals.validate_decimal_precision(*precision).map_err(|_| too_large())?;
            Arc::new(totals)
        }
        _ => {
            let sums: Vec<f64> = totals.enumerate().map(|(group, total)| from_fixed_point(total, odd.get(&group))).collect();
            if sums.iter().any(|sum| sum.is_infinite()) {
                return Err(too_large());
            }
            Arc::new(Float64Array::from(sums))
        }
    };
    Ok(StructArray::try_new(fields.clone(), vec![lasts, Arc::new(orders), totals], None)?)
}

/// The same for a single group, which DataFusion may ask for when there is no GROUP BY.
#[derive(Debug)]
struct OneGroup(MeasuresAccumulator);

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values[0].len()];
        self.0.update_batch_groups(values, &groups)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; states[0].len()];
        GroupsAccumulator::merge_batch(&mut self.0, states, &groups, 1)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        state_columns(&[self.0.only()], &self.0.odd).iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let only = self.0.only();
        ScalarValue::try_from_array(&results(&self.0.fields, &[only], &self.0.odd)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + GroupsAccumulator::size(&self.0)
    }
}

impl MeasuresAccumulator {
    fn update_batch_groups(&mut self, values: &[ArrayRef], groups: &[usize]) -> Result<()> {
        GroupsAccumulator::update_batch(self, values, groups, None, 1)
    }

    /// The measures of the only group.
    fn only(&mut self) -> Measure {
        self.groups.grow(1, &[Measure::NONE]);
        *self.groups.value(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_add_up_to_the_correctly_rounded_sum() {
        let sum = |amounts: &[f64]| {
            let fields = fields(&DataType::Date32, &DataType::Float64);
            let mut measures = MeasuresAccumulator::new(false, fields);
            let times: ArrayRef = Arc::new(Date32Array::from(vec![0; amounts.len()]));
            let amounts: ArrayRef = Arc::new(Float64Array::from(amounts.to_vec()));
            let groups: Vec<usize> = (0..amounts.len()).map(|row| row % 2).collect();
            measures.update_batch(&[times, amounts], &groups, None, 2).unwrap();
            let states = measures.state(EmitTo::All).unwrap();
            // Both groups are merged into the second of three.
            measures.merge_batch(&states, &[1, 1], 3).unwrap();
            let first = measures.evaluate(EmitTo::First(1)).unwrap();
            assert_eq!(first.as_struct().column(2).as_primitive::<Float64Type>().value(0), 0.0);
            let found = measures.evaluate(EmitTo::All).unwrap();
            found.as_struct().column(2).as_primitive::<Float64Type>().value(0)
        };
        for (mut amounts, expected) in [
            (vec![0.1, 0.2, 0.3, 1e15, -1e15, 0.000_976_562_5], 0.600_976_562_5),
            (vec![1e300, 1e-30, -1e300], 1e-30),
            (vec![1e-10, 2e-10, 3e-10], 6e-10),
        ] {
            assert_eq!(sum(&amounts), expected);
            amounts.reverse();
            assert_eq!(sum(&amounts), expected);
        }
    }

    #[test]
    fn sums_never_wrap() {
        let mut measure = Measure { last: 0, orders: 1, total: i128::MAX - 1 };
        assert!(!measure.add(0, 1, 1));
        assert!(measure.add(0, 1, 1));
    }
}
