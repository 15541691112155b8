//! Journeys of random small inputs, compared with a few lines that follow the pages of the functions word for word.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate};

use crate::support::{Dice, cases, rows, session};

/// Customer, second, event, and a number to group by.
pub type Row = (usize, usize, char, usize);

pub const CALL: &str = "customer => customer, event_time => event_time";

pub fn drawn(dice: &mut Dice, most: usize, seconds: usize) -> Vec<Row> {
    (0..dice.between(1, most))
        .map(|_| (dice.below(4), dice.below(seconds), dice.pick(&['a', 'b', 'c', 'd']), dice.below(3)))
        .collect()
}

pub fn relation(events: &[Row]) -> String {
    let values: Vec<String> =
        events.iter().map(|(customer, second, event, part)| format!("({customer}, {second}, '{event}', {part})")).collect();
    format!(
        "(SELECT customer, to_timestamp_seconds(at) AS event_time, event, part FROM (VALUES {}) AS t(customer, at, event, part))",
        values.join(", ")
    )
}

/// The events of each customer by time, those at the same time by event.
pub fn by_customer(events: &[Row]) -> BTreeMap<usize, Vec<Row>> {
    let mut all: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
    events.iter().for_each(|event| all.entry(event.0).or_default().push(*event));
    all.values_mut().for_each(|events| events.sort_by_key(|event| (event.1, event.2)));
    all
}

pub fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// All chains through the steps, of which a funnel shows the deepest of each customer and group.
#[test]
fn funnels() {
    let (engine, session) = session();
    let mut dice = Dice(1);
    let steps: [(&str, &[char]); 3] =
        [("event IN ('a', 'b')", &['a', 'b']), ("event IN ('b', 'c')", &['b', 'c']), ("event IN ('b', 'd')", &['b', 'd'])];
    for _ in 0..cases(8, 500) {
        let (events, within) = (drawn(&mut dice, 20, 14), dice.between(1, 9));
        let mode = dice.pick(&["default", "strict_increase", "strict_once"]);
        let mut depths: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for (customer, own) in by_customer(&events) {
            let mut chains: Vec<Vec<usize>> =
                (0..own.len()).filter(|place| steps[0].1.contains(&own[*place].2)).map(|place| vec![place]).collect();
            while let Some(chain) = chains.pop() {
                let (first, last) = (own[chain[0]], own[*chain.last().unwrap()]);
                let depth = depths.entry((first.3, customer)).or_default();
                *depth = chain.len().max(*depth);
                let Some((_, letters)) = steps.get(chain.len()) else { continue };
                for (place, event) in own.iter().enumerate() {
                    let is_in_time = event.1 >= last.1 && event.1 - first.1 <= within;
                    let is_refused =
                        mode == "strict_increase" && event.1 == last.1 || mode == "strict_once" && chain.contains(&place);
                    if letters.contains(&event.2) && is_in_time && !is_refused {
                        chains.push(chain.iter().copied().chain([place]).collect());
                    }
                }
            }
        }
        let parts: BTreeSet<usize> = depths.keys().map(|(part, _)| *part).collect();
        let reached = |part: usize, step: usize| depths.iter().filter(|(key, depth)| key.0 == part && **depth >= step).count();
        let expected: Vec<String> =
            parts.iter().flat_map(|part| (1..=3).map(move |step| format!("{part}|{step}|{}", reached(*part, step)))).collect();
        let conditions = steps.map(|step| step.0).join(", ");
        let sql = format!(
            "SELECT part, step, customers FROM window_funnel({}, {CALL}, steps => [{conditions}], within => INTERVAL '{within} seconds', mode => '{mode}', per => part) ORDER BY part, step",
            relation(&events)
        );
        assert_eq!(rows(&engine, &session, &sql), expected, "{sql}");
    }
}

