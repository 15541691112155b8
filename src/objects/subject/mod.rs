//! Locates a person in the database: which objects hold rows of the person, by which columns, and what cannot be determined.
//!
//! A profile has a key, and its query and tags show where that key comes from: its plan is followed through views, joins and groups down to
//! columns of tables ([`lineage`](crate::sql::lineage)). These columns, the profiles and identities whose keys come from one of them, and the columns that
//! CREATE TABLE … AS and INSERT have copied from one of them form a *domain*: the same key means the same person in all of them. A table that nothing
//! reads, such as a mailing list, belongs to the domain if it has a column with the key's name, unless the name is as generic as `id`. An
//! identity connects two domains: its persons, and the records that belong to them.

mod copies;
mod keys;
mod reading;
mod references;
pub mod sources;

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::{Result, ScalarValue};

use copies::copies;
pub use keys::Keys;
use reading::Reader;

use super::lifecycle::{find, missing};
use super::protection::covers;
use super::{GRAMMARS, identity};
use crate::adapter::arguments::Options;
use crate::catalog::compaction::batches;
use crate::catalog::erasure::ErasedObject;
use crate::catalog::objects::Object;
use crate::catalog::rewriting::{Rule, as_type, is_met_in, rows_of};
use crate::catalog::snapshots::{Part, SnapshotOf, When};
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::refresh::published::key_of_state;
use crate::sql::command::Target;
use crate::sql::erasing::Subjects;
use crate::sql::lineage::Origin;
use crate::statement::StatementContext;

/// Generic column names, which do not tell what they identify.
const OF_ANYTHING: [&str; 8] = ["id", "key", "no", "code", "number", "nr", "uid", "uuid"];

/// Where the rows of a person are.
#[derive(Debug)]
pub struct Subject {
    /// The object that the statement names, such as `profile member`.
    pub label: String,
    /// All keys of the person: those given, and those of records.
    pub keys: Keys,
    pub held: Vec<Held>,
    /// What cannot be determined, is outside Portrait, or is to be kept.
    pub left: Vec<ErasedObject>,
    /// Experiments that the person may take part in, with the keys in their profile.
    pub experiments: Vec<(String, Vec<ScalarValue>)>,
}

/// An object with rows of the person.
#[derive(Debug)]
pub struct Held {
    pub of: SnapshotOf,
    pub object: Object,
    /// The columns of its files, with the keys to look for.
    pub rules: Vec<Rule>,
    /// True when only the names of columns tell that keys may be there.
    pub is_by_name: bool,
}

impl Held {
    /// Whether files with this schema have one of these columns.
    pub fn is_told_in(&self, schema: &Schema) -> bool {
        let has = |name: &String| schema.field_with_name(name).is_ok();
        self.rules.iter().any(|rule| rule.columns().iter().any(has))
    }
}

/// Keys that identify the same person wherever they occur.
#[derive(Debug, Default)]
struct Domain {
    values: Vec<ScalarValue>,
    columns: BTreeSet<Origin>,
    /// The key columns of its profiles' published states, as plans name them.
    states: BTreeSet<Origin>,
    /// Column names that hold its keys in tables that nothing reads.
    names: BTreeSet<String>,
    /// The columns among these that only a foreign key leads to.
    referring: BTreeSet<Origin>,
    /// Columns that lose the keys, in rows that stay; and whether the rows belong to other persons.
    emptied: BTreeSet<(Origin, bool)>,
    profiles: BTreeSet<String>,
    identities: BTreeSet<String>,
}

impl Domain {
    fn add_name(&mut self, name: &str) {
        if !OF_ANYTHING.contains(&name.to_lowercase().as_str()) {
            self.names.insert(name.to_string());
        }
    }

    fn add_columns(&mut self, columns: &BTreeSet<Origin>) {
        for (table, column) in columns {
            self.add_name(column);
            self.columns.insert((table.clone(), column.clone()));
        }
    }

    /// True for a key that comes from a column or a profile of the domain.
    fn leads_here(&self, key: &BTreeSet<Origin>) -> bool {
        !key.is_disjoint(&self.columns) || !key.is_disjoint(&self.states)
    }

