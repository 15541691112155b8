//! Names for subqueries in FROM that have none, `unnamed_subquery` as in PostgreSQL and DuckDB.
//!
//! DataFusion finds a column without its table among those of all tables. It cannot tell the columns of two unnamed subqueries apart, nor
//! those of an unnamed subquery from the columns of a subquery in WHERE: `(SELECT 1 AS x) WHERE x IN (SELECT x FROM t)`. Elsewhere names
//! are not needed, and plans stay as they are.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, Select, TableAlias, TableFactor, TableWithJoins, Visitor};

use crate::walk::Walk;

/// Counts the names of a statement, so that each is given once.
#[derive(Default)]
pub struct UnnamedSubqueries {
    named: usize,
}

impl UnnamedSubqueries {
    /// Names the subqueries in FROM of a SELECT.
    pub fn name(&mut self, select: &mut Select) {
        let several = select.from.len() > 1 || select.from.iter().any(|table| !table.joins.is_empty());
        if several || select.selection.as_ref().is_some_and(has_query) {
            select.from.iter_mut().for_each(|table| self.table(table));
        }
    }

    fn table(&mut self, table: &mut TableWithJoins) {
        self.factor(&mut table.relation);
        table.joins.iter_mut().for_each(|join| self.factor(&mut join.relation));
    }

    fn factor(&mut self, factor: &mut TableFactor) {
        match factor {
            TableFactor::Derived { alias: alias @ None, .. } => {
                self.named += 1;
                let name = match self.named {
                    1 => "unnamed_subquery".to_string(),
                    number => format!("unnamed_subquery_{number}"),
                };
                *alias = Some(TableAlias { explicit: true, name: Ident::new(name), columns: vec![], at: None });
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.table(table_with_joins),
            _ => {}
        }
    }
}

fn has_query(condition: &Expr) -> bool {
    struct Queries;
    impl Visitor for Queries {
        type Break = ();
        fn pre_visit_query(&mut self, _: &sqlparser::ast::Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    condition.walk(&mut Queries).is_break()
}
