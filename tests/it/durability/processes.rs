//! Several processes on one database.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;

use super::{Database, Open, Seen, WHOLE, acknowledged, refresh, second_as_sql};
use crate::support::{from_environment, is_long, portrait, run};

/// The minimum number of reads in a test, however slow the machine is.
const READS: u64 = 60;

/// One process refreshes in a loop, sometimes from the start again, which withdraws later snapshots; others read. Each statement
/// sees one complete snapshot, whatever parts it reads.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn readers_see_one_whole_snapshot_each_time() {
    let database = Database::new(2);
    let open = database.open();
    open.query(&refresh(1));
    open.query(
        "CREATE VIEW joined AS SELECT p.id, p.token, s.since FROM profile.customer p LEFT JOIN segment.evens s ON s.id = p.id",
    );
    drop(open);
    let seconds = from_environment("PORTRAIT_TEST_SECONDS", if is_long() { 10 } else { 2 });
    let (end, reads) = (Instant::now() + Duration::from_secs(seconds), AtomicU64::new(0));
    // Until they have read often enough, also during refreshes.
    let seen = Mutex::<BTreeSet<i64>>::default();
    let is_enough = || reads.load(Ordering::Relaxed) >= READS && seen.lock().unwrap().len() >= 5;
    let (refreshed, done) = (AtomicI64::new(1), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let stop = Stop(&done);
            while !done.load(Ordering::Relaxed) && (Instant::now() < end || !is_enough()) {
                let script: String = (2..=12).map(acknowledged).collect();
                let again = format!("REFRESH PROFILE customer WITH (as_of = {}, rewind = true)", second_as_sql(1));
                let (code, _, errors) =
                    run(portrait().arg("-d").arg(database.path()).args(["--partitions", "1", "-c", &script, "-c", &again]));
                assert_eq!(code, 0, "{errors}");
                refreshed.fetch_add(12, Ordering::Relaxed);
            }
            drop(stop);
        });
        for reader in [0, 1] {
            let (done, reads, seen, database) = (&done, &reads, &seen, &database);
            scope.spawn(move || {
                let stop = Stop(done);
                // Sometimes a new process, which has verified no file yet; the others keep their caches.
                let mut open = database.open();
                let mut read = reader;
                while !done.load(Ordering::Relaxed) {
                    let second = read_something(&open, read);
                    seen.lock().unwrap().insert(second);
                    reads.fetch_add(1, Ordering::Relaxed);
                    read += 1;
                    if read % 50 == 0 {
                        open = database.open();
                    }
                }
                drop(stop);
            });
        }
    });
    assert!(refreshed.load(Ordering::Relaxed) >= 12);
    let open = database.open();
    assert_eq!(open.published().map(|seen| (seen.second, seen.refreshes)), Some((1, 1)));
    drop(open);
    database.open().query(&refresh(2));
    assert_eq!(database.left_over(), Vec::<String>::new());
}

