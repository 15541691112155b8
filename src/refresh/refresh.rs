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
//! **Why a file of the whole state**, though a history could be folded into one: most readers want today, and all of it;
//! the next refresh compares with it in the order of the key without sorting, and a snapshot of an earlier day is a file that
//! is still there. **Why a history beside it**: snapshots go after a while, and what closed must not.
//!
//! The rows of one customer come from its sources alone, and the state before is an input like any other: a refresh of only the
//! customers that changed is this plan over less of each source, with the others kept.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::sql::parser::Statement as SqlParsed;
use fail::fail_point;
use futures::StreamExt;
use sqlparser::ast::Statement as SqlStatement;

use super::blame;
use super::columns::KEY;
use super::decompose::over_own_row;
use super::definition::ProfileDefinition;
use super::domain::Asked;
use super::history::{history_schema, history_so_far};
use super::inputs::Inputs;
use super::levels::{Computation, DerivedTag, levels};
use super::plan::{PROFILE_SCHEMA, Planned, PlannedSegment, PlannedTag, Planner, own_table};
use super::recorder::{AttributeToRecord, Counted, Recorder, TagToRecord};
use super::selection::Selection;
use super::sources::Sources;
use super::stages::{Between, Stages};
use crate::catalog::Catalog;
use crate::catalog::data::{Pinned, Written};
use crate::catalog::output::Output;
use crate::catalog::published::listing;
use crate::catalog::runs::{OpenRun, REFRESH, now};
use crate::catalog::snapshots::{ColumnRole, NewSnapshot, Part, Snapshot, SnapshotOf, When};
use crate::error::{invalid, message, without_values};
use crate::sql::parser::parse_query;
use crate::sql::planning;
use crate::statement::StatementContext;
use crate::text::{identifier, timestamp};

/// From here on, in microseconds, data is of another time than now.
const LONG_AGO: i64 = 60 * 86_400_000_000;

