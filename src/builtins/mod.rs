//! Functions and operators that SQL already has, where the engine's version would wrap, use unlimited memory, or differ from
//! SQL: replaced here under the same names.

pub mod apart;
mod approximate;
pub mod arithmetic;
pub mod as_cast;
mod bits;
pub mod bounded;
pub mod bytes;
pub mod chain;
pub mod coalesce;
pub mod dates;
pub mod decimals;
pub mod division;
pub mod exact_constants;
mod exact_sum;
pub mod excluding;
pub mod exponents;
pub mod float_extremes;
pub mod given_once;
pub mod json;
mod justified;
pub mod local_texts;
pub mod marked;
mod mean_interval;
mod medians;
mod moments;
pub mod named_apart;
pub mod nanoseconds;
pub mod nearest;
pub mod nested;
mod of_engine;
pub mod one_nan;
pub mod only_row;
pub mod or_null;
pub mod packed_spans;
pub mod percentiles;
pub mod postgres;
pub mod ranged;
mod ranks;
mod reduced;
mod rounded;
mod scalar;
pub mod searched;
pub mod shifts;
mod sliding;
pub mod span_lists;
pub mod spans;
mod statistics;
pub mod texts;
pub mod unknown;
mod whole;
mod wide_decimals;
mod width_bucket;
mod wrapper;
pub mod zoned;

use std::sync::Arc;

use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

pub use wide_decimals::avg;

use crate::catalog::intervals;

use wrapper::Wrapper;

/// The functions around a value that plans name; [`or_null`] has one that no statement and no stored plan contains.
static WRAPPERS: [&Wrapper; 5] =
    [&unknown::UNKNOWN, &only_row::ONLY_ROW, &only_row::ROW_OR_NULL, &marked::MARKED, &named_apart::NAMED_APART];

/// The scalar functions, by name.
pub fn scalars() -> impl Iterator<Item = (&'static str, ScalarUDF)> {
    arithmetic::ALL
        .into_iter()
        .chain(as_cast::ALL)
        .chain(division::ALL)
        .chain(one_nan::ALL)
        .chain(shifts::ALL)
        .chain(bits::ALL)
        .chain(bytes::ALL)
        .chain(spans::ALL)
        .chain(justified::ALL)
        .chain(span_lists::ALL)
        .chain(packed_spans::ALL)
        .chain(zoned::ALL)
        .chain(local_texts::ALL)
        .chain(nanoseconds::ALL)
        .chain(nearest::ALL)
        .chain(decimals::ALL)
        .chain(exponents::ALL)
        .chain(nested::ALL)
        .chain(dates::ALL)
        .chain(texts::ALL)
        .chain(texts::encoded::ALL)
        .chain(postgres::expanded::ALL)
        .chain(statistics::all())
        .chain(json::reading::ALL)
        .chain(json::changed::ALL)
        .chain(json::operators::ALL)
        .chain([&width_bucket::WIDTH_BUCKET, &given_once::GIVEN_ONCE, &json::merged::PATCH])
        .map(|scalar| (scalar.name, scalar.udf()))
        .chain([
            (bounded::CONCATENATION, bounded::concatenated()),
            (coalesce::NAME, coalesce::udf()),
            (chain::NAME, chain::udf()),
            (unknown::NOTHING, unknown::nothing()),
        ])
        .chain(WRAPPERS.map(|wrapper| (wrapper.name, wrapper.udf())))
        .chain(rounded::all())
        .chain(whole::all())
        .chain(bytes::of_engine())
        .chain([dates::parts::date_part(), texts::replaced::regexp_replace()])
        .chain([(intervals::NAME, intervals::function())])
        .chain(searched::all())
        .chain(postgres::unbound())
        .chain(json::all())
}

/// The window functions.
pub fn windows() -> Vec<datafusion::logical_expr::WindowUDF> {
    ranks::all().into_iter().chain([apart::udwf()]).collect()
}

/// The aggregates, by name.
pub fn aggregates() -> impl Iterator<Item = (&'static str, AggregateUDF)> {
    [
        ("sum", exact_sum::udaf()),
        ("avg", avg()),
        ("median", medians::median()),
        ("percentile_cont", percentiles::percentile_cont()),
        ("approx_percentile_cont", approximate::percentile_cont()),
        ("approx_percentile_cont_with_weight", approximate::percentile_cont_with_weight()),
        ("approx_median", approximate::median()),
    ]
    .into_iter()
    .chain(moments::all())
    .chain(sliding::all())
}

/// Replaces the engine's functions by ours in a session that is being built.
pub fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    builder.scalar_functions().get_or_insert_default().extend(scalars().map(|(_, function)| Arc::new(function)));
    builder.aggregate_functions().get_or_insert_default().extend(aggregates().map(|(_, function)| Arc::new(function)));
    builder.window_functions().get_or_insert_default().extend(windows().into_iter().map(Arc::new));
    builder.higher_order_functions().get_or_insert_default().push(Arc::new(reduced::udf()));
    bounded::register(builder)
}
