//! Dates in the forms that people type.
//!
//! A string is split into tokens: numbers with their digit count, names of months, Chinese marks (`年`, `月`, `日`) and eras (`民国`, `令和`).
//! The marks, a four-digit year or the declared order determine which number is the year. Without a declared order, a string in which day
//! and month could be swapped has no date.

mod calendar;
mod words;

pub use calendar::days_of;

use super::texts::{is_dash, plain_with_digits};
use words::{Mark, Word, era, words};

/// The order of a date written as three numbers, if nothing else determines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Day, month, year.
    Day,
    /// Month, day, year.
    Month,
    /// Year, month, day.
    Year,
}

/// Why a string has no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// It is empty.
    Empty,
    /// Day and month could be swapped, or the year could be in any position.
    Ambiguous,
    /// There is no such day in the calendar.
    NoSuchDay,
    /// There is no such time of day.
    NoSuchTime,
    /// The year or the day is missing.
    Incomplete,
    /// It contradicts the declared order.
    Order,
    /// It has no known form.
    Form,
}

impl Problem {
    /// The text in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Ambiguous => "day and month could change places; declare the order",
            Self::NoSuchDay => "no such day",
            Self::NoSuchTime => "no such time of day",
            Self::Incomplete => "year or day is missing",
            Self::Order => "does not fit the declared order",
            Self::Form => "not a date",
        }
    }
}

/// Seconds per day.
const DAY: i64 = 86_400;

/// Parses a string as a date, in days since 1970-01-01.
///
/// # Errors
/// Why it has no date.
pub fn read(text: &str, order: Option<Order>) -> Result<i32, Problem> {
    let text = plain_with_digits(text).to_lowercase().replace(is_dash, "-");
    let text = words::after_label(&text);
    if text.is_empty() {
        return Err(Problem::Empty);
    }
    if let Some(day) = of_digits(words::before_basic_time(text).unwrap_or(text), order) {
        return day;
    }
    let text = words::without_time(text).ok_or(Problem::NoSuchTime)?;
    let words = words(&text).ok_or(Problem::Form)?;
    if let Some(day) = of_era(&words) {
        return day;
    }
    if let Some(day) = of_week_or_day_of_year(&text) {
        return day;
    }
    of_words(&words, order)
}

/// Parses a string of digits only (and a fraction): a date without separators, a spreadsheet's day number or a Unix timestamp.
fn of_digits(text: &str, order: Option<Order>) -> Option<Result<i32, Problem>> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    let (sign, whole) = match whole.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, whole),
    };
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || text.ends_with('.') {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    let is_whole = fraction.is_empty() && sign == 1;
    Some(match whole.len() {
        // Day 0 of spreadsheets is 1899-12-30, because they count a leap day in 1900 that did not exist.
        5 if sign == 1 && number >= 10_000 => i32::try_from(number).map(|day| day - 25_569).map_err(|_| Problem::Form),
        6 if is_whole => of_six_digits(number, order),
        8 if sign == 1 && fraction.bytes().all(|digit| digit == b'0') => of_eight_digits(number, order),
        9 | 10 => day_of(sign * number),
        12 if is_whole && is_date_and_time(number * 100) => {
            of_parts(number / 100_000_000, number / 1_000_000 % 100, number / 10_000 % 100)
        }
        12 | 13 => day_of((sign * number).div_euclid(1_000)),
        14 if is_whole && is_date_and_time(number) => {
            of_parts(number / 10_000_000_000, number / 100_000_000 % 100, number / 1_000_000 % 100)
        }
        16 => day_of((sign * number).div_euclid(1_000_000)),
        19 => day_of((sign * number).div_euclid(1_000_000_000)),
        7 if is_whole && (1_800..2_200).contains(&(number / 1_000)) => of_day_of_year(number / 1_000, number % 1_000),
        // `1130105`: a three-digit year can only be one of the Republic of China.
        7 if is_whole && number >= 10_000 => of_parts(number / 10_000 + 1_911, number / 100 % 100, number % 100),
        4 if is_whole && (1_000..=2_999).contains(&number) => Err(Problem::Incomplete),
        _ => Err(Problem::Form),
    })
}

/// `240105`, `050124`: every order with the year at an end is possible.
fn of_six_digits(number: i64, order: Option<Order>) -> Result<i32, Problem> {
    let (first, second, third) = (number / 10_000, number / 100 % 100, number % 100);
    match order {
        Some(Order::Year) => of_parts(short_year(first), second, third),
        Some(Order::Day) => of_parts(short_year(third), second, first),
        Some(Order::Month) => of_parts(short_year(third), first, second),
        None if [Order::Year, Order::Day, Order::Month].iter().any(|order| of_six_digits(number, Some(*order)).is_ok()) => {
            Err(Problem::Ambiguous)
        }
        // `202401` is a year and a month.
        None if (1..=12).contains(&third) => Err(Problem::Incomplete),
        None => Err(Problem::NoSuchDay),
    }
}

