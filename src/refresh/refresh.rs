//! A refresh: one plan over all sources, one pass over its rows, one commit.
//!
//! ```text
//! Projection: derived tags, segments
//!   AlignByKey
//!     the profile's own query and the tags of its rows      one scan
//!     tags over the same source together                     one scan and one aggregation a source
//!     tags kept from the refresh before (TAGS (…))
//!     the state before, in the order of its key
//! ```
//! Its rows go to a file of the new state, what is no more to a file of the history; when both are on disk, one transaction of the
//! catalog publishes them. Readers see the state before until then, and a killed or failed refresh leaves it as it was.
//!
//! The rows of one customer come from its sources alone, and the state before is an input like any other: a refresh of only the
//! customers that changed is this plan over less of each source, with the others kept.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use fail::fail_point;
use futures::StreamExt;

use super::align::{Align, PRESENT};
use super::changes::{Dropped, Recorder, TagToRecord, WAS_THERE, history_schema, names};
use super::combine::{KEY, Piece, combine};
use super::definition::ProfileDefinition;
use super::plan::{Planned, PlannedTag, Planner};
use super::published::{history_table, state_table};
use super::stages::{Stage, Stages, column, scan};
use crate::catalog::Catalog;
use crate::catalog::data::{DataFile, Pinned, Written};
use crate::catalog::output::Output;
use crate::catalog::runs::{OpenRun, REFRESH, now};
use crate::catalog::snapshots::{ColumnRole, NewSnapshot, Part, Snapshot, SnapshotOf, When};
use crate::error::{did_you_mean, invalid, message};
use crate::objects::objects::Objects;
use crate::text::timestamp;

/// So many small files of a history become one.
const MANY_FILES: usize = 16;

/// Bytes from which a file of a history is not rewritten any more.
const LARGE_HISTORY: i64 = 64 << 20;

/// What a refresh is asked to do.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub profile: String,
    /// Only these tags, with those that need them; all when `None`.
    pub tags: Option<Vec<String>>,
    pub as_of: AsOf,
    /// An earlier time than the last refresh is meant: what came after it is withdrawn.
    pub rewind: bool,
}

/// The time that a refresh is as of.
#[derive(Debug, Clone, Copy)]
pub enum AsOf {
    /// Microseconds since 1970.
    At(i64),
    /// When it begins: once others have written what they were writing.
    Now,
    /// That of the newest snapshot; `Now` when there is none.
    LastRefresh,
}

/// Shows the plan that is running, for progress.
pub type Running = Arc<Mutex<Option<Arc<dyn ExecutionPlan>>>>;

/// Refreshes a profile.
///
/// # Errors
/// What is wrong with a definition or with the rows it gives; nothing is published then.
pub async fn refresh(state: &SessionState, catalog: &Arc<Catalog>, wanted: Wanted, running: &Running) -> Result<Vec<String>> {
    // Of this profile alone: whatever else the database holds is written to meanwhile.
    let _lock = catalog.lock(SnapshotOf::Profile, &wanted.profile, "REFRESH", state.config_options()).await?;
    let began = std::time::Instant::now();
    // Only now: another process may have published while this one waited, and nobody publishes this profile from here on.
    let refresh = Refresh::new(state, catalog, &wanted)?;
    let run = OpenRun::begin(catalog, REFRESH, &wanted.profile, refresh.as_of)?;
    match refresh.run(&run, running).await {
        Ok(counted) => {
            run.succeeded();
            let mut notes = vec![format!(
                "profile {} as of {}: {} customers ({} new, {} left), {} values changed, {:.1} s",
                wanted.profile,
                timestamp(refresh.as_of),
                counted.rows,
                counted.entered,
                counted.left,
                counted.changes,
                began.elapsed().as_secs_f64()
            )];
            // It is published, whatever comes now.
            if let Err(error) = catalog.collect() {
                notes.push(format!("files of older snapshots stay until the next refresh: {}", message(&error)));
            }
            Ok(notes)
        }
        Err(error) => {
            run.failed(&message(&error));
            Err(error)
        }
    }
}

/// The plans of a refresh, a stage after the other, for EXPLAIN; nothing runs.
pub async fn explain(state: &SessionState, catalog: &Arc<Catalog>, wanted: &Wanted) -> Result<Vec<LogicalPlan>> {
    let refresh = Refresh::new(state, catalog, wanted)?;
    let mut stages = refresh.stages().await?;
    let mut plans = vec![];
    loop {
        match stages.next(None)? {
            Stage::Between(plan) => plans.push(plan),
            Stage::Last(plan) => {
                plans.push(plan);
                return Ok(plans);
            }
        }
    }
}

