//! Answers on real data, held against published figures and against the same work in plain SQL.

use portraitdb::{Engine, EngineOptions, Session};

use crate::support::{rows, session_with, shared_data};

const PARTITIONS: [usize; 3] = [1, 2, 7];

fn each_partitioning(check: impl Fn(&Engine, &Session)) {
    for partitions in PARTITIONS {
        let (engine, session) = session_with(EngineOptions { partitions: Some(partitions), ..EngineOptions::default() });
        check(&engine, &session);
    }
}

const METHODS: [&str; 4] = [
    "method => 'quantile'",
    "method => 'ntile'",
    "method => 'percent'",
    "method => 'fixed', recency_cuts => [20, 50, 100, 250], frequency_cuts => [2, 3, 5, 10], monetary_cuts => [250, 500, 1000.5, 3000]",
];

/// Counts the customers whose scores differ from those of plain SQL over the view `measures`.
fn differences(method: &str) -> String {
    let scores = match METHODS.iter().position(|known| *known == method).unwrap() {
        0 => {
            let score = |measure: &str, better: &str| {
                let below: Vec<String> = (1..5).map(|cut| format!("CASE WHEN {measure}{cut} < {measure} THEN 1 ELSE 0 END")).collect();
                format!("{better} ({})", below.join(" + "))
            };
            let cut = |measure: &str, cut: usize| format!("max({measure}) FILTER (WHERE rank_{measure} = ceil({cut} * n / 5.0)) AS {measure}{cut}");
            let cuts: Vec<String> = ["r", "f", "m"].iter().flat_map(|measure| (1..5).map(|i| cut(measure, i))).collect();
            format!(
                "SELECT k, {} AS rs, {} AS fs, {} AS ms FROM measures CROSS JOIN (SELECT {} FROM (SELECT r, f, m, count(*) OVER () AS n,
                   row_number() OVER (ORDER BY r) AS rank_r, row_number() OVER (ORDER BY f) AS rank_f, row_number() OVER (ORDER BY m) AS rank_m FROM measures))",
                score("r", "5 -"), score("f", "1 +"), score("m", "1 +"), cuts.join(", ")
            )
        }
        1 => "SELECT k, ntile(5) OVER (ORDER BY r DESC, k) AS rs, ntile(5) OVER (ORDER BY f, k) AS fs, ntile(5) OVER (ORDER BY m, k) AS ms FROM measures".to_string(),
        2 => {
            let score = |order: &str| format!("floor(100.0 * (rank() OVER (ORDER BY {order}) - 1) / (count(*) OVER () - 1))");
            format!("SELECT k, {} AS rs, {} AS fs, {} AS ms FROM measures", score("r DESC"), score("f"), score("m"))
        }
        _ => "SELECT k,
            CASE WHEN r <= 20 THEN 5 WHEN r <= 50 THEN 4 WHEN r <= 100 THEN 3 WHEN r <= 250 THEN 2 ELSE 1 END AS rs,
            CASE WHEN f >= 10 THEN 5 WHEN f >= 5 THEN 4 WHEN f >= 3 THEN 3 WHEN f >= 2 THEN 2 ELSE 1 END AS fs,
            CASE WHEN m >= 3000 THEN 5 WHEN m >= 1000.5 THEN 4 WHEN m >= 500 THEN 3 WHEN m >= 250 THEN 2 ELSE 1 END AS ms FROM measures"
            .to_string(),
    };
    format!(
        "SELECT count(*), count(*) FILTER (WHERE recency_score <> rs OR frequency_score <> fs OR monetary_score <> ms)
         FROM scored JOIN ({scores}) ON customer = k"
    )
}

fn compare_scores(engine: &Engine, session: &Session, call: &str, customers: usize) {
    let checksum = "SELECT sum(recency_score * 3 + frequency_score * 5 + monetary_score * 7) FROM scored";
    for method in METHODS {
        rows(engine, session, &format!("CREATE OR REPLACE VIEW scored AS SELECT * FROM rfm({call}, {method})"));
        assert_eq!(rows(engine, session, &differences(method)), [format!("{customers}|0")], "{method}");
    }
    // The last method once more, in batches of three rows.
    let expected = rows(engine, session, checksum);
    rows(engine, session, "SET datafusion.execution.batch_size = 3");
    assert_eq!(rows(engine, session, checksum), expected);
    rows(engine, session, "SET datafusion.execution.batch_size = 8192");
}

