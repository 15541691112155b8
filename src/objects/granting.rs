//! GRANT, REVOKE, and ownership.

use datafusion::common::Result;
use sqlparser::ast::ObjectName;

use super::lifecycle::{find, kind_of_target, missing, unless_moved};
use super::protection::{hides_values, is_masked_by_others};
use super::relation::NAMES;
use super::{kind_of, role, schema};
use crate::catalog::grants::{Grant, GrantChange, PUBLIC, Privilege, Thing};
use crate::catalog::objects::Object;
use crate::catalog::sequences::no_sequence;
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::refresh::plan::{PROFILE_SCHEMA, SEGMENT_SCHEMA};
use crate::sql::command::{Target, normal};
use crate::sql::granting::{GrantOn, Granting, Privileges};
use crate::sql::sequence::WORD;
use crate::statement::{PREDEFINED, StatementContext, meant, names_counter};

use Privilege::{
    Connect, Create, Delete, Detokenize, Filter, Insert, Member, Read, References, Refresh, Select, Temporary, Trigger, Truncate,
    Update, Usage, Write,
};

const OF_TABLES: &[Privilege] = &[Select, Insert, Update, Delete, Truncate, References, Trigger, Filter];
const OF_DATABASE: &[Privilege] = &[Create, Connect, Temporary, Select, Insert, Update, Delete, Truncate, Refresh, Detokenize];
const OF_SCHEMAS: &[Privilege] = &[Usage, Create, Select, Insert, Update, Delete, Truncate, Refresh];

/// The privileges that ALL grants, where more exist: those of PostgreSQL.
const ALL_OF_DATABASE: &[Privilege] = &[Create, Connect, Temporary];
const ALL_OF_SCHEMAS: &[Privilege] = &[Usage, Create];

/// The target of a grant, with its label for messages and the object, if it is one.
struct On {
    label: String,
    thing: Thing,
    object: Option<Object>,
    can: &'static [Privilege],
    all: &'static [Privilege],
}

/// Runs a statement; returns notes for the user.
///
/// # Errors
/// There is no such role or object, the target does not have the privilege, or the current role may not grant it.
pub async fn run(granting: &Granting, context: &StatementContext) -> Result<Vec<String>> {
    context.settled(|context| async move { change(granting, &context) }).await
}

fn change(granting: &Granting, context: &StatementContext) -> Result<Vec<String>> {
    let mut notes = vec![];
    let changes = match granting {
        Granting::Privileges { gives, privileges, on, roles, only_option } => {
            let on = without_counters(on, &mut notes, context)?;
            let (roles, things) = (known_roles(roles, context)?, things(&on, context)?);
            if things.is_empty() && notes.is_empty() {
                notes.push("there is nothing of that kind yet; nothing was changed".into());
            }
            let mut changes = vec![];
            for on in &things {
                changes.extend(of_thing(on, privileges, &roles, (*gives, *only_option), context)?);
                if *gives {
                    notes.extend(note_on_model(on, &roles, context)?);
                }
            }
            if changes.is_empty() && !things.is_empty() {
                let problem = format!("{} may not grant anything on it; ask its owner, or a role with SUPERUSER", context.role());
                return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &things[0].label, problem));
            }
            changes
        }
        Granting::Membership { gives, groups, roles, with_option } => membership(*gives, groups, roles, *with_option, context)?,
        Granting::Owner { on, owner } => {
            let owner = one_role(owner, context)?;
            let rights = context.rights()?;
            if !rights.is_member(&owner) {
                let problem = format!("{} is not a member of {owner}, so it cannot give objects to it", context.role());
                return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &owner, problem));
            }
            let mut changes = vec![];
            let on = without_counters(on, &mut notes, context)?;
            for on in things(&on, context)? {
                let Some(object) = on.object else {
                    return Err(invalid(&on.label, "belongs to the database itself, and has no other owner"));
                };
                context.check_owns(&object)?;
                changes.push(GrantChange::Owner(object, owner.clone()));
            }
            changes
        }
        Granting::Reassign { from, to } => {
            let (from, to) = (known_roles(from, context)?, one_role(to, context)?);
            let rights = context.rights()?;
            if let Some(other) = from.iter().chain([&to]).find(|role| !rights.is_member(role)) {
                let problem = format!("{} is not a member of {other}; ask a role with SUPERUSER", context.role());
                return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, other, problem));
            }
            let objects = context.all_objects()?;
            let own = objects.iter().filter(|object| from.contains(&object.owner));
            own.map(|object| GrantChange::Owner(object.clone(), to.clone())).collect()
        }
    };
    let seen = Some(context.view().stamp()?);
    unless_moved(context.catalog().change_grants(changes, seen), context)?;
    context.tables().let_go();
    Ok(notes)
}