struct Refresh<'a> {
    state: &'a SessionState,
    catalog: &'a Arc<Catalog>,
    definition: ProfileDefinition,
    wanted: &'a Wanted,
    /// Microseconds since 1970.
    as_of: i64,
}

/// What is computed now, and what is kept.
struct Choice {
    computed: Vec<PlannedTag>,
    /// Name, version, several values, when computed.
    kept: Vec<TagToRecord>,
}

impl<'a> Refresh<'a> {
    fn new(state: &'a SessionState, catalog: &'a Arc<Catalog>, wanted: &'a Wanted) -> Result<Self> {
        let definition = Objects { state, catalog }.profile(&wanted.profile)?;
        let as_of = match wanted.as_of {
            AsOf::At(time) => time,
            AsOf::Now => now(),
            AsOf::LastRefresh => {
                let newest = catalog.snapshot(SnapshotOf::Profile, &wanted.profile, When::Now)?;
                newest.map_or_else(now, |newest| newest.at)
            }
        };
        Ok(Self { state, catalog, definition, wanted, as_of })
    }

    async fn run(&self, run: &OpenRun, running: &Running) -> Result<super::changes::Counted> {
        self.catalog.collect()?;
        let mut stages = self.stages().await?;
        let mut before: Option<Written> = None;
        let plan = loop {
            match stages.next(before.as_ref())? {
                Stage::Last(plan) => break plan,
                Stage::Between(plan) => before = Some(self.write_between(plan, running).await?),
            }
        };
        let (newest, base, pins) = (stages.newest.clone(), stages.base.clone(), stages.pins.clone());
        let mut recorder = stages.recorder;
        let frame = datafusion::dataframe::DataFrame::new(self.state.clone(), plan);
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        let schema = recorder.schema(&plan.schema())?;
        *running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&plan));
        let memory = MemoryConsumer::new("refresh").register(task.memory_pool());
        let mut rows = Output::new(self.catalog, &schema, Some(0), &memory)?;
        let history_schema = history_schema(schema.field(0).data_type());
        let (mut history, kept) = match &base {
            Some(base) => self.history_so_far(base, &history_schema, &memory).await?,
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
        drop(before);
        fail_point!("refresh::written", |_| std::process::abort());
        let mut written = vec![(Part::Rows, rows.finish()?)];
        if let Some(history) = history {
            written.push((Part::History, history.finish()?));
        }
        fail_point!("refresh::finished", |_| std::process::abort());
        self.catalog.data.sync()?;
        fail_point!("refresh::synced", |_| std::process::abort());
        let new = NewSnapshot {
            of: SnapshotOf::Profile,
            name: &self.wanted.profile,
            at: self.as_of,
            rows: recorder.counted.rows,
            expected: newest.map(|newest| newest.id),
            columns: recorder.columns(),
            new: written.iter().map(|(part, written)| (*part, written.file.clone())).collect(),
            kept,
            keep: self.definition.says.keep_snapshots,
        };
        let published = self.catalog.publish(&new, Some((run.id, recorder.counted.changes)));
        fail_point!("refresh::published", |_| std::process::abort());
        // After an error of the disk it is not certain that the catalog will never name them. What it does not name is collected.
        written.into_iter().for_each(|(_, written)| written.let_go());
        published?;
        // The plan lives on for what it says of progress; what it has read may go.
        pins.iter().for_each(|pin| pin.release());
        Ok(recorder.counted)
    }

    /// The files of the history that stay; when many small ones have gathered, they begin a new file instead.
    async fn history_so_far(
        &self,
        base: &Snapshot,
        schema: &SchemaRef,
        memory: &MemoryReservation,
    ) -> Result<(Option<Output>, Vec<DataFile>)> {
        let files = base.part(Part::History);
        let (small, large): (Vec<_>, Vec<_>) = files.iter().cloned().partition(|file| file.bytes < LARGE_HISTORY);
        if small.len() < MANY_FILES {
            return Ok((None, files));
        }
        let table = history_table(self.catalog, self.definition.name(), base, &small)?;
        let pins = table.pins().to_vec();
        let plan = LogicalPlanBuilder::from(scan("history", Arc::new(table))?).build()?;
        let mut stream = datafusion::dataframe::DataFrame::new(self.state.clone(), plan).execute_stream().await?;
        let mut output = Output::new(self.catalog, schema, None, memory)?;
        while let Some(batch) = stream.next().await {
            output.write(&RecordBatch::try_new(Arc::clone(schema), batch?.columns().to_vec())?)?;
        }
        pins.iter().for_each(|pin| pin.release());
        Ok((Some(output), large))
    }

    /// Writes what further tags are computed from.
    async fn write_between(&self, plan: LogicalPlan, running: &Running) -> Result<Written> {
        let frame = datafusion::dataframe::DataFrame::new(self.state.clone(), plan);
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        *running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&plan));
        let memory = MemoryConsumer::new("refresh").register(task.memory_pool());
        let mut output = Output::new(self.catalog, &plan.schema(), Some(0), &memory)?;
        let mut stream = execute_stream(plan, task)?;
        while let Some(batch) = stream.next().await {
            output.write(&batch?)?;
        }
        output.finish()
    }

    /// Everything planned, up to the tags that need others of more than their own row.
    async fn stages(&self) -> Result<Stages> {
        let name = self.definition.name();
        let planner = Planner { state: self.state, catalog: self.catalog, as_of: self.as_of };
        let planned = planner.plan(&self.definition).await?;
        let newest = self.catalog.snapshot(SnapshotOf::Profile, name, When::Now)?;
        if let Some(newest) = &newest
            && newest.at > self.as_of
            && !self.wanted.rewind
        {
            let problem = format!(
                "as_of {} lies before the last refresh, as of {}; give a later time, or WITH (as_of = …, rewind = true) to withdraw what came after",
                timestamp(self.as_of),
                timestamp(newest.at)
            );
            return Err(invalid(&format!("profile {name}"), problem));
        }
        let base = self.catalog.snapshot(SnapshotOf::Profile, name, When::Before(self.as_of))?;
        if base.is_none() && newest.is_some() && self.catalog.was_published_before(name, self.as_of)? {
            let problem = format!(
                "as_of {} lies before the oldest snapshot that is kept, so that the history before it cannot be continued; give a later time, \
                 or DROP PROFILE and begin anew (keep_snapshots is {})",
                timestamp(self.as_of),
                self.definition.says.keep_snapshots
            );
            return Err(invalid(&format!("profile {name}"), problem));
        }
        let mut pins = vec![];
        let Planned { key_type, profile, attributes, tags, segments, .. } = planned;
        let order: Vec<String> = self.definition.tags.iter().map(|(tag, _)| tag.object.name.clone()).collect();
        let Choice { computed, kept } = self.choose(tags, newest.as_ref())?;

        // Sources: the profile with the tags of its rows, the tags over each other source, what is kept, what was.
        let attribute_names: Vec<String> = attributes.iter().map(|field| names::value(field.name())).collect();
        let mut pieces = vec![Piece { plan: profile, names: attribute_names, multiple: false }];
        let (derived, base_tags): (Vec<PlannedTag>, Vec<PlannedTag>) = computed.into_iter().partition(|tag| tag.needs.is_some());
        pieces.extend(base_tags.iter().map(|tag| Piece {
            plan: tag.plan.clone(),
            names: vec![names::value(&tag.name)],
            multiple: tag.multiple,
        }));
        let mut inputs = vec![];
        let mut labels = vec![];
        let mut leads = vec![];
        for (index, group) in combine(pieces, &key_type)?.into_iter().enumerate() {
            labels.push(if index == 0 { name.to_string() } else { format!("tags {index}") });
            leads.push(index == 0);
            inputs.push(group.plan);
        }
        if let Some(newest) = newest.as_ref().filter(|_| !kept.is_empty()) {
            inputs.push(self.kept(newest, &kept, &mut pins)?);
            labels.push("kept".into());
            leads.push(false);
        }
        let mut recorded: Vec<TagToRecord> = base_tags.iter().chain(&derived).map(|tag| self.to_record(tag)).collect();
        recorded.extend(kept);
        recorded.sort_by_key(|tag| order.iter().position(|name| *name == tag.name));
        let mut dropped = vec![];
        if let Some(base) = &base {
            inputs.push(self.before(base, &recorded, &mut dropped, &mut pins)?);
            labels.push("state before".into());
            leads.push(true);
        }
        let align =
            Align { profile: name.into(), key: self.definition.says.key.clone(), inputs: labels, leads, presence: PRESENT };
        let recorder = Recorder {
            profile: name.into(),
            key: self.definition.says.key.clone(),
            as_of: self.as_of,
            attributes: attributes.iter().map(|field| field.name().clone()).collect(),
            tags: recorded,
            dropped,
            segments: segments.iter().map(|segment| (segment.name.clone(), segment.version)).collect(),
            counted: super::changes::Counted::default(),
        };
        Ok(Stages {
            profile: name.to_string(),
            key: self.definition.says.key.clone(),
            key_type,
            plan: align.over(inputs)?,
            derived,
            segments: segments.into_iter().map(|segment| (segment.name, segment.plan)).collect(),
            waiting: vec![],
            recorder,
            newest,
            base,
            pins,
        })
    }

    fn to_record(&self, tag: &PlannedTag) -> TagToRecord {
        TagToRecord { name: tag.name.clone(), version: tag.version, multiple: tag.multiple, computed_at: self.as_of }
    }

    /// Which tags are computed: all, or those that were asked for and those that need them; a tag that was never computed always is.
    fn choose(&self, tags: Vec<PlannedTag>, newest: Option<&Snapshot>) -> Result<Choice> {
        let Some(wanted) = &self.wanted.tags else { return Ok(Choice { computed: tags, kept: vec![] }) };
        for name in wanted {
            if !tags.iter().any(|tag| tag.name == *name) {
                let suggestion = did_you_mean(name, tags.iter().map(|tag| tag.name.as_str()));
                return Err(invalid(&format!("profile {}", self.definition.name()), format!("has no tag {name}{suggestion}")));
            }
        }
        let mut chosen: BTreeSet<String> = wanted.iter().cloned().collect();
        let (mut computed, mut kept) = (vec![], vec![]);
        for tag in tags {
            let role = if tag.multiple { ColumnRole::Tags } else { ColumnRole::Tag };
            let before = newest.and_then(|newest| newest.columns_of(role).find(|column| column.name == tag.name));
            let needs_chosen = tag.needs.iter().flatten().any(|need| chosen.contains(need));
            match before {
                Some(before) if !chosen.contains(&tag.name) && !needs_chosen => kept.push(TagToRecord {
                    name: tag.name,
                    version: before.version,
                    multiple: tag.multiple,
                    computed_at: before.computed_at,
                }),
                _ => {
                    chosen.insert(tag.name.clone());
                    computed.push(tag);
                }
            }
        }
        Ok(Choice { computed, kept })
    }

    /// The values that are not computed anew, with the versions that gave them.
    fn kept(&self, newest: &Snapshot, kept: &[TagToRecord], pins: &mut Vec<Arc<Pinned>>) -> Result<LogicalPlan> {
        let table = state_table(self.catalog, self.definition.name(), newest)?;
        pins.extend_from_slice(table.pins());
        let scan = scan("kept", Arc::new(table))?;
        let mut columns = vec![column(KEY)];
        for tag in kept {
            columns.push(column(&names::value(&tag.name)));
            columns.push(column(&names::version(&tag.name)).alias(names::kept_version(&tag.name)));
        }
        LogicalPlanBuilder::from(scan).project(columns)?.build()
    }

    /// The state before: values, beginnings and versions of tags, also of those that are no more; members of segments.
    fn before(
        &self,
        base: &Snapshot,
        tags: &[TagToRecord],
        dropped: &mut Vec<Dropped>,
        pins: &mut Vec<Arc<Pinned>>,
    ) -> Result<LogicalPlan> {
        let table = state_table(self.catalog, self.definition.name(), base)?;
        pins.extend_from_slice(table.pins());
        let scan = scan("before", Arc::new(table))?;
        let mut columns = vec![column(KEY), lit(true).alias(WAS_THERE)];
        for before in base.columns.iter().filter(|column| matches!(column.role, ColumnRole::Tag | ColumnRole::Tags)) {
            let multiple = before.role == ColumnRole::Tags;
            let now = tags.iter().find(|tag| tag.name == before.name);
            let mut own = before.name.clone();
            if now.is_none_or(|now| now.multiple != multiple) {
                // Also a tag that now has several values where it had one, or the other way: the old values close.
                own = format!("{own}:before");
                dropped.push(Dropped { tag: before.name.clone(), column: own.clone(), multiple });
            }
            columns.push(column(&names::value(&before.name)).alias(names::was(&own)));
            columns.push(column(&names::since(&before.name)).alias(names::since(&own)));
            columns.push(column(&names::version(&before.name)).alias(names::version(&own)));
        }
        for segment in base.columns_of(ColumnRole::Segment) {
            columns.push(column(&names::segment(&segment.name)).alias(names::was_in(&segment.name)));
        }
        LogicalPlanBuilder::from(scan).project(columns)?.build()
    }
}
