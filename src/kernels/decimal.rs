//! A decimal number as it was written, for exact comparison with columns of any scale.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// `digits × 10^-scale`.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Decimal {
    digits: i128,
    scale: u32,
}

impl Decimal {
    /// Reads `-12.50`; no exponent, at most 38 digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, unsigned) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let length = whole.len() + fraction.len();
        if !all_digits(whole) || !all_digits(fraction) || !(1..=38).contains(&length) {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { digits: sign * digits, scale: u32::try_from(fraction.len()).ok()? })
    }

    /// The smallest multiple of `10^-scale` that is not below this number, in these units.
    pub fn ceil(self, scale: i32) -> Option<i128> {
        self.rescale(scale, 1)
    }

    /// The largest multiple of `10^-scale` that is not above this number, in these units.
    pub fn floor(self, scale: i32) -> Option<i128> {
        self.rescale(scale, 0)
    }

    fn rescale(self, scale: i32, round_up: i128) -> Option<i128> {
        let shift = i64::from(scale) - i64::from(self.scale);
        let power = 10i128.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?)?;
        if shift >= 0 {
            return self.digits.checked_mul(power);
        }
        let floor = self.digits.div_euclid(power);
        Some(if self.digits.rem_euclid(power) == 0 { floor } else { floor + round_up })
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }
}

/// Human-readable formats get the text; binary formats get the digits and the scale.
impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            (self.digits, self.scale).serialize(serializer)
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0width$}", self.digits.unsigned_abs(), width = self.scale as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        let sign = if self.digits < 0 { "-" } else { "" };
        if fraction.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{fraction}") }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let whole = |number: &Self| number.rescale(0, 0).unwrap_or(0);
        whole(self).cmp(&whole(other)).then_with(|| {
            let fraction = |number: &Self| {
                let power = 10i128.pow(number.scale);
                number.digits.rem_euclid(power) * 10i128.pow(38 - number.scale)
            };
            fraction(self).cmp(&fraction(other))
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn rounds_to_a_scale() {
        assert_eq!(decimal("199.995").ceil(2), Some(20_000));
        assert_eq!(decimal("199.995").floor(2), Some(19_999));
        assert_eq!(decimal("-1.5").ceil(0), Some(-1));
        assert_eq!(decimal("-1.5").floor(0), Some(-2));
        assert_eq!(decimal("500").ceil(2), Some(50_000));
    }

    #[test]
    fn orders_across_scales() {
        assert!(decimal("0.5") < decimal("0.51"));
        assert!(decimal("-0.5") > decimal("-0.51"));
        assert_eq!(decimal("2.50"), decimal("2.5"));
    }

    #[test]
    fn shows_and_refuses() {
        assert_eq!(decimal("-0.05").to_string(), "-0.05");
        assert_eq!(decimal("-0.05").to_f64(), -0.05);
        for text in ["", "-", "1e3", "NaN", "1.2.3", "１"] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }
}
