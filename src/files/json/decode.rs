//! Decodes the values of JSON objects into arrays.
//!
//! Each column knows its type and decodes the value at the cursor, so nothing is parsed twice, and columns that are not projected are
//! skipped. A value that does not fit becomes NULL and is reported.

use std::collections::HashMap;
use std::str;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, ListArray, MapArray,
    NullBufferBuilder, StringArray, StringBuilder, StringViewBuilder, StructArray, new_null_array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{can_cast_types, cast};
use datafusion::arrow::datatypes::{DataType, FieldRef, Fields};
use datafusion::arrow::error::ArrowError;

use super::tokens::{Begins, Cursor, DEEPEST, Text, Wrong};
use crate::files::casting::cast_texts;
use crate::files::times::{Clock, time};
use crate::files::values::{Class, Numbers, any_boolean, class, decimal, double, integer, is_cast_faithfully, is_kept_by_double};

/// The state of decoding a file: the current row, and the values that did not fit.
#[derive(Debug, Default)]
pub struct Found {
    /// The current row, from 0.
    pub row: usize,
    pub misfits: Vec<Misfit>,
    /// Whether unknown names are ignored.
    pub ignores_new: bool,
    /// Whether all types were guessed; then a text in quotes is no number, and each digit of a number counts.
    pub is_guessed: bool,
    /// The nesting depth of the current value.
    depth: usize,
    plain: Vec<u8>,
}

/// A value that does not fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Misfit {
    pub row: usize,
    /// The position where it begins; for a name, the position after it.
    pub at: usize,
    pub problem: Problem,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// The value is not of this type.
    Type(DataType),
    /// The table has no column or field of this name.
    New(String),
    /// An object has this name twice.
    Twice(String),
}

impl Found {
    pub fn new(ignores_new: bool, is_guessed: bool) -> Self {
        Self { ignores_new, is_guessed, ..Self::default() }
    }

    fn misfit(&mut self, at: usize, problem: Problem) {
        self.misfits.push(Misfit { row: self.row, at, problem });
    }

    /// The string with escapes resolved; `None` if it is not valid.
    fn text<'a>(&'a mut self, text: Text<'a>) -> Option<&'a str> {
        let bytes = if text.is_escaped {
            text.unescaped(&mut self.plain)?;
            &self.plain
        } else {
            text.bytes
        };
        str::from_utf8(bytes).ok()
    }
}

/// The members of objects: the columns of a table, or the fields of a struct.
#[derive(Debug)]
pub struct Members {
    fields: Fields,
    columns: Vec<Column>,
    places: HashMap<String, usize>,
    /// For each member, the number of the object in which it was last found.
    found_in: Vec<u64>,
    objects: u64,
    /// What followed the opening brace, and what followed each member, the last time.
    following: Vec<Following>,
}

/// The bytes between two values of an object: a comma, a name, a colon, and white space. If the same bytes occur again, they mean the same
/// member and need not be parsed.
#[derive(Debug, Clone, Default)]
struct Following {
    bytes: Vec<u8>,
    /// The index of the member that they name.
    place: usize,
}

/// A column under construction.
#[derive(Debug)]
enum Column {
    /// Not projected.
    Skipped,
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Double(Float64Builder),
    Decimal {
        builder: Decimal128Builder,
        precision: u8,
        scale: i8,
    },
    Text(StringViewBuilder),
    Date(Date32Builder),
    Time {
        /// Units since 1970.
        builder: Int64Builder,
        clock: Clock,
        data_type: DataType,
    },
    Struct {
        members: Box<Members>,
        validity: NullBufferBuilder,
    },
    List {
        field: FieldRef,
        offsets: Vec<i32>,
        validity: NullBufferBuilder,
        elements: Box<Self>,
    },
    Map {
        field: FieldRef,
        offsets: Vec<i32>,
        validity: NullBufferBuilder,
        keys: StringBuilder,
        values: Box<Self>,
    },
    /// Decoded as strings and cast, as CAST does; with the row and position of each value to report misfits.
    Cast {
        texts: StringBuilder,
        places: Vec<(usize, usize)>,
        data_type: DataType,
    },
}

