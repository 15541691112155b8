//! Finds the string literals of a Rust file that users may read.

/// Words with which SQL text begins.
const SQL: [&str; 53] = [
    "SELECT",
    "CREATE",
    "WITH",
    "INSERT",
    "UPDATE",
    "DELETE",
    "DROP",
    "ALTER",
    "COPY",
    "SET",
    "REFRESH",
    "GRANT",
    "REVOKE",
    "FROM",
    "EXPLAIN",
    "SHOW",
    "DESCRIBE",
    "VALUES",
    "PRAGMA",
    "BEGIN",
    "MERGE",
    "TRUNCATE",
    "CHECK",
    "ERASE",
    "EXPORT",
    "RETAIN",
    "BACKUP",
    "DECLARE",
    "FETCH",
    "CALL",
    "REINDEX",
    "VACUUM",
    "CLUSTER",
    "WHERE",
    "AND",
    "OR",
    "ORDER",
    "GROUP",
    "JOIN",
    "LEFT",
    "RIGHT",
    "CASE",
    "COALESCE",
    "ATTACH",
    "SAVEPOINT",
    "ROLLBACK",
    "COMMIT",
    "UNION",
    "INTO",
    "RETURNING",
    "LIMIT",
    "ON CONFLICT",
    "CAST",
];

/// Functions and macros whose texts are for programmers.
const FOR_PROGRAMMERS: [&str; 10] = [
    ".expect(",
    "unreachable!(",
    "panic!(",
    "assert!(",
    "assert_eq!(",
    "debug_assert!(",
    ".expect_err(",
    "include_str!(",
    "concat!(",
    "env!(",
];

/// Fields of a page that are not prose.
const FIELDS: [&str; 3] = ["syntax:", "name:", "domain:"];

/// The texts of two or more words, outside tests, attributes and documentation.
pub fn texts(source: &str) -> Vec<String> {
    let mut tests = source.match_indices("#[cfg(test)]\nmod ").map(|(at, _)| at);
    let end = tests.find(|at| source[*at..].lines().nth(1).is_some_and(|line| line.ends_with('{')));
    let source = &source[..end.unwrap_or(source.len())];
    let mut found = vec![];
    let mut rest = source;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let begun = source.len() - rest.len() + at;
        let here = &rest[at..];
        let length = if here.starts_with("//") {
            here.find('\n').unwrap_or(here.len())
        } else if here.starts_with('"') {
            let before = &source[..begun];
            let hashes = before.len() - before.trim_end_matches('#').len();
            let is_raw = before[..begun - hashes].ends_with('r');
            let (text, length) = if is_raw { raw(here, hashes) } else { plain(here) };
            let is_bytes = before.ends_with('b') && !is_raw;
            if !is_bytes && is_prose(&text) && is_for_people(before) {
                found.push(text);
            }
            length
        } else if here.starts_with('\'') {
            letter(here)
        } else {
            1
        };
        rest = &rest[at + length..];
    }
    found
}

/// A raw string, and its length including the quotes.
fn raw(here: &str, hashes: usize) -> (String, usize) {
    let close = format!("\"{}", "#".repeat(hashes));
    let end = here[1..].find(&close).unwrap();
    (here[1..=end].to_string(), 1 + end + close.len())
}

/// A string with escapes, and its length including the quotes.
fn plain(here: &str) -> (String, usize) {
    let (mut text, mut letters) = (String::new(), here.char_indices().skip(1).peekable());
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (text, at + 1),
            '\\' => match letters.next().unwrap().1 {
                '\n' => while letters.next_if(|(_, letter)| letter.is_whitespace()).is_some() {},
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                '0' => text.push('\0'),
                'x' => {
                    let code: String = [letters.next(), letters.next()].into_iter().flatten().map(|(_, letter)| letter).collect();
                    text.push(char::from(u8::from_str_radix(&code, 16).unwrap()));
                }
                'u' => {
                    let code: String =
                        letters.by_ref().map(|(_, letter)| letter).skip(1).take_while(|letter| *letter != '}').collect();
                    text.extend(char::from_u32(u32::from_str_radix(&code, 16).unwrap()));
                }
                other => text.push(other),
            },
            letter => text.push(letter),
        }
    }
    unreachable!("a string ends")
}

/// The length of a letter in quotes, or of the quote before a lifetime.
fn letter(here: &str) -> usize {
    let mut letters = here.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => here[2..].char_indices().skip(1).find(|(_, letter)| *letter == '\'').map_or(1, |(at, _)| at + 3),
        Some((at, letter)) if here[at + letter.len_utf8()..].starts_with('\'') => at + letter.len_utf8() + 1,
        _ => 1,
    }
}

/// True for a text with at least two words besides its placeholders that is not SQL.
fn is_prose(text: &str) -> bool {
    let start = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("--")).unwrap_or_default();
    // A message about a clause begins with it: `ORDER BY: there is no column 9`.
    let is_about_a_clause = start
        .split_once(": ")
        .is_some_and(|(clause, _)| clause.chars().all(|letter| letter.is_ascii_uppercase() || letter == ' '));
    let is_sql = !is_about_a_clause
        && SQL.iter().any(|word| {
            start
                .strip_prefix(word)
                .is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_'))
        });
    if is_sql || !text.contains(' ') {
        return false;
    }
    words(text) > 1
}

/// The words of a text, without its placeholders.
pub fn words(text: &str) -> usize {
    let (mut words, mut word, mut rest) = (0, String::new(), text);
    while let Some(letter) = rest.chars().next() {
        let hole =
            rest.strip_prefix('{').and_then(|within| within.find(['{', '}']).filter(|end| within[*end..].starts_with('}')));
        rest = &rest[hole.map_or(letter.len_utf8(), |end| end + 2)..];
        if letter.is_ascii_alphabetic() {
            word.push(letter);
        }
        if !letter.is_ascii_alphabetic() || rest.is_empty() {
            words += usize::from(word.len() > 1 && word[1..].chars().all(|letter| letter.is_ascii_lowercase()));
            word.clear();
        }
    }
    words
}

/// False for a text for programmers, in an attribute, or in a field of a page that is not prose.
fn is_for_people(before: &str) -> bool {
    let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    let is_attribute = line.rfind("#[").is_some_and(|at| !line[at..].contains(']'));
    let trimmed = before.trim_end();
    let is_field = FIELDS.iter().any(|field| trimmed.ends_with(field));
    let tail: String = before.chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
    let called = FOR_PROGRAMMERS.iter().filter_map(|call| tail.rfind(call).map(|at| &tail[at + call.len()..]));
    let is_for_programmers = called.into_iter().any(|between| !between.contains('"') && !between.contains(';'));
    !is_attribute && !is_field && !is_for_programmers
}
