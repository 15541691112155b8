//! An erased person is gone from every byte of the database, and nobody else has changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

use datafusion::arrow::util::pretty::pretty_format_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use portraitdb::{Engine, EngineOptions, Session};

use crate::support::{Copies, portrait, rows, run, session_with, some, try_rows};

/// The numbers of erased and of remaining persons.
const CANARIES: usize = 100;
const OTHERS: usize = 150;

/// The values of one canary, each of which appears nowhere else.
fn marks(number: usize) -> [String; 4] {
    ["key", "name", "mail", "note"].map(|what| format!("canary-{what}-{number:03}-zq{}x", (number * 7919 + what.len()) % 100_003))
}

fn open(database: &Path) -> (Engine, Session) {
    session_with(EngineOptions { database: Some(database.to_path_buf()), partitions: Some(2), ..EngineOptions::default() })
}

/// Customers, orders, a list for a mailing, a profile with tags, segments, history and three refreshes, an identity, an experiment, and tables
/// that refer to each other by foreign keys.
fn script() -> String {
    let person = |number: usize, of: &str, key: &str, name: &str, mail: &str, note: &str| {
        format!("('{key}', '{name}', '{mail}', '{note}', {}, '{of}')", 20 + number % 60)
    };
    let mut customers: Vec<String> = (0..OTHERS)
        .map(|number| person(number, "other", &format!("c{number}"), &format!("name {number}"), &format!("m{number}@x.org"), "-"))
        .collect();
    customers.extend((0..CANARIES).map(|number| {
        let [key, name, mail, note] = marks(number);
        person(number, "canary", &key, &name, &mail, &note)
    }));
    let [key, name, ..] = marks(0);
    format!(
        "CREATE TABLE customers (customer_id VARCHAR, name VARCHAR, email VARCHAR, note VARCHAR, age BIGINT, of VARCHAR);
         INSERT INTO customers VALUES {};
         CREATE TABLE orders AS SELECT customer_id AS buyer, n AS order_id, age * n AS amount,
           TIMESTAMP '2025-01-01' + n * INTERVAL '20 days' AS at FROM customers CROSS JOIN generate_series(1, 6) AS s(n);
         CREATE VIEW purchases AS SELECT buyer AS customer_id, amount, at FROM orders;
         CREATE PROFILE member WITH (key = 'customer_id', history = 'age, email', time_columns = 'purchases.at') AS
           SELECT customer_id, name, email, age, of FROM customers;
         CREATE TAG spent ON member AS SELECT customer_id, sum(amount) FROM purchases GROUP BY customer_id;
         CREATE TAG tier ON member AS SELECT customer_id, CASE WHEN sum(amount) > 300 THEN 'high ' || min(customer_id) ELSE 'low' END FROM purchases GROUP BY customer_id;
         CREATE SEGMENT rich ON member AS spent > 200;
         REFRESH PROFILE member WITH (as_of = DATE '2025-02-15');
         UPDATE customers SET age = age + 1, email = 'new ' || email;
         REFRESH PROFILE member WITH (as_of = DATE '2025-03-31');
         CREATE TABLE mailing AS SELECT customer_id, email, CAST(of AS VARCHAR) AS of FROM profile.member;
         CREATE SCHEMA crm;
         CREATE TABLE crm.calls AS SELECT customer_id, note, of FROM customers WHERE age > 30;
         CREATE TABLE calls AS SELECT * FROM (VALUES ('{key}', '{name}'), ('c1', 'name 1')) AS t(customer_id, name);
         CREATE TABLE archive AS SELECT customer_id AS who, note, of FROM customers;
         ALTER TABLE mailing ADD COLUMN sent BOOLEAN DEFAULT false;
         DELETE FROM orders WHERE order_id = 3;
         CREATE TABLE accounts (account BIGINT PRIMARY KEY, customer_id VARCHAR, sponsor BIGINT REFERENCES accounts ON DELETE SET NULL, of VARCHAR);
         INSERT INTO accounts SELECT account, customer_id, lag(account) OVER (PARTITION BY of ORDER BY account), of
           FROM (SELECT row_number() OVER (ORDER BY customer_id) AS account, customer_id, of FROM customers) AS c;
         CREATE TABLE payments (payment BIGINT PRIMARY KEY, account BIGINT REFERENCES accounts ON DELETE CASCADE, note VARCHAR, of VARCHAR);
         INSERT INTO payments SELECT 10 * a.account, a.account, c.note, c.of FROM accounts AS a JOIN customers AS c USING (customer_id);
         CREATE TABLE refunds (refund BIGINT, payment BIGINT REFERENCES payments, of VARCHAR);
         INSERT INTO refunds SELECT payment, payment, of FROM payments WHERE payment % 20 = 0;
         UPDATE payments SET note = note || '!' WHERE payment % 3 = 0;
         CREATE IDENTITY person WITH (key = 'customer_id', match_on = 'email') AS SELECT customer_id, email FROM customers;
         REFRESH IDENTITY person;
         CREATE EXPERIMENT offer ON member WITH (start = '2025-04-01') AS SELECT customer_id, sum(amount) AS spent FROM purchases GROUP BY customer_id;
         CREATE MODEL likely WITH (type = 'kprototypes', key = 'customer_id', n_clusters = 2) AS SELECT customer_id, age, name FROM customers;
         CREATE OR REPLACE MODEL likely WITH (type = 'kprototypes', key = 'customer_id', n_clusters = 3) AS SELECT customer_id, age, name FROM customers;
         COMMENT ON TABLE mailing IS 'without {key}, who has complained';
         CREATE SEGMENT vip ON member AS spent > 500 AND customer_id <> '{key}';
         CREATE OR REPLACE SEGMENT vip ON member AS spent > 500;
         REFRESH PROFILE member WITH (as_of = DATE '2025-06-30');",
        customers.join(", ")
    )
}

