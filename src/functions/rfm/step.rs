//! The scoring step: reads the measures of all customers, returns scores or bins.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, StringViewArray,
    StructArray, UInt32Array, make_comparator,
};
use datafusion::arrow::compute::{SortOptions, cast, concat, take};
use datafusion::arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, SchemaRef, TimeUnit};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::adapter::plain::{Plain, Scalar, untold};
use crate::adapter::step::{Step, StepContext, Streams, only_stream};
use crate::error::{invalid, renamed};
use crate::kernels::decimal::Decimal;
use crate::kernels::scheme::{Scale, Scheme, Scores};
use crate::kernels::score;
use crate::kernels::score::{Better, Method};

/// The time from which recency is counted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum AsOf {
    /// A calendar day, as a DATE; or an instant, in the column's type.
    #[serde(rename = "as_of")]
    At(Scalar),
    /// The calendar day after the last order.
    #[serde(rename = "day after the last order")]
    DayAfterLast,
}

impl AsOf {
    fn instant(&self) -> Option<&ScalarValue> {
        match self {
            Self::At(Scalar(moment)) if moment.data_type() != DataType::Date32 => Some(moment),
            _ => None,
        }
    }
}

/// The scoring method of a call, with the cuts as written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoringMethod {
    Quantile { bins: u8 },
    Ntile { bins: u8 },
    Fixed { recency_cuts: Vec<Decimal>, frequency_cuts: Vec<Decimal>, monetary_cuts: Vec<Decimal> },
    Percent,
}

/// How measures become scores and segments.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scoring {
    pub as_of: AsOf,
    pub method: ScoringMethod,
    pub scheme: Scheme,
    pub labels: String,
    #[serde(with = "untold")]
    pub monetary_type: DataType,
}

impl Scoring {
    fn scale(&self) -> Scale {
        match &self.method {
            ScoringMethod::Quantile { bins } | ScoringMethod::Ntile { bins } => Scale::bins(*bins),
            ScoringMethod::Fixed { recency_cuts, .. } => Scale::bins(recency_cuts.len() as u8 + 1),
            ScoringMethod::Percent => Scale::PERCENT,
        }
    }

    fn method_of(&self, measure: Measure) -> Result<Method<i128>> {
        let cuts = |cuts: &[Decimal], name: &str, convert: &dyn Fn(Decimal) -> Option<i128>| {
            let converted: Option<Vec<i128>> = cuts.iter().map(|cut| convert(*cut)).collect();
            converted.ok_or_else(|| invalid("rfm", format!("a number in {name} is too large")))
        };
        Ok(match &self.method {
            ScoringMethod::Quantile { bins } => Method::Quantile { bins: *bins },
            ScoringMethod::Ntile { bins } => Method::Ntile { bins: *bins },
            ScoringMethod::Percent => Method::Percent,
            ScoringMethod::Fixed { recency_cuts, frequency_cuts, monetary_cuts } => Method::Fixed {
                cuts: match measure {
                    Measure::Recency => cuts(recency_cuts, "recency_cuts", &|cut| cut.floor(0))?,
                    Measure::Frequency => cuts(frequency_cuts, "frequency_cuts", &|cut| cut.ceil(0))?,
                    Measure::Monetary => cuts(monetary_cuts, "monetary_cuts", &|cut| match &self.monetary_type {
                        DataType::Decimal128(_, scale) => cut.ceil(i32::from(*scale)),
                        DataType::Float64 => Some(order_of_float(cut.to_f64())),
                        _ => cut.ceil(0),
                    })?,
                },
            },
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Recency,
    Frequency,
    Monetary,
}

impl Measure {
    const ALL: [Self; 3] = [Self::Recency, Self::Frequency, Self::Monetary];

    fn better(self) -> Better {
        if self == Self::Recency { Better::Less } else { Better::More }
    }

    fn column(self) -> &'static str {
        match self {
            Self::Recency => "recency_days",
            Self::Frequency => "frequency",
            Self::Monetary => "monetary",
        }
    }
}

/// The form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    /// One row per customer.
    Customers,
    /// One row per measure and score.
    Bins,
}

/// Scores every customer.
#[derive(Debug, Serialize, Deserialize)]
pub struct ScoreCustomers(pub Scoring);

impl Plain for ScoreCustomers {
    const NAME: &'static str = "Rfm";
}

impl Step for ScoreCustomers {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        self.0.run(Output::Customers, inputs, context)
    }
}

