//! Options of files as CREATE EXTERNAL TABLE has them.

use datafusion::common::{Result, ScalarValue};

use crate::adapter::arguments::{Options, find};
use crate::docs::{Argument, Doc, Takes};
use crate::error::{invalid, message};

/// What an option of other programs is called here, with its value; nothing for one that is always so, and an advice where there is none.
pub type Renamed = for<'a> fn(&'a str, String) -> Result<Option<(&'a str, String)>, &'static str>;

/// The options of `OPTIONS ('key' 'value', …)`, whose values are all written as texts.
///
/// # Errors
/// An option is not known, or its value is none that it takes.
pub fn of_statement(
    subject: &str,
    doc: &'static Doc,
    given: impl IntoIterator<Item = (String, String)>,
    renamed: Renamed,
) -> Result<Options> {
    let mut values = vec![];
    for (key, text) in given {
        let plain = key.strip_prefix("format.").unwrap_or(&key);
        let text = if plain == "compression" && text.eq_ignore_ascii_case("uncompressed") { "none".into() } else { text };
        let renamed = renamed(plain, text).map_err(|advice| invalid(subject, format!("{key} is not an option; {advice}")))?;
        let Some((name, text)) = renamed else { continue };
        let argument = find(doc, name).map_err(|error| invalid(subject, message(&error)))?;
        values.push((argument.name, value(argument, &text)));
    }
    Options::read_for(subject, doc, values)
}

/// The text of an option as a value of the type that it takes; what does not read as one stays text, which is refused by name.
fn value(argument: &Argument, text: &str) -> ScalarValue {
    let as_text = || ScalarValue::Utf8(Some(text.to_string()));
    match argument.takes {
        Takes::Flag => match text.to_lowercase().as_str() {
            "true" => ScalarValue::Boolean(Some(true)),
            "false" => ScalarValue::Boolean(Some(false)),
            _ => as_text(),
        },
        Takes::Integer(..) => text.parse().map_or_else(|_| as_text(), |number| ScalarValue::Int64(Some(number))),
        _ => as_text(),
    }
}
