//! Strings as keys: Arrow's views hold up to 12 bytes inline; longer strings are stored here and found by their hash.

use arrow::array::{ArrayRef, AsArray, BinaryViewBuilder, StringViewArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use parking_lot::RwLock;

use super::table::{SEEDS, Views, Words, fold};
use super::{Room, UNKNOWN};

/// True for string types.
pub fn holds(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Casts a string column to views.
pub fn views(column: &ArrayRef) -> Result<StringViewArray, ArrowError> {
    Ok(cast(column, &DataType::Utf8View)?.as_string_view().clone())
}

/// Number of bytes that a view holds inline.
const INLINE: usize = 12;

/// Marks the key of a long string in place of the length; no string is that long.
const LONG: u32 = u32::MAX;

/// The key of the long string at a place.
fn key_of_long(place: usize) -> u128 {
    u128::from(LONG) | (place as u128) << 32
}

fn is_long(view: u128) -> bool {
    view as u32 as usize > INLINE
}

/// The hash of a long string: 16 bytes at a time, then the last 16 bytes again, which covers the rest.
fn hash_of(text: &[u8]) -> u64 {
    let mut hash = text.len() as u64 ^ SEEDS[0];
    let mut add = |words: u128| hash = fold(words as u64 ^ hash, (words >> 64) as u64 ^ SEEDS[1]).rotate_left(23) ^ hash;
    text.as_chunks::<16>().0.iter().for_each(|chunk| add(u128::from_le_bytes(*chunk)));
    match (text.last_chunk::<16>(), text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(last), ..) => add(u128::from_le_bytes(*last)),
        (None, Some(first), Some(last)) => {
            add(u128::from(u64::from_le_bytes(*first)) << 64 | u128::from(u64::from_le_bytes(*last)))
        }
        _ => {}
    }
    fold(hash ^ SEEDS[2], SEEDS[1])
}

#[derive(Debug, Default)]
pub struct Texts {
    /// Views of short strings. A long string has a number here, but no slot.
    keys: Views,
    /// The hashes of the long strings; the index is the string's place. Two strings may have the same hash.
    long: Words,
    /// The number of the long string at each place.
    numbers: Vec<u32>,
    /// Where each long string ends in `bytes`.
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

impl Texts {
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Reserves a number that belongs to no string.
    pub fn reserve(&mut self) -> Result<u32, ArrowError> {
        self.keys.reserve()
    }

    /// The long string at a place.
    fn bytes(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[place]]
    }

    fn find(&self, view: u128, text: &[u8]) -> Option<u32> {
        if !is_long(view) {
            return self.keys.find(view);
        }
        let place = self.long.find_where(hash_of(text), |place| self.bytes(place as usize) == text)?;
        Some(self.numbers[place as usize])
    }

    fn insert(&mut self, view: u128, text: &[u8]) -> Result<u32, ArrowError> {
        if let Some(known) = self.find(view, text) {
            return Ok(known);
        }
        if !is_long(view) {
            return self.keys.add(view);
        }
        let number = self.keys.reserve_for(key_of_long(self.ends.len()))?;
        self.long.add(hash_of(text))?;
        self.numbers.push(number);
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        Ok(number)
    }

    /// Writes the number of each string, or [`UNKNOWN`].
    fn find_each(&self, column: &StringViewArray, numbers: &mut Vec<u32>) {
        let views = column.views();
        self.keys.find_each(views, numbers);
        let long: Vec<usize> = (0..views.len()).filter(|row| is_long(views[*row])).collect();
        if long.is_empty() {
            return;
        }
        let text = |row: usize| column.value(row).as_bytes();
        let hashes: Vec<u64> = long.iter().map(|row| hash_of(text(*row))).collect();
        let mut places = Vec::new();
        self.long.find_each(&hashes, &mut places);
        for (row, place) in long.into_iter().zip(places).filter(|(_, place)| *place != UNKNOWN) {
            numbers[row] = match self.bytes(place as usize) == text(row) {
                true => self.numbers[place as usize],
                // A different string with the same hash: probe on, comparing the strings.
                false => self.find(views[row], text(row)).unwrap_or(UNKNOWN),
            };
        }
    }

    /// Additional bytes for `more` new strings, of which `long` are long and have `bytes` bytes together.
    fn growth(&self, more: usize, long: usize, bytes: usize) -> usize {
        let growth = self.keys.growth(more) + self.long.growth(long);
        if long == 0 { growth } else { growth + self.bytes.len() + bytes + (self.ends.len() + long) * size_of::<(usize, u32)>() }
    }
}

/// Writes the number of each string. New strings are added if there is room for them; otherwise they get [`UNKNOWN`].
pub fn find_or_insert(
    texts: &RwLock<Texts>,
    column: &StringViewArray,
    numbers: &mut Vec<u32>,
    room: &mut Room<'_>,
) -> Result<(), ArrowError> {
    texts.read().find_each(column, numbers);
    let missing: Vec<usize> = (0..numbers.len()).filter(|row| numbers[*row] == UNKNOWN).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (views, text) = (column.views(), |row: usize| column.value(row).as_bytes());
    let long: Vec<usize> = missing.iter().filter(|row| is_long(views[**row])).map(|row| text(*row).len()).collect();
    let mut texts = texts.write();
    let enough = room(texts.growth(missing.len(), long.len(), long.iter().sum()));
    for row in missing {
        numbers[row] = match enough {
            true => texts.insert(views[row], text(row))?,
            false => texts.find(views[row], text(row)).unwrap_or(UNKNOWN),
        };
    }
    Ok(())
}

/// Builds the column of all strings in the order of their numbers.
pub fn array(data_type: &DataType, texts: &Texts, nulls: Option<&NullBuffer>) -> Result<ArrayRef, ArrowError> {
    let mut column = BinaryViewBuilder::with_capacity(texts.len());
    for (number, key) in texts.keys.keys().iter().enumerate() {
        let bytes = key.to_le_bytes();
        match *key as u32 {
            _ if nulls.is_some_and(|nulls| nulls.is_null(number)) => column.append_null(),
            LONG => column.append_value(texts.bytes((*key >> 32) as usize)),
            length => column.append_value(&bytes[4..4 + length as usize]),
        }
    }
    cast(&column.finish().to_string_view()?, data_type)
}
