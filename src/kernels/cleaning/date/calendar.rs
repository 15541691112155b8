//! Days of the Gregorian calendar, counted from 1970-01-01.

/// The number of a day; `None` if there is no such day.
pub fn days_of(year: i32, month: u32, day: u32) -> Option<i32> {
    if !(1..=12).contains(&month) || day == 0 || day > length_of(year, month) {
        return None;
    }
    // H. Hinnant, "chrono-compatible low-level date algorithms": years begin in March, in eras of 400 years.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let (month, day) = (i32::try_from(month).ok()?, i32::try_from(day).ok()?);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some(era * 146_097 + of_era - 719_468)
}

fn length_of(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate};

    use super::*;

    #[test]
    fn days_are_those_of_another_calendar() {
        let first = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        for date in first.iter_days().step_by(17).take(200_000) {
            let expected = i32::try_from((date - epoch).num_days()).unwrap();
            assert_eq!(days_of(date.year(), date.month(), date.day()), Some(expected), "{date}");
        }
        assert_eq!(days_of(1900, 2, 29), None);
        assert_eq!(days_of(2024, 13, 1), None);
    }
}
