//! A value under a unique name, because the planner gives `min(CAST(a AS VARCHAR))` and `min(a)` the same name.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The name of the function, `named_apart(value, 'CAST type')`.
pub const NAME: &str = "named_apart";

/// The function.
pub fn udf() -> ScalarUDF {
    ScalarUDF::from(NamedApart { signature: Signature::any(2, Volatility::Immutable) })
}

/// The value alone, as errors show it.
pub fn value_of(expression: &Expr) -> &Expr {
    match expression {
        Expr::ScalarFunction(call) if call.name() == NAME => call.args.first().unwrap_or(expression),
        _ => expression,
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NamedApart {
    signature: Signature,
}

impl ScalarUDFImpl for NamedApart {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [value, _] => Ok(value.clone()),
            _ => internal_err!("{NAME} takes a value and a cast"),
        }
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match arguments.arg_fields {
            [value, _] => Ok(FieldRef::clone(value)),
            _ => internal_err!("{NAME} takes a value and a cast"),
        }
    }

    /// The name of the surrounding cast, which the planner would name like the value it casts.
    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        match arguments {
            [value, Expr::Literal(ScalarValue::Utf8(Some(cast)), _)] => {
                let (word, data_type) = cast.split_once(' ').unwrap_or(("CAST", cast));
                Ok(format!("{word}({} AS {data_type})", value.schema_name()))
            }
            _ => internal_err!("{NAME} takes a value and a cast"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match arguments.args.as_slice() {
            [value, _] => Ok(value.clone()),
            _ => internal_err!("{NAME} takes a value and a cast"),
        }
    }

    /// Names no longer matter when plans are simplified.
    fn simplify(&self, arguments: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match arguments.into_iter().next() {
            Some(value) => Ok(ExprSimplifyResult::Simplified(value)),
            None => internal_err!("{NAME} takes a value and a cast"),
        }
    }
}
