//! Every definition of a database as a script that makes them again.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;

use super::Session;
use super::tables::empty_copy;
use crate::catalog::objects::ObjectKind;
use crate::catalog::{Catalog, definitions};
use crate::sql::parser::{self, Parsed};

impl Session {
    /// A script of all tables, views, profiles, models, tags and segments, each after those it uses. Rows are not part of it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn dump(&self) -> Result<String> {
        dump(&self.engine.shared.catalog, &self.context.state())
    }
}

fn dump(catalog: &Arc<Catalog>, state: &SessionState) -> Result<String> {
    let mut script =
        String::from("-- Definitions, in an order in which they can be made. Relative paths start from where each was made.\n");
    let names: Vec<String> = catalog.names()?.into_iter().map(|(name, _)| name).collect();
    let mut done = HashSet::new();
    for name in &names {
        add_table(catalog, state, name, &names, &mut done, &mut script)?;
    }
    // A model is trained when it is made, so that it needs the rows of its tables; tags may apply it. Profiles first: a profile may not read what its own tags make, and tags may be of any order once it is there but for those they need.
    let objects = catalog.objects()?;
    for kind in [ObjectKind::Profile, ObjectKind::Model, ObjectKind::Tag, ObjectKind::Segment] {
        let mut waiting: Vec<_> = objects.iter().filter(|object| object.kind == kind).collect();
        let mut made: HashSet<(String, String)> = HashSet::new();
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut later = vec![];
            for object in waiting {
                let definition = crate::refresh::definition::Definition::read(object.clone(), state)?;
                let needs = crate::refresh::plan::uses(&definition, &object.profile);
                let is_open = |name: &String| {
                    let other =
                        objects.iter().any(|other| other.kind == kind && other.profile == object.profile && other.name == *name);
                    kind == ObjectKind::Tag && other && !made.contains(&(object.profile.clone(), name.clone()))
                };
                if needs.iter().any(is_open) {
                    later.push(object);
                    continue;
                }
                made.insert((object.profile.clone(), object.name.clone()));
                let rows = if kind == ObjectKind::Model { ", trained on the rows of its tables" } else { "" };
                add(&mut script, &format!("{kind} {}, version {}{rows}", object.name, object.version), &object.base, &object.sql);
            }
            // Tags that need one another are never made; nothing is left out even so.
            if later.len() == before {
                later.drain(..).for_each(|object| add(&mut script, &object.name, &object.base, &object.sql));
            }
            waiting = later;
        }
    }
    Ok(script)
}

fn add(script: &mut String, what: &str, base: &str, sql: &str) {
    let _ = write!(script, "\n-- {what}, made in {base}\n{};\n", sql.trim_end_matches(';'));
}

/// A table or view after those it reads.
fn add_table(
    catalog: &Arc<Catalog>,
    state: &SessionState,
    name: &str,
    names: &[String],
    done: &mut HashSet<String>,
    script: &mut String,
) -> Result<()> {
    if !done.insert(name.to_string()) {
        return Ok(());
    }
    let Some(definition) = catalog.get(name)? else { return Ok(()) };
    if definition.kind == definitions::TABLE {
        add(script, &format!("table {name}"), &definition.base, &empty_copy(catalog, state, &definition)?);
        return Ok(());
    }
    for statement in parser::parse(&definition.sql, state)? {
        let Parsed::Sql(parsed) = statement.parsed else { continue };
        for reference in state.resolve_table_references(&parsed)? {
            if reference.table() != name && names.iter().any(|other| other == reference.table()) {
                add_table(catalog, state, reference.table(), names, done, script)?;
            }
        }
    }
    add(script, &format!("{} {name}", definition.kind), &definition.base, &definition.sql);
    Ok(())
}
