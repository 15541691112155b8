//! Parses text into statements, for all interfaces.

use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::{CopyToSource, DFParser, DFParserBuilder, Statement as SqlParsed};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart, OnCommit, Query, Select, SetExpr,
    Statement as SqlStatement, TableFactor, TableFunctionArgs, Value, VisitMut, VisitorMut,
};
use sqlparser::dialect::{Dialect, dialect_from_str};
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use super::client::{ClientCommand, ClientCopy, Declare};
use super::command::{self, Body, Command, Grammars};
use super::diagnostics::{self, place::Source};
use super::dialect::PortraitDialect;
use super::references::tables_in;
use super::schedule::{Action, ScheduleCommand, Script};
use super::syntax::column_names::{self, Place};
use super::syntax::creating;
use super::syntax::effort::Counting;
use super::syntax::expression_macros::Copies;
use super::syntax::size::Tables;
use super::syntax::unnamed_subqueries::UnnamedSubqueries;
use super::syntax::{
    casts, chains, copies, grouping, joins, merged_columns, named_arguments, names, nesting, pivots, postgres, rewritten,
    shorthands, sorted_names, spellings, supported, type_names,
};
use super::time_travel;
use super::written::Written;
use crate::docs::{Doc, Takes};
use crate::error::invalid;
use crate::settings::PortraitSettings;
use crate::text::marked;
use crate::walk::WalkMut;

/// One statement of a script.
#[derive(Debug)]
pub struct Statement {
    /// The text as written.
    pub text: String,
    /// The comment lines right before it, without `--`.
    pub comment: String,
    /// The line of the script on which it begins, from 1.
    pub line: u64,
    /// The column of that line, from 1.
    pub(crate) column: u64,
    /// The parsed statement.
    pub(crate) parsed: Parsed,
}

impl Statement {
    /// The COPY from or to the client, if the statement is one.
    pub fn client_copy(&self) -> Option<&ClientCopy> {
        match &self.parsed {
            Parsed::Command(Command::Client(ClientCommand::Copy(copy))) => Some(copy),
            _ => None,
        }
    }

    /// True for statements that compute, which are subject to the limit on concurrent statements.
    pub(crate) fn takes_turn(&self) -> bool {
        self.parsed.takes_turn()
    }

    /// Its position in the script.
    pub(crate) fn place(&self) -> Location {
        Location { line: self.line, column: self.column }
    }
}

/// A parsed statement.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one per statement, and moved a few times")]
pub enum Parsed {
    /// A statement that DataFusion plans.
    Sql(Box<SqlParsed>),
    /// A statement about a named object, or another one that only the engine executes.
    Command(Command),
}

impl Parsed {
    /// True for statements that compute, which are subject to the limit on concurrent statements. Statements that set something or read
    /// only system tables are exempt, so that running statements can be seen and cancelled while everything is busy.
    pub fn takes_turn(&self) -> bool {
        let parsed = match self {
            Self::Sql(parsed) => parsed.as_ref(),
            Self::Command(Command::Client(ClientCommand::Copy(_))) => return true,
            Self::Command(command) => return matches!(command, Command::Create(_) | Command::Refresh(_) | Command::Check(_)),
        };
        match parsed {
            SqlParsed::Statement(statement) => match statement.as_ref() {
                SqlStatement::Query(query) => {
                    let is_constant = matches!(query.body.as_ref(), SetExpr::Select(select) if select.from.is_empty());
                    let tables = tables_in(query.as_ref());
                    let is_of_system = |table: &Vec<String>| match table.as_slice() {
                        [name] => name.starts_with("pg_"),
                        [.., schema, _] => matches!(schema.as_str(), "system" | "pg_catalog" | "information_schema"),
                        [] => false,
                    };
                    if tables.is_empty() { !is_constant } else { !tables.iter().all(is_of_system) }
                }
                SqlStatement::Insert(_)
                | SqlStatement::Update(_)
                | SqlStatement::Delete(_)
                | SqlStatement::Merge(_)
                | SqlStatement::CreateTable(_)
                | SqlStatement::Explain { .. } => true,
                _ => false,
            },
            SqlParsed::CopyTo(_) | SqlParsed::Explain(_) => true,
            SqlParsed::CreateExternalTable(_) | SqlParsed::Reset(_) => false,
        }
    }

