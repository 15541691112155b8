//! Numbers in the forms that people type, as exact decimals.
//!
//! ```text
//! 1,234.5   1.234,5   1 234,5   1'234.50   ¥1.2万   (300)   300-   12.5%   1.2k   １２３   壹仟贰佰元整   3元5角
//! ```
//! If both a comma and a dot occur, the last one is the decimal separator. If only one occurs, the declared separator decides. Groups
//! must have three digits (or two and three, as in India). So if the dot is declared, `1,5` is not a number, rather than 15.

use super::texts::{is_dash, plain_with_digits};

/// A decimal number: `digits` · 10^−`scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// All digits, with the sign.
    pub digits: i128,
    /// The number of decimals.
    pub scale: u32,
}

/// Why a string has no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// It is empty.
    Empty,
    /// Not a number.
    Form,
    /// The separators do not form groups of three digits.
    Groups,
    /// It has more than 38 digits.
    TooLarge,
}

impl Problem {
    /// The text in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Form => "not a number",
            Self::Groups => "separators do not part groups of three digits; declare the decimal sign",
            Self::TooLarge => "too large",
        }
    }
}

/// Parses a number. `decimal` is the decimal separator if the text contains only one kind of separator.
///
/// # Errors
/// Why it has no number.
pub fn read(text: &str, decimal: char) -> Result<Number, Problem> {
    // Arabic has its own decimal and thousands separators.
    let grouping = if decimal == ',' { '.' } else { ',' };
    let sign = |letter| match letter {
        dash if is_dash(dash) => '-',
        '٫' => decimal,
        '٬' => grouping,
        other => other,
    };
    let text: String = plain_with_digits(text).to_lowercase().chars().map(sign).collect();
    let (mut rest, mut is_negative) = (text.as_str(), false);
    if rest.is_empty() {
        return Err(Problem::Empty);
    }
    let mut signs = 0;
    // Signs and currencies may be in any order around a number.
    loop {
        let before = rest;
        if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            (rest, is_negative, signs) = (inner.trim(), true, signs + 1);
        }
        if let Some(after) = rest.strip_prefix('负').or_else(|| rest.strip_prefix('負')) {
            (rest, is_negative, signs) = (after.trim(), true, signs + 1);
        }
        if let Some(after) = rest.strip_prefix('-').or_else(|| rest.strip_suffix('-')) {
            (rest, is_negative, signs) = (after.trim(), true, signs + 1);
        }
        if let Some(after) = rest.strip_prefix('+') {
            (rest, signs) = (after.trim(), signs + 1);
        }
        rest = without_currency(rest);
        if rest == before {
            break;
        }
    }
    if signs > 1 || rest.is_empty() {
        return Err(Problem::Form);
    }
    let number = magnitude(rest, decimal)?;
    Ok(if is_negative { Number { digits: -number.digits, ..number } } else { number })
}

/// Symbols and names of currencies; they are ignored.
const CURRENCIES: [&str; 54] = [
    "人民币",
    "美元",
    "欧元",
    "日元",
    "英镑",
    "港元",
    "港币",
    "新台币",
    "台币",
    "rmb",
    "cny",
    "usd",
    "eur",
    "gbp",
    "jpy",
    "hkd",
    "twd",
    "chf",
    "inr",
    "sgd",
    "aud",
    "cad",
    "nzd",
    "krw",
    "rub",
    "brl",
    "thb",
    "myr",
    "sek",
    "nok",
    "dkk",
    "pln",
    "kr",
    "zł",
    "₫",
    "₺",
    "us$",
    "hk$",
    "nt$",
    "r$",
    "s$",
    "a$",
    "¥",
    "$",
    "€",
    "£",
    "₹",
    "₩",
    "₽",
    "฿",
    "元整",
    "元",
    "圆",
    "块",
];

fn without_currency(text: &str) -> &str {
    let mut rest = text.trim();
    for name in CURRENCIES {
        if let Some(after) = rest.strip_prefix(name) {
            rest = after.trim_start();
        }
        if let Some(before) = rest.strip_suffix(name) {
            rest = before.trim_end();
        }
    }
    rest
}

/// Units after a number, as powers of ten.
const UNITS: [(&str, i32); 25] = [
    ("万亿", 12),
    ("千万", 7),
    ("百万", 6),
    ("十万", 5),
    ("千亿", 11),
    ("百亿", 10),
    ("十亿", 9),
    ("亿", 8),
    ("億", 8),
    ("万", 4),
    ("萬", 4),
    ("千", 3),
    ("百", 2),
    ("million", 6),
    ("billion", 9),
    ("trillion", 12),
    ("mio", 6),
    ("mrd", 9),
    ("bn", 9),
    ("b", 9),
    ("k", 3),
    ("w", 4),
    ("m", 6),
    ("%", -2),
    ("‰", -3),
];

