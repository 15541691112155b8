//! The model of how much customers spend per purchase, and their lifetime value.

use serde::{Deserialize, Serialize};

use super::fit::{Estimate, FitOptions, Search, fit};
use super::process::GammaGamma;
use super::rows::Compressed;
use super::transactions::Transactions;
use crate::kernels::control::{Control, Stop};

/// A fitted Gamma–Gamma model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Values {
    pub estimate: Estimate,
}

/// The names of the parameters of the Gamma–Gamma model.
pub const PARAMETERS: [&str; 3] = ["p", "q", "v"];

/// Fits the Gamma–Gamma model to rows that passed [`check_values`](super::rows::check_values). Customers without repeat purchases
/// are ignored; `None` if there are no others.
pub fn fit_values(
    control: &Control<'_>,
    frequency: &[f64],
    value: &[f64],
    weights: Option<&[f64]>,
    options: FitOptions,
) -> Result<Option<Values>, Stop> {
    let _memory = control.reserve(frequency.len() * 4 * size_of::<f64>())?;
    let used: Vec<usize> = (0..frequency.len()).filter(|row| frequency[*row] > 0.0).collect();
    let of = |values: &[f64]| used.iter().map(|row| values[*row]).collect::<Vec<f64>>();
    let (frequency, value) = (of(frequency), of(value));
    let weights = weights.map(of);
    let none = vec![0.0; value.len()];
    let rows = Compressed::new(control, &frequency, &value, &none, weights.as_deref())?;
    let mean = rows.rows.iter().map(|row| row.first * row.weight).sum::<f64>() / rows.weight;
    let starts = [[5.0, 4.0, mean], [1.0, 2.0, mean], [20.0, 10.0, mean / 2.0]];
    let search = Search { names: PARAMETERS, starts: &starts, scales: [1.0; 3], options };
    Ok(fit::<3, GammaGamma>(control, &rows, &search)?.map(|estimate| Values { estimate }))
}

impl Values {
    /// The expected mean value of a customer's purchases. `None` if the expectation does not exist, for example for a customer without
    /// repeat purchases if q is at most 1.
    pub fn expected_average_value(&self, frequency: f64, value: f64) -> Option<f64> {
        let [p, q, v] =
            std::array::from_fn(|place| self.estimate.parameters.get(place).map_or(f64::NAN, |parameter| parameter.value));
        let spent = if frequency > 0.0 { frequency * value } else { 0.0 };
        let degrees = p * frequency + q - 1.0;
        (degrees > 0.0).then(|| p * (v + spent) / degrees)
    }
}

/// The discounted value of the expected purchases. Purchases of a month are discounted as of the end of the month.
///
/// `ends` are the ends of the months after the end of observation, in the unit of T: for example 31, 59, 90 in days if the
/// observation ends in December. The discount rate is per month.
pub fn customer_lifetime_value(
    model: &Transactions,
    average_value: f64,
    ends: &[f64],
    discount_rate: f64,
    (frequency, recency, age): (f64, f64, f64),
) -> f64 {
    let (mut value, mut before, mut factor) = (0.0, 0.0, 1.0);
    for end in ends {
        let expected = model.expected_purchases(*end, frequency, recency, age);
        factor /= 1.0 + discount_rate;
        value += (expected - before) * factor;
        before = expected;
    }
    value * average_value
}
