//! Warnings about a training: features that look too good to be true, and overfitting.

use super::algorithm::Features;
use super::measures::Measures;
use super::table::Table;
use super::target::Task;
use crate::kernels::metrics::auc;
use crate::learning::features::{Computing, Kind};

/// A feature that separates the classes with a higher AUC by itself may be known only after the target.
const SUSPICIOUS: f64 = 0.99;

/// A feature whose AUC over a sample is below this has none above [`SUSPICIOUS`].
const CLEAR: f64 = 0.95;

/// The rows of the sample, and how many it needs of each class, so that its AUC is within a few thousandths of that of all rows.
const SAMPLE: usize = 1 << 14;
const OF_EACH_CLASS: usize = 200;

/// A number that explains this share of a number to predict is that number, or what it is computed from.
const EXPLAINED: f64 = 0.9999;

/// Categories with more values are not examined.
const MOST_VALUES: usize = 1000;

/// Warns of features that predict the target almost by themselves.
pub fn tell_leaks(table: &Table, is_class: bool, features: &Features, running: &Computing<'_>) {
    if table.len() < 2 {
        return;
    }
    if !is_class {
        for (name, column) in features.names().zip(&table.numbers) {
            let Some(explained) = explained(column, table).filter(|explained| *explained > EXPLAINED) else { continue };
            running.note(format!(
                "{name} alone explains {} (r2 {explained:.4}); if it is known only after that, leave it out with features = '…'",
                running.wanted.target()
            ));
        }
        return;
    }
    let of_numbers = table
        .numbers
        .iter()
        .map(|column| separation(table, |row| if column[row].is_nan() { f64::NEG_INFINITY } else { column[row] }));
    let of_categories = table.codes.iter().zip(&table.levels).map(|(codes, levels)| {
        if *levels > MOST_VALUES || levels * 10 > table.len() {
            return None;
        }
        let (mut positive, mut all) = (vec![0.0; levels + 1], vec![0.0; levels + 1]);
        for (row, (code, target)) in codes.iter().zip(&table.target).enumerate() {
            let level = (*code as usize).min(*levels);
            all[level] += table.weight(row);
            positive[level] += table.weight(row) * target;
        }
        separation(table, |row| {
            let level = (codes[row] as usize).min(*levels);
            positive[level] / all[level]
        })
    });
    for (name, auc) in features.names().zip(of_numbers.chain(of_categories)) {
        let Some(auc) = auc.filter(|auc| *auc > SUSPICIOUS) else { continue };
        running.note(format!(
            "{name} alone separates the classes (auc {auc:.4}); if it is known only after {}, leave it out with features = '…'",
            running.wanted.target()
        ));
    }
}

/// How well a score separates the classes, whichever it is higher for: its AUC, or 1 less it. `None` if there is only one class, or if a
/// sample shows that the score is not [`SUSPICIOUS`].
fn separation(table: &Table, score: impl Fn(usize) -> f64) -> Option<f64> {
    let over = |rows: usize| {
        let scores: Vec<f64> = (0..rows).map(&score).collect();
        let area = auc(&scores, &table.target[..rows], table.weights.as_deref().map(|weights| &weights[..rows]))?;
        Some(area.max(1.0 - area))
    };
    // Rows are sorted by a hash of their keys, so the first ones are a random sample.
    if table.len() > 2 * SAMPLE && table.weights.is_none() {
        let positives = table.target[..SAMPLE].iter().filter(|target| **target > 0.5).count();
        let is_enough = (OF_EACH_CLASS..=SAMPLE - OF_EACH_CLASS).contains(&positives);
        if is_enough && over(SAMPLE).is_some_and(|area| area < CLEAR) {
            return None;
        }
    }
    over(table.len())
}

/// The share of the target's variance that a number explains by itself, over the rows that have it.
fn explained(column: &[f64], table: &Table) -> Option<f64> {
    let known = || column.iter().zip(&table.target).enumerate().filter(|(_, (value, _))| !value.is_nan());
    let (mut weight, mut value, mut target) = (0.0, 0.0, 0.0);
    for (row, (x, y)) in known() {
        weight += table.weight(row);
        value += table.weight(row) * x;
        target += table.weight(row) * y;
    }
    let (value, target) = (value / weight, target / weight);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (row, (x, y)) in known() {
        let (x, y, weight) = (x - value, y - target, table.weight(row));
        xx += weight * x * x;
        yy += weight * y * y;
        xy += weight * x * y;
    }
    (xx > 0.0 && yy > 0.0).then(|| xy * xy / (xx * yy))
}

/// Warns of features that are dates after the time of the target, and so cannot be known when it is predicted.
pub fn tell_of_the_future(table: &Table, running: &Computing<'_>) {
    let Some(times) = &table.times else { return };
    let numbers = running.wanted.features.iter().filter(|feature| feature.kind == Kind::Number);
    for (feature, column) in numbers.zip(&table.numbers).filter(|(feature, _)| feature.is_time) {
        let later = column.iter().zip(times).filter(|(value, time)| value > time).count();
        if later > 0 {
            running.note(format!(
                "{} is after the time of the target in {later} of {} rows: it is known only later; leave it out with features = '…'",
                feature.name,
                table.len()
            ));
        }
    }
}

/// The largest acceptable difference between the measures on training rows and held-out rows.
const GAP: f64 = 0.05;

/// Warns if the model is much better on its training rows than on the held-out rows.
pub fn tell_overfitting(task: Task, training: &Measures, holdout: Option<&Measures>, running: &Computing<'_>) {
    let name = if task == Task::Class { "auc" } else { "r2" };
    let Some((seen, unseen)) = training.get(name).zip(holdout.and_then(|measures| measures.get(name))) else { return };
    if seen - unseen > GAP {
        running.note(format!(
            "{name} is {seen:.4} on the training rows and {unseen:.4} on the held-out rows: the model overfits; use fewer leaves, more rows per leaf or a penalty"
        ));
    }
}

/// A calibration whose log_loss on the held-out rows is larger than the uncalibrated one by this factor makes predictions worse.
const WORSE: f64 = 1.01;

/// Warns if calibrated probabilities fit the held-out rows worse than uncalibrated ones.
pub fn tell_calibration(plain: &Measures, calibrated: &Measures, running: &Computing<'_>) {
    let Some((without, with)) = plain.get("log_loss").zip(calibrated.get("log_loss")) else { return };
    if with > without * WORSE {
        running.note(format!(
            "calibration makes log_loss on the held-out rows worse, {with:.4} instead of {without:.4}; leave it out, or train on more rows"
        ));
    }
}
