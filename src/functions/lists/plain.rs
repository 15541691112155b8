//! Lists, under the names of other systems.

use super::given::of_list;
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 9] = [
    ExpressionMacro::scalar(
        "list_reverse_sort",
        "lists",
        "Sorts a list in descending order.",
        Meaning::Sql(&[(1, "array_sort($1, 'DESC', 'NULLS LAST')")]),
    )
    .page(&[Argument::required("list", Takes::Value("list"), "the list")], &["SELECT list_reverse_sort([3, 1, 2]) AS falling;"]),
    ExpressionMacro::scalar("sort_array", "lists", "Sorts a list in ascending order.", Meaning::Sql(&[(1, "array_sort($1)")]))
        .page(&[Argument::required("list", Takes::Value("list"), "the list")], &["SELECT sort_array([3, 1, 2]) AS rising;"]),
    ExpressionMacro::scalar(
        "array_size",
        "lists",
        "Returns the number of values in a list.",
        Meaning::Sql(&[(1, "cardinality($1)")]),
    )
    .page(&[Argument::required("list", Takes::Value("list"), "the list")], &["SELECT array_size([1, 2]) AS count;"]),
    ExpressionMacro::scalar("size", "lists", "Returns the number of values in a list.", Meaning::Sql(&[(1, "cardinality($1)")]))
        .page(&[Argument::required("list", Takes::Value("list"), "the list")], &["SELECT size([1, 2]) AS count;"]),
    ExpressionMacro::scalar(
        "array_contains",
        "lists",
        "True if a list contains a value.",
        Meaning::Sql(&[(2, "array_has($1, $2)")]),
    )
    .page(
        &[
            Argument::required("list", Takes::Value("list, or the value in Snowflake"), "the list"),
            Argument::required("value", Takes::Value("any type"), "the value"),
        ],
        &["SELECT array_contains([1, 2], 2) AS yes;"],
    ),
    ExpressionMacro::scalar(
        "generate_array",
        "lists",
        "Generates a list of numbers, both ends included, as in BigQuery.",
        Meaning::Sql(&[(2, "generate_series($1, $2)"), (3, "generate_series($1, $2, $3)")]),
    )
    .page(
        &[
            Argument::required("start", Takes::Value("integer"), "the start"),
            Argument::required("end", Takes::Value("integer"), "the end"),
            Argument::optional("step", Takes::Value("integer"), "", "the step"),
        ],
        &["SELECT generate_array(1, 3) AS numbers;"],
    ),
    ExpressionMacro::scalar(
        "generate_date_array",
        "lists",
        "Generates a list of dates, both ends included, as in BigQuery.",
        Meaning::Sql(&[(2, "generate_series($1, $2, INTERVAL '1 day')"), (3, "generate_series($1, $2, $3)")]),
    )
    .page(
        &[
            Argument::required("start", Takes::Value("date"), "the start"),
            Argument::required("end", Takes::Value("date"), "the end"),
            Argument::optional("step", Takes::Value("interval"), "", "the step"),
        ],
        &["SELECT generate_date_array(DATE '2025-05-01', DATE '2025-05-03') AS days;"],
    ),
    ExpressionMacro::scalar(
        "list_aggregate",
        "lists",
        "Applies an aggregate to the values of a list, as in DuckDB.",
        Meaning::Code(of_list),
    )
    .page(
        &[
            Argument::required("list", Takes::Value("list"), "the list"),
            Argument::required("name", Takes::Value("'sum', 'avg', 'min', 'max', 'count'"), "the name"),
        ],
        &["SELECT list_aggregate([1, 2, 3], 'sum') AS sum;"],
    ),
    ExpressionMacro::scalar(
        "array_remove",
        "lists",
        "Removes every occurrence of a value from a list.",
        Meaning::Sql(&[(2, "array_remove_all($1, $2)")]),
    )
    .page(
        &[
            Argument::required("list", Takes::Value("list"), "the list"),
            Argument::required("value", Takes::Value("any type"), "the value"),
        ],
        &["SELECT array_remove([1, 2, 1], 1) AS rest;"],
    )
    .says("As in PostgreSQL. `array_remove_n(list, value, 1)` removes only the first."),
];
