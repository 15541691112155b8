//! Groups by a hash: the same key gets the same group every time, on every machine.

use twox_hash::XxHash64;

/// Where a key stands between 0 and 1: XXH64 with seed 0 of `salt:key`, its upper 53 bits as a fraction.
pub fn position(salt: &str, key: &str, text: &mut String) -> f64 {
    text.clear();
    text.push_str(salt);
    text.push(':');
    text.push_str(key);
    (XxHash64::oneshot(0, text.as_bytes()) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The ends of the parts that shares cut the line from 0 to 1 into.
pub fn ends(shares: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut ends: Vec<f64> = shares
        .iter()
        .map(|share| {
            sum += share;
            sum
        })
        .collect();
    // Ten tenths are not quite one.
    if let Some(last) = ends.last_mut()
        && (*last - 1.0).abs() < 1e-9
    {
        *last = 1.0;
    }
    ends
}

/// The part in which a position lies; none beyond the last end.
pub fn part(ends: &[f64], position: f64) -> Option<usize> {
    ends.iter().position(|end| position < *end)
}
