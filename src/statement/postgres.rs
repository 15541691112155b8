//! The database as PostgreSQL's catalog knows it, gathered when a statement first asks.

use std::sync::Arc;

use datafusion::common::Result;
use futures::future::BoxFuture;

use super::StatementContext;
use crate::postgres_catalog::{Gathered, OWN_NAME, PostgresCatalog};

/// Tells the database that a context sees.
pub type Gather = fn(StatementContext) -> BoxFuture<'static, Result<PostgresCatalog>>;

impl StatementContext {
    /// Where the catalog is, once it is gathered.
    pub fn postgres(&self) -> &Arc<Gathered> {
        &self.part.postgres
    }

    /// Gathers the catalog, if a function asks and this is no definition that is read on the way to it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn gather_if_wanted(&self) -> Result<()> {
        if self.part.postgres.is_wanted() && self.inside().is_none() {
            self.gathered().await?;
        }
        Ok(())
    }

    /// The catalog.
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

    /// The role and the path of the session, without what is in the database.
    pub fn postgres_session(&self) -> PostgresCatalog {
        let role = if self.role().is_empty() { OWN_NAME } else { self.role() };
        let session = self.tables().identity();
        PostgresCatalog {
            role: role.to_string(),
            session,
            path: vec!["public".into()],
            ..PostgresCatalog::default()
        }
    }
}
