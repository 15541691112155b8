//! Scans the objects of JSON files.

use std::sync::Arc;

use datafusion::arrow::datatypes::Fields;
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use super::decode::{Found, Members, Misfit, Problem, path};
use super::detect::{Detected, Framing};
use super::options::JsonOptions;
use super::tokens::{Cursor, Marks, Wrong};
use super::within::leave;
use crate::error::{SqlState, coded};
use crate::files::bytes::Source;
use crate::files::pieces::{Decoded, Decoder, Here, TextFiles};
use crate::files::policy::Policy;
use crate::files::table::{Part, Scan};
use crate::files::values::what_to_declare;
use crate::text::{sql_type, written_name};

/// The JSON files of a table.
#[derive(Debug)]
pub struct JsonRows {
    pub files: Vec<Detected>,
    /// The columns of the files.
    pub fields: Fields,
    pub options: JsonOptions,
    /// Whether the columns were declared; then other names are ignored.
    pub is_declared: bool,
}

impl TextFiles for JsonRows {
    type Decoder = JsonDecoder;

    const NAME: &'static str = "JsonExec";

    fn source(&self, file: usize) -> &Source {
        &self.files[file].source
    }

    fn line_end(&self, _file: usize) -> u8 {
        b'\n'
    }

    fn misfits(&self) -> Policy {
        self.options.misfits
    }

    fn decoder(self: Arc<Self>, scan: Arc<Scan>) -> Result<JsonDecoder> {
        // Whether a row is skipped must not depend on the projection.
        let asked = (self.options.misfits != Policy::Skip).then_some(scan.projection.as_slice());
        let columns = Members::new(&self.fields, asked)?;
        let is_guessed = !self.is_declared && self.options.types.is_empty();
        let found = Found::new(self.is_declared || self.options.misfits == Policy::Null, is_guessed);
        Ok(JsonDecoder { columns, found, file: 0, marks: Marks::default(), list: List::Begun, is_end: false, rows: self })
    }
}

/// The position within a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    /// An object or the end of the list comes next.
    Begun,
    /// A comma or the end of the list comes next.
    AfterObject,
    Ended,
}

/// Decodes objects into columns.
pub struct JsonDecoder {
    rows: Arc<JsonRows>,
    columns: Members,
    found: Found,
    /// The current file, and whether the current part ends with it.
    file: usize,
    is_end: bool,
    marks: Marks,
    list: List,
}

/// An error in the JSON text, or a value that does not fit.
pub enum Fault {
    Wrong(Wrong),
    Misfit(Misfit),
}

impl JsonDecoder {
    fn file(&self) -> &Detected {
        &self.rows.files[self.file]
    }
}

impl Decoder for JsonDecoder {
    type Fault = Fault;

    fn begin(&mut self, part: &Part, is_end: bool) {
        (self.file, self.is_end, self.list) = (part.file, is_end, List::Begun);
    }

    fn memory(&self, piece: usize) -> usize {
        // An estimate of the size of the decoded values.
        piece * 2
    }

    fn look_at(&mut self, piece: &[u8]) {
        self.marks.mark(piece);
    }

    fn take(&mut self, here: Here<'_>, most: usize) -> Result<usize, Fault> {
        let Here { bytes, start, is_last } = here;
        let framing = self.file().framing;
        let whole = match framing {
            // All objects up to the last line end are complete.
            Framing::Lines if !is_last => bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1),
            _ => bytes.len(),
        };
        let mut cursor = Cursor::with_marks(&bytes[..whole], &self.marks, start);
        let mut consumed = 0;
        while self.found.row < most {
            let Some(next) = cursor.peek() else { return Ok(whole) };
            let depth = self.file().depth;
            if self.list == List::Ended && depth > 0 {
                if is_last {
                    leave(&mut cursor, depth).map_err(Fault::Wrong)?;
                    return Ok(whole);
                }
                return Ok(consumed);
            }
            if framing == Framing::List {
                match (self.list, next) {
                    (List::Ended, _) => return Err(Fault::Wrong(cursor.wrong("something after the end of the list"))),
                    (List::AfterObject, b',') => {
                        cursor.at += 1;
                        self.list = List::Begun;
                        // After a comma there must be an object.
                        match cursor.peek() {
                            Some(b']') => return Err(Fault::Wrong(cursor.wrong("a comma before the end of the list"))),
                            Some(_) => {}
                            None => return Ok(whole),
                        }
                    }
                    (_, b']') => {
                        cursor.at += 1;
                        self.list = List::Ended;
                        consumed = cursor.at;
                        continue;
                    }
                    (List::AfterObject, _) => return Err(Fault::Wrong(cursor.wrong("a comma or ] is missing"))),
                    (List::Begun, _) => {}
                }
            }
            consumed = cursor.at;
            object(&mut cursor).map_err(Fault::Wrong)?;
            // Decoding a truncated object would leave some columns longer than others, so check first that it is complete.
            if framing != Framing::Lines && !is_last && cursor.clone().skip().is_err() {
                return Ok(consumed);
            }
            self.columns.add(&mut cursor, &mut self.found).map_err(Fault::Wrong)?;
            self.found.row += 1;
            self.list = List::AfterObject;
            consumed = cursor.at;
        }
        Ok(consumed)
    }

    fn decoded(&mut self, _here: Here<'_>) -> Result<Decoded<Fault>> {
        let arrays = self.columns.finish(&mut self.found)?.into_iter().collect();
        let rows = std::mem::take(&mut self.found.row);
        let mut misfits = std::mem::take(&mut self.found.misfits);
        misfits.sort_by_key(|misfit| (misfit.row, misfit.at));
        let misfits = misfits.into_iter().map(|misfit| (misfit.row, Fault::Misfit(misfit))).collect();
        Ok(Decoded { rows, arrays, skipped: 0, misfits })
    }

    fn end(&self) -> Option<Fault> {
        let is_open = self.file().framing == Framing::List && self.is_end && self.list != List::Ended;
        is_open.then_some(Fault::Wrong(Wrong { at: 0, problem: "the file ends within its list: a ] is missing" }))
    }

    fn endless(&self) -> Fault {
        Fault::Wrong(Wrong { at: 0, problem: "an object of over 64 MB; is a bracket or a quote not closed?" })
    }

    fn place(&self, fault: &Fault) -> usize {
        match fault {
            Fault::Wrong(wrong) => wrong.at,
            Fault::Misfit(misfit) => misfit.at,
        }
    }

    fn error(&self, here: Here<'_>, line: usize, fault: Fault) -> DataFusionError {
        match fault {
            Fault::Wrong(wrong) => no_json(self.file(), line, &wrong, here.bytes),
            Fault::Misfit(misfit) => self.misfit(line, &misfit, here.bytes),
        }
    }
}

