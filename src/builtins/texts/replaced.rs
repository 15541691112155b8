//! `regexp_replace`: what the text for a match means. `\1` is what the first group has matched, and `\&` the whole match.
//!
//! DataFusion takes `$` for the sign of a group, as Rust does: `regexp_replace('about 5', '[0-9]+', '$5')` lost the price.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::regex;
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

/// The function, by its name.
pub fn regexp_replace() -> (&'static str, ScalarUDF) {
    ("regexp_replace", ScalarUDF::from(Replace { engine: regex::regexp_replace() }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Replace {
    engine: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for Replace {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.engine.return_type(types)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engine.documentation()
    }

    fn invoke_with_args(&self, mut arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let Some(replacement) = arguments.args.get_mut(2) {
            *replacement = with_groups(replacement)?;
        }
        self.engine.inner().invoke_with_args(arguments)
    }
}

/// The texts as the engine reads them.
fn with_groups(given: &ColumnarValue) -> Result<ColumnarValue> {
    let data_type = given.data_type();
    Ok(match given {
        ColumnarValue::Scalar(value) => match value.try_as_str().flatten().and_then(in_rust) {
            Some(text) => ColumnarValue::Scalar(ScalarValue::Utf8(Some(text)).cast_to(&data_type)?),
            None => given.clone(),
        },
        ColumnarValue::Array(values) => {
            let texts = cast(values, &DataType::Utf8)?;
            let texts = texts.as_string::<i32>();
            if texts.iter().flatten().all(|text| in_rust(text).is_none()) {
                return Ok(given.clone());
            }
            let written: StringArray =
                texts.iter().map(|text| Some(in_rust(text?).map_or(Cow::Borrowed(text?), Cow::Owned))).collect();
            ColumnarValue::Array(cast(&written, &data_type)?)
        }
    })
}

/// A replacement in the notation of Rust; `None` where it is the same.
fn in_rust(replacement: &str) -> Option<String> {
    if !replacement.contains(['$', '\\']) {
        return None;
    }
    let mut written = String::with_capacity(replacement.len() + 8);
    let mut letters = replacement.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '$' => written.push_str("$$"),
            '\\' => {
                // Where strings have escapes themselves, as in BigQuery, a group is written \\1.
                let is_double = letters.next_if_eq(&'\\').is_some();
                if let Some(group) = letters.next_if(char::is_ascii_digit) {
                    written.push_str("${");
                    written.push(group);
                    written.push('}');
                } else if !is_double && letters.next_if_eq(&'&').is_some() {
                    written.push_str("${0}");
                } else {
                    written.push('\\');
                }
            }
            other => written.push(other),
        }
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::in_rust;

    #[test]
    fn groups_are_written_as_in_rust() {
        for (text, expected) in [
            ("plain", None),
            (r"\1", Some("${1}")),
            (r"\\1", Some("${1}")),
            (r"\12", Some("${1}2")),
            (r"<\&>", Some("<${0}>")),
            ("$5", Some("$$5")),
            ("${name}", Some("$${name}")),
            (r"a\\b\q", Some(r"a\b\q")),
            (r"end\", Some(r"end\")),
        ] {
            assert_eq!(in_rust(text).as_deref(), expected, "{text}");
        }
    }
}
