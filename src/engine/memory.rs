//! The memory of an engine, and who may have how much of it.
//!
//! DataFusion's fair pool gives every consumer that *could* spill the same part, also those that hold nothing: a refresh of forty tags
//! registers a hundred sorters and aggregations, and each may have a hundredth, however little the others need. Here the first half
//! goes to whoever asks. Beyond it, one that can spill may have no more than its part of what is shared by those that hold memory, and
//! one more that may come; then it spills what it has. So one that asks late finds something left.

use std::collections::HashMap;
use std::fmt::{self, Display};

use datafusion::common::{Result, human_readable_size, resources_datafusion_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use parking_lot::Mutex;

/// Memory up to a limit.
#[derive(Debug)]
pub struct HalfSharedPool {
    limit: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// By consumers that can spill: each that holds something.
    spillable: HashMap<usize, usize>,
    /// How many there are that can spill, whether they hold something or not.
    registered: usize,
    /// By all together.
    total: usize,
    /// By consumers that cannot spill.
    unspillable: usize,
}

impl Held {
    fn add(&mut self, consumer: &MemoryConsumer, bytes: usize) {
        self.total += bytes;
        match consumer.can_spill() {
            true => *self.spillable.entry(consumer.id()).or_default() += bytes,
            false => self.unspillable += bytes,
        }
    }

    fn take(&mut self, consumer: &MemoryConsumer, bytes: usize) {
        self.total = self.total.saturating_sub(bytes);
        if !consumer.can_spill() {
            self.unspillable = self.unspillable.saturating_sub(bytes);
        } else if let Some(held) = self.spillable.get_mut(&consumer.id()) {
            *held = held.saturating_sub(bytes);
            if *held == 0 {
                self.spillable.remove(&consumer.id());
            }
        }
    }
}

impl HalfSharedPool {
    /// A pool of so many bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, held: Mutex::default() }
    }

    /// How much more a consumer may have.
    fn available(&self, held: &Held, consumer: &MemoryConsumer) -> usize {
        let free = self.limit.saturating_sub(held.total);
        if !consumer.can_spill() {
            return free;
        }
        let of_first_half = (self.limit / 2).saturating_sub(held.total);
        let own = held.spillable.get(&consumer.id()).copied().unwrap_or(0);
        let holders = held.spillable.len() + usize::from(own == 0);
        let sharers = holders + usize::from(held.registered > holders);
        let part = self.limit.saturating_sub(held.unspillable) / sharers.max(1);
        free.min(of_first_half.max(part.saturating_sub(own)))
    }
}

impl MemoryPool for HalfSharedPool {
    fn name(&self) -> &str {
        "half shared"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.held.lock().registered += usize::from(consumer.can_spill());
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        let mut held = self.held.lock();
        held.registered = held.registered.saturating_sub(usize::from(consumer.can_spill()));
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.held.lock().add(reservation.consumer(), additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.held.lock().take(reservation.consumer(), shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut held = self.held.lock();
        let available = self.available(&held, reservation.consumer());
        if additional > available {
            return Err(resources_datafusion_err!(
                "Failed to allocate additional {} for {} with {} already allocated for this reservation - {} remain available for the total memory pool: {self}",
                human_readable_size(additional),
                reservation.consumer().name(),
                human_readable_size(reservation.size()),
                human_readable_size(available)
            ));
        }
        held.add(reservation.consumer(), additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.held.lock().total
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

impl Display for HalfSharedPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name(), human_readable_size(self.limit))
    }
}

/// What a sorter sets aside, from its first row on, for the merge of what it spills: in a small memory many sorters would have nothing
/// left to sort in.
pub fn set_aside_for_merging(limit: usize) -> usize {
    (limit / 256).clamp(64 << 10, 10 << 20)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn half_is_for_whoever_asks_and_half_is_shared() {
        let pool: Arc<dyn MemoryPool> = Arc::new(HalfSharedPool::new(1000));
        let spilling = |name: &str| MemoryConsumer::new(name).with_can_spill(true).register(&pool);
        let one = spilling("one");
        // Nobody else may come.
        one.try_grow(1000).unwrap();
        one.shrink(1000);
        let (two, idle) = (spilling("two"), spilling("idle"));
        // Others are there, and hold nothing: one may have half, and leaves as much.
        one.try_grow(500).unwrap();
        assert!(one.try_grow(1).is_err());
        // Of two that hold something each may have a third, as there is a third.
        two.try_grow(333).unwrap();
        assert!(two.try_grow(1).is_err() && one.try_grow(1).is_err());
        idle.try_grow(167).unwrap();
        assert!(idle.try_grow(1).is_err());
        // One that spills makes room.
        one.shrink(500);
        assert_eq!(pool.reserved(), 500);
        one.try_grow(333).unwrap();
        // What cannot spill has what is left.
        let fixed = MemoryConsumer::new("fixed").register(&pool);
        fixed.try_grow(167).unwrap();
        assert!(fixed.try_grow(1).is_err());
        drop((one, two, fixed));
        assert_eq!(pool.reserved(), 167);
    }

    #[test]
    fn little_is_set_aside_of_little() {
        let sizes = [16 << 20, 64 << 20, 1 << 30, 16 << 30].map(set_aside_for_merging);
        assert_eq!(sizes, [64 << 10, 256 << 10, 4 << 20, 10 << 20]);
    }
}
