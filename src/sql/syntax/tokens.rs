//! Rewrites tokens, where sqlparser takes a spelling in one dialect only, or none.

use datafusion::error::DataFusionError;
use sqlparser::dialect::{Dialect, GenericDialect};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer, Whitespace, Word};

use super::{
    arrows, asked_keys, close_operators, comprehensions, exclusions, grouping, identities, inner_joins, named_at, nesting,
    read_again, table_queries,
};
use crate::error::invalid;
use crate::sql::changing::NOTHING;

/// True for a word without quotes, in any case.
pub fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(other) if other.quote_style.is_none() && other.value.eq_ignore_ascii_case(word))
}

/// Rewrites tokens that sqlparser accepts only in one dialect: `FILTER (condition)` without WHERE, `MATERIALIZED`, and `ASOF JOIN … ON`,
/// which becomes a GLOBAL JOIN as a marker for [joins](super::joins).
///
/// # Errors
/// GLOBAL before JOIN, which would be mistaken for that marker.
pub fn respell(tokens: &mut Vec<TokenWithSpan>) -> Result<(), DataFusionError> {
    let word = |text: &str, keyword: Keyword| Token::Word(Word { value: text.into(), quote_style: None, keyword });
    grouped_digits(tokens);
    globs(tokens);
    exclusions::rewrite(tokens);
    table_queries::rewrite(tokens);
    comprehensions::rewrite(tokens);
    arrows::mark(tokens);
    asked_keys::mark(tokens);
    close_operators::part(tokens);
    grouping::bracket(tokens);
    inner_joins::bracket(tokens);
    materialized(tokens);
    identities::respell(tokens);
    named_at::quote(tokens);
    let places: Vec<usize> = (0..tokens.len()).filter(|place| !matches!(tokens[*place].token, Token::Whitespace(_))).collect();
    let at = |tokens: &[TokenWithSpan], number: usize| places.get(number).map(|place| tokens[*place].token.clone());
    let mut inserted = vec![];
    let mut removed = vec![];
    for number in 0..places.len() {
        let Some(token) = at(tokens, number) else { continue };
        if is_word(&token, "filter")
            && number > 0
            && at(tokens, number - 1) == Some(Token::RParen)
            && at(tokens, number + 1) == Some(Token::LParen)
            && at(tokens, number + 2).is_some_and(|next| !is_word(&next, "where"))
        {
            inserted.push(places[number + 1] + 1);
        }
        if is_word(&token, "materialized") && number > 0 && at(tokens, number + 1) == Some(Token::LParen) {
            let before = at(tokens, number - 1);
            if before.as_ref().is_some_and(|before| is_word(before, "not")) {
                removed.push(places[number - 1]);
            }
            let first = if removed.last() == Some(&places[number - 1]) { number.checked_sub(2) } else { Some(number - 1) };
            if first.and_then(|first| at(tokens, first)).is_some_and(|first| is_word(&first, "as")) {
                removed.push(places[number]);
            } else {
                removed.retain(|place| *place != places[number - 1]);
            }
        }
        let is_join =
            |next: &Token| ["join", "left", "inner", "right", "full", "any", "all"].iter().any(|word| is_word(next, word));
        if is_word(&token, "global") && at(tokens, number + 1).as_ref().is_some_and(is_join) {
            return Err(invalid("GLOBAL", "is not supported; the work is distributed automatically; leave it out"));
        }
        if is_word(&token, "asof") && is_join_with_on(tokens, &places, number) {
            tokens[places[number]].token = word("GLOBAL", Keyword::GLOBAL);
        }
    }
    let span = |tokens: &[TokenWithSpan], place: usize| tokens.get(place).map_or_else(Span::empty, |token| token.span);
    for place in removed {
        tokens[place].token = Token::Whitespace(Whitespace::Space);
    }
    for place in inserted.into_iter().rev() {
        let span = span(tokens, place);
        tokens.insert(place, TokenWithSpan { token: word("WHERE", Keyword::WHERE), span });
    }
    samples(tokens)?;
    deleted_from(tokens);
    nothing_done(tokens);
    Ok(())
}

