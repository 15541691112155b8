//! The life of an object, the same for every kind: created, replaced, found, dropped.

use std::collections::BTreeSet;

use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::broken::{check_readers, check_users};
use super::definition::Definition;
use super::kind::{Kind, unknown_kind};
use super::profile::note_on_earlier;
use super::protection;
use super::schema::parts;
use super::{GRAMMARS, kind_of};
use crate::catalog::grants::{PUBLIC, Privilege};
use crate::catalog::objects::{NewVersion, Object};
use crate::catalog::snapshots::{SnapshotOf, When};
use crate::error::{SqlState, coded, did_you_mean, invalid, message, sqlstate};
use crate::refresh::definition::AS_OF;
use crate::refresh::plan::no_profile;
use crate::sql::command::{Body, Create, Target};
use crate::sql::parser;
use crate::sql::places::check_named;
use crate::sql::sequence::WORD;
use crate::statement::RunningPlan;
use crate::statement::StatementContext;
use crate::text::{literal, with_article};

/// An object to be created.
#[derive(Debug)]
pub struct NewObject {
    pub object: Object,
    /// Its current version, if it exists.
    pub existing: Option<Object>,
    pub create: Create,
}

impl NewObject {
    /// The version to store in the catalog.
    pub fn version(&self) -> NewVersion<'_> {
        let Object { kind, profile, name, sql, base, author, .. } = &self.object;
        NewVersion { kind, profile, name, sql, base, author }
    }
}

/// The kind that a statement is about.
///
/// # Errors
/// None for statements parsed with the grammars of all kinds.
pub fn kind_of_target(target: &Target) -> Result<&'static dyn Kind> {
    kind_of(target.grammar.word()).ok_or_else(|| invalid(&target.label(), "is of an unknown kind"))
}

/// Creates an object, or a new version of it.
///
/// # Errors
/// The object is wrong, or would break something; nothing is changed then.
pub async fn create(context: &StatementContext, create: Create, text: &str, running: &RunningPlan) -> Result<Vec<String>> {
    let kind = kind_of_target(&create.target)?;
    let create = &create;
    context
        .settled(|context| async move {
            match prepare(kind, create, text, &context)? {
                Some(new) => {
                    if new.object.kind == "segment" {
                        protection::refuse_segment(&new.object, &context).await?;
                    }
                    check_files(&new.object, &context)?;
                    kind.make(&new, &context, running).await
                }
                None => Ok(vec![]),
            }
        })
        .await
}

/// Refuses a definition that reads files from where statements may not.
fn check_files(new: &Object, context: &StatementContext) -> Result<()> {
    if context.places().is_none() {
        return Ok(());
    }
    match &Definition::read(new.clone(), context.session())?.body {
        Body::Query(query) => check_named(query.as_ref(), context),
        Body::Condition(condition) => check_named(condition.as_ref(), context),
        Body::Sql(parsed) => match parsed.as_ref() {
            SqlParsed::Statement(statement) => check_named(statement.as_ref(), context),
            _ => Ok(()),
        },
        // The statements of a script are checked when they run.
        Body::Script(_) | Body::Sequence(_) => Ok(()),
    }
}

