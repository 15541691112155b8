//! A value that the engine cannot draw conclusions about.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit};
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::wrapper::Wrapper;

/// The name of the function.
pub const NAME: &str = "unknown_value";

/// The function.
pub static UNKNOWN: Wrapper = Wrapper { volatility: Volatility::Volatile, ..Wrapper::new(NAME, 3) };

/// The name of the argument that keeps a call from being constant.
pub const NOTHING: &str = "unknown_nothing";

/// The value itself, through a function declared as volatile. So it is not computed during planning, and not taken as constant, as sorted,
/// or as equal to another expression.
///
/// A plan treats a call as constant if its arguments are, and as equal to another call if their arguments are, whatever is declared for
/// the function. So it has two more arguments: one that is not constant, and a number that distinguishes values that may be equal.
pub fn unknown(value: Expr, number: usize) -> Expr {
    UNKNOWN.call(vec![value, lit(number as u64), nothing().call(vec![])])
}

/// The same for a column of a physical plan.
pub fn unknown_column(
    column: Arc<dyn PhysicalExpr>,
    number: usize,
    field: &FieldRef,
    options: &Arc<ConfigOptions>,
) -> Arc<dyn PhysicalExpr> {
    let nothing_field = Arc::new(Field::new(NOTHING, DataType::Null, true));
    let nothing = ScalarFunctionExpr::new(NOTHING, Arc::new(nothing()), vec![], nothing_field, Arc::clone(options));
    let arguments = vec![column, Arc::new(Literal::new((number as u64).into())) as _, Arc::new(nothing) as _];
    Arc::new(ScalarFunctionExpr::new(NAME, Arc::new(UNKNOWN.udf()), arguments, Arc::clone(field), Arc::clone(options)))
}

/// The argument that keeps a call from being constant.
pub fn nothing() -> ScalarUDF {
    ScalarUDF::from(Nothing { signature: Signature::nullary(Volatility::Volatile) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Nothing {
    signature: Signature,
}

impl ScalarUDFImpl for Nothing {
    fn name(&self) -> &str {
        NOTHING
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Null)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::Null))
    }
}
