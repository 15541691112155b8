//! Values read from JSON strings.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListBuilder, StringArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use crate::builtins::dates::is_text;
use crate::builtins::scalar::Scalar;
use crate::error::{SqlState, in_rows};
use crate::kernels::json::{Json, Kind, Step, path};

/// A function of a JSON string and a place in it: a path, a name, or a number.
macro_rules! of_place {
    ($name:literal, $gives:expr, $compute:expr) => {
        Scalar {
            name: $name,
            takes: |types| json_and_place($name, types),
            gives: |_| Ok($gives),
            compute: $compute,
            written: |_| None,
        }
    };
}

/// A function of a JSON string and a list of names and places, with the name under which it is called.
macro_rules! of_list {
    ($name:literal, $called:literal, $compute:expr) => {
        Scalar {
            name: $name,
            takes: |types| match types {
                [json, _] if is_text(json) => Ok(vec![DataType::Utf8, texts_type()]),
                _ => plan_err!("{} takes a JSON string, and names or places, got {types:?}", $called),
            },
            gives: |_| Ok(DataType::Utf8),
            compute: $compute,
            written: |_| None,
        }
    };
}

/// A function of one string.
macro_rules! of_text {
    ($name:literal, $gives:expr, $compute:expr) => {
        Scalar {
            name: $name,
            takes: |types| match types {
                [text] if is_text(text) => Ok(vec![DataType::Utf8]),
                _ => plan_err!("{} takes one string, got {types:?}", $name),
            },
            gives: |_| Ok($gives),
            compute: $compute,
            written: |_| None,
        }
    };
}

/// The functions of this module.
pub static ALL: [&Scalar; 16] = [
    &EXTRACT,
    &EXTRACT_STRING,
    &VALUE,
    &EXTRACT_LIST,
    &EXTRACT_LIST_STRING,
    &LENGTH,
    &TYPE,
    &KEYS,
    &QUERY_ARRAY,
    &VALUE_ARRAY,
    &VALID,
    &PARSE,
    &TRY_PARSE,
    &UNQUOTE,
    &FLATTENED,
    &FLATTENED_NAMES,
];

/// Those of them whose result may be NULL where no argument is.
pub const MAY_GIVE_NULL: [&str; 14] = [
    "json_extract",
    "json_extract_string",
    "json_value",
    "json_extract_list",
    "json_extract_list_string",
    "json_array_length",
    "json_typeof",
    "json_keys",
    "json_query_array",
    "json_value_array",
    "try_parse_json",
    "json_unquote",
    "flattened",
    "flattened_names",
];

static EXTRACT: Scalar = of_place!("json_extract", DataType::Utf8, |arguments| {
    each("json_extract", arguments, |value| Some(Cow::Borrowed(value.source())))
});

static EXTRACT_STRING: Scalar =
    of_place!("json_extract_string", DataType::Utf8, |arguments| each("json_extract_string", arguments, |value| value.text()));

static VALUE: Scalar = of_place!("json_value", DataType::Utf8, |arguments| {
    each("json_value", arguments, |value| match value.kind() {
        Kind::Object | Kind::Array => None,
        Kind::String | Kind::Number | Kind::Boolean | Kind::Null => value.text(),
    })
});

/// `json #> list` of names and places.
static EXTRACT_LIST: Scalar =
    of_list!("json_extract_list", "json_extract_path", |arguments| each("json_extract_path", arguments, |value| Some(
        Cow::Borrowed(value.source())
    )));

static EXTRACT_LIST_STRING: Scalar = of_list!("json_extract_list_string", "json_extract_path_text", |arguments| each(
    "json_extract_path_text",
    arguments,
    |value| value.text()
));

static LENGTH: Scalar = of_place!("json_array_length", DataType::Int64, |arguments| {
    let length = |value: Json<'_>| match value.kind() {
        Kind::Array => i64::try_from(value.elements().count()).ok(),
        _ => None,
    };
    let lengths: Int64Array = found("json_array_length", arguments, |value| value.and_then(length))?.into_iter().collect();
    Ok(ColumnarValue::Array(Arc::new(lengths)))
});

static TYPE: Scalar = of_place!("json_typeof", DataType::Utf8, |arguments| {
    each("json_typeof", arguments, |value| {
        Some(Cow::Borrowed(match value.kind() {
            Kind::Object => "object",
            Kind::Array => "array",
            Kind::String => "string",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Null => "null",
        }))
    })
});

static KEYS: Scalar = of_place!("json_keys", texts_type(), |arguments| {
    lists("json_keys", arguments, |value, list| match value.kind() {
        Kind::Object => {
            value.members().for_each(|(name, _)| list.append_value(name));
            true
        }
        _ => false,
    })
});

