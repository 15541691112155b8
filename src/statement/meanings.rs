//! What the names in definitions stand for. A definition that can still be planned after a change may say something else: the inner `id` of
//! `WHERE id IN (SELECT id FROM a)` is that of the outer query once `a` has no such column.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{NullEquality, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};
use parking_lot::Mutex;

use crate::walk::{PlanTree, Tree};

/// A column, with its table where that is one of an outer query, and how often it is named.
type Names = BTreeMap<(String, Option<String>), usize>;

/// The columns that names stand for, by the text of the planned query. Cheap to clone; clones share the same map.
#[derive(Debug, Clone)]
pub struct Meanings {
    /// The object that changes. What its own definition names is not compared.
    changes: Arc<str>,
    found: Arc<Mutex<BTreeMap<String, Names>>>,
}

impl Meanings {
    /// Meanings in whatever uses the object of that name.
    pub fn in_users_of(changes: &str) -> Self {
        Self { changes: changes.into(), found: Arc::default() }
    }

    /// Records what a query names. `path` has the definitions that lead to it.
    ///
    /// # Errors
    /// None.
    pub fn note(&self, text: &str, path: &[String], plan: &LogicalPlan) -> Result<()> {
        if path.iter().any(|entered| **entered == *self.changes) {
            return Ok(());
        }
        let mut names = Names::new();
        plan.each_plan(|node| {
            // The changed object where it stands in FROM: what is below is its own.
            if let LogicalPlan::SubqueryAlias(alias) = node
                && self.changes.rsplit('.').next() == Some(alias.alias.table())
            {
                return Ok(TreeNodeRecursion::Jump);
            }
            named(node, &mut names)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        self.found.lock().insert(format!("{}: {text}", path.join(" → ")), names);
        Ok(())
    }

    /// A name that stands for another column in `after`, in a query that both have planned.
    pub fn moved(&self, after: &Self) -> Option<String> {
        let (before, after) = (self.found.lock(), after.found.lock());
        before.iter().find_map(|(query, before)| {
            let after = after.get(query)?;
            let count = |names: &Names, name: &(String, Option<String>)| names.get(name).copied().unwrap_or_default();
            // The name that is taken, rather than what an alias stood for until then.
            let gains = after.keys().find(|name| count(after, name) > count(before, name));
            let name = gains.or_else(|| before.keys().find(|name| count(after, name) < count(before, name)));
            name.map(|(column, _)| column.clone())
        })
    }
}

/// Counts the columns that the expressions of a node name. What only passes through is left out: `*` may pass more or fewer after a change.
fn named(node: &LogicalPlan, names: &mut Names) -> Result<()> {
    let counts_all = match node {
        // INTERSECT and EXCEPT compare all columns.
        LogicalPlan::Join(join) if join.null_equality == NullEquality::NullEqualsNull => return Ok(()),
        LogicalPlan::Join(_) | LogicalPlan::Filter(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Sort(_) => true,
        LogicalPlan::Projection(_) | LogicalPlan::Distinct(_) | LogicalPlan::Window(_) => false,
        _ => return Ok(()),
    };
    node.each_expression(|expression| {
        let passes = matches!(expression.clone().unalias(), Expr::Column(_));
        if counts_all || !passes {
            expression.each_part(|part| {
                let name = match part {
                    Expr::Column(column) => Some((column.name.clone(), None)),
                    Expr::OuterReferenceColumn(_, column) => {
                        Some((column.name.clone(), Some(column.relation.as_ref().map(ToString::to_string).unwrap_or_default())))
                    }
                    _ => None,
                };
                if let Some(name) = name {
                    *names.entry(name).or_default() += 1;
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}