    /// The SQL whose parameters have values: the statement itself, or the query of a cursor.
    pub fn sql(&self) -> Option<&SqlParsed> {
        match self {
            Self::Sql(parsed) | Self::Command(Command::Client(ClientCommand::Declare(Declare { query: parsed, .. }))) => {
                Some(parsed)
            }
            Self::Command(_) => None,
        }
    }

    /// Like [`Self::sql`], to change it.
    pub fn sql_mut(&mut self) -> Option<&mut SqlParsed> {
        match self {
            Self::Sql(parsed) | Self::Command(Command::Client(ClientCommand::Declare(Declare { query: parsed, .. }))) => {
                Some(parsed)
            }
            Self::Command(_) => None,
        }
    }

    /// The statement for DataFusion's planner.
    ///
    /// # Errors
    /// It is a [`Command`], which only a session can execute.
    pub fn into_sql(self) -> Result<SqlParsed> {
        match self {
            Self::Sql(parsed) => Ok(*parsed),
            Self::Command(_) => {
                Err(invalid("statement", "profiles, tags and segments are made and refreshed by a session of the engine"))
            }
        }
    }
}

/// Splits and parses a script. `grammars` are the grammars of the kinds of objects.
///
/// # Errors
/// A syntax error with line and column, an expression that is too deep to plan, or an unknown function in FROM.
pub fn parse(sql: &str, state: &SessionState, grammars: &Grammars) -> Result<Vec<Statement>> {
    let depth = state.config_options().sql_parser.recursion_limit.into();
    parse_with(sql, state, dialect(state)?, depth, grammars, Places::OfText)
}

/// Parses the statement of a stored definition. Definitions are always stored in Portrait's dialect, whatever the dialect of the session
/// that created them.
///
/// # Errors
/// Same as [`parse`].
pub fn parse_definition(sql: &str, state: &SessionState, grammars: &Grammars) -> Result<Vec<Statement>> {
    let depth = state.config_options().sql_parser.recursion_limit.into();
    parse_with(sql, state, Box::new(PortraitDialect), depth, grammars, Places::OfText)
}

/// Like [`parse_definition`], but without any rewriting, so that every part keeps its position in the text.
///
/// # Errors
/// Same as [`parse`].
pub fn parse_as_written(sql: &str, state: &SessionState, grammars: &Grammars) -> Result<Vec<Statement>> {
    let depth = state.config_options().sql_parser.recursion_limit.into();
    split(sql, state, Box::new(PortraitDialect), depth, grammars, Places::OfText)
}

/// Parses a query composed of parts that were parsed before. The parts are nested deeper now than they were alone, so twice the depth is
/// allowed.
pub fn parse_composed(sql: &str, state: &SessionState) -> Result<SqlParsed> {
    let depth: usize = state.config_options().sql_parser.recursion_limit.into();
    // The parts were printed as generic SQL, in which a backslash in a string has no special meaning.
    let mut statements = parse_with(sql, state, Box::new(PortraitDialect), depth.saturating_mul(2), &[], Places::None)?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement { parsed, .. }), true) => parsed.into_sql(),
        _ => Err(invalid("syntax", format!("expected one query, found {sql}"))),
    }
}

