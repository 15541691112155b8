//! `sum` and `avg` of DOUBLE, variances, covariances, correlation and regression: the same to the last bit, whatever the partitions, the
//! batches and the order of rows.
//!
//! The engine adds floats row by row and rounds each time, so that another number of partitions gives another last digit. Here the sums
//! are exact ([`crate::kernels::sums`]) and their states are merged without rounding; only the result is rounded. Rows can leave a window
//! frame without a trace, however large they were. Names, arguments and types are those of the engine.

mod distinct;
mod groups;
mod one;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, LargeBinaryArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::cast::as_float64_array;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::functions_aggregate::correlation::corr_udaf;
use datafusion::functions_aggregate::covariance::{covar_pop_udaf, covar_samp_udaf};
use datafusion::functions_aggregate::regr::{
    regr_avgx_udaf, regr_avgy_udaf, regr_count_udaf, regr_intercept_udaf, regr_r2_udaf, regr_slope_udaf, regr_sxx_udaf,
    regr_sxy_udaf, regr_syy_udaf,
};
use datafusion::functions_aggregate::stddev::{stddev_pop_udaf, stddev_udaf};
use datafusion::functions_aggregate::variance::{var_pop_udaf, var_samp_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF};

use crate::builtins::of_engine::of_engine;
use crate::kernels::sums::moments::{Moment, Moments};

/// A function of the engine.
type Engine = fn() -> Arc<AggregateUDF>;

const ALL: [(&str, Engine, Moment); 16] = [
    ("var", var_samp_udaf, Moment::VarianceSample),
    ("var_pop", var_pop_udaf, Moment::VariancePopulation),
    ("stddev", stddev_udaf, Moment::DeviationSample),
    ("stddev_pop", stddev_pop_udaf, Moment::DeviationPopulation),
    ("covar_samp", covar_samp_udaf, Moment::CovarianceSample),
    ("covar_pop", covar_pop_udaf, Moment::CovariancePopulation),
    ("corr", corr_udaf, Moment::Correlation),
    ("regr_count", regr_count_udaf, Moment::Count),
    ("regr_avgy", regr_avgy_udaf, Moment::MeanY),
    ("regr_avgx", regr_avgx_udaf, Moment::MeanX),
    ("regr_syy", regr_syy_udaf, Moment::SquaresY),
    ("regr_sxx", regr_sxx_udaf, Moment::SquaresX),
    ("regr_sxy", regr_sxy_udaf, Moment::ProductsXY),
    ("regr_slope", regr_slope_udaf, Moment::Slope),
    ("regr_intercept", regr_intercept_udaf, Moment::Intercept),
    ("regr_r2", regr_r2_udaf, Moment::Determination),
];

