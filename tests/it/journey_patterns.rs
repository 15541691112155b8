//! Sessions, patterns and frequent sequences of random small inputs, compared with exhaustive searches.

use std::collections::{BTreeMap, BTreeSet};

use crate::journey_oracles::{CALL, Row, by_customer, drawn, relation, sorted};
use crate::support::{Dice, cases, rows, session};

#[test]
fn sessions() {
    let (engine, session) = session();
    let mut dice = Dice(6);
    for _ in 0..cases(8, 500) {
        let events = drawn(&mut dice, 40, 20);
        let (gap, starts, ends) = (dice.between(1, 4), dice.chance(40), dice.chance(40));
        let mut expected = vec![];
        for (customer, own) in by_customer(&events) {
            let mut visits: Vec<Vec<Row>> = vec![];
            for event in own {
                let before = visits.last().and_then(|visit| visit.last());
                let goes_on = before
                    .is_some_and(|before| event.1 - before.1 <= gap && !(starts && event.2 == 'a') && !(ends && before.2 == 'd'));
                match visits.last_mut().filter(|_| goes_on) {
                    Some(visit) => visit.push(event),
                    None => visits.push(vec![event]),
                }
            }
            expected.extend((1..).zip(&visits).map(|(number, visit)| {
                let (first, last) = (visit[0].1, visit[visit.len() - 1].1);
                format!("{customer}|{number}|{first}|{last}|{}", visit.len())
            }));
        }
        let start = if starts { ", start_event => event = 'a'" } else { "" };
        let end = if ends { ", end_event => event = 'd'" } else { "" };
        let sql = format!(
            "SELECT customer, session_number, CAST(epoch(session_start) AS BIGINT), CAST(epoch(session_end) AS BIGINT), events \
             FROM sessionize({}, {CALL}, gap => INTERVAL '{gap} seconds', tie_break => event{start}{end})",
            relation(&events)
        );
        assert_eq!(sorted(rows(&engine, &session, &sql)), sorted(expected), "{sql}");
    }
}

/// A part of a pattern: `(?N)`, `.`, `.*` and `(?t<=N)`.
enum Part {
    Of(usize),
    Any,
    Gap,
    Within(usize),
}

/// Whether an event matches a condition of the patterns.
fn is_of(number: usize, event: char) -> bool {
    match number {
        1 => event == 'a',
        2 => event == 'b' || event == 'c',
        _ => event == 'c',
    }
}

/// The end of the shortest match that begins at a place.
fn end(own: &[Row], at: usize, parts: &[Part], before: usize, most: Option<usize>) -> Option<usize> {
    let Some((part, rest)) = parts.split_first() else { return Some(at) };
    let skip = |most: Option<usize>| (at..=own.len()).filter_map(|next| end(own, next, rest, before, most)).min();
    let one = |fits: &dyn Fn(char) -> bool| {
        let event = own.get(at).filter(|event| fits(event.2) && most.is_none_or(|most| event.1 - before <= most))?;
        end(own, at + 1, rest, event.1, None)
    };
    match part {
        Part::Gap => skip(most),
        Part::Within(seconds) => skip(Some(*seconds)),
        Part::Any => one(&|_| true),
        Part::Of(number) => one(&|event| is_of(*number, event)),
    }
}

#[test]
fn patterns() {
    use Part::{Any, Gap, Of, Within};
    let patterns: [(&str, &[Part]); 7] = [
        ("(?1)(?2)", &[Of(1), Of(2)]),
        ("(?1).*(?2)", &[Of(1), Gap, Of(2)]),
        ("(?1).(?2)", &[Of(1), Any, Of(2)]),
        ("(?1)(?t<=2)(?2)", &[Of(1), Within(2), Of(2)]),
        ("(?1).*(?2)(?t<=3)(?3)", &[Of(1), Gap, Of(2), Within(3), Of(3)]),
        (".(?2)(?2)", &[Any, Of(2), Of(2)]),
        ("(?1).*(?1).*(?3)", &[Of(1), Gap, Of(1), Gap, Of(3)]),
    ];
    let (engine, session) = session();
    let mut dice = Dice(7);
    for _ in 0..cases(4, 300) {
        // One event of a customer at a time: others are ordered by their conditions.
        let mut seen = BTreeSet::new();
        let events: Vec<Row> = drawn(&mut dice, 40, 16).into_iter().filter(|event| seen.insert((event.0, event.1))).collect();
        for (pattern, parts) in &patterns {
            let mut expected = vec![];
            for (customer, own) in by_customer(&events) {
                let own: Vec<Row> = own.into_iter().filter(|event| (1..=3).any(|number| is_of(number, event.2))).collect();
                let (mut at, mut count) = (0, 0);
                while at < own.len() {
                    let found = end(&own, at, parts, 0, None);
                    count += usize::from(found.is_some());
                    at = found.unwrap_or(at + 1);
                }
                expected.push(format!("{customer}|{}|{count}", count > 0));
            }
            let conditions = "event_time, event = 'a', event IN ('b', 'c'), event = 'c'";
            let sql = format!(
                "SELECT customer, sequence_match('{pattern}', {conditions}), sequence_count('{pattern}', {conditions}) \
                 FROM {} GROUP BY customer",
                relation(&events)
            );
            assert_eq!(sorted(rows(&engine, &session, &sql)), sorted(expected), "{sql}");
        }
    }
}

#[test]
fn frequent_sequences() {
    let (engine, session) = session();
    let mut dice = Dice(8);
    for _ in 0..cases(8, 500) {
        let events = drawn(&mut dice, 24, 12);
        let (least, gap) = (dice.between(1, 3), dice.pick(&[None, Some(1), Some(4)]));
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for own in by_customer(&events).values() {
            let follows = |one: usize, other: usize| one < other && gap.is_none_or(|gap: usize| own[other].1 - own[one].1 <= gap);
            let mut found = BTreeSet::new();
            for (one, first) in own.iter().enumerate() {
                found.insert(first.2.to_string());
                for (two, second) in own.iter().enumerate().filter(|(two, _)| follows(one, *two)) {
                    found.insert(format!("{}{}", first.2, second.2));
                    for (_, third) in own.iter().enumerate().filter(|(three, _)| follows(two, *three)) {
                        found.insert(format!("{}{}{}", first.2, second.2, third.2));
                    }
                }
            }
            found.into_iter().for_each(|sequence| *counts.entry(sequence).or_default() += 1);
        }
        let expected = counts.iter().filter(|(_, count)| **count >= least).map(|(sequence, count)| format!("{sequence}|{count}"));
        let gap = gap.map_or(String::new(), |gap| format!(", max_gap => INTERVAL '{gap} seconds'"));
        let sql = format!(
            "SELECT array_to_string(sequence, ''), count \
             FROM frequent_sequences({}, {CALL}, event => event, min_count => {least}, max_len => 3{gap})",
            relation(&events)
        );
        assert_eq!(sorted(rows(&engine, &session, &sql)), sorted(expected.collect()), "{sql}");
    }
}
