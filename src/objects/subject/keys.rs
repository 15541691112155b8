//! The keys of a person in texts.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

/// Replaces a key.
const ERASED: &str = "***";
/// Keys with fewer letters (text) or digits (numbers) are too ambiguous: they are searched for in columns, but not in texts.
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

    /// The text without the keys; `None` when it contains none.
    pub fn without(&self, text: &str) -> Option<String> {
        let mut clean = text.to_string();
        self.texts.iter().for_each(|key| clean = without(&clean, key));
        (clean != text).then_some(clean)
    }
}

/// The text without a key, where the key is a whole word.
fn without(text: &str, key: &str) -> String {
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(key) {
        let (before, after) = (&rest[..place], &rest[place + key.len()..]);
        let before_it = before.chars().next_back().or_else(|| clean.chars().next_back());
        clean.push_str(before);
        // Scripts without spaces between words have no word boundaries, so only ASCII neighbours count.
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
