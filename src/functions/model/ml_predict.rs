//! The table macro `ml_predict`.

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;

use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{did_you_mean, invalid};
use crate::learning::features::Kind as FeatureKind;
use crate::learning::model::kind::model_type;
use crate::learning::model::trained::Trained;
use crate::text::{identifier, literal};

/// What a model says of rows.
#[derive(Debug)]
pub struct MlPredict;

pub const MODEL: Argument = Argument::required("model", Takes::Name("model"), "a model of the database");
pub const INPUT: Argument = Argument::required("input", Takes::Relation, "rows with the model's features");

const DOC: Doc = Doc {
    name: "ml_predict",
    kind: Kind::Relation,
    domain: "model",
    summary: "Applies a model to rows: all their columns, and what the model predicts.",
    description: "\
The newest version of the model at the time the statement is planned. The input must have the features that the model was trained on, by name, each a number where it
was a number; other columns pass. A row that lacks a feature is treated as in training: `missing = 'error'`, `'mean'` (that of the training rows, of a
category their most frequent value), or `'skip'`, where the prediction is NULL. A category that the training rows did not have differs from every other.

Rows that the model was trained on get the clusters of the training.",
    arguments: &[MODEL, INPUT],
    columns: &[
        Column { name: "…", data_type: "of the input", text: "every column of the input" },
        Column { name: "cluster_id", data_type: "INT", text: "of models of clusters: from 1, the largest first" },
        Column { name: "distance", data_type: "DOUBLE", text: "of models of clusters: to the centre, of scaled features" },
    ],
    examples: &["CREATE TABLE shoppers AS SELECT customer_id, recency_days, frequency, monetary
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL shopper_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3) AS SELECT * FROM shoppers;
SELECT cluster_id, count(*) AS customers FROM ml_predict(shopper_groups, shoppers) GROUP BY cluster_id ORDER BY cluster_id;"],
    ..Doc::EMPTY
};

/// The column of a whole prediction, until it is taken apart.
const PREDICTION: &str = "prediction of the model";

impl TableMacro for MlPredict {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _definitions: &dyn Definitions) -> Result<Option<String>> {
        Ok(call.query(INPUT.name).map(|query| format!("SELECT * FROM ({query}) AS input")))
    }

    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String> {
        let model = definitions.model(call.required_name(MODEL.name)?)?;
        if let Some(columns) = &call.columns {
            check(&model, columns)?;
        }
        let Some(query) = call.query(INPUT.name) else { return Err(invalid(DOC.name, "input is missing; write input => …")) };
        let features = model.features.iter().map(|feature| {
            let data_type = if feature.kind == FeatureKind::Number { "DOUBLE" } else { "VARCHAR" };
            format!("CAST({} AS {data_type})", identifier(&feature.name))
        });
        let predicts = model_type(&model.model_type).map(|kind| kind.predicts()).unwrap_or_default();
        let predicted =
            predicts.iter().map(|field| format!("{}['{}'] AS {}", identifier(PREDICTION), field.name(), field.name()));
        Ok(format!(
            "SELECT * EXCLUDE ({prediction}), {} FROM (SELECT *, ml_apply({}, {}, {}) AS {prediction} FROM ({query}) AS input) AS applied",
            predicted.collect::<Vec<_>>().join(", "),
            literal(&model.label),
            literal(&model.to_text()),
            features.collect::<Vec<_>>().join(", "),
            prediction = identifier(PREDICTION),
        ))
    }
}

/// The input must have the features, and no column of a prediction's name.
fn check(model: &Trained, columns: &SchemaRef) -> Result<()> {
    let names = || columns.fields().iter().map(|field| field.name().as_str());
    let mut problems = vec![];
    for feature in &model.features {
        match columns.fields().iter().find(|field| *field.name() == feature.name) {
            None => {
                let suggestion = did_you_mean(&feature.name, names());
                problems
                    .push(format!("the input has no column \"{}\", a {} of the model{suggestion}", feature.name, feature.kind));
            }
            Some(field) if feature.kind == FeatureKind::Number && !field.data_type().is_numeric() => {
                problems.push(format!(
                    "{} was a number when the model was trained, here it is {}",
                    feature.name,
                    field.data_type()
                ));
            }
            Some(_) => {}
        }
    }
    let predicts = model_type(&model.model_type).map(|kind| kind.predicts()).unwrap_or_default();
    if let Some(taken) = predicts.iter().find(|field| names().any(|name| name == field.name())) {
        problems.push(format!("the input has a column {} already; leave it out", taken.name()));
    }
    if problems.is_empty() { Ok(()) } else { Err(invalid(&model.label, problems.join("; "))) }
}
