//! Gathers the database that a statement sees in the form of PostgreSQL's catalog.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::catalog::{CatalogProvider, SchemaProvider};
use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Documentation, Signature, TypeSignature, Volatility};
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;
use sqlparser::ast::Statement as SqlStatement;

use super::{constraints, data};
use crate::builtins::postgres;
use crate::catalog::grants::{self, Privilege, Thing};
use crate::catalog::objects::Object;
use crate::catalog::sequences::{Counting, Sequence};
use crate::catalog::snapshots::{SnapshotOf, When};
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::{SqlState, in_sql, sqlstate};
use crate::functions;
use crate::objects::constraining::InTexts;
use crate::objects::definition::Definition;
use crate::objects::lifecycle::definitions;
use crate::objects::protection::covers;
use crate::objects::{GRAMMARS, KINDS, constraining, numbering, profile, role, schema, sequence};
use crate::postgres_catalog::{
    Counter, DATABASE, EVERYBODYS, FIRST_NORMAL, Function, FunctionArgument, Granted, INFORMATION_SCHEMA, Namespace, OF_TABLES,
    OWN_NAME, OWNER, PG_CATALOG, PUBLIC, Part, PostgresCatalog, Range, Relation, RelationColumn, RelationConstraint, Role,
    named_oids, object_oid, part_oid, quoted, type_named,
};
use crate::postgres_types;
use crate::refresh::plan::{PROFILE_SCHEMA, SEGMENT_SCHEMA};
use crate::sql::parser::{self, Parsed};
use crate::sql::postgres::{marked, with_mark};
use crate::sql::sequence::WORD;
use crate::sql::settled;
use crate::sql::syntax::numbered::Numbered;
use crate::statement::{PREDEFINED, StatementContext};
use crate::system::{comments, tables};
use crate::text::literal;

/// The OIDs of the program's own schemas, and the first one of the `system` tables.
const PROFILE: i64 = 15_001;
const SEGMENT: i64 = 15_002;
const SYSTEM: i64 = 15_003;
const SYSTEM_TABLES: i64 = 15_100;

/// Pseudo-types of arguments and results.
const ANY: i64 = 2276;
const ANY_ELEMENT: i64 = 2283;
const RECORD: i64 = 2249;

/// Gathers what a context sees.
pub fn gather(context: StatementContext) -> BoxFuture<'static, Result<PostgresCatalog>> {
    Box::pin(async move {
        let state = context.state();
        let objects = context.objects()?;
        let mut catalog = context.postgres_session();
        catalog.roles = roles(&context, &catalog.role, &objects)?;
        let owners: HashMap<String, i64> = catalog.roles.iter().map(|role| (role.name.clone(), role.oid)).collect();
        catalog.namespaces = namespaces(&objects, &owners);
        catalog.functions = functions(&state, &context, &owners)?;
        let mut gathering = Gathering {
            context: &context,
            state: &state,
            objects: &objects,
            owners: &owners,
            namespaces: &catalog.namespaces,
            comments: BTreeMap::new(),
            sequences: context.catalog().sequences()?,
        };
        gathering.comments()?;
        catalog.relations = gathering.relations().await?;
        catalog.privileges = privileges(&catalog, &context)?;
        Ok(catalog)
    })
}

