//! A physical plan node whose rows come from outside the engine.
//!
//! A [`Source`] defines what is read and how. This module has the rest of the plan node, which is the same for all sources.

use std::fmt::{self, Debug};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::stream;

/// A source of rows, in a number of partitions.
pub trait Source: Debug + Send + Sync + 'static {
    /// Reads the rows of one partition.
    type Reader: Reader;

    /// The name of the node in plans.
    fn name(&self) -> &'static str;

    /// The details that EXPLAIN shows after the name.
    fn describe(&self) -> String;

    /// The columns of its rows.
    fn schema(&self) -> &SchemaRef;

    /// The number of partitions that can be read in parallel.
    fn partitions(&self) -> usize;

    /// Starts reading a partition.
    ///
    /// # Errors
    /// It cannot be read.
    fn reader(&self, context: SourceContext) -> Result<Self::Reader>;
}

/// Reads rows, batch by batch.
pub trait Reader: Send + 'static {
    /// The next rows; `None` after the last.
    ///
    /// # Errors
    /// The rows cannot be read, or do not fit the table's schema.
    fn next(&mut self) -> impl Future<Output = Result<Option<RecordBatch>>> + Send;
}

/// What a reader needs for one partition.
#[derive(Debug)]
pub struct SourceContext {
    pub partition: usize,
    pub batch_size: usize,
    /// Reserve memory here before using it.
    pub memory: MemoryReservation,
    pub metrics: ExecutionPlanMetricsSet,
    pub baseline: BaselineMetrics,
}

impl SourceContext {
    /// A counter that EXPLAIN ANALYZE shows.
    pub fn counter(&self, name: &'static str) -> Count {
        MetricBuilder::new(&self.metrics).counter(name, self.partition)
    }
}

/// The plan node for a source.
#[derive(Debug)]
pub struct SourceExec<S> {
    source: S,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl<S: Source> SourceExec<S> {
    /// A plan node that reads a source.
    pub fn reading(source: S) -> Arc<dyn ExecutionPlan> {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(source.schema())),
            Partitioning::UnknownPartitioning(source.partitions().max(1)),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Arc::new(Self { source, properties, metrics: ExecutionPlanMetricsSet::new() })
    }
}

impl<S: Source> DisplayAs for SourceExec<S> {
    fn fmt_as(&self, _style: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.source.schema().fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "{}: {}, columns=[{}]", self.source.name(), self.source.describe(), names.join(", "))
    }
}

impl<S: Source> ExecutionPlan for SourceExec<S> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let name = format!("{}[{partition}]", self.source.name());
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let reader = self.source.reader(SourceContext {
            partition,
            batch_size: task.session_config().batch_size(),
            memory: MemoryConsumer::new(name).register(task.memory_pool()),
            metrics: self.metrics.clone(),
            baseline: baseline.clone(),
        })?;
        let batches = stream::try_unfold((reader, baseline), |(mut reader, baseline)| async move {
            let batch = reader.next().await?;
            // Gives other tasks a turn, so that the statement can be cancelled even if rows never make it wait.
            tokio::task::consume_budget().await;
            Ok(batch.map(|batch| {
                baseline.record_output(batch.num_rows());
                (batch, (reader, baseline))
            }))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(self.source.schema()), batches)))
    }
}
