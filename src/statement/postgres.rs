//! The database as PostgreSQL's catalog shows it, gathered when a statement first asks for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::common::Result;
use futures::future::BoxFuture;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::StatementContext;
use super::activity::End;
use super::cancel::Cancel;
use super::counters::Counters;
use crate::postgres_catalog::{Backends, Gathered, OWN_NAME, PostgresCatalog};

/// Describes the database that a context sees.
pub type Gather = fn(StatementContext) -> BoxFuture<'static, Result<PostgresCatalog>>;

/// How often a statement that waits looks whether it is cancelled.
const LOOK: Duration = Duration::from_millis(20);

/// Ends connections or their statements, on behalf of the role that runs a statement.
#[derive(Debug)]
struct Ending(StatementContext);

impl Backends for Ending {
    fn end(&self, pid: i64, whole: bool) -> Result<bool> {
        let connections = self.0.activity().connections();
        let Some(connection) = connections.into_iter().find(|connection| i64::from(connection.pid) == pid) else {
            return Ok(false);
        };
        self.0.check_may_end(&connection.role)?;
        connection.end(if whole { End::Connection } else { End::Statement });
        Ok(true)
    }

    fn is_superuser(&self) -> Result<bool> {
        Ok(self.0.rights()?.is_superuser())
    }

    fn wait(&self, time: Duration) -> Result<()> {
        let until = Instant::now().checked_add(time);
        let wait = || loop {
            if self.0.cancel().is_cancelled() {
                return Err(Cancel::error());
            }
            if let Some(error) = self.0.overdue() {
                return Err(error);
            }
            let left = until.map_or(LOOK, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(LOOK));
        };
        match Handle::try_current() {
            // Others go on with the tasks of this thread.
            Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(wait),
            _ => wait(),
        }
    }
}

impl StatementContext {
    /// Checks that the statement's role may end what `role` runs.
    ///
    /// # Errors
    /// The connection is another role's, and the statement's role may end only its own.
    pub fn check_may_end(&self, role: &str) -> Result<()> {
        let rights = self.rights()?;
        if rights.is_member(role) || rights.is_member("pg_signal_backend") {
            return Ok(());
        }
        Err(self.not_allowed("what others run", &format!("GRANT pg_signal_backend TO {}", self.role())))
    }

    /// The slot that holds the catalog once it is gathered.
    pub fn postgres(&self) -> &Arc<Gathered> {
        &self.part.postgres
    }

    /// Gathers the catalog if a function needs it. Not inside a definition, as gathering itself plans definitions.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn gather_if_wanted(&self) -> Result<()> {
        if self.part.postgres.is_wanted() && self.inside().is_none() {
            self.gathered().await?;
        }
        Ok(())
    }

    /// The catalog, gathered if it is not there yet.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn gathered(&self) -> Result<Arc<PostgresCatalog>> {
        let gathered = &self.part.postgres;
        if let Some(known) = gathered.get() {
            return Ok(Arc::clone(known));
        }
        Ok(gathered.keep((self.whole.origin.postgres)(self.clone()).await?))
    }

    /// The role and search path of the session, without the database's contents.
    pub fn postgres_session(&self) -> PostgresCatalog {
        let role = if self.role().is_empty() { OWN_NAME } else { self.role() };
        let session = self.tables().identity();
        let login = if self.login().is_empty() { OWN_NAME } else { self.login() };
        let pid = self.connection().map_or_else(|| i64::from(std::process::id()), |connection| connection.pid.into());
        PostgresCatalog {
            role: role.to_string(),
            login: login.to_string(),
            pid,
            postmaster: Arc::clone(self.activity().postmaster()),
            backends: Some(Arc::new(Ending(self.clone()))),
            sequences: Some(Arc::new(Counters(self.clone()))),
            session,
            path: self.path(),
            ..PostgresCatalog::default()
        }
    }
}
