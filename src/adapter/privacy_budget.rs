//! The privacy budget of the current user, passed to steps in the session's settings.

use std::fmt::{self, Debug};
use std::sync::Arc;

use datafusion::common::Result;

use crate::settings::carried;

/// Something that has a privacy budget.
pub trait Spends: Send + Sync {
    /// Spends `epsilon` millionths of ε on an answer of a function. The answer may be given only if this succeeds.
    ///
    /// # Errors
    /// The role has no budget, or not enough is left.
    fn spend(&self, function: &str, epsilon: i64) -> Result<()>;
}

/// The budget that a statement spends from.
#[derive(Clone)]
pub struct PrivacyBudget(pub Arc<dyn Spends>);

carried!(PrivacyBudget, "privacy_budget_of_statement");

impl Debug for PrivacyBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivacyBudget").finish_non_exhaustive()
    }
}
