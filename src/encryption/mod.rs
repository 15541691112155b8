//! Encryption at rest: keys, and what is sealed with them.
//!
//! Everything is AES-256-GCM, so that a changed byte is an error and never an answer. There are three layers of keys:
//!
//! | key | where it stands | what it wraps or encrypts |
//! |---|---|---|
//! | master key | in a file, an environment variable, or what a command prints or does ([`MasterKeys`]); never in the database | the database key |
//! | database key | in the catalog, wrapped by the master key | the personal values of the catalog, and the keys of the files |
//! | file key | in the catalog, wrapped by the database key | one Parquet file, all of it |
//!
//! To rotate, a new database key is made, wrapped by the master key of today, and the small things are sealed anew; the files stay as they
//! are. What queries spill is encrypted with keys that exist in memory alone ([`spills`], [`scratch`]).
//!
//! Keys are cleared from memory when they are dropped, and are printed by nothing.

mod master;
pub mod scratch;
pub mod spills;

use std::fmt;

use datafusion::common::Result;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::error::{failed, invalid};

pub use master::{MasterKeys, key_line, made_key};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// A key.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; KEY_BYTES]>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        // Takes as long wherever they differ.
        self.0.iter().zip(other.0.iter()).fold(0, |differs, (one, two)| differs | (one ^ two)) == 0
    }
}

impl Eq for Secret {}

impl Secret {
    /// A new key.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn random() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// The key of these bytes, when they are as many as a key has.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        (bytes.len() == KEY_BYTES).then(|| key.copy_from_slice(bytes))?;
        Some(Self(key))
    }

    /// The bytes of the key.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Encrypts bytes, which can be read again by whoever says what they are about in the same words.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn seal(&self, about: &[u8], bytes: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce)?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + bytes.len() + AES_256_GCM.tag_len());
        sealed.extend(nonce);
        sealed.extend(bytes);
        let tag = self
            .cipher()?
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about), &mut sealed[NONCE_LEN..])
            .map_err(|_| failed("encryption", "the value is too long"))?;
        sealed.extend(tag.as_ref());
        Ok(sealed)
    }

    /// Decrypts what [`Self::seal`] gave; `None` when it is not that, of this key and about the same.
    pub fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let length = self.cipher().ok()?.open_in_place(nonce, Aad::from(about), &mut bytes).ok()?.len();
        bytes.truncate(length);
        Some(bytes)
    }

    /// What encrypts with this key.
    fn cipher(&self) -> Result<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM, self.bytes()).map_err(|_| failed("encryption", "the key has a wrong length"))?;
        Ok(LessSafeKey::new(key))
    }
}

/// Refuses an option of Parquet files that would put keys into SQL.
///
/// # Errors
/// It is one.
pub fn refuse_in_sql(option: &str) -> Result<()> {
    let option = option.to_lowercase();
    if !option.strip_prefix("format.").unwrap_or(&option).starts_with("crypto.") {
        return Ok(());
    }
    // Neither a key nor the name of a column is said again.
    let problem = "cannot be given in SQL, because keys would end up in histories and logs; a database created by portrait init --encrypt is encrypted, what COPY writes is not";
    Err(invalid("crypto options", problem))
}

/// Random bytes.
fn fill(bytes: &mut [u8]) -> Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| failed("encryption", "the system provides no random numbers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_read_by_who_knows_key_and_subject() {
        let (key, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        for text in ["", "13800138000", "一二三"] {
            let sealed = key.seal(b"runs.message 7", text.as_bytes()).unwrap();
            assert_ne!(sealed, key.seal(b"runs.message 7", text.as_bytes()).unwrap(), "each time another nonce");
            assert_eq!(key.open(b"runs.message 7", &sealed).unwrap().as_slice(), text.as_bytes());
            assert!(key.open(b"runs.message 8", &sealed).is_none() && other.open(b"runs.message 7", &sealed).is_none());
            for bit in 0..sealed.len() * 8 {
                let mut flipped = sealed.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(key.open(b"runs.message 7", &flipped).is_none(), "bit {bit}");
            }
            assert!(key.open(b"runs.message 7", &sealed[..sealed.len() - 1]).is_none());
        }
        assert!(key.open(b"", b"short").is_none() && key != other && key == key.clone());
        assert_eq!(format!("{key:?}"), "Secret");
        assert!(Secret::of(&[0; 31]).is_none() && Secret::of(key.bytes()) == Some(key));
    }
}
