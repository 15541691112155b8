//! The step of `experiment_result`: each group against the control, metric by metric, segment by segment.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringViewArray};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use serde::{Deserialize, Serialize};

use super::cells::{Cells, Design, ValueCounts, tied};
use super::decision::{Facts, Verdict, words};
use crate::adapter::plain::Plain;
use crate::adapter::step::{Step, StepContext, Streams};
use crate::adapter::usable_rows::rows_without;
use crate::error::{failed, invalid};
use crate::kernels::adjust::{Method, adjust_known};
use crate::kernels::experiment::Alternative;
use crate::kernels::experiment::compare::{Comparison, Test, compare, is_rare};
use crate::kernels::experiment::estimate::{Adjustment, Estimate, estimate};
use crate::kernels::experiment::moments::Moments;
use crate::kernels::experiment::ranks::mann_whitney;
use crate::kernels::experiment::ratio::sample_ratio;
use crate::kernels::experiment::sequential::{Look, look};
use crate::language::Language;

/// The test that a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asked {
    Auto,
    Welch,
    Proportions,
    ChiSquare,
    MannWhitney,
}

impl Asked {
    pub const NAMES: &'static [&'static str] = &["auto", "welch", "z", "chi_square", "mann_whitney"];

    pub fn named(name: &str) -> Self {
        match name {
            "welch" => Self::Welch,
            "z" => Self::Proportions,
            "chi_square" => Self::ChiSquare,
            "mann_whitney" => Self::MannWhitney,
            _ => Self::Auto,
        }
    }
}

/// What all comparisons of a call have in common.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rules {
    pub asked: Asked,
    pub alternative: Alternative,
    pub confidence: f64,
    pub power: f64,
    pub tau: Option<f64>,
    pub ratio: bool,
    pub covariate: bool,
    pub adjust: Method,
    pub srm_alpha: f64,
    pub language: Language,
}

/// One comparison.
#[derive(Debug, Clone, Default)]
pub struct Effect {
    pub control: Option<Estimate>,
    pub treatment: Option<Estimate>,
    pub comparison: Option<Comparison>,
    pub theta: Option<f64>,
    /// The share of the difference's variance that the covariate removes.
    pub variance_reduction: Option<f64>,
    pub look: Option<Look>,
    /// Too few rows for the test.
    pub is_rare: bool,
}

impl Effect {
    /// The p-value that decides, before it is adjusted.
    pub fn p_value(&self, rules: &Rules) -> Option<f64> {
        if rules.tau.is_some() { self.look.map(|look| look.p_value) } else { self.comparison.as_ref()?.p_value }
    }
}

impl Rules {
    /// Chooses the test of a metric from all of its rows.
    pub fn test(&self, function: &str, metric: &str, is_flag: bool) -> Result<Test> {
        Ok(match self.asked {
            _ if self.ratio => Test::Delta,
            Asked::Auto if is_flag && !self.covariate => Test::Proportions,
            Asked::Auto | Asked::Welch | Asked::MannWhitney => Test::Welch,
            _ if !is_flag => {
                let problem = format!(
                    "test 'z' and 'chi_square' compare shares: every {metric} must be 0 or 1, or a condition; write test => 'welch'"
                );
                return Err(invalid(function, problem));
            }
            Asked::Proportions => Test::Proportions,
            Asked::ChiSquare => Test::ChiSquare,
        })
    }

    /// Compares two groups.
    pub fn effect(&self, control: &Moments, treatment: &Moments, test: Test) -> Effect {
        let estimates = |adjustment| (estimate(control, self.ratio, adjustment), estimate(treatment, self.ratio, adjustment));
        let adjustment = if self.covariate { Adjustment::of(&Moments::merged([control, treatment]), self.ratio) } else { None };
        let (of_control, of_treatment) = estimates(adjustment);
        let mut effect =
            Effect { control: of_control, treatment: of_treatment, theta: adjustment.map(|by| by.theta), ..Effect::default() };
        let (Some(one), Some(other)) = (&of_control, &of_treatment) else { return effect };
        effect.comparison = compare(one, other, test, self.alternative, self.confidence, self.power);
        effect.is_rare = matches!(test, Test::Proportions | Test::ChiSquare) && is_rare(one, other);
        if adjustment.is_some()
            && let (Some(one_before), Some(other_before)) = estimates(None)
        {
            let (before, after) = (one_before.of_mean() + other_before.of_mean(), one.of_mean() + other.of_mean());
            effect.variance_reduction = Some(1.0 - after / before).filter(|share| share.is_finite());
        }
        if let (Some(tau), Some(comparison)) = (self.tau, &effect.comparison) {
            effect.look = look(comparison.difference, comparison.std_err, tau, self.confidence);
        }
        effect
    }

