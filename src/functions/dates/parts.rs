//! Parts of dates and times.

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 23] = [
    ExpressionMacro::scalar("year", "dates", "The year.", Meaning::Sql(&[(1, "date_part('year', $1)")]))
        .page(
            &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
            &["SELECT year(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
        )
        .says(
            "\
**Elsewhere.** The same name in MySQL, DuckDB and Snowflake; standard SQL: `extract(YEAR FROM time)`; pandas:
`.dt.year`.",
        ),
    ExpressionMacro::scalar("month", "dates", "The month, 1 to 12.", Meaning::Sql(&[(1, "date_part('month', $1)")]))
        .page(
            &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
            &[
                "SELECT month(TIMESTAMP '2025-05-01 10:20:30') AS part;",
                "SELECT month(ordered_at) AS month, count(*) AS orders
FROM sample_orders(rows => 10000) WHERE year(ordered_at) = 2024 GROUP BY ALL ORDER BY month LIMIT 3;",
            ],
        )
        .says(
            "\
For groups by month over several years, use `date_trunc('month', time)`: `month` puts every May together.

**Elsewhere.** Standard SQL: `extract(MONTH FROM time)`; pandas: `.dt.month`.",
        ),
    ExpressionMacro::scalar("day", "dates", "The day of the month, 1 to 31.", Meaning::Sql(&[(1, "date_part('day', $1)")]))
        .page(
            &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
            &["SELECT day(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
        )
        .says("**Elsewhere.** Standard SQL: `extract(DAY FROM time)`; pandas: `.dt.day`."),
    ExpressionMacro::scalar("hour", "dates", "The hour, 0 to 23.", Meaning::Sql(&[(1, "date_part('hour', $1)")]))
        .page(
            &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
            &["SELECT hour(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
        )
        .says(
            "\
A DATE has the hour 0.

**Elsewhere.** Standard SQL: `extract(HOUR FROM time)`; pandas: `.dt.hour`.",
        ),
    ExpressionMacro::scalar("minute", "dates", "The minute, 0 to 59.", Meaning::Sql(&[(1, "date_part('minute', $1)")]))
        .page(
            &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
            &["SELECT minute(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
        )
        .says("**Elsewhere.** Standard SQL: `extract(MINUTE FROM time)`; pandas: `.dt.minute`."),
    ExpressionMacro::scalar("quarter", "dates", "The quarter, 1 to 4.", Meaning::Sql(&[(1, "date_part('quarter', $1)")]))
        .page(
            &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
            &["SELECT quarter(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
        )
        .says(
            "\
Quarters begin in January, April, July and October.

**Elsewhere.** Standard SQL: `extract(QUARTER FROM time)`; pandas: `.dt.quarter`.",
        ),
    ExpressionMacro::scalar(
        "dayofmonth",
        "dates",
        "The day of the month, 1 to 31.",
        Meaning::Sql(&[(1, "date_part('day', $1)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
        &["SELECT dayofmonth(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
    )
    .says("As `day`, in MySQL."),
    ExpressionMacro::scalar("dayofyear", "dates", "The day of the year, 1 to 366.", Meaning::Sql(&[(1, "date_part('doy', $1)")]))
        .page(
            &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
            &["SELECT dayofyear(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
        )
        .says(
            "\
**Elsewhere.** PostgreSQL: `extract(DOY FROM time)`; MySQL and DuckDB: `dayofyear`; pandas: `.dt.dayofyear`.",
        ),
    ExpressionMacro::scalar(
        "week",
        "dates",
        "The week of the year by ISO 8601, 1 to 53.",
        Meaning::Sql(&[(1, "date_part('week', $1)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
        &["SELECT week(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
    )
    .says(
        "\
Weeks begin on Monday, and week 1 is the one with the first Thursday: 2024-12-30 is in week 1 of 2025. For groups by
week, use `date_trunc('week', time)`.

**Elsewhere.** The same in PostgreSQL and DuckDB. MySQL's `week` counts from Sunday, and from 0; write `week(time, 3)`
there.",
    ),
    ExpressionMacro::scalar(
        "weekofyear",
        "dates",
        "The week of the year by ISO 8601, 1 to 53.",
        Meaning::Sql(&[(1, "date_part('week', $1)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
        &["SELECT weekofyear(TIMESTAMP '2025-05-01 10:20:30') AS part;"],
    )
    .says("As `week`, in MySQL and Spark."),
    ExpressionMacro::scalar(
        "second",
        "dates",
        "The second, 0 to 59, without its fraction.",
        Meaning::Sql(&[(1, "CAST(floor(date_part('second', $1)) AS INT)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
        &["SELECT second(TIMESTAMP '2025-05-01 10:20:30.5') AS part;"],
    )
    .says("**Elsewhere.** PostgreSQL's `extract(SECOND FROM time)` keeps the fraction; pandas: `.dt.second`."),
    ExpressionMacro::scalar(
        "dayofweek",
        "dates",
        "The day of the week, 0 for Sunday to 6 for Saturday.",
        Meaning::Sql(&[(1, "date_part('dow', $1)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
        &[
            "SELECT dayofweek(DATE '2025-05-04') AS sunday;",
            "SELECT dayofweek(ordered_at) AS day, dayname(ordered_at) AS name, count(*) AS orders
FROM sample_orders(rows => 10000) GROUP BY ALL ORDER BY day;",
        ],
    )
    .says("As `date_part('dow', …)` of PostgreSQL and as in DuckDB. MySQL and BigQuery count from 1 for Sunday."),
    ExpressionMacro::scalar(
        "isodow",
        "dates",
        "The day of the week, 1 for Monday to 7 for Sunday.",
        Meaning::Sql(&[(1, "(date_part('dow', $1) + 6) % 7 + 1")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
        &["SELECT isodow(DATE '2025-05-04') AS sunday;"],
    )
    .says("**Elsewhere.** PostgreSQL and DuckDB: `isodow` in `extract`; Python: `isoweekday()`."),
    ExpressionMacro::scalar(
        "dayofweekiso",
        "dates",
        "As `isodow`, in Snowflake.",
        Meaning::Sql(&[(1, "(date_part('dow', $1) + 6) % 7 + 1")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
        &["SELECT dayofweekiso(DATE '2025-05-04') AS sunday;"],
    )
    .says("1 for Monday to 7 for Sunday."),
    ExpressionMacro::scalar(
        "weekday",
        "dates",
        "The day of the week, 0 for Monday to 6 for Sunday, as in MySQL.",
        Meaning::Sql(&[(1, "(date_part('dow', $1) + 6) % 7")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
        &["SELECT weekday(DATE '2025-05-04') AS sunday;"],
    )
    .says(
        "\
**Elsewhere.** MySQL and Python: `weekday`, from Monday; DuckDB's `weekday` counts from 0 for Sunday: write
`dayofweek`.",
    ),
    ExpressionMacro::scalar(
        "dayname",
        "dates",
        "The English name of the day of the week.",
        Meaning::Sql(&[(1, "strftime($1, '%A')")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
        &["SELECT dayname(DATE '2025-05-01') AS name;"],
    )
    .says(
        "\
The full name, as in DuckDB and MySQL; Snowflake shortens it: write `left(dayname(day), 3)`. The name is English in
every language of the program.",
    ),
    ExpressionMacro::scalar("monthname", "dates", "The English name of the month.", Meaning::Sql(&[(1, "strftime($1, '%B')")]))
        .page(
            &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
            &["SELECT monthname(DATE '2025-05-01') AS name;"],
        )
        .says(
            "\
The full name, as in DuckDB and MySQL; Snowflake shortens it: write `left(monthname(day), 3)`. The name is English in
every language of the program.",
        ),
    ExpressionMacro::scalar(
        "epoch",
        "dates",
        "Seconds since 1970-01-01 00:00:00.",
        Meaning::Sql(&[(1, "seconds_since_1970($1)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
        &["SELECT epoch(TIMESTAMP '1970-01-02 00:00:00') AS seconds;"],
    )
    .says(
        "\
A float, with the fraction of the second; below 0 before 1970. A time without a zone is read as UTC.

**Elsewhere.** DuckDB: `epoch`; PostgreSQL: `extract(EPOCH FROM time)`; Python: `.timestamp()`.",
    ),
    ExpressionMacro::scalar(
        "unix_timestamp",
        "dates",
        "Whole seconds since 1970-01-01 00:00:00.",
        Meaning::Sql(&[(1, "CAST(floor(seconds_since_1970($1)) AS BIGINT)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
        &["SELECT unix_timestamp(TIMESTAMP '1970-01-02 00:00:00') AS seconds;"],
    )
    .says(
        "\
An integer, rounded down; below 0 before 1970. A time without a zone is read as UTC.

**Elsewhere.** MySQL and Spark: `unix_timestamp`, where the time is read in the zone of the session, and without an
argument it is the current time.",
    ),
    ExpressionMacro::scalar(
        "unix_seconds",
        "dates",
        "As `unix_timestamp`, in BigQuery.",
        Meaning::Sql(&[(1, "CAST(floor(seconds_since_1970($1)) AS BIGINT)")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the part from; NULL gives NULL")],
        &["SELECT unix_seconds(TIMESTAMP '1970-01-02 00:00:00') AS seconds;"],
    )
    .says("An integer, rounded down. `to_timestamp(seconds)` goes back."),
    ExpressionMacro::scalar(
        "unix_date",
        "dates",
        "Days since 1970-01-01.",
        Meaning::Sql(&[(1, "(CAST($1 AS DATE) - DATE '1970-01-01')")]),
    )
    .page(
        &[Argument::required("day", Takes::Value("date"), "date, or a timestamp whose date is taken; NULL gives NULL")],
        &["SELECT unix_date(DATE '1970-01-03') AS days;"],
    )
    .says(
        "\
An integer; below 0 before 1970. `date_from_unix_date` goes back.

**Elsewhere.** BigQuery and Spark: `unix_date`; PostgreSQL and DuckDB: `day - DATE '1970-01-01'`.",
    ),
    ExpressionMacro::scalar(
        "to_days",
        "dates",
        "Days since the year 0, as in MySQL.",
        Meaning::Sql(&[(1, "(CAST($1 AS DATE) - DATE '1970-01-01' + 719528)")]),
    )
    .page(
        &[Argument::required("day", Takes::Value("date"), "date, or a timestamp whose date is taken; NULL gives NULL")],
        &["SELECT to_days(DATE '2025-05-02') - to_days(DATE '2025-05-01') AS one;"],
    )
    .says("Only differences have a meaning: 1970-01-01 is day 719528."),
    ExpressionMacro::scalar(
        "yearweek",
        "dates",
        "The year and the week by ISO 8601, as one number: 202501.",
        Meaning::Sql(&[(1, "(date_part('isoyear', $1) * 100 + date_part('week', $1))")]),
    )
    .page(
        &[Argument::required("time", Takes::Value("date or timestamp"), "time to read the parts from; NULL gives NULL")],
        &["SELECT yearweek(DATE '2024-12-30') AS week;"],
    )
    .says(
        "\
The year is the one that the week belongs to: 2024-12-30 is in week 1 of 2025. For groups by week,
`date_trunc('week', time)` gives the Monday.

**Elsewhere.** DuckDB: `yearweek`; MySQL: `yearweek(time, 3)`, while without 3 its weeks begin on Sunday; PostgreSQL:
`to_char(time, 'IYYYIW')`.",
    ),
];