impl JsonDecoder {
    /// The error for a value that does not fit its column.
    fn misfit(&self, line: usize, misfit: &Misfit, bytes: &[u8]) -> DataFusionError {
        let (rows, file) = (&self.rows, self.file());
        let mut value = Cursor::new(bytes);
        value.at = misfit.at.min(bytes.len());
        let raw = value.raw().unwrap_or(misfit.at..bytes.len());
        let shown: String = String::from_utf8_lossy(&bytes[raw]).chars().take(60).collect();
        let path = object_around(bytes, misfit.row, file.framing, misfit.at)
            .map(|(start, object)| path(object, misfit.at - start))
            .unwrap_or_default();
        let column = path.split(['.', '[']).next().unwrap_or_default();
        let problem = match &misfit.problem {
            Problem::Twice(name) => {
                format!("line {line}: an object has {name} twice; its meaning is ambiguous; correct the file")
            }
            Problem::New(name) => format!(
                "line {line}: the objects from which the columns were taken do not have the name {name}; write sample => 'all' to take the columns from all objects, misfits => 'null' to ignore unknown names, or declare the columns"
            ),
            Problem::Type(data_type) if data_type.is_string() => format!(
                "line {line}: {path} has a text that cannot be decoded, {shown}, such as half of a surrogate pair, or text in another encoding than UTF-8 (iconv -f gb18030 -t utf-8 converts a file); correct it, or see misfits => 'skip' or 'null'"
            ),
            Problem::Type(data_type) => {
                let advice = if rows.is_declared
                    || rows.options.types.iter().any(|(name, _)| name.to_lowercase() == column.to_lowercase())
                {
                    what_to_declare(shown.trim_matches('"').as_bytes(), data_type).to_string()
                } else {
                    let name = written_name(column);
                    format!(
                        "the type was taken from pieces of the file; write types => '{name} VARCHAR' (in a statement OPTIONS ('types' …)), \
                         sample => 'all' to look at all rows first, or misfits => 'skip' or 'null'"
                    )
                };
                format!("line {line}: {path} is {}, but {shown} is not; {advice}", sql_type(data_type))
            }
        };
        coded(SqlState::INVALID_TEXT_REPRESENTATION, &file.source.name, problem)
    }
}

/// The object of a row, and its position.
fn object_around(bytes: &[u8], row: usize, framing: Framing, at: usize) -> Option<(usize, &[u8])> {
    let mut cursor = Cursor::new(bytes);
    for _ in 0..=row {
        while cursor.peek().is_some_and(|byte| framing == Framing::List && byte == b',') {
            cursor.at += 1;
        }
        let object = cursor.raw().ok()?;
        if object.contains(&at) {
            return Some((object.start, &bytes[object]));
        }
    }
    None
}

/// Goes to the object that comes next.
///
/// # Errors
/// Another value comes next, or none.
pub fn object(cursor: &mut Cursor<'_>) -> Result<(), Wrong> {
    if cursor.peek() == Some(b'{') {
        return Ok(());
    }
    cursor.begins()?;
    Err(cursor.wrong("a value where an object is expected; its names would be the columns"))
}

/// The error for invalid JSON.
pub fn no_json(file: &Detected, line: usize, wrong: &Wrong, bytes: &[u8]) -> DataFusionError {
    let at = wrong.at.min(bytes.len());
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1).max(at.saturating_sub(30));
    let rest = String::from_utf8_lossy(&bytes[start..]);
    let shown: String = rest.lines().next().unwrap_or_default().trim_start().chars().take(60).collect();
    let near = if shown.is_empty() { String::new() } else { format!(", near {shown}") };
    coded(SqlState::BAD_COPY_FILE_FORMAT, &file.source.name, format!("line {line}: {}{near}", wrong.problem))
}