    /// Adds all profiles and identities whose keys belong to the domain, and their source columns, until nothing changes.
    fn close(&mut self, reader: &Reader) {
        loop {
            let before = (self.columns.len(), self.profiles.len(), self.identities.len());
            for profile in &reader.profiles {
                if self.profiles.contains(&profile.name) || self.leads_here(&profile.key) {
                    self.profiles.insert(profile.name.clone());
                    self.states.insert(key_of_state(&profile.name));
                    self.add_columns(&profile.all);
                    self.add_name(&profile.key_name);
                }
            }
            for identity in &reader.identities {
                if self.identities.contains(&identity.name) || self.leads_here(&identity.key) {
                    self.identities.insert(identity.name.clone());
                    self.add_columns(&identity.all);
                    self.add_name(&identity.key_name);
                    self.columns.extend(identity_columns(&identity.name, &identity.key_name));
                }
            }
            // A copy of a key column, under whatever name.
            for (column, from) in &reader.copied {
                if self.leads_here(from) {
                    self.columns.insert(column.clone());
                }
            }
            if before == (self.columns.len(), self.profiles.len(), self.identities.len()) {
                self.add_referring(reader);
                if before.0 == self.columns.len() {
                    return;
                }
            }
        }
    }
}

/// The columns with record keys in an identity's tables.
fn identity_columns(name: &str, key: &str) -> Vec<Origin> {
    let table = |end: &str| format!("{}.{name}{end}", identity::SCHEMA);
    vec![
        (table(""), key.to_string()),
        (table("_values"), key.to_string()),
        (table("_ledger"), "example_key".into()),
        (table("_must_link"), "a".into()),
        (table("_must_link"), "b".into()),
        (table("_cannot_link"), "a".into()),
        (table("_cannot_link"), "b".into()),
    ]
}

/// The columns with person ids in an identity's tables.
fn person_columns(name: &str) -> Vec<Origin> {
    let table = |end: &str| format!("{}.{name}{end}", identity::SCHEMA);
    vec![(table(""), "person_id".into()), (table("_ledger"), "from_person_id".into())]
}

/// Locates the rows of persons.
///
/// # Errors
/// There is no such profile or identity, the role does not own everything affected, or a key or option is wrong.
pub async fn of(subjects: &Subjects, values: Vec<ScalarValue>, options: &Options, context: &StatementContext) -> Result<Subject> {
    let grammar = GRAMMARS.iter().copied().find(|grammar| grammar.word() == subjects.kind);
    let grammar = grammar.ok_or_else(|| invalid(&subjects.of(), "is of a kind that has no persons in it"))?;
    let target = Target { grammar, name: subjects.name.clone(), profile: None };
    let Some(object) = find(context, &target)? else { return Err(missing(context, &target)?) };
    check_may(&object, context)?;
    let mut reader = Reader::of(context).await?;
    let label = object.label();
    let mut domains = vec![first(&object, values, &mut reader, context)?];
    with_given(&mut domains[0], options, context)?;
    domains[0].close(&reader);
    // A person of an identity is all of its records, which may also be members of profiles.
    for place in 0..reader.identities.len() {
        let identity = &reader.identities[place];
        let persons: BTreeSet<Origin> = person_columns(&identity.name).into_iter().collect();
        if domains[0].columns.is_disjoint(&persons) {
            continue;
        }
        domains[0].columns.extend(persons);
        let mut records =
            Domain { values: records(&identity.name, &identity.key_name, &domains[0].values, context)?, ..Domain::default() };
        records.identities.insert(identity.name.clone());
        records.close(&reader);
        domains.push(records);
    }
    let experiments = reader.experiments(&domains_of_profiles(&domains));
    let keys = Keys::new(domains.iter().flat_map(|domain| domain.values.clone()).collect());
    let keep = options.names("keep").unwrap_or_default();
    domains.extend(references::beyond(&domains, &reader, keep, &context.all_objects()?, context)?);
    let held = held(&domains, options, context, &mut reader)?;
    Ok(Subject { label, keys, held, left: reader.left, experiments })
}

/// Refuses objects that the role does not own or does not see in full: the receipt with its counts would reveal hidden data.
fn check_may(object: &Object, context: &StatementContext) -> Result<()> {
    context.check_owns(object)?;
    if covers(object, context)? {
        let problem = format!("has a mask or a row policy for {}; ask a role with SUPERUSER", context.role());
        return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &object.label(), problem));
    }
    Ok(())
}

fn domains_of_profiles(domains: &[Domain]) -> BTreeMap<String, Vec<ScalarValue>> {
    let of = |domain: &Domain| domain.profiles.iter().map(|name| (name.clone(), domain.values.clone())).collect::<Vec<_>>();
    domains.iter().flat_map(of).collect()
}

/// The domain of the given keys.
fn first(object: &Object, values: Vec<ScalarValue>, reader: &mut Reader, context: &StatementContext) -> Result<Domain> {
    let mut domain = Domain::default();
    let key_type = match object.kind.as_str() {
        "identity" => {
            domain.columns.extend(person_columns(&object.name));
            DataType::Int64
        }
        _ => {
            domain.profiles.insert(object.name.clone());
            key_type(&object.name, reader, context)?
        }
    };
    for value in values {
        let Some(value) = as_type(&value, &key_type) else {
            let keys = if key_type.is_integer() { "whole numbers" } else { "texts" };
            return Err(coded(
                SqlState::DATATYPE_MISMATCH,
                &object.label(),
                format!("its keys are {keys}, but the given value is not"),
            ));
        };
        domain.values.push(value);
    }
    reader.read_by(object);
    Ok(domain)
}