/// Adds notes on what the scores mean.
#[derive(Debug, Serialize, Deserialize)]
pub struct ScoreBins(pub Scoring);

impl Plain for ScoreBins {
    const NAME: &'static str = "RfmBins";
}

impl Step for ScoreBins {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        self.0.run(Output::Bins, inputs, context)
    }
}

impl Scoring {
    /// Scores all customers once all measures have been read.
    fn run(&self, output: Output, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let scoring = self.clone();
        let (input, schema) = (only_stream(inputs)?, Arc::clone(&context.schema));
        let batches = futures::stream::once(async move {
            let customers = Customers::collect(input, &scoring, &context).await?;
            context.counter("customers").add(customers.count());
            let schema = Arc::clone(&context.schema);
            let timer = context.timer();
            let scored = {
                let _running = timer.timer();
                customers.score(&scoring)?
            };
            // The memory of the measures stays reserved until the last batch has been sent.
            let reserved = context.memory;
            let count = if output == Output::Bins { 1 } else { scored.customers.batches.len() };
            let made = (0..count).map(move |index| {
                let _reserved = &reserved;
                let _running = timer.timer();
                match output {
                    Output::Bins => scored.bins(&schema),
                    Output::Customers => scored.batch(index, &schema),
                }
            });
            Result::<_>::Ok(futures::stream::iter(made))
        });
        let of_bins = output == Output::Bins;
        let rename = move |error| if of_bins { renamed(error, "rfm", "rfm_bins") } else { error };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches.try_flatten().map_err(rename))))
    }
}

/// The measures of all customers, as columns; `monetary` in integer units that sort as the amounts do.
struct Customers {
    batches: Vec<RecordBatch>,
    values: [Vec<i128>; 3],
}

impl Customers {
    async fn collect(mut input: SendableRecordBatchStream, scoring: &Scoring, context: &StepContext) -> Result<Self> {
        let mut batches = vec![];
        while let Some(batch) = input.next().await {
            let batch = batch?;
            if batch.num_rows() > 0 {
                // Three measures of 16 bytes, a second copy for selection, and three scores.
                context.memory.try_grow(slice_size(&batch) + batch.num_rows() * (3 * 16 + 16 + 3))?;
                batches.push(batch);
            }
        }
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let mut values = [Vec::with_capacity(rows), Vec::with_capacity(rows), Vec::with_capacity(rows)];
        let days: Vec<ArrayRef> = batches.iter().map(|batch| last_orders(batch, &scoring.as_of)).collect::<Result<_>>()?;
        match scoring.as_of.instant() {
            Some(as_of) => {
                let (as_of, day) = instant(as_of)?;
                for lasts in &days {
                    let lasts = lasts.as_primitive::<Int64Type>().values().iter();
                    values[0].extend(lasts.map(|last| i128::from((as_of - last).div_euclid(day))));
                }
            }
            None => {
                let dates = || days.iter().flat_map(|dates| dates.as_primitive::<Date32Type>().values());
                let as_of = match scoring.as_of {
                    AsOf::At(Scalar(ScalarValue::Date32(Some(day)))) => i128::from(day),
                    _ => dates().max().map_or(0, |last| i128::from(*last) + 1),
                };
                values[0].extend(dates().map(|last| as_of - i128::from(*last)));
            }
        }
        for batch in &batches {
            let measures = measures(batch)?;
            values[1].extend(measures.column(1).as_primitive::<Int64Type>().values().iter().map(|n| i128::from(*n)));
            let monetary = measures.column(2);
            match monetary.data_type() {
                DataType::Decimal128(_, _) => values[2].extend(monetary.as_primitive::<Decimal128Type>().values()),
                DataType::Int64 => {
                    values[2].extend(monetary.as_primitive::<Int64Type>().values().iter().map(|sum| i128::from(*sum)));
                }
                _ => {
                    let sums = monetary.as_primitive::<Float64Type>().values().iter();
                    values[2].extend(sums.map(|sum| order_of_float(*sum)));
                }
            }
        }
        Ok(Self { batches, values })
    }

    fn count(&self) -> usize {
        self.values[0].len()
    }

