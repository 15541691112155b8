//! Aggregates over the rows where a condition is true.

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 11] = [
    ExpressionMacro::aggregate(
        "count_if",
        "statistics",
        "Counts the rows where a condition is true.",
        Meaning::Sql(&[(1, "count(*) FILTER (WHERE $1)")]),
    )
    .page(
        &[Argument::required("condition", Takes::Value("boolean"), "condition per row; rows where it is NULL do not count")],
        &[
            "SELECT count_if(amount > 50) AS large FROM sample_orders(rows => 100);",
            "SELECT channel, count(*) AS orders, count_if(status = 'refunded') AS refunded
FROM sample_orders(rows => 10000) GROUP BY channel ORDER BY channel;",
        ],
    )
    .says(
        "\
0 if there are no such rows. Several in one query read the input once. The same as `FILTER (WHERE condition)` after an
ordinary aggregate.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** DuckDB and Snowflake: `count_if`; BigQuery: `countif`; PostgreSQL: `count(*) FILTER (WHERE condition)`;
MySQL: `sum(condition)`; pandas: `(…).sum()`.",
    ),
    ExpressionMacro::aggregate(
        "countif",
        "statistics",
        "Counts the rows where a condition is true.",
        Meaning::Sql(&[(1, "count(*) FILTER (WHERE $1)")]),
    )
    .page(
        &[Argument::required("condition", Takes::Value("boolean"), "condition per row; rows where it is NULL do not count")],
        &["SELECT countif(amount > 50) AS large FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
0 if there are no such rows. Several in one query read the input once. The same as `FILTER (WHERE condition)` after an
ordinary aggregate.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** DuckDB and Snowflake: `count_if`; BigQuery: `countif`; PostgreSQL: `count(*) FILTER (WHERE condition)`;
MySQL: `sum(condition)`; pandas: `(…).sum()`.",
    ),
    ExpressionMacro::aggregate(
        "sum_if",
        "statistics",
        "Sums a value over the rows where a condition is true.",
        Meaning::Sql(&[(2, "sum($1) FILTER (WHERE $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "number to add up; NULLs are left out"),
            Argument::required("condition", Takes::Value("boolean"), "condition per row; rows where it is NULL do not count"),
        ],
        &[
            "SELECT sum_if(amount, amount > 50) AS large FROM sample_orders(rows => 100);",
            "SELECT channel, sum(amount) AS total, sum_if(amount, status = 'paid') AS paid
FROM sample_orders(rows => 10000) GROUP BY channel ORDER BY channel;",
        ],
    )
    .says(
        "\
The condition is the second argument; NULL if there are no such rows. The same as `FILTER (WHERE condition)` after an
ordinary aggregate.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** ClickHouse: `sumIf`; Excel: `SUMIF`, with the condition first; DuckDB and PostgreSQL: `sum(value)
FILTER (WHERE condition)`.",
    ),
    ExpressionMacro::aggregate(
        "sumif",
        "statistics",
        "Sums a value over the rows where a condition is true.",
        Meaning::Sql(&[(2, "sum($1) FILTER (WHERE $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "number to add up; NULLs are left out"),
            Argument::required("condition", Takes::Value("boolean"), "condition per row; rows where it is NULL do not count"),
        ],
        &["SELECT sumif(amount, amount > 50) AS large FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
The condition is the second argument; NULL if there are no such rows. The same as `FILTER (WHERE condition)` after an
ordinary aggregate.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** ClickHouse: `sumIf`; Excel: `SUMIF`, with the condition first; DuckDB and PostgreSQL: `sum(value)
FILTER (WHERE condition)`.",
    ),
    ExpressionMacro::aggregate(
        "avg_if",
        "statistics",
        "Averages a value over the rows where a condition is true.",
        Meaning::Sql(&[(2, "avg($1) FILTER (WHERE $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "number to average; NULLs are left out"),
            Argument::required("condition", Takes::Value("boolean"), "condition per row; rows where it is NULL do not count"),
        ],
        &["SELECT avg_if(amount, amount > 50) AS large FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
The condition is the second argument; NULL if there are no such rows. The same as `FILTER (WHERE condition)` after an
ordinary aggregate.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** ClickHouse: `avgIf`; Excel: `AVERAGEIF`; DuckDB and PostgreSQL: `avg(value) FILTER (WHERE condition)`.",
    ),
    ExpressionMacro::aggregate(
        "every",
        "statistics",
        "True if the condition is true for every row.",
        Meaning::Sql(&[(1, "bool_and($1)")]),
    )
    .page(
        &[Argument::required("condition", Takes::Value("boolean"), "condition per row; NULLs are left out")],
        &["SELECT every(amount > 0) AS all FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
NULL if there are no rows, or all are NULL.

**Elsewhere.** PostgreSQL: `every` and `bool_and`; DuckDB: `bool_and`; BigQuery: `logical_and`; Snowflake:
`booland_agg`; pandas: `all`, which is true for no rows.",
    ),
    ExpressionMacro::aggregate(
        "logical_and",
        "statistics",
        "True if the condition is true for every row.",
        Meaning::Sql(&[(1, "bool_and($1)")]),
    )
    .page(
        &[Argument::required("condition", Takes::Value("boolean"), "condition per row; NULLs are left out")],
        &["SELECT logical_and(amount > 0) AS all FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
NULL if there are no rows, or all are NULL.

**Elsewhere.** PostgreSQL: `every` and `bool_and`; DuckDB: `bool_and`; BigQuery: `logical_and`; Snowflake:
`booland_agg`; pandas: `all`, which is true for no rows.",
    ),
    ExpressionMacro::aggregate(
        "booland_agg",
        "statistics",
        "True if the condition is true for every row.",
        Meaning::Sql(&[(1, "bool_and($1)")]),
    )
    .page(
        &[Argument::required("condition", Takes::Value("boolean"), "condition per row; NULLs are left out")],
        &["SELECT booland_agg(amount > 0) AS all FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
NULL if there are no rows, or all are NULL.

**Elsewhere.** PostgreSQL: `every` and `bool_and`; DuckDB: `bool_and`; BigQuery: `logical_and`; Snowflake:
`booland_agg`; pandas: `all`, which is true for no rows.",
    ),
    ExpressionMacro::aggregate(
        "logical_or",
        "statistics",
        "True if the condition is true for at least one row.",
        Meaning::Sql(&[(1, "bool_or($1)")]),
    )
    .page(
        &[Argument::required("condition", Takes::Value("boolean"), "condition per row; NULLs are left out")],
        &["SELECT logical_or(amount > 0) AS some FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
NULL if there are no rows, or all are NULL.

**Elsewhere.** PostgreSQL and DuckDB: `bool_or`; BigQuery: `logical_or`; Snowflake: `boolor_agg`; pandas: `any`, which
is false for no rows.",
    ),
    ExpressionMacro::aggregate(
        "boolor_agg",
        "statistics",
        "True if the condition is true for at least one row.",
        Meaning::Sql(&[(1, "bool_or($1)")]),
    )
    .page(
        &[Argument::required("condition", Takes::Value("boolean"), "condition per row; NULLs are left out")],
        &["SELECT boolor_agg(amount > 0) AS some FROM sample_orders(rows => 100);"],
    )
    .says(
        "\
NULL if there are no rows, or all are NULL.

**Elsewhere.** PostgreSQL and DuckDB: `bool_or`; BigQuery: `logical_or`; Snowflake: `boolor_agg`; pandas: `any`, which
is false for no rows.",
    ),
    ExpressionMacro::aggregate(
        "approx_count_distinct",
        "statistics",
        "Returns the approximate number of distinct values.",
        Meaning::Sql(&[(1, "approx_distinct($1)")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("any type"), "value of each row; NULLs do not count")],
        &[
            "SELECT approx_count_distinct(customer_id) AS customers FROM sample_orders(rows => 100);",
            "SELECT approx_count_distinct(customer_id) AS about, count(DISTINCT customer_id) AS exactly
FROM sample_orders(rows => 100000);",
        ],
    )
    .says(
        "\
Counted with HyperLogLog: the error is about 1%, and the same rows always give the same result.

**Cost.** A fixed 16 KB per group, for any number of rows; `count(DISTINCT value)` keeps every distinct value.

**Elsewhere.** DuckDB, Snowflake, BigQuery and Spark: `approx_count_distinct`; Redis: `PFCOUNT`.",
    ),
];
