//! A step in a logical plan.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchemaRef, Result};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};

use super::exec::StepExec;
use super::{AnyStep, Reads};

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

/// The same for all inputs of a node: such a predicate is pushed onto each of them, but must be applied only once.
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

/// A step over its inputs.
#[derive(Debug, Clone)]
struct StepNode {
    step: Arc<dyn AnyStep>,
    /// The encoded step, cached because the optimizer compares plans again and again.
    bytes: Arc<[u8]>,
    inputs: Vec<LogicalPlan>,
    schema: DFSchemaRef,
    /// Predicates to apply to the result, see [`catch_pushed_filter`].
    residual: Vec<Expr>,
}

/// The plan of a step over its inputs.
pub fn plan(step: Arc<dyn AnyStep>, inputs: Vec<LogicalPlan>, schema: DFSchemaRef) -> Result<LogicalPlan> {
    let bytes = step.encode()?.into();
    let node = StepNode { step, bytes, inputs, schema, residual: vec![] };
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

impl StepNode {
    fn identity(&self) -> (&'static str, &[u8], &[LogicalPlan], &DFSchemaRef, &[Expr]) {
        (self.step.name(), &self.bytes, &self.inputs, &self.schema, &self.residual)
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
        let own = (self.step.name(), &self.bytes).cmp(&(other.step.name(), &other.bytes));
        Some(order.then(own)).filter(|order| *order != Ordering::Equal || self == other)
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
        write!(f, "{}: {}", self.step.name(), self.step.parameters())
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

/// Plans the steps of relation functions. Add it to your query planner if you have your own.
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
