//! What a running step works with, and what it reports while it runs.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::SpillFile;
use datafusion::execution::disk_manager::DiskManager;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::metrics::{
    Count, CustomMetricValue, ExecutionPlanMetricsSet, Metric, MetricBuilder, MetricValue, MetricsSet, Time,
};

use crate::adapter::privacy_budget::PrivacyBudget;
use crate::encryption::scratch::{self, Scratch};
use crate::error::failed;
use crate::settings::PortraitSettings;

/// The prefix of the metrics that show the progress of a step.
pub const PROGRESS: &str = "progress_";

/// A line of text that shows the progress of a step.
#[derive(Debug, Clone, Default)]
pub struct Status(Arc<Mutex<String>>);

impl Status {
    /// Replaces the text.
    pub fn set(&self, text: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl CustomMetricValue for Status {
    fn new_empty(&self) -> Arc<dyn CustomMetricValue> {
        Arc::new(Self::default())
    }

    fn aggregate(&self, other: Arc<dyn CustomMetricValue>) {
        self.set(other.to_string());
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn is_eq(&self, other: &Arc<dyn CustomMetricValue>) -> bool {
        self.to_string() == other.to_string()
    }
}

/// The name of the metric that holds a note for the user.
const NOTE: &str = "note";

/// Where a running step leaves notes for the user about its result.
#[derive(Debug, Clone)]
pub struct Notes {
    metrics: ExecutionPlanMetricsSet,
}

impl Notes {
    /// The notes of an operator that keeps these metrics.
    pub fn of(metrics: &ExecutionPlanMetricsSet) -> Self {
        Self { metrics: metrics.clone() }
    }

    /// Adds a sentence, to be shown after the query.
    pub fn tell(&self, text: String) {
        let note = Status::default();
        note.set(text);
        MetricBuilder::new(&self.metrics).build(MetricValue::Custom { name: NOTE.into(), value: Arc::new(note) });
    }
}

/// The notes that a step has left.
pub fn told(metrics: &MetricsSet) -> Vec<String> {
    let text = |metric: &Arc<Metric>| match metric.value() {
        MetricValue::Custom { name, value } if name == NOTE => Some(value.to_string()),
        _ => None,
    };
    metrics.iter().filter_map(text).collect()
}

/// Rows or other things that a step leaves out, and what to call them.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// The counter's name in EXPLAIN ANALYZE.
    pub counter: String,
    /// The singular: `row without customer`.
    pub one: String,
    /// The plural: `rows without customer`.
    pub many: String,
}

impl LeftOut {
    /// The note: `3 rows without customer were left out`.
    pub fn told(&self, count: usize) -> String {
        let Self { counter, one, many } = self;
        if counter == EMPTIED {
            return if count == 1 {
                format!("{count} {one} was read as NULL")
            } else {
                format!("{count} {many} were read as NULL")
            };
        }
        if count == 1 { format!("{count} {one} was left out") } else { format!("{count} {many} were left out") }
    }

    /// A counter of them, shown by EXPLAIN ANALYZE and as a note after the query.
    pub fn count(self, metrics: &ExecutionPlanMetricsSet, partition: usize) -> Count {
        let Self { counter, one, many } = self;
        let metric = MetricBuilder::new(metrics).with_new_label(LEFT_OUT_ONE, one).with_new_label(LEFT_OUT_MANY, many);
        metric.counter(counter, partition)
    }
}

/// The counter of values that are not left out but read as NULL.
pub const EMPTIED: &str = "values_emptied";

/// The labels of a counter that hold the singular and the plural.
const LEFT_OUT_ONE: &str = "left_out_one";
const LEFT_OUT_MANY: &str = "left_out_many";

/// Adds up what was left out according to the metrics of a step, by the names of the counters.
pub fn left_out(metrics: &MetricsSet, counts: &mut BTreeMap<String, (usize, LeftOut)>) {
    let label = |metric: &Metric, name: &str| {
        let found = metric.labels().iter().find(|label| label.name() == name);
        found.map(|label| label.value().to_string())
    };
    for metric in metrics.iter() {
        let MetricValue::Count { name, count } = metric.value() else { continue };
        if let (Some(one), Some(many), 1..) = (label(metric, LEFT_OUT_ONE), label(metric, LEFT_OUT_MANY), count.value()) {
            let what = LeftOut { counter: name.to_string(), one, many };
            counts.entry(name.to_string()).or_insert((0, what)).0 += count.value();
        }
    }
}

/// Creates a temporary file that is written once and then read in parts; encrypted if the database is. The file is deleted when the
/// second value is dropped.
///
/// # Errors
/// The disk is full, or temporary files are not allowed.
pub fn scratch(disk: &Arc<DiskManager>, function: &str) -> Result<(Box<dyn Scratch>, Arc<dyn SpillFile>)> {
    let file = disk.create_tmp_file(function)?;
    let Some(path) = file.path() else { return Err(failed(function, "temporary files have no path here")) };
    Ok((scratch::open(path)?, file))
}

/// What a running step works with.
#[derive(Debug)]
pub struct StepContext {
    /// The schema of the result.
    pub schema: SchemaRef,
    /// Memory taken from the session's pool; grow it before allocating.
    pub memory: MemoryReservation,
    /// The session's settings.
    pub settings: PortraitSettings,
    /// The privacy budget of the current user, for answers with noise.
    pub budget: Option<PrivacyBudget>,
    /// Rows in a batch of the result.
    pub batch_size: usize,
    /// The number of threads for a step that distributes its work itself.
    pub workers: usize,
    /// Creates temporary files.
    pub disk: Arc<DiskManager>,
    pub(super) metrics: ExecutionPlanMetricsSet,
    pub(super) partition: usize,
}

impl StepContext {
    /// A counter shown by EXPLAIN ANALYZE.
    pub fn counter(&self, name: impl Into<Cow<'static, str>>) -> Count {
        MetricBuilder::new(&self.metrics).counter(name, self.partition)
    }

    /// A counter shown to the user while the step runs: `itemsets` appears as "12,345 itemsets".
    pub fn progress(&self, name: &str) -> Count {
        self.counter(format!("{PROGRESS}{name}"))
    }

    /// A line of text shown to the user while the step runs.
    pub fn status(&self) -> Status {
        let status = Status::default();
        let value = MetricValue::Custom { name: PROGRESS.into(), value: Arc::new(status.clone()) };
        MetricBuilder::new(&self.metrics).with_partition(self.partition).build(value);
        status
    }

    /// Where to leave notes for the user about the result.
    pub fn notes(&self) -> Notes {
        Notes { metrics: self.metrics.clone() }
    }

    /// A counter of what cannot be used, shown by EXPLAIN ANALYZE and as a note after the query.
    pub fn left_out(&self, what: LeftOut) -> Count {
        what.count(&self.metrics, self.partition)
    }

    /// A timer of the step's own work, shown as `elapsed_compute`.
    pub fn timer(&self) -> Time {
        MetricBuilder::new(&self.metrics).elapsed_compute(self.partition)
    }
}