impl Following {
    /// True when the same bytes come next.
    #[inline]
    fn is_at(&self, cursor: &Cursor<'_>) -> bool {
        let Some(next) = cursor.bytes.get(cursor.at..cursor.at + self.bytes.len()) else { return false };
        // Compares eight bytes at a time, the last ones first. Shorter names are not worth it.
        let (Some(end), Some(known)) = (next.last_chunk::<8>(), self.bytes.last_chunk()) else { return false };
        let ((eights, _), (known_eights, _)) = (next.as_chunks::<8>(), self.bytes.as_chunks());
        end == known && eights.iter().zip(known_eights).all(|(eight, known)| eight == known)
    }
}

impl Members {
    /// Columns for these fields; with `asked`, only those are decoded.
    ///
    /// # Errors
    /// JSON cannot be read as a type.
    pub fn new(fields: &Fields, asked: Option<&[usize]>) -> Result<Self, ArrowError> {
        let is_asked = |place: &usize| asked.is_none_or(|asked| asked.contains(place));
        let column = |(place, field): (usize, &FieldRef)| match is_asked(&place) {
            true => Column::new(field.data_type()),
            false => Ok(Column::Skipped),
        };
        let columns = fields.iter().enumerate().map(column).collect::<Result<Vec<_>, _>>()?;
        let places = fields.iter().enumerate().map(|(place, field)| (field.name().clone(), place)).collect();
        Ok(Self {
            found_in: vec![0; columns.len()],
            following: vec![Following::default(); columns.len() + 1],
            fields: fields.clone(),
            columns,
            places,
            objects: 0,
        })
    }

    /// Decodes the object that begins at the cursor.
    ///
    /// # Errors
    /// It is not valid JSON.
    pub fn add(&mut self, cursor: &mut Cursor<'_>, found: &mut Found) -> Result<(), Wrong> {
        self.objects += 1;
        cursor.at += 1;
        // The previous member, counted from 1; 0 stands for the opening brace.
        let (mut before, mut is_first, mut count) = (0, true, 0);
        loop {
            // The most common form of the end, checked first.
            if !is_first && cursor.bytes.get(cursor.at) == Some(&b'}') {
                cursor.at += 1;
                break;
            }
            let place = match self.following.get(before) {
                Some(known) if known.is_at(cursor) => {
                    cursor.at += known.bytes.len();
                    Ok(known.place)
                }
                _ => {
                    let start = cursor.at;
                    let Some(name) = cursor.name(is_first)? else { break };
                    let place = self.place(name, found).ok_or_else(|| cursor.wrong("a name that is not valid text"))?;
                    if let (Ok(place), Some(following)) = (&place, self.following.get_mut(before)) {
                        following.place = *place;
                        following.bytes.clear();
                        following.bytes.extend_from_slice(&cursor.bytes[start..cursor.at]);
                    }
                    place
                }
            };
            is_first = false;
            match place {
                Ok(place) => {
                    before = place + 1;
                    if self.found_in[place] == self.objects {
                        found.misfit(cursor.at, Problem::Twice(self.fields[place].name().clone()));
                        cursor.skip()?;
                        continue;
                    }
                    self.found_in[place] = self.objects;
                    count += 1;
                    self.columns[place].add(cursor, found)?;
                }
                Err(name) => {
                    before = usize::MAX;
                    if !found.ignores_new {
                        found.misfit(cursor.at, Problem::New(name));
                    }
                    cursor.skip()?;
                }
            }
        }
        if count < self.columns.len() {
            let missing = self.columns.iter_mut().zip(&self.found_in).filter(|(_, found_in)| **found_in != self.objects);
            missing.for_each(|(column, _)| column.add_null());
        }
        Ok(())
    }

    /// The index of a member, or the unknown name; `None` if the name is not valid text.
    fn place(&self, name: Text<'_>, found: &mut Found) -> Option<Result<usize, String>> {
        let text = found.text(name)?;
        Some(self.places.get(text).copied().ok_or_else(|| text.to_string()))
    }

    fn add_null(&mut self) {
        self.columns.iter_mut().for_each(Column::add_null);
    }

