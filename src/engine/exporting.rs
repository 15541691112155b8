//! EXPORT SUBJECT: all data about a person, as one document.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::json::writer::JsonArray;
use datafusion::arrow::json::{Writer, WriterBuilder};
use datafusion::common::{Result, ScalarValue};
use datafusion::dataframe::DataFrame;
use serde_json::{Map, Value, json};
use sqlparser::ast::Expr;

use super::erasing::{keys, needs_database, options};
use super::writes::Staged;
use crate::catalog::rewriting::{Rule, rows_of};
use crate::catalog::snapshots::{ColumnRole, Part, SnapshotOf, When};
use crate::docs::Column;
use crate::error::{failed, invalid};
use crate::files::places;
use crate::formats::{plain_batch, plain_schema};
use crate::objects::subject::{self, Held, Subject};
use crate::objects::values;
use crate::sql::erasing::Subjects;
use crate::sql::parser::parse_composed;
use crate::sql::places::refuse_own_written;
use crate::sql::planning::plan;
use crate::sql::statement::erasing::EXPORT;
use crate::statement::StatementContext;
use crate::system::schema_of;
use crate::text::{grouped, identifier, literal, timestamp};

/// The column of the answer.
pub(super) const COLUMNS: [Column; 1] =
    [Column { name: "document", data_type: "VARCHAR", text: "everything held about the person, as JSON" }];

/// The document, as JSON value and as text.
async fn made(subjects: &Subjects, given: &[(String, Expr)], context: &StatementContext) -> Result<(Value, String)> {
    let label = "EXPORT SUBJECT";
    needs_database(label, context)?;
    let options = options(label, &EXPORT, given, context)?;
    let keys = keys(label, subjects, context)?;
    let (keys, options) = (&keys, &options);
    let made = |context: StatementContext| async move {
        let subject = subject::of(subjects, keys.clone(), options, &context).await?;
        // A person gets all of their data, whatever purpose the session has set.
        document(&subject, &context.reading_as("")).await
    };
    let document = Box::pin(context.settled(made)).await?;
    let text = serde_json::to_string_pretty(&document).map_err(|error| failed(label, error))?;
    Ok((document, text))
}

/// The document as an answer of one row.
///
/// # Errors
/// As [`export`].
pub(super) async fn answered(subjects: &Subjects, given: &[(String, Expr)], context: &StatementContext) -> Result<RecordBatch> {
    let (_, text) = Box::pin(made(subjects, given, context)).await?;
    Ok(RecordBatch::try_new(schema_of(&COLUMNS), vec![values::text(std::iter::once(Some(text)))])?)
}

/// Writes the document; returns notes for the user.
///
/// # Errors
/// There is no such profile or identity, the role does not own all of the data, or the file cannot be written.
pub(super) async fn export(
    subjects: &Subjects,
    file: &str,
    given: &[(String, Expr)],
    context: &StatementContext,
) -> Result<Vec<String>> {
    let label = "EXPORT SUBJECT";
    if !file.to_lowercase().ends_with(".json") {
        return Err(invalid(label, "writes a JSON document, whose name ends in .json"));
    }
    places::check(file, context.base(), context.places())?;
    refuse_own_written(file, context)?;
    let (document, text) = Box::pin(made(subjects, given, context)).await?;
    let place = context.base().join(file);
    let staged = Staged::beside(&place)?;
    std::fs::write(staged.path(), text)
        .map_err(|error| failed(&place.display().to_string(), format!("cannot be written: {error}")))?;
    staged.publish()?;
    let count = |name: &str| document.get(name).and_then(Value::as_object).map_or(0, Map::len) as u64;
    let left = document.get("elsewhere").and_then(Value::as_array).map_or(0, Vec::len);
    Ok(vec![format!(
        "{}: {} tables and {} profiles hold rows; {} notes on what may be held elsewhere stand under \"elsewhere\"",
        subjects.of(),
        grouped(count("tables")),
        grouped(count("profiles")),
        grouped(left as u64)
    )])
}

async fn document(subject: &Subject, context: &StatementContext) -> Result<Value> {
    let (mut tables, mut profiles) = (Map::new(), Map::new());
    for held in &subject.held {
        match held.of {
            SnapshotOf::Table => {
                if let Some(rows) = table(held, context)? {
                    tables.insert(held.object.name.clone(), rows);
                }
            }
            SnapshotOf::Profile => {
                if let Some(member) = profile(held, context).await? {
                    profiles.insert(held.object.name.clone(), member);
                }
            }
        }
    }
    let mut experiments = vec![];
    for (name, keys) in &subject.experiments {
        let call = format!("experiment_assignments({})", identifier(name));
        let query = parse_composed(&format!("SELECT * FROM {call}"), context.session())?;
        // An experiment that has not begun, or whose profile had no refresh by then, has no groups.
        let Ok(planned) = plan(&query, context).await else { continue };
        let key = planned.schema().field(0).name().clone();
        let found = rows(&format!("SELECT variant FROM {call} WHERE {} IN ({})", identifier(&key), list(keys)), context).await?;
        for row in as_json(&found)? {
            experiments.push(json!({"experiment": name, "variant": row.get("variant").cloned().unwrap_or(Value::Null)}));
        }
    }
    let elsewhere = subject.left.iter().map(|left| json!({"object": left.object, "state": left.state, "note": left.note}));
    Ok(json!({
        "subject": {"of": subject.label, "keys": subject.keys.values.iter().map(ToString::to_string).collect::<Vec<_>>()},
        "exported_at": format!("{} UTC", timestamp(context.now())),
        "profiles": profiles,
        "tables": tables,
        "experiments": experiments,
        "elsewhere": elsewhere.collect::<Vec<_>>(),
    }))
}

