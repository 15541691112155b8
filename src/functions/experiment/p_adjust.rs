//! The scalar function `p_adjust`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Builder, ListBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use crate::adapter::ScalarFunction;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::{did_you_mean, in_sql, invalid, one_of};
use crate::kernels::adjust::{Method, adjust_known};

/// Adjusts the p-values of several tests made together.
#[derive(Debug)]
pub struct PAdjust;

const DOC: Doc = Doc {
    name: "p_adjust",
    kind: Kind::Scalar,
    domain: "experiment",
    summary: "Adjusts p-values for multiple tests.",
    description: "\
Returns the adjusted values in the order of the list. `bonferroni`, `holm` and `hochberg` limit the probability of any false finding; `holm`
finds everything that `bonferroni` finds and more, and `hochberg` more still, if tests are independent. `bh` (also `fdr`) limits the share
of false findings if tests are independent or positively dependent, `by` under any dependence. NULLs stay NULL and do not count. The same as
R's `p.adjust`; method names are lower case.

For p-values in rows, collect them: `p_adjust(array_agg(p ORDER BY key))` gives them back in that order.

**Formula.** For n values in ascending order p(1) … p(n): bonferroni n·p(i); holm the largest of (n − j + 1)·p(j) for j ≤ i; hochberg the
smallest of the same for j ≥ i; bh the smallest of n·p(j)/j for j ≥ i; by that times 1 + 1/2 + … + 1/n. All are at most 1.

**Cost.** The values of a list are sorted: a million take a fraction of a second.

**Elsewhere.** `p.adjust` in R (BH, BY, holm …), `multipletests` of statsmodels, `false_discovery_control` of scipy (bh and by only). DuckDB
and PostgreSQL have none.",
    arguments: &[
        Argument::required(
            "p_values",
            Takes::Value("list of numbers"),
            "p-values from 0 to 1, in any order; NULL stays NULL and does not count",
        ),
        Argument::optional(
            "method",
            Takes::Value("string"),
            "'holm'",
            "'none', 'bonferroni', 'holm', 'hochberg', 'bh', 'fdr' or 'by'",
        ),
    ],
    examples: &["SELECT p_adjust([0.01, 0.02, 0.03, 0.04]) AS holm, p_adjust([0.01, 0.02, 0.03, 0.04], method => 'bh') AS bh;"],
    source: "S. Holm (1979); Y. Hochberg (1988); Y. Benjamini, Y. Hochberg (1995); Y. Benjamini, D. Yekutieli (2001)",
    ..Doc::EMPTY
};

impl ScalarFunction for PAdjust {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn udf(&self) -> ScalarUDF {
        let any = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
        ScalarUDF::from(Adjust { signature: Signature::one_of(any, Volatility::Immutable) })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Adjust {
    signature: Signature,
}

fn list() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)))
}

impl ScalarUDFImpl for Adjust {
    fn name(&self) -> &str {
        DOC.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        if arguments.is_empty() || arguments.len() > 2 {
            return Err(invalid(DOC.name, format!("takes 1 to 2 arguments, got {}; write {}", arguments.len(), DOC.syntax())));
        }
        let is_list = match &arguments[0] {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                item.data_type().is_numeric() || item.data_type().is_null()
            }
            other => other.is_null(),
        };
        if !is_list {
            let given = in_sql(&arguments[0].to_string());
            let problem = format!("p_values must be a list of numbers, got {given}; gather a column with array_agg(p_value)");
            return Err(invalid(DOC.name, problem));
        }
        Ok(list())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let method = match arguments.args.get(1) {
            None => "holm",
            Some(ColumnarValue::Scalar(value)) => match value.try_as_str() {
                Some(Some(method)) => method,
                _ if value.is_null() => return Ok(ColumnarValue::Scalar(ScalarValue::try_from(list())?)),
                _ => return Err(invalid(DOC.name, format!("method must be a string, got {value}"))),
            },
            Some(ColumnarValue::Array(_)) => return Err(invalid(DOC.name, "method must be a constant")),
        };
        let Some(name) = Method::NAMES.iter().find(|name| name.eq_ignore_ascii_case(method)) else {
            let suggestion = did_you_mean(method, Method::NAMES.iter().copied());
            let choices = one_of(Method::NAMES.iter().copied());
            return Err(invalid(DOC.name, format!("method must be {choices}, got '{method}'{suggestion}")));
        };
        let is_constant = matches!(arguments.args[0], ColumnarValue::Scalar(_));
        let lists = arguments.args[0].to_array(if is_constant { 1 } else { arguments.number_rows })?;
        let adjusted = adjusted(&lists, Method::named(name))?;
        Ok(if is_constant {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&adjusted, 0)?)
        } else {
            ColumnarValue::Array(adjusted)
        })
    }
}

fn adjusted(lists: &ArrayRef, method: Method) -> Result<ArrayRef> {
    let lists = cast(lists, &list())?;
    let lists = lists.as_list::<i32>();
    let mut made = ListBuilder::new(Float64Builder::new());
    for row in 0..lists.len() {
        if lists.is_null(row) {
            made.append_null();
            continue;
        }
        let values = lists.value(row);
        let values: Vec<Option<f64>> = values.as_primitive::<Float64Type>().iter().collect();
        if let Some(wrong) = values.iter().flatten().find(|value| !(0.0..=1.0).contains(*value)) {
            return Err(invalid(DOC.name, format!("p-values must be from 0 to 1, got {wrong}")));
        }
        made.append_value(adjust_known(&values, method));
    }
    Ok(Arc::new(made.finish()))
}
