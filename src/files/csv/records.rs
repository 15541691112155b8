//! Finds records and fields in bytes, 64 at a time.
//!
//! Only four bytes have a meaning in a CSV file: the separator, the quote, the line end and, if declared, the escape. SIMD instructions
//! mark them in a block of 64 bytes, and the state machine below looks only at the marked bytes. As in RFC 4180, a quote opens a quoted
//! field only as the field's first byte; elsewhere outside quotes it is an ordinary character.

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch, prelude::*, u8x64};

/// The bytes per block.
const BLOCK: usize = 64;
/// The byte order mark. In the middle of a file it is left from the beginning of a file that was appended to another, and no part of a value.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The format of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The byte between fields.
    pub separator: u8,
    /// The byte around a field that contains separators or line ends; doubled, it stands for itself.
    pub quote: Option<u8>,
    /// The byte within quotes after which any character stands for itself.
    pub escape: Option<u8>,
    /// The last byte of a line: `\n`, with or without `\r` before it, or `\r` alone.
    pub line_end: u8,
    /// Lines that begin with this byte are skipped.
    pub comment: Option<u8>,
}

impl Dialect {
    /// True when the record that begins at this position is a comment.
    fn is_comment(&self, bytes: &[u8], record: usize) -> bool {
        self.comment.is_some() && bytes.get(record).copied() == self.comment
    }
}

/// The position of a field's text, and whether the field was quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    start: u32,
    /// The two highest bits are flags: quoted, and contains doubled quotes or escapes.
    end: u32,
}

const QUOTED: u32 = 1 << 31;
const ESCAPED: u32 = 1 << 30;
const PLACE: u32 = ESCAPED - 1;

impl Field {
    /// The position of its text, without the quotes around it.
    pub fn range(self) -> Range<usize> {
        self.start as usize..(self.end & PLACE) as usize
    }

    /// True for a quoted field. An empty quoted field is an empty string rather than NULL.
    pub fn is_quoted(self) -> bool {
        self.end & QUOTED != 0
    }

    /// True when its text contains doubled quotes or escapes.
    pub fn is_escaped(self) -> bool {
        self.end & ESCAPED != 0
    }
}

/// A record with the wrong number of fields or wrong quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ragged {
    /// The position of the record.
    pub range: Range<usize>,
    pub problem: Problem,
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// It has this number of fields, which is not that of the header.
    Fields(usize),
    /// Text follows the closing quote of this field (from 0).
    AfterQuote(usize),
}

/// What to do with a record that has fewer fields than there are columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// It counts as [`Ragged`].
    Ragged,
    /// The missing fields are empty.
    Padded,
}

/// Where parsing stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The number of bytes in complete records.
    pub consumed: usize,
    /// The position of an unclosed quote, if the bytes end within quotes.
    pub open_quote: Option<usize>,
}

/// The records found, as a matrix of the fields that are kept.
#[derive(Debug, Default)]
pub struct Records {
    /// The fields, row by row.
    pub fields: Vec<Field>,
    /// The number of rows.
    pub rows: usize,
    /// The number of fields of the last record, valid or not.
    pub width: usize,
    /// The position of each row.
    pub starts: Vec<u32>,
    pub ragged: Vec<Ragged>,
}

/// Which fields of a record are kept, and how many fields a record must have.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Whether the field is kept, for each column of the file.
    pub kept: Vec<bool>,
    pub short: Short,
}

