//! Events as they arrive, in any order, and the events of each customer in time order.
//!
//! Rows are distributed into buckets by a hash of their customer, column by column, in chunks that never move. When all have
//! arrived, a bucket is small enough for the caches: its customers are numbered, its events are arranged by customer, and each
//! customer's events are sorted. Every event is written twice and sorted among the few events of its customer; sorting all
//! rows would move each about twenty times. When memory runs out, all chunks of a partition go to disk, bucket by bucket, and
//! a bucket is read back when it is needed.

use std::fmt::Debug;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use crate::kernels::control::{Budget, Control, Stop};

/// The number of buckets that customers are distributed into.
pub const BUCKETS: usize = 256;
/// Rows in a bucket's first chunk: few, so that small inputs take little memory.
const FIRST_ROWS: usize = 32;
/// The most rows in a chunk, unless more rows arrive at once.
const MOST_ROWS: usize = 2048;

/// The order among events at the same time: a number, or nothing for functions to which it makes no difference.
pub trait Tie: Copy + Ord + Default + Debug + Send + Sync + 'static {
    fn new(order: u64) -> Self;

    fn order(self) -> u64;
}

impl Tie for u64 {
    fn new(order: u64) -> Self {
        order
    }

    fn order(self) -> u64 {
        self
    }
}

impl Tie for () {
    fn new(_order: u64) -> Self {}

    fn order(self) -> u64 {
        0
    }
}

/// What a function keeps of an event besides its customer and time. Its order breaks ties between events at the same time.
pub trait Detail: Copy + Ord + Default + Send + Sync + 'static {
    /// `()` if no column can break ties; then events take less memory.
    type Tie: Tie;

    /// The size of its serialized form on disk.
    const BYTES: usize;

    /// Appends the serialized form.
    fn write(&self, to: &mut Vec<u8>);

    /// Reads the serialized form.
    fn read(from: &[u8]) -> Self;

    /// Translates codes of one partition into codes that all partitions share: `codes[old]` is the new code.
    fn recoded(self, _codes: &[u32]) -> Self {
        self
    }
}

impl Detail for () {
    type Tie = ();

    const BYTES: usize = 0;

    fn write(&self, _to: &mut Vec<u8>) {}

    fn read(_from: &[u8]) -> Self {}
}

impl Detail for u32 {
    type Tie = u64;

    const BYTES: usize = 4;

    fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.to_le_bytes());
    }

    fn read(from: &[u8]) -> Self {
        from.first_chunk().map_or(0, |bytes| Self::from_le_bytes(*bytes))
    }
}

/// An event of a customer, ordered by time, then by the tie-breaker, then by its detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event<D: Detail> {
    /// Microseconds or nanoseconds since 1970.
    pub time: i64,
    /// The order among events at the same time, if a column defines it; otherwise 0.
    pub tie: D::Tie,
    pub detail: D,
}

