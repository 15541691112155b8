//! Statements as interfaces use them: prepared, described, executed with parameters, limited and cancelled, with command tags, row counts and
//! the code of each error.

use std::path::Path;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use portraitdb::{Answer, Engine, EngineOptions, Parameters, Prepared, Session, message, sqlstate};

use crate::support::{rows, session, session_with, try_rows};

fn prepare(engine: &Engine, session: &Session, sql: &str) -> Prepared {
    engine.block_on(async {
        let statement = session.parse(sql).await.unwrap().pop().unwrap();
        session.prepare(statement).await.unwrap()
    })
}

fn execute(engine: &Engine, session: &Session, sql: &str) -> Answer {
    engine.block_on(async {
        let statement = session.parse(sql).await.unwrap().pop().unwrap();
        session.execute(statement).await.unwrap()
    })
}

/// The first column of all rows.
fn first_column(engine: &Engine, prepared: &Prepared, parameters: Parameters) -> Vec<String> {
    let batches = engine.block_on(async { prepared.execute(parameters).await.unwrap().collect().await.unwrap() });
    let values = batches.iter().flat_map(|batch| {
        (0..batch.num_rows()).map(|row| ScalarValue::try_from_array(batch.column(0), row).unwrap().to_string())
    });
    values.collect()
}

#[test]
fn a_prepared_statement_is_described_and_executed() {
    let (engine, session) = session();
    rows(&engine, &session, "CREATE TABLE t AS SELECT * FROM (VALUES (1, 'a', 1.50), (2, 'b', NULL)) AS t(id, name, amount)");
    let prepared =
        prepare(&engine, &session, "SELECT name, amount, id + 1 AS next FROM t WHERE id >= $1 AND name <> $2 ORDER BY id");
    let description = prepared.describe();
    assert_eq!(description.tag, "SELECT");
    let columns: Vec<(&str, &DataType)> =
        description.columns.fields().iter().map(|field| (field.name().as_str(), field.data_type())).collect();
    let expected = [("name", &DataType::Utf8), ("amount", &DataType::Float64), ("next", &DataType::Int64)];
    assert_eq!(columns.iter().map(|(name, _)| *name).collect::<Vec<_>>(), expected.map(|(name, _)| name));
    assert_eq!(columns[2].1, expected[2].1);
    let parameters: Vec<&str> = description.parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(parameters, ["1", "2"]);
    assert_eq!(description.parameters[0].1.as_ref().map(|field| field.data_type()), Some(&DataType::Int64));
    // Any number of times, each with the current data.
    let of = |id: i64, name: &str| Parameters::positional([id.into(), name.into()]);
    assert_eq!(first_column(&engine, &prepared, of(1, "x")), ["a", "b"]);
    assert_eq!(first_column(&engine, &prepared, of(2, "x")), ["b"]);
    rows(&engine, &session, "INSERT INTO t VALUES (3, 'c', 2)");
    assert_eq!(first_column(&engine, &prepared, of(2, "b")), ["c"]);
    // Several at once.
    let (first, second) = engine.block_on(async {
        let (first, second) = tokio::join!(prepared.execute(of(1, "a")), prepared.execute(of(3, "a")));
        (first.unwrap().collect().await.unwrap(), second.unwrap().collect().await.unwrap())
    });
    let count = |batches: &[RecordBatch]| batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
    assert_eq!((count(&first), count(&second)), (2, 1));
}

#[test]
fn parameters_have_names_and_types() {
    let (engine, session) = session();
    let sql =
        "SELECT count(*) AS customers FROM rfm(sample_orders(rows => 500), customer => customer_id, order_time => ordered_at,
               amount => amount, bins => $bins, as_of => $day)";
    let prepared = prepare(&engine, &session, sql);
    let parameters = prepared.describe().parameters.iter();
    let parameters: Vec<_> =
        parameters.map(|(name, field)| (name.as_str(), field.as_ref().map(|field| field.data_type()))).collect();
    assert_eq!(parameters, [("bins", Some(&DataType::Int64)), ("day", Some(&DataType::Date32))]);
    session.set_parameter("day", ScalarValue::Date32(Some(20_300)));
    let given = || Parameters::named([("bins", 4i64.into())]);
    assert_eq!(first_column(&engine, &prepared, given()).len(), 1);
    let error = engine.block_on(prepared.execute(Parameters::default())).err().unwrap();
    assert_eq!((sqlstate(&error).code(), message(&error).contains("$bins")), ("42P02", true));
    // Statements that create objects return no rows; statements that list them do.
    assert!(
        prepare(&engine, &session, "CREATE PROFILE p WITH (key = 'a') AS SELECT 1 AS a").describe().columns.fields().is_empty()
    );
    let shown = prepare(&engine, &session, "SHOW PROFILES");
    assert_eq!((shown.describe().tag.as_str(), shown.describe().columns.field(0).name().as_str()), ("SHOW", "name"));
    assert!(rows(&engine, &session, "SELECT name FROM system.profiles").is_empty(), "describing makes nothing");
}

