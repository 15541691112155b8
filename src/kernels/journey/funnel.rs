//! How far a customer gets along the steps of a funnel, within a window that begins with the first step.
//!
//! The events of a customer are scanned once, in order. For each step, the chains that reached it are represented by their
//! start: of two chains that could continue in the same way, the one that started later is kept, because its window ends
//! later. An event counts for every step whose condition it matches, in the order of the steps; events at the same time
//! without another order are processed in the order of the steps too. The modes follow ClickHouse's `windowFunnel`, whose scan
//! they end or restrict. Unlike there, every chain that may still win is kept, so that `strict_increase` does not lose a chain
//! to an event at the same time, and the result does not depend on the order of rows.

use serde::{Deserialize, Serialize};

use super::events::{Detail, Event};
use crate::kernels::control::Stop;

/// The most steps a funnel can have: one bit per step in a mask.
pub const MOST_STEPS: usize = 32;
/// The most chains kept per step; more means too many ways to assign simultaneous events to steps.
const MOST_CHAINS: usize = 4096;

/// The modes: what ends the scan, or keeps an event from counting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modes {
    /// The scan ends when a step that was already reached comes again; the first step may come again.
    pub strict_deduplication: bool,
    /// Once the first step was reached, an event that matches no step, or a step whose turn has not come, ends the scan.
    pub strict_order: bool,
    /// Each step must be strictly later than the one before.
    pub strict_increase: bool,
    /// An event counts for only one step of a chain.
    pub strict_once: bool,
    /// With `strict_order`: an event of a step whose turn has not come is skipped instead of ending the scan.
    pub allow_reentry: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funnel {
    pub steps: usize,
    /// The most time between the first step and the last, in the unit of the event times.
    pub within: i64,
    pub modes: Modes,
}

/// The steps whose conditions an event matches.
pub trait Fulfils: Detail {
    /// One bit per step; the first step is the lowest bit.
    fn steps(self) -> u32;

    /// The group that a chain belongs to if it begins with this event.
    fn group(self) -> Group {
        (0, 0)
    }
}

/// The code of a group, and a period.
pub type Group = (u32, i32);

impl Fulfils for u32 {
    fn steps(self) -> u32 {
        self
    }
}

/// The steps an event matches, and the group and period of a chain that begins with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grouped {
    pub steps: u32,
    pub group: u32,
    pub period: i32,
}

impl Detail for Grouped {
    type Tie = u64;

    const BYTES: usize = 12;

    fn write(&self, to: &mut Vec<u8>) {
        self.steps.write(to);
        self.group.write(to);
        to.extend(self.period.to_le_bytes());
    }

    fn read(from: &[u8]) -> Self {
        let (steps, rest) = from.split_at(4);
        let (group, period) = rest.split_at(4);
        Self { steps: u32::read(steps), group: u32::read(group), period: u32::read(period) as i32 }
    }

    fn recoded(self, codes: &[u32]) -> Self {
        Self { group: codes[self.group as usize], ..self }
    }
}

impl Fulfils for Grouped {
    fn steps(self) -> u32 {
        self.steps
    }

    fn group(self) -> Group {
        (self.group, self.period)
    }
}

/// Finds the deepest chain of a customer. Its buffers are reused from one customer to the next.
#[derive(Debug, Default)]
pub struct Scan {
    /// The times of the steps of the deepest chain.
    best: Vec<i64>,
    /// Without modes: for each step, the latest start of a chain that reached it; in `times`, a row per step with the times of that
    /// chain.
    starts: Vec<Option<i64>>,
    times: Vec<i64>,
    /// With modes: for each step, the chains that reached it.
    chains: Vec<Vec<Chain>>,
    entries: Vec<(usize, usize)>,
}

/// The steps that a chain has done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Chain {
    times: Vec<i64>,
    /// The simultaneous events it has used, as ascending positions among the events at the current time.
    used: Vec<usize>,
}

impl Chain {
    fn start(&self) -> i64 {
        self.times.first().copied().unwrap_or(i64::MIN)
    }

    fn last(&self) -> i64 {
        self.times.last().copied().unwrap_or(i64::MIN)
    }
}

impl Scan {
    /// Scans the events of a customer, in order, for chains that begin with an event for which `may_start` is true. Returns the number of
    /// steps of the deepest chain.
    ///
    /// # Errors
    /// Too many simultaneous events match too many steps.
    pub fn run<D: Fulfils>(
        &mut self,
        funnel: &Funnel,
        events: &[Event<D>],
        may_start: impl Fn(D) -> bool,
    ) -> Result<usize, Stop> {
        self.best.clear();
        if funnel.modes == Modes::default() {
            self.plain(funnel, events, may_start);
        } else {
            self.strict(funnel, events, may_start)?;
        }
        Ok(self.best.len())
    }

