//! Times that are moved, or truncated to the beginning of a unit.

use super::units;
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 14] = [
    ExpressionMacro::scalar("date_add", "dates", "Adds an interval to a time.", Meaning::Sql(&[(2, "($1 + $2)")]))
        .page(&[Argument::required("time", Takes::Value("date or timestamp"), "the time"), Argument::required("interval", Takes::Value("interval, or a number of days"), "the interval")], &["SELECT date_add(DATE '2025-01-31', INTERVAL '1 month') AS later;"]).says("If the month does not have the day, the result is its last day."),
    ExpressionMacro::scalar("adddate", "dates", "As `date_add`, in MySQL.", Meaning::Sql(&[(2, "($1 + $2)")]))
        .page(&[Argument::required("time", Takes::Value("date or timestamp"), "the time"), Argument::required("interval", Takes::Value("interval, or a number of days"), "the interval")], &["SELECT adddate(DATE '2025-05-01', 7) AS later;"]),
    ExpressionMacro::scalar("subdate", "dates", "Subtracts an interval from a time, as in MySQL.", Meaning::Sql(&[(2, "($1 - $2)")]))
        .page(&[Argument::required("time", Takes::Value("date or timestamp"), "the time"), Argument::required("interval", Takes::Value("interval, or a number of days"), "the interval")], &["SELECT subdate(DATE '2025-05-01', 1) AS earlier;"]),
    ExpressionMacro::scalar("next_day", "dates", "Returns the first given day of the week after a date.", Meaning::Code(units::next_day))
        .page(&[Argument::required("day", Takes::Value("date"), "the day"), Argument::required("weekday", Takes::Value("text: a day of the week in English"), "the weekday")], &["SELECT next_day(DATE '2025-05-01', 'Monday') AS monday;"]),
    ExpressionMacro::scalar("last_day", "dates", "Returns the last day of the month, or of the quarter or year.", Meaning::Code(units::last_day))
        .page(&[Argument::required("day", Takes::Value("date or timestamp"), "the day"), Argument::optional("part", Takes::Value("month, quarter or year"), "", "the part")], &["SELECT last_day(DATE '2024-02-10') AS last;"]),
    ExpressionMacro::scalar("add_months", "dates", "Adds months to a date; the last day of a month stays the last day.", Meaning::Sql(&[(2, "CASE WHEN date_part('day', CAST($1 AS DATE) + 1) = 1 THEN CAST(date_trunc('month', CAST($1 AS DATE) + ($2 + 1) * INTERVAL '1 month') AS DATE) - 1 ELSE CAST(CAST($1 AS DATE) + $2 * INTERVAL '1 month' AS DATE) END")]))
        .page(&[Argument::required("day", Takes::Value("date"), "the day"), Argument::required("months", Takes::Value("integer"), "the months")], &["SELECT add_months(DATE '2025-02-28', 1) AS last;"]).says("As in Oracle and Snowflake. `day + INTERVAL '1 month'` of PostgreSQL keeps the day number if possible: 2025-02-28 becomes 2025-03-28."),
    ExpressionMacro::scalar("dateadd", "dates", "Adds a number of units to a time.", Meaning::Code(units::later))
        .page(&[Argument::required("unit", Takes::Value("unit: second, minute, hour, day, week, month, quarter, year"), "the unit"), Argument::required("count", Takes::Value("number"), "the count"), Argument::required("time", Takes::Value("date or timestamp"), "the time")], &["SELECT dateadd('month', 1, DATE '2025-01-31') AS later;"]),
    ExpressionMacro::scalar("timestampadd", "dates", "Adds a number of units to a time.", Meaning::Code(units::later))
        .page(&[Argument::required("unit", Takes::Value("unit: second, minute, hour, day, week, month, quarter, year"), "the unit"), Argument::required("count", Takes::Value("number"), "the count"), Argument::required("time", Takes::Value("date or timestamp"), "the time")], &["SELECT timestampadd('month', 1, DATE '2025-01-31') AS later;"]),
    ExpressionMacro::scalar("timestamp_trunc", "dates", "Returns the beginning of the unit that a time is in, as in BigQuery.", Meaning::Code(units::begin))
        .page(&[Argument::required("time", Takes::Value("date or timestamp"), "the time"), Argument::required("unit", Takes::Value("unit"), "the unit")], &["SELECT timestamp_trunc(TIMESTAMP '2025-05-17 10:20:30', HOUR) AS hour;"]),
    ExpressionMacro::scalar("datetime_trunc", "dates", "Returns the beginning of the unit that a time is in, as in BigQuery.", Meaning::Code(units::begin))
        .page(&[Argument::required("time", Takes::Value("date or timestamp"), "the time"), Argument::required("unit", Takes::Value("unit"), "the unit")], &["SELECT datetime_trunc(TIMESTAMP '2025-05-17 10:20:30', HOUR) AS hour;"]),
    ExpressionMacro::scalar("time_bucket", "dates", "Returns the beginning of the interval that a time is in; intervals are counted from Monday 2000-01-03, those of months from 2000-01-01.", Meaning::Code(units::bucket))
        .page(&[Argument::required("width", Takes::Value("interval"), "the width"), Argument::required("time", Takes::Value("date or timestamp"), "the time")], &["SELECT time_bucket(INTERVAL '7 days', DATE '2025-05-17') AS monday;"]).says("As in DuckDB."),
    ExpressionMacro::scalar("time_slice", "dates", "Returns the beginning of the interval of so many units that a time is in, counted from 1970-01-01, as in Snowflake.", Meaning::Code(units::slice))
        .page(&[Argument::required("time", Takes::Value("date or timestamp"), "the time"), Argument::required("count", Takes::Value("integer"), "the count"), Argument::required("unit", Takes::Value("unit"), "the unit")], &["SELECT time_slice(TIMESTAMP '2025-05-01 10:20:00', 15, 'minute') AS slice;"]),
    ExpressionMacro::scalar("convert_timezone", "dates", "Converts a local time from one time zone to another, as in Snowflake.", Meaning::Code(units::zones))
        .page(&[Argument::required("from", Takes::Value("zone, a constant text"), "source time zone"), Argument::required("to", Takes::Value("zone, a constant text"), "target time zone"), Argument::required("time", Takes::Value("timestamp"), "the time")], &["SELECT convert_timezone('UTC', 'Asia/Shanghai', TIMESTAMP '2025-05-01 00:00:00') AS there;"]),
    ExpressionMacro::scalar("date_trunc", "dates", "Returns the beginning of the unit that a time is in.", Meaning::Code(units::trunc)).page(&[Argument::required("unit", Takes::Value("unit"), "the unit"), Argument::required("time", Takes::Value("date or timestamp"), "the time")], &["SELECT date_trunc('month', DATE '2025-05-17') AS month;"]).says("`date_trunc(time, MONTH)` of BigQuery is read too."),
];
