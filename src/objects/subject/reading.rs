//! What profiles, identities, experiments and consents read, and where their keys come from.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::Statement as SqlStatement;

use super::copies::reads;
use super::references::{self, Reference};
use crate::catalog::erasure::ErasedObject;
use crate::catalog::objects::Object;
use crate::error::{SqlState, sqlstate};
use crate::objects::definition::Definition;
use crate::objects::profile;
use crate::objects::table::{is_altered, made_from, named_columns};
use crate::objects::uses::Uses;
use crate::refresh::as_of;
use crate::refresh::plan::Planner;
use crate::refresh::published::key_of_state;
use crate::sql::command::normal;
use crate::sql::lineage::{Origin, origins, tables};
use crate::sql::planning::plan;
use crate::statement::StatementContext;

/// What an object reads.
#[derive(Debug)]
pub struct Read {
    pub name: String,
    pub key_name: String,
    pub key_type: Option<DataType>,
    /// The source columns of its own key.
    pub key: BTreeSet<Origin>,
    /// The same, including the keys of its parts: tags, experiments and consents.
    pub all: BTreeSet<Origin>,
    pub tables: BTreeSet<String>,
}

/// What all objects read.
#[derive(Debug)]
pub struct Reader {
    pub profiles: Vec<Read>,
    pub identities: Vec<Read>,
    /// The columns of tables that queries have filled, each with the columns that its values come from.
    pub copied: Vec<(Origin, BTreeSet<Origin>)>,
    /// The foreign keys.
    pub references: Vec<Reference>,
    /// Experiments, each with its profile.
    experiments: Vec<(String, String)>,
    /// Tables read by the object that the statement is about.
    read: BTreeSet<String>,
    /// Tables outside Portrait.
    external: BTreeSet<String>,
    pub left: Vec<ErasedObject>,
}

impl Reader {
    /// Plans the definitions, and reports each that cannot be planned.
    ///
    /// # Errors
    /// The catalog cannot be read, or it changes meanwhile.
    pub async fn of(context: &StatementContext) -> Result<Self> {
        let (objects, versions) = (context.all_objects()?, context.catalog().versions()?);
        let mut reader = Self {
            profiles: vec![],
            identities: vec![],
            copied: vec![],
            references: references::all(&objects, context)?,
            experiments: vec![],
            read: BTreeSet::new(),
            external: objects.iter().filter(|object| object.kind == "external table").map(|object| object.name.clone()).collect(),
            left: vec![],
        };
        for object in objects.iter() {
            match object.kind.as_str() {
                "profile" => {
                    let read = of_profile(object, context).await;
                    reader.add(object, read, |reader| &mut reader.profiles)?;
                }
                "identity" => {
                    let read = of_query(object, context).await;
                    reader.add(object, read, |reader| &mut reader.identities)?;
                }
                // One that cannot be planned now is reported as a copy without a known key.
                "table" => match of_table(object, &versions, &objects, context).await {
                    Ok(columns) => reader.copied.extend(columns),
                    Err(error) if sqlstate(&error) == SqlState::SERIALIZATION_FAILURE => return Err(error),
                    Err(_) => {}
                },
                _ => {}
            }
        }
        reader.copied.extend(inserted(&objects, &versions, context)?);
        // Experiments and consents belong to a profile, whose key is the first column of their query.
        for object in objects.iter().filter(|object| ["experiment", "consent"].contains(&object.kind.as_str())) {
            let Ok(definition) = Definition::read(object.clone(), context.session()) else { continue };
            let Some(of) = definition.table.as_ref().and_then(|name| name.0.last()?.as_ident().map(normal)) else { continue };
            if object.kind == "experiment" {
                reader.experiments.push((object.name.clone(), of.clone()));
            }
            let parts = of_query(object, context).await;
            if let (Ok(parts), Some(own)) = (parts, reader.profiles.iter_mut().find(|own| own.name == of)) {
                own.all.extend(parts.all);
                own.tables.extend(parts.tables);
            }
        }
        Ok(reader)
    }

    fn add(&mut self, object: &Object, read: Result<Read>, list: impl Fn(&mut Self) -> &mut Vec<Read>) -> Result<()> {
        match read {
            Ok(read) => list(self).push(read),
            Err(error) if sqlstate(&error) == SqlState::SERIALIZATION_FAILURE => return Err(error),
            Err(_) => {
                let note = "its definition cannot be planned now, so it is not known what it reads: repair or drop it, then run the statement again";
                self.left.push(ErasedObject::left(object.label(), "to do", note));
                let (all, key, tables) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
                list(self).push(Read { name: object.name.clone(), key_name: "key".into(), key_type: None, key, all, tables });
            }
        }
        Ok(())
    }

    /// Sets the object that the statement is about.
    pub fn read_by(&mut self, object: &Object) {
        let list = if object.kind == "identity" { &self.identities } else { &self.profiles };
        let read: BTreeSet<String> =
            list.iter().filter(|own| own.name == object.name).flat_map(|own| own.tables.clone()).collect();
        let is_computed = list.iter().any(|own| own.name == object.name && own.key.is_empty() && !own.tables.is_empty());
        if is_computed {
            let note = "its key is computed, so that the columns that it comes from are not known: name them in WITH (columns = 'table.column'), and give the keys as they stand there too";
            self.left.push(ErasedObject::left(object.label(), "to do", note));
        }
        for table in read.intersection(&self.external) {
            let note = "its rows are not in the database: erase the person there, and where they come from";
            self.left.push(ErasedObject::left(format!("external table {table}"), "to do", note));
        }
        for file in read.iter().filter(|table| table.contains(['/', ':']) || table.rsplit('.').next().is_some_and(is_file_type)) {
            if !self.external.contains(file) {
                let note = "is read as a file, and is not in the database: erase the person there";
                self.left.push(ErasedObject::left(format!("file {file}"), "to do", note));
            }
        }
        self.read = read;
    }

