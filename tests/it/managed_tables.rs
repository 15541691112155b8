//! Tables that statements write into the database: complete or absent, and with their earlier states.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use portraitdb::{Engine, EngineOptions, Session};

use crate::support::{portrait, rows, run, session_with, try_rows};

fn open(database: &Path) -> (Engine, Session) {
    session_with(EngineOptions { database: Some(database.to_path_buf()), ..EngineOptions::default() })
}

/// The data files on disk, those of the newest snapshots, and those of older ones.
fn files(database: &Path) -> (Vec<String>, Vec<String>) {
    let names = std::fs::read_dir(database.join("data")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<String> = names.filter(|name| name.ends_with(".parquet")).collect();
    found.sort();
    let catalog = rusqlite::Connection::open(database.join("catalog.sqlite")).unwrap();
    let mut query =
        catalog.prepare("SELECT name FROM files WHERE id IN (SELECT file FROM snapshot_files) ORDER BY name").unwrap();
    let named: Vec<String> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    (found, named)
}

/// The newest time of a table's snapshots, as text.
fn time_of(database: &Path) -> String {
    let catalog = rusqlite::Connection::open(database.join("catalog.sqlite")).unwrap();
    let at: i64 = catalog.query_row("SELECT max(at) FROM snapshots", [], |row| row.get(0)).unwrap();
    chrono::DateTime::from_timestamp_micros(at).unwrap().format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

#[test]
fn tables_survive_and_show_their_past() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = open(folder.path());
    let sql = |text: &str| rows(&engine, &session, text);
    assert!(
        sql("CREATE TABLE 订单 AS SELECT value AS id, concat('n', value) AS name FROM generate_series(1, 5) AS t(value)")
            .is_empty()
    );
    let first = time_of(folder.path());
    assert_eq!(sql("INSERT INTO 订单 VALUES (6, 'six'), (7, NULL)"), ["2"]);
    let second = time_of(folder.path());
    assert_eq!(sql("INSERT INTO 订单 (id) SELECT id + 100 FROM 订单"), ["7"]);
    sql("CREATE VIEW large AS SELECT * FROM 订单 WHERE id > 100");
    sql("CREATE TABLE d (id INT NOT NULL, city VARCHAR DEFAULT 'Shanghai', amount DECIMAL(12, 2))");
    sql("INSERT INTO d (amount, id) VALUES (1.5, 1)");
    drop((engine, session));

    let (engine, session) = open(folder.path());
    let sql = |text: &str| rows(&engine, &session, text);
    let fails = |text: &str| try_rows(&engine, &session, text).unwrap_err();
    assert_eq!(sql("SELECT count(*), sum(id), count(name) FROM 订单"), ["14|756|6"]);
    assert_eq!(sql("SELECT count(*) FROM large"), ["7"]);
    assert_eq!(sql("SELECT * FROM d"), ["1|Shanghai|1.50"]);
    let as_of = |time: &str| format!("FROM 订单 FOR SYSTEM_TIME AS OF TIMESTAMP '{time}'");
    assert_eq!(sql(&format!("SELECT count(*) {}", as_of(&first))), ["5"]);
    assert_eq!(sql(&format!("SELECT count(*) {}", as_of(&second))), ["7"]);
    assert_eq!(sql(&format!("SELECT count(*) {} AS was LEFT ANTI JOIN 订单 ON was.id = 订单.id", as_of(&second))), ["0"]);
    // A replacing table has other columns, and the same past.
    sql("CREATE OR REPLACE TABLE 订单 AS SELECT max(id) AS id, name, count(*) AS n FROM 订单 GROUP BY name");
    assert_eq!(sql("SELECT sum(n) FROM 订单"), ["14"]);
    assert_eq!(sql(&format!("SELECT sum(id) {}", as_of(&second))), ["28"]);
    let error = fails(&format!("SELECT count(*) {}", as_of("2020-01-01 00:00:00")));
    assert!(error.contains("订单: no version as of 2020-01-01 00:00:00"), "{error}");
    let error = fails("SELECT * FROM large FOR SYSTEM_TIME AS OF DATE '2020-01-01'");
    assert!(error.contains("large: is a view, whose past is not kept"), "{error}");

    let tables = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
    assert_eq!(sql(tables), ["d|BASE TABLE", "large|VIEW", "订单|BASE TABLE"]);
    let columns = "SELECT column_name, is_nullable FROM information_schema.columns WHERE table_name = 'd'";
    assert_eq!(sql(columns), ["id|NO", "city|YES", "amount|YES"]);

    let error = fails("DROP TABLE 订单");
    assert!(error.contains("订单: is used by view large; drop them first"), "{error}");
    sql("DROP VIEW large; DROP TABLE 订单; DROP TABLE IF EXISTS 订单; DROP TABLE d");
    assert_eq!(files(folder.path()), (vec![], vec![]));
    assert!(sql(tables).is_empty());
}

/// The errors are tested in `tests/sql/statements`; this test checks that no file remains.
#[test]
fn refused_statements_leave_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = open(folder.path());
    rows(&engine, &session, "CREATE TABLE t (id INT NOT NULL, name VARCHAR); CREATE VIEW v AS SELECT 1 AS a");
    let before = files(folder.path());
    assert_eq!((before.0.len(), &before.0), (1, &before.1));
    for sql in [
        "DELETE FROM t WHERE nothing = 1",
        "UPDATE t SET id = 'one'",
        "INSERT INTO t SELECT CAST(NULL AS INT), 'a' RETURNING id",
        "TRUNCATE TABLE v",
        "INSERT OVERWRITE t VALUES (1, 'a')",
        "INSERT INTO t (name) VALUES ('a')",
        "INSERT INTO t VALUES ('one', 'a')",
        "CREATE TABLE t AS SELECT 1",
        "CREATE OR REPLACE TABLE v AS SELECT 1",
        "CREATE TABLE \"u@5\" AS SELECT 1",
    ] {
        assert!(try_rows(&engine, &session, sql).is_err(), "{sql}");
        assert_eq!(files(folder.path()), before, "{sql}");
    }
}

