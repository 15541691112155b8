//! Parts of strings.

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 16] = [
    ExpressionMacro::scalar(
        "len",
        "texts",
        "Returns the number of characters in a string, or of values in a list.",
        Meaning::Itself,
    )
    .page(
        &[Argument::required("text", Takes::Value("string or list"), "text or list to count; NULL gives NULL")],
        &["SELECT len('茶') AS letters;"],
    )
    .says(
        "\
An empty text and an empty list give 0; NULLs in a list count. For bytes use `octet_length`.

**Elsewhere.** DuckDB and Python: `len`; PostgreSQL: `length`, `cardinality`; SQL Server's `len` leaves out spaces at
the end; MySQL's `length` counts bytes.",
    ),
    ExpressionMacro::scalar(
        "char_len",
        "texts",
        "Returns the number of characters in a string.",
        Meaning::Sql(&[(1, "length($1)")]),
    )
    .page(
        &[Argument::required("text", Takes::Value("string"), "text to count; NULL gives NULL")],
        &["SELECT char_len('茶') AS letters;"],
    )
    .says(
        "\
A Chinese character counts as one.

**Elsewhere.** Standard SQL, PostgreSQL and MySQL: `char_length`; BigQuery: `char_length` and `length`.",
    ),
    ExpressionMacro::scalar("lcase", "texts", "Converts a string to lower case.", Meaning::Sql(&[(1, "lower($1)")]))
        .page(
            &[Argument::required("text", Takes::Value("string"), "text to convert; NULL gives NULL")],
            &["SELECT lcase('TEA') AS small;"],
        )
        .says(
            "\
Letters of every alphabet are converted; Chinese characters stay.

**Elsewhere.** Standard SQL: `lower`; MySQL: `lcase`; pandas: `.str.lower()`.",
        ),
    ExpressionMacro::scalar("ucase", "texts", "Converts a string to upper case.", Meaning::Sql(&[(1, "upper($1)")]))
        .page(
            &[Argument::required("text", Takes::Value("string"), "text to convert; NULL gives NULL")],
            &["SELECT ucase('tea') AS capital;"],
        )
        .says(
            "\
Letters of every alphabet are converted; Chinese characters stay.

**Elsewhere.** Standard SQL: `upper`; MySQL: `ucase`; pandas: `.str.upper()`.",
        ),
    ExpressionMacro::scalar(
        "mid",
        "texts",
        "Returns part of a string, from a given position.",
        Meaning::Sql(&[(2, "substr($1, $2)"), (3, "substr($1, $2, $3)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to read; NULL gives NULL"),
            Argument::required("start", Takes::Value("integer"), "position of the first character, from 1"),
            Argument::optional("count", Takes::Value("integer"), "", "number of characters; without it, to the end"),
        ],
        &["SELECT mid('teapot', 2, 3) AS part;"],
    )
    .says(
        "\
A position after the end gives an empty text. Positions below 1 stand before the text: `mid('teapot', 0, 3)` is `te`.

**Elsewhere.** PostgreSQL: `substr`, the same. In MySQL, SQLite and DuckDB a negative position counts from the end:
write `right(text, 2)`.",
    ),
    ExpressionMacro::scalar("space", "texts", "Returns a string of so many spaces.", Meaning::Sql(&[(1, "repeat(' ', $1)")]))
        .page(
            &[Argument::required(
                "count",
                Takes::Value("integer"),
                "number of spaces; 0 and less give an empty text, NULL gives NULL",
            )],
            &["SELECT space(2) || 'x' AS text;"],
        )
        .says(
            "\
**Elsewhere.** MySQL, SQL Server, Snowflake and Spark: `space`; PostgreSQL and DuckDB: `repeat(' ', count)`.",
        ),
    ExpressionMacro::scalar(
        "locate",
        "texts",
        "Returns the position of a substring, or 0 if it does not occur.",
        Meaning::Sql(&[
            (2, "strpos($2, $1)"),
            (
                3,
                "CASE WHEN $3 < 1 THEN 0 \
                 ELSE strpos(substr($2, $3), $1) + CASE WHEN strpos(substr($2, $3), $1) > 0 THEN $3 - 1 ELSE 0 END END",
            ),
        ]),
    )
    .page(
        &[
            Argument::required(
                "part",
                Takes::Value("string"),
                "text to look for; upper and lower case differ, an empty one is at 1, NULL gives NULL",
            ),
            Argument::required("text", Takes::Value("string"), "text to search in; NULL gives NULL"),
            Argument::optional("start", Takes::Value("integer"), "1", "position to begin at; 0 and less find nothing"),
        ],
        &["SELECT locate('b', 'abc') AS place;", "SELECT locate('a', 'banana', 3) AS place;"],
    )
    .says(
        "\
Positions are counted in characters, from 1.

**Elsewhere.** MySQL and Spark: `locate(part, text)`, where MySQL ignores case; PostgreSQL and DuckDB: `strpos(text,
part)`; Python: `find`, from 0, and -1 for none.",
    ),
    ExpressionMacro::scalar(
        "charindex",
        "texts",
        "As `locate`, in SQL Server and Snowflake.",
        Meaning::Sql(&[
            (2, "strpos($2, $1)"),
            (
                3,
                "CASE WHEN $3 < 1 THEN strpos($2, $1) \
                 ELSE strpos(substr($2, $3), $1) + CASE WHEN strpos(substr($2, $3), $1) > 0 THEN $3 - 1 ELSE 0 END END",
            ),
        ]),
    )
    .page(
        &[
            Argument::required(
                "part",
                Takes::Value("string"),
                "text to look for; upper and lower case differ, an empty one is at 1, NULL gives NULL",
            ),
            Argument::required("text", Takes::Value("string"), "text to search in; NULL gives NULL"),
            Argument::optional(
                "start",
                Takes::Value("integer"),
                "1",
                "position to begin at; 0 and less begin at the first character",
            ),
        ],
        &["SELECT charindex('b', 'abc') AS place;", "SELECT charindex('a', 'banana', 3) AS place;"],
    )
    .says("See `locate`."),
    ExpressionMacro::scalar(
        "startswith",
        "texts",
        "True if a string starts with another.",
        Meaning::Sql(&[(2, "starts_with($1, $2)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to search in; NULL gives NULL"),
            Argument::required(
                "prefix",
                Takes::Value("string"),
                "beginning to look for; upper and lower case differ, an empty one is always found, NULL \
                 gives NULL",
            ),
        ],
        &[
            "SELECT startswith('tea', 't') AS yes;",
            "SELECT startswith(phone, '+86') AS china, count(*) AS customers
FROM sample_customers(rows => 1000) GROUP BY china ORDER BY china;",
        ],
    )
    .says(
        "\
**Elsewhere.** Snowflake and Spark: `startswith`; PostgreSQL and DuckDB: `starts_with`; standard SQL: `LIKE
'prefix%'`; pandas: `.str.startswith`.",
    ),
    ExpressionMacro::scalar(
        "endswith",
        "texts",
        "True if a string ends with another.",
        Meaning::Sql(&[(2, "ends_with($1, $2)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to search in; NULL gives NULL"),
            Argument::required(
                "suffix",
                Takes::Value("string"),
                "end to look for; upper and lower case differ, an empty one is always found, NULL gives NULL",
            ),
        ],
        &[
            "SELECT endswith('tea', 'a') AS yes;",
            "SELECT count(*) AS customers FROM sample_customers(rows => 1000) WHERE endswith(phone, '8');",
        ],
    )
    .says(
        "\
**Elsewhere.** Snowflake and Spark: `endswith`; DuckDB: `ends_with`; standard SQL: `LIKE '%suffix'`; pandas:
`.str.endswith`.",
    ),
    ExpressionMacro::scalar(
        "insert",
        "texts",
        "Replaces some characters of a string by another string.",
        Meaning::Sql(&[(4, "overlay($1 PLACING $4 FROM $2 FOR $3)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to change; NULL gives NULL"),
            Argument::required("start", Takes::Value("integer"), "position of the first character to replace, from 1"),
            Argument::required("count", Takes::Value("integer"), "number of characters to replace; 0 only inserts"),
            Argument::required("other", Takes::Value("string"), "text that takes their place; NULL gives NULL"),
        ],
        &["SELECT insert('abcd', 2, 2, 'xx') AS text;"],
    )
    .says(
        "\
A position after the end appends.

**Elsewhere.** MySQL and Snowflake: `insert`, where MySQL leaves the text as it is if the position is outside;
PostgreSQL: `overlay(text PLACING other FROM start FOR count)`.",
    ),
    ExpressionMacro::scalar(
        "strcmp",
        "texts",
        "Returns -1, 0 or 1 if the first string is before, equal to or after the second.",
        Meaning::Sql(&[(2, "CASE WHEN $1 < $2 THEN -1 WHEN $1 = $2 THEN 0 WHEN $1 > $2 THEN 1 END")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("string"), "first text; NULL gives NULL"),
            Argument::required("b", Takes::Value("string"), "second text; NULL gives NULL"),
        ],
        &["SELECT strcmp('a', 'b') AS order;"],
    )
    .says(
        "\
Texts are compared by code point: capitals come before small letters, and Chinese is not in the order of pinyin.

**Elsewhere.** MySQL: `strcmp`, which by default ignores case.",
    ),
    ExpressionMacro::scalar(
        "split",
        "texts",
        "Splits a string into a list of parts.",
        Meaning::Sql(&[(1, "string_to_array($1, ',')"), (2, "string_to_array($1, $2)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to split; NULL gives NULL, an empty text an empty list"),
            Argument::optional(
                "separator",
                Takes::Value("string"),
                "",
                "separator, a plain text, default a comma; an empty one does not split",
            ),
        ],
        &[
            "SELECT split('a,b', ',') AS parts;",
            "SELECT split(email, '@')[2] AS domain, count(*) AS customers
FROM sample_customers(rows => 1000) WHERE email IS NOT NULL GROUP BY domain ORDER BY customers DESC, domain LIMIT 3;",
        ],
    )
    .says(
        "\
Two separators in a row give an empty part. Use `unnest` for one row per part.

**Elsewhere.** BigQuery and Snowflake: `split`; PostgreSQL: `string_to_array`; Spark's `split` takes a regular
expression; DuckDB's `split` with an empty separator gives the letters; pandas: `.str.split`.",
    ),
    ExpressionMacro::scalar(
        "string_split",
        "texts",
        "Splits a string into a list of parts.",
        Meaning::Sql(&[(2, "string_to_array($1, $2)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to split; NULL gives NULL, an empty text an empty list"),
            Argument::required("separator", Takes::Value("string"), "separator, a plain text; an empty one does not split"),
        ],
        &["SELECT string_split('a,b', ',') AS parts;"],
    )
    .says(
        "\
Two separators in a row give an empty part. As `split`, in DuckDB, where an empty separator gives the letters.",
    ),
    ExpressionMacro::scalar(
        "str_split",
        "texts",
        "Splits a string into a list of parts.",
        Meaning::Sql(&[(2, "string_to_array($1, $2)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to split; NULL gives NULL, an empty text an empty list"),
            Argument::required("separator", Takes::Value("string"), "separator, a plain text; an empty one does not split"),
        ],
        &["SELECT str_split('a,b', ',') AS parts;"],
    )
    .says(
        "\
Two separators in a row give an empty part. As `split`, in DuckDB, where an empty separator gives the letters.",
    ),
    ExpressionMacro::scalar(
        "gen_random_uuid",
        "texts",
        "Returns a random identifier (UUID, version 4), another one in every row.",
        Meaning::Sql(&[(0, "uuid()")]),
    )
    .page(
        &[Argument::optional("()", Takes::Value("nothing"), "", "it takes no arguments")],
        &["SELECT length(gen_random_uuid()) AS letters;"],
    )
    .says(
        "\
A text of 36 characters. As it is random, it is not the same when a query runs again; a key that stays is made by a hash,
such as `sha256`, of what identifies the row.

**Elsewhere.** PostgreSQL and DuckDB: `gen_random_uuid`, with the type UUID; DuckDB and MySQL: `uuid`; Spark: `uuid`; SQL
Server: `newid`.",
    ),
];
