//! Transactions by calls: like BEGIN, COMMIT and SAVEPOINT in SQL; a session has one at a time.
//!
//! A statement that names no transaction is its own transaction, and is refused while the session has one open: the client would consider
//! it committed, but it might be rolled back later. A prepared statement is part of whatever transaction is open when it runs.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;

use super::sessions::{Busy, Open};
use crate::engine::{Session, TransactionStatus};
use crate::error::{SqlState, coded};
use crate::text::identifier;

/// A transaction that was begun by a call.
pub struct Transaction {
    id: Bytes,
    /// Its savepoints, with their names.
    savepoints: Vec<(Bytes, String)>,
}

/// Runs a transaction statement.
async fn run(session: &Session, sql: &str) -> Result<()> {
    for statement in session.parse(sql).await? {
        session.execute(statement).await?.collect().await?;
    }
    Ok(())
}

fn unknown(what: &str) -> DataFusionError {
    let problem = format!("no such {what} in this session; it was ended, or never begun");
    coded(SqlState::NO_ACTIVE_SQL_TRANSACTION, what, problem)
}

/// Checks that a statement is part of the open transaction, or that no transaction is open.
///
/// # Errors
/// It names another transaction, or none.
pub fn check(open: &Open, given: Option<&[u8]>) -> Result<()> {
    let mut own = open.transaction.lock();
    // It may also have been ended by COMMIT or ROLLBACK in SQL.
    if own.is_some() && open.session.transaction_status() == TransactionStatus::Idle {
        *own = None;
    }
    // An empty name means none.
    match (own.as_ref(), given.filter(|given| !given.is_empty())) {
        (None, None) => Ok(()),
        (Some(own), Some(given)) if own.id == given => Ok(()),
        (_, Some(_)) => Err(unknown("transaction")),
        (Some(_), None) => {
            let problem = "is still open in this session, and the statement is not part of it; give its id, or end it first";
            Err(coded(SqlState::ACTIVE_SQL_TRANSACTION, "transaction", problem))
        }
    }
}

/// Refuses a query in a failed transaction; other statements are refused where they run.
///
/// # Errors
/// The transaction has failed.
pub fn check_going_on(open: &Open) -> Result<()> {
    if open.session.transaction_status() != TransactionStatus::Failed {
        return Ok(());
    }
    let problem = "has failed: nothing is done until ROLLBACK, or ROLLBACK TO a savepoint";
    Err(coded(SqlState::IN_FAILED_SQL_TRANSACTION, "transaction", problem))
}

/// Begins a transaction.
///
/// # Errors
/// A transaction is already open.
pub async fn begin(busy: &Busy) -> Result<Bytes> {
    let open = &busy.0;
    let _turn = open.turn.lock().await;
    if open.session.transaction_status() != TransactionStatus::Idle {
        let problem = "one is already open, and a session has one at a time; end it first, or log in once more";
        return Err(coded(SqlState::ACTIVE_SQL_TRANSACTION, "transaction", problem));
    }
    busy.within(run(&open.session, "BEGIN")).await?;
    let id = Bytes::from(format!("transaction {}", open.number()));
    *open.transaction.lock() = Some(Transaction { id: id.clone(), savepoints: vec![] });
    Ok(id)
}

/// Ends a transaction.
///
/// # Errors
/// There is no such transaction; or it cannot be committed, because a statement in it failed or because of a conflict, and is rolled back.
pub async fn end(busy: &Busy, id: &[u8], commits: bool) -> Result<()> {
    let open = &busy.0;
    let _turn = open.turn.lock().await;
    {
        let mut own = open.transaction.lock();
        if own.as_ref().is_none_or(|own| own.id != id) || open.session.transaction_status() == TransactionStatus::Idle {
            return Err(unknown("transaction"));
        }
        *own = None;
    }
    let has_failed = open.session.transaction_status() == TransactionStatus::Failed;
    run(&open.session, if commits && !has_failed { "COMMIT" } else { "ROLLBACK" }).await?;
    if commits && has_failed {
        let problem = "was rolled back: a statement in it had failed";
        return Err(coded(SqlState::IN_FAILED_SQL_TRANSACTION, "transaction", problem));
    }
    Ok(())
}

/// Rolls back the open transaction, if any.
///
/// # Errors
/// None in practice.
pub async fn roll_back(open: &Open) -> Result<()> {
    open.transaction.lock().take();
    match open.session.transaction_status() {
        TransactionStatus::Idle => Ok(()),
        _ => run(&open.session, "ROLLBACK").await,
    }
}

/// Sets a savepoint.
///
/// # Errors
/// There is no such transaction, or it has failed.
pub async fn savepoint(busy: &Busy, id: &[u8], name: &str) -> Result<Bytes> {
    let open = &busy.0;
    let _turn = open.turn.lock().await;
    if id.is_empty() {
        return Err(unknown("transaction"));
    }
    check(open, Some(id))?;
    let number = open.number();
    let name = if name.is_empty() { format!("savepoint {number}") } else { name.to_string() };
    busy.within(run(&open.session, &format!("SAVEPOINT {}", identifier(&name)))).await?;
    let made = Bytes::from(format!("savepoint {number}"));
    if let Some(own) = open.transaction.lock().as_mut() {
        own.savepoints.push((made.clone(), name));
    }
    Ok(made)
}

/// Rolls back to a savepoint, or releases it.
///
/// # Errors
/// There is no such savepoint.
pub async fn end_savepoint(busy: &Busy, id: &[u8], goes_back: bool) -> Result<()> {
    let open = &busy.0;
    let _turn = open.turn.lock().await;
    let name = {
        let own = open.transaction.lock();
        let savepoints = own.iter().flat_map(|own| &own.savepoints);
        savepoints.rev().find(|(own, _)| own == id).map(|(_, name)| name.clone())
    };
    let name = identifier(&name.ok_or_else(|| unknown("savepoint"))?);
    let sql = if goes_back { format!("ROLLBACK TO SAVEPOINT {name}") } else { format!("RELEASE SAVEPOINT {name}") };
    busy.within(run(&open.session, &sql)).await?;
    if let Some(own) = open.transaction.lock().as_mut()
        && let Some(place) = own.savepoints.iter().rposition(|(own, _)| own == id)
    {
        // Later savepoints are gone; this one remains after a rollback to it.
        own.savepoints.truncate(if goes_back { place + 1 } else { place });
    }
    Ok(())
}

/// A transaction for a single call. It is rolled back unless committed, even if its client disconnects.
pub struct Own(Option<(Arc<Open>, OwnedMutexGuard<()>)>);

impl Own {
    /// Begins it. Other statements of the session wait until it ends.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn begin(busy: &Busy, turn: OwnedMutexGuard<()>) -> Result<Self> {
        let own = Self(Some((Arc::clone(&busy.0), turn)));
        busy.within(run(&busy.0.session, "BEGIN")).await?;
        Ok(own)
    }

    /// Commits it.
    ///
    /// # Errors
    /// It cannot be committed, and is rolled back.
    pub async fn commit(mut self, busy: &Busy) -> Result<()> {
        run(&busy.0.session, "COMMIT").await?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let (Some((open, turn)), Ok(runtime)) = (self.0.take(), Handle::try_current()) else { return };
        runtime.spawn(async move {
            // There is no client left to report an error to.
            let _ = roll_back(&open).await;
            drop(turn);
        });
    }
}
