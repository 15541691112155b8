//! Profiles over time: a refresh as of an earlier day gives the values of that day.

use portraitdb::{Engine, EngineOptions, Session};

use crate::support::{rows, session_with, some, try_rows};

const DAYS: [&str; 10] = [
    "2024-03-31",
    "2024-06-30",
    "2024-09-30",
    "2024-12-31",
    "2025-01-31",
    "2025-02-28",
    "2025-03-31",
    "2025-04-30",
    "2025-05-31",
    "2025-06-30",
];

/// A profile with tags of every kind: from the row, from one source with conditions, with several values, from the rows of others.
fn define(engine: &Engine, session: &Session, name: &str) {
    let statements = format!(
        "CREATE PROFILE {name} WITH (key = 'customer_id', time_columns = 'orders.ordered_at, customers.registered_at') AS
           SELECT customer_id, gender, age, city FROM customers;
         CREATE TAG age_band ON {name} AS SELECT customer_id, CASE WHEN age < 30 THEN 'young' WHEN age < 50 THEN 'middle' WHEN age >= 50 THEN 'old' END FROM customers;
         CREATE TAG spending ON {name} WITH (high = 3000) AS SELECT customer_id, CASE WHEN sum(amount) >= $high THEN 'high' ELSE 'low' END
           FROM orders WHERE status = 'paid' GROUP BY customer_id;
         CREATE TAG order_count ON {name} AS SELECT customer_id, count(*) FROM orders GROUP BY customer_id;
         CREATE TAG quiet ON {name} AS SELECT customer_id, CAST($as_of AS DATE) - CAST(max(ordered_at) AS DATE) > 90 FROM paid_orders GROUP BY customer_id;
         CREATE TAG channels ON {name} WITH (multiple = true) AS SELECT customer_id, channel FROM orders;
         CREATE TAG level ON {name} WITH (type = 'rfm') AS SELECT customer_id, segment
           FROM rfm(orders, customer => customer_id, order_time => ordered_at, amount => amount, as_of => $as_of);
         CREATE TAG place ON {name} AS SELECT customer_id, ntile(4) OVER (ORDER BY order_count DESC NULLS LAST, customer_id) FROM profile.{name};
         CREATE TAG risk ON {name} AS SELECT customer_id, CASE WHEN spending = 'high' AND quiet THEN 'at risk' WHEN place = 1 THEN 'best' END FROM profile.{name};
         CREATE SEGMENT {name}_best ON {name} AS risk = 'best' AND age_band <> 'old'"
    );
    rows(engine, session, &statements);
}

/// Everything that a refresh published.
fn published(engine: &Engine, session: &Session, name: &str, at: &str) -> Vec<String> {
    let at = if at.is_empty() { String::new() } else { format!("FOR SYSTEM_TIME AS OF DATE '{at}'") };
    let mut all = rows(engine, session, &format!("SELECT * FROM profile.{name} {at} ORDER BY customer_id"));
    all.extend(rows(engine, session, &format!("SELECT * FROM profile.{name}_tags {at} ORDER BY customer_id, tag, value")));
    all.extend(rows(
        engine,
        session,
        &format!("SELECT * FROM profile.{name}_history {at} ORDER BY customer_id, tag, valid_from, value"),
    ));
    all.extend(rows(engine, session, &format!("SELECT * FROM segment.{name}_best {at} ORDER BY customer_id")));
    all
}

