//! Training: a plan that returns one row with the model as text.

use std::sync::Arc;

use datafusion::arrow::array::StringArray;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use serde::{Deserialize, Serialize};

use super::applied::Model;
use super::model_type;
use super::model_type::ModelType;
use super::stored::{Exact, Trained, features_of};
use crate::adapter::arguments::{Options, check_role, find, is_default};
use crate::adapter::plain::{Plain, Scalar, untold};
use crate::adapter::relation::{Call, Role, Roles};
use crate::adapter::step::Step;
use crate::catalog::models::StoredModel;
use crate::docs::{Argument, Takes};
use crate::error::{did_you_mean, invalid};
use crate::kernels::control::Stop;
use crate::learning::features::{Compute, Computing, FEATURES, FeatureSpec, Gather, KEY, Rows, WEIGHT, days, is_time};

/// The definition of a training.
#[derive(Debug, Clone)]
pub struct Training {
    /// Used in errors: `model name`.
    pub label: String,
    pub model_type: &'static dyn ModelType,
    pub key: String,
    /// `None` for all columns that can be features.
    pub features: Option<Vec<String>>,
    pub weight: Option<String>,
    /// The columns for the other roles of the type, such as the target.
    pub others: Vec<(&'static str, String)>,
    pub options: Options,
    /// The version that the new one must surpass.
    pub rival: Option<StoredModel>,
}

/// The plan that trains on the rows of a query.
///
/// # Errors
/// The query lacks a column, or one is of a type that cannot be used.
pub fn plan(training: &Training, query: LogicalPlan) -> Result<LogicalPlan> {
    let doc = training.model_type.doc();
    let label = training.model_type.label(&training.options)?;
    let takes = find(doc, FEATURES.name)?.takes;
    let names: Vec<String> = query.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut given = vec![(KEY.name, Takes::Column, training.key.clone())];
    let others = training.others.iter().map(|(_, column)| column);
    let others: Vec<&String> = std::iter::once(&training.key).chain(&training.weight).chain(others).collect();
    let features = training.features.clone().unwrap_or_else(|| {
        let fields = query.schema().fields().iter().filter(|field| is_default(takes, field.data_type()));
        fields.map(|field| field.name().clone()).filter(|name| !others.contains(&name)).collect()
    });
    if let Some(taken) = features.iter().find(|feature| others.contains(feature)) {
        let problem = format!("features names \"{taken}\", which is its key, weight or target; a feature must be something else");
        return Err(invalid(&training.label, problem));
    }
    given.extend(features.into_iter().map(|feature| (FEATURES.name, takes, feature)));
    given.extend(training.weight.iter().map(|weight| (WEIGHT.name, Takes::Number, weight.clone())));
    for (name, column) in &training.others {
        // A role that is not read as classes is read as numbers.
        let takes = match find(doc, name)?.takes {
            Takes::Column if label != Some(*name) => Takes::Number,
            takes => takes,
        };
        given.push((name, takes, column.clone()));
    }
    let (mut roles, mut columns, mut times) = (vec![], vec![], vec![]);
    for (number, (name, takes, column)) in given.into_iter().enumerate() {
        let Some((qualifier, field)) = query.schema().iter().find(|(_, field)| *field.name() == column) else {
            let suggestion = did_you_mean(&column, names.iter().map(String::as_str));
            let problem = format!("{name}: the query has no column \"{column}\"{suggestion}; it has {}", names.join(", "));
            return Err(invalid(&training.label, problem));
        };
        let own = if name == FEATURES.name { format!("{name} {number}") } else { name.to_string() };
        let mut role = Role { name, column, field: Arc::new(Field::new(&own, field.data_type().clone(), field.is_nullable())) };
        check_role(doc, takes, &role)?;
        let mut value = Expr::Column(Column::from((qualifier, field)));
        if matches!(takes, Takes::Features | Takes::Time) && is_time(field.data_type()) {
            value = days(value, field.data_type());
            role.field = Arc::new(Field::new(&own, DataType::Float64, field.is_nullable()));
            times.push(role.column.clone());
        }
        columns.push(value.alias(own));
        roles.push(role);
    }
    let schema = Schema::new(vec![Field::new("model", DataType::Utf8, false)]);
    let call = Call {
        doc,
        input: Some(LogicalPlanBuilder::from(query).project(columns)?.build()?),
        others: vec![],
        roles: Roles(roles),
        options: training.options.clone(),
        schema: Arc::new(DFSchema::try_from(schema)?),
        target_partitions: 1,
    };
    let beside: Vec<&str> =
        doc.arguments.iter().filter(|argument| is_beside(argument, label)).map(|argument| argument.name).collect();
    let (mut spec, input) = match label.is_some() || !beside.is_empty() {
        true => FeatureSpec::read_beside(&call, label, &beside)?,
        false => FeatureSpec::read(&call, None)?,
    };
    spec.features.iter_mut().for_each(|feature| feature.is_time = times.contains(&feature.name));
    let describe = training.model_type.check(&training.options)?;
    let written = training.options.written().iter().map(|(name, value)| (name.to_string(), Scalar(value.clone())));
    let compute = Train {
        model_type: training.model_type.name().to_string(),
        options: describe,
        written: written.collect(),
        rival: training.rival.clone(),
    };
    Gather::new(spec, compute).over([input], call.schema)
}

/// True for roles that are read as additional number columns.
fn is_beside(argument: &Argument, label: Option<&str>) -> bool {
    argument.takes.is_role() && ![KEY.name, FEATURES.name, WEIGHT.name].contains(&argument.name) && label != Some(argument.name)
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Train {
    #[serde(rename = "type")]
    model_type: String,
    /// All options, to be stored.
    options: String,
    /// The options that were given.
    #[serde(with = "untold")]
    written: Vec<(String, Scalar)>,
    /// The version that the new one must surpass.
    #[serde(with = "untold")]
    rival: Option<StoredModel>,
}

impl Train {
    fn model_type(&self) -> Result<&'static dyn ModelType> {
        let problem = || format!("there is no type '{}'; the plan was made by another version", self.model_type);
        model_type(&self.model_type).ok_or_else(|| invalid("model", problem()))
    }

    fn read_options(&self) -> Result<Options> {
        let doc = self.model_type()?.doc();
        let written = self.written.iter().map(|(name, Scalar(value))| Ok((find(doc, name)?.name, value.clone())));
        Options::read(doc, written.collect::<Result<_>>()?)
    }
}

impl Plain for Train {
    const NAME: &'static str = "TrainModel";
}

impl Compute for Train {
    fn compute(&self, mut rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let spec = running.wanted;
        let features = features_of(&rows, running)?;
        let read = self.model_type().and_then(|model_type| Ok((model_type, self.read_options()?)));
        let (model_type, options) = read.map_err(|error| running.worker.fail(error))?;
        let rival = self.rival.clone().map(Model::read).transpose().map_err(|error| running.worker.fail(error))?;
        let learned = match &rival {
            Some(rival) => model_type.train_against(rival, &mut rows, &features, &options, running)?,
            None => model_type.train(&mut rows, &features, &options, running)?,
        };
        let metrics = learned.metrics.into_iter().filter_map(|(name, value)| Some((name, Exact(value?))));
        let trained = Trained {
            model_type: self.model_type.clone(),
            key: spec.key.clone(),
            missing: spec.missing,
            options: self.options.clone(),
            rows: rows.len() as u64,
            skipped: rows.skipped as u64,
            is_weighted: spec.has_weight,
            metrics: metrics.collect(),
            features,
            notes: running.told(),
        };
        let text = trained.to_text(&learned.body).map_err(|error| running.worker.fail(error))?;
        running.worker.send(Ok(vec![Arc::new(StringArray::from(vec![text]))]))
    }
}
