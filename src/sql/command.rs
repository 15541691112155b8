//! Statements about named objects. They share one grammar:
//! `CREATE [OR REPLACE] kind [IF NOT EXISTS] name [ON profile] [WITH (option = constant, …)] AS body`, `DROP`, `SHOW`, `DESCRIBE`,
//! `REFRESH`.
//!
//! This module does not know the kinds of objects; the caller passes their grammars.

use std::fmt::Debug;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Expr, Ident, ObjectName, Query};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::alter_system::{self, AlterSystem};
use super::client::{self, ClientCommand};
use super::erasing::{self, Erasing};
use super::experiment::{self, AlterExperiment};
use super::granting::{self, Granting};
use super::moving::{self, SetSchema};
use super::protection::{self, Protection, SetClass};
use super::schedule::{self, ScheduleCommand, Script};
use super::sequence::{self, NewSequence, SequenceCommand};
use super::syntax::supported::Refusal;
use super::tag::{self, AlterTag};

pub use crate::adapter::definitions::Parameter;

/// How statements about one kind of object are written.
pub trait Grammar: Debug + Send + Sync {
    /// The keyword for the kind, in lower case, such as `tag`.
    fn word(&self) -> &'static str;

    /// The plural of the keyword, in lower case.
    fn plural(&self) -> String {
        format!("{}s", self.word())
    }

    /// True for objects that belong to a profile, whose names are followed by `ON profile`.
    fn is_of_profile(&self) -> bool {
        false
    }

    /// True for objects that are declared on a table, whose names are followed by `ON table`.
    fn is_on_table(&self) -> bool {
        false
    }

    /// True for kinds that REFRESH computes.
    fn is_refreshed(&self) -> bool {
        false
    }

    /// True for tables and views, whose CREATE and DROP are parsed by sqlparser.
    fn is_of_sql(&self) -> bool {
        false
    }

    /// True when the name is followed by parameters, `name(a BIGINT DEFAULT 1, …)`.
    fn takes_parameters(&self) -> bool {
        false
    }

    /// True when parameters in the body get their values when the object runs.
    fn keeps_parameters(&self) -> bool {
        false
    }

    /// True for objects that protect values or rows, whose names are followed by `ON`, `USING` and `FOR`.
    fn protects(&self) -> bool {
        false
    }

    /// Parses what follows `AS`.
    fn body(&self, parser: &mut Parser<'_>) -> Result<Body, ParserError> {
        parser.parse_query().map(Body::Query)
    }
}

