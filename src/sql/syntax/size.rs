//! Limits the size of plans before they are optimised.
//!
//! A WITH query that is read twice appears twice in the plan. With thirty of them, each reading the previous one twice, that makes 2³⁰
//! copies. The planner shares the copies, but the optimiser expands them. The WITH queries of a statement itself are counted before
//! planning, because the planner walks through all of a plan whenever it adds a node.

use std::collections::HashMap;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Expr, LogicalPlan};

use sqlparser::ast::{ObjectName, Query};

use crate::error::invalid;
use crate::sql::command::normal;
use crate::walk::{PlanTree, Tree};

/// The most nodes of a plan.
const MOST_STEPS: u64 = 20_000;

/// The most tables that a statement reads. The tables of a WITH query count wherever it is read.
const MOST_TABLES: u64 = 4_000;

/// The most windows with different PARTITION BY or ORDER BY. Each is a node over all columns of the previous ones, so the work grows with
/// the square.
const MOST_WINDOWS: usize = 250;

/// Counts the tables of a statement during a visit of its syntax tree.
#[derive(Default)]
pub struct Tables {
    /// WITH queries that are not visited yet, keyed by address.
    named: HashMap<*const Query, String>,
    /// The number of tables that reading a name stands for.
    sizes: HashMap<String, u64>,
    /// The number of tables in each query being visited, outermost first.
    open: Vec<u64>,
}

impl Tables {
    /// Enters a query.
    pub fn enter(&mut self, query: &Query) {
        for named in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.named.insert(std::ptr::from_ref(named.query.as_ref()), normal(&named.alias.name));
        }
        self.open.push(0);
    }

    /// Counts a table or WITH query that is read.
    pub fn read(&mut self, name: &ObjectName) {
        let known = match name.0.as_slice() {
            [own] => own.as_ident().and_then(|own| self.sizes.get(&normal(own))).copied(),
            _ => None,
        };
        if let Some(open) = self.open.last_mut() {
            *open = open.saturating_add(known.unwrap_or(1).max(1));
        }
    }

    /// Leaves a query.
    ///
    /// # Errors
    /// The query reads too many tables.
    pub fn leave(&mut self, query: &Query) -> Result<()> {
        let tables = self.open.pop().unwrap_or(0);
        if tables > MOST_TABLES {
            let problem = format!(
                "reads more than {MOST_TABLES} tables, once what is named (WITH … AS) and read several times is written out; \
                 keep parts of it in tables (CREATE TABLE … AS)"
            );
            return Err(invalid("query", problem));
        }
        match (self.named.remove(&std::ptr::from_ref(query)), self.open.last_mut()) {
            (Some(name), _) => drop(self.sizes.insert(name, tables)),
            (None, Some(outer)) => *outer = outer.saturating_add(tables),
            (None, None) => {}
        }
        Ok(())
    }
}

/// Rejects a plan that has too many nodes once it is expanded.
///
/// # Errors
/// States the limit, and what to do.
pub fn check(plan: &LogicalPlan) -> Result<()> {
    if steps(plan, &mut HashMap::new()) > MOST_STEPS {
        let problem = format!(
            "has more than {MOST_STEPS} steps, once what is named and read several times is written out; \
             keep parts of it in tables (CREATE TABLE … AS)"
        );
        return Err(invalid("query", problem));
    }
    let mut windows = 0_usize;
    plan.each_plan(|plan| {
        windows += usize::from(matches!(plan, LogicalPlan::Window(_)));
        Ok(if windows > MOST_WINDOWS { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if windows > MOST_WINDOWS {
        let problem = format!(
            "has more than {MOST_WINDOWS} windows with a PARTITION BY or ORDER BY of their own; ask for some of them in another query, or \
             give them the same order"
        );
        return Err(invalid("query", problem));
    }
    Ok(())
}

/// The number of nodes of a plan and its subqueries. Shared parts are visited once, but counted every time.
fn steps(plan: &LogicalPlan, known: &mut HashMap<*const LogicalPlan, u64>) -> u64 {
    if let Some(known) = known.get(&std::ptr::from_ref(plan)) {
        return *known;
    }
    let mut sum = 1_u64;
    for input in plan.inputs() {
        sum = sum.saturating_add(steps(input, known));
    }
    let _ = plan.each_expression(|expression| {
        expression.each_part(|part| {
            let subquery = match part {
                Expr::ScalarSubquery(subquery) => Some(subquery),
                Expr::InSubquery(within) => Some(&within.subquery),
                Expr::Exists(exists) => Some(&exists.subquery),
                _ => None,
            };
            if let Some(subquery) = subquery {
                // Optimizer rules visit a subquery by two ways, so it counts twice.
                sum = sum.saturating_add(steps(&subquery.subquery, known).saturating_mul(2));
            }
            Ok(TreeNodeRecursion::Continue)
        })
    });
    known.insert(std::ptr::from_ref(plan), sum);
    sum
}
