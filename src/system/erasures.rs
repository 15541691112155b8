//! `system.erasures` and `system.erased_objects`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::catalog::erasure::Erasure;
use crate::docs::Column;
use crate::objects::values::{given, number, text, time};
use crate::statement::StatementContext;

/// The table of erasures.
#[derive(Debug)]
pub struct Erasures;

const COLUMNS: [Column; 11] = [
    Column { name: "erasure", data_type: "BIGINT", text: "its number" },
    Column { name: "kind", data_type: "VARCHAR", text: "`subject` of ERASE SUBJECT, `retention` of REFRESH RETENTION" },
    Column { name: "object", data_type: "VARCHAR", text: "the profile, identity or table that it was run on" },
    Column { name: "subjects", data_type: "BIGINT", text: "number of persons erased" },
    Column { name: "role", data_type: "VARCHAR", text: "who ran it" },
    Column { name: "reason", data_type: "VARCHAR", text: "why" },
    Column { name: "erased_at", data_type: "TIMESTAMP", text: "when, in UTC" },
    Column {
        name: "finished_at",
        data_type: "TIMESTAMP",
        text: "when the old files were deleted and the catalog was cleaned, in UTC; NULL while statements still read them",
    },
    Column { name: "rows", data_type: "BIGINT", text: "rows and texts removed, including earlier states" },
    Column { name: "files", data_type: "BIGINT", text: "files that were rewritten" },
    Column { name: "to_do", data_type: "BIGINT", text: "number of things to do elsewhere, listed in `system.erased_objects`" },
];

/// The erasures that a role sees: its own, or all for a superuser.
fn seen(context: &StatementContext) -> Result<Vec<Erasure>> {
    let is_superuser = context.rights()?.is_superuser();
    let mut erasures = context.catalog().erasures()?;
    erasures.retain(|erasure| is_superuser || erasure.role == context.role());
    Ok(erasures)
}

impl SystemTable for Erasures {
    fn name(&self) -> &'static str {
        "erasures"
    }

    fn summary(&self) -> &'static str {
        "Receipts of ERASE SUBJECT and REFRESH RETENTION, without personal data."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let seen = seen(context)?;
            let all = || seen.iter();
            Ok(vec![
                number(all().map(|erasure| Some(erasure.id))),
                text(all().map(|erasure| Some(erasure.kind.clone()))),
                text(all().map(|erasure| Some(erasure.object.clone()))),
                number(all().map(|erasure| (erasure.kind == "subject").then_some(erasure.subjects))),
                text(all().map(|erasure| given(&erasure.role))),
                text(all().map(|erasure| Some(erasure.reason.clone()))),
                time(all().map(|erasure| Some(erasure.at))),
                time(all().map(|erasure| erasure.finished_at)),
                number(all().map(|erasure| Some(erasure.rows))),
                number(all().map(|erasure| Some(erasure.files))),
                number(all().map(|erasure| Some(erasure.to_do))),
            ])
        })
    }
}

/// The table of receipts for each object.
#[derive(Debug)]
pub struct ErasedObjects;

const OBJECTS: [Column; 6] = [
    Column { name: "erasure", data_type: "BIGINT", text: "the number of the erasure" },
    Column { name: "object", data_type: "VARCHAR", text: "kind and name of the object" },
    Column { name: "state", data_type: "VARCHAR", text: "`erased`, `kept` as the statement says, or `to do` by people" },
    Column { name: "rows", data_type: "BIGINT", text: "rows or texts removed, including earlier states" },
    Column { name: "files", data_type: "BIGINT", text: "files that were rewritten" },
    Column { name: "note", data_type: "VARCHAR", text: "what was done, or what remains to be done" },
];

impl SystemTable for ErasedObjects {
    fn name(&self) -> &'static str {
        "erased_objects"
    }

    fn summary(&self) -> &'static str {
        "What erasures did with each object, and what is left to do elsewhere."
    }

    fn columns(&self) -> &'static [Column] {
        &OBJECTS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let seen: Vec<i64> = seen(context)?.into_iter().map(|erasure| erasure.id).collect();
            let mut receipts = context.catalog().receipts(None)?;
            receipts.retain(|receipt| seen.contains(&receipt.erasure));
            let all = || receipts.iter();
            Ok(vec![
                number(all().map(|receipt| Some(receipt.erasure))),
                text(all().map(|receipt| Some(receipt.object.clone()))),
                text(all().map(|receipt| Some(receipt.state.clone()))),
                number(all().map(|receipt| Some(receipt.rows))),
                number(all().map(|receipt| Some(receipt.files))),
                text(all().map(|receipt| Some(receipt.note.clone()))),
            ])
        })
    }
}
