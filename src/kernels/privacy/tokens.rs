//! Tokens that the key turns back into values.
//!
//! ```text
//! key of use    HKDF-SHA-256(key, info = purpose)                                      RFC 5869
//! token         v1: base64url of AES-256-GCM-SIV(key of use, nonce 0, value)           RFC 8452
//! of digits     FF1 with AES-256 over the digits of the value                          NIST SP 800-38G
//! ```
//! Equal values have equal tokens, so tables can be joined by them. The nonce is therefore constant. AES-GCM-SIV then reveals only which
//! values are equal; AES-GCM would not survive a repeated nonce.

use std::fmt;

use aes::Aes256;
use aes_gcm_siv::aead::{Aead, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fpe::ff1::{FF1, FlexibleNumeralString};

use super::pseudonyms::Keys;

/// The number of digits a value may have: fewer could be found by trying all, and FF1 has not been examined for more.
pub const DIGITS: std::ops::RangeInclusive<usize> = 6..=56;
const NONCE: [u8; 12] = [0; 12];

/// Creates the tokens of one purpose, and opens them.
pub struct Sealer {
    version: String,
    text: Aes256GcmSiv,
    digits: FF1<Aes256>,
}

// Keys must never be logged.
impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({})", self.version)
    }
}

impl Sealer {
    /// Creates the sealer of a purpose, with the newest version of the key or the named one; `None` if there is no such version.
    pub fn new(keys: &Keys, purpose: &str, version: Option<&str>) -> Option<Self> {
        let (version, of_text) = keys.secret(b"portrait tokens", purpose, version)?;
        let (_, of_digits) = keys.secret(b"portrait tokens of digits", purpose, Some(&version))?;
        let text = Aes256GcmSiv::new_from_slice(of_text.as_slice()).ok()?;
        let digits = FF1::<Aes256>::new(of_digits.as_slice(), 10).ok()?;
        Some(Self { version, text, digits })
    }

    /// The token of a value.
    pub fn seal(&self, value: &str) -> Option<String> {
        let sealed = self.text.encrypt(&Nonce::from(NONCE), value.as_bytes()).ok()?;
        Some(format!("{}:{}", self.version, URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// The value of a token; `None` if the token is not of this purpose and version.
    pub fn open(&self, token: &str) -> Option<String> {
        let (version, sealed) = token.split_once(':')?;
        if version != self.version {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        String::from_utf8(self.text.decrypt(&Nonce::from(NONCE), sealed.as_slice()).ok()?).ok()
    }

    /// Replaces the digits of a value by others and keeps everything else; `None` if there are too few or too many digits.
    pub fn seal_digits(&self, value: &str) -> Option<String> {
        self.with_digits(value, |digits| self.digits.encrypt(&[], digits).ok())
    }

    /// Restores the digits replaced by [`seal_digits`](Self::seal_digits).
    pub fn open_digits(&self, token: &str) -> Option<String> {
        self.with_digits(token, |digits| self.digits.decrypt(&[], digits).ok())
    }

    fn with_digits(
        &self,
        value: &str,
        change: impl Fn(&FlexibleNumeralString) -> Option<FlexibleNumeralString>,
    ) -> Option<String> {
        let digits: Vec<u16> =
            value.chars().filter_map(|letter| letter.to_digit(10)).filter_map(|digit| digit.try_into().ok()).collect();
        if !DIGITS.contains(&digits.len()) {
            return None;
        }
        let changed: Vec<u16> = change(&FlexibleNumeralString::from(digits))?.into();
        let mut next = changed.into_iter();
        value
            .chars()
            .map(|letter| match letter.is_ascii_digit() {
                true => char::from_digit(next.next()?.into(), 10),
                false => Some(letter),
            })
            .collect()
    }
}

/// The version of the key that created a token.
pub fn version_of(token: &str) -> Option<&str> {
    token.split_once(':').map(|(version, _)| version)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn tokens_lead_back_for_their_purpose_alone() {
        let (one, two) = (STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
        let keys = Keys::read(&format!("v1:{one}\nv2:{two}")).unwrap();
        let sealer = |purpose, version| Sealer::new(&keys, purpose, version).unwrap();
        let own = sealer("delivery", None);
        for value in ["13800138000", "", "张三", "+86 138-0013-8000"] {
            let token = own.seal(value).unwrap();
            assert!(token.starts_with("v2:") && token == own.seal(value).unwrap());
            assert_eq!(own.open(&token).as_deref(), Some(value));
            assert_eq!(sealer("marketing", None).open(&token), None);
            assert_eq!(sealer("delivery", Some("v1")).open(&token), None);
            let mut changed = token.into_bytes();
            *changed.last_mut().unwrap() ^= 4;
            assert_eq!(own.open(&String::from_utf8(changed).unwrap()), None);
        }
        assert!(Sealer::new(&keys, "delivery", Some("v3")).is_none());
    }

    #[test]
    fn digits_stay_digits_in_their_places() {
        let keys = Keys::read(&STANDARD.encode([3; 32])).unwrap();
        let sealer = Sealer::new(&keys, "delivery", None).unwrap();
        let mut seen = std::collections::HashSet::new();
        for number in 0..2000_u64 {
            let phone = format!("{}", 13_800_000_000 + number * 7);
            let token = sealer.seal_digits(&phone).unwrap();
            assert!(token.len() == 11 && token.bytes().all(|byte| byte.is_ascii_digit()) && token != phone);
            assert_eq!(sealer.open_digits(&token).unwrap(), phone);
            seen.insert(token);
        }
        assert_eq!(seen.len(), 2000);
        let token = sealer.seal_digits("+86 138-0013-8000").unwrap();
        assert!(token.starts_with('+') && token.len() == 17 && &token[7..8] == "-", "{token}");
        assert_eq!(sealer.open_digits(&token).unwrap(), "+86 138-0013-8000");
        assert_eq!((sealer.seal_digits("12345"), sealer.seal_digits("none")), (None, None));
    }
}
