//! JSON files as a table.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, Fields, Schema};
use datafusion::common::Result;
use datafusion::physical_plan::ExecutionPlan;

use super::decode::Members;
use super::detect::{Detected, Framing, detect};
use super::infer;
use super::options::JsonOptions;
use super::scan::{JsonRows, no_json, object};
use super::tokens::{Cursor, Marks};
use crate::error::{did_you_mean, invalid};
use crate::files::bytes::{LONGEST_ROW, PIECE, Source};
use crate::files::folders::Folders;
use crate::files::pieces::TextScan;
use crate::files::places::Found;
use crate::files::source::SourceExec;
use crate::files::spellings::{alike, spell_options};
use crate::files::table::{FilesTable, Layout, Rows, Scan};

/// The problem with files that have no objects, as the empty result of a query leaves them.
const NOTHING: &str = "has no rows, so its columns are unknown; name them: read_json('…', types => 'id BIGINT, name VARCHAR'), \
                       or write the result as CSV or Parquet, which keep the columns";
/// The problem with files whose objects are all `{}`.
const NO_MEMBERS: &str =
    "has objects without members, so there are no columns; name them: read_json('…', types => 'id BIGINT, name VARCHAR')";
/// Files up to this total size are read entirely to infer types.
const SMALL: u64 = 16 << 20;
/// The number and size of the pieces that are read from larger files.
const PIECES: u64 = 32;
const SAMPLE: usize = 128 << 10;
/// The bytes at the beginning of a larger file that are also read.
const FIRST: u64 = 1 << 20;

/// The table of these files.
///
/// # Errors
/// A file cannot be read, or has no objects.
pub async fn open(location: &str, found: Vec<Found>, options: JsonOptions, declared: Option<&Schema>) -> Result<FilesTable> {
    let folders = Folders::of(location, &found, declared)?;
    let (mut places, mut files) = (vec![], vec![]);
    for (place, file) in found.into_iter().enumerate() {
        if let Some(file) = detect(Source::of(file, options.compression), &options.path).await? {
            places.push(place);
            files.push(file);
        }
    }
    if files.is_empty() && declared.is_none() && options.types.is_empty() {
        return Err(invalid(location, NOTHING));
    }
    let mut notes = vec![];
    let fields: Fields = match declared {
        Some(declared) => declared.fields().iter().filter(|field| !folders.has(field.name())).cloned().collect(),
        // There is no object that could contradict them.
        None if files.is_empty() => named(&options),
        None => {
            let (fields, members) = fields(location, &files, &options).await?;
            notes = alike(location, &Schema::new(fields.clone()), |one, other| members.are_together(one, other));
            fields
        }
    };
    let sizes = files.iter().map(|file: &Detected| file.source.meta.size).collect();
    let layout = Layout::new(&Schema::new(fields), folders.of_files(&places), sizes);
    let fields: Fields = layout.schema.fields().iter().take(layout.width).cloned().collect();
    Members::new(&fields, None).map_err(|error| invalid(location, error))?;
    let told = files.first().map(|first| {
        let stand = match first.framing {
            Framing::Lines => "an object on each line",
            Framing::Values => "objects one after the other",
            Framing::List => "a list of objects",
        };
        format!("{}: {stand}. To say otherwise what types columns have: FROM read_json('…', types => …)", first.source.name)
    });
    let rows = JsonRows { files, fields, options, is_declared: declared.is_some() };
    Ok(FilesTable::new(layout, Arc::new(rows)).telling(told).leaving_out(notes))
}

/// The columns that the option `types` names.
fn named(options: &JsonOptions) -> Fields {
    options.types.iter().map(|(name, data_type)| Field::new(name, data_type.clone(), true)).collect()
}

/// The columns of all files, in the order in which they are first seen, and what they were taken from.
async fn fields(location: &str, files: &[Detected], options: &JsonOptions) -> Result<(Fields, infer::Members)> {
    let mut members = infer::Members::default();
    let total: u64 = files.iter().map(|file| file.source.meta.size).sum();
    let reads_all = options.samples_all || total <= SMALL;
    for file in files {
        let size = file.source.meta.size;
        if reads_all || !file.has_lines() {
            look_at(file, file.body, if reads_all { u64::MAX } else { SMALL }, &mut members).await?;
            continue;
        }
        look_at(file, file.body, FIRST, &mut members).await?;
        let pieces = PIECES.div_ceil(files.len() as u64);
        let step = (size - file.body.min(size)) / (pieces + 1);
        for piece in 1..=pieces {
            look_into(file, file.body + step * piece, &mut members).await?;
        }
    }
    if members.is_empty() {
        if let (Some(first), true) = (files.first(), options.types.is_empty()) {
            for file in files {
                refuse_others(file).await?;
            }
            return Err(invalid(&first.source.name, NO_MEMBERS));
        }
        return Ok((named(options), members));
    }
    let mut fields = members.fields().to_vec();
    let mut types = options.types.clone();
    spell_options(&mut types, fields.iter().map(|field| field.name()));
    for (name, data_type) in &types {
        let Some(field) = fields.iter_mut().find(|field| field.name() == name) else {
            let names = fields.iter().map(|field| field.name().as_str());
            let known = names.clone().collect::<Vec<_>>().join(", ");
            let suggestion = did_you_mean(name, names);
            let problem = format!("types names {name}, and there is no such column{suggestion}; it has {known}");
            return Err(invalid(location, problem));
        };
        *field = Arc::new(Field::new(name, data_type.clone(), true));
    }
    Ok((fields.into(), members))
}

