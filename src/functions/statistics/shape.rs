//! The shape of a distribution.

use super::given::disc;
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 14] = [
    ExpressionMacro::aggregate(
        "approx_quantile",
        "statistics",
        "Returns an approximate quantile: the value that the given share of the rows does not exceed.",
        Meaning::Sql(&[(2, "approx_percentile_cont($1, $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "number of each row; NULLs are left out"),
            Argument::required(
                "share",
                Takes::Value("number, 0 to 1"),
                "share of the rows, 0 to 1, a constant: 0.5 for the median, 0.9 for the top tenth",
            ),
        ],
        &["SELECT approx_quantile(amount, 0.5) AS median FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
For millions of rows; with few, `quantile` is exact and costs little. NULL if there are no values.

**Cost.** Numbers are counted in buckets, 128 per power of two: memory does not grow with the rows. The result is at most
0.8 % away, and the same in any order of the rows.

**Elsewhere.** DuckDB: `approx_quantile`; Snowflake, Spark and Trino: `approx_percentile`; BigQuery:
`approx_quantiles(value, 100)[OFFSET(50)]`.",
    ),
    ExpressionMacro::aggregate(
        "approx_percentile",
        "statistics",
        "Returns an approximate quantile: the value that the given share of the rows does not exceed.",
        Meaning::Sql(&[(2, "approx_percentile_cont($1, $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "number of each row; NULLs are left out"),
            Argument::required(
                "share",
                Takes::Value("number, 0 to 1"),
                "share of the rows, 0 to 1, a constant: 0.5 for the median, 0.9 for the top tenth",
            ),
        ],
        &["SELECT approx_percentile(amount, 0.5) AS median FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
For millions of rows; with few, `quantile` is exact and costs little. NULL if there are no values.

**Cost.** Numbers are counted in buckets, 128 per power of two: memory does not grow with the rows. The result is at most
0.8 % away, and the same in any order of the rows.

**Elsewhere.** DuckDB: `approx_quantile`; Snowflake, Spark and Trino: `approx_percentile`; BigQuery:
`approx_quantiles(value, 100)[OFFSET(50)]`.",
    ),
    ExpressionMacro::aggregate(
        "quantile",
        "statistics",
        "Returns a quantile: the value that the given share of the rows does not exceed, interpolated between two values.",
        Meaning::Sql(&[(2, "percentile_cont($2) WITHIN GROUP (ORDER BY $1)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "number of each row; NULLs are left out"),
            Argument::required(
                "share",
                Takes::Value("number, 0 to 1"),
                "share of the rows, 0 to 1, a constant: 0.5 for the median, 0.9 for the top tenth",
            ),
        ],
        &[
            "SELECT quantile(amount, 0.5) AS median FROM sample_orders(rows => 100);",
            "SELECT channel, quantile(amount, 0.5) AS median, quantile(amount, 0.9) AS top_tenth, round(avg(amount), 2) AS mean
FROM sample_orders(rows => 10000) GROUP BY channel ORDER BY channel;",
        ],
    )
    .says(
        "\
As `percentile_cont`. With the n values in ascending order, the place is 1 + share · (n − 1); between two values it
interpolates: the values 1, 2, 4, 8 have the median 3. NULL if there are no values.

**Cost.** The values of a group are kept until its end: memory grows with the number of rows.

**Elsewhere.** PostgreSQL, Snowflake and BigQuery: `percentile_cont`; DuckDB: `quantile_cont`, while its `quantile`
does not interpolate; Spark: `percentile`; numpy and pandas: `quantile`; R: `quantile`, type 7.",
    ),
    ExpressionMacro::aggregate(
        "percentile",
        "statistics",
        "Returns a quantile: the value that the given share of the rows does not exceed, interpolated between two values.",
        Meaning::Sql(&[(2, "percentile_cont($2) WITHIN GROUP (ORDER BY $1)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "number of each row; NULLs are left out"),
            Argument::required(
                "share",
                Takes::Value("number, 0 to 1"),
                "share of the rows, 0 to 1, a constant: 0.5 for the median, 0.9 for the top tenth",
            ),
        ],
        &["SELECT percentile(amount, 0.5) AS median FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
As `percentile_cont`. With the n values in ascending order, the place is 1 + share · (n − 1); between two values it
interpolates: the values 1, 2, 4, 8 have the median 3. NULL if there are no values.

**Cost.** The values of a group are kept until its end: memory grows with the number of rows.

**Elsewhere.** PostgreSQL, Snowflake and BigQuery: `percentile_cont`; DuckDB: `quantile_cont`, while its `quantile`
does not interpolate; Spark: `percentile`; numpy and pandas: `quantile`; R: `quantile`, type 7.",
    ),
    ExpressionMacro::aggregate(
        "percentile_disc",
        "statistics",
        "Returns a quantile without interpolation: the first value that the given share of the rows does not exceed.",
        Meaning::Code(disc),
    )
    .page(
        &[Argument::required(
            "share",
            Takes::Value("number, 0 to 1"),
            "share of the rows, 0 to 1, a constant: 0.5 for the median, 0.9 for the top tenth",
        )],
        &["SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) AS median FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
The result is always one of the values, of any type with an order; `percentile_cont` interpolates between two. With
the n values in ascending order, it is the value at place ⌈share · n⌉, at least the first. NULL if there are no
values.

**Cost.** The values of a group are kept until its end: memory grows with the number of rows.

**Elsewhere.** PostgreSQL and Snowflake: `percentile_disc`; DuckDB: `quantile_disc`; pandas: `quantile(…,
interpolation='lower')` is close to it; R: `quantile`, type 1.",
    ),
    ExpressionMacro::aggregate(
        "quantile_disc",
        "statistics",
        "Returns a quantile without interpolation: the first value that the given share of the rows does not exceed.",
        Meaning::Code(disc),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("any type with an order"), "value of each row; NULLs are left out"),
            Argument::required(
                "share",
                Takes::Value("number, 0 to 1"),
                "share of the rows, 0 to 1, a constant: 0.5 for the median, 0.9 for the top tenth",
            ),
        ],
        &["SELECT quantile_disc(amount, 0.5) AS median FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
The result is always one of the values, of any type with an order; `percentile_cont` interpolates between two. With
the n values in ascending order, it is the value at place ⌈share · n⌉, at least the first. NULL if there are no
values.

**Cost.** The values of a group are kept until its end: memory grows with the number of rows.

**Elsewhere.** PostgreSQL and Snowflake: `percentile_disc`; DuckDB: `quantile_disc`; pandas: `quantile(…,
interpolation='lower')` is close to it; R: `quantile`, type 1.",
    ),
    ExpressionMacro::aggregate(
        "kurtosis",
        "statistics",
        "Returns the excess kurtosis of a sample.",
        Meaning::Sql(&[(1, "kurtosis_of(array_agg($1))")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("number"), "number of each row; NULLs are left out")],
        &["SELECT round(kurtosis(amount), 6) AS kurtosis FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
As in DuckDB: bias-corrected; NULL for fewer than four rows, or if all are equal. How heavy the tails are: 0 for a
normal distribution, above for more outliers.

G₂ = (n − 1) / ((n − 2)(n − 3)) · ((n + 1) g₂ + 6), with g₂ = m₄ / m₂² − 3 and mₖ the mean of (x − mean)ᵏ.

**Cost.** The values of a group are kept until its end: memory grows with the number of rows.

**Elsewhere.** DuckDB and Snowflake: `kurtosis`; pandas: `kurt`; Excel: `KURT`. scipy's `kurtosis` is g₂ unless
`bias=False`.",
    ),
    ExpressionMacro::aggregate(
        "skewness",
        "statistics",
        "Returns the skewness of a sample.",
        Meaning::Sql(&[(1, "skewness_of(array_agg($1))")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("number"), "number of each row; NULLs are left out")],
        &[
            "SELECT round(skewness(amount), 6) AS skewness FROM sample_orders(rows => 100);",
            "SELECT channel, round(skewness(amount), 2) AS skewness, round(kurtosis(amount), 2) AS kurtosis
FROM sample_orders(rows => 10000) GROUP BY channel ORDER BY channel;",
        ],
    )
    .says(
        "\
As in DuckDB: bias-corrected; NULL for fewer than three rows, or if all are equal. Which side has the longer tail:
above 0 for a few large values, as with amounts of orders; 0 for symmetry.

G₁ = √(n (n − 1)) / (n − 2) · m₃ / m₂^(3/2), with mₖ the mean of (x − mean)ᵏ.

**Cost.** The values of a group are kept until its end: memory grows with the number of rows.

**Elsewhere.** DuckDB: `skewness`; Snowflake: `skew`; pandas: `skew`; Excel: `SKEW`. scipy's `skew` is not corrected
unless `bias=False`.",
    ),
    ExpressionMacro::aggregate(
        "product",
        "statistics",
        "Returns the product of the values, as a float.",
        Meaning::Sql(&[(1, "product_of(array_agg($1))")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("number"), "number of each row; NULLs are left out")],
        &["SELECT product(x) AS product FROM (VALUES (2), (3)) AS t(x);"],
    )
    .says(
        "\
Use it for growth rates: the product of 1 + rate. It overflows to infinity and loses the last digits of large
integers; for many values use `exp(sum(ln(value)))`. NULL if there are no values.

**Cost.** The values of a group are kept until its end: memory grows with the number of rows.

**Elsewhere.** DuckDB: `product`; pandas: `prod`, which is 1 for no values.",
    ),
    ExpressionMacro::aggregate("variance", "statistics", "Returns the variance of a sample.", Meaning::Sql(&[(1, "var($1)")]))
        .page(
            &[Argument::required("value", Takes::Value("number"), "number of each row; NULLs are left out")],
            &["SELECT variance(x) AS variance FROM (VALUES (1.0), (3.0)) AS t(x);"],
        )
        .says(
            "\
Σ(x − mean)² / (n − 1); NULL for fewer than two values.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** PostgreSQL, DuckDB and Snowflake: `variance`, the same as `var_samp`. MySQL's `variance` divides by n:
write `var_pop`. pandas: `var`; numpy's `var` divides by n.",
        ),
    ExpressionMacro::aggregate(
        "std",
        "statistics",
        "Returns the population standard deviation, as in MySQL.",
        Meaning::Sql(&[(1, "stddev_pop($1)")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("number"), "number of each row; NULLs are left out")],
        &["SELECT std(x) AS deviation FROM (VALUES (1), (3)) AS t(x);"],
    )
    .says(
        "\
√(Σ(x − mean)² / n). For a sample of customers use `stddev`, which divides by n − 1.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** MySQL: `std`, the same as `stddev_pop`; numpy: `std`. pandas' `std` and R's `sd` divide by n − 1.",
    ),
    ExpressionMacro::aggregate(
        "ratio_to_report",
        "statistics",
        "Returns the share of a value in the sum over its window.",
        Meaning::Sql(&[(1, "(CAST($1 AS DOUBLE) / sum($1))")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("number"), "number of the row; NULL gives NULL")],
        &[
            "SELECT x, ratio_to_report(x) OVER () AS share FROM (VALUES (1), (3)) AS t(x) ORDER BY x;",
            "SELECT channel, round(ratio_to_report(revenue) OVER (), 4) AS share
FROM (SELECT channel, sum(amount) AS revenue FROM sample_orders(rows => 10000) GROUP BY channel) ORDER BY share DESC;",
        ],
    )
    .says(
        "\
Needs OVER: value / sum over the window. If the sum is 0 the result is NaN or infinite.

**Elsewhere.** Oracle, Snowflake and Redshift: `ratio_to_report`; PostgreSQL and DuckDB: `value / sum(value) OVER ()`;
R: `prop.table`.",
    ),
    ExpressionMacro::aggregate(
        "mad",
        "statistics",
        "Returns the median absolute deviation: the median of the distances from the median.",
        Meaning::Sql(&[(1, "deviation_of(array_agg($1))")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("number"), "number of each row; NULLs are left out")],
        &["SELECT mad(x) AS deviation FROM (VALUES (1), (2), (5)) AS t(x);"],
    )
    .says(
        "\
A measure of spread that a few extreme values do not move. The mean of the two middle values if there are an even number;
NULL if there are no values. Times 1.4826 it is comparable to the standard deviation of a normal distribution.

**Cost.** The values of a group are kept until its end: memory grows with the number of rows.

**Elsewhere.** DuckDB: `mad`; scipy: `median_abs_deviation`; R's `mad` has the factor 1.4826 in it.",
    ),
    ExpressionMacro::aggregate(
        "entropy",
        "statistics",
        "Returns the entropy of the values in bits: how evenly the rows are spread over the different values.",
        Meaning::Sql(&[(1, "coalesce(entropy_of(array_agg($1)), 0.0)")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("any type"), "value of each row; NULLs are left out")],
        &[
            "SELECT entropy(x) AS bits FROM (VALUES ('a'), ('a'), ('b'), ('b')) AS t(x);",
            "SELECT round(entropy(channel), 3) AS bits FROM sample_orders(rows => 10000);",
        ],
    )
    .says(
        "\
−Σ p · log₂ p, with p the share of each value: 0 if all are the same or there are none, log₂ n for n values that are
equally frequent.

**Cost.** The values of a group are kept until its end: memory grows with the number of rows.

**Elsewhere.** DuckDB: `entropy`; ClickHouse: `entropy`; scipy: `entropy(counts, base=2)`.",
    ),
];
