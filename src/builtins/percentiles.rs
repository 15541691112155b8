//! `percentile_cont` with exact interpolation between two values.
//!
//! The engine rounds the position between the two values down to a millionth, so 90 % of 0, 1, …, 11 is 9.899999. It keeps the
//! values of each group as its state, and the result is computed from them here.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type, Schema};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::functions_aggregate::percentile_cont::PercentileCont;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator};

use super::of_engine::of_engine;

/// `percentile_cont` under the engine's name.
pub fn percentile_cont() -> AggregateUDF {
    AggregateUDF::from(Exact { engine: PercentileCont::new() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Exact {
    engine: PercentileCont,
}

impl AggregateUDFImpl for Exact {
    of_engine!(name, aliases, signature, return_type);

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.engine.state_fields(arguments)
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let place = Place::of(&arguments)?;
        let is_distinct = arguments.is_distinct;
        let engine = self.engine.accumulator(arguments)?;
        Ok(match place {
            Some(place) => Box::new(One { engine, place, is_distinct }),
            None => engine,
        })
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs<'_>) -> bool {
        self.engine.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let place = Place::of(&arguments)?;
        let engine = self.engine.create_groups_accumulator(arguments)?;
        Ok(match place {
            Some(place) => Box::new(Groups { engine, place }),
            None => engine,
        })
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }
}

/// The position of the result in a sorted list of values.
#[derive(Debug, Clone)]
struct Place {
    share: f64,
    descending: bool,
    result: DataType,
}

impl Place {
    /// `None` if all values are NULL.
    fn of(arguments: &AccumulatorArgs<'_>) -> Result<Option<Self>> {
        let result = arguments.return_field.data_type().clone();
        let [values, ..] = arguments.expr_fields else { return internal_err!("percentile_cont takes a value") };
        if values.data_type().is_null() {
            return Ok(None);
        }
        let Some(share) = arguments.exprs.get(1) else { return internal_err!("percentile_cont takes a share") };
        let share = share.evaluate(&RecordBatch::new_empty(Arc::new(Schema::empty())))?.to_array(1)?;
        let share = cast(&share, &DataType::Float64)?.as_primitive::<Float64Type>().value(0);
        let descending = arguments.order_bys.first().is_some_and(|order| order.options.descending);
        Ok(Some(Self { share, descending, result }))
    }

    /// The result of each list of values.
    fn of_lists(&self, lists: &ArrayRef) -> Result<ArrayRef> {
        let results = lists.as_list::<i32>().iter().map(|values| {
            let Some(values) = values else { return Ok(None) };
            let values = cast(&values, &DataType::Float64)?;
            // A NaN may have a sign, as that of -'NaN'; it is greater than all other values either way.
            let one = |number: f64| if number.is_nan() { f64::NAN } else { number };
            Ok(self.of_values(values.as_primitive::<Float64Type>().iter().flatten().map(one).collect()))
        });
        Ok(cast(&results.collect::<Result<Float64Array>>()?, &self.result)?)
    }

    fn of_values(&self, mut values: Vec<f64>) -> Option<f64> {
        let place = self.share * values.len().checked_sub(1)? as f64;
        let order = |a: &f64, b: &f64| if self.descending { b.total_cmp(a) } else { a.total_cmp(b) };
        // Selection takes linear time; the next value is the smallest of those above.
        let (_, low, above) = values.select_nth_unstable_by(place as usize, order);
        let (low, part) = (*low, place.fract());
        match above.iter().copied().min_by(order) {
            Some(high) if part > 0.0 && high != low => Some(low + (high - low) * part),
            _ => Some(low),
        }
    }
}

#[derive(Debug)]
struct One {
    engine: Box<dyn Accumulator>,
    place: Place,
    is_distinct: bool,
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.engine.update_batch(values)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.engine.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.engine.supports_retract_batch()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.engine.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.engine.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let states = self.engine.state()?;
        let [values] = states.as_slice() else { return internal_err!("percentile_cont keeps a list of values") };
        let values = values.to_array()?;
        let result = ScalarValue::try_from_array(&self.place.of_lists(&values)?, 0);
        if !self.is_distinct {
            // Reading the state emptied the engine's accumulator, but a window continues to use it. A distinct accumulator keeps its
            // values.
            self.engine.merge_batch(&[values])?;
        }
        result
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.engine.size()
    }
}

struct Groups {
    engine: Box<dyn GroupsAccumulator>,
    place: Place,
}

impl GroupsAccumulator for Groups {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.engine.update_batch(values, groups, filter, total)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.engine.merge_batch(states, groups, total)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let states = self.engine.state(emit)?;
        let [values] = states.as_slice() else { return internal_err!("percentile_cont keeps a list of values") };
        self.place.of_lists(values)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.engine.state(emit)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.engine.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.engine.size()
    }
}
