//! Numbers: the shortest text of floats, and `numeric` in groups of four decimal digits.

use std::fmt::LowerExp;
use std::io::Write;

/// Appends a whole number.
pub fn whole(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the shortest decimal that parses to the same float, in PostgreSQL's format: with an exponent below 0.0001, and from 10^`fixed`
/// on.
pub fn float<F: ryu::Float + LowerExp + Into<f64>>(value: F, fixed: i32, out: &mut Vec<u8>) {
    let wide: f64 = value.into();
    if wide.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if wide.is_infinite() {
        return out.extend_from_slice(if wide > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
    // Most floats are between these, where both have the same form.
    if wide.abs() >= 1e-4 && wide.abs() < 10_f64.powi(fixed) {
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(value);
        return out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    }
    with_exponent(&format!("{value:e}"), fixed, out);
}

fn with_exponent(shortest: &str, fixed: i32, out: &mut Vec<u8>) {
    // `shortest` is formatted with `{:e}`: -1.25e-7.
    let (sign, digits) = shortest.strip_prefix('-').map_or(("", shortest), |digits| ("-", digits));
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((digits, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    out.extend_from_slice(sign.as_bytes());
    if exponent < -4 || exponent >= fixed {
        out.extend_from_slice(mantissa.as_bytes());
        let sign = if exponent < 0 { '-' } else { '+' };
        // Writing to memory does not fail.
        let _ = write!(out, "e{sign}{:02}", exponent.abs());
        return;
    }
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', usize::try_from(-exponent - 1).unwrap_or(0)));
        return out.extend_from_slice(&digits);
    }
    let whole = usize::try_from(exponent).unwrap_or(0) + 1;
    for place in 0..whole.max(digits.len()) {
        if place == whole {
            out.push(b'.');
        }
        out.push(digits.get(place).copied().unwrap_or(b'0'));
    }
}

/// Appends a decimal as text; `unscaled` has its digits and sign, without the decimal point.
pub fn decimal_text(unscaled: &str, scale: i8, out: &mut Vec<u8>) {
    let (sign, digits) = unscaled.strip_prefix('-').map_or(("", unscaled), |digits| ("-", digits));
    out.extend_from_slice(sign.as_bytes());
    let Ok(scale) = usize::try_from(scale) else {
        out.extend_from_slice(digits.as_bytes());
        if digits != "0" {
            out.extend(std::iter::repeat_n(b'0', usize::from(scale.unsigned_abs())));
        }
        return;
    };
    if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        out.extend_from_slice(whole.as_bytes());
        if scale > 0 {
            out.push(b'.');
            out.extend_from_slice(fraction.as_bytes());
        }
    } else {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', scale - digits.len()));
        out.extend_from_slice(digits.as_bytes());
    }
}

/// Appends a decimal as PostgreSQL's `numeric`: number of groups, weight of the first group (a power of 10,000), sign, number of displayed
/// decimal places, and the groups.
pub fn decimal_binary(unscaled: i128, scale: i8, out: &mut Vec<u8>) {
    let places = u32::from(scale.unsigned_abs());
    // The decimal point is between two groups.
    let to_group = (4 - places % 4) % 4;
    let (factor, after) = if scale < 0 { (places, 0) } else { (to_group, places.div_ceil(4)) };
    let Some(magnitude) = 10_u128.checked_pow(factor).and_then(|factor| unscaled.unsigned_abs().checked_mul(factor)) else {
        return decimal_binary_of_text(&unscaled.to_string(), scale, out);
    };
    let (mut groups, mut count) = ([0_u16; 10], 0);
    let mut add = |group: u16| {
        groups[count] = group;
        count += 1;
    };
    let mut wide = magnitude;
    while wide > u128::from(u64::MAX) {
        add((wide % 10_000) as u16);
        wide /= 10_000;
    }
    let mut narrow = wide as u64;
    while narrow > 0 {
        add((narrow % 10_000) as u16);
        narrow /= 10_000;
    }
    let from = groups[..count].iter().take_while(|group| **group == 0).count();
    let weight = if count == 0 { 0 } else { count as i16 - 1 - after as i16 };
    put_decimal(groups[from..count].iter().rev(), weight, unscaled < 0, scale.max(0).into(), out);
}

/// The same for a number of any size, given by its digits and sign.
pub fn decimal_binary_of_text(unscaled: &str, scale: i8, out: &mut Vec<u8>) {
    let mut text = vec![];
    decimal_text(unscaled, scale, &mut text);
    let text = String::from_utf8_lossy(&text);
    let (is_negative, digits) = text.strip_prefix('-').map_or((false, text.as_ref()), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let group = |digits: &str| digits.bytes().fold(0_u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    let before = whole.len().div_ceil(4);
    let padded = format!("{}{whole}", "0".repeat(before * 4 - whole.len()));
    let after = format!("{fraction}{}", "0".repeat(fraction.len().div_ceil(4) * 4 - fraction.len()));
    let groups: Vec<u16> = [padded, after]
        .iter()
        .flat_map(|digits| (0..digits.len() / 4).map(|place| group(&digits[place * 4..place * 4 + 4])).collect::<Vec<_>>())
        .collect();
    let leading = groups.iter().take_while(|group| **group == 0).count();
    let trailing = groups[leading..].iter().rev().take_while(|group| **group == 0).count();
    let kept = &groups[leading..groups.len() - trailing];
    let weight = if kept.is_empty() { 0 } else { before as i64 - 1 - leading as i64 };
    let (weight, shown) = (i16::try_from(weight).unwrap_or(i16::MAX), i16::try_from(fraction.len()).unwrap_or(i16::MAX));
    put_decimal(kept.iter(), weight, is_negative, shown, out);
}

/// Appends the parts of a `numeric`; without groups it is 0, which has no sign.
fn put_decimal<'a>(
    groups: impl ExactSizeIterator<Item = &'a u16>,
    weight: i16,
    is_negative: bool,
    shown: i16,
    out: &mut Vec<u8>,
) {
    let sign: u16 = if is_negative && groups.len() > 0 { 0x4000 } else { 0 };
    for part in [i16::try_from(groups.len()).unwrap_or(i16::MAX), weight] {
        out.extend_from_slice(&part.to_be_bytes());
    }
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&shown.to_be_bytes());
    groups.for_each(|group| out.extend_from_slice(&group.to_be_bytes()));
}

/// A binary `numeric` as text; `None` if it is invalid.
pub fn decimal_of_binary(bytes: &[u8]) -> Option<String> {
    let at = |place: usize| bytes.get(place * 2..place * 2 + 2).map(|two| i16::from_be_bytes([two[0], two[1]]));
    let (count, weight, sign, shown) = (usize::try_from(at(0)?).ok()?, i32::from(at(1)?), at(2)? as u16, at(3)?);
    if bytes.len() != 8 + count * 2 || shown < 0 {
        return None;
    }
    match sign {
        0xC000 => return Some("NaN".into()),
        0xD000 => return Some("Infinity".into()),
        0xF000 => return Some("-Infinity".into()),
        0 | 0x4000 => {}
        _ => return None,
    }
    let group = |power: i32| -> Option<i16> {
        let place = usize::try_from(weight - power).ok().filter(|place| *place < count);
        place.map_or(Some(0), |place| at(4 + place)).filter(|group| (0..10_000).contains(group))
    };
    let mut text = String::new();
    if sign == 0x4000 {
        text.push('-');
    }
    let mut whole = String::new();
    for power in (0..=weight.max(0)).rev() {
        whole.push_str(&format!("{:04}", group(power)?));
    }
    let trimmed = whole.trim_start_matches('0');
    text.push_str(if trimmed.is_empty() { "0" } else { trimmed });
    if shown > 0 {
        let mut fraction = String::new();
        let groups = i32::from(shown).div_euclid(4) + 1;
        for power in 1..=groups {
            fraction.push_str(&format!("{:04}", group(-power)?));
        }
        text.push('.');
        text.push_str(&fraction[..usize::try_from(shown).ok()?]);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers with few digits and with many, from a fixed sequence.
    fn bits() -> impl Iterator<Item = u64> {
        (0..20_000_u64).scan(1_u64, |state, place| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Some(*state >> (place % 64))
        })
    }

    #[test]
    fn both_ways_write_the_same_floats() {
        let is_same = |value: f64, own: &dyn Fn(&mut Vec<u8>), fixed: i32, shortest: String| {
            let (mut short, mut long) = (vec![], vec![]);
            own(&mut short);
            with_exponent(&shortest, fixed, &mut long);
            assert_eq!(String::from_utf8(short).unwrap(), String::from_utf8(long).unwrap(), "{value:e}");
        };
        let few = bits().map(|bits| (bits % 2_000_000) as f64 / 1000.0 - 1000.0);
        let edges = [0.0, -0.0, 1e-4, 9.99e-5, 1e15, 999_999_999_999_999.9, 1e6, 999_999.94, 123_456_789_012_345.6];
        for value in bits().map(f64::from_bits).chain(few).chain(edges).filter(|value| value.is_finite()) {
            is_same(value, &|out| float(value, 15, out), 15, format!("{value:e}"));
            let narrow = value as f32;
            if narrow.is_finite() {
                is_same(value, &|out| float(narrow, 6, out), 6, format!("{narrow:e}"));
            }
        }
    }

    #[test]
    fn both_ways_write_the_same_decimals() {
        let wide = bits().zip(bits().skip(7)).map(|(high, low)| (i128::from(high as i64) << 64) | i128::from(low));
        let narrow = bits().map(|bits| i128::from(bits as i64));
        for (place, value) in wide.chain(narrow).chain([0, 1, -1, 10_000, -9_999, i128::MAX, i128::MIN]).enumerate() {
            let scale = i8::try_from(place % 45).unwrap() - 6;
            let (mut short, mut long) = (vec![], vec![]);
            decimal_binary(value, scale, &mut short);
            decimal_binary_of_text(&value.to_string(), scale, &mut long);
            assert_eq!(short, long, "{value} with scale {scale}");
        }
    }
}
