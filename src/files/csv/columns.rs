//! Parses the fields of a CSV column into an array of its type.

use std::str;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Date32Builder, Decimal128Builder, PrimitiveBuilder, StringArray, StringViewBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Float64Type, Int64Type};
use datafusion::arrow::error::ArrowError;

use super::records::{Dialect, Field, unescaped};
use crate::files::casting::cast_texts;
use crate::files::times::{Clock, time};
use crate::files::values::{
    Numbers, any_boolean, boolean, decimal, double, integer, is_cast_faithfully, sure_double, sure_integer, written_number,
};

/// How the fields of all columns are parsed.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Strings that mean NULL, besides the empty one.
    pub null: Vec<String>,
    pub numbers: Numbers,
}

/// A field that is not a value of its column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The row, from 0.
    pub row: usize,
    pub text: String,
}

/// One column of the records.
pub struct Texts<'a> {
    pub bytes: &'a [u8],
    /// The fields of all columns, row by row.
    pub fields: &'a [Field],
    /// The number of fields per row, and the index of the column among them.
    pub width: usize,
    pub place: usize,
    pub dialect: &'a Dialect,
}

impl Texts<'_> {
    fn iter(&self) -> impl Iterator<Item = Field> {
        self.fields.iter().skip(self.place).step_by(self.width).copied()
    }

    fn text(&self, field: Field) -> &[u8] {
        self.bytes.get(field.range()).unwrap_or_default()
    }
}

impl Reading {
    /// True for a field that means NULL. In a string column (`is_text`), empty quotes are an empty string instead.
    fn is_null(&self, field: Field, text: &[u8], is_text: bool) -> bool {
        if text.is_empty() {
            return !(field.is_quoted() && is_text);
        }
        !field.is_quoted() && self.null.iter().any(|null| null.as_bytes() == text)
    }

    /// The array of a column. Fields that do not fit become NULL and are added to `misfits`. If the type was guessed, fields fit only
    /// when they would not have changed the guess: 007 is no number.
    ///
    /// # Errors
    /// Strings cannot be cast to the type.
    pub fn array(
        &self,
        texts: &Texts<'_>,
        data_type: &DataType,
        is_guessed: bool,
        misfits: &mut Vec<Misfit>,
    ) -> Result<ArrayRef, ArrowError> {
        match data_type {
            DataType::Utf8View => Ok(self.strings(texts, misfits)),
            DataType::Boolean => Ok(self.booleans(texts, if is_guessed { boolean } else { any_boolean }, misfits)),
            DataType::Int64 => {
                let read: fn(&[u8]) -> Option<i64> = if is_guessed { sure_integer } else { integer };
                Ok(self.primitives::<Int64Type>(texts, misfits, &DataType::Int64, |text| match read(text) {
                    None if !self.numbers.is_plain() => written_number(text, &self.numbers).and_then(|plain| read(&plain)),
                    found => found,
                }))
            }
            DataType::Float64 => {
                let read: fn(&[u8]) -> Option<f64> = if is_guessed { sure_double } else { double };
                Ok(self.primitives::<Float64Type>(texts, misfits, &DataType::Float64, |text| match self.numbers.is_plain() {
                    true => read(text),
                    false => written_number(text, &self.numbers).and_then(|plain| read(&plain)),
                }))
            }
            DataType::Date32 => Ok(self.dates(texts, misfits)),
            DataType::Timestamp(unit, zone) => {
                let clock = Clock::new(*unit, zone.as_deref())?;
                let needs_offset = is_guessed && zone.is_some();
                let is_meant = |text: &[u8]| !needs_offset || time(text).is_some_and(|time| time.offset.is_some());
                let read = |text: &[u8]| clock.read(text).filter(|_| is_meant(text));
                cast(&self.primitives::<Int64Type>(texts, misfits, &DataType::Int64, read), data_type)
            }
            DataType::Decimal128(precision, scale) if *scale >= 0 => {
                let array = self.decimals(texts, *precision, *scale, misfits).finish();
                Ok(Arc::new(array.with_precision_and_scale(*precision, *scale)?))
            }
            other => self.cast(texts, other, misfits),
        }
    }