/// What a refresh is asked to do.
#[derive(Debug, Clone)]
pub struct RefreshRequest {
    pub profile: String,
    /// Only these tags, with those that need them; all when `None`.
    pub tags: Option<Vec<String>>,
    /// The segment that is asked for, when it is one: no tag is computed then.
    pub segment: Option<String>,
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

/// Reads the definition of a profile, as a statement sees it.
pub type ReadDefinition = dyn Fn(&str, &StatementContext) -> Result<ProfileDefinition> + Send + Sync;

/// Shows the plan that is running, for progress.
pub type Running = Arc<Mutex<Option<Arc<dyn ExecutionPlan>>>>;

/// Refreshes a profile.
///
/// # Errors
/// What is wrong with a definition or with the rows it gives; nothing is published then.
pub async fn refresh(
    context: &StatementContext,
    read: &ReadDefinition,
    wanted: RefreshRequest,
    running: &Running,
) -> Result<Vec<String>> {
    let catalog = context.catalog();
    // Of this profile alone: whatever else the database holds is written to meanwhile.
    let _lock = catalog.lock(SnapshotOf::Profile, &wanted.profile, "REFRESH", context.session().config_options()).await?;
    let began = std::time::Instant::now();
    // Only now: another process may have published while this one waited, and nobody publishes this profile from here on.
    let context = &context.renewed();
    let refresh = Refresh::new(context, read, &wanted)?;
    let run = OpenRun::begin(catalog, REFRESH, &wanted.profile, refresh.as_of)?;
    match refresh.run(&run, running).await {
        Ok(done) => {
            run.succeeded();
            let mut notes = vec![done.told(&refresh, began.elapsed())];
            notes.extend(done.notes.iter().cloned());
            notes.extend(refresh.told_of_empty(&done).await);
            if matches!(wanted.as_of, AsOf::Now) && refresh.as_of > now() {
                notes.push(format!(
                    "profile {} was refreshed before as of a time that is still to come by the clock of this machine, so that this \
                     refresh is of the same time; look at the clock, or withdraw it with WITH (as_of = …, rewind = true)",
                    wanted.profile
                ));
            }
            // It is published, whatever comes now.
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

/// What a refresh has published.
struct Done {
    counted: Counted,
    /// Segments with their members, and the values that their conditions ask for.
    segments: Vec<(String, i64, Vec<Asked>)>,
    /// What the user should know of what was read.
    notes: Vec<String>,
}

impl Done {
    /// What was done, in one line.
    fn told(&self, refresh: &Refresh<'_>, took: std::time::Duration) -> String {
        let (Counted { rows, entered, left, changes, .. }, seconds) = (&self.counted, took.as_secs_f64());
        let as_of = timestamp(refresh.as_of);
        if let Some(segment) = &refresh.wanted.segment {
            let members = self.segments.iter().find(|(name, ..)| name == segment).map_or(0, |(_, members, _)| *members);
            return format!("segment {segment} as of {as_of}: {members} of {rows} customers, {seconds:.1} s");
        }
        let profile = &refresh.wanted.profile;
        format!(
            "profile {profile} as of {as_of}: {rows} customers ({entered} new, {left} left), {changes} values changed, {seconds:.1} s"
        )
    }
}

/// The plans of a refresh, a stage after the other, for EXPLAIN; nothing runs.
pub async fn explain(context: &StatementContext, read: &ReadDefinition, wanted: &RefreshRequest) -> Result<Vec<LogicalPlan>> {
    let refresh = Refresh::new(context, read, wanted)?;
    let Prepared { inputs, stages, .. } = refresh.prepare().await?;
    let mut plans = Plans(vec![]);
    let last = stages.plan(inputs, &mut plans).await?;
    plans.0.push(last);
    Ok(plans.0)
}

/// Plans of what would be written, for EXPLAIN.
struct Plans(Vec<LogicalPlan>);

#[async_trait]
impl Between for Plans {
    async fn write(&mut self, plan: LogicalPlan) -> Result<Arc<dyn TableProvider>> {
        // A table of no rows stands for the file.
        let so_far = EmptyTable::new(Arc::clone(plan.schema().inner()));
        self.0.push(plan);
        Ok(Arc::new(so_far))
    }
}

/// What is computed over the profile itself.
enum OverProfile {
    Tag(String),
    Segment(String),
}

/// The day of a time.
fn date(time: i64) -> String {
    timestamp(time).chars().take(10).collect()
}

struct Refresh<'a> {
    context: &'a StatementContext,
    catalog: &'a Arc<Catalog>,
    definition: ProfileDefinition,
    wanted: &'a RefreshRequest,
    /// Microseconds since 1970.
    as_of: i64,
}

/// Files that further tags are computed from. Only the newest is read, as it holds all that is so far: it goes when the next takes
/// its place.
struct FilesBetween<'a> {
    refresh: &'a Refresh<'a>,
    running: &'a Running,
    newest: Option<Written>,
}

#[async_trait]
impl Between for FilesBetween<'_> {
    async fn write(&mut self, plan: LogicalPlan) -> Result<Arc<dyn TableProvider>> {
        let frame = DataFrame::new(self.refresh.context.state(), plan);
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&plan));
        let memory = MemoryConsumer::new("refresh").register(task.memory_pool());
        let schema = plan.schema();
        let mut output = Output::new(self.refresh.catalog, &schema, Some(0), &memory)?;
        let mut stream = execute_stream(plan, task)?;
        while let Some(batch) = stream.next().await {
            output.write(&batch?)?;
        }
        drop(stream);
        let written = output.finish()?;
        let table = listing(std::iter::once(written.file.name.as_str()), schema, Some(KEY))?;
        self.newest = Some(written);
        Ok(Arc::new(table))
    }
}

/// A refresh, planned up to the rows that derived tags are computed of.
struct Prepared {
    inputs: LogicalPlan,
    stages: Stages,
    recorder: Recorder,
    snapshots: Earlier,
    /// The files of earlier snapshots that are read.
    pins: Vec<Arc<Pinned>>,
    /// What conditions ask for, of each segment.
    asked: Vec<Vec<Asked>>,
    /// Tags of `rfm` with `lookback`.
    looking_back: Vec<String>,
    notes: Vec<String>,
}