#[test]
fn answers_say_what_was_done_and_for_how_many_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) =
        session_with(EngineOptions { database: Some(folder.path().into()), partitions: Some(2), ..EngineOptions::default() });
    for (sql, tag, counted) in [
        ("CREATE TABLE t AS SELECT * FROM generate_series(1, 3) AS t(id)", "CREATE TABLE AS", 3),
        ("CREATE TEMPORARY TABLE tt AS SELECT * FROM t", "CREATE TABLE AS", 3),
        ("INSERT INTO t VALUES (4), (5)", "INSERT", 2),
        ("SELECT * FROM t", "SELECT", 5),
        ("CREATE OR REPLACE VIEW v AS SELECT * FROM t", "CREATE VIEW", 0),
        ("CREATE PROFILE p WITH (key = 'id') AS SELECT id FROM t", "CREATE PROFILE", 0),
        ("REFRESH PROFILE p", "REFRESH PROFILE", 0),
        ("SHOW TAGS", "SHOW", 0),
        ("SET portrait.max_rows_shown = 3", "SET", 0),
        ("EXPLAIN SELECT 1", "EXPLAIN", 2),
        ("DROP VIEW IF EXISTS v", "DROP VIEW", 0),
    ] {
        let mut answer = execute(&engine, &session, sql);
        engine.block_on(async {
            while let Some(batch) = answer.next().await {
                batch.unwrap();
            }
        });
        assert_eq!((answer.tag(), answer.rows()), (tag, counted), "{sql}");
    }
}

#[test]
fn errors_have_their_codes() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = session_with(EngineOptions { database: Some(folder.path().into()), ..EngineOptions::default() });
    rows(
        &engine,
        &session,
        "CREATE TABLE t (id BIGINT NOT NULL, name VARCHAR); CREATE VIEW v AS SELECT id FROM t;
         CREATE PROFILE p WITH (key = 'id') AS SELECT id, name FROM t; PREPARE q AS SELECT 1",
    );
    for (sql, code) in [
        ("SELECT * FROM nothing", "42P01"),
        ("SELECT nothing FROM t", "42703"),
        ("SELECT * FROM t AS a, t AS b WHERE id = 1", "42702"),
        ("SELEC 1", "42601"),
        ("SELECT id, count(*) FROM t", "42803"),
        ("SELECT id FROM t WHERE sum(id) > 1", "42803"),
        ("SELECT sum(sum(id)) FROM t", "42803"),
        ("SELECT id FROM t ORDER BY 3", "42P10"),
        ("SELECT id FROM t ORDER BY 0", "42P10"),
        ("SELECT id FROM t GROUP BY 4", "42P10"),
        ("SELECT id FROM t LIMIT -1", "2201W"),
        ("SELECT id FROM t OFFSET -1", "2201X"),
        ("SELECT id FROM t UNION SELECT id, name FROM t", "42601"),
        ("SELECT x.* FROM t", "42P01"),
        ("SELECT * FROM no_such_function(1)", "42883"),
        ("SELECT no_such_function(1)", "42883"),
        ("SELECT 1 / (id - id) FROM (SELECT 1 AS id)", "22012"),
        ("SELECT CAST(name AS BIGINT) FROM (VALUES ('x')) AS t(name)", "22P02"),
        ("SELECT * FROM rfm(t, customer => id, order_time => DATE '2025-01-01', amount => 1, bins => 0)", "22023"),
        ("CREATE TABLE t AS SELECT 1 AS a", "42P07"),
        ("CREATE PROFILE p WITH (key = 'id') AS SELECT id FROM t", "42710"),
        ("DROP TAG nothing", "42704"),
        ("REFRESH PROFILE nothing", "42704"),
        ("CREATE TAG g ON p AS SELECT id, nothing FROM t", "42703"),
        ("CREATE TAG g ON p AS SELECT id, 1 FROM nothing", "42P01"),
        ("CREATE SEGMENT g ON p AS nothing = 1", "42703"),
        ("SELECT * FROM profile.p", "55000"),
        ("DROP TABLE t", "2BP01"),
        ("INSERT INTO t SELECT CASE WHEN g > 5 THEN g END, 'x' FROM generate_series(1, 3) AS s(g)", "23502"),
        ("INSERT INTO t VALUES (NULL, 'x')", "23502"),
        ("DROP TABLE nothing", "42P01"),
        ("SHOW nothing", "42704"),
        ("SELECT CAST(3000000000 AS INT)", "22003"),
        ("SELECT CAST('99999999999' AS INT)", "22003"),
        ("SELECT CAST('2025-13-01' AS DATE)", "22008"),
        ("SELECT CAST('x' AS DATE)", "22007"),
        ("SELECT sqrt(-1)", "2201F"),
        ("SELECT name ~ '(' FROM (VALUES ('x')) AS t(name)", "2201B"),
        ("EXECUTE nothing", "26000"),
        ("PREPARE q AS SELECT 2", "42P05"),
        ("SELECT * FROM t WHERE id = $id", "42P02"),
        ("SELECT * FROM 'nothing.parquet'", "58P01"),
        ("SET portrait.max_operators = 5", "22023"),
        ("SET portrait.nothing = 5", "42704"),
        ("CREATE FUNCTION rfm() AS SELECT 1", "42710"),
    ] {
        let error = engine.block_on(session.sql(sql)).unwrap_err();
        assert_eq!(sqlstate(&error).code(), code, "{sql}: {}", message(&error));
    }
    let (engine, session) =
        session_with(EngineOptions { memory_limit: Some(16 << 20), partitions: Some(1), ..EngineOptions::default() });
    let sql = "SELECT array_agg(value) FROM generate_series(1, 20000000)";
    let error = engine.block_on(session.sql(sql)).unwrap_err();
    assert_eq!(sqlstate(&error).code(), "53200", "{}", message(&error));
}

