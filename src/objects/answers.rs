//! What macros ask about profiles, answered from the catalog.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;

use super::objects::Objects;
use crate::adapter::definitions::{Definitions, Published, SegmentDefinition};
use crate::catalog::Catalog;
use crate::catalog::models::StoredModel;
use crate::catalog::objects::ObjectKind;
use crate::catalog::runs::now;
use crate::catalog::snapshots::{SnapshotOf, When};
use crate::error::{did_you_mean, invalid};
use crate::refresh::as_of::Pin;
use crate::refresh::definition::Definition;
use crate::refresh::plan::{PROFILE_SCHEMA, uses};
use crate::refresh::published::{STATE, seen};
use crate::sql::time_travel::AT;
use crate::text::identifier;

type State = dyn Fn() -> Result<SessionState> + Send + Sync;

/// The definitions of a database, as a session reads them.
pub struct CatalogDefinitions {
    catalog: Arc<Catalog>,
    state: Box<State>,
}

impl fmt::Debug for CatalogDefinitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogDefinitions").finish_non_exhaustive()
    }
}

impl CatalogDefinitions {
    /// The definitions of a database; `state` gives the session's own state.
    pub fn new(catalog: Arc<Catalog>, state: impl Fn() -> Result<SessionState> + Send + Sync + 'static) -> Self {
        Self { catalog, state: Box::new(state) }
    }
}

impl Definitions for CatalogDefinitions {
    fn tag_query(&self, profile: &str, tag: &str) -> Result<String> {
        let state = (self.state)()?;
        let whole = Objects { state: &state, catalog: &self.catalog }.profile(profile)?;
        let Some((own, says)) = whole.tags.iter().find(|(own, _)| own.object.name == tag) else {
            let suggestion = did_you_mean(tag, whole.tags.iter().map(|(own, _)| own.object.name.as_str()));
            return Err(invalid(&format!("profile {profile}"), format!("has no tag {tag}{suggestion}; SHOW TAGS lists them")));
        };
        let newest = self.catalog.snapshot(SnapshotOf::Profile, profile, When::Now)?;
        let as_of = newest.map_or_else(now, |newest| newest.at);
        let pin = Pin { state: &state, catalog: &self.catalog, time_columns: &whole.says.time_columns, as_of };
        let mut query = says.query.clone();
        pin.pin(&format!("tag {tag}"), query.as_mut(), &own.parameters)?;
        Ok(query.to_string())
    }

    fn published(&self, profile: &str, at: Option<i64>) -> Result<Published> {
        let state = (self.state)()?;
        // A name that is none is told apart from a profile that was not refreshed.
        Objects { state: &state, catalog: &self.catalog }.profile(profile)?;
        let snapshot = seen(&self.catalog, profile, at.map_or(When::Now, When::At))?;
        let time = at.map_or_else(String::new, |at| format!("{AT}{at}"));
        let table = format!("{PROFILE_SCHEMA}.{}", identifier(&format!("{profile}{STATE}{time}")));
        Ok(Published { at: snapshot.at, customers: snapshot.rows, columns: snapshot.columns.clone(), table })
    }

    fn model(&self, name: &str) -> Result<StoredModel> {
        match self.catalog.model(name)? {
            Some(model) => Ok(model),
            None => {
                let state = (self.state)()?;
                Err(Objects { state: &state, catalog: &self.catalog }.missing(ObjectKind::Model, name)?)
            }
        }
    }

    fn segment(&self, name: &str) -> Result<SegmentDefinition> {
        let state = (self.state)()?;
        let objects = Objects { state: &state, catalog: &self.catalog };
        let Some(object) = objects.find(ObjectKind::Segment, name, None)? else {
            return Err(objects.missing(ObjectKind::Segment, name)?);
        };
        let profile = object.profile.clone();
        Ok(SegmentDefinition { uses: uses(&Definition::read(object, &state)?, &profile), profile })
    }

    fn segments_of(&self, profile: &str) -> Result<Vec<(String, SegmentDefinition)>> {
        let state = (self.state)()?;
        let whole = Objects { state: &state, catalog: &self.catalog }.profile(profile)?;
        let segments = whole.segments.iter().map(|(own, _)| {
            let definition = SegmentDefinition { profile: profile.to_string(), uses: uses(own, profile) };
            (own.object.name.clone(), definition)
        });
        Ok(segments.collect())
    }
}
