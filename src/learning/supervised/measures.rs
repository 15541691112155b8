//! Measures of predictions.

use super::table::Table;
use super::target::Task;
use crate::kernels::metrics::{Confusion, Errors, Ranked, area, average_precision, brier, ks, log_loss, poisson_deviance, share};

/// The measures that `search` can use; the first is the default for the target.
pub const METRICS: [&str; 10] =
    ["default", "auc", "pr_auc", "log_loss", "brier", "accuracy", "f1", "rmse", "mae", "poisson_deviance"];

/// Measures by name, in the order in which they are shown; `None` if one is not defined.
#[derive(Debug, Clone, Default)]
pub struct Measures(Vec<(&'static str, Option<f64>)>);

/// The measures that are shown as metrics of a model.
const MAIN: [&str; 10] = ["auc", "pr_auc", "log_loss", "brier", "accuracy", "f1", "rmse", "mae", "r2", "poisson_deviance"];

impl Measures {
    pub fn all(&self) -> impl Iterator<Item = (&'static str, Option<f64>)> {
        self.0.iter().copied()
    }

    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(other, _)| *other == name).and_then(|(_, value)| *value)
    }

    /// The measures that are shown as metrics of a model.
    pub fn main(&self) -> impl Iterator<Item = (&'static str, Option<f64>)> {
        self.all().filter(|(name, _)| MAIN.contains(name))
    }

    /// The name of the main measure.
    pub fn first(&self) -> &'static str {
        self.main().next().map_or("", |(name, _)| name)
    }
}

/// Measures the predictions for rows with a known target; the positive class is predicted from `threshold`.
pub fn measured(task: Task, means: &[f64], table: &Table, threshold: f64) -> Measures {
    let (outcomes, weights) = (table.target.as_slice(), table.weights.as_deref());
    if table.len() == 0 {
        return Measures::default();
    }
    if task != Task::Class {
        let errors = Errors::new(means, outcomes, weights);
        let mut all = vec![("rmse", Some(errors.rmse)), ("mae", Some(errors.mae)), ("r2", errors.r2)];
        if task == Task::Count {
            all.push(("poisson_deviance", poisson_deviance(means, outcomes, weights)));
        }
        return Measures(all);
    }
    let ranked = Ranked::new(means, outcomes, weights);
    let confusion = Confusion::new(means, outcomes, weights, threshold);
    Measures(vec![
        ("auc", area(&ranked)),
        ("pr_auc", average_precision(&ranked)),
        ("log_loss", Some(log_loss(means, outcomes, weights))),
        ("brier", Some(brier(means, outcomes, weights))),
        ("ks", ks(&ranked)),
        ("accuracy", share(confusion.right())),
        ("precision", share(confusion.precise())),
        ("recall", share(confusion.recalled())),
        ("f1", confusion.f1()),
    ])
}

/// The measure by which features are important, higher for better predictions: auc for classes, and r2.
pub fn goodness(task: Task, means: &[f64], table: &Table) -> Option<f64> {
    let (outcomes, weights) = (table.target.as_slice(), table.weights.as_deref());
    match task {
        Task::Class => area(&Ranked::new(means, outcomes, weights)),
        Task::Number | Task::Count => Errors::new(means, outcomes, weights).r2,
    }
}

/// Predictions and outcomes, sorted, so that the order of the rows does not matter.
#[derive(Debug)]
pub struct Judged {
    pub predictions: Vec<f64>,
    pub outcomes: Vec<f64>,
    pub weights: Option<Vec<f64>>,
}

impl Judged {
    pub fn new(predictions: Vec<f64>, outcomes: Vec<f64>, weights: Option<Vec<f64>>) -> Self {
        let is_weighted = weights.is_some();
        let weights = weights.unwrap_or_else(|| vec![1.0; outcomes.len()]);
        let mut rows: Vec<((f64, f64), f64)> = predictions.into_iter().zip(outcomes).zip(weights).collect();
        rows.sort_unstable_by(|((a, one), weight), ((b, other), heavier)| {
            b.total_cmp(a).then(one.total_cmp(other)).then(weight.total_cmp(heavier))
        });
        let ((predictions, outcomes), weights): ((Vec<f64>, Vec<f64>), Vec<f64>) = rows.into_iter().unzip();
        Self { predictions, outcomes, weights: is_weighted.then_some(weights) }
    }

    /// The sum of the weighted squared differences, as if the mean weight were 1.
    pub fn squared(&self) -> f64 {
        let rows = self.predictions.iter().zip(&self.outcomes);
        let Some(weights) = &self.weights else {
            return rows.map(|(one, other)| (one - other) * (one - other)).sum();
        };
        let total: f64 = weights.iter().sum();
        let squares = rows.zip(weights).map(|((one, other), weight)| weight * (one - other) * (one - other));
        squares.sum::<f64>() / total * self.outcomes.len() as f64
    }

    pub fn ranked(&self) -> Ranked {
        Ranked::new(&self.predictions, &self.outcomes, self.weights.as_deref())
    }
}