    /// The projected columns, with their indexes.
    ///
    /// # Errors
    /// The values cannot be made into an array.
    pub fn finish(&mut self, found: &mut Found) -> Result<Vec<(usize, ArrayRef)>, ArrowError> {
        let mut arrays = vec![];
        for (place, column) in self.columns.iter_mut().enumerate() {
            if !matches!(column, Column::Skipped) {
                arrays.push((place, column.finish(found)?));
            }
        }
        Ok(arrays)
    }
}

impl Column {
    fn new(data_type: &DataType) -> Result<Self, ArrowError> {
        let validity = || NullBufferBuilder::new(0);
        Ok(match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int64 => Self::Integer(Int64Builder::new()),
            DataType::Float64 => Self::Double(Float64Builder::new()),
            DataType::Decimal128(precision, scale) if *scale >= 0 => {
                let builder = Decimal128Builder::new().with_precision_and_scale(*precision, *scale)?;
                Self::Decimal { builder, precision: *precision, scale: *scale }
            }
            DataType::Utf8View => Self::Text(StringViewBuilder::new()),
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Timestamp(unit, zone) => Self::Time {
                builder: Int64Builder::new(),
                clock: Clock::new(*unit, zone.as_deref())?,
                data_type: data_type.clone(),
            },
            DataType::Struct(fields) => Self::Struct { members: Box::new(Members::new(fields, None)?), validity: validity() },
            DataType::List(field) => Self::List {
                field: Arc::clone(field),
                offsets: vec![0],
                validity: validity(),
                elements: Box::new(Self::new(field.data_type())?),
            },
            DataType::Map(field, _) => match field.data_type() {
                DataType::Struct(entries) if entries.len() == 2 && *entries[0].data_type() == DataType::Utf8 => Self::Map {
                    field: Arc::clone(field),
                    offsets: vec![0],
                    validity: validity(),
                    keys: StringBuilder::new(),
                    values: Box::new(Self::new(entries[1].data_type())?),
                },
                other => return Err(ArrowError::CastError(format!("keys of maps in JSON are texts, not {other}"))),
            },
            other if can_cast_types(&DataType::Utf8, other) => {
                Self::Cast { texts: StringBuilder::new(), places: vec![], data_type: other.clone() }
            }
            other => return Err(ArrowError::CastError(format!("JSON cannot be read as {other}"))),
        })
    }

    /// The column's type, for the error about a misfit.
    fn data_type(&self) -> DataType {
        match self {
            Self::Skipped => DataType::Null,
            Self::Boolean(_) => DataType::Boolean,
            Self::Integer(_) => DataType::Int64,
            Self::Double(_) => DataType::Float64,
            Self::Decimal { precision, scale, .. } => DataType::Decimal128(*precision, *scale),
            Self::Text(_) => DataType::Utf8View,
            Self::Date(_) => DataType::Date32,
            Self::Time { data_type, .. } | Self::Cast { data_type, .. } => data_type.clone(),
            Self::Struct { members, .. } => DataType::Struct(members.fields.clone()),
            Self::List { field, .. } => DataType::List(Arc::clone(field)),
            Self::Map { field, .. } => DataType::Map(Arc::clone(field), false),
        }
    }

    /// Decodes the value at the cursor.
    fn add(&mut self, cursor: &mut Cursor<'_>, found: &mut Found) -> Result<(), Wrong> {
        if matches!(self, Self::Skipped) {
            return cursor.skip();
        }
        let begins = cursor.begins()?;
        let at = cursor.at;
        let bytes = cursor.bytes;
        let fits = match (&mut *self, begins) {
            (_, Begins::Null) => {
                cursor.word(begins);
                self.add_null();
                return Ok(());
            }
            (Self::Boolean(builder), Begins::True | Begins::False) => {
                cursor.word(begins);
                builder.append_value(begins == Begins::True);
                true
            }
            (Self::Boolean(_) | Self::Integer(_) | Self::Double(_) | Self::Decimal { .. }, Begins::Text) if found.is_guessed => {
                cursor.text()?;
                false
            }
            (Self::Boolean(_), Begins::Number) if found.is_guessed => {
                cursor.number()?;
                false
            }
            (Self::Boolean(builder), Begins::Number) => {
                appended(any_boolean(cursor.number()?), |value| builder.append_value(value))
            }
            (Self::Boolean(builder), Begins::Text) => {
                appended(any_boolean(cursor.text()?.bytes), |value| builder.append_value(value))
            }
            (Self::Integer(builder), Begins::Number | Begins::Text) => {
                appended(integer(scalar(cursor, begins)?), |value| builder.append_value(value))
            }
            (Self::Double(builder), Begins::Number | Begins::Text) => {
                let text = scalar(cursor, begins)?;
                let is_kept = !found.is_guessed || is_kept_by_double(text);
                appended(double(text).filter(|value| is_kept && value.is_finite()), |value| builder.append_value(value))
            }
            (Self::Decimal { builder, precision, scale }, Begins::Number | Begins::Text) => {
                let value = decimal(scalar(cursor, begins)?, *precision, usize::from(scale.unsigned_abs()));
                appended(value, |value| builder.append_value(value))
            }
            (Self::Date(builder), Begins::Text) => {
                let value = time(cursor.text()?.bytes).filter(|time| time.of_day.is_none());
                appended(value, |time| builder.append_value(time.day))
            }
            (Self::Time { builder, clock, .. }, Begins::Text) => {
                appended(clock.read(cursor.text()?.bytes), |value| builder.append_value(value))
            }
            (Self::Text(builder), Begins::Text) => {
                let text = cursor.text()?;
                appended(found.text(text), |text| builder.append_value(text))
            }
            (Self::Text(builder), _) => {
                let raw = cursor.raw()?;
                appended(str::from_utf8(&bytes[raw]).ok(), |text| builder.append_value(text))
            }
            (Self::Cast { texts, places, .. }, _) => {
                places.push((found.row, at));
                match begins {
                    Begins::Text => {
                        let text = cursor.text()?;
                        texts.append_option(found.text(text));
                    }
                    _ => texts.append_option(str::from_utf8(&bytes[cursor.raw()?]).ok()),
                }
                true
            }
            (Self::Struct { members, validity }, Begins::Object) => {
                deeper(cursor, found, |cursor, found| members.add(cursor, found))?;
                validity.append_non_null();
                true
            }
            (Self::List { offsets, validity, elements, .. }, Begins::List) => {
                let mut length = offsets.last().copied().unwrap_or(0);
                deeper(cursor, found, |cursor, found| {
                    cursor.list(|cursor| {
                        length = length.checked_add(1).ok_or_else(|| cursor.wrong("more values than a list can have"))?;
                        elements.add(cursor, found)
                    })
                })?;
                offsets.push(length);
                validity.append_non_null();
                true
            }
            (Self::Map { offsets, validity, keys, values, .. }, Begins::Object) => {
                let mut length = offsets.last().copied().unwrap_or(0);
                deeper(cursor, found, |cursor, found| {
                    cursor.object(|cursor, name| {
                        length = length.checked_add(1).ok_or_else(|| cursor.wrong("more values than a map can have"))?;
                        let Some(name) = found.text(name) else { return Err(cursor.wrong("a name that is not valid text")) };
                        keys.append_value(name);
                        values.add(cursor, found)
                    })
                })?;
                offsets.push(length);
                validity.append_non_null();
                true
            }
            _ => {
                cursor.skip()?;
                false
            }
        };
        if !fits {
            found.misfit(at, Problem::Type(self.data_type()));
            self.add_null();
        }
        Ok(())
    }

    fn add_null(&mut self) {
        match self {
            Self::Skipped => {}
            Self::Boolean(builder) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::Double(builder) => builder.append_null(),
            Self::Decimal { builder, .. } => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Time { builder, .. } => builder.append_null(),
            Self::Struct { members, validity } => {
                members.add_null();
                validity.append_null();
            }
            Self::List { offsets, validity, .. } | Self::Map { offsets, validity, .. } => {
                offsets.push(offsets.last().copied().unwrap_or(0));
                validity.append_null();
            }
            Self::Cast { texts, places, .. } => {
                places.push((0, 0));
                texts.append_null();
            }
        }
    }

    fn finish(&mut self, found: &mut Found) -> Result<ArrayRef, ArrowError> {
        let offsets_of = |offsets: &mut Vec<i32>| OffsetBuffer::new(std::mem::replace(offsets, vec![0]).into());
        Ok(match self {
            Self::Skipped => new_null_array(&DataType::Null, 0),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Double(builder) => Arc::new(builder.finish()),
            Self::Decimal { builder, precision, scale } => {
                Arc::new(builder.finish().with_precision_and_scale(*precision, *scale)?)
            }
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Time { builder, data_type, .. } => cast(&builder.finish(), data_type)?,
            Self::Struct { members, validity } => {
                let rows = validity.len();
                let columns = members.finish(found)?.into_iter().map(|(_, array)| array).collect();
                Arc::new(StructArray::try_new_with_length(members.fields.clone(), columns, validity.finish(), rows)?)
            }
            Self::List { field, offsets, validity, elements } => {
                let elements = elements.finish(found)?;
                Arc::new(ListArray::try_new(Arc::clone(field), offsets_of(offsets), elements, validity.finish())?)
            }
            Self::Map { field, offsets, validity, keys, values } => {
                let DataType::Struct(entries) = field.data_type() else {
                    return Err(ArrowError::CastError("a map has keys and values".into()));
                };
                let columns: Vec<ArrayRef> = vec![Arc::new(keys.finish()), values.finish(found)?];
                let entries = StructArray::try_new(entries.clone(), columns, None)?;
                Arc::new(MapArray::try_new(Arc::clone(field), offsets_of(offsets), entries, validity.finish(), false)?)
            }
            Self::Cast { texts, places, data_type } => {
                let texts = texts.finish();
                let faithful = texts.iter().map(|text| text.filter(|text| is_cast_faithfully(text, data_type)));
                let faithful = StringArray::from_iter(faithful);
                let array = cast_texts(faithful, data_type)?;
                for (place, (row, at)) in std::mem::take(places).into_iter().enumerate() {
                    if array.is_null(place) && texts.is_valid(place) {
                        found.misfits.push(Misfit { row, at, problem: Problem::Type(data_type.clone()) });
                    }
                }
                array
            }
        })
    }
}

