//! Variance, covariance, correlation and regression from exact sums.
//!
//! Welford's and the textbook's formulas round at every row, so that their last digits depend on the order of the rows. Here
//! n, Σx, Σy, Σx², Σy² and Σxy are exact, and so is n·Σxy − Σx·Σy, whose cancellation is what makes the textbook's formula a bad one in
//! floating point. Only the last division is rounded.

use super::groups::{Numbers, Products};
use crate::kernels::superaccumulator::{Superaccumulator, scaled};

/// What is computed from one column x, or from two, y and x, in the order in which SQL's functions take them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    Sum,
    Mean,
    VariancePopulation,
    VarianceSample,
    DeviationPopulation,
    DeviationSample,
    CovariancePopulation,
    CovarianceSample,
    Correlation,
    Count,
    MeanY,
    MeanX,
    SquaresY,
    SquaresX,
    ProductsXY,
    Slope,
    Intercept,
    Determination,
}

/// Which of the sums a moment needs: of the first and second column, and of the products first², second² and first · second.
type Needed = [bool; 5];

impl Moment {
    pub const fn columns(self) -> usize {
        match self {
            Self::Sum
            | Self::Mean
            | Self::VariancePopulation
            | Self::VarianceSample
            | Self::DeviationPopulation
            | Self::DeviationSample => 1,
            Self::CovariancePopulation
            | Self::CovarianceSample
            | Self::Correlation
            | Self::Count
            | Self::MeanY
            | Self::MeanX
            | Self::SquaresY
            | Self::SquaresX
            | Self::ProductsXY
            | Self::Slope
            | Self::Intercept
            | Self::Determination => 2,
        }
    }

    const fn needed(self) -> Needed {
        match self {
            Self::Sum | Self::Mean | Self::MeanY => [true, false, false, false, false],
            Self::VariancePopulation
            | Self::VarianceSample
            | Self::DeviationPopulation
            | Self::DeviationSample
            | Self::SquaresY => [true, false, true, false, false],
            Self::CovariancePopulation | Self::CovarianceSample | Self::ProductsXY => [true, true, false, false, true],
            Self::Correlation | Self::Determination => [true; 5],
            Self::Count => [false; 5],
            Self::MeanX => [false, true, false, false, false],
            Self::SquaresX => [false, true, false, true, false],
            Self::Slope | Self::Intercept => [true, true, false, true, true],
        }
    }

    /// The names of the sums, for the columns of states.
    pub fn sums(self) -> impl Iterator<Item = &'static str> {
        let names = ["first", "second", "first_squares", "second_squares", "products"];
        names.into_iter().zip(self.needed()).filter(|(_, needed)| *needed).map(|(name, _)| name)
    }

    /// Rows from which on there is a value.
    const fn least_rows(self) -> i64 {
        match self {
            Self::Count => 0,
            Self::VarianceSample
            | Self::DeviationSample
            | Self::CovarianceSample
            | Self::Correlation
            | Self::Slope
            | Self::Intercept
            | Self::Determination => 2,
            Self::Sum
            | Self::Mean
            | Self::VariancePopulation
            | Self::DeviationPopulation
            | Self::CovariancePopulation
            | Self::MeanY
            | Self::MeanX
            | Self::SquaresY
            | Self::SquaresX
            | Self::ProductsXY => 1,
        }
    }
}

/// The sums that a moment needs, for many groups. Groups are numbered from 0.
#[derive(Debug, Clone)]
pub struct Moments {
    moment: Moment,
    rows: Vec<i64>,
    columns: [Numbers; 2],
    products: [Products; 3],
}

impl Moments {
    pub fn new(moment: Moment) -> Self {
        Self { moment, rows: vec![], columns: Default::default(), products: Default::default() }
    }

    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// The number of groups.
    pub fn groups(&self) -> usize {
        self.rows.len()
    }

    /// Sets the number of groups, which never decreases.
    pub fn grow(&mut self, total: usize) {
        self.rows.resize(total.max(self.rows.len()), 0);
        let [first, second, squares, other_squares, products] = self.moment.needed();
        for (sums, _) in self.columns.iter_mut().zip([first, second]).filter(|(_, needed)| *needed) {
            sums.grow(total);
        }
        for (sums, _) in self.products.iter_mut().zip([squares, other_squares, products]).filter(|(_, needed)| *needed) {
            sums.grow(total);
        }
    }

    /// Adds a row; `second` does not matter if the moment has one column.
    #[inline]
    pub fn add(&mut self, group: usize, first: f64, second: f64) {
        let [of_first, of_second, ..] = self.moment.needed();
        self.rows[group] += 1;
        if of_first {
            self.columns[0].add(group, first);
        }
        if of_second {
            self.columns[1].add(group, second);
        }
        self.add_products(group, [first, second], 1.0);
    }

