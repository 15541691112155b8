//! Exact sums of doubles of any magnitude: nothing is rounded, so the sum is the same in any order.
//!
//! R. M. Neal: Fast Exact Summation Using Small and Large Superaccumulators (2015); this is the small one. A double is a 53-bit
//! integer times a power of two; it is cut at multiples of 32 bits, and each piece is added to its own 64-bit digit. Only the
//! digits that are needed are stored: a sum of amounts takes a few; a sum of values from 10⁻³⁰⁸ to 10³⁰⁸ takes 67.

use std::cmp::Ordering;

/// Bits of a digit.
const DIGIT: i32 = 32;
const MASK: i64 = (1 << DIGIT) - 1;

/// Numbers that may be added between two carries. A digit is below 2³² after carrying and grows by less than 2³³ per number, so
/// 2²⁹ numbers fit in 63 bits.
const HEADROOM: u32 = 1 << 29;

/// The sum of finite doubles, and of integers times a power of two.
#[derive(Debug, Clone, Default)]
pub struct Superaccumulator {
    /// The unit of the first digit is 2^(32 × first); the unit of each next digit is 2³² times larger.
    first: i32,
    digits: Vec<i64>,
    /// Numbers added since the last carry.
    pending: u32,
}

impl Superaccumulator {
    /// Adds a finite number.
    #[inline]
    pub fn add(&mut self, number: f64) {
        let bits = number.to_bits();
        let biased = (bits >> 52) as i32 & 0x7ff;
        let fraction = bits & ((1 << 52) - 1);
        // A subnormal number has no implicit leading bit, and the exponent of the smallest normal numbers.
        let (mantissa, exponent) = if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) };
        let place = exponent.div_euclid(DIGIT);
        let shifted = u128::from(mantissa) << exponent.rem_euclid(DIGIT);
        let pieces = [shifted, shifted >> 32, shifted >> 64].map(|piece| (piece as u64 & MASK as u64) as i64);
        let sign = if number.is_sign_negative() { -1 } else { 1 };
        self.digits_from(place, 3).iter_mut().zip(pieces).for_each(|(digit, piece)| *digit += sign * piece);
    }

    /// Adds an integer times 2^exponent.
    pub fn add_whole(&mut self, number: i128, exponent: i32) {
        let (place, shift) = (exponent.div_euclid(DIGIT), exponent.rem_euclid(DIGIT));
        let (magnitude, sign) = (number.unsigned_abs(), number.signum() as i64);
        let pieces = [0, 1, 2, 3].map(|piece| i64::from((magnitude >> (DIGIT * piece)) as u32));
        let digits = self.digits_from(place, 5);
        for (index, piece) in pieces.into_iter().enumerate() {
            let shifted = (piece as u64) << shift;
            digits[index] += sign * (shifted as i64 & MASK);
            digits[index + 1] += sign * (shifted >> DIGIT) as i64;
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.merge_words(&other.words());
    }

    /// Adds another sum times an integer.
    pub fn add_multiple(&mut self, sum: &Self, factor: i128) {
        let (negative, magnitude) = sum.magnitude();
        for (place, digit) in (sum.first..).zip(magnitude) {
            let digit = if negative { -i64::from(digit) } else { i64::from(digit) };
            for piece in 0..4 {
                let factor_digit = i128::from((factor.unsigned_abs() >> (DIGIT * piece)) as u32);
                self.add_whole(factor.signum() * factor_digit * i128::from(digit), DIGIT * (place + piece));
            }
        }
    }

    /// Adds the product of two finite numbers, which has up to 106 bits.
    #[inline]
    pub fn add_product(&mut self, one: f64, other: f64) {
        let ((one, of_one), (other, of_other)) = (whole(one), whole(other));
        if one != 0 && other != 0 {
            self.add_whole(i128::from(one) * i128::from(other), of_one + of_other);
        }
    }

    /// Subtracts the product of two sums.
    pub fn subtract_product_of(&mut self, one: &Self, other: &Self) {
        let ((one_negative, one_digits), (other_negative, other_digits)) = (one.magnitude(), other.magnitude());
        let sign = if one_negative == other_negative { -1 } else { 1 };
        for (place, digit) in (one.first..).zip(one_digits) {
            for (other_place, other_digit) in (other.first..).zip(&other_digits) {
                let product = i128::from(digit) * i128::from(*other_digit);
                if product != 0 {
                    self.add_whole(sign * product, DIGIT * (place + other_place));
                }
            }
        }
    }

    /// The `count` digits from a place on, each with room for one more number.
    #[inline]
    fn digits_from(&mut self, place: i32, count: usize) -> &mut [i64] {
        if self.pending == HEADROOM || place < self.first || (place - self.first) as usize + count > self.digits.len() {
            self.make_room(place, count);
        }
        self.pending += 1;
        let start = (place - self.first) as usize;
        &mut self.digits[start..start + count]
    }

    #[cold]
    fn make_room(&mut self, place: i32, count: usize) {
        self.carry();
        if self.digits.is_empty() {
            self.first = place;
        }
        let below = (self.first - place).max(0) as usize;
        self.digits.splice(0..0, std::iter::repeat_n(0, below));
        self.first -= below as i32;
        let needed = (place - self.first) as usize + count;
        self.digits.resize(self.digits.len().max(needed), 0);
    }

    /// Normalises the digits: all but the last are in 0..2³², and the last one carries the sign.
    fn carry(&mut self) {
        self.pending = 0;
        let mut carried = 0;
        for digit in &mut self.digits {
            let sum = *digit + carried;
            (*digit, carried) = (sum & MASK, sum >> DIGIT);
        }
        // In two's complement a negative sum would continue with digits of ones for ever; fold the −1 into the last digit instead.
        match (carried, self.digits.last_mut()) {
            (-1, Some(last)) => *last -= 1 << DIGIT,
            (0, _) => {}
            _ => self.digits.push(carried),
        }
    }

    /// True if the sum is negative, and the digits of its absolute value.
    fn magnitude(&self) -> (bool, Vec<u32>) {
        let of = |sign: i64| -> (Vec<u32>, i64) {
            let mut carried = 0;
            let mut digits: Vec<u32> = Vec::with_capacity(self.digits.len() + 2);
            for digit in &self.digits {
                let sum = sign * digit + carried;
                digits.push((sum & MASK) as u32);
                carried = sum >> DIGIT;
            }
            if carried > 0 {
                digits.push((carried & MASK) as u32);
                digits.push((carried >> DIGIT) as u32);
            }
            (digits, carried)
        };
        let (digits, carried) = of(1);
        if carried < 0 { (true, of(-1).0) } else { (false, digits) }
    }

    /// The sum as a double times 2^exponent, correctly rounded whatever its size.
    pub fn parts(&self) -> (f64, i32) {
        let (negative, digits) = self.magnitude();
        let Some(top) = digits.iter().rposition(|digit| *digit > 0) else { return (0.0, 0) };
        // Take the upper 128 bits. The lower digits only matter for rounding: any non-zero one sets the lowest (sticky) bit.
        let lowest = top.saturating_sub(3);
        let upper = digits[lowest..=top].iter().rev().fold(0, |upper: u128, digit| (upper << DIGIT) | u128::from(*digit));
        let more = u128::from(digits[..lowest].iter().any(|digit| *digit > 0));
        let rounded = (upper | more) as f64;
        (if negative { -rounded } else { rounded }, DIGIT * (self.first + lowest as i32))
    }

    /// The sum as a double, correctly rounded; infinite if it is too large for a double.
    pub fn value(&self) -> f64 {
        let (value, exponent) = self.parts();
        scaled(value, exponent)
    }

    /// Compares two sums without rounding.
    pub fn compare(&self, other: &Self) -> Ordering {
        let mut difference = self.clone();
        difference.add_multiple(other, -1);
        let (negative, digits) = difference.magnitude();
        match digits.iter().any(|digit| *digit > 0) {
            false => Ordering::Equal,
            true if negative => Ordering::Less,
            true => Ordering::Greater,
        }
    }

    /// Serialises the sum as 64-bit words for [`Self::merge_words`]: the first place, then the digits.
    pub fn words(&self) -> Vec<i64> {
        let mut carried = self.clone();
        carried.carry();
        std::iter::once(i64::from(carried.first)).chain(carried.digits).collect()
    }

    /// Adds a sum that was serialised by [`Self::words`].
    pub fn merge_words(&mut self, words: &[i64]) {
        let Some((first, digits)) = words.split_first().filter(|(_, digits)| !digits.is_empty()) else { return };
        let own = self.digits_from(*first as i32, digits.len());
        own.iter_mut().zip(digits).for_each(|(own, digit)| *own += digit);
    }

    /// Heap memory, in bytes.
    pub fn heap(&self) -> usize {
        self.digits.capacity() * size_of::<i64>()
    }
}

