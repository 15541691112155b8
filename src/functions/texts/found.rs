//! `regexp_extract_all`: all matches of a pattern.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::Result;
use datafusion::functions::regex::compile_regex;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::compiled::compiled;
use crate::adapter::ScalarFunction;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::failed;

/// The function.
#[derive(Debug)]
pub struct RegexpExtractAll;

const DOC: Doc = Doc {
    name: "regexp_extract_all",
    kind: Kind::Scalar,
    domain: "texts",
    summary: "Returns all matches of a pattern, or of a group in it, as a list.",
    description: "\
Matches do not overlap and are in the order of the string; without a match the list is empty. A group that is not part of a match gives an
empty string. NULL gives NULL.

**Elsewhere.** DuckDB and Spark: `regexp_extract_all`, in Spark with group 1 as default; PostgreSQL: `regexp_matches(text, pattern, 'g')` as
rows; Python: `re.findall`.",
    arguments: &[
        Argument::required("text", Takes::Value("string"), "text to search in; NULL gives NULL"),
        Argument::required("pattern", Takes::Value("string"), "regular expression of Rust's regex crate, without look-around and back references; NULL gives NULL"),
        Argument::optional("group", Takes::Value("integer"), "0", "number of the group; 0 is the whole match"),
    ],
    examples: &[
        "SELECT regexp_extract_all('a1 b22', '[0-9]+') AS numbers, regexp_extract_all('a1 b22', '([a-z])([0-9]+)', 1) AS letters;",
    ],
    ..Doc::EMPTY
};

impl ScalarFunction for RegexpExtractAll {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn udf(&self) -> ScalarUDF {
        let texts = vec![DataType::Utf8, DataType::Utf8];
        let with_group = [texts.clone(), vec![DataType::Int64]].concat();
        let forms = vec![TypeSignature::Exact(texts), TypeSignature::Exact(with_group)];
        ScalarUDF::from(ExtractAll { signature: Signature::one_of(forms, Volatility::Immutable) })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ExtractAll {
    signature: Signature,
}

impl ScalarUDFImpl for ExtractAll {
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
        let groups = columns.get(2).map(|groups| groups.as_primitive::<Int64Type>());
        let mut patterns = HashMap::new();
        let mut found = ListBuilder::new(StringBuilder::new());
        for row in 0..columns[0].len() {
            if columns.iter().any(|column| column.is_null(row)) {
                found.append_null();
                continue;
            }
            let pattern = written.value(row);
            let compiled = compiled(DOC.name, &mut patterns, pattern, |pattern| compile_regex(pattern, None))?;
            let group = groups.map_or(0, |groups| groups.value(row));
            let last = compiled.captures_len() - 1;
            let group = usize::try_from(group).ok().filter(|group| *group <= last).ok_or_else(|| {
                failed(DOC.name, format!("group must be from 0 to {last}, as {pattern} has {last} groups; got {group}"))
            })?;
            for captures in compiled.captures_iter(texts.value(row)) {
                found.values().append_value(captures.get(group).map_or("", |part| part.as_str()));
            }
            found.append(true);
        }
        Ok(ColumnarValue::Array(Arc::new(found.finish())))
    }
}
