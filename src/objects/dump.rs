//! Dumps every definition of a database as a script that creates them again.
//!
//! The script runs on an empty database, and the result dumps as the same script. So each statement is rebuilt from its tokens
//! ([`Written`]), with absolute file paths; and objects are ordered by their dependencies, across all kinds.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use datafusion::common::Result;
use datafusion::sql::parser::Statement as SqlParsed;

use super::definition::Definition;
use super::dump_rights;
use super::kind::{Kind, Uses};
use super::schema::parts;
use super::table;
use super::{GRAMMARS, KINDS, kind_of};
use crate::catalog::objects::Object;
use crate::catalog::retention::Retention;
use crate::error::message;
use crate::sql::command::{Body, Command};
use crate::sql::parser::{Parsed, parse_as_written};
use crate::sql::written::{Written, one_line};
use crate::statement::StatementContext;
use crate::text::{identifier, literal};

/// A script of all objects, each after those it needs, and of who may see what; without rows.
///
/// # Errors
/// The database cannot be read.
pub fn dump(context: &StatementContext) -> Result<String> {
    let mut script = String::from("-- Definitions, in an order in which they can be made.\n");
    let (ordered, in_circles) = in_order(context)?;
    let objects: Vec<Object> = ordered.iter().chain(&in_circles).map(|known| known.object.clone()).collect();
    // The foreign keys of tables that refer to each other, which are made after the tables.
    let mut later = vec![];
    let mut left: BTreeSet<String> =
        objects.iter().filter(|object| object.kind == "table").map(|object| object.name.clone()).collect();
    for Known { object, kind, .. } in ordered {
        let statement = Definition::read(object.clone(), context.session()).and_then(|definition| {
            let (script, added) = match object.kind.as_str() {
                "table" => table::without_foreign_to(&definition, &left, context)?,
                _ => (None, vec![]),
            };
            later.extend(added);
            match script {
                Some(script) => Ok(script),
                None => kind.dump(&definition, written(&definition, context)?, context),
            }
        });
        left.remove(&object.name);
        let label = label(&object);
        let _ = match statement {
            Ok(statement) => {
                let (comments, retention) = (comments(&object, context), retention(&object, context)?);
                write!(script, "\n-- {label}\n{statement};\n{comments}{retention}")
            }
            // Nothing is silently omitted, and the rest of the script still runs.
            Err(error) => write!(script, "\n{}", left_out(&object, &format!("cannot be read: {}", message(&error)))),
        };
    }
    if !later.is_empty() {
        let _ = write!(script, "\n-- foreign keys of tables that refer to each other\n{}", later.concat());
    }
    for Known { object, .. } in in_circles {
        let _ = write!(script, "\n{}", left_out(&object, "needs itself, or an object that does"));
    }
    script.push_str(&dump_rights::dump(&objects, context)?);
    Ok(script)
}

/// Kind and name on one line, safe to use in a comment.
pub(super) fn label(object: &Object) -> String {
    let name = |name: &str| one_line(&identifier(name));
    match object.profile.as_str() {
        "" => format!("{} {}", object.kind, name(&object.name)),
        profile if profile == object.name && object.kind == "profile" => format!("{} {}", object.kind, name(&object.name)),
        profile => format!("{} {} on {}", object.kind, name(&object.name), name(profile)),
    }
}

/// The retention rule of a table, if it has one.
fn retention(object: &Object, context: &StatementContext) -> Result<String> {
    let rules = context.catalog().retentions()?;
    let rule = rules.iter().find(|rule| rule.object == object.id);
    let written = |rule: &Retention| {
        let (length, column) = (literal(&rule.length()), identifier(&rule.column));
        format!("RETAIN {} FOR INTERVAL {length} ON {column};\n", name(object, context))
    };
    Ok(rule.map(written).unwrap_or_default())
}

/// The name of a relation in the script.
pub(super) fn name(object: &Object, context: &StatementContext) -> String {
    match parts(&object.name, context) {
        (Some(schema), own) => format!("{}.{}", identifier(schema), identifier(own)),
        (None, own) => identifier(own),
    }
}

/// The comments on an object and its columns.
fn comments(object: &Object, context: &StatementContext) -> String {
    let mut script = String::new();
    let name = name(object, context);
    let of = match object.kind.as_str() {
        "tag" | "segment" => format!("{name} ON {}", identifier(&object.profile)),
        _ => name.clone(),
    };
    for (column, comment) in &object.comments {
        let text = if comment.text.is_empty() { "NULL".into() } else { literal(&comment.text) };
        let _ = match column.as_str() {
            "" => writeln!(script, "COMMENT ON {} {of} IS {text};", object.kind.to_uppercase()),
            column => writeln!(script, "COMMENT ON COLUMN {name}.{} IS {text};", identifier(column)),
        };
    }
    script
}

