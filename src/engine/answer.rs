//! The answer of a statement: batches, progress, notes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef, UInt64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinError;

use super::notes::notes_of;
use super::writes::Staged;
use super::{AbortOnDrop, Engine, THREAD_NAME, panicked};
use crate::catalog::data::Pinned;
use crate::error::{failed, message, own, raw, sqlstate};
use crate::files::left_out::FileNotes;
use crate::files::parquet::damage;
use crate::files::parquet_problem;
use crate::language::Language;
use crate::objects::protection::FirstError;
use crate::statement::activity::{Begun, Outcome};
use crate::statement::{Cancel, Progress, RunningPlan, StatementContext};

/// The rows of a statement as they arrive. Dropping it cancels the work.
pub struct Answer {
    schema: SchemaRef,
    /// The columns with the PostgreSQL types that are reported to clients, if the types of the values do not show them.
    told: Option<SchemaRef>,
    batches: mpsc::Receiver<Result<RecordBatch>>,
    work: Option<AbortOnDrop<()>>,
    plan: RunningPlan,
    notes: Arc<Mutex<Vec<String>>>,
    /// What there is to tell about the files that it reads.
    files: FileNotes,
    cancel: Cancel,
    /// For a query: lets the reader notice a timeout even while all threads are busy with long steps.
    ending: Option<StatementContext>,
    tag: String,
    rows: u64,
    /// True when its rows are a single number, the count of written rows.
    counts: bool,
    explain: Option<Explain>,
    /// The language of its notes.
    language: Language,
    /// The statement in the list of activity, until it has ended.
    begun: Option<Begun>,
    /// Stops operators that are still computing once nothing reads the answer.
    stop: Option<Stop>,
}

/// On drop, tells operators that compute for long without output that nothing waits for them.
struct Stop(Option<Cancel>);

impl Drop for Stop {
    fn drop(&mut self) {
        if let Some(cancel) = &self.0 {
            cancel.cancel();
        }
    }
}

/// Adds the place in the statement to an error; the flag is true for errors that come with the rows.
pub(super) type Explain = Arc<dyn Fn(DataFusionError, bool) -> DataFusionError + Send + Sync>;

impl Answer {
    /// Starts a plan; its batches are buffered until they are taken. What it writes is published once every batch arrived without an error,
    /// and discarded otherwise. An error is exchanged for the one that `again` meets first.
    pub(super) fn start(
        engine: &Engine,
        context: &StatementContext,
        plan: Arc<dyn ExecutionPlan>,
        mut stream: SendableRecordBatchStream,
        staged: Option<Staged>,
        again: Option<FirstError>,
    ) -> Result<Self> {
        let schema = stream.schema();
        let (sender, batches) = mpsc::channel(2);
        let ending = staged.is_none().then(|| context.clone());
        let (reading, limits) = (Arc::clone(&plan), context.clone());
        let work = engine.runtime()?.spawn(async move {
            let mut ended = std::pin::pin!(limits.ended());
            loop {
                let next = tokio::select! {
                    biased;
                    error = &mut ended => Some(Err(error)),
                    batch = stream.next() => batch,
                };
                let Some(batch) = next else { break };
                if let Err(mut error) = batch {
                    drop(stream);
                    if let Some(again) = again {
                        error = tokio::select! {
                            biased;
                            first = again.instead_of(error) => first,
                            over = &mut ended => over,
                        };
                    }
                    if let Some(staged) = staged {
                        error = staged.about_target(error);
                        staged.discard().await;
                    }
                    let _ = sender.send(Err(name_files(&reading, error))).await;
                    return;
                }
                if sender.send(batch).await.is_err() {
                    return;
                }
            }
            if let Some(Err(error)) = staged.map(Staged::publish) {
                let _ = sender.send(Err(error)).await;
            }
        });
        let (plan, cancel) = (RunningPlan::of(plan), context.cancel().clone());
        let stop = Stop(Some(cancel.clone()));
        Ok(Self {
            schema,
            told: None,
            batches,
            work: Some(AbortOnDrop(work)),
            plan,
            notes: Arc::default(),
            files: context.file_notes().clone(),
            cancel,
            ending,
            tag: String::new(),
            rows: 0,
            counts: false,
            explain: None,
            language: Language::En,
            begun: None,
            stop: Some(stop),
        })
    }

