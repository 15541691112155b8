//! `FROM baskets b CROSS JOIN UNNEST(string_to_array(b.items, '|')) AS u(item)`: one row per element of a list from the left side.
//!
//! DataFusion 55.2 plans the list as a correlated subquery that refers to the other side of the join, and cannot execute that. No join is
//! needed: this rule adds the list to the left side as a column and unnests it. The subquery is a chain of projections over one row,
//! `Projection ▸ Unnest ▸ Projection ▸ EmptyRelation`. The left side replaces that row, and every projection passes the left side's
//! columns on.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, NullHandling, Result, ScalarValue, TableReference, UnnestOptions};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Unnest};
use datafusion::optimizer::AnalyzerRule;

use crate::walk::{PlanTree, Tree};

/// Turns lists that refer to the left side of their join into columns of the left side.
#[derive(Debug)]
pub struct ListsOfTheLeftSide;

impl AnalyzerRule for ListsOfTheLeftSide {
    fn name(&self) -> &str {
        "lists_of_the_left_side"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let mut changed = false;
        let transformed = plan.changed_up_with_subqueries(|plan| {
            if let LogicalPlan::Join(join) = &plan
                && let Some(unnested) = without_join(join)?
            {
                changed = true;
                return Ok(Transformed::yes(unnested));
            }
            // Nodes above a changed one need their schemas recomputed.
            if changed { plan.recompute_schema().map(Transformed::yes) } else { Ok(Transformed::no(plan)) }
        });
        Ok(transformed?.data)
    }
}

/// The plan that replaces a join with a list; `None` for other joins.
fn without_join(join: &Join) -> Result<Option<LogicalPlan>> {
    let is_true = |filter: &Expr| matches!(filter, Expr::Literal(ScalarValue::Boolean(Some(true)), _));
    let nulls = match join.join_type {
        JoinType::Inner => NullHandling::Drop,
        JoinType::Left if join.on.is_empty() && join.filter.as_ref().is_none_or(is_true) => NullHandling::PreserveAndExpandEmpty,
        _ => return Ok(None),
    };
    if !refers_outside(&join.right) {
        return Ok(None);
    }
    let mut lifted = Lifted { left: join.left.as_ref(), nulls, level: 0 };
    let Some((plan, columns)) = lifted.lift(&join.right)? else { return Ok(None) };
    let own = join
        .right
        .schema()
        .iter()
        .zip(columns)
        .map(|((qualifier, field), column)| Expr::Column(column).alias_qualified(qualifier.cloned(), field.name()));
    let projected = lifted.passed_on().chain(own).collect::<Vec<_>>();
    let mut builder = LogicalPlanBuilder::from(plan).project(projected)?;
    for (left, right) in &join.on {
        builder = builder.filter(left.clone().eq(right.clone()))?;
    }
    if let Some(filter) = &join.filter
        && !is_true(filter)
    {
        builder = builder.filter(filter.clone())?;
    }
    builder.build().map(Some)
}

/// True for a subquery that refers to outer columns.
fn refers_outside(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Subquery(subquery) => !subquery.outer_ref_columns.is_empty(),
        LogicalPlan::SubqueryAlias(alias) => refers_outside(&alias.input),
        LogicalPlan::Projection(projection) => refers_outside(&projection.input),
        _ => false,
    }
}

struct Lifted<'a> {
    left: &'a LogicalPlan,
    nulls: NullHandling,
    level: usize,
}

impl Lifted<'_> {
    /// The columns of the left side.
    fn passed_on(&self) -> impl Iterator<Item = Expr> + use<> {
        self.left.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>().into_iter()
    }

    /// Rewrites `plan` over the rows of the left side. Returns it with its own columns, which get unique names; the left side's columns
    /// are also in it.
    fn lift(&mut self, plan: &LogicalPlan) -> Result<Option<(LogicalPlan, Vec<Column>)>> {
        match plan {
            LogicalPlan::Subquery(subquery) => self.lift(&subquery.subquery),
            LogicalPlan::SubqueryAlias(alias) => self.lift(&alias.input),
            LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => Ok(Some((self.left.clone(), vec![]))),
            LogicalPlan::Projection(projection) => {
                let Some((input, known)) = self.lift(&projection.input)? else { return Ok(None) };
                let known = names(&projection.input, &known);
                self.level += 1;
                let (mut expressions, mut columns) = (self.passed_on().collect::<Vec<_>>(), vec![]);
                for (number, expression) in projection.expr.iter().enumerate() {
                    let name = format!("__list_{}_{number}", self.level);
                    expressions.push(at_home(expression.clone().unalias(), &known)?.alias(&name));
                    columns.push(Column::new_unqualified(name));
                }
                Ok(Some((LogicalPlanBuilder::from(input).project(expressions)?.build()?, columns)))
            }
            LogicalPlan::Unnest(unnest) => {
                let Some((input, columns)) = self.lift(&unnest.input)? else { return Ok(None) };
                if !is_plain(unnest, columns.len()) {
                    return Ok(None);
                }
                let options = UnnestOptions::new().with_null_handling(self.nulls);
                let lists = unnest.list_type_columns.iter().filter_map(|(index, _)| columns.get(*index).cloned()).collect();
                let plan = LogicalPlanBuilder::from(input).unnest_columns_with_options(lists, options)?.build()?;
                Ok(Some((plan, columns)))
            }
            _ => Ok(None),
        }
    }
}

/// True when each input column yields one output column, and lists are unnested by one level.
fn is_plain(unnest: &Unnest, columns: usize) -> bool {
    let once = unnest.list_type_columns.iter().all(|(_, list)| list.depth == 1);
    once && unnest.struct_type_columns.is_empty() && unnest.dependency_indices.iter().copied().eq(0..columns)
}

/// The columns of a plan by the names that expressions above it use.
fn names(plan: &Arc<LogicalPlan>, columns: &[Column]) -> HashMap<(Option<TableReference>, String), Column> {
    let named = plan.schema().iter().map(|(qualifier, field)| (qualifier.cloned(), field.name().clone()));
    named.zip(columns.iter().cloned()).collect()
}

/// Rewrites an expression for the lifted plan, in which outer columns have become ordinary ones.
fn at_home(expression: Expr, known: &HashMap<(Option<TableReference>, String), Column>) -> Result<Expr> {
    let moved = expression.changed_up(|expression| {
        Ok(match expression {
            Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column)),
            Expr::Column(column) => match known.get(&(column.relation.clone(), column.name.clone())) {
                Some(own) => Transformed::yes(Expr::Column(own.clone())),
                None => Transformed::no(Expr::Column(column)),
            },
            other => Transformed::no(other),
        })
    });
    Ok(moved?.data)
}
