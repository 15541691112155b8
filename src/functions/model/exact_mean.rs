//! The mean of numbers, the same to the last digit for any order and any number of partitions: the sum is exact and rounded once.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature};
use serde::{Deserialize, Serialize};

use crate::adapter::amounts::{ODD_STATE, odd_state, read_odd_state};
use crate::adapter::any_arguments;
use crate::adapter::plain::Plain;
use crate::kernels::superaccumulator::Superaccumulator;

/// The mean of an expression of type DOUBLE. NULLs are ignored; without values the mean is NULL.
pub fn exact_mean(value: Expr) -> Expr {
    AggregateUDF::from(ExactMean {}).call(vec![value])
}

#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ExactMean {}

impl Plain for ExactMean {
    const NAME: &'static str = "exact_mean";
}

impl AggregateUDFImpl for ExactMean {
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
        let field = |name: &str, data_type| Arc::new(Field::new(format!("{}[{name}]", arguments.name), data_type, false));
        Ok(vec![field("count", DataType::Int64), field("sum", ODD_STATE), field("beyond", DataType::Float64)])
    }

    fn accumulator(&self, _arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Mean::default()))
    }
}

#[derive(Debug, Default)]
struct Mean {
    count: i64,
    sum: Superaccumulator,
    /// The sum of the infinite and NaN values, which then is the mean; 0 if there are none.
    beyond: f64,
}

impl Accumulator for Mean {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in values[0].as_primitive::<Float64Type>().iter().flatten() {
            self.count += 1;
            if value.is_finite() {
                self.sum.add(value);
            } else {
                self.beyond += value;
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let counts = states[0].as_primitive::<Int64Type>().values();
        let beyond = states[2].as_primitive::<Float64Type>().values();
        for ((count, sum), beyond) in counts.iter().zip(read_odd_state(&states[1])).zip(beyond) {
            self.count += count;
            self.sum.merge_words(&sum);
            self.beyond += beyond;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = ScalarValue::try_from_array(&odd_state(std::iter::once(Some(&self.sum))), 0)?;
        Ok(vec![ScalarValue::Int64(Some(self.count)), sum, ScalarValue::Float64(Some(self.beyond))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mean = || self.sum.value() / self.count as f64 + self.beyond;
        Ok(ScalarValue::Float64((self.count > 0).then(mean)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sum.heap()
    }
}