/// A comment about an object that cannot be created again.
fn left_out(object: &Object, why: &str) -> String {
    let mut text = format!("-- {} is left out, because it {}\n", label(object), one_line(why));
    for line in object.sql.lines() {
        let _ = writeln!(text, "--   {}", one_line(line));
    }
    text
}

/// The statement that created an object, for the script.
fn written(definition: &Definition, context: &StatementContext) -> Result<Written> {
    let object = &definition.object;
    let mut written = Written::of_definition(&object.sql)?;
    for statement in parse_as_written(&object.sql, context.session(), &GRAMMARS)? {
        let base = Path::new(&object.base);
        match &statement.parsed {
            Parsed::Command(Command::Create(create)) => match &create.body {
                Body::Query(query) => written.resolve_files(query, base),
                Body::Condition(condition) => written.resolve_files(condition, base),
                Body::Sql(_) | Body::Script(_) | Body::Sequence(_) => {}
            },
            Parsed::Sql(parsed) => {
                if let SqlParsed::Statement(statement) = parsed.as_ref() {
                    written.resolve_files(statement, base);
                }
            }
            Parsed::Command(_) => {}
        }
    }
    written.without_conditions(definition.kind.word());
    Ok(written)
}

/// An object with what it uses.
struct Known {
    object: Object,
    kind: &'static dyn Kind,
    uses: Uses,
}

/// How many objects an object still waits for: in all, and those it cannot be created without.
#[derive(Debug, Clone, Copy, Default)]
struct Waits {
    all: usize,
    must: usize,
}

/// All objects, each after those that it needs, and otherwise ordered by kind and creation. The second list has those that cannot be
/// created, as they need one another in a cycle.
fn in_order(context: &StatementContext) -> Result<(Vec<Known>, Vec<Known>)> {
    let mut known = vec![];
    for object in context.objects()?.iter() {
        let Some(kind) = kind_of(&object.kind) else { continue };
        let definition = Definition::read(object.clone(), context.session());
        let uses = definition.map(|definition| kind.uses(&definition)).unwrap_or_default();
        known.push(Known { object: object.clone(), kind, uses });
    }
    let rank = |known: &Known| KINDS.iter().position(|kind| kind.word() == known.object.kind).unwrap_or(KINDS.len());
    known.sort_by_key(rank);
    // For each object, those that wait for it, and whether they must: without it, some could be created but would read fewer tags.
    let mut awaited: Vec<Vec<(usize, bool)>> = vec![vec![]; known.len()];
    let mut waits = vec![Waits::default(); known.len()];
    for (place, own) in known.iter().enumerate() {
        let by_name = own.uses.by_name();
        for (other, needed) in known.iter().enumerate() {
            if other != place && needed.kind.is_named_in(&needed.object, &own.uses) {
                // The foreign keys of a table can be made after it.
                let must = own.object.kind != "table" && needed.kind.is_named_in(&needed.object, &by_name);
                awaited[other].push((place, must));
                waits[place].all += 1;
                waits[place].must += usize::from(must);
            }
        }
    }
    let (mut order, mut left): (Vec<usize>, BTreeSet<usize>) = (vec![], (0..known.len()).collect());
    let mut free: BTreeSet<usize> = (0..known.len()).filter(|place| waits[*place].all == 0).collect();
    // When nothing is free, an object that reads all tags of a profile, and is itself read by one of them, goes before that tag.
    let next_best = |left: &BTreeSet<usize>, waits: &[Waits]| left.iter().copied().find(|place| waits[*place].must == 0);
    while let Some(next) = free.pop_first().or_else(|| next_best(&left, &waits)) {
        left.remove(&next);
        order.push(next);
        for (user, must) in &awaited[next] {
            waits[*user].all -= 1;
            waits[*user].must -= usize::from(*must);
            if waits[*user].all == 0 && left.contains(user) {
                free.insert(*user);
            }
        }
    }
    let mut known: Vec<Option<Known>> = known.into_iter().map(Some).collect();
    let ordered = order.into_iter().filter_map(|place| known[place].take()).collect();
    Ok((ordered, known.into_iter().flatten().collect()))
}
