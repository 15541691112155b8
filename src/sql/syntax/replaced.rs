//! Checks that the columns of `SELECT * REPLACE (value AS column)` exist; the planner ignores unknown ones.
//!
//! The columns of a star are known only when the statement is planned. So each replacement is wrapped in a marker function; a marker that
//! does not appear in the plan belongs to a column that does not exist.

use std::ops::ControlFlow;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Expr as Written, Ident, Select, SelectItem, Value, VisitorMut};

use super::call_of;
use crate::builtins::marked::NAME;
use crate::error::{SqlState, coded, did_you_mean};
use crate::sql::command::normal;
use crate::sql::parser::visit;
use crate::walk::{PlanTree, Tree};

/// Adds the markers; returns the replaced columns, whose indexes are the numbers in the markers.
pub fn mark(parsed: &mut SqlParsed) -> Vec<Ident> {
    let mut marking = Marking { columns: vec![] };
    let _ = visit(parsed, &mut marking);
    marking.columns
}

struct Marking {
    columns: Vec<Ident>,
}

impl VisitorMut for Marking {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = item else { continue };
            for item in options.opt_replace.iter_mut().flat_map(|replace| &mut replace.items) {
                item.expr = marked(item.expr.clone(), self.columns.len());
                self.columns.push(item.column_name.clone());
            }
        }
        ControlFlow::Continue(())
    }
}

fn marked(value: Written, number: usize) -> Written {
    call_of(NAME, vec![value, Written::Value(Value::Number(number.to_string(), false).with_empty_span())])
}

/// Removes the markers from a plan.
///
/// # Errors
/// A replaced column does not exist.
pub fn unmark(plan: LogicalPlan, columns: &[Ident]) -> Result<LogicalPlan> {
    if columns.is_empty() {
        return Ok(plan);
    }
    let mut found = vec![false; columns.len()];
    let mut known: Vec<String> = vec![];
    let unmarked = plan.changed_up_with_subqueries(|plan| {
        known.extend(plan.schema().fields().iter().map(|field| field.name().clone()));
        plan.changed_expressions(|expression| {
            expression.changed_up(|part| match part {
                Expr::ScalarFunction(ScalarFunction { func, mut args }) if func.name() == NAME => {
                    if let [_, Expr::Literal(ScalarValue::Int64(Some(number)), _)] = args.as_slice()
                        && let Some(found) = usize::try_from(*number).ok().and_then(|number| found.get_mut(number))
                    {
                        *found = true;
                    }
                    Ok(Transformed::yes(args.swap_remove(0)))
                }
                other => Ok(Transformed::no(other)),
            })
        })
    })?;
    match columns.iter().zip(found).find(|(_, found)| !found) {
        None => Ok(unmarked.data),
        Some((column, _)) => {
            let name = normal(column);
            let suggestion = did_you_mean(&name, known.iter().map(String::as_str));
            let problem = format!("no such column; REPLACE takes columns of the star{suggestion}");
            Err(coded(SqlState::UNDEFINED_COLUMN, &name, problem))
        }
    }
}
