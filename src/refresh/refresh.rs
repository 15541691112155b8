//! A refresh: one plan over all sources, one pass over its rows, one commit.
//!
//! ```text
//! Projection: derived tags, segments
//!   AlignByKey
//!     the profile's own query and the tags that share its rows   one scan
//!     tags over the same source together                         one scan and one aggregation per source
//!     tags kept from the previous refresh (TAGS (…))
//!     the previous state, sorted by key
//! ```
//! The rows go to a file of the new state, and closed values to a file of the history. When both are on disk, one catalog transaction
//! publishes them. Until then readers see the previous state, and a refresh that is killed or fails leaves it unchanged.
//!
//! **Why a file with the whole state**, although it could be derived from the history: most readers want all of the current state. The next
//! refresh compares with it in the order of keys, without sorting. And a snapshot of an earlier day is simply a file that still exists.
//! **Why a history as well**: snapshots are removed after a while, and closed values must not be.
//!
//! The rows of one customer depend on its sources alone, and the previous state is an input like any other. So a refresh of only the
//! customers that changed would be this plan over fewer rows of each source, keeping the others.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use fail::fail_point;
use futures::StreamExt;
use futures::future::BoxFuture;

use super::columns::KEY;
use super::decompose::over_own_row;
use super::definition::ProfileDefinition;
use super::domain::Asked;
use super::earlier::Earlier;
use super::history::{history_schema, history_so_far};
use super::inputs::{Inputs, published_customers};
use super::levels::{Computation, DerivedTag, levels};
use super::notes::Done;
use super::plan::{Computed, Planned, PlannedSegment, PlannedTag, Planner, own_table};
use super::published::{compare_keys, state_table};
use super::recorder::{AttributeToRecord, Counted, Recorder, TagToRecord};
use super::selection::Selection;
use super::stages::{Between, Stages};
use crate::catalog::Catalog;
use crate::catalog::data::{Pinned, Written};
use crate::catalog::objects::Object;
use crate::catalog::output::Output;
use crate::catalog::published::unpublished;
use crate::catalog::runs::{OpenRun, REFRESH, now};
use crate::catalog::snapshots::{ColumnRole, NewSnapshot, Part, Refreshed, Snapshot, SnapshotOf, When};
use crate::catalog::stored_classes::{ColumnClasses, UNKNOWN};
use crate::error::{invalid, message, without_values};
use crate::statement::{RunningPlan, StatementContext};

/// The request for a refresh.
#[derive(Debug, Clone)]
pub struct RefreshRequest {
    pub profile: String,
    /// Only these tags and the tags that need them; all tags when `None`.
    pub tags: Option<Vec<String>>,
    /// The segment to refresh, when the request is for one: no tag is computed then.
    pub segment: Option<String>,
    pub as_of: AsOf,
    /// Whether the time may be earlier than the last refresh; later snapshots are then withdrawn.
    pub rewind: bool,
}

/// The time a refresh is as of.
#[derive(Debug, Clone, Copy)]
pub enum AsOf {
    /// Microseconds since 1970.
    At(i64),
    /// The time when the refresh begins, after waiting for the profile's lock.
    Now,
    /// The time of the newest snapshot, or `Now` when there is none.
    LastRefresh,
}

/// Reads the definition of a profile, as the statement sees it.
pub type ReadDefinition = dyn Fn(&str, &StatementContext) -> Result<ProfileDefinition> + Send + Sync;

/// Finds the classes of a profile's columns, even of those that have none.
pub type FindClasses =
    dyn for<'a> Fn(&'a Object, &'a Computed, &'a StatementContext) -> BoxFuture<'a, Result<ColumnClasses>> + Send + Sync;

