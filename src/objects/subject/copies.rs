//! Tables that statements have made from rows of a person, in which no column is known to hold a key.

use std::collections::BTreeSet;

use datafusion::common::Result;

use super::Held;
use crate::catalog::objects::Object;
use crate::objects::definition::Definition;
use crate::objects::relation;
use crate::objects::table::made_from;
use crate::objects::uses::Uses;
use crate::statement::StatementContext;

/// The tables that hold rows of what is held, also through views and other copies, each with the names of what they were made from. `held`
/// are the objects with rows of the person, `others` those in which a column has the name of a key, and may hold none.
///
/// # Errors
/// The catalog cannot be read.
pub fn copies<'a>(
    held: &[&Held],
    others: &[&Held],
    objects: &'a [Object],
    context: &StatementContext,
) -> Result<Vec<(&'a Object, String)>> {
    let recorded = context.catalog().row_sources()?;
    let mut known: BTreeSet<i64> = held.iter().map(|held| held.object.id).collect();
    let others: BTreeSet<i64> = others.iter().map(|held| held.object.id).collect();
    let profiles: Vec<&str> =
        held.iter().filter(|held| held.object.kind == "profile").map(|held| held.object.name.as_str()).collect();
    let segments = objects.iter().filter(|object| object.kind == "segment" && profiles.contains(&object.profile.as_str()));
    known.extend(segments.map(|segment| segment.id));
    let mut made: Vec<(&Object, Uses)> = vec![];
    for object in objects.iter().filter(|object| ["table", "external table", "view"].contains(&object.kind.as_str())) {
        // An object that can no longer be read is reported when the profile that it belongs to is planned.
        let Ok(definition) = Definition::read(object.clone(), context.session()) else { continue };
        let uses = match object.kind.as_str() {
            "view" => definition.kind.uses(&definition),
            _ => made_from(&definition).map(|query| Uses::of(query.as_ref())).unwrap_or_default(),
        };
        made.push((object, uses));
    }
    let mut found = vec![];
    loop {
        let before = known.len();
        for (object, uses) in &made {
            if known.contains(&object.id) || others.contains(&object.id) {
                continue;
            }
            let is_known = |source: &&Object| known.contains(&source.id);
            let mut sources: Vec<&Object> = objects.iter().filter(is_known).filter(|source| reads(uses, source)).collect();
            if sources.is_empty() {
                sources = objects.iter().filter(is_known).filter(|source| recorded.contains(&(object.id, source.id))).collect();
                // Those through which the rows of others came stand for these.
                let is_beyond = |source: &&Object| sources.iter().any(|own| recorded.contains(&(own.id, source.id)));
                let beyond: BTreeSet<i64> = sources.iter().copied().filter(is_beyond).map(|source| source.id).collect();
                if beyond.len() < sources.len() {
                    sources.retain(|source| !beyond.contains(&source.id));
                }
            }
            let sources: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
            if sources.is_empty() {
                continue;
            }
            if object.kind != "view" {
                found.push((*object, sources.join(", ")));
            }
            known.insert(object.id);
        }
        if known.len() == before {
            return Ok(found);
        }
    }
}

/// Whether what is used belongs to an object.
pub fn reads(uses: &Uses, source: &Object) -> bool {
    match source.kind.as_str() {
        "profile" => uses.reads_profile(&source.name),
        "segment" => uses.reads_segment(&source.profile, &source.name),
        _ => relation::is_named_in(source, uses),
    }
}
