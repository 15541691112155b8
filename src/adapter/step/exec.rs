//! A step in a physical plan.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use datafusion::physical_expr::{
    EquivalenceProperties, LexRequirement, OrderingRequirements, PhysicalExpr, PhysicalSortExpr, PhysicalSortRequirement,
};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements,
    Partitioning, PlanProperties, Statistics,
};
use futures::Stream;

use super::{AnyStep, Reads, StepContext, Streams};
use crate::adapter::privacy_budget::PrivacyBudget;
use crate::settings::PortraitSettings;

/// The sort order meant by [`sorted_by`](super::Step::sorted_by).
const ASCENDING: SortOptions = SortOptions { descending: false, nulls_first: true };

/// A step over its inputs.
#[derive(Debug)]
pub struct StepExec {
    step: Arc<dyn AnyStep>,
    inputs: Vec<Arc<dyn ExecutionPlan>>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    name: String,
}

impl StepExec {
    pub fn new(step: Arc<dyn AnyStep>, inputs: Vec<Arc<dyn ExecutionPlan>>, schema: SchemaRef) -> Self {
        let (partitions, emission) = match (step.reads(), inputs.first()) {
            (Reads::EachPartition, Some(input)) => (partitions(input), EmissionType::Incremental),
            _ => (1, EmissionType::Final),
        };
        let mut equivalences = EquivalenceProperties::new(Arc::clone(&schema));
        if let Some(column) = step.sorted_by() {
            // A step that needs sorted input keeps the order; its result is sorted by the column at the same position.
            let column = Column::new(schema.field(column).name(), column);
            equivalences.add_ordering([PhysicalSortExpr::new(Arc::new(column), ASCENDING)]);
        }
        let properties = Arc::new(PlanProperties::new(
            equivalences,
            Partitioning::UnknownPartitioning(partitions),
            emission,
            Boundedness::Bounded,
        ));
        let name = format!("{}Exec", step.name());
        Self { step, inputs, schema, properties, metrics: ExecutionPlanMetricsSet::new(), name }
    }

    #[cfg(test)]
    pub fn step(&self) -> &Arc<dyn AnyStep> {
        &self.step
    }
}

fn partitions(input: &Arc<dyn ExecutionPlan>) -> usize {
    input.output_partitioning().partition_count()
}

impl DisplayAs for StepExec {
    fn fmt_as(&self, _style: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.step.parameters())
    }
}

impl ExecutionPlan for StepExec {
    fn name(&self) -> &str {
        &self.name
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inputs.iter().collect()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let wanted = match self.step.reads() {
            Reads::OneStream => Distribution::SinglePartition,
            _ => Distribution::UnspecifiedDistribution,
        };
        InputDistributionRequirements::new(vec![wanted; self.inputs.len()])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let required = |input: &Arc<dyn ExecutionPlan>| {
            let column = self.step.sorted_by()?;
            let name = input.schema().field(column).name().clone();
            let order = PhysicalSortRequirement::new(Arc::new(Column::new(&name, column)), Some(ASCENDING));
            LexRequirement::new([order]).map(OrderingRequirements::new)
        };
        self.inputs.iter().map(required).collect()
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        // Repartitioning would destroy the order of the input; files are split into ranges anyway.
        vec![false; self.inputs.len()]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(Arc::clone(&self.step), children, Arc::clone(&self.schema))))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(Arc::clone(&self.step), children, Arc::clone(&self.schema))))
    }

    fn try_swapping_with_projection(&self, projection: &ProjectionExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if !self.step.leaves_out_columns() {
            return Ok(None);
        }
        let columns = self.schema.fields().len();
        let mut read: Vec<usize> =
            projection.expr().iter().flat_map(|made| collect_columns(&made.expr)).map(|column| column.index()).collect();
        read.sort_unstable();
        read.dedup();
        if read.is_empty() {
            // Rows are counted by some column.
            read.extend(columns.checked_sub(1));
        }
        if read.len() == columns {
            return Ok(None);
        }
        let schema = Arc::new(self.schema.project(&read)?);
        let made = |made: &ProjectionExpr| {
            let expr = reassign_expr_columns(Arc::clone(&made.expr), &schema)?;
            Ok(ProjectionExpr { expr, alias: made.alias.clone() })
        };
        let made = projection.expr().iter().map(made).collect::<Result<Vec<_>>>()?;
        let step = Self::new(Arc::clone(&self.step), self.inputs.clone(), schema);
        Ok(Some(Arc::new(ProjectionExec::try_new(made, Arc::new(step))?)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        let first = if self.step.narrows() { ChildStats::At(partition) } else { ChildStats::Skip };
        (0..self.inputs.len()).map(|input| if input == 0 { first } else { ChildStats::Skip }).collect()
    }

    /// The statistics of the first input are upper bounds if the result is some of its rows.
    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(match inputs.first() {
            Some(first) if self.step.narrows() => Arc::new(first.as_ref().clone().to_inexact()),
            _ => Arc::new(Statistics::new_unknown(&self.schema)),
        })
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let streams = |input: &Arc<dyn ExecutionPlan>| match self.step.reads() {
            Reads::AllPartitions => (0..partitions(input)).map(|partition| input.execute(partition, Arc::clone(&task))).collect(),
            _ => Ok(vec![input.execute(partition, Arc::clone(&task))?]),
        };
        let inputs = self.inputs.iter().map(streams).collect::<Result<Vec<Streams>>>()?;
        let config = task.session_config();
        let context = StepContext {
            schema: Arc::clone(&self.schema),
            memory: MemoryConsumer::new(format!("{}[{partition}]", self.name)).register(task.memory_pool()),
            settings: PortraitSettings::of(config.options()),
            budget: config.options().extensions.get::<PrivacyBudget>().cloned(),
            batch_size: config.batch_size(),
            workers: config.target_partitions(),
            disk: Arc::clone(&task.runtime_env().disk_manager),
            metrics: self.metrics.clone(),
            partition,
        };
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        Ok(Box::pin(Observed { inner: self.step.run(inputs, context)?, baseline }))
    }
}

/// Records the number of rows and the time of a step's result.
struct Observed {
    inner: SendableRecordBatchStream,
    baseline: BaselineMetrics,
}

impl Stream for Observed {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let poll = self.inner.as_mut().poll_next(context);
        self.baseline.record_poll(poll)
    }
}

impl RecordBatchStream for Observed {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }
}
