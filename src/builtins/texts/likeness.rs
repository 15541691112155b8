//! How similar two strings are.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use crate::builtins::dates::{arrays, is_text, texts};
use crate::builtins::scalar::Scalar;
use crate::error::{SqlState, in_rows};

/// A function of two strings.
macro_rules! of_two {
    ($name:literal, $result:expr, $compute:expr) => {
        Scalar {
            name: $name,
            takes: |types| match types {
                [one, other] if is_text(one) && is_text(other) => Ok(vec![DataType::Utf8, DataType::Utf8]),
                _ => plan_err!("{} takes two texts, got {types:?}", $name),
            },
            gives: |_| Ok($result),
            compute: $compute,
            written: |_| None,
        }
    };
}

fn shares(arguments: &ScalarFunctionArgs, of: impl Fn(&str, &str) -> f64) -> Result<ColumnarValue> {
    let arrays = arrays(arguments)?;
    let (one, other) = (texts(&arrays[0])?, texts(&arrays[1])?);
    let pairs = one.as_string::<i32>().iter().zip(other.as_string::<i32>());
    let shares: Float64Array = pairs.map(|(one, other)| Some(of(one?, other?))).collect();
    Ok(ColumnarValue::Array(Arc::new(shares)))
}

fn counts(arguments: &ScalarFunctionArgs, of: impl Fn(&str, &str) -> Result<i64>) -> Result<ColumnarValue> {
    let arrays = arrays(arguments)?;
    let (one, other) = (texts(&arrays[0])?, texts(&arrays[1])?);
    let pairs = one.as_string::<i32>().iter().zip(other.as_string::<i32>());
    let counts = pairs.map(|(one, other)| match (one, other) {
        (Some(one), Some(other)) => of(one, other).map(Some),
        _ => Ok(None),
    });
    let counts: ArrayRef = Arc::new(counts.collect::<Result<Int64Array>>()?);
    Ok(ColumnarValue::Array(counts))
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub static DAMERAU: Scalar = of_two!("damerau_levenshtein", DataType::Int64, |arguments| counts(arguments, |one, other| {
    Ok(whole(strsim::damerau_levenshtein(one, other)))
}));
pub static JARO: Scalar = of_two!("jaro_similarity", DataType::Float64, |arguments| shares(arguments, strsim::jaro));
pub static JARO_WINKLER: Scalar =
    of_two!("jaro_winkler_similarity", DataType::Float64, |arguments| shares(arguments, strsim::jaro_winkler));
pub static JACCARD: Scalar = of_two!("jaccard", DataType::Float64, |arguments| shares(arguments, jaccard));
pub static HAMMING: Scalar = of_two!("hamming", DataType::Int64, |arguments| counts(arguments, |one, other| {
    match strsim::hamming(one, other) {
        Ok(letters) => Ok(whole(letters)),
        Err(_) => Err(in_rows(
            SqlState::INVALID_PARAMETER_VALUE,
            "hamming",
            "takes strings of the same length",
            format!("takes strings of the same length, got \"{one}\" and \"{other}\"; levenshtein(a, b) takes others too"),
        )),
    }
}));

pub static LEN: Scalar = Scalar {
    name: "len",
    takes: |types| match types {
        [text] if is_text(text) => Ok(vec![DataType::Utf8]),
        [list @ DataType::List(_)] => Ok(vec![list.clone()]),
        _ => plan_err!("len takes a text or a list, got {types:?}"),
    },
    gives: |_| Ok(DataType::Int64),
    compute: |arguments| {
        let given = &arrays(arguments)?[0];
        let counts: Int64Array = match given.data_type() {
            DataType::List(_) => given.as_list::<i32>().iter().map(|values| values.map(|values| whole(values.len()))).collect(),
            _ => given.as_string::<i32>().iter().map(|text| text.map(|text| whole(text.chars().count()))).collect(),
        };
        Ok(ColumnarValue::Array(Arc::new(counts)))
    },
    written: |_| None,
};

pub static SOUNDEX: Scalar = Scalar {
    name: "soundex",
    takes: |types| match types {
        [text] if is_text(text) => Ok(vec![DataType::Utf8]),
        _ => plan_err!("soundex takes a text, got {types:?}"),
    },
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let given = texts(&arrays(arguments)?[0])?;
        let sounds: StringArray = given.as_string::<i32>().iter().map(|text| text.map(soundex)).collect();
        Ok(ColumnarValue::Array(Arc::new(sounds)))
    },
    written: |_| None,
};

/// The Jaccard index of the sets of letters; 0 if neither string has any.
fn jaccard(one: &str, other: &str) -> f64 {
    let (one, other): (BTreeSet<char>, BTreeSet<char>) = (one.chars().collect(), other.chars().collect());
    match one.union(&other).count() {
        0 => 0.0,
        all => one.intersection(&other).count() as f64 / all as f64,
    }
}

/// American Soundex, as in PostgreSQL's fuzzystrmatch: h and w between letters with the same code do not separate them.
fn soundex(text: &str) -> String {
    let code = |letter: char| match letter {
        'B' | 'F' | 'P' | 'V' => '1',
        'C' | 'G' | 'J' | 'K' | 'Q' | 'S' | 'X' | 'Z' => '2',
        'D' | 'T' => '3',
        'L' => '4',
        'M' | 'N' => '5',
        'R' => '6',
        _ => '0',
    };
    let mut letters = text.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_uppercase());
    let Some(first) = letters.next() else { return String::new() };
    let mut sound = String::from(first);
    let mut before = code(first);
    for letter in letters {
        let own = code(letter);
        if own != '0' && own != before {
            sound.push(own);
            if sound.len() == 4 {
                return sound;
            }
        }
        if !matches!(letter, 'H' | 'W') {
            before = own;
        }
    }
    format!("{sound:0<4}")
}
