//! Times formatted as strings, and parsed from strings.

use super::units;
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 16] = [
    ExpressionMacro::scalar(
        "strftime",
        "dates",
        "Formats a time as a string, with the letters of C, Python and DuckDB.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("time", Takes::Value("date or timestamp"), "time to format; NULL gives NULL"),
            Argument::required("pattern", Takes::Value("string with %Y and the like"), "format of the text"),
        ],
        &[
            "SELECT strftime(DATE '2025-05-01', '%d/%m/%Y') AS text;",
            "SELECT strftime(ordered_at, '%Y-%m') AS month, count(*) AS orders
FROM sample_orders(rows => 10000) GROUP BY month ORDER BY month DESC LIMIT 3;",
        ],
    )
    .says(
        "\
Letters: `%Y` year, `%C` its digits before the last two, `%y` the last two, `%m` month, `%B` `%b` its name, `%d` day,
`%e` the same with a space for a leading 0, `%j` day of the year, `%H` hour, `%I` of twelve, `%k` `%l` the same with a
space, `%p` AM or PM, `%M` minute, `%S` second, `%f` microseconds, `%g` milliseconds, `%A` `%a` day of the week, `%u`
`%w` its number, `%V` ISO week, `%G` its year, `%U` `%W` week, `%z` `%Z` offset and name of the time zone, `%F` `%T`
`%R` `%D` for several, `%-d` without a leading 0, `%%` a percent sign. Any other letter is an error.

**Elsewhere.** DuckDB: `strftime(time, format)`; SQLite: `strftime(format, time)`; PostgreSQL: `to_char`; MySQL:
`date_format`; Python: `.strftime`.",
    ),
    ExpressionMacro::scalar(
        "strptime",
        "dates",
        "Parses a time from a string, with the letters of C, Python and DuckDB.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required(
                "text",
                Takes::Value("string"),
                "text to parse; NULL gives NULL, text that does not match is an error",
            ),
            Argument::required("pattern", Takes::Value("string with %Y and the like"), "format of the text"),
        ],
        &["SELECT strptime('01/05/2025 10:20', '%d/%m/%Y %H:%M') AS at;"],
    )
    .says(
        "\
Letters: `%Y` year, `%y` its last two digits (69 is 1969, 68 is 2068), `%m` month, `%B` `%b` its name, `%d` `%e` day,
`%j` day of the year, `%H` hour, `%I` of twelve, `%p` AM or PM, `%M` minute, `%S` second, `%f` `%g` its fraction, `%A`
`%a` day of the week, `%F` `%T` `%R` `%D` for several, `%%` a percent sign. Any other letter is an error. The whole
text must match. The result is a TIMESTAMP.

**Elsewhere.** DuckDB: `strptime`, and `try_strptime` for NULL instead of an error; Python: `datetime.strptime`;
pandas: `to_datetime(…, format=…)`.",
    ),
    ExpressionMacro::scalar(
        "try_strptime",
        "dates",
        "Parses a time from a string, with the letters of `strptime`; NULL if it does not match.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("text", Takes::Value("string"), "text to parse; NULL and text that does not match give NULL"),
            Argument::required("pattern", Takes::Value("string with %Y and the like"), "format of the text"),
        ],
        &["SELECT try_strptime('01/05/2025', '%d/%m/%Y') AS at, try_strptime('tea', '%d/%m/%Y') AS nothing;"],
    )
    .says(
        "\
A letter that is not part of a time is an error here too. For dates in many spellings: `parse_date`.

**Elsewhere.** DuckDB: `try_strptime`; BigQuery: `SAFE.PARSE_TIMESTAMP`; pandas: `to_datetime(…, errors='coerce')`.",
    ),
    ExpressionMacro::scalar("date_format", "dates", "Formats a time as a string, with the letters of MySQL.", Meaning::Itself)
        .page(
            &[
                Argument::required("time", Takes::Value("date or timestamp"), "time to format; NULL gives NULL"),
                Argument::required("pattern", Takes::Value("string with %Y and the like"), "format of the text"),
            ],
            &["SELECT date_format(TIMESTAMP '2025-05-01 15:04:05', '%Y-%m-%d %H:%i:%s') AS text;"],
        )
        .says(
            "\
Letters: `%Y` year, `%y` its last two digits, `%m` month, `%c` the same without a leading 0, `%M` `%b` its name, `%d`
day, `%e` the same without a leading 0, `%D` 1st and 2nd, `%j` day of the year, `%H` `%k` hour, `%h` `%I` `%l` of
twelve, `%p` AM or PM, `%i` minute, `%s` `%S` second, `%f` microseconds, `%W` `%a` day of the week, `%w` its number,
`%v` ISO week, `%x` its year, `%U` week from Sunday, `%u` from Monday, `%V` the same as `%U` without a week 0, `%X` its
year, `%T` `%r` for several, `%%` a percent sign. Any other letter is an error.

**Elsewhere.** MySQL: `date_format`. Spark's `date_format` has other letters (`yyyy-MM-dd`): write `to_char` here.",
        ),
    ExpressionMacro::scalar(
        "str_to_date",
        "dates",
        "Parses a time from a string, with the letters of MySQL; a DATE if the format has no hours.",
        Meaning::Code(units::str_to_date),
    )
    .page(
        &[
            Argument::required(
                "text",
                Takes::Value("string"),
                "text to parse; NULL gives NULL, text that does not match is an error",
            ),
            Argument::required("pattern", Takes::Value("string with %Y and the like"), "format of the text"),
        ],
        &["SELECT str_to_date('01/05/2025', '%d/%m/%Y') AS day;"],
    )
    .says(
        "\
Letters: `%Y` year, `%y` its last two digits (70 is 1970, 69 is 2069), `%m` `%c` month, `%M` `%b` its name, `%d` `%e`
day, `%D` 1st and 2nd, `%j` day of the year, `%H` `%k` hour, `%h` `%I` `%l` of twelve, `%p` AM or PM, `%i` minute,
`%s` `%S` second, `%f` its fraction, `%W` `%a` day of the week, `%T` `%r` for several, `%%` a percent sign. Any other
letter is an error.

**Elsewhere.** In MySQL text that does not match gives NULL with a warning.",
    ),
    ExpressionMacro::scalar(
        "format_date",
        "dates",
        "Formats a time as a string, as in BigQuery; see `strftime` for the letters.",
        Meaning::Sql(&[(2, "strftime($2, $1)")]),
    )
    .page(
        &[
            Argument::required("pattern", Takes::Value("string with %Y and the like"), "format of the text"),
            Argument::required("time", Takes::Value("date or timestamp"), "time to format; NULL gives NULL"),
        ],
        &["SELECT format_date('%d/%m/%Y', DATE '2025-05-01') AS text;"],
    )
    .says("The format comes first, the time second."),
    ExpressionMacro::scalar(
        "format_datetime",
        "dates",
        "Formats a time as a string, as in BigQuery; see `strftime` for the letters.",
        Meaning::Sql(&[(2, "strftime($2, $1)")]),
    )
    .page(
        &[
            Argument::required("pattern", Takes::Value("string with %Y and the like"), "format of the text"),
            Argument::required("time", Takes::Value("date or timestamp"), "time to format; NULL gives NULL"),
        ],
        &["SELECT format_datetime('%d/%m/%Y', DATE '2025-05-01') AS text;"],
    )
    .says("The format comes first, the time second."),
    ExpressionMacro::scalar(
        "format_timestamp",
        "dates",
        "Formats a time as a string, as in BigQuery; see `strftime` for the letters.",
        Meaning::Sql(&[(2, "strftime($2, $1)")]),
    )
    .page(
        &[
            Argument::required("pattern", Takes::Value("string with %Y and the like"), "format of the text"),
            Argument::required("time", Takes::Value("date or timestamp"), "time to format; NULL gives NULL"),
        ],
        &["SELECT format_timestamp('%d/%m/%Y', DATE '2025-05-01') AS text;"],
    )
    .says("The format comes first, the time second."),
    ExpressionMacro::scalar(
        "parse_datetime",
        "dates",
        "Parses a time from a string, as in BigQuery; see `strptime` for the letters.",
        Meaning::Sql(&[(2, "strptime($2, $1)")]),
    )
    .page(
        &[
            Argument::required("pattern", Takes::Value("string with %Y and the like"), "format of the text"),
            Argument::required(
                "text",
                Takes::Value("string"),
                "text to parse; NULL gives NULL, text that does not match is an error",
            ),
        ],
        &["SELECT parse_datetime('%Y-%m-%d %H:%M', '2025-05-01 10:20') AS at;"],
    )
    .says("The format comes first, the text second. The result is a TIMESTAMP."),
    ExpressionMacro::scalar(
        "parse_timestamp",
        "dates",
        "Parses a time from a string, as in BigQuery; see `strptime` for the letters.",
        Meaning::Sql(&[(2, "strptime($2, $1)")]),
    )
    .page(
        &[
            Argument::required("pattern", Takes::Value("string with %Y and the like"), "format of the text"),
            Argument::required(
                "text",
                Takes::Value("string"),
                "text to parse; NULL gives NULL, text that does not match is an error",
            ),
        ],
        &["SELECT parse_timestamp('%Y-%m-%d %H:%M', '2025-05-01 10:20') AS at;"],
    )
    .says("The format comes first, the text second. The result is a TIMESTAMP."),
    ExpressionMacro::scalar(
        "to_varchar",
        "dates",
        "Converts a value to a string, as in Snowflake.",
        Meaning::Sql(&[(1, "CAST($1 AS VARCHAR)"), (2, "to_char($1, $2)")]),
    )
    .page(
        &[
            Argument::required("value", Takes::Value("any type"), "value to write as text; a column that is NULL gives NULL"),
            Argument::optional("pattern", Takes::Value("string: see `to_char`"), "", "format of the text"),
        ],
        &["SELECT to_varchar(DATE '2025-05-01', 'DD.MM.YYYY') AS text;"],
    )
    .says("Without a format, as `CAST(value AS VARCHAR)`; with one, as `to_char`."),
    ExpressionMacro::scalar(
        "try_to_date",
        "dates",
        "Parses a date from a string; NULL if it is not one.",
        Meaning::Sql(&[(1, "TRY_CAST($1 AS DATE)")]),
    )
    .page(
        &[Argument::required("text", Takes::Value("string"), "text such as '2025-05-01'; other text and NULL give NULL")],
        &["SELECT try_to_date('tea') AS nothing;"],
    )
    .says(
        "\
Days that do not exist, as '2025-02-30', give NULL too. For other spellings use `parse_date`.

**Elsewhere.** Snowflake: `try_to_date`; DuckDB: `TRY_CAST(text AS DATE)`; pandas: `to_datetime(…, errors='coerce')`.",
    ),
    ExpressionMacro::scalar(
        "try_to_timestamp",
        "dates",
        "Parses a time from a string; NULL if it is not one.",
        Meaning::Sql(&[(1, "TRY_CAST($1 AS TIMESTAMP)")]),
    )
    .page(
        &[Argument::required(
            "text",
            Takes::Value("string"),
            "text such as '2025-05-01 10:20:30'; other text and NULL give NULL",
        )],
        &["SELECT try_to_timestamp('tea') AS nothing;"],
    )
    .says(
        "\
A date alone is its midnight.

**Elsewhere.** Snowflake: `try_to_timestamp`; DuckDB: `TRY_CAST(text AS TIMESTAMP)`.",
    ),
    ExpressionMacro::scalar("to_char", "dates", "Formats a time or a number as a string.", Meaning::Code(units::to_char))
        .page(
            &[
                Argument::required(
                    "value",
                    Takes::Value("date, timestamp, interval or number"),
                    "time or number to format; a column that is NULL gives NULL",
                ),
                Argument::required("pattern", Takes::Value("string"), "format of the text"),
            ],
            &[
                "SELECT to_char(DATE '2025-05-01', 'DD.MM.YYYY') AS day, to_char(1234.5, 'FM9,990.00') AS number;",
                "SELECT to_char(ordered_at, 'YYYY-\"Q\"Q') AS quarter, to_char(sum(amount), 'FM9,999,990.00') AS revenue
FROM sample_orders(rows => 1000) GROUP BY quarter ORDER BY quarter DESC LIMIT 2;",
            ],
        )
        .says(
            "\
The letters of a time are PostgreSQL's, `YYYY-MM-DD HH24:MI:SS`: also `Month`, `Mon`, `RM`, `Day`, `Dy`, `Q`, `IW`,
`WW`, `W`, `DDD`, `J`, `HH12`, `AM`, `MS`, `US`, `SSSS` second of the day, `OF` offset of the time zone, `th` after a
number, and `FM` before a part for no padding. Of an interval, `HH24` counts all its hours; `DD`, its days, are a part of
their own, and so are its months. Those of a number are 9, 0, comma and point. A format with `%` uses the letters of C, see
`strftime`. A letter that is not part of a time is an error; put literal text in \"quotes\".

**Elsewhere.** PostgreSQL, Oracle and Snowflake: `to_char`; DuckDB: `strftime`; MySQL: `date_format` and `format`.",
        ),
    ExpressionMacro::scalar("to_date", "dates", "Parses a date from a string.", Meaning::Code(units::to_date))
        .page(
            &[
                Argument::required(
                    "text",
                    Takes::Value("string"),
                    "text to parse, such as '2025-05-01'; NULL gives NULL, text that does not match is an error",
                ),
                Argument::optional("pattern", Takes::Value("string"), "", "format of the text"),
            ],
            &["SELECT to_date('01/05/2025', 'DD/MM/YYYY') AS day, to_date('2025-05-01') AS same;"],
        )
        .says(
            "\
A format with `%` uses the letters of C, one without `%` those of PostgreSQL: see `to_char`. For NULL instead of an
error: `try_to_date`; for dates in many spellings: `parse_date`.

**Elsewhere.** PostgreSQL, Oracle and Snowflake: `to_date`; DuckDB: `strptime`; pandas: `to_datetime`.",
        ),
    ExpressionMacro::scalar(
        "to_timestamp",
        "dates",
        "Parses a time from a string, or converts seconds since 1970.",
        Meaning::Code(units::to_timestamp),
    )
    .page(
        &[
            Argument::required(
                "text",
                Takes::Value("string or number"),
                "text to parse, or seconds since 1970 as a number; NULL gives NULL, text that does not \
                 match is an error",
            ),
            Argument::optional("pattern", Takes::Value("string"), "", "format of the text"),
        ],
        &["SELECT to_timestamp('01/05/2025 10:20', 'DD/MM/YYYY HH24:MI') AS at;"],
    )
    .says(
        "\
A format with `%` uses the letters of C, one without `%` those of PostgreSQL: see `to_char`.

**Elsewhere.** PostgreSQL: `to_timestamp(seconds)` and `to_timestamp(text, format)`; DuckDB: `to_timestamp(seconds)`,
and `strptime` for text; pandas: `to_datetime`.",
    ),
];
