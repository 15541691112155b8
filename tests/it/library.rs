//! The library in a DataFusion session of another program.

use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionContext;

#[tokio::test(flavor = "multi_thread")]
async fn one_call_adds_everything() {
    let builder = SessionStateBuilder::new().with_default_features();
    let context = SessionContext::new_with_state(portraitdb::register(builder).build());
    context.sql("CREATE TABLE orders AS SELECT * FROM sample_orders(rows => 1000)").await.unwrap();

    // With a table name in our SQL; with a subquery in DataFusion's own.
    let call = "customer => customer_id, order_time => ordered_at, amount => amount";
    let by_name = portraitdb::sql(&context, &format!("SELECT * FROM rfm(orders, {call})")).await.unwrap().count().await.unwrap();
    let subquery =
        context.sql(&format!("SELECT * FROM rfm((SELECT * FROM orders), {call})")).await.unwrap().count().await.unwrap();
    assert!(by_name > 80 && by_name == subquery);
    let segment = context.sql("SELECT rfm_segment(5, 5, 5)").await.unwrap().to_string().await.unwrap();
    assert!(segment.contains("Champions"));

    context.sql("SET portrait.max_operators = 12").await.unwrap();
    let error = portraitdb::sql(&context, "SELECT 1+1+1+1+1+1+1+1+1+1+1+1+1+1").await.unwrap_err().to_string();
    assert!(error.contains("more than 12 operators in a row"), "{error}");

    let error = portraitdb::sql(&context, "SELECT 1; SELECT 2").await.unwrap_err().to_string();
    assert!(error.contains("takes one statement, got 2"), "{error}");
}

/// Filters and projections of the input reach its scan; the step shows its own metrics.
#[tokio::test(flavor = "multi_thread")]
async fn the_input_is_planned_with_the_query() {
    let engine = portraitdb::Engine::open(portraitdb::EngineOptions::default()).unwrap();
    let session = engine.session().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/sample/orders.parquet");
    let sql = format!(
        "EXPLAIN ANALYZE SELECT segment FROM rfm((SELECT * FROM '{file}' WHERE status = 'paid'), customer => customer_id, order_time => ordered_at, amount => amount, as_of => DATE '2024-06-30') WHERE frequency > 2"
    );
    let batches = session.sql(&sql).await.unwrap();
    let plan = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
    for part in [
        "RfmExec: as_of=2024-06-30, method=quantile, bins=5, scheme=standard, labels=en",
        "customers=",
        "UsableRowsExec: columns=[customer, order_time, amount]",
        "rows_without_customer=",
        "projection=[customer_id, ordered_at",
        "predicate=status@3 = paid AND ordered_at@2 < 1719792000000000",
        "ordered_at@1 < 1719792000000000",
        "GroupedAggregateExec: keys=[customer@0] in array",
        "FilterExec: frequency",
    ] {
        assert!(plan.contains(part), "no {part} in\n{plan}");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/sample/order_items.parquet");
    let sql = format!(
        "EXPLAIN ANALYZE SELECT antecedents FROM association_rules((SELECT * FROM '{file}' WHERE category <> 'food'), basket => order_id, item => product,
           min_support => 0.01, min_confidence => 0.1, exclude_items => ['咖啡豆']) WHERE lift > 1"
    );
    let batches = session.sql(&sql).await.unwrap();
    let plan = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
    for part in [
        "FilterExec: lift",
        "AssociationRulesExec: min_support=0.01, min_confidence=0.1, min_lift=0, max_consequent_len=1, exclude_items=[咖啡豆]",
        "progress_itemsets=",
        "UsableRowsExec: columns=[basket, item]",
        "rows_without_basket=",
        "projection=[order_id",
        "predicate=category@",
    ] {
        assert!(plan.contains(part), "no {part} in\n{plan}");
    }
    tokio::task::block_in_place(move || drop((session, engine)));
}
