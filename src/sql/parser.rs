//! One way from text to statements, for every interface.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::{CopyToSource, DFParserBuilder, Statement as SqlParsed};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, Query, Statement as SqlStatement, TableAlias, TableFactor, Value, VisitMut,
    VisitorMut,
};
use sqlparser::dialect::{Dialect, dialect_from_str};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::command::{self, Body, Command};
use super::dialect::PortraitDialect;
use super::{chains, time_travel};
use crate::adapter::definitions;
use crate::docs::Takes;
use crate::error::{did_you_mean, invalid};
use crate::functions;
use crate::settings::PortraitSettings;

/// One statement of a script.
#[derive(Debug)]
pub struct Statement {
    /// As it was written.
    pub text: String,
    /// The comment lines right before it, without their dashes.
    pub comment: String,
    /// The line of the script it begins on, from 1.
    pub line: u64,
    /// As it was understood.
    pub parsed: Parsed,
}

/// A statement as it was understood.
#[derive(Debug)]
pub enum Parsed {
    /// A statement that DataFusion plans.
    Sql(Box<SqlParsed>),
    /// A statement over a named object.
    Command(Command),
}

impl Parsed {
    /// The statement for DataFusion's planner.
    ///
    /// # Errors
    /// It is one over a named object, which only a session executes.
    pub fn into_sql(self) -> Result<SqlParsed> {
        match self {
            Self::Sql(parsed) => Ok(*parsed),
            Self::Command(_) => {
                Err(invalid("statement", "profiles, tags and segments are made and refreshed by a session of the engine"))
            }
        }
    }
}

/// Splits and parses a script.
///
/// # Errors
/// A syntax error with its line and column; an expression too deep to be planned; an unknown function in FROM.
pub fn parse(sql: &str, state: &SessionState) -> Result<Vec<Statement>> {
    parse_with(sql, state, dialect(state)?.as_ref(), state.config_options().sql_parser.recursion_limit.into())
}

/// The one query of a text that was put together from parts parsed before, which stand deeper in it than they did alone.
pub fn parse_composed(sql: &str, state: &SessionState) -> Result<SqlParsed> {
    let depth: usize = state.config_options().sql_parser.recursion_limit.into();
    // What was parsed is printed as generic SQL: in a text, a backslash stands for itself.
    let mut statements = parse_with(sql, state, &PortraitDialect, depth.saturating_mul(2))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement { parsed, .. }), true) => parsed.into_sql(),
        _ => Err(invalid("syntax", format!("expected one query, found {sql}"))),
    }
}

fn parse_with(sql: &str, state: &SessionState, dialect: &dyn Dialect, depth: usize) -> Result<Vec<Statement>> {
    let options: &ConfigOptions = state.config_options();
    let tokens = Tokenizer::new(dialect, sql)
        .tokenize_with_location()
        .map_err(|error| DataFusionError::SQL(Box::new(error.into()), None))?;
    chains::check(&tokens, PortraitSettings::of(options).max_operators)?;
    let places = Places::new(sql);
    let last = tokens.last().map_or(Location { line: 1, column: 1 }, |token| token.span.end);
    let mut parser = DFParserBuilder::new(tokens).with_dialect(dialect).with_recursion_limit(depth).build()?;
    let mut statements = vec![];
    let mut previous_end = Location { line: 1, column: 1 };
    loop {
        while parser.parser.consume_token(&Token::SemiColon) {}
        let first: TokenWithSpan = parser.parser.peek_token();
        if first.token == Token::EOF {
            return Ok(statements);
        }
        let mut parsed = match command::parse(&mut parser.parser)? {
            Some(command) => Parsed::Command(command),
            None => Parsed::Sql(Box::new(parser.parse_statement()?)),
        };
        let next = parser.parser.peek_token();
        let end = match next.token {
            Token::SemiColon => next.span.start,
            Token::EOF => last,
            other => {
                let Location { line, column } = next.span.start;
                return Err(invalid(
                    "syntax",
                    format!("expected the end of the statement, found {other} at line {line}, column {column}"),
                ));
            }
        };
        match &mut parsed {
            Parsed::Sql(parsed) => rewrite(parsed, state)?,
            Parsed::Command(Command::Create(create)) => match &mut create.body {
                Body::Query(query) => rewrite_part(query.as_mut(), state)?,
                Body::Condition(condition) => rewrite_part(condition.as_mut(), state)?,
            },
            Parsed::Command(_) => {}
        }
        let text = places.slice(first.span.start, end).trim().to_string();
        let comment = comment_of(places.slice(previous_end, first.span.start));
        previous_end = end;
        statements.push(Statement { text, comment, line: first.span.start.line, parsed });
    }
}

