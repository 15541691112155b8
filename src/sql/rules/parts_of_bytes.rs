//! `substring(bytes FROM 2)`, `position(part IN bytes)` and `overlay(…)` call our functions, which also take bytes; the engine's planners
//! would call the engine's.

use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};

use crate::builtins::bytes::named;

/// Plans these forms for texts and for bytes.
#[derive(Debug)]
pub struct PartsOfBytes;

fn called(name: &str, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
    Ok(match named(name) {
        Some(function) => PlannerResult::Planned(function.call(arguments)),
        None => PlannerResult::Original(arguments),
    })
}

impl ExprPlanner for PartsOfBytes {
    fn plan_substring(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        called("substr", arguments)
    }

    fn plan_position(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        called("strpos", arguments)
    }

    fn plan_overlay(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        called("overlay", arguments)
    }
}
