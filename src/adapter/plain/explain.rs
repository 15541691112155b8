//! How EXPLAIN shows plain data: `name=value, name=value`.
//!
//! | in Rust | in EXPLAIN |
//! |---|---|
//! | a field | `name=value`; nothing when it is `None`, `false`, empty, or [`untold`](super::untold) |
//! | a struct in a field, a map | its fields, as if they belonged to the outer struct |
//! | a variant without data | `name=variant` |
//! | a variant with one value | `variant=value`: the variant's name replaces the field's |
//! | a variant with fields | `name=variant`, then the fields |
//! | a list, a tuple | `name=[value, value]`; inside, a struct or tuple is written without commas: `[age number, city category]` |
//! | a boolean in a list | the name of its field if true, otherwise nothing: `[age number, since number is_time]` |

use std::fmt::Display;

use serde::de::value::Error;
use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// The parameters of a value as text.
pub fn explain(value: &impl Serialize) -> String {
    let mut text = String::new();
    match value.serialize(Writer { text: &mut text, place: Place::Whole }) {
        Ok(()) => text,
        Err(error) => error.to_string(),
    }
}

/// Where the value being written belongs.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// The whole value.
    Whole,
    /// A field with this name.
    Field(&'a str),
    /// A value in a list.
    Item,
    /// A field with this name of a struct in a list.
    Part(&'a str),
}

struct Writer<'a> {
    text: &'a mut String,
    place: Place<'a>,
}

impl Writer<'_> {
    fn value(self, value: impl Display) {
        match self.place {
            Place::Whole | Place::Item | Place::Part(_) => self.text.push_str(&value.to_string()),
            Place::Field(name) => {
                let separator = if self.text.is_empty() { "" } else { ", " };
                self.text.push_str(&format!("{separator}{name}={value}"));
            }
        }
    }

    fn is_field(&self) -> bool {
        matches!(self.place, Place::Field(_))
    }

    fn is_item(&self) -> bool {
        matches!(self.place, Place::Item | Place::Part(_))
    }
}

impl<'a> Writer<'a> {
    fn parts(self, surrounded: bool) -> Parts<'a> {
        Parts { writer: self, parts: vec![], key: String::new(), surrounded }
    }
}

/// Writes the parts of a list, tuple, struct or map.
struct Parts<'a> {
    writer: Writer<'a>,
    /// The parts written so far, if they form one value.
    parts: Vec<String>,
    /// The key of the current map entry.
    key: String,
    /// Whether to put brackets around the parts. If not, they are joined by spaces inside a list, and are fields of their own elsewhere.
    surrounded: bool,
}

impl Parts<'_> {
    fn item(&mut self, value: &(impl Serialize + ?Sized), place: Place<'_>) -> Result<(), Error> {
        let mut text = String::new();
        value.serialize(Writer { text: &mut text, place })?;
        self.parts.push(text);
        Ok(())
    }

    fn field(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        match self.writer.place {
            Place::Item | Place::Part(_) => self.item(value, Place::Part(name)),
            _ => value.serialize(Writer { text: self.writer.text, place: Place::Field(name) }),
        }
    }

    fn finish(mut self) {
        match self.writer.place {
            Place::Item | Place::Part(_) if !self.surrounded => {
                self.parts.retain(|part| !part.is_empty());
                self.writer.value(self.parts.join(" "));
            }
            Place::Field(_) if self.parts.is_empty() => {}
            _ if self.surrounded => self.writer.value(format!("[{}]", self.parts.join(", "))),
            _ => {}
        }
    }
}

macro_rules! shown {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), Error> {
            self.value(value);
            Ok(())
        })*
    };
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    shown!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_f32: f32, serialize_f64: f64, serialize_char: char
    );

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        match self.place {
            Place::Part(name) if value => self.text.push_str(name),
            Place::Part(_) => {}
            Place::Field(_) if !value => {}
            _ => self.value(value),
        }
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        if !value.is_empty() || !self.is_field() {
            self.value(value);
        }
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.value(format!("{} bytes", value.len()));
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result<(), Error> {
        self.value(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let place = if self.is_item() { Place::Item } else { Place::Field(variant) };
        value.serialize(Writer { text: self.text, place })
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(self.parts(true))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Parts<'a>, Error> {
        let in_list = self.is_item();
        Ok(self.parts(!in_list))
    }

    fn serialize_tuple_struct(self, _name: &'static str, length: usize) -> Result<Parts<'a>, Error> {
        self.serialize_tuple(length)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Parts<'a>, Error> {
        let place = if self.is_item() { Place::Item } else { Place::Field(variant) };
        Writer { text: self.text, place }.serialize_tuple(length)
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(self.parts(false))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Parts<'a>, Error> {
        Ok(self.parts(false))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Parts<'a>, Error> {
        let Writer { text, place } = self;
        Writer { text: &mut *text, place }.value(variant);
        Ok(Writer { text, place }.parts(false))
    }
}

macro_rules! parts {
    ($($trait:ident: $method:ident),*) => {
        $(impl $trait for Parts<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.item(value, Place::Item)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        })*
    };
}

parts!(
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field
);

macro_rules! fields {
    ($($trait:ident),*) => {
        $(impl $trait for Parts<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key.clear();
        key.serialize(Writer { text: &mut self.key, place: Place::Item })
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = std::mem::take(&mut self.key);
        if key.is_empty() {
            return Err(Error::custom("a map has an entry without a key"));
        }
        self.field(&key, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}