/// The depth of a funnel whose modes may end the scan: for each event, what all chains of the events before it have reached.
fn scanned(own: &[Row], steps: &[&[char]], within: usize, modes: &[&str]) -> usize {
    let has = |mode: &str| modes.contains(&mode);
    // One entry for each step of an event; those of no step come first, as 0, and those at the same time in the order of the steps.
    let mut entries: Vec<(usize, usize, usize)> = vec![];
    for (place, event) in own.iter().enumerate() {
        let of_event = (1..).zip(steps).filter(|(_, letters)| letters.contains(&event.2)).map(|(step, _)| (event.1, step, place));
        let before = entries.len();
        entries.extend(of_event);
        if entries.len() == before {
            entries.push((event.1, 0, place));
        }
    }
    entries.sort_unstable();
    let mut chains: Vec<Vec<(usize, usize, usize)>> = vec![];
    let mut depth = 0;
    for entry in entries {
        let (time, step, place) = entry;
        let is_over = match step {
            0 => has("strict_order") && depth > 0,
            1 => false,
            step if depth >= step => has("strict_deduplication"),
            step => depth + 1 < step && depth > 0 && has("strict_order") && !has("allow_reentry"),
        };
        if is_over {
            break;
        }
        let goes_on = |chain: &&Vec<(usize, usize, usize)>| {
            let is_late = chain.first().is_some_and(|first| time - first.0 > within);
            let is_at_once = has("strict_increase") && chain.last().is_some_and(|last| last.0 == time);
            let is_used = has("strict_once") && chain.iter().any(|used| used.2 == place);
            chain.len() + 1 == step && !is_late && !is_at_once && !is_used
        };
        let empty = vec![];
        let longer: Vec<_> =
            chains.iter().chain([&empty]).filter(goes_on).map(|chain| [chain.as_slice(), &[entry]].concat()).collect();
        depth = longer.iter().map(Vec::len).max().unwrap_or(0).max(depth);
        chains.extend(longer);
        if depth == steps.len() {
            break;
        }
    }
    depth
}

#[test]
fn funnels_whose_modes_end_the_scan() {
    const MODES: [&[&str]; 6] = [
        &["strict_order"],
        &["strict_deduplication"],
        &["strict_order", "allow_reentry"],
        &["strict_order", "strict_increase"],
        &["strict_deduplication", "strict_once"],
        &["strict_order", "strict_deduplication", "strict_increase", "strict_once"],
    ];
    let (engine, session) = session();
    let mut dice = Dice(6);
    let steps: [(&str, &[char]); 3] = [("event = 'a'", &['a']), ("event IN ('b', 'c')", &['b', 'c']), ("event = 'c'", &['c'])];
    for _ in 0..cases(8, 500) {
        let (events, within) = (drawn(&mut dice, 24, 14), dice.between(1, 12));
        let modes = dice.pick(&MODES);
        let letters = steps.map(|step| step.1);
        let depths = by_customer(&events).into_iter().map(|(customer, own)| (customer, scanned(&own, &letters, within, modes)));
        let expected: Vec<String> =
            depths.filter(|(_, depth)| *depth > 0).map(|(customer, depth)| format!("{customer}|{depth}")).collect();
        let (conditions, modes) = (steps.map(|step| step.0).join(", "), modes.join("', '"));
        let sql = format!(
            "SELECT customer, deepest_step FROM window_funnel_customers({}, {CALL}, steps => [{conditions}], within => INTERVAL '{within} seconds', mode => ['{modes}']) ORDER BY customer",
            relation(&events)
        );
        assert_eq!(rows(&engine, &session, &sql), expected, "{sql}");
    }
}

/// The number of a day's period, counted from any day.
fn period_of(unit: &str, day: NaiveDate) -> i32 {
    match unit {
        "day" => day.num_days_from_ce(),
        "week" => (day.num_days_from_ce() - 1).div_euclid(7),
        _ => day.year() * 12 + day.month0() as i32,
    }
}

fn first_day(unit: &str, period: i32) -> NaiveDate {
    match unit {
        "day" => NaiveDate::from_num_days_from_ce_opt(period).unwrap(),
        "week" => NaiveDate::from_num_days_from_ce_opt(period * 7 + 1).unwrap(),
        _ => NaiveDate::from_ymd_opt(period.div_euclid(12), period.rem_euclid(12) as u32 + 1, 1).unwrap(),
    }
}

