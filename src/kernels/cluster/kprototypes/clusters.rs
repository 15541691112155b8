//! Exact sums over the rows of each cluster, and the prototypes computed from them.

use super::super::columns::extents;
use super::super::distance::squared_distance;
use super::super::exact::Grid;
use super::{CHUNK, Prototype, Training};
use crate::kernels::control::{Control, Stop};

/// How sums are stored: in units of grids, with the weights of all codes in one list.
#[derive(Debug)]
pub struct Layout {
    /// The grid of weight × value for each numeric column.
    values: Vec<Grid>,
    weights: Grid,
    /// Where the weights of each categorical column's codes begin, followed by the total number of codes.
    first_code: Vec<usize>,
}

impl Layout {
    pub fn new(training: &Training<'_>, control: Control<'_>) -> Result<Self, Stop> {
        let heaviest = training.weights.map_or(1.0, |weights| weights.iter().copied().fold(0.0, f64::max));
        let mut first_code = vec![0];
        for cardinality in training.cardinalities {
            first_code.push(first_code[first_code.len() - 1] + *cardinality as usize);
        }
        let extents = extents(training.rows.numeric, control)?;
        let values = extents.iter().map(|extent| Grid::new(extent.largest() * heaviest)).collect();
        Ok(Self { values, weights: Grid::new(heaviest), first_code })
    }

    /// Memory of the sums of one cluster, in bytes.
    pub fn bytes(&self) -> usize {
        size_of::<i128>() * (self.values.len() + 2 * self.first_code.len() + self.first_code[self.first_code.len() - 1])
    }
}

/// A row with its values gathered from the columns.
#[derive(Debug, Default)]
pub struct Row<'a> {
    pub values: &'a [f64],
    pub codes: Vec<u32>,
    pub weight: f64,
}

impl<'a> Row<'a> {
    pub fn load(&mut self, training: &Training<'a>, row: usize) {
        self.values = training.rows.numeric.row(row);
        self.codes.clear();
        self.codes.extend(training.rows.codes.iter().map(|codes| codes[row]));
        self.weight = training.weight(row);
    }
}

/// The sums of one cluster.
#[derive(Debug, Clone)]
struct Sums {
    rows: u64,
    weight: i128,
    values: Vec<i128>,
    /// The weight of each code of each column.
    codes: Vec<i128>,
    /// For each column, the weights of the most frequent and of the second most frequent code.
    top: Vec<(i128, i128)>,
}

/// The sums of all clusters.
#[derive(Debug, Clone)]
pub struct Clusters(Vec<Sums>);

impl Clusters {
    pub fn none(layout: &Layout, clusters: usize) -> Self {
        let codes = layout.first_code[layout.first_code.len() - 1];
        let top = vec![(0, 0); layout.first_code.len() - 1];
        Self(vec![Sums { rows: 0, weight: 0, values: vec![0; layout.values.len()], codes: vec![0; codes], top }; clusters])
    }

    pub fn of(
        training: &Training<'_>,
        layout: &Layout,
        labels: &[u32],
        clusters: usize,
        control: Control<'_>,
    ) -> Result<Self, Stop> {
        let state = || (Row::default(), Self::none(layout, clusters));
        let states = control.share(labels.len().div_ceil(CHUNK), state, |(row, clusters), job| {
            for (number, label) in labels.iter().enumerate().skip(job * CHUNK).take(CHUNK) {
                row.load(training, number);
                clusters.add(layout, *label as usize, row, 1);
            }
            Ok(())
        })?;
        let mut total = Self::none(layout, clusters);
        for (_, part) in states {
            total.0.iter_mut().zip(&part.0).for_each(|(sums, more)| sums.merge(more));
        }
        Ok(total)
    }

