//! Making, replacing and dropping profiles, tags and segments.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::{Result, ScalarValue};
use datafusion::execution::session_state::SessionState;
use sqlparser::ast::Statement as SqlStatement;
use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::catalog::Catalog;
use crate::catalog::objects::{NewVersion, Object, ObjectKind};
use crate::catalog::runs::now;
use crate::catalog::snapshots::SnapshotOf;
use crate::catalog::statement::settled;
use crate::error::{did_you_mean, failed, invalid};
use crate::refresh::definition::{Definition, ProfileDefinition, models_in, tables_in};
use crate::refresh::plan::{PROFILE_SCHEMA, Planner, SEGMENT_SCHEMA, no_profile, uses};
use crate::sql::command::Create;

/// Named objects of one database, as a session works with them.
pub struct Objects<'a> {
    pub state: &'a SessionState,
    pub catalog: &'a Arc<Catalog>,
}

impl Objects<'_> {
    /// The profile of that name with its tags and segments.
    ///
    /// # Errors
    /// There is none.
    pub fn profile(&self, name: &str) -> Result<ProfileDefinition> {
        let objects = self.catalog.objects()?;
        let found = ProfileDefinition::of(name, &objects, None, self.state)?;
        found.ok_or_else(|| no_profile(name, profiles(&objects)))
    }

    /// The object of that kind and name; a tag's name may need its profile beside it.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn find(&self, kind: ObjectKind, name: &str, profile: Option<&str>) -> Result<Option<Object>> {
        let objects = self.catalog.objects()?;
        if let Some(profile) = profile
            && !profiles(&objects).any(|other| other == profile)
        {
            return Err(no_profile(profile, profiles(&objects)));
        }
        let of_kind = |object: &&Object| object.kind == kind && object.name == name;
        let mut found = objects.iter().filter(of_kind).filter(|object| profile.is_none_or(|profile| object.profile == profile));
        let first = found.next().cloned();
        let others: Vec<&str> =
            first.iter().map(|first| first.profile.as_str()).chain(found.map(|other| other.profile.as_str())).collect();
        if others.len() > 1 {
            let problem = format!("profiles {} have a {kind} of this name; write {name} ON profile", others.join(" and "));
            return Err(invalid(name, problem));
        }
        Ok(first)
    }

    /// The error of an object that is not there.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn missing(&self, kind: ObjectKind, name: &str) -> Result<datafusion::error::DataFusionError> {
        let objects = self.catalog.objects()?;
        let names = objects.iter().filter(|object| object.kind == kind).map(|object| object.name.as_str());
        let suggestion = did_you_mean(name, names);
        Ok(invalid(name, format!("no such {kind}{suggestion}; SHOW {}S lists them", kind.word().to_uppercase())))
    }

    /// Makes an object, or a new version of it, after checking it with everything of its profile.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn create(&self, create: Create, text: &str, parameters: &HashMap<String, ScalarValue>) -> Result<Vec<String>> {
        let objects = self.catalog.objects()?;
        let (kind, name) = (create.kind, create.name.clone());
        let profile = create.profile.clone().unwrap_or_else(|| name.clone());
        let (or_replace, if_not_exists) = (create.or_replace, create.if_not_exists);
        let existing = objects.iter().find(|object| object.kind == kind && object.profile == profile && object.name == name);
        if existing.is_some() && if_not_exists {
            return Ok(vec![]);
        }
        if existing.is_some() && !or_replace {
            return Err(invalid(
                &format!("{kind} {name}"),
                "exists already; write CREATE OR REPLACE for a new version, or DROP it first",
            ));
        }
        if kind.is_of_profile() && !profiles(&objects).any(|other| other == profile) {
            return Err(no_profile(&profile, profiles(&objects)));
        }
        if let Some(other) = clash(kind, &profile, &name, &objects) {
            let problem = format!("the name is taken: {other}; choose another");
            return Err(invalid(&format!("{kind} {name}"), problem));
        }
        let text = with_values(text, &create, parameters)?;
        let base = std::env::current_dir().map(|here| here.display().to_string()).unwrap_or_default();
        if existing.is_some_and(|existing| existing.sql == text && existing.base == base) {
            // A script that is run again makes no new versions.
            return Ok(vec![]);
        }
        let object = Object {
            id: existing.map_or(i64::MAX, |object| object.id),
            kind,
            profile: profile.clone(),
            name: name.clone(),
            version: existing.map_or(1, |object| object.version + 1),
            sql: text.clone(),
            base: base.clone(),
            author: author(),
            created_at: String::new(),
        };
        let changed = Definition::read(object, self.state)?;
        let whole = ProfileDefinition::of(&profile, &objects, Some(&changed), self.state)?;
        let whole = whole.ok_or_else(|| no_profile(&profile, profiles(&objects)))?;
        let planner = Planner { state: self.state, catalog: self.catalog, as_of: now() };
        let planned = settled(|| planner.plan(&whole)).await?;
        let (sql, author) = (text.as_str(), author());
        self.catalog.put_object(NewVersion { kind, profile: &profile, name: &name, sql, base: &base, author: &author })?;
        Ok(if kind == ObjectKind::Profile { planned.notes } else { vec![] })
    }

    /// Drops an object that nothing uses.
    ///
    /// # Errors
    /// Something uses it: they are listed. A profile is being refreshed.
    pub async fn drop(&self, object: &Object) -> Result<()> {
        self.refuse_used(object)?;
        if object.kind != ObjectKind::Profile {
            return self.catalog.remove_object(object);
        }
        let options = self.state.config_options();
        let _lock = self.catalog.lock(SnapshotOf::Profile, &object.name, "DROP PROFILE", options).await?;
        // Who was waited for may have been followed by somebody who uses it, or who dropped it and made another.
        if !self.catalog.objects()?.iter().any(|other| other.id == object.id) {
            return Err(failed(&format!("profile {}", object.name), "was dropped by another process meanwhile"));
        }
        self.refuse_used(object)?;
        self.catalog.remove_object(object)?;
        self.catalog.collect()
    }

    fn refuse_used(&self, object: &Object) -> Result<()> {
        let users = self.users(object)?;
        if users.is_empty() {
            return Ok(());
        }
        let problem = format!("is used by {}; drop them first", users.join(", "));
        Err(invalid(&format!("{} {}", object.kind, object.name), problem))
    }

    /// What uses an object.
    fn users(&self, object: &Object) -> Result<Vec<String>> {
        let mut users = vec![];
        for other in self.catalog.objects()? {
            if other.id == object.id {
                continue;
            }
            let is_part = object.kind == ObjectKind::Profile && other.profile == object.name;
            let applies =
                object.kind == ObjectKind::Model && Definition::read(other.clone(), self.state)?.models().contains(&object.name);
            let definition = Definition::read(other.clone(), self.state)?;
            let by_name = object.kind == ObjectKind::Tag
                && other.profile == object.profile
                && uses(&definition, &object.profile).contains(&object.name);
            let reads = definition.tables().iter().any(|table| is_table_of(object, table));
            if is_part || applies || by_name || (reads && object.kind != ObjectKind::Tag) {
                users.push(format!("{} {}", other.kind, other.name));
            }
        }
        users.extend(self.views_where(|view| {
            tables_in(view).iter().any(|table| is_table_of(object, table))
                || (object.kind == ObjectKind::Model && models_in(view).contains(&object.name))
        })?);
        Ok(users)
    }

    /// What reads a table or view of the schema `public`.
    ///
    /// # Errors
    /// A definition cannot be read.
    pub fn users_of_table(&self, name: &str) -> Result<Vec<String>> {
        let mut users = vec![];
        for object in self.catalog.objects()? {
            let label = format!("{} {}", object.kind, object.name);
            let tables = Definition::read(object, self.state)?.tables();
            if tables.iter().any(|table| is_own_table(table, name)) {
                users.push(label);
            }
        }
        Ok(users)
    }

    /// The views over a table of the schema `public`.
    pub fn views_of_table(&self, name: &str) -> Result<Vec<String>> {
        self.views_where(|view| tables_in(view).iter().any(|table| is_own_table(table, name)))
    }

    fn views_where(&self, is_it: impl Fn(&SqlStatement) -> bool) -> Result<Vec<String>> {
        use crate::sql::parser;
        use crate::sql::parser::Parsed;
        let mut users = vec![];
        for (name, kind) in self.catalog.names()? {
            if kind != "view" {
                continue;
            }
            let Some(view) = self.catalog.get(&name)? else { continue };
            for statement in parser::parse(&view.sql, self.state)? {
                if let Parsed::Sql(parsed) = statement.parsed
                    && let datafusion::sql::parser::Statement::Statement(statement) = *parsed
                    && is_it(statement.as_ref())
                {
                    users.push(format!("view {name}"));
                }
            }
        }
        Ok(users)
    }
}

