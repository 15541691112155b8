//! Limits that every long computation respects: cancellation, memory, and the number of threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Why a computation was stopped early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The call was cancelled.
    Cancelled,
    /// The memory budget did not allow this many bytes.
    OutOfMemory(usize),
    /// There are more results than allowed, for example itemsets.
    TooMany,
    /// There are more rows than 32-bit positions can address.
    TooLarge,
    /// Data on disk could not be read back.
    Unreadable,
}

/// The memory budget. Ask it before using memory.
pub trait Budget: Sync {
    /// Takes bytes from the budget; false, taking nothing, if there are not enough.
    fn grow(&self, bytes: usize) -> bool;
    /// Returns bytes to the budget.
    fn shrink(&self, bytes: usize);
}

/// Cancellation, memory and threads of one call.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    pub cancelled: &'a AtomicBool,
    pub budget: &'a dyn Budget,
    pub workers: usize,
}

impl<'a> Control<'a> {
    /// Fails once the call is cancelled.
    pub fn check(&self) -> Result<(), Stop> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Stop::Cancelled) } else { Ok(()) }
    }

    /// Reserves memory until the guard is dropped.
    pub fn reserve(&self, bytes: usize) -> Result<Reserved<'a>, Stop> {
        let mut reserved = Reserved { budget: self.budget, bytes: 0 };
        reserved.grow(bytes)?;
        Ok(reserved)
    }

    /// Runs `work` on jobs `0..jobs` and returns the states of the workers. Each worker has its own state and takes one job after
    /// another, so which state sees which job is not deterministic.
    ///
    /// After the first failure, the other workers stop at their next job.
    pub fn share<S: Send>(
        &self,
        jobs: usize,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, usize) -> Result<(), Stop> + Sync,
    ) -> Result<Vec<S>, Stop> {
        let next = AtomicUsize::new(0);
        let failed: Mutex<Option<Stop>> = Mutex::new(None);
        let run = || {
            let mut own = state();
            loop {
                let job = next.fetch_add(1, Ordering::Relaxed);
                if job >= jobs {
                    return own;
                }
                if let Err(stop) = self.check().and_then(|()| work(&mut own, job)) {
                    next.store(jobs, Ordering::Relaxed);
                    let mut failed = failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    // Report the first real error, not the cancellation of other workers.
                    if failed.is_none() || *failed == Some(Stop::Cancelled) {
                        *failed = Some(stop);
                    }
                    return own;
                }
            }
        };
        let workers = self.workers.clamp(1, jobs.max(1));
        let states = if workers == 1 {
            vec![run()]
        } else {
            std::thread::scope(|scope| {
                let others: Vec<_> = (1..workers).map(|_| scope.spawn(run)).collect();
                let mut states = vec![run()];
                for other in others {
                    match other.join() {
                        Ok(state) => states.push(state),
                        Err(panic) => std::panic::resume_unwind(panic),
                    }
                }
                states
            })
        };
        match failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            Some(stop) => Err(stop),
            None => Ok(states),
        }
    }
}

/// Memory taken from the budget, given back when dropped.
pub struct Reserved<'a> {
    budget: &'a dyn Budget,
    bytes: usize,
}

impl Reserved<'_> {
    /// Takes more.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Stop> {
        if !self.budget.grow(bytes) {
            return Err(Stop::OutOfMemory(bytes));
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Grows the reservation to at least this size.
    pub fn at_least(&mut self, bytes: usize) -> Result<(), Stop> {
        if bytes > self.bytes { self.grow(bytes - self.bytes) } else { Ok(()) }
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.budget.shrink(self.bytes);
    }
}

/// A budget without limits, for small work whose memory need not be reserved.
struct Unlimited;

impl Budget for Unlimited {
    fn grow(&self, _bytes: usize) -> bool {
        true
    }
    fn shrink(&self, _bytes: usize) {}
}

static NEVER: AtomicBool = AtomicBool::new(false);

impl Control<'static> {
    /// A control with one thread and no limits, for work on a single batch, which is too short to need cancellation.
    pub fn alone() -> Self {
        Self { cancelled: &NEVER, budget: &Unlimited, workers: 1 }
    }
}

#[cfg(test)]
pub mod unlimited {
    use super::*;

    pub fn control(workers: usize) -> Control<'static> {
        Control { workers, ..Control::alone() }
    }
}
