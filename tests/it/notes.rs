//! Notes about definitions, refreshes and results.

use crate::support::{portrait, run};

/// The notes of a script, without their first word.
fn notes(sql: &str) -> Vec<String> {
    let (code, _, errors) = run(portrait().args(["-c", sql]));
    assert_eq!(code, 0, "{errors}");
    errors.lines().filter_map(|line| line.strip_prefix("note: ")).map(str::to_string).collect()
}

/// Exactly one of them begins with this text.
fn only<'a>(notes: &'a [String], beginning: &str) -> &'a str {
    let found: Vec<&String> = notes.iter().filter(|note| note.starts_with(beginning)).collect();
    assert_eq!(found.len(), 1, "{beginning}: {notes:#?}");
    found[0]
}

fn none(notes: &[String], part: &str) {
    assert!(!notes.iter().any(|note| note.contains(part)), "{part}: {notes:#?}");
}

const SHOP: &str = "
    CREATE TABLE customers AS SELECT value AS id, CASE WHEN value < 4 THEN 'gold' ELSE 'none' END AS level FROM generate_series(1, 9);
    CREATE TABLE orders AS SELECT value % 9 + 1 AS id, CAST(DATE '2024-01-01' + CAST(value AS INT) AS TIMESTAMP) AS ordered_at, 5.0 AS amount
      FROM generate_series(0, 29);
    CREATE VIEW orders_local AS SELECT id, ordered_at + INTERVAL '8 hours' AS at FROM orders;";

#[test]
fn definitions_that_read_the_clock_are_told() {
    let shop = |sql: &str| notes(&format!("{SHOP}{sql}"));
    let timed = "CREATE PROFILE p WITH (key = 'id', time_columns = 'orders_local.at') AS SELECT id FROM customers;";
    let clock = "CREATE TAG n ON p AS SELECT id, current_date - CAST(max(at) AS DATE) FROM orders_local GROUP BY id;";
    let note =
        "tag n reads the clock, with current_date: a refresh as of an earlier day gets today's answer; write $as_of instead";
    assert_eq!(only(&shop(&format!("{timed} {clock}")), "tag n reads"), note);
    let told = shop(&format!("{timed} {clock} REFRESH PROFILE p WITH (as_of = DATE '2024-01-10')"));
    assert_eq!(told.iter().filter(|told| *told == note).count(), 2, "{told:#?}");
    let told = shop(&format!("{timed} {clock} REFRESH PROFILE p"));
    assert_eq!(told.iter().filter(|told| *told == note).count(), 1, "{told:#?}");
    let without = "CREATE TAG n ON p AS SELECT id, $as_of - max(at) > INTERVAL '30 days' FROM orders_local GROUP BY id;";
    none(&shop(&format!("{timed} {without}")), "reads the clock");
}

