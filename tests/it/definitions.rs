//! Definitions that are created concurrently, replaced while in use, damaged, or removed.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use portraitdb::{Engine, EngineOptions, Session};

use crate::support::{cases, portrait, rows, run, session_with, try_rows};

/// How often each race is run.
fn rounds() -> u64 {
    cases(3, 25)
}

fn open(folder: &Path) -> (Engine, Session) {
    session_with(EngineOptions { database: Some(folder.to_path_buf()), partitions: Some(1), ..EngineOptions::default() })
}

/// Runs two statements in two processes at once; returns the error of each that failed.
fn race(folder: &Path, statements: [&str; 2]) -> [Option<String>; 2] {
    let start = |sql: &str| {
        let mut program = portrait();
        program.arg("-d").arg(folder).args(["--partitions", "1", "-c", sql]);
        program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    statements.map(start).map(|child| {
        let output = child.wait_with_output().unwrap();
        (!output.status.success()).then(|| String::from_utf8(output.stderr).unwrap())
    })
}

/// A database with a table of the columns `k` and `a`.
fn database() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("database");
    let (engine, session) = open(&database);
    rows(&engine, &session, "CREATE TABLE t AS SELECT value AS k, value % 3 AS a FROM generate_series(1, 9)");
    (folder, database)
}

/// Races two statements in a database prepared by `before`: one of them gets an error that it came too late, with one of the texts
/// separated by `|`. `after` runs once both have ended, whichever has won.
fn one_wins(before: &str, statements: [&str; 2], told: [&str; 2], after: &[(&str, &str)], end: &str) {
    let (_folder, database) = database();
    let (engine, session) = open(&database);
    let mut won = [0, 0];
    for round in 0..rounds() {
        rows(&engine, &session, before);
        // The one started second must have a chance, too.
        let turned = round % 2 == 1;
        let order = if turned { [statements[1], statements[0]] } else { statements };
        let mut errors = race(&database, order);
        if turned {
            errors.reverse();
        }
        match &errors {
            [None, Some(error)] => {
                won[0] += 1;
                assert!(told[1].split('|').any(|told| error.contains(told)), "{error}");
            }
            [Some(error), None] => {
                won[1] += 1;
                assert!(told[0].split('|').any(|told| error.contains(told)), "{error}");
            }
            both => panic!("round {round}: {both:?}\n{statements:?}"),
        }
        for (sql, answer) in after {
            assert_eq!(rows(&engine, &session, sql), [*answer], "round {round}, {won:?}: {sql}");
        }
        rows(&engine, &session, end);
    }
}

#[test]
fn of_two_that_make_a_profile_one_wins() {
    one_wins(
        "SELECT 1",
        ["CREATE PROFILE p WITH (key = 'k') AS SELECT k FROM t", "CREATE PROFILE p WITH (key = 'k') AS SELECT k, a FROM t"],
        ["exists already", "exists already"],
        &[("SELECT count(*), max(version) FROM system.versions WHERE name = 'p'", "1|1")],
        "DROP PROFILE p",
    );
}

/// A tag is not created for a dropped profile: it would reappear with the next profile of that name.
#[test]
fn a_tag_is_made_or_its_profile_is_dropped() {
    one_wins(
        "CREATE PROFILE IF NOT EXISTS p WITH (key = 'k') AS SELECT k FROM t; DROP TAG IF EXISTS g",
        ["CREATE TAG g ON p AS SELECT k, a FROM t", "DROP PROFILE p"],
        ["no such profile", "is used by tag g"],
        &[("SELECT count(*) FROM system.tags WHERE profile NOT IN (SELECT name FROM system.profiles)", "0")],
        "CREATE PROFILE IF NOT EXISTS p WITH (key = 'k') AS SELECT k FROM t; DROP TAG IF EXISTS g; REFRESH PROFILE p",
    );
}

#[test]
fn a_view_is_made_or_its_table_is_dropped() {
    one_wins(
        "CREATE TABLE IF NOT EXISTS u AS SELECT 1 AS a",
        ["CREATE VIEW v AS SELECT a FROM u", "DROP TABLE u"],
        ["no such table|was dropped by another process", "is used by view v"],
        &[("SELECT count(*) FROM system.views WHERE 'u' NOT IN (SELECT name FROM system.tables)", "0")],
        "DROP VIEW IF EXISTS v",
    );
}

