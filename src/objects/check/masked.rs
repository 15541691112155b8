//! Examples of failing rows, with masked values.

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::Result;

/// Numbers with at most this many digits are shown in full; longer ones may be phone or card numbers.
const SHORT: usize = 8;

/// How many columns an example shows.
const MOST_COLUMNS: usize = 8;

/// Rows as text, such as `age=200, name=张*`: strings show their first letter, long numbers their first three and last two digits.
///
/// # Errors
/// A value cannot be formatted.
pub fn examples(batches: &[RecordBatch]) -> Result<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = vec![];
    for batch in batches {
        let schema = batch.schema();
        let columns = batch.columns().iter().zip(schema.fields()).take(MOST_COLUMNS);
        let columns =
            columns.map(|(values, field)| Ok((field.name().clone(), values, ArrayFormatter::try_new(values, &options)?)));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            let of_row = columns.iter().map(|(name, values, formatter)| {
                let value = formatter.value(row).to_string();
                let shown = if values.is_null(row) { value } else { masked(&value, values.data_type()) };
                format!("{name}={shown}")
            });
            rows.push(of_row.collect::<Vec<_>>().join(", "));
        }
    }
    Ok(rows)
}

fn masked(value: &str, data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => value.into(),
        number if number.is_numeric() => {
            let digits = value.chars().filter(char::is_ascii_digit).count();
            let is_long = digits > SHORT && !number.is_floating() && !value.contains('.');
            if is_long { hidden(value, 3, 2) } else { value.into() }
        }
        time if time.is_temporal() => value.into(),
        _ => hidden(value, 1, 0),
    }
}

/// The first and last letters with `*` in between; never the whole value.
fn hidden(value: &str, first: usize, last: usize) -> String {
    let letters = value.chars().count();
    let (first, last) = if letters > first + last { (first, last) } else { (0, 0) };
    let stars = (letters - first - last).min(SHORT);
    let head: String = value.chars().take(first).collect();
    let tail: String = value.chars().skip(letters - last).collect();
    format!("{head}{}{tail}", "*".repeat(stars))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_shown_whole() {
        for (value, data_type, shown) in [
            ("张三", DataType::Utf8, "张*"),
            ("张", DataType::Utf8, "*"),
            ("", DataType::Utf8, ""),
            ("13800138000", DataType::Int64, "138******00"),
            ("200", DataType::Int32, "200"),
            ("-1", DataType::Int32, "-1"),
            ("1234567890.25", DataType::Float64, "1234567890.25"),
            ("2025-05-01", DataType::Date32, "2025-05-01"),
            ("li.na@example.com", DataType::Utf8View, "l********"),
        ] {
            assert_eq!(masked(value, &data_type), shown);
        }
    }
}
