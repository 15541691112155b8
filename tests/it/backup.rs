//! A database is saved as one file while others write, and restored from it; archives that are damaged, crafted or unfinished.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use portraitdb::{Engine, EngineOptions, Session, message, restore};

use crate::support::{portrait, rows, run, session, session_with, try_rows};

fn open(directory: &Path) -> (Engine, Session) {
    session_with(EngineOptions { database: Some(directory.to_path_buf()), ..EngineOptions::default() })
}

const SHOP: &str =
    "CREATE TABLE orders AS SELECT value AS id, value % 10 AS customer, value * 1.5 AS amount FROM generate_series(1, 1000);
    CREATE VIEW large AS SELECT * FROM orders WHERE amount > 100;
    CREATE PROFILE customer WITH (key = 'customer') AS SELECT DISTINCT customer FROM orders;
    CREATE TAG spent ON customer AS SELECT customer, sum(amount) FROM orders GROUP BY customer;
    REFRESH PROFILE customer WITH (as_of = DATE '2025-06-30');
    INSERT INTO orders VALUES (1001, 3, 2.5);";

/// A database of a shop, and its archive.
fn saved() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = open(&folder.path().join("shop"));
    rows(&engine, &session, SHOP);
    let archive = folder.path().join("shop.backup");
    engine.back_up(&archive, &|_, _| true).unwrap();
    (folder, archive)
}

fn try_restore(archive: &Path, directory: &Path) -> Result<(), String> {
    restore(archive, directory, &|_, _| true).map(|_| ()).map_err(|error| message(&error))
}

/// The contents of a folder, including hidden files.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_database_comes_back_as_it_was() {
    let (folder, archive) = saved();
    let place = folder.path();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(archive.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    // An existing empty directory works as well.
    std::fs::create_dir(place.join("copy")).unwrap();
    try_restore(&archive, &place.join("copy")).unwrap();
    let (engine, session) = open(&place.join("shop"));
    let (copy, copied) = open(&place.join("copy"));
    for sql in [
        "SELECT count(*), sum(amount) FROM orders",
        "SELECT * FROM profile.customer ORDER BY customer",
        "SELECT count(*) FROM large",
        "SELECT kind, name, version, definition FROM system.versions ORDER BY 1, 2, 3",
        "SELECT count(*) FROM orders FOR SYSTEM_TIME AS OF TIMESTAMP '2100-01-01 00:00:00'",
    ] {
        assert_eq!(rows(&copy, &copied, sql), rows(&engine, &session, sql), "{sql}");
    }
    let checked = copy.check().unwrap();
    assert!(checked.findings.is_empty() && checked.files > 2, "{:?}", checked.findings);
    rows(&copy, &copied, "INSERT INTO orders VALUES (1, 1, 1); REFRESH PROFILE customer WITH (as_of = DATE '2025-07-01')");
    // It never replaces anything.
    let error = message(&engine.back_up(&archive, &|_, _| true).unwrap_err());
    assert!(error.contains("shop.backup: exists already"), "{error}");
    let error = try_restore(&archive, &place.join("copy")).unwrap_err();
    assert!(error.contains("copy: is a database already, and a restore replaces nothing; name a new directory"), "{error}");
    let error = try_restore(&archive, place).unwrap_err();
    assert!(error.contains("is not empty, and a restore replaces nothing"), "{error}");
    let error = try_restore(&archive, &archive).unwrap_err();
    assert!(error.contains("shop.backup: is a file, or leads through one"), "{error}");
    // Nor is it written where it would be lost with the database.
    for within in ["shop/a.backup", "shop/data/a.backup", "shop/new/a.backup", "copy/../shop/a.backup"] {
        let error = message(&engine.back_up(&place.join(within), &|_, _| true).unwrap_err());
        assert!(error.contains("is in the directory of the database"), "{within}: {error}");
    }
    assert_eq!(names(place), ["copy", "shop", "shop.backup"]);
    // tar reads it, too.
    if let Ok(listed) = std::process::Command::new("tar").arg("-tf").arg(&archive).output() {
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.starts_with("manifest.json\ncatalog.sqlite\ndata/"), "{listed}");
    }
}

