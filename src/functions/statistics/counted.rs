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
        &[Argument::required("condition", Takes::Value("boolean"), "the condition")],
        &["SELECT count_if(amount > 50) AS large FROM sample_orders(rows => 100);"],
    ),
    ExpressionMacro::aggregate(
        "countif",
        "statistics",
        "Counts the rows where a condition is true.",
        Meaning::Sql(&[(1, "count(*) FILTER (WHERE $1)")]),
    )
    .page(
        &[Argument::required("condition", Takes::Value("boolean"), "the condition")],
        &["SELECT countif(amount > 50) AS large FROM sample_orders(rows => 100);"],
    ),
    ExpressionMacro::aggregate(
        "sum_if",
        "statistics",
        "Sums a value over the rows where a condition is true.",
        Meaning::Sql(&[(2, "sum($1) FILTER (WHERE $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "the value"),
            Argument::required("condition", Takes::Value("boolean"), "the condition"),
        ],
        &["SELECT sum_if(amount, amount > 50) AS large FROM sample_orders(rows => 100);"],
    )
    .says("The condition is the second argument; NULL if there are no such rows."),
    ExpressionMacro::aggregate(
        "sumif",
        "statistics",
        "Sums a value over the rows where a condition is true.",
        Meaning::Sql(&[(2, "sum($1) FILTER (WHERE $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "the value"),
            Argument::required("condition", Takes::Value("boolean"), "the condition"),
        ],
        &["SELECT sumif(amount, amount > 50) AS large FROM sample_orders(rows => 100);"],
    )
    .says("The condition is the second argument; NULL if there are no such rows."),
    ExpressionMacro::aggregate(
        "avg_if",
        "statistics",
        "Averages a value over the rows where a condition is true.",
        Meaning::Sql(&[(2, "avg($1) FILTER (WHERE $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "the value"),
            Argument::required("condition", Takes::Value("boolean"), "the condition"),
        ],
        &["SELECT avg_if(amount, amount > 50) AS large FROM sample_orders(rows => 100);"],
    ),
    ExpressionMacro::aggregate(
        "every",
        "statistics",
        "True if the condition is true for every row.",
        Meaning::Sql(&[(1, "bool_and($1)")]),
    )
    .page(
        &[Argument::required("condition", Takes::Value("boolean"), "the condition")],
        &["SELECT every(amount > 0) AS all FROM sample_orders(rows => 100);"],
    ),
    ExpressionMacro::aggregate(
        "logical_and",
        "statistics",
        "True if the condition is true for every row.",
        Meaning::Sql(&[(1, "bool_and($1)")]),
    )
    .page(
        &[Argument::required("condition", Takes::Value("boolean"), "the condition")],
        &["SELECT logical_and(amount > 0) AS all FROM sample_orders(rows => 100);"],
    ),
    ExpressionMacro::aggregate(
        "booland_agg",
        "statistics",
        "True if the condition is true for every row.",
        Meaning::Sql(&[(1, "bool_and($1)")]),
    )
    .page(
        &[Argument::required("condition", Takes::Value("boolean"), "the condition")],
        &["SELECT booland_agg(amount > 0) AS all FROM sample_orders(rows => 100);"],
    ),
    ExpressionMacro::aggregate(
        "logical_or",
        "statistics",
        "True if the condition is true for at least one row.",
        Meaning::Sql(&[(1, "bool_or($1)")]),
    )
    .page(
        &[Argument::required("condition", Takes::Value("boolean"), "the condition")],
        &["SELECT logical_or(amount > 0) AS some FROM sample_orders(rows => 100);"],
    ),
    ExpressionMacro::aggregate(
        "boolor_agg",
        "statistics",
        "True if the condition is true for at least one row.",
        Meaning::Sql(&[(1, "bool_or($1)")]),
    )
    .page(
        &[Argument::required("condition", Takes::Value("boolean"), "the condition")],
        &["SELECT boolor_agg(amount > 0) AS some FROM sample_orders(rows => 100);"],
    ),
    ExpressionMacro::aggregate(
        "approx_count_distinct",
        "statistics",
        "Returns the approximate number of distinct values.",
        Meaning::Sql(&[(1, "approx_distinct($1)")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("any type"), "the value")],
        &["SELECT approx_count_distinct(customer_id) AS customers FROM sample_orders(rows => 100);"],
    ),
];
