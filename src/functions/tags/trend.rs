//! `trend`: whether amounts rise or fall with time, by least squares.
//!
//! For n rows with times x and amounts y the slope is
//! ```text
//! Σ (x − x̄)(y − ȳ)     n Σxy − Σx Σy
//! ───────────────── = ───────────────
//!    Σ (x − x̄)²         n Σx² − (Σx)²
//! ```
//! In doubles the right side cancels: with microseconds since 1970, x² has over 100 bits. Here times are whole ticks and
//! amounts integer units, the five sums are kept exactly in 64 to 256 bits, and the two differences are exact too, as if the
//! data were centred first. One division rounds at the end, so the result does not depend on the order of rows, and two states
//! are merged by addition. Floats that are not an integer number of units have separate sums, of any size.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array, Decimal256Array, Float64Array, UInt64Array};
use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Decimal128Type, Decimal256Type, UInt64Type, i256,
};
use datafusion::common::Result;

use super::time::{check_time, ticks, ticks_a_day};
use crate::adapter::aggregate::{Grouped, GroupedFunction};
use crate::adapter::amounts::{Amount, ODD_STATE, odd_state, read_odd_state, units};
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::kernels::fixed_point;
use crate::kernels::superaccumulator::{Superaccumulator, scaled};

const DOC: Doc = Doc {
    name: "trend",
    kind: Kind::Aggregate,
    domain: "tags",
    summary: "Returns the slope of an amount over time, per 30 days: positive when rising, negative when falling.",
    description: "\
The slope of the least-squares line through the points (time, amount) of the group:
Σ (t − mean t)(amount − mean amount) / Σ (t − mean t)², times 30 days. The result is a DOUBLE in units of `amount` per 30 days. It is NULL
with fewer than two distinct times. Rows where `time` or `amount` is NULL are ignored; NaN and infinite amounts are an error.

Every row is a point: for the trend of monthly spending, sum by customer and month first. With few points the slope means little, so look at
`count(*)` too. Divide by `avg(amount)` to compare customers.

The sums are exact (times in their own unit, decimals to their last digit, floats of any size), and only the result is rounded: it does not
depend on the order of rows, and times long after 1970 lose no digits.

**Cost.** One pass, without sorting; 112 bytes per group.

**Elsewhere.** `regr_slope(amount, extract(epoch FROM time))` of DuckDB and PostgreSQL, times 2,592,000 seconds: the same line in floating
point, where the squares of seconds since 1970 lose digits. `numpy.polyfit(t, y, 1)`, `LinearRegression` of scikit-learn, `lm(y ~ t)` in R.",
    arguments: &[
        Argument::required(
            "time",
            Takes::Value("DATE or TIMESTAMP"),
            "time of the point, by the day or to the microsecond; rows where it is NULL are ignored",
        ),
        Argument::required(
            "amount",
            Takes::Value("number"),
            "amount at that time, in any unit; rows where it is NULL are ignored, NaN and infinity are errors",
        ),
    ],
    examples: &["SELECT customer_id, round(trend(month, spent), 2) AS yuan_per_month_more, count(*) AS months
FROM (
  SELECT customer_id, date_trunc('month', ordered_at) AS month, sum(amount) AS spent
  FROM sample_orders(rows => 1000) WHERE status = 'paid' AND customer_id IS NOT NULL GROUP BY customer_id, month)
GROUP BY customer_id HAVING count(*) >= 6 ORDER BY yuan_per_month_more LIMIT 5;"],
    source: "ordinary least squares, as SQL's regr_slope(amount, time)",
    ..Doc::EMPTY
};

const AMOUNT: Amount = Amount { function: DOC.name, argument: "amount" };

#[derive(Debug, Clone)]
pub struct Trend;

impl GroupedFunction for Trend {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn result(&self, arguments: &[DataType]) -> Result<DataType> {
        check_time(DOC.name, &arguments[0])?;
        AMOUNT.check(&arguments[1])?;
        Ok(DataType::Float64)
    }

    fn state(&self, _arguments: &[DataType]) -> Result<Vec<(&'static str, DataType)>> {
        Ok(vec![
            ("n", DataType::UInt64),
            ("x", WHOLE_128),
            ("y", WHOLE_128),
            ("xx", WHOLE_256),
            ("xy", WHOLE_256),
            ("odd_y", ODD_STATE),
            ("odd_xy", ODD_STATE),
        ])
    }

    fn start(&self, arguments: &[DataType]) -> Result<Box<dyn Grouped>> {
        let (month, unit) = (30.0 * ticks_a_day(&arguments[0]) as f64, units(&arguments[1]));
        Ok(Box::new(Trends { month, unit, groups: vec![] }))
    }

    fn counts_repeats(&self) -> bool {
        true
    }
}

/// Sums are passed on as plain bits; the decimal precision has no meaning.
const WHOLE_128: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);
const WHOLE_256: DataType = DataType::Decimal256(DECIMAL256_MAX_PRECISION, 0);

