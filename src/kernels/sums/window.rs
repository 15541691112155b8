//! A fixed-point integer that sums of doubles of ordinary size fit into.

use crate::kernels::superaccumulator::{Superaccumulator, scaled};

/// Bits that the largest number leaves free, so that 2⁴⁰ of them can be added.
const HEADROOM: i32 = 40;
/// Bits of the integer of a double, and of a product of two.
const MANTISSA: i32 = 53;
const PRODUCT: i32 = 2 * MANTISSA;

/// Numbers that are examined together by [`Window::add_block`]. Their sum must fit into 64 bits, see [`COARSE`].
pub const BLOCK: usize = 512;
/// Bits of each of the two parts that the numbers of a block are cut into.
const COARSE: i32 = 45;
const LANES: usize = 4;

/// An integer of 64 × `WORDS` bits in units of 2^`LEAST`, in two's complement, the lowest word first. Aligned, so that no window of
/// four words lies in two cache lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(32))]
pub struct Window<const WORDS: usize, const LEAST: i32> {
    words: [u64; WORDS],
}

impl<const WORDS: usize, const LEAST: i32> Default for Window<WORDS, LEAST> {
    fn default() -> Self {
        Self { words: [0; WORDS] }
    }
}

impl<const WORDS: usize, const LEAST: i32> Window<WORDS, LEAST> {
    /// The highest place of the lowest bit of an integer with this many bits; one bit more is the sign.
    const fn highest(bits: i32) -> u32 {
        (64 * WORDS as i32 - HEADROOM - bits - 1) as u32
    }

    /// Adds a number, and returns true, or returns false if it is out of range.
    #[inline]
    pub fn add(&mut self, number: f64) -> bool {
        let (mantissa, exponent) = whole(number);
        let place = (exponent - LEAST) as u32;
        if place > Self::highest(MANTISSA) {
            return number == 0.0;
        }
        let shifted = u128::from(mantissa) << (place % 64);
        self.add_words((place / 64) as usize, [shifted as u64, (shifted >> 64) as u64], number.is_sign_negative());
        true
    }

    /// Adds the product of two finite numbers, and returns true, or returns false if it is out of range.
    #[inline]
    pub fn add_product(&mut self, one: f64, other: f64) -> bool {
        let ((one_mantissa, one_exponent), (other_mantissa, other_exponent)) = (whole(one), whole(other));
        let place = (one_exponent + other_exponent - LEAST) as u32;
        if place > Self::highest(PRODUCT) {
            return one == 0.0 || other == 0.0;
        }
        let product = u128::from(one_mantissa) * u128::from(other_mantissa);
        self.add_wide(place, product, one.is_sign_negative() != other.is_sign_negative());
        true
    }

