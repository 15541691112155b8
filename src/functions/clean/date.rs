//! Dates in any form.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Date32Builder, StringViewArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::config::ConfigOptions;

use crate::adapter::arguments::Options;
use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::adapter::unread::{Reason, Unread};
use crate::docs::{Argument, Doc, Takes};
use crate::kernels::cleaning::date::{Order, Problem, read};

const DATE: Argument =
    text("date", "date as typed, in any form; a number such as 20240501 is read as it is written; NULL gives NULL");

const ORDER: Argument = Argument::optional(
    "order",
    Takes::Choice(&["dmy", "mdy", "ymd"]),
    "",
    "order of the parts in dates of three numbers: which comes first, day, month or year; a constant or a column",
);

pub static ALL: [TextFunction; 2] = [
    TextFunction::new(
        Doc {
            name: "parse_date",
            domain: "clean",
            summary: "Parses a date in any of the forms that people type.",
            description: "\
| form | examples |
|---|---|
| year first | `2024-1-5`, `2024/01/05`, `2024.1.5`, `20240105`, `2024-W01-5`, `2024-005` |
| day or month first; needs `order` where both readings are possible | `05/01/2024`, `5.1.24`, `050124`, `05012024` |
| month by name, in English and six related languages | `5 Jan 2024`, `January 5th, 2024`, `5. Januar 2024`, `5-Jan-24` |
| Chinese, Japanese and Korean | `2024年1月5日`, `二〇二四年一月五日`, `民国113年1月5日`, `113/1/5`, `1130105`, `令和6年1月5日`, `2024년 1월 5일` |
| with a time, which is dropped | `2024-01-05T12:30:00+08:00`, `2024-01-05 下午3:20`, `20240105123000`, `20240105T123000Z` |
| spreadsheet day number, five digits | `45296`, `45296.5` (1900 date system) |
| seconds since 1970 (nine or ten digits), milliseconds (12 or 13), microseconds (16), in UTC | `1704412800` |

A text with two possible readings is read by `order`; without it the result is NULL: `05/01/2024`, `5/1/24`. `13/01/2024` has only one
reading and needs no order; declared as `mdy` it gives NULL, because the text or the declaration must be wrong. Two-digit years need an
order, unless the month is a name (`5-Jan-24`: the day comes first), and mean 1969 to 2068. A four-digit year in front always means year, month, day; of eight
digits the first four are the year if the last four are a month and a day.

The result is NULL for anything that is not a date, also for days and times of day that do not exist; `date_problem` says why. Without `order`, a
note after the statement counts the values that could not be read. With a format as the first
argument, as in BigQuery (`parse_date('%d/%m/%Y', date)`), or as the second, the text must have that form, and anything else is an error; see `strptime` for
the letters.

**Cost.** About 2 seconds of CPU per million dates. If all dates have one form, `strptime` with that form is quicker.

**Elsewhere.** Python: `dateutil.parser.parse`, which guesses the order; pandas: `to_datetime(…, dayfirst=True)`; R: `lubridate::ymd` and `dmy`;
Snowflake: `try_to_date`, which knows fewer forms.",
            arguments: &[DATE, ORDER],
            examples: &["SELECT parse_date('2024年1月5日') AS chinese, parse_date('05/01/2024', order => 'dmy') AS day_first, parse_date('05/01/2024') AS unclear,
       parse_date(45296) AS spreadsheet;"],
            source: "ISO 8601; the calendar of the Republic of China (1912 is year 1)",
            ..Doc::EMPTY
        },
        Gives::Keyed(|_| Ok(DataType::Date32), dates),
    )
    .by_row(ORDER.name),
    TextFunction::new(
        Doc {
            name: "date_problem",
            domain: "clean",
            summary: "Explains why `parse_date` gives NULL; NULL if it gives a date.",
            description: "\
One of `empty`, `day and month could change places; declare the order`, `no such day`, `no such time of day`, `year or day is missing`, `does not fit the declared order`, `not a date`.

**Cost.** As `parse_date`: each call reads the text again.

**Elsewhere.** R: `readr::problems` lists what a column did not accept. pandas (`errors='coerce'`), DuckDB (`try_strptime`) and
Snowflake (`try_to_date`) give a missing value without a reason.",
            arguments: &[DATE, ORDER],
            examples: &["SELECT date_problem('05/01/2024') AS one, date_problem('2024-02-30') AS two, date_problem('2024-02-29') AS good;"],
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let order = order(options)?;
            Ok(Box::new(move |date, problem| match read(date, order) {
                Ok(_) => false,
                Err(wrong) => {
                    problem.push_str(wrong.as_str());
                    true
                }
            }))
        }),
    )
    .by_row(ORDER.name),
];

const AMBIGUOUS: Reason = Reason {
    told: |count| {
        format!("parse_date: {count} different values can be read in two ways, and give NULL; write order => 'dmy', or 'mdy'")
    },
    told_of_one: "parse_date: a value can be read in two ways, and gives NULL; write order => 'dmy', or 'mdy'",
};

const UNREADABLE: Reason = Reason {
    told: |count| format!("parse_date: {count} different values are not dates, and give NULL; date_problem says why"),
    told_of_one: "parse_date: a value is not a date, and gives NULL; date_problem says why",
};

/// Reads dates. Without an order, what could not be read is counted for a note: the call does not show that values may be lost.
fn dates(texts: &StringViewArray, options: &Options, config: &ConfigOptions) -> Result<ArrayRef> {
    let order = order(options)?;
    let (mut ambiguous, mut unreadable) = (vec![], vec![]);
    let mut days = Date32Builder::with_capacity(texts.len());
    for text in texts {
        let day = text.map(|text| read(text, order));
        match (text, day) {
            (Some(text), Some(Err(Problem::Ambiguous))) => ambiguous.push(text),
            (Some(text), Some(Err(problem))) if problem != Problem::Empty => unreadable.push(text),
            _ => {}
        }
        days.append_option(day.and_then(std::result::Result::ok));
    }
    if order.is_none() {
        Unread::add(config, "ambiguous dates", AMBIGUOUS, ambiguous);
        Unread::add(config, "unreadable dates", UNREADABLE, unreadable);
    }
    Ok(Arc::new(days.finish()))
}

fn order(options: &Options) -> Result<Option<Order>> {
    if !options.is_given(ORDER.name) {
        return Ok(None);
    }
    Ok(Some(match options.word(ORDER.name)? {
        "dmy" => Order::Day,
        "mdy" => Order::Month,
        _ => Order::Year,
    }))
}
