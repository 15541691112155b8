//! Tables in SQLite files: types, conditions passed on as SQL, and concurrent writers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portraitdb::{Engine, EngineOptions, Session};
use rusqlite::Connection;

use crate::support::{About, Dice, cases, is_long, portrait, rows, run, session, session_with, try_rows};

fn made(folder: &Path, sql: &str) -> Connection {
    let connection = Connection::open(folder.join("crm.db")).unwrap();
    connection.execute_batch(sql).unwrap();
    connection
}

fn table(folder: &Path, name: &str, options: &str) -> String {
    let place = folder.join("crm.db");
    format!("CREATE OR REPLACE EXTERNAL TABLE {name} STORED AS SQLITE OPTIONS ({options}) LOCATION '{}'", place.display())
}

const CUSTOMERS: &str =
    "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, born DATE, joined DATETIME, spent DECIMAL(10, 2),
        vip BOOLEAN, score REAL, photo BLOB, points BIGINT, opens TIME, code STRING, extra);
    INSERT INTO customers VALUES
        (1, 'Ann', '1990-02-03', '2025-01-01 10:00:00', 19.99, 1, 1.5, x'00ff', 9223372036854775807, '08:30', '007', 7),
        (2, 'ann', '1991-02-03', '2025-01-02T10:00:00.5+08:00', 5, 0, 2, NULL, -9223372036854775808, '23:59:59.5', 'x7', 'x'),
        (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    CREATE VIEW names AS SELECT id, upper(name) AS name FROM customers;
    CREATE TABLE bad (a INTEGER, d DATE, n DECIMAL(5, 2), b BOOLEAN);
    INSERT INTO bad VALUES (1, '2025-01-01', 1.25, 1), ('x', '31.12.2025', 1.255, 2), (3, 20250101, 1e9, NULL);
    CREATE TABLE keyless (a TEXT PRIMARY KEY, n INT) WITHOUT ROWID; INSERT INTO keyless VALUES ('a', 1), ('b', 'y');";

#[test]
fn types_come_from_the_declarations() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path(), CUSTOMERS);
    let (engine, session) = session();
    rows(&engine, &session, &table(folder.path(), "customers", "'table' 'Customers'"));
    let types =
        "SELECT string_agg(column_name || ' ' || sql_type, ', ') FROM information_schema.columns WHERE table_name = 'customers'";
    assert_eq!(
        rows(&engine, &session, types),
        [
            "id BIGINT, name VARCHAR, born DATE, joined TIMESTAMP, spent DECIMAL(10, 2), vip BOOLEAN, score DOUBLE, photo BYTEA, points BIGINT, opens TIME, code VARCHAR, extra VARCHAR"
        ]
    );
    assert_eq!(
        rows(&engine, &session, "SELECT * FROM customers ORDER BY id"),
        [
            "1|Ann|1990-02-03|2025-01-01T10:00:00|19.99|true|1.5|00ff|9223372036854775807|08:30:00|7|7",
            "2|ann|1991-02-03|2025-01-02T02:00:00.500|5.00|false|2.0|NULL|-9223372036854775808|23:59:59.500|x7|x",
            "3|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL",
        ]
    );
    assert_eq!(rows(&engine, &session, "SELECT count(*) FROM customers"), ["3"]);
    rows(&engine, &session, &table(folder.path(), "names", "'table' 'names'"));
    assert_eq!(rows(&engine, &session, "SELECT name FROM names WHERE id = 2"), ["ANN"]);
    rows(
        &engine,
        &session,
        &table(folder.path(), "counted", "'query' 'SELECT vip, count(*) AS n FROM customers GROUP BY 1 -- all\n;'"),
    );
    assert_eq!(rows(&engine, &session, "SELECT * FROM counted ORDER BY vip"), ["false|1", "true|1", "NULL|1"]);
}

