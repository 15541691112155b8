//! Whether a new version of a model is better than the one before it: `keep_if_better`.

use datafusion::common::Result;

use crate::error::{did_you_mean, invalid};
use crate::learning::model::Trained;
use crate::learning::model::stored::TrainedFeature;

/// Whether larger or smaller values of a measure are better. An error if the training does not give it, or if it does not say how good
/// a model is.
pub fn direction(label: &str, measure: &str, new: &Trained) -> Result<Better> {
    if new.metrics.contains_key(measure)
        && let Some(better) = better(measure)
    {
        return Ok(better);
    }
    let known: Vec<&str> = new.metrics.keys().map(String::as_str).filter(|name| better(name).is_some()).collect();
    let suggestion = did_you_mean(measure, known.iter().copied());
    let known = known.join(", ");
    Err(invalid(label, format!("keep_if_better takes a measure of quality, got {measure}{suggestion}; training gives {known}")))
}

/// Which values of a measure are better; `None` for one that does not say how good a model is.
fn better(measure: &str) -> Option<Better> {
    if LESS_IS_BETTER.contains(&measure) {
        return Some(Better::Less);
    }
    MORE_IS_BETTER.contains(&measure).then_some(Better::More)
}

/// The direction of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    More,
    Less,
}

/// A measure of a trained model.
pub fn of_measure(trained: &Trained, measure: &str) -> Option<f64> {
    trained.metrics.get(measure).map(|value| value.0)
}

/// Whether a measure is better than that of an earlier model; a missing value is worse.
pub fn is_better(better: Better, now: Option<f64>, was: Option<f64>) -> bool {
    let known = |value: Option<f64>| value.filter(|value| !value.is_nan());
    match (known(now), known(was)) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(now), Some(was)) => match better {
            Better::More => now > was,
            Better::Less => now < was,
        },
    }
}

/// What makes the comparison of two versions doubtful.
pub fn doubt(label: &str, measure: &str, on_same_rows: bool, new: &Trained, before: &Trained) -> Option<String> {
    if on_same_rows {
        return (chosen(new) != chosen(before)).then(|| {
            format!(
                "{label}: the earlier version may have been trained on some of the rows that both are measured on, as the rows are held out in another way now; its {measure} may look too good"
            )
        });
    }
    (!is_measured_alike(new, before)).then(|| {
        format!(
            "{label}: {measure} of the two versions may come from different rows, so that a difference may come from the rows, not from the model; to compare on the same rows, train under another name and give both to ml_evaluate"
        )
    })
}

/// The options that choose the rows on which a model is measured.
const CHOOSE_ROWS: [&str; 4] = ["split =>", "holdout =>", "random_state =>", "time =>"];

/// The options of a model that choose the rows on which it is measured.
fn chosen(trained: &Trained) -> Vec<&str> {
    trained.options.split(", ").filter(|option| CHOOSE_ROWS.iter().any(|name| option.starts_with(*name))).collect()
}

/// Whether two versions were measured on the same rows, as far as what is stored tells: as many rows, held out in the same way, and the
/// same values of the features that both have.
fn is_measured_alike(new: &Trained, before: &Trained) -> bool {
    let held = |trained: &Trained| trained.metrics.get("holdout_rows").map(|rows| rows.0);
    let same = |feature: &&TrainedFeature| before.features.iter().find(|other| other.name == feature.name);
    let shared: Vec<&TrainedFeature> = new.features.iter().filter(|feature| same(feature).is_some()).collect();
    let is_same_data = !shared.is_empty() && shared.iter().all(|feature| same(feature) == Some(*feature));
    new.rows == before.rows && held(new) == held(before) && chosen(new) == chosen(before) && is_same_data
}

/// Measures for which smaller values are better.
const LESS_IS_BETTER: [&str; 12] = [
    "log_loss",
    "brier",
    "rmse",
    "mae",
    "poisson_deviance",
    "deviance",
    "out_of_bag_squared_error",
    "inertia",
    "cost",
    "davies_bouldin",
    "aic",
    "bic",
];

/// Measures for which larger values are better. The others, such as the number of iterations, do not say how good a model is.
const MORE_IS_BETTER: [&str; 15] = [
    "auc",
    "pr_auc",
    "ks",
    "accuracy",
    "precision",
    "recall",
    "f1",
    "r2",
    "training_r2",
    "pseudo_r2",
    "log_likelihood",
    "silhouette",
    "calinski_harabasz",
    "concordance",
    "likelihood_ratio",
];
