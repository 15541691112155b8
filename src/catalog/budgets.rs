//! Privacy budgets: how much noisy answers may reveal to a role, and how much they have revealed.
//!
//! ```text
//! noisy_count, noisy_sum ─▶ the answer is computed ─▶ its ε is spent, on disk ─▶ noise is drawn ─▶ the row
//! ```
//! Spending is not part of a transaction: the role has seen the answer even if the transaction is rolled back.

use datafusion::common::Result;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Catalog;
use super::runs::now;
use crate::error::{SqlState, coded};

/// ε is counted in integer millionths, so that spending adds up exactly.
pub const MILLIONTHS: u64 = 1_000_000;

/// The part of the catalog schema for budgets.
pub const MIGRATION: &str = "
    -- How much answers with noise may tell a role, in millionths of epsilon, and what they have told.
    CREATE TABLE privacy_budgets (
        role          TEXT PRIMARY KEY,
        budget        INTEGER NOT NULL,
        spent         INTEGER NOT NULL DEFAULT 0,
        answers       INTEGER NOT NULL DEFAULT 0,
        last_spent_at INTEGER
    ) STRICT;
    ";

/// The budget of a role, in millionths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    pub role: String,
    pub budget: i64,
    pub spent: i64,
    pub answers: i64,
    pub last_spent_at: Option<i64>,
}

impl Budget {
    /// What is left; 0 when the budget was lowered below what is spent.
    pub fn left(&self) -> i64 {
        (self.budget - self.spent).max(0)
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { role: row.get(0)?, budget: row.get(1)?, spent: row.get(2)?, answers: row.get(3)?, last_spent_at: row.get(4)? })
    }
}

const ALL: &str = "SELECT role, budget, spent, answers, last_spent_at FROM privacy_budgets";

/// Moves the budget of a renamed role.
pub fn rename(connection: &Connection, old: &str, new: &str) -> rusqlite::Result<()> {
    connection.execute("UPDATE privacy_budgets SET role = ?2 WHERE role = ?1", params![old, new])?;
    Ok(())
}

/// Deletes the budget of a dropped role.
pub fn drop(connection: &Connection, role: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM privacy_budgets WHERE role = ?1", params![role])?;
    Ok(())
}

impl Catalog {
    /// Sets the budget of a role and keeps what it has spent; `None` removes both.
    ///
    /// # Errors
    /// The catalog cannot be written, or the statement is part of a transaction.
    pub fn put_budget(&self, role: &str, budget: Option<i64>) -> Result<()> {
        if !std::ptr::eq(self.ground(), self) {
            let problem = "cannot be changed in a transaction, because what is spent is not part of one; COMMIT first";
            return Err(coded(SqlState::ACTIVE_SQL_TRANSACTION, "portrait.privacy_budget", problem));
        }
        self.write(|connection| match budget {
            Some(budget) => {
                let put =
                    "INSERT INTO privacy_budgets (role, budget) VALUES (?1, ?2) ON CONFLICT (role) DO UPDATE SET budget = ?2";
                connection.execute(put, params![role, budget]).map(|_| ())
            }
            None => drop(connection, role),
        })
    }

    /// The budget of a role.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn budget_of(&self, role: &str) -> Result<Option<Budget>> {
        let query = format!("{ALL} WHERE role = ?1");
        self.ground().read(|connection| connection.prepare_cached(&query)?.query_row([role], Budget::of).optional())
    }

    /// Every budget, by role.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn budgets(&self) -> Result<Vec<Budget>> {
        let query = format!("{ALL} ORDER BY role");
        self.ground().read(|connection| connection.prepare_cached(&query)?.query_map([], Budget::of)?.collect())
    }

    /// Spends from a budget; false when less than `epsilon` is left. On disk when this returns, whether the transaction commits or not.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn spend_budget(&self, role: &str, epsilon: i64) -> Result<bool> {
        let spend = "UPDATE privacy_budgets SET spent = spent + ?2, answers = answers + 1, last_spent_at = ?3
             WHERE role = ?1 AND spent + ?2 <= budget";
        self.ground().write(|connection| Ok(connection.execute(spend, params![role, epsilon, now()])? == 1))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_budget_is_spent_exactly_and_not_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Arc::new(Catalog::open(folder.path()).unwrap());
        assert!(!catalog.spend_budget("ada", 1).unwrap());
        catalog.put_budget("ada", Some(10)).unwrap();
        for _ in 0..3 {
            assert!(catalog.spend_budget("ada", 3).unwrap());
        }
        assert!(!catalog.spend_budget("ada", 3).unwrap());
        // A rolled-back transaction has still spent.
        let transaction = catalog.begin().unwrap();
        assert!(transaction.spend_budget("ada", 1).unwrap());
        assert_eq!(transaction.budget_of("ada").unwrap().map(|budget| budget.spent), Some(10));
        assert!(transaction.put_budget("ada", Some(99)).is_err());
        std::mem::drop(transaction);
        let budget = catalog.budget_of("ada").unwrap().unwrap();
        assert_eq!((budget.spent, budget.left(), budget.answers), (10, 0, 4));
        // Threads share it.
        catalog.put_budget("ada", Some(60)).unwrap();
        let spent: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..20).filter(|_| catalog.spend_budget("ada", 1).unwrap()).count())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((spent, catalog.budget_of("ada").unwrap().unwrap().spent), (50, 60));
        catalog.put_budget("ada", None).unwrap();
        assert_eq!(catalog.budgets().unwrap(), []);
    }
}
