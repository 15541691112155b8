//! Clusters and models: published figures, results that do not depend on how the work is divided, single steps, cancelling, files.

use std::time::{Duration, Instant};

use portraitdb::EngineOptions;

use crate::support::{rows, session, session_with, shared_data, some, try_rows};

/// Annual income × spending score of 200 customers of a mall, not scaled; the best inertia of many starts in scikit-learn.
#[test]
fn the_mall_has_its_known_inertia() {
    let Some(mall) = shared_data("mall/Mall_Customers.csv") else { return };
    let (engine, session) = session();
    let mall = mall.display();
    rows(
        &engine,
        &session,
        &format!(
            "CREATE TABLE mall AS SELECT \"CustomerID\" AS id, \"Gender\" AS gender, \"Age\" AS age,
               \"Annual Income (k$)\" AS income, \"Spending Score (1-100)\" AS score FROM '{mall}'"
        ),
    );
    let call = "key => id, features => [income, score], scale => 'none', n_init => 10";
    let found = rows(
        &engine,
        &session,
        &format!(
            "SELECT n_clusters, round(inertia, 4) FROM choose_clusters(mall, {call}, min_clusters => 1, max_clusters => 5) ORDER BY 1"
        ),
    );
    assert_eq!(found, ["1|269981.28", "2|181363.596", "3|106348.3731", "4|73679.789", "5|44448.4554"]);
    let sizes = format!(
        "SELECT cluster_id, count(*), round(sum(distance * distance), 4) FROM kmeans(mall, {call}, n_clusters => 5) GROUP BY 1 ORDER BY 1"
    );
    let sizes = rows(&engine, &session, &sizes);
    assert_eq!(
        sizes.iter().map(|row| row.split('|').nth(1).unwrap().parse::<u32>().unwrap()).collect::<Vec<_>>(),
        [81, 39, 35, 23, 22]
    );
    // The indices by scikit-learn 1.9, for these clusters and for the genders.
    let indices = |from: &str, expected: [f64; 3]| {
        let found = rows(&engine, &session, &format!("SELECT silhouette, davies_bouldin, calinski_harabasz FROM {from}"));
        for (found, expected) in found[0].split('|').zip(expected) {
            let found: f64 = found.parse().unwrap();
            assert!((found / expected - 1.0).abs() < 1e-9, "{from}: {found}, not {expected}");
        }
    };
    let of = |clusters: usize| format!("choose_clusters(mall, {call}, min_clusters => {clusters}, max_clusters => {clusters})");
    indices(&of(3), [0.46761358158775435, 0.715276820248462, 151.5570090006799]);
    indices(&of(5), [0.553931997444648, 0.5725628995597082, 247.35899338037282]);
    let genders = "cluster_validity(mall, key => id, cluster => gender, features => [income, score], scale => 'none')";
    indices(genders, [0.0033854527380954443, 14.782119350545155, 0.6511184278935909]);
    // The lowest cost of 60 starts in the Python package kmodes, with three numbers and the gender.
    for (clusters, cost) in [(3, 339.09068653590634), (4, 248.45321715208357), (6, 174.88887021131018)] {
        let ours = format!(
            "SELECT sum(distance * distance) <= {cost} + 1e-9 FROM kprototypes(mall, key => id, n_clusters => {clusters}, gamma => 0.5, n_init => 10)"
        );
        assert_eq!(rows(&engine, &session, &ours), ["true"], "{clusters} prototypes");
    }
    // Rules for the five clusters are right for nearly every row.
    let rules = format!(
        "SELECT sum(purity * rows) / sum(rows) > 0.95 FROM explain_segments((SELECT m.*, cluster_id FROM mall AS m
           JOIN kmeans(mall, {call}, n_clusters => 5) AS k ON m.id = k.id), label => cluster_id, features => [income, score], max_rules => 8, max_depth => 4)"
    );
    assert_eq!(rows(&engine, &session, &rules), ["true"]);
}