#[test]
fn online_retail_has_its_customers_and_revenue() {
    let Some(file) = shared_data("online_retail/online_retail.parquet") else { return };
    each_partitioning(|engine, session| {
        // Exact amounts: the file has doubles, the prices have three decimals.
        let lines = format!(
            "CREATE TABLE lines AS SELECT CAST(\"CustomerID\" AS BIGINT) AS customer, \"InvoiceNo\" AS invoice, \"InvoiceDate\" AS at,
               CAST(\"Quantity\" AS DECIMAL(12, 0)) * CAST(\"UnitPrice\" AS DECIMAL(12, 3)) AS amount, \"Quantity\" * \"UnitPrice\" AS float_amount
             FROM '{}'
             WHERE \"CustomerID\" IS NOT NULL AND \"Quantity\" > 0 AND \"UnitPrice\" > 0 AND \"InvoiceNo\" NOT LIKE 'C%'",
            file.display()
        );
        rows(engine, session, &lines);
        let call = "lines, customer => customer, order_time => at, amount => amount, order_id => invoice";
        let totals = format!(
            "SELECT count(*), round(sum(monetary), 2), sum(frequency), min(recency_days), max(recency_days) FROM rfm({call})"
        );
        assert_eq!(rows(engine, session, &totals), ["4338|8911407.90|18532|1|374"]);
        let floats = "SELECT count(*), round(sum(monetary), 2) FROM rfm(lines, customer => customer, order_time => at, amount => float_amount)";
        assert_eq!(rows(engine, session, floats), ["4338|8911407.9"]);

        rows(
            engine,
            session,
            "CREATE TABLE measures AS SELECT customer AS k, DATE '2011-12-10' - CAST(max(at) AS DATE) AS r, count(DISTINCT invoice) AS f, sum(amount) AS m
             FROM lines GROUP BY customer",
        );
        compare_scores(engine, session, call, 4338);
    });
}

/// A float sum does not depend on the order of its rows: bit for bit the same at any partitioning.
#[test]
fn float_sums_are_the_same_everywhere() {
    let Some(file) = shared_data("online_retail/online_retail.parquet") else { return };
    let mut seen: Vec<Vec<String>> = vec![];
    for partitions in PARTITIONS {
        let (engine, session) = session_with(EngineOptions { partitions: Some(partitions), ..EngineOptions::default() });
        let sql = format!(
            "SELECT \"CustomerID\", monetary, segment FROM rfm('{}', customer => \"CustomerID\", order_time => \"InvoiceDate\", amount => \"Quantity\" * \"UnitPrice\") ORDER BY 1",
            file.display()
        );
        seen.push(rows(&engine, &session, &sql));
    }
    assert!(seen[0].len() == 4372 && seen.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn cdnow_has_its_customers_and_revenue() {
    let Some(file) = shared_data("cdnow/CDNOW_master.txt") else { return };
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("cdnow.csv");
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<String> = text
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(","))
        .filter(|line| !line.is_empty())
        .collect();
    std::fs::write(&csv, format!("customer,day,cds,amount\n{}\n", lines.join("\n"))).unwrap();
    each_partitioning(|engine, session| {
        let make = format!(
            "CREATE EXTERNAL TABLE raw (customer VARCHAR, day VARCHAR, cds INT, amount DECIMAL(10, 2)) STORED AS CSV OPTIONS ('format.has_header' 'true') LOCATION '{}';
             CREATE TABLE lines AS SELECT customer, CAST(concat(substr(day, 1, 4), '-', substr(day, 5, 2), '-', substr(day, 7, 2)) AS DATE) AS day, amount FROM raw",
            csv.display()
        );
        rows(engine, session, &make);
        let call = "lines, customer => customer, order_time => day, amount => amount";
        let totals = format!("SELECT count(*), sum(monetary), sum(frequency) FROM rfm({call})");
        assert_eq!(rows(engine, session, &totals), ["23570|2500315.63|69659"]);
        rows(
            engine,
            session,
            "CREATE TABLE measures AS SELECT customer AS k, (SELECT max(day) FROM lines) + INTERVAL '1 day' - max(day) AS r_interval,
               (SELECT max(day) FROM lines) - max(day) + 1 AS r, count(*) AS f, sum(amount) AS m FROM lines GROUP BY customer",
        );
        compare_scores(engine, session, call, 23570);
    });
}