#[test]
fn sources_that_are_read_whole_are_told_by_name() {
    let shop = |sql: &str| notes(&format!("{SHOP}{sql}"));
    let timed = "CREATE PROFILE p WITH (key = 'id', time_columns = 'orders_local.at') AS SELECT id FROM customers;";
    let told = shop(&format!("{timed} CREATE TAG n ON p AS SELECT id, count(*) FROM orders GROUP BY id;"));
    assert_eq!(
        only(&told, "orders.ordered_at"),
        "orders.ordered_at is a time and not in time_columns of profile p: rows after as_of are seen by tag n; list it there, or write \
         WHERE ordered_at <= $as_of; a date such as a birthday needs neither"
    );
    // A view with a time column limits the tables below it; so does a condition, and a function that is given the time.
    for query in [
        "SELECT id, count(*) FROM orders_local GROUP BY id",
        "SELECT id, count(*) FROM orders WHERE ordered_at <= $as_of GROUP BY id",
        "SELECT id, count(*) FROM orders WHERE ordered_at BETWEEN $as_of - INTERVAL '30 days' AND $as_of GROUP BY id",
        "SELECT id, segment FROM rfm(orders, customer => id, order_time => ordered_at, amount => amount, as_of => $as_of)",
    ] {
        none(&shop(&format!("{timed} CREATE TAG n ON p AS {query};")), "is a time");
    }
    // A lower bound does not limit, nor does any other use of $as_of.
    for query in [
        "SELECT id, count(*) FROM orders WHERE ordered_at > $as_of - INTERVAL '30 days' GROUP BY id",
        "SELECT id, $as_of - max(ordered_at) > INTERVAL '720 hours' FROM orders GROUP BY id",
        "SELECT o.id, count(*) FROM orders_local AS l JOIN orders AS o ON l.id = o.id GROUP BY o.id",
    ] {
        only(&shop(&format!("{timed} CREATE TAG n ON p AS {query};")), "orders.ordered_at is a time");
    }
    // The bound of one table does not limit another, even if their columns have the same name; the bound of a subquery does.
    let both = "CREATE TABLE visits AS SELECT id, ordered_at FROM orders;";
    for (query, is_told) in [
        ("SELECT o.id, count(*) FROM orders AS o JOIN visits AS v USING (id) WHERE v.ordered_at <= $as_of GROUP BY o.id", true),
        ("SELECT o.id, count(*) FROM orders AS o JOIN visits AS v USING (id) WHERE o.ordered_at <= $as_of GROUP BY o.id", false),
        (
            "SELECT id, count(*) FROM (SELECT id, ordered_at AS at FROM orders) WHERE CAST(at AS DATE) <= $as_of GROUP BY id",
            false,
        ),
    ] {
        let told = shop(&format!("{both} {timed} CREATE TAG n ON p AS {query};"));
        assert_eq!(told.iter().any(|note| note.starts_with("orders.ordered_at is a time")), is_told, "{query}: {told:#?}");
    }
    // Of several times those that the query reads are named, and all when it reads none; days come last.
    let many =
        "CREATE TABLE sales AS SELECT id, DATE '2000-01-01' AS born, ordered_at AS sold_at, ordered_at AS sent_at FROM orders;";
    for (query, named) in [
        ("SELECT id, max(sent_at) FROM sales GROUP BY id", "sales.sent_at is a time and"),
        ("SELECT id, count(*) FROM sales GROUP BY id", "sales.sold_at and sales.sent_at and sales.born are times and"),
    ] {
        let told = shop(&format!("{many} {timed} CREATE TAG n ON p AS {query};"));
        assert!(only(&told, "sales.").starts_with(named), "{query}: {told:#?}");
    }
    // REFRESH says it too.
    let two = "CREATE PROFILE p WITH (key = 'id', time_columns = 'orders_local.at') AS SELECT id FROM customers;
        CREATE TAG n ON p AS SELECT id, count(*) FROM orders GROUP BY id; CREATE TAG m ON p AS SELECT id, max(amount) FROM orders GROUP BY id;
        CREATE TAG l ON p AS SELECT id, count(*) FROM orders_local GROUP BY id; REFRESH PROFILE p WITH (as_of = DATE '2024-01-10')";
    let told = shop(two);
    assert!(told.last().unwrap().contains("rows after as_of are seen by tag n, tag m;"), "{told:#?}");
    // An unknown name is reported when the profile is created, with a suggestion.
    let told = shop("CREATE PROFILE p WITH (key = 'id', time_columns = 'order.ordered_at') AS SELECT id FROM customers");
    only(&told, "profile p: time_columns names order.ordered_at, and there is no such table yet; perhaps \"orders\" is meant");
    // One whose table nothing reads, any more or yet, has no effect.
    let both = "CREATE PROFILE p WITH (key = 'id', time_columns = 'orders_local.at, orders.ordered_at') AS SELECT id FROM customers;
        CREATE TAG n ON p AS SELECT id, count(*) FROM orders GROUP BY id; CREATE TAG l ON p AS SELECT id, count(*) FROM orders_local GROUP BY id;
        REFRESH PROFILE p WITH (as_of = DATE '2024-01-10');";
    none(&shop(both), "neither its query");
    let told = shop(&format!("{both} DROP TAG l ON p; REFRESH PROFILE p WITH (as_of = DATE '2024-01-11')"));
    let note = only(&told, "profile p: time_columns names orders_local.at, and neither its query nor a tag reads orders_local");
    assert!(note.contains("they read customers, orders; leave the entry out"), "{note}");
}

#[test]
fn a_clock_that_goes_far_beyond_the_data_is_told() {
    let profile = "CREATE PROFILE p WITH (key = 'id', time_columns = 'orders.ordered_at') AS SELECT id FROM customers;
        CREATE TAG n ON p AS SELECT id, count(*) FROM orders GROUP BY id;";
    let told = notes(&format!("{SHOP}{profile} REFRESH PROFILE p; REFRESH PROFILE p;"));
    let note = only(&told, "the newest orders.ordered_at is 2024-01-30, and the clock of profile p is now 20");
    assert!(note.contains("needs WITH (as_of = …, rewind = true)"), "{note}");
    let told = notes(&format!("{SHOP}{profile} REFRESH PROFILE p WITH (as_of = DATE '2024-02-01');"));
    none(&told, "the newest");
    // Dates that no definition reads, such as birthdays, tell nothing of it.
    let born =
        "CREATE TABLE people AS SELECT 1 AS id, DATE '1990-01-01' AS born; CREATE PROFILE q WITH (key = 'id') AS SELECT id";
    none(&notes(&format!("{born} FROM people; REFRESH PROFILE q;")), "the newest");
    only(&notes(&format!("{born}, born FROM people; REFRESH PROFILE q;")), "the newest people.born is 1990-01-01");
    let fresh = format!("{SHOP} INSERT INTO orders SELECT 1, CAST(now() AS TIMESTAMP), 5.0; {profile} REFRESH PROFILE p;");
    none(&notes(&fresh), "the newest");
}

#[test]
fn rows_without_a_time_are_told() {
    let refreshed = "CREATE PROFILE p WITH (key = 'id', time_columns = 'orders.ordered_at') AS SELECT id FROM customers;
        CREATE TAG n ON p AS SELECT id, count(*) FROM orders GROUP BY id; REFRESH PROFILE p WITH (as_of = DATE '2024-02-01');";
    let without =
        "CREATE OR REPLACE TABLE orders AS SELECT 1 AS id, CAST(NULL AS TIMESTAMP) AS ordered_at FROM generate_series(1, 2)
        UNION ALL SELECT 2, TIMESTAMP '2024-01-01 10:00:00';";
    let told = notes(&format!("{SHOP} DROP VIEW orders_local; {without} {refreshed}"));
    assert_eq!(only(&told, "rows of"), "rows of orders without ordered_at are left out of profile p: 2");
    none(&notes(&format!("{SHOP} {refreshed}")), "rows of");
}

