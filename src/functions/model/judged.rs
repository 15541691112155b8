//! Shared by functions that evaluate a model of a target: its predictions for rows, with their actual outcomes.
//!
//! ```text
//! Step: what the function computes of them
//!   Projection: prediction, outcome          where both are there
//!     the predictions of the model (see learning::model::predict)
//! ```

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Column as ColumnName, DFSchema, Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit, when};
use serde::{Deserialize, Serialize};

use super::{model, not_predictive};
use crate::adapter::arguments::Options;
use crate::adapter::internal_scalar::InternalScalar;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Binding, Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Takes};
use crate::error::{did_you_mean, invalid};
use crate::learning::features::{Compute, Computing, FEATURES, Feature, FeatureSpec, Gather, Kind, Missing, Rows, WEIGHT};
use crate::learning::model::Model;
use crate::learning::model::predict::{column, predicted};
use crate::learning::supervised::measures::Judged;
use crate::learning::supervised::target::{Classes, Target, outcomes};

/// What is computed from predictions and outcomes.
pub trait Judge: Compute {
    /// Reads the call's options.
    fn read(options: &Options, model: &Model) -> Result<Self>;
}

/// The plan of a call that evaluates a model with a target.
///
/// # Errors
/// The model has no target, or the input lacks it or a feature.
pub fn bind<J: Judge>(call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
    bind_model::<J>(call, model(call)?, call.doc.columns)
}

/// The same for a model that is already loaded, with some of the columns of the page.
pub fn bind_model<J: Judge>(
    call: &Binding<'_>,
    model: Arc<Model>,
    columns: &'static [Column],
) -> Result<Arc<dyn RelationFunction>> {
    let Some(predictor) = model.fitted().predictor() else { return Err(not_predictive(&model)) };
    let input = call.input()?;
    model.check(input)?;
    let target = predictor.target.column.as_str();
    if !input.fields().iter().any(|field| field.name() == target) {
        let suggestion = did_you_mean(target, input.fields().iter().map(|field| field.name().as_str()));
        let problem = format!(
            "the input has no column \"{target}\", which the model predicts{suggestion}; give rows whose {target} is known"
        );
        return Err(invalid(&model.label, problem));
    }
    Ok(Arc::new(Bound::<J> { doc: call.doc, columns, model, judge: std::marker::PhantomData }))
}

#[derive(Debug)]
struct Bound<J> {
    doc: &'static Doc,
    columns: &'static [Column],
    model: Arc<Model>,
    judge: std::marker::PhantomData<fn() -> J>,
}

impl<J: Judge> RelationFunction for Bound<J> {
    fn doc(&self) -> &'static Doc {
        self.doc
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |described: &Column| {
            let data_type = match described.data_type {
                "BIGINT" => DataType::Int64,
                "INT" => DataType::Int32,
                "VARCHAR" => DataType::Utf8,
                _ => DataType::Float64,
            };
            FieldRef::from(Field::new(described.name, data_type, true))
        };
        Ok(self.columns.iter().map(field).collect())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let judge = J::read(&call.options, &self.model)?;
        let weight = if self.doc.argument(COUNTED.name).is_some() { call.options.text(COUNTED.name) } else { None };
        let input = judged(&self.model, call.input()?, weight)?;
        let features = [PREDICTION, OUTCOME].map(|name| Feature { name: name.into(), kind: Kind::Number, is_time: false });
        let spec = FeatureSpec {
            function: self.doc.name.into(),
            key: String::new(),
            features: features.to_vec(),
            has_weight: is_weighted(&self.model, weight),
            beside: vec![],
            may_repeat: false,
            label: None,
            missing: Missing::Error,
            may_spill: false,
            exact: false,
        };
        Gather::new(spec, judge).over([input], call.schema)
    }
}

const PREDICTION: &str = "prediction";
const OUTCOME: &str = "outcome";

/// The column with the weights of rows that are judged.
pub const COUNTED: Argument = Argument::optional(
    "weight",
    Takes::Text,
    "",
    "name of the column with the number of times that a row counts, as in CREATE MODEL",
);

/// Whether rows are judged with weights: those of a column, or the exposures of counts.
fn is_weighted(model: &Model, weight: Option<&str>) -> bool {
    weight.is_some() || model.fitted().predictor().is_some_and(|predictor| predictor.target.exposure.is_some())
}

