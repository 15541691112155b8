//! JSON texts, read in place: a value is a slice of the text that holds it, so that nothing is built or copied before it is asked for.
//!
//! [`Json::parse`] checks the whole text once; what follows relies on that and only looks for the ends of values. Both take time in
//! proportion to the text.

use std::borrow::Cow;

/// One value: the part of a text that holds it, without white space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<'a>(&'a str);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

/// One step from a value to one within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The member of an object that has this name.
    Member(String),
    /// The element of an array at this place, from 0; negative places count from the end.
    Element(i64),
    /// The member of that name, or the element whose place the name is.
    Either(String),
}

/// The deepest nesting of a value that is read.
const DEEPEST: usize = 512;

impl<'a> Json<'a> {
    /// The value of a text; `None` unless the text is one JSON value and nothing else.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut reader = Reader { text, at: 0 };
        reader.blank();
        let value = reader.value(0)?;
        reader.blank();
        (reader.at == text.len()).then_some(value)
    }

    /// The value as it is written in the text.
    pub fn source(self) -> &'a str {
        self.0
    }

    pub fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// What a string contains; `None` for null; any other value as it is written.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Null => None,
            Kind::String => Some(unescaped(&self.0[1..self.0.len() - 1])),
            Kind::Object | Kind::Array | Kind::Number | Kind::Boolean => Some(Cow::Borrowed(self.0)),
        }
    }

    /// The members of an object, in their order; none for any other value.
    pub fn members(self) -> impl Iterator<Item = (Cow<'a, str>, Json<'a>)> {
        let mut reader = Reader { text: self.0, at: 1 };
        let is_object = self.kind() == Kind::Object;
        std::iter::from_fn(move || {
            if !is_object || !reader.next(b'}') {
                return None;
            }
            let name = reader.value(0)?.text()?;
            reader.blank();
            reader.at += 1;
            reader.blank();
            Some((name, reader.value(0)?))
        })
    }

    /// The elements of an array, in their order; none for any other value.
    pub fn elements(self) -> impl Iterator<Item = Json<'a>> {
        let mut reader = Reader { text: self.0, at: 1 };
        let is_array = self.kind() == Kind::Array;
        std::iter::from_fn(move || if is_array && reader.next(b']') { reader.value(0) } else { None })
    }

    /// The member of an object with that name. Of several, the last one counts.
    fn member(self, name: &str) -> Option<Self> {
        self.members().filter(|(own, _)| own == name).last().map(|(_, value)| value)
    }

    fn element(self, place: i64) -> Option<Self> {
        let place = match usize::try_from(place) {
            Ok(place) => place,
            Err(_) => self.elements().count().checked_sub(usize::try_from(place.unsigned_abs()).ok()?)?,
        };
        self.elements().nth(place)
    }

    /// The value to which steps lead.
    pub fn at(self, steps: &[Step]) -> Option<Self> {
        steps.iter().try_fold(self, |value, step| match step {
            Step::Member(name) => value.member(name),
            Step::Element(place) => value.element(*place),
            Step::Either(name) => match value.kind() {
                Kind::Array => value.element(name.parse().ok()?),
                _ => value.member(name),
            },
        })
    }
}

/// The steps of a path such as `$.items[0].name`, `$['a b']` or `$."a b"`, in which `[-1]`, `[#-1]` and `[last]` are the last element; `None`
/// for any other text, and for paths to several values, which have `*` or `..`.
pub fn path(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = vec![];
    while !rest.is_empty() {
        let (step, after) = if let Some(name) = rest.strip_prefix('.') {
            match name.strip_prefix('"') {
                Some(quoted) => {
                    let (name, after) = quoted.split_once('"')?;
                    (Step::Member(name.to_string()), after)
                }
                None => {
                    let end = name.find(['.', '[']).unwrap_or(name.len());
                    let (name, after) = name.split_at(end);
                    if name.is_empty() || name.contains(['*', '"', ' ', '(']) {
                        return None;
                    }
                    (Step::Member(name.to_string()), after)
                }
            }
        } else {
            let inner = rest.strip_prefix('[')?;
            match inner.chars().next()? {
                quote @ ('\'' | '"') => {
                    let (name, after) = inner[1..].split_once(quote)?;
                    (Step::Member(name.to_string()), after.strip_prefix(']')?)
                }
                _ => {
                    let (place, after) = inner.split_once(']')?;
                    let place = if place == "last" { "-1" } else { place.strip_prefix('#').unwrap_or(place) };
                    (Step::Element(place.parse().ok()?), after)
                }
            }
        };
        steps.push(step);
        rest = after;
    }
    Some(steps)
}

/// The content of a string literal that has been checked. Half of a pair of surrogates is no character, and becomes U+FFFD.
fn unescaped(content: &str) -> Cow<'_, str> {
    if !content.contains('\\') {
        return Cow::Borrowed(content);
    }
    let mut text = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(place) = rest.find('\\') {
        text.push_str(&rest[..place]);
        let escape = rest[place + 1..].chars().next().unwrap_or('\\');
        rest = rest.get(place + 2..).unwrap_or_default();
        match escape {
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'u' => {
                let mut units = vec![unit(rest)];
                rest = rest.get(4..).unwrap_or_default();
                if (0xD800..0xDC00).contains(&units[0])
                    && let Some(low) = rest.strip_prefix("\\u")
                    && (0xDC00..0xE000).contains(&unit(low))
                {
                    units.push(unit(low));
                    rest = rest.get(6..).unwrap_or_default();
                }
                text.extend(char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)));
            }
            other => text.push(other),
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The number that four hexadecimal digits write.
fn unit(digits: &str) -> u16 {
    digits.get(..4).and_then(|digits| u16::from_str_radix(digits, 16).ok()).unwrap_or(0xFFFD)
}

