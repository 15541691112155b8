//! Statements for logs, without the literals in them.

use std::collections::BTreeSet;

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

use super::dialect::PortraitDialect;
use crate::kernels::privacy::redact::quoted;

/// The most characters of a statement that are kept.
const MOST: usize = 4_000;

/// The statement on one line, without comments and with `?` for every literal. A text that cannot be tokenized is left out entirely, as it
/// may contain a password.
pub fn redacted(text: &str) -> String {
    // The beginning of a long statement shows what it was; the rest is mostly values.
    let end = text.char_indices().nth(4 * MOST).map_or(text.len(), |(place, _)| place);
    let Some(tokens) = tokens(&text[..end]) else { return "(not readable)".into() };
    let mut written = String::new();
    let mut space = false;
    for token in tokens {
        match token {
            Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) | Token::Whitespace(_) => {
                space = true;
                continue;
            }
            _ => {}
        }
        if space && !written.is_empty() {
            written.push(' ');
        }
        space = false;
        // Whatever follows PASSWORD is the password, even if it is quoted like a name.
        let is_password = written.get(written.len().saturating_sub(9)..).is_some_and(|end| end.eq_ignore_ascii_case("PASSWORD "));
        match token {
            Token::Word(ref word) if is_password && word.quote_style.is_some() => written.push('?'),
            Token::Word(_) | Token::Placeholder(_) => written.push_str(&token.to_string()),
            _ if is_literal(&token) => written.push('?'),
            other => written.push_str(&other.to_string()),
        }
        if written.chars().count() > MOST {
            break;
        }
    }
    if end < text.len() || written.chars().count() > MOST {
        written = written.chars().take(MOST).collect();
        written.push('…');
    }
    written
}

/// The statement with every literal replaced by a dummy, so that it remains valid SQL but reveals no values. `None` for a text that cannot
/// be tokenized.
pub fn without_literals(text: &str) -> Option<String> {
    let mut written = String::new();
    for token in Tokenizer::new(&PortraitDialect, text).tokenize().ok()? {
        match token {
            Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => written.push(' '),
            Token::Whitespace(_) | Token::Word(_) | Token::Placeholder(_) => written.push_str(&token.to_string()),
            Token::Number(..) => written.push('0'),
            other if is_literal(&other) => written.push_str("'***'"),
            other => written.push_str(&other.to_string()),
        }
    }
    Some(written)
}

/// The strings that are written in a statement.
pub fn strings(text: &str) -> BTreeSet<String> {
    let tokens = Tokenizer::new(&PortraitDialect, text).tokenize().unwrap_or_default();
    let string = |token| match token {
        Token::SingleQuotedString(text)
        | Token::NationalStringLiteral(text)
        | Token::EscapedStringLiteral(text)
        | Token::UnicodeStringLiteral(text) => Some(text),
        Token::DollarQuotedString(text) => Some(text.value),
        _ => None,
    };
    tokens.into_iter().filter_map(string).collect()
}

/// The statement for the audit log: [`redacted`], and names that look like personal data are masked.
pub fn audited(text: &str) -> String {
    quoted(&redacted(text))
}

/// The tokens up to the first error, such as an unterminated string; `None` if there are too few of them to be useful.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = vec![];
    let read = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location_into_buf(&mut tokens);
    if read.is_err() && tokens.len() < 4 {
        return None;
    }
    Some(tokens.into_iter().map(|token| token.token).collect())
}

fn is_literal(token: &Token) -> bool {
    !matches!(
        token,
        Token::Comma
            | Token::Eq
            | Token::DoubleEq
            | Token::Neq
            | Token::Lt
            | Token::Gt
            | Token::LtEq
            | Token::GtEq
            | Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::DuckIntDiv
            | Token::Mod
            | Token::StringConcat
            | Token::LParen
            | Token::RParen
            | Token::Period
            | Token::Colon
            | Token::DoubleColon
            | Token::SemiColon
            | Token::LBracket
            | Token::RBracket
            | Token::LBrace
            | Token::RBrace
            | Token::Arrow
            | Token::LongArrow
            | Token::RArrow
            | Token::Tilde
            | Token::Caret
            | Token::Pipe
            | Token::Ampersand
    )
}

#[cfg(test)]
mod tests {
    use super::{audited, redacted, strings, without_literals};

    #[test]
    fn definitions_lose_their_literals() {
        let text = "CREATE TABLE t AS -- of C17\nSELECT * FROM (VALUES ('C17', 'O''Neill', 40.5), (NULL, $$a$$, -1)) AS t(\"Key\", name, n)";
        let clean = "CREATE TABLE t AS  SELECT * FROM (VALUES ('***', '***', 0), (NULL, '***', -0)) AS t(\"Key\", name, n)";
        assert_eq!(without_literals(text).as_deref(), Some(clean));
        assert_eq!(strings(text).into_iter().collect::<Vec<_>>(), ["C17", "O'Neill", "a"]);
    }

    #[test]
    fn no_value_is_left() {
        for (sql, expected) in [
            (
                "SELECT * FROM t -- of 13812345678\n WHERE phone = '13812345678' AND n > 12.5",
                "SELECT * FROM t WHERE phone = ? AND n > ?",
            ),
            ("CREATE ROLE ada LOGIN PASSWORD 'see no log'", "CREATE ROLE ada LOGIN PASSWORD ?"),
            ("SELECT $$secret$$, E'a\\'b', X'6A', N'x', $1 /* secret */", "SELECT ?, ?, ?, ?, $1"),
            ("SELECT 名字 FROM \"客户\" WHERE 名字 = '张三'", "SELECT 名字 FROM \"客户\" WHERE 名字 = ?"),
            ("SELECT 'never ended", "(not readable)"),
            ("alter role ada password \"see no log\"", "alter role ada password ?"),
            ("INSERT INTO t VALUES (1, 'a'), (2, 'b", "INSERT INTO t VALUES (?, ?), (?,"),
        ] {
            assert_eq!(redacted(sql), expected, "{sql}");
        }
        let named = "SELECT * FROM t WHERE phone = \"13812345678\" OR \"ann@example.com\" = mail";
        assert_eq!(audited(named), "SELECT * FROM t WHERE phone = \"***\" OR \"***\" = mail");
        let long = format!("SELECT {}'secret'", "a, ".repeat(10_000));
        assert!(redacted(&long).ends_with('…') && !redacted(&long).contains("secret"));
    }
}
