//! Segments whose conditions look at what is masked for their authors: who is in them would tell the values behind the mask.
//!
//! Such a segment cannot be made. One that was made before the mask has no members from the next refresh on, and its author can no longer
//! read it.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::ast::{Expr, Value};

use super::reading::refuse_condition;
use crate::catalog::objects::Object;
use crate::error::{SqlState, sqlstate};
use crate::objects::definition::Definition;
use crate::refresh::definition::ProfileDefinition;
use crate::sql::command::Body;
use crate::statement::StatementContext;

/// Refuses a segment whose condition looks at what is masked for the reader.
///
/// # Errors
/// It does, or the masks cannot be found.
pub async fn refuse_segment(segment: &Object, context: &StatementContext) -> Result<()> {
    let objects = context.all_objects()?;
    let Some(profile) = objects.iter().find(|object| object.kind == "profile" && object.name == segment.profile) else {
        return Ok(());
    };
    let definition = Definition::read(segment.clone(), context.session())?;
    let Body::Condition(condition) = &definition.body else { return Ok(()) };
    refuse_condition(profile, &segment.label(), condition, context).await
}

/// The segments of a profile whose conditions look at what is masked for their authors, each with the error that says so.
///
/// # Errors
/// The database cannot be read.
pub async fn masked_segments(profile: &str, context: &StatementContext) -> Result<BTreeMap<String, DataFusionError>> {
    context.settled(|context| async move { masked_now(profile, &context).await }).await
}

async fn masked_now(profile: &str, context: &StatementContext) -> Result<BTreeMap<String, DataFusionError>> {
    let objects = context.all_objects()?;
    let mut masked = BTreeMap::new();
    for segment in objects.iter().filter(|object| object.kind == "segment" && object.profile == profile) {
        if segment.owner.is_empty() {
            continue;
        }
        match refuse_segment(segment, &context.reading_as(&segment.owner)).await {
            Ok(()) => {}
            // The statement must be planned again.
            Err(error) if sqlstate(&error) == SqlState::SERIALIZATION_FAILURE => return Err(error),
            // Masks that cannot be found hide as well, and do not stop the refresh of what is not hidden.
            Err(error) => {
                masked.insert(segment.name.clone(), error);
            }
        }
    }
    Ok(masked)
}

/// The profile, where these segments have no members.
pub fn without_members(mut profile: ProfileDefinition, segments: &BTreeSet<String>) -> ProfileDefinition {
    for (segment, condition) in &mut profile.segments {
        if segments.contains(&segment.object.name) {
            *condition = Expr::Value(Value::Boolean(false).into());
        }
    }
    profile
}
