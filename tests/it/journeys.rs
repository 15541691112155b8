//! Journeys: real events compared with plain SQL, results independent of the order of rows and of spilling, cancelling.

use portraitdb::EngineOptions;

use crate::support::{Dice, cases, rows, session, session_with, shared_data, try_rows};

const CALL: &str = "customer => customer, event_time => event_time";

/// Events of Taobao's customers, for which funnels, sessions and retention must equal the results of joins and windows.
#[test]
fn taobao_is_what_plain_sql_says() {
    let Some(file) = shared_data("taobao/UserBehavior_part.csv") else { return };
    let (engine, session) = session();
    let file = file.display();
    rows(
        &engine,
        &session,
        &format!(
            "CREATE TABLE events AS SELECT column1 AS customer, column2 AS item, column4 AS event, to_timestamp_seconds(column5) AS event_time
             FROM read_csv('{file}', header => false, ragged => 'skip')"
        ),
    );
    let funnel = rows(
        &engine,
        &session,
        &format!(
            "SELECT customers FROM window_funnel(events, {CALL}, steps => [event = 'pv', event = 'cart', event = 'buy'], within => INTERVAL '1 day') ORDER BY step"
        ),
    );
    // Each step as a chain of joins, which is exact because a chain depends only on its events.
    let joined = rows(
        &engine,
        &session,
        "SELECT count(DISTINCT customer) FROM events WHERE event = 'pv'
         UNION ALL SELECT count(DISTINCT customer) FROM events WHERE event = 'cart' AND EXISTS (SELECT 1 FROM events a WHERE a.customer = events.customer AND a.event = 'pv'
           AND a.event_time <= events.event_time AND a.event_time >= events.event_time - INTERVAL '1 day')
         UNION ALL SELECT count(DISTINCT b.customer) FROM (SELECT * FROM events WHERE event = 'buy') b JOIN (SELECT * FROM events WHERE event = 'cart') c
           ON b.customer = c.customer AND c.event_time <= b.event_time AND c.event_time >= b.event_time - INTERVAL '1 day'
           WHERE EXISTS (SELECT 1 FROM events a WHERE a.customer = b.customer AND a.event = 'pv' AND a.event_time <= c.event_time AND a.event_time >= b.event_time - INTERVAL '1 day')
         ORDER BY 1 DESC",
    );
    assert_eq!(funnel, joined);
    let sessions = rows(&engine, &session, &format!("SELECT count(*), sum(events), max(events) FROM sessionize(events, {CALL})"));
    let windows = "WITH marked AS (SELECT customer, event_time, CASE WHEN event_time - lag(event_time) OVER w <= INTERVAL '30 minutes' THEN 0 ELSE 1 END AS starts
           FROM events WINDOW w AS (PARTITION BY customer ORDER BY event_time)),
         numbered AS (SELECT customer, sum(starts) OVER (PARTITION BY customer ORDER BY event_time) AS number FROM marked)
         SELECT count(*), sum(events), max(events) FROM (SELECT count(*) AS events FROM numbered GROUP BY customer, number)";
    assert_eq!(sessions, rows(&engine, &session, windows));
}

