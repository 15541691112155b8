//! Every definition of a database as a script that makes them again.

use std::fmt::Write;

use datafusion::common::Result;

use super::definition::Definition;
use super::kind::{Kind, Uses};
use super::{KINDS, kind_of};
use crate::catalog::objects::Object;
use crate::statement::StatementContext;

/// A script of all objects, each after those it needs. Rows are not part of it.
///
/// # Errors
/// The database cannot be read.
pub fn dump(context: &StatementContext) -> Result<String> {
    let mut script =
        String::from("-- Definitions, in an order in which they can be made. Relative paths start from where each was made.\n");
    for (object, kind) in in_order(context)? {
        let of = if object.profile.is_empty() || object.profile == object.name {
            String::new()
        } else {
            format!(" on {}", object.profile)
        };
        let note = if object.kind == "model" { ", trained on the rows of its tables" } else { "" };
        let sql = kind.dump(&object, context)?;
        let (label, version, base) = (object.label(), object.version, &object.base);
        let _ = write!(script, "\n-- {label}{of}, version {version}{note}, made in {base}\n{};\n", sql.trim_end_matches(';'));
    }
    Ok(script)
}

/// All objects, each after those that it needs; of those that do not need one another, in the order of their kinds and of their making.
fn in_order(context: &StatementContext) -> Result<Vec<(Object, &'static dyn Kind)>> {
    struct Waiting {
        object: Object,
        kind: &'static dyn Kind,
        uses: Uses,
    }
    let mut waiting = vec![];
    for object in context.objects()?.iter() {
        let Some(kind) = kind_of(&object.kind) else { continue };
        // What cannot be read is printed all the same, after everything that can.
        let uses =
            Definition::read(object.clone(), context.session()).map(|definition| kind.uses(&definition)).unwrap_or_default();
        waiting.push(Waiting { object: object.clone(), kind, uses });
    }
    let rank = |waiting: &Waiting| KINDS.iter().position(|kind| kind.word() == waiting.object.kind).unwrap_or(KINDS.len());
    waiting.sort_by_key(rank);
    let mut ordered = vec![];
    while !waiting.is_empty() {
        let is_free = |candidate: &Waiting| {
            let needs = |other: &Waiting| {
                !other.object.is_same(&candidate.object) && other.kind.is_named_in(&other.object, &candidate.uses)
            };
            !waiting.iter().any(needs)
        };
        // Objects that need one another in a circle cannot be made; nothing is left out even so.
        let next = waiting.iter().position(is_free).unwrap_or(0);
        let Waiting { object, kind, .. } = waiting.remove(next);
        ordered.push((object, kind));
    }
    Ok(ordered)
}