/// The grammars of all kinds.
pub type Grammars = [&'static dyn Grammar];

/// A statement about a named object.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one per statement, and moved a few times")]
pub enum Command {
    /// `CREATE …`
    Create(Box<Create>),
    /// `DROP …` of one object or several.
    Drop(Vec<Target>, IfExists),
    /// `SHOW PROFILES`, …
    Show(&'static dyn Grammar),
    /// `DESCRIBE …`
    Describe(Target),
    /// `REFRESH …`
    Refresh(Refresh),
    /// `EXPLAIN REFRESH …`
    ExplainRefresh(Refresh),
    /// `BACKUP DATABASE TO 'archive'`
    BackUp(String),
    /// `COPY REPORT profile TO 'file.html'`, `COPY CARD profile FOR key TO 'file.html'`
    Report(Box<Report>),
    /// Cursors, COPY with the client and similar statements.
    Client(ClientCommand),
    /// `COMMENT ON …`
    Comment(Comment),
    /// `GRANT …`, `REVOKE …`
    Grant(Granting),
    /// `CHECK TABLE …`
    Check(Vec<ObjectName>),
    /// `RUN`, `PAUSE`, `RESUME` and `ALTER` of a schedule.
    Schedule(ScheduleCommand),
    /// `ALTER EXPERIMENT …`
    AlterExperiment(AlterExperiment),
    /// `ALTER TAG …`
    AlterTag(AlterTag),
    /// `ALTER … ALTER COLUMN … SET CLASS`
    SetClass(SetClass),
    /// `ERASE SUBJECT …`, `EXPORT SUBJECT …`, `RETAIN …`, `REFRESH RETENTION`
    Erasing(Erasing),
    /// `ALTER SYSTEM …`
    AlterSystem(AlterSystem),
    /// `ALTER … SET SCHEMA …` of a table or view
    SetSchema(SetSchema),
    /// `ALTER SEQUENCE …`, `DROP SEQUENCE …`
    Sequence(SequenceCommand),
}

/// A report on a profile, or a card on one of its customers.
#[derive(Debug, Clone)]
pub struct Report {
    pub profile: String,
    /// The key of the customer, for a card.
    pub key: Option<Expr>,
    pub target: String,
    pub options: Vec<(String, Expr)>,
}

/// `COMMENT [IF EXISTS] ON …`
#[derive(Debug, Clone)]
pub struct Comment {
    pub if_exists: bool,
    pub on: CommentOn,
    /// `None` removes the comment.
    pub text: Option<String>,
}

/// What a comment is on.
#[derive(Debug, Clone)]
pub enum CommentOn {
    /// A table, view, external table or sequence, with the keyword that was written.
    Relation(&'static str, ObjectName),
    /// A column, qualified by its table.
    Column(ObjectName),
    Object(Target),
}

impl Command {
    /// The command tag, such as `CREATE TAG`.
    pub fn tag(&self) -> String {
        let (verb, grammar) = match self {
            Self::Create(create) => ("CREATE", create.target.grammar),
            Self::Drop(targets, _) => match targets.first() {
                Some(target) => ("DROP", target.grammar),
                None => return "DROP".into(),
            },
            Self::Refresh(refresh) => ("REFRESH", refresh.target.grammar),
            Self::BackUp(_) => return "BACKUP".into(),
            Self::Report(_) => return "COPY".into(),
            Self::Check(_) => return "CHECK TABLE".into(),
            Self::Client(command) => return command.tag().into(),
            Self::Comment(_) => return "COMMENT".into(),
            Self::Grant(granting) => return granting.tag().into(),
            Self::Schedule(command) => return command.tag(),
            Self::AlterExperiment(_) => return "ALTER EXPERIMENT".into(),
            Self::AlterTag(_) => return "ALTER TAG".into(),
            Self::SetClass(set) => return format!("ALTER {}", set.word),
            Self::Erasing(erasing) => return erasing.tag().into(),
            Self::AlterSystem(_) => return "ALTER SYSTEM".into(),
            Self::SetSchema(set) => return format!("ALTER {}", set.word),
            Self::Sequence(command) => return command.tag().into(),
            Self::Show(_) => return "SHOW".into(),
            Self::Describe(_) => return "DESCRIBE".into(),
            Self::ExplainRefresh(_) => return "EXPLAIN".into(),
        };
        format!("{verb} {}", grammar.word().to_uppercase())
    }
}

/// The object that a statement names.
#[derive(Debug, Clone)]
pub struct Target {
    pub grammar: &'static dyn Grammar,
    pub name: String,
    /// The profile after `ON`.
    pub profile: Option<String>,
}

impl Target {
    /// Kind and name, for messages.
    pub fn label(&self) -> String {
        format!("{} {}", self.grammar.word(), self.name)
    }
}

/// True for `IF EXISTS`.
pub type IfExists = bool;

/// `CREATE …`
#[derive(Debug, Clone)]
pub struct Create {
    pub target: Target,
    /// `OR REPLACE`
    pub or_replace: bool,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The parameters in parentheses after the name.
    pub parameters: Vec<Parameter>,
    /// The options by name, as written.
    pub options: Vec<(String, Expr)>,
    pub body: Body,
    /// The table after ON, for kinds that are declared on a table.
    pub table: Option<ObjectName>,
    /// What is protected, and for whom, for kinds that protect.
    pub protection: Option<Protection>,
}

/// What an object is made of.
#[derive(Debug, Clone)]
pub enum Body {
    Query(Box<Query>),
    Condition(Box<Expr>),
    /// A `CREATE TABLE`, `CREATE VIEW` or similar statement of standard SQL.
    Sql(Box<SqlParsed>),
    /// Statements that run later, for a schedule.
    Script(Script),
    /// How a sequence counts.
    Sequence(Box<NewSequence>),
}

/// `REFRESH …`
#[derive(Debug, Clone)]
pub struct Refresh {
    /// A profile, a segment of one, or another refreshable object.
    pub target: Target,
    /// `TAGS (…)`: refreshes only these.
    pub tags: Option<Vec<String>>,
    /// The options by name, as written.
    pub options: Vec<(String, Expr)>,
}

/// Parses a statement of this module; `None` when the next statement is another one.
pub(super) fn parse(parser: &mut Parser<'_>, grammars: &Grammars) -> Result<Option<Command>> {
    let ahead = Words::ahead(parser);
    let words: Vec<Option<&str>> = ahead.0.iter().map(Option::as_deref).collect();
    let own = |from: usize| kind_at(grammars, &words[from..], false).filter(|(kind, _)| !kind.is_of_sql());
    let not_tables = |from: usize, plural| kind_at(grammars, &words[from..], plural).filter(|(kind, _)| kind.word() != "table");
    let parsed = match words.as_slice() {
        [Some("CREATE"), ..] if let Some((kind, length)) = own(1) => {
            skip(parser, 1 + length);
            create(parser, kind, false)
        }
        [Some("CREATE"), Some("OR"), Some("REPLACE"), ..] if let Some((kind, length)) = own(3) => {
            skip(parser, 3 + length);
            create(parser, kind, true)
        }
        [Some("DROP"), ..] if let Some((kind, length)) = own(1) => {
            skip(parser, 1 + length);
            drop_object(parser, kind)
        }
        [Some("SHOW"), ..] if let Some((kind, length)) = not_tables(1, true) => {
            skip(parser, 1 + length);
            Ok(Command::Show(kind))
        }
        [Some("DESCRIBE" | "DESC"), ..]
            if let Some((kind, length)) = not_tables(1, false).filter(|(_, length)| words[1 + length].is_some()) =>
        {
            skip(parser, 1 + length);
            named(parser, kind).map(Command::Describe)
        }
        [Some("REFRESH"), word, ..] if !matches!(word, Some("RETENTION" | "TAG" | "TAGS")) => {
            skip(parser, 1);
            refresh(parser, grammars).map(Command::Refresh)
        }
        [Some("EXPLAIN"), Some("REFRESH"), ..] => {
            skip(parser, 2);
            refresh(parser, grammars).map(Command::ExplainRefresh)
        }
        [Some("COMMENT"), Some("ON" | "IF"), ..] => {
            skip(parser, 1);
            comment(parser, grammars)
        }
        [Some("CHECK"), Some("TABLE"), ..] => {
            skip(parser, 2);
            parser.parse_comma_separated(|parser| parser.parse_object_name(false)).map(Command::Check)
        }
        // `COPY report TO …` copies a table that is called report.
        [Some("COPY"), Some(word @ ("REPORT" | "CARD")), Some(name), ..] if *name != "TO" && *name != "FROM" => {
            let is_card = *word == "CARD";
            skip(parser, 2);
            report(parser, is_card)
        }
        [Some("BACKUP"), ..] => {
            skip(parser, 1);
            back_up(parser)
        }
        words => match others(parser, words, grammars) {
            Ok(None) => return Ok(None),
            Ok(Some(command)) => Ok(command),
            Err(error) => Err(error),
        },
    };
    parsed.map(Some).map_err(|error| DataFusionError::SQL(Box::new(error), None))
}

/// Statements of other systems by their first words, with what to write instead. The parser does not know them, or only some forms.
const ELSEWHERE: [(&str, &str); 17] = [
    (
        "ATTACH",
        "a session has one database, that of portrait -d folder; write CREATE EXTERNAL TABLE name STORED AS SQLITE or POSTGRES \
         for a table of another one",
    ),
    ("DETACH", "a session has one database; write DROP TABLE name to forget an external table"),
    ("EXPORT DATABASE", "write BACKUP DATABASE TO 'file', or COPY name TO 'file.parquet' for one table"),
    ("EXPORT SEGMENT", "write COPY segment.name TO 'file.csv'"),
    ("EXPORT PROFILE", "write COPY profile.name TO 'file.csv'"),
    ("REFRESH TAG", ONLY_TAGS),
    ("REFRESH TAGS", ONLY_TAGS),
    ("IMPORT DATABASE", "run portrait restore with the file of a BACKUP DATABASE, or portrait run with a script"),
    ("PRAGMA", "write SET name = value for a setting, DESCRIBE name for the columns of a table"),
    ("INSTALL", NO_EXTENSIONS),
    ("LOAD DATA", "write CREATE TABLE name AS SELECT * FROM 'file.csv'"),
    ("LOAD", NO_EXTENSIONS),
    ("USE", "a database is a folder; write portrait -d folder, or SET search_path = name for a schema"),
    ("OPTIMIZE", NOTHING_BY_HAND),
    ("FORCE CHECKPOINT", NOTHING_BY_HAND),
    ("CALL", "there are no procedures; write SELECT * FROM function(…)"),
    ("DO", "write the statements one after another, between BEGIN and COMMIT"),
];
const ONLY_TAGS: &str = "write REFRESH PROFILE name TAGS (tag, …) to compute some tags of a profile";
const NO_EXTENSIONS: &str = "all functions and formats are built in; leave it out";
const NOTHING_BY_HAND: &str = "statistics and clean-up are automatic; leave it out";

/// The refusal of a statement that other systems have, or that changes an object in place.
pub(super) fn refused(parser: &Parser<'_>, grammars: &Grammars) -> Option<Refusal> {
    let ahead = Words::ahead(parser);
    let words: Vec<Option<&str>> = ahead.0.iter().map(Option::as_deref).collect();
    let begins = |statement: &str| statement.split(' ').zip(&words).all(|(own, word)| *word == Some(own));
    let (clause, instead) = match words.as_slice() {
        [Some("ALTER"), rest @ ..] => {
            let (kind, _) = kind_at(grammars, rest, false).filter(|(kind, _)| !kind.is_of_sql())?;
            let kind = kind.word().to_uppercase();
            (format!("ALTER {kind}"), format!("write CREATE OR REPLACE {kind} with everything that it has"))
        }
        [Some("COPY"), Some("SEGMENT"), Some(_), Some("TO"), ..] => {
            ("COPY SEGMENT".into(), "write COPY segment.name TO 'file.csv'".into())
        }
        [Some("COPY"), Some("PROFILE"), Some(_), Some("TO"), ..] => {
            ("COPY PROFILE".into(), "write COPY profile.name TO 'file.csv'".into())
        }
        _ => {
            let (statement, instead) = ELSEWHERE.into_iter().find(|(statement, _)| begins(statement))?;
            (statement.to_string(), instead.to_string())
        }
    };
    Some(Refusal { clause, instead, span: Some(parser.peek_token_ref().span) })
}

/// Statements whose grammar is in a file of its own.
fn others(parser: &mut Parser<'_>, words: &[Option<&str>], grammars: &Grammars) -> Result<Option<Command>, ParserError> {
    if let Some(granting) = granting::parse(parser, words, grammars)? {
        return Ok(Some(Command::Grant(granting)));
    }
    if let Some(set) = moving::parse(parser, words)? {
        return Ok(Some(Command::SetSchema(set)));
    }
    if let Some(command) = sequence::parse(parser, words, grammars)? {
        return Ok(Some(command));
    }
    if let Some(command) = schedule::parse(parser, words)? {
        return Ok(Some(Command::Schedule(command)));
    }
    if let Some(command) = experiment::parse(parser, words)? {
        return Ok(Some(Command::AlterExperiment(command)));
    }
    if let Some(command) = tag::parse(parser, words)? {
        return Ok(Some(Command::AlterTag(command)));
    }
    if let Some(set) = protection::set_class(parser, words)? {
        return Ok(Some(Command::SetClass(set)));
    }
    if let Some(command) = erasing::parse(parser, words)? {
        return Ok(Some(Command::Erasing(command)));
    }
    if let Some(command) = alter_system::parse(parser, words)? {
        return Ok(Some(Command::AlterSystem(command)));
    }
    Ok(client::parse(parser, words)?.map(Command::Client))
}

/// The kind that the next words name, and how many words its keyword has.
fn kind_at(grammars: &Grammars, words: &[Option<&str>], plural: bool) -> Option<(&'static dyn Grammar, usize)> {
    let named = |grammar: &&'static dyn Grammar| {
        let own = if plural { grammar.plural() } else { grammar.word().to_string() };
        let length = own.split(' ').count();
        let is_it = words.len() >= length
            && own.split(' ').zip(words).all(|(own, word)| word.is_some_and(|word| own.eq_ignore_ascii_case(word)));
        is_it.then_some((*grammar, length))
    };
    grammars.iter().find_map(named)
}

/// The next words in capitals; `None` for any other token. A quoted word keeps its case, so it never matches a keyword.
struct Words([Option<String>; 6]);

impl Words {
    fn ahead(parser: &Parser<'_>) -> Self {
        Self([0, 1, 2, 3, 4, 5].map(|place| match parser.peek_nth_token(place).token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
            Token::Word(word) => Some(word.value),
            _ => None,
        }))
    }
}

fn skip(parser: &mut Parser<'_>, words: usize) {
    (0..words).for_each(|_| {
        parser.advance_token();
    });
}

fn create(parser: &mut Parser<'_>, kind: &'static dyn Grammar, or_replace: bool) -> Result<Command, ParserError> {
    let if_not_exists = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
    let name = identifier(parser)?;
    if kind.protects() {
        return protection::create(parser, kind, name, (or_replace, if_not_exists));
    }
    let parameters = if kind.takes_parameters() { parameters(parser)? } else { vec![] };
    let mut table = None;
    let target = if kind.is_on_table() {
        parser.expect_keyword(Keyword::ON)?;
        table = Some(parser.parse_object_name(false)?);
        Target { grammar: kind, name, profile: None }
    } else {
        on_profile(parser, kind, name)?
    };
    if target.profile.is_some() && !kind.is_of_profile() {
        return Err(ParserError::ParserError(format!("a {} does not belong to a profile; leave ON out", kind.word())));
    }
    if kind.is_of_profile() && target.profile.is_none() {
        let found = parser.peek_token();
        return parser.expected("ON and the name of its profile", found);
    }
    let before = options(parser)?;
    parser.expect_keyword(Keyword::AS)?;
    let body = kind.body(parser)?;
    // Some write the options after what is defined. `WITH NO DATA` are no options.
    let is_after = parser.peek_keyword(Keyword::WITH) && parser.peek_nth_token_ref(1).token == Token::LParen;
    let options = if before.is_empty() && is_after { options(parser)? } else { before };
    Ok(Command::Create(Box::new(Create {
        target,
        or_replace,
        if_not_exists,
        parameters,
        options,
        body,
        table,
        protection: None,
    })))
}

/// `(name type [DEFAULT constant], …)`
fn parameters(parser: &mut Parser<'_>) -> Result<Vec<Parameter>, ParserError> {
    parser.expect_token(&Token::LParen)?;
    if parser.consume_token(&Token::RParen) {
        return Ok(vec![]);
    }
    let parameters = parser.parse_comma_separated(|parser| {
        let name = identifier(parser)?;
        let data_type = parser.parse_data_type()?;
        let has_default = parser.parse_keyword(Keyword::DEFAULT);
        let default = if has_default { Some(parser.parse_expr()?) } else { None };
        Ok(Parameter { name, data_type, default })
    })?;
    parser.expect_token(&Token::RParen)?;
    Ok(parameters)
}

/// `[IF EXISTS] name, … [ON profile]`
fn drop_object(parser: &mut Parser<'_>, kind: &'static dyn Grammar) -> Result<Command, ParserError> {
    let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    let mut targets = parser.parse_comma_separated(|parser| named(parser, kind))?;
    // The profile after the last name is the one of all.
    let profile = targets.last().and_then(|target| target.profile.clone());
    for target in targets.iter_mut().filter(|target| target.profile.is_none()) {
        target.profile.clone_from(&profile);
    }
    Ok(Command::Drop(targets, if_exists))
}

/// `[IF EXISTS] ON kind name IS 'text'`
fn comment(parser: &mut Parser<'_>, grammars: &Grammars) -> Result<Command, ParserError> {
    let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    parser.expect_keyword_is(Keyword::ON)?;
    let words = Words::ahead(parser);
    let word = words.0[0].as_deref().unwrap_or_default();
    let (on, length) = match word {
        "TABLE" => (Some("table"), 1),
        "VIEW" => (Some("view"), 1),
        "SEQUENCE" => (Some(sequence::WORD), 1),
        "EXTERNAL" | "FOREIGN" if words.0[1].as_deref() == Some("TABLE") => (Some("external table"), 2),
        "MATERIALIZED" if words.0[1].as_deref() == Some("VIEW") => (Some("view"), 2),
        _ => (None, 1),
    };
    let following: Vec<Option<&str>> = words.0.iter().map(Option::as_deref).collect();
    let kind = kind_at(grammars, &following, false);
    let on = match (on, word, kind) {
        (Some(relation), ..) => {
            skip(parser, length);
            CommentOn::Relation(relation, parser.parse_object_name(false)?)
        }
        (None, "COLUMN", _) => {
            skip(parser, 1);
            CommentOn::Column(parser.parse_object_name(false)?)
        }
        (None, _, Some((kind, length))) => {
            skip(parser, length);
            let target = named(parser, kind)?;
            // PostgreSQL allows the parameter types of a function here; they are skipped.
            if kind.takes_parameters() && parser.consume_token(&Token::LParen) {
                while !parser.consume_token(&Token::RParen) {
                    if parser.next_token().token == Token::EOF {
                        let found = parser.peek_token();
                        return parser.expected(")", found);
                    }
                }
            }
            CommentOn::Object(target)
        }
        _ => {
            let found = parser.peek_token();
            let kinds: Vec<String> = grammars.iter().map(|grammar| grammar.word().to_uppercase()).collect();
            return parser.expected(&format!("COLUMN, {}", kinds.join(", ")), found);
        }
    };
    parser.expect_keyword_is(Keyword::IS)?;
    let text = if parser.parse_keyword(Keyword::NULL) { None } else { Some(parser.parse_literal_string()?) };
    Ok(Command::Comment(Comment { if_exists, on, text }))
}

/// `DATABASE TO 'archive'`
fn back_up(parser: &mut Parser<'_>) -> Result<Command, ParserError> {
    parser.expect_keyword(Keyword::DATABASE)?;
    parser.expect_keyword(Keyword::TO)?;
    parser.parse_literal_string().map(Command::BackUp)
}

/// `profile [FOR key] TO 'file' [WITH (…)]`
fn report(parser: &mut Parser<'_>, is_card: bool) -> Result<Command, ParserError> {
    let profile = identifier(parser)?;
    let key = if is_card {
        parser.expect_keyword(Keyword::FOR)?;
        Some(parser.parse_expr()?)
    } else {
        None
    };
    parser.expect_keyword(Keyword::TO)?;
    let target = parser.parse_literal_string()?;
    Ok(Command::Report(Box::new(Report { profile, key, target, options: options(parser)? })))
}

fn refresh(parser: &mut Parser<'_>, grammars: &Grammars) -> Result<Refresh, ParserError> {
    let words = Words::ahead(parser);
    let refreshed = || grammars.iter().copied().filter(|grammar| grammar.is_refreshed());
    let kind = words.0[0].as_deref().and_then(|word| refreshed().find(|kind| kind.word().eq_ignore_ascii_case(word)));
    let Some(kind) = kind else {
        let found = parser.peek_token();
        let known: Vec<String> = refreshed().map(|kind| kind.word().to_uppercase()).collect();
        return parser.expected(&known.join(" or "), found);
    };
    skip(parser, 1);
    let target = Target { grammar: kind, name: identifier(parser)?, profile: None };
    let mut tags = None;
    if !kind.is_of_profile() && Words::ahead(parser).0[0].as_deref() == Some("TAGS") {
        skip(parser, 1);
        parser.expect_token(&Token::LParen)?;
        tags = Some(parser.parse_comma_separated(identifier)?);
        parser.expect_token(&Token::RParen)?;
    }
    Ok(Refresh { target, tags, options: options(parser)? })
}

/// `name [ON profile]`
fn named(parser: &mut Parser<'_>, kind: &'static dyn Grammar) -> Result<Target, ParserError> {
    let name = identifier(parser)?;
    on_profile(parser, kind, name)
}

fn on_profile(parser: &mut Parser<'_>, grammar: &'static dyn Grammar, name: String) -> Result<Target, ParserError> {
    // The name of a check is unique, so its table is optional and not needed.
    if grammar.is_on_table() {
        if parser.parse_keyword(Keyword::ON) {
            parser.parse_object_name(false)?;
        }
        return Ok(Target { grammar, name, profile: None });
    }
    let profile = if parser.parse_keyword(Keyword::ON) { Some(identifier(parser)?) } else { None };
    Ok(Target { grammar, name, profile })
}

pub(super) fn options(parser: &mut Parser<'_>) -> Result<Vec<(String, Expr)>, ParserError> {
    if !parser.parse_keyword(Keyword::WITH) {
        return Ok(vec![]);
    }
    options_in_parentheses(parser)
}

/// `(name = value, …)`
pub fn options_in_parentheses(parser: &mut Parser<'_>) -> Result<Vec<(String, Expr)>, ParserError> {
    parser.expect_token(&Token::LParen)?;
    let options = parser.parse_comma_separated(|parser| {
        let name = identifier(parser)?;
        if !parser.consume_token(&Token::RArrow) {
            parser.expect_token(&Token::Eq)?;
        }
        Ok((name, parser.parse_expr()?))
    })?;
    parser.expect_token(&Token::RParen)?;
    Ok(options)
}

pub(super) fn identifier(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    parser.parse_identifier().map(|name| normal(&name))
}

/// A name in the form that is compared: in lower case unless it is quoted.
pub fn normal(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}
