//! What a macro may ask about the objects of the database: profiles, their tags.
//!
//! The engine implements [`Definitions`] over its catalog and puts it into the session; functions know only the trait.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::config::SessionConfig;

use crate::error::invalid;

/// The named objects of a database.
pub trait Definitions: Debug + Send + Sync {
    /// The query of a tag, giving (key, value) of each customer, as it was written, without a semicolon.
    ///
    /// # Errors
    /// There is no such profile or tag; the error says which there are.
    fn tag_query(&self, profile: &str, tag: &str) -> Result<String>;
}

/// Where a session keeps its [`Definitions`]: `config.set_extension(Arc::new(DefinitionsHandle(definitions)))`.
#[derive(Debug, Clone)]
pub struct DefinitionsHandle(pub Arc<dyn Definitions>);

/// The definitions of a session; in one without a database, each question is answered by an error.
pub fn of(config: &SessionConfig) -> Arc<dyn Definitions> {
    match config.get_extension::<DefinitionsHandle>() {
        Some(handle) => Arc::clone(&handle.0),
        None => Arc::new(NoDefinitions),
    }
}

/// The definitions of a DataFusion session of one's own, which has none.
#[derive(Debug)]
pub struct NoDefinitions;

impl Definitions for NoDefinitions {
    fn tag_query(&self, profile: &str, _tag: &str) -> Result<String> {
        Err(invalid(profile, "profiles need a session of a database; open one with Engine::open, or write the query: (SELECT …)"))
    }
}