    /// Starts work without rows, and records its notes when it is done; the work shows the plan it is running.
    pub(super) fn work<W>(engine: &Engine, context: &StatementContext, work: impl FnOnce(RunningPlan) -> W) -> Result<Self>
    where
        W: Future<Output = Result<Vec<String>>> + Send + 'static,
    {
        let (sender, batches) = mpsc::channel(1);
        let (plan, notes) = (RunningPlan::default(), Arc::<Mutex<Vec<String>>>::default());
        let (noted, running, work) = (Arc::clone(&notes), plan.clone(), work(plan.clone()));
        let ending = context.clone();
        let work = engine.runtime()?.spawn(async move {
            let done = tokio::select! {
                biased;
                error = ending.ended() => Err(error),
                done = work => done,
            };
            match done {
                Ok(found) => lock(&noted).extend(found),
                Err(error) => {
                    let running = running.get();
                    let error = match running {
                        Some(plan) => name_files(&plan, error),
                        None => error,
                    };
                    let _ = sender.send(Err(error)).await;
                }
            }
        });
        let (schema, cancel) = (Arc::new(Schema::empty()), context.cancel().clone());
        Ok(Self {
            schema,
            told: None,
            batches,
            work: Some(AbortOnDrop(work)),
            plan,
            notes,
            files: context.file_notes().clone(),
            cancel,
            ending: None,
            tag: String::new(),
            rows: 0,
            counts: false,
            explain: None,
            language: Language::En,
            begun: None,
            stop: None,
        })
    }

    /// The answer of a part of a statement, whose end is not the end of the statement: its other parts have the same handle to cancel them.
    pub(super) fn of_part(mut self) -> Self {
        if let Some(stop) = &mut self.stop {
            stop.0 = None;
        }
        self
    }

    /// The answer of a statement without rows.
    pub(super) fn done(notes: Vec<String>) -> Self {
        let (_, batches) = mpsc::channel(1);
        let notes = Arc::new(Mutex::new(notes));
        let (schema, plan, cancel) = (Arc::new(Schema::empty()), RunningPlan::default(), Cancel::default());
        Self {
            schema,
            told: None,
            batches,
            work: None,
            plan,
            notes,
            files: FileNotes::default(),
            cancel,
            ending: None,
            tag: String::new(),
            rows: 0,
            counts: false,
            explain: None,
            language: Language::En,
            begun: None,
            stop: None,
        }
    }

    /// An answer with rows that are already computed.
    pub(super) fn of(schema: SchemaRef, rows: Vec<RecordBatch>) -> Self {
        let (sender, batches) = mpsc::channel(rows.len().max(1));
        for batch in rows {
            // The channel has room for all of them.
            let _ = sender.try_send(Ok(batch));
        }
        Self { schema, batches, ..Self::done(vec![]) }
    }

    /// The answer of a statement that went over rows without returning them.
    pub(super) fn moved(rows: usize) -> Self {
        Self { rows: rows as u64, ..Self::done(vec![]) }
    }

    /// The answer of a statement that ran a plan before it was answered, whose notes are those of the statement.
    pub(super) fn having_run(self, plan: RunningPlan) -> Self {
        Self { plan, ..self }
    }

    /// Marks the answer as a count of written rows.
    pub(super) fn counting(mut self) -> Self {
        self.counts = true;
        self
    }

    /// Sets the command tag.
    pub(super) fn tagged(mut self, tag: String) -> Self {
        // The statement run by EXECUTE has already set its own tag.
        if self.tag.is_empty() {
            self.tag = tag;
        }
        self
    }