fn parse_with(
    sql: &str,
    state: &SessionState,
    dialect: Box<dyn Dialect>,
    depth: usize,
    grammars: &Grammars,
    places: Places,
) -> Result<Vec<Statement>> {
    let is_own = dialect.is::<PortraitDialect>();
    let mut statements = split(sql, state, dialect, depth, grammars, places)?;
    for statement in &mut statements {
        if let Some(Script::Text(script)) = script_in(&mut statement.parsed) {
            // Report errors in the script now, at their place in the text.
            let parse = if is_own { parse_definition } else { parse };
            parse(&script.in_place(), state, grammars)?;
        }
        let checked = match &mut statement.parsed {
            Parsed::Sql(parsed) | Parsed::Command(Command::Client(ClientCommand::Declare(Declare { query: parsed, .. }))) => {
                creating::statement(parsed);
                let named = column_names::of_statement(parsed);
                named.and_then(|()| rewrite(parsed, state)).map(|()| supported::check(parsed, state))
            }
            Parsed::Command(Command::Create(create)) => match &mut create.body {
                Body::Query(query) => {
                    // Tags and models name their expressions themselves.
                    let place = if create.target.grammar.word() == "function" { Place::From } else { Place::Unseen };
                    let named = column_names::of_query(query, place);
                    named.and_then(|()| rewrite_part(query.as_mut(), state)).map(|()| supported::check_query(query, state))
                }
                Body::Condition(condition) => {
                    postgres::in_conditions(condition.as_mut());
                    rewrite_part(condition.as_mut(), state).map(|()| supported::check_condition(condition, state))
                }
                Body::Sql(parsed) => {
                    let named = column_names::of_statement(parsed);
                    named.and_then(|()| rewrite(parsed, state)).map(|()| supported::check(parsed, state))
                }
                Body::Script(_) => Ok(Ok(())),
            },
            Parsed::Command(_) => Ok(Ok(())),
        };
        let place = Location { line: statement.line, column: statement.column };
        let source = Source::new(&statement.text, place);
        let checked = checked.map_err(|error| diagnostics::planning::error(error, source, state, false))?;
        checked.map_err(|refusal| diagnostics::refused(&refusal, source))?;
    }
    Ok(statements)
}

/// Splits a script into statements and parses them, without rewriting.
fn split(
    sql: &str,
    state: &SessionState,
    dialect: Box<dyn Dialect>,
    depth: usize,
    grammars: &Grammars,
    places: Places,
) -> Result<Vec<Statement>> {
    let options: &ConfigOptions = state.config_options();
    let mut tokens = Tokenizer::new(dialect.as_ref(), sql)
        .tokenize_with_location()
        .map_err(|error| diagnostics::syntax::error(DataFusionError::SQL(Box::new(error.into()), None), Source::script(sql)))?;
    // Taken before tokens are replaced, because replacements have the position of the original.
    let last = tokens.last().map_or(Location { line: 1, column: 1 }, |token| token.span.end);
    let nested = |error| diagnostics::syntax::nested(error, Source::script(sql));
    shorthands::join_texts(&mut tokens, dialect.as_ref()).map_err(nested)?;
    shorthands::respell(&mut tokens)?;
    shorthands::within(&mut tokens, dialect.as_ref());
    nesting::check(&tokens, depth).map_err(nested)?;
    chains::check(&tokens, PortraitSettings::of(options).max_operators)?;
    if places == Places::None {
        tokens.iter_mut().for_each(|token| token.span = Span::empty());
    }
    let dialect = Counting::new(dialect, tokens.len());
    // One level of nesting takes several calls of the parser: a query contains a comparison, which contains an operand.
    let calls = depth.saturating_mul(CALLS_A_LEVEL);
    let mut parser = DFParserBuilder::new(tokens).with_dialect(&dialect).with_recursion_limit(calls).build()?;
    let statements = statements(&mut parser, sql, last, grammars);
    match (dialect.given_up(), statements) {
        (Some(error), _) => Err(error),
        (None, Err(DataFusionError::SQL(error, _))) if *error == ParserError::RecursionLimitExceeded => {
            let problem =
                "is nested too deeply; name what is inside in a WITH query, or raise datafusion.sql_parser.recursion_limit";
            Err(nested(nesting::at(dialect.furthest(), problem)))
        }
        (None, statements) => statements,
    }
}