impl Records {
    /// Removes all records.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.starts.clear();
        self.ragged.clear();
        self.rows = 0;
    }

    /// Parses up to `most` records. The bytes must begin with a record, and be shorter than 1 GiB because positions have 30 bits. With
    /// `is_last`, the bytes end the file, and the last record needs no line end.
    pub fn read(&mut self, dialect: &Dialect, shape: &Shape, bytes: &[u8], is_last: bool, most: usize) -> Stop {
        let level = Level::new();
        dispatch!(level, simd => self.read_with(simd, dialect, shape, bytes, is_last, most))
    }

    #[inline(always)]
    fn read_with<S: Simd>(
        &mut self,
        simd: S,
        dialect: &Dialect,
        shape: &Shape,
        bytes: &[u8],
        is_last: bool,
        most: usize,
    ) -> Stop {
        let width = shape.kept.len();
        let marks = Marks::new(simd, dialect);
        // Without a quote or an escape, the separator takes its place. That is harmless, because the separator is tested first.
        let quote = dialect.quote.unwrap_or(dialect.separator);
        let escape = dialect.escape.unwrap_or(dialect.separator);
        let (separator, line_end) = (dialect.separator, dialect.line_end);
        let mut at = Place::default();
        at.begin(0, bytes);
        let mut kept = self.fields.len();
        let mut block = 0;
        let mut skip = 0;
        while block < bytes.len() {
            // Each iteration handles the lowest set bit and clears it.
            let mut marked = marks.of(simd, bytes, block);
            while marked != 0 {
                let place = block + marked.trailing_zeros() as usize;
                marked &= marked - 1;
                if place < skip {
                    continue;
                }
                let byte = bytes[place];
                if at.in_quotes {
                    if byte == escape && escape != separator && escape != quote {
                        at.flags |= ESCAPED;
                        skip = place + 2;
                    } else if byte == quote {
                        if bytes.get(place + 1) == Some(&quote) {
                            at.flags |= ESCAPED;
                            skip = place + 2;
                        } else {
                            at.in_quotes = false;
                            at.closed = place;
                        }
                    }
                    continue;
                }
                if byte == separator {
                    if at.column < width && shape.kept[at.column] {
                        let field = at.field(bytes, place);
                        self.fields.push(field);
                    } else if at.flags != 0 {
                        at.field(bytes, place);
                    }
                    at.column += 1;
                    at.start = place + 1;
                    at.flags = 0;
                } else if byte == line_end {
                    self.end_record(&mut at, &mut kept, dialect, shape, bytes, place);
                    at.begin(place + 1, bytes);
                    if self.rows >= most {
                        return Stop { consumed: place + 1, open_quote: None };
                    }
                } else if byte == quote && place == at.start && !dialect.is_comment(bytes, at.record) {
                    at.in_quotes = true;
                    at.flags = QUOTED;
                }
            }
            block += BLOCK;
        }
        if !is_last || at.in_quotes {
            self.fields.truncate(kept);
            let open_quote = (at.in_quotes).then_some(at.start);
            return Stop { consumed: at.record, open_quote };
        }
        if at.record < bytes.len() {
            self.end_record(&mut at, &mut kept, dialect, shape, bytes, bytes.len());
        }
        Stop { consumed: bytes.len(), open_quote: None }
    }

    /// Adds the record that ends before `end`, or what is wrong with it.
    #[inline(always)]
    fn end_record(&mut self, at: &mut Place, kept: &mut usize, dialect: &Dialect, shape: &Shape, bytes: &[u8], end: usize) {
        let width = shape.kept.len();
        let mut line_end = end;
        // Programs that end lines by `\r\n` in files that make `\r\n` of each `\n` write `\r\r\n`.
        while line_end > at.start && bytes[line_end - 1] == b'\r' {
            line_end -= 1;
        }
        let is_empty = at.column == 0 && at.flags == 0 && line_end <= at.start;
        // An empty line is a row only in a file with a single column, whose value may be empty.
        if is_empty && width != 1 || dialect.is_comment(bytes, at.record) {
            self.fields.truncate(*kept);
            return;
        }
        if at.column < width && shape.kept[at.column] {
            let field = at.field(bytes, line_end);
            self.fields.push(field);
        } else if at.flags != 0 {
            at.field(bytes, line_end);
        }
        let found = at.column + 1;
        self.width = found;
        let problem = match at.problem {
            Some(column) => Some(Problem::AfterQuote(column)),
            None if found == width || found < width && shape.short == Short::Padded => None,
            // Some programs write a separator at the end of each line.
            None if found == width + 1 && line_end == at.start && at.flags == 0 => None,
            None => Some(Problem::Fields(found)),
        };
        if let Some(problem) = problem {
            self.fields.truncate(*kept);
            self.ragged.push(Ragged { range: at.record..end, problem });
            return;
        }
        for column in found..width {
            if shape.kept[column] {
                self.fields.push(Field { start: 0, end: 0 });
            }
        }
        self.starts.push(at.record as u32);
        self.rows += 1;
        *kept = self.fields.len();
    }
}