/// The same without counters of columns, which follow the rights on their tables; notes of those.
fn without_counters(on: &GrantOn, notes: &mut Vec<String>, context: &StatementContext) -> Result<GrantOn> {
    let GrantOn::Sequences(names) = on else { return Ok(on.clone()) };
    let objects = context.objects()?;
    let mut others = vec![];
    for name in names {
        let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident().map(normal)).collect();
        let names = meant(&parts, &context.path());
        let is_its = |object: &&Object| object.kind == "table" && names.iter().any(|own| names_counter(object, own));
        // The defaults of tables name sequences too, which have rights of their own.
        let is_own = objects.iter().any(|object| object.kind == "sequence" && names.contains(&object.name));
        match objects.iter().find(is_its).filter(|_| !is_own) {
            Some(table) => notes.push(format!(
                "{name} is the counter of a column of {}: it belongs to the owner of the table, and who may INSERT into that may use it",
                table.name
            )),
            None => others.push(name.clone()),
        }
    }
    Ok(GrantOn::Sequences(others))
}

/// A note when roles that do not see everything get the use of a model, whose training may have.
fn note_on_model(on: &On, roles: &[String], context: &StatementContext) -> Result<Option<String>> {
    let Some(model) = on.object.as_ref().filter(|object| object.kind == "model") else { return Ok(None) };
    let mut restricted = vec![];
    for role in roles.iter().filter(|role| *role != PUBLIC) {
        if hides_values(model, &context.reading_as(role))? {
            restricted.push(role.as_str());
        }
    }
    Ok((!restricted.is_empty()).then(|| {
        let (label, roles) = (&on.label, restricted.join(", "));
        format!("{label}: its predictions depend on all rows and values of its training, also on what masks and row policies hide from {roles}")
    }))
}

/// The changes for one target.
fn of_thing(
    on: &On,
    privileges: &Privileges,
    roles: &[String],
    (gives, only_option): (bool, bool),
    context: &StatementContext,
) -> Result<Vec<GrantChange>> {
    let rights = context.rights()?;
    let named = if privileges.named.is_empty() { on.all } else { &privileges.named };
    if let Some(wrong) = named.iter().find(|privilege| !on.can.contains(privilege)) {
        let can: Vec<String> = on.can.iter().map(Privilege::to_string).collect();
        return Err(invalid(&on.label, format!("has no privilege {wrong}; it has {}", can.join(", "))));
    }
    let owns = match &on.object {
        Some(object) => rights.owns(object),
        None => rights.is_superuser(),
    };
    // Who is masked could find the values behind the mask by conditions.
    let is_masked = match &on.object {
        Some(object) => gives && owns && is_masked_by_others(object, context)?,
        None => false,
    };
    let may_as_owner = |privilege: Privilege| owns && !(is_masked && privilege == Filter);
    let may = |privilege: &&Privilege| may_as_owner(**privilege) || rights.may_grant(**privilege, &on.thing);
    if !privileges.named.is_empty()
        && let Some(refused) = named.iter().find(|privilege| !may(privilege))
    {
        let role = context.role();
        let problem = match is_masked && *refused == Filter {
            true => format!("has masks of others for {role}, who may not grant {refused} on it; ask a role with SUPERUSER"),
            false => format!("{role} may not grant {refused} on it; ask its owner, or a role with SUPERUSER"),
        };
        return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &on.label, problem));
    }
    let mut changes = vec![];
    for role in roles {
        if privileges.with_option && role == PUBLIC {
            return Err(invalid(PUBLIC, "takes no GRANT OPTION; name the roles that may grant on"));
        }
        for privilege in named.iter().filter(may) {
            let (grantor, is_grantable) = (context.role().to_string(), privileges.with_option);
            let grant = Grant { role: role.clone(), privilege: *privilege, on: on.thing.clone(), grantor, is_grantable };
            let object = on.object.clone();
            changes.push(if gives { GrantChange::Give(grant, object) } else { GrantChange::Take { grant, object, only_option } });
        }
    }
    Ok(changes)
}

