//! CREATE, ALTER and DROP SEQUENCE, with their options in any order, as in PostgreSQL.

use datafusion::common::Result;
use sqlparser::ast::{DataType, Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::command::{Body, Command, Create, Grammars, Target, normal};
use crate::catalog::sequences::Counting;
use crate::error::{SqlState, coded};

/// The keyword of the kind.
pub const WORD: &str = "sequence";

/// A statement about a sequence that exists.
#[derive(Debug, Clone)]
pub enum SequenceCommand {
    /// `DROP SEQUENCE [IF EXISTS] name, …`
    Drop { names: Vec<ObjectName>, if_exists: bool, cascades: bool },
    /// `ALTER SEQUENCE [IF EXISTS] name …`
    Alter { name: ObjectName, if_exists: bool, change: SequenceChange },
}

/// What ALTER SEQUENCE changes.
#[derive(Debug, Clone)]
pub enum SequenceChange {
    Options(Box<SequenceOptions>),
    /// `RENAME TO name`
    Name(Ident),
    /// `SET SCHEMA name`
    Schema(Ident),
}

/// What CREATE SEQUENCE makes.
#[derive(Debug, Clone)]
pub struct NewSequence {
    pub name: ObjectName,
    pub temporary: bool,
    pub options: SequenceOptions,
}

/// The options of a sequence, as far as they are given.
#[derive(Debug, Clone, Default)]
pub struct SequenceOptions {
    pub data_type: Option<DataType>,
    pub step: Option<i64>,
    /// `NO MINVALUE` gives none, which is the one of its type.
    pub least: Option<Option<i64>>,
    pub most: Option<Option<i64>>,
    pub first: Option<i64>,
    /// `RESTART` alone begins where the sequence began.
    pub restart: Option<Option<i64>>,
    /// Numbers are drawn for a batch of rows at a time, whatever it says.
    pub cache: Option<i64>,
    pub cycles: Option<bool>,
    /// The table and column; `OWNED BY NONE` gives none.
    pub owner: Option<Option<ObjectName>>,
    /// The counter that it has, in what the database remembers.
    pub counter: Option<String>,
}

impl SequenceOptions {
    /// True when only the owning column is given.
    pub fn is_of_owner_alone(&self) -> bool {
        let Self { data_type, step, least, most, first, restart, cache, cycles, owner, counter: _ } = self;
        let counts = step.is_some() || least.is_some() || most.is_some() || first.is_some() || restart.is_some();
        owner.is_some() && data_type.is_none() && !counts && cache.is_none() && cycles.is_none()
    }
}

impl SequenceCommand {
    /// The command tag.
    pub fn tag(&self) -> &'static str {
        match self {
            Self::Drop { .. } => "DROP SEQUENCE",
            Self::Alter { .. } => "ALTER SEQUENCE",
        }
    }
}

/// Parses a statement of this module; `None` when the next statement is another one. `words` are the next keywords in capitals.
///
/// # Errors
/// The statement has a syntax error.
pub fn parse(parser: &mut Parser<'_>, words: &[Option<&str>], grammars: &Grammars) -> Result<Option<Command>, ParserError> {
    let length = match words {
        [Some("CREATE" | "ALTER" | "DROP"), Some("SEQUENCE"), ..] => 2,
        [Some("CREATE"), Some("TEMP" | "TEMPORARY"), Some("SEQUENCE"), ..] => 3,
        _ => return Ok(None),
    };
    let Some(grammar) = grammars.iter().copied().find(|grammar| grammar.word() == WORD) else { return Ok(None) };
    (0..length).for_each(|_| parser.advance_token());
    match words.first() {
        Some(Some("CREATE")) => {
            let if_not_exists = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
            let name = parser.parse_object_name(false)?;
            let options = options(parser, false)?;
            let target = Target { grammar, name: last(&name), profile: None };
            let body = Body::Sequence(Box::new(NewSequence { name, temporary: length == 3, options }));
            Ok(Some(Command::Create(Box::new(Create {
                target,
                or_replace: false,
                if_not_exists,
                parameters: vec![],
                options: vec![],
                body,
                table: None,
                protection: None,
            }))))
        }
        Some(Some("DROP")) => {
            let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
            let names = parser.parse_comma_separated(|parser| parser.parse_object_name(false))?;
            let cascades = parser.parse_keyword(Keyword::CASCADE);
            let _ = !cascades && parser.parse_keyword(Keyword::RESTRICT);
            Ok(Some(Command::Sequence(SequenceCommand::Drop { names, if_exists, cascades })))
        }
        _ => {
            let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
            let name = parser.parse_object_name(false)?;
            let change = if parser.parse_keywords(&[Keyword::RENAME, Keyword::TO]) {
                SequenceChange::Name(parser.parse_identifier()?)
            } else if parser.parse_keywords(&[Keyword::SET, Keyword::SCHEMA]) {
                SequenceChange::Schema(parser.parse_identifier()?)
            } else {
                let options = options(parser, true)?;
                SequenceChange::Options(Box::new(options))
            };
            Ok(Some(Command::Sequence(SequenceCommand::Alter { name, if_exists, change })))
        }
    }
}