/// The object that the statement would create; `None` when there is nothing to do.
///
/// # Errors
/// It cannot be created here, whatever its body is.
pub fn prepare(kind: &'static dyn Kind, create: &Create, text: &str, context: &StatementContext) -> Result<Option<NewObject>> {
    let (target, label) = (&create.target, create.target.label());
    let name = &target.name;
    if create.or_replace && create.if_not_exists {
        return Err(coded(SqlState::SYNTAX_ERROR, name, "OR REPLACE and IF NOT EXISTS exclude each other; leave one out"));
    }
    if name.is_empty() || target.profile.as_deref() == Some("") {
        return Err(invalid(kind.word(), "a name must not be empty, got \"\""));
    }
    // Names clash with those of all objects, visible to the role or not.
    let objects = context.all_objects()?;
    let profile = match &target.profile {
        Some(profile) => profile.clone(),
        None if kind.word() == "profile" => name.clone(),
        None => String::new(),
    };
    let is_own = |object: &&Object| object.kind == kind.word() && object.profile == profile && object.name == *name;
    let existing = objects.iter().find(is_own);
    let namespace = kind.namespace();
    let other =
        objects.iter().find(|object| object.name == *name && namespace.contains(&object.kind.as_str()) && !is_own(object));
    let is_temporary = !namespace.is_empty() && context.tables().temporary(name).is_some();
    if create.if_not_exists && (existing.is_some() || other.is_some() || is_temporary) {
        return Ok(None);
    }
    let state = if namespace.is_empty() { SqlState::DUPLICATE_OBJECT } else { SqlState::DUPLICATE_TABLE };
    if is_temporary {
        return Err(coded(state, name, "exists already; DROP the temporary table first"));
    }
    if let Some(other) = other.filter(|_| create.or_replace) {
        let word = if other.kind == "view" { "VIEW" } else { "TABLE" };
        let (is, by) = (with_article(&other.kind), with_article(kind.word()));
        return Err(coded(state, name, format!("is {is}, which cannot be replaced by {by}; DROP {word} {name} first")));
    }
    if (existing.is_some() || other.is_some()) && !create.or_replace {
        return Err(match namespace {
            [] if kind.is_of_sql() => coded(state, &label, "exists already; write IF NOT EXISTS, or DROP it first"),
            [] => coded(state, &label, "exists already; write CREATE OR REPLACE for a new version, or DROP it first"),
            _ if kind.word() == WORD => coded(state, name, "exists already; write IF NOT EXISTS, or DROP it first"),
            _ => coded(state, name, "exists already; write CREATE OR REPLACE, or DROP it first"),
        });
    }
    let seen = context.objects()?;
    if kind.is_of_profile() && !profiles(&seen).any(|other| other == profile) {
        return Err(context.unseen(no_profile(&profile, profiles(&seen)), &profile));
    }
    let text = parser::as_own_dialect(text, context.session(), &GRAMMARS)?;
    let text = with_values(&text, create, context)?;
    let base = context.base().display().to_string();
    if kind.is_text_alone() && existing.is_some_and(|existing| existing.sql == text && existing.base == base) {
        // Running a script again makes no new versions.
        return Ok(None);
    }
    match existing {
        Some(existing) => context.check_owns(existing)?,
        None => check_may_create(kind, name, &profile, context)?,
    }
    let object = Object {
        id: existing.map_or(i64::MAX, |object| object.id),
        kind: kind.word().into(),
        profile,
        name: name.clone(),
        version: existing.map_or(1, |object| object.version + 1),
        sql: text,
        base,
        author: context.role().into(),
        owner: existing.map_or_else(|| context.owner(), |object| Ok(object.owner.clone()))?,
        created_at: String::new(),
        comments: existing.map(|object| object.comments.clone()).unwrap_or_default(),
        classes: existing.map(|object| object.classes.clone()).unwrap_or_default(),
    };
    kind.check_name(&object, context)?;
    Ok(Some(NewObject { object, existing: existing.cloned(), create: create.clone() }))
}

/// Refuses to create what the role may not create there.
fn check_may_create(kind: &dyn Kind, name: &str, profile: &str, context: &StatementContext) -> Result<()> {
    let rights = context.rights()?;
    if rights.is_superuser() {
        return Ok(());
    }
    let label = format!("{} {name}", kind.word());
    let profile = context.all_objects()?.iter().find(|object| object.kind == "profile" && object.name == profile).cloned();
    match kind.word() {
        "tag" => return profile.map_or(Ok(()), |profile| context.check_owns(&profile)),
        "segment" => {
            if let Some(profile) = profile {
                context.check_may(Privilege::Select, &profile)?;
            }
        }
        _ => {}
    }
    if !kind.namespace().is_empty() {
        let (schema, _) = parts(name, context);
        let schema = schema.unwrap_or(PUBLIC);
        if rights.may_in(Privilege::Create, &rights.schema_named(schema)) {
            return Ok(());
        }
        return Err(context.not_allowed(&label, &format!("GRANT CREATE ON SCHEMA {schema} TO {}", context.role())));
    }
    if rights.may_in_database(Privilege::Create) {
        return Ok(());
    }
    Err(context.not_allowed(&label, &format!("GRANT CREATE ON DATABASE portrait TO {}", context.role())))
}