#[test]
fn retention() {
    let (engine, session) = session();
    let mut dice = Dice(2);
    let start = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
    for _ in 0..cases(8, 500) {
        let events = drawn(&mut dice, 30, 100 * 86_400);
        let (unit, mode) = (dice.pick(&["day", "week", "month"]), dice.pick(&["on", "on_or_before", "rolling"]));
        let (by_condition, by_return, by_part, periods) = (dice.chance(40), dice.chance(40), dice.chance(30), dice.between(1, 8));
        let of = |event: &Row| period_of(unit, start.checked_add_days(Days::new((event.1 / 86_400) as u64)).unwrap());
        let last = events.iter().map(of).max().unwrap();
        let mut cohorts: BTreeMap<(usize, i32), Vec<BTreeSet<i32>>> = BTreeMap::new();
        for own in by_customer(&events).into_values() {
            let enters = |event: &&Row| !by_condition || event.2 == 'a';
            let Some(first) = own.iter().find(enters) else { continue };
            let parts = own.iter().filter(enters).filter(|event| event.1 == first.1).map(|event| event.3);
            let part = if by_part { parts.min().unwrap() } else { 0 };
            let came = own.iter().filter(|event| event.1 >= first.1 && (!by_return || event.2 == 'b'));
            cohorts.entry((part, of(first))).or_default().push(came.map(|event| of(event) - of(first)).collect());
        }
        let mut expected = vec![];
        for ((part, begin), customers) in &cohorts {
            for period in 0..=periods as i32 {
                let is_back = |came: &&BTreeSet<i32>| match mode {
                    "on" => came.contains(&period),
                    "on_or_before" if period == 0 => came.contains(&0),
                    "on_or_before" => (1..=period).any(|earlier| came.contains(&earlier)),
                    _ => came.iter().any(|later| *later >= period),
                };
                let back = (begin + period <= last).then(|| customers.iter().filter(is_back).count());
                let back = back.map_or("NULL".to_string(), |back| back.to_string());
                let part = if by_part { format!("{part}|") } else { String::new() };
                expected.push(format!("{part}{}|{}|{period}|{back}|true", first_day(unit, *begin), customers.len()));
            }
        }
        let cohort = if by_condition { format!("event = 'a', period => '{unit}'") } else { format!("'{unit}'") };
        let return_event = if by_return { ", return_event => event = 'b'" } else { "" };
        let (per, column) = if by_part { (", per => part", "part, ") } else { ("", "") };
        let sql = format!(
            "SELECT {column}cohort, cohort_size, period, customers, share IS NOT DISTINCT FROM CAST(customers AS DOUBLE) / cohort_size AS is_share
             FROM retention({}, {CALL}, cohort => {cohort}{return_event}, periods => {periods}, mode => '{mode}'{per}) ORDER BY {column}cohort, period",
            relation(&events)
        );
        assert_eq!(rows(&engine, &session, &sql), expected, "{sql}");
    }
}

/// How a path is cut from the events of a customer.
struct Cut {
    start: Option<char>,
    end: Option<char>,
    depth: usize,
    is_backward: bool,
    collapses: bool,
}

impl Cut {
    fn drawn(dice: &mut Dice) -> Self {
        Self {
            start: dice.pick(&[None, Some('a'), Some('b')]),
            end: dice.pick(&[None, Some('c'), Some('a')]),
            depth: dice.between(1, 5),
            is_backward: dice.chance(40),
            collapses: dice.chance(40),
        }
    }

    fn written(&self) -> String {
        let condition =
            |name: &str, event: Option<char>| event.map_or(String::new(), |event| format!(", {name} => event = '{event}'"));
        let direction = if self.is_backward { "backward" } else { "forward" };
        let (start, end) = (condition("start", self.start), condition("end", self.end));
        format!("depth => {}, direction => '{direction}', collapse_repeats => {}{start}{end}", self.depth, self.collapses)
    }

    fn path(&self, own: &[Row]) -> Option<String> {
        let mut events: Vec<char> = own.iter().map(|event| event.2).collect();
        let (near, far) = if self.is_backward { (self.end, self.start) } else { (self.start, self.end) };
        if self.is_backward {
            events.reverse();
        }
        let begin = events.iter().position(|event| near.is_none_or(|near| near == *event))?;
        let mut path: Vec<char> = vec![];
        for (place, event) in events[begin..].iter().enumerate() {
            if !(self.collapses && path.last() == Some(event)) {
                if path.len() == self.depth {
                    break;
                }
                path.push(*event);
            }
            if place > 0 && far == Some(*event) {
                break;
            }
        }
        if self.is_backward {
            path.reverse();
        }
        Some(path.into_iter().collect())
    }
}