const SHOPPERS: &str = "CREATE TABLE shoppers AS SELECT r.customer_id, recency_days, frequency, CAST(monetary AS DOUBLE) AS monetary, city_tier, gender
    FROM rfm(sample_orders(rows => 6000), customer => customer_id, order_time => ordered_at, amount => amount) AS r
    JOIN sample_customers(rows => 2000) AS c ON r.customer_id = c.customer_id WHERE gender IS NOT NULL";

/// Every function returns the same bits with other partitions, batches and orders of rows.
#[test]
fn answers_do_not_depend_on_how_the_work_is_divided() {
    let questions = |input: &str| {
        [
            format!(
                "SELECT customer_id, cluster_id, distance FROM kmeans({input}, key => customer_id, n_clusters => 6, n_init => 2) ORDER BY 1"
            ),
            format!("SELECT * FROM kprototypes({input}, key => customer_id, n_clusters => 4, n_init => 1) ORDER BY 1"),
            format!("SELECT * FROM choose_clusters({input}, key => customer_id, max_clusters => 5, n_init => 1) ORDER BY 1"),
            format!("SELECT * FROM cluster_validity({input}, key => customer_id, cluster => city_tier)"),
            format!(
                "SELECT * FROM cluster_profile({input}, key => customer_id, cluster => city_tier) ORDER BY city_tier, feature, value"
            ),
            format!("SELECT * FROM explain_segments({input}, key => customer_id, label => gender) ORDER BY rule"),
            format!(
                "CREATE OR REPLACE MODEL m WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3) AS SELECT * FROM {input} AS t; SELECT model FROM system.models"
            ),
        ]
    };
    let mut first: Option<Vec<Vec<String>>> = None;
    for (partitions, batch_size) in [(1, 8192), (2, 100), (7, 33)] {
        let options = EngineOptions { partitions: Some(partitions), batch_size: Some(batch_size), ..EngineOptions::default() };
        let (engine, session) = session_with(options);
        rows(&engine, &session, SHOPPERS);
        for input in ["shoppers", "(SELECT * FROM shoppers ORDER BY frequency % 5, customer_id DESC)"] {
            let answers: Vec<_> = questions(input).iter().map(|question| rows(&engine, &session, question)).collect();
            assert!(answers.iter().all(|answer| !answer.is_empty()));
            match &first {
                None => first = Some(answers),
                Some(first) => {
                    for (place, (one, other)) in first.iter().zip(&answers).enumerate() {
                        assert!(one == other, "question {place}, {partitions} partitions, batches of {batch_size}, {input}");
                    }
                }
            }
        }
    }
}

/// From given centres, after each number of iterations, against the same steps in plain SQL.
#[test]
fn each_step_is_that_of_plain_sql() {
    let (engine, session) = session();
    let sql = |text: &str| rows(&engine, &session, text);
    sql(SHOPPERS);
    sql("CREATE TABLE centres AS SELECT customer_id AS c, recency_days, frequency FROM shoppers ORDER BY customer_id LIMIT 4");
    sql("CREATE TABLE start AS SELECT * FROM centres");
    for iterations in 1..6 {
        // Assign, then move each centre to the mean of its rows.
        sql("CREATE OR REPLACE TABLE assigned AS SELECT customer_id, s.recency_days AS r, s.frequency AS f, first_value(c ORDER BY
               (s.recency_days - e.recency_days) * (s.recency_days - e.recency_days) + (s.frequency - e.frequency) * (s.frequency - e.frequency), c) AS c
             FROM shoppers AS s CROSS JOIN centres AS e GROUP BY customer_id, s.recency_days, s.frequency");
        sql(
            "CREATE OR REPLACE TABLE centres AS SELECT c, avg(CAST(r AS DOUBLE)) AS recency_days, avg(CAST(f AS DOUBLE)) AS frequency FROM assigned GROUP BY c",
        );
        sql(&format!(
            "CREATE OR REPLACE TABLE found AS SELECT customer_id, distance FROM kmeans(shoppers, key => customer_id, n_clusters => 4,
               features => [recency_days, frequency], scale => 'none', tol => 0, max_iter => {iterations},
               centroids => (SELECT recency_days, frequency FROM start ORDER BY c))"
        ));
        let worst = sql(
            "SELECT max(abs(distance - nearest)) < 1e-9 FROM found JOIN (SELECT customer_id, min(sqrt(
               (s.recency_days - e.recency_days) * (s.recency_days - e.recency_days) + (s.frequency - e.frequency) * (s.frequency - e.frequency))) AS nearest
             FROM shoppers AS s CROSS JOIN centres AS e GROUP BY customer_id) AS plain ON found.customer_id = plain.customer_id",
        );
        assert_eq!(worst, ["true"], "{iterations} iterations");
    }
}

