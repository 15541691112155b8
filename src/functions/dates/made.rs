//! Times built from their parts.

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 7] = [
    ExpressionMacro::scalar("date_from_unix_date", "dates", "Returns the date a number of days after 1970-01-01.", Meaning::Sql(&[(1, "(DATE '1970-01-01' + $1)")]))
        .page(&[Argument::required("days", Takes::Value("integer"), "the days")], &["SELECT date_from_unix_date(1) AS day;"]),
    ExpressionMacro::scalar("curdate", "dates", "Returns today's date.", Meaning::Sql(&[(0, "current_date")]))
        .page(&[Argument::optional("()", Takes::Value("nothing"), "", "it takes no arguments")], &["SELECT curdate() = current_date AS today;"]),
    ExpressionMacro::scalar("date", "dates", "Returns the date of a time or string, or of a year, month and day.", Meaning::Sql(&[(1, "CAST($1 AS DATE)"), (3, "make_date($1, $2, $3)")]))
        .page(&[Argument::required("value", Takes::Value("text, date or timestamp; or year, month and day"), "the value")], &["SELECT date(TIMESTAMP '2025-05-01 10:20:30') AS day, date(2025, 5, 1) AS same;"]),
    ExpressionMacro::scalar("date_from_parts", "dates", "Returns the date of a year, month and day.", Meaning::Sql(&[(3, "make_date($1, $2, $3)")]))
        .page(&[Argument::required("year", Takes::Value("integer"), "the year"), Argument::required("month", Takes::Value("integer"), "the month"), Argument::required("day", Takes::Value("integer"), "the day")], &["SELECT date_from_parts(2025, 5, 1) AS day;"]),
    ExpressionMacro::scalar("make_timestamp", "dates", "Returns the timestamp of a year, month, day, hour, minute and second.", Meaning::Sql(&[(6, "CAST(make_date($1, $2, $3) AS TIMESTAMP) + $4 * INTERVAL '1 hour' + $5 * INTERVAL '1 minute' + $6 * INTERVAL '1 second'")]))
        .page(&[Argument::required("year", Takes::Value("integer"), "the year"), Argument::required("month", Takes::Value("integer"), "the month"), Argument::required("day", Takes::Value("integer"), "the day"), Argument::required("hour", Takes::Value("integer"), "the hour"), Argument::required("minute", Takes::Value("integer"), "the minute"), Argument::required("second", Takes::Value("number"), "the second")], &["SELECT make_timestamp(2025, 5, 1, 10, 20, 30) AS at;"]),
    ExpressionMacro::scalar("timestamp_from_parts", "dates", "Returns the timestamp of a year, month, day, hour, minute and second.", Meaning::Sql(&[(6, "CAST(make_date($1, $2, $3) AS TIMESTAMP) + $4 * INTERVAL '1 hour' + $5 * INTERVAL '1 minute' + $6 * INTERVAL '1 second'")]))
        .page(&[Argument::required("year", Takes::Value("integer"), "the year"), Argument::required("month", Takes::Value("integer"), "the month"), Argument::required("day", Takes::Value("integer"), "the day"), Argument::required("hour", Takes::Value("integer"), "the hour"), Argument::required("minute", Takes::Value("integer"), "the minute"), Argument::required("second", Takes::Value("number"), "the second")], &["SELECT timestamp_from_parts(2025, 5, 1, 10, 20, 30) AS at;"]),
    ExpressionMacro::scalar("makedate", "dates", "Returns the date of a day number in a year, as in MySQL.", Meaning::Sql(&[(2, "(make_date($1, 1, 1) + CAST($2 - 1 AS INT))")]))
        .page(&[Argument::required("year", Takes::Value("integer"), "the year"), Argument::required("day_of_year", Takes::Value("integer"), "the day of year")], &["SELECT makedate(2025, 32) AS day;"]),
];
