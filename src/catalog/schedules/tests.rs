//! Tests of the state of schedules.

use std::time::Duration;

use super::lease::End;
use super::*;
use crate::catalog::objects::NewVersion;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap()
}

fn catalog() -> (Arc<Catalog>, i64) {
    let catalog = Arc::new(Catalog::for_test().unwrap());
    let sql = "CREATE SCHEDULE s WITH (every = '1 minute') AS BEGIN SELECT 1; END";
    catalog.put_object(NewVersion { kind: SCHEDULE, profile: "", name: "s", sql, base: "/", author: "" }, None).unwrap();
    let id = catalog.stamped_objects().unwrap().1[0].id;
    (catalog, id)
}

fn claim<'a>(schedule: i64, seen: &'a State, number: i64) -> Claim<'a> {
    let begins = Some(Begins { scheduled_at: 60, number, missed: 0, cause: "schedule" });
    Claim {
        schedule,
        name: "s",
        version: 1,
        seen,
        role: "ada",
        at: 70,
        times: "every 60",
        settled: 60,
        skipped: None,
        begins,
        given_up: None,
    }
}

fn begun(catalog: &Arc<Catalog>, claim: &Claim<'_>) -> Option<Lease> {
    match catalog.claim(claim).unwrap() {
        Claimed::Begun(lease) => Some(lease),
        _ => None,
    }
}

fn end(run: i64, status: &'static str, retry_at: Option<i64>, keep: i64) -> End {
    let (message, statement, notices) = (String::new(), String::new(), vec![]);
    End { run, status, at: 80, rows: 1, message, statement, line: None, retry_at, keep, notices }
}

#[test]
fn a_time_is_claimed_by_one() {
    let runtime = runtime();
    let _on = runtime.enter();
    let (catalog, id) = catalog();
    let seen = catalog.schedule_state(id).unwrap();
    assert_eq!(seen.settled, None);
    let lease = begun(&catalog, &claim(id, &seen, 1)).unwrap();
    // A second claim based on the same state comes too late, and so does one based on the current state.
    assert!(begun(&catalog, &claim(id, &seen, 1)).is_none());
    let running = catalog.schedule_state(id).unwrap();
    assert_eq!((running.settled, running.running), (Some(60), Some(lease.run)));
    assert!(begun(&catalog, &claim(id, &running, 2)).is_none());
    // It failed and is retried; then it succeeds, and nothing is in work.
    let run = lease.run;
    assert!(lease.end(&end(run, "failed", Some(90), 1000)).unwrap());
    let failed = catalog.schedule_state(id).unwrap();
    assert_eq!((failed.failed, failed.retry_at, failed.attempt.as_ref().map(|attempt| attempt.run)), (1, Some(90), Some(run)));
    let lease = begun(&catalog, &claim(id, &failed, 2)).unwrap();
    let run = lease.run;
    assert!(lease.end(&end(run, "succeeded", None, 1000)).unwrap());
    let done = catalog.schedule_state(id).unwrap();
    assert_eq!((done.attempt, done.running, done.last_success, done.retry_at), (None, None, Some(60), None));
    // A claim based on another version of the definition is refused.
    assert!(begun(&catalog, &Claim { version: 2, ..claim(id, &catalog.schedule_state(id).unwrap(), 1) }).is_none());
}

#[test]
fn an_attempt_of_another_machine_is_lost_when_it_does_not_beat() {
    let runtime = runtime();
    let _on = runtime.enter();
    let (catalog, id) = catalog();
    let lease = begun(&catalog, &claim(id, &catalog.schedule_state(id).unwrap(), 1)).unwrap();
    let at = |host: &str, beat: i64| {
        let update = "UPDATE runs SET host = ?1, heartbeat_at = ?2";
        catalog.write(|transaction| transaction.execute(update, params![host, beat])).unwrap();
        catalog.schedule_state(id).unwrap().running.is_some()
    };
    let minute = 60_000_000;
    assert!(at(&HOST, now() - 10 * minute), "its lock is held here");
    assert!(at("elsewhere", now() - minute / 2));
    assert!(!at("elsewhere", now() - 2 * minute));
    let lost = catalog.schedule_state(id).unwrap();
    assert_eq!(lost.attempt.as_ref().map(|attempt| attempt.status.as_str()), Some("lost"));
    let second = begun(&catalog, &claim(id, &lost, 2)).unwrap();
    assert_eq!(catalog.schedule_state(id).unwrap().lost, 1);
    // The first attempt can neither send heartbeats nor end.
    assert!(!catalog.beat_attempt(lease.run).unwrap());
    let run = lease.run;
    assert!(!lease.end(&end(run, "succeeded", None, 1000)).unwrap());
    let run = second.run;
    assert!(second.end(&end(run, "succeeded", None, 1000)).unwrap());
    let statuses: Vec<String> = catalog.runs().unwrap().into_iter().map(|run| run.status).collect();
    assert_eq!(statuses, ["lost", "succeeded"]);
}

/// The holder of a lost lease is notified, and gives up.
#[test]
fn a_lease_that_is_lost_says_so() {
    let runtime = runtime();
    let _on = runtime.enter();
    let (catalog, id) = catalog();
    let lease = begun(&catalog, &claim(id, &catalog.schedule_state(id).unwrap(), 1)).unwrap();
    let (lock, _) = catalog.data.locks.for_run("s", SCHEDULE).unwrap();
    let quick = catalog.lease(lease.run, lock, Duration::from_millis(5));
    catalog.write(|transaction| transaction.execute("UPDATE runs SET status = 'lost'", [])).unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), quick.lost()).await }).unwrap();
    // Dropped without an end, an attempt is cancelled; but this one is already lost.
    drop((lease, quick));
    assert_eq!(catalog.runs().unwrap()[0].status, "lost");
}

#[test]
fn what_is_given_up_is_made_again_and_old_runs_go() {
    let runtime = runtime();
    let _on = runtime.enter();
    let (catalog, id) = catalog();
    drop(begun(&catalog, &claim(id, &catalog.schedule_state(id).unwrap(), 1)));
    let given_up = catalog.schedule_state(id).unwrap();
    assert_eq!(given_up.attempt.as_ref().map(|attempt| attempt.status.as_str()), Some("cancelled"));
    assert!(given_up.retry_at.is_some());
    for number in 2..9 {
        let lease = begun(&catalog, &claim(id, &catalog.schedule_state(id).unwrap(), number)).unwrap();
        let run = lease.run;
        assert!(lease.end(&end(run, "failed", Some(90), 3)).unwrap());
    }
    assert_eq!(catalog.runs().unwrap().len(), 3);
    assert!(catalog.pause_schedule(id, true, 500).unwrap() && !catalog.pause_schedule(id, true, 600).unwrap());
    assert!(catalog.pause_schedule(id, false, 700).unwrap());
    assert_eq!(catalog.schedule_state(id).unwrap().settled, Some(700));
    let object = catalog.stamped_objects().unwrap().1[0].clone();
    catalog.remove_object(&object, None).unwrap();
    assert_eq!((catalog.schedule_states().unwrap(), catalog.runs().unwrap().len()), (vec![], 3));
}