#[test]
fn paths_and_their_differences() {
    let (engine, session) = session();
    let mut dice = Dice(3);
    for _ in 0..cases(8, 500) {
        let (events, cut, top) = (drawn(&mut dice, 40, 14), Cut::drawn(&mut dice), dice.between(1, 4));
        let customers = by_customer(&events);
        let paths: Vec<(bool, String)> =
            customers.values().filter_map(|own| Some((own.iter().any(|event| event.3 == 0), cut.path(own)?))).collect();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        paths.iter().for_each(|(_, path)| *counts.entry(path.as_str()).or_default() += 1);
        let mut ranked: Vec<(&str, usize)> = counts.into_iter().collect();
        ranked.sort_by_key(|(path, count)| (usize::MAX - count, path.len(), *path));
        let (shown, others) = ranked.split_at(top.min(ranked.len()));
        let mut expected: Vec<String> =
            (1..).zip(shown).map(|(rank, (path, count))| format!("{rank}|{path}|1|{count}")).collect();
        if !others.is_empty() {
            expected.push(format!("NULL|NULL|{}|{}", others.len(), others.iter().map(|other| other.1).sum::<usize>()));
        }
        let (relation, written) = (relation(&events), cut.written());
        let sql = format!(
            "SELECT rank, array_to_string(path, '') AS path, paths, customers FROM journey_paths({relation}, {CALL}, event => event, {written}, top => {top}) ORDER BY rank NULLS LAST"
        );
        assert_eq!(rows(&engine, &session, &sql), expected, "{sql}");

        let of = dice.pick(&["transitions", "paths"]);
        let mut found: BTreeMap<String, [usize; 2]> = BTreeMap::new();
        let mut sizes = [0, 0];
        for (is_of_segment, path) in &paths {
            let side = usize::from(!is_of_segment);
            sizes[side] += 1;
            let letters: Vec<char> = path.chars().collect();
            let items: BTreeSet<String> = match of {
                "paths" => BTreeSet::from([path.clone()]),
                _ => letters.windows(2).map(|pair| pair.iter().collect()).collect(),
            };
            items.into_iter().for_each(|item| found.entry(item).or_default()[side] += 1);
        }
        let has_test = |[a, b]: [usize; 2]| sizes[0] > 0 && sizes[1] > 0 && a + b < sizes[0] + sizes[1];
        let expected = found.iter().map(|(path, [a, b])| format!("{path}|{a}|{b}|{}", has_test([*a, *b]))).collect();
        let sql = format!(
            "SELECT array_to_string(path, '') AS path, customers_a, customers_b, p_value IS NOT NULL AS has_test
             FROM path_difference({relation}, {CALL}, event => event, segment => part = 0, of => '{of}', {written}, top => 1000)"
        );
        assert_eq!(sorted(rows(&engine, &session, &sql)), sorted(expected), "{sql}");
    }
}

#[test]
fn next_events() {
    let (engine, session) = session();
    let mut dice = Dice(4);
    for _ in 0..cases(8, 500) {
        let events = drawn(&mut dice, 40, 14);
        let (within, collapses) = (dice.pick(&[None, Some(1), Some(4)]), dice.chance(50));
        let mut pairs: BTreeMap<(char, Option<char>), (usize, Vec<usize>)> = BTreeMap::new();
        for own in by_customer(&events).values() {
            for (place, event) in own.iter().enumerate() {
                let next = own.get(place + 1);
                if collapses && next.is_some_and(|next| next.2 == event.2) {
                    continue;
                }
                let next = next.filter(|next| within.is_none_or(|within| next.1 - event.1 <= within));
                let pair = pairs.entry((event.2, next.map(|next| next.2))).or_default();
                pair.0 += 1;
                pair.1.extend(next.map(|next| next.1 - event.1));
            }
        }
        let median = |times: &mut Vec<usize>| {
            times.sort_unstable();
            let middle = times.len() / 2;
            let twice = times.get(middle).map(|time| if times.len() % 2 == 1 { 2 * time } else { time + times[middle - 1] });
            twice.map_or("NULL".to_string(), |twice| format!("{:?}", twice as f64 / 2.0))
        };
        let expected = pairs.into_iter().map(|((event, next), (count, mut times))| {
            format!("{event}|{}|{count}|{}", next.map_or("NULL".to_string(), String::from), median(&mut times))
        });
        let within = within.map_or(String::new(), |within| format!(", within => INTERVAL '{within} seconds'"));
        let sql = format!(
            "SELECT event, next, events, median_seconds FROM next_event({}, {CALL}, event => event, collapse_repeats => {collapses}{within})",
            relation(&events)
        );
        assert_eq!(sorted(rows(&engine, &session, &sql)), sorted(expected.collect()), "{sql}");
    }
}

