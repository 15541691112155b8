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
            Argument::required("condition", Takes::Value("boolean"), "condition to test, per row; NULL counts as false"),
            Argument::required(
                "then",
                Takes::Value("any type"),
                "result where the condition is true; of a type that fits `else`",
            ),
            Argument::required("else", Takes::Value("any type"), "result where the condition is false or NULL"),
        ],
        &[
            "SELECT if(1 > 0, 'yes', 'no') AS answer;",
            "SELECT if(amount >= 1000, 'large', 'small') AS size, count(*) AS orders
FROM sample_orders(rows => 1000) GROUP BY size ORDER BY size;",
        ],
    )
    .says(
        "\
A NULL condition is not true: the second value is returned. Only the chosen branch is computed: `if(b = 0, 0, a / b)`
does not fail. Values of different types become the wider one: integers become decimals or floats.

**Elsewhere.** MySQL and DuckDB: `if`; Snowflake: `iff`; SQL Server and SQLite: `iif`; PostgreSQL has only `CASE WHEN
condition THEN … ELSE … END`, which is the same here.",
    ),
    ExpressionMacro::scalar(
        "iff",
        "conditions",
        "As `if`, in Snowflake.",
        Meaning::Sql(&[(3, "CASE WHEN $1 THEN $2 ELSE $3 END")]),
    )
    .page(
        &[
            Argument::required("condition", Takes::Value("boolean"), "condition to test, per row; NULL counts as false"),
            Argument::required(
                "then",
                Takes::Value("any type"),
                "result where the condition is true; of a type that fits `else`",
            ),
            Argument::required("else", Takes::Value("any type"), "result where the condition is false or NULL"),
        ],
        &["SELECT iff(1 > 0, 'yes', 'no') AS answer;"],
    )
    .says("A NULL condition gives the last value. See `if`."),
    ExpressionMacro::scalar(
        "iif",
        "conditions",
        "As `if`, in SQL Server and SQLite.",
        Meaning::Sql(&[(3, "CASE WHEN $1 THEN $2 ELSE $3 END")]),
    )
    .page(
        &[
            Argument::required("condition", Takes::Value("boolean"), "condition to test, per row; NULL counts as false"),
            Argument::required(
                "then",
                Takes::Value("any type"),
                "result where the condition is true; of a type that fits `else`",
            ),
            Argument::required("else", Takes::Value("any type"), "result where the condition is false or NULL"),
        ],
        &["SELECT iif(1 > 0, 'yes', 'no') AS answer;"],
    )
    .says("A NULL condition gives the last value. See `if`."),
    ExpressionMacro::scalar(
        "ifnull",
        "conditions",
        "Returns the second value if the first is NULL.",
        Meaning::Sql(&[(2, "coalesce($1, $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("any type"), "value that may be NULL"),
            Argument::required(
                "instead",
                Takes::Value("any type"),
                "result where `value` is NULL; if it is NULL too, so is the result",
            ),
        ],
        &[
            "SELECT ifnull(NULL, 'none') AS text;",
            "SELECT ifnull(gender, 'unknown') AS gender, count(*) AS customers
FROM sample_customers(rows => 1000) GROUP BY ALL ORDER BY gender;",
        ],
    )
    .says(
        "\
The same as `coalesce(value, instead)`, which takes more than two values.

**Elsewhere.** The same name in MySQL, SQLite, DuckDB, Snowflake and BigQuery. Oracle: `nvl`; PostgreSQL: `coalesce`;
pandas: `fillna`.",
    ),
    ExpressionMacro::scalar(
        "isnull",
        "conditions",
        "True if the value is NULL; with a second argument, returns that one instead of NULL.",
        Meaning::Sql(&[(1, "($1 IS NULL)"), (2, "coalesce($1, $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("any type"), "value to test; may be NULL"),
            Argument::optional(
                "instead",
                Takes::Value("any type"),
                "",
                "result where `value` is NULL; without it, the result is true or false",
            ),
        ],
        &["SELECT isnull(NULL) AS nothing, isnull(NULL, 3) AS three;"],
    )
    .says(
        "\
With one argument as in MySQL, with two as in SQL Server.

**Elsewhere.** In PostgreSQL and DuckDB write `value IS NULL` and `coalesce(value, instead)`; both work here too.",
    ),
    ExpressionMacro::scalar(
        "zeroifnull",
        "conditions",
        "Returns 0 if the value is NULL.",
        Meaning::Sql(&[(1, "coalesce($1, 0)")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("number"), "number; NULL becomes 0, any other value stays")],
        &["SELECT zeroifnull(NULL) AS zero;"],
    )
    .says(
        "\
Use it for counts and sums, where no row means 0. For prices and ages a missing value is not 0: leave it NULL.

**Elsewhere.** Snowflake and Teradata: `zeroifnull`; standard SQL: `coalesce(value, 0)`.",
    ),
    ExpressionMacro::scalar("nullifzero", "conditions", "Returns NULL if the value is 0.", Meaning::Sql(&[(1, "nullif($1, 0)")]))
        .page(
            &[Argument::required(
                "value",
                Takes::Value("number"),
                "number; 0 becomes NULL, any other value stays, NULL stays NULL",
            )],
            &["SELECT nullifzero(0) AS nothing, nullifzero(2) AS two;"],
        )
        .says(
            "\
Use it where 0 stands for \"not known\", so that averages leave it out.

**Elsewhere.** Snowflake and Teradata: `nullifzero`; standard SQL: `nullif(value, 0)`.",
        ),
    ExpressionMacro::scalar(
        "equal_null",
        "conditions",
        "True if both are equal or both are NULL.",
        Meaning::Sql(&[(2, "($1 IS NOT DISTINCT FROM $2)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("any type"), "first value; may be NULL"),
            Argument::required(
                "b",
                Takes::Value("any type"),
                "second value, of a type that compares with the first; may be NULL",
            ),
        ],
        &["SELECT equal_null(NULL, NULL) AS same;"],
    )
    .says(
        "\
The result is always true or false, never NULL: `NULL = NULL` is NULL, `equal_null(NULL, NULL)` is true. Use it to
compare two versions of a row, and in joins over columns that may be NULL.

**Elsewhere.** Snowflake: `equal_null`; standard SQL, PostgreSQL and DuckDB: `a IS NOT DISTINCT FROM b`; MySQL: `a <=>
b`.",
    ),
    ExpressionMacro::scalar(
        "safe_divide",
        "conditions",
        "Returns a / b, and NULL if b is 0.",
        Meaning::Sql(&[(2, "($1 / nullif($2, 0))")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("number"), "number to divide; NULL gives NULL"),
            Argument::required("b", Takes::Value("number"), "number to divide by; 0 or NULL gives NULL"),
        ],
        &[
            "SELECT safe_divide(6.0, 4) AS half, safe_divide(1.0, 0) AS nothing;",
            "SELECT channel, round(safe_divide(CAST(count_if(status = 'refunded') AS DOUBLE), count_if(status = 'paid')), 4)
  AS refunds_per_paid
FROM sample_orders(rows => 10000) GROUP BY channel ORDER BY channel;",
        ],
    )
    .says(
        "\
Integers are divided as by `/`: 7 / 2 is 3.

**Elsewhere.** BigQuery: `safe_divide`, which returns a float for integers. In DuckDB `/` divides as floats: write
`safe_divide(CAST(a AS DOUBLE), b)` for the same result here.",
    ),
    ExpressionMacro::scalar(
        "div0",
        "conditions",
        "Returns a / b, and 0 if b is 0.",
        Meaning::Sql(&[(2, "CASE WHEN $2 = 0 THEN 0 ELSE $1 / nullif($2, 0) END")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("number"), "number to divide; NULL gives NULL, except that a divisor 0 gives 0"),
            Argument::required("b", Takes::Value("number"), "number to divide by; 0 gives 0, NULL gives NULL"),
        ],
        &["SELECT div0(7, 0) AS zero;"],
    )
    .says(
        "\
A rate of 0 for an empty group hides that nothing was counted: for averages over groups `safe_divide` is better.
Integers are divided as by `/`:
7 / 2 is 3.

**Elsewhere.** Snowflake: `div0`.",
    ),
    ExpressionMacro::scalar(
        "div0null",
        "conditions",
        "Returns a / b, and 0 if b is 0 or NULL.",
        Meaning::Sql(&[(2, "CASE WHEN coalesce($2, 0) = 0 THEN 0 ELSE $1 / nullif($2, 0) END")]),
    )
    .page(
        &[
            Argument::required(
                "a",
                Takes::Value("number"),
                "number to divide; NULL gives NULL, except that a divisor 0 or NULL gives 0",
            ),
            Argument::required("b", Takes::Value("number"), "number to divide by; 0 and NULL give 0"),
        ],
        &["SELECT div0null(7, NULL) AS zero;"],
    )
    .says(
        "\
As `div0`, but a missing divisor counts as 0 too.

**Elsewhere.** Snowflake: `div0null`.",
    ),
    ExpressionMacro::scalar("booland", "conditions", "True if both are true.", Meaning::Sql(&[(2, "($1 AND $2)")]))
        .page(
            &[
                Argument::required("a", Takes::Value("boolean"), "first condition; NULL means unknown"),
                Argument::required("b", Takes::Value("boolean"), "second condition; NULL means unknown"),
            ],
            &["SELECT booland(true, false) AS both;"],
        )
        .says(
            "\
False if one is false, also when the other is NULL; otherwise NULL if one is NULL.

**Elsewhere.** Snowflake: `booland`; standard SQL: `a AND b`.",
        ),
    ExpressionMacro::scalar("boolor", "conditions", "True if at least one of them is true.", Meaning::Sql(&[(2, "($1 OR $2)")]))
        .page(
            &[
                Argument::required("a", Takes::Value("boolean"), "first condition; NULL means unknown"),
                Argument::required("b", Takes::Value("boolean"), "second condition; NULL means unknown"),
            ],
            &["SELECT boolor(true, false) AS one;"],
        )
        .says(
            "\
True if one is true, also when the other is NULL; otherwise NULL if one is NULL.

**Elsewhere.** Snowflake: `boolor`; standard SQL: `a OR b`.",
        ),
    ExpressionMacro::scalar("boolxor", "conditions", "True if exactly one of them is true.", Meaning::Sql(&[(2, "($1 <> $2)")]))
        .page(
            &[
                Argument::required("a", Takes::Value("boolean"), "first condition; NULL means unknown"),
                Argument::required("b", Takes::Value("boolean"), "second condition; NULL means unknown"),
            ],
            &["SELECT boolxor(true, false) AS one;"],
        )
        .says(
            "\
NULL if one of them is NULL.

**Elsewhere.** Snowflake: `boolxor`; MySQL: `a XOR b`; PostgreSQL and DuckDB: `a <> b` of two booleans.",
        ),
    ExpressionMacro::scalar(
        "decode",
        "conditions",
        "Returns the result that belongs to the first equal value; NULL equals NULL.",
        Meaning::Code(decode::meaning),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("any type"), "value to look up; may be NULL"),
            Argument::required("search", Takes::Value("any type"), "value to compare with; NULL finds NULL"),
            Argument::required(
                "result",
                Takes::Value("any type"),
                "result where `value` equals `search`; all results become one type",
            ),
            Argument::optional(
                "rest",
                Takes::Value("more pairs, and a default"),
                "",
                "further pairs of `search` and `result`, and a last single value as the default; without a \
                 default, no match gives NULL",
            ),
        ],
        &[
            "SELECT decode(2, 1, 'one', 2, 'two', 'many') AS word;",
            "SELECT decode(gender, 'female', 'F', 'male', 'M', '?') AS sex, count(*) AS customers
FROM sample_customers(rows => 1000) GROUP BY sex ORDER BY sex;",
        ],
    )
    .says(
        "\
As in Oracle and Snowflake. With two arguments it is PostgreSQL's `decode(text, format)` for bytes.

**Elsewhere.** Standard SQL: `CASE value WHEN search THEN result … END`, where NULL does not equal NULL. pandas:
`map`.",
    ),
];
