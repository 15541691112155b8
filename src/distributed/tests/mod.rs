//! Every example, and what examples lack, gives the same rows when all that is ours in its plan has gone through bytes.

mod carried;

use std::collections::BTreeSet;
use std::sync::Arc;

use carried::Carrier;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::physical_plan::{ExecutionPlan, collect};

use super::registry;
use super::registry::Sort;
use crate::adapter::arguments::Options;
use crate::engine::{Engine, EngineOptions, Session};
use crate::functions;
use crate::learning::model::{Training, model_type};
use crate::refresh::align::{Align, PRESENT};
use crate::sql::parser::Parsed;

#[test]
fn names_are_unique_and_well_formed() {
    let listed = registry().listed();
    let mut functions = BTreeSet::new();
    let mut steps = BTreeSet::new();
    for (sort, name) in listed {
        let names = if *sort == Sort::Step { &mut steps } else { &mut functions };
        assert!(names.insert(*name), "{name} is there twice");
        let well_formed = match sort {
            Sort::Step => name.starts_with(|first: char| first.is_ascii_uppercase()) && name.chars().all(char::is_alphanumeric),
            _ => name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'),
        };
        assert!(well_formed, "{sort:?} {name}");
    }
    assert!(steps.len() > 10 && functions.len() > 10);
}

#[test]
fn what_is_not_registered_is_refused() {
    for error in [
        registry().decode_step("Unheard", &[]).unwrap_err(),
        registry().decode_scalar("unheard", &[]).unwrap_err(),
        registry().decode_aggregate("unheard", &[]).unwrap_err(),
    ] {
        let message = crate::error::message(&error);
        assert!(message.to_lowercase().starts_with("unheard: no ") && message.ends_with("made by another version"), "{message}");
    }
    assert!(registry().decode_aggregate("trend", &[1]).is_err());
    assert!(registry().decode_step("Rfm", &[]).is_err());
}

