//! Where a file can be divided.
//!
//! An end of a line may stand within quotes, and only what comes before tells whether it does. So the file is gone through once, from its
//! beginning, before it is divided: a piece without any quote is only looked at for its last end of line, the others are read
//! record by record. That costs a tenth of what reading the values does, and no file is divided in the wrong place.

use datafusion::common::Result;

use super::detect::Detected;
use super::records::{Records, Shape, Short};
use crate::files::bytes::LONGEST_ROW;

/// Bytes looked at together.
const PIECE: usize = 4 << 20;

/// Where about `parts` parts of the same size begin, at beginnings of records; the first at the beginning of the rows.
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
            // A long record, or a quote that is not closed: what comes is one part, and reading it says what is wrong.
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
