//! Rows as text: aligned columns, whatever the width of the letters.

use std::io;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions};
use unicode_width::UnicodeWidthStr;

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

/// Control characters as escapes; line breaks stay, they make a cell of several lines.
pub fn visible(text: &str) -> String {
    let is_plain = |letter: char| letter == '\n' || !is_control(letter);
    if text.chars().all(is_plain) {
        return text.to_string();
    }
    text.chars().map(|letter| if is_plain(letter) { letter.to_string() } else { letter.escape_default().to_string() }).collect()
}

/// A table whose columns are as wide as the first rows need.
pub struct Table {
    names: Vec<String>,
    right: Vec<bool>,
    widths: Vec<usize>,
}

impl Table {
    /// Takes widths from `rows`.
    pub fn new(schema: &SchemaRef, rows: &[Vec<String>]) -> Self {
        let names: Vec<String> = schema.fields().iter().map(|field| visible(field.name())).collect();
        let right = schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
        let widths = (0..names.len())
            .map(|column| rows.iter().map(|row| width(&row[column])).chain([width(&names[column])]).max().unwrap_or(0))
            .collect();
        Self { names, right, widths }
    }

    /// Names and a line.
    pub fn head(&self) -> String {
        let line: Vec<String> = self.widths.iter().map(|width| "-".repeat(width + 2)).collect();
        format!("{}{}\n", self.row(&self.names), line.join("+"))
    }

    /// One row, of one line or more.
    pub fn row(&self, cells: &[String]) -> String {
        let lines: Vec<Vec<&str>> = cells.iter().map(|cell| cell.split('\n').collect()).collect();
        let height = lines.iter().map(Vec::len).max().unwrap_or(0);
        let mut text = String::new();
        for line in 0..height {
            let parts: Vec<String> = lines
                .iter()
                .enumerate()
                .map(|(column, lines)| self.pad(column, lines.get(line).copied().unwrap_or_default()))
                .collect();
            text.push_str(parts.join("|").trim_end());
            text.push('\n');
        }
        text
    }

    fn pad(&self, column: usize, text: &str) -> String {
        let space = " ".repeat(self.widths[column].saturating_sub(text.width()));
        if self.right[column] { format!(" {space}{text} ") } else { format!(" {text}{space} ") }
    }
}

fn width(cell: &str) -> usize {
    cell.split('\n').map(UnicodeWidthStr::width).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int64Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn chinese_letters_take_two_columns() {
        let batch = RecordBatch::try_from_iter([
            ("segment", Arc::new(StringArray::from(vec!["重要价值客户", "new\ttab"])) as _),
            ("客户数", Arc::new(Int64Array::from(vec![Some(7), None])) as _),
        ])
        .unwrap();
        let rows = cells(&batch).unwrap();
        let table = Table::new(&batch.schema(), &rows);
        let text = format!("{}{}{}", table.head(), table.row(&rows[0]), table.row(&rows[1]));
        assert_eq!(text, " segment      | 客户数\n--------------+--------\n 重要价值客户 |      7\n new\\ttab     |   NULL\n");
    }
}
