//! A histogram of numbers with 128 buckets per power of two, and exact sums.
//!
//! All numbers in a bucket have the same sign, exponent and first seven bits of the mantissa. The remaining 45 bits are an integer, of
//! which the bucket keeps the sum and the sum of squares. So mean and standard deviation are those of the numbers, not of the buckets,
//! and integer sums do not depend on the order.

use crate::kernels::superaccumulator::Superaccumulator;

/// The number of low bits in which numbers of a bucket differ.
const LOW_BITS: u32 = 45;
const LOW: u64 = (1 << LOW_BITS) - 1;
const SIGN: u64 = 1 << 63;
/// The number of buckets that are added at a time.
const STEP: usize = 256;
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    rows: u64,
    sum: u128,
    squares: u128,
}

/// The numbers of one sign, in buckets of their absolute values.
#[derive(Debug, Clone, Default)]
struct Side {
    /// The number of the first bucket in `buckets`.
    first: usize,
    buckets: Vec<Bucket>,
}

/// A histogram of finite numbers.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    zeros: u64,
    positive: Side,
    negative: Side,
}

/// Maps a number to bits whose unsigned order is that of the numbers.
#[inline]
pub fn ordered(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The inverse of [`ordered`].
#[inline]
pub fn unordered(bits: u64) -> f64 {
    f64::from_bits(if bits & SIGN == 0 { !bits } else { bits & !SIGN })
}

/// Moments of the numbers, and counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moments {
    pub rows: u64,
    pub mean: f64,
    /// The sample standard deviation.
    pub deviation: f64,
    /// The third standardised moment, of the population.
    pub skewness: f64,
    pub zeros: u64,
    pub negative: u64,
}

impl Side {
    /// The bucket with a number, which is created if necessary.
    #[inline]
    fn bucket(&mut self, place: usize) -> &mut Bucket {
        let at = place.wrapping_sub(self.first);
        if at < self.buckets.len() { &mut self.buckets[at] } else { self.grown(place) }
    }

    #[cold]
    #[inline(never)]
    fn grown(&mut self, place: usize) -> &mut Bucket {
        let start = place / STEP * STEP;
        if self.buckets.is_empty() {
            self.first = start;
        } else if start < self.first {
            let more = self.first - start;
            self.buckets.splice(0..0, std::iter::repeat_n(Bucket::default(), more));
            self.first = start;
        }
        let wanted = start + STEP - self.first;
        if wanted > self.buckets.len() {
            self.buckets.resize(wanted, Bucket::default());
        }
        &mut self.buckets[place - self.first]
    }

    fn merge(&mut self, other: &Self) {
        for (place, bucket) in other.filled() {
            let own = self.bucket(place);
            own.rows += bucket.rows;
            own.sum += bucket.sum;
            own.squares = own.squares.wrapping_add(bucket.squares);
        }
    }

    fn filled(&self) -> impl DoubleEndedIterator<Item = (usize, &Bucket)> {
        let places = self.buckets.iter().enumerate().filter(|(_, bucket)| bucket.rows > 0);
        places.map(|(at, bucket)| (self.first + at, bucket))
    }
}

impl Histogram {
    /// Adds a number.
    #[inline]
    pub fn add(&mut self, number: f64) {
        let bits = number.to_bits();
        let magnitude = bits & !SIGN;
        if magnitude == 0 {
            self.zeros += 1;
            return;
        }
        let side = if bits == magnitude { &mut self.positive } else { &mut self.negative };
        let low = u128::from(magnitude & LOW);
        let bucket = side.bucket((magnitude >> LOW_BITS) as usize);
        bucket.rows += 1;
        bucket.sum += low;
        bucket.squares = bucket.squares.wrapping_add(low * low);
    }

    /// Adds a number several times.
    pub fn add_rows(&mut self, number: f64, rows: u64) {
        let bits = number.to_bits();
        let magnitude = bits & !SIGN;
        if magnitude == 0 {
            self.zeros += rows;
            return;
        }
        let side = if bits == magnitude { &mut self.positive } else { &mut self.negative };
        let low = u128::from(magnitude & LOW);
        let bucket = side.bucket((magnitude >> LOW_BITS) as usize);
        bucket.rows += rows;
        bucket.sum += low * u128::from(rows);
        bucket.squares = bucket.squares.wrapping_add((low * low).wrapping_mul(u128::from(rows)));
    }