    /// Scans the events of a customer once per group in which a chain begins.
    ///
    /// # Errors
    /// Those of [`Self::run`], and those of the visitor.
    pub fn each_group<D: Fulfils>(
        &mut self,
        funnel: &Funnel,
        events: &[Event<D>],
        mut visit: impl FnMut(Group, &[i64]) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let starts = || events.iter().filter(|event| event.detail.steps() & 1 == 1);
        let Some(first) = starts().next().map(|event| event.detail.group()) else { return Ok(()) };
        if starts().all(|event| event.detail.group() == first) {
            self.run(funnel, events, |_| true)?;
            return visit(first, self.best_times());
        }
        let mut groups: Vec<Group> = starts().map(|event| event.detail.group()).collect();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            self.run(funnel, events, |detail| detail.group() == group)?;
            visit(group, self.best_times())?;
        }
        Ok(())
    }

    /// The time of each step of the deepest chain. Among chains of equal depth, this is the one that reached the depth first; among
    /// those, the one that started last.
    pub fn best_times(&self) -> &[i64] {
        &self.best
    }

    /// The scan without modes: one start per step is enough, because of two chains at the same step the later one has more time left.
    fn plain<D: Fulfils>(&mut self, funnel: &Funnel, events: &[Event<D>], may_start: impl Fn(D) -> bool) {
        let steps = funnel.steps;
        self.starts.clear();
        self.starts.resize(steps, None);
        self.times.resize(steps * steps, 0);
        let mut rest = events;
        while let Some(first) = rest.first() {
            let time = first.time;
            let mut bits = of_start(first.detail, &may_start);
            let mut count = 1;
            while let Some(next) = rest.get(count).filter(|next| (next.time, next.tie) == (time, first.tie)) {
                bits |= of_start(next.detail, &may_start);
                count += 1;
            }
            rest = &rest[count..];
            while bits != 0 {
                let step = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let row = step * steps;
                if step == 0 {
                    // Each reached step's row of `times` holds the times of the whole chain up to that step.
                    self.starts[0] = Some(time);
                } else {
                    match self.starts[step - 1] {
                        Some(start) if time.saturating_sub(start) <= funnel.within => self.starts[step] = Some(start),
                        _ => continue,
                    }
                    self.times.copy_within(row - steps..row - steps + step, row);
                }
                self.times[row + step] = time;
                if step >= self.best.len() {
                    self.best.clear();
                    self.best.extend_from_slice(&self.times[row..=row + step]);
                    if step + 1 == steps {
                        return;
                    }
                }
            }
        }
    }

    /// The scan with modes: several chains per step, because the one that started last may not be the one that can go on.
    fn strict<D: Fulfils>(&mut self, funnel: &Funnel, events: &[Event<D>], may_start: impl Fn(D) -> bool) -> Result<(), Stop> {
        let modes = funnel.modes;
        self.chains.resize_with(funnel.steps, Vec::new);
        self.chains.iter_mut().for_each(Vec::clear);
        for together in events.chunk_by(|one, other| (one.time, one.tie) == (other.time, other.tie)) {
            // Positions of used events and the order of pruning refer to one point in time only.
            for chains in &mut self.chains {
                chains.iter_mut().for_each(|chain| chain.used.clear());
                prune(chains, modes);
            }
            let mut entries = std::mem::take(&mut self.entries);
            entries.clear();
            for (place, event) in together.iter().enumerate() {
                let mut bits = of_start(event.detail, &may_start);
                if event.detail.steps() == 0 {
                    entries.push((0, place));
                }
                while bits != 0 {
                    entries.push((1 + bits.trailing_zeros() as usize, place));
                    bits &= bits - 1;
                }
            }
            entries.sort_unstable();
            let is_over = self.together(funnel, together, &entries)?;
            self.entries = entries;
            if is_over {
                break;
            }
        }
        Ok(())
    }

    /// Processes the events at one time. `entries` are pairs of a step number from 1, or 0 for an event of no step, and the event's
    /// position in `together`; true when the scan is over.
    fn together<D: Fulfils>(&mut self, funnel: &Funnel, together: &[Event<D>], entries: &[(usize, usize)]) -> Result<bool, Stop> {
        let modes = funnel.modes;
        let time = together.first().map_or(0, |event| event.time);
        for (number, place) in entries {
            let has_begun = !self.chains[0].is_empty();
            let Some(step) = number.checked_sub(1) else {
                if modes.strict_order && has_begun {
                    return Ok(true);
                }
                continue;
            };
            let mut longer = vec![];
            if step == 0 {
                longer.push(Chain { times: vec![time], used: vec![*place] });
            } else {
                if modes.strict_deduplication && !self.chains[step].is_empty() {
                    return Ok(true);
                }
                if self.chains[step - 1].is_empty() {
                    if modes.strict_order && has_begun && !modes.allow_reentry {
                        return Ok(true);
                    }
                    continue;
                }
                // Among events that match the same steps, only the first unused one is taken: they are interchangeable, and trying each
                // would multiply the chains.
                let has_twin = *place > 0 && together[place - 1].detail.steps() == together[*place].detail.steps();
                for chain in &self.chains[step - 1] {
                    let is_used = modes.strict_once && chain.used.contains(place);
                    let is_twins_turn = modes.strict_once && has_twin && !chain.used.contains(&(place - 1));
                    let is_late = time.saturating_sub(chain.start()) > funnel.within;
                    let is_at_once = modes.strict_increase && chain.last() >= time;
                    if is_used || is_twins_turn || is_late || is_at_once {
                        continue;
                    }
                    let mut next = chain.clone();
                    next.times.push(time);
                    next.used.push(*place);
                    next.used.sort_unstable();
                    longer.push(next);
                }
            }
            if let Some(best) = longer.iter().max_by_key(|chain| chain.start()).filter(|_| step >= self.best.len()) {
                self.best.clone_from(&best.times);
                if step + 1 == funnel.steps {
                    return Ok(true);
                }
            }
            self.chains[step].append(&mut longer);
            prune(&mut self.chains[step], modes);
            if self.chains[step].len() > MOST_CHAINS {
                return Err(Stop::TooMany);
            }
        }
        Ok(false)
    }
}

