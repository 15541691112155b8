//! `approx_percentile_cont` and `approx_median`, the same whatever the partitions and the order of rows.
//!
//! The engine's t-digest depends on both, in the second or third digit. Here numbers are counted in buckets ([`Quantiles`]). A call that
//! asks for a number of centroids gets the t-digest that has them.

use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Schema};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::approx_median::approx_median_udaf;
use datafusion::functions_aggregate::approx_percentile_cont::approx_percentile_cont_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl};

use super::sliding::Refilled;
use crate::builtins::of_engine::of_engine;
use crate::kernels::quantiles::Quantiles;

pub fn percentile_cont() -> AggregateUDF {
    AggregateUDF::from(Approximate { engine: approx_percentile_cont_udaf() })
}

pub fn median() -> AggregateUDF {
    AggregateUDF::from(Approximate { engine: approx_median_udaf() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Approximate {
    engine: Arc<AggregateUDF>,
}

/// Whether the engine computes a call with these arguments.
fn is_engines(arguments: &[FieldRef]) -> bool {
    arguments.len() > 2 || arguments.first().is_some_and(|values| values.data_type().is_null())
}

impl AggregateUDFImpl for Approximate {
    of_engine!(name, aliases, signature, return_type, supports_within_group_clause, documentation);

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        match is_engines(arguments.input_fields) {
            true => self.engine.state_fields(arguments),
            false => Ok(vec![Field::new(format_state_name(arguments.name, "buckets"), DataType::LargeBinary, false).into()]),
        }
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if is_engines(arguments.expr_fields) {
            return self.engine.accumulator(arguments);
        }
        let share = match arguments.exprs.get(1) {
            None => 0.5,
            Some(share) => {
                let share = share.evaluate(&RecordBatch::new_empty(Arc::new(Schema::empty())))?.to_array(1)?;
                let share = cast(&share, &DataType::Float64)?.as_primitive::<Float64Type>().value(0);
                let descending = arguments.order_bys.first().is_some_and(|order| order.options.descending);
                if descending { 1.0 - share } else { share }
            }
        };
        let result = arguments.return_field.data_type().clone();
        // The engine checks the share.
        self.engine.accumulator(arguments)?;
        Ok(Box::new(One { quantiles: Quantiles::default(), share, result }))
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let own = AggregateUDF::from(Self { engine: Arc::clone(&self.engine) });
        Ok(Box::new(Refilled::new(Arc::new(own), &arguments)))
    }
}

#[derive(Debug)]
struct One {
    quantiles: Quantiles,
    share: f64,
    result: DataType,
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let numbers = cast(&values[0], &DataType::Float64)?;
        numbers.as_primitive::<Float64Type>().iter().flatten().for_each(|number| self.quantiles.add(number));
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_binary::<i64>().iter().flatten().for_each(|bytes| self.quantiles.merge(bytes));
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::LargeBinary(Some(self.quantiles.bytes()))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = Float64Array::from(vec![self.quantiles.value(self.share)]);
        ScalarValue::try_from_array(&cast(&value, &self.result)?, 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.quantiles.size()
    }
}
