//! Detects the encoding, separator and header of a CSV file.

use std::collections::HashSet;

use bytes::Bytes;
use datafusion::common::Result;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::encodings;
use super::options::CsvOptions;
use super::records::{Dialect, Records, Shape, Short, unescaped};
use crate::error::invalid;
use crate::files::bytes::{LONGEST_ROW, Source};
use crate::files::kinds::other_kind;
use crate::files::values::Numbers;

/// The bytes at the beginning of a file that are examined.
const HEAD: usize = 1 << 18;
/// The most rows that are examined to find the separator.
const ROWS: usize = 200;
/// The possible separators, most likely first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
const UTF_8_MARK: &[u8] = b"\xEF\xBB\xBF";
const NOTE: &[u8] = b"sep=";

/// What is known about a file before its rows are read.
#[derive(Debug, Clone)]
pub struct Detected {
    pub source: Source,
    pub dialect: Dialect,
    /// The unique names of its columns.
    pub names: Vec<String>,
    /// The position of the first row, in bytes of the text.
    pub body: u64,
}

/// Examines the beginning of a file; `None` for an empty file.
///
/// # Errors
/// It cannot be read, is not text, or its header cannot be parsed.
pub async fn detect(source: Source, options: &CsvOptions) -> Result<Option<Detected>> {
    let mut source = source;
    source.encoding = options.encoding.filter(|encoding| *encoding != UTF_8);
    if source.encoding.is_none() {
        let raw = Source { encoding: None, ..source.clone() };
        let mut pieces = raw.pieces(0, raw.meta.size).await?;
        pieces.next(0, HEAD).await?;
        if let Some(problem) = other_kind(pieces.bytes()) {
            return Err(invalid(&source.name, problem));
        }
        let mark = Encoding::for_bom(pieces.bytes()).map(|(encoding, _)| encoding);
        source.encoding = mark.filter(|encoding| [UTF_16LE, UTF_16BE].contains(encoding));
        if source.encoding.is_none() {
            refuse_other_encodings(&source.name, pieces.bytes(), pieces.is_last())?;
        }
    }
    let mut size = HEAD;
    loop {
        let mut pieces = source.pieces(0, source.meta.size).await?;
        pieces.next(0, size).await?;
        let (text, is_last) = (pieces.bytes().clone(), pieces.is_last());
        if text.is_empty() {
            return Ok(None);
        }
        match of_head(&source, options, &text, is_last)? {
            Some(detected) => return Ok(Some(detected)),
            None if is_last => return Ok(None),
            None if size >= LONGEST_ROW => {
                let problem = format!("its first line has more than {} MB; is it a CSV file?", LONGEST_ROW >> 20);
                return Err(invalid(&source.name, problem));
            }
            None => size *= 8,
        }
    }
}

/// Rejects bytes that are not UTF-8; the error suggests what they are.
fn refuse_other_encodings(name: &str, bytes: &[u8], is_whole: bool) -> Result<()> {
    if let Some(encoding) = utf_16(bytes) {
        return Err(invalid(name, format!("is UTF-16 without a byte order mark; write encoding => '{encoding}'")));
    }
    let Err(error) = std::str::from_utf8(bytes) else { return Ok(()) };
    if error.error_len().is_none() && !is_whole {
        // A character is cut off at the end of the sample.
        return Ok(());
    }
    Err(not_utf_8(name, bytes, error.valid_up_to(), None))
}

/// The name of UTF-16 for bytes that may be such without a mark. Every second byte of Western text is 0, which is valid UTF-8.
fn utf_16(bytes: &[u8]) -> Option<&'static str> {
    let head = &bytes[..bytes.len().min(200)];
    let has_zeros = |first: usize| head.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count() > head.len() / 4;
    match (has_zeros(0), has_zeros(1)) {
        (true, false) => Some("utf-16be"),
        (false, true) => Some("utf-16le"),
        _ => None,
    }
}

