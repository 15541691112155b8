//! `MODEL`: trained on the rows of a query, to be applied to others.

use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::array::AsArray;
use datafusion::common::{Result, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::sql::parser::Statement as SqlParsed;
use futures::TryStreamExt;
use futures::future::BoxFuture;
use sqlparser::ast::{Expr, Statement as SqlStatement};

use super::broken::check_users;
use super::definition::{Definition, constant};
use super::improvement::{direction, doubt, is_better, of_measure};
use super::kind::{Kind, Uses, Values};
use super::lifecycle::{NewObject, prepare, unless_moved};
use super::other_names::ours;
use super::protection;
use super::values::{given, number, share, text};
use crate::adapter::arguments::Options;
use crate::catalog::models::StoredModel;
use crate::catalog::objects::Object;
use crate::docs::{Argument, Column, Doc, Takes};
use crate::error::{did_you_mean, failed, invalid, one_of};
use crate::learning::model::described::EARLIER;
use crate::learning::model::{Model as Applied, ModelType, Trained, Training, model_type, plan as training_plan, type_names};
use crate::refresh::as_of::settle;
use crate::refresh::literals::coerced;
use crate::sql::command::{Create, Grammar, normal};
use crate::sql::planning::plan;
use crate::sql::statement::STATEMENT;
use crate::sql::written::Written;
use crate::statement::RunningPlan;
use crate::statement::StatementContext;

static DOC: Doc = Doc {
    name: "CREATE MODEL",
    summary: "Trains a model on the rows of a query and stores it.",
    syntax: "CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name
WITH (type = 'kmeans' | 'logistic_regression' | …, key = 'column', [target = 'column'], [features = 'column, …'], [weight = 'column'],
      [option = value, …], [keep_if_better = 'measure'], [trained = '…'], [comment = '…'], [owner = '…'], [constant = value, …])
AS query",
    description: "\
The page of each type describes its options. For clusters (`kmeans`, `kprototypes`) this is the page of the function with the same name: `n_clusters = 4` here is `n_clusters => 4` in
`kmeans(…)`, with the same defaults. Models with a target (`logistic_regression`, `linear_regression`, `poisson_regression`, `decision_tree`, `random_forest`, `gradient_boosting`) hold some rows
out and are measured on those. The statement trains the model at once. OR REPLACE always trains again, because rows may have changed. With `keep_if_better = 'auc'` the earlier version stays unless the
new one has a better value of that measure. So a schedule can train every month and keep the best model. Both are measured on the rows that the new version
holds out, and `ml_training_info` shows what the earlier one reaches there; if these rows lack one of its features, each version is measured on its own rows, and a note says if these may differ. The model, its training query, the rows used and left out, a description of the features, and
measures of the training are stored in one transaction as a new version. `ml_predict` and the other `ml_…` functions use the newest version. If the statement fails or is
cancelled, the earlier version stays.

A tag that uses `ml_predict` applies the newest version when it is refreshed; DESCRIBE TAG shows which. `system.models` lists all models, for their owners with the stored content as JSON. A
model that a tag, segment or view uses cannot be dropped.

**Cost.** That of the query and of the training, which the page of the type describes; the rows are in memory. The stored model is small,
and grows with features and trees, not with rows.

**Elsewhere.** BigQuery has `CREATE MODEL … OPTIONS (model_type = …)`, MADlib functions such as `logregr_train`, which write tables; in
Python `fit` and a pickle file that you keep yourself.",
    examples: &["CREATE OR REPLACE MODEL shopper_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3, random_state = 7, comment = '按价值分群') AS
SELECT customer_id, recency_days, frequency, monetary
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
SELECT name, type, version, features, rows_used, rows_skipped FROM system.models;"],
    arguments: &[
        Argument::required(
            "type",
            Takes::Text,
            "the type of model: `kmeans`, `logistic_regression`, …; `\\h` lists them in the domain `model`",
        ),
        Argument::required("key", Takes::Text, "the column of the query that is the key of a row"),
        Argument::optional(
            "features",
            Takes::Names,
            "",
            "the columns to learn from; default all suitable columns except key and weight",
        ),
        Argument::optional("weight", Takes::Text, "", "the column with the number of times that a row counts"),
        Argument::optional(
            "keep_if_better",
            Takes::Text,
            "",
            "a measure of the training, as in `system.models`: the new version is kept only if this measure is better",
        ),
        Argument::optional(
            "trained",
            Takes::Text,
            "",
            "the result of an earlier training, as in `system.models`: the model is stored without training",
        ),
        Argument::optional("comment", Takes::Text, "", "what it is"),
        Argument::optional("owner", Takes::Text, "", "the person responsible"),
    ],
    ..STATEMENT
};

/// The option with a model that was trained before, as written by a dump.
const TRAINED: &str = "trained";

/// The kind.
#[derive(Debug)]
pub struct Model;

impl Grammar for Model {
    fn word(&self) -> &'static str {
        "model"
    }
}

const COLUMNS: [Column; 16] = [
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "type", data_type: "VARCHAR", text: "its type" },
    Column { name: "version", data_type: "BIGINT", text: "the newest version" },
    Column { name: "key", data_type: "VARCHAR", text: "the key of the rows it was trained on" },
    Column { name: "features", data_type: "VARCHAR", text: "the columns it was trained on" },
    Column { name: "options", data_type: "VARCHAR", text: "the options of its training" },
    Column { name: "rows_used", data_type: "BIGINT", text: "rows it was trained on" },
    Column { name: "rows_skipped", data_type: "BIGINT", text: "rows that could not be used" },
    Column { name: "metrics", data_type: "VARCHAR", text: "measures of the training" },
    Column { name: "seconds", data_type: "DOUBLE", text: "how long the training took" },
    Column { name: "trained_at", data_type: "VARCHAR", text: "when, in UTC" },
    Column { name: "comment", data_type: "VARCHAR", text: "its description, from the definition" },
    Column { name: "owner", data_type: "VARCHAR", text: "the person responsible" },
    Column { name: "author", data_type: "VARCHAR", text: "who trained this version" },
    Column { name: "definition", data_type: "VARCHAR", text: "the statement that trained this version" },
    Column { name: "model", data_type: "VARCHAR", text: "the stored model, as JSON; for its owner" },
];

