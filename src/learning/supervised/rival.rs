//! Measures an earlier version of a model on the rows on which a new version is measured, so that only the models differ.

use super::measures::{Measures, measured};
use super::table::Table;
use super::target::{Target, Task};
use crate::kernels::control::Stop;
use crate::learning::features::{Computing, Kind, Missing};
use crate::learning::model::Model;
use crate::learning::model::stored::{TrainedFeature, UNSEEN};

/// What the new version has learnt from, and is measured on.
pub struct Ground<'a> {
    pub task: Task,
    pub target: &'a Target,
    pub features: &'a [TrainedFeature],
    pub table: &'a Table,
}

/// The measures of the earlier version; `None` if it predicts something else, or has a feature that the new rows lack.
///
/// # Errors
/// The memory limit is reached, or the query is cancelled.
pub fn measured_again(rival: &Model, ground: &Ground<'_>, running: &Computing<'_>) -> Result<Option<Measures>, Stop> {
    let Some(predictor) = rival.fitted().predictor().filter(|rival| predict_alike(&rival.target, ground.target)) else {
        return Ok(None);
    };
    let table = ground.table;
    let _columns = running.take(table.len() * 8 * (rival.trained.features.len() + 1))?;
    let is_kept = rival.trained.missing == Missing::Keep;
    let (mut numbers, mut codes) = (vec![], vec![]);
    for wanted in &rival.trained.features {
        let Some((place, feature)) = found(ground.features, wanted) else { return Ok(None) };
        match wanted.kind {
            Kind::Number => {
                let missing = if is_kept { f64::NAN } else { wanted.mean() };
                let column = table.numbers[place].iter();
                numbers.push(column.map(|number| if number.is_nan() { missing } else { *number }).collect::<Vec<f64>>());
            }
            Kind::Category => {
                // The same value may have another code in each version.
                let known: Vec<u32> = feature.values.iter().map(|(value, _)| wanted.code(value).unwrap_or(UNSEEN)).collect();
                let missing = if is_kept { UNSEEN } else { wanted.mode() };
                let column = table.codes[place].iter();
                codes.push(column.map(|code| known.get(*code as usize).copied().unwrap_or(missing)).collect::<Vec<u32>>());
            }
        }
    }
    let control = running.worker.control(running.worker.threads);
    let means = predictor.means(&numbers, &codes, table.len(), control).map_err(|stop| running.stopped(stop))?;
    Ok(Some(measured(ground.task, &means, table, predictor.threshold)))
}

/// Whether two targets are the same two classes, or both numbers or rates.
fn predict_alike(one: &Target, other: &Target) -> bool {
    match (&one.classes, &other.classes) {
        (None, None) => one.exposure.is_some() == other.exposure.is_some(),
        (Some(one), Some(other)) => (&one.negative, &one.positive) == (&other.negative, &other.positive),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// A feature of the earlier version among those of the new one, with its place among the features of its kind.
fn found<'a>(features: &'a [TrainedFeature], wanted: &TrainedFeature) -> Option<(usize, &'a TrainedFeature)> {
    let mut of_kind = features.iter().filter(|feature| feature.kind == wanted.kind).enumerate();
    of_kind.find(|(_, feature)| feature.name == wanted.name && feature.is_time == wanted.is_time)
}
