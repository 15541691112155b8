//! Reads the cells of an Excel sheet.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use calamine::{DataRef, ExcelDateTime, Reader, SheetVisible, Xlsx, XlsxError};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;

use super::options::{ExcelOptions, cell_name};
use crate::error::{SqlState, coded, did_you_mean, failed, invalid};
use crate::files::times::{DAY, days, time};

/// The number of cells after which memory is reserved and cancellation is checked.
const BATCH: usize = 1 << 14;
/// The most entries of the workbook's ZIP archive that are examined.
const MOST_PARTS: usize = 1 << 16;

/// How files that are called workbooks begin, and what they are.
const OTHERS: [(&[u8], &str); 2] = [
    (b"\xD0\xCF\x11\xE0", "is an old Excel workbook (.xls), or one with a password; save it as .xlsx without one, or as .csv"),
    (b"<", "is a page of HTML or XML that is called a workbook; open it in Excel and save it as .xlsx"),
];
const OPEN_DOCUMENT: &[u8] = b"application/vnd.oasis.opendocument";

/// What stands for the value of a formula that was not computed.
pub const NO_VALUE: &str = "#NO_VALUE!";

/// The value of a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Number(f64),
    /// A number in a cell formatted as text or as an identifier, and the text that Excel shows.
    Written(f64, String),
    Text(String),
    Boolean(bool),
    /// Local time, in microseconds since 1970.
    Time(i64),
    /// A duration in milliseconds.
    Span(i64),
    /// The error of a formula, such as `#N/A`.
    Failed(String),
}

/// A sheet, restricted to the requested range.
#[derive(Debug)]
pub struct Sheet {
    pub name: String,
    /// The non-empty cells, sorted by row and column.
    pub cells: Vec<((u32, u32), Value)>,
    /// Merged areas, each by its first and last cell.
    pub merged: Vec<((u32, u32), (u32, u32))>,
    /// The other visible sheets that have cells, if none was asked for.
    pub others: Vec<String>,
}