static QUERY_ARRAY: Scalar = of_place!("json_query_array", texts_type(), |arguments| {
    lists("json_query_array", arguments, |value, list| within(value, |part| list.append_value(part.source())))
});

static VALUE_ARRAY: Scalar = of_place!("json_value_array", texts_type(), |arguments| {
    lists("json_value_array", arguments, |value, list| within(value, |part| list.append_option(part.text())))
});

static VALID: Scalar = of_text!("json_valid", DataType::Boolean, |arguments| {
    let texts = texts(arguments, 0)?;
    let valid: BooleanArray = texts.as_string::<i32>().iter().map(|text| Some(Json::parse(text?).is_some())).collect();
    Ok(ColumnarValue::Array(Arc::new(valid)))
});

static PARSE: Scalar = of_text!("parse_json", DataType::Utf8, |arguments| {
    let texts = texts(arguments, 0)?;
    for text in texts.as_string::<i32>().iter().flatten() {
        parsed("parse_json", text)?;
    }
    Ok(ColumnarValue::Array(texts))
});

static TRY_PARSE: Scalar = of_text!("try_parse_json", DataType::Utf8, |arguments| {
    let texts = texts(arguments, 0)?;
    let valid: StringArray =
        texts.as_string::<i32>().iter().map(|text| text.filter(|text| Json::parse(text).is_some())).collect();
    Ok(ColumnarValue::Array(Arc::new(valid)))
});

static UNQUOTE: Scalar = of_text!("json_unquote", DataType::Utf8, |arguments| {
    let texts = texts(arguments, 0)?;
    let unquoted = |text: &str| match Json::parse(text) {
        Some(value) if value.kind() == Kind::String => value.text().map(Cow::into_owned),
        _ => Some(text.to_string()),
    };
    let unquoted: StringArray = texts.as_string::<i32>().iter().map(|text| text.and_then(unquoted)).collect();
    Ok(ColumnarValue::Array(Arc::new(unquoted)))
});

/// What Snowflake's FLATTEN gives a row each: the elements of a list, or those of JSON as strings.
static FLATTENED: Scalar = Scalar {
    name: "flattened",
    takes: list_or_json,
    gives: |types| Ok(if is_list(&types[0]) { types[0].clone() } else { texts_type() }),
    compute: |arguments| match is_list(&arguments.args[0].data_type()) {
        true => Ok(arguments.args[0].clone()),
        false => (VALUE_ARRAY.compute)(arguments),
    },
    written: |_| None,
};

/// The names of these elements; NULL for a list, whose elements have none.
static FLATTENED_NAMES: Scalar = Scalar {
    name: "flattened_names",
    takes: list_or_json,
    gives: |_| Ok(texts_type()),
    compute: |arguments| match is_list(&arguments.args[0].data_type()) {
        true => Ok(ColumnarValue::Scalar(ScalarValue::try_from(texts_type())?)),
        false => (KEYS.compute)(arguments),
    },
    written: |_| None,
};

fn is_list(data_type: &DataType) -> bool {
    matches!(data_type, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..))
}

fn list_or_json(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [list] if is_list(list) => Ok(vec![list.clone()]),
        [json] if is_text(json) => Ok(vec![DataType::Utf8]),
        _ => plan_err!("flatten takes a list, or a string that is JSON, got {types:?}"),
    }
}

pub fn texts_type() -> DataType {
    DataType::new_list(DataType::Utf8, true)
}

fn json_and_place(name: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    let place = |place: &DataType| if place.is_integer() { DataType::Int64 } else { DataType::Utf8 };
    match types {
        [json] if is_text(json) => Ok(vec![DataType::Utf8]),
        [json, at] if is_text(json) && !at.is_nested() => Ok(vec![DataType::Utf8, place(at)]),
        _ => plan_err!(
            "{name} takes a JSON string and a place, got {types:?}; a struct's field is value['name'], a list's element list[1]"
        ),
    }
}

pub fn texts(arguments: &ScalarFunctionArgs, place: usize) -> Result<ArrayRef> {
    Ok(cast(&arguments.args[place].to_array(arguments.number_rows)?, &DataType::Utf8)?)
}

pub fn parsed<'a>(name: &str, text: &'a str) -> Result<Json<'a>> {
    Json::parse(text).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        let problem = format!("takes a string that is JSON, got '{shown}'; json_valid(…) shows which are");
        in_rows(SqlState::INVALID_TEXT_REPRESENTATION, name, "takes a string that is JSON", problem)
    })
}

/// Where the rows of an argument look.
pub enum Places {
    All(Option<Vec<Step>>),
    Each(Vec<Option<Vec<Step>>>),
}

