//! Database folders and changes from outside: paths of all kinds, permissions, damage, edited catalogs, disks that are full or
//! read-only.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portraitdb::EngineOptions;

use crate::support::{portrait, rows, run, session_with, skipped, try_rows};

const SHOP: &str = "CREATE TABLE t AS SELECT value AS a FROM generate_series(1, 1000);
    CREATE PROFILE p WITH (key = 'a') AS SELECT a FROM t;
    CREATE TAG g ON p AS SELECT a, a + 1 FROM t;
    CREATE MODEL m WITH (type = 'kmeans', key = 'a', n_clusters = 2) AS SELECT a, CAST(a AS DOUBLE) AS b FROM t;
    REFRESH PROFILE p WITH (as_of = TIMESTAMP '2025-01-01')";

fn query(database: &Path, sql: &str) -> (i32, String, String) {
    run(portrait().arg("-d").arg(database).args(["-f", "csv", "-c", sql]))
}

/// The rows, without the header line.
fn answer(database: &Path, sql: &str) -> String {
    let (code, out, errors) = query(database, sql);
    assert_eq!(code, 0, "{}: {errors}\n{sql}", database.display());
    out.lines().skip(1).collect::<Vec<_>>().join("\n")
}

fn data_files(database: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = database.join("data").read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Names that mean something else to globs, URLs, shells or SQLite.
fn odd_names() -> Vec<OsString> {
    let mut names: Vec<OsString> = [
        "crm [2025]",
        "crm [",
        "a*b",
        "who?",
        "100%",
        "a%20b",
        "x#1",
        "#",
        "{a,b}",
        "sp ace ",
        "客户 画像",
        "~",
        "$HOME",
        "back\\slash",
        "a/../b",
        "./c",
        "trail/",
        "file:x",
        ":memory:",
        "x?mode=memory",
        "new\nline",
        "tab\t",
        "'quote\"",
        "-c",
        "a&b;c",
        "..d",
    ]
    .map(OsString::from)
    .to_vec();
    names.push(format!("{}/{}", "l".repeat(230), "o".repeat(180)).into());
    #[cfg(unix)]
    names.push(std::os::unix::ffi::OsStringExt::from_vec(b"not \xff\xfe utf-8".to_vec()));
    names
}

#[test]
fn any_path_is_a_database() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    for name in odd_names() {
        let database = folder.path().join(&name);
        let here = |sql: &str| {
            // As written on the command line, from its parent folder.
            let mut command = portrait();
            let name = if name == "-c" { "./-c".into() } else { name.clone() };
            let (code, out, errors) = run(command.current_dir(folder.path()).arg("-d").arg(name).args(["-f", "csv", "-c", sql]));
            assert_eq!(code, 0, "{}: {errors}", database.display());
            out.lines().skip(1).map(String::from).collect::<Vec<_>>().join(" ")
        };
        here(SHOP);
        let whole = "SELECT (SELECT count(*) FROM t) AS t, (SELECT sum(g) FROM profile.p) AS p, (SELECT count(*) FROM profile.p_history) AS h,
            (SELECT count(*) FROM ml_predict(m, (SELECT a, CAST(a AS DOUBLE) AS b FROM t))) AS m";
        assert_eq!(here(whole), "1000,501500,1000,1000", "{name:?}");
        here(
            "INSERT INTO t VALUES (-1), (-2); CREATE OR REPLACE TABLE t AS SELECT * FROM t WHERE a > 5 OR a = -2;
             REFRESH PROFILE p WITH (as_of = TIMESTAMP '2025-02-01')",
        );
        let later = "SELECT (SELECT count(*) FROM t) AS t, (SELECT count(g) FROM profile.p) AS p, (SELECT count(*) FROM profile.p_history) AS h,
            (SELECT count(*) FROM profile.p FOR SYSTEM_TIME AS OF TIMESTAMP '2025-01-02') AS b";
        assert_eq!(here(later), "996,996,1001,1000", "{name:?}");
        // The same under its absolute path.
        assert_eq!(answer(&database, later), "996,996,1001,1000", "{name:?}");
    }
}

