//! Parts of dates and times.

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 22] = [
    ExpressionMacro::scalar("year", "dates", "The year.", Meaning::Sql(&[(1, "date_part('year', $1)")])).page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT year(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
    ),
    ExpressionMacro::scalar("month", "dates", "The month, 1 to 12.", Meaning::Sql(&[(1, "date_part('month', $1)")])).page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT month(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
    ),
    ExpressionMacro::scalar("day", "dates", "The day of the month, 1 to 31.", Meaning::Sql(&[(1, "date_part('day', $1)")])).page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT day(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
    ),
    ExpressionMacro::scalar("hour", "dates", "The hour, 0 to 23.", Meaning::Sql(&[(1, "date_part('hour', $1)")])).page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT hour(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
    ),
    ExpressionMacro::scalar("minute", "dates", "The minute, 0 to 59.", Meaning::Sql(&[(1, "date_part('minute', $1)")])).page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT minute(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
    ),
    ExpressionMacro::scalar("quarter", "dates", "The quarter, 1 to 4.", Meaning::Sql(&[(1, "date_part('quarter', $1)")])).page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT quarter(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
    ),
    ExpressionMacro::scalar(
        "dayofmonth",
        "dates",
        "The day of the month, 1 to 31.",
        Meaning::Sql(&[(1, "date_part('day', $1)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT dayofmonth(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
    ),
    ExpressionMacro::scalar("dayofyear", "dates", "The day of the year, 1 to 366.", Meaning::Sql(&[(1, "date_part('doy', $1)")]))
        .page(
            &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
            &["SELECT dayofyear(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
        ),
    ExpressionMacro::scalar(
        "week",
        "dates",
        "The week of the year by ISO 8601, 1 to 53.",
        Meaning::Sql(&[(1, "date_part('week', $1)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT week(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
    ),
    ExpressionMacro::scalar(
        "weekofyear",
        "dates",
        "The week of the year by ISO 8601, 1 to 53.",
        Meaning::Sql(&[(1, "date_part('week', $1)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT weekofyear(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
    ),
    ExpressionMacro::scalar(
        "second",
        "dates",
        "The second, 0 to 59, without its fraction.",
        Meaning::Sql(&[(1, "CAST(floor(date_part('second', $1)) AS INT)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT second(TIMESTAMP '2025-05-01 10:20:30.5') AS part;"],
    ),
    ExpressionMacro::scalar(
        "dayofweek",
        "dates",
        "The day of the week, 0 for Sunday to 6 for Saturday.",
        Meaning::Sql(&[(1, "date_part('dow', $1)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT dayofweek(DATE '2025-05-04') AS sunday;"],
    )
    .says("As `date_part('dow', …)` of PostgreSQL and as in DuckDB. MySQL and BigQuery count from 1 for Sunday."),
    ExpressionMacro::scalar(
        "isodow",
        "dates",
        "The day of the week, 1 for Monday to 7 for Sunday.",
        Meaning::Sql(&[(1, "(date_part('dow', $1) + 6) % 7 + 1")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT isodow(DATE '2025-05-04') AS sunday;"],
    ),
    ExpressionMacro::scalar(
        "dayofweekiso",
        "dates",
        "As `isodow`, in Snowflake.",
        Meaning::Sql(&[(1, "(date_part('dow', $1) + 6) % 7 + 1")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT dayofweekiso(DATE '2025-05-04') AS sunday;"],
    ),
    ExpressionMacro::scalar(
        "weekday",
        "dates",
        "The day of the week, 0 for Monday to 6 for Sunday, as in MySQL.",
        Meaning::Sql(&[(1, "(date_part('dow', $1) + 6) % 7")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT weekday(DATE '2025-05-04') AS sunday;"],
    ),
    ExpressionMacro::scalar(
        "dayname",
        "dates",
        "The English name of the day of the week.",
        Meaning::Sql(&[(1, "strftime($1, '%A')")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT dayname(DATE '2025-05-01') AS name;"],
    )
    .says("The full name, as in DuckDB and MySQL; Snowflake shortens it: write `left(dayname(day), 3)`."),
    ExpressionMacro::scalar("monthname", "dates", "The English name of the month.", Meaning::Sql(&[(1, "strftime($1, '%B')")]))
        .page(
            &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
            &["SELECT monthname(DATE '2025-05-01') AS name;"],
        )
        .says("The full name, as in DuckDB and MySQL; Snowflake shortens it: write `left(monthname(day), 3)`."),
    ExpressionMacro::scalar(
        "epoch",
        "dates",
        "Seconds since 1970-01-01 00:00:00.",
        Meaning::Sql(&[(1, "seconds_since_1970($1)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT epoch(TIMESTAMP '1970-01-02 00:00:00') AS seconds;"],
    ),
    ExpressionMacro::scalar(
        "unix_timestamp",
        "dates",
        "Whole seconds since 1970-01-01 00:00:00.",
        Meaning::Sql(&[(1, "CAST(floor(seconds_since_1970($1)) AS BIGINT)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT unix_timestamp(TIMESTAMP '1970-01-02 00:00:00') AS seconds;"],
    ),
    ExpressionMacro::scalar(
        "unix_seconds",
        "dates",
        "As `unix_timestamp`, in BigQuery.",
        Meaning::Sql(&[(1, "CAST(floor(seconds_since_1970($1)) AS BIGINT)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "the time")],
        &["SELECT unix_seconds(TIMESTAMP '1970-01-02 00:00:00') AS seconds;"],
    ),
    ExpressionMacro::scalar(
        "unix_date",
        "dates",
        "Days since 1970-01-01.",
        Meaning::Sql(&[(1, "(CAST($1 AS DATE) - DATE '1970-01-01')")]),
    )
    .page(&[Argument::required("day", Takes::Value("date"), "the day")], &["SELECT unix_date(DATE '1970-01-03') AS days;"]),
    ExpressionMacro::scalar(
        "to_days",
        "dates",
        "Days since the year 0, as in MySQL.",
        Meaning::Sql(&[(1, "(CAST($1 AS DATE) - DATE '1970-01-01' + 719528)")]),
    )
    .page(
        &[Argument::required("day", Takes::Value("date"), "the day")],
        &["SELECT to_days(DATE '2025-05-02') - to_days(DATE '2025-05-01') AS one;"],
    ),
];
