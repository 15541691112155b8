//! The statements that only schedules have: RUN, PAUSE, RESUME and ALTER. Also the script that a schedule runs.

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

/// What to do with a schedule.
#[derive(Debug, Clone)]
pub enum Action {
    /// Runs its script now.
    Run,
    Pause,
    Resume,
    /// New values for options.
    Set(Vec<(String, Expr)>),
    /// Options to reset to their defaults.
    Reset(Vec<String>),
    Rename(String),
    Owner(String),
    /// A new script.
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
    /// The command tag.
    pub fn tag(&self) -> String {
        format!("{} SCHEDULE", self.action.verb())
    }
}

/// What a schedule runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// A file, read when it runs.
    File(String),
    /// Statements that are part of the definition.
    Text(Text),
}

/// A script within a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The script without the words or dollar quotes around it.
    pub text: String,
    /// The position in the text of the statement where the script begins.
    pub from: Location,
    to: Location,
    around: Around,
}

/// What stands around a script within a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Around {
    /// Nothing: it is one statement, up to the semicolon.
    Nothing,
    /// BEGIN and END.
    Words,
    /// A dollar quote such as `$$`; empty until the text is known.
    Quote(String),
}

impl Text {
    /// Cuts the text out of the script that was parsed. The parser only knows the positions.
    pub fn fill<'a>(&mut self, slice: impl Fn(Location, Location) -> &'a str) {
        let text = slice(self.from, self.to);
        if !matches!(self.around, Around::Quote(_)) {
            self.text = text.to_string();
            return;
        }
        // The quote ends at the second dollar: `$$` or `$word$`.
        let mark = text[1.min(text.len())..].find('$').map_or(0, |end| end + 2);
        self.from.column += mark as u64;
        self.around = Around::Quote(text[..mark].to_string());
        self.text = text.get(mark..text.len().saturating_sub(mark)).unwrap_or_default().to_string();
    }

    /// The script as it is written in a statement.
    pub fn quoted(&self) -> String {
        match &self.around {
            Around::Nothing => self.text.clone(),
            Around::Words => format!("BEGIN{}END", self.text),
            Around::Quote(mark) => format!("{mark}{}{mark}", self.text),
        }
    }

    /// The script padded to its position in the statement, so that errors have the right line and column.
    pub fn in_place(&self) -> String {
        let lines = "\n".repeat(usize::try_from(self.from.line).unwrap_or(1).saturating_sub(1));
        let columns = " ".repeat(usize::try_from(self.from.column).unwrap_or(1).saturating_sub(1));
        format!("{lines}{columns}{}", self.text)
    }
}

/// Parses a statement of this module; `None` when the next statement is another one. `words` are the next keywords in capitals.
///
/// # Errors
/// The statement has a syntax error.
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
    // As Snowflake writes it of tasks, and MySQL of events.
    if let Token::Word(word) = &parser.peek_token_ref().token {
        let action = match word.value.to_uppercase().as_str() {
            "PAUSE" | "SUSPEND" | "DISABLE" => Some(Action::Pause),
            "RESUME" | "ENABLE" => Some(Action::Resume),
            _ => None,
        };
        if let Some(action) = action {
            parser.advance_token();
            return Ok(action);
        }
    }
    parser.expected("SET (option = value), RESET (option), RENAME TO, OWNER TO, PAUSE, RESUME or AS", parser.peek_token())
}

/// Parses the script after AS: `'file.sql'`, one statement, `BEGIN statement; … END`, or dollar-quoted statements.
///
/// # Errors
/// It is none of these, or does not end.
pub fn script(parser: &mut Parser<'_>) -> Result<Script, ParserError> {
    let first = parser.next_token();
    match first.token {
        Token::SingleQuotedString(file) => Ok(Script::File(file)),
        Token::DollarQuotedString(_) => {
            let (from, to) = (first.span.start, first.span.end);
            Ok(Script::Text(Text { text: String::new(), from, to, around: Around::Quote(String::new()) }))
        }
        Token::Word(ref word) if word.keyword == Keyword::BEGIN && word.quote_style.is_none() => {
            let from = first.span.end;
            loop {
                // END at the beginning of a statement ends the script; within a statement it ends a CASE.
                let next = parser.next_token();
                match &next.token {
                    Token::SemiColon => {}
                    Token::Word(word) if word.keyword == Keyword::END && word.quote_style.is_none() => {
                        let to = next.span.start;
                        return Ok(Script::Text(Text { text: String::new(), from, to, around: Around::Words }));
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
        // A file without quotes begins with a word too: `jobs/nightly.sql`.
        Token::Word(ref word)
            if word.quote_style.is_none() && !matches!(parser.peek_token_ref().token, Token::Period | Token::Div) =>
        {
            let (from, mut to) = (first.span.start, first.span.end);
            while !matches!(parser.peek_token_ref().token, Token::SemiColon | Token::EOF) {
                to = parser.next_token().span.end;
            }
            Ok(Script::Text(Text { text: String::new(), from, to, around: Around::Nothing }))
        }
        _ => parser.expected("'file.sql', one statement, or BEGIN statement; … END", first),
    }
}