/// Predictions and outcomes of the rows that have both, and their weights.
fn judged(model: &Arc<Model>, input: LogicalPlan, weight: Option<&str>) -> Result<LogicalPlan> {
    let Some(predictor) = model.fitted().predictor() else { return internal_err!("a model without a target") };
    let predictions = predicted(model, input)?;
    let target = column(model, predictions.schema(), &predictor.target.column)?;
    let mut outcome = Outcome { label: model.label.clone(), target: predictor.target.clone() }.call(vec![target]);
    let number = |name: &str| Ok::<_, DataFusionError>(cast(column(model, predictions.schema(), name)?, DataType::Float64));
    let mut weight = weight.map(number).transpose()?;
    let condition = own(PREDICTION).is_not_null().and(own(OUTCOME).is_not_null());
    if let Some(exposure) = predictor.target.exposure.as_deref().map(number).transpose()? {
        // A rate, weighted by its exposure. Without one, there is no rate.
        outcome = when(exposure.clone().gt(lit(0.0)), outcome / exposure.clone()).end()?;
        weight = Some(match weight {
            Some(weight) => weight * exposure,
            None => exposure,
        });
    }
    let last = model.predicts().last().map_or("", |field| field.name().as_str());
    let prediction = predicted_column(predictions.schema(), last)?;
    let whole = LogicalPlanBuilder::from(predictions)
        .project(
            [prediction.alias(PREDICTION), outcome.alias(OUTCOME)]
                .into_iter()
                .chain(weight.map(|weight| weight.alias(WEIGHT.name))),
        )?
        .filter(condition)?;
    let weights = whole.schema().fields().iter().skip(2).map(|field| own(field.name())).collect::<Vec<Expr>>();
    // The step expects them under the name of the list of features with a number.
    whole
        .project(
            [PREDICTION, OUTCOME]
                .iter()
                .enumerate()
                .map(|(place, name)| own(name).alias(format!("{} {place}", FEATURES.name)))
                .chain(weights),
        )?
        .build()
}

fn own(name: &str) -> Expr {
    Expr::Column(ColumnName::new_unqualified(name))
}

fn predicted_column(schema: &DFSchema, name: &str) -> Result<Expr> {
    Ok(Expr::Column(ColumnName::from(schema.qualified_field_with_unqualified_name(name)?)))
}

/// The classes of a model.
///
/// # Errors
/// It predicts a number.
pub fn of_classes(model: &Model) -> Result<&Classes> {
    let classes = model.fitted().predictor().and_then(|predictor| predictor.target.classes.as_ref());
    classes.ok_or_else(|| {
        invalid(&model.label, "predicts a number, but this function is for models with two classes; use ml_evaluate")
    })
}

/// The collected rows, ready to be evaluated.
pub fn of_rows(rows: &Rows) -> Judged {
    Judged::new(rows.numbers.column(0).collect(), rows.numbers.column(1).collect(), rows.weights.clone())
}

/// The rows of the training, as far as a stored model tells: how many they were, and the squared errors of the predictions for them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Seen {
    /// Trained on, among all of them, and the sum of the squared errors of all.
    known: Vec<(u64, u64, f64)>,
    is_weighted: bool,
}

impl Seen {
    pub fn of(model: &Model) -> Self {
        let mut known = vec![];
        if let Some(predictor) = model.fitted().predictor() {
            // The mean squared error of a probability is its Brier score.
            let (measure, power) = if predictor.target.classes.is_some() { ("brier", 1) } else { ("rmse", 2) };
            let error = |name: &str| {
                let found = predictor.steps.iter().find(|step| step.step == name && step.measure == measure);
                found.map(|step| step.value.0.powi(power))
            };
            let (all, held) = (model.trained.rows, model.trained.metrics.get("holdout_rows").map_or(0.0, |rows| rows.0));
            let trained = all.saturating_sub(held as u64);
            if let Some(of_training) = error("training").map(|error| error * trained as f64) {
                known.push((trained, trained, of_training));
                known.extend(error("holdout").map(|error| (trained, all, of_training + error * held)));
            }
        }
        Self { known, is_weighted: model.trained.is_weighted }
    }

    /// Tells if the rows that are judged are those of the training, and if these had weights.
    pub fn tell(&self, judged: &Judged, running: &Computing<'_>) {
        if self.is_weighted && judged.weights.is_none() {
            running.note("the model was trained with weights, but every row counts once in its measures here".into());
        }
        let rows = judged.outcomes.len() as u64;
        let squared = judged.squared();
        // Without errors, other rows cannot be told apart.
        let is_same = |known: f64| known > 0.0 && (squared - known).abs() <= 1e-9 * known;
        let found = self.known.iter().find(|(_, all, known)| *all == rows && is_same(*known));
        if let Some((trained, all, _)) = found {
            running.note(format!(
                "the model was trained on {trained} of these {all} rows, and looks better on them than it is; give rows that it has not seen, or take the measures of the held-out rows from ml_training_info"
            ));
        }
    }
}

/// The actual outcome of a row: 1 for the positive class, 0 for the other, or the number itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    label: String,
    target: Target,
}

impl Eq for Outcome {}

impl std::hash::Hash for Outcome {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.label.hash(state);
    }
}

impl Plain for Outcome {
    const NAME: &'static str = "ml_outcome";
}

impl InternalScalar for Outcome {
    fn data_type(&self) -> DataType {
        DataType::Float64
    }

    fn values(&self, arguments: &[ArrayRef], _rows: usize) -> Result<ArrayRef> {
        let [target] = arguments else { return internal_err!("one column was expected") };
        let values = outcomes(&self.label, &self.target, target)?;
        let known: Float64Array = values.into_iter().map(|value| (!value.is_nan()).then_some(value)).collect();
        Ok(Arc::new(known))
    }
}
