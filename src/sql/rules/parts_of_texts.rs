//! `'teapot'[1]`, `name[2:3]`: characters of a string, as in DuckDB. Negative places count from the end.

use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::functions::expr_fn::{reverse, right, substr, substring};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, lit};

/// Plans subscripts of strings whose places are constants; others are left to the planner of lists, which reports the type.
#[derive(Debug)]
pub struct PartsOfTexts;

impl ExprPlanner for PartsOfTexts {
    fn plan_field_access(&self, access: RawFieldAccessExpr, schema: &DFSchema) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let is_text = access.expr.get_type(schema).is_ok_and(|of| of.is_string());
        let part = if is_text { part(&access.expr, &access.field_access) } else { None };
        Ok(match part {
            Some(part) => PlannerResult::Planned(part),
            None => PlannerResult::Original(access),
        })
    }
}

fn part(text: &Expr, access: &GetFieldAccess) -> Option<Expr> {
    let text = || text.clone();
    match access {
        GetFieldAccess::ListIndex { key } => Some(match place(key)? {
            0 => lit(""),
            place @ 1.. => substring(text(), lit(place), lit(1_i64)),
            // A string that is shorter has no such character.
            place => substring(reverse(text()), lit(place.checked_neg()?), lit(1_i64)),
        }),
        GetFieldAccess::ListRange { start, stop, stride } => {
            if place(stride)? != 1 {
                return None;
            }
            match (place(start)?, place(stop)?) {
                (start @ 0.., -1) => Some(substr(text(), lit(start.max(1)))),
                (start @ 0.., stop @ 0..) => {
                    let start = start.max(1);
                    Some(substring(text(), lit(start), lit((stop - start + 1).max(0))))
                }
                (start @ ..=-1, -1) => Some(right(text(), lit(start.checked_neg()?))),
                _ => None,
            }
        }
        GetFieldAccess::NamedStructField { .. } => None,
    }
}

/// The constant whole number of a place.
fn place(place: &Expr) -> Option<i64> {
    match place {
        Expr::Literal(ScalarValue::Int64(Some(place)), _) => Some(*place),
        Expr::Negative(place) => self::place(place)?.checked_neg(),
        _ => None,
    }
}
