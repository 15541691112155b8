//! Completion with Tab, and the other answers to the line editor: colours, brackets, unfinished statements.

use std::borrow::Cow;
use std::cell::Cell;
use std::path::Path;

use portraitdb::{Doc, Engine, Kind as DocKind, Language, Session, Takes as Argument, pages};
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::commands::{self, Takes};
use super::edit;
use super::highlight::painted;
use super::input::{Item, cut};
use super::keywords::KEYWORDS;
use super::lexer::{Kind, Token, tokens};
use super::names::Lookup;
use super::sources::sources;
use super::variables::Variables;

/// Answers the line editor.
pub struct ShellHelper {
    lookup: Lookup,
    color: bool,
    /// The earlier lines of the current statement.
    before: String,
    variables: Vec<String>,
    /// Whether to show the bracket that matches the one at the cursor; not once the line is entered.
    is_typing: Cell<bool>,
}

impl ShellHelper {
    pub fn new(engine: Engine, session: Session, color: bool) -> Self {
        let lookup = Lookup::new(engine, session);
        Self { lookup, color, before: String::new(), variables: vec![], is_typing: Cell::new(true) }
    }

    /// Call this before each line.
    pub fn begin_line(&mut self, before: &str, variables: &Variables) {
        self.before = before.to_string();
        self.variables = variables.all().map(|(name, _)| name.to_string()).collect();
        self.is_typing.set(true);
    }

    /// Call this when tables may have changed.
    pub fn forget(&self) {
        self.lookup.forget();
    }

    /// The words that can be inserted at the cursor, between `left` and `right`, and where the current word begins.
    pub fn candidates(&self, left: &str, right: &str) -> (usize, Vec<Pair>) {
        let whole = format!("{}{left}", self.before);
        // Only the last, incomplete statement matters.
        let parts = cut(&whole, true);
        if let Some(Item::Command { line, pending, .. }) = parts.items.last()
            && *pending == parts.rest
            && let Some(place) = left.rfind(line.as_str())
        {
            let (start, found) = self.of_command(&left[place..]);
            return (place + start, found);
        }
        let (start, found) = self.of_statement(&parts.rest, right);
        // Positions must be relative to the line, without the text before it.
        (left.len().saturating_sub(parts.rest.len() - start), found)
    }

    fn of_command(&self, line: &str) -> (usize, Vec<Pair>) {
        let Some((name, _)) = line.split_once(char::is_whitespace) else {
            let names = commands::all().filter_map(|command| command.names.iter().find(|name| name.starts_with(line)));
            return (0, names.map(|name| plain(name)).collect());
        };
        let start = line.rfind(char::is_whitespace).map_or(0, |place| place + 1);
        let word = &line[start..];
        let Ok((command, _)) = commands::find(name) else { return (start, vec![]) };
        let names = self.lookup.names();
        let found = match command.takes {
            Takes::Nothing => vec![],
            Takes::Words(words) => words.iter().filter(|known| known.starts_with(word)).map(|word| plain(word)).collect(),
            Takes::Page => matching(pages().iter().map(|doc| doc.name.to_string()), word),
            Takes::Function => matching(names.functions.iter().chain(&names.relations).cloned(), word),
            Takes::Variable => matching(self.variables.iter().cloned(), word),
            Takes::File => files(word, false),
            Takes::Table => match word.rsplit_once('.') {
                Some((schema, word)) => return (start + schema.len() + 1, self.in_schema(schema, word)),
                None => self.tables(word, false),
            },
        };
        (start, found)
    }

