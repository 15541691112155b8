//! A part of a plan that is read in several places and computed once.
//!
//! Several reads must give the same rows: rows chosen by LIMIT without an order, drawn at random, or sums of floats added in
//! different order could differ. Copies of a part, which have its mark, become one part when the physical plan is finished. The first
//! reader starts it, its rows are kept in memory as long as there is room and then on disk, and all readers read them from
//! there.
//!
//! Statements that run many queries, such as reports, share parts among them as well: see [`SharedParts`].

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNodeRecursion};
use datafusion::common::{DFSchemaRef, DataFusionError, Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::spill_file::SpillFile;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};
use datafusion::physical_plan::spill::SpillManager;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, execute_stream};
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};
use futures::future::{BoxFuture, FutureExt, Shared, TryFutureExt};
use futures::stream::{StreamExt, TryStreamExt};
use parking_lot::Mutex;

use crate::settings::carried;
use crate::walk::{PlanTree, Tree};

/// Tells a part from all others, for as long as a copy of it exists.
#[derive(Debug, Clone, Default)]
struct Mark(Arc<()>);

impl Mark {
    fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl PartialEq for Mark {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl Eq for Mark {}

impl Hash for Mark {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address().hash(state);
    }
}

/// The logical node: parts with the same mark are one part.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct OnceNode {
    mark: Mark,
    /// The name of a part that several queries of one statement have.
    shared: Option<Arc<str>>,
    input: LogicalPlan,
}

impl PartialOrd for OnceNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let order = self.mark.address().cmp(&other.mark.address());
        Some(order).filter(|order| *order != Ordering::Equal || self == other)
    }
}

