//! Encrypted databases: no file contains any of their contents in clear, results are those of an unencrypted database, and without the right
//! key there is an error before anything happens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use portraitdb::{Engine, EngineOptions, MasterKeys, Session, key_line, message, restore, restore_encrypted};

use crate::support::{portrait, rows, run, session_with, some, try_rows};

/// Texts that cannot appear anywhere by chance.
const NAME: &str = "Qwertzuiop Asdfghjkl";
const PHONE: &str = "13912345678";
const CHINESE: &str = "欧阳测试者";
const LITERAL: &str = "yxcvbnm@example.org";
const CANARIES: [&str; 4] = [NAME, PHONE, CHINESE, LITERAL];

fn keys(ids: &[&str]) -> String {
    ids.iter().map(|id| key_line(id).unwrap().as_str().to_string()).collect()
}

fn with(directory: &Path, keys: &str) -> EngineOptions {
    let keys = (!keys.is_empty()).then(|| MasterKeys::given("PORTRAIT_KEY", keys));
    EngineOptions { database: Some(directory.to_path_buf()), keys, ..EngineOptions::default() }
}

fn encrypted(directory: &Path, keys: &str) -> (Engine, Session) {
    session_with(EngineOptions { encrypt: true, ..with(directory, keys) })
}

fn open(directory: &Path, keys: &str) -> (Engine, Session) {
    session_with(with(directory, keys))
}

fn refused(options: EngineOptions) -> String {
    match Engine::open(options) {
        Ok(_) => panic!("was opened"),
        Err(error) => message(&error),
    }
}

/// All files in a folder and the folders in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in folder.read_dir().unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else if let Ok(bytes) = std::fs::read(entry.path()) {
            found.insert(entry.path(), bytes);
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The canaries found in the files of a folder.
fn in_clear(folder: &Path) -> Vec<String> {
    let mut found = vec![];
    for (path, bytes) in files(folder) {
        found.extend(CANARIES.iter().filter(|text| holds(&bytes, text)).map(|text| format!("{text} in {}", path.display())));
    }
    found
}

/// Typical statements, with canaries in every place for a value. Some of them fail.
fn live(engine: &Engine, session: &Session) {
    let script = format!(
        "CREATE TABLE customers AS SELECT value AS id, '{NAME}' AS name, '{PHONE}' AS phone, '{CHINESE}' AS nick, value % 7 AS band
            FROM generate_series(1, 500);
        CREATE TABLE orders AS SELECT value AS id, 1 + value % 500 AS customer, value * 1.5 AS amount FROM generate_series(1, 2000);
        INSERT INTO customers VALUES (501, '{NAME}', '{PHONE}', '{CHINESE}', 1);
        UPDATE customers SET name = '{NAME} 2' WHERE id = 7;
        DELETE FROM customers WHERE id = 9 AND phone = '{PHONE}';
        COMMENT ON TABLE customers IS 'asked {LITERAL} about it';
        COMMENT ON COLUMN customers.phone IS 'as {LITERAL} says';
        CREATE VIEW ours AS SELECT * FROM customers WHERE name = '{NAME}' OR phone <> '{LITERAL}';
        CREATE PROFILE customer WITH (key = 'id') AS SELECT id, name, phone, nick, band FROM customers;
        CREATE TAG spent ON customer AS SELECT customer, sum(amount) FROM orders GROUP BY customer;
        CREATE TAG who ON customer AS SELECT id, CASE WHEN nick = '{CHINESE}' THEN '{CHINESE}' ELSE '{LITERAL}' END FROM customers;
        CREATE SEGMENT of_name ON customer AS name = '{NAME}';
        REFRESH PROFILE customer WITH (as_of = DATE '2025-06-30');
        INSERT INTO customers VALUES (502, '{NAME} 3', '{PHONE}', '{CHINESE}', 2);
        REFRESH PROFILE customer WITH (as_of = DATE '2025-07-01');
        CREATE CHECK named ON customers AS name <> '{NAME}';
        CREATE FUNCTION ours_of(band BIGINT) AS SELECT * FROM customers WHERE band = $band AND name <> '{LITERAL}';
        CREATE SCHEDULE nightly WITH (every = '1 day') AS BEGIN SELECT '{LITERAL}'; SELECT CAST('{PHONE}x{NAME}' AS INTEGER); END"
    );
    rows(engine, session, &script);
    rows(
        engine,
        session,
        "CREATE MODEL groups WITH (type = 'kprototypes', key = 'id', n_clusters = 2, random_state = 7) AS SELECT id, band, nick FROM customers",
    );
    let _ = try_rows(engine, session, "CHECK TABLE customers");
    assert!(!rows(engine, session, "SELECT * FROM system.check_results").is_empty());
    for failing in [
        "RUN SCHEDULE nightly".to_string(),
        format!("SELECT CAST('{PHONE}x{LITERAL}' AS INTEGER)"),
        format!("INSERT INTO customers SELECT 1, '{NAME}', '{PHONE}', '{CHINESE}', 1 / (value - 1) FROM generate_series(1, 2)"),
        format!("CREATE TABLE broken AS SELECT CAST(name AS INTEGER) AS n FROM customers WHERE name <> '{LITERAL}'"),
        format!("CREATE VIEW broken AS SELECT nothing FROM customers WHERE name = '{LITERAL}'"),
        format!(
            "CREATE OR REPLACE TAG who ON customer AS SELECT id, CAST(name || '{LITERAL}' AS INTEGER) FROM customers; REFRESH PROFILE customer"
        ),
    ] {
        assert!(try_rows(engine, session, &failing).is_err(), "{failing}");
    }
    rows(engine, session, &format!("BEGIN; INSERT INTO customers VALUES (600, '{NAME}', '{PHONE}', '{CHINESE}', 3); ROLLBACK"));
    rows(
        engine,
        session,
        &format!(
            "BEGIN; INSERT INTO customers VALUES (601, '{NAME}', '{PHONE}', '{CHINESE}', 3);
            CREATE VIEW later AS SELECT '{LITERAL}' AS mail FROM customers; COMMIT"
        ),
    );
}

