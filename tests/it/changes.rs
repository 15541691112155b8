//! Statements that change rows: after each of them, tables are the same as SQLite's after the same statements.

use std::collections::HashMap;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use portraitdb::{Engine, EngineOptions, Session};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::support::{About, Dice, cases, portrait, rows, run, session_with, try_rows};

/// The most lives in one database: opening one takes longer than a life, and so does each step in one with a long history.
const LIVES: usize = 20;

/// A database in which tables live, one after another.
struct Database {
    engine: Engine,
    session: Session,
    lives: usize,
    /// The last field, so that its files stay until the engine is gone.
    _folder: tempfile::TempDir,
}

impl Database {
    fn open(partitions: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = EngineOptions { database: Some(folder.path().to_path_buf()), ..EngineOptions::default() };
        options.partitions = Some(partitions);
        let (engine, session) = session_with(options);
        Self { engine, session, lives: 0, _folder: folder }
    }
}

/// A table with the same history in both.
struct Life<'a> {
    dice: Dice,
    engine: &'a Engine,
    session: &'a Session,
    sqlite: Connection,
    /// Each of its states, by the time when it began.
    states: Vec<(String, Vec<String>)>,
    said: Vec<String>,
}

const ALL: &str = "SELECT id, g, x FROM t";

impl<'a> Life<'a> {
    fn begin(dice: Dice, database: &'a Database) -> Self {
        let sqlite = Connection::open_in_memory().unwrap();
        let (engine, session) = (&database.engine, &database.session);
        let mut life = Self { dice, engine, session, sqlite, states: vec![], said: vec![] };
        life.both("CREATE TABLE t (id BIGINT, g VARCHAR DEFAULT 'none', x BIGINT)");
        life.both("CREATE TABLE s (id BIGINT, x BIGINT)");
        life.insert();
        life
    }

    fn both(&mut self, sql: &str) {
        self.said.push(format!("{sql};"));
        self.sqlite.execute_batch(sql).unwrap();
        rows(self.engine, self.session, sql);
    }

    fn row(&mut self) -> String {
        let (id, g) = (self.dice.below(12), self.dice.or_null(20, |dice| format!("'{}'", dice.pick(&["a", "b", "张"]))));
        format!("({id}, {g}, {})", self.dice.or_null(15, |dice| dice.below(50).to_string()))
    }

    fn insert(&mut self) {
        let count = self.dice.between(1, 9);
        let values: Vec<String> = (0..count).map(|_| self.row()).collect();
        self.change(&format!("INSERT INTO t VALUES {}", values.join(", ")), "t");
    }

    /// A condition over the table, which may be NULL.
    fn condition(&mut self, of: &str) -> String {
        let number = self.dice.below(12);
        match self.dice.below(7) {
            0 => format!("{of}.id = {number}"),
            1 => format!("{of}.x > {}", number * 4),
            2 => format!("{of}.g IS NULL"),
            3 => format!("{of}.g = 'a' OR {of}.id % 3 = 1"),
            4 => format!("NOT ({of}.x < {number})"),
            5 => format!("{of}.id IN (SELECT id FROM s)"),
            _ => format!("{of}.x > (SELECT avg(x) FROM t)"),
        }
    }

    /// Rows of another table, at most one for each number.
    fn source(&mut self) {
        self.both("DELETE FROM s");
        let ids: Vec<usize> = (0..12).filter(|_| self.dice.chance(40)).collect();
        let row = |id: usize| format!("({id}, {})", self.dice.or_null(10, |dice| dice.below(50).to_string()));
        let values: Vec<String> = ids.into_iter().map(row).collect();
        if !values.is_empty() {
            self.both(&format!("INSERT INTO s VALUES {}", values.join(", ")));
        }
    }

    /// Runs a statement on both; the returned rows and the resulting tables are the same.
    fn change(&mut self, sql: &str, of: &str) {
        let returning = if self.dice.chance(50) { " RETURNING id, g, x + 1" } else { "" };
        // In SQLite, RETURNING can only name the table's own columns.
        let returning = if of == "t" { returning } else { "" };
        let sql = format!("{sql}{returning}");
        self.said.push(format!("{sql};"));
        let mut ours = rows(self.engine, self.session, &sql);
        let mut theirs =
            if returning.is_empty() { vec![self.sqlite.execute(&sql, []).unwrap().to_string()] } else { self.of_sqlite(&sql) };
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{sql}");
        self.compare();
    }

