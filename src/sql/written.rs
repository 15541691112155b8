//! The statement of a definition, rewritten from its tokens.
//!
//! A definition is stored as it was typed, and that text cannot be put into a script unchanged: a comment at its end would swallow the
//! semicolon, and a relative path would mean another file elsewhere. So the text is split into the tokens that the parser sees, and each
//! token is printed in a form that Portrait's dialect reads back as the same token. Names and strings are quoted, so that no character in
//! a name can end it, and a comment becomes lines that end before the next token. Printing the syntax tree would not work: sqlparser
//! prints `'a''''b'` as `'a''b'`, and cannot represent an external table.

use std::ops::ControlFlow;
use std::path::Path;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, ObjectName, TableFactor, Value, Visit, Visitor};
use sqlparser::dialect::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

use super::dialect::PortraitDialect;
use super::references::takes_relation;
use crate::files::reader;
use crate::text::{identifier, literal};
use crate::walk::Walk;

/// A statement as tokens, including white space and comments.
#[derive(Debug, Clone)]
pub struct Written {
    tokens: Vec<TokenWithSpan>,
}

impl Written {
    /// Tokenizes the statement of a definition.
    ///
    /// # Errors
    /// Same as [`Self::read`].
    pub fn of_definition(sql: &str) -> Result<Self> {
        Self::read(sql, &PortraitDialect)
    }

    /// Tokenizes a statement of a dialect.
    ///
    /// # Errors
    /// A quote or comment is not terminated.
    pub fn read(sql: &str, dialect: &dyn Dialect) -> Result<Self> {
        let tokens = Tokenizer::new(dialect, sql).tokenize_with_location();
        Ok(Self { tokens: tokens.map_err(|error| DataFusionError::SQL(Box::new(error.into()), None))? })
    }

    /// Removes `OR REPLACE` and `IF NOT EXISTS`, which say what to do if the object exists, from around the keyword of the kind.
    pub fn without_conditions(&mut self, kind: &str) {
        let solid: Vec<usize> = self.solid().collect();
        let is = |from: usize, keywords: &[Keyword]| {
            let found = solid.iter().skip(from).map(|place| self.keyword(*place));
            found.take(keywords.len()).eq(keywords.iter().copied())
        };
        let (mut gone, mut next) = (vec![], 1);
        if is(next, &[Keyword::OR, Keyword::REPLACE]) {
            gone.extend(&solid[next..next + 2]);
            next += 2;
        }
        next += kind.split(' ').count();
        if is(next, &[Keyword::IF, Keyword::NOT, Keyword::EXISTS]) {
            gone.extend(&solid[next..next + 3]);
        }
        self.remove(gone);
    }

    /// Removes an option from the parentheses after `WITH`. It must not be the last one.
    pub fn without_option(&mut self, name: &str) {
        let Some(open) = self.options() else { return };
        let solid: Vec<usize> = self.solid().filter(|place| *place > open).collect();
        let is_name =
            |place: usize| matches!(&self.tokens[place].token, Token::Word(word) if word.value.eq_ignore_ascii_case(name));
        let mut depth = 0_usize;
        let mut begins = true;
        for (index, place) in solid.iter().enumerate() {
            if depth == 0 && begins && is_name(*place) {
                // The name, the sign, the value and the comma after it.
                let comma = solid[index..].iter().position(|place| self.tokens[*place].token == Token::Comma);
                let gone = comma.map_or(vec![], |comma| solid[index..=index + comma].to_vec());
                return self.remove(gone);
            }
            begins = false;
            match self.tokens[*place].token {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket if depth == 0 => return,
                Token::RParen | Token::RBracket => depth -= 1,
                Token::Comma => begins = depth == 0,
                _ => {}
            }
        }
    }

    /// Inserts an option before all others in the parentheses after `WITH`.
    pub fn with_option(&mut self, name: &str, value: &str) {
        let Some(open) = self.options() else { return };
        let token = |token: Token| TokenWithSpan { token, span: self.tokens[open].span };
        let space = || token(Token::Whitespace(Whitespace::Space));
        let own = [
            token(Token::make_word(name, None)),
            space(),
            token(Token::Eq),
            space(),
            token(Token::SingleQuotedString(value.to_string())),
            token(Token::Comma),
            space(),
        ];
        self.tokens.splice(open + 1..open + 1, own);
    }