/// True for the table of that name in the schema `public`, now or as of a time.
fn is_own_table(table: &[String], name: &str) -> bool {
    let (schema, own) = match table {
        [own] => ("public", own),
        [.., schema, own] => (schema.as_str(), own),
        [] => return false,
    };
    schema == "public" && (own == name || crate::refresh::published::name_and_time(own).0 == name)
}

/// True for a table that an object publishes.
fn is_table_of(object: &Object, table: &[String]) -> bool {
    let [.., schema, name] = table else { return false };
    let (name, _) = crate::refresh::published::name_and_time(name);
    match object.kind {
        ObjectKind::Profile => {
            schema == PROFILE_SCHEMA
                && crate::refresh::published::ENDS.iter().any(|end| name.strip_suffix(end) == Some(&object.name))
        }
        ObjectKind::Segment => schema == SEGMENT_SCHEMA && name == object.name,
        ObjectKind::Tag | ObjectKind::Model => false,
    }
}

fn profiles(objects: &[Object]) -> impl Iterator<Item = &str> + Clone {
    objects.iter().filter(|object| object.kind == ObjectKind::Profile).map(|object| object.name.as_str())
}

/// What has the name already, or would have.
fn clash(kind: ObjectKind, profile: &str, name: &str, objects: &[Object]) -> Option<String> {
    match kind {
        ObjectKind::Profile => profiles(objects).find_map(|other| {
            let ends = &crate::refresh::published::ENDS[1..];
            let taken = ends.iter().any(|end| name == format!("{other}{end}") || other == format!("{name}{end}"));
            taken.then(|| format!("profile {other} publishes tables of these names"))
        }),
        ObjectKind::Segment => {
            let mut others = objects.iter().filter(|object| object.kind == ObjectKind::Segment && object.name == name);
            others
                .find(|object| object.profile != profile)
                .map(|object| format!("profile {} has a segment {name}", object.profile))
        }
        ObjectKind::Tag | ObjectKind::Model => None,
    }
}

