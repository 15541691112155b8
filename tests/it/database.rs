//! The database directory: remembered across runs and processes, never half written.

use std::process::Stdio;

use crate::support::{portrait, rows, run, session, try_rows};

#[test]
fn tables_and_views_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |sql: &str| run(portrait().current_dir(folder.path()).args(["-d", "crm", "-f", "csv", "-c", sql]));
    let (code, _, errors) = in_folder(
        "COPY (SELECT * FROM sample_orders(rows => 1000)) TO 'orders.parquet';
         CREATE EXTERNAL TABLE 订单 STORED AS PARQUET LOCATION 'orders.parquet';
         CREATE VIEW 分层 AS SELECT * FROM rfm(订单, customer => customer_id, order_time => ordered_at, amount => amount)",
    );
    assert_eq!((code, errors.as_str()), (0, "note: there was no database in crm; a new one was created\n"));
    // From another directory: the full path of the file is remembered.
    let database = folder.path().join("crm");
    let elsewhere = |sql: &str| run(portrait().current_dir("/").arg("-d").arg(&database).args(["-f", "csv", "-c", sql]));
    let (code, out, errors) = elsewhere("SELECT count(*) AS n FROM 分层");
    assert_eq!((code, out.as_str()), (0, "n\n86\n"), "{errors}");

    let (code, _, errors) = elsewhere("CREATE VIEW 订单 AS SELECT 1");
    assert!(code == 1 && errors.contains("订单: exists already; write CREATE OR REPLACE, or DROP it first"), "{errors}");
    let (code, _, errors) = elsewhere("DROP VIEW 订单");
    assert!(code == 1 && errors.contains("订单: is an external table; write DROP TABLE 订单"), "{errors}");
    let (code, _, errors) = elsewhere("CREATE OR REPLACE VIEW 分层 AS SELECT * FROM 分层");
    assert!(code == 1 && errors.contains("分层: a view cannot refer to itself"), "{errors}");
    let (_, _, errors) = elsewhere(
        "CREATE VIEW a AS SELECT * FROM 订单; CREATE VIEW b AS SELECT * FROM a; CREATE OR REPLACE VIEW a AS SELECT * FROM b; SELECT * FROM a",
    );
    assert!(errors.contains("refers to itself"), "{errors}");
    let (code, _, errors) = elsewhere("DROP TABLE 订单; SELECT * FROM 分层");
    assert!(code == 1 && errors.contains("订单: no such table"), "{errors}");
}

#[test]
fn what_cannot_be_a_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (code, _, errors) = run(portrait().arg("-d").arg(&file).args(["-c", "SELECT 1"]));
    assert!(code == 1 && errors.contains("is a file; a database is a directory"), "{errors}");
}

