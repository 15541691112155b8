//! The measures of all customers, as the scoring step reads them.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch, StructArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use super::step::{AsOf, Measure};
use crate::adapter::plain::Scalar;
use crate::adapter::step::StepContext;

/// The bytes that scoring takes for a customer, one measure after the other: the values and a copy in which cut points are selected, in 128
/// bits at most.
const WHILE_SCORING: usize = 2 * 16;

/// The bytes of a customer's scores.
const SCORES: usize = 3;

/// The customers, in batches of a key and its measures.
pub struct Customers {
    pub batches: Vec<RecordBatch>,
    origin: Origin,
}

/// What recency is counted from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// An instant in ticks, and the ticks of a day.
    Instant {
        as_of: i64,
        day: i64,
    },
    Date(i64),
}

/// The values of one measure of all customers, as integers that sort as the values do.
pub enum Values {
    Narrow(Vec<i64>),
    Wide(Vec<i128>),
}

impl Values {
    pub fn wide(self) -> Vec<i128> {
        match self {
            Self::Narrow(values) => values.into_iter().map(i128::from).collect(),
            Self::Wide(values) => values,
        }
    }
}

impl Customers {
    pub async fn collect(mut input: SendableRecordBatchStream, as_of: &AsOf, context: &StepContext) -> Result<Self> {
        let mut batches = vec![];
        while let Some(batch) = input.next().await {
            let batch = batch?;
            if batch.num_rows() > 0 {
                context.memory.try_grow(slice_size(&batch) + batch.num_rows() * (WHILE_SCORING + SCORES))?;
                batches.push(batch);
            }
        }
        let origin = match (as_of.instant(), as_of) {
            (Some(instant), _) => origin_at(instant)?,
            (None, AsOf::At(Scalar(ScalarValue::Date32(Some(day))))) => Origin::Date(i64::from(*day)),
            (None, _) => {
                let lasts = batches.iter().map(|batch| Ok(last_dates(batch)?.values().iter().copied().max()));
                let lasts = lasts.collect::<Result<Vec<Option<i32>>>>()?;
                Origin::Date(lasts.into_iter().flatten().max().map_or(0, |last| i64::from(last) + 1))
            }
        };
        Ok(Self { batches, origin })
    }

    pub fn count(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Gives back the memory that only scoring takes.
    pub fn scored(&self, context: &StepContext) {
        context.memory.shrink(self.count() * WHILE_SCORING);
    }

    /// Days since the last order, for each customer of a batch.
    pub fn recency(&self, batch: &RecordBatch) -> Result<Vec<i64>> {
        Ok(match self.origin {
            Origin::Instant { as_of, day } => {
                let lasts = cast(measures(batch)?.column(0), &DataType::Int64)?;
                lasts.as_primitive::<Int64Type>().values().iter().map(|last| (as_of - last).div_euclid(day)).collect()
            }
            Origin::Date(as_of) => last_dates(batch)?.values().iter().map(|last| as_of - i64::from(*last)).collect(),
        })
    }

    /// A measure of all customers.
    pub fn values(&self, measure: Measure) -> Result<Values> {
        let mut narrow = Vec::with_capacity(self.count());
        for batch in &self.batches {
            let columns = measures(batch)?;
            match measure {
                Measure::Recency => narrow.extend(self.recency(batch)?),
                Measure::Frequency => narrow.extend_from_slice(columns.column(1).as_primitive::<Int64Type>().values()),
                Measure::Monetary => match columns.column(2).data_type() {
                    DataType::Decimal128(_, _) => {
                        let sums = columns.column(2).as_primitive::<Decimal128Type>().values();
                        let end = narrow.len() + sums.len();
                        narrow.extend(sums.iter().map_while(|sum| i64::try_from(*sum).ok()));
                        if narrow.len() < end {
                            drop(narrow);
                            return self.wide_sums().map(Values::Wide);
                        }
                    }
                    DataType::Int64 => narrow.extend_from_slice(columns.column(2).as_primitive::<Int64Type>().values()),
                    _ => {
                        let sums = columns.column(2).as_primitive::<Float64Type>().values();
                        narrow.extend(sums.iter().map(|sum| order_of_float(*sum)));
                    }
                },
            }
        }
        Ok(Values::Narrow(narrow))
    }

    fn wide_sums(&self) -> Result<Vec<i128>> {
        let mut wide = Vec::with_capacity(self.count());
        for batch in &self.batches {
            wide.extend_from_slice(measures(batch)?.column(2).as_primitive::<Decimal128Type>().values());
        }
        Ok(wide)
    }
}

/// An integer that sorts as the float does; 0 and −0 are equal.
pub fn order_of_float(value: f64) -> i64 {
    let bits = (value + 0.0).to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

pub fn float_of_order(order: i64) -> f64 {
    f64::from_bits((order ^ (((order >> 63) as u64) >> 1) as i64) as u64)
}

pub fn measures(batch: &RecordBatch) -> Result<&StructArray> {
    match batch.column(1).as_struct_opt() {
        Some(measures) => Ok(measures),
        None => internal_err!("the second column holds the measures"),
    }
}

/// The last orders of a batch as calendar days.
fn last_dates(batch: &RecordBatch) -> Result<Date32Array> {
    let dates = cast(measures(batch)?.column(0), &DataType::Date32)?;
    Ok(dates.as_primitive::<Date32Type>().clone())
}

fn origin_at(instant: &ScalarValue) -> Result<Origin> {
    let DataType::Timestamp(unit, _) = instant.data_type() else { return internal_err!("{instant} is not a timestamp") };
    let second = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    match instant.cast_to(&DataType::Int64)? {
        ScalarValue::Int64(Some(as_of)) => Ok(Origin::Instant { as_of, day: 86_400 * second }),
        _ => internal_err!("{instant} is not a timestamp"),
    }
}

/// Bytes of the rows themselves, so that slices do not each count the whole large batch.
fn slice_size(batch: &RecordBatch) -> usize {
    let size = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size());
    batch.columns().iter().map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_keep_their_order_and_come_back() {
        let values = [-f64::MAX, -1.5, -0.0, 0.0, 1e-300, 0.1, 8_911_407.904];
        let orders: Vec<i64> = values.iter().map(|value| order_of_float(*value)).collect();
        assert!(orders.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(orders[2], orders[3]);
        assert!(values.iter().zip(orders).all(|(value, order)| float_of_order(order) == *value));
    }
}