/// What the examples of the pages do not meet, and values that are hard to carry.
const MORE: [&str; 21] = [
    "SELECT * FROM sessionize(sample_events(rows => 500), customer => customer_id, event_time => event_time, end_event => event = 'pay', tie_break => event_id)",
    "SELECT * FROM retention(sample_events(rows => 500), customer => customer_id, event_time => event_time, cohort => event = 'view', return_event => event = 'pay', period => 'week')",
    "SELECT * FROM retention(sample_events(rows => 500), customer => customer_id, event_time => event_time, cohort => 'month', per => channel)",
    "SELECT * FROM window_funnel(sample_events(rows => 500), customer => customer_id, event_time => event_time, steps => [event = 'view', event = 'cart'],
       within => INTERVAL '7 days', per => channel, interval => 'month', mode => ['strict_once', 'strict_increase'], tie_break => event_id)",
    "SELECT * FROM window_funnel_customers(sample_events(rows => 500), customer => customer_id, event_time => event_time, steps => [event = 'view', event = 'cart'],
       within => INTERVAL '7 days', per => channel)",
    "SELECT rfm_segment(id % 5 + 1, 5, id % 3 + 1, 'eight', 'zh') AS s FROM (VALUES (1), (2), (NULL)) AS t(id)
     WHERE rfm_segment(id % 5 + 1, 1, 1) <> 'champions'",
    // Decimals, cuts between their units, an instant with a zone.
    "SELECT * FROM rfm((SELECT customer_id, ordered_at, CAST(amount AS DECIMAL(18, 3)) AS amount FROM sample_orders(rows => 300)),
       customer => customer_id, order_time => ordered_at, amount => amount, method => 'fixed',
       recency_cuts => [10, 30.5], frequency_cuts => [1, 2], monetary_cuts => [0.005, 99.999], as_of => DATE '2025-06-30')",
    "SELECT * FROM rfm((SELECT customer_id, CAST(ordered_at AS TIMESTAMP WITH TIME ZONE) AS ordered_at, amount FROM sample_orders(rows => 300)),
       customer => customer_id, order_time => ordered_at, amount => amount, method => 'percent', scheme => 'value_tier',
       as_of => TIMESTAMP '2025-06-30 12:00:00')",
    // Rows without a role, and numbers that are not finite, are left out on either side.
    "SELECT * FROM rfm((SELECT * FROM (VALUES (1, DATE '2025-01-01', 5.0), (NULL, DATE '2025-01-02', 6.0), (2, NULL, 7.0),
       (3, DATE '2025-01-03', CAST('inf' AS DOUBLE)), (4, DATE '2025-01-04', CAST('nan' AS DOUBLE)), (1, DATE '2025-01-05', -5.5)) AS t(c, d, a)),
       customer => c, order_time => d, amount => a)",
    "SELECT * FROM association_rules(sample_order_items(rows => 5000), basket => order_id, item => product, min_count => 3, max_len => 3,
       min_confidence => 0.05, min_lift => 0.5, max_consequent_len => 2, antecedent_items => ['rice', 'tea', 'milk'], exclude_items => ['milk'], max_basket_size => 8)",
    "SELECT * FROM association_rules((SELECT order_id, CAST(order_item_id % 7 AS DECIMAL(9, 2)) AS item FROM (SELECT order_id, row_number() OVER () AS order_item_id
       FROM sample_order_items(rows => 500))), basket => order_id, item => item, min_support => 0.01, min_confidence => 0, consequent_items => [1, 2.00])",
    "SELECT * FROM support_curve(sample_order_items(rows => 500), basket => order_id, item => product, supports => [1, 0.1, 0.0001], max_len => 1)",
    "SELECT * FROM recommend((SELECT * FROM (VALUES ('a', 1), ('a', 2), ('b', 2), (NULL, 3)) AS t(person, product)),
       (SELECT [2] AS antecedents, [3] AS consequents, CAST('inf' AS DOUBLE) AS confidence, 1 AS lift, 0.5 AS support
        UNION ALL SELECT [2], [1, 4], 0.5, 2, 0.1 UNION ALL SELECT [1], NULL, 1, 1, 1),
       basket => person, item => product, metric => 'lift')",
    // Branches of many types, NULL among them.
    "SELECT histogram(CASE WHEN amount < 50 THEN 1.25 WHEN amount < 90 THEN NULL WHEN amount < 200 THEN 2.50 END) AS decimals,
       histogram(CASE WHEN amount < 50 THEN [1, NULL] ELSE [2] END) AS lists,
       histogram(CASE WHEN amount < 50 THEN CAST('inf' AS DOUBLE) WHEN amount < 90 THEN CAST('nan' AS DOUBLE) ELSE -0.0 END) AS floats,
       histogram(CASE status WHEN 'paid' THEN DATE '2025-01-01' END) AS dates, histogram(CASE WHEN amount < 0 THEN 'none' END) AS empty
     FROM sample_orders(rows => 500)",
    "SELECT channel, histogram(CASE WHEN amount < 50 THEN 'low' END) AS h, trend(ordered_at, amount) AS t, preference(status) AS p
     FROM sample_orders(rows => 500) GROUP BY channel",
    "SELECT * FROM kmeans((SELECT customer_id, age, CASE WHEN age < 30 THEN NULL ELSE age END AS other FROM sample_customers(rows => 100)),
       key => customer_id, n_clusters => 2, missing => 'mean', scale => 'minmax', init => 'random', random_state => 7)",
    "SELECT * FROM kprototypes((SELECT customer_id, age, gender FROM sample_customers(rows => 100)), key => customer_id, n_clusters => 2, gamma => 0.25, missing => 'skip')",
    "SELECT * FROM cluster_profile((SELECT customer_id, age, gender, coalesce(age < 30, false) AS young FROM sample_customers(rows => 100)),
       cluster => young, missing => 'skip', labels => 'zh')",
    "SELECT * FROM frequent_itemsets(sample_order_items(rows => 500), basket => order_id, item => product, min_count => 2, max_len => 2,
       target => 'closed')",
    "CREATE TABLE buyers AS SELECT customer_id, frequency, recency_days, recency_days > 120 AS gone
       FROM rfm(sample_orders(rows => 1000), customer => customer_id, order_time => ordered_at, amount => amount);
     CREATE MODEL leaving WITH (type = 'logistic_regression', key = 'customer_id', target = 'gone', features = 'frequency') AS SELECT * FROM buyers;
     CREATE MODEL buying WITH (type = 'linear_regression', key = 'customer_id', target = 'frequency', features = 'recency_days') AS SELECT * FROM buyers;
     SELECT * FROM ml_evaluate(leaving, buyers);
     SELECT * FROM ml_evaluate(buying, buyers)",
    "SELECT * FROM clv_summary((SELECT customer_id, ordered_at, CAST(amount AS DOUBLE) AS amount FROM sample_orders(rows => 500)),
       customer => customer_id, order_time => ordered_at, amount => amount, observation_end => DATE '2025-06-30')",
];

