//! A value that is drawn at random, such as `random()`, is drawn once where it is written once.
//!
//! DataFusion writes the first operand of BETWEEN, of IN and of `nvl` several times when it simplifies or evaluates them. It draws the key
//! of a sort again when it merges what was sorted in parts, and cannot sort rows without columns: those of `count(*)` over `ORDER BY
//! random() LIMIT 5`. For DISTINCT ON it orders each column by itself, and so would mix rows. So the keys of sorts, windows and DISTINCT ON
//! become columns of the rows below.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Between, InList, ScalarFunction};
use datafusion::logical_expr::{Distinct, DistinctOn, Expr, LogicalPlan, Projection, Sort, Window, not};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;
use crate::builtins::{coalesce, searched};
use crate::walk::PlanTree;

/// Runs after type coercion.
#[derive(Debug)]
pub struct DrawnOnce;

impl AnalyzerRule for DrawnOnce {
    fn name(&self) -> &'static str {
        "drawn_once"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = each_expression(plan, |expression, _| Ok(operand(expression)))?.data;
        let sorted = plan.changed_up_with_subqueries(|node| match node {
            LogicalPlan::Sort(sort) => of_sort(sort),
            LogicalPlan::Window(window) => of_window(window),
            LogicalPlan::Distinct(Distinct::On(distinct)) => of_distinct(distinct),
            other => Ok(Transformed::no(other)),
        })?;
        Ok(sorted.data)
    }
}

fn operand(expression: Expr) -> Transformed<Expr> {
    let negated_if = |negated: bool, found: Expr| Transformed::yes(if negated { not(found) } else { found });
    match expression {
        Expr::Between(Between { expr, negated, low, high }) if expr.is_volatile() => {
            negated_if(negated, searched::is_between(*expr, *low, *high))
        }
        Expr::InList(InList { expr, list, negated }) if expr.is_volatile() && !list.is_empty() => {
            negated_if(negated, searched::is_in(*expr, list))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "nvl" && args.iter().any(Expr::is_volatile) => {
            Transformed::yes(Expr::ScalarFunction(ScalarFunction { func: Arc::new(coalesce::udf()), args }))
        }
        other => Transformed::no(other),
    }
}

fn of_sort(mut sort: Sort) -> Result<Transformed<LogicalPlan>> {
    let mut drawn = Drawn::default();
    sort.expr.iter_mut().for_each(|key| drawn.take(&mut key.expr));
    if drawn.0.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Sort(sort)));
    }
    let own = sort.input.schema().columns().into_iter().map(Expr::Column).collect();
    sort.input = drawn.beside(sort.input)?;
    Projection::try_new(own, Arc::new(LogicalPlan::Sort(sort))).map(|plan| Transformed::yes(LogicalPlan::Projection(plan)))
}

fn of_distinct(mut distinct: DistinctOn) -> Result<Transformed<LogicalPlan>> {
    let mut drawn = Drawn::default();
    distinct.on_expr.iter_mut().for_each(|key| drawn.take(key));
    distinct.sort_expr.iter_mut().flatten().for_each(|key| drawn.take(&mut key.expr));
    if drawn.0.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Distinct(Distinct::On(distinct))));
    }
    distinct.input = drawn.beside(distinct.input)?;
    Ok(Transformed::yes(LogicalPlan::Distinct(Distinct::On(distinct))))
}

fn of_window(mut window: Window) -> Result<Transformed<LogicalPlan>> {
    let mut drawn = Drawn::default();
    for function in &mut window.window_expr {
        let function = match function {
            Expr::Alias(alias) => alias.expr.as_mut(),
            function => function,
        };
        if let Expr::WindowFunction(function) = function {
            function.params.partition_by.iter_mut().for_each(|key| drawn.take(key));
            function.params.order_by.iter_mut().for_each(|key| drawn.take(&mut key.expr));
        }
    }
    if drawn.0.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Window(window)));
    }
    let (shown, rows, added) = (window.schema, window.input.schema().fields().len(), drawn.0.len());
    let changed = Window::try_new(window.window_expr, drawn.beside(window.input)?)?;
    let own = shown.iter().enumerate().map(|(place, (qualifier, field))| {
        let place = if place < rows { place } else { place + added };
        let column = Column::from(changed.schema.qualified_field(place));
        Expr::Column(column).alias_qualified(qualifier.cloned(), field.name())
    });
    let own = own.collect();
    Projection::try_new(own, Arc::new(LogicalPlan::Window(changed))).map(|plan| Transformed::yes(LogicalPlan::Projection(plan)))
}

/// The values drawn for the keys of a node. Equal ones are one value, because the functions of a window node have the same keys, and the
/// order of DISTINCT ON begins with its keys.
#[derive(Default)]
struct Drawn(Vec<Expr>);

impl Drawn {
    /// Replaces a key that is drawn at random by its column.
    fn take(&mut self, key: &mut Expr) {
        if !key.is_volatile() {
            return;
        }
        let place = self.0.iter().position(|known| known == key).unwrap_or_else(|| {
            self.0.push(key.clone());
            self.0.len() - 1
        });
        *key = Expr::Column(Column::new_unqualified(name(place)));
    }

    /// The rows with the values in further columns.
    fn beside(self, rows: Arc<LogicalPlan>) -> Result<Arc<LogicalPlan>> {
        let own = rows.schema().columns().into_iter().map(Expr::Column);
        let drawn = self.0.into_iter().enumerate().map(|(place, value)| value.alias(name(place)));
        let all = own.chain(drawn).collect();
        Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(all, rows)?)))
    }
}

fn name(place: usize) -> String {
    format!("__drawn_{place}")
}