/// The script of the definitions creates the same columns, without rows.
#[test]
fn every_type_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = open(folder.path());
    let values = "SELECT NULL AS a, [1, NULL] AS b, {'x': 1, 'y': ['z']} AS c, arrow_cast('a', 'Dictionary(Int32, Utf8)') AS d,
        arrow_cast('a', 'LargeUtf8') AS e, arrow_cast(1.5, 'Float16') AS f, arrow_cast(1, 'Decimal256(50, 2)') AS g, TIME '10:00:00' AS h,
        arrow_cast('2025-01-01', 'Timestamp(Second, Some(\"+08:00\"))') AS i, MAP {'k': 1} AS k, arrow_cast(5, 'Duration(Second)') AS m";
    rows(&engine, &session, &format!("CREATE TABLE t AS {values}"));
    rows(&engine, &session, "CREATE TABLE d (\"Id\" INT NOT NULL, city VARCHAR DEFAULT 'Shanghai')");
    let columns =
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = 'public'";
    let second = tempfile::tempdir().unwrap();
    let (copy, copied) = open(second.path());
    rows(&copy, &copied, &session.dump().unwrap());
    assert_eq!(rows(&copy, &copied, columns), rows(&engine, &session, columns));
    assert_eq!(rows(&copy, &copied, "INSERT INTO d (\"Id\") VALUES (1); SELECT d.* FROM d LEFT JOIN t ON true"), ["1|Shanghai"]);
}

/// Statements that fail late, are cancelled or run out of space leave the table unchanged, and no file.
#[test]
fn failed_statements_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = open(folder.path());
    rows(&engine, &session, "CREATE TABLE t AS SELECT CAST(1 AS BIGINT) AS v, CAST(1 AS BIGINT) AS w");
    let before = files(folder.path());
    let late = "SELECT value AS v, 1 / (value - 390000) AS w FROM generate_series(1, 400000)";
    for sql in
        [format!("INSERT INTO t {late}"), format!("CREATE TABLE u AS {late}"), format!("CREATE OR REPLACE TABLE t AS {late}")]
    {
        let error = try_rows(&engine, &session, &sql).unwrap_err();
        assert!(error.contains("division by zero"), "{error}");
        assert_eq!(files(folder.path()), before, "{sql}");
    }
    for head in ["INSERT INTO t", "CREATE TABLE u AS", "CREATE OR REPLACE TABLE t AS"] {
        let statement = format!("{head} SELECT value AS v, value AS w FROM generate_series(1, 3000000000)");
        engine.block_on(async {
            let statement = session.parse(&statement).await.unwrap().pop().unwrap();
            let answer = session.execute(statement).await.unwrap();
            while answer.progress().rows < 100_000 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            drop(answer);
        });
        let emptied = (0..6000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            files(folder.path()) == before
        });
        assert!(emptied, "{head}");
    }
    drop((engine, session));
    for place in ["data::create", "data::write", "data::fsync", "data::sync"] {
        for sql in ["INSERT INTO t VALUES (2, 2)", "CREATE TABLE u AS SELECT 1", "CREATE OR REPLACE TABLE t AS SELECT 2"] {
            let mut program = portrait();
            let program = program.env("FAILPOINTS", format!("{place}=return(28)")).arg("-d").arg(folder.path()).args(["-c", sql]);
            let (code, _, errors) = run(program);
            assert!(code == 1 && errors.contains("No space left"), "{place}: {errors}");
            assert_eq!(files(folder.path()), before, "{place}: {sql}");
        }
    }
    let (engine, session) = open(folder.path());
    assert_eq!(rows(&engine, &session, "SELECT count(*) FROM t"), ["1"]);
    assert!(try_rows(&engine, &session, "SELECT * FROM u").unwrap_err().contains("u: no such table"));
}

