//! Bytes, as in PostgreSQL: functions of texts that take bytes as well, such as `substr`, and those that only bytes have.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Int32Array, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, plan_err};
use datafusion::functions::{core, encoding, string, unicode};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::bits::is_bytes;
use super::dates::is_text;
use super::of_engine::of_engine;
use super::scalar::Scalar;
use crate::error::{SqlState, in_rows};

/// What one argument is for bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Takes {
    Bytes,
    Number,
    Text,
}

/// What a function of the engine does with bytes.
#[derive(Debug)]
struct OfBytes {
    name: &'static str,
    takes: &'static [Takes],
    /// The number of arguments that must be there.
    least: usize,
    gives: DataType,
    compute: fn(&Given) -> Result<ArrayRef>,
}

static ALL_OF_ENGINE: [OfBytes; 9] = [
    OfBytes {
        name: "substr",
        takes: &[Takes::Bytes, Takes::Number, Takes::Number],
        least: 2,
        gives: DataType::Binary,
        compute: part,
    },
    OfBytes { name: "octet_length", takes: &[Takes::Bytes], least: 1, gives: DataType::Int32, compute: |given| given.lengths(1) },
    OfBytes { name: "bit_length", takes: &[Takes::Bytes], least: 1, gives: DataType::Int32, compute: |given| given.lengths(8) },
    OfBytes { name: "strpos", takes: &[Takes::Bytes, Takes::Bytes], least: 2, gives: DataType::Int32, compute: found },
    OfBytes {
        name: "btrim",
        takes: &[Takes::Bytes, Takes::Bytes],
        least: 2,
        gives: DataType::Binary,
        compute: |given| trimmed(given, true, true),
    },
    OfBytes {
        name: "ltrim",
        takes: &[Takes::Bytes, Takes::Bytes],
        least: 2,
        gives: DataType::Binary,
        compute: |given| trimmed(given, true, false),
    },
    OfBytes {
        name: "rtrim",
        takes: &[Takes::Bytes, Takes::Bytes],
        least: 2,
        gives: DataType::Binary,
        compute: |given| trimmed(given, false, true),
    },
    OfBytes {
        name: "overlay",
        takes: &[Takes::Bytes, Takes::Bytes, Takes::Number, Takes::Number],
        least: 3,
        gives: DataType::Binary,
        compute: overlaid,
    },
    OfBytes { name: "encode", takes: &[Takes::Bytes, Takes::Text], least: 2, gives: DataType::Utf8, compute: escaped },
];

/// The functions of the engine that take bytes as well, by name, and `decode`, which also knows `escape`.
pub fn of_engine() -> impl Iterator<Item = (&'static str, ScalarUDF)> {
    let engines = [
        unicode::substr(),
        string::octet_length(),
        string::bit_length(),
        unicode::strpos(),
        string::btrim(),
        string::ltrim(),
        string::rtrim(),
        core::overlay(),
        encoding::encode(),
    ];
    let own = ALL_OF_ENGINE.iter().zip(engines).map(|(own, engine)| {
        let signature = Signature::user_defined(Volatility::Immutable);
        (own.name, ScalarUDF::from(Also { own, engine, signature }))
    });
    own.chain([("decode", ScalarUDF::from(Decode { engine: encoding::decode() }))])
}

/// A function of the engine that also takes bytes.
pub fn named(name: &str) -> Option<ScalarUDF> {
    of_engine().find(|(own, _)| *own == name).map(|(_, function)| function)
}

#[derive(Debug)]
struct Also {
    own: &'static OfBytes,
    engine: Arc<ScalarUDF>,
    signature: Signature,
}

impl PartialEq for Also {
    fn eq(&self, other: &Self) -> bool {
        self.own.name == other.own.name
    }
}

impl Eq for Also {}

impl std::hash::Hash for Also {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.own.name.hash(state);
    }
}

