//! Sums of products of columns over the rows, computed in blocks.

use fearless_simd::{Level, dispatch, prelude::*};

use super::dense::Square;
use super::design::{Columns, Design};
use super::family::Family;
use super::logistic::Block;
use crate::kernels::control::{Control, Stop};

/// Rows per job: few enough to keep all workers busy, and enough that merging the sums of jobs costs little compared to computing
/// them.
const JOB: usize = 1 << 15;
/// Number of jobs for this many rows.
pub fn jobs(rows: usize) -> usize {
    rows.div_ceil(JOB)
}

/// Rows per block, so that the columns of a block stay in the cache.
const BLOCK: usize = 512;
/// Number of parallel sums, which fill one register or several. It does not depend on the processor, and neither do the sums.
const LANES: usize = 8;
/// The columns with which dot products are computed together: a single one would wait for each of its additions.
const TOGETHER: usize = 4;
/// The rows of the matrix that are computed together, so that a value that was loaded is used this often.
const PAIR: usize = 2;

/// Sums over all rows at given coefficients.
#[derive(Debug, Clone)]
pub struct Gram {
    /// X′WX, where W is the weight times the variance at the mean.
    pub products: Square,
    /// X′ · weight · (target − mean): the gradient of the log-likelihood.
    pub gradient: Vec<f64>,
    pub deviance: f64,
}

/// Computes the sums at given coefficients of the scaled columns.
pub fn sums(
    family: Family,
    design: &Design<'_>,
    columns: &Columns,
    coefficients: &[f64],
    control: Control<'_>,
) -> Result<Gram, Stop> {
    let jobs = jobs(design.target.len());
    let state = || (Work::new(columns), Vec::new());
    let states = control.share(jobs, state, |(work, done): &mut (Work, Vec<(usize, Gram)>), job| {
        let mut gram = Gram::zero(columns.len());
        let end = design.target.len().min((job + 1) * JOB);
        let mut start = job * JOB;
        while start < end {
            let rows = (end - start).min(BLOCK);
            work.add(&mut gram, family, design, columns, coefficients, start..start + rows);
            start += rows;
        }
        done.push((job, gram));
        Ok(())
    })?;
    let mut parts: Vec<(usize, Gram)> = states.into_iter().flat_map(|(_, done)| done).collect();
    parts.sort_by_key(|(job, _)| *job);
    let mut whole = parts.into_iter().map(|(_, gram)| gram).reduce(Gram::plus).unwrap_or_else(|| Gram::zero(columns.len()));
    whole.mirror();
    Ok(whole)
}

impl Gram {
    fn zero(columns: usize) -> Self {
        Self { products: Square::zero(columns), gradient: vec![0.0; columns], deviance: 0.0 }
    }

    fn plus(mut self, other: Self) -> Self {
        self.products.values.iter_mut().zip(other.products.values).for_each(|(sum, value)| *sum += value);
        self.gradient.iter_mut().zip(other.gradient).for_each(|(sum, value)| *sum += value);
        self.deviance += other.deviance;
        self
    }

    /// Fills the upper half: only the lower half is summed.
    fn mirror(&mut self) {
        for row in 0..self.products.size {
            for column in 0..row {
                let value = self.products.at(row, column);
                self.products.set(column, row, value);
            }
        }
    }
}

/// Buffers for the columns of a block.
struct Work {
    /// The scaled dense columns: the intercept, then the numbers, then columns of zeros up to a multiple of [`TOGETHER`].
    dense: Vec<[f64; BLOCK]>,
    /// Number of dense columns without these zeros.
    count: usize,
    scores: [f64; BLOCK],
    /// Weight × variance.
    curvature: [f64; BLOCK],
    /// Weight × (target − mean).
    residual: [f64; BLOCK],
    weighted: [[f64; BLOCK]; PAIR],
}

impl Work {
    fn new(columns: &Columns) -> Self {
        let empty = [0.0; BLOCK];
        let count = columns.dense();
        let dense = vec![empty; count.next_multiple_of(TOGETHER)];
        Self { dense, count, scores: empty, curvature: empty, residual: empty, weighted: [empty; PAIR] }
    }

    fn add(
        &mut self,
        gram: &mut Gram,
        family: Family,
        design: &Design<'_>,
        columns: &Columns,
        coefficients: &[f64],
        rows: std::ops::Range<usize>,
    ) {
        let count = rows.len();
        dispatch!(Level::new(), _ => self.scale(design, columns, coefficients, rows.clone()));
        for (category, levels) in design.categories.iter().zip(&columns.levels) {
            for (code, score) in category.codes[rows.clone()].iter().zip(&mut self.scores) {
                *score += levels[*code as usize].map_or(0.0, |column| coefficients[column as usize]);
            }
        }
        if family == Family::Binomial {
            let block = Block {
                scores: &self.scores[..count],
                target: &design.target[rows.clone()],
                weights: design.weights.map(|weights| &weights[rows.clone()]),
                curvature: &mut self.curvature[..count],
                residual: &mut self.residual[..count],
                grown: &mut self.weighted[0][..count],
            };
            gram.deviance += dispatch!(Level::new(), _ => block.fill());
        } else {
            for (place, row) in rows.clone().enumerate() {
                let (score, target, weight) = (self.scores[place], design.target[row], design.weight(row));
                let mean = family.mean(score);
                gram.deviance += weight * family.deviance(target, score, mean);
                self.curvature[place] = weight * family.variance(mean);
                self.residual[place] = weight * (target - mean);
            }
        }
        // Rows beyond the end of the last block must add nothing.
        for values in [&mut self.curvature, &mut self.residual] {
            values[count..].fill(0.0);
        }
        dispatch!(Level::new(), simd => self.of_dense(simd, gram));
        self.of_levels(gram, design, columns, rows);
    }

