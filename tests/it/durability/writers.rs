//! Concurrent writers of several objects, in one process and in several: nobody waits for another object, a writer that waits for the
//! same object is reported in time, and a killed writer blocks nobody.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::child::{Child, Ended};
use super::{Database, LOST, Open, Seen, WHOLE, acknowledged, refresh};
use crate::support::{Dice, from_environment, is_long, portrait, run};

/// Further objects of a database with the profile `customer`: another profile, a table.
const OTHERS: &str = "
CREATE PROFILE other WITH (key = 'id') AS SELECT id FROM people;
CREATE TAG moment ON other AS SELECT id, CAST(date_part('epoch', $as_of) AS BIGINT) FROM people;
CREATE TABLE t (writer BIGINT, batch BIGINT, v BIGINT);
";

/// What others do while a profile is refreshed. None of it may wait: with this setting, waiting is an error.
const MEANWHILE: &str = "
SET portrait.lock_timeout = 0;
REFRESH PROFILE other;
INSERT INTO t VALUES (0, 0, 0);
CREATE TAG late ON other AS SELECT id, 1 FROM people;
CREATE OR REPLACE TABLE made AS SELECT 1 AS a;
DROP TABLE made;
CREATE PROFILE third WITH (key = 'id') AS SELECT id FROM people;
REFRESH PROFILE third;
DROP PROFILE third;
DROP TAG late ON other;
";

/// Waits until a condition is true.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(300), "not in five minutes: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A process that stops at a given place in a refresh of `plain`, a profile without tags.
fn stopped_in_refresh(database: &Database, open: &Open) -> Child {
    open.query("CREATE PROFILE plain WITH (key = 'id') AS SELECT id FROM people");
    let child = Child::start(database, "REFRESH PROFILE plain;", |command| {
        command.env("FAILPOINTS", "refresh::written=pause");
    });
    until("the refresh runs", || status_of_plain(open) == ["running"]);
    child
}

fn status_of_plain(open: &Open) -> Vec<String> {
    open.query("SELECT status FROM system.runs WHERE name = 'plain' ORDER BY run")
}

#[test]
fn a_long_refresh_holds_up_nobody_else() {
    let database = Database::new(2);
    let open = database.open();
    open.query(OTHERS);
    open.query(&refresh(1));
    let refreshing = stopped_in_refresh(&database, &open);

    open.query(MEANWHILE);
    open.query(&refresh(2));
    let (code, _, errors) = run(portrait().arg("-d").arg(database.path()).args(["-c", MEANWHILE]));
    assert_eq!(code, 0, "{errors}");
    assert_eq!(open.query("SELECT count(*) FROM t"), ["2"]);
    assert_eq!(status_of_plain(&open), ["running"], "other runs began and ended meanwhile");

    // The same profile: an error at once, or after the waiting time.
    let who = "profile plain: REFRESH has been writing to it since 2";
    for statement in ["REFRESH PROFILE plain", "DROP PROFILE plain"] {
        let error = open.error(statement);
        assert!(error.contains(who) && error.contains("in another process (process "), "{error}");
        assert!(error.contains("wait longer with SET portrait.lock_timeout") && !error.contains("waited;"), "{error}");
    }
    let began = Instant::now();
    let error = open.error("SET portrait.lock_timeout = 1; REFRESH PROFILE plain");
    assert!(error.contains(who) && error.contains("waited 1 s"), "{error}");
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(status_of_plain(&open), ["running"], "who did not get the lock has no run");

    // More statements wait than there are threads, and others still run.
    open.query("SET portrait.lock_timeout = 600");
    let waiting: Vec<_> = (0..std::thread::available_parallelism().map_or(8, usize::from) + 2)
        .map(|_| {
            open.engine.block_on(async {
                let statement = open.session.parse("REFRESH PROFILE plain").await.unwrap().pop().unwrap();
                open.session.execute(statement).await.unwrap()
            })
        })
        .collect();
    open.query("INSERT INTO t VALUES (0, 0, 0)");
    assert_eq!(open.query("SELECT count(*) FROM t"), ["3"]);

    // A killed process no longer has a lock or a run, and the waiting statement continues.
    assert_eq!(refreshing.kill().status.signal(), Some(9));
    let count = waiting.len();
    for answer in waiting {
        open.engine.block_on(answer.collect()).unwrap();
    }
    let expected: Vec<&str> = std::iter::once("lost").chain(std::iter::repeat_n("succeeded", count)).collect();
    assert_eq!(status_of_plain(&open), expected);
    open.query("DROP PROFILE plain");
    assert_eq!(database.left_over(), Vec::<String>::new());
}