/// The privileges on what the context sees.
fn privileges(catalog: &PostgresCatalog, context: &StatementContext) -> Result<Vec<Granted>> {
    const OF_USE: [&str; 3] = ["SELECT", "USAGE", "EXECUTE"];
    let mut all: Vec<Granted> = vec![];
    let everybodys =
        |on: i64, privilege: &'static str| Granted { on, grantee: 0, grantor: OWNER, privilege, is_grantable: false };
    // Everything that comes with the program is accessible to everyone.
    all.extend(OF_USE.map(|privilege| everybodys(EVERYBODYS, privilege)));
    let own = catalog.namespaces.iter().filter(|namespace| namespace.oid != PUBLIC && namespace.oid < FIRST_NORMAL);
    all.extend(own.map(|namespace| everybodys(namespace.oid, "USAGE")));
    all.extend(
        catalog.relations.iter().filter(|relation| !relation.is_of_user()).map(|relation| everybodys(relation.oid, "SELECT")),
    );
    let role = |name: &str| match name {
        grants::PUBLIC => Some(0),
        "" => Some(OWNER),
        name => catalog.role_named(name).map(|role| role.oid),
    };
    // The OIDs of an object and its parts are in one block of 16.
    let is_of = |oid: i64, id: i64| oid / 16 == object_oid(id, Part::Itself) / 16 && oid >= FIRST_NORMAL;
    for grant in context.view().grants()?.iter() {
        let (Some(grantee), Some(word)) = (role(&grant.role), word_of(grant.privilege)) else { continue };
        let grantor = role(&grant.grantor).unwrap_or(OWNER);
        let is_of_tables = OF_TABLES.contains(&word);
        let mut add = |on: i64, privilege: &'static str| {
            all.push(Granted { on, grantee, grantor, privilege, is_grantable: grant.is_grantable });
        };
        let within = |namespace: i64| {
            catalog.relations.iter().filter(move |relation| relation.namespace == namespace && relation.is_of_user())
        };
        match &grant.on {
            Thing::Object(id) => {
                catalog.relations.iter().filter(|relation| is_of(relation.oid, *id)).for_each(|relation| add(relation.oid, word));
                let namespaces: Vec<i64> =
                    catalog.namespaces.iter().map(|namespace| namespace.oid).filter(|oid| is_of(*oid, *id)).collect();
                for namespace in namespaces {
                    if is_of_tables {
                        within(namespace).for_each(|relation| add(relation.oid, word));
                    } else {
                        add(namespace, word);
                    }
                }
                catalog
                    .functions
                    .iter()
                    .filter(|function| is_of(function.oid, *id))
                    .for_each(|function| add(function.oid, "EXECUTE"));
            }
            Thing::Schema(name) => {
                let Some(namespace) = catalog.namespaces.iter().find(|namespace| namespace.name == *name) else { continue };
                if is_of_tables {
                    within(namespace.oid).for_each(|relation| add(relation.oid, word));
                } else {
                    add(namespace.oid, word);
                }
            }
            Thing::Database if is_of_tables => {
                catalog.relations.iter().filter(|relation| relation.is_of_user()).for_each(|relation| add(relation.oid, word));
            }
            Thing::Database => add(DATABASE, word),
            Thing::Files | Thing::Role(_) => {}
        }
    }
    Ok(all)
}

/// The keyword of a privilege that PostgreSQL has as well.
fn word_of(privilege: Privilege) -> Option<&'static str> {
    Some(match privilege {
        Privilege::Select => "SELECT",
        Privilege::Insert => "INSERT",
        Privilege::Update => "UPDATE",
        Privilege::Delete => "DELETE",
        Privilege::Truncate => "TRUNCATE",
        Privilege::References => "REFERENCES",
        Privilege::Trigger => "TRIGGER",
        Privilege::Usage => "USAGE",
        Privilege::Create => "CREATE",
        Privilege::Connect => "CONNECT",
        Privilege::Temporary => "TEMPORARY",
        Privilege::Refresh
        | Privilege::Filter
        | Privilege::Detokenize
        | Privilege::Read
        | Privilege::Write
        | Privilege::Member => return None,
    })
}

/// The roles to show: the current one, those that it is a member of, owners of objects, and predefined roles.
fn roles(context: &StatementContext, own: &str, objects: &[Object]) -> Result<Vec<Role>> {
    let (made, rights) = (role::all(context)?, context.rights()?);
    let mut names: BTreeSet<&str> = objects.iter().map(|object| object.owner.as_str()).filter(|name| !name.is_empty()).collect();
    names.insert(own);
    names.extend(made.iter().map(|(name, _)| name.as_str()).filter(|name| rights.is_member(name)));
    names.extend(PREDEFINED.iter().map(|(name, _)| *name));
    names.remove(OWN_NAME);
    let oids = named_oids(Range::Roles, names.iter().copied());
    let of = |oid: i64, name: &str| {
        // Before any role is created, everyone who can open the database may do everything.
        let found = made.iter().find(|(made, _)| made == name).map(|(_, role)| (role.superuser, role.login));
        let is_predefined = PREDEFINED.iter().any(|(own, _)| *own == name);
        let is_open = made.is_empty() && !is_predefined;
        let (is_superuser, can_login) = found.unwrap_or((is_open || (name == own && rights.is_superuser()), is_open));
        Role { oid, name: name.to_string(), is_superuser, can_login, member_of: vec![] }
    };
    let mut roles: Vec<Role> =
        std::iter::once(of(OWNER, OWN_NAME)).chain(names.into_iter().zip(oids).map(|(name, oid)| of(oid, name))).collect();
    let numbers: HashMap<String, i64> = roles.iter().map(|role| (role.name.clone(), role.oid)).collect();
    for grant in context.view().grants()?.iter() {
        if let Thing::Role(group) = &grant.on
            && let Some(group) = numbers.get(group)
            && let Some(role) = roles.iter_mut().find(|role| role.name == grant.role)
        {
            role.member_of.push(*group);
        }
    }
    Ok(roles)
}

