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
        let key = key.strip_prefix("format.").unwrap_or(&key);
        let renamed = match doc.argument(key) {
            Some(argument) => Some((argument.name, text)),
            None => renamed(key, text).map_err(|advice| invalid(subject, format!("{key} is not an option; {advice}")))?,
        };
        let Some((name, text)) = renamed else { continue };
        let argument = find(doc, name).map_err(|error| invalid(subject, message(&error)))?;
        once(subject, argument, &values)?;
        values.push((argument.name, value(argument, compression(argument, &text))));
    }
    Options::read_for(subject, doc, values)
}

/// Adds an option of a call, by its name here or in another program.
///
/// # Errors
/// It is unknown, or given twice.
pub fn of_call(
    doc: &'static Doc,
    key: &str,
    given: ScalarValue,
    renamed: Renamed,
    values: &mut Vec<(&'static str, ScalarValue)>,
) -> Result<()> {
    let text = match given.try_as_str().flatten() {
        Some(text) => text.to_string(),
        None => given.to_string(),
    };
    let renamed = match doc.argument(key) {
        Some(argument) => Some((argument.name, text.clone())),
        None => renamed(key, text.clone()).map_err(|advice| invalid(doc.name, format!("{key} is not an option; {advice}")))?,
    };
    let Some((name, own)) = renamed else { return Ok(()) };
    let argument = find(doc, name)?;
    once(doc.name, argument, values)?;
    let own = compression(argument, &own);
    // A value that stays as it was keeps its type.
    values.push((argument.name, if own == text { given } else { value(argument, own) }));
    Ok(())
}

/// Fails if the option is given already.
fn once(subject: &str, argument: &Argument, values: &[(&'static str, ScalarValue)]) -> Result<()> {
    match values.iter().any(|(name, _)| *name == argument.name) {
        true => Err(invalid(subject, format!("{} is given twice", argument.name))),
        false => Ok(()),
    }
}

/// The name of a compression here, for names of other programs and for ends of file names.
fn compression<'a>(argument: &Argument, text: &'a str) -> &'a str {
    if argument.name != "compression" {
        return text;
    }
    match text.to_lowercase().as_str() {
        "uncompressed" => "none",
        "infer" | "auto_detect" => "auto",
        "gz" => "gzip",
        "zst" => "zstd",
        "bz2" => "bzip2",
        "lzma" => "xz",
        _ => text,
    }
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
