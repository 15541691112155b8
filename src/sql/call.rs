//! A call of a relation function in a plan, and the rule that replaces it by the plan it stands for.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DFSchemaRef, Result, ScalarValue};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, LogicalPlanBuilder, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};

use crate::adapter::arguments::Options;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::catch_pushed_filters;
use crate::docs::Doc;
use crate::error::invalid;
use crate::walk::{PlanTree, Tree};

/// `name(input, role => expression, option => constant)`. The options are not evaluated yet, as they may hold parameters or `now()`.
#[derive(Debug, Clone)]
pub struct CallNode {
    pub function: Arc<dyn RelationFunction>,
    /// The objects it names.
    pub names: Vec<(&'static str, String)>,
    pub input: Option<LogicalPlan>,
    pub others: Vec<(&'static str, LogicalPlan)>,
    pub roles: Roles,
    pub options: Vec<(&'static str, Expr)>,
    pub schema: DFSchemaRef,
    pub residual: Vec<Expr>,
}

impl CallNode {
    pub fn into_plan(self) -> LogicalPlan {
        LogicalPlan::Extension(Extension { node: Arc::new(self) })
    }

    pub fn doc(&self) -> &'static Doc {
        self.function.doc()
    }

    /// The plan this call stands for, or `None` while an option has no value yet.
    pub fn expand(&self, context: &SimplifyContext, target_partitions: usize) -> Result<Option<LogicalPlan>> {
        let mut values = Vec::with_capacity(self.options.len());
        for (name, expression) in &self.options {
            match constant(expression, context)? {
                Some(value) => values.push((*name, value)),
                None => return Ok(None),
            }
        }
        let call = Call {
            doc: self.doc(),
            input: self.input.clone(),
            others: self.others.clone(),
            roles: self.roles.clone(),
            options: Options::read(self.doc(), values)?,
            schema: Arc::clone(&self.schema),
            target_partitions,
        };
        let mut plan = LogicalPlanBuilder::from(self.function.plan(call)?);
        for predicate in &self.residual {
            plan = plan.filter(predicate.clone())?;
        }
        plan.build().map(Some)
    }

    /// What is compared between two calls. The schema is left out because it follows from the rest.
    fn identity(&self) -> impl PartialEq + Hash + '_ {
        (self.doc().name, &self.names, self.input.as_ref(), &self.others, &self.roles, &self.options, &self.residual)
    }
}

/// Evaluates an option; `None` when it depends on a parameter or on the time of the query.
pub fn constant(expression: &Expr, context: &SimplifyContext) -> Result<Option<ScalarValue>> {
    let simplifier = ExprSimplifier::new(context.clone());
    let coerced = simplifier.coerce(expression.clone().unalias_nested().data, &DFSchema::empty())?;
    match simplifier.simplify(coerced)?.unalias() {
        Expr::Literal(value, _) => Ok(Some(value)),
        _ => Ok(None),
    }
}

impl PartialEq for CallNode {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for CallNode {}

impl Hash for CallNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl PartialOrd for CallNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let inputs = UserDefinedLogicalNodeCore::inputs(self).partial_cmp(&UserDefinedLogicalNodeCore::inputs(other))?;
        let order = self.doc().name.cmp(other.doc().name).then(inputs);
        Some(order).filter(|order| *order != Ordering::Equal || self == other)
    }
}

impl UserDefinedLogicalNodeCore for CallNode {
    fn name(&self) -> &str {
        self.doc().name
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        self.input.iter().chain(self.others.iter().map(|(_, other)| other)).collect()
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.options.iter().map(|(_, expression)| expression.clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.doc().name)?;
        self.names.iter().try_for_each(|(name, object)| write!(f, " {name} => {object}"))?;
        for role in &self.roles.0 {
            write!(f, " {} => {}", role.name, role.column)?;
        }
        self.options.iter().try_for_each(|(name, value)| write!(f, " {name} => {value}"))
    }

    fn with_exprs_and_inputs(&self, expressions: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut node = self.clone();
        node.options = self.options.iter().map(|(name, _)| *name).zip(expressions).collect();
        let before = UserDefinedLogicalNodeCore::inputs(self);
        let mut inputs = catch_pushed_filters(before.into_iter(), inputs, &mut node.residual).into_iter();
        let places = node.input.iter_mut().chain(node.others.iter_mut().map(|(_, other)| other));
        places.zip(&mut inputs).for_each(|(place, input)| *place = input);
        Ok(node)
    }
}

/// The optimizer rule that replaces calls by their plans, once their options have values.
#[derive(Debug)]
pub struct ExpandCalls;

impl OptimizerRule for ExpandCalls {
    fn name(&self) -> &str {
        "expand_relation_functions"
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let options = config.options();
        let target_partitions = options.execution.target_partitions;
        let context = SimplifyContext::builder()
            .with_config_options(options)
            .with_query_execution_start_time(config.query_execution_start_time())
            .build();
        plan.changed_up_with_subqueries(|plan| {
            let LogicalPlan::Extension(extension) = &plan else { return Ok(Transformed::no(plan)) };
            let Some(call) = extension.node.as_any().downcast_ref::<CallNode>() else {
                return Ok(Transformed::no(plan));
            };
            match call.expand(&context, target_partitions)? {
                Some(expanded) => Ok(Transformed::yes(expanded)),
                None => Ok(Transformed::no(plan)),
            }
        })
    }
}

/// Reports the option without a value when a call reaches execution.
#[derive(Debug)]
pub struct CallPlanner;

#[async_trait]
impl ExtensionPlanner for CallPlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        _physical_inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _planning: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(call) = node.as_any().downcast_ref::<CallNode>() else { return Ok(None) };
        let context = SimplifyContext::builder().with_current_time().build();
        for (name, expression) in &call.options {
            if constant(expression, &context)?.is_none() {
                let mut parameters = HashMap::new();
                let _ = expression.each_part(|part| {
                    if let Expr::Placeholder(placeholder) = part {
                        parameters.insert(placeholder.id.clone(), ());
                    }
                    Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
                });
                let problem = match parameters.keys().next() {
                    Some(parameter) => format!("{name} => {expression}: the parameter {parameter} has no value"),
                    None => format!("{name} takes a constant, got {expression}"),
                };
                return Err(invalid(call.doc().name, problem));
            }
        }
        Err(invalid(call.doc().name, "was not expanded; build the session with portraitdb::register"))
    }
}