    /// Takes a row that has been added away again.
    pub fn subtract(&mut self, group: usize, first: f64, second: f64) {
        let [of_first, of_second, ..] = self.moment.needed();
        self.rows[group] -= 1;
        if of_first {
            self.columns[0].subtract(group, first);
        }
        if of_second {
            self.columns[1].subtract(group, second);
        }
        self.add_products(group, [first, second], -1.0);
    }

    /// Products of what is not finite are left out: then the result is NaN anyhow.
    #[inline]
    fn add_products(&mut self, group: usize, [first, second]: [f64; 2], sign: f64) {
        let [_, _, of_first, of_second, of_both] = self.moment.needed();
        if of_first && first.is_finite() {
            self.products[0].add_product(group, sign * first, first);
        }
        if of_second && second.is_finite() {
            self.products[1].add_product(group, sign * second, second);
        }
        if of_both && first.is_finite() && second.is_finite() {
            self.products[2].add_product(group, sign * first, second);
        }
    }

    /// Adds rows of one column, each with its group.
    pub fn add_each(&mut self, groups: &[usize], numbers: &[f64]) {
        /// Rows whose groups are loaded together.
        const TOGETHER: usize = 64;
        for (groups, numbers) in groups.chunks(TOGETHER).zip(numbers.chunks(TOGETHER)) {
            self.columns[0].fetch(groups);
            if self.is_plain() {
                for (group, number) in groups.iter().zip(numbers) {
                    self.rows[*group] += 1;
                    self.columns[0].add(*group, *number);
                }
            } else {
                self.products[0].fetch(groups);
                groups.iter().zip(numbers).for_each(|(group, number)| self.add(*group, *number, 0.0));
            }
        }
    }

    /// Adds rows of one column to one group.
    pub fn add_all(&mut self, group: usize, numbers: &[f64]) {
        if self.is_plain() {
            self.rows[group] += numbers.len() as i64;
            self.columns[0].add_all(group, numbers);
        } else {
            numbers.iter().for_each(|number| self.add(group, *number, 0.0));
        }
    }

    /// Whether there is nothing to sum but the first column.
    fn is_plain(&self) -> bool {
        matches!(self.moment, Moment::Sum | Moment::Mean)
    }

    /// The number of rows of a group.
    pub fn rows(&self, group: usize) -> i64 {
        self.rows[group]
    }

    /// Appends the bytes of one of a group's sums, by its place among [`Moment::sums`].
    pub fn write(&self, sum: usize, group: usize, bytes: &mut Vec<u8>) {
        match self.place(sum) {
            Some(place @ 0..2) => self.columns[place].write(group, bytes),
            Some(place) => self.products[place - 2].write(group, bytes),
            None => {}
        }
    }

    pub fn merge_rows(&mut self, group: usize, rows: i64) {
        self.rows[group] += rows;
    }

    /// Adds one sum from its bytes.
    pub fn merge(&mut self, sum: usize, group: usize, bytes: &[u8]) {
        match self.place(sum) {
            Some(place @ 0..2) => self.columns[place].merge(group, bytes),
            Some(place) => self.products[place - 2].merge(group, bytes),
            None => {}
        }
    }

    fn place(&self, sum: usize) -> Option<usize> {
        self.moment.needed().iter().enumerate().filter(|(_, needed)| **needed).map(|(place, _)| place).nth(sum)
    }

    /// Removes the first groups; the others are renumbered from 0.
    pub fn forget(&mut self, first: usize) {
        if first >= self.rows.len() {
            *self = Self::new(self.moment);
            return;
        }
        self.rows.drain(..first);
        self.columns.iter_mut().for_each(|sums| sums.forget(first));
        self.products.iter_mut().for_each(|sums| sums.forget(first));
    }

    /// Bytes on the heap.
    pub fn size(&self) -> usize {
        let columns = self.columns.iter().map(Numbers::size).sum::<usize>();
        columns + self.products.iter().map(Products::size).sum::<usize>() + self.rows.capacity() * size_of::<i64>()
    }

