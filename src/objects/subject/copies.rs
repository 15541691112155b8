//! Tables that queries have made from rows of a person, in which no column is known to hold a key.

use std::collections::BTreeSet;

use datafusion::common::Result;

use super::Held;
use crate::catalog::objects::Object;
use crate::objects::definition::Definition;
use crate::objects::relation;
use crate::objects::table::made_from;
use crate::objects::uses::Uses;
use crate::statement::StatementContext;

/// The tables that were made from what is held, also through views and other copies, each with the names of what it was made from.
///
/// # Errors
/// None in practice.
pub fn copies<'a>(held: &[Held], objects: &'a [Object], context: &StatementContext) -> Result<Vec<(&'a Object, String)>> {
    let mut known: BTreeSet<i64> = held.iter().map(|held| held.object.id).collect();
    let profiles: Vec<&str> =
        held.iter().filter(|held| held.object.kind == "profile").map(|held| held.object.name.as_str()).collect();
    let segments = objects.iter().filter(|object| object.kind == "segment" && profiles.contains(&object.profile.as_str()));
    known.extend(segments.map(|segment| segment.id));
    let mut made: Vec<(&Object, Uses)> = vec![];
    for object in objects.iter().filter(|object| ["table", "view"].contains(&object.kind.as_str())) {
        // An object that can no longer be read is reported when the profile that it belongs to is planned.
        let Ok(definition) = Definition::read(object.clone(), context.session()) else { continue };
        match object.kind.as_str() {
            "table" => made.extend(made_from(&definition).map(|query| (object, Uses::of(query.as_ref())))),
            _ => made.push((object, definition.kind.uses(&definition))),
        }
    }
    let mut found = vec![];
    loop {
        let before = known.len();
        for (object, uses) in &made {
            if known.contains(&object.id) {
                continue;
            }
            let sources = objects.iter().filter(|source| known.contains(&source.id) && reads(uses, source));
            let sources: Vec<&str> = sources.map(|source| source.name.as_str()).collect();
            if sources.is_empty() {
                continue;
            }
            if object.kind == "table" {
                found.push((*object, sources.join(", ")));
            }
            known.insert(object.id);
        }
        if known.len() == before {
            return Ok(found);
        }
    }
}

fn reads(uses: &Uses, source: &Object) -> bool {
    match source.kind.as_str() {
        "profile" => uses.reads_profile(&source.name),
        "segment" => uses.reads_segment(&source.profile, &source.name),
        _ => relation::is_named_in(source, uses),
    }
}
