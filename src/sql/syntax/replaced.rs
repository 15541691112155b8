//! `SELECT * REPLACE (value AS column)`: there must be such a column. The planner passes over what names none.
//!
//! Which columns a star stands for is known when the statement is planned. So what is to replace one is given to a function that marks it, and a
//! mark that the plan does not have was of no column.

use std::ops::ControlFlow;

use datafusion::common::tree_node::{Transformed, TreeNode};
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

/// The columns that a statement replaces, by the numbers of their marks.
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

/// The plan without the marks.
///
/// # Errors
/// Names a column that is replaced and is not there.
pub fn unmark(plan: LogicalPlan, columns: &[Ident]) -> Result<LogicalPlan> {
    if columns.is_empty() {
        return Ok(plan);
    }
    let mut found = vec![false; columns.len()];
    let mut known: Vec<String> = vec![];
    let unmarked = plan.transform_up_with_subqueries(|plan| {
        known.extend(plan.schema().fields().iter().map(|field| field.name().clone()));
        plan.map_expressions(|expression| {
            expression.transform_up(|part| match part {
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