/// The error for bytes that are not UTF-8 from `place` on, which is in a known line of the file, or the bytes are its beginning.
pub fn not_utf_8(name: &str, bytes: &[u8], place: usize, line: Option<usize>) -> datafusion::error::DataFusionError {
    let around = &bytes[..bytes.len().min(place + HEAD)];
    let lines_before = || around[..place.min(around.len())].iter().filter(|byte| **byte == b'\n').count();
    let line = line.unwrap_or_else(|| 1 + lines_before());
    let start = around[..place].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let sample = &around[start..];
    let (encoding, text) = encodings::guess(sample);
    // The first character that is not ASCII tells whether the encoding is the right one.
    let row = text.lines().next().unwrap_or_default();
    let cut = row.chars().position(|character| !character.is_ascii()).unwrap_or(0).saturating_sub(30);
    let shown: String = (if cut > 0 { "…" } else { "" }).chars().chain(row.chars().skip(cut).take(40)).collect();
    let problem = format!(
        "is not UTF-8, from line {line} on; it reads as '{shown}' with encoding => '{encoding}': \
         FROM read_csv('…', encoding => '{encoding}'), or OPTIONS ('encoding' '{encoding}')"
    );
    invalid(name, problem)
}

fn of_head(source: &Source, options: &CsvOptions, text: &Bytes, is_last: bool) -> Result<Option<Detected>> {
    let mut start = if text.starts_with(UTF_8_MARK) { UTF_8_MARK.len() } else { 0 };
    let line_end = line_end(&text[start..], options.quote);
    let noted = noted_separator(&text[start..]).filter(|_| options.skip == 0);
    if noted.is_some() {
        start += NOTE.len() + 1;
    }
    for _ in 0..options.skip {
        match text[start..].iter().position(|byte| *byte == line_end) {
            Some(end) => start += end + 1,
            None => return Ok(None),
        }
    }
    let text = &text[start..];
    let dialect =
        |separator| Dialect { separator, quote: options.quote, escape: options.escape, line_end, comment: options.comment };
    let separator = match options.separator.or(noted) {
        Some(separator) => separator,
        None if source.name.to_lowercase().contains(".tsv") => b'\t',
        None => separator(text, is_last, &options.reading.numbers, dialect),
    };
    let dialect = dialect(separator);
    let Some((first, used)) = first_record(text, is_last, &dialect) else { return Ok(None) };
    if !options.header {
        let names = (1..=first.len()).map(|place| format!("column{place}")).collect();
        return Ok(Some(Detected { source: source.clone(), dialect, names, body: start as u64 }));
    }
    let names = names(&source.name, first)?;
    Ok(Some(Detected { source: source.clone(), dialect, names, body: (start + used) as u64 }))
}

/// The byte that ends lines: `\r` alone in files of old programs and of Excel for Mac, which writes line breaks within quotes as `\n`.
fn line_end(text: &[u8], quote: Option<u8>) -> u8 {
    let mut is_quoted = false;
    let has_line_feed = text.iter().any(|byte| {
        is_quoted ^= Some(*byte) == quote;
        *byte == b'\n' && !is_quoted
    });
    let has_pairs = || text.windows(2).any(|pair| pair == b"\r\n");
    if has_line_feed || !text.contains(&b'\r') || has_pairs() { b'\n' } else { b'\r' }
}

/// The separator in a first line such as `sep=;`, by which programs tell it to Excel.
fn noted_separator(text: &[u8]) -> Option<u8> {
    let (note, rest) = text.split_at_checked(NOTE.len())?;
    match rest {
        [sign, b'\r' | b'\n', ..] if note.eq_ignore_ascii_case(NOTE) && !sign.is_ascii_alphanumeric() => Some(*sign),
        _ => None,
    }
}

/// The separator that divides the first rows into the same number of fields. If several do, the one with the most fields; if none does,
/// see [`fallback`].
fn separator(text: &[u8], is_last: bool, numbers: &Numbers, dialect: impl Fn(u8) -> Dialect) -> u8 {
    let even = |separator: &u8| {
        let dialect = dialect(*separator);
        let widths = widths(text, is_last, &dialect);
        let first = *widths.first()?;
        let is_even = first > 1 && widths.iter().all(|width| *width == first);
        is_even.then_some((first, *separator))
    };
    let found = SEPARATORS.iter().filter_map(even);
    // With equal widths the more likely one wins, because it comes first.
    let best = found.reduce(|best, other| if other.0 > best.0 { other } else { best });
    best.map_or_else(|| fallback(text, is_last, numbers, dialect), |(_, separator)| separator)
}

