//! Bands of numbers and days: 27 is in `25-29`, 2025-03-14 in `2025-Q1`.

/// A number in units of 10^-scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    /// The number of units.
    pub units: i128,
    /// The number of decimals.
    pub scale: u32,
}

/// The most decimals that a number keeps.
pub const MOST_DECIMALS: u32 = 15;

impl Units {
    /// Parses a number without an exponent. Further decimals are dropped; negative numbers are then rounded down, so that they stay in
    /// their band. `None` for anything else, and for numbers that are too large.
    pub fn read(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() || !(whole.bytes().chain(fraction.bytes())).all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let kept = fraction.get(..MOST_DECIMALS as usize).unwrap_or(fraction);
        let number: i128 = format!("{whole}{kept}").parse().ok()?;
        let dropped = i128::from(sign < 0 && kept.len() < fraction.len());
        Some(Self { units: sign * (number + dropped), scale: kept.len() as u32 })
    }

    /// The same number in units of a finer scale.
    pub fn at(self, scale: u32) -> Option<i128> {
        let finer = scale.checked_sub(self.scale)?;
        self.units.checked_mul(10_i128.checked_pow(finer)?)
    }
}

/// Writes units as a decimal number.
pub fn written(units: i128, scale: u32) -> String {
    let digits = format!("{:0width$}", units.unsigned_abs(), width = scale as usize + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
    let fraction = fraction.trim_end_matches('0');
    let sign = if units < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// The number of the band that a value is in. Bands have a width above 0, and one begins at 0.
pub fn place(units: i128, width: i128) -> i128 {
    units.div_euclid(width)
}

/// A band as text: integers are shown with both ends, `25-29`, other numbers without the upper end, `[2.5, 5)`.
pub fn label(place: i128, width: i128, scale: u32, whole: bool) -> Option<String> {
    let low = place.checked_mul(width)?;
    let high = low.checked_add(width)?;
    Some(match (whole && scale == 0, width, low) {
        (true, 1, _) => low.to_string(),
        (true, _, 0..) => format!("{low}-{}", high - 1),
        (true, _, _) => format!("{low} to {}", high - 1),
        (false, _, _) => format!("[{}, {})", written(low, scale), written(high, scale)),
    })
}

/// A unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// `2025-03-14`.
    Day,
    /// `2025-03`.
    Month,
    /// `2025-Q1`.
    Quarter,
    /// `2025`.
    Year,
    /// `2020-2029`.
    Decade,
}

impl Span {
    /// All spans with their words, the shortest first.
    pub const ALL: [(Self, &'static str); 5] =
        [(Self::Day, "day"), (Self::Month, "month"), (Self::Quarter, "quarter"), (Self::Year, "year"), (Self::Decade, "decade")];

    /// The span with a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, own)| own.eq_ignore_ascii_case(word)).map(|(span, _)| *span)
    }

    /// The text of the span that contains a day, counted from 1970-01-01.
    pub fn label(self, day: i32) -> String {
        let (year, month, day) = civil(day);
        let shown = if year < 0 { format!("-{:04}", year.abs()) } else { format!("{year:04}") };
        match self {
            Self::Day => format!("{shown}-{month:02}-{day:02}"),
            Self::Month => format!("{shown}-{month:02}"),
            Self::Quarter => format!("{shown}-Q{}", (month - 1) / 3 + 1),
            Self::Year => shown,
            Self::Decade => {
                let first = year.div_euclid(10) * 10;
                format!("{first}-{}", first + 9)
            }
        }
    }
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar (H. Hinnant: chrono-Compatible Low-Level Date Algorithms).
fn civil(day: i32) -> (i64, i64, i64) {
    let day = i64::from(day) + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_bands() {
        let band = |value: &str, step: &str, whole: bool| {
            let (value, step) = (Units::read(value).unwrap(), Units::read(step).unwrap());
            let scale = value.scale.max(step.scale);
            let (value, width) = (value.at(scale).unwrap(), step.at(scale).unwrap());
            label(place(value, width), width, scale, whole).unwrap()
        };
        for (value, step, whole, expected) in [
            ("27", "5", true, "25-29"),
            ("25", "5", true, "25-29"),
            ("30", "5", true, "30-34"),
            ("0", "5", true, "0-4"),
            ("-1", "5", true, "-5 to -1"),
            ("-5", "5", true, "-5 to -1"),
            ("7", "1", true, "7"),
            ("0.3", "0.1", false, "[0.3, 0.4)"),
            ("12.34", "2.5", false, "[10, 12.5)"),
            ("100.00", "100", false, "[100, 200)"),
            ("-0.01", "1", false, "[-1, 0)"),
            ("-0.00000000000000001", "1", false, "[-1, 0)"),
            ("27", "2.5", true, "[25, 27.5)"),
        ] {
            assert_eq!(band(value, step, whole), expected, "{value} {step}");
        }
        assert_eq!(Units::read("1e5"), None);
        assert_eq!(Units::read("NaN"), None);
        assert_eq!(Units::read("1.250"), Some(Units { units: 125, scale: 2 }));
    }

    #[test]
    fn days_have_their_spans() {
        for (day, expected) in [
            (0, ["1970-01-01", "1970-01", "1970-Q1", "1970", "1970-1979"]),
            (-1, ["1969-12-31", "1969-12", "1969-Q4", "1969", "1960-1969"]),
            (20_161, ["2025-03-14", "2025-03", "2025-Q1", "2025", "2020-2029"]),
            (11_016, ["2000-02-29", "2000-02", "2000-Q1", "2000", "2000-2009"]),
        ] {
            assert_eq!(Span::ALL.map(|(span, _)| span.label(day)), expected);
        }
    }
}