#[test]
fn a_path_that_is_too_long_for_the_catalog_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("l".repeat(200)).join("o".repeat(200)).join("n".repeat(200));
    let (code, _, errors) = query(&database, "SELECT 1");
    assert!(code == 1 && errors.contains("are allowed; choose a shorter one"), "{errors}");
}

/// User files: a path that exists literally is taken literally; the part above a pattern is not a pattern.
#[test]
fn any_path_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["crm [2025]", "a*b", "who?", "100%41", "x#1", "{a,b}", "sp ace", "客户"] {
        let base = folder.path().join(name);
        std::fs::create_dir(&base).unwrap();
        let here = |sql: &str| {
            let (code, out, errors) = run(portrait().current_dir(&base).args(["-f", "csv", "-c", sql]));
            assert_eq!(code, 0, "{name}: {errors}\n{sql}");
            out.lines().filter(|line| *line != "n" && *line != "count").collect::<Vec<_>>().join(" ")
        };
        let written = here(
            "COPY (SELECT value AS a FROM generate_series(1, 10)) TO 'x [1].csv';
             COPY (SELECT value AS a FROM generate_series(1, 4)) TO 'x1.csv';
             COPY (SELECT value AS a FROM generate_series(1, 3)) TO 'many [*]/' STORED AS PARQUET",
        );
        assert_eq!(written, "10 4 3", "{name}");
        let read = here(
            "SELECT count(*) AS n FROM 'x [1].csv'; SELECT count(*) AS n FROM 'x*.csv'; SELECT count(*) AS n FROM 'x[0-9].csv';
             SELECT count(*) AS n FROM 'many [*]/'; SELECT count(*) AS n FROM 'many [*]/*.parquet';
             SELECT count(*) AS n FROM './x1.csv'",
        );
        assert_eq!(read, "10 14 4 3 3 4", "{name}");
        assert_eq!(here(&format!("SELECT count(*) AS n FROM '../{name}/x[0-9].csv'")), "4", "{name}");
        assert_eq!(here(&format!("SELECT count(*) AS n FROM '../{name}/x1.csv'")), "4", "{name}");
        let inserted = here(
            "CREATE EXTERNAL TABLE e STORED AS PARQUET LOCATION 'many [*]'; INSERT INTO e VALUES (7), (8); SELECT count(*) AS n FROM e",
        );
        assert_eq!(inserted, "2 5", "{name}");
        let (code, _, errors) = run(portrait().current_dir(&base).args(["-c", "SELECT * FROM 'none [1].csv'"]));
        assert!(code == 1 && errors.contains("none [1].csv"), "{name}: {errors}");
        let mut output = portrait();
        output.current_dir(&base).args(["-f", "csv", "-o", "out [*].csv", "-c", "SELECT 1 AS a"]);
        assert_eq!(run(&mut output).0, 0);
        assert_eq!(std::fs::read_to_string(base.join("out [*].csv")).unwrap(), "a\n1\n", "{name}");
    }
}

/// An unquoted name is always a table; a quoted one is a path if there is no table with that name.
#[test]
fn a_folder_is_not_taken_for_a_table() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("orders")).unwrap();
    let here = |sql: &str| run(portrait().current_dir(folder.path()).args(["-f", "csv", "-c", sql]));
    assert_eq!(here("COPY (SELECT 1 AS a) TO 'orders/x.parquet'").0, 0);
    for name in ["orders", "\"orders\""] {
        let (code, _, errors) = here(&format!("SELECT * FROM {name}"));
        assert!(code == 1 && errors.contains("orders: no such table"), "{name}: {errors}");
    }
    for name in ["'orders'", "'orders/'"] {
        assert_eq!(here(&format!("SELECT * FROM {name}")).1, "a\n1\n", "{name}");
    }
    for name in ["orders", "'orders'"] {
        assert_eq!(here(&format!("CREATE TABLE orders AS SELECT 5 AS b; SELECT * FROM {name}")).1, "b\n5\n", "{name}");
    }
    let (code, _, errors) = here("INSERT INTO orders VALUES (2)");
    assert!(code == 1 && errors.contains("orders: no such table"), "{errors}");
}