/// The bucket of a customer: the top bits of a multiplicative hash.
fn bucket_of(hash: u64) -> usize {
    (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
}

/// The keys of customers.
#[derive(Debug)]
enum Keys {
    /// Differences from a base, in half the memory.
    Near {
        base: u64,
        differences: Vec<u32>,
    },
    Any(Vec<u64>),
}

/// Rows of one bucket, column by column; `ties` is empty if no column breaks ties.
#[derive(Debug)]
struct Chunk<D> {
    customers: Keys,
    times: Vec<i64>,
    ties: Vec<u64>,
    details: Vec<D>,
}

/// What the rows of a chunk consist of.
#[derive(Debug, Clone, Copy)]
struct Layout {
    has_ties: bool,
    /// The base that the keys of customers are near to, if they are.
    base: Option<u64>,
}

impl Layout {
    fn row_bytes<D>(self) -> usize {
        8 + size_of::<D>() + if self.has_ties { 8 } else { 0 } + if self.base.is_some() { 4 } else { 8 }
    }
}

impl<D: Detail> Chunk<D> {
    fn with_capacity(rows: usize, layout: Layout) -> Self {
        let customers = match layout.base {
            Some(base) => Keys::Near { base, differences: Vec::with_capacity(rows) },
            None => Keys::Any(Vec::with_capacity(rows)),
        };
        Self {
            customers,
            times: Vec::with_capacity(rows),
            ties: Vec::with_capacity(if layout.has_ties { rows } else { 0 }),
            details: Vec::with_capacity(rows),
        }
    }

    /// The bytes that were reserved for it.
    fn bytes(&self, has_ties: bool) -> usize {
        let base = if let Keys::Near { base, .. } = self.customers { Some(base) } else { None };
        self.times.capacity() * Layout { has_ties, base }.row_bytes::<D>()
    }

    /// The number of rows of this layout that it has space for.
    fn room(&self, layout: Layout) -> usize {
        match (&self.customers, layout.base) {
            (Keys::Near { .. }, None) => 0,
            _ => self.times.capacity() - self.times.len(),
        }
    }

    fn customer(&self, row: usize) -> u64 {
        match &self.customers {
            Keys::Near { base, differences } => base + u64::from(differences[row]),
            Keys::Any(keys) => keys[row],
        }
    }

    fn extend(&mut self, rows: &Rows<'_, D>, chosen: &[u32]) {
        let customers = chosen.iter().map(|row| rows.customers[*row as usize]);
        match &mut self.customers {
            Keys::Near { base, differences } => differences.extend(customers.map(|customer| customer.wrapping_sub(*base) as u32)),
            Keys::Any(keys) => keys.extend(customers),
        }
        self.times.extend(chosen.iter().map(|row| rows.times[*row as usize]));
        if let Some(ties) = rows.ties {
            self.ties.extend(chosen.iter().map(|row| ties[*row as usize]));
        }
        self.details.extend(chosen.iter().map(|row| rows.details[*row as usize].unwrap_or_default()));
    }

    fn event(&self, row: usize) -> Event<D> {
        let tie = D::Tie::new(self.ties.get(row).copied().unwrap_or(0));
        Event { time: self.times[row], tie, detail: self.details[row] }
    }
}

/// Rows as they arrive, column by column.
#[derive(Debug)]
pub struct Rows<'a, D> {
    pub customers: &'a [u64],
    /// Decides the bucket of a customer: equal for equal customers in every partition.
    pub hashes: &'a [u64],
    pub times: &'a [i64],
    /// The tie-breakers, if a column defines them.
    pub ties: Option<&'a [u64]>,
    /// `None` for rows that need not be kept.
    pub details: &'a [Option<D>],
}

/// The rows that one partition has read.
#[derive(Debug)]
pub struct Gathering<D> {
    /// Row numbers of the current batch, sorted by bucket.
    order: Vec<u32>,
    layout: Layout,
    /// Whether rows have arrived, and with them a base for the keys of customers.
    has_begun: bool,
    buckets: Vec<Vec<Chunk<D>>>,
    bytes: usize,
    spilled: Vec<Spilled>,
}

/// A file that is written once, from beginning to end, and then read in parts.
pub trait Scratch: Read + Write + Seek + Send + Debug {}

impl<T: Read + Write + Seek + Send + Debug> Scratch for T {}

/// Chunks that were written to disk.
#[derive(Debug)]
struct Spilled {
    file: Mutex<Box<dyn Scratch>>,
    /// For each bucket, the offset of its first byte and its number of rows.
    places: Vec<(u64, usize)>,
}

impl<D: Detail> Gathering<D> {
    /// Creates an empty one; `has_ties` says whether a column breaks ties.
    pub fn new(has_ties: bool) -> Self {
        Self {
            order: vec![],
            layout: Layout { has_ties, base: None },
            has_begun: false,
            buckets: (0..BUCKETS).map(|_| vec![]).collect(),
            bytes: 0,
            spilled: vec![],
        }
    }

    /// Chooses how the keys of customers are kept. Once a key is far from the base, new chunks keep whole keys.
    fn look_at(&mut self, customers: &[u64]) {
        let least = customers.iter().copied().min().unwrap_or(0);
        let most = customers.iter().copied().max().unwrap_or(0);
        if !self.has_begun {
            self.has_begun = true;
            self.layout.base = Some(least.saturating_sub(1 << 31));
        }
        self.layout.base = self.layout.base.filter(|base| least >= *base && most - *base <= u64::from(u32::MAX));
    }