/// Set when dropped, to tell the reading thread that nobody waits for its result any more.
pub struct GivenUp(pub Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reads a sheet. This blocks the thread.
///
/// # Errors
/// It is not a workbook, has no such sheet, or is too large.
pub fn read(
    name: &str,
    bytes: Bytes,
    options: &ExcelOptions,
    memory: &MemoryReservation,
    given_up: &AtomicBool,
) -> Result<Sheet> {
    let damaged = |error: &dyn std::fmt::Display| {
        coded(SqlState::BAD_COPY_FILE_FORMAT, name, format!("cannot be read as an Excel workbook: {error}"))
    };
    if let Some((_, problem)) = OTHERS.iter().find(|(beginning, _)| bytes.starts_with(beginning)) {
        return Err(coded(SqlState::BAD_COPY_FILE_FORMAT, name, *problem));
    }
    // A small archive may unpack to gigabytes, so memory is reserved first.
    let unpacked = unpacked_size(&bytes).ok_or_else(|| match bytes.starts_with(b"PK") {
        true => damaged(&"it is cut off; copy or download it again"),
        false => damaged(&"it is not a ZIP archive; is it an .xls, a CSV or an encrypted file?"),
    })?;
    // The first entry of the archive of a sheet in this format says what it is.
    if bytes.windows(OPEN_DOCUMENT.len()).take(100).any(|place| place == OPEN_DOCUMENT) {
        return Err(coded(SqlState::BAD_COPY_FILE_FORMAT, name, "is an OpenDocument sheet (.ods); save it as .xlsx or .csv"));
    }
    let size = usize::try_from(unpacked).unwrap_or(usize::MAX).saturating_add(bytes.len());
    memory.try_grow(size).map_err(|_| too_large(name, size))?;
    let mut book = Xlsx::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    let names = book.sheet_names();
    let chosen = match &options.sheet {
        Some(sheet) => match names.iter().find(|known| known.eq_ignore_ascii_case(sheet)) {
            Some(found) => vec![found.clone()],
            None => {
                let suggestion = did_you_mean(sheet, names.iter().map(String::as_str));
                let problem = format!("has no sheet {sheet}{suggestion}; it has {}", names.join(", "));
                return Err(invalid(name, problem));
            }
        },
        None => {
            let is_visible = |sheet: &&calamine::Sheet| sheet.visible == SheetVisible::Visible;
            let visible: Vec<String> = book.sheets_metadata().iter().filter(is_visible).map(|sheet| sheet.name.clone()).collect();
            // What somebody hid is not what they meant to show; it is read by its name.
            if visible.is_empty() { names } else { visible }
        }
    };
    for (number, sheet) in chosen.iter().enumerate() {
        let mut cells: Vec<((u32, u32), Value)> = vec![];
        let mut patterns: HashMap<(u32, u32), String> = HashMap::new();
        // A pass of its own, because the library tells either the formula of a cell or its format; most workbooks need none.
        if let Ok(mut reader) = book.worksheet_cells_reader(sheet) {
            let of_style = |style: &calamine::Style| style.number_format.as_ref().and_then(|format| pattern(&format.format_code));
            let styles: Vec<Option<String>> = reader.styles().iter().map(of_style).collect();
            while styles.iter().any(Option::is_some)
                && let Some((row, column, style)) = reader.next_style_id().map_err(|error| damaged(&error))?
            {
                if let Some(Some(pattern)) = styles.get(style)
                    && options.range.has((row, column))
                {
                    patterns.insert((row, column), pattern.clone());
                    if patterns.len().is_multiple_of(BATCH) {
                        memory.try_grow(BATCH * 4 * size_of::<String>()).map_err(|_| too_large(name, memory.size()))?;
                        if given_up.load(Ordering::Relaxed) {
                            return Err(failed(name, "is no longer read"));
                        }
                    }
                }
            }
        }
        let mut reader = match book.worksheet_cells_reader(sheet) {
            Ok(reader) => reader,
            // A chart sheet has no cells.
            Err(XlsxError::NotAWorksheet(kind)) if options.sheet.is_none() && kind != "worksheet" => continue,
            Err(error) => return Err(damaged(&error)),
        };
        let mut seen = 0;
        while let Some(cell) = reader.next_cell_with_formula_metadata().map_err(|error| damaged(&error))? {
            seen += 1;
            if seen % BATCH == 0 {
                memory.try_grow(BATCH * 2 * size_of::<((u32, u32), Value)>()).map_err(|_| too_large(name, memory.size()))?;
                if given_up.load(Ordering::Relaxed) {
                    return Err(failed(name, "is no longer read"));
                }
            }
            if !options.range.has(cell.pos) {
                continue;
            }
            let value = match (&cell.value, cell.formula) {
                // Programs that write workbooks without computing them leave the values to Excel.
                (DataRef::Empty, Some(_)) => Some(Value::Failed(NO_VALUE.into())),
                (value, _) => {
                    of_cell(value).map_err(|problem| invalid(name, format!("{sheet}!{}: {problem}", cell_name(cell.pos))))?
                }
            };
            let value = match (value, patterns.get(&cell.pos)) {
                (Some(Value::Number(number)), Some(pattern)) => Some(patterned(number, pattern)),
                (value, _) => value,
            };
            cells.extend(value.map(|value| (cell.pos, value)));
        }
        drop(reader);
        if cells.is_empty() && options.sheet.is_none() {
            continue;
        }
        // The file may store cells in any order.
        cells.sort_by_key(|(place, _)| *place);
        if let Some(pair) = cells.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(damaged(&format!("the cell {} occurs twice", cell_name(pair[0].0))));
        }
        let merged = book.merge_cells_by_sheet_name(sheet).map_err(|error| damaged(&error))?;
        let merged = merged.into_iter().map(|area| (area.start, area.end)).collect();
        let mut others = vec![];
        for other in &chosen[number + 1..] {
            let first = book
                .worksheet_cells_reader(other)
                .ok()
                .map(|mut reader| reader.next_cell_with_formula_metadata().is_ok_and(|cell| cell.is_some()));
            if first == Some(true) {
                others.push(other.clone());
            }
        }
        return Ok(Sheet { name: sheet.clone(), cells, merged, others });
    }
    Err(invalid(name, "has no sheet with a non-empty cell"))
}

fn too_large(name: &str, bytes: usize) -> DataFusionError {
    let problem = format!(
        "out of memory: a workbook is read as a whole, and this one takes over {} MB; save the sheet as CSV, or raise --memory-limit",
        bytes >> 20
    );
    coded(SqlState::OUT_OF_MEMORY, name, problem)
}

/// The value of a cell; `None` for an empty cell.
fn of_cell(cell: &DataRef<'_>) -> Result<Option<Value>, String> {
    Ok(Some(match cell {
        DataRef::Empty => return Ok(None),
        DataRef::Int(number) => Value::Number(*number as f64),
        DataRef::Float(number) => Value::Number(*number),
        DataRef::SharedString("") => return Ok(None),
        DataRef::String(text) if text.is_empty() => return Ok(None),
        DataRef::String(text) | DataRef::DurationIso(text) => Value::Text(text.clone()),
        DataRef::SharedString(text) => Value::Text((*text).to_string()),
        DataRef::Bool(flag) => Value::Boolean(*flag),
        DataRef::DateTimeIso(text) => match time(text.as_bytes()) {
            Some(time) => Value::Time(time.microseconds()),
            None => Value::Text(text.clone()),
        },
        DataRef::DateTime(time) => time_value(time)?,
        DataRef::Error(error) => Value::Failed(error.to_string()),
    }))
}

