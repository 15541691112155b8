//! Statistics of columns, and scaling that makes columns comparable.
//!
//! Sums are exact, so no result depends on the order of the rows.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::columns::{ColumnSums, Ends, Extent, Frame, Power, extents, sums};
use super::data::Failure;
use super::matrix::Matrix;
use super::source::Source;
use crate::kernels::control::{Control, Stop};
use crate::kernels::select::select_ranks;

/// Count, mean, standard deviations and extremes of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    pub count: usize,
    pub mean: f64,
    /// Standard deviation with divisor n.
    pub population_deviation: f64,
    /// Standard deviation with divisor n − 1; a single row has none.
    pub sample_deviation: Option<f64>,
    pub min: f64,
    pub max: f64,
}

/// The moments of each column of a source; reads the rows three times and fails if there are none.
pub fn moments(source: &impl Source, control: Control) -> Result<Vec<Moments>, Failure> {
    if source.rows() == 0 {
        return Err(Failure::Shape);
    }
    let extents = extents(source, control)?;
    if let Some(column) = extents.iter().position(|extent| extent.largest().is_infinite()) {
        return Err(Failure::Column(column));
    }
    Ok(Moments::of(source.rows(), &extents, |frames, power| sums(source, control, frames, power))?)
}

impl Moments {
    /// Computes the moments from the extents of columns and a function that sums over their values.
    fn of<E>(count: usize, extents: &[Extent], sums: impl Fn(&[Frame], Power) -> Result<Vec<f64>, E>) -> Result<Vec<Self>, E> {
        let rows = count as f64;
        let frames: Vec<Frame> = extents.iter().map(|extent| Frame::new(0.0, extent.largest())).collect();
        let totals = sums(&frames, Power::One)?;
        let mean = |(extent, total): (&Extent, f64)| if extent.min == extent.max { extent.min } else { total / rows };
        let means: Vec<f64> = extents.iter().zip(totals).map(mean).collect();
        let frames: Vec<Frame> =
            extents.iter().zip(&means).map(|(extent, mean)| Frame::new(*mean, extent.farthest(*mean))).collect();
        let squares = sums(&frames, Power::Two)?;
        let column = |((extent, mean), square): ((&Extent, f64), f64)| Self {
            count,
            mean,
            population_deviation: (square / rows).sqrt(),
            sample_deviation: (count > 1).then(|| (square / (rows - 1.0)).sqrt()),
            min: extent.min,
            max: extent.max,
        };
        Ok(extents.iter().zip(means).zip(squares).map(column).collect())
    }

    /// True if all values are the same.
    pub fn constant(&self) -> bool {
        self.min == self.max
    }
}

/// Moments and quartiles of a column; quartiles are interpolated linearly, as NumPy does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    pub moments: Moments,
    pub lower_quartile: f64,
    pub median: f64,
    pub upper_quartile: f64,
}

impl Statistics {
    /// The statistics of some values, which are rearranged. `None` if there are no values, or if one is NaN or beyond ±10¹⁰⁰.
    pub fn of(values: &mut [f64]) -> Option<Self> {
        let moments = Moments::of_values(values)?;
        let [lower_quartile, median, upper_quartile] = quantiles(values, [0.25, 0.5, 0.75]);
        Some(Self { moments, lower_quartile, median, upper_quartile })
    }
}

impl Moments {
    /// The moments and the median of some values, which are rearranged; `None` as for [`Statistics::of`].
    pub fn and_median(values: &mut [f64]) -> Option<(Self, f64)> {
        let moments = Self::of_values(values)?;
        let [median] = quantiles(values, [0.5]);
        Some((moments, median))
    }

    fn of_values(values: &[f64]) -> Option<Self> {
        let mut ends = Ends::new(1);
        ends.add(values);
        let extents = ends.extents();
        if values.is_empty() || extents.iter().any(|extent| extent.largest().is_infinite()) {
            return None;
        }
        let Ok(moments) = Self::of(values.len(), &extents, |frames, power| {
            let mut sums = ColumnSums::new(frames, power);
            sums.add(values);
            Ok::<_, Infallible>(sums.values(frames))
        });
        moments.first().copied()
    }
}

/// The quantiles of some values, which are rearranged, by linear interpolation.
fn quantiles<const N: usize>(values: &mut [f64], parts: [f64; N]) -> [f64; N] {
    let places = parts.map(|part| part * (values.len() - 1) as f64);
    let ranks: Vec<usize> = places.iter().flat_map(|place| [place.floor() as usize, place.ceil() as usize]).collect();
    select_ranks(values, &ranks, &mut f64::total_cmp);
    places.map(|place| {
        let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
        low + (high - low) * place.fract()
    })
}

/// How columns are made comparable; like the scalers of scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scaling {
    /// Leaves values as they are.
    None,
    /// Scales to mean 0 and population standard deviation 1.
    ZScore,
    /// Scales to the range from 0 to 1.
    MinMax,
    /// Scales to median 0 and interquartile range 1.
    Robust,
    /// Takes ln(1 + |x|) with the sign of x, then scales like [`Self::ZScore`].
    Log,
}

