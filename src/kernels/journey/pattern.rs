//! Patterns over the events of a customer: `(?1).*(?t<=3600)(?2)`.
//!
//! A pattern is a chain of parts, like a regular expression, over events that each match some of up to 32 conditions. It is
//! matched by following all readings of the pattern at once, event by event: the state is the set of parts that may come next,
//! and for each of them the times that later time conditions are measured from. So no pattern takes exponential time, with any
//! number of `.*`.
//!
//! Of these times, only those that can still make a difference are kept: the earliest for `>` and `>=`, the latest for `<` and
//! `<=`, and those that are not yet too old for `==`.

use std::collections::VecDeque;

/// How many conditions a pattern can name.
pub const MOST_CONDITIONS: usize = 32;
/// How many parts a pattern may have.
const MOST_PARTS: usize = 256;

/// How the time since the previous matched event is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

impl Op {
    fn holds(self, passed: i128, length: i128) -> bool {
        match self {
            Self::Less => passed < length,
            Self::LessOrEqual => passed <= length,
            Self::Equal => passed == length,
            Self::GreaterOrEqual => passed >= length,
            Self::Greater => passed > length,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// `(?N)`: an event that fulfils the condition.
    Condition(usize),
    /// `.`: any event.
    Any,
    /// `.*`: any events, or none.
    Many,
    /// `(?t<=N)`: skips any number of events, until the time between the last matched event and the next one satisfies the comparison.
    /// The next event is not consumed: the following part matches it.
    Time(Op, i64),
}

/// A parsed pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

/// Which times of the previous matched event are kept while a part is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Any one of them: no time condition follows.
    Any,
    Earliest,
    Latest,
    /// All of the last time units, this many.
    Recent(i64),
}

impl Pattern {
    /// Parses a pattern that may refer to conditions `1..=conditions`.
    ///
    /// # Errors
    /// The message says what is wrong, where, and what to write instead.
    pub fn read(text: &str, conditions: usize) -> Result<Self, String> {
        let mut parts = vec![];
        let mut rest = text;
        while !rest.is_empty() {
            let place = text.len() - rest.len() + 1;
            let unknown = || {
                let near: String = rest.chars().take(12).collect();
                format!(
                    "pattern is made of (?1), (?2) …, ., .* and (?t>=10), with >=, >, <, <= or ==; at character {place} it has '{near}'"
                )
            };
            if let Some(after) = rest.strip_prefix(".*") {
                parts.push(Part::Many);
                rest = after;
            } else if let Some(after) = rest.strip_prefix('.') {
                parts.push(Part::Any);
                rest = after;
            } else {
                let (inside, after) = rest.strip_prefix("(?").and_then(|inner| inner.split_once(')')).ok_or_else(unknown)?;
                rest = after;
                if let Some(comparison) = inside.strip_prefix('t') {
                    let (op, seconds) = comparison_of(comparison).ok_or_else(unknown)?;
                    if !matches!(parts.last(), Some(Part::Condition(_) | Part::Any)) {
                        return Err(format!(
                            "a time condition measures from the event right before it, and (?{inside}) has none; write (?1)(?{inside})(?2), where \
                             anything may lie between the two"
                        ));
                    }
                    parts.push(Part::Time(op, seconds));
                } else {
                    let is_number = !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit());
                    let number: usize = if is_number { inside.parse().unwrap_or(usize::MAX) } else { return Err(unknown()) };
                    if !(1..=conditions).contains(&number) {
                        let has = if conditions == 1 { "1 condition is".into() } else { format!("{conditions} conditions are") };
                        return Err(format!("pattern names condition (?{inside}), but {has} given; number them from 1"));
                    }
                    parts.push(Part::Condition(number - 1));
                }
            }
            if parts.len() > MOST_PARTS {
                return Err(format!("pattern can have at most {MOST_PARTS} parts; write a shorter one"));
            }
        }
        // A trailing `.*` can always match no event.
        while parts.last() == Some(&Part::Many) {
            parts.pop();
        }
        if let Some(Part::Time(..)) = parts.last() {
            return Err("a time condition measures up to the event after it, and the last one has none; end the pattern with that event, or with .".into());
        }
        Ok(Self { parts })
    }

    /// Converts time conditions from seconds to the unit of the event times, of which there are `per_second` in a second.
    #[must_use]
    pub fn in_units(mut self, per_second: i64) -> Self {
        for part in &mut self.parts {
            if let Part::Time(_, length) = part {
                *length = length.saturating_mul(per_second);
            }
        }
        self
    }

