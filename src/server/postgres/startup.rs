//! The startup of a connection: TLS, user and database.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::requests::violation;
use super::wire::{Incoming, Missing, Stream};
use crate::error::{SqlState, coded};
use crate::server::tls::Tls;

const SSL: i32 = 80_877_103;
const GSS: i32 = 80_877_104;
const CANCEL: i32 = 80_877_102;
/// The maximum size of a startup message in bytes, as in PostgreSQL.
const MOST: usize = 10_000;

/// The first request of a client.
pub enum Beginning {
    /// To connect.
    Connect(Box<Start>),
    /// To cancel the statement of another connection.
    Cancel { pid: i32, secret: i32 },
    /// None: it has disconnected, or does not speak the protocol.
    Nothing,
}

/// A client that wants to connect.
pub struct Start {
    pub incoming: Incoming<Box<dyn Stream>>,
    pub is_secure: bool,
    /// `user`, `database`, and settings.
    pub parameters: BTreeMap<String, String>,
    /// Set when the client requests a newer protocol version or unknown protocol options: the answer says that the server speaks 3.0.
    pub unknown: Option<Vec<String>>,
    /// An error in the startup message, to be reported to the client.
    pub refused: Option<DataFusionError>,
}

/// Reads the startup of a connection, switching `stream` to TLS when requested.
pub async fn begin(stream: TcpStream, tls: Option<&Tls>) -> Beginning {
    let mut first = [0];
    let is_tls = matches!(stream.peek(&mut first).await, Ok(1)) && first == [0x16];
    match (is_tls, tls) {
        (true, Some(tls)) => secure(stream, tls, true).await,
        (true, None) => Beginning::Nothing,
        (false, tls) => plain(Incoming::new(stream), tls).await,
    }
}

/// A connection that begins without TLS, and may request it.
async fn plain(mut incoming: Incoming<TcpStream>, tls: Option<&Tls>) -> Beginning {
    for _ in 0..3 {
        let Ok(mut body) = incoming.startup(MOST).await else { return Beginning::Nothing };
        match (body.get_i32(), tls) {
            (SSL, Some(tls)) => {
                // Data sent before TLS must not be treated as sent within it: a man in the middle could inject statements (as in
                // CVE-2021-23214).
                if incoming.has_more() {
                    return Beginning::Nothing;
                }
                let mut stream = incoming.into_stream();
                if stream.write_all(b"S").await.is_err() {
                    return Beginning::Nothing;
                }
                return secure(stream, tls, false).await;
            }
            (SSL | GSS, _) => {
                if incoming.stream().write_all(b"N").await.is_err() {
                    return Beginning::Nothing;
                }
            }
            (code, _) => return wanted(code, body, incoming.map(|stream| Box::new(stream) as Box<dyn Stream>), false),
        }
    }
    Beginning::Nothing
}

async fn secure(stream: TcpStream, tls: &Tls, is_direct: bool) -> Beginning {
    let Ok(stream) = tls.acceptor.accept(stream).await else { return Beginning::Nothing };
    if is_direct && stream.get_ref().1.alpn_protocol() != Some(b"postgresql") {
        return Beginning::Nothing;
    }
    after_tls(Box::new(stream), true).await
}

/// A connection for which TLS is settled: within TLS, or on a Unix socket.
pub async fn after_tls(stream: Box<dyn Stream>, is_secure: bool) -> Beginning {
    let mut incoming = Incoming::new(stream);
    for _ in 0..3 {
        let Ok(mut body) = incoming.startup(MOST).await else { return Beginning::Nothing };
        match body.get_i32() {
            SSL | GSS if !is_secure => {
                if incoming.stream().write_all(b"N").await.is_err() {
                    return Beginning::Nothing;
                }
            }
            code => return wanted(code, body, incoming, is_secure),
        }
    }
    Beginning::Nothing
}

