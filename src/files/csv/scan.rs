//! Scans the rows of CSV files.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use super::columns::{Misfit, Texts};
use super::detect::{Detected, not_utf_8};
use super::options::CsvOptions;
use super::records::{Field, Problem, Ragged, Records, Shape};
use crate::error::{SqlState, coded};
use crate::files::bytes::{LONGEST_ROW, Source};
use crate::files::pieces::{Decoded, Decoder, Here, TextFiles};
use crate::files::policy::Policy;
use crate::files::table::{Part, Scan};
use crate::files::values::{is_written_number, what_to_declare};
use crate::text::{sql_type, written_name};

/// A CSV file of a table.
#[derive(Debug)]
pub struct CsvFile {
    pub detected: Detected,
    /// For each of the file's columns, the column of the table.
    pub columns: Vec<Option<usize>>,
}

/// The CSV files of a table.
#[derive(Debug)]
pub struct CsvRows {
    pub files: Vec<CsvFile>,
    pub options: CsvOptions,
    /// For each column, whether its type was declared rather than inferred.
    pub is_declared: Vec<bool>,
    /// What to tell the user about the files.
    pub note: Option<String>,
}

impl TextFiles for CsvRows {
    type Decoder = CsvDecoder;

    const NAME: &'static str = "CsvExec";

    fn source(&self, file: usize) -> &Source {
        &self.files[file].detected.source
    }

    fn line_end(&self, file: usize) -> u8 {
        self.files[file].detected.dialect.line_end
    }

    fn misfits(&self) -> Policy {
        self.options.misfits
    }

    fn note(&self) -> Option<String> {
        self.note.clone()
    }

    fn decoder(self: Arc<Self>, scan: Arc<Scan>) -> Result<CsvDecoder> {
        let shape = Shape { kept: vec![], short: self.options.short() };
        Ok(CsvDecoder { rows: self, scan, file: 0, shape, records: Records::default(), open_quote: None })
    }
}

/// Decodes records into columns.
pub struct CsvDecoder {
    rows: Arc<CsvRows>,
    scan: Arc<Scan>,
    /// The current file, and the shape of its records.
    file: usize,
    shape: Shape,
    records: Records,
    /// The position of an unclosed quote in the current bytes.
    open_quote: Option<usize>,
}

/// What is wrong with a record or a value.
pub enum Fault {
    Endless,
    Ragged(Ragged),
    /// A value that does not fit, with the position of its record and its column in the table.
    Misfit {
        start: usize,
        column: usize,
        misfit: Misfit,
    },
}

impl CsvDecoder {
    fn file(&self) -> &CsvFile {
        &self.rows.files[self.file]
    }
}

impl Decoder for CsvDecoder {
    type Fault = Fault;

    fn begin(&mut self, part: &Part, _is_end: bool) {
        self.file = part.file;
        // Whether a row is skipped must not depend on the projection.
        let reads_all = self.rows.options.misfits == Policy::Skip;
        let is_read = |column: &Option<usize>| column.is_some_and(|column| reads_all || self.scan.projection.contains(&column));
        self.shape.kept = self.file().columns.iter().map(is_read).collect();
    }

    fn memory(&self, _piece: usize) -> usize {
        // The positions of the fields.
        self.records.fields.capacity() * size_of::<Field>()
    }

    fn take(&mut self, here: Here<'_>, most: usize) -> Result<usize, Fault> {
        let rows = Arc::clone(&self.rows);
        self.records.clear();
        let stop = self.records.read(&rows.files[self.file].detected.dialect, &self.shape, here.bytes, here.is_last, most);
        self.open_quote = stop.open_quote;
        match self.records.ragged.first() {
            Some(ragged) if stop.consumed > 0 && rows.options.ragged != Policy::Skip => Err(Fault::Ragged(ragged.clone())),
            _ => Ok(stop.consumed),
        }
    }

    fn decoded(&mut self, here: Here<'_>) -> Result<Decoded<Fault>> {
        let (options, file) = (&self.rows.options, self.file());
        let (rows, skipped) = (self.records.rows, self.records.ragged.len());
        let (mut arrays, mut misfits) = (HashMap::new(), vec![]);
        let kept: Vec<usize> = (0..self.shape.kept.len()).filter(|column| self.shape.kept[*column]).collect();
        for (slot, column) in kept.iter().enumerate().filter(|_| rows > 0) {
            let Some(column) = file.columns[*column] else { continue };
            let (fields, width) = (&self.records.fields, kept.len());
            let texts = Texts { bytes: here.bytes, fields, width, place: slot, dialect: &file.detected.dialect };
            let mut found = vec![];
            let data_type = self.scan.layout.schema.field(column).data_type();
            let is_guessed = self.rows.is_declared.get(column) != Some(&true);
            let array = options.reading.array(&texts, data_type, is_guessed, &mut found)?;
            arrays.insert(column, array);
            misfits.extend(found.into_iter().map(|misfit| {
                let start = self.records.starts.get(misfit.row).map_or(0, |start| *start as usize);
                (misfit.row, Fault::Misfit { start, column, misfit })
            }));
        }
        Ok(Decoded { rows, arrays, skipped, misfits })
    }