/// The steps an event matches, without the first if no chain may begin with it.
fn of_start<D: Fulfils>(detail: D, may_start: &impl Fn(D) -> bool) -> u32 {
    let steps = detail.steps();
    if steps & 1 == 1 && !may_start(detail) { steps & !1 } else { steps }
}

/// Removes chains for which there is one at least as good: it started no earlier, its last step is no later (if that matters), and it has
/// used no event that the other has left.
fn prune(chains: &mut Vec<Chain>, modes: Modes) {
    let does_as_well = |one: &Chain, other: &Chain| {
        one.start() >= other.start()
            && (!modes.strict_increase || one.last() <= other.last())
            && (!modes.strict_once || one.used.iter().all(|place| other.used.contains(place)))
    };
    let mut place = 0;
    while place < chains.len() {
        let is_needless = chains.iter().enumerate().any(|(index, chain)| {
            index != place && does_as_well(chain, &chains[place]) && (index < place || !does_as_well(&chains[place], chain))
        });
        if is_needless {
            chains.remove(place);
        } else {
            place += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;

    fn events(rows: &[(i64, u32)]) -> Vec<Event<u32>> {
        let mut events: Vec<_> = rows.iter().map(|(time, detail)| Event { time: *time, tie: 0, detail: *detail }).collect();
        events.sort();
        events
    }

    /// One event per letter, one second apart; `a` is the first step.
    fn letters(text: &str) -> Vec<Event<u32>> {
        let rows: Vec<(i64, u32)> =
            text.bytes().zip(1..).map(|(letter, time)| (time, if letter == b'x' { 0 } else { 1 << (letter - b'a') })).collect();
        events(&rows)
    }

    fn depth(steps: usize, within: i64, modes: Modes, events: &[Event<u32>]) -> usize {
        let mask = (1_u32 << steps) - 1;
        let events: Vec<_> = events.iter().map(|event| Event { detail: event.detail & mask, ..*event }).collect();
        let mut scan = Scan::default();
        let depth = scan.run(&Funnel { steps, within, modes }, &events, |_| true).unwrap();
        assert!(scan.best_times().is_sorted() && scan.best_times().len() == depth);
        depth
    }

    const ORDER: Modes = Modes {
        strict_order: true,
        strict_deduplication: false,
        strict_increase: false,
        strict_once: false,
        allow_reentry: false,
    };

    #[test]
    fn modes_as_documented() {
        let reentry = Modes { allow_reentry: true, ..ORDER };
        let deduplication = Modes { strict_deduplication: true, ..Modes::default() };
        for (text, plain, order, reentered, deduplicated) in [
            ("abac", 3, 3, 3, 3),
            ("ababc", 3, 3, 3, 2),
            ("abcbd", 3, 3, 3, 3),
            ("acb", 2, 1, 2, 2),
            ("aabbcc", 3, 3, 3, 2),
            ("adbc", 3, 1, 1, 3),
            ("abdc", 3, 2, 2, 3),
            ("ab", 2, 2, 2, 2),
            ("cba", 1, 1, 1, 1),
            ("xxx", 0, 0, 0, 0),
        ] {
            let found = [Modes::default(), ORDER, reentry, deduplication].map(|modes| depth(3, 100, modes, &letters(text)));
            assert_eq!(found, [plain, order, reentered, deduplicated], "{text}");
        }
    }

    #[test]
    fn an_event_counts_for_each_step_or_once() {
        let once = Modes { strict_once: true, ..Modes::default() };
        let increase = Modes { strict_increase: true, ..Modes::default() };
        let all = events(&[(5, 0b111)]);
        assert_eq!([Modes::default(), once, increase].map(|modes| depth(3, 10, modes, &all)), [3, 1, 1]);
        // When the first step is repeated at the time of the second, the earlier chain is kept.
        assert_eq!(depth(2, 10, increase, &events(&[(0, 1), (1, 1), (1, 2)])), 2);
        // Two simultaneous events that each match both steps make two steps.
        assert_eq!(depth(2, 10, once, &events(&[(1, 3), (1, 3)])), 2);
        assert_eq!(depth(3, 10, once, &events(&[(1, 0b011), (1, 0b101), (1, 0b110)])), 3);
    }

    /// All chains, without pruning.
    fn naive(funnel: &Funnel, events: &[Event<u32>]) -> usize {
        let modes = funnel.modes;
        let mut entries: Vec<(i64, u64, usize, usize)> = vec![];
        for (index, event) in events.iter().enumerate() {
            if event.detail == 0 {
                entries.push((event.time, event.tie, 0, index));
            }
            entries.extend(
                (0..funnel.steps)
                    .filter(|step| event.detail >> step & 1 == 1)
                    .map(|step| (event.time, event.tie, step + 1, index)),
            );
        }
        entries.sort_unstable();
        let mut chains: Vec<Vec<usize>> = vec![];
        for (time, _, number, index) in entries {
            let reached = |steps: usize| chains.iter().any(|chain| chain.len() >= steps);
            if number == 0 {
                if modes.strict_order && reached(1) {
                    break;
                }
                continue;
            }
            if number == 1 {
                chains.push(vec![index]);
                continue;
            }
            if modes.strict_deduplication && reached(number) {
                break;
            }
            if modes.strict_order && reached(1) && !reached(number - 1) && !modes.allow_reentry {
                break;
            }
            let longer: Vec<Vec<usize>> = chains
                .iter()
                .filter(|chain| {
                    chain.len() == number - 1
                        && time - events[chain[0]].time <= funnel.within
                        && (!modes.strict_once || !chain.contains(&index))
                        && (!modes.strict_increase || events[chain[number - 2]].time < time)
                })
                .map(|chain| chain.iter().copied().chain([index]).collect())
                .collect();
            chains.extend(longer);
        }
        chains.iter().map(Vec::len).max().unwrap_or(0)
    }

    #[test]
    fn the_deepest_of_all_chains_is_found() {
        let mut random = Random::new(21, &[]);
        for _ in 0..20_000 {
            let steps = 1 + random.below(4) as usize;
            let mut flag = |bit: u64| random.below(4) == bit;
            let modes = Modes {
                strict_deduplication: flag(0),
                strict_order: flag(1),
                strict_increase: flag(2),
                strict_once: flag(3),
                allow_reentry: flag(0),
            };
            let is_dense = flag(1);
            let funnel = Funnel { steps, within: random.below(8) as i64, modes };
            let mut rows = vec![];
            for _ in 0..random.below(8) {
                let mut mask = 1 << random.below(steps as u64 + 1);
                if is_dense {
                    mask |= 1 << random.below(steps as u64 + 1);
                }
                rows.push((random.below(9) as i64, mask & ((1_u32 << steps) - 1)));
            }
            let mut events = events(&rows);
            if random.below(2) == 0 {
                events.iter_mut().for_each(|event| event.tie = random.below(3));
                events.sort();
            }
            let depth = Scan::default().run(&funnel, &events, |_| true).unwrap();
            assert_eq!(depth, naive(&funnel, &events), "{funnel:?} {events:?}");
        }
    }
}
