//! Lists that are written as texts, `{a,b}`.

use sqlparser::ast::{Expr, Value};

use crate::sql::syntax::call_of;

/// A list of the items, as integers if all of them are integers.
pub fn list_of(items: Vec<Option<String>>) -> Expr {
    let of_numbers = items.iter().flatten().all(|item| item.parse::<i64>().is_ok());
    let value = |item: Option<String>| match item {
        None => Value::Null,
        Some(number) if of_numbers => Value::Number(number, false),
        Some(text) => Value::SingleQuotedString(text),
    };
    call_of("make_array", items.into_iter().map(|item| Expr::value(value(item))).collect())
}

/// The items of `{a,"b c",NULL}`; `None` if the text is not a one-dimensional array.
pub fn array_literal(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inner.trim().is_empty() {
        return Some(vec![]);
    }
    let mut items = vec![];
    let mut letters = inner.chars().peekable();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        let mut item = String::new();
        if letters.next_if_eq(&'"').is_some() {
            loop {
                match letters.next()? {
                    '"' => break,
                    '\\' => item.push(letters.next()?),
                    letter => item.push(letter),
                }
            }
            while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
            items.push(Some(item));
        } else {
            while let Some(letter) = letters.next_if(|letter| *letter != ',') {
                match letter {
                    '{' | '}' | '"' => return None,
                    '\\' => item.push(letters.next()?),
                    letter => item.push(letter),
                }
            }
            let item = item.trim();
            if item.is_empty() {
                return None;
            }
            items.push((!item.eq_ignore_ascii_case("null")).then(|| item.to_string()));
        }
        match letters.next() {
            None => return Some(items),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::array_literal;

    #[test]
    fn texts_of_arrays_are_read() {
        let items = |text| {
            array_literal(text)
                .map(|items| items.into_iter().map(|item| item.unwrap_or_else(|| "-".into())).collect::<Vec<_>>().join("|"))
        };
        assert_eq!(items("{a, b c ,\"d,\\\"e\",NULL,\"NULL\"}"), Some("a|b c|d,\"e|-|NULL".into()));
        assert_eq!(items(" {} "), Some(String::new()));
        for wrong in ["a", "{a", "{{a},{b}}", "{a,}", "{\"a}", "{\"a\"b}"] {
            assert_eq!(items(wrong), None, "{wrong}");
        }
    }
}
