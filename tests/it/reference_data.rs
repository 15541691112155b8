//! Results on real data, compared with published figures and with the same computation in plain SQL.

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

/// Counts the customers whose scores differ from plain SQL over the view `measures`.
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
#[ignore = "long: cargo test -- --include-ignored"]
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

/// A float sum does not depend on the order of rows: it has the same bits with any partitioning.
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
#[ignore = "long: cargo test -- --include-ignored"]
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

/// A FIMI or basket file as rows of (basket, item) in CSV, in the order of the file or shuffled.
fn baskets_as_rows(file: &str, separator: char, shuffled: bool) -> Option<tempfile::NamedTempFile> {
    let text = std::fs::read_to_string(shared_data(file)?).unwrap();
    let mut rows: Vec<String> = vec![];
    for (basket, line) in text.lines().enumerate() {
        let items = line.split(separator).filter(|item| !item.trim().is_empty());
        rows.extend(items.map(|item| format!("{},{item}", basket + 1)));
    }
    if shuffled {
        // Steps of a length coprime to the number of rows visit each row once.
        let step = (rows.len() / 3..).find(|step| gcd(*step, rows.len()) == 1).unwrap();
        rows = (0..rows.len()).map(|row| rows[row * step % rows.len()].clone()).collect();
    }
    let mut csv = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::io::Write::write_all(&mut csv, format!("basket,item\n{}\n", rows.join("\n")).as_bytes()).unwrap();
    Some(csv)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Counts that three miners agree on, or that were published; pyfim drops the item that is in every basket of mushroom.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn itemsets_are_those_of_other_miners() {
    for (file, thresholds) in [
        ("fimi/retail.dat", [("min_count => 89", 7_589), ("min_support => 0.005", 580)]),
        ("fimi/T10I4D100K.dat", [("min_support => 0.001", 27_532), ("min_count => 500", 1_073)]),
        ("fimi/mushroom.dat", [("min_support => 0.2", 53_583), ("min_support => 0.1", 574_431)]),
        ("fimi/chess.dat", [("min_count => 2238", 48_731), ("min_support => 0.6", 254_944)]),
    ] {
        let mut sums: Vec<Vec<String>> = vec![];
        for (partitions, shuffled) in [(1, false), (2, true), (7, false)] {
            let Some(csv) = baskets_as_rows(file, ' ', shuffled) else { return };
            let (engine, session) = session_with(EngineOptions { partitions: Some(partitions), ..EngineOptions::default() });
            rows(&engine, &session, &format!("CREATE TABLE lines AS SELECT * FROM '{}'", csv.path().display()));
            let mut found = vec![];
            for (threshold, sets) in thresholds {
                let sql = format!(
                    "SELECT count(*), sum(count), sum(length), sum(count * itemset[1]), sum(count * itemset[length])
                     FROM frequent_itemsets(lines, basket => basket, item => item, {threshold})"
                );
                found.extend(rows(&engine, &session, &sql));
                assert!(found.last().unwrap().starts_with(&format!("{sets}|")), "{file} {threshold}: {found:?}");
            }
            sums.push(found);
        }
        assert!(sums.windows(2).all(|pair| pair[0] == pair[1]), "{file}: {sums:?}");
    }
}

/// Every basket of mushroom has item 85.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn an_item_in_every_basket_is_told() {
    let Some(csv) = baskets_as_rows("fimi/mushroom.dat", ' ', false) else { return };
    let (engine, session) = session_with(EngineOptions::default());
    for target in ["frequent", "closed"] {
        let sql = format!(
            "SELECT itemset, count, support FROM frequent_itemsets('{}', basket => basket, item => item, min_support => 1, target => '{target}')",
            csv.path().display()
        );
        assert_eq!(rows(&engine, &session, &sql), ["[85]|8124|1.0"]);
    }
    // The numbers of pyfim's closed and maximal sets; for closed sets, plus the one of the item in every basket.
    let count = |target: &str| {
        let call = format!("'{}', basket => basket, item => item, min_count => 200, target => '{target}'", csv.path().display());
        rows(&engine, &session, &format!("SELECT count(*) FROM frequent_itemsets({call})"))
    };
    assert_eq!((count("closed"), count("maximal")), (vec!["26968".into()], vec!["3111".into()]));
}

/// The published rules of Groceries (lifts to four decimals; the second is 12·9,835 / (19·372)), and their itemsets at each support.
#[test]
fn groceries_has_its_rules() {
    each_partitioning(|engine, session| {
        let Some(csv) = baskets_as_rows("groceries/groceries_basket.csv", ',', true) else { return };
        rows(engine, session, &format!("CREATE OR REPLACE TABLE lines AS SELECT * FROM '{}'", csv.path().display()));
        for (support, sets) in [(0.1, 8), (0.05, 31), (0.02, 122), (0.01, 333), (0.005, 1_001), (0.001, 13_492)] {
            let sql = format!(
                "SELECT count(*) FROM frequent_itemsets(lines, basket => basket, item => item, min_support => {support})"
            );
            assert_eq!(rows(engine, session, &sql), [sets.to_string()], "{support}");
        }
        let curve = "SELECT itemsets FROM support_curve(lines, basket => basket, item => item, supports => [0.1, 0.05, 0.02, 0.01, 0.005, 0.001]) ORDER BY min_support";
        assert_eq!(rows(engine, session, curve), ["13492", "1001", "333", "122", "31", "8"]);
        let rules = "association_rules(lines, basket => basket, item => item, min_support => 0.001, min_confidence => 0.5)";
        assert_eq!(rows(engine, session, &format!("SELECT count(*) FROM {rules}")), ["5668"]);
        let top = format!("SELECT round(lift, 5), antecedents, consequents FROM {rules} ORDER BY lift DESC LIMIT 3");
        assert_eq!(
            rows(engine, session, &top),
            [
                "18.99565|[Instant food products, soda]|[hamburger meat]",
                "16.69779|[popcorn, soda]|[salty snack]",
                "16.40807|[baking powder, flour]|[sugar]",
            ]
        );
    });
}
