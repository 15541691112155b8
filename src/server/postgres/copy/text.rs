//! The text and CSV formats of COPY.
//!
//! Source: PostgreSQL 16, "COPY", "Text Format" and "CSV Format".

use std::sync::Arc;

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{ArrayRef, StringBuilder};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Result, ScalarValue};

use super::{ROWS, Reader, wrong_row};
use crate::engine::{ClientCopy, CopyFormat};
use crate::error::{SqlState, coded};
use crate::postgres_types::seen;
use crate::server::postgres::values::{Format, Writer, parameter};

/// The style in which rows are written.
pub struct Style {
    is_csv: bool,
    delimiter: u8,
    null: Vec<u8>,
    quote: u8,
    escape: u8,
    /// For each column, whether its values are always quoted.
    forced: Vec<bool>,
    names: Vec<String>,
}

impl Style {
    /// The style of a COPY of these columns.
    ///
    /// # Errors
    /// A column to be quoted is not among the columns.
    pub fn of(copy: &ClientCopy, schema: &Schema) -> Result<Self> {
        let is_csv = copy.format == CopyFormat::Csv;
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let forced = match &copy.force_quote {
            None => vec![false; names.len()],
            Some(all) if all.is_empty() => vec![true; names.len()],
            Some(some) => {
                if let Some(unknown) = some.iter().find(|name| !names.contains(name)) {
                    return Err(coded(SqlState::UNDEFINED_COLUMN, "COPY", format!("there is no column {unknown} to quote")));
                }
                names.iter().map(|name| some.contains(name)).collect()
            }
        };
        let letter = |letter: char| u8::try_from(letter).unwrap_or(b'"');
        Ok(Self {
            is_csv,
            delimiter: letter(copy.delimiter.unwrap_or(if is_csv { ',' } else { '\t' })),
            null: copy.null.clone().unwrap_or_else(|| if is_csv { String::new() } else { "\\N".into() }).into_bytes(),
            quote: letter(copy.quote),
            escape: letter(copy.escape.unwrap_or(copy.quote)),
            forced,
            names,
        })
    }

    /// The header line.
    pub fn header(&self, out: &mut Vec<u8>) {
        for (place, name) in self.names.iter().enumerate() {
            if place > 0 {
                out.push(self.delimiter);
            }
            self.value(name.as_bytes(), false, out);
        }
        out.push(b'\n');
    }

    /// A row.
    pub fn row(&self, writers: &[Writer<'_>], row: usize, out: &mut Vec<u8>) {
        let mut value = vec![];
        for (place, writer) in writers.iter().enumerate() {
            if place > 0 {
                out.push(self.delimiter);
            }
            value.clear();
            if writer.write(row, &mut value) {
                // With a single column, this value must be quoted, as it would otherwise mark the end of the rows.
                let is_end = self.is_csv && writers.len() == 1 && value == b"\\.";
                self.value(&value, self.forced[place] || is_end, out);
            } else {
                out.extend_from_slice(&self.null);
            }
        }
        out.push(b'\n');
    }

    fn value(&self, value: &[u8], forced: bool, out: &mut Vec<u8>) {
        if !self.is_csv {
            for byte in value {
                let letter = match byte {
                    b'\\' => b'\\',
                    b'\n' => b'n',
                    b'\r' => b'r',
                    b'\t' => b't',
                    0x08 => b'b',
                    0x0b => b'v',
                    0x0c => b'f',
                    byte if *byte == self.delimiter => *byte,
                    byte => {
                        out.push(*byte);
                        continue;
                    }
                };
                out.extend_from_slice(&[b'\\', letter]);
            }
            return;
        }
        let is_special = |byte: &u8| [self.delimiter, self.quote, b'\n', b'\r'].contains(byte);
        if !forced && value != self.null && !value.iter().any(is_special) {
            return out.extend_from_slice(value);
        }
        out.push(self.quote);
        for byte in value {
            if *byte == self.quote || *byte == self.escape {
                out.push(self.escape);
            }
            out.push(*byte);
        }
        out.push(self.quote);
    }
}

/// Parses rows.
pub struct Rows {
    columns: SchemaRef,
    table: String,
    zone: Tz,
    style: Style,
    /// True while the first line, with the names of the columns, is expected.
    header: bool,
    /// Bytes received that are not a complete row yet.
    left: Vec<u8>,
    has_ended: bool,
    builders: Vec<StringBuilder>,
    count: usize,
    /// The number of rows before the current batch.
    before: u64,
}

impl Rows {
    pub fn new(columns: SchemaRef, table: &str, copy: &ClientCopy, zone: Tz) -> Self {
        let style = Style::of(&ClientCopy { force_quote: None, ..copy.clone() }, &columns);
        let style = style.unwrap_or_else(|_| unreachable!("no column is to stand in quotes"));
        let builders = columns.fields().iter().map(|_| StringBuilder::new()).collect();
        let (header, left, has_ended) = (copy.header, vec![], false);
        Self { columns, table: table.into(), zone, style, header, left, has_ended, builders, count: 0, before: 0 }
    }