/// Refuses a query that reads a temporary table, if it is remembered longer than the session that has the table.
fn refuse_temporary(kind: &dyn Kind, new: &Object, context: &StatementContext) -> Result<()> {
    if !context.catalog().is_durable() {
        return Ok(());
    }
    let definition = Definition::read(new.clone(), context.session())?;
    // A script may make the temporary tables that it reads.
    if definition.query().is_err() {
        return Ok(());
    }
    for table in kind.uses(&definition).tables {
        if let [name] = table.as_slice()
            && context.tables().temporary(name).is_some()
        {
            let problem = format!("reads the temporary table {name}, which only this session has; make that with CREATE TABLE");
            return Err(invalid(&new.label(), problem));
        }
    }
    Ok(())
}

/// Checks an object and everything that needs it, and stores it.
pub async fn remember(kind: &'static dyn Kind, new: &NewObject, context: &StatementContext) -> Result<Vec<String>> {
    refuse_temporary(kind, &new.object, context)?;
    // Another statement may be creating a table of that name.
    let _lock = match kind.namespace() {
        [] => None,
        _ => {
            let work = format!("CREATE {}", kind.word().to_uppercase());
            let options = context.session().config_options();
            context.catalog().lock(SnapshotOf::Table, &new.object.name, &work, options).await?
        }
    };
    let changed = context.with_definition(new.object.clone());
    let checked = kind.check(&new.object, &changed).await;
    if let Some(existing) = &new.existing
        && checked.is_err()
        && kind.check(existing, context).await.is_ok()
    {
        return checked.map_err(|error| about_part(error, &new.object));
    }
    let mut notes = checked?;
    if let Some(existing) = &new.existing {
        notes.extend(check_users(existing, context, &changed).await?);
    } else if new.object.kind == "tag" {
        check_readers(&new.object, context, &changed).await?;
    }
    if new.existing.is_some() {
        let newest = context.view().snapshot(SnapshotOf::Profile, &new.object.profile, When::Now)?;
        notes.extend(note_on_earlier(&new.object, newest.as_deref()));
    }
    let stamp = context.view().stamp()?;
    unless_moved(context.catalog().put_object(new.version(), Some(stamp)), context).map(|_| notes)
}

/// An error of a new version of a profile; what is wrong with one of its tags or segments is what the new version would break.
fn about_part(error: DataFusionError, new: &Object) -> DataFusionError {
    let text = message(&error).replace('\n', "; ");
    let is_of_part = new.kind == "profile" && ["tag ", "segment "].iter().any(|kind| text.starts_with(kind));
    let Some((label, broken)) = text.split_once(": ").filter(|_| is_of_part) else { return error };
    let problem = format!("would break {label}: {broken}; change that first, or DROP it");
    coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, &new.label(), problem)
}

/// The result of a change of definitions. When another statement has changed definitions first, the view is marked as moved, so that this
/// statement is planned and checked again.
///
/// # Errors
/// The change failed.
pub fn unless_moved<T>(changed: Result<T>, context: &StatementContext) -> Result<T> {
    match changed {
        Err(error) if sqlstate(&error) == SqlState::SERIALIZATION_FAILURE => Err(context.view().moved()),
        changed => changed,
    }
}

/// The objects that refer to an object.
///
/// # Errors
/// The catalog cannot be read.
pub fn users(object: &Object, context: &StatementContext) -> Result<Vec<Object>> {
    // What a database remembers reads no table of a session, whatever its name.
    if object.version == 0 && context.catalog().is_durable() {
        return Ok(vec![]);
    }
    let Some(kind) = kind_of(&object.kind) else { return Ok(vec![]) };
    let mut users = vec![];
    for other in context.all_objects()?.iter().filter(|other| !other.is_same(object)) {
        // A definition that cannot be read has no known references.
        let Ok(definition) = Definition::read(other.clone(), context.session()) else { continue };
        if kind.is_named_in(object, &definition.kind.uses(&definition)) {
            users.push(other.clone());
        }
    }
    Ok(users)
}