    fn of_statement(&self, text: &str, right: &str) -> (usize, Vec<Pair>) {
        let all = tokens(text);
        if let Some(open) = all.last().filter(|token| !token.is_closed) {
            let start = open.range.start + 1;
            return match open.kind {
                Kind::Text => {
                    let choices = choices(text, &all);
                    let found: Vec<Pair> =
                        choices.iter().filter(|word| word.starts_with(&text[start..])).map(|word| ended(word, '\'')).collect();
                    (start, if choices.is_empty() { files(&text[start..], true) } else { found })
                }
                Kind::Name => (start, self.quoted(&text[start..], text, right)),
                _ => (start, vec![]),
            };
        }
        let last = all.last().filter(|token| matches!(token.kind, Kind::Word | Kind::Parameter));
        let (start, word) = last.map_or((text.len(), ""), |token| (token.range.start, &text[token.range.clone()]));
        if let Some(name) = word.strip_prefix('$') {
            return (start + 1, matching(self.variables.iter().cloned(), name));
        }
        let before: Vec<&Token> =
            all.iter().filter(|token| token.range.end <= start && !matches!(token.kind, Kind::Space | Kind::Comment)).collect();
        let word_at = |back: usize| before.iter().rev().nth(back).map_or("", |token| &text[token.range.clone()]);
        if word_at(0) == "." && before.last().is_some_and(|dot| dot.range.end == start) {
            let owner = word_at(1).trim_matches('"');
            return (start, self.after_dot(owner, word, text, right));
        }
        if before.len() >= 2
            && word_at(before.len() - 1).eq_ignore_ascii_case("SET")
            && (word_at(0) == "=" || word_at(0).eq_ignore_ascii_case("to"))
        {
            let setting: String = before[1..before.len() - 1].iter().map(|token| &text[token.range.clone()]).collect();
            return (start, self.values(&setting, word));
        }
        if ["SET", "SHOW", "RESET"].iter().any(|keyword| word_at(0).eq_ignore_ascii_case(keyword)) && before.len() == 1 {
            return (start, matching(self.lookup.names().settings.iter().cloned(), word));
        }
        let takes_table = ["FROM", "JOIN", "INTO", "UPDATE", "TABLE", "VIEW", "DESCRIBE", "DESC", "SUMMARIZE"];
        if takes_table.iter().any(|keyword| word_at(0).eq_ignore_ascii_case(keyword)) {
            return (start, self.tables(word, true));
        }
        let mut found = vec![];
        let mut columns = self.columns(text, right, None);
        if let Some(call) = open_call(&text[..start])
            && let Some(doc) = function(&call.name).filter(|doc| doc.kind == DocKind::Relation)
        {
            if matches!(word_at(0), "(" | ",") {
                let arguments = doc.arguments.iter().filter(|argument| starts_with(argument.name, word));
                found.extend(arguments.map(|argument| plain(&format!("{} => ", argument.name))));
            }
            if word_at(0) == "(" {
                found.extend(self.tables(word, false));
                return (start, found);
            }
            // The arguments are expressions over the columns of the input.
            columns.extend(self.lookup.columns(&sources(text).with, &call.first).iter().cloned());
        }
        if word.is_empty() {
            // After SELECT, a comma or an operator an expression follows: columns, if FROM is known.
            found.extend(columns.into_iter().map(|name| plain(&written(&name))));
            return (start, found);
        }
        found.extend(matching(columns.into_iter(), word));
        found.extend(self.tables(word, false));
        found.extend(self.lookup.names().functions.iter().filter(|name| starts_with(name, word)).map(|name| plain(name)));
        found.extend(self.lookup.names().relations.iter().filter(|name| starts_with(name, word)).map(|name| plain(name)));
        found.extend(KEYWORDS.iter().filter(|keyword| starts_with(keyword, word)).map(|keyword| plain(keyword)));
        let mut seen = std::collections::HashSet::new();
        found.retain(|pair| seen.insert(pair.replacement.clone()));
        (start, found)
    }

    /// Tables of the schema public and of the session, and the names of other schemas; after FROM also everything else that can be read.
    fn tables(&self, word: &str, in_from: bool) -> Vec<Pair> {
        let names = self.lookup.names();
        let mut found = vec![];
        for (schema, tables) in &names.tables {
            if schema == "public" {
                found.extend(matching(tables.iter().cloned(), word));
            }
        }
        for schema in names.tables.keys().filter(|schema| *schema != "public" && starts_with(schema, word)) {
            let name = format!("{}.", written(schema));
            found.push(Pair { display: name.clone(), replacement: name });
        }
        if in_from {
            found.extend(names.relations.iter().filter(|name| starts_with(name, word)).map(|name| plain(&format!("{name}("))));
        }
        found
    }

