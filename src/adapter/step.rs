//! Steps: the part of a relation function that no SQL operator does.
//!
//! A [`Step`] is an algorithm over a stream of batches. [`Step::over`] puts it into a logical plan; the rest of what an
//! operator needs stands here once: EXPLAIN, metrics, memory from the session's pool, and a guard against a filter
//! that must not sink below it.

use std::any::Any;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchemaRef, Result, internal_err};
use datafusion::execution::disk_manager::DiskManager;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    EquivalenceProperties, LexRequirement, OrderingRequirements, PhysicalExpr, PhysicalSortExpr, PhysicalSortRequirement,
};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, CustomMetricValue, ExecutionPlanMetricsSet, MetricBuilder, MetricValue, MetricsSet,
};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements,
    Partitioning, PlanProperties,
};
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};
use futures::Stream;

use crate::settings::PortraitSettings;

/// How a step wants its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Every partition is worked on alone, and gives a partition of the result.
    EachPartition,
    /// Everything as one stream.
    OneStream,
    /// All partitions at once: the step shares the work itself.
    AllPartitions,
}

/// The metrics that tell how far a step is begin with this.
pub const PROGRESS: &str = "progress_";

/// A line that tells how far a step is.
#[derive(Debug, Clone, Default)]
pub struct Status(Arc<Mutex<String>>);

impl Status {
    /// Says something new.
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

/// The partitions of one input.
pub type Streams = Vec<SendableRecordBatchStream>;

/// An algorithm over streams of batches.
pub trait Step: Debug + Send + Sync {
    /// Its name in EXPLAIN.
    fn name(&self) -> &'static str;

    /// Its parameters in EXPLAIN. Two steps of one name and description do the same.
    fn describe(&self) -> String;

    /// How it wants its inputs.
    fn reads(&self) -> Reads {
        Reads::OneStream
    }

    /// The column that every input must come in the order of, ascending with NULL first; the result is in the order of its column of
    /// that number.
    fn sorted_by(&self) -> Option<usize> {
        None
    }

    /// Starts the work on its inputs, in their order. Nothing is read before the returned stream is polled.
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream>;
}

/// The input of a step that has one stream to read.
pub fn only_stream(inputs: Vec<Streams>) -> Result<SendableRecordBatchStream> {
    let mut streams = inputs.into_iter().flatten();
    match (streams.next(), streams.next()) {
        (Some(stream), None) => Ok(stream),
        _ => internal_err!("a step was given more than one stream"),
    }
}

impl dyn Step {
    /// The plan of this step over its inputs.
    pub fn over(self: Arc<Self>, inputs: impl Into<Vec<LogicalPlan>>, schema: DFSchemaRef) -> LogicalPlan {
        let node = StepNode { step: self, inputs: inputs.into(), schema, residual: vec![] };
        LogicalPlan::Extension(Extension { node: Arc::new(node) })
    }
}

/// What a running step works with.
#[derive(Debug)]
pub struct StepContext {
    /// The schema of the result.
    pub schema: SchemaRef,
    /// Memory taken from the session's pool; grow it before taking memory.
    pub memory: MemoryReservation,
    /// The session's settings.
    pub settings: PortraitSettings,
    /// Rows in a batch of the result.
    pub batch_size: usize,
    /// How many threads a step that shares its work itself should use.
    pub workers: usize,
    /// Where temporary files are made.
    pub disk: Arc<DiskManager>,
    metrics: ExecutionPlanMetricsSet,
    partition: usize,
}

impl StepContext {
    /// A counter shown by EXPLAIN ANALYZE.
    pub fn counter(&self, name: impl Into<Cow<'static, str>>) -> Count {
        MetricBuilder::new(&self.metrics).counter(name, self.partition)
    }

    /// A counter that the user is shown while the step works: `itemsets` appears as "12,345 itemsets".
    pub fn progress(&self, name: &str) -> Count {
        self.counter(format!("{PROGRESS}{name}"))
    }

    /// What the user is told while the step works.
    pub fn status(&self) -> Status {
        let status = Status::default();
        let value = MetricValue::Custom { name: PROGRESS.into(), value: Arc::new(status.clone()) };
        MetricBuilder::new(&self.metrics).with_partition(self.partition).build(value);
        status
    }

