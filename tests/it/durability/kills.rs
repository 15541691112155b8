//! Processes killed while they refresh: 200 times, at random moments and at each step of the commit.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Database, Open, Random, acknowledged, from_environment, refresh, second_as_sql};
use crate::support::portrait;

const AT_RANDOM: u64 = 160;
/// Kills that one database sees before the next one takes its place.
const OF_ONE_DATABASE: u64 = 8;
/// The steps of a commit, and whether the refresh is published after them.
const STEPS: [(&str, bool); 4] =
    [("refresh::written", false), ("refresh::finished", false), ("refresh::synced", false), ("refresh::published", true)];
/// Refreshes that a process would do if it lived.
const REFRESHES: i64 = 3;

/// A process that refreshes as of one second after another, and says so.
struct Refreshing {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// The last second it said it had refreshed, or the one before its first.
    last: i64,
}

impl Refreshing {
    fn start(database: &Database, last: i64, prepare: impl FnOnce(&mut Command)) -> Self {
        let script: String =
            (last + 1..=last + REFRESHES).map(|second| format!("{} SELECT {second} AS refreshed;", refresh(second))).collect();
        let mut command = portrait();
        command.arg("-d").arg(database.path()).args(["--partitions", "1", "-f", "csv", "-c", "SELECT 'ready'", "-c", &script]);
        prepare(&mut command);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines, last }
    }

    /// Waits for a line; false at the end.
    fn hear(&mut self) -> bool {
        let mut line = String::new();
        let heard = self.lines.read_line(&mut line).unwrap() > 0;
        if let Ok(second) = line.trim().parse() {
            self.last = second;
        }
        heard
    }

    /// The signal that ended it, the second that it acknowledged last and what it said of errors.
    fn end(mut self) -> (Option<i32>, i64, String) {
        let status = self.child.wait().unwrap();
        // What it had said before it was killed counts.
        while self.hear() {}
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let errors = errors.lines().filter(|line| line.starts_with("error")).collect();
        (status.signal(), self.last, errors)
    }
}

/// What must hold after a process is killed that had acknowledged a refresh as of `last`. The second that is published, and whether
/// a refresh of the one after it was going on.
fn check_after_kill(open: &Open, last: i64, context: &str) -> (i64, bool) {
    let (published, refreshes) = open.published().map_or((0, 0), |seen| (seen.second, seen.refreshes));
    assert!(published == last || published == last + 1, "{context}: acknowledged {last}, published {published}");
    assert_eq!(refreshes, published, "{context}: the history has every refresh");
    let runs = open.runs();
    let running: Vec<usize> = (0..runs.len()).filter(|run| runs[*run].ends_with(" running")).collect();
    if let [run, ..] = running[..] {
        // A run ends with what it publishes, in one commit; so none before the last can still be running.
        assert_eq!((run, runs[run].as_str()), (runs.len() - 1, format!("{} running", published + 1).as_str()), "{context}");
    }
    (published, !running.is_empty())
}

/// What must hold after the refresh that comes next.
fn refresh_after_kill(database: &Database, open: &Open, published: i64, context: &str) {
    let next = published + 1;
    let mut expected = open.runs();
    if let Some(run) = expected.last_mut().filter(|run| run.ends_with(" running")) {
        *run = format!("{next} lost the process was killed");
    }
    expected.push(format!("{next} succeeded"));
    assert_eq!(open.query(&acknowledged(next)), [next.to_string()], "{context}");
    assert_eq!(open.runs(), expected, "{context}");
    assert_eq!(database.left_over(), Vec::<String>::new(), "{context}: nothing stays in the folder");
}

fn kill_at_random(seed: u64, kills: u64) -> u64 {
    let mut random = Random(seed);
    let mut midway = 0;
    for round in 0..kills / OF_ONE_DATABASE {
        let database = if round % 4 == 3 { Database::staged(3) } else { Database::new(3) };
        // From the very first refresh on.
        let mut last = 0;
        let mut pause = Duration::from_millis(100);
        for kill in 0..OF_ONE_DATABASE {
            let context = format!("PORTRAIT_TEST_SEED={seed}, kill {kill} of database {round}");
            let mut refreshing = Refreshing::start(&database, last, |_| ());
            // The name of the column, and 'ready'.
            assert!(refreshing.hear() && refreshing.hear(), "{context}: {}", refreshing.end().2);
            let began = Instant::now();
            let before = random.below(2);
            for _ in 0..2 * before {
                assert!(refreshing.hear(), "{context}: {}", refreshing.end().2);
            }
            if before > 0 {
                // How long a refresh takes, so that any moment of one is as likely.
                pause = began.elapsed() / u32::try_from(before).unwrap();
            }
            std::thread::sleep(Duration::from_micros(random.below(u64::try_from(pause.as_micros()).unwrap() + 1)));
            refreshing.child.kill().unwrap();
            let (signal, acknowledged, errors) = refreshing.end();
            assert_eq!((signal, errors.as_str()), (Some(9), ""), "{context}");
            let open = database.open();
            let (published, was_midway) = check_after_kill(&open, acknowledged, &context);
            midway += u64::from(was_midway);
            last = published;
            // Every other time, the next process to be killed finds what this one left.
            if kill % 2 == 1 {
                refresh_after_kill(&database, &open, published, &context);
                last += 1;
            }
        }
        let open = database.open();
        assert_eq!(open.second(), last, "PORTRAIT_TEST_SEED={seed}");
        // The snapshots of before are there, each of its time.
        for second in last - 2..=last {
            let as_of = second_as_sql(second);
            let tokens = open
                .query(&format!("SELECT count(*), min(token), max(token) FROM profile.customer FOR SYSTEM_TIME AS OF {as_of}"));
            assert_eq!(tokens, [format!("{}|{second}|{second}", 100 + second % 20)], "PORTRAIT_TEST_SEED={seed}");
        }
    }
    midway
}

#[test]
fn killed_at_any_moment() {
    let seed = from_environment("PORTRAIT_TEST_SEED", 20_250_630);
    let midway: u64 = std::thread::scope(|scope| {
        let halves = [seed, seed + 1].map(|seed| scope.spawn(move || kill_at_random(seed, AT_RANDOM / 2)));
        halves.map(|half| half.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).iter().sum()
    });
    // Else the kills come when nothing is going on, and show nothing.
    assert!(midway >= AT_RANDOM / 4, "{midway} of {AT_RANDOM} kills met a refresh");
}

#[test]
fn killed_at_each_step_of_the_commit() {
    for (step, published) in STEPS {
        let mut last = 0;
        let database = Database::staged(2);
        for refreshes_before in [0, 1, 2, 0, 1, 0, 2, 1, 0, 1] {
            let context = format!("{step} after {refreshes_before} refreshes");
            let failpoint = format!("{step}={refreshes_before}*off->return");
            let refreshing = Refreshing::start(&database, last, |command| {
                command.env("FAILPOINTS", failpoint);
            });
            let (signal, acknowledged, errors) = refreshing.end();
            assert_eq!((signal, errors.as_str()), (Some(6), ""), "{context}");
            assert_eq!(acknowledged, last + refreshes_before, "{context}");
            assert!(published || !database.left_over().is_empty(), "{context}: the file of what was not published");
            let open = database.open();
            last = acknowledged + i64::from(published);
            assert_eq!(check_after_kill(&open, acknowledged, &context), (last, !published), "{context}");
            refresh_after_kill(&database, &open, last, &context);
            last += 1;
        }
        assert_eq!(database.open().second(), last, "{step}");
    }
}
