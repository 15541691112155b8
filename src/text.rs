//! How names, strings, times and amounts are written: in SQL, and for people.

use std::fmt::{Display, Write};
use std::ops::ControlFlow;

use datafusion::arrow::datatypes::DataType;
use sqlparser::ast::{
    DollarQuotedString, Expr, Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem, SelectItemQualifiedWildcardKind,
    TableAlias, TableFactor, Value, ValueWithSpan, VisitMut, VisitorMut,
};

use crate::walk::WalkMut;
use sqlparser::keywords::ALL_KEYWORDS;

/// A name as an identifier in SQL: `"Customer"`.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name as people write it: in quotes only where it would else be another name, or a word of SQL.
pub fn written_name(name: &str) -> String {
    let is_letter = |letter: char| letter == '_' || letter.is_lowercase() || letter.is_alphabetic() && !letter.is_uppercase();
    let is_plain = name.chars().enumerate().all(|(place, letter)| is_letter(letter) || place > 0 && letter.is_ascii_digit());
    let is_word = ALL_KEYWORDS.binary_search(&name.to_uppercase().as_str()).is_ok();
    if is_plain && !name.is_empty() && !is_word { name.to_string() } else { identifier(name) }
}

/// What begins the mark of a name; nobody sees these letters.
const MARK: char = '\u{2063}';
/// The digits of the number that makes the name one of its own.
const DIGITS: [char; 2] = ['\u{2061}', '\u{2062}'];

/// A name that differs from all others that look like it.
pub fn marked(name: &str, number: usize) -> String {
    let digits = format!("{number:b}");
    let digits = digits.chars().map(|digit| DIGITS[usize::from(digit == '1')]);
    name.chars().chain([MARK]).chain(digits).collect()
}

/// A marked name as people see it; nothing for other names.
pub fn unmarked(name: &str) -> Option<&str> {
    let (seen, number) = name.rsplit_once(MARK)?;
    (!number.is_empty() && number.chars().all(|digit| DIGITS.contains(&digit))).then_some(seen)
}

/// A text without the marks of names in it.
pub fn without_marks(text: &str) -> String {
    text.chars().filter(|letter| *letter != MARK && !DIGITS.contains(letter)).collect()
}

/// A string as a literal in SQL: `'it''s'`.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The white space that people type, including the wide space of Chinese text, as an SQL literal.
const WHITE_SPACE: &str = "' \t\r\n\u{a0}\u{3000}'";

/// SQL for a string without the white space around it.
pub fn trimmed(expression: &str) -> String {
    format!("btrim({expression}, {WHITE_SPACE})")
}

/// The parts of an array in PostgreSQL's notation, as they are written: `{1,2}` and `{3,4}` of `{{1,2},{3,4}}`. `None` if the text is not
/// in braces, or these do not fit.
pub fn array_parts(text: &str) -> Option<Vec<&str>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inner.trim().is_empty() {
        return Some(vec![]);
    }
    let (mut parts, mut begin, mut depth, mut is_quoted, mut is_escaped) = (vec![], 0, 0_usize, false, false);
    for (place, letter) in inner.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                parts.push(&inner[begin..place]);
                begin = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[begin..]);
    (depth == 0 && !is_quoted).then_some(parts)
}

/// A part of a statement as SQL that is parsed as the same part again. sqlparser takes two quotes in a string or name, and a quote after a
/// backslash, for one that is escaped already: `'a''''b'` would come back as `'a''b'`.
pub fn as_sql(part: &(impl Clone + Display + VisitMut)) -> String {
    let mut part = part.clone();
    let _ = part.walk_mut(&mut Escape);
    part.to_string()
}

/// Doubles the quotes in strings and names, as sqlparser then writes them as they are.
struct Escape;

impl Escape {
    fn name(name: &mut Ident) {
        if let Some(quote) = name.quote_style {
            name.value = name.value.replace(quote, &format!("{quote}{quote}"));
        }
    }

    fn names(names: &mut ObjectName) {
        for part in &mut names.0 {
            if let ObjectNamePart::Identifier(name) = part {
                Self::name(name);
            }
        }
    }

    fn alias(alias: Option<&mut TableAlias>) {
        if let Some(alias) = alias {
            Self::name(&mut alias.name);
            alias.columns.iter_mut().for_each(|column| Self::name(&mut column.name));
        }
    }
}

impl VisitorMut for Escape {
    type Break = ();

    fn post_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        let text = match &value.value {
            Value::SingleQuotedString(text)
            | Value::DollarQuotedString(DollarQuotedString { value: text, .. })
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text)
            | Value::NationalStringLiteral(text) => text,
            _ => return ControlFlow::Continue(()),
        };
        value.value = Value::SingleQuotedString(text.replace('\'', "''"));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        match expression {
            Expr::Identifier(name) => Self::name(name),
            Expr::CompoundIdentifier(names) => names.iter_mut().for_each(Self::name),
            Expr::Function(call) => Self::names(&mut call.name),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } | TableFactor::NestedJoin { alias, .. } => {
                Self::alias(alias.as_mut());
            }
            TableFactor::Function { name, alias, .. } => {
                Self::names(name);
                Self::alias(alias.as_mut());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<()> {
        Self::names(name);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => Self::name(alias),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => Self::names(name),
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        query.with.iter_mut().flat_map(|with| &mut with.cte_tables).for_each(|cte| Self::alias(Some(&mut cte.alias)));
        ControlFlow::Continue(())
    }
}