#[test]
fn a_value_that_does_not_fit_is_an_error_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path(), CUSTOMERS);
    let (engine, session) = session();
    rows(&engine, &session, &table(folder.path(), "bad", "'table' 'bad'"));
    for (column, said) in [
        (
            "a",
            "table bad: column a, rowid 2: 'x' does not fit BIGINT; to read it as text, OPTIONS ('query' 'SELECT …, CAST(\"a\" AS TEXT) AS \"a\" FROM \"bad\"')",
        ),
        ("d", "column d, rowid 2: '31.12.2025' does not fit DATE"),
        ("n", "column n, rowid 2: 1.255 does not fit DECIMAL(5, 2)"),
        ("b", "column b, rowid 2: 2 does not fit BOOLEAN"),
    ] {
        let error = try_rows(&engine, &session, &format!("SELECT {column} FROM bad")).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    // Times that are stored as numbers.
    made(
        folder.path(),
        "CREATE TABLE numbers (s DATETIME, ms DATETIME, j DATE); INSERT INTO numbers VALUES (1735689600, 1735689600000, 2460676.5)",
    );
    rows(&engine, &session, &table(folder.path(), "numbers", "'table' 'numbers'"));
    for (column, advice) in [
        (
            "s",
            "if it counts seconds since 1970, OPTIONS ('query' 'SELECT …, datetime(\"s\", ''unixepoch'') AS \"s\" FROM \"numbers\"'), and CAST",
        ),
        ("ms", "if it counts milliseconds since 1970, OPTIONS ('query' 'SELECT …, datetime(\"ms\" / 1000, ''unixepoch'')"),
        ("j", "if it counts days of the Julian calendar, OPTIONS ('query' 'SELECT …, datetime(\"j\") AS \"j\""),
    ] {
        let error = try_rows(&engine, &session, &format!("SELECT {column} FROM numbers")).unwrap_err();
        assert!(error.contains(advice), "{error}");
    }
    // Values that are not read cause no error.
    assert_eq!(rows(&engine, &session, "SELECT a FROM bad WHERE a = 3"), ["3"]);
    rows(&engine, &session, &table(folder.path(), "keyless", "'table' 'keyless'"));
    let error = try_rows(&engine, &session, "SELECT * FROM keyless").unwrap_err();
    assert!(error.contains("column n: 'y' does not fit BIGINT"), "{error}");
    rows(&engine, &session, &table(folder.path(), "cast", "'query' 'SELECT CAST(a AS TEXT) AS a FROM bad'"));
    assert_eq!(rows(&engine, &session, "SELECT a FROM \"cast\" ORDER BY a"), ["1", "3", "x"]);
}

#[test]
fn what_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path(), CUSTOMERS);
    std::fs::write(folder.path().join("text.db"), "this is no database, and long enough to be looked at as one ".repeat(50))
        .unwrap();
    let (engine, session) = session();
    let place = folder.path().display();
    let create = |rest: &str| try_rows(&engine, &session, &format!("CREATE EXTERNAL TABLE t {rest}")).unwrap_err();
    for (rest, said) in [
        (format!("STORED AS SQLITE OPTIONS ('table' 'x') LOCATION '{place}/none.db'"), "no such file"),
        (format!("STORED AS SQLITE OPTIONS ('table' 'x') LOCATION '{place}'"), "is not a file"),
        (format!("STORED AS SQLITE OPTIONS ('table' 'x') LOCATION '{place}/text.db'"), "is not a SQLite database"),
        (
            format!("STORED AS SQLITE OPTIONS ('table' 'custommers') LOCATION '{place}/crm.db'"),
            "perhaps \"customers\" is meant; it has bad, customers",
        ),
        (format!("STORED AS SQLITE LOCATION '{place}/crm.db'"), "must say what is read"),
        (
            format!("STORED AS SQLITE OPTIONS ('table' 'bad', 'query' 'SELECT 1') LOCATION '{place}/crm.db'"),
            "must say what is read",
        ),
        (
            format!("STORED AS SQLITE OPTIONS ('tabel' 'bad') LOCATION '{place}/crm.db'"),
            "tabel is not an option; perhaps \"table\" is meant",
        ),
        (format!("(a INT) STORED AS SQLITE OPTIONS ('table' 'bad') LOCATION '{place}/crm.db'"), "leave out the list of columns"),
        (format!("STORED AS SQLITE OPTIONS ('query' 'DELETE FROM bad') LOCATION '{place}/crm.db'"), "must be one SELECT"),
    ] {
        let error = create(&rest);
        assert!(error.contains(said), "{error}");
    }
    assert!(!folder.path().join("none.db").exists(), "a missing file is not made");
    let copy = folder.path().join("copy.db");
    let rest =
        format!("STORED AS SQLITE OPTIONS ('query' 'SELECT 1; VACUUM INTO ''{}''') LOCATION '{place}/crm.db'", copy.display());
    assert!(create(&rest).contains("must be one SELECT") && !copy.exists(), "a query is one statement");
    rows(&engine, &session, &table(folder.path(), "c", "'table' 'customers'"));
    let error = try_rows(&engine, &session, "INSERT INTO c (id) VALUES (9)").unwrap_err();
    assert!(error.contains("takes no rows"), "{error}");
}

