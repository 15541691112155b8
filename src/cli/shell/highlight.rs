//! Colours SQL while it is typed and in pages, and finds the bracket that matches the one at the cursor.

use std::fmt::Write;

use super::keywords::is_keyword;
use super::lexer::{Kind, Token, tokens};

pub const BOLD: &str = "\u{1b}[1m";
pub const PLAIN: &str = "\u{1b}[0m";
pub const CODE: &str = "\u{1b}[36m";
const KEYWORD: &str = "\u{1b}[35m";
const TEXT: &str = "\u{1b}[32m";
const NUMBER: &str = "\u{1b}[36m";
const COMMENT: &str = "\u{1b}[90m";
const PARAMETER: &str = "\u{1b}[33m";
const WRONG: &str = "\u{1b}[31m";
const MATCHING: &str = "\u{1b}[1;7m";

/// Longer texts, such as a pasted script, are not coloured: it would take too long.
const LONGEST: usize = 100_000;

/// SQL with its colours.
pub fn colored(sql: &str) -> String {
    painted("", sql, None)
}

/// The line in colours; `before` has the earlier lines of the same statement. `cursor` is the position in the line.
pub fn painted(before: &str, line: &str, cursor: Option<usize>) -> String {
    if before.len() + line.len() > LONGEST {
        return line.to_string();
    }
    let text = format!("{before}{line}");
    let found = tokens(&text);
    let pair = cursor.and_then(|cursor| pair(&text, &found, before.len() + cursor));
    let mut written = String::with_capacity(line.len() * 2);
    for (place, token) in found.iter().enumerate().filter(|(_, token)| token.range.end > before.len()) {
        // A quote may have begun on an earlier line.
        let part = &text[token.range.start.max(before.len())..token.range.end];
        let color = match pair {
            Some((one, other)) if place == one || place == other => Some(MATCHING),
            _ => color(&text, &found, place),
        };
        match color {
            Some(color) => {
                let _ = write!(written, "{color}{part}{PLAIN}");
            }
            None => written.push_str(part),
        }
    }
    written
}

fn color(text: &str, found: &[Token], place: usize) -> Option<&'static str> {
    let token = &found[place];
    match token.kind {
        Kind::Word => {
            let is_part = place > 0 && matches!(&text[found[place - 1].range.clone()], "." | "\\");
            (!is_part && is_keyword(&text[token.range.clone()])).then_some(KEYWORD)
        }
        Kind::Text => Some(TEXT),
        Kind::Number => Some(NUMBER),
        Kind::Comment => Some(COMMENT),
        Kind::Parameter => Some(PARAMETER),
        // Characters that Chinese keyboards produce instead of SQL's own.
        Kind::Symbol | Kind::Semicolon if "；，（）＝‘’“”．＊＜＞".contains(&text[token.range.clone()]) => {
            Some(WRONG)
        }
        _ => None,
    }
}

/// The bracket under or before the cursor, and the one that matches it.
fn pair(text: &str, found: &[Token], cursor: usize) -> Option<(usize, usize)> {
    let is_bracket = |token: &Token| matches!(token.kind, Kind::Opening | Kind::Closing);
    let at = |place: usize| found.iter().position(|token| is_bracket(token) && token.range.start == place);
    let one = at(cursor).or_else(|| cursor.checked_sub(1).and_then(at))?;
    let forward = found[one].kind == Kind::Opening;
    let wanted = match &text[found[one].range.clone()] {
        "(" => ")",
        ")" => "(",
        "[" => "]",
        "]" => "[",
        "{" => "}",
        _ => "{",
    };
    let mut depth = 0;
    let mut places: Box<dyn Iterator<Item = usize>> =
        if forward { Box::new(one..found.len()) } else { Box::new((0..=one).rev()) };
    let other = places.find(|place| {
        let token = &found[*place];
        if is_bracket(token) {
            depth += if token.kind == found[one].kind { 1 } else { -1 };
        }
        depth == 0 && is_bracket(token)
    })?;
    (text[found[other].range.clone()] == *wanted).then_some((one, other))
}

#[cfg(test)]
mod tests {
    use super::super::super::screen::without_colors;
    use super::*;

    #[test]
    fn colours_change_no_letter() {
        for text in [
            "SELECT '客户', 1.5 FROM \"t\" -- x\nWHERE ($a = (2)",
            "'",
            "\\d 订单",
            "；",
            "",
            "/* a",
            "SELECT '\u{1f468}\u{200d}\u{1f469}'",
        ] {
            for cursor in (0..=text.len()).filter(|place| text.is_char_boundary(*place)) {
                assert_eq!(without_colors(&painted("", text, Some(cursor))), text);
            }
        }
        assert_eq!(colored("SELECT a.date"), format!("{KEYWORD}SELECT{PLAIN} a.date"));
        // A quote that began on an earlier line.
        assert_eq!(painted("SELECT 'a\n", "b' FROM", None), format!("{TEXT}b'{PLAIN} {KEYWORD}FROM{PLAIN}"));
    }

    #[test]
    fn brackets_are_matched_outside_quotes() {
        let matched = |text: &str, cursor: usize| {
            let found = tokens(text);
            pair(text, &found, cursor).map(|(one, other)| (found[one].range.start, found[other].range.start))
        };
        assert_eq!(matched("f(a, ')', (b))", 14), Some((13, 1)));
        assert_eq!(matched("f(a, ')', (b))", 1), Some((1, 13)));
        assert_eq!(matched("f(a", 1), None);
        assert_eq!(matched("f(a]", 4), None);
    }
}
