//! `sum` of integers: the sum, or an error if it does not fit; intermediate sums never wrap.
//!
//! The engine's own `sum` adds in 64 bits. Here every group has 128 bits, enough for 2⁶⁴ numbers of 64 bits: the order of rows
//! and partial sums do not matter, only whether the final sum is a BIGINT. Floats are summed by [`moments`], which is exact too.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Decimal128Type, Field, FieldRef, Int64Type, UInt64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
};

use super::moments;
use super::of_engine::of_engine;
use super::wide_decimals::{self, Wide, is_wide, widened};
use crate::error::{SqlState, coded};
use crate::kernels::sums::moments::Moment;

/// The aggregate, under the engine's name.
pub fn udaf() -> AggregateUDF {
    AggregateUDF::from(ExactSum { engine: Sum::new() })
}

/// The type of partial sums between partitions.
const STATE: DataType = DataType::Decimal128(38, 0);

/// Integers are summed here, floats by [`moments`], everything else by the engine.
#[derive(Debug)]
struct ExactSum {
    engine: Sum,
}

impl PartialEq for ExactSum {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for ExactSum {}

impl Hash for ExactSum {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.engine.name().hash(state);
    }
}

fn is_ours(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int64 | DataType::UInt64)
}

impl AggregateUDFImpl for ExactSum {
    of_engine!(name, signature, return_type);

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        if arguments.input_fields.iter().any(|field| is_wide(field.data_type())) {
            return wide_decimals::state_fields(&self.engine, &arguments, widened);
        }
        if *arguments.return_type() == DataType::Float64 {
            return Ok(moments::state_fields(Moment::Sum, &arguments));
        }
        if !is_ours(arguments.return_type()) {
            return self.engine.state_fields(arguments);
        }
        let field = if arguments.is_distinct {
            Field::new_list(format_state_name(arguments.name, "distinct"), Field::new_list_field(STATE, true), false)
        } else {
            Field::new(format_state_name(arguments.name, "sum"), STATE, true)
        };
        Ok(vec![Arc::new(field)])
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if arguments.expr_fields.iter().any(|field| is_wide(field.data_type())) {
            return Wide::new(&self.engine, arguments, widened)?.accumulator(&self.engine, false);
        }
        if *arguments.return_type() == DataType::Float64 {
            return moments::accumulator(Moment::Sum, &arguments);
        }
        if !is_ours(arguments.return_type()) {
            return self.engine.accumulator(arguments);
        }
        let result = Outcome::of(&arguments);
        Ok(match arguments.is_distinct {
            true => Box::new(DistinctSum { counts: HashMap::new(), result }),
            false => Box::new(RunningSum { sum: 0, rows: 0, result }),
        })
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if arguments.expr_fields.iter().any(|field| is_wide(field.data_type())) {
            return Wide::new(&self.engine, arguments, widened)?.accumulator(&self.engine, true);
        }
        match is_ours(arguments.return_type()) || *arguments.return_type() == DataType::Float64 {
            true => self.accumulator(arguments),
            false => self.engine.create_sliding_accumulator(arguments),
        }
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs<'_>) -> bool {
        !arguments.is_distinct
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        if arguments.expr_fields.iter().any(|field| is_wide(field.data_type())) {
            return Wide::new(&self.engine, arguments, widened)?.groups_accumulator(&self.engine);
        }
        if *arguments.return_type() == DataType::Float64 {
            return Ok(moments::groups_accumulator(Moment::Sum));
        }
        if !is_ours(arguments.return_type()) {
            return self.engine.create_groups_accumulator(arguments);
        }
        Ok(Box::new(GroupSums { sums: vec![], seen: vec![], result: Outcome::of(&arguments) }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.engine.set_monotonicity(data_type)
    }
}

/// Converts a sum to the result type.
#[derive(Debug, Clone)]
struct Outcome {
    /// The call as written, for errors.
    name: String,
    data_type: DataType,
}

impl Outcome {
    fn of(arguments: &AccumulatorArgs<'_>) -> Self {
        Self { name: arguments.name.to_string(), data_type: arguments.return_type().clone() }
    }

    fn too_large(&self) -> DataFusionError {
        let data_type = if self.data_type == DataType::Int64 { "BIGINT" } else { "BIGINT UNSIGNED" };
        let problem = format!("the sum is out of the range of {data_type}; sum CAST(… AS DECIMAL(38, 0)) instead");
        coded(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, &self.name, problem)
    }

    fn value(&self, sum: Option<i128>) -> Result<ScalarValue> {
        let convert = |sum: Option<i128>| match self.data_type {
            DataType::Int64 => sum.map(i64::try_from).transpose().map(ScalarValue::Int64),
            _ => sum.map(u64::try_from).transpose().map(ScalarValue::UInt64),
        };
        convert(sum).map_err(|_| self.too_large())
    }