    fn number(&self) -> u64 {
        self.before + self.count as u64 + 1
    }

    /// The end of the first line without its line break, and the start of the next; quoted CSV values may contain line breaks. `None` when
    /// the line is incomplete.
    fn line(&self, bytes: &[u8], is_last: bool) -> Option<(usize, usize)> {
        let (mut in_quotes, mut is_escaped) = (false, false);
        for (place, byte) in bytes.iter().enumerate() {
            if self.style.is_csv {
                if is_escaped {
                    is_escaped = false;
                } else if in_quotes && self.style.escape != self.style.quote && *byte == self.style.escape {
                    is_escaped = true;
                } else if *byte == self.style.quote {
                    in_quotes = !in_quotes;
                }
            } else if is_escaped {
                is_escaped = false;
                continue;
            } else if *byte == b'\\' {
                is_escaped = true;
            }
            if *byte == b'\n' && !in_quotes {
                let end = if bytes[..place].ends_with(b"\r") { place - 1 } else { place };
                return Some((end, place + 1));
            }
        }
        (is_last && !bytes.is_empty()).then_some((bytes.len(), bytes.len()))
    }

    /// Adds the row in a line.
    fn add(&mut self, line: &[u8]) -> Result<()> {
        let values = if self.style.is_csv { self.values_of_csv(line)? } else { self.values_of_text(line)? };
        let expected = self.builders.len();
        if values.len() != expected {
            let problem = format!("has {} values, and {expected} are expected", values.len());
            return Err(wrong_row(&self.table, self.number(), problem));
        }
        let number = self.number();
        for (builder, value) in self.builders.iter_mut().zip(values) {
            match value {
                Some(value) => {
                    let text = String::from_utf8(value).map_err(|_| wrong_row(&self.table, number, "is not text in UTF-8"))?;
                    builder.append_value(text);
                }
                None => builder.append_null(),
            }
        }
        self.count += 1;
        Ok(())
    }

    fn values_of_text(&self, line: &[u8]) -> Result<Vec<Option<Vec<u8>>>> {
        let (mut values, mut value, mut begin) = (vec![], vec![], 0);
        let mut place = 0;
        loop {
            let byte = line.get(place).copied();
            if byte.is_none() || byte == Some(self.style.delimiter) {
                let is_null = line[begin..place] == self.style.null[..];
                let value = std::mem::take(&mut value);
                values.push((!is_null).then_some(value));
                if byte.is_none() {
                    return Ok(values);
                }
                begin = place + 1;
            } else if byte == Some(b'\\') {
                place += 1;
                match line.get(place).copied() {
                    Some(b'n') => value.push(b'\n'),
                    Some(b'r') => value.push(b'\r'),
                    Some(b't') => value.push(b'\t'),
                    Some(b'b') => value.push(0x08),
                    Some(b'v') => value.push(0x0b),
                    Some(b'f') => value.push(0x0c),
                    Some(b'x') if line.get(place + 1).is_some_and(u8::is_ascii_hexdigit) => {
                        let digits = line[place + 1..].iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
                        value.push(number_of(&line[place + 1..place + 1 + digits], 16));
                        place += digits;
                    }
                    Some(b'0'..=b'7') => {
                        let digits = line[place..].iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
                        value.push(number_of(&line[place..place + digits], 8));
                        place += digits - 1;
                    }
                    Some(other) => value.push(other),
                    None => return Err(wrong_row(&self.table, self.number(), "ends with a backslash")),
                }
            } else if let Some(byte) = byte {
                value.push(byte);
            }
            place += 1;
        }
    }