/// A process that ends at any step leaves the state before or the state after; a leftover file is removed by the next writing statement.
#[test]
fn every_step_may_be_the_last() {
    for (place, published) in
        [("table::written", false), ("table::finished", false), ("table::synced", false), ("table::published", true)]
    {
        let folder = tempfile::tempdir().unwrap();
        let dies = |sql: &str| {
            let mut program = portrait();
            let program = program.env("FAILPOINTS", format!("{place}=return")).arg("-d").arg(folder.path()).args(["-c", sql]);
            assert!(!program.stderr(Stdio::null()).status().unwrap().success());
        };
        let one = || open(folder.path());
        dies("CREATE TABLE t AS SELECT 1 AS a");
        let (engine, session) = one();
        assert_eq!(try_rows(&engine, &session, "SELECT * FROM t").is_ok(), published, "{place}");
        rows(&engine, &session, "CREATE OR REPLACE TABLE t AS SELECT 1 AS a");
        dies("INSERT INTO t VALUES (2)");
        assert_eq!(rows(&engine, &session, "SELECT count(*) FROM t"), [if published { "2" } else { "1" }], "{place}");
        dies("CREATE OR REPLACE TABLE t AS SELECT 1 AS b, 2 AS c");
        assert_eq!(try_rows(&engine, &session, "SELECT b + c FROM t").is_ok(), published, "{place}");
        rows(&engine, &session, "CREATE TABLE after AS SELECT 1 AS a");
        let (found, named) = files(folder.path());
        assert_eq!(found, named, "{place}");
    }
}

/// A process killed anywhere in a loop of INSERTs leaves only complete batches.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn killed_inserts_leave_whole_batches() {
    let folder = tempfile::tempdir().unwrap();
    let in_database = |sql: &str| {
        let mut program = portrait();
        program.arg("-d").arg(folder.path()).args(["-f", "csv", "-c", sql]);
        program
    };
    let (code, _, errors) = run(&mut in_database("CREATE TABLE t (batch BIGINT, v BIGINT)"));
    assert_eq!(code, 0, "{errors}");
    for kill in 0..25_u64 {
        let script: String = (0..200)
            .map(|batch| format!("INSERT INTO t SELECT {}, value FROM generate_series(1, 20000);", kill * 1000 + batch))
            .collect();
        let mut writer = in_database(&script).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let before = time_of(folder.path());
        while time_of(folder.path()) == before {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(kill * 37 % 100));
        writer.kill().unwrap();
        writer.wait().unwrap();
    }
    let (engine, session) = open(folder.path());
    let batches = rows(&engine, &session, "SELECT count(*), sum(v) FROM t GROUP BY batch");
    assert!(batches.len() >= 25, "{}", batches.len());
    assert!(batches.iter().all(|batch| batch == "20000|200010000"), "{batches:?}");
    // The next writing statement removes what the last one left.
    rows(&engine, &session, "INSERT INTO t VALUES (-1, 0)");
    let (found, named) = files(folder.path());
    assert_eq!(found, named);
}

