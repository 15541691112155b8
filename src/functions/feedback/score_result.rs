//! The relation functions `nps_result`, `csat_result` and `ces_result`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Date32Array, Float64Array, Int64Array, RecordBatch, UInt32Array};
use datafusion::arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, partition, take, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Date32Type, Field, FieldRef, Int64Type, TimeUnit};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::functions::datetime::expr_fn::date_trunc;
use datafusion::functions::math::expr_fn::floor;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, cast, lit, when};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::aggregates::csat;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::{Step, StepContext, Streams, only_stream};
use crate::adapter::usable_rows::usable_rows;
use crate::docs::Doc;
use crate::error::invalid;
use crate::kernels::adjust::{Method, adjust_known};
use crate::kernels::feedback::score::{Answers, Measure, p_value};

const SCORE: &str = "score";
const PER: &str = "per";
const TIME: &str = "time";
/// Stands for every number that is not on the scale, so that they are counted together.
const INVALID: i64 = -1;

/// The function that a page describes.
#[derive(Debug)]
pub struct ScoreResult(pub &'static Doc);

impl ScoreResult {
    /// The columns of the result that are counts of answers.
    fn counts(&self) -> &'static [&'static str] {
        match self.0.name {
            "nps_result" => &["promoters", "passives", "detractors"],
            "csat_result" => &["satisfied"],
            _ => &[],
        }
    }

    fn measure(&self, call: &Call) -> Result<Measure> {
        match self.0.name {
            "nps_result" => Ok(Measure::Nps),
            "csat_result" => csat(self.0.name, call.options.integer("satisfied")?, call.options.integer("scale")?),
            _ => Ok(Measure::Ces { scale: call.options.integer("scale")? }),
        }
    }
}

impl RelationFunction for ScoreResult {
    fn doc(&self) -> &'static Doc {
        self.0
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let field =
            |name: &str, data_type: DataType, nullable: bool| -> FieldRef { Arc::new(Field::new(name, data_type, nullable)) };
        let mut columns = vec![];
        if let Some(per) = roles.get(PER) {
            columns.push(field(&per.column, per.field.data_type().clone(), false));
        }
        let has_time = roles.get(TIME).is_some();
        if has_time {
            columns.push(field("period", DataType::Date32, false));
        }
        columns.extend(["responses", "invalid"].iter().chain(self.counts()).map(|name| field(name, DataType::Int64, false)));
        columns.extend([SCORE, "std_err", "lower", "upper"].map(|name| field(name, DataType::Float64, true)));
        if has_time {
            columns.push(field("previous_period", DataType::Date32, true));
            columns.extend(["change", "change_p_value", "change_p_adjusted"].map(|name| field(name, DataType::Float64, true)));
        }
        if roles.get(PER).is_some() {
            columns
                .extend(["rest_difference", "rest_p_value", "rest_p_adjusted"].map(|name| field(name, DataType::Float64, true)));
        }
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let confidence = call.options.float("confidence")?;
        if confidence <= 0.0 || confidence >= 1.0 {
            return Err(invalid(self.0.name, "confidence must be above 0 and below 1; write 0.95"));
        }
        let measure = self.measure(&call)?;
        let (has_per, has_time) = (call.roles.get(PER).is_some(), call.roles.get(TIME).is_some());
        let mut columns = vec![];
        if has_per {
            columns.push(role(PER));
        }
        if has_time {
            // As the clock shows it, in its own zone.
            let time = cast(role(TIME), DataType::Timestamp(TimeUnit::Microsecond, None));
            let start = date_trunc(lit(call.options.word("period")?), time);
            columns.push(cast(start, DataType::Date32).alias(TIME));
        }
        columns.push(cast(role(SCORE), DataType::Float64).alias(SCORE));
        let usable = usable_rows(LogicalPlanBuilder::from(call.input()?).project(columns.clone())?.build()?)?;
        let (least, most) = measure.range();
        let is_answer = role(SCORE).between(lit(least as f64), lit(most as f64)).and(role(SCORE).eq(floor(role(SCORE))));
        let answer = when(is_answer, cast(role(SCORE), DataType::Int64)).otherwise(lit(INVALID))?.alias(SCORE);
        let mut keys: Vec<_> =
            [(PER, has_per), (TIME, has_time)].iter().filter(|(_, given)| *given).map(|(name, _)| role(name)).collect();
        keys.push(answer);
        let answers = LogicalPlanBuilder::from(usable).project(keys)?.build()?;
        let keys: Vec<_> = answers.schema().fields().iter().map(|field| role(field.name())).collect();
        let counted = LogicalPlanBuilder::from(answers).aggregate(keys, vec![count(lit(1_i64)).alias("rows")])?.build()?;
        let (satisfied, scale) = match measure {
            Measure::Nps => (0, 0),
            Measure::Csat { satisfied, scale } => (satisfied, scale),
            Measure::Ces { scale } => (0, scale),
        };
        let adjust = call.options.word("adjust")?.to_string();
        Scores { function: self.0.name.to_string(), satisfied, scale, confidence, adjust, has_per, has_time }
            .over([counted], call.schema)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scores {
    function: String,
    satisfied: i64,
    scale: i64,
    confidence: f64,
    adjust: String,
    has_per: bool,
    has_time: bool,
}

impl Plain for Scores {
    const NAME: &'static str = "SurveyScores";
}

impl Step for Scores {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (mut input, schema) = (only_stream(inputs)?, Arc::clone(&context.schema));
        let step = self.clone();
        let result = async move {
            let counted = input.schema();
            let mut batches = vec![];
            while let Some(batch) = input.next().await {
                let batch = batch?;
                // Memory for the batches, for the rows as one batch, for the sorted rows, and for the result.
                context.memory.try_grow(3 * batch.get_array_memory_size() + 160 * batch.num_rows())?;
                batches.push(batch);
            }
            let timer = context.timer();
            let _running = timer.timer();
            let columns = step.columns(&concat_batches(&counted, &batches)?)?;
            Ok(RecordBatch::try_new(Arc::clone(&context.schema), columns)?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(result))))
    }
}