fn namespaces(objects: &[Object], owners: &HashMap<String, i64>) -> Vec<Namespace> {
    let own = |oid: i64, name: &str, comment: &str| Namespace {
        oid,
        name: name.to_string(),
        owner: OWNER,
        comment: Some(comment.to_string()),
    };
    let mut namespaces = vec![
        own(PG_CATALOG, "pg_catalog", "system catalog schema"),
        own(PUBLIC, "public", "standard public schema"),
        own(INFORMATION_SCHEMA, "information_schema", "what the standard says of a database"),
        own(PROFILE, PROFILE_SCHEMA, "what profiles publish"),
        own(SEGMENT, SEGMENT_SCHEMA, "what segments publish"),
        own(SYSTEM, "system", "tables about the program and the database"),
    ];
    namespaces.extend(objects.iter().filter(|object| object.kind == "schema").map(|object| Namespace {
        oid: object_oid(object.id, Part::Itself),
        name: object.name.clone(),
        owner: owners.get(&object.owner).copied().unwrap_or(OWNER),
        comment: None,
    }));
    namespaces
}

/// The state while relations are gathered.
struct Gathering<'a> {
    context: &'a StatementContext,
    state: &'a SessionState,
    objects: &'a [Object],
    owners: &'a HashMap<String, i64>,
    namespaces: &'a [Namespace],
    /// Comments by schema, table and column.
    comments: BTreeMap<(String, String, Option<String>), String>,
    /// The counters of columns that number their rows.
    sequences: Vec<Sequence>,
}