/// The last part of a name.
fn last(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(normal).unwrap_or_default()
}

/// The next word in capitals, if it has no quotes.
fn word(parser: &Parser<'_>) -> Option<String> {
    match &parser.peek_token_ref().token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
        _ => None,
    }
}

/// Takes a word, if it is the next one.
fn takes(parser: &mut Parser<'_>, expected: &str) -> bool {
    let is_next = word(parser).as_deref() == Some(expected);
    if is_next {
        parser.advance_token();
    }
    is_next
}

/// A whole number, with its sign.
fn number(parser: &mut Parser<'_>) -> Result<i64, ParserError> {
    let is_negative = parser.consume_token(&Token::Minus);
    let _ = !is_negative && parser.consume_token(&Token::Plus);
    let token = parser.next_token();
    let sign = if is_negative { "-" } else { "" };
    match &token.token {
        Token::Number(digits, _) => match format!("{sign}{digits}").parse() {
            Ok(number) => Ok(number),
            Err(_) => parser.expected("a whole number of 64 bits", token),
        },
        _ => parser.expected("a whole number", token),
    }
}

/// The options, in any order, each once.
fn options(parser: &mut Parser<'_>, alters: bool) -> Result<SequenceOptions, ParserError> {
    let mut options = SequenceOptions::default();
    let mut given: Vec<String> = vec![];
    while let Some(mut next) = word(parser) {
        parser.advance_token();
        let is_no = next == "NO";
        if is_no {
            next = word(parser).unwrap_or_default();
            parser.advance_token();
        }
        match (next.as_str(), is_no) {
            ("AS", false) => options.data_type = Some(parser.parse_data_type()?),
            ("INCREMENT", false) => {
                let _ = takes(parser, "BY");
                options.step = Some(number(parser)?);
            }
            ("MINVALUE", true) => options.least = Some(None),
            ("MINVALUE", false) => options.least = Some(Some(number(parser)?)),
            ("MAXVALUE", true) => options.most = Some(None),
            ("MAXVALUE", false) => options.most = Some(Some(number(parser)?)),
            ("START", false) => {
                let _ = takes(parser, "WITH");
                options.first = Some(number(parser)?);
            }
            ("RESTART", false) if alters => {
                let is_given = takes(parser, "WITH")
                    || matches!(parser.peek_token_ref().token, Token::Number(..) | Token::Minus | Token::Plus);
                options.restart = Some(if is_given { Some(number(parser)?) } else { None });
            }
            ("CACHE", false) => options.cache = Some(number(parser)?),
            ("CYCLE", is_no) => options.cycles = Some(!is_no),
            ("OWNED", false) => {
                parser.expect_keyword_is(Keyword::BY)?;
                let is_none = takes(parser, "NONE");
                options.owner = Some(if is_none { None } else { Some(parser.parse_object_name(false)?) });
            }
            ("COUNTER", false) if !alters => options.counter = Some(parser.parse_literal_string()?),
            _ => {
                parser.prev_token();
                let found = parser.peek_token();
                let known = "AS, INCREMENT, MINVALUE, MAXVALUE, START, RESTART, CACHE, CYCLE, NO or OWNED BY";
                return parser.expected(known, found);
            }
        }
        if given.contains(&next) {
            return Err(ParserError::ParserError(format!("{next} is given twice; leave one out")));
        }
        given.push(next);
    }
    if alters && given.is_empty() {
        let found = parser.peek_token();
        let known = "RESTART, INCREMENT, MINVALUE, MAXVALUE, START, CYCLE, OWNED BY, OWNER TO, RENAME TO or SET SCHEMA";
        return parser.expected(known, found);
    }
    Ok(options)
}