/// `THEN DO NOTHING` in MERGE as an UPDATE or INSERT of the column [`NOTHING`], by which it is recognised later.
fn nothing_done(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.iter().any(|token| is_word(&token.token, "nothing")) {
        return;
    }
    let places: Vec<usize> = (0..tokens.len()).filter(|place| !matches!(tokens[*place].token, Token::Whitespace(_))).collect();
    let mut found = vec![];
    for number in 2..places.len() {
        let is = |number: usize, word: &str| places.get(number).is_some_and(|place| is_word(&tokens[*place].token, word));
        if !is(number, "nothing") || !is(number - 1, "do") || !is(number - 2, "then") {
            continue;
        }
        let is_kind = |number: usize| number > 0 && is(number, "matched") && (is(number - 1, "when") || is(number - 1, "not"));
        let Some(matched) = (0..number).rev().find(|number| is_kind(*number)) else { continue };
        let adds = is(matched - 1, "not") && !(is(matched + 1, "by") && is(matched + 2, "source"));
        found.push((places[number - 1], places[number], adds));
    }
    for (first, last, adds) in found.into_iter().rev() {
        let text = if adds { format!("INSERT (\"{NOTHING}\") VALUES (0)") } else { format!("UPDATE SET \"{NOTHING}\" = 0") };
        let written = tokens_of(&text, &GenericDialect {}, tokens[first].span).unwrap_or_default();
        tokens.splice(first..=last, written);
    }
}

/// `a GLOB 'x*'` of DuckDB and SQLite as `a ~ '^x.*$'`; the pattern is a constant.
fn globs(tokens: &mut [TokenWithSpan]) {
    let places: Vec<usize> = (0..tokens.len()).filter(|place| !matches!(tokens[*place].token, Token::Whitespace(_))).collect();
    for three in places.windows(3) {
        let [value, glob, pattern] = three else { continue };
        let is_value = match &tokens[*value].token {
            word @ Token::Word(_) => !is_word(word, "not"),
            other => matches!(other, Token::RParen | Token::RBracket | Token::SingleQuotedString(_)),
        };
        if let Token::SingleQuotedString(text) = &tokens[*pattern].token
            && is_value
            && is_word(&tokens[*glob].token, "glob")
        {
            let regular = regular_of_glob(text);
            tokens[*pattern].token = Token::SingleQuotedString(regular);
            tokens[*glob].token = Token::Tilde;
        }
    }
}

/// The regular expression of a pattern with `*`, `?` and `[…]`.
fn regular_of_glob(pattern: &str) -> String {
    let mut regular = "(?s)^".to_string();
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => regular.push_str(".*"),
            '?' => regular.push('.'),
            '[' => {
                regular.push('[');
                if letters.next_if(|letter| matches!(letter, '!' | '^')).is_some() {
                    regular.push('^');
                }
                // A bracket that comes first is one of the letters.
                if letters.next_if_eq(&']').is_some() {
                    regular.push_str("\\]");
                }
                for letter in letters.by_ref() {
                    match letter {
                        ']' => break,
                        '[' | '\\' | '&' | '~' => regular.extend(['\\', letter]),
                        other => regular.push(other),
                    }
                }
                regular.push(']');
            }
            other if other.is_alphanumeric() || other == '_' || other.is_whitespace() => regular.push(other),
            other if other.is_ascii() => regular.extend(['\\', other]),
            other => regular.push(other),
        }
    }
    regular.push('$');
    regular
}

/// `AS MATERIALIZED (SELECT …)` as `AS (SELECT * FROM (SELECT …) AS "__materialized")`, see [`read_again`]. After WITH RECURSIVE it
/// stays, because the planner takes only a UNION as recursive.
fn materialized(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.iter().any(|token| is_word(&token.token, "materialized")) {
        return;
    }
    let written_as = |text: &str, span: Span| tokens_of(text, &GenericDialect {}, span).unwrap_or_default();
    let mut written: Vec<TokenWithSpan> = vec![];
    // The places of the last two words or signs, and for each open parenthesis whether it is that of such a query.
    let (mut before, mut last, mut open, mut is_recursive) = (0, 0, vec![], false);
    for token in std::mem::take(tokens) {
        let span = token.span;
        let is_at = |place: usize, word: &str| written.get(place).is_some_and(|token| is_word(&token.token, word));
        match &token.token {
            Token::Whitespace(_) => {
                written.push(token);
                continue;
            }
            Token::LParen => {
                let begins = is_at(before, "as") && is_at(last, "materialized") && !is_recursive;
                if begins {
                    written.truncate(last);
                    written.extend(written_as("(SELECT * FROM ", span));
                }
                open.push(begins);
            }
            Token::RParen if open.pop() == Some(true) => {
                written.push(token);
                written.extend(written_as(&format!(" AS \"{}\")", read_again::MATERIALIZED), span));
                (before, last) = (0, written.len() - 1);
                continue;
            }
            Token::SemiColon => is_recursive = false,
            word => is_recursive |= is_word(word, "recursive"),
        }
        (before, last) = (last, written.len());
        written.push(token);
    }
    *tokens = written;
}