/// A database in the folder, as [`script`] makes it.
fn made(folder: &Path) -> PathBuf {
    static MADE: LazyLock<Copies> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let (engine, session) = open(folder.path());
        rows(&engine, &session, &script());
        drop((engine, session));
        Copies::of(folder.path())
    });
    let database = folder.join("crm");
    MADE.write(&database);
    database
}

/// All rows of everybody else in every kept state, and the row counts of those states.
fn of_others(database: &Path, engine: &Engine, session: &Session) -> BTreeMap<String, Vec<String>> {
    let catalog = rusqlite::Connection::open(database.join("catalog.sqlite")).unwrap();
    let mut query = catalog.prepare("SELECT kind, name, at FROM snapshots ORDER BY id").unwrap();
    let states =
        query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))).unwrap();
    let mut seen = BTreeMap::new();
    for (kind, name, at) in states.map(Result::unwrap) {
        let time = chrono::DateTime::from_timestamp_micros(at).unwrap().format("%Y-%m-%d %H:%M:%S%.6f");
        let mut add = |table: String| {
            let query = format!("SELECT * FROM {table} FOR SYSTEM_TIME AS OF TIMESTAMP '{time}'");
            let Ok(mut rows) = try_rows(engine, session, &query) else { return };
            rows.retain(|row| !row.contains("canary"));
            rows.sort();
            seen.insert(query, rows);
        };
        if kind == "profile" {
            ["", "_tags", "_history"].iter().for_each(|end| add(format!("profile.{name}{end}")));
            add("segment.rich".into());
        } else {
            add(name);
        }
    }
    seen
}

/// Every value of every data file, as text.
fn decoded(database: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(database.join("data")).unwrap().map(Result::unwrap) {
        let file = std::fs::File::open(entry.path()).unwrap();
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            text.push_str(&pretty_format_batches(&[batch.unwrap()]).unwrap().to_string());
        }
    }
    text
}

/// Every byte of every file in the folder.
fn bytes(folder: &Path) -> Vec<u8> {
    let mut all = vec![];
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.path().is_dir() {
            true => all.extend(bytes(&entry.path())),
            false => all.extend(std::fs::read(entry.path()).unwrap()),
        }
    }
    all
}

fn has(bytes: &[u8], mark: &str) -> bool {
    bytes.windows(mark.len()).any(|part| part == mark.as_bytes())
}

fn erase(canaries: impl Iterator<Item = usize>) -> String {
    let keys: Vec<String> = canaries.map(|number| format!("'{}'", marks(number)[0])).collect();
    format!("ERASE SUBJECT {} FROM PROFILE member WITH (reason = 'request 17 of the register')", keys.join(", "))
}

