//! `round` and `trunc` of floats to so many places: the digits of a float are rounded, as by a cast to a decimal, so that 2.675 becomes 2.68.
//!
//! DataFusion multiplies by a power of ten: 2.675 becomes 267.49999999999997, and 0.29 to two places 0.28 when it is cut. The power may also
//! not be finite, which gives NaN or infinity; left of the point, it is a fraction that is not exact. The rest, such as decimals, is
//! computed by DataFusion. A result that is zero has no sign, see [`super::one_nan`].

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::{binary, cast};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::functions::math;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl};

use super::of_engine::of_engine;
use super::one_nan::without_sign;

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

    /// True if the product with the power of ten is so close to where its result changes that it may be on the wrong side.
    fn is_close(self, number: f64, scaled: f64) -> bool {
        const RELATIVE_ERROR: f64 = 8.0 * f64::EPSILON;
        let distance = match self {
            Self::Nearest => (scaled.abs().fract() - 0.5).abs(),
            Self::Zero => (scaled - scaled.round()).abs(),
        };
        number.fract() != 0.0 && distance <= scaled.abs() * RELATIVE_ERROR
    }

    /// Rounds the digits that the float is shown with.
    fn by_digits(self, number: f64, places: i64) -> Option<f64> {
        let text = number.abs().to_string();
        let (whole, fraction) = text.split_once('.')?;
        let places = usize::try_from(places).ok()?;
        if fraction.len() <= places {
            return Some(number);
        }
        let (kept, dropped) = fraction.split_at(places);
        let digits: u128 = format!("{whole}{kept}").parse().ok()?;
        let is_up = matches!(self, Self::Nearest) && dropped.starts_with(['5', '6', '7', '8', '9']);
        let rounded: f64 = format!("{}e-{places}", digits.checked_add(u128::from(is_up))?).parse().ok()?;
        Some(rounded.copysign(number))
    }

    /// Rounds to places right of the point, or left of it if `places` is negative.
    fn round(self, number: f64, places: i64) -> f64 {
        let factor = POWERS_OF_TEN[places.unsigned_abs().min(MOST_PLACES) as usize];
        if places >= 0 {
            let scaled = number * factor;
            // A number this large, or with so many places asked for, has no digits to lose.
            if !scaled.is_finite() {
                return number;
            }
            let by_digits = if self.is_close(number, scaled) { self.by_digits(number, places) } else { None };
            return by_digits.unwrap_or_else(|| self.whole(scaled) / factor);
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
    of_engine!(name, signature, is_strict, return_type, return_field_from_args, output_ordering, documentation);

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [number, places] = arguments.args.as_slice() else {
            return Ok(without_sign(self.engine.inner().invoke_with_args(arguments)?));
        };
        let data_type = number.data_type();
        if !data_type.is_floating() {
            return self.engine.inner().invoke_with_args(arguments);
        }
        let numbers = cast(&number.to_array(arguments.number_rows)?, &DataType::Float64)?;
        let places = cast(&places.to_array(arguments.number_rows)?, &DataType::Int64)?;
        let (numbers, places) = (numbers.as_primitive::<Float64Type>(), places.as_primitive::<Int64Type>());
        let rounded: Float64Array = binary(numbers, places, |number, places| self.to.round(number, places))?;
        let rounded: ArrayRef = Arc::new(rounded);
        Ok(without_sign(ColumnarValue::Array(cast(&rounded, &data_type)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::To;

    #[test]
    fn the_digits_are_rounded() {
        for (number, places, nearest, down) in [
            (2.675, 2, 2.68, 2.67),
            (1.005, 2, 1.01, 1.0),
            (-1.005, 2, -1.01, -1.0),
            (0.285, 2, 0.29, 0.28),
            (0.29, 2, 0.29, 0.29),
            (8.7, 1, 8.7, 8.7),
            (0.5, 0, 1.0, 0.0),
            (-2.5, 0, -3.0, -2.0),
            (0.49999999999999994, 0, 0.0, 0.0),
        ] {
            assert_eq!((To::Nearest.round(number, places), To::Zero.round(number, places)), (nearest, down), "{number} {places}");
        }
    }

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
