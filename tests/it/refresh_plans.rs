//! Plans of refreshes: filters and columns reach the files, and tags over one source share its scan.

use portraitdb::{Engine, EngineOptions, Session};
use tempfile::TempDir;

use crate::support::{rows, session_with};

/// Tables in files, which are deleted with the folder.
fn shop() -> (Engine, Session, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = EngineOptions { database: Some(folder.path().into()), ..EngineOptions::default() };
    let (engine, session) = session_with(options);
    rows(
        &engine,
        &session,
        "SET datafusion.execution.target_partitions = 2;
         CREATE TABLE orders AS SELECT * FROM sample_orders(rows => 1000);
         CREATE TABLE customers AS SELECT * FROM sample_customers(rows => 100)",
    );
    (engine, session, folder)
}

/// The lines of the physical plan that read files.
fn scans(engine: &Engine, session: &Session, explain: &str) -> Vec<String> {
    let plan = rows(engine, session, explain).join("\n");
    let (_, physical) = plan.split_once("physical_plan").unwrap();
    physical.lines().filter(|line| line.contains("DataSourceExec: file_groups")).map(|line| line.trim().to_string()).collect()
}

/// The columns that a scan returns.
fn projected(scan: &str) -> Vec<&str> {
    let (_, columns) = scan.split_once("projection=[").unwrap_or_else(|| panic!("no projection in {scan}"));
    columns.split_once(']').unwrap().0.split(", ").collect()
}

#[track_caller]
fn assert_filtered(scan: &str, column: &str) {
    let (_, predicate) = scan.split_once(", predicate=").unwrap_or_else(|| panic!("no predicate in {scan}"));
    let (_, pruning) = predicate.split_once("pruning_predicate=").unwrap_or_else(|| panic!("no pruning predicate in {scan}"));
    assert!(predicate.contains(column) && pruning.contains(&format!("{column}_m")), "{column} does not prune {scan}");
}

#[test]
fn filters_and_columns_of_relation_functions_reach_the_files() {
    let (engine, session, _folder) = shop();
    // The input's own WHERE.
    for (call, columns) in [
        (
            "rfm((SELECT * FROM orders WHERE amount > 100), customer => customer_id, order_time => ordered_at, amount => amount)",
            vec!["customer_id", "ordered_at", "amount"],
        ),
        (
            "kmeans((SELECT order_id, discount, amount FROM orders WHERE amount > 100), key => order_id, n_clusters => 2)",
            vec!["order_id", "discount", "amount"],
        ),
        (
            "mece_check((SELECT order_id, CASE WHEN discount > 2 THEN 'a' END FROM orders WHERE amount > 100))",
            vec!["order_id", "discount", "amount"],
        ),
    ] {
        let scans = scans(&engine, &session, &format!("EXPLAIN SELECT * FROM {call}"));
        assert!(!scans.is_empty(), "{call}");
        for scan in &scans {
            assert_filtered(scan, "amount");
            assert_eq!(projected(scan), columns, "{call}");
        }
    }
}

#[test]
fn filters_and_columns_of_tags_reach_the_files() {
    let (engine, session, _folder) = shop();
    rows(
        &engine,
        &session,
        "CREATE PROFILE p WITH (key = 'customer_id', time_columns = 'orders.ordered_at') AS SELECT customer_id, city FROM customers;
         CREATE TAG spent ON p AS SELECT customer_id, sum(amount) FROM orders WHERE status = 'paid' GROUP BY customer_id;
         CREATE TAG large ON p AS SELECT customer_id, count(*) FROM orders WHERE amount > 100 AND status = 'paid' GROUP BY customer_id",
    );
    let scans = scans(&engine, &session, "EXPLAIN REFRESH PROFILE p WITH (as_of = DATE '2025-01-01')");
    let [customers, orders] = scans.as_slice() else { panic!("{scans:#?}") };
    assert_eq!(projected(customers), ["customer_id", "city"]);
    assert_eq!(projected(orders), ["customer_id", "ordered_at", "status", "amount"]);
    // The common condition of both, and the time of the refresh; a condition of only one must not drop rows of the other.
    assert_filtered(orders, "status");
    assert_filtered(orders, "ordered_at");
    let (_, predicate) = orders.split_once(", predicate=").unwrap();
    assert!(!predicate.contains("amount"), "{orders}");
}

#[test]
fn twenty_tags_over_one_source_share_its_scan_and_one_aggregation() {
    let (engine, session, _folder) = shop();
    rows(&engine, &session, "CREATE PROFILE p WITH (key = 'customer_id') AS SELECT customer_id, city FROM customers");
    let conditions = ["", "WHERE status = 'paid'", "WHERE amount > 50", "WHERE status = 'paid' AND discount > 1"];
    let calls = [
        "sum(amount)",
        "count(*)",
        "CASE WHEN max(amount) > 100 THEN 'large' ELSE 'small' END",
        "preference(channel)",
        "max(ordered_at)",
    ];
    for (place, call) in calls.iter().enumerate() {
        for (other, condition) in conditions.iter().enumerate() {
            let tag = format!(
                "CREATE TAG tag_{place}_{other} ON p AS SELECT customer_id, {call} FROM orders {condition} GROUP BY customer_id"
            );
            rows(&engine, &session, &tag);
        }
    }
    let plan = rows(&engine, &session, "EXPLAIN REFRESH PROFILE p").join("\n");
    let (_, physical) = plan.split_once("physical_plan").unwrap();
    let count = |what: &str| physical.matches(what).count();
    assert_eq!(count("DataSourceExec: file_groups"), 2, "{physical}");
    assert_eq!((count("GroupedAggregateExec"), count("mode=")), (1, 0), "{physical}");
    // An aggregate that two tags share is computed once.
    let aggregation = physical.lines().find(|line| line.contains("GroupedAggregateExec")).unwrap();
    assert_eq!(aggregation.matches("max(").count(), 8, "{aggregation}");
}
