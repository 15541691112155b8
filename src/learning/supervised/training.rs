//! The training of every model with a target: what is held out, tried, measured and reported.
//!
//! ```text
//! rows ─▶ Table ─┬─ holdout ─────────────────────────────────────┐
//!                └─ training ─┬─ candidates over folds: the best ─┐│
//!                             ├─ folds: measures, calibration     ││
//!                             └─ fit ◀────────────────────────────┘│
//!                                 ▼                                ▼
//!                             Predictor ─▶ measures and permutations on the holdout
//! ```

use datafusion::common::Result;

use super::algorithm::{Algorithm, Features, Fit};
use super::measures::{Measures, measured};
use super::permutation::{importance, mean_and_deviation};
use super::plan::{Calibrated, Candidate, Plan};
use super::predictor::{Calibration, Predictor};
use super::rival::{Ground, measured_again};
use super::split::{Split, folds, holdout};
use super::table::{Outline, TIME_ROLE, Table};
use super::target::{Target, Task};
use super::warnings::{tell_calibration, tell_leaks, tell_of_the_future, tell_overfitting};
use crate::adapter::arguments::Options;
use crate::docs::Doc;
use crate::kernels::cluster::Matrix;
use crate::kernels::control::Stop;
use crate::learning::features::{Computing, Rows};
use crate::learning::model::Model;
use crate::learning::model::described::{EARLIER, TrainingStep};
use crate::learning::model::stored::{Exact, TrainedFeature};

/// The definition of a training.
pub struct Asked<'a> {
    pub doc: &'static Doc,
    pub task: Task,
    pub options: &'a Options,
    /// The version that the new one must surpass.
    pub rival: Option<&'a Model>,
    /// The features of the rows.
    pub known: &'a [TrainedFeature],
    /// Creates the algorithm with given options.
    pub algorithm: &'a dyn Fn(&Options) -> Result<Algorithm>,
}

/// A trained model, with the metrics that are shown for it.
pub struct Trained {
    pub predictor: Predictor,
    pub metrics: Vec<(String, Option<f64>)>,
}

/// The number of folds if none is given.
const FOLDS: usize = 5;