/// Appends a value if there is one; returns whether there was.
fn appended<V>(value: Option<V>, append: impl FnOnce(V)) -> bool {
    value.map(append).is_some()
}

/// The text of a number, or of a number in quotes. Empty for a quoted text that would be printed differently as a number, such as `007`.
fn scalar<'a>(cursor: &mut Cursor<'a>, begins: Begins) -> Result<&'a [u8], Wrong> {
    if begins == Begins::Number {
        return cursor.number();
    }
    let text = cursor.text()?.bytes;
    let is_number = matches!(class(text, &Numbers::default()), Class::Integer | Class::Number);
    Ok(if is_number || integer(text).is_some_and(|number| number.to_string().as_bytes() == text) { text } else { b"" })
}

fn deeper(
    cursor: &mut Cursor<'_>,
    found: &mut Found,
    inside: impl FnOnce(&mut Cursor<'_>, &mut Found) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    if found.depth > DEEPEST {
        return Err(cursor.wrong("values are nested more than 200 deep"));
    }
    found.depth += 1;
    let result = inside(cursor, found);
    found.depth -= 1;
    result
}

/// The path to a value within an object: `address.city`, `items[2].price`.
pub fn path(object: &[u8], at: usize) -> String {
    fn within(cursor: &mut Cursor<'_>, at: usize, path: &mut Vec<String>) -> Option<()> {
        let begins = cursor.begins().ok()?;
        if cursor.at >= at {
            return Some(());
        }
        let mut is_found = None;
        let mut step = |cursor: &mut Cursor<'_>, name: String| {
            let end = {
                let mut ahead = cursor.clone();
                ahead.skip().map(|()| ahead.at)?
            };
            if is_found.is_none() && at < end {
                path.push(name);
                is_found = within(&mut cursor.clone(), at, path);
            }
            cursor.at = end;
            Ok(())
        };
        let mut place = 0;
        let gone = match begins {
            Begins::Object => cursor.object(|cursor, name| step(cursor, format!(".{}", String::from_utf8_lossy(name.bytes)))),
            Begins::List => cursor.list(|cursor| {
                place += 1;
                step(cursor, format!("[{place}]"))
            }),
            _ => Ok(()),
        };
        gone.ok()?;
        is_found
    }
    let mut path = vec![];
    within(&mut Cursor::new(object), at, &mut path);
    path.concat().trim_start_matches('.').to_string()
}