/// The snapshots that a refresh follows.
struct Earlier {
    /// The one that it takes the place of for readers.
    newest: Option<Snapshot>,
    /// The last up to the time of the refresh: tags that are not computed keep its values. After a rewind it is older than the
    /// newest, as what came later was not known yet.
    known: Option<Snapshot>,
    /// The last before the time of the refresh, which its changes are found against. After a rewind it is older than the newest.
    base: Option<Snapshot>,
}

impl<'a> Refresh<'a> {
    fn new(context: &'a StatementContext, read: &ReadDefinition, wanted: &'a RefreshRequest) -> Result<Self> {
        let (catalog, definition) = (context.catalog(), read(&wanted.profile, context)?);
        let as_of = match wanted.as_of {
            AsOf::At(time) => time,
            AsOf::Now | AsOf::LastRefresh => {
                let newest = catalog.snapshot(SnapshotOf::Profile, &wanted.profile, When::Now)?;
                let last = newest.map(|newest| newest.at);
                match wanted.as_of {
                    // The clock was set back since, or the last one was as of the end of today: it is repeated, as a profile's time
                    // does not go back of itself, and a schedule does not stop for that.
                    AsOf::Now => last.map_or_else(now, |last| last.max(now())),
                    _ => last.unwrap_or_else(now),
                }
            }
        };
        Ok(Self { context, catalog, definition, wanted, as_of })
    }

