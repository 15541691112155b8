//! Reads a file in pieces: plain or decompressed, and converted to UTF-8.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, XzDecoder, ZstdDecoder};
use bytes::Bytes;
use datafusion::common::Result;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::error::DataFusionError;
use encoding_rs::{CoderResult, Decoder, Encoding};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio_util::io::{ReaderStream, StreamReader};

use super::kinds::compression_of;
use super::places::Found;
use crate::error::{failed, invalid, message};

/// The bytes read at a time.
pub const PIECE: usize = 1 << 20;
/// The most bytes of one row. A longer one most likely has an unclosed quote or bracket.
pub const LONGEST_ROW: usize = 64 << 20;

/// A file, and how to turn its bytes into text.
#[derive(Clone)]
pub struct Source {
    pub store: Arc<dyn ObjectStore>,
    pub meta: ObjectMeta,
    /// The name for messages.
    pub name: String,
    pub compression: FileCompressionType,
    /// The encoding; `None` for UTF-8.
    pub encoding: Option<&'static Encoding>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Source {
    /// A source for a file. The compression is `compression`, else what the end of the file's name says.
    pub fn of(file: Found, compression: Option<&str>) -> Self {
        let compression = match compression.or_else(|| compression_of(&file.name)) {
            Some("gzip") => FileCompressionType::GZIP,
            Some("zstd") => FileCompressionType::ZSTD,
            Some("bzip2") => FileCompressionType::BZIP2,
            Some("xz") => FileCompressionType::XZ,
            _ => FileCompressionType::UNCOMPRESSED,
        };
        Self { store: file.store, meta: file.meta, name: file.name, compression, encoding: None }
    }

    /// True when a part of the file can be read without reading what comes before it.
    pub fn is_divisible(&self) -> bool {
        self.encoding.is_none() && !self.compression.is_compressed()
    }

    /// The pieces from byte `start` up to `end`, exclusive. A file that is not divisible is read from its beginning, and `start` counts
    /// bytes of the decoded text.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn pieces(&self, start: u64, end: u64) -> Result<Pieces> {
        if self.is_divisible() {
            return Ok(Pieces {
                from: From::Ranges { source: self.clone(), at: start, end },
                buffer: Bytes::new(),
                is_last: false,
                place: start,
            });
        }
        let stream = self.store.get(&self.meta.location).await?.into_stream().map_err(Into::into).boxed();
        let stream = decompressed(self.compression, stream);
        let decoder = self.encoding.map(Encoding::new_decoder);
        let text = Text {
            name: self.name.clone(),
            stream,
            decoder,
            text: vec![],
            skip: usize::try_from(start).unwrap_or(usize::MAX),
            ended: false,
        };
        Ok(Pieces { from: From::Stream(Box::new(text)), buffer: Bytes::new(), is_last: false, place: start })
    }
}

impl Source {
    /// The number of the line, from 1, that contains byte `place` of the text.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn line(&self, place: u64, line_end: u8) -> Result<usize> {
        let mut pieces = self.pieces(0, if self.is_divisible() { place } else { self.meta.size }).await?;
        let (mut used, mut line) = (0, 1);
        loop {
            pieces.next(used, PIECE).await?;
            let left = usize::try_from(place.saturating_sub(pieces.place())).unwrap_or(usize::MAX);
            let bytes = &pieces.bytes()[..pieces.bytes().len().min(left)];
            line += bytes.iter().filter(|byte| **byte == line_end).count();
            used = bytes.len();
            if bytes.is_empty() || pieces.is_last() {
                return Ok(line);
            }
        }
    }
}

/// The decompressed bytes. A file may consist of several compressed streams one after the other, as `pbzip2`, `pzstd` and `cat` write
/// them; DataFusion's own decoders stop after the first, except that of gzip.
fn decompressed(
    compression: FileCompressionType,
    stream: BoxStream<'static, Result<Bytes>>,
) -> BoxStream<'static, Result<Bytes>> {
    macro_rules! all_streams {
        ($decoder:ident) => {{
            let mut decoder = $decoder::new(StreamReader::new(stream));
            decoder.multiple_members(true);
            ReaderStream::new(decoder).map_err(damaged).boxed()
        }};
    }
    match compression {
        FileCompressionType::GZIP => all_streams!(GzipDecoder),
        FileCompressionType::BZIP2 => all_streams!(BzDecoder),
        FileCompressionType::XZ => all_streams!(XzDecoder),
        FileCompressionType::ZSTD => all_streams!(ZstdDecoder),
        _ => stream,
    }
}

