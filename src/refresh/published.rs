//! The tables that a profile publishes: `profile.<name>`, `profile.<name>_tags`, `profile.<name>_history` and `segment.<name>`, current or
//! as of an earlier time.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, Result, TableReference};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::{TableType, ViewTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::functions::expr_fn::arrow_cast;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use datafusion::physical_plan::ExecutionPlan;

pub use super::columns::KEY;
use super::columns::{self as names, MOMENT};
use super::combine::null_of;
use super::definition::ProfileDefinition;
use super::history::history_schema;
use crate::catalog::data::DataFile;
use crate::catalog::objects::Object;
use crate::catalog::published::PublishedTable;
use crate::catalog::snapshots::{ColumnRole, Part, PublishedColumn, Snapshot, SnapshotOf, When};
use crate::catalog::view::View;
use crate::error::{SqlState, coded, failed, invalid};
use crate::sql::time_travel::AT;
use crate::statement::StatementContext;
use crate::text::{sql_type, timestamp, written_name};

/// The suffix of the table with the whole stored state of a profile, for functions that explain and compare. It is listed nowhere, and no
/// profile name can end in it.
pub const STATE: &str = ":state";

/// The suffix that scans of a profile's state have in plans.
pub const STATE_OF: &str = "_state";

/// The suffixes of a profile's tables.
pub const ENDS: [&str; 3] = ["", "_tags", "_history"];

/// Splits a table name such as `customer@1751327999999999` into name and time.
pub fn name_and_time(name: &str) -> (&str, When) {
    match name.rsplit_once(AT).map(|(name, time)| (name, time.parse())) {
        Some((name, Ok(time))) => (name, When::At(time)),
        _ => (name, When::Now),
    }
}

/// The rows of a snapshot, as stored in its files.
pub fn state_table(view: &View, profile: &str, snapshot: &Snapshot) -> Result<PublishedTable> {
    table_of(view, profile, snapshot, &snapshot.part(Part::Rows), Some(KEY))
}

/// The rows of the given history files of a snapshot.
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
    PublishedTable::new((profile, snapshot.id), schema, pins, sorted_by)
}

/// Which schema: that of profiles, or that of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishedSchema {
    Profiles,
    Segments,
}

/// The names of the tables in a schema.
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

/// What a table name in one of these schemas refers to.
#[derive(Debug, Clone)]
pub struct Named {
    pub profile: String,
    what: What,
    pub when: When,
}

/// A table of a profile.
#[derive(Debug, Clone)]
enum What {
    /// The whole stored state.
    State,
    Rows,
    Tags,
    History,
    Segment(String),
}

/// Resolves a table name in a schema; `None` when there is no such object.
pub fn named(objects: &[Object], schema: PublishedSchema, table: &str) -> Option<Named> {
    let (name, when) = name_and_time(table);
    if schema == PublishedSchema::Segments {
        let segment = objects.iter().find(|object| object.kind == "segment" && object.name == name)?;
        return Some(Named { profile: segment.profile.clone(), what: What::Segment(name.to_string()), when });
    }
    let profiles = || objects.iter().filter(|object| object.kind == "profile");
    let (profile, end) = ENDS.iter().rev().chain([&STATE]).find_map(|end| {
        let profile = name.strip_suffix(end)?;
        profiles().any(|object| object.name == profile).then_some((profile, *end))
    })?;
    let what = match end {
        STATE => What::State,
        "_tags" => What::Tags,
        "_history" => What::History,
        _ => What::Rows,
    };
    Some(Named { profile: profile.to_string(), what, when })
}

impl Named {
    /// The segment, for the table of one.
    pub fn segment(&self) -> Option<&str> {
        match &self.what {
            What::Segment(name) => Some(name),
            _ => None,
        }
    }

    /// True for a segment that the newest snapshot does not have yet.
    pub fn is_missing_in(&self, snapshot: &Snapshot) -> bool {
        let What::Segment(name) = &self.what else { return false };
        self.when == When::Now && !snapshot.columns_of(ColumnRole::Segment).any(|column| column.name == *name)
    }
}

