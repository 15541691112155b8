//! `approx_percentile_cont`, also with weights, and `approx_median`: the same whatever the partitions and the order of rows.
//!
//! The engine's t-digest depends on both, in the second or third digit. Here numbers are counted in buckets ([`Quantiles`]). The number of
//! centroids that a call may ask for is the least number of buckets between a number and its double.

use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Schema};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::approx_median::approx_median_udaf;
use datafusion::functions_aggregate::approx_percentile_cont::approx_percentile_cont_udaf;
use datafusion::functions_aggregate::approx_percentile_cont_with_weight::approx_percentile_cont_with_weight_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl};
use datafusion::physical_expr::PhysicalExpr;

use super::of_engine::of_engine;
use super::sliding::Refilled;
use crate::error::invalid;
use crate::kernels::quantiles::{Precision, Quantiles, WeightedQuantiles};

pub fn percentile_cont() -> AggregateUDF {
    AggregateUDF::from(Approximate { engine: approx_percentile_cont_udaf(), share: Some(1) })
}

pub fn percentile_cont_with_weight() -> AggregateUDF {
    AggregateUDF::from(Approximate { engine: approx_percentile_cont_with_weight_udaf(), share: Some(2) })
}

pub fn median() -> AggregateUDF {
    AggregateUDF::from(Approximate { engine: approx_median_udaf(), share: None })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Approximate {
    engine: Arc<AggregateUDF>,
    /// The place of the share among the arguments; that of the number of centroids is the next one. A weight stands before it.
    share: Option<usize>,
}

/// Whether the engine computes a call with these arguments.
fn is_engines(arguments: &[FieldRef]) -> bool {
    arguments.first().is_some_and(|values| values.data_type().is_null())
}

/// The value of a constant.
fn constant(argument: &Arc<dyn PhysicalExpr>) -> Result<f64> {
    let value = argument.evaluate(&RecordBatch::new_empty(Arc::new(Schema::empty())))?.to_array(1)?;
    Ok(cast(&value, &DataType::Float64)?.as_primitive::<Float64Type>().value(0))
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
        // The engine checks the constants.
        self.engine.accumulator(arguments.clone())?;
        let (mut share, mut precision) = (0.5, Precision::default());
        if let Some(place) = self.share {
            share = constant(&arguments.exprs[place])?;
            if arguments.order_bys.first().is_some_and(|order| order.options.descending) {
                share = 1.0 - share;
            }
            if let Some(centroids) = arguments.exprs.get(place + 1) {
                precision = Precision::of_buckets(constant(centroids)? as usize);
            }
        }
        let result = arguments.return_field.data_type().clone();
        let numbers = match self.share {
            Some(2) => Numbers::Weighted(WeightedQuantiles::new(precision)),
            _ => Numbers::Counted(Quantiles::new(precision)),
        };
        Ok(Box::new(One { numbers, share, result }))
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let own = AggregateUDF::from(Self { engine: Arc::clone(&self.engine), share: self.share });
        Ok(Box::new(Refilled::new(Arc::new(own), &arguments)))
    }
}

#[derive(Debug)]
struct One {
    numbers: Numbers,
    share: f64,
    result: DataType,
}

#[derive(Debug)]
enum Numbers {
    Counted(Quantiles),
    Weighted(WeightedQuantiles),
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let numbers = cast(&values[0], &DataType::Float64)?;
        let numbers = numbers.as_primitive::<Float64Type>().iter();
        match &mut self.numbers {
            Numbers::Counted(quantiles) => numbers.flatten().for_each(|number| quantiles.add(number)),
            Numbers::Weighted(quantiles) => {
                let weights = cast(&values[1], &DataType::Float64)?;
                for (number, weight) in numbers.zip(weights.as_primitive::<Float64Type>()) {
                    let (Some(number), Some(weight)) = (number, weight) else { continue };
                    if !(0.0..f64::INFINITY).contains(&weight) {
                        let problem = format!("a weight must be a number from 0, got {weight}; leave such rows out with WHERE");
                        return Err(invalid("approx_percentile_cont_with_weight", problem));
                    }
                    quantiles.add(number, weight);
                }
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for bytes in states[0].as_binary::<i64>().iter().flatten() {
            match &mut self.numbers {
                Numbers::Counted(quantiles) => quantiles.merge(bytes),
                Numbers::Weighted(quantiles) => quantiles.merge(bytes),
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let bytes = match &self.numbers {
            Numbers::Counted(quantiles) => quantiles.bytes(),
            Numbers::Weighted(quantiles) => quantiles.bytes(),
        };
        Ok(vec![ScalarValue::LargeBinary(Some(bytes))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = match &self.numbers {
            Numbers::Counted(quantiles) => quantiles.value(self.share),
            Numbers::Weighted(quantiles) => quantiles.value(self.share),
        };
        ScalarValue::try_from_array(&cast(&Float64Array::from(vec![value]), &self.result)?, 0)
    }

    fn size(&self) -> usize {
        let heap = match &self.numbers {
            Numbers::Counted(quantiles) => quantiles.size(),
            Numbers::Weighted(quantiles) => quantiles.size(),
        };
        size_of::<Self>() + heap
    }
}
