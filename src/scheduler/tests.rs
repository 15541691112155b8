//! Schedules in simulated time: exactly what the calendar says is run.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

use super::decide::{self, Decision, Dependency, decide};
use super::runner::{Clock, Event, Runner, Work};
use super::*;
use crate::engine::schedules::{Begins, End, State};
use crate::engine::{EngineOptions, Session};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A clock that is set by hand.
#[derive(Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Attempts that end at once and are recorded; `failing` says how many attempts fail for each time of a schedule.
#[derive(Default)]
struct Noted {
    ran: Mutex<Vec<(String, i64)>>,
    failing: Mutex<HashMap<String, i64>>,
    attempts: Mutex<HashMap<(String, i64), i64>>,
}

impl Work for Noted {
    fn run(&self, schedule: Arc<Schedule>, attempt: Attempt, _stopped: watch::Receiver<bool>) -> BoxFuture<'static, Outcome> {
        let Attempt { lease, begins, began_at, failed, .. } = attempt;
        let key = (schedule.name.clone(), begins.scheduled_at);
        let attempts = *self.attempts.lock().entry(key.clone()).and_modify(|attempts| *attempts += 1).or_insert(1);
        let fails = self.failing.lock().get(&schedule.name).is_some_and(|failing| attempts <= *failing);
        let status = if fails { "failed" } else { "succeeded" };
        if !fails {
            self.ran.lock().push(key);
        }
        let end = End {
            run: lease.run,
            status,
            at: began_at,
            rows: 1,
            message: String::new(),
            statement: String::new(),
            line: None,
            retry_at: (fails && failed < schedule.retries).then_some(began_at + schedule.backoff),
            keep: schedule.keep,
            notices: vec![],
        };
        assert!(lease.end(&end).unwrap());
        Box::pin(async move { Outcome { run: end.run, begins, status, began_at, end } })
    }
}

struct World {
    engine: Engine,
    session: Session,
    clock: Arc<Hand>,
    work: Arc<Noted>,
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        let engine = Engine::open(EngineOptions::default()).unwrap();
        let session = engine.session().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { engine, session, clock: Arc::default(), work: Arc::default(), runtime }
    }

    fn sql(&self, sql: &str) {
        self.engine.block_on(self.session.sql(sql)).unwrap();
    }

    fn runner(&self, slots: usize) -> Runner {
        let (clock, work) = (Arc::clone(&self.clock), Arc::clone(&self.work));
        Runner::new(self.engine.clone(), clock, work, slots, 30 * DAY, None)
    }

    /// Lets the runners check in turn until nothing is left to do now; returns the time of the next check.
    fn settle(&self, runners: &mut [Runner]) -> i64 {
        let _on = self.runtime.enter();
        loop {
            let (mut next, mut has_run) = (i64::MAX, false);
            for runner in &mut *runners {
                next = next.min(runner.look(&mut |_: Event| panic!("nothing is wrong")).unwrap());
                while runner.running() > 0 {
                    self.runtime.block_on(runner.ended());
                    has_run = true;
                }
            }
            if !has_run {
                return next;
            }
        }
    }

    fn set(&self, time: i64) {
        self.clock.0.store(time, Ordering::SeqCst);
    }

    /// Lets time pass, from one check to the next.
    fn pass(&self, runners: &mut [Runner], until: i64) {
        loop {
            let next = self.settle(runners);
            if next > until {
                self.set(until);
                self.settle(runners);
                return;
            }
            self.set(next);
        }
    }

    fn schedule(&self, name: &str) -> Arc<Schedule> {
        self.engine.schedules(&[]).unwrap().0.into_iter().find(|schedule| schedule.name == name).unwrap()
    }

    fn ran(&self, name: &str) -> Vec<i64> {
        self.work.ran.lock().iter().filter(|(own, _)| own == name).map(|(_, time)| *time).collect()
    }

    fn rows(&self, sql: &str) -> String {
        let rows = self.engine.block_on(self.session.sql(sql)).unwrap();
        arrow::util::pretty::pretty_format_batches(&rows).unwrap().to_string()
    }
}

/// All times of a schedule from its creation until `until`.
fn times(schedule: &Schedule, until: i64) -> Vec<i64> {
    std::iter::successors(schedule.next(schedule.made_at), |time| schedule.next(*time))
        .take_while(|time| *time <= until)
        .collect()
}