    pub fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        self.positive.merge(&other.positive);
        self.negative.merge(&other.negative);
    }

    /// The non-empty buckets, from the smallest numbers to the largest.
    fn filled(&self) -> impl Iterator<Item = Filled> {
        let negative = self.negative.filled().rev().map(|(place, bucket)| Filled::of(place, bucket, -1.0));
        let zeros = (self.zeros > 0).then(|| Filled { rows: self.zeros, ..Filled::default() });
        let positive = self.positive.filled().map(|(place, bucket)| Filled::of(place, bucket, 1.0));
        negative.chain(zeros).chain(positive)
    }

    fn rows(&self) -> u64 {
        let of = |side: &Side| side.buckets.iter().map(|bucket| bucket.rows).sum::<u64>();
        self.zeros + of(&self.positive) + of(&self.negative)
    }

    /// The moments of all numbers, computed from the buckets.
    pub fn moments(&self) -> Moments {
        let rows = self.rows();
        if rows == 0 {
            return Moments::default();
        }
        let count = rows as f64;
        let mut sum = Superaccumulator::default();
        self.filled().for_each(|bucket| sum.add_whole(bucket.sum, bucket.exponent));
        let mean = sum.value() / count;
        let (mut second, mut third) = (0.0, 0.0);
        for bucket in self.filled() {
            let (n, off) = (bucket.rows as f64, bucket.mean - mean);
            second += bucket.squares + n * off * off;
            third += off * (3.0 * bucket.squares + n * off * off);
        }
        let deviation = if rows > 1 { (second / (count - 1.0)).sqrt() } else { 0.0 };
        let spread = (second / count).sqrt();
        let skewness = if spread > 0.0 { third / count / (spread * spread * spread) } else { 0.0 };
        let negative = self.negative.buckets.iter().map(|bucket| bucket.rows).sum();
        Moments { rows, mean, deviation, skewness, zeros: self.zeros, negative }
    }

    /// The approximate quantile; `least` and `most` are the exact minimum and maximum. `None` without numbers.
    pub fn quantile(&self, share: f64, least: f64, most: f64) -> Option<f64> {
        let place = share * self.rows().checked_sub(1)? as f64;
        let mut before = 0.0;
        for bucket in self.filled() {
            let n = bucket.rows as f64;
            if place < before + n {
                // Interpolated between the ends of the bucket, unless its numbers are all equal.
                let part = (place - before + 0.5) / n;
                let found = if bucket.squares == 0.0 { bucket.mean } else { bucket.low + (bucket.high - bucket.low) * part };
                return Some(found.clamp(least, most));
            }
            before += n;
        }
        Some(most)
    }

    /// Bytes on the heap.
    pub fn size(&self) -> usize {
        (self.positive.buckets.capacity() + self.negative.buckets.capacity()) * size_of::<Bucket>()
    }
}

/// The contents of a bucket, converted to numbers.
#[derive(Debug, Clone, Copy, Default)]
struct Filled {
    rows: u64,
    low: f64,
    high: f64,
    mean: f64,
    /// The sum of the numbers, in units of 2^exponent.
    sum: i128,
    exponent: i32,
    /// The sum of squared deviations from the bucket's mean.
    squares: f64,
}

impl Filled {
    fn of(place: usize, bucket: &Bucket, sign: f64) -> Self {
        let start = (place as u64) << LOW_BITS;
        let (least, exponent) = (f64::from_bits(start), ((start >> 52) as i32).max(1) - 1075);
        let unit = power(exponent);
        let rows = u128::from(bucket.rows);
        // Deviations are taken from the integer nearest to the mean: their squares fit into 128 bits, even if the wrapping sums they are
        // computed from do not.
        let middle = (bucket.sum + rows / 2) / rows;
        let squares = bucket
            .squares
            .wrapping_sub(middle.wrapping_mul(bucket.sum).wrapping_mul(2))
            .wrapping_add(middle.wrapping_mul(middle).wrapping_mul(rows));
        let rest = bucket.sum as i128 - (middle * rows) as i128;
        let off = rest as f64 / rows as f64;
        let mean = sign * (least + (middle as f64 + off) * unit);
        let squares = ((squares as f64 - off * off * rows as f64).max(0.0) * unit) * unit;
        let far = f64::from_bits(start | LOW);
        let (low, high) = if sign > 0.0 { (least, far) } else { (-far, -least) };
        let whole = (start & ((1 << 52) - 1)) | if start >> 52 == 0 { 0 } else { 1 << 52 };
        let sum = i128::from(whole) * i128::from(bucket.rows) + bucket.sum as i128;
        Self { rows: bucket.rows, low, high, mean, sum: if sign > 0.0 { sum } else { -sum }, exponent, squares }
    }
}