    /// Scales the numbers of a block, and adds up their part of the scores.
    #[inline(always)]
    fn scale(&mut self, design: &Design<'_>, columns: &Columns, coefficients: &[f64], rows: std::ops::Range<usize>) {
        let count = rows.len();
        self.dense[0][..count].fill(1.0);
        self.scores[..count].fill(coefficients[0]);
        for (number, (column, (offset, factor))) in design.numbers.iter().zip(&columns.scales).enumerate() {
            let (own, coefficient) = (&mut self.dense[1 + number][..count], coefficients[1 + number]);
            for ((own, value), score) in own.iter_mut().zip(&column[rows.clone()]).zip(&mut self.scores) {
                *own = (value - offset) * factor;
                *score += coefficient * *own;
            }
        }
    }

    /// Adds the products of dense columns with each other, and their part of the gradient.
    #[inline(always)]
    fn of_dense<S: Simd>(&mut self, simd: S, gram: &mut Gram) {
        let size = gram.products.size;
        let fours = self.dense.as_chunks::<TOGETHER>().0;
        for first in (0..self.count).step_by(PAIR) {
            for (weighted, column) in self.weighted.iter_mut().zip(&self.dense[first..]) {
                for (weighted, (value, curvature)) in weighted.iter_mut().zip(column.iter().zip(&self.curvature)) {
                    *weighted = value * curvature;
                }
            }
            let pair = first..self.count.min(first + PAIR);
            for (four, columns) in fours.iter().enumerate().take(pair.end.div_ceil(TOGETHER)) {
                let sums = dots(simd, self.weighted.each_ref(), columns.each_ref());
                for (row, sums) in pair.clone().zip(sums) {
                    let products = gram.products.values[row * size..][..=row].iter_mut().skip(four * TOGETHER);
                    products.zip(sums).for_each(|(product, sum)| *product += sum);
                }
            }
        }
        for (gradient, columns) in gram.gradient[..self.count].chunks_mut(TOGETHER).zip(fours) {
            let [sums] = dots(simd, [&self.residual], columns.each_ref());
            gradient.iter_mut().zip(sums).for_each(|(gradient, sum)| *gradient += sum);
        }
    }

    /// Adds the products of level columns with the dense columns and with the levels of earlier categories. Each row has at most one
    /// non-zero level column per category, so a product is a single addition.
    fn of_levels(&mut self, gram: &mut Gram, design: &Design<'_>, columns: &Columns, rows: std::ops::Range<usize>) {
        let size = gram.products.size;
        for (number, (category, levels)) in design.categories.iter().zip(&columns.levels).enumerate() {
            for (place, row) in rows.clone().enumerate() {
                let Some(own) = levels[category.codes[row] as usize] else { continue };
                let curvature = self.curvature[place];
                gram.gradient[own as usize] += self.residual[place];
                let products = &mut gram.products.values[own as usize * size..][..size];
                for (product, column) in products.iter_mut().zip(&self.dense[..self.count]) {
                    *product += curvature * column[place];
                }
                for (other, levels) in design.categories[..number].iter().zip(&columns.levels) {
                    if let Some(other) = levels[other.codes[row] as usize] {
                        products[other as usize] += curvature;
                    }
                }
                products[own as usize] += curvature;
            }
        }
    }
}

/// The dot products of some columns with others, each as eight parallel sums.
#[inline(always)]
fn dots<S: Simd, const N: usize>(simd: S, own: [&[f64; BLOCK]; N], others: [&[f64; BLOCK]; TOGETHER]) -> [[f64; TOGETHER]; N] {
    let own = own.map(|column| column.as_chunks::<LANES>().0);
    let others = others.map(|column| column.as_chunks::<LANES>().0);
    let mut all = [[[0.0; LANES]; TOGETHER]; N];
    for lane in (0..LANES).step_by(S::f64s::LEN) {
        let lanes = lane..lane + S::f64s::LEN;
        let mut sums = [[S::f64s::splat(simd, 0.0); TOGETHER]; N];
        for place in 0..BLOCK / LANES {
            let own = own.map(|column| S::f64s::from_slice(simd, &column[place][lanes.clone()]));
            for (other, column) in others.iter().enumerate() {
                let values = S::f64s::from_slice(simd, &column[place][lanes.clone()]);
                for (sums, own) in sums.iter_mut().zip(own) {
                    sums[other] += own * values;
                }
            }
        }
        for (all, sums) in all.iter_mut().flatten().zip(sums.iter().flatten()) {
            sums.store_slice(&mut all[lanes.clone()]);
        }
    }
    all.map(|sums| sums.map(|lanes| lanes.iter().sum()))
}