fn membership(
    gives: bool,
    groups: &[String],
    roles: &[String],
    with_option: bool,
    context: &StatementContext,
) -> Result<Vec<GrantChange>> {
    let is_predefined = |name: &String| PREDEFINED.iter().any(|(own, _)| own == name);
    let (predefined, own): (Vec<String>, Vec<String>) = groups.iter().cloned().partition(is_predefined);
    let groups: Vec<String> = predefined.into_iter().chain(known_roles(&own, context)?).collect();
    let (roles, rights) = (known_roles(roles, context)?, context.rights()?);
    let mut changes = vec![];
    for group in &groups {
        let on = Thing::Role(group.clone());
        if group == PUBLIC || roles.iter().any(|role| role == PUBLIC) {
            return Err(invalid(PUBLIC, "stands for everybody: it has no members and cannot be a member"));
        }
        if !rights.may_grant(Member, &on) {
            let problem = format!("{} may not change its members; ask a role with SUPERUSER", context.role());
            return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, group, problem));
        }
        for role in &roles {
            let grants = context.view().grants()?;
            let is_led_to = |from: &str, to: &str| {
                let mut reached = vec![from.to_string()];
                let mut next = 0;
                while let Some(role) = reached.get(next).cloned() {
                    next += 1;
                    for grant in grants.iter().filter(|grant| grant.role == role) {
                        if let Thing::Role(group) = &grant.on
                            && !reached.contains(group)
                        {
                            reached.push(group.clone());
                        }
                    }
                }
                reached.iter().any(|role| role == to)
            };
            if gives && is_led_to(group, role) {
                let problem = format!("is a member of {role} itself; a role cannot be a member of its member");
                return Err(coded(SqlState::INVALID_GRANT_OPERATION, group, problem));
            }
            let (grantor, is_grantable) = (context.role().to_string(), gives && with_option);
            let grant = Grant { role: role.clone(), privilege: Member, on: on.clone(), grantor, is_grantable };
            changes.push(match gives {
                true => GrantChange::Give(grant, None),
                false => GrantChange::Take { grant, object: None, only_option: with_option },
            });
        }
    }
    Ok(changes)
}

/// Checks that roles exist; an empty name means the current role.
fn known_roles(names: &[String], context: &StatementContext) -> Result<Vec<String>> {
    names.iter().map(|name| if name == PUBLIC { Ok(name.clone()) } else { one_role(name, context) }).collect()
}

fn one_role(name: &str, context: &StatementContext) -> Result<String> {
    let name = if name.is_empty() { context.role() } else { name };
    match role::known(name, context)? {
        Some(_) => Ok(name.to_string()),
        None => Err(role::missing(name, context)),
    }
}

/// The targets after ON.
fn things(on: &GrantOn, context: &StatementContext) -> Result<Vec<On>> {
    match on {
        GrantOn::Relations(names) => names.iter().map(|name| relation(name, false, context)).collect(),
        GrantOn::Sequences(names) => names.iter().map(|name| relation(name, true, context)).collect(),
        GrantOn::Objects(kind, names) => names.iter().map(|name| object(kind, name, context)).collect(),
        GrantOn::Database(names) => {
            let of = |name: &String| match name.as_str() {
                "portrait" => Ok(On {
                    label: "database".into(),
                    thing: Thing::Database,
                    object: None,
                    can: OF_DATABASE,
                    all: ALL_OF_DATABASE,
                }),
                other => Err(coded(SqlState::INVALID_CATALOG_NAME, other, "no such database; this one is called portrait")),
            };
            names.iter().map(of).collect()
        }
        GrantOn::Schemas(names) => names.iter().map(|name| one_schema(name, context)).collect(),
        GrantOn::All(kinds, schemas) => {
            for name in schemas {
                one_schema(name, context)?;
            }
            let rights = context.rights()?;
            let objects = context.objects()?;
            let wanted: Vec<Thing> = schemas.iter().map(|name| rights.schema_named(name)).collect();
            let is_meant = |object: &&Object| {
                kinds.contains(&object.kind.as_str()) && (wanted.is_empty() || wanted.contains(&rights.schema_of(object)))
            };
            Ok(objects.iter().filter(is_meant).map(of_object).collect())
        }
        GrantOn::Files => {
            let all: &[Privilege] = &[Read, Write];
            Ok(vec![On { label: "files".into(), thing: Thing::Files, object: None, can: all, all }])
        }
    }
}

