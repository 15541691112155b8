//! Masks and row policies as declared, the objects they are on, and the parts that their system tables share.

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use sqlparser::ast::Expr;

use crate::catalog::grants::PUBLIC;
use crate::catalog::objects::Object;
use crate::docs::Column;
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::objects::definition::Definition;
use crate::objects::kind::Uses;
use crate::objects::lifecycle::profiles;
use crate::objects::relation::{self, NAMESPACE};
use crate::objects::uses::ProfileUse;
use crate::objects::values::{given, number, text};
use crate::refresh::plan::PROFILE_SCHEMA;
use crate::sql::command::{Body, normal};
use crate::sql::protection::Covers;
use crate::sql::references::names_in;
use crate::statement::{Rights, StatementContext};

/// A mask or row policy, as declared.
#[derive(Debug, Clone)]
pub struct Rule {
    pub object: Object,
    pub covers: Covers,
    /// The parts of the name of its table.
    pub table: Vec<String>,
    /// The expression shown instead of a value, or the condition for visible rows.
    pub using: Expr,
    /// The roles it is for; all roles when empty.
    pub roles: Vec<String>,
}

impl Rule {
    /// Reads a definition.
    ///
    /// # Errors
    /// It is not a mask or row policy.
    pub fn of(definition: &Definition) -> Result<Self> {
        let unreadable = || invalid(&definition.object.label(), "its definition cannot be read");
        let protection = definition.protection.clone().ok_or_else(unreadable)?;
        let Body::Condition(using) = &definition.body else { return Err(unreadable()) };
        let table = definition.table.iter().flat_map(|name| &name.0).filter_map(|part| part.as_ident().map(normal)).collect();
        let (object, using) = (definition.object.clone(), using.as_ref().clone());
        Ok(Self { object, covers: protection.covers, table, using, roles: protection.roles })
    }

    /// True when it is declared on that object.
    pub fn is_on(&self, object: &Object) -> bool {
        match self.table.as_slice() {
            [] => false,
            [.., schema, name] if schema == PROFILE_SCHEMA => object.kind == "profile" && object.name == *name,
            table => {
                let uses = Uses { tables: vec![table.to_vec()], ..Uses::default() };
                NAMESPACE.contains(&object.kind.as_str()) && relation::is_named_in(object, &uses)
            }
        }
    }

    /// True when it is for that reader. A mask is also for the role that opened the session: SET ROLE takes off no mask. A row policy
    /// shows rows, so one for the login would show more of them.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn is_for(&self, reader: &Rights, context: &StatementContext) -> Result<bool> {
        let names = |rights: &Rights| self.roles.is_empty() || self.roles.iter().any(|role| rights.is_member(role));
        if names(reader) || self.covers == Covers::Rows {
            return Ok(names(reader));
        }
        Ok(context.login_rights()?.is_some_and(|login| names(&login)))
    }
}

/// The last columns in the system table of each kind of rule.
const DECLARED: [Column; 5] = [
    Column { name: "version", data_type: "BIGINT", text: "the version of its definition" },
    Column { name: "comment", data_type: "VARCHAR", text: "what it is for" },
    Column { name: "owner", data_type: "VARCHAR", text: "who answers for it" },
    Column { name: "created_at", data_type: "VARCHAR", text: "when this version was made, in UTC" },
    Column { name: "definition", data_type: "VARCHAR", text: "the statement that made it" },
];

/// The columns of a kind of rule, followed by the common ones.
pub const fn with_declared<const OWN: usize, const ALL: usize>(own: [Column; OWN]) -> [Column; ALL] {
    let mut all = [DECLARED[0]; ALL];
    let mut place = 0;
    while place < ALL {
        all[place] = if place < OWN { own[place] } else { DECLARED[place - OWN] };
        place += 1;
    }
    all
}

/// The names of the rules.
pub fn names(definitions: &[Definition]) -> ArrayRef {
    texts(definitions, |definition| &definition.object.name)
}

/// The values of the common columns.
pub fn declared(definitions: &[Definition]) -> [ArrayRef; 5] {
    [
        number(definitions.iter().map(|definition| Some(definition.object.version))),
        texts(definitions, Definition::comment),
        texts(definitions, |definition| definition.text("owner")),
        texts(definitions, |definition| &definition.object.created_at),
        texts(definitions, |definition| &definition.object.sql),
    ]
}