/// A row of the result.
#[derive(Debug, Default)]
struct Row {
    /// An input row from which its segment and period are taken.
    at: usize,
    period: i32,
    answers: Answers,
    invalid: i64,
    /// All answers of the period.
    of_period: Answers,
}

impl Scores {
    fn measure(&self) -> Measure {
        match self.function.as_str() {
            "nps_result" => Measure::Nps,
            "csat_result" => Measure::Csat { satisfied: self.satisfied, scale: self.scale },
            _ => Measure::Ces { scale: self.scale },
        }
    }

    /// The rows, in the order of segments and periods.
    fn rows(&self, counted: &RecordBatch) -> Result<(RecordBatch, Vec<Row>)> {
        let keys = usize::from(self.has_per) + usize::from(self.has_time);
        if counted.num_rows() == 0 {
            return Ok((counted.clone(), vec![]));
        }
        let order: Vec<SortColumn> =
            counted.columns()[..=keys].iter().map(|values| SortColumn { values: Arc::clone(values), options: None }).collect();
        let ordered = take_record_batch(counted, &lexsort_to_indices(&order, None)?)?;
        let ranges = if keys == 0 {
            std::iter::once(0..ordered.num_rows()).collect()
        } else {
            partition(&ordered.columns()[..keys])?.ranges()
        };
        let answers = ordered.column(keys).as_primitive::<Int64Type>().values();
        let times = ordered.column(keys + 1).as_primitive::<Int64Type>().values();
        let periods = self.has_time.then(|| ordered.column(keys - 1).as_primitive::<Date32Type>());
        let measure = self.measure();
        let rows = ranges.into_iter().map(|range| {
            let mut row =
                Row { at: range.start, period: periods.map_or(0, |periods| periods.value(range.start)), ..Row::default() };
            for place in range {
                match measure.value(answers[place]) {
                    Some(value) => row.answers.add(value, times[place]),
                    None => row.invalid += times[place],
                }
            }
            row
        });
        let mut rows: Vec<Row> = rows.collect();
        let mut of_periods: std::collections::HashMap<i32, Answers> = std::collections::HashMap::new();
        rows.iter().for_each(|row| of_periods.entry(row.period).or_default().merge(&row.answers));
        rows.iter_mut().for_each(|row| row.of_period = of_periods.get(&row.period).copied().unwrap_or_default());
        Ok((ordered, rows))
    }

