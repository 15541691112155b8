//! A place in a statement, shown as in psql: the line, and a caret below the place.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::error::Place;
use crate::sql::dialect::PortraitDialect;
use crate::text::without_passwords;

/// The width of the excerpt: how many columns are shown before the place, and in total.
const BEFORE: usize = 60;
const WIDEST: usize = 100;

/// The text of a statement, and its position in the script.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    text: &'a str,
    first: Location,
}

impl<'a> Source<'a> {
    /// `first` is the place of the text's first character.
    pub fn new(text: &'a str, first: Location) -> Self {
        Self { text, first }
    }

    /// A whole script.
    pub fn script(text: &'a str) -> Self {
        Self::new(text, Location { line: 1, column: 1 })
    }

    /// The line of a place, and a caret below it; `None` when the place is not in the text.
    pub fn excerpt(&self, at: Location) -> Option<Place> {
        let index = at.line.checked_sub(self.first.line)?;
        let line = self.text.split('\n').nth(usize::try_from(index).ok()?)?;
        let skipped = if index == 0 { self.first.column.saturating_sub(1) } else { 0 };
        let column = usize::try_from(at.column.checked_sub(skipped)?.checked_sub(1)?).ok()?;
        let line = without_passwords(line);
        let shown: Vec<char> = line.trim_end().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let (before, after) = shown.split_at(column.min(shown.len()));
        let before = last(before, BEFORE);
        let after = first(after, WIDEST.saturating_sub(before.width()));
        let start = format!("LINE {}: ", at.line);
        let caret = " ".repeat(start.width() + before.width());
        Some(Place { line: at.line, column: at.column, excerpt: format!("{start}{before}{after}\n{caret}^") })
    }

    /// The place right after the last character of the text.
    pub fn end(&self) -> Location {
        let text = self.text.trim_end();
        let newlines = text.matches('\n').count() as u64;
        let width = text.rsplit('\n').next().map_or(0, |line| line.chars().count() as u64);
        self.in_script(Location { line: newlines + 1, column: width + 1 })
    }

    /// The tokens except whitespace and comments, with their positions in the script; empty when the text cannot be tokenized.
    pub fn tokens(&self) -> Vec<TokenWithSpan> {
        let tokens = Tokenizer::new(&PortraitDialect, self.text).with_unescape(true).tokenize_with_location().unwrap_or_default();
        let said = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
        said.map(|mut token| {
            token.span.start = self.in_script(token.span.start);
            token.span.end = self.in_script(token.span.end);
            token
        })
        .collect()
    }

    /// The first place where these words follow one another.
    pub fn find(&self, words: &[&str]) -> Option<Location> {
        if words.is_empty() {
            return None;
        }
        let tokens = self.tokens();
        let is = |token: &TokenWithSpan, word: &&str| text_of(&token.token).eq_ignore_ascii_case(word);
        let found = tokens.windows(words.len()).find(|tokens| tokens.iter().zip(words).all(|(token, word)| is(token, word)));
        found.and_then(|tokens| tokens.first()).map(|token| token.span.start)
    }

    /// The first character for which `of` returns something, and what it returns.
    pub fn find_letter(&self, of: impl Fn(char) -> Option<(char, &'static str)>) -> Option<(char, &'static str, Location)> {
        self.text.split('\n').zip(1..).find_map(|(line, number)| {
            let found = line.chars().zip(1..).find_map(|(letter, column)| of(letter).map(|(letter, sql)| (letter, sql, column)));
            found.map(|(letter, sql, column)| (letter, sql, self.in_script(Location { line: number, column })))
        })
    }

    fn in_script(&self, at: Location) -> Location {
        let column = if at.line == 1 { self.first.column + at.column - 1 } else { at.column };
        Location { line: self.first.line + at.line - 1, column }
    }
}

/// A word or string without its quotes; any other token as written.
pub fn text_of(token: &Token) -> String {
    match token {
        Token::Word(word) => word.value.clone(),
        Token::SingleQuotedString(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The last letters that fit into `width` columns.
fn last(letters: &[char], width: usize) -> String {
    let mut used = 0;
    let fits = letters.iter().rev().take_while(|letter| {
        used += letter.width().unwrap_or(0);
        used <= width
    });
    let kept = fits.count();
    let text: String = letters[letters.len() - kept..].iter().collect();
    if kept < letters.len() { format!("…{text}") } else { text }
}

/// The first letters that fit into `width` columns.
fn first(letters: &[char], width: usize) -> String {
    let mut used = 0;
    let fits = letters.iter().take_while(|letter| {
        used += letter.width().unwrap_or(0);
        used <= width
    });
    let kept = fits.count();
    let text: String = letters[..kept].iter().collect();
    if kept < letters.len() { format!("{text}…") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stands_below_the_place() {
        let source = Source::new("SELECT 客单价,\n  a FROM t", Location { line: 3, column: 11 });
        let at = source.find(&["客单价"]).unwrap();
        assert_eq!((at.line, at.column), (3, 18));
        assert_eq!(source.excerpt(at).unwrap().excerpt, "LINE 3: SELECT 客单价,\n               ^");
        let from = source.find(&["from"]).unwrap();
        assert_eq!(source.excerpt(from).unwrap().excerpt, "LINE 4:   a FROM t\n            ^");
        assert_eq!(source.excerpt(source.end()).unwrap().excerpt, "LINE 4:   a FROM t\n                  ^");
        assert_eq!(source.excerpt(Location { line: 9, column: 1 }), None);
    }

    #[test]
    fn a_caret_stands_below_wide_letters() {
        let source = Source::script("SELECT '客单价', x");
        let at = source.find(&["x"]).unwrap();
        assert_eq!(source.excerpt(at).unwrap().excerpt, "LINE 1: SELECT '客单价', x\n                         ^");
    }

    #[test]
    fn long_lines_are_cut_on_both_sides() {
        let sql = format!("SELECT {}wrong{} FROM t", "a, ".repeat(100), ", b".repeat(100));
        let source = Source::script(&sql);
        let shown = source.excerpt(source.find(&["wrong"]).unwrap()).unwrap().excerpt;
        let (line, caret) = shown.split_once('\n').unwrap();
        assert!(line.starts_with("LINE 1: …") && line.ends_with('…') && line.width() < 120, "{line}");
        assert_eq!(line.find("wrong").map(|at| line[..at].width()), caret.find('^'), "{shown}");
    }
}