/// A finite number as an integer times 2^exponent.
#[inline]
fn whole(number: f64) -> (i64, i32) {
    let bits = number.to_bits();
    let biased = (bits >> 52) as i32 & 0x7ff;
    let fraction = (bits & ((1 << 52) - 1)) as i64;
    let (magnitude, exponent) = if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) };
    (if number.is_sign_negative() { -magnitude } else { magnitude }, exponent)
}

/// Merges the sums of all threads.
pub fn merged<'a>(sums: impl IntoIterator<Item = &'a Superaccumulator>) -> Superaccumulator {
    let mut total = Superaccumulator::default();
    sums.into_iter().for_each(|sum| total.merge(sum));
    total
}

/// A number times 2^exponent, rounded at most once.
pub fn scaled(number: f64, exponent: i32) -> f64 {
    // 2^exponent itself may not be a double, so multiply in steps. Upwards every step is exact. Downwards a step that ends below
    // the normal doubles rounds, so only the last step may go there.
    let (mut number, mut exponent) = (number, exponent);
    while exponent > 1000 {
        (number, exponent) = (number * power_of_two(1000), exponent - 1000);
        if number.is_infinite() {
            return number;
        }
    }
    while exponent < -900 && number.abs() > power_of_two(-100) {
        (number, exponent) = (number * power_of_two(-800), exponent + 800);
    }
    if exponent < -1022 { 0.0 * number } else { number * power_of_two(exponent) }
}

