//! Processes killed while they refresh, at random moments and at each step of the commit: 200 times in a long run.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use super::child::{Child, Ended};
use super::{Database, LOST, Open, acknowledged, refresh, second_as_sql};
use crate::support::{Dice, cases, from_environment, some};

/// How many kills one database gets before the next one replaces it.
const OF_ONE_DATABASE: u64 = 8;
/// The steps of a commit, and whether the refresh is published after them.
const STEPS: [(&str, bool); 4] =
    [("refresh::written", false), ("refresh::finished", false), ("refresh::synced", false), ("refresh::published", true)];
/// How many refreshes a process would do if it survived.
const REFRESHES: i64 = 12;

/// A script that refreshes as of one second after another, and reports each.
fn script(last: i64) -> String {
    (last + 1..=last + REFRESHES).map(|second| format!("{} SELECT {second} AS refreshed;\n", refresh(second))).collect()
}

/// Checks what must hold after the kill of a process that began after `before` and had acknowledged a refresh as of `last`. Returns the
/// published second, and whether a refresh of the next one was running.
fn check_after_kill(open: &Open, runs_before: usize, before: i64, last: i64, context: &str) -> (i64, bool) {
    let (published, refreshes) = open.published().map_or((0, 0), |seen| (seen.second, seen.refreshes));
    assert!(published == last || published == last + 1, "{context}: acknowledged {last}, published {published}");
    assert_eq!(refreshes, published, "{context}: the history has every refresh");
    // A run ends in the same commit that publishes its rows, so only a refresh of the next second can have been running.
    let runs = open.runs();
    let mut expected: Vec<String> = (before + 1..=published).map(|second| format!("{second} succeeded")).collect();
    let was_midway = runs.len() - runs_before > expected.len();
    if was_midway {
        expected.push(format!("{} lost {LOST}", published + 1));
    }
    assert_eq!(runs[runs_before..], expected, "{context}");
    (published, was_midway)
}

/// Checks what must hold after the next refresh.
fn refresh_after_kill(database: &Database, open: &Open, published: i64, context: &str) {
    let next = published + 1;
    let mut expected = open.runs();
    expected.push(format!("{next} succeeded"));
    assert_eq!(open.query(&acknowledged(next)), [next.to_string()], "{context}");
    assert_eq!(open.runs(), expected, "{context}");
    assert_eq!(database.left_over(), Vec::<String>::new(), "{context}: nothing stays in the folder");
}

/// Kills processes on one database, and returns how many were killed during a refresh.
fn kill_at_one_database(dice: &mut Dice, database: &Database, context: &str) -> u64 {
    let mut midway = 0;
    // From the very first refresh on.
    let mut last = 0;
    let mut pause = Duration::from_millis(100);
    for kill in 0..OF_ONE_DATABASE {
        let context = format!("{context}, kill {kill}");
        let runs_before = database.open().runs().len();
        let mut refreshing = Child::start(database, &script(last), |_| ());
        let began = Instant::now();
        let listened = dice.below(2) as u64;
        for _ in 0..listened {
            assert!(refreshing.hear().is_some(), "{context}: {}", refreshing.end().errors);
        }
        if listened > 0 {
            // The duration of a refresh, so that every moment of it is equally likely.
            pause = began.elapsed();
        }
        std::thread::sleep(Duration::from_micros(dice.below(usize::try_from(pause.as_micros()).unwrap() + 1) as u64));
        let Ended { status, heard, errors } = refreshing.kill();
        assert_eq!((status.signal(), errors.as_str()), (Some(9), ""), "{context}");
        let open = database.open();
        let acknowledged = heard.last().copied().unwrap_or(last);
        let (published, was_midway) = check_after_kill(&open, runs_before, last, acknowledged, &context);
        midway += u64::from(was_midway);
        last = published;
        // Every other time, the next process starts from what this one left.
        if kill % 2 == 1 {
            refresh_after_kill(database, &open, published, &context);
            last += 1;
        }
    }
    let open = database.open();
    assert_eq!(open.second(), last, "{context}");
    // The earlier snapshots still exist, each with its own time.
    for second in last - 2..=last {
        let as_of = second_as_sql(second);
        let tokens =
            open.query(&format!("SELECT count(*), min(token), max(token) FROM profile.customer FOR SYSTEM_TIME AS OF {as_of}"));
        assert_eq!(tokens, [format!("{}|{second}|{second}", 100 + second % 20)], "{context}");
    }
    midway
}

fn kill_at_random(seed: u64, kills: u64) {
    let mut dice = Dice(seed);
    let (mut done, mut midway) = (0, 0);
    // Kills at idle moments show nothing; on a busy machine there are more of them.
    while done < kills || midway < kills / 4 {
        let round = done / OF_ONE_DATABASE;
        assert!(done < 20 * kills, "PORTRAIT_TEST_SEED={seed}: {midway} of {done} kills met a refresh");
        let database = if round % 4 == 3 { Database::staged(3) } else { Database::new(3) };
        midway += kill_at_one_database(&mut dice, &database, &format!("PORTRAIT_TEST_SEED={seed}, database {round}"));
        done += OF_ONE_DATABASE;
    }
}

#[test]
fn killed_at_any_moment() {
    let seed = from_environment("PORTRAIT_TEST_SEED", 20_250_630);
    std::thread::scope(|scope| {
        for seed in some([seed, seed + 1], 1) {
            scope.spawn(move || kill_at_random(seed, cases(8, 160) / 2));
        }
    });
}

#[test]
fn killed_at_each_step_of_the_commit() {
    for (step, published) in STEPS {
        let mut last = 0;
        let database = Database::staged(2);
        for refreshes_before in some([0, 1, 2, 0, 1, 0, 2, 1, 0, 1], 1) {
            let context = format!("{step} after {refreshes_before} refreshes");
            let runs_before = database.open().runs().len();
            let failpoint = format!("{step}={refreshes_before}*off->return");
            let refreshing = Child::start(&database, &script(last), |command| {
                command.env("FAILPOINTS", failpoint);
            });
            let Ended { status, heard, errors } = refreshing.end();
            assert_eq!((status.signal(), errors.as_str()), (Some(6), ""), "{context}");
            let acknowledged = heard.last().copied().unwrap_or(last);
            assert_eq!(acknowledged, last + refreshes_before, "{context}");
            assert!(published || !database.left_over().is_empty(), "{context}: the file of what was not published");
            let open = database.open();
            let seen = check_after_kill(&open, runs_before, last, acknowledged, &context);
            last = acknowledged + i64::from(published);
            assert_eq!(seen, (last, !published), "{context}");
            refresh_after_kill(&database, &open, last, &context);
            last += 1;
        }
        assert_eq!(database.open().second(), last, "{step}");
    }
}
