//! Schedules through the program: servers that share a database, kills, timeouts, notices; and `portrait run` for other schedulers.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Dice, from_environment, portrait, run, skipped};

/// A process that runs schedules, and is killed with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("ready: "), "{line}");
        Self(process)
    }

    fn signal(&self, name: &str) {
        let (code, ..) = run(Command::new("kill").arg(format!("-{name}")).arg(self.0.id().to_string()));
        assert_eq!(code, 0);
    }

    /// Its exit code and output.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.0.wait().unwrap().code();
        let mut said = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, said)
    }
}

fn scheduling(database: &Path, more: &[&str]) -> Running {
    Running::start(portrait().arg("-d").arg(database).arg("schedule").args(more))
}

fn sql(database: &Path, sql: &str) -> String {
    let (code, out, error) = run(portrait().arg("-d").arg(database).args(["-f", "csv", "-c", sql]));
    assert_eq!(code, 0, "{error}\n{sql}");
    out
}

/// The rows of a query, without its header.
fn rows(database: &Path, query: &str) -> Vec<String> {
    sql(database, query).lines().skip(1).map(str::to_string).collect()
}

/// Waits until a query returns `true`.
fn wait_for(database: &Path, condition: &str) {
    let began = Instant::now();
    while rows(database, &format!("SELECT {condition}")) != ["true"] {
        assert!(began.elapsed() < Duration::from_secs(60), "{condition}:\n{}", sql(database, "SELECT * FROM system.runs"));
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn database(script: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    sql(directory.path(), script);
    directory
}

/// A row every second, in one transaction with the end of the run.
const EVERY_SECOND: &str = "CREATE TABLE log (at TIMESTAMP);
    CREATE SCHEDULE tick WITH (every = INTERVAL '1 second', transaction = true, on_missed = 'all') AS BEGIN
      INSERT INTO log SELECT $scheduled_time;
    END";

/// Every settled time has exactly one successful run and one row, and none is missing between the first and the last.
fn assert_each_time_once(database: &Path) {
    let problems = rows(
        database,
        "SELECT 'run twice', scheduled_time FROM system.runs WHERE status = 'succeeded' GROUP BY scheduled_time HAVING count(*) > 1
         UNION ALL SELECT 'written twice', at FROM log GROUP BY at HAVING count(*) > 1
         UNION ALL SELECT 'run and not written', scheduled_time FROM system.runs WHERE status = 'succeeded' AND scheduled_time NOT IN (SELECT at FROM log)
         UNION ALL SELECT 'written and not run', at FROM log WHERE at NOT IN (SELECT scheduled_time FROM system.runs WHERE status = 'succeeded')
         UNION ALL SELECT 'left out', max(at) FROM log HAVING count(*) <> 1 + date_part('epoch', max(at)) - date_part('epoch', min(at))",
    );
    assert!(problems.is_empty(), "{problems:#?}\n{}", sql(database, "SELECT * FROM system.runs"));
}

#[test]
fn a_server_runs_schedules_until_it_ends() {
    let directory = database(EVERY_SECOND);
    let path = directory.path();
    let server = Running::start(portrait().arg("-d").arg(path).args(["serve", "--listen", "127.0.0.1:0"]));
    wait_for(path, "count(*) >= 3 FROM log");
    server.signal("TERM");
    let (code, said) = server.end();
    assert_eq!(code, Some(0), "{said}");
    assert_each_time_once(path);
    let told = rows(path, "SELECT DISTINCT status, role IS NULL OR role <> '', cause FROM system.runs");
    assert!(told.iter().all(|row| row.starts_with("succeeded,true,")), "{told:?}");
    assert_eq!(rows(path, "SELECT state, last_status FROM system.schedules"), ["active,succeeded"]);
    // This process does not run schedules.
    let count = rows(path, "SELECT count(*) FROM system.runs");
    let server = Running::start(portrait().arg("-d").arg(path).args(["serve", "--listen", "127.0.0.1:0", "--no-schedules"]));
    std::thread::sleep(Duration::from_secs(2));
    drop(server);
    assert_eq!(rows(path, "SELECT count(*) FROM system.runs"), count);
}

#[test]
fn processes_on_one_database_run_each_time_once() {
    let directory = database(EVERY_SECOND);
    let path = directory.path();
    let processes: Vec<Running> = (0..3).map(|_| scheduling(path, &[])).collect();
    wait_for(path, "count(*) >= 6 FROM log");
    // One is killed, another is paused for a while, and time continues.
    processes[0].signal("KILL");
    processes[1].signal("STOP");
    std::thread::sleep(Duration::from_secs(2));
    processes[1].signal("CONT");
    wait_for(path, "count(*) >= 12 FROM log");
    for process in processes.into_iter().skip(1) {
        process.signal("TERM");
        assert_eq!(process.end().0, Some(0));
    }
    assert_each_time_once(path);
}

/// If a process ends at a step of a run, the next process takes over the run.
#[test]
fn a_run_that_was_killed_at_any_step_is_made_again() {
    for step in ["schedule::claimed", "table::written", "table::published", "schedule::ran", "schedule::ended"] {
        let directory = database(EVERY_SECOND);
        let path = directory.path();
        let mut command = portrait();
        command.env("FAILPOINTS", format!("{step}=return")).arg("-d").arg(path).arg("schedule");
        let (code, said) = Running::start(&mut command).end();
        assert_eq!(code, None, "{step}: {said}");
        // The end of a run is committed together with its rows.
        let is_written = ["schedule::ran", "schedule::ended"].contains(&step);
        let left = rows(path, "SELECT status FROM system.runs");
        assert_eq!(left, [if is_written { "succeeded" } else { "lost" }], "{step}");
        let process = scheduling(path, &[]);
        wait_for(path, "count(*) >= 3 FROM log");
        process.signal("TERM");
        assert_eq!(process.end().0, Some(0));
        assert_each_time_once(path);
        let attempts = rows(path, "SELECT status, cause, attempt FROM system.runs ORDER BY run LIMIT 2");
        if left == ["lost"] {
            assert!(attempts[0].starts_with("lost,") && attempts[1] == "succeeded,retry,2", "{step}: {attempts:?}");
        }
    }
}

/// The steps of a run at which a development build can be made to stop.
const STEPS: [&str; 7] = [
    "schedule::claimed",
    "table::written",
    "table::finished",
    "table::synced",
    "table::published",
    "schedule::ran",
    "schedule::ended",
];

/// What fails each time, and is retried twice.
const FAILING: &str =
    "CREATE SCHEDULE bad WITH (every = INTERVAL '4 seconds', retries = 2, backoff = INTERVAL '1 second') AS BEGIN
      SELECT 1;
      SELECT CAST('x' AS INT);
    END";

/// Kills processes at random, and at random steps of runs; sometimes another process runs at the same time.
fn kill_at_random(kills: u64) {
    let directory = database(&format!("{EVERY_SECOND}; {FAILING}"));
    let path = directory.path();
    let mut dice = Dice(17);
    for kill in 0..kills {
        if kill % 2 == 1 {
            let (step, before) = (STEPS[dice.below(STEPS.len())], dice.below(4));
            let mut command = portrait();
            command.env("FAILPOINTS", format!("{step}={before}*off->return")).arg("-d").arg(path).arg("schedule");
            // It may end before it is ready.
            let spawned = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let mut process = spawned.map(Running).unwrap();
            let until = Instant::now() + Duration::from_secs(20);
            // A release build does not fail by itself.
            while process.0.try_wait().unwrap().is_none() && Instant::now() < until && cfg!(debug_assertions) {
                std::thread::sleep(Duration::from_millis(50));
            }
            continue;
        }
        let process = scheduling(path, &[]);
        let other = (dice.below(3) == 0).then(|| scheduling(path, &[]));
        std::thread::sleep(Duration::from_millis(dice.between(0, 1500) as u64));
        drop(process);
        if let Some(other) = other {
            std::thread::sleep(Duration::from_millis(dice.between(0, 1000) as u64));
            drop(other);
        }
    }
    let count = rows(path, "SELECT count(*) + 3 FROM log").remove(0);
    let process = scheduling(path, &[]);
    wait_for(path, &format!("count(*) >= {count} FROM log"));
    process.signal("TERM");
    assert_eq!(process.end().0, Some(0));
    assert_each_time_once(path);
    let told = rows(
        path,
        "SELECT DISTINCT name, status FROM system.runs WHERE status NOT IN ('lost', 'cancelled', 'skipped')
            AND NOT (name = 'tick' AND status = 'succeeded') AND NOT (name = 'bad' AND status = 'failed')",
    );
    assert!(told.is_empty(), "{told:?}");
    // Each time but the last has failed three times, however often its process was killed, and its attempts are numbered.
    let wrong = rows(
        path,
        "SELECT scheduled_time, failed, attempts, highest FROM (
            SELECT scheduled_time, count(*) FILTER (WHERE status = 'failed') AS failed, count(*) AS attempts, max(attempt) AS highest,
                max(scheduled_time) OVER () AS latest
            FROM system.runs WHERE name = 'bad' AND status <> 'skipped' GROUP BY scheduled_time)
         WHERE attempts <> highest OR failed > 3 OR failed < 3 AND scheduled_time < latest",
    );
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", sql(path, "SELECT * FROM system.runs WHERE name = 'bad'"));
}

#[test]
fn no_run_is_lost_or_doubled_by_kills() {
    kill_at_random(6);
}

#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn no_run_is_lost_or_doubled_by_many_kills() {
    kill_at_random(from_environment("PORTRAIT_TEST_CASES", 200));
}

