//! Syntax errors: what was expected, what was found, and a hint about the most likely mistake.

use datafusion::error::DataFusionError;
use sqlparser::keywords::Keyword;
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Word};

use super::place::{Source, text_of};
use crate::error::{SqlState, coded, message, nearest, placed, raw};

/// Characters that East Asian keyboards and word processors produce, with their SQL equivalents.
const LOOKALIKES: [(char, &str); 63] = [
    ('（', "("),
    ('）', ")"),
    ('，', ","),
    ('；', ";"),
    ('：', ":"),
    ('．', "."),
    ('。', "."),
    ('、', ","),
    ('＝', "="),
    ('＜', "<"),
    ('＞', ">"),
    ('＋', "+"),
    ('－', "-"),
    ('—', "-"),
    ('–', "-"),
    ('−', "-"),
    ('＊', "*"),
    ('×', "*"),
    ('／', "/"),
    ('÷', "/"),
    ('％', "%"),
    ('！', "!"),
    ('｜', "|"),
    ('‘', "'"),
    ('’', "'"),
    ('＇', "'"),
    ('「', "'"),
    ('」', "'"),
    ('“', "' around a string, or \" around a name"),
    ('”', "' around a string, or \" around a name"),
    ('＂', "\""),
    ('［', "["),
    ('］', "]"),
    ('【', "["),
    ('】', "]"),
    ('｛', "{"),
    ('｝', "}"),
    ('\u{3000}', "a space"),
    ('《', "<"),
    ('》', ">"),
    ('≤', "<="),
    ('≥', ">="),
    ('≠', "<>"),
    ('～', "~"),
    ('＆', "&"),
    ('＿', "_"),
    ('„', "'"),
    ('‚', "'"),
    ('«', "'"),
    ('»', "'"),
    ('´', "'"),
    ('『', "'"),
    ('』', "'"),
    ('０', "0"),
    ('１', "1"),
    ('２', "2"),
    ('３', "3"),
    ('４', "4"),
    ('５', "5"),
    ('６', "6"),
    ('７', "7"),
    ('８', "8"),
    ('９', "9"),
];

/// Words that begin a statement.
const STATEMENTS: [&str; 26] = [
    "BACKUP",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DELETE",
    "DESC",
    "DESCRIBE",
    "DROP",
    "ERASE",
    "EXECUTE",
    "EXPLAIN",
    "EXPORT",
    "FROM",
    "INSERT",
    "PREPARE",
    "REFRESH",
    "RESET",
    "RETAIN",
    "SELECT",
    "SET",
    "SHOW",
    "TRUNCATE",
    "UPDATE",
    "VALUES",
    "WITH",
    "ALTER",
];
/// Words that begin a clause.
const CLAUSES: [&str; 17] = [
    "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "JOIN", "UNION", "QUALIFY", "WINDOW", "VALUES", "INNER",
    "LEFT", "RIGHT", "CROSS", "SELECT",
];