/// 2 to the power of `exponent`, which must give a normal double.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;

    fn sum(numbers: &[f64]) -> Superaccumulator {
        let mut sum = Superaccumulator::default();
        numbers.iter().for_each(|number| sum.add(*number));
        sum
    }

    #[test]
    fn adds_without_error() {
        let (least, most) = (f64::from_bits(1), f64::MAX);
        for (numbers, expected) in [
            (vec![], 0.0),
            (vec![0.1, 0.2, -0.3], 2.7755575615628914e-17),
            (vec![1e308, least, -1e308], least),
            (vec![1e16, 1.0, 1e-300, -1e16], 1.0),
            (vec![-1e16, -1.0, 1e16], -1.0),
            // Halfway between two doubles, and a little more.
            (vec![1.0, f64::EPSILON / 2.0], 1.0),
            (vec![1.0, f64::EPSILON / 2.0, least], 1.0 + f64::EPSILON),
            (vec![-1.0, -f64::EPSILON / 2.0, -least], -1.0 - f64::EPSILON),
            (vec![most, most], f64::INFINITY),
            (vec![most, most, -most], most),
            (vec![least; 3], 3.0 * least),
        ] {
            let found = sum(&numbers);
            assert_eq!(found.value(), expected, "{numbers:?}");
            let mut told = Superaccumulator::default();
            told.merge_words(&found.words());
            assert_eq!((told.value(), told.compare(&found)), (expected, Ordering::Equal), "{numbers:?}");
        }
    }

    #[test]
    fn order_and_parts_do_not_matter() {
        let mut random = Random::new(11, &[]);
        let mut numbers: Vec<f64> =
            (0..4000).map(|_| random.between(-1 << 40, 1 << 40) as f64 * 2f64.powi(random.between(-900, 900) as i32)).collect();
        let once = sum(&numbers);
        numbers.reverse();
        let parts: Vec<Superaccumulator> = numbers.chunks(7).map(sum).collect();
        let found = merged(&parts);
        assert_eq!((found.value(), found.compare(&once)), (once.value(), Ordering::Equal));
        let negated: Vec<f64> = numbers.iter().map(|number| -number).collect();
        assert_eq!(sum(&negated).value(), -once.value());
        assert_eq!(merged([&found, &sum(&negated)]).value(), 0.0);
    }

    #[test]
    fn many_numbers_of_one_place_do_not_overflow() {
        let mut sum = Superaccumulator::default();
        (0..1 << 12).for_each(|_| sum.add(u32::MAX.into()));
        sum.pending = HEADROOM;
        sum.add(-1.0);
        assert_eq!(sum.value(), f64::from(u32::MAX) * 4096.0 - 1.0);
        assert!(sum.digits.iter().all(|digit| digit.abs() <= 1 << DIGIT));
    }

    #[test]
    fn whole_numbers_and_products_are_exact() {
        for number in [0, 1, -1, i128::MAX, i128::MIN, (1 << 100) + 1, -(123_456 << 64)] {
            for exponent in [-64, -31, 0, 5, 32, 500] {
                let mut found = Superaccumulator::default();
                found.add_whole(number, exponent);
                assert_eq!(found.value(), number as f64 * 2f64.powi(exponent), "{number} {exponent}");
                let mut double = Superaccumulator::default();
                double.add_multiple(&found, -2);
                double.add_whole(number, exponent + 1);
                assert_eq!(double.value(), 0.0);
            }
        }
        let mut product = Superaccumulator::default();
        product.add_multiple(&sum(&[0.1, -0.7]), i128::MAX);
        assert_eq!(product.parts().0.signum(), -1.0);
        assert!((product.value() / (-0.6 * i128::MAX as f64) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn products_of_numbers_and_of_sums_are_exact() {
        let mut random = Random::new(5, &[]);
        let mut number = || random.between(-1 << 52, 1 << 52) as f64 * 2f64.powi(random.between(-300, 300) as i32);
        for _ in 0..200 {
            let (one, other) = (number(), number());
            let mut product = Superaccumulator::default();
            product.add_product(one, other);
            assert_eq!(product.value(), one * other);
            product.subtract_product_of(&sum(&[one]), &sum(&[other]));
            assert_eq!(product.value(), 0.0);
            // (a + b)(c + d) is the sum of four products.
            let (third, fourth) = (number(), number());
            for (left, right) in [(one, third), (one, fourth), (other, third), (other, fourth)] {
                product.add_product(left, right);
            }
            product.subtract_product_of(&sum(&[one, other]), &sum(&[third, fourth]));
            assert_eq!(product.value(), 0.0);
        }
        let mut least = Superaccumulator::default();
        least.add_product(f64::from_bits(1), f64::from_bits(1));
        assert_eq!((least.value(), least.parts().0 > 0.0), (0.0, true));
    }

    #[test]
    fn is_scaled_with_one_rounding() {
        let least = f64::from_bits(1);
        assert_eq!((scaled(1.0, -1074), scaled(3.0, -1075), scaled(1.0, -1075)), (least, 2.0 * least, 0.0));
        assert_eq!(
            (scaled(2f64.powi(127), -1201), scaled(1e-300, 1990), scaled(-1.0, 1024)),
            (least, 1e-300 * 2f64.powi(995) * 2f64.powi(995), f64::NEG_INFINITY)
        );
        assert_eq!((scaled(0.0, 5000), scaled(2f64.powi(-150), -1100)), (0.0, 0.0));
    }
}