#[cfg(unix)]
#[test]
fn a_database_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    fn rights(path: &Path, seen: &mut Vec<(String, u32)>) {
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        seen.push((path.file_name().unwrap().to_string_lossy().into_owned(), mode));
        if path.is_dir() {
            path.read_dir().unwrap().for_each(|entry| rights(&entry.unwrap().path(), seen));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm");
    let (engine, session) = session_with(EngineOptions { database: Some(database.clone()), ..EngineOptions::default() });
    rows(&engine, &session, SHOP);
    let check = |files: u32, folders: u32| {
        let mut seen = vec![];
        rights(&database, &mut seen);
        assert!(seen.iter().any(|(name, _)| name == "catalog.sqlite-wal"), "{seen:?}");
        for (name, mode) in seen {
            let is_folder = ["crm", "data", "locks"].contains(&name.as_str());
            assert_eq!(format!("{mode:o}"), format!("{:o}", if is_folder { folders } else { files }), "{name}");
        }
    };
    check(0o600, 0o700);
    // Permissions that the owner gives to a group apply to later files as well.
    drop((engine, session));
    let given = Command::new("chmod").args(["-R", "g+rX"]).arg(&database).status().unwrap();
    assert!(given.success());
    let (engine, session) = session_with(EngineOptions { database: Some(database.clone()), ..EngineOptions::default() });
    rows(&engine, &session, "INSERT INTO t VALUES (1)");
    check(0o640, 0o750);
}

/// Bytes that change after they were read once are detected by the next reader, also in this process.
#[test]
fn what_changes_on_disk_is_never_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm");
    let (engine, session) = session_with(EngineOptions { database: Some(database.clone()), ..EngineOptions::default() });
    rows(&engine, &session, "CREATE TABLE t AS SELECT value AS a, value * 7919 % 1000003 AS b FROM generate_series(1, 300000)");
    let sum = "SELECT sum(a), sum(b) FROM t";
    let right = rows(&engine, &session, sum);
    let file = data_files(&database).remove(0);
    let whole = std::fs::read(&file).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    for place in (4..whole.len()).step_by(whole.len() / 24) {
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        std::fs::write(&file, &changed).unwrap();
        // As a failing disk does it: the modification time stays the same.
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
        let error = try_rows(&engine, &session, sum).unwrap_err();
        assert!(error.contains(&file.display().to_string()) && error.contains("is damaged"), "byte {place}: {error}");
        std::fs::write(&file, &whole).unwrap();
        assert_eq!(rows(&engine, &session, sum), right, "byte {place} is as it was");
    }
}

#[test]
fn a_check_finds_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm");
    assert_eq!(query(&database, SHOP).0, 0);
    let check = || run(portrait().arg("-d").arg(&database).arg("check"));
    let (code, out, errors) = check();
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("whole: 2 files of 2 tables and profiles"), "{out}");

    // What a killed process leaves, and files of others, are named, and are no damage.
    let orphan = "00000000-0000-4000-8000-000000000000.parquet";
    std::fs::write(database.join("data").join(orphan), "PAR1").unwrap();
    std::fs::write(database.join("data/notes.txt"), "mine").unwrap();
    let (code, out, errors) = check();
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    for part in [format!("orphaned: {orphan}: "), "foreign: notes.txt: ".into(), "; 2 files that belong to none of them".into()] {
        assert!(out.contains(&part), "no {part:?} in\n{out}");
    }

    let catalog = rusqlite::Connection::open(database.join("catalog.sqlite")).unwrap();
    let name = |object: &str| -> String {
        let query = "SELECT f.name FROM files f JOIN snapshot_files n ON n.file = f.id JOIN snapshots s ON s.id = n.snapshot WHERE s.name = ?1";
        catalog.query_row(query, [object], |row| row.get(0)).unwrap()
    };
    let (table, profile) = (name("t"), name("p"));
    let damaged = database.join("data").join(&table);
    let mut bytes = std::fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, &bytes).unwrap();
    std::fs::remove_file(database.join("data").join(&profile)).unwrap();
    let (code, out, errors) = check();
    assert_eq!(code, 1, "{out}");
    for part in [
        format!("damaged: table t: {table}: "),
        format!("missing: profile p: {profile}: "),
        format!("orphaned: {orphan}: "),
        "foreign: notes.txt: ".into(),
    ] {
        assert!(out.contains(&part), "no {part:?} in\n{out}");
    }
    assert!(errors.contains("2 problems in 2 files"), "{errors}");
    // Nothing was removed, and certainly not files of others.
    assert!(database.join("data").join(orphan).exists() && database.join("data/notes.txt").exists());

    let (code, _, errors) = run(portrait().arg("-d").arg(folder.path().join("none")).arg("check"));
    assert!(code == 1 && errors.contains("there is no database in") && !folder.path().join("none").exists(), "{errors}");
}

