//! Tables of `information_schema` that DataFusion provides.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::{MemTable, TableType};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::{ExecutionPlan, collect};
use futures::future::BoxFuture;

use crate::opaque::forward;

/// The tables that SHOW FUNCTIONS and SHOW ALL read.
pub const ENGINES: [&str; 3] = ["df_settings", "parameters", "routines"];

/// A table of DataFusion's, read when a statement is planned: its rows are the functions of the session, and a plan runs without them,
/// as their lists are long to copy for every statement.
#[derive(Debug)]
pub struct EnginesTable(pub Arc<dyn TableProvider>);

impl TableProvider for EnginesTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    forward! {
        fn scan<'state, 'columns, 'filters>(
            &self,
            state: &'state dyn Session,
            projection: Option<&'columns Vec<usize>>,
            filters: &'filters [Expr],
            limit: Option<usize>
        ) -> Result<Arc<dyn ExecutionPlan>> = Self::planned
    }
}

impl EnginesTable {
    fn planned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let listing = self.0.scan(state, projection, filters, limit).await?;
            let schema = listing.schema();
            let rows = collect(listing, state.task_ctx()).await?;
            MemTable::try_new(schema, vec![rows])?.scan(state, None, &[], None).await
        })
    }
}