/// Words before a share, as powers of ten: `百分之五`.
const SHARES: [(&str, u32); 3] = [("百分之", 2), ("千分之", 3), ("万分之", 4)];

fn magnitude(text: &str, decimal: char) -> Result<Number, Problem> {
    if let Some((rest, power)) = SHARES.iter().find_map(|(word, power)| Some((text.strip_prefix(word)?, *power))) {
        let number = magnitude(rest, decimal)?;
        return Ok(Number { scale: number.scale + power, ..number });
    }
    if text.chars().next().is_some_and(is_chinese_digit) || text.contains(['元', '圆', '块', '角', '毛', '分']) {
        return of_money(text, decimal);
    }
    Ok(parts(text, decimal)?.0)
}

/// Parses `2万5千3百`, parts with units that are each smaller than the one before; returns the power of ten of the first unit too.
fn parts(text: &str, decimal: char) -> Result<(Number, i32), Problem> {
    let inner_units = UNITS.iter().filter(|(name, _)| !name.is_ascii()).filter_map(|(name, _)| {
        let (before, after) = text.split_once(name)?;
        let is_between =
            before.ends_with(|letter: char| letter.is_ascii_digit()) && after.starts_with(|letter: char| letter.is_ascii_digit());
        is_between.then(|| text.split_at(before.len() + name.len()))
    });
    // The part that ends first: in `1亿2千万3百`, `2千万` is not the first.
    let Some((first, others)) = inner_units.min_by_key(|(first, _)| first.len()) else { return with_unit(text, decimal) };
    let (first, unit) = with_unit(first, decimal)?;
    // `1万2` may mean 12,000, so the smaller part must name its unit.
    let (others, smaller) = parts(others, decimal)?;
    if smaller < unit && smaller > 0 && less(others, unit) { Ok((add(first, others)?, unit)) } else { Err(Problem::Form) }
}

fn less(number: Number, power: i32) -> bool {
    let limit = u32::try_from(power).ok().and_then(|power| 10i128.checked_pow(power + number.scale));
    limit.is_some_and(|limit| number.digits < limit)
}

fn add(first: Number, second: Number) -> Result<Number, Problem> {
    let scale = first.scale.max(second.scale);
    let digits = rescaled(first, scale)?.checked_add(rescaled(second, scale)?).ok_or(Problem::TooLarge)?;
    Ok(Number { digits, scale })
}

fn rescaled(number: Number, scale: u32) -> Result<i128, Problem> {
    10i128.checked_pow(scale - number.scale).and_then(|factor| number.digits.checked_mul(factor)).ok_or(Problem::TooLarge)
}

/// Parses a number with an optional unit; returns the power of ten of the unit too.
fn with_unit(text: &str, decimal: char) -> Result<(Number, i32), Problem> {
    let text = text.trim();
    let unit = UNITS.iter().find_map(|(name, power)| Some((text.strip_suffix(name)?.trim_end(), *power)));
    let (text, power) = unit.unwrap_or((text, 0));
    let text = without_currency(text);
    let (mantissa, exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) if unit.is_none() => (mantissa, exponent.parse::<i32>().map_err(|_| Problem::Form)?),
        _ => (text, 0),
    };
    let Number { digits, scale } = plain_number(mantissa, decimal)?;
    let scale = i64::from(scale) - i64::from(power) - i64::from(exponent);
    if scale >= 0 {
        return Ok((Number { digits, scale: u32::try_from(scale).map_err(|_| Problem::TooLarge)? }, power));
    }
    let factor = u32::try_from(-scale).ok().and_then(|power| 10i128.checked_pow(power));
    let digits = factor.and_then(|factor| digits.checked_mul(factor)).ok_or(Problem::TooLarge)?;
    Ok((Number { digits, scale: 0 }, power))
}

