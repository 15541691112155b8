//! Values as JSON, as PostgreSQL writes them, and values read from JSON.

pub mod changed;
pub mod merged;
pub mod normal;
pub mod operators;
pub mod reading;

use std::fmt::Write;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use crate::error::{SqlState, coded};

/// The name of the only field of a struct that stands for the JSON in it.
pub const AS_IT_IS: &str = "__json";

/// What a function builds from its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Makes {
    Value,
    Object,
    List,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Json {
    name: &'static str,
    makes: Makes,
    /// The separators between a name and its value, and between elements.
    colon: &'static str,
    signature: Signature,
}

/// The functions. Those of `jsonb` write no space before a colon.
pub fn all() -> impl Iterator<Item = (&'static str, ScalarUDF)> {
    let of = |name: &'static str, makes: Makes, colon: &'static str| {
        let arguments = match makes {
            Makes::Value => TypeSignature::Any(1),
            _ => TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]),
        };
        (name, ScalarUDF::from(Json { name, makes, colon, signature: Signature::new(arguments, Volatility::Immutable) }))
    };
    [
        of("to_json", Makes::Value, ":"),
        of("row_to_json", Makes::Value, ":"),
        of("to_jsonb", Makes::Value, ": "),
        of("json_build_object", Makes::Object, " : "),
        of("jsonb_build_object", Makes::Object, ": "),
        of("json_build_array", Makes::List, ":"),
        of("jsonb_build_array", Makes::List, ": "),
    ]
    .into_iter()
}

impl ScalarUDFImpl for Json {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { arguments.number_rows };
        let mut columns = arguments.args.iter().map(|argument| argument.to_array(rows)).collect::<Result<Vec<_>>>()?;
        if self.makes == Makes::Object {
            if columns.len() % 2 == 1 {
                let problem = format!("takes names and values in turn, got {} arguments", columns.len());
                return Err(coded(SqlState::INVALID_PARAMETER_VALUE, self.name, problem));
            }
            for names in columns.iter_mut().step_by(2) {
                *names = cast(names, &DataType::Utf8)?;
            }
        }
        let texts: StringArray = (0..rows).map(|row| self.row(&columns, row)).collect::<Result<_>>()?;
        if constant {
            Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&texts, 0)?))
        } else {
            Ok(ColumnarValue::Array(std::sync::Arc::new(texts)))
        }
    }
}

impl Json {
    fn row(&self, columns: &[ArrayRef], row: usize) -> Result<Option<String>> {
        let inner = if self.colon == " : " { ":" } else { self.colon };
        let mut text = String::new();
        match self.makes {
            Makes::Value => {
                let [value] = columns else { return Ok(None) };
                if value.is_null(row) {
                    return Ok(None);
                }
                write(value, row, inner, &mut text)?;
            }
            Makes::List => {
                text.push('[');
                for (place, value) in columns.iter().enumerate() {
                    if place > 0 {
                        text.push_str(", ");
                    }
                    write(value, row, inner, &mut text)?;
                }
                text.push(']');
            }
            Makes::Object => {
                text.push('{');
                for (place, pair) in columns.chunks(2).enumerate() {
                    if place > 0 {
                        text.push_str(", ");
                    }
                    let names = pair[0].as_string::<i32>();
                    if names.is_null(row) {
                        let problem = format!("the name at place {} is NULL; a name is a text", place * 2 + 1);
                        return Err(coded(SqlState::INVALID_PARAMETER_VALUE, self.name, problem));
                    }
                    quote(names.value(row), &mut text);
                    text.push_str(self.colon);
                    write(&pair[1], row, inner, &mut text)?;
                }
                text.push('}');
            }
        }
        Ok(Some(text))
    }
}

