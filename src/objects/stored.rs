//! Answers what functions need to know about the objects of the database, for one statement.

use std::sync::Arc;

use datafusion::common::Result;
use sqlparser::ast::Query;

use super::definition::Definition;
use super::function;
use super::lifecycle::{find, missing};
use super::relation::{NAMESPACE, is_named_in};
use super::{experiment, model, profile, protection, segment};
use crate::adapter::definitions::{Definitions, ExperimentDefinition, Published, SegmentDefinition, StoredFunction};
use crate::catalog::grants::Privilege;
use crate::catalog::models::StoredModel;
use crate::catalog::objects::Object;
use crate::catalog::snapshots::{SnapshotOf, When};
use crate::error::{SqlState, coded, did_you_mean};
use crate::refresh::as_of::{known, known_function, settle};
use crate::refresh::defined::columns_by_name;
use crate::refresh::definition::ProfileDefinition;
use crate::refresh::plan::PROFILE_SCHEMA;
use crate::refresh::published::{STATE, seen};
use crate::settings::PortraitSettings;
use crate::sql::command::{Grammar, Target};
use crate::sql::renaming::name_public;
use crate::sql::time_travel::name_at;
use crate::statement::StatementContext;
use crate::text::{as_sql, identifier};

/// The stored objects that a statement sees.
#[derive(Debug)]
pub struct Stored(pub StatementContext);

impl Stored {
    fn target(grammar: &'static dyn Grammar, name: &str) -> Target {
        Target { grammar, name: name.to_string(), profile: None }
    }
}

impl Definitions for Stored {
    fn tag_query(&self, profile: &str, tag: &str) -> Result<String> {
        let whole = self.readable(profile)?;
        let Some((own, body)) = whole.tags.iter().find(|(own, _)| own.object.name == tag) else {
            let suggestion = did_you_mean(tag, whole.tags.iter().map(|(own, _)| own.object.name.as_str()));
            let problem = format!("has no tag {tag}{suggestion}; SHOW TAGS lists them");
            return Err(coded(SqlState::UNDEFINED_OBJECT, &format!("profile {profile}"), problem));
        };
        let newest = self.0.view().snapshot(SnapshotOf::Profile, profile, When::Now)?;
        let as_of = newest.map_or_else(|| self.0.now(), |newest| newest.at);
        let mut query = body.query.clone();
        self.name_public(query.as_mut(), &own.object)?;
        settle(query.as_mut(), as_of, &own.parameters);
        if !whole.body.time_columns.is_empty() {
            self.as_known(query.as_mut(), profile, as_of)?;
        }
        Ok(as_sql(&query))
    }

    fn published(&self, profile: &str, at: Option<i64>) -> Result<Published> {
        // An unknown name is a different error from a profile that was never refreshed.
        let whole = self.readable(profile)?;
        let view = self.0.view();
        let state = format!("{profile}{STATE}");
        let state = at.map_or_else(|| state.clone(), |at| name_at(&state, at));
        let table = format!("{PROFILE_SCHEMA}.{}", identifier(&state));
        let is_unpublished = view.snapshot(SnapshotOf::Profile, profile, When::Now)?.is_none();
        let snapshot = match seen(view, profile, at.map_or(When::Now, When::At)) {
            // A query over it can be planned, but running it is an error.
            Err(missing) if is_unpublished => {
                let (columns, missing) = (columns_by_name(&whole), Some(Arc::new(missing)));
                return Ok(Published { at: self.0.now(), columns, missing, table });
            }
            seen => seen?,
        };
        Ok(Published { at: snapshot.at, columns: snapshot.columns.clone(), missing: None, table })
    }

    fn model(&self, name: &str) -> Result<StoredModel> {
        if let Some(model) = self.0.model_in_progress(name) {
            return Ok(model);
        }
        let target = Self::target(&model::Model, name);
        let Some(object) = find(&self.0, &target)? else { return Err(missing(&self.0, &target)?) };
        self.0.check_may(Privilege::Usage, &object)?;
        match self.0.catalog().model(name)? {
            Some(model) => Ok(model),
            None => Err(missing(&self.0, &target)?),
        }
    }

    fn hides_values(&self, name: &str) -> Result<bool> {
        let found = find(&self.0, &Self::target(&model::Model, name))?;
        found.map_or(Ok(false), |object| protection::hides_values(&object, &self.0))
    }

    fn hides_rules(&self, profile: &str, tag: &str) -> Result<bool> {
        let (objects, rights) = (self.0.objects()?, self.0.rights()?);
        let is_it = |object: &&Object| object.kind == "tag" && object.profile == profile && object.name == tag;
        Ok(objects.iter().find(is_it).is_some_and(|own| !rights.owns(own)))
    }

