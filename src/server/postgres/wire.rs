//! Messages on a connection: read whole and bounded, written in large pieces.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use pgwire::messages::PgWireBackendMessage;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A connection: plain, within TLS, or a Unix socket.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for T {}

/// So much is read at once.
const READ: usize = 16 << 10;
/// From so much on, what was written goes to the client.
const FULL: usize = 64 << 10;

/// Why no message came.
#[derive(Debug)]
pub enum Missing {
    /// The client is gone, or the system failed.
    Gone,
    /// A message of so many bytes, which is more than it may have, or a length that cannot be.
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

    /// True when bytes came that belong to no message that was read.
    pub fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The stream again; what was read beyond the last message is gone.
    pub fn into_stream(self) -> R {
        self.stream
    }

    /// The stream, to be written to.
    pub fn stream(&mut self) -> &mut R {
        &mut self.stream
    }

    /// The same over a stream made of this one.
    pub fn map<S>(self, made: impl FnOnce(R) -> S) -> Incoming<S> {
        Incoming { stream: made(self.stream), buffer: self.buffer }
    }

    /// A message of the startup, which has no letter.
    ///
    /// # Errors
    /// The client is gone, or the length is not between 8 and `most`.
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

    /// A message: its letter and what follows the length.
    ///
    /// # Errors
    /// The client is gone, or the message has more than `most` bytes: nothing of it was read, and nothing after it can be.
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
        // An idle connection keeps no memory for messages.
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        Ok((letter, body))
    }

    /// Reads until there are so many bytes. Memory is taken as they come, whatever the length says.
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
        // Fails for messages of more than 2 GiB, of which there are none here: rows are written by `row`.
        if message.encode(&mut bytes).is_ok() {
            self.buffer.extend_from_slice(&bytes);
        }
    }

    /// Adds a message that `write` makes, after its letter and length.
    pub fn put_with(&mut self, letter: u8, write: impl FnOnce(&mut Vec<u8>)) {
        self.buffer.push(letter);
        let begin = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 4]);
        write(&mut self.buffer);
        let length = i32::try_from(self.buffer.len() - begin).unwrap_or(i32::MAX);
        self.buffer[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// True when what was added is enough to be sent.
    pub fn is_full(&self) -> bool {
        self.buffer.len() >= FULL
    }

    /// Sends what was added. A client that reads slowly holds the sender up here.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.stream.write_all(&self.buffer).await?;
            self.buffer.clear();
            self.buffer.shrink_to(FULL);
        }
        self.stream.flush().await
    }

    /// Sends what was added, and keeps no memory until more is.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn rest(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.buffer = vec![];
        Ok(())
    }

    /// Sends what was added, and ends the connection.
    pub async fn close(&mut self) {
        // Who is gone needs no farewell.
        let _ = self.flush().await;
        let _ = self.stream.shutdown().await;
    }
}