impl Also {
    /// The types of arguments of which the first is bytes; `None` for those of the engine. Its `encode` writes bytes in other forms.
    fn taken(&self, types: &[DataType]) -> Option<Vec<DataType>> {
        let is_own = is_bytes(types.first()?) && types.len() >= self.own.least && types.len() <= self.own.takes.len();
        if !is_own {
            return None;
        }
        let one = |(takes, given): (&Takes, &DataType)| match takes {
            Takes::Bytes if is_bytes(given) || is_text(given) => Some(DataType::Binary),
            Takes::Number if given.is_integer() || given.is_null() => Some(DataType::Int64),
            Takes::Text if is_text(given) => Some(DataType::Utf8),
            _ => None,
        };
        self.own.takes.iter().zip(types).map(one).collect()
    }

    /// What the engine says of its function where the arguments are of other types.
    fn candidates(&self, types: &[DataType]) -> String {
        let (name, signature) = (self.engine.name(), self.engine.signature());
        let candidates = signature.type_signature.to_string_repr_with_names(signature.parameter_names.as_deref());
        let candidates = candidates.iter().map(|taken| format!("\t{name}({taken})")).collect::<Vec<_>>().join("\n");
        let given = TypeSignature::join_types(types, ", ");
        format!(
            "No function matches the given name and argument types '{name}({given})'. You might need to add explicit type casts.\n\tCandidate functions:\n{candidates}"
        )
    }

    fn gives_own(&self, types: &[DataType]) -> bool {
        types.first().is_some_and(is_bytes)
    }
}

impl ScalarUDFImpl for Also {
    of_engine!(name, aliases, is_strict, output_ordering, documentation);

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if let Some(own) = self.taken(types) {
            return Ok(own);
        }
        let fields: Vec<FieldRef> = types.iter().map(|of| Arc::new(Field::new("", of.clone(), true))).collect();
        match fields_with_udf(&fields, self.engine.as_ref()) {
            Ok(fields) => Ok(fields.iter().map(|field| field.data_type().clone()).collect()),
            Err(error) => plan_err!("{} {}", error.strip_backtrace(), self.candidates(types)),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        if self.gives_own(types) { Ok(self.own.gives.clone()) } else { self.engine.return_type(types) }
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if arguments.arg_fields.first().is_some_and(|field| is_bytes(field.data_type())) {
            let is_nullable = arguments.arg_fields.iter().any(|field| field.is_nullable());
            return Ok(Arc::new(Field::new(self.own.name, self.own.gives.clone(), is_nullable)));
        }
        self.engine.return_field_from_args(arguments)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_own = arguments.args.first().is_some_and(|bytes| is_bytes(&bytes.data_type()));
        let is_own = is_own && (self.own.name != "encode" || is_escape(&arguments));
        if !is_own {
            return self.engine.invoke_with_args(arguments);
        }
        Ok(ColumnarValue::Array((self.own.compute)(&Given::of(&arguments)?)?))
    }
}

/// True if the form of `encode` or `decode` is `escape`.
fn is_escape(arguments: &ScalarFunctionArgs) -> bool {
    match arguments.args.get(1) {
        Some(ColumnarValue::Scalar(form)) => form.try_as_str().flatten().is_some_and(|form| form.eq_ignore_ascii_case("escape")),
        _ => false,
    }
}

/// The arguments of a call with bytes.
struct Given {
    columns: Vec<ArrayRef>,
}

impl Given {
    fn of(arguments: &ScalarFunctionArgs) -> Result<Self> {
        let columns = arguments.args.iter().map(|argument| argument.to_array(arguments.number_rows));
        Ok(Self { columns: columns.collect::<Result<_>>()? })
    }

    fn bytes(&self, place: usize) -> &BinaryArray {
        self.columns[place].as_binary::<i32>()
    }

    /// The number in a row; `None` for NULL, and if there is no such argument.
    fn number(&self, place: usize, row: usize) -> Option<i64> {
        let numbers = self.columns.get(place)?.as_primitive::<Int64Type>();
        numbers.is_valid(row).then(|| numbers.value(row))
    }

    fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.len())
    }

    /// True for a row in which no argument is NULL.
    fn is_whole(&self, row: usize) -> bool {
        self.columns.iter().all(|column| column.is_valid(row))
    }

    fn each<T>(&self, of: impl Fn(usize) -> Result<T>) -> Result<Vec<Option<T>>> {
        (0..self.rows()).map(|row| self.is_whole(row).then(|| of(row)).transpose()).collect()
    }

    fn lengths(&self, bits: usize) -> Result<ArrayRef> {
        let lengths = self.each(|row| Ok(i32::try_from(self.bytes(0).value(row).len() * bits).unwrap_or(i32::MAX)))?;
        Ok(Arc::new(Int32Array::from(lengths)))
    }
}

fn binary(values: Vec<Option<Vec<u8>>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<BinaryArray>())
}

/// The bytes from a place, counted from 1, as many as are asked for.
fn cut(bytes: &[u8], from: i64, count: Option<i64>) -> Result<&[u8]> {
    if count.is_some_and(|count| count < 0) {
        let rule = "the number of bytes must be at least 0";
        return Err(in_rows(SqlState::SUBSTRING_ERROR, "substr", rule, rule));
    }
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let end = count.map_or(length, |count| from.saturating_add(count).saturating_sub(1)).clamp(0, length);
    let start = from.saturating_sub(1).clamp(0, end);
    let place = |at: i64| usize::try_from(at).unwrap_or_default();
    Ok(&bytes[place(start)..place(end)])
}

fn part(given: &Given) -> Result<ArrayRef> {
    let parts = given.each(|row| {
        let from = given.number(1, row).unwrap_or(1);
        Ok(cut(given.bytes(0).value(row), from, given.number(2, row))?.to_vec())
    })?;
    Ok(binary(parts))
}

fn found(given: &Given) -> Result<ArrayRef> {
    let places = given.each(|row| {
        let (bytes, wanted) = (given.bytes(0).value(row), given.bytes(1).value(row));
        let place = if wanted.is_empty() { Some(0) } else { bytes.windows(wanted.len()).position(|part| part == wanted) };
        Ok(place.map_or(0, |place| i32::try_from(place + 1).unwrap_or(i32::MAX)))
    })?;
    Ok(Arc::new(Int32Array::from(places)))
}

fn trimmed(given: &Given, start: bool, end: bool) -> Result<ArrayRef> {
    let parts = given.each(|row| {
        let (mut bytes, others) = (given.bytes(0).value(row), given.bytes(1).value(row));
        while let ([first, rest @ ..], true) = (bytes, start)
            && others.contains(first)
        {
            bytes = rest;
        }
        while let ([rest @ .., last], true) = (bytes, end)
            && others.contains(last)
        {
            bytes = rest;
        }
        Ok(bytes.to_vec())
    })?;
    Ok(binary(parts))
}

fn overlaid(given: &Given) -> Result<ArrayRef> {
    let joined = given.each(|row| {
        let (bytes, new) = (given.bytes(0).value(row), given.bytes(1).value(row));
        let from = given.number(2, row).unwrap_or(1);
        if from < 1 {
            let rule = "the place must be at least 1";
            return Err(in_rows(SqlState::SUBSTRING_ERROR, "overlay", rule, rule));
        }
        let count = given.number(3, row).unwrap_or_else(|| i64::try_from(new.len()).unwrap_or(i64::MAX));
        let (before, after) = (cut(bytes, 1, Some(from - 1))?, cut(bytes, from.saturating_add(count), None)?);
        Ok([before, new, after].concat())
    })?;
    Ok(binary(joined))
}

/// Bytes as text, in which zero and bytes from 128 are `\ooo`, and backslashes are doubled.
fn escaped(given: &Given) -> Result<ArrayRef> {
    let texts = given.each(|row| {
        let mut text = String::new();
        for byte in given.bytes(0).value(row) {
            match byte {
                b'\\' => text.push_str("\\\\"),
                0 | 128.. => text.push_str(&format!("\\{byte:03o}")),
                other => text.push(char::from(*other)),
            }
        }
        Ok(text)
    })?;
    Ok(Arc::new(StringArray::from(texts)))
}

