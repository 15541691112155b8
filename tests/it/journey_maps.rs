//! Edges and touchpoints of random small inputs, compared with a few lines that follow the pages of the functions word for word.

use std::collections::{BTreeMap, BTreeSet};

use crate::journey_oracles::{CALL, Row, by_customer, drawn, relation, sorted};
use crate::support::{Dice, cases, rows, session};

fn shown(event: Option<char>) -> String {
    event.map_or("NULL".to_string(), String::from)
}

/// A double as the engine prints it.
fn double(value: f64) -> String {
    format!("{value:?}")
}

#[test]
fn edges() {
    let (engine, session) = session();
    let mut dice = Dice(9);
    for _ in 0..cases(8, 500) {
        let events = drawn(&mut dice, 40, 14);
        let (depth, is_backward, collapses) = (dice.between(1, 5), dice.chance(50), dice.chance(40));
        let (near, far) = (dice.pick(&[None, Some('a')]), dice.pick(&[None, Some('c'), Some('a')]));
        let mut counts: BTreeMap<(usize, Option<char>, Option<char>), usize> = BTreeMap::new();
        for own in by_customer(&events).into_values() {
            let mut own: Vec<char> = own.iter().map(|event| event.2).collect();
            if is_backward {
                own.reverse();
            }
            let Some(begin) = own.iter().position(|event| near.is_none_or(|near| near == *event)) else { continue };
            let (mut path, mut is_out) = (vec![own[begin]], true);
            for event in &own[begin + 1..] {
                let is_same = collapses && path.last() == Some(event);
                let is_deep = path.len() == depth && !is_same;
                let meets = far == Some(*event);
                if !is_same && !is_deep {
                    path.push(*event);
                }
                if is_deep || meets {
                    is_out = false;
                    break;
                }
            }
            let ends = is_out.then_some((path.len(), path.last().copied(), None));
            let between = path.windows(2).enumerate().map(|(place, pair)| (place + 1, Some(pair[0]), Some(pair[1])));
            for (step, one, other) in between.chain(ends) {
                let (source, target) = if is_backward { (other, one) } else { (one, other) };
                *counts.entry((step, source, target)).or_default() += 1;
            }
        }
        let from =
            |(step, source, target): (usize, Option<char>, Option<char>)| (step, if is_backward { target } else { source });
        let total = |edge| counts.iter().filter(|(other, _)| from(**other) == from(edge)).map(|(_, count)| count).sum::<usize>();
        let expected = counts.iter().map(|(edge, count)| {
            let share = double(*count as f64 / total(*edge) as f64);
            format!("{}|{}|{}|{count}|{share}", edge.0, shown(edge.1), shown(edge.2))
        });
        let condition =
            |name: &str, event: Option<char>| event.map_or(String::new(), |event| format!(", {name} => event = '{event}'"));
        let (direction, start, end) = match is_backward {
            true => ("backward", condition("start", far), condition("end", near)),
            false => ("forward", condition("start", near), condition("end", far)),
        };
        let sql = format!(
            "SELECT step, source, target, customers, share FROM journey_edges({}, {CALL}, event => event, depth => {depth}, direction => '{direction}', collapse_repeats => {collapses}{start}{end})",
            relation(&events)
        );
        assert_eq!(sorted(rows(&engine, &session, &sql)), sorted(expected.collect()), "{sql}");
    }
}

/// What is known of the events of a stage.
#[derive(Default)]
struct Point {
    customers: BTreeSet<usize>,
    events: usize,
    seconds: Vec<usize>,
    complaints: usize,
}

#[test]
fn touchpoints() {
    let (engine, session) = session();
    let mut dice = Dice(10);
    for _ in 0..cases(8, 500) {
        let (events, gap) = (drawn(&mut dice, 40, 30), dice.between(1, 6));
        let mut points: BTreeMap<(usize, char), Point> = BTreeMap::new();
        for (customer, mut own) in by_customer(&events) {
            own.sort_by_key(|event: &Row| (event.1, event.2, event.3));
            for (place, event) in own.iter().enumerate() {
                let point = points.entry((event.3, event.2)).or_default();
                point.customers.insert(customer);
                point.events += 1;
                if let Some(next) = own.get(place + 1).filter(|next| next.1 - event.1 <= gap) {
                    point.seconds.push(next.1 - event.1);
                    point.complaints += usize::from(next.2 == 'd');
                }
            }
        }
        let expected = points.into_iter().map(|((part, event), mut point)| {
            point.seconds.sort_unstable();
            let times = &point.seconds;
            let median = match times.len() {
                0 => "NULL".to_string(),
                count => double((times[(count - 1) / 2] + times[count / 2]) as f64 / 2.0),
            };
            let drop_offs = point.events - times.len();
            let rate = |count: usize| double(count as f64 / point.events as f64);
            format!(
                "{part}|{event}|{}|{}|{median}|{drop_offs}|{}|{}|{}",
                point.customers.len(),
                point.events,
                rate(drop_offs),
                point.complaints,
                rate(point.complaints)
            )
        });
        let sql = format!(
            "SELECT stage, event, customers, events, median_seconds, drop_offs, drop_off_rate, complaints, complaint_rate
             FROM touchpoints({}, {CALL}, event => event, stage => part, complaint => event = 'd', gap => INTERVAL '{gap} seconds')",
            relation(&events)
        );
        assert_eq!(sorted(rows(&engine, &session, &sql)), sorted(expected.collect()), "{sql}");
    }
}
