//! Dates of any form.

use datafusion::common::Result;

use crate::adapter::arguments::Options;
use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::kernels::cleaning::date::{Order, read};

const DATE: Argument = text("date", "the date as it was typed; a number is read as it is written");

const ORDER: Argument = Argument::optional(
    "order",
    Takes::Choice(&["dmy", "mdy", "ymd"]),
    "",
    "what comes first in dates of three numbers: day, month or year",
);

pub static ALL: [TextFunction; 2] = [
    TextFunction::new(
        Doc {
            name: "parse_date",
            domain: "clean",
            summary: "The date of a text, in any of the forms that people type.",
            description: "\
| form | as |
|---|---|
| year first | `2024-1-5`, `2024/01/05`, `2024.1.5`, `20240105`, `2024-W01-5`, `2024-005` |
| day or month first, with `order` where they could change places | `05/01/2024`, `5.1.24`, `050124` |
| month by name, in English and six languages near it | `5 Jan 2024`, `January 5th, 2024`, `5. Januar 2024` |
| Chinese and Japanese | `2024年1月5日`, `二〇二四年一月五日`, `民国113年1月5日`, `113/1/5`, `令和6年1月5日` |
| with a time, which is left out | `2024-01-05T12:30:00+08:00`, `2024-01-05 下午3:20`, `20240105123000` |
| day of a spreadsheet, five digits | `45296`, `45296.5` (of the calendar from 1900) |
| seconds since 1970 (nine or ten digits), milliseconds (12 or 13), microseconds (16), in UTC | `1704412800` |

A text that could be read in two ways is read as `order` says, and without it gives NULL: `05/01/2024`, `5/1/24`. `13/01/2024` has one reading and needs no order;
declared as `mdy` it gives NULL, as something is wrong then. Years of two digits need an order, and are 1969 to 2068. A year of four digits in front is always
year, month, day.

NULL for what is no date, also for a day that the calendar does not have; `date_problem` says why. With a pattern in front, as in BigQuery
(`parse_date('%d/%m/%Y', date)`), the text must have that form, and another is an error; see `strptime` for the letters.",
            arguments: &[DATE, ORDER],
            examples: &["SELECT parse_date('2024年1月5日') AS chinese, parse_date('05/01/2024', order => 'dmy') AS day_first, parse_date('05/01/2024') AS unclear,
       parse_date(45296) AS spreadsheet;"],
            source: "ISO 8601; the calendar of the Republic of China (1912 is year 1)",
            ..Doc::EMPTY
        },
        Gives::Day(|options| {
            let order = order(options)?;
            Ok(Box::new(move |date| read(date, order).ok()))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "date_problem",
            domain: "clean",
            summary: "Why `parse_date` gives NULL; NULL where it gives a date.",
            description: "\
One of `empty`, `day and month could change places; declare the order`, `no such day`, `year or day is missing`, `does not fit the declared order`, `not a date`.",
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
    ),
];

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
