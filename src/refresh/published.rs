//! What a profile publishes, as tables: `profile.<name>`, `profile.<name>_tags`, `profile.<name>_history` and `segment.<name>`, now
//! or as they were.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, Result};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};

use super::columns::{self as names, KEY, MOMENT};
use super::combine::null_of;
use super::history::history_schema;
use crate::catalog::data::DataFile;
use crate::catalog::objects::Object;
use crate::catalog::published::PublishedTable;
use crate::catalog::snapshots::{ColumnRole, Part, PublishedColumn, Snapshot, SnapshotOf, When};
use crate::catalog::view::View;
use crate::error::failed;
use crate::sql::time_travel::AT;
use crate::text::timestamp;

/// The end of the name of the table with everything that is kept of a profile, for the functions that explain and compare; no list has
/// it, and no name of a profile ends so.
pub const STATE: &str = ":state";

/// The ends of the names of a profile's tables.
pub const ENDS: [&str; 3] = ["", "_tags", "_history"];

/// Name and time of a table: `customer@1751327999999999`.
pub fn name_and_time(name: &str) -> (&str, When) {
    match name.rsplit_once(AT).map(|(name, time)| (name, time.parse())) {
        Some((name, Ok(time))) => (name, When::At(time)),
        _ => (name, When::Now),
    }
}

/// The rows of a snapshot as they are in its files.
pub fn state_table(view: &View, profile: &str, snapshot: &Snapshot) -> Result<PublishedTable> {
    table_of(view, profile, snapshot, &snapshot.part(Part::Rows), Some(KEY))
}

/// The rows of files of a snapshot's history.
pub fn history_table(view: &View, profile: &str, snapshot: &Snapshot, files: &[DataFile]) -> Result<PublishedTable> {
    table_of(view, profile, snapshot, files, None)
}

fn table_of(
    view: &View,
    profile: &str,
    snapshot: &Snapshot,
    files: &[DataFile],
    sorted_by: Option<&str>,
) -> Result<PublishedTable> {
    let pins = view.pin(snapshot, files)?;
    let Some(first) = pins.first() else {
        return Err(failed(profile, format!("snapshot {} lacks its files", snapshot.id)));
    };
    let schema = Arc::clone(&first.schema);
    PublishedTable::new(format!("{profile}, snapshot {}", snapshot.id), schema, pins, sorted_by)
}

/// What is published: of profiles, or of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishedSchema {
    Profiles,
    Segments,
}

/// The names of the tables of a schema.
///
/// # Errors
/// The catalog cannot be read.
pub fn table_names(view: &View, objects: &[Object], schema: PublishedSchema) -> Result<Vec<String>> {
    let kind = if schema == PublishedSchema::Profiles { "profile" } else { "segment" };
    let mut names = vec![];
    for object in objects.iter().filter(|object| object.kind == kind) {
        let Some(snapshot) = view.snapshot(SnapshotOf::Profile, &object.profile, When::Now)? else { continue };
        match schema {
            PublishedSchema::Profiles => names.extend(ENDS.iter().map(|end| format!("{}{end}", object.name))),
            PublishedSchema::Segments => {
                let is_there = snapshot.columns_of(ColumnRole::Segment).any(|column| column.name == object.name);
                names.extend(is_there.then(|| object.name.clone()));
            }
        }
    }
    Ok(names)
}

/// A table of a schema.
///
/// # Errors
/// It is not there, or its files are damaged.
pub fn table(view: &View, objects: &[Object], schema: PublishedSchema, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
    match schema {
        PublishedSchema::Profiles => profile_table(view, objects, name),
        PublishedSchema::Segments => segment_table(view, objects, name),
    }
}

/// A table of the schema `profile`.
fn profile_table(view: &View, objects: &[Object], table: &str) -> Result<Option<Arc<dyn TableProvider>>> {
    let (name, when) = name_and_time(table);
    let profiles = || objects.iter().filter(|object| object.kind == "profile");
    let found = ENDS.iter().rev().chain([&STATE]).find_map(|end| {
        let profile = name.strip_suffix(end)?;
        profiles().any(|object| object.name == profile).then_some((profile, *end))
    });
    let Some((profile, end)) = found else { return Ok(None) };
    let snapshot = seen(view, profile, when)?;
    let plan = match end {
        STATE => return Ok(Some(Arc::new(state_table(view, profile, &snapshot)?))),
        "_tags" => tags(view, profile, &snapshot)?,
        "_history" => history(view, profile, &snapshot)?,
        _ => rows(view, profile, &snapshot)?,
    };
    Ok(Some(Arc::new(ViewTable::new(plan, None))))
}

/// A table of the schema `segment`.
fn segment_table(view: &View, objects: &[Object], table: &str) -> Result<Option<Arc<dyn TableProvider>>> {
    let (name, when) = name_and_time(table);
    let found = objects.iter().find(|object| object.kind == "segment" && object.name == name);
    let Some(segment) = found else { return Ok(None) };
    let snapshot = seen(view, &segment.profile, when)?;
    if !snapshot.columns_of(ColumnRole::Segment).any(|column| column.name == name) {
        let problem = format!("was made after the refresh as of {}; REFRESH SEGMENT {name}", timestamp(snapshot.at));
        return Err(failed(&format!("segment {name}"), problem));
    }
    let state = scan(state_table(view, &segment.profile, &snapshot)?, &segment.profile)?;
    let since = column(&names::segment(name));
    let key = column(KEY).alias(key_name(&snapshot));
    let plan =
        LogicalPlanBuilder::from(state).filter(since.clone().is_not_null())?.project(vec![key, since.alias("since")])?.build()?;
    Ok(Some(Arc::new(ViewTable::new(plan, None))))
}

