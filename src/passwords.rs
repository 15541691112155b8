//! What is kept of passwords.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use datafusion::common::Result;
use pgwire::api::auth::sasl::scram::{ScramSecret, gen_salted_password};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::failed;

const MECHANISM: &str = "SCRAM-SHA-256";
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

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl Verifier {
    /// The verifier of a password, with a salt of its own.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn of(password: &str) -> Result<Self> {
        Ok(Self::with(password, random(SALT)?, ITERATIONS))
    }

    fn with(password: &str, salt: Vec<u8>, iterations: u32) -> Self {
        let salted = gen_salted_password(password, &salt, iterations as usize);
        match ScramSecret::verifier_from_salted_password(salt, salted, iterations as usize) {
            ScramSecret::Verifier { salt, stored_key, server_key, .. } => Self { salt, iterations, stored_key, server_key },
            ScramSecret::SaltedPassword { .. } => unreachable!("a verifier was asked for"),
        }
    }

    /// True for the password that it was made of. Takes as long for every password.
    pub fn fits(&self, password: &str) -> bool {
        let found = Self::with(password, self.salt.clone(), self.iterations);
        let differences = found.stored_key.iter().zip(&self.stored_key).map(|(found, own)| found ^ own);
        found.stored_key.len() == self.stored_key.len() && differences.fold(0, |all, one| all | one) == 0
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

fn random(bytes: usize) -> Result<Vec<u8>> {
    let mut found = vec![0; bytes];
    SystemRandom::new().fill(&mut found).map_err(|_| no_random())?;
    Ok(found)
}

fn no_random() -> datafusion::error::DataFusionError {
    failed("password", "cannot be checked: the system provides no random numbers")
}

/// The text that is kept, as PostgreSQL keeps it.
impl Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { salt, iterations, stored_key, server_key } = self;
        let [salt, stored_key, server_key] = [salt, stored_key, server_key].map(|bytes| BASE64.encode(bytes));
        write!(f, "{MECHANISM}${iterations}:{salt}${stored_key}:{server_key}")
    }
}

/// Reads what is kept; `None` for any other text, a password among them.
impl FromStr for Verifier {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let mut parts = text.strip_prefix(MECHANISM).and_then(|rest| rest.strip_prefix('$')).ok_or(())?.split('$');
        let (Some(salted), Some(keys), None) = (parts.next(), parts.next(), parts.next()) else { return Err(()) };
        let (iterations, salt) = salted.split_once(':').ok_or(())?;
        let (stored_key, server_key) = keys.split_once(':').ok_or(())?;
        let bytes = |text: &str| BASE64.decode(text).map_err(|_| ());
        let iterations = iterations.parse().map_err(|_| ())?;
        let found = Self { salt: bytes(salt)?, iterations, stored_key: bytes(stored_key)?, server_key: bytes(server_key)? };
        let is_whole = found.stored_key.len() == SHA_256 && found.server_key.len() == SHA_256 && !found.salt.is_empty();
        (is_whole && (4096..=10_000_000).contains(&iterations)).then_some(found).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_is_read_as_it_was_written() {
        let verifier = Verifier::of("铅笔 pencil").unwrap();
        let text = verifier.to_string();
        assert!(text.starts_with("SCRAM-SHA-256$100000:") && !format!("{verifier:?}").contains(&text[24..40]));
        assert!(verifier.fits("铅笔 pencil") && !verifier.fits("铅笔") && !Verifier::of_nobody("ada").unwrap().fits(""));
        assert_eq!(text.parse(), Ok(verifier));
        for wrong in ["", "pencil", "SCRAM-SHA-256$", "SCRAM-SHA-256$1:QQ==$QQ==:QQ==", "md5a3556571e93b0d20722ba62be61e8c2d"] {
            assert_eq!(wrong.parse::<Verifier>(), Err(()), "{wrong}");
        }
    }

    /// The example of RFC 7677: the password `pencil`, with its salt.
    #[test]
    fn keys_are_those_of_the_standard() {
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = Verifier::with("pencil", salt, 4096);
        let sign = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        assert_eq!(BASE64.encode(sign(&verifier.server_key, message)), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }
}
