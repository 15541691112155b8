//! The shape of a distribution.

use super::given::disc;
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 12] = [
    ExpressionMacro::aggregate(
        "approx_quantile",
        "statistics",
        "Returns an approximate quantile: the value that the given share of the rows does not exceed.",
        Meaning::Sql(&[(2, "approx_percentile_cont($1, $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "the value"),
            Argument::required("share", Takes::Value("number, 0 to 1"), "the share"),
        ],
        &["SELECT approx_quantile(amount, 0.5) AS median FROM sample_orders(rows => 100);"],
    ),
    ExpressionMacro::aggregate(
        "approx_percentile",
        "statistics",
        "Returns an approximate quantile: the value that the given share of the rows does not exceed.",
        Meaning::Sql(&[(2, "approx_percentile_cont($1, $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "the value"),
            Argument::required("share", Takes::Value("number, 0 to 1"), "the share"),
        ],
        &["SELECT approx_percentile(amount, 0.5) AS median FROM sample_orders(rows => 100);"],
    ),
    ExpressionMacro::aggregate(
        "quantile",
        "statistics",
        "Returns a quantile: the value that the given share of the rows does not exceed, interpolated between two values.",
        Meaning::Sql(&[(2, "percentile_cont($2) WITHIN GROUP (ORDER BY $1)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "the value"),
            Argument::required("share", Takes::Value("number, 0 to 1"), "the share"),
        ],
        &["SELECT quantile(amount, 0.5) AS median FROM sample_orders(rows => 100);"],
    )
    .says("As `percentile_cont`."),
    ExpressionMacro::aggregate(
        "percentile",
        "statistics",
        "Returns a quantile: the value that the given share of the rows does not exceed, interpolated between two values.",
        Meaning::Sql(&[(2, "percentile_cont($2) WITHIN GROUP (ORDER BY $1)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "the value"),
            Argument::required("share", Takes::Value("number, 0 to 1"), "the share"),
        ],
        &["SELECT percentile(amount, 0.5) AS median FROM sample_orders(rows => 100);"],
    )
    .says("As `percentile_cont`."),
    ExpressionMacro::aggregate(
        "percentile_disc",
        "statistics",
        "Returns a quantile without interpolation: the first value that the given share of the rows does not exceed.",
        Meaning::Code(disc),
    )
    .page(
        &[Argument::required("share", Takes::Value("number, 0 to 1"), "the share")],
        &["SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) AS median FROM sample_orders(rows => 100);"],
    )
    .says("The result is always one of the values, of any type with an order; `percentile_cont` interpolates between two."),
    ExpressionMacro::aggregate(
        "quantile_disc",
        "statistics",
        "Returns a quantile without interpolation: the first value that the given share of the rows does not exceed.",
        Meaning::Code(disc),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("any type with an order"), "the value"),
            Argument::required("share", Takes::Value("number, 0 to 1"), "the share"),
        ],
        &["SELECT quantile_disc(amount, 0.5) AS median FROM sample_orders(rows => 100);"],
    )
    .says("The result is always one of the values, of any type with an order; `percentile_cont` interpolates between two."),
    ExpressionMacro::aggregate(
        "kurtosis",
        "statistics",
        "Returns the excess kurtosis of a sample.",
        Meaning::Sql(&[(1, "kurtosis_of(array_agg($1))")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("number"), "the value")],
        &["SELECT round(kurtosis(amount), 6) AS kurtosis FROM sample_orders(rows => 100);"],
    )
    .says("As in DuckDB: bias-corrected; NULL for fewer than four rows, or if all are equal."),
    ExpressionMacro::aggregate(
        "skewness",
        "statistics",
        "Returns the skewness of a sample.",
        Meaning::Sql(&[(1, "skewness_of(array_agg($1))")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("number"), "the value")],
        &["SELECT round(skewness(amount), 6) AS skewness FROM sample_orders(rows => 100);"],
    )
    .says("As in DuckDB: bias-corrected; NULL for fewer than three rows, or if all are equal."),
    ExpressionMacro::aggregate(
        "product",
        "statistics",
        "Returns the product of the values, as a float.",
        Meaning::Sql(&[(1, "product_of(array_agg($1))")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("number"), "the value")],
        &["SELECT product(x) AS product FROM (VALUES (2), (3)) AS t(x);"],
    ),
    ExpressionMacro::aggregate("variance", "statistics", "Returns the variance of a sample.", Meaning::Sql(&[(1, "var($1)")]))
        .page(
            &[Argument::required("value", Takes::Value("number"), "the value")],
            &["SELECT variance(x) AS variance FROM (VALUES (1.0), (3.0)) AS t(x);"],
        ),
    ExpressionMacro::aggregate(
        "std",
        "statistics",
        "Returns the population standard deviation, as in MySQL.",
        Meaning::Sql(&[(1, "stddev_pop($1)")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("number"), "the value")],
        &["SELECT std(x) AS deviation FROM (VALUES (1), (3)) AS t(x);"],
    ),
    ExpressionMacro::aggregate(
        "ratio_to_report",
        "statistics",
        "Returns the share of a value in the sum over its window.",
        Meaning::Sql(&[(1, "(CAST($1 AS DOUBLE) / sum($1))")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("number"), "the value")],
        &["SELECT x, ratio_to_report(x) OVER () AS share FROM (VALUES (1), (3)) AS t(x) ORDER BY x;"],
    ),
];
