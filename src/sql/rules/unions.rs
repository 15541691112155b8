//! UNION in FROM has the types of its columns when the query around it is planned: those that its sides have in common.
//!
//! DataFusion plans the query around it with the types of the first side, and finds the common ones when all is planned: it would take `x` of
//! `(SELECT NULL AS x UNION ALL SELECT 2)` for a NULL in `x * INTERVAL '1 day'`, and of `(SELECT 1 AS x UNION ALL SELECT 2.5)` for an
//! integer in `x << 1`.

use std::sync::Arc;

use datafusion::arrow::datatypes::Field;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{LogicalPlan, Union};
use datafusion::optimizer::analyzer::type_coercion::coerce_union_schema;

use super::beside_decimals;
use crate::walk::{PlanTree, Tree};

/// A relation in FROM with the types that its rows will have.
///
/// # Errors
/// None for valid plans.
pub fn settled(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Union(mut union) => {
            for side in &mut union.inputs {
                *side = Arc::new(settled(side.as_ref().clone())?.data);
            }
            of_union(union)
        }
        // Within other nodes, FROM has settled what it names before.
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Projection(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_) => {
            let changed = plan.changed_children(settled)?;
            if changed.transformed { changed.map_data(LogicalPlan::recompute_schema) } else { Ok(changed) }
        }
        other => Ok(Transformed::no(other)),
    }
}

/// A plan in which every UNION has the types that its rows will have, and all that stands above it too.
///
/// # Errors
/// None for valid plans.
pub fn settled_everywhere(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut is_open = false;
    plan.each_plan(|node| {
        is_open = matches!(node, LogicalPlan::Union(union) if !is_of_one_kind(union));
        Ok(if is_open { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !is_open {
        return Ok(plan);
    }
    let settled = plan.changed_up_with_subqueries(|node| match node {
        LogicalPlan::Union(union) => of_union(union),
        other => Ok(Transformed::yes(other.recompute_schema()?)),
    })?;
    Ok(settled.data)
}

/// True if the columns of all sides have the same types.
fn is_of_one_kind(union: &Union) -> bool {
    let types = |schema: &DFSchema| schema.fields().iter().map(|field| field.data_type().clone()).collect::<Vec<_>>();
    let [first, others @ ..] = union.inputs.as_slice() else { return true };
    let first = types(first.schema());
    others.iter().all(|other| first == types(other.schema()))
}

fn of_union(union: Union) -> Result<Transformed<LogicalPlan>> {
    if is_of_one_kind(&union) {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let mut union = beside_decimals::of_union(union)?;
    // Sides that have nothing in common are reported where all sides are compared.
    if let Ok(common) = coerce_union_schema(&union.inputs) {
        let fields = union.schema.iter().zip(common.fields()).map(|((table, field), common)| {
            let typed = Field::clone(field).with_data_type(common.data_type().clone()).with_nullable(common.is_nullable());
            (table.cloned(), Arc::new(typed))
        });
        union.schema = Arc::new(DFSchema::new_with_metadata(fields.collect(), union.schema.metadata().clone())?);
    }
    Ok(Transformed::yes(LogicalPlan::Union(union)))
}