    fn strings(&self, texts: &Texts<'_>, misfits: &mut Vec<Misfit>) -> ArrayRef {
        let mut builder = StringViewBuilder::with_capacity(texts.fields.len() / texts.width.max(1));
        for (row, field) in texts.iter().enumerate() {
            let text = texts.text(field);
            if self.is_null(field, text, true) {
                builder.append_null();
                continue;
            }
            let plain;
            let text = if field.is_escaped() {
                plain = unescaped(text, texts.dialect);
                &plain
            } else {
                text
            };
            match str::from_utf8(text) {
                Ok(text) => builder.append_value(text),
                Err(_) => {
                    misfits.push(Misfit { row, text: String::from_utf8_lossy(text).into_owned() });
                    builder.append_null();
                }
            }
        }
        Arc::new(builder.finish())
    }

    fn booleans(&self, texts: &Texts<'_>, read: fn(&[u8]) -> Option<bool>, misfits: &mut Vec<Misfit>) -> ArrayRef {
        let mut builder = BooleanBuilder::new();
        self.each(texts, misfits, read, |value| builder.append_option(value));
        Arc::new(builder.finish())
    }

    fn dates(&self, texts: &Texts<'_>, misfits: &mut Vec<Misfit>) -> ArrayRef {
        let mut builder = Date32Builder::new();
        let read = |text: &[u8]| time(text).filter(|time| time.of_day.is_none()).map(|time| time.day);
        self.each(texts, misfits, read, |value| builder.append_option(value));
        Arc::new(builder.finish())
    }

    fn primitives<T: ArrowPrimitiveType>(
        &self,
        texts: &Texts<'_>,
        misfits: &mut Vec<Misfit>,
        data_type: &DataType,
        read: impl Fn(&[u8]) -> Option<T::Native>,
    ) -> ArrayRef {
        let rows = texts.fields.len() / texts.width.max(1);
        let mut builder = PrimitiveBuilder::<T>::with_capacity(rows).with_data_type(data_type.clone());
        self.each(texts, misfits, read, |value| builder.append_option(value));
        Arc::new(builder.finish())
    }

    /// Parses decimals exactly: digits beyond the scale must be zeros.
    fn decimals(&self, texts: &Texts<'_>, precision: u8, scale: i8, misfits: &mut Vec<Misfit>) -> Decimal128Builder {
        let mut builder = Decimal128Builder::new();
        let read = |text: &[u8]| {
            let written;
            let plain = if self.numbers.is_plain() {
                text
            } else {
                written = written_number(text, &self.numbers)?;
                &written
            };
            decimal(plain, precision, usize::from(scale.unsigned_abs()))
        };
        self.each(texts, misfits, read, |value| builder.append_option(value));
        builder
    }

    /// Parses strings and casts them, as CAST does.
    fn cast(&self, texts: &Texts<'_>, data_type: &DataType, misfits: &mut Vec<Misfit>) -> Result<ArrayRef, ArrowError> {
        let strings = self.strings(texts, misfits);
        if *data_type == DataType::Utf8 || *data_type == DataType::LargeUtf8 {
            return cast(&strings, data_type);
        }
        let plain = |text: &str| {
            let plain = match data_type.is_numeric() && !self.numbers.is_plain() {
                true => String::from_utf8(written_number(text.as_bytes(), &self.numbers)?).ok()?,
                false => text.to_string(),
            };
            is_cast_faithfully(&plain, data_type).then_some(plain)
        };
        let strings: StringArray = strings.as_string_view().iter().map(|text| text.and_then(plain)).collect();
        let array = cast_texts(strings, data_type)?;
        for (row, field) in texts.iter().enumerate() {
            let text = texts.text(field);
            if array.is_null(row) && !self.is_null(field, text, false) {
                misfits.push(Misfit { row, text: String::from_utf8_lossy(text).into_owned() });
            }
        }
        Ok(array)
    }

    /// Parses the field of each row.
    fn each<V>(
        &self,
        texts: &Texts<'_>,
        misfits: &mut Vec<Misfit>,
        read: impl Fn(&[u8]) -> Option<V>,
        mut append: impl FnMut(Option<V>),
    ) {
        for (row, field) in texts.iter().enumerate() {
            let text = texts.text(field);
            if self.is_null(field, text, false) {
                append(None);
                continue;
            }
            let value = read(text);
            if value.is_none() {
                misfits.push(Misfit { row, text: String::from_utf8_lossy(text).into_owned() });
            }
            append(value);
        }
    }
}