    fn endless(&self) -> Fault {
        Fault::Endless
    }

    fn place(&self, fault: &Fault) -> usize {
        match fault {
            Fault::Endless => self.open_quote.unwrap_or(0),
            Fault::Ragged(ragged) => ragged.range.start,
            Fault::Misfit { start, .. } => *start,
        }
    }

    fn error(&self, here: Here<'_>, line: usize, fault: Fault) -> DataFusionError {
        match fault {
            Fault::Endless => self.endless_row(line),
            Fault::Ragged(ragged) => {
                ragged_row(self.file(), line, &ragged, &here.bytes[ragged.range.clone()], self.rows.options.ragged)
            }
            Fault::Misfit { start, column, misfit } => {
                self.misfit(line, column, &misfit, here.bytes.get(start..).unwrap_or_default())
            }
        }
    }
}

impl CsvDecoder {
    /// The error for a value that does not fit its column; its record begins `bytes`.
    fn misfit(&self, line: usize, column: usize, misfit: &Misfit, bytes: &[u8]) -> DataFusionError {
        let (file, field) = (self.file(), self.scan.layout.schema.field(column));
        if field.data_type() == &DataType::Utf8View {
            let place = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
            return not_utf_8(&file.detected.source.name, bytes, place, Some(line));
        }
        let (name, data_type) = (field.name(), sql_type(field.data_type()));
        let shown: String = misfit.text.chars().take(60).collect();
        let advice = if self.rows.is_declared.get(column) == Some(&true) {
            match is_written_number(&misfit.text, field.data_type()) {
                true => "say how numbers are written with decimal, thousands, currency, percent or parentheses, declare another type, \
                         or see misfits => 'skip' or 'null'"
                    .to_string(),
                false => what_to_declare(misfit.text.as_bytes(), field.data_type()).to_string(),
            }
        } else {
            format!(
                "the type was guessed from pieces of the file; write types => '{} VARCHAR' (in a statement OPTIONS ('types' …)), sample => 'all' to look at all rows first, or misfits => 'skip' or 'null'",
                written_name(name)
            )
        };
        let problem = format!("line {line}: {name} is {data_type}, but '{shown}' is not; {advice}");
        coded(SqlState::INVALID_TEXT_REPRESENTATION, &file.detected.source.name, problem)
    }

    /// The error for a record that does not end.
    fn endless_row(&self, line: usize) -> DataFusionError {
        let problem = match self.open_quote.is_some() {
            true => format!(
                "line {line}: a quote is not closed, so that everything after it would be one value; correct it, or write quote => '' if quotes mean nothing in this file"
            ),
            false => format!("line {line}: a row of over {} MB; is it a CSV file?", LONGEST_ROW >> 20),
        };
        coded(SqlState::BAD_COPY_FILE_FORMAT, &self.file().detected.source.name, problem)
    }
}

/// The error for a record with the wrong number of fields or wrong quotes.
fn ragged_row(file: &CsvFile, line: usize, ragged: &Ragged, text: &[u8], policy: Policy) -> DataFusionError {
    let width = file.columns.len();
    let shown: String = String::from_utf8_lossy(text).chars().take(80).collect();
    let problem = match ragged.problem {
        Problem::AfterQuote(column) => {
            let name = file.detected.names.get(column).map_or("a field", String::as_str);
            format!(
                "line {line}: {name} goes on after its closing quote: {shown}; quotes within quotes are doubled, or declared with escape => '\\'"
            )
        }
        Problem::Fields(found) => {
            let separator = file.detected.dialect.separator as char;
            let shown_separator = separator.escape_default().to_string();
            let has_space = shown.contains(&format!("{separator} \""));
            let cause = if has_space {
                format!(
                    "; a quote after a space is part of the text, and a {shown_separator} after it separates fields: remove the spaces before quotes"
                )
            } else if width == 1 {
                format!("; if the lines above it are a title, leave them out with skip => {}", line - 1)
            } else {
                String::new()
            };
            let fields = if found == 1 { "field" } else { "fields" };
            if policy == Policy::Null {
                // `pad` cannot help with fields that are too many.
                format!(
                    "line {line} has {found} {fields}, and the header {width}, separated by '{shown_separator}': {shown}{cause}; put a field that contains {shown_separator} in double quotes, or leave such lines out with ragged => 'skip'; 'pad' adds missing fields only"
                )
            } else {
                format!(
                    "line {line} has {found} {fields}, and the header {width}, separated by '{shown_separator}': {shown}{cause}; correct the line, or see ragged => 'skip' or 'pad', and separator => '…'"
                )
            }
        }
    };
    coded(SqlState::BAD_COPY_FILE_FORMAT, &file.detected.source.name, problem)
}