/// The state of the parser.
#[derive(Default)]
struct Place {
    /// The start of the record.
    record: usize,
    /// The start of the field.
    start: usize,
    /// The index of the field's column.
    column: usize,
    in_quotes: bool,
    /// The position of the field's closing quote.
    closed: usize,
    flags: u32,
    /// The first field with text after its closing quote.
    problem: Option<usize>,
}

impl Place {
    #[inline(always)]
    fn begin(&mut self, record: usize, bytes: &[u8]) {
        let is_marked = bytes.get(record) == MARK.first() && bytes[record..].starts_with(MARK);
        *self = Self { record, start: record + if is_marked { MARK.len() } else { 0 }, ..Self::default() };
    }

    /// The field that ends before `end`.
    #[inline(always)]
    fn field(&mut self, bytes: &[u8], end: usize) -> Field {
        if self.flags == 0 {
            return Field { start: self.start as u32, end: end as u32 };
        }
        let rest = bytes.get(self.closed + 1..end).unwrap_or_default();
        if !rest.iter().all(|byte| *byte == b' ') {
            self.problem.get_or_insert(self.column);
        }
        Field { start: self.start as u32 + 1, end: self.closed as u32 | self.flags }
    }
}

/// The bytes that have a meaning, as vectors for comparison.
struct Marks<S: Simd> {
    separator: u8x64<S>,
    quote: u8x64<S>,
    escape: u8x64<S>,
    line_end: u8x64<S>,
}

impl<S: Simd> Marks<S> {
    #[inline(always)]
    fn new(simd: S, dialect: &Dialect) -> Self {
        let or_separator = |byte: Option<u8>| u8x64::splat(simd, byte.unwrap_or(dialect.separator));
        Self {
            separator: u8x64::splat(simd, dialect.separator),
            quote: or_separator(dialect.quote),
            escape: or_separator(dialect.escape),
            line_end: u8x64::splat(simd, dialect.line_end),
        }
    }

    /// A mask with a bit for each byte of the block that has a meaning.
    #[inline(always)]
    fn of(&self, simd: S, bytes: &[u8], block: usize) -> u64 {
        let mut last = [0; BLOCK];
        let (bytes, valid) = match bytes.get(block..block + BLOCK) {
            Some(whole) => (whole, u64::MAX),
            None => {
                let rest = &bytes[block..];
                last[..rest.len()].copy_from_slice(rest);
                (last.as_slice(), (1 << rest.len()) - 1)
            }
        };
        let bytes = u8x64::from_slice(simd, bytes);
        let found =
            bytes.simd_eq(self.separator) | bytes.simd_eq(self.quote) | bytes.simd_eq(self.escape) | bytes.simd_eq(self.line_end);
        found.to_bitmask() & valid
    }
}