const QUESTIONS: [&str; 10] = [
    "SELECT count(*), min(name), max(name), count(DISTINCT phone), sum(band) FROM customers",
    "SELECT id, name, phone, nick FROM customers WHERE id IN (1, 7, 9, 501, 502, 601) ORDER BY id",
    "SELECT id, name, spent, who FROM profile.customer ORDER BY id LIMIT 20",
    "SELECT count(*) FROM segment.of_name",
    "SELECT tag, count(*), min(value), max(value) FROM profile.customer_history GROUP BY tag ORDER BY tag",
    "SELECT count(*), count(who) FROM profile.customer FOR SYSTEM_TIME AS OF TIMESTAMP '2025-07-01 00:00:00'",
    "SELECT kind, name, version, definition FROM system.versions ORDER BY 1, 2, 3",
    "SELECT kind, name, status, message FROM system.runs ORDER BY started_at, kind, name",
    "SELECT count(*), min(mail) FROM later",
    "SELECT cluster_id, count(*) FROM ml_predict(groups, (SELECT id, band, nick FROM customers)) GROUP BY cluster_id ORDER BY 1",
];

#[test]
fn nothing_is_in_clear_and_answers_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, secret) = (folder.path().join("plain"), folder.path().join("secret"));
    let text = keys(&["a"]);
    let (engine, session) = session_with(with(&plain, ""));
    live(&engine, &session);
    {
        let (other, others) = encrypted(&secret, &text);
        live(&other, &others);
        // While the database is open, the catalog's log exists as well.
        assert_eq!(in_clear(&secret), Vec::<String>::new());
        for question in QUESTIONS {
            assert_eq!(rows(&other, &others, question), rows(&engine, &session, question), "{question}");
        }
        assert!(other.check().unwrap().findings.is_empty(), "{:?}", other.check().unwrap().findings);
    }
    assert_eq!(in_clear(&secret), Vec::<String>::new());
    // In an unencrypted database they are found, which proves that the search works.
    let shown = in_clear(&plain);
    assert!(CANARIES.iter().all(|text| shown.iter().any(|found| found.starts_with(text))), "{shown:?}");
    let (other, others) = open(&secret, &text);
    for question in QUESTIONS {
        assert_eq!(rows(&other, &others, question), rows(&engine, &session, question), "{question}");
    }
    // A printed plan contains no key.
    let plan = rows(&other, &others, "EXPLAIN VERBOSE SELECT * FROM customers").join("\n");
    assert!(!plan.contains("key_as_hex") && !plan.contains("footer_key"), "{plan}");
    // Keys appear nowhere.
    let key = text.trim().split_once(':').unwrap().1;
    assert!(files(&secret).values().all(|bytes| !holds(bytes, key)));
}

