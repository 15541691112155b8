//! What a profile would publish, according to its definition.
//!
//! Columns are known as soon as the definition can be planned. So a view over a profile can be created before the profile's first refresh,
//! as when a script of definitions runs on a new database. And a new version of a profile can be refused when it drops a column that
//! something reads, although the last published state still has it.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use super::columns::{self, KEY, MOMENT};
use super::definition::ProfileDefinition;
use super::plan::{Planned, Planner};
use super::published::State;
use super::recorder::stored;
use crate::catalog::snapshots::{ColumnRole, PublishedColumn};
use crate::statement::StatementContext;

/// The state that the next refresh of a profile would publish. It has no rows: reading it gives the error `missing`.
///
/// # Errors
/// What is wrong with the definition.
pub async fn defined(definition: &ProfileDefinition, context: &StatementContext, missing: Arc<DataFusionError>) -> Result<State> {
    let planned = Planner { context, as_of: context.now() }.plan(definition).await?;
    let schema = Arc::new(schema(&planned, &definition.body.history));
    Ok(State::unpublished(definition.name(), named_columns(definition, &planned), schema, missing))
}

fn schema(planned: &Planned, history: &[String]) -> Schema {
    let mut fields = vec![Field::new(KEY, stored(&planned.key_type), false)];
    for attribute in &planned.attributes {
        fields.push(Field::new(columns::value(attribute.name()), stored(attribute.data_type()), true));
        if history.contains(attribute.name()) {
            fields.push(Field::new(columns::since(attribute.name()), MOMENT, true));
            fields.push(Field::new(columns::version(attribute.name()), DataType::Int64, true));
        }
    }
    for tag in &planned.tags {
        let of = |item: DataType| match tag.multiple {
            true => DataType::List(Arc::new(Field::new_list_field(item, true))),
            false => item,
        };
        let value = stored(tag.plan.schema().field(1).data_type());
        fields.push(Field::new(columns::value(&tag.name), of(value), true));
        fields.push(Field::new(columns::since(&tag.name), of(MOMENT), true));
        fields.push(Field::new(columns::version(&tag.name), of(DataType::Int64), true));
    }
    fields.extend(planned.segments.iter().map(|segment| Field::new(columns::segment(&segment.name), MOMENT, true)));
    Schema::new(fields)
}

fn named_columns(definition: &ProfileDefinition, planned: &Planned) -> Vec<PublishedColumn> {
    let column = |role, name: &str| PublishedColumn { role, name: name.into(), version: 0, filled: 0, computed_at: 0 };
    let mut named = vec![column(ColumnRole::Key, &definition.body.key)];
    named.extend(planned.attributes.iter().map(|attribute| PublishedColumn {
        version: if definition.body.history.contains(attribute.name()) { definition.own.object.version } else { 0 },
        ..column(ColumnRole::Attribute, attribute.name())
    }));
    named.extend(planned.tags.iter().map(|tag| column(role_of(tag.multiple), &tag.name)));
    named.extend(planned.segments.iter().map(|segment| column(ColumnRole::Segment, &segment.name)));
    named
}

/// The role of a tag's column.
fn role_of(multiple: bool) -> ColumnRole {
    if multiple { ColumnRole::Tags } else { ColumnRole::Tag }
}

/// The columns that are known without planning: all except the attributes.
pub fn columns_by_name(definition: &ProfileDefinition) -> Vec<PublishedColumn> {
    let column = |role, name: &str| PublishedColumn { role, name: name.into(), version: 0, filled: 0, computed_at: 0 };
    let mut named = vec![column(ColumnRole::Key, &definition.body.key)];
    named.extend(definition.tags.iter().map(|(tag, body)| column(role_of(body.multiple), &tag.object.name)));
    named.extend(definition.segments.iter().map(|(segment, _)| column(ColumnRole::Segment, &segment.object.name)));
    named
}