/// Adds the place and a hint to an error of the parser or the tokenizer.
pub fn error(error: DataFusionError, source: Source<'_>) -> DataFusionError {
    // Nesting that is too deep is reported by the code that counts the levels.
    if let DataFusionError::SQL(inner, _) = &error
        && **inner == ParserError::RecursionLimitExceeded
    {
        return error;
    }
    let text = raw(&error);
    let Some(problem) = text.strip_prefix("syntax: ") else {
        // An error about the value of an option has no place. The last quoted name in the message is the value.
        let said = message(&error);
        let at = said.split('\'').skip(1).step_by(2).last().and_then(|word| source.find(&[word]));
        let at = at.or_else(|| Some(source.tokens().first()?.span.start));
        return match at.and_then(|at| source.excerpt(at)) {
            Some(excerpt) => placed(error, excerpt),
            None => error,
        };
    };
    let (problem, at) = split_place(problem);
    let tokens = source.tokens();
    if let Some((lookalike, letter, place)) = lookalike(&tokens, source) {
        return at_place(instead_of(lookalike, letter), Some(place), source);
    }
    let at = at.unwrap_or_else(|| source.end());
    let found = tokens.iter().position(|token| token.span.start == at);
    let before = found.map_or(tokens.last(), |place| place.checked_sub(1).and_then(|place| tokens.get(place)));
    let found = found.and_then(|place| tokens.get(place));
    let open = ["Unterminated", "Expected close delimiter", "Unexpected EOF while in a multi-line comment"];
    if open.iter().any(|open| problem.starts_with(open)) {
        let quote = match () {
            () if problem.contains("delimiter") => "name in double quotes",
            () if problem.contains("comment") => "comment",
            () => "text",
        };
        let end = match quote {
            "comment" => "*/",
            "text" => "'; within a text, a quote is written twice: ''",
            _ => "\"",
        };
        return at_place(format!("the {quote} that begins here is not terminated; close it with {end}"), Some(at), source);
    }
    if let Some((function, place)) = query_in_call(&tokens, at) {
        let problem = format!("a query as an argument has brackets of its own; write {function}((SELECT …), …)");
        return at_place(problem, Some(place), source);
    }
    if let Some(place) = share_of_rows(&tokens) {
        let problem = "a number of rows follows LIMIT; for a tenth of them, write QUALIFY percent_rank() OVER (ORDER BY …) < 0.1";
        return at_place(problem.into(), Some(place), source);
    }
    // Where only AS may follow, the word before it is a name, and no misspelt clause.
    let before_is_name = problem.starts_with("Expected: AS,") || problem.starts_with("Expected: ON ");
    let is_period = found.is_some_and(|found| found.token == Token::Period);
    let perhaps = if before_is_name || is_period { None } else { before };
    if let Some(misspelt) = misspelt(found, perhaps, &problem) {
        return at_place(format!("{}; did you mean {}?", said(&problem, found), misspelt.1), Some(misspelt.0), source);
    }
    let hint = hint(&problem, found, before, &tokens, at);
    at_place(format!("{}{hint}", said(&problem, found)), Some(at), source)
}

/// Adds the place to an error about brackets or nesting, whose message begins with line and column.
pub fn nested(error: DataFusionError, source: Source<'_>) -> DataFusionError {
    // Brackets that are not ASCII do not count as brackets, so they may be the cause.
    if let Some((lookalike, letter, place)) = lookalike(&source.tokens(), source) {
        return at_place(instead_of(lookalike, letter), Some(place), source);
    }
    let said = raw(&error);
    let place = said.strip_prefix("syntax: line ").and_then(|rest| {
        let (line, rest) = rest.split_once(", column ")?;
        let (column, _) = rest.split_once(':')?;
        Some(Location { line: line.parse().ok()?, column: column.parse().ok()? })
    });
    match place.and_then(|place| source.excerpt(place)) {
        Some(excerpt) => placed(error, excerpt),
        None => error,
    }
}

/// The error for text after the end of a statement.
pub fn not_the_end(found: &TokenWithSpan, source: Source<'_>) -> DataFusionError {
    let Location { line, column } = found.span.start;
    let text = format!("Expected: the end of the statement, found: {} at Line: {line}, Column: {column}", found.token);
    error(DataFusionError::SQL(Box::new(ParserError::ParserError(text)), None), source)
}

fn instead_of(lookalike: char, written: &str) -> String {
    format!("\"{lookalike}\" is not a character of SQL; write {written}")
}

fn at_place(problem: String, at: Option<Location>, source: Source<'_>) -> DataFusionError {
    let error = coded(SqlState::SYNTAX_ERROR, "syntax", problem);
    match at.and_then(|at| source.excerpt(at)) {
        Some(excerpt) => placed(error, excerpt),
        None => error,
    }
}

/// Splits the suffix ` at Line: 1, Column: 8` off a message.
fn split_place(text: &str) -> (String, Option<Location>) {
    let parsed = text.rsplit_once(" at Line: ").and_then(|(problem, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        let at = Location { line: line.parse().ok()?, column: column.trim().parse().ok()? };
        Some((problem.to_string(), (at.line > 0).then_some(at)))
    });
    parsed.unwrap_or_else(|| (text.to_string(), None))
}

/// Rewords sqlparser's `Expected: an expression, found: )`.
fn said(problem: &str, found: Option<&TokenWithSpan>) -> String {
    if problem.starts_with("No infix parser") {
        return format!("the operator {} is not expected here", found.map_or_else(String::new, |token| token.token.to_string()));
    }
    if let Some((clause, _)) = problem.split_once(" clause is no longer in use") {
        return format!("{clause} goes into OPTIONS ('header' 'true', 'separator' ';', 'compression' 'gzip')");
    }
    match problem.strip_prefix("Expected: ").and_then(|rest| rest.rsplit_once(", found: ")) {
        // `one of INSERT or UPDATE or DELETE`
        Some((expected, found)) if expected.starts_with("one of ") && expected.contains(" or ") => {
            let words: Vec<&str> = expected["one of ".len()..].split(" or ").map(str::trim).collect();
            match words.as_slice() {
                [most @ .., last] => said(&format!("Expected: {} or {last}, found: {found}", most.join(", ")), None),
                [] => problem.to_string(),
            }
        }
        Some((expected, "EOF")) => format!("expected {expected}, found the end of the text"),
        Some((expected, found)) => format!("expected {expected}, found {found}"),
        None => problem.to_string(),
    }
}