/// An edited catalog never makes the program read or remove a file outside the database.
#[test]
fn a_crafted_catalog_leads_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside.parquet");
    let written = run(portrait().current_dir(folder.path()).args(["-c", "COPY (SELECT 1 AS a) TO 'outside.parquet'"]));
    assert_eq!(written.0, 0, "{}", written.2);
    let absolute = outside.display().to_string();
    let names = ["../../outside.parquet", absolute.as_str(), "../../", "..", "", "a.parquet", "data\0.parquet"];
    for (number, name) in names.iter().enumerate() {
        let database = folder.path().join(format!("crm{number}"));
        assert_eq!(query(&database, "CREATE TABLE t AS SELECT 1 AS a; CREATE TABLE u AS SELECT 2 AS a").0, 0);
        let catalog = rusqlite::Connection::open(database.join("catalog.sqlite")).unwrap();
        catalog.execute("UPDATE files SET name = ?1 WHERE id = (SELECT min(id) FROM files)", [name]).unwrap();
        let (code, out, errors) = query(&database, "SELECT * FROM t");
        assert!(code == 1 && out.is_empty(), "{name}: {out}");
        assert!(errors.contains("is not the name of a data file") && errors.contains(&format!("{name:?}")), "{name}: {errors}");
        let (code, out, _) = run(portrait().arg("-d").arg(&database).arg("check"));
        assert!(code == 1 && out.contains("damaged: table t: "), "{name}: {out}");
        // The entry is dropped, the file is not removed, and everything else works.
        assert_eq!(query(&database, "DROP TABLE t; INSERT INTO u VALUES (3); DROP TABLE IF EXISTS none").0, 0, "{name}");
        assert_eq!(answer(&database, "SELECT sum(a) FROM u"), "5", "{name}");
        assert!(outside.exists(), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn links_in_a_database_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine");
    std::fs::create_dir(&mine).unwrap();
    let kept = mine.join("00000000-0000-4000-8000-000000000000.parquet");
    std::fs::write(&kept, "mine").unwrap();
    let make = |name: &str| {
        let database = folder.path().join(name);
        assert_eq!(query(&database, "CREATE TABLE t AS SELECT 1 AS a").0, 0);
        database
    };
    // A link to a folder with other files in place of the data: all of them would look like leftovers.
    for part in ["data", "locks"] {
        let database = make(part);
        std::fs::remove_dir_all(database.join(part)).unwrap();
        std::os::unix::fs::symlink(&mine, database.join(part)).unwrap();
        let (code, _, errors) = query(&database, "CREATE TABLE u AS SELECT 1 AS a");
        assert!(code == 1 && errors.contains(&format!("{part}: is a link")), "{errors}");
    }
    let database = make("catalog");
    std::fs::rename(database.join("catalog.sqlite"), mine.join("catalog.sqlite")).unwrap();
    std::os::unix::fs::symlink(mine.join("catalog.sqlite"), database.join("catalog.sqlite")).unwrap();
    assert!(query(&database, "SELECT 1").2.contains("catalog.sqlite is a link"));
    // A link in place of a file.
    let database = make("file");
    let [file] = data_files(&database).try_into().unwrap();
    std::fs::rename(&file, mine.join("moved.parquet")).unwrap();
    std::os::unix::fs::symlink(mine.join("moved.parquet"), &file).unwrap();
    let (code, _, errors) = query(&database, "SELECT * FROM t");
    assert!(code == 1 && errors.contains("leads to another place"), "{errors}");
    assert_eq!(query(&database, "DROP TABLE t; CREATE TABLE u AS SELECT 1 AS a").0, 0);
    assert!(kept.exists() && mine.join("moved.parquet").exists());
    // A link to the database folder leads to the database itself.
    let database = make("whole");
    std::os::unix::fs::symlink(&database, folder.path().join("link")).unwrap();
    assert_eq!(answer(&folder.path().join("link"), "SELECT * FROM t"), "1");
}

/// A pipe in place of a file is an error, and is not waited for.
#[cfg(target_os = "linux")]
#[test]
fn pipes_in_a_database_are_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm");
    assert_eq!(query(&database, "CREATE TABLE t AS SELECT 1 AS a").0, 0);
    let [file] = data_files(&database).try_into().unwrap();
    let piped = |path: &Path, sql: &str| {
        // Nothing was recorded yet in a log that is not there.
        let was_there = std::fs::rename(path, folder.path().join("aside")).is_ok();
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        let (code, _, errors) = query(&database, sql);
        std::fs::remove_file(path).unwrap();
        if was_there {
            std::fs::rename(folder.path().join("aside"), path).unwrap();
        }
        assert_eq!(code, 1);
        errors
    };
    assert!(piped(&file, "SELECT * FROM t").contains("leads to another place"));
    assert!(piped(&database.join("catalog.sqlite"), "SELECT * FROM t").contains("catalog.sqlite is not a file"));
    let errors = piped(&database.join("audit.log"), "CREATE ROLE ada");
    assert!(errors.contains("it is not a file; move it away"), "{errors}");
    std::fs::remove_file(&file).unwrap();
    let (code, _, errors) = query(&database, "SELECT * FROM t");
    assert!(code == 1 && errors.contains("is damaged: it is missing; restore the database from a backup"), "{errors}");
}