/// Joins texts that stand on lines of their own, `'a'` and below it `'b'`, to one text, as SQL says. On one line, where the second would
/// be taken for a name, they are an error. In OPTIONS a name and its value stand side by side.
///
/// # Errors
/// Two texts stand side by side on one line.
pub fn join_texts(tokens: &mut [TokenWithSpan], dialect: &dyn Dialect) -> Result<(), DataFusionError> {
    if dialect.supports_string_literal_concatenation() {
        return Ok(());
    }
    // For each open bracket whether it is that of options; the last text and whether a line has ended since.
    let (mut open, mut before, mut text, mut on_next_line) = (vec![], None, None, false);
    for place in 0..tokens.len() {
        let own = match &tokens[place].token {
            Token::Whitespace(Whitespace::Newline | Whitespace::SingleLineComment { .. }) => {
                on_next_line = true;
                continue;
            }
            Token::Whitespace(_) => continue,
            Token::LParen => {
                let is_of_options = before.is_some_and(|before: usize| {
                    let before = &tokens[before].token;
                    matches!(before, Token::SingleQuotedString(_)) || is_word(before, "options") || is_word(before, "with")
                });
                open.push(is_of_options);
                None
            }
            Token::RParen => {
                open.pop();
                None
            }
            Token::SingleQuotedString(own) if open.last() != Some(&true) => Some(own.clone()),
            _ => None,
        };
        before = Some(place);
        let (Some(first), Some(own)) = (text, own.as_ref()) else {
            text = own.is_some().then_some(place);
            on_next_line = false;
            continue;
        };
        if !on_next_line {
            let problem = "two texts stand side by side; write || between them to join them, or AS before a name";
            return Err(nesting::at(tokens[place].span.start, problem));
        }
        let end = tokens[place].span.end;
        let joined: &mut TokenWithSpan = &mut tokens[first];
        if let Token::SingleQuotedString(all) = &mut joined.token {
            all.push_str(own);
        }
        joined.span.end = end;
        tokens[place].token = Token::Whitespace(Whitespace::Space);
        on_next_line = false;
    }
    Ok(())
}

/// Reads `1_000_000` as a number, not as the number 1 with an alias; and `0x1F` as a number, where the tokenizer sees the bytes `X'1F'`.
fn grouped_digits(tokens: &mut [TokenWithSpan]) {
    for TokenWithSpan { token, span } in tokens.iter_mut() {
        let Token::HexStringLiteral(digits) = &*token else { continue };
        let width = span.end.column.saturating_sub(span.start.column);
        let is_number = usize::try_from(width) == Ok("0x".len() + digits.len());
        if let Some(number) = u64::from_str_radix(digits, 16).ok().filter(|_| is_number) {
            *token = Token::Number(number.to_string(), false);
        }
    }
    for place in 1..tokens.len() {
        let (before, after) = tokens.split_at_mut(place);
        let (Some(number), Some(digits)) = (before.last_mut(), after.first_mut()) else { continue };
        let (Token::Number(text, _), Token::Word(word)) = (&mut number.token, &digits.token) else { continue };
        let groups = word.value.strip_prefix('_').map(|groups| groups.split('_'));
        let is_digits = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
        // `0b101` and `0o17`, as in PostgreSQL: otherwise 0 with a name.
        let radix = match word.value.as_bytes() {
            [b'b' | b'B', ..] => Some(2),
            [b'o' | b'O', ..] => Some(8),
            _ => None,
        };
        if let Some(radix) = radix.filter(|_| text == "0" && word.quote_style.is_none() && number.span.end == digits.span.start)
            && let Ok(value) = u64::from_str_radix(&word.value[1..].replace('_', ""), radix)
        {
            *text = value.to_string();
            number.span.end = digits.span.end;
            digits.token = Token::Whitespace(Whitespace::Space);
            continue;
        }
        if word.quote_style.is_none() && groups.is_some_and(|mut groups| groups.all(is_digits)) {
            text.push_str(&word.value.replace('_', ""));
            number.span.end = digits.span.end;
            digits.token = Token::Whitespace(Whitespace::Space);
        }
    }
}