    fn values_of_csv(&self, line: &[u8]) -> Result<Vec<Option<Vec<u8>>>> {
        let Style { delimiter, quote, escape, null, .. } = &self.style;
        let (mut values, mut value, mut was_quoted, mut in_quotes, mut place) = (vec![], vec![], false, false, 0);
        loop {
            let Some(byte) = line.get(place).copied() else {
                if in_quotes {
                    return Err(wrong_row(&self.table, self.number(), "a quote is not closed"));
                }
                let is_null = !was_quoted && value == *null;
                values.push((!is_null).then_some(value));
                return Ok(values);
            };
            let next = line.get(place + 1).copied();
            if in_quotes {
                if byte == *escape && (next == Some(*quote) || next == Some(*escape)) {
                    value.extend(next);
                    place += 1;
                } else if byte == *quote {
                    in_quotes = false;
                } else {
                    value.push(byte);
                }
            } else if byte == *delimiter {
                let is_null = !was_quoted && value == *null;
                let value = std::mem::take(&mut value);
                values.push((!is_null).then_some(value));
                was_quoted = false;
            } else if byte == *quote {
                (in_quotes, was_quoted) = (true, true);
            } else {
                value.push(byte);
            }
            place += 1;
        }
    }

    /// Parses the complete lines.
    fn lines(&mut self, is_last: bool) -> Result<()> {
        let bytes = std::mem::take(&mut self.left);
        let mut place = 0;
        while !self.has_ended
            && let Some((end, next)) = self.line(&bytes[place..], is_last)
        {
            let line = &bytes[place..place + end];
            if std::mem::take(&mut self.header) {
                // The names in the header are ignored.
            } else if line == b"\\." {
                self.has_ended = true;
            } else {
                self.add(line)?;
            }
            place += next;
        }
        self.left = bytes[place..].to_vec();
        Ok(())
    }

    fn batch(&mut self) -> Result<RecordBatch> {
        let columns = (0..self.builders.len()).map(|column| {
            let texts: ArrayRef = Arc::new(self.builders[column].finish());
            self.column(column, &texts)
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        self.before += std::mem::take(&mut self.count) as u64;
        Ok(RecordBatch::try_new(super::nullable(&self.columns), columns)?)
    }

    /// The values of a column, in its type.
    fn column(&self, column: usize, texts: &ArrayRef) -> Result<ArrayRef> {
        use datafusion::arrow::array::AsArray;

        let field = self.columns.field(column);
        let of_text = matches!(field.data_type(), DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8);
        let plain = field.data_type().is_integer() || field.data_type().is_floating() || of_text;
        if plain && let Ok(cast) = cast_with_options(texts, field.data_type(), &CastOptions { safe: false, ..Default::default() })
        {
            return Ok(cast);
        }
        let texts = texts.as_string::<i32>();
        let values = texts.iter().enumerate().map(|(row, text)| {
            let oid = seen(field).oid();
            parameter(column + 1, text.map(str::as_bytes), oid, Format::Text, Some(field), self.zone)
                .and_then(|value| value.cast_to(field.data_type()))
                .map_err(|error| {
                    let text = crate::error::message(&error);
                    let problem = text.split_once(": ").map_or(text.as_str(), |(_, problem)| problem);
                    wrong_row(&self.table, self.before + row as u64 + 1, format!("column {}: {problem}", field.name()))
                })
        });
        let values = values.collect::<Result<Vec<ScalarValue>>>()?;
        ScalarValue::iter_to_array(values)
    }
}

fn number_of(digits: &[u8], base: u32) -> u8 {
    let number = digits.iter().fold(0, |sum, digit| sum * base + char::from(*digit).to_digit(base).unwrap_or(0));
    (number & 0xff) as u8
}

impl Reader for Rows {
    fn take(&mut self, bytes: &[u8]) -> Result<Option<RecordBatch>> {
        self.left.extend_from_slice(bytes);
        self.lines(false)?;
        if self.count >= ROWS { self.batch().map(Some) } else { Ok(None) }
    }

    fn finish(&mut self) -> Result<Option<RecordBatch>> {
        self.lines(true)?;
        if self.count > 0 { self.batch().map(Some) } else { Ok(None) }
    }
}