/// Without write permission one can read, also while others write, and also what a killed writer left in the log.
#[cfg(unix)]
#[test]
fn what_cannot_be_written_can_be_read() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm");
    assert_eq!(query(&database, SHOP).0, 0);
    let catalog = rusqlite::Connection::open(database.join("catalog.sqlite")).unwrap();
    catalog.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    catalog
        .execute(
            "INSERT INTO runs (kind, name, as_of, process, status, started_at) VALUES ('k', 'in the log', 1, 1, 'failed', 1)",
            [],
        )
        .unwrap();
    assert!(database.join("catalog.sqlite-wal").metadata().unwrap().len() > 0);
    // Like a copy from a machine that was turned off.
    let copy = folder.path().join("copy");
    assert!(Command::new("cp").arg("-r").args([&database, &copy]).status().unwrap().success());
    std::fs::remove_file(copy.join("catalog.sqlite-shm")).unwrap();
    drop(catalog);
    let chmod =
        |rights: &str, path: &Path| assert!(Command::new("chmod").args(["-R", rights]).arg(path).status().unwrap().success());
    chmod("a+rX,a-w", &database);
    chmod("a+rX,a-w", &copy);
    chmod("a+rx", folder.path());
    // Root may write anywhere.
    let as_other = folder.path().metadata().unwrap().uid() == 0;
    let other = |database: &Path, sql: &str| {
        let mut command = if as_other { Command::new("setpriv") } else { portrait() };
        if as_other {
            command.args(["--reuid", "65534", "--clear-groups", env!("CARGO_BIN_EXE_portrait")]);
        }
        command.stdin(Stdio::null()).env("TMPDIR", std::env::temp_dir());
        run(command.arg("-d").arg(database).args(["-f", "csv", "-c", sql]))
    };
    let first = other(&database, "SELECT 1");
    if first.0 != 0 && as_other && !first.2.contains("crm") {
        skipped(&format!("another user cannot run the program: {}", first.2));
        return;
    }
    for database in [&database, &copy] {
        let (code, out, errors) =
            other(database, "SELECT count(*), sum(g) FROM profile.p; SELECT name FROM system.runs WHERE status = 'failed'");
        assert_eq!((code, out.as_str()), (0, "count,sum\n1000,501500\nname\nin the log\n"), "{errors}");
        for statement in ["CREATE VIEW v AS SELECT 1 AS a", "INSERT INTO t VALUES (1)", "DROP MODEL m", "REFRESH PROFILE p"] {
            let (code, _, errors) = other(database, statement);
            assert!(
                code == 1 && errors.contains("; open the database as the user who owns it") && !errors.contains(".lock"),
                "{statement}: {errors}"
            );
        }
    }
    chmod("u+w", folder.path());
}

