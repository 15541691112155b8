//! The scalar function `rfm_segment`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, StringViewBuilder};
use datafusion::arrow::datatypes::{DataType, Int64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use crate::adapter::ScalarFunction;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::{did_you_mean, invalid, one_of, unusable};
use crate::kernels::scheme::{LABELS, SCHEMES, Scheme, Scores};

#[derive(Debug)]
pub struct RfmSegment;

const DOC: Doc = Doc {
    name: "rfm_segment",
    kind: Kind::Scalar,
    domain: "rfm",
    summary: "Returns the segment for three scores that were computed elsewhere.",
    description: "\
Scores must be 1 to 5 for `standard` and `eight`, and 0 to 100 for `value_tier`; other scores are an error. A single call does not know the
means of all customers, so `eight` calls a score high when it is above 3. If an argument is NULL, the result is NULL.

Use it for scores of your own: from another tool, from cuts by industry, or from a table that keeps the scores of last month.

**Cost.** A look-up per row; no data is kept.

**Elsewhere.** Other tools write a CASE with one branch for each segment; `mece_check` shows whether such a CASE has gaps.",
    arguments: &[
        Argument::required(
            "recency_score",
            Takes::Value("integer"),
            "score of recency, 5 (or 100) for the customers who bought last; NULL gives NULL",
        ),
        Argument::required("frequency_score", Takes::Value("integer"), "score of the number of orders, 5 (or 100) for the most"),
        Argument::required("monetary_score", Takes::Value("integer"), "score of the amount, 5 (or 100) for the largest"),
        Argument::optional("scheme", Takes::Value("string"), "'standard'", "'standard', 'eight' or 'value_tier'"),
        Argument::optional("labels", Takes::Value("string"), "'en'", "'en' or 'zh'"),
    ],
    examples: &[
        "SELECT rfm_segment(5, 5, 4) AS best, rfm_segment(1, 1, 2, 'eight', 'zh') AS worst;",
        "SELECT rfm_score, segment, rfm_segment(recency_score, frequency_score, monetary_score, 'eight') AS of_eight, count(*) AS customers
FROM rfm(sample_orders(rows => 2000), customer => customer_id, order_time => ordered_at, amount => amount)
GROUP BY rfm_score, segment, of_eight ORDER BY customers DESC, rfm_score LIMIT 4;",
    ],
    source: "as in rfm_scheme.",
    ..Doc::EMPTY
};

impl ScalarFunction for RfmSegment {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn udf(&self) -> ScalarUDF {
        // UBIGINT does not convert to a signed type, as its largest values do not fit. Scores are small, and others are an error anyway.
        let scores = |unsigned: usize| -> Vec<DataType> {
            let is_unsigned = |place: usize| unsigned >> place & 1 == 1;
            (0..3).map(|place| if is_unsigned(place) { DataType::UInt64 } else { DataType::Int64 }).collect()
        };
        let signature = |unsigned: usize, texts: usize| {
            let mut types = scores(unsigned);
            types.extend(std::iter::repeat_n(DataType::Utf8, texts));
            TypeSignature::Exact(types)
        };
        let signatures = (0..8).flat_map(|unsigned| (0..3).map(move |texts| signature(unsigned, texts)));
        let signature = Signature::one_of(signatures.collect(), Volatility::Immutable);
        ScalarUDF::from(Segment { signature })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Segment {
    signature: Signature,
}

impl ScalarUDFImpl for Segment {
    fn name(&self) -> &str {
        DOC.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let scheme = word(&arguments, 3, "scheme", SCHEMES)?;
        let language = word(&arguments, 4, "labels", LABELS)?;
        let (Some(scheme), Some(language)) = (scheme, language) else {
            return Ok(ColumnarValue::Scalar(ScalarValue::Utf8View(None)));
        };
        let scheme = Scheme::named(scheme);
        let (scale, labels) = (scheme.own_scale(), scheme.labels());
        let columns = ColumnarValue::values_to_arrays(&arguments.args[..3])?;
        let mut segments = StringViewBuilder::with_capacity(rows);
        for row in 0..columns[0].len() {
            if columns.iter().any(|column| column.is_null(row)) {
                segments.append_null();
                continue;
            }
            let mut scores = [0u8; 3];
            for (index, column) in columns.iter().enumerate() {
                let score = match column.as_primitive_opt::<UInt64Type>() {
                    Some(unsigned) => i128::from(unsigned.value(row)),
                    None => i128::from(column.as_primitive::<Int64Type>().value(row)),
                };
                scores[index] = u8::try_from(score).ok().filter(|score| scale.scores().contains(score)).ok_or_else(|| {
                    let (name, range) = (DOC.arguments[index].name, scale.scores());
                    unusable(DOC.name, format!("{name} must be from {} to {}, got {score}", range.start(), range.end()))
                })?;
            }
            let [recency, frequency, monetary] = scores;
            let segment = scheme.segment(Scores { recency, frequency, monetary }, &scale);
            segments.append_value(labels[segment].text(language));
        }
        Ok(ColumnarValue::Array(Arc::new(segments.finish())))
    }
}

/// A constant word among `words`; the first when not given, `None` when NULL.
fn word(
    arguments: &ScalarFunctionArgs,
    index: usize,
    name: &str,
    words: &'static [&'static str],
) -> Result<Option<&'static str>> {
    let value = match arguments.args.get(index) {
        None => return Ok(Some(words[0])),
        Some(ColumnarValue::Scalar(value)) => value,
        Some(ColumnarValue::Array(_)) => return Err(invalid(DOC.name, format!("{name} must be a constant"))),
    };
    let Some(Some(text)) = value.try_as_str() else { return Ok(None) };
    match words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
        Some(word) => Ok(Some(word)),
        None => {
            let suggestion = did_you_mean(text, words.iter().copied());
            let choices = one_of(words.iter().copied());
            Err(invalid(DOC.name, format!("{name} must be {choices}, got '{text}'{suggestion}")))
        }
    }
}
