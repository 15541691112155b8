//! The script of a database's definitions recreates them in another database, whose dump is the same script: for all objects, names and
//! dependencies.

use std::fmt::Write;

use portraitdb::{Engine, EngineOptions, Session, restore};

use crate::support::{Dice, cases, is_long, rows, session_with, try_rows};

/// How many random sets of definitions are tried.
fn sets() -> u64 {
    cases(4, 40)
}

/// Pieces of names that could end a name, a comment or a statement.
const PIECES: [&str; 30] = [
    "\"",
    "\"\"",
    "'",
    "''",
    ";",
    "--",
    "/*",
    "*/",
    "\n",
    "\r\n",
    "\r",
    "\\",
    "\\'",
    "\\\"",
    "\0",
    "\t",
    "客户",
    "😀",
    "select",
    "from",
    "$x",
    "@",
    "@5x",
    "{}",
    " ",
    ".",
    "\u{2028}",
    "\u{202e}",
    "`",
    "\nCREATE TABLE injected AS SELECT 666 AS evil;\n",
];

fn name(dice: &mut Dice, number: usize) -> String {
    let mut name = String::new();
    if dice.below(3) > 0 {
        for _ in 0..=dice.below(3) {
            name.push_str(dice.of(&PIECES).unwrap());
        }
    }
    // Joined with a number, so that no two are the same.
    write!(name, "n{number}").unwrap();
    if dice.below(2) == 0 {
        name.push_str(dice.of(&PIECES).unwrap());
    }
    name
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn open(folder: &std::path::Path) -> (Engine, Session) {
    let options = EngineOptions { database: Some(folder.to_path_buf()), partitions: Some(1), ..EngineOptions::default() };
    session_with(options)
}

const OBJECTS: &str = "SELECT kind, profile, name, count(*) FROM system.versions GROUP BY kind, profile, name ORDER BY 1, 2, 3";

/// Runs a dump elsewhere, and compares the two databases.
fn comes_back(engine: &Engine, session: &Session, subject: &str) {
    let script = session.dump().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (copy, copied) = open(folder.path());
    if let Err(error) = try_rows(&copy, &copied, &script) {
        panic!("{subject}: {error}\n{script}");
    }
    assert_eq!(copied.dump().unwrap(), script, "{subject}");
    let made = "SELECT kind, profile, name FROM system.versions GROUP BY kind, profile, name ORDER BY 1, 2, 3";
    assert_eq!(rows(&copy, &copied, made), rows(engine, session, made), "{subject}");
    assert!(rows(&copy, &copied, OBJECTS).iter().all(|line| line.ends_with("|1")), "{subject}: each is made once");
    assert_eq!(rows(&copy, &copied, "SELECT count(*) FROM system.tables WHERE name = 'injected'"), ["0"], "{subject}");
}

/// The quoted names of the objects so far.
#[derive(Default)]
struct Made {
    /// With the columns `k` (a number that is unique), `a` (a number) and `c` (a text).
    relations: Vec<String>,
    profiles: Vec<Profile>,
    models: Vec<String>,
    functions: Vec<String>,
}

struct Profile {
    name: String,
    tags: Vec<String>,
    segments: Vec<String>,
}

/// A statement that creates an object over existing ones.
fn statement(dice: &mut Dice, made: &mut Made, number: usize) -> String {
    let name = name(dice, number);
    let own = quoted(&name);
    let relation = dice.of(&made.relations).unwrap().clone();
    let head = |kind: &str| match number % 3 {
        0 => format!("CREATE OR REPLACE {kind} {own}"),
        1 => format!("CREATE {kind} IF NOT EXISTS {own}"),
        _ => format!("CREATE {kind} {own}"),
    };
    let comment = text(dice.of(&PIECES).unwrap());
    let end = dice.of(&["", " -- it's; /* noted", " /* noted\n -- twice */", "\n--\n"]).unwrap();
    let profile = if made.profiles.is_empty() { None } else { Some(dice.below(made.profiles.len())) };
    match (dice.below(14), profile) {
        (0, _) => {
            made.relations.push(own.clone());
            let types = ["CAST(1 AS INT)", "DECIMAL '1.50'", "[1, 2]", "TIMESTAMP '2025-01-01'", "{'it''s': 1}", "NULL", "X'00'"];
            let column = dice.of(&types).unwrap();
            format!("{} AS SELECT k, a, c, {column} AS {own} FROM {relation}{end}", head("TABLE"))
        }
        (1, _) => format!("{} (k BIGINT NOT NULL, {own} VARCHAR DEFAULT {comment}){end}", head("TABLE")),
        (2 | 3, _) => {
            made.relations.push(own.clone());
            format!("{} AS SELECT k, a, c AS {own}, c || {comment} AS c FROM {relation} WHERE c <> {comment}{end}", head("VIEW"))
        }
        (4, _) if !made.models.is_empty() => {
            let model = dice.of(&made.models).unwrap();
            format!("{} AS SELECT * FROM ml_predict({model}, {relation}){end}", head("VIEW"))
        }
        (4, _) => {
            made.models.push(own.clone());
            let options = "WITH (type = 'kmeans', key = 'k', features = ['a'], n_clusters = 2";
            format!("{} {options}, comment = {comment}) AS SELECT k, a FROM {relation}{end}", head("MODEL"))
        }
        (5, _) => {
            let own = quoted(&name.to_lowercase());
            made.functions.push(own.clone());
            let parameters = format!("least BIGINT DEFAULT 1, word VARCHAR DEFAULT {comment}");
            format!("CREATE FUNCTION {own}({parameters}) AS SELECT k, a, c FROM {relation} WHERE a >= $least AND c <> $word{end}")
        }
        (6, _) if !made.functions.is_empty() => {
            let function = dice.of(&made.functions).unwrap();
            made.relations.push(own.clone());
            format!("{} AS SELECT * FROM {function}(least => 2){end}", head("VIEW"))
        }
        (7 | 8, Some(profile)) => {
            let other = &made.profiles[profile];
            let query = match (dice.of(&other.tags), dice.of(&other.segments), dice.below(7)) {
                (Some(tag), _, 0) => format!("SELECT k, {tag} FROM profile.{}", other.name),
                (_, Some(segment), 1) => format!("SELECT * FROM segment.{segment}"),
                (Some(tag), _, 2) => format!("SELECT * FROM explain_tag({}, {tag}, 1)", other.name),
                (_, Some(segment), 3) => format!("SELECT * FROM segment_diff({segment}, since => DATE '2030-01-01')"),
                (Some(_), _, 4) => format!("SELECT * FROM tag_coverage({})", other.name),
                (_, _, 5) => {
                    let end = if dice.below(2) == 0 { "_tags" } else { "_history" };
                    let published = other.name.replacen('"', "", 1);
                    format!("SELECT * FROM profile.\"{}{end}\"", &published[..published.len() - 1])
                }
                _ => format!("SELECT * FROM profile.{}", other.name),
            };
            format!("{} AS {query}{end}", head("VIEW"))
        }
        (9..=11, Some(profile)) => {
            let (model, relations) = (dice.of(&made.models).cloned(), made.relations.len());
            let profile = &mut made.profiles[profile];
            let query = match (dice.of(&profile.tags), model, dice.below(5)) {
                (Some(tag), _, 0) => {
                    format!("SELECT k, CASE WHEN {tag} IS NULL THEN {comment} ELSE 'x' END FROM profile.{}", profile.name)
                }
                (_, Some(model), 1) => format!("SELECT k, cluster_id FROM ml_predict({model}, {relation})"),
                (_, _, 2) => format!("SELECT k, CASE WHEN a > $high THEN {comment} ELSE $low END FROM {relation}"),
                _ => format!("SELECT k, max(c) FROM {relation} WHERE c <> {comment} GROUP BY k"),
            };
            let options = if query.contains("$high") { format!("high = {relations}, low = {comment}, ") } else { String::new() };
            profile.tags.push(own.clone());
            format!("{} ON {} WITH ({options}comment = {comment}) AS {query}{end}", head("TAG"), profile.name)
        }
        (12, Some(profile)) => {
            let profile = &mut made.profiles[profile];
            let condition = match dice.of(&profile.tags) {
                Some(tag) if dice.below(2) == 0 => format!("{tag} IS NOT NULL"),
                _ => format!("c IN ({comment}, 'x') OR a > 1"),
            };
            profile.segments.push(own.clone());
            format!("{} ON {} WITH (comment = {comment}) AS {condition}{end}", head("SEGMENT"), profile.name)
        }
        (_, other) => {
            let query = match other.map(|other| &made.profiles[other]) {
                Some(other) if dice.below(2) == 0 => format!("SELECT k, a, c FROM profile.{}", other.name),
                _ => format!("SELECT k, a, c FROM {relation}"),
            };
            // A time column that nothing reads is an error of REFRESH.
            let (time, query) = match dice.below(2) {
                0 => ("time_columns = 'timed.at', ", format!("{query} WHERE k IN (SELECT k FROM timed)")),
                _ => ("", query),
            };
            let sql =
                format!("{} WITH (key = 'k', {time}comment = {comment}, keep_snapshots = 7) AS {query}{end}", head("PROFILE"));
            made.profiles.push(Profile { name: own, tags: vec![], segments: vec![] });
            sql
        }
    }
}

/// Any set of definitions, dumped and recreated, is the same set.
#[test]
fn definitions_come_back() {
    let mut total = 0;
    for set in 0..sets() {
        let folder = tempfile::tempdir().unwrap();
        let (engine, session) = open(&folder.path().join("database"));
        let mut dice = Dice(set);
        rows(&engine, &session, "CREATE TABLE t AS SELECT value AS k, value % 7 AS a, 'x' AS c FROM generate_series(1, 20)");
        rows(&engine, &session, "CREATE VIEW timed AS SELECT k, TIMESTAMP '2025-01-01' AS at FROM t");
        let mut made = Made { relations: vec!["t".into()], ..Made::default() };
        for number in 0..4 + dice.below(12) {
            let sql = statement(&mut dice, &mut made, number);
            // Some are published before others are created over them, and some never.
            let profile = dice.of(&made.profiles).filter(|_| number % 4 == 3);
            let refresh = profile.map(|profile| format!("REFRESH PROFILE {}", profile.name));
            for sql in std::iter::once(sql).chain(refresh) {
                if let Err(error) = try_rows(&engine, &session, &sql) {
                    // A profile over another one cannot be published before it, and tags created after a refresh are not part of it.
                    let expected = [
                        "has not been refreshed yet",
                        "it was made later",
                        "REFRESH SEGMENT",
                        "no such column",
                        "published no tags",
                        "has no published tags",
                    ];
                    assert!(expected.iter().any(|expected| error.contains(expected)), "set {set}: {error}\n{sql}");
                }
            }
            total += 1;
        }
        comes_back(&engine, &session, &format!("set {set}"));
    }
    assert!(total as u64 > sets() * 5, "{total} objects");
}

/// Access is restored: classes, owners, privileges, members and budgets.
#[test]
fn rights_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = open(&folder.path().join("database"));
    for sql in [
        "CREATE ROLE \"it's\" LOGIN",
        "CREATE ROLE ada",
        "CREATE ROLE mia IN ROLE \"it's\"",
        "CREATE SCHEMA sales",
        "CREATE TABLE sales.t AS SELECT 1 AS k, 'x' AS \"a b\", 'y' AS c",
        "CREATE VIEW v AS SELECT k, \"a b\" FROM sales.t",
        "CREATE PROFILE p WITH (key = 'k') AS SELECT k, \"a b\" FROM sales.t",
        "CREATE TAG g ON p AS SELECT k, c FROM sales.t",
        "CREATE SEGMENT s ON p AS g = 'y'",
        "CREATE FUNCTION f(n BIGINT) AS SELECT k FROM sales.t WHERE k > $n",
        "ALTER TABLE sales.t ALTER COLUMN \"a b\" SET CLASS 'name'",
        "CREATE TABLE both AS SELECT * FROM (VALUES ('x')) AS w(both)",
        "ALTER TABLE both ALTER COLUMN both SET CLASS 'email,phone'",
        "ALTER PROFILE p ALTER COLUMN g SET CLASS 'none'",
        "CREATE MASK m ON CLASS name USING '***' FOR mia",
        "CREATE ROW POLICY r ON sales.t USING (k > 0)",
        "CREATE CONSENT marketing ON p AS SELECT k FROM sales.t",
        "CREATE SCHEDULE nightly WITH (every = INTERVAL '1 day') AS BEGIN SELECT 1; END",
        "ALTER TABLE sales.t OWNER TO \"it's\"",
        "ALTER VIEW v OWNER TO ada",
        "ALTER SCHEMA sales OWNER TO ada",
        "ALTER PROFILE p OWNER TO ada",
        "ALTER SEGMENT s OWNER TO mia",
        "ALTER FUNCTION f OWNER TO ada",
        "ALTER MASK m OWNER TO ada",
        "ALTER ROW POLICY r OWNER TO ada",
        "ALTER CONSENT marketing OWNER TO ada",
        "GRANT SELECT ON v TO PUBLIC",
        "GRANT SELECT, FILTER ON sales.t TO mia WITH GRANT OPTION",
        "GRANT SELECT, REFRESH ON PROFILE p TO mia",
        "GRANT SELECT ON SEGMENT s TO mia",
        "GRANT EXECUTE ON FUNCTION f TO mia",
        "GRANT USAGE, CREATE ON SCHEMA sales TO mia",
        "GRANT CREATE ON DATABASE portrait TO mia",
        "GRANT READ ON FILES TO mia",
        "GRANT pg_monitor TO mia WITH ADMIN OPTION",
        "REVOKE TEMPORARY ON DATABASE portrait FROM PUBLIC",
        "ALTER ROLE mia SET portrait.privacy_budget = 2.5",
        "ALTER ROLE mia SET statement_timeout = '30s'",
        "ALTER ROLE \"it's\" SET portrait.max_queries = 2",
    ] {
        rows(&engine, &session, sql);
    }
    comes_back(&engine, &session, "rights");
    let (copy, copied) = open(&folder.path().join("copy"));
    rows(&copy, &copied, &session.dump().unwrap());
    for sql in [
        "SELECT * FROM system.column_classes ORDER BY ALL",
        "SELECT * FROM system.grants ORDER BY ALL",
        "SELECT role, budget FROM system.privacy_budgets",
        "SELECT name, statement_timeout, memory_share, max_queries FROM system.roles ORDER BY name",
    ] {
        assert_eq!(rows(&copy, &copied, sql), rows(&engine, &session, sql), "{sql}");
    }
    // A role may grant privileges on what it owns: the user who runs the script keeps none of that.
    for sql in ["SET ROLE ada", "GRANT SELECT ON v TO mia", "GRANT REFRESH ON PROFILE p TO mia"] {
        rows(&copy, &copied, sql);
    }
}

