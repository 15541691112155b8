//! `round` and `trunc` of floats to so many places.
//!
//! DataFusion multiplies by a power of ten that may not be finite, and gives NaN or infinity; left of the point, it multiplies by a
//! fraction that is not exact. The rest, such as decimals, is computed by DataFusion.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::{binary, cast};
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::functions::math;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// Beyond these places, every float is whole or zero.
const MOST_PLACES: u64 = 400;

/// Powers of ten as they are written: a product of tens is not the nearest float, and makes 1.0000000000000006e300 of 1e300.
static POWERS_OF_TEN: LazyLock<Vec<f64>> =
    LazyLock::new(|| (0..=MOST_PLACES).map(|places| format!("1e{places}").parse().unwrap_or(f64::INFINITY)).collect());

/// The functions, by name.
pub fn all() -> [(&'static str, ScalarUDF); 2] {
    [("round", math::round(), To::Nearest), ("trunc", math::trunc(), To::Zero)]
        .map(|(name, engine, to)| (name, ScalarUDF::from(Rounded { engine, to })))
}

/// Where a number goes that lies between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum To {
    Nearest,
    Zero,
}

impl To {
    fn whole(self, number: f64) -> f64 {
        match self {
            Self::Nearest => number.round(),
            Self::Zero => number.trunc(),
        }
    }

    /// Rounds to places right of the point, or left of it if `places` is negative.
    fn round(self, number: f64, places: i64) -> f64 {
        let factor = POWERS_OF_TEN[places.unsigned_abs().min(MOST_PLACES) as usize];
        if places >= 0 {
            let scaled = number * factor;
            // A number this large, or with so many places asked for, has no digits to lose.
            return if scaled.is_finite() { self.whole(scaled) / factor } else { number };
        }
        if !number.is_finite() {
            return number;
        }
        if factor.is_finite() { self.whole(number / factor) * factor } else { 0.0 }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Rounded {
    engine: Arc<ScalarUDF>,
    to: To,
}

impl ScalarUDFImpl for Rounded {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    fn is_strict(&self) -> bool {
        self.engine.inner().is_strict()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.engine.inner().return_type(types)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.engine.inner().return_field_from_args(arguments)
    }

    fn output_ordering(&self, input: &[ExprProperties]) -> Result<SortProperties> {
        self.engine.inner().output_ordering(input)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engine.inner().documentation()
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [number, places] = arguments.args.as_slice() else { return self.engine.inner().invoke_with_args(arguments) };
        let data_type = number.data_type();
        if !data_type.is_floating() {
            return self.engine.inner().invoke_with_args(arguments);
        }
        let numbers = cast(&number.to_array(arguments.number_rows)?, &DataType::Float64)?;
        let places = cast(&places.to_array(arguments.number_rows)?, &DataType::Int64)?;
        let (numbers, places) = (numbers.as_primitive::<Float64Type>(), places.as_primitive::<Int64Type>());
        let rounded: Float64Array = binary(numbers, places, |number, places| self.to.round(number, places))?;
        let rounded: ArrayRef = Arc::new(rounded);
        Ok(ColumnarValue::Array(cast(&rounded, &data_type)?))
    }
}

#[cfg(test)]
mod tests {
    use super::To;

    #[test]
    fn powers_of_ten_that_are_not_finite_change_nothing() {
        for (number, places, nearest, down) in [
            (1.5, 1_000, 1.5, 1.5),
            (1e300, 10, 1e300, 1e300),
            (1e300, -300, 1e300, 1e300),
            (123.456, -400, 0.0, 0.0),
            (0.0, 400, 0.0, 0.0),
            (1_234_567.0, -2, 1_234_600.0, 1_234_500.0),
            (-2.55, 1, -2.6, -2.5),
            (7.0, i64::MIN, 0.0, 0.0),
            (f64::INFINITY, -400, f64::INFINITY, f64::INFINITY),
        ] {
            assert_eq!((To::Nearest.round(number, places), To::Zero.round(number, places)), (nearest, down), "{number} {places}");
        }
        assert!(To::Nearest.round(f64::NAN, -400).is_nan() && To::Nearest.round(f64::NAN, 2).is_nan());
    }
}