    /// Removes the query of `CREATE TABLE name (columns) AS query`.
    pub fn without_query(&mut self) {
        let mut depth = 0_usize;
        for place in self.solid().collect::<Vec<_>>() {
            match &self.tokens[place].token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                Token::Word(word) if depth == 0 && word.keyword == Keyword::AS && word.quote_style.is_none() => {
                    return self.tokens.truncate(place);
                }
                _ => {}
            }
        }
    }

    /// Replaces the strings after `LOCATION`.
    pub fn relocate(&mut self, place_of: impl Fn(&str) -> String) {
        let solid: Vec<usize> = self.solid().collect();
        for (index, place) in solid.iter().enumerate() {
            if self.keyword(*place) != Keyword::LOCATION {
                continue;
            }
            // One location, or several in parentheses.
            for next in &solid[index + 1..] {
                match &mut self.tokens[*next].token {
                    Token::SingleQuotedString(location) => *location = place_of(location),
                    Token::LParen | Token::Comma => {}
                    _ => return,
                }
            }
        }
    }

    /// Replaces the value of an option in `OPTIONS ('name' 'value', …)`.
    pub fn relocate_option(&mut self, name: &str, place_of: impl Fn(&str) -> String) {
        let solid: Vec<usize> = self.solid().collect();
        let Some(options) = solid.iter().position(|place| self.keyword(*place) == Keyword::OPTIONS) else { return };
        for pair in solid[options..].windows(3) {
            // A name follows a parenthesis or a comma, and a value follows its name.
            let is_name = matches!(self.tokens[pair[0]].token, Token::LParen | Token::Comma)
                && match &self.tokens[pair[1]].token {
                    Token::SingleQuotedString(own) => own.eq_ignore_ascii_case(name),
                    Token::Word(own) => own.value.eq_ignore_ascii_case(name),
                    _ => false,
                };
            if let (true, Token::SingleQuotedString(value)) = (is_name, &mut self.tokens[pair[2]].token) {
                *value = place_of(value);
            }
        }
    }

    /// Makes the relative paths of files that a statement reads absolute, starting from `base`. `part` is the statement or its body,
    /// parsed from the same text.
    pub fn resolve_files(&mut self, part: &impl Visit, base: &Path) {
        let mut files = Files { found: vec![], tables: vec![] };
        let _ = part.walk(&mut files);
        let tables = self.tables_in_quotes();
        for (place, token) in self.tokens.iter_mut().enumerate() {
            if let Token::SingleQuotedString(file) = &mut token.token
                && (files.found.contains(&token.span.start) || files.tables.contains(file) && tables.contains(&place))
                && !file.contains("://")
                && Path::new(file.as_str()).is_relative()
            {
                *file = base.join(file.as_str()).display().to_string();
            }
        }
    }

    /// The indexes of strings in the position of a table after FROM or JOIN, because sqlparser does not record where those were.
    fn tables_in_quotes(&self) -> Vec<usize> {
        let mut found = vec![];
        // For each open bracket: whether a comma in it separates tables.
        let (mut of_tables, mut expects_table) = (vec![false], false);
        for place in self.solid() {
            let token = &self.tokens[place].token;
            let expected = std::mem::replace(&mut expects_table, false);
            match (token, self.keyword(place)) {
                (Token::SingleQuotedString(_), _) if expected => found.push(place),
                (Token::LParen | Token::LBracket | Token::LBrace, _) => {
                    of_tables.push(expected);
                    expects_table = expected;
                }
                (Token::RParen | Token::RBracket | Token::RBrace, _) => drop(of_tables.pop()),
                (Token::Comma, _) => expects_table = of_tables.last() == Some(&true),
                (
                    _,
                    keyword
                    @ (Keyword::FROM | Keyword::JOIN | Keyword::SELECT | Keyword::WHERE | Keyword::GROUP | Keyword::ORDER),
                ) => {
                    expects_table = matches!(keyword, Keyword::FROM | Keyword::JOIN);
                    if let Some(of_tables) = of_tables.last_mut() {
                        *of_tables = expects_table;
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// The indexes of tokens that are neither white space nor comments.
    fn solid(&self) -> impl Iterator<Item = usize> + '_ {
        let is_solid = |token: &TokenWithSpan| !matches!(token.token, Token::Whitespace(_) | Token::EOF);
        self.tokens.iter().enumerate().filter(move |(_, token)| is_solid(token)).map(|(place, _)| place)
    }

    fn keyword(&self, place: usize) -> Keyword {
        match &self.tokens[place].token {
            Token::Word(word) if word.quote_style.is_none() => word.keyword,
            _ => Keyword::NoKeyword,
        }
    }

    /// The index of the parenthesis after the first top-level `WITH`.
    fn options(&self) -> Option<usize> {
        let solid: Vec<usize> = self.solid().collect();
        let mut depth = 0_usize;
        for (index, place) in solid.iter().enumerate() {
            match self.tokens[*place].token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                _ if depth == 0 && self.keyword(*place) == Keyword::WITH => {
                    return solid.get(index + 1).copied().filter(|next| self.tokens[*next].token == Token::LParen);
                }
                _ => {}
            }
        }
        None
    }

    /// Removes tokens, each with the white space after it.
    fn remove(&mut self, gone: Vec<usize>) {
        for place in gone.into_iter().rev() {
            self.tokens.remove(place);
            while matches!(self.tokens.get(place), Some(token) if is_blank(&token.token)) {
                self.tokens.remove(place);
            }
        }
    }
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (mut text, mut ends_in_comment) = (String::new(), false);
        for token in &self.tokens {
            let written = as_written(&token.token);
            if matches!(token.token, Token::Whitespace(_)) && !is_blank(&token.token) {
                if !(text.is_empty() || text.ends_with(char::is_whitespace)) {
                    text.push(' ');
                }
                ends_in_comment |= !written.is_empty();
            } else if token.token != Token::EOF && !is_blank(&token.token) {
                ends_in_comment = false;
            }
            text.push_str(&written);
        }
        f.write_str(text.trim())?;
        // Ends the comment, so that what follows, such as a semicolon, is not part of it.
        if ends_in_comment { f.write_str("\n") } else { Ok(()) }
    }
}

fn is_blank(token: &Token) -> bool {
    matches!(token, Token::Whitespace(Whitespace::Space | Whitespace::Newline | Whitespace::Tab))
}

/// A token in the form that Portrait's dialect reads.
fn as_written(token: &Token) -> String {
    match token {
        Token::Word(word) if word.quote_style.is_some() => identifier(&word.value),
        Token::SingleQuotedString(text)
        | Token::DoubleQuotedString(text)
        | Token::TripleSingleQuotedString(text)
        | Token::TripleDoubleQuotedString(text)
        | Token::EscapedStringLiteral(text)
        | Token::UnicodeStringLiteral(text)
        | Token::NationalStringLiteral(text)
        | Token::SingleQuotedRawStringLiteral(text)
        | Token::DoubleQuotedRawStringLiteral(text)
        | Token::TripleSingleQuotedRawStringLiteral(text)
        | Token::TripleDoubleQuotedRawStringLiteral(text) => literal(text),
        Token::DollarQuotedString(text) => literal(&text.value),
        Token::QuoteDelimitedStringLiteral(text) | Token::NationalQuoteDelimitedStringLiteral(text) => literal(&text.value),
        Token::Whitespace(Whitespace::SingleLineComment { comment, .. } | Whitespace::MultiLineComment(comment)) => {
            comment.lines().map(comment_line).collect()
        }
        other => other.to_string(),
    }
}

/// A line of a comment, with a line end.
fn comment_line(line: &str) -> String {
    let line = line.trim();
    if line.is_empty() { String::new() } else { format!("-- {}\n", one_line(line)) }
}

/// A text with all characters escaped that a reader might take for a line end, or that control a terminal or the text direction.
pub fn one_line(text: &str) -> String {
    let is_plain = |letter: &char| {
        !letter.is_control() && !matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let one = |letter: char| if is_plain(&letter) { letter.to_string() } else { letter.escape_unicode().to_string() };
    text.chars().map(one).collect()
}

/// The files that a statement reads: positions of arguments, and quoted tables.
struct Files {
    found: Vec<Location>,
    /// Names of tables in single quotes; their positions are unknown.
    tables: Vec<String>,
}

impl Files {
    fn argument(&mut self, function: &str, place: usize, argument: &FunctionArg) {
        let (name, value) = match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (None, value),
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => (Some(name.value.as_str()), value),
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. } => {
                (Some(name.value.as_str()), value)
            }
            _ => return,
        };
        if let Expr::Value(value) = value
            && matches!(value.value, Value::SingleQuotedString(_))
            && (takes_relation(function, place, name) || place == 0 && name.is_none() && reader(function).is_some())
        {
            self.found.push(value.span.start);
        }
    }
}