/// Parses digits with separators.
fn plain_number(text: &str, decimal: char) -> Result<Number, Problem> {
    let is_group = |letter: char| matches!(letter, ' ' | '\'' | '’' | '_' | '٬');
    let (last_dot, last_comma) = (text.rfind('.'), text.rfind(','));
    let decimal = match (last_dot, last_comma) {
        (Some(dot), Some(comma)) if dot > comma => '.',
        (Some(_), Some(_)) => ',',
        // `1 234,5`: if spaces separate the groups, the comma is the decimal separator.
        (None, Some(comma)) if text.contains(is_group) && text.find(',') == Some(comma) => ',',
        _ => decimal,
    };
    let separator = if decimal == '.' { ',' } else { '.' };
    let (whole, fraction) = text.split_once(decimal).unwrap_or((text, ""));
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(if fraction.contains(decimal) { Problem::Groups } else { Problem::Form });
    }
    if whole.is_empty() && fraction.is_empty() {
        return Err(Problem::Form);
    }
    let is_separator = |letter: char| letter == separator || is_group(letter);
    let groups: Vec<&str> = whole.split(is_separator).collect();
    let is_digits = |group: &&str| group.bytes().all(|digit| digit.is_ascii_digit());
    if !groups.iter().all(is_digits) {
        return Err(Problem::Form);
    }
    if let [first, middle @ .., last] = groups.as_slice() {
        let sizes = middle.iter().map(|group| group.len());
        let is_thousands = last.len() == 3 && (sizes.clone().all(|size| size == 3) || sizes.clone().all(|size| size == 2));
        let is_myriads = last.len() == 4 && !middle.is_empty() && sizes.clone().all(|size| size == 4);
        let is_first = (1..=3).contains(&first.len()) || is_myriads && first.len() == 4;
        let kinds = whole.chars().filter(|letter| is_separator(*letter)).collect::<std::collections::BTreeSet<_>>();
        if !is_first || !(is_thousands || is_myriads) || kinds.len() > 1 {
            return Err(Problem::Groups);
        }
    }
    let mut digits = 0i128;
    for digit in groups.iter().flat_map(|group| group.bytes()).chain(fraction.bytes()) {
        digits =
            digits.checked_mul(10).and_then(|digits| digits.checked_add(i128::from(digit - b'0'))).ok_or(Problem::TooLarge)?;
    }
    Ok(Number { digits, scale: u32::try_from(fraction.len()).map_err(|_| Problem::TooLarge)? })
}

const DIGITS: &str = "零一二三四五六七八九";
const FORMAL: &str = "〇壹贰叁肆伍陆柒捌玖";

fn digit(letter: char) -> Option<i128> {
    let place = |digits: &str| digits.chars().position(|known| known == letter);
    let place = place(DIGITS).or_else(|| place(FORMAL)).or(match letter {
        '两' | '兩' | '貳' => Some(2),
        '參' => Some(3),
        '陸' => Some(6),
        _ => None,
    })?;
    i128::try_from(place).ok()
}

fn is_chinese_digit(letter: char) -> bool {
    digit(letter).is_some() || matches!(letter, '十' | '拾')
}

