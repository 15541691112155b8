//! The privacy budget of whoever asks, handed to steps among the settings that they run with.

use std::fmt::{self, Debug};
use std::sync::Arc;

use datafusion::common::Result;

use crate::settings::carried;

/// Who has a budget.
pub trait Spends: Send + Sync {
    /// Spends millionths of ε for an answer of a function, which may be told once this returns.
    ///
    /// # Errors
    /// The role has no budget, or less is left of it.
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
