//! The limits of a statement: its time and its share of the memory.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::catalog::role_limits::RoleLimits;
use crate::error::{SqlState, coded, failed};
use crate::postgres_settings::milliseconds;
use crate::settings::PortraitSettings;

/// The limits of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most time from its beginning to its last row; `None` for no limit.
    pub timeout: Option<Duration>,
    /// True when the role allows no more time.
    pub is_timeout_of_role: bool,
    /// The percentage of the memory limit that one statement may use.
    pub memory_share: u64,
    /// True when the role allows no larger share.
    pub is_share_of_role: bool,
}

impl Limits {
    /// The limits that a session has set.
    pub fn of(options: &ConfigOptions) -> Self {
        let settings = PortraitSettings::of(options);
        let seconds = settings.statement_timeout.saturating_mul(1000);
        // PostgreSQL's `statement_timeout` is in milliseconds, `portrait.statement_timeout` in seconds.
        let timeout = milliseconds("statement_timeout", options).unwrap_or(seconds);
        let timeout = (timeout > 0).then(|| Duration::from_millis(timeout));
        Self { timeout, is_timeout_of_role: false, memory_share: settings.memory_share, is_share_of_role: false }
    }

    /// The same, as far as the role of the connection allows: a session may set less, never more.
    pub fn within(mut self, role: RoleLimits) -> Self {
        if let Some(most) = role.timeout.filter(|most| *most > 0).map(Duration::from_millis) {
            self.is_timeout_of_role = self.timeout.is_none_or(|timeout| timeout >= most);
            self.timeout = Some(self.timeout.map_or(most, |timeout| timeout.min(most)));
        }
        if let Some(most) = role.memory_share.filter(|most| *most < self.memory_share) {
            self.memory_share = most;
            self.is_share_of_role = true;
        }
        self
    }

    /// A memory pool for one statement within the engine's pool; `None` when the statement may use all of it.
    pub fn pool(&self, engine: &Arc<dyn MemoryPool>) -> Option<Arc<dyn MemoryPool>> {
        let MemoryLimit::Finite(total) = engine.memory_limit() else { return None };
        if self.memory_share >= 100 {
            return None;
        }
        let share = usize::try_from(self.memory_share).unwrap_or(100);
        let limit = total / 100 * share;
        let is_of_role = self.is_share_of_role;
        Some(Arc::new(SharePool { engine: Arc::clone(engine), limit, percent: share, is_of_role, used: AtomicUsize::new(0) }))
    }
}

/// A pool that passes everything on to `engine` and counts what was reserved through itself.
pub fn counting(engine: &Arc<dyn MemoryPool>) -> Arc<dyn MemoryPool> {
    let (engine, used) = (Arc::clone(engine), AtomicUsize::new(0));
    Arc::new(SharePool { engine, limit: usize::MAX, percent: 100, is_of_role: false, used })
}

/// One statement's share of a pool. It leaves the rest free for other statements, however much this one asks for.
#[derive(Debug)]
struct SharePool {
    engine: Arc<dyn MemoryPool>,
    limit: usize,
    percent: usize,
    /// True when the role allows no larger share.
    is_of_role: bool,
    used: AtomicUsize,
}

impl Display for SharePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.percent == 100 { self.engine.fmt(f) } else { write!(f, "{} % of {}", self.percent, self.engine) }
    }
}

impl MemoryPool for SharePool {
    fn name(&self) -> &str {
        "statement"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.engine.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.engine.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.used.fetch_add(additional, Ordering::Relaxed);
        self.engine.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.used.fetch_sub(shrink, Ordering::Relaxed);
        self.engine.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        // Count first and undo on failure: checking first would let two threads pass the check together and exceed the limit.
        let used = self.used.fetch_add(additional, Ordering::Relaxed);
        let within = if used.saturating_add(additional) > self.limit {
            let (percent, megabytes) = (self.percent, self.limit >> 20);
            let problem = if self.is_of_role {
                format!(
                    "the statement may take {percent} % of the memory limit, {megabytes} MB; ask a role with SUPERUSER for ALTER ROLE … SET portrait.memory_share"
                )
            } else {
                format!(
                    "the statement may take {percent} % of the memory limit, {megabytes} MB; SET portrait.memory_share to a higher number"
                )
            };
            Err(datafusion::error::DataFusionError::ResourcesExhausted(problem))
        } else {
            self.engine.try_grow(reservation, additional)
        };
        if within.is_err() {
            self.used.fetch_sub(additional, Ordering::Relaxed);
        }
        within
    }