impl Kind for Model {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn uses(&self, definition: &Definition) -> Uses {
        definition.query().map(Uses::of).unwrap_or_default()
    }

    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool {
        uses.models.contains(&object.name)
    }

    /// The rows of the query may have changed.
    fn is_text_alone(&self) -> bool {
        false
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let definition = Definition::read(object.clone(), context.session())?;
            planned(&definition, None, context).await.map(|_| vec![])
        })
    }

    fn make<'a>(
        &'a self,
        new: &'a NewObject,
        context: &'a StatementContext,
        running: &'a RunningPlan,
    ) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(train(new, context, running))
    }

    /// Includes the trained model, as the training rows are not part of a dump.
    fn dump(&self, definition: &Definition, mut written: Written, context: &StatementContext) -> Result<String> {
        if let Some(model) = context.catalog().model(&definition.object.name)? {
            written.with_option(TRAINED, &model.trained);
        }
        Ok(written.to_string())
    }

    fn describe(&self, definition: &Definition, context: &StatementContext) -> Result<Vec<(String, String)>> {
        let mut properties = vec![("type".to_string(), definition.required("type")?)];
        let Some(model) = context.catalog().model(&definition.object.name)? else { return Ok(properties) };
        let trained = Trained::read(&definition.object.name, &model.trained)?;
        properties.push(("key".into(), trained.key.clone()));
        properties.push(("features".into(), features(&trained)));
        properties.push(("options".into(), trained.options.clone()));
        properties.push(("missing".into(), trained.missing.word().to_string()));
        // They name values, or count rows that the role may not see.
        if !protection::hides_values(&definition.object, context)? {
            properties.push(("rows_used".into(), trained.rows.to_string()));
            properties.push(("rows_skipped".into(), trained.skipped.to_string()));
            properties.extend(trained.metrics.iter().map(|(name, value)| (name.clone(), value.to_string())));
            properties.extend(trained.notes.iter().map(|note| ("note".to_string(), note.clone())));
            // They grow with the rows.
            properties.push(("seconds".into(), format!("{:.3}", model.took as f64 / 1e6)));
        }
        Ok(properties)
    }

    fn more_options(&self, definition: &Definition) -> Option<&'static Doc> {
        model_type(definition.options.text("type")?).map(|kind| kind.doc())
    }

    fn system_table(&self) -> &'static str {
        "models"
    }

    fn listed(&self) -> &'static str {
        "The newest version of each model."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], context: &StatementContext) -> Result<Values> {
        let stored = context.catalog().models()?;
        let of = |definition: &Definition| stored.iter().find(|model| model.name == definition.object.name);
        let models: Vec<Option<&StoredModel>> = definitions.iter().map(of).collect();
        let read = |model: &Option<&StoredModel>| model.map(|model| Trained::read(&model.name, &model.trained)).transpose();
        let trained = models.iter().map(read).collect::<Result<Vec<_>>>()?;
        let learned = |get: fn(&Trained) -> String| text(trained.iter().map(move |trained| trained.as_ref().map(get)));
        let hides = |definition: &Definition| protection::hides_values(&definition.object, context);
        let hidden = definitions.iter().map(hides).collect::<Result<Vec<bool>>>()?;
        let measured: Vec<Option<&Trained>> =
            trained.iter().zip(&hidden).map(|(trained, hidden)| trained.as_ref().filter(|_| !hidden)).collect();
        let took = models.iter().zip(&hidden).map(|(model, hidden)| model.filter(|_| !hidden));
        let count = |get: fn(&Trained) -> u64| {
            number(measured.iter().map(move |trained| trained.map(|trained| i64::try_from(get(trained)).unwrap_or(i64::MAX))))
        };
        let own = |get: fn(&Definition) -> &str| text(definitions.iter().map(move |definition| given(get(definition))));
        // It holds values of the rows that it was trained on.
        let rights = context.rights()?;
        let shown = definitions.iter().zip(&hidden).map(|(definition, hidden)| rights.owns(&definition.object) && !hidden);
        let whole = models.iter().zip(shown).map(|(model, shown)| model.filter(|_| shown).map(|model| model.trained.clone()));
        Ok(vec![
            own(|definition| &definition.object.name),
            learned(|trained| trained.model_type.clone()),
            number(definitions.iter().map(|definition| Some(definition.object.version))),
            learned(|trained| trained.key.clone()),
            learned(features),
            learned(|trained| trained.options.clone()),
            count(|trained| trained.rows),
            count(|trained| trained.skipped),
            text(measured.iter().map(|trained| trained.map(metrics))),
            share(took.map(|model| model.map(|model| model.took as f64 / 1e6))),
            own(|definition| &definition.object.created_at),
            own(|definition| definition.comment()),
            own(|definition| definition.text("owner")),
            own(|definition| &definition.object.author),
            own(|definition| &definition.object.sql),
            text(whole),
        ])
    }

    fn shown(&self) -> &'static str {
        "SELECT name, type, version, rows_used, metrics, trained_at, comment FROM system.models ORDER BY name"
    }
}