/// The text of a field with doubled quotes and escapes resolved.
pub fn unescaped(text: &[u8], dialect: &Dialect) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let is_escape = Some(byte) == dialect.escape || Some(byte) == dialect.quote && bytes.peek() == Some(&byte);
        plain.push(if is_escape { bytes.next().unwrap_or(byte) } else { byte });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALECT: Dialect = Dialect { separator: b',', quote: Some(b'"'), escape: None, line_end: b'\n', comment: None };

    /// A simple reference parser, byte by byte; `None` when a quote is not closed.
    fn plainly(bytes: &[u8]) -> Option<Vec<Vec<Vec<u8>>>> {
        let (mut records, mut record, mut place) = (vec![], vec![], 0);
        let mut field = vec![];
        let mut is_new = true;
        while place < bytes.len() {
            if bytes[place] == b'"' && is_new {
                place += 1;
                loop {
                    match (bytes.get(place)?, bytes.get(place + 1)) {
                        (b'"', Some(b'"')) => {
                            field.push(b'"');
                            place += 2;
                        }
                        (b'"', _) => break,
                        (byte, _) => {
                            field.push(*byte);
                            place += 1;
                        }
                    }
                }
                is_new = false;
            } else if bytes[place] == b',' {
                record.push(std::mem::take(&mut field));
                is_new = true;
            } else if bytes[place] == b'\n' {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
                is_new = true;
            } else {
                field.push(bytes[place]);
                is_new = false;
            }
            place += 1;
        }
        if !record.is_empty() || !field.is_empty() || !is_new {
            record.push(field);
            records.push(record);
        }
        Some(records)
    }

    /// Random texts over a small alphabet, so that special bytes often meet.
    fn text(seed: u64) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let length = next(300);
        (0..length).map(|_| *[b'a', b'b', b',', b',', b'"', b'\n', b'"', b'c'].get(next(8) as usize).unwrap()).collect()
    }

    #[test]
    fn records_are_those_of_a_reader_that_goes_byte_by_byte() {
        let mut compared = 0;
        for seed in 0..20_000 {
            let bytes = text(seed);
            for width in 1..4 {
                let shape = Shape { kept: vec![true; width], short: Short::Ragged };
                let mut records = Records::default();
                let stop = records.read(&DIALECT, &shape, &bytes, true, usize::MAX);
                let Some(expected) = plainly(&bytes) else {
                    assert!(stop.open_quote.is_some(), "{}", String::from_utf8_lossy(&bytes));
                    continue;
                };
                if records.ragged.iter().any(|ragged| matches!(ragged.problem, Problem::AfterQuote(_))) {
                    continue;
                }
                let is_row = |record: &&Vec<Vec<u8>>| record.len() == width;
                // A separator at the end of a line is ignored, and so is an empty line, except in a file with one column.
                let rows = expected.iter().map(|record| {
                    let mut record = record.clone();
                    if record.len() == width + 1 && record[width].is_empty() {
                        record.pop();
                    }
                    record
                });
                let rows: Vec<Vec<Vec<u8>>> = rows.collect();
                let rows: Vec<&Vec<Vec<u8>>> = rows.iter().filter(is_row).collect();
                let found: Vec<Vec<u8>> = records
                    .fields
                    .iter()
                    .map(|field| match field.is_escaped() {
                        true => unescaped(&bytes[field.range()], &DIALECT),
                        false => bytes[field.range()].to_vec(),
                    })
                    .collect();
                let quoted_end = bytes.ends_with(b"\"\"") || bytes.windows(4).any(|four| four == b",\"\"\n");
                if quoted_end {
                    continue;
                }
                assert_eq!(
                    found.chunks(width).map(<[Vec<u8>]>::to_vec).collect::<Vec<_>>(),
                    rows.into_iter().cloned().collect::<Vec<_>>(),
                    "{}",
                    String::from_utf8_lossy(&bytes)
                );
                compared += records.rows;
            }
        }
        assert!(compared > 3_000, "{compared}");
    }

    #[test]
    fn a_mark_before_a_record_is_no_part_of_it() {
        let bytes = "\u{feff}a,b\n1,\u{feff}2\n\u{feff}\"3\",4\n\u{feff}\n\"\u{feff}5\",6".as_bytes();
        let mut records = Records::default();
        let shape = Shape { kept: vec![true; 2], short: Short::Ragged };
        records.read(&DIALECT, &shape, bytes, true, usize::MAX);
        let fields: Vec<&str> = records.fields.iter().map(|field| std::str::from_utf8(&bytes[field.range()]).unwrap()).collect();
        assert_eq!(fields, ["a", "b", "1", "\u{feff}2", "3", "4", "\u{feff}5", "6"]);
        assert!(records.ragged.is_empty());
    }

    #[test]
    fn pieces_cut_anywhere_give_the_same_records() {
        for seed in 0..2_000 {
            let bytes = text(seed);
            let shape = Shape { kept: vec![true; 2], short: Short::Padded };
            let read = |size: usize| {
                let (mut place, mut rows, mut size_now) = (0, vec![], size);
                while place < bytes.len() {
                    let end = (place + size_now).min(bytes.len());
                    let mut records = Records::default();
                    let stop = records.read(&DIALECT, &shape, &bytes[place..end], end == bytes.len(), usize::MAX);
                    rows.extend(records.fields.iter().map(|field| bytes[place..end][field.range()].to_vec()));
                    if stop.consumed == 0 {
                        if end == bytes.len() {
                            break;
                        }
                        size_now *= 2;
                        continue;
                    }
                    place += stop.consumed;
                    size_now = size;
                }
                rows
            };
            let whole = read(usize::MAX / 2);
            for size in [1, 7, 64, 100] {
                assert_eq!(read(size), whole, "{size}: {}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}
