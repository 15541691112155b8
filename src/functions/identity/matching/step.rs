//! The step that compares records.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, RecordBatch, StringArray};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use serde::{Deserialize, Serialize};

use super::spec::{Gives, Options, Spec};
use super::training::{Records, given, learn};
use crate::adapter::offload::{Worker, offload};
use crate::adapter::plain::Plain;
use crate::adapter::step::{Notes, Reads, Step, StepContext, Streams};
use crate::adapter::usable_rows::rows_without;
use crate::error::invalid;
use crate::functions::identity::records::{does_not_fit, read};
use crate::kernels::control::Stop;
use crate::kernels::linkage::comparison::Values;
use crate::kernels::linkage::fellegi_sunter::{Model, Patterns, probability, weight};
use crate::kernels::linkage::pairs::{Pair, compared};
use crate::text::grouped;

/// Compares records of (key, comparisons, rules, source), with parameters and a pair if they are given.
#[derive(Debug, Serialize, Deserialize)]
pub struct LinkRecords {
    pub options: Options,
    pub spec: Spec,
}

impl Plain for LinkRecords {
    const NAME: &'static str = "LinkRecords";
}

impl Step for LinkRecords {
    fn reads(&self) -> Reads {
        Reads::AllPartitions
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (options, spec) = (self.options.clone(), self.spec.clone());
        let function = options.gives.function();
        let (without_key, notes) = (context.left_out(rows_without("key")), context.notes());
        let gather = move |_: Arc<StepContext>, memory: Arc<_>| async move {
            let mut batches: Vec<Vec<RecordBatch>> = vec![];
            for streams in inputs {
                batches.push(read(function, streams, &memory).await?);
            }
            Ok(batches)
        };
        offload(function, context, gather, move |batches, worker| {
            let mut batches = batches.into_iter();
            let rows = batches.next().unwrap_or_default();
            let parameters = options.has_parameters.then(|| batches.next().unwrap_or_default());
            let pair = batches.next();
            let fail = |error: DataFusionError| worker.fail(error);
            let cells: usize = rows.iter().map(|batch| batch.num_rows() * batch.num_columns()).sum();
            let Ok(_memory) = worker.control(1).reserve(cells * 32) else {
                return Err(fail(does_not_fit(function, cells * 32)));
            };
            let records = Records::of(&rows, &spec, &options, &without_key).map_err(fail)?;
            tell_left_out(&records, &options, &notes);
            let levels: Vec<usize> = spec.comparisons.iter().map(|named| named.comparison.levels()).collect();
            let Some(patterns) = Patterns::new(&levels) else {
                return Err(fail(invalid(
                    function,
                    "comparisons: there are more patterns of levels than 64 bits can number; give fewer",
                )));
            };
            let linking = Linking { records, patterns, spec, options, worker };
            match (linking.options.gives, parameters) {
                (Gives::Pairs, Some(parameters)) => {
                    let model = given(&parameters, &linking.spec, &linking.options).map_err(fail)?;
                    let (pairs, _memory) = linking.compared()?;
                    linking.pairs(&model, &pairs)
                }
                (Gives::Pairs, None) => {
                    let (pairs, _memory) = linking.compared()?;
                    let model = linking.learned(&pairs, &notes)?;
                    linking.pairs(&model, &pairs)
                }
                (gives, parameters) => {
                    let model = match parameters {
                        Some(parameters) => given(&parameters, &linking.spec, &linking.options).map_err(fail)?,
                        None => linking.learned(&linking.compared()?.0, &notes)?,
                    };
                    if gives == Gives::Parameters { linking.parameters(&model) } else { linking.explain(&model, &rows, pair) }
                }
            }
        })
    }
}

fn tell_left_out(records: &Records, options: &Options, notes: &Notes) {
    let out = records.left_out;
    if out.blocks > 0 {
        notes.tell(format!(
            "{}: {} {} of more than {} records {} left out, the largest of {}; add a condition to the blocking rule, or raise max_block_size",
            options.gives.function(),
            grouped(out.blocks as u64),
            if out.blocks == 1 { "block" } else { "blocks" },
            grouped(options.max_block_size as u64),
            if out.blocks == 1 { "was" } else { "were" },
            grouped(out.largest as u64),
        ));
    }
}

struct Linking<'a> {
    records: Records,
    patterns: Patterns,
    spec: Spec,
    options: Options,
    worker: &'a Worker,
}

impl<'a> Linking<'a> {
    /// The pairs that the rules produce.
    fn compared(&self) -> Result<(Vec<Pair>, crate::kernels::control::Reserved<'a>), Stop> {
        let control = self.worker.control(self.worker.threads);
        let compared = compared(
            &self.records.rules,
            self.records.wanted(),
            self.records.keys.len(),
            control,
            || self.records.comparers(&self.spec),
            |comparers, left, right| self.patterns.pack(comparers.iter_mut().map(|comparer| comparer.level(left, right))),
        );
        compared.map_err(|stop| self.explain_stop(stop))
    }