impl Gathering<'_> {
    fn comments(&mut self) -> Result<()> {
        for [schema, table, column, comment] in comments::rows(self.context)? {
            if let (Some(schema), Some(table), Some(comment)) = (schema, table, comment) {
                self.comments.insert((schema, table, column), comment);
            }
        }
        for table in tables() {
            let key = |column: Option<&str>| ("system".to_string(), table.name().to_string(), column.map(str::to_string));
            self.comments.insert(key(None), table.summary().to_string());
            for column in table.columns() {
                self.comments.insert(key(Some(column.name)), column.text.to_string());
            }
        }
        Ok(())
    }

    async fn relations(&self) -> Result<Vec<Relation>> {
        let mut relations: Vec<Relation> = data::TABLES.iter().map(own_relation).collect();
        let catalog = self.state.config_options().catalog.default_catalog.clone();
        let Some(catalog) = self.state.catalog_list().catalog(&catalog) else { return Ok(relations) };
        for namespace in self.namespaces {
            if [PG_CATALOG, INFORMATION_SCHEMA].contains(&namespace.oid) {
                continue;
            }
            self.of_schema(catalog.as_ref(), namespace, &mut relations).await?;
        }
        self.add_sequences(&mut relations)?;
        number(&mut relations);
        Ok(relations)
    }

    async fn of_schema(&self, catalog: &dyn CatalogProvider, namespace: &Namespace, relations: &mut Vec<Relation>) -> Result<()> {
        let Some(provider) = catalog.schema(&namespace.name) else { return Ok(()) };
        let mut names = provider.table_names();
        names.sort();
        let member = |name: &str| match namespace.oid {
            PUBLIC => name.to_string(),
            _ => schema::member(&namespace.name, name),
        };
        let temporary: Vec<&String> = names
            .iter()
            .filter(|name| self.is_made(namespace) && self.context.tables().temporary(&member(name)).is_some())
            .collect();
        let numbers = named_oids(
            Range::Temporary,
            temporary.iter().map(|name| member(name)).collect::<Vec<_>>().iter().map(String::as_str),
        );
        let temporary: HashMap<String, i64> = temporary.into_iter().cloned().zip(numbers).collect();
        for (place, name) in names.iter().enumerate() {
            let found = match temporary.get(name) {
                Some(oid) => Some((*oid, None)),
                None if namespace.oid == SYSTEM => Some((SYSTEM_TABLES + i64::try_from(place).unwrap_or_default() * 16, None)),
                None => self.object_of(namespace, name, &member(name)),
            };
            let Some((oid, object)) = found else { continue };
            let mut columns = self.columns(provider.as_ref(), namespace, name).await?;
            self.fill(&mut columns, oid, object, &member(name), namespace)?;
            let rights = self.context.rights()?;
            let definition = object.filter(|object| object.kind == "view");
            // A view's definition is visible only to its owner.
            let definition = definition.map(|object| if rights.owns(object) { self.view_query(object) } else { String::new() });
            if definition.is_some() {
                // As in PostgreSQL, which does not ask what a query may give.
                columns.iter_mut().for_each(|column| column.is_nullable = true);
            }
            let owner = object.and_then(|object| self.owners.get(&object.owner)).copied().unwrap_or(OWNER);
            let own_owner =
                if temporary.contains_key(name) { self.owners.get(&self.context.postgres_session().role).copied() } else { None };
            let (rows, bytes) = self.size(object)?;
            let constraints = match temporary.contains_key(name) {
                true => constraints::of(constraining::declared_in_session(&member(name), self.context)?, oid, &columns),
                false => self.constraints(namespace, name, object, oid, &columns)?,
            };
            relations.push(Relation {
                oid,
                namespace: namespace.oid,
                name: name.clone(),
                kind: if definition.is_some() { 'v' } else { 'r' },
                is_temporary: temporary.contains_key(name),
                owner: own_owner.unwrap_or(owner),
                comment: self.comments.get(&(namespace.name.clone(), name.clone(), None)).cloned(),
                columns,
                constraints,
                reads: if definition.as_ref().is_some_and(|text| !text.is_empty()) { self.reads(object) } else { vec![] },
                definition,
                rows,
                bytes,
                sequence: None,
            });
        }
        Ok(())
    }

    /// Adds the sequences, when the tables are there that may own them.
    fn add_sequences(&self, relations: &mut Vec<Relation>) -> Result<()> {
        let role = self.owners.get(&self.context.postgres_session().role).copied().unwrap_or(OWNER);
        for object in self.objects.iter().filter(|object| object.kind == WORD) {
            // One whose definition cannot be read has nothing to show.
            let Ok(state) = sequence::state(object, self.context) else { continue };
            let (schema, name) = schema::parts(&object.name, self.context);
            let schema = schema.unwrap_or("public");
            let Some(namespace) = self.namespaces.iter().find(|namespace| namespace.name == schema) else { continue };
            let owner = state.owner.and_then(|own| {
                let (of, table) = schema::parts(&own.table, self.context);
                let of = self.namespaces.iter().find(|namespace| namespace.name == of.unwrap_or("public"))?.oid;
                let table = relations.iter().find(|relation| relation.namespace == of && relation.name == table)?;
                let (place, _) = (1..).zip(&table.columns).find(|(_, column)| column.name == own.column)?;
                Some((table.oid, place))
            });
            let oid = object_oid(object.id, Part::Itself);
            let type_oid = type_named(state.data_type).unwrap_or(ANY);
            let comment = object.comments.get("").map(|comment| comment.text.clone()).filter(|text| !text.is_empty());
            let by = self.owners.get(&object.owner).copied().unwrap_or(OWNER);
            let counter = counter(oid, name, schema, type_oid, &state.counter, owner);
            relations.push(sequence_relation(counter, namespace.oid, by, comment, false));
        }
        let temporary = self.context.tables().own_sequences();
        let names: Vec<String> = temporary.iter().map(|own| format!("sequence {}", own.name)).collect();
        let oids = named_oids(Range::Temporary, names.iter().map(String::as_str));
        for (own, oid) in temporary.iter().zip(oids) {
            let counter = counter(oid, &own.name, "public", type_named("bigint").unwrap_or(ANY), own, None);
            relations.push(sequence_relation(counter, PUBLIC, role, None, true));
        }
        Ok(())
    }

    /// True for schemas in which users create tables.
    fn is_made(&self, namespace: &Namespace) -> bool {
        ![PROFILE, SEGMENT, SYSTEM].contains(&namespace.oid)
    }

    /// The OID of a table, and its object.
    fn object_of(&self, namespace: &Namespace, name: &str, member: &str) -> Option<(i64, Option<&Object>)> {
        let of_kind = |kind: &str, name: &str| self.objects.iter().find(|object| object.kind == kind && object.name == name);
        let (object, part) = match namespace.oid {
            PROFILE => {
                let part = |end: &str, part: Part| Some((of_kind("profile", name.strip_suffix(end)?)?, part));
                part("", Part::Itself).or_else(|| part("_tags", Part::Tags)).or_else(|| part("_history", Part::History))?
            }
            SEGMENT => (of_kind("segment", name)?, Part::Itself),
            _ => {
                let is_it = |object: &&Object| {
                    ["table", "view", "external table"].contains(&object.kind.as_str()) && object.name == member
                };
                (self.objects.iter().find(is_it)?, Part::Itself)
            }
        };
        Some((object_oid(object.id, part), Some(object)))
    }

    /// The columns; empty for a table that cannot be opened, for example because its file is gone.
    async fn columns(&self, provider: &dyn SchemaProvider, namespace: &Namespace, name: &str) -> Result<Vec<RelationColumn>> {
        let table = match provider.table(name).await {
            Ok(Some(table)) => table,
            Ok(None) => return Ok(vec![]),
            // The statement must be planned again.
            Err(error) if sqlstate(&error) == SqlState::SERIALIZATION_FAILURE => return Err(error),
            Err(_) => return Ok(vec![]),
        };
        let schema = settled::of_table(table.as_ref(), self.context.session());
        let comment = |column: &str| {
            let key = (namespace.name.clone(), name.to_string(), Some(column.to_string()));
            self.comments.get(&key).cloned()
        };
        let told = InTexts(self.context);
        let schema = match table.get_logical_plan() {
            Some(plan) => marked(&schema, &plan, &told),
            None => {
                let one = |field: &Arc<Field>| match told.of_table(&table, field.name()) {
                    Some(mark) => with_mark(field, mark),
                    None => Field::clone(field),
                };
                Schema::new(schema.fields().iter().map(one).collect::<Vec<_>>())
            }
        };
        Ok(schema.fields().iter().map(|field| column(field, comment(field.name()))).collect())
    }

    /// Adds what an INSERT gives columns that it does not name.
    fn fill(
        &self,
        columns: &mut [RelationColumn],
        relation: i64,
        object: Option<&Object>,
        member: &str,
        namespace: &Namespace,
    ) -> Result<()> {
        let mut filled = match object {
            // A definition that cannot be read has no columns to show either.
            Some(object) => numbering::filled(object, self.context).unwrap_or_default(),
            None => match self.context.tables().temporary(member) {
                Some(table) => numbering::filled_in_session(table.as_ref(), self.context.tables()),
                None => return Ok(()),
            },
        };
        let mut number = part_oid(relation, Part::Counter);
        // How many rows were numbered tells how many there are that the role does not see.
        let is_covered = object.is_some_and(|object| covers(object, self.context).unwrap_or(true));
        for column in columns {
            let Some((default, counter)) = filled.remove(&column.name) else { continue };
            column.default = default;
            let Some(Numbered { sequence, counting, identity, is_serial: _ }) = counter else { continue };
            let own = self.context.tables().with_counter(&sequence, |counter| counter.clone());
            let own = own.or_else(|| self.sequences.iter().find(|known| known.name == sequence).cloned());
            let (counting, last) = own.map_or((counting, None), |own| (own.counting, own.last()));
            // Without bounds of its own, it has those of its column.
            let (least, most) = match column.base.name {
                "int2" => (i16::MIN.into(), i16::MAX.into()),
                "int4" => (i32::MIN.into(), i32::MAX.into()),
                _ => (i64::MIN, i64::MAX),
            };
            let last = last.filter(|_| !is_covered);
            let (least, most) = if counting.step > 0 { (1, most) } else { (least, -1) };
            let least = if counting.least == i64::MIN { least.min(counting.first) } else { counting.least };
            let most = if counting.most == i64::MAX { most.max(counting.first) } else { counting.most };
            let name = sequence.rsplit_once('.').map_or(sequence.as_str(), |(_, name)| name).to_string();
            if identity.is_none() {
                column.default = Some(format!("nextval({}::regclass)", literal(&sequence)));
            }
            let schema = namespace.name.clone();
            column.counter = Some(Counter {
                oid: number,
                name,
                schema,
                type_oid: column.type_oid,
                first: counting.first,
                step: counting.step,
                least,
                most,
                cycles: counting.cycles,
                last,
                identity,
                owner: None,
            });
            number += 1;
        }
        Ok(())
    }

    /// The query of a view as written, or the whole statement if it cannot be parsed.
    fn view_query(&self, object: &Object) -> String {
        let parsed = parser::parse_as_written(&object.sql, self.context.session(), &GRAMMARS).ok().and_then(|mut all| all.pop());
        match parsed.map(|statement| statement.parsed) {
            Some(Parsed::Sql(parsed)) => match parsed.as_ref() {
                SqlParsed::Statement(statement) => match statement.as_ref() {
                    SqlStatement::CreateView(view) => view.query.to_string(),
                    _ => object.sql.clone(),
                },
                _ => object.sql.clone(),
            },
            _ => object.sql.clone(),
        }
    }

    /// What a view reads; empty if its definition cannot be read.
    fn reads(&self, object: Option<&Object>) -> Vec<String> {
        let definition = object.and_then(|object| Definition::read(object.clone(), self.context.session()).ok());
        let uses = definition.map(|definition| definition.kind.uses(&definition).tables).unwrap_or_default();
        uses.iter().map(|name| name.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(".")).collect()
    }

    fn size(&self, object: Option<&Object>) -> Result<(Option<i64>, i64)> {
        let of = match object {
            Some(object) if object.kind == "table" => (SnapshotOf::Table, object.name.as_str()),
            Some(object) if object.kind == "profile" => (SnapshotOf::Profile, object.name.as_str()),
            _ => return Ok((None, 0)),
        };
        if object.is_some_and(|object| covers(object, self.context).unwrap_or(true)) {
            return Ok((None, 0));
        }
        let Some(snapshot) = self.context.view().snapshot(of.0, of.1, When::Now)? else { return Ok((None, 0)) };
        Ok((Some(snapshot.rows), snapshot.files.iter().map(|(_, file)| file.bytes).sum()))
    }

    /// The constraints of a table: those it declares, or the key of a table that a profile or segment publishes with one row per customer.
    fn constraints(
        &self,
        namespace: &Namespace,
        name: &str,
        object: Option<&Object>,
        oid: i64,
        columns: &[RelationColumn],
    ) -> Result<Vec<RelationConstraint>> {
        let Some(object) = object else { return Ok(vec![]) };
        let is_whole = match namespace.oid {
            PROFILE => object.name == name,
            SEGMENT => true,
            _ => return Ok(constraints::of(constraining::declared(object, self.context)?, oid, columns)),
        };
        let key = if is_whole { profile::whole(&object.profile, self.context).ok().map(|whole| whole.body.key) } else { None };
        let Some(key) = key else { return Ok(vec![]) };
        Ok(constraints::of(constraints::key(name, key), oid, columns))
    }
}

