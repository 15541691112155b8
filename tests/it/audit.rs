//! The audit log: a record is on disk before anybody gets a row, also with several processes and killed ones, and every manipulation is found.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use portraitdb::{Engine, EngineOptions, Environment, Session, restore};
use ring::digest::{SHA256, digest};

use crate::support::{portrait, rows, run, session_with, try_rows};

fn open(directory: &Path) -> (Engine, Session) {
    session_with(EngineOptions { database: Some(directory.to_path_buf()), ..EngineOptions::default() })
}

const CUSTOMERS: &str =
    "CREATE TABLE customers AS SELECT value AS id, '138' || (10000000 + value) AS phone FROM generate_series(1, 200000);
    ALTER TABLE customers ALTER COLUMN phone SET CLASS 'phone';";

fn customers() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("shop");
    let (engine, session) = open(&place);
    rows(&engine, &session, CUSTOMERS);
    (folder, place)
}

/// The lines of the log.
fn lines(place: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(place.join("audit.log")).unwrap_or_default();
    text.lines().map(str::to_string).collect()
}

/// The result of `portrait audit`: exit code and output.
fn verified(place: &Path, more: &[&str]) -> (i32, String) {
    let (code, out, errors) = run(portrait().arg("-d").arg(place).arg("audit").args(more));
    (code, format!("{out}{errors}"))
}

