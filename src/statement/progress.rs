//! The progress of a statement, from the metrics of the plan that it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};

use super::RunningPlan;
use crate::adapter::step::PROGRESS;
use crate::text::megabytes;

/// The progress of a running statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows read from tables.
    pub rows: usize,
    /// Bytes read from files.
    pub bytes: usize,
    /// What long steps have produced so far, such as itemsets, by name.
    pub made: BTreeMap<String, usize>,
    /// The status text of a long computation.
    pub status: String,
    /// The work being done, in one word (`sorting`); empty while rows are only read.
    pub step: String,
}

impl Progress {
    /// The progress of a plan.
    pub fn of(plan: &RunningPlan) -> Self {
        let mut progress = Self::default();
        if let Some(plan) = &plan.get() {
            add_progress(plan, &mut progress);
            progress.step = working(plan).unwrap_or_default().into();
        }
        let size = |bytes: u64| megabytes(usize::try_from(bytes).unwrap_or(usize::MAX));
        if let (copied, all @ 1..) = plan.copied() {
            progress.status = format!("{} of {} copied", size(copied), size(all));
        }
        progress
    }
}

fn add_progress(plan: &Arc<dyn ExecutionPlan>, progress: &mut Progress) {
    let children = plan.children();
    let metrics = plan.metrics();
    if children.is_empty()
        && let Some(metrics) = &metrics
    {
        progress.rows += metrics.output_rows().unwrap_or(0);
        progress.bytes += metrics.sum_by_name("bytes_scanned").map_or(0, |bytes| bytes.as_usize());
    }
    for_counts(metrics.as_ref(), |name, count| {
        if let Some(name) = name.strip_prefix(PROGRESS) {
            *progress.made.entry(name.to_string()).or_default() += count;
        }
    });
    for metric in metrics.iter().flat_map(MetricsSet::iter) {
        if let MetricValue::Custom { name, value } = metric.value()
            && name == PROGRESS
        {
            progress.status = value.to_string();
        }
    }
    children.into_iter().for_each(|child| add_progress(child, progress));
}

/// The deepest step that has received rows but not returned any. The steps above are waiting for it.
fn working(plan: &Arc<dyn ExecutionPlan>) -> Option<&'static str> {
    if let Some(deeper) = plan.children().into_iter().find_map(working) {
        return Some(deeper);
    }
    let word = match plan.name() {
        "SortExec" => "sorting",
        "AggregateExec" | "GroupedAggregateExec" => "grouping",
        "HashJoinExec" | "SortMergeJoinExec" | "NestedLoopJoinExec" | "CrossJoinExec" => "joining",
        "WindowAggExec" | "BoundedWindowAggExec" => "numbering",
        _ => return None,
    };
    (!has_given(plan) && plan.children().into_iter().any(has_given)).then_some(word)
}

/// Whether a step has returned rows. A step without a row counter is judged by its inputs.
fn has_given(plan: &Arc<dyn ExecutionPlan>) -> bool {
    match plan.metrics().and_then(|metrics| metrics.output_rows()) {
        Some(rows) => rows > 0,
        None => plan.children().into_iter().any(has_given),
    }
}

/// Calls `visit` with each counter above 0.
fn for_counts(metrics: Option<&MetricsSet>, mut visit: impl FnMut(&str, usize)) {
    for metric in metrics.into_iter().flat_map(MetricsSet::iter) {
        if let MetricValue::Count { name, count } = metric.value()
            && count.value() > 0
        {
            visit(name, count.value());
        }
    }
}
