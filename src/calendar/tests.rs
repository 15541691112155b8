//! Ten years in twelve zones, against a computation that knows nothing of croner: it walks over the days, or over all quarters of an hour.

use chrono::{Datelike, Duration, LocalResult, NaiveDate, NaiveDateTime, TimeZone, Timelike};

use super::*;

/// With changes of the clock at midnight, at one, two and three, by half an hour, in the southern half, twice within a month, and none at all.
const ZONES: [&str; 12] = [
    "UTC",
    "Asia/Shanghai",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Pacific/Apia",
];

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

/// The moment of a time on the clocks of a zone: the first of two, or the first after a gap.
fn moment(local: NaiveDateTime, zone: Tz) -> i64 {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => time.timestamp_micros(),
        LocalResult::None => {
            let mut later = local;
            loop {
                later += Duration::minutes(1);
                if let Some(time) = zone.from_local_datetime(&later).earliest() {
                    return time.timestamp_micros();
                }
            }
        }
    }
}

fn all(calendar: &Calendar, from: i64, to: i64) -> Vec<i64> {
    let mut times = vec![];
    let mut time = from - 1;
    while let Some(next) = calendar.next(time).filter(|next| *next < to) {
        times.push(next);
        time = next;
    }
    times
}

/// Each time of the day runs once on every day that it is for.
#[test]
fn times_of_the_day_come_once_a_day_for_ten_years() {
    type Wanted = fn(NaiveDate) -> bool;
    let daily: Wanted = |_| true;
    let weekdays: Wanted = |date| date.weekday().number_from_monday() <= 5;
    let last: Wanted = |date| (date + Duration::days(1)).day() == 1;
    let cases: [(&str, u32, u32, Wanted); 7] = [
        ("0 0 * * *", 0, 0, daily),
        ("30 1 * * *", 1, 30, daily),
        ("15 2 * * *", 2, 15, daily),
        ("45 2 * * *", 2, 45, daily),
        ("30 3 * * 1-5", 3, 30, weekdays),
        ("0 23 L * *", 23, 0, last),
        ("0 30 0 * * *", 0, 30, daily),
    ];
    for name in ZONES {
        let zone = zone(name).unwrap();
        for (expression, hour, minute, wanted) in cases {
            let (first, end) = (day(2016, 1, 1), day(2026, 1, 1));
            let mut expected = vec![];
            for date in first.iter_days().take_while(|date| *date < end).filter(|date| wanted(*date)) {
                let time = moment(date.and_hms_opt(hour, minute, 0).unwrap(), zone);
                // A day that was left out, as on Samoa's way over the date line, runs on the next one, which has its own.
                if expected.last() != Some(&time) {
                    expected.push(time);
                }
            }
            let (from, to) = (moment(first.and_hms_opt(0, 0, 0).unwrap(), zone), moment(end.and_hms_opt(0, 0, 0).unwrap(), zone));
            let calendar = Calendar::cron(expression, zone).unwrap();
            assert_eq!(all(&calendar, from, to), expected, "{expression} in {name}");
            // Backwards it is the same.
            for pair in expected.windows(2).step_by(13) {
                assert_eq!(calendar.latest(pair[1] - 1), Some(pair[0]), "{expression} in {name}");
                assert_eq!(calendar.latest(pair[1]), Some(pair[1]), "{expression} in {name}");
            }
        }
    }
}

/// What repeats within hours is where the clocks show it, also in an hour that comes twice.
#[test]
fn times_within_hours_follow_the_clocks_for_ten_years() {
    for name in ZONES {
        let zone = zone(name).unwrap();
        let calendar = Calendar::cron("*/30 * * * *", zone).unwrap();
        let start = moment(day(2016, 1, 1).and_hms_opt(0, 0, 0).unwrap(), zone);
        let end = moment(day(2026, 1, 1).and_hms_opt(0, 0, 0).unwrap(), zone);
        let step = 15 * 60 * SECOND;
        let mut expected = vec![];
        let mut time = start - start.rem_euclid(step);
        while time < end {
            let shown = DateTime::from_timestamp_micros(time).unwrap().with_timezone(&zone);
            if time >= start && shown.minute().is_multiple_of(30) {
                expected.push(time);
            }
            time += step;
        }
        assert_eq!(all(&calendar, start, end), expected, "{name}");
    }
}