/// The bytes that a text with `\ooo` and `\\` stands for.
fn unescaped(text: &str) -> Result<Vec<u8>> {
    let (mut bytes, mut rest) = (vec![], text.as_bytes());
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        match rest {
            [b'\\', after @ ..] => {
                bytes.push(b'\\');
                rest = after;
            }
            [first @ b'0'..=b'3', second @ b'0'..=b'7', third @ b'0'..=b'7', after @ ..] => {
                bytes.push((first - b'0') * 64 + (second - b'0') * 8 + (third - b'0'));
                rest = after;
            }
            _ => {
                let rule = "after a backslash comes another, or three digits from 000 to 377";
                let problem = format!("got '{text}'; {rule}");
                return Err(in_rows(SqlState::INVALID_TEXT_REPRESENTATION, "decode", rule, problem));
            }
        }
    }
    Ok(bytes)
}

/// `decode`, which also knows the form `escape`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Decode {
    engine: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for Decode {
    of_engine!(name, aliases, signature, return_type, is_strict, output_ordering, documentation);

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.engine.return_field_from_args(arguments)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if !is_escape(&arguments) {
            return self.engine.invoke_with_args(arguments);
        }
        let texts = cast(&arguments.args[0].to_array(arguments.number_rows)?, &DataType::Utf8)?;
        let bytes = texts.as_string::<i32>().iter().map(|text| text.map(unescaped).transpose()).collect::<Result<Vec<_>>>()?;
        Ok(ColumnarValue::Array(cast(&binary(bytes), arguments.return_field.data_type())?))
    }
}

/// The functions that only bytes have.
pub static ALL: [&Scalar; 6] = [&GET_BYTE, &SET_BYTE, &GET_BIT, &SET_BIT, &CONVERT_FROM, &CONVERT_TO];

/// A function of bytes and whole numbers.
macro_rules! of_places {
    ($name:literal, $count:literal, $gives:expr, $compute:expr) => {
        Scalar {
            name: $name,
            takes: |types| match types {
                [bytes, numbers @ ..]
                    if (is_bytes(bytes) || is_text(bytes))
                        && numbers.len() == $count
                        && numbers.iter().all(|number| number.is_integer() || number.is_null()) =>
                {
                    Ok(std::iter::once(DataType::Binary).chain(numbers.iter().map(|_| DataType::Int64)).collect())
                }
                _ => plan_err!("{} takes bytes and {} whole numbers, got {types:?}", $name, $count),
            },
            gives: |_| Ok($gives),
            compute: |arguments| Ok(ColumnarValue::Array($compute(&Given::of(arguments)?)?)),
            written: |_| None,
        }
    };
}

/// A place within bytes, or within their bits, from 0.
fn within(name: &str, place: i64, count: usize) -> Result<usize> {
    usize::try_from(place).ok().filter(|place| *place < count).ok_or_else(|| {
        let rule = "the place must be one of those that there are, from 0";
        in_rows(SqlState::ARRAY_SUBSCRIPT_ERROR, name, rule, format!("there are {count} places, from 0, got {place}"))
    })
}

static GET_BYTE: Scalar = of_places!("get_byte", 1, DataType::Int32, |given: &Given| {
    let found = given.each(|row| {
        let bytes = given.bytes(0).value(row);
        Ok(i32::from(bytes[within("get_byte", given.number(1, row).unwrap_or(-1), bytes.len())?]))
    })?;
    Ok::<ArrayRef, datafusion::error::DataFusionError>(Arc::new(Int32Array::from(found)))
});

static SET_BYTE: Scalar = of_places!("set_byte", 2, DataType::Binary, |given: &Given| {
    let changed = given.each(|row| {
        let mut bytes = given.bytes(0).value(row).to_vec();
        let place = within("set_byte", given.number(1, row).unwrap_or(-1), bytes.len())?;
        // Of a greater number, the lowest eight bits count, as in PostgreSQL.
        bytes[place] = given.number(2, row).unwrap_or(0).to_le_bytes()[0];
        Ok(bytes)
    })?;
    Ok::<ArrayRef, datafusion::error::DataFusionError>(binary(changed))
});

