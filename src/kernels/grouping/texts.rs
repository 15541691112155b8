//! Texts as keys: the views of Arrow, which hold up to 12 bytes; longer texts have a number of their own instead.

use arrow::array::{ArrayRef, AsArray, BinaryViewBuilder, StringViewArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use parking_lot::RwLock;

use super::table::{Key, SEEDS, Table, fold};
use super::{Room, UNKNOWN};

/// Types of texts.
pub fn holds(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The same texts with their views.
pub fn views(column: &ArrayRef) -> Result<StringViewArray, ArrowError> {
    Ok(cast(column, &DataType::Utf8View)?.as_string_view().clone())
}

/// Bytes that a view holds itself.
const INLINE: usize = 12;

/// What stands in a key where a view has its length: no text is as long.
const LONG: u32 = u32::MAX;

fn key_of_long(number: u32) -> u128 {
    u128::from(LONG) | u128::from(number) << 32
}

/// Where a long text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Span {
    start: usize,
    length: usize,
    hash: u64,
}

impl Key for Span {
    fn hash(self) -> u64 {
        self.hash
    }
}

fn hash_of(text: &[u8]) -> u64 {
    let mut hash = text.len() as u64 ^ SEEDS[0];
    for chunk in text.chunks(16) {
        let mut bytes = [0; 16];
        bytes[..chunk.len()].copy_from_slice(chunk);
        let words = u128::from_le_bytes(bytes);
        hash = fold(words as u64 ^ hash, (words >> 64) as u64 ^ SEEDS[1]).rotate_left(23) ^ hash;
    }
    fold(hash ^ SEEDS[2], SEEDS[1])
}

#[derive(Debug, Default)]
pub struct Texts {
    keys: Table<u128>,
    long: Table<Span>,
    bytes: Vec<u8>,
}

impl Texts {
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// A number that no text has.
    pub fn reserve(&mut self) -> Result<u32, ArrowError> {
        self.keys.reserve()
    }

    fn bytes(&self, number: u32) -> &[u8] {
        let Span { start, length, .. } = self.long.keys()[number as usize];
        &self.bytes[start..start + length]
    }

    fn long(&self, text: &[u8], hash: u64) -> Option<u32> {
        self.long.find_where(hash, |number| self.bytes(number) == text)
    }

    fn key(&self, view: u128, text: &[u8]) -> Option<u128> {
        if view as u32 as usize <= INLINE { Some(view) } else { self.long(text, hash_of(text)).map(key_of_long) }
    }

    fn find(&self, view: u128, text: &[u8]) -> Option<u32> {
        let key = self.key(view, text)?;
        self.keys.find(key, key.hash())
    }

    fn insert(&mut self, view: u128, text: &[u8]) -> Result<u32, ArrowError> {
        let key = match self.key(view, text) {
            Some(key) => key,
            None => {
                let span = Span { start: self.bytes.len(), length: text.len(), hash: hash_of(text) };
                self.bytes.extend_from_slice(text);
                key_of_long(self.long.add(span)?)
            }
        };
        self.keys.insert(key, key.hash())
    }
}

/// Writes the number of each text; texts without one get one, as far as there is room.
pub fn find_or_insert(
    texts: &RwLock<Texts>,
    column: &StringViewArray,
    numbers: &mut Vec<u32>,
    room: &mut Room<'_>,
) -> Result<(), ArrowError> {
    let views = column.views();
    let text = |row: usize| column.value(row).as_bytes();
    {
        let texts = texts.read();
        if views.iter().all(|view| *view as u32 as usize <= INLINE) {
            texts.keys.find_each(views, numbers);
        } else {
            // A long text that is not known has a key that no text has.
            let keys = views.iter().enumerate().map(|(row, view)| texts.key(*view, text(row)).unwrap_or(u128::MAX));
            texts.keys.find_each(&keys.collect::<Vec<u128>>(), numbers);
        }
    }
    let missing: Vec<usize> = (0..numbers.len()).filter(|row| numbers[*row] == UNKNOWN).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut texts = texts.write();
    let long: Vec<usize> = missing.iter().map(|row| views[*row] as u32 as usize).filter(|length| *length > INLINE).collect();
    let of_bytes = if long.is_empty() { 0 } else { texts.bytes.len() + long.iter().sum::<usize>() };
    let enough = room(texts.keys.growth(missing.len()) + texts.long.growth(long.len()) + of_bytes);
    for row in missing {
        numbers[row] = match enough {
            true => texts.insert(views[row], text(row))?,
            false => texts.find(views[row], text(row)).unwrap_or(UNKNOWN),
        };
    }
    Ok(())
}

/// The column of all texts by their numbers.
pub fn array(data_type: &DataType, texts: &Texts, nulls: Option<&NullBuffer>) -> Result<ArrayRef, ArrowError> {
    let mut column = BinaryViewBuilder::with_capacity(texts.len());
    for (number, key) in texts.keys.keys().iter().enumerate() {
        let bytes = key.to_le_bytes();
        match *key as u32 {
            _ if nulls.is_some_and(|nulls| nulls.is_null(number)) => column.append_null(),
            LONG => column.append_value(texts.bytes((*key >> 32) as u32)),
            length => column.append_value(&bytes[4..4 + length as usize]),
        }
    }
    cast(&column.finish().to_string_view()?, data_type)
}
