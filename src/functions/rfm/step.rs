//! The scoring step: reads the measures of all customers, returns scores or bins.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, StringViewArray,
    UInt32Array, make_comparator,
};
use datafusion::arrow::compute::{SortOptions, cast, concat, take};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::customers::{Customers, Values, float_of_order, measures, order_of_float};
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
    pub fn instant(&self) -> Option<&ScalarValue> {
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
                        DataType::Float64 => Some(i128::from(order_of_float(cut.to_f64()))),
                        _ => cut.ceil(0),
                    })?,
                },
            },
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
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
            let customers = Customers::collect(input, &scoring.as_of, &context).await?;
            context.counter("customers").add(customers.count());
            if customers.count() == 0 && matches!(scoring.as_of, AsOf::At(_)) {
                let function = if output == Output::Bins { "rfm_bins" } else { "rfm" };
                context.notes().tell(format!(
                    "{function}: no customer has an order that counts; orders after as_of do not, nor those before lookback"
                ));
            }
            let schema = Arc::clone(&context.schema);
            let timer = context.timer();
            let mut scored = {
                let _running = timer.timer();
                Scored::new(customers, &scoring)?
            };
            scored.customers.scored(&context);
            if output == Output::Bins {
                let _running = timer.timer();
                return Ok(futures::stream::iter([scored.bins(&schema)]).boxed());
            }
            // The memory of the measures stays reserved until the last batch has been sent; the memory of a batch is freed with the batch.
            let reserved = context.memory;
            let batches = std::mem::take(&mut scored.customers.batches);
            let mut rows = 0..0;
            let made = batches.into_iter().map(move |batch| {
                let _reserved = &reserved;
                let _running = timer.timer();
                rows = rows.end..rows.end + batch.num_rows();
                scored.batch(&batch, rows.clone(), &schema)
            });
            Result::<_>::Ok(futures::stream::iter(made).boxed())
        });
        let of_bins = output == Output::Bins;
        let rename = move |error| if of_bins { renamed(error, "rfm", "rfm_bins") } else { error };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches.try_flatten().map_err(rename))))
    }
}

/// The method for values of 64 bits, if its cut points do not depend on them.
fn narrow(method: &Method<i128>) -> Option<Method<i64>> {
    Some(match method {
        Method::Quantile { bins } => Method::Quantile { bins: *bins },
        Method::Ntile { bins } => Method::Ntile { bins: *bins },
        Method::Percent => Method::Percent,
        Method::Fixed { .. } => return None,
    })
}

impl Scored {
    fn new(customers: Customers, scoring: &Scoring) -> Result<Self> {
        let keys = match scoring.method {
            ScoringMethod::Ntile { .. } if !customers.batches.is_empty() => {
                let keys: Vec<&dyn Array> = customers.batches.iter().map(|batch| batch.column(0).as_ref()).collect();
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
            let values = customers.values(measure)?;
            scores[measure as usize] = match (values, narrow(&method)) {
                (Values::Narrow(values), Some(method)) => score::score(&values, measure.better(), &method, &compare_keys),
                (values, _) => score::score(&values.wide(), measure.better(), &method, &compare_keys),
            };
        }
        let mut scale = scoring.scale();
        if customers.count() > 0 {
            let mean = |scores: &[u8]| scores.iter().map(|score| u64::from(*score)).sum::<u64>() as f64 / scores.len() as f64;
            scale.means = [mean(&scores[0]), mean(&scores[1]), mean(&scores[2])];
        }
        Ok(Self { tables: Tables::new(scoring, &scale), customers, scores, scale })
    }
}

/// Customers with their scores.
struct Scored {
    customers: Customers,
    scores: [Vec<u8>; 3],
    scale: Scale,
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
    fn batch(&self, batch: &RecordBatch, rows: Range<usize>, schema: &SchemaRef) -> Result<RecordBatch> {
        let measures = measures(batch)?;
        let days = self.customers.recency(batch)?;
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
            Arc::new(Int64Array::from(days)) as ArrayRef,
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
            let (values, scores) = (self.customers.values(measure)?.wide(), &self.scores[measure as usize]);
            for bin in score::bins(&values, scores, measure.better(), self.scale.scores()) {
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
        DataType::Float64 => {
            Arc::new(money.map(|value| value.map(|value| float_of_order(value as i64))).collect::<Float64Array>())
        }
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
