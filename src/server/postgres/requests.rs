//! What clients ask: the messages of protocol 3, each read within its own bounds.
//!
//! A message that is shorter or longer than its parts is an error of the protocol, never a panic and never a part of the next message;
//! so they are read here and not by `pgwire`, whose decoders trust the counts within a message.
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
    /// A statement is prepared; types that are 0 are found out.
    Parse {
        name: String,
        sql: String,
        types: Vec<u32>,
    },
    /// A prepared statement gets its values.
    Bind {
        portal: String,
        statement: String,
        formats: Vec<i16>,
        values: Vec<Option<Bytes>>,
        results: Vec<i16>,
    },
    Describe(Named),
    /// Rows of a portal; 0 is all.
    Execute {
        portal: String,
        most: i32,
    },
    Close(Named),
    Flush,
    Sync,
    /// A password, or a step of SASL.
    Password(Bytes),
    CopyData(Bytes),
    CopyDone,
    CopyFail(String),
    /// A function called by its number: of before version 3, refused.
    FunctionCall,
    Terminate,
}

impl Request {
    /// Reads a message: its letter, and all that follows the length.
    ///
    /// # Errors
    /// An unknown letter, or a message that does not hold what it must.
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

/// What is left of a message.
struct Body(Bytes);

impl Body {
    fn short(&mut self) -> Result<i16> {
        self.0.try_get_i16().map_err(|_| too_short())
    }

    fn number(&mut self) -> Result<i32> {
        self.0.try_get_i32().map_err(|_| too_short())
    }

    /// A text that ends with a zero byte.
    fn text(&mut self) -> Result<String> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or_else(too_short)?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        String::from_utf8(text.to_vec())
            .map_err(|_| coded(SqlState::CHARACTER_NOT_IN_REPERTOIRE, "client", "sent bytes that are not valid UTF-8"))
    }

    /// Values with their count before them.
    fn many<T>(&mut self, one: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        // A count without a sign, as PostgreSQL reads it: 65,535 parameters.
        let count = self.short()? as u16;
        (0..count).map(|_| one(self)).collect()
    }

    /// A value with its length before it; -1 is NULL.
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
