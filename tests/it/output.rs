//! Where results go, how they look, and what remains when the program ends.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{cases, portrait, run};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn in_folder(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    run(portrait().current_dir(folder).args(arguments))
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_rights_are_kept() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("there")).unwrap();
    let writers: [&[&str]; 2] =
        [&["-f", "csv", "-o", "TARGET", "-c", "SELECT 7 AS a"], &["-c", "COPY (SELECT 7 AS a) TO 'TARGET'"]];
    for writer in writers {
        let write = |target: &str| {
            let arguments: Vec<String> = writer.iter().map(|argument| argument.replace("TARGET", target)).collect();
            let (code, _, errors) = in_folder(folder.path(), &arguments.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(code, 0, "{target}: {errors}");
        };
        std::fs::write(at("there/real.csv"), "old").unwrap();
        std::fs::set_permissions(at("there/real.csv"), PermissionsExt::from_mode(0o600)).unwrap();
        symlink("there/real.csv", at("one.csv")).unwrap();
        symlink("one.csv", at("two.csv")).unwrap();
        symlink("there/none.csv", at("dangling.csv")).unwrap();
        write("two.csv");
        write("dangling.csv");
        for (link, real) in [("two.csv", "there/real.csv"), ("dangling.csv", "there/none.csv")] {
            assert!(at(link).symlink_metadata().unwrap().is_symlink(), "{link}");
            assert_eq!(std::fs::read_to_string(at(real)).unwrap(), "a\n7\n");
        }
        assert_eq!(at("there/real.csv").metadata().unwrap().mode() & 0o777, 0o600);
        // All names of a file show what was written.
        std::fs::hard_link(at("there/real.csv"), at("other.csv")).unwrap();
        std::fs::write(at("other.csv"), "much longer than what is written").unwrap();
        write("there/real.csv");
        assert_eq!(std::fs::read_to_string(at("other.csv")).unwrap(), "a\n7\n");
        std::fs::remove_file(at("other.csv")).unwrap();
        // A name of the maximum length.
        let long = format!("{}.csv", "n".repeat(251));
        write(&long);
        assert_eq!(std::fs::read_to_string(at(&long)).unwrap(), "a\n7\n");
        for name in ["one.csv", "two.csv", "dangling.csv", "there/real.csv", "there/none.csv", &long] {
            std::fs::remove_file(at(name)).unwrap();
        }
        assert_eq!(names(folder.path()), ["there"]);
        assert!(names(&at("there")).is_empty());
    }
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_written_to() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for arguments in [&["-f", "csv", "-o", "pipe.csv", "-c", "SELECT 7 AS a"][..], &["-c", "COPY (SELECT 7 AS a) TO 'pipe.csv'"]]
    {
        let mut reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
        let (code, _, errors) = in_folder(folder.path(), arguments);
        assert_eq!(code, 0, "{errors}");
        let mut read = String::new();
        reader.stdout.take().unwrap().read_to_string(&mut read).unwrap();
        reader.wait().unwrap();
        assert_eq!(read, "a\n7\n", "{arguments:?}");
        assert!(pipe.metadata().unwrap().file_type().is_fifo());
    }
    // A link to an open file, as /dev/stdout is; the first two lines are already there.
    symlink("/proc/self/fd/1", folder.path().join("stdout")).unwrap();
    let (_, out, errors) = in_folder(folder.path(), &["-f", "csv", "-o", "stdout", "-c", "SELECT 1 AS a; SELECT 2 AS a"]);
    assert_eq!(out, "a\n1\na\n2\n", "{errors}");
    let log = folder.path().join("log");
    for _ in 0..2 {
        let opened = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let mut command = portrait();
        command.current_dir(folder.path()).args(["-f", "csv", "-o", "stdout", "-c", "SELECT 1 AS a"]).stdout(opened);
        assert!(command.status().unwrap().success());
    }
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "a\n1\na\n1\n");
    // What follows in the same file comes after it.
    let whole = std::fs::File::create(&log).unwrap();
    let script = "SELECT 1 AS a; COPY (SELECT 44 AS b) TO 'stdout' STORED AS CSV; SELECT 2 AS a";
    let mut command = portrait();
    command.current_dir(folder.path()).args(["-f", "csv", "-c", script]).stdout(whole);
    assert!(command.status().unwrap().success());
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "a\n1\nb\n44\ncount\n1\na\n2\n");
    assert!(folder.path().join("stdout").symlink_metadata().unwrap().is_symlink());
    for arguments in [&["-o", "/dev/null", "-c", "SELECT 1"][..], &["-c", "COPY (SELECT 1 AS a) TO '/dev/null' STORED AS CSV"]] {
        assert_eq!(in_folder(folder.path(), arguments).0, 0);
        assert!(Path::new("/dev/null").metadata().unwrap().file_type().is_char_device());
    }
    let (code, out, errors) = in_folder(folder.path(), &["-f", "csv", "-o", "/dev/full", "-c", "SELECT 1 AS a"]);
    assert!(code == 1 && out.is_empty() && errors.contains("No space left"), "{errors}");
    assert_eq!(names(folder.path()), ["log", "pipe.csv", "stdout"]);
}