static GET_BIT: Scalar = of_places!("get_bit", 1, DataType::Int32, |given: &Given| {
    let found = given.each(|row| {
        let bytes = given.bytes(0).value(row);
        let place = within("get_bit", given.number(1, row).unwrap_or(-1), bytes.len() * 8)?;
        Ok(i32::from(bytes[place / 8] >> (place % 8) & 1))
    })?;
    Ok::<ArrayRef, datafusion::error::DataFusionError>(Arc::new(Int32Array::from(found)))
});

static SET_BIT: Scalar = of_places!("set_bit", 2, DataType::Binary, |given: &Given| {
    let changed = given.each(|row| {
        let mut bytes = given.bytes(0).value(row).to_vec();
        let place = within("set_bit", given.number(1, row).unwrap_or(-1), bytes.len() * 8)?;
        let bit = match given.number(2, row).unwrap_or(-1) {
            bit @ (0 | 1) => u8::from(bit == 1),
            other => {
                let rule = "a bit is 0 or 1";
                return Err(in_rows(SqlState::INVALID_PARAMETER_VALUE, "set_bit", rule, format!("{rule}, got {other}")));
            }
        };
        bytes[place / 8] = bytes[place / 8] & !(1 << (place % 8)) | bit << (place % 8);
        Ok(bytes)
    })?;
    Ok::<ArrayRef, datafusion::error::DataFusionError>(binary(changed))
});

/// An encoding of texts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Letters {
    Utf8,
    Latin1,
}

fn letters(name: &str, form: &str) -> Result<Letters> {
    let plain: String = form.chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.to_ascii_lowercase().as_str() {
        "utf8" | "unicode" => Ok(Letters::Utf8),
        "latin1" | "iso88591" => Ok(Letters::Latin1),
        _ => {
            let rule = "the encoding must be UTF8 or LATIN1";
            Err(in_rows(SqlState::INVALID_PARAMETER_VALUE, name, rule, format!("{rule}, got '{form}'")))
        }
    }
}

static CONVERT_FROM: Scalar = Scalar {
    name: "convert_from",
    takes: |types| match types {
        [bytes, form] if (is_bytes(bytes) || is_text(bytes)) && is_text(form) => Ok(vec![DataType::Binary, DataType::Utf8]),
        _ => plan_err!("convert_from takes bytes and the name of an encoding, got {types:?}"),
    },
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let given = Given::of(arguments)?;
        let forms = given.columns[1].as_string::<i32>();
        let texts = given.each(|row| {
            let bytes = given.bytes(0).value(row);
            match letters("convert_from", forms.value(row))? {
                Letters::Latin1 => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
                Letters::Utf8 => String::from_utf8(bytes.to_vec()).map_err(|_| {
                    let rule = "the bytes must be a text in UTF-8";
                    in_rows(SqlState::CHARACTER_NOT_IN_REPERTOIRE, "convert_from", rule, rule)
                }),
            }
        })?;
        Ok(ColumnarValue::Array(Arc::new(StringArray::from(texts))))
    },
    written: |_| None,
};

static CONVERT_TO: Scalar = Scalar {
    name: "convert_to",
    takes: |types| match types {
        [text, form] if is_text(text) && is_text(form) => Ok(vec![DataType::Utf8, DataType::Utf8]),
        _ => plan_err!("convert_to takes a text and the name of an encoding, got {types:?}"),
    },
    gives: |_| Ok(DataType::Binary),
    compute: |arguments| {
        let given = Given::of(arguments)?;
        let (texts, forms) = (given.columns[0].as_string::<i32>(), given.columns[1].as_string::<i32>());
        let bytes = given.each(|row| {
            let text = texts.value(row);
            if letters("convert_to", forms.value(row))? == Letters::Utf8 {
                return Ok(text.as_bytes().to_vec());
            }
            let one = |letter: char| {
                u8::try_from(u32::from(letter)).map_err(|_| {
                    let rule = "the letters must be those of the encoding";
                    let problem = format!("{rule}, got '{letter}'");
                    in_rows(SqlState::UNTRANSLATABLE_CHARACTER, "convert_to", rule, problem)
                })
            };
            text.chars().map(one).collect()
        })?;
        Ok(ColumnarValue::Array(binary(bytes)))
    },
    written: |_| None,
};
