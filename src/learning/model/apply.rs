//! The function `ml_apply`: a model over rows. What `ml_predict` is made of.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StructArray};
use datafusion::arrow::compute::{cast, nullif};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::ScalarFunction as Call;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use serde::{Deserialize, Serialize};

use super::kind::{Predictor, model_type};
use super::trained::{Trained, UNSEEN};
use crate::adapter::ScalarFunction;
use crate::adapter::plain::Plain;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::{failed, invalid};
use crate::learning::features::{Kind as FeatureKind, LARGEST, Missing};

const DOC: Doc = Doc {
    name: "ml_apply",
    kind: Kind::Scalar,
    domain: "model",
    summary: "Applies a trained model to the features of a row; ml_predict is made of it.",
    description: "\
Takes the model's name and its text as the database stores it (`system.models` shows it), then its features in their order. The result is a STRUCT of the columns that
the model predicts. Use `ml_predict`, which finds the model and its features by name.",
    arguments: &[
        Argument::required("name", Takes::Value("text"), "for messages"),
        Argument::required("model", Takes::Value("text"), "the stored model"),
        Argument::required("feature, …", Takes::Value("numbers and texts"), "in the order of the model"),
    ],
    examples: &[r#"SELECT age, ml_apply('ages', '{"type": "kmeans", "key": "id", "missing": "error", "options": "", "rows": 4, "skipped": 0, "metrics": {},
  "features": [{"name": "age", "kind": "number", "missing": 0, "statistics": {"mean": "40.0"}, "values": []}],
  "body": {"offsets": ["0.0"], "factors": ["1.0"], "centres": ["20.0", "60.0"], "sizes": ["2.0", "2.0"]}}', age)['cluster_id'] AS cluster_id
FROM (VALUES (25), (58)) AS t(age);"#],
    ..Doc::EMPTY
};

#[derive(Debug)]
pub struct MlApply;

impl ScalarFunction for MlApply {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn udf(&self) -> ScalarUDF {
        ScalarUDF::from(ApplyUdf { name: DOC.name.into(), signature: signature(), model: None })
    }
}

fn signature() -> Signature {
    Signature::variadic_any(Volatility::Immutable)
}

/// The function over text, or over a model that has been read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Told", into = "Told")]
pub struct ApplyUdf {
    name: String,
    signature: Signature,
    model: Option<Arc<Trained>>,
}

impl Plain for ApplyUdf {
    const NAME: &'static str = "ml_apply_model";
}

impl ApplyUdf {
    fn of(model: Arc<Trained>) -> Self {
        Self { name: format!("{}[{}]", DOC.name, model.label), signature: signature(), model: Some(model) }
    }
}

/// The function as it is told: the model's label and text.
#[derive(Serialize, Deserialize)]
struct Told(Option<(String, String)>);

impl From<ApplyUdf> for Told {
    fn from(udf: ApplyUdf) -> Self {
        Self(udf.model.map(|model| (model.label.clone(), model.to_text())))
    }
}

impl TryFrom<Told> for ApplyUdf {
    type Error = datafusion::error::DataFusionError;

    fn try_from(Told(model): Told) -> Result<Self> {
        match model {
            Some((label, text)) => Ok(Self::of(Arc::new(Trained::read(&label, &text)?))),
            None => Ok(Self { name: DOC.name.into(), signature: signature(), model: None }),
        }
    }
}