/// A query that runs for hours.
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 1000000000000) AS a(v) WHERE v % 7 = 8";

#[test]
fn what_takes_too_long_is_cancelled_and_made_again() {
    let directory = database(&format!(
        "CREATE SCHEDULE slow WITH (every = INTERVAL '1 second', timeout = INTERVAL '1 second', retries = 1, backoff = INTERVAL '1 second') AS BEGIN
           SELECT 1;
           {ENDLESS};
         END"
    ));
    let path = directory.path();
    let process = scheduling(path, &[]);
    wait_for(path, "count(*) >= 2 FROM system.runs WHERE status = 'failed'");
    drop(process);
    let failed = rows(
        path,
        "SELECT attempt, error, line, duration < 6, statement LIKE 'SELECT count%' FROM system.runs WHERE status = 'failed' ORDER BY run LIMIT 2",
    );
    for (row, attempt) in failed.iter().zip(1..) {
        assert_eq!(*row, format!("{attempt},\"timeout: took longer than 1 s, and was cancelled\",3,true,true"));
    }
}

#[test]
fn what_is_stopped_is_cancelled_and_made_again() {
    let directory = database(&format!(
        "CREATE SCHEDULE slow WITH (cron = '* * * * * *') AS BEGIN {ENDLESS}; END; CREATE SCHEDULE quick WITH (depends_on = slow) AS BEGIN SELECT 1; END"
    ));
    let path = directory.path();
    for attempt in 1..=2 {
        let process = scheduling(path, &["--grace", "0"]);
        wait_for(path, "count(*) = 1 FROM system.runs WHERE status = 'running'");
        process.signal("TERM");
        let (code, said) = process.end();
        assert_eq!(code, Some(0), "{said}");
        let told = rows(path, "SELECT status, attempt, error, count(*) OVER () FROM system.runs ORDER BY run DESC LIMIT 1");
        assert_eq!(told, [format!("cancelled,{attempt},its server was stopped; it will be run again,{attempt}")]);
    }
    assert_eq!(rows(path, "SELECT count(DISTINCT scheduled_time) FROM system.runs"), ["1"]);
}