    /// Adds the rows that have a detail.
    ///
    /// The rows are first sorted by bucket, so that each column of a bucket is appended to in one run. Appending row by row would touch
    /// more memory locations than the processor's caches hold.
    ///
    /// # Errors
    /// The budget is exhausted; nothing was added.
    pub fn add(&mut self, rows: &Rows<'_, D>, budget: &dyn Budget) -> Result<(), Stop> {
        if rows.customers.is_empty() {
            return Ok(());
        }
        self.look_at(rows.customers);
        let mut ends = [0_u32; BUCKETS];
        let present = || rows.details.iter().enumerate().filter_map(|(row, detail)| detail.map(|_| row));
        for row in present() {
            ends[bucket_of(rows.hashes[row])] += 1;
        }
        self.grow(&ends, budget)?;
        let mut begin = 0;
        for end in &mut ends {
            (*end, begin) = (begin, begin + *end);
        }
        self.order.resize(begin as usize, 0);
        for row in present() {
            let next = &mut ends[bucket_of(rows.hashes[row])];
            self.order[*next as usize] = row as u32;
            *next += 1;
        }
        let mut begin = 0;
        for (end, chunks) in ends.into_iter().zip(&mut self.buckets) {
            let mut own = &self.order[begin..end as usize];
            begin = end as usize;
            // Rows go into the free space of the last chunk but one first: [`grow`](Self::grow) has added a chunk only for those that do
            // not fit there.
            let has_room = chunks.len().checked_sub(2).filter(|place| chunks[*place].room(self.layout) > 0);
            for place in has_room.into_iter().chain(chunks.len().checked_sub(1)) {
                let (now, later) = own.split_at(own.len().min(chunks[place].room(self.layout)));
                chunks[place].extend(rows, now);
                own = later;
            }
        }
        Ok(())
    }

    /// Adds chunks, so that each bucket has space for this many more rows.
    fn grow(&mut self, rows: &[u32; BUCKETS], budget: &dyn Budget) -> Result<(), Stop> {
        let layout = self.layout;
        let wanted = |chunks: &[Chunk<D>], rows: u32| {
            let (room, before) = chunks.last().map_or((0, FIRST_ROWS / 2), |chunk| (chunk.room(layout), chunk.times.capacity()));
            (rows as usize).checked_sub(room).filter(|lack| *lack > 0).map(|lack| (2 * before).min(MOST_ROWS).max(lack))
        };
        let each = || self.buckets.iter().zip(rows).map(|(chunks, rows)| wanted(chunks, *rows));
        let bytes = each().flatten().sum::<usize>() * layout.row_bytes::<D>();
        if !budget.grow(bytes) {
            return Err(Stop::OutOfMemory(bytes));
        }
        self.bytes += bytes;
        let capacities: Vec<Option<usize>> = each().collect();
        for (chunks, capacity) in self.buckets.iter_mut().zip(capacities) {
            chunks.extend(capacity.map(|rows| Chunk::with_capacity(rows, layout)));
        }
        Ok(())
    }

    /// The number of rows in a bucket, in memory and on disk.
    pub fn rows(&self, bucket: usize) -> usize {
        let held: usize = self.buckets[bucket].iter().map(|chunk| chunk.times.len()).sum();
        held + self.spilled.iter().map(|spilled| spilled.places[bucket].1).sum::<usize>()
    }

    /// Bytes of memory held by the chunks.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes all chunks to an empty file and returns their memory to the budget. Returns the number of bytes written.
    ///
    /// # Errors
    /// The disk is full.
    pub fn spill(&mut self, file: impl Scratch + 'static, budget: &dyn Budget) -> std::io::Result<u64> {
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        let (mut written, mut places, mut bytes) = (0, vec![], vec![]);
        for bucket in &mut self.buckets {
            let chunks = std::mem::take(bucket);
            let begin = written;
            for chunk in &chunks {
                for row in 0..chunk.times.len() {
                    bytes.clear();
                    bytes.extend(chunk.customer(row).to_le_bytes());
                    bytes.extend(chunk.times[row].to_le_bytes());
                    bytes.extend(chunk.ties.get(row).into_iter().flat_map(|tie| tie.to_le_bytes()));
                    chunk.details[row].write(&mut bytes);
                    writer.write_all(&bytes)?;
                    written += bytes.len() as u64;
                }
            }
            places.push((begin, chunks.iter().map(|chunk| chunk.times.len()).sum()));
        }
        let file = writer.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        self.spilled.push(Spilled { file: Mutex::new(Box::new(file)), places });
        budget.shrink(std::mem::take(&mut self.bytes));
        Ok(written)
    }
}

