//! Sums of gradients per bin. They are sums of integers, which are exact and therefore the same in any order.

use super::bins::Binned;
use crate::kernels::control::{Control, Stop};

/// The sums of one feature, by bin.
pub type Sums = [Word; 256];
/// Sums in fixed point: the gradients in the first word; the curvatures and, in the low bits, the number of rows in the second.
pub type Word = [u64; 2];
/// Features summed in one pass: their sums (4 KiB each) should stay in the first-level cache.
const BLOCK: usize = 10;
/// Rows of a pass: their bins and words should stay in the second-level cache.
const PASS: usize = 4_096;
/// Rows per job, between two checks for cancellation.
const CHUNK: usize = 65_536;

/// The fixed-point scale of one tree's gradients.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    gradient: f64,
    curvature: f64,
    /// Number of low bits that hold the number of rows; the curvature is in the bits above.
    bits: u32,
}

/// A decoded word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Total {
    pub gradient: f64,
    pub curvature: f64,
    pub rows: u64,
}

impl Scale {
    /// Chooses a scale on which the sums over all rows cannot overflow; the fewer rows, the finer the curvatures.
    pub fn new(gradients: &[[f64; 2]]) -> Self {
        let most = gradients.iter().fold([0.0_f64; 2], |most, one| [most[0].max(one[0].abs()), most[1].max(one[1])]);
        let bits = (u64::BITS - (gradients.len() as u64).leading_zeros()).max(1);
        let rows = gradients.len().max(1) as f64;
        // A power of two keeps the conversion exact if gradients are small integers.
        let power = |room: f64, most: f64| {
            if most > 0.0 { libm::exp2(libm::floor(libm::log2(room / most)).clamp(-1000.0, 1000.0)) } else { 1.0 }
        };
        let room = libm::exp2(f64::from(63 - bits)) / rows;
        Self { gradient: power(libm::exp2(31.0), most[0]), curvature: power((room * 0.5).min(libm::exp2(52.0)), most[1]), bits }
    }

    pub fn word(&self, [gradient, curvature]: [f64; 2]) -> Word {
        // A cast truncates towards zero, so shift to positive numbers first to round to the nearest integer.
        let gradient = (gradient * self.gradient + 4_294_967_296.5) as i64 - 4_294_967_296;
        let curvature = (curvature * self.curvature + 0.5) as i64 as u64;
        [gradient as u64, (curvature << self.bits) | 1]
    }

    pub fn total(&self, [gradient, rest]: Word) -> Total {
        Total {
            gradient: gradient as i64 as f64 / self.gradient,
            curvature: (rest >> self.bits) as f64 / self.curvature,
            rows: rest & ((1 << self.bits) - 1),
        }
    }
}

pub fn add(to: &mut Word, word: Word) {
    to[0] = to[0].wrapping_add(word[0]);
    to[1] = to[1].wrapping_add(word[1]);
}

pub fn subtract(from: &mut Word, word: Word) {
    from[0] = from[0].wrapping_sub(word[0]);
    from[1] = from[1].wrapping_sub(word[1]);
}

/// Computes the sums of all features over some rows; each worker sums its own part of the rows.
pub fn build(binned: &Binned, rows: &[u32], words: &[Word], control: Control<'_>) -> Result<Vec<Sums>, Stop> {
    let parts = control.share(
        rows.len().div_ceil(CHUNK),
        || vec![[[0; 2]; 256]; binned.features],
        |sums, chunk| {
            let first = chunk * CHUNK;
            for rows in rows[first..(first + CHUNK).min(rows.len())].chunks(PASS) {
                fill(binned, rows, words, sums);
            }
            Ok(())
        },
    )?;
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    for part in parts {
        all.iter_mut().flatten().zip(part.into_iter().flatten()).for_each(|(to, word)| add(to, word));
    }
    Ok(all)
}

fn fill(binned: &Binned, rows: &[u32], words: &[Word], sums: &mut [Sums]) {
    for (block, sums) in sums.chunks_mut(BLOCK).enumerate() {
        for row in rows {
            let word = words[*row as usize];
            let bins = &binned.bins[*row as usize * binned.features + block * BLOCK..][..sums.len()];
            for (sums, bin) in sums.iter_mut().zip(bins) {
                add(&mut sums[usize::from(*bin)], word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_powers_of_two_for_any_number_of_rows() {
        for rows in 1..200 {
            let scale = Scale::new(&vec![[0.3, 0.21]; rows]);
            for factor in [scale.gradient, scale.curvature] {
                assert_eq!(factor, libm::exp2(libm::round(libm::log2(factor))), "{rows} rows");
            }
        }
    }
}
