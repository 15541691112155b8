//! Training: a plan that gives one row, the model as text.

use std::sync::Arc;

use datafusion::arrow::array::StringArray;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::kind::ModelType;
use super::trained::{Trained, exact, features_of};
use crate::adapter::arguments::{Options, check_role, find, is_default};
use crate::adapter::relation::{Call, Role, Roles};
use crate::adapter::step::Step;
use crate::docs::Takes;
use crate::error::{did_you_mean, invalid};
use crate::kernels::control::Stop;
use crate::learning::features::{Compute, Computing, FEATURES, Gather, KEY, Rows, WEIGHT, Wanted};

/// What a model is trained with.
#[derive(Debug, Clone)]
pub struct Training {
    /// For errors: `model name`.
    pub label: String,
    pub kind: &'static dyn ModelType,
    pub key: String,
    /// All that fit when `None`.
    pub features: Option<Vec<String>>,
    pub weight: Option<String>,
    pub options: Options,
}

/// The plan that trains on the rows of a query.
///
/// # Errors
/// The query lacks a column, or one is of a type that cannot be used.
pub fn plan(training: &Training, query: LogicalPlan) -> Result<LogicalPlan> {
    let doc = training.kind.doc();
    let takes = find(doc, FEATURES.name)?.takes;
    let names: Vec<String> = query.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut given = vec![(KEY.name, Takes::Column, training.key.clone())];
    let others: Vec<&String> = std::iter::once(&training.key).chain(&training.weight).collect();
    let features = training.features.clone().unwrap_or_else(|| {
        let fields = query.schema().fields().iter().filter(|field| is_default(takes, field.data_type()));
        fields.map(|field| field.name().clone()).filter(|name| !others.contains(&name)).collect()
    });
    given.extend(features.into_iter().map(|feature| (FEATURES.name, takes, feature)));
    given.extend(training.weight.iter().map(|weight| (WEIGHT.name, Takes::Number, weight.clone())));
    let (mut roles, mut columns) = (vec![], vec![]);
    for (number, (name, takes, column)) in given.into_iter().enumerate() {
        let Some((qualifier, field)) = query.schema().iter().find(|(_, field)| *field.name() == column) else {
            let suggestion = did_you_mean(&column, names.iter().map(String::as_str));
            let problem = format!("{name}: the query has no column \"{column}\"{suggestion}; it has {}", names.join(", "));
            return Err(invalid(&training.label, problem));
        };
        let own = if name == FEATURES.name { format!("{name} {number}") } else { name.to_string() };
        let role = Role { name, column, field: Arc::new(Field::new(&own, field.data_type().clone(), field.is_nullable())) };
        check_role(doc, takes, &role)?;
        columns.push(Expr::Column(Column::from((qualifier, field))).alias(own));
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
    let (wanted, input) = Wanted::read(&call, None)?;
    let describe = training.kind.check(&training.options)?;
    let compute = Train { kind: training.kind, options: training.options.clone(), describe };
    let step: Arc<dyn Step> = Arc::new(Gather { wanted: Arc::new(wanted), compute: Arc::new(compute) });
    Ok(step.over([input], call.schema))
}

#[derive(Debug)]
struct Train {
    kind: &'static dyn ModelType,
    options: Options,
    describe: String,
}

impl Compute for Train {
    fn operator(&self) -> &'static str {
        "TrainModel"
    }

    fn describe(&self) -> String {
        format!("type => '{}', {}", self.kind.name(), self.describe)
    }

    fn compute(&self, mut rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let wanted = running.wanted;
        let column = running.take(rows.len() * 8)?;
        let features = features_of(&rows, wanted).map_err(|error| running.beside.fail(error))?;
        drop(column);
        let learned = self.kind.train(&mut rows, &self.options, running)?;
        let metrics = learned.metrics.into_iter().filter_map(|(name, value)| Some((name.to_string(), exact(value?))));
        let trained = Trained {
            label: String::new(),
            model_type: self.kind.name().to_string(),
            key: wanted.key.clone(),
            missing: wanted.missing,
            features,
            options: self.describe.clone(),
            rows: rows.len() as u64,
            skipped: rows.skipped as u64,
            metrics: metrics.collect(),
            body: learned.body.to_string(),
        };
        running.beside.send(Ok(vec![Arc::new(StringArray::from(vec![trained.to_text()]))]))
    }
}