/// Objects of all kinds with all names; only a third of the names when few sets are tried.
#[test]
fn names_come_back() {
    let mut dice = Dice(7);
    let mut names: Vec<String> = PIECES.iter().map(|piece| format!("{piece}a")).collect();
    names.extend(PIECES.iter().map(|piece| format!("a{piece}")));
    names.extend(
        ["select", "NULL", "Order", "表 名", "a''b\"\"c", "x'); DROP TABLE t; --", "/*", "*/", "--", "\\", ";", "$$"]
            .map(String::from),
    );
    while names.len() < 120 {
        names.push(name(&mut dice, names.len()));
    }
    // All of them from a thousand sets on.
    let names = names.into_iter().step_by(if sets() < 1000 { if is_long() { 3 } else { 10 } } else { 1 }).collect::<Vec<_>>();
    for (part, names) in names.chunks(10).enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let (engine, session) = open(folder.path());
        let file = folder.path().join("it's.csv");
        std::fs::write(&file, "k\n1\n").unwrap();
        rows(&engine, &session, "CREATE TABLE t AS SELECT value AS k FROM generate_series(1, 9)");
        for (number, name) in names.iter().enumerate() {
            let each = |end: &str| quoted(&format!("{name}{end}"));
            let (own, function) = (quoted(name), quoted(&format!("{name}f").to_lowercase()));
            let mut script = String::new();
            writeln!(script, "CREATE TABLE {} AS SELECT k AS {own} FROM t;", each("t")).unwrap();
            writeln!(script, "CREATE EXTERNAL TABLE {} STORED AS CSV LOCATION {};", each("x"), text(file.to_str().unwrap()))
                .unwrap();
            writeln!(script, "CREATE VIEW {} AS SELECT {own} AS k FROM {};", each("v"), each("t")).unwrap();
            writeln!(
                script,
                "CREATE MODEL {} WITH (type = 'kmeans', key = 'k', n_clusters = 2) AS SELECT k, k AS a FROM {};",
                each("m"),
                each("v")
            )
            .unwrap();
            writeln!(
                script,
                "CREATE FUNCTION {function}(x VARCHAR DEFAULT {}) AS SELECT k, $x AS x FROM {};",
                text(name),
                each("v")
            )
            .unwrap();
            writeln!(
                script,
                "CREATE PROFILE {} WITH (key = {}, comment = {}) AS SELECT {own} FROM {};",
                each("p"),
                text(name),
                text(name),
                each("t")
            )
            .unwrap();
            writeln!(script, "CREATE TAG {} ON {} AS SELECT k, x FROM {function}();", each("g"), each("p")).unwrap();
            writeln!(script, "CREATE SEGMENT {} ON {} AS {} = {};", each("s"), each("p"), each("g"), text(name)).unwrap();
            writeln!(script, "REFRESH PROFILE {};", each("p")).unwrap();
            writeln!(
                script,
                "CREATE VIEW {} AS SELECT p.*, s.since FROM segment.{} AS s JOIN profile.{} AS p USING ({own});",
                each("w"),
                each("s"),
                each("p")
            )
            .unwrap();
            if let Err(error) = try_rows(&engine, &session, &script) {
                panic!("{part}.{number} {name:?}: {error}\n{script}");
            }
            // The published rows can be read, too.
            for table in [
                format!("profile.{}", each("p")),
                format!("profile.{}", each("p_tags")),
                format!("profile.{}", each("p_history")),
            ] {
                assert_eq!(rows(&engine, &session, &format!("SELECT count({own}) FROM {table}")), ["9"], "{name:?}: {table}");
            }
            assert_eq!(rows(&engine, &session, &format!("SELECT count(*) FROM {}", each("w"))), ["9"], "{name:?}");
        }
        comes_back(&engine, &session, &format!("{names:?}"));
    }
}