#[test]
fn others_write_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let shop = folder.path().join("shop");
    let (engine, session) = open(&shop);
    rows(
        &engine,
        &session,
        "CREATE TABLE a AS SELECT 0 AS n; CREATE PROFILE p WITH (key = 'k', keep_snapshots = 1) AS SELECT value AS k FROM generate_series(1, 50)",
    );
    rows(&engine, &session, "CREATE TAG t ON p AS SELECT k, (SELECT max(n) FROM a) FROM profile.p");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let (engine, session) = open(&shop);
            let mut written = 0;
            while !done.load(Ordering::Relaxed) {
                written += 1;
                // Each refresh withdraws and collects files.
                rows(&engine, &session, &format!("INSERT INTO a VALUES ({written}); REFRESH PROFILE p; REFRESH PROFILE p"));
            }
            written
        });
        for number in 0..6 {
            let archive = folder.path().join(format!("{number}.backup"));
            engine.back_up(&archive, &|_, _| true).unwrap();
            let copy = folder.path().join(format!("copy{number}"));
            try_restore(&archive, &copy).unwrap();
            let (copy, copied) = open(&copy);
            assert_eq!(rows(&copy, &copied, "SELECT count(*) = max(n) + 1 FROM a"), ["true"]);
            assert!(copy.check().unwrap().findings.is_empty());
            if rows(&copy, &copied, "SELECT count(*) FROM system.runs WHERE status = 'succeeded'") != ["0"] {
                assert_eq!(rows(&copy, &copied, "SELECT count(*), count(DISTINCT t) <= 1 FROM profile.p"), ["50|true"]);
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0);
    });
}

#[test]
fn statements_save_and_are_cancelled() {
    let (folder, _) = saved();
    let (engine, session) = session_with(EngineOptions {
        database: Some(folder.path().join("shop")),
        base: Some(folder.path().to_path_buf()),
        ..EngineOptions::default()
    });
    rows(&engine, &session, "BACKUP DATABASE TO 'by statement.backup'");
    try_restore(&folder.path().join("by statement.backup"), &folder.path().join("copy")).unwrap();
    let error = message(&engine.back_up(&folder.path().join("never"), &|_, _| false).unwrap_err());
    assert!(error.contains("was cancelled"), "{error}");
    assert_eq!(names(folder.path()), ["by statement.backup", "copy", "shop", "shop.backup"]);
    let error = try_rows(&engine, &session, "BACKUP DATABASE TO 'nowhere/x'").unwrap_err();
    assert!(error.contains("does not exist; make it first"), "{error}");
    let error = try_rows(&engine, &session, "BACKUP DATABASE 'x'").unwrap_err();
    assert!(error.contains("TO"), "{error}");
    let (memory, session) = self::session();
    let error = try_rows(&memory, &session, &format!("BACKUP DATABASE TO '{}'", folder.path().join("m").display())).unwrap_err();
    assert!(error.contains("needs a database on disk"), "{error}");
}

