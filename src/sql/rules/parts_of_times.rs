//! `extract(part FROM time)` calls our `date_part`; the engine's planner would call the engine's.

use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};

use crate::builtins::dates::parts::date_part;

/// Plans every `extract`.
#[derive(Debug)]
pub struct PartsOfTimes;

impl ExprPlanner for PartsOfTimes {
    fn plan_extract(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let (_, function) = date_part();
        Ok(PlannerResult::Planned(function.call(arguments)))
    }
}
