//! Messages on a connection: read completely and within size limits, written with buffering.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use pgwire::messages::PgWireBackendMessage;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A connection: plain, within TLS, or a Unix socket.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for T {}

/// Bytes to read at a time.
const READ: usize = 16 << 10;
/// Bytes in the buffer from which it is sent to the client.
const FULL: usize = 64 << 10;

/// Why no message arrived.
#[derive(Debug)]
pub enum Missing {
    /// The client has disconnected, or the connection failed.
    Gone,
    /// The message has this many bytes, more than allowed; or an invalid length.
    Length(usize),
}

/// Reads messages.
pub struct Incoming<R> {
    stream: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Incoming<R> {
    pub fn new(stream: R) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// True when bytes were received beyond the last message read.
    pub fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The underlying stream; bytes read beyond the last message are discarded.
    pub fn into_stream(self) -> R {
        self.stream
    }

    /// The underlying stream, for writing.
    pub fn stream(&mut self) -> &mut R {
        &mut self.stream
    }

    /// The same reader over a stream made from this one.
    pub fn map<S>(self, made: impl FnOnce(R) -> S) -> Incoming<S> {
        Incoming { stream: made(self.stream), buffer: self.buffer }
    }

    /// Reads a startup message, which has no type byte.
    ///
    /// # Errors
    /// The client has disconnected, or the length is not between 8 and `most`.
    pub async fn startup(&mut self, most: usize) -> Result<Bytes, Missing> {
        self.fill(4).await?;
        let length = usize::try_from(i32::from_be_bytes([self.buffer[0], self.buffer[1], self.buffer[2], self.buffer[3]]));
        let length = length.map_err(|_| Missing::Length(usize::MAX))?;
        if !(8..=most).contains(&length) {
            return Err(Missing::Length(length));
        }
        self.fill(length).await?;
        self.buffer.advance(4);
        Ok(self.buffer.split_to(length - 4).freeze())
    }

    /// Reads a message: its type byte and its body.
    ///
    /// # Errors
    /// The client has disconnected, or the message has more than `most` bytes; then none of it was read, and nothing after it can be.
    pub async fn message(&mut self, most: usize) -> Result<(u8, Bytes), Missing> {
        self.fill(5).await?;
        let length = i32::from_be_bytes([self.buffer[1], self.buffer[2], self.buffer[3], self.buffer[4]]);
        let length = usize::try_from(length).map_err(|_| Missing::Length(usize::MAX))?;
        if !(4..=most).contains(&length) {
            return Err(Missing::Length(length));
        }
        self.fill(length + 1).await?;
        let letter = self.buffer[0];
        self.buffer.advance(5);
        let body = self.buffer.split_to(length - 4).freeze();
        // An idle connection keeps no buffer.
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        Ok((letter, body))
    }

    /// Reads until this many bytes are buffered. Memory is allocated as they arrive, whatever length the client announces.
    async fn fill(&mut self, wanted: usize) -> Result<(), Missing> {
        while self.buffer.len() < wanted {
            self.buffer.reserve(READ.min(wanted - self.buffer.len()).max(512));
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Err(Missing::Gone),
                Ok(_) => {}
            }
        }
        Ok(())
    }
}

/// Writes messages.
pub struct Outgoing<W> {
    stream: W,
    buffer: Vec<u8>,
}

impl<W: AsyncWrite + Unpin> Outgoing<W> {
    pub fn new(stream: W) -> Self {
        Self { stream, buffer: vec![] }
    }

    /// Adds a message.
    pub fn put(&mut self, message: &PgWireBackendMessage) {
        let mut bytes = BytesMut::new();
        // Fails only for messages of more than 2 GiB, which do not occur here: rows are written with `put_with`.
        if message.encode(&mut bytes).is_ok() {
            self.buffer.extend_from_slice(&bytes);
        }
    }

    /// Adds a message with a body written by `write`.
    pub fn put_with(&mut self, letter: u8, write: impl FnOnce(&mut Vec<u8>)) {
        self.buffer.push(letter);
        let begin = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 4]);
        write(&mut self.buffer);
        let length = i32::try_from(self.buffer.len() - begin).unwrap_or(i32::MAX);
        self.buffer[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// True when the buffer should be sent.
    pub fn is_full(&self) -> bool {
        self.buffer.len() >= FULL
    }

    /// Sends the buffer. A client that reads slowly holds up the sender here.
    ///
    /// # Errors
    /// The client has disconnected.
    pub async fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.stream.write_all(&self.buffer).await?;
            self.buffer.clear();
            // A stretch of rows may be longer than a full buffer; beyond that, the memory of a wide row is given back.
            self.buffer.shrink_to(4 * FULL);
        }
        self.stream.flush().await
    }

    /// Sends the buffer, and frees its memory.
    ///
    /// # Errors
    /// The client has disconnected.
    pub async fn rest(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.buffer = vec![];
        Ok(())
    }

    /// Sends the buffer, and closes the connection.
    pub async fn close(&mut self) {
        // Errors do not matter if the client is already gone.
        let _ = self.flush().await;
        let _ = self.stream.shutdown().await;
    }
}
