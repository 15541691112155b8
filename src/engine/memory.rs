//! The memory pool of an engine, and how it is shared.
//!
//! DataFusion's fair pool reserves the same share for every consumer that *could* spill, even for those that hold nothing: a refresh of
//! forty tags registers a hundred sorters and aggregations, and each may use a hundredth, however little the others need. Here, the first
//! half goes to whoever asks. Beyond it, a spillable consumer may hold at most its share among those that hold memory plus one more that
//! may still come; then it must spill. So a consumer that asks late still finds memory.

use std::collections::HashMap;
use std::fmt::{self, Display};

use datafusion::common::{Result, human_readable_size, resources_datafusion_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use parking_lot::Mutex;

/// A memory pool with a limit.
#[derive(Debug)]
pub struct HalfSharedPool {
    limit: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// Bytes per spillable consumer, for those that hold any.
    spillable: HashMap<usize, usize>,
    /// The number of spillable consumers, including those that hold nothing.
    registered: usize,
    /// Bytes of all consumers together.
    total: usize,
    /// Bytes of consumers that cannot spill.
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
    /// A pool of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, held: Mutex::default() }
    }

    /// How much more a consumer may reserve.
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

/// The memory that a sorter reserves from its first row on for merging spilled runs. It scales with the limit: with little memory, many
/// sorters would otherwise have nothing left to sort in.
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
        // There is no other consumer.
        one.try_grow(1000).unwrap();
        one.shrink(1000);
        let (two, idle) = (spilling("two"), spilling("idle"));
        // Others are registered but hold nothing: one may use half, and leaves as much.
        one.try_grow(500).unwrap();
        assert!(one.try_grow(1).is_err());
        // Of two holders each may have a third, as a third consumer may come.
        two.try_grow(333).unwrap();
        assert!(two.try_grow(1).is_err() && one.try_grow(1).is_err());
        idle.try_grow(167).unwrap();
        assert!(idle.try_grow(1).is_err());
        // A consumer that spills makes room.
        one.shrink(500);
        assert_eq!(pool.reserved(), 500);
        one.try_grow(333).unwrap();
        // A consumer that cannot spill may use whatever is left.
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