    /// The result of a comparison once its p-value is adjusted. `superiority` is by how much the share of pairs that favour the treatment
    /// exceeds one half.
    pub fn verdict(&self, effect: &Effect, p_adjusted: Option<f64>, superiority: Option<f64>, lower_is_better: bool) -> Verdict {
        let Some(comparison) = &effect.comparison else { return Verdict::TooFewRows };
        if effect.is_rare && comparison.statistic.is_some() {
            return Verdict::TooFewRows;
        }
        match p_adjusted {
            None => Verdict::NoVariation,
            Some(p_value) if p_value < 1.0 - self.confidence => {
                let direction = superiority.unwrap_or(comparison.difference);
                if (direction < 0.0) == lower_is_better { Verdict::Better } else { Verdict::Worse }
            }
            Some(_) => Verdict::NoDifference,
        }
    }
}

/// A row of the result.
struct Row {
    segment: usize,
    metric: usize,
    group: usize,
    test: &'static str,
    srm_p_value: Option<f64>,
    control_rows: i64,
    rows: i64,
    cap: Option<f64>,
    capped: Option<i64>,
    superiority: Option<f64>,
    effect: Effect,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Compare {
    pub function: String,
    pub design: Design,
    pub rules: Rules,
    /// The names of the metrics, and whether less is better.
    pub metrics: Vec<(String, bool)>,
    /// The names of the covariates.
    pub covariates: Vec<String>,
    pub segmented: bool,
}

impl Plain for Compare {
    const NAME: &'static str = "CompareGroups";
}

impl Step for Compare {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let schema = Arc::clone(&context.schema);
        let mut streams = inputs.into_iter().flatten();
        let (sums, values) = (streams.next(), streams.next());
        let whole = Self {
            function: self.function.clone(),
            design: self.design.clone(),
            rules: self.rules.clone(),
            metrics: self.metrics.clone(),
            covariates: self.covariates.clone(),
            segmented: self.segmented,
        };
        let result = async move {
            let Some(sums) = sums else { return Err(failed(&whole.function, "there is nothing to compare")) };
            let cells = Cells::collect(sums, whole.segmented, &whole.design, &context).await?;
            let values = match values {
                Some(values) => cells.values(values, &context).await?,
                None => BTreeMap::new(),
            };
            let timer = context.timer();
            let _running = timer.timer();
            whole.tell(&cells, &context);
            let rows = whole.rows(&cells, &values)?;
            whole.written(&rows, &cells, &context)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(result))))
    }
}

impl Compare {
    /// Counts the dropped rows, and notes replaced values.
    fn tell(&self, cells: &Cells, context: &StepContext) {
        cells.tell_others(context);
        for (place, (metric, _)) in self.metrics.iter().enumerate() {
            let used = cells.of_design().filter_map(|cell| cell.moments.get(place));
            let (used, without) =
                used.fold((0, 0), |(rows, without), moments| (rows + moments.rows, without + moments.without_covariate));
            let all: u64 = cells.of_design().map(|cell| cell.rows).sum();
            let missing = all.saturating_sub(used.unsigned_abs());
            context.left_out(rows_without(metric)).add(missing as usize);
            // A covariate shared by all metrics is reported once.
            let covariate = if self.covariates.len() > 1 {
                self.covariates.get(place)
            } else {
                self.covariates.first().filter(|_| place == 0)
            };
            if let Some(covariate) = covariate.filter(|_| without > 0) {
                let (rows, count) = if without == 1 { ("row", "counts") } else { ("rows", "count") };
                context.notes().tell(format!("{without} {rows} without {covariate} {count} as if it were 0"));
            }
        }
    }

    /// A row's metric, and whether less of it is better.
    fn metric(&self, row: &Row) -> (&str, bool) {
        self.metrics.get(row.metric).map_or(("", false), |(name, less)| (name, *less))
    }

    fn rows(&self, cells: &Cells, values: &ValueCounts) -> Result<Vec<Row>> {
        let is_flag = |metric: usize| cells.of_design().filter_map(|cell| cell.moments.get(metric)).all(Moments::is_flag);
        let tests =
            self.metrics.iter().enumerate().map(|(place, (name, _))| self.rules.test(&self.function, name, is_flag(place)));
        let tests = tests.collect::<Result<Vec<Test>>>()?;
        let (none, control) = (Moments::default(), cells.control_label());
        let mut rows = vec![];
        for segment in 0..cells.segments() {
            let (sizes, shares) = cells.sizes(segment);
            let srm_p_value = sample_ratio(&sizes, shares);
            for (metric, test) in tests.iter().enumerate() {
                let of = |label| cells.cell(segment, label).and_then(|cell| cell.moments.get(metric)).unwrap_or(&none);
                for group in cells.treatments() {
                    let (one, other) = (of(control), of(group));
                    let mut effect = self.rules.effect(one, other, *test);
                    let mut superiority = None;
                    let mut name = name_of(*test);
                    if self.rules.asked == Asked::MannWhitney {
                        name = "mann_whitney";
                        let of_metric = values.get(&(segment, metric as i64)).map_or(&[][..], Vec::as_slice);
                        let found = mann_whitney(&tied(of_metric, control, group), self.rules.alternative);
                        superiority = found.map(|found| found.superiority - 0.5);
                        if let Some(comparison) = &mut effect.comparison {
                            comparison.statistic = found.map(|found| found.statistic);
                            comparison.degrees_of_freedom = None;
                            comparison.p_value = found.and_then(|found| found.p_value);
                        }
                    }
                    rows.push(Row {
                        segment,
                        metric,
                        group,
                        test: name,
                        srm_p_value,
                        control_rows: one.rows,
                        rows: other.rows,
                        cap: one.cap.or(other.cap),
                        capped: one.cap.or(other.cap).map(|_| one.capped + other.capped),
                        superiority,
                        effect,
                    });
                }
            }
        }
        Ok(rows)
    }