#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn a_hundred_persons_are_gone_and_nobody_else_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let database = made(folder.path());
    let (engine, session) = open(&database);
    let before = of_others(&database, &engine, &session);
    assert!(before.len() > 20, "{:?}", before.keys());
    let predicted = "SELECT * FROM ml_predict(likely, (SELECT * FROM customers WHERE of = 'other')) ORDER BY customer_id";
    let predictions = rows(&engine, &session, predicted);
    let text = decoded(&database);
    let counted = |what: &str| (0..CANARIES).filter(|number| text.contains(&marks(*number)[0]) || text.contains(what)).count();
    assert_eq!(counted("nothing"), CANARIES);

    rows(&engine, &session, &erase(0..CANARIES));
    let catalog_has = |marks: &[String]| marks.iter().filter(|mark| has(&bytes(&database), mark)).cloned().collect::<Vec<_>>();
    let (text, everything) = (decoded(&database), bytes(&database));
    for number in 0..CANARIES {
        for mark in marks(number) {
            assert!(!text.contains(&mark), "{mark} in data");
            assert!(!has(&everything, &mark), "{mark} in bytes");
        }
    }
    assert!(!text.contains("canary") && catalog_has(&["canary".into()]).is_empty());
    let after = of_others(&database, &engine, &session);
    for (query, rows) in &before {
        assert_eq!(after.get(query), Some(rows), "{query}");
    }
    assert_eq!(before.len(), after.len());
    assert_eq!(rows(&engine, &session, predicted), predictions);

    // The recorded counts are those of the rows.
    let sql = |text: &str| rows(&engine, &session, text);
    assert_eq!(sql("SELECT customers FROM system.profiles"), [OTHERS.to_string()]);
    let rich = sql("SELECT count(*) FROM segment.rich");
    assert_eq!(sql("SELECT customers FROM system.segments WHERE name = 'rich'"), rich);
    let receipt = sql("SELECT kind, object, subjects, reason, to_do, finished_at IS NOT NULL FROM system.erasures");
    assert_eq!(receipt, ["subject|profile member|100|request 17 of the register|1|true"]);
    let objects = sql("SELECT object, state FROM system.erased_objects WHERE rows > 0 ORDER BY object");
    let expected = [
        "comments|erased",
        "definitions of tables, earlier versions of others|erased",
        "models|erased",
        "profile member|erased",
        "table accounts|erased",
        "table archive|erased",
        "table calls|erased",
        "table crm.calls|erased",
        "table customers|erased",
        "table identity.person|erased",
        "table identity.person_values|erased",
        "table mailing|erased",
        "table orders|erased",
        "table payments|erased",
        "table refunds|erased",
    ];
    assert_eq!(objects, expected);
    assert_eq!(sql("SELECT comment FROM system.comments WHERE table_name = 'mailing'"), ["without ***, who has complained"]);

    // The database still works, and is undamaged.
    drop((engine, session));
    let (code, out, errors) = run(portrait().arg("-d").arg(&database).arg("check"));
    assert_eq!(code, 0, "{out}{errors}");
    let (engine, session) = open(&database);
    rows(
        &engine,
        &session,
        "REFRESH PROFILE member WITH (as_of = DATE '2025-07-31'); INSERT INTO customers (customer_id) VALUES ('new')",
    );
    assert_eq!(rows(&engine, &session, "SELECT count(*) FROM profile.member"), [OTHERS.to_string()]);
}

/// Killed at any step: either everything is erased or nothing, and the next opening removes what an erasure left.
#[test]
fn killed_at_each_step() {
    let steps = [
        ("erase::written", false),
        ("erase::synced", false),
        ("erase::committed", true),
        ("erase::removed", true),
        ("erase::vacuumed", true),
        ("erase::finished", true),
    ];
    let folder = tempfile::tempdir().unwrap();
    let database = made(folder.path());
    let (engine, session) = open(&database);
    let before = of_others(&database, &engine, &session);
    let all = rows(&engine, &session, "SELECT * FROM profile.member_history ORDER BY ALL");
    drop((engine, session));
    for (step, is_erased) in some(steps, 2) {
        let folder = tempfile::tempdir().unwrap();
        let database = made(folder.path());
        let (code, _, errors) =
            run(portrait().env("FAILPOINTS", format!("{step}=return")).arg("-d").arg(&database).args(["-c", &erase(0..3)]));
        assert_ne!(code, 0, "{step}: {errors}");
        let (engine, session) = open(&database);
        let marks: Vec<String> = (0..3).flat_map(marks).collect();
        let there = marks.iter().filter(|mark| decoded(&database).contains(*mark)).count();
        let seen = rows(&engine, &session, "SELECT * FROM profile.member_history ORDER BY ALL");
        if is_erased {
            assert!(seen.len() < all.len(), "{step}");
            assert_eq!(there, 0, "{step}: files of before went with the opening");
            let everything = bytes(&database);
            assert!(marks.iter().all(|mark| !has(&everything, mark)), "{step}");
            assert_eq!(rows(&engine, &session, "SELECT count(finished_at) FROM system.erasures"), ["1"], "{step}");
        } else {
            assert_eq!(seen, all, "{step}");
            assert!(there > 3, "{step}");
            assert_eq!(rows(&engine, &session, "SELECT count(*) FROM system.erasures"), ["0"], "{step}");
            // Once more, completely.
            rows(&engine, &session, &erase(0..3));
            assert!(!marks.iter().any(|mark| decoded(&database).contains(mark)), "{step}");
        }
        assert_eq!(of_others(&database, &engine, &session), before, "{step}");
        drop((engine, session));
        let (code, out, errors) = run(portrait().arg("-d").arg(&database).arg("check"));
        assert_eq!(code, 0, "{step}: {out}{errors}");
    }
}