/// Several processes add to a table while others read it: in the end every row is there, and every statement sees one state.
#[test]
fn processes_share_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = open(folder.path());
    rows(&engine, &session, "CREATE TABLE t AS SELECT CAST(0 AS BIGINT) AS v; CREATE VIEW w AS SELECT v FROM t");
    let script = "INSERT INTO t VALUES (1), (2);".repeat(15);
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let mut writer = portrait();
            writer
                .arg("-d")
                .arg(folder.path())
                .args(["-c", &script])
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut seen = 0;
    while seen < 91 {
        let both = rows(
            &engine,
            &session,
            "SELECT (SELECT count(*) FROM t) AS a, (SELECT count(*) FROM w) AS b, (SELECT count(*) FROM t WHERE v = 1) AS c",
        );
        let counts: Vec<i64> = both[0].split('|').map(|count| count.parse().unwrap()).collect();
        assert!(counts[0] == counts[1] && counts[0] == 2 * counts[2] + 1 && counts[0] >= seen, "{both:?} after {seen}");
        seen = counts[0];
    }
    for writer in writers {
        let output = writer.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // The table has changed since it was read, so replacing it would lose the rows of the other process.
    engine.block_on(async {
        let statement = session
            .parse("CREATE OR REPLACE TABLE t AS SELECT v FROM t, generate_series(1, 20000)")
            .await
            .unwrap()
            .pop()
            .unwrap();
        let answer = session.execute(statement).await.unwrap();
        // The role has the privilege to write by now; a statement that began before finds another state.
        let late = engine.session().unwrap();
        let statement = late.parse("CREATE OR REPLACE TABLE t AS SELECT v FROM t").await.unwrap().pop().unwrap();
        let other = late.execute(statement).await.unwrap();
        let (first, second) = (answer.collect().await, other.collect().await);
        assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
        let error = first.err().or(second.err()).unwrap().to_string();
        assert!(error.contains("t: was changed by another process in the meantime"), "{error}");
    });
}

/// One file per row would make reading slow, so small files are merged. Earlier states keep their own files.
#[test]
fn small_files_become_one() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = open(folder.path());
    rows(&engine, &session, "CREATE TABLE t (v BIGINT, name VARCHAR)");
    let mut past = String::new();
    for v in 1..=70 {
        rows(&engine, &session, &format!("INSERT INTO t VALUES ({v}, 'n{v}')"));
        if v == 50 {
            past = time_of(folder.path());
        }
    }
    assert_eq!(rows(&engine, &session, "SELECT count(*), sum(v), count(DISTINCT name) FROM t"), ["70|2485|70"]);
    let catalog = rusqlite::Connection::open(folder.path().join("catalog.sqlite")).unwrap();
    let newest = "SELECT count(*) FROM snapshot_files WHERE snapshot = (SELECT max(id) FROM snapshots)";
    let files: i64 = catalog.query_row(newest, [], |row| row.get(0)).unwrap();
    assert!(files < 10, "{files}");
    let was = format!("SELECT sum(v) FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '{past}'");
    assert_eq!(rows(&engine, &session, &was), ["1275"]);
}

/// A damaged file is an error that names it; the table can be dropped or replaced.
#[test]
fn damaged_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = open(folder.path());
    rows(&engine, &session, "CREATE TABLE t AS SELECT value AS v FROM generate_series(1, 1000); CREATE TABLE u AS SELECT 1 AS a");
    drop((engine, session));
    let largest = std::fs::read_dir(folder.path().join("data")).unwrap().map(|entry| entry.unwrap().path());
    let largest = largest.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&largest).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&largest, bytes).unwrap();
    let (engine, session) = open(folder.path());
    for sql in ["SELECT * FROM t", "INSERT INTO t VALUES (1)"] {
        let error = try_rows(&engine, &session, sql).unwrap_err();
        assert!(error.contains(&largest.display().to_string()) && error.contains("is damaged: its checksum"), "{error}");
    }
    assert_eq!(
        rows(
            &engine,
            &session,
            "SELECT * FROM u; DROP TABLE t; SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public'"
        ),
        ["1"]
    );
}

/// Rows in flight count towards the session's memory limit.
#[test]
fn little_memory_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = session_with(EngineOptions {
        database: Some(folder.path().to_path_buf()),
        memory_limit: Some(16 << 20),
        ..EngineOptions::default()
    });
    let wide = "SELECT value AS v, concat(md5(CAST(value AS VARCHAR)), md5(CAST(-value AS VARCHAR))) AS text FROM generate_series(1, 200000)";
    rows(&engine, &session, &format!("CREATE TABLE t AS {wide}; INSERT INTO t {wide}"));
    assert_eq!(rows(&engine, &session, "SELECT count(*), max(length(text)) FROM t"), ["400000|64"]);
}
