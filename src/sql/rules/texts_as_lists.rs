//! `length(list)`, which counts the values of a list; and `CAST('{1,2}' AS INT[])`, also where a value is written to a column: a constant text is parsed in PostgreSQL's notation. DataFusion would
//! make a list whose only item is the text.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, cast, lit};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;
use super::texts_as_values::list;
use crate::builtins::texts::likeness::LEN;
use crate::error::{SqlState, coded};
use crate::text::literal;

/// Runs before type coercion, whose own casts are left as they are.
#[derive(Debug)]
pub struct TextsAsLists;

impl AnalyzerRule for TextsAsLists {
    fn name(&self) -> &'static str {
        "texts_as_lists"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(each_expression(plan, |expression, schema| {
            if let Some(length) = length_of_list(&expression, schema)? {
                return Ok(Transformed::yes(length));
            }
            let (text, field, is_tried) = match &expression {
                Expr::Cast(Cast { expr, field }) => (expr, field, false),
                Expr::TryCast(TryCast { expr, field }) => (expr, field, true),
                _ => return Ok(Transformed::no(expression)),
            };
            let to = field.data_type();
            let DataType::List(item) = to else { return Ok(Transformed::no(expression)) };
            if !text.get_type(schema).is_ok_and(|of| of.is_string()) {
                return Ok(Transformed::no(expression));
            }
            let Some(written) = constant(text) else {
                let problem = "a text is read as a list only where it is a constant; string_to_array(text, ',') splits one";
                return Err(coded(SqlState::DATATYPE_MISMATCH, "CAST", problem));
            };
            let read = match written {
                None => Ok(ScalarValue::try_from(to)?),
                Some(written) => list(written, item.data_type()).and_then(|read| {
                    let problem = "is not a list; write {a,b,NULL}, or ['a', 'b', NULL]";
                    read.ok_or_else(|| coded(SqlState::INVALID_TEXT_REPRESENTATION, &literal(written), problem))
                }),
            };
            match read {
                // The fields within the type may have other names.
                Ok(value) => Ok(Transformed::yes(Expr::Cast(Cast { expr: Box::new(lit(value)), field: Arc::clone(field) }))),
                Err(_) if is_tried => Ok(Transformed::yes(lit(ScalarValue::try_from(to)?))),
                Err(error) => Err(error),
            }
        })?
        .data)
    }
}

/// `length(list)`: the number of its values. The engine would count the letters of the list as a text.
fn length_of_list(expression: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let Expr::ScalarFunction(call) = expression else { return Ok(None) };
    let ("character_length", [list]) = (call.func.name(), call.args.as_slice()) else { return Ok(None) };
    match list.get_type(schema)? {
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
            Ok(Some(cast(LEN.call(vec![list.clone()]), expression.get_type(schema)?)))
        }
        _ => Ok(None),
    }
}

/// A constant text, `Some(None)` for NULL; `None` for other expressions.
fn constant(expression: &Expr) -> Option<Option<&str>> {
    match expression {
        Expr::Literal(value, _) => value.try_as_str(),
        Expr::Cast(Cast { expr, .. }) => constant(expr),
        _ => None,
    }
}
