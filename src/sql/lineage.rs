//! Column lineage: the columns of tables from which a query's column takes its values.
//!
//! Values are followed through aliases, casts, filters, GROUP BY, both sides of a join that compares them, and all parts of a UNION. Any
//! other expression makes a new value, so the search ends there.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::Field;
use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::expr::{BinaryExpr, ScalarFunction};
use datafusion::logical_expr::utils::{grouping_set_to_exprlist, split_conjunction};
use datafusion::logical_expr::{Cast, Expr, LogicalPlan, Operator, TryCast};

use crate::builtins::unknown;

/// Table and column. A table outside of `public` is written `schema.table`.
pub type Origin = (String, String);

/// The table columns whose values column number `place` of a plan has.
pub fn origins(plan: &LogicalPlan, place: usize) -> BTreeSet<Origin> {
    let mut found = BTreeSet::new();
    follow(plan, place, &mut found);
    found
}

/// The names of the tables that a plan reads.
pub fn tables(plan: &LogicalPlan) -> BTreeSet<String> {
    fn add(plan: &LogicalPlan, found: &mut BTreeSet<String>) {
        if let LogicalPlan::TableScan(scan) = plan {
            match scan.source.get_logical_plan() {
                Some(inner) => add(&inner, found),
                None => drop(found.insert(name(&scan.table_name))),
            }
        }
        let _ = plan.apply_subqueries(|inner| {
            add(inner, found);
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        });
        plan.inputs().into_iter().for_each(|input| add(input, found));
    }
    let mut found = BTreeSet::new();
    add(plan, &mut found);
    found
}

fn name(table: &TableReference) -> String {
    match table.schema() {
        Some(schema) if schema != "public" => format!("{schema}.{}", table.table()),
        _ => table.table().to_string(),
    }
}

fn follow(plan: &LogicalPlan, place: usize, found: &mut BTreeSet<Origin>) {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let column = scan.projected_schema.field(place).name();
            match scan.source.get_logical_plan() {
                Some(inner) => {
                    if let Some(place) = inner.schema().index_of_column_by_name(None, column) {
                        follow(&inner, place, found);
                    }
                }
                None => drop(found.insert((name(&scan.table_name), column.clone()))),
            }
        }
        LogicalPlan::Projection(projection) => {
            if let Some(expression) = projection.expr.get(place) {
                follow_expression(expression, &projection.input, found);
            }
        }
        LogicalPlan::Aggregate(aggregate) => {
            let keys = grouping_set_to_exprlist(&aggregate.group_expr).unwrap_or_default();
            if let Some(key) = keys.get(place) {
                follow_expression(key, &aggregate.input, found);
            }
        }
        LogicalPlan::SubqueryAlias(alias) => follow(&alias.input, place, found),
        LogicalPlan::Union(union) => union.inputs.iter().for_each(|input| follow(input, place, found)),
        LogicalPlan::Join(join) => {
            let (_, own) = plan.schema().qualified_field(place);
            let column = Column::new(plan.schema().qualified_field(place).0.cloned(), own.name());
            let mut same = vec![column.clone()];
            let filters =
                join.filter.iter().flat_map(|filter| split_conjunction(filter)).filter_map(|condition| match condition {
                    Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => Some((left.as_ref(), right.as_ref())),
                    _ => None,
                });
            for (left, right) in join.on.iter().map(|(left, right)| (left, right)).chain(filters) {
                if let (Some(left), Some(right)) = (bare(left), bare(right)) {
                    same.extend((*left == column).then(|| right.clone()));
                    same.extend((*right == column).then(|| left.clone()));
                }
            }
            for column in &same {
                for input in [&join.left, &join.right] {
                    if let Some(place) = input.schema().maybe_index_of_column(column) {
                        follow(input, place, found);
                    }
                }
            }
        }
        // Nodes that pass rows on, and at most add columns.
        other => {
            let (qualifier, field) = other.schema().qualified_field(place);
            let column = Column::new(qualifier.cloned(), field.name());
            for input in other.inputs() {
                let by_name = || input.schema().index_of_column_by_name(None, field.name());
                let by_role = || role_of(input, place, field).filter(|_| matches!(other, LogicalPlan::Extension(_)));
                if let Some(place) = input.schema().maybe_index_of_column(&column).or_else(by_name).or_else(by_role) {
                    follow(input, place, found);
                }
            }
        }
    }
}

/// A function in FROM returns its customer column first, under the name that the user gave it. Inside its plan the column is called by its
/// role.
fn role_of(input: &LogicalPlan, place: usize, field: &Field) -> Option<usize> {
    let first = input.schema().fields().first()?;
    let is_role = ["customer", "key"].contains(&first.name().as_str());
    (place == 0 && is_role && first.data_type() == field.data_type()).then_some(0)
}

/// The column below aliases and casts.
fn bare(expression: &Expr) -> Option<&Column> {
    match expression {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => bare(&alias.expr),
        Expr::Cast(Cast { expr, .. }) | Expr::TryCast(TryCast { expr, .. }) => bare(expr),
        _ => None,
    }
}

fn follow_expression(expression: &Expr, input: &LogicalPlan, found: &mut BTreeSet<Origin>) {
    match expression {
        Expr::Alias(alias) => follow_expression(&alias.expr, input, found),
        Expr::Cast(Cast { expr, .. }) | Expr::TryCast(TryCast { expr, .. }) => follow_expression(expr, input, found),
        // FULL JOIN with USING takes the value of whichever side has one; keys of grouping sets are hidden from the optimizer.
        Expr::ScalarFunction(ScalarFunction { func, args }) if ["coalesce", unknown::NAME].contains(&func.name()) => {
            args.iter().for_each(|argument| follow_expression(argument, input, found));
        }
        Expr::Column(column) => {
            if let Some(place) = input.schema().maybe_index_of_column(column) {
                follow(input, place, found);
            }
        }
        _ => {}
    }
}
