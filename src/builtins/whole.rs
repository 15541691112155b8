//! `ceil` and `floor`. The result for a decimal may have a digit more: that of 9.99 is 10.
//!
//! DataFusion gives the result the type of the number, and refuses such a number. A result that is zero has no sign, see
//! [`super::one_nan`].

use std::sync::Arc;

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::math;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl};

use super::of_engine::of_engine;
use super::one_nan::without_sign;

/// The functions, by name.
pub fn all() -> [(&'static str, ScalarUDF); 2] {
    [("ceil", math::ceil()), ("floor", math::floor())].map(|(name, engine)| (name, ScalarUDF::from(Whole { engine })))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Whole {
    engine: Arc<ScalarUDF>,
}

/// The type with one digit more, for a decimal with places.
fn with_room(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Decimal128(digits, places) if *places > 0 && *digits < DECIMAL128_MAX_PRECISION => {
            DataType::Decimal128(digits + 1, *places)
        }
        other => other.clone(),
    }
}

impl ScalarUDFImpl for Whole {
    of_engine!(name, signature, is_strict, output_ordering, documentation);

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(with_room(&self.engine.inner().return_type(types)?))
    }

    fn preimage(&self, arguments: &[Expr], literal: &Expr, context: &SimplifyContext) -> Result<PreimageResult> {
        match literal {
            // Of a decimal, the bounds would have one digit more than the number.
            Expr::Literal(ScalarValue::Float64(_) | ScalarValue::Float32(_), _) => {
                self.engine.inner().preimage(arguments, literal, context)
            }
            _ => Ok(PreimageResult::None),
        }
    }

    fn invoke_with_args(&self, mut arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        for number in &mut arguments.args {
            let data_type = number.data_type();
            let wider = with_room(&data_type);
            if wider != data_type {
                *number = number.cast_to(&wider, None)?;
            }
        }
        Ok(without_sign(self.engine.inner().invoke_with_args(arguments)?))
    }
}
