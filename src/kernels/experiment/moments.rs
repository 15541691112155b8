//! Exact sums of a metric, its denominator and a covariate.

use crate::kernels::superaccumulator::{Superaccumulator, scaled};

/// The variables of a row, which index the sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The metric.
    Metric = 0,
    /// What the metric is divided by, for ratios.
    Denominator = 1,
    /// What is known of the row from before the experiment.
    Covariate = 2,
}

/// Sums over rows, without rounding: merging in any order gives the same.
#[derive(Debug, Clone, Default)]
pub struct Moments {
    /// The number of rows.
    pub rows: i64,
    /// The number of rows without a covariate, which counts as 0.
    pub without_covariate: i64,
    /// The number of rows whose metric was reduced to the cap.
    pub capped: i64,
    /// The cap, if any.
    pub cap: Option<f64>,
    /// The number of rows whose metric is neither 0 nor 1.
    pub beyond_flags: i64,
    sums: [Superaccumulator; 3],
    products: [Superaccumulator; 6],
}

/// The index of the product of two variables: the upper triangle of a 3 × 3 matrix, row by row.
fn place(one: Of, other: Of) -> usize {
    let (low, high) =
        if (one as usize) <= (other as usize) { (one as usize, other as usize) } else { (other as usize, one as usize) };
    low * (5 - low) / 2 + high
}

impl Moments {
    /// Adds a row of finite numbers.
    pub fn add(&mut self, metric: f64, denominator: Option<f64>, covariate: Option<Option<f64>>, cap: Option<f64>) {
        self.rows += 1;
        let mut metric = metric;
        if let Some(cap) = cap {
            self.cap = Some(cap);
            if metric > cap {
                self.capped += 1;
                metric = cap;
            }
        }
        self.beyond_flags += i64::from(metric != 0.0 && metric != 1.0);
        let covariate = covariate.map(|value| {
            self.without_covariate += i64::from(value.is_none());
            value.unwrap_or(0.0)
        });
        let values = [Some(metric), denominator, covariate];
        for (one, value) in values.iter().enumerate() {
            let Some(value) = value.filter(|value| *value != 0.0) else { continue };
            self.sums[one].add(value);
            for (other, second) in values.iter().enumerate().skip(one) {
                if let Some(second) = second {
                    self.products[one * (5 - one) / 2 + other].add_product(value, *second);
                }
            }
        }
    }

    /// Adds the rows of another.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.without_covariate += other.without_covariate;
        self.capped += other.capped;
        self.cap = self.cap.or(other.cap);
        self.beyond_flags += other.beyond_flags;
        self.sums.iter_mut().zip(&other.sums).for_each(|(own, other)| own.merge(other));
        self.products.iter_mut().zip(&other.products).for_each(|(own, other)| own.merge(other));
    }

    /// Merges the rows of several groups.
    pub fn merged<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut total = Self::default();
        all.into_iter().for_each(|moments| total.merge(moments));
        total
    }

    /// True if every value of the metric is 0 or 1.
    pub fn is_flag(&self) -> bool {
        self.beyond_flags == 0
    }

    /// The sum of a variable.
    pub fn sum(&self, of: Of) -> f64 {
        self.sums[of as usize].value()
    }

    /// The mean of a variable; there must be at least one row.
    pub fn mean(&self, of: Of) -> f64 {
        let (sum, exponent) = self.sums[of as usize].parts();
        scaled(sum / self.rows as f64, exponent)
    }

    /// `Σ (one − its mean)(other − its mean)`, rounded only once.
    pub fn deviations(&self, one: Of, other: Of) -> f64 {
        let mut sum = Superaccumulator::default();
        sum.add_multiple(&self.products[place(one, other)], i128::from(self.rows));
        sum.subtract_product_of(&self.sums[one as usize], &self.sums[other as usize]);
        let (sum, exponent) = sum.parts();
        scaled(sum / self.rows as f64, exponent)
    }

    /// Encodes it as words, for [`Self::read`].
    pub fn write(&self) -> Vec<i64> {
        let cap = self.cap.map_or(i64::MIN, |cap| cap.to_bits() as i64);
        let mut words = vec![self.rows, self.without_covariate, self.capped, cap, self.beyond_flags];
        for sum in self.sums.iter().chain(&self.products) {
            let of_sum = sum.words();
            words.push(of_sum.len() as i64);
            words.extend(of_sum);
        }
        words
    }

    /// Decodes what [`Self::write`] wrote; anything else gives empty moments.
    pub fn read(words: &[i64]) -> Self {
        let [rows, without_covariate, capped, cap, beyond_flags, rest @ ..] = words else { return Self::default() };
        let cap = (*cap != i64::MIN).then(|| f64::from_bits(*cap as u64));
        let mut moments = Self {
            rows: *rows,
            without_covariate: *without_covariate,
            capped: *capped,
            cap,
            beyond_flags: *beyond_flags,
            ..Self::default()
        };
        let mut rest = rest;
        for sum in moments.sums.iter_mut().chain(&mut moments.products) {
            let Some((length, after)) = rest.split_first() else { break };
            let (own, after) = after.split_at(usize::try_from(*length).unwrap_or(0).min(after.len()));
            sum.merge_words(own);
            rest = after;
        }
        moments
    }

    /// Bytes on the heap.
    pub fn heap(&self) -> usize {
        self.sums.iter().chain(&self.products).map(Superaccumulator::heap).sum()
    }
}
