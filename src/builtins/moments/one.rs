//! One group: used without GROUP BY, and in windows.

use std::mem::size_of;

use datafusion::arrow::array::ArrayRef;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::{Rows, merge, scalar, states};
use crate::kernels::sums::moments::{Moment, Moments};

#[derive(Debug)]
pub struct One(Moments);

impl One {
    pub fn new(moment: Moment) -> Self {
        let mut moments = Moments::new(moment);
        moments.grow(1);
        Self(moments)
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = Rows::of(self.0.moment(), values, None)?;
        match (rows.plain(), rows.second) {
            (Some(numbers), _) => self.0.add_all(0, numbers),
            (None, None) => {
                let mut numbers = Vec::with_capacity(values[0].len());
                rows.each(|_, number, _| numbers.push(number));
                self.0.add_all(0, &numbers);
            }
            (None, Some(_)) => rows.each(|_, first, second| self.0.add(0, first, second)),
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        Rows::of(self.0.moment(), values, None)?.each(|_, first, second| self.0.subtract(0, first, second));
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        merge(&mut self.0, states, |_| 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        states(&self.0, 1).iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(scalar(&self.0, 0))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.0.size()
    }
}
