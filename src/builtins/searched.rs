//! BETWEEN and IN for a value that is drawn at random: `random() BETWEEN 0.3 AND 0.6`.
//!
//! DataFusion writes the value once for each comparison, `random() >= 0.3 AND random() <= 0.6`, and so draws it again. These functions
//! take it as an argument, which is computed once.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray};
use datafusion::arrow::compute::{and_kleene, or_kleene};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr_common::datum::apply_cmp;

/// What the value is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum With {
    /// A lower and an upper bound.
    Bounds,
    /// The values of a list.
    List,
}

/// The functions, by name.
pub fn all() -> [(&'static str, ScalarUDF); 2] {
    [With::Bounds, With::List].map(|with| (name(with), udf(with)))
}

/// `value BETWEEN low AND high`
pub fn is_between(value: Expr, low: Expr, high: Expr) -> Expr {
    udf(With::Bounds).call(vec![value, low, high])
}

/// `value IN (…)`
pub fn is_in(value: Expr, list: Vec<Expr>) -> Expr {
    udf(With::List).call(std::iter::once(value).chain(list).collect())
}

fn name(with: With) -> &'static str {
    match with {
        With::Bounds => "is_between",
        With::List => "is_in",
    }
}

fn udf(with: With) -> ScalarUDF {
    ScalarUDF::from(Searched { with, signature: Signature::variadic_any(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Searched {
    with: With,
    signature: Signature,
}

impl ScalarUDFImpl for Searched {
    fn name(&self) -> &str {
        name(self.with)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let compared = |value: &ColumnarValue, operator: Operator, other: &ColumnarValue| -> Result<BooleanArray> {
            let result = apply_cmp(operator, value, other)?.into_array(rows)?;
            Ok(result.as_boolean().clone())
        };
        let found = match (self.with, arguments.args.as_slice()) {
            (With::Bounds, [value, low, high]) => {
                and_kleene(&compared(value, Operator::GtEq, low)?, &compared(value, Operator::LtEq, high)?)?
            }
            (With::List, [value, first, others @ ..]) => {
                others.iter().try_fold(compared(value, Operator::Eq, first)?, |found, other| {
                    Ok::<_, DataFusionError>(or_kleene(&found, &compared(value, Operator::Eq, other)?)?)
                })?
            }
            _ => return internal_err!("{} takes a value and what it is compared with", self.name()),
        };
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}
