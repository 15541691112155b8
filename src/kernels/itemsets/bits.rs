//! Sets of rows as bits.

/// Number of 64-bit words that hold this many bits.
pub fn words(bits: usize) -> usize {
    bits.div_ceil(64)
}

/// Computes `out = a & b`; returns the number of bits set.
#[inline]
pub fn and_count(out: &mut [u64], a: &[u64], b: &[u64]) -> u32 {
    let mut count = 0;
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = a & b;
        count += out.count_ones();
    }
    count
}