    /// Which times to keep while this part is waited for: it depends on the time condition before the next event, if any.
    fn keep(&self, part: usize) -> Keep {
        self.parts[part..]
            .iter()
            .take_while(|part| matches!(part, Part::Many | Part::Time(..)))
            .find_map(|part| match part {
                Part::Time(Op::Less | Op::LessOrEqual, _) => Some(Keep::Latest),
                Part::Time(Op::Greater | Op::GreaterOrEqual, _) => Some(Keep::Earliest),
                Part::Time(Op::Equal, length) => Some(Keep::Recent(*length)),
                _ => None,
            })
            .unwrap_or(Keep::Any)
    }
}

fn comparison_of(text: &str) -> Option<(Op, i64)> {
    let ops = [("<=", Op::LessOrEqual), (">=", Op::GreaterOrEqual), ("==", Op::Equal), ("<", Op::Less), (">", Op::Greater)];
    let (op, number) = ops.iter().find_map(|(sign, op)| text.strip_prefix(sign).map(|number| (*op, number)))?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { Some((op, number.parse().unwrap_or(i64::MAX))) } else { None }
}

/// The parts that may come next, and for each the times that its time conditions measure from.
#[derive(Debug)]
struct Waiting {
    keeps: Vec<Keep>,
    since: Vec<VecDeque<i64>>,
}

impl Waiting {
    fn clear(&mut self) {
        self.since.iter_mut().for_each(VecDeque::clear);
    }

    /// Notes that one reading of the pattern waits for this part, with time conditions measured from `since`.
    fn add(&mut self, part: usize, since: i64) {
        let kept = &mut self.since[part];
        match (self.keeps[part], kept.front().copied()) {
            (_, None) => kept.push_back(since),
            (Keep::Any, Some(_)) => {}
            (Keep::Earliest, Some(own)) => kept[0] = own.min(since),
            (Keep::Latest, Some(own)) => kept[0] = own.max(since),
            (Keep::Recent(_), Some(_)) => {
                if let Err(place) = kept.binary_search(&since) {
                    kept.insert(place, since);
                }
            }
        }
    }
}

/// Finds matches of a pattern. Its buffers are reused from one customer to the next.
#[derive(Debug)]
pub struct Matcher<'a> {
    pattern: &'a Pattern,
    now: Waiting,
    next: Waiting,
}

impl<'a> Matcher<'a> {
    pub fn new(pattern: &'a Pattern) -> Self {
        let keeps: Vec<Keep> = (0..pattern.parts.len()).map(|part| pattern.keep(part)).collect();
        let waiting = || Waiting { keeps: keeps.clone(), since: vec![VecDeque::new(); keeps.len()] };
        Self { pattern, now: waiting(), next: waiting() }
    }

    /// True if the pattern matches somewhere in the events, each given as its time and a bit mask of the conditions it meets. A pattern that
    /// needs no event, such as `.*`, matches no events as well.
    pub fn has_match(&mut self, events: &[(i64, u32)]) -> bool {
        self.first_end(events).is_some()
    }

    /// The number of non-overlapping matches: each begins after the end of the previous one.
    pub fn count(&mut self, events: &[(i64, u32)]) -> i64 {
        let (mut rest, mut count) = (events, 0);
        while !rest.is_empty() {
            let Some(end) = self.first_end(rest) else { break };
            count += 1;
            // A pattern without events matches without consuming one; always advance.
            rest = &rest[end.max(1)..];
        }
        count
    }