/// With any number of partitions, any order of rows, and memory for only a part of them.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn answers_do_not_depend_on_order_partitions_or_memory() {
    let call = "customer => 'c' || customer_id, event_time => event_time, tie_break => event_id";
    let queries = [
        format!("SELECT * FROM window_funnel(events, {call}, steps => [event = 'view', event = 'cart', event = 'pay'], within => INTERVAL '3 days', per => channel, interval => 'month') ORDER BY channel, period, step"),
        format!("SELECT sum(deepest_step), count(*), min(started_at), max(reached_at) FROM window_funnel_customers(events, {call}, steps => [event = 'view', event = 'cart'], within => INTERVAL '3 days', mode => ['strict_order', 'strict_once'])"),
        format!("SELECT count(*), sum(events), sum(seconds), max(session_id) FROM sessionize(events, {call}, end_event => event = 'pay')"),
        "SELECT * FROM retention(events, customer => 'c' || customer_id, event_time => event_time, cohort => event = 'view', return_event => event = 'pay', period => 'month', periods => 4) ORDER BY cohort, period".to_string(),
    ];
    let mut expected: Option<Vec<Vec<String>>> = None;
    for (partitions, memory, order) in [
        (1, None, "event_id"),
        (2, None, "customer_id, event_id"),
        (7, None, "event_id DESC"),
        (2, Some(16 << 20), "event_id * 7919 % 500009"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("events.parquet");
        {
            let (engine, session) = session();
            let events = format!("SELECT * FROM sample_events(rows => 500000) ORDER BY {order}");
            rows(&engine, &session, &format!("COPY ({events}) TO '{}'", file.display()));
        }
        let options = EngineOptions { partitions: Some(partitions), memory_limit: memory, ..EngineOptions::default() };
        let (engine, session) = session_with(options);
        rows(&engine, &session, &format!("CREATE VIEW events AS SELECT * FROM '{}'", file.display()));
        if memory.is_some() {
            let plan = rows(&engine, &session, &format!("EXPLAIN ANALYZE {}", queries[2])).join("\n");
            let step = plan.split("Sessionize").nth(1).unwrap_or_default();
            let spills = step.split("spill_count=").nth(1).and_then(|rest| rest.chars().next());
            assert!(spills.is_some_and(|spills| spills != '0'), "{plan}");
        }
        let found: Vec<Vec<String>> = queries.iter().map(|query| rows(&engine, &session, query)).collect();
        match &expected {
            None => expected = Some(found),
            Some(expected) => assert_eq!(expected, &found, "{partitions} partitions, {order}"),
        }
    }
}

/// Random small inputs: a funnel without modes is the longest chain found by an exhaustive search.
#[test]
fn funnels_find_the_longest_chain() {
    let (engine, session) = session();
    let mut dice = Dice(21);
    for _ in 0..cases(4, 30) {
        let events: Vec<(usize, usize, usize)> =
            (0..dice.between(1, 40)).map(|_| (dice.below(4), dice.below(12), dice.below(4))).collect();
        let within = dice.between(1, 9);
        let values: Vec<String> = events.iter().map(|(customer, time, kind)| format!("({customer}, {time}, {kind})")).collect();
        let sql = format!(
            "SELECT customer, deepest_step FROM window_funnel_customers((SELECT customer, to_timestamp_seconds(at) AS event_time, kind FROM (VALUES {}) AS t(customer, at, kind)), {CALL},
               steps => [kind = 0, kind = 1, kind >= 2], within => INTERVAL '{within} seconds') ORDER BY customer",
            values.join(", ")
        );
        let mut expected = vec![];
        for customer in 0..4 {
            let own: Vec<(usize, usize)> =
                events.iter().filter(|event| event.0 == customer).map(|event| (event.1, event.2)).collect();
            let of = |from: usize, start: usize, kinds: &[usize]| -> Vec<usize> {
                own.iter()
                    .filter(|(time, kind)| kinds.contains(kind) && *time >= from && *time <= start + within)
                    .map(|event| event.0)
                    .collect()
            };
            let starts: Vec<usize> = own.iter().filter(|event| event.1 == 0).map(|event| event.0).collect();
            let depth = starts.iter().map(|start| {
                let second = of(*start, *start, &[1]);
                if second.is_empty() {
                    return 1;
                }
                if second.iter().any(|time| !of(*time, *start, &[2, 3]).is_empty()) { 3 } else { 2 }
            });
            expected.extend(depth.max().map(|depth| format!("{customer}|{depth}")));
        }
        assert_eq!(rows(&engine, &session, &sql), expected, "{sql}");
    }
}

/// A single customer with all events, more than fits in memory: an error with advice, and the process survives.
#[test]
fn what_does_not_fit_is_refused() {
    let (engine, session) = session_with(EngineOptions { memory_limit: Some(16 << 20), ..EngineOptions::default() });
    let sql = "SELECT count(*) FROM sessionize((SELECT 1 AS customer, to_timestamp_seconds(value) AS event_time FROM generate_series(1, 6000000)), customer => customer, event_time => event_time)";
    let refused = try_rows(&engine, &session, sql).unwrap_err();
    assert!(refused.contains("raise --memory-limit"), "{refused}");
    assert_eq!(rows(&engine, &session, "SELECT 1"), ["1"]);
}