/// A random condition over the columns of the next test.
fn condition(dice: &mut Dice, depth: usize) -> String {
    if depth > 0 && dice.chance(40) {
        let (left, right) = (condition(dice, depth - 1), condition(dice, depth - 1));
        return match dice.below(3) {
            0 => format!("({left} AND {right})"),
            1 => format!("({left} OR {right})"),
            _ => format!("NOT {left}"),
        };
    }
    let sign = dice.pick(&["=", "<>", "<", "<=", ">", ">="]);
    match dice.below(8) {
        0 => format!("n {sign} {}", dice.pick(&["0", "-5", "7", "9223372036854775807"])),
        1 => format!("t {sign} '{}'", dice.pick(&["", "a", "B", "ä", "客户", "a''b", "10", "9"])),
        2 => format!("r {sign} {}", dice.pick(&["0.0", "-0.0", "1.5", "1e300", "-2.25"])),
        3 => format!("d {sign} DATE '{}'", dice.pick(&["2025-01-01", "1969-12-31", "2024-02-29"])),
        4 => format!(
            "m {sign} TIMESTAMP '{}'",
            dice.pick(&["2025-01-01 00:00:00", "2024-12-31 23:59:59.5", "2025-01-02 12:00:00"])
        ),
        5 => format!("c {sign} {}", dice.pick(&["0", "1.25", "-1.25", "99.99"])),
        6 => format!("t LIKE '{}'", dice.pick(&["a%", "A%", "%b", "客%", "_", "a_b", "", "%"])),
        _ => dice
            .pick(&[
                "t IS NULL",
                "r IS NOT NULL",
                "b",
                "NOT b",
                "n IN (1, 7, -5)",
                "t NOT IN ('a', 'B')",
                "n BETWEEN -5 AND 7",
                "d NOT BETWEEN DATE '2024-01-01' AND DATE '2025-01-01'",
            ])
            .to_string(),
    }
}

#[test]
fn conditions_mean_the_same_there() {
    let folder = tempfile::tempdir().unwrap();
    let connection = made(
        folder.path(),
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT, t VARCHAR COLLATE NOCASE, r DOUBLE, d DATE, m TIMESTAMP, c DECIMAL(10, 2), b BOOL);",
    );
    let mut dice = Dice(7);
    for id in 0..400 {
        let n = dice.or_null(10, |dice| dice.pick(&["0", "-5", "7", "1", "9223372036854775807", "-9223372036854775808"]).into());
        let t = dice.or_null(10, |dice| {
            format!("'{}'", dice.pick(&["", "a", "A", "b", "B", "ab", "a%", "a''b", "ä", "Ä", "客户", "客", "10", "9", "a b"]))
        });
        let r = dice.or_null(10, |dice| dice.pick(&["0.0", "-0.0", "1.5", "-2.25", "1e300", "3"]).into());
        let d = dice.or_null(10, |dice| dice.pick(&["'2025-01-01'", "'1969-12-31'", "'2024-02-29'", "'2025-01-02'"]).into());
        let m = dice.or_null(10, |dice| {
            dice.pick(&[
                "'2025-01-01'",
                "'2025-01-01 00:00'",
                "'2025-01-01T00:00:00Z'",
                "'2024-12-31 23:59:59.5'",
                "'2025-01-02 00:00:00+12:00'",
                "'2025-01-01 14:00:00-10:00'",
            ])
            .into()
        });
        let c = dice.or_null(10, |dice| dice.pick(&["0", "1.25", "-1.25", "99.99", "'1.25'", "100"]).into());
        let b = dice.or_null(10, |dice| dice.pick(&["0", "1"]).into());
        connection.execute_batch(&format!("INSERT INTO t VALUES ({id}, {n}, {t}, {r}, {d}, {m}, {c}, {b})")).unwrap();
    }
    let (engine, session) = session();
    rows(&engine, &session, &table(folder.path(), "t", "'table' 't'"));
    rows(&engine, &session, "CREATE TABLE copy AS SELECT * FROM t");
    let mut pushed: u64 = 0;
    for case in 0..cases(40, 300) {
        let mut dice = Dice(case);
        let condition = condition(&mut dice, 2);
        let _about = About(condition.clone());
        let of = |table: &str| rows(&engine, &session, &format!("SELECT id FROM {table} WHERE {condition} ORDER BY id"));
        assert_eq!(of("t"), of("copy"), "{condition}");
        let plan = rows(&engine, &session, &format!("EXPLAIN SELECT id FROM t WHERE {condition}")).join("\n");
        pushed += u64::from(plan.contains(" WHERE "));
    }
    assert!(pushed > if is_long() { 100 } else { 10 }, "{pushed} conditions went to SQLite");
}

#[test]
fn columns_conditions_and_limits_go_there() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path(), CUSTOMERS);
    let (engine, session) = session();
    rows(&engine, &session, &table(folder.path(), "c", "'table' 'customers'"));
    let plan = rows(&engine, &session, "EXPLAIN SELECT id FROM c WHERE name LIKE 'An%' AND spent > 5 LIMIT 2").join("\n");
    let conditions = [
        "\"name\" COLLATE BINARY >= 'An' AND \"name\" COLLATE BINARY < 'Ao'",
        "CAST(\"spent\" AS NUMERIC) > 5.00",
        " LIMIT 2, columns=",
    ];
    assert!(plan.contains("sql=SELECT \"id\", rowid FROM main.\"customers\" WHERE "), "{plan}");
    assert!(conditions.iter().all(|condition| plan.contains(condition)), "{plan}");
    // SQLite returns the adjacent days as well, and the condition is checked again here.
    let plan =
        rows(&engine, &session, "EXPLAIN SELECT id FROM c WHERE joined >= TIMESTAMP '2025-01-02 00:00:00' LIMIT 2").join("\n");
    assert!(
        plan.contains("FilterExec: joined")
            && plan.contains("\"joined\" COLLATE BINARY >= '2024-12-31'")
            && !plan.contains("LIMIT"),
        "{plan}"
    );
}

