//! A JSON tokenizer (RFC 8259) that does not copy the bytes.

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch, prelude::*, u8x64};

/// The bytes per block.
const BLOCK: usize = 64;

/// Why the bytes are not valid JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The position in the bytes.
    pub at: usize,
    pub problem: &'static str,
}

/// The deepest nesting of values.
pub const DEEPEST: usize = 200;

/// The kind of value that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    Object,
    List,
    Text,
    Number,
    True,
    False,
    Null,
}

/// The contents of a string, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    pub bytes: &'a [u8],
    pub is_escaped: bool,
}

/// A bit for each byte that ends or breaks a string: a quote, a backslash or a control character.
///
/// SIMD instructions find these bytes, 64 at a time. Then the end of a string is found quickly, however long the string is.
#[derive(Debug, Default)]
pub struct Marks {
    bits: Vec<u8>,
}

impl Marks {
    /// Marks these bytes, in place of the previous ones.
    pub fn mark(&mut self, bytes: &[u8]) {
        let level = Level::new();
        dispatch!(level, simd => self.mark_with(simd, bytes));
    }

    #[inline(always)]
    fn mark_with<S: Simd>(&mut self, simd: S, bytes: &[u8]) {
        self.bits.clear();
        self.bits.reserve(bytes.len() / 8 + 2 * BLOCK / 8);
        let (quote, backslash, space) = (u8x64::splat(simd, b'"'), u8x64::splat(simd, b'\\'), u8x64::splat(simd, b' '));
        let mut mark = |block: &[u8]| {
            let block = u8x64::from_slice(simd, block);
            let found = block.simd_eq(quote) | block.simd_eq(backslash) | block.simd_lt(space);
            self.bits.extend_from_slice(&found.to_bitmask().to_le_bytes());
        };
        let blocks = bytes.chunks_exact(BLOCK);
        let rest = blocks.remainder();
        blocks.for_each(&mut mark);
        // The bytes after the end are zero and therefore marked, so a search always stops there.
        let mut last = [0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        mark(&last);
        mark(&[0; BLOCK]);
    }
}

/// Walks through bytes token by token.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    /// The bits of [`Marks`], or nothing; and the index of the bit for the first byte.
    marks: &'a [u8],
    first: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, marks: &[], first: 0 }
    }

    /// A cursor over bytes that start at position `start` of the marked ones.
    pub fn with_marks(bytes: &'a [u8], marks: &'a Marks, start: usize) -> Self {
        Self { bytes, at: 0, marks: &marks.bits, first: start }
    }

    pub fn wrong(&self, problem: &'static str) -> Wrong {
        Wrong { at: self.at, problem }
    }

    /// Skips white space and returns the next byte, without consuming it.
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Consumes the byte if it comes next; returns whether it did.
    pub fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// The kind of value that comes next. Nothing but white space is consumed.
    ///
    /// # Errors
    /// No value begins here.
    pub fn begins(&mut self) -> Result<Begins, Wrong> {
        Ok(match self.peek() {
            Some(b'{') => Begins::Object,
            Some(b'[') => Begins::List,
            Some(b'"') => Begins::Text,
            Some(b'-' | b'0'..=b'9') => Begins::Number,
            Some(b't') if self.bytes[self.at..].starts_with(b"true") => Begins::True,
            Some(b'f') if self.bytes[self.at..].starts_with(b"false") => Begins::False,
            Some(b'n') if self.bytes[self.at..].starts_with(b"null") => Begins::Null,
            Some(b'\'') => return Err(self.wrong("single quotes, where JSON has double ones")),
            Some(b'N' | b'I') => return Err(self.wrong("NaN or Infinity, which JSON does not know")),
            Some(_) => return Err(self.wrong("no JSON value begins here")),
            None => return Err(self.wrong("the value is cut off")),
        })
    }

    /// Consumes `true`, `false` or `null`.
    pub fn word(&mut self, begins: Begins) {
        self.at += if begins == Begins::False { 5 } else { 4 };
    }

    /// Consumes a string whose opening quote comes next.
    #[inline]
    pub fn text(&mut self) -> Result<Text<'a>, Wrong> {
        let opening = self.at;
        let start = self.at + 1;
        let mut at = start;
        let mut is_escaped = false;
        loop {
            while let bit = at + self.first
                && let Some(eight) = self.marks.get(bit / 8..bit / 8 + 8)
            {
                let found = word(eight) >> (bit % 8);
                if found != 0 {
                    at += found.trailing_zeros() as usize;
                    break;
                }
                at += 64 - bit % 8;
            }
            // Most bytes are none of the three. Without marks, check eight bytes at a time.
            while self.marks.is_empty()
                && let Some(eight) = self.bytes.get(at..at + 8)
            {
                let eight = word(eight);
                let found = zeros(eight ^ repeated(b'"')) | zeros(eight ^ repeated(b'\\')) | below_space(eight);
                if found != 0 {
                    at += (found.trailing_zeros() / 8) as usize;
                    break;
                }
                at += 8;
            }
            match self.bytes.get(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok(Text { bytes: &self.bytes[start..at], is_escaped });
                }
                Some(b'\\') => {
                    is_escaped = true;
                    at += 2;
                }
                Some(byte) if *byte < b' ' => {
                    return Err(Wrong {
                        at,
                        problem: "a line break or control character in a text, where JSON has \\n; is a quote missing?",
                    });
                }
                Some(_) => at += 1,
                None => return Err(Wrong { at: opening, problem: "the text is not closed" }),
            }
        }
    }

    /// Consumes a number.
    #[inline]
    pub fn number(&mut self) -> Result<&'a [u8], Wrong> {
        let start = self.at;
        let digits = |start: usize| {
            let mut at = start;
            while let Some(eight) = self.bytes.get(at..at + 8) {
                let others = not_digits(word(eight));
                if others != 0 {
                    return at + (others.trailing_zeros() / 8) as usize - start;
                }
                at += 8;
            }
            while self.bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at - start
        };
        let mut at = start + usize::from(self.bytes.get(start) == Some(&b'-'));
        let whole = digits(at);
        let has_leading_zero = whole > 1 && self.bytes[at] == b'0';
        at += whole;
        let mut is_number = whole > 0 && !has_leading_zero;
        if self.bytes.get(at) == Some(&b'.') {
            let fraction = digits(at + 1);
            is_number &= fraction > 0;
            at += 1 + fraction;
        }
        if let Some(b'e' | b'E') = self.bytes.get(at) {
            at += 1;
            at += usize::from(matches!(self.bytes.get(at), Some(b'+' | b'-')));
            let exponent = digits(at);
            is_number &= exponent > 0;
            at += exponent;
        }
        if !is_number {
            let problem = if has_leading_zero {
                "a number with leading zeros, which JSON has as a text"
            } else {
                "a number that JSON does not allow"
            };
            return Err(self.wrong(problem));
        }
        self.at = at;
        Ok(&self.bytes[start..at])
    }

    /// Skips a value of any kind.
    ///
    /// # Errors
    /// It is not valid JSON, or is truncated.
    #[inline]
    pub fn skip(&mut self) -> Result<(), Wrong> {
        match self.bytes.get(self.at) {
            Some(b'"') => self.text().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| ()),
            _ => self.skip_within(0),
        }
    }

    fn skip_within(&mut self, depth: usize) -> Result<(), Wrong> {
        if depth > DEEPEST {
            return Err(self.wrong("values are nested more than 200 deep"));
        }
        match self.begins()? {
            Begins::Text => self.text().map(|_| ()),
            Begins::Number => self.number().map(|_| ()),
            word @ (Begins::True | Begins::False | Begins::Null) => {
                self.word(word);
                Ok(())
            }
            Begins::List => self.list(|cursor| cursor.skip_within(depth + 1)),
            Begins::Object => self.object(|cursor, _| cursor.skip_within(depth + 1)),
        }
    }

    /// Consumes a list; `element` consumes each of its values.
    pub fn list(&mut self, mut element: impl FnMut(&mut Self) -> Result<(), Wrong>) -> Result<(), Wrong> {
        self.at += 1;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.wrong("a comma or ] is missing"));
            }
        }
    }

    /// Consumes an object; `member` consumes each of its values, and gets its name.
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, Text<'a>) -> Result<(), Wrong>) -> Result<(), Wrong> {
        self.at += 1;
        let mut is_first = true;
        while let Some(name) = self.name(is_first)? {
            member(self, name)?;
            is_first = false;
        }
        Ok(())
    }

    /// Consumes the name of the next member and its colon; at the closing brace, consumes that and returns `None`.
    pub fn name(&mut self, is_first: bool) -> Result<Option<Text<'a>>, Wrong> {
        if self.take(b'}') {
            return Ok(None);
        }
        if !is_first && !self.take(b',') {
            return Err(self.wrong("a comma or } is missing"));
        }
        if self.peek() != Some(b'"') {
            return Err(self.wrong("a name in quotes is missing"));
        }
        let name = self.text()?;
        if !self.take(b':') {
            return Err(self.wrong("a colon is missing"));
        }
        Ok(Some(name))
    }

    /// Consumes a value and returns its position.
    pub fn raw(&mut self) -> Result<Range<usize>, Wrong> {
        self.peek();
        let start = self.at;
        self.skip()?;
        Ok(start..self.at)
    }
}