fn texts(definitions: &[Definition], get: fn(&Definition) -> &str) -> ArrayRef {
    text(definitions.iter().map(|definition| given(get(definition))))
}

/// What a mask or row policy refers to: its table, and what its expression reads.
pub fn uses_of(definition: &Definition) -> Uses {
    let mut uses = match &definition.body {
        Body::Condition(using) => Uses::of(using.as_ref()),
        _ => Uses::default(),
    };
    if let Ok(rule) = Rule::of(definition)
        && let [.., name] = rule.table.as_slice()
    {
        if rule.table.iter().rev().nth(1).is_some_and(|schema| schema == PROFILE_SCHEMA) {
            let columns = match &rule.covers {
                Covers::Column(column) => Some([column.clone()].into()),
                Covers::Rows => Some(names_in(&rule.using).into_iter().collect()),
                Covers::Class(_) => None,
            };
            uses.profiles.push(ProfileUse { profile: name.clone(), columns });
        } else {
            uses.tables.push(rule.table);
        }
    }
    uses
}

/// The roles of a rule, for a list.
pub fn roles_of(rule: &Rule) -> Option<String> {
    given(&rule.roles.join(", "))
}

/// Fails for a role that does not exist.
///
/// # Errors
/// With a name that is near.
pub fn check_roles(object: &Object, roles: &[String], context: &StatementContext) -> Result<()> {
    let objects = context.all_objects()?;
    let known = || objects.iter().filter(|object| object.kind == "role").map(|object| object.name.as_str());
    match roles.iter().find(|role| *role != PUBLIC && !known().any(|other| other == *role)) {
        Some(missing) => {
            let suggestion = did_you_mean(missing, known());
            let problem = format!("is for {missing}, but there is no such role{suggestion}; CREATE ROLE makes one");
            Err(coded(SqlState::UNDEFINED_OBJECT, &object.label(), problem))
        }
        None => Ok(()),
    }
}

/// The masks and row policies that are for a role by its name.
///
/// # Errors
/// The catalog cannot be read.
pub fn rules_for(role: &str, context: &StatementContext) -> Result<Vec<Object>> {
    let mut found = vec![];
    for rule in rules(context)? {
        let rule = rule?;
        if rule.roles.iter().any(|own| own == role) {
            found.push(rule.object);
        }
    }
    Ok(found)
}

/// All masks and row policies, whoever the current role is.
///
/// # Errors
/// The catalog cannot be read.
pub fn rules(context: &StatementContext) -> Result<Vec<Result<Rule>>> {
    let objects = context.all_objects()?;
    let own = objects.iter().filter(|object| ["mask", "row policy"].contains(&object.kind.as_str()));
    Ok(own.map(|object| Rule::of(&Definition::read(object.clone(), context.session())?)).collect())
}

/// The table, view, external table or profile with this name.
///
/// # Errors
/// The role sees no such object.
pub fn object_named(parts: &[String], context: &StatementContext) -> Result<Object> {
    let parts = match parts {
        [catalog, rest @ ..] if rest.len() == 2 && catalog == "portrait" => rest,
        parts => parts,
    };
    let objects = context.objects()?;
    let shown = parts.join(".");
    if let [schema, name] = parts
        && schema == PROFILE_SCHEMA
    {
        let found = objects.iter().find(|object| object.kind == "profile" && object.name == *name);
        return found.cloned().ok_or_else(|| {
            let suggestion = did_you_mean(name, profiles(&objects));
            let problem = format!("no such profile{suggestion}; SHOW PROFILES lists them");
            context.unseen(coded(SqlState::UNDEFINED_OBJECT, &shown, problem), &shown)
        });
    }
    let uses = Uses { tables: vec![parts.to_vec()], ..Uses::default() };
    let relations = || objects.iter().filter(|object| NAMESPACE.contains(&object.kind.as_str()));
    if let Some(found) = relations().find(|object| relation::is_named_in(object, &uses)) {
        return Ok(found.clone());
    }
    if let [name] = parts
        && context.tables().temporary(name).is_some()
    {
        return Err(invalid(name, "is a temporary table of this session, which no other role sees"));
    }
    let name = parts.last().map(String::as_str).unwrap_or_default();
    let suggestion = did_you_mean(name, relations().map(|object| object.name.as_str()));
    let problem = format!("no such table{suggestion}; SHOW TABLES lists them, and profiles are named profile.<name>");
    Err(context.unseen(coded(SqlState::UNDEFINED_TABLE, &shown, problem), &shown))
}
