//! Comma-separated values (RFC 4180), written so that reading returns the same values: an empty field is NULL, empty quotes are an empty text.

use std::io::{self, Write};

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::util::display::ArrayFormatter;

use super::cells::format_options;
use super::nested::{self, is_bytes, is_nested};
use super::{Sink, into_io, no_text};

/// The options of a CSV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvStyle {
    pub separator: u8,
    /// Whether the first line has the column names.
    pub header: bool,
    /// The decimal separator.
    pub decimal: u8,
    /// The text for NULL.
    pub null: String,
    /// Whether the file begins with a byte order mark, by which Excel recognises UTF-8.
    pub mark: bool,
}

impl Default for CsvStyle {
    fn default() -> Self {
        Self { separator: b',', header: true, decimal: b'.', null: String::new(), mark: false }
    }
}

pub struct CsvWriter<'a> {
    sink: Sink<'a>,
    style: CsvStyle,
    /// For each column, whether it holds strings, where an empty value differs from NULL.
    is_text: Vec<bool>,
    line: Vec<u8>,
    field: String,
    /// Whether the first line is not ended yet, by which readers find out the separator.
    is_first: bool,
}

impl<'a> CsvWriter<'a> {
    /// Writes the column names.
    pub fn new(mut sink: Sink<'a>, schema: &SchemaRef, style: CsvStyle) -> io::Result<Self> {
        if style.mark {
            sink.write_all("\u{feff}".as_bytes())?;
        }
        let is_text = schema.fields().iter().map(|field| is_text(field.data_type())).collect();
        let mut writer = Self { sink, style, is_text, line: vec![], field: String::new(), is_first: true };
        if writer.style.header {
            for (column, field) in schema.fields().iter().enumerate() {
                writer.separate(column);
                writer.field.clone_from(field.name());
                writer.append(true);
            }
            writer.end_line(schema.fields().len())?;
        }
        Ok(writer)
    }

    pub fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let options = format_options();
        let formatters = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let formatters = formatters.collect::<Result<Vec<_>, _>>().map_err(into_io)?;
        let nulls: Vec<_> = batch.columns().iter().map(|column| column.logical_nulls()).collect();
        for row in 0..batch.num_rows() {
            for (column, formatter) in formatters.iter().enumerate() {
                self.separate(column);
                if nulls[column].as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    self.line.extend_from_slice(self.style.null.as_bytes());
                    continue;
                }
                self.field.clear();
                let data_type = batch.column(column).data_type();
                let written = match is_nested(data_type) {
                    true => nested::write(batch.column(column), row, &options, &mut self.field),
                    false => formatter.value(row).write(&mut self.field),
                };
                written.map_err(|error| no_text(batch, column, &error))?;
                if is_bytes(data_type) {
                    self.field.insert_str(0, "\\x");
                }
                if data_type.is_floating() {
                    self.point();
                }
                if self.style.decimal != b'.' && data_type.is_numeric() {
                    self.field = self.field.replace('.', ",");
                }
                self.append(self.is_text[column]);
            }
            self.end_line(formatters.len())?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.sink.flush()
    }

    fn separate(&mut self, column: usize) {
        if column > 0 {
            self.line.push(self.style.separator);
        }
    }

    /// Adds a decimal point to a float such as `1e16`, because without one it could be a product code.
    fn point(&mut self) {
        if let Some(exponent) = self.field.find('e')
            && !self.field.contains('.')
        {
            self.field.insert_str(exponent, ".0");
        }
    }

    /// Appends the current field, quoted if it could be misread.
    fn append(&mut self, is_text: bool) {
        let bytes = self.field.as_bytes();
        // Another separator is named to the reader, who then does not have to find it out.
        let is_found_out = self.is_first && self.style.separator == b',';
        let may_separate = |byte: &u8| is_found_out && matches!(byte, b',' | b';' | b'\t' | b'|');
        let is_special = |byte: &u8| *byte == self.style.separator || matches!(byte, b'"' | b'\n' | b'\r') || may_separate(byte);
        let is_like_null = if bytes.is_empty() { is_text } else { self.field == self.style.null };
        let is_note = is_found_out && bytes.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"sep="));
        // Readers take a byte order mark at the beginning of a line for that of a file.
        let is_marked = self.line.is_empty() && self.field.starts_with('\u{feff}');
        let is_quoted = is_like_null || is_note || is_marked || bytes.iter().any(is_special);
        if !is_quoted {
            self.line.extend_from_slice(bytes);
            return;
        }
        self.line.push(b'"');
        for byte in bytes {
            if *byte == b'"' {
                self.line.push(b'"');
            }
            self.line.push(*byte);
        }
        self.line.push(b'"');
    }

    fn end_line(&mut self, columns: usize) -> io::Result<()> {
        // Some readers skip empty lines, and quotes would turn NULL into an empty text.
        if columns == 1 && self.line.is_empty() && self.is_text.first() != Some(&true) {
            self.line.extend_from_slice(b"\"\"");
        }
        self.line.push(b'\n');
        let written = self.sink.write_all(&self.line);
        self.line.clear();
        self.is_first = false;
        written
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}