/// Eight bytes as an integer, the first byte lowest.
fn word(eight: &[u8]) -> u64 {
    u64::from_le_bytes([eight[0], eight[1], eight[2], eight[3], eight[4], eight[5], eight[6], eight[7]])
}

const fn repeated(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * byte as u64
}

/// The highest bit of each zero byte. Bits above the first match may be wrong because of borrows, so only the lowest is reliable.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(repeated(1)) & !word & repeated(0x80)
}

/// The same for bytes below 0x20.
const fn below_space(word: u64) -> u64 {
    word.wrapping_sub(repeated(0x20)) & !word & repeated(0x80)
}

/// The highest bit of each byte that is not a digit. As above, only the lowest set bit is reliable.
const fn not_digits(word: u64) -> u64 {
    // XOR with `0` maps digits to 0–9. Only these stay below 0x80 when 0x76 is added and the byte itself is below 0x80.
    let turned = word ^ repeated(b'0');
    (turned.wrapping_add(repeated(0x76)) | turned) & repeated(0x80)
}

impl Text<'_> {
    /// The string with its escapes resolved; `None` for an invalid escape.
    pub fn unescaped(&self, plain: &mut Vec<u8>) -> Option<()> {
        plain.clear();
        let mut rest = self.bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
            plain.extend_from_slice(&rest[..at]);
            let escape = *rest.get(at + 1)?;
            rest = &rest[at + 2..];
            let byte = match escape {
                b'"' | b'\\' | b'/' => escape,
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'u' => {
                    let first = hex(rest)?;
                    rest = &rest[4..];
                    // A surrogate pair encodes one character beyond 0xFFFF.
                    let code = if (0xD800..0xDC00).contains(&first) {
                        let second = hex(rest.strip_prefix(b"\\u")?)?;
                        rest = &rest[6..];
                        0x1_0000 + ((first - 0xD800) << 10) + second.checked_sub(0xDC00).filter(|half| *half < 0x400)?
                    } else {
                        first
                    };
                    let mut utf_8 = [0; 4];
                    plain.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut utf_8).as_bytes());
                    continue;
                }
                _ => return None,
            };
            plain.push(byte);
        }
        plain.extend_from_slice(rest);
        Some(())
    }
}

