//! Sessions: runs of a customer's events without a long pause.

use super::events::{Detail, Event};

/// How an event bounds sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounds {
    /// The event begins a new session, however short the pause before it.
    pub starts: bool,
    /// The event is the last of its session.
    pub ends: bool,
}

impl Detail for Bounds {
    type Tie = u64;

    const BYTES: usize = 1;

    fn write(&self, to: &mut Vec<u8>) {
        to.push(u8::from(self.starts) | u8::from(self.ends) << 1);
    }

    fn read(from: &[u8]) -> Self {
        let bits = from.first().copied().unwrap_or(0);
        Self { starts: bits & 1 == 1, ends: bits & 2 == 2 }
    }
}

/// A detail that may bound sessions.
pub trait OfBounds: Detail {
    fn bounds(&self) -> Bounds;
}

impl OfBounds for Bounds {
    fn bounds(&self) -> Bounds {
        *self
    }
}

/// Only pauses bound sessions.
impl OfBounds for () {
    fn bounds(&self) -> Bounds {
        Bounds::default()
    }
}

/// A run of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    pub start: i64,
    pub end: i64,
    pub events: i64,
}

/// Calls `visit` for each session of a customer, in order. A session ends before a pause longer than `gap`, before an event that starts
/// one, and after an event that ends one.
pub fn sessions<D: OfBounds, E>(events: &[Event<D>], gap: i64, mut visit: impl FnMut(Session) -> Result<(), E>) -> Result<(), E> {
    let Some((first, rest)) = events.split_first() else { return Ok(()) };
    let begun = |event: &Event<D>| Session { start: event.time, end: event.time, events: 1 };
    let (mut open, mut has_ended) = (begun(first), first.detail.bounds().ends);
    for event in rest {
        let Bounds { starts, ends } = event.detail.bounds();
        if has_ended || starts || event.time.saturating_sub(open.end) > gap {
            visit(open)?;
            open = begun(event);
        } else {
            open.end = event.time;
            open.events += 1;
        }
        has_ended = ends;
    }
    visit(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rows: &[(i64, &str)], gap: i64) -> Vec<(i64, i64, i64)> {
        let event = |(time, text): &(i64, &str)| Event {
            time: *time,
            tie: 0,
            detail: Bounds { starts: text.contains('s'), ends: text.contains('e') },
        };
        let events: Vec<_> = rows.iter().map(event).collect();
        let mut found = vec![];
        sessions(&events, gap, |session| {
            found.push((session.start, session.end, session.events));
            Ok::<_, ()>(())
        })
        .unwrap();
        found
    }

    #[test]
    fn a_pause_longer_than_the_gap_ends_a_session() {
        assert_eq!(found(&[], 5), []);
        assert_eq!(found(&[(1, "")], 5), [(1, 1, 1)]);
        assert_eq!(found(&[(0, ""), (5, ""), (11, ""), (11, "")], 5), [(0, 5, 2), (11, 11, 2)]);
        assert_eq!(found(&[(i64::MIN, ""), (i64::MAX, "")], 5), [(i64::MIN, i64::MIN, 1), (i64::MAX, i64::MAX, 1)]);
    }

    #[test]
    fn events_start_and_end_sessions() {
        assert_eq!(found(&[(0, ""), (1, "s"), (2, ""), (3, "s")], 5), [(0, 0, 1), (1, 2, 2), (3, 3, 1)]);
        assert_eq!(found(&[(0, ""), (1, "e"), (2, ""), (3, "e"), (4, "e")], 5), [(0, 1, 2), (2, 3, 2), (4, 4, 1)]);
        assert_eq!(found(&[(0, "se"), (0, "se")], 5), [(0, 0, 1), (0, 0, 1)]);
    }
}
