//! Variables: `\set name value` sets a variable. In a statement, `$name` is its value with its type; `:name` is replaced by its text as if
//! that had been typed, `:'name'` by its text in quotes, and `:"name"` by its text as an identifier.

use std::collections::BTreeMap;

use super::lexer::{Kind, tokens};
use crate::cli::parameters::Parameter;

/// All variables, sorted by name.
#[derive(Debug, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// The variables of the command line.
    pub fn new(parameters: &[Parameter]) -> Self {
        Self(parameters.iter().map(|parameter| (parameter.name.clone(), parameter.text.clone())).collect())
    }

    pub fn set(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_string(), text.to_string());
    }

    /// False if there was none with that name.
    pub fn unset(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Replaces the variables in a text. Unknown names stay as they are, and so does everything in quotes and comments.
    pub fn put_into(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_string();
        }
        let found = tokens(text);
        let mut written = String::with_capacity(text.len());
        let mut place = 0;
        while let Some(token) = found.get(place) {
            let own = &text[token.range.clone()];
            let is_mark = own == ":" && token.kind == Kind::Symbol;
            let follows_mark = place > 0 && &text[found[place - 1].range.clone()] == ":";
            let value = found.get(place + 1).filter(|_| is_mark && !follows_mark).and_then(|name| {
                let given = &text[name.range.clone()];
                match name.kind {
                    Kind::Word => self.get(given).map(String::from),
                    Kind::Text if name.is_closed => self.get(inner(given)).map(|text| format!("'{}'", text.replace('\'', "''"))),
                    Kind::Name if name.is_closed => {
                        self.get(inner(given)).map(|text| format!("\"{}\"", text.replace('"', "\"\"")))
                    }
                    _ => None,
                }
            });
            match value {
                Some(value) => {
                    written.push_str(&value);
                    place += 2;
                }
                None => {
                    written.push_str(own);
                    place += 1;
                }
            }
        }
        written
    }
}

fn inner(quoted: &str) -> &str {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}

/// The value of `\set name value`: quoted parts lose their quotes, and all parts are joined, as in psql.
pub fn value(written: &str) -> String {
    let mut value = String::new();
    for token in tokens(written) {
        let part = &written[token.range.clone()];
        match token.kind {
            Kind::Space => {}
            Kind::Text if token.is_closed && part.starts_with('\'') => value.push_str(&inner(part).replace("''", "'")),
            _ => value.push_str(part),
        }
    }
    value
}

/// The text of `\echo text`: quoted parts lose their quotes, and any space between parts becomes one space, as in psql.
pub fn spoken(written: &str) -> String {
    let mut text = String::new();
    for token in tokens(written.trim()) {
        let part = &written.trim()[token.range.clone()];
        match token.kind {
            Kind::Space => text.push(' '),
            Kind::Text if token.is_closed && part.starts_with('\'') => text.push_str(&inner(part).replace("''", "'")),
            _ => text.push_str(part),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_in_statements() {
        let mut variables = Variables::default();
        for (name, text) in [("n", "5"), ("city", "it's"), ("表", "订单")] {
            variables.set(name, text);
        }
        for (written, read) in [
            ("SELECT :n + 1", "SELECT 5 + 1"),
            ("SELECT :'city', :\"表\" FROM :表", "SELECT 'it''s', \"订单\" FROM 订单"),
            ("SELECT ':n', \":n\", n::n, :none, :'none' -- :n", "SELECT ':n', \":n\", n::n, :none, :'none' -- :n"),
            ("SELECT a[:n], t_:n", "SELECT a[5], t_5"),
            (":", ":"),
            (":'", ":'"),
        ] {
            assert_eq!(variables.put_into(written), read);
        }
        assert!(variables.unset("n") && !variables.unset("n"));
    }

    #[test]
    fn values_lose_their_quotes() {
        for (written, read) in [("'a b'", "a b"), ("a 'it''s' b", "ait'sb"), ("上海", "上海"), ("", ""), ("'open", "'open")] {
            assert_eq!(value(written), read);
        }
    }

    #[test]
    fn texts_keep_the_spaces_between_words() {
        for (written, read) in [("hi  there", "hi there"), ("'a  b' c", "a  b c"), ("it's", "it's"), ("", "")] {
            assert_eq!(spoken(written), read);
        }
    }
}