    /// Adds the place in the statement to its errors.
    pub(super) fn explained(mut self, explain: Explain) -> Self {
        // The statement run by EXECUTE counts separately.
        self.explain.get_or_insert(explain);
        self
    }

    /// Sets the language of its notes.
    pub(super) fn in_language(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    /// Records when the statement has ended.
    pub(super) fn noted(mut self, mut begun: Begun) -> Self {
        if self.begun.is_some() {
            // The statement run by EXECUTE is recorded separately.
            begun.forget();
            return self;
        }
        begun.query.show(self.plan.clone());
        begun.tag.clone_from(&self.tag);
        if self.work.is_none() {
            begun.outcome = Outcome::Succeeded;
        }
        self.begun = Some(begun);
        self
    }

    /// Records that the statement has ended.
    fn ended(&mut self, outcome: Outcome) {
        if let Some(begun) = self.begun.take() {
            begun.end(outcome);
        }
    }

    /// The command tag: `SELECT`, `INSERT`, `CREATE TAG`.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The number of rows so far: taken rows for a query, written rows for INSERT, COPY and CREATE TABLE AS.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// A handle to cancel the statement from elsewhere; the error arrives as the next batch.
    pub fn canceller(&self) -> Cancel {
        self.cancel.clone()
    }

    /// True when its rows are to be shown; false for statements without a result, and for those that count what they wrote.
    pub fn has_rows(&self) -> bool {
        !self.counts && (!self.schema.fields().is_empty() || matches!(self.tag.as_str(), "SELECT" | "FETCH"))
    }

    /// True for a count of written rows.
    pub(super) fn is_count(&self) -> bool {
        self.counts
    }

    /// The columns; none for statements without a result.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The columns, each with the PostgreSQL type that is reported to clients.
    pub fn told(&self) -> &SchemaRef {
        self.told.as_ref().unwrap_or(&self.schema)
    }

    /// Reports the PostgreSQL types of these columns to clients.
    pub(super) fn tell(&mut self, columns: &Schema) {
        if columns.fields().len() != self.schema.fields().len() {
            return;
        }
        let fields = self.schema.fields().iter().zip(columns.fields());
        let fields = fields.map(|(own, told)| Field::clone(own).with_metadata(told.metadata().clone()));
        self.told = Some(Arc::new(Schema::new(fields.collect::<Vec<_>>())));
    }

    /// The next batch, or `None` at the end.
    ///
    /// # Errors
    /// Any error while running, including a panic; nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        let over = async {
            match &self.ending {
                Some(context) => context.ended().await,
                None => std::future::pending().await,
            }
        };
        let batch = tokio::select! {
            biased;
            batch = self.batches.recv() => batch,
            error = over => {
                self.ending = None;
                Some(Err(error))
            }
        };
        if let Some(batch) = batch {
            match &batch {
                Ok(batch) => {
                    self.rows += rows_of(self.counts, batch);
                    if let Some(begun) = &self.begun {
                        begun.query.gave(self.rows);
                    }
                }
                Err(error) => self.ended(Outcome::Failed(sqlstate(error).code())),
            }
            return Some(batch.map_err(|error| match &self.explain {
                Some(explain) => explain(error, true),
                None => error,
            }));
        }
        let ended = match self.work.take() {
            Some(mut work) => (&mut work.0).await,
            None => Ok(()),
        };
        match ended {
            Ok(()) => {
                self.rows = self.rows.max(self.plan.written());
                if let Some(begun) = &self.begun {
                    begun.query.gave(self.rows);
                }
                self.ended(Outcome::Succeeded);
                None
            }
            Err(error) => {
                let error = self.panicked(error);
                self.ended(Outcome::Failed(sqlstate(&error).code()));
                Some(Err(error))
            }
        }
    }

    /// The next batch as a result; `None` at the end.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        self.next().await.transpose()
    }

    /// The same answer, telling about the files of its statement.
    pub(super) fn telling(self, files: FileNotes) -> Self {
        Self { files, ..self }
    }

    /// Adds notes.
    pub(super) fn add_notes(&mut self, notes: Vec<String>) {
        lock(&self.notes).extend(notes);
    }

    /// The error for work that panicked. The Parquet reader may panic on damaged files, so the files of the plan are named.
    fn panicked(&self, error: JoinError) -> DataFusionError {
        let (is_cancelled, error) = (error.is_cancelled(), panicked(error));
        let mut files = vec![];
        if let Some(plan) = self.plan.get().filter(|_| !is_cancelled) {
            add_files(&plan, &mut files);
        }
        // On a thread of the engine, whose panics are not shown: the file may make the reader panic again.
        let searched = files.clone();
        let search = move || damage(&searched).map(|(file, problem)| (file.to_string(), problem));
        let found = std::thread::Builder::new().name(THREAD_NAME.into()).spawn(search);
        if let Some((file, problem)) = found.ok().and_then(|found| found.join().ok()).flatten() {
            return failed(&file, problem);
        }
        let Some(first) = files.first() else { return error };
        let others = if files.len() == 1 { String::new() } else { format!("this or one of {} more files ", files.len() - 1) };
        failed(first, format!("{others}cannot be read; it is damaged, or the fault is here: {}", message(&error)))
    }

    /// All batches.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>> {
        let mut batches = vec![];
        while let Some(batch) = self.next().await {
            batches.push(batch?);
        }
        Ok(batches)
    }

    /// The progress of reading so far.
    pub fn progress(&self) -> Progress {
        Progress::of(&self.plan)
    }

    /// Notes for the user, complete once the rows are read: mainly about rows that could not be used.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.files.all();
        notes.extend(lock(&self.notes).iter().cloned());
        if let Some(plan) = &self.plan.get() {
            notes.extend(notes_of(plan));
        }
        notes.iter().map(|note| self.language.message(note).into_owned()).collect()
    }
}