/// The first character outside of strings that only looks like one of SQL.
fn lookalike(tokens: &[TokenWithSpan], source: Source<'_>) -> Option<(char, &'static str, Location)> {
    let of = |letter: char| LOOKALIKES.iter().find(|(other, _)| *other == letter).copied();
    let within = tokens.iter().find_map(|token| match &token.token {
        Token::Char(letter) => of(*letter).map(|(letter, sql)| (letter, sql, token.span.start)),
        _ => None,
    });
    // A typographic quote may leave a string unterminated, so that there are no tokens at all.
    within.or_else(|| if tokens.is_empty() { source.find_letter(of) } else { None })
}

/// Finds `name(SELECT …` or `name(FROM …` at or before the place.
fn query_in_call(tokens: &[TokenWithSpan], at: Location) -> Option<(String, Location)> {
    let before = tokens.iter().take_while(|token| token.span.start <= at).count();
    tokens[..before].windows(3).rev().find_map(|three| match three {
        [TokenWithSpan { token: Token::Word(name), .. }, open, select]
            if open.token == Token::LParen
                && matches!(&select.token, Token::Word(word) if matches!(word.keyword, Keyword::SELECT | Keyword::FROM))
                && !is_keyword(name)
                && !matches!(name.keyword, Keyword::PIVOT | Keyword::UNPIVOT | Keyword::MATERIALIZED | Keyword::LATERAL) =>
        {
            Some((name.value.clone(), select.span.start))
        }
        _ => None,
    })
}

/// Finds `LIMIT 50%` where nothing follows that could be divided by; the place of its number.
fn share_of_rows(tokens: &[TokenWithSpan]) -> Option<Location> {
    let is_word = |token: &Token, word: &str| matches!(token, Token::Word(other) if other.value.eq_ignore_ascii_case(word));
    let mut places = tokens.windows(3).enumerate().filter_map(|(place, three)| match three {
        [limit, number, percent]
            if is_word(&limit.token, "LIMIT") && matches!(number.token, Token::Number(..)) && percent.token == Token::Mod =>
        {
            Some((place, number.span.start))
        }
        _ => None,
    });
    let ends = |place: usize| match tokens.get(place + 3).map(|token| &token.token) {
        None | Some(Token::EOF | Token::SemiColon | Token::RParen) => true,
        Some(next) => is_word(next, "OFFSET"),
    };
    places.find(|(place, _)| ends(*place)).map(|(_, number)| number)
}

/// Keywords that may precede an opening bracket without being functions.
fn is_keyword(word: &Word) -> bool {
    let words = [
        "IN",
        "EXISTS",
        "ANY",
        "ALL",
        "SOME",
        "FROM",
        "JOIN",
        "AS",
        "COPY",
        "LATERAL",
        "AND",
        "OR",
        "NOT",
        "UNION",
        "EXCEPT",
        "INTERSECT",
        "TRIM",
    ];
    word.quote_style.is_none() && words.iter().any(|other| word.value.eq_ignore_ascii_case(other))
}

