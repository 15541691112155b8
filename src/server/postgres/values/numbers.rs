//! Numbers: the shortest text of floats, and `numeric` in groups of four decimal digits.

use std::io::Write;

/// Appends the shortest decimal that parses to the same float, in PostgreSQL's format: with an exponent below 0.0001, and from 10^`fixed`
/// on.
pub fn float(value: f64, shortest: &str, fixed: i32, out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_infinite() {
        return out.extend_from_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
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
pub fn decimal_binary(unscaled: &str, scale: i8, out: &mut Vec<u8>) {
    let mut text = vec![];
    decimal_text(unscaled, scale, &mut text);
    let text = String::from_utf8_lossy(&text);
    let (sign, digits) = text.strip_prefix('-').map_or((0_u16, text.as_ref()), |digits| (0x4000, digits));
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
    let sign = if kept.is_empty() { 0 } else { sign };
    for part in [i16::try_from(kept.len()).unwrap_or(i16::MAX), i16::try_from(weight).unwrap_or(i16::MAX)] {
        out.extend_from_slice(&part.to_be_bytes());
    }
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&i16::try_from(fraction.len()).unwrap_or(i16::MAX).to_be_bytes());
    kept.iter().for_each(|group| out.extend_from_slice(&group.to_be_bytes()));
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
