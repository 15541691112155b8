//! Errors of statements that cannot be planned: finds the place in the text that an error is about.

use datafusion::common::{Column, SchemaError, Span};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::functions;
use super::place::{Source, text_of};
use crate::error::{SqlState, coded, has_place, message, placed, raw, sqlstate};

/// Adds the place to an error of planning or starting a statement.
///
/// `started` is true for an error that comes while rows are computed. It may be about a row rather than a place in the text.
pub fn error(error: DataFusionError, source: Source<'_>, state: &SessionState, started: bool) -> DataFusionError {
    // If several columns are wrong, only the first is reported.
    if let DataFusionError::Collection(errors) = error {
        return match errors.into_iter().next() {
            Some(first) => self::error(first, source, state, started),
            None => DataFusionError::Collection(vec![]),
        };
    }
    if has_place(&error) {
        return error;
    }
    let class = &sqlstate(&error).code()[..2];
    // Errors about memory, disk or time (classes 53 and 57) have no place in the text.
    if ["53", "57"].contains(&class) {
        return error;
    }
    let tokens = source.tokens();
    let error = of_a_name(of_a_call(error, &tokens, state), &tokens);
    let at = spanned(&error, &tokens).or_else(|| named(&error, &tokens));
    // An I/O error, or an error in the data, has a place only if the message names something in the text.
    let elsewhere = class == "58" || started && !["42", "0A", "XX"].contains(&class);
    let at = if elsewhere { at } else { at.or_else(|| tokens.first().map(|token| token.span.start)) };
    match at.and_then(|at| source.excerpt(at)) {
        Some(excerpt) => placed(error, excerpt),
        None => error,
    }
}

/// Improves the error for a call of an unknown function, or of a function with wrong argument types.
fn of_a_call(error: DataFusionError, tokens: &[TokenWithSpan], state: &SessionState) -> DataFusionError {
    let text = raw(&error);
    if let Some(name) = text.split_once("Invalid function '").and_then(|(_, rest)| rest.split_once('\'')).map(|(name, _)| name) {
        let missing = functions::missing(name, has_over(tokens, name), state);
        let problem = match title(tokens, name) {
            // Not where a function that is meant was found.
            Some(title) if missing.contains("\\df") => {
                format!("no such function; a column of this name is written in double quotes: \"{title}\"")
            }
            _ => missing,
        };
        return coded(SqlState::UNDEFINED_FUNCTION, name, problem);
    }
    // For `sum(channel)` where channel is text: the engine's message does not name the column, but the statement does.
    if text.contains("argument types '") {
        let said = message(&error);
        let (name, _) = said.split_once(": ").unwrap_or_default();
        if said.contains("parse_number(…")
            && let Some(column) = only_argument(tokens, name)
        {
            let problem = format!(
                "{column} is text, and {name} takes numbers; write CAST({column} AS DECIMAL(12, 2)), or parse_number({column}), with decimal => ',' for numbers such as 1.234,56"
            );
            return coded(SqlState::DATATYPE_MISMATCH, name, problem);
        }
    }
    error
}

/// Improves the error for a column that there is not, where the name is more likely to be a string, or a part of a name.
fn of_a_name(error: DataFusionError, tokens: &[TokenWithSpan]) -> DataFusionError {
    let said = message(&error);
    let Some((before, known)) = said.split_once(": no such column; ") else { return error };
    if known.starts_with("no table's columns") {
        let Some(title) = title_with_period(tokens) else { return error };
        let problem = format!("no such column; a name with a period is written in double quotes: \"{title}\"");
        return coded(SqlState::UNDEFINED_COLUMN, before, problem);
    }
    let name = before.rsplit(": ").next().unwrap_or(before);
    let Some(string) = compared(tokens, name).filter(|_| known.starts_with("there ")) else { return error };
    let (subject, _) = before.split_once(": ").unwrap_or((before, ""));
    let whole = format!("{before}: no such column; a string has single quotes: '{string}'; {known}");
    let problem = whole.strip_prefix(subject).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&whole);
    coded(SqlState::UNDEFINED_COLUMN, subject, problem)
}

/// The name as it is written after a comparison or in a list of values, `city = Berlin`.
fn compared(tokens: &[TokenWithSpan], name: &str) -> Option<String> {
    let is_name = |token: &TokenWithSpan| matches!(token.token, Token::Word(_)) && is(token, name);
    let place = tokens.iter().position(is_name)?;
    let is_part = |token: Option<&TokenWithSpan>| token.is_some_and(|token| matches!(token.token, Token::Period | Token::LParen));
    if is_part(tokens.get(place + 1)) {
        return None;
    }
    let mut before = tokens[..place].iter().rev().peekable();
    let compares = |token: &TokenWithSpan| {
        matches!(token.token, Token::Eq | Token::DoubleEq | Token::Neq) || is(token, "LIKE") || is(token, "ILIKE")
    };
    let is_compared = before.peek().is_some_and(|token| compares(token)) || {
        let is_value = |token: &&&TokenWithSpan| {
            matches!(token.token, Token::Word(_) | Token::Comma | Token::SingleQuotedString(_)) && !is(token, "IN")
        };
        let mut rest = before.skip_while(|token| is_value(&token));
        rest.next().is_some_and(|token| token.token == Token::LParen) && rest.next().is_some_and(|token| is(token, "IN"))
    };
    is_compared.then(|| text_of(&tokens[place].token))
}

