//! Infers the columns of JSON objects, and their types.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Fields};

use super::tokens::{Begins, Cursor, DEEPEST, Wrong};
use crate::files::values::{Class, Guess, Numbers, Seen, class, guessed_type, is_kept_by_double};

/// The most fields of a struct. Objects with more names become maps, because their names are probably data.
const MOST_FIELDS: usize = 500;
/// The digits that a decimal preserves.
const MOST_DIGITS: usize = 38;

/// What was seen of a value in all objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    boolean: bool,
    number: Option<Number>,
    /// Strings, by what they could be parsed as.
    text: Option<Seen>,
    object: Option<Members>,
    list: Option<Box<Self>>,
}

/// What was seen of numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Number {
    /// The most digits before and after the decimal point.
    whole: usize,
    fraction: usize,
    /// Whether a double would not keep one of them.
    is_lossy: bool,
    has_point: bool,
    has_exponent: bool,
    is_beyond_64_bits: bool,
}

/// The members of objects, in the order in which they were first seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    names: Vec<String>,
    shapes: Vec<Shape>,
    /// How many objects have each.
    counts: Vec<usize>,
    places: HashMap<String, usize>,
    /// The number of objects.
    objects: usize,
}

impl Members {
    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        self.places.insert(name.to_string(), self.names.len());
        self.names.push(name.to_string());
        self.shapes.push(Shape::default());
        self.counts.push(0);
        self.names.len() - 1
    }

    /// True when no object had a member.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names and types of the members.
    pub fn fields(&self) -> Fields {
        let fields = self.names.iter().zip(&self.shapes);
        fields.map(|(name, shape)| Arc::new(Field::new(name, shape.data_type(), true))).collect()
    }

    /// True when some object must have both names, as there are not enough objects for each to have one of them.
    pub fn are_together(&self, one: &str, other: &str) -> bool {
        let count = |name: &str| self.places.get(name).map_or(0, |place| self.counts[*place]);
        count(one) + count(other) > self.objects
    }

    /// Adds the object that begins at the cursor.
    ///
    /// # Errors
    /// It is not valid JSON, or not an object.
    pub fn add(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Wrong> {
        if depth > DEEPEST {
            return Err(cursor.wrong("values are nested more than 200 deep"));
        }
        self.objects += 1;
        let mut expected = 0;
        let mut plain = vec![];
        cursor.object(|cursor, name| {
            let bytes = if name.is_escaped {
                name.unescaped(&mut plain).ok_or_else(|| cursor.wrong("a name with an escape that JSON does not have"))?;
                &plain
            } else {
                name.bytes
            };
            // Most objects have their members in the same order.
            let place = match self.names.get(expected) {
                Some(next) if next.as_bytes() == bytes => expected,
                _ => {
                    let text = std::str::from_utf8(bytes).map_err(|_| cursor.wrong("a name that is not UTF-8"))?;
                    self.place(text)
                }
            };
            expected = place + 1;
            self.counts[place] += 1;
            self.shapes[place].add(cursor, depth)
        })
    }
}

impl Shape {
    /// Adds the value that begins at the cursor.
    fn add(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Wrong> {
        match cursor.begins()? {
            Begins::Null => cursor.word(Begins::Null),
            word @ (Begins::True | Begins::False) => {
                cursor.word(word);
                self.boolean = true;
            }
            Begins::Number => {
                let text = cursor.number()?;
                self.number.get_or_insert_default().add(text);
            }
            Begins::Text => {
                let text = cursor.text()?;
                let seen = self.text.get_or_insert_default();
                if seen.guess() != Guess::Text || *seen == Seen::default() {
                    seen.add(match class(text.bytes, &Numbers::default()) {
                        // A quoted value is never taken for a number.
                        found @ (Class::Date | Class::Time | Class::Instant(_)) if !text.is_escaped => found,
                        _ => Class::Text,
                    });
                }
            }
            Begins::List => {
                let elements = self.list.get_or_insert_default();
                if depth > DEEPEST {
                    return Err(cursor.wrong("values are nested more than 200 deep"));
                }
                cursor.list(|cursor| elements.add(cursor, depth + 1))?;
            }
            Begins::Object => self.object.get_or_insert_default().add(cursor, depth + 1)?,
        }
        Ok(())
    }

    /// The type that can hold all values; strings if there are several kinds.
    fn data_type(&self) -> DataType {
        let kinds = [self.boolean, self.number.is_some(), self.text.is_some(), self.object.is_some(), self.list.is_some()];
        if kinds.iter().filter(|seen| **seen).count() != 1 {
            return DataType::Utf8View;
        }
        match (self.number, &self.text, &self.object, &self.list) {
            (Some(number), ..) => number.data_type(),
            (_, Some(text), ..) => guessed_type(text.guess()),
            (_, _, Some(members), _) => members.data_type(),
            (_, _, _, Some(elements)) => DataType::List(Arc::new(Field::new_list_field(elements.data_type(), true))),
            _ => DataType::Boolean,
        }
    }
}

impl Members {
    fn data_type(&self) -> DataType {
        match () {
            // No file format can store a struct without fields.
            () if self.names.is_empty() => DataType::Utf8View,
            () if self.names.len() > MOST_FIELDS => {
                let mut values: Vec<DataType> = self.shapes.iter().map(Shape::data_type).collect();
                values.dedup();
                let value = if values.len() == 1 { values.swap_remove(0) } else { DataType::Utf8View };
                let entries = Fields::from(vec![Field::new("keys", DataType::Utf8, false), Field::new("values", value, true)]);
                DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
            }
            () => DataType::Struct(self.fields()),
        }
    }
}

impl Number {
    fn add(&mut self, text: &[u8]) {
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        let whole = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let rest = &digits[whole..];
        let fraction = rest.strip_prefix(b".").map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
        let exponent = rest.iter().any(|byte| matches!(byte, b'e' | b'E'));
        self.whole = self.whole.max(whole);
        self.fraction = self.fraction.max(fraction);
        self.is_lossy |= !is_kept_by_double(text);
        self.has_point |= fraction > 0;
        self.has_exponent |= exponent;
        self.is_beyond_64_bits |=
            rest.is_empty() && whole > 18 && std::str::from_utf8(text).is_ok_and(|text| text.parse::<i64>().is_err());
    }