#[test]
fn conditions_that_nobody_meets_are_told() {
    let profile = "CREATE PROFILE p WITH (key = 'id') AS SELECT id, level FROM customers;
        CREATE TAG \"客单价\" ON p WITH (high = 100) AS SELECT id, CASE WHEN avg(amount) >= $high THEN '高' WHEN avg(amount) > 1 THEN '中' ELSE '低' END
          FROM orders GROUP BY id;
        CREATE TAG step ON p AS SELECT id, CASE WHEN max(amount) > 3 THEN 1 ELSE 2 END FROM orders GROUP BY id;
        CREATE TAG both ON p AS SELECT id, CASE WHEN step = 1 THEN \"客单价\" END FROM profile.p;
        CREATE TAG kinds ON p WITH (multiple = true) AS SELECT id, CASE WHEN amount > 3 THEN 'a' ELSE 'b' END FROM orders;";
    let made = |condition: &str| notes(&format!("{SHOP}{profile} CREATE SEGMENT s ON p AS {condition};"));
    for (condition, told) in [
        (
            "\"客单价\" = '很高'",
            "segment s compares 客单价 with '很高', which can never be equal; its values are '高', '中', '低'",
        ),
        (
            "\"客单价\" IN ('高', '很高')",
            "segment s compares 客单价 with '很高', which can never be equal; its values are '高', '中', '低'",
        ),
        (
            "'很高' <> \"客单价\" OR level = 'gold'",
            "segment s compares 客单价 with '很高', which can never be equal; its values are '高', '中', '低'",
        ),
        ("step = 3", "segment s compares step with 3, which can never be equal; its values are 1, 2"),
        ("level = 'silver'", "segment s compares level with 'silver', which can never be equal; its values are 'gold', 'none'"),
        ("array_has(kinds, 'c')", "segment s compares kinds with 'c', which can never be equal; its values are 'a', 'b'"),
    ] {
        // The definition does not tell what a managed table contains.
        if condition.starts_with("level") {
            none(&made(condition), "never");
        } else {
            assert_eq!(only(&made(condition), "segment s"), told, "{condition}");
        }
    }
    for condition in ["\"客单价\" = '高'", "step = 1.0", "step IN (1, 2)", "\"客单价\" LIKE '很%'", "both IS NULL"] {
        none(&made(condition), "never");
    }
    // What the definition does not tell is read from the published values.
    let told = notes(&format!(
        "{SHOP}{profile} REFRESH PROFILE p; CREATE SEGMENT s ON p AS level = 'silver' AND step = 1; CREATE SEGMENT t ON p AS level = 'gold' AND step = 2;
         REFRESH SEGMENT s; REFRESH SEGMENT t;"
    ));
    assert_eq!(only(&told, "segment s has"), "segment s has 0 members: no customer has level 'silver'");
    assert_eq!(only(&told, "segment t has"), "segment t has 0 members: no customer has step 2");
    // A refresh of a segment reports on the segment.
    assert!(only(&told, "segment s as of").contains(": 0 of 9 customers, "), "{told:#?}");
    // A new version of a tag may remove a value.
    let told = notes(&format!(
        "{SHOP}{profile} CREATE SEGMENT s ON p AS \"客单价\" = '高';
         CREATE OR REPLACE TAG \"客单价\" ON p AS SELECT id, CASE WHEN avg(amount) >= 100 THEN '很高' ELSE '低' END FROM orders GROUP BY id;"
    ));
    assert_eq!(
        only(&told, "segment s compares"),
        "segment s compares 客单价 with '高', which can never be equal; its values are '很高', '低'"
    );
}

#[test]
fn customers_without_value_of_rfm_are_told() {
    let profile = "CREATE PROFILE p WITH (key = 'id', time_columns = 'orders.ordered_at') AS SELECT id FROM customers;";
    let rfm =
        "rfm(orders, customer => id, order_time => ordered_at, amount => amount, as_of => $as_of, lookback => INTERVAL '5 days')";
    let refresh = "REFRESH PROFILE p WITH (as_of = DATE '2024-01-30')";
    let told = notes(&format!("{SHOP}{profile} CREATE TAG level ON p AS SELECT id, segment FROM {rfm}; {refresh}"));
    only(
        &told,
        "tag level: rfm with lookback returns no row, and so no value, for customers whose last order is before that time",
    );
    only(&told, "tag level: 4 of 9 customers have no value, because rfm with lookback");
    let joined = "SELECT c.id, coalesce(r.segment, 'lost') FROM (SELECT DISTINCT id FROM orders) AS c";
    let told =
        notes(&format!("{SHOP}{profile} CREATE TAG level ON p AS {joined} LEFT JOIN {rfm} AS r ON c.id = r.id; {refresh}"));
    none(&told, "lookback");
}