fn hex(text: &[u8]) -> Option<u32> {
    let digits = text.get(..4)?;
    digits.iter().try_fold(0, |code, digit| Some(code * 16 + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(text: &str) -> Result<usize, Wrong> {
        let mut cursor = Cursor::new(text.as_bytes());
        cursor.skip().map(|()| cursor.at)
    }

    #[test]
    fn values_are_taken_as_the_standard_has_them() {
        for text in
            ["{}", "[]", "[1,-2.5e-3 , null]", r#"{"a": {"b": ["x", true, false]}}"#, r#""\u00e9 \"x\" \\""#, "0", "-0.5", "1E5"]
        {
            assert_eq!(skipped(text), Ok(text.len()), "{text}");
        }
        for text in
            ["{", "[1,]", "{a: 1}", "{\"a\" 1}", "\"a", "\"a\nb\"", "01", "1.", ".5", "+1", "nul", "'a'", "NaN", "[1 2]", "1e"]
        {
            assert!(skipped(text).is_err(), "{text}");
        }
        assert!(skipped(&"[".repeat(1000)).unwrap_err().problem.contains("200 deep"));
    }

    #[test]
    fn texts_end_at_their_quote_wherever_it_stands() {
        for length in 0..40 {
            for ending in ["", "\\\"", "\\\\", "é"] {
                let inside = format!("{}{ending}", "x".repeat(length));
                let text = format!("\"{inside}\",\"next\"");
                let mut cursor = Cursor::new(text.as_bytes());
                let found = cursor.text().unwrap();
                assert_eq!(found.bytes, inside.as_bytes());
                assert_eq!(found.is_escaped, inside.contains('\\'));
            }
        }
    }

    #[test]
    fn escapes_mean_characters() {
        let of = |text: &str| {
            let mut plain = vec![];
            Text { bytes: text.as_bytes(), is_escaped: true }.unescaped(&mut plain).map(|()| String::from_utf8(plain).unwrap())
        };
        assert_eq!(of(r"a\n\t\/\u4f1a\ud83d\ude00!").as_deref(), Some("a\n\t/会😀!"));
        for wrong in [r"\x", r"\u12", r"\ud83d", r"\ud83dx", r"\ude00", "\\"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