/// Microseconds since 1970 as `2025-06-30 23:59:59.999999`.
pub fn timestamp(microseconds: i64) -> String {
    match chrono::DateTime::from_timestamp_micros(microseconds) {
        Some(time) => time.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
        None => microseconds.to_string(),
    }
}

/// A count as people read it: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut written = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

/// Bytes as whole megabytes, rounded up: `12 MB`.
pub fn megabytes(bytes: usize) -> String {
    format!("{} MB", grouped((bytes as u64).div_ceil(1 << 20)))
}

/// A text as a terminal may show it: what would move its cursor, change its colours or turn the direction of writing is written as an
/// escape, `\\u{1b}`. Line breaks and tabs stay.
pub fn printable(text: &str) -> String {
    let is_plain = |letter: char| matches!(letter, '\n' | '\t') || !is_control(letter);
    if text.chars().all(is_plain) {
        return text.to_string();
    }
    text.chars().map(|letter| if is_plain(letter) { letter.to_string() } else { letter.escape_default().to_string() }).collect()
}

/// A text of a statement, letter for letter, with `*` for passwords: those of URLs, and what stands after the word `password`.
pub fn without_passwords(text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let ends = |letter: char| matches!(letter, '\'' | '"') || letter.is_whitespace();
    let until = |letters: &[char], from: usize, ends: &dyn Fn(char) -> bool| {
        letters[from..].iter().position(|letter| ends(*letter)).map_or(letters.len(), |length| from + length)
    };
    let mut hidden = vec![];
    for place in 0..letters.len() {
        if letters[place..].starts_with(&[':', '/', '/']) {
            let from = place + 3;
            let end = until(&letters, from, &ends);
            let at = letters[from..end].iter().rposition(|letter| *letter == '@').map(|at| from + at);
            let colon = letters[from..end].iter().position(|letter| *letter == ':').map(|colon| from + colon);
            if let (Some(colon), Some(at)) = (colon, at) {
                hidden.push(colon + 1..at);
            }
        }
        let is_word = |word: &str| {
            letters[place..].len() > word.len()
                && letters[place..].iter().zip(word.chars()).all(|(own, other)| own.eq_ignore_ascii_case(&other))
        };
        let after = place + "password".len();
        if is_word("password=") {
            hidden.push(after + 1..until(&letters, after + 1, &|letter| ends(letter) || letter == '&'));
        } else if is_word("password'") {
            let from = until(&letters, after + 1, &|letter| letter == '\'');
            if from < letters.len() {
                hidden.push(from + 1..until(&letters, from + 1, &|letter| letter == '\''));
            }
        }
    }
    for range in hidden.into_iter().filter(|range| range.start < range.end) {
        letters[range].fill('*');
    }
    letters.into_iter().collect()
}

/// True for letters that are instructions to who shows them.
pub fn is_control(letter: char) -> bool {
    let turns_writing =
        matches!(letter, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || turns_writing || matches!(letter, '\u{2028}' | '\u{2029}')
}

/// A kind of thing with its article: `a view`, `an external table`.
pub fn with_article(kind: &str) -> String {
    let mut written = String::from(article_of(kind));
    let _ = write!(written, " {kind}");
    written
}

/// The article of a word.
pub fn article_of(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// A type by its name in SQL.
pub fn sql_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Dictionary(_, values) => sql_type(values),
        DataType::Int64 => "BIGINT".into(),
        DataType::Int32 => "INTEGER".into(),
        DataType::Int16 => "SMALLINT".into(),
        DataType::Int8 => "TINYINT".into(),
        DataType::UInt64 => "BIGINT UNSIGNED".into(),
        DataType::UInt32 => "INTEGER UNSIGNED".into(),
        DataType::UInt16 => "SMALLINT UNSIGNED".into(),
        DataType::UInt8 => "TINYINT UNSIGNED".into(),
        DataType::Float64 => "DOUBLE".into(),
        real if real.is_floating() => "REAL".into(),
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Date32 | DataType::Date64 => "DATE".into(),
        DataType::Timestamp(_, None) => "TIMESTAMP".into(),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE".into(),
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale) => format!("DECIMAL({digits}, {scale})"),
        DataType::Time32(_) | DataType::Time64(_) => "TIME".into(),
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL".into(),
        text if text.is_string() => "VARCHAR".into(),
        bytes if bytes.is_binary() => "BYTEA".into(),
        DataType::List(of)
        | DataType::LargeList(of)
        | DataType::ListView(of)
        | DataType::LargeListView(of)
        | DataType::FixedSizeList(of, _) => format!("{}[]", sql_type(of.data_type())),
        DataType::Struct(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|field| format!("{:?}: {}", field.name(), sql_type(field.data_type()))).collect();
            format!("STRUCT({})", fields.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| sql_type(part.data_type())).collect();
                format!("MAP({})", parts.join(", "))
            }
            other => format!("MAP({})", sql_type(other)),
        },
        other => other.to_string(),
    }
}

