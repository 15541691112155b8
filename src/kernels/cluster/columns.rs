//! Extents and exact sums of columns.
//!
//! Row-major values are read eight at a time, whichever columns they belong to. The pattern of columns repeats after eight rows,
//! so there is one accumulator for each position within eight rows.

use fearless_simd::{Level, dispatch};

use super::distance::LANES;
use super::exact::{ExactSum, power_of_two_above};
use super::source::{Source, each_chunk};
use crate::kernels::control::{Control, Stop};

/// The largest magnitude allowed for a value, so that squares and their sums stay finite.
pub const LARGEST_VALUE: f64 = 1e100;

/// The smallest and the largest value of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    pub min: f64,
    pub max: f64,
}

impl Extent {
    /// The extent of no values.
    const NONE: Self = Self { min: f64::INFINITY, max: f64::NEG_INFINITY };

    /// The extent of the values of both.
    pub fn with(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// The largest magnitude of a value; infinite if a value is NaN or beyond ±10¹⁰⁰.
    pub fn largest(&self) -> f64 {
        let largest = self.max.max(-self.min).max(0.0);
        if largest <= LARGEST_VALUE { largest } else { f64::INFINITY }
    }

    /// The largest distance of any value from `value`.
    pub fn farthest(&self, value: f64) -> f64 {
        (self.max - value).max(value - self.min).max(0.0)
    }
}

/// The extent of each column.
pub fn extents(source: &impl Source, control: Control) -> Result<Vec<Extent>, Stop> {
    let states = each_chunk(source, control, || Ends::new(source.columns()), |ends, _, values| ends.add(values))?;
    let none = vec![Extent::NONE; source.columns()];
    let join = |all: Vec<Extent>, ends: Ends| all.into_iter().zip(ends.extents()).map(|(a, b)| a.with(b)).collect();
    Ok(states.into_iter().fold(none, join))
}

/// Accumulates the extents of columns.
pub struct Ends(Vec<EightEnds>);

#[derive(Clone)]
struct EightEnds {
    min: [f64; LANES],
    max: [f64; LANES],
    /// Number of values that are NaN.
    odd: [u64; LANES],
}

impl Ends {
    pub fn new(columns: usize) -> Self {
        let none = EightEnds { min: [f64::INFINITY; LANES], max: [f64::NEG_INFINITY; LANES], odd: [0; LANES] };
        Self(vec![none; columns])
    }

    /// Adds whole rows.
    pub fn add(&mut self, values: &[f64]) {
        in_eights(&mut self.0, values, |ends, values| {
            for lane in 0..values.len().min(LANES) {
                let (value, min, max) = (values[lane], &mut ends.min[lane], &mut ends.max[lane]);
                *min = if value < *min { value } else { *min };
                *max = if value > *max { value } else { *max };
                ends.odd[lane] += u64::from(value.is_nan());
            }
        });
    }

    /// The extent of each column; unbounded for a column with a NaN.
    pub fn extents(&self) -> Vec<Extent> {
        let mut extents = vec![Extent::NONE; self.0.len()];
        let place = |index: usize| {
            let (ends, lane) = (&self.0[index / LANES], index % LANES);
            let all = ends.odd[lane] > 0;
            if all {
                Extent { min: f64::NEG_INFINITY, max: f64::INFINITY }
            } else {
                Extent { min: ends.min[lane], max: ends.max[lane] }
            }
        };
        for index in 0..extents.len() * LANES {
            let column = index % extents.len();
            extents[column] = extents[column].with(place(index));
        }
        extents
    }
}

/// A transformation of the values of a column to (value − centre) / width, which is below 1 in magnitude.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    centre: f64,
    /// A power of two, so that dividing by it is exact.
    width: f64,
}

impl Frame {
    /// A frame for values that differ from the centre by at most `largest`.
    pub fn new(centre: f64, largest: f64) -> Self {
        Self { centre, width: power_of_two_above(largest) }
    }
}

/// Whether the differences from the centre or their squares are summed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Power {
    One,
    Two,
}

/// Sums, per column, the differences from the centre of its frame, or their squares. Each summand is rounded once; adding is exact.
pub fn sums(source: &impl Source, control: Control, frames: &[Frame], power: Power) -> Result<Vec<f64>, Stop> {
    let states = each_chunk(source, control, || ColumnSums::new(frames, power), |sums, _, values| sums.add(values))?;
    let mut total = ColumnSums::new(frames, power);
    states.into_iter().for_each(|sums| total.merge(sums));
    Ok(total.values(frames))
}

/// Accumulates the sums of columns.
pub struct ColumnSums {
    power: Power,
    eights: Vec<EightSums>,
}

struct EightSums {
    centres: [f64; LANES],
    factors: [f64; LANES],
    sum: ExactSum,
}

impl ColumnSums {
    pub fn new(frames: &[Frame], power: Power) -> Self {
        let frame = |index: usize| frames[index % frames.len()];
        let eight = |first: usize| EightSums {
            centres: std::array::from_fn(|lane| frame(first + lane).centre),
            factors: std::array::from_fn(|lane| 1.0 / frame(first + lane).width),
            sum: ExactSum::new(1.0),
        };
        Self { power, eights: (0..frames.len()).map(|index| eight(index * LANES)).collect() }
    }

    /// Adds whole rows.
    pub fn add(&mut self, values: &[f64]) {
        let eights = &mut self.eights;
        match self.power {
            Power::One => dispatch!(Level::new(), _ => add_differences(eights, values, |difference| difference)),
            Power::Two => dispatch!(Level::new(), _ => add_differences(eights, values, |difference| difference * difference)),
        }
    }

    fn merge(&mut self, other: Self) {
        self.eights.iter_mut().zip(other.eights).for_each(|(own, other)| own.sum.merge(other.sum));
    }

    /// The sum of each column.
    pub fn values(self, frames: &[Frame]) -> Vec<f64> {
        let places: Vec<i128> = self.eights.into_iter().flat_map(|eight| eight.sum.lanes()).collect();
        let column = |(index, frame): (usize, &Frame)| {
            let sum = ExactSum::new(1.0).of_units(places.iter().skip(index).step_by(frames.len()).sum());
            if self.power == Power::One { sum * frame.width } else { sum * frame.width * frame.width }
        };
        frames.iter().enumerate().map(column).collect()
    }
}

#[inline(always)]
fn add_differences(eights: &mut [EightSums], values: &[f64], power: impl Fn(f64) -> f64) {
    in_eights(
        eights,
        values,
        #[inline(always)]
        |eight, values| {
            let mut lanes = eight.centres;
            lanes[..values.len()].copy_from_slice(values);
            for lane in 0..LANES {
                lanes[lane] = power((lanes[lane] - eight.centres[lane]) * eight.factors[lane]);
            }
            eight.sum.add(&lanes);
        },
    );
}

/// Passes to each accumulator its eight values of every eight rows; fewer only at the end of the rows.
#[inline(always)]
fn in_eights<A>(accumulators: &mut [A], values: &[f64], add: impl Fn(&mut A, &[f64])) {
    for rows in values.chunks(accumulators.len().max(1) * LANES) {
        let (eights, rest) = rows.as_chunks::<LANES>();
        for (eight, values) in eights.iter().enumerate() {
            add(&mut accumulators[eight], values);
        }
        if !rest.is_empty() {
            add(&mut accumulators[eights.len()], rest);
        }
    }
}