#[test]
fn run_schedule_runs_now_and_never_beside_another() {
    let directory = database(&format!(
        "CREATE SCHEDULE slow WITH (cron = '0 0 29 2 *') AS BEGIN {ENDLESS}; END; CREATE SCHEDULE 报表 WITH (cron = '@yearly') AS $$ SELECT $last_success, '；'; $$"
    ));
    let path = directory.path();
    let mut first = portrait().arg("-d").arg(path).args(["-c", "RUN SCHEDULE slow"]).spawn().map(Running).unwrap();
    wait_for(path, "count(*) = 1 FROM system.runs WHERE status = 'running'");
    let (code, _, error) = run(portrait().arg("-d").arg(path).args(["-c", "RUN SCHEDULE slow"]));
    assert!(code == 1 && error.contains("schedule slow: is already running"), "{error}");
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    assert_eq!(rows(path, "SELECT status, cause FROM system.runs"), ["lost,manual"]);
    let (code, _, error) = run(portrait().arg("-d").arg(path).args(["-c", "RUN SCHEDULE 报表; RUN SCHEDULE 报表"]));
    assert!(code == 0 && error.contains("note: schedule 报表 succeeded in"), "{error}");
    assert_eq!(rows(path, "SELECT status FROM system.runs WHERE schedule = '报表'"), ["succeeded", "succeeded"]);
}