fn text_of(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

fn read(name: Option<&ScalarValue>, model: Option<&ScalarValue>) -> Result<Arc<Trained>> {
    match (name.and_then(text_of), model.and_then(text_of)) {
        (Some(name), Some(model)) => Ok(Arc::new(Trained::read(name, model)?)),
        _ => Err(invalid(DOC.name, "takes a model as constant texts, its name and what is stored; use ml_predict(model, input)")),
    }
}

fn predicted_type(model: &Trained) -> Result<DataType> {
    match model_type(&model.model_type) {
        Some(kind) => Ok(DataType::Struct(kind.predicts())),
        None => Err(failed(&model.label, format!("is of type '{}', which this version does not know", model.model_type))),
    }
}

impl ScalarUDFImpl for ApplyUdf {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        internal_err!("the type of ml_apply depends on the model")
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let model = match (&self.model, arguments.scalar_arguments) {
            (Some(model), _) => Arc::clone(model),
            (None, [name, model, ..]) => read(*name, *model)?,
            _ => return Err(invalid(DOC.name, "takes a model and its features")),
        };
        Ok(Arc::new(Field::new(self.name(), predicted_type(&model)?, true)))
    }

    /// Reads the model once, not for every batch.
    fn simplify(&self, mut arguments: Vec<Expr>, _context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let (None, [Expr::Literal(name, _), Expr::Literal(model, _), ..]) = (&self.model, arguments.as_slice()) else {
            return Ok(ExprSimplifyResult::Original(arguments));
        };
        let model = read(Some(name), Some(model))?;
        let args = arguments.split_off(2);
        Ok(ExprSimplifyResult::Simplified(Expr::ScalarFunction(Call { func: Arc::new(ScalarUDF::from(Self::of(model))), args })))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let (model, features) = match (&self.model, arguments.args.as_slice()) {
            (Some(model), features) => (Arc::clone(model), features),
            (None, [ColumnarValue::Scalar(name), ColumnarValue::Scalar(model), features @ ..]) => {
                (read(Some(name), Some(model))?, features)
            }
            _ => (read(None, None)?, &[][..]),
        };
        let features = features.iter().map(|feature| feature.to_array(rows)).collect::<Result<Vec<_>>>()?;
        Ok(ColumnarValue::Array(Apply::new(&model)?.apply(&features, rows)?))
    }
}

/// A model at work.
struct Apply<'a> {
    model: &'a Trained,
    predictor: Box<dyn Predictor>,
    predicts: DataType,
}

impl<'a> Apply<'a> {
    fn new(model: &'a Trained) -> Result<Self> {
        let predicts = predicted_type(model)?;
        let Some(kind) = model_type(&model.model_type) else { return internal_err!("no such type of model") };
        Ok(Self { model, predictor: kind.predictor(model)?, predicts })
    }

    fn apply(&self, features: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        if features.len() != self.model.features.len() {
            let (wanted, given) = (self.model.features.len(), features.len());
            return Err(failed(&self.model.label, format!("has {wanted} features, got {given}")));
        }
        let mut skipped = vec![false; rows];
        let (mut numbers, mut codes) = (vec![], vec![]);
        for (feature, column) in self.model.features.iter().zip(features) {
            match feature.kind {
                FeatureKind::Number => {
                    let column = cast(column, &DataType::Float64)?;
                    let column = column.as_primitive::<Float64Type>();
                    let instead = feature.statistic("mean").unwrap_or(0.0);
                    let mut values = Vec::with_capacity(rows);
                    for row in 0..rows {
                        let is_there = column.is_valid(row) && column.value(row).is_finite();
                        if !is_there {
                            self.missing(&feature.name, row, &mut skipped)?;
                        } else if column.value(row).abs() > LARGEST {
                            let problem =
                                format!("a row has the {} {:e}, beyond what can be squared", feature.name, column.value(row));
                            return Err(failed(&self.model.label, problem));
                        }
                        values.push(if is_there { column.value(row) } else { instead });
                    }
                    numbers.push(values);
                }
                FeatureKind::Category => {
                    let column = cast(column, &DataType::Utf8)?;
                    let column = column.as_string::<i32>();
                    let (values, instead) = (&feature.values, feature.mode());
                    let mut of_rows = Vec::with_capacity(rows);
                    for row in 0..rows {
                        if column.is_null(row) {
                            self.missing(&feature.name, row, &mut skipped)?;
                            of_rows.push(instead);
                        } else {
                            let place = values.binary_search_by(|(value, _)| value.as_str().cmp(column.value(row)));
                            of_rows.push(place.map_or(UNSEEN, |place| place as u32));
                        }
                    }
                    codes.push(of_rows);
                }
            }
        }
        let columns = self.predictor.predict(&numbers, &codes, rows)?;
        let DataType::Struct(fields) = &self.predicts else { return internal_err!("a prediction is a STRUCT") };
        let skipped = BooleanArray::from(skipped);
        let columns = columns.iter().map(|column| Ok(nullif(column, &skipped)?)).collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(StructArray::try_new(fields.clone(), columns, None)?))
    }

    /// A feature is missing: as the model was told.
    fn missing(&self, feature: &str, row: usize, skipped: &mut [bool]) -> Result<()> {
        match self.model.missing {
            Missing::Mean => Ok(()),
            Missing::Skip => {
                skipped[row] = true;
                Ok(())
            }
            Missing::Error => {
                let problem = format!(
                    "a row has no {feature} (NULL, NaN or infinite); leave such rows out with WHERE, or train with missing = 'mean' or 'skip'"
                );
                Err(failed(&self.model.label, problem))
            }
        }
    }
}