/// The word at the place, or right before it, that is nearly a keyword; with its place and the keyword.
fn misspelt(found: Option<&TokenWithSpan>, before: Option<&TokenWithSpan>, problem: &str) -> Option<(Location, &'static str)> {
    let known: &[&'static str] = if problem.contains("an SQL statement") { &STATEMENTS } else { &CLAUSES };
    let near = |token: &TokenWithSpan| match &token.token {
        Token::Word(word)
            if word.quote_style.is_none() && word.keyword == Keyword::NoKeyword && word.value.chars().count() > 2 =>
        {
            let upper = word.value.to_uppercase();
            let is_known = STATEMENTS.contains(&upper.as_str()) || CLAUSES.contains(&upper.as_str());
            let near = if is_known { None } else { nearest(&upper, known.iter().copied()) };
            near.and_then(|near| known.iter().copied().find(|known| *known == near)).map(|near| (token.span.start, near))
        }
        _ => None,
    };
    let close = |(place, near): &(Location, &str), token: &TokenWithSpan| {
        place == &token.span.start && strsim::damerau_levenshtein(&text_of(&token.token).to_uppercase(), near) <= 2
    };
    [before, found].into_iter().flatten().find_map(|token| near(token).filter(|misspelt| close(misspelt, token)))
}

/// What to do about the most common mistakes.
fn hint(
    problem: &str,
    found: Option<&TokenWithSpan>,
    before: Option<&TokenWithSpan>,
    tokens: &[TokenWithSpan],
    at: Location,
) -> String {
    let word = |token: Option<&TokenWithSpan>| token.map_or_else(String::new, |token| text_of(&token.token).to_uppercase());
    let (found_word, before_word) = (word(found), word(before));
    if let Some(name) = ends_in_period(tokens, at) {
        let hint = format!("a name with a period is written in double quotes: \"{name}.\"");
        return format!("; {hint}");
    }
    if let Some(hint) = of_object(problem, &before_word, &found_word, tokens, at) {
        return format!("; {hint}");
    }
    let hint = match (before_word.as_str(), found_word.as_str()) {
        (",", _) if problem.contains("an expression") || problem.contains("column name") => "leave the comma before it out",
        _ if has_colon_after_name(tokens) && count(tokens, "JSON_OBJECT") > 0 => {
            "a comma stands between a name and its value: json_object('a', 1, 'b', 2)"
        }
        (_, "BY") if begins_with(tokens, at, "RETAIN") => "write RETAIN table FOR INTERVAL '1 year' ON column",
        (_, "BY") => "GROUP BY and ORDER BY come after FROM and WHERE",
        ("GROUP" | "ORDER", _) => "write GROUP BY or ORDER BY",
        (_, "GROUP" | "ORDER") if problem.contains("end of the statement") => "write GROUP BY or ORDER BY, after FROM and WHERE",
        (_, "WHERE") => "WHERE stands once, after FROM and before GROUP BY",
        (_, "ON") => "a condition follows JOIN table; CROSS JOIN has none",
        (_, "PERCENT") => "write QUALIFY percent_rank() OVER (ORDER BY …) < 0.1",
        (_, "DISTINCT") => "write DISTINCT right after SELECT, or within count(DISTINCT …)",
        (_, "MATERIALIZED") | ("AS", "NOT") => "the engine decides what is computed only once; leave it out",
        (_, "EXCLUDE") => "EXCLUDE CURRENT ROW, GROUP or TIES ends a frame; write ROWS, RANGE or GROUPS before it",
        (_, "LIKE") => "write SELECT … FROM the table of system or information_schema WHERE … LIKE …",
        ("SELECT", _) if begins_with(tokens, at, "COPY") => "the query has brackets: COPY (SELECT …) TO 'file.csv'",
        // `TO` alone is taken for a name of the table before it.
        (_, "TO") | ("TO", _) if problem.contains("end of the statement") && begins_with(tokens, at, "SELECT") => {
            "write COPY (SELECT …) TO 'file.csv'"
        }
        (_, "(" | "AS") if begins_with(tokens, at, "REFRESH") => "write REFRESH PROFILE name WITH (as_of = DATE '2025-06-30')",
        (_, ".") if begins_with(tokens, at, ".") => {
            "commands of the shell begin with a backslash: \\d lists tables, \\? all commands"
        }
        (_, "]") if problem.contains("identifier") => {
            "a name with a blank or another sign is written in double quotes, as in \"No.\""
        }
        ("TO", _) if problem.contains("literal string") => "the name of a file has single quotes: TO 'file.csv'",
        (_, ".") if problem.contains("end of") && count(tokens, "COPY") > 0 => {
            "the name of a file has single quotes: TO 'file.csv'"
        }
        (_, "CSV") if problem.contains("HEADER") => "write COPY … TO 'file.csv' (FORMAT csv, DELIMITER ';', HEADER)",
        (_, "OUTFILE" | "DUMPFILE") => "write COPY (SELECT …) TO 'file.csv'",
        ("IN", "[") => "the values after IN have round brackets: IN ('a', 'b')",
        ("CREATE", "AUDIENCE") => "an audience is a segment; write CREATE SEGMENT name ON profile AS column > 100",
        ("EXPLAIN", "TAG") => "write SELECT * FROM explain_tag(profile, tag, key)",
        (",", digits)
            if problem.contains("identifier") && !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) =>
        {
            "the decimal sign is a point, and thousands have no sign: 1234.50"
        }
        (_, "TABLE") => "write SELECT * FROM table",
        (_, "SYSTEM_TIME") => {
            "it follows the name of the table; write FROM name FOR SYSTEM_TIME AS OF DATE '2025-06-30' AS alias"
        }
        ("OF", _) => "write FROM name FOR SYSTEM_TIME AS OF DATE '2025-06-30'",
        (_, "POSITIONAL") => "rows have no positions; write row_number() OVER (ORDER BY …) on both sides, and join by that",
        (_, "(" | ")") if has_outer_join_of_oracle(tokens) => "write a LEFT JOIN b ON a.id = b.id",
        (_, "?" | "?|" | "?&") => "write json_extract(json, '$.name') IS NOT NULL for JSON",
        (_, "!") => "write factorial(number), or NOT condition",
        ("}", ".") => "write unnest(struct) for a column for each of its fields",
        ("SAFE" | "NET", _) | (_, "OPTION") => "leave the word before it out",
        (_, "WITH") if count(tokens, "NOLOCK") > 0 => "tables have no hints; leave it out",
        ("SQL_NO_CACHE" | "SQL_CACHE" | "STRAIGHT_JOIN" | "HIGH_PRIORITY" | "SQL_CALC_FOUND_ROWS", _) => {
            "leave the word before it out"
        }
        ("STRUCT", "(") => "write the type as STRUCT<name VARCHAR, amount DOUBLE>",
        ("STRUCT", _) => "write SELECT struct(…), or {'a': 1}, for one column of structs",
        (_, "FOR") if problem.contains("expected ]") || problem.contains("Expected: ]") => {
            "write list_transform(list_filter(list, x -> x > 1), x -> x * 2)"
        }
        (_, "EXCEPT" | "INTERSECT" | "UNION") => "a query stands on both sides",
        ("=", "=") => "write one =",
        ("DISTINCT", ")") => "name a column after DISTINCT",
        (_, ":") if problem.starts_with("Expected: =") => "an option is written name = value",
        (_, found) if found != "END" && count(tokens, "CASE") > count(tokens, "END") => "CASE WHEN … THEN … ends with END",
        (_, found) if found != ")" && unclosed(tokens, at) => "an earlier opening bracket is not closed",
        (_, ")") if problem.contains("end of the statement") => "a closing bracket has no opening one",
        _ => return format!("; {}", where_it_is_shown(tokens, at)),
    };
    format!("; {hint}")
}