/// The type of a profile's key: as published, or as planned.
fn key_type(profile: &str, reader: &Reader, context: &StatementContext) -> Result<DataType> {
    if let Some(newest) = context.view().snapshot(SnapshotOf::Profile, profile, When::Now)?
        && let Some(file) = newest.part(Part::Rows).first()
    {
        let pins = context.view().pin(&newest, std::slice::from_ref(file))?;
        if let Some(pin) = pins.first() {
            return Ok(pin.schema.field(0).data_type().clone());
        }
    }
    let own = reader.profiles.iter().find(|own| own.name == profile);
    let problem = "has published nothing and cannot be planned, so the type of its key is not known";
    own.and_then(|own| own.key_type.clone()).ok_or_else(|| invalid(&format!("profile {profile}"), problem))
}

/// Adds the columns named in the statement.
fn with_given(domain: &mut Domain, options: &Options, context: &StatementContext) -> Result<()> {
    for given in options.names("columns").unwrap_or_default() {
        let Some((table, column)) = given.rsplit_once('.') else {
            return Err(invalid("columns", format!("names columns as table.column, got {given}")));
        };
        managed(table, "columns", context)?;
        domain.columns.insert((table.into(), column.into()));
    }
    Ok(())
}

/// The managed table with this name.
fn managed(table: &str, option: &str, context: &StatementContext) -> Result<Object> {
    let objects = context.objects()?;
    let tables = || objects.iter().filter(|object| object.kind == "table");
    tables().find(|object| object.name == table).cloned().ok_or_else(|| {
        let suggestion = did_you_mean(table, tables().map(|object| object.name.as_str()));
        coded(
            SqlState::UNDEFINED_TABLE,
            option,
            format!("names {table}, which is not a table of the database{suggestion}; SHOW TABLES lists them"),
        )
    })
}

/// The keys of the records that belong to persons of an identity.
fn records(name: &str, key: &str, persons: &[ScalarValue], context: &StatementContext) -> Result<Vec<ScalarValue>> {
    let table = format!("{}.{name}", identity::SCHEMA);
    let mut found = vec![];
    let Some(newest) = context.view().snapshot(SnapshotOf::Table, &table, When::Now)? else { return Ok(found) };
    for pin in context.view().pin(&newest, &newest.part(Part::Rows))? {
        for batch in batches(&pin)? {
            let batch = batch?;
            let (Some(keys), Some(ids)) = (batch.column_by_name(key), batch.column_by_name("person_id")) else { continue };
            for row in 0..batch.num_rows() {
                let key = ScalarValue::try_from_array(keys, row)?;
                if persons.contains(&ScalarValue::try_from_array(ids, row)?) && !key.is_null() && !found.contains(&key) {
                    found.push(key);
                }
            }
        }
    }
    Ok(found)
}

/// The objects with rows of the person, as far as can be determined.
fn held(domains: &[Domain], options: &Options, context: &StatementContext, reader: &mut Reader) -> Result<Vec<Held>> {
    let keep = options.names("keep").unwrap_or_default();
    keep.iter().try_for_each(|table| managed(table, "keep", context).map(|_| ()))?;
    let objects = context.all_objects()?;
    let mut held = vec![];
    for object in objects.iter() {
        let of = match object.kind.as_str() {
            "profile" => SnapshotOf::Profile,
            "table" => SnapshotOf::Table,
            _ => continue,
        };
        let (rules, is_by_name) = match of {
            SnapshotOf::Profile => (of_profile(object, domains), false),
            SnapshotOf::Table => of_table(object, domains, context)?,
        };
        if rules.is_empty() {
            if reader.is_read(&object.name) && of == SnapshotOf::Table {
                let note = "is read, but it is not known which column holds the key: name one in WITH (columns = 'table.column')";
                reader.left.push(ErasedObject::left(object.label(), "to do", note));
            }
            continue;
        }
        if keep.contains(&object.name) {
            reader.left.push(ErasedObject::left(object.label(), "kept", "as the statement says"));
            continue;
        }
        // An erasure that skipped objects of other owners would be incomplete, so it is refused instead.
        check_may(object, context)?;
        let emptying: Vec<Rule> = rules.iter().filter(|rule| !rule.removes()).cloned().collect();
        held.push(Held { of, object: object.clone(), rules, is_by_name });
        if is_met(object, &emptying, context)? {
            let note = "rows that refer to the person stay, with NULL for the key, as ON DELETE SET NULL says: check whether they say more about the person";
            reader.left.push(ErasedObject::left(object.label(), "kept", note));
        }
    }
    let (mut with_rows, mut without_rows) = (vec![], vec![]);
    for held in &held {
        let is_one = !held.is_by_name || has_rows(held, context)?;
        let list = if is_one { &mut with_rows } else { &mut without_rows };
        list.push(held);
    }
    for (copy, sources) in copies(&with_rows, &without_rows, &objects, context)? {
        if reader.left.iter().any(|left| left.object == copy.label()) {
            continue;
        }
        if keep.contains(&copy.name) {
            reader.left.push(ErasedObject::left(copy.label(), "kept", "as the statement says"));
        } else if copy.kind == "external table" {
            let note = format!("rows of {sources} were added to it, and are not in the database: erase the person there");
            reader.left.push(ErasedObject::left(copy.label(), "to do", note));
        } else {
            let note = format!(
                "was made from {sources}, and no column of it is known to hold the key: name one in WITH (columns = 'table.column'), make the table anew, or drop it"
            );
            reader.left.push(ErasedObject::left(copy.label(), "to do", note));
        }
    }
    Ok(held)
}