/// What a receiver got: the headers in lower case, and the body.
fn receive(listener: &TcpListener, answer: &str) -> (String, String) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let head = head.to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap().trim().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    stream.write_all(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
    (head, String::from_utf8(body).unwrap())
}

#[test]
fn failures_are_told_to_urls_and_commands() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let directory = database(&format!(
        "CREATE SCHEDULE bad WITH (every = INTERVAL '1 second', on_failure = '{url}') AS BEGIN
           SELECT 1; SELECT CAST('客户' AS INT);
         END"
    ));
    let path = directory.path();
    let told = path.join("told.txt");
    let command = format!("cat > /dev/null; echo \"$PORTRAIT_SCHEDULE $PORTRAIT_STATUS $PORTRAIT_LINE\" >> {}", told.display());
    let _process = scheduling(path, &["--on-failure", &command, "--webhook-key", "sesame"]);
    // A delivery that is not accepted is sent again with the same id.
    let (refused, _) = receive(&listener, "503 Busy");
    let (head, body) = receive(&listener, "200 OK");
    let header = |head: &str, name: &str| head.split(&format!("{name}: ")).nth(1).unwrap().lines().next().unwrap().to_string();
    assert!(head.starts_with("post /hook http/1.1") && head.contains("content-type: application/json"), "{head}");
    assert_eq!(header(&head, "portrait-delivery"), header(&refused, "portrait-delivery"));
    let signature = header(&head, "portrait-signature");
    let (time, tag) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"sesame");
    let tag: Vec<u8> = (0..tag.len() / 2).map(|place| u8::from_str_radix(&tag[2 * place..2 * place + 2], 16).unwrap()).collect();
    ring::hmac::verify(&key, format!("{time}.{body}").as_bytes(), &tag).unwrap();
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["schedule"], &body["status"], &body["line"]), (&"bad".into(), &"failed".into(), &2.into()));
    assert!(
        body["error"].as_str().unwrap().contains("客户") && body["scheduled_time"].as_str().unwrap().ends_with('Z'),
        "{body}"
    );
    wait_for(path, "count(*) >= 3 FROM system.runs WHERE status = 'failed'");
    // One per minute.
    assert_eq!(std::fs::read_to_string(told).unwrap(), "bad failed 2\n");
}

/// A server that dies between the end of a run and its notice, or while it sends, leaves the notice to the next one; two do not both send it.
#[test]
fn a_notice_outlives_its_server() {
    for step in ["schedule::ended", "notice::taken"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let directory =
            database(&format!("CREATE SCHEDULE once WITH (cron = '* * * * * *', on_success = '{url}') AS BEGIN SELECT 1; END"));
        let path = directory.path();
        let mut command = portrait();
        command.env("FAILPOINTS", format!("{step}=return")).arg("-d").arg(path).arg("schedule");
        let (code, said) = Running::start(&mut command).end();
        assert_eq!(code, None, "{step}: {said}");
        sql(path, "PAUSE SCHEDULE once");
        assert_eq!(rows(path, "SELECT about, receiver, status FROM system.notices"), ["succeeded,url,waiting"], "{step}");
        let (_first, _second) = (scheduling(path, &[]), scheduling(path, &[]));
        let (_, body) = receive(&listener, "200 OK");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&body["schedule"], &body["status"]), (&"once".into(), &"succeeded".into()), "{step}");
        wait_for(path, "count(*) = 1 FROM system.notices WHERE status = 'sent'");
        listener.set_nonblocking(true).unwrap();
        std::thread::sleep(Duration::from_secs(3));
        assert!(listener.accept().is_err(), "{step}: it came twice");
    }
}