/// The beginning of a text, up to its first semicolon, colon or full stop outside of brackets and backquotes.
pub fn first_part(text: &str) -> &str {
    let (mut depth, mut is_code) = (0_usize, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '`' => is_code = !is_code,
            _ if is_code => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ';' | ':' | '.' if depth == 0 => {
                // A point within a number, or a colon within a time, ends nothing.
                let rest = &text[at + 1..];
                if rest.is_empty() || rest.starts_with(char::is_whitespace) {
                    return &text[..at];
                }
            }
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (number, written) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), written);
        }
        assert_eq!(megabytes((12 << 20) + 1), "13 MB");
    }

    #[test]
    fn what_is_shown_gives_a_terminal_no_orders() {
        assert_eq!(printable("客户\t1\n2"), "客户\t1\n2");
        assert_eq!(printable("\u{1b}[31mred\r\u{7f}\u{9b}2J"), "\\u{1b}[31mred\\r\\u{7f}\\u{9b}2J");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(printable("👨\u{200d}👩"), "👨\u{200d}👩", "joiners make one picture of two");
    }

    #[test]
    fn passwords_are_not_shown() {
        for (text, shown) in [
            ("LOCATION 'postgresql://bob:a:b@c@h:5/crm'", "LOCATION 'postgresql://bob:*****@h:5/crm'"),
            ("'postgresql://h:5/crm?password=abc&x=1'", "'postgresql://h:5/crm?password=***&x=1'"),
            ("OPTIONS ('PASSWORD' 'a b', 'x' 'y')", "OPTIONS ('PASSWORD' '***', 'x' 'y')"),
            ("'s3://bucket/a:b' AND c@d '客户'", "'s3://bucket/a:b' AND c@d '客户'"),
            ("password'", "password'"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
    }

    #[test]
    fn arrays_have_parts() {
        assert_eq!(array_parts("{{1,2},{3}}"), Some(vec!["{1,2}", "{3}"]));
        assert_eq!(array_parts(r#" {"a,}","b\"{", c} "#), Some(vec![r#""a,}""#, r#""b\"{""#, " c"]));
        assert_eq!(array_parts("{ }"), Some(vec![]));
        for text in ["", "1,2", "{{1}", "{1}}", "{1},{2}", r#"{"a}"#] {
            assert_eq!(array_parts(text), None, "{text}");
        }
    }

    #[test]
    fn a_part_of_a_statement_reads_as_the_same() {
        use sqlparser::dialect::GenericDialect;
        use sqlparser::parser::Parser;
        use sqlparser::tokenizer::{Token, Tokenizer};
        let sql = r#"WITH "a""""b" AS (SELECT "x\""y"."c""""d" AS "e""""" FROM "s""""t" AS "x\""y" JOIN "f""""g"('h''''i') AS "j""""" ON true)
            SELECT "a""""b".*, 'k\''l', '''', count(*) FILTER (WHERE o LIKE '''''') FROM "a""""b""#;
        let parsed = Parser::parse_sql(&GenericDialect {}, sql).unwrap().remove(0);
        let written = as_sql(&parsed);
        let strings = |text: &str| {
            let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize().unwrap();
            let texts = tokens.into_iter().filter_map(|token| match token {
                Token::SingleQuotedString(text) => Some(text),
                Token::Word(word) => word.quote_style.map(|_| word.value),
                _ => None,
            });
            texts.collect::<Vec<_>>()
        };
        assert_eq!(strings(&written), strings(sql));
        assert_eq!(Parser::parse_sql(&GenericDialect {}, &written).unwrap().remove(0), parsed);
    }

    #[test]
    fn the_first_part_of_a_text() {
        for (text, part) in [
            ("column to predict", "column to predict"),
            ("last day: included; or the last time", "last day"),
            ("in steps of 0.000001; 0.1 is little", "in steps of 0.000001"),
            ("a list (one: two), see above. It has", "a list (one: two), see above"),
            ("rules, `[{name: …}]`; see above", "rules, `[{name: …}]`"),
            ("ends here.", "ends here"),
        ] {
            assert_eq!(first_part(text), part);
        }
    }

    #[test]
    fn marks_come_off_again() {
        assert_ne!(marked("a", 1), marked("a", 2));
        assert_eq!(unmarked(&marked("客户", 5)), Some("客户"));
        assert_eq!(unmarked("a"), None);
        assert_eq!(without_marks(&format!("no column {}", marked("a", 3))), "no column a");
    }

    #[test]
    fn what_is_quoted_can_say_no_sql() {
        let written = ["amount", "金额", "n2", "Amount", "2n", "a b", "order", ""].map(written_name);
        assert_eq!(written, ["amount", "金额", "n2", "\"Amount\"", "\"2n\"", "\"a b\"", "\"order\"", "\"\""]);
        assert_eq!((identifier("a\"b").as_str(), literal("it's").as_str()), ("\"a\"\"b\"", "'it''s'"));
    }
}
