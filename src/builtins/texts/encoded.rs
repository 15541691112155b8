//! Strings in other alphabets: checksums, URLs, digits of another base, letters without accents.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ColumnarValue;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::builtins::bits::is_bytes;
use crate::builtins::dates::{arrays, is_text};
use crate::builtins::scalar::Scalar;
use crate::error::{SqlState, in_rows};

pub static ALL: [&Scalar; 8] = [&SHA1, &CRC32, &URL_ENCODE, &URL_DECODE, &STRIP_ACCENTS, &NFC, &TO_BASE, &FROM_BASE];

/// A function of one text, or of bytes where `takes` says so.
macro_rules! of_one {
    ($name:literal, $takes:expr, $gives:expr, $compute:expr) => {
        Scalar {
            name: $name,
            takes: |types| match types {
                [value] if is_text(value) || ($takes == DataType::Binary && is_bytes(value)) => Ok(vec![$takes]),
                _ => plan_err!("{} takes one text, got {types:?}", $name),
            },
            gives: |_| Ok($gives),
            compute: |arguments| {
                let compute: fn(ArrayRef) -> Result<ArrayRef> = $compute;
                Ok(ColumnarValue::Array(compute(cast(&arrays(arguments)?[0], &$takes)?)?))
            },
            written: |_| None,
        }
    };
}

static SHA1: Scalar = of_one!("sha1", DataType::Binary, DataType::Utf8, |values| {
    let digest = |bytes: &[u8]| {
        let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let texts: StringArray = values.as_binary::<i32>().iter().map(|bytes| bytes.map(digest)).collect();
    Ok(Arc::new(texts))
});

static CRC32: Scalar = of_one!("crc32", DataType::Binary, DataType::Int64, |values| {
    let sums: Int64Array =
        values.as_binary::<i32>().iter().map(|bytes| bytes.map(|bytes| i64::from(crc32fast::hash(bytes)))).collect();
    Ok(Arc::new(sums))
});

/// RFC 3986: letters, digits and `-._~` stay.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

static URL_ENCODE: Scalar = of_one!("url_encode", DataType::Utf8, DataType::Utf8, |values| {
    let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let texts: StringArray = values.as_string::<i32>().iter().map(|text| text.map(encode)).collect();
    Ok(Arc::new(texts))
});

static URL_DECODE: Scalar = of_one!("url_decode", DataType::Utf8, DataType::Utf8, |values| {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let texts: StringArray = values.as_string::<i32>().iter().map(|text| text.map(decode)).collect();
    Ok(Arc::new(texts))
});

/// Marks that stand over or under the letter before them.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

static STRIP_ACCENTS: Scalar = of_one!("strip_accents", DataType::Utf8, DataType::Utf8, |values| {
    let (apart, together) = (DecomposingNormalizerBorrowed::new_nfd(), ComposingNormalizerBorrowed::new_nfc());
    let strip = |text: &str| {
        if text.is_ascii() {
            return text.to_string();
        }
        let bare: String = apart.normalize(text).chars().filter(|letter| !is_mark(*letter)).collect();
        together.normalize(&bare).into_owned()
    };
    let texts: StringArray = values.as_string::<i32>().iter().map(|text| text.map(strip)).collect();
    Ok(Arc::new(texts))
});

static NFC: Scalar = of_one!("nfc_normalize", DataType::Utf8, DataType::Utf8, |values| {
    let form = ComposingNormalizerBorrowed::new_nfc();
    let texts: StringArray = values.as_string::<i32>().iter().map(|text| text.map(|text| form.normalize(text))).collect();
    Ok(Arc::new(texts))
});

fn base(name: &str, base: i64) -> Result<u32> {
    u32::try_from(base).ok().filter(|base| (2..=36).contains(base)).ok_or_else(|| {
        let rule = "the base is a number from 2 to 36";
        in_rows(SqlState::INVALID_PARAMETER_VALUE, name, rule, format!("base must be from 2 to 36, got {base}"))
    })
}

static TO_BASE: Scalar = Scalar {
    name: "to_base",
    takes: |types| match types {
        [number, base] if number.is_integer() && base.is_integer() => Ok(vec![DataType::Int64, DataType::Int64]),
        _ => plan_err!("to_base takes a whole number and a base, got {types:?}"),
    },
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let columns = arrays(arguments)?;
        let (numbers, bases) = (columns[0].as_primitive::<Int64Type>(), columns[1].as_primitive::<Int64Type>());
        let written = numbers.iter().zip(bases).map(|(number, given)| {
            let (Some(number), Some(given)) = (number, given) else { return Ok(None) };
            let base = u64::from(base("to_base", given)?);
            let mut rest = u64::try_from(number).map_err(|_| {
                let rule = "takes numbers that are not negative";
                in_rows(SqlState::INVALID_PARAMETER_VALUE, "to_base", rule, format!("{rule}, got {number}"))
            })?;
            let mut digits = vec![];
            loop {
                let digit = u32::try_from(rest % base).ok().and_then(|digit| char::from_digit(digit, 36));
                digits.extend(digit.map(|digit| digit.to_ascii_uppercase()));
                rest /= base;
                if rest == 0 {
                    return Ok(Some(digits.into_iter().rev().collect::<String>()));
                }
            }
        });
        Ok(ColumnarValue::Array(Arc::new(written.collect::<Result<StringArray>>()?)))
    },
    written: |_| None,
};

static FROM_BASE: Scalar = Scalar {
    name: "from_base",
    takes: |types| match types {
        [text, base] if is_text(text) && base.is_integer() => Ok(vec![DataType::Utf8, DataType::Int64]),
        _ => plan_err!("from_base takes a text and the base of its digits, got {types:?}"),
    },
    gives: |_| Ok(DataType::Int64),
    compute: |arguments| {
        let columns = arrays(arguments)?;
        let (texts, bases) = (columns[0].as_string::<i32>(), columns[1].as_primitive::<Int64Type>());
        let read = texts.iter().zip(bases).map(|(text, given)| {
            let (Some(text), Some(given)) = (text, given) else { return Ok(None) };
            i64::from_str_radix(text, base("from_base", given)?).map(Some).map_err(|_| {
                let rule = "takes digits of the base";
                let problem = format!("'{text}' is no whole number in the base {given}");
                in_rows(SqlState::INVALID_TEXT_REPRESENTATION, "from_base", rule, problem)
            })
        });
        Ok(ColumnarValue::Array(Arc::new(read.collect::<Result<Int64Array>>()?)))
    },
    written: |_| None,
};
