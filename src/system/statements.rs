//! `system.statements`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::{SystemTable, statement_pages};
use crate::docs::{Column, Doc};
use crate::objects::values::text;
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct Statements;

const COLUMNS: [Column; 3] = [
    Column { name: "name", data_type: "VARCHAR", text: "its words" },
    Column { name: "summary", data_type: "VARCHAR", text: "what it does, in one sentence" },
    Column { name: "syntax", data_type: "VARCHAR", text: "how it is written" },
];

impl SystemTable for Statements {
    fn name(&self) -> &'static str {
        "statements"
    }

    fn summary(&self) -> &'static str {
        "All statements except queries."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, _context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let pages = statement_pages();
            let of = |get: fn(&Doc) -> &str| text(pages.iter().map(move |doc| Some(get(doc).to_string())));
            Ok(vec![of(|doc| doc.name), of(|doc| doc.summary), of(|doc| doc.syntax)])
        })
    }
}
