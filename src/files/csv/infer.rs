//! Infers the columns of several CSV files together, and their types.

use std::collections::HashMap;

use datafusion::arrow::datatypes::{Field as Column, Schema};
use datafusion::common::Result;

use super::columns::Reading;
use super::detect::Detected;
use super::options::CsvOptions;
use super::records::{Field, Records, Shape, Short};
use crate::files::bytes::LONGEST_ROW;
use crate::files::policy::Policy;
use crate::files::values::{Guess, Seen, class, guessed_type};

/// Files up to this total size are read entirely.
const SMALL: u64 = 16 << 20;
/// The number and size of the pieces that are read from larger files.
const PIECES: u64 = 32;
const PIECE: usize = 128 << 10;
/// The bytes at the beginning of a larger file that are also read.
const FIRST: u64 = 1 << 20;
/// The bytes read at a time.
const READ: usize = 1 << 20;

/// What was seen of one file, or of all.
#[derive(Debug, Default)]
pub struct Sample {
    /// What was seen of each column.
    seen: Vec<Seen>,
    pub rows: usize,
    /// Rows that are the line of names again.
    pub headers: usize,
    pub is_all: bool,
}

impl Sample {
    fn of(columns: usize) -> Self {
        Self { seen: vec![Seen::default(); columns], ..Self::default() }
    }
}

/// The columns of the files with the types inferred from their fields, and what was seen.
///
/// # Errors
/// A file cannot be read.
pub async fn schema(files: &[Detected], options: &CsvOptions) -> Result<(Schema, Sample)> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut names: Vec<&str> = vec![];
    for name in files.iter().flat_map(|file| &file.names) {
        places.entry(name).or_insert_with(|| {
            names.push(name);
            names.len() - 1
        });
    }
    let mut all = Sample::of(names.len());
    let declared = |name: &str| options.types.iter().find(|(own, _)| own == name).map(|(_, data_type)| data_type.clone());
    let guessed: Vec<bool> = names.iter().map(|name| !options.all_text && declared(name).is_none()).collect();
    let size: u64 = files.iter().map(|file| file.source.meta.size).sum();
    let reads_all = options.samples_all || size <= SMALL;
    if guessed.contains(&true) {
        for file in files {
            let places: Vec<usize> = file.names.iter().map(|name| places[name.as_str()]).collect();
            let sample = look_through(file, reads_all, files.len(), options).await?;
            for (place, of_file) in places.into_iter().zip(&sample.seen).filter(|(place, _)| guessed[*place]) {
                all.seen[place].merge(of_file);
            }
            all.rows += sample.rows;
            all.headers += sample.headers;
        }
    }
    all.is_all = reads_all;
    let fields = names.iter().zip(&all.seen).map(|(name, seen)| {
        let data_type = declared(name).unwrap_or_else(|| guessed_type(seen.guess()));
        Column::new(*name, data_type, true)
    });
    Ok((Schema::new(fields.collect::<Vec<_>>()), all))
}

/// Examines the fields of a file: all of them, or those in pieces spread over the file.
async fn look_through(file: &Detected, reads_all: bool, files: usize, options: &CsvOptions) -> Result<Sample> {
    let size = file.source.meta.size;
    let mut sample = Sample::of(file.names.len());
    if reads_all || !file.source.is_divisible() {
        let most = if reads_all { u64::MAX } else { SMALL };
        look_at(file, file.body, size, most, options, &mut sample).await?;
    } else {
        look_at(file, file.body, (file.body + FIRST).min(size), FIRST, options, &mut sample).await?;
        let pieces = PIECES.div_ceil(files as u64);
        let step = (size - file.body.min(size)) / (pieces + 1);
        for piece in 1..=pieces {
            look_into(file, file.body + step * piece, options, &mut sample).await?;
        }
    }
    Ok(sample)
}

