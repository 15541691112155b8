//! Profiles a column of numbers, dates, times or booleans.

use super::EXACT_VALUES;
use super::frequencies::Frequencies;
use super::hash::of_number;
use super::histogram::{Histogram, Moments, ordered, unordered};
use super::sample::Sample;
use super::summary::{Summary, most_frequent};
use super::times;

/// The type of the values. All are passed as 64 bits whose unsigned order is that of the values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Signed integers with the sign bit flipped. A decimal is an integer in units of its last digit; `scale` units make 1.
    Signed { scale: f64 },
    /// Unsigned integers.
    Unsigned,
    /// Doubles, in [ordered bits](ordered).
    Float,
    /// Days or ticks with the sign bit flipped; no moments are computed for them.
    Time,
}

const SIGN: u64 = 1 << 63;

impl Kind {
    /// The bits of a signed integer.
    #[inline]
    pub fn signed(number: i64) -> u64 {
        number as u64 ^ SIGN
    }

    /// The signed integer for such bits.
    #[inline]
    pub fn whole(bits: u64) -> i64 {
        (bits ^ SIGN) as i64
    }

    /// The bits of a double; both zeros become one, and so do all NaNs.
    #[inline]
    pub fn float(number: f64) -> u64 {
        ordered(if number == 0.0 {
            0.0
        } else if number.is_nan() {
            f64::NAN
        } else {
            number
        })
    }

    /// The number for bits of this type.
    #[inline]
    pub fn number(self, bits: u64) -> f64 {
        match self {
            Self::Signed { scale: 1.0 } | Self::Time => Self::whole(bits) as f64,
            Self::Signed { scale } => Self::whole(bits) as f64 / scale,
            Self::Unsigned => bits as f64,
            Self::Float => unordered(bits),
        }
    }
}

/// The statistics of a column.
#[derive(Debug, Clone)]
pub struct Numbers {
    kind: Kind,
    /// Values above this limit are counted.
    limit: u64,
    values: u64,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Exact(Table),
    Sketch(Box<Sketch>),
}

/// Exact counts in an open-addressing hash table with linear probing; a slot with no rows is empty.
#[derive(Debug, Clone)]
struct Table {
    slots: Vec<(u64, u64)>,
    len: usize,
}

#[derive(Debug, Clone)]
struct Sketch {
    frequencies: Frequencies<u64>,
    sample: Sample<u64>,
    histogram: Histogram,
    least: u64,
    most: u64,
    not_finite: u64,
    beyond: u64,
}

impl Table {
    fn new() -> Self {
        Self { slots: vec![(0, 0); 64], len: 0 }
    }