/// A session whose plans have no node that only one process can run.
fn to_be_sent(engine: &Engine) -> Session {
    let session = engine.session().unwrap();
    engine.block_on(session.sql("SET portrait.grouped_aggregation = off")).unwrap();
    session
}

#[test]
fn plans_give_the_same_rows_when_their_steps_and_functions_went_through_bytes() {
    examples_through_bytes(5);
}

#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn every_plan_gives_the_same_rows_when_its_steps_and_functions_went_through_bytes() {
    examples_through_bytes(1);
}

/// Runs every `apart`th example of the reference.
fn examples_through_bytes(apart: usize) {
    let carrier = Carrier::new();
    let examples = crate::engine::pages().into_iter().flat_map(|doc| doc.examples.iter().copied());
    let mut compared = 0;
    let written = tempfile::tempdir().unwrap();
    for script in examples.step_by(apart).chain(MORE) {
        // What an example writes goes elsewhere.
        let base = script.contains("COPY ").then(|| written.path().to_path_buf());
        let engine = Engine::open(EngineOptions { partitions: Some(3), base, ..EngineOptions::default() }).unwrap();
        let session = to_be_sent(&engine);
        match engine.block_on(run(&session, &carrier, script)) {
            Ok(plans) => compared += plans,
            // Budgets stay where they are kept: the plan travels, and its rows do not come.
            Err(error) if crate::error::message(&error).contains("is answered where the database is") => {}
            // So do counters.
            Err(error) if crate::error::message(&error).contains("the scalar function nextval is not registered") => {}
            Err(error) => panic!("{}\n{script}", crate::error::message(&error)),
        }
    }
    assert!(compared > 30 / apart, "{compared} plans");
    let engine = Engine::open(EngineOptions::default()).unwrap();
    let session = to_be_sent(&engine);
    for plan in [align(&engine, &session), train(&engine, &session), suppress(&engine, &session)] {
        engine.block_on(compare(&session, &carrier, &plan.unwrap())).unwrap();
    }
    let met = carrier.met.into_inner();
    if apart > 1 {
        return;
    }
    // What users call has no bytes to be tried, and may be gone from every plan, as constants are computed before.
    let is_called = |name: &str| functions::page(name).name == name;
    let missed = registry().listed().iter().filter(|(sort, name)| *sort == Sort::Step || !is_called(name));
    let missed: Vec<_> = missed.filter(|listed| !met.contains(listed)).collect();
    assert!(missed.is_empty(), "no example or query here has a plan with {missed:?}");
}

/// Runs a script; each query also from its bytes. How many there were.
async fn run(session: &Session, carrier: &Carrier, script: &str) -> Result<usize> {
    let mut compared = 0;
    let twice = session.parse(script).await?.into_iter().zip(session.parse(script).await?);
    for (statement, again) in twice {
        const UNPLANNED: [&str; 16] = [
            "COPY",
            "INSERT",
            "DELETE",
            "UPDATE",
            "MERGE",
            "TRUNCATE",
            "ALTER",
            "BEGIN",
            "COMMIT",
            "ROLLBACK",
            "SAVEPOINT",
            "RELEASE",
            "COMMENT",
            "CREATE ROLE",
            "DROP ROLE",
            "START",
        ];
        let changes = UNPLANNED.iter().any(|word| statement.text.trim_start().starts_with(word));
        let query = match &statement.parsed {
            // What they read is planned as a query of its own when they run.
            Parsed::Sql(_) if changes => None,
            Parsed::Command(_) => None,
            Parsed::Sql(_) => match session.plan(statement).await? {
                LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(table)) => Some(Arc::unwrap_or_clone(table.input)),
                LogicalPlan::Ddl(_)
                | LogicalPlan::Statement(_)
                | LogicalPlan::Copy(_)
                | LogicalPlan::Dml(_)
                | LogicalPlan::Explain(_) => None,
                query => Some(query),
            },
        };
        if let Some(query) = query {
            compare(session, carrier, &query).await?;
            compared += 1;
        }
        session.execute(again).await?.collect().await?;
    }
    Ok(compared)
}