/// A transaction that has read erased rows cannot write them back; a running reader can finish.
#[test]
fn others_read_and_do_not_write_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let database = made(folder.path());
    let (engine, session) = open(&database);
    // A transaction that read before the erasure.
    let other = engine.session().unwrap();
    rows(&engine, &other, "BEGIN; SELECT count(*) FROM customers");
    rows(&engine, &session, "SET portrait.lock_timeout = 1");
    rows(&engine, &session, &erase(0..1));
    assert_eq!(rows(&engine, &session, "SELECT count(finished_at) FROM system.erasures"), ["0"], "the transaction reads the log");
    let error = try_rows(&engine, &other, "CREATE TABLE copy AS SELECT * FROM customers; COMMIT").unwrap_err();
    assert!(error.contains("erased in the meantime") || error.contains("changed"), "{error}");
    let _ = try_rows(&engine, &other, "ROLLBACK");
    rows(&engine, &session, "INSERT INTO customers (customer_id) VALUES ('new')");
    assert_eq!(rows(&engine, &session, "SELECT count(finished_at) FROM system.erasures"), ["1"]);
    let everything = bytes(&database);
    assert!(marks(0).iter().all(|mark| !has(&everything, mark)));
    // A writing transaction delays the erasure.
    rows(&engine, &other, "BEGIN; INSERT INTO mailing (customer_id) VALUES ('another')");
    let error = try_rows(&engine, &session, &erase(1..2)).unwrap_err();
    assert!(error.contains("ERASE SUBJECT: other statements kept writing"), "{error}");
    rows(&engine, &other, "COMMIT");
    rows(&engine, &session, &erase(1..2));
}

/// While another process erases, statements can read, but writing is refused with the advice to try later.
#[test]
fn who_writes_while_another_process_erases_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let database = made(folder.path());
    let (engine, session) = open(&database);
    let mut erasing = portrait();
    let erasing = erasing.env("FAILPOINTS", "erase::synced=sleep(4000)").arg("-d").arg(&database).args(["-c", &erase(0..2)]);
    let mut erasing = erasing.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let count = "SELECT count(*) FROM customers";
    // Its new files exist, and nothing refers to them yet.
    let files = || std::fs::read_dir(database.join("data")).unwrap().count();
    let before = files();
    while files() == before && erasing.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let error = try_rows(&engine, &session, "INSERT INTO customers (customer_id) VALUES ('new')").unwrap_err();
    assert!(error.contains("data of a person is being erased"), "{error}");
    let error = try_rows(&engine, &session, "REFRESH PROFILE member").unwrap_err();
    assert!(error.contains("data of a person is being erased"), "{error}");
    assert_eq!(rows(&engine, &session, count), [(OTHERS + CANARIES).to_string()]);
    assert!(erasing.wait().unwrap().success());
    assert_eq!(rows(&engine, &session, count), [(OTHERS + CANARIES - 2).to_string()]);
    rows(&engine, &session, "INSERT INTO customers (customer_id) VALUES ('new')");
}

/// RETAIN applies to earlier states too, and a dump contains it.
#[test]
fn old_rows_leave_earlier_states() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm");
    let (engine, session) = open(&database);
    rows(
        &engine,
        &session,
        "CREATE TABLE visits (note VARCHAR, at TIMESTAMP);
         INSERT INTO visits VALUES ('long ago', '2020-01-01'), ('no time', NULL);
         INSERT INTO visits SELECT 'now', CAST(now() AS TIMESTAMP);
         UPDATE visits SET note = note || '!';
         RETAIN visits FOR INTERVAL '2 years' ON at;",
    );
    assert!(decoded(&database).matches("long ago").count() > 1);
    rows(&engine, &session, "REFRESH RETENTION");
    let text = decoded(&database);
    assert!(!text.contains("long ago") && text.contains("no time!"), "{text}");
    assert_eq!(rows(&engine, &session, "SELECT note FROM visits ORDER BY note"), ["no time!", "now!"]);
    drop((engine, session));
    let (_, out, _) = run(portrait().arg("-d").arg(&database).arg("dump"));
    assert!(out.contains("RETAIN \"visits\" FOR INTERVAL '2 years' ON \"at\";"), "{out}");
}