#[test]
fn who_owns_a_schedule_is_who_runs_it() {
    let directory = database(
        "CREATE ROLE reader LOGIN PASSWORD 'see no log';
         CREATE TABLE t (a INT);
         CREATE SCHEDULE s WITH (cron = '@yearly') AS BEGIN INSERT INTO t VALUES (1); END;
         RUN SCHEDULE s; ALTER SCHEDULE s OWNER TO reader",
    );
    let path = directory.path();
    let (code, _, error) = run(portrait().arg("-d").arg(path).args(["-c", "RUN SCHEDULE s"]));
    assert!(code == 1 && error.contains("t: there is nothing of that name that reader may use"), "{error}");
    assert_eq!(rows(path, "SELECT count(*) FROM t"), ["1"]);
    assert_eq!(rows(path, "SELECT role FROM system.runs WHERE status = 'failed'"), ["reader"]);
    for (statement, problem) in [
        ("DROP ROLE reader", "reader: owns schedule s"),
        ("ALTER SCHEDULE s OWNER TO nobody", "nobody: no such role"),
        ("ALTER ROLE reader RENAME TO other; RUN SCHEDULE s", "there is nothing of that name that other may use"),
    ] {
        let (code, _, error) = run(portrait().arg("-d").arg(path).args(["-c", statement]));
        assert!(code == 1 && error.contains(problem), "{error}");
    }
}

#[test]
fn scripts_in_files_are_read_when_they_run() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, path) = (directory.path(), directory.path().join("db"));
    let script = folder.join("job.sql");
    let in_folder = |sql: &str| run(portrait().current_dir(folder).args(["-d", "db", "-f", "csv", "-c", sql]));
    let (code, _, error) = in_folder("CREATE SCHEDULE s WITH (cron = '@yearly') AS 'job.sql'");
    assert!(code == 1 && error.contains("job.sql: cannot be read from"), "{error}");
    std::fs::write(&script, "\u{feff}-- 脚本\nCREATE TABLE t AS SELECT 1 AS a;\n").unwrap();
    let (code, _, error) = in_folder("CREATE SCHEDULE s WITH (cron = '@yearly') AS 'job.sql'; RUN SCHEDULE s");
    assert_eq!(code, 0, "{error}");
    std::fs::write(&script, "-- 脚本\nINSERT INTO t VALUES (2);\n\nSELECT * FROM nothing;\n").unwrap();
    // From another folder it is the same file.
    let (code, _, error) = run(portrait().arg("-d").arg(&path).args(["-c", "RUN SCHEDULE s"]));
    assert!(code == 1 && error.contains("failed at line 4 of") && error.contains("nothing: no such table"), "{error}");
    assert_eq!(rows(&path, "SELECT line, statement FROM system.runs WHERE status = 'failed'"), ["4,SELECT * FROM nothing"]);
    // A dump has its full path.
    let (_, dump, _) = run(portrait().arg("-d").arg(&path).arg("dump"));
    assert!(dump.contains(&format!("AS '{}'", script.canonicalize().unwrap().display())), "{dump}");
}

#[test]
fn a_dump_makes_the_same_schedules() {
    let directory = database(
        "CREATE SCHEDULE a WITH (cron = '0 2 * * *', timezone = 'Asia/Shanghai', retries = 3) AS BEGIN -- 每日
            SELECT $scheduled_time, 'it''s', CASE WHEN true THEN 1 END; END;
         CREATE SCHEDULE b WITH (depends_on = [a, 报表], comment = 'x') AS $$ SELECT 1; $$;
         PAUSE SCHEDULE a"
            .replace("[a, 报表]", "a")
            .as_str(),
    );
    let (_, first, _) = run(portrait().arg("-d").arg(directory.path()).arg("dump"));
    assert!(first.contains("PAUSE SCHEDULE \"a\"") && first.contains("-- 每日"), "{first}");
    let second = database(&first);
    let (_, again, _) = run(portrait().arg("-d").arg(second.path()).arg("dump"));
    assert_eq!(again, first);
    assert_eq!(rows(second.path(), "SELECT name, state FROM system.schedules ORDER BY name"), ["a,paused", "b,active"]);
}

