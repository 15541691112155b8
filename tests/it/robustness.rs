//! Nothing in SQL ends the process: long chains, doubling queries, extreme settings, panics, little memory.

use std::time::{Duration, Instant};

use portraitdb::EngineOptions;

use crate::support::{rows, session, session_with, try_rows};

fn chain(term: impl Fn(usize) -> String, joined_by: &str, length: usize) -> String {
    (0..length).map(term).collect::<Vec<_>>().join(joined_by)
}

#[test]
fn long_conditions_are_answered() {
    let (engine, session) = session();
    for (operator, expected) in [("OR", "100"), ("AND", "0")] {
        let condition = chain(|term| format!("c = {term}"), &format!(" {operator} "), 20_000);
        let sql = format!("SELECT count(*) FROM generate_series(1, 100) AS t(c) WHERE {condition}");
        assert_eq!(rows(&engine, &session, &sql), [expected]);
    }
    // Chains of one kind nested in the other.
    let mixed = chain(|term| format!("(c = {term} AND c <> -1 AND c < 1000000)"), " OR ", 500);
    assert_eq!(rows(&engine, &session, &format!("SELECT count(*) FROM generate_series(1, 100) AS t(c) WHERE {mixed}")), ["100"]);
}

#[test]
fn deep_expressions_are_refused_or_answered() {
    let (engine, session) = session();
    assert_eq!(rows(&engine, &session, &format!("SELECT {}", chain(|_| "1".into(), "+", 900))), ["900"]);
    for sql in [
        format!("SELECT {}", chain(|_| "1".into(), "+", 20_000)),
        format!("SELECT {}", chain(|_| "'a'".into(), " || ", 20_000)),
        format!("SELECT 1{}", "::int".repeat(20_000)),
        format!("SELECT 1{}", " IS NULL".repeat(20_000)),
        format!("SELECT {}1", "NOT ".repeat(20_000)),
        format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000)),
        format!("SELECT {}1{}", "abs(".repeat(20_000), ")".repeat(20_000)),
        chain(|_| "SELECT 1".into(), " UNION ALL ", 20_000),
        format!("SELECT * FROM {}", chain(|_| "(SELECT 1)".into(), " CROSS JOIN ", 20_000)),
        format!("SELECT * FROM t WHERE {}", chain(|term| format!("c = {term}"), " OR ", 60_000)),
        format!("SELECT {} FROM", chain(|_| "1".into(), "+", 20_000)),
        format!("SELECT 1 WHERE {} AND", chain(|term| format!("1 = {term}"), " OR ", 20_000)),
    ] {
        let error = try_rows(&engine, &session, &sql).unwrap_err();
        let told = ["operators in a row", "recursion limit", "more than 50000 terms", "syntax", "more than 128 tables"]
            .iter()
            .any(|text| error.contains(text));
        assert!(told && error.len() < 600, "{}…: {}", &sql[..60], &error[..error.len().min(300)]);
    }
    assert_eq!(rows(&engine, &session, "SELECT 'still here'"), ["still here"]);
}

/// Doubling CTEs, each joined with itself: planning grows with the expanded query, and can be cancelled.
#[test]
fn planning_can_be_cancelled() {
    let (engine, session) = session();
    let mut sql = String::from("WITH c0 AS (SELECT 1 AS a)");
    for level in 1..=11 {
        sql.push_str(&format!(", c{level} AS (SELECT x.a FROM c{} x JOIN c{} y ON x.a = y.a)", level - 1, level - 1));
    }
    sql.push_str(" SELECT count(*) FROM c11");
    let began = Instant::now();
    let given_up = engine.block_on(async { tokio::time::timeout(Duration::from_millis(200), session.sql(&sql)).await });
    assert!(given_up.is_err() && began.elapsed() < Duration::from_secs(5));
    assert_eq!(rows(&engine, &session, "SELECT 1"), ["1"]);
}

#[test]
fn running_queries_can_be_cancelled() {
    let (engine, session) = session();
    let began = Instant::now();
    let endless =
        "SELECT count(*) FROM generate_series(1, 300000) a, generate_series(1, 300000) b WHERE (a.value * b.value) % 7 = 3";
    let given_up = engine.block_on(async { tokio::time::timeout(Duration::from_millis(300), session.sql(endless)).await });
    assert!(given_up.is_err() && began.elapsed() < Duration::from_secs(5));
    assert_eq!(rows(&engine, &session, "SELECT 1"), ["1"]);
}

/// Refused values are tested in `tests/sql/statements/set.slt`; here, that the greatest allowed depth is safe.
#[test]
fn extreme_settings_are_safe() {
    let (engine, session) = session();
    rows(&engine, &session, "SET portrait.max_operators = 2000");
    assert_eq!(rows(&engine, &session, &format!("SELECT 1{}", "::int".repeat(1990))), ["1"]);
}

/// A panic inside a query is that query's error.
#[test]
fn panics_are_errors() {
    use datafusion::arrow::datatypes::DataType;
    use datafusion::logical_expr::{Volatility, create_udf};
    let (engine, session) = session();
    let blow_up = |_: &[_]| panic!("the function blew up");
    session.context().register_udf(create_udf(
        "blow_up",
        vec![DataType::Int64],
        DataType::Int64,
        Volatility::Volatile,
        std::sync::Arc::new(blow_up),
    ));
    for sql in [
        "SELECT blow_up(value) FROM generate_series(1, 3)",
        "SELECT blow_up(value) AS a, count(*) FROM generate_series(1, 3) GROUP BY 1",
        "SELECT blow_up(1)",
    ] {
        let error = try_rows(&engine, &session, sql).unwrap_err();
        assert!(error.contains("the function blew up"), "{error}");
    }
    assert_eq!(rows(&engine, &session, "SELECT 1"), ["1"]);
}