/// The names of the models that each definition applies, directly or through views.
///
/// # Errors
/// The catalog cannot be read.
pub fn models_applied(definitions: &[Definition], context: &StatementContext) -> Result<Vec<Vec<String>>> {
    let views = definitions_of_views(context)?;
    let models_of = |definition: &Definition| {
        let mut named = vec![definition.kind.uses(definition)];
        let mut unread: Vec<&Definition> = views.iter().collect();
        let mut next = 0;
        while let Some(uses) = named.get(next).cloned() {
            let (read, others): (Vec<_>, Vec<_>) =
                unread.into_iter().partition(|view| view.kind.is_named_in(&view.object, &uses));
            named.extend(read.iter().map(|view| view.kind.uses(view)));
            unread = others;
            next += 1;
        }
        named.into_iter().flat_map(|uses| uses.models).collect::<BTreeSet<_>>().into_iter().collect()
    };
    Ok(definitions.iter().map(models_of).collect())
}

fn definitions_of_views(context: &StatementContext) -> Result<Vec<Definition>> {
    kind_of("view").map_or_else(|| Ok(vec![]), |kind| definitions(kind, context))
}

/// Objects listed for a message; those invisible to the role are not named.
///
/// # Errors
/// The catalog cannot be read.
pub fn listed(objects: &[Object], context: &StatementContext) -> Result<String> {
    let rights = context.rights()?;
    let (seen, others): (Vec<&Object>, Vec<&Object>) = objects.iter().partition(|object| rights.sees(object));
    let mut labels: Vec<String> = seen.into_iter().map(Object::label).collect();
    if !others.is_empty() {
        labels.push("what others have made".into());
    }
    Ok(labels.join(", "))
}

/// The objects that need an object, directly or through others, nearest first.
///
/// # Errors
/// The catalog cannot be read.
pub fn all_users(object: &Object, context: &StatementContext) -> Result<Vec<Object>> {
    let mut all = users(object, context)?;
    let mut next = 0;
    while next < all.len() {
        for user in users(&all[next].clone(), context)? {
            if !user.is_same(object) && !all.iter().any(|other| other.is_same(&user)) {
                all.push(user);
            }
        }
        next += 1;
    }
    Ok(all)
}

/// The objects that refer to an object directly or through views, without the views.
///
/// # Errors
/// The catalog cannot be read.
pub fn users_beyond_views(object: &Object, context: &StatementContext) -> Result<Vec<Object>> {
    let mut found = users(object, context)?;
    let mut next = 0;
    while next < found.len() {
        if found[next].kind == "view" {
            for user in users(&found[next].clone(), context)? {
                if !found.iter().any(|other| other.is_same(&user)) {
                    found.push(user);
                }
            }
        }
        next += 1;
    }
    found.retain(|user| user.kind != "view");
    Ok(found)
}

/// Drops an object that nothing uses.
///
/// # Errors
/// There is no such object, or something uses it; all users are listed.
pub async fn drop(context: &StatementContext, target: &Target, if_exists: bool) -> Result<()> {
    let kind = kind_of_target(target)?;
    context.catalog().make_room();
    let dropped = context
        .settled(|context| async move {
            match droppable(&context, target, if_exists, &[])? {
                Some(object) => unless_moved(kind.remove(&object, &context).await, &context),
                None => Ok(()),
            }
        })
        .await;
    context.catalog().keep_room();
    dropped
}

/// The object to drop, which nothing uses but objects that are dropped `before` it; `None` for one that need not exist, and does not.
///
/// # Errors
/// There is no such object, or something uses it; all users are listed.
pub fn droppable(context: &StatementContext, target: &Target, if_exists: bool, before: &[Object]) -> Result<Option<Object>> {
    let kind = kind_of_target(target)?;
    let objects = context.all_objects()?;
    let is_gone = |profile: &str| !profiles(&objects).any(|other| other == profile);
    if if_exists && target.profile.as_deref().is_some_and(is_gone) {
        return Ok(None);
    }
    let Some(object) = find(context, target)? else {
        return if if_exists { Ok(None) } else { Err(missing(context, target)?) };
    };
    context.check_owns(&object)?;
    // A view or external table can be created again at any time, so views over it may remain.
    let can_return = object.kind == "view" || object.kind == "external table";
    let goes = |user: &Object| can_return && user.kind == "view" || before.iter().any(|other| other.is_same(user));
    let users: Vec<Object> = users(&object, context)?.into_iter().filter(|user| !goes(user)).collect();
    if !users.is_empty() {
        let problem = format!("is used by {}; drop them first", listed(&users, context)?);
        let subject = if kind.namespace().is_empty() { object.label() } else { object.name.clone() };
        return Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, &subject, problem));
    }
    Ok(Some(object))
}