#[test]
fn clusters_tell_what_is_not_as_it_seems() {
    let three = "(SELECT value AS id, value % 3 AS x FROM generate_series(1, 12))";
    for sql in [
        format!("SELECT * FROM kmeans({three}, key => id, n_clusters => 5)"),
        format!("CREATE MODEL m WITH (type = 'kmeans', key = 'id', n_clusters = 5) AS SELECT * FROM {three}"),
        format!("SELECT * FROM kprototypes({three}, key => id, n_clusters => 5)"),
        format!("CREATE MODEL m WITH (type = 'kprototypes', key = 'id', n_clusters = 5) AS SELECT * FROM {three}"),
    ] {
        only(&notes(&sql), "3 of 5 clusters have rows: there are only 3 different points");
    }
    none(&notes(&format!("SELECT * FROM kmeans({three}, key => id, n_clusters => 3)")), "clusters have rows");

    let spent = "(SELECT value AS id, CASE WHEN value <= 2 THEN 1e6 + value ELSE exp(value % 50 / 10.0) END AS spent FROM generate_series(1, 400))";
    let choose = |more: &str| notes(&format!("SELECT * FROM choose_clusters({spent}, key => id, max_clusters => 4{more})"));
    let told = choose("");
    only(&told, "spent is skewed");
    let passed_over = only(&told, "2 clusters have the highest silhouette, ");
    assert!(passed_over.contains("0.5 % of the rows, which are outliers"), "{passed_over}");
    none(&choose(", scale => 'log'"), "skewed");
    none(
        &notes("SELECT * FROM choose_clusters((SELECT value AS id, value AS x FROM generate_series(1, 400)), key => id)"),
        "skewed",
    );
}

#[test]
fn texts_that_name_rows_are_left_out_of_explanations() {
    let rows = "(SELECT value AS id, value % 2 = 0 AS label, concat('c', value) AS code, concat(' ', value * 3) AS charges, value % 7 AS week,
      concat(value % 20) AS years FROM generate_series(1, 400))";
    let told = notes(&format!("SELECT * FROM explain_segments({rows}, label => label, key => id)"));
    assert_eq!(only(&told, "code"), "code was left out: it has 400 different texts in 400 rows");
    assert_eq!(
        only(&told, "charges"),
        "charges was left out: it has 400 different texts in 400 rows; most of its texts read as numbers: write TRY_CAST(trim(charges) AS DOUBLE) AS charges"
    );
    assert_eq!(
        only(&told, "years"),
        "years is text with 20 distinct values, and most of its texts read as numbers: write TRY_CAST(trim(years) AS DOUBLE) AS years"
    );
}

#[test]
fn small_groups_are_left_out_and_a_relation_read_twice_is_counted_once() {
    // One basket of thirty items has a billion subsets.
    let baskets = "CREATE TABLE b AS
        SELECT 'big' AS country, value % 200 AS basket, value % 3 AS item FROM generate_series(1, 600)
        UNION ALL SELECT 'small', 1000, value FROM generate_series(1, 30) UNION ALL SELECT 'small', 1001, 1;";
    let mine = |options: &str| {
        notes(&format!(
            "{baskets} SELECT country, count(*) FROM frequent_itemsets(b, basket => basket, item => item, per => country, {options}) GROUP BY 1"
        ))
    };
    let told = mine("min_support => 0.1");
    let note = only(&told, "frequent_itemsets: a group was left out");
    assert!(note.contains("(1 of 2 baskets of small); give min_count beside min_support"), "{note}");
    none(&mine("min_support => 0.1, min_count => 2"), "left out");

    let told = notes(
        "CREATE TABLE x AS SELECT * FROM (VALUES (1, 'a'), (1, 'b'), (2, 'a'), (2, 'b'), (3, 'a'), (3, NULL), (4, NULL)) AS t(basket, item);
         SELECT * FROM recommend(x, association_rules(x, basket => basket, item => item, min_count => 2), basket => basket, item => item)",
    );
    only(&told, "2 rows without item were left out");
}

#[test]
fn rules_that_are_all_below_the_minimum_confidence_are_counted() {
    let baskets =
        "CREATE TABLE x AS SELECT * FROM (VALUES (1, 'a'), (1, 'b'), (2, 'a'), (2, 'b'), (3, 'a'), (4, 'b')) AS t(basket, item);";
    let mine = |options: &str| {
        notes(&format!(
            "{baskets} SELECT * FROM association_rules(x, basket => basket, item => item, min_support => 0.4{options})"
        ))
    };
    assert_eq!(
        only(&mine(""), "association_rules"),
        "association_rules: no rule has a confidence of 0.8 or more (min_confidence); rules with less: 2, the best with 0.666"
    );
    none(&mine(", min_confidence => 0.6"), "confidence");
    // No itemset has two items.
    none(&mine(", min_count => 3"), "confidence");
}

#[test]
fn describe_tells_comments() {
    let mut told = notes(
        "CREATE TABLE t AS SELECT 1 AS a, 2 AS b; CREATE TABLE u AS SELECT 1 AS a; COMMENT ON TABLE t IS 'what was sold';
         COMMENT ON COLUMN t.a IS 'the order'; COMMENT ON TABLE u IS 'another'; DESCRIBE t;",
    );
    told.sort();
    assert_eq!(told, ["t.a: the order", "t: what was sold"]);
}

