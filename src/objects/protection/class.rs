//! The classes of columns with personal data: set with ALTER … SET CLASS, or derived from other columns.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use futures::future::BoxFuture;

use super::lineage::{self, Classes, Known};
use crate::catalog::objects::Object;
use crate::catalog::snapshots::When;
use crate::error::{SqlState, coded, did_you_mean, failed, invalid, message};
use crate::objects::lifecycle::unless_moved;
use crate::objects::relation::NAMESPACE;
use crate::objects::{kind_of, profile};
use crate::refresh::plan::{PROFILE_SCHEMA, Planner};
use crate::statement::StatementContext;

/// The classes that `find_personal_data` suggests; users may define others.
pub const KNOWN: [&str; 10] =
    ["name", "phone", "email", "id_card", "bank_card", "address", "birth_date", "account", "free_text", "key"];
/// The class of a column that is not personal data, although it is computed from some.
pub const NONE: &str = "none";

/// Sets the class of a column of a table, view, external table or profile; `None` removes it.
///
/// # Errors
/// There is no such object or column, the role does not own it, or the class is not a word.
pub async fn set(parts: &[String], column: &str, class: Option<&str>, context: &StatementContext) -> Result<Vec<String>> {
    context.settled(|context| async move { set_now(parts, column, class, &context).await }).await
}

async fn set_now(parts: &[String], column: &str, class: Option<&str>, context: &StatementContext) -> Result<Vec<String>> {
    let object = super::rule::object_named(parts, context)?;
    context.check_owns(&object)?;
    if object.classes.contains_key(column) {
        // Changing or removing a class would remove masks on that class.
        super::reading::refuse_changes(&object, context)?;
    }
    let schema = columns_of(&object, context).await?;
    check_column(&object, column, &schema)?;
    let mut notes = vec![];
    if let Some(class) = class {
        if class.trim().is_empty() || class.contains(char::is_whitespace) || class.contains(',') {
            return Err(invalid("class", format!("takes one word, such as phone, got '{class}'")));
        }
        if !KNOWN.contains(&class) && class != NONE {
            let suggestion = did_you_mean(class, KNOWN.iter().copied());
            notes.push(format!("class {class} is one of your own{suggestion}; masks ON CLASS {class} cover its columns"));
        }
    }
    let stamp = context.view().stamp()?;
    unless_moved(context.catalog().put_class(&object, column, class, Some(stamp)), context)?;
    context.tables().let_go();
    Ok(notes)
}

/// Fails for a column that does not exist.
///
/// # Errors
/// With the names of the existing columns.
pub fn check_column(object: &Object, column: &str, schema: &Schema) -> Result<()> {
    if schema.column_with_name(column).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let suggestion = did_you_mean(column, names.iter().copied());
    let problem = format!("{} has no such column{suggestion}; it has {}", object.label(), names.join(", "));
    Err(coded(SqlState::UNDEFINED_COLUMN, column, problem))
}

/// The columns of a table, view, external table or profile, without masks.
///
/// # Errors
/// It cannot be opened.
pub fn columns_of<'a>(object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Schema>> {
    Box::pin(async move {
        let context = context.reading_as("");
        if object.kind == "profile" {
            let state = context.state();
            let schema = state.catalog_list().catalog("portrait").and_then(|catalog| catalog.schema(PROFILE_SCHEMA));
            let table = match schema {
                Some(schema) => schema.table(&object.name).await?,
                None => None,
            };
            let table = table.ok_or_else(|| failed(&object.label(), "cannot be opened"))?;
            return Ok(table.schema().as_ref().clone());
        }
        let Some(kind) = kind_of(&object.kind) else { return Err(crate::objects::kind::unknown_kind(object)) };
        Ok(kind.open(object, When::Now, &context).await?.schema().as_ref().clone())
    })
}

/// True for objects whose columns can have classes.
pub fn has_columns(object: &Object) -> bool {
    object.kind == "profile" || NAMESPACE.contains(&object.kind.as_str())
}

/// The classes that were set for the columns of an object.
pub fn said(object: &Object) -> BTreeMap<String, Classes> {
    object.classes.iter().map(|(column, class)| (column.clone(), Classes::from([class.clone()]))).collect()
}