#[test]
fn a_statement_ends_when_its_time_is_over_or_it_is_cancelled() {
    let (engine, session) = session_with(EngineOptions { partitions: Some(1), ..EngineOptions::default() });
    let endless =
        "SELECT count(*) FROM generate_series(1, 100000000) AS a(x), generate_series(1, 100000000) AS b(y) WHERE (x * y) % 7 = 3";
    rows(&engine, &session, "SET portrait.statement_timeout = 1");
    let error = engine.block_on(session.sql(endless)).unwrap_err();
    assert_eq!((sqlstate(&error).code(), message(&error).contains("after 1 s")), ("57014", true), "{}", message(&error));
    rows(&engine, &session, "SET portrait.statement_timeout = 0");
    let mut answer = execute(&engine, &session, endless);
    let cancel = answer.canceller();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        cancel.cancel();
    });
    let error = engine.block_on(answer.next()).unwrap().unwrap_err();
    assert_eq!((sqlstate(&error).code(), message(&error).as_str()), ("57014", "query: was cancelled"));
    // The session continues.
    assert_eq!(rows(&engine, &session, "SELECT 1"), ["1"]);
}

#[test]
fn a_statement_takes_its_share_of_the_memory() {
    let (engine, session) =
        session_with(EngineOptions { memory_limit: Some(64 << 20), partitions: Some(1), ..EngineOptions::default() });
    let sql = "SELECT array_length(array_agg(value)) FROM generate_series(1, 500000)";
    assert_eq!(rows(&engine, &session, sql), ["500000"]);
    rows(&engine, &session, "SET portrait.memory_share = 1");
    let error = try_rows(&engine, &session, sql).unwrap_err();
    assert!(error.contains("1 % of the memory limit") || error.contains("memory"), "{error}");
    rows(&engine, &session, "RESET portrait.memory_share");
    assert_eq!(rows(&engine, &session, sql), ["500000"]);
}

#[test]
fn statements_know_who_runs_them_and_from_where() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("people.csv"), "id,name\n1,Ada\n").unwrap();
    let (engine, nobody) = session();
    let ada = engine.session().unwrap().with_role("ada").with_base(folder.path());
    rows(&engine, &ada, "CREATE EXTERNAL TABLE people STORED AS CSV LOCATION 'people.csv' OPTIONS ('format.has_header' 'true')");
    // The role that reads it does not have to exist.
    assert_eq!(rows(&engine, &nobody, "SELECT name FROM people"), ["Ada"]);
    assert_eq!(rows(&engine, &ada, "SELECT id FROM 'people.csv'"), ["1"]);
    let elsewhere = nobody.with_base(Path::new("/"));
    assert!(try_rows(&engine, &elsewhere, "SELECT id FROM 'people.csv'").unwrap_err().contains("no such file or folder in /"));
    assert_eq!(rows(&engine, &elsewhere, "SELECT name, author FROM system.versions"), ["people|ada"]);
}