/// Examines a piece from the middle of a file. Its first line end may be within quotes, so the piece is parsed twice: as if it starts
/// outside and as if it starts inside quotes. The right one gives rows of equal width. If neither does, the piece is ignored. The guess
/// that results from the other pieces is checked when rows are read.
async fn look_into(file: &Detected, start: u64, options: &CsvOptions, sample: &mut Sample) -> Result<()> {
    let mut pieces = file.source.pieces(start, file.source.meta.size).await?;
    pieces.next(0, PIECE).await?;
    let bytes = pieces.bytes();
    let shape = Shape { kept: vec![true; file.names.len()], short: options.short() };
    let outside = bytes.iter().position(|byte| *byte == file.dialect.line_end).map_or(bytes.len(), |end| end + 1);
    let inside = file.dialect.quote.map(|quote| [&[quote], bytes.as_ref()].concat()).unwrap_or_default();
    let mut best: Option<(usize, &[u8], Records)> = None;
    for (bytes, skips_first) in [(&bytes[outside..], false), (inside.as_slice(), true)] {
        let mut records = Records::default();
        let mut bytes = bytes;
        if skips_first {
            // Skip the rest of the value and record in which the piece starts.
            let any = Shape { kept: vec![], short: Short::Ragged };
            bytes = &bytes[Records::default().read(&file.dialect, &any, bytes, false, 0).consumed..];
        }
        records.read(&file.dialect, &shape, bytes, false, usize::MAX);
        if records.rows > 0 && best.as_ref().is_none_or(|(ragged, ..)| records.ragged.len() < *ragged) {
            best = Some((records.ragged.len(), bytes, records));
        }
    }
    if let Some((ragged, bytes, records)) = best
        && (ragged == 0 || options.ragged == Policy::Skip)
    {
        add(bytes, &records, file, options, sample);
    }
    Ok(())
}

async fn look_at(file: &Detected, start: u64, end: u64, most: u64, options: &CsvOptions, sample: &mut Sample) -> Result<()> {
    let mut pieces = file.source.pieces(start, end).await?;
    let shape = Shape { kept: vec![true; file.names.len()], short: Short::Padded };
    let (mut used, mut size, mut records) = (0, READ, Records::default());
    loop {
        pieces.next(used, size).await?;
        let bytes = pieces.bytes();
        if bytes.is_empty() || pieces.place() - start >= most {
            return Ok(());
        }
        records.clear();
        let is_end = pieces.is_last();
        let stop = records.read(&file.dialect, &shape, bytes, is_end && end >= file.source.meta.size, usize::MAX);
        add(bytes, &records, file, options, sample);
        used = stop.consumed;
        if is_end {
            return Ok(());
        }
        if used == 0 {
            size *= 4;
            if size > LONGEST_ROW {
                // Reading the rows will report what is wrong.
                return Ok(());
            }
        }
    }
}

/// Adds the fields of records to a sample.
fn add(bytes: &[u8], records: &Records, file: &Detected, options: &CsvOptions, sample: &mut Sample) {
    let (width, reading): (usize, &Reading) = (sample.seen.len(), &options.reading);
    sample.rows += records.rows;
    // A single column may have its name as a value.
    if options.header && width > 1 {
        let is_header = |row: &[Field]| row.iter().zip(&file.names).all(|(field, name)| bytes[field.range()] == *name.as_bytes());
        sample.headers += records.fields.chunks_exact(width).filter(|row| is_header(row)).count();
    }
    for (place, seen) in sample.seen.iter_mut().enumerate() {
        let mut last: &[u8] = b"";
        for field in records.fields.iter().skip(place).step_by(width) {
            let text = &bytes[field.range()];
            if text.is_empty() || !field.is_quoted() && reading.null.iter().any(|null| null.as_bytes() == text) {
                continue;
            }
            // Codes and flags often repeat, so equal neighbours are skipped.
            if last == text {
                continue;
            }
            last = text;
            seen.add(class(text, &reading.numbers));
            if seen.guess() == Guess::Text {
                break;
            }
        }
    }
}
