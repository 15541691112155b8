//! Numbers, under the names of other systems, and distribution functions.

use super::given::greatest;
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 12] = [
    ExpressionMacro::scalar(
        "mod",
        "numbers",
        "Returns the remainder of a / b, with the sign of a.",
        Meaning::Sql(&[(2, "($1 % $2)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("number"), "first operand"),
            Argument::required("b", Takes::Value("number"), "second operand"),
        ],
        &["SELECT mod(7, 3) AS rest;"],
    ),
    ExpressionMacro::scalar(
        "div",
        "numbers",
        "Divides a by b and drops the fraction.",
        Meaning::Sql(&[(2, "CAST(($1 - $1 % $2) / $2 AS BIGINT)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("number"), "first operand"),
            Argument::required("b", Takes::Value("number"), "second operand"),
        ],
        &["SELECT div(7, 2) AS whole;"],
    ),
    ExpressionMacro::scalar("sign", "numbers", "Returns -1, 0 or 1.", Meaning::Sql(&[(1, "signum($1)")]))
        .page(&[Argument::required("value", Takes::Value("number"), "the value")], &["SELECT sign(-4) AS sign;"]),
    ExpressionMacro::scalar("ceiling", "numbers", "Rounds up to an integer.", Meaning::Sql(&[(1, "ceil($1)")]))
        .page(&[Argument::required("value", Takes::Value("number"), "the value")], &["SELECT ceiling(2.1) AS above;"]),
    ExpressionMacro::scalar(
        "truncate",
        "numbers",
        "Drops the digits of a number after a given decimal place.",
        Meaning::Sql(&[(1, "trunc($1)"), (2, "trunc($1, $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "the value"),
            Argument::optional("digits", Takes::Value("integer"), "", "the digits"),
        ],
        &["SELECT truncate(2.567, 1) AS shorter;"],
    ),
    ExpressionMacro::scalar(
        "rand",
        "numbers",
        "Returns a random number, at least 0 and below 1.",
        Meaning::Sql(&[(0, "random()")]),
    )
    .page(&[Argument::optional("()", Takes::Value("nothing"), "", "it takes no arguments")], &["SELECT rand() < 1 AS below;"]),
    ExpressionMacro::scalar(
        "ieee_divide",
        "numbers",
        "Divides a by b as floats: infinite if b is 0.",
        Meaning::Sql(&[(2, "(CAST($1 AS DOUBLE) / CAST($2 AS DOUBLE))")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("number"), "first operand"),
            Argument::required("b", Takes::Value("number"), "second operand"),
        ],
        &["SELECT ieee_divide(1, 0) AS infinite;"],
    ),
    ExpressionMacro::scalar(
        "to_number",
        "numbers",
        "Parses a number from a string.",
        Meaning::Sql(&[(1, "CAST($1 AS DECIMAL(38, 0))")]),
    )
    .page(&[Argument::required("text", Takes::Value("text"), "the text")], &["SELECT to_number('12') AS number;"])
    .says("The result is an integer, as in Snowflake; for other numbers write `CAST(text AS DECIMAL(12, 2))`."),
    ExpressionMacro::scalar(
        "try_to_number",
        "numbers",
        "Parses an integer from a string; NULL if it is not one.",
        Meaning::Sql(&[(1, "TRY_CAST($1 AS DECIMAL(38, 0))")]),
    )
    .page(&[Argument::required("text", Takes::Value("text"), "the text")], &["SELECT try_to_number('x') AS nothing;"]),
    ExpressionMacro::scalar(
        "greatest_ignore_nulls",
        "numbers",
        "Returns the greatest of the values that are not NULL.",
        Meaning::Code(greatest),
    )
    .page(
        &[Argument::required("values", Takes::Value("number"), "the values")],
        &["SELECT greatest_ignore_nulls(1, NULL, 3) AS greatest;"],
    ),
    ExpressionMacro::scalar(
        "width_bucket",
        "numbers",
        "Returns the number of the equal-width bucket that a number falls in; 0 below the first, count + 1 above the last.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "the value"),
            Argument::required("low", Takes::Value("number"), "the low"),
            Argument::required("high", Takes::Value("number"), "the high"),
            Argument::required("count", Takes::Value("integer"), "the count"),
        ],
        &["SELECT width_bucket(5, 0, 10, 5) AS bucket;"],
    )
    .says("With `low` above `high` the buckets fall from `low`, as in PostgreSQL. NULL if the value is NaN."),
    ExpressionMacro::scalar(
        "hex",
        "numbers",
        "Converts an integer to upper-case hexadecimal.",
        Meaning::Sql(&[(1, "upper(to_hex($1))")]),
    )
    .page(&[Argument::required("number", Takes::Value("integer"), "the number")], &["SELECT hex(255) AS hex;"]),
];