#[test]
fn numbers_that_json_does_not_have_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("n.json");
    let told = notes(&format!(
        "COPY (SELECT CAST('NaN' AS DOUBLE) AS a, 1.5e0 AS b, CAST('Infinity' AS REAL) AS c) TO '{}'",
        file.display()
    ));
    assert_eq!(told, ["a, c: NaN and Infinity were written as null, because JSON has no such numbers"]);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "[{\"a\":null,\"b\":1.5,\"c\":null}]\n");
    let file = folder.path().join("n.xlsx");
    let told = notes(&format!(
        "COPY (SELECT TIMESTAMP '2025-05-01 10:00:00.123456' AS at, TIMESTAMP '2025-05-01 10:00:00.123' AS day) TO '{}'",
        file.display()
    ));
    assert_eq!(told, ["at: Excel keeps times to the millisecond"]);
    let file = folder.path().join("e.xlsx");
    let told = notes(&format!("COPY (SELECT '' AS note, 'x' AS name, NULL AS nothing) TO '{}'", file.display()));
    assert_eq!(told, ["note: empty texts are empty cells in Excel, which are NULL when the file is read"]);
    let told = |place: &str| {
        let query = "SELECT CAST('NaN' AS DOUBLE) AS a, -CAST('Infinity' AS DOUBLE) AS b, 1.5e0 AS c";
        notes(&format!("COPY ({query}) TO '{}'", folder.path().join(place).display()))
    };
    let text = "a, b: NaN and Infinity make such a column text when the file is read, unless types => '…' says DOUBLE";
    assert_eq!(told("n.csv"), [text]);
    assert_eq!(told("n2.xlsx"), ["a, b: NaN and Infinity were written as texts, because Excel has no such numbers"]);
    assert_eq!(told("n.parquet"), Vec::<String>::new());
    let (_, shown, errors) = run(portrait().args(["-f", "ndjson", "-c", "SELECT CAST('NaN' AS DOUBLE) AS a"]));
    assert_eq!(shown, "{\"a\":null}\n");
    assert_eq!(errors, "note: a: NaN and Infinity were written as null, because JSON has no such numbers\n");
}

#[test]
fn a_title_that_is_taken_for_names_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("n.csv");
    let told = |text: &str, options: &str| {
        std::fs::write(&file, text).unwrap();
        notes(&format!("SELECT count(*) FROM read_csv('{}'{options})", file.display()))
    };
    let expected = |skip: usize| {
        format!(
            "{}: the first line is taken for names, and has only 'June'; if it is a title, leave it out with skip => {skip} or OPTIONS \
             ('skip' '{skip}')",
            file.display()
        )
    };
    assert_eq!(told("June,,\nid,city,amount\n1,Wuhan,2\n", ""), [expected(1)]);
    assert_eq!(told("Shop,,\nJune,,\nid,city,amount\n1,Wuhan,2\n", ", skip => 1"), [expected(2)]);
    for (text, options) in
        [("June,,\n1,Wuhan,2\n", ", header => true"), (",amount\n1,2\n", ""), ("June\nx\n", ""), ("a,b,\n1,2,\n", "")]
    {
        assert_eq!(told(text, options), Vec::<String>::new(), "{text}");
    }
    let file = folder.path().join("n.xlsx");
    let query = format!("COPY (SELECT 'id' AS \"June\", 'city' AS \" \", 'amount' AS \"  \") TO '{}'", file.display());
    let told = notes(&format!("{query}; SELECT * FROM '{}'", file.display()));
    let expected = format!(
        "{}: the first row of Sheet1 is taken for names, and has only 'June'; if it is a title, begin below it with range => 'A2'",
        file.display()
    );
    assert_eq!(told, [expected]);
}

#[test]
fn what_is_left_out_of_a_folder_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::create_dir_all(at("sales/june/_old")).unwrap();
    let files = ["a.csv", "june/b.csv", "june/_tmp.csv", ".c.csv", "june/_old/d.csv", "_SUCCESS", ".a.csv.crc", "notes.md"];
    for file in files {
        std::fs::write(at(&format!("sales/{file}")), "id\n1\n").unwrap();
    }
    std::fs::write(at("sales/none.csv"), "").unwrap();
    let place = at("sales");
    let hidden = format!(
        "{place}: left out {place}/.c.csv, {place}/june/_old, {place}/june/_tmp.csv, because names that begin with _ or . do not count"
    );
    let others = format!("{place}: left out {place}/notes.md, of another kind than the files that are read");
    let empty = format!("{place}: no rows in {place}/none.csv, without a single byte");
    let all = [hidden.as_str(), &others, &empty];
    for sql in ["SELECT count(*) FROM 'P'", "SELECT * FROM 'P' UNION ALL SELECT * FROM 'P'", "SELECT * FROM file_info('P')"] {
        assert_eq!(notes(&sql.replace('P', &place)), all, "{sql}");
    }
    let made = format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{place}';");
    assert_eq!(notes(&format!("{made} SELECT id FROM t")), all);
    assert_eq!(
        notes(&format!("{made} SELECT count(*) FROM information_schema.columns WHERE table_name = 't'")),
        Vec::<String>::new()
    );
    let told = notes(&format!("DESCRIBE '{place}'"));
    assert!(all.iter().all(|note| told.iter().any(|told| told == note)), "{told:#?}");
    // What a pattern does not match was not asked for.
    let pattern = at("sales/*.csv");
    let hidden = format!("{pattern}: left out {place}/.c.csv, because names that begin with _ or . do not count");
    assert_eq!(
        notes(&format!("SELECT * FROM '{pattern}'")),
        [hidden, format!("{pattern}: no rows in {place}/none.csv, without a single byte")]
    );
    assert_eq!(notes(&format!("SELECT * FROM '{}'", at("sales/a.csv"))), Vec::<String>::new());
    std::fs::create_dir(at("sales/june/_delta_log")).unwrap();
    only(
        &notes(&format!("SELECT * FROM '{}'", at("sales/june"))),
        &format!("{}: _delta_log makes it a Delta Lake table", at("sales/june")),
    );
}

