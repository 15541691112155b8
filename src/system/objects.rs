//! `system.tables`, `system.profiles`, `system.tags` …: the objects of one kind.
//!
//! An object whose definition cannot be read, because it is damaged or from a newer version, still has a row, with what is known of it and
//! the problem as its comment.

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, new_null_array};
use datafusion::arrow::compute::{concat, nullif};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use futures::future::BoxFuture;

use super::{SystemTable, schema_of};
use crate::catalog::objects::Object;
use crate::docs::Column;
use crate::error::message;
use crate::objects::definition::Definition;
use crate::objects::kind::Kind;
use crate::objects::lifecycle::{MADE_OF, read};
use crate::objects::values::{number, text};
use crate::statement::StatementContext;

/// The table of one kind.
#[derive(Debug)]
pub struct Objects(pub &'static dyn Kind);

impl Objects {
    /// A row for an object without a readable definition.
    fn broken(&self, object: &Object, problem: &DataFusionError) -> Vec<ArrayRef> {
        let schema = schema_of(self.0.columns());
        let word = |word: &str| text(std::iter::once(Some(word.to_string())));
        let values = self.0.columns().iter().zip(schema.fields()).map(|(column, field)| match column.name {
            "name" => word(&object.name),
            "profile" => word(&object.profile),
            "version" => number(std::iter::once(Some(object.version))),
            "author" => word(&object.author),
            "created_at" => word(&object.created_at),
            "definition" => word(&object.sql),
            "comment" => word(&format!("cannot be read: {}", message(problem))),
            _ => new_null_array(field.data_type(), 1),
        });
        values.collect()
    }
}

impl SystemTable for Objects {
    fn name(&self) -> &'static str {
        self.0.system_table()
    }

    fn summary(&self) -> &'static str {
        self.0.listed()
    }

    fn columns(&self) -> &'static [Column] {
        self.0.columns()
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let read = read(self.0, context)?;
            let rights = context.rights()?;
            let owns: Vec<bool> = read.iter().map(|(object, _)| rights.owns(object)).collect();
            let mut values = self.of_all(read, context)?;
            if owns.contains(&false) {
                for (column, values) in self.0.columns().iter().zip(&mut values) {
                    if MADE_OF.contains(&column.name) {
                        *values = nullif(values, &owns.iter().map(|owns| Some(!owns)).collect::<BooleanArray>())?;
                    }
                }
            }
            Ok(values)
        })
    }
}

impl Objects {
    fn of_all(&self, read: Vec<(Object, Result<Definition>)>, context: &StatementContext) -> Result<Vec<ArrayRef>> {
        let whole: Vec<_> = read.iter().filter_map(|(_, definition)| definition.as_ref().ok().cloned()).collect();
        if whole.len() == read.len()
            && let Ok(values) = self.0.values(&whole, context)
        {
            return Ok(values);
        }
        // One by one, so that a problem is reported for the object that has it.
        let rows: Vec<Vec<ArrayRef>> = read
            .into_iter()
            .map(|(object, definition)| {
                let values = definition.and_then(|definition| self.0.values(std::slice::from_ref(&definition), context));
                values.unwrap_or_else(|problem| self.broken(&object, &problem))
            })
            .collect();
        let columns = (0..self.0.columns().len()).map(|column| {
            let parts: Vec<&dyn Array> = rows.iter().map(|row| row[column].as_ref()).collect();
            Ok(concat(&parts)?)
        });
        columns.collect()
    }
}
