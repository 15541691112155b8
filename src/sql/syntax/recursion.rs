//! Recursive queries that could be planned, but not computed: those that read themselves more than once. They are refused when they are
//! planned, so that no definition holds one.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, TableReference};
use datafusion::logical_expr::LogicalPlan;

use crate::error::{SqlState, coded};
use crate::walk::PlanTree;

/// Refuses a recursive query that reads itself more than once.
///
/// # Errors
/// Names the query.
pub fn check(plan: &LogicalPlan) -> Result<()> {
    plan.each_plan(|node| {
        if let LogicalPlan::RecursiveQuery(recursive) = node
            && own_reads(&recursive.recursive_term, &recursive.name)? > 1
        {
            let problem = "a recursive query may read itself only once; join its result with itself in the query around it";
            return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, &recursive.name, problem));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// How often a plan reads the rows that a recursive query has found so far.
fn own_reads(term: &LogicalPlan, name: &str) -> Result<usize> {
    let mut reads = 0;
    term.each_plan(|node| match node {
        // Another query of that name within it, which reads its own rows.
        LogicalPlan::RecursiveQuery(inner) if inner.name == name => Ok(TreeNodeRecursion::Jump),
        LogicalPlan::TableScan(scan) => {
            reads += usize::from(matches!(&scan.table_name, TableReference::Bare { table } if **table == *name));
            Ok(TreeNodeRecursion::Continue)
        }
        _ => Ok(TreeNodeRecursion::Continue),
    })?;
    Ok(reads)
}