async fn compare(session: &Session, carrier: &Carrier, query: &LogicalPlan) -> Result<()> {
    let context = session.context();
    // Two plans: what runs has state.
    let plan = context.state().create_physical_plan(query).await?;
    let carried = carrier.carry(context.state().create_physical_plan(query).await?)?;
    assert_eq!(shown(&carried), shown(&plan));
    assert_eq!(carried.schema(), plan.schema());
    let expected = rows(&collect(plan, context.task_ctx()).await?)?;
    assert_eq!(rows(&collect(carried, context.task_ctx()).await?)?, expected);
    Ok(())
}

fn shown(plan: &Arc<dyn ExecutionPlan>) -> String {
    datafusion::physical_plan::displayable(plan.as_ref()).indent(true).to_string()
}

/// The rows as texts, in an order of their own.
fn rows(batches: &[RecordBatch]) -> Result<Vec<String>> {
    let mut rows = vec![];
    for batch in batches {
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter().map(|column| Ok(array_value_to_string(column, row)?));
            rows.push(values.collect::<Result<Vec<_>>>()?.join("|"));
        }
    }
    rows.sort_unstable();
    Ok(rows)
}

fn plan_of(engine: &Engine, session: &Session, sql: &str) -> Result<LogicalPlan> {
    let statement = engine.block_on(session.parse(sql))?.remove(0);
    engine.block_on(session.plan(statement))
}

/// The step of a refresh, over inputs with keys that others lack.
fn align(engine: &Engine, session: &Session) -> Result<LogicalPlan> {
    let inputs = [
        "SELECT * FROM (VALUES (1, 'a'), (3, NULL), (NULL, 'nobody')) AS t(id, name)",
        "SELECT * FROM (VALUES (1, 1.50), (2, 2.25), (3, NULL)) AS t(id, amount)",
        "SELECT * FROM (VALUES (2, [1.0, CAST('inf' AS DOUBLE)]), (4, NULL)) AS t(id, list)",
    ];
    let inputs = inputs.iter().map(|sql| plan_of(engine, session, sql)).collect::<Result<Vec<_>>>()?;
    let align = Align {
        profile: "member".into(),
        key: "id".into(),
        inputs: vec!["rows".into(), "tags".into(), "state before".into()],
        leads: vec![true, false, true],
    };
    align.plan(PRESENT, inputs)
}

/// The step of CREATE MODEL, which no query has.
fn train(engine: &Engine, session: &Session) -> Result<LogicalPlan> {
    let model_type = model_type("kmeans").unwrap();
    let options = vec![("n_clusters", ScalarValue::Int64(Some(2))), ("missing", ScalarValue::from("skip"))];
    let training = Training {
        label: "model m".into(),
        model_type,
        key: "customer_id".into(),
        features: None,
        weight: None,
        others: vec![],
        options: Options::read(model_type.doc(), options)?,
        rival: None,
    };
    let query = plan_of(engine, session, "SELECT customer_id, age FROM sample_customers(rows => 50)")?;
    crate::learning::model::plan(&training, query)
}

/// The step of an export.
fn suppress(engine: &Engine, session: &Session) -> Result<LogicalPlan> {
    let query = "SELECT city_tier, count(*) AS customers FROM sample_customers(rows => 50) GROUP BY city_tier";
    functions::suppress_below(plan_of(engine, session, query)?, 10, None)
}