/// For rows of different lengths: the separator that occurs most in the header. One that stands within numbers is the last resort.
fn fallback(text: &[u8], is_last: bool, numbers: &Numbers, dialect: impl Fn(u8) -> Dialect) -> u8 {
    let width = |separator: u8| widths(text, is_last, &dialect(separator)).first().copied().unwrap_or(1);
    let is_of_numbers = |separator: &u8| [numbers.decimal, numbers.thousands].contains(&Some(*separator));
    let (of_numbers, others): (Vec<u8>, Vec<u8>) = SEPARATORS.into_iter().partition(is_of_numbers);
    let best = others.into_iter().chain(of_numbers).map(|separator| (width(separator), separator));
    best.reduce(|best, other| if other.0 > best.0 { other } else { best }).map_or(b',', |(_, separator)| separator)
}

/// The number of fields of each of the first rows.
fn widths(text: &[u8], is_last: bool, dialect: &Dialect) -> Vec<usize> {
    let (mut widths, mut rest) = (vec![], text);
    while widths.len() < ROWS {
        let Some((fields, used)) = first_record(rest, is_last, dialect) else { break };
        widths.push(fields.len());
        rest = &rest[used..];
    }
    widths
}

/// The fields of the first record, and the number of bytes up to its end.
fn first_record(text: &[u8], is_last: bool, dialect: &Dialect) -> Option<(Vec<Vec<u8>>, usize)> {
    // The shape is wide enough for any record, and missing fields are padded, so the record itself tells its width.
    let mut used = 0;
    loop {
        let rest = &text[used..];
        if rest.is_empty() {
            return None;
        }
        let line = record_end(rest, dialect);
        let (record, is_whole) = match line {
            Some(end) => (&rest[..end], true),
            None => (rest, is_last),
        };
        if !is_whole {
            return None;
        }
        used += record.len();
        // An empty line before the header is not one, and tells nothing of the separator.
        if record.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            continue;
        }
        let width = 1 + record.iter().filter(|byte| **byte == dialect.separator).count();
        let mut records = Records::default();
        let shape = Shape { kept: vec![true; width], short: Short::Padded };
        records.read(dialect, &shape, record, true, 1);
        if records.rows == 0 {
            if !records.ragged.is_empty() {
                return Some((vec![record.to_vec()], used));
            }
            // A comment or an empty line.
            continue;
        }
        let fields = records.width.min(width);
        let text = |field: &super::records::Field| match field.is_escaped() {
            true => unescaped(&record[field.range()], dialect),
            false => record[field.range()].to_vec(),
        };
        return Some((records.fields.iter().take(fields).map(text).collect(), used));
    }
}

/// The length of the first record, including its line end.
fn record_end(text: &[u8], dialect: &Dialect) -> Option<usize> {
    let mut records = Records::default();
    // The number of fields does not matter; only the end of the record is needed.
    let stop = records.read(dialect, &Shape { kept: vec![], short: Short::Ragged }, text, false, 0);
    (stop.consumed > 0).then_some(stop.consumed)
}

/// Unique column names: later duplicates get a number.
fn names(file: &str, fields: Vec<Vec<u8>>) -> Result<Vec<String>> {
    let mut names = vec![];
    for (place, field) in fields.into_iter().enumerate() {
        let name = String::from_utf8(field).map_err(|_| invalid(file, "its header is not UTF-8; name its encoding => '…'"))?;
        let name = name.trim();
        names.push(if name.is_empty() { format!("column{}", place + 1) } else { name.to_string() });
    }
    // The numbered names must not clash with names in the file either.
    let own: HashSet<String> = names.iter().cloned().collect();
    let mut taken = HashSet::new();
    for name in &mut names {
        if taken.insert(name.clone()) {
            continue;
        }
        let numbered = (1..).map(|number| format!("{name}_{number}"));
        let free = numbered.into_iter().find(|numbered| !own.contains(numbered) && !taken.contains(numbered));
        *name = free.unwrap_or_default();
        taken.insert(name.clone());
    }
    Ok(names)
}