/// What a number format that stands for a text or an identifier shows: `@` for the number as it is, else zeros for its digits among signs,
/// such as `00000` or `000-00-0000`. `None` for the formats of quantities.
fn pattern(code: &str) -> Option<String> {
    let code = code.split(';').next()?.trim();
    // A language before the pattern changes nothing about digits.
    let code = code.strip_prefix("[$-").and_then(|rest| rest.split_once(']')).map_or(code, |(_, rest)| rest);
    let plain = code.replace(['\\', '"'], "");
    let is_identifier = plain.bytes().filter(|byte| *byte == b'0').count() > 1
        && plain.chars().all(|letter| matches!(letter, '0' | '-' | ' ' | '/' | '(' | ')'));
    (plain == "@" || is_identifier).then_some(plain)
}

/// A number with the text that a pattern shows.
fn patterned(number: f64, pattern: &str) -> Value {
    if pattern == "@" {
        return Value::Written(number, number.to_string());
    }
    // Beyond this, not every digit is exact.
    if number.fract() != 0.0 || !(0.0..9_007_199_254_740_992.0).contains(&number) {
        return Value::Number(number);
    }
    let width = pattern.bytes().filter(|byte| *byte == b'0').count();
    let digits = format!("{:0width$}", number as u64);
    // Digits beyond the zeros stand before the first of them.
    let (before, digits) = digits.split_at(digits.len() - width);
    let (mut digits, mut is_first) = (digits.chars(), true);
    let mut text = String::new();
    for letter in pattern.chars() {
        if letter != '0' {
            text.push(letter);
            continue;
        }
        if std::mem::take(&mut is_first) {
            text.push_str(before);
        }
        text.extend(digits.next());
    }
    Value::Written(number, text)
}

fn time_value(time: &ExcelDateTime) -> Result<Value, String> {
    const MILLISECONDS: f64 = 86_400_000.0;
    let serial = time.as_f64();
    if !serial.is_finite() || !(-3_000_000.0..3_000_000.0).contains(&serial) {
        return Err(format!("{serial} is not a date"));
    }
    // A time of day without a date.
    if time.is_duration() || (0.0..1.0).contains(&serial) {
        return Ok(Value::Span((serial * MILLISECONDS).round() as i64));
    }
    let (year, month, day, hour, minute, second, millisecond) = time.to_ymd_hms_milli();
    // Excel has a 29 February 1900, which did not exist.
    let day =
        days(year.into(), month.into(), day.into()).filter(|_| serial >= 0.0).ok_or_else(|| format!("{serial} is not a date"))?;
    let of_day = ((i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second)) * 1000 + i64::from(millisecond);
    Ok(Value::Time(i64::from(day) * DAY + of_day * 1000))
}

/// The total unpacked size of a ZIP archive, according to its central directory (APPNOTE.TXT 4.3.12, 4.3.16).
fn unpacked_size(bytes: &[u8]) -> Option<u64> {
    let short = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let long = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let tail = bytes.len().saturating_sub(22 + 0xFFFF);
    let end = tail + bytes[tail..].windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let mut at = long(end + 16)? as usize;
    let mut total = 0_u64;
    for _ in 0..MOST_PARTS {
        if bytes.get(at..at + 4)? != b"PK\x01\x02" {
            break;
        }
        total = total.saturating_add(u64::from(long(at + 24)?));
        at += 46 + usize::from(short(at + 28)?) + usize::from(short(at + 30)?) + usize::from(short(at + 32)?);
    }
    Some(total)
}

/// The error for a thread that panicked: the library that reads workbooks does not validate everything.
pub fn panicked(name: &str) -> DataFusionError {
    failed(name, "cannot be read as an Excel workbook: it is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_keep_their_zeros() {
        for (code, number, text) in [
            ("00000", 501.0, "00501"),
            ("00000;@", 501.0, "00501"),
            ("[$-409]00000", 501.0, "00501"),
            ("000\\-00\\-0000", 12_345_678.0, "012-34-5678"),
            ("(00) \"-\"000", 1_234_567.0, "(1234) -567"),
            ("@", 1.5, "1.5"),
        ] {
            let written = pattern(code).map(|pattern| patterned(number, &pattern));
            assert_eq!(written, Some(Value::Written(number, text.into())), "{code}");
        }
        for code in ["General", "0", "0.00", "#,##0", "0%", "yyyy-mm-dd", "[<=9999999]000-0000;000", ""] {
            assert_eq!(pattern(code), None, "{code}");
        }
        assert_eq!(patterned(-1.0, "000"), Value::Number(-1.0));
    }
}