#[test]
fn defaults_and_models_are_told() {
    let (engine, session) = session();
    let sql = |text: &str| rows(&engine, &session, text);
    sql(SHOPPERS);
    let plan = sql("EXPLAIN SELECT * FROM kmeans(shoppers, key => customer_id, n_clusters => 2, weight => frequency)").join("\n");
    assert!(
        plan.contains("key=customer_id, features=[recency_days number, monetary number], has_weight=true, missing=error"),
        "{plan}"
    );
    sql("CREATE MODEL m WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3, comment = '分群') AS SELECT * FROM shoppers;
         CREATE OR REPLACE MODEL m WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3, comment = '分群') AS SELECT * FROM shoppers;
         CREATE PROFILE p WITH (key = 'customer_id') AS SELECT * FROM shoppers;
         CREATE TAG t ON p AS SELECT customer_id, cluster_id FROM ml_predict(m, shoppers);
         CREATE VIEW v AS SELECT * FROM ml_predict(m, shoppers)");
    assert!(sql("DESCRIBE TAG t").contains(&"applies|model m, version 2".to_string()));
    let model = sql("DESCRIBE MODEL m").join("\n");
    for part in [
        "type|kmeans",
        "key|customer_id",
        "rows_used|",
        "silhouette|",
        "version|2",
        "comment|分群",
        "definition|CREATE OR REPLACE MODEL m",
    ] {
        assert!(model.contains(part), "no {part} in {model}");
    }
    assert!(sql("SHOW MODELS")[0].starts_with("m|kmeans|2|"));
    let plan = sql("EXPLAIN SELECT * FROM ml_predict(m, shoppers)").join("\n");
    assert!(plan.contains("ml_predict[model m, version 2]") && !plan.contains("centres"), "{plan}");
    let error = try_rows(&engine, &session, "DROP MODEL m").unwrap_err();
    assert!(error.contains("is used by tag t, view v"), "{error}");
}

/// A model that must remember this many distinct strings of 200 characters, applied to more rows than it was trained on.
fn a_large_model(texts: usize, predicted: usize) {
    let (engine, session) = session();
    let sql = |text: &str| rows(&engine, &session, text);
    let notes = |rows: usize| {
        format!(
            "(SELECT value AS id, value % 2 AS side, CAST(value AS VARCHAR) || repeat('x', 190) AS note FROM generate_series(1, {rows}))"
        )
    };
    let began = Instant::now();
    sql(&format!(
        "CREATE MODEL m WITH (type = 'kprototypes', key = 'id', n_clusters = 2, n_init = 1, max_iter = 1) AS SELECT * FROM {}",
        notes(texts)
    ));
    let trained = began.elapsed();
    let bytes: usize = sql("SELECT octet_length(model) FROM system.models")[0].parse().unwrap();
    assert!(bytes > texts * 190, "{bytes} bytes");
    let predict = format!("FROM ml_predict(m, {})", notes(predicted));
    let plans = sql(&format!("EXPLAIN VERBOSE SELECT * {predict}")).join("\n");
    assert!(plans.contains("model m, version 1") && !plans.contains("9x"), "{plans}");
    assert!(plans.len() < 50_000, "EXPLAIN VERBOSE has {} bytes", plans.len());
    let began = Instant::now();
    let sides = sql(&format!("SELECT side, count(*), count(DISTINCT cluster_id) {predict} GROUP BY side ORDER BY side"));
    assert_eq!(sides, [format!("0|{}|1", predicted / 2), format!("1|{}|1", predicted / 2)]);
    println!("{bytes} bytes, trained in {trained:?}, {predicted} rows predicted in {:?}", began.elapsed());
}

