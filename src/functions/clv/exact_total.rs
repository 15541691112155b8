//! The exact sum of floats, the same to the last digit for any order and any number of partitions.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature};
use serde::{Deserialize, Serialize};

use crate::adapter::amounts::{ODD_STATE, odd_state, read_odd_state};
use crate::adapter::any_arguments;
use crate::adapter::plain::Plain;
use crate::error::unusable;
use crate::kernels::superaccumulator::Superaccumulator;

/// The sum of an expression of type DOUBLE, whose values are finite; NULL is left out.
pub fn exact_total(value: Expr) -> Expr {
    AggregateUDF::from(ExactTotal {}).call(vec![value])
}

#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ExactTotal {}

impl Plain for ExactTotal {
    const NAME: &'static str = "exact_total";
}

impl AggregateUDFImpl for ExactTotal {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn signature(&self) -> &Signature {
        any_arguments()
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[sum]", arguments.name), ODD_STATE, false))])
    }

    fn accumulator(&self, _arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Total::default()))
    }
}

#[derive(Debug, Default)]
struct Total {
    sum: Superaccumulator,
}

impl Accumulator for Total {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in values[0].as_primitive::<Float64Type>().iter().flatten() {
            if !value.is_finite() {
                return Err(too_large());
            }
            self.sum.add(value);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for sum in read_odd_state(&states[0]) {
            self.sum.merge_words(&sum);
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::try_from_array(&odd_state(std::iter::once(Some(&self.sum))), 0)?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = self.sum.value();
        if sum.is_finite() { Ok(ScalarValue::Float64(Some(sum))) } else { Err(too_large()) }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sum.heap()
    }
}

fn too_large() -> datafusion::error::DataFusionError {
    unusable("clv_summary", "the sum of amount is too large for its type; use a larger unit of money")
}
