//! The plan for predictions: a projection that adds the prediction to each row of the input.
//!
//! ```text
//! Projection: the columns of the input, cluster_id of prediction, distance of prediction
//!   Projection: the columns of the input, ml_predict[model m, version 1](age, channel) AS prediction
//!     the input
//! ```
//! Because it is a projection, filters and column pruning are pushed through it to the scan, and a refresh can share the scan with other
//! tags.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Column, DFSchema, Result, exec_err, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use serde::{Deserialize, Serialize};

use super::applied::Model;
use crate::adapter::internal_scalar::InternalScalar;
use crate::adapter::plain::Plain;
use crate::catalog::models::StoredModel;
use crate::error::invalid;
use crate::learning::features::days;

/// The name of the column that holds the whole prediction, until it is split into columns.
const PREDICTION: &str = "prediction of the model";

/// The columns of the input, and the predictions of a model for its rows.
///
/// # Errors
/// The input does not fit the model.
pub fn predicted(model: &Arc<Model>, input: LogicalPlan) -> Result<LogicalPlan> {
    model.check(input.schema())?;
    let columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    let features = features(model, input.schema());
    let prediction = Predict::of(Arc::clone(model)).call(features?).alias(PREDICTION);
    let whole = LogicalPlanBuilder::from(input).project(columns.iter().cloned().chain([prediction]))?;
    let prediction = Expr::Column(Column::new_unqualified(PREDICTION));
    let parts = model.predicts().iter().map(|field| part(field, prediction.clone()));
    whole.project(columns.into_iter().chain(parts))?.build()
}

/// The features of a model, in its order and form, as expressions over the input.
///
/// # Errors
/// The input lacks one.
pub fn features(model: &Model, input: &DFSchema) -> Result<Vec<Expr>> {
    let each = model.trained.features.iter().map(|feature| {
        let value = column(model, input, &feature.name)?;
        Ok(if feature.is_time { days(value.clone(), &value.get_type(input)?) } else { value })
    });
    each.collect()
}

/// A column of a model's input by its name.
///
/// # Errors
/// The input has no column with that name.
pub fn column(model: &Model, input: &DFSchema, name: &str) -> Result<Expr> {
    let found = input.iter().find(|(_, field)| field.name() == name);
    let missing = || invalid(&model.label, format!("the input has no column \"{name}\""));
    found.map(|found| Expr::Column(Column::from(found))).ok_or_else(missing)
}

/// A column of a whole prediction.
pub fn part(field: &FieldRef, whole: Expr) -> Expr {
    Part { field: Arc::clone(field) }.call(vec![whole]).alias(field.name())
}

/// Applies a model to its features, and returns a STRUCT of predictions. It is serialized as the stored model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "StoredModel", into = "StoredModel")]
pub struct Predict {
    /// Includes the model's label, for EXPLAIN.
    name: String,
    model: Arc<Model>,
}

impl Plain for Predict {
    const NAME: &'static str = "ml_predict_model";
}

impl Predict {
    fn of(model: Arc<Model>) -> Self {
        Self { name: format!("ml_predict[{}]", model.label), model }
    }
}

impl From<Predict> for StoredModel {
    fn from(predict: Predict) -> Self {
        predict.model.stored().clone()
    }
}

impl TryFrom<StoredModel> for Predict {
    type Error = DataFusionError;

    fn try_from(stored: StoredModel) -> Result<Self> {
        Ok(Self::of(Arc::new(Model::read(stored)?)))
    }
}

impl InternalScalar for Predict {
    fn label(&self) -> &str {
        &self.name
    }

    fn data_type(&self) -> DataType {
        DataType::Struct(self.model.predicts().clone())
    }

    fn field(&self) -> FieldRef {
        Arc::new(Field::new(self.label(), self.data_type(), false))
    }

    fn values(&self, arguments: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        Ok(Arc::new(self.model.predict(arguments, rows)?))
    }
}

/// Extracts one column of a prediction.
///
/// DataFusion's own `get_field` would be pushed down to where the STRUCT is made. The STRUCT would then be computed once per field, so
/// the model would predict every row several times. This function is not pushed down.
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Part {
    field: FieldRef,
}

impl Plain for Part {
    const NAME: &'static str = "ml_predict_part";
}

impl InternalScalar for Part {
    fn label(&self) -> &str {
        self.field.name()
    }

    fn data_type(&self) -> DataType {
        self.field.data_type().clone()
    }

    fn field(&self) -> FieldRef {
        Arc::clone(&self.field)
    }

    fn values(&self, arguments: &[ArrayRef], _rows: usize) -> Result<ArrayRef> {
        let [prediction] = arguments else { return internal_err!("one prediction was expected") };
        let Some(prediction) = prediction.as_struct_opt() else { return internal_err!("a prediction is a STRUCT") };
        match prediction.column_by_name(self.field.name()) {
            Some(column) => Ok(Arc::clone(column)),
            None => exec_err!("a prediction has no column {}", self.field.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_sent_as_it_is_stored() {
        let trained = r#"{"type":"kmeans","key":"id","missing":"error","options":"","rows":2,"skipped":0,"metrics":{},
            "features":[{"name":"age","kind":"number","missing":0,"statistics":{"mean":40.0},"values":[]}],
            "body":{"offsets":[0.0],"factors":[1.0],"centres":[20.0,60.0],"sizes":[1.0,1.0]}}"#;
        let stored = StoredModel { name: "m".into(), version: 2, trained: trained.into(), took: 5 };
        let predict = Predict::try_from(stored).unwrap();
        let again = Predict::decode(&predict.encode().unwrap()).unwrap();
        assert_eq!((again.label(), &again), ("ml_predict[model m, version 2]", &predict));
        for field in predict.model.predicts() {
            let part = Part { field: Arc::clone(field) };
            assert_eq!(Part::decode(&part.encode().unwrap()).unwrap(), part);
        }
        // Text that is not a model is rejected when it arrives.
        let damaged = StoredModel { trained: "{}".into(), ..predict.model.stored().clone() };
        let bytes = postcard::to_stdvec(&damaged).unwrap();
        assert!(Predict::decode(&bytes).is_err());
    }
}
