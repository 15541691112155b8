//! Foreign keys while several sessions write, and in dumps.

use std::path::Path;

use portraitdb::{Engine, EngineOptions, Session};

use crate::support::{portrait, rows, run, session_with, try_rows};

fn open(database: &Path) -> (Engine, Session) {
    session_with(EngineOptions { database: Some(database.to_path_buf()), ..EngineOptions::default() })
}

/// Some sessions remove keys while others write rows that refer to them, each as statements and as transactions. Whatever is refused, no row
/// is left that refers to nothing.
#[test]
fn no_row_refers_to_nothing_whoever_writes() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("db");
    let (engine, session) = open(&database);
    for sql in [
        "CREATE TABLE parent (id INT PRIMARY KEY)",
        "CREATE TABLE child (id INT, parent INT REFERENCES parent)",
        "CREATE TABLE follower (id INT, parent INT REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE)",
        "INSERT INTO parent SELECT value FROM generate_series(0, 59) AS t(value)",
    ] {
        rows(&engine, &session, sql);
    }
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (engine, session) = (&engine, engine.session().unwrap());
            scope.spawn(move || {
                for step in 0..12 {
                    let key = (worker * 7 + step * 5) % 60;
                    let statement = match worker {
                        0 => format!("DELETE FROM parent WHERE id = {key}"),
                        1 => format!("INSERT INTO child VALUES ({step}, {key})"),
                        2 => format!("INSERT INTO follower VALUES ({step}, {key})"),
                        _ => format!("UPDATE parent SET id = {key} + 100 WHERE id = {key}"),
                    };
                    let script = match step % 3 {
                        0 => vec!["BEGIN".to_string(), statement, "COMMIT".into()],
                        _ => vec![statement],
                    };
                    for sql in script {
                        // Refused, in conflict with another, or kept out for too long: all may be.
                        let _ = try_rows(engine, &session, &sql);
                    }
                    let _ = try_rows(engine, &session, "ROLLBACK");
                }
            });
        }
    });
    for table in ["child", "follower"] {
        let lost = format!("SELECT count(*) FROM {table} WHERE parent NOT IN (SELECT id FROM parent)");
        assert_eq!(rows(&engine, &session, &lost), ["0"], "{table}");
    }
    assert_ne!(rows(&engine, &session, "SELECT count(*) FROM parent"), ["60"], "something was done");
}

/// A dump makes tables before those that refer to them, and adds the foreign keys of a circle at the end. The database that it makes dumps as
/// the same script.
#[test]
fn a_dump_can_be_run() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first");
    let (engine, session) = open(&first);
    for sql in [
        "CREATE TABLE late (id INT PRIMARY KEY, x INT)",
        "CREATE TABLE early (id INT PRIMARY KEY, late INT REFERENCES late ON DELETE SET NULL)",
        "ALTER TABLE late ADD CONSTRAINT back FOREIGN KEY (x) REFERENCES early DEFERRABLE INITIALLY DEFERRED",
        "CREATE TABLE a (id INT PRIMARY KEY)",
        "CREATE SCHEMA s",
        "CREATE TABLE s.b (id INT PRIMARY KEY, a INT REFERENCES a, own INT REFERENCES s.b)",
    ] {
        rows(&engine, &session, sql);
    }
    drop((session, engine));
    let dump = |database: &Path| {
        let (code, out, errors) = run(portrait().arg("-d").arg(database).arg("dump"));
        assert_eq!(code, 0, "{errors}");
        out
    };
    let script = dump(&first);
    assert_eq!(script.matches("REFERENCES").count(), 4, "{script}");
    let (file, second) = (folder.path().join("dump.sql"), folder.path().join("second"));
    std::fs::write(&file, &script).unwrap();
    let (code, _, errors) = run(portrait().arg("-d").arg(&second).arg("run").arg(&file));
    assert_eq!(code, 0, "{errors}\n{script}");
    assert_eq!(dump(&second), script);
}
