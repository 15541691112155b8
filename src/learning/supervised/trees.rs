//! Models of trees: a single tree, a forest, or boosted trees.

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use serde::{Deserialize, Serialize};

use super::algorithm::{Contributions, Fit, Learner};
use super::plan::RANDOM_STATE;
use super::table::Table;
use super::target::Task;
use crate::adapter::arguments::Options;
use crate::docs::{Argument, Takes};
use crate::kernels::boosting::{
    Binning, BoostOptions, Ensemble, ForestOptions, Loss, TreeOptions, Validation, boost, decision_tree, random_forest,
};
use crate::kernels::control::{Control, Stop};
use crate::learning::features::Computing;
use crate::learning::model::described::TrainingStep;
use crate::learning::model::stored::Exact;

pub const OBJECTIVE: Argument = Argument::optional(
    "objective",
    Takes::Choice(&["classification", "regression", "poisson"]),
    "'classification'",
    "kind of target: one of two values, a number, or a count",
);
pub const ITERATIONS: Argument = Argument::optional("iterations", Takes::Integer(1, 100_000), "100", "maximum number of trees");
pub const LEARNING_RATE: Argument =
    Argument::optional("learning_rate", Takes::Float(1e-6, 1.0), "0.1", "share of its correction that each tree adds");
pub const MAX_LEAVES: Argument =
    Argument::optional("max_leaves", Takes::Integer(2, 65_535), "31", "maximum number of leaves per tree");
pub const MAX_DEPTH: Argument = Argument::optional(
    "max_depth",
    Takes::Integer(0, 1000),
    "0",
    "maximum number of splits from the root to a leaf; 0 for no limit",
);
pub const MIN_ROWS: Argument =
    Argument::optional("min_rows_in_leaf", Takes::Integer(1, i64::MAX), "20", "minimum number of rows in a leaf");
pub const L2: Argument =
    Argument::optional("l2", Takes::Float(0.0, f64::INFINITY), "0", "penalty on the squares of the leaf values");
pub const SUBSAMPLE: Argument =
    Argument::optional("subsample", Takes::Share, "1", "share of the rows that each tree is grown on, drawn again for each tree");
pub const FEATURE_FRACTION: Argument =
    Argument::optional("feature_fraction", Takes::Share, "1", "share of the features that each tree can use");
pub const EARLY_STOPPING: Argument = Argument::optional(
    "early_stopping",
    Takes::Integer(0, 100_000),
    "0",
    "stops when this many trees in a row did not reduce the loss on a tenth of the training rows, kept apart; 0 for no early stopping",
);
pub const TREE_DEPTH: Argument = Argument::optional("max_depth", Takes::Integer(0, 1000), "5", MAX_DEPTH.text);
pub const TREE_LEAVES: Argument = Argument::optional("max_leaves", MAX_LEAVES.takes, "31", MAX_LEAVES.text);
pub const TREE_ROWS: Argument = MIN_ROWS;
pub const CCP_ALPHA: Argument = Argument::optional(
    "ccp_alpha",
    Takes::Float(0.0, f64::INFINITY),
    "0",
    "pruning: minimum reduction of impurity per additional leaf, as a share of the impurity of all rows",
);
pub const N_TREES: Argument = Argument::optional("n_trees", Takes::Integer(1, 100_000), "100", "trees");
pub const FOREST_DEPTH: Argument = MAX_DEPTH;
pub const FOREST_LEAVES: Argument = Argument::optional("max_leaves", MAX_LEAVES.takes, "1024", MAX_LEAVES.text);
pub const FOREST_ROWS: Argument = Argument::optional("min_rows_in_leaf", MIN_ROWS.takes, "5", MIN_ROWS.text);
pub const MAX_FEATURES: Argument = Argument::optional(
    "max_features",
    Takes::Integer(0, i64::MAX),
    "0",
    "number of features that each split can choose from, drawn again; 0 for the square root of their number, or a third for regression",
);

/// The kind of target, by the option `objective`.
pub fn task(options: &Options) -> Result<Task> {
    Ok(match options.word(OBJECTIVE.name)? {
        "regression" => Task::Number,
        "poisson" => Task::Count,
        _ => Task::Class,
    })
}

