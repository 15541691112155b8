//! Changes of a syntax tree before it is planned: the inputs of relation functions become subqueries, long conditions are balanced.

use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, Select, Statement,
    TableFactor, TableFunctionArgs, Value, VisitMut, VisitorMut,
};

use super::{parse_query, visit};
use crate::docs::{Doc, Takes};
use crate::sql::renaming::{name_apart, naming_apart};
use crate::sql::syntax::column_names::{self, Place};
use crate::sql::syntax::expression_macros::Copies;
use crate::sql::syntax::size::Tables;
use crate::sql::syntax::unnamed_subqueries::UnnamedSubqueries;
use crate::sql::syntax::{
    casts, chains, elsewhere, forward_names, grouping, joins, json, merged_columns, named_arguments, names, pivots, postgres,
    rewritten, rows_in_queries, sorted_names, spellings, type_names, unnested,
};
use crate::sql::time_travel;
use crate::sql::{page_in_from, relation_function};
use crate::text::marked;
use crate::walk::WalkMut;

pub(super) fn rewrite(parsed: &mut SqlParsed, state: &SessionState) -> Result<()> {
    let _ = visit(parsed, &mut naming_apart());
    match visit(parsed, &mut Rewriter::new(state)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

pub(super) fn rewrite_part(part: &mut impl VisitMut, state: &SessionState) -> Result<()> {
    name_apart(part);
    match part.walk_mut(&mut Rewriter::new(state)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Rewrites the syntax tree: balances long conditions, rejects what is too much to plan, and turns the inputs of relation functions into
/// subqueries.
///
/// DataFusion looks tables up before planning, and only those in FROM. So `rfm(orders, …)` becomes `rfm((SELECT * FROM orders), …)`; then
/// `orders` is found whether it is a table, a view, a CTE or a file.
struct Rewriter<'a> {
    state: &'a SessionState,
    tables: Tables,
    copies: Copies,
    subqueries: UnnamedSubqueries,
}

impl<'a> Rewriter<'a> {
    fn new(state: &'a SessionState) -> Self {
        Self { state, tables: Tables::default(), copies: Copies::default(), subqueries: UnnamedSubqueries::default() }
    }

    fn call(&self, name: &str, arguments: &mut [FunctionArg]) -> Result<()> {
        // Macros and stored functions are expanded only when the statement is planned, because an earlier statement of the script may
        // create what they refer to.
        if let Some(doc) = page_in_from(name) {
            mark_calls(doc, arguments);
        }
        let Some(function) = relation_function(name) else { return Ok(()) };
        let doc = function.doc();
        let is_relation_at =
            |position: usize| doc.arguments.get(position).is_some_and(|argument| argument.takes == Takes::Relation);
        let is_relation = |name: &str| doc.relations().any(|argument| argument.name.eq_ignore_ascii_case(name));
        for (position, argument) in arguments.iter_mut().enumerate() {
            let relation = match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(relation)) if is_relation_at(position) => relation,
                FunctionArg::Named { name, arg: FunctionArgExpr::Expr(relation), .. } if is_relation(&name.value) => relation,
                FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(relation), .. }
                    if is_relation(&name.value) =>
                {
                    relation
                }
                _ => continue,
            };
            make_subquery(relation)?;
        }
        Ok(())
    }
}

/// Marks the calls in an argument of the [`Takes::Calls`] kind, so that they are not taken for SQL functions of the same name.
fn mark_calls(doc: &Doc, arguments: &mut [FunctionArg]) {
    for argument in arguments {
        let (name, list) = match argument {
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(list), .. }
            | FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(list), .. } => (name, list),
            _ => continue,
        };
        let takes = doc.arguments.iter().find(|argument| argument.name.eq_ignore_ascii_case(&name.value));
        if !takes.is_some_and(|argument| matches!(argument.takes, Takes::Calls(_))) {
            continue;
        }
        let elements = match list {
            Expr::Array(list) => list.elem.as_mut_slice(),
            other => std::slice::from_mut(other),
        };
        for element in elements {
            if let Expr::Function(call) = element
                && let [ObjectNamePart::Identifier(name)] = call.name.0.as_mut_slice()
            {
                *name = Ident::with_quote('"', marked(&name.value, 0));
            }
        }
    }
}

