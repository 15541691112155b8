//! Distributions, computed by `kernels::special`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use crate::builtins::dates::arrays;
use crate::builtins::scalar::Scalar;
use crate::error::{SqlState, in_rows};
use crate::kernels::special;

macro_rules! function {
    ($name:literal, $count:pat, $of:expr) => {
        Scalar {
            name: $name,
            takes: |types| {
                if matches!(types.len(), $count) && types.iter().all(|data_type| data_type.is_numeric() || data_type.is_null()) {
                    Ok(vec![DataType::Float64; types.len()])
                } else {
                    plan_err!("{} takes {} numbers, got {types:?}", $name, stringify!($count).replace('|', "or"))
                }
            },
            gives: |_| Ok(DataType::Float64),
            compute: |arguments| compute(arguments, $name, $of),
            written: |_| None,
        }
    };
}

pub static ALL: [&Scalar; 8] = [&ERF, &ERFC, &LGAMMA, &NORMAL_CDF, &NORMAL_QUANTILE, &T_CDF, &CHI2_CDF, &F_CDF];

static ERF: Scalar = function!("erf", 1, |x| Ok(libm::erf(x[0])));
static ERFC: Scalar = function!("erfc", 1, |x| Ok(libm::erfc(x[0])));
static LGAMMA: Scalar = function!("lgamma", 1, |x| Ok(libm::lgamma(x[0])));
static NORMAL_CDF: Scalar = function!("normal_cdf", 1 | 3, |x| {
    let (mean, sd) = normal(x)?;
    Ok(special::normal_cdf((x[0] - mean) / sd))
});
static NORMAL_QUANTILE: Scalar = function!("normal_quantile", 1 | 3, |x| {
    let (mean, sd) = normal(x)?;
    if !(0.0..=1.0).contains(&x[0]) {
        return Err(format!("p must be from 0 to 1, got {}", x[0]));
    }
    Ok(mean + sd * special::normal_quantile(x[0]))
});
static T_CDF: Scalar = function!("t_cdf", 2, |x| {
    above("df", x[1])?;
    Ok(special::t_cdf(x[0], x[1]))
});
static CHI2_CDF: Scalar = function!("chi2_cdf", 2, |x| {
    above("df", x[1])?;
    Ok(special::chi2_cdf(x[0], x[1]))
});
static F_CDF: Scalar = function!("f_cdf", 3, |x| {
    above("df1", x[1])?;
    above("df2", x[2])?;
    Ok(special::f_cdf(x[0], x[1], x[2]))
});

/// The mean and standard deviation after the first argument; 0 and 1 if there are none.
fn normal(x: &[f64]) -> Result<(f64, f64), String> {
    let (mean, sd) = if let [_, mean, sd] = x { (*mean, *sd) } else { (0.0, 1.0) };
    above("sd", sd)?;
    Ok((mean, sd))
}

fn above(name: &str, value: f64) -> Result<(), String> {
    if value > 0.0 { Ok(()) } else { Err(format!("{name} must be above 0, got {value}")) }
}

fn compute(arguments: &ScalarFunctionArgs, name: &str, of: fn(&[f64]) -> Result<f64, String>) -> Result<ColumnarValue> {
    let arrays = arrays(arguments)?;
    let columns: Vec<&Float64Array> = arrays.iter().map(|array| array.as_primitive::<Float64Type>()).collect();
    let mut values = Vec::with_capacity(columns.len());
    let mut result = Vec::with_capacity(arguments.number_rows);
    for row in 0..arguments.number_rows {
        values.clear();
        values.extend(columns.iter().filter(|column| column.is_valid(row)).map(|column| column.value(row)));
        result.push(if values.len() < columns.len() {
            None
        } else {
            let value = of(&values);
            Some(value.map_err(|problem| in_rows(SqlState::INVALID_PARAMETER_VALUE, name, "takes parameters above 0", problem))?)
        });
    }
    Ok(ColumnarValue::Array(Arc::new(Float64Array::from(result))))
}