/// Refuses a file that does not begin with an object, which would be reported only when its rows are read.
async fn refuse_others(file: &Detected) -> Result<()> {
    let mut pieces = file.source.pieces(file.body, file.source.meta.size).await?;
    pieces.next(0, SAMPLE).await?;
    let mut cursor = Cursor::new(pieces.bytes());
    let wrong = match object(&mut cursor) {
        Err(wrong) => wrong,
        Ok(()) => match cursor.skip() {
            Err(wrong) if pieces.is_last() => wrong,
            _ => return Ok(()),
        },
    };
    let line = file.source.line(file.body + wrong.at as u64, b'\n').await?;
    Err(no_json(file, line, &wrong, pieces.bytes()))
}

/// Examines complete objects from `start`, for about `most` bytes. Invalid JSON is reported when the rows are read.
async fn look_at(file: &Detected, start: u64, most: u64, members: &mut infer::Members) -> Result<()> {
    let mut pieces = file.source.pieces(start, file.source.meta.size).await?;
    let (mut used, mut size) = (0, PIECE);
    loop {
        pieces.next(used, size).await?;
        if pieces.place() - start >= most {
            return Ok(());
        }
        let is_last = pieces.is_last();
        used = take(pieces.bytes(), file.framing, is_last, members);
        if is_last || used == 0 && size >= LONGEST_ROW {
            return Ok(());
        }
        size = if used == 0 { size * 4 } else { PIECE };
    }
}

/// Examines the complete lines of a piece from the middle of a file.
async fn look_into(file: &Detected, start: u64, members: &mut infer::Members) -> Result<()> {
    let mut pieces = file.source.pieces(start, file.source.meta.size).await?;
    pieces.next(0, SAMPLE).await?;
    let bytes = pieces.bytes();
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return Ok(()) };
    take(&bytes[end + 1..], file.framing, false, members);
    Ok(())
}

/// Adds the complete objects; returns the number of bytes they have.
fn take(bytes: &[u8], framing: Framing, is_last: bool, members: &mut infer::Members) -> usize {
    let mut cursor = Cursor::new(bytes);
    let mut used = 0;
    loop {
        while framing == Framing::List && cursor.peek().is_some_and(|byte| b",]".contains(&byte)) {
            cursor.at += 1;
        }
        if cursor.peek() != Some(b'{') {
            return if cursor.peek().is_none() { bytes.len() } else { used };
        }
        // A truncated object must not be added in part.
        if !is_last && cursor.clone().skip().is_err() {
            return used;
        }
        if members.add(&mut cursor, 0).is_err() {
            return used;
        }
        used = cursor.at;
    }
}

/// The positions of parts in a file of lines, each right after a line end.
async fn starts_of_lines(file: &Detected, parts: usize) -> Result<Vec<u64>> {
    let size = file.source.meta.size;
    let part = (size - file.body.min(size)).div_ceil(parts as u64).max(1);
    let mut starts = vec![file.body];
    for number in 1..parts as u64 {
        let mut pieces = file.source.pieces(file.body + part * number, size).await?;
        let (mut used, mut wanted) = (0, 1 << 16);
        let start = loop {
            pieces.next(used, wanted).await?;
            match pieces.bytes().iter().position(|byte| *byte == b'\n') {
                Some(end) => break Some(pieces.place() + end as u64 + 1),
                None if pieces.is_last() => break None,
                None => (used, wanted) = (pieces.bytes().len(), PIECE),
            }
        };
        match start {
            Some(start) if start < size && starts.last().is_none_or(|last| start > *last) => starts.push(start),
            _ => {}
        }
    }
    Ok(starts)
}

/// The positions of parts in other files. Only the text before an object tells whether it is one, rather than part of another object or of
/// a string. So objects are skipped from the beginning of the file, which costs about a fifth of decoding them.
async fn starts_of_objects(file: &Detected, parts: usize) -> Result<Vec<u64>> {
    let size = file.source.meta.size;
    let part = (size - file.body.min(size)).div_ceil(parts as u64).max(1);
    let mut starts = vec![file.body];
    let mut pieces = file.source.pieces(file.body, size).await?;
    let (mut used, mut wanted, mut marks) = (0, PIECE, Marks::default());
    loop {
        pieces.next(used, wanted).await?;
        marks.mark(pieces.bytes());
        let mut cursor = Cursor::with_marks(pieces.bytes(), &marks, 0);
        used = 0;
        loop {
            while file.framing == Framing::List && cursor.peek() == Some(b',') {
                cursor.at += 1;
            }
            if cursor.peek() != Some(b'{') {
                break;
            }
            let place = pieces.place() + cursor.at as u64;
            if place >= file.body + part * starts.len() as u64 {
                starts.push(place);
                if starts.len() == parts {
                    return Ok(starts);
                }
            }
            if cursor.skip().is_err() {
                break;
            }
            used = cursor.at;
        }
        wanted = if used == 0 { wanted * 4 } else { PIECE };
        // A long object, or invalid JSON. The rest becomes one part, and reading it reports what is wrong.
        if pieces.is_last() || wanted > LONGEST_ROW {
            return Ok(starts);
        }
    }
}

#[async_trait]
impl Rows for JsonRows {
    async fn starts(&self, file: usize, parts: usize) -> Result<Vec<u64>> {
        let file = &self.files[file];
        if parts <= 1 || !file.source.is_divisible() {
            return Ok(vec![file.body]);
        }
        match file.framing {
            Framing::Lines => starts_of_lines(file, parts).await,
            Framing::Values | Framing::List => starts_of_objects(file, parts).await,
        }
    }

    fn plan(self: Arc<Self>, scan: Scan) -> Arc<dyn ExecutionPlan> {
        SourceExec::reading(TextScan { files: self, scan: Arc::new(scan) })
    }
}