/// The session's dialect; the generic one is ours, with `FOR SYSTEM_TIME AS OF`.
fn dialect(state: &SessionState) -> Result<Box<dyn Dialect>> {
    let name = state.config_options().sql_parser.dialect;
    match dialect_from_str(name) {
        Some(_) if name == datafusion::config::Dialect::Generic => Ok(Box::new(PortraitDialect)),
        Some(dialect) => Ok(dialect),
        None => Err(invalid("datafusion.sql_parser.dialect", format!("{name} is not known"))),
    }
}

/// Parses one query, as it is.
pub fn parse_query(query: &str, state: &SessionState) -> Result<Box<Query>> {
    sqlparser::parser::Parser::new(dialect(state)?.as_ref())
        .try_with_sql(query)
        .and_then(|mut parser| parser.parse_query())
        .map_err(|error| DataFusionError::SQL(Box::new(error), None))
}

/// CREATE VIEW IF NOT EXISTS, which DataFusion does not plan: takes the words out and tells that they were there.
pub fn take_if_not_exists(parsed: &mut SqlParsed) -> bool {
    match parsed {
        SqlParsed::Statement(statement) => match statement.as_mut() {
            SqlStatement::CreateView(view) => std::mem::take(&mut view.if_not_exists),
            _ => false,
        },
        _ => false,
    }
}

/// CREATE TEMPORARY TABLE, which DataFusion does not plan: takes the word out and tells that it was there.
pub fn take_temporary(parsed: &mut SqlParsed) -> bool {
    match parsed {
        SqlParsed::Statement(statement) => match statement.as_mut() {
            SqlStatement::CreateTable(table) => std::mem::take(&mut table.temporary),
            _ => false,
        },
        _ => false,
    }
}

fn comment_of(before: &str) -> String {
    let lines: Vec<&str> = before.lines().filter_map(|line| line.trim().strip_prefix("--")).map(str::trim).collect();
    lines.join("\n")
}

/// Byte offsets of lines, to cut statements out of a script.
struct Places<'a> {
    sql: &'a str,
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    fn new(sql: &'a str) -> Self {
        let starts = sql.match_indices('\n').map(|(newline, _)| newline + 1);
        Self { sql, lines: std::iter::once(0).chain(starts).collect() }
    }

    fn offset(&self, place: Location) -> usize {
        let line = usize::try_from(place.line).unwrap_or(1).saturating_sub(1);
        let Some(start) = self.lines.get(line) else { return self.sql.len() };
        let column = usize::try_from(place.column).unwrap_or(1).saturating_sub(1);
        let rest = &self.sql[*start..];
        start + rest.char_indices().nth(column).map_or(rest.len(), |(offset, _)| offset)
    }

    fn slice(&self, from: Location, to: Location) -> &'a str {
        let (from, to) = (self.offset(from), self.offset(to));
        &self.sql[from..to.max(from)]
    }
}

