//! The privacy budget of the role that runs a statement. The role pays even when it reads through a view that another role owns.

use datafusion::common::Result;

use super::StatementContext;
use crate::adapter::privacy_budget::Spends;
use crate::catalog::budgets::MILLIONTHS;
use crate::error::{SqlState, coded};

impl Spends for StatementContext {
    fn spend(&self, function: &str, epsilon: i64) -> Result<()> {
        let (role, catalog) = (self.role(), self.catalog());
        let Some(known) = catalog.budget_of(role)? else {
            // A superuser can see the rows themselves, so a noisy answer tells it nothing more.
            if self.is_run_by_superuser()? {
                return Ok(());
            }
            let problem = format!(
                "role {role} has no privacy budget; a role with SUPERUSER gives one with ALTER ROLE {role} SET portrait.privacy_budget = 1"
            );
            return Err(coded(SqlState::CONFIGURATION_LIMIT_EXCEEDED, function, problem));
        };
        if catalog.spend_budget(role, epsilon)? {
            return Ok(());
        }
        let number = |millionths: i64| millionths as f64 / MILLIONTHS as f64;
        let left = catalog.budget_of(role)?.unwrap_or(known).left();
        let problem = format!(
            "the privacy budget of role {role} has {} left, and epsilon is {}; ask with a smaller epsilon, or a role with SUPERUSER for a larger budget",
            number(left),
            number(epsilon)
        );
        Err(coded(SqlState::CONFIGURATION_LIMIT_EXCEEDED, function, problem))
    }
}