    fn reserved(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        if self.limit == usize::MAX { self.engine.memory_limit() } else { MemoryLimit::Finite(self.limit) }
    }
}

/// The clock for timeouts, with a thread of its own, which begins with the first timeout. The threads of queries check their timers only
/// between steps, which may be long, and the thread that waits for a statement may have no timer at all.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<Mutex<ClockThread>>);

#[derive(Debug, Default)]
enum ClockThread {
    #[default]
    NotBegun,
    Begun(Runtime),
    Ended,
}

impl Clock {
    /// Waits until `time`.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub async fn wait_until(&self, time: Instant) -> Result<()> {
        let sleep = {
            let mut thread = self.0.lock();
            if matches!(*thread, ClockThread::NotBegun) {
                let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("portrait-clock").enable_time().build();
                let begun = runtime.map_err(|error| failed("portrait", format!("cannot start threads: {error}")))?;
                *thread = ClockThread::Begun(begun);
            }
            match &*thread {
                ClockThread::Begun(runtime) => {
                    let _clock = runtime.enter();
                    Some(tokio::time::sleep_until(time))
                }
                ClockThread::NotBegun | ClockThread::Ended => None,
            }
        };
        match sleep {
            Some(sleep) => sleep.await,
            None => std::future::pending().await,
        }
        Ok(())
    }

    /// Ends the clock with its engine; returns its runtime, if it had begun.
    pub fn end(&self) -> Option<Runtime> {
        match std::mem::replace(&mut *self.0.lock(), ClockThread::Ended) {
            ClockThread::Begun(runtime) => Some(runtime),
            ClockThread::NotBegun | ClockThread::Ended => None,
        }
    }
}

/// The error of a statement that took too long.
pub fn timed_out(timeout: Duration, is_of_role: bool) -> datafusion::error::DataFusionError {
    let seconds = timeout.as_secs_f64();
    let problem = if is_of_role {
        format!(
            "was cancelled after {seconds} s, as statement_timeout of the role says; ask a role with SUPERUSER for ALTER ROLE … SET statement_timeout"
        )
    } else {
        format!("was cancelled after {seconds} s, as statement_timeout says; SET it higher, or to 0 for no limit")
    };
    coded(SqlState::QUERY_CANCELED, "query", problem)
}

#[cfg(test)]
mod tests {
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    use super::*;

    #[test]
    fn a_statement_takes_no_more_than_its_share() {
        let engine: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(100 << 20));
        let limits = Limits { timeout: None, is_timeout_of_role: false, memory_share: 25, is_share_of_role: false };
        let pool = limits.pool(&engine).unwrap();
        let reservation = MemoryConsumer::new("a").register(&pool);
        reservation.try_grow(25 << 20).unwrap();
        assert!(reservation.try_grow(1).unwrap_err().to_string().contains("25 % of the memory limit, 25 MB"));
        let others = MemoryConsumer::new("b").register(&engine);
        others.try_grow(75 << 20).unwrap();
        reservation.shrink(1 << 20);
        assert!(others.try_grow(1 << 20).is_ok() && reservation.try_grow(1 << 20).is_err());
        assert!(Limits { memory_share: 100, ..limits }.pool(&engine).is_none());
    }

    #[test]
    fn a_session_sets_less_than_its_role_allows_never_more() {
        let role = RoleLimits { timeout: Some(2000), memory_share: Some(25), queries: None };
        let of = |timeout: Option<u64>, memory_share| {
            let timeout = timeout.map(Duration::from_millis);
            let limits = Limits { timeout, is_timeout_of_role: false, memory_share, is_share_of_role: false }.within(role);
            let time = (limits.timeout.map(|timeout| timeout.as_millis()), limits.is_timeout_of_role);
            (time, (limits.memory_share, limits.is_share_of_role))
        };
        assert_eq!(of(None, 100), ((Some(2000), true), (25, true)));
        assert_eq!(of(Some(9000), 30), ((Some(2000), true), (25, true)));
        assert_eq!(of(Some(100), 10), ((Some(100), false), (10, false)));
    }
}