/// How trees are combined into a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growing {
    One,
    Forest,
    Boosted,
}

/// The options of a tree model.
#[derive(Debug, Clone)]
pub struct TreeSettings {
    task: Task,
    how: How,
}

#[derive(Debug, Clone, Copy)]
enum How {
    One(TreeOptions),
    Forest(ForestOptions),
    Boosted(BoostOptions),
}

/// The trees; the mean losses after each of them, on the training rows and, with early stopping, on the validation rows; and for a
/// forest, the out-of-bag mean squared error.
type Grown = (Ensemble, Vec<(f64, Option<f64>)>, Option<f64>);

/// One in this many training rows decides when boosting stops.
const JUDGES: usize = 10;

impl TreeSettings {
    pub fn read(growing: Growing, task: Task, options: &Options) -> Result<Self> {
        let whole = |argument: &Argument| Ok::<_, DataFusionError>(options.integer(argument.name)?.unsigned_abs());
        let count = |argument: &Argument| whole(argument).map(|number| number as usize);
        let seed = whole(&RANDOM_STATE)?;
        let tree = TreeOptions {
            max_leaves: count(&MAX_LEAVES)?,
            max_depth: count(&MAX_DEPTH)?,
            min_rows: whole(&MIN_ROWS)?,
            ccp_alpha: if growing == Growing::One { options.float(CCP_ALPHA.name)? } else { 0.0 },
        };
        let how = match growing {
            Growing::One => How::One(tree),
            Growing::Forest => {
                How::Forest(ForestOptions { tree, trees: count(&N_TREES)?, max_features: count(&MAX_FEATURES)?, seed })
            }
            Growing::Boosted => How::Boosted(BoostOptions {
                loss: match task {
                    Task::Class => Loss::Logistic,
                    Task::Number => Loss::Squared,
                    Task::Count => Loss::Poisson,
                },
                iterations: count(&ITERATIONS)?,
                learning_rate: options.float(LEARNING_RATE.name)?,
                max_leaves: tree.max_leaves,
                max_depth: tree.max_depth,
                min_rows: tree.min_rows,
                l2: options.float(L2.name)?,
                subsample: options.float(SUBSAMPLE.name)?,
                feature_fraction: options.float(FEATURE_FRACTION.name)?,
                patience: count(&EARLY_STOPPING)?,
                seed,
                ..BoostOptions::default()
            }),
        };
        Ok(Self { task, how })
    }

    pub fn fit(&self, table: &Table, running: &Computing<'_>) -> Result<Fit, Stop> {
        let (ensemble, losses, out_of_bag) = self.grow(table, running).map_err(|stop| running.stopped(stop))?;
        let step = |number: u64, measure: &str, value: f64| TrainingStep {
            step: "iteration".into(),
            number,
            detail: String::new(),
            measure: measure.into(),
            value: Exact(value),
        };
        let mut steps = vec![];
        for (number, (loss, judged)) in (1..).zip(losses) {
            steps.push(step(number, "loss", loss));
            steps.extend(judged.map(|judged| step(number, "early_stopping_loss", judged)));
        }
        let leaves: usize = ensemble.trees.iter().map(|tree| tree.leaves()).sum();
        let mut metrics = vec![("trees", Some(ensemble.trees.len() as f64)), ("leaves", Some(leaves as f64))];
        metrics.extend(out_of_bag.map(|error| ("out_of_bag_squared_error", Some(error))));
        let notes = match leaves <= ensemble.trees.len() {
            true => vec![
                "no split of the rows is worthwhile: every prediction is the mean; give more rows, or a smaller min_rows_in_leaf"
                    .into(),
            ],
            false => vec![],
        };
        Ok(Fit { learner: Learner::Trees(Trees(ensemble)), steps, metrics, notes })
    }