/// The state of a profile: the published one, or the one that the definition would publish.
pub struct State {
    profile: String,
    /// The snapshot that it is read from.
    pub snapshot: Option<i64>,
    columns: Vec<PublishedColumn>,
    rows: Arc<dyn TableProvider>,
    /// The closed values.
    closed: Option<Arc<dyn TableProvider>>,
    /// Why there are no rows yet.
    missing: Option<Arc<DataFusionError>>,
}

impl State {
    /// Reads the published state.
    ///
    /// # Errors
    /// Nothing was published at that time, or its files are damaged.
    pub fn published(view: &View, named: &Named) -> Result<Self> {
        let profile = &named.profile;
        let snapshot = seen(view, profile, named.when)?;
        let files = snapshot.part(Part::History);
        // Only the history table reads the history files.
        let closed = match named.what {
            What::History if !files.is_empty() => Some(Arc::new(history_table(view, profile, &snapshot, &files)?) as _),
            _ => None,
        };
        let state = Self {
            profile: profile.clone(),
            snapshot: Some(snapshot.id),
            columns: snapshot.columns.clone(),
            rows: Arc::new(state_table(view, profile, &snapshot)?),
            closed,
            missing: None,
        };
        match &named.what {
            What::Segment(name) if !state.has_segment(name) => {
                let problem = match named.when {
                    When::Now => {
                        format!("was created after the refresh as of {}; REFRESH SEGMENT {name}", timestamp(snapshot.at))
                    }
                    // REFRESH SEGMENT computes no members of an earlier time.
                    When::At(_) | When::Before(_) => format!(
                        "was created after the refresh as of {}; repeat the refreshes from then on with REFRESH PROFILE {profile} WITH (as_of = …, rewind = true)",
                        timestamp(snapshot.at)
                    ),
                };
                Err(coded(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, &format!("segment {name}"), problem))
            }
            _ => Ok(state),
        }
    }

    /// The state that would be published, without rows: reading it gives the error `missing`.
    pub fn unpublished(profile: &str, columns: Vec<PublishedColumn>, schema: SchemaRef, missing: Arc<DataFusionError>) -> Self {
        let rows = Arc::new(Unpublished { profile: profile.to_string(), schema, missing: Arc::clone(&missing) });
        Self { profile: profile.to_string(), snapshot: None, columns, rows, closed: None, missing: Some(missing) }
    }

    /// The current rows, and the rows of closed values.
    pub fn parts(&self) -> (Arc<dyn TableProvider>, Option<Arc<dyn TableProvider>>) {
        (Arc::clone(&self.rows), self.closed.clone())
    }

    /// The same state with other rows of the same columns.
    pub fn with_parts(self, rows: Arc<dyn TableProvider>, closed: Option<Arc<dyn TableProvider>>) -> Self {
        Self { rows, closed, ..self }
    }

    /// The stored columns of the key, attributes and tags, each with the name users know it by.
    pub fn known_columns(&self) -> Vec<(String, String)> {
        let mut known = vec![(KEY.to_string(), self.key_name())];
        let valued =
            |column: &&PublishedColumn| matches!(column.role, ColumnRole::Attribute | ColumnRole::Tag | ColumnRole::Tags);
        known.extend(self.columns.iter().filter(valued).map(|column| (names::value(&column.name), column.name.clone())));
        known
    }

