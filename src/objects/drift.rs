//! How far the values of tags that apply models have moved since the models were first applied: measured after each refresh, shown by
//! `system.tags`.

use datafusion::common::Result;

use super::check::{Distribution, distribution, has_bins, schema, stability_index};
use super::definition::Definition;
use super::kind::Values;
use super::kind_of;
use super::lifecycle::{definitions, models_applied};
use super::measured::Measured;
use super::values::{share, time};
use crate::catalog::drifts::Drift;
use crate::catalog::objects::Object;
use crate::catalog::snapshots::{ColumnRole, SnapshotOf, When};
use crate::error::message;
use crate::refresh::plan::PROFILE_SCHEMA;
use crate::statement::StatementContext;
use crate::text::{identifier, timestamp};

/// From here on, values count as drifted.
const DRIFTED: f64 = 0.25;

/// A tag that applies models.
#[derive(Debug)]
pub struct Applying {
    tag: Object,
    versions: String,
}

/// The version of a tag, and the versions of the models that it applies.
fn versions(tag: &Object, models: &[String], objects: &[Object]) -> String {
    let model = |name: &String| objects.iter().find(|object| object.kind == "model" && object.name == *name);
    let models = models.iter().filter_map(model).map(|model| format!("{} {}", model.name, model.version));
    std::iter::once(tag.version.to_string()).chain(models).collect::<Vec<_>>().join(", ")
}

/// The tags of a profile that apply models.
///
/// # Errors
/// The catalog cannot be read.
pub fn applying(profile: &str, context: &StatementContext) -> Result<Vec<Applying>> {
    let objects = context.objects()?;
    // Without models, no definition needs to be read.
    let Some(kind) = kind_of("tag").filter(|_| objects.iter().any(|object| object.kind == "model")) else { return Ok(vec![]) };
    let tags = definitions(kind, context)?.into_iter().filter(|tag| tag.object.profile == profile).collect::<Vec<_>>();
    let models = models_applied(&tags, context)?;
    let applying = tags.into_iter().zip(models).filter(|(_, models)| !models.is_empty());
    Ok(applying.map(|(tag, models)| Applying { versions: versions(&tag.object, &models, &objects), tag: tag.object }).collect())
}

/// Measures the drift of the tags of a profile that was just refreshed. `before` are the tags as they were when the refresh began: a model
/// that was trained meanwhile may have been applied or not. Returns notes, also on what could not be measured, as the refresh is published.
pub async fn measure(profile: &str, before: &[Applying], context: &StatementContext) -> Vec<String> {
    if before.is_empty() {
        return vec![];
    }
    match measured(profile, before, &context.renewed()).await {
        Ok(notes) => notes,
        Err(error) => vec![format!("profile {profile}: the drift of its tags was not measured: {}", message(&error))],
    }
}

async fn measured(profile: &str, before: &[Applying], context: &StatementContext) -> Result<Vec<String>> {
    let Some(snapshot) = context.view().snapshot(SnapshotOf::Profile, profile, When::Now)? else { return Ok(vec![]) };
    let mut notes = vec![];
    for Applying { tag, versions } in applying(profile, context)? {
        let is_same = before.iter().any(|earlier| earlier.tag.id == tag.id && earlier.versions == versions);
        let is_computed = snapshot
            .columns_of(ColumnRole::Tag)
            .any(|column| column.name == tag.name && column.version == tag.version && column.computed_at == snapshot.at);
        if is_same && is_computed {
            notes.extend(of_tag(&tag, versions, snapshot.at, context).await?);
        }
    }
    Ok(notes)
}

/// Measures the drift of a tag, and stores it.
async fn of_tag(tag: &Object, versions: String, at: i64, context: &StatementContext) -> Result<Option<String>> {
    let (value, table) = (identifier(&tag.name), format!("{PROFILE_SCHEMA}.{}", identifier(&tag.profile)));
    let data_type = schema(&format!("SELECT {value} AS value FROM {table}"), context).await?.field(0).data_type().clone();
    if !has_bins(&data_type) {
        return Ok(None);
    }
    // A refresh for the same time, or an earlier one, replaces what was published then.
    let last = context.catalog().drift(tag.id)?.filter(|last| last.versions == versions && last.since < at);
    let first = last.and_then(|last| Some((last.since, serde_json::from_str::<Distribution>(&last.distribution).ok()?)));
    let (since, first) = first.filter(|(_, first)| first.of_values().iter().sum::<i64>() > 0).unzip();
    let now = distribution(&tag.label(), &value, &table, first.clone(), context).await?;
    let (since, first) = (since.unwrap_or(at), first.unwrap_or_else(|| now.clone()));
    let has_values = [&now, &first].into_iter().all(|distribution| distribution.of_values().iter().sum::<i64>() > 0);
    let index = has_values.then(|| stability_index(now.of_values(), first.of_values()));
    let distribution = serde_json::to_string(&first).unwrap_or_default();
    context.catalog().put_drift(&Drift { object: tag.id, versions, since, at, stability_index: index, distribution })?;
    Ok(index.filter(|index| *index >= DRIFTED).map(|index| {
        format!(
            "tag {}: its values have drifted since {} (population stability index {index:.2}); train the model behind it again, and compare it with keep_if_better",
            tag.name,
            timestamp(since)
        )
    }))
}

/// The columns of `system.tags` for drift. It is left out when the tag or a model has changed since, as it says nothing about these.
///
/// # Errors
/// The catalog cannot be read.
pub fn columns(
    definitions: &[Definition],
    applied: &[Vec<String>],
    measured: &[Measured<'_>],
    context: &StatementContext,
) -> Result<Values> {
    let objects = context.objects()?;
    let mut found = vec![];
    for ((definition, models), measured) in definitions.iter().zip(applied).zip(measured) {
        let tag = &definition.object;
        let is_shown = !models.is_empty() && measured.filled().is_some();
        let drift = if is_shown { context.catalog().drift(tag.id)? } else { None };
        let is_current =
            |drift: &Drift| Some(drift.at) == measured.computed_at() && drift.versions == versions(tag, models, &objects);
        found.push(drift.filter(is_current));
    }
    Ok(vec![
        share(found.iter().map(|drift| drift.as_ref()?.stability_index)),
        time(found.iter().map(|drift| drift.as_ref().map(|drift| drift.since))),
    ])
}
