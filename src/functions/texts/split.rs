//! `regexp_split_to_array`: the parts of a text between the matches of a pattern.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::functions::regex::compile_regex;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::compiled::compiled;
use crate::adapter::ScalarFunction;
use crate::docs::{Argument, Doc, Kind, Takes};

/// The function.
#[derive(Debug)]
pub struct RegexpSplitToArray;

const DOC: Doc = Doc {
    name: "regexp_split_to_array",
    kind: Kind::Scalar,
    domain: "texts",
    summary: "Splits a string where a pattern matches.",
    description: "\
Without a match the list has the whole string. Two matches side by side have an empty string between them, and so has a match at either end
and that end. Where the pattern matches nothing, the string is split between two characters: the pattern `''` gives the characters. NULL
gives NULL.

**Elsewhere.** PostgreSQL: `regexp_split_to_array`; DuckDB: `regexp_split_to_array` and `string_split_regex`; Spark: `split`; Python: `re.split`.",
    arguments: &[
        Argument::required("text", Takes::Value("string"), "text to split; NULL gives NULL"),
        Argument::required("pattern", Takes::Value("string"), "regular expression of Rust's regex crate, without look-around and back references; NULL gives NULL"),
    ],
    examples: &["SELECT regexp_split_to_array('tea, ice;cup', '[,;] *') AS goods;"],
    ..Doc::EMPTY
};

impl ScalarFunction for RegexpSplitToArray {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn udf(&self) -> ScalarUDF {
        let texts = vec![DataType::Utf8, DataType::Utf8];
        ScalarUDF::from(Split { signature: Signature::exact(texts, Volatility::Immutable) })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Split {
    signature: Signature,
}

impl ScalarUDFImpl for Split {
    fn name(&self) -> &str {
        DOC.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let (texts, written) = (columns[0].as_string::<i32>(), columns[1].as_string::<i32>());
        let mut patterns = HashMap::new();
        let mut parts = ListBuilder::new(StringBuilder::new());
        for row in 0..columns[0].len() {
            if columns.iter().any(|column| column.is_null(row)) {
                parts.append_null();
                continue;
            }
            let compiled = compiled(DOC.name, &mut patterns, written.value(row), |pattern| compile_regex(pattern, None))?;
            let text = texts.value(row);
            let mut from = 0;
            for found in compiled.find_iter(text) {
                // As in PostgreSQL, an empty match at an end or beside another match splits nothing.
                if found.is_empty() && (found.start() == from || found.end() == text.len()) {
                    continue;
                }
                parts.values().append_value(&text[from..found.start()]);
                from = found.end();
            }
            parts.values().append_value(&text[from..]);
            parts.append(true);
        }
        Ok(ColumnarValue::Array(Arc::new(parts.finish())))
    }
}