/// Where the form of the statement that has the place is shown.
fn where_it_is_shown(tokens: &[TokenWithSpan], at: Location) -> String {
    let before: Vec<&TokenWithSpan> = tokens.iter().take_while(|token| token.span.start < at).collect();
    let first = before.iter().rposition(|token| token.token == Token::SemiColon).map_or(0, |place| place + 1);
    let words: Vec<String> = before[first..].iter().map(|token| text_of(&token.token).to_uppercase()).collect();
    match page_of(&words) {
        Some(page) => format!("\\h {page} shows how it is written"),
        None => "\\h shows how statements are written".into(),
    }
}

/// The name of the page of a statement that begins with these words: `CREATE TAG`.
fn page_of(words: &[String]) -> Option<String> {
    if words.first().is_some_and(|word| word == "CREATE") {
        let mut kind = words[1..].iter().skip_while(|word| matches!(word.as_str(), "OR" | "REPLACE" | "TEMPORARY" | "TEMP"));
        return Some(match kind.next()?.as_str() {
            first @ ("EXTERNAL" | "ROW") => format!("CREATE {first} {}", kind.next()?),
            first => format!("CREATE {first}"),
        });
    }
    let begins = |name: &str| name.split(' ').zip(words).filter(|(part, word)| part == word).count() == name.split(' ').count();
    let names = crate::sql::statement::docs().map(|doc| doc.name).filter(|name| begins(name));
    names.max_by_key(|name| name.len()).map(str::to_string)
}

/// True when a column is written as `column(+)`.
fn has_outer_join_of_oracle(tokens: &[TokenWithSpan]) -> bool {
    let written = [Token::LParen, Token::Plus, Token::RParen];
    tokens.windows(3).any(|three| three.iter().map(|token| &token.token).eq(&written))
}

