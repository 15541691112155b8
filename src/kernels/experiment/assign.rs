//! Assigns keys to groups by a hash: a key gets the same group every time, on every machine.

use twox_hash::XxHash64;

/// The position of a key in [0, 1): the upper 53 bits of XXH64 of `salt:key`, with seed 0, as a fraction.
pub fn position(salt: &str, key: &str, text: &mut String) -> f64 {
    text.clear();
    text.push_str(salt);
    text.push(':');
    text.push_str(key);
    (XxHash64::oneshot(0, text.as_bytes()) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The ends of the intervals into which the shares divide [0, 1].
pub fn ends(shares: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut ends: Vec<f64> = shares
        .iter()
        .map(|share| {
            sum += share;
            sum
        })
        .collect();
    // Ten shares of 0.1 add up to slightly less than 1.
    if let Some(last) = ends.last_mut()
        && (*last - 1.0).abs() < 1e-9
    {
        *last = 1.0;
    }
    ends
}

/// The interval that a position is in; `None` beyond the last end.
pub fn part(ends: &[f64], position: f64) -> Option<usize> {
    ends.iter().position(|end| position < *end)
}