    /// Adds at most [`BLOCK`] numbers, and returns true, or returns false and adds nothing if they are out of range, or of sizes so
    /// different that they must be added one by one.
    ///
    /// The largest number determines two units. Each number is cut into whole coarse units, and into fine units of the rest, which
    /// is exact if nothing is left. Adding 1.5 × 2⁵² units to a number rounds it to whole units, which are then its lowest bits.
    pub fn add_block(&mut self, numbers: &[f64]) -> bool {
        let (lanes, rest) = numbers.as_chunks::<LANES>();
        let mut largest = [0.0_f64; LANES];
        for lane in lanes {
            for (largest, number) in largest.iter_mut().zip(lane) {
                *largest = if number.abs() > *largest { number.abs() } else { *largest };
            }
        }
        let largest = largest.iter().chain(rest).fold(0.0, |largest: f64, number| largest.max(number.abs()));
        if largest == 0.0 {
            return numbers.iter().all(|number| *number == 0.0);
        }
        // The block is below 2^above. Its fine units must not be below the unit of the window, nor its coarse ones too large for it.
        let above = (largest.to_bits() >> 52) as i32 - 1022;
        let place = above - 2 * COARSE - LEAST;
        if place < 0 || place as u32 + 2 * COARSE as u32 - MANTISSA as u32 > Self::highest(MANTISSA) {
            return false;
        }
        let anchor = |unit: i32| 1.5 * power_of_two(52 + unit);
        let (coarse, fine) = (anchor(above - COARSE), anchor(above - 2 * COARSE));
        let (mut coarse_units, mut fine_units, mut left) = ([0_u64; LANES], [0_u64; LANES], [0_u64; LANES]);
        let mut add = |lane: &[f64; LANES]| {
            for index in 0..LANES {
                let number = lane[index];
                let units = number + coarse;
                let remainder = number - (units - coarse);
                let small = remainder + fine;
                coarse_units[index] = coarse_units[index].wrapping_add(units.to_bits());
                fine_units[index] = fine_units[index].wrapping_add(small.to_bits());
                // NaN leaves NaN, so this is not 0 then either.
                left[index] |= (remainder - (small - fine)).abs().to_bits();
            }
        };
        lanes.iter().for_each(&mut add);
        let mut added = lanes.len() as u64;
        if !rest.is_empty() {
            let mut last = [0.0; LANES];
            last[..rest.len()].copy_from_slice(rest);
            add(&last);
            added += 1;
        }
        if left.iter().any(|left| *left != 0) {
            return false;
        }
        let sum = |units: [u64; LANES], anchor: f64| {
            let anchors = added.wrapping_mul(anchor.to_bits());
            units.iter().map(|units| i128::from(units.wrapping_sub(anchors) as i64)).sum::<i128>()
        };
        let units = (sum(coarse_units, coarse) << COARSE) + sum(fine_units, fine);
        self.add_wide(place as u32, units.unsigned_abs(), units < 0);
        true
    }

    /// Adds another window.
    pub fn merge(&mut self, other: &Self) {
        self.add_words(0, other.words, false);
    }

    #[inline]
    fn add_wide(&mut self, place: u32, integer: u128, negative: bool) {
        let shift = place % 64;
        let (shifted, above) = (integer << shift, if shift == 0 { 0 } else { integer >> (128 - shift) });
        self.add_words((place / 64) as usize, [shifted as u64, (shifted >> 64) as u64, above as u64], negative);
    }

    /// Adds or subtracts words from a place on. A negative number is added as its complement and 1.
    #[inline]
    fn add_words<const COUNT: usize>(&mut self, first: usize, words: [u64; COUNT], negative: bool) {
        let (complement, mut carry) = (0_u64.wrapping_sub(u64::from(negative)), negative);
        for (own, word) in self.words[first..first + COUNT].iter_mut().zip(words) {
            (*own, carry) = own.carrying_sum(word ^ complement, carry);
        }
        // Above, the complement is all ones, and a carry of 1 makes them 0.
        if carry != negative {
            for own in &mut self.words[first + COUNT..] {
                (*own, carry) = own.carrying_sum(complement, carry);
                if carry == negative {
                    break;
                }
            }
        }
    }

    #[inline]
    pub fn lowest_word(&self) -> u64 {
        self.words[0]
    }

