//! The expression of a mask: over `value`, which has the type of the column.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{Expr as Logical, LogicalPlan};
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, SelectItem, SetExpr, Statement as SqlStatement, VisitorMut,
};

use crate::error::invalid;
use crate::sql::command::normal;
use crate::sql::parser::{parse_expression, parse_query};
use crate::sql::planning::plan;
use crate::statement::StatementContext;
use crate::text::literal;
use crate::walk::{PlanTree, Tree, WalkMut};

/// The name for the value of a column in a mask.
pub const VALUE: &str = "value";

/// A mask with `by` substituted for `value`.
pub fn replaced(mask: &Expr, by: &Expr) -> Expr {
    struct Replace<'a>(&'a Expr);
    impl VisitorMut for Replace<'_> {
        type Break = ();

        fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
            if matches!(expression, Expr::Identifier(name) if normal(name) == VALUE) {
                *expression = self.0.clone();
            }
            ControlFlow::Continue(())
        }
    }
    let mut mask = mask.clone();
    let _ = mask.walk_mut(&mut Replace(by));
    mask
}

/// A mask applied to each item of a list.
///
/// # Errors
/// None in practice.
pub fn of_items(mask: &Expr) -> Result<Expr> {
    let item = Expr::Identifier(Ident::new("item"));
    let mut whole = parse_expression(&format!("list_transform({VALUE}, item -> item)"))?;
    if let Expr::Function(function) = &mut whole
        && let FunctionArguments::List(list) = &mut function.args
        && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Lambda(lambda)))) = list.args.get_mut(1)
    {
        *lambda.body = replaced(mask, &item);
    }
    Ok(whole)
}

/// The text value of a tag, masked with the mask of its own tag, and of other tags hidden or not; `None` where nothing is masked.
///
/// # Errors
/// None in practice.
pub fn masked_by_tag(masks: &BTreeMap<String, Option<Expr>>, hides_others: bool) -> Result<Option<Expr>> {
    if !hides_others && masks.values().all(Option::is_none) {
        return Ok(None);
    }
    let others = if hides_others { "" } else { "ELSE value" };
    let mut whole = parse_expression(&format!("CASE tag WHEN '' THEN value {others} END"))?;
    if let Expr::Case { conditions, .. } = &mut whole {
        conditions.clear();
        for (tag, mask) in masks.iter().filter(|(_, mask)| hides_others || mask.is_some()) {
            let mut condition = parse_expression(&format!("CASE tag WHEN {} THEN CAST(value AS VARCHAR) END", literal(tag)))?;
            if let Expr::Case { conditions: own, .. } = &mut condition
                && let Some(mut when) = own.pop()
            {
                if let (Expr::Cast { expr, .. }, Some(mask)) = (&mut when.result, mask) {
                    **expr = mask.clone();
                }
                conditions.push(when);
            }
        }
    }
    Ok(Some(whole))
}

/// Casts a mask that is always NULL to the column's type.
///
/// # Errors
/// None in practice.
pub async fn typed(masked: Expr, mask: &Expr, data_type: &DataType, context: &StatementContext) -> Result<Expr> {
    match masked_type(mask, data_type, context).await {
        Ok(DataType::Null) => parse_expression(&format!("arrow_cast(NULL, {})", literal(&data_type.to_string()))),
        _ => Ok(masked),
    }
}

/// The result type of a mask for values of a type.
///
/// # Errors
/// It cannot be computed from one such value at a time.
pub fn masked_type<'a>(
    mask: &'a Expr,
    data_type: &'a DataType,
    context: &'a StatementContext,
) -> BoxFuture<'a, Result<DataType>> {
    Box::pin(async move {
        let mut query = parse_query(&format!(
            "SELECT 1 FROM (SELECT arrow_cast(NULL, {}) AS {VALUE}) AS one",
            literal(&data_type.to_string())
        ))?;
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.projection = vec![SelectItem::UnnamedExpr(mask.clone())];
        }
        let parsed = SqlParsed::Statement(Box::new(SqlStatement::Query(query)));
        let planned = plan(&parsed, &context.reading_as("")).await?;
        if !is_row_by_row(&planned)? {
            return Err(invalid(
                "mask",
                format!("is computed from one value at a time, without queries and aggregates; got {mask}"),
            ));
        }
        // Optimized as well: some type errors are found only when functions are bound.
        let planned = context.state().optimize(&planned)?;
        Ok(planned.schema().field(0).data_type().clone())
    })
}

fn is_row_by_row(plan: &LogicalPlan) -> Result<bool> {
    use datafusion::common::tree_node::TreeNodeRecursion;
    let mut is = true;
    plan.each_plan(|node| {
        is &= matches!(node, LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::EmptyRelation(_));
        for expression in node.expressions() {
            is &= !expression
                .any_part(|part| Ok(matches!(part, Logical::ScalarSubquery(_) | Logical::Exists(_) | Logical::InSubquery(_))))?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(is)
}