fn rule(columns: Vec<String>, domain: &Domain) -> Option<Rule> {
    (!columns.is_empty() && !domain.values.is_empty()).then(|| Rule::Values { columns, values: domain.values.clone() })
}

fn of_profile(object: &Object, domains: &[Domain]) -> Vec<Rule> {
    let own = domains.iter().filter(|domain| domain.profiles.contains(&object.name));
    own.filter_map(|domain| rule(vec![crate::catalog::state_columns::KEY.into()], domain)).collect()
}

/// Whether any state of a table has rows of the person.
fn has_rows(held: &Held, context: &StatementContext) -> Result<bool> {
    let catalog = context.catalog();
    for (_, file) in catalog.files_of(held.of, &held.object.name)? {
        let pin = catalog.data.pin(&file)?;
        if held.is_told_in(&pin.schema) && rows_of(&pin, &held.rules)?.iter().any(|batch| batch.num_rows() > 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether any state of a table has a row that one of the rules is about.
fn is_met(table: &Object, rules: &[Rule], context: &StatementContext) -> Result<bool> {
    let catalog = context.catalog();
    if rules.is_empty() {
        return Ok(false);
    }
    for (_, file) in catalog.files_of(SnapshotOf::Table, &table.name)? {
        if is_met_in(catalog.data.pin(&file)?.as_ref(), rules)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The rules for a table: by the columns found by lineage and foreign keys, or otherwise by columns with the key's name, and then true.
fn of_table(object: &Object, domains: &[Domain], context: &StatementContext) -> Result<(Vec<Rule>, bool)> {
    let followed = |domain: &Domain| -> Vec<String> {
        domain.columns.iter().filter(|(table, _)| *table == object.name).map(|(_, column)| column.clone()).collect()
    };
    let mut rules: Vec<Rule> = domains.iter().filter_map(|domain| rule(followed(domain), domain)).collect();
    let mut is_by_name = false;
    if rules.is_empty() {
        let columns = columns_of(object, context)?;
        // A foreign key says more than a name: rows stay without the key.
        let is_emptied = |name: &String| {
            let mut emptied = domains.iter().flat_map(|domain| &domain.emptied);
            emptied.any(|((table, column), _)| *table == object.name && column == name)
        };
        let named =
            |domain: &Domain| domain.names.iter().filter(|name| columns.contains(*name) && !is_emptied(name)).cloned().collect();
        rules = domains.iter().filter_map(|domain| rule(named(domain), domain)).collect();
        is_by_name = !rules.is_empty();
    }
    for domain in domains {
        for ((_, column), in_others) in domain.emptied.iter().filter(|((table, _), _)| *table == object.name) {
            let (columns, values) = (vec![column.clone()], domain.values.clone());
            rules.push(Rule::Empties { columns, values, in_others: *in_others });
        }
    }
    Ok((rules, is_by_name))
}

/// The columns that a table has in any stored snapshot.
fn columns_of(object: &Object, context: &StatementContext) -> Result<BTreeSet<String>> {
    let catalog = context.catalog();
    let mut columns = BTreeSet::new();
    for (_, file) in catalog.files_of(SnapshotOf::Table, &object.name)? {
        let pin = catalog.data.pin(&file)?;
        columns.extend(pin.schema.fields().iter().map(|field| field.name().clone()));
    }
    Ok(columns)
}