#[test]
fn personal_data_in_a_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let database = at("db");
    let told = |sql: &str| {
        let (code, _, errors) = run(portrait().args(["-d", &database, "-c", sql]));
        assert_eq!(code, 0, "{errors}");
        errors.lines().filter_map(|line| line.strip_prefix("note: ")).map(str::to_string).collect::<Vec<_>>()
    };
    told("CREATE TABLE c AS SELECT 1 AS id, '13800138000' AS phone; ALTER TABLE c ALTER COLUMN phone SET CLASS 'phone'");
    let copied = at("c.csv");
    only(
        &told(&format!("COPY (SELECT phone AS p, length(phone) AS n FROM c) TO '{copied}'")),
        &format!("{copied}: has the columns p (phone) as "),
    );
    assert_eq!(told(&format!("COPY (SELECT id, mask_phone(phone) AS p FROM c) TO '{copied}'")), Vec::<String>::new());
}

#[test]
fn columns_that_differ_in_capital_letters_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string();
    let copied = format!(
        "COPY (SELECT 1 AS \"UserID\", NULL AS none) TO '{place}/a.parquet'; COPY (SELECT 2 AS userid) TO '{place}/b.parquet';"
    );
    let told = format!(
        "{place}: UserID and userid differ in capital letters only, and are two columns; coalesce(\"UserID\", \"userid\") takes them together"
    );
    assert_eq!(notes(&format!("{copied} SELECT * FROM '{place}'")), [told]);
    // A column without any value is text.
    let (_, shown, _) =
        run(portrait().args(["-f", "csv", "-c", &format!("SELECT arrow_typeof(none) AS t FROM '{place}/a.parquet'")]));
    assert_eq!(shown, "t\nUtf8View\n");
}

#[test]
fn members_that_differ_in_capital_letters_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("n.json");
    let told = |text: &str| {
        std::fs::write(&file, text).unwrap();
        notes(&format!("SELECT count(*) FROM '{}'", file.display()))
    };
    let expected = format!(
        "{}: ID and id differ in capital letters only, and are two columns; coalesce(\"ID\", \"id\") takes them together",
        file.display()
    );
    assert_eq!(told("{\"ID\": 1}\n{\"id\": 2}\n"), [expected]);
    // Objects that have both mean two things.
    assert_eq!(told("{\"ID\": 1, \"id\": 3}\n{\"id\": 2}\n"), Vec::<String>::new());
    assert_eq!(told("{\"ID\": 1}\n{\"ID\": 2}\n"), Vec::<String>::new());
}

#[test]
fn signs_that_may_be_separators_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("n.csv");
    let told = |text: &str, options: &str| {
        std::fs::write(&file, text).unwrap();
        notes(&format!("SELECT count(*) FROM read_csv('{}'{options})", file.display()))
    };
    for sign in ["，", "；", "、"] {
        let expected = format!(
            "{}: the first line has one name, with {sign}, which cannot be a separator; if it divides the fields, replace it by , in the \
             file, or take the texts apart: split_part(…, '{sign}', 1)",
            file.display()
        );
        assert_eq!(told(&format!("姓名{sign}城市\n李{sign}北京\n"), ""), [expected]);
    }
    for (sign, written) in [("^", "'^'"), ("\u{1}", "E'\\x01'")] {
        let expected = format!(
            "{}: the first line has one name; if {written} divides it, write separator => {written} or OPTIONS ('separator' {written})",
            file.display()
        );
        assert_eq!(told(&format!("a{sign}b\n1{sign}2\n"), ""), [expected]);
        assert_eq!(told(&format!("a{sign}b\n1{sign}2\n"), &format!(", separator => {written}")), Vec::<String>::new());
    }
    assert_eq!(told("姓名，城市,b\n1,2\n", ""), Vec::<String>::new());
}

#[test]
fn sheets_that_are_not_read_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.xlsx");
    let mut book = rust_xlsxwriter::Workbook::new();
    for (name, has_cells) in [("title", false), ("may", true), ("empty", false), ("june", true), ("july", true)] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        if has_cells {
            sheet.write_string(0, 0, "of").unwrap().write_string(1, 0, name).unwrap();
        }
    }
    book.save(&path).unwrap();
    let path = path.display();
    let expected = format!("{path}: may is read, and not june, july; sheet => 'june' reads another sheet");
    assert_eq!(notes(&format!("SELECT * FROM '{path}'")), [expected]);
    assert_eq!(notes(&format!("SELECT * FROM read_excel('{path}', sheet => 'june')")), Vec::<String>::new());
}