    fn of_sqlite(&self, sql: &str) -> Vec<String> {
        let mut query = self.sqlite.prepare(sql).unwrap();
        let columns = query.column_count();
        let cell = |value: ValueRef<'_>| match value {
            ValueRef::Null => "NULL".to_string(),
            ValueRef::Integer(value) => value.to_string(),
            ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
            other => format!("{other:?}"),
        };
        let line =
            |row: &rusqlite::Row<'_>| Ok((0..columns).map(|place| cell(row.get_ref_unwrap(place))).collect::<Vec<_>>().join("|"));
        query.query_map([], line).unwrap().map(Result::unwrap).collect()
    }

    fn compare(&mut self) {
        let (mut ours, mut theirs) = (rows(self.engine, self.session, ALL), self.of_sqlite(ALL));
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs);
        let at = rows(self.engine, self.session, "SELECT to_char(now(), 'YYYY-MM-DD HH24:MI:SS.US')");
        self.states.push((at[0].clone(), ours));
    }

    fn delete(&mut self) {
        if self.dice.chance(30) {
            self.source();
            let condition = self.condition("t");
            // SQLite has no USING.
            let theirs = format!("DELETE FROM t WHERE ({condition}) AND EXISTS (SELECT 1 FROM s WHERE s.id = t.id)");
            self.different(&format!("DELETE FROM t USING s WHERE ({condition}) AND s.id = t.id"), &theirs);
        } else {
            let condition = self.condition("t");
            self.change(&format!("DELETE FROM t WHERE {condition}"), "t");
        }
    }

    fn update(&mut self) {
        let set =
            self.dice.pick(&["x = x + 1", "x = id, id = x % 12", "g = 'b'", "g = NULL, x = 3", "x = (SELECT max(x) FROM t)"]);
        if self.dice.chance(30) {
            self.source();
            let condition = self.condition("t");
            self.change(&format!("UPDATE t SET x = s.x, g = 's' FROM s WHERE s.id = t.id AND ({condition})"), "s");
        } else {
            let condition = self.condition("t");
            self.change(&format!("UPDATE t SET {set} WHERE {condition}"), "t");
        }
    }

    /// MERGE, and the resulting rows as a query that SQLite understands.
    fn merge(&mut self) {
        self.source();
        let (matched, alone) = (self.dice.below(60), self.condition("t"));
        let (first, then) = self.dice.pick(&[("UPDATE SET x = s.x + 1", "DELETE"), ("DELETE", "UPDATE SET x = s.x + 1")]);
        let (adds, sweeps) = (self.dice.chance(70), self.dice.chance(50));
        let insert = if adds { "WHEN NOT MATCHED AND s.x IS NOT NULL THEN INSERT (id, x) VALUES (s.id, s.x)" } else { "" };
        let sweep =
            if sweeps { format!("WHEN NOT MATCHED BY SOURCE AND ({alone}) THEN UPDATE SET g = 'gone'") } else { String::new() };
        let ours = format!(
            "MERGE INTO t USING s ON s.id = t.id WHEN MATCHED AND s.x > {matched} THEN {first} WHEN MATCHED THEN {then} {insert} {sweep}"
        );
        let stays = if first == "DELETE" { format!("s.x <= {matched} OR s.x IS NULL") } else { format!("s.x > {matched}") };
        let mut parts = vec![format!("SELECT t.id, t.g, s.x + 1 AS x FROM t JOIN s ON s.id = t.id WHERE {stays}")];
        let swept = if sweeps { format!("CASE WHEN {alone} THEN 'gone' ELSE t.g END") } else { "t.g".into() };
        parts.push(format!("SELECT t.id, {swept}, t.x FROM t LEFT JOIN s ON s.id = t.id WHERE s.id IS NULL"));
        if adds {
            parts
                .push("SELECT s.id, 'none', s.x FROM s LEFT JOIN t ON s.id = t.id WHERE t.id IS NULL AND s.x IS NOT NULL".into());
        }
        let left = parts.join(" UNION ALL ");
        self.different(&ours, &format!("CREATE TABLE n AS {left}; DELETE FROM t; INSERT INTO t SELECT * FROM n; DROP TABLE n"));
    }

    fn different(&mut self, ours: &str, theirs: &str) {
        self.said.push(format!("{ours};"));
        rows(self.engine, self.session, ours);
        self.sqlite.execute_batch(theirs).unwrap();
        self.compare();
    }
}

#[test]
fn changes_are_those_of_sqlite() {
    let mut databases: HashMap<usize, Database> = HashMap::new();
    for case in 0..cases(3, 12) {
        let mut dice = Dice(case);
        let partitions = dice.pick(&[1, 2, 7]);
        let used = databases.remove(&partitions).filter(|database| database.lives < LIVES);
        let mut database = used.unwrap_or_else(|| Database::open(partitions));
        let mut life = Life::begin(dice, &database);
        for _ in 0..10 {
            let _about = About(format!("case {case}:\n{}", life.said.join("\n")));
            match life.dice.below(10) {
                0..=1 => life.insert(),
                2..=4 => life.delete(),
                5..=7 => life.update(),
                _ => life.merge(),
            }
        }
        for (at, state) in &life.states {
            let past = format!("{ALL} FOR SYSTEM_TIME AS OF TIMESTAMP '{at}'");
            let mut found = rows(life.engine, life.session, &past);
            found.sort();
            assert_eq!(&found, state, "case {case}, {past}\n{}", life.said.join("\n"));
        }
        life.both("DROP TABLE t");
        life.both("DROP TABLE s");
        drop(life);
        database.lives += 1;
        databases.insert(partitions, database);
    }
}