    fn function(&self, name: &str) -> Result<Option<StoredFunction>> {
        let Some(object) = find(&self.0, &Self::target(&function::Function, name))? else { return Ok(None) };
        self.0.check_may(Privilege::Usage, &object)?;
        let definition = Definition::read(object, self.0.session())?;
        self.check_reads(&definition)?;
        let mut stored = function::stored(&definition)?;
        self.name_public(stored.query.as_mut(), &definition.object)?;
        Ok(Some(stored))
    }

    fn function_as_known(&self, name: &str) -> Result<Option<StoredFunction>> {
        let Some((profile, as_of, own)) = known_function(name) else { return Ok(None) };
        let Some(mut stored) = self.function(own)? else { return Ok(None) };
        self.as_known(stored.query.as_mut(), profile, as_of)?;
        Ok(Some(stored))
    }

    fn functions(&self) -> Result<Vec<String>> {
        let objects = self.0.objects()?;
        Ok(objects.iter().filter(|object| object.kind == "function").map(|object| object.name.clone()).collect())
    }

    fn segment(&self, name: &str) -> Result<SegmentDefinition> {
        let target = Self::target(&segment::Segment, name);
        let Some(object) = find(&self.0, &target)? else { return Err(missing(&self.0, &target)?) };
        self.0.check_may(Privilege::Select, &object)?;
        self.segment_definition(object)
    }

    fn experiment(&self, name: &str) -> Result<ExperimentDefinition> {
        let target = Self::target(&experiment::ExperimentKind, name);
        let Some(object) = find(&self.0, &target)? else { return Err(missing(&self.0, &target)?) };
        let definition = Definition::read(object, self.0.session())?;
        let mut read = experiment::read(&definition)?;
        self.name_public(read.query.as_mut(), &definition.object)?;
        Ok(read)
    }

    fn segments_of(&self, profile: &str) -> Result<Vec<(String, SegmentDefinition)>> {
        self.readable(profile)?;
        let objects = self.0.objects()?;
        let own = objects.iter().filter(|object| object.kind == "segment" && object.profile == profile);
        own.map(|object| Ok((object.name.clone(), self.segment_definition(object.clone())?))).collect()
    }

    fn settings(&self) -> PortraitSettings {
        PortraitSettings::of(self.0.session().config_options())
    }
}

impl Stored {
    /// Refuses a function of another role whose query reads tables that this role does not see: errors about parts of the query would name them.
    fn check_reads(&self, function: &Definition) -> Result<()> {
        let (rights, uses) = (self.0.rights()?, function.kind.uses(function));
        if rights.owns(&function.object) {
            return Ok(());
        }
        let is_read = |object: &Object| NAMESPACE.contains(&object.kind.as_str()) && is_named_in(object, &uses);
        if !self.0.all_objects()?.iter().any(|object| is_read(object) && !rights.sees(object)) {
            return Ok(());
        }
        let role = self.0.role();
        let problem = format!("its query reads what {role} may not; ask its owner which privileges it needs");
        Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &function.object.name, problem))
    }

    /// Makes the names in the query of a definition mean the same wherever it is put.
    fn name_public(&self, query: &mut Query, definition: &Object) -> Result<()> {
        let objects = self.0.all_objects()?;
        // A temporary table has no version.
        let is_relation = |object: &Object| NAMESPACE.contains(&object.kind.as_str()) && object.version > 0;
        name_public(query, &definition.label(), &|name| objects.iter().any(|object| object.name == name && is_relation(object)));
        Ok(())
    }

    /// Makes a query read what the refresh of a profile as of a time saw.
    fn as_known(&self, query: &mut Query, profile: &str, as_of: i64) -> Result<()> {
        let objects = self.0.all_objects()?;
        known(query, profile, as_of, &|name| objects.iter().any(|object| object.kind == "function" && object.name == name));
        Ok(())
    }

    /// A profile, if its rows may be read.
    fn readable(&self, profile: &str) -> Result<ProfileDefinition> {
        let whole = profile::whole(profile, &self.0)?;
        self.0.check_may(Privilege::Select, &whole.own.object)?;
        Ok(whole)
    }

    fn segment_definition(&self, object: Object) -> Result<SegmentDefinition> {
        let definition = Definition::read(object, self.0.session())?;
        let profile = definition.object.profile.clone();
        let uses = definition.kind.uses(&definition).columns_of(&profile).unwrap_or_default();
        Ok(SegmentDefinition { profile, uses: uses.into_iter().collect() })
    }
}