/// Gives constraints beside the primary key their numbers.
fn number(relations: &mut [Relation]) {
    let of = |relation: &Relation, name: &str| format!("{} {name}", relation.oid);
    let names: Vec<String> = relations
        .iter()
        .flat_map(|relation| relation.constraints.iter().filter(|own| !own.is_primary()).map(|own| of(relation, &own.name)))
        .collect();
    let numbers = named_oids(Range::Constraints, names.iter().map(String::as_str));
    let others = relations.iter_mut().flat_map(|relation| &mut relation.constraints).filter(|own| !own.is_primary());
    for (constraint, oid) in others.zip(numbers) {
        (constraint.oid, constraint.index) = (oid, oid + 1);
    }
}

/// A sequence as a counter of its own.
fn counter(oid: i64, name: &str, schema: &str, type_oid: i64, own: &Sequence, owner: Option<(i64, i64)>) -> Counter {
    let Counting { first, step, least, most, cycles } = own.counting;
    let (name, schema, last) = (name.to_string(), schema.to_string(), own.last());
    Counter { oid, name, schema, type_oid, first, step, least, most, cycles, last, identity: None, owner }
}

/// A sequence as a relation of one row.
fn sequence_relation(counter: Counter, namespace: i64, owner: i64, comment: Option<String>, is_temporary: bool) -> Relation {
    Relation {
        oid: counter.oid,
        namespace,
        name: counter.name.clone(),
        kind: 'S',
        is_temporary,
        owner,
        comment,
        columns: sequence::state_schema().fields().iter().map(|field| column(field, None)).collect(),
        constraints: vec![],
        definition: None,
        reads: vec![],
        rows: Some(1),
        bytes: 0,
        sequence: Some(counter),
    }
}

