//! Casts texts to the types that no reader parses itself.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BinaryArray, StringArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;

use super::json::texts::nested;
use crate::builtins::local_texts;

/// The values of texts; NULL for a text that is none. Bytes are written as `\x616263`; other texts are their own bytes. Lists, structs and
/// maps are written as JSON.
///
/// # Errors
/// Texts cannot be cast to the type.
pub fn cast_texts(texts: StringArray, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let texts: ArrayRef = match data_type {
        // CAST would make a list of the whole text.
        DataType::List(_) | DataType::Struct(_) | DataType::Map(..) => return nested(&texts, data_type),
        DataType::LargeList(element)
        | DataType::FixedSizeList(element, _)
        | DataType::ListView(element)
        | DataType::LargeListView(element) => nested(&texts, &DataType::List(Arc::clone(element)))?,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            let bytes = |text: &str| hexadecimal(text).unwrap_or_else(|| text.as_bytes().to_vec());
            Arc::new(texts.iter().map(|text| text.map(bytes)).collect::<BinaryArray>())
        }
        DataType::Timestamp(_, Some(zone)) => {
            let settled = zone.parse().ok().and_then(|zone| local_texts::settled(&texts, zone));
            Arc::new(settled.unwrap_or(texts))
        }
        _ => Arc::new(texts),
    };
    cast_with_options(&texts, data_type, &options)
}

/// The bytes of `\x616263`.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    };
    text.strip_prefix("\\x")?.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_hexadecimal_after_their_mark() {
        let cases: [(&str, Option<&[u8]>); 5] =
            [("\\x616263", Some(b"abc")), ("\\x", Some(b"")), ("\\xFf", Some(b"\xff")), ("61", None), ("\\x6", None)];
        for (text, bytes) in cases {
            assert_eq!(hexadecimal(text).as_deref(), bytes, "{text}");
        }
    }
}
