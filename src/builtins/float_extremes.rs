//! `max` and `min` of floats that may contain NaN.
//!
//! NaN is greater than all other values, as in ORDER BY and in comparisons. The engine does this for a whole table, but within
//! groups it compares like the hardware, where NaN is neither less nor greater: there, the smallest of 1, NaN and 2 is 2. Here
//! floats are compared as integers in the same order.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};

use super::of_engine::of_engine;

/// The function that replaces the engine's `max` or `min`, for floats.
pub fn of_floats(engine: &AggregateUDF) -> Option<AggregateUDF> {
    let engine = match engine.name() {
        "max" if *engine == *max_udaf() => max_udaf(),
        "min" if *engine == *min_udaf() => min_udaf(),
        _ => return None,
    };
    Some(AggregateUDF::from(Extreme { engine, signature: Signature::any(1, Volatility::Immutable) }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    engine: Arc<AggregateUDF>,
    signature: Signature,
}

impl AggregateUDFImpl for Extreme {
    of_engine!(name, return_type);

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Field::new(format_state_name(arguments.name, self.name()), DataType::Int64, true).into()])
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let result = arguments.return_field.data_type().clone();
        Ok(Box::new(One { ranks: self.engine.accumulator(over_ranks(&arguments, &ranks()))?, result }))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let result = arguments.return_field.data_type().clone();
        Ok(Box::new(Groups { ranks: self.engine.create_groups_accumulator(over_ranks(&arguments, &ranks()))?, result }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

fn ranks() -> [FieldRef; 1] {
    [Field::new("ranks", DataType::Int64, true).into()]
}

fn over_ranks<'a>(arguments: &AccumulatorArgs<'a>, ranks: &'a [FieldRef; 1]) -> AccumulatorArgs<'a> {
    AccumulatorArgs {
        return_field: Arc::clone(&ranks[0]),
        schema: arguments.schema,
        ignore_nulls: arguments.ignore_nulls,
        order_bys: arguments.order_bys,
        is_reversed: arguments.is_reversed,
        name: arguments.name,
        is_distinct: arguments.is_distinct,
        exprs: arguments.exprs,
        expr_fields: ranks,
    }
}

/// Maps the bits of a float to an integer that sorts like the float. Applied twice, it returns the original.
fn turned(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

fn ranks_of(values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    // Adding 0.0 turns -0.0 into 0.0, so that both zeros rank the same.
    let rank = |number: f64| if number.is_nan() { i64::MAX } else { turned((number + 0.0).to_bits() as i64) };
    let ranked = values.iter().map(|values| {
        let ranks: Int64Array = cast(values, &DataType::Float64)?.as_primitive::<Float64Type>().unary(rank);
        Ok(Arc::new(ranks) as ArrayRef)
    });
    ranked.collect()
}

fn floats_of(ranks: &ArrayRef, result: &DataType) -> Result<ArrayRef> {
    let float = |rank: i64| if rank == i64::MAX { f64::NAN } else { f64::from_bits(turned(rank) as u64) };
    let floats: Float64Array = ranks.as_primitive::<Int64Type>().unary(float);
    Ok(cast(&floats, result)?)
}

#[derive(Debug)]
struct One {
    ranks: Box<dyn Accumulator>,
    result: DataType,
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.ranks.update_batch(&ranks_of(values)?)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.ranks.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.ranks.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&floats_of(&self.ranks.evaluate()?.to_array()?, &self.result)?, 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.ranks.size()
    }
}

struct Groups {
    ranks: Box<dyn GroupsAccumulator>,
    result: DataType,
}

impl GroupsAccumulator for Groups {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.ranks.update_batch(&ranks_of(values)?, groups, filter, total)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.ranks.merge_batch(states, groups, total)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        floats_of(&self.ranks.evaluate(emit)?, &self.result)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.ranks.state(emit)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.ranks.convert_to_state(&ranks_of(values)?, filter)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.ranks.size()
    }
}