/// Trains a model with a target.
pub fn train(asked: &Asked<'_>, rows: &mut Rows, running: &Computing<'_>) -> Result<Trained, Stop> {
    let plan = Plan::read(asked.doc, asked.options).map_err(|error| running.worker.fail(error))?;
    let is_class = asked.task == Task::Class;
    let (target, values) = Target::of(asked.task, running.wanted.target(), rows, asked.options, running)?;
    if plan.split == Split::Time && rows.beside(TIME_ROLE).is_none() {
        return Err(running.refuse("split = 'time' needs the column that says when: time = 'column'"));
    }
    let features = Features::of(asked.known);
    let (mut training, held, _reserved) = {
        let (numbers, categories) = (rows.numbers.columns(), rows.categories.len());
        let reserved = running.take(rows.len() * (8 * numbers + 4 * categories + 8 * 12))?;
        let outline = Outline::of(rows, &values);
        let (inside, outside) = holdout(&outline.table, plan.split, plan.holdout, is_class, plan.random_state);
        let sides = (outline.select(&inside, rows), outline.select(&outside, rows));
        rows.numbers = Matrix::new(0);
        rows.categories.clear();
        (sides.0, sides.1, reserved)
    };
    check_sides(&target, &training, &held, &plan, running)?;
    tell_leaks(&training, is_class, &features, running);
    tell_of_the_future(&training, running);
    if plan.is_balanced {
        training.balance();
    }
    let mut job = Job { asked, plan: &plan, features: &features, training: &training, running, steps: vec![] };

    let candidates = plan.candidates(asked.doc, asked.options).map_err(|error| running.worker.fail(error))?;
    let options = job.best(&candidates)?;
    let algorithm = (asked.algorithm)(options).map_err(|error| running.worker.fail(error))?;
    let folded = match plan.folds > 1 || plan.calibration != Calibrated::Not {
        true => Some(job.folded(&algorithm)?),
        false => None,
    };
    let calibration =
        folded.as_ref().map(|folded| Calibration::fit(plan.calibration, &folded.means, &training)).unwrap_or_default();

    running.show("training".into());
    let Fit { learner, steps, metrics, notes } = algorithm.fit(&training, &features, running)?;
    job.steps.extend(steps);
    notes.into_iter().for_each(|note| running.note(note));
    let mut predictor = Predictor { target, threshold: plan.threshold, learner, calibration, importance: vec![], steps: vec![] };

    running.show("measuring".into());
    let of_training = job.measured(&predictor, &training)?;
    let of_holdout = if held.len() > 0 { Some(job.measured(&predictor, &held)?) } else { None };
    tell_overfitting(asked.task, &of_training, of_holdout.as_ref(), running);
    if plan.calibration != Calibrated::Not
        && let Some(calibrated) = &of_holdout
    {
        let calibration = std::mem::take(&mut predictor.calibration);
        let plain = job.measured(&predictor, &held)?;
        predictor.calibration = calibration;
        tell_calibration(&plain, calibrated, running);
    }
    job.tell("training", 1, &of_training);
    of_holdout.iter().for_each(|measures| job.tell("holdout", 1, measures));
    let judged = if held.len() > 0 { &held } else { &training };
    if let Some(rival) = asked.rival {
        let ground = Ground { task: asked.task, target: &predictor.target, features: asked.known, table: judged };
        let measures = measured_again(rival, &ground, running)?;
        measures.iter().for_each(|measures| job.tell(EARLIER, rival.stored().version as u64, measures));
    }
    let mut shown: Vec<(String, Option<f64>)> = metrics.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    shown.push(("holdout_rows".into(), Some(held.len() as f64)));
    // A model is judged by rows that it has not seen; if none were held out, by its training rows.
    let known_by = of_holdout.as_ref().unwrap_or(&of_training);
    shown.extend(known_by.main().map(|(name, value)| (name.to_string(), value)));
    if plan.folds > 1
        && let Some(folded) = &folded
    {
        for (fold, measures) in (1..).zip(&folded.measures) {
            job.tell("fold", fold, measures);
        }
        for (name, mean, deviation) in over(&folded.measures) {
            job.steps.push(step("folds", folded.measures.len() as u64, "mean", name, mean));
            job.steps.extend(deviation.map(|deviation| step("folds", folded.measures.len() as u64, "stddev", name, deviation)));
            if name == known_by.first() {
                shown.push((format!("cv_{name}"), Some(mean)));
            }
        }
    }
    predictor.importance = importance(&predictor, asked.task, judged, &features, plan.permutations, plan.random_state, running)?;
    predictor.steps = job.steps;
    Ok(Trained { predictor, metrics: shown })
}

/// Checks that there are rows to train on, and for classes that both occur among them with a weight.
fn check_sides(target: &Target, training: &Table, held: &Table, plan: &Plan, running: &Computing<'_>) -> Result<(), Stop> {
    let has_both = |table: &Table| {
        let weighs =
            |is_positive: bool| (0..table.len()).any(|row| (table.target[row] > 0.5) == is_positive && table.weight(row) > 0.0);
        weighs(true) && weighs(false)
    };
    if training.weights.as_ref().is_some_and(|weights| weights.iter().all(|weight| *weight == 0.0)) {
        return Err(running.refuse("no row to train on has a weight above 0"));
    }
    if training.len() == 0 {
        return Err(running.refuse("no row is left to train on; give a smaller holdout"));
    }
    if target.classes.is_some() && !has_both(training) {
        let problem = format!(
            "the {} rows that are not held out, and have a weight, all have the same {}; give more rows, or another split or holdout",
            training.len(),
            target.column
        );
        return Err(running.refuse(problem));
    }
    if plan.split != Split::None && held.len() == 0 {
        let why = match plan.split {
            Split::Time => "all rows have the same time",
            _ => "there are too few rows",
        };
        running.note(format!("no row is held out, as {why}; the measures are of the training rows"));
    } else if target.classes.is_some() && held.len() > 0 && !has_both(held) {
        running.note(format!("the {} held-out rows all have the same {}; auc cannot be computed", held.len(), target.column));
    }
    Ok(())
}

/// A training in progress.
struct Job<'a> {
    asked: &'a Asked<'a>,
    plan: &'a Plan,
    features: &'a Features,
    training: &'a Table,
    running: &'a Computing<'a>,
    steps: Vec<TrainingStep>,
}

/// The results of cross-validation.
struct Folded {
    /// The prediction of each row by a model that has not seen it.
    means: Vec<f64>,
    measures: Vec<Measures>,
}

