//! Parses text into statements, for all interfaces.

mod rewriting;

use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::{CopyToSource, DFParser, DFParserBuilder, Statement as SqlParsed};
use sqlparser::ast::{Expr, OnCommit, Query, SetExpr, Statement as SqlStatement, VisitorMut};
use sqlparser::dialect::{Dialect, dialect_from_str};
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use rewriting::{rewrite, rewrite_part};

use super::changing::within;
use super::client::{ClientCommand, ClientCopy, Declare};
use super::command::{self, Body, Command, Grammars};
use super::diagnostics::{self, place::Source};
use super::dialect::PortraitDialect;
use super::references::tables_in;
use super::schedule::{Action, ScheduleCommand, Script};
use super::syntax::column_names::{self, Place};
use super::syntax::creating;
use super::syntax::effort::Counting;
use super::syntax::{arrows, by_name, chains, conflicts, copies, explaining, nesting, postgres, shorthands, supported, tokens};
use super::written::Written;
use crate::error::invalid;
use crate::settings::PortraitSettings;
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
        let is_cursor = matches!(statement.parsed, Parsed::Command(_));
        let checked = match &mut statement.parsed {
            Parsed::Sql(parsed) | Parsed::Command(Command::Client(ClientCommand::Declare(Declare { query: parsed, .. }))) => {
                creating::statement(parsed);
                within::move_into_insert(parsed);
                let named = conflicts::statement(parsed).and_then(|()| column_names::of_statement(parsed));
                let check = if is_cursor { supported::check } else { supported::check_whole };
                named.and_then(|()| rewrite(parsed, state)).map(|()| check(parsed, state))
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
                Body::Script(_) | Body::Sequence(_) => Ok(Ok(())),
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
    tokens::join_texts(&mut tokens, dialect.as_ref()).map_err(nested)?;
    tokens::respell(&mut tokens)?;
    shorthands::within(&mut tokens, dialect.as_ref());
    by_name::rewrite(&mut tokens, dialect.as_ref())?;
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
                    None => match explaining::parse(parser).map_err(wrong)? {
                        Some(statement) => statement,
                        None => parser.parse_statement().map_err(wrong)?,
                    },
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

/// The tokens of what the engine itself wrote, without positions.
fn own_tokens(text: &str) -> Result<Vec<Token>, ParserError> {
    let tokens = Tokenizer::new(&PortraitDialect, text).tokenize()?;
    let mut tokens: Vec<TokenWithSpan> = tokens.into_iter().map(|token| TokenWithSpan { token, span: Span::empty() }).collect();
    arrows::mark(&mut tokens);
    Ok(tokens.into_iter().map(|token| token.token).collect())
}

/// Parses one query that the engine itself wrote, without rewriting. Its parts have no positions, because it is not in the user's text.
pub fn parse_query(query: &str) -> Result<Box<Query>> {
    own_tokens(query)
        .and_then(|tokens| sqlparser::parser::Parser::new(&PortraitDialect).with_tokens(tokens).parse_query())
        .map_err(|error| DataFusionError::SQL(Box::new(error), None))
}

/// Parses one expression that the engine itself wrote.
///
/// # Errors
/// The text is not an expression.
pub fn parse_expression(expression: &str) -> Result<Expr> {
    own_tokens(expression)
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