    /// Counts rows of a value; false if the value is new and the table is full.
    #[inline]
    fn add(&mut self, bits: u64, rows: u64) -> bool {
        let mask = self.slots.len() - 1;
        let mut at = of_number(bits) as usize & mask;
        loop {
            let slot = &mut self.slots[at];
            if slot.1 == 0 {
                return self.insert(bits, rows);
            }
            if slot.0 == bits {
                slot.1 += rows;
                return true;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    #[inline(never)]
    fn insert(&mut self, bits: u64, rows: u64) -> bool {
        if self.len == EXACT_VALUES {
            return false;
        }
        if (self.len + 1) * 2 > self.slots.len() {
            let larger = vec![(0, 0); self.slots.len() * 2];
            let before = std::mem::replace(&mut self.slots, larger);
            before.into_iter().filter(|slot| slot.1 > 0).for_each(|slot| self.put(slot));
        }
        self.put((bits, rows));
        self.len += 1;
        true
    }

    fn put(&mut self, slot: (u64, u64)) {
        let mask = self.slots.len() - 1;
        let mut at = of_number(slot.0) as usize & mask;
        while self.slots[at].1 > 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    fn values(&self) -> impl Iterator<Item = (u64, u64)> {
        self.slots.iter().copied().filter(|slot| slot.1 > 0)
    }
}

impl Sketch {
    fn of(table: &Table, kind: Kind, limit: u64) -> Self {
        let mut sketch = Self {
            frequencies: Frequencies::new(),
            sample: Sample::new(),
            histogram: Histogram::default(),
            least: u64::MAX,
            most: 0,
            not_finite: 0,
            beyond: 0,
        };
        table.values().for_each(|(bits, rows)| sketch.add_rows(kind, limit, bits, rows));
        sketch
    }

    /// Counts several rows of one value; slower than [`add`](Self::add) per call.
    fn add_rows(&mut self, kind: Kind, limit: u64, bits: u64, rows: u64) {
        let hash = of_number(bits);
        if self.frequencies.add_rows(hash, rows) {
            self.frequencies.remember(hash, rows, || bits);
        }
        if self.sample.wants(hash) {
            self.sample.add(hash, rows, || bits);
        }
        self.least = self.least.min(bits);
        if kind != Kind::Float || bits < ordered(f64::NAN) {
            self.most = self.most.max(bits);
        }
        self.beyond += if bits > limit { rows } else { 0 };
        if kind != Kind::Time {
            let number = kind.number(bits);
            match number.is_finite() {
                true => self.histogram.add_rows(number, rows),
                false => self.not_finite += rows,
            }
        }
    }

    fn add(&mut self, kind: Kind, limit: u64, values: &[u64]) {
        for bits in values {
            let hash = of_number(*bits);
            if self.frequencies.add(hash) {
                self.frequencies.remember(hash, 1, || *bits);
            }
            if self.sample.wants(hash) {
                self.sample.add(hash, 1, || *bits);
            }
        }
        // NaN sorts above all numbers, but is not the maximum.
        let nan = (kind == Kind::Float).then(|| ordered(f64::NAN));
        let (mut least, mut most) = (self.least, self.most);
        for bits in values {
            least = least.min(*bits);
            most = most.max(if Some(*bits) == nan { 0 } else { *bits });
        }
        (self.least, self.most) = (least, most);
        match kind {
            Kind::Time => self.beyond += values.iter().map(|bits| u64::from(*bits > limit)).sum::<u64>(),
            Kind::Float => {
                for number in values.iter().map(|bits| unordered(*bits)) {
                    match number.is_finite() {
                        true => self.histogram.add(number),
                        false => self.not_finite += 1,
                    }
                }
            }
            Kind::Unsigned => values.iter().for_each(|bits| self.histogram.add(*bits as f64)),
            Kind::Signed { scale: 1.0 } => values.iter().for_each(|bits| self.histogram.add(Kind::whole(*bits) as f64)),
            Kind::Signed { scale } => values.iter().for_each(|bits| self.histogram.add(Kind::whole(*bits) as f64 / scale)),
        }
    }

    fn merge(&mut self, other: Self) {
        self.frequencies.merge(other.frequencies);
        self.sample.merge(&other.sample);
        self.histogram.merge(&other.histogram);
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        self.not_finite += other.not_finite;
        self.beyond += other.beyond;
    }
}

impl Numbers {
    /// Starts without values; for times, those above `limit` are counted.
    pub fn new(kind: Kind, limit: Option<u64>) -> Self {
        Self { kind, limit: limit.unwrap_or(u64::MAX), values: 0, state: State::Exact(Table::new()) }
    }

    /// Adds values, given as bits.
    pub fn update(&mut self, values: &[u64]) {
        self.values += values.len() as u64;
        let mut rest = values;
        if let State::Exact(table) = &mut self.state {
            match values.iter().position(|bits| !table.add(*bits, 1)) {
                None => return,
                Some(first) => {
                    self.state = State::Sketch(Box::new(Sketch::of(table, self.kind, self.limit)));
                    rest = &values[first..];
                }
            }
        }
        if let State::Sketch(sketch) = &mut self.state {
            sketch.add(self.kind, self.limit, rest);
        }
    }

    /// Merges another part of the column.
    pub fn merge(&mut self, mut other: Self) {
        if matches!(other.state, State::Sketch(_)) && matches!(self.state, State::Exact(_)) {
            std::mem::swap(self, &mut other);
        }
        self.values += other.values;
        match (&mut self.state, other.state) {
            (State::Sketch(sketch), State::Sketch(other)) => sketch.merge(*other),
            (State::Sketch(sketch), State::Exact(table)) => {
                table.values().for_each(|(bits, rows)| sketch.add_rows(self.kind, self.limit, bits, rows));
            }
            (State::Exact(own), State::Exact(table)) => {
                let mut rest = table.values();
                let Some((bits, rows)) = rest.find(|(bits, rows)| !own.add(*bits, *rows)) else { return };
                let mut sketch = Sketch::of(own, self.kind, self.limit);
                sketch.add_rows(self.kind, self.limit, bits, rows);
                rest.for_each(|(bits, rows)| sketch.add_rows(self.kind, self.limit, bits, rows));
                self.state = State::Sketch(Box::new(sketch));
            }
            // Impossible: swapped above.
            (State::Exact(_), State::Sketch(_)) => {}
        }
    }

    /// Bytes on the heap.
    pub fn size(&self) -> usize {
        match &self.state {
            State::Exact(table) => table.slots.capacity() * 16,
            State::Sketch(sketch) => {
                size_of::<Sketch>() + sketch.frequencies.size() + sketch.sample.size() + sketch.histogram.size()
            }
        }
    }

    /// The statistics of the column, with up to `frequent` frequent values.
    pub fn summary(self, frequent: usize) -> Summary<u64> {
        let kind = self.kind;
        let mut summary = Summary { values: self.values, ..Summary::default() };
        match self.state {
            State::Exact(table) => {
                let mut values: Vec<(u64, u64)> = table.values().collect();
                values.sort_unstable();
                summary.is_exact = true;
                summary.distinct = values.len() as u64;
                (summary.min, summary.max) = ends(kind, values.iter().map(|(bits, _)| *bits));
                summary.beyond = values.iter().filter(|(bits, _)| *bits > self.limit).map(|(_, rows)| rows).sum();
                if kind != Kind::Time {
                    let numbers: Vec<(f64, u64)> = values
                        .iter()
                        .map(|(bits, rows)| (kind.number(*bits), *rows))
                        .filter(|(number, _)| number.is_finite())
                        .collect();
                    let mut histogram = Histogram::default();
                    numbers.iter().for_each(|(number, rows)| histogram.add_rows(*number, *rows));
                    let moments = histogram.moments();
                    summary.not_finite = self.values - moments.rows;
                    summary.quartiles =
                        (moments.rows > 0).then(|| [0.25, 0.5, 0.75].map(|share| exact_quantile(&numbers, moments.rows, share)));
                    summary.moments = Some(moments);
                } else {
                    summary.quartile_times = times::quartiles(&values);
                }
                summary.frequent = most_frequent(values.clone(), frequent);
                summary.sample = values;
            }
            State::Sketch(mut sketch) => {
                summary.distinct = sketch.frequencies.distinct().min(self.values);
                (summary.min, summary.max) = (Some(sketch.least), Some(sketch.most));
                summary.beyond = sketch.beyond;
                summary.not_finite = sketch.not_finite;
                if kind != Kind::Time {
                    let moments: Moments = sketch.histogram.moments();
                    let quartile = |share| sketch.histogram.quantile(share, kind.number(sketch.least), kind.number(sketch.most));
                    summary.quartiles = quartile(0.25)
                        .zip(quartile(0.5))
                        .zip(quartile(0.75))
                        .map(|((first, median), third)| [first, median, third]);
                    summary.moments = Some(moments);
                }
                let often = sketch.frequencies.frequent();
                summary.sample = sketch.sample.into_values();
                if kind == Kind::Time {
                    summary.quartile_times = times::sampled_quartiles(&often, &summary.sample, self.values);
                }
                summary.frequent = most_frequent(often, frequent);
            }
        }
        summary
    }
}

/// The first and the last of sorted values, without NaN.
fn ends(kind: Kind, values: impl DoubleEndedIterator<Item = u64> + Clone) -> (Option<u64>, Option<u64>) {
    let nan = ordered(f64::NAN);
    let mut numbers = values.filter(|bits| kind != Kind::Float || *bits < nan);
    let first = numbers.next();
    (first, numbers.next_back().or(first))
}

/// A quantile of sorted numbers with their rows, interpolated linearly.
fn exact_quantile(numbers: &[(f64, u64)], rows: u64, share: f64) -> f64 {
    let place = share * (rows - 1) as f64;
    let (below, part) = (place.floor() as u64, place.fract());
    let at = |row: u64| {
        let mut before = 0;
        for (number, rows) in numbers {
            before += rows;
            if row < before {
                return *number;
            }
        }
        numbers.last().map_or(f64::NAN, |(number, _)| *number)
    };
    let low = at(below);
    if part == 0.0 { low } else { low + (at(below + 1) - low) * part }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: impl Iterator<Item = f64>) -> Numbers {
        let bits: Vec<u64> = numbers.map(Kind::float).collect();
        let mut column = Numbers::new(Kind::Float, None);
        bits.chunks(1000).for_each(|part| column.update(part));
        column
    }

    #[test]
    fn few_values_are_exact() {
        let summary = of([3.0, -0.0, 0.0, f64::NAN, f64::INFINITY, 3.0, -2.0].into_iter()).summary(2);
        assert_eq!((summary.distinct, summary.is_exact, summary.not_finite), (5, true, 2));
        assert_eq!(summary.min.map(|bits| Kind::Float.number(bits)), Some(-2.0));
        assert_eq!(summary.max.map(|bits| Kind::Float.number(bits)), Some(f64::INFINITY));
        assert_eq!(summary.quartiles, Some([0.0, 0.0, 3.0]));
        let moments = summary.moments.unwrap();
        assert_eq!((moments.mean, moments.zeros, moments.negative), (0.8, 2, 1));
        assert_eq!(summary.frequent, [(Kind::float(0.0), 2), (Kind::float(3.0), 2)]);
        let nothing = of(std::iter::empty()).summary(3);
        assert_eq!((nothing.distinct, nothing.min, nothing.quartiles), (0, None, None));
        let nan = of(std::iter::once(f64::NAN)).summary(3);
        assert_eq!((nan.distinct, nan.min, nan.max), (1, None, None));
    }

    #[test]
    fn parts_in_any_order_give_one_summary() {
        for count in [10_000, 16_384, 16_385, 60_000] {
            let number = |row: u64| f64::from((row * 7919 % count) as u32) / 8.0 - 100.0;
            let whole = of((0..200_000).map(number)).summary(5);
            let mut parts = of((150_000..200_000).rev().map(number));
            parts.merge(of((0..10).map(number)));
            parts.merge(of((10..150_000).map(number)));
            let parts = parts.summary(5);
            assert_eq!(whole.is_exact, count <= 16_384);
            assert_eq!(format!("{whole:?}"), format!("{parts:?}"));
            if count > 16_384 {
                assert!((whole.distinct as f64 / count as f64 - 1.0).abs() < 0.04, "{} of {count}", whole.distinct);
            }
        }
    }

    #[test]
    fn whole_numbers_and_decimals_have_their_scale() {
        let mut cents = Numbers::new(Kind::Signed { scale: 100.0 }, None);
        cents.update(&[-150, 250, 350].map(Kind::signed));
        let summary = cents.summary(1);
        assert_eq!((summary.moments.unwrap().mean, summary.quartiles), (1.5, Some([0.5, 2.5, 3.0])));
        assert_eq!(summary.max.map(Kind::whole), Some(350));
        let mut times = Numbers::new(Kind::Time, Some(Kind::signed(10)));
        times.update(&[5, 10, 11, 12].map(Kind::signed));
        let summary = times.summary(1);
        assert!(summary.moments.is_none() && summary.beyond == 2);
        assert_eq!(summary.quartile_times.map(|times| times.map(Kind::whole)), Some([5, 10, 11]));
    }

    #[test]
    fn times_beyond_the_table_have_quartiles_in_any_order() {
        let minute = |row: i64| Kind::signed(1_700_000_000_000_000 + row * 60_000_000);
        let of = |rows: &[i64]| {
            let mut times = Numbers::new(Kind::Time, None);
            times.update(&rows.iter().map(|row| if row % 5 == 0 { Kind::signed(0) } else { minute(*row) }).collect::<Vec<_>>());
            times
        };
        let rows: Vec<i64> = (0..100_000).collect();
        let whole = of(&rows).summary(1).quartile_times.unwrap();
        let mut parts = of(&rows[70_000..]);
        parts.merge(of(&rows[..100]));
        parts.merge(of(&rows[100..70_000]));
        assert_eq!(parts.summary(1).quartile_times, Some(whole));
        // A fifth of the rows have one early time; the quarters of all rows are 1/16, 3/8 and 11/16 of the others.
        for (found, place) in whole.into_iter().zip([6_250, 37_500, 68_750]) {
            let off = (Kind::whole(found) - Kind::whole(minute(place))) / 60_000_000;
            assert!(off.abs() < 5_000, "{place}: {off}");
        }
    }
}