    /// Integers if there are only integers, also beyond 64 bits; otherwise doubles, as long as they keep all digits.
    fn data_type(self) -> DataType {
        let is_whole = !self.has_point && !self.has_exponent;
        let fits = self.whole + self.fraction <= MOST_DIGITS;
        match () {
            () if is_whole && !self.is_beyond_64_bits => DataType::Int64,
            () if !self.is_lossy && (self.has_exponent || !self.is_beyond_64_bits) => DataType::Float64,
            () if fits && !self.has_exponent => DataType::Decimal128(MOST_DIGITS as u8, self.fraction as i8),
            () => DataType::Utf8View,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(objects: &[&str]) -> String {
        let mut members = Members::default();
        for object in objects {
            let mut cursor = Cursor::new(object.as_bytes());
            cursor.peek();
            members.add(&mut cursor, 0).unwrap();
        }
        let fields = members.fields();
        fields.iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_type_holds_all_values() {
        assert_eq!(types(&[r#"{"a": 1, "b": "x"}"#, r#"{"b": null, "a": 2.5, "c": true}"#]), "a Float64, b Utf8View, c Boolean");
        assert_eq!(types(&[r#"{"a": 1}"#, r#"{"a": "x"}"#]), "a Utf8View");
        assert_eq!(types(&[r#"{"a": 9223372036854775807}"#]), "a Int64");
        assert_eq!(types(&[r#"{"a": 9223372036854775808}"#]), "a Decimal128(38, 0)");
        assert_eq!(types(&[r#"{"a": 12345678901234567.25}"#]), "a Decimal128(38, 2)");
        assert_eq!(types(&[r#"{"a": 0.1234567890123456}"#]), "a Float64");
        assert_eq!(types(&[r#"{"a": 0.018273645546372813}"#, r#"{"a": 1.5e-300}"#]), "a Float64");
        assert_eq!(types(&[r#"{"a": 9007199254740993}"#, r#"{"a": 1.5}"#]), "a Decimal128(38, 1)");
        assert_eq!(types(&[r#"{"a": 1e400}"#]), "a Utf8View");
        assert_eq!(types(&[r#"{"a": 123456789012345678901234567890123456789}"#]), "a Utf8View");
        assert_eq!(types(&[r#"{"a": "2025-05-01"}"#, r#"{"a": "2025-05-01T10:00:00"}"#]), "a Timestamp(µs)");
        assert_eq!(types(&[r#"{"a": "5"}"#]), "a Utf8View");
    }

    #[test]
    fn nested_values_stay_nested() {
        assert!(types(&[r#"{"a": [1, null]}"#, r#"{"a": []}"#]).starts_with("a List("));
        assert!(types(&[r#"{"a": {"x": 1}}"#, r#"{"a": {"y": 2}}"#]).starts_with("a Struct("));
        assert_eq!(types(&[r#"{"a": {"x": 1}}"#, r#"{"a": [1]}"#]), "a Utf8View");
        assert_eq!(types(&[r#"{"a": {}}"#]), "a Utf8View");
        let many = (0..600).map(|key| format!("\"k{key}\": {key}")).collect::<Vec<_>>().join(",");
        assert!(types(&[&format!("{{\"a\": {{{many}}}}}")]).starts_with("a Map("));
    }
}