/// Refreshes a profile.
///
/// # Errors
/// A definition or the rows it gives are wrong; nothing is published then.
pub async fn refresh(
    context: &StatementContext,
    read: &ReadDefinition,
    find: &FindClasses,
    request: RefreshRequest,
    running: &RunningPlan,
) -> Result<Vec<String>> {
    let catalog = context.catalog();
    // Only this profile is locked: the rest of the database can be written meanwhile.
    let _lock = catalog.lock(SnapshotOf::Profile, &request.profile, "REFRESH", context.session().config_options()).await?;
    let began = std::time::Instant::now();
    // Renewed only after the lock is held: another process may have published while this one waited; from here on none can.
    let context = &context.renewed();
    let refresh = Refresh::new(context, read, &request)?;
    let ending = context.clone();
    let run = OpenRun::begin(catalog, REFRESH, &request.profile, refresh.as_of)?
        .given_up_for(move || ending.overdue().map_or_else(String::new, |error| message(&error)));
    match Box::pin(refresh.run(&run, find, running)).await {
        Ok(done) => {
            run.succeeded();
            let mut notes = vec![done.summary(&refresh, began.elapsed())];
            notes.extend(done.notes.iter().cloned());
            notes.extend(refresh.notes_on_empty_segments(&done).await);
            if matches!(request.as_of, AsOf::Now) && refresh.as_of > now() {
                notes.push(format!(
                    "profile {} was last refreshed as of a time later than this machine's clock, so this refresh is as of the same time; check the clock, or withdraw that refresh with WITH (as_of = …, rewind = true)",
                    request.profile
                ));
            }
            // The refresh is published at this point, so a failed cleanup is a note rather than an error.
            if let Err(error) = catalog.collect() {
                notes.push(format!("files of older snapshots stay until the next refresh: {}", message(&error)));
            }
            Ok(notes)
        }
        Err(error) => {
            let error = refresh.named(error).await;
            run.failed(&without_values(&error, &refresh.labels()));
            Err(error)
        }
    }
}

/// The plans of a refresh, one per stage, for EXPLAIN; nothing runs.
pub async fn explain(context: &StatementContext, read: &ReadDefinition, request: &RefreshRequest) -> Result<Vec<LogicalPlan>> {
    let refresh = Refresh::new(context, read, request)?;
    let Prepared { inputs, stages, .. } = refresh.prepare().await?;
    let mut plans = Plans(vec![]);
    let last = stages.plan(inputs, &mut plans).await?;
    plans.0.push(last);
    Ok(plans.0)
}

/// Collects the plans that would be written, for EXPLAIN.
struct Plans(Vec<LogicalPlan>);

impl Between for Plans {
    fn write<'a>(&'a mut self, plan: LogicalPlan) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>> {
        Box::pin(async move {
            // An empty table stands in for the file.
            let so_far = EmptyTable::new(Arc::clone(plan.schema().inner()));
            self.0.push(plan);
            Ok(Arc::new(so_far) as _)
        })
    }
}

/// A refresh of one profile as of one time.
pub struct Refresh<'a> {
    pub context: &'a StatementContext,
    pub catalog: &'a Arc<Catalog>,
    pub definition: ProfileDefinition,
    pub request: &'a RefreshRequest,
    /// Microseconds since 1970.
    pub as_of: i64,
}

/// The intermediate files that later tags are computed from. Each holds everything computed so far, so only the newest is read; it is
/// deleted when the next one replaces it.
pub struct FilesBetween<'a> {
    pub refresh: &'a Refresh<'a>,
    pub running: &'a RunningPlan,
    pub newest: Option<Written>,
}

impl Between for FilesBetween<'_> {
    fn write<'a>(&'a mut self, plan: LogicalPlan) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>> {
        Box::pin(async move {
            let frame = DataFrame::new(self.refresh.context.state(), plan);
            let task = Arc::new(frame.task_ctx());
            let plan = frame.create_physical_plan().await?;
            self.running.set(&plan);
            let memory = MemoryConsumer::new("refresh").register(task.memory_pool());
            let schema = plan.schema();
            let mut output = Output::new(self.refresh.catalog, &schema, Some(0), &memory)?;
            let mut stream = execute_stream(plan, task)?;
            while let Some(batch) = stream.next().await {
                output.write(&batch?)?;
            }
            drop(stream);
            let written = output.finish()?;
            let table = unpublished(&written.file.name, &schema, KEY, self.refresh.catalog.is_encrypted())?;
            self.newest = Some(written);
            Ok(table)
        })
    }
}

