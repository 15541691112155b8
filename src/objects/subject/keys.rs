//! Keys of a person in texts.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

/// What stands in the place of a key.
const ERASED: &str = "***";
/// Letters of a text, and digits of a number, below which a key says nothing: it is looked for in columns, and not in texts.
const SHORTEST: usize = 3;
const FEWEST_DIGITS: usize = 5;

/// The keys of a person.
#[derive(Debug, Clone)]
pub struct Keys {
    pub values: Vec<ScalarValue>,
    texts: Vec<String>,
}

impl Keys {
    pub fn new(values: Vec<ScalarValue>) -> Self {
        let text = |value: &ScalarValue| match value.cast_to(&DataType::Utf8) {
            Ok(ScalarValue::Utf8(Some(text))) => {
                let least = if value.data_type().is_integer() { FEWEST_DIGITS } else { SHORTEST };
                (text.chars().count() >= least).then_some(text)
            }
            _ => None,
        };
        let texts = values.iter().filter_map(text).collect();
        Self { values, texts }
    }

    /// A text without the keys; `None` when it holds none.
    pub fn without(&self, text: &str) -> Option<String> {
        let mut clean = text.to_string();
        self.texts.iter().for_each(|key| clean = without(&clean, key));
        (clean != text).then_some(clean)
    }
}

/// A text without a key, where that stands as a word of its own.
fn without(text: &str, key: &str) -> String {
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(key) {
        let (before, after) = (&rest[..place], &rest[place + key.len()..]);
        let before_it = before.chars().next_back().or_else(|| clean.chars().next_back());
        clean.push_str(before);
        // Where words have no spaces between them, letters on both sides say nothing.
        let is_inside =
            key.is_ascii() && (is_part(before_it.filter(char::is_ascii)) || is_part(after.chars().next().filter(char::is_ascii)));
        clean.push_str(if is_inside { key } else { ERASED });
        rest = after;
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_as_words() {
        let keys = Keys::new(vec![
            ScalarValue::Utf8View(Some("C17".into())),
            ScalarValue::Int64(Some(17)),
            ScalarValue::Int64(Some(123_456)),
        ]);
        assert_eq!(keys.without("WHERE id = 'C17' OR n = 123456"), Some("WHERE id = '***' OR n = ***".into()));
        for text in ["C170 and xC17", "17 rows", "1234567"] {
            assert_eq!(keys.without(text), None, "{text}");
        }
        assert_eq!(keys.without("客户C17投诉"), Some("客户***投诉".into()));
    }
}