    /// The values of a setting that can be written as a word.
    fn values(&self, setting: &str, word: &str) -> Vec<Pair> {
        let values: &[&str] = if setting.eq_ignore_ascii_case("portrait.language") {
            Language::NAMES
        } else if self.lookup.names().switches.contains(&setting.to_lowercase()) {
            &["true", "false"]
        } else {
            &[]
        };
        values.iter().filter(|value| starts_with(value, word)).map(|value| plain(value)).collect()
    }

    fn in_schema(&self, schema: &str, word: &str) -> Vec<Pair> {
        let names = self.lookup.names();
        let found = names.tables.iter().find(|(name, _)| name.eq_ignore_ascii_case(schema.trim_matches('"')));
        found.map_or_else(Vec::new, |(_, tables)| matching(tables.iter().cloned(), word))
    }

    fn after_dot(&self, owner: &str, word: &str, text: &str, right: &str) -> Vec<Pair> {
        let mut found = matching(self.columns(text, right, Some(owner)).into_iter(), word);
        found.extend(self.in_schema(owner, word));
        let settings = self.lookup.names();
        let prefix = format!("{owner}.");
        if text.trim_start().to_uppercase().starts_with("SET") || text.trim_start().to_uppercase().starts_with("SHOW") {
            found
                .extend(matching(settings.settings.iter().filter_map(|name| name.strip_prefix(&prefix).map(String::from)), word));
        }
        found
    }

    /// Columns of the sources in FROM: of one source or of all.
    fn columns(&self, left: &str, right: &str, owner: Option<&str>) -> Vec<String> {
        let sources = sources(&format!("{left}{right}"));
        let mut columns: Vec<String> = vec![];
        for source in &sources.found {
            if owner.is_none_or(|owner| source.alias.eq_ignore_ascii_case(owner)) {
                columns.extend(self.lookup.columns(&sources.with, &source.text).iter().cloned());
            }
        }
        let mut seen = std::collections::HashSet::new();
        columns.retain(|column| seen.insert(column.clone()));
        columns
    }

    /// In double quotes: columns and tables.
    fn quoted(&self, word: &str, text: &str, right: &str) -> Vec<Pair> {
        let names = self.lookup.names();
        let tables = names.tables.values().flatten().cloned();
        let columns = self.columns(&text[..text.len() - word.len() - 1], right, None);
        columns.into_iter().chain(tables).filter(|name| name.starts_with(word)).map(|name| ended(&name, '"')).collect()
    }
}

fn plain(word: &str) -> Pair {
    Pair { display: word.trim_end().to_string(), replacement: word.to_string() }
}

fn ended(word: &str, quote: char) -> Pair {
    Pair { display: word.to_string(), replacement: format!("{word}{quote}") }
}

fn starts_with(name: &str, word: &str) -> bool {
    name.to_lowercase().starts_with(&word.to_lowercase())
}

fn matching(names: impl Iterator<Item = String>, word: &str) -> Vec<Pair> {
    names.filter(|name| starts_with(name, word)).map(|name| Pair { replacement: written(&name), display: name }).collect()
}