    /// The value of a group; `None` if it has too few rows, or divides by a variance of 0.
    pub fn value(&self, group: usize) -> Option<f64> {
        let rows = self.rows[group];
        if rows < self.moment.least_rows() {
            return None;
        }
        let [first, second] = &self.columns;
        match self.moment {
            Moment::Sum => return Some(first.value(group)),
            Moment::Mean | Moment::MeanY => return Some(mean(first, group, rows)),
            Moment::MeanX => return Some(mean(second, group, rows)),
            Moment::Count => return Some(rows as f64),
            _ => {}
        }
        if self.columns.iter().any(|sums| sums.special(group).is_some()) {
            return Some(f64::NAN);
        }
        // n², by which everything below is too large.
        let (whole, sample) = (i128::from(rows) * i128::from(rows), i128::from(rows) * i128::from(rows - 1));
        match self.moment {
            Moment::Sum | Moment::Mean | Moment::MeanY | Moment::MeanX | Moment::Count => None,
            Moment::VariancePopulation => Some(self.spread_of_first(group).divided(whole).value()),
            Moment::VarianceSample => Some(self.spread_of_first(group).divided(sample).value()),
            Moment::DeviationPopulation => Some(self.spread_of_first(group).divided(whole).root()),
            Moment::DeviationSample => Some(self.spread_of_first(group).divided(sample).root()),
            Moment::SquaresY => Some(self.spread_of_first(group).divided(rows.into()).value()),
            Moment::SquaresX => Some(self.spread_of_second(group).divided(rows.into()).value()),
            Moment::CovariancePopulation => Some(self.spread_of_both(group).divided(whole).value()),
            Moment::CovarianceSample => Some(self.spread_of_both(group).divided(sample).value()),
            Moment::ProductsXY => Some(self.spread_of_both(group).divided(rows.into()).value()),
            Moment::Correlation | Moment::Determination => {
                let (one, other) = (self.spread_of_first(group), self.spread_of_second(group));
                let both = self.spread_of_both(group);
                let squares = one.times(other);
                let value = match self.moment {
                    Moment::Correlation => both.by_root_of(squares).clamp(-1.0, 1.0),
                    _ => both.times(both).by(squares).clamp(0.0, 1.0),
                };
                (squares.number > 0.0).then_some(value)
            }
            Moment::Slope => {
                let squares = self.spread_of_second(group);
                (squares.number > 0.0).then(|| self.spread_of_both(group).by(squares))
            }
            Moment::Intercept => {
                let squares = self.spread_of_second(group);
                // (Σy·Σx² − Σx·Σxy) / (n·Σx² − (Σx)²)
                let (mut above, mut negative) = (Superaccumulator::default(), Superaccumulator::default());
                negative.add_multiple(&first.exact(group), -1);
                above.subtract_product_of(&negative, &self.products[1].exact(group));
                above.subtract_product_of(&second.exact(group), &self.products[2].exact(group));
                (squares.number > 0.0).then(|| Parts::of(&above).by(squares))
            }
        }
    }

    /// n·Σy² − (Σy)², for the first column.
    fn spread_of_first(&self, group: usize) -> Parts {
        self.spread(group, &self.products[0], [&self.columns[0]; 2])
    }

    fn spread_of_second(&self, group: usize) -> Parts {
        self.spread(group, &self.products[1], [&self.columns[1]; 2])
    }

    fn spread_of_both(&self, group: usize) -> Parts {
        self.spread(group, &self.products[2], [&self.columns[0], &self.columns[1]])
    }

    fn spread(&self, group: usize, products: &Products, [one, other]: [&Numbers; 2]) -> Parts {
        let rows = self.rows[group];
        if let (Some(products), Some(one), Some(other)) = (products.window(group), one.window(group), other.window(group))
            && let Some(spread) = products.spread(rows.unsigned_abs(), [one, other])
        {
            let (number, exponent) = spread.parts();
            return Parts { number, exponent };
        }
        let mut spread = Superaccumulator::default();
        spread.add_multiple(&products.exact(group), rows.into());
        spread.subtract_product_of(&one.exact(group), &other.exact(group));
        Parts::of(&spread)
    }
}

/// The rounded sum divided by the number of rows, as everybody divides them, unless only the sum is too large for a double.
fn mean(sums: &Numbers, group: usize, rows: i64) -> f64 {
    let sum = sums.value(group);
    match sum.is_infinite() && sums.special(group).is_none() {
        true => Parts::of(&sums.exact(group)).divided(rows.into()).value(),
        false => sum / rows as f64,
    }
}

/// A number times 2^exponent, which may be larger or smaller than a double.
#[derive(Debug, Clone, Copy)]
struct Parts {
    number: f64,
    exponent: i32,
}

impl Parts {
    fn of(sum: &Superaccumulator) -> Self {
        let (number, exponent) = sum.parts();
        Self { number, exponent }
    }

    fn divided(self, divisor: i128) -> Self {
        Self { number: self.number / divisor as f64, ..self }
    }

    fn times(self, other: Self) -> Self {
        Self { number: self.number * other.number, exponent: self.exponent + other.exponent }
    }

    fn by(self, other: Self) -> f64 {
        scaled(self.number / other.number, self.exponent - other.exponent)
    }

    fn by_root_of(self, square: Self) -> f64 {
        let (root, exponent) = square.rooted();
        scaled(self.number / root, self.exponent - exponent)
    }

    fn rooted(self) -> (f64, i32) {
        let odd = self.exponent.rem_euclid(2);
        ((self.number * f64::from(1 + odd)).sqrt(), (self.exponent - odd) / 2)
    }

    fn root(self) -> f64 {
        let (root, exponent) = self.rooted();
        scaled(root, exponent)
    }

    fn value(self) -> f64 {
        scaled(self.number, self.exponent)
    }
}
