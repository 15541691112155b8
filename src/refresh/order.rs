//! The order in which tags are planned: each after the tags it needs.

use std::collections::BTreeSet;

use datafusion::common::Result;
use sqlparser::ast::Query;

use super::definition::ProfileDefinition;
use super::plan::PROFILE_SCHEMA;
use crate::error::invalid;
use crate::sql::references::{names_in, tables_in};

/// The columns of its profile that a tag names.
pub fn uses_of_tag(name: &str, query: &Query, profile: &str) -> Vec<String> {
    let names = if reads_profile(query, profile) { names_in(query) } else { vec![] };
    let unique: BTreeSet<String> = names.into_iter().filter(|used| used != name).collect();
    unique.into_iter().collect()
}

/// True for a query that reads the published profile of this name.
pub fn reads_profile(query: &Query, profile: &str) -> bool {
    tables_in(query)
        .iter()
        .any(|table| matches!(table.as_slice(), [.., schema, name] if schema == PROFILE_SCHEMA && name == profile))
}

/// The positions of the tags in an order where each comes after those it needs.
pub fn in_order(definition: &ProfileDefinition) -> Result<Vec<usize>> {
    struct Visit<'a> {
        definition: &'a ProfileDefinition,
        done: Vec<usize>,
        path: Vec<usize>,
    }
    impl Visit<'_> {
        fn name(&self, place: usize) -> &str {
            &self.definition.tags[place].0.object.name
        }
        fn visit(&mut self, place: usize) -> Result<()> {
            if self.done.contains(&place) {
                return Ok(());
            }
            if let Some(start) = self.path.iter().position(|other| *other == place) {
                let circle: Vec<&str> = self.path[start..].iter().chain([&place]).map(|place| self.name(*place)).collect();
                let subject = format!("tag {}", self.name(place));
                return Err(invalid(&subject, format!("depends on itself: {}", circle.join(" → "))));
            }
            self.path.push(place);
            let (tag, body) = &self.definition.tags[place];
            let used = uses_of_tag(&tag.object.name, &body.query, self.definition.name());
            for (other, (tag, _)) in self.definition.tags.iter().enumerate() {
                if used.contains(&tag.object.name) {
                    self.visit(other)?;
                }
            }
            self.path.pop();
            self.done.push(place);
            Ok(())
        }
    }
    let mut visit = Visit { definition, done: vec![], path: vec![] };
    // Tags that do not read the profile go first, so that all of their columns are known to the others.
    let reads = |place: &usize| reads_profile(&definition.tags[*place].1.query, definition.name());
    let (derived, base): (Vec<usize>, Vec<usize>) = (0..definition.tags.len()).partition(reads);
    for place in base.into_iter().chain(derived) {
        visit.visit(place)?;
    }
    Ok(visit.done)
}
