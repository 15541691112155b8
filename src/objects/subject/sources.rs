//! The objects whose rows a statement puts into a table, and the columns that it copies.
//!
//! What a condition looks into, with EXISTS or a semi join, is no source: none of its values is written.

use std::collections::BTreeMap;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{JoinType, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::catalog::column_sources::Copied;
use crate::catalog::objects::Object;
use crate::objects::protection::scans::{self, Names};
use crate::refresh::published::key_of_state;
use crate::sql::lineage::{Origin, origins};
use crate::statement::StatementContext;
use crate::walk::{PlanTree, Tree};

/// Notes where the rows come from that a plan adds to a table. For a temporary table, its session knows it.
///
/// # Errors
/// The catalog cannot be read or written.
pub fn note(name: &str, rows: &LogicalPlan, context: &StatementContext) -> Result<()> {
    let sources = sources(rows, context)?;
    if context.tables().temporary(name).is_some() {
        context.tables().add_sources(name, sources);
        return Ok(());
    }
    let objects = context.all_objects()?;
    let is_it = |object: &&Object| object.name == name && ["table", "external table"].contains(&object.kind.as_str());
    match objects.iter().find(is_it) {
        Some(table) => context.catalog().put_row_sources(table, &sources),
        None => Ok(()),
    }
}

/// Notes which columns the rows copy that INSERT adds to a table. What is copied through a temporary table is a source of the rows only.
///
/// # Errors
/// The catalog cannot be read or written.
pub fn note_columns(name: &str, rows: &LogicalPlan, context: &StatementContext) -> Result<()> {
    if context.tables().temporary(name).is_some() {
        return Ok(());
    }
    let objects = context.all_objects()?;
    let named = |origin: &Origin| {
        let is_it = |object: &&Object| match object.kind.as_str() {
            "table" | "external table" => object.name == origin.0,
            "profile" => key_of_state(&object.name) == *origin,
            _ => false,
        };
        objects.iter().find(is_it).cloned()
    };
    let mut copied: Vec<Copied> = vec![];
    for (place, field) in rows.schema().fields().iter().enumerate() {
        for origin in origins(rows, place) {
            let source = named(&origin).filter(|source| source.name != name);
            copied.extend(source.map(|source| (field.name().clone(), source, origin.1)));
        }
    }
    match objects.iter().find(|object| object.kind == "table" && object.name == name) {
        Some(table) => context.catalog().put_column_sources(table, &copied),
        None => Ok(()),
    }
}

/// The objects that the values of a plan's rows come from.
///
/// # Errors
/// The catalog cannot be read.
pub fn sources(rows: &LogicalPlan, context: &StatementContext) -> Result<Vec<Object>> {
    let objects = context.all_objects()?;
    let mut found = BTreeMap::new();
    Walk { names: Names::new(&objects, context), context, found: &mut found }.plan(rows)?;
    Ok(found.into_values().collect())
}

struct Walk<'a, 'b> {
    names: Names<'a, 'b>,
    context: &'b StatementContext,
    found: &'b mut BTreeMap<i64, Object>,
}

impl Walk<'_, '_> {
    fn add(&mut self, object: Object) {
        self.found.insert(object.id, object);
    }

    fn plan(&mut self, plan: &LogicalPlan) -> Result<()> {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let read = self.names.scanned(scan).map(|scanned| scanned.object);
                if let Some(object) = read.or_else(|| self.names.named(&scan.table_name, &["view"])) {
                    self.add(object.clone());
                } else if let Some(table) = scans::temporary(scan, self.context) {
                    self.context.tables().sources(&table).into_iter().for_each(|object| self.add(object));
                }
                match source_as_provider(&scan.source)?.get_logical_plan() {
                    Some(inner) => self.plan(&inner),
                    None => Ok(()),
                }
            }
            LogicalPlan::Join(join) => match join.join_type {
                JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => self.plan(&join.left),
                JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => self.plan(&join.right),
                JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
                    self.plan(&join.left)?;
                    self.plan(&join.right)
                }
            },
            LogicalPlan::Filter(filter) => self.plan(&filter.input),
            other => {
                other.inputs().into_iter().try_for_each(|input| self.plan(input))?;
                let mut queries = vec![];
                other.each_expression(|expression| {
                    expression.each_part(|part| {
                        if let Expr::ScalarSubquery(query) = part {
                            queries.push(query.subquery.clone());
                        }
                        Ok(TreeNodeRecursion::Continue)
                    })
                })?;
                queries.iter().try_for_each(|query| self.plan(query))
            }
        }
    }
}
