//! The client's messages of protocol 3, each parsed within its own bounds.
//!
//! A message that is shorter or longer than its parts is a protocol error, never a panic, and never read into the next message. Therefore
//! they are parsed here and not by `pgwire`, whose decoders trust the counts inside a message.
//!
//! Source: PostgreSQL 16, "Message Formats".

use bytes::{Buf, Bytes};
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use crate::error::{SqlState, coded};

/// A statement or a portal, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    Statement(String),
    Portal(String),
}

/// A message of a client after the startup.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Statements as text, to be run one after another.
    Query(String),
    /// Prepares a statement; parameter types given as 0 are inferred.
    Parse {
        name: String,
        sql: String,
        types: Vec<u32>,
    },
    /// Binds values to a prepared statement.
    Bind {
        portal: String,
        statement: String,
        formats: Vec<i16>,
        values: Vec<Option<Bytes>>,
        results: Vec<i16>,
    },
    Describe(Named),
    /// Fetches rows of a portal; 0 means all.
    Execute {
        portal: String,
        most: i32,
    },
    Close(Named),
    Flush,
    Sync,
    /// A password, or a message of a SASL exchange.
    Password(Bytes),
    CopyData(Bytes),
    CopyDone,
    CopyFail(String),
    /// Calls a function by its OID: a legacy message, which is refused.
    FunctionCall,
    Terminate,
}

impl Request {
    /// Parses a message from its type byte and its body.
    ///
    /// # Errors
    /// An unknown type, or a malformed body.
    pub fn read(letter: u8, body: Bytes) -> Result<Self> {
        let mut body = Body(body);
        let request = match letter {
            b'Q' => Self::Query(body.text()?),
            b'P' => {
                let (name, sql) = (body.text()?, body.text()?);
                let types = body.many(Body::number)?.into_iter().map(|oid: i32| oid as u32).collect();
                Self::Parse { name, sql, types }
            }
            b'B' => {
                let (portal, statement) = (body.text()?, body.text()?);
                let (formats, values) = (body.many(Body::short)?, body.many(Body::value)?);
                Self::Bind { portal, statement, formats, values, results: body.many(Body::short)? }
            }
            b'D' => Self::Describe(body.named()?),
            b'E' => Self::Execute { portal: body.text()?, most: body.number()? },
            b'C' => Self::Close(body.named()?),
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'p' => Self::Password(body.rest()),
            b'd' => Self::CopyData(body.rest()),
            b'c' => Self::CopyDone,
            b'f' => Self::CopyFail(body.text()?),
            b'F' => {
                body.rest();
                Self::FunctionCall
            }
            b'X' => Self::Terminate,
            other => {
                return Err(violation(format!(
                    "there is no message of type {:?}",
                    char::from(other).escape_default().to_string()
                )));
            }
        };
        if body.0.has_remaining() {
            return Err(violation(format!("a message of type {:?} is longer than its parts", char::from(letter))));
        }
        Ok(request)
    }
}

/// The error for bytes that are not a message.
pub fn violation(problem: impl std::fmt::Display) -> DataFusionError {
    coded(SqlState::PROTOCOL_VIOLATION, "protocol", problem)
}

/// The unread part of a message.
struct Body(Bytes);

impl Body {
    fn short(&mut self) -> Result<i16> {
        self.0.try_get_i16().map_err(|_| too_short())
    }

    fn number(&mut self) -> Result<i32> {
        self.0.try_get_i32().map_err(|_| too_short())
    }

    /// A zero-terminated string.
    fn text(&mut self) -> Result<String> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or_else(too_short)?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        String::from_utf8(text.to_vec())
            .map_err(|_| coded(SqlState::CHARACTER_NOT_IN_REPERTOIRE, "client", "sent bytes that are not valid UTF-8"))
    }

    /// Values preceded by their count.
    fn many<T>(&mut self, one: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        // The count is unsigned, as in PostgreSQL: up to 65,535 parameters.
        let count = self.short()? as u16;
        (0..count).map(|_| one(self)).collect()
    }

    /// A value preceded by its length; -1 means NULL.
    fn value(&mut self) -> Result<Option<Bytes>> {
        let length = self.number()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).ok().filter(|length| *length <= self.0.len()).ok_or_else(too_short)?;
        Ok(Some(self.0.split_to(length)))
    }

    fn named(&mut self) -> Result<Named> {
        let kind = self.0.try_get_u8().map_err(|_| too_short())?;
        let name = self.text()?;
        match kind {
            b'S' => Ok(Named::Statement(name)),
            b'P' => Ok(Named::Portal(name)),
            _ => Err(violation("a statement is of kind S, a portal of kind P")),
        }
    }

    fn rest(&mut self) -> Bytes {
        self.0.split_off(0)
    }
}

fn too_short() -> DataFusionError {
    violation("a message is shorter than its parts")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(letter: u8, body: &[u8]) -> Result<Request> {
        Request::read(letter, Bytes::copy_from_slice(body))
    }

    #[test]
    fn messages_are_read() {
        assert_eq!(read(b'Q', b"SELECT 1\0").unwrap(), Request::Query("SELECT 1".into()));
        let parse = read(b'P', b"s\0SELECT $1\0\0\x01\0\0\0\x17").unwrap();
        assert_eq!(parse, Request::Parse { name: "s".into(), sql: "SELECT $1".into(), types: vec![23] });
        let bind = read(b'B', b"\0s\0\0\x01\0\x01\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\0").unwrap();
        let values = vec![Some(Bytes::from_static(b"a")), None];
        assert_eq!(
            bind,
            Request::Bind { portal: String::new(), statement: "s".into(), formats: vec![1], values, results: vec![] }
        );
    }

    #[test]
    fn whatever_is_sent_is_a_message_or_an_error() {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        for _ in 0..20_000 {
            let letter = b"QPBDECHSpdcfFX"[usize::from(next()) % 14];
            let body: Vec<u8> = (0..next() % 24).map(|_| if next() % 2 == 0 { next() % 4 } else { next() }).collect();
            let _ = read(letter, &body);
        }
        for body in [&b"\0\0\xff\xff"[..], b"\0\0\0\0\0\x01\x7f\xff\xff\xff", b"\0\0\0\0\0\x01\x80\0\0\0"] {
            assert!(read(b'B', body).is_err());
        }
    }
}
