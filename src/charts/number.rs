//! Numbers as people read them: exact ones in titles, short ones on axes, and pixels with a fixed precision.

use super::Language;

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(super) const fn real(count: usize) -> f64 {
    count as f64
}

/// A number as a count, rounded down; negative numbers and NaN become zero.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates, which is what is wanted")]
pub(super) const fn count(number: f64) -> usize {
    number as usize
}

/// A position or size in a drawing, with at most two decimals.
pub(super) fn px(number: f64) -> String {
    trimmed(number, 2)
}

/// At most this many decimals, without trailing zeros and without a negative zero.
fn trimmed(number: f64, decimals: usize) -> String {
    let mut text = format!("{number:.decimals$}");
    if text.contains('.') {
        let kept = text.trim_end_matches('0').trim_end_matches('.').len();
        text.truncate(kept);
    }
    if text == "-0" { "0".to_owned() } else { text }
}

/// Thousands separated by commas.
fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = rest.find('.').map_or((rest, ""), |point| rest.split_at(point));
    let mut result = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            result.push(',');
        }
        result.push(digit);
    }
    result + fraction
}

/// Scientific notation with at most three decimals, for numbers too large or too small to write out.
fn scientific(number: f64) -> String {
    let text = format!("{number:.3e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.')),
        None => text,
    }
}

/// A value for a title: with thousands separators; at most two decimals from 1 upwards, four significant digits below 1.
pub(super) fn exact(number: f64) -> String {
    significant(number, 4)
}

/// Two decimals from 1 upwards, this many significant digits below.
fn significant(number: f64, digits: u8) -> String {
    let size = number.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-6..1e15).contains(&size) {
        return scientific(number);
    }
    let decimals = if size >= 1.0 { 2 } else { count(f64::from(digits) - 1.0 - size.log10().floor()) };
    grouped(&trimmed(number, decimals))
}

/// The units of short numbers, smallest first.
const fn units(language: Language) -> &'static [(f64, &'static str)] {
    match language {
        Language::En => &[(1e3, "K"), (1e6, "M"), (1e9, "B"), (1e12, "T")],
        Language::Zh => &[(1e4, "万"), (1e8, "亿"), (1e12, "万亿")],
    }
}

/// A short number of about three digits: 1.2M, 1.2亿.
pub(super) fn compact(number: f64, language: Language) -> String {
    let size = number.abs();
    if size < 9_999.5 {
        return if size >= 100.0 { grouped(&trimmed(number.round(), 0)) } else { significant(number, 3) };
    }
    if size >= 1e15 {
        return scientific(number);
    }
    let scaled = |unit: f64| {
        let scaled = number / unit;
        let decimals = if scaled.abs() < 9.995 { 2 } else { usize::from(scaled.abs() < 99.95) };
        trimmed(scaled, decimals)
    };
    let all = units(language);
    let mut chosen = all[0];
    for &unit in all {
        // A value that rounds up to the next unit is written in that unit: 1M rather than 1000K.
        if size >= unit.0 * 0.999_95 {
            chosen = unit;
        }
    }
    grouped(&scaled(chosen.0)) + chosen.1
}

/// A share as a percentage with one decimal; only nothing is 0%, and only the whole is 100%.
pub(super) fn percent(share: f64) -> String {
    // What a division leaves over is no share.
    const NOISE: f64 = 1e-11;
    let text = trimmed(share * 100.0, 1);
    match text.as_str() {
        "0" if share > NOISE => "< 0.1%".to_owned(),
        "100" if share < 1.0 - NOISE => "> 99.9%".to_owned(),
        _ => text + "%",
    }
}

/// Decimals needed to write multiples of a step, if eight or fewer suffice.
fn decimals(step: f64) -> Option<usize> {
    let mut scaled = step.abs();
    for decimals in 0..=8 {
        if scaled >= 0.5 && (scaled - scaled.round()).abs() <= 1e-6 * scaled {
            return Some(decimals);
        }
        scaled *= 10.0;
    }
    None
}

/// The labels of an axis: one unit and one number of decimals for all of its ticks.
pub(super) fn labels(ticks: &[f64], step: f64, language: Language) -> Vec<String> {
    let largest = ticks.iter().fold(0.0_f64, |largest, tick| largest.max(tick.abs()));
    let fitting = units(language).iter().rev().find_map(|&(unit, name)| {
        let needed = decimals(step / unit).filter(|&needed| needed <= 2);
        needed.filter(|_| largest >= unit && largest >= 1e4).map(|needed| (unit, name, needed))
    });
    let format = |tick: f64| {
        if !(1e-4..1e15).contains(&largest) {
            scientific(tick)
        } else if let Some((unit, name, needed)) = fitting {
            grouped(&format!("{:.needed$}", tick / unit)) + name
        } else {
            let needed = decimals(step).unwrap_or(8);
            grouped(&format!("{tick:.needed$}"))
        }
    };
    // A tick at zero may be a rounding error away from it.
    ticks.iter().map(|&tick| if tick.abs() < step * 1e-6 { "0".to_owned() } else { format(tick) }).collect()
}