    /// True for a table that this object reads.
    pub fn is_read(&self, table: &str) -> bool {
        self.read.contains(table)
    }

    /// The experiments on these profiles, each with the keys of its profile.
    pub fn experiments(&self, profiles: &BTreeMap<String, Vec<ScalarValue>>) -> Vec<(String, Vec<ScalarValue>)> {
        let of = |(name, profile): &(String, String)| profiles.get(profile).map(|keys| (name.clone(), keys.clone()));
        self.experiments.iter().filter_map(of).collect()
    }
}

fn is_file_type(end: &str) -> bool {
    ["csv", "tsv", "json", "ndjson", "jsonl", "parquet", "xlsx", "xls", "gz", "zst"].contains(&end)
}

async fn of_profile(object: &Object, context: &StatementContext) -> Result<Read> {
    // Read without masks: a masked key would lead nowhere.
    let inside = context.entering(&object.label(), &object.owner)?.reading_as("");
    let whole = profile::whole(&object.name, &inside)?;
    let planned = Planner { context: &inside, as_of: context.now() }.plan(&whole).await?;
    let key = origins(&planned.profile, 0);
    let mut all = key.clone();
    let mut read = tables(&planned.profile);
    for tag in &planned.tags {
        all.extend(origins(&tag.plan, 0));
        read.extend(tables(&tag.plan));
    }
    Ok(Read { name: object.name.clone(), key_name: whole.body.key, key_type: Some(planned.key_type), key, all, tables: read })
}

/// For a table made by a query: where the values of its columns come from. ALTER TABLE makes a version without the query, in which columns
/// of the same name are still those of the query.
async fn of_table(
    object: &Object,
    versions: &[Object],
    objects: &[Object],
    context: &StatementContext,
) -> Result<Vec<(Origin, BTreeSet<Origin>)>> {
    let mut later: Vec<BTreeSet<String>> = vec![];
    for version in versions.iter().rev().filter(|version| version.id == object.id) {
        let definition = Definition::read(version.clone(), context.session())?;
        let Some(query) = made_from(&definition) else {
            if !is_altered(&definition) {
                break;
            }
            later.push(named_columns(&definition).into_iter().collect());
            continue;
        };
        let uses = Uses::of(query.as_ref());
        if !objects.iter().any(|source| reads(&uses, source)) {
            break;
        }
        let inside = context.entering(&object.label(), &object.owner)?.reading_as("");
        let planned = plan(&SqlParsed::Statement(Box::new(SqlStatement::Query(query))), &inside).await?;
        let named = named_columns(&definition);
        let column = |(place, field): (usize, &FieldRef)| {
            let name = named.get(place).unwrap_or(field.name()).clone();
            ((object.name.clone(), name), origins(&planned, place))
        };
        let copied = planned.schema().fields().iter().enumerate().map(column);
        let is_kept = |((_, name), from): &(Origin, BTreeSet<Origin>)| {
            !from.is_empty() && later.iter().all(|columns| columns.contains(name))
        };
        return Ok(copied.filter(is_kept).collect());
    }
    Ok(vec![])
}

/// For the columns into which INSERT has copied others: where their values come from. In a table that was made anew since its first version, a
/// column of the same name may be another one.
fn inserted(objects: &[Object], versions: &[Object], context: &StatementContext) -> Result<Vec<(Origin, BTreeSet<Origin>)>> {
    let find = |id: i64| objects.iter().find(|object| object.id == id);
    let is_anew = |version: &Object| {
        let definition = Definition::read(version.clone(), context.session());
        version.version > 1 && definition.is_ok_and(|definition| !is_altered(&definition))
    };
    let mut copied = vec![];
    for ((table, column), (source, from)) in context.catalog().column_sources()? {
        let (Some(table), Some(source)) = (find(table), find(source)) else { continue };
        if versions.iter().any(|version| version.id == table.id && is_anew(version)) {
            continue;
        }
        let origin = if source.kind == "profile" { key_of_state(&source.name) } else { (source.name.clone(), from) };
        copied.push(((table.name.clone(), column), BTreeSet::from([origin])));
    }
    Ok(copied)
}

/// For an identity, experiment or consent: the key is named by an option, or is the first column.
async fn of_query(object: &Object, context: &StatementContext) -> Result<Read> {
    let definition = Definition::read(object.clone(), context.session())?;
    let mut query = Box::new(definition.query()?.clone());
    as_of::settle(query.as_mut(), context.now(), &definition.constants(None)?);
    let inside = context.entering(&object.label(), &object.owner)?.reading_as("");
    let planned = plan(&SqlParsed::Statement(Box::new(SqlStatement::Query(query))), &inside).await?;
    let key_name = match object.kind.as_str() {
        "identity" => definition.required("key")?,
        _ => planned.schema().field(0).name().clone(),
    };
    let key = of_column(&planned, &key_name);
    Ok(Read { name: object.name.clone(), key_name, key_type: None, all: key.clone(), key, tables: tables(&planned) })
}

fn of_column(plan: &LogicalPlan, name: &str) -> BTreeSet<Origin> {
    plan.schema().index_of_column_by_name(None, name).map_or_else(BTreeSet::new, |place| origins(plan, place))
}
