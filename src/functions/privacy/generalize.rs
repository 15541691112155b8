//! The scalar function `generalize`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringViewArray, StringViewBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use crate::adapter::ScalarFunction;
use crate::adapter::arguments::is_time;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::{did_you_mean, invalid};
use crate::kernels::privacy::bands::{Span, Units, label, place};

#[derive(Debug)]
pub struct Generalize;

const DOC: Doc = Doc {
    name: "generalize",
    kind: Kind::Scalar,
    domain: "privacy",
    summary: "Replaces a number by its band, or a date by its calendar period, as text: `25-29`, `2025-Q1`.",
    description: "\
The second argument is the width of the bands. For a number it is a number above 0, and the bands start at 0. Integers in integer bands are
shown with both ends (`25-29`; negative: `-5 to -1`; with a width of 1, the number itself), others without the upper end: `[2.5, 5)`.
Numbers are taken as the decimals that they are written as, so 0.3 is in `[0.3, 0.4)`.

For a DATE or TIMESTAMP it is `'day'` (`2025-03-14`), `'month'` (`2025-03`), `'quarter'` (`2025-Q1`), `'year'` (`2025`) or `'decade'` (`2020-2029`).

NULL, NaN, infinite numbers and numbers with more than 38 digits give NULL. `anonymize` finds how wide bands must be.

**Cost.** A few operations per row.

**Elsewhere.** `width_bucket` of PostgreSQL and `cut` of pandas number or label bands between bounds that you list;
`date_trunc('quarter', …)` gives the first day instead of `2025-Q1`. PostgreSQL Anonymizer has `generalize_int4range(x, 5)`.",
    arguments: &[
        Argument::required("value", Takes::Value("number, date or timestamp"), "value to generalize; NULL gives NULL"),
        Argument::required("step", Takes::Value("number or string"), "width of the bands, or a calendar period; a constant"),
    ],
    examples: &[
        "SELECT generalize(27, 5) AS age, generalize(1234.56, 500) AS amount, generalize(DATE '2025-03-14', 'quarter') AS quarter;",
        "SELECT generalize(age, 10) AS age_band, generalize(registered_at, 'year') AS registered, count(*) AS customers
FROM sample_customers(rows => 1000) WHERE age BETWEEN 20 AND 39 GROUP BY age_band, registered ORDER BY age_band, registered;",
    ],
    source: "the generalisation hierarchies of L. Sweeney: Achieving k-anonymity privacy protection (2002).",
    ..Doc::EMPTY
};

impl ScalarFunction for Generalize {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn udf(&self) -> ScalarUDF {
        // Checked when the function is called, where errors can say what is expected.
        let any = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
        ScalarUDF::from(Udf { signature: Signature::one_of(any, Volatility::Immutable) })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Udf {
    signature: Signature,
}

impl ScalarUDFImpl for Udf {
    fn name(&self) -> &str {
        DOC.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [value, step] = types else {
            return Err(invalid(DOC.name, format!("takes 2 arguments, got {}; write generalize(age, 5)", types.len())));
        };
        let fits = match value {
            DataType::Null => true,
            number if number.is_numeric() => step.is_numeric() || step.is_null(),
            time if is_time(time) => step.is_string() || step.is_null(),
            other => {
                let problem = format!("value must be a number, a date or a timestamp, got {other}; convert it with CAST");
                return Err(invalid(DOC.name, problem));
            }
        };
        if fits {
            return Ok(DataType::Utf8View);
        }
        Err(invalid(
            DOC.name,
            match is_time(value) {
                true => {
                    format!("step of a date must be 'day', 'month', 'quarter', 'year' or 'decade', got a value of type {step}")
                }
                false => format!("step of a number must be a number above 0, got a value of type {step}"),
            },
        ))
    }

    fn invoke_with_args(&self, given: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value, step] = given.args.as_slice() else { return Err(invalid(DOC.name, "takes 2 arguments")) };
        let ColumnarValue::Scalar(step) = step else { return Err(invalid(DOC.name, "step must be a constant")) };
        let is_constant = matches!(value, ColumnarValue::Scalar(_));
        let values = value.to_array(if is_constant { 1 } else { given.number_rows })?;
        let texts: ArrayRef = if step.is_null() || values.data_type().is_null() {
            Arc::new(StringViewArray::new_null(values.len()))
        } else if is_time(values.data_type()) {
            spans(&values, step)?
        } else {
            bands(&values, step)?
        };
        Ok(if is_constant { ColumnarValue::Scalar(ScalarValue::try_from_array(&texts, 0)?) } else { ColumnarValue::Array(texts) })
    }
}

fn spans(values: &ArrayRef, step: &ScalarValue) -> Result<ArrayRef> {
    let word = step.try_as_str().flatten().unwrap_or_default();
    let span = Span::of(word).ok_or_else(|| {
        let suggestion = did_you_mean(word, Span::ALL.map(|(_, word)| word));
        invalid(
            DOC.name,
            format!("step of a date must be 'day', 'month', 'quarter', 'year' or 'decade', got '{word}'{suggestion}"),
        )
    })?;
    let days = cast(values, &DataType::Date32)?;
    let days = days.as_primitive::<Date32Type>();
    Ok(Arc::new(days.iter().map(|day| day.map(|day| span.label(day))).collect::<StringViewArray>()))
}

fn bands(values: &ArrayRef, step: &ScalarValue) -> Result<ArrayRef> {
    let written = number(step);
    let width = written.filter(|width| width.units > 0).ok_or_else(|| {
        invalid(DOC.name, format!("step of a number must be a number above 0 with at most 15 decimals, got {step}"))
    })?;
    let whole = values.data_type().is_integer();
    let mut texts = StringViewBuilder::with_capacity(values.len());
    let numbers: Vec<Option<Units>> = if values.data_type().is_floating() {
        let values = cast(values, &DataType::Float64)?;
        values.as_primitive::<Float64Type>().iter().map(|number| Units::read(&number?.to_string())).collect()
    } else {
        let values = cast(values, &DataType::Utf8View)?;
        values.as_string_view().iter().map(|text| Units::read(text?)).collect()
    };
    for number in numbers {
        let text = number.and_then(|number| {
            let scale = number.scale.max(width.scale);
            let (units, width) = (number.at(scale)?, width.at(scale)?);
            label(place(units, width), width, scale, whole)
        });
        texts.append_option(text);
    }
    Ok(Arc::new(texts.finish()))
}

/// A constant number; `None` if it is not finite.
fn number(value: &ScalarValue) -> Option<Units> {
    let text = match value {
        ScalarValue::Float64(Some(number)) => number.to_string(),
        ScalarValue::Float32(Some(number)) => number.to_string(),
        other => match other.cast_to(&DataType::Utf8).ok()? {
            ScalarValue::Utf8(Some(text)) => text,
            _ => return None,
        },
    };
    Units::read(&text)
}
