//! Options and types of models under the names that other programs give them.

/// The name in scikit-learn, LightGBM, XGBoost, BigQuery or Spark, in lower case, and the names of ours that may be meant.
const NAMES: [(&str, &[&str]); 56] = [
    ("n_estimators", &["iterations", "n_trees"]),
    ("num_iterations", &["iterations", "max_iter"]),
    ("num_boost_round", &["iterations"]),
    ("num_trees", &["n_trees", "iterations"]),
    ("ntree", &["n_trees"]),
    ("max_iterations", &["max_iter", "iterations"]),
    ("eta", &["learning_rate"]),
    ("learn_rate", &["learning_rate"]),
    ("num_leaves", &["max_leaves"]),
    ("max_leaf_nodes", &["max_leaves"]),
    ("min_child_samples", &["min_rows_in_leaf"]),
    ("min_data_in_leaf", &["min_rows_in_leaf"]),
    ("min_samples_leaf", &["min_rows_in_leaf"]),
    ("mtry", &["max_features"]),
    ("lambda", &["l2", "alpha"]),
    ("reg_lambda", &["l2", "alpha"]),
    ("lambda_l2", &["l2", "alpha"]),
    ("l2_reg", &["l2", "alpha"]),
    ("l2_regularization", &["l2", "alpha"]),
    ("c", &["alpha"]),
    ("penalty", &["l1_ratio", "penalizer"]),
    ("elastic_net_param", &["l1_ratio"]),
    ("colsample_bytree", &["feature_fraction"]),
    ("bagging_fraction", &["subsample"]),
    ("early_stopping_rounds", &["early_stopping"]),
    ("early_stop", &["early_stopping"]),
    ("seed", &["random_state"]),
    ("sample_weight", &["weight"]),
    ("weights", &["weight"]),
    ("label", &["target"]),
    ("input_label_cols", &["target"]),
    ("auto_class_weights", &["class_weight"]),
    ("scale_pos_weight", &["class_weight"]),
    ("test_size", &["holdout"]),
    ("validation_fraction", &["holdout"]),
    ("data_split_eval_fraction", &["holdout"]),
    ("data_split_method", &["split"]),
    ("cv", &["folds"]),
    ("n_splits", &["folds"]),
    ("param_grid", &["search"]),
    ("logistic", &["logistic_regression"]),
    ("logistic_reg", &["logistic_regression"]),
    ("logit", &["logistic_regression"]),
    ("linear", &["linear_regression"]),
    ("linear_reg", &["linear_regression"]),
    ("ols", &["linear_regression"]),
    ("poisson", &["poisson_regression"]),
    ("xgboost", &["gradient_boosting"]),
    ("lightgbm", &["gradient_boosting"]),
    ("gbm", &["gradient_boosting"]),
    ("boosted_tree_classifier", &["gradient_boosting"]),
    ("boosted_tree_regressor", &["gradient_boosting"]),
    ("random_forest_classifier", &["random_forest"]),
    ("random_forest_regressor", &["random_forest"]),
    ("cox_regression", &["cox"]),
    ("coxph", &["cox"]),
];

/// What a name of another program is called here, if it is one of `known`.
pub fn ours<'a>(elsewhere: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let elsewhere = elsewhere.to_lowercase();
    let (_, meant) = NAMES.iter().find(|(name, _)| *name == elsewhere)?;
    let known: Vec<&str> = known.collect();
    meant.iter().find_map(|name| known.iter().copied().find(|option| option == name))
}
