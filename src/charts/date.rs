//! Dates along an axis: days since 1970-01-01 as calendar dates, and ticks at the starts of years, quarters, months, days
//! or hours, whichever are few enough.
//!
//! The calendar arithmetic is Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".

use super::number::real;

/// The largest day number, either way, whose year still has a plain form.
pub(super) const FURTHEST: f64 = 3_000_000.0;

const MINUTES: f64 = 24.0 * 60.0;

#[derive(Debug, Clone, Copy)]
enum Step {
    Minutes(i64),
    Days(i64),
    Months(i64),
}

/// From the finest to the coarsest; beyond ten years come tens and hundreds.
const STEPS: [Step; 21] = [
    Step::Minutes(1),
    Step::Minutes(5),
    Step::Minutes(15),
    Step::Minutes(30),
    Step::Minutes(60),
    Step::Minutes(120),
    Step::Minutes(180),
    Step::Minutes(360),
    Step::Minutes(720),
    Step::Days(1),
    Step::Days(2),
    Step::Days(7),
    Step::Months(1),
    Step::Months(3),
    Step::Months(6),
    Step::Months(12),
    Step::Months(24),
    Step::Months(60),
    Step::Months(120),
    Step::Months(600),
    Step::Months(12_000),
];

impl Step {
    fn days(self) -> f64 {
        match self {
            Self::Minutes(minutes) => whole(minutes) / MINUTES,
            Self::Days(days) => whole(days),
            Self::Months(months) => whole(months) * 30.436_875,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "days and minutes within FURTHEST are far below 2^52")]
const fn whole(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, reason = "days and minutes within FURTHEST fit")]
fn floor(number: f64) -> i64 {
    number.floor() as i64
}

/// Year, month and day of a day number.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day number of the first day of a month, counted in months since year zero.
fn month_start(months: i64) -> i64 {
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// A day number as a date, with the time of day where there is one.
pub(super) fn label(days: f64) -> String {
    let minutes = floor((days * MINUTES).round());
    let (year, month, day) = civil(minutes.div_euclid(1_440));
    let date = format!("{year:04}-{month:02}-{day:02}");
    match minutes.rem_euclid(1_440) {
        0 => date,
        minute => format!("{date} {:02}:{:02}", minute / 60, minute % 60),
    }
}

/// Ticks inside the range, at most about `target`, each with its label; none within a day where all dates are whole days.
pub(super) fn ticks(low: f64, high: f64, target: usize, are_whole: bool) -> Vec<(f64, String)> {
    let most = real(target.max(1));
    let fits = |step: &Step| (high - low) / step.days() <= most && !(are_whole && matches!(step, Step::Minutes(_)));
    let step = STEPS.into_iter().find(fits).unwrap_or(Step::Months(12_000));
    let mut ticks = Vec::new();
    match step {
        Step::Minutes(every) => {
            let mut minute = (floor(low * MINUTES)).div_euclid(every) * every;
            while whole(minute) / MINUTES <= high {
                let time = minute.rem_euclid(1_440);
                // At midnight the date changes, so there the label shows it.
                let text = if time == 0 {
                    let (_, month, day) = civil(minute.div_euclid(1_440));
                    format!("{month:02}-{day:02}")
                } else {
                    format!("{:02}:{:02}", time / 60, time % 60)
                };
                ticks.push((whole(minute) / MINUTES, text));
                minute += every;
            }
        }
        Step::Days(every) => {
            // Weeks start on Monday; 1970-01-05 was one.
            let mut day = (floor(low) - 4).div_euclid(every) * every + 4;
            while whole(day) <= high {
                ticks.push((whole(day), label(whole(day))));
                day += every;
            }
        }
        Step::Months(every) => {
            let (year, month, _) = civil(floor(low));
            let mut months = (year * 12 + month - 1).div_euclid(every) * every;
            while whole(month_start(months)) <= high {
                let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
                let text = match every {
                    12.. => format!("{year}"),
                    3 => format!("{year}-Q{}", (month + 2) / 3),
                    _ => format!("{year}-{month:02}"),
                };
                ticks.push((whole(month_start(months)), text));
                months += every;
            }
        }
    }
    ticks.retain(|(day, _)| *day >= low);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_have_plain_labels() {
        assert_eq!(label(0.0), "1970-01-01");
        assert_eq!(label(19_782.0), "2024-02-29");
        assert_eq!(label(-1.0), "1969-12-31");
        assert_eq!(label(0.5), "1970-01-01 12:00");
        assert_eq!(month_start(2024 * 12 + 2), 19_783);
    }

    #[test]
    fn ticks_fall_on_years_quarters_months_days_and_hours() {
        let labels = |low, high, target| ticks(low, high, target, false).into_iter().map(|tick| tick.1).collect::<Vec<_>>();
        assert_eq!(labels(18_262.0, 20_089.0, 6), ["2020", "2021", "2022", "2023", "2024", "2025"]);
        assert_eq!(labels(19_723.0, 20_088.0, 5), ["2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4"]);
        assert_eq!(labels(19_723.0, 19_783.0, 5), ["2024-01", "2024-02", "2024-03"]);
        assert_eq!(labels(19_723.0, 19_726.0, 5), ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]);
        assert_eq!(labels(19_723.0, 19_724.0, 5), ["01-01", "06:00", "12:00", "18:00", "01-02"]);
    }

    #[test]
    fn whole_days_have_no_hours() {
        let labels = |high| ticks(19_723.0, high, 12, true).into_iter().map(|tick| tick.1).collect::<Vec<_>>();
        assert_eq!(labels(19_724.0), ["2024-01-01", "2024-01-02"]);
        assert_eq!(labels(19_726.0), ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]);
    }
}
