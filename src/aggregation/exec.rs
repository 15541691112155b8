//! The plan node of the aggregation.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::coop::cooperative;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
};
use futures::StreamExt;
use parking_lot::Mutex;

use super::emit;
use super::gather::{Context, Run};
use super::inputs::Inputs;
use crate::kernels::grouping::rows::Kind;
use crate::kernels::grouping::{Groups, Range};

/// What to compute.
#[derive(Debug)]
pub struct Work {
    pub keys: Vec<Arc<dyn PhysicalExpr>>,
    /// The type of each key, and its range of integers if that is known.
    pub key_types: Vec<(DataType, Option<Range>)>,
    /// Why integers of a key have no array over their range, for EXPLAIN.
    pub without_array: Vec<Option<String>>,
    pub aggregates: Vec<Arc<AggregateFunctionExpr>>,
    /// What is measured of each aggregate that is kept side by side with others; nothing of those that have an accumulator.
    pub measured: Vec<Vec<Kind>>,
    /// What is computed of the input for the aggregates.
    pub inputs: Inputs,
    /// The arguments of each aggregate, among the inputs.
    pub arguments: Vec<Vec<usize>>,
    /// The FILTER of each aggregate, among the inputs.
    pub filters: Vec<Option<usize>>,
    /// The keys, then the aggregates.
    pub schema: SchemaRef,
}

impl Work {
    pub fn keys_of(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        self.keys.iter().map(|key| key.evaluate(batch)?.into_array(batch.num_rows())).collect()
    }
}

/// Groups by one or two keys, and returns one row per group.
#[derive(Debug)]
pub struct GroupedAggregateExec {
    work: Arc<Work>,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    /// Runs that not all partitions of the result have joined.
    runs: Mutex<Vec<Started>>,
}

/// A run, and the partitions of the result that have not joined it.
#[derive(Debug)]
struct Started {
    run: Run,
    missing: Vec<usize>,
}

impl GroupedAggregateExec {
    pub fn new(work: Work, input: Arc<dyn ExecutionPlan>) -> Self {
        Self::over(Arc::new(work), input)
    }

    fn over(work: Arc<Work>, input: Arc<dyn ExecutionPlan>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&work.schema)),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { work, input, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new(), runs: Mutex::default() }
    }

    fn with_new_input(&self, children: &[Arc<dyn ExecutionPlan>]) -> Result<Arc<dyn ExecutionPlan>> {
        let [input] = children else { return internal_err!("an aggregation reads one input") };
        Ok(Arc::new(Self::over(Arc::clone(&self.work), Arc::clone(input))))
    }

    /// The run that this partition belongs to. All partitions of one execution share a run; a second execution of the same plan starts
    /// another.
    fn run(&self, partition: usize, task: &Arc<TaskContext>) -> Run {
        let mut runs = self.runs.lock();
        if let Some(place) = runs.iter().position(|started| started.missing.contains(&partition)) {
            let started = &mut runs[place];
            started.missing.retain(|missing| *missing != partition);
            let run = started.run.clone();
            runs.retain(|started| !started.missing.is_empty());
            return run;
        }
        let context = Context {
            work: Arc::clone(&self.work),
            input: self.input.schema(),
            task: Arc::clone(task),
            metrics: self.metrics.clone(),
        };
        let partitions = self.input.output_partitioning().partition_count();
        let run = Run::start(context, Arc::clone(&self.input), partitions);
        let missing: Vec<usize> = (0..partitions).filter(|missing| *missing != partition).collect();
        if !missing.is_empty() {
            runs.push(Started { run: run.clone(), missing });
        }
        run
    }
}

impl DisplayAs for GroupedAggregateExec {
    fn fmt_as(&self, _style: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.work.keys.iter().map(ToString::to_string).collect();
        let aggregates =
            self.work.aggregates.iter().map(|aggregate| match (aggregate.human_display(), aggregate.human_display_alias()) {
                (Some(call), Some(alias)) => format!("{call} as {alias}"),
                (Some(call), None) => call.into(),
                _ => aggregate.name().into(),
            });
        let aggregates: Vec<String> = aggregates.collect();
        let tables = self.work.key_types.iter().zip(&self.work.without_array).map(|((data_type, range), reason)| {
            let table = Groups::describe(data_type, *range);
            reason.as_ref().map_or_else(|| table.clone(), |reason| format!("{table} ({reason})"))
        });
        let tables = tables.collect::<Vec<String>>().join(", ");
        write!(f, "GroupedAggregateExec: keys=[{}] in {tables}, aggregates=[{}]", keys.join(", "), aggregates.join(", "))
    }
}

impl ExecutionPlan for GroupedAggregateExec {
    fn name(&self) -> &str {
        "GroupedAggregateExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for expression in self.work.keys.iter().chain(self.work.inputs.expressions()) {
            if visit(expression)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.with_new_input(&children)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.with_new_input(&children)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let run = self.run(partition, &task);
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let results = emit::results(run).map(move |batch| {
            if let Ok(batch) = &batch {
                baseline.record_output(batch.num_rows());
            }
            batch
        });
        let schema = Arc::clone(&self.work.schema);
        Ok(Box::pin(cooperative(RecordBatchStreamAdapter::new(schema, results))))
    }
}
