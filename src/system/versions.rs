//! `system.versions`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::catalog::objects::Object;
use crate::docs::Column;
use crate::objects::values::{given, number, text};
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct Versions;

const COLUMNS: [Column; 7] = [
    Column { name: "kind", data_type: "VARCHAR", text: "kind of the object: `tag`, `view` …" },
    Column { name: "profile", data_type: "VARCHAR", text: "the profile it belongs to" },
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "version", data_type: "BIGINT", text: "the version, from 1" },
    Column { name: "author", data_type: "VARCHAR", text: "who made it" },
    Column { name: "created_at", data_type: "VARCHAR", text: "when, in UTC" },
    Column { name: "definition", data_type: "VARCHAR", text: "the statement that created it" },
];

impl SystemTable for Versions {
    fn name(&self) -> &'static str {
        "versions"
    }

    fn summary(&self) -> &'static str {
        "Every version of every existing object."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let (seen, rights) = (context.objects()?, context.rights()?);
            let mut versions = context.catalog().versions()?;
            versions.retain(|version| seen.iter().any(|object| object.id == version.id));
            let of = |get: fn(&Object) -> Option<String>| text(versions.iter().map(get));
            Ok(vec![
                of(|object| Some(object.kind.clone())),
                of(|object| Some(object.profile.clone())),
                of(|object| Some(object.name.clone())),
                number(versions.iter().map(|object| Some(object.version))),
                of(|object| given(&object.author)),
                of(|object| Some(object.created_at.clone())),
                text(versions.iter().map(|object| rights.owns(object).then(|| object.sql.clone()))),
            ])
        })
    }
}
