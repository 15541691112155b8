//! Ctrl-C: streaming queries and refreshes end soon and leave nothing that looks complete.
#![cfg(unix)]

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{portrait, run, some};

/// Longer than ending takes on a busy machine, and far shorter than the work.
const SOON: Duration = Duration::from_secs(15);

/// Presses Ctrl-C; returns the exit code, which must come soon.
fn interrupt(child: &mut Child) -> Option<i32> {
    signal("-INT", child)
}

fn signal(signal: &str, child: &mut Child) -> Option<i32> {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let began = Instant::now();
    let code = child.wait().unwrap().code();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    code
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The bytes in the hidden folder next to an output file.
fn written(folder: &Path) -> u64 {
    let hidden = names(folder).into_iter().find(|name| name.ends_with(".partial"));
    let files = hidden.and_then(|hidden| std::fs::read_dir(folder.join(hidden)).ok());
    files.into_iter().flatten().filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
}

#[test]
fn streams_of_rows_to_files_end() {
    let folder = tempfile::tempdir().unwrap();
    let here = || {
        let mut command = portrait();
        command.current_dir(folder.path());
        command
    };
    assert_eq!(run(here().args(["-c", "COPY (SELECT * FROM sample_orders(rows => 20000)) TO 'orders.parquet'"])).0, 0);
    let many = ["SELECT * FROM 'orders.parquet'"; 300].join(" UNION ALL ");
    for sql in ["SELECT * FROM sample_orders(rows => 30000000)", &many] {
        let mut child = here().args(["-f", "csv", "-o", "p.csv", "-c", sql]).stderr(Stdio::null()).spawn().unwrap();
        wait_until("rows are written", || written(folder.path()) > 0);
        assert_eq!(interrupt(&mut child), Some(130));
        assert_eq!(names(folder.path()), ["orders.parquet"]);
    }
}

#[test]
fn streams_of_rows_to_pipes_end_whether_they_are_read_or_not() {
    for is_read in [true, false] {
        let mut child = portrait()
            .args(["-f", "csv", "-c", "SELECT * FROM sample_orders(rows => 30000000)"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        output.read_exact(&mut [0; 1000]).unwrap();
        // The reader does not read, so the pipe stays open and full.
        let (reader, _kept) = match is_read {
            true => (Some(std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()))), None),
            false => (None, Some(output)),
        };
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(interrupt(&mut child), Some(130), "read: {is_read}");
        if let Some(reader) = reader {
            reader.join().unwrap().unwrap();
        }
    }
}

/// Reading a file is cancelled soon, whether its objects are on lines or in an array.
#[test]
fn scans_of_json_end() {
    let folder = tempfile::tempdir().unwrap();
    let filler = "x".repeat(2000);
    let objects: Vec<String> = (0..3000).map(|number| format!("{{\"k\":{number},\"text\":\"{filler}\"}}")).collect();
    std::fs::write(folder.path().join("o.json"), format!("[{}]", objects.join(","))).unwrap();
    std::fs::write(folder.path().join("o.ndjson"), objects.join("\n")).unwrap();
    for file in some(["o.json", "o.ndjson"], 1) {
        let table = format!("CREATE EXTERNAL TABLE o (k BIGINT, text VARCHAR) STORED AS JSON LOCATION '{file}'");
        let many = ["SELECT k FROM o WHERE text <> ''"; 30].join(" UNION ALL ");
        let mut child = portrait()
            .current_dir(folder.path())
            .args(["-f", "csv", "-c", &table, "-c", &many])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        output.read_exact(&mut [0; 1000]).unwrap();
        let reader = std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        assert_eq!(interrupt(&mut child), Some(130), "{file}");
        reader.join().unwrap().unwrap();
    }
}

/// A cancelled refresh records how it ended, and why.
#[test]
fn a_refresh_ends_as_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("database").display().to_string();
    let with_database = |sql: &str| {
        let mut command = portrait();
        command.args(["-d", &database, "-f", "csv", "-c", sql]).stderr(Stdio::null());
        command
    };
    let endless = "CREATE PROFILE p WITH (key = 'k') AS SELECT value AS k FROM generate_series(1, 3);
        CREATE TAG slow ON p AS SELECT a.value % 3 AS k, count(*) FROM generate_series(1, 3000000) AS a, generate_series(1, 3000000) AS b
          WHERE (a.value * b.value) % 7 = 3 GROUP BY 1";
    assert_eq!(run(&mut with_database(endless)).0, 0);
    let statuses = || run(&mut with_database("SELECT status, finished_at IS NOT NULL FROM system.runs")).1;
    for (number, (kill, code)) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)].into_iter().enumerate() {
        let mut child = with_database("REFRESH PROFILE p").stdout(Stdio::null()).spawn().unwrap();
        wait_until("the refresh runs", || statuses().contains("running"));
        assert_eq!(signal(kill, &mut child), Some(code));
        assert_eq!(statuses().lines().skip(1).collect::<Vec<_>>(), vec!["cancelled,true"; number + 1]);
    }
    // With fewer rows, the refresh itself ends between its steps.
    let fewer = "CREATE OR REPLACE TAG slow ON p AS SELECT a.value % 3 AS k, count(*) FROM generate_series(1, 3000000) AS a, \
        generate_series(1, 3000000) AS b GROUP BY 1; SET portrait.statement_timeout = 1; REFRESH PROFILE p";
    assert_eq!(run(&mut with_database(fewer)).0, 1);
    let errors = run(&mut with_database("SELECT message FROM system.runs WHERE message <> ''")).1;
    assert!(errors.contains("was cancelled after 1 s, as statement_timeout says"), "{errors}");
}

/// Ctrl-C ends a statement while it is parsed and planned, and so does a time limit.
#[test]
fn planning_ends() {
    let sums: Vec<String> = (0..240).map(|number| format!("sum(a) OVER (ORDER BY a + {number})")).collect();
    let joined: String = (1..120).map(|number| format!(" JOIN (VALUES (1)) AS t{number}(b{number}) ON b{number} = a")).collect();
    let sql = format!("SELECT {} FROM (VALUES (1)) AS t(a){joined}", sums.join(", "));
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("long.sql");
    std::fs::write(&script, &sql).unwrap();
    let mut child = portrait().arg("run").arg(&script).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(interrupt(&mut child), Some(130));
    std::fs::write(&script, format!("SET portrait.statement_timeout = 1; {sql}")).unwrap();
    let began = Instant::now();
    let (code, _, told) = run(portrait().arg("run").arg(&script));
    assert!(code == 1 && told.contains("was cancelled after 1 s"), "{code}: {told}");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

/// While events are collected, and while customers are processed.
#[test]
fn work_on_the_events_of_customers_ends() {
    for wait in [300, 3000] {
        let sql = "SELECT count(*) FROM sessionize((SELECT value % 500000 AS customer, to_timestamp_seconds(value) AS event_time FROM generate_series(1, 300000000)),
                     customer => customer, event_time => event_time)";
        let mut child = portrait().args(["-c", sql]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        assert_eq!(interrupt(&mut child), Some(130), "after {wait} ms");
    }
}

/// A customer with many events makes each pass over a prefix long.
#[test]
fn a_search_for_sequences_ends() {
    let sql = "SELECT count(*) FROM frequent_sequences((SELECT value % 300 AS customer, to_timestamp_seconds(value) AS event_time, value * 7919 % 31 AS event
                 FROM generate_series(1, 3000000)), customer => customer, event_time => event_time, event => event, min_support => 0.9, max_len => 9)";
    let mut child = portrait().args(["-c", sql]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(interrupt(&mut child), Some(130));
}