/// A place in a text. Each step goes on only over what JSON allows.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is.then_some(())
    }

    /// Goes to the next element of a checked array or object; false at its end.
    fn next(&mut self, end: u8) -> bool {
        self.blank();
        if self.take(b',').is_some() {
            self.blank();
        }
        self.peek().is_some_and(|byte| byte != end)
    }

    /// Reads a value.
    fn value(&mut self, depth: usize) -> Option<Json<'a>> {
        let start = self.at;
        match self.peek()? {
            b'{' => self.several(b'}', depth, |reader| {
                reader.string()?;
                reader.blank();
                reader.take(b':')?;
                reader.blank();
                reader.value(depth + 1).map(|_| ())
            })?,
            b'[' => self.several(b']', depth, |reader| reader.value(depth + 1).map(|_| ()))?,
            b'"' => self.string()?,
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        }
        self.text.get(start..self.at).map(Json)
    }

    fn several(&mut self, end: u8, depth: usize, mut one: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if depth >= DEEPEST {
            return None;
        }
        self.at += 1;
        self.blank();
        if self.take(end).is_some() {
            return Some(());
        }
        loop {
            one(self)?;
            self.blank();
            if self.take(end).is_some() {
                return Some(());
            }
            self.take(b',')?;
            self.blank();
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text.get(self.at..)?.strip_prefix(word)?;
        self.at += word.len();
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            match self.peek()? {
                b'"' => return self.take(b'"'),
                b'\\' => {
                    self.at += 1;
                    match self.peek()? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                        b'u' => {
                            let digits = self.text.as_bytes().get(self.at + 1..self.at + 5)?;
                            if !digits.iter().all(u8::is_ascii_hexdigit) {
                                return None;
                            }
                            self.at += 5;
                        }
                        _ => return None,
                    }
                }
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
    }

    /// Goes over digits; there must be at least one.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source<'a>(text: &'a str, path_of: &str) -> Option<&'a str> {
        Json::parse(text).unwrap().at(&path(path_of).unwrap()).map(Json::source)
    }

    #[test]
    fn values_are_found_by_steps() {
        let text = r#" {"a": [10, {"b c": "x"}, [ ]], "": null, "a.b" : 1e3} "#;
        assert_eq!(source(text, "$"), Some(text.trim()));
        assert_eq!(source(text, "$.a[0]"), Some("10"));
        assert_eq!(source(text, "$.a[1].\"b c\""), Some("\"x\""));
        assert_eq!(source(text, "$['a'][-1]"), Some("[ ]"));
        assert_eq!(source(text, "$.a[last]"), Some("[ ]"));
        assert_eq!(source(text, "$.a[#-2]['b c']"), Some("\"x\""));
        assert_eq!(source(text, "$['']"), Some("null"));
        assert_eq!(source(text, "$[\"a.b\"]"), Some("1e3"));
        for none in ["$.a[3]", "$.a[-4]", "$.b", "$[0]", "$.a.b"] {
            assert_eq!(source(text, none), None, "{none}");
        }
        assert_eq!(source(r#"{"a": 1, "a": 2}"#, "$.a"), Some("2"));
        for wrong in ["", "a", "$a", "$.", "$..a", "$.*", "$[*]", "$[1", "$['a]", "$[a]"] {
            assert_eq!(path(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn texts_that_are_no_json_are_refused() {
        let good = ["0", "-0.5e+7", "\"\"", "[]", "{}", "[1 , 2]", "{\"a\":{}}", "\"\\u00e9\\n\"", "true", " null\n"];
        assert!(good.iter().all(|text| Json::parse(text).is_some()));
        let wrong = [
            "",
            "x",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "'a'",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\n\"",
            "[1,]",
            "[,]",
            "[1 2]",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "nul",
            "1 2",
            "[",
            "{\"a\":1",
            "\u{feff}1",
        ];
        assert_eq!(wrong.iter().filter(|text| Json::parse(text).is_some()).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert!(Json::parse(&"[".repeat(100_000)).is_none());
    }

    #[test]
    fn strings_are_read_as_serde_reads_them() {
        for text in [r#""a\"b\\c\/""#, r#""\b\f\n\r\t""#, r#""é 会员 \u4f1a\ud83d\ude00""#] {
            let read: String = serde_json::from_str(text).unwrap();
            assert_eq!(Json::parse(text).unwrap().text().unwrap(), read);
        }
        assert_eq!(Json::parse(r#""\ud83d x""#).unwrap().text().unwrap(), "\u{fffd} x");
    }

    #[test]
    fn members_and_elements_keep_their_order() {
        let object = Json::parse(r#"{ "b" : 1 , "a":[1,2] }"#).unwrap();
        let members: Vec<_> = object.members().map(|(name, value)| (name.into_owned(), value.source())).collect();
        assert_eq!(members, [("b".to_string(), "1"), ("a".to_string(), "[1,2]")]);
        let array = Json::parse("[ 1 , \"x\", {} ]").unwrap();
        assert_eq!(array.elements().map(Json::source).collect::<Vec<_>>(), ["1", "\"x\"", "{}"]);
        assert_eq!((object.elements().count(), array.members().count()), (0, 0));
    }
}