fn with_partitions(partitions: usize) -> (Engine, Session) {
    session_with(EngineOptions { partitions: Some(partitions), ..EngineOptions::default() })
}

#[test]
fn parts_see_one_state_while_others_write() {
    for journal in ["delete", "wal"] {
        let folder = tempfile::tempdir().unwrap();
        let connection = made(folder.path(), &format!("PRAGMA journal_mode = {journal}; PRAGMA synchronous = off;"));
        connection
            .execute_batch(
                "CREATE TABLE big (k INTEGER PRIMARY KEY, w INT);
                 WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 120000) INSERT INTO big SELECT x, 0 FROM c;",
            )
            .unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
        let (engine, session) = with_partitions(2);
        rows(&engine, &session, &table(folder.path(), "big", "'table' 'big'"));
        let plan = rows(&engine, &session, "EXPLAIN SELECT sum(w) FROM big").join("\n");
        assert!(plan.contains("parts=2") && plan.contains("WHERE rowid < 60001"), "{plan}");
        let done = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&done);
        let writer = std::thread::spawn(move || {
            let mut written = 0;
            while !over.load(Ordering::Relaxed) {
                connection.execute_batch("UPDATE big SET w = w + 1").unwrap();
                written += 1;
                // SQLite's locks have no queue, so a writer without pauses can starve readers forever.
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            written
        });
        for _ in 0..8 {
            let found = rows(&engine, &session, "SELECT count(*), max(w) - min(w) FROM big");
            assert_eq!(found, ["120000|0"], "{journal}");
        }
        done.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0);
    }
}

#[test]
fn profiles_and_dumps_take_them_as_other_tables() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path(), CUSTOMERS);
    let database = folder.path().join("db");
    let script = "CREATE EXTERNAL TABLE customers STORED AS SQLITE OPTIONS ('table' 'customers') LOCATION 'crm.db';
        CREATE VIEW adults AS SELECT * FROM customers WHERE born < DATE '2000-01-01';
        CREATE PROFILE customer WITH (key = 'id') AS SELECT id, name FROM adults;
        CREATE TAG vip ON customer AS SELECT id, CASE WHEN vip THEN 'yes' ELSE 'no' END FROM customers;
        REFRESH PROFILE customer;
        SELECT * FROM profile.customer ORDER BY id;";
    let program = |arguments: &[&str], place: &Path| {
        let mut command = portrait();
        run(command.current_dir(place).args(arguments))
    };
    let database = database.to_str().unwrap();
    let (code, out, error) = program(&["-d", database, "-f", "csv", "-c", script], folder.path());
    assert_eq!((code, out.contains("1,Ann,yes"), out.contains("2,ann,no")), (0, true, true), "{out}{error}");
    let (code, dump, _) = program(&["-d", database, "dump"], folder.path());
    let place = format!("LOCATION '{}'", folder.path().join("crm.db").display());
    assert!(code == 0 && dump.contains(&place), "{dump}");
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("db");
    let (code, _, error) = program(&["-d", copy.to_str().unwrap(), "-c", &dump], elsewhere.path());
    assert_eq!(code, 0, "{error}");
    let (code, out, _) =
        program(&["-d", copy.to_str().unwrap(), "-f", "csv", "-c", "SELECT count(*) AS n FROM customers"], elsewhere.path());
    assert_eq!((code, out.as_str()), (0, "n\n3\n"));
    // A missing file breaks only what reads it.
    std::fs::remove_file(folder.path().join("crm.db")).unwrap();
    let (code, _, error) = program(&["-d", database, "-c", "SELECT * FROM customers"], folder.path());
    assert!(code == 1 && error.contains("crm.db: no such file"), "{error}");
    let (code, out, _) = program(
        &[
            "-d",
            database,
            "-f",
            "csv",
            "-c",
            "SELECT count(*) AS n FROM information_schema.tables WHERE table_name = 'customers'",
        ],
        folder.path(),
    );
    assert_eq!((code, out.as_str()), (0, "n\n1\n"));
    let (code, _, error) = program(&["-d", database, "-c", "DROP TABLE customers"], folder.path());
    assert!(code == 1 && error.contains("is used by"), "{error}");
}
