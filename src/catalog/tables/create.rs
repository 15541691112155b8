//! Creating and replacing tables.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::future::BoxFuture;
use parquet::arrow::ArrowSchemaConverter;

use super::constraints::Constraints;
use super::writing::Writing;
use crate::catalog::Catalog;
use crate::catalog::intervals;
use crate::catalog::objects::{Moved, NewVersion, Object};
use crate::catalog::snapshots::{NewSnapshot, SnapshotOf, When, changed_meanwhile, taken};
use crate::catalog::stamp::Stamp;
use crate::error::invalid;
use crate::formats::can_be_stored;

/// Checks again against the current definitions, and returns their state.
pub type Recheck = dyn Fn() -> BoxFuture<'static, Result<Stamp>> + Send + Sync;

/// A table to be created.
pub struct NewTable<'a> {
    pub definition: NewVersion<'a>,
    /// The columns of the table it replaces that are renamed or dropped.
    pub moved: Vec<Moved>,
    /// The classes that its columns inherit from the columns their values come from.
    pub classes: BTreeMap<String, String>,
    /// The objects that its rows come from.
    pub sources: Vec<Object>,
    /// Checks again, once the rows are written, that replacing a table breaks nothing that uses it; returns the state of the definitions
    /// that this holds for.
    pub recheck: Option<&'a Recheck>,
    /// The snapshot that it replaces, as the statement saw it.
    pub replaced: Option<i64>,
    /// Leave an existing table alone.
    pub if_not_exists: bool,
    /// Its columns, if they are declared. Columns of a query may hold NULL, whatever the query promises.
    pub declared: Option<SchemaRef>,
    /// What holds for all of its rows.
    pub constraints: Arc<Constraints>,
}

/// Creates or replaces a table with the rows of a plan, and returns their number.
///
/// # Errors
/// The plan or writing fails; nothing is published then.
pub async fn create(
    catalog: &Arc<Catalog>,
    new: &NewTable<'_>,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
) -> Result<u64> {
    let name = new.definition.name;
    let schema = columns(name, &plan.schema(), new.declared.as_ref())?;
    let _lock = catalog.lock(SnapshotOf::Table, name, "CREATE TABLE", context.session_config().options()).await?;
    let newest = catalog.snapshot(SnapshotOf::Table, name, When::Now)?;
    if newest.is_some() && new.if_not_exists {
        return Ok(0);
    }
    // Refused before the work rather than after it.
    let (_, objects) = catalog.stamped_objects()?;
    let is_other = |object: &&Object| object.name == name && ["view", "external table"].contains(&object.kind.as_str());
    if let Some(other) = objects.iter().find(is_other) {
        return Err(taken(name, &other.kind));
    }
    if newest.as_ref().map(|newest| newest.id) != new.replaced {
        return Err(changed_meanwhile(name));
    }
    let mut writing = Writing::new(catalog, name, &schema, &new.constraints, &context)?;
    writing.write(execute_stream(plan, context)?).await?;
    let rows = u64::try_from(writing.rows()).unwrap_or(0);
    writing.publish(newest.as_ref(), vec![], Some(new)).await.map(|()| rows)
}

/// The columns of the new table.
fn columns(name: &str, schema: &Schema, declared: Option<&SchemaRef>) -> Result<SchemaRef> {
    if schema.fields().is_empty() {
        return Err(invalid(name, "a table needs a column; write CREATE TABLE name (column type, …) or AS SELECT …"));
    }
    let mut names = HashSet::new();
    let mut fields = vec![];
    for (place, field) in schema.fields().iter().enumerate() {
        if !names.insert(field.name()) {
            return Err(invalid(name, format!("two columns have the name {}; give one another name with AS", field.name())));
        }
        let may_be_null =
            declared.and_then(|declared| declared.fields().get(place)).is_none_or(|declared| declared.is_nullable());
        let field = Field::clone(field).with_nullable(may_be_null);
        let stored = intervals::stored_field(&Arc::new(field.clone()));
        if !can_be_stored(stored.data_type()) || ArrowSchemaConverter::new().convert(&Schema::new(vec![stored])).is_err() {
            let problem = format!(
                "column {} has the type {}, which Parquet cannot store; CAST it to another",
                field.name(),
                field.data_type()
            );
            return Err(invalid(name, problem));
        }
        fields.push(field);
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// Publishes a new table. If definitions change while its rows are written or while it is checked, it is checked again.
pub async fn publish_made(catalog: &Catalog, new: &NewSnapshot<'_>, made: &NewTable<'_>) -> Result<i64> {
    let Some(recheck) = made.recheck else { return catalog.publish_table(new, made, None) };
    loop {
        let seen = recheck().await?;
        let published = catalog.publish_table(new, made, Some(seen));
        if published.is_ok() || catalog.newest_stamp()?.definitions == seen.definitions {
            return published;
        }
    }
}