fn keyword(token: &Token) -> Keyword {
    match token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    }
}

/// `FROM t … USING SAMPLE 10%` as `FROM t TABLESAMPLE (10 PERCENT) …`.
///
/// # Errors
/// The sample is taken from more than one table, or has a seed.
fn samples(tokens: &mut Vec<TokenWithSpan>) -> Result<(), DataFusionError> {
    let is_space = |token: &TokenWithSpan| matches!(token.token, Token::Whitespace(_));
    let mut from = 0;
    loop {
        let places: Vec<usize> = (from..tokens.len()).filter(|place| !is_space(&tokens[*place])).collect();
        let found =
            places.windows(2).position(|two| is_word(&tokens[two[0]].token, "using") && is_word(&tokens[two[1]].token, "sample"));
        let Some(found) = found else { return Ok(()) };
        let (using, rest) = (places[found], &places[found + 2..]);
        from = using + 1;
        let (mut count, mut unit, mut method, mut end) = (None, "ROWS", None, rest.len());
        let mut depth = 0_usize;
        for (number, place) in rest.iter().enumerate() {
            match &tokens[*place].token {
                Token::LParen => depth += 1,
                Token::RParen if depth == 0 => {
                    end = number;
                    break;
                }
                Token::RParen => depth -= 1,
                Token::Number(number, _) if count.is_none() => count = Some(number.clone()),
                Token::Mod => unit = "PERCENT",
                word if is_word(word, "percent") => unit = "PERCENT",
                word if is_word(word, "rows") => unit = "ROWS",
                word if ["reservoir", "bernoulli", "system"].iter().any(|known| is_word(word, known)) => method = Some(*place),
                word if depth == 0 && !is_word(word, "repeatable") => {
                    end = number;
                    break;
                }
                _ => {
                    return Err(invalid(
                        "USING SAMPLE",
                        "takes no seed, as random() has none; write USING SAMPLE 10% or 100 ROWS",
                    ));
                }
            }
        }
        let Some(count) = count else {
            return Err(invalid("USING SAMPLE", "takes a number; write USING SAMPLE 10% or USING SAMPLE 100 ROWS"));
        };
        // Except for RESERVOIR, a named method takes a percentage by default.
        if method.is_some_and(|place| !is_word(&tokens[place].token, "reservoir")) {
            unit = "PERCENT";
        }
        let last = rest.get(end.wrapping_sub(1)).copied().unwrap_or(using);
        let Some(place) = end_of_from(&tokens[..using]) else {
            let problem = "takes rows of one table; write SELECT … FROM (SELECT * FROM a JOIN b …) AS joined USING SAMPLE 10%";
            return Err(invalid("USING SAMPLE", problem));
        };
        let span = tokens[using].span;
        tokens.drain(using..=last);
        let sample = format!(" TABLESAMPLE ({count} {unit}) ");
        if let Some(sample) = tokens_of(&sample, &GenericDialect {}, span) {
            tokens.splice(place..place, sample);
        }
    }
}

/// Where the single table of the last FROM in these tokens ends; `None` if there are several tables.
fn end_of_from(tokens: &[TokenWithSpan]) -> Option<usize> {
    let (mut depth, mut end, mut has_comma) = (0_usize, tokens.len(), false);
    for (place, token) in tokens.iter().enumerate().rev() {
        match &token.token {
            Token::RParen => depth += 1,
            Token::LParen => depth = depth.checked_sub(1)?,
            _ if depth > 0 => {}
            Token::Comma => has_comma = true,
            word => match keyword(word) {
                // The commas so far belong to a later clause, not to FROM.
                Keyword::WHERE | Keyword::GROUP | Keyword::HAVING | Keyword::QUALIFY | Keyword::WINDOW => {
                    (end, has_comma) = (place, false);
                }
                Keyword::JOIN | Keyword::SELECT => return None,
                Keyword::FROM => return (!has_comma).then_some(end),
                _ => {}
            },
        }
    }
    None
}

