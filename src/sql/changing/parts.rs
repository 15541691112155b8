//! Building a query from its parts.

use datafusion::common::Result;
use sqlparser::ast::{
    Expr, GroupByExpr, Ident, LimitClause, ObjectName, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr,
    Statement, TableAlias, TableFactor, TableWithJoins,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use crate::error::failed;

/// The internal name of the table that is changed.
pub const TARGET: &str = "portrait:target";

/// The parts of a query; all others are left out.
#[derive(Debug, Default)]
pub struct Parts {
    pub items: Vec<SelectItem>,
    pub from: Vec<TableWithJoins>,
    pub selection: Option<Expr>,
    pub order_by: Vec<OrderByExpr>,
    pub limit: Option<Expr>,
}

impl Parts {
    /// The query.
    ///
    /// # Errors
    /// Never in practice: only if the template query did not parse.
    pub fn query(self) -> Result<Query> {
        let empty = Parser::parse_sql(&GenericDialect {}, "SELECT 1")?.pop();
        let Some(Statement::Query(mut query)) = empty else { return Err(failed("statement", "cannot be written as a query")) };
        let SetExpr::Select(select) = query.body.as_mut() else {
            return Err(failed("statement", "cannot be written as a query"));
        };
        let Select { projection, from, selection, group_by, .. } = select.as_mut();
        *group_by = GroupByExpr::Expressions(vec![], vec![]);
        (*projection, *from, *selection) = (self.items, self.from, self.selection);
        if !self.order_by.is_empty() {
            query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(self.order_by), interpolate: None });
        }
        query.limit_clause =
            self.limit.map(|limit| LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by: vec![] });
        Ok(*query)
    }
}

pub fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

pub fn column(name: &str) -> Expr {
    Expr::Identifier(quoted(name))
}

pub fn aliased(expr: Expr, name: &str) -> SelectItem {
    SelectItem::ExprWithAlias { expr, alias: quoted(name) }
}

pub fn table_alias(name: Ident) -> TableAlias {
    TableAlias { explicit: true, name, columns: vec![], at: None }
}

/// A table in FROM, with an optional alias.
pub fn named(table: &str, alias: Option<Ident>) -> TableWithJoins {
    let relation = TableFactor::Table {
        name: ObjectName::from(vec![quoted(table)]),
        alias: alias.map(table_alias),
        args: None,
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    };
    TableWithJoins { relation, joins: vec![] }
}
