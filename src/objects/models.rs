//! Making models: the query is planned, the model trained on its rows, and stored as a new version in one transaction.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use datafusion::arrow::array::AsArray;
use datafusion::common::{Result, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::session_state::SessionState;
use datafusion::physical_plan::execute_stream;
use datafusion::sql::parser::Statement as SqlParsed;
use futures::TryStreamExt;
use sqlparser::ast::Statement as SqlStatement;

use super::objects::{Objects, author, with_values};
use crate::adapter::arguments::{Options, require_all};
use crate::catalog::Catalog;
use crate::catalog::objects::{NewVersion, Object, ObjectKind};
use crate::catalog::runs::now;
use crate::catalog::statement::settled;
use crate::error::{did_you_mean, failed, invalid, one_of};
use crate::learning::model::{Trained, Training, model_type, plan, type_names};
use crate::refresh::as_of::Pin;
use crate::refresh::definition::{Definition, ModelSays, Says};
use crate::refresh::refresh::Running;
use crate::sql::command::Create;
use crate::sql::macros;

/// Trains and stores a model; the plan that is running shows how far it is.
///
/// # Errors
/// What is wrong with the statement, the query or the rows; nothing is stored then.
pub async fn create(
    state: &SessionState,
    catalog: &Arc<Catalog>,
    create: Create,
    text: &str,
    parameters: &HashMap<String, ScalarValue>,
    running: &Running,
) -> Result<Vec<String>> {
    let began = Instant::now();
    let (name, or_replace, if_not_exists) = (create.name.clone(), create.or_replace, create.if_not_exists);
    let label = format!("model {name}");
    let existing = Objects { state, catalog }.find(ObjectKind::Model, &name, None)?;
    if existing.is_some() && if_not_exists {
        return Ok(vec![]);
    }
    if existing.is_some() && !or_replace {
        return Err(invalid(&label, "exists already; write CREATE OR REPLACE to train a new version, or DROP it first"));
    }
    let text = with_values(text, &create, parameters)?;
    let base = std::env::current_dir().map(|here| here.display().to_string()).unwrap_or_default();
    let object = Object {
        id: i64::MAX,
        kind: ObjectKind::Model,
        profile: String::new(),
        name: name.clone(),
        version: 0,
        sql: text.clone(),
        base: base.clone(),
        author: author(),
        created_at: String::new(),
    };
    let definition = Definition::read(object, state)?;
    let Says::Model(says) = &definition.says else { return Err(invalid(&label, "is not a model")) };
    let training = training(&label, says)?;
    let plan = settled(|| async {
        let mut query = says.query.clone();
        Pin { state, catalog, time_columns: &[], as_of: now() }.pin(&label, query.as_mut(), &definition.parameters)?;
        let mut statement = SqlParsed::Statement(Box::new(SqlStatement::Query(query)));
        macros::expand(&mut statement, state).await?;
        plan(&training, state.statement_to_plan(statement).await?)
    });
    let frame = DataFrame::new(state.clone(), plan.await?);
    let task = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await?;
    *running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&plan));
    let batches: Vec<_> = execute_stream(plan, task)?.try_collect().await?;
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() == 1) else {
        return Err(failed(&label, "training gave no model"));
    };
    let trained = batch.column(0).as_string::<i32>().value(0);
    let took = began.elapsed();
    let author = author();
    let new = NewVersion { kind: ObjectKind::Model, profile: "", name: &name, sql: &text, base: &base, author: &author };
    let version = catalog.put_model(new, trained, i64::try_from(took.as_micros()).unwrap_or(i64::MAX))?;
    let Trained { rows, skipped, metrics, .. } = Trained::read(&label, trained)?;
    let skipped = if skipped > 0 { format!(", {skipped} left out") } else { String::new() };
    let metrics = metrics.iter().map(|(name, value)| format!(", {name} {}", short(value.0))).collect::<String>();
    Ok(vec![format!("{label}, version {version}: {rows} rows{skipped}{metrics}, {:.1} s", took.as_secs_f64())])
}

/// A number as it is read: six digits that count.
fn short(number: f64) -> String {
    format!("{number:.6}").trim_end_matches('0').trim_end_matches('.').to_string()
}

/// What a model's statement asks for, checked against the page of its type.
fn training(label: &str, says: &ModelSays) -> Result<Training> {
    let Some(model_type) = model_type(&says.model_type) else {
        let suggestion = did_you_mean(&says.model_type, type_names());
        return Err(invalid(label, format!("type must be {}, got '{}'{suggestion}", one_of(type_names()), says.model_type)));
    };
    let doc = model_type.doc();
    let mut given = vec![];
    for (name, value) in &says.options {
        if let Some(argument) = doc.argument(name) {
            given.push((argument.name, value.clone()));
        }
    }
    let mut names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
    names.extend(["input", "key"]);
    require_all(doc, &names)?;
    Ok(Training {
        label: label.to_string(),
        model_type,
        key: says.key.clone(),
        features: says.features.clone(),
        weight: says.weight.clone(),
        options: Options::read(doc, given)?,
    })
}
