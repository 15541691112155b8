//! Times built from their parts.

use super::units;
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 7] = [
    ExpressionMacro::scalar(
        "date_from_unix_date",
        "dates",
        "Returns the date a number of days after 1970-01-01.",
        Meaning::Sql(&[(1, "(DATE '1970-01-01' + $1)")]),
    )
    .page(
        &[Argument::required("days", Takes::Value("integer"), "days since 1970-01-01; below 0 before it, NULL gives NULL")],
        &["SELECT date_from_unix_date(1) AS day;"],
    )
    .says("**Elsewhere.** BigQuery and Spark: `date_from_unix_date`; the inverse is `unix_date`."),
    ExpressionMacro::scalar("curdate", "dates", "Returns today's date.", Meaning::Sql(&[(0, "current_date")]))
        .page(
            &[Argument::optional("()", Takes::Value("nothing"), "", "nothing: the date is that of the start of the statement")],
            &["SELECT curdate() = current_date AS today;"],
        )
        .says(
            "\
A report that uses it changes every day; give it a fixed date, as `as_of`, to be able to repeat it.

**Elsewhere.** MySQL: `curdate`; standard SQL: `current_date`; SQL Server: `CAST(getdate() AS DATE)`.",
        ),
    ExpressionMacro::scalar(
        "date",
        "dates",
        "Returns the date of a time or string, or of a year, month and day.",
        Meaning::Sql(&[(1, "CAST($1 AS DATE)"), (3, "make_date($1, $2, $3)")]),
    )
    .page(
        &[Argument::required(
            "value",
            Takes::Value("string, date or timestamp; or year, month and day"),
            "timestamp, whose time of day is dropped, or text such as '2025-05-01'; NULL gives NULL",
        )],
        &[
            "SELECT date(TIMESTAMP '2025-05-01 10:20:30') AS day, date(2025, 5, 1) AS same;",
            "SELECT date(ordered_at) AS day, count(*) AS orders
FROM sample_orders(rows => 10000) GROUP BY day ORDER BY orders DESC, day LIMIT 3;",
        ],
    )
    .says(
        "\
Text that is not a date is an error; `try_to_date` gives NULL.

**Elsewhere.** MySQL, SQLite, BigQuery and Spark: `date`; PostgreSQL and DuckDB: `CAST(value AS DATE)`, `make_date`.",
    ),
    ExpressionMacro::scalar(
        "date_from_parts",
        "dates",
        "Returns the date of a year, month and day.",
        Meaning::Code(units::day_of_parts),
    )
    .page(
        &[
            Argument::required("year", Takes::Value("integer"), "year, such as 2025"),
            Argument::required("month", Takes::Value("integer"), "month, 1 to 12"),
            Argument::required("day", Takes::Value("integer"), "day of the month, 1 to 31"),
        ],
        &["SELECT date_from_parts(2025, 5, 1) AS day;"],
    )
    .says(
        "\
A day that does not exist is an error; NULL in one part gives NULL.

**Elsewhere.** Snowflake: `date_from_parts`, which takes month 13 as January of the next year; SQL Server:
`datefromparts`; PostgreSQL and DuckDB: `make_date`.",
    ),
    ExpressionMacro::scalar(
        "make_timestamp",
        "dates",
        "Returns the timestamp of a year, month, day, hour, minute and second.",
        Meaning::Code(units::make_timestamp),
    )
    .page(
        &[
            Argument::required("year", Takes::Value("integer"), "year, such as 2025"),
            Argument::required("month", Takes::Value("integer"), "month, 1 to 12"),
            Argument::required("day", Takes::Value("integer"), "day of the month, 1 to 31"),
            Argument::required("hour", Takes::Value("integer"), "hour; 24 and more go on to the next day"),
            Argument::required("minute", Takes::Value("integer"), "minute; 60 and more go on to the next hour"),
            Argument::required("second", Takes::Value("number"), "second, with a fraction if wanted"),
        ],
        &["SELECT make_timestamp(2025, 5, 1, 10, 20, 30) AS at;"],
    )
    .says(
        "\
The result has no time zone. A day that does not exist is an error; NULL in one part gives NULL.

**Elsewhere.** PostgreSQL and DuckDB: `make_timestamp`, where hour 24 and more is an error; pandas: `to_datetime` of a
frame of parts.",
    ),
    ExpressionMacro::scalar(
        "timestamp_from_parts",
        "dates",
        "Returns the timestamp of a year, month, day, hour, minute and second.",
        Meaning::Code(units::timestamp_from_parts),
    )
    .page(
        &[
            Argument::required("year", Takes::Value("integer"), "year, such as 2025"),
            Argument::required("month", Takes::Value("integer"), "month, 1 to 12"),
            Argument::required("day", Takes::Value("integer"), "day of the month, 1 to 31"),
            Argument::required("hour", Takes::Value("integer"), "hour; 24 and more go on to the next day"),
            Argument::required("minute", Takes::Value("integer"), "minute; 60 and more go on to the next hour"),
            Argument::required("second", Takes::Value("number"), "second, with a fraction if wanted"),
        ],
        &["SELECT timestamp_from_parts(2025, 5, 1, 10, 20, 30) AS at;"],
    )
    .says("As `make_timestamp`, in Snowflake; a day that does not exist is an error here."),
    ExpressionMacro::scalar(
        "makedate",
        "dates",
        "Returns the date of a day number in a year, as in MySQL.",
        Meaning::Sql(&[(2, "(make_date($1, 1, 1) + CAST($2 - 1 AS INT))")]),
    )
    .page(
        &[
            Argument::required("year", Takes::Value("integer"), "year, such as 2025"),
            Argument::required(
                "day_of_year",
                Takes::Value("integer"),
                "day of the year from 1; 366 in a year of 365 days is January 1 of the next",
            ),
        ],
        &["SELECT makedate(2025, 32) AS day;"],
    )
    .says("NULL in one part gives NULL. 0 is December 31 of the year before; in MySQL it gives NULL."),
];
