//! Regular expressions, and values formatted into strings.

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 10] = [
    ExpressionMacro::scalar(
        "regexp_matches",
        "texts",
        "True if a string contains a match of a pattern, as in DuckDB.",
        Meaning::Sql(&[(2, "($1 ~ $2)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to search in; NULL gives NULL"),
            Argument::required(
                "pattern",
                Takes::Value("string"),
                "regular expression of Rust's regex crate, without look-around and back references; NULL \
                 gives NULL",
            ),
        ],
        &[
            "SELECT regexp_matches('tea', '^t') AS yes;",
            "SELECT regexp_matches(phone, '^[+]86') AS with_code, count(*) AS customers
FROM sample_customers(rows => 1000) GROUP BY ALL ORDER BY with_code;",
        ],
    )
    .says(
        "\
Upper and lower case differ, unless the pattern begins with `(?i)`. A part of the text is enough: `^` and `$` tie the
pattern to its ends.

**Cost.** The time grows with the length of the text, never exponentially with the pattern.

**Elsewhere.** DuckDB: `regexp_matches`; PostgreSQL: `text ~ pattern`, while its `regexp_matches` returns the matches
as rows; pandas: `.str.contains`.",
    ),
    ExpressionMacro::scalar(
        "regexp_contains",
        "texts",
        "True if a string contains a match of a pattern, as in BigQuery.",
        Meaning::Sql(&[(2, "($1 ~ $2)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to search in; NULL gives NULL"),
            Argument::required(
                "pattern",
                Takes::Value("string"),
                "regular expression of Rust's regex crate, without look-around and back references; NULL \
                 gives NULL",
            ),
        ],
        &["SELECT regexp_contains('tea', '^t') AS yes;"],
    )
    .says(
        "\
Upper and lower case differ, unless the pattern begins with `(?i)`. A part of the text is enough: `^` and `$` tie the
pattern to its ends. See `regexp_matches`.",
    ),
    ExpressionMacro::scalar(
        "rlike",
        "texts",
        "True if the whole string matches a pattern, as in Snowflake.",
        Meaning::Sql(&[(2, "($1 ~ ('^(' || $2 || ')$'))")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to search in; NULL gives NULL"),
            Argument::required(
                "pattern",
                Takes::Value("string"),
                "regular expression of Rust's regex crate, without look-around and back references; NULL \
                 gives NULL",
            ),
        ],
        &["SELECT rlike('tea', 't.*') AS yes;"],
    )
    .says(
        "\
The operator `text RLIKE pattern` matches a part of the string, as in MySQL.

**Elsewhere.** Snowflake: `rlike` and `regexp_like`, whole text; Spark: `rlike`, a part; pandas: `.str.fullmatch`.",
    ),
    ExpressionMacro::scalar(
        "regexp_extract",
        "texts",
        "Returns the first match of a pattern, or of a group in it; an empty string if there is none.",
        Meaning::Sql(&[
            (2, "CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL THEN coalesce(regexp_match($1, '(' || $2 || ')')[1], '') END"),
            (3, "CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL THEN coalesce(regexp_match($1, '(' || $2 || ')')[$3 + 1], '') END"),
        ]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to search in; NULL gives NULL"),
            Argument::required(
                "pattern",
                Takes::Value("string"),
                "regular expression of Rust's regex crate, without look-around and back references; NULL \
                 gives NULL",
            ),
            Argument::optional(
                "group",
                Takes::Value("integer"),
                "",
                "number of the group in parentheses, from 1; 0, the default, is the whole match",
            ),
        ],
        &["SELECT regexp_extract('order-123', '([a-z]+)-([0-9]+)', 2) AS number;"],
    )
    .says(
        "\
As in DuckDB. BigQuery returns NULL if there is no match, and the group if the pattern has one: write
`regexp_match(text, pattern)[1]`.

**Elsewhere.** DuckDB: `regexp_extract`; Spark: `regexp_extract`, with group 1 as default; PostgreSQL: `substring(text
FROM pattern)`; pandas: `.str.extract`.",
    ),
    ExpressionMacro::scalar(
        "regexp_substr",
        "texts",
        "Returns the first match of a pattern; NULL if there is none.",
        Meaning::Sql(&[(2, "regexp_match($1, '(' || $2 || ')')[1]")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to search in; NULL gives NULL"),
            Argument::required(
                "pattern",
                Takes::Value("string"),
                "regular expression of Rust's regex crate, without look-around and back references; NULL \
                 gives NULL",
            ),
        ],
        &["SELECT regexp_substr('a1b22', '[0-9]+') AS number;"],
    )
    .says(
        "\
Upper and lower case differ, unless the pattern begins with `(?i)`. A part of the text is enough: `^` and `$` tie the
pattern to its ends.

**Elsewhere.** Oracle, MySQL and Snowflake: `regexp_substr`, with more arguments; PostgreSQL 15 and later too.",
    ),
    ExpressionMacro::scalar(
        "format",
        "texts",
        "Inserts values into a string: `%s`, `%d`, `%f` …, or `{}` as in DuckDB.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("pattern", Takes::Value("string"), "text with places for the values; NULL gives NULL"),
            Argument::optional(
                "values",
                Takes::Value("values of any type"),
                "",
                "values for the places in the pattern, in order; too few are an error",
            ),
        ],
        &["SELECT format('%s has %s', 'tea', 3) AS text;"],
    )
    .says(
        "\
`%s` is the next value, `%1$s` the first, `%I` a quoted name, `%L` a quoted text, `%%` a percent sign, as in
PostgreSQL; `%d`, `%5.2f`, `%x` … as in `printf`. A pattern without `%` takes `{}`, `{0}` and
`{:.2f}`, `{:,}`, `{:05d}`, `{:>10}`, as in DuckDB. NULL is an
empty text for `%s`, the word NULL for `%L`, an error for `%I`, and otherwise makes the result NULL. MySQL's
`format(number, digits)` is another function: write `to_char(number, 'FM9,999,990.00')`.

**Elsewhere.** PostgreSQL: `format`, with only `%s`, `%I` and `%L`; DuckDB: `format`, with only braces.",
    ),
    ExpressionMacro::scalar("printf", "texts", "Inserts values into a string, as in C: `%d`, `%05.2f`, `%s`.", Meaning::Itself)
        .page(
            &[
                Argument::required("pattern", Takes::Value("string"), "text with places for the values; NULL gives NULL"),
                Argument::optional(
                    "values",
                    Takes::Value("values of any type"),
                    "",
                    "values for the places in the pattern, in order; too few are an error, one NULL gives NULL",
                ),
            ],
            &["SELECT printf('%05.2f', 3.14159) AS number;"],
        )
        .says(
            "\
`%d` integer, `%s` text, `%.2f` two decimals, `%e` with exponent, `%x` hexadecimal, `%%` a percent sign; `05` before
the letter pads with zeros to five characters, `-10` with spaces on the right.

**Elsewhere.** DuckDB and SQLite: `printf`; PostgreSQL: `format`, with only `%s`, `%I` and `%L`; Python: `'…' % (…)`.",
        ),
    ExpressionMacro::scalar(
        "quote_literal",
        "texts",
        "Quotes a string as a SQL literal.",
        Meaning::Sql(&[(1, "('''' || replace($1, '''', '''''') || '''')")]),
    )
    .page(
        &[Argument::required("text", Takes::Value("string"), "text to quote; NULL gives NULL")],
        &["SELECT quote_literal('it''s') AS text;"],
    )
    .says(
        "\
For SQL that is put together as text. Quotes inside are doubled.

**Elsewhere.** PostgreSQL: `quote_literal`, and `quote_nullable` for NULL as text; Oracle:
`dbms_assert.enquote_literal`.",
    ),
    ExpressionMacro::scalar(
        "quote_ident",
        "texts",
        "Quotes a name as SQL needs it, if it needs quotes.",
        Meaning::Sql(&[(1, "CASE WHEN $1 IS NOT NULL THEN format('%I', $1) END")]),
    )
    .page(
        &[Argument::required("name", Takes::Value("string"), "name of a table or column; NULL gives NULL")],
        &["SELECT quote_ident('my table') AS name;"],
    )
    .says(
        "\
Names with capitals, spaces or signs are put in double quotes, and so are words of SQL such as `user`; others stay.

**Elsewhere.** PostgreSQL: `quote_ident`; SQL Server: `quotename`, with brackets.",
    ),
    ExpressionMacro::scalar(
        "regexp_full_match",
        "texts",
        "True if the whole string matches a pattern, as in DuckDB.",
        Meaning::Sql(&[(2, "($1 ~ ('^(?:' || $2 || ')$'))")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to search in; NULL gives NULL"),
            Argument::required(
                "pattern",
                Takes::Value("string"),
                "regular expression of Rust's regex crate, without look-around and back references; NULL \
                 gives NULL",
            ),
        ],
        &["SELECT regexp_full_match('tea', 't.*') AS yes;"],
    )
    .says(
        "\
Upper and lower case differ, unless the pattern begins with `(?i)`. `regexp_matches` is content with a part of the
text.

**Elsewhere.** DuckDB: `regexp_full_match`; Snowflake: `rlike`; pandas: `.str.fullmatch`; Python: `re.fullmatch`.",
    ),
];
