//! `avg` of intervals: their sum divided by their number, as in PostgreSQL. The engine's `avg` takes only differences of times.

use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::utils::format_state_name;

use super::spans::{shared, spans};
use crate::error::{SqlState, coded};

/// The type of partial sums between partitions.
const STATE: DataType = DataType::Decimal128(38, 0);

/// The sums of the months, the days and the nanoseconds, and the number of intervals.
#[derive(Debug, Default)]
pub struct MeanInterval {
    sums: [i128; 4],
}

/// What a state consists of.
pub fn state_fields(name: &str) -> Vec<FieldRef> {
    let field = |part| Arc::new(Field::new(format_state_name(name, part), STATE, false));
    ["months", "days", "nanoseconds", "rows"].map(field).to_vec()
}

impl MeanInterval {
    fn add(&mut self, column: &ArrayRef, times: i128) -> Result<()> {
        for span in spans(column)?.iter().flatten() {
            let parts = [span.months.into(), span.days.into(), span.nanoseconds.into(), 1];
            self.sums.iter_mut().zip(parts).for_each(|(sum, part): (&mut i128, i128)| *sum += part * times);
        }
        Ok(())
    }
}

impl Accumulator for MeanInterval {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], -1)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for (sum, parts) in self.sums.iter_mut().zip(states) {
            *sum += parts.as_primitive::<Decimal128Type>().iter().flatten().sum::<i128>();
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(self.sums.iter().map(|sum| ScalarValue::Decimal128(Some(*sum), 38, 0)).collect())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let [months, days, nanoseconds, rows] = self.sums;
        if rows == 0 {
            return Ok(ScalarValue::IntervalMonthDayNano(None));
        }
        let Some(mean) = shared(months, days, nanoseconds, rows) else {
            return Err(coded(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "avg", "the interval is too long for its type"));
        };
        Ok(ScalarValue::IntervalMonthDayNano(Some(mean)))
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }
}