/// 2 to a power, including subnormal results.
fn power(exponent: i32) -> f64 {
    if exponent >= -1022 { f64::from_bits(((exponent + 1023) as u64) << 52) } else { f64::from_bits(1 << (exponent + 1074)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[f64]) -> Histogram {
        let mut histogram = Histogram::default();
        numbers.iter().for_each(|number| histogram.add(*number));
        histogram
    }

    #[test]
    fn bits_order_as_numbers_do() {
        let numbers = [f64::NEG_INFINITY, -1e300, -1.5, -1.0, -5e-324, 0.0, 5e-324, 1.0, 1.5, f64::INFINITY];
        assert!(numbers.windows(2).all(|pair| ordered(pair[0]) < ordered(pair[1])));
        assert!(numbers.iter().all(|number| unordered(ordered(*number)) == *number));
    }

    #[test]
    fn moments_are_those_of_the_numbers() {
        for shift in [0.0, 1e9, -1e9, 1e-3] {
            let numbers: Vec<f64> = (0..1000).map(|number| shift + f64::from(number * 7919 % 1000) / 250.0).collect();
            let mean = numbers.iter().sum::<f64>() / 1000.0;
            let second: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
            let moments = of(&numbers).moments();
            assert!((moments.mean - mean).abs() <= 1e-12 * mean.abs().max(1.0), "{shift}: {moments:?}");
            assert!((moments.deviation - (second / 999.0).sqrt()).abs() < 1e-6, "{shift}: {moments:?}");
            assert!(moments.skewness.abs() < 1e-3, "{shift}: {moments:?}");
        }
        let moments = of(&[-1.0, 0.0, 0.0, 5.0, -3.0]).moments();
        assert_eq!((moments.rows, moments.zeros, moments.negative), (5, 2, 2));
    }

    #[test]
    fn constants_have_no_deviation_and_are_their_quantiles() {
        let histogram = of(&[1234.567; 9]);
        let moments = histogram.moments();
        assert_eq!((moments.mean, moments.deviation), (1234.567, 0.0));
        assert_eq!(histogram.quantile(0.5, 0.0, 1e9), Some(1234.567));
    }

    #[test]
    fn quantiles_are_near() {
        let mut numbers: Vec<f64> = (1..=100_000).map(|number| f64::from(number) * 0.37 - 5_000.0).collect();
        let histogram = of(&numbers);
        numbers.sort_by(f64::total_cmp);
        for share in [0.01, 0.25, 0.5, 0.75, 0.99] {
            let exact = numbers[(share * 99_999.0) as usize];
            let found = histogram.quantile(share, numbers[0], numbers[99_999]).unwrap();
            assert!((found - exact).abs() <= exact.abs() * 0.008 + 0.4, "{share}: {found} {exact}");
        }
        assert_eq!(Histogram::default().quantile(0.5, 0.0, 0.0), None);
    }

    #[test]
    fn parts_make_the_whole() {
        let numbers: Vec<f64> = (0..5000).map(|number| f64::from(number - 2500) * 1e3_f64.powi(number % 5 - 2)).collect();
        let mut parts = of(&numbers[3000..]);
        parts.merge(&of(&numbers[..1000]));
        parts.merge(&of(&numbers[1000..3000]));
        let (one, other) = (of(&numbers).moments(), parts.moments());
        assert_eq!((one.mean, one.deviation, one.skewness), (other.mean, other.deviation, other.skewness));
        let mut several = Histogram::default();
        several.add_rows(3.5, 4);
        assert_eq!(several.moments().mean, of(&[3.5; 4]).moments().mean);
    }
}
