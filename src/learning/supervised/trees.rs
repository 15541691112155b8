//! Models of trees: one, a forest, or boosted ones.

use datafusion::common::Result;
use serde::{Deserialize, Serialize};

use super::algorithm::{Contributions, Features, Fit};
use super::table::Table;
use super::target::Task;
use crate::adapter::arguments::Options;
use crate::docs::{Argument, Takes};
use crate::kernels::control::{Control, Stop};
use crate::learning::features::Computing;

pub const OBJECTIVE: Argument = Argument::optional(
    "objective",
    Takes::Choice(&["classification", "regression", "poisson"]),
    "'classification'",
    "what the target is: one of two values, a number, or a count",
);
pub const ITERATIONS: Argument = Argument::optional("iterations", Takes::Integer(1, 100_000), "100", "trees at most");
pub const LEARNING_RATE: Argument =
    Argument::optional("learning_rate", Takes::Float(1e-6, 1.0), "0.1", "how much of its correction each tree adds");
pub const MAX_LEAVES: Argument = Argument::optional("max_leaves", Takes::Integer(2, 65_535), "31", "leaves of a tree at most");
pub const MAX_DEPTH: Argument =
    Argument::optional("max_depth", Takes::Integer(0, 1000), "0", "questions on the way to a leaf at most; 0 for no limit");
pub const MIN_ROWS: Argument =
    Argument::optional("min_rows_in_leaf", Takes::Integer(1, i64::MAX), "20", "rows of a leaf at least");
pub const L2: Argument =
    Argument::optional("l2", Takes::Float(0.0, f64::INFINITY), "0", "penalty on the squares of what leaves add");
pub const SUBSAMPLE: Argument =
    Argument::optional("subsample", Takes::Share, "1", "the share of the rows that each tree is grown on, drawn anew for each");
pub const FEATURE_FRACTION: Argument =
    Argument::optional("feature_fraction", Takes::Share, "1", "the share of the features that each tree may ask about");
pub const EARLY_STOPPING: Argument = Argument::optional(
    "early_stopping",
    Takes::Integer(0, 100_000),
    "0",
    "ends when so many trees have not made the loss of a tenth of the training rows, which is kept apart, smaller; 0 for not",
);
pub const TREE_DEPTH: Argument = Argument::optional("max_depth", Takes::Integer(0, 1000), "5", MAX_DEPTH.text);
pub const TREE_LEAVES: Argument = Argument::optional("max_leaves", MAX_LEAVES.takes, "31", MAX_LEAVES.text);
pub const TREE_ROWS: Argument = MIN_ROWS;
pub const CCP_ALPHA: Argument = Argument::optional(
    "ccp_alpha",
    Takes::Float(0.0, f64::INFINITY),
    "0",
    "pruning: how much impurity a leaf more must take away, as a share of that of all rows",
);
pub const N_TREES: Argument = Argument::optional("n_trees", Takes::Integer(1, 100_000), "100", "trees");
pub const FOREST_DEPTH: Argument = MAX_DEPTH;
pub const FOREST_LEAVES: Argument = Argument::optional("max_leaves", MAX_LEAVES.takes, "1024", MAX_LEAVES.text);
pub const FOREST_ROWS: Argument = Argument::optional("min_rows_in_leaf", MIN_ROWS.takes, "5", MIN_ROWS.text);
pub const MAX_FEATURES: Argument = Argument::optional(
    "max_features",
    Takes::Integer(0, i64::MAX),
    "0",
    "features that each split may choose among, drawn anew; 0 for the root of their number, of regressions a third",
);

/// What the target of trees is.
pub fn task(options: &Options) -> Result<Task> {
    Ok(match options.word(OBJECTIVE.name)? {
        "regression" => Task::Number,
        "poisson" => Task::Count,
        _ => Task::Class,
    })
}

/// How trees make a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growing {
    One,
    Forest,
    Boosted,
}

/// The options of a model of trees.
#[derive(Debug, Clone)]
pub struct TreeSettings {
    growing: Growing,
    task: Task,
}

impl TreeSettings {
    pub fn read(growing: Growing, task: Task, _options: &Options) -> Result<Self> {
        Ok(Self { growing, task })
    }

    pub fn fit(&self, _table: &Table, _features: &Features, _running: &Computing<'_>) -> Result<Fit, Stop> {
        Err(Stop::TooLarge)
    }
}

/// Trees as they are stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trees {}

impl Trees {
    pub fn scores(
        &self,
        _numbers: &[Vec<f64>],
        _codes: &[Vec<u32>],
        rows: usize,
        _control: Control<'_>,
    ) -> Result<Vec<f64>, Stop> {
        Ok(vec![0.0; rows])
    }

    pub fn mean(&self, score: f64) -> f64 {
        score
    }

    pub fn contributions(&self, _numbers: &[Vec<f64>], _codes: &[Vec<u32>], _rows: usize) -> Contributions {
        Contributions { base: 0.0, by_feature: vec![] }
    }

    pub fn gains(&self) -> Vec<(f64, u64)> {
        vec![]
    }

    pub fn is_whole(&self, _numbers: usize, _categories: usize) -> bool {
        true
    }
}