/// What to do about mistakes in statements about objects of ours.
fn of_object(problem: &str, before: &str, found: &str, tokens: &[TokenWithSpan], at: Location) -> Option<&'static str> {
    if before == "CREATE"
        && problem.contains("TRIGGER")
        && tokens.iter().any(|token| text_of(&token.token).eq_ignore_ascii_case("SHOW"))
    {
        return Some("DESCRIBE shows the definition of other objects, as in DESCRIBE TAG name");
    }
    let words: Vec<String> =
        tokens.iter().take_while(|token| token.span.start <= at).map(|token| text_of(&token.token).to_uppercase()).collect();
    let created = words.iter().rposition(|word| word == "CREATE")?;
    let kind = words[created + 1..].iter().find(|word| !matches!(word.as_str(), "OR" | "REPLACE"))?;
    match (kind.as_str(), before, found) {
        ("EXTERNAL", "WITH", "(") => Some("options follow OPTIONS, as in OPTIONS ('separator' ';', 'decimal' ',')"),
        ("TAG" | "SEGMENT", "PROFILE", _) if problem.contains("AS") => {
            Some("the name of the profile follows ON, without the word PROFILE")
        }
        ("TAG", "AS", _) if problem.contains("query body") => {
            Some("a query of key and value follows AS; write SELECT key, CASE … END FROM profile.name")
        }
        ("PROFILE", _, "(" | "KEY" | "PRIMARY") if problem.contains("AS") => Some("write WITH (key = 'column') before AS"),
        ("SEGMENT", ..) if words.windows(2).any(|pair| pair == ["AS", "SELECT"]) => {
            Some("a condition follows AS, not a query; write AS column > 100")
        }
        ("TAG", _, "(") if problem.contains("AS") => {
            Some("constants are in WITH; write CREATE TAG name ON profile WITH (high = 100) AS SELECT …")
        }
        ("SEGMENT", ..) if words.windows(2).any(|pair| pair == ["AS", "WHERE"]) => {
            Some("write AS before the condition, without WHERE")
        }
        ("SEGMENT", _, "WHERE") if problem.contains("AS") => Some("write AS before the condition, without WHERE"),
        _ => None,
    }
}

/// True when the statement that has the place begins with this word or sign.
fn begins_with(tokens: &[TokenWithSpan], at: Location, word: &str) -> bool {
    let before = tokens.iter().take_while(|token| token.span.start < at).count();
    let first = tokens[..before].iter().rposition(|token| token.token == Token::SemiColon).map_or(0, |place| place + 1);
    tokens.get(first).is_some_and(|token| text_of(&token.token).eq_ignore_ascii_case(word))
}

/// True for `'name': value`, as objects are written in JSON.
fn has_colon_after_name(tokens: &[TokenWithSpan]) -> bool {
    tokens.windows(2).any(|two| matches!(two[0].token, Token::SingleQuotedString(_)) && two[1].token == Token::Colon)
}

fn count(tokens: &[TokenWithSpan], word: &str) -> usize {
    tokens.iter().filter(|token| matches!(&token.token, Token::Word(other) if other.value.eq_ignore_ascii_case(word))).count()
}

/// True for a word that begins or continues a clause, and is no name of a column.
fn is_clause(token: &Token) -> bool {
    let Token::Word(word) = token else { return false };
    matches!(
        word.keyword,
        Keyword::FROM | Keyword::AS | Keyword::WHERE | Keyword::GROUP | Keyword::ORDER | Keyword::AND | Keyword::IN
    )
}

/// A name before the place, or right after a `=>` there, that has a period after it and no further part: `No.` as the title of a column.
fn ends_in_period(tokens: &[TokenWithSpan], at: Location) -> Option<String> {
    let before = tokens.iter().take_while(|token| token.span.start <= at).count();
    tokens[..tokens.len().min(before + 3)].windows(3).rev().find_map(|three| match three {
        [TokenWithSpan { token: Token::Word(name), span }, period, next]
            if period.token == Token::Period
                && span.end == period.span.start
                && (matches!(next.token, Token::Comma | Token::RParen | Token::Eq | Token::SemiColon)
                    || (period.span.end != next.span.start && is_clause(&next.token))) =>
        {
            Some(name.value.clone())
        }
        _ => None,
    })
}

/// True when a bracket is still open at the place.
fn unclosed(tokens: &[TokenWithSpan], at: Location) -> bool {
    let before = tokens.iter().take_while(|token| token.span.start < at);
    let depth = before.fold(0_i64, |depth, token| match token.token {
        Token::LParen => depth + 1,
        Token::RParen => depth - 1,
        _ => depth,
    });
    depth > 0
}
