//! The types of models that predict a target: linear models and trees.

use datafusion::common::Result;
use serde_json::json;

use super::applied::Model;
use super::model_type::{Fitted, Learned, ModelType};
use super::stored::{StoredForm, TrainedFeature};
use crate::adapter::arguments::Options;
use crate::docs::{Doc, Kind};
use crate::kernels::control::Stop;
use crate::learning::features::{
    ALL_FEATURES, Computing, KEY_OF_ROWS, Kind as FeatureKind, MISSING_KEPT, MISSING_OR_KEPT, Rows, WEIGHT,
};
use crate::learning::supervised::algorithm::Algorithm;
use crate::learning::supervised::linear::{self, Family, LinearSettings};
use crate::learning::supervised::plan::{
    CALIBRATION, CLASS_WEIGHT, FOLDS, HOLDOUT, METRIC, PERMUTATIONS, Plan, RANDOM_STATE, SEARCH, SPLIT, THRESHOLD, TIME,
};
use crate::learning::supervised::predictor::Predictor;
use crate::learning::supervised::target::{EXPOSURE, POSITIVE, TARGET_CLASS, TARGET_NUMBER, Task};
use crate::learning::supervised::training::{Asked, train};
use crate::learning::supervised::trees::{self, Growing, TreeSettings};

/// A type of model that predicts a target.
#[derive(Debug)]
pub struct Predictive {
    doc: &'static Doc,
    algorithm: How,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Linear(Family),
    Trees(Growing),
}

const TYPE: Doc = Doc { kind: Kind::Model, domain: "model", ..Doc::EMPTY };

