//! `system.privacy_budgets`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::catalog::budgets::MILLIONTHS;
use crate::docs::Column;
use crate::objects::values::{number, share, text, time};
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct PrivacyBudgets;

const COLUMNS: [Column; 6] = [
    Column { name: "role", data_type: "VARCHAR", text: "the role" },
    Column { name: "budget", data_type: "DOUBLE", text: "the largest allowed sum of epsilon over its answers" },
    Column { name: "spent", data_type: "DOUBLE", text: "the sum of epsilon so far" },
    Column { name: "remaining", data_type: "DOUBLE", text: "what is left" },
    Column { name: "answers", data_type: "BIGINT", text: "how many answers there were" },
    Column { name: "last_spent_at", data_type: "TIMESTAMP", text: "when the last one was, in UTC" },
];

impl SystemTable for PrivacyBudgets {
    fn name(&self) -> &'static str {
        "privacy_budgets"
    }

    fn summary(&self) -> &'static str {
        "The budget of each role for noisy_count and noisy_sum, and how much of it is spent; a role without SUPERUSER sees its own."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let is_superuser = context.rights()?.is_superuser();
            let mut budgets = context.catalog().budgets()?;
            budgets.retain(|budget| is_superuser || budget.role == context.role());
            let all = || budgets.iter();
            let epsilon = |millionths: i64| Some(millionths as f64 / MILLIONTHS as f64);
            Ok(vec![
                text(all().map(|budget| Some(budget.role.clone()))),
                share(all().map(|budget| epsilon(budget.budget))),
                share(all().map(|budget| epsilon(budget.spent))),
                share(all().map(|budget| epsilon(budget.left()))),
                number(all().map(|budget| Some(budget.answers))),
                time(all().map(|budget| budget.last_spent_at)),
            ])
        })
    }
}