/// Runs `count` schedules for some days, with two processes at once: every time is run exactly once, in order.
fn by_the_calendar(count: usize, days: i64) {
    let world = World::new();
    let zones = ["UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York"];
    let mut script = String::new();
    for number in 0..count {
        let (minute, hour, zone) = (number % 60, number % 24, zones[number % zones.len()]);
        let times = match number % 10 {
            0 => format!("cron = '{minute} */6 * * *', timezone = '{zone}'"),
            1 if number % 100 == 1 => "every = INTERVAL '1 hour'".to_string(),
            2 => format!("cron = '{minute} {hour} * * 1-5', timezone = '{zone}'"),
            3 => format!("cron = '30 {minute} {hour} 1,15,L * *', timezone = '{zone}'"),
            _ => format!("cron = '{minute} {hour} * * *', timezone = '{zone}'"),
        };
        script.push_str(&format!("CREATE SCHEDULE s{number} WITH ({times}, keep = 5) AS BEGIN SELECT 1; END;\n"));
    }
    world.sql(&script);
    let (schedules, _) = world.engine.schedules(&[]).unwrap();
    assert_eq!(schedules.len(), count);
    let begin = schedules.iter().map(|schedule| schedule.made_at).max().unwrap();
    world.set(begin);
    let mut runners = [world.runner(count), world.runner(3)];
    let end = begin + days * DAY;
    world.pass(&mut runners, end);
    let mut ran: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (name, time) in world.work.ran.lock().iter() {
        ran.entry(name.clone()).or_default().push(*time);
    }
    for schedule in &schedules {
        assert_eq!(ran.remove(&schedule.name).unwrap_or_default(), times(schedule, end), "{}", schedule.name);
    }
    assert!(ran.is_empty());
}

#[test]
fn schedules_run_by_the_calendar() {
    by_the_calendar(120, 4);
}

#[test]
#[ignore = "takes minutes"]
fn a_thousand_schedules_run_for_a_month() {
    by_the_calendar(1000, 30);
}

#[test]
fn missed_times_are_treated_as_declared() {
    let world = World::new();
    for on_missed in ["run_once", "skip", "all"] {
        world.sql(&format!(
            "CREATE SCHEDULE {on_missed} WITH (every = INTERVAL '1 minute', on_missed = '{on_missed}') AS BEGIN SELECT 1; END"
        ));
    }
    let made = world.schedule("all").made_at;
    let first = made - made.rem_euclid(MINUTE) + MINUTE;
    // No runner checks for five and a half minutes.
    world.set(first + 5 * MINUTE + 30 * SECOND);
    let mut runners = [world.runner(3)];
    world.settle(&mut runners);
    let all: Vec<i64> = (0..6).map(|minute| first + minute * MINUTE).collect();
    assert_eq!((world.ran("run_once"), world.ran("skip"), world.ran("all")), (vec![all[5]], vec![], all.clone()));
    let skipped = world.rows("SELECT name, status, missed, attempt, cause FROM system.runs WHERE name IN ('skip', 'run_once')");
    assert!(skipped.contains("| skip     | skipped   | 6      | 0       | missed |"), "{skipped}");
    assert!(skipped.contains("| run_once | succeeded | 5      | 1       | missed |"), "{skipped}");
    // From then on they are on time.
    world.pass(&mut runners, first + 8 * MINUTE);
    let later = [first + 6 * MINUTE, first + 7 * MINUTE, first + 8 * MINUTE];
    for name in ["run_once", "skip", "all"] {
        assert!(world.ran(name).ends_with(&later), "{name}");
    }
    // A start nine seconds late is on time; the scheduled time before it was missed.
    world.set(first + 10 * MINUTE + 9 * SECOND);
    world.settle(&mut runners);
    assert!(world.ran("skip").ends_with(&[later[2], first + 10 * MINUTE]));
}

#[test]
fn failures_are_made_again_as_declared() {
    let world = World::new();
    world.sql(
        "CREATE SCHEDULE s WITH (every = INTERVAL '1 hour', retries = 2, backoff = INTERVAL '5 minutes') AS BEGIN SELECT 1; END",
    );
    let made = world.schedule("s").made_at;
    let first = made - made.rem_euclid(HOUR) + HOUR;
    world.set(made);
    let mut runners = [world.runner(1), world.runner(1)];
    world.work.failing.lock().insert("s".into(), 2);
    world.pass(&mut runners, first + 30 * MINUTE);
    assert_eq!(world.ran("s"), [first]);
    let attempts = || world.work.attempts.lock().values().copied().collect::<Vec<_>>();
    assert_eq!(attempts(), [3]);
    // One more failure is final; the next scheduled time is a new chance.
    world.work.failing.lock().insert("s".into(), 3);
    world.pass(&mut runners, first + HOUR + 30 * MINUTE);
    assert_eq!((world.ran("s").len(), attempts().iter().sum::<i64>()), (1, 6));
    world.work.failing.lock().clear();
    world.pass(&mut runners, first + 2 * HOUR);
    assert_eq!(world.ran("s"), [first, first + 2 * HOUR]);
    let told = world.rows("SELECT status, attempt, cause FROM system.runs ORDER BY run DESC LIMIT 4");
    assert!(told.contains("| failed    | 3       | retry    |") && told.contains("| succeeded | 1       | schedule |"), "{told}");
}

