//! Pseudonyms: equal values get equal tokens, which reveal nothing about the values without the key.
//!
//! ```text
//! key file      v1:base64 of 32 bytes           one version a line, the newest last; # begins a comment
//! key of use    HKDF-SHA-256(key, info = purpose)                            RFC 5869
//! token         v1: base64url of the first 16 bytes of HMAC-SHA-256(key of use, value)   RFC 2104
//! ```
//! A hash without a key would not be enough: there are fewer than 10¹¹ telephone numbers, and whoever hashes them all can read
//! every token.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

/// The length of a key in bytes.
const KEY: usize = 32;
/// The length of a token in bytes.
const TOKEN: usize = 16;

/// The versions of a key; the newest is last.
pub struct Keys {
    versions: Vec<(String, Zeroizing<Vec<u8>>)>,
}

// Keys must never be logged.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.versions.iter().map(|(version, _)| version)).finish()
    }
}

/// Why a key file is invalid. The contents of the line are never shown.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    pub problem: &'static str,
}

impl Keys {
    /// Parses a key file.
    ///
    /// # Errors
    /// The first line that is not a valid version of a key.
    pub fn read(text: &str) -> Result<Self, Wrong> {
        let mut versions: Vec<(String, Zeroizing<Vec<u8>>)> = vec![];
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |problem| Wrong { line: number + 1, problem };
            let (version, key) = line.split_once(':').unwrap_or(("v1", line));
            let (version, key) = (version.trim(), key.trim());
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
            if version.is_empty() || version.len() > 16 || !version.chars().all(is_name) {
                return Err(wrong("the version must be up to 16 letters and digits"));
            }
            if versions.iter().any(|(other, _)| other == version) {
                return Err(wrong("this version is given twice"));
            }
            let key = Zeroizing::new(STANDARD.decode(key).map_err(|_| wrong("the key is not base64"))?);
            if key.len() != KEY {
                return Err(wrong("the key must have 32 bytes"));
            }
            versions.push((version.to_string(), key));
        }
        if versions.is_empty() { Err(Wrong { line: 0, problem: "it contains no key" }) } else { Ok(Self { versions }) }
    }

    /// Creates the tokens of a purpose, with the newest version of the key or the named one; `None` if there is no such version.
    pub fn for_purpose(&self, purpose: &str, version: Option<&str>) -> Option<Tokens> {
        let (version, key) = match version {
            Some(version) => self.versions.iter().find(|(own, _)| own == version)?,
            None => self.versions.last()?,
        };
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, b"portrait pseudonyms").extract(key);
        let info = [purpose.as_bytes()];
        let derived = derived.expand(&info, hmac::HMAC_SHA256).ok()?;
        Some(Tokens { version: version.clone(), key: hmac::Key::from(derived) })
    }

    /// Derives a secret of 32 bytes for a use and a purpose, from the newest version or the named one, whose name is returned too; `None`
    /// if there is no such version.
    pub fn secret(&self, of: &[u8], purpose: &str, version: Option<&str>) -> Option<(String, Zeroizing<Vec<u8>>)> {
        let (version, key) = match version {
            Some(version) => self.versions.iter().find(|(own, _)| own == version)?,
            None => self.versions.last()?,
        };
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, of).extract(key);
        let mut secret = Zeroizing::new(vec![0; KEY]);
        derived.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256).ok()?.fill(&mut secret).ok()?;
        Some((version.clone(), secret))
    }

    /// Derives a signing key for a use from the newest version, whose name is returned too.
    pub fn signing(&self, use_of_it: &[u8]) -> Option<(String, hmac::Key)> {
        let (version, key) = self.versions.last()?;
        let (extracted, info) = (hkdf::Salt::new(hkdf::HKDF_SHA256, b"portrait signing").extract(key), [use_of_it]);
        let derived = extracted.expand(&info, hmac::HMAC_SHA256).ok()?;
        Some((version.clone(), hmac::Key::from(derived)))
    }

    /// The names of the versions.
    pub fn versions(&self) -> impl Iterator<Item = &str> {
        self.versions.iter().map(|(version, _)| version.as_str())
    }
}

/// Makes the tokens of one purpose.
#[derive(Clone)]
pub struct Tokens {
    version: String,
    key: hmac::Key,
}

impl Tokens {
    /// Appends the token of a value.
    pub fn push(&self, value: &str, to: &mut String) {
        let tag = hmac::sign(&self.key, value.as_bytes());
        to.push_str(&self.version);
        to.push(':');
        URL_SAFE_NO_PAD.encode_string(tag.as_ref().get(..TOKEN).unwrap_or_default(), to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(keys: &Keys, purpose: &str, version: Option<&str>, value: &str) -> String {
        let mut to = String::new();
        keys.for_purpose(purpose, version).unwrap().push(value, &mut to);
        to
    }

    #[test]
    fn tokens_differ_by_purpose_and_version_and_not_by_run() {
        let (one, two) = (STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
        let keys = Keys::read(&format!("# keys\nv1:{one}\n\n v2 : {two}\n")).unwrap();
        assert_eq!(keys.versions().collect::<Vec<_>>(), ["v1", "v2"]);
        let value = "13800138000";
        // As computed by Python's `hmac` and `hashlib`.
        assert_eq!(token(&keys, "analytics", Some("v1"), value), EXPECTED);
        assert!(token(&keys, "analytics", None, value).starts_with("v2:"));
        let tokens = [
            token(&keys, "analytics", Some("v1"), value),
            token(&keys, "marketing", Some("v1"), value),
            token(&keys, "analytics", Some("v2"), value),
            token(&keys, "analytics", Some("v1"), "13800138001"),
        ];
        for (place, token) in tokens.iter().enumerate() {
            assert!(!tokens[..place].contains(token));
        }
        assert!(keys.for_purpose("x", Some("v3")).is_none());
        assert_eq!(format!("{keys:?}"), "[\"v1\", \"v2\"]");
        assert!(Keys::read(&one).is_ok());
    }

    const EXPECTED: &str = "v1:awj145508uZvJcNOYteMMA";

    #[test]
    fn files_that_are_wrong() {
        let key = STANDARD.encode([1; 32]);
        for (text, line) in [
            (String::new(), 0),
            ("# nothing".into(), 0),
            ("v1:short".into(), 1),
            (format!("v1:{}", STANDARD.encode([1; 16])), 1),
            (format!("v1:{key}\nv1:{key}"), 2),
            (format!("a version:{key}"), 1),
            (format!(":{key}"), 1),
            ("v1:?".into(), 1),
        ] {
            let wrong = Keys::read(&text).unwrap_err();
            assert_eq!(wrong.line, line, "{text}");
        }
    }
}
