//! What functions can ask about the objects of the database: profiles and their published versions, tags, segments, experiments, models
//! and stored functions.
//!
//! [`Definitions`] is implemented over the catalog, for the duration of one statement; functions know only the trait.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::error::DataFusionError;

use crate::catalog::models::StoredModel;
use crate::catalog::snapshots::PublishedColumn;
use crate::error::invalid;
use crate::settings::PortraitSettings;

/// The published version of a profile.
#[derive(Debug, Clone)]
pub struct Published {
    /// The time of the data (`as_of`), in microseconds since 1970.
    pub at: i64,
    /// Its columns.
    pub columns: Vec<PublishedColumn>,
    /// Why there are no rows to read yet; the columns are then those that would be published.
    pub missing: Option<Arc<DataFusionError>>,
    /// The table with all its published columns, quoted as in SQL: the key, and columns named as in [`mod@column`].
    pub table: String,
}

impl Published {
    /// The error for a version that lacks what is needed: if nothing is published yet, that error; otherwise `problem`.
    pub fn lacks(&self, problem: DataFusionError) -> DataFusionError {
        self.missing.clone().map_or(problem, DataFusionError::Shared)
    }
}

/// The columns of [`Published::table`], quoted as in SQL.
pub mod column {
    use crate::catalog::state_columns;
    pub use crate::catalog::state_columns::KEY;
    use crate::text::identifier;

    /// The value of an attribute or tag.
    pub fn value(name: &str) -> String {
        identifier(&state_columns::value(name))
    }

    /// The time since which a tag has its value.
    pub fn since(name: &str) -> String {
        identifier(&state_columns::since(name))
    }

    /// The version of the tag that produced its value.
    pub fn version(name: &str) -> String {
        identifier(&state_columns::version(name))
    }

    /// The time since which a customer is in a segment.
    pub fn segment(name: &str) -> String {
        identifier(&state_columns::segment(name))
    }
}

/// A parameter of a stored function: `days BIGINT DEFAULT 30`.
#[derive(Debug, Clone)]
pub struct Parameter {
    pub name: String,
    pub data_type: sqlparser::ast::DataType,
    pub default: Option<sqlparser::ast::Expr>,
}

/// A function in FROM stored in the database: a query with parameters, written `$name`.
#[derive(Debug, Clone)]
pub struct StoredFunction {
    pub name: String,
    pub parameters: Vec<Parameter>,
    pub query: Box<sqlparser::ast::Query>,
}

/// The definition of a segment.
#[derive(Debug, Clone)]
pub struct SegmentDefinition {
    /// Its profile.
    pub profile: String,
    /// The attributes and tags its condition uses.
    pub uses: Vec<String>,
}

/// The definition of an experiment.
#[derive(Debug, Clone)]
pub struct ExperimentDefinition {
    /// Its profile.
    pub profile: String,
    /// The segment whose members take part; all members of the profile if there is none.
    pub segment: Option<String>,
    pub groups: Vec<String>,
    /// The share of each group, in the order of `groups`.
    pub shares: Vec<f64>,
    pub control: String,
    pub salt: String,
    /// The start of the experiment, in microseconds since 1970; a day starts at midnight.
    pub start: i64,
    /// Participation is decided by the newest refresh up to this time; for a day, its end.
    pub known_at: i64,
    pub end: Option<i64>,
    /// The columns of the query to measure; `None` for all except the first.
    pub metrics: Option<Vec<String>>,
    /// The measurements: the key, and one column per metric.
    pub query: Box<sqlparser::ast::Query>,
}

/// The named objects of a database.
pub trait Definitions: Debug + Send + Sync {
    /// The query of a tag, which returns (key, value) for each customer, as of the last refresh of its profile, without a semicolon.
    ///
    /// # Errors
    /// There is no such profile or tag; the error lists the existing ones.
    fn tag_query(&self, profile: &str, tag: &str) -> Result<String>;

    /// The published version of a profile, the newest one or the one at a time in microseconds since 1970.
    ///
    /// # Errors
    /// There is no such profile, or it had not been refreshed by then.
    fn published(&self, profile: &str, _at: Option<i64>) -> Result<Published> {
        Err(no_database(profile))
    }

    /// The newest version of a model, as it is stored.
    ///
    /// # Errors
    /// There is no model with that name.
    fn model(&self, name: &str) -> Result<StoredModel> {
        Err(no_database(name))
    }

    /// True when the reader may apply a model but not see the values that it learned, since they may come from what masks and row policies
    /// hide.
    ///
    /// # Errors
    /// The catalog cannot be read.
    fn hides_values(&self, _model: &str) -> Result<bool> {
        Ok(false)
    }

    /// True when the reader may see the values of a tag but not its rules, which are its owner's as all definitions are.
    ///
    /// # Errors
    /// The catalog cannot be read.
    fn hides_rules(&self, _profile: &str, _tag: &str) -> Result<bool> {
        Ok(false)
    }

    /// The stored function with that name, if any.
    ///
    /// # Errors
    /// The catalog cannot be read.
    fn function(&self, _name: &str) -> Result<Option<StoredFunction>> {
        Ok(None)
    }

    /// The stored function that stands behind a name in the query of a tag, where it reads what the refresh of a profile saw; `None` for
    /// other names.
    ///
    /// # Errors
    /// The catalog cannot be read.
    fn function_as_known(&self, _name: &str) -> Result<Option<StoredFunction>> {
        Ok(None)
    }

    /// The names of the stored functions.
    ///
    /// # Errors
    /// The catalog cannot be read.
    fn functions(&self) -> Result<Vec<String>> {
        Ok(vec![])
    }

    /// A segment.
    ///
    /// # Errors
    /// There is no segment with that name.
    fn segment(&self, name: &str) -> Result<SegmentDefinition> {
        Err(no_database(name))
    }

    /// An experiment.
    ///
    /// # Errors
    /// There is no experiment with that name.
    fn experiment(&self, name: &str) -> Result<ExperimentDefinition> {
        Err(no_database(name))
    }

    /// The segments of a profile.
    ///
    /// # Errors
    /// There is no such profile.
    fn segments_of(&self, profile: &str) -> Result<Vec<(String, SegmentDefinition)>> {
        Err(no_database(profile))
    }

    /// The settings of the session, such as the language of texts in results.
    fn settings(&self) -> PortraitSettings {
        PortraitSettings::default()
    }
}

/// The definitions of a caller's own DataFusion session: there are none.
#[derive(Debug)]
pub struct NoDefinitions;

fn no_database(name: &str) -> DataFusionError {
    invalid(name, "profiles and models need a session of a database; open one with Engine::open")
}

impl Definitions for NoDefinitions {
    fn tag_query(&self, profile: &str, _tag: &str) -> Result<String> {
        Err(invalid(profile, "profiles need a session of a database; open one with Engine::open, or write the query: (SELECT …)"))
    }
}