/// A name that ends in a period, `Order-No.`, before FROM, which was read as a column of it.
fn title_with_period(tokens: &[TokenWithSpan]) -> Option<String> {
    let is_word = |token: &TokenWithSpan| matches!(&token.token, Token::Word(word) if word.quote_style.is_none());
    let end = tokens
        .windows(3)
        .position(|three| is_word(&three[0]) && three[1].token == Token::Period && is_word(&three[2]) && is(&three[2], "FROM"))?;
    let mut first = end;
    while let Some(before) = first.checked_sub(1).and_then(|before| tokens.get(before))
        && before.span.end == tokens[first].span.start
        && (is_word(before) || matches!(before.token, Token::Minus | Token::Div | Token::Number(..)))
    {
        first -= 1;
    }
    let name: String = tokens[first..=end].iter().map(|token| token.token.to_string()).collect();
    Some(format!("{name}."))
}

/// The indexes of the tokens where calls of `name` begin.
fn calls<'a>(tokens: &'a [TokenWithSpan], name: &'a str) -> impl Iterator<Item = usize> + 'a {
    tokens
        .windows(2)
        .enumerate()
        .filter(move |(_, two)| is(&two[0], name) && two[1].token == Token::LParen)
        .map(|(place, _)| place)
}

fn has_over(tokens: &[TokenWithSpan], name: &str) -> bool {
    calls(tokens, name)
        .any(|place| closed(tokens, place + 1).and_then(|end| tokens.get(end + 1)).is_some_and(|next| is(next, "OVER")))
}

/// What may be the title of a column in a file, `Net (EUR)`: a call of one word, with a blank before its bracket.
fn title(tokens: &[TokenWithSpan], name: &str) -> Option<String> {
    let place = calls(tokens, name).next()?;
    let (called, open) = (tokens.get(place)?, tokens.get(place + 1)?);
    let unit = only_argument(tokens, name).filter(|unit| !unit.contains('.'))?;
    (called.span.end != open.span.start).then(|| format!("{} ({unit})", called.token))
}

/// The argument of a call, if it has only one and that is a column.
fn only_argument(tokens: &[TokenWithSpan], name: &str) -> Option<String> {
    let place = calls(tokens, name).next()?;
    let end = closed(tokens, place + 1)?;
    let within = &tokens[place + 2..end];
    let is_name = within.iter().all(|token| matches!(token.token, Token::Word(_) | Token::Period));
    (is_name && !within.is_empty()).then(|| within.iter().map(|token| token.token.to_string()).collect())
}

/// The index of the bracket that closes the one at `open`.
fn closed(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (place, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth <= 1 => return Some(place),
            Token::RParen => depth -= 1,
            _ => {}
        }
    }
    None
}

fn is(token: &TokenWithSpan, word: &str) -> bool {
    text_of(&token.token).eq_ignore_ascii_case(word)
}

/// The place that DataFusion recorded. It counts only if the token there is mentioned in the message: the place may be one in the text of
/// a stored definition instead.
fn spanned(error: &DataFusionError, tokens: &[TokenWithSpan]) -> Option<Location> {
    let Span { start, end: _ } = diagnosed(error)?;
    let at = Location { line: start.line, column: start.column };
    let said = raw(error).to_lowercase();
    let token = tokens.iter().find(|token| token.span.start == at)?;
    said.contains(&text_of(&token.token).to_lowercase()).then_some(at)
}

/// The place that the planner found in the text.
pub fn diagnosed(error: &DataFusionError) -> Option<Span> {
    match error {
        DataFusionError::Diagnostic(diagnostic, inner) => diagnostic.span.or_else(|| diagnosed(inner)),
        DataFusionError::Context(_, inner) => diagnosed(inner),
        DataFusionError::Shared(inner) => diagnosed(inner),
        _ => None,
    }
}

/// The place of the name that the message is about.
fn named(error: &DataFusionError, tokens: &[TokenWithSpan]) -> Option<Location> {
    if let Some(column) = column_of(error) {
        let of_table = column.relation.as_ref().and_then(|table| place_of(tokens, &[table.table(), ".", &column.name]));
        return of_table.or_else(|| place_of(tokens, &[&column.name]));
    }
    let text = message(error);
    let first = text.lines().next().unwrap_or_default();
    let (subject, problem) = first.split_once(": ").unwrap_or(("", first));
    if subject == "subquery" {
        return subquery(tokens).or_else(|| place_of(tokens, &[subject]));
    }
    let place = place_of_subject(tokens, subject);
    // Within the call, look for what the problem is about: an argument that it begins with, or a column in quotes.
    if let Some(place) = place
        && sqlstate(error) != SqlState::UNDEFINED_FUNCTION
        && tokens.get(place + 1).is_some_and(|next| next.token == Token::LParen)
        && let Some(end) = closed(tokens, place + 1)
    {
        let within = &tokens[place + 2..end];
        let begins = problem.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next().unwrap_or_default();
        let found = std::iter::once(begins).chain(quoted(problem)).find_map(|word| place_of(within, &[word]));
        if found.is_some() {
            return found;
        }
    }
    let called = || {
        let words = first.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).filter(|word| !word.is_empty());
        words.take(8).find_map(|word| calls(tokens, word).next())
    };
    place
        .or_else(called)
        .or_else(|| cast_to(tokens, subject))
        .map(|place| tokens[place].span.start)
        .or_else(|| quoted(problem).find_map(|word| place_of(tokens, &[word])))
}

