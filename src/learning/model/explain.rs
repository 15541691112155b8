//! The plan that explains predictions: one row per input row and feature, with what the feature adds to the score.
//!
//! ```text
//! Projection: key, feature, value, contribution, rank, base, score
//!   Unnest: explanation
//!     Projection: key, ml_explain[model m, version 1](age, channel, CAST(age AS VARCHAR), …) AS explanation
//!       the input
//! ```

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, ListArray, StringArray, StructArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{cast, not};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Column, Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast as cast_to};
use serde::{Deserialize, Serialize};

use super::applied::{FeatureRows, Model};
use super::predict::{column, features, part};
use crate::adapter::internal_scalar::InternalScalar;
use crate::adapter::plain::Plain;
use crate::catalog::models::StoredModel;
use crate::learning::supervised::algorithm::Features;

/// The name of the column that holds the whole explanation, until it is split into columns.
const EXPLANATION: &str = "explanation of the model";

/// The columns of an explanation for a feature, after the key of the row.
pub fn columns() -> Fields {
    Fields::from(vec![
        Field::new("feature", DataType::Utf8, true),
        Field::new("value", DataType::Utf8, true),
        Field::new("contribution", DataType::Float64, true),
        Field::new("rank", DataType::Int32, true),
        Field::new("base_value", DataType::Float64, true),
        Field::new("score", DataType::Float64, true),
    ])
}

/// The explanations of a model's predictions for an input.
///
/// # Errors
/// The input lacks the key or a feature, or the model has no target.
pub fn explained(model: &Arc<Model>, input: LogicalPlan) -> Result<LogicalPlan> {
    let key = column(model, input.schema(), &model.trained.key)?.alias(&model.trained.key);
    let texts = model.trained.features.iter().map(|feature| column(model, input.schema(), &feature.name));
    let texts = texts.map(|value| Ok(cast_to(value?, DataType::Utf8))).collect::<Result<Vec<_>>>()?;
    let arguments = features(model, input.schema())?.into_iter().chain(texts).collect();
    let explanation = Explain::of(Arc::clone(model)).call(arguments).alias(EXPLANATION);
    let rows = LogicalPlanBuilder::from(input).project([key, explanation])?.unnest_column(EXPLANATION)?;
    let whole = Expr::Column(Column::new_unqualified(EXPLANATION));
    let columns = columns();
    let parts = columns.iter().map(|field| part(field, whole.clone()));
    let key = Expr::Column(Column::new_unqualified(model.trained.key.as_str()));
    rows.filter(whole.clone().is_not_null())?.project(std::iter::once(key).chain(parts))?.build()
}

/// Applies a model to its features, which are followed by the same columns as strings. Returns a LIST of the contributions to the score.
/// It is serialized as the stored model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "StoredModel", into = "StoredModel")]
pub struct Explain {
    name: String,
    model: Arc<Model>,
}

impl Plain for Explain {
    const NAME: &'static str = "ml_explain_model";
}

impl Explain {
    fn of(model: Arc<Model>) -> Self {
        Self { name: format!("ml_explain[{}]", model.label), model }
    }
}

impl From<Explain> for StoredModel {
    fn from(explain: Explain) -> Self {
        explain.model.stored().clone()
    }
}

impl TryFrom<StoredModel> for Explain {
    type Error = DataFusionError;

    fn try_from(stored: StoredModel) -> Result<Self> {
        Ok(Self::of(Arc::new(Model::read(stored)?)))
    }
}

fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(columns()), true))
}

impl InternalScalar for Explain {
    fn label(&self) -> &str {
        &self.name
    }

    fn data_type(&self) -> DataType {
        DataType::List(item())
    }

    fn values(&self, arguments: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let Some(predictor) = self.model.fitted().predictor() else { return internal_err!("a model without a target") };
        let (features, texts) = arguments.split_at(self.model.trained.features.len());
        let FeatureRows { numbers, codes, skipped } = self.model.feature_rows(features, rows)?;
        let found = predictor.contributions(&numbers, &codes, rows)?;
        let names = Features::of(&self.model.trained.features);
        let names: Vec<&str> = names.names().collect();
        let texts = names.iter().map(|name| {
            let place = self.model.trained.features.iter().position(|feature| feature.name == **name);
            place.and_then(|place| texts.get(place)).map(|texts| cast(texts, &DataType::Utf8)).transpose()
        });
        let texts: Vec<Option<ArrayRef>> = texts.collect::<std::result::Result<_, _>>()?;
        let width = names.len();
        let (mut said, mut values, mut contributions, mut ranks, mut scores) = (vec![], vec![], vec![], vec![], vec![]);
        for row in 0..rows {
            let own: Vec<f64> = found.by_feature.iter().map(|feature| feature[row]).collect();
            let mut order: Vec<usize> = (0..width).collect();
            // The feature that moves the score most comes first; ties: the first feature.
            order.sort_by(|a, b| own[*b].abs().total_cmp(&own[*a].abs()));
            let score = own.iter().fold(found.base, |score, contribution| score + contribution);
            for (rank, feature) in (1..).zip(order) {
                let text = texts[feature].as_ref().map(|texts| texts.as_string::<i32>());
                said.push(names[feature]);
                values.push(text.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row)));
                contributions.push(own[feature]);
                ranks.push(rank);
                scores.push(score);
            }
        }
        let parts: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(said)),
            Arc::new(values.into_iter().collect::<StringArray>()),
            Arc::new(Float64Array::from(contributions)),
            Arc::new(Int32Array::from(ranks)),
            Arc::new(Float64Array::from(vec![found.base; rows * width])),
            Arc::new(Float64Array::from(scores)),
        ];
        let parts = StructArray::try_new(columns(), parts, None)?;
        let there = NullBuffer::new(not(&skipped)?.values().clone());
        let lists = ListArray::try_new(item(), OffsetBuffer::from_repeated_length(width, rows), Arc::new(parts), Some(there))?;
        Ok(Arc::new(lists))
    }
}