fn features(trained: &Trained) -> String {
    trained.features.iter().map(|feature| feature.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn metrics(trained: &Trained) -> String {
    trained.metrics.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
}

/// The plan of the training, which returns one row with the model.
async fn planned(definition: &Definition, rival: Option<StoredModel>, context: &StatementContext) -> Result<LogicalPlan> {
    let label = definition.object.label();
    let model_type = type_of(&label, definition)?;
    let constants = definition.constants(Some(model_type.doc()))?;
    let training = Training { rival, ..training(&label, model_type, definition)? };
    let mut query = Box::new(definition.query()?.clone());
    settle(query.as_mut(), context.now(), &constants);
    let statement = SqlParsed::Statement(Box::new(SqlStatement::Query(query)));
    let plan = coerced(plan(&statement, context).await?, &label, context)?;
    training_plan(&training, plan)
}

/// Trains and stores a model. The query is planned, the model trained on its rows, and stored as a new version in one transaction, so a
/// statement that fails leaves the previous version. `running` shows the progress.
async fn train(new: &NewObject, context: &StatementContext, running: &RunningPlan) -> Result<Vec<String>> {
    let began = Instant::now();
    let (object, label) = (&new.object, new.object.label());
    let definition = Definition::read(object.clone(), context.session())?;
    let measure = definition.options.text("keep_if_better");
    let before = match measure {
        Some(_) => context.catalog().model(&object.name)?,
        None => None,
    };
    let plan = planned(&definition, before.clone(), context).await?;
    let trained = match definition.options.text(TRAINED) {
        Some(trained) => trained.to_string(),
        None => learn(&label, plan, context, running).await?,
    };
    let is_given = definition.options.is_given(TRAINED);
    let took = if is_given { std::time::Duration::ZERO } else { began.elapsed() };
    // The trained model is stored next to the statement, not in it.
    let mut written = Written::of_definition(&object.sql)?;
    written.without_option(TRAINED);
    let sql = if is_given { written.to_string().trim_end().to_string() } else { object.sql.clone() };
    let stored = StoredModel {
        name: object.name.clone(),
        version: object.version,
        trained,
        took: i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
    };
    let applied = Applied::read(stored.clone())?;
    let again = applied.fitted().described().steps;
    let learned = applied.trained;
    let model_type = definition.required("type")?;
    if learned.model_type != model_type {
        let problem = format!("type is '{model_type}', but trained holds a model of type '{}'", learned.model_type);
        return Err(invalid(&label, problem));
    }
    let mut notes = vec![];
    if let Some(measure) = measure {
        let better = direction(&label, measure, &learned)?;
        if let Some(before) = before {
            let earlier = Trained::read(&label, &before.trained)?;
            let on_these_rows = again.iter().find(|step| step.step == EARLIER && step.measure == measure && !is_given);
            let was = on_these_rows.map_or_else(|| of_measure(&earlier, measure), |step| Some(step.value.0));
            let now = of_measure(&learned, measure);
            notes.extend(doubt(&label, measure, on_these_rows.is_some(), &learned, &earlier));
            if !is_better(better, now, was) {
                let shown = |value: Option<f64>| value.map_or("none".into(), short);
                let (now, was) = (shown(now), shown(was));
                notes.insert(0, format!("{label}: {measure} {now} is not better than {was}; version {} stays", before.version));
                return Ok(notes);
            }
        }
    }
    let (stored, create, sql) = (&stored, &new.create, &sql);
    let version = context.settled(|context| async move { remember(create, sql, stored, &context).await }).await?;
    // Another statement has created it meanwhile, and this one has IF NOT EXISTS.
    let Some(version) = version else { return Ok(vec![]) };
    let Trained { rows, skipped, metrics, .. } = learned;
    let skipped = if skipped > 0 { format!(", {skipped} left out") } else { String::new() };
    let metrics = metrics.iter().map(|(name, value)| format!(", {name} {}", short(value.0))).collect::<String>();
    notes.insert(0, format!("{label}, version {version}: {rows} rows{skipped}{metrics}, {:.1} s", took.as_secs_f64()));
    Ok(notes)
}

/// Runs the training and returns the trained model as text.
async fn learn(label: &str, plan: LogicalPlan, context: &StatementContext, running: &RunningPlan) -> Result<String> {
    let frame = DataFrame::new(context.state(), plan);
    let task = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await?;
    running.set(&plan);
    let batches: Vec<_> = execute_stream(plan, task)?.try_collect().await?;
    let batch = batches.iter().find(|batch| batch.num_rows() == 1).ok_or_else(|| failed(label, "training gave no model"))?;
    Ok(batch.column(0).as_string::<i32>().value(0).to_string())
}

/// Stores a trained model, unless definitions have changed so that it can no longer be created, or would break another object. Only these
/// checks are repeated, as training takes long. Returns the version number.
async fn remember(create: &Create, sql: &str, stored: &StoredModel, context: &StatementContext) -> Result<Option<i64>> {
    let kind: &'static dyn Kind = &Model;
    let Some(new) = prepare(kind, create, sql, context)? else { return Ok(None) };
    kind.check(&new.object, context).await?;
    if let Some(existing) = &new.existing {
        let changed = context.with_definition(new.object.clone()).with_model(stored.clone());
        check_users(existing, context, &changed).await?;
    }
    let stamp = context.view().stamp()?;
    let put = context.catalog().put_model(new.version(), &stored.trained, stored.took, Some(stamp));
    unless_moved(put, context).map(Some)
}

/// A number with at most six decimals.
fn short(number: f64) -> String {
    format!("{number:.6}").trim_end_matches('0').trim_end_matches('.').to_string()
}

/// The type of a model.
fn type_of(label: &str, definition: &Definition) -> Result<&'static dyn ModelType> {
    let name = definition.required("type")?;
    model_type(&name).ok_or_else(|| {
        let suggestion = did_you_mean(ours(&name, type_names()).unwrap_or(&name), type_names());
        invalid(label, format!("type must be {}, got '{name}'{suggestion}", one_of(type_names())))
    })
}

/// The training that a statement requests, checked against the page of its model type.
fn training(label: &str, model_type: &'static dyn ModelType, definition: &Definition) -> Result<Training> {
    let doc = model_type.doc();
    let mut given: Vec<(&'static str, ScalarValue)> = vec![];
    for (name, value) in &definition.others {
        if let Some(argument) = doc.argument(name).filter(|argument| argument.takes.is_option()) {
            given.push((argument.name, constant(label, name, value)?));
        }
    }
    let others = roles_of(label, doc, definition)?;
    let mut names: Vec<&str> = given.iter().map(|(name, _)| *name).chain(others.iter().map(|(name, _)| *name)).collect();
    names.extend(["input", "key"]);
    if let Some(missing) = doc.arguments.iter().find(|argument| argument.default.is_none() && !names.contains(&argument.name)) {
        let problem = format!("{0} is missing; write WITH ({0} = …) before AS: {1}", missing.name, missing.text);
        return Err(invalid(label, problem));
    }
    Ok(Training {
        label: label.to_string(),
        model_type,
        key: definition.required("key")?,
        features: definition.options.names("features").map(<[String]>::to_vec),
        weight: definition.options.text("weight").map(str::to_string),
        others,
        options: Options::read(doc, given)?,
        rival: None,
    })
}

/// The columns given for the type's own roles.
fn roles_of(label: &str, doc: &'static Doc, definition: &Definition) -> Result<Vec<(&'static str, String)>> {
    let mut roles = vec![];
    for (name, value) in &definition.others {
        let Some(argument) = doc.argument(name).filter(|argument| argument.takes.is_role()) else { continue };
        let column = match value {
            Expr::Identifier(name) => normal(name),
            value => match constant(label, name, value)? {
                ScalarValue::Utf8(Some(column)) => column,
                _ => return Err(invalid(label, format!("{name} takes the name of a column, got {value}"))),
            },
        };
        roles.push((argument.name, column));
    }
    Ok(roles)
}