    /// A timer of the step's own work, shown as `elapsed_compute`.
    pub fn timer(&self) -> datafusion::physical_plan::metrics::Time {
        MetricBuilder::new(&self.metrics).elapsed_compute(self.partition)
    }
}

/// Splits off a predicate that was just pushed onto `input` though it reads none of its columns.
///
/// DataFusion pushes such predicates (`random() < 0.5`, say) below any extension node, where they would drop rows before
/// they are counted. The nodes that must see every row keep them aside and apply them to their result.
fn catch_pushed_filter(before: &LogicalPlan, now: LogicalPlan, residual: &mut Vec<Expr>) -> LogicalPlan {
    match now {
        LogicalPlan::Filter(filter) if filter.predicate.column_refs().is_empty() && *filter.input == *before => {
            residual.push(filter.predicate);
            Arc::unwrap_or_clone(filter.input)
        }
        other => other,
    }
}

/// Likewise for all inputs of a node: such a predicate is pushed onto each of them, and must be applied once.
pub fn catch_pushed_filters<'a>(
    before: impl Iterator<Item = &'a LogicalPlan>,
    now: Vec<LogicalPlan>,
    residual: &mut Vec<Expr>,
) -> Vec<LogicalPlan> {
    let mut again = vec![];
    let inputs = before.zip(now).enumerate().map(|(input, (before, now))| {
        let caught = if input == 0 { &mut *residual } else { &mut again };
        catch_pushed_filter(before, now, caught)
    });
    inputs.collect()
}

#[derive(Debug, Clone)]
struct StepNode {
    step: Arc<dyn Step>,
    inputs: Vec<LogicalPlan>,
    schema: DFSchemaRef,
    residual: Vec<Expr>,
}

impl StepNode {
    fn identity(&self) -> (&'static str, String, &[LogicalPlan], &DFSchemaRef, &[Expr]) {
        (self.step.name(), self.step.describe(), &self.inputs, &self.schema, &self.residual)
    }
}

impl PartialEq for StepNode {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for StepNode {}

impl Hash for StepNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl PartialOrd for StepNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let order = self.inputs.partial_cmp(&other.inputs)?;
        Some(order.then_with(|| self.step.describe().cmp(&other.step.describe())))
            .filter(|order| *order != Ordering::Equal || self == other)
    }
}

impl UserDefinedLogicalNodeCore for StepNode {
    fn name(&self) -> &str {
        self.step.name()
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        self.inputs.iter().collect()
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step.name(), self.step.describe())
    }

    fn with_exprs_and_inputs(&self, _expressions: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut node = self.clone();
        node.inputs = match self.step.reads() {
            Reads::EachPartition => inputs,
            _ => catch_pushed_filters(self.inputs.iter(), inputs, &mut node.residual),
        };
        Ok(node)
    }
}

/// Plans the steps of relation functions. Give it to your own query planner when you have one.
#[derive(Debug)]
pub struct StepPlanner;

#[async_trait]
impl ExtensionPlanner for StepPlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        planning: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<StepNode>() else { return Ok(None) };
        let schema = Arc::clone(node.schema.inner());
        let step = StepExec::new(Arc::clone(&node.step), physical_inputs.to_vec(), schema);
        let mut plan: Arc<dyn ExecutionPlan> = Arc::new(step);
        for predicate in &node.residual {
            let predicate = planner.create_physical_expr(predicate, &node.schema, session, planning)?;
            plan = Arc::new(FilterExec::try_new(predicate, plan)?);
        }
        Ok(Some(plan))
    }
}

/// The order that [`Step::sorted_by`] means.
const ASCENDING: SortOptions = SortOptions { descending: false, nulls_first: true };

#[derive(Debug)]
struct StepExec {
    step: Arc<dyn Step>,
    inputs: Vec<Arc<dyn ExecutionPlan>>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    name: String,
}

impl StepExec {
    fn new(step: Arc<dyn Step>, inputs: Vec<Arc<dyn ExecutionPlan>>, schema: SchemaRef) -> Self {
        let (partitions, emission) = match (step.reads(), inputs.first()) {
            (Reads::EachPartition, Some(input)) => (partitions(input), EmissionType::Incremental),
            _ => (1, EmissionType::Final),
        };
        let mut equivalences = EquivalenceProperties::new(Arc::clone(&schema));
        if let Some(column) = step.sorted_by() {
            // What comes in order goes in order: the same column leads the result.
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
}

fn partitions(input: &Arc<dyn ExecutionPlan>) -> usize {
    input.output_partitioning().partition_count()
}

impl DisplayAs for StepExec {
    fn fmt_as(&self, _style: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.step.describe())
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
        // Files are read in ranges all the same; what is not divided stays in its order.
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

/// Counts the rows of a step's result.
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
