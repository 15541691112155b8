//! Statements over schedules beside those that all objects have: RUN, PAUSE, RESUME and ALTER; and the script that a schedule runs.

use sqlparser::ast::Expr;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token};

use super::command::normal;

/// `RUN | PAUSE | RESUME | ALTER SCHEDULE name`
#[derive(Debug, Clone)]
pub struct ScheduleCommand {
    pub name: String,
    pub action: Action,
}

/// What is done with a schedule.
#[derive(Debug, Clone)]
pub enum Action {
    /// Its script, now.
    Run,
    Pause,
    Resume,
    /// Other values of options.
    Set(Vec<(String, Expr)>),
    /// Options that are left to their defaults.
    Reset(Vec<String>),
    Rename(String),
    Owner(String),
    /// Another script.
    Script(Script),
}

impl Action {
    fn verb(&self) -> &'static str {
        match self {
            Self::Run => "RUN",
            Self::Pause => "PAUSE",
            Self::Resume => "RESUME",
            _ => "ALTER",
        }
    }
}

impl ScheduleCommand {
    /// The words that say what was done.
    pub fn tag(&self) -> String {
        format!("{} SCHEDULE", self.action.verb())
    }
}

/// What a schedule runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// A file, read when it runs.
    File(String),
    /// Statements in the definition.
    Text(Text),
}

/// A script that is a part of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Without the words around it.
    pub text: String,
    /// Where it begins in the text of the statement.
    pub from: Location,
    to: Location,
    /// True between dollars.
    is_quoted: bool,
    /// What stands before and after it: `$$`, say.
    mark: String,
}

impl Text {
    /// Takes the text from the script that it was parsed in.
    pub fn fill<'a>(&mut self, slice: impl Fn(Location, Location) -> &'a str) {
        let text = slice(self.from, self.to);
        if !self.is_quoted {
            self.text = text.to_string();
            return;
        }
        // The mark is what stands up to the second dollar: `$$` or `$word$`.
        let mark = text[1.min(text.len())..].find('$').map_or(0, |end| end + 2);
        self.from.column += mark as u64;
        self.mark = text[..mark].to_string();
        self.text = text.get(mark..text.len().saturating_sub(mark)).unwrap_or_default().to_string();
    }

    /// As it stands in a statement.
    pub fn quoted(&self) -> String {
        match self.is_quoted {
            true => format!("{mark}{}{mark}", self.text, mark = self.mark),
            false => format!("BEGIN{}END", self.text),
        }
    }

    /// The text on the lines where it stands, so that an error of it has its place.
    pub fn in_place(&self) -> String {
        let lines = "\n".repeat(usize::try_from(self.from.line).unwrap_or(1).saturating_sub(1));
        let columns = " ".repeat(usize::try_from(self.from.column).unwrap_or(1).saturating_sub(1));
        format!("{lines}{columns}{}", self.text)
    }
}

/// Parses a statement over a schedule, or gives `None` when the next one is another statement; `words` are the next words in capitals.
///
/// # Errors
/// What is wrong with its grammar.
pub fn parse(parser: &mut Parser<'_>, words: &[Option<&str>]) -> Result<Option<ScheduleCommand>, ParserError> {
    let [Some(verb @ ("RUN" | "PAUSE" | "RESUME" | "ALTER")), Some("SCHEDULE"), Some(_), ..] = words else { return Ok(None) };
    (0..2).for_each(|_| parser.advance_token());
    let name = normal(&parser.parse_identifier()?);
    let action = match *verb {
        "RUN" => Action::Run,
        "PAUSE" => Action::Pause,
        "RESUME" => Action::Resume,
        _ => alteration(parser)?,
    };
    Ok(Some(ScheduleCommand { name, action }))
}

fn alteration(parser: &mut Parser<'_>) -> Result<Action, ParserError> {
    if parser.parse_keyword(Keyword::SET) || parser.parse_keyword(Keyword::WITH) {
        return super::command::options_in_parentheses(parser).map(Action::Set);
    }
    if parser.parse_keyword(Keyword::RESET) {
        parser.expect_token(&Token::LParen)?;
        let names = parser.parse_comma_separated(|parser| Ok(normal(&parser.parse_identifier()?)))?;
        parser.expect_token(&Token::RParen)?;
        return Ok(Action::Reset(names));
    }
    if parser.parse_keywords(&[Keyword::RENAME, Keyword::TO]) {
        return Ok(Action::Rename(normal(&parser.parse_identifier()?)));
    }
    if parser.parse_keywords(&[Keyword::OWNER, Keyword::TO]) {
        return Ok(Action::Owner(normal(&parser.parse_identifier()?)));
    }
    if parser.parse_keyword(Keyword::AS) {
        return script(parser).map(Action::Script);
    }
    parser.expected("SET (option = value), RESET (option), RENAME TO, OWNER TO or AS", parser.peek_token())
}

/// What stands after AS: `'file.sql'`, `BEGIN statement; … END`, or statements between dollars.
///
/// # Errors
/// It is none of them, or has no end.
pub fn script(parser: &mut Parser<'_>) -> Result<Script, ParserError> {
    let first = parser.next_token();
    match first.token {
        Token::SingleQuotedString(file) => Ok(Script::File(file)),
        Token::DollarQuotedString(_) => {
            let (from, to) = (first.span.start, first.span.end);
            Ok(Script::Text(Text { text: String::new(), from, to, is_quoted: true, mark: String::new() }))
        }
        Token::Word(ref word) if word.keyword == Keyword::BEGIN && word.quote_style.is_none() => {
            let from = first.span.end;
            loop {
                // What begins a statement: END ends the script; within a statement it is that of a CASE.
                let next = parser.next_token();
                match &next.token {
                    Token::SemiColon => {}
                    Token::Word(word) if word.keyword == Keyword::END && word.quote_style.is_none() => {
                        let to = next.span.start;
                        return Ok(Script::Text(Text { text: String::new(), from, to, is_quoted: false, mark: String::new() }));
                    }
                    Token::EOF => {
                        return parser.expected("END after the statements of the script, each with its semicolon; where a client cuts a script there, as psql does, write AS $$ … $$", next);
                    }
                    _ => {
                        while !matches!(parser.peek_token().token, Token::SemiColon | Token::EOF) {
                            parser.advance_token();
                        }
                    }
                }
            }
        }
        _ => parser.expected("'file.sql', or BEGIN statement; … END", first),
    }
}