#[test]
fn the_audit_log_is_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let (place, text) = (folder.path().join("crm"), keys(&["a"]));
    let (engine, session) = encrypted(&place, &text);
    rows(
        &engine,
        &session,
        &format!(
            "CREATE TABLE visitors AS SELECT 1 AS id, '{PHONE}' AS phone; ALTER TABLE visitors ALTER COLUMN phone SET CLASS 'phone';
            SELECT phone AS \"{NAME}\" FROM visitors; ALTER SYSTEM SET portrait.audit = 'read'"
        ),
    );
    let seen = "SELECT event, command, object, columns FROM system.audit ORDER BY number";
    let expected = ["policy|ALTER TABLE|visitors|NULL", "read|SELECT|visitors|phone", "setting|ALTER SYSTEM|NULL|NULL"];
    assert_eq!(rows(&engine, &session, seen), expected);
    let log = std::fs::read_to_string(place.join("audit.log")).unwrap();
    assert!(log.lines().all(|line| line.contains("\"sealed\":\"")), "{log}");
    assert!([NAME, "visitors", "phone"].iter().all(|text| !log.contains(text)), "{log}");
    // The log stays readable when the key of the database is another.
    engine.rotate_key(None).unwrap();
    drop((session, engine));
    let (engine, session) = open(&place, &text);
    assert_eq!(rows(&engine, &session, seen), expected);
    rows(&engine, &session, "ALTER TABLE visitors ALTER COLUMN id SET CLASS 'key'; SELECT phone FROM visitors");
    assert_eq!(rows(&engine, &session, seen)[3..], ["read|SELECT|visitors|phone"]);
    assert!(engine.verify_audit(None).unwrap().problems.is_empty() && engine.check().unwrap().findings.is_empty());
    let archive = folder.path().join("crm.backup");
    engine.back_up(&archive, &|_, _| true).unwrap();
    let copy = folder.path().join("copy");
    restore(&archive, &copy, &|_, _| true).unwrap();
    let (engine, session) = open(&copy, &text);
    assert_eq!(rows(&engine, &session, seen).len(), 4);
}

#[test]
fn a_database_becomes_encrypted_in_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, secret, archive) =
        (folder.path().join("plain"), folder.path().join("secret"), folder.path().join("plain.backup"));
    let text = keys(&["a", "b"]);
    let masters = MasterKeys::given("PORTRAIT_KEY", text.as_str());
    let (engine, session) = session_with(with(&plain, ""));
    live(&engine, &session);
    engine.back_up(&archive, &|_, _| true).unwrap();
    let told = message(&restore_encrypted(&archive, &secret, &masters, Some("c"), &|_, _| true).unwrap_err());
    assert!(told.contains("has no key c") && !secret.exists(), "{told}");
    restore_encrypted(&archive, &secret, &masters, Some("a"), &|_, _| true).unwrap();
    assert_eq!(in_clear(&secret), Vec::<String>::new());
    assert!(refused(with(&secret, "")).contains("is encrypted with master key a, and no key was given"));
    let (other, others) = open(&secret, &text);
    for question in QUESTIONS {
        assert_eq!(rows(&other, &others, question), rows(&engine, &session, question), "{question}");
    }
    assert!(other.check().unwrap().findings.is_empty(), "{:?}", other.check().unwrap().findings);
    // It goes on as any other.
    rows(&other, &others, &format!("INSERT INTO customers VALUES (700, '{NAME}', '{PHONE}', '{CHINESE}', 1)"));
    assert_eq!(rows(&other, &others, "SELECT count(*) FROM customers WHERE id = 700"), ["1"]);
    assert_eq!(other.rotate_key(None).unwrap(), "b");
    let again = folder.path().join("secret.backup");
    other.back_up(&again, &|_, _| true).unwrap();
    drop((others, other));
    assert_eq!(in_clear(&secret), Vec::<String>::new());
    let copy = folder.path().join("copy");
    let told = message(&restore_encrypted(&again, &copy, &masters, None, &|_, _| true).unwrap_err());
    assert!(told.contains("is encrypted already") && !copy.exists(), "{told}");
}

