//! REFRESH IDENTITY: runs the statements of a refresh in one transaction of a separate session, with the rights of the owner.

use std::path::Path;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::Result;

use super::Engine;
use super::commands::uncovered;
use crate::error::{coded, invalid, message_without_place, sqlstate};
use crate::objects::definition::Definition;
use crate::objects::identity;
use crate::objects::lifecycle::{find, missing};
use crate::sql::command::Refresh;
use crate::statement::StatementContext;
use crate::text::grouped;

/// Refreshes an identity; returns notes for the user.
///
/// # Errors
/// There is no such identity or no database, or its query fails; nothing has changed then.
pub(super) async fn refresh(engine: &Engine, statement: &Refresh, context: &StatementContext) -> Result<Vec<String>> {
    let label = format!("REFRESH IDENTITY {}", statement.target.name);
    if !statement.options.is_empty() || statement.tags.is_some() {
        return Err(invalid(&label, "takes no options; the options of the identity are in its definition"));
    }
    let Some(object) = find(context, &statement.target)? else { return Err(missing(context, &statement.target)?) };
    if !context.catalog().is_durable() {
        return Err(invalid(&label, "keeps ids from one refresh to the next, and so needs a database; open one with -d"));
    }
    let definition = Definition::read(object.clone(), context.session())?;
    let script = identity::script(&definition, context.now())?;
    let session = engine.session()?.with_role(&object.owner).with_base(Path::new(&object.base));
    // An object created before there were roles has no owner; it runs with full rights.
    let mut session = if object.owner.is_empty() { session } else { session.with_rights_of_role() };
    if let Some(places) = context.places() {
        session = session.with_places(places.into());
    }
    // The sources are read with the rights of the owner, and as the owner sees them: numbers and errors tell of them.
    let owns = context.rights()?.owns(&object);
    session.sql("BEGIN").await?;
    let mut found = vec![];
    for statement in &script {
        // Dropping the session on an error rolls its transaction back. Errors are reported without a place, as the user did not write these
        // statements.
        found = session.sql(statement).await.map_err(|error| match owns {
            true => coded(sqlstate(&error), &object.label(), message_without_place(&error)),
            false => uncovered(&object.label(), error),
        })?;
    }
    session.sql("COMMIT").await?;
    if !owns {
        return Ok(vec![format!("{}: refreshed", object.label())]);
    }
    let count = |column: usize| {
        let batch = found.iter().find(|batch| batch.num_rows() > 0)?;
        u64::try_from(batch.column(column).as_primitive::<Int64Type>().value(0)).ok()
    };
    let count = |column: usize| grouped(count(column).unwrap_or_default());
    let text = format!("{} records of {} persons; {} merged, {} split", count(0), count(1), count(2), count(3));
    Ok(vec![format!("{}: {text}", object.label())])
}
