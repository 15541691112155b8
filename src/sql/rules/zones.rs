//! Times with a zone beside times without: one without is in UTC, the zone of the session.
//!
//! DataFusion 55.2 brings both into the zone of the one that has it, so that `at <= TIMESTAMP '2025-01-01 12:00:00'` means noon in
//! Shanghai where `at` is in that zone, and an order of 14:00 UTC lies before 12:00 UTC where it is in New York's. SQL (and PostgreSQL)
//! take the zone of the session, which is UTC here: then a comparison does not depend on how a column shows its times.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, cast};
use datafusion::optimizer::AnalyzerRule;

/// The zone of sessions.
const UTC: &str = "+00:00";

/// Puts times without a zone that are compared with times that have one into UTC.
#[derive(Debug)]
pub struct CompareInUtc;

impl AnalyzerRule for CompareInUtc {
    fn name(&self) -> &'static str {
        "compare_in_utc"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.transform_up_with_subqueries(|plan| {
            let mut schema = merge_schema(&plan.inputs());
            if let LogicalPlan::TableScan(scan) = &plan {
                schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
            }
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expression| {
                let name = names.save(&expression);
                let rewritten = expression.transform_up(|part| in_utc(part, &schema))?;
                Ok(rewritten.update_data(|rewritten| name.restore(rewritten)))
            })
        })?;
        Ok(plan.data)
    }
}

fn in_utc(expression: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let one_of_two = |expressions: &[&Expr]| {
        let zoned = |expression: &&Expr| matches!(expression.get_type(schema), Ok(DataType::Timestamp(_, Some(_))));
        let without = |expression: &&Expr| matches!(expression.get_type(schema), Ok(DataType::Timestamp(_, None)));
        expressions.iter().any(zoned) && expressions.iter().any(without)
    };
    let with_zone = |expression: Expr| match expression.get_type(schema) {
        Ok(DataType::Timestamp(unit, None)) => cast(expression, DataType::Timestamp(unit, Some(Arc::from(UTC)))),
        _ => expression,
    };
    Ok(match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if (op.supports_propagation()
                || matches!(op, Operator::Minus | Operator::IsDistinctFrom | Operator::IsNotDistinctFrom))
                && one_of_two(&[&left, &right]) =>
        {
            let (left, right) = (Box::new(with_zone(*left)), Box::new(with_zone(*right)));
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::Between(Between { expr, negated, low, high }) if one_of_two(&[&expr, &low, &high]) => {
            let [expr, low, high] = [expr, low, high].map(|part| Box::new(with_zone(*part)));
            Transformed::yes(Expr::Between(Between { expr, negated, low, high }))
        }
        Expr::InList(InList { expr, list, negated }) if list.iter().any(|item| one_of_two(&[&expr, item])) => {
            let (expr, list) = (Box::new(with_zone(*expr)), list.into_iter().map(with_zone).collect());
            Transformed::yes(Expr::InList(InList { expr, list, negated }))
        }
        other => Transformed::no(other),
    })
}
