//! Who may come in.

use datafusion::common::Result;

use super::{Engine, Parameters};
use crate::objects::role;
use crate::passwords::Verifier;

impl Engine {
    /// True when a role has a password, so that everybody who comes needs one.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub(crate) fn has_logins(&self) -> Result<bool> {
        role::has_logins(&self.session()?.statement(Parameters::default()))
    }

    /// What is kept of the password of a role that may come in, and whether it may do all.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub(crate) fn verifier(&self, name: &str) -> Result<Option<(Verifier, bool)>> {
        let known = role::known(name, &self.session()?.statement(Parameters::default()))?;
        Ok(known.filter(|(_, role)| role.login).and_then(|(_, role)| role.verifier.zip(Some(role.superuser))))
    }
}