    fn column(&self, sums: &[i128], seen: &[bool]) -> Result<ArrayRef> {
        fn of<T: ArrowPrimitiveType>(sums: &[i128], seen: &[bool]) -> Option<ArrayRef>
        where
            T::Native: TryFrom<i128>,
        {
            let values: Option<Vec<T::Native>> = sums.iter().map(|sum| T::Native::try_from(*sum).ok()).collect();
            Some(Arc::new(PrimitiveArray::<T>::new(values?.into(), Some(NullBuffer::from(seen)))))
        }
        let column = match self.data_type {
            DataType::Int64 => of::<Int64Type>(sums, seen),
            _ => of::<UInt64Type>(sums, seen),
        };
        column.ok_or_else(|| self.too_large())
    }
}

/// Calls `take` with the row and number of every value in a column that is not NULL.
fn numbers(column: &ArrayRef, take: impl FnMut(usize, i128)) -> Result<()> {
    fn of<T: ArrowPrimitiveType>(column: &ArrayRef, mut take: impl FnMut(usize, i128))
    where
        T::Native: Into<i128>,
    {
        let column = column.as_primitive::<T>();
        match column.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => column.values().iter().enumerate().for_each(|(row, value)| take(row, (*value).into())),
            Some(nulls) => nulls.valid_indices().for_each(|row| take(row, column.value(row).into())),
        }
    }
    match column.data_type() {
        DataType::Int64 => of::<Int64Type>(column, take),
        DataType::UInt64 => of::<UInt64Type>(column, take),
        DataType::Decimal128(..) => of::<Decimal128Type>(column, take),
        other => return internal_err!("a sum of whole numbers got {other}"),
    }
    Ok(())
}

fn partial_sums(sums: Vec<i128>, seen: &[bool]) -> ArrayRef {
    Arc::new(PrimitiveArray::<Decimal128Type>::new(sums.into(), Some(NullBuffer::from(seen))).with_data_type(STATE))
}

/// The sum of one group.
#[derive(Debug)]
struct RunningSum {
    sum: i128,
    rows: u64,
    result: Outcome,
}

impl Accumulator for RunningSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.rows += (values[0].len() - values[0].null_count()) as u64;
        numbers(&values[0], |_, value| self.sum += value)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.rows -= (values[0].len() - values[0].null_count()) as u64;
        numbers(&values[0], |_, value| self.sum -= value)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Decimal128((self.rows > 0).then_some(self.sum), 38, 0)])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.result.value((self.rows > 0).then_some(self.sum))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.result.name.capacity()
    }
}

/// The sum of the distinct numbers of one group.
#[derive(Debug)]
struct DistinctSum {
    counts: HashMap<i128, u64>,
    result: Outcome,
}

impl Accumulator for DistinctSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        numbers(&values[0], |_, value| *self.counts.entry(value).or_default() += 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        numbers(&values[0], |_, value| {
            if let Some(count) = self.counts.get_mut(&value) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&value);
                }
            }
        })
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_list::<i32>().iter().flatten().try_for_each(|values| self.update_batch(&[values]))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut values: Vec<i128> = self.counts.keys().copied().collect();
        values.sort_unstable();
        let values = PrimitiveArray::<Decimal128Type>::from_iter_values(values).with_data_type(STATE);
        Ok(vec![SingleRowListArrayBuilder::new(Arc::new(values)).build_list_scalar()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.result.value((!self.counts.is_empty()).then(|| self.counts.keys().sum()))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.result.name.capacity() + self.counts.capacity() * (size_of::<(i128, u64)>() + 1)
    }
}

/// The sums of many groups.
#[derive(Debug)]
struct GroupSums {
    sums: Vec<i128>,
    /// Whether a group has any value that is not NULL.
    seen: Vec<bool>,
    result: Outcome,
}

impl GroupSums {
    fn emit(&mut self, emit: EmitTo) -> (Vec<i128>, Vec<bool>) {
        (emit.take_needed(&mut self.sums), emit.take_needed(&mut self.seen))
    }
}

impl GroupsAccumulator for GroupSums {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.sums.resize(total, 0);
        self.seen.resize(total, false);
        let Self { sums, seen, .. } = self;
        let mut add = |row: usize, value: i128| {
            sums[groups[row]] += value;
            seen[groups[row]] = true;
        };
        match filter {
            None => numbers(&values[0], add),
            Some(filter) => numbers(&values[0], |row, value| {
                if filter.is_valid(row) && filter.value(row) {
                    add(row, value);
                }
            }),
        }
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.update_batch(states, groups, None, total)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let (sums, seen) = self.emit(emit);
        self.result.column(&sums, &seen)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, seen) = self.emit(emit);
        Ok(vec![partial_sums(sums, &seen)])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let mut each = Self { sums: vec![], seen: vec![], result: self.result.clone() };
        each.update_batch(values, &(0..rows).collect::<Vec<_>>(), filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>() + self.seen.capacity() + self.result.name.capacity()
    }
}