/// What people write into the reason of an erasure is encrypted, also when an earlier program has stored it in clear.
#[test]
fn receipts_of_erasures_are_encrypted() {
    const OLD: &str = "as in letter Qwertzuiop-22";
    let folder = tempfile::tempdir().unwrap();
    let (secret, archive, copy) = (folder.path().join("secret"), folder.path().join("backup"), folder.path().join("copy"));
    let text = keys(&["a"]);
    {
        let (engine, session) = encrypted(&secret, &text);
        live(&engine, &session);
        rows(&engine, &session, &format!("ERASE SUBJECT 502 FROM PROFILE customer WITH (reason = 'asked by {LITERAL}')"));
        assert_eq!(in_clear(&secret), Vec::<String>::new());
        assert_eq!(rows(&engine, &session, "SELECT reason FROM system.erasures"), [format!("asked by {LITERAL}")]);
        let erased = "SELECT object FROM system.erased_objects WHERE state = 'erased'";
        assert!(rows(&engine, &session, erased).contains(&"table customers".to_string()));
        assert!(engine.check().unwrap().findings.is_empty());
    }
    // The database as the program before has left it.
    let clear = |database: &Path| -> (i64, String) {
        let catalog = rusqlite::Connection::open(database.join("catalog.sqlite")).unwrap();
        let version = catalog.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        (version, catalog.query_row("SELECT reason FROM erasures", [], |row| row.get(0)).unwrap())
    };
    let newest = clear(&secret).0;
    let catalog = rusqlite::Connection::open(secret.join("catalog.sqlite")).unwrap();
    catalog.execute("UPDATE erasures SET reason = ?1", [OLD]).unwrap();
    catalog.execute("UPDATE erased_objects SET object = 'table customers'", []).unwrap();
    catalog.execute_batch("PRAGMA user_version = 21").unwrap();
    drop(catalog);
    let seen = |database: &Path, text: &str| {
        let (engine, session) = open(database, text);
        assert_eq!(rows(&engine, &session, "SELECT reason FROM system.erasures"), [OLD]);
        assert_eq!(rows(&engine, &session, "SELECT DISTINCT object FROM system.erased_objects"), ["table customers"]);
        assert!(engine.check().unwrap().findings.is_empty());
    };
    seen(&secret, &text);
    assert!(clear(&secret).0 == newest && clear(&secret).1 != OLD);
    // A new key encrypts them anew.
    let both = format!("{text}{}", keys(&["b"]));
    let (engine, session) = open(&secret, &both);
    assert_eq!(engine.rotate_key(Some("b")).unwrap(), "b");
    engine.back_up(&archive, &|_, _| true).unwrap();
    drop((engine, session));
    restore(&archive, &copy, &|_, _| true).unwrap();
    for database in [&secret, &copy] {
        seen(database, &both);
        assert!(files(database).values().all(|bytes| !holds(bytes, OLD)));
    }
}

#[test]
fn whoever_has_no_key_is_told_and_nothing_happens() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("crm");
    let text = keys(&["2026-11"]);
    assert!(refused(EngineOptions { encrypt: true, ..with(&place, "") }).contains("needs a master key"));
    let bad = "2026-11:c2hvcnQ=";
    assert!(refused(EngineOptions { encrypt: true, ..with(&place, bad) }).contains("line 1: the key must be 32 bytes in base64"));
    assert!(!place.exists(), "nothing was made");
    drop(encrypted(&place, &text));
    let before = files(&place);
    let told = refused(with(&place, ""));
    assert!(
        told.contains("crm: is encrypted with master key 2026-11, and no key was given; name where it is with --key-file"),
        "{told}"
    );
    let told = refused(with(&place, &keys(&["2026-12"])));
    assert!(told.contains("has no key 2026-11, which the database is encrypted with; it has 2026-12"), "{told}");
    let told = refused(with(&place, &keys(&["2026-11"])));
    assert!(told.contains("crm: cannot be decrypted: PORTRAIT_KEY: key 2026-11 is not the one"), "{told}");
    assert!(files(&place) == before, "refused openings leave every file as it was");
    let (engine, session) = open(&place, &text);
    assert_eq!(rows(&engine, &session, "CREATE TABLE t AS SELECT 1 AS a; SELECT * FROM t"), ["1"]);
    // An unencrypted database does not become encrypted by opening it with a key.
    let other = folder.path().join("plain");
    drop(open(&other, &text));
    assert!(refused(EngineOptions { encrypt: true, ..with(&other, &text) }).contains("holds a database that is not encrypted"));
    assert!(
        refused(EngineOptions { encrypt: true, database: None, ..with(&other, &text) }).contains("needs a database directory")
    );
}