fn wanted(code: i32, mut body: Bytes, incoming: Incoming<Box<dyn Stream>>, is_secure: bool) -> Beginning {
    if code == CANCEL {
        return match (body.try_get_i32(), body.try_get_i32()) {
            (Ok(pid), Ok(secret)) => Beginning::Cancel { pid, secret },
            _ => Beginning::Nothing,
        };
    }
    let (major, minor) = (code >> 16, code & 0xffff);
    let mut start = Start { incoming, is_secure, parameters: BTreeMap::new(), unknown: None, refused: None };
    if major != 3 {
        let problem = format!("version {major}.{minor} is not supported; use 3.0");
        start.refused = Some(coded(SqlState::FEATURE_NOT_SUPPORTED, "protocol", problem));
        return Beginning::Connect(Box::new(start));
    }
    match parameters(&body) {
        Ok(found) => {
            let options: Vec<String> = found.keys().filter(|name| name.starts_with("_pq_.")).cloned().collect();
            if minor > 0 || !options.is_empty() {
                start.unknown = Some(options);
            }
            start.parameters = found;
        }
        Err(error) => start.refused = Some(error),
    }
    Beginning::Connect(Box::new(start))
}

/// Parses pairs of zero-terminated strings, followed by one more zero byte.
fn parameters(body: &[u8]) -> Result<BTreeMap<String, String>> {
    let pairs = body.strip_suffix(&[0]).ok_or_else(|| violation("the startup message is not terminated"))?;
    let mut texts = pairs.split(|byte| *byte == 0).map(|text| {
        std::str::from_utf8(text).map(str::to_string).map_err(|_| violation("the startup message is not valid UTF-8"))
    });
    let mut found = BTreeMap::new();
    while let Some(name) = texts.next().transpose()? {
        if name.is_empty() {
            break;
        }
        let value = texts.next().transpose()?.ok_or_else(|| violation(format!("the parameter {name} has no value")))?;
        found.insert(name, value);
    }
    Ok(found)
}

/// Parses `-c name=value --name=value` in the parameter `options`.
///
/// # Errors
/// Anything else.
pub fn options(text: &str) -> Result<Vec<(String, String)>> {
    // A backslash escapes a space in a value.
    let (mut words, mut word, mut letters) = (vec![], String::new(), text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => word.extend(letters.next()),
            letter if letter.is_whitespace() => words.push(std::mem::take(&mut word)),
            letter => word.push(letter),
        }
    }
    words.push(word);
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    let mut found = vec![];
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("-c") {
            Some("") => words.next().unwrap_or_default(),
            Some(joined) => joined.to_string(),
            None => match word.strip_prefix("--") {
                Some(long) => long.replace('-', "_"),
                None => return Err(coded(SqlState::SYNTAX_ERROR, "options", format!("must be -c name=value, got {word}"))),
            },
        };
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| coded(SqlState::SYNTAX_ERROR, "options", format!("must be -c name=value, got {setting}")))?;
        found.push((name.trim().to_string(), value.to_string()));
    }
    Ok(found)
}

/// The error to report when a message did not arrive; `None` when there is no client left to read it.
pub fn missing(missing: &Missing, most: usize) -> Option<DataFusionError> {
    match missing {
        Missing::Gone => None,
        Missing::Length(length) => Some(violation(format!("a message has {length} bytes, and at most {most} are allowed"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let found = options("-c statement_timeout=5min  -csearch_path=a\\ b --work-mem=4MB").unwrap();
        let expected = [("statement_timeout", "5min"), ("search_path", "a b"), ("work_mem", "4MB")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_string(), value.to_string())));
        assert!(options("-x").is_err() && options("-c nothing").is_err());
    }

    #[test]
    fn parameters_end_as_they_must() {
        let found = parameters(b"user\0ada\0database\0portrait\0\0").unwrap();
        assert_eq!((found["user"].as_str(), found["database"].as_str()), ("ada", "portrait"));
        assert!(parameters(b"user\0ada\0").is_ok() && parameters(b"user").is_err() && parameters(b"\xff\0a\0\0").is_err());
    }
}