/// `三元五角`, `3元5角`, `壹仟贰佰元整`, `一千二百`.
fn of_money(text: &str, decimal: char) -> Result<Number, Problem> {
    let text = text.strip_suffix(['整', '正']).unwrap_or(text);
    let mut total = Number { digits: 0, scale: 2 };
    let mut rest = text;
    let mut is_found = false;
    for (signs, scale) in [(['元', '圆', '块'].as_slice(), 0), (&['角', '毛'], 1), (&['分'], 2)] {
        if let Some(place) = rest.find(signs) {
            let (part, after) = rest.split_at(place);
            let part = part_of_money(part.trim_start_matches('零'), decimal)?;
            total = add(total, Number { scale: part.scale + scale, ..part })?;
            rest = after.get(after.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
            is_found = true;
        }
    }
    let mut letters = rest.chars();
    let last = letters.next().and_then(|letter| digit(letter).or_else(|| letter.to_digit(10).map(i128::from)));
    match (rest.is_empty(), is_found, last) {
        (true, true, _) => Ok(total),
        (false, false, _) => part_of_money(rest, decimal),
        // `三块五` is three and a half.
        (false, true, Some(tenths)) if letters.as_str().is_empty() && text.ends_with(&format!("块{rest}")) => {
            add(total, Number { digits: tenths, scale: 1 })
        }
        _ => Err(Problem::Form),
    }
}

fn part_of_money(text: &str, decimal: char) -> Result<Number, Problem> {
    if text.chars().any(|letter| letter.is_ascii_digit()) {
        return Ok(parts(text, decimal)?.0);
    }
    if let Some((whole, fraction)) = text.split_once(['点', '點']) {
        return spelled(whole, fraction);
    }
    chinese(text).map(|digits| Number { digits, scale: 0 })
}

/// `三点一四`, `三点五万`: the digits after the point are read one by one.
fn spelled(whole: &str, fraction: &str) -> Result<Number, Problem> {
    let unit = UNITS.iter().find_map(|(name, power)| Some((fraction.strip_suffix(name)?, *power)));
    let (fraction, power) = unit.unwrap_or((fraction, 0));
    let mut digits = chinese(whole)?;
    for letter in fraction.chars() {
        let digit = digit(letter).ok_or(Problem::Form)?;
        digits = digits.checked_mul(10).and_then(|digits| digits.checked_add(digit)).ok_or(Problem::TooLarge)?;
    }
    let scale = i32::try_from(fraction.chars().count()).map_err(|_| Problem::TooLarge)? - power;
    if fraction.is_empty() {
        return Err(Problem::Form);
    }
    match u32::try_from(scale) {
        Ok(scale) => Ok(Number { digits, scale }),
        Err(_) => {
            let factor = 10i128.checked_pow(scale.unsigned_abs());
            let digits = factor.and_then(|factor| digits.checked_mul(factor)).ok_or(Problem::TooLarge)?;
            Ok(Number { digits, scale: 0 })
        }
    }
}

/// `一千二百三十四`, `壹万贰仟`, `二〇二四`.
fn chinese(text: &str) -> Result<i128, Problem> {
    let (mut total, mut section, mut number) = (0i128, 0i128, None::<i128>);
    let (mut smallest, mut last_unit) = (i128::MAX, 0);
    let mut is_spelled = true;
    for letter in text.chars() {
        let unit: i128 = match letter {
            '十' | '拾' => 10,
            '百' | '佰' => 100,
            '千' | '仟' => 1_000,
            '万' | '萬' => 10_000,
            '亿' | '億' => 100_000_000,
            letter => {
                let digit = digit(letter).ok_or(Problem::Form)?;
                number = Some(match number {
                    None | Some(0) if !is_spelled || number.is_none() || digit != 0 => number.unwrap_or(0) * 10 + digit,
                    Some(digits) => {
                        digits.checked_mul(10).and_then(|digits| digits.checked_add(digit)).ok_or(Problem::TooLarge)?
                    }
                    None => digit,
                });
                continue;
            }
        };
        is_spelled = false;
        last_unit = unit;
        let overflow = || Problem::TooLarge;
        if unit >= 10_000 {
            // Units fall, and each counts what is before it: `五万三万` and `一万万` are rejected, `一万亿` is not.
            let has_count = number.is_some() || section > 0;
            let is_in_order = match unit {
                10_000 => has_count && total % 100_000_000 == 0,
                _ if has_count => total < 100_000_000,
                _ => total > 0,
            };
            if !is_in_order {
                return Err(Problem::Form);
            }
            section = section.checked_add(number.take().unwrap_or(0)).ok_or_else(overflow)?;
            total = if unit == 100_000_000 {
                total.checked_add(section).and_then(|all| all.checked_mul(unit))
            } else {
                section.checked_mul(unit).and_then(|all| total.checked_add(all))
            }
            .ok_or_else(overflow)?;
            (section, smallest) = (0, i128::MAX);
        } else {
            if unit >= smallest {
                return Err(Problem::Form);
            }
            smallest = unit;
            // 十 alone is ten; other units need a digit before them.
            let count = match number.take() {
                Some(count @ 1..=9) => count,
                None if unit == 10 && section == 0 => 1,
                _ => return Err(Problem::Form),
            };
            section += count * unit;
        }
    }
    let last = number.unwrap_or(0);
    if (section > 0 || total > 0) && last > 9 {
        return Err(Problem::Form);
    }
    // `一百二` is 120 and `三万五` 35,000: the unit after the last one is left out. 102 is `一百零二`.
    let is_after_zero = text.chars().rev().nth(1).is_some_and(|letter| digit(letter) == Some(0));
    let last = if last_unit > 10 && !is_after_zero { last * (last_unit / 10) } else { last };
    total.checked_add(section).and_then(|sum| sum.checked_add(last)).ok_or(Problem::TooLarge)
}

impl Number {
    /// The digits at another scale, rounded half away from zero; `None` for more than 38 digits.
    pub fn at(self, scale: u32) -> Option<i128> {
        let digits = if scale >= self.scale {
            10i128.checked_pow(scale - self.scale)?.checked_mul(self.digits)?
        } else {
            match 10i128.checked_pow(self.scale - scale) {
                Some(factor) => {
                    let rest = self.digits % factor;
                    let up = i128::from(rest.abs() >= factor - rest.abs());
                    self.digits / factor + up * self.digits.signum()
                }
                None => 0,
            }
        };
        (digits.unsigned_abs() < 10u128.pow(38)).then_some(digits)
    }
}
