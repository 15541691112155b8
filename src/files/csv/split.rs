//! Finds where a CSV file can be divided.
//!
//! A line end may be within quotes, and only the text before it tells. So the file is read once from its beginning before it is divided.
//! In a piece without quotes, only the last line end is looked for; other pieces are parsed record by record. This costs about a tenth of
//! decoding the values, and a file is never divided in the wrong place.

use datafusion::common::Result;

use super::detect::Detected;
use super::records::{Records, Shape, Short};
use crate::files::bytes::LONGEST_ROW;

/// The bytes read at a time.
const PIECE: usize = 4 << 20;

/// The positions of about `parts` parts of equal size, each at the start of a record; the first is the start of the rows.
///
/// # Errors
/// The file cannot be read.
pub async fn starts(file: &Detected, parts: usize) -> Result<Vec<u64>> {
    let size = file.source.meta.size;
    let mut starts = vec![file.body];
    let part = (size - file.body.min(size)).div_ceil(parts.max(1) as u64).max(1);
    if parts <= 1 || !file.source.is_divisible() {
        return Ok(starts);
    }
    let mut pieces = file.source.pieces(file.body, size).await?;
    let (mut used, mut wanted, mut records) = (0, PIECE, Records::default());
    let shape = Shape { kept: vec![], short: Short::Ragged };
    while starts.len() < parts {
        pieces.next(used, wanted).await?;
        let bytes = pieces.bytes();
        if pieces.is_last() {
            break;
        }
        let has_quotes = file.dialect.quote.is_some_and(|quote| bytes.contains(&quote));
        used = if has_quotes {
            records.clear();
            records.read(&file.dialect, &shape, bytes, false, usize::MAX).consumed
        } else {
            bytes.iter().rposition(|byte| *byte == file.dialect.line_end).map_or(0, |end| end + 1)
        };
        if used == 0 {
            // A long record or an unclosed quote. The rest becomes one part, and reading it reports what is wrong.
            wanted *= 2;
            if wanted > LONGEST_ROW {
                break;
            }
            continue;
        }
        wanted = PIECE;
        let place = pieces.place() + used as u64;
        let next = file.body + part * starts.len() as u64;
        if place >= next && place < size {
            starts.push(place);
        }
    }
    Ok(starts)
}