/// A script can be run from another folder: relative paths are written as absolute ones, wherever a query names files.
#[test]
fn files_of_queries_are_written_by_their_whole_paths() {
    let (folder, database) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("k.csv"), "k;n\n1;2\n").unwrap();
    let (engine, session) = open(database.path());
    let session = session.with_base(folder.path());
    let script = "CREATE VIEW a AS SELECT * FROM 'k.csv';
        CREATE VIEW b AS SELECT x.k FROM read_csv('k.csv', separator => ';', null => ['k.csv']) AS x;
        CREATE VIEW c AS WITH f AS (SELECT * FROM file_info('k.csv')) SELECT count(*) AS n FROM f WHERE 'k.csv' <> '';
        CREATE FUNCTION d(x BIGINT) AS SELECT * FROM read_csv('k.csv') WHERE k = $x";
    try_rows(&engine, &session, script).unwrap();
    let dumped = session.dump().unwrap();
    let whole = folder.path().join("k.csv").display().to_string();
    assert_eq!(dumped.matches(&format!("'{whole}'")).count(), 4, "{dumped}");
    assert_eq!(dumped.matches("'k.csv'").count(), 2, "{dumped}");
}

#[test]
fn experiments_come_back_with_what_was_decided() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = open(&folder.path().join("crm"));
    let script = "CREATE TABLE sales AS SELECT 1 AS id, 2.5 AS amount;
        CREATE PROFILE member WITH (key = 'id') AS SELECT id FROM sales;
        CREATE SEGMENT \"年轻\" ON member AS id > 0;
        CREATE EXPERIMENT \"Free; delivery\" ON member WITH (segment = '年轻', start = DATE '2025-06-01', end = '2025-06-30 12:00:00', shares = [0.1, 0.9], metrics = ['amount']) AS
        SELECT id, amount -- what is measured
        FROM sales;
        ALTER EXPERIMENT \"Free; delivery\" SET DECISION 'it''s ''good''; -- ship';
        CREATE VIEW groups AS SELECT * FROM experiment_assignments(\"Free; delivery\");";
    rows(&engine, &session, script);
    comes_back(&engine, &session, script);
    let archive = folder.path().join("all.backup");
    engine.back_up(&archive, &|_, _| true).unwrap();
    let copy = folder.path().join("copy");
    restore(&archive, &copy, &|_, _| true).unwrap();
    let (restored, session) = open(&copy);
    let told = rows(&restored, &session, "SELECT name, segment, state, groups, decision, version FROM system.experiments");
    assert_eq!(told, ["Free; delivery|年轻|decided|control 0.1, treatment 0.9|it's 'good'; -- ship|2"]);
}

/// Definitions are stored in one dialect, whatever the dialect of the session that created them.
#[test]
fn definitions_of_another_dialect_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = open(folder.path());
    rows(&engine, &session, "SET datafusion.sql_parser.dialect = 'mysql'");
    let script = "CREATE VIEW v AS SELECT 1 AS k, 'it\\'s \\\\' AS `a\"b`, \"text\" AS c # noted
        ; CREATE PROFILE p WITH (key = \"k\", comment = 'a\\'b') AS SELECT k, c FROM v; CREATE SEGMENT s ON p AS c <> '\\''";
    rows(&engine, &session, script);
    let asked = [
        "SELECT \"a\"\"b\" || c FROM v",
        "SELECT comment FROM system.profiles",
        "REFRESH PROFILE p; SELECT count(*) FROM segment.s",
    ];
    let answers = ["it's \\text", "a'b", "1"];
    drop((engine, session));
    let (engine, session) = open(folder.path());
    for (sql, answer) in asked.iter().zip(answers) {
        assert_eq!(rows(&engine, &session, sql), [answer], "{sql}");
    }
    comes_back(&engine, &session, "a database that was made in another dialect");
}
