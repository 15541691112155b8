//! Which rows were added to the tables that an identity reads since its last refresh, if nothing else has happened to them.
//!
//! The files of a table are immutable, and an INSERT adds some. So a table that has all the files that it had before has all of its
//! former rows. If the query takes each row by itself, its result has all of its former rows too, and those of the added files.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan, Volatility};

use super::{Definition, records};
use crate::catalog::tables::ManagedTable;
use crate::sql::parser::parse_composed;
use crate::sql::planning::plan;
use crate::statement::StatementContext;
use crate::walk::{PlanTree, Tree};

/// The files that were read by a refresh, by table, and under an empty name what was asked of them.
pub type Files = BTreeMap<String, BTreeSet<String>>;

/// The rows that an identity reads.
#[derive(Debug)]
pub struct Reading {
    plan: LogicalPlan,
    /// Where they are now.
    pub files: Files,
}

/// Tables of the identity itself.
pub const OWN: [&str; 4] = ["", "_values", "_must_link", "_cannot_link"];

/// What an identity reads, or why a refresh of it must read everything.
///
/// # Errors
/// The definition is incomplete, or a table cannot be opened.
pub async fn reading(
    definition: &Definition,
    at: i64,
    context: &StatementContext,
) -> Result<std::result::Result<Reading, String>> {
    if let Some(pairs) = definition.options.text("pairs") {
        return Ok(Err(format!("all records were resolved again: pairs come from {pairs}, which may give others now")));
    }
    let query = records(definition, at)?;
    if query != records(definition, at.saturating_add(1))? {
        return Ok(Err("all records were resolved again: its query depends on $as_of".into()));
    }
    // The statements of the refresh report what is wrong with the query.
    let Ok(parsed) = parse_composed(&query, context.session()) else { return Ok(Err(String::new())) };
    let Ok(plan) = plan(&parsed, context).await else { return Ok(Err(String::new())) };
    if let Some(reason) = unsteady(&plan)? {
        return Ok(Err(reason));
    }
    let mut files = Files::from([(String::new(), BTreeSet::from([asked(definition, &plan)]))]);
    plan.each_plan(|part| {
        if let LogicalPlan::TableScan(scan) = part {
            managed(scan, |table| add_files(table, &mut files));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(Ok(Reading { plan, files }))
}

/// What the rows are made into: another definition, another view that it reads, or another version of Portrait, whose functions
/// may clean values in another way.
fn asked(definition: &Definition, plan: &LogicalPlan) -> String {
    let text = format!("{}\n{}\n{}", env!("CARGO_PKG_VERSION"), definition.object.sql, plan.display_indent());
    // Only a checksum, because a constant may be a person's value, which an erasure would not find here.
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

fn managed(scan: &TableScan, look: impl FnOnce(&ManagedTable)) -> bool {
    let provider = source_as_provider(&scan.source).ok();
    let table = provider.as_ref().and_then(|provider| provider.downcast_ref::<ManagedTable>());
    table.map(look).is_some()
}

fn add_files(table: &ManagedTable, files: &mut Files) {
    files.entry(table.name().to_string()).or_default().extend(table.files().map(|(name, _)| name.to_string()));
}

/// Why the result of a query may change in other ways than by the rows that its tables get.
fn unsteady(plan: &LogicalPlan) -> Result<Option<String>> {
    let mut reason = None;
    plan.each_plan(|part| {
        match part {
            LogicalPlan::TableScan(scan) if !managed(scan, |_| ()) => {
                let table = scan.table_name.table();
                reason.get_or_insert_with(|| {
                    format!(
                        "all records were resolved again: {table} is no table of this database, or the owner sees only a part of it"
                    )
                });
            }
            LogicalPlan::TableScan(_)
            | LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Union(_) => {}
            _ => {
                reason.get_or_insert_with(|| {
                    "all records were resolved again: its query does more than choose rows and columns of tables".into()
                });
            }
        }
        part.each_expression(|whole| {
            whole.each_part(|part| {
                if let Expr::ScalarFunction(call) = part
                    && call.func.signature().volatility != Volatility::Immutable
                {
                    let name = call.func.name();
                    reason.get_or_insert_with(|| {
                        format!("all records were resolved again: {name} may give another value for the same row")
                    });
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(reason)
}

impl Reading {
    /// The rows that were added since these files were read, or why all must be read.
    ///
    /// # Errors
    /// None for the tables of a plan.
    pub fn since(&self, known: &Files) -> Result<std::result::Result<LogicalPlan, String>> {
        for (table, files) in &self.files {
            let before = known.get(table);
            if table.is_empty() && before != Some(files) {
                return Ok(Err("all records were resolved again: its definition, or one that it uses, has changed".into()));
            }
            if !before.is_some_and(|before| before.is_subset(files)) {
                return Ok(Err(format!("all records were resolved again: rows of {table} have changed, or were written anew")));
            }
        }
        let (mut bytes, mut new_bytes, mut failure) = (0_u64, 0_u64, None);
        let added = self.plan.clone().changed_up_with_subqueries(|part| {
            let mut scan = match part {
                LogicalPlan::TableScan(scan) => scan,
                other => return Ok(Transformed::no(other)),
            };
            let mut provider = None;
            managed(&scan, |table| {
                let before = known.get(table.name()).cloned().unwrap_or_default();
                for (file, size) in table.files() {
                    bytes += size;
                    new_bytes += if before.contains(file) { 0 } else { size };
                }
                match table.without_files(&before) {
                    Ok(rows) => provider = Some(rows),
                    Err(error) => failure = Some(error),
                }
            });
            if let Some(provider) = provider {
                scan.source = provider_as_source(provider);
            }
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        })?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        // Then it is not worth while, and the new rows might not fit in memory twice.
        if new_bytes > bytes / 4 {
            return Ok(Err("all records were resolved again: more than a quarter of the rows are new".into()));
        }
        Ok(Ok(added.data))
    }
}