/// The object that a statement is about. A tag's name may be ambiguous without its profile.
///
/// # Errors
/// There is no such profile, or several objects match.
pub fn find(context: &StatementContext, target: &Target) -> Result<Option<Object>> {
    let objects = context.objects()?;
    let (name, profile) = (&target.name, target.profile.as_deref());
    if let Some(profile) = profile
        && !profiles(&objects).any(|other| other == profile)
    {
        return Err(context.unseen(no_profile(profile, profiles(&objects)), profile));
    }
    let is_it = |object: &&Object| {
        object.kind == target.grammar.word() && object.name == *name && profile.is_none_or(|profile| object.profile == profile)
    };
    let found: Vec<&Object> = objects.iter().filter(is_it).collect();
    match found.as_slice() {
        [] => Ok(None),
        [object] => Ok(Some((*object).clone())),
        several => {
            let of: Vec<&str> = several.iter().map(|object| object.profile.as_str()).collect();
            let kind = target.grammar.word();
            let problem = format!("profiles {} have a {kind} of this name; write {name} ON profile", of.join(" and "));
            Err(coded(SqlState::AMBIGUOUS_COLUMN, name, problem))
        }
    }
}

/// The error for an object that does not exist.
///
/// # Errors
/// The catalog cannot be read.
pub fn missing(context: &StatementContext, target: &Target) -> Result<DataFusionError> {
    let (kind, objects) = (target.grammar.word(), context.objects()?);
    if let Some(problem) = kind_of_target(target)?.explain_missing(&target.name) {
        return Ok(coded(SqlState::UNDEFINED_OBJECT, &target.name, problem));
    }
    let names = objects.iter().filter(|object| object.kind == kind).map(|object| object.name.as_str());
    let suggestion = did_you_mean(&target.name, names);
    let problem = format!("no such {kind}{suggestion}; SHOW {} lists them", target.grammar.plural().to_uppercase());
    Ok(context.unseen(coded(SqlState::UNDEFINED_OBJECT, &target.name, problem), &target.name))
}

/// The readable definitions of one kind, in order of creation.
///
/// # Errors
/// The catalog cannot be read.
pub fn definitions(kind: &dyn Kind, context: &StatementContext) -> Result<Vec<Definition>> {
    Ok(read(kind, context)?.into_iter().filter_map(|(_, definition)| definition.ok()).collect())
}

/// The objects of one kind with their definitions, in order of creation. An unreadable definition does not hide the others.
///
/// # Errors
/// The catalog cannot be read.
pub fn read(kind: &dyn Kind, context: &StatementContext) -> Result<Vec<(Object, Result<Definition>)>> {
    let objects = context.objects()?;
    let own = objects.iter().filter(|object| object.kind == kind.word());
    Ok(own.map(|object| (object.clone(), Definition::read(object.clone(), context.session()))).collect())
}

/// The names of the profiles.
pub fn profiles(objects: &[Object]) -> impl Iterator<Item = &str> + Clone {
    objects.iter().filter(|object| object.kind == "profile").map(|object| object.name.as_str())
}

/// The columns and properties that reveal a definition. Only its owner sees them: a statement may name objects that others cannot see.
pub const MADE_OF: [&str; 5] = ["definition", "condition", "query", "expectation", "shows"];