/// Changing one row rewrites one file, however large the table is.
#[test]
fn only_files_that_change_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let options = EngineOptions { database: Some(folder.path().to_path_buf()), ..EngineOptions::default() };
    let (engine, session) = session_with(options);
    let sql = |text: &str| rows(&engine, &session, text);
    sql("CREATE TABLE t AS SELECT value AS id, value % 7 AS x FROM generate_series(1, 1000000) AS s(value)");
    let files = || {
        let names = std::fs::read_dir(folder.path().join("data")).unwrap().map(|entry| entry.unwrap().file_name());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let before = files();
    assert_eq!(before.len(), 8);
    assert_eq!(sql("UPDATE t SET x = -1 WHERE id = 500000"), ["1"]);
    let after = files();
    assert_eq!((after.len(), after.difference(&before).count()), (9, 1), "the old state stays readable, and shares its files");
    assert_eq!(sql("SELECT count(*), sum(id), min(x) FROM t"), ["1000000|500000500000|-1"]);
    assert_eq!(sql("DELETE FROM t WHERE id BETWEEN 300000 AND 700000"), ["400001"]);
    assert_eq!(sql("SELECT count(*), sum(id) FROM t"), ["599999|300000000000"]);
    assert_eq!(sql("DELETE FROM t WHERE id > 10 AND x <> 3"), ["514277"]);
    assert_eq!(sql("SELECT count(*), min(id), max(id), sum(id) FROM t WHERE id > 10"), ["85712|17|999995|42856914273"]);
}

/// Two statements change the same rows: the second sees the first one's changes.
#[test]
fn changes_of_two_sessions_follow_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let options = || EngineOptions { database: Some(folder.path().to_path_buf()), ..EngineOptions::default() };
    let (engine, session) = session_with(options());
    rows(&engine, &session, "CREATE TABLE t AS SELECT 1 AS id, 0 AS x UNION ALL SELECT 2, 0");
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let options = options();
            std::thread::spawn(move || {
                let (engine, session) = session_with(options);
                for _ in 0..10 {
                    assert_eq!(rows(&engine, &session, "UPDATE t SET x = x + 1 WHERE id = 1"), ["1"]);
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(rows(&engine, &session, "SELECT x FROM t ORDER BY id"), ["40", "0"]);
    assert!(try_rows(&engine, &session, "UPDATE t SET x = 1 / x RETURNING 1 / (x - x)").is_err());
    assert_eq!(rows(&engine, &session, "SELECT x FROM t ORDER BY id"), ["40", "0"]);
}

/// Killed at any moment, and at each step of the commit: a change is either complete or absent, and no acknowledged one is lost.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn killed_changes_are_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().display().to_string();
    let command = |sql: &str| {
        let (code, answer, problem) = run(portrait().args(["-d", &database, "-f", "csv", "-c", sql]));
        assert_eq!(code, 0, "{sql}: {problem}");
        answer.lines().skip(1).map(String::from).collect::<Vec<_>>()
    };
    command("CREATE TABLE t AS SELECT value AS id, 0 AS x FROM generate_series(1, 300000) AS s(value)");
    let script: String = (0..40).map(|_| "UPDATE t SET x = x + 1 WHERE id % 1000 = 1; SELECT max(x) FROM t;\n").collect();
    let steps = ["table::written", "table::finished", "table::synced", "table::published"];
    let mut dice = Dice(11);
    let mut last = 0;
    for kill in 0..usize::try_from(cases(2, 12)).unwrap() {
        let mut killed = portrait();
        killed.args(["-d", &database, "-f", "csv"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let step = steps.get(kill % 8);
        if let Some(step) = step {
            killed.env("FAILPOINTS", format!("{step}=2*off->return"));
        }
        let mut killed = killed.spawn().unwrap();
        let mut input = killed.stdin.take().unwrap();
        // Writing fails if the process was killed in the meantime.
        let _ = input.write_all(script.as_bytes());
        drop(input);
        if step.is_none() {
            std::thread::sleep(Duration::from_millis(dice.next() % 3000));
            killed.kill().unwrap();
        }
        let output = killed.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let acknowledged = said.lines().filter_map(|line| line.parse::<u64>().ok()).filter(|number| *number < 300).max();
        let acknowledged = acknowledged.unwrap_or(last).max(last);
        let found = command("SELECT max(x), count(DISTINCT x) FILTER (WHERE id % 1000 = 1), sum(x), count(*) FROM t");
        let now: u64 = found[0].split(',').next().unwrap().parse().unwrap();
        assert!(now == acknowledged || now == acknowledged + 1, "kill {kill}: acknowledged {acknowledged}, found {now}");
        assert_eq!(found, [format!("{now},1,{},300000", now * 300)], "kill {kill}");
        last = now;
    }
    assert!(last > 0);
}