    fn explain_stop(&self, stop: Stop) -> Stop {
        match stop {
            Stop::OutOfMemory(_) => self.worker.fail(DataFusionError::ResourcesExhausted(format!(
                "{}: the pairs of the blocking rules take more than the memory limit; add conditions to the rules, lower max_block_size, or raise --memory-limit",
                self.options.gives.function()
            ))),
            other => other,
        }
    }

    fn learned(&self, pairs: &[Pair], notes: &Notes) -> Result<Model, Stop> {
        let control = self.worker.control(self.worker.threads);
        let model = learn(&self.records, &self.spec, &self.options, &self.patterns, pairs, control);
        let model = model.map_err(|stop| self.explain_stop(stop))?;
        let untrained = self.spec.comparisons.iter().zip(&model.is_trained).filter(|(_, is_trained)| !**is_trained);
        let names: Vec<&str> = untrained.map(|(named, _)| named.name.as_str()).collect();
        if !names.is_empty() {
            notes.tell(format!(
                "{}: m of {} could not be estimated and is a guess, as every rule that found pairs reads its column; add a rule over other columns",
                self.options.gives.function(),
                names.join(", ")
            ));
        }
        if !model.has_evidence() {
            notes.tell(format!(
                "{}: the comparisons tell no pairs apart, as their columns have one value or no equal values; compare other columns",
                self.options.gives.function()
            ));
        }
        Ok(model)
    }

    /// What the frequency of an equal value adds to a pair's weight: for each comparison with `term_frequency`, by the number of the value.
    fn frequencies(&self, model: &Model) -> Vec<Option<Vec<f64>>> {
        let comparisons = self.spec.comparisons.iter().zip(&self.records.compared).zip(&model.comparisons);
        comparisons
            .map(|((named, compared), levels)| {
                let equal = levels.last().filter(|_| named.comparison.term_frequency)?;
                Some(compared.values.frequencies().into_iter().map(|frequency| (equal.u / frequency).log2()).collect())
            })
            .collect()
    }

    /// The weight of a pattern, without frequencies.
    fn weight(&self, model: &Model, pattern: u64) -> f64 {
        let digits = self.patterns.unpack(pattern);
        let levels = digits.iter().zip(&model.comparisons).filter_map(|(digit, levels)| levels.get(digit.checked_sub(1)?));
        levels.fold(weight(model.prior), |sum, level| sum + level.weight())
    }

    /// Sends the pairs whose probability is high enough.
    fn pairs(&self, model: &Model, pairs: &[Pair]) -> Result<(), Stop> {
        let frequencies = self.frequencies(model);
        // Each pattern once: its weight, and the comparisons whose frequency counts.
        let mut weights: HashMap<u64, (f64, Vec<usize>)> = HashMap::new();
        let mut found: Vec<(&Pair, f64)> = vec![];
        for pair in pairs {
            let (base, equal) = weights.entry(pair.pattern).or_insert_with(|| {
                let digits = self.patterns.unpack(pair.pattern);
                let is_equal = |number: &usize| {
                    frequencies[*number].is_some() && digits[*number] == self.spec.comparisons[*number].comparison.levels()
                };
                (self.weight(model, pair.pattern), (0..digits.len()).filter(is_equal).collect())
            });
            let weight = equal.iter().fold(*base, |sum, number| sum + self.frequency(&frequencies, *number, pair.left));
            if probability(weight) >= self.options.min_probability {
                found.push((pair, weight));
                if found.len() == self.worker.batch_size {
                    self.send(&found)?;
                    found.clear();
                }
            }
        }
        if found.is_empty() { Ok(()) } else { self.send(&found) }
    }

    fn frequency(&self, frequencies: &[Option<Vec<f64>>], number: usize, record: u32) -> f64 {
        match (&self.records.compared[number].values, &frequencies[number]) {
            (Values::Texts { numbers, .. }, Some(frequencies)) => {
                frequencies.get(numbers[record as usize] as usize).copied().unwrap_or(0.0)
            }
            _ => 0.0,
        }
    }

    fn send(&self, found: &[(&Pair, f64)]) -> Result<(), Stop> {
        let keys = |end: fn(&Pair) -> u32| {
            let numbers: Vec<u32> = found.iter().map(|(pair, _)| end(pair)).collect();
            self.records.keys.take(&numbers)
        };
        let columns = || -> Result<Vec<ArrayRef>> {
            Ok(vec![
                keys(|pair| pair.left)?,
                keys(|pair| pair.right)?,
                Arc::new(Float64Array::from_iter_values(found.iter().map(|(_, weight)| *weight))),
                Arc::new(Float64Array::from_iter_values(found.iter().map(|(_, weight)| probability(*weight)))),
                Arc::new(Int32Array::from_iter_values(found.iter().map(|(pair, _)| pair.rule as i32 + 1))),
            ])
        };
        self.worker.send(columns())
    }