fn column(field: &Arc<Field>, comment: Option<String>) -> RelationColumn {
    let seen = postgres_types::seen(field);
    RelationColumn {
        name: field.name().clone(),
        type_oid: seen.oid().into(),
        base: seen.base,
        is_array: seen.is_array,
        modifier: seen.modifier,
        length: seen.length(),
        is_nullable: field.is_nullable(),
        comment,
        sql_type: in_sql(&field.data_type().to_string()),
        default: None,
        counter: None,
    }
}

/// One of PostgreSQL's own tables.
fn own_relation(table: &data::Table) -> Relation {
    let columns = super::schema_of(table).fields().iter().map(|field| column(field, None)).collect();
    Relation {
        oid: table.oid,
        namespace: if table.schema == "pg_catalog" { PG_CATALOG } else { INFORMATION_SCHEMA },
        name: table.name.to_string(),
        kind: table.kind,
        is_temporary: false,
        owner: OWNER,
        comment: None,
        columns,
        constraints: vec![],
        definition: None,
        reads: vec![],
        rows: None,
        bytes: 0,
        sequence: None,
    }
}

/// Every function: of PostgreSQL's types, of DataFusion, of the program, and stored ones.
fn functions(state: &SessionState, context: &StatementContext, owners: &HashMap<String, i64>) -> Result<Vec<Function>> {
    let mut all: Vec<Function> = data::FUNCTIONS.iter().map(of_postgres).collect();
    let own = functions::all()
        .iter()
        .flat_map(|set| set.docs().into_iter().map(|doc| (doc, !set.relations.is_empty() || !set.macros.is_empty())));
    let mut named: BTreeMap<String, Function> =
        own.map(|(doc, is_of_customers)| (doc.name.to_string(), of_page(doc, is_of_customers))).collect();
    let known = |all: &[Function], name: &str| all.iter().any(|function| function.name == name);
    for (name, function) in state.scalar_functions() {
        if !known(&all, name) && !named.contains_key(name) {
            let returns = postgres::named(name).and_then(|function| type_named(function.gives));
            let of = of_engine(name, 'f', function.signature(), function.documentation(), returns);
            named.insert(name.clone(), of);
        }
    }
    for (name, function) in state.aggregate_functions() {
        if !named.contains_key(name) {
            named.insert(name.clone(), of_engine(name, 'a', function.signature(), function.documentation(), None));
        }
    }
    for (name, function) in state.window_functions() {
        if !named.contains_key(name) {
            named.insert(name.clone(), of_engine(name, 'w', function.signature(), function.documentation(), None));
        }
    }
    let oids = named_oids(Range::Functions, named.keys().map(String::as_str));
    all.extend(named.into_values().zip(oids).map(|(function, oid)| Function { oid, ..function }));
    let rights = context.rights()?;
    for kind in KINDS.into_iter().filter(|kind| kind.takes_parameters()) {
        for definition in definitions(kind, context)? {
            let argument = |parameter: &crate::sql::command::Parameter| FunctionArgument {
                name: parameter.name.clone(),
                type_oid: type_named(&parameter.data_type.to_string()).unwrap_or(ANY),
                default: parameter.default.as_ref().map(ToString::to_string),
                is_variadic: false,
            };
            let object = &definition.object;
            all.push(Function {
                oid: object_oid(object.id, Part::Itself),
                name: object.name.clone(),
                namespace: PUBLIC,
                owner: owners.get(&object.owner).copied().unwrap_or(OWNER),
                kind: 'f',
                arguments: definition.parameters.iter().map(argument).collect(),
                returns: RECORD,
                returns_set: true,
                is_strict: false,
                volatility: 's',
                comment: Some(definition.text("comment").to_string()).filter(|comment| !comment.is_empty()),
                // Visible only to its owner, like that of a view.
                definition: Some(if rights.owns(object) { object.sql.clone() } else { String::new() }),
            });
        }
    }
    Ok(all)
}

