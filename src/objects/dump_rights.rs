//! The part of a dump that says who may see what: classes of columns, owners, rights, and budgets of roles.
//!
//! It follows the objects, because the class of a tag's column is said of its profile, and rights may concern everything.

use std::fmt::Write;

use datafusion::common::Result;

use super::dump::{label, name};
use super::relation::NAMESPACE;
use super::sequencing;
use crate::catalog::budgets::{Budget, MILLIONTHS};
use crate::catalog::grants::{Grant, PUBLIC, Privilege, Thing};
use crate::catalog::objects::Object;
use crate::catalog::role_limits::Limit;
use crate::sql::sequence::WORD;
use crate::statement::StatementContext;
use crate::text::{identifier, literal};

/// The rights that everybody has in a new database.
const FROM_THE_START: [(Privilege, &str); 3] = [
    (Privilege::Connect, "DATABASE \"portrait\""),
    (Privilege::Temporary, "DATABASE \"portrait\""),
    (Privilege::Usage, "SCHEMA \"public\""),
];

/// The statements, in the order of the objects; empty for a database in which nothing was said of these.
///
/// # Errors
/// The database cannot be read.
pub fn dump(objects: &[Object], context: &StatementContext) -> Result<String> {
    let mut script = String::new();
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = write!(script, "\n-- {title}\n{}\n", lines.join("\n"));
        }
    };
    section("Sequences of columns", sequencing::owners(context)?);
    section("Classes of columns", objects.iter().flat_map(|object| classes(object, context)).collect());
    let owned = objects.iter().filter(|object| !object.owner.is_empty() && !["role", "tag"].contains(&object.kind.as_str()));
    section("Owners", owned.map(|object| owner(object, objects, context)).collect());
    let grants = context.view().grants()?;
    let mut lines = vec![];
    for (privilege, on) in &FROM_THE_START {
        if !grants.iter().any(|grant| is_from_the_start(grant) && grant.privilege == *privilege) {
            lines.push(format!("REVOKE {privilege} ON {on} FROM PUBLIC;"));
        }
    }
    lines.extend(grants.iter().filter(|grant| !is_from_the_start(grant)).filter_map(|grant| given(grant, objects, context)));
    section("Rights", lines);
    section("Limits", context.catalog().limits()?.iter().map(limit).collect());
    section("Budgets", context.catalog().budgets()?.iter().map(budget).collect());
    Ok(script)
}

fn is_from_the_start(grant: &Grant) -> bool {
    let is_it = match &grant.on {
        Thing::Database => [Privilege::Connect, Privilege::Temporary].contains(&grant.privilege),
        Thing::Schema(name) => name == PUBLIC && grant.privilege == Privilege::Usage,
        _ => false,
    };
    is_it && grant.role == PUBLIC
}

fn classes(object: &Object, context: &StatementContext) -> Vec<String> {
    let said = object.classes.iter();
    let (word, name) = (object.kind.to_uppercase(), name(object, context));
    said.map(|(column, class)| format!("ALTER {word} {name} ALTER COLUMN {} SET CLASS {};", identifier(column), literal(class)))
        .collect()
}

fn owner(object: &Object, objects: &[Object], context: &StatementContext) -> String {
    let owner = identifier(&object.owner);
    match on(object, objects, context) {
        Some(on) => format!("ALTER {on} OWNER TO {owner};"),
        None => format!("-- {} belonged to {}", label(object), owner.replace(['\n', '\r'], " ")),
    }
}

/// An object as GRANT and ALTER … OWNER name it; `None` where they cannot name it.
fn on(object: &Object, objects: &[Object], context: &StatementContext) -> Option<String> {
    let is_alike = |other: &&Object| other.kind == object.kind && other.name == object.name;
    match object.kind.as_str() {
        kind if NAMESPACE.contains(&kind) => Some(format!("TABLE {}", name(object, context))),
        WORD => Some(format!("SEQUENCE {}", name(object, context))),
        "schedule" => None,
        // Two profiles may have segments of one name.
        _ if objects.iter().filter(is_alike).count() > 1 => None,
        kind => Some(format!("{} {}", kind.to_uppercase(), identifier(&object.name))),
    }
}

/// A grant; `None` for one on an object that does not exist.
fn given(grant: &Grant, objects: &[Object], context: &StatementContext) -> Option<String> {
    let role = match grant.role.as_str() {
        PUBLIC => "PUBLIC".to_string(),
        role => identifier(role),
    };
    let on = match &grant.on {
        Thing::Role(group) => {
            let option = if grant.is_grantable { " WITH ADMIN OPTION" } else { "" };
            return Some(format!("GRANT {} TO {role}{option};", identifier(group)));
        }
        Thing::Object(id) => {
            let object = objects.iter().find(|object| object.id == *id)?;
            match on(object, objects, context) {
                Some(on) => on,
                None => return Some(format!("-- {role} had {} on {}", grant.privilege, label(object))),
            }
        }
        Thing::Database => "DATABASE \"portrait\"".into(),
        Thing::Schema(name) => format!("SCHEMA {}", identifier(name)),
        Thing::Files => "FILES".into(),
    };
    let option = if grant.is_grantable { " WITH GRANT OPTION" } else { "" };
    Some(format!("GRANT {} ON {on} TO {role}{option};", grant.privilege))
}

/// A limit of a role.
fn limit(limit: &Limit) -> String {
    format!("ALTER ROLE {} SET {} = {};", identifier(&limit.role), limit.name, limit.value)
}

/// The budget of a role, without what it has spent.
fn budget(budget: &Budget) -> String {
    let millionths = budget.budget as f64 / MILLIONTHS as f64;
    format!("ALTER ROLE {} SET portrait.privacy_budget = {millionths};", identifier(&budget.role))
}