/// A name as SQL: in quotes where needed.
fn written(name: &str) -> String {
    let is_plain = name
        .chars()
        .all(|letter| (letter.is_alphanumeric() && !letter.is_ascii_uppercase()) || matches!(letter, '_' | '.' | ' '))
        && !name.starts_with(|letter: char| letter.is_ascii_digit())
        && !name.contains(' ');
    if is_plain { name.to_string() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn function(name: &str) -> Option<&'static Doc> {
    pages().into_iter().find(|doc| doc.name == name && doc.kind != DocKind::Statement)
}

/// A call whose parenthesis is open.
struct OpenCall {
    /// In lower case.
    name: String,
    /// Its first argument, if a comma follows it: for functions in FROM, the input.
    first: String,
}

/// The call with the innermost open parenthesis; brackets of a list in it may be open, too.
fn open_call(text: &str) -> Option<OpenCall> {
    let all: Vec<Token> = tokens(text).into_iter().filter(|token| token.kind != Kind::Space).collect();
    let mut depth = 0;
    for (place, token) in all.iter().enumerate().rev() {
        match token.kind {
            Kind::Closing => depth += 1,
            Kind::Opening if depth > 0 => depth -= 1,
            Kind::Opening if &text[token.range.clone()] == "[" => {}
            Kind::Opening => {
                let name = place.checked_sub(1).and_then(|before| all.get(before)).filter(|name| name.kind == Kind::Word)?;
                let first = first_argument(text, &all[place + 1..]);
                return Some(OpenCall { name: text[name.range.clone()].to_lowercase(), first });
            }
            _ => {}
        }
    }
    None
}

/// The text before the first comma outside of parentheses; empty if there is none.
fn first_argument(text: &str, inside: &[Token]) -> String {
    let mut depth = 0_usize;
    for token in inside {
        match token.kind {
            Kind::Opening => depth += 1,
            Kind::Closing => depth = depth.saturating_sub(1),
            _ if depth == 0 && &text[token.range.clone()] == "," => {
                return inside.first().map_or_else(String::new, |first| text[first.range.start..token.range.start].to_string());
            }
            _ => {}
        }
    }
    String::new()
}

/// The words allowed for the argument whose string is being typed: `scheme => '`.
fn choices(text: &str, all: &[Token]) -> Vec<&'static str> {
    let words: Vec<&Token> = all.iter().filter(|token| !matches!(token.kind, Kind::Space | Kind::Comment)).collect();
    let word = |back: usize| words.iter().rev().nth(back).map_or("", |token| &text[token.range.clone()]);
    let start = words.last().map_or(0, |token| token.range.start);
    let doc = open_call(&text[..start]).and_then(|call| function(&call.name)).filter(|_| word(1) == ">" && word(2) == "=");
    match doc.and_then(|doc| doc.argument(word(3))).map(|argument| argument.takes) {
        Some(Argument::Choice(words)) => words.to_vec(),
        _ => vec![],
    }
}

/// File names with this beginning; a folder ends with a slash, a file within quotes with the quote.
fn files(word: &str, in_quotes: bool) -> Vec<Pair> {
    let (folder, name) = word.rsplit_once('/').map_or(("", word), |(folder, name)| (&word[..=folder.len()], name));
    let place = if folder.is_empty() { Path::new(".").to_path_buf() } else { edit::path(folder) };
    let Ok(entries) = std::fs::read_dir(place) else { return vec![] };
    let mut found: Vec<Pair> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let own = entry.file_name().into_string().ok()?;
            let is_hidden = own.starts_with('.') && !name.starts_with('.');
            if !own.starts_with(name) || is_hidden || own.chars().any(char::is_control) {
                return None;
            }
            let end = if entry.path().is_dir() {
                "/"
            } else if in_quotes {
                "'"
            } else {
                ""
            };
            let shown = if end == "/" { format!("{own}/") } else { own.clone() };
            let own = if in_quotes { own.replace('\'', "''") } else { own };
            Some(Pair { display: shown, replacement: format!("{folder}{own}{end}") })
        })
        .collect();
    found.sort_by(|one, other| one.display.cmp(&other.display));
    found
}

impl Completer for ShellHelper {
    type Candidate = Pair;

    fn complete(&self, line: &str, position: usize, _context: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        Ok(self.candidates(&line[..position], &line[position..]))
    }
}

impl Highlighter for ShellHelper {
    fn highlight<'l>(&self, line: &'l str, position: usize) -> Cow<'l, str> {
        if self.color {
            Cow::Owned(painted(&self.before, line, self.is_typing.get().then_some(position)))
        } else {
            Cow::Borrowed(line)
        }
    }

    fn highlight_char(&self, _line: &str, _position: usize, kind: CmdKind) -> bool {
        self.is_typing.set(kind != CmdKind::ForcedRefresh);
        self.color
    }
}

/// A statement is checked for completeness when its line is entered; the prompt of the next line says what is still open.
impl Validator for ShellHelper {}

impl Hinter for ShellHelper {
    type Hint = String;
}