    fn columns(&self, counted: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let (counted, rows) = self.rows(counted)?;
        let measure = self.measure();
        let scale = measure.scale();
        let scaled = |number: Option<f64>| number.map(|number| number * scale);
        let at: UInt32Array = rows.iter().map(|row| Some(row.at as u32)).collect();
        let mut columns: Vec<ArrayRef> = vec![];
        let keys = usize::from(self.has_per) + usize::from(self.has_time);
        for key in &counted.columns()[..keys] {
            columns.push(take(key, &at, None)?);
        }
        let numbers =
            |number: &dyn Fn(&Row) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(rows.iter().map(number))) };
        columns.extend([numbers(&|row| row.answers.count), numbers(&|row| row.invalid)]);
        match measure {
            Measure::Nps => columns.extend([
                numbers(&|row| row.answers.above),
                numbers(&|row| row.answers.count - row.answers.above - row.answers.below),
                numbers(&|row| row.answers.below),
            ]),
            Measure::Csat { .. } => columns.push(numbers(&|row| row.answers.above)),
            Measure::Ces { .. } => {}
        }
        let doubles =
            |number: &dyn Fn(&Row) -> Option<f64>| -> ArrayRef { Arc::new(rows.iter().map(number).collect::<Float64Array>()) };
        let end = |row: &Row, is_upper: bool| {
            let interval = row.answers.interval(measure, self.confidence);
            scaled(interval.map(|(lower, upper)| if is_upper { upper } else { lower }))
        };
        columns.extend([
            // Divided only once, as in the aggregate, so that both give the same value.
            doubles(&|row| (row.answers.count > 0).then(|| row.answers.sum as f64 * scale / row.answers.count as f64)),
            doubles(&|row| scaled(row.answers.std_err())),
            doubles(&|row| end(row, false)),
            doubles(&|row| end(row, true)),
        ]);
        if self.has_time {
            let previous = self.previous(&counted, &rows)?;
            let before = |row: usize| previous[row].map(|place| &rows[place]);
            columns.push(Arc::new((0..rows.len()).map(|row| before(row).map(|row| row.period)).collect::<Date32Array>()));
            let others: Vec<Option<Answers>> = (0..rows.len()).map(|row| before(row).map(|row| row.answers)).collect();
            columns.extend(self.compared(&rows, &others));
        }
        if self.has_per {
            let others: Vec<Option<Answers>> = rows.iter().map(|row| Some(row.of_period.without(&row.answers))).collect();
            columns.extend(self.compared(&rows, &others));
        }
        Ok(columns)
    }

    /// The row of the same segment and the period before, with answers.
    fn previous(&self, counted: &RecordBatch, rows: &[Row]) -> Result<Vec<Option<usize>>> {
        let segments = if self.has_per && counted.num_rows() > 0 {
            partition(&counted.columns()[..1])?.ranges()
        } else {
            std::iter::once(0..counted.num_rows()).collect()
        };
        let mut previous = vec![None; rows.len()];
        let (mut last, mut segment) = (None, 0);
        for (place, row) in rows.iter().enumerate() {
            while segments.get(segment).is_some_and(|range| range.end <= row.at) {
                (last, segment) = (None, segment + 1);
            }
            previous[place] = last;
            if row.answers.count > 0 {
                last = Some(place);
            }
        }
        Ok(previous)
    }

    /// The difference, p-value and adjusted p-value of comparisons between each row and another.
    fn compared(&self, rows: &[Row], others: &[Option<Answers>]) -> [ArrayRef; 3] {
        let measure = self.measure();
        let differences: Float64Array = rows
            .iter()
            .zip(others)
            .map(|(row, other)| Some((row.answers.mean()? - other.as_ref()?.mean()?) * measure.scale()))
            .collect();
        let p_values: Vec<Option<f64>> =
            rows.iter().zip(others).map(|(row, other)| p_value(measure, &row.answers, other.as_ref()?)).collect();
        let all = adjust_known(&p_values, Method::named(&self.adjust));
        [Arc::new(differences), Arc::new(Float64Array::from(p_values)), Arc::new(Float64Array::from(all))]
    }
}