/// The five sums of a group.
#[derive(Debug, Clone, Default)]
struct Sums {
    n: u64,
    odd: Option<Box<OddSums>>,
    x: i128,
    y: i128,
    xx: i256,
    xy: i256,
}

/// The sums over rows whose amounts are floats that are not a whole number of units.
#[derive(Debug, Clone, Default)]
struct OddSums {
    y: Superaccumulator,
    xy: Superaccumulator,
}

impl Sums {
    fn of(x: i64, y: i128) -> Self {
        // With y split in two halves, each product fits in 128 bits.
        let (high, low) = (i128::from((y >> 64) as i64), i128::from(y as u64));
        let x = i128::from(x);
        let high = x * high;
        let high = i256::from_parts((high << 64) as u128, high >> 64);
        Self { n: 1, odd: None, x, y, xx: i256::from_i128(x * x), xy: high.wrapping_add(i256::from_i128(x * low)) }
    }

    /// Adds an odd amount to a row that was already counted with an amount of 0.
    fn add_odd(&mut self, x: i64, y: f64) {
        let odd = self.odd.get_or_insert_default();
        let mut amount = Superaccumulator::default();
        amount.add(y);
        odd.y.merge(&amount);
        odd.xy.add_multiple(&amount, i128::from(x));
    }

    /// Adds other sums. Only the sum of amounts can overflow, which gives `None`: 2⁶⁴ times, 2¹²⁶ and 2¹⁹⁰ fit in the others.
    fn add(&mut self, other: &Self) -> Option<()> {
        self.y = self.y.checked_add(other.y)?;
        self.n += other.n;
        self.x += other.x;
        self.xx = self.xx.wrapping_add(other.xx);
        self.xy = self.xy.wrapping_add(other.xy);
        if let Some(other) = &other.odd {
            let odd = self.odd.get_or_insert_default();
            odd.y.merge(&other.y);
            odd.xy.merge(&other.xy);
        }
        Some(())
    }

    /// Units of amount per tick, as numerator and denominator. The denominator is 0 just when there are fewer than two
    /// distinct times. `None` when they do not fit in 256 bits.
    fn slope(&self) -> Option<(i256, i256)> {
        let (n, x, y) = (i256::from_i128(i128::from(self.n)), i256::from_i128(self.x), i256::from_i128(self.y));
        let numerator = n.checked_mul(self.xy)?.checked_sub(x.checked_mul(y)?)?;
        let denominator = n.checked_mul(self.xx)?.checked_sub(x.checked_mul(x)?)?;
        Some((numerator, denominator))
    }

    /// The same with odd amounts, in amounts per tick; `None` with fewer than two distinct times.
    fn odd_slope(&self, odd: &OddSums, month: f64) -> Option<f64> {
        let (n, x) = (i256::from_i128(i128::from(self.n)), i256::from_i128(self.x));
        // 2¹⁹⁰ and 2²⁵⁴ fit.
        let denominator = n.wrapping_mul(self.xx).wrapping_sub(x.wrapping_mul(x));
        let mut xy = odd.xy.clone();
        let (low, high) = self.xy.to_parts();
        xy.add_whole(high, 128 + fixed_point::EXPONENT);
        for half in [0, 64] {
            xy.add_whole(i128::from((low >> half) as u64), half + fixed_point::EXPONENT);
        }
        let mut numerator = Superaccumulator::default();
        numerator.add_multiple(&xy, i128::from(self.n));
        numerator.add_multiple(&fixed_point::total(self.y, Some(&odd.y)), -self.x);
        let (numerator, exponent) = numerator.parts();
        (denominator != i256::ZERO).then(|| scaled(numerator / to_f64(denominator) * month, exponent))
    }
}