/// A refresh planned up to the rows from which derived tags are computed.
pub struct Prepared {
    pub inputs: LogicalPlan,
    pub stages: Stages,
    recorder: Recorder,
    computed: Computed,
    /// The tags that keep their values.
    kept: Vec<TagToRecord>,
    snapshots: Earlier,
    /// The files of earlier snapshots that are read, locked against deletion.
    pins: Vec<Arc<Pinned>>,
    /// For each segment, the values that its condition asks for.
    asked: Vec<Vec<Asked>>,
    /// Tags of `rfm` with `lookback`.
    looking_back: Vec<String>,
    notes: Vec<String>,
}

impl<'a> Refresh<'a> {
    fn new(context: &'a StatementContext, read: &ReadDefinition, request: &'a RefreshRequest) -> Result<Self> {
        let (catalog, definition) = (context.catalog(), read(&request.profile, context)?);
        let as_of = match request.as_of {
            AsOf::At(time) => time,
            AsOf::Now | AsOf::LastRefresh => {
                let newest = catalog.snapshot(SnapshotOf::Profile, &request.profile, When::Now)?;
                let last = newest.map(|newest| newest.at);
                match request.as_of {
                    // When the last refresh lies in the future (the clock was set back, or it was as of the end of today), its time is used
                    // again: a profile's time never goes back by itself, and a schedule must not fail because of this.
                    AsOf::Now => last.map_or_else(now, |last| last.max(now())),
                    _ => last.unwrap_or_else(now),
                }
            }
        };
        Ok(Self { context, catalog, definition, request, as_of })
    }

    async fn run(&self, run: &OpenRun, find: &FindClasses, running: &RunningPlan) -> Result<Done> {
        self.catalog.collect()?;
        let Prepared {
            inputs,
            stages,
            mut recorder,
            computed,
            kept: kept_tags,
            snapshots: Earlier { newest, base, known },
            pins,
            asked,
            looking_back,
            mut notes,
        } = self.prepare().await?;
        let mut files = FilesBetween { refresh: self, running, newest: None };
        let plan = stages.plan(inputs, &mut files).await?;
        let frame = DataFrame::new(self.context.state(), plan);
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        let schema = recorder.schema(&plan.schema())?;
        running.set(&plan);
        let memory = MemoryConsumer::new("refresh").register(task.memory_pool());
        let mut rows = Output::new(self.catalog, &schema, Some(0), &memory)?;
        let history_schema = history_schema(schema.field(0).data_type());
        let (mut history, kept) = match &base {
            Some(base) => history_so_far(self.catalog, base, &history_schema, &memory).await?,
            None => (None, vec![]),
        };
        let mut stream = execute_stream(plan, task)?;
        while let Some(batch) = stream.next().await {
            let recorded = recorder.record(&batch?, &schema)?;
            rows.write(&recorded.rows)?;
            for closed in recorded.closed {
                let output = match &mut history {
                    Some(output) => output,
                    None => history.insert(Output::new(self.catalog, &history_schema, None, &memory)?),
                };
                output.write(&closed)?;
            }
        }
        drop(stream);
        drop(files);
        fail_point!("refresh::written", |_| std::process::abort());
        let mut written = vec![(Part::Rows, rows.finish()?)];
        if let Some(history) = history {
            written.push((Part::History, history.finish()?));
        }
        fail_point!("refresh::finished", |_| std::process::abort());
        self.catalog.data.sync()?;
        fail_point!("refresh::synced", |_| std::process::abort());
        let columns = recorder.columns();
        // As late as possible: a class may have been set meanwhile.
        let (own, computed) = (&self.definition.own.object, &computed);
        let found = |context: StatementContext| async move { find(own, computed, &context).await };
        let mut classes = self.context.settled(found).await?;
        self.add_kept_classes(&kept_tags, known.as_ref(), &mut classes)?;
        let new = NewSnapshot {
            of: SnapshotOf::Profile,
            name: &self.request.profile,
            at: self.as_of,
            rows: recorder.counted.rows,
            expected: newest.map(|newest| newest.id),
            columns: columns.clone(),
            new: written.iter().map(|(part, written)| (*part, written.file.clone())).collect(),
            kept,
            keep: self.definition.body.keep_snapshots,
        };
        let published = self.catalog.publish(&new, Some(&Refreshed { run: run.id, changes: recorder.counted.changes, classes }));
        fail_point!("refresh::published", |_| std::process::abort());
        // Keep the files: after a disk error the commit may or may not have happened, so the catalog may name them. If it does not, they
        // are garbage-collected.
        written.into_iter().for_each(|(_, written)| written.let_go());
        published?;
        // The plan stays alive for its progress metrics, but the files it has read may be deleted now.
        pins.iter().for_each(|pin| pin.release());
        for column in columns.iter().filter(|column| column.computed_at == self.as_of && looking_back.contains(&column.name)) {
            let (all, name, without) = (recorder.counted.rows, &column.name, recorder.counted.rows - column.filled);
            if without > 0 {
                notes.push(format!(
                    "tag {name}: {without} of {all} customers have no value, because rfm with lookback returns no row for customers without an order in that time"
                ));
            }
        }
        let members = columns.into_iter().filter(|column| column.role == ColumnRole::Segment);
        let segments = members.zip(asked).map(|(column, asked)| (column.name, column.filled, asked)).collect();
        Ok(Done { counted: recorder.counted, segments, notes })
    }