fn damaged(error: io::Error) -> DataFusionError {
    match error.kind() {
        // The decoder of xz reports the end of its input as a lack of memory.
        ErrorKind::UnexpectedEof | ErrorKind::OutOfMemory => {
            DataFusionError::Execution("the compressed data is cut off; copy or download the file again".into())
        }
        // An error of the place that the file comes from, passed on by the decoder.
        _ if error.get_ref().is_some_and(|inner| inner.is::<DataFusionError>()) => error.into(),
        _ => DataFusionError::Execution(format!(
            "the data is damaged, or not compressed as the name says ({error}); compression => 'none' reads it as it is"
        )),
    }
}

/// Reads a file piece by piece. Bytes of a piece that were not used are at the start of the next one.
pub struct Pieces {
    from: From,
    buffer: Bytes,
    is_last: bool,
    /// The position of the buffer in the file or its text.
    place: u64,
}

enum From {
    Ranges { source: Source, at: u64, end: u64 },
    Stream(Box<Text>),
}

impl Pieces {
    /// The current bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.buffer
    }

    /// True when nothing follows the current bytes.
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// The position of the current bytes, in the file or its text.
    pub fn place(&self) -> u64 {
        self.place
    }

    /// Advances past `used` of the current bytes, and reads about `size` bytes from there.
    ///
    /// # Errors
    /// The file cannot be read, or has bytes that are invalid in its encoding.
    pub async fn next(&mut self, used: usize, size: usize) -> Result<()> {
        self.place += used as u64;
        match &mut self.from {
            From::Ranges { source, at, end } => {
                *at += used as u64;
                let until = (*at + size as u64).min(*end);
                self.is_last = until == *end;
                self.buffer = match *at < until {
                    true => source.store.get_range(&source.meta.location, *at..until).await?,
                    false => Bytes::new(),
                };
            }
            From::Stream(text) => {
                self.is_last = text.fill(used, size).await?;
                self.buffer = Bytes::copy_from_slice(&text.text);
            }
        }
        Ok(())
    }
}

/// The text of a file that can only be read from its beginning.
struct Text {
    name: String,
    stream: BoxStream<'static, Result<Bytes>>,
    decoder: Option<Decoder>,
    text: Vec<u8>,
    /// The number of bytes of text still to skip.
    skip: usize,
    ended: bool,
}

impl Text {
    /// Drops the used bytes and reads until there are `size` bytes; returns true at the end of the file.
    async fn fill(&mut self, used: usize, size: usize) -> Result<bool> {
        self.text.drain(..used.min(self.text.len()));
        while !self.ended && self.text.len() < size {
            match self.stream.next().await {
                Some(piece) => {
                    let piece = piece.map_err(|error| {
                        let error = message(&error);
                        failed(&self.name, format!("cannot be read: {error}"))
                    })?;
                    self.add(&piece, false)?;
                }
                None => {
                    self.add(&[], true)?;
                    self.ended = true;
                }
            }
        }
        Ok(self.ended)
    }

    fn add(&mut self, piece: &[u8], is_last: bool) -> Result<()> {
        let before = self.text.len();
        match &mut self.decoder {
            None => self.text.extend_from_slice(piece),
            Some(decoder) => {
                let most = decoder.max_utf8_buffer_length(piece.len()).unwrap_or(piece.len() * 3 + 16);
                let mut text = vec![0; most];
                let (result, _, written, had_errors) = decoder.decode_to_utf8(piece, &mut text, is_last);
                if had_errors || result == CoderResult::OutputFull {
                    let problem = format!(
                        "holds bytes that are not valid {}; give another encoding => '…', or convert the file",
                        decoder.encoding().name().to_lowercase()
                    );
                    return Err(invalid(&self.name, problem));
                }
                text.truncate(written);
                self.text.append(&mut text);
            }
        }
        let skipped = self.skip.min(self.text.len() - before);
        self.text.drain(before..before + skipped);
        self.skip -= skipped;
        Ok(())
    }
}