impl Places {
    /// Those of the second argument.
    pub fn of(name: &str, arguments: &ScalarFunctionArgs) -> Result<Self> {
        Ok(match arguments.args.get(1) {
            None => Self::All(Some(vec![])),
            Some(ColumnarValue::Scalar(place)) => Self::All(steps(name, &place.to_array()?)?.pop().flatten()),
            Some(ColumnarValue::Array(places)) => Self::Each(steps(name, places)?),
        })
    }

    pub fn at(&self, row: usize) -> Option<&[Step]> {
        match self {
            Self::All(steps) => steps.as_deref(),
            Self::Each(steps) => steps[row].as_deref(),
        }
    }
}

fn steps(name: &str, places: &ArrayRef) -> Result<Vec<Option<Vec<Step>>>> {
    match places.data_type() {
        DataType::Int64 => {
            let places = places.as_primitive::<Int64Type>();
            Ok(places.iter().map(|place| Some(vec![Step::Element(place?)])).collect())
        }
        DataType::List(_) => {
            let of_row = |names: ArrayRef| {
                let names = names.as_string::<i32>();
                names.iter().map(|name| Some(Step::Either(name?.to_string()))).collect::<Option<Vec<_>>>()
            };
            Ok(places.as_list::<i32>().iter().map(|names| names.and_then(of_row)).collect())
        }
        _ => {
            let places = places.as_string::<i32>();
            places.iter().map(|place| place.map(|place| of_text_place(name, place)).transpose()).collect()
        }
    }
}

/// The steps that a string means: a path if it begins with `$`, else one name.
fn of_text_place(name: &str, place: &str) -> Result<Vec<Step>> {
    let is_path = place.strip_prefix('$').is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    if !is_path {
        return Ok(vec![Step::Member(place.to_string())]);
    }
    path(place).ok_or_else(|| {
        let rule = "a path leads to one value by $, .name and [place]; write $.items[0].name, and quotes as in $.\"a b\"";
        in_rows(SqlState::INVALID_PARAMETER_VALUE, name, rule, format!("path must lead to one value, got '{place}'; {rule}"))
    })
}

/// What `of` makes of the value at the place of each row; of `None` if there is no value.
fn found<T>(name: &str, arguments: &ScalarFunctionArgs, of: impl Fn(Option<Json<'_>>) -> Option<T>) -> Result<Vec<Option<T>>> {
    let texts = texts(arguments, 0)?;
    let places = Places::of(name, arguments)?;
    let rows = texts.as_string::<i32>().iter().enumerate();
    rows.map(|(row, text)| {
        let (Some(text), Some(steps)) = (text, places.at(row)) else { return Ok(None) };
        Ok(of(parsed(name, text)?.at(steps)))
    })
    .collect()
}

/// A string for each row.
fn each(
    name: &str,
    arguments: &ScalarFunctionArgs,
    of: impl for<'a> Fn(Json<'a>) -> Option<Cow<'a, str>>,
) -> Result<ColumnarValue> {
    let texts = texts(arguments, 0)?;
    let places = Places::of(name, arguments)?;
    let mut result = StringBuilder::new();
    for (row, text) in texts.as_string::<i32>().iter().enumerate() {
        let (Some(text), Some(steps)) = (text, places.at(row)) else {
            result.append_null();
            continue;
        };
        result.append_option(parsed(name, text)?.at(steps).and_then(&of));
    }
    let result: StringArray = result.finish();
    let constant = arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
    match constant && result.len() == 1 {
        true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?)),
        false => Ok(ColumnarValue::Array(Arc::new(result))),
    }
}

/// A list for each row, which `fill` appends to; NULL where it returns false.
fn lists(
    name: &str,
    arguments: &ScalarFunctionArgs,
    fill: impl Fn(Json<'_>, &mut StringBuilder) -> bool,
) -> Result<ColumnarValue> {
    let texts = texts(arguments, 0)?;
    let places = Places::of(name, arguments)?;
    let mut result = ListBuilder::new(StringBuilder::new());
    for (row, text) in texts.as_string::<i32>().iter().enumerate() {
        let is_list = match (text, places.at(row)) {
            (Some(text), Some(steps)) => parsed(name, text)?.at(steps).is_some_and(|value| fill(value, result.values())),
            _ => false,
        };
        result.append(is_list);
    }
    Ok(ColumnarValue::Array(Arc::new(result.finish())))
}

/// Goes through the elements of an array, or the values of an object; false for any other value.
fn within<'a>(value: Json<'a>, mut each: impl FnMut(Json<'a>)) -> bool {
    match value.kind() {
        Kind::Array => value.elements().for_each(each),
        Kind::Object => value.members().for_each(|(_, part)| each(part)),
        Kind::String | Kind::Number | Kind::Boolean | Kind::Null => return false,
    }
    true
}