impl Spilled {
    fn read<D: Detail>(&self, bucket: usize, has_ties: bool) -> std::io::Result<Chunk<D>> {
        let (begin, rows) = self.places[bucket];
        let row_bytes = 16 + D::BYTES + if has_ties { 8 } else { 0 };
        let mut bytes = vec![0; rows * row_bytes];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(begin))?;
            file.read_exact(&mut bytes)?;
        }
        let mut keys = Vec::with_capacity(rows);
        let mut chunk = Chunk::with_capacity(rows, Layout { has_ties, base: None });
        let number = |from: &[u8]| from.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        for row in bytes.chunks_exact(row_bytes) {
            let (customer, rest) = row.split_at(8);
            let (time, mut rest) = rest.split_at(8);
            keys.push(number(customer));
            chunk.times.push(number(time) as i64);
            if has_ties {
                let (tie, after) = rest.split_at(8);
                chunk.ties.push(number(tie));
                rest = after;
            }
            chunk.details.push(D::read(rest));
        }
        chunk.customers = Keys::Any(keys);
        Ok(chunk)
    }
}

/// How the codes of one partition translate into those shared by all.
#[derive(Debug, Default)]
pub struct Maps {
    /// The shared key of each customer number; `None` if the keys are already the same in all partitions.
    pub customers: Option<Vec<u64>>,
    /// The rank of each tie-breaker.
    pub ties: Option<Vec<u32>>,
    /// The shared code of each code in the details.
    pub codes: Option<Vec<u32>>,
}

/// The rows of all partitions.
#[derive(Debug)]
pub struct Gathered<D> {
    parts: Vec<Part<D>>,
}

#[derive(Debug)]
struct Part<D> {
    has_ties: bool,
    buckets: Vec<Mutex<Vec<Chunk<D>>>>,
    spilled: Vec<Spilled>,
    maps: Maps,
}

impl<D: Detail> Gathered<D> {
    pub fn new(parts: impl IntoIterator<Item = (Gathering<D>, Maps)>) -> Self {
        let part = |(gathering, maps): (Gathering<D>, Maps)| Part {
            has_ties: gathering.layout.has_ties,
            buckets: gathering.buckets.into_iter().map(Mutex::new).collect(),
            spilled: gathering.spilled,
            maps,
        };
        Self { parts: parts.into_iter().map(part).collect() }
    }
}

/// Visits the customers of one bucket after another, with their events. Each worker creates one and reuses its buffers.
#[derive(Debug)]
pub struct Customers<D: Detail> {
    /// An open-addressing hash table of positions in `keys` and `ends`, by customer key.
    table: Vec<u32>,
    keys: Vec<u64>,
    /// Where the events of each customer end.
    ends: Vec<usize>,
    /// The customer of each row, as a position in `keys`.
    places: Vec<u32>,
    events: Vec<Event<D>>,
}

const EMPTY: u32 = u32::MAX;

impl<D: Detail> Default for Customers<D> {
    fn default() -> Self {
        Self { table: vec![], keys: vec![], ends: vec![], places: vec![], events: vec![] }
    }
}