/// Ten refreshes over data that grow and change, with their results recorded; then the same days are queried again, in three ways.
#[test]
fn answers_as_of_a_day_are_those_of_that_day() {
    let mut before: Option<Vec<Vec<String>>> = None;
    for partitions in some([2, 1, 7], 1) {
        let (engine, session) = session_with(EngineOptions { partitions: Some(partitions), ..EngineOptions::default() });
        let run = |sql: &str| rows(&engine, &session, sql);
        run(
            "CREATE TABLE all_orders AS SELECT * FROM sample_orders(rows => 1000); CREATE TABLE all_customers AS SELECT * FROM sample_customers(rows => 100)",
        );
        let known_on = |day: &str| {
            run(&format!(
                "CREATE OR REPLACE TABLE orders AS SELECT * FROM all_orders WHERE CAST(ordered_at AS DATE) <= DATE '{day}';
                 CREATE OR REPLACE TABLE customers AS SELECT * FROM all_customers WHERE CAST(registered_at AS DATE) <= DATE '{day}'"
            ));
        };
        known_on(DAYS[0]);
        run("CREATE VIEW paid_orders AS SELECT * FROM orders WHERE status = 'paid'");
        define(&engine, &session, "then");
        let mut written_down = vec![];
        for day in DAYS {
            known_on(day);
            run(&format!("REFRESH PROFILE then WITH (as_of = DATE '{day}')"));
            written_down.push(published(&engine, &session, "then", ""));
        }
        assert!(written_down.iter().all(|answers| answers.len() > 300) && written_down[0] != written_down[9]);
        if let Some(before) = &before {
            assert!(*before == written_down, "{partitions} partitions");
            continue;
        }
        // From the history.
        for (day, answers) in DAYS.iter().zip(&written_down) {
            assert!(published(&engine, &session, "then", day) == *answers, "as it was on {day} with {partitions} partitions");
        }
        // Computed today for each of the days, by another profile over today's data.
        define(&engine, &session, "today");
        for (day, answers) in DAYS.iter().zip(&written_down) {
            run(&format!("REFRESH PROFILE today WITH (as_of = DATE '{day}')"));
            assert!(published(&engine, &session, "today", "") == *answers, "as of {day} with {partitions} partitions");
        }
        // Back to a day in the middle, and forward again.
        for place in [4, 5] {
            run(&format!("REFRESH PROFILE then WITH (as_of = DATE '{}', rewind = true)", DAYS[place]));
            assert!(published(&engine, &session, "then", "") == written_down[place], "back to {}", DAYS[place]);
        }
        before = Some(written_down);
    }
}

/// A refresh per day for two months: the history is complete, in few files, and its earliest part cannot be withdrawn.
#[test]
fn a_long_history_is_kept_in_few_files() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = session_with(EngineOptions { database: Some(folder.path().into()), ..EngineOptions::default() });
    let run = |sql: &str| rows(&engine, &session, sql);
    run("CREATE TABLE visits AS SELECT arrow_cast(v, 'Int64') AS customer_id, 1 AS n FROM unnest(range(0, 20)) AS t(v);
         CREATE PROFILE p WITH (key = 'customer_id', keep_snapshots = 5) AS SELECT DISTINCT customer_id FROM visits;
         CREATE TAG day ON p AS SELECT customer_id, date_part('doy', CAST($as_of AS DATE)) FROM visits");
    for day in 0..60 {
        if day == 1 {
            run("PREPARE days AS SELECT max(day) FROM profile.p WHERE customer_id < $1");
        }
        run(&format!("REFRESH PROFILE p WITH (as_of = CAST(DATE '2025-01-01' + INTERVAL '{day} days' AS DATE))"));
    }
    // A prepared statement sees the data published when it is executed.
    assert_eq!(run("EXECUTE days(5)"), ["60"]);
    let history = "SELECT count(*), count(valid_to), min(value), max(valid_from) FROM profile.p_history";
    assert_eq!(run(history), ["1200|1180|1|2025-03-01T23:59:59.999999"]);
    let files = std::fs::read_dir(folder.path().join("data")).unwrap().count();
    assert!(files < 45, "{files} files");
    let too_early = try_rows(&engine, &session, "REFRESH PROFILE p WITH (as_of = DATE '2025-02-20', rewind = true)").unwrap_err();
    assert!(too_early.contains("is not after the oldest snapshot that is kept"), "{too_early}");
    run("REFRESH PROFILE p WITH (as_of = DATE '2025-02-27', rewind = true)");
    assert_eq!(run(history), ["1160|1140|1|2025-02-27T23:59:59.999999"]);
    // A recreated profile starts without a history.
    run("DROP TAG day ON p; DROP PROFILE p;
         CREATE PROFILE p WITH (key = 'customer_id') AS SELECT DISTINCT customer_id FROM visits;
         REFRESH PROFILE p WITH (as_of = DATE '2025-02-01'); REFRESH PROFILE p WITH (as_of = DATE '2025-01-01', rewind = true)");
}
