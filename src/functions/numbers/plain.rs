//! Numbers, under the names of other systems, and distribution functions.

use super::given::{greatest, number};
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 13] = [
    ExpressionMacro::scalar(
        "mod",
        "numbers",
        "Returns the remainder of a / b, with the sign of a.",
        Meaning::Sql(&[(2, "($1 % $2)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("number"), "number to divide; NULL gives NULL"),
            Argument::required("b", Takes::Value("number"), "number to divide by; 0 is an error, NULL gives NULL"),
        ],
        &[
            "SELECT mod(7, 3) AS rest;",
            "SELECT mod(customer_id, 4) AS wave, count(*) AS customers
FROM sample_customers(rows => 1000) GROUP BY wave ORDER BY wave;",
        ],
    )
    .says(
        "\
`mod(-7, 3)` is -1: for a result from 0 to b − 1 write `mod(mod(a, b) + b, b)`.

**Elsewhere.** The same in PostgreSQL, DuckDB, MySQL and SQL Server (`%`). In Python and R the remainder has the sign
of b.",
    ),
    ExpressionMacro::scalar(
        "div",
        "numbers",
        "Divides a by b and drops the fraction.",
        Meaning::Sql(&[(2, "CAST(($1 - $1 % $2) / $2 AS BIGINT)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("number"), "number to divide; NULL gives NULL"),
            Argument::required("b", Takes::Value("number"), "number to divide by; 0 is an error, NULL gives NULL"),
        ],
        &["SELECT div(7, 2) AS whole;"],
    )
    .says(
        "\
The fraction is dropped towards 0: `div(-7, 2)` is -3. The result is a BIGINT.

**Elsewhere.** PostgreSQL: `div`; MySQL: `a DIV b`; DuckDB and Python: `a // b`, which in Python rounds down.",
    ),
    ExpressionMacro::scalar("sign", "numbers", "Returns -1, 0 or 1.", Meaning::Sql(&[(1, "signum($1)")]))
        .page(&[Argument::required("value", Takes::Value("number"), "number; NULL gives NULL")], &["SELECT sign(-4) AS sign;"])
        .says(
            "\
The result is a float: `-1.0`, `0.0` or `1.0`.

**Elsewhere.** The same name in PostgreSQL, DuckDB and MySQL; numpy: `sign`.",
        ),
    ExpressionMacro::scalar("ceiling", "numbers", "Rounds up to an integer.", Meaning::Sql(&[(1, "ceil($1)")]))
        .page(
            &[Argument::required("value", Takes::Value("number"), "number to round up; NULL gives NULL")],
            &["SELECT ceiling(2.1) AS above;"],
        )
        .says(
            "\
The result is a float: `CAST` it for an integer. `ceiling(-2.1)` is -2.

**Elsewhere.** Also `ceil`, as in PostgreSQL and DuckDB; SQL Server and MySQL: `ceiling`.",
        ),
    ExpressionMacro::scalar(
        "truncate",
        "numbers",
        "Drops the digits of a number after a given decimal place.",
        Meaning::Sql(&[(1, "trunc($1)"), (2, "trunc($1, $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "number to shorten; NULL gives NULL"),
            Argument::optional(
                "digits",
                Takes::Value("integer"),
                "",
                "decimal places that stay, default 0; -2 keeps whole hundreds",
            ),
        ],
        &["SELECT truncate(2.567, 1) AS shorter;"],
    )
    .says(
        "\
Nothing is rounded: `truncate(-2.567, 1)` is -2.5. For prices to the cent use `round`.

**Elsewhere.** MySQL: `truncate`; PostgreSQL, DuckDB, Oracle and Snowflake: `trunc`.",
    ),
    ExpressionMacro::scalar(
        "rand",
        "numbers",
        "Returns a random number, at least 0 and below 1.",
        Meaning::Sql(&[(0, "random()")]),
    )
    .page(&[Argument::optional("()", Takes::Value("nothing"), "", "it takes no arguments")], &["SELECT rand() < 1 AS below;"])
    .says(
        "\
Every row gets a number of its own, and every run other numbers; there is no seed. For a sample that stays the same,
take a part of a key: `WHERE mod(customer_id, 100) = 0`.

**Elsewhere.** MySQL, BigQuery and Spark: `rand`; PostgreSQL and DuckDB: `random`, which works here too. Snowflake's
`random()` is a 64-bit integer.",
    ),
    ExpressionMacro::scalar(
        "ieee_divide",
        "numbers",
        "Divides a by b as floats: infinite if b is 0.",
        Meaning::Sql(&[(2, "(CAST($1 AS DOUBLE) / CAST($2 AS DOUBLE))")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("number"), "number to divide, read as a float; NULL gives NULL"),
            Argument::required("b", Takes::Value("number"), "number to divide by; 0 gives infinity, or NaN for 0 / 0"),
        ],
        &["SELECT ieee_divide(1, 0) AS infinite;"],
    )
    .says(
        "\
It never fails. For a result that averages can leave out, use `safe_divide`.

**Elsewhere.** BigQuery: `ieee_divide`; numpy and R divide floats so.",
    ),
    ExpressionMacro::scalar(
        "to_number",
        "numbers",
        "Parses a number from a string.",
        Meaning::Code(number),
    )
    .page(
        &[
            Argument::required(
                "text",
                Takes::Value("string"),
                "number as text; spaces around it are ignored, other text is an error, NULL gives NULL",
            ),
            Argument::optional(
                "pattern",
                Takes::Value("string"),
                "",
                "constant with a 9 or 0 for each digit, G or a comma between thousands, D or a point before the places",
            ),
        ],
        &["SELECT to_number('12') AS number;", "SELECT to_number('1,234.50-', '9G999D99S') AS number;"],
    )
    .says(
        "\
Without a pattern the result is an integer, as in Snowflake; for other numbers write `CAST(text AS DECIMAL(12, 2))`. A
fraction is rounded: `'12.7'` gives 13. With a pattern the result has as many digits and places as the pattern: signs
between the digits are ignored, a minus may stand before or behind, more places are cut off, and more digits are an error.

**Elsewhere.** Snowflake, Oracle and PostgreSQL: `to_number`; PostgreSQL always has a pattern, and drops digits that it
has no place for; pandas: `to_numeric`.",
    ),
    ExpressionMacro::scalar(
        "try_to_number",
        "numbers",
        "Parses an integer from a string; NULL if it is not one.",
        Meaning::Sql(&[(1, "TRY_CAST($1 AS DECIMAL(38, 0))")]),
    )
    .page(
        &[Argument::required("text", Takes::Value("string"), "number as text; other text and NULL give NULL")],
        &["SELECT try_to_number('x') AS nothing;"],
    )
    .says(
        "\
A fraction is rounded, as by `to_number`. Count what was lost: `count_if(text IS NOT NULL AND try_to_number(text) IS
NULL)`.

**Elsewhere.** Snowflake: `try_to_number`; DuckDB and SQL Server: `TRY_CAST`; pandas: `to_numeric(…,
errors='coerce')`.",
    ),
    ExpressionMacro::scalar(
        "greatest_ignore_nulls",
        "numbers",
        "Returns the greatest of the values that are not NULL.",
        Meaning::Code(greatest),
    )
    .page(
        &[Argument::required("values", Takes::Value("number"), "one or more numbers; NULL only if all are NULL")],
        &["SELECT greatest_ignore_nulls(1, NULL, 3) AS greatest;"],
    )
    .says(
        "\
**Elsewhere.** Snowflake: `greatest_ignore_nulls`; PostgreSQL and DuckDB: `greatest`, which ignores NULLs there; in
MySQL, Oracle and BigQuery a NULL makes `greatest` NULL.",
    ),
    ExpressionMacro::scalar(
        "width_bucket",
        "numbers",
        "Returns the number of the equal-width bucket that a number falls in; 0 below the first, count + 1 above the last.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("value", Takes::Value("number"), "number to place; NULL gives NULL"),
            Argument::required("low", Takes::Value("number"), "lower end of the first bucket, included"),
            Argument::required("high", Takes::Value("number"), "upper end of the last bucket, not included"),
            Argument::required(
                "count",
                Takes::Value("integer"),
                "number of buckets, at least 1; all have the width (high − low) / count",
            ),
        ],
        &[
            "SELECT width_bucket(5, 0, 10, 5) AS bucket, width_bucket(35, [0, 20, 60]) AS band;",
            "SELECT width_bucket(age, 20, 60, 4) AS bucket, min(age) AS youngest, max(age) AS oldest, count(*) AS customers
FROM sample_customers(rows => 1000) WHERE age IS NOT NULL GROUP BY bucket ORDER BY bucket;",
        ],
    )
    .says(
        "\
With `low` above `high` the buckets fall from `low`, as in PostgreSQL. `width_bucket(value, list)` takes a list of the lower ends of
the buckets instead, in rising order: numbers, or times. NULL if the value is NaN. Bucket i covers low +
(i − 1)·w up to, not including, low + i·w, with w = (high − low) / count. Use it for histograms.

**Elsewhere.** The same in PostgreSQL, Oracle and Snowflake; numpy: `digitize`; pandas: `cut`.",
    ),
    ExpressionMacro::scalar(
        "hex",
        "numbers",
        "Writes an integer, or the bytes of a text, in upper-case hexadecimal.",
        Meaning::Itself,
    )
    .page(
        &[Argument::required(
            "value",
            Takes::Value("integer, string or bytes"),
            "value to write; a negative integer is written as 64 bits, NULL gives NULL",
        )],
        &["SELECT hex(255) AS hex, hex('tea') AS bytes;"],
    )
    .says(
        "\
A text is written as the bytes of its UTF-8.

**Elsewhere.** The same in MySQL and DuckDB; PostgreSQL: `to_hex`, and `encode(bytes, 'hex')`, both in lower case;
Snowflake: `hex_encode`.",
    ),
    ExpressionMacro::scalar("bit_count", "numbers", "Counts the bits of an integer, or of bytes, that are 1.", Meaning::Itself)
        .page(
            &[Argument::required("value", Takes::Value("integer or bytes"), "value whose bits are counted; NULL gives NULL")],
            &["SELECT bit_count(7) AS bits;"],
        )
        .says(
            "\
A negative integer has the bits of its type: a BIGINT of -1 has 64.

**Elsewhere.** MySQL, DuckDB and BigQuery: `bit_count`; PostgreSQL: `bit_count` of bytes and bits; Snowflake:
`bitcount`; Python: `int.bit_count`.",
        ),
];