#[test]
fn dependents_wait_run_and_are_skipped() {
    let world = World::new();
    world.sql(
        "CREATE SCHEDULE load WITH (every = INTERVAL '1 hour', retries = 1, backoff = INTERVAL '10 minutes') AS BEGIN SELECT 1; END;
         CREATE SCHEDULE report WITH (every = INTERVAL '1 hour', depends_on = load) AS BEGIN SELECT 1; END;
         CREATE SCHEDULE mail WITH (depends_on = ['load', 'report']) AS BEGIN SELECT 1; END",
    );
    let made = world.schedule("load").made_at;
    let first = made - made.rem_euclid(HOUR) + HOUR;
    world.set(made);
    let mut runners = [world.runner(3)];
    world.work.failing.lock().insert("load".into(), 1);
    world.pass(&mut runners, first + 5 * MINUTE);
    assert_eq!((world.ran("load"), world.ran("report")), (vec![], vec![]), "who depends waits for the second attempt");
    world.pass(&mut runners, first + 10 * MINUTE);
    assert_eq!((world.ran("load"), world.ran("report"), world.ran("mail")), (vec![first], vec![first], vec![first]));
    world.work.failing.lock().insert("load".into(), 9);
    world.pass(&mut runners, first + HOUR + 20 * MINUTE);
    assert_eq!(world.ran("report"), [first]);
    let told = world.rows("SELECT message FROM system.runs WHERE status = 'skipped' AND name = 'report'");
    assert!(told.contains("load did not succeed for 20"), "{told}");
    world.work.failing.lock().clear();
    world.pass(&mut runners, first + 2 * HOUR);
    let second = first + 2 * HOUR;
    assert_eq!((world.ran("report"), world.ran("mail")), (vec![first, second], vec![first, second]));
}

#[test]
fn who_is_paused_misses_nothing() {
    let world = World::new();
    world.sql("CREATE SCHEDULE s WITH (every = INTERVAL '1 minute') AS BEGIN SELECT 1; END; PAUSE SCHEDULE s");
    let schedule = world.schedule("s");
    world.set(schedule.made_at + 10 * MINUTE);
    let mut runners = [world.runner(1)];
    world.settle(&mut runners);
    assert_eq!(world.ran("s"), [0_i64; 0]);
    // The statement uses the machine's clock: what was missed until then is not caught up on.
    let now = Machine.now();
    world.sql("RESUME SCHEDULE s");
    let later = now + 2 * MINUTE;
    world.set(later);
    let mut runners = [world.runner(1)];
    world.settle(&mut runners);
    assert_eq!(world.ran("s"), [later - later.rem_euclid(MINUTE)]);
}

/// A lost attempt is retried at once at first, then after growing pauses, and finally given up.
#[test]
fn lost_attempts_come_back_more_and_more_slowly() {
    let world = World::new();
    world.sql("CREATE SCHEDULE s WITH (every = INTERVAL '1 hour') AS BEGIN SELECT 1; END");
    let schedule = world.schedule("s");
    let at = schedule.next(schedule.made_at).unwrap();
    let lost = |lost: i64| State {
        object: schedule.id,
        times: schedule.times.clone(),
        settled: Some(at),
        attempt: Some(crate::engine::schedules::InWork {
            run: 7,
            number: lost + 1,
            scheduled_at: at,
            missed: 2,
            status: "lost".into(),
            ended_at: at,
        }),
        lost,
        ..State::default()
    };
    let again = |number: i64| Decision::Claim {
        settled: at,
        skipped: None,
        begins: Some(Begins { scheduled_at: at, number, missed: 2, cause: "retry" }),
    };
    assert_eq!(decide(&schedule, &lost(0), &[], at), again(2));
    assert_eq!(decide(&schedule, &lost(2), &[], at), again(4));
    assert_eq!(decide(&schedule, &lost(5), &[], at), Decision::Wait(Some(at + 4 * SECOND)));
    assert_eq!(decide(&schedule, &lost(5), &[], at + 4 * SECOND), again(7));
    let Decision::Claim { skipped: Some(skipped), begins: None, .. } = decide(&schedule, &lost(20), &[], at) else {
        panic!("it goes on")
    };
    assert_eq!(skipped.why, "given up: its process was killed 21 times");
}

/// A schedule with a changed calendar does not catch up on times that it never had.
#[test]
fn another_calendar_begins_when_it_is_made() {
    let world = World::new();
    world.sql("CREATE SCHEDULE s WITH (every = INTERVAL '1 hour') AS BEGIN SELECT 1; END");
    let schedule = world.schedule("s");
    let state = State { object: schedule.id, times: "cron 0 0 1 1 * UTC".into(), settled: Some(0), ..State::default() };
    assert_eq!(decide::settled(&schedule, &state), schedule.made_at);
    let same = State { times: schedule.times.clone(), ..state };
    assert_eq!(decide::settled(&schedule, &same), 0);
    let waiting = Dependency { schedule: &schedule, state: State { settled: Some(5), ..State::default() } };
    assert_eq!(decide(&schedule, &State { running: Some(3), ..State::default() }, &[waiting], DAY), Decision::Wait(None));
}

#[test]
fn a_problem_is_told_when_it_comes_and_when_it_comes_back() {
    let mut last = None;
    let looks = ["", "full", "full", "", "full", "gone", ""].map(|problem| (!problem.is_empty()).then(|| problem.to_string()));
    let told: Vec<String> = looks.into_iter().filter_map(|problem| newly(problem, &mut last)).collect();
    assert_eq!(told, ["full", "full", "gone"]);
}