/// The number of rows that a batch represents.
fn rows_of(counts: bool, batch: &RecordBatch) -> u64 {
    let written = batch.columns().first().and_then(|column| column.as_primitive_opt::<UInt64Type>());
    written.filter(|_| counts).map_or(batch.num_rows() as u64, |written| written.iter().flatten().sum())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds the file to an error of the Parquet reader, which does not name it; the plan does.
fn name_files(plan: &Arc<dyn ExecutionPlan>, error: DataFusionError) -> DataFusionError {
    // Our own errors already have a subject.
    if own(&error).is_some() {
        return error;
    }
    let Some(problem) = parquet_problem(&raw(&error)) else { return error };
    let mut files = vec![];
    add_files(plan, &mut files);
    if let Some((file, problem)) = damage(&files) {
        return failed(file, problem);
    }
    match files.as_slice() {
        [] => error,
        [file] => failed(file, problem),
        [first, others @ ..] => failed(first, format!("this or one of {} more files {problem}", others.len())),
    }
}

fn add_files(plan: &Arc<dyn ExecutionPlan>, files: &mut Vec<String>) {
    if let Some(source) = plan.downcast_ref::<DataSourceExec>()
        && let Some(scan) = source.data_source().downcast_ref::<FileScanConfig>()
    {
        for file in scan.file_groups.iter().flat_map(|group| group.iter()) {
            let path = match held(file) {
                Some(pin) => pin.path.display().to_string(),
                None => format!("/{}", file.object_meta.location),
            };
            if !files.contains(&path) {
                files.push(path);
            }
        }
    }
    plan.children().into_iter().for_each(|child| add_files(child, files));
}

/// The data file of the database that a part of a scan reads.
fn held(file: &PartitionedFile) -> Option<&Arc<Pinned>> {
    let pins = file.extension::<Arc<Vec<Arc<Pinned>>>>()?;
    pins.iter().find(|pin| pin.name == file.object_meta.location.as_ref())
}
