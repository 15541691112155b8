//! What the value of an expression reveals of the columns in it.

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction, WindowFunction};
use datafusion::logical_expr::{Case, Expr, Operator};

use crate::walk::Tree;

/// Functions whose results do not reveal their arguments.
const COVERING: [&str; 22] = [
    "count",
    "approx_distinct",
    "length",
    "char_length",
    "character_length",
    "octet_length",
    "bit_length",
    "mask_name",
    "mask_phone",
    "mask_email",
    "mask_id_card",
    "mask_address",
    "mask_card",
    "redact",
    "generalize",
    "pseudonymize",
    "tokenize",
    "is_valid_phone",
    "row_number",
    "rank",
    "dense_rank",
    "ntile",
];

/// How a part of an expression gets into its value.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    Carried,
    /// It decides what the value is.
    Compared,
}

/// True for a condition that matches columns with each other, as joins do.
pub fn is_match(condition: &Expr) -> bool {
    let is_column = |part: &Expr| matches!(part, Expr::Column(_) | Expr::OuterReferenceColumn(..));
    matches!(condition, Expr::BinaryExpr(binary) if binary.op == Operator::Eq && is_column(&binary.left) && is_column(&binary.right))
}

/// Visits the parts of an expression that its value reveals, each with how it does: columns and subqueries.
///
/// # Errors
/// None in practice.
pub fn visit(expression: &Expr, way: Way, found: &mut dyn FnMut(&Expr, Way)) -> Result<()> {
    let mut parts: Vec<(&Expr, Way)> = vec![];
    match expression {
        // Whether there is a value.
        Expr::IsNull(_) | Expr::IsNotNull(_) => {}
        Expr::IsTrue(part)
        | Expr::IsFalse(part)
        | Expr::IsUnknown(part)
        | Expr::IsNotTrue(part)
        | Expr::IsNotFalse(part)
        | Expr::IsNotUnknown(part)
        | Expr::Not(part) => parts.push((part.as_ref(), Way::Compared)),
        Expr::Like(like) | Expr::SimilarTo(like) => {
            parts.extend([(like.expr.as_ref(), Way::Compared), (like.pattern.as_ref(), Way::Compared)]);
        }
        Expr::Between(between) => {
            parts.extend([&between.expr, &between.low, &between.high].map(|part| (part.as_ref(), Way::Compared)));
        }
        Expr::InList(list) => {
            parts.push((list.expr.as_ref(), Way::Compared));
            parts.extend(list.list.iter().map(|part| (part, Way::Compared)));
        }
        Expr::InSubquery(query) => {
            parts.push((query.expr.as_ref(), Way::Compared));
            found(expression, Way::Compared);
        }
        Expr::SetComparison(query) => {
            parts.push((query.expr.as_ref(), Way::Compared));
            found(expression, Way::Compared);
        }
        // Comparisons, AND and OR.
        Expr::BinaryExpr(binary) if binary.op.is_logic_operator() || binary.op.supports_propagation() => {
            parts.extend([(binary.left.as_ref(), Way::Compared), (binary.right.as_ref(), Way::Compared)]);
        }
        Expr::ScalarFunction(ScalarFunction { func, .. }) if COVERING.contains(&func.name()) => {}
        // FILTER decides which rows are used. So do ORDER BY and PARTITION BY, but by the order and equality of values only.
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            if !COVERING.contains(&func.name()) {
                parts.extend(params.args.iter().map(|part| (part, way)));
            }
            parts.extend(params.filter.iter().map(|part| (part.as_ref(), Way::Compared)));
        }
        Expr::WindowFunction(function) => {
            let WindowFunction { fun, params } = function.as_ref();
            if !COVERING.contains(&fun.name()) {
                parts.extend(params.args.iter().map(|part| (part, way)));
            }
            parts.extend(params.filter.iter().map(|part| (part.as_ref(), Way::Compared)));
        }
        Expr::Case(Case { expr, when_then_expr, else_expr }) => {
            parts.extend(expr.iter().map(|part| (part.as_ref(), Way::Compared)));
            for (when, then) in when_then_expr {
                parts.extend([(when.as_ref(), Way::Compared), (then.as_ref(), way)]);
            }
            parts.extend(else_expr.iter().map(|part| (part.as_ref(), way)));
        }
        Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::ScalarSubquery(_) | Expr::Exists(_) => found(expression, way),
        other => {
            other.each_child(|part| {
                visit(part, way, found)?;
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
    }
    parts.into_iter().try_for_each(|(part, way)| visit(part, way, found))
}