#[test]
fn a_file_that_cannot_hold_a_result_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let query = "SELECT repeat('x', 40000) AS t";
    let problem =
        "long.xlsx: cannot be written: a cell has 32767 letters at most, and t has a text with more; write CSV or Parquet";
    for arguments in [&["-o", "long.xlsx", "-c", query][..], &["-c", &format!("COPY ({query}) TO 'long.xlsx'")]] {
        let (code, _, errors) = in_folder(folder.path(), arguments);
        assert!(code == 1 && errors.contains(problem), "{errors}");
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn what_is_shown_gives_a_terminal_no_orders() {
    let evil = "\u{1b}]0;x\u{7}\u{1b}[31m\u{9b}2J\r\u{202e}";
    let shown = |sql: String, format: &str| {
        let (_, out, errors) = run(portrait().args(["-f", format, "-c", &sql]));
        format!("{out}{errors}")
    };
    for sql in [
        format!("SELECT 1 AS \"{evil}\""),
        format!("SELECT '{evil}' AS a"),
        format!("SELECT CAST('{evil}' AS INT)"),
        format!("SELECT * FROM \"{evil}\""),
        format!("SELECT * FROM '{evil}.csv'"),
        format!("SET portrait.max_itemsets = '{evil}'"),
        format!("SELECT '{evil}"),
        format!("EXPLAIN SELECT '{evil}' AS \"{evil}\""),
        format!("CREATE VIEW \"{evil}\" AS SELECT 1 AS a; SHOW TABLES; DROP TABLE \"{evil}\""),
    ] {
        for format in ["table", "markdown"] {
            let text = shown(sql.clone(), format);
            let orders: Vec<char> =
                text.chars().filter(|letter| letter.is_control() && *letter != '\n' && *letter != '\t').collect();
            assert!(orders.is_empty() && !text.contains('\u{202e}'), "{orders:?} in {text:?}\n{sql:?}");
        }
    }
    assert!(
        shown(format!("SELECT 1 AS \"{evil}\""), "table").starts_with(" \\u{1b}]0;x\\u{7}\\u{1b}[31m\\u{9b}2J\\r\\u{202e}\n")
    );
    // Output for programs keeps its bytes.
    assert_eq!(shown(format!("SELECT '{evil}' AS a"), "csv"), format!("a\n\"{evil}\"\n"));
    for argument in ["--format", "--partitions", "--set"] {
        let (code, out, errors) = run(portrait().args([argument, evil, "-c", "SELECT 1"]));
        assert!(code == 2 && out.is_empty() && !errors.contains(['\u{1b}', '\u{7}', '\u{9b}', '\r']), "{errors:?}");
    }
    // A dump is read by programs.
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm").display().to_string();
    assert_eq!(run(portrait().args(["-d", &database, "-c", &format!("CREATE VIEW v AS SELECT '{evil}' AS a")])).0, 0);
    assert!(run(portrait().args(["-d", &database, "dump"])).1.contains(evil));
}

#[test]
fn statements_may_begin_with_dashes() {
    for sql in ["--comment\nSELECT 1 AS a", "-- d\nSELECT 1 AS a", "-1;SELECT 1 AS a"] {
        let (code, out, errors) = run(portrait().args(["-f", "csv", "-c", sql]));
        if sql.starts_with("--") {
            assert_eq!((code, out.as_str()), (0, "a\n1\n"), "{errors}");
        } else {
            assert!(code == 1 && errors.contains("syntax"), "{errors}");
        }
    }
}

/// The program with a temporary folder of its own.
fn with_temporary(temporary: &Path) -> Command {
    let mut command = portrait();
    command.env("TMPDIR", temporary);
    command
}

const SPILLING: &str = "SELECT max(n), max(1 / (7 - n)) FROM (SELECT row_number() OVER (ORDER BY s) AS n, s
    FROM (SELECT concat('x13800138000', (value * 7919) % 5000011) AS s FROM generate_series(1, 600000)))";

#[test]
fn an_error_leaves_no_temporary_files() {
    let temporary = tempfile::tempdir().unwrap();
    for _ in 0..cases(1, 3) {
        let (code, _, errors) = run(with_temporary(temporary.path()).args(["--memory-limit", "32MB", "-c", SPILLING]));
        assert!(code == 1 && errors.contains("division by zero"), "{errors}");
        assert!(names(temporary.path()).is_empty(), "{:?}", names(temporary.path()));
    }
    let (code, ..) = run(with_temporary(temporary.path()).args(["-c", "CREATE TABLE t AS SELECT 1 AS a; SELECT * FROM t"]));
    assert_eq!(code, 0);
    assert!(names(temporary.path()).is_empty());
}