#[test]
fn cells_merged_over_rows_are_told() {
    let expected = "tests/fixtures/files/merged.xlsx: Orders has cells merged over several rows, such as A2:A3; only the first of the rows has \
                    their value, the others have NULL";
    assert_eq!(notes("SELECT * FROM 'tests/fixtures/files/merged.xlsx'"), [expected]);
    assert_eq!(notes("SELECT * FROM 'tests/fixtures/files/identifiers.xlsx'"), Vec::<String>::new());
}

#[test]
fn a_row_that_is_taken_for_names_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("n.csv");
    let told = |text: &str, from: &str| {
        std::fs::write(&file, text).unwrap();
        notes(&format!("SELECT count(*) FROM {}", from.replace("FILE", &file.display().to_string())))
    };
    let expected = format!(
        "{}: the first line is taken for names, and looks like a row; if it is one, write header => false or OPTIONS ('header' 'false')",
        file.display()
    );
    for text in ["1,2\n3,4\n", "1,Ann,2025-01-01\n2,Bob,2025-01-02\n", "Ann,5\nBob,6.5\n"] {
        assert_eq!(told(text, "'FILE'"), [expected.as_str()], "{text}");
        assert_eq!(told(text, "read_csv('FILE', header => true)"), Vec::<String>::new(), "{text}");
        assert_eq!(told(text, "read_csv('FILE', header => false)"), Vec::<String>::new(), "{text}");
    }
    for text in ["id,2\n1,2\n", "region,2023,2024\na,1,2\n", "name,1,2\nx,5,4\n", "a,b\nx,y\n", "1,2\n", "region,2025\na,1\n"] {
        assert_eq!(told(text, "'FILE'"), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn names_that_come_again_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("n.csv");
    let told = |text: &str, options: &str| {
        std::fs::write(&file, text).unwrap();
        notes(&format!("SELECT count(*) FROM read_csv('{}'{options})", file.display()))
    };
    let expected = format!(
        "{}: 1 later row is the line of names again, so that numbers and times become text; take it out of the file, or leave it out, \
         WHERE \"id\" <> 'id', and CAST",
        file.display()
    );
    assert_eq!(told("id,v\n1,2\nid,v\n3,4\n", ""), [expected]);
    for (text, options) in [("id,v\n1,2\nid,x\n", ""), ("name\nann\nname\n", ""), ("id,v\n1,2\nid,v\n", ", header => false")] {
        assert_eq!(told(text, options), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_is_always_null_is_told() {
    let profile = "CREATE PROFILE p WITH (key = 'id') AS SELECT id, level FROM customers;";
    let made = |sql: &str| notes(&format!("{SHOP}{profile} {sql};"));
    for (sql, told) in [
        (
            "CREATE SEGMENT s ON p AS level = NULL OR id = 1",
            "segment s compares with NULL in level = NULL, which is never true; write IS NULL or IS NOT NULL",
        ),
        (
            "CREATE SEGMENT s ON p AS id NOT IN (1, NULL)",
            "segment s compares with NULL in id NOT IN (1, NULL), which is never true; write IS NULL or IS NOT NULL",
        ),
        (
            "CREATE TAG t ON p AS SELECT id, CASE level WHEN NULL THEN 'a' ELSE 'b' END FROM customers",
            "tag t compares with NULL in CASE level WHEN NULL, which is never true; write IS NULL or IS NOT NULL",
        ),
        (
            "CREATE TAG t ON p AS SELECT id, count(*) FROM orders WHERE amount <> CAST(NULL AS DOUBLE) GROUP BY id",
            "tag t compares with NULL in amount <> CAST(NULL AS DOUBLE), which is never true; write IS NULL or IS NOT NULL",
        ),
        ("CREATE SEGMENT s ON p AS NULL", "segment s has the condition NULL, so it never has a member"),
        ("CREATE TAG t ON p AS SELECT id, NULL FROM customers", "tag t gives NULL only, so no customer has a value"),
        (
            "CREATE TAG t ON p AS SELECT id, CASE WHEN level = 'gold' THEN NULL END FROM customers",
            "tag t gives NULL only, so no customer has a value",
        ),
    ] {
        assert_eq!(only(&made(sql), told), told);
    }
    for sql in [
        "CREATE SEGMENT s ON p AS level IS NULL OR level IS DISTINCT FROM NULL OR level IN ('gold', NULL)",
        "CREATE TAG t ON p AS SELECT id, CASE WHEN level IS NULL THEN NULL ELSE level END FROM customers",
    ] {
        none(&made(sql), "NULL");
    }
}

#[test]
fn measures_on_different_or_known_rows_are_told() {
    const VISITS: &str =
        "CREATE TABLE visits AS SELECT n AS id, n % 7 AS calls, n % 7 + n % 3 AS spent FROM generate_series(1, 60) AS s(n);
        CREATE MODEL spending WITH (type = 'linear_regression', key = 'id', target = 'spent') AS SELECT * FROM visits;";
    let of = |sql: &str| notes(&format!("{VISITS}{sql}"));
    let again = |where_| {
        of(&format!(
            "CREATE OR REPLACE MODEL spending WITH (type = 'linear_regression', key = 'id', target = 'spent', keep_if_better = 'rmse') AS SELECT * FROM visits {where_}"
        ))
    };
    none(&again(""), "may come from different rows");
    // The earlier version is measured again, on the rows of the new one.
    none(&again("WHERE id > 7"), "may come from different rows");
    let with = |options: &str, query: &str| {
        of(&format!(
            "CREATE OR REPLACE MODEL spending WITH (type = 'linear_regression', key = 'id', target = 'spent', keep_if_better = 'rmse'{options}) AS {query}"
        ))
    };
    only(
        &with("", "SELECT id, calls AS visits, spent FROM visits"),
        "model spending: rmse of the two versions may come from different rows",
    );
    only(
        &with(", random_state = 8", "SELECT * FROM visits"),
        "model spending: the earlier version may have been trained on some of the rows",
    );

    only(&of("SELECT rmse FROM ml_evaluate(spending, visits)"), "the model was trained on 48 of these 60 rows");
    none(&of("SELECT rmse FROM ml_evaluate(spending, (SELECT * FROM visits WHERE id > 1))"), "the model was trained on");

    let weighted =
        of("CREATE MODEL weighted WITH (type = 'linear_regression', key = 'id', target = 'spent', weight = 'times') AS
        SELECT *, calls + 1 AS times FROM visits; SELECT rmse FROM ml_evaluate(weighted, visits)");
    only(&weighted, "the model was trained with weights");
}

#[test]
fn rows_left_out_are_told_wherever_the_query_stands() {
    let levels = "SELECT customer FROM rfm(few, customer => customer, order_time => day, amount => amount)";
    let few = "CREATE TABLE few AS SELECT * FROM (VALUES (1, DATE '2024-01-01', 5.0), (NULL, DATE '2024-01-02', 6.0)) \
                AS t(customer, day, amount);";
    for (sql, times) in [
        (levels.to_string(), 1),
        (format!("CREATE TABLE made AS {levels}"), 1),
        (format!("CREATE OR REPLACE TEMPORARY TABLE made AS {levels}"), 1),
        (format!("CREATE TABLE IF NOT EXISTS few AS {levels}"), 0),
        (format!("CREATE TABLE made AS {levels}; INSERT INTO made {levels}; SELECT * FROM made"), 2),
        // A cursor tells it with the FETCH that reads the last row, once.
        (format!("BEGIN; DECLARE c CURSOR FOR {levels}; FETCH ALL FROM c; FETCH ALL FROM c; COMMIT"), 1),
        (format!("DECLARE c CURSOR WITH HOLD FOR {levels}; MOVE ALL FROM c"), 1),
    ] {
        let told = notes(&format!("{few}{sql}"));
        assert_eq!(told, vec!["1 row without customer was left out"; times], "{sql}");
    }
}

#[test]
fn dates_that_could_not_be_read_are_told() {
    let days = "CREATE TABLE days AS SELECT * FROM (VALUES ('03.02.2024'), ('04.02.2024'), ('03.02.2024'), ('31.12.2024'), \
                ('31.02.2024'), (''), (NULL)) AS t(day);";
    let of = |sql: &str| notes(&format!("{days}{sql}"));
    let ambiguous = "parse_date: 2 different values can be read in two ways, and give NULL; write order => 'dmy', or 'mdy'";
    let wrong = "parse_date: a value is not a date, and gives NULL; date_problem says why";
    assert_eq!(of("SELECT parse_date(day) FROM days"), [ambiguous, wrong]);
    // A plan computes it twice, and another statement tells it again.
    assert_eq!(of("SELECT parse_date(day) FROM days WHERE parse_date(day) IS NULL"), [ambiguous, wrong]);
    let again = of(
        "CREATE TABLE made AS SELECT parse_date(day) AS day FROM days; SELECT count(*) FROM made; SELECT max(parse_date(day)) FROM days",
    );
    assert_eq!(again, [ambiguous, wrong, ambiguous, wrong]);
    assert_eq!(of("SELECT parse_date(day, order => 'dmy') FROM days"), Vec::<String>::new());
    assert_eq!(of("SELECT parse_date('31.12.2024'), parse_date('')"), Vec::<String>::new());
}

#[test]
fn results_without_rows_are_explained() {
    let shop = "CREATE TABLE orders AS SELECT * FROM (VALUES (1, 'a', DATE '2025-01-01', 5.0), (1, 'b', DATE '2025-01-01', 6.0), \
                (2, 'c', DATE '2025-01-02', 7.0)) AS t(id, product, day, amount);";
    let of = |sql: &str| notes(&format!("{shop}{sql}"));
    let rfm = "FROM rfm(orders, customer => id, order_time => day, amount => amount, as_of => DATE";
    assert_eq!(
        of(&format!("SELECT * {rfm} '2024-12-31')")),
        ["rfm: no customer has an order that counts; orders after as_of do not, nor those before lookback"]
    );
    none(&of(&format!("SELECT * {rfm} '2025-01-01')")), "no customer");
    let rules = |most: &str| {
        of(&format!("SELECT * FROM association_rules(orders, basket => id, item => product, min_confidence => 0.1, {most})"))
    };
    assert_eq!(
        rules("min_support => 1"),
        [
            "association_rules: no two items are together in 2 of 2 baskets (min_support, min_count); support_curve shows what less gives"
        ]
    );
    none(&rules("min_support => 0.5"), "no two items");
    none(&rules("min_support => 1, per => day"), "no two items");
}