/// A stopped process is not a killed one: its run continues when the process does.
#[test]
fn a_stopped_process_is_not_a_killed_one() {
    let database = Database::new(2);
    let open = database.open();
    open.query(OTHERS);
    open.query("CREATE PROFILE plain WITH (key = 'id') AS SELECT id FROM people");
    let mut runs = 0;
    loop {
        let child = Child::start(&database, "REFRESH PROFILE plain;", |command| {
            command.env("FAILPOINTS", "refresh::written=sleep(1000)");
        });
        runs += 1;
        until("the refresh runs", || status_of_plain(&open).len() == runs);
        child.signal("STOP");
        let was_stopped = status_of_plain(&open)[runs - 1] == "running";
        if was_stopped {
            open.query("REFRESH PROFILE other");
            assert_eq!(status_of_plain(&open)[runs - 1], "running");
            assert!(open.error("SET portrait.lock_timeout = 0; DROP PROFILE plain").contains("REFRESH has been writing"));
        }
        child.signal("CONT");
        let Ended { status, errors, .. } = child.end();
        assert!(status.success(), "{errors}");
        assert_eq!(status_of_plain(&open), vec!["succeeded"; runs]);
        // Otherwise it was done before the signal came.
        if was_stopped {
            break;
        }
    }
    open.query("REFRESH PROFILE other");
    assert_eq!(database.left_over(), Vec::<String>::new());
}

/// Rows of a batch that is inserted.
const BATCH: i64 = 40;
/// Statements in the script of a process.
const STATEMENTS: i64 = 40;

/// Added to the number that a script prints when a statement is acknowledged, to distinguish it from the row count of INSERT.
const SAID: i64 = 1_000_000;

/// The work of the writers of one database.
#[derive(Default)]
struct Done {
    /// The number of acknowledged statements for each of the three objects.
    acknowledged: [AtomicU64; 3],
    kills: AtomicU64,
    /// The number of killed refreshes.
    lost: AtomicU64,
}

impl Done {
    fn is_enough(&self) -> bool {
        let (each, kills, lost) = if is_long() { (10, 6, 2) } else { (3, 2, 0) };
        let acknowledged = self.acknowledged.iter().all(|count| count.load(Ordering::Relaxed) >= each);
        acknowledged && self.kills.load(Ordering::Relaxed) >= kills && self.lost.load(Ordering::Relaxed) >= lost
    }
}

/// A script of statements that acknowledges each.
fn script(last: i64, statement: impl Fn(i64) -> String) -> String {
    (last + 1..=last + STATEMENTS).map(|number| format!("{} SELECT {} AS said;\n", statement(number), SAID + number)).collect()
}

fn insert(writer: i64, batch: i64) -> String {
    format!("INSERT INTO t SELECT {writer} AS writer, {batch} AS batch, value AS v FROM generate_series(1, {BATCH});")
}

/// Starts processes and kills each at some moment, until that was enough. `statement` is the statement for a number. `after` inspects the
/// database after a kill, given the last acknowledged number, and returns where the next process begins.
fn kill_writers(
    database: &Database,
    mut dice: Dice,
    (done, object): (&Done, usize),
    goes_on: &(impl Fn() -> bool + Sync),
    statement: impl Fn(i64) -> String,
    after: impl Fn(i64) -> i64,
) {
    let mut last = 0;
    while goes_on() {
        let mut child = Child::start(database, &format!("SET portrait.lock_timeout = 600; {}", script(last, &statement)), |_| ());
        for _ in 0..dice.below(4) {
            assert!(child.hear().is_some(), "{}", child.end().errors);
        }
        std::thread::sleep(Duration::from_millis(dice.below(60) as u64));
        let Ended { status, heard, errors } = child.kill();
        assert_eq!((status.signal(), errors.as_str()), (Some(9), ""));
        let said: Vec<i64> = heard.into_iter().filter(|number| *number > SAID).map(|number| number - SAID).collect();
        done.acknowledged[object].fetch_add(said.len() as u64, Ordering::Relaxed);
        done.kills.fetch_add(1, Ordering::Relaxed);
        last = after(said.last().copied().unwrap_or(last));
    }
}

