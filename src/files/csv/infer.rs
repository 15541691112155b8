//! The columns of several files together, and their types.

use std::collections::HashMap;

use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::common::Result;

use super::columns::Reading;
use super::detect::{Detected, LONGEST_RECORD};
use super::options::CsvOptions;
use super::records::{Records, Shape, Short};
use super::values::{Guess, Seen, class};

/// Files that are read as a whole, together.
const SMALL: u64 = 16 << 20;
/// Pieces of a larger file, and their size.
const PIECES: u64 = 32;
const PIECE: u64 = 128 << 10;
/// Bytes read at a time.
const READ: usize = 1 << 20;

/// The columns that the files have, with the types that their texts say.
///
/// # Errors
/// A file cannot be read.
pub async fn schema(files: &[Detected], options: &CsvOptions) -> Result<Schema> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut names: Vec<&str> = vec![];
    for name in files.iter().flat_map(|file| &file.names) {
        places.entry(name).or_insert_with(|| {
            names.push(name);
            names.len() - 1
        });
    }
    let mut seen = vec![Seen::default(); names.len()];
    let declared = |name: &str| options.types.iter().find(|(own, _)| own == name).map(|(_, data_type)| data_type.clone());
    let guessed: Vec<bool> = names.iter().map(|name| !options.all_text && declared(name).is_none()).collect();
    let size: u64 = files.iter().map(|file| file.source.meta.size).sum();
    let reads_all = options.samples_all || size <= SMALL;
    if guessed.contains(&true) {
        for file in files {
            let places: Vec<usize> = file.names.iter().map(|name| places[name.as_str()]).collect();
            look_through(file, reads_all, files.len(), options, &mut |place, of_file| {
                let place = places[place];
                if guessed[place] {
                    seen[place].merge(of_file);
                }
            })
            .await?;
        }
    }
    let fields = names.iter().zip(&seen).map(|(name, seen)| {
        let data_type = declared(name).unwrap_or_else(|| data_type(seen.guess()));
        Field::new(*name, data_type, true)
    });
    Ok(Schema::new(fields.collect::<Vec<_>>()))
}

/// The type of a guess.
fn data_type(guess: Guess) -> DataType {
    let zone = |offset: i32| {
        let (sign, minutes) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    };
    match guess {
        Guess::Boolean => DataType::Boolean,
        Guess::Integer => DataType::Int64,
        Guess::Number => DataType::Float64,
        Guess::Date => DataType::Date32,
        Guess::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
        Guess::Instant(offset) => DataType::Timestamp(TimeUnit::Microsecond, Some(zone(offset.unwrap_or(0)).into())),
        Guess::Text => DataType::Utf8View,
    }
}

/// Looks at the texts of a file: all, or pieces spread over it.
async fn look_through(
    file: &Detected,
    reads_all: bool,
    files: usize,
    options: &CsvOptions,
    found: &mut impl FnMut(usize, &Seen),
) -> Result<()> {
    let size = file.source.meta.size;
    let mut seen = vec![Seen::default(); file.names.len()];
    if reads_all || !file.source.is_divisible() {
        let most = if reads_all { u64::MAX } else { SMALL };
        look_at(file, file.body, size, most, options, &mut seen).await?;
    } else {
        let pieces = PIECES.div_ceil(files as u64).max(1);
        let step = (size - file.body.min(size)) / pieces;
        for piece in 0..pieces {
            let start = file.body + step * piece;
            let start = if piece == 0 { start } else { after_line_end(file, start).await? };
            look_at(file, start, (start + PIECE).min(size), PIECE, options, &mut seen).await?;
        }
    }
    seen.iter().enumerate().for_each(|(place, seen)| found(place, seen));
    Ok(())
}

/// The first byte after the next end of a line. It may stand within quotes: what is read from there is a guess, which is checked later.
async fn after_line_end(file: &Detected, start: u64) -> Result<u64> {
    let mut pieces = file.source.pieces(start, file.source.meta.size).await?;
    pieces.next(0, usize::try_from(PIECE).unwrap_or(READ)).await?;
    let end = pieces.bytes().iter().position(|byte| *byte == file.dialect.line_end);
    Ok(end.map_or(start, |end| start + end as u64 + 1))
}

async fn look_at(file: &Detected, start: u64, end: u64, most: u64, options: &CsvOptions, seen: &mut [Seen]) -> Result<()> {
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
        add(bytes, &records, &options.reading, seen);
        used = stop.consumed;
        if is_end {
            return Ok(());
        }
        if used == 0 {
            size *= 4;
            if size > LONGEST_RECORD {
                // Whatever it is, reading says so.
                return Ok(());
            }
        }
    }
}

/// Takes in the texts of records.
fn add(bytes: &[u8], records: &Records, reading: &Reading, seen: &mut [Seen]) {
    let width = seen.len();
    for (place, seen) in seen.iter_mut().enumerate() {
        let mut last: &[u8] = b"";
        for field in records.fields.iter().skip(place).step_by(width) {
            let text = &bytes[field.range()];
            if text.is_empty() || !field.is_quoted() && reading.null.iter().any(|null| null.as_bytes() == text) {
                continue;
            }
            // Codes and flags repeat.
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
