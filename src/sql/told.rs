//! The types of PostgreSQL that are reported to clients for the columns of a statement's tables, where the values are strings here.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{DmlStatement, TableScan};

use super::postgres::Told;
use super::syntax::constraints::{self, Constraint};
use crate::catalog::tables::{Identified, ManagedTable};
use crate::statement::StatementContext;

/// Those of one table, by the names of its columns.
pub fn of_table(table: &Arc<dyn TableProvider>, context: &StatementContext) -> Vec<(String, &'static str)> {
    if let Some(table) = table.downcast_ref::<ManagedTable>() {
        return table.constraints().map(|constraints| constraints.told.clone()).unwrap_or_default();
    }
    if let Some(table) = table.downcast_ref::<Identified>() {
        return table.told().to_vec();
    }
    let Some(name) = context.tables().name_of(table) else { return vec![] };
    let declared = constraints::read(&name, &context.tables().constraints(&name)).unwrap_or_default();
    declared.iter().filter_map(Constraint::told).collect()
}

/// Those of all tables that a plan scans.
pub struct OfTables<'a>(pub &'a StatementContext);

impl OfTables<'_> {
    /// Those of a scan.
    pub fn of(&self, scan: &TableScan) -> Vec<(String, &'static str)> {
        source_as_provider(&scan.source).map(|table| of_table(&table, self.0)).unwrap_or_default()
    }
}

impl Told for OfTables<'_> {
    fn of_scan(&self, scan: &TableScan, column: &str) -> Option<&'static str> {
        self.of(scan).into_iter().find(|(own, _)| own == column).map(|(_, of)| of)
    }

    fn of_target(&self, _written: &DmlStatement, _column: &str) -> Option<&'static str> {
        None
    }
}