/// Turns the name, file or call `orders` into `(SELECT * FROM orders)`.
fn make_subquery(input: &mut Expr) -> Result<()> {
    let (name, arguments) = match input {
        Expr::Identifier(name) => (ObjectName::from(vec![name.clone()]), None),
        Expr::CompoundIdentifier(names) => (ObjectName::from(names.clone()), None),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(file) => (ObjectName::from(vec![Ident::with_quote('\'', file)]), None),
            _ => return Ok(()),
        },
        Expr::Function(call) => match &call.args {
            FunctionArguments::List(list) => (call.name.clone(), Some(list.args.clone())),
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    let mut query = parse_query("SELECT * FROM relation")?;
    let mut place = Relation { name, arguments };
    let _ = query.walk_mut(&mut place);
    *input = Expr::Subquery(query);
    Ok(())
}

/// Replaces each table of a query by a relation.
struct Relation {
    name: ObjectName,
    arguments: Option<Vec<FunctionArg>>,
}

impl VisitorMut for Relation {
    type Break = ();

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args, .. } = factor {
            *name = self.name.clone();
            *args = self.arguments.take().map(|args| TableFunctionArgs { args, settings: None });
        }
        ControlFlow::Continue(())
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = DataFusionError;

    fn pre_visit_statement(&mut self, statement: &mut Statement) -> ControlFlow<Self::Break> {
        rows_in_queries::statement(statement);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        json::expression(expression);
        unnested::expression(expression);
        let rewritten = postgres::expression(expression)
            .and_then(|()| elsewhere::expression(expression))
            .and_then(|()| spellings::expression(expression))
            .and_then(|()| named_arguments::place(expression))
            .and_then(|()| self.copies.expand(expression, self.state));
        rewritten::expression(expression);
        chains::balance(expression);
        continued(rewritten.and_then(|()| type_names::check(expression)))
    }

    fn post_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<Self::Break> {
        self.copies.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        // Queries whose names were told apart before have none to tell apart any more.
        let named = sorted_names::tell_apart(query, Place::From).and_then(|()| column_names::of_query(query, Place::Unseen));
        if let Err(error) = named {
            return ControlFlow::Break(error);
        }
        query.with.iter_mut().for_each(forward_names::sort);
        postgres::query(query);
        spellings::query(query);
        rewritten::query(query);
        names::tell_apart(query);
        self.tables.enter(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        // Calls are written out by now, and some of them are casts: group_concat(a) beside string_agg(a, ',').
        casts::tell_apart(query);
        continued(merged_columns::rewrite(query).and_then(|()| self.tables.leave(query)))
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<Self::Break> {
        self.tables.read(name);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        spellings::select(select);
        postgres::select(select);
        self.subqueries.name(select);
        rewritten::select(select);
        continued(joins::rewrite(select).and_then(|()| grouping::check(&select.group_by)))
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        // The planner looks for a function in FROM by its name as it is written.
        if let TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } = factor
            && let [ObjectNamePart::Identifier(name)] = name.0.as_mut_slice()
            && name.quote_style.is_none()
        {
            name.value = name.value.to_lowercase();
        }
        if let Err(error) = name_columns(factor).and_then(|()| postgres::factor(factor, self.state)) {
            return ControlFlow::Break(error);
        }
        let changed = unnested::factor(factor);
        rewritten::factor(factor);
        let changed = changed.and_then(|()| pivots::rewrite(factor)).and_then(|()| spellings::factor(factor));
        if let Err(error) = changed.and_then(|()| time_travel::rename(factor, self.state)) {
            return ControlFlow::Break(error);
        }
        let (name, arguments) = match factor {
            TableFactor::Table { name, args: Some(arguments), .. } => (name, arguments.args.as_mut_slice()),
            TableFactor::Function { name, args, .. } => (name, args.as_mut_slice()),
            _ => return ControlFlow::Continue(()),
        };
        let [part] = name.0.as_slice() else { return ControlFlow::Continue(()) };
        let Some(name) = part.as_ident().map(|name| name.value.clone()) else { return ControlFlow::Continue(()) };
        continued(self.call(&name, arguments))
    }
}

/// Names the columns of a subquery in FROM, and of subqueries that are arguments of a function in FROM.
fn name_columns(factor: &mut TableFactor) -> Result<()> {
    let arguments = match factor {
        TableFactor::Derived { subquery, .. } => return column_names::of_query(subquery, Place::From),
        TableFactor::Table { args: Some(arguments), .. } => arguments.args.as_mut_slice(),
        TableFactor::Function { args, .. } => args.as_mut_slice(),
        _ => return Ok(()),
    };
    for argument in arguments {
        let (FunctionArg::Unnamed(argument)
        | FunctionArg::Named { arg: argument, .. }
        | FunctionArg::ExprNamed { arg: argument, .. }) = argument;
        if let FunctionArgExpr::Expr(Expr::Subquery(query)) = argument {
            column_names::of_query(query, Place::Taken)?;
        }
    }
    Ok(())
}

fn continued(result: Result<()>) -> ControlFlow<DataFusionError> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}
