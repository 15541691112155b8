//! Sentences made from numbers.

use datafusion::arrow::array::RecordBatch;

use super::Language;
use super::Section;
use super::answered::{Answered, shown};
use super::section::Text;
use crate::formats::cells;

/// A sentence of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub text: String,
    /// The condition that was true.
    pub because: String,
}

/// A sentence with the values of a row in place of its braces: `{segment}`, `{share:percent}`, `{customers:customer|customers}`.
///
/// # Errors
/// It names a column that does not exist.
pub fn fill(section: &Section, sentence: &Text, wide: &RecordBatch, row: usize, language: Language) -> Result<String, String> {
    let texts = cells(&wide.slice(row, 1)).map_err(|error| error.to_string())?;
    let schema = wide.schema();
    let mut filled = String::new();
    let mut rest = sentence.of(language);
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = after.split_once('}').ok_or("a brace is not closed")?;
        let (name, form) = name.split_once(':').unwrap_or((name, ""));
        let place = schema.index_of(name).map_err(|_| format!("no column {name}"))?;
        let (column, text) = (wide.column(place), &texts[0][place]);
        let is_percent = form == "percent" || section.is_percent(name.trim_end_matches("_before"));
        let value = match column.data_type().is_numeric() {
            true => shown(column, row, is_percent, text),
            false => section.value(text, language).to_string(),
        };
        filled.push_str(&value);
        if let Some((one, many)) = form.split_once('|') {
            filled.push(' ');
            filled.push_str(if value == "1" { one } else { many });
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The rows that a rule may make sentences of: those whose numbers are shown.
pub fn may_speak(answered: &Answered, row: usize) -> bool {
    !answered.suppressed().rows[row] && answered.is_finite(row)
}