/// The least and the greatest number of the type of a sequence, and its name.
///
/// # Errors
/// Another type.
pub fn range(data_type: Option<&DataType>, label: &str) -> Result<(i64, i64, &'static str)> {
    match data_type {
        Some(DataType::SmallInt(_) | DataType::Int2(_)) => Ok((i16::MIN.into(), i16::MAX.into(), "smallint")),
        Some(DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_)) => Ok((i32::MIN.into(), i32::MAX.into(), "integer")),
        None | Some(DataType::BigInt(_) | DataType::Int8(_)) => Ok((i64::MIN, i64::MAX, "bigint")),
        Some(other) => {
            let problem = format!("a sequence is of the type SMALLINT, INTEGER or BIGINT, got {other}");
            Err(coded(SqlState::INVALID_PARAMETER_VALUE, label, problem))
        }
    }
}

/// How a sequence counts that is made with these options, as PostgreSQL decides it.
///
/// # Errors
/// They do not go together, or with its type.
pub fn counting(options: &SequenceOptions, label: &str) -> Result<Counting> {
    let (smallest, largest, data_type) = range(options.data_type.as_ref(), label)?;
    let wrong = |problem: String| coded(SqlState::INVALID_PARAMETER_VALUE, label, problem);
    let step = options.step.unwrap_or(1);
    if step == 0 {
        return Err(wrong("INCREMENT must not be 0".into()));
    }
    if let Some(cache) = options.cache.filter(|cache| *cache < 1) {
        return Err(wrong(format!("CACHE must be at least 1, got {cache}")));
    }
    let least = options.least.flatten().unwrap_or(if step > 0 { 1 } else { smallest });
    let most = options.most.flatten().unwrap_or(if step > 0 { largest } else { -1 });
    for (word, bound) in [("MINVALUE", least), ("MAXVALUE", most)] {
        if bound < smallest || bound > largest {
            return Err(wrong(format!("{word} must be a number of the type {data_type}, got {bound}")));
        }
    }
    if least >= most {
        return Err(wrong(format!("MINVALUE must be less than MAXVALUE, got {least} and {most}")));
    }
    let first = options.first.unwrap_or(if step > 0 { least } else { most });
    if first < least || first > most {
        return Err(wrong(format!("START must be between MINVALUE and MAXVALUE, {least} and {most}, got {first}")));
    }
    Ok(Counting { first, step, least, most, cycles: options.cycles.unwrap_or(false) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::dialect::PortraitDialect;

    fn read(sql: &str) -> Result<SequenceOptions, ParserError> {
        let dialect = PortraitDialect;
        let mut parser = Parser::new(&dialect).try_with_sql(sql)?;
        options(&mut parser, true)
    }

    fn counted(sql: &str) -> Result<(i64, i64, i64, i64, bool), String> {
        let options = read(sql).map_err(|error| error.to_string())?;
        let counting = counting(&options, "sequence s").map_err(|error| error.to_string())?;
        Ok((counting.first, counting.step, counting.least, counting.most, counting.cycles))
    }

    #[test]
    fn options_come_in_any_order() {
        assert_eq!(counted("CYCLE START 5 AS smallint"), Ok((5, 1, 1, 32767, true)));
        assert_eq!(counted("INCREMENT BY -2 NO MINVALUE"), Ok((-1, -2, i64::MIN, -1, false)));
        assert_eq!(counted("MAXVALUE 10 MINVALUE -10 INCREMENT 3 NO CYCLE CACHE 20"), Ok((-10, 3, -10, 10, false)));
        for wrong in ["INCREMENT 0", "MINVALUE 5 MAXVALUE 5", "START 0", "AS smallint MAXVALUE 40000", "AS text", "CACHE 0"] {
            assert!(counted(wrong).is_err(), "{wrong}");
        }
        assert!(read("START 1 START 2").is_err() && read("").is_err() && read("MINVALUE").is_err());
        assert_eq!(read("RESTART").unwrap().restart, Some(None));
        assert_eq!(read("RESTART -7").unwrap().restart, Some(Some(-7)));
        assert!(read("OWNED BY t.c").unwrap().is_of_owner_alone());
        assert!(!read("OWNED BY NONE CACHE 1").unwrap().is_of_owner_alone());
    }
}