/// Checks the chain in the way the documentation describes.
fn check_by_hand(place: &Path) {
    let mut previous = "0".repeat(64);
    for (line, number) in lines(place).iter().zip(1..) {
        let (rest, hash) = line.rsplit_once(",\"hash\":\"").unwrap();
        let record = format!("{rest}}}");
        let own: String = digest(&SHA256, record.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(format!("{own}\"}}"), hash);
        let parsed: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((parsed["number"].as_u64(), parsed["previous"].as_str()), (Some(number), Some(previous.as_str())), "{line}");
        previous = own;
    }
}

#[test]
fn a_read_is_on_disk_before_its_first_row() {
    let (_folder, place) = customers();
    let mut child: Child = portrait()
        .arg("-d")
        .arg(&place)
        .args(["-f", "csv", "-c", "SELECT phone FROM customers"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    out.read_line(&mut first).unwrap();
    assert!(first.contains("138"), "{first}");
    // It waits until its rows are read.
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = vec![];
    out.read_to_end(&mut rest).unwrap();
    let (engine, session) = open(&place);
    let seen = "SELECT event, command, statement, object, columns, classes, rows, outcome FROM system.audit WHERE event = 'read' ORDER BY number";
    let records = rows(&engine, &session, seen);
    assert_eq!(records, ["read|SELECT|SELECT phone FROM customers|customers|phone|phone|NULL|NULL"]);
    rows(&engine, &session, "SELECT max(phone) FROM customers");
    let records = rows(&engine, &session, seen);
    assert_eq!(records[1], "read|SELECT|SELECT max(phone) FROM customers|customers|phone|phone|1|succeeded");
    assert_eq!(verified(&place, &[]).0, 0);
    check_by_hand(&place);
}

/// Whoever has the answer of a statement finds its end in the log, also when the server is killed at that moment.
#[test]
fn the_end_of_an_answered_statement_is_kept() {
    let (_folder, place) = customers();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let statements =
        [("SELECT max(phone) FROM customers", "read|SELECT|1|succeeded"), ("CREATE ROLE ann", "role|CREATE ROLE|0|succeeded")];
    for (sql, record) in statements {
        let mut command = portrait();
        command.arg("-d").arg(&place).args(["serve", "--listen", "127.0.0.1:0"]);
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let address = ready.trim().strip_prefix("ready: postgresql://").unwrap().strip_suffix("/portrait").unwrap();
        let port = address.rsplit_once(':').unwrap().1.parse().unwrap();
        runtime.block_on(async {
            let mut config = tokio_postgres::Config::new();
            config.host("127.0.0.1").port(port).user("ada").dbname("portrait");
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
            tokio::runtime::Handle::current().spawn(connection);
            client.simple_query(sql).await.unwrap();
            server.kill().unwrap();
        });
        server.wait().unwrap();
        let (engine, session) = open(&place);
        let seen = "SELECT event, command, rows, outcome FROM system.audit ORDER BY number DESC LIMIT 1";
        assert_eq!(rows(&engine, &session, seen), [record], "{sql}");
        assert_eq!(verified(&place, &[]).0, 0);
    }
}

#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn killed_writers_leave_a_whole_chain() {
    let (_folder, place) = customers();
    let script = "SELECT max(phone) FROM customers;".repeat(200);
    let start =
        || portrait().arg("-d").arg(&place).args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut before = 0;
    for round in 0..4 {
        let mut children: Vec<Child> = (0..3).map(|_| start()).collect();
        let began = std::time::Instant::now();
        // Killed in the middle of their work, at a different time in each round.
        while lines(&place).len() < before + 20 + 7 * round && began.elapsed().as_secs() < 60 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let found = lines(&place).len();
        assert!(found >= before + 20, "round {round}: {found}");
        before = found;
        let (code, told) = verified(&place, &[]);
        assert_eq!(code, 0, "{told}");
    }
    check_by_hand(&place);
}

#[test]
fn what_is_done_to_the_log_shows() {
    let (_folder, place) = customers();
    let (engine, session) = open(&place);
    for _ in 0..4 {
        rows(&engine, &session, "SELECT count(phone) FROM customers");
    }
    drop((session, engine));
    let log = place.join("audit.log");
    let whole = lines(&place);
    assert_eq!(whole.len(), 10);
    let (code, told) = verified(&place, &[]);
    let last = told.lines().find_map(|line| line.strip_prefix("last: ")).unwrap().split(' ').next().unwrap().to_string();
    assert!(code == 0 && told.starts_with("whole: 10 records") && last.starts_with("10:"), "{told}");
    let write =
        |lines: &[String]| std::fs::write(&log, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let changed = |lines: &[String], more: &[&str]| {
        write(lines);
        let (code, told) = verified(&place, more);
        assert_eq!(code, 1, "{told}");
        told
    };
    let mut lines = whole.clone();
    lines[2] = lines[2].replace("\"phone\":\"phone\"", "\"phone\":\"other\"");
    assert!(changed(&lines, &[]).starts_with("record 3: is not what was written\n"));
    // `portrait check` finds it, too.
    let (code, out, _) = run(portrait().arg("-d").arg(&place).arg("check"));
    assert!(code == 1 && out.contains("damaged: audit: audit.log: record 3 is not what was written"), "{out}");
    let mut lines = whole.clone();
    lines.remove(6);
    assert!(changed(&lines, &[]).starts_with("record 7: is missing\n"));
    assert!(changed(&whole[..8], &[]).starts_with("record 9: is missing\n"));
    // If the head is removed as well, whoever noted the last record can still prove it.
    std::fs::remove_file(place.join("audit.head")).unwrap();
    write(&whole[..8]);
    assert_eq!(verified(&place, &[]).0, 0);
    assert!(changed(&whole[..8], &["--expect", &last]).starts_with("record 9: is missing, and all up to record 10\n"));
    write(&whole);
    assert_eq!(verified(&place, &["--expect", &last]).0, 0);
    let (code, _, errors) = run(portrait().arg("-d").arg(&place).args(["audit", "--expect", "10"]));
    assert!(code == 2 && errors.contains("a number, a colon"), "{errors}");
}

#[test]
fn nobody_without_the_key_can_write_a_keyed_chain() {
    use base64::Engine as _;
    let (_folder, place) = customers();
    let key = place.with_extension("key");
    let secret = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    std::fs::write(&key, format!("v1:{secret}\n")).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let environment = Environment::default().with("PORTRAIT_AUDIT_KEY_FILE", key.to_str().unwrap());
    let options = EngineOptions { database: Some(place.clone()), environment, ..EngineOptions::default() };
    let (engine, session) = session_with(options);
    rows(&engine, &session, "SELECT count(phone) FROM customers");
    assert!(engine.verify_audit(None).unwrap().problems.is_empty());
    assert!(lines(&place).iter().skip(2).all(|line| line.contains("\"key\":\"v1\"") && !line.contains(&secret)));
    let (code, told) = verified(&place, &[]);
    assert!(code == 1 && told.contains("cannot be verified: PORTRAIT_AUDIT_KEY_FILE must name the file"), "{told}");
    let (code, out, errors) = run(portrait().env("PORTRAIT_AUDIT_KEY_FILE", &key).arg("-d").arg(&place).arg("audit"));
    assert!(code == 0 && out.starts_with("whole: 4 records, 2 of them with a key"), "{out}{errors}");
    // Without the key, the program refuses to continue.
    let (code, _, errors) = run(portrait().env("PORTRAIT_AUDIT_KEY_FILE", "/no/such.key").arg("-d").arg(&place).arg("audit"));
    assert!(code == 1 && errors.contains("cannot be read"), "{errors}");
}

#[test]
fn what_cannot_be_recorded_is_not_done() {
    let (_folder, place) = customers();
    let (engine, session) = open(&place);
    // A folder in place of the log cannot be appended to.
    std::fs::rename(place.join("audit.log"), place.join("kept")).unwrap();
    std::fs::create_dir(place.join("audit.log")).unwrap();
    let refused = try_rows(&engine, &session, "SELECT phone FROM customers").unwrap_err();
    assert!(refused.contains("what cannot be recorded is not done"), "{refused}");
    assert!(!refused.contains("138"));
    assert_eq!(rows(&engine, &session, "SELECT count(id) FROM customers"), ["200000"]);
    std::fs::remove_dir(place.join("audit.log")).unwrap();
    std::fs::rename(place.join("kept"), place.join("audit.log")).unwrap();
    assert_eq!(rows(&engine, &session, "SELECT count(phone) FROM customers"), ["200000"]);
    assert_eq!(verified(&place, &[]).0, 0);
}

#[test]
fn a_backup_has_the_log_and_a_copy_goes_on_with_it() {
    let (folder, place) = customers();
    let (engine, session) = open(&place);
    rows(&engine, &session, "SELECT count(phone) FROM customers");
    let archive = folder.path().join("shop.backup");
    rows(&engine, &session, &format!("BACKUP DATABASE TO '{}'", archive.display()));
    rows(&engine, &session, "SELECT count(phone) FROM customers");
    let copy = folder.path().join("copy");
    restore(&archive, &copy, &|_, _| true).unwrap();
    let (restored, session) = open(&copy);
    let events = rows(&restored, &session, "SELECT event, command, outcome FROM system.audit ORDER BY number");
    assert_eq!(events, ["policy|ALTER TABLE|succeeded", "read|SELECT|succeeded", "export|BACKUP|NULL"]);
    rows(&restored, &session, "SELECT count(phone) FROM customers");
    assert_eq!((verified(&copy, &[]).0, verified(&place, &[]).0), (0, 0));
    check_by_hand(&copy);
}

#[test]
fn who_reads_over_a_connection_is_named_with_the_client() {
    let (_folder, place) = customers();
    let (engine, session) = open(&place);
    let sql = "CREATE ROLE ann LOGIN PASSWORD 'a long one'; GRANT SELECT ON customers TO ann";
    rows(&engine, &session, sql);
    let session = engine.session().unwrap().with_role("ann");
    rows(&engine, &session, "SET portrait.purpose = 'service'; SELECT phone FROM customers WHERE phone = '13810000007'");
    let seen = rows(
        &engine,
        &engine.session().unwrap(),
        "SELECT role, login, purpose, statement, rows FROM system.audit WHERE event = 'read'",
    );
    assert_eq!(seen, ["ann|ann|service|SELECT phone FROM customers WHERE phone = ?|1"]);
    // The log contains no value of any statement.
    assert!(lines(&place).iter().all(|line| !line.contains("13810000007") && !line.contains("a long one")));
}