    async fn run(&self, run: &OpenRun, running: &Running) -> Result<Done> {
        self.catalog.collect()?;
        let Prepared {
            inputs,
            stages,
            mut recorder,
            snapshots: Earlier { newest, base, .. },
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
        *running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&plan));
        let memory = MemoryConsumer::new("refresh").register(task.memory_pool());
        let mut rows = Output::new(self.catalog, &schema, Some(0), &memory)?;
        let history_schema = history_schema(schema.field(0).data_type());
        let (mut history, kept) = match &base {
            Some(base) => history_so_far(self.context, self.definition.name(), base, &history_schema, &memory).await?,
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
        let new = NewSnapshot {
            of: SnapshotOf::Profile,
            name: &self.wanted.profile,
            at: self.as_of,
            rows: recorder.counted.rows,
            expected: newest.map(|newest| newest.id),
            columns: columns.clone(),
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
        for column in columns.iter().filter(|column| column.computed_at == self.as_of && looking_back.contains(&column.name)) {
            let (all, name, without) = (recorder.counted.rows, &column.name, recorder.counted.rows - column.filled);
            if without > 0 {
                notes.push(format!(
                    "tag {name}: {without} of {all} customers have no value, as rfm with lookback gives no row to those without an order \
                     in that time"
                ));
            }
        }
        let members = columns.into_iter().filter(|column| column.role == ColumnRole::Segment);
        let segments = members.zip(asked).map(|(column, asked)| (column.name, column.filled, asked)).collect();
        Ok(Done { counted: recorder.counted, segments, notes })
    }

    /// Why segments are empty, where a value that is asked for is one that nobody has. What is published is looked at.
    async fn told_of_empty(&self, done: &Done) -> Vec<String> {
        let mut notes = vec![];
        for (segment, members, asked) in &done.segments {
            let is_wanted = self.wanted.segment.as_ref().is_none_or(|wanted| wanted == segment);
            if *members > 0 || done.counted.rows == 0 || !is_wanted {
                continue;
            }
            let mut nobody = vec![];
            for asked in asked.iter().filter(|asked| asked.is_equality) {
                // It is published, whatever comes now.
                if self.has(asked).await.is_ok_and(|has| !has) {
                    nobody.push(format!("{} {}", asked.column, asked.value));
                }
            }
            if !nobody.is_empty() {
                notes.push(format!("segment {segment} has 0 members: no customer has {}", nobody.join(" or ")));
            }
        }
        notes
    }

    /// True when a customer has the value.
    async fn has(&self, asked: &Asked) -> Result<bool> {
        let context = self.context.renewed();
        let query = parse_query(&format!("SELECT * FROM {PROFILE_SCHEMA}.{}", identifier(self.definition.name())))?;
        let statement = SqlParsed::Statement(Box::new(SqlStatement::Query(query)));
        let plan = planning::plan(&statement, &context).await?;
        let plan = LogicalPlanBuilder::from(plan).filter(asked.holds.clone())?.limit(0, Some(1))?.build()?;
        let batches = DataFrame::new(context.state(), plan).collect().await?;
        Ok(batches.iter().any(|batch| batch.num_rows() > 0))
    }

    /// That the clock of the profile goes to now over data that ended long ago: it does not go back of itself.
    async fn told_of_clock(&self, sources: &Sources, known: Option<&Snapshot>) -> Result<Option<String>> {
        let stands_there = known.is_some_and(|known| known.at > self.as_of - LONG_AGO);
        if !matches!(self.wanted.as_of, AsOf::Now) || stands_there {
            return Ok(None);
        }
        let newest = sources.newest(&self.definition, self.context).await?;
        Ok(newest.filter(|(time, _)| *time < self.as_of - LONG_AGO).map(|(time, column)| {
            format!(
                "the newest {column} is {}, and the clock of profile {} is now {}: a refresh as of an earlier day needs \
                 WITH (as_of = …, rewind = true) from here on",
                date(time),
                self.definition.name(),
                date(self.as_of)
            )
        }))
    }

    /// An error with the definition that it comes from.
    async fn named(&self, error: DataFusionError) -> DataFusionError {
        if !blame::is_nameless(&error) {
            return error;
        }
        let Ok(planned) = self.plan().await else { return error };
        let name = self.definition.name();
        let derived = planned.tags.iter().filter(|tag| tag.needs.is_some()).map(|tag| OverProfile::Tag(tag.name.clone()));
        let parts: Vec<OverProfile> =
            derived.chain(planned.segments.iter().map(|segment| OverProfile::Segment(segment.name.clone()))).collect();
        if let Some(label) = blame::of_sources(name, planned, self.context).await {
            return blame::named(&error, &label, name);
        }
        match self.first_failing(&parts).await.and_then(|place| parts.get(place)) {
            Some(OverProfile::Tag(tag)) => blame::named(&error, &format!("tag {tag}"), name),
            Some(OverProfile::Segment(segment)) => {
                let own = self.definition.segments.iter().find(|(own, _)| own.object.name == *segment);
                match own {
                    Some((own, condition)) => blame::of_segment(&error, &own.object.label(), condition),
                    None => error,
                }
            }
            None => blame::named(&error, &format!("profile {name}"), name),
        }
    }

    /// The place of the first of these with which the refresh fails; each needs at most those before it.
    async fn first_failing(&self, parts: &[OverProfile]) -> Option<usize> {
        if parts.is_empty() || self.fails_with(&[]).await {
            return None;
        }
        let (mut succeeds, mut fails) = (0, parts.len());
        while succeeds + 1 < fails {
            let middle = succeeds.midpoint(fails);
            if self.fails_with(&parts[..middle]).await { fails = middle } else { succeeds = middle }
        }
        Some(fails - 1)
    }

    /// True when the refresh cannot be computed with these derived tags and segments alone.
    async fn fails_with(&self, parts: &[OverProfile]) -> bool {
        let run = async {
            let Prepared { inputs, mut stages, .. } = self.prepare().await?;
            let is_tag = |name: &str| parts.iter().any(|part| matches!(part, OverProfile::Tag(tag) if tag == name));
            let is_segment =
                |name: &str| parts.iter().any(|part| matches!(part, OverProfile::Segment(segment) if segment == name));
            for level in &mut stages.levels {
                level.of_all_rows.retain(|tag| is_tag(&tag.name));
                level.of_own_row.retain(|tag| is_tag(&tag.name));
            }
            stages.segments.retain(|(name, _)| is_segment(name));
            let mut files = FilesBetween { refresh: self, running: &Running::default(), newest: None };
            let plan = stages.plan(inputs, &mut files).await?;
            let mut rows = DataFrame::new(self.context.state(), plan).execute_stream().await?;
            while let Some(batch) = rows.next().await {
                batch?;
            }
            Result::Ok(())
        };
        run.await.is_err_and(|error| blame::is_of_data(&error))
    }

    async fn plan(&self) -> Result<Planned> {
        let plan = |context: StatementContext| async move {
            Planner { context: &context, as_of: self.as_of }.plan(&self.definition).await
        };
        self.context.settled(plan).await
    }

    /// Everything planned, up to the rows that derived tags are computed of.
    async fn prepare(&self) -> Result<Prepared> {
        let (profile, key) = (self.definition.name(), &self.definition.says.key);
        let Planned { key_type, profile: own, attributes, tags, segments, missing, sources, .. } = self.plan().await?;
        if let Some((column, suggestion)) = missing.first() {
            let problem = format!("time_columns names {column}, and there is no such table{suggestion}; SHOW TABLES lists them");
            return Err(invalid(&format!("profile {profile}"), problem));
        }
        sources.refuse_unread(&self.definition)?;
        let looking_back: Vec<String> = tags.iter().filter(|tag| tag.looks_back).map(|tag| tag.name.clone()).collect();
        let snapshots = self.earlier()?;
        let selection = Selection::of(profile, tags, self.wanted.tags.as_deref(), snapshots.known.as_ref())?;
        let recorded = self.recorded(&selection);
        let (derived, of_sources): (Vec<_>, Vec<_>) = selection.computed.into_iter().partition(|tag| tag.needs.is_some());

        let (history, version) = (&self.definition.says.history, self.definition.own.object.version);
        let kept_attributes: Vec<AttributeToRecord> = attributes
            .iter()
            .map(|field| AttributeToRecord {
                name: field.name().clone(),
                version: if history.contains(field.name()) { version } else { 0 },
            })
            .collect();
        let mut inputs = Inputs::of_sources(self.context.view(), profile, own, &attributes, &of_sources, &key_type)?;
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
        let mut notes: Vec<String> = self.told_of_clock(&sources, snapshots.known.as_ref()).await?.into_iter().collect();
        // Nothing is later than now: who has no time columns and asks for no earlier day is told when tags are made.
        if !self.definition.says.time_columns.is_empty() || matches!(self.wanted.as_of, AsOf::At(_)) {
            notes.extend(sources.notes(profile, None));
        }
        let asked = segments.iter().map(|segment| segment.asked.clone()).collect();
        let stages = self.stages(derived, segments, key_type)?;
        Ok(Prepared { inputs, stages, recorder, snapshots, pins, asked, looking_back, notes })
    }

    /// The profile and its parts, as errors name them.
    fn labels(&self) -> Vec<String> {
        let ProfileDefinition { own, tags, segments, .. } = &self.definition;
        let parts = tags.iter().map(|(tag, _)| tag).chain(segments.iter().map(|(segment, _)| segment));
        std::iter::once(own).chain(parts).map(|part| part.object.label()).collect()
    }

    /// The snapshots before, when a refresh of this time may follow them.
    fn earlier(&self) -> Result<Earlier> {
        let name = self.definition.name();
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
        let known = self.catalog.snapshot(SnapshotOf::Profile, name, When::At(self.as_of))?;
        Ok(Earlier { newest, known, base })
    }

    /// All tags, computed or kept, in the order they were made, which is that of the columns.
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

    /// What is computed over the profile itself.
    fn stages(&self, derived: Vec<PlannedTag>, segments: Vec<PlannedSegment>, key_type: DataType) -> Result<Stages> {
        let (profile, key) = (self.definition.name(), &self.definition.says.key);
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
