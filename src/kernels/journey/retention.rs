//! Retention: in which periods after their first event customers come back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::events::{Detail, Event};

/// What retention needs to know about an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The event can be a customer's first, which assigns the customer to a cohort.
    pub enters: bool,
    /// The event counts as coming back.
    pub returns: bool,
}

impl Detail for Part {
    type Tie = ();

    const BYTES: usize = 1;

    fn write(&self, to: &mut Vec<u8>) {
        to.push(u8::from(self.enters) | u8::from(self.returns) << 1);
    }

    fn read(from: &[u8]) -> Self {
        let bits = from.first().copied().unwrap_or(0);
        Self { enters: bits & 1 == 1, returns: bits & 2 == 2 }
    }
}

/// A detail from which retention can be computed.
pub trait OfPart: Detail {
    fn part(&self) -> Part;

    /// The code of the customer's group, if this is the customer's first event.
    fn group(&self) -> u32 {
        0
    }
}

impl OfPart for Part {
    fn part(&self) -> Part {
        *self
    }
}

/// Every event can be the first, and counts as coming back.
impl OfPart for () {
    fn part(&self) -> Part {
        Part { enters: true, returns: true }
    }
}

/// An event and its group. Among simultaneous events, the smallest group comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupedPart {
    pub group: u32,
    pub part: Part,
}

impl Detail for GroupedPart {
    type Tie = ();

    const BYTES: usize = 4 + Part::BYTES;

    fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.group.to_le_bytes());
        self.part.write(to);
    }

    fn read(from: &[u8]) -> Self {
        let (group, part) = from.split_at_checked(4).unwrap_or_default();
        Self { group: u32::from_le_bytes(group.try_into().unwrap_or_default()), part: Part::read(part) }
    }

    fn recoded(self, codes: &[u32]) -> Self {
        Self { group: codes.get(self.group as usize).copied().unwrap_or(self.group), ..self }
    }
}

impl OfPart for GroupedPart {
    fn part(&self) -> Part {
        self.part
    }

    fn group(&self) -> u32 {
        self.group
    }
}

/// The length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    Day,
    /// Weeks begin on Monday.
    Week,
    Month,
}

impl Period {
    /// The number of the period that contains a day; period 0 contains 1970-01-01. Days are counted from there.
    pub fn of_day(self, day: i64) -> i64 {
        match self {
            Self::Day => day,
            // 1970-01-01 was a Thursday.
            Self::Week => (day + 3).div_euclid(7),
            Self::Month => {
                // Years that begin in March, so that the leap day is the last day of a year (Howard Hinnant, chrono-compatible date
                // algorithms).
                let shifted = day + 719_468;
                let era = shifted.div_euclid(146_097);
                let of_era = shifted.rem_euclid(146_097);
                let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
                let of_year = of_era - (365 * year + year / 4 - year / 100);
                let from_march = (5 * of_year + 2) / 153;
                (year + era * 400 - 1970) * 12 + from_march + 2
            }
        }
    }

    /// The first day of a period.
    pub fn first_day(self, period: i64) -> i64 {
        match self {
            Self::Day => period,
            Self::Week => period * 7 - 3,
            Self::Month => {
                let from_march = period - 2;
                let (year, month) = (from_march.div_euclid(12) + 1970, from_march.rem_euclid(12));
                let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
                era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 - 719_468
            }
        }
    }
}

/// When a customer counts as having come back in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// The customer came back in that period.
    On,
    /// The customer came back in that period or an earlier one after period 0.
    OnOrBefore,
    /// The customer came back in that period or a later one.
    Rolling,
}

/// The customers of one group whose first events lie in the same period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cohort {
    pub size: i64,
    /// How many came back in period 0 (that of the first event), 1, 2, ….
    pub returned: Vec<i64>,
    /// When each of these periods begins, and when the last one ends.
    bounds: Vec<i64>,
}

/// Cohorts by group and first period.
#[derive(Debug, Default)]
pub struct Cohorts {
    pub cohorts: BTreeMap<(u32, i64), Cohort>,
    /// The time of the last event of all customers.
    last: Option<i64>,
    came: Vec<bool>,
}

