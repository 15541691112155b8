//! Marks WITH queries that are read more than once, for [`FromHook`](crate::sql::relation::FromHook).
//!
//! The planner copies the plan of a WITH query to every place that reads it. Values drawn at random would be drawn anew in each place,
//! and LIMIT without an order could take other rows. The hook makes the copies of such a query one part of the plan, which is computed
//! once. Any other query stays as it is, so that each place can filter the rows by itself.
//!
//! | written | rewritten to |
//! |---|---|
//! | `WITH s AS (SELECT …) SELECT … FROM s a JOIN s b …` | `WITH s AS (SELECT * FROM (SELECT …) AS "__read_again") …` |
//! | `WITH s AS MATERIALIZED (SELECT …) …` | `WITH s AS (SELECT * FROM (SELECT …) AS "__materialized") …`, by [`respell`] |
//!
//! [`respell`]: super::tokens::respell

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Cte, ObjectName, Query, SetExpr, Statement, TableFactor, TableWithJoins, Visit, Visitor, VisitorMut};

use crate::adapter::once::{may_give_other_rows, once, once_as};
use crate::sql::command::normal;
use crate::sql::parser::{parse_query, visit};
use crate::walk::Walk;

/// The name of a query that may have to be computed once.
const READ_AGAIN: &str = "__read_again";

/// The name of a query that is computed once in any case.
pub const MATERIALIZED: &str = "__materialized";

/// The same before the text of a query that other queries of the statement have too.
const SHARED: &str = "__shared ";

/// Adds the marks.
///
/// # Errors
/// None for parsed statements.
pub fn mark(parsed: &mut SqlParsed) -> Result<()> {
    match visit(parsed, &mut Marking) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Marking;

impl VisitorMut for Marking {
    type Break = datafusion::error::DataFusionError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        let reads = reads_in(query);
        let Some(with) = &mut query.with else { return ControlFlow::Continue(()) };
        for table in &mut with.cte_tables {
            let name = normal(&table.alias.name);
            // A recursive query reads itself; its two parts must stay where the planner looks for them.
            let is_read_again = reads.get(&name).is_some_and(|reads| *reads > 1) && !reads_in(&*table.query).contains_key(&name);
            if is_read_again && let Err(error) = mark_query(table) {
                return ControlFlow::Break(error);
            }
        }
        ControlFlow::Continue(())
    }
}

/// How many times each name without a schema is read.
fn reads_in(part: &impl Visit) -> HashMap<String, usize> {
    struct Reads(HashMap<String, usize>);
    impl Visitor for Reads {
        type Break = ();
        fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
            if let [own] = name.0.as_slice()
                && let Some(own) = own.as_ident()
            {
                *self.0.entry(normal(own)).or_default() += 1;
            }
            ControlFlow::Continue(())
        }
    }
    let mut reads = Reads(HashMap::new());
    let _ = part.walk(&mut reads);
    reads.0
}

/// `SELECT * FROM (…) AS "__read_again"`, around the query as it was.
fn mark_query(table: &mut Cte) -> Result<()> {
    let mut around = parse_query(&format!("SELECT * FROM (SELECT 1) AS \"{READ_AGAIN}\""))?;
    if let SetExpr::Select(select) = around.body.as_mut()
        && let [TableWithJoins { relation: TableFactor::Derived { subquery, .. }, .. }] = select.from.as_mut_slice()
    {
        std::mem::swap(subquery, &mut table.query);
        table.query = around;
    }
    Ok(())
}

/// Removes the mark from an item of FROM; returns what to do with its plan, or `None` for an item without a mark.
pub fn unmark(item: &mut TableFactor) -> Option<Marked> {
    let TableFactor::Derived { alias, .. } = item else { return None };
    let marked = match alias.as_ref()?.name.value.as_str() {
        READ_AGAIN => Marked::ReadAgain,
        MATERIALIZED => Marked::Materialized(None),
        name => Marked::Materialized(Some(name.strip_prefix(SHARED)?.to_string())),
    };
    *alias = None;
    Some(marked)
}

/// What a mark says of a query.
pub enum Marked {
    ReadAgain,
    /// With the name under which other queries of the statement have it too.
    Materialized(Option<String>),
}

impl Marked {
    /// The plan, computed once where it must be.
    ///
    /// # Errors
    /// None for plans made by the planner.
    pub fn plan(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        Ok(match self {
            Self::ReadAgain if may_give_other_rows(&plan)? => once(plan),
            Self::Materialized(name) if plan.all_out_ref_exprs().is_empty() => once_as(name.as_deref(), plan),
            Self::ReadAgain | Self::Materialized(_) => plan,
        })
    }
}

/// Marks the MATERIALIZED queries of a query as parts that others share, under their texts. A query that reads another one of the same WITH
/// depends on more than its text, and stays as it is.
pub fn share(parsed: &mut SqlParsed) {
    let SqlParsed::Statement(statement) = parsed else { return };
    let Statement::Query(query) = statement.as_mut() else { return };
    let Some(with) = &mut query.with else { return };
    let names: Vec<String> = with.cte_tables.iter().map(|table| normal(&table.alias.name)).collect();
    for table in &mut with.cte_tables {
        let reads = reads_in(&*table.query);
        let text = table.query.to_string();
        let SetExpr::Select(select) = table.query.body.as_mut() else { continue };
        let [TableWithJoins { relation: TableFactor::Derived { alias: Some(alias), .. }, .. }] = select.from.as_mut_slice()
        else {
            continue;
        };
        if alias.name.value == MATERIALIZED && !names.iter().any(|name| reads.contains_key(name)) {
            alias.name.value = format!("{SHARED}{text}");
        }
    }
}