/// The properties that DESCRIBE shows, in display order.
///
/// # Errors
/// There is no such object, or the database cannot be read.
pub fn describe(context: &StatementContext, target: &Target) -> Result<Vec<(String, String)>> {
    let Some(object) = find(context, target)? else { return Err(missing(context, target)?) };
    let kind = kind_of(&object.kind).ok_or_else(|| unknown_kind(&object))?;
    let mut properties = vec![("kind".to_string(), object.kind.clone()), ("name".into(), object.name.clone())];
    let definition = match Definition::read(object.clone(), context.session()) {
        Ok(definition) => definition,
        Err(error) => {
            let version = object.version.to_string();
            let definition = if context.rights()?.owns(&object) { object.sql } else { String::new() };
            let known = [("version", version), ("problem", message(&error)), ("definition", definition)];
            properties.extend(known.map(|(name, value)| (name.to_string(), value)));
            return Ok(properties);
        }
    };
    let object = &definition.object;
    properties.extend(kind.describe(&definition, context)?);
    for name in models_applied(std::slice::from_ref(&definition), context)?.concat() {
        let model = context.catalog().model(&name)?;
        let version = model.map_or_else(|| "which is not there".to_string(), |model| format!("version {}", model.version));
        properties.push(("applies".into(), format!("model {name}, {version}")));
    }
    for (name, value) in definition.constants(kind.more_options(&definition))? {
        properties.push((format!("${name}"), value.to_string()));
    }
    properties.push(("version".into(), object.version.to_string()));
    properties.push(("author".into(), object.author.clone()));
    properties.push(("created_at".into(), object.created_at.clone()));
    properties.push(("comment".into(), definition.comment().to_string()));
    let of_columns = object.comments.iter().filter(|(column, _)| !column.is_empty());
    properties.extend(of_columns.map(|(column, comment)| (format!("comment of {column}"), comment.text.clone())));
    properties.push(("owner".into(), definition.text("owner").to_string()));
    properties.extend(kind.describe_published(&definition, context)?);
    properties.push(("definition".into(), object.sql.clone()));
    let owns = context.rights()?.owns(object);
    let is_shown = |name: &str| owns || !(MADE_OF.contains(&name) || name.starts_with('$'));
    properties.retain(|(name, value)| is_shown(name) && !value.is_empty());
    Ok(properties)
}

/// The text of a statement with the session's parameters substituted for `$name`; `$as_of` and the object's own constants remain.
fn with_values(text: &str, create: &Create, context: &StatementContext) -> Result<String> {
    if !text.contains('$') {
        return Ok(text.to_string());
    }
    let mut written = String::with_capacity(text.len());
    for token in tokens(text, create)? {
        match &token {
            Token::Placeholder(placeholder) => {
                let name = placeholder.trim_start_matches('$');
                match context.parameters().get(name).filter(|_| !is_own_parameter(name, create)) {
                    Some(value) => written.push_str(&as_sql(name, value)?),
                    None => written.push_str(placeholder),
                }
            }
            other => written.push_str(&other.to_string()),
        }
    }
    Ok(written)
}

/// The parameters of a CREATE that get their values from whoever runs it, without the `$`.
///
/// # Errors
/// The text of the statement is not SQL.
pub fn parameters_of(create: &Create, text: &str, context: &StatementContext) -> Result<Vec<String>> {
    if !text.contains(['$', '?']) {
        return Ok(vec![]);
    }
    let text = parser::as_own_dialect(text, context.session(), &GRAMMARS)?;
    let placeholders = tokens(&text, create)?.into_iter().filter_map(|token| match token {
        Token::Placeholder(placeholder) => Some(placeholder.trim_start_matches('$').to_string()),
        _ => None,
    });
    Ok(placeholders.filter(|name| !is_own_parameter(name, create)).collect())
}

fn tokens(text: &str, create: &Create) -> Result<Vec<Token>> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).with_unescape(false).tokenize();
    tokens.map_err(|error| coded(SqlState::SYNTAX_ERROR, &create.target.name, error))
}

/// True for a parameter that keeps its name in the definition: it has a value when the object is used.
fn is_own_parameter(name: &str, create: &Create) -> bool {
    name == AS_OF
        || create.target.grammar.keeps_parameters()
        || create.options.iter().any(|(option, _)| option == name)
        || create.parameters.iter().any(|parameter| parameter.name == name)
}

/// A value as an SQL literal.
fn as_sql(name: &str, value: &ScalarValue) -> Result<String> {
    use datafusion::arrow::datatypes::DataType;
    let text = || -> Result<String> {
        match value.cast_to(&DataType::Utf8)? {
            ScalarValue::Utf8(Some(text)) => Ok(text),
            _ => Ok(String::new()),
        }
    };
    Ok(match value.data_type() {
        _ if value.is_null() => "NULL".into(),
        data_type if data_type.is_numeric() || data_type == DataType::Boolean => text()?,
        data_type if data_type.is_string() => literal(&text()?),
        DataType::Date32 => format!("DATE {}", literal(&text()?)),
        DataType::Timestamp(..) => format!("TIMESTAMP {}", literal(&text()?)),
        other => {
            return Err(invalid(name, format!("a parameter of type {other} cannot be kept in a definition; write the value")));
        }
    })
}