/// True for a plan that could give other rows when it is computed again: it draws values at random, or takes some of its rows.
///
/// A part of a correlated subquery is never computed once, because it has other rows for each outer row.
pub fn may_give_other_rows(plan: &LogicalPlan) -> Result<bool> {
    if !plan.all_out_ref_exprs().is_empty() {
        return Ok(false);
    }
    let mut changes = false;
    plan.each_plan(|node| {
        changes |= matches!(node, LogicalPlan::Limit(_));
        node.each_expression(|expression| {
            changes |= expression.is_volatile();
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(if changes { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(changes)
}

/// A plan that is computed once, wherever copies of it occur in another plan.
pub fn once(input: LogicalPlan) -> LogicalPlan {
    once_as(None, input)
}

/// The same; where the plan is made with [`SharedParts`], other plans read the rows of the part of that name too.
pub fn once_as(shared: Option<&str>, input: LogicalPlan) -> LogicalPlan {
    let shared = shared.map(Arc::from);
    LogicalPlan::Extension(Extension { node: Arc::new(OnceNode { mark: Mark::default(), shared, input }) })
}

/// Parts that several queries of one statement read, under their names. Cheap to clone; clones hold the same parts.
#[derive(Debug, Clone, Default)]
pub struct SharedParts(Arc<Mutex<Parts>>);

type Parts = HashMap<Arc<str>, Arc<dyn ExecutionPlan>>;

// Part of the settings that a plan is made with, so that the rule below finds the parts.
carried!(SharedParts, "shared_parts");

impl SharedParts {
    /// The part of that name that an earlier query has, or else this one, which later queries will have.
    fn part(&self, name: &Arc<str>, own: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        let mut parts = self.0.lock();
        let known = parts.entry(Arc::clone(name)).or_insert_with(|| Arc::clone(own));
        if known.schema() == own.schema() { Arc::clone(known) } else { Arc::clone(own) }
    }
}

impl UserDefinedLogicalNodeCore for OnceNode {
    fn name(&self) -> &str {
        "Once"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    /// No condition may be pushed below it: the other readers have other conditions.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.input.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Once")
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        match (inputs.pop(), inputs.len()) {
            (Some(input), 0) => Ok(Self { mark: self.mark.clone(), shared: self.shared.clone(), input }),
            _ => internal_err!("Once takes one input"),
        }
    }
}

/// Plans these parts.
#[derive(Debug)]
pub struct OncePlanner;

#[async_trait]
impl ExtensionPlanner for OncePlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<OnceNode>() else { return Ok(None) };
        let Some(input) = physical_inputs.first() else { return internal_err!("Once takes one input") };
        // The plan around a part computes its scalar subqueries. A part that other plans read too must compute them by itself.
        let input = match has_scalar_subquery(&node.input)? {
            true => planner.create_physical_plan(&node.input, session).await?,
            false => Arc::clone(input),
        };
        Ok(Some(Arc::new(OnceExec::new(node.mark.clone(), node.shared.clone(), input))))
    }
}

fn has_scalar_subquery(plan: &LogicalPlan) -> Result<bool> {
    plan.any_part(|node| {
        let mut found = false;
        node.each_expression(|expression| {
            found |= expression.any_part(|part| Ok(matches!(part, Expr::ScalarSubquery(_))))?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(found)
    })
}

/// Merges parts with the same mark. This must be the last rule: a part that changes afterwards is no longer shared.
#[derive(Debug)]
pub struct ComputeOnce;

impl PhysicalOptimizerRule for ComputeOnce {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let shared = options.extensions.get::<SharedParts>();
        let mut parts: HashMap<Mark, Arc<dyn ExecutionPlan>> = HashMap::new();
        plan.changed_up(|plan| {
            let Some(part) = plan.downcast_ref::<OnceExec>() else { return Ok(Transformed::no(plan)) };
            let first = parts.entry(part.mark.clone()).or_insert_with(|| match (shared, &part.shared) {
                (Some(shared), Some(name)) => shared.part(name, &plan),
                _ => Arc::clone(&plan),
            });
            Ok(Transformed::yes(Arc::clone(first)))
        })
        .data()
    }

    fn name(&self) -> &str {
        "compute_once"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

type Collecting = Shared<BoxFuture<'static, Result<Arc<Collected>, Arc<DataFusionError>>>>;

struct OnceExec {
    mark: Mark,
    shared: Option<Arc<str>>,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    collecting: Mutex<Option<Collecting>>,
}

impl OnceExec {
    fn new(mark: Mark, shared: Option<Arc<str>>, input: Arc<dyn ExecutionPlan>) -> Self {
        // One stream without an order, whatever the input provides: each place may have planned the input differently.
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { mark, shared, input, properties: Arc::new(properties), collecting: Mutex::new(None) }
    }
}

impl Debug for OnceExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceExec").field("mark", &self.mark.address()).field("input", &self.input).finish_non_exhaustive()
    }
}

impl DisplayAs for OnceExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnceExec")
    }
}

impl ExecutionPlan for OnceExec {
    fn name(&self) -> &str {
        "OnceExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
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
        match children.into_iter().next() {
            Some(input) => Ok(Arc::new(Self::new(self.mark.clone(), self.shared.clone(), input))),
            None => Ok(self),
        }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match children.into_iter().next() {
            Some(input) => Ok(Arc::new(Self::new(self.mark.clone(), self.shared.clone(), input))),
            None => Ok(self),
        }
    }

    fn execute(&self, _: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let metrics = SpillMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
        let spilling = Arc::new(SpillManager::new(task.runtime_env(), metrics, Arc::clone(&schema)));
        let mut known = self.collecting.lock();
        let collecting = known.get_or_insert_with(|| {
            let (input, spilling) = (Arc::clone(&self.input), Arc::clone(&spilling));
            async move { collect(input, task, &spilling).await.map(Arc::new).map_err(Arc::new) }.boxed().shared()
        });
        let collecting = collecting.clone();
        let rows = async move {
            let collected = collecting.await.map_err(DataFusionError::Shared)?;
            let files = collected.files.clone().into_iter().map(move |file| spilling.read_spill_as_stream(file, None));
            let files = futures::stream::iter(files).try_flatten();
            let memory = (0..collected.batches.len()).map(move |batch| Ok(collected.batches[batch].clone()));
            Ok::<_, DataFusionError>(files.chain(futures::stream::iter(memory)))
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows.try_flatten_stream())))
    }
}

/// The collected rows, in spill files and in memory.
struct Collected {
    files: Vec<Arc<dyn SpillFile>>,
    batches: Vec<RecordBatch>,
    memory: MemoryReservation,
}

async fn collect(input: Arc<dyn ExecutionPlan>, task: Arc<TaskContext>, spilling: &SpillManager) -> Result<Collected> {
    let memory = MemoryConsumer::new("OnceExec").with_can_spill(true).register(task.memory_pool());
    let mut rows = execute_stream(input, task)?;
    let mut collected = Collected { files: vec![], batches: vec![], memory };
    while let Some(batch) = rows.try_next().await? {
        if batch.num_rows() == 0 {
            continue;
        }
        let size = batch.get_array_memory_size();
        collected.batches.push(batch);
        if collected.memory.try_grow(size).is_err() {
            let written = spilling.spill_record_batch_and_finish(&collected.batches, "rows that are read in several places")?;
            collected.files.extend(written);
            collected.batches.clear();
            collected.memory.free();
        }
    }
    Ok(collected)
}
