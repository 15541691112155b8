//! Whether a tag pays: what an experiment said about it, kept with its definition.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use super::check::{rows, schema};
use super::definition::Definition;
use super::lifecycle::{find, missing};
use super::restating::with_options;
use super::tag::Tag;
use super::{experiment, profile};
use crate::adapter::definitions::ExperimentDefinition;
use crate::catalog::objects::Object;
use crate::error::{did_you_mean, invalid};
use crate::language::Language;
use crate::settings::PortraitSettings;
use crate::sql::command::Target;
use crate::sql::tag::AlterTag;
use crate::statement::StatementContext;
use crate::text::{identifier, literal, timestamp};

/// The options of a definition that keep a validation.
pub const VERDICT: &str = "verdict";
pub const VALIDATED_BY: &str = "validated_by";
pub const VALIDATED_AT: &str = "validated_at";
const OPTIONS: [&str; 3] = [VERDICT, VALIDATED_BY, VALIDATED_AT];

/// How long a validation holds: customers, offers and seasons change. Half a year, in microseconds.
const HOLDS: i64 = 180 * 86_400_000_000;

/// The verdict of the last validation.
pub fn verdict(definition: &Definition) -> Option<&'static str> {
    let options = &definition.options;
    if options.is_given(VERDICT) { options.word(VERDICT).ok() } else { None }
}

/// What is known about the worth of a tag, in one word.
pub fn standing(definition: &Definition, is_outdated: bool, now: i64) -> Option<&'static str> {
    let verdict = verdict(definition)?;
    // Times of this form are in the order of their texts.
    let is_old = definition.text(VALIDATED_AT) < timestamp(now.saturating_sub(HOLDS)).as_str();
    Some(match verdict {
        _ if is_old || is_outdated => "stale",
        "pays" => "validated",
        "does_not_pay" => "does_not_pay",
        _ => "cannot_tell",
    })
}

/// Tests a tag with an experiment and records the verdict, or withdraws it.
///
/// # Errors
/// There is no such tag or experiment, they do not fit together, or the role does not own the tag.
pub async fn alter(statement: &AlterTag, context: &StatementContext) -> Result<Vec<String>> {
    context.settled(|context| async move { altered(statement, &context).await }).await
}

async fn altered(statement: &AlterTag, context: &StatementContext) -> Result<Vec<String>> {
    let target = Target { grammar: &Tag, name: statement.name.clone(), profile: Some(statement.profile.clone()) };
    let Some(tag) = find(context, &target)? else { return Err(missing(context, &target)?) };
    context.check_owns(&tag)?;
    let Some(name) = &statement.experiment else {
        with_options(&tag, &OPTIONS, &[], context)?;
        return Ok(vec![]);
    };
    let target = Target { grammar: &experiment::ExperimentKind, name: name.clone(), profile: None };
    let Some(object) = find(context, &target)? else { return Err(missing(context, &target)?) };
    let read = experiment::read(&Definition::read(object, context.session())?)?;
    if read.profile != tag.profile {
        let problem = format!(
            "is on profile {}, and experiment {name} on {}; take an experiment of the same profile",
            tag.profile, read.profile
        );
        return Err(invalid(&tag.label(), problem));
    }
    let (verdict, told) = judged(&tag, name, &read, context).await?;
    let said = [(VERDICT, verdict.clone()), (VALIDATED_BY, name.clone()), (VALIDATED_AT, timestamp(context.now()))];
    with_options(&tag, &OPTIONS, &said, context)?;
    Ok(vec![told])
}

/// The verdict of `tag_uplift` over all metrics and groups of an experiment, by the values that the tag had when it began.
async fn judged(
    tag: &Object,
    name: &str,
    experiment: &ExperimentDefinition,
    context: &StatementContext,
) -> Result<(String, String)> {
    let outcomes = format!("experiment_outcomes({})", identifier(name));
    let columns = schema(&format!("SELECT * FROM {outcomes}"), context).await?;
    let is_measured = |data_type: &DataType| data_type.is_numeric() || *data_type == DataType::Boolean;
    let metrics: Vec<&str> = columns
        .fields()
        .iter()
        .skip(2)
        .filter(|field| is_measured(field.data_type()))
        .map(|field| field.name().as_str())
        .collect();
    if metrics.is_empty() {
        return Err(invalid(
            &format!("experiment {name}"),
            "has no metric that is a number or a boolean; tag_uplift compares these",
        ));
    }
    let known = format!(
        "profile.{} FOR SYSTEM_TIME AS OF TIMESTAMP {}",
        identifier(&experiment.profile),
        literal(&timestamp(experiment.known_at))
    );
    let whole = schema(&format!("SELECT * FROM {known}"), context).await?;
    let published: Vec<&str> = whole.fields().iter().map(|field| field.name().as_str()).collect();
    if !published.contains(&tag.name.as_str()) {
        let suggestion = did_you_mean(&tag.name, published.iter().copied());
        let problem = format!(
            "is not part of the refresh on which experiment {name} began{suggestion}; a tag must have been known before, so start another experiment"
        );
        return Err(invalid(&tag.label(), problem));
    }
    // A metric may have the name of the tag.
    let alias = if metrics.contains(&tag.name.as_str()) { format!("{} (tag)", tag.name) } else { tag.name.clone() };
    let key = profile::whole(&experiment.profile, context)?.body.key;
    let listed =
        |prefix: &str| metrics.iter().map(|metric| format!("{prefix}{}", identifier(metric))).collect::<Vec<_>>().join(", ");
    let language = match PortraitSettings::of(context.session().config_options()).language {
        Language::En => "en",
        Language::Zh => "zh",
    };
    let query = format!(
        "SELECT CASE WHEN bool_or(verdict = 'pays') THEN 'pays' WHEN bool_or(verdict = 'does_not_pay') THEN 'does_not_pay' ELSE 'cannot_tell' END AS verdict, \
           coalesce(min(decision) FILTER (WHERE verdict = 'pays'), min(decision) FILTER (WHERE verdict = 'does_not_pay'), min(decision)) AS told \
         FROM tag_uplift((SELECT outcomes.variant, {own}, known.{tag} AS {alias} FROM {outcomes} AS outcomes JOIN {known} AS known ON known.{key} = outcomes.key), \
           group => variant, control => {control}, metric => [{metrics}], tags => [{alias}], language => {language})",
        own = listed("outcomes."),
        tag = identifier(&tag.name),
        alias = identifier(&alias),
        key = identifier(&key),
        control = literal(&experiment.control),
        language = literal(language),
        metrics = listed(""),
    );
    let batches = rows(&query, context).await?;
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else {
        return Err(invalid(&tag.label(), format!("experiment {name} has no outcomes yet; wait for its first rows")));
    };
    let text = |column: usize| -> Result<String> {
        let values = cast(batch.column(column), &DataType::Utf8)?;
        let values = values.as_string::<i32>();
        Ok(if values.is_null(0) { String::new() } else { values.value(0).to_string() })
    };
    let (verdict, told) = (text(0)?, text(1)?);
    if told.is_empty() {
        return Err(invalid(&tag.label(), format!("experiment {name} has no outcomes yet; wait for its first rows")));
    }
    Ok((verdict, told))
}