#[test]
fn keys_rotate_without_writing_the_files_anew() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("crm");
    let (old, new) = (keys(&["old"]), keys(&["new"]));
    let both = format!("{old}{new}");
    let (engine, session) = encrypted(&place, &old);
    live(&engine, &session);
    let expected: Vec<_> = QUESTIONS.iter().map(|question| rows(&engine, &session, question)).collect();
    drop((session, engine));
    let archive = folder.path().join("before.backup");
    let (engine, session) = open(&place, &both);
    engine.back_up(&archive, &|_, _| true).unwrap();
    // Another process that has it open continues, and its transaction can be committed.
    let (other, others) = open(&place, &both);
    rows(&other, &others, "BEGIN; INSERT INTO orders VALUES (3000, 1, 1.5)");
    let data = files(&place.join("data"));
    assert_eq!(engine.master_key().unwrap().as_deref(), Some("old"));
    assert_eq!(engine.rotate_key(None).unwrap(), "new");
    assert_eq!(engine.master_key().unwrap().as_deref(), Some("new"));
    assert!(data.iter().all(|(path, bytes)| std::fs::read(path).unwrap() == *bytes));
    rows(&other, &others, "COMMIT");
    assert_eq!(rows(&engine, &session, "SELECT count(*) FROM orders"), ["2001"]);
    drop((session, engine, others, other));
    assert_eq!(in_clear(&place), Vec::<String>::new());
    let told = refused(with(&place, &old));
    assert!(told.contains("has no key new, which the database is encrypted with; it has old"), "{told}");
    let (engine, session) = open(&place, &new);
    for (question, expected) in QUESTIONS.iter().zip(&expected) {
        assert_eq!(rows(&engine, &session, question), *expected, "{question}");
    }
    assert!(engine.check().unwrap().findings.is_empty());
    // The backup from before still needs the old one.
    let copy = folder.path().join("copy");
    restore(&archive, &copy, &|_, _| true).unwrap();
    assert!(refused(with(&copy, &new)).contains("has no key old"));
    let (engine, session) = open(&copy, &old);
    assert_eq!(rows(&engine, &session, QUESTIONS[0]), expected[0]);
    assert_eq!(in_clear(folder.path()), Vec::<String>::new());
    assert!(
        message(&session_with(with(&folder.path().join("plain"), &old)).0.rotate_key(None).unwrap_err())
            .contains("is not encrypted")
    );
}

