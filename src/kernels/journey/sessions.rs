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
    const BYTES: usize = 1;

    fn write(&self, to: &mut Vec<u8>) {
        to.push(u8::from(self.starts) | u8::from(self.ends) << 1);
    }

    fn read(from: &[u8]) -> Self {
        let bits = from.first().copied().unwrap_or(0);
        Self { starts: bits & 1 == 1, ends: bits & 2 == 2 }
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
pub fn sessions<E>(events: &[Event<Bounds>], gap: i64, mut visit: impl FnMut(Session) -> Result<(), E>) -> Result<(), E> {
    let mut open: Option<(Session, bool)> = None;
    for event in events {
        open = match open.take() {
            Some((session, false)) if !event.detail.starts && event.time.saturating_sub(session.end) <= gap => {
                Some((Session { end: event.time, events: session.events + 1, ..session }, event.detail.ends))
            }
            before => {
                if let Some((session, _)) = before {
                    visit(session)?;
                }
                Some((Session { start: event.time, end: event.time, events: 1 }, event.detail.ends))
            }
        };
    }
    open.map_or(Ok(()), |(session, _)| visit(session))
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