/// With little memory, a query spills, or fails with an error about memory; results are the same.
#[test]
fn little_memory_spills() {
    let call = "SELECT count(*), sum(monetary), sum(recency_score) FROM rfm((SELECT value % 300000 AS k, DATE '2025-01-01' + CAST(value % 300 AS INT) AS d, value % 1000 AS amount FROM generate_series(1, 900000)), customer => k, order_time => d, amount => amount)";
    let (engine, session) = session();
    let plenty = rows(&engine, &session, call);
    let (engine, session) = session_with(EngineOptions { memory_limit: Some(96 << 20), ..EngineOptions::default() });
    assert_eq!(rows(&engine, &session, call), plenty);
    let (engine, session) = session_with(EngineOptions { memory_limit: Some(16 << 20), ..EngineOptions::default() });
    let error = try_rows(&engine, &session, call).unwrap_err();
    assert!(error.contains("out of memory"), "{error}");
    assert_eq!(rows(&engine, &session, "SELECT 1"), ["1"]);
}

/// Groups wait in files, and are still counted, while something else holds the memory.
#[test]
fn groups_are_counted_beside_a_query_that_holds_all_memory() {
    use datafusion::execution::memory_pool::MemoryConsumer;
    let (engine, session) = session_with(EngineOptions { memory_limit: Some(64 << 20), ..EngineOptions::default() });
    let pool = std::sync::Arc::clone(&session.context().runtime_env().memory_pool);
    let held = MemoryConsumer::new("another query").register(&pool);
    held.grow((64 << 20) - (64 << 10));
    let groups =
        "SELECT count(*), sum(n) FROM (SELECT value % 100000 AS k, count(*) AS n FROM generate_series(1, 300000) GROUP BY k)";
    assert_eq!(rows(&engine, &session, groups), ["100000|300000"]);
}

#[test]
fn parameters_are_bound_or_missed() {
    let (engine, session) = session();
    session.set_parameter("bins", 4i64.into());
    session.set_parameter("as_of", datafusion::common::ScalarValue::Date32(Some(19_900)));
    let call = "FROM rfm(sample_orders(rows => 1000), customer => customer_id, order_time => ordered_at, amount => amount, bins => $bins, as_of => $as_of)";
    assert_eq!(rows(&engine, &session, &format!("SELECT max(recency_score) {call}")), ["4"]);
    let error = try_rows(&engine, &session, "SELECT $asof").unwrap_err();
    assert!(
        error.contains("$asof: the parameter has no value; perhaps \"as_of\" is meant; give it with --set asof=…"),
        "{error}"
    );
    let error = try_rows(&engine, &session, &format!("CREATE VIEW v AS SELECT * {call}")).unwrap_err();
    assert!(error.contains("a view cannot hold a parameter"), "{error}");
    // Sessions do not share parameters, settings or temporary tables.
    rows(&engine, &session, "CREATE TABLE mine AS SELECT 1 AS a; SET portrait.max_rows_shown = 7");
    let other = engine.session().unwrap();
    assert!(try_rows(&engine, &other, "SELECT $bins").is_err());
    assert!(try_rows(&engine, &other, "SELECT * FROM mine").unwrap_err().contains("no such table"));
    assert_eq!((session.settings().max_rows_shown, other.settings().max_rows_shown), (7, 100));
}

/// A support that is far too low for the memory: the error names one that fits, and it does fit.
#[test]
fn mining_stays_within_its_memory() {
    let (engine, session) =
        session_with(EngineOptions { memory_limit: Some(16 << 20), partitions: Some(2), ..EngineOptions::default() });
    let call = |min_count: &str| {
        format!(
            "SELECT count(*) FROM frequent_itemsets((SELECT value / 3 AS basket, (value * 7919) % 65537 % (1 + value % 5000) AS item FROM generate_series(1, 1500000)),
               basket => basket, item => item, min_count => {min_count}, max_len => 3)"
        )
    };
    let error = try_rows(&engine, &session, &call("2")).unwrap_err();
    assert!(error.starts_with("out of memory: frequent_itemsets: ") && error.contains("beyond the memory limit"), "{error}");
    let fits = error.split("min_count => ").nth(2).and_then(|rest| rest.split(' ').next()).unwrap_or_else(|| panic!("{error}"));
    let found = rows(&engine, &session, &call(fits));
    assert!(found[0].parse::<usize>().unwrap() > 5, "{fits}: {found:?}");
    // The rows themselves do not fit, so no support helps.
    let wide = "SELECT count(*) FROM frequent_itemsets((SELECT concat('basket number ', value) AS basket, concat('item ', value) AS item FROM generate_series(1, 1000000)),
      basket => basket, item => item, min_support => 0.5)";
    let error = try_rows(&engine, &session, wide).unwrap_err();
    assert!(error.starts_with("out of memory: ") && error.contains("raise --memory-limit"), "{error}");
    // Rules need all itemsets in memory.
    let dense = "SELECT count(*) FROM association_rules((SELECT basket.value AS b, item.value AS i
       FROM generate_series(1, 100) basket, generate_series(1, 40) item WHERE random() * (basket.value + item.value) < 0.7 * (basket.value + item.value)),
       basket => b, item => i, min_count => 2)";
    rows(&engine, &session, "SET portrait.max_itemsets = 1000000000000000");
    let error = try_rows(&engine, &session, dense).unwrap_err();
    assert!(error.contains("the memory limit is reached after") && error.contains("min_count => "), "{error}");
    assert_eq!(rows(&engine, &session, "SELECT 1"), ["1"]);
}