/// One of PostgreSQL's own functions.
fn of_postgres(words: &data::Words) -> Function {
    let number = |name: &str| words.get(name).and_then(|word| word.parse().ok()).unwrap_or_default();
    let arguments = words.get("proargtypes").copied().unwrap_or_default().split_whitespace().filter_map(|word| word.parse().ok());
    let argument = |type_oid: i64| FunctionArgument { name: String::new(), type_oid, default: None, is_variadic: false };
    Function {
        oid: number("oid"),
        name: words.get("proname").copied().unwrap_or_default().to_string(),
        namespace: PG_CATALOG,
        owner: OWNER,
        kind: 'f',
        arguments: arguments.map(argument).collect(),
        returns: number("prorettype"),
        returns_set: words.get("proretset") == Some(&"t"),
        is_strict: words.get("proisstrict") == Some(&"t"),
        volatility: words.get("provolatile").and_then(|word| word.chars().next()).unwrap_or('i'),
        comment: None,
        definition: None,
    }
}

/// A function with a page. Those about customers are listed among user-defined ones.
fn of_page(doc: &Doc, is_of_customers: bool) -> Function {
    let argument = |argument: &Argument| FunctionArgument {
        name: argument.name.to_string(),
        type_oid: taken(argument.takes),
        default: argument.default.filter(|default| !default.is_empty()).map(str::to_string),
        is_variadic: false,
    };
    let is_relation = doc.kind == Kind::Relation;
    Function {
        oid: 0,
        name: doc.name.to_string(),
        namespace: if is_of_customers { PUBLIC } else { PG_CATALOG },
        owner: OWNER,
        kind: if doc.kind == Kind::Aggregate { 'a' } else { 'f' },
        arguments: doc.arguments.iter().map(argument).collect(),
        returns: if is_relation { RECORD } else { ANY_ELEMENT },
        returns_set: is_relation,
        is_strict: false,
        volatility: 'i',
        comment: Some(doc.summary.to_string()),
        definition: None,
    }
}