/// Starts a script that reports when it has reached its query, which then runs forever.
fn endless(temporary: &Path) -> Child {
    let sql =
        "CREATE TABLE c AS SELECT 1 AS k, '13800138000' AS phone; CREATE PROFILE p WITH (key = 'k') AS SELECT k, phone FROM c;
        REFRESH PROFILE p; SELECT 'so far' AS s;
        SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE (a.value * b.value) % 7 = 3";
    let mut child =
        with_temporary(temporary).args(["-f", "csv", "-c", sql]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap() == "so far"));
    child
}

fn signal(child: &mut Child, name: &str) -> Option<i32> {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap().code()
}

#[cfg(unix)]
#[test]
fn signals_leave_no_temporary_files() {
    use std::os::unix::fs::PermissionsExt;
    let temporary = tempfile::tempdir().unwrap();
    for (name, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let mut child = endless(temporary.path());
        let [folder] = names(temporary.path()).try_into().unwrap();
        let rights = |path: PathBuf| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(rights(temporary.path().join(&folder)), 0o700);
        for file in names(&temporary.path().join(&folder).join("data")) {
            assert_eq!(rights(temporary.path().join(&folder).join("data").join(file)), 0o600);
        }
        assert_eq!(signal(&mut child, name), Some(code), "{name}");
        assert!(names(temporary.path()).is_empty(), "{name}: {:?}", names(temporary.path()));
    }
    // The next process removes what a killed one left, and keeps the files of running ones.
    let mut living = endless(temporary.path());
    let [of_living] = names(temporary.path()).try_into().unwrap();
    let mut killed = endless(temporary.path());
    signal(&mut killed, "-KILL");
    assert_eq!(names(temporary.path()).len(), 2);
    assert_eq!(run(with_temporary(temporary.path()).args(["-c", "SELECT 1"])).0, 0);
    assert_eq!(names(temporary.path()), [of_living]);
    signal(&mut living, "-TERM");
    assert!(names(temporary.path()).is_empty());
}

/// Wrong arguments, help, and a pipe closed early leave nothing behind either.
#[test]
fn the_temporary_folder_can_be_chosen() {
    let (system, chosen) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let given = chosen.path().display().to_string();
    let limited = ["--memory-limit", "32MB", "--temporary", &given, "-c", SPILLING];
    assert_eq!(run(with_temporary(system.path()).args(limited)).0, 1);
    assert!(names(system.path()).is_empty() && names(chosen.path()).is_empty());
    let none = chosen.path().join("none").display().to_string();
    let (code, _, errors) = run(portrait().args(["--temporary", &none, "-c", "SELECT 1"]));
    assert!(code == 1 && errors.contains("cannot make a folder for temporary files"), "{errors}");
}

/// Waits for a hidden folder to appear. The deadline is for a program that never creates it.
fn hidden(folder: &Path) -> String {
    let began = Instant::now();
    loop {
        if let Some(name) = names(folder).into_iter().find(|name| name.ends_with(".partial")) {
            return name;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "nothing is being written");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(unix)]
#[test]
fn writes_that_are_ended_leave_nothing_or_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("many")).unwrap();
    assert_eq!(in_folder(folder.path(), &["-c", "COPY (SELECT 1 AS a) TO 'many/x.parquet'"]).0, 0);
    let table = "CREATE EXTERNAL TABLE m STORED AS PARQUET LOCATION 'many/';";
    let rows = "SELECT value AS a FROM generate_series(1, 100000000000)";
    let copy = (format!("COPY ({rows}) TO 'x.csv'"), folder.path().to_path_buf(), "COPY (SELECT 2 AS a) TO 'y.csv'".to_string());
    let insert = (format!("{table} INSERT INTO m {rows}"), at("many"), format!("{table} INSERT INTO m VALUES (2)"));
    for (endless, place, next) in [copy, insert] {
        for (name, is_swept) in [("-INT", false), ("-TERM", false), ("-KILL", true)] {
            let mut child = portrait();
            let mut child = child
                .current_dir(folder.path())
                .args(["-c", &endless])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let left = hidden(&place);
            signal(&mut child, name);
            assert_eq!(place.join(&left).exists(), is_swept, "{name}: {:?}", names(&place));
            assert!(!at("x.csv").exists());
        }
        // Readers do not see it, and the next writer to that folder removes it.
        assert_eq!(in_folder(folder.path(), &["-f", "csv", "-c", "SELECT sum(a) AS s FROM 'many/'"]).1, "s\n1\n");
        assert_eq!(in_folder(folder.path(), &["-c", &next]).0, 0);
        assert!(names(&place).iter().all(|name| !name.starts_with('.')), "{:?}", names(&place));
    }
    assert_eq!(in_folder(folder.path(), &["-f", "csv", "-c", "SELECT sum(a) AS s FROM 'many/'"]).1, "s\n3\n");
}