#[test]
fn a_view_is_made_or_its_table_is_replaced() {
    one_wins(
        "CREATE OR REPLACE TABLE u AS SELECT 1 AS a",
        ["CREATE VIEW v AS SELECT a FROM u", "CREATE OR REPLACE TABLE u AS SELECT 1 AS b"],
        ["a: no such column", "would break view v"],
        &[("SELECT count(*) FROM information_schema.columns WHERE table_name = 'u'", "1")],
        "DROP VIEW IF EXISTS v",
    );
}

#[test]
fn tags_do_not_come_to_need_one_another() {
    let plain = "CREATE OR REPLACE TAG a ON p AS SELECT k, a FROM t; CREATE OR REPLACE TAG b ON p AS SELECT k, a + 1 FROM t";
    one_wins(
        &format!("CREATE PROFILE IF NOT EXISTS p WITH (key = 'k') AS SELECT k FROM t; {plain}"),
        [
            "CREATE OR REPLACE TAG a ON p AS SELECT k, b + 1 FROM profile.p",
            "CREATE OR REPLACE TAG b ON p AS SELECT k, a + 1 FROM profile.p",
        ],
        ["depends on itself", "depends on itself"],
        &[("REFRESH PROFILE p; SELECT count(a), count(b) FROM profile.p", "9|9")],
        "SELECT 1",
    );
}

#[test]
fn of_two_that_make_a_model_one_wins() {
    let model = "CREATE MODEL m WITH (type = 'kmeans', key = 'k', n_clusters = 2) AS SELECT k, a FROM t";
    one_wins(
        "SELECT 1",
        [model, model],
        ["exists already", "exists already"],
        &[("SELECT count(*), max(version) FROM system.versions WHERE name = 'm'", "1|1")],
        "DROP MODEL m",
    );
}

/// A replaced object is seen at once by the same session, others, and other processes: in views, functions and prepared statements.
#[test]
fn what_is_replaced_is_seen_at_once() {
    let (_folder, database) = database();
    let (engine, session) = open(&database);
    let own = |sql: &str| rows(&engine, &session, sql);
    let model = |clusters: usize| {
        format!("CREATE OR REPLACE MODEL m WITH (type = 'kmeans', key = 'k', n_clusters = {clusters}) AS SELECT k, a FROM t")
    };
    own(&format!(
        "{}; CREATE VIEW of_model AS SELECT max(cluster_id) AS n FROM ml_predict(m, t);
         CREATE FUNCTION called(x BIGINT DEFAULT 1) AS SELECT n FROM of_model;
         CREATE VIEW of_function AS SELECT n FROM called();
         CREATE PROFILE p WITH (key = 'k') AS SELECT k FROM t; CREATE TAG g ON p AS SELECT k, cluster_id FROM ml_predict(m, t); REFRESH PROFILE p;
         CREATE VIEW of_profile AS SELECT count(DISTINCT g) AS n FROM profile.p;
         CREATE TABLE u AS SELECT CAST(2 AS BIGINT) AS n; CREATE VIEW of_table AS SELECT n FROM u;
         PREPARE one AS SELECT n FROM of_model; PREPARE two AS SELECT n FROM of_function; PREPARE three AS SELECT n FROM of_profile;
         PREPARE four AS SELECT n FROM of_table; PREPARE five AS SELECT n FROM called(3)",
        model(2)
    ));
    let asked = [
        "EXECUTE one",
        "EXECUTE two",
        "EXECUTE three",
        "EXECUTE four",
        "EXECUTE five",
        "SELECT n FROM of_model",
        "SELECT n FROM of_table",
    ];
    let all_are = |n: usize, what: &str| {
        for sql in asked {
            assert_eq!(own(sql), [n.to_string()], "{what}: {sql}");
        }
    };
    all_are(2, "at first");
    let replaced =
        |n: usize| format!("{}; REFRESH PROFILE p; CREATE OR REPLACE TABLE u AS SELECT CAST({n} AS BIGINT) AS n", model(n));
    own(&replaced(3));
    all_are(3, "in the same session");
    let (code, _, errors) = run(portrait().arg("-d").arg(&database).args(["-c", &replaced(2)]));
    assert_eq!(code, 0, "{errors}");
    all_are(2, "by another process");
    own("CREATE OR REPLACE FUNCTION called(x BIGINT DEFAULT 1) AS SELECT CAST(7 AS BIGINT) AS n");
    assert_eq!((own("EXECUTE two"), own("EXECUTE five")), (vec!["7".to_string()], vec!["7".to_string()]));
    own("CREATE OR REPLACE VIEW of_model AS SELECT CAST(8 AS BIGINT) AS n");
    assert_eq!(own("EXECUTE one"), ["8"]);
}