impl<D: Detail> Customers<D> {
    /// Visits the customers of a bucket, each with its events: in order if `in_order`, otherwise in any. A bucket can be visited only
    /// once, because its memory is freed.
    ///
    /// Returns the number of pairs of neighbouring events that nothing orders: they differ, but have the same customer, time and
    /// tie-breaker.
    ///
    /// # Errors
    /// The budget is exhausted, the call is cancelled, spilled data cannot be read, or the visitor fails.
    pub fn visit(
        &mut self,
        gathered: &Gathered<D>,
        bucket: usize,
        in_order: bool,
        control: Control<'_>,
        mut visitor: impl FnMut(u64, &[Event<D>]) -> Result<(), Stop>,
    ) -> Result<u64, Stop> {
        let mut reserved = control.reserve(0)?;
        // The bytes that the chunks in memory took from the budget as they were gathered; those read back are in `reserved`.
        let (mut chunks, mut held) = (vec![], 0);
        for part in &gathered.parts {
            let mut own = std::mem::take(&mut *part.buckets[bucket].lock().unwrap_or_else(PoisonError::into_inner));
            held += own.iter().map(|chunk| chunk.bytes(part.has_ties)).sum::<usize>();
            for spilled in &part.spilled {
                // The rows are in memory twice: as bytes, and as columns.
                let layout = Layout { has_ties: part.has_ties, base: None };
                reserved.grow(2 * spilled.places[bucket].1 * layout.row_bytes::<D>())?;
                own.push(spilled.read(bucket, part.has_ties).map_err(|_| Stop::Unreadable)?);
            }
            chunks.extend(own.into_iter().map(|chunk| (chunk, &part.maps)));
        }
        let rows: usize = chunks.iter().map(|(chunk, _)| chunk.times.len()).sum();
        if rows >= EMPTY as usize {
            return Err(Stop::TooLarge);
        }
        // Also for the numbering of the customers, of whom there are at most as many as rows.
        reserved.grow(rows * (size_of::<Event<D>>() + 4 + 8))?;
        self.number(&chunks);
        control.check()?;
        self.lay_out(&chunks);
        drop(chunks);
        control.budget.shrink(held);
        let (mut begin, mut unordered) = (0, 0);
        for (index, key) in self.keys.iter().enumerate() {
            if index % 1024 == 0 {
                control.check()?;
            }
            let events = &mut self.events[begin..self.ends[index]];
            begin = self.ends[index];
            if in_order {
                if !events.is_sorted() {
                    events.sort_unstable();
                }
                let is_unordered =
                    |pair: &&[Event<D>]| (pair[0].time, pair[0].tie) == (pair[1].time, pair[1].tie) && pair[0] != pair[1];
                unordered += events.windows(2).filter(is_unordered).count() as u64;
            }
            visitor(*key, events)?;
        }
        Ok(unordered)
    }

    /// Numbers the customers in the order of their first rows, and counts their events.
    fn number(&mut self, chunks: &[(Chunk<D>, &Maps)]) {
        self.keys.clear();
        self.ends.clear();
        self.places.clear();
        self.table.clear();
        self.table.resize(1 << 12, EMPTY);
        for (chunk, maps) in chunks {
            match &chunk.customers {
                Keys::Near { base, differences } => {
                    self.count(differences.iter().map(|difference| base + u64::from(*difference)), maps);
                }
                Keys::Any(keys) => self.count(keys.iter().copied(), maps),
            }
        }
    }

    fn count(&mut self, customers: impl ExactSizeIterator<Item = u64>, maps: &Maps) {
        self.places.reserve(customers.len());
        let mut last = None;
        for customer in customers {
            let key = maps.customers.as_ref().map_or(customer, |keys| keys[customer as usize]);
            let place = match last {
                Some((last, place)) if last == key => place,
                _ => self.place(key),
            };
            last = Some((key, place));
            self.ends[place as usize] += 1;
            self.places.push(place);
        }
    }

    fn place(&mut self, key: u64) -> u32 {
        let mask = self.table.len() - 1;
        let mut slot = slot_of(key) & mask;
        loop {
            match self.table[slot] {
                EMPTY => break,
                place if self.keys[place as usize] == key => return place,
                _ => slot = (slot + 1) & mask,
            }
        }
        let place = self.keys.len() as u32;
        self.table[slot] = place;
        self.keys.push(key);
        self.ends.push(0);
        if 2 * self.keys.len() > self.table.len() {
            let length = 4 * self.table.len();
            self.table.clear();
            self.table.resize(length, EMPTY);
            for (place, key) in self.keys.iter().enumerate() {
                let mut slot = slot_of(*key) & (length - 1);
                while self.table[slot] != EMPTY {
                    slot = (slot + 1) & (length - 1);
                }
                self.table[slot] = place as u32;
            }
        }
        place
    }