    fn written(&self, rows: &[Row], cells: &Cells, context: &StepContext) -> Result<RecordBatch> {
        context.memory.try_grow(rows.len() * 2 * size_of::<Row>())?;
        let rules = &self.rules;
        let adjusted = adjust_known(&rows.iter().map(|row| row.effect.p_value(rules)).collect::<Vec<_>>(), rules.adjust);
        let is_off = |row: &Row| row.srm_p_value.map(|p_value| p_value < rules.srm_alpha);
        let verdicts: Vec<(Verdict, String)> = rows
            .iter()
            .zip(&adjusted)
            .map(|(row, p_value)| {
                let (name, lower_is_better) = self.metric(row);
                let verdict = match is_off(row) {
                    Some(true) => Verdict::SampleRatioMismatch,
                    _ => rules.verdict(&row.effect, *p_value, row.superiority, lower_is_better),
                };
                let comparison = row.effect.comparison.as_ref();
                let facts = Facts {
                    metric: name,
                    srm_p_value: row.srm_p_value,
                    difference: comparison.map(|comparison| comparison.difference),
                    uplift: comparison.and_then(|comparison| comparison.uplift),
                    p_value: *p_value,
                    detectable: comparison.and_then(|comparison| comparison.detectable),
                    detectable_uplift: relative_detectable(&row.effect),
                    power: rules.power,
                };
                (verdict, words(verdict, &facts, rules.language))
            })
            .collect();
        let real = |of: &dyn Fn(&Row) -> Option<f64>| -> ArrayRef {
            Arc::new(rows.iter().map(|row| of(row).filter(|value| value.is_finite())).collect::<Float64Array>())
        };
        let compared = |of: fn(&Comparison) -> Option<f64>| real(&move |row| row.effect.comparison.as_ref().and_then(of));
        let whole = |of: &dyn Fn(&Row) -> Option<i64>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<Int64Array>()) };
        let mut columns: Vec<ArrayRef> = vec![];
        columns.extend(cells.segment_values(&rows.iter().map(|row| row.segment).collect::<Vec<_>>())?);
        let others: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|row| Some(self.metric(row).0)).collect::<StringViewArray>()),
            cells.label_values(&rows.iter().map(|row| row.group).collect::<Vec<_>>())?,
            Arc::new(rows.iter().map(|row| Some(row.test)).collect::<StringViewArray>()),
            real(&|row| row.srm_p_value),
            Arc::new(rows.iter().map(is_off).collect::<BooleanArray>()),
            whole(&|row| Some(row.control_rows)),
            whole(&|row| Some(row.rows)),
            real(&|row| row.effect.control.map(|estimate| estimate.mean)),
            real(&|row| row.effect.treatment.map(|estimate| estimate.mean)),
            compared(|comparison| Some(comparison.difference)),
            compared(|comparison| Some(comparison.std_err)),
            compared(|comparison| comparison.interval.0),
            compared(|comparison| comparison.interval.1),
            compared(|comparison| comparison.uplift),
            compared(|comparison| comparison.uplift_interval.0),
            compared(|comparison| comparison.uplift_interval.1),
            compared(|comparison| comparison.statistic),
            compared(|comparison| comparison.degrees_of_freedom),
            compared(|comparison| comparison.p_value),
            Arc::new(adjusted.iter().copied().collect::<Float64Array>()),
            real(&|row| row.effect.theta),
            real(&|row| row.effect.variance_reduction),
            real(&|row| row.cap),
            whole(&|row| row.capped),
            real(&|row| row.effect.look.map(|look| look.p_value)),
            real(&|row| Some(row.effect.comparison.as_ref()?.difference - row.effect.look?.half_width)),
            real(&|row| Some(row.effect.comparison.as_ref()?.difference + row.effect.look?.half_width)),
            compared(|comparison| comparison.detectable),
            real(&|row| relative_detectable(&row.effect)),
            Arc::new(verdicts.iter().map(|(verdict, _)| Some(verdict.word())).collect::<StringViewArray>()),
            Arc::new(verdicts.iter().map(|(_, words)| Some(words.as_str())).collect::<StringViewArray>()),
        ];
        columns.extend(others);
        Ok(RecordBatch::try_new(Arc::clone(&context.schema), columns)?)
    }
}

/// The smallest difference that would have been detected, relative to the control.
fn relative_detectable(effect: &Effect) -> Option<f64> {
    let detectable = effect.comparison.as_ref()?.detectable?;
    Some(detectable / effect.control?.mean.abs()).filter(|share| share.is_finite())
}

fn name_of(test: Test) -> &'static str {
    match test {
        Test::Welch => "welch",
        Test::Proportions => "z",
        Test::ChiSquare => "chi_square",
        Test::Delta => "delta",
    }
}