    /// Sends the learned parameters.
    fn parameters(&self, model: &Model) -> Result<(), Stop> {
        let mut rows: Vec<(&str, Option<i32>, String, f64, f64)> =
            vec![("prior", None, "two records drawn at random".into(), model.prior, 1.0 - model.prior)];
        for (named, levels) in self.spec.comparisons.iter().zip(&model.comparisons) {
            for (number, level) in levels.iter().enumerate().rev() {
                rows.push((&named.name, Some(number as i32), named.comparison.label(number), level.m, level.u));
            }
        }
        self.worker.send(Ok(vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(rows.iter().map(|row| row.1).collect::<Int32Array>()),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.2.as_str()))),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.3))),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.4))),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| (row.3 / row.4).log2()))),
        ]))
    }

    /// Sends the waterfall of a pair.
    fn explain(&self, model: &Model, rows: &[RecordBatch], pair: Option<Vec<RecordBatch>>) -> Result<(), Stop> {
        let function = self.options.gives.function();
        let ends = self.ends(pair.unwrap_or_default()).map_err(|error| self.worker.fail(error))?;
        let [Some(a), Some(b)] = ends else {
            let end = if ends[0].is_none() { "a" } else { "b" };
            return Err(self.worker.fail(invalid(function, format!("{end}: the input has no record with that key"))));
        };
        let frequencies = self.frequencies(model);
        let mut comparers = self.records.comparers(&self.spec);
        let shown = |place: usize, record: u32| self.shown(rows, place, record);
        let mut steps: Vec<Waterfall> = vec![Waterfall {
            comparison: "prior".into(),
            label: "two records drawn at random".into(),
            values: [None, None],
            m: Some(model.prior),
            u: Some(1.0 - model.prior),
            weight: weight(model.prior),
        }];
        for (place, (named, comparer)) in self.spec.comparisons.iter().zip(&mut comparers).enumerate() {
            let values = [shown(place, a), shown(place, b)];
            let digit = comparer.level(a, b);
            let level = digit.checked_sub(1).map(|level| (level, &model.comparisons[place][level]));
            steps.push(Waterfall {
                comparison: named.name.clone(),
                label: level.map_or_else(|| "missing".into(), |(level, _)| named.comparison.label(level)),
                values: values.clone(),
                m: level.map(|(_, level)| level.m),
                u: level.map(|(_, level)| level.u),
                weight: level.map_or(0.0, |(_, level)| level.weight()),
            });
            if frequencies[place].is_some() && digit == named.comparison.levels() {
                let weight = self.frequency(&frequencies, place, a);
                let u = level.map(|(_, level)| level.u / weight.exp2());
                let label = "term frequency".into();
                steps.push(Waterfall { comparison: named.name.clone(), label, values, m: None, u, weight });
            }
        }
        let mut sum = 0.0;
        let probabilities: Vec<f64> = steps
            .iter()
            .map(|step| {
                sum += step.weight;
                probability(sum)
            })
            .collect();
        self.worker.send(Ok(vec![
            Arc::new(Int32Array::from_iter_values(0..steps.len() as i32)),
            Arc::new(StringArray::from_iter_values(steps.iter().map(|step| step.comparison.as_str()))),
            Arc::new(StringArray::from_iter_values(steps.iter().map(|step| step.label.as_str()))),
            Arc::new(steps.iter().map(|step| step.values[0].clone()).collect::<StringArray>()),
            Arc::new(steps.iter().map(|step| step.values[1].clone()).collect::<StringArray>()),
            Arc::new(steps.iter().map(|step| step.m).collect::<Float64Array>()),
            Arc::new(steps.iter().map(|step| step.u).collect::<Float64Array>()),
            Arc::new(Float64Array::from_iter_values(steps.iter().map(|step| step.weight))),
            Arc::new(Float64Array::from(probabilities)),
        ]))
    }

    /// The two records of the pair to explain.
    fn ends(&self, pair: Vec<RecordBatch>) -> Result<[Option<u32>; 2]> {
        let Some(batch) = pair.into_iter().next() else { return Ok([None, None]) };
        let mut keys = crate::functions::identity::records::Keys::of(
            self.records.keys.values.data_type(),
            std::slice::from_ref(&self.records.keys.values),
        )?;
        let mut end = |place: usize| Ok::<_, DataFusionError>(keys.find(batch.column(place))?.first().copied().flatten());
        Ok([end(0)?, end(1)?])
    }

    /// A value in its original form.
    fn shown(&self, rows: &[RecordBatch], place: usize, record: u32) -> Option<String> {
        let row = self.records.keys.rows.iter().position(|own| *own == record)?;
        let mut before = row;
        for batch in rows {
            let known = batch.num_rows() - batch.column(0).null_count();
            if before < known {
                let place = batch.num_columns() - self.spec.comparisons.len() + place;
                let column = batch.column(place).as_string::<i32>();
                let keys = batch.column(0);
                let row = (0..batch.num_rows()).filter(|row| keys.is_valid(*row)).nth(before)?;
                return column.is_valid(row).then(|| column.value(row).to_string());
            }
            before -= known;
        }
        None
    }
}

/// A row of the result of `explain_match`.
struct Waterfall {
    comparison: String,
    label: String,
    values: [Option<String>; 2],
    m: Option<f64>,
    u: Option<f64>,
    weight: f64,
}