/// MySQL's `DELETE t FROM t JOIN u ON …` as `DELETE FROM t USING u WHERE …`; other forms are left in place.
fn deleted_from(tokens: &mut Vec<TokenWithSpan>) {
    let is_space = |token: &TokenWithSpan| matches!(token.token, Token::Whitespace(_));
    let mut number = 0;
    loop {
        let places: Vec<usize> = (0..tokens.len()).filter(|place| !is_space(&tokens[*place])).collect();
        let Some(start) = (number..places.len().saturating_sub(5)).find(|number| {
            let at = |offset: usize| &tokens[places[number + offset]].token;
            (*number == 0 || tokens[places[number - 1]].token == Token::SemiColon)
                && is_word(at(0), "delete")
                && matches!(at(1), Token::Word(_))
                && keyword(at(1)) != Keyword::FROM
                && is_word(at(2), "from")
        }) else {
            return;
        };
        number = start + 1;
        let word = |offset: usize| &tokens[places[start + offset]].token;
        let target = word(1).clone();
        // FROM t [AS a] [INNER] JOIN u … ON condition [WHERE …]
        let end = places[start..].iter().position(|place| tokens[*place].token == Token::SemiColon);
        let end = end.map_or(places.len(), |length| start + length);
        let own = &places[start..end];
        let find = |wanted: Keyword| own.iter().position(|place| keyword(&tokens[*place].token) == wanted);
        let (Some(join), Some(on)) = (find(Keyword::JOIN), find(Keyword::ON)) else { continue };
        let several = own.iter().filter(|place| keyword(&tokens[**place].token) == Keyword::JOIN).count() > 1;
        let first = if keyword(word(join - 1)) == Keyword::INNER { join - 1 } else { join };
        let is_named = (3..first).any(|offset| *word(offset) == target);
        let is_outer =
            [Keyword::LEFT, Keyword::RIGHT, Keyword::FULL, Keyword::CROSS, Keyword::OUTER].contains(&keyword(word(first - 1)));
        if several || is_outer || !is_named || on < join {
            continue;
        }
        let change = |tokens: &mut Vec<TokenWithSpan>, offset: usize, word: &str, keyword: Keyword| {
            tokens[places[start + offset]].token = Token::Word(Word { value: word.into(), quote_style: None, keyword });
        };
        let space = |tokens: &mut Vec<TokenWithSpan>, offset: usize| {
            tokens[places[start + offset]].token = Token::Whitespace(Whitespace::Space);
        };
        let condition = find(Keyword::WHERE);
        space(tokens, 1);
        if first < join {
            space(tokens, first);
        }
        change(tokens, join, "USING", Keyword::USING);
        change(tokens, on, "WHERE", Keyword::WHERE);
        if let Some(condition) = condition {
            change(tokens, condition, "AND", Keyword::AND);
        }
    }
}

/// Whether `ASOF JOIN table` is followed by ON rather than MATCH_CONDITION.
fn is_join_with_on(tokens: &[TokenWithSpan], places: &[usize], number: usize) -> bool {
    let mut depth = 0_usize;
    let mut rest = places[number + 1..].iter().map(|place| &tokens[*place].token);
    if !rest.next().is_some_and(|next| is_word(next, "join") || is_word(next, "left") || is_word(next, "inner")) {
        return false;
    }
    for token in rest {
        match token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return false,
            Token::RParen => depth -= 1,
            other if depth == 0 && (is_word(other, "on") || is_word(other, "using")) => return true,
            other if depth == 0 && is_word(other, "match_condition") => return false,
            _ => {}
        }
    }
    false
}

/// The tokens of a generated text, all with the same position.
pub fn tokens_of(text: &str, dialect: &dyn Dialect, span: Span) -> Option<Vec<TokenWithSpan>> {
    let tokens = Tokenizer::new(dialect, text).tokenize().ok()?;
    Some(tokens.into_iter().map(|token| TokenWithSpan { token, span }).collect())
}