    fn score(self, scoring: &Scoring) -> Result<Scored> {
        let keys = match scoring.method {
            ScoringMethod::Ntile { .. } if !self.batches.is_empty() => {
                let keys: Vec<&dyn Array> = self.batches.iter().map(|batch| batch.column(0).as_ref()).collect();
                let keys = concat(&keys)?;
                Some(make_comparator(keys.as_ref(), keys.as_ref(), SortOptions::default())?)
            }
            _ => None,
        };
        let compare_keys =
            |left: usize, right: usize| keys.as_ref().map_or(std::cmp::Ordering::Equal, |compare| compare(left, right));
        let mut scores = [vec![], vec![], vec![]];
        for measure in Measure::ALL {
            let method = scoring.method_of(measure)?;
            let values = &self.values[measure as usize];
            scores[measure as usize] = score::score(values, measure.better(), &method, &compare_keys);
        }
        let mut scale = scoring.scale();
        if self.count() > 0 {
            let mean = |scores: &[u8]| scores.iter().map(|score| u64::from(*score)).sum::<u64>() as f64 / scores.len() as f64;
            scale.means = [mean(&scores[0]), mean(&scores[1]), mean(&scores[2])];
        }
        let mut starts = vec![0];
        starts.extend(self.batches.iter().scan(0, |start, batch| {
            *start += batch.num_rows();
            Some(*start)
        }));
        Ok(Scored { tables: Tables::new(scoring, &scale), customers: self, scores, scale, starts })
    }
}

/// Customers with their scores.
struct Scored {
    customers: Customers,
    scores: [Vec<u8>; 3],
    scale: Scale,
    /// The first row of each batch.
    starts: Vec<usize>,
    tables: Tables,
}

/// Strings made once and looked up by index.
struct Tables {
    scheme: Scheme,
    segments: StringViewArray,
    /// `rfm_score` of every cell, when the cells are few.
    codes: Option<StringViewArray>,
    cells: Vec<u32>,
}

impl Tables {
    fn new(scoring: &Scoring, scale: &Scale) -> Self {
        let labels = scoring.scheme.labels();
        let segments = labels.iter().map(|label| Some(label.text(&scoring.labels))).collect();
        let (mut codes, mut cells) = (vec![], vec![]);
        if !scale.from_zero {
            for recency in scale.scores() {
                for frequency in scale.scores() {
                    for monetary in scale.scores() {
                        let scores = Scores { recency, frequency, monetary };
                        cells.push(scoring.scheme.segment(scores, scale) as u32);
                        codes.push(Some(code(scores, scale)));
                    }
                }
            }
        }
        let codes = (!codes.is_empty()).then(|| codes.into_iter().collect());
        Self { scheme: scoring.scheme, segments, codes, cells }
    }
}

/// `555`; with scores of more than one digit, `10-8-9`.
fn code(scores: Scores, scale: &Scale) -> String {
    let Scores { recency, frequency, monetary } = scores;
    if scale.most < 10 { format!("{recency}{frequency}{monetary}") } else { format!("{recency}-{frequency}-{monetary}") }
}

impl Scored {
    fn batch(&self, index: usize, schema: &SchemaRef) -> Result<RecordBatch> {
        let batch = &self.customers.batches[index];
        let rows = self.starts[index]..self.starts[index + 1];
        let measures = measures(batch)?;
        let days = self.customers.values[0][rows.clone()].iter().map(|days| *days as i64);
        let [recency, frequency, monetary] = [0, 1, 2].map(|measure: usize| &self.scores[measure][rows.clone()]);
        let score =
            |scores: &[u8]| -> ArrayRef { Arc::new(Int32Array::from_iter_values(scores.iter().map(|score| i32::from(*score)))) };
        let scores =
            recency.iter().zip(frequency).zip(monetary).map(|((r, f), m)| Scores { recency: *r, frequency: *f, monetary: *m });
        let most = u32::from(self.scale.most);
        let (codes, segments): (ArrayRef, UInt32Array) = match &self.tables.codes {
            Some(codes) => {
                let cell = |scores: Scores| {
                    let [r, f, m] = [scores.recency, scores.frequency, scores.monetary].map(|score| u32::from(score) - 1);
                    (r * most + f) * most + m
                };
                let cells = UInt32Array::from_iter_values(scores.map(cell));
                let segments = UInt32Array::from_iter_values(cells.values().iter().map(|cell| self.tables.cells[*cell as usize]));
                (take(codes, &cells, None)?, segments)
            }
            None => {
                let codes: StringViewArray = scores.clone().map(|scores| Some(code(scores, &self.scale))).collect();
                let segment = |scores| self.tables.scheme.segment(scores, &self.scale) as u32;
                (Arc::new(codes), UInt32Array::from_iter_values(scores.map(segment)))
            }
        };
        let columns = vec![
            Arc::clone(batch.column(0)),
            Arc::new(Int64Array::from_iter_values(days)) as ArrayRef,
            Arc::clone(measures.column(1)),
            Arc::clone(measures.column(2)),
            score(recency),
            score(frequency),
            score(monetary),
            codes,
            take(&self.tables.segments, &segments, None)?,
        ];
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }

