//! `system.functions`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::adapter::FunctionSet;
use crate::docs::Column;
use crate::functions;
use crate::objects::KINDS;
use crate::objects::lifecycle::definitions;
use crate::objects::values::text;
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct Functions;

const COLUMNS: [Column; 6] = [
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "kind", data_type: "VARCHAR", text: "`scalar`, `aggregate`, `relation`, or `stored`" },
    Column { name: "domain", data_type: "VARCHAR", text: "the domain; empty for stored functions" },
    Column { name: "summary", data_type: "VARCHAR", text: "what it does, in one sentence" },
    Column { name: "syntax", data_type: "VARCHAR", text: "how it is called" },
    Column { name: "example", data_type: "VARCHAR", text: "an example call that can be run" },
];

impl SystemTable for Functions {
    fn name(&self) -> &'static str {
        "functions"
    }

    fn summary(&self) -> &'static str {
        "All functions: those of Portrait, and those made with CREATE FUNCTION."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let mut rows: Vec<[String; 6]> = vec![];
            for doc in functions::all().iter().flat_map(FunctionSet::docs) {
                let example = doc.examples.first().unwrap_or(&"");
                rows.push([doc.name, doc.kind.as_str(), doc.domain, doc.summary, &doc.syntax(), example].map(String::from));
            }
            let stored = KINDS.into_iter().filter(|kind| kind.takes_parameters());
            for definition in stored.map(|kind| definitions(kind, context)).collect::<Result<Vec<_>>>()?.into_iter().flatten() {
                let name = definition.object.name.clone();
                let parameters = definition.parameters.iter().map(|parameter| match parameter.default {
                    Some(_) => format!("[{}]", parameter.name),
                    None => parameter.name.clone(),
                });
                let syntax = format!("{name}({})", parameters.collect::<Vec<_>>().join(", "));
                let comment = definition.comment().to_string();
                rows.push([name, "stored".into(), String::new(), comment, syntax, String::new()]);
            }
            Ok((0..6).map(|column| text(rows.iter().map(|row| Some(row[column].clone())))).collect())
        })
    }
}