pub const LOGISTIC_REGRESSION: Predictive = Predictive {
    doc: &Doc {
        name: "logistic_regression",
        summary: "Predicts the probability of one of two classes: the log-odds are a sum over the features (logistic regression).",
        syntax: "CREATE MODEL name WITH (type = 'logistic_regression', key = 'column', target = 'column', [option = value, …]) AS query",
        description: "\
Numbers are used as they are; for a category, each value except the first in ascending order (the reference) has a coefficient. `ml_weights`
returns coefficients in the features' own units with standard errors, z, p-values, confidence intervals, odds ratios and variance inflation
factors; they are maximum likelihood estimates, equal to those of R's `glm` and statsmodels. With a penalty (`alpha` above 0) there are only
coefficients. A column that is a combination of others has no coefficient, and is reported; so is a feature that separates the classes.

The key may occur more than once, for example if rows are customers at several times. A split at random and the folds never use rows with
the same key both for training and for measuring; `split = 'time'` holds out the latest rows, whatever their keys. The model is trained on
the rows that are not held out; `metrics` in `system.models` are measured on the held-out rows. The order of rows is decided only by their
values: the same rows and `random_state` give the same model.

**Cost.** The rows are in memory: 8 bytes per number, 4 per category and 48 more per row; the query fails with an error beyond the
memory limit. The time of a step of the fit grows with rows · coefficients²; some ten steps are needed. 130,000 customers with four
features: 0.2 seconds of CPU. Folds, `search` and `permutations` multiply it.

**Elsewhere.** R: `glm(…, family = binomial)`, `glmnet` with a penalty; statsmodels: `Logit`; scikit-learn: `LogisticRegression`, which
penalizes unless told not to and returns no standard errors; BigQuery ML: `LOGISTIC_REG`; MADlib: `logregr_train`.",
        arguments: &[
            KEY_OF_ROWS, TARGET_CLASS, ALL_FEATURES, WEIGHT, TIME, POSITIVE, MISSING_OR_KEPT, linear::ALPHA, linear::L1_RATIO, linear::CONFIDENCE, linear::RARE_SHARE,
            linear::MAX_VALUES, linear::MAX_ITER, linear::TOL, CLASS_WEIGHT, SPLIT, HOLDOUT, FOLDS, SEARCH, METRIC, CALIBRATION, THRESHOLD, PERMUTATIONS,
            RANDOM_STATE,
        ],
        examples: &["CREATE TABLE customers_at_risk AS SELECT customer_id, frequency, CAST(monetary AS DOUBLE) AS monetary, recency_days > 120 AS churned
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL churn WITH (type = 'logistic_regression', key = 'customer_id', target = 'churned') AS SELECT * FROM customers_at_risk;
SELECT name, round(value, 4) AS value, round(std_err, 4) AS std_err, round(odds_ratio, 4) AS odds_ratio FROM ml_weights(churn);"],
        source: "P. McCullagh, J. Nelder: Generalized Linear Models (1989); J. Friedman, T. Hastie, R. Tibshirani: Regularization Paths for Generalized Linear Models via Coordinate Descent (2010)",
        ..TYPE
    },
    algorithm: How::Linear(Family::Binomial),
};

pub const LINEAR_REGRESSION: Predictive = Predictive {
    doc: &Doc {
        name: "linear_regression",
        summary: "Predicts a number as a sum over the features (linear regression, least squares).",
        syntax: "CREATE MODEL name WITH (type = 'linear_regression', key = 'column', target = 'column', [option = value, …]) AS query",
        description: "\
Coefficients, reference values and held-out rows are as in `logistic_regression`; standard errors are those of ordinary least squares, in which a row of weight 3 counts as three rows, and `z` is Student's t.

**Cost.** As `logistic_regression`, with a single step instead of about ten if there is no penalty.

**Elsewhere.** R: `lm`, `glmnet` with a penalty; statsmodels: `OLS`; scikit-learn: `LinearRegression` and `ElasticNet`, without standard
errors; BigQuery ML: `LINEAR_REG`; MADlib: `linregr_train`; for one feature, `regr_slope` in SQL.",
        arguments: &[
            KEY_OF_ROWS, TARGET_NUMBER, ALL_FEATURES, WEIGHT, TIME, MISSING_OR_KEPT, linear::ALPHA, linear::L1_RATIO, linear::CONFIDENCE, linear::RARE_SHARE,
            linear::MAX_VALUES, linear::MAX_ITER, linear::TOL, SPLIT, HOLDOUT, FOLDS, SEARCH, METRIC, PERMUTATIONS, RANDOM_STATE,
        ],
        examples: &["CREATE TABLE buyers AS SELECT customer_id, frequency, recency_days, CAST(monetary AS DOUBLE) AS monetary
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL spending WITH (type = 'linear_regression', key = 'customer_id', target = 'monetary') AS SELECT * FROM buyers;
SELECT name, round(value, 4) AS value, round(p_value, 4) AS p_value FROM ml_weights(spending);"],
        source: "T. Hastie, R. Tibshirani, J. Friedman: The Elements of Statistical Learning (2009), chapter 3",
        ..TYPE
    },
    algorithm: How::Linear(Family::Gaussian),
};

pub const POISSON_REGRESSION: Predictive = Predictive {
    doc: &Doc {
        name: "poisson_regression",
        summary: "Predicts a count: the log of the rate is a sum over the features (Poisson regression).",
        syntax: "CREATE MODEL name WITH (type = 'poisson_regression', key = 'column', target = 'column', [option = value, …]) AS query",
        description: "\
Coefficients, reference values and held-out rows are as in `logistic_regression`; `odds_ratio` in `ml_weights` is the rate ratio.

With `exposure`, customers may have been observed for different times: the log of the exposure is added to the score with the fixed
coefficient 1 (an offset). Coefficients, errors, deviance, log-likelihood and AIC are those of `glm(…, offset = log(exposure))` in R.
`ml_predict` returns the rate for an exposure of 1: multiply it by the exposure of a row for its count. Measures compare the rates, each row
weighted by its exposure; rows given to `ml_evaluate` need the column, too.

**Cost.** As `logistic_regression`.

**Elsewhere.** R: `glm(…, family = poisson)`; statsmodels: `GLM(…, family=Poisson(), exposure=…)`; scikit-learn: `PoissonRegressor`,
which penalizes unless told not to; MADlib: `glm` with `family=poisson`.",
        arguments: &[
            KEY_OF_ROWS, TARGET_NUMBER, ALL_FEATURES, EXPOSURE, WEIGHT, TIME, MISSING_OR_KEPT, linear::ALPHA, linear::L1_RATIO, linear::CONFIDENCE, linear::RARE_SHARE,
            linear::MAX_VALUES, linear::MAX_ITER, linear::TOL, SPLIT, HOLDOUT, FOLDS, SEARCH, METRIC, PERMUTATIONS, RANDOM_STATE,
        ],
        examples: &["CREATE TABLE buyers AS SELECT customer_id, frequency, recency_days, CAST(monetary AS DOUBLE) AS monetary
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL visits WITH (type = 'poisson_regression', key = 'customer_id', target = 'frequency') AS SELECT * FROM buyers;
SELECT name, round(value, 6) AS value FROM ml_weights(visits);"],
        source: "P. McCullagh, J. Nelder: Generalized Linear Models (1989)",
        ..TYPE
    },
    algorithm: How::Linear(Family::Poisson),
};

pub const DECISION_TREE: Predictive = Predictive {
    doc: &Doc {
        name: "decision_tree",
        summary: "Predicts with a single decision tree, which is easy to read.",
        syntax: "CREATE MODEL name WITH (type = 'decision_tree', key = 'column', target = 'column', [option = value, …]) AS query",
        description: "\
Splits use Gini impurity, or squared error for numbers. `explain_segments` describes given groups with such a tree; this one predicts. Targets and held-out rows are as in `gradient_boosting`.

**Cost.** As one tree of `gradient_boosting`: 130,000 customers with four features take 0.2 seconds of CPU.

**Elsewhere.** R: `rpart`; scikit-learn: `DecisionTreeClassifier` and `DecisionTreeRegressor`, where categories must be encoded first;
MADlib: `tree_train`.",
        arguments: &[
            KEY_OF_ROWS, TARGET_CLASS, ALL_FEATURES, WEIGHT, TIME, POSITIVE, trees::OBJECTIVE, MISSING_KEPT, trees::TREE_DEPTH, trees::TREE_LEAVES, trees::TREE_ROWS,
            trees::CCP_ALPHA, CLASS_WEIGHT, SPLIT, HOLDOUT, FOLDS, SEARCH, METRIC, CALIBRATION, THRESHOLD, PERMUTATIONS, RANDOM_STATE,
        ],
        examples: &["CREATE TABLE customers_at_risk AS SELECT customer_id, frequency, CAST(monetary AS DOUBLE) AS monetary, recency_days > 120 AS churned
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL churn_tree WITH (type = 'decision_tree', key = 'customer_id', target = 'churned', max_depth = 3) AS SELECT * FROM customers_at_risk;
SELECT class, count(*) AS customers FROM ml_predict(churn_tree, customers_at_risk) GROUP BY class ORDER BY class;"],
        source: "L. Breiman, J. Friedman, R. Olshen, C. Stone: Classification and Regression Trees (1984)",
        ..TYPE
    },
    algorithm: How::Trees(Growing::One),
};

pub const RANDOM_FOREST: Predictive = Predictive {
    doc: &Doc {
        name: "random_forest",
        summary: "Predicts with the mean of many trees, each grown on a sample of rows and features (random forest).",
        syntax: "CREATE MODEL name WITH (type = 'random_forest', key = 'column', target = 'column', [option = value, …]) AS query",
        description: "\
Targets and held-out rows are as in `gradient_boosting`.

**Cost.** Grows with trees · rows · features tried per split, and with the depth: 130,000 customers with four features take 0.2 seconds
of CPU per tree. The stored model grows with `max_leaves`; lower it for many rows.

**Elsewhere.** R: `ranger`, `randomForest`; scikit-learn: `RandomForestClassifier` and `RandomForestRegressor`, where categories must be
encoded first; BigQuery ML: `RANDOM_FOREST_CLASSIFIER`; MADlib: `forest_train`.",
        arguments: &[
            KEY_OF_ROWS, TARGET_CLASS, ALL_FEATURES, WEIGHT, TIME, POSITIVE, trees::OBJECTIVE, MISSING_KEPT, trees::N_TREES, trees::FOREST_DEPTH, trees::FOREST_LEAVES,
            trees::FOREST_ROWS, trees::MAX_FEATURES, CLASS_WEIGHT, SPLIT, HOLDOUT, FOLDS, SEARCH, METRIC, CALIBRATION, THRESHOLD, PERMUTATIONS, RANDOM_STATE,
        ],
        examples: &["CREATE TABLE customers_at_risk AS SELECT customer_id, frequency, CAST(monetary AS DOUBLE) AS monetary, recency_days > 120 AS churned
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL churn_forest WITH (type = 'random_forest', key = 'customer_id', target = 'churned', n_trees = 20) AS SELECT * FROM customers_at_risk;
SELECT class, count(*) AS customers FROM ml_predict(churn_forest, customers_at_risk) GROUP BY class ORDER BY class;"],
        source: "L. Breiman: Random Forests (2001)",
        ..TYPE
    },
    algorithm: How::Trees(Growing::Forest),
};

pub const GRADIENT_BOOSTING: Predictive = Predictive {
    doc: &Doc {
        name: "gradient_boosting",
        summary: "Predicts with a sequence of trees, each of which corrects those before it (gradient boosting).",
        syntax: "CREATE MODEL name WITH (type = 'gradient_boosting', key = 'column', target = 'column', [option = value, …]) AS query",
        description: "\
The target is a column with two values, whose probability is predicted; with `objective = 'regression'` a number, with `'poisson'` a count.
Trees grow leaf by leaf, where the loss falls most, over at most 255 bins per feature. Missing values go to the side that was better in
training, and so do categories that were not seen in training. Categories are split by the smoothed outcomes of their rows; they need no
encoding. With `early_stopping`, a tenth of the training rows decides the number of trees.

Keys, held-out rows and reproducibility are as in `logistic_regression`.

**Cost.** The rows are in memory, as in `logistic_regression`, and one byte more per row and feature for the bins. Time grows with trees
· rows · features: 130,000 customers with four features and 100 trees take one second of CPU. Folds, `search` and `permutations`
multiply it.

**Elsewhere.** Python and R: LightGBM, XGBoost, CatBoost; scikit-learn: `HistGradientBoostingClassifier`; BigQuery ML:
`BOOSTED_TREE_CLASSIFIER`, which is XGBoost. Predictions are similar, not equal, as each cuts its bins and splits its categories in
another way.",
        arguments: &[
            KEY_OF_ROWS, TARGET_CLASS, ALL_FEATURES, WEIGHT, TIME, POSITIVE, trees::OBJECTIVE, MISSING_KEPT, trees::ITERATIONS, trees::LEARNING_RATE, trees::MAX_LEAVES,
            trees::MAX_DEPTH, trees::MIN_ROWS, trees::L2, trees::SUBSAMPLE, trees::FEATURE_FRACTION, trees::EARLY_STOPPING, CLASS_WEIGHT, SPLIT, HOLDOUT, FOLDS,
            SEARCH, METRIC, CALIBRATION, THRESHOLD, PERMUTATIONS, RANDOM_STATE,
        ],
        examples: &["CREATE TABLE customers_at_risk AS SELECT customer_id, frequency, CAST(monetary AS DOUBLE) AS monetary, recency_days > 120 AS churned
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL churn_boosted WITH (type = 'gradient_boosting', key = 'customer_id', target = 'churned', iterations = 20) AS SELECT * FROM customers_at_risk;
SELECT feature, round(gain, 4) AS gain FROM ml_feature_importance(churn_boosted) ORDER BY gain DESC;"],
        source: "J. Friedman: Greedy Function Approximation: A Gradient Boosting Machine (2001); G. Ke et al.: LightGBM: A Highly Efficient Gradient Boosting Decision Tree (2017)",
        ..TYPE
    },
    algorithm: How::Trees(Growing::Boosted),
};

impl Predictive {
    fn task(&self, options: &Options) -> Result<Task> {
        Ok(match self.algorithm {
            How::Linear(Family::Binomial) => Task::Class,
            How::Linear(Family::Gaussian) => Task::Number,
            How::Linear(Family::Poisson) => Task::Count,
            How::Trees(_) => trees::task(options)?,
        })
    }

    fn algorithm(&self, options: &Options) -> Result<Algorithm> {
        Ok(match self.algorithm {
            How::Linear(family) => Algorithm::Linear(LinearSettings::read(family, options)?),
            How::Trees(growing) => Algorithm::Trees(TreeSettings::read(growing, self.task(options)?, options)?),
        })
    }

    fn learn(
        &self,
        rival: Option<&Model>,
        rows: &mut Rows,
        known: &[TrainedFeature],
        options: &Options,
        running: &Computing<'_>,
    ) -> Result<Learned, Stop> {
        let task = self.task(options).map_err(|error| running.worker.fail(error))?;
        let asked = Asked { doc: self.doc, task, options, rival, known, algorithm: &|options| self.algorithm(options) };
        let learned = train(&asked, rows, running)?;
        Ok(Learned { metrics: learned.metrics, body: json!(learned.predictor) })
    }
}

impl ModelType for Predictive {
    fn doc(&self) -> &'static Doc {
        self.doc
    }

    fn label(&self, options: &Options) -> Result<Option<&'static str>> {
        Ok((self.task(options)? == Task::Class).then_some(TARGET_CLASS.name))
    }

    fn check(&self, options: &Options) -> Result<String> {
        let plan = Plan::read(self.doc, options)?;
        for candidate in plan.candidates(self.doc, options)? {
            self.algorithm(&candidate.options)?;
        }
        Ok(options.to_string())
    }

    fn train(
        &self,
        rows: &mut Rows,
        known: &[TrainedFeature],
        options: &Options,
        running: &Computing<'_>,
    ) -> Result<Learned, Stop> {
        self.learn(None, rows, known, options, running)
    }

    fn train_against(
        &self,
        rival: &Model,
        rows: &mut Rows,
        known: &[TrainedFeature],
        options: &Options,
        running: &Computing<'_>,
    ) -> Result<Learned, Stop> {
        self.learn(Some(rival), rows, known, options, running)
    }

    fn read(&self, stored: &StoredForm<'_>) -> Result<Box<dyn Fitted>> {
        let predictor: Predictor = stored.body()?;
        let count = |kind| stored.trained.of_kind(kind).count();
        if !predictor.learner.is_whole(count(FeatureKind::Number), count(FeatureKind::Category)) {
            return Err(stored.damaged("learner"));
        }
        Ok(Box::new(predictor))
    }
}