/// The first and the last touch get all; the credits of every model add up to what there was.
#[test]
fn attributions() {
    let (engine, session) = session();
    let mut dice = Dice(5);
    for _ in 0..cases(8, 500) {
        // A first event without a customer makes the columns have types.
        let mut values = vec!["(NULL, 0, 'a', false, 1)".to_string()];
        let mut events: Vec<(usize, usize, Option<char>, bool, i64)> = vec![];
        for _ in 0..dice.between(1, 30) {
            let channel = dice.pick(&[Some('a'), Some('b'), Some('c'), None]);
            events.push((dice.below(4), dice.below(20), channel, dice.chance(25), dice.below(900) as i64 - 100));
        }
        values.extend(events.iter().map(|(customer, second, channel, converts, revenue)| {
            let channel = channel.map_or("NULL".to_string(), |channel| format!("'{channel}'"));
            format!("({customer}, {second}, {channel}, {converts}, {revenue})")
        }));
        let lookback = dice.pick(&[None, Some(3), Some(8)]);
        // Touches come first, by channel, then what is no touch.
        events.sort_by_key(|event| (event.0, event.1, event.2.is_none(), event.2, event.3, event.4));
        let mut credits: BTreeMap<(&str, Option<char>), (i64, i64)> = BTreeMap::new();
        let mut total = (0, 0);
        let mut give = |model: &'static str, channel: Option<char>, (conversions, revenue): (i64, i64)| {
            let own = credits.entry((model, channel)).or_default();
            *own = (own.0 + conversions, own.1 + revenue);
        };
        for customer in 0..4 {
            let mut touches: Vec<(usize, char)> = vec![];
            for (_, second, channel, converts, revenue) in events.iter().filter(|event| event.0 == customer) {
                if let Some(channel) = channel {
                    touches.push((*second, *channel));
                    ["first", "last"].into_iter().for_each(|model| give(model, Some(*channel), (0, 0)));
                }
                if *converts {
                    let counted = touches.iter().filter(|touch| lookback.is_none_or(|most| second - touch.0 <= most));
                    let counted: Vec<char> = counted.map(|touch| touch.1).collect();
                    give("first", counted.first().copied(), (1, *revenue));
                    give("last", counted.last().copied(), (1, *revenue));
                    total = (total.0 + 1, total.1 + revenue);
                    touches.clear();
                }
            }
        }
        let expected: Vec<String> = credits
            .iter()
            .map(|((model, channel), (conversions, revenue))| {
                format!("{model}|{}|{conversions}|{revenue}", channel.map_or("NULL".to_string(), String::from))
            })
            .collect();
        let lookback = lookback.map_or(String::new(), |lookback| format!(", lookback => INTERVAL '{lookback} seconds'"));
        let call = format!(
            "(SELECT customer, to_timestamp_seconds(at) AS event_time, channel, converts, revenue FROM (VALUES {}) AS t(customer, at, channel, converts, revenue)),
             {CALL}, channel => channel, conversion => converts, revenue => revenue{lookback}",
            values.join(", ")
        );
        let sql = format!(
            "SELECT model, channel, CAST(conversions AS BIGINT) AS conversions, CAST(revenue AS BIGINT) AS revenue FROM attribution({call}, model => ['first', 'last'])"
        );
        assert_eq!(sorted(rows(&engine, &session, &sql)), sorted(expected), "{sql}");
        let models = ["first", "last", "linear", "markov", "position", "shapley", "time_decay"];
        let sql = format!(
            "SELECT model, CAST(sum(conversions) AS BIGINT) AS conversions, CAST(sum(revenue) AS BIGINT) AS revenue
             FROM attribution({call}, model => ['{}']) GROUP BY model ORDER BY model",
            models.join("', '")
        );
        let has_rows = total.0 > 0 || events.iter().any(|event| event.2.is_some());
        let expected = models.iter().filter(|_| has_rows).map(|model| format!("{model}|{}|{}", total.0, total.1));
        assert_eq!(rows(&engine, &session, &sql), expected.collect::<Vec<String>>(), "{sql}");
    }
}