/// How many calls counted by the parser's recursion limit one level of nesting may take.
const CALLS_A_LEVEL: usize = 6;

fn statements(parser: &mut DFParser<'_>, sql: &str, last: Location, grammars: &Grammars) -> Result<Vec<Statement>> {
    let lines = Lines::new(sql);
    let mut statements = vec![];
    let mut previous_end = Location { line: 1, column: 1 };
    loop {
        while parser.parser.consume_token(&Token::SemiColon) {}
        let first: TokenWithSpan = parser.parser.peek_token();
        if first.token == Token::EOF {
            return Ok(statements);
        }
        let wrong = |error| diagnostics::syntax::error(error, Source::script(sql));
        let mut parsed = match command::parse(&mut parser.parser, grammars).map_err(wrong)? {
            Some(command) => Parsed::Command(command),
            None if let Some(refusal) = command::refused(&parser.parser, grammars) => {
                return Err(diagnostics::refused(&refusal, Source::script(sql)));
            }
            None => Parsed::Sql(Box::new(match copies::parse(&mut parser.parser).map_err(|error| wrong(error.into()))? {
                Some(statement) => statement,
                None => match shorthands::parse(&mut parser.parser).map_err(|error| wrong(error.into()))? {
                    Some(statement) => SqlParsed::Statement(Box::new(statement)),
                    None => parser.parse_statement().map_err(wrong)?,
                },
            })),
        };
        let next = parser.parser.peek_token();
        let end = match next.token {
            Token::SemiColon => next.span.start,
            Token::EOF => last,
            _ => return Err(diagnostics::syntax::not_the_end(&next, Source::script(sql))),
        };
        if let Some(Script::Text(script)) = script_in(&mut parsed) {
            script.fill(|from, to| lines.slice(from, to));
        }
        let text = lines.slice(first.span.start, end).trim().to_string();
        let comment = comment_of(lines.slice(previous_end, first.span.start));
        previous_end = end;
        statements.push(Statement { text, comment, line: first.span.start.line, column: first.span.start.column, parsed });
    }
}

/// The script in a statement that is stored for later.
fn script_in(parsed: &mut Parsed) -> Option<&mut Script> {
    match parsed {
        Parsed::Command(Command::Create(create)) => match &mut create.body {
            Body::Script(script) => Some(script),
            _ => None,
        },
        Parsed::Command(Command::Schedule(ScheduleCommand { action: Action::Script(script), .. })) => Some(script),
        _ => None,
    }
}

/// The text of a session's statement, translated to Portrait's dialect.
///
/// # Errors
/// It cannot be tokenized, or is not valid in that dialect.
pub fn as_own_dialect(sql: &str, state: &SessionState, grammars: &Grammars) -> Result<String> {
    if state.config_options().sql_parser.dialect == datafusion::config::Dialect::Generic {
        return Ok(sql.to_string());
    }
    let written = Written::read(sql, dialect(state)?.as_ref())?.to_string();
    parse_definition(&written, state, grammars)?;
    Ok(written.trim_end().to_string())
}

/// The session's dialect. `generic` means Portrait's own, which adds `FOR SYSTEM_TIME AS OF`.
fn dialect(state: &SessionState) -> Result<Box<dyn Dialect>> {
    let name = state.config_options().sql_parser.dialect;
    match dialect_from_str(name) {
        Some(_) if name == datafusion::config::Dialect::Generic => Ok(Box::new(PortraitDialect)),
        Some(dialect) => Ok(dialect),
        None => Err(invalid("datafusion.sql_parser.dialect", format!("{name} is unknown"))),
    }
}