#[test]
fn a_model_is_named_in_plans_not_written_out() {
    a_large_model(2_000, 4_000);
}

#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn a_model_of_fifty_megabytes_predicts_a_million_rows() {
    a_large_model(250_000, 1_000_000);
}

/// The database contains a complete model or none.
#[test]
fn models_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let options = || EngineOptions { database: Some(folder.path().into()), ..EngineOptions::default() };
    let predicted = {
        let (engine, session) = session_with(options());
        rows(&engine, &session, SHOPPERS);
        rows(
            &engine,
            &session,
            "CREATE MODEL m WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3) AS SELECT * FROM shoppers",
        );
        // If training fails, the previous version stays.
        let failing = "CREATE OR REPLACE MODEL m WITH (type = 'kmeans', key = 'customer_id', n_clusters = 100000) AS SELECT * FROM shoppers";
        try_rows(&engine, &session, failing).unwrap_err();
        rows(&engine, &session, "SELECT customer_id, cluster_id, distance FROM ml_predict(m, shoppers) ORDER BY 1")
    };
    let (engine, session) = session_with(options());
    assert_eq!(rows(&engine, &session, "SELECT version FROM system.models"), ["1"]);
    let again = rows(&engine, &session, "SELECT customer_id, cluster_id, distance FROM ml_predict(m, shoppers) ORDER BY 1");
    assert!(predicted == again && predicted.len() > 300);
    assert!(session.dump().unwrap().contains("CREATE MODEL m WITH"));
}

#[test]
fn clustering_can_be_cancelled_and_keeps_within_memory() {
    let (engine, session) = session();
    rows(
        &engine,
        &session,
        "CREATE TABLE noise AS SELECT value AS id, random() AS a, random() AS b, random() AS c FROM generate_series(1, 200000)",
    );
    for endless in [
        "SELECT count(*) FROM kmeans(noise, key => id, n_clusters => 500, n_init => 1000, tol => 0)",
        "SELECT count(*) FROM kprototypes(noise, key => id, n_clusters => 100, n_init => 1000)",
        "CREATE MODEL never WITH (type = 'kmeans', key = 'id', n_clusters = 500, n_init = 1000, tol = 0) AS SELECT * FROM noise",
    ] {
        let began = Instant::now();
        let given_up = engine.block_on(async { tokio::time::timeout(Duration::from_millis(1500), session.sql(endless)).await });
        assert!(given_up.is_err() && began.elapsed() < Duration::from_secs(10), "{endless}");
    }
    assert_eq!(rows(&engine, &session, "SELECT count(*) FROM system.models"), ["0"]);
    let (engine, session) = session_with(EngineOptions { memory_limit: Some(16 << 20), ..EngineOptions::default() });
    let large = "SELECT count(*) FROM kmeans((SELECT value AS id, sin(value) AS a, cos(value) AS b, sin(2 * value) AS c FROM generate_series(1, 1000000)), key => id, n_clusters => 3)";
    let error = try_rows(&engine, &session, large).unwrap_err();
    assert!(error.contains("more would exceed the memory limit") && error.contains("raise --memory-limit"), "{error}");
    assert_eq!(rows(&engine, &session, "SELECT 1"), ["1"]);
}