    fn has_segment(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.role == ColumnRole::Segment && column.name == name)
    }

    /// The table that a name refers to.
    ///
    /// # Errors
    /// The segment is not part of it.
    pub fn table(&self, named: &Named) -> Result<Arc<dyn TableProvider>> {
        let plan = match &named.what {
            What::State => return Ok(Arc::clone(&self.rows)),
            What::Tags => self.tags()?,
            What::History => self.history()?,
            What::Rows => self.one_row_per_customer()?,
            What::Segment(name) => self.members(name)?,
        };
        Ok(Arc::new(ViewTable::new(plan, None)))
    }

    fn scan(&self) -> Result<LogicalPlan> {
        scan(Arc::clone(&self.rows), &self.profile)
    }

    fn key_name(&self) -> String {
        let key = self.columns.iter().find(|column| column.role == ColumnRole::Key);
        key.map_or_else(|| KEY.to_string(), |column| column.name.clone())
    }

    fn key_type(&self) -> DataType {
        self.rows.schema().field(0).data_type().clone()
    }

    /// The members of a segment, with the time since when they are in it.
    fn members(&self, segment: &str) -> Result<LogicalPlan> {
        let since = column(&names::segment(segment));
        let key = column(KEY).alias(self.key_name());
        let plan = LogicalPlanBuilder::from(self.scan()?).filter(since.clone().is_not_null())?;
        plan.project(vec![key, since.alias("since")])?.build()
    }

    /// One row per customer: key, attributes, tags.
    fn one_row_per_customer(&self) -> Result<LogicalPlan> {
        let mut columns = vec![column(KEY).alias(self.key_name())];
        for published in &self.columns {
            if matches!(published.role, ColumnRole::Attribute | ColumnRole::Tag | ColumnRole::Tags) {
                columns.push(column(&names::value(&published.name)).alias(&published.name));
            }
        }
        LogicalPlanBuilder::from(self.scan()?).project(columns)?.build()
    }

    /// One row per value: key, tag, value as text.
    fn tags(&self) -> Result<LogicalPlan> {
        let state = self.scan()?;
        let parts = self.tag_columns().map(|tag| self.open_values(&state, tag, false)).collect::<Result<_>>()?;
        together(parts, || {
            let columns = vec![
                (self.key_name(), self.key_type()),
                ("tag".into(), DataType::Utf8View),
                ("value".into(), DataType::Utf8View),
            ];
            self.nothing(columns)
        })
    }

    /// One row per value and period: key, tag, value, valid_from, valid_to, tag version.
    fn history(&self) -> Result<LogicalPlan> {
        let state = self.scan()?;
        let mut parts = vec![];
        if let Some(closed) = &self.closed {
            let closed = scan(Arc::clone(closed), &self.profile)?;
            let mut columns = vec![column(KEY).alias(self.key_name())];
            columns.extend(["tag", "value", "valid_from", "valid_to", "tag_version"].map(column));
            parts.push(LogicalPlanBuilder::from(closed).project(columns)?.build()?);
        }
        for column in self.columns.iter().filter(|column| column.has_history()) {
            parts.push(self.open_values(&state, column, true)?);
        }
        together(parts, || {
            let schema = history_schema(&self.key_type());
            let mut columns: Vec<(String, DataType)> =
                schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect();
            columns[0].0 = self.key_name();
            self.nothing(columns)
        })
    }

    /// No rows, for a profile without tags; before its first refresh, the error that says so.
    fn nothing(&self, columns: Vec<(String, DataType)>) -> Result<LogicalPlan> {
        let fields: Vec<Field> = columns.into_iter().map(|(name, data_type)| Field::new(name, data_type, true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let table: Arc<dyn TableProvider> = match &self.missing {
            Some(missing) => Arc::new(Unpublished { profile: self.profile.clone(), schema, missing: Arc::clone(missing) }),
            None => Arc::new(EmptyTable::new(schema)),
        };
        LogicalPlanBuilder::scan("nothing", provider_as_source(table), None)?.build()
    }

    fn tag_columns(&self) -> impl Iterator<Item = &PublishedColumn> {
        self.columns.iter().filter(|column| matches!(column.role, ColumnRole::Tag | ColumnRole::Tags))
    }

    /// The current values of a tag.
    fn open_values(&self, state: &LogicalPlan, tag: &PublishedColumn, with_times: bool) -> Result<LogicalPlan> {
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
        let text = match plan.schema().field_with_unqualified_name(&value)?.data_type() {
            // In ISO 8601, like the closed values: SQL's cast writes a space where ISO has a T.
            DataType::Timestamp(..) => arrow_cast(column(&value), lit("Utf8View")),
            _ => cast(column(&value), DataType::Utf8View),
        };
        let mut columns = vec![
            column(KEY).alias(self.key_name()),
            cast(lit(tag.name.clone()), DataType::Utf8View).alias("tag"),
            text.alias("value"),
        ];
        if with_times {
            columns.push(column(&since).alias("valid_from"));
            columns.push(null_of(&MOMENT)?.alias("valid_to"));
            columns.push(column(&version).alias("tag_version"));
        }
        plan.project(columns)?.build()
    }
}

/// Rows that have not been computed yet. The columns are known, so views and definitions over them can be planned.
#[derive(Debug)]
pub struct Unpublished {
    pub profile: String,
    schema: SchemaRef,
    missing: Arc<DataFusionError>,
}

#[async_trait]
impl TableProvider for Unpublished {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        _projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Err(DataFusionError::Shared(Arc::clone(&self.missing)))
    }
}

