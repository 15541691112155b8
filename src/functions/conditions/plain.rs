//! Conditions and NULL handling, under the names of other systems.

use super::decode;
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 15] = [
    ExpressionMacro::scalar(
        "if",
        "conditions",
        "Returns one value if the condition is true, and another if it is not.",
        Meaning::Sql(&[(3, "CASE WHEN $1 THEN $2 ELSE $3 END")]),
    )
    .page(
        &[
            Argument::required("condition", Takes::Value("boolean"), "the condition"),
            Argument::required("then", Takes::Value("any type"), "result if the condition is true"),
            Argument::required("else", Takes::Value("any type"), "result if it is false or NULL"),
        ],
        &["SELECT if(1 > 0, 'yes', 'no') AS answer;"],
    )
    .says("A NULL condition is not true: the second value is returned."),
    ExpressionMacro::scalar(
        "iff",
        "conditions",
        "As `if`, in Snowflake.",
        Meaning::Sql(&[(3, "CASE WHEN $1 THEN $2 ELSE $3 END")]),
    )
    .page(
        &[
            Argument::required("condition", Takes::Value("boolean"), "the condition"),
            Argument::required("then", Takes::Value("any type"), "result if the condition is true"),
            Argument::required("else", Takes::Value("any type"), "result if it is false or NULL"),
        ],
        &["SELECT iff(1 > 0, 'yes', 'no') AS answer;"],
    ),
    ExpressionMacro::scalar(
        "iif",
        "conditions",
        "As `if`, in SQL Server and SQLite.",
        Meaning::Sql(&[(3, "CASE WHEN $1 THEN $2 ELSE $3 END")]),
    )
    .page(
        &[
            Argument::required("condition", Takes::Value("boolean"), "the condition"),
            Argument::required("then", Takes::Value("any type"), "result if the condition is true"),
            Argument::required("else", Takes::Value("any type"), "result if it is false or NULL"),
        ],
        &["SELECT iif(1 > 0, 'yes', 'no') AS answer;"],
    ),
    ExpressionMacro::scalar(
        "ifnull",
        "conditions",
        "Returns the second value if the first is NULL.",
        Meaning::Sql(&[(2, "coalesce($1, $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("any type"), "the value"),
            Argument::required("instead", Takes::Value("any type"), "result if the value is NULL"),
        ],
        &["SELECT ifnull(NULL, 'none') AS text;"],
    ),
    ExpressionMacro::scalar(
        "isnull",
        "conditions",
        "True if the value is NULL; with a second argument, returns that one instead of NULL.",
        Meaning::Sql(&[(1, "($1 IS NULL)"), (2, "coalesce($1, $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("any type"), "the value"),
            Argument::optional("instead", Takes::Value("any type"), "", "result if the value is NULL"),
        ],
        &["SELECT isnull(NULL) AS nothing, isnull(NULL, 3) AS three;"],
    )
    .says("With one argument as in MySQL, with two as in SQL Server."),
    ExpressionMacro::scalar(
        "zeroifnull",
        "conditions",
        "Returns 0 if the value is NULL.",
        Meaning::Sql(&[(1, "coalesce($1, 0)")]),
    )
    .page(&[Argument::required("value", Takes::Value("number"), "the value")], &["SELECT zeroifnull(NULL) AS zero;"]),
    ExpressionMacro::scalar("nullifzero", "conditions", "Returns NULL if the value is 0.", Meaning::Sql(&[(1, "nullif($1, 0)")]))
        .page(
            &[Argument::required("value", Takes::Value("number"), "the value")],
            &["SELECT nullifzero(0) AS nothing, nullifzero(2) AS two;"],
        ),
    ExpressionMacro::scalar(
        "equal_null",
        "conditions",
        "True if both are equal or both are NULL.",
        Meaning::Sql(&[(2, "($1 IS NOT DISTINCT FROM $2)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("any type"), "first operand"),
            Argument::required("b", Takes::Value("any type"), "second operand"),
        ],
        &["SELECT equal_null(NULL, NULL) AS same;"],
    ),
    ExpressionMacro::scalar(
        "safe_divide",
        "conditions",
        "Returns a / b, and NULL if b is 0.",
        Meaning::Sql(&[(2, "($1 / nullif($2, 0))")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("number"), "first operand"),
            Argument::required("b", Takes::Value("number"), "second operand"),
        ],
        &["SELECT safe_divide(6.0, 4) AS half, safe_divide(1.0, 0) AS nothing;"],
    )
    .says("Integers are divided as by `/`: 7 / 2 is 3."),
    ExpressionMacro::scalar(
        "div0",
        "conditions",
        "Returns a / b, and 0 if b is 0.",
        Meaning::Sql(&[(2, "CASE WHEN $2 = 0 THEN 0 ELSE $1 / nullif($2, 0) END")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("number"), "first operand"),
            Argument::required("b", Takes::Value("number"), "second operand"),
        ],
        &["SELECT div0(7, 0) AS zero;"],
    ),
    ExpressionMacro::scalar(
        "div0null",
        "conditions",
        "Returns a / b, and 0 if b is 0 or NULL.",
        Meaning::Sql(&[(2, "CASE WHEN coalesce($2, 0) = 0 THEN 0 ELSE $1 / nullif($2, 0) END")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("number"), "first operand"),
            Argument::required("b", Takes::Value("number"), "second operand"),
        ],
        &["SELECT div0null(7, NULL) AS zero;"],
    ),
    ExpressionMacro::scalar("booland", "conditions", "True if both are true.", Meaning::Sql(&[(2, "($1 AND $2)")])).page(
        &[
            Argument::required("a", Takes::Value("boolean"), "first operand"),
            Argument::required("b", Takes::Value("boolean"), "second operand"),
        ],
        &["SELECT booland(true, false) AS both;"],
    ),
    ExpressionMacro::scalar("boolor", "conditions", "True if at least one of them is true.", Meaning::Sql(&[(2, "($1 OR $2)")]))
        .page(
            &[
                Argument::required("a", Takes::Value("boolean"), "first operand"),
                Argument::required("b", Takes::Value("boolean"), "second operand"),
            ],
            &["SELECT boolor(true, false) AS one;"],
        ),
    ExpressionMacro::scalar("boolxor", "conditions", "True if exactly one of them is true.", Meaning::Sql(&[(2, "($1 <> $2)")]))
        .page(
            &[
                Argument::required("a", Takes::Value("boolean"), "first operand"),
                Argument::required("b", Takes::Value("boolean"), "second operand"),
            ],
            &["SELECT boolxor(true, false) AS one;"],
        ),
    ExpressionMacro::scalar(
        "decode",
        "conditions",
        "Returns the result that belongs to the first equal value; NULL equals NULL.",
        Meaning::Code(decode::meaning),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("any type"), "the value"),
            Argument::required("search", Takes::Value("any type"), "value to compare with"),
            Argument::required("result", Takes::Value("any type"), "result if they are equal"),
            Argument::optional("rest", Takes::Value("more pairs, and a default"), "", "further pairs, and a default"),
        ],
        &["SELECT decode(2, 1, 'one', 2, 'two', 'many') AS word;"],
    )
    .says("As in Oracle and Snowflake. With two arguments it is PostgreSQL's `decode(text, format)` for bytes."),
];