impl Visitor for Files {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let (name, arguments) = match factor {
            TableFactor::Table { name: ObjectName(parts), args: None, .. } => {
                if let [part] = parts.as_slice()
                    && let Some(file) = part.as_ident().filter(|file| file.quote_style == Some('\''))
                {
                    self.tables.push(file.value.clone());
                }
                return ControlFlow::Continue(());
            }
            TableFactor::Table { name, args: Some(arguments), .. } => (name, &arguments.args),
            TableFactor::Function { name, args, .. } => (name, args),
            _ => return ControlFlow::Continue(()),
        };
        if let [part] = name.0.as_slice()
            && let Some(function) = part.as_ident()
        {
            for (place, argument) in arguments.iter().enumerate() {
                self.argument(&function.value, place, argument);
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::MySqlDialect;

    use super::*;

    fn written(sql: &str) -> Written {
        Written::read(sql, &PortraitDialect).unwrap()
    }

    #[test]
    fn what_is_written_reads_as_the_same_tokens() {
        for sql in [
            "SELECT 'it''''s', 'a\\', \"a\"\"\"\"b\", U&'\\0041', X'00ff', $$a'b$$, $x, a::INT[1], 1e10, a->>'b', DATE '2025-01-01'",
            "CREATE VIEW \"x\nCREATE TABLE injected AS SELECT 666 AS evil; --\" AS SELECT '; -- /*' AS \"'\"",
            "SELECT /* a */ 1 -- b\n, 2 /* c\n d */ + 3",
        ] {
            let once = written(sql).to_string();
            let solid = |text: &str| {
                let Written { tokens } = written(text);
                let tokens = tokens.into_iter().map(|token| token.token).filter(|token| !matches!(token, Token::Whitespace(_)));
                tokens.map(|token| as_written(&token)).collect::<Vec<_>>()
            };
            assert_eq!(solid(&once), solid(sql), "{once}");
            assert_eq!(written(&once).to_string(), once);
        }
    }

    #[test]
    fn a_comment_ends_before_what_follows() {
        assert_eq!(written("SELECT 1-- a").to_string(), "SELECT 1 -- a\n");
        assert_eq!(written("SELECT/* a\n\r b */1").to_string(), "SELECT -- a\n-- b\n1");
    }

    #[test]
    fn other_dialects_become_the_own_one() {
        let mysql = Written::read("SELECT 'it\\'s \\\\', \"text\", `name` # comment\n", &MySqlDialect {}).unwrap();
        assert_eq!(mysql.to_string(), "SELECT 'it''s \\', 'text', \"name\" -- comment\n");
    }

    #[test]
    fn strings_in_the_place_of_tables_are_told_from_others() {
        let places = |sql: &str| {
            let written = written(sql);
            let found = written.tables_in_quotes();
            found.iter().map(|place| written.tokens[*place].span.start.column).collect::<Vec<_>>()
        };
        assert_eq!(
            places("SELECT 'a', 'b' FROM 'a' AS x, 'b' JOIN 'c' ON x.a = 'a', 'd' WHERE y IN ('a', 'b')"),
            [22_u64, 32, 41, 59]
        );
        assert_eq!(places("SELECT * FROM ('a' CROSS JOIN (SELECT 'b', f('c', 'd') FROM 'e'))"), [16_u64, 61]);
        assert_eq!(places("SELECT f('a') FROM read_csv('a', null => ['a']) ORDER BY 'a', 'b'"), Vec::<u64>::new());
    }

    #[test]
    fn conditions_and_options_can_be_left_out() {
        let without = |kind: &str, sql: &str| {
            let mut written = written(sql);
            written.without_conditions(kind);
            written.to_string()
        };
        assert_eq!(without("view", "CREATE OR REPLACE VIEW v AS SELECT 1"), "CREATE VIEW v AS SELECT 1");
        assert_eq!(without("table", "create TABLE if not exists t (a INT)"), "create TABLE t (a INT)");
        let external = "CREATE OR REPLACE EXTERNAL TABLE IF NOT EXISTS t LOCATION 'x'";
        assert_eq!(without("external table", external), "CREATE EXTERNAL TABLE t LOCATION 'x'");
        let plain = "CREATE VIEW \"or\" AS SELECT 1 OR REPLACE(a)";
        assert_eq!(without("view", plain), plain);
        let mut model = written("CREATE MODEL m WITH (type = 'kmeans', key = 'k') AS SELECT 1");
        model.with_option("trained", "{'}");
        assert_eq!(model.to_string(), "CREATE MODEL m WITH (trained = '{''}', type = 'kmeans', key = 'k') AS SELECT 1");
        model.without_option("trained");
        assert_eq!(model.to_string(), "CREATE MODEL m WITH (type = 'kmeans', key = 'k') AS SELECT 1");
    }
}