/// A column that was set to `none` has no class, whatever it is computed from.
pub fn settle(classes: &mut Classes) {
    if classes.contains(NONE) {
        classes.clear();
    }
}

/// The classes of the columns of an object: those that were set, and those derived from the columns they are computed from.
///
/// # Errors
/// The derivation fails.
pub fn of<'a>(object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<BTreeMap<String, Classes>>> {
    Box::pin(async move {
        let mut all = said(object);
        let derived = match object.kind.as_str() {
            "profile" => of_profile(object, context).await.map_err(|error| unknown(object, &error))?,
            "view" => of_view(object, context).await.map_err(|error| unknown(object, &error))?,
            _ => BTreeMap::new(),
        };
        for (column, classes) in derived {
            // A class that was set takes precedence over a derived one.
            all.entry(column).or_insert(classes);
        }
        all.values_mut().for_each(settle);
        all.retain(|_, classes| !classes.is_empty());
        Ok(all)
    })
}

fn unknown(object: &Object, error: &DataFusionError) -> DataFusionError {
    let problem = format!("cannot tell which of its columns hold personal data: {}", message(error));
    failed(&object.label(), problem)
}

/// Adds the column `value` of `_tags` and `_history`, which holds the values of all tags.
pub fn of_published(columns: &BTreeMap<String, Classes>) -> BTreeMap<String, Classes> {
    let mut all = columns.clone();
    let every: Classes = columns.values().flatten().cloned().collect();
    all.entry("value".into()).or_insert(every);
    all
}

/// The classes of a profile's columns, from the plans of its query and tags.
async fn of_profile(object: &Object, context: &StatementContext) -> Result<BTreeMap<String, Classes>> {
    let context = context.reading_as("").entering(&format!("classes of {}", object.label()), "")?;
    let whole = profile::whole(&object.name, &context)?;
    let planned = Planner { context: &context, as_of: context.now() }.plan(&whole).await?;
    let own = (PROFILE_SCHEMA.to_string(), object.name.clone());
    let mut known = Known::new();
    let classes = lineage::classes_of(&planned.profile, &known, &context).await?;
    let names = planned.profile.schema().fields().iter().map(|field| field.name().clone());
    known.insert(own.clone(), names.zip(classes).collect());
    // In dependency order.
    for tag in &planned.tags {
        let classes = lineage::classes_of(&tag.plan, &known, &context).await?;
        if let Some(columns) = known.get_mut(&own) {
            columns.insert(tag.name.clone(), classes.into_iter().nth(1).unwrap_or_default());
        }
    }
    Ok(known.remove(&own).unwrap_or_default())
}

async fn of_view(object: &Object, context: &StatementContext) -> Result<BTreeMap<String, Classes>> {
    let context = context.reading_as("");
    let Some(kind) = kind_of(&object.kind) else { return Ok(BTreeMap::new()) };
    let view = kind.open(object, When::Now, &context).await?;
    let Some(plan) = view.get_logical_plan() else { return Ok(BTreeMap::new()) };
    let classes = lineage::classes_of(&plan, &Known::new(), &context).await?;
    Ok(plan.schema().fields().iter().map(|field| field.name().clone()).zip(classes).collect())
}

/// The classes of the columns of a table created from a plan, one per column, as ALTER … SET CLASS takes them.
///
/// # Errors
/// The database cannot be read.
pub fn of_rows<'a>(
    plan: &'a datafusion::logical_expr::LogicalPlan,
    context: &'a StatementContext,
) -> BoxFuture<'a, Result<BTreeMap<String, String>>> {
    Box::pin(async move {
        let classes = lineage::classes_of(plan, &Known::new(), context).await?;
        let named = plan.schema().fields().iter().map(|field| field.name().clone()).zip(classes);
        Ok(named.filter_map(|(column, classes)| Some((column, several(&classes)?))).collect())
    })
}

/// Combines several classes into one: text made of a name and a phone number is free text.
fn several(classes: &Classes) -> Option<String> {
    match classes.len() {
        0 => None,
        1 => classes.first().cloned(),
        _ => Some("free_text".into()),
    }
}