impl Helper for ShellHelper {}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitdb::EngineOptions;

    fn helper(sql: &str) -> ShellHelper {
        let engine = Engine::open(EngineOptions::default()).unwrap();
        let session = engine.session().unwrap();
        engine.block_on(session.sql(sql)).unwrap();
        ShellHelper::new(engine, session, false)
    }

    fn found(helper: &ShellHelper, line: &str) -> Vec<String> {
        let (left, right) = line.split_once('|').unwrap_or((line, ""));
        let (start, found) = helper.candidates(left, right);
        found.into_iter().map(|pair| format!("{}{}", &left[..start], pair.replacement)).collect()
    }

    #[test]
    fn what_may_follow_is_offered() {
        let mut helper = helper(
            "CREATE TABLE 订单 AS SELECT 1 AS customer_number, 2 AS \"Amount\"; CREATE TABLE cu AS SELECT 1 AS k, 'a' AS city;
             CREATE PROFILE customer WITH (key = 'k') AS SELECT k, city FROM cu; CREATE SEGMENT big ON customer AS city = 'a';
             REFRESH PROFILE customer",
        );
        for (line, wanted) in [
            ("SELECT * FROM 订", "SELECT * FROM 订单"),
            ("SELECT customer_n| FROM 订单", "SELECT customer_number"),
            ("SELECT o.| FROM 订单 o", "SELECT o.\"Amount\""),
            ("SELECT \"A| FROM 订单 o", "SELECT \"Amount\""),
            ("SELECT | FROM profile.customer", "SELECT city"),
            ("SELECT * FROM rf", "SELECT * FROM rfm("),
            ("SELECT * FROM profile.cu", "SELECT * FROM profile.customer"),
            ("SELECT * FROM segment.", "SELECT * FROM segment.big"),
            ("SELECT * FROM sys", "SELECT * FROM system."),
            ("SELECT * FROM system.fun", "SELECT * FROM system.functions"),
            ("sel", "SELECT"),
            ("SELECT 1; sel", "SELECT 1; SELECT"),
            ("SELECT * FROM rfm(orders, customer => lower(x), ", "SELECT * FROM rfm(orders, customer => lower(x), as_of => "),
            ("SELECT * FROM rfm(cu, customer => |", "SELECT * FROM rfm(cu, customer => city"),
            ("SELECT * FROM rfm(cu, customer => ci", "SELECT * FROM rfm(cu, customer => city"),
            ("SELECT * FROM window_funnel(cu, steps => [ci", "SELECT * FROM window_funnel(cu, steps => [city"),
            ("SELECT * FROM rfm(", "SELECT * FROM rfm(cu"),
            ("SET portrait.language = ", "SET portrait.language = zh"),
            ("SET portrait.grouped_aggregation TO f", "SET portrait.grouped_aggregation TO false"),
            ("SELECT * FROM rfm(orders, labels => 'z", "SELECT * FROM rfm(orders, labels => 'zh'"),
            ("WITH a AS (SELECT 1 AS xyz) SELECT x| FROM a", "WITH a AS (SELECT 1 AS xyz) SELECT xyz"),
            ("SELECT v| FROM generate_series(1, 3)", "SELECT value"),
            ("SET portrait.max_r", "SET portrait.max_rows_shown"),
            ("\\t", "\\timing"),
            ("\\x a", "\\x auto"),
            ("\\d profile.c", "\\d profile.customer"),
            ("\\d cu", "\\d cu"),
            ("\\h frequent_i", "\\h frequent_itemsets"),
            ("SELECT * FROM 'src/m", "SELECT * FROM 'src/main.rs'"),
            ("\\i src/ma", "\\i src/main.rs"),
            ("SELECT * FROM 'sr", "SELECT * FROM 'src/"),
        ] {
            let offered = found(&helper, line);
            assert!(offered.iter().any(|offer| offer == wanted), "{line}: {offered:?}");
        }
        assert!(found(&helper, "SELECT * FROM profile.cu").iter().all(|offer| !offer.contains("cume_dist")));
        assert!(found(&helper, "SELECT 'text', /* rf").is_empty());
        // This also works on a later line of the statement.
        helper.before = "SELECT o.\"Amount\"\nFROM 订单 o\n".into();
        assert_eq!(found(&helper, "WHERE o.cust"), ["WHERE o.customer_number"]);
    }
}