/// `20240105`, `05012024`: the last four digits are a month and a day, at most 1231, or else a year.
fn of_eight_digits(number: i64, order: Option<Order>) -> Result<i32, Problem> {
    let (first, second, last) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    match order {
        Some(Order::Day) if last > 1_231 => in_order(last, second, first),
        Some(Order::Month) if last > 1_231 => in_order(last, first, second),
        None if last > 1_231 => either(last, first, second),
        _ => of_parts(number / 10_000, last / 100, last % 100),
    }
}

/// True if 14 digits form a year, month, day, hour, minute and second.
fn is_date_and_time(number: i64) -> bool {
    let clock = number % 1_000_000;
    (1_900..2_200).contains(&(number / 10_000_000_000)) && clock / 10_000 < 24 && clock / 100 % 100 < 60 && clock % 100 < 61
}

fn day_of(seconds: i64) -> Result<i32, Problem> {
    i32::try_from(seconds.div_euclid(DAY)).map_err(|_| Problem::Form)
}

/// Two-digit years as in POSIX: 69 to 99 are in the 20th century, 0 to 68 in the 21st.
fn short_year(year: i64) -> i64 {
    if year < 69 { 2_000 + year } else { 1_900 + year }
}

fn of_parts(year: i64, month: i64, day: i64) -> Result<i32, Problem> {
    let part = |part: i64| u32::try_from(part).unwrap_or(0);
    let year = i32::try_from(year).ok().filter(|year| (1..=9_999).contains(year)).ok_or(Problem::NoSuchDay)?;
    days_of(year, part(month), part(day)).ok_or(Problem::NoSuchDay)
}

fn of_day_of_year(year: i64, day: i64) -> Result<i32, Problem> {
    let first = of_parts(year, 1, 1)?;
    let length = of_parts(year, 12, 31)? - first + 1;
    i32::try_from(day).ok().filter(|day| (1..=length).contains(day)).map(|day| first + day - 1).ok_or(Problem::NoSuchDay)
}

/// `2024-W01-5` and `2024-005`, as in ISO 8601.
fn of_week_or_day_of_year(text: &str) -> Option<Result<i32, Problem>> {
    let (year, rest) = text.split_at_checked(4)?;
    let year: i64 = year.bytes().all(|digit| digit.is_ascii_digit()).then(|| year.parse().ok())??;
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    if let Some(week) = rest.strip_prefix('w') {
        let digits: Vec<i64> = week
            .chars()
            .filter(|letter| *letter != '-')
            .map(|letter| letter.to_digit(10).map(i64::from))
            .collect::<Option<_>>()?;
        let [tens, ones, day] = digits.as_slice() else { return Some(Err(Problem::Incomplete)) };
        return Some(of_week(year, tens * 10 + ones, *day));
    }
    if rest.len() == 3 && text.len() == 8 && rest.bytes().all(|digit| digit.is_ascii_digit()) {
        return Some(of_day_of_year(year, rest.parse().ok()?));
    }
    None
}

fn of_week(year: i64, week: i64, day: i64) -> Result<i32, Problem> {
    if !(1..=53).contains(&week) || !(1..=7).contains(&day) {
        return Err(Problem::NoSuchDay);
    }
    // 4 January is always in the first week. 1970-01-01 was a Thursday.
    let first_monday = |year: i64| of_parts(year, 1, 4).map(|fourth| fourth - (fourth + 3).rem_euclid(7));
    let start = first_monday(year)? + (i32::try_from(week).unwrap_or(0) - 1) * 7;
    if week == 53 && start >= first_monday(year + 1)? {
        return Err(Problem::NoSuchDay);
    }
    Ok(start + i32::try_from(day).unwrap_or(1) - 1)
}

/// Years of an era: `民国113年1月5日`, `令和6年1月5日`, `113/1/5`.
fn of_era(words: &[Word]) -> Option<Result<i32, Problem>> {
    let (name, rest) = match words {
        [Word::Name(name), rest @ ..] if era(name).is_some() => (era(name)?, rest),
        // A three-digit year can only be one of the Republic of China.
        [Word::Number { digits: 3, .. }, ..] => (era("民国")?, words),
        _ => return None,
    };
    let (first, last) = name;
    let numbers: Vec<i64> = rest.iter().filter_map(Word::number).collect();
    let [year, month, day] = numbers.as_slice() else { return Some(Err(Problem::Incomplete)) };
    let date = of_parts(first + year - 1, *month, *day);
    Some(date.and_then(|date| if (1..=last - first + 1).contains(year) { Ok(date) } else { Err(Problem::NoSuchDay) }))
}