/// The snapshot that a table is read from.
pub fn seen(view: &View, profile: &str, when: When) -> Result<Arc<Snapshot>> {
    if let Some(found) = view.snapshot(SnapshotOf::Profile, profile, when)? {
        return Ok(found);
    }
    let problem = match (when, view.catalog().oldest_time(SnapshotOf::Profile, profile)?) {
        (When::At(time), Some(oldest)) => {
            format!(
                "has no snapshot as of {}; the oldest that is kept is as of {}; system.runs lists its refreshes",
                timestamp(time),
                timestamp(oldest)
            )
        }
        _ => format!("has not been refreshed yet; REFRESH PROFILE {profile}"),
    };
    Err(coded(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, &format!("profile {profile}"), problem))
}

/// Compares the key of a definition with the key of what is published, which the next refresh goes on from. Returns a note when it is
/// another column.
///
/// # Errors
/// The key has another type: neither values nor the history could go on.
pub fn compare_keys(definition: &ProfileDefinition, key_type: &DataType, context: &StatementContext) -> Result<Option<String>> {
    let (profile, key) = (definition.name(), &definition.body.key);
    let Some(newest) = context.catalog().snapshot(SnapshotOf::Profile, profile, When::Now)? else { return Ok(None) };
    let Some(before) = newest.columns_of(ColumnRole::Key).next() else { return Ok(None) };
    let before = &before.name;
    // Files that cannot be read are reported where their rows are needed.
    let Ok(rows) = state_table(context.view(), profile, &newest) else { return Ok(None) };
    let schema = rows.schema();
    let type_before = schema.field(0).data_type();
    // All integers are stored as BIGINT, all strings as VARCHAR.
    if type_before.is_string() != key_type.is_string() {
        let (now, then, written) = (sql_type(key_type), sql_type(type_before), written_name(key));
        let problem = format!(
            "its key {key} is {now}, but the published data have the key {before}, {then}, and the history cannot continue with another type; write CAST({written} AS {then}) AS {written}, or DROP PROFILE {profile} and create it again"
        );
        return Err(invalid(&format!("profile {profile}"), problem));
    }
    Ok((before != key).then(|| {
        format!(
            "profile {profile}: the key was {before} and is now {key}; in the history, equal keys are the same customer. If they are not, DROP PROFILE {profile} and create it again"
        )
    }))
}

/// The union of all parts.
fn together(parts: Vec<LogicalPlan>, nothing: impl FnOnce() -> Result<LogicalPlan>) -> Result<LogicalPlan> {
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else { return nothing() };
    let all = parts.try_fold(LogicalPlanBuilder::from(first), LogicalPlanBuilder::union);
    all?.build()
}

fn scan(table: Arc<dyn TableProvider>, name: &str) -> Result<LogicalPlan> {
    LogicalPlanBuilder::scan(TableReference::bare(key_of_state(name).0), provider_as_source(table), None)?.build()
}

/// The table and column names that the key of a profile has in plans over its published state.
pub fn key_of_state(profile: &str) -> (String, String) {
    (format!("{profile}{STATE_OF}"), KEY.to_string())
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