    /// The number of events up to the earliest end of a match.
    fn first_end(&mut self, events: &[(i64, u32)]) -> Option<usize> {
        let parts = &self.pattern.parts;
        let Some(last) = parts.len().checked_sub(1) else { return Some(0) };
        self.now.clear();
        for (place, (time, fulfilled)) in events.iter().enumerate() {
            self.next.clear();
            // A match may begin at any event.
            self.now.add(0, *time);
            // Parts lead only to later parts, so one pass in order also follows those that consume no event.
            for (part, what) in parts.iter().enumerate() {
                if let Keep::Recent(length) = self.now.keeps[part] {
                    let too_old = |since: i64| i128::from(*time) - i128::from(since) > i128::from(length);
                    while self.now.since[part].front().is_some_and(|since| too_old(*since)) {
                        self.now.since[part].pop_front();
                    }
                }
                if self.now.since[part].is_empty() {
                    continue;
                }
                match what {
                    Part::Many => {
                        let since = std::mem::take(&mut self.now.since[part]);
                        for since in &since {
                            self.next.add(part, *since);
                            self.now.add(part + 1, *since);
                        }
                        self.now.since[part] = since;
                    }
                    Part::Time(op, length) => {
                        let since = std::mem::take(&mut self.now.since[part]);
                        for since in &since {
                            self.next.add(part, *since);
                            if op.holds(i128::from(*time) - i128::from(*since), i128::from(*length)) {
                                self.now.add(part + 1, *since);
                            }
                        }
                        self.now.since[part] = since;
                    }
                    Part::Any | Part::Condition(_) => {
                        let fits = if let Part::Condition(number) = what { fulfilled >> number & 1 == 1 } else { true };
                        if fits {
                            if part == last {
                                return Some(place + 1);
                            }
                            self.next.add(part + 1, *time);
                        }
                    }
                }
            }
            std::mem::swap(&mut self.now, &mut self.next);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All ends of matches that begin at `place`, by exhaustive search.
    fn ends(parts: &[Part], events: &[(i64, u32)], place: usize, since: i64, found: &mut Vec<usize>) {
        let Some((first, rest)) = parts.split_first() else {
            found.push(place);
            return;
        };
        let event = events.get(place);
        match (first, event) {
            (Part::Many, _) => (place..=events.len()).for_each(|next| ends(rest, events, next, since, found)),
            (Part::Time(op, length), _) => {
                for next in place..events.len() {
                    if op.holds(i128::from(events[next].0 - since), i128::from(*length)) {
                        ends(rest, events, next, since, found);
                    }
                }
            }
            (Part::Any, Some((time, _))) => ends(rest, events, place + 1, *time, found),
            (Part::Condition(number), Some((time, fulfilled))) if fulfilled >> number & 1 == 1 => {
                ends(rest, events, place + 1, *time, found);
            }
            _ => {}
        }
    }

    /// Counts by taking the leftmost match, and the shortest that begins there.
    fn count(pattern: &Pattern, events: &[(i64, u32)]) -> i64 {
        let (mut place, mut count) = (0, 0);
        let next = |place: usize| {
            (place..events.len()).find_map(|begin| {
                let mut found = vec![];
                ends(&pattern.parts, events, begin, events[begin].0, &mut found);
                found.into_iter().min()
            })
        };
        while let Some(end) = next(place) {
            count += 1;
            place = end.max(place + 1);
        }
        count
    }

    #[test]
    fn random_patterns_as_by_trying_every_way() {
        let mut seed = 1_u64;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let mut matched = 0;
        for case in 0..30_000 {
            let mut text = String::new();
            let (mut has_event, mut ends_with_time) = (false, false);
            for _ in 0..=draw(5) {
                let kind = draw(5);
                if kind == 4 && has_event {
                    has_event = false;
                    text += &format!("(?t{}{})", ["<", "<=", "==", ">=", ">"][draw(5) as usize], draw(5));
                    ends_with_time = true;
                    continue;
                }
                match kind {
                    2 => text += ".",
                    3 => text += ".*",
                    _ => text += &format!("(?{})", 1 + draw(3)),
                }
                has_event = kind != 3;
                ends_with_time &= kind == 3;
            }
            if ends_with_time {
                text += ".";
            }
            let pattern = Pattern::read(&text, 3).unwrap();
            let mut time = 0;
            let events: Vec<(i64, u32)> = (0..draw(8))
                .map(|_| {
                    time += draw(3) as i64;
                    (time, 1 + draw(7) as u32)
                })
                .collect();
            let mut matcher = Matcher::new(&pattern);
            let expected = count(&pattern, &events);
            assert_eq!(matcher.count(&events), expected, "case {case}: {text} {events:?}");
            assert_eq!(matcher.has_match(&events), expected > 0 || pattern.parts.is_empty(), "case {case}: {text} {events:?}");
            matched += expected;
        }
        assert!(matched > 10_000, "{matched}");
    }

    #[test]
    fn a_long_chain_of_stars_takes_little() {
        let pattern = Pattern::read("(?1).*(?2).*(?1).*(?2).*(?1).*(?2).*(?3)", 3).unwrap();
        let events: Vec<(i64, u32)> = (0..200_000).map(|place| (place, 1 + (place % 2) as u32)).collect();
        assert!(!Matcher::new(&pattern).has_match(&events));
    }

    #[test]
    fn what_is_no_pattern() {
        for text in [
            "(?0)",
            "(?4)",
            "(?1)(?t!=2)(?2)",
            "(?t>=2)(?2)",
            "(?1)(?t>1)(?t<2)",
            "(?1).*(?t>1)(?2)",
            "(?1)(?t>1)",
            "(?1)(?t>1).*",
            "(?1) (?2)",
            "(?1",
            "(?x)",
            "a",
            "(?1)*",
            "(?)",
            "(?-1)",
            "(?t>)",
        ] {
            assert!(Pattern::read(text, 3).is_err(), "{text}");
        }
        assert!(Pattern::read("", 1).is_ok());
    }
}
