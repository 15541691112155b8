//! Tickets, with which a client fetches the rows that it requested. They are signed, so that clients cannot forge them, and valid for an
//! hour, so that a client may lose its connection in between.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use datafusion::common::Result;
use ring::hmac;
use ring::rand::SystemRandom;
use serde::{Deserialize, Serialize};

use super::statements::Told;
use crate::error::{SqlState, coded, failed};

const LIFE: Duration = Duration::from_secs(3600);
const SIGNATURE: usize = 32;

/// The contents of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The session that requested it.
    pub session: [u8; 32],
    /// The number of the statement in the session.
    pub number: u64,
    /// The query, if the ticket contains it.
    pub query: Option<String>,
    /// True when the session holds the statement until its rows are read. Without this and without a query, the statement has run and has
    /// no rows.
    pub is_held: bool,
    /// The transaction that it is part of.
    pub transaction: Option<Vec<u8>>,
    /// When it expires, in seconds since 1970.
    until: u64,
}

/// Creates and reads tickets.
pub struct Tickets(hmac::Key);

impl Tickets {
    /// # Errors
    /// The system provides no random numbers.
    pub fn new() -> Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        key.map(Self).map_err(|_| failed("server", "the system provides no random numbers"))
    }

    /// Creates a ticket of a session.
    ///
    /// # Errors
    /// None in practice.
    pub fn seal(&self, session: [u8; 32], told: &Told, transaction: Option<&[u8]>) -> Result<Bytes> {
        let transaction = transaction.map(<[u8]>::to_vec);
        let (number, query, is_held) = (told.number, told.query.clone(), told.is_held);
        let ticket = Ticket { session, number, query, is_held, transaction, until: now() + LIFE.as_secs() };
        let body = postcard::to_stdvec(&ticket).map_err(|error| failed("ticket", error))?;
        let mut sealed = hmac::sign(&self.0, &body).as_ref().to_vec();
        sealed.extend_from_slice(&body);
        Ok(sealed.into())
    }

    /// Reads a ticket.
    ///
    /// # Errors
    /// It was not made by this server, or it has expired.
    pub fn open(&self, sealed: &[u8]) -> Result<Ticket> {
        let wrong = || coded(SqlState::INVALID_PARAMETER_VALUE, "ticket", "was not issued by this server; request a new one");
        let (signature, body) = sealed.split_at_checked(SIGNATURE).ok_or_else(wrong)?;
        hmac::verify(&self.0, body, signature).map_err(|_| wrong())?;
        let ticket: Ticket = postcard::from_bytes(body).map_err(|_| wrong())?;
        if ticket.until < now() {
            return Err(coded(SqlState::INVALID_PARAMETER_VALUE, "ticket", "has expired; request a new one"));
        }
        Ok(ticket)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::Schema;
    use std::sync::Arc;

    #[test]
    fn a_ticket_is_read_as_it_was_made_and_not_otherwise() {
        let tickets = Tickets::new().unwrap();
        let columns = Arc::new(Schema::empty());
        let told = Told { columns, number: 3, query: Some("SELECT '上海'".into()), is_held: false, written: -1 };
        let sealed = tickets.seal([7; 32], &told, None).unwrap();
        let found = tickets.open(&sealed).unwrap();
        assert_eq!((found.number, found.query.as_deref()), (3, Some("SELECT '上海'")));
        for place in 0..sealed.len() {
            let mut other = sealed.to_vec();
            other[place] ^= 1;
            assert!(tickets.open(&other).is_err() && tickets.open(&sealed[..place]).is_err());
        }
        assert!(Tickets::new().unwrap().open(&sealed).is_err());
    }
}
