//! Information about a model as rows, known as soon as the model is read.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{Field, FieldRef, Schema};
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::LogicalPlan;

use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::docs::Doc;

/// A relation function whose rows are already known.
#[derive(Debug)]
pub struct Listing {
    doc: &'static Doc,
    rows: RecordBatch,
}

impl Listing {
    /// Rows of these columns, in the order of the page.
    pub fn new(doc: &'static Doc, columns: Vec<ArrayRef>) -> Result<Self> {
        let fields = doc.columns.iter().zip(&columns);
        let fields =
            fields.map(|(described, column)| Field::new(described.name, column.data_type().clone(), column.is_nullable()));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Self { doc, rows: RecordBatch::try_new(schema, columns)? })
    }
}

impl RelationFunction for Listing {
    fn doc(&self) -> &'static Doc {
        self.doc
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        Ok(self.rows.schema().fields().iter().cloned().collect())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        call.scan(Arc::new(MemTable::try_new(self.rows.schema(), vec![vec![self.rows.clone()]])?))
    }
}