impl Cohorts {
    /// Adds the events of a customer, in any order. Times are counted from 1970, with `per_day` units per day.
    pub fn add<D: OfPart>(&mut self, events: &[Event<D>], period: Period, mode: Mode, periods: usize, per_day: i64) {
        self.last = self.last.max(events.iter().map(|event| event.time).max());
        let Some(first) = events.iter().filter(|event| event.detail.part().enters).min() else { return };
        let begin = period.of_day(first.time.div_euclid(per_day));
        let cohort = self.cohorts.entry((first.detail.group(), begin)).or_insert_with(|| {
            let bound = |place: usize| period.first_day(begin + place as i64).saturating_mul(per_day);
            Cohort { size: 0, returned: vec![0; periods + 1], bounds: (0..periods + 2).map(bound).collect() }
        });
        cohort.size += 1;
        self.came.clear();
        self.came.resize(periods + 1, false);
        let mut comes_later = false;
        // Most events are in the same period as the one before, and need not be looked up.
        let mut known = 0..0;
        for event in events.iter().filter(|event| event.detail.part().returns) {
            if known.contains(&event.time) || event < first {
                continue;
            }
            // The first event, and with it this one, is not before the first bound.
            let place = cohort.bounds.partition_point(|bound| *bound <= event.time).saturating_sub(1);
            match self.came.get_mut(place) {
                Some(came) => {
                    *came = true;
                    known = cohort.bounds[place]..cohort.bounds[place + 1];
                }
                None => {
                    comes_later = true;
                    known = cohort.bounds[place]..i64::MAX;
                }
            }
        }
        match mode {
            Mode::On => {}
            Mode::OnOrBefore => {
                let first = self.came.iter().skip(1).position(|came| *came).map_or(periods + 1, |place| place + 1);
                self.came[first..].fill(true);
            }
            Mode::Rolling => {
                let last = if comes_later { Some(periods) } else { self.came.iter().rposition(|came| *came) };
                self.came[..last.map_or(0, |last| last + 1)].fill(true);
            }
        }
        cohort.returned.iter_mut().zip(&self.came).for_each(|(returned, came)| *returned += i64::from(*came));
    }

    /// The last period in which any customer has an event.
    pub fn last(&self, period: Period, per_day: i64) -> Option<i64> {
        self.last.map(|time| period.of_day(time.div_euclid(per_day)))
    }

    /// Adds the cohorts of another worker.
    pub fn join(&mut self, other: Self) {
        self.last = self.last.max(other.last);
        for (key, cohort) in other.cohorts {
            match self.cohorts.get_mut(&key) {
                None => {
                    self.cohorts.insert(key, cohort);
                }
                Some(own) => {
                    own.size += cohort.size;
                    own.returned.iter_mut().zip(cohort.returned).for_each(|(own, other)| *own += other);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_with_their_first_day() {
        for day in (-800_000..800_000).step_by(17) {
            for period in [Period::Day, Period::Week, Period::Month] {
                let number = period.of_day(day);
                let (first, next) = (period.first_day(number), period.first_day(number + 1));
                assert!((first..next).contains(&day), "{period:?} {day}");
                assert_eq!(period.of_day(first), number);
            }
        }
        assert_eq!(Period::Month.of_day(0), 0);
        assert_eq!(Period::Month.of_day(20_783), 56 * 12 + 10, "2026-11-26");
        assert_eq!(Period::Week.first_day(Period::Week.of_day(20_783)), 20_780, "a Monday");
    }

    #[test]
    fn groups_have_cohorts_of_their_own() {
        let event = |time: i64, group: u32| Event {
            time,
            tie: (),
            detail: GroupedPart { group, part: Part { enters: true, returns: true } },
        };
        let mut cohorts = Cohorts::default();
        // The group is that of the customer's first event.
        cohorts.add(&[event(1, 7), event(2, 9)], Period::Day, Mode::On, 1, 1);
        cohorts.add(&[event(1, 9)], Period::Day, Mode::On, 1, 1);
        let found: Vec<_> = cohorts.cohorts.iter().map(|(key, cohort)| (*key, cohort.size, cohort.returned.clone())).collect();
        assert_eq!(found, [((7, 1), 1, vec![1, 1]), ((9, 1), 1, vec![1, 0])]);
        let mut bytes = vec![];
        event(0, 70_000).detail.write(&mut bytes);
        assert_eq!((bytes.len(), GroupedPart::read(&bytes)), (GroupedPart::BYTES, event(0, 70_000).detail));
    }

    fn returned(days: &[i64], mode: Mode) -> Vec<i64> {
        let event = |day: &i64| Event { time: *day, tie: (), detail: Part { enters: true, returns: true } };
        let mut cohorts = Cohorts::default();
        cohorts.add(&days.iter().map(event).collect::<Vec<_>>(), Period::Day, mode, 3, 1);
        cohorts.cohorts.into_values().next().map(|cohort| cohort.returned).unwrap_or_default()
    }

    #[test]
    fn modes_as_documented() {
        assert_eq!(returned(&[5, 7], Mode::On), [1, 0, 1, 0]);
        assert_eq!(returned(&[5, 7], Mode::OnOrBefore), [1, 0, 1, 1]);
        assert_eq!(returned(&[5, 7], Mode::Rolling), [1, 1, 1, 0]);
        assert_eq!(returned(&[5, 99], Mode::On), [1, 0, 0, 0]);
        assert_eq!(returned(&[5, 99], Mode::OnOrBefore), [1, 0, 0, 0]);
        assert_eq!(returned(&[5, 99], Mode::Rolling), [1, 1, 1, 1]);
        assert!(returned(&[], Mode::On).is_empty());
    }
}
