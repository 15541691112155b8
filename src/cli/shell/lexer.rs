//! Splits SQL into tokens, even if the text is unfinished: for colours, brackets, prompts and variables.

use std::ops::Range;

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Space,
    Comment,
    /// In single quotes, or between dollars.
    Text,
    /// In double quotes.
    Name,
    Number,
    Word,
    /// `$name`
    Parameter,
    Opening,
    Closing,
    Semicolon,
    Backslash,
    Symbol,
}

/// A part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub range: Range<usize>,
    /// False for quotes and comments that are not closed.
    pub is_closed: bool,
}

/// The whole text, split into tokens without gaps.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = vec![];
    let mut place = 0;
    while let Some(letter) = text[place..].chars().next() {
        // `E'…'` has escapes.
        let is_escaped = found.last().is_some_and(|token| {
            token.kind == Kind::Word && token.range.end == place && text[token.range.clone()].eq_ignore_ascii_case("e")
        });
        let (kind, length, is_closed) = next(&text[place..], letter, is_escaped);
        found.push(Token { kind, range: place..place + length, is_closed });
        place += length;
    }
    found
}

fn next(rest: &str, letter: char, is_escaped: bool) -> (Kind, usize, bool) {
    let while_it_is = |accepted: &dyn Fn(char) -> bool| rest.find(|letter: char| !accepted(letter)).unwrap_or(rest.len());
    let is_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    match letter {
        space if space.is_whitespace() => (Kind::Space, while_it_is(&char::is_whitespace), true),
        '-' if rest.starts_with("--") => {
            let end = rest.find('\n').unwrap_or(rest.len());
            (Kind::Comment, end, true)
        }
        '/' if rest.starts_with("/*") => comment(rest),
        '\'' => quoted(rest, '\'', is_escaped),
        '"' => quoted(rest, '"', false),
        '`' => quoted(rest, '`', false),
        '$' => dollar(rest),
        digit if digit.is_ascii_digit() => (Kind::Number, number(rest), true),
        word if word.is_alphabetic() || word == '_' => {
            (Kind::Word, while_it_is(&|letter| is_of_name(letter) || letter == '$'), true)
        }
        '(' | '[' | '{' => (Kind::Opening, 1, true),
        ')' | ']' | '}' => (Kind::Closing, 1, true),
        // Chinese keyboards produce the wide semicolon. It is not SQL, and ending the statement here shows the error right away.
        ';' | '；' => (Kind::Semicolon, letter.len_utf8(), true),
        '\\' => (Kind::Backslash, 1, true),
        other => (Kind::Symbol, other.len_utf8(), true),
    }
}

/// Comments can be nested.
fn comment(rest: &str) -> (Kind, usize, bool) {
    let bytes = rest.as_bytes();
    let (mut depth, mut place) = (0_usize, 0);
    while place < bytes.len() {
        match &bytes[place..] {
            [b'/', b'*', ..] => (depth, place) = (depth + 1, place + 2),
            [b'*', b'/', ..] => {
                (depth, place) = (depth - 1, place + 2);
                if depth == 0 {
                    return (Kind::Comment, place, true);
                }
            }
            _ => place += 1,
        }
    }
    (Kind::Comment, rest.len(), false)
}

/// A quote in quotes is written twice.
fn quoted(rest: &str, quote: char, is_escaped: bool) -> (Kind, usize, bool) {
    let kind = if quote == '\'' { Kind::Text } else { Kind::Name };
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((place, letter)) = letters.next() {
        if letter == '\\' && is_escaped {
            letters.next();
        } else if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
            return (kind, place + 1, true);
        }
    }
    (kind, rest.len(), false)
}

/// `$name`, or a text between `$$` or `$tag$`.
fn dollar(rest: &str) -> (Kind, usize, bool) {
    let name = rest[1..].find(|letter: char| !(letter.is_alphanumeric() || letter == '_')).unwrap_or(rest.len() - 1);
    let starts_as_name = !rest[1..].starts_with(|letter: char| letter.is_ascii_digit());
    if starts_as_name && rest[1 + name..].starts_with('$') {
        let mark = &rest[..name + 2];
        return match rest[mark.len()..].find(mark) {
            Some(end) => (Kind::Text, end + 2 * mark.len(), true),
            None => (Kind::Text, rest.len(), false),
        };
    }
    if name == 0 { (Kind::Symbol, 1, true) } else { (Kind::Parameter, 1 + name, true) }
}

fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut place = 0;
    while place < bytes.len() {
        match bytes[place] {
            b'0'..=b'9' | b'_' => place += 1,
            b'.' if bytes.get(place + 1).is_some_and(u8::is_ascii_digit) => place += 1,
            b'e' | b'E' if bytes.get(place + 1).is_some_and(u8::is_ascii_digit) => place += 1,
            b'e' | b'E'
                if matches!(bytes.get(place + 1), Some(b'+' | b'-')) && bytes.get(place + 2).is_some_and(u8::is_ascii_digit) =>
            {
                place += 2;
            }
            _ => break,
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        let found = tokens(text);
        assert_eq!(found.iter().map(|token| &text[token.range.clone()]).collect::<String>(), text, "no gaps");
        found.iter().filter(|token| token.kind != Kind::Space).map(|token| (token.kind, &text[token.range.clone()])).collect()
    }

    #[test]
    fn quotes_comments_and_dollars_are_one_token() {
        use Kind::{Comment, Name, Number, Parameter, Semicolon, Symbol, Text, Word};
        assert_eq!(
            kinds("SELECT 'it''s', \"a\"\"b\", $day, $$a;b$$, $q$'$q$, 1.5e-3 -- ;\n/* /* ; */ */;"),
            [
                (Word, "SELECT"),
                (Text, "'it''s'"),
                (Symbol, ","),
                (Name, "\"a\"\"b\""),
                (Symbol, ","),
                (Parameter, "$day"),
                (Symbol, ","),
                (Text, "$$a;b$$"),
                (Symbol, ","),
                (Text, "$q$'$q$"),
                (Symbol, ","),
                (Number, "1.5e-3"),
                (Comment, "-- ;"),
                (Comment, "/* /* ; */ */"),
                (Semicolon, ";"),
            ]
        );
        assert_eq!(kinds(r"E'it\'s' '\'"), [(Word, "E"), (Text, r"'it\'s'"), (Text, r"'\'")]);
        assert_eq!(kinds("客户；"), [(Word, "客户"), (Semicolon, "；")]);
    }

    #[test]
    fn any_text_is_cut_without_gaps() {
        for text in
            ["'", "\"a", "/*", "/*/", "$", "$$", "$a$ b", "1e", "1.", "\\", "e'\\", "客'户", "`", "$1$2", "-", "'''", "E'\\'"]
        {
            kinds(text);
            assert!(tokens(text).iter().all(|token| !token.range.is_empty()), "{text}");
        }
        assert!(["'a", "\"a", "/* a", "$$ a", "E'\\'"].iter().all(|text| !tokens(text).last().unwrap().is_closed));
    }
}
