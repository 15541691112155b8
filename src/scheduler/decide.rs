//! What is to be done about one schedule now: a function of what it says, of what is remembered of it and of those that it depends on,
//! and of the time.

use crate::engine::schedules::{Begins, MOST_LOST, OnMissed, Schedule, Skipped, State};

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;
/// What begins so much after its time is not late.
const ON_TIME: i64 = 10 * SECOND;
/// So often an attempt whose process was killed is made again at once; after that there are pauses.
const LOST_AT_ONCE: i64 = 3;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing, before this time; `None`: before something else has happened.
    Wait(Option<i64>),
    /// This is to be noted, and perhaps an attempt begins.
    Claim { settled: i64, skipped: Option<Skipped>, begins: Option<Begins> },
}

/// A schedule that another depends on, as far as it is of interest.
#[derive(Debug, Clone)]
pub struct Dependency<'a> {
    pub schedule: &'a Schedule,
    pub state: State,
}

/// The time from which on times are to be run.
pub fn settled(schedule: &Schedule, state: &State) -> i64 {
    match state.settled {
        Some(settled) if state.times == schedule.times || state.times.is_empty() => settled,
        // By another calendar the past looks different.
        Some(settled) => settled.max(schedule.made_at),
        None => schedule.made_at,
    }
}

/// What is to be done about a schedule.
pub fn decide(schedule: &Schedule, state: &State, dependencies: &[Dependency<'_>], now: i64) -> Decision {
    if state.is_paused || state.running.is_some() {
        return Decision::Wait(None);
    }
    let settled = settled(schedule, state);
    if let Some(attempt) = &state.attempt {
        let is_lost = attempt.status == "lost";
        if is_lost && state.lost >= MOST_LOST {
            // The next time is another chance.
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

/// Microseconds before an attempt that was lost is made again.
fn pause(lost: i64) -> i64 {
    match u32::try_from(lost - LOST_AT_ONCE) {
        Ok(more) => SECOND.saturating_mul(2_i64.saturating_pow(more)).min(600 * SECOND),
        Err(_) => 0,
    }
}

/// Whether a schedule that another depends on has done its part.
enum Readiness {
    Ready,
    Waiting,
    /// It has not succeeded for this time, and will not any more.
    Failed(String, i64),
}

impl Readiness {
    /// Nothing is skipped while another may still succeed: who fails is told last.
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
        // It follows others itself, and has no times of its own.
        None => state.settled,
    };
    let Some(latest) = latest else { return Readiness::Ready };
    if succeeded >= latest {
        return Readiness::Ready;
    }
    // Before it was made it had nothing to do.
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

/// A schedule without times of its own runs when all that it depends on have succeeded since.
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