/// All data about one person, in one document.
#[test]
fn a_person_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm");
    let (engine, session) = open(&database);
    let session = session.with_base(folder.path());
    rows(&engine, &session, &script());
    let [key, name, mail, note] = marks(5);
    rows(&engine, &session, &format!("EXPORT SUBJECT '{key}' FROM PROFILE member TO 'person.json'"));
    let text = std::fs::read_to_string(folder.path().join("person.json")).unwrap();
    for mark in [&key, &name, &mail, &note] {
        assert!(text.contains(mark.as_str()), "{mark}");
    }
    assert!(!(0..CANARIES).filter(|other| *other != 5).any(|other| text.contains(&marks(other)[0])));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let member = &document["profiles"]["member"];
    assert_eq!(member["rows"][0]["name"], name);
    assert!(member["history"].as_array().unwrap().len() > 3 && !member["earlier_states"].as_array().unwrap().is_empty());
    assert_eq!(document["tables"]["orders"]["rows"].as_array().unwrap().len(), 5);
    assert_eq!(document["tables"]["orders"]["rows_of_earlier_states"].as_array().unwrap().len(), 1);
    assert_eq!(document["tables"]["customers"]["rows_of_earlier_states"][0]["email"], mail);
    assert_eq!(document["experiments"][0]["experiment"], "offer");
    let tables: Vec<&String> = document["tables"].as_object().unwrap().keys().collect();
    let own = [
        "accounts",
        "archive",
        "customers",
        "identity.person",
        "identity.person_values",
        "mailing",
        "orders",
        "payments",
        "refunds",
    ];
    assert_eq!(tables, own);
    // Without a file, the document is the result.
    let answer = rows(&engine, &session, &format!("EXPORT SUBJECT '{key}' FROM PROFILE member WITH (keep = 'orders, mailing')"));
    let document: serde_json::Value = serde_json::from_str(&answer[0]).unwrap();
    let tables: Vec<&String> = document["tables"].as_object().unwrap().keys().collect();
    assert_eq!(tables, own.iter().filter(|table| !["orders", "mailing"].contains(table)).collect::<Vec<_>>());
}

/// Rows that refer to the person are the person's, but not those of other persons who do.
#[test]
fn what_refers_to_a_person_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = open(&folder.path().join("crm"));
    for sql in [
        "CREATE TABLE customers (customer_id VARCHAR PRIMARY KEY, name VARCHAR, introduced_by VARCHAR REFERENCES customers (customer_id) ON DELETE SET NULL)",
        "CREATE TABLE orders (order_id BIGINT PRIMARY KEY, buyer VARCHAR REFERENCES customers (customer_id))",
        "CREATE TABLE lines (order_id BIGINT REFERENCES orders (order_id), gift_text VARCHAR)",
        "CREATE TABLE visits (visit BIGINT, visitor VARCHAR REFERENCES customers (customer_id) ON DELETE SET NULL)",
        "INSERT INTO customers VALUES ('C001', 'Ann', NULL), ('C002', 'Bob', 'C001'), ('C003', 'Cai', 'C002')",
        "INSERT INTO orders VALUES (1, 'C001'), (2, 'C002'), (4, 'C002')",
        "INSERT INTO lines VALUES (1, 'for mum'), (2, 'for dad'), (4, 'for me')",
        "INSERT INTO visits VALUES (1, 'C002'), (2, 'C003')",
        "CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, name FROM customers",
        "REFRESH PROFILE member",
    ] {
        rows(&engine, &session, sql);
    }
    let answer = rows(&engine, &session, "EXPORT SUBJECT 'C002' FROM PROFILE member");
    let document: serde_json::Value = serde_json::from_str(&answer[0]).unwrap();
    let count = |table: &str| document["tables"][table]["rows"].as_array().map_or(0, Vec::len);
    assert_eq!(["customers", "lines", "orders", "visits"].map(count), [1, 2, 2, 1], "{document}");
    assert!(!answer[0].contains("Cai"), "{}", answer[0]);
    assert_eq!(document["subject"]["keys"].as_array().unwrap().len(), 1);
}