fn of_words(words: &[Word], order: Option<Order>) -> Result<i32, Problem> {
    // Weekdays add no information.
    let words: Vec<&Word> = words.iter().filter(|word| !word.is_weekday()).collect();
    let marked = |mark: Mark| {
        words.windows(2).find_map(|pair| match pair {
            [number, Word::Mark(found)] if *found == mark => number.number_and_digits(),
            _ => None,
        })
    };
    let numbers: Vec<(i64, usize)> = words.iter().filter_map(|word| word.number_and_digits()).collect();
    if let Some((year, digits)) = marked(Mark::Year) {
        let month = marked(Mark::Month).or_else(|| numbers.get(1).copied());
        let day = marked(Mark::Day).or_else(|| numbers.get(2).copied());
        let (Some((month, _)), Some((day, _))) = (month, day) else { return Err(Problem::Incomplete) };
        return match (digits, numbers.len()) {
            (_, 4..) => Err(Problem::Form),
            (4, _) => of_parts(year, month, day),
            (1 | 2, _) => of_parts(short_year(year), month, day),
            _ => Err(Problem::Form),
        };
    }
    if words.iter().any(|word| matches!(word, Word::Mark(_))) {
        return Err(Problem::Incomplete);
    }
    let months: Vec<i64> = words.iter().filter_map(|word| word.month()).collect();
    if words.iter().any(|word| matches!(word, Word::Name(_)) && word.month().is_none()) || months.len() > 1 {
        return Err(Problem::Form);
    }
    if let [month] = months.as_slice() {
        return of_named_month(&words, &numbers, *month, order);
    }
    let [(first, first_digits), (second, _), (third, third_digits)] = numbers.as_slice() else {
        return Err(if numbers.len() < 3 { Problem::Incomplete } else { Problem::Form });
    };
    match (first_digits, third_digits) {
        // A four-digit year in front means ISO 8601, whatever the declared order.
        (4, 1 | 2) => of_parts(*first, *second, *third),
        (1 | 2, 4) => match order {
            Some(Order::Day) => in_order(*third, *second, *first),
            Some(Order::Month) => in_order(*third, *first, *second),
            Some(Order::Year) => Err(Problem::Order),
            None => either(*third, *first, *second),
        },
        (1 | 2, 1 | 2) => match order {
            Some(Order::Day) => in_order(short_year(*third), *second, *first),
            Some(Order::Month) => in_order(short_year(*third), *first, *second),
            Some(Order::Year) => in_order(short_year(*first), *second, *third),
            None => Err(Problem::Ambiguous),
        },
        _ => Err(Problem::Form),
    }
}

/// A date in the declared order; if month and day are only possible the other way round, it contradicts that order.
fn in_order(year: i64, month: i64, day: i64) -> Result<i32, Problem> {
    if (13..=31).contains(&month) && (1..=12).contains(&day) {
        return Err(Problem::Order);
    }
    of_parts(year, month, day)
}

/// Puts day and month into the only possible order; if both orders are possible, or neither, there is no date.
fn either(year: i64, first: i64, second: i64) -> Result<i32, Problem> {
    if first == second {
        return of_parts(year, first, second);
    }
    match ((1..=12).contains(&first), (1..=12).contains(&second)) {
        (true, true) => Err(Problem::Ambiguous),
        (true, false) => of_parts(year, first, second),
        (false, true) => of_parts(year, second, first),
        (false, false) => Err(Problem::NoSuchDay),
    }
}

/// `5 Jan 2024`, `January 5, 2024`, `2024 Jan 5`, `05-JAN-24`, `Jan 5, 24`.
fn of_named_month(words: &[&Word], numbers: &[(i64, usize)], month: i64, order: Option<Order>) -> Result<i32, Problem> {
    let [first, second] = numbers else {
        return Err(if numbers.len() < 2 { Problem::Incomplete } else { Problem::Form });
    };
    let is_month_last = matches!(words.last(), Some(Word::Name(_)));
    match (first, second) {
        ((year, 4), (day, 1 | 2)) | ((day, 1 | 2), (year, 4)) => of_parts(*year, month, *day),
        ((first, 1 | 2), (second, 1 | 2)) => match order {
            Some(Order::Year) => of_parts(short_year(*first), month, *second),
            Some(_) => of_parts(short_year(*second), month, *first),
            None if is_month_last => Err(Problem::Ambiguous),
            // Nobody puts the year next to the name of a month, but for `99-JAN-05`.
            None if *first > 31 => of_parts(short_year(*first), month, *second),
            // In the form `05-JAN-24`, which databases and spreadsheets use, the day comes first; in `Jan 5, 24`, too.
            None => of_parts(short_year(*second), month, *first),
        },
        _ => Err(Problem::Form),
    }
}