/// Several processes write to one database at once: in the end every definition exists, and readers never fail.
#[test]
fn processes_share_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm");
    let script =
        |writer: usize| (0..10).map(|view| format!("CREATE VIEW v_{writer}_{view} AS SELECT {view} AS a;")).collect::<String>();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            portrait()
                .arg("-d")
                .arg(&database)
                .args(["-c", &script(writer)])
                .stderr(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for _ in 0..5 {
        let (code, _, errors) =
            run(portrait().arg("-d").arg(&database).args(["-c", "SELECT count(*) FROM information_schema.tables"]));
        assert_eq!(code, 0, "{errors}");
    }
    for writer in writers {
        let output = writer.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let (_, out, _) = run(portrait().arg("-d").arg(&database).args([
        "-f",
        "csv",
        "-c",
        "SELECT count(*) AS n FROM information_schema.tables WHERE table_name LIKE 'v\\_%'",
    ]));
    assert_eq!(out, "n\n40\n");
}

#[test]
fn every_kind_of_location_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (engine, session) = session();
    let sql = |text: &str| rows(&engine, &session, text);
    sql("CREATE TABLE o AS SELECT *, CAST(date_part('year', ordered_at) AS INT) AS year FROM sample_orders(rows => 1000)");
    sql(&format!("COPY o TO '{}'", at("orders.parquet")));
    sql(&format!("COPY o TO '{}' OPTIONS ('format.has_header' 'true')", at("orders.csv")));
    sql(&format!("COPY o TO '{}' STORED AS JSON", at("orders.ndjson")));
    sql(&format!("COPY o TO '{}' STORED AS PARQUET PARTITIONED BY (year)", at("by_year")));
    std::fs::create_dir(at("many")).unwrap();
    for part in 0..3 {
        sql(&format!("COPY (SELECT * FROM o WHERE order_id % 3 = {part}) TO '{}/part-{part}.parquet'", at("many")));
    }
    sql(&format!(
        "COPY o TO '{}' STORED AS CSV OPTIONS ('format.has_header' 'true', 'format.compression' 'gzip')",
        at("orders.csv.gz")
    ));
    for place in [
        "orders.parquet",
        "orders.csv",
        "orders.csv.gz",
        "orders.ndjson",
        "by_year",
        "many",
        "many/*.parquet",
        "many/part-[012].parquet",
    ] {
        assert_eq!(sql(&format!("SELECT count(*) FROM '{}'", at(place))), ["1000"], "{place}");
    }
    for (name, format, place) in [
        ("a", "PARQUET", "many"),
        ("b", "PARQUET", "many/"),
        ("c", "CSV", "orders.csv"),
        ("d", "NDJSON", "orders.ndjson"),
        ("e", "PARQUET", "by_year"),
        ("f", "PARQUET", "many/part-*"),
    ] {
        sql(&format!("CREATE EXTERNAL TABLE {name} STORED AS {format} LOCATION '{}'", at(place)));
        assert_eq!(sql(&format!("SELECT count(*), sum(amount) > 0 FROM {name}")), ["1000|true"], "{name}");
    }
    // The folders of hive partitions become a column, and folders are skipped.
    let years = sql("SELECT year, count(*) FROM e GROUP BY year ORDER BY year");
    assert_eq!(years, sql("SELECT year, count(*) FROM o GROUP BY year ORDER BY year"));
    let plan = sql("EXPLAIN SELECT * FROM e WHERE year = '2024'").join("\n");
    assert!(plan.contains("year=2024") && !plan.contains("year=2023"), "{plan}");
    // A file that is added later is seen.
    sql(&format!("COPY (SELECT * FROM o LIMIT 7) TO '{}/part-9.parquet'", at("many")));
    assert_eq!(sql("SELECT count(*) FROM a"), ["1007"]);
}

#[test]
fn missing_and_corrupt_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (engine, session) = session();
    let fails = |sql: &str| try_rows(&engine, &session, sql).unwrap_err();
    std::fs::create_dir(at("parts")).unwrap();
    rows(&engine, &session, &format!("COPY (SELECT 1 AS a) TO '{}/good.parquet'", at("parts")));
    std::fs::write(at("parts/bad.parquet"), "PAR1 this is not Parquet PAR1").unwrap();
    std::fs::write(at("empty.parquet"), "").unwrap();

    // A file with an intact footer and damaged pages.
    rows(&engine, &session, &format!("COPY (SELECT * FROM sample_orders(rows => 20000)) TO '{}'", at("pages.parquet")));
    let mut bytes = std::fs::read(at("pages.parquet")).unwrap();
    let length = bytes.len();
    bytes[1000..length - 5000].fill(0xa5);
    std::fs::write(at("pages.parquet"), bytes).unwrap();

    for (sql, parts) in [
        (
            format!("SELECT sum(amount) FROM '{}'", at("pages.parquet")),
            vec![at("pages.parquet"), "cannot be read as Parquet".into()],
        ),
        (format!("SELECT * FROM '{}'", at("nothing*.parquet")), vec![at("nothing*.parquet")]),
        (format!("SELECT * FROM '{}'", at("none.parquet")), vec![at("none.parquet"), "no such file or folder".into()]),
        (
            format!("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{}'", at("none")),
            vec![at("none"), "no such file or folder".into()],
        ),
        (format!("SELECT * FROM '{}'", at("parts")), vec![at("parts/bad.parquet")]),
        (format!("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{}'", at("parts")), vec![at("parts/bad.parquet")]),
        (format!("SELECT * FROM '{}'", at("empty.parquet")), vec![at("empty.parquet")]),
        (
            format!("CREATE EXTERNAL TABLE t STORED AS AVRO LOCATION '{}'", at("parts")),
            vec!["AVRO".into(), "PARQUET, CSV, JSON, EXCEL, SQLITE or POSTGRES".into()],
        ),
        ("SELECT * FROM 'ftp://host/file.parquet'".into(), vec!["ftp://".into(), "s3://, gs://, az:// or https://".into()]),
    ] {
        let error = fails(&sql);
        assert!(parts.iter().all(|part| error.contains(part.as_str())), "{sql}: {error}");
    }
}