/// A catalog damaged by hand: intact objects can be listed, described and used, and broken ones are reported.
#[test]
fn what_is_broken_hides_nothing_else() {
    let (_folder, database) = database();
    let file = database.join("gone.csv");
    std::fs::write(&file, "k\n1\n").unwrap();
    {
        let (engine, session) = open(&database);
        let script = format!(
            "CREATE VIEW good AS SELECT k FROM t; CREATE VIEW c1 AS SELECT k FROM t; CREATE VIEW c2 AS SELECT k FROM c1; CREATE VIEW v AS SELECT k FROM t;
             CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '{}' OPTIONS ('format.has_header' 'true');
             CREATE PROFILE p WITH (key = 'k') AS SELECT k FROM t; CREATE TAG fine ON p AS SELECT k, a FROM t; CREATE TAG bad ON p AS SELECT k, a FROM t;
             CREATE SEGMENT s ON p AS fine = 1; CREATE SEGMENT bad_one ON p AS fine = 2;
             CREATE PROFILE q WITH (key = 'k') AS SELECT k FROM t;
             CREATE MODEL m WITH (type = 'kmeans', key = 'k', n_clusters = 2) AS SELECT k, a FROM t; CREATE MODEL n WITH (type = 'kmeans', key = 'k', n_clusters = 2) AS SELECT k, a FROM t;
             CREATE FUNCTION f() AS SELECT 1 AS a; CREATE FUNCTION g() AS SELECT 1 AS a; REFRESH PROFILE p; REFRESH PROFILE q",
            file.display()
        );
        rows(&engine, &session, &script);
    }
    std::fs::remove_file(&file).unwrap();
    let catalog = rusqlite::Connection::open(database.join("catalog.sqlite")).unwrap();
    for (name, sql) in [
        ("c1", "CREATE VIEW c1 AS SELECT k FROM c2"),
        ("v", "CREATE VIEW v AS SELECT FROM WHERE ("),
        ("bad", "CREATE TAG bad ON p WITH (path = 'a/b/c') AS SELECT k, a FROM t"),
        ("bad_one", "CREATE SEGMENT bad_one ON p AS fine = = 2"),
        ("q", "DROP TABLE t"),
        ("n", "CREATE MODEL n WITH ("),
        ("g", "🤷"),
    ] {
        let update = "UPDATE versions SET sql = ?2 WHERE object = (SELECT id FROM objects WHERE name = ?1)";
        assert_eq!(catalog.execute(update, [name, sql]).unwrap(), 1, "{name}");
    }
    drop(catalog);
    let (engine, session) = open(&database);
    let own = |sql: &str| rows(&engine, &session, sql);
    let columns = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2";
    assert_eq!(own(columns), ["good|k", "t|a", "t|k"]);
    let tables = own("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1");
    assert_eq!(tables, ["c1", "c2", "good", "t", "v", "x"]);
    assert_eq!(
        own("SELECT count(*) FROM information_schema.columns WHERE table_schema = 'profile' AND table_name = 'p'").len(),
        1
    );
    assert!(own("SHOW TABLES").len() > 10);
    assert_eq!(own("SELECT name FROM system.views ORDER BY name"), ["c1", "c2", "good", "v"]);
    let broken = |table: &str| own(&format!("SELECT name, comment LIKE 'cannot be read: %' FROM system.{table} ORDER BY name"));
    assert_eq!(broken("tags"), ["bad|true", "fine|NULL"]);
    assert_eq!(broken("segments"), ["bad_one|true", "s|NULL"]);
    assert_eq!(broken("profiles"), ["p|NULL", "q|true"]);
    assert_eq!(broken("models"), ["m|NULL", "n|true"]);
    assert_eq!(broken("stored_functions"), ["f|NULL", "g|true"]);
    assert_eq!(own("SELECT name, filled FROM system.tags WHERE name = 'fine'"), ["fine|9"]);
    assert_eq!(own("SELECT count(*) FROM system.functions WHERE name IN ('f', 'g')"), ["1"]);
    assert!(own("SELECT count(*) FROM system.comments").len() == 1 && own("SHOW TAGS").len() == 2);
    for (sql, problem) in
        [("DESCRIBE VIEW v", "problem|"), ("DESCRIBE TAG bad", "path must be"), ("DESCRIBE MODEL n", "problem|")]
    {
        let told = try_rows(&engine, &session, sql).unwrap_or_else(|error| vec![error]);
        assert!(told.iter().any(|line| line.contains(problem)), "{sql}: {told:?}");
    }
    for sql in ["SELECT * FROM good", "SELECT * FROM profile.p", "SELECT * FROM f()", "SELECT * FROM ml_predict(m, t)"] {
        assert!(!own(sql).is_empty(), "{sql}");
    }
    for (sql, problem) in
        [("SELECT * FROM c1", "refers to itself"), ("SELECT * FROM x", "no such file"), ("SELECT * FROM v", "syntax")]
    {
        let error = try_rows(&engine, &session, sql).unwrap_err();
        assert!(error.contains(problem), "{sql}: {error}");
    }
    // The script of the definitions leaves them out, and says so.
    let script = session.dump().unwrap();
    assert!(
        script.contains("-- view \"v\" is left out, because it cannot be read") && script.contains("-- view \"c1\" is left out"),
        "{script}"
    );
    assert!(script.contains("\n-- model \"m\"\nCREATE MODEL m"), "{script}");
}

