//! Thrift's compact protocol, in which the footers of Parquet files are written: values are read, changed and written without knowing
//! what all of them mean, so that nothing is lost.

/// How deep structs and lists may be nested; Parquet's own stay below ten.
const DEEPEST: usize = 32;

/// Why bytes are not a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// They end within it.
    Short,
    Invalid,
}

/// The types of values, as they are written.
const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
pub const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
pub const STRUCT: u8 = 12;

/// A value. Those that are never changed are kept as their bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number of 16, 32 or 64 bits.
    Whole(u8, i64),
    Struct(Fields),
    /// The type of the items, and the items.
    List(u8, Vec<Self>),
    /// Another type, and its bytes.
    Other(u8, Vec<u8>),
}

/// The fields of a struct, by their numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(Vec<(i16, Value)>);

impl Fields {
    /// The struct at the beginning of some bytes, and its length.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), Wrong> {
        let mut reader = Reader::new(bytes);
        let fields = reader.fields(0)?;
        Ok((fields, reader.place))
    }

    pub fn get(&self, id: i16) -> Option<&Value> {
        self.0.iter().find(|(own, _)| *own == id).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, id: i16) -> Option<&mut Value> {
        self.0.iter_mut().find(|(own, _)| *own == id).map(|(_, value)| value)
    }

    /// A number that is not negative.
    pub fn whole(&self, id: i16) -> Option<u64> {
        match self.get(id) {
            Some(Value::Whole(_, number)) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Changes a number, where there is one.
    pub fn set(&mut self, id: i16, number: u64) {
        if let Some(Value::Whole(_, own)) = self.get_mut(id) {
            *own = i64::try_from(number).unwrap_or(i64::MAX);
        }
    }

    /// The structs of a list.
    pub fn structs(&self, id: i16) -> impl Iterator<Item = &Self> {
        let items = match self.get(id) {
            Some(Value::List(_, items)) => items.as_slice(),
            _ => &[],
        };
        items.iter().filter_map(|item| if let Value::Struct(fields) = item { Some(fields) } else { None })
    }

    /// The structs of a list, to be changed.
    pub fn structs_mut(&mut self, id: i16) -> impl Iterator<Item = &mut Self> {
        let items = match self.get_mut(id) {
            Some(Value::List(_, items)) => items.as_mut_slice(),
            _ => &mut [],
        };
        items.iter_mut().filter_map(|item| if let Value::Struct(fields) = item { Some(fields) } else { None })
    }

    /// Adds the bytes of the struct.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        let mut before = 0;
        for (id, value) in &self.0 {
            let kind = value.kind();
            match id.checked_sub(before).and_then(|delta| u8::try_from(delta).ok()) {
                Some(delta @ 1..=15) => bytes.push(delta << 4 | kind),
                _ => {
                    bytes.push(kind);
                    write_zigzag(i64::from(*id), bytes);
                }
            }
            value.write(bytes);
            before = *id;
        }
        bytes.push(STOP);
    }
}

impl Value {
    fn kind(&self) -> u8 {
        match self {
            Self::Whole(kind, _) | Self::Other(kind, _) => *kind,
            Self::Struct(_) => STRUCT,
            Self::List(..) => LIST,
        }
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Whole(_, number) => write_zigzag(*number, bytes),
            Self::Struct(fields) => fields.write(bytes),
            Self::List(kind, items) => {
                match u8::try_from(items.len()) {
                    Ok(length @ 0..=14) => bytes.push(length << 4 | kind),
                    _ => {
                        bytes.push(0xF0 | kind);
                        write_varint(items.len() as u64, bytes);
                    }
                }
                items.iter().for_each(|item| item.write(bytes));
            }
            Self::Other(_, own) => bytes.extend_from_slice(own),
        }
    }
}

/// Adds a number in groups of seven bits.
fn write_varint(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Adds a number with its sign in the lowest bit.
pub fn write_zigzag(number: i64, bytes: &mut Vec<u8>) {
    write_varint((number << 1 ^ number >> 63).cast_unsigned(), bytes);
}

/// Reads values one after the other.
pub struct Reader<'a> {
    bytes: &'a [u8],
    pub place: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, place: 0 }
    }

    fn byte(&mut self) -> Result<u8, Wrong> {
        let byte = *self.bytes.get(self.place).ok_or(Wrong::Short)?;
        self.place += 1;
        Ok(byte)
    }

    fn skip(&mut self, length: u64) -> Result<(), Wrong> {
        let length = usize::try_from(length).map_err(|_| Wrong::Invalid)?;
        let end = self.place.checked_add(length).ok_or(Wrong::Invalid)?;
        if end > self.bytes.len() {
            return Err(Wrong::Short);
        }
        self.place = end;
        Ok(())
    }

    fn varint(&mut self) -> Result<u64, Wrong> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Wrong::Invalid)
    }

    /// A number with its sign in the lowest bit.
    pub fn zigzag(&mut self) -> Result<i64, Wrong> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// The number and type of the next field of a struct; `None` at its end.
    pub fn field(&mut self, before: i16) -> Result<Option<(i16, u8)>, Wrong> {
        let head = self.byte()?;
        if head == STOP {
            return Ok(None);
        }
        let id = match head >> 4 {
            0 => i16::try_from(self.zigzag()?).map_err(|_| Wrong::Invalid)?,
            delta => before.checked_add(i16::from(delta)).ok_or(Wrong::Invalid)?,
        };
        Ok(Some((id, head & 0x0F)))
    }

    fn fields(&mut self, depth: usize) -> Result<Fields, Wrong> {
        let (mut fields, mut before) = (vec![], 0);
        while let Some((id, kind)) = self.field(before)? {
            // A boolean of a struct is in its type.
            let value = if matches!(kind, TRUE | FALSE) { Value::Other(kind, vec![]) } else { self.value(kind, depth + 1)? };
            fields.push((id, value));
            before = id;
        }
        Ok(Fields(fields))
    }

    /// A value of a type.
    pub fn value(&mut self, kind: u8, depth: usize) -> Result<Value, Wrong> {
        if depth > DEEPEST {
            return Err(Wrong::Invalid);
        }
        let start = self.place;
        match kind {
            I16 | I32 | I64 => return Ok(Value::Whole(kind, self.zigzag()?)),
            STRUCT => return Ok(Value::Struct(self.fields(depth)?)),
            LIST => {
                let head = self.byte()?;
                let length = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                let mut items = vec![];
                for _ in 0..length {
                    items.push(self.value(head & 0x0F, depth + 1)?);
                }
                return Ok(Value::List(head & 0x0F, items));
            }
            TRUE | FALSE | BYTE => self.skip(1)?,
            DOUBLE => self.skip(8)?,
            BINARY => {
                let length = self.varint()?;
                self.skip(length)?;
            }
            SET => {
                let head = self.byte()?;
                let length = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                for _ in 0..length {
                    self.value(head & 0x0F, depth + 1)?;
                }
            }
            MAP => {
                let length = self.varint()?;
                let kinds = if length == 0 { 0 } else { self.byte()? };
                for _ in 0..length {
                    self.value(kinds >> 4, depth + 1)?;
                    self.value(kinds & 0x0F, depth + 1)?;
                }
            }
            _ => return Err(Wrong::Invalid),
        }
        Ok(Value::Other(kind, self.bytes[start..self.place].to_vec()))
    }
}
