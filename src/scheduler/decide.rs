//! Decides what to do about one schedule now: a pure function of its definition, its state, the states of the schedules it depends on, and
//! the time.

use crate::engine::schedules::{Begins, MOST_LOST, OnMissed, Schedule, Skipped, State};

/// Microseconds per second.
const SECOND: i64 = 1_000_000;
/// A run that begins up to this long after its time is on time.
const ON_TIME: i64 = 10 * SECOND;
/// How often an attempt whose process was killed is retried at once; after that there are pauses.
const LOST_AT_ONCE: i64 = 3;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing before this time; with `None`, nothing until something else happens.
    Wait(Option<i64>),
    /// Record this, and perhaps begin an attempt.
    Claim { settled: i64, skipped: Option<Skipped>, begins: Option<Begins> },
}

/// A schedule that another depends on, with its state.
#[derive(Debug, Clone)]
pub struct Dependency<'a> {
    pub schedule: &'a Schedule,
    pub state: State,
}

/// The time after which scheduled times are to be run.
pub fn settled(schedule: &Schedule, state: &State) -> i64 {
    match state.settled {
        Some(settled) if state.times == schedule.times || state.times.is_empty() => settled,
        // The calendar has changed: do not catch up on its times before this version was created.
        Some(settled) => settled.max(schedule.made_at),
        None => schedule.made_at,
    }
}

/// Decides what to do about a schedule.
pub fn decide(schedule: &Schedule, state: &State, dependencies: &[Dependency<'_>], now: i64) -> Decision {
    if state.is_paused || state.running.is_some() {
        return Decision::Wait(None);
    }
    let settled = settled(schedule, state);
    if let Some(attempt) = &state.attempt {
        let is_lost = attempt.status == "lost";
        if is_lost && state.lost >= MOST_LOST {
            // Give up on this time; the next scheduled time is a new chance.
            let why = format!("given up: its process was killed {} times", state.lost + 1);
            let skipped = Some(Skipped { at: attempt.scheduled_at, count: 1, why });
            return Decision::Claim { settled, skipped, begins: None };
        }
        let at = match is_lost {
            true => attempt.ended_at.saturating_add(pause(state.lost)),
            false => state.retry_at.unwrap_or(now),
        };
        if at > now {
            return Decision::Wait(Some(at));
        }
        let (scheduled_at, number, missed) = (attempt.scheduled_at, attempt.number + 1, attempt.missed);
        return Decision::Claim { settled, skipped: None, begins: Some(Begins { scheduled_at, number, missed, cause: "retry" }) };
    }
    if schedule.calendar.is_none() {
        return after_others(dependencies, settled);
    }
    let due = schedule.calendar.as_ref().and_then(|calendar| calendar.due(settled, now));
    let Some(due) = due else { return Decision::Wait(schedule.next(now)) };
    let cause = |time: i64| if now - time > ON_TIME { "missed" } else { "schedule" };
    let begins = |time: i64, missed: u64| {
        let missed = i64::try_from(missed).unwrap_or(i64::MAX);
        Begins { scheduled_at: time, number: 1, missed, cause: cause(time) }
    };
    let skipped = |at: i64, count: u64| {
        let times = if count == 1 { "time was" } else { "times up to this one were" };
        Skipped { at, count, why: format!("{count} {times} missed; on_missed = 'skip'") }
    };
    let (time, decision) = match schedule.on_missed {
        OnMissed::All => (due.first, Decision::Claim { settled: due.first, skipped: None, begins: Some(begins(due.first, 0)) }),
        OnMissed::RunOnce => {
            let begins = Some(begins(due.last, due.count - 1));
            (due.last, Decision::Claim { settled: due.last, skipped: None, begins })
        }
        OnMissed::Skip if now - due.last > ON_TIME => {
            return Decision::Claim { settled: due.last, skipped: Some(skipped(due.last, due.count)), begins: None };
        }
        OnMissed::Skip => {
            let before = schedule.calendar.as_ref().and_then(|calendar| calendar.latest(due.last - 1));
            let skipped = before.filter(|_| due.count > 1).map(|before| skipped(before, due.count - 1));
            (due.last, Decision::Claim { settled: due.last, skipped, begins: Some(begins(due.last, 0)) })
        }
    };
    match dependencies.iter().map(|dependency| readiness(dependency, time)).max_by_key(Readiness::rank) {
        None | Some(Readiness::Ready) => decision,
        Some(Readiness::Waiting) => Decision::Wait(None),
        Some(Readiness::Failed(name, at)) => {
            let why = format!("{name} did not succeed for {}, which this depends on", crate::text::timestamp(at));
            Decision::Claim { settled: time, skipped: Some(Skipped { at: time, count: 1, why }), begins: None }
        }
    }
}

/// Microseconds before a lost attempt is retried.
fn pause(lost: i64) -> i64 {
    match u32::try_from(lost - LOST_AT_ONCE) {
        Ok(more) => SECOND.saturating_mul(2_i64.saturating_pow(more)).min(600 * SECOND),
        Err(_) => 0,
    }
}

/// Whether a schedule that another depends on has succeeded.
enum Readiness {
    Ready,
    Waiting,
    /// It has not succeeded for this time, and no longer will.
    Failed(String, i64),
}

impl Readiness {
    /// `Waiting` ranks highest, so that nothing is skipped while a dependency may still succeed.
    fn rank(&self) -> usize {
        match self {
            Self::Ready => 0,
            Self::Failed(..) => 1,
            Self::Waiting => 2,
        }
    }
}

/// Whether a schedule has succeeded for its latest time up to this one.
fn readiness(dependency: &Dependency<'_>, time: i64) -> Readiness {
    let Dependency { schedule, state } = dependency;
    let succeeded = state.last_success.unwrap_or(i64::MIN);
    let latest = match &schedule.calendar {
        Some(calendar) => calendar.latest(time),
        // It depends on others itself, and has no times of its own.
        None => state.settled,
    };
    let Some(latest) = latest else { return Readiness::Ready };
    if succeeded >= latest {
        return Readiness::Ready;
    }
    // The time lies before the schedule was created, so there was nothing to run.
    if latest <= schedule.made_at {
        return Readiness::Ready;
    }
    match state.settled {
        Some(settled) if settled >= latest && state.attempt.is_none() && state.running.is_none() => {
            Readiness::Failed(schedule.name.clone(), latest)
        }
        _ => Readiness::Waiting,
    }
}

/// A schedule without a calendar runs once everything it depends on has succeeded since its last run.
fn after_others(dependencies: &[Dependency<'_>], settled: i64) -> Decision {
    let succeeded = dependencies.iter().map(|dependency| dependency.state.last_success.unwrap_or(i64::MIN)).min();
    match succeeded {
        Some(time) if time > settled => {
            let begins = Begins { scheduled_at: time, number: 1, missed: 0, cause: "dependency" };
            Decision::Claim { settled: time, skipped: None, begins: Some(begins) }
        }
        _ => Decision::Wait(None),
    }
}