    /// Adds the classes of tags that keep their values, which may have been computed by another definition.
    fn add_kept_classes(&self, kept: &[TagToRecord], known: Option<&Snapshot>, classes: &mut ColumnClasses) -> Result<()> {
        let Some(known) = known.filter(|_| !kept.is_empty()) else { return Ok(()) };
        let mut stored = self.catalog.stored_classes(self.definition.own.object.id)?;
        stored.retain(|stored| stored.until >= known.id);
        for tag in kept {
            let mut of_tag =
                stored.iter().filter(|stored| stored.column == tag.name).map(|stored| stored.class.clone()).peekable();
            let is_defined_anew =
                self.definition.tags.iter().any(|(own, _)| own.object.name == tag.name && own.object.version != tag.version);
            let own = classes.entry(tag.name.clone()).or_default();
            own.extend((is_defined_anew && of_tag.peek().is_none()).then(|| UNKNOWN.to_string()));
            own.extend(of_tag.filter(|class| !class.is_empty()));
        }
        Ok(())
    }

    pub async fn plan(&self) -> Result<Planned> {
        let plan = |context: StatementContext| async move {
            Planner { context: &context, as_of: self.as_of }.plan(&self.definition).await
        };
        self.context.settled(plan).await
    }

    /// Plans everything up to the rows from which derived tags are computed.
    pub async fn prepare(&self) -> Result<Prepared> {
        let (profile, key) = (self.definition.name(), &self.definition.body.key);
        let planned = self.plan().await?;
        let computed = planned.computed();
        let Planned { key_type, profile: own, attributes, tags, segments, missing, sources, .. } = planned;
        if let Some((column, suggestion)) = missing.first() {
            let problem = format!("time_columns names {column}, and there is no such table{suggestion}; SHOW TABLES lists them");
            return Err(invalid(&format!("profile {profile}"), problem));
        }
        // The type may have changed since the definition was made, in a file that is read where it is.
        compare_keys(&self.definition, &key_type, self.context)?;
        let looking_back: Vec<String> = tags.iter().filter(|tag| tag.looks_back).map(|tag| tag.name.clone()).collect();
        let snapshots = Earlier::of(self)?;
        let published = match (&snapshots.known, &self.request.tags) {
            (Some(known), Some(_)) => Some(state_table(self.context.view(), profile, known)?.schema()),
            _ => None,
        };
        let (asked, known) = (self.request.tags.as_deref(), snapshots.known.as_ref());
        let selection = Selection::of(profile, tags, asked, known, published.as_deref())?;
        let recorded = self.recorded(&selection);
        let (derived, of_sources): (Vec<_>, Vec<_>) = selection.computed.into_iter().partition(|tag| tag.needs.is_some());

        let (history, version) = (&self.definition.body.history, self.definition.own.object.version);
        let kept_attributes: Vec<AttributeToRecord> = attributes
            .iter()
            .map(|field| AttributeToRecord {
                name: field.name().clone(),
                version: if history.contains(field.name()) { version } else { 0 },
            })
            .collect();
        // A segment alone is of the customers that are published: what the sources have now is a matter of a later refresh.
        let published = match (&self.request.segment, &snapshots.known) {
            (Some(_), Some(known)) => published_customers(self.context.view(), profile, known, &attributes)?,
            _ => None,
        };
        let (own, pins) = published.unwrap_or((own, vec![]));
        let mut inputs = Inputs::of_sources(self.context.view(), profile, own, &attributes, &of_sources, &key_type)?;
        inputs.pins.extend(pins);
        if let Some(known) = snapshots.known.as_ref().filter(|_| !selection.kept.is_empty()) {
            inputs.add_kept(known, &selection.kept)?;
        }
        let dropped = match &snapshots.base {
            Some(base) => {
                let attributes = kept_attributes.iter().filter_map(|attribute| attribute.with_history(self.as_of));
                let with_history: Vec<TagToRecord> = attributes.chain(recorded.iter().cloned()).collect();
                inputs.add_state_before(base, &with_history)?
            }
            None => vec![],
        };
        let (inputs, pins) = inputs.aligned(key)?;
        let recorder = Recorder {
            profile: profile.into(),
            key: key.clone(),
            as_of: self.as_of,
            attributes: kept_attributes,
            tags: recorded,
            dropped,
            segments: segments.iter().map(|segment| (segment.name.clone(), segment.version)).collect(),
            counted: Counted::default(),
        };
        let mut notes: Vec<String> = self.note_on_clock(&sources, snapshots.known.as_ref()).await?.into_iter().collect();
        notes.extend(self.notes_on_missing_times().await);
        notes.extend(sources.notes_on_unread(&self.definition));
        // Nothing is later than now: without time columns, and unless the refresh is of a given time, these notes were given when the tags
        // were created.
        if !self.definition.body.time_columns.is_empty() || matches!(self.request.as_of, AsOf::At(_)) {
            notes.extend(sources.notes(profile, None));
        }
        if matches!(self.request.as_of, AsOf::At(_)) {
            notes.extend(sources.notes_on_clocks(None));
        }
        let asked = segments.iter().map(|segment| segment.asked.clone()).collect();
        let stages = self.stages(derived, segments, key_type)?;
        Ok(Prepared { inputs, stages, recorder, computed, kept: selection.kept, snapshots, pins, asked, looking_back, notes })
    }