fn one_schema(name: &str, context: &StatementContext) -> Result<On> {
    let label = format!("schema {name}");
    let of =
        |thing: Thing, object: Option<Object>| On { label: label.clone(), thing, object, can: OF_SCHEMAS, all: ALL_OF_SCHEMAS };
    if [PUBLIC, PROFILE_SCHEMA, SEGMENT_SCHEMA].contains(&name) {
        return Ok(of(Thing::Schema(name.into()), None));
    }
    let objects = context.objects()?;
    match objects.iter().find(|object| object.kind == "schema" && object.name == name) {
        Some(object) => Ok(of(Thing::Object(object.id), Some(object.clone()))),
        None => {
            let schemas = schema::names(context);
            let suggestion = did_you_mean(name, schemas.iter().map(String::as_str));
            let error =
                coded(SqlState::INVALID_SCHEMA_NAME, name, format!("no such schema{suggestion}; SHOW SCHEMAS lists them"));
            Err(context.unseen(error, name))
        }
    }
}

fn of_object(object: &Object) -> On {
    let can: &[Privilege] = match object.kind.as_str() {
        "profile" => &[Select, Refresh, Filter],
        "segment" => &[Select, Refresh],
        "identity" => &[Refresh],
        "model" | "function" => &[Usage],
        WORD => &[Usage, Select, Update],
        "schema" => OF_SCHEMAS,
        _ => OF_TABLES,
    };
    // FILTER reveals masked values, so it must be granted by name.
    let all = match can {
        _ if object.kind == "schema" => ALL_OF_SCHEMAS,
        [others @ .., Filter] => others,
        _ => can,
    };
    On { label: object.label(), thing: Thing::Object(object.id), object: Some(object.clone()), can, all }
}

fn object(kind: &'static str, name: &str, context: &StatementContext) -> Result<On> {
    let Some(grammar) = kind_of(kind) else { return Err(invalid(name, format!("{kind} is an unknown kind of object"))) };
    let target = Target { grammar, name: name.into(), profile: None };
    if kind == "tag" {
        return Err(invalid(name, "a tag is a column of its profile; GRANT SELECT ON PROFILE …"));
    }
    kind_of_target(&target)?;
    match find(context, &target)? {
        Some(object) => Ok(of_object(&object)),
        None => Err(missing(context, &target)?),
    }
}

/// A table, view, external table or sequence; or the tables that a profile or segment publishes. `is_sequence` is true after SEQUENCE.
fn relation(name: &ObjectName, is_sequence: bool, context: &StatementContext) -> Result<On> {
    let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident().map(normal)).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let parts = match parts.as_slice() {
        ["portrait", rest @ ..] if rest.len() == 2 => rest,
        parts => parts,
    };
    match parts {
        [PROFILE_SCHEMA, own] if !is_sequence => {
            let profile = own.strip_suffix("_tags").or_else(|| own.strip_suffix("_history")).unwrap_or(own);
            return object("profile", profile, context).or_else(|_| object("profile", own, context));
        }
        [SEGMENT_SCHEMA, own] if !is_sequence => return object("segment", own, context),
        _ => {}
    }
    let own = match parts {
        [own] => (*own).to_string(),
        [PUBLIC, own] => (*own).to_string(),
        [schema, own] => schema::member(schema, own),
        _ => return Err(invalid(&name.to_string(), "a table is named by its schema and its name only")),
    };
    if context.tables().temporary(&own).is_some() {
        return Err(invalid(&own, "is a temporary table of this session, which no other role sees"));
    }
    let objects = context.objects()?;
    // A table's privileges may be granted on a sequence without saying that it is one, but not the other way round.
    let kinds: &[&str] = if is_sequence { &[WORD] } else { &NAMES };
    let relations = || objects.iter().filter(|object| kinds.contains(&object.kind.as_str()));
    match relations().find(|object| object.name == own) {
        Some(object) => Ok(of_object(object)),
        None if is_sequence => Err(context.unseen(no_sequence(&own), &own)),
        None => {
            let suggestion = did_you_mean(&own, relations().map(|object| object.name.as_str()));
            let error = coded(SqlState::UNDEFINED_TABLE, &own, format!("no such table{suggestion}; SHOW TABLES lists them"));
            Err(context.unseen(error, &own))
        }
    }
}