#[test]
fn what_is_damaged_is_not_saved() {
    let (folder, _) = saved();
    let data = folder.path().join("shop/data");
    let file = data.join(&names(&data)[0]);
    let whole = std::fs::read(&file).unwrap();
    let (engine, _session) = open(&folder.path().join("shop"));
    let archive = folder.path().join("second.backup");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for (damage, said) in
        [(Some(flipped), "not the ones that were written"), (Some(whole[..100].to_vec()), "shorter"), (None, "No such file")]
    {
        match damage {
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let error = message(&engine.back_up(&archive, &|_, _| true).unwrap_err());
        assert!(
            error.contains(said) && error.contains(&names(&data).first().map_or(String::new(), |_| file.display().to_string())),
            "{error}"
        );
        assert!(!archive.exists() && names(folder.path()).len() == 2, "{:?}", names(folder.path()));
    }
}

/// Writes an archive with other bytes, and returns the output of restoring it.
fn crafted(folder: &Path, bytes: &[u8]) -> String {
    let archive = folder.join("crafted.backup");
    std::fs::write(&archive, bytes).unwrap();
    let before = names(folder);
    let error = try_restore(&archive, &folder.join("crafted")).unwrap_err();
    assert_eq!(names(folder), before, "nothing is left: {error}");
    error
}

/// Recomputes the checksum of an archive's header.
fn resum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

#[test]
fn a_damaged_or_crafted_archive_makes_nothing() {
    let (folder, archive) = saved();
    let place = folder.path();
    let whole = std::fs::read(&archive).unwrap();
    // Flips one bit in every kilobyte or so.
    for at in (0..whole.len()).step_by(whole.len() / 60).chain([whole.len() - 1]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        let is_padding = try_restore_of(place, &bytes);
        // Padding bytes, and header fields that this program does not read, change nothing.
        assert!(is_padding || !crafted(place, &bytes).is_empty(), "byte {at}");
    }
    for length in [0, 100, 512, 1024, whole.len() / 2, whole.len() - 1, whole.len() - 512] {
        crafted(place, &whole[..length]);
    }
    let mut longer = whole.clone();
    longer.extend([0; 512]);
    assert!(crafted(place, &longer).contains("gives another size"));

    // The entry of the catalog, which comes after the manifest.
    let size = |header: &[u8]| usize::from_str_radix(std::str::from_utf8(&header[124..135]).unwrap(), 8).unwrap();
    let catalog = 512 + size(&whole).next_multiple_of(512);
    let with = |change: &dyn Fn(&mut [u8])| {
        let mut bytes = whole.clone();
        change(&mut bytes[catalog..catalog + 512]);
        resum(&mut bytes[catalog..catalog + 512]);
        crafted(place, &bytes)
    };
    for name in ["../../escaped", "/tmp/escaped", "catalog.sqlite/../x", "CATALOG.SQLITE"] {
        let error = with(&|header| {
            header[..100].fill(0);
            header[..name.len()].copy_from_slice(name.as_bytes());
        });
        assert!(error.contains("where its manifest has catalog.sqlite"), "{error}");
    }
    for kind in [b'1', b'2', b'5', b'L', b'x'] {
        assert!(with(&|header| header[156] = kind).contains("not a regular file"));
    }
    assert!(with(&|header| header[124..135].copy_from_slice(b"77777777777")).contains("where its manifest has"));
    assert!(with(&|header| header[124] = 0xff).contains("is not a number"));

    // A manifest with other contents.
    let manifest = |change: &dyn Fn(String) -> String| {
        let text = String::from_utf8(whole[512..512 + size(&whole)].to_vec()).unwrap();
        let changed = change(text);
        let mut bytes = whole[..512].to_vec();
        bytes[124..135].copy_from_slice(format!("{:011o}", changed.len()).as_bytes());
        resum(&mut bytes);
        bytes.extend(changed.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes.extend(&whole[catalog..]);
        crafted(place, &bytes)
    };
    assert!(manifest(&|text| text.replace("data/", "../")).contains("which is not a file of a database"));
    assert!(manifest(&|text| text.replacen("catalog.sqlite", "locks/x", 1)).contains("which is not a file of a database"));
    assert!(manifest(&|text| text.replace("\"version\": 1", "\"version\": 2")).contains("newer Portrait"));
    assert!(manifest(&|text| text.replace("portrait backup", "something else")).contains("is not a backup"));
    assert!(manifest(&|_| "{}".into()).contains("its manifest cannot be read"));
    let error = manifest(&|text| text.replacen("\"bytes\": ", "\"bytes\": 9", 1));
    assert!(error.contains("gives another size"), "{error}");
    assert!(!place.join("../escaped").exists());
    assert!(try_restore(&place.join("none"), &place.join("crafted")).unwrap_err().contains("no such file"));
}

/// True if an archive with these bytes restores the same database.
fn try_restore_of(place: &Path, bytes: &[u8]) -> bool {
    let folder = tempfile::tempdir_in(place).unwrap();
    let archive = folder.path().join("x.backup");
    std::fs::write(&archive, bytes).unwrap();
    let copy = folder.path().join("copy");
    let is_restored = try_restore(&archive, &copy).is_ok();
    if is_restored {
        assert!(open(&copy).0.check().unwrap().findings.is_empty());
    }
    is_restored
}

/// Starts the program so that it waits at a place in its code.
fn waiting_at(place: &str, folder: &Path, arguments: &[&str]) -> Child {
    let mut command = portrait();
    command.current_dir(folder).env("FAILPOINTS", format!("{place}=sleep(60000)")).args(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn partial(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| name.ends_with(".partial")).collect()
}

/// A killed backup leaves no archive and a killed restore no database; the next one removes the hidden files that they leave.
#[cfg(unix)]
#[test]
fn killed_on_the_way() {
    let (folder, _) = saved();
    let place = folder.path();
    let save = ["-d", "shop", "backup", "second.backup"];
    let bring_back = ["restore", "shop.backup", "copy"];
    let steps: [(&str, &[&str], &str); 4] = [
        ("backup::file", &save, "second.backup"),
        ("backup::written", &save, "second.backup"),
        ("restore::file", &bring_back, "copy"),
        ("restore::unpacked", &bring_back, "copy"),
    ];
    for (step, arguments, made) in steps {
        let mut child = waiting_at(step, place, arguments);
        let began = Instant::now();
        while partial(place).is_empty() {
            assert!(began.elapsed() < Duration::from_secs(30), "{step}");
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(300));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!place.join(made).exists(), "{step}");
        assert_eq!(partial(place).len(), 1, "{step}");
        let (code, out, error) = run(portrait().current_dir(place).args(arguments));
        assert_eq!((code, error.as_str()), (0, ""), "{step}: {out}");
        assert_eq!(partial(place), Vec::<String>::new(), "{step}");
        let found = place.join(made);
        if found.is_dir() { std::fs::remove_dir_all(found).unwrap() } else { std::fs::remove_file(found).unwrap() }
    }
    // Ctrl-C leaves nothing at all.
    for (step, arguments, made) in [steps[0], steps[2]] {
        let child = waiting_at(step, place, arguments);
        let began = Instant::now();
        while partial(place).is_empty() {
            assert!(began.elapsed() < Duration::from_secs(30), "{step}");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(130), "{step}");
        assert!(!place.join(made).exists() && partial(place).is_empty(), "{step}: {:?}", names(place));
    }
}

#[test]
fn what_only_reads_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let program = |arguments: &[&str]| run(portrait().current_dir(folder.path()).args(arguments));
    for arguments in [vec!["check"], vec!["dump"], vec!["backup", "x.backup"]] {
        let given: Vec<&str> = ["-d", "sohp"].into_iter().chain(arguments.clone()).collect();
        let (code, _, error) = program(&given);
        assert!(code == 1 && error.contains(&format!("{}: there is no database in sohp", arguments[0])), "{error}");
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }
    let (code, _, error) = program(&["backup", "x.backup"]);
    assert!(code == 1 && error.contains("needs a database; add --database DIR"), "{error}");
    let (code, _, error) = program(&["-d", "shop", "-c", "SELECT 1"]);
    assert_eq!((code, error.as_str()), (0, "note: there was no database in shop; a new one was created\n"));
    let (code, _, error) = program(&["-d", "shop", "-c", "SELECT 1"]);
    assert_eq!((code, error.as_str()), (0, ""));
    // The database may stand after the command.
    let given: [&[&str]; 4] = [
        &["check", "shop"],
        &["backup", "shop", "TO", "a.backup"],
        &["backup", "shop", "b.backup"],
        &["restore", "a.backup", "copy"],
    ];
    for arguments in given {
        let (code, _, error) = program(arguments);
        assert_eq!((code, error.as_str()), (0, ""), "{arguments:?}");
    }
    assert_eq!(names(folder.path()), ["a.backup", "b.backup", "copy", "shop"]);
    let (code, _, error) = program(&["-d", "shop", "check", "copy"]);
    assert!(code == 1 && error.contains("check: --database names the database already; leave one out"), "{error}");
    let (code, _, error) = program(&["backup", "shop", "c.backup", "d.backup"]);
    assert!(code == 1 && error.contains("backup: names one database and one file: backup DIR TO ARCHIVE"), "{error}");
}
