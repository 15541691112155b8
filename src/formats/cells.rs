//! Rows as texts.

use std::io;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions};

use super::{into_io, no_text};
use crate::text::is_control;

/// How cells are written as text.
pub fn format_options() -> FormatOptions<'static> {
    FormatOptions::default()
        .with_duration_format(DurationFormat::Pretty)
        .with_null("NULL")
        .with_date_format(Some("%Y-%m-%d"))
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"))
}

/// The cells of a batch, row by row.
pub fn cells(batch: &RecordBatch) -> io::Result<Vec<Vec<String>>> {
    let options = format_options();
    let formatters: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<_, _>>()
        .map_err(into_io)?;
    (0..batch.num_rows())
        .map(|row| {
            let text = |(column, formatter): (usize, &ArrayFormatter<'_>)| {
                let text = formatter.value(row).try_to_string().map_err(|error| no_text(batch, column, &error))?;
                Ok(visible(text.trim_end_matches('\n')))
            };
            formatters.iter().enumerate().map(text).collect()
        })
        .collect()
}

/// Control characters become escapes; line breaks stay and make a cell of several lines.
pub fn visible(text: &str) -> String {
    let is_plain = |letter: char| letter == '\n' || !is_control(letter);
    if text.chars().all(is_plain) {
        return text.to_string();
    }
    text.chars().map(|letter| if is_plain(letter) { letter.to_string() } else { letter.escape_default().to_string() }).collect()
}
