//! The name of a table of FROM as a value: its row as a struct, as in PostgreSQL and DuckDB. `row_to_json(t)` becomes
//! `row_to_json(named_struct('a', t.a, 'b', t.b))`. A column of that name takes precedence.

use std::ops::ControlFlow;

use datafusion::common::Column;
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, JoinConstraint,
    JoinOperator, Query, Select, SelectItem, TableFactor, Value, VisitorMut,
};

use super::rewritten::binary;
use super::{call_of, merged_columns};
use crate::catalog::tables::{FILE, ROW};
use crate::sql::command::normal;
use crate::walk::{Walk, WalkMut};

/// The functions that take a row also as `t.*`.
const OF_ROWS: [&str; 6] = ["to_json", "to_jsonb", "row_to_json", "json_agg", "jsonb_agg", "array_agg"];

/// True for a SELECT that names a table of its FROM, or a column of the same name, as a value.
pub fn reads(select: &Select) -> bool {
    let tables = tables(select);
    let names = |part: &Expr| {
        let is_found = match part {
            Expr::Identifier(name) => tables.contains(&normal(name)),
            Expr::Function(call) => row_of(call).is_some_and(|name| tables.contains(&name)),
            _ => false,
        };
        if is_found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    !tables.is_empty()
        && !merges(select)
        && (select.projection.each_expression(names).is_break()
            || select.selection.each_expression(names).is_break()
            || select.having.each_expression(names).is_break())
}

/// Replaces the names; `columns` are those of FROM.
pub fn put(select: &mut Select, columns: &[Column]) {
    let can_be_missing = select.from.iter().flat_map(|table| &table.joins).any(|join| {
        !matches!(
            join.join_operator,
            JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_) | JoinOperator::CrossApply
        )
    });
    let is_column = |name: &String| columns.iter().any(|column| column.name == *name);
    let of = |name: String| {
        // What UPDATE and DELETE know rows by is no column of them.
        let is_shown = |column: &&Column| ![FILE, ROW].contains(&column.name.as_str());
        let own = |column: &&Column| is_shown(column) && column.relation.as_ref().is_some_and(|table| table.table() == name);
        let own: Vec<&Column> = columns.iter().filter(own).collect();
        (!own.is_empty()).then(|| (name.clone(), row(&name, &own, can_be_missing)))
    };
    let rows = tables(select).into_iter().filter(|name| !is_column(name)).filter_map(of).collect();
    let mut rows = Rows { rows, depth: 0, taken: vec![] };
    for item in &mut select.projection {
        // The row keeps the name of its table.
        if let SelectItem::UnnamedExpr(Expr::Identifier(name)) = item
            && rows.of(&normal(name)).is_some()
        {
            let alias = name.clone();
            *item = SelectItem::ExprWithAlias { expr: Expr::Identifier(name.clone()), alias };
        }
    }
    let _ = select.projection.walk_mut(&mut rows);
    let _ = select.selection.walk_mut(&mut rows);
    let _ = select.having.walk_mut(&mut rows);
}

/// The names of the tables of FROM.
fn tables(select: &Select) -> Vec<String> {
    let factors = select
        .from
        .iter()
        .flat_map(|table| std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation)));
    let name = |factor: &TableFactor| match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. } => Some(normal(&alias.name)),
        TableFactor::Table { name, alias: None, args: None, .. } => name.0.last()?.as_ident().map(normal),
        _ => None,
    };
    factors.filter_map(name).collect()
}

/// True if FROM merges columns of its tables, so that its columns are not all those of each table.
fn merges(select: &Select) -> bool {
    select.from.iter().flat_map(|table| &table.joins).any(|join| {
        matches!(
            merged_columns::constraint(&mut join.join_operator.clone()),
            Some(JoinConstraint::Using(_) | JoinConstraint::Natural)
        )
    })
}

/// The table in `to_json(t.*)`.
fn row_of(call: &Function) -> Option<String> {
    let FunctionArguments::List(list) = &call.args else { return None };
    let [FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(table))] = list.args.as_slice() else { return None };
    let is_of_rows = OF_ROWS.contains(&call.name.to_string().to_lowercase().as_str());
    if is_of_rows { table.0.last()?.as_ident().map(normal) } else { None }
}

/// The row of a table as a struct. Beside an outer join, a row of NULLs is taken for none.
fn row(table: &str, columns: &[&Column], can_be_missing: bool) -> Expr {
    let quoted = |name: &str| Ident::with_quote('"', name);
    let read = |column: &&Column| Expr::CompoundIdentifier(vec![quoted(table), quoted(&column.name)]);
    let fields = columns.iter().flat_map(|column| [Expr::value(Value::SingleQuotedString(column.name.clone())), read(column)]);
    let row = call_of("named_struct", fields.collect());
    if !can_be_missing {
        return row;
    }
    let is_there = columns.iter().map(|column| Expr::IsNotNull(Box::new(read(column))));
    let Some(condition) = is_there.reduce(|one, other| binary(one, &BinaryOperator::Or, other)) else { return row };
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result: row }],
        else_result: None,
    }
}

/// The names of the fields in `t.list[1].a`, and of `t`.
fn fields(root: &Expr, chain: &[AccessExpr]) -> Vec<String> {
    let named = |part: &Expr| match part {
        Expr::Identifier(name) => Some(normal(name)),
        _ => None,
    };
    let dotted: Vec<String> = chain
        .iter()
        .filter_map(|access| match access {
            AccessExpr::Dot(field) => named(field),
            AccessExpr::Subscript(_) => None,
        })
        .collect();
    match chain.first() {
        Some(AccessExpr::Dot(_)) => named(root).into_iter().chain(dotted).collect(),
        _ => dotted,
    }
}

/// Puts rows in the places of the names of their tables.
struct Rows {
    rows: Vec<(String, Expr)>,
    /// The number of subqueries around, whose own tables and columns may have these names.
    depth: usize,
    /// The names that mean something else around: parameters of lambdas, and the parts of `t.list[1]`, which is parsed as fields of `t`.
    taken: Vec<Vec<String>>,
}

impl Rows {
    fn of(&self, name: &str) -> Option<&Expr> {
        let is_taken = self.taken.iter().flatten().any(|taken| taken == name);
        let row = self.rows.iter().find(|(table, _)| table == name);
        row.filter(|_| self.depth == 0 && !is_taken).map(|(_, row)| row)
    }
}

impl VisitorMut for Rows {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        match expression {
            Expr::Lambda(lambda) => self.taken.push(lambda.params.iter().map(|parameter| normal(&parameter.name)).collect()),
            Expr::CompoundFieldAccess { root, access_chain } => self.taken.push(fields(root, access_chain)),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        match expression {
            Expr::Lambda(_) | Expr::CompoundFieldAccess { .. } => drop(self.taken.pop()),
            Expr::Identifier(name) => {
                if let Some(row) = self.of(&normal(name)) {
                    *expression = row.clone();
                }
            }
            Expr::Function(call) => {
                if let Some(row) = row_of(call).and_then(|table| self.of(&table)).cloned()
                    && let FunctionArguments::List(list) = &mut call.args
                {
                    list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(row))];
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