    /// The labels of the profile and its parts, as errors name them.
    fn labels(&self) -> Vec<String> {
        let ProfileDefinition { own, tags, segments, .. } = &self.definition;
        let parts = tags.iter().map(|(tag, _)| tag).chain(segments.iter().map(|(segment, _)| segment));
        std::iter::once(own).chain(parts).map(|part| part.object.label()).collect()
    }

    /// All tags, computed or kept, in the order of creation, which is the order of the columns.
    fn recorded(&self, selection: &Selection) -> Vec<TagToRecord> {
        let computed = selection.computed.iter().map(|tag| TagToRecord {
            name: tag.name.clone(),
            version: tag.version,
            multiple: tag.multiple,
            computed_at: self.as_of,
        });
        let mut recorded: Vec<TagToRecord> = computed.chain(selection.kept.iter().cloned()).collect();
        recorded.sort_by_key(|tag| self.definition.tags.iter().position(|(own, _)| own.object.name == tag.name));
        recorded
    }

    /// The derived tags and segments, which are computed over the profile itself.
    fn stages(&self, derived: Vec<PlannedTag>, segments: Vec<PlannedSegment>, key_type: DataType) -> Result<Stages> {
        let (profile, key) = (self.definition.name(), &self.definition.body.key);
        let own = own_table(profile);
        let derived = derived.into_iter().map(|tag| {
            let computation = match over_own_row(&tag.plan, &own, key)? {
                Some(expression) => Computation::OfOwnRow(expression),
                None => Computation::OfAllRows(tag.plan),
            };
            Ok(DerivedTag { name: tag.name, multiple: tag.multiple, needs: tag.needs.unwrap_or_default(), computation })
        });
        let derived = derived.collect::<Result<Vec<_>>>()?;
        let segments = segments.into_iter().map(|segment| (segment.name, segment.condition)).collect();
        Ok(Stages { profile: profile.into(), key: key.clone(), key_type, levels: levels(derived), segments })
    }
}