    /// Adds a row (`times` = 1) or removes it (`times` = −1).
    pub fn add(&mut self, layout: &Layout, cluster: usize, row: &Row, times: i64) {
        let sums = &mut self.0[cluster];
        let times_wide = i128::from(times);
        let weight = layout.weights.units(row.weight) * times_wide;
        sums.rows = sums.rows.wrapping_add_signed(times);
        sums.weight += weight;
        for ((sum, value), grid) in sums.values.iter_mut().zip(row.values).zip(&layout.values) {
            *sum += grid.units(value * row.weight) * times_wide;
        }
        for (code, first) in row.codes.iter().zip(&layout.first_code) {
            sums.codes[first + *code as usize] += weight;
        }
    }

    /// Recomputes the means and modes; a cluster without weight keeps its prototype.
    pub fn update(&mut self, layout: &Layout, prototypes: &mut [Prototype]) {
        (0..).zip(prototypes).for_each(|(cluster, prototype)| self.update_one(layout, cluster, prototype));
    }

    pub fn update_one(&mut self, layout: &Layout, cluster: usize, prototype: &mut Prototype) {
        let sums = &mut self.0[cluster];
        if sums.weight == 0 {
            sums.top.fill((0, 0));
            return;
        }
        let weight = layout.weights.value(sums.weight);
        for ((centre, sum), grid) in prototype.centre.iter_mut().zip(&sums.values).zip(&layout.values) {
            *centre = grid.value(*sum) / weight;
        }
        let columns = layout.first_code.windows(2).zip(prototype.modes.iter_mut().zip(&mut sums.top));
        for (codes, (mode, top)) in columns {
            *top = (0, 0);
            for (code, weight) in (0..).zip(&sums.codes[codes[0]..codes[1]]) {
                if *weight > top.0 {
                    (*mode, *top) = (code, (*weight, top.0));
                } else {
                    top.1 = top.1.max(*weight);
                }
            }
        }
    }

    /// How much less the cluster costs without one of its rows; `None` if no weight would be left.
    ///
    /// The means move away from the removed row, so it saves w · W / (W − w) times its squared distance, where w is its weight and W
    /// the weight of the cluster (Hartigan). A mode may change too: then the second most frequent code takes over.
    pub fn removal(&self, layout: &Layout, cluster: usize, row: &Row, prototype: &Prototype, gamma: f64) -> Option<f64> {
        let sums = &self.0[cluster];
        let (weight, all) = (layout.weights.units(row.weight), layout.weights.value(sums.weight));
        if sums.rows < 2 || sums.weight <= weight {
            return None;
        }
        let columns = row.codes.iter().zip(&prototype.modes).zip(&sums.top);
        let lost: i128 = columns
            .map(
                |((code, mode), (first, second))| {
                    if code == mode { weight - (first - (first - weight).max(*second)) } else { weight }
                },
            )
            .sum();
        let share = row.weight * all / layout.weights.value(sums.weight - weight);
        Some(share * squared_distance(&prototype.centre, row.values) + gamma * layout.weights.value(lost))
    }

    /// How much more the cluster costs with an additional row: w · W / (W + w) times its squared distance, plus gamma for each
    /// category that is not a mode and does not become one.
    pub fn insertion(&self, layout: &Layout, cluster: usize, row: &Row, prototype: &Prototype, gamma: f64) -> f64 {
        let sums = &self.0[cluster];
        let (weight, all) = (layout.weights.units(row.weight), layout.weights.value(sums.weight));
        let columns = row.codes.iter().zip(&layout.first_code).zip(&sums.top);
        let gained: i128 = columns
            .map(|((code, begin), (first, _))| weight - ((sums.codes[begin + *code as usize] + weight).max(*first) - first))
            .sum();
        let share = row.weight * all / (all + row.weight);
        share * squared_distance(&prototype.centre, row.values) + gamma * layout.weights.value(gained)
    }
}

impl Sums {
    fn merge(&mut self, more: &Self) {
        self.rows += more.rows;
        self.weight += more.weight;
        self.values.iter_mut().zip(&more.values).for_each(|(sum, more)| *sum += more);
        self.codes.iter_mut().zip(&more.codes).for_each(|(sum, more)| *sum += more);
    }
}