/// Who makes a definition: the user of the operating system.
pub fn author() -> String {
    ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default()
}

/// The text of a statement with the session's parameters in the place of `$name`; `$as_of` and the object's own constants stay.
pub fn with_values(text: &str, create: &Create, parameters: &HashMap<String, ScalarValue>) -> Result<String> {
    if !text.contains('$') {
        return Ok(text.to_string());
    }
    let tokens = Tokenizer::new(&GenericDialect {}, text).with_unescape(false).tokenize();
    let tokens = tokens.map_err(|error| invalid(&create.name, error))?;
    let mut written = String::with_capacity(text.len());
    for token in tokens {
        match &token {
            Token::Placeholder(placeholder) => {
                let name = placeholder.trim_start_matches('$');
                let own = name == crate::refresh::definition::AS_OF || create.options.iter().any(|(option, _)| option == name);
                match parameters.get(name).filter(|_| !own) {
                    Some(value) => written.push_str(&literal(name, value)?),
                    None => written.push_str(placeholder),
                }
            }
            other => written.push_str(&other.to_string()),
        }
    }
    Ok(written)
}

/// A value as it is written in SQL.
fn literal(name: &str, value: &ScalarValue) -> Result<String> {
    use datafusion::arrow::datatypes::DataType;
    let text = || -> Result<String> {
        match value.cast_to(&DataType::Utf8)? {
            ScalarValue::Utf8(Some(text)) => Ok(text.replace('\'', "''")),
            _ => Ok(String::new()),
        }
    };
    Ok(match value.data_type() {
        _ if value.is_null() => "NULL".into(),
        data_type if data_type.is_numeric() || data_type == DataType::Boolean => text()?,
        data_type if data_type.is_string() => format!("'{}'", text()?),
        DataType::Date32 => format!("DATE '{}'", text()?),
        DataType::Timestamp(..) => format!("TIMESTAMP '{}'", text()?),
        other => {
            return Err(invalid(name, format!("a parameter of type {other} cannot be kept in a definition; write the value")));
        }
    })
}