/// The snapshot a table is read from.
pub fn seen(view: &View, profile: &str, when: When) -> Result<Arc<Snapshot>> {
    let found = view.snapshot(SnapshotOf::Profile, profile, when)?;
    found.ok_or_else(|| {
        let problem = match when {
            When::At(time) => format!("has no snapshot as of {}; its first or oldest kept one is later", timestamp(time)),
            _ => format!("was not refreshed yet; REFRESH PROFILE {profile}"),
        };
        failed(&format!("profile {profile}"), problem)
    })
}

fn key_name(snapshot: &Snapshot) -> String {
    snapshot.columns_of(ColumnRole::Key).next().map_or_else(|| KEY.to_string(), |column| column.name.clone())
}

/// One row a customer: key, attributes, tags.
fn rows(view: &View, profile: &str, snapshot: &Snapshot) -> Result<LogicalPlan> {
    let state = scan(state_table(view, profile, snapshot)?, profile)?;
    let mut columns = vec![column(KEY).alias(key_name(snapshot))];
    for published in &snapshot.columns {
        if matches!(published.role, ColumnRole::Attribute | ColumnRole::Tag | ColumnRole::Tags) {
            columns.push(column(&names::value(&published.name)).alias(&published.name));
        }
    }
    LogicalPlanBuilder::from(state).project(columns)?.build()
}

/// One row a value: key, tag, value as text.
fn tags(view: &View, profile: &str, snapshot: &Snapshot) -> Result<LogicalPlan> {
    let state = state_table(view, profile, snapshot)?;
    let key_type = state.schema().field(0).data_type().clone();
    let state = scan(state, profile)?;
    let mut parts = vec![];
    for tag in tag_columns(snapshot) {
        parts.push(open_values(&state, snapshot, tag, false)?);
    }
    together(parts, || {
        let columns = vec![
            (key_name(snapshot), key_type.clone()),
            ("tag".into(), DataType::Utf8View),
            ("value".into(), DataType::Utf8View),
        ];
        nothing(columns)
    })
}

/// One row a value and time: key, tag, value, valid from, valid to, version of the tag.
fn history(view: &View, profile: &str, snapshot: &Snapshot) -> Result<LogicalPlan> {
    let state = state_table(view, profile, snapshot)?;
    let key_type = state.schema().field(0).data_type().clone();
    let state = scan(state, profile)?;
    let mut parts = vec![];
    let closed = snapshot.part(Part::History);
    if !closed.is_empty() {
        let closed = scan(history_table(view, profile, snapshot, &closed)?, profile)?;
        let mut columns = vec![column(KEY).alias(key_name(snapshot))];
        columns.extend(["tag", "value", "valid_from", "valid_to", "tag_version"].map(column));
        parts.push(LogicalPlanBuilder::from(closed).project(columns)?.build()?);
    }
    for tag in tag_columns(snapshot) {
        parts.push(open_values(&state, snapshot, tag, true)?);
    }
    together(parts, || {
        let schema = history_schema(&key_type);
        let mut columns: Vec<(String, DataType)> =
            schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect();
        columns[0].0 = key_name(snapshot);
        nothing(columns)
    })
}

fn tag_columns(snapshot: &Snapshot) -> impl Iterator<Item = &PublishedColumn> {
    snapshot.columns.iter().filter(|column| matches!(column.role, ColumnRole::Tag | ColumnRole::Tags))
}

/// The values that a tag has now.
fn open_values(state: &LogicalPlan, snapshot: &Snapshot, tag: &PublishedColumn, with_times: bool) -> Result<LogicalPlan> {
    let (value, since, version) = (names::value(&tag.name), names::since(&tag.name), names::version(&tag.name));
    let mut plan = LogicalPlanBuilder::from(state.clone()).filter(column(&value).is_not_null())?;
    let mut used = vec![column(KEY), column(&value)];
    if with_times {
        used.extend([column(&since), column(&version)]);
    }
    plan = plan.project(used)?;
    if tag.role == ColumnRole::Tags {
        let lists = if with_times { vec![value.clone(), since.clone(), version.clone()] } else { vec![value.clone()] };
        let lists = lists.into_iter().map(Column::new_unqualified).collect();
        plan = plan.unnest_columns_with_options(lists, Default::default())?;
    }
    let mut columns = vec![
        column(KEY).alias(key_name(snapshot)),
        cast(lit(tag.name.clone()), DataType::Utf8View).alias("tag"),
        cast(column(&value), DataType::Utf8View).alias("value"),
    ];
    if with_times {
        columns.push(column(&since).alias("valid_from"));
        columns.push(null_of(&MOMENT)?.alias("valid_to"));
        columns.push(column(&version).alias("tag_version"));
    }
    plan.project(columns)?.build()
}

/// All parts in one relation.
fn together(parts: Vec<LogicalPlan>, nothing: impl FnOnce() -> Result<LogicalPlan>) -> Result<LogicalPlan> {
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else { return nothing() };
    let all = parts.try_fold(LogicalPlanBuilder::from(first), LogicalPlanBuilder::union);
    all?.build()
}

fn nothing(columns: Vec<(String, DataType)>) -> Result<LogicalPlan> {
    use datafusion::arrow::datatypes::{Field, Schema};
    let fields: Vec<Field> = columns.into_iter().map(|(name, data_type)| Field::new(name, data_type, true)).collect();
    let table = EmptyTable::new(Arc::new(Schema::new(fields)));
    LogicalPlanBuilder::scan("nothing", provider_as_source(Arc::new(table)), None)?.build()
}

fn scan(table: PublishedTable, name: &str) -> Result<LogicalPlan> {
    LogicalPlanBuilder::scan(format!("{name}_state"), provider_as_source(Arc::new(table)), None)?.build()
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