/// COPY and INSERT that fail late leave nothing behind.
#[test]
fn failed_writes_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (engine, session) = session();
    rows(&engine, &session, &format!("COPY (SELECT 1 AS v, 1 AS w) TO '{}'", at("target.parquet")));
    std::fs::create_dir(at("table")).unwrap();
    rows(
        &engine,
        &session,
        &format!("COPY (SELECT CAST(1 AS BIGINT) AS v, CAST(1 AS BIGINT) AS w) TO '{}'", at("table/1.parquet")),
    );
    rows(&engine, &session, &format!("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{}'", at("table")));
    let before = listing(folder.path());

    let late = "SELECT value AS v, 1 / (value - 390000) AS w FROM generate_series(1, 400000)";
    for sql in [
        format!("COPY ({late}) TO '{}'", at("new.parquet")),
        format!("COPY ({late}) TO '{}'", at("target.parquet")),
        format!("COPY ({late}) TO '{}/' STORED AS PARQUET", at("new_folder")),
        format!("COPY (SELECT *, v % 3 AS p FROM ({late})) TO '{}' STORED AS PARQUET PARTITIONED BY (p)", at("new_partitions")),
        format!("COPY ({late}) TO '{}'", at("new.csv")),
        format!("INSERT INTO t {late}"),
    ] {
        let error = try_rows(&engine, &session, &sql).unwrap_err();
        assert!(error.contains("division by zero"), "{error}");
        assert_eq!(listing(folder.path()), before, "{sql}");
    }
    assert_eq!(rows(&engine, &session, "INSERT INTO t SELECT 2 AS v, 3 AS w; SELECT count(*) FROM t"), ["2"]);
    let error = try_rows(&engine, &session, &format!("COPY t TO '{}' STORED AS PARQUET", at("table"))).unwrap_err();
    assert!(error.contains("exists and is not an empty folder"), "{error}");
    let error = try_rows(&engine, &session, &format!("COPY t TO '{}'", at("no/such/folder.parquet"))).unwrap_err();
    assert!(error.contains("does not exist; make it first"), "{error}");
}

/// A killed COPY or INSERT is not seen by readers.
#[test]
fn killed_writes_are_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("table")).unwrap();
    let (code, _, errors) =
        run(portrait().current_dir(folder.path()).args(["-c", "COPY (SELECT CAST(1 AS BIGINT) AS v) TO 'table/1.parquet'"]));
    assert_eq!(code, 0, "{errors}");
    for (sql, milliseconds) in [
        ("COPY (SELECT value AS v FROM generate_series(1, 300000000)) TO 'new.parquet'", 300),
        (
            "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'table'; INSERT INTO t SELECT value FROM generate_series(1, 300000000)",
            400,
        ),
    ] {
        let mut writer =
            portrait().current_dir(folder.path()).args(["-c", sql]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        writer.kill().unwrap();
        writer.wait().unwrap();
        assert!(!folder.path().join("new.parquet").exists());
        let (_, out, errors) =
            run(portrait().current_dir(folder.path()).args(["-f", "csv", "-c", "SELECT count(*) AS n FROM 'table/'"]));
        assert_eq!(out, "n\n1\n", "{errors}");
    }
}

fn listing(folder: &std::path::Path) -> Vec<(String, u64)> {
    let mut found: Vec<(String, u64)> =
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .flat_map(|path| {
                if path.is_dir() { listing(&path) } else { vec![(path.display().to_string(), path.metadata().unwrap().len())] }
            })
            .collect();
    found.sort();
    found
}