#[test]
fn a_flipped_bit_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (place, archive) = (folder.path().join("crm"), folder.path().join("crm.backup"));
    let text = keys(&["a"]);
    let (engine, session) = encrypted(&place, &text);
    let rows_of = format!("SELECT value AS id, '{NAME}' || value AS name FROM generate_series(1, 3000)");
    rows(&engine, &session, &format!("CREATE TABLE t AS {rows_of}; CREATE VIEW v AS SELECT '{LITERAL}' AS mail, * FROM t"));
    engine.back_up(&archive, &|_, _| true).unwrap();
    drop((session, engine));
    let (path, bytes) = files(&place.join("data")).pop_first().unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    for place_of_bit in (0..bytes.len() * 8).step_by(bytes.len() * 8 / 40) {
        let mut flipped = bytes.clone();
        flipped[place_of_bit / 8] ^= 1 << (place_of_bit % 8);
        std::fs::write(&path, flipped).unwrap();
        let (engine, session) = open(&place, &text);
        let told = try_rows(&engine, &session, "SELECT count(name) FROM t").unwrap_err();
        assert!(told.contains(&name) && told.contains("is damaged"), "bit {place_of_bit}: {told}");
    }
    std::fs::write(&path, &bytes).unwrap();
    // Values of the catalog: the definition of the view, and the key of the file.
    let catalog = place.join("catalog.sqlite");
    for (table, column) in [("versions", "sql"), ("files", "key"), ("database_keys", "wrapped")] {
        let kept = std::fs::read(&catalog).unwrap();
        let sqlite = rusqlite::Connection::open(&catalog).unwrap();
        let query = format!("SELECT rowid, {column} FROM {table} ORDER BY rowid DESC LIMIT 1");
        let (row, value): (i64, String) = sqlite.query_row(&query, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let last = value.trim_end_matches('=').len() - 5;
        let other = if &value[last..=last] == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &value[..last], &value[last + 1..]);
        sqlite.execute(&format!("UPDATE {table} SET {column} = ?2 WHERE rowid = ?1"), rusqlite::params![row, changed]).unwrap();
        drop(sqlite);
        let told = match Engine::open(with(&place, &text)) {
            Err(error) => message(&error),
            Ok(engine) => {
                let session = engine.session().unwrap();
                let told = try_rows(&engine, &session, "SELECT count(*) FROM v").unwrap_err();
                assert!(engine.check().is_err() || !engine.check().unwrap().findings.is_empty());
                told
            }
        };
        let expected = if table == "database_keys" { "cannot be decrypted" } else { "catalog.sqlite is damaged" };
        assert!(told.contains(expected), "{table}: {told}");
        std::fs::write(&catalog, kept).unwrap();
        let (engine, session) = open(&place, &text);
        assert_eq!(rows(&engine, &session, "SELECT count(*), min(mail) FROM v"), [format!("3000|{LITERAL}")]);
    }
    // A value cannot be moved to another row.
    let kept = std::fs::read(&catalog).unwrap();
    let sqlite = rusqlite::Connection::open(&catalog).unwrap();
    sqlite.execute("UPDATE versions SET sql = (SELECT sql FROM versions ORDER BY object LIMIT 1)", []).unwrap();
    drop(sqlite);
    let (engine, session) = open(&place, &text);
    let told = try_rows(&engine, &session, "SELECT count(*) FROM v").unwrap_err();
    assert!(told.contains("catalog.sqlite is damaged: versions.sql of row"), "{told}");
    drop((session, engine));
    std::fs::write(&catalog, kept).unwrap();
    // The archive.
    let bytes = std::fs::read(&archive).unwrap();
    for place_of_bit in (0..bytes.len() * 8).step_by(bytes.len() * 8 / 20) {
        let mut flipped = bytes.clone();
        flipped[place_of_bit / 8] ^= 1 << (place_of_bit % 8);
        std::fs::write(&archive, flipped).unwrap();
        match restore(&archive, &folder.path().join("copy"), &|_, _| true) {
            Err(error) => assert!(message(&error).contains("crm.backup"), "bit {place_of_bit}: {}", message(&error)),
            // Padding is not part of the saved data.
            Ok(_) => std::fs::remove_dir_all(folder.path().join("copy")).unwrap(),
        }
    }
}

#[test]
fn a_killed_process_leaves_nothing_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let (place, temporary, key_file) =
        (folder.path().join("crm"), folder.path().join("temporary"), folder.path().join("crm.keys"));
    std::fs::create_dir(&temporary).unwrap();
    let program = || {
        let mut command = portrait();
        command.env("TMPDIR", &temporary).env("PORTRAIT_KEY_FILE", &key_file).env_remove("PORTRAIT_KEY");
        command
    };
    let (code, out, errors) = run(program().arg("generate-key"));
    assert!(code == 0 && out.starts_with("made: master key key-1 in ") && errors.is_empty(), "{out}{errors}");
    let (code, out, errors) = run(program().args(["init", "--encrypt"]).arg(&place));
    assert!(code == 0 && out.contains("encrypted with master key key-1"), "{out}{errors}");
    let (code, _, errors) = run(program().args(["init", "--encrypt"]).arg(&place));
    assert!(code == 1 && errors.contains("there is a database in"), "{errors}");
    let made =
        format!("CREATE TABLE t AS SELECT value AS id, '{NAME}' AS name, '{PHONE}' AS phone FROM generate_series(1, 1000)");
    let (code, _, errors) = run(program().arg("-d").arg(&place).args(["-c", &made]));
    assert_eq!(code, 0, "{errors}");
    for point in ["table::written", "table::finished", "table::synced", "table::published"] {
        let insert = format!("INSERT INTO t SELECT value, '{NAME}', '{PHONE}' FROM generate_series(1, 1000)");
        let (code, ..) = run(program().env("FAILPOINTS", format!("{point}=return")).arg("-d").arg(&place).args(["-c", &insert]));
        assert_ne!(code, 0, "{point}");
        assert_eq!(in_clear(folder.path()), Vec::<String>::new(), "{point}");
    }
    let (code, out, errors) = run(program().arg("-d").arg(&place).args(["-f", "csv", "-c", "SELECT count(*), min(name) FROM t"]));
    assert!(code == 0 && out.contains(&format!("2000,{NAME}")), "{out}{errors}");
    // A second key, to which the database is rotated.
    let (code, _, errors) = run(program().args(["generate-key", "key-2"]));
    assert_eq!(code, 0, "{errors}");
    let (code, out, errors) = run(program().arg("-d").arg(&place).arg("rotate-key"));
    assert!(code == 0 && out.contains("is encrypted with master key key-2; it was with key-1"), "{out}{errors}");
    let (code, _, errors) = run(program().env_remove("PORTRAIT_KEY_FILE").arg("-d").arg(&place).args(["-c", "SELECT 1"]));
    assert!(code == 1 && errors.contains("is encrypted with master key key-2, and no key was given"), "{errors}");
    let command = format!("cat '{}'", key_file.display());
    let printed = || {
        let mut command_line = program();
        command_line.env_remove("PORTRAIT_KEY_FILE").args(["--key-command", &command, "-d"]).arg(&place);
        command_line
    };
    let (code, _, errors) = run(printed().args(["-c", "SELECT 1"]));
    assert_eq!(code, 0, "{errors}");
    let text = std::fs::read_to_string(&key_file).unwrap();
    let (code, _, errors) =
        run(program().env_remove("PORTRAIT_KEY_FILE").env("PORTRAIT_KEY", &text).arg("-d").arg(&place).args(["-c", "SELECT 1"]));
    assert_eq!(code, 0, "{errors}");
    let (_, help, _) = run(program().env_remove("PORTRAIT_KEY_FILE").env("PORTRAIT_KEY", &text).arg("--help"));
    assert!(text.lines().all(|line| !help.contains(line.split_once(':').unwrap().1)), "{help}");
}