/// What statements may also write for the types that errors name.
const SPELLINGS: [(&str, &[&str]); 7] = [
    ("SMALLINT", &["int2"]),
    ("INTEGER", &["int", "int4", "signed"]),
    ("BIGINT", &["int8", "long"]),
    ("REAL", &["float4"]),
    ("DOUBLE", &["float8", "float"]),
    ("DECIMAL", &["numeric", "dec"]),
    ("TIMESTAMP", &["datetime", "timestamptz"]),
];

/// The type of a cast, where the statement spells it otherwise than the error does.
fn cast_to(tokens: &[TokenWithSpan], subject: &str) -> Option<usize> {
    let name = subject.split('(').next().unwrap_or_default();
    let (_, spellings) = SPELLINGS.iter().find(|(known, _)| *known == name)?;
    let is_cast = |two: &[TokenWithSpan]| {
        (is(&two[0], "AS") || two[0].token == Token::DoubleColon) && spellings.iter().any(|spelling| is(&two[1], spelling))
    };
    tokens.windows(2).position(is_cast).map(|place| place + 1)
}

/// The first scalar subquery: a SELECT in brackets that is not in FROM, IN, EXISTS or the like.
fn subquery(tokens: &[TokenWithSpan]) -> Option<Location> {
    let of_rows = ["FROM", "JOIN", "IN", "EXISTS", "AS", "LATERAL", "ANY", "ALL", "SOME", "ARRAY", ","];
    tokens.windows(3).find_map(|three| match three {
        [before, open, select]
            if open.token == Token::LParen && is(select, "SELECT") && !of_rows.iter().any(|word| is(before, word)) =>
        {
            Some(select.span.start)
        }
        _ => None,
    })
}

fn column_of(error: &DataFusionError) -> Option<&Column> {
    match error {
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => column_of(inner),
        DataFusionError::Shared(inner) => column_of(inner),
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, .. } | SchemaError::AmbiguousReference { field } => Some(field),
            SchemaError::DuplicateQualifiedField { .. } | SchemaError::DuplicateUnqualifiedField { .. } => None,
        },
        _ => None,
    }
}

fn place_of(tokens: &[TokenWithSpan], words: &[&str]) -> Option<Location> {
    index_of(tokens, words).map(|place| tokens[place].span.start)
}

fn index_of(tokens: &[TokenWithSpan], words: &[&str]) -> Option<usize> {
    if words.iter().any(|word| word.is_empty()) {
        return None;
    }
    tokens.windows(words.len()).position(|some| some.iter().zip(words).all(|(token, word)| is(token, word)))
}

/// The index of a subject such as `rfm`, `tag total`, `profile.custmer` or `t.id`: the whole of it if it is found, else its last name.
fn place_of_subject(tokens: &[TokenWithSpan], subject: &str) -> Option<usize> {
    let subject = subject.trim_matches('"');
    if subject.is_empty() {
        return None;
    }
    let words: Vec<&str> = subject.split_whitespace().collect();
    let dotted: Vec<&str> = subject.split('.').flat_map(|part| [".", part]).skip(1).collect();
    let last = subject.rsplit(['.', ' ']).next().unwrap_or_default();
    index_of(tokens, &[subject])
        .or_else(|| index_of(tokens, &words))
        .or_else(|| index_of(tokens, &dotted))
        .or_else(|| index_without_brackets(tokens, subject))
        .or_else(|| index_of(tokens, &[last]))
}

/// The index of an expression such as `a / (b - 3)`, which the statement may write with more brackets or fewer.
fn index_without_brackets(tokens: &[TokenWithSpan], expression: &str) -> Option<usize> {
    let words: Vec<&str> = expression.split([' ', '(', ')', ',']).filter(|word| !word.is_empty()).collect();
    if words.len() < 3 {
        return None;
    }
    let is_bracket = |token: &Token| matches!(token, Token::LParen | Token::RParen | Token::Comma);
    let others: Vec<(usize, &TokenWithSpan)> = tokens.iter().enumerate().filter(|(_, token)| !is_bracket(&token.token)).collect();
    let same = |some: &[(usize, &TokenWithSpan)]| some.iter().zip(&words).all(|((_, token), word)| is(token, word));
    others.windows(words.len()).find(|some| same(some)).and_then(|some| some.first()).map(|(place, _)| *place)
}

/// The quoted names in a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let double = text.split('"').skip(1).step_by(2);
    double.chain(text.split('\'').skip(1).step_by(2)).filter(|word| !word.is_empty() && word.len() < 100)
}
