//! Which object a scan in a plan reads, and which stored state of it.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::common::{Result, TableReference};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::TableScan;

use super::barrier::Barrier;
use crate::catalog::objects::Object;
use crate::catalog::published::PublishedTable;
use crate::catalog::tables::ManagedTable;
use crate::objects::schema::member;
use crate::refresh::published::{Unpublished, name_and_time};
use crate::statement::StatementContext;

const PUBLIC: &str = "public";

/// What a scan reads.
#[derive(Debug, Clone, Copy)]
pub struct Scanned<'a> {
    pub object: &'a Object,
    /// The snapshot that is read; `None` for what has no stored states.
    pub snapshot: Option<i64>,
}

/// Resolves scans and names in a plan to objects.
pub struct Names<'a, 'b> {
    context: &'b StatementContext,
    path: Vec<String>,
    objects: &'a [Object],
}

impl<'a, 'b> Names<'a, 'b> {
    pub fn new(objects: &'a [Object], context: &'b StatementContext) -> Self {
        Self { context, path: context.path(), objects }
    }

    /// The object that a scan reads, by its provider or by the name in the plan; `None` for what is no object, such as a file.
    pub fn scanned(&self, scan: &TableScan) -> Option<Scanned<'a>> {
        let provider = source_as_provider(&scan.source).ok()?;
        if let Some(table) = provider.downcast_ref::<ManagedTable>() {
            return Some(Scanned { object: self.object(table.name(), &["table"])?, snapshot: Some(table.snapshot()) });
        }
        if let Some(table) = provider.downcast_ref::<PublishedTable>() {
            return Some(Scanned { object: self.object(&table.of, &["profile"])?, snapshot: Some(table.snapshot) });
        }
        if let Some(table) = provider.downcast_ref::<Unpublished>() {
            return Some(Scanned { object: self.object(&table.profile, &["profile"])?, snapshot: None });
        }
        if let Some(barrier) = provider.downcast_ref::<Barrier>() {
            let object = self.objects.iter().find(|object| object.id == barrier.object())?;
            return Some(Scanned { object, snapshot: barrier.snapshot() });
        }
        // A temporary table hides an object of the same name.
        if self.context.tables().name_of(&provider).is_some() {
            return None;
        }
        let object = self.named(&scan.table_name, &["table", "external table"])?;
        Some(Scanned { object, snapshot: None })
    }

    fn object(&self, name: &str, kinds: &[&str]) -> Option<&'a Object> {
        self.objects.iter().find(|object| object.name == name && kinds.contains(&object.kind.as_str()))
    }

    /// The object of one of these kinds that a name in a plan refers to.
    pub fn named(&self, name: &TableReference, kinds: &[&str]) -> Option<&'a Object> {
        let (own, _) = name_and_time(name.table());
        let of_schema = |schema: &str| match schema {
            PUBLIC => self.object(own, kinds),
            schema => self.object(&member(schema, own), kinds),
        };
        match name.schema() {
            // A schema of the search path, or a schema in which a refresh sees tables up to a time.
            Some(schema) => of_schema(schema).or_else(|| self.object(own, kinds)),
            // Definitions look names up in `public`; a table below a horizon has its full object name.
            None => self.path.iter().find_map(|schema| of_schema(schema)).or_else(|| self.object(own, kinds)),
        }
    }
}

/// The temporary table that a scan reads.
pub fn temporary(scan: &TableScan, context: &StatementContext) -> Option<String> {
    let provider: Arc<dyn TableProvider> = source_as_provider(&scan.source).ok()?;
    context.tables().name_of(&provider)
}

/// True for the rows that a recursive query has made so far.
///
/// # Errors
/// None for tables of a statement.
pub fn is_recursive(scan: &TableScan) -> Result<bool> {
    Ok(source_as_provider(&scan.source)?.downcast_ref::<CteWorkTable>().is_some())
}

/// True for a table behind a barrier.
///
/// # Errors
/// None for tables of a statement.
pub fn is_behind(scan: &TableScan) -> Result<bool> {
    Ok(source_as_provider(&scan.source)?.downcast_ref::<Barrier>().is_some())
}