/// Ends all of them when one ends, even by a panic.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One of several ways to read several tables in a statement; returns the second that it saw.
fn read_something(open: &Open, which: u64) -> i64 {
    let one = |sql: &str| {
        let found = open.query(sql);
        let cells: Vec<i64> =
            found[0].split('|').map(|cell| cell.parse().unwrap_or_else(|_| panic!("{found:?}\n{sql}"))).collect();
        let second = cells[0];
        assert_eq!(cells[1..], [second, 100 + second % 20], "{sql}");
        second
    };
    match which % 5 {
        0 => Seen::check(&open.query(WHOLE)[0]).second,
        1 => one("SELECT min(token), max(token), count(*) FROM profile.customer"),
        // A view that the session has loaded, and the table below it.
        2 => one(
            "SELECT min(j.token), max(p.token), count(*) FROM joined j JOIN profile.customer p ON p.id = j.id AND p.token = j.token",
        ),
        // The newest, and the newest as of a future time.
        3 => one("SELECT min(n.token), max(t.token), count(*) FROM profile.customer n
                  FULL JOIN profile.customer FOR SYSTEM_TIME AS OF DATE '2025-12-31' t ON t.id = n.id AND t.token = n.token"),
        _ => one("SELECT CAST(date_part('epoch', max(y.last_refresh)) AS BIGINT) - 1735689600, max(p.token), max(y.customers)
                  FROM profile.customer p CROSS JOIN system.profiles y"),
    }
}

/// A reader that has planned its query reads the state at that time, however many refreshes happen before it begins to read. Its files
/// are removed when it is done.
#[test]
fn a_slow_reader_finishes_with_what_it_saw() {
    let database = Database::new(2);
    let writer = database.open();
    (1..=2).for_each(|second| drop(writer.query(&refresh(second))));
    let reader = database.open();
    let sql = "SELECT p.id, p.token, CAST(h.value AS BIGINT) AS value FROM profile.customer p
               JOIN profile.customer_history h ON h.id = p.id AND h.tag = 'token' AND h.valid_to IS NOT NULL";
    let plan = reader.engine.block_on(async {
        let statement = reader.session.parse(sql).await.unwrap().pop().unwrap();
        reader.session.plan(statement).await.unwrap()
    });
    // From the start again: the history that it reads is withdrawn, too.
    let mut script = format!("REFRESH PROFILE customer WITH (as_of = {}, rewind = true);", second_as_sql(1));
    script.extend((2..=6).map(refresh));
    let (code, _, errors) = run(portrait().arg("-d").arg(database.path()).args(["-c", &script]));
    assert_eq!(code, 0, "{errors}");
    assert_eq!(writer.second(), 6);
    assert_eq!(database.left_over().len(), 2, "the rows and the history that it reads");

    let context = reader.session.context().clone();
    let batches = tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(async move { context.execute_logical_plan(plan).await.unwrap().collect().await.unwrap() });
    let numbers = |column: usize| {
        let columns = batches.iter().map(|batch| batch.column(column).as_primitive::<Int64Type>().clone());
        columns.flat_map(|column| column.values().to_vec()).collect::<Vec<i64>>()
    };
    assert_eq!((numbers(0).len(), numbers(1), numbers(2)), (101, vec![2; 101], vec![1; 101]));

    writer.query(&refresh(7));
    assert_eq!(database.left_over(), Vec::<String>::new(), "it is done, and its files are gone");
}

/// Two processes refresh two profiles at once: neither waits for the other, and all acknowledged refreshes are there.
#[test]
fn two_writers_of_two_profiles_do_not_wait() {
    let database = Database::new(2);
    let open = database.open();
    open.query("CREATE PROFILE other WITH (key = 'id') AS SELECT id, CAST(date_part('epoch', $as_of) AS BIGINT) - 1735689600 AS token FROM people");
    let other = |second| refresh(second).replace("customer", "other");
    let scripts: [String; 2] = [(1..=8).map(refresh).collect(), (1..=8).map(other).collect()];
    std::thread::scope(|scope| {
        let writers = scripts.map(|script| {
            let (database, script) = (&database, format!("SET portrait.lock_timeout = 0; {script}"));
            scope.spawn(move || run(portrait().arg("-d").arg(database.path()).args(["--partitions", "1", "-c", &script])))
        });
        for writer in writers {
            let (code, _, errors) = writer.join().unwrap();
            assert_eq!(code, 0, "{errors}");
        }
    });
    let seen = open.query(&WHOLE.replace("FROM system.profiles", "FROM system.profiles WHERE name = 'customer'"));
    assert_eq!((Seen::check(&seen[0]).second, Seen::check(&seen[0]).refreshes), (8, 8));
    assert_eq!(open.query("SELECT count(*), min(token), max(token) FROM profile.other"), ["150|8|8"]);
    assert_eq!(
        open.query("SELECT name, status, count(*) FROM system.runs GROUP BY name, status ORDER BY name"),
        ["customer|succeeded|8", "other|succeeded|8"]
    );
    // While one collects garbage, the other does not.
    open.query(&refresh(9));
    assert_eq!(database.left_over(), Vec::<String>::new());
}

/// Two processes refresh the same profile as of now: the second one gets a later time, and neither fails.
#[test]
fn two_writers_of_one_profile_take_turns() {
    let database = Database::new(3);
    let script = "REFRESH PROFILE customer; REFRESH PROFILE customer; REFRESH SEGMENT evens;".repeat(3);
    let script = format!("SET portrait.lock_timeout = 600; {script}");
    std::thread::scope(|scope| {
        let writers = [(); 2].map(|()| {
            let (database, script) = (&database, &script);
            scope.spawn(move || run(portrait().arg("-d").arg(database.path()).args(["--partitions", "1", "-c", script])))
        });
        for writer in writers {
            let (code, _, errors) = writer.join().unwrap();
            assert_eq!(code, 0, "{errors}");
        }
    });
    let open = database.open();
    assert_eq!(open.query("SELECT status, count(*) FROM system.runs GROUP BY status"), ["succeeded|18"]);
    // Each refresh with its own time is in the history of the tags that it computed; times only increase.
    assert_eq!(
        open.query(
            "SELECT count(*) FROM (SELECT as_of < lag(as_of) OVER (ORDER BY run) AS earlier FROM system.runs) WHERE earlier"
        ),
        ["0"]
    );
    assert_eq!(
        open.query("SELECT min(token) = max(token), count(*) = max(100 + token % 20) FROM profile.customer"),
        ["true|true"]
    );
    assert_eq!(database.left_over(), Vec::<String>::new());
}