    fn bins(&self, schema: &SchemaRef) -> Result<RecordBatch> {
        let first = self.customers.batches.first().map(measures).transpose()?;
        let monetary_type = first.map_or(DataType::Int64, |measures| measures.column(2).data_type().clone());
        let mut names = vec![];
        let mut bins = vec![];
        for measure in Measure::ALL {
            let (values, scores) = (&self.customers.values[measure as usize], &self.scores[measure as usize]);
            for bin in score::bins(values, scores, measure.better(), self.scale.scores()) {
                names.push(measure);
                bins.push(bin);
            }
        }
        let edge = |take: &dyn Fn((i128, i128)) -> i128| -> Result<ArrayRef> {
            let values = names.iter().zip(&bins).map(|(measure, bin)| bin.range.map(|range| (*measure, take(range))));
            shown(&values.collect::<Vec<_>>(), &monetary_type)
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(names.iter().map(|measure| measure.column()))),
            Arc::new(Int32Array::from_iter_values(bins.iter().map(|bin| i32::from(bin.score)))),
            edge(&|range| range.0)?,
            edge(&|range| range.1)?,
            Arc::new(Int64Array::from_iter_values(bins.iter().map(|bin| bin.customers))),
            Arc::new(Int64Array::from_iter_values(bins.iter().map(|bin| bin.ties_at_edge))),
        ];
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }
}

/// Values of all three measures as strings: days and orders as integers, money in its own type.
fn shown(values: &[Option<(Measure, i128)>], monetary_type: &DataType) -> Result<ArrayRef> {
    let money = values.iter().map(|value| value.filter(|(measure, _)| *measure == Measure::Monetary).map(|(_, value)| value));
    let money: ArrayRef = match monetary_type {
        DataType::Decimal128(precision, scale) => {
            Arc::new(money.collect::<Decimal128Array>().with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Float64 => Arc::new(money.map(|value| value.map(float_of_order)).collect::<Float64Array>()),
        _ => Arc::new(money.map(|value| value.map(|value| value as i64)).collect::<Int64Array>()),
    };
    let money = cast(&money, &DataType::Utf8)?;
    let texts = values.iter().zip(money.as_string::<i32>()).map(|(value, money)| match (value, money) {
        (Some(_), Some(money)) => Some(money.to_string()),
        (Some((_, whole)), None) => Some(whole.to_string()),
        (None, _) => None,
    });
    Ok(Arc::new(texts.collect::<StringArray>()))
}

/// An integer that sorts as the float does; 0 and −0 are equal.
fn order_of_float(value: f64) -> i128 {
    let bits = (value + 0.0).to_bits() as i64;
    i128::from(bits ^ (((bits >> 63) as u64) >> 1) as i64)
}

fn float_of_order(order: i128) -> f64 {
    let order = order as i64;
    f64::from_bits((order ^ (((order >> 63) as u64) >> 1) as i64) as u64)
}

fn measures(batch: &RecordBatch) -> Result<&StructArray> {
    match batch.column(1).as_struct_opt() {
        Some(measures) => Ok(measures),
        None => internal_err!("the second column holds the measures"),
    }
}

/// The last orders of a batch as calendar days, or as ticks when recency is counted from an instant.
fn last_orders(batch: &RecordBatch, as_of: &AsOf) -> Result<ArrayRef> {
    let lasts = measures(batch)?.column(0);
    let counted_in = if as_of.instant().is_some() { DataType::Int64 } else { DataType::Date32 };
    Ok(cast(lasts, &counted_in)?)
}

/// An instant in ticks, and the ticks of a day.
fn instant(value: &ScalarValue) -> Result<(i64, i64)> {
    let DataType::Timestamp(unit, _) = value.data_type() else { return internal_err!("{value} is not a timestamp") };
    let second = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    match value.cast_to(&DataType::Int64)? {
        ScalarValue::Int64(Some(ticks)) => Ok((ticks, 86_400 * second)),
        _ => internal_err!("{value} is not a timestamp"),
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
        let orders: Vec<i128> = values.iter().map(|value| order_of_float(*value)).collect();
        assert!(orders.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(orders[2], orders[3]);
        assert!(values.iter().zip(orders).all(|(value, order)| float_of_order(order) == *value));
    }
}
