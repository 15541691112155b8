//! The size of plans: limited before they are optimised.
//!
//! A query that is named once and read twice stands twice in the plan: of thirty, each over the one before it, twice, there would be 2³⁰. The
//! planner shares what it repeats, the optimiser writes it out. What a statement names itself is counted in its text, as the planner walks
//! through all of it whenever it makes a step.

use std::collections::HashMap;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};

use sqlparser::ast::{ObjectName, Query};

use crate::error::invalid;
use crate::sql::command::normal;

/// The most steps of a plan.
const MOST_STEPS: u64 = 20_000;

/// The most tables of a statement, those of a named query counted wherever it is read.
const MOST_TABLES: u64 = 4_000;

/// The most windows of different PARTITION BY or ORDER BY. Each is a step over all columns of those before it: a thousand of them have a million.
const MOST_WINDOWS: usize = 250;

/// Counts the tables of a statement while its text is walked through.
#[derive(Default)]
pub struct Tables {
    /// Queries that have a name, by their place in memory, until they were walked through.
    named: HashMap<*const Query, String>,
    /// Tables that reading a name comes to.
    sizes: HashMap<String, u64>,
    /// Tables of the queries that are being walked through, from the outermost.
    open: Vec<u64>,
}

impl Tables {
    /// A query begins.
    pub fn enter(&mut self, query: &Query) {
        for named in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.named.insert(std::ptr::from_ref(named.query.as_ref()), normal(&named.alias.name));
        }
        self.open.push(0);
    }

    /// A table or a named query is read.
    pub fn read(&mut self, name: &ObjectName) {
        let known = match name.0.as_slice() {
            [own] => own.as_ident().and_then(|own| self.sizes.get(&normal(own))).copied(),
            _ => None,
        };
        if let Some(open) = self.open.last_mut() {
            *open = open.saturating_add(known.unwrap_or(1).max(1));
        }
    }

    /// A query ends.
    ///
    /// # Errors
    /// It reads too many tables.
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

/// Refuses a plan that has too many steps once it is written out.
///
/// # Errors
/// Names the limit, and what to do.
pub fn check(plan: &LogicalPlan) -> Result<()> {
    if steps(plan, &mut HashMap::new()) > MOST_STEPS {
        let problem = format!(
            "has more than {MOST_STEPS} steps, once what is named and read several times is written out; \
             keep parts of it in tables (CREATE TABLE … AS)"
        );
        return Err(invalid("query", problem));
    }
    let mut windows = 0_usize;
    plan.apply_with_subqueries(|plan| {
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

/// The steps of a plan and of the queries in its expressions; what is shared is looked at once, and counts every time.
fn steps(plan: &LogicalPlan, known: &mut HashMap<*const LogicalPlan, u64>) -> u64 {
    if let Some(known) = known.get(&std::ptr::from_ref(plan)) {
        return *known;
    }
    let mut sum = 1_u64;
    for input in plan.inputs() {
        sum = sum.saturating_add(steps(input, known));
    }
    let _ = plan.apply_expressions(|expression| {
        expression.apply(|part| {
            let subquery = match part {
                Expr::ScalarSubquery(subquery) => Some(subquery),
                Expr::InSubquery(within) => Some(&within.subquery),
                Expr::Exists(exists) => Some(&exists.subquery),
                _ => None,
            };
            if let Some(subquery) = subquery {
                // Every rule goes into it by two ways.
                sum = sum.saturating_add(steps(&subquery.subquery, known).saturating_mul(2));
            }
            Ok(TreeNodeRecursion::Continue)
        })
    });
    known.insert(std::ptr::from_ref(plan), sum);
    sum
}