#[test]
fn a_gap_and_a_repeated_hour() {
    let new_york = zone("America/New_York").unwrap();
    let calendar = Calendar::cron("30 2 * * *", new_york).unwrap();
    let local = |text: &str| {
        let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
        new_york.from_local_datetime(&naive).earliest().unwrap().timestamp_micros()
    };
    assert_eq!(calendar.next(local("2025-03-08 02:30")), Some(local("2025-03-09 03:00")));
    assert_eq!(calendar.next(local("2025-03-09 03:00")), Some(local("2025-03-10 02:30")));
    let twice = Calendar::cron("30 1 * * *", new_york).unwrap();
    let first = local("2025-11-02 01:30");
    assert_eq!(twice.next(local("2025-11-01 01:30")), Some(first));
    assert_eq!(twice.next(first), Some(local("2025-11-03 01:30")));
    // The second 01:30 is over when it is 02:00.
    assert_eq!(twice.latest(local("2025-11-02 02:00")), Some(first));
}

#[test]
fn spans_are_counted_from_one_beginning() {
    let minute = Calendar::every(60 * SECOND).unwrap();
    assert_eq!(minute.next(0), Some(60 * SECOND));
    assert_eq!(minute.next(59 * SECOND + 7), Some(60 * SECOND));
    assert_eq!(minute.latest(61 * SECOND), Some(60 * SECOND));
    assert_eq!(minute.next(-1), Some(0));
    assert_eq!(minute.due(0, 5 * 60 * SECOND), Some(Due { first: 60 * SECOND, last: 300 * SECOND, count: 5 }));
    assert_eq!(minute.due(60 * SECOND, 119 * SECOND), None);
    assert_eq!(minute.next(i64::MAX), None);
    assert!(Calendar::every(SECOND / 2).is_err() && Calendar::every(0).is_err() && Calendar::every(-SECOND).is_err());
}

#[test]
fn what_is_due_is_counted() {
    let hourly = Calendar::cron("0 * * * *", zone("UTC").unwrap()).unwrap();
    let hour = 3600 * SECOND;
    assert_eq!(hourly.due(0, 5 * hour + 1), Some(Due { first: hour, last: 5 * hour, count: 5 }));
    assert_eq!(hourly.due(hour, 2 * hour - 1), None);
    let seconds = Calendar::cron("* * * * * *", zone("+08:00").unwrap()).unwrap();
    assert_eq!(seconds.due(0, 1_000_000 * SECOND).unwrap().count, MOST_COUNTED);
}

#[test]
fn wrong_expressions_say_what_is_wrong() {
    let utc = zone("UTC").unwrap();
    for wrong in [
        "",
        "* * *",
        "60 * * * *",
        "0 25 * * *",
        "hello world a b c",
        "0 0 31 2 *",
        "0 2 * * * 2025 7",
        "0 0 30 2 *",
        "一 * * * *",
        "1,,2 * * * *",
        "0 0 * * MON,",
        "@reboot",
    ] {
        let error = Calendar::cron(wrong, utc).unwrap_err();
        assert!(error.contains(wrong) && error.len() < 250, "{error}");
    }
    for right in
        ["@daily", "0 12 29 2 *", "0 9 * * MON#2", "0 0 1,15 * *", "*/5 8-18 * * 1-5", "0 0 L * *", "*/10 * * * * *", "@Midnight"]
    {
        assert!(Calendar::cron(right, utc).is_ok(), "{right}");
    }
    assert!(zone("Mars/Olympus").unwrap_err().contains("Mars/Olympus"));
}

/// Nothing panics at the ends of time.
#[test]
fn the_ends_of_time() {
    let calendar = Calendar::cron("0 2 * * *", zone("Asia/Shanghai").unwrap()).unwrap();
    for moment in [i64::MIN, i64::MIN / 2, 0, i64::MAX / 2, i64::MAX] {
        let _ = (calendar.next(moment), calendar.latest(moment), Calendar::every(SECOND).unwrap().latest(moment));
    }
}