    /// Grows the trees. With early stopping, a part of the rows is set aside for validation.
    fn grow(&self, table: &Table, running: &Computing<'_>) -> Result<Grown, Stop> {
        let control = running.worker.control(running.worker.threads);
        let features = table.numbers.len() + table.codes.len();
        let _reserved = control.reserve(table.len() * features)?;
        if let How::Boosted(how) = self.how
            && how.patience > 0
        {
            // Rows are sorted by a hash of their keys, so the first tenth is a random sample. The cut is between two keys, so that rows
            // of one key stay together.
            let is_next = |row: &usize| *row > 0 && table.groups[*row] != table.groups[*row - 1];
            let first = (table.len() / JUDGES..table.len()).find(is_next).unwrap_or(table.len());
            let part = |rows: std::ops::Range<usize>| table.select(&rows.map(|row| row as u32).collect::<Vec<_>>());
            let _copies = control.reserve(table.bytes(table.len()))?;
            let (judges, others) = (part(0..first), part(first..table.len()));
            let binning = Binning::new(&others.numbers, &others.codes, &others.levels, control)?;
            let binned = binning.apply(&others.numbers, &others.codes, others.len(), control)?;
            let judged = binning.apply(&judges.numbers, &judges.codes, judges.len(), control)?;
            let validation = Validation { binned: &judged, targets: &judges.target, weights: judges.weights.as_deref() };
            let boosted = boost(binning, &binned, &others.target, others.weights.as_deref(), Some(validation), &how, control)?;
            return Ok((boosted.model, boosted.losses, None));
        }
        let binning = Binning::new(&table.numbers, &table.codes, &table.levels, control)?;
        let binned = binning.apply(&table.numbers, &table.codes, table.len(), control)?;
        let (target, weights) = (table.target.as_slice(), table.weights.as_deref());
        match self.how {
            How::One(how) => Ok((decision_tree(binning, &binned, target, weights, &how, control)?, vec![], None)),
            How::Forest(how) => {
                let of_task =
                    if self.task == Task::Class { (features as f64).sqrt().round() as usize } else { features.div_ceil(3) };
                let max_features = if how.max_features == 0 { of_task.max(1) } else { how.max_features };
                let how = ForestOptions { max_features, ..how };
                let forest = random_forest(binning, &binned, target, weights, &how, control)?;
                let errors = forest.out_of_bag.iter().zip(target).filter_map(|(mean, target)| Some((*mean)? - target));
                let squares: Vec<f64> = errors.map(|error| error * error).collect();
                let error = (!squares.is_empty()).then(|| squares.iter().sum::<f64>() / squares.len() as f64);
                Ok((forest.model, vec![], error))
            }
            How::Boosted(how) => {
                let boosted = boost(binning, &binned, target, weights, None, &how, control)?;
                Ok((boosted.model, boosted.losses, None))
            }
        }
    }
}

/// Trees, as they are stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trees(Ensemble);

impl Trees {
    pub fn scores(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>], rows: usize, control: Control<'_>) -> Result<Vec<f64>, Stop> {
        self.0.scores(numbers, codes, rows, control)
    }

    pub fn mean(&self, score: f64) -> f64 {
        self.0.loss.mean(score)
    }

    pub fn contributions(
        &self,
        numbers: &[Vec<f64>],
        codes: &[Vec<u32>],
        rows: usize,
        control: Control<'_>,
    ) -> Result<Contributions, Stop> {
        let explanations = self.0.explain(numbers, codes, rows, control)?;
        let features = self.0.binning.features();
        let of = |feature: usize| explanations.iter().map(|explanation| explanation.added[feature]).collect();
        Ok(Contributions {
            base: explanations.first().map_or(self.0.base, |explanation| explanation.base),
            by_feature: (0..features).map(of).collect(),
        })
    }

    /// The reduction of the loss by each feature, as a share of the total, and its number of splits.
    pub fn gains(&self) -> Vec<(f64, u64)> {
        let gains = self.0.gains();
        let sum: f64 = gains.iter().map(|(gain, _)| gain).sum();
        gains.into_iter().map(|(gain, splits)| (if sum > 0.0 { gain / sum } else { 0.0 }, splits)).collect()
    }

    pub fn is_whole(&self, numbers: usize, categories: usize) -> bool {
        self.0.is_whole(numbers, categories)
    }
}
