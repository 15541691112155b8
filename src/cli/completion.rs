//! Completion and multi-line input of the shell.

use std::cell::RefCell;
use std::collections::BTreeSet;

use portraitdb::{Engine, Kind, Session, pages};
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

const KEYWORDS: [&str; 62] = [
    "ANALYZE",
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COPY",
    "COUNT",
    "CREATE",
    "CROSS JOIN",
    "DATE",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXCEPT",
    "EXECUTE",
    "EXISTS",
    "EXPLAIN",
    "EXTERNAL TABLE",
    "FROM",
    "FULL JOIN",
    "GROUP BY",
    "HAVING",
    "IN",
    "INNER JOIN",
    "INSERT INTO",
    "INTERSECT",
    "INTERVAL",
    "IS NOT NULL",
    "IS NULL",
    "JOIN",
    "LEFT JOIN",
    "LIKE",
    "LIMIT",
    "LOCATION",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "OR REPLACE",
    "ORDER BY",
    "OVER",
    "PARTITION BY",
    "PREPARE",
    "QUALIFY",
    "SELECT",
    "SET",
    "SHOW",
    "STORED AS PARQUET",
    "TABLE",
    "THEN",
    "UNION ALL",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
];

const COMMANDS: [&str; 10] = ["\\d", "\\dt", "\\df", "\\h", "\\timing", "\\o", "\\i", "\\q", "\\?", "\\format"];

/// What the line editor asks.
pub(super) struct ShellHelper {
    engine: Engine,
    session: Session,
    /// Names of tables and columns, looked up when first needed.
    names: RefCell<Option<BTreeSet<String>>>,
}

impl ShellHelper {
    pub(super) fn new(engine: Engine, session: Session) -> Self {
        Self { engine, session, names: RefCell::new(None) }
    }

    /// To be called when tables may have changed.
    pub(super) fn forget_names(&self) {
        self.names.borrow_mut().take();
    }

    fn names(&self) -> BTreeSet<String> {
        if let Some(names) = self.names.borrow().as_ref() {
            return names.clone();
        }
        let mut names = BTreeSet::new();
        for query in [
            "SELECT table_name FROM information_schema.tables WHERE table_schema <> 'information_schema'",
            "SELECT DISTINCT column_name FROM information_schema.columns WHERE table_schema = 'public'",
        ] {
            if let Ok(batches) = self.engine.block_on(self.session.sql(query)) {
                for row in batches.iter().filter_map(|batch| portraitdb::cells(batch).ok()).flatten() {
                    names.extend(row);
                }
            }
        }
        let state = self.session.context().state();
        names.extend(state.scalar_functions().keys().cloned());
        names.extend(state.aggregate_functions().keys().cloned());
        names.extend(state.window_functions().keys().cloned());
        names.extend(pages().iter().filter(|doc| doc.kind == Kind::Relation).map(|doc| doc.name.to_string()));
        *self.names.borrow_mut() = Some(names.clone());
        names
    }

    /// The words that may stand at the end of `line`, and where the last word begins.
    pub(super) fn candidates(&self, line: &str) -> (usize, Vec<String>) {
        let start = line
            .rfind(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '\\'))
            .map_or(0, |place| place + line[place..].chars().next().map_or(1, char::len_utf8));
        let word = &line[start..];
        let lower = word.to_lowercase();
        let matching = |name: &str| name.to_lowercase().starts_with(&lower);
        if word.starts_with('\\') {
            return (start, COMMANDS.iter().filter(|command| command.starts_with(word)).map(ToString::to_string).collect());
        }
        let mut found: Vec<String> = vec![];
        if let Some(doc) = open_call(&line[..start])
            .and_then(|name| pages().into_iter().find(|doc| doc.kind == Kind::Relation && doc.name == name))
        {
            let names = doc.arguments.iter().filter(|argument| matching(argument.name));
            found.extend(names.map(|argument| format!("{} => ", argument.name)));
        }
        if !word.is_empty() {
            found.extend(self.names().into_iter().filter(|name| matching(name)));
            found.extend(KEYWORDS.iter().filter(|keyword| matching(keyword)).map(ToString::to_string));
        }
        (start, found)
    }
}

/// The name before the innermost parenthesis that is still open.
fn open_call(text: &str) -> Option<String> {
    let mut depth = 0;
    for (place, letter) in text.char_indices().rev() {
        match letter {
            ')' => depth += 1,
            '(' if depth > 0 => depth -= 1,
            '(' => {
                let name: String =
                    text[..place].chars().rev().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
                return Some(name.chars().rev().collect::<String>().to_lowercase());
            }
            _ => {}
        }
    }
    None
}

impl Completer for ShellHelper {
    type Candidate = Pair;

    fn complete(&self, line: &str, position: usize, _context: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, candidates) = self.candidates(&line[..position]);
        Ok((start, candidates.into_iter().map(|name| Pair { display: name.clone(), replacement: name }).collect()))
    }
}

impl Validator for ShellHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_complete(context.input()) { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

/// A command, nothing, or statements that end with a semicolon outside quotes and comments.
pub(super) fn is_complete(input: &str) -> bool {
    let trimmed = input.trim();
    if trimmed.is_empty() || trimmed.starts_with('\\') {
        return true;
    }
    let mut letters = input.chars().peekable();
    let mut ended = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {
                if !letters.by_ref().any(|next| next == letter) {
                    return false;
                }
                ended = false;
            }
            '-' if letters.peek() == Some(&'-') => {
                letters.by_ref().find(|next| *next == '\n');
            }
            ';' => ended = true,
            space if space.is_whitespace() => {}
            _ => ended = false,
        }
    }
    ended
}

impl Hinter for ShellHelper {
    type Hint = String;
}

impl Highlighter for ShellHelper {}

impl Helper for ShellHelper {}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitdb::EngineOptions;

    #[test]
    fn input_ends_with_a_semicolon() {
        for complete in ["", "\\d", "SELECT 1;", "SELECT ';' ;", "SELECT 1; -- done", "SELECT 'it''s';\n"] {
            assert!(is_complete(complete), "{complete}");
        }
        for incomplete in ["SELECT 1", "SELECT ';", "SELECT 1 -- ;", "SELECT 1; SELECT"] {
            assert!(!is_complete(incomplete), "{incomplete}");
        }
    }

    #[test]
    fn completes_tables_columns_functions_keywords_and_arguments() {
        let engine = Engine::open(EngineOptions::default()).unwrap();
        let session = engine.session().unwrap();
        engine.block_on(session.sql("CREATE TABLE 订单 AS SELECT 1 AS customer_number")).unwrap();
        let helper = ShellHelper::new(engine, session);
        let find = |line: &str, wanted: &str| helper.candidates(line).1.iter().any(|found| found == wanted);
        assert!(find("SELECT * FROM 订", "订单"));
        assert!(find("SELECT customer_n", "customer_number"));
        assert!(find("SELECT * FROM rf", "rfm"));
        assert!(find("sel", "SELECT"));
        assert!(find("SELECT * FROM rfm(orders, customer => lower(x), ", "as_of => "));
        assert!(find("\\t", "\\timing"));
    }
}