impl Job<'_> {
    /// The candidate with the best mean measure over the folds; ties: the first one.
    fn best<'c>(&mut self, candidates: &'c [Candidate]) -> Result<&'c Options, Stop> {
        let [first, others @ ..] = candidates else { return Err(self.running.refuse("search has nothing to try")) };
        if others.is_empty() {
            return Ok(&first.options);
        }
        let (metric, is_more_better) = self.plan.metric(self.asked.task);
        let mut best: Option<(&Candidate, f64)> = None;
        for (number, candidate) in (1..).zip(candidates) {
            self.running.show(format!("candidate {number} of {}", candidates.len()));
            let algorithm = (self.asked.algorithm)(&candidate.options).map_err(|error| self.running.worker.fail(error))?;
            let folded = self.folded(&algorithm)?;
            let Some((_, value, _)) = over(&folded.measures).into_iter().find(|(name, _, _)| *name == metric) else { continue };
            self.steps.push(step("candidate", number, &candidate.written, metric, value));
            let is_better = |least: f64| if is_more_better { value > least } else { value < least };
            if best.is_none_or(|(_, least)| is_better(least)) {
                best = Some((candidate, value));
            }
        }
        let Some((best, value)) = best else {
            return Err(self.running.refuse(format!("no candidate of search has a {metric}; give another metric")));
        };
        let many = candidates.len();
        self.running.note(format!("of {many} candidates {} has the best {metric} over the folds, {value:.6}", best.written));
        Ok(&best.options)
    }

    /// Cross-validation: trains on all folds but one and predicts that one, for each fold.
    fn folded(&self, algorithm: &Algorithm) -> Result<Folded, Stop> {
        let training = self.training;
        let number = if self.plan.folds > 1 { self.plan.folds } else { FOLDS };
        let fold_of = folds(training, number, self.asked.task == Task::Class, self.plan.random_state);
        let _copies = self.running.take(training.bytes(training.len()))?;
        let (mut means, mut measures) = (vec![f64::NAN; training.len()], vec![]);
        for fold in 0..number {
            let (others, own): (Vec<u32>, Vec<u32>) = (0..training.len() as u32).partition(|row| fold_of[*row as usize] != fold);
            if own.is_empty() || others.is_empty() {
                let problem = format!("{number} folds of {} rows leave one empty; give fewer folds", training.len());
                return Err(self.running.refuse(problem));
            }
            self.running.show(format!("fold {} of {number}", fold + 1));
            let judged = training.select(&own);
            let fit = algorithm.fit(&training.select(&others), self.features, self.running)?;
            let control = self.running.worker.control(self.running.worker.threads);
            let mut found = fit
                .learner
                .scores(&judged.numbers, &judged.codes, judged.len(), control)
                .map_err(|stop| self.running.stopped(stop))?;
            found.iter_mut().for_each(|score| *score = fit.learner.mean(*score));
            measures.push(measured(self.asked.task, &found, &judged, self.plan.threshold));
            own.iter().zip(found).for_each(|(row, mean)| means[*row as usize] = mean);
        }
        Ok(Folded { means, measures })
    }

    fn measured(&self, predictor: &Predictor, table: &Table) -> Result<Measures, Stop> {
        let control = self.running.worker.control(self.running.worker.threads);
        let means = predictor.means(&table.numbers, &table.codes, table.len(), control);
        let means = means.map_err(|stop| self.running.stopped(stop))?;
        Ok(measured(self.asked.task, &means, table, self.plan.threshold))
    }

    fn tell(&mut self, name: &str, number: u64, measures: &Measures) {
        self.steps.extend(measures.all().filter_map(|(measure, value)| Some(step(name, number, "", measure, value?))));
    }
}

/// The mean and standard deviation of each measure over the folds in which it is defined.
fn over(folds: &[Measures]) -> Vec<(&'static str, f64, Option<f64>)> {
    let Some(first) = folds.first() else { return vec![] };
    let of = |name: &'static str| {
        let values: Vec<f64> = folds.iter().filter_map(|measures| measures.get(name)).collect();
        let (mean, deviation) = mean_and_deviation(&values);
        Some((name, mean?, deviation))
    };
    first.all().filter_map(|(name, _)| of(name)).collect()
}

fn step(name: &str, number: u64, detail: &str, measure: &str, value: f64) -> TrainingStep {
    TrainingStep { step: name.into(), number, detail: detail.into(), measure: measure.into(), value: Exact(value) }
}