/// Data beyond the memory limit is read from disk in each step, with the same result.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn features_beyond_the_memory_limit_go_to_disk() {
    let columns: Vec<String> = (1..=12).map(|column| format!("sin({column} * value) AS f{column}")).collect();
    let points = format!("(SELECT value AS id, {} FROM generate_series(1, 200000))", columns.join(", "));
    let call = |more: &str| format!("kmeans({points}, key => id, n_clusters => 4, n_init => 1, max_iter => 2{more})");
    let question = format!("SELECT cluster_id, count(*), sum(distance), min(id) FROM {} GROUP BY 1 ORDER BY 1", call(""));
    let (engine, session) = session_with(EngineOptions { partitions: Some(1), ..EngineOptions::default() });
    let in_memory = rows(&engine, &session, &question);
    let limited = EngineOptions { memory_limit: Some(16 << 20), partitions: Some(1), ..EngineOptions::default() };
    let (engine, session) = session_with(limited);
    assert_eq!(rows(&engine, &session, &question), in_memory);
    let explained = rows(&engine, &session, &format!("EXPLAIN ANALYZE SELECT count(*) FROM {}", call(""))).join(" ");
    assert!(
        explained.contains("may_spill=true") && explained.contains("spilled_bytes=") && !explained.contains("spilled_bytes=0"),
        "{explained}"
    );
    let robust = try_rows(&engine, &session, &format!("SELECT count(*) FROM {}", call(", scale => 'robust'")));
    assert!(robust.unwrap_err().contains("needs the features in memory"));
}

/// A rule pasted into WHERE selects as many rows as reported, and a planted cut is found, for numbers and times of every type.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn rules_select_the_rows_they_told() {
    let (engine, session) = session();
    // The value of row `n`, counted from 0, in scattered order: neighbouring values differ by the smallest step of the type.
    for value in [
        "CAST(n AS BIGINT) + 9007199254740000",
        "CAST(n AS BIGINT) - 9223372036854775808",
        "CAST(18446744073709500000 AS BIGINT UNSIGNED) + CAST(n AS BIGINT UNSIGNED)",
        "CAST(n AS INT) - 30000",
        "CAST(n AS DECIMAL(38, 0)) + CAST('12345678901234567890123456789000000000' AS DECIMAL(38, 0))",
        "CAST(concat('0.', lpad(CAST(n AS VARCHAR), 30, '0')) AS DECIMAL(38, 30))",
        "CAST(CAST(n AS DECIMAL(12, 2)) / 100 AS DECIMAL(12, 2))",
        "CAST(n AS DOUBLE) * 2.220446049250313e-16 + 1.0",
        "CAST(n AS DOUBLE) * 1e-300 - 2e-296",
        "CAST(n AS FLOAT) / 7",
        "DATE '1900-01-01' + CAST(n AS INT)",
        "arrow_cast(to_timestamp_nanos(1735689600000000000 + n), 'Timestamp(Nanosecond, None)')",
        "arrow_cast(to_timestamp_seconds(1735689600 + n * 3600), 'Timestamp(Second, None)')",
        "arrow_cast(to_timestamp_millis(253402300800000 + n), 'Timestamp(Millisecond, None)')",
        "DATE '9999-12-31' + CAST(n AS INT)",
        "arrow_cast(to_timestamp_millis(1735689600000 + n), 'Timestamp(Millisecond, Some(\"America/New_York\"))')",
    ] {
        for count in some([50_001, 49_999], 1) {
            let planted = "CASE WHEN n < 12345 THEN 'low' WHEN n < 40000 THEN 'middle' ELSE 'high' END";
            rows(
                &engine,
                &session,
                &format!(
                    "CREATE OR REPLACE TABLE planted AS SELECT id, {value} AS x, {planted} AS label
                 FROM (SELECT value AS id, (value * 7919) % {count} AS n FROM generate_series(1, {count}))"
                ),
            );
            let rules = rows(
                &engine,
                &session,
                "SELECT label, rows, purity, rule FROM explain_segments(planted, label => label, key => id, features => [x]) ORDER BY label",
            );
            assert_eq!(rules.len(), 3, "{value}, {count} rows: {rules:#?}");
            for rule in rules {
                let [label, told, purity, condition] = rule.splitn(4, '|').collect::<Vec<_>>()[..] else { panic!("{rule}") };
                let selected = format!("SELECT count(*), count(DISTINCT label), min(label) FROM planted WHERE {condition}");
                assert_eq!(rows(&engine, &session, &selected), [format!("{told}|1|{label}")], "{value}, {count} rows: {rule}");
                assert_eq!(purity, "1.0", "{rule}");
            }
        }
    }
}