#[test]
fn clients_make_and_run_schedules() {
    let directory = database("CREATE TABLE log (at TIMESTAMP)");
    let mut command = portrait();
    command.arg("-d").arg(directory.path()).args(["serve", "--listen", "127.0.0.1:0", "--no-schedules"]);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _server = Running(process);
    let url = line.trim().strip_prefix("ready: ").unwrap().to_string();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config: tokio_postgres::Config = url.parse().unwrap();
        let (client, connection) = config.user("ada").connect(tokio_postgres::NoTls).await.unwrap();
        tokio::runtime::Handle::current().spawn(connection);
        // As one text, and prepared.
        client
            .batch_execute("SELECT 1; CREATE SCHEDULE s WITH (every = INTERVAL '1 minute') AS BEGIN INSERT INTO log SELECT $scheduled_time; SELECT 1; END")
            .await
            .unwrap();
        client.batch_execute("RUN SCHEDULE s").await.unwrap();
        client.execute("CREATE SCHEDULE t WITH (every = INTERVAL '1 minute') AS $$ SELECT 1; $$", &[]).await.unwrap();
        client.execute("RUN SCHEDULE t", &[]).await.unwrap();
        let rows = client.query("SELECT name, status, rows, role FROM system.runs ORDER BY run", &[]).await.unwrap();
        let told: Vec<(String, String, i64, String)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
        let row = |name: &str, rows| (name.to_string(), "succeeded".to_string(), rows, "ada".to_string());
        assert_eq!(told, [row("s", 2), row("t", 1)]);
        let error = client.execute("CREATE SCHEDULE u WITH (every = INTERVAL '1 minute') AS '/etc/passwd'", &[]).await.unwrap_err();
        assert!(error.as_db_error().unwrap().message().contains("/etc/passwd"), "{error:?}");
        // After a rollback, the schedule was never created.
        client.batch_execute("BEGIN; CREATE SCHEDULE v WITH (every = INTERVAL '1 minute') AS $$ SELECT 1; $$; ROLLBACK").await.unwrap();
        let listed = client.query("SHOW SCHEDULES", &[]).await.unwrap();
        assert_eq!(listed.iter().map(|row| row.get(0)).collect::<Vec<String>>(), ["s", "t"]);
    });
}

#[test]
fn portrait_run_retries_and_says_how_it_ended() {
    let directory = tempfile::tempdir().unwrap();
    let (database, script) = (directory.path().join("db"), directory.path().join("job.sql"));
    std::fs::write(&script, "CREATE TABLE IF NOT EXISTS tried (a INT);\nINSERT INTO tried VALUES (1);\nSELECT * FROM missing;\n")
        .unwrap();
    let job = |more: &[&str]| run(portrait().arg("-d").arg(&database).arg("run").arg(&script).args(more));
    let (code, _, error) = job(&["--retry", "1", "--log-format", "json"]);
    assert_eq!(code, 1, "{error}");
    // Each line is an event, also that there was no database.
    let events: Vec<serde_json::Value> = error.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let attempt = ["started", "statement", "statement", "failed"];
    assert_eq!(names, [&["note"][..], &attempt[..], &["retry"], &attempt[..]].concat());
    assert!(events[4]["error"].as_str().unwrap().contains("job.sql:3: missing: no such table"), "{error}");
    assert_eq!((&events[3]["rows"], &events[3]["line"], &events[3]["statement"]), (&1.into(), &2.into(), &"INSERT".into()));
    assert_eq!(rows(&database, "SELECT count(*) FROM tried"), ["2"]);
    // The text format says the same for people.
    let (code, _, error) = job(&[]);
    assert!(code == 1 && error.starts_with("error: ") && error.contains("job.sql:3: missing: no such table"), "{error}");
    // Timeouts.
    std::fs::write(&script, format!("{ENDLESS};")).unwrap();
    let began = Instant::now();
    let (code, _, error) = job(&["--timeout", "1s"]);
    assert!(
        code == 124 && error.contains("timeout: took longer than 1 s") && began.elapsed() < Duration::from_secs(20),
        "{code} {error}"
    );
    // One at a time.
    let mut first =
        portrait().arg("-d").arg(&database).arg("run").arg(&script).args(["--lock", "每日"]).spawn().map(Running).unwrap();
    let began = Instant::now();
    let other = directory.path().join("other.sql");
    std::fs::write(&other, "SELECT 1;").unwrap();
    let quick = |lock: &str| run(portrait().arg("-d").arg(&database).arg("run").arg(&other).args(["--lock", lock]));
    while quick("每日").0 != 75 {
        assert!(began.elapsed() < Duration::from_secs(20));
    }
    assert!(quick("每日").2.contains("locked: another run holds the lock 每日"));
    assert_eq!(quick("others").0, 0);
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    assert_eq!(quick("每日").0, 0, "a killed run holds nothing");
    let (code, _, error) = run(portrait().arg("run").arg(&other).args(["--lock", "x"]));
    assert!(code == 1 && error.contains("--lock: needs a database; add --database DIR"), "{error}");
    assert_eq!(job(&["--timeout", "soon"]).0, 2);
}