fn rewrite(parsed: &mut SqlParsed, state: &SessionState) -> Result<()> {
    match visit(parsed, &mut Rewriter::new(state)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

fn rewrite_part(part: &mut impl VisitMut, state: &SessionState) -> Result<()> {
    match part.visit(&mut Rewriter::new(state)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Walks through every query of a statement.
pub fn visit<V: VisitorMut>(parsed: &mut SqlParsed, visitor: &mut V) -> ControlFlow<V::Break> {
    match parsed {
        SqlParsed::Statement(statement) => statement.visit(visitor),
        SqlParsed::CopyTo(copy) => match &mut copy.source {
            CopyToSource::Query(query) => query.visit(visitor),
            CopyToSource::Relation(_) => ControlFlow::Continue(()),
        },
        SqlParsed::Explain(explain) => visit(&mut explain.statement, visitor),
        SqlParsed::CreateExternalTable(_) | SqlParsed::Reset(_) => ControlFlow::Continue(()),
    }
}

/// Balances long conditions, and makes the input of a relation function a subquery.
///
/// DataFusion looks tables up before it plans, where it reads FROM and nowhere else: `rfm(orders, …)` becomes
/// `rfm((SELECT * FROM orders), …)`, so that the table is found, whether it is a table, a view, a CTE or a file.
struct Rewriter<'a> {
    state: &'a SessionState,
    relations: HashSet<&'static str>,
    macros: HashSet<&'static str>,
}

impl<'a> Rewriter<'a> {
    fn new(state: &'a SessionState) -> Self {
        let sets = functions::all();
        let relations = sets.iter().flat_map(|set| set.relations.iter().map(|function| function.doc().name)).collect();
        let macros = sets.iter().flat_map(|set| set.macros.iter().map(|function| function.doc().name)).collect();
        Self { state, relations, macros }
    }

    fn call(&self, name: &str, arguments: &mut [FunctionArg]) -> Result<()> {
        let name = name.to_lowercase();
        if self.macros.contains(name.as_str()) {
            // Replaced by its query when the statement is planned: what it stands for may be made earlier in the script.
            return Ok(());
        }
        if !self.relations.contains(name.as_str()) {
            let others = self.state.table_functions();
            if others.contains_key(&name) {
                return Ok(());
            }
            let known = self.relations.iter().chain(&self.macros).copied().chain(others.keys().map(String::as_str));
            let suggestion = did_you_mean(&name, known);
            return Err(invalid(&name, format!("no such function in FROM{suggestion}; \\df or system.functions lists them")));
        }
        let Some(function) = super::relation_function(&name) else { return Ok(()) };
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
            make_subquery(relation, self.state)?;
        }
        Ok(())
    }
}

/// Makes `(SELECT * FROM orders)` of the name, file or call `orders`.
fn make_subquery(input: &mut Expr, state: &SessionState) -> Result<()> {
    let relation = match input {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Function(_) => input.to_string(),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(file) => format!("'{}'", file.replace('\'', "''")),
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    *input = Expr::Subquery(parse_query(&format!("SELECT * FROM {relation}"), state)?);
    Ok(())
}

/// `information_schema.tables` and `.columns` with the comments of what is published: DataFusion's have none.
fn with_comments(factor: &mut TableFactor, state: &SessionState) -> Result<()> {
    let TableFactor::Table { name, alias, args: None, .. } = factor else { return Ok(()) };
    let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident().map(command::normal)).collect();
    let [.., schema, table] = parts.as_slice() else { return Ok(()) };
    let (comment, column) = match (schema.as_str(), table.as_str()) {
        ("information_schema", "tables") => ("table_comment", "described.column_name IS NULL"),
        ("information_schema", "columns") => ("column_comment", "described.column_name = listed.column_name"),
        _ => return Ok(()),
    };
    if !definitions::is_known(state.config()) {
        return Ok(());
    }
    let subquery = parse_query(
        &format!(
            "SELECT listed.*, described.comment AS {comment} FROM {name} AS listed LEFT JOIN system.comments AS described
             ON described.table_schema = listed.table_schema AND described.table_name = listed.table_name AND {column}"
        ),
        state,
    )?;
    let own = || TableAlias { explicit: true, name: Ident::new(table.as_str()), columns: vec![], at: None };
    let alias = Some(alias.take().unwrap_or_else(own));
    *factor = TableFactor::Derived { lateral: false, subquery, alias, sample: None };
    Ok(())
}

impl VisitorMut for Rewriter<'_> {
    type Break = DataFusionError;

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        match with_comments(factor, self.state) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        chains::balance(expression);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        if let Err(error) = time_travel::rename(factor, self.state) {
            return ControlFlow::Break(error);
        }
        let (name, arguments) = match factor {
            TableFactor::Table { name, args: Some(arguments), .. } => (name, arguments.args.as_mut_slice()),
            TableFactor::Function { name, args, .. } => (name, args.as_mut_slice()),
            _ => return ControlFlow::Continue(()),
        };
        let [part] = name.0.as_slice() else { return ControlFlow::Continue(()) };
        let Some(name) = part.as_ident().map(|name| name.value.clone()) else { return ControlFlow::Continue(()) };
        match self.call(&name, arguments) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}
