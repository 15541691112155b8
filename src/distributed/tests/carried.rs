//! A physical plan whose steps and functions of ours have gone through bytes.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::prelude::SessionContext;

use crate::adapter::step::StepExec;
use crate::builtins::ranged::without_range;
use crate::distributed::registry;
use crate::distributed::registry::Sort;
use crate::walk::Tree;

/// Carries plans, and keeps the names of what it has met.
pub struct Carrier {
    /// DataFusion alone: what is not ours must be there.
    others: SessionContext,
    pub met: RefCell<BTreeSet<(Sort, &'static str)>>,
}

impl Carrier {
    pub fn new() -> Self {
        Self { others: SessionContext::new(), met: RefCell::default() }
    }

    /// The plan, made again.
    pub fn carry(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        // A part that was read once for several places stands in each of them now, and runs there.
        reset_plan_states(plan.changed_up(|plan| self.node(plan)).data()?)
    }

    fn node(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        if let Some(node) = plan.downcast_ref::<StepExec>() {
            let encoded = registry().encode_step(node.step().as_ref())?;
            self.met.borrow_mut().insert((Sort::Step, encoded.name));
            let step = registry().decode_step(encoded.name, &encoded.bytes)?;
            assert_eq!(step.parameters(), node.step().parameters());
            assert_eq!(step.encode()?, encoded.bytes);
            let inputs = node.children().into_iter().cloned().collect();
            return Ok(Transformed::yes(Arc::new(StepExec::new(step, inputs, node.schema()))));
        }
        if let Some(node) = plan.downcast_ref::<ProjectionExec>() {
            let expressions = node
                .expr()
                .iter()
                .map(|projected| Ok(ProjectionExpr { expr: self.expression(&projected.expr)?, alias: projected.alias.clone() }));
            let expressions = expressions.collect::<Result<Vec<_>>>()?;
            return Ok(Transformed::yes(Arc::new(ProjectionExec::try_new(expressions, Arc::clone(node.input()))?)));
        }
        if let Some(node) = plan.downcast_ref::<FilterExec>() {
            let predicate = self.expression(node.predicate())?;
            return Ok(Transformed::yes(Arc::new(FilterExecBuilder::from(node).with_predicate(predicate).build()?)));
        }
        if let Some(node) = plan.downcast_ref::<AggregateExec>() {
            return Ok(Transformed::yes(Arc::new(self.aggregation(node)?)));
        }
        if let Some(node) = plan.downcast_ref::<SortExec>() {
            let sort = SortExec::new(self.keys(node.expr())?, Arc::clone(node.input())).with_fetch(node.fetch());
            return Ok(Transformed::yes(Arc::new(sort.with_preserve_partitioning(node.preserve_partitioning()))));
        }
        if let Some(node) = plan.downcast_ref::<SortPreservingMergeExec>() {
            let merge = SortPreservingMergeExec::new(self.keys(node.expr())?, Arc::clone(node.input()));
            return Ok(Transformed::yes(Arc::new(merge.with_fetch(node.fetch()))));
        }
        if plan.is::<DataSourceExec>() {
            // The engine lets files compute a projection.
            plan.apply_expressions(&mut |expression| self.functions(expression).map(|()| TreeNodeRecursion::Continue))?;
            return Ok(Transformed::no(plan));
        }
        // Elsewhere there must be none of ours, or this test would miss it.
        plan.apply_expressions(&mut |expression| {
            expression.each_part(|part| match part.downcast_ref::<ScalarFunctionExpr>() {
                Some(call) if self.scalar(call.fun())?.is_some() => internal_err!("{} in {}", call.name(), plan.name()),
                _ => Ok(TreeNodeRecursion::Continue),
            })
        })?;
        Ok(Transformed::no(plan))
    }