    #[cfg(test)]
    pub fn is_zero(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Whether the sum is negative, and its absolute value.
    fn magnitude(&self) -> (bool, Self) {
        let negative = (self.words[WORDS - 1] as i64) < 0;
        let mut magnitude = Self::default();
        magnitude.add_words(0, self.words, negative);
        (negative, magnitude)
    }

    /// The sum as a double times 2^exponent, correctly rounded.
    pub fn parts(&self) -> (f64, i32) {
        let (negative, magnitude) = self.magnitude();
        let Some(top) = magnitude.words.iter().rposition(|word| *word != 0) else { return (0.0, 0) };
        // The lower words only matter for rounding: any non-zero one sets the lowest (sticky) bit of the upper 128.
        let lowest = top.saturating_sub(1);
        let upper = u128::from(magnitude.words[lowest + 1]) << 64 | u128::from(magnitude.words[lowest]);
        let more = u128::from(magnitude.words[..lowest].iter().any(|word| *word != 0));
        let rounded = (upper | more) as f64;
        (if negative { -rounded } else { rounded }, 64 * lowest as i32 + LEAST)
    }

    /// The sum as a double, correctly rounded.
    pub fn value(&self) -> f64 {
        let (value, exponent) = self.parts();
        scaled(value, exponent)
    }

    /// Adds the sum to another.
    pub fn add_to(&self, total: &mut Superaccumulator) {
        let (negative, magnitude) = self.magnitude();
        for (place, word) in (LEAST..).step_by(64).zip(magnitude.words) {
            if word != 0 {
                total.add_whole(if negative { -i128::from(word) } else { i128::from(word) }, place);
            }
        }
    }

    /// Appends the bytes that [`Self::read`] reads.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        self.words.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
    }

    /// A window from its bytes, and the bytes behind it.
    pub fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (chunks, _) = bytes.as_chunks::<8>();
        let words = chunks.first_chunk::<WORDS>()?.map(u64::from_le_bytes);
        Some((Self { words }, &bytes[8 * WORDS..]))
    }
}

/// Sums of numbers: from 2⁻⁷⁶ (10⁻²³) to 2⁸⁷ (10²⁶) fit.
pub type OfNumbers = Window<4, -128>;
/// Sums of products of such numbers, in units of the square.
pub type OfProducts = Window<8, -256>;

impl OfProducts {
    /// `rows` times this sum of products, minus the product of two sums; `None` if that is too large.
    pub fn spread(&self, rows: u64, [one, other]: [&OfNumbers; 2]) -> Option<Self> {
        let (products_negative, Self { words }) = self.magnitude();
        let ((one_negative, one), (other_negative, other)) = (one.magnitude(), other.magnitude());
        let (mut first, mut second) = (Self::default(), Self::default());
        let beyond = add_multiple(&mut first.words, &words, rows);
        for (place, word) in one.words.iter().enumerate() {
            add_multiple(&mut second.words[place..], &other.words, *word);
        }
        // One bit for the sign, and one for the difference.
        if beyond || (first.words[7] | second.words[7]) >> 62 != 0 {
            return None;
        }
        let mut spread = Self::default();
        spread.add_words(0, first.words, products_negative);
        spread.add_words(0, second.words, one_negative == other_negative);
        Some(spread)
    }
}

/// Adds `words` times a factor to as many words, and what is carried to the next, if there is one; true if there is none.
fn add_multiple(own: &mut [u64], words: &[u64], factor: u64) -> bool {
    let mut carried = 0;
    for (own, word) in own.iter_mut().zip(words) {
        let sum = u128::from(*own) + u128::from(*word) * u128::from(factor) + u128::from(carried);
        (*own, carried) = (sum as u64, (sum >> 64) as u64);
    }
    match own.get_mut(words.len()) {
        // Rows of a product are added from the lowest, so this word is still 0.
        Some(next) => {
            *next = carried;
            false
        }
        None => carried != 0,
    }
}

trait Carrying: Sized {
    fn carrying_sum(self, other: Self, carry: bool) -> (Self, bool);
}

impl Carrying for u64 {
    #[inline(always)]
    fn carrying_sum(self, other: Self, carry: bool) -> (Self, bool) {
        let (sum, beyond) = self.overflowing_add(other);
        let (sum, again) = sum.overflowing_add(Self::from(carry));
        (sum, beyond || again)
    }
}

/// The absolute value of a number as an integer times 2^exponent; infinities and NaN get the exponent behind the last.
#[inline]
fn whole(number: f64) -> (u64, i32) {
    let bits = number.to_bits();
    let biased = (bits >> 52) as i32 & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) }
}

/// 2 to the power of `exponent`, which must give a normal double.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}