/// The PostgreSQL type closest to what an argument accepts.
fn taken(takes: Takes) -> i64 {
    let name = match takes {
        Takes::Time | Takes::Moment => "timestamp",
        Takes::Number | Takes::Float(..) | Takes::Share => "float8",
        Takes::Numbers | Takes::Metrics | Takes::Columns | Takes::Ordered | Takes::Features | Takes::Names | Takes::Texts => {
            "_text"
        }
        Takes::Shares | Takes::Cuts => "_float8",
        Takes::Integer(..) => "int8",
        Takes::Flag | Takes::Condition => "bool",
        Takes::Conditions => "_bool",
        Takes::Interval => "interval",
        Takes::Choice(_) | Takes::Choices(_) | Takes::Text | Takes::Relation | Takes::Name(_) | Takes::Query => "text",
        Takes::Column | Takes::ConditionOr(_) | Takes::Calls(_) | Takes::Value(_) | Takes::ValuesOf(_) | Takes::Table(_) => {
            return ANY;
        }
    };
    type_named(name).unwrap_or(ANY)
}

/// A function of DataFusion.
fn of_engine(name: &str, kind: char, signature: &Signature, page: Option<&Documentation>, returns: Option<i64>) -> Function {
    let of_page = page.and_then(|page| page.arguments.as_ref());
    let is_variadic = matches!(signature.type_signature, TypeSignature::Variadic(_) | TypeSignature::VariadicAny);
    let names: Vec<String> = match of_page {
        Some(arguments) => arguments
            .iter()
            .map(|(name, _)| name.clone())
            .filter(|name| name.chars().all(|letter| letter.is_alphanumeric() || letter == '_'))
            .collect(),
        None if matches!(signature.type_signature, TypeSignature::Nullary) => vec![],
        None => vec![String::new()],
    };
    let last = names.len().saturating_sub(1);
    let argument = |(place, name): (usize, String)| FunctionArgument {
        name,
        type_oid: ANY,
        default: None,
        is_variadic: is_variadic && place == last,
    };
    Function {
        oid: 0,
        name: name.to_string(),
        namespace: PG_CATALOG,
        owner: OWNER,
        kind,
        arguments: names.into_iter().enumerate().map(argument).collect(),
        returns: returns.unwrap_or(ANY_ELEMENT),
        returns_set: false,
        is_strict: false,
        volatility: match signature.volatility {
            Volatility::Immutable => 'i',
            Volatility::Stable => 's',
            Volatility::Volatile => 'v',
        },
        comment: postgres::named(name)
            .map(|function| function.text.to_string())
            .or_else(|| page.map(|page| page.description.clone())),
        definition: None,
    }
}