impl Scaling {
    /// Learns the scale of each column of a matrix. [`Self::Robust`] takes 8 bytes per row and thread.
    pub fn fit(self, matrix: &Matrix, control: Control) -> Result<Vec<Scale>, Failure> {
        match self.fit_in_passes(matrix, control)? {
            Some(scales) => Ok(scales),
            None => Ok(statistics(matrix, control)?.iter().map(Scale::robust).collect()),
        }
    }

    /// Like [`Self::fit`] for rows from any source. `None` for [`Self::Robust`], whose quartiles need the columns in memory.
    pub fn fit_in_passes(self, source: &impl Source, control: Control) -> Result<Option<Vec<Scale>>, Failure> {
        let scales = |scale: fn(&Moments) -> Scale| Ok(Some(moments(source, control)?.iter().map(scale).collect()));
        match self {
            Self::None => Ok(Some(vec![Scale::NONE; source.columns()])),
            Self::ZScore => scales(Scale::z_score),
            Self::MinMax => scales(Scale::min_max),
            Self::Robust => Ok(None),
            Self::Log => {
                let scale = |column: &Moments| Scale { is_of_logarithm: true, ..Scale::z_score(column) };
                Ok(Some(moments(&Logarithms(source), control)?.iter().map(scale).collect()))
            }
        }
    }
}

/// ln(1 + |x|) with the sign of x: compresses large amounts, and is defined for 0 and negative values too.
fn logarithm(value: f64) -> f64 {
    value.abs().ln_1p().copysign(value)
}

/// A source that returns the [`logarithm`] of the values of another source.
struct Logarithms<'a, S>(&'a S);

impl<S: Source> Source for Logarithms<'_, S> {
    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn columns(&self) -> usize {
        self.0.columns()
    }

    fn chunk_rows(&self) -> usize {
        self.0.chunk_rows()
    }

    fn chunk<'a>(&'a self, index: usize, scratch: &'a mut Vec<f64>) -> Result<&'a [f64], Stop> {
        let mut read = vec![];
        let values = self.0.chunk(index, &mut read)?;
        scratch.clear();
        scratch.extend(values.iter().copied().map(logarithm));
        Ok(scratch)
    }
}

/// Maps x to (x − offset) × factor, optionally after taking the logarithm of x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    pub offset: f64,
    pub factor: f64,
    /// True if the logarithm is taken first, for [`Scaling::Log`].
    pub is_of_logarithm: bool,
}

impl Scale {
    /// Leaves values as they are.
    pub const NONE: Self = Self { offset: 0.0, factor: 1.0, is_of_logarithm: false };

    /// A width of 0 counts as 1, so a constant column becomes 0.
    fn new(offset: f64, width: f64) -> Self {
        Self { offset, factor: if width > 0.0 { 1.0 / width } else { 1.0 }, is_of_logarithm: false }
    }

    /// For [`Scaling::ZScore`].
    pub fn z_score(column: &Moments) -> Self {
        Self::new(column.mean, if column.constant() { 0.0 } else { column.population_deviation })
    }

    /// For [`Scaling::MinMax`].
    pub fn min_max(column: &Moments) -> Self {
        Self::new(column.min, column.max - column.min)
    }

    /// For [`Scaling::Robust`].
    pub fn robust(column: &Statistics) -> Self {
        Self::new(column.median, column.upper_quartile - column.lower_quartile)
    }

    pub fn scale(&self, value: f64) -> f64 {
        let value = if self.is_of_logarithm { logarithm(value) } else { value };
        (value - self.offset) * self.factor
    }

    pub fn unscale(&self, scaled: f64) -> f64 {
        let value = scaled / self.factor + self.offset;
        if self.is_of_logarithm { value.abs().exp_m1().copysign(value) } else { value }
    }
}

/// The statistics of each column of a matrix, computed in parallel by column; fails if there are no rows. Takes 8 bytes per row
/// and thread.
pub fn statistics(matrix: &Matrix, control: Control) -> Result<Vec<Statistics>, Failure> {
    if matrix.rows() == 0 {
        return Err(Failure::Shape);
    }
    let threads = control.workers.clamp(1, matrix.columns().max(1));
    let _values = control.reserve(threads * matrix.rows() * size_of::<f64>())?;
    let state = || (Vec::new(), Vec::new());
    let states = control.share(matrix.columns(), state, |(values, found), column| {
        values.clear();
        values.extend(matrix.column(column));
        found.push((column, Statistics::of(values)));
        Ok::<_, Stop>(())
    })?;
    let mut found: Vec<_> = states.into_iter().flat_map(|(_, found)| found).collect();
    found.sort_by_key(|(column, _)| *column);
    found.into_iter().map(|(column, statistics)| statistics.ok_or(Failure::Column(column))).collect()
}