/// Dropped objects leave nothing behind: no rows, no definitions, no messages of runs.
#[test]
fn nothing_is_left_of_what_was_dropped() {
    const SECRET: &str = "x13800138000";
    let (_folder, database) = database();
    let (engine, session) = open(&database);
    let own = |sql: &str| rows(&engine, &session, sql);
    own(&format!(
        "CREATE TABLE phones AS SELECT k, '{SECRET}' AS phone FROM t; CREATE VIEW w AS SELECT k FROM phones WHERE phone = '{SECRET}';
         CREATE PROFILE p WITH (key = 'k', comment = '{SECRET}') AS SELECT k FROM t; CREATE TAG g ON p AS SELECT k, phone FROM phones;
         CREATE SEGMENT s ON p AS g = '{SECRET}'; REFRESH PROFILE p;
         CREATE MODEL m WITH (type = 'kprototypes', key = 'k', n_clusters = 1) AS SELECT k, k % 2 AS a, phone FROM phones"
    ));
    // Errors about values, each of a different kind.
    let failures = [
        (
            "CREATE OR REPLACE TAG h ON p AS SELECT k, CAST(phone AS BIGINT) FROM phones",
            "tag h: a text cannot be converted to the type it is cast to (SQLSTATE 22P02)",
        ),
        (
            "CREATE OR REPLACE TAG h ON p AS SELECT k, phone || k FROM phones UNION ALL SELECT k, phone FROM phones",
            "tag h: a customer has two values",
        ),
        (
            "CREATE OR REPLACE TAG h ON p AS SELECT k, single_value(phone || a) FROM (SELECT 1 AS k, phone, t.a FROM phones JOIN t ON true) GROUP BY k",
            "tag h: ",
        ),
    ];
    for (sql, kept) in failures {
        own(sql);
        let error = try_rows(&engine, &session, "REFRESH PROFILE p").unwrap_err();
        assert!(error.contains(SECRET), "{error}");
        let message = own("SELECT message FROM system.runs ORDER BY run DESC LIMIT 1").remove(0);
        assert!(message.contains(kept) && !message.contains(SECRET), "{message}");
    }
    own("DROP SEGMENT s; DROP TAG g; DROP TAG h; DROP PROFILE p; DROP MODEL m; DROP VIEW w; DROP TABLE phones");
    let found = |folder: &Path| {
        let mut found = vec![];
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if std::fs::read(&path).unwrap().windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()) {
                    found.push(path);
                }
            }
        }
        found
    };
    assert_eq!(found(&database), Vec::<PathBuf>::new(), "while it is open");
    drop((engine, session));
    assert_eq!(found(&database), Vec::<PathBuf>::new(), "when it is closed");
}

/// Without a database, tables belong to the session and everything else to the engine, but they share one namespace.
#[test]
fn a_table_in_memory_does_not_hide_a_view() {
    let (engine, session) = session_with(EngineOptions::default());
    rows(&engine, &session, "CREATE VIEW v AS SELECT 1 AS a; CREATE TABLE t AS SELECT 2 AS a");
    for (sql, problem) in [
        ("CREATE OR REPLACE TABLE v AS SELECT 2 AS a", "v: is a view, which cannot be replaced by a table; DROP it first"),
        ("CREATE TABLE v AS SELECT 2 AS a", "v: this table already exists; DROP it first"),
        ("CREATE OR REPLACE VIEW t AS SELECT 1 AS a", "t: exists already; DROP the temporary table first"),
        ("CREATE TABLE \"\" AS SELECT 1 AS a", "table: a name must not be empty"),
        ("SELECT * FROM ''", ""),
    ] {
        let error = try_rows(&engine, &session, sql).unwrap_err();
        assert!(error.contains(problem), "{sql}: {error}");
    }
    assert_eq!(rows(&engine, &session, "SELECT v.a, t.a FROM v, t"), ["1|2"]);
}