/// The current rows of a table, and those only in earlier snapshots.
fn table(held: &Held, context: &StatementContext) -> Result<Option<Value>> {
    let (catalog, name) = (context.catalog(), &held.object.name);
    let newest = context.view().snapshot(SnapshotOf::Table, name, When::Now)?;
    let is_now = |file: &str| newest.iter().flat_map(|newest| &newest.files).any(|(_, own)| own.name == file);
    let (mut now, mut earlier) = (vec![], vec![]);
    for (_, file) in catalog.files_of(held.of, name)? {
        let pin = catalog.data.pin(&file)?;
        let found = as_json(&rows_of(&pin, &held.rules)?)?;
        if is_now(&file.name) { now.extend(found) } else { earlier.extend(found) }
    }
    let mut only = vec![];
    for row in earlier {
        if !now.contains(&row) && !only.contains(&row) {
            only.push(row);
        }
    }
    let is_held = !now.is_empty() || !only.is_empty();
    Ok(is_held.then(|| json!({"rows": now, "rows_of_earlier_states": only})))
}

/// The data of a profile about a member.
async fn profile(held: &Held, context: &StatementContext) -> Result<Option<Value>> {
    let name = &held.object.name;
    let Some(newest) = context.view().snapshot(SnapshotOf::Profile, name, When::Now)? else { return Ok(None) };
    let Some(key) = newest.columns_of(ColumnRole::Key).next() else { return Ok(None) };
    let keys: Vec<ScalarValue> = held
        .rules
        .iter()
        .flat_map(|rule| match rule {
            Rule::Values { values, .. } => values.clone(),
            Rule::Before { .. } | Rule::Empties { .. } | Rule::Refers { .. } => vec![],
        })
        .collect();
    let (key, list) = (identifier(&key.name), list(&keys));
    let of = |end: &str| {
        let table = identifier(&format!("{name}{end}"));
        format!("SELECT * FROM profile.{table} WHERE {key} IN ({list})")
    };
    let member = as_json(&rows(&of(""), context).await?)?;
    let tags = as_json(&rows(&of("_tags"), context).await?)?;
    let history = as_json(&rows(&format!("{} ORDER BY valid_from, tag", of("_history")), context).await?)?;
    let (mut segments, objects) = (vec![], context.all_objects()?);
    // A segment that was dropped meanwhile has no table any more.
    let is_there = |segment: &str| objects.iter().any(|object| object.kind == "segment" && object.name == segment);
    for segment in newest.columns_of(ColumnRole::Segment).filter(|segment| is_there(&segment.name)) {
        let query = format!("SELECT since FROM segment.{} WHERE {key} IN ({list})", identifier(&segment.name));
        for row in as_json(&rows(&query, context).await?)? {
            segments.push(json!({"segment": segment.name, "since": row.get("since").cloned().unwrap_or(Value::Null)}));
        }
    }
    let mut earlier: Vec<Value> = vec![];
    for (part, file) in context.catalog().files_of(SnapshotOf::Profile, name)? {
        if part != Part::Rows || newest.files.iter().any(|(_, own)| own.name == file.name) {
            continue;
        }
        let pin = context.catalog().data.pin(&file)?;
        for row in as_json(&rows_of(&pin, &held.rules)?)? {
            let row = of_state(row);
            if earlier.last() != Some(&row) {
                earlier.push(row);
            }
        }
    }
    if member.is_empty() && history.is_empty() && earlier.is_empty() {
        return Ok(None);
    }
    Ok(Some(json!({
        "as_of": timestamp(newest.at),
        "rows": member,
        "tags": tags,
        "history": history,
        "segments": segments,
        "earlier_states": earlier,
    })))
}

/// A row of an earlier state, with the column names known to users.
fn of_state(row: Value) -> Value {
    let Value::Object(row) = row else { return row };
    let named = row.into_iter().map(|(name, value)| (name.strip_prefix("value:").unwrap_or(&name).to_string(), value));
    Value::Object(named.collect())
}

fn list(keys: &[ScalarValue]) -> String {
    let written = |key: &ScalarValue| match key.try_as_str() {
        Some(Some(text)) => literal(text),
        _ => key.to_string(),
    };
    keys.iter().map(written).collect::<Vec<_>>().join(", ")
}

async fn rows(query: &str, context: &StatementContext) -> Result<Vec<RecordBatch>> {
    let parsed = parse_composed(query, context.session())?;
    let planned = plan(&parsed, context).await?;
    DataFrame::new(context.state(), planned).collect().await
}

/// Rows as JSON.
fn as_json(rows: &[RecordBatch]) -> Result<Vec<Value>> {
    let mut all = vec![];
    for batch in rows.iter().filter(|batch| batch.num_rows() > 0) {
        let plain = plain_batch(batch, &plain_schema(&batch.schema()))?;
        let mut writer: Writer<Vec<u8>, JsonArray> = WriterBuilder::new().with_explicit_nulls(true).build(vec![]);
        writer.write(&plain)?;
        writer.finish()?;
        let read: Vec<Value> = serde_json::from_slice(&writer.into_inner()).map_err(|error| failed("EXPORT SUBJECT", error))?;
        all.extend(read);
    }
    Ok(all)
}