impl Matrix {
    /// Scales each column in place by its own scale.
    pub fn scale(&mut self, scales: &[Scale]) {
        for row in self.rows_mut() {
            row.iter_mut().zip(scales).for_each(|(value, scale)| *value = scale.scale(*value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::control::unlimited::control;
    use crate::kernels::random::Random;

    fn matrix(columns: &[&[f64]]) -> Matrix {
        let mut matrix = Matrix::new(columns.len());
        matrix.push(columns);
        matrix
    }

    #[test]
    fn knows_what_columns_are_like() {
        let matrix = matrix(&[&[4.0, 1.0, 3.0, 2.0], &[0.1; 4]]);
        let found = statistics(&matrix, control(2)).unwrap();
        assert_eq!((found[0].median, found[0].lower_quartile, found[0].upper_quartile), (2.5, 1.75, 3.25));
        let found: Vec<Moments> = found.into_iter().map(|found| found.moments).collect();
        assert_eq!((found[0].mean, found[0].min, found[0].max), (2.5, 1.0, 4.0));
        assert_eq!((found[0].population_deviation, found[0].sample_deviation), (1.25_f64.sqrt(), Some((5.0_f64 / 3.0).sqrt())));
        assert!(found[1].constant() && !found[0].constant());
        assert_eq!(moments(&matrix, control(2)).unwrap(), found);

        let fit = |scaling: Scaling| scaling.fit(&matrix, control(2)).unwrap();
        assert_eq!(fit(Scaling::ZScore)[1], Scale { offset: 0.1, ..Scale::NONE });
        assert_eq!(fit(Scaling::MinMax)[0], Scale { offset: 1.0, factor: 1.0 / 3.0, ..Scale::NONE });
        assert_eq!(fit(Scaling::Robust)[0], Scale { offset: 2.5, factor: 1.0 / 1.5, ..Scale::NONE });
        assert_eq!(fit(Scaling::None), [Scale::NONE; 2]);
        let scale = Scale { offset: 3.0, factor: 0.5, ..Scale::NONE };
        assert_eq!((scale.scale(7.0), scale.unscale(2.0)), (2.0, 7.0));
    }

    #[test]
    fn logarithms_are_scaled_and_come_back() {
        let values = [-1000.0, -1.0, 0.0, 0.5, 1.0, 1e9];
        let [scale] = Scaling::Log.fit(&matrix(&[&values]), control(2)).unwrap()[..] else { panic!("one column") };
        let scaled = values.map(|value| scale.scale(value));
        assert!(scaled.is_sorted() && scaled.iter().sum::<f64>().abs() < 1e-12);
        assert!((scaled.iter().map(|value| value * value).sum::<f64>() / 6.0 - 1.0).abs() < 1e-12);
        for (value, scaled) in values.into_iter().zip(scaled) {
            let back = scale.unscale(scaled);
            assert!((back - value).abs() <= 1e-9 * (1.0 + value.abs()), "{value}: {back}");
        }
        let same = Scaling::Log.fit(&matrix(&[&[7.0; 4]]), control(1)).unwrap();
        assert!(same[0].scale(7.0).abs() < 1e-12);
    }

    #[test]
    fn moments_do_not_depend_on_order_or_threads() {
        for columns in [1, 3, 8, 11] {
            let mut random = Random::new(6, &[columns]);
            let mut draw = || (0..20_001).map(|_| 1e6 + random.between(-9999, 9999) as f64 / 7.0).collect();
            let mut values: Vec<Vec<f64>> = (0..columns).map(|_| draw()).collect();
            let once = moments(&matrix(&values.iter().map(Vec::as_slice).collect::<Vec<_>>()), control(1)).unwrap();
            values.iter_mut().for_each(|values| values.reverse());
            let reversed = matrix(&values.iter().map(Vec::as_slice).collect::<Vec<_>>());
            assert_eq!(moments(&reversed, control(3)).unwrap(), once);
            for (values, found) in values.iter_mut().zip(once) {
                let plain = values.iter().sum::<f64>() / 20_001.0;
                let squares: f64 = values.iter().map(|value| (value - plain) * (value - plain)).sum();
                assert!(
                    (plain - found.mean).abs() < 1e-6 && ((squares / 20_001.0).sqrt() - found.population_deviation).abs() < 1e-6
                );
                assert_eq!(Statistics::of(values).unwrap().moments, found);
            }
        }
    }

    #[test]
    fn refuses_what_is_no_number() {
        for value in [f64::NAN, f64::INFINITY, 1e101] {
            let matrix = matrix(&[&[1.0, 0.0], &[0.0, value]]);
            assert_eq!(moments(&matrix, control(1)), Err(Failure::Column(1)));
            assert_eq!(statistics(&matrix, control(1)), Err(Failure::Column(1)));
        }
        assert_eq!(Scaling::ZScore.fit(&Matrix::new(1), control(1)), Err(Failure::Shape));
        assert_eq!(Statistics::of(&mut []), None);
    }
}