/// The jobs of the sample shop, run as schedules and by other schedulers.
#[test]
fn the_jobs_of_the_shop_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = tempfile::tempdir().unwrap();
    let (shop, path) = (directory.path().join("shop.sql"), directory.path().join("db"));
    let small = std::fs::read_to_string(root.join("sql/shop.sql")).unwrap().replace("000)", "00)");
    std::fs::write(&shop, small).unwrap();
    let in_root = |arguments: &[&str]| {
        let (code, out, error) = run(portrait().current_dir(root).arg("-d").arg(&path).args(arguments));
        assert_eq!(code, 0, "{error}");
        out
    };
    in_root(&["run", shop.to_str().unwrap(), "sql/tags/library.sql", "sql/tags/segments.sql", "sql/jobs/schedules.sql"]);
    for name in ["nightly", "hourly", "minute", "morning"] {
        in_root(&["-c", &format!("RUN SCHEDULE {name}")]);
    }
    assert_eq!(rows(&path, "SELECT name, status FROM system.runs WHERE schedule IS NOT NULL ORDER BY run").len(), 4);
    assert_eq!(rows(&path, "SELECT count(*) > 3 FROM segment_sizes"), ["true"]);
    assert_eq!(rows(&path, "SELECT count(*) FROM sales_by_hour"), ["1"]);
    let at = "scheduled_time:timestamp=2025-06-30 02:00:00";
    let job = ["run", "sql/jobs/hourly.sql", "--lock", "hourly", "--set", at];
    in_root(&job);
    in_root(&job);
    assert_eq!(rows(&path, "SELECT count(*) FROM sales_by_hour"), ["2"], "run again, it takes its own place");
}

#[test]
fn examples_for_other_schedulers_are_well_formed() {
    let jobs = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/jobs");
    let dag = jobs.join("airflow_nightly.py");
    let python = Command::new("python3").args(["-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())"]).arg(&dag).output();
    match python {
        Ok(parsed) => assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr)),
        Err(error) => skipped(&format!("python3: {error}; the DAG is not parsed")),
    }
    let known: BTreeSet<&str> = BTreeSet::from(["Unit", "Service", "Timer", "Install"]);
    let mut commands = vec![std::fs::read_to_string(dag).unwrap()];
    for file in ["portrait-nightly.service", "portrait-nightly.timer", "portrait-schedule.service"] {
        let text = std::fs::read_to_string(jobs.join(file)).unwrap();
        let mut section = String::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                Some(name) => {
                    assert!(known.contains(name), "{file}: {line}");
                    section = name.to_string();
                }
                None => assert!(
                    !section.is_empty() && line.split_once('=').is_some_and(|(key, _)| key.chars().all(char::is_alphanumeric)),
                    "{file}: {line}"
                ),
            }
        }
        commands.extend(text.lines().filter_map(|line| line.strip_prefix("ExecStart=")).map(str::to_string));
    }
    // Their flags exist in the program.
    let (_, help, _) = run(portrait().args(["run", "--help"]));
    let (_, more, _) = run(portrait().args(["schedule", "--help"]));
    for flag in commands.iter().flat_map(|text| text.split([' ', '"', '\''])).filter(|word| word.starts_with("--")) {
        assert!(help.contains(flag) || more.contains(flag), "{flag}");
    }
}