/// The nearest double.
fn to_f64(number: i256) -> f64 {
    let (low, high) = number.wrapping_abs().to_parts();
    // The smallest integer is its own absolute value; read without a sign, its bits are right.
    let high = high as u128;
    let magnitude = if high == 0 {
        low as f64
    } else {
        let zeros = high.leading_zeros();
        // The upper 128 bits; of the lower ones it only matters whether any is set.
        let upper = if zeros == 0 { high } else { (high << zeros) | (low >> (128 - zeros)) };
        let more = u128::from(low << zeros != 0);
        (upper | more) as f64 * 2f64.powi(128 - zeros as i32)
    };
    if number.is_negative() { -magnitude } else { magnitude }
}

/// The double nearest to a product, if the factor is an integer and 256 bits are enough.
fn times(number: i256, factor: f64) -> f64 {
    let whole = factor as i128;
    let product = if whole as f64 == factor { number.checked_mul(i256::from_i128(whole)) } else { None };
    product.map_or_else(|| to_f64(number) * factor, to_f64)
}

#[derive(Debug)]
struct Trends {
    /// Ticks in 30 days.
    month: f64,
    /// How many units make an amount of 1.
    unit: f64,
    groups: Vec<Sums>,
}

impl Trends {
    fn add(&mut self, group: usize, sums: &Sums) -> Result<()> {
        self.groups[group].add(sums).ok_or_else(|| AMOUNT.too_large())
    }

    fn slope(&self, sums: &Sums) -> Result<Option<f64>> {
        if let Some(odd) = &sums.odd {
            let slope = sums.odd_slope(odd, self.month);
            return if slope.is_some_and(f64::is_infinite) { Err(AMOUNT.too_large()) } else { Ok(slope) };
        }
        let (numerator, denominator) = sums.slope().ok_or_else(|| AMOUNT.too_large())?;
        let slope = || times(numerator, self.month) / times(denominator, self.unit);
        Ok((denominator != i256::ZERO).then(slope))
    }
}

impl Grouped for Trends {
    fn fresh(&self) -> Box<dyn Grouped> {
        Box::new(Self { month: self.month, unit: self.unit, groups: vec![] })
    }