    /// Moves the events of each customer next to one another: a counting sort by customer.
    fn lay_out(&mut self, chunks: &[(Chunk<D>, &Maps)]) {
        // Every place is written below, so what the previous bucket left there does not matter.
        let any = Event { time: 0, tie: D::Tie::default(), detail: D::default() };
        self.events.resize(self.places.len(), any);
        // While events are moved, `ends[customer]` is the position of the customer's next event; afterwards it is the end again.
        let mut begin = 0;
        for end in &mut self.ends {
            (*end, begin) = (begin, begin + *end);
        }
        let mut places = self.places.iter();
        for (chunk, maps) in chunks {
            for (row, place) in (0..chunk.times.len()).zip(&mut places) {
                let mut event = chunk.event(row);
                if let Some(ties) = &maps.ties {
                    event.tie = D::Tie::new(ties.get(event.tie.order() as usize).map_or(0, |rank| u64::from(*rank) + 1));
                }
                if let Some(codes) = &maps.codes {
                    event.detail = event.detail.recoded(codes);
                }
                let next = &mut self.ends[*place as usize];
                self.events[*next] = event;
                *next += 1;
            }
        }
    }
}

/// The hash table slot of a key; it uses other bits than the bucket, which are the same for all keys in it.
fn slot_of(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::kernels::control::unlimited::control;
    use crate::kernels::random::Random;

    /// A budget that only counts; it fails if more is returned than was taken.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Budget for Counting {
        fn grow(&self, bytes: usize) -> bool {
            self.0.fetch_add(bytes, Ordering::Relaxed);
            true
        }

        fn shrink(&self, bytes: usize) {
            assert!(self.0.fetch_sub(bytes, Ordering::Relaxed) >= bytes);
        }
    }

    /// Made-up rows, distributed over parts as if these had been read in parallel.
    fn gathered(rows: &[(u64, Event<u32>)], parts: usize, spill_after: usize, budget: &dyn Budget) -> Gathered<u32> {
        let gathering = |part: usize| {
            let mut gathering = Gathering::new(true);
            let own: Vec<_> = rows.iter().skip(part).step_by(parts).collect();
            for (count, own) in own.chunks(100).enumerate() {
                let customers: Vec<u64> = own.iter().map(|row| row.0).collect();
                let rows = Rows {
                    customers: &customers,
                    hashes: &customers,
                    times: &own.iter().map(|row| row.1.time).collect::<Vec<_>>(),
                    ties: Some(&own.iter().map(|row| row.1.tie).collect::<Vec<_>>()),
                    details: &own.iter().map(|row| Some(row.1.detail)).collect::<Vec<_>>(),
                };
                gathering.add(&rows, budget).unwrap();
                if (count + 1) % spill_after == 0 {
                    gathering.spill(tempfile::tempfile().unwrap(), budget).unwrap();
                }
            }
            (gathering, Maps::default())
        };
        Gathered::new((0..parts).map(gathering))
    }

    #[test]
    fn every_customer_is_visited_once_with_its_events_in_order() {
        let mut random = Random::new(5, &[]);
        let mut below = |bound: u64| random.below(bound);
        let rows: Vec<(u64, Event<u32>)> = (0..20_000)
            .map(|_| {
                let event = Event { time: below(50) as i64 - 25, tie: below(3), detail: below(4) as u32 };
                (below(700).wrapping_mul(0x1_0000_0001), event)
            })
            .collect();
        let mut expected: BTreeMap<u64, Vec<Event<u32>>> = BTreeMap::new();
        for (customer, event) in &rows {
            expected.entry(*customer).or_default().push(*event);
        }
        expected.values_mut().for_each(|events| events.sort());
        for (parts, spill_after) in [(1, usize::MAX), (3, usize::MAX), (2, 7)] {
            let budget = Counting::default();
            let control = Control { budget: &budget, ..control(1) };
            let gathered = gathered(&rows, parts, spill_after, &budget);
            let mut found = BTreeMap::new();
            let mut customers = Customers::default();
            let mut unordered = 0;
            for bucket in 0..BUCKETS {
                unordered += customers
                    .visit(&gathered, bucket, true, control, |key, events| {
                        assert!(found.insert(key, events.to_vec()).is_none());
                        Ok(())
                    })
                    .unwrap();
            }
            assert_eq!(found, expected);
            assert_eq!(budget.0.into_inner(), 0, "every byte is returned once");
            let differs = |pair: &&[Event<u32>]| pair[0].time == pair[1].time && pair[0].tie == pair[1].tie && pair[0] != pair[1];
            assert_eq!(unordered, expected.values().map(|events| events.windows(2).filter(differs).count() as u64).sum::<u64>());
        }
    }
}