/// Writers of three objects in sessions and processes, which are killed, and a reader; checks what must hold at each moment and at the end.
fn write_together(seed: u64, seconds: u64) {
    let database = Database::new(2);
    let open = database.open();
    open.query(OTHERS);
    let (done, end) = (Done::default(), Instant::now() + Duration::from_secs(seconds));
    let failed = AtomicU64::new(0);
    let goes_on = || failed.load(Ordering::Relaxed) == 0 && (Instant::now() < end || !done.is_enough());
    let random = |salt: u64| Dice(seed.wrapping_mul(31).wrapping_add(salt));
    let batches_of = |open: &Open, writer: i64| -> BTreeSet<i64> {
        let found = open.query(&format!("SELECT batch, count(*), sum(v) FROM t WHERE writer = {writer} GROUP BY batch"));
        let whole = |row: &String| {
            let (batch, rest) = row.split_once('|').unwrap();
            assert_eq!(rest, format!("{BATCH}|{}", BATCH * (BATCH + 1) / 2), "PORTRAIT_TEST_SEED={seed}: {row} of {writer}");
            batch.parse().unwrap()
        };
        found.iter().map(whole).collect()
    };
    let batches = std::thread::scope(|scope| {
        let (done, database, goes_on) = (&done, &database, &goes_on);
        let writers = [
            // The profile `customer`, second after second: the acknowledged refreshes are there, and at most one more.
            scope.spawn(guarded(&failed, move || {
                let after = |last: i64| {
                    let open = database.open();
                    let published = open.published_of_customer();
                    let lost = open.query("SELECT count(*) FROM system.runs WHERE status = 'lost'");
                    done.lost.store(lost[0].parse().unwrap(), Ordering::Relaxed);
                    assert!(published == last || published == last + 1, "acknowledged {last}, published {published}");
                    published
                };
                kill_writers(database, random(1), (done, 0), goes_on, refresh, after);
            })),
            // The table, batch after batch.
            scope.spawn(guarded(&failed, move || {
                let after = |last: i64| {
                    let there = batches_of(&database.open(), 1);
                    let newest = there.last().copied().unwrap_or(0);
                    assert!(there.iter().copied().eq(1..=newest), "{there:?}");
                    assert!(newest == last || newest == last + 1, "acknowledged {last}, there is {newest}");
                    newest
                };
                kill_writers(database, random(2), (done, 1), goes_on, |batch| insert(1, batch), after);
            })),
            // The profile `other`, as of now, which this process refreshes, too.
            scope.spawn(guarded(&failed, move || {
                let statement = |_| "REFRESH PROFILE other;".to_string();
                kill_writers(database, random(3), (done, 2), goes_on, statement, |last| last);
            })),
        ];
        // Two sessions of one process, at the same time.
        let sessions = scope.spawn(guarded(&failed, move || {
            let open = database.open();
            let other = open.engine.session().unwrap();
            let mut batch = 0;
            while goes_on() {
                batch += 1;
                let patient = |sql: &str| format!("SET portrait.lock_timeout = 600; {sql}");
                let (insert, refresh) = (patient(&insert(2, batch)), patient("REFRESH PROFILE other"));
                let (inserted, refreshed) =
                    open.engine.block_on(async { futures::join!(open.session.sql(&insert), other.sql(&refresh)) });
                drop((inserted.unwrap(), refreshed.unwrap()));
            }
            batch
        }));
        let reader = scope.spawn(guarded(&failed, move || {
            let open = database.open();
            let mut second = 0;
            while goes_on() {
                let seen = open.published_of_customer();
                assert!(seen >= second, "{seen} after {second}");
                second = seen;
                batches_of(&open, 1);
                batches_of(&open, 2);
                if open.query("SELECT count(*) FROM system.runs WHERE name = 'other' AND status = 'succeeded'") != ["0"] {
                    let one = open.query("SELECT count(*), count(DISTINCT moment) FROM profile.other");
                    assert_eq!(one, ["150|1"]);
                }
            }
        }));
        for writer in writers {
            writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        sessions.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });

    assert!(batches_of(&open, 2).into_iter().eq(1..=batches), "PORTRAIT_TEST_SEED={seed}");
    let second = open.published_of_customer();
    // The next process finds everything in order, and removes what the killed ones left.
    assert_eq!(open.query(&acknowledged(second + 1)), [(second + 1).to_string()]);
    open.query("REFRESH PROFILE other");
    open.query(&insert(2, batches + 1));
    assert_eq!(database.left_over(), Vec::<String>::new(), "PORTRAIT_TEST_SEED={seed}");
    let ends = open.query("SELECT DISTINCT status, message FROM system.runs ORDER BY status");
    assert!(ends.iter().all(|end| end == "succeeded|NULL" || *end == format!("lost|{LOST}")), "{ends:?}");
    let succeeded = open.query("SELECT count(*) FROM system.runs WHERE name = 'customer' AND status = 'succeeded'");
    assert_eq!(succeeded, [(second + 1).to_string()], "a run for every refresh that was published");
}

/// Work that tells the others when it panics.
fn guarded<T>(failed: &AtomicU64, work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    move || {
        let tell = Tell(failed);
        let result = work();
        std::mem::forget(tell);
        result
    }
}

struct Tell<'a>(&'a AtomicU64);

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Open {
    /// The second of the snapshot of `customer`, which must be complete; 0 if there is none.
    fn published_of_customer(&self) -> i64 {
        let whole = WHOLE.replace("FROM system.profiles", "FROM system.profiles WHERE name = 'customer'");
        match crate::support::try_rows(&self.engine, &self.session, &whole) {
            Ok(rows) => {
                let seen = Seen::check(&rows[0]);
                assert_eq!(seen.second, seen.refreshes, "the history has every refresh");
                seen.second
            }
            Err(error) => {
                assert!(error.contains("has not been refreshed yet"), "{error}");
                0
            }
        }
    }
}

#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn writers_of_three_objects_are_killed_as_they_go() {
    write_together(from_environment("PORTRAIT_TEST_SEED", 1), if is_long() { 5 } else { 2 });
}

/// Ten minutes, or the number of seconds in `PORTRAIT_TEST_SECONDS`.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn writers_of_three_objects_are_killed_for_long() {
    let (seed, seconds) = (from_environment("PORTRAIT_TEST_SEED", 1), from_environment("PORTRAIT_TEST_SECONDS", 600));
    let began = Instant::now();
    let mut round = 0;
    while began.elapsed() < Duration::from_secs(seconds) {
        round += 1;
        write_together(seed + round, 20);
    }
}
