//! A refresh that is cancelled midway.

use std::time::{Duration, Instant};

use portraitdb::Answer;

use super::{Database, Open, acknowledged, refresh};

/// A tag of what never ends, until the view is replaced.
fn endless(open: &Open) {
    open.query("CREATE VIEW extra AS SELECT value % 3 AS id FROM generate_series(1, 1000000000000)");
    open.query("CREATE TAG extra ON customer AS SELECT id, count(*) FROM extra GROUP BY id");
}

/// Waits until the refresh of the second is running.
fn midway(database: &Database, second: i64) {
    let (open, began) = (database.open(), Instant::now());
    while open.runs().last() != Some(&format!("{second} running")) {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", open.runs());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn start(open: &Open, sql: &str) -> Answer {
    open.engine.block_on(async {
        let statement = open.session.parse(sql).await.unwrap().pop().unwrap();
        open.session.execute(statement).await.unwrap()
    })
}

#[test]
fn a_refresh_that_is_given_up_leaves_everything_as_it_was() {
    let database = Database::new(3);
    let open = database.open();
    open.query(&refresh(1));
    endless(&open);
    let answer = start(&open, &refresh(2));
    midway(&database, 2);
    // Others read the previous state, and the run is listed as running.
    assert_eq!(database.open().second(), 1);
    assert_eq!(database.open().runs(), ["1 succeeded", "2 running"]);
    drop(answer);

    // The next refresh waits until the previous one has released its lock.
    open.query("CREATE OR REPLACE VIEW extra AS SELECT CAST(1 AS BIGINT) AS id");
    assert_eq!(open.query(&acknowledged(2)), ["2"]);
    assert_eq!(open.runs(), ["1 succeeded", "2 cancelled", "2 succeeded"]);
    assert_eq!(open.query("SELECT count(extra), min(token), max(token) FROM profile.customer"), ["1|2|2"]);
    assert_eq!(database.left_over(), Vec::<String>::new());
}

/// A refresh cancelled while it waits for another has not begun.
#[test]
fn a_refresh_that_is_given_up_while_it_waits_leaves_nothing() {
    let database = Database::new(3);
    let open = database.open();
    open.query(&refresh(1));
    endless(&open);
    let first = start(&open, &refresh(2));
    midway(&database, 2);
    let second = start(&open, &refresh(3));
    let other = database.open();
    let error = other.error(&format!("SET portrait.lock_timeout = 0; {}", refresh(5)));
    assert!(error.contains("profile customer: REFRESH has been writing to it since 2"), "{error}");
    assert!(error.contains("in this process (process "), "{error}");
    drop(second);
    drop(first);
    open.query("DROP TAG extra");
    open.query(&refresh(4));
    assert_eq!(open.runs(), ["1 succeeded", "2 cancelled", "4 succeeded"]);
    assert_eq!(open.published().map(|seen| (seen.second, seen.refreshes)), Some((4, 2)));
    assert_eq!(database.left_over(), Vec::<String>::new());
}