    fn keys(&self, keys: &LexOrdering) -> Result<LexOrdering> {
        let key = |key: &PhysicalSortExpr| Ok(PhysicalSortExpr { expr: self.expression(&key.expr)?, options: key.options });
        let again = LexOrdering::new(keys.iter().map(key).collect::<Result<Vec<_>>>()?);
        again.map_or_else(|| internal_err!("a sort without keys"), Ok)
    }

    /// Looks only whether the functions of an expression that is not made again come back as they were.
    fn functions(&self, expression: &Arc<dyn PhysicalExpr>) -> Result<()> {
        expression.each_part(|part| {
            if let Some(call) = part.downcast_ref::<ScalarFunctionExpr>() {
                self.scalar(call.fun())?;
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(())
    }

    fn expression(&self, expression: &Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let again = Arc::clone(expression).changed_up(|part| {
            let Some(call) = part.downcast_ref::<ScalarFunctionExpr>() else { return Ok(Transformed::no(part)) };
            let Some(function) = self.scalar(call.fun())? else { return Ok(Transformed::no(part)) };
            let field = part.return_field(&Schema::empty())?;
            let options = Arc::new(call.config_options().clone());
            let again = ScalarFunctionExpr::new(call.name(), function, call.args().to_vec(), field, options);
            Ok(Transformed::yes(Arc::new(again) as Arc<dyn PhysicalExpr>))
        });
        again.data()
    }

    fn aggregation(&self, node: &AggregateExec) -> Result<AggregateExec> {
        let calls = node.aggr_expr().iter().map(|call| Ok(Arc::new(self.aggregate_call(call, node)?)));
        let calls = calls.collect::<Result<Vec<_>>>()?;
        node.group_expr().input_exprs().iter().try_for_each(|expression| self.functions(expression))?;
        Ok(node.with_new_aggr_exprs(calls))
    }

    fn aggregate_call(&self, call: &AggregateFunctionExpr, node: &AggregateExec) -> Result<AggregateFunctionExpr> {
        let arguments = call.expressions().iter().map(|argument| self.expression(argument)).collect::<Result<Vec<_>>>()?;
        let Some(function) = self.aggregate(call.fun())? else { return Ok(call.clone()) };
        let mut again = AggregateExprBuilder::new(function, arguments)
            .schema(node.input_schema())
            .alias(call.name())
            .order_by(call.order_bys().to_vec())
            .with_distinct(call.is_distinct())
            .with_ignore_nulls(call.ignore_nulls())
            .with_reversed(call.is_reversed());
        if let Some(display) = call.human_display() {
            again = again.human_display(display);
        }
        if let Some(alias) = call.human_display_alias() {
            again = again.human_display_alias(alias);
        }
        let again = again.build()?;
        assert_eq!(again.field(), call.field());
        assert_eq!(again.state_fields()?, call.state_fields()?);
        Ok(again)
    }

    /// The function made again; `None` when it is DataFusion's.
    fn scalar(&self, function: &ScalarUDF) -> Result<Option<Arc<ScalarUDF>>> {
        let function = without_range(function);
        match registry().encode_scalar(function)? {
            Some(encoded) => {
                self.met.borrow_mut().insert((Sort::Scalar, encoded.name));
                let again = registry().decode_scalar(encoded.name, &encoded.bytes)?;
                assert_eq!(*again, *function);
                Ok(Some(again))
            }
            None if self.others.state().scalar_functions().contains_key(function.name()) => Ok(None),
            None => internal_err!("the scalar function {} is not registered", function.name()),
        }
    }

    /// Likewise.
    fn aggregate(&self, function: &AggregateUDF) -> Result<Option<Arc<AggregateUDF>>> {
        match registry().encode_aggregate(function)? {
            Some(encoded) => {
                self.met.borrow_mut().insert((Sort::Aggregate, encoded.name));
                let again = registry().decode_aggregate(encoded.name, &encoded.bytes)?;
                assert_eq!(*again, *function);
                Ok(Some(again))
            }
            None if self.others.state().aggregate_functions().contains_key(function.name()) => Ok(None),
            None => internal_err!("the aggregate {} is not registered", function.name()),
        }
    }
}