/// The functions that replace those of the engine, by name.
pub fn all() -> impl Iterator<Item = (&'static str, AggregateUDF)> {
    ALL.into_iter().map(|(name, engine, moment)| (name, AggregateUDF::from(OfMoments { engine: engine(), moment })))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfMoments {
    engine: Arc<AggregateUDF>,
    moment: Moment,
}

impl AggregateUDFImpl for OfMoments {
    of_engine!(name, aliases, signature, return_type, is_nullable, default_value, documentation);

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(state_fields(self.moment, &arguments))
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        accumulator(self.moment, &arguments)
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs<'_>) -> bool {
        !arguments.is_distinct
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(groups_accumulator(self.moment))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// The columns of a state: the number of rows, and each sum as its bytes; with DISTINCT, the list of values.
pub fn state_fields(moment: Moment, arguments: &StateFieldsArgs<'_>) -> Vec<FieldRef> {
    if arguments.is_distinct {
        let item = Field::new_list_field(DataType::Float64, true);
        return vec![Field::new_list(format_state_name(arguments.name, "distinct"), item, false).into()];
    }
    let field = |name: &str, data_type| FieldRef::from(Field::new(format_state_name(arguments.name, name), data_type, false));
    let sums = moment.sums().map(|name| field(name, DataType::LargeBinary));
    std::iter::once(field("count", DataType::Int64)).chain(sums).collect()
}

/// The accumulator of one group, also for window frames.
pub fn accumulator(moment: Moment, arguments: &AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
    let name = arguments.name;
    match (arguments.is_distinct, moment.columns()) {
        (false, _) => Ok(Box::new(one::One::new(moment))),
        (true, 1) => Ok(Box::new(distinct::Distinct::new(moment))),
        _ => internal_err!("{name} cannot be DISTINCT"),
    }
}

/// The accumulator of many groups, without DISTINCT.
pub fn groups_accumulator(moment: Moment) -> Box<dyn GroupsAccumulator> {
    Box::new(groups::Groups(Moments::new(moment)))
}

/// The columns of a batch, and the rows that are counted: `None` for all.
struct Rows<'a> {
    first: &'a Float64Array,
    second: Option<&'a Float64Array>,
    counted: Option<NullBuffer>,
}

impl<'a> Rows<'a> {
    /// Rows with a NULL are not counted, nor those that FILTER leaves out.
    fn of(moment: Moment, columns: &'a [ArrayRef], filter: Option<&BooleanArray>) -> Result<Self> {
        let first = as_float64_array(&columns[0])?;
        let second = if moment.columns() == 2 { Some(as_float64_array(&columns[1])?) } else { None };
        let kept = filter.map(|filter| match filter.nulls() {
            Some(nulls) => NullBuffer::new(filter.values() & nulls.inner()),
            None => NullBuffer::new(filter.values().clone()),
        });
        let counted = NullBuffer::union(first.nulls(), second.and_then(|second| second.nulls()));
        let counted = NullBuffer::union(counted.as_ref(), kept.as_ref()).filter(|counted| counted.null_count() > 0);
        Ok(Self { first, second, counted })
    }

    /// Calls `take` with each row that is counted and its values.
    fn each(&self, mut take: impl FnMut(usize, f64, f64)) {
        let first = self.first.values();
        let take = |row: usize| take(row, first[row], self.second.map_or(0.0, |second| second.value(row)));
        match &self.counted {
            None => (0..first.len()).for_each(take),
            Some(counted) => counted.valid_indices().for_each(take),
        }
    }

    /// The only column, if all of its rows are counted.
    fn plain(&self) -> Option<&'a [f64]> {
        if self.second.is_none() && self.counted.is_none() { Some(self.first.values()) } else { None }
    }
}

/// The states of the first groups, as columns.
fn states(moments: &Moments, first: usize) -> Vec<ArrayRef> {
    let rows = Int64Array::from_iter_values((0..first).map(|group| moments.rows(group)));
    let sums = (0..moments.moment().sums().count()).map(|sum| {
        let mut bytes = vec![];
        let lengths: Vec<usize> = (0..first)
            .map(|group| {
                let start = bytes.len();
                moments.write(sum, group, &mut bytes);
                bytes.len() - start
            })
            .collect();
        Arc::new(LargeBinaryArray::new(OffsetBuffer::from_lengths(lengths), bytes.into(), None)) as ArrayRef
    });
    std::iter::once(Arc::new(rows) as ArrayRef).chain(sums).collect()
}

/// Adds states to groups: `group` has the group of each row.
fn merge(moments: &mut Moments, states: &[ArrayRef], group: impl Fn(usize) -> usize) -> Result<()> {
    let Some((rows, sums)) = states.split_first() else { return internal_err!("a state without columns") };
    for (row, rows) in rows.as_primitive::<Int64Type>().values().iter().enumerate() {
        moments.merge_rows(group(row), *rows);
    }
    for (sum, column) in sums.iter().enumerate() {
        let column = column.as_binary::<i64>();
        (0..column.len()).for_each(|row| moments.merge(sum, group(row), column.value(row)));
    }
    Ok(())
}

/// The value of a group as a scalar of the type that the function has.
fn scalar(moments: &Moments, group: usize) -> ScalarValue {
    match moments.moment() {
        Moment::Count => ScalarValue::UInt64(Some(moments.rows(group).unsigned_abs())),
        _ => ScalarValue::Float64(moments.value(group)),
    }
}
