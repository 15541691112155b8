//! Whether the line that is taken for names looks like a row, or like a title.

use datafusion::arrow::datatypes::{DataType, Schema};

use super::detect::Detected;
use crate::files::titles::title;
use crate::files::values::{Numbers, Seen, class, guessed_type};
use crate::text::grouped;

/// Signs that divide fields in some files and are not looked for.
const OTHER_SIGNS: [char; 8] = ['，', '；', '、', '｜', '^', '~', '\u{1}', '\u{1f}'];

/// What to tell when the only name has a sign that may divide it.
fn undivided(file: &Detected) -> Option<String> {
    let ([one], name) = (file.names.as_slice(), &file.source.name) else { return None };
    let sign = one.chars().find(|sign| OTHER_SIGNS.contains(sign))?;
    if !sign.is_ascii() {
        return Some(format!(
            "{name}: the first line has one name, with {sign}, which cannot be a separator; if it divides the fields, replace it by , in the \
             file, or take the texts apart: split_part(…, '{sign}', 1)"
        ));
    }
    let sign = if sign.is_control() { format!("E'\\x{:02x}'", sign as u32) } else { format!("'{sign}'") };
    Some(format!(
        "{name}: the first line has one name; if {sign} divides it, write separator => {sign} or OPTIONS ('separator' {sign})"
    ))
}

/// What to tell when only the first column has a name, or when each column of numbers, times or booleans has such a value as its name.
/// `skip` is the number of lines that were skipped.
pub fn note(file: &Detected, schema: &Schema, numbers: &Numbers, skip: usize) -> Option<String> {
    if let Some(note) = undivided(file) {
        return Some(note);
    }
    if let Some(title) = title(&file.names) {
        let (name, skip) = (&file.source.name, skip + 1);
        return Some(format!(
            "{name}: the first line is taken for names, and has only '{title}'; if it is a title, leave it out with skip => {skip} or OPTIONS ('skip' '{skip}')"
        ));
    }
    let (mut values, mut whole, mut has_texts) = (0, vec![], false);
    for name in &file.names {
        let Ok(field) = schema.field_with_name(name) else { continue };
        if field.data_type().is_string() {
            has_texts = true;
            continue;
        }
        let mut seen = Seen::default();
        seen.add(class(name.as_bytes(), numbers));
        let own = guessed_type(seen.guess());
        if own != *field.data_type() && (own != DataType::Int64 || *field.data_type() != DataType::Float64) {
            return None;
        }
        values += 1;
        whole.extend(name.parse::<i64>().ok());
    }
    // Beside a column of texts, years and numbers one after the other are names, as of the questions of a survey.
    let follow = whole.windows(2).all(|two| two[1] - two[0] == 1);
    let are_names =
        has_texts && whole.len() == values && follow && (values > 1 || whole.iter().all(|year| (1900..=2100).contains(year)));
    (values > 0 && !are_names).then(|| {
        format!(
            "{}: the first line is taken for names, and looks like a row; if it is one, write header => false or OPTIONS ('header' 'false')",
            file.source.name
        )
    })
}

/// What to tell when later rows are the line of names again, as in files that were put together.
pub fn repeated(location: &str, rows: usize, schema: &Schema) -> Option<String> {
    let name = schema.fields().first().filter(|_| rows > 0)?.name();
    let are = if rows == 1 { "1 later row is".to_string() } else { format!("{} later rows are", grouped(rows as u64)) };
    Some(format!(
        "{location}: {are} the line of names again, so that numbers and times become text; take it out of the file, or leave it out, \
         WHERE \"{name}\" <> '{name}', and CAST"
    ))
}
