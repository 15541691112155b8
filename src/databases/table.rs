//! A table of another database.

use crate::opaque::forward;
use std::fmt::Debug;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;

use super::conditions::{self, Dialect};

/// A table or query of another database.
pub trait Relation: Dialect + Debug + Send + Sync + 'static {
    fn schema(&self) -> &SchemaRef;

    /// Conditions that divide the rows among at most `readers` readers; a single `None` when they are not divided.
    fn ranges(&self, readers: usize) -> Vec<Option<String>>;

    /// The plan node that reads it.
    ///
    /// # Errors
    /// A column does not exist.
    fn plan(self: Arc<Self>, state: &dyn Session, wanted: Wanted<'_>) -> Result<Arc<dyn ExecutionPlan>>;
}

/// What to read.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The indexes of the columns.
    pub columns: &'a [usize],
    /// The conditions, in the SQL of the database.
    pub conditions: &'a [String],
    pub limit: Option<usize>,
    /// The conditions from [`Relation::ranges`].
    pub ranges: Vec<Option<String>>,
}

impl Wanted<'_> {
    /// One statement per range, in SQL that both databases understand.
    pub fn statements(&self, selected: &[String], from: &str) -> Vec<String> {
        let statements = self.ranges.iter().map(|range| {
            let wheres: Vec<&str> = self.conditions.iter().chain(range).map(String::as_str).collect();
            let wheres = if wheres.is_empty() { String::new() } else { format!(" WHERE {}", wheres.join(" AND ")) };
            let limit = self.limit.map_or(String::new(), |limit| format!(" LIMIT {limit}"));
            format!("SELECT {} FROM {from}{wheres}{limit}", selected.join(", "))
        });
        statements.collect()
    }
}

/// The table provider for a relation.
#[derive(Debug)]
pub struct DatabaseTable {
    relation: Arc<dyn Relation>,
}

impl DatabaseTable {
    pub fn new(relation: impl Relation) -> Self {
        Self { relation: Arc::new(relation) }
    }
}

impl TableProvider for DatabaseTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.relation.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters.iter().map(|filter| conditions::pushdown(filter, self.relation.as_ref())).collect())
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

impl DatabaseTable {
    fn planned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let relation = &self.relation;
            let columns = projection.cloned().unwrap_or_else(|| (0..relation.schema().fields().len()).collect());
            let conditions = conditions::all(filters, relation.as_ref());
            // A scan with a limit uses one reader, because the limit is part of its statement.
            let readers = if limit.is_some() { 1 } else { state.config().target_partitions().max(1) };
            let ranges = relation.ranges(readers);
            Arc::clone(relation).plan(state, Wanted { columns: &columns, conditions: &conditions, limit, ranges })
        })
    }
}
