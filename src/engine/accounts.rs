//! Logins: which roles may connect.

use datafusion::common::Result;

use super::{Engine, Parameters, Session};
use crate::catalog::grants::Privilege;
use crate::catalog::role_limits::RoleLimits;
use crate::objects::role;
use crate::passwords::Verifier;

impl Engine {
    /// True when some role has a password, so that everyone who connects needs one.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub(crate) fn has_logins(&self) -> Result<bool> {
        role::has_logins(&self.session()?.statement(Parameters::default()))
    }

    /// The stored password verifier of a role that may log in.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub(crate) fn verifier(&self, name: &str) -> Result<Option<Verifier>> {
        let context = self.session()?.statement(Parameters::default());
        let known = role::known(name, &context)?;
        Ok(known.filter(|(_, role)| role.may_come_in(context.now())).and_then(|(_, role)| role.verifier))
    }

    /// How many simultaneous connections a role may have; `None` when unlimited.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub(crate) fn connection_limit(&self, name: &str) -> Result<Option<usize>> {
        let context = self.session()?.statement(Parameters::default());
        Ok(role::known(name, &context)?.and_then(|(_, role)| role.connections))
    }

    /// What the connections of a role may use at most.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub(crate) fn limits_of(&self, name: &str) -> Result<RoleLimits> {
        let context = self.session()?.statement(Parameters::default());
        Ok(RoleLimits::of(name, &context.catalog().limits()?))
    }

    /// Refuses a role that was not granted CONNECT.
    ///
    /// # Errors
    /// The role lacks the privilege, or the catalog cannot be read.
    pub(crate) fn check_connect(&self, session: &Session) -> Result<()> {
        let context = session.statement(Parameters::default());
        if context.rights()?.may_in_database(Privilege::Connect) {
            return Ok(());
        }
        let advice = format!("GRANT CONNECT ON DATABASE portrait TO {}", context.role());
        Err(context.not_allowed("database portrait", &advice))
    }
}
