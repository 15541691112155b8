//! The options of files in CREATE EXTERNAL TABLE.

use datafusion::common::{Result, ScalarValue};

use crate::adapter::arguments::{Options, find};
use crate::docs::{Argument, Doc, Takes};
use crate::error::{invalid, message};

/// Translates an option of another program to its name here. `None` if the option is always on; an error with advice if there is no
/// equivalent.
pub type Renamed = for<'a> fn(&'a str, String) -> Result<Option<(&'a str, String)>, &'static str>;

/// Reads `OPTIONS ('key' 'value', …)`, in which all values are strings.
///
/// # Errors
/// An option is unknown, or has an invalid value.
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

/// The text of an option as a value of its type. Text that does not parse stays a string, and is rejected later with the option's name.
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