/// Killed at any step of a rotation, the database is wrapped by the old or by the new key, is read with that one, and can be rotated again.
#[test]
fn a_killed_rotation_leaves_a_readable_database() {
    for (step, is_new) in [("rotate::added", false), ("rotate::sealed", false), ("rotate::committed", true)] {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("crm");
        let (old, new) = (keys(&["old"]), keys(&["new"]));
        let (engine, session) = encrypted(&place, &old);
        live(&engine, &session);
        let expected: Vec<_> = QUESTIONS.iter().map(|question| rows(&engine, &session, question)).collect();
        drop((session, engine));
        let both = format!("{old}{new}");
        let rotate = || {
            let mut command = portrait();
            command.env("PORTRAIT_KEY", &both).env_remove("PORTRAIT_KEY_FILE").arg("-d").arg(&place).arg("rotate-key");
            command
        };
        let (code, ..) = run(rotate().env("FAILPOINTS", format!("{step}=return")));
        assert_ne!(code, 0, "{step}");
        let (wraps, does_not) = if is_new { (&new, &old) } else { (&old, &new) };
        assert!(refused(with(&place, does_not)).contains("has no key"), "{step}");
        let (engine, session) = open(&place, wraps);
        for (question, expected) in QUESTIONS.iter().zip(&expected) {
            assert_eq!(rows(&engine, &session, question), *expected, "{step}: {question}");
        }
        assert!(engine.check().unwrap().findings.is_empty(), "{step}");
        drop((session, engine));
        let (code, out, errors) = run(&mut rotate());
        assert_eq!(code, 0, "{step}: {out}{errors}");
        let (engine, session) = open(&place, &new);
        assert_eq!(rows(&engine, &session, QUESTIONS[0]), expected[0], "{step}");
        assert_eq!(in_clear(folder.path()), Vec::<String>::new(), "{step}");
    }
}

/// A key service that never reveals its key: here, a script that rotates letters.
#[cfg(unix)]
#[test]
fn a_key_service_wraps_and_unwraps() {
    let folder = tempfile::tempdir().unwrap();
    let (place, script) = (folder.path().join("crm"), folder.path().join("kms"));
    std::fs::write(
        &script,
        "case $1 in wrap) printf '%s:' \"$2\"; tr A-Za-z N-ZA-Mn-za-m;; unwrap) cut -d: -f2 | tr A-Za-z N-ZA-Mn-za-m;; *) exit 2;; esac",
    )
    .unwrap();
    let command = format!("sh '{}'", script.display());
    let options = || EngineOptions { keys: Some(MasterKeys::of_service(&command)), ..with(&place, "") };
    assert!(refused(EngineOptions { encrypt: true, ..options() }).contains("name one with --key-id"));
    let (engine, session) = session_with(EngineOptions { encrypt: true, key_id: Some("crm".into()), ..options() });
    rows(&engine, &session, "CREATE TABLE t AS SELECT 7 AS a");
    drop((session, engine));
    let (engine, session) = session_with(options());
    assert_eq!(rows(&engine, &session, "SELECT a FROM t"), ["7"]);
    assert_eq!(engine.rotate_key(Some("crm-2")).unwrap(), "crm-2");
    drop((session, engine));
    let (engine, session) = session_with(options());
    assert_eq!(rows(&engine, &session, "SELECT a FROM t"), ["7"]);
    drop((session, engine));
    std::fs::write(&script, "exit 4").unwrap();
    let told = refused(options());
    assert!(told.contains("cannot be decrypted: the key service command: failed (exit status: 4)"), "{told}");
}

