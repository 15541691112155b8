//! The exact sums of a metric, as an aggregate in plans.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, lit};
use serde::{Deserialize, Serialize};

use crate::adapter::any_arguments;
use crate::adapter::plain::Plain;
use crate::kernels::experiment::moments::Moments;

/// The expressions that are summed for a metric, all of type DOUBLE.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The metric.
    pub metric: Expr,
    /// The denominator of a ratio.
    pub denominator: Option<Expr>,
    /// The covariate: the same metric before the experiment.
    pub covariate: Option<Expr>,
    /// The cap: greater values count as this one.
    pub cap: Option<Expr>,
}

/// The sums over rows whose metric and denominator are finite numbers, as bytes for [`read`].
pub fn moments(measured: Measured) -> Expr {
    let Measured { metric, denominator, covariate, cap } = measured;
    let function = ExperimentMoments { denominator: denominator.is_some(), covariate: covariate.is_some(), cap: cap.is_some() };
    let nothing = || lit(ScalarValue::Float64(None));
    let others = [denominator, covariate, cap].map(|value| value.unwrap_or_else(nothing));
    AggregateUDF::from(function).call(std::iter::once(metric).chain(others).collect())
}

/// The sums of one row of a column of them.
pub fn read(column: &ArrayRef, row: usize) -> Moments {
    let bytes = column.as_binary::<i32>();
    if bytes.is_null(row) {
        return Moments::default();
    }
    let words: Vec<i64> = bytes.value(row).as_chunks::<8>().0.iter().map(|word| i64::from_le_bytes(*word)).collect();
    Moments::read(&words)
}

#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ExperimentMoments {
    denominator: bool,
    covariate: bool,
    cap: bool,
}

impl Plain for ExperimentMoments {
    const NAME: &'static str = "experiment_moments";
}

impl AggregateUDFImpl for ExperimentMoments {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn signature(&self) -> &Signature {
        any_arguments()
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[sums]", arguments.name), DataType::Binary, true))])
    }

    fn accumulator(&self, _arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let Self { denominator, covariate, cap } = *self;
        Ok(Box::new(Sums { given: [denominator, covariate, cap], moments: Moments::default() }))
    }
}

#[derive(Debug)]
struct Sums {
    /// Whether there is a denominator, a covariate, a cap.
    given: [bool; 3],
    moments: Moments,
}

impl Sums {
    fn written(&self) -> ScalarValue {
        let bytes = self.moments.write().iter().flat_map(|word| word.to_le_bytes()).collect();
        ScalarValue::Binary(Some(bytes))
    }
}

impl Accumulator for Sums {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let columns: Vec<&Float64Array> = values.iter().map(|column| column.as_primitive::<Float64Type>()).collect();
        let value = |column: usize, row: usize| {
            let column = columns[column];
            (!column.is_null(row)).then(|| column.value(row)).filter(|value| value.is_finite())
        };
        let [denominator, covariate, cap] = self.given;
        for row in 0..columns[0].len() {
            let Some(metric) = value(0, row) else { continue };
            let of_denominator = if denominator { value(1, row) } else { None };
            if denominator && of_denominator.is_none() {
                continue;
            }
            let of_cap = if cap { value(3, row) } else { None };
            self.moments.add(metric, of_denominator, covariate.then(|| value(2, row)), of_cap);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for row in 0..states[0].len() {
            self.moments.merge(&read(&states[0], row));
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.written()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.written())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.moments.heap()
    }
}