/// A database on a full disk can be read, and rows can be deleted; on a read-only disk it can be read.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_can_be_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"
        set -e
        mount -t tmpfs -o size=6M tmpfs "$1"; cd "$1"; export TMPDIR="$1"
        "$2" -d crm -c "CREATE TABLE t AS SELECT value AS a FROM generate_series(1, 100000); CREATE TABLE u AS SELECT 1 AS a" >&2
        set +e
        dd if=/dev/zero of=fill bs=4096 2>/dev/null
        "$2" -d crm -f csv -c "SELECT count(*) AS full FROM t"
        "$2" -d crm -c "CREATE TABLE v AS SELECT value AS a FROM generate_series(1, 100000)" && echo "made without room"
        "$2" -d crm -f csv -c "DROP TABLE t; SELECT count(*) AS dropped FROM u"
        ls crm/data | wc -l
        rm fill
        "$2" -d crm -c "INSERT INTO u VALUES (2)" >&2 && ls crm/reserve
        mount -o remount,ro "$1"
        "$2" -d crm -f csv -c "SELECT count(*) AS readonly FROM u"
        "$2" -d crm -c "DROP TABLE u" && echo "dropped from what is mounted for reading"
        exit 0
    "#;
    let mut command = Command::new("unshare");
    command.args(["-Urm", "sh", "-c", script, "sh"]).arg(folder.path()).arg(env!("CARGO_BIN_EXE_portrait"));
    let Ok(output) = command.output() else {
        skipped("the program `unshare`, which mounts a small disk, is not installed");
        return;
    };
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        skipped(&format!("a small disk cannot be mounted here: {errors}"));
        return;
    }
    assert_eq!(out, "full\n100000\ndropped\n1\n1\ncrm/reserve\nreadonly\n2\n", "{errors}");
    assert!(errors.contains("table v: cannot be locked in ") && errors.contains("; make room on the disk"), "{errors}");
}

/// A limit on the size of files does not kill the program.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_may_not_grow_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm");
    assert_eq!(query(&database, "CREATE TABLE t AS SELECT 1 AS a").0, 0);
    let limited = |sql: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", "ulimit -f 0; exec \"$@\"", "bash", env!("CARGO_BIN_EXE_portrait"), "-f", "csv", "-d"]);
        run(command.arg(&database).args(["-c", sql]))
    };
    let (code, out, errors) = limited("SELECT * FROM t");
    assert_eq!((code, out.as_str()), (0, "a\n1\n"), "{errors}");
    let (code, _, errors) = limited("CREATE TABLE u AS SELECT 1 AS a");
    assert!(code == 1 && errors.contains("error: "), "{code} {errors}");
}

/// The clock was set back: the newest refresh has a time in the future.
#[test]
fn a_clock_that_was_set_back_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm");
    assert_eq!(query(&database, &format!("{SHOP}; REFRESH PROFILE p")).0, 0);
    let catalog = rusqlite::Connection::open(database.join("catalog.sqlite")).unwrap();
    let later = "at + 40000000000000";
    catalog.execute(&format!("UPDATE snapshots SET at = {later}"), []).unwrap();
    drop(catalog);
    let newest = "SELECT max(as_of) FROM system.runs WHERE status = 'succeeded'";
    let (code, _, errors) = query(&database, "INSERT INTO t VALUES (2000); REFRESH PROFILE p");
    assert!(code == 0 && errors.contains("later than this machine's clock"), "{errors}");
    let ahead = answer(&database, newest);
    assert_eq!(answer(&database, "SELECT count(*), sum(g) FROM profile.p"), "1001,503501");
    // Again, with a change before it: the time stays, and the rows are new.
    assert_eq!(query(&database, "INSERT INTO t VALUES (3000); REFRESH PROFILE p").0, 0);
    assert_eq!(answer(&database, newest), ahead);
    assert_eq!(answer(&database, "SELECT count(*) FROM profile.p"), "1002");
    assert_eq!(answer(&database, "SELECT count(*) FROM t"), "1002");
}