#[test]
fn what_is_spilled_is_encrypted() {
    for is_encrypted in some([true, false], 1) {
        let folder = tempfile::tempdir().unwrap();
        let (place, temporary) = (folder.path().join("crm"), folder.path().join("temporary"));
        std::fs::create_dir(&temporary).unwrap();
        let text = keys(&["a"]);
        let (engine, session) = session_with(EngineOptions {
            encrypt: is_encrypted,
            memory_limit: Some(24 << 20),
            temporary: Some(temporary.clone()),
            partitions: Some(2),
            ..with(&place, if is_encrypted { &text } else { "" })
        });
        let done = AtomicBool::new(false);
        let (spilled, shown) = std::thread::scope(|scope| {
            let looking = scope.spawn(|| {
                let (mut spilled, mut shown) = (false, false);
                while !done.load(Ordering::Relaxed) {
                    let found = std::panic::catch_unwind(|| files(&temporary)).unwrap_or_default();
                    spilled |= found.values().any(|bytes| bytes.len() > 1000);
                    shown |= found.values().any(|bytes| holds(bytes, PHONE));
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                (spilled, shown)
            });
            let sorted = try_rows(
                &engine,
                &session,
                &format!(
                    "SELECT count(*), max(phone) FROM (SELECT phone, row_number() OVER (ORDER BY phone DESC, k) AS n FROM
                        (SELECT '{PHONE}' || (value * 7919 % 400000) AS phone, value AS k FROM generate_series(1, 400000))) WHERE n > 0"
                ),
            );
            done.store(true, Ordering::Relaxed);
            assert_eq!(sorted.unwrap(), [format!("400000|{PHONE}99999")]);
            looking.join().unwrap()
        });
        assert!(spilled, "nothing was spilled; the test needs less memory");
        assert_eq!(shown, !is_encrypted);
    }
}

#[test]
fn keys_are_refused_in_sql() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = session_with(EngineOptions { base: Some(folder.path().to_path_buf()), ..EngineOptions::default() });
    let key = "30313233343536373839303132333435";
    for statement in [
        format!("COPY (SELECT 1 AS a) TO 'a.parquet' OPTIONS ('format.crypto.file_encryption.footer_key_as_hex' '{key}')"),
        format!("COPY (SELECT 1 AS a) TO 'a.parquet' OPTIONS ('CRYPTO.file_encryption.column_key_as_hex::a' '{key}')"),
        "COPY (SELECT 1 AS a) TO 'a.parquet' OPTIONS ('format.crypto.factory_id' 'portrait-data')".into(),
        format!(
            "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'a.parquet' OPTIONS ('format.crypto.file_decryption.footer_key_as_hex' '{key}')"
        ),
    ] {
        let told = try_rows(&engine, &session, &statement).unwrap_err();
        assert!(!told.contains(key) && told.contains("crypto options: cannot be given in SQL"), "{told}");
    }
    assert!(!folder.path().join("a.parquet").exists());
}

/// Bloom filters would be written in clear next to encrypted columns; a session setting does not enable them.
#[test]
fn files_have_no_bloom_filters() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("crm");
    let text = keys(&["a"]);
    let sizes: Vec<usize> = ["false", "true"]
        .map(|setting| {
            let (engine, session) = encrypted(&place, &text);
            rows(&engine, &session, &format!("SET datafusion.execution.parquet.bloom_filter_on_write = {setting}"));
            rows(&engine, &session, "CREATE OR REPLACE TABLE t AS SELECT value AS a FROM generate_series(1, 10000)");
            let name = rows(&engine, &session, "SELECT count(*) FROM t WHERE a = 77");
            assert_eq!(name, ["1"]);
            files(&place.join("data")).values().map(Vec::len).max().unwrap()
        })
        .to_vec();
    assert_eq!(sizes[0], sizes[1]);
}