/// Writes one value; `colon` separates the name of a field from its value.
fn write(values: &ArrayRef, row: usize, colon: &str, text: &mut String) -> Result<()> {
    if values.is_null(row) || *values.data_type() == DataType::Null {
        text.push_str("null");
        return Ok(());
    }
    let comma = if colon == ": " { ", " } else { "," };
    match values.data_type() {
        DataType::Boolean => text.push_str(if values.as_boolean().value(row) { "true" } else { "false" }),
        of if of.is_integer()
            || matches!(
                of,
                DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..)
            ) =>
        {
            text.push_str(&written(values, row)?);
        }
        of if of.is_floating() => {
            let number = written(values, row)?;
            // JSON has no numbers for NaN and infinity, so they are strings, as in PostgreSQL.
            match number.parse::<f64>() {
                Ok(value) if value.is_finite() => {
                    let _ = write!(text, "{value}");
                }
                Ok(value) if value.is_nan() => text.push_str("\"NaN\""),
                Ok(value) => text.push_str(if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }),
                Err(_) => text.push_str("null"),
            }
        }
        DataType::Struct(fields) if fields.len() == 1 && fields[0].name() == AS_IT_IS => {
            let json = values.as_struct().column(0);
            text.push_str(&if json.is_null(row) { "null".to_string() } else { written(json, row)? });
        }
        DataType::Struct(fields) => {
            text.push('{');
            for (place, (field, column)) in fields.iter().zip(values.as_struct().columns()).enumerate() {
                if place > 0 {
                    text.push_str(comma);
                }
                quote(field.name(), text);
                text.push_str(colon);
                write(column, row, colon, text)?;
            }
            text.push('}');
        }
        DataType::Map(..) => {
            let entries = values.as_map().value(row);
            let (names, items) = (cast(entries.column(0), &DataType::Utf8)?, entries.column(1));
            text.push('{');
            for place in 0..entries.len() {
                if place > 0 {
                    text.push_str(comma);
                }
                quote(names.as_string::<i32>().value(place), text);
                text.push_str(colon);
                write(items, place, colon, text)?;
            }
            text.push('}');
        }
        of if of.is_list() => {
            let items = match values.data_type() {
                DataType::LargeList(_) => values.as_list::<i64>().value(row),
                DataType::FixedSizeList(..) => values.as_fixed_size_list().value(row),
                DataType::List(_) => values.as_list::<i32>().value(row),
                other => {
                    let problem = format!("does not take {other}; CAST the list");
                    return Err(coded(SqlState::DATATYPE_MISMATCH, "to_json", problem));
                }
            };
            text.push('[');
            for place in 0..items.len() {
                if place > 0 {
                    text.push_str(comma);
                }
                write(&items, place, colon, text)?;
            }
            text.push(']');
        }
        DataType::Dictionary(_, of) => write(&cast(&values.slice(row, 1), of)?, 0, colon, text)?,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let bytes = cast(&values.slice(row, 1), &DataType::Binary)?;
            let mut hex = String::from("\\x");
            for byte in bytes.as_binary::<i32>().value(0) {
                let _ = write!(hex, "{byte:02x}");
            }
            quote(&hex, text);
        }
        DataType::Timestamp(_, Some(_)) => {
            let time = written(values, row)?;
            quote(&time.strip_suffix('Z').map_or_else(|| time.clone(), |time| format!("{time}+00:00")), text);
        }
        _ => quote(&written(values, row)?, text),
    }
    Ok(())
}

/// A value as a string.
fn written(values: &ArrayRef, row: usize) -> Result<String> {
    let one = cast(&values.slice(row, 1), &DataType::Utf8)?;
    Ok(one.as_string::<i32>().value(0).to_string())
}

fn quote(value: &str, text: &mut String) {
    text.push_str(&serde_json::Value::from(value).to_string());
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use datafusion::arrow::array::{DictionaryArray, StringViewArray};
    use datafusion::arrow::datatypes::{Field, Int32Type};

    use super::*;

    /// Work per row must not grow with the number of rows.
    #[test]
    fn columns_are_not_converted_for_every_row() {
        const ROWS: usize = 30_000;
        let texts = || (0..ROWS).map(|row| format!("a name that is not inlined {row}"));
        let names: ArrayRef = Arc::new(texts().map(Some).collect::<StringViewArray>());
        let values: DictionaryArray<Int32Type> = texts().collect::<Vec<_>>().iter().map(String::as_str).collect();
        let bytes = cast(&names, &DataType::BinaryView).unwrap();
        let columns = [Arc::clone(&names), Arc::new(values) as _, names, bytes];
        let fields = columns.iter().map(|column| Arc::new(Field::new("", column.data_type().clone(), true)));
        let (_, build) = all().find(|(name, _)| *name == "json_build_object").unwrap();
        let began = Instant::now();
        let arguments = ScalarFunctionArgs {
            arg_fields: fields.collect(),
            args: columns.into_iter().map(ColumnarValue::Array).collect(),
            number_rows: ROWS,
            return_field: Arc::new(Field::new("", DataType::Utf8, true)),
            config_options: Arc::default(),
        };
        let ColumnarValue::Array(made) = build.invoke_with_args(arguments).unwrap() else { panic!("a constant") };
        let name = "a name that is not inlined 7";
        let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
        let expected = format!(r#"{{"{name}" : "{name}", "{name}" : "\\x{hex}"}}"#);
        assert_eq!(made.as_string::<i32>().value(7), expected);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}
