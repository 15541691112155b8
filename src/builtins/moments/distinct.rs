//! The distinct values of one group.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::{Rows, scalar};
use crate::kernels::sums::moments::{Moment, Moments};

#[derive(Debug)]
pub struct Distinct {
    moment: Moment,
    /// How many rows have each value, by the bits of the value.
    rows: HashMap<u64, u64>,
}

impl Distinct {
    pub fn new(moment: Moment) -> Self {
        Self { moment, rows: HashMap::new() }
    }

    fn values(&self) -> Vec<f64> {
        self.rows.keys().map(|bits| f64::from_bits(*bits)).collect()
    }
}

/// The two zeros are one value, and so is every NaN.
fn bits(number: f64) -> u64 {
    match number {
        0.0 => 0,
        number if number.is_nan() => f64::NAN.to_bits(),
        number => number.to_bits(),
    }
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        Rows::of(self.moment, values, None)?.each(|_, number, _| *self.rows.entry(bits(number)).or_default() += 1);
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        Rows::of(self.moment, values, None)?.each(|_, number, _| {
            if let Some(rows) = self.rows.get_mut(&bits(number)) {
                *rows -= 1;
                if *rows == 0 {
                    self.rows.remove(&bits(number));
                }
            }
        });
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_list::<i32>().iter().flatten().try_for_each(|values| self.update_batch(&[values]))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut values = self.values();
        values.sort_unstable_by(f64::total_cmp);
        let values: ArrayRef = Arc::new(Float64Array::from(values));
        Ok(vec![SingleRowListArrayBuilder::new(values).build_list_scalar()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut moments = Moments::new(self.moment);
        moments.grow(1);
        moments.add_all(0, &self.values());
        Ok(scalar(&moments, 0))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.rows.capacity() * (size_of::<(u64, u64)>() + 1)
    }
}
