//! Times that are moved, or truncated to the beginning of a unit.

use super::units;
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 15] = [
    ExpressionMacro::scalar("date_add", "dates", "Adds an interval to a time.", Meaning::Sql(&[(2, "($1 + $2)")]))
        .page(&[Argument::required("time", Takes::Value("date or timestamp"), "time to move; NULL gives NULL"), Argument::required("interval", Takes::Value("interval, or a number of days"), "interval such as `INTERVAL '7 days'`, or a number of days for a DATE; NULL gives NULL")], &["SELECT date_add(DATE '2025-01-31', INTERVAL '1 month') AS later;"]).says("\
If the month does not have the day, the result is its last day. A DATE stays a DATE if the interval has whole days;
with hours it becomes a TIMESTAMP.

**Elsewhere.** MySQL and BigQuery: `date_add(time, INTERVAL …)`; PostgreSQL and DuckDB: `time + INTERVAL …`; pandas:
`DateOffset`."),
    ExpressionMacro::scalar("adddate", "dates", "As `date_add`, in MySQL.", Meaning::Sql(&[(2, "($1 + $2)")]))
        .page(&[Argument::required("time", Takes::Value("date or timestamp"), "time to move; NULL gives NULL"), Argument::required("interval", Takes::Value("interval, or a number of days"), "interval such as `INTERVAL '7 days'`, or a number of days for a DATE; NULL gives NULL")], &["SELECT adddate(DATE '2025-05-01', 7) AS later;"])
    .says("See `date_add`."),
    ExpressionMacro::scalar("subdate", "dates", "Subtracts an interval from a time, as in MySQL.", Meaning::Sql(&[(2, "($1 - $2)")]))
        .page(&[Argument::required("time", Takes::Value("date or timestamp"), "time to move; NULL gives NULL"), Argument::required("interval", Takes::Value("interval, or a number of days"), "interval such as `INTERVAL '7 days'`, or a number of days for a DATE; NULL gives NULL")], &["SELECT subdate(DATE '2025-05-01', 1) AS earlier;"])
    .says("See `date_sub`."),
    ExpressionMacro::scalar("next_day", "dates", "Returns the first given day of the week after a date.", Meaning::Code(units::next_day))
        .page(&[Argument::required("day", Takes::Value("date"), "date, or a timestamp whose date is taken; NULL gives NULL"), Argument::required("weekday", Takes::Value("string: a day of the week in English"), "day of the week, a constant string; two letters are enough, upper or lower case")], &["SELECT next_day(DATE '2025-05-01', 'Monday') AS monday;"])
    .says("\
A Monday gives the Monday after it: the result is always 1 to 7 days later.

**Elsewhere.** Oracle, Snowflake and Spark: `next_day`."),
    ExpressionMacro::scalar("last_day", "dates", "Returns the last day of the month, or of the quarter or year.", Meaning::Code(units::last_day))
        .page(&[Argument::required("day", Takes::Value("date or timestamp"), "date, or a timestamp whose date is taken; NULL gives NULL"), Argument::optional("part", Takes::Value("month, quarter or year"), "", "period whose last day is wanted, default month")], &["SELECT last_day(DATE '2024-02-10') AS last;"])
    .says("\
The result is a DATE.

**Elsewhere.** MySQL, Oracle, DuckDB, Snowflake and BigQuery: `last_day`; SQL Server: `eomonth`; pandas: `MonthEnd`."),
    ExpressionMacro::scalar("add_months", "dates", "Adds months to a date; the last day of a month stays the last day.", Meaning::Sql(&[(2, "CASE WHEN date_part('day', CAST($1 AS DATE) + 1) = 1 THEN CAST(date_trunc('month', CAST($1 AS DATE) + ($2 + 1) * INTERVAL '1 month') AS DATE) - 1 ELSE CAST(CAST($1 AS DATE) + $2 * INTERVAL '1 month' AS DATE) END")]))
        .page(&[Argument::required("day", Takes::Value("date"), "date, or a timestamp whose date is taken; NULL gives NULL"), Argument::required("months", Takes::Value("integer"), "number of months; below 0 for earlier, NULL gives NULL")], &["SELECT add_months(DATE '2025-02-28', 1) AS last;"]).says("\
As in Oracle and Snowflake. `day + INTERVAL '1 month'` of PostgreSQL keeps the day number if possible: 2025-02-28
becomes 2025-03-28. The result is a DATE, without the time of day."),
    ExpressionMacro::scalar("dateadd", "dates", "Adds a number of units to a time.", Meaning::Code(units::later))
        .page(&[Argument::required("unit", Takes::Value("unit: second, minute, hour, day, week, month, quarter, year"), "unit to add, as a string or a word: 'month', MONTH"), Argument::required("count", Takes::Value("number"), "number of units; below 0 for earlier, NULL gives NULL"), Argument::required("time", Takes::Value("date or timestamp"), "time to move; NULL gives NULL")], &["SELECT dateadd('month', 1, DATE '2025-01-31') AS later;"])
    .says("\
If the month does not have the day, the result is its last day. A DATE stays a DATE unless the unit is smaller than a
day.

**Elsewhere.** SQL Server, Snowflake and Redshift: `dateadd`; MySQL: `timestampadd`; PostgreSQL and DuckDB: `time +
count * INTERVAL '1 month'`."),
    ExpressionMacro::scalar("timestampadd", "dates", "Adds a number of units to a time.", Meaning::Code(units::later))
        .page(&[Argument::required("unit", Takes::Value("unit: second, minute, hour, day, week, month, quarter, year"), "unit to add, as a string or a word: 'month', MONTH"), Argument::required("count", Takes::Value("number"), "number of units; below 0 for earlier, NULL gives NULL"), Argument::required("time", Takes::Value("date or timestamp"), "time to move; NULL gives NULL")], &["SELECT timestampadd('month', 1, DATE '2025-01-31') AS later;"])
    .says("\
If the month does not have the day, the result is its last day. A DATE stays a DATE unless the unit is smaller than a
day.

**Elsewhere.** SQL Server, Snowflake and Redshift: `dateadd`; MySQL: `timestampadd`; PostgreSQL and DuckDB: `time +
count * INTERVAL '1 month'`."),
    ExpressionMacro::scalar("timestamp_trunc", "dates", "Returns the beginning of the unit that a time is in, as in BigQuery.", Meaning::Code(units::begin))
        .page(&[Argument::required("time", Takes::Value("date or timestamp"), "time to truncate; NULL gives NULL"), Argument::required("unit", Takes::Value("unit"), "unit, microsecond to year, as a word: HOUR, MONTH")], &["SELECT timestamp_trunc(TIMESTAMP '2025-05-17 10:20:30', HOUR) AS hour;"])
    .says("\
As `date_trunc(unit, time)`. Weeks begin on Monday; in BigQuery WEEK begins on Sunday, and ISOWEEK on Monday."),
    ExpressionMacro::scalar("datetime_trunc", "dates", "Returns the beginning of the unit that a time is in, as in BigQuery.", Meaning::Code(units::begin))
        .page(&[Argument::required("time", Takes::Value("date or timestamp"), "time to truncate; NULL gives NULL"), Argument::required("unit", Takes::Value("unit"), "unit, microsecond to year, as a word: HOUR, MONTH")], &["SELECT datetime_trunc(TIMESTAMP '2025-05-17 10:20:30', HOUR) AS hour;"])
    .says("\
As `date_trunc(unit, time)`. Weeks begin on Monday; in BigQuery WEEK begins on Sunday, and ISOWEEK on Monday."),
    ExpressionMacro::scalar("time_bucket", "dates", "Returns the beginning of the interval that a time is in; intervals are counted from Monday 2000-01-03, those of months from 2000-01-01.", Meaning::Code(units::bucket))
        .page(&[Argument::required("width", Takes::Value("interval"), "width of the intervals, a constant: `INTERVAL '15 minutes'`, `INTERVAL '2 months'`"), Argument::required("time", Takes::Value("date or timestamp"), "time to place; NULL gives NULL")], &["SELECT time_bucket(INTERVAL '7 days', DATE '2025-05-17') AS monday;"]).says("\
As in DuckDB. The result is a TIMESTAMP. Intervals without rows are missing from the groups: join a
`generate_date_array` to see them as 0.

**Elsewhere.** TimescaleDB and DuckDB: `time_bucket`; PostgreSQL: `date_bin`; pandas: `resample`."),
    ExpressionMacro::scalar("time_slice", "dates", "Returns the beginning of the interval of so many units that a time is in, counted from 1970-01-01, as in Snowflake.", Meaning::Code(units::slice))
        .page(&[Argument::required("time", Takes::Value("date or timestamp"), "time to place; NULL gives NULL"), Argument::required("count", Takes::Value("integer"), "units per interval, a constant integer"), Argument::required("unit", Takes::Value("unit"), "second, minute, hour, day, week, month, quarter or year, as a string")], &["SELECT time_slice(TIMESTAMP '2025-05-01 10:20:00', 15, 'minute') AS slice;"])
    .says("\
The result is a TIMESTAMP. Weeks begin on Monday.

**Elsewhere.** Snowflake: `time_slice`; others: see `time_bucket`."),
    ExpressionMacro::scalar("convert_timezone", "dates", "Converts a local time from one time zone to another, as in Snowflake.", Meaning::Code(units::zones))
        .page(&[Argument::required("from", Takes::Value("zone, a constant string"), "source time zone"), Argument::required("to", Takes::Value("zone, a constant string"), "target time zone"), Argument::required("time", Takes::Value("timestamp"), "local time in the source zone; NULL gives NULL")], &["SELECT convert_timezone('UTC', 'Asia/Shanghai', TIMESTAMP '2025-05-01 00:00:00') AS there;"])
    .says("\
Zones are names such as 'Asia/Shanghai', with their daylight saving time, or offsets such as '+08:00'. An unknown zone
is an error.

**Elsewhere.** Snowflake: `convert_timezone`; MySQL: `convert_tz`; PostgreSQL and DuckDB: `(time AT TIME ZONE 'UTC')
AT TIME ZONE 'Asia/Shanghai'`."),
    ExpressionMacro::scalar("timezone", "dates", "Returns the local time in a zone at an instant, or the instant of a local time, as `time AT TIME ZONE 'zone'`.", Meaning::Code(units::at_zone))
        .page(&[Argument::required("zone", Takes::Value("zone, a constant string"), "time zone"), Argument::required("time", Takes::Value("timestamp"), "an instant, such as a TIMESTAMP WITH TIME ZONE, or local time in the zone, a TIMESTAMP; NULL gives NULL")], &["SELECT timezone('Asia/Shanghai', TIMESTAMP WITH TIME ZONE '2025-05-01 20:00:00+00:00') AS there;"])
    .says("\
A time with a zone becomes a TIMESTAMP without one: what clocks in the zone show. A TIMESTAMP or DATE without a zone
is local time in the zone, and becomes a time with that zone. `now()` is an instant. Zones are names such as
'Asia/Shanghai', or offsets such as '+08:00'; an unknown one is an error.

**Elsewhere.** PostgreSQL and DuckDB: `timezone`, and `time AT TIME ZONE 'zone'`."),
    ExpressionMacro::scalar("date_trunc", "dates", "Returns the beginning of the unit that a time is in.", Meaning::Code(units::trunc)).page(&[Argument::required("unit", Takes::Value("unit"), "microsecond, millisecond, second, minute, hour, day, week, month, quarter or year, as a string"), Argument::required("time", Takes::Value("date or timestamp"), "time to truncate; NULL gives NULL"), Argument::optional("zone", Takes::Value("zone, a constant string"), "", "time zone by whose clocks a unit begins; the result is an instant")], &["SELECT date_trunc('month', DATE '2025-05-17') AS month;", "SELECT date_trunc('day', TIMESTAMP WITH TIME ZONE '2025-05-17 20:00:00+00:00', 'Asia/Shanghai') AS day;", "SELECT date_trunc('quarter', ordered_at) AS quarter, count(*) AS orders, sum(amount) AS revenue
FROM sample_orders(rows => 10000) WHERE status = 'paid' GROUP BY quarter ORDER BY quarter DESC LIMIT 3;"]).says("\
`date_trunc(time, MONTH)` of BigQuery is read too. Weeks begin on Monday. Use it to group by period: months of
different years stay apart.

**Elsewhere.** PostgreSQL, DuckDB and Snowflake: `date_trunc`; pandas: `.dt.to_period` or `.dt.floor`. PostgreSQL also
has decade and century."),
];
