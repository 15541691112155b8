//! Detects how the objects of a JSON file are arranged.

use datafusion::common::Result;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use super::tokens::Cursor;
use super::within::{Place, follow};
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::files::bytes::{LONGEST_ROW, Source};
use crate::files::kinds::other_kind;

/// The bytes at the beginning of a file that are examined.
const HEAD: usize = 1 << 18;
const UTF_8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How objects are arranged in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One object per line.
    Lines,
    /// Objects one after the other, which may span several lines.
    Values,
    /// A list of objects.
    List,
}

/// What is known about a file before its rows are read.
#[derive(Debug, Clone)]
pub struct Detected {
    pub source: Source,
    pub framing: Framing,
    /// The position where the objects begin, in bytes of the text; for a list, after the bracket.
    pub body: u64,
    /// The number of objects around the list.
    pub depth: usize,
}

impl Detected {
    /// True when its objects can be read from any line on.
    pub fn has_lines(&self) -> bool {
        self.framing == Framing::Lines && self.source.is_divisible()
    }
}

/// Examines the beginning of a file; `None` for an empty file. The names in `path` lead to the list of its objects.
///
/// # Errors
/// It cannot be read, is no text, or has no such list.
pub async fn detect(mut source: Source, path: &[String]) -> Result<Option<Detected>> {
    let mut pieces = source.pieces(0, source.meta.size).await?;
    pieces.next(0, HEAD).await?;
    if let Some(problem) = other_kind(pieces.bytes()) {
        return Err(invalid(&source.name, problem));
    }
    let mark = Encoding::for_bom(pieces.bytes()).map(|(encoding, _)| encoding);
    source.encoding = mark.filter(|encoding| [UTF_16LE, UTF_16BE].contains(encoding));
    if source.encoding.is_some() {
        pieces = source.pieces(0, source.meta.size).await?;
        pieces.next(0, HEAD).await?;
    }
    let start = if pieces.bytes().starts_with(UTF_8_MARK) { UTF_8_MARK.len() } else { 0 };
    let mut cursor = Cursor::new(&pieces.bytes()[start..]);
    let Some(first) = cursor.peek() else { return Ok(None) };
    if !path.is_empty() {
        return within(source, start, path).await;
    }
    if first == b'[' {
        let body = (start + cursor.at + 1) as u64;
        cursor.at += 1;
        if cursor.peek() == Some(b']') {
            return Ok(None);
        }
        return Ok(Some(Detected { source, framing: Framing::List, body, depth: 0 }));
    }
    let begin = cursor.at;
    let is_whole = cursor.skip().is_ok();
    let first = &cursor.bytes[begin..if is_whole { cursor.at } else { cursor.bytes.len() }];
    // When in doubt, assume lines, because then an error affects only one of them.
    let is_alone =
        || !is_whole || matches!(cursor.bytes[cursor.at..].iter().find(|byte| !b" \t\r".contains(byte)), None | Some(b'\n'));
    let is_line = match is_whole {
        true => !first.contains(&b'\n') && is_alone(),
        false => first.iter().take_while(|byte| **byte != b'\n').any(|byte| !b" \t\r{".contains(byte)),
    };
    let framing = if is_line { Framing::Lines } else { Framing::Values };
    Ok(Some(Detected { source, framing, body: start as u64, depth: 0 }))
}

/// Finds the list to which names lead, from `start` on; `None` for an empty list.
async fn within(source: Source, start: usize, path: &[String]) -> Result<Option<Detected>> {
    let mut size = HEAD;
    loop {
        let mut pieces = source.pieces(0, source.meta.size).await?;
        pieces.next(0, size).await?;
        let mut cursor = Cursor::new(&pieces.bytes()[start..]);
        let place = follow(&mut cursor, path).and_then(|place| {
            if let Place::List(at) = place {
                cursor.at = at;
                // Whether the list is empty shows after its bracket.
                return match cursor.peek() {
                    Some(next) => Ok((place, next)),
                    None => Err(cursor.wrong("the file ends within its list: a ] is missing")),
                };
            }
            Ok((place, b' '))
        });
        match place {
            Ok((Place::List(_), b']')) => return Ok(None),
            Ok((Place::List(at), _)) => {
                let body = (start + at) as u64;
                return Ok(Some(Detected { source, framing: Framing::List, body, depth: path.len() }));
            }
            Ok((Place::Other(name), _)) if name.is_empty() => {
                return Err(invalid(&source.name, "path leads into an object, and the file does not begin with one"));
            }
            Ok((Place::Other(name), _)) => {
                let name = name.as_str();
                let problem = format!("path must lead through objects to a list, and {name} is another value");
                return Err(invalid(&source.name, problem));
            }
            Ok((Place::Missing { name, known }, _)) => {
                let suggestion = did_you_mean(&name, known.iter().map(String::as_str));
                let problem = format!("path names {name}, and there is no such name{suggestion}; there is {}", known.join(", "));
                return Err(invalid(&source.name, problem));
            }
            // What is cut off in this piece may go on in the next.
            Err(_) if !pieces.is_last() && size < LONGEST_ROW => size *= 4,
            Err(wrong) => {
                let line = 1 + cursor.bytes[..wrong.at.min(cursor.bytes.len())].iter().filter(|byte| **byte == b'\n').count();
                let problem = format!("line {line}: {}; path leads to no list before it", wrong.problem);
                return Err(coded(SqlState::BAD_COPY_FILE_FORMAT, &source.name, problem));
            }
        }
    }
}
