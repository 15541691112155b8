//! Differences between two times.

use super::units;
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 12] = [
    ExpressionMacro::scalar(
        "months_between",
        "dates",
        "Returns the months between two times; the fraction is in parts of 31 days.",
        Meaning::Sql(&[(2, "months_apart($1, $2)")]),
    )
    .page(
        &[
            Argument::required(
                "later",
                Takes::Value("date or timestamp"),
                "later time; before `earlier`, the result is negative; NULL gives NULL",
            ),
            Argument::required("earlier", Takes::Value("date or timestamp"), "earlier time; NULL gives NULL"),
        ],
        &[
            "SELECT months_between(DATE '2025-05-16', DATE '2025-05-01') AS months;",
            "SELECT customer_id, round(months_between(DATE '2025-07-01', date(registered_at)), 2) AS months
FROM sample_customers(rows => 3) ORDER BY customer_id;",
        ],
    )
    .says(
        "\
The result is an integer if both are the same day of the month, or both the last day of their month, as in Oracle and
Snowflake.

**Elsewhere.** Oracle, Snowflake and Spark: `months_between`. For whole months: `date_sub('month', earlier, later)`.",
    ),
    ExpressionMacro::scalar(
        "age",
        "dates",
        "Returns the years, months and days between two times.",
        Meaning::Sql(&[(1, "symbolic_age(CAST(current_date AS TIMESTAMP), $1)"), (2, "symbolic_age($1, $2)")]),
    )
    .page(
        &[
            Argument::required(
                "later",
                Takes::Value("date or timestamp"),
                "later time; with one argument, the time whose age today is wanted",
            ),
            Argument::optional(
                "earlier",
                Takes::Value("date or timestamp"),
                "",
                "earlier time; after `later`, the result is negative; NULL gives NULL",
            ),
        ],
        &["SELECT age(TIMESTAMP '2025-06-30', TIMESTAMP '2025-05-01') AS age;"],
    )
    .says(
        "\
As in PostgreSQL: the remaining days are counted in the month of the earlier time. With one argument, the age today.
The result is an INTERVAL. For the age of a person in years: `date_sub('year', birthday, day)`.

**Elsewhere.** PostgreSQL and DuckDB: `age`.",
    ),
    ExpressionMacro::scalar(
        "date_diff",
        "dates",
        "Counts the boundaries of a unit between two times.",
        Meaning::Code(units::boundaries),
    )
    .page(
        &[
            Argument::required(
                "unit",
                Takes::Value("unit: microsecond, millisecond, second, minute, hour, day, week, month, quarter, year"),
                "unit to count, as a string or a word: 'day', DAY",
            ),
            Argument::required("start", Takes::Value("date or timestamp"), "time to count from; NULL gives NULL"),
            Argument::required(
                "end",
                Takes::Value("date or timestamp"),
                "time to count to; before `start`, the result is negative; NULL gives NULL",
            ),
        ],
        &[
            "SELECT date_diff('day', DATE '2025-05-01', DATE '2025-06-30') AS days;",
            "SELECT date_diff('day', ordered_at, TIMESTAMP '2025-07-01 00:00:00') // 365 AS years_ago, count(*) AS orders
FROM sample_orders(rows => 10000) GROUP BY years_ago ORDER BY years_ago;",
        ],
    )
    .says(
        "\
Counts how often the unit changes between them: `date_diff('year', DATE '2024-12-31', DATE '2025-01-01')` is 1, as in
DuckDB, Snowflake and SQL Server. Written `date_diff(unit, start, end)`, `date_diff(end, start, DAY)` as in BigQuery,
or `date_diff(end, start)` for days as in MySQL and Spark. `date_sub` counts whole units. Weeks change on Monday.
PostgreSQL has no such function: `end - start` of two dates is days.",
    ),
    ExpressionMacro::scalar(
        "datediff",
        "dates",
        "As `date_diff`: boundaries of a unit between two times.",
        Meaning::Code(units::boundaries),
    )
    .page(
        &[
            Argument::required(
                "unit",
                Takes::Value("unit: microsecond, millisecond, second, minute, hour, day, week, month, quarter, year"),
                "unit to count, as a string or a word: 'day', DAY",
            ),
            Argument::required("start", Takes::Value("date or timestamp"), "time to count from; NULL gives NULL"),
            Argument::required(
                "end",
                Takes::Value("date or timestamp"),
                "time to count to; before `start`, the result is negative; NULL gives NULL",
            ),
        ],
        &["SELECT datediff('day', DATE '2025-05-01', DATE '2025-06-30') AS days;"],
    )
    .says("`datediff(unit, start, end)`, or `datediff(end, start)` for days as in MySQL. See `date_diff`."),
    ExpressionMacro::scalar("datetime_diff", "dates", "As `date_diff`, in BigQuery.", Meaning::Code(units::boundaries))
        .page(
            &[
                Argument::required(
                    "unit",
                    Takes::Value("unit: microsecond, millisecond, second, minute, hour, day, week, month, quarter, year"),
                    "unit to count, as a string or a word: 'day', DAY",
                ),
                Argument::required("start", Takes::Value("date or timestamp"), "time to count from; NULL gives NULL"),
                Argument::required(
                    "end",
                    Takes::Value("date or timestamp"),
                    "time to count to; before `start`, the result is negative; NULL gives NULL",
                ),
            ],
            &["SELECT datetime_diff(TIMESTAMP '2025-05-02 00:00:00', TIMESTAMP '2025-05-01 23:00:00', DAY) AS days;"],
        )
        .says("`datetime_diff(end, start, unit)`. The unit comes last, and the end first. See `date_diff`."),
    ExpressionMacro::scalar("timestampdiff", "dates", "Counts the whole units between two times.", Meaning::Code(units::whole))
        .page(
            &[
                Argument::required(
                    "unit",
                    Takes::Value("unit: microsecond, millisecond, second, minute, hour, day, week, month, quarter, year"),
                    "unit to count, as a string or a word: 'day', DAY",
                ),
                Argument::required("start", Takes::Value("date or timestamp"), "time to count from; NULL gives NULL"),
                Argument::required(
                    "end",
                    Takes::Value("date or timestamp"),
                    "time to count to; before `start`, the result is negative; NULL gives NULL",
                ),
            ],
            &["SELECT timestampdiff(MONTH, DATE '2025-01-31', DATE '2025-05-01') AS months;"],
        )
        .says(
            "\
As in MySQL: `timestampdiff(MONTH, DATE '2025-01-31', DATE '2025-02-01')` is 0. In Snowflake it counts boundaries:
write `date_diff`. A unit is counted when it is full: 23 hours are 0 days.",
        ),
    ExpressionMacro::scalar(
        "timestamp_diff",
        "dates",
        "Counts the whole units between two times, as in BigQuery.",
        Meaning::Code(units::whole),
    )
    .page(
        &[
            Argument::required(
                "unit",
                Takes::Value("unit: microsecond, millisecond, second, minute, hour, day, week, month, quarter, year"),
                "unit to count, as a string or a word: 'day', DAY",
            ),
            Argument::required("start", Takes::Value("date or timestamp"), "time to count from; NULL gives NULL"),
            Argument::required(
                "end",
                Takes::Value("date or timestamp"),
                "time to count to; before `start`, the result is negative; NULL gives NULL",
            ),
        ],
        &["SELECT timestamp_diff(TIMESTAMP '2025-05-01 11:30:00', TIMESTAMP '2025-05-01 10:00:00', MINUTE) AS minutes;"],
    )
    .says(
        "\
`timestamp_diff(end, start, unit)`. The unit comes last, and the end first. A unit is counted when it is full.",
    ),
    ExpressionMacro::scalar(
        "datesub",
        "dates",
        "Counts the whole units between two times, as in DuckDB.",
        Meaning::Code(units::whole_to_ends),
    )
    .page(
        &[
            Argument::required(
                "unit",
                Takes::Value("unit: microsecond, millisecond, second, minute, hour, day, week, month, quarter, year"),
                "unit to count, as a string or a word: 'day', DAY",
            ),
            Argument::required("start", Takes::Value("date or timestamp"), "time to count from; NULL gives NULL"),
            Argument::required(
                "end",
                Takes::Value("date or timestamp"),
                "time to count to; before `start`, the result is negative; NULL gives NULL",
            ),
        ],
        &["SELECT datesub('day', DATE '2025-05-01', DATE '2025-06-30') AS days;"],
    )
    .says(
        "\
`datesub(unit, start, end)`. A unit is counted when it is full: from January 31 to March 1 it is one month, and to the last day of
February as well. See `date_diff` for boundaries.",
    ),
    ExpressionMacro::scalar(
        "date_sub",
        "dates",
        "Subtracts an interval from a time; with a unit, counts the whole units between two times.",
        Meaning::Code(units::date_sub),
    )
    .page(
        &[
            Argument::required("time", Takes::Value("date or timestamp"), "time to move; NULL gives NULL"),
            Argument::required(
                "interval",
                Takes::Value("interval, or a number of days"),
                "interval such as `INTERVAL '7 days'`, or a number of days for a DATE; NULL gives NULL",
            ),
        ],
        &["SELECT date_sub(DATE '2025-05-08', INTERVAL '7 days') AS earlier;"],
    )
    .says(
        "\
`date_sub(unit, start, end)` counts whole units, as in DuckDB. A DATE stays a DATE if the interval has whole days;
with hours it becomes a TIMESTAMP.

**Elsewhere.** MySQL and BigQuery: `date_sub(time, INTERVAL …)`; PostgreSQL and DuckDB: `time - INTERVAL …`.",
    ),
    ExpressionMacro::scalar("justify_hours", "dates", "Turns each 24 hours of an interval into a day.", Meaning::Itself)
        .page(
            &[Argument::required("interval", Takes::Value("interval"), "interval to convert; NULL gives NULL")],
            &["SELECT justify_hours(INTERVAL '27 hours') AS span;"],
        )
        .says("**Elsewhere.** The same in PostgreSQL."),
    ExpressionMacro::scalar("justify_days", "dates", "Turns each 30 days of an interval into a month.", Meaning::Itself)
        .page(
            &[Argument::required("interval", Takes::Value("interval"), "interval to convert; NULL gives NULL")],
            &["SELECT justify_days(INTERVAL '35 days') AS span;"],
        )
        .says("**Elsewhere.** The same in PostgreSQL."),
    ExpressionMacro::scalar(
        "justify_interval",
        "dates",
        "Turns hours of an interval into days and days into months, all of one sign.",
        Meaning::Itself,
    )
    .page(
        &[Argument::required("interval", Takes::Value("interval"), "interval to convert; NULL gives NULL")],
        &["SELECT justify_interval(INTERVAL '1 month -1 hour') AS span;"],
    )
    .says(
        "\
The length of the interval stays the same, with 24 hours to a day and 30 days to a month.

**Elsewhere.** The same in PostgreSQL and BigQuery.",
    ),
];