    fn grow(&mut self, total: usize) {
        self.groups.resize(total, Sums::default());
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let (times, amounts) = (ticks(&arguments[0])?, AMOUNT.read(&arguments[1])?);
        for ((group, time), amount) in groups.iter().zip(&times).zip(amounts.whole) {
            self.add(*group, &Sums::of(*time, amount))?;
        }
        for (row, amount) in amounts.odd {
            self.groups[groups[row]].add_odd(times[row], amount);
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let n = states[0].as_primitive::<UInt64Type>().values();
        let [x, y] = [1, 2].map(|column: usize| states[column].as_primitive::<Decimal128Type>().values());
        let [xx, xy] = [3, 4].map(|column: usize| states[column].as_primitive::<Decimal256Type>().values());
        let odd = read_odd_state(&states[5]).zip(read_odd_state(&states[6]));
        for ((row, group), (odd_y, odd_xy)) in groups.iter().enumerate().zip(odd) {
            self.add(*group, &Sums { n: n[row], odd: None, x: x[row], y: y[row], xx: xx[row], xy: xy[row] })?;
            if !odd_y.is_empty() {
                let odd = self.groups[*group].odd.get_or_insert_default();
                odd.y.merge_words(&odd_y);
                odd.xy.merge_words(&odd_xy);
            }
        }
        Ok(())
    }

    fn results(&mut self, first: usize) -> Result<ArrayRef> {
        let slopes: Result<Vec<Option<f64>>> = self.groups[..first].iter().map(|sums| self.slope(sums)).collect();
        Ok(Arc::new(Float64Array::from(slopes?)))
    }

    fn states(&mut self, first: usize) -> Result<Vec<ArrayRef>> {
        let groups = &self.groups[..first];
        let of_128 = |sum: fn(&Sums) -> i128| Decimal128Array::from_iter_values(groups.iter().map(sum)).with_data_type(WHOLE_128);
        let of_256 = |sum: fn(&Sums) -> i256| Decimal256Array::from_iter_values(groups.iter().map(sum)).with_data_type(WHOLE_256);
        Ok(vec![
            Arc::new(UInt64Array::from_iter_values(groups.iter().map(|sums| sums.n))),
            Arc::new(of_128(|sums| sums.x)),
            Arc::new(of_128(|sums| sums.y)),
            Arc::new(of_256(|sums| sums.xx)),
            Arc::new(of_256(|sums| sums.xy)),
            odd_state(groups.iter().map(|sums| sums.odd.as_ref().map(|odd| &odd.y))),
            odd_state(groups.iter().map(|sums| sums.odd.as_ref().map(|odd| &odd.xy))),
        ])
    }

    fn forget(&mut self, first: usize) {
        if first == self.groups.len() {
            self.groups = vec![];
        } else {
            self.groups.drain(..first);
        }
    }

    fn groups(&self) -> usize {
        self.groups.len()
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<Sums>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(mut one: Sums, other: &Sums) -> Option<Sums> {
        one.add(other).map(|()| one)
    }

    fn product(x: i64, y: i128) -> i256 {
        i256::from_i128(i128::from(x)).wrapping_mul(i256::from_i128(y))
    }

    #[test]
    fn products_are_exact() {
        let times = [0, 1, -1, 1_751_241_600_000_000, i64::MAX, i64::MIN];
        let amounts = [0, 1, -1, 19_999, -(1 << 64), (1 << 64) - 1, 123_456 << 64, i128::MAX, i128::MIN];
        for x in times {
            for y in amounts {
                let sums = Sums::of(x, y);
                assert_eq!((sums.xy, sums.xx), (product(x, y), product(x, i128::from(x))), "{x} × {y}");
            }
        }
    }

    #[test]
    fn wide_numbers_become_the_nearest_double() {
        for number in [0, 1, -1, i128::MAX, i128::MIN, (1 << 100) + 1] {
            assert_eq!(to_f64(i256::from_i128(number)), number as f64);
        }
        assert_eq!(to_f64(i256::MIN), -(2f64.powi(255)));
        assert_eq!(to_f64(i256::MAX), 2f64.powi(255));
        // Half way between two doubles, and a little more.
        let half_way = i256::from_parts(0, (1 << 60) + (1 << 7));
        assert_eq!(to_f64(half_way), 2f64.powi(188));
        assert_eq!(to_f64(half_way.wrapping_add(i256::ONE)), 2f64.powi(188) * (1.0 + f64::EPSILON));
    }

    #[test]
    fn small_differences_far_from_1970_are_seen() {
        // One microsecond apart in the year 2200; the amounts differ by one unit.
        let start = 7_258_118_400_000_000;
        let sums = both(Sums::of(start, 10), &Sums::of(start + 1, 11)).unwrap();
        assert_eq!(sums.slope(), Some((i256::ONE, i256::ONE)));
        let same = both(Sums::of(start, 10), &Sums::of(start, 11)).unwrap();
        assert_eq!(same.slope(), Some((i256::ZERO, i256::ZERO)));
    }

    #[test]
    fn sums_never_wrap() {
        assert!(both(Sums::of(1, i128::MAX), &Sums::of(1, 1)).is_none());
        let far = both(Sums::of(i64::MIN, i128::MAX), &Sums::of(i64::MAX, 0)).unwrap();
        assert!(far.slope().is_some());
    }

    #[test]
    fn amounts_of_any_size_count() {
        let start = 1_751_241_600_000_000;
        for (small, large) in [(1e-30, 3e-30), (-1e300, 1e300), (1e-4, 1e20)] {
            let mut sums = Sums::default();
            for (x, y) in [(start, small), (start + 1, large)] {
                let whole = fixed_point::to_fixed_point(y);
                sums.add(&Sums::of(x, whole.unwrap_or(0))).unwrap();
                if whole.is_none() {
                    sums.add_odd(x, y);
                }
            }
            assert_eq!(sums.odd_slope(sums.odd.as_ref().unwrap(), 1.0), Some(large - small));
        }
    }
}