/// Parses one query that the engine itself wrote, without rewriting. Its parts have no positions, because it is not in the user's text.
pub fn parse_query(query: &str) -> Result<Box<Query>> {
    let tokens = Tokenizer::new(&PortraitDialect, query).tokenize();
    tokens
        .map_err(ParserError::from)
        .and_then(|tokens| sqlparser::parser::Parser::new(&PortraitDialect).with_tokens(tokens).parse_query())
        .map_err(|error| DataFusionError::SQL(Box::new(error), None))
}

/// Parses one expression that the engine itself wrote.
///
/// # Errors
/// The text is not an expression.
pub fn parse_expression(expression: &str) -> Result<Expr> {
    let tokens = Tokenizer::new(&PortraitDialect, expression).tokenize();
    tokens
        .map_err(ParserError::from)
        .and_then(|tokens| sqlparser::parser::Parser::new(&PortraitDialect).with_tokens(tokens).parse_expr())
        .map_err(|error| DataFusionError::SQL(Box::new(error), None))
}

/// Removes IF NOT EXISTS from CREATE VIEW, because DataFusion does not plan it; returns whether it was there.
pub fn take_if_not_exists(parsed: &mut SqlParsed) -> bool {
    match parsed {
        SqlParsed::Statement(statement) => match statement.as_mut() {
            SqlStatement::CreateView(view) => std::mem::take(&mut view.if_not_exists),
            _ => false,
        },
        _ => false,
    }
}

/// Removes TEMPORARY and ON COMMIT from CREATE TABLE, because DataFusion plans neither; returns what COMMIT does to the table.
pub fn take_temporary(parsed: &mut SqlParsed) -> Option<OnCommit> {
    let SqlParsed::Statement(statement) = parsed else { return None };
    let SqlStatement::CreateTable(table) = statement.as_mut() else { return None };
    table.temporary = false;
    table.on_commit.take()
}

fn comment_of(before: &str) -> String {
    let lines: Vec<&str> = before.lines().filter_map(|line| line.trim().strip_prefix("--")).map(str::trim).collect();
    lines.join("\n")
}

/// Whether the parts of a syntax tree have positions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Places {
    /// Positions in the text that the user wrote.
    OfText,
    /// No positions: the engine composed the text, so an error in it has no place in what the user wrote.
    None,
}

/// The byte offsets of lines, for cutting statements out of a script.
struct Lines<'a> {
    sql: &'a str,
    lines: Vec<usize>,
}

impl<'a> Lines<'a> {
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
    match part.walk_mut(&mut Rewriter::new(state)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Visits every query of a statement.
pub fn visit<V: VisitorMut>(parsed: &mut SqlParsed, visitor: &mut V) -> ControlFlow<V::Break> {
    match parsed {
        SqlParsed::Statement(statement) => statement.walk_mut(visitor),
        SqlParsed::CopyTo(copy) => match &mut copy.source {
            CopyToSource::Query(query) => query.walk_mut(visitor),
            CopyToSource::Relation(_) => ControlFlow::Continue(()),
        },
        SqlParsed::Explain(explain) => visit(&mut explain.statement, visitor),
        SqlParsed::CreateExternalTable(_) | SqlParsed::Reset(_) => ControlFlow::Continue(()),
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
        if let Some(doc) = super::page_in_from(name) {
            mark_calls(doc, arguments);
        }
        let Some(function) = super::relation_function(name) else { return Ok(()) };
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

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        let rewritten = postgres::expression(expression)
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
        postgres::query(query);
        spellings::query(query);
        rewritten::query(query);
        names::tell_apart(query);
        casts::tell_apart(query);
        self.tables.enter(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
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
        if let Err(error) = name_columns(factor).and_then(|()| postgres::factor(factor, self.state)) {
            return ControlFlow::Break(error);
        }
        rewritten::factor(factor);
        let changed = pivots::rewrite(factor).and_then(|()| spellings::factor(factor));
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
